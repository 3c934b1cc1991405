//! When touches go out: windows, caps, pauses, and the whole way from the first mail on.

use jiff::SignedDuration;
use perennial_core::calendar::FrequencyCap;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, FailReason};
use serde_json::json;

use super::world::{World, berlin, shipped};

#[tokio::test]
async fn the_welcome_program_runs_to_its_end_and_leads_on_to_the_occasional_one() {
    let world = World::of(shipped(), "2026-03-02 03:00").await;
    let ada = world
        .post(json!({
            "email": "ada@example.com", "phone": "+44 20 7946 0018", "first_name": "Ada",
            "company": "Analytical Engines", "timezone": "Europe/London",
        }))
        .await;
    world.live_until("2027-02-01 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 02:00  comes in by Form; e-mail Ok, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 02:00
                          MAIL "You got in touch with Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 02:00
                          CALL for first-call, by Wed 2026-03-04 02:00
                          goes on: helpful-link comes Tue 2026-03-03 08:00
                          helpful-link waits until Tue 2026-03-03 08:00: QuietHours
    Tue 2026-03-03 08:00  MAIL "Where I would start"
                          goes on: second-call comes Thu 2026-03-05 08:00
    Wed 2026-03-04 02:00  nobody did first-call in time
                          alert to the Owner, Digest: TaskOverdue
    Thu 2026-03-05 08:00  nobody waits for first-call any more
                          alert to the Manager, Digest: TaskOverdue
                          CALL for second-call, by Mon 2026-03-09 08:00
                          goes on: short-case comes Mon 2026-03-09 08:00
                          short-case waits until Mon 2026-03-09 08:00: QuietHours
    Mon 2026-03-09 08:00  nobody did second-call in time
                          alert to the Owner, Digest: TaskOverdue
                          MAIL "How someone else did it"
                          goes on: this-quarter comes Thu 2026-03-12 08:00
    Tue 2026-03-10 08:00  nobody waits for second-call any more
                          alert to the Manager, Digest: TaskOverdue
    Thu 2026-03-12 08:00  MAIL "Is this on your list this quarter?"
                          goes on: first-questions comes Mon 2026-03-16 08:00
    Mon 2026-03-16 08:00  MAIL "The questions people ask us first"
                          goes on: stopping-here comes Thu 2026-03-19 08:00
    Thu 2026-03-19 08:00  MAIL "I'll stop here for now"
                          leaves welcome: Completed
                          starts nurture: opening comes Thu 2026-03-19 08:00
                          goes on: fix-first comes Thu 2026-04-02 08:00
    Thu 2026-04-02 08:00  MAIL "What would you fix first?"
                          goes on: peers-known comes Thu 2026-04-02 08:00
                          goes on: peers-ask comes Thu 2026-04-16 08:00
    Thu 2026-04-16 08:00  MAIL "They all started smaller"
                          goes on: framework-for comes Thu 2026-04-16 08:00
                          goes on: framework comes Thu 2026-04-30 08:00
    Thu 2026-04-30 08:00  MAIL "Three things, in this order"
                          goes on: case-known comes Thu 2026-04-30 08:00
                          goes on: case-ask comes Thu 2026-05-14 08:00
    Thu 2026-05-14 08:00  MAIL "A story with a wrong turn in it"
                          goes on: personal-note comes Thu 2026-05-21 08:00
    Thu 2026-05-21 08:00  WRITE for personal-note, by Mon 2026-05-25 08:00
                          goes on: figures-for comes Thu 2026-05-21 08:00
                          goes on: figures comes Thu 2026-05-28 08:00
    Mon 2026-05-25 08:00  nobody did personal-note in time
                          alert to the Owner, Digest: TaskOverdue
    Tue 2026-05-26 08:00  nobody waits for personal-note any more
                          alert to the Manager, Digest: TaskOverdue
    Thu 2026-05-28 08:00  MAIL "Where others stand"
                          goes on: checklist-known comes Thu 2026-05-28 08:00
                          goes on: checklist-ask comes Thu 2026-06-11 08:00
    Thu 2026-06-11 08:00  MAIL "Before you say yes to anybody"
                          goes on: two-weeks comes Thu 2026-06-25 08:00
    Thu 2026-06-25 08:00  goes on: how-soon comes Thu 2026-06-25 08:00
                          goes on: invitation comes Thu 2026-06-25 08:00
                          MAIL "Half an hour, with your own example"
                          leaves nurture: Completed
                          starts occasional: round-one comes Thu 2026-08-06 08:00
    Thu 2026-08-06 08:00  MAIL "What we have been writing about"
                          goes on: round-one comes Thu 2026-09-17 08:00
    Thu 2026-09-17 08:00  MAIL "A quick question"
                          goes on: round-one comes Thu 2026-10-29 08:00
    Thu 2026-10-29 08:00  MAIL "How others went about it"
                          goes on: after-round-one comes Thu 2026-10-29 08:00
                          goes on: still-welcome-one comes Wed 2027-01-27 08:00
    Wed 2027-01-27 08:00  MAIL "Shall we keep writing to you?"
                          goes on: round-two comes Tue 2027-04-27 08:00
    "#);
}

#[tokio::test]
async fn the_cap_defers_a_mail_and_says_so() {
    let mut catalog = perennial_core::testing::catalog();
    catalog.cap = FrequencyCap { spacing: SignedDuration::from_hours(72), weekly_max: 3 };
    let world = World::of(catalog, "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-06 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Thu 2026-03-05 10:00
                          link waits until Thu 2026-03-05 10:00: FrequencyCap
    Thu 2026-03-05 10:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Thu 2026-04-16 10:00
    "#);
}

#[tokio::test]
async fn a_suite_that_stood_still_over_night_keeps_the_window() {
    let world = World::at("2026-03-02 16:30").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    // The mail was due at 16:30; nobody swept until the evening.
    world.clock.set(berlin("2026-03-03 19:00"));
    assert_eq!(world.tick().await.sent, 0);
    world.live_until("2026-03-04 12:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 16:30  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 16:30
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 16:30
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 16:30
    Tue 2026-03-03 19:00  link waits until Wed 2026-03-04 08:00: QuietHours
    Wed 2026-03-04 08:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Wed 2026-04-15 08:00
    "#);
}

#[tokio::test]
async fn somebody_who_never_answers_hears_less_often_and_a_sign_brings_the_pace_back() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-12-01 00:00").await;
    world.post(json!({ "email": "ada@example.com", "message": "Still here." })).await;
    world.live_until("2027-05-01 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Tue 2026-04-14 10:00  MAIL "Something to read"
                          goes on: question comes Tue 2026-05-26 10:00
    Tue 2026-05-26 10:00  MAIL "One question"
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    Tue 2026-07-07 10:00  MAIL "Something to read"
                          goes on: question comes Mon 2026-10-05 10:00
    Mon 2026-10-05 10:00  MAIL "One question"
                          leaves occasional: Completed
                          starts occasional: reading comes Mon 2027-01-04 08:00
                          reading waits until Mon 2027-01-04 08:00: QuietHours
    Tue 2026-12-01 00:00  sends something by Form
    Mon 2027-01-04 08:00  MAIL "Something to read"
                          goes on: question comes Mon 2027-02-15 08:00
    Mon 2027-02-15 08:00  MAIL "One question"
                          leaves occasional: Completed
                          starts occasional: reading comes Mon 2027-03-29 08:00
    Mon 2027-03-29 08:00  MAIL "Something to read"
                          goes on: question comes Mon 2027-06-28 08:00
                          question waits until Mon 2027-06-28 08:00: QuietHours
    "#);
}

#[tokio::test]
async fn a_throttled_mail_is_tried_again_later_each_time_and_sent_once() {
    let world = World::at("2026-03-02 10:00").await;
    for _ in 0..3 {
        world.mailer.answer_next(SendOutcome::NotYet(DeferReason::Throttled));
    }
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-02 11:00").await;
    assert_eq!(world.mails(&ada).iter().map(|mail| mail.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response waits until Mon 2026-03-02 10:01: Throttled
    Mon 2026-03-02 10:01  response waits until Mon 2026-03-02 10:03: Throttled
    Mon 2026-03-02 10:03  response waits until Mon 2026-03-02 10:07: Throttled
    Mon 2026-03-02 10:07  MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:07
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:07
    "#);
}

#[tokio::test]
async fn a_refused_mail_is_given_up_and_the_lead_goes_on() {
    let world = World::at("2026-03-02 10:00").await;
    world.mailer.answer_next(SendOutcome::Refused(FailReason::Rejected));
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-04 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response cannot be sent: Rejected
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    "#);
}

#[tokio::test]
async fn a_paused_account_stops_everybody_and_nobody_is_marked_failed() {
    let world = World::at("2026-03-02 10:00").await;
    world.mailer.answer_next(SendOutcome::NotYet(DeferReason::SendingPaused));
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let bob = world.post(json!({ "email": "bob@example.com" })).await;
    assert_eq!((world.mails(&ada).len(), world.mails(&bob).len()), (1, 0));

    world.clock.advance(SignedDuration::from_mins(10));
    world.tick().await;
    assert_eq!((world.mails(&ada).len(), world.mails(&bob).len()), (1, 0));
    world.clock.advance(SignedDuration::from_mins(6));
    world.tick().await;
    assert_eq!((world.mails(&ada).len(), world.mails(&bob).len()), (2, 1));
    world.assert_sound().await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response waits until Mon 2026-03-02 10:01: SendingPaused
    Mon 2026-03-02 10:16  MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:16
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:16
    "#);
}

#[tokio::test]
async fn ticks_that_were_lost_for_an_hour_are_made_up_for_by_the_next_and_the_delay_is_told() {
    let world = World::at("2026-03-02 10:00").await;
    let people = ["ada@example.com", "bob@example.com", "eve@example.com"];
    for email in people {
        world.post(json!({ "email": email })).await;
    }
    world.clock.set(berlin("2026-03-03 11:00"));
    let summary = world.tick().await;
    assert_eq!((summary.visited, summary.sent, summary.failed), (3, 3, 0));
    assert_eq!((summary.rescued, summary.lateness_max_s), (3, 3600));
    assert_eq!(world.tick().await.visited, 0);
}
