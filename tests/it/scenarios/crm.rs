//! What a CRM tells: once, in whatever order, and of whom.

use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use perennial_app::crm::{Bridge, Earnest, Reported, TakeError, Taken, Unchanged};
use perennial_app::desk::Desk;
use perennial_app::evaluate::Evaluator;
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::memory::{MemoryStore, SettableClock};
use perennial_app::ports::Store;
use perennial_core::catalog::Catalog;
use perennial_core::crm::{Details, Meaning};
use perennial_core::event::DisqualifyReason;
use perennial_core::ids::{FormName, LeadId, SubmissionId};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::{Lead, LifecycleStage};
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::Attempt;
use perennial_core::submission::{Channel, Entry, Permission};
use proptest::prelude::*;

use super::world::{pepper, shipped};

/// What may be told.
const MEANINGS: [Meaning; 10] = [
    Meaning::Nothing,
    Meaning::Attempted(Attempt::NoAnswer),
    Meaning::Connected,
    Meaning::Accepted,
    Meaning::Qualified,
    Meaning::Won,
    Meaning::Lost,
    Meaning::TurnedBack(TurnbackReason::NoResponse),
    Meaning::TurnedBack(TurnbackReason::Timing),
    Meaning::Disqualified(DisqualifyReason::NotAFit),
];

/// Some hours after the lead came in.
fn told(lead: &LeadId, meaning: Meaning, hours: i64) -> Reported {
    Reported {
        id: format!("{meaning:?}/{hours}"),
        lead: lead.clone(),
        meaning,
        details: Details::default(),
        note: None,
        is_status: false,
        happened_at: Some(monday() + SignedDuration::from_hours(hours)),
    }
}

fn monday() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| Arc::new(shipped())))
}

/// A deployment in memory, and a lead in it.
async fn deployment(catalog: Arc<Catalog>) -> (Bridge, Arc<SettableClock>, LeadId) {
    let (pepper, clock) = (pepper(), Arc::new(SettableClock::new(monday())));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let library = Arc::new(Library::fixed(catalog.clone()));
    let form = FormName::parse("contact").unwrap();
    let raw = RawSubmission {
        id: SubmissionId::derive(&pepper, &form, "1"),
        channel: Channel::Form,
        received_at: monday(),
        entry: Entry::Welcome,
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        junk: Vec::new(),
        pairs: vec![("email".to_owned(), "ada@fair.example".to_owned())],
    };
    let submission = intake::read(raw, &catalog.fields, &form, &catalog.forms[&form]).unwrap();
    let lead = submission.lead_id(&pepper).unwrap();
    let (kept, of_door) = (Arc::clone(&store), pepper.clone());
    let door = Door { store: kept, library: Arc::clone(&library), pepper: of_door, clock: clock.clone() };
    door.receive(submission, None).await.unwrap();
    let evaluator = Evaluator { store: Arc::clone(&store), library: Arc::clone(&library), clock: clock.clone() };
    evaluator.evaluate(&lead).await.unwrap();
    (Bridge { desk: Desk { store, library, pepper, clock: clock.clone() } }, clock, lead)
}

async fn stands(bridge: &Bridge, lead: &LeadId) -> Lead {
    bridge.desk.store.load(lead).await.unwrap().unwrap().lead
}

#[tokio::test]
async fn what_sales_did_before_the_lead_came_back_to_it_is_late_and_what_it_did_since_is_not() {
    let (bridge, clock, lead) = deployment(catalog()).await;
    clock.set(monday() + SignedDuration::from_hours(100));
    let take = async |meaning, hours| bridge.take_in(&told(&lead, meaning, hours), Earnest::Done).await.unwrap();
    assert_eq!(take(Meaning::TurnedBack(TurnbackReason::Timing), 20).await, Taken::Now);
    assert_eq!(take(Meaning::Accepted, 30).await, Taken::Now);
    assert_eq!(stands(&bridge, &lead).await.cycle.number, 2);
    // The second cycle began when that was told, a hundred hours after the first.
    let late = Taken::Unchanged(Unchanged::Late);
    assert_eq!(take(Meaning::TurnedBack(TurnbackReason::NoBudget), 40).await, late);
    assert_eq!(take(Meaning::Connected, 99).await, late);
    assert_eq!(take(Meaning::Connected, 100).await, Taken::Now);
    assert_eq!(stands(&bridge, &lead).await.stage, LifecycleStage::Sal);
}

#[tokio::test]
async fn nobody_is_made_a_lead_and_nothing_of_tomorrow_is_believed() {
    let (bridge, _, lead) = deployment(catalog()).await;
    let stranger = LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap();
    let error = bridge.take_in(&told(&stranger, Meaning::Won, 0), Earnest::Done).await.unwrap_err();
    assert!(matches!(error, TakeError::UnknownLead), "{error}");
    let error = bridge.take_in(&told(&lead, Meaning::Won, 1), Earnest::Done).await.unwrap_err();
    assert!(matches!(error, TakeError::Future), "{error}");
    assert_eq!(stands(&bridge, &lead).await.stage, LifecycleStage::Mql);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_twice_late_or_in_another_order_changes_nothing_more(
        happened in prop::collection::vec(prop::sample::select(MEANINGS.to_vec()), 1..6),
        again in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (bridge, clock, lead) = deployment(catalog()).await;
            clock.set(monday() + SignedDuration::from_hours(100));
            let reported: Vec<Reported> =
                (1..).zip(&happened).map(|(hours, meaning)| told(&lead, *meaning, hours)).collect();
            // The last one comes first; all others are late, or come twice.
            let last = reported.iter().rev().find(|it| it.meaning != Meaning::Nothing);
            let Some(last) = last else { return };
            bridge.take_in(last, Earnest::Done).await.unwrap();
            let before = stands(&bridge, &lead).await;
            for at in &again {
                let taken = bridge.take_in(at.get(&reported), Earnest::Done).await.unwrap();
                // A deal that was won is won, however late that is told.
                let is_won = [Meaning::Won, Meaning::ExistingCustomer].contains(&at.get(&reported).meaning);
                assert!(taken != Taken::Now || is_won);
            }
            let after = stands(&bridge, &lead).await;
            assert!(after == before || after.stage == LifecycleStage::Customer);
        });
    }
}
