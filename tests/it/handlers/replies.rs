//! Mail that comes in, as S3 tells `record-engagement` of it and the bus tells `notify` (S7, F12, F31, H40).

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_app::forward::Forwarded;
use perennial_app::ports::{Clock, ForwardedMail};
use perennial_core::condition::SignalKind;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, Event};
use perennial_core::ids::{FormName, LeadId};
use perennial_core::inbound::InboxKey;
use perennial_core::lead::{EmailReach, LifecycleStage, Pause, PauseCause, TaskKind};
use perennial_core::submission::Channel;
use perennial_core::testing;
use serde_json::{Value, json};

use super::alerts::again;
use crate::scenarios::world::{
    REPLY_DOMAIN, World, berlin, keyring, pepper, read, reply_received, s3_event, sample, unsubscribe_token,
};

/// A Wednesday, and somebody who has just got her first mail.
async fn with_ada() -> (World, LeadId) {
    let world = World::at("2027-04-28 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    (world, ada)
}

const AWAY: &str = "Auto-Submitted: auto-replied\n";
const UNPROVEN: &str =
    "Authentication-Results: amazonses.com; spf=fail; dkim=none; dmarc=fail header.from=example.com\n";

async fn pause(world: &World, lead: &LeadId) -> Option<Pause> {
    world.lead(lead).await.enrolment.and_then(|enrolment| enrolment.paused)
}

fn only(forwarded: Vec<ForwardedMail>) -> ForwardedMail {
    assert_eq!(forwarded.len(), 1);
    forwarded.into_iter().next().unwrap()
}

/// The detail of the last event of that name.
fn told(world: &World, name: &str) -> Value {
    let event = world.bus.published().into_iter().rev().find(|event| event.name == name).unwrap();
    serde_json::from_str(&event.detail).unwrap()
}

// --- A person answers ------------------------------------------------------------------------------------

#[tokio::test]
async fn a_reply_stops_the_automation_raises_the_moment_and_goes_on_to_the_owner() {
    let (world, ada) = with_ada().await;
    let answer = world.mail_in(&world.answer(&ada, "", "Thanks! Can we talk on Thursday?\n\nAda")).await;
    assert_eq!(answer["decided"], 1);

    let names = world.names(&ada).await;
    for name in ["reply.received", "moment.raised", "signal.recorded", "enrolment.paused"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(world.lead(&ada).await.signals.contains_key(&SignalKind::Replied));
    let resume_at = world.clock.now() + SignedDuration::from_hours(14 * 24);
    assert_eq!(pause(&world, &ada).await, Some(Pause { cause: PauseCause::InConversation, resume_at }));

    let mail = only(world.forwarder.forwarded());
    assert_eq!(mail.to, "robin@perennial.example");
    assert_eq!(mail.reply_to, Some(("Ada Marsh".to_owned(), "ada@example.com".to_owned())));
    assert_eq!(mail.subject, format!("Re: {}", world.last_mail(&ada).subject));
    insta::assert_snapshot!(mail.text, @r"
    Ada Marsh answered. Answer this mail, and it goes straight to them.
    Our own mail to them rests until 12 May 2027.
    ---

    Thanks! Can we talk on Thursday?

    Ada
    ");
    assert!(world.inbox.keys().is_empty(), "what was forwarded is not kept");

    world.live_until("2027-05-12 09:59").await;
    assert_eq!(world.mails(&ada).len(), 1, "nobody writes beside the conversation");
    world.live_until("2027-05-13 18:00").await;
    assert!(world.mails(&ada).len() > 1, "and nobody is forgotten after it");
}

#[tokio::test]
async fn nothing_personal_of_a_reply_is_in_history_or_on_the_bus() {
    let (world, ada) = with_ada().await;
    world.mail_in(&world.answer(&ada, "", "canary-7f3 says hello")).await;
    let shown = format!("{:?} {:?}", world.history(&ada).await, world.bus.published());
    assert!(!shown.contains("canary") && !shown.contains("example.com") && !shown.contains("Marsh"), "{shown}");
}

#[tokio::test]
async fn a_reply_that_comes_twice_is_decided_on_once_and_forwarded_once() {
    let (world, ada) = with_ada().await;
    let key = world.drop_in(&world.answer(&ada, "", "Yes, please."));
    let (first, second) = tokio::join!(world.take_in(&key), world.take_in(&key));
    let counted = |field: &str| first[field].as_u64().unwrap() + second[field].as_u64().unwrap();
    assert_eq!((counted("decided"), counted("known")), (1, 1));
    world.deliver().await;

    // Whoever forwarded it had no time to delete it.
    world.inbox.put(&key, world.answer(&ada, "", "Yes, please."));
    let again = reply_received(told(&world, "reply.received"));
    let summary = notify::handle(Arc::clone(&world.functions.notify), read(&again)).await.unwrap();
    assert_eq!(summary.reply, Some(Forwarded::Known));
    assert_eq!(world.inbox.keys(), []);
    assert_eq!(world.forwarder.forwarded().len(), 1);
    assert_eq!(world.names(&ada).await.iter().filter(|name| **name == "reply.received").count(), 1);
}

#[tokio::test]
async fn f12_a_crash_between_the_commit_and_the_forwarded_reply_loses_nothing() {
    let (world, ada) = with_ada().await;
    let key = world.drop_in(&world.answer(&ada, "", "Yes, please."));
    world.take_in(&key).await;
    assert!(world.forwarder.forwarded().is_empty(), "whoever was to forward it is gone");
    assert_eq!(world.inbox.keys(), [key]);
    // The history stream brings it.
    world.deliver().await;
    assert_eq!(world.forwarder.forwarded().len(), 1);
}

#[tokio::test]
async fn f12_a_reply_that_ses_may_have_taken_comes_again_when_its_worker_is_gone() {
    let (world, ada) = with_ada().await;
    let key = world.drop_in(&world.answer(&ada, "", "Yes, please."));
    world.take_in(&key).await;
    world.publish().await;
    let event = reply_received(told(&world, "reply.received"));
    let call = async || {
        let summary = notify::handle(Arc::clone(&world.functions.notify), read(&event)).await;
        summary.map(|summary| summary.reply).map_err(|error| error.to_string())
    };
    world.forwarder.answer_next(SendOutcome::Ambiguous);
    assert_eq!(call().await, Ok(None), "it is kept for the next tick");
    // While the first worker may be alive, nobody else is at it.
    assert_eq!(call().await, Ok(None));
    assert_eq!(world.forwarder.forwarded().len(), 1);
    world.clock.advance(SignedDuration::from_mins(3));
    assert_eq!(call().await, Ok(Some(Forwarded::Sent)));
    assert_eq!(call().await, Ok(Some(Forwarded::Known)));
    assert!(world.inbox.keys().is_empty());
}

#[tokio::test]
async fn a_reply_that_ses_does_not_take_goes_on_at_the_tick_once_it_does() {
    let (world, ada) = with_ada().await;
    world.forwarder.answer_next(SendOutcome::NotYet(DeferReason::Throttled));
    world.mail_in(&world.answer(&ada, "", "Yes, please.")).await;
    assert_eq!(world.inbox.keys().len(), 1);
    assert_eq!(again(&world).await, (1, 0));
    assert_eq!(world.forwarder.forwarded().len(), 2);
    assert!(world.inbox.keys().is_empty());
}

// --- A person wants no more mail -------------------------------------------------------------------------

#[tokio::test]
async fn whoever_answers_stop_is_unsubscribed_and_the_owner_has_a_task() {
    let (world, ada) = with_ada().await;
    world.mail_in(&world.answer(&ada, "", "Please remove me from your list.")).await;
    let lead = world.lead(&ada).await;
    assert_eq!((lead.email, lead.task.map(|task| task.kind)), (EmailReach::Unsubscribed, Some(TaskKind::Read)));
    assert!(!lead.signals.contains_key(&SignalKind::Replied));
    let mail = only(world.forwarder.forwarded());
    assert!(mail.text.contains("They ask not to be mailed any more, and will not be."), "{}", mail.text);
    world.live_until("2027-06-30 12:00").await;
    assert_eq!(world.mails(&ada).len(), 1);
}

#[tokio::test]
async fn a_stop_that_may_be_anybodys_is_only_a_task() {
    let (world, ada) = with_ada().await;
    let signals = world.lead(&ada).await.signals;
    let unproven = world.answer(&ada, UNPROVEN, "Please remove me from your list.");
    // Without a token, as anybody could write it.
    let bare = b"From: Ada <ada@example.com>\nTo: team@reply.perennial.example\nSubject: Hi\n\nUnsubscribe me.";
    let spam =
        [b"X-SES-Spam-Verdict: FAIL\n", world.answer(&ada, "", "Please remove me from your list.").as_slice()].concat();
    for raw in [unproven.as_slice(), bare, spam.as_slice()] {
        assert_eq!(world.mail_in(raw).await["decided"], 1);
        let lead = world.lead(&ada).await;
        assert_eq!((lead.email, lead.task.map(|task| task.kind)), (EmailReach::Ok, Some(TaskKind::Read)));
        assert_eq!((pause(&world, &ada).await, &lead.signals), (None, &signals));
        let mail = world.forwarder.forwarded().pop().unwrap();
        assert!(mail.text.contains("the sender is not proven"), "{}", mail.text);
        assert!(mail.text.contains("Nothing has been changed"), "{}", mail.text);
    }
}

#[tokio::test]
async fn a_mail_program_unsubscribes_by_the_signed_subject() {
    let (world, ada) = with_ada().await;
    let token = unsubscribe_token(&world.last_mail(&ada));
    let raw = format!("From: ada@example.com\nTo: stop@reply.perennial.example\nSubject: {token}\n{AWAY}\n");
    world.mail_in(raw.as_bytes()).await;
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unsubscribed);
    assert!(world.forwarder.forwarded().is_empty() && world.inbox.keys().is_empty());
}

// --- A machine answers -----------------------------------------------------------------------------------

#[tokio::test]
async fn out_of_office_until_the_fifth_of_may_goes_on_on_the_sixth() {
    let (world, ada) = with_ada().await;
    let away = "Thank you. I am out of the office until 5 May and will answer after that.";
    assert_eq!(world.mail_in(&world.answer(&ada, AWAY, away)).await["decided"], 1);
    let resume_at = berlin("2027-05-06 00:00");
    assert_eq!(pause(&world, &ada).await, Some(Pause { cause: PauseCause::OutOfOffice, resume_at }));
    assert!(!world.lead(&ada).await.signals.contains_key(&SignalKind::Replied), "it is no sign of the person");
    assert!(world.forwarder.forwarded().is_empty() && world.inbox.keys().is_empty());

    world.live_until("2027-05-05 23:59").await;
    assert_eq!(world.mails(&ada).len(), 1);
    // Ascension Day is a Thursday like any other here.
    world.live_until("2027-05-06 12:00").await;
    let second: Vec<Timestamp> = world.mails(&ada).iter().skip(1).map(|mail| mail.date).collect();
    assert_eq!(second, [berlin("2027-05-06 08:00")], "when the window opens on the first day back");
}

#[tokio::test]
async fn an_absence_without_a_date_pauses_for_some_days_and_a_receipt_not_at_all() {
    let (world, ada) = with_ada().await;
    let receipt = world.answer(&ada, "Auto-Submitted: auto-generated\n", "We have received your request.");
    assert_eq!(world.mail_in(&receipt).await["ignored"], 1);
    assert_eq!(pause(&world, &ada).await, None);
    world.mail_in(&world.answer(&ada, AWAY, "I am on vacation.")).await;
    let resume_at = world.clock.now() + SignedDuration::from_hours(5 * 24);
    assert_eq!(pause(&world, &ada).await, Some(Pause { cause: PauseCause::OutOfOffice, resume_at }));
}

#[tokio::test]
async fn f31_a_storm_of_automatic_answers_is_counted_answered_by_nothing_and_pauses_once() {
    let (world, ada) = with_ada().await;
    let history = world.history(&ada).await.len();
    let mut decided = 0;
    for _ in 0..40 {
        let answer = world.mail_in(&world.answer(&ada, AWAY, "I am on vacation.")).await;
        decided += answer["decided"].as_u64().unwrap();
        world.clock.advance(SignedDuration::from_secs(10));
    }
    assert_eq!((decided, world.history(&ada).await.len()), (1, history + 1));
    assert_eq!(world.mails(&ada).len(), 1);
    assert!(world.forwarder.forwarded().is_empty() && world.inbox.keys().is_empty());
    world.assert_sound().await;
}

#[tokio::test]
async fn f31_our_own_mail_and_a_bounce_that_come_back_are_passed_over() {
    let (world, ada) = with_ada().await;
    world.mail_in(&world.answer(&ada, "", "Yes.")).await;
    let mut forwarded = String::new();
    for (name, value) in &only(world.forwarder.forwarded()).headers {
        writeln!(forwarded, "{name}: {value}").unwrap();
    }
    let before = world.lead(&ada).await;
    for headers in [forwarded.as_str(), "Return-Path: <>\n", "X-Failed-Recipients: ada@example.com\n"] {
        let answer = world.mail_in(&world.answer(&ada, headers, "Yes.")).await;
        assert_eq!(answer["ignored"], 1, "{headers}");
    }
    let colleague = String::from_utf8(world.answer(&ada, "", "Yes.")).unwrap();
    let colleague = colleague.replace("Ada Marsh <ada@example.com>", "Robin Vale <robin@perennial.example>");
    assert_eq!(world.mail_in(colleague.as_bytes()).await["ignored"], 1);
    assert_eq!(world.lead(&ada).await, before);
    assert_eq!(world.forwarder.forwarded().len(), 1);
}

// --- Monsters and strangers ------------------------------------------------------------------------------

#[tokio::test]
async fn h40_a_monster_is_taken_in_within_the_caps_and_a_spoof_is_only_possible() {
    let (world, ada) = with_ada().await;
    let mut long = world.answer(&ada, "", "Let us talk.");
    long.resize(40 * 1024 * 1024, b'x');
    let mut nested = String::from_utf8(world.answer(&ada, "", "")).unwrap();
    nested = nested.replace("Content-Type: text/plain; charset=utf-8\n", "").trim_end().to_owned() + "\n";
    for at in 0..500 {
        write!(nested, "Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n").unwrap();
    }
    let charset = String::from_utf8(world.answer(&ada, "", "Let us talk")).unwrap().replace("utf-8", "klingon-8");
    let charset = [charset.as_bytes(), b"\xff\xfe\x80"].concat();
    for (name, raw) in [("40 MB", long), ("500 parts", nested.into_bytes()), ("a broken charset", charset)] {
        let answer = world.mail_in(&raw).await;
        assert_eq!((&answer["decided"], &answer["left"]), (&json!(1), &json!(0)), "{name}");
    }
    let long = &world.forwarder.forwarded()[0];
    assert!(long.original.is_none() && long.text.len() < 80_000, "what is too long goes on by its text alone");

    let grace = world.post(json!({ "email": "grace@example.com" })).await;
    world.mail_in(&world.answer(&grace, UNPROVEN, "I will take a thousand.")).await;
    let lead = world.lead(&grace).await;
    assert!(!lead.signals.contains_key(&SignalKind::Replied) && pause(&world, &grace).await.is_none());
    let infected = world.answer(&grace, "X-SES-Virus-Verdict: FAIL\n", "Open this.");
    assert_eq!(world.mail_in(&infected).await["left"], 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_stranger_who_writes_becomes_a_lead_by_the_form_that_the_catalog_names() {
    let mut catalog = testing::catalog();
    catalog.mail_form = Some(FormName::parse("contact").unwrap());
    let world = World::of(catalog, "2027-04-28 10:00").await;
    let raw = "From: Grace Hopper <grace@example.com>\nTo: hello@reply.perennial.example\nSubject: Prices\n\n\
               What does it cost for twelve people?";
    assert_eq!(world.mail_in(raw.as_bytes()).await["received"], 1);
    let id = |address: &str| LeadId::of_email(&pepper(), &EmailAddress::parse(address).unwrap());
    let grace = id("grace@example.com");
    let stored = world.store.load(&grace).await.unwrap().unwrap();
    assert_eq!(stored.lead.stage, LifecycleStage::Inquiry);
    let fields: Vec<_> = stored.profile.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let message = ("message", "What does it cost for twelve people?");
    assert_eq!(fields, [("first_name", "Grace"), ("last_name", "Hopper"), message]);
    let by_mail = |event: &Event| matches!(event, Event::Received { channel: Channel::Email, .. });
    assert!(world.events(&grace).await.iter().any(by_mail));
    assert!(only(world.forwarder.forwarded()).text.contains("for the first time"));

    // Who wants no mail is not greeted with one: nobody knows them by this address.
    let stop = raw.replace("grace", "hopper").replace("What does it cost for twelve people?", "Unsubscribe me.");
    assert_eq!(world.mail_in(stop.as_bytes()).await["left"], 1);
    assert!(world.store.load(&id("hopper@example.com")).await.unwrap().is_none());

    let forged = format!("{UNPROVEN}{}", raw.replace("grace", "mallory"));
    assert_eq!(world.mail_in(forged.as_bytes()).await["left"], 1);
    assert!(world.store.load(&id("mallory@example.com")).await.unwrap().is_none());
}

#[tokio::test]
async fn without_such_a_form_a_strangers_mail_stays_in_the_inbox() {
    let (world, _) = with_ada().await;
    let raw = b"From: Grace <grace@example.com>\nTo: hello@reply.perennial.example\nSubject: Hi\n\nHello!";
    assert_eq!(world.mail_in(raw).await["left"], 1);
    assert_eq!(world.inbox.keys().len(), 1);
}

// --- The shapes of events --------------------------------------------------------------------------------

#[tokio::test]
async fn the_samples_are_what_s3_and_the_bus_send() {
    let (world, ada) = with_ada().await;
    let take = async |event: Value| {
        let answer = record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
        serde_json::to_value(answer).unwrap()
    };
    assert_eq!(take(sample("inbound-mail.json")).await["known"], 1, "that mail is not there");
    let summary = notify::handle(Arc::clone(&world.functions.notify), read(&sample("reply-received.json"))).await;
    assert_eq!(summary.unwrap().reply, Some(Forwarded::Gone));

    let setup = sample("inbound-setup.json");
    let key = InboxKey::parse(setup["Records"][0]["s3"]["object"]["key"].as_str().unwrap()).unwrap();
    world.inbox.put(&key, b"From: Amazon Web Services <no-reply-aws@amazon.com>\n\nHello".to_vec());
    assert_eq!(take(setup).await["ignored"], 1);
    assert_eq!(world.inbox.keys().len(), 0);

    let event = s3_event(&world.drop_in(&world.answer(&ada, "", "Yes."))).to_string();
    let as_key = |to: &str| serde_json::from_str::<Value>(&event.replace("inbound/", to)).unwrap();
    assert_eq!(take(as_key("inbound%2F")).await["decided"], 1);
    assert_eq!(take(as_key("of%20others/")).await["left"], 1);
}

#[tokio::test]
async fn a_reply_to_the_signed_address_is_certain_whoever_sends_it() {
    let (world, ada) = with_ada().await;
    let mail = world.last_mail(&ada);
    let address = format!("{}@{REPLY_DOMAIN}", keyring().sign_reply_address(&ada, &mail.touch));
    let raw = format!("From: someone@elsewhere.example\nTo: <{}>\n\nI answer for Ada: yes.", address.to_uppercase());
    assert_eq!(world.mail_in(raw.as_bytes()).await["decided"], 1);
    assert!(world.lead(&ada).await.signals.contains_key(&SignalKind::Replied));
}
