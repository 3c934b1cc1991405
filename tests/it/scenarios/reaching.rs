//! Who may not, or cannot, be mailed any more: what is done instead.

use jiff::SignedDuration;
use perennial_core::lead::{EmailReach, LifecycleStage};
use perennial_core::policy::BouncePolicy;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn an_unsubscribe_stops_the_mail_and_turns_to_calls() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "phone": "+49 30 1234567" })).await;
    world.unsubscribe(&ada).await;
    world.live_until("2026-06-15 00:00").await;
    assert_eq!(world.mails(&ada).len(), 1);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          CALL for first-call, by Wed 2026-03-04 10:00
                          goes on: link comes Tue 2026-03-03 10:00
                          may not be mailed any more: Unsubscribed
    Tue 2026-03-03 10:00  link is passed over: Suppressed(Unsubscribed)
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Wed 2026-03-04 10:00  nobody did first-call in time
                          alert to the Owner, Digest: TaskOverdue
    Thu 2026-03-05 10:00  nobody waits for first-call any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: Suppressed(Unsubscribed)
                          CALL for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-05-26 10:00  question is passed over: Suppressed(Unsubscribed)
                          CALL for question, by Sun 2026-05-31 10:00
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    Sun 2026-05-31 10:00  nobody did question in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-06-01 10:00  nobody waits for question any more
                          alert to the Manager, Digest: TaskOverdue
    "#);
}

#[tokio::test]
async fn an_unsubscribe_without_a_phone_leaves_a_lead_that_is_listened_to() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.unsubscribe(&ada).await;
    world.live_until("2027-06-01 00:00").await;
    assert_eq!(world.mails(&ada).len(), 1);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
                          may not be mailed any more: Unsubscribed
                          leaves welcome: Suppressed
                          is only listened to: DoNotContact; looked at Sat 2026-08-29 11:00
    Sat 2026-08-29 11:00  was looked at; next Thu 2027-02-25 10:00
    Thu 2027-02-25 10:00  was looked at; next Tue 2027-08-24 11:00
    "#);
}

#[tokio::test]
async fn an_unsubscribe_is_for_good_whatever_the_person_posts_later() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.unsubscribe(&ada).await;
    world.post(json!({ "email": "ada@example.com" })).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Mql, "sales has her, and may not write either");
    world.post(json!({ "email": "ada@example.com", "phone": "+49 30 1234567" })).await;
    world.live_until("2026-12-01 00:00").await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Recycled, "nobody decided");
    assert_eq!((world.mails(&ada).len(), world.lead(&ada).await.email), (1, EmailReach::Unsubscribed));
}

#[tokio::test]
async fn a_hard_bounce_ends_the_mail_and_somebody_looks_for_an_address() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.hear("ses-send.json", &ada).await;
    world.hear("ses-bounce-permanent.json", &ada).await;
    world.live_until("2026-06-01 00:00").await;
    assert_eq!(world.mails(&ada).len(), 1);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
                          may not be mailed any more: HardBounced
    Tue 2026-03-03 10:00  link is passed over: Suppressed(HardBounced)
                          FIND AN ADDRESS for link, by Sun 2026-03-08 10:00
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Sun 2026-03-08 10:00  nobody did link in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-03-09 10:00  nobody waits for link any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: Suppressed(HardBounced)
                          FIND AN ADDRESS for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-05-26 10:00  question is passed over: Suppressed(HardBounced)
                          FIND AN ADDRESS for question, by Sun 2026-05-31 10:00
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    Sun 2026-05-31 10:00  nobody did question in time
                          alert to the Owner, Digest: TaskOverdue
    "#);
}

#[tokio::test]
async fn a_full_mailbox_is_written_down_and_stops_nothing() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let before = world.story(&ada).await;
    world.hear("ses-bounce-transient.json", &ada).await;
    assert_eq!(world.story(&ada).await, format!("{before}\n                      response comes back"));
    world.live_until("2026-03-04 00:00").await;
    assert_eq!(world.mails(&ada).len(), 2);
}

#[tokio::test]
async fn a_complaint_outranks_whatever_else_is_known() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.hear("ses-complaint.json", &ada).await;
    world.hear("ses-bounce-permanent.json", &ada).await;
    world.unsubscribe(&ada).await;
    assert_eq!(world.lead(&ada).await.email, EmailReach::Complained);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
                          may not be mailed any more: Complained
                          leaves welcome: Suppressed
                          is only listened to: DoNotContact; looked at Sat 2026-08-29 11:00
                          may not be mailed any more: Unsubscribed
    "#);
}

/// Two soft bounces, and the address rests for 60 days: the small catalog mails too seldom for the shipped numbers.
async fn quick_to_rest() -> World {
    let mut catalog = perennial_core::testing::catalog();
    catalog.bounces =
        BouncePolicy { soft_max: 2, rest: SignedDuration::from_hours(60 * 24), ..BouncePolicy::default() };
    World::of(catalog, "2026-03-02 10:00").await
}

#[tokio::test]
async fn an_address_that_bounces_softly_too_often_rests_and_its_mail_waits() {
    let world = quick_to_rest().await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.hear("ses-bounce-transient.json", &ada).await;
    world.live_until("2026-03-03 12:00").await;
    world.hear("ses-bounce-transient.json", &ada).await;
    world.live_until("2026-05-20 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
                          response comes back
    Tue 2026-03-03 10:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Tue 2026-03-03 12:00  link comes back: the address rests until Fri 2026-05-01 11:05
    Tue 2026-04-14 10:00  reading waits until Fri 2026-05-01 11:05: AddressRests
    Fri 2026-05-01 11:05  may be mailed again: the address has rested
                          MAIL "Something to read"
                          goes on: question comes Fri 2026-06-12 11:05
    "#);
}

#[tokio::test]
async fn while_an_address_rests_somebody_calls_where_a_number_is_known() {
    let world = quick_to_rest().await;
    let ada = world.post(json!({ "email": "ada@example.com", "phone": "+49 30 1234567" })).await;
    world.hear("ses-bounce-transient.json", &ada).await;
    world.live_until("2026-03-03 12:00").await;
    world.hear("ses-bounce-transient.json", &ada).await;
    world.live_until("2026-05-30 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          CALL for first-call, by Wed 2026-03-04 10:00
                          goes on: link comes Tue 2026-03-03 10:00
                          response comes back
    Tue 2026-03-03 10:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Tue 2026-03-03 12:00  link comes back: the address rests until Fri 2026-05-01 11:05
    Wed 2026-03-04 10:00  nobody did first-call in time
                          alert to the Owner, Digest: TaskOverdue
    Thu 2026-03-05 10:00  nobody waits for first-call any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: AddressRests
                          CALL for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Fri 2026-05-01 11:05  may be mailed again: the address has rested
    Tue 2026-05-26 10:00  MAIL "One question"
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    "#);
}

#[tokio::test]
async fn who_unsubscribed_and_then_bounces_is_not_looked_up() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.unsubscribe(&ada).await;
    world.hear("ses-bounce-permanent.json", &ada).await;
    let lead = world.lead(&ada).await;
    assert_eq!((lead.email, lead.unwilling, lead.stage), (EmailReach::HardBounced, true, LifecycleStage::Disqualified));

    // The other way round it comes to the same.
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.hear("ses-bounce-permanent.json", &ada).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Inquiry, "somebody looks for an address");
    world.unsubscribe(&ada).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Disqualified);
}
