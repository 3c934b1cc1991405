//! The tick and the nudge, as EventBridge hands them to `schedule-touch`.

use std::sync::Arc;

use schedule_touch::Summary;
use serde_json::{Value, json};

use crate::scenarios::world::{World, nudge, read, sample};

async fn call(world: &World, event: &Value) -> Summary {
    schedule_touch::handle(Arc::clone(&world.functions.touch), read(event)).await.unwrap()
}

/// Two people whose first mail is due.
async fn two_are_due() -> World {
    let world = World::at("2026-03-02 10:00").await;
    for email in ["ada@example.com", "bob@example.com"] {
        world.commit_post(&json!({ "email": email })).await;
    }
    world
}

#[tokio::test]
async fn a_tick_touches_everybody_who_is_due() {
    let world = two_are_due().await;
    let summary = call(&world, &sample("schedule-tick.json")).await;
    assert_eq!(summary, Summary { visited: 2, sent: 2, ..Summary::default() });
    assert_eq!(call(&world, &sample("schedule-tick.json")).await, Summary::default());
}

#[tokio::test]
async fn a_nudge_touches_the_one_whom_it_names() {
    let world = two_are_due().await;
    // The sample's lead is Ada.
    let summary = call(&world, &sample("enrolment-started.json")).await;
    assert_eq!(summary, Summary { visited: 1, sent: 1, ..Summary::default() });
    assert_eq!(world.mailer.handed_over()[0].to, "ada@example.com");
    assert_eq!(world.mailer.handed_over().len(), 1);
}

#[tokio::test]
async fn a_nudge_for_somebody_who_is_not_there_or_not_due_does_nothing() {
    let world = two_are_due().await;
    let nobody = nudge(json!({ "lead": "abcdefghijklmnopqrstuvwxyz" }));
    assert_eq!(call(&world, &nobody).await, Summary { visited: 1, ..Summary::default() });
    call(&world, &sample("enrolment-started.json")).await;
    assert_eq!(call(&world, &sample("enrolment-started.json")).await, Summary { visited: 1, ..Summary::default() });
}

#[tokio::test]
async fn whatever_else_arrives_is_a_tick_because_nobody_listens_to_what_a_tick_says() {
    let rows = [
        ("nothing", json!({})),
        ("an empty schedule", json!({ "detail-type": "Scheduled Event", "detail": {} })),
        (
            "instructions",
            json!({ "detail-type": "Scheduled Event", "detail": { "lead": "abcdefghijklmnopqrstuvwxyz" } }),
        ),
        (
            "another event",
            json!({ "detail-type": "lead.received", "detail": { "lead": "abcdefghijklmnopqrstuvwxyz" } }),
        ),
        ("a nudge without a lead", nudge(json!({}))),
        ("a nudge for something else", nudge(json!({ "lead": "LEAD#x" }))),
        ("a nudge that is a list", nudge(json!([1, 2]))),
    ];
    for (row, event) in rows {
        let world = two_are_due().await;
        assert_eq!(call(&world, &event).await.sent, 2, "{row}");
    }
}
