//! What a touch may cost (ARCHITECTURE.md, "The store"): one mark, one commit, one mail.

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial_app::memory::{Calls, Counting};
use perennial_app::ports::PULSE_SHARDS;
use perennial_aws::dynamo::DynamoStore;
use perennial_core::catalog::{Catalog, Route, Sender};
use perennial_core::ids::{RepName, RouteName, TeamName};
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team};
use perennial_core::submission::Permission;
use serde_json::json;

use crate::scenarios::world::{
    SES_SAMPLES, World, berlin, read, ses_event, sns_body, sqs_batch, unsubscribe_post, unsubscribe_token,
};

/// The suite on a store that counts, and the count.
async fn world() -> (World, Arc<Counting<DynamoStore>>) {
    world_of(perennial_core::testing::catalog()).await
}

async fn world_of(catalog: Catalog) -> (World, Arc<Counting<DynamoStore>>) {
    let mut counting = None;
    let world = World::with(catalog, "2026-03-02 10:00", |ports, store| {
        let counted = Arc::new(Counting::new(store.clone()));
        ports.store = counted.clone();
        counting = Some(counted);
    })
    .await;
    (world, counting.unwrap())
}

#[tokio::test]
async fn a_form_post_is_one_read_and_one_commit() {
    let (world, counting) = world().await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(counting.take(), Calls { load: 1, commit: 1, ..Calls::default() });
}

/// The same with a team that gets what comes in.
fn with_team(reps: &[&str]) -> Catalog {
    let mut catalog = perennial_core::testing::catalog();
    let (team, inbox) = (TeamName::parse("inside-sales").unwrap(), RouteName::parse("inbox").unwrap());
    let hours = OfficeHours::of_window(&catalog.window, &catalog.default_zone);
    let rep = |name: &&str| {
        let sender = Sender { name: (*name).to_owned(), address: format!("{name}@perennial.example") };
        let rep = Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None };
        (RepName::parse(name).unwrap(), rep)
    };
    catalog.roster = Arc::new(Roster {
        reps: reps.iter().map(rep).collect(),
        teams: BTreeMap::from([(team.clone(), Team { manager: None, hours })]),
    });
    let queue = catalog.default_queue.clone();
    catalog.routes.insert(inbox.clone(), Route { team: Some(team), queue });
    catalog.handover.entry = Some(inbox);
    catalog
}

#[tokio::test]
async fn to_give_a_lead_to_one_of_several_reps_costs_a_look_at_what_waits_for_them_and_nothing_else_does() {
    let (world, counting) = world_of(with_team(&["robin", "sam"])).await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(counting.take(), Calls { load: 1, loads: 1, commit: 1, ..Calls::default() });
    world.deliver().await;
    assert_eq!(counting.take().loads, 0, "it has a rep");
    let (world, counting) = world_of(with_team(&["robin"])).await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(counting.take(), Calls { load: 1, commit: 1, ..Calls::default() }, "there is no choice");
}

#[tokio::test]
async fn an_evaluation_is_one_read_and_one_commit_and_a_doubled_event_is_one_read() {
    let (world, counting) = world_of(with_team(&["robin"])).await;
    // Whoever posts this form raises a hand.
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    let look = || {
        let event = read(&crate::scenarios::world::sample("evaluation-due.json"));
        evaluate_requalification::handle(Arc::clone(&world.functions.evaluate), event)
    };
    counting.take();
    assert_eq!(look().await.unwrap(), evaluate_requalification::Summary::Ready);
    assert_eq!(counting.take(), Calls { load: 1, commit: 1, ..Calls::default() });
    assert_eq!(look().await.unwrap(), evaluate_requalification::Summary::Known);
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
}

#[tokio::test]
async fn the_first_mail_is_one_mark_and_one_commit() {
    let (world, counting) = world().await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    counting.take();
    // The nudge. The call step that is due with the mail is settled in the same commit. Beside it, it is looked at whether
    // whoever raised a hand is ready: one more read and commit.
    world.deliver().await;
    assert_eq!(world.mailer.handed_over().len(), 1);
    let calls = counting.take();
    assert_eq!(
        calls,
        Calls { sending_pause: 1, load: 2, mark_sending: 1, commit: 2, sender: 1, add_sends: 1, ..Calls::default() }
    );
}

#[tokio::test]
async fn a_sweep_costs_a_read_a_mark_a_commit_and_a_mail_for_each_touch_and_a_query_for_each_shard() {
    let (world, counting) = world().await;
    let people = 7;
    for number in 0..people {
        let address = format!("person{number}@example.com");
        world.import(Permission::Allowed, &[("email", &address)]).await;
    }
    world.tick().await;
    assert_eq!(world.mailer.handed_over().len(), 7);

    // A nurture mail to each, in one sweep.
    world.clock.set(berlin("2026-03-03 11:00"));
    counting.take();
    assert_eq!(world.tick().await.sent, u64::from(people));
    assert_eq!(world.mailer.handed_over().len(), 14);
    let expected = Calls {
        due: u32::from(PULSE_SHARDS),
        sending_pause: 1,
        load: people,
        mark_sending: people,
        commit: people,
        // Once for the one sender of all of them.
        sender: 1,
        add_sends: 1,
        ..Calls::default()
    };
    assert_eq!(counting.take(), expected);
}

#[tokio::test]
async fn a_sweep_with_nothing_due_writes_nothing() {
    let (world, counting) = world().await;
    world.post(json!({ "email": "ada@example.com" })).await;
    counting.take();
    world.tick().await;
    assert_eq!(counting.take(), Calls { due: u32::from(PULSE_SHARDS), sending_pause: 1, ..Calls::default() });
}

#[tokio::test]
async fn what_is_known_already_is_read_and_not_written() {
    let (world, counting) = world().await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.unsubscribe(&ada).await;
    let mail = world.last_mail(&ada);
    let engagement = || Arc::clone(&world.functions.engagement);

    counting.take();
    record_engagement::handle(engagement(), ses_event("ses-send.json", &mail)).await.unwrap();
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
    record_engagement::handle(engagement(), unsubscribe_post(&unsubscribe_token(&mail))).await.unwrap();
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
}

#[tokio::test]
async fn whatever_decides_nothing_is_a_read_and_at_most_one_plain_write_on_either_path() {
    let (world, counting) = world().await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let mail = world.last_mail(&ada);
    // What decides something the first time decides nothing the second.
    for name in SES_SAMPLES {
        world.hear(name, &ada).await;
    }
    let before = world.store.load(&ada).await.unwrap();
    for name in SES_SAMPLES {
        let written = u32::from(name != "ses-send.json");
        let event = ses_event(name, &mail);
        let batch = sqs_batch(&[sns_body(&event["detail"])]);
        for event in [event, batch] {
            counting.take();
            record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
            // What speaks against the sender is tried as one write with its count, and refused as known.
            let speaks = ["ses-bounce-permanent.json", "ses-complaint.json"].contains(&name);
            let (record_engagement, record_feedback) = if speaks { (0, written) } else { (written, 0) };
            let mut expected = Calls { load: 1, record_engagement, record_feedback, ..Calls::default() };
            // A click is kept as a hit.
            if name == "ses-click.json" {
                (expected.record_engagement, expected.record_hit) = (0, 1);
            }
            assert_eq!(counting.take(), expected, "{name}");
        }
    }
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
}

#[tokio::test]
async fn an_event_of_nobody_is_one_read() {
    let (world, counting) = world().await;
    let nobody = crate::scenarios::world::sample("ses-bounce-permanent.json");
    record_engagement::handle(Arc::clone(&world.functions.engagement), read(&nobody)).await.unwrap();
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
}
