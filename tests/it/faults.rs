//! What goes wrong, and that nothing comes of it (TRUST.md §6).
//!
//! F5 to F7 and F14 are also explored to their end: see `protocol`, and `lost_answers` among the tests of
//! `perennial-aws` for an own write that is answered "failed" (F7). F11 and F20 are with `handlers::ingest_lead`.

pub(crate) mod hooked;
pub(crate) mod process;
mod ses;

use std::sync::Arc;

use hooked::{Call, Hooked};
use jiff::SignedDuration;
use perennial_core::catalog::Catalog;
use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use perennial_core::lead::{EmailReach, LifecycleStage};
use perennial_core::testing;
use schedule_touch::Summary;
use serde_json::json;
use ses::{Manner, Ses};
use tokio::sync::Barrier;
use tracing::level_filters::LevelFilter;

use crate::handlers::ingest_lead::logs::Log;
use crate::scenarios::world::{LEASE, World, berlin, nudge, read, sample, unsubscribe_post};

const NOW: &str = "2026-03-02 10:00";

/// Her first touch: what the samples of SES's events are about.
const RESPONSE: &str = "1_welcome_response_0";

/// The suite behind a store that things happen to.
async fn hooked() -> (World, Arc<Hooked>) {
    let mut hooked = None;
    let world = World::with(testing::catalog(), NOW, |ports, store| {
        let between = Arc::new(Hooked::new(Arc::new(store.clone())));
        ports.store = between.clone();
        hooked = Some(between);
    })
    .await;
    (world, hooked.unwrap())
}

/// The suite with the real mailer, in front of an SES that behaves so.
async fn mailing(manner: Manner) -> (World, Ses) {
    let ses = Ses::start(manner).await;
    let world = World::with(testing::catalog(), NOW, |ports, _| ports.mailer = ses.mailer()).await;
    (world, ses)
}

/// The suite with the real mailer, in front of each SES that can be: one that says it all, and those that do not.
pub(crate) async fn mailing_as(catalog: impl Fn() -> Catalog) -> Vec<World> {
    let mut worlds = Vec::new();
    for manner in [Manner::Answers, Manner::Refuses, Manner::Fails, Manner::HangsUp, Manner::Hangs] {
        let ses = Ses::start(manner).await;
        worlds.push(World::with(catalog(), NOW, |ports, _| ports.mailer = ses.mailer()).await);
    }
    worlds
}

async fn ada(world: &World) -> LeadId {
    world.post(json!({ "email": "ada@example.com" })).await
}

/// How often SES was asked to take her first mail.
fn posts(ses: &Ses) -> usize {
    ses.touches().iter().filter(|touch| *touch == RESPONSE).count()
}

// --- F1 ------------------------------------------------------------------------------------------------

/// Lets the next three loads return together, so that three workers see the same lead.
fn let_three_meet(hooked: &Hooked) {
    let meeting = Arc::new(Barrier::new(3));
    for _ in 0..3 {
        let meeting = Arc::clone(&meeting);
        hooked.before(Call::Load, async move {
            meeting.wait().await;
            Ok(())
        });
    }
}

