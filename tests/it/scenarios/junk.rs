//! Junk is held back with its reasons, released by a person, or purged; and whoever comes back is let in.

use perennial_app::engagement::{Heard, Listener};
use perennial_app::library::Library;
use perennial_app::quarantine::held;
use perennial_core::ids::LeadId;
use perennial_core::lead::LifecycleStage;
use perennial_core::submission::JunkReason;
use serde_json::json;

use super::world::{World, form_post, read};

#[tokio::test]
async fn junk_is_held_back_without_a_mail_and_purged_after_fourteen_days() {
    let world = World::at("2026-03-02 10:00").await;
    let robot = world.post(json!({ "email": "robot@example.com", "website": "https://spam.example" })).await;
    world.live_until("2026-04-01 00:00").await;
    assert_eq!(world.mails(&robot), []);
    insta::assert_snapshot!(world.story(&robot).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot]
    Mon 2026-03-16 10:00  is purged
    ");
    assert_eq!((world.next_wake().await, world.waterfall().await.places["junk_purged"]), (None, 1));
}

#[tokio::test]
async fn a_clean_post_releases_whoever_was_held_back() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "website": "filled in by a password manager" })).await;
    world.live_until("2026-03-05 10:00").await;
    world.post(json!({ "email": "ada@example.com", "website": "again" })).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Quarantined);
    world.post(json!({ "email": "ada@example.com" })).await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot]
    Thu 2026-03-05 10:00  sends something by Form, as junk: [Honeypot]
                          sends something by Form
                          is released
                          belongs to the queue sdr
                          starts welcome: response comes Thu 2026-03-05 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Thu 2026-03-05 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Fri 2026-03-06 10:00
    "#);
    assert_eq!(world.waterfall().await.submissions.merged, 2);
}

#[tokio::test]
async fn whoever_was_purged_and_comes_back_lives_a_second_life_as_the_same_lead() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "website": "x" })).await;
    world.live_until("2026-03-20 10:00").await;
    world.post(json!({ "email": "ada@example.com", "website": "x" })).await;
    world.live_until("2026-04-10 10:00").await;
    world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-04-12 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot]
    Mon 2026-03-16 10:00  is purged
    Fri 2026-03-20 10:00  comes in by Form in life 2; e-mail Ok, phone Missing
                          is held back until Fri 2026-04-03 11:00: [Honeypot]
    Fri 2026-04-03 11:00  is purged
    Fri 2026-04-10 10:00  comes in by Form in life 3; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Fri 2026-04-10 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Fri 2026-04-10 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Mon 2026-04-13 08:00
                          link waits until Mon 2026-04-13 08:00: QuietHours
    "#);

    let waterfall = world.waterfall().await;
    assert!(waterfall.balanced);
    assert_eq!((waterfall.received, waterfall.places["inquiry"], waterfall.places["junk_purged"]), (1, 1, 0));
    assert_eq!(world.lead(&ada).await.life, 3);
}

/// A person at the quarantine list.
fn reviewer(world: &World) -> Listener {
    let library = std::sync::Arc::new(Library::fixed(std::sync::Arc::new(world.catalog().clone())));
    Listener { store: world.store.clone(), library, clock: world.clock.clone() }
}

#[tokio::test]
async fn a_person_who_was_taken_for_junk_is_released_and_gets_what_they_asked_for() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "website": "a password manager" })).await;
    let robot = world.post(json!({ "email": "robot@example.com", "website": "x", "first_name": "evil.com" })).await;
    let list = held(world.store.as_ref()).await.unwrap();
    assert_eq!(list.iter().map(|held| &held.lead).collect::<std::collections::BTreeSet<_>>(), [&ada, &robot].into());
    let reasons = |lead: &LeadId| list.iter().find(|held| &held.lead == lead).unwrap().reasons.clone();
    assert_eq!(reasons(&robot), [JunkReason::Honeypot, JunkReason::LinkAsName]);

    let reviewer = reviewer(&world);
    world.live_until("2026-03-04 11:00").await;
    assert_eq!(reviewer.release(&ada).await.unwrap(), Heard::Decided);
    assert_eq!(reviewer.release(&ada).await.unwrap(), Heard::Nothing);
    assert_eq!(reviewer.condemn(&robot).await.unwrap(), Heard::Decided);
    assert_eq!(reviewer.condemn(&robot).await.unwrap(), Heard::Nothing);
    assert_eq!(reviewer.release(&robot).await.unwrap(), Heard::Nothing);
    world.live_until("2026-03-04 12:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot]
    Wed 2026-03-04 11:00  is released
                          gives a sign: FormSubmitted
                          belongs to the queue sdr
                          starts welcome: response comes Wed 2026-03-04 11:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Wed 2026-03-04 11:00
                          first-call is passed over: NoPhone
                          goes on: link comes Thu 2026-03-05 11:00
    "#);
    insta::assert_snapshot!(world.story(&robot).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot, LinkAsName]
    Wed 2026-03-04 11:00  is purged
    ");
    assert_eq!(held(world.store.as_ref()).await.unwrap(), []);
    world.assert_sound().await;
}

#[tokio::test]
async fn h18_one_victim_posted_by_five_hundred_networks_is_one_lead_with_one_mail_and_one_task() {
    let world = World::at("2026-03-02 10:00").await;
    let fields = json!({ "email": "victim@example.com", "phone": "+49 30 1234567" });
    let victim = world.post(fields.clone()).await;
    for number in 0..499_u32 {
        let mut event = form_post(&fields);
        event["requestContext"]["http"]["sourceIp"] = json!(format!("198.51.{}.{}", number / 250, number % 250));
        let answer = ingest_lead::handle(world.functions.ingest.clone(), read(&event)).await.unwrap();
        assert_eq!(answer.status_code, 202);
    }
    world.deliver().await;
    world.live_until("2026-03-02 16:00").await;
    assert_eq!(world.mails(&victim).len(), 1);
    let waterfall = world.waterfall().await;
    assert_eq!((waterfall.received, waterfall.submissions.merged), (1, 499));
    let tasks = world.history(&victim).await;
    let tasks = tasks.iter().flat_map(|row| &row.entries).filter(|event| event.name() == "task.created").count();
    assert_eq!(tasks, 1);
}
