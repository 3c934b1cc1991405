//! `perennial erase` and `perennial export`, on a suite that runs and on a file that nobody has open.

use std::path::Path;

use perennial_aws::clients::Clients;
use perennial_local::holdings::TABLES;
use perennial_local::store_file::{Opened, StoreFile};
use serde_json::{Value, json};

use super::{ADDRESS, canary, found};
use crate::faults::process::{Place, eventually};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../programs");
const LIST: &str = "Id,Email\n1,canary-7f3@birds.example\n2,other@example.com\n";
const MAP: &str = "form = \"contact\"\nlist = \"birds\"\nid = \"Id\"\n[fields]\nemail = \"Email\"\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_person_is_exported_and_erased_while_the_suite_runs_with_the_mails_in_its_mailbox() {
    let place = Place::new();
    let up = place.up_on(PROGRAMS).await;
    assert_eq!(up.post(&canary()).await.unwrap().status, 202);
    assert_eq!(up.post(&json!({ "email": "other@example.com", "first_name": "Oda" })).await.unwrap().status, 202);
    eventually("two mails", async || Some(up.letters().await).filter(|letters| letters.len() == 2)).await;

    let export = place.perennial(&["export", ADDRESS]).await;
    assert_eq!((export.status, export.error.as_str()), (Some(0), ""));
    let exported = json(&export.out);
    // Theirs, and what sales was told of them: at once, and with the digest, if its reader comes in only now.
    let letters_kept = exported["letters"].as_array().unwrap().len();
    assert!((2..=3).contains(&letters_kept), "{letters_kept}");
    assert!(exported["letters"][0]["mime"].as_str().unwrap().contains(ADDRESS));
    assert!(!export.out.contains("other@example.com"));
    let file = place.path("export.json");
    assert_eq!(place.perennial(&["export", ADDRESS, "--out", &file]).await.out, "");
    assert_eq!(json(&std::fs::read_to_string(&file).unwrap())["profile"], exported["profile"]);

    let id = exported["lead"].as_str().unwrap().to_owned();
    let erased = place.perennial(&["erase", ADDRESS]).await;
    assert_eq!((erased.status, erased.error.as_str()), (Some(0), ""));
    // A digest may have come in between.
    let is_told = |letters: usize| erased.out.contains(&format!(" history, 1 submission, {letters} letter;"));
    assert!((letters_kept..=3).any(is_told), "{}", erased.out);
    assert_eq!(found(&erased.out), [""; 0]);
    let letters = up.letters().await;
    assert_eq!((letters.len(), found(&json!(letters).to_string())), (1, vec![]), "the other person's is there");
    let left = place.perennial(&["export", "--id", &id]).await;
    assert_eq!(json(&left.out)["standing"]["stage"], "erased");
    assert_eq!(found(&left.out), [""; 0]);
    assert!(place.perennial(&["audit"]).await.out.ends_with("no lead is lost\n"));
    up.interrupt().await;
    assert_eq!(found(&place.said()), [""; 0]);

    assert_eq!(place.perennial(&["retain"]).await.out, "nothing was kept too long\n");

    // Nobody has the file open: the same again finds nothing to do, and a list cannot bring her back.
    let again = place.perennial(&["erase", "--id", &id]).await;
    assert!(again.out.starts_with("was erased before; nothing was left;"), "{}", again.out);
    let (list, map) = (place.path("birds.csv"), place.path("birds.toml"));
    std::fs::write(&list, LIST).unwrap();
    std::fs::write(&map, MAP).unwrap();
    let import = place.perennial(&["import", &list, "--map", &map]).await;
    assert!(import.out.contains("erased: 1"), "{}", import.out);
    assert_eq!(found(&import.out), [""; 0]);
    let rows = std::fs::read_to_string(place.path("birds.csv.result.csv")).unwrap();
    assert!(rows.contains("2,refused,\"the person asked to be erased"), "{rows}");
    assert_eq!(found(&rows), [""; 0]);
    let waterfall = place.waterfall().await;
    assert_eq!((&waterfall["refused"]["erased"], &waterfall["places"]["erased"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn every_table_of_a_store_file_is_in_the_list_of_what_is_kept() {
    let place = Place::new();
    let _up = place.up_on(PROGRAMS).await;
    let Opened::Held(holder) = StoreFile::open(Path::new(&place.path("perennial.db"))).await.unwrap() else {
        panic!("`up` has it open");
    };
    let tables = Clients::loopback(&holder.dynamodb).dynamodb().list_tables().send().await.unwrap();
    let mut there = tables.table_names.unwrap();
    there.sort();
    let mut listed: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    listed.sort_unstable();
    assert_eq!(there, listed, "what stands in a new table belongs into `perennial_local::holdings`");
}

#[tokio::test]
async fn whoever_is_not_known_is_said_to_be_so() {
    let place = Place::new();
    assert_eq!(place.perennial(&["push", PROGRAMS]).await.status, Some(0));
    for command in ["erase", "export"] {
        let said = place.perennial(&[command, "nobody@example.com"]).await;
        assert_eq!(said.status, Some(1), "{}{}", said.out, said.error);
        assert!((said.out + &said.error).contains("nobody is known"));
        let said = place.perennial(&[command, "not an address"]).await;
        assert_eq!(said.status, Some(2));
        assert!(!said.error.contains("not an address"), "{}", said.error);
        let said = place.perennial(&[command]).await;
        assert_eq!(said.status, Some(2));
    }
}
