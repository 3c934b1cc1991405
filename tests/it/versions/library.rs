//! Who sees a release, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use perennial_app::library::{LOOK_EVERY, Library, LibraryError};
use perennial_app::memory::{Calls, Counting, MemoryStore};
use perennial_app::ports::{Release, RosterRecord, Store, StoreError};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::{DynamoStore, table};
use perennial_core::catalog::{Catalog, Sender};
use perennial_core::ids::{RepName, TeamName};
use perennial_core::program::ProgramVersion;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team};
use perennial_core::testing;
use perennial_local::store_file::StoreFile;

use super::{Deployment, name, with};
use crate::scenarios::world::berlin;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

#[tokio::test]
async fn before_the_first_push_there_are_no_programs_and_after_it_there_are_without_a_restart() {
    let deployment = Deployment::on(MemoryStore::default());
    let error = deployment.library.catalog().await.unwrap_err();
    assert_eq!(error.to_string(), "no programs are published: run `perennial push`");
    deployment.plan(&testing::files(), &[]).await.unwrap().publish(deployment.store.as_ref()).await.unwrap();
    assert_eq!(deployment.catalog().await.programs.len(), 2);
}

#[tokio::test]
async fn whoever_looks_while_others_do_sees_the_first_release_too() {
    let file = StoreFile::memory().unwrap();
    let client = Clients::loopback(file.dynamodb()).dynamodb();
    table::create(&client, "leads").await.unwrap();
    let deployment = Deployment::on(DynamoStore::new(client, "leads"));
    deployment.push(&testing::files()).await.unwrap();
    for _ in 0..20 {
        let store: Arc<dyn Store> = deployment.store.clone();
        let library = Library::looking_every(store, deployment.wall_clock.clone(), LOOK_EVERY);
        let (one, two, three, four) =
            tokio::join!(library.catalog(), library.catalog(), library.catalog(), library.catalog());
        for seen in [one, two, three, four] {
            assert_eq!(seen.unwrap().programs.len(), 2);
        }
    }
}

#[tokio::test]
async fn a_release_is_seen_within_a_minute_and_asked_for_once_in_half_of_one() {
    let deployment = Deployment::on(Counting::new(MemoryStore::default()));
    deployment.push(&testing::files()).await.unwrap();
    let first = deployment.catalog().await;
    let plan = deployment.plan(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\""), &[]).await.unwrap();
    plan.publish(deployment.store.as_ref()).await.unwrap();

    deployment.store.take();
    deployment.wall_clock.advance(LOOK_EVERY - SECOND);
    for _ in 0..100 {
        assert!(Arc::ptr_eq(&deployment.catalog().await, &first));
    }
    assert_eq!(deployment.store.take(), Calls::default());
    deployment.wall_clock.advance(SECOND);
    for _ in 0..100 {
        assert_eq!(deployment.catalog().await.programs[&name("welcome")].title, "Hello");
    }
    // Two programs in force, and the welcome as it was.
    assert_eq!(deployment.store.take(), Calls { release: 1, roster: 1, catalog: 1, program: 3, ..Calls::default() });
    deployment.wall_clock.advance(LOOK_EVERY);
    deployment.catalog().await;
    assert_eq!(
        deployment.store.take(),
        Calls { release: 1, roster: 1, ..Calls::default() },
        "nothing else is read for nothing new"
    );
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_nobody_from_looking() {
    let deployment = Deployment::of(&testing::files()).await;
    deployment.catalog().await;
    deployment.push(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\"")).await.unwrap();
    deployment.wall_clock.advance(SignedDuration::from_hours(-1));
    assert_eq!(deployment.catalog().await.programs[&name("welcome")].title, "Hello");
}

/// A release that names what is not there.
async fn release_what_is_not_there(store: &dyn Store) {
    let current = store.release().await.unwrap().unwrap();
    let programs = BTreeMap::from([(name("welcome"), ProgramVersion("ffffffffffff".to_owned()))]);
    let next = Release { rev: current.rev + 1, programs, ..current.clone() };
    assert!(store.set_release(&next, Some(current.rev)).await.unwrap());
}

#[tokio::test]
async fn a_release_that_cannot_be_read_leaves_the_one_before_it_in_force_and_is_tried_once() {
    let deployment = Deployment::on(Counting::new(MemoryStore::default()));
    deployment.push(&testing::files()).await.unwrap();
    let first = deployment.catalog().await;
    release_what_is_not_there(deployment.store.as_ref()).await;

    deployment.wall_clock.advance(LOOK_EVERY);
    deployment.store.take();
    assert!(Arc::ptr_eq(&deployment.catalog().await, &first));
    assert_eq!(deployment.store.take().program, 1);
    deployment.wall_clock.advance(LOOK_EVERY);
    assert!(Arc::ptr_eq(&deployment.catalog().await, &first));
    assert_eq!(deployment.store.take(), Calls { release: 1, roster: 1, ..Calls::default() });

    // The next good one is in force as any other.
    deployment.push(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\"")).await.unwrap();
    assert_eq!(deployment.catalog().await.programs[&name("welcome")].title, "Hello");
}

