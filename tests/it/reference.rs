//! The reference in `docs/` and the JSON Schemas: what the code says of itself, held against the files.
//!
//! `PERENNIAL_BLESS=1 cargo test -p perennial-tests reference` writes them anew.

mod examples;
mod format;
mod schemas;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use perennial_core::diagnostic::page::Section;
use perennial_core::diagnostic::{Code, Diagnostic};

use crate::cases::Files;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Holds a file of the repository against what it should be, or writes it if it is to be blessed.
#[track_caller]
fn compare(path: &str, expected: &str) {
    let file = root().join(path);
    if env::var_os("PERENNIAL_BLESS").is_some() {
        fs::create_dir_all(file.parent().expect("it lies in a directory")).expect("the directory is made");
        fs::write(&file, expected).expect("the file is written");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let line = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    let line = line.unwrap_or_else(|| found.lines().count().min(expected.lines().count())) + 1;
    assert!(
        found == expected,
        "{path}:{line} is not what the code says: PERENNIAL_BLESS=1 cargo test -p perennial-tests reference"
    );
}

#[test]
fn each_page_shows_what_is_wrong_and_what_is_right() {
    let mut problems = Vec::new();
    for code in Code::ALL {
        let page = code.page();
        let found = |sections: &[Section<'_>]| Files::changed(sections).check();
        let wrong = found(&page.wrong);
        if !wrong.iter().any(|diagnostic| diagnostic.code == *code) {
            problems.push(format!("{code}: the wrong example gives {}", listed(&wrong)));
        }
        let right = found(&page.right);
        if !right.is_empty() {
            problems.push(format!("{code}: the right example gives {}", listed(&right)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn listed(found: &[Diagnostic]) -> String {
    if found.is_empty() {
        "nothing".to_owned()
    } else {
        found.iter().map(|one| format!("\n    {one}")).collect::<Vec<_>>().concat()
    }
}

#[test]
fn the_reference_lists_every_code() {
    compare("docs/reference/codes.md", &codes());
}

const CODES_HEAD: &str = "\
# What `perennial check` finds

Each finding has a code that never changes its meaning. `perennial check --explain P029` shows the page of a code in
the terminal. The examples below are real: a test checks each of them, in a small catalog of a welcome program, a
nurture program, one for leads that sales gave back, and one that never ends.

<!-- Written by a test from crates/perennial-core/src/diagnostic: see CONTRIBUTING.md. -->
";

fn codes() -> String {
    let mut text = format!("{CODES_HEAD}\n");
    for code in Code::ALL {
        let (first, _) = code.explanation().split_once(". ").unwrap_or((code.explanation().trim_end_matches('.'), ""));
        let item = format!("- [{code}](#{}) {first}.", code.as_str().to_lowercase());
        writeln!(text, "{}", wrapped(&item, "  ")).unwrap();
    }
    for code in Code::ALL {
        let page = code.page();
        write!(text, "\n## {code}\n\n{}\n\n{}\n", filled(code.explanation()), page.mending).unwrap();
        for (word, sections) in [("Wrong", &page.wrong), ("Right", &page.right)] {
            for section in sections {
                let place = section.place();
                write!(text, "\n{word}, {place}:\n\n```{}\n{}```\n", language(section.head), section.text).unwrap();
            }
        }
    }
    text
}

fn language(head: &str) -> &str {
    if head.strip_suffix(".md").is_some() { "markdown" } else { "toml" }
}

/// The longest line of a paragraph in our documents, in characters.
const WIDTH: usize = 116;

/// A paragraph in lines.
fn filled(paragraph: &str) -> String {
    wrapped(paragraph, "")
}

/// A paragraph in lines, each but the first after `indent`.
fn wrapped(paragraph: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let last = lines.last_mut().expect("there is a line");
        if last.is_empty() || last == indent {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= WIDTH {
            write!(last, " {word}").unwrap();
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.join("\n")
}
