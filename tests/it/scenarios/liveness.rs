//! Two years in which nobody does anything: everybody is still touched, or looked at (DOMAIN.md §4).

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use perennial_core::event::{DisqualifyReason, Event};
use perennial_core::ids::LeadId;
use perennial_core::lead::{LifecycleStage, PULSE_AHEAD_MAX};
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::{Attempt, Outcome, Party, TurnbackRequest};
use perennial_core::submission::Permission;
use serde_json::json;

use super::recycling::{back, selling, tells};
use super::world::{World, berlin, shipped};

/// When somebody did something about a lead, or looked at it.
async fn attentions(world: &World, lead: &LeadId) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for row in world.history(lead).await {
        let is_attention = |event: &Event| {
            matches!(
                event,
                Event::Received { .. }
                    | Event::TouchSent { .. }
                    | Event::TaskCreated { .. }
                    | Event::Disposed { .. }
                    | Event::Reviewed { .. }
            )
        };
        times.extend(row.entries.iter().any(is_attention).then_some(row.at));
    }
    times
}

/// Nobody waits longer than 180 days for a touch, a task or, where nobody may contact them, a look.
async fn assert_attended(world: &World, lead: &LeadId, until: &str) {
    let mut times = attentions(world, lead).await;
    times.push(berlin(until));
    let longest = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).max().unwrap();
    assert!(longest <= PULSE_AHEAD_MAX, "{} waited {longest:#}", world.story(lead).await);
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
        assert_attended(&world, lead, "2028-03-02 10:00").await;
    }
    assert_eq!(world.lead(&listened_to).await.stage, LifecycleStage::Disqualified);
    assert_eq!(world.lead(&purged).await.stage, LifecycleStage::JunkPurged);
    assert_eq!((world.mails(&unsubscribed).len(), world.mails(&called).len(), world.mails(&bounced).len()), (1, 0, 1));
    assert!(world.mails(&mailed).len() > 12);
    let waterfall = world.waterfall().await;
    assert_eq!((waterfall.received, waterfall.balanced), (6, true));
}

/// A reason for each way that the table has: by a sign, by a day, by an answer, by a hand-raise alone.
const REASONS: [TurnbackReason; 6] = [
    TurnbackReason::NoResponse,
    TurnbackReason::NoBudget,
    TurnbackReason::NoAuthority,
    TurnbackReason::BadAnswers,
    TurnbackReason::BadEmail,
    TurnbackReason::NoInterest,
];

#[tokio::test]
async fn whatever_sales_said_of_them_or_did_not_nobody_waits_longer_and_no_clock_of_sales_is_overrun() {
    let world = World::of(selling(), "2026-03-02 10:00").await;
    let mut leads = BTreeMap::new();
    for (number, reason) in REASONS.into_iter().enumerate() {
        let address = format!("person{number}@example.com");
        let phone = format!("+49 30 12345{number:02}");
        let lead = world.post(json!({ "email": address, "phone": phone, "role": "I run a team" })).await;
        for _ in 0..3 {
            tells(&world, &lead, Outcome::Attempted { attempt: Attempt::NoAnswer }, None).await;
        }
        let outcome = match reason {
            TurnbackReason::NoBudget => back(reason, Some(date(2027, 3, 1))),
            TurnbackReason::BadAnswers => Outcome::TurnedBack(TurnbackRequest {
                fields: ["role".parse().unwrap()].into(),
                ..TurnbackRequest::new(reason)
            }),
            _ => back(reason, None),
        };
        tells(&world, &lead, outcome, Some("As they said.")).await;
        leads.insert(reason.as_str(), lead);
    }
    let said = [
        ("sal", Outcome::Accepted),
        ("sql", Outcome::Qualified),
        ("customer", Outcome::Won),
        ("no lead", Outcome::Disqualified { reason: DisqualifyReason::JobSeeker }),
    ];
    for (number, (name, outcome)) in said.into_iter().enumerate() {
        let lead = world.post(json!({ "email": format!("other{number}@example.com") })).await;
        tells(&world, &lead, outcome, None).await;
        leads.insert(name, lead);
    }
    leads.insert("nobody acts", world.post(json!({ "email": "silence@example.com" })).await);

    world.live_until("2028-03-02 10:00").await;

    for (name, lead) in &leads {
        assert_attended(&world, lead, "2028-03-02 10:00").await;
        let (mut offered, mut longest) = (None, SignedDuration::ZERO);
        for row in world.history(lead).await {
            for event in &row.entries {
                match event {
                    Event::SlaStarted { clock } => offered = Some(clock.ends_at),
                    Event::TurnedBack { by: Party::Suite, .. } | Event::Resubmitted { .. } => {
                        longest = longest.max(row.at.duration_since(offered.take().unwrap()));
                    }
                    _ => {}
                }
            }
        }
        assert!(longest <= SignedDuration::from_mins(1), "{name}: {longest:#} after its clock");
        let stage = world.lead(lead).await.stage;
        let expected = match *name {
            "customer" => LifecycleStage::Customer,
            "no lead" => LifecycleStage::Disqualified,
            _ => LifecycleStage::Recycled,
        };
        assert_eq!(stage, expected, "{name}: {}", world.story(lead).await);
    }
}
