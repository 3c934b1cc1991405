//! The circuit breaker of a sender: mail waits when too much of it bounces or is complained of, and goes on by itself.

use jiff::SignedDuration;
use perennial_app::ports::Clock as _;
use perennial_app::sending::{pause, resume, status};
use perennial_core::breaker::{Brake, BreakerPolicy, Limits, Tally};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{LeadId, SenderDomain};
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::world::{World, berlin, ses_event, sns_body, sqs_batch};
use crate::handlers::ingest_lead::logs::Log;

/// Ten mails are enough to judge by, and priorities are as in the shipped programs.
fn catalog() -> Catalog {
    let mut catalog = perennial_core::testing::catalog();
    // A day has few looks, so that a story of weeks is soon told.
    let look_again = SignedDuration::from_hours(12);
    let limits = |bounces| Limits { bounces, complaints: bounces };
    catalog.breaker = BreakerPolicy {
        sends_min: 10,
        slow: limits(1_000),
        stop: limits(2_000),
        look_again,
        ..BreakerPolicy::default()
    };
    for (name, priority) in [("welcome", 60), ("occasional", 10)] {
        catalog.programs.get_mut(&name.parse().unwrap()).unwrap().priority = priority;
    }
    catalog
}

fn sender() -> SenderDomain {
    SenderDomain::parse("perennial.example").unwrap()
}

/// Ten people who got their first mail.
async fn ten() -> (World, Vec<LeadId>) {
    let world = World::of(catalog(), "2026-03-02 10:00").await;
    let mut people = Vec::new();
    for number in 0..10 {
        people.push(world.post(json!({ "email": format!("person{number}@example.com") })).await);
    }
    (world, people)
}

async fn tally(world: &World) -> (Tally, Brake) {
    let status = status(world.store.as_ref(), world.catalog(), world.clock.now()).await.unwrap();
    (status.senders[0].tally, status.senders[0].held)
}

async fn deferrals(world: &World, lead: &LeadId) -> usize {
    let story = world.story(lead).await;
    story.matches("SenderPaused").count()
}

#[tokio::test]
async fn f16_bounces_and_complaints_count_once_however_often_and_by_whichever_path_they_come() {
    let (world, people) = ten().await;
    for _ in 0..5 {
        for name in ["ses-bounce-permanent.json", "ses-complaint.json", "ses-bounce-transient.json"] {
            world.hear(name, &people[0]).await;
            let batch = sqs_batch(&[sns_body(&ses_event(name, &world.last_mail(&people[0]))["detail"])]);
            let engagement = world.functions.engagement.clone();
            record_engagement::handle(engagement, batch).await.unwrap();
        }
    }
    assert_eq!(tally(&world).await, (Tally { sends: 10, bounces: 1, complaints: 1 }, Brake::LowPriority));
}

#[tokio::test]
async fn when_too_much_bounces_all_mail_of_the_sender_waits_and_goes_on_by_itself() {
    let (world, people) = ten().await;
    for lead in &people[..2] {
        world.hear("ses-bounce-permanent.json", lead).await;
    }
    assert_eq!(tally(&world).await, (Tally { sends: 10, bounces: 2, complaints: 0 }, Brake::Everything));
    let log = Log::at(LevelFilter::WARN);
    world.live_until("2026-03-05 12:00").await;
    assert_eq!(world.mailer.handed_over().len(), 10, "nobody gets the next mail");
    assert!(deferrals(&world, &people[5]).await > 1, "and each wait is written down");
    assert_eq!(log.text().matches("sender.stopped").count(), 1, "the alarm is given once: {}", log.text());
    // A week after the bad day it is out of the window.
    world.live_until("2026-03-12 00:00").await;
    assert_eq!(world.mails(&people[5]).len(), 2, "nothing was dropped");
    assert_eq!(tally(&world).await.1, Brake::Off);
    world.assert_sound().await;
}

#[tokio::test]
async fn programs_of_low_priority_wait_first() {
    let (world, people) = ten().await;
    world.hear("ses-bounce-permanent.json", &people[0]).await;
    assert_eq!(tally(&world).await.1, Brake::LowPriority);
    let log = Log::at(LevelFilter::WARN);
    world.live_until("2026-03-03 12:00").await;
    // The welcome goes on.
    assert_eq!(world.mails(&people[5]).len(), 2);
    assert_eq!(log.text().matches("sender.slowed").count(), 1, "{}", log.text());
    // Six weeks later `occasional` is due, on another bad day.
    world.clock.set(berlin("2026-04-14 09:00"));
    world.store.add_sends(&sender(), "2026-04-14".parse().unwrap(), 30).await.unwrap();
    for number in 0..5 {
        let late = world.post(json!({ "email": format!("late{number}@example.com") })).await;
        world.hear("ses-bounce-permanent.json", &late).await;
    }
    assert_eq!(tally(&world).await, (Tally { sends: 35, bounces: 5, complaints: 0 }, Brake::LowPriority));
    world.live_until("2026-04-14 23:00").await;
    assert_eq!(world.mails(&people[5]).len(), 2, "`occasional` waits");
    world.live_until("2026-04-22 00:00").await;
    assert_eq!(world.mails(&people[5]).len(), 3, "and comes");
}

#[tokio::test]
async fn an_operator_pauses_and_resumes_and_counting_starts_again() {
    let (world, people) = ten().await;
    for lead in &people[..2] {
        world.hear("ses-bounce-permanent.json", lead).await;
    }
    resume(world.store.as_ref(), &sender(), world.clock.now()).await.unwrap();
    assert_eq!(tally(&world).await, (Tally::default(), Brake::Off));
    pause(world.store.as_ref(), &sender(), world.clock.now()).await.unwrap();
    world.live_until("2026-03-06 12:00").await;
    assert_eq!(world.mailer.handed_over().len(), 10, "it lasts until somebody resumes");
    resume(world.store.as_ref(), &sender(), world.clock.now()).await.unwrap();
    world.live_until("2026-03-10 00:00").await;
    assert_eq!(world.mails(&people[5]).len(), 2);
    world.assert_sound().await;
}
