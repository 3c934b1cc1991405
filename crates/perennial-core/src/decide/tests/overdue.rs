//! Tasks that nobody does in time.

use crate::catalog::{Handover, Route, Sender};
use crate::ids::{QueueName, RepName, RouteName, TeamName};
use crate::roster::{OfficeHours, Rep, RepStatus, Roster, Team};
use crate::sales::{Attempt, Delivery};

use super::*;

const CALL: &str = "[[step]]\nid = \"call\"\nkind = \"call\"\nafter = \"0m\"\ndue_in = \"4h\"\n";

/// A call within four hours, and somebody who sells, to whom every lead goes.
fn with_a_rep() -> Arc<Catalog> {
    let mut catalog = Arc::unwrap_or_clone(catalog(CALL));
    let (team, route) = (TeamName::parse("inside").unwrap(), RouteName::parse("inside").unwrap());
    let hours = OfficeHours::of_window(&catalog.window, &catalog.default_zone);
    let sender = Sender { name: "Kim Osei".to_owned(), address: "kim@perennial.example".to_owned() };
    let kim = Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None };
    catalog.roster = Arc::new(Roster {
        reps: BTreeMap::from([(RepName::parse("kim").unwrap(), kim)]),
        teams: BTreeMap::from([(team.clone(), Team { manager: None, hours })]),
    });
    catalog.routes.insert(route.clone(), Route { team: Some(team), queue: QueueName::parse("sdr").unwrap() });
    catalog.handover = Handover { entry: Some(route), qualified: None };
    Arc::new(catalog)
}

fn ada(catalog: Arc<Catalog>) -> Life {
    Life::with(catalog, &[("email", "ada@example.com"), ("phone", "+49301234567")])
}

fn alerts(life: &Life) -> Vec<&str> {
    life.story.lines().filter(|line| line.contains("ALERT")).collect()
}

fn tells(life: &mut Life, outcome: Outcome) {
    let by = Party::Rep { rep: RepName::parse("kim").unwrap() };
    life.meet(&Stimulus::Disposed { by, outcome, note: None, happened_at: None, is_status: false });
}

#[test]
fn an_overdue_task_waits_for_a_day_and_is_told_twice_and_then_no_more() {
    let mut life = ada(with_a_rep());
    life.passes(1);
    let task = life.lead.as_ref().unwrap().task.clone().unwrap();
    assert_eq!(task.escalates_at, Some(task.due_at + SignedDuration::from_hours(24)));
    life.passes(9);
    assert_eq!(alerts(&life), ["Mon 03-02 14:00 ALERT TaskOverdue Now", "Tue 03-03 14:00 ALERT TaskOverdue Now"]);
    assert_eq!(life.lead.unwrap().task, None);
}

#[test]
fn whoever_does_it_late_is_not_told_on() {
    let mut life = ada(with_a_rep());
    life.passes(1);
    tells(&mut life, Outcome::Attempted { attempt: Attempt::NoAnswer });
    assert_eq!(life.lead.as_ref().unwrap().task, None);
    life.passes(9);
    assert_eq!(alerts(&life).len(), 1);
}

#[test]
fn on_a_friday_evening_the_manager_is_told_when_the_rep_has_been_in_on_monday() {
    let mut life = ada(with_a_rep());
    let due_at: Timestamp = "2026-03-06T17:30:00Z".parse().unwrap();
    tells(&mut life, Outcome::CallBack { due_at });
    life.passes(10);
    assert_eq!(alerts(&life), ["Fri 03-06 18:30 ALERT TaskOverdue Now", "Mon 03-09 09:00 ALERT TaskOverdue Now"]);
}

#[test]
fn what_a_queue_has_in_nurture_comes_with_the_digest() {
    let mut life = ada(catalog(CALL));
    life.passes(9);
    let told: Vec<Event> = life.decide(&Stimulus::Due).events;
    assert_eq!(told, []);
    assert_eq!(alerts(&life).len(), 2);
    assert!(alerts(&life).iter().all(|line| line.ends_with(&format!("{:?}", Delivery::Digest))));
}
