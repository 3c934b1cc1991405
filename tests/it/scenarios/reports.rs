//! What sales does with what it is offered, and what becomes of what it gives back, as the reports tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::time;
use perennial_app::crm::{Bridge, Earnest, Reported};
use perennial_app::desk::{Desk, Told};
use perennial_app::library::Library;
use perennial_app::ports::Clock as _;
use perennial_app::report::{OwnerKind, ShownBy, SlaCounts, second_look, sla, turnbacks};
use perennial_core::catalog::{Catalog, Handover, Route, Sender};
use perennial_core::crm::{Details, Meaning};
use perennial_core::event::DisqualifyReason;
use perennial_core::ids::{LeadId, QueueName, RepName, RouteName, TeamName};
use perennial_core::lead::LifecycleStage;
use perennial_core::policy::TurnbackReason;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::{Attempt, Outcome, Party};
use serde_json::json;

use super::world::{World, berlin, pepper, shipped};

fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

/// Kim and Lee sell, from nine to five; Max manages them.
fn with_reps() -> Catalog {
    let hours = OfficeHours {
        zone: "Europe/Berlin".to_owned(),
        days: vec![Weekdays::Mon, Weekdays::Tue, Weekdays::Wed, Weekdays::Thu, Weekdays::Fri],
        opens: time(9, 0, 0, 0),
        closes: time(17, 0, 0, 0),
        holidays: BTreeSet::new(),
    };
    let [inside, leads] = ["inside", "leads"].map(|name| TeamName::parse(name).unwrap());
    let of = |name: &str, team: &TeamName| {
        let sender = Sender { name: name.to_owned(), address: format!("{name}@perennial.example") };
        (rep(name), Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None })
    };
    let roster = Roster {
        reps: [of("kim", &inside), of("lee", &inside), of("max", &leads)].into(),
        teams: BTreeMap::from([
            (inside.clone(), Team { manager: Some(rep("max")), hours: hours.clone() }),
            (leads, Team { manager: None, hours }),
        ]),
    };
    let sales = RouteName::parse("sales").unwrap();
    let route = Route { team: Some(inside), queue: QueueName::parse("sdr").unwrap() };
    let handover = Handover { entry: Some(sales.clone()), qualified: Some(sales.clone()) };
    Catalog { routes: BTreeMap::from([(sales, route)]), handover, roster: Arc::new(roster), ..shipped() }
}

fn desk(world: &World) -> Desk {
    let library = Arc::new(Library::fixed(Arc::new(world.catalog().clone())));
    Desk { store: Arc::clone(&world.store), library, pepper: pepper(), clock: world.clock.clone() }
}

/// Whoever owns the lead tells an outcome.
async fn tell(world: &World, lead: &LeadId, outcome: Outcome) {
    let by = Party::Rep { rep: world.lead(lead).await.rep().unwrap().clone() };
    let key = format!("{lead}/{}/{}", outcome.name(), world.clock.now());
    let told = Told { by, lead: lead.clone(), outcome, note: None, happened_at: None, is_status: false, key };
    desk(world).dispose(&told).await.unwrap();
    world.deliver().await;
}

/// The CRM tells a status.
async fn report(world: &World, lead: &LeadId, meaning: Meaning) {
    let bridge = Bridge { desk: desk(world) };
    let id = format!("{lead}/{meaning:?}/{}", world.clock.now());
    let reported = Reported {
        id,
        lead: lead.clone(),
        meaning,
        details: Details::default(),
        note: None,
        happened_at: None,
        is_status: false,
    };
    bridge.take_in(&reported, Earnest::Done).await.unwrap();
    world.deliver().await;
}

async fn ask(world: &World, name: &str) -> LeadId {
    world.post(json!({ "email": format!("{name}@example.com"), "phone": "+49 30 1234567" })).await
}