#[tokio::test]
async fn f1_the_same_nudge_three_times_at_once_is_one_mail() {
    let (world, hooked) = hooked().await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    let_three_meet(&hooked);
    let event = nudge(json!({ "lead": ada }));
    let run = || schedule_touch::handle(Arc::clone(&world.functions.touch), read(&event));
    let (one, two, three) = tokio::join!(run(), run(), run());

    let sent: u64 = [one, two, three].map(|summary| summary.unwrap().sent).iter().sum();
    assert_eq!((sent, world.mails(&ada).len()), (1, 1));
    assert_eq!(world.names(&ada).await.iter().filter(|name| **name == "touch.sent").count(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn f1_three_ticks_at_once_are_one_mail_to_each() {
    let (world, hooked) = hooked().await;
    let people = [
        world.commit_post(&json!({ "email": "ada@example.com" })).await,
        world.commit_post(&json!({ "email": "bob@example.com" })).await,
    ];
    let_three_meet(&hooked);
    let (one, two, three) = tokio::join!(world.tick(), world.tick(), world.tick());
    let sent: u64 = [one, two, three].iter().map(|summary| summary.sent).sum();
    assert_eq!((sent, world.mailer.handed_over().len()), (2, 2));
    for person in people {
        assert_eq!(world.mails(&person).len(), 1);
    }
    world.assert_sound().await;
}

// --- F2, F3, F9 ----------------------------------------------------------------------------------------

#[tokio::test]
async fn f2_a_mail_whose_answer_is_lost_is_proved_by_its_event_and_posted_once() {
    let (world, ses) = mailing(Manner::HangsUp).await;
    let ada = ada(&world).await;
    ses.behave(Manner::Answers);
    insta::assert_snapshot!(world.story(&ada).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response may have been sent: until Mon 2026-03-02 16:00 a proof may come
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    ");

    world.clock.advance(SignedDuration::from_hours(1));
    world.tick().await;
    assert_eq!(posts(&ses), 1);
    // Ada's are the sample's lead, touch and attempt.
    let event = sample("ses-send.json");
    record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
    world.live_until("2026-03-04 00:00").await;
    assert_eq!(posts(&ses), 1);
    insta::assert_snapshot!(world.story(&ada).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response may have been sent: until Mon 2026-03-02 16:00 a proof may come
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Mon 2026-03-02 11:00  MAIL 1_welcome_response_0 (known by Event)
    Tue 2026-03-03 10:00  MAIL 1_welcome_link_0
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    ");
}

#[tokio::test]
async fn f3_a_mail_of_which_nobody_hears_again_is_reviewed_by_a_person_and_never_sent_again() {
    let (world, ses) = mailing(Manner::HangsUp).await;
    let ada = ada(&world).await;
    ses.behave(Manner::Answers);
    world.clock.advance(SignedDuration::from_hours(6) - SignedDuration::from_secs(1));
    world.tick().await;
    assert_eq!(world.audit().await.review, []);

    let log = Log::at(LevelFilter::INFO);
    world.clock.advance(SignedDuration::from_secs(1));
    world.tick().await;
    let alarms: Vec<_> = log.text().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect();
    assert_eq!(alarms.len(), 1, "{}", log.text());
    assert!(alarms[0].contains(RESPONSE) && alarms[0].contains(ada.as_str()), "{alarms:?}");

    let audit = world.audit().await;
    assert!(audit.ok);
    let listed: Vec<_> = audit.review.iter().map(|item| (&item.lead, item.touch.as_str())).collect();
    assert_eq!(listed, [(&ada, RESPONSE)]);
    world.live_until("2026-09-01 00:00").await;
    assert_eq!(posts(&ses), 1);
    assert!(ses.touches().len() > 3, "the lead goes on");
    assert_eq!(world.audit().await.review.len(), 1);
}

#[tokio::test]
async fn f9_an_ses_that_fails_or_hangs_is_asked_once_and_leaves_the_mail_unknown() {
    for manner in [Manner::Fails, Manner::Hangs] {
        let (world, ses) = mailing(manner).await;
        let ada = ada(&world).await;
        ses.behave(Manner::Answers);
        let names = world.names(&ada).await;
        assert!(
            names.windows(2).any(|names| names == ["touch.unknown", "enrolment.advanced"]),
            "{manner:?}: {names:?}"
        );
        world.clock.advance(LEASE);
        world.tick().await;
        assert_eq!(posts(&ses), 1, "{manner:?}");
        world.assert_sound().await;
    }
}

#[tokio::test]
async fn an_ses_that_nobody_reaches_gets_the_mail_when_it_is_back() {
    let (mut world, ses) = mailing(Manner::Answers).await;
    let back = world.change_mailer(ses::unreachable_mailer().await);
    let ada = ada(&world).await;
    assert!(world.names(&ada).await.contains(&"touch.deferred"));
    world.change_mailer(back);
    world.live_until("2026-03-02 10:05").await;
    assert_eq!(posts(&ses), 1);
    insta::assert_snapshot!(world.story(&ada).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response waits until Mon 2026-03-02 10:01: NotReached
    Mon 2026-03-02 10:01  MAIL 1_welcome_response_0
                          goes on: first-call comes Mon 2026-03-02 10:01
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:01
    ");
}

// --- F4, F5, F6: a worker that dies ----------------------------------------------------------------------

#[tokio::test]
async fn f6_a_worker_that_dies_with_the_mail_in_its_hand_leaves_it_unknown_when_its_lease_is_over() {
    let (world, hooked) = hooked().await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    // The mail is handed over, and what became of it cannot be written down.
    hooked.fail(Call::Commit);
    let event = nudge(json!({ "lead": ada }));
    schedule_touch::handle(Arc::clone(&world.functions.touch), read(&event)).await.unwrap_err();
    assert_eq!(world.mails(&ada).len(), 1);
    assert!(world.lead(&ada).await.sending.is_some());

    world.clock.advance(LEASE - SignedDuration::from_secs(1));
    world.tick().await;
    assert!(world.lead(&ada).await.sending.is_some(), "its worker may still be alive");
    world.clock.advance(SignedDuration::from_secs(1));
    world.tick().await;
    assert_eq!(world.mails(&ada).len(), 1);
    insta::assert_snapshot!(world.story(&ada).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
    Mon 2026-03-02 10:02  response may have been sent: until Mon 2026-03-02 16:02 a proof may come
                          goes on: first-call comes Mon 2026-03-02 10:02
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:02
    ");
    world.assert_sound().await;
}

// --- F12 -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn f12_what_was_committed_before_a_crash_is_published_after_it_and_only_then_forgotten() {
    let (mut world, _) = hooked().await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(world.bus.published(), []);

    // Another process, another feeder: nothing but the file is left.
    world.redeploy(testing::catalog());
    world.bus.refuse_next();
    assert_eq!(world.publish().await, 0);
    assert_eq!(world.bus.published(), []);
    world.deliver().await;
    let published: Vec<_> = world.bus.published().into_iter().map(|event| event.name).collect();
    assert_eq!(published[..4], ["lead.received", "lead.admitted", "lead.assigned", "enrolment.started"]);
    // The nudge went with it.
    assert_eq!(world.mails(&ada).len(), 1);
    assert_eq!(world.publish().await, 0, "nothing is published twice");
}

#[tokio::test]
async fn f12_a_nudge_that_is_lost_costs_a_minute_and_no_touch() {
    let world = World::at(NOW).await;
    let ada = world.commit_post(&json!({ "email": "ada@example.com" })).await;
    world.publish().await;
    assert_eq!(world.mails(&ada), []);
    world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(world.tick().await, Summary { visited: 1, sent: 1, lateness_max_s: 60, ..Summary::default() });
    assert_eq!(world.mails(&ada).len(), 1);
}

// --- F13 -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn f13_an_unsubscribe_between_load_and_mark_stops_that_very_mail() {
    let (world, hooked) = hooked().await;
    let ada = ada(&world).await;
    let token = crate::scenarios::world::unsubscribe_token(&world.last_mail(&ada));
    // Her next mail is due; while it is written, she unsubscribes.
    world.clock.set(berlin("2026-03-03 10:00"));
    let engagement = Arc::clone(&world.functions.engagement);
    hooked.before(Call::Mark, async move {
        record_engagement::handle(engagement, unsubscribe_post(&token)).await.unwrap();
        Ok(())
    });
    let summary = world.tick().await;
    assert_eq!((summary.sent, world.mails(&ada).len()), (0, 1));
    let lead = world.lead(&ada).await;
    assert_eq!((lead.email, lead.stage, lead.sending), (EmailReach::Unsubscribed, LifecycleStage::Disqualified, None));
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  may not be mailed any more: Unsubscribed
                          leaves welcome: Suppressed
                          is only listened to: DoNotContact; looked at Sun 2026-08-30 11:00
    "#);
}

#[tokio::test]
async fn f14_an_unsubscribe_while_a_mail_is_in_flight_lets_that_one_through_and_no_other() {
    let (world, hooked) = hooked().await;
    let ada = ada(&world).await;
    let token = crate::scenarios::world::unsubscribe_token(&world.last_mail(&ada));
    world.clock.set(berlin("2026-03-03 10:00"));
    let engagement = Arc::clone(&world.functions.engagement);
    // The mail is out; before that is written down, she unsubscribes.
    hooked.before(Call::Commit, async move {
        record_engagement::handle(engagement, unsubscribe_post(&token)).await.unwrap();
        Ok(())
    });
    world.tick().await;
    world.live_until("2026-09-01 00:00").await;
    assert_eq!(world.mails(&ada).len(), 2);
    let sent = world.events(&ada).await.iter().filter(|event| matches!(event, Event::TouchSent { .. })).count();
    assert_eq!(sent, 2);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  may not be mailed any more: Unsubscribed
                          leaves welcome: Suppressed
                          is only listened to: DoNotContact; looked at Sun 2026-08-30 11:00
                          MAIL "A guide"
    Sun 2026-08-30 11:00  was looked at; next Fri 2027-02-26 10:00
    "#);
}
