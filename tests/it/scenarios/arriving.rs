//! How leads come in, and who gets what first.

use perennial_core::lead::{EmailReach, LifecycleStage};
use perennial_core::submission::Permission;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn a_form_at_three_in_the_morning_is_answered_at_once_and_the_rest_waits_for_the_window() {
    let world = World::at("2026-03-06 03:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "phone": "+49 30 1234567", "first_name": "Ada" })).await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Fri 2026-03-06 03:00  comes in by Form; e-mail Ok, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Fri 2026-03-06 03:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Fri 2026-03-06 03:00
                          CALL for first-call, by Sun 2026-03-08 03:00
                          goes on: link comes Mon 2026-03-09 08:00
                          link waits until Mon 2026-03-09 08:00: QuietHours
    "#);

    world.live_until("2026-03-10 00:00").await;
    let later = world.story(&ada).await;
    insta::assert_snapshot!(later, @r#"
    Fri 2026-03-06 03:00  comes in by Form; e-mail Ok, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Fri 2026-03-06 03:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Fri 2026-03-06 03:00
                          CALL for first-call, by Sun 2026-03-08 03:00
                          goes on: link comes Mon 2026-03-09 08:00
                          link waits until Mon 2026-03-09 08:00: QuietHours
    Sun 2026-03-08 03:00  nobody did first-call in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-03-09 08:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Mon 2026-04-20 08:00
    Mon 2026-03-09 09:00  nobody waits for first-call any more
                          alert to the Manager, Digest: TaskOverdue
    "#);
    assert_eq!(world.mails(&ada)[0].to, "ada@example.com");
    assert!(world.mails(&ada)[0].text.contains("Hi Ada"));
}

#[tokio::test]
async fn a_browser_in_new_york_is_mailed_by_its_own_clock() {
    // A Friday, 17:30 in New York.
    let world = World::at("2026-03-06 23:30").await;
    let grace = world.post(json!({ "email": "grace@example.com", "timezone": "America/New_York" })).await;
    world.live_until("2026-03-10 00:00").await;
    insta::assert_snapshot!(world.story(&grace).await, @r#"
    Fri 2026-03-06 17:30  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Fri 2026-03-06 17:30
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Fri 2026-03-06 17:30
                          first-call is passed over: NoPhone
                          goes on: link comes Mon 2026-03-09 08:00
                          link waits until Mon 2026-03-09 08:00: QuietHours
    Mon 2026-03-09 08:00  MAIL "A guide"
                          leaves welcome: Completed
                          starts occasional: reading comes Mon 2026-04-20 08:00
    "#);
}

#[tokio::test]
async fn a_phone_without_an_address_is_called_and_never_mailed() {
    let world = World::at("2026-03-02 10:00").await;
    let phone = world.post(json!({ "phone": "+49 30 1234567" })).await;
    world.live_until("2026-06-15 00:00").await;
    assert_eq!(world.mails(&phone), []);
    insta::assert_snapshot!(world.story(&phone).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Missing, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response is passed over: Suppressed(Missing)
                          CALL for response, by Sat 2026-03-07 10:00
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: TaskOpen
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: Suppressed(Missing)
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Sat 2026-03-07 10:00  nobody did response in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-03-09 09:00  nobody waits for response any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: Suppressed(Missing)
                          CALL for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-05-26 10:00  question is passed over: Suppressed(Missing)
                          CALL for question, by Sun 2026-05-31 10:00
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    Sun 2026-05-31 10:00  nobody did question in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-06-01 10:00  nobody waits for question any more
                          alert to the Manager, Digest: TaskOverdue
    ");
}

#[tokio::test]
async fn a_desk_gets_the_answer_it_asked_for_and_then_calls_rather_than_mail() {
    let world = World::at("2026-03-02 10:00").await;
    let desk = world.post(json!({ "email": "info@example.com", "phone": "+49 30 1234567" })).await;
    world.live_until("2026-05-01 00:00").await;
    insta::assert_snapshot!(world.story(&desk).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          CALL for first-call, by Wed 2026-03-04 10:00
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: HumanPreferred
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Wed 2026-03-04 10:00  nobody did first-call in time
                          alert to the Owner, Digest: TaskOverdue
    Thu 2026-03-05 10:00  nobody waits for first-call any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: HumanPreferred
                          CALL for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    "#);
}

#[tokio::test]
async fn a_desk_without_a_phone_is_mailed_like_anyone() {
    let world = World::at("2026-03-02 10:00").await;
    let desk = world.post(json!({ "email": "info@example.com" })).await;
    world.live_until("2026-03-04 00:00").await;
    assert_eq!(world.mails(&desk).len(), 2);
}

#[tokio::test]
async fn an_address_that_ses_cannot_take_is_called_or_mended() {
    let world = World::at("2026-03-02 10:00").await;
    let called = world.post(json!({ "email": "用户@example.com", "phone": "+49 30 1234567" })).await;
    let mended = world.post(json!({ "email": "ñandú@example.com" })).await;
    world.live_until("2026-03-04 00:00").await;
    assert_eq!(world.lead(&called).await.email, EmailReach::NotMailable);
    assert_eq!(world.mailer.handed_over(), []);
    insta::assert_snapshot!(world.story(&called).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail NotMailable, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response is passed over: Suppressed(NotMailable)
                          CALL for response, by Sat 2026-03-07 10:00
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: TaskOpen
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: Suppressed(NotMailable)
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    ");
    insta::assert_snapshot!(world.story(&mended).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail NotMailable, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response is passed over: Suppressed(NotMailable)
                          FIND AN ADDRESS for response, by Sat 2026-03-07 10:00
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: Suppressed(NotMailable)
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    ");
}

#[tokio::test]
async fn a_row_of_a_list_waits_for_the_sweep() {
    let world = World::at("2026-03-02 10:00").await;
    let row = world.import(Permission::Allowed, &[("email", "ada@example.com"), ("first_name", "Ada")]).await;
    assert_eq!(world.mails(&row), []);
    let summary = world.tick().await;
    assert_eq!((summary.visited, summary.sent), (1, 1));
    assert_eq!(world.mails(&row).len(), 1);
}

#[tokio::test]
async fn a_row_that_may_not_be_mailed_gets_calls_and_never_a_mail() {
    let world = World::at("2026-03-02 10:00").await;
    let row = world.import(Permission::Refused, &[("email", "ada@example.com"), ("phone", "+49 30 1234567")]).await;
    world.live_until("2027-03-02 10:00").await;
    assert_eq!(world.mails(&row), []);
    insta::assert_snapshot!(world.story(&row).await, @"
    Mon 2026-03-02 10:00  comes in by Import; e-mail DoNotEmail, phone Ok
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response is passed over: Suppressed(DoNotEmail)
                          CALL for response, by Sat 2026-03-07 10:00
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: TaskOpen
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: Suppressed(DoNotEmail)
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Sat 2026-03-07 10:00  nobody did response in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-03-09 09:00  nobody waits for response any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: Suppressed(DoNotEmail)
                          CALL for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-05-26 10:00  question is passed over: Suppressed(DoNotEmail)
                          CALL for question, by Sun 2026-05-31 10:00
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    Sun 2026-05-31 10:00  nobody did question in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-06-01 10:00  nobody waits for question any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-07-07 10:00  reading is passed over: Suppressed(DoNotEmail)
                          CALL for reading, by Sun 2026-07-12 10:00
                          goes on: question comes Mon 2026-10-05 10:00
    Sun 2026-07-12 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-07-13 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Mon 2026-10-05 10:00  question is passed over: Suppressed(DoNotEmail)
                          CALL for question, by Sat 2026-10-10 10:00
                          leaves occasional: Completed
                          starts occasional: reading comes Sun 2027-01-03 10:00
    Sat 2026-10-10 10:00  nobody did question in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-10-12 09:00  nobody waits for question any more
                          alert to the Manager, Digest: TaskOverdue
    Sun 2027-01-03 10:00  reading is passed over: Suppressed(DoNotEmail)
                          CALL for reading, by Fri 2027-01-08 10:00
                          goes on: question comes Sat 2027-04-03 10:00
    Fri 2027-01-08 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2027-01-11 09:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    ");
}

#[tokio::test]
async fn a_row_that_nobody_may_contact_is_listened_to_until_it_raises_a_hand() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let row = world.import(Permission::Refused, &[("email", "ada@example.com")]).await;
    assert_eq!(world.lead(&row).await.stage, LifecycleStage::Disqualified);
    world.live_until("2026-10-01 10:00").await;

    // Still no way to reach her: her words are kept, and she is listened to.
    world.post(json!({ "email": "ada@example.com", "message": "Hello?" })).await;
    assert_eq!(world.lead(&row).await.stage, LifecycleStage::Disqualified);
    world.post(json!({ "email": "ada@example.com", "phone": "+49 30 1234567" })).await;
    world.live_until("2026-10-03 10:00").await;
    assert_eq!(world.mails(&row), []);
    insta::assert_snapshot!(world.story(&row).await, @"
    Mon 2026-03-02 10:00  comes in by Import, raising a hand; e-mail DoNotEmail, phone Missing
                          is admitted
                          belongs to the queue sdr
                          is only listened to: DoNotContact; looked at Sat 2026-08-29 11:00
    Sat 2026-08-29 11:00  was looked at; next Thu 2027-02-25 10:00
    Thu 2026-10-01 10:00  sends something by Form, raising a hand
                          sends something by Form, raising a hand
                          is spoken to again
                          starts welcome: response comes Thu 2026-10-01 10:00
                          response is passed over: Suppressed(DoNotEmail)
                          CALL for response, by Tue 2026-10-06 10:00
                          goes on: first-call comes Thu 2026-10-01 10:00
                          first-call is passed over: TaskOpen
                          goes on: link comes Fri 2026-10-02 10:00
                          is ready for sales, in cycle 1: HandRaise
                          sales' clock runs: next Thu 2026-10-01 10:02, over Thu 2026-10-08 13:00
                          task 1_welcome_response_0 ends: superseded
                          CALL for first-contact, by Thu 2026-10-01 10:05
                          alert to the Owner, Now: Qualified
    Thu 2026-10-01 10:02  time passes: FirstAttemptDue; next Thu 2026-10-01 10:05
                          alert to the Owner, Now: FirstAttemptDue
    Thu 2026-10-01 10:05  nobody did first-contact in time
                          time is over: FirstAttemptMissed; next Thu 2026-10-01 10:10
                          alert to the Manager, Now: FirstAttemptMissed
    Thu 2026-10-01 10:10  time passes: Reassigned; next Thu 2026-10-08 13:00
    Fri 2026-10-02 10:00  link is passed over: Suppressed(DoNotEmail)
                          leaves welcome: Completed
                          starts occasional: reading comes Fri 2026-11-13 10:00
    Fri 2026-10-02 10:05  nobody waits for first-contact any more
    ");
    assert_eq!(world.waterfall().await.received, 1);
}

#[tokio::test]
async fn a_row_of_a_known_lead_that_forbids_mail_stops_it() {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "phone": "+49 30 1234567" })).await;
    assert_eq!(world.mails(&ada).len(), 1);
    let row = world.import(Permission::Refused, &[("email", "ADA@example.com")]).await;
    assert_eq!(row, ada);
    world.live_until("2026-07-01 00:00").await;
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
                          sends something by Import
                          may not be mailed any more: DoNotEmail
    Tue 2026-03-03 10:00  link is passed over: Suppressed(DoNotEmail)
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Wed 2026-03-04 10:00  nobody did first-call in time
                          alert to the Owner, Digest: TaskOverdue
    Thu 2026-03-05 10:00  nobody waits for first-call any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-04-14 10:00  reading is passed over: Suppressed(DoNotEmail)
                          CALL for reading, by Sun 2026-04-19 10:00
                          goes on: question comes Tue 2026-05-26 10:00
    Sun 2026-04-19 10:00  nobody did reading in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-04-20 10:00  nobody waits for reading any more
                          alert to the Manager, Digest: TaskOverdue
    Tue 2026-05-26 10:00  question is passed over: Suppressed(DoNotEmail)
                          CALL for question, by Sun 2026-05-31 10:00
                          leaves occasional: Completed
                          starts occasional: reading comes Tue 2026-07-07 10:00
    Sun 2026-05-31 10:00  nobody did question in time
                          alert to the Owner, Digest: TaskOverdue
    Mon 2026-06-01 10:00  nobody waits for question any more
                          alert to the Manager, Digest: TaskOverdue
    "#);
}
