//! `perennial reps` and `perennial lead`, as a person types them, and what `up` does with a file of reps.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::faults::process::{Place, eventually};

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn example() -> String {
    fs::read_to_string(repository().join("docs/examples/reps.toml")).unwrap()
}

#[tokio::test]
async fn reps_are_put_in_force_listed_and_handed_over_by_command() {
    let place = Place::new();
    let file = place.path("reps.toml");
    // Before the programs, too. Everything that is wrong is said at once, and nothing of it is in force.
    fs::write(&file, example().replace("team = \"field\"", "team = \"feild\"").replace("30", "0")).unwrap();
    let wrong = place.perennial(&["reps", "apply", &file]).await;
    assert_eq!((wrong.status, wrong.out.as_str()), (Some(1), ""));
    for said in ["P005", "P009", "did you mean `field`?", "reps.toml"] {
        assert!(wrong.error.contains(said), "{said}: {}", wrong.error);
    }
    let none = place.perennial(&["reps"]).await;
    assert_eq!(none.out, "nobody sells yet: queues own every lead (`perennial reps apply FILE`)\n", "{}", none.error);
    fs::write(&file, example()).unwrap();
    let dry = place.perennial(&["reps", "apply", &file, "--dry-run"]).await;
    let made = place.perennial(&["reps", "apply", &file]).await;
    assert_eq!((made.status, &made.out), (Some(0), &dry.out), "{}", made.error);
    assert!(made.out.starts_with("  team field: new\n") && made.out.contains("\n  sam-poe: new\n"), "{}", made.out);
    let same = place.perennial(&["reps", "apply", &file]).await;
    assert_eq!(same.out, "nothing to change: the file says what is in force\n");

    let up = place.up_on(repository().join("programs").to_str().unwrap()).await;
    up.post(&json!({ "email": "ada@example.com", "phone": "+49301234567" })).await.unwrap();
    let list = eventually("a rep has the lead", async || {
        let list = place.perennial(&["reps", "--json"]).await;
        let reps: serde_json::Value = serde_json::from_str(&list.out).unwrap();
        let owner = reps.as_array().unwrap().iter().find(|rep| rep["owned"] == 1)?;
        Some(owner["rep"].as_str().unwrap().to_owned())
    })
    .await;
    let tasks = place.perennial(&["tasks", "--owner", &list]).await;
    let [line] = tasks.out.lines().collect::<Vec<_>>().try_into().unwrap();
    assert!(line.starts_with(&format!("rep {list}")) && line.ends_with("call"), "{line}");
    assert!(!line.contains("ada@") && !line.contains("1234567"), "it says nothing of the person");
    let others = place.perennial(&["tasks", "--owner", "sdr"]).await;
    assert_eq!(others.out, "nothing waits for anybody\n", "{}", others.error);
    assert_eq!(place.perennial(&["tasks", "--owner", "nobody"]).await.status, Some(2));
    let all: serde_json::Value = serde_json::from_str(&place.perennial(&["tasks", "--json"]).await.out).unwrap();
    assert_eq!((&all[0]["what"], &all[0]["is_overdue"]), (&json!("call"), &json!(false)));
    assert_eq!(place.perennial(&["reps", "away", &list]).await.out, format!("{list} is away: they keep theirs\n"));
    // The file does not say, so that it is not forgotten.
    assert_eq!(place.perennial(&["reps", "apply", &file]).await.out, same.out);
    let whole = example();
    let gone = whole.split("\n\n").filter(|part| !part.starts_with(&format!("[reps.{list}]"))).collect::<Vec<_>>();
    let gone = gone.join("\n\n").replace("manager = \"mika-stone\"", "");
    fs::write(&file, gone).unwrap();
    let refused = place.perennial(&["reps", "apply", &file]).await;
    assert_eq!(refused.status, Some(2));
    assert!(refused.error.contains(&format!("{list} still owns leads")), "{}", refused.error);

    let left = place.perennial(&["reps", "deactivate", &list]).await;
    assert_eq!(left.status, Some(0), "{}", left.error);
    assert!(left.out.starts_with(&format!("{list} has left; 1 lead handed on\n")), "{}", left.out);
    let again = place.perennial(&["reps", "deactivate", &list]).await;
    assert_eq!(again.out, format!("{list} has left; 0 leads handed on\n"));
    assert_eq!(place.perennial(&["reps", "apply", &file]).await.status, Some(0), "nothing is theirs any more");
    assert_eq!(place.perennial(&["reps", "deactivate", "nobody"]).await.status, Some(2));
    up.interrupt().await;
}

#[tokio::test]
async fn up_puts_the_reps_beside_its_programs_in_force_and_follows_the_file() {
    let place = Place::new();
    let programs = place.path("programs");
    for file in perennial_app::programs::read(&repository().join("programs")).unwrap() {
        let path = Path::new(&programs).join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.text).unwrap();
    }
    let file = Path::new(&programs).join("reps.toml");
    fs::write(&file, example()).unwrap();
    let up = place.up_on(&programs).await;
    let listed = async |what: &'static str| {
        eventually(what, async || {
            let list = place.perennial(&["reps"]).await.out;
            list.contains(what).then_some(list)
        })
        .await
    };
    listed("robin-vale").await;
    fs::write(&file, example().replace("reps.robin-vale", "reps.robin-two")).unwrap();
    let list = listed("robin-two").await;
    assert!(!list.contains("robin-vale"), "{list}");
    up.interrupt().await;
}

#[tokio::test]
async fn a_lead_is_given_to_a_rep_or_a_queue_by_hand() {
    let place = Place::new();
    let (list, map) = (place.path("list.csv"), place.path("map.toml"));
    fs::write(&list, "Id,Email\n1,ada@example.com\n").unwrap();
    fs::write(&map, "form = \"list\"\nlist = \"fair\"\nid = \"Id\"\n[fields]\nemail = \"Email\"\n").unwrap();
    let programs = repository().join("programs");
    let import = ["import", &list, "--map", &map, "--programs", programs.to_str().unwrap()];
    assert_eq!(place.perennial(&import).await.status, Some(0));
    let reps = repository().join("docs/examples/reps.toml");
    assert_eq!(place.perennial(&["reps", "apply", reps.to_str().unwrap()]).await.status, Some(0));
    let export = place.perennial(&["export", "ada@example.com"]).await;
    let export: serde_json::Value = serde_json::from_str(&export.out).unwrap();
    let lead = export["lead"].as_str().unwrap();
    let hand = async |to: &str| {
        let said = place.perennial(&["lead", "hand", lead, "--to", to]).await;
        (said.status, said.out)
    };
    assert_eq!(hand("kim-ash").await, (Some(0), "kim-ash has it now\n".to_owned()));
    assert!(
        place.perennial(&["reps"]).await.out.lines().any(|line| line.starts_with("kim-ash") && line.ends_with('1'))
    );
    assert_eq!(hand("marketing").await, (Some(0), "marketing has it now\n".to_owned()));
    assert_eq!(hand("nobody").await.0, Some(1));
    let audit = place.perennial(&["audit"]).await;
    assert_eq!(audit.status, Some(0), "{}{}", audit.out, audit.error);
}