/// A roster of one rep.
fn roster(rev: u64, rep: &str) -> RosterRecord {
    let team = TeamName::parse("inside-sales").unwrap();
    let sender = Sender { name: rep.to_owned(), address: format!("{rep}@perennial.example") };
    let status = RepStatus::Active;
    let one = Rep { sender, team: team.clone(), status, hours: None, open_max: None };
    let catalog = testing::catalog();
    let hours = OfficeHours::of_window(&catalog.window, &catalog.default_zone);
    let roster = Roster {
        reps: BTreeMap::from([(RepName::parse(rep).unwrap(), one)]),
        teams: BTreeMap::from([(team, Team { manager: None, hours })]),
    };
    RosterRecord { rev, at: berlin("2026-03-02 10:00"), roster }
}

fn sells(catalog: &Catalog) -> Vec<&str> {
    catalog.roster.reps.keys().map(RepName::as_str).collect()
}

#[tokio::test]
async fn who_sells_is_seen_as_soon_as_a_release_is_and_costs_no_more_reading() {
    let deployment = Deployment::on(Counting::new(MemoryStore::default()));
    deployment.push(&testing::files()).await.unwrap();
    assert_eq!(sells(&*deployment.catalog().await), [""; 0], "nobody was named yet");
    assert!(deployment.store.set_roster(&roster(1, "robin"), None).await.unwrap());
    deployment.wall_clock.advance(LOOK_EVERY - SECOND);
    assert_eq!(sells(&*deployment.catalog().await), [""; 0]);
    deployment.wall_clock.advance(SECOND);
    deployment.store.take();
    let before = deployment.catalog().await;
    assert_eq!(sells(&before), ["robin"]);
    assert_eq!(deployment.store.take(), Calls { release: 1, roster: 1, ..Calls::default() });

    // With the next release, too; and whoever has begun with one roster ends with it.
    deployment.push(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\"")).await.unwrap();
    assert!(deployment.store.set_roster(&roster(2, "sam"), Some(1)).await.unwrap());
    deployment.wall_clock.advance(LOOK_EVERY);
    let after = deployment.catalog().await;
    assert_eq!((sells(&after), after.programs[&name("welcome")].title.as_str()), (vec!["sam"], "Hello"));
    assert_eq!(sells(&before), ["robin"]);
}

#[tokio::test]
async fn a_release_that_cannot_be_read_keeps_nobody_from_seeing_who_sells() {
    let deployment = Deployment::of(&testing::files()).await;
    deployment.catalog().await;
    release_what_is_not_there(deployment.store.as_ref()).await;
    assert!(deployment.store.set_roster(&roster(1, "robin"), None).await.unwrap());
    for _ in 0..2 {
        deployment.wall_clock.advance(LOOK_EVERY);
        deployment.catalog().await;
    }
    assert_eq!(sells(&*deployment.catalog().await), ["robin"]);
}

#[tokio::test]
async fn a_roster_that_cannot_be_read_leaves_the_one_before_it_in_force() {
    let file = StoreFile::memory().unwrap();
    let client = Clients::loopback(file.dynamodb()).dynamodb();
    table::create(&client, "perennial").await.unwrap();
    let deployment = Deployment::on(DynamoStore::new(client.clone(), "perennial"));
    deployment.push(&testing::files()).await.unwrap();
    assert!(deployment.store.set_roster(&roster(1, "robin"), None).await.unwrap());
    deployment.catalog().await;

    // The next one is of a build that is newer than this: version 2.
    assert!(deployment.store.set_roster(&roster(2, "sam"), Some(1)).await.unwrap());
    let items = client.scan().table_name("perennial").send().await.unwrap().items.unwrap();
    let mut item = items.into_iter().find(|item| item["SK"].as_s().is_ok_and(|sort| sort == "ROSTER")).unwrap();
    item.insert("v".to_owned(), item["rev"].clone());
    client.put_item().table_name("perennial").set_item(Some(item)).send().await.unwrap();
    deployment.wall_clock.advance(LOOK_EVERY);
    assert_eq!(sells(&*deployment.catalog().await), ["robin"]);
    // Nor does it keep a release from being in force.
    deployment.push(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\"")).await.unwrap();
    let catalog = deployment.catalog().await;
    assert_eq!((sells(&catalog), catalog.programs[&name("welcome")].title.as_str()), (vec!["robin"], "Hello"));
    // Somebody who starts with it decides nothing by a roster that may name others.
    let fresh = Library::released(deployment.store.clone(), deployment.wall_clock.clone());
    let error = fresh.catalog().await.unwrap_err();
    assert!(matches!(error, LibraryError::Store(StoreError::Corrupt { .. })), "{error}");
}

#[tokio::test]
async fn a_process_that_starts_on_a_release_that_cannot_be_read_says_so() {
    let deployment = Deployment::of(&testing::files()).await;
    release_what_is_not_there(deployment.store.as_ref()).await;
    let error = deployment.library.catalog().await.unwrap_err();
    assert!(matches!(error, LibraryError::Missing { rev: 2, .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_what_its_version_says_is_not_used() {
    let deployment = Deployment::of(&testing::files()).await;
    let current = deployment.store.release().await.unwrap().unwrap();
    let mut program =
        deployment.store.program(&name("welcome"), &current.programs[&name("welcome")]).await.unwrap().unwrap();
    program.version = ProgramVersion("ffffffffffff".to_owned());
    deployment.store.put_program(&program).await.unwrap();
    let mut next = Release { rev: 2, ..current };
    next.programs.insert(name("welcome"), program.version);
    assert!(deployment.store.set_release(&next, Some(1)).await.unwrap());
    let error = deployment.library.catalog().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "release 2 is not usable: welcome is not the version ffffffffffff that was published"
    );
}
