//! Erasing a person.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_app::holdings::{Erasure, Held, HeldPage, Holdings, Kind};
use perennial_app::ingest::Receipt;
use perennial_app::library::Library;
use perennial_app::memory::SettableClock;
use perennial_app::ports::{Cursor, EngagementRecord, Mailer, OutboundMail, SendReport, StoreError};
use perennial_app::privacy::{EraseError, Privacy};
use perennial_core::event::{Event, apply};
use perennial_core::ids::{FormName, LeadId, SubmissionId, TouchId};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::{EmailReach, Lead, LifecycleStage};
use perennial_core::privacy::thinned;
use perennial_core::submission::{Channel, Entry, Permission};
use proptest::prelude::*;
use serde_json::json;

use super::{ADDRESS, canary, dump, found, privacy, table, whole};
use crate::faults::hooked::{Call, Hooked};
use crate::scenarios::properties::decisions::{CATALOGS, Life, next_move};
use crate::scenarios::world::{World, berlin, pepper, shipped};

const NOW: &str = "2026-03-02 10:00";

/// A mailer at whose every mail somebody erases the person to whom it goes, before the answer is there.
struct ErasingMeanwhile {
    mailer: Arc<dyn Mailer>,
    privacy: Privacy,
}

#[async_trait]
impl Mailer for ErasingMeanwhile {
    async fn send(&self, mail: &OutboundMail) -> SendReport {
        let report = self.mailer.send(mail).await;
        self.privacy.erase(&mail.lead).await.unwrap();
        report
    }
}

/// The suite, where whoever gets a mail is erased while it is in flight.
async fn erasing_meanwhile() -> World {
    World::with(shipped(), NOW, |ports, store| {
        let privacy = Privacy {
            store: Arc::new(store.clone()),
            holdings: vec![Arc::new(store.clone())],
            library: Arc::new(Library::fixed(Arc::new(shipped()))),
            clock: Arc::new(SettableClock::new(berlin(NOW))),
        };
        ports.mailer = Arc::new(ErasingMeanwhile { mailer: Arc::clone(&ports.mailer), privacy });
    })
    .await
}

/// A row of a list that brings her.
async fn import(world: &World) -> Receipt {
    let form = FormName::parse("contact").unwrap();
    let raw = RawSubmission {
        id: SubmissionId::derive(&pepper(), &form, "row:1"),
        channel: Channel::Import,
        received_at: berlin("2026-03-01 10:00"),
        entry: Entry::Welcome,
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        junk: Vec::new(),
        pairs: vec![("email".to_owned(), ADDRESS.to_owned()), ("first_name".to_owned(), "Kanarina".to_owned())],
    };
    let submission = intake::read(raw, &world.catalog().fields, &form, &world.catalog().forms[&form]).unwrap();
    world.functions.ingest.door.receive(submission, None).await.unwrap()
}

#[tokio::test]
async fn f21_whoever_is_erased_while_a_mail_is_in_flight_gets_no_other_and_nothing_is_left() {
    let world = erasing_meanwhile().await;
    let lead = world.post(canary()).await;
    assert_eq!(world.mails(&lead).len(), 1, "the one that was in flight");

    let erased = world.lead(&lead).await;
    assert_eq!((erased.stage, erased.email), (LifecycleStage::Erased, EmailReach::Unsubscribed));
    assert_eq!(erased.sending, None);
    let names = world.names(&lead).await;
    assert_eq!(names.last(), Some(&"lead.erased"), "the late answer changes nothing: {names:?}");
    assert_eq!(found(&dump(&world).await), [""; 0]);
    assert!(!dump(&world).await.contains("Atlantic/Canary"));

    // SES tells what became of it, and the world goes on.
    world.hear("ses-send.json", &lead).await;
    world.live_until("2026-09-01 10:00").await;
    assert_eq!(world.mails(&lead).len(), 1);
    assert_eq!(world.names(&lead).await.last(), Some(&"lead.erased"));
    world.assert_sound().await;
    let waterfall = world.waterfall().await;
    assert_eq!((waterfall.received, waterfall.places["erased"], waterfall.balanced), (1, 1, true));
    assert_eq!(waterfall.submissions.received, 1, "it is counted still");

    // A list cannot bring her back.
    assert_eq!(import(&world).await, Receipt::Erased);
    assert_eq!(found(&dump(&world).await), [""; 0]);
    assert_eq!(world.lead(&lead).await.stage, LifecycleStage::Erased);
}

