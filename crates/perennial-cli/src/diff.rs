//! `perennial diff OLD NEW`: what changes from one state of the programs to another, step by step, and who stands
//! there.

mod compare;
mod print;
mod side;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::bail;
use perennial_app::census::Census;
use perennial_app::ports::Store;

use crate::access::{Access, StoreArgs};
use compare::Report;
use side::Side;

/// The store that is looked into where none is named, if it is there.
const STORE: &str = "perennial.db";

/// The directory that is held against the store where none is named.
const DIRECTORY: &str = "programs";

/// How a difference is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For tools: one JSON object.
    Json,
}

/// What to hold against what.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DiffArgs {
    /// OLD and NEW: each a directory of programs, the folder of one, or `name` or `name@version` in the store. With
    /// NEW alone (`programs` by default), OLD is what is in force in the store.
    #[arg(value_name = "OLD NEW", num_args = 0..=2)]
    sides: Vec<String>,
    /// A store file of this machine, to look up versions in and to count who stands where [default: perennial.db,
    /// if it is there].
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// A DynamoDB table instead, with the AWS credentials of the environment.
    #[arg(long, value_name = "NAME", conflicts_with = "store")]
    table: Option<String>,
    /// How to print what differs.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Prints what differs.
pub(crate) async fn run(args: &DiffArgs) -> anyhow::Result<()> {
    let access = match store_args(args) {
        Some(store) => Some(Access::open(&store).await?),
        None => None,
    };
    let report = report(&args.sides, access.as_ref().map(|access| access.store.as_ref())).await;
    if let Some(access) = access {
        access.close().await?;
    }
    let report = report?;
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        Format::Text => print::text(&report),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The store that is meant. A file that is not there is not made for a look.
fn store_args(args: &DiffArgs) -> Option<StoreArgs> {
    let store = args.store.clone().unwrap_or_else(|| STORE.into());
    let is_meant = args.store.is_some() || args.table.is_some() || Path::new(STORE).exists();
    is_meant.then(|| StoreArgs { store, table: args.table.clone() })
}

async fn report(sides: &[String], store: Option<&dyn Store>) -> anyhow::Result<Report> {
    let (old, new) = match (sides, store) {
        ([old, new], _) => (Side::named(old, store).await?, Side::named(new, store).await?),
        (_, None) => bail!("there is no store to hold it against: name OLD and NEW, or a store"),
        (new, Some(in_force)) => {
            let new = new.first().map_or(DIRECTORY, String::as_str);
            (Side::in_force(in_force).await?, Side::named(new, store).await?)
        }
    };
    let census = match store {
        Some(store) => Some(Census::take(store).await?),
        None => None,
    };
    compare::diff(&old, &new, census.as_ref())
}

#[cfg(test)]
mod tests {
    use perennial_app::memory::MemoryStore;
    use perennial_app::push::{Push, push};
    use perennial_core::loader::SourceFile;
    use perennial_core::testing;
    use std::collections::BTreeSet;
    use std::fs;
    use tempfile::TempDir;

    use super::*;

    /// The catalog for tests, in a directory.
    fn directory(files: &[SourceFile]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for SourceFile { path, text } in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    /// A welcome with a step less, one more, one elsewhere, one that changed in its file, and one in its mail.
    fn edited() -> Vec<SourceFile> {
        let welcome = "title = \"Hello\"\nthen = \"nurture\"\nhorizon = \"90d\"\n\n\
            [[step]]\nid = \"link\"\nkind = \"email\"\nafter = \"1d\"\n\n\
            [[step]]\nid = \"response\"\nkind = \"email\"\nafter = \"2d\"\n\n\
            [[step]]\nid = \"look-back\"\nkind = \"wait\"\nafter = \"3d\"\n";
        let mut files = testing::files();
        for file in &mut files {
            match file.path.as_str() {
                "welcome/program.toml" => file.text = welcome.to_owned(),
                "welcome/touches/link.md" => file.text = file.text.replace("Does it help?", "Did it help?"),
                "catalog.toml" => file.text = file.text.replace("spacing = \"20h\"", "spacing = \"30h\""),
                _ => {}
            }
        }
        files
    }

    async fn store() -> MemoryStore {
        let store = MemoryStore::default();
        let to_push = Push { files: &testing::files(), retired: &BTreeSet::new(), now: jiff::Timestamp::UNIX_EPOCH };
        push(&store, &to_push).await.unwrap();
        store
    }

    async fn printed(sides: &[&str], store: Option<&dyn Store>) -> String {
        let sides: Vec<String> = sides.iter().map(|side| (*side).to_owned()).collect();
        match report(&sides, store).await {
            Ok(report) => print::text(&report),
            Err(error) => format!("{error:#}\n"),
        }
    }

    #[tokio::test]
    async fn what_changes_is_told_step_by_step() {
        let (store, edited) = (store().await, directory(&edited()));
        let sides = [edited.path().to_str().unwrap()];
        insta::assert_snapshot!(printed(&sides, Some(&store)).await, @r#"
        welcome  1b3a686a0c28 → 2032216f9821
          horizon: not there → "90d"
          title: "Welcome" → "Hello"
        > link                    now first
            link.md
              - have a look at [this guide]({{ facts.guide_url }}). Does it help?
              + have a look at [this guide]({{ facts.guide_url }}). Did it help?
        ~ response
            after: "0m" → "2d"
            class: "response" → not there
        - first-call
        + look-back               after response

        catalog.toml: in force for everybody at once

            [cap]
          - spacing = "20h"
          + spacing = "30h"
            weekly_max = 3
        "#);
    }

    #[tokio::test]
    async fn the_same_is_told_to_tools() {
        let store = store().await;
        let folder = directory(&edited());
        let sides = ["welcome".to_owned(), folder.path().join("welcome").to_str().unwrap().to_owned()];
        let mut report = report(&sides, Some(&store)).await.unwrap();
        report.new = "welcome".to_owned();
        insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
        {
          "old": "welcome@1b3a686a0c28",
          "new": "welcome",
          "programs": [
            {
              "program": "welcome",
              "old": "1b3a686a0c28",
              "new": "2032216f9821",
              "leads": 0,
              "keys": [
                {
                  "key": "horizon",
                  "new": "\"90d\""
                },
                {
                  "key": "title",
                  "old": "\"Welcome\"",
                  "new": "\"Hello\""
                }
              ],
              "steps": [
                {
                  "step": "link",
                  "change": "moved",
                  "leads": 0,
                  "mails": [
                    {
                      "template": "link",
                      "lines": [
                        {
                          "sign": "-",
                          "text": "have a look at [this guide]({{ facts.guide_url }}). Does it help?"
                        },
                        {
                          "sign": "+",
                          "text": "have a look at [this guide]({{ facts.guide_url }}). Did it help?"
                        }
                      ]
                    }
                  ]
                },
                {
                  "step": "response",
                  "change": "changed",
                  "leads": 0,
                  "keys": [
                    {
                      "key": "after",
                      "old": "\"0m\"",
                      "new": "\"2d\""
                    },
                    {
                      "key": "class",
                      "old": "\"response\""
                    }
                  ]
                },
                {
                  "step": "first-call",
                  "change": "removed",
                  "after": "response",
                  "leads": 0
                },
                {
                  "step": "look-back",
                  "change": "added",
                  "after": "response"
                }
              ]
            }
          ]
        }
        "#);
    }

    #[tokio::test]
    async fn two_directories_need_no_store_and_no_program_that_checks() {
        let mut broken = testing::files();
        for file in broken.iter_mut().filter(|file| file.path == "welcome/program.toml") {
            file.text = file.text.replace("due_in = \"2d\"", "due_inn = \"3d\"");
        }
        let (old, new) = (directory(&testing::files()), directory(&broken));
        let sides = [old.path().to_str().unwrap(), new.path().to_str().unwrap()];
        let text = printed(&sides, None).await;
        let (_, steps) = text.split_once('\n').unwrap();
        insta::assert_snapshot!(steps, @r#"
        ~ first-call
            due_in: "2d" → not there
            due_inn: not there → "3d"
        "#);
        assert!(printed(&[sides[0], sides[0]], None).await.starts_with("nothing differs"));
    }

    #[tokio::test]
    async fn what_is_not_there_is_named() {
        let store = store().await;
        let empty = tempfile::tempdir().unwrap();
        let empty = empty.path().to_str().unwrap();
        assert_eq!(printed(&["nurture", "welcome"], Some(&store)).await, "no program `nurture` is in force\n");
        assert_eq!(
            printed(&["welcome@ffffffffffff", "welcome"], Some(&store)).await,
            "welcome@ffffffffffff was never published here\n"
        );
        assert_eq!(
            printed(&["welcome", "welcome"], None).await,
            "welcome is no directory, and there is no store to look it up in\n"
        );
        assert_eq!(printed(&["welcome@1", "welcome"], Some(&store)).await, "a version is 12 digits of 0-9 and a-f\n");
        assert!(printed(&[empty, "welcome"], Some(&store)).await.contains("holds neither"));
        assert_eq!(
            printed(&[empty], None).await,
            "there is no store to hold it against: name OLD and NEW, or a store\n"
        );
    }
}
