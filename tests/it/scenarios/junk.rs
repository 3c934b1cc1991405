//! Junk is held back with its reasons, released by a person, or purged; and whoever comes back is let in.

use perennial_core::lead::LifecycleStage;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn junk_is_held_back_without_a_mail_and_purged_after_fourteen_days() {
    let world = World::at("2026-03-02 10:00").await;
    let robot = world.post(json!({ "email": "robot@example.com", "website": "https://spam.example" })).await;
    world.live_until("2026-04-01 00:00").await;
    assert_eq!(world.mails(&robot), []);
    insta::assert_snapshot!(world.story(&robot).await, @"
    Mon 2026-03-02 10:00  comes in by Form, raising a hand; e-mail Ok, phone Missing
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
    Mon 2026-03-02 10:00  comes in by Form, raising a hand; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot]
    Thu 2026-03-05 10:00  sends something by Form, raising a hand, as junk: [Honeypot]
                          sends something by Form, raising a hand
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
    Mon 2026-03-02 10:00  comes in by Form, raising a hand; e-mail Ok, phone Missing
                          is held back until Mon 2026-03-16 10:00: [Honeypot]
    Mon 2026-03-16 10:00  is purged
    Fri 2026-03-20 10:00  comes in by Form in life 2, raising a hand; e-mail Ok, phone Missing
                          is held back until Fri 2026-04-03 11:00: [Honeypot]
    Fri 2026-04-03 11:00  is purged
    Fri 2026-04-10 10:00  comes in by Form in life 3, raising a hand; e-mail Ok, phone Missing
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