#[tokio::test]
async fn whoever_comes_back_by_a_form_begins_a_new_life_and_is_asked_anew_whether_mail_is_welcome() {
    let world = World::of(shipped(), NOW).await;
    let lead = world.post(canary()).await;
    world.live_until("2026-03-10 10:00").await;
    let mails = world.mails(&lead).len();
    whole(&world).erase(&lead).await.unwrap();
    world.live_until("2026-04-10 10:00").await;
    assert_eq!(world.mails(&lead).len(), mails);

    assert_eq!(world.post(canary()).await, lead);
    let back = world.lead(&lead).await;
    assert_eq!(back.life, 2);
    assert_ne!(back.stage, LifecycleStage::Erased);
    assert!(back.opt_in.until.is_some(), "she is asked");
    assert_ne!(back.email, EmailReach::Ok, "and until she says yes, nothing else goes out");
    assert!(found(&dump(&world).await).len() > 5, "what she tells now is kept: {:?}", found(&dump(&world).await));
    world.assert_sound().await;
}

#[tokio::test]
async fn an_address_that_a_list_forbids_can_be_erased_and_still_gets_no_mail() {
    let world = World::of(shipped(), NOW).await;
    let lead = world.import(Permission::Refused, &[("email", ADDRESS), ("phone", "+493073127312")]).await;
    whole(&world).erase(&lead).await.unwrap();
    let tombstone = world.lead(&lead).await;
    assert_eq!((tombstone.stage, tombstone.email), (LifecycleStage::Erased, EmailReach::Unsubscribed));
    assert_eq!(found(&dump(&world).await), [""; 0]);
}

#[tokio::test]
async fn nobody_can_be_erased_who_is_not_known() {
    let world = World::at(NOW).await;
    let stranger = LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap();
    assert!(matches!(whole(&world).erase(&stranger).await, Err(EraseError::Unknown)));
    assert_eq!(whole(&world).export(&stranger).await.unwrap(), None);
}

/// A place that fails once so many calls were made to it.
struct Failing {
    place: Arc<dyn Holdings>,
    calls_left: AtomicU32,
}

impl Failing {
    fn after(place: Arc<dyn Holdings>, calls: u32) -> Self {
        Self { place, calls_left: AtomicU32::new(calls) }
    }

    fn call(&self) -> Result<(), StoreError> {
        let left = self.calls_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_none| StoreError::Unavailable("told to fail".into()))
    }
}

#[async_trait]
impl Holdings for Failing {
    async fn of_lead(&self, lead: &LeadId, cursor: Option<Cursor>) -> Result<HeldPage, StoreError> {
        self.call()?;
        self.place.of_lead(lead, cursor).await
    }

    async fn let_go(&self, lead: &LeadId, item: &Held, now: Timestamp) -> Result<(), StoreError> {
        self.call()?;
        self.place.let_go(lead, item, now).await
    }
}

#[tokio::test]
async fn an_erasure_that_breaks_off_anywhere_is_finished_by_the_next() {
    let world = World::at(NOW).await;
    let mut calls = 0;
    loop {
        assert!(calls < 60, "it never gets through");
        let lead = world.post(canary()).await;
        world.clock.advance(SignedDuration::from_hours(24));
        world.tick().await;
        let note = EngagementRecord {
            lead: lead.clone(),
            touch: TouchId::parse("1_welcome_response_0").unwrap(),
            kind: "delivered".to_owned(),
            at: berlin(NOW),
        };
        world.store.record_engagement(&note).await.unwrap();
        let failing: Arc<dyn Holdings> = Arc::new(Failing::after(Arc::new(table(&world)), calls));
        let broken = privacy(&world, vec![failing]).erase(&lead).await;
        let mails = world.mails(&lead).len();

        // The decision came first: whatever is left, nobody is mailed.
        assert_eq!(world.lead(&lead).await.stage, LifecycleStage::Erased);
        world.clock.advance(SignedDuration::from_hours(7 * 24));
        world.tick().await;
        assert_eq!(world.mails(&lead).len(), mails);
        world.assert_sound().await;

        let done = whole(&world).erase(&lead).await.unwrap();
        assert!(done.was_erased);
        assert_eq!(found(&dump(&world).await), [""; 0], "after {calls} calls");
        world.assert_sound().await;
        if broken.is_ok() {
            assert!(done.let_go.is_empty(), "nothing was left: {done:?}");
            break;
        }
        calls += 1;
    }
    assert!(calls >= 5, "it broke off at {calls} places");
}

