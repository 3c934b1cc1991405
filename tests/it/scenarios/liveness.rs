//! Two years in which nobody does anything: everybody is still touched, or looked at (DOMAIN.md §4).

use jiff::Timestamp;
use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use perennial_core::lead::{LifecycleStage, PULSE_AHEAD_MAX};
use perennial_core::submission::Permission;
use serde_json::json;

use super::world::{World, berlin, shipped};

/// When somebody did something about a lead, or looked at it.
async fn attentions(world: &World, lead: &LeadId) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for row in world.history(lead).await {
        let is_attention = |event: &Event| {
            matches!(
                event,
                Event::Received { .. } | Event::TouchSent { .. } | Event::TaskCreated { .. } | Event::Reviewed { .. }
            )
        };
        times.extend(row.entries.iter().any(is_attention).then_some(row.at));
    }
    times
}

#[tokio::test]
async fn for_two_years_without_a_word_from_anybody_no_lead_waits_longer_than_180_days() {
    let world = World::of(shipped(), "2026-03-02 10:00").await;
    let phone = ("phone", "+49 30 1234567");
    let mailed = world.post(json!({ "email": "ada@example.com", "timezone": "Pacific/Auckland" })).await;
    let unsubscribed = world.post(json!({ "email": "bob@example.com", "phone": "+49 30 1234568" })).await;
    world.unsubscribe(&unsubscribed).await;
    let bounced = world.post(json!({ "email": "cat@example.com" })).await;
    world.hear("ses-bounce-permanent.json", &bounced).await;
    let called = world.import(Permission::Refused, &[phone]).await;
    let listened_to = world.import(Permission::Refused, &[("email", "dee@example.com")]).await;
    let purged = world.post(json!({ "email": "robot@example.com", "website": "x" })).await;

    // Each jump on the way sees to it that the audit holds.
    world.live_until("2028-03-02 10:00").await;

    for lead in [&mailed, &unsubscribed, &bounced, &called, &listened_to] {
        let mut times = attentions(&world, lead).await;
        times.push(berlin("2028-03-02 10:00"));
        let longest = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).max().unwrap();
        assert!(longest <= PULSE_AHEAD_MAX, "{} waited {longest:#}", world.story(lead).await);
    }
    assert_eq!(world.lead(&listened_to).await.stage, LifecycleStage::Disqualified);
    assert_eq!(world.lead(&purged).await.stage, LifecycleStage::JunkPurged);
    assert_eq!((world.mails(&unsubscribed).len(), world.mails(&called).len(), world.mails(&bounced).len()), (1, 0, 1));
    assert!(world.mails(&mailed).len() > 12);
    let waterfall = world.waterfall().await;
    assert_eq!((waterfall.received, waterfall.balanced), (6, true));
}
