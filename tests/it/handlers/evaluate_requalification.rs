//! What the bus tells `evaluate-requalification` (I10).

use std::sync::Arc;

use evaluate_requalification::{Summary, handle};
use jiff::SignedDuration;
use perennial_app::ports::Clock;
use perennial_core::lead::LifecycleStage;
use serde_json::{Value, json};

use crate::scenarios::world::{World, evaluation_due, read, sample};

async fn call(world: &World, event: &Value) -> Result<Summary, String> {
    let handled = handle(Arc::clone(&world.functions.evaluate), read(event)).await;
    handled.map_err(|error| error.to_string())
}

#[tokio::test]
async fn whoever_raised_a_hand_is_sales_a_moment_later_and_a_second_event_finds_that_said() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Inquiry);
    // The sample's lead is Ada.
    assert_eq!(call(&world, &sample("evaluation-due.json")).await, Ok(Summary::Ready));
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Mql);
    let before = world.history(&ada).await;
    assert_eq!(call(&world, &sample("evaluation-due.json")).await, Ok(Summary::Known));
    assert_eq!(world.history(&ada).await, before);
}

#[tokio::test]
async fn an_event_that_is_lost_is_the_sweeps_five_minutes_later() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    world.clock.set(world.clock.now() + SignedDuration::from_mins(5));
    schedule_touch::handle(Arc::clone(&world.functions.touch), read(&sample("schedule-tick.json"))).await.unwrap();
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Mql);
    assert_eq!(call(&world, &sample("evaluation-due.json")).await, Ok(Summary::Known));
}

#[tokio::test]
async fn what_is_nobodys_to_be_looked_at_is_left_alone() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    let before = world.history(&ada).await;
    for name in ["enrolment-started.json", "reply-received.json"] {
        assert_eq!(call(&world, &sample(name)).await, Ok(Summary::Ignored), "{name}");
    }
    assert_eq!(world.history(&ada).await, before);
}

#[tokio::test]
async fn a_lead_that_is_not_there_is_no_mistake_and_an_event_without_one_is() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let nobody = evaluation_due(json!({ "lead": "abcdefghijklmnopqrstuvwxyz" }));
    assert_eq!(call(&world, &nobody).await, Ok(Summary::Known));
    for detail in [json!({}), json!({ "lead": "LEAD#x" }), json!([1])] {
        assert!(call(&world, &evaluation_due(detail)).await.is_err());
    }
}