#[tokio::test]
async fn an_erasure_whose_decision_cannot_be_saved_changes_nothing_and_may_be_tried_again() {
    let world = World::at(NOW).await;
    let lead = world.post(canary()).await;
    for call in [Call::Load, Call::Commit] {
        let hooked = Arc::new(Hooked::new(Arc::clone(&world.store)));
        hooked.fail(call);
        let troubled = Privacy { store: hooked, ..whole(&world) };
        troubled.erase(&lead).await.unwrap_err();
        assert_eq!(world.lead(&lead).await.stage, LifecycleStage::Inquiry);
        assert!(!found(&dump(&world).await).is_empty());
    }
    whole(&world).erase(&lead).await.unwrap();
    assert_eq!(found(&dump(&world).await), [""; 0]);
}

#[tokio::test]
async fn whoever_comes_in_again_while_they_are_erased_keeps_what_they_tell_anew() {
    let world = Arc::new(World::of(shipped(), NOW).await);
    let lead = world.post(canary()).await;
    // The decision is made; before the walker looks whether the tombstone stands, she posts again.
    let hooked = Arc::new(Hooked::new(Arc::clone(&world.store)));
    hooked.before(Call::Load, async { Ok(()) });
    hooked.before(Call::Load, async { Ok(()) });
    let door = world.functions.ingest.clone();
    let again = crate::scenarios::world::form_post(&canary());
    hooked.before(Call::Load, async move {
        ingest_lead::handle(door, crate::scenarios::world::read(&again)).await.unwrap();
        Ok(())
    });
    let racing = Privacy { store: hooked, ..whole(&world) };
    assert!(matches!(racing.erase(&lead).await, Err(EraseError::CameBack)));
    assert_eq!(world.lead(&lead).await.life, 2);
    let export = whole(&world).export(&lead).await.unwrap().unwrap();
    assert!(export.profile.unwrap().email.is_some());
    world.assert_sound().await;
}

#[tokio::test]
async fn whoever_shares_a_number_or_a_mailbox_is_pointed_out_and_left_alone() {
    let world = World::at(NOW).await;
    let lead = world.post(json!({ "email": "ada+fair@gmail.com", "phone": "+493012345678" })).await;
    let by_number = world.post(json!({ "phone": "+493012345678" })).await;
    let plain = world.post(json!({ "email": "ada@gmail.com" })).await;
    let privacy = whole(&world);
    assert_eq!(privacy.kin(&pepper(), &lead).await.unwrap(), [by_number.clone(), plain.clone()]);
    privacy.erase(&lead).await.unwrap();
    for other in [by_number, plain] {
        assert_eq!(world.lead(&other).await.stage, LifecycleStage::Inquiry);
    }
}

#[test]
fn every_kind_of_item_has_a_name_and_an_end() {
    let mut names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Kind::ALL.len());
    let kept: Vec<&str> = Kind::ALL
        .iter()
        .filter(|kind| matches!(kind.erasure(), Erasure::Kept { .. }))
        .map(|kind| kind.as_str())
        .collect();
    insta::assert_snapshot!(kept.join(" "), @"idempotency import program_file catalog_file release roster pause retention chore sender effect delivery endpoint news untold bucket once block inbox outbox keys clock");
}

#[test]
fn the_page_on_privacy_names_every_kind_of_item() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/privacy.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    for kind in Kind::ALL {
        let name = format!("`{}`", kind.as_str());
        assert!(rows.iter().any(|row| row.contains(&name)), "docs/privacy.md lacks {name}");
    }
}

fn replay<'e>(history: impl IntoIterator<Item = &'e (Timestamp, Event)>) -> Option<Lead> {
    history.into_iter().fold(None, |lead, (at, event)| apply(lead, event, *at))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_that_was_thinned_still_leads_to_the_tombstone(moves in prop::collection::vec(next_move(), 1..40)) {
        let mut life = Life::new(CATALOGS.clone(), "welcome");
        for next in &moves {
            life.live(next);
        }
        life.erase();
        let thin: Vec<_> = life.history.iter().map(|(at, event)| (*at, thinned(event))).collect();
        prop_assert_eq!(replay(&thin), replay(&life.history));
        let twice: Vec<_> = thin.iter().map(|(at, event)| (*at, thinned(event))).collect();
        prop_assert_eq!(twice, thin);
    }
}