#[tokio::test]
async fn every_offer_to_sales_is_told_once_by_when_somebody_tried_and_how_it_ended() {
    let world = World::of(with_reps(), "2026-03-02 10:00").await;
    let quick = ask(&world, "ada").await;
    let slow = ask(&world, "ben").await;
    let forgotten = ask(&world, "cat").await;
    world.live_until("2026-03-02 10:03").await;
    assert_eq!(world.lead(&quick).await.stage, LifecycleStage::Mql);
    tell(&world, &quick, Outcome::Accepted).await;
    world.live_until("2026-03-02 10:30").await;
    tell(&world, &slow, Outcome::Attempted { attempt: Attempt::NoAnswer }).await;
    world.live_until("2026-03-02 11:00").await;
    tell(&world, &slow, Outcome::Accepted).await;
    world.live_until("2026-04-10 17:00").await;
    let fresh = ask(&world, "dee").await;
    world.live_until("2026-04-10 17:01").await;

    let report = sla(world.store.as_ref(), world.catalog()).await.unwrap();
    let total = SlaCounts {
        offered: 8,
        handed_over: 4,
        // Two were given on at the deadline, and two offered anew when nobody had decided.
        offered_again: 4,
        in_time: 1,
        late: 1,
        unattempted: 5,
        not_yet: 1,
        // The first of them accepted half a minute after the warning.
        warned: 5,
        breached: 4,
        // The two others had nobody else to go to.
        reassigned: 2,
        decided: 2,
        resubmitted: 2,
        undecided: 1,
        moved: 2,
        open: 1,
        minutes_to_attempt: Some(3),
    };
    assert_eq!(report.total, total, "{:#?}", report.rows);
    assert_eq!(world.lead(&forgotten).await.stage, LifecycleStage::Recycled);
    assert_eq!(world.lead(&fresh).await.stage, LifecycleStage::Mql);
    let rows: Vec<SlaCounts> = report.rows.iter().map(|row| row.counts).collect();
    let teams: Vec<SlaCounts> = report.by_team.values().copied().collect();
    for counts in [&rows, &teams] {
        let sum = |column: fn(&SlaCounts) -> u64| counts.iter().map(column).sum::<u64>();
        assert_eq!(sum(|it| it.offered), total.offered);
        assert_eq!(sum(|it| it.late), total.late);
        assert_eq!(sum(|it| it.undecided), total.undecided);
    }
    for it in rows.iter().chain(&teams).chain([&total]) {
        assert_eq!(it.offered, it.handed_over + it.offered_again);
        assert_eq!(it.offered, it.in_time + it.late + it.unattempted + it.not_yet);
        assert_eq!(it.offered, it.decided + it.resubmitted + it.undecided + it.moved + it.open);
    }
    // Both reps let it lie: the last one to whom it was offered is the queue.
    let of_queue = report.rows.iter().find(|row| row.kind == OwnerKind::Queue).unwrap();
    assert_eq!((of_queue.owner.as_str(), &of_queue.team, of_queue.counts.undecided), ("sdr", &None, 1));
    assert_eq!(report.by_team.keys().collect::<Vec<_>>(), ["", "inside"]);
    let again = serde_json::to_value(&report).unwrap();
    assert_eq!(again["total"]["minutes_to_attempt"], 3);
}

#[tokio::test]
async fn whoever_was_given_back_and_bought_and_whoever_was_no_lead_and_was_one_come_to_light() {
    let world = World::of(with_reps(), "2026-03-02 10:00").await;
    let bought = ask(&world, "ada").await;
    let waits = ask(&world, "ben").await;
    let student = ask(&world, "cat").await;
    let vendor = ask(&world, "dee").await;
    world.live_until("2026-03-02 10:05").await;
    report(&world, &bought, Meaning::TurnedBack(TurnbackReason::Timing)).await;
    report(&world, &waits, Meaning::TurnedBack(TurnbackReason::NoResponse)).await;
    tell(&world, &student, Outcome::Disqualified { reason: DisqualifyReason::StudentOrPersonal }).await;
    tell(&world, &vendor, Outcome::Disqualified { reason: DisqualifyReason::VendorPitch }).await;
    world.live_until("2026-03-12 10:00").await;
    let looked = second_look(world.store.as_ref(), berlin("2026-03-12 10:00"), 20).await.unwrap();
    assert_eq!((looked.disqualified, looked.sample.len()), (2, 2));
    let one = second_look(world.store.as_ref(), berlin("2026-03-13 10:00"), 1).await.unwrap();
    assert_eq!((one.disqualified, &one.sample[..]), (2, &looked.sample[..1]));
    let later = second_look(world.store.as_ref(), berlin("2026-04-12 10:00"), 20).await.unwrap();
    assert_eq!((later.disqualified, later.sample.len()), (0, 0));

    // Ten days later both ask again.
    for name in ["ada", "cat"] {
        ask(&world, name).await;
    }
    world.live_until("2026-03-12 10:10").await;
    world.live_until("2026-03-20 10:00").await;
    for lead in [&bought, &student] {
        report(&world, lead, Meaning::Won).await;
    }
    let told = turnbacks(world.store.as_ref()).await.unwrap();
    let of = |reason: &str| told.by_reason[reason];
    let timing = of("timing");
    assert_eq!((timing.turned_back, timing.nurtured, timing.requalified, timing.won), (1, 0, 1, 1));
    assert_eq!((timing.days_to_requalified, timing.days_to_won), (Some(9), Some(17)));
    let silence = of("no_response");
    assert_eq!((silence.turned_back, silence.nurtured, silence.waiting, silence.won), (1, 1, 1, 0));
    let student = told.disqualified["student_or_personal"];
    assert_eq!((student.disqualified, student.raised_hand, student.won), (1, 1, 1));
    assert_eq!(told.disqualified["vendor_pitch"].listening, 1);
    let wrong: Vec<_> = told.wrong.iter().map(|it| (it.reason, it.shown_by)).collect();
    assert_eq!(wrong, [("student_or_personal", ShownBy::Won), ("student_or_personal", ShownBy::HandRaise)]);
    world.assert_sound().await;
}
