//! Reps who leave, and reps whose team is full.

use super::sales::{back, rep};
use super::*;
use crate::ids::RepName;
use crate::policy::TurnbackReason;
use crate::roster::{Loads, RepStatus, Roster};
use crate::sales::Outcome;

impl Life {
    fn roster_changes(&mut self, change: impl FnOnce(&mut Roster)) {
        let mut roster = (*self.catalog.roster).clone();
        change(&mut roster);
        self.catalog = Arc::new(Catalog { roster: Arc::new(roster), ..(*self.catalog).clone() });
    }

    /// Its rep leaves; the lead is looked at. Who it was, and who has it now.
    fn rep_leaves(&mut self) -> (RepName, Ownership) {
        let gone = self.lead().rep().cloned().unwrap();
        self.roster_changes(|roster| roster.reps.get_mut(&gone).unwrap().status = RepStatus::Left);
        self.now += SignedDuration::from_mins(1);
        self.meet(&Stimulus::Due);
        assert_eq!(self.decide(&Stimulus::Due).events, [], "once is enough");
        (gone, self.lead().owner.clone().unwrap())
    }
}

fn of_queue() -> Ownership {
    Ownership::Queue { queue: super::sales::shipped().default_queue.clone() }
}

#[test]
fn a_fresh_lead_of_a_rep_who_leaves_goes_to_another_of_the_team_with_all_the_time_there_is() {
    let mut life = Life::with_sales();
    life.gives(SignalKind::HandRaised, None);
    let (gone, owner) = life.rep_leaves();
    assert!(owner.rep().is_some_and(|rep| *rep != gone && rep.as_str() != "max"), "{owner:?}");
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 1));
    assert_eq!(life.lead().sla.as_ref().map(|clock| clock.since), Some(life.now));
    assert!(life.story.contains("ALERT Reassigned Now"), "{}", life.story);
}

#[test]
fn an_accepted_lead_goes_to_the_queue_a_deal_to_the_manager_and_both_stay_where_they_are() {
    let mut life = Life::accepted();
    assert_eq!((life.rep_leaves().1, life.lead().stage), (of_queue(), LifecycleStage::Sal));
    assert!(life.lead().sla.is_some(), "its clock goes on");
    let mut life = Life::accepted();
    life.tells(Outcome::Qualified);
    let (_, owner) = life.rep_leaves();
    assert_eq!((owner.rep(), life.lead().stage), (Some(&rep("max")), LifecycleStage::Sql));
}

#[test]
fn whoever_is_nurtured_or_has_bought_goes_to_the_queue_and_reads_on() {
    let mut nurtured = Life::with_sales();
    let mut given_back = Life::accepted();
    given_back.tells(back(TurnbackReason::Timing));
    let mut customer = Life::accepted();
    customer.tells(Outcome::Won);
    for life in [&mut nurtured, &mut given_back, &mut customer] {
        let (stage, program) = (life.lead().stage, life.program().map(str::to_owned));
        assert_eq!(life.rep_leaves().1, of_queue(), "{stage:?}");
        assert_eq!((life.lead().stage, life.program().map(str::to_owned)), (stage, program));
    }
}

#[test]
fn when_the_whole_team_leaves_the_queue_has_its_leads() {
    let mut life = Life::with_sales();
    life.gives(SignalKind::HandRaised, None);
    life.roster_changes(|roster| roster.reps.values_mut().for_each(|rep| rep.status = RepStatus::Left));
    life.now += SignedDuration::from_mins(1);
    life.meet(&Stimulus::Due);
    assert_eq!(life.lead().owner, Some(of_queue()));
}

#[test]
fn a_roster_that_is_not_there_takes_no_lead_from_anybody() {
    let mut life = Life::accepted();
    life.roster_changes(|roster| *roster = Roster::default());
    life.now += SignedDuration::from_mins(1);
    assert_eq!(life.decide(&Stimulus::Due).events, []);
}

#[test]
fn a_lead_for_which_nobody_of_the_team_has_room_is_the_queues() {
    let mut life = Life::with_sales();
    life.gives(SignalKind::HandRaised, None);
    let gone = life.lead().rep().cloned().unwrap();
    life.roster_changes(|roster| {
        roster.reps.values_mut().for_each(|rep| rep.open_max = Some(5));
        roster.reps.get_mut(&gone).unwrap().status = RepStatus::Left;
    });
    let other = rep(if gone.as_str() == "kim" { "lee" } else { "kim" });
    let owner = |waiting| {
        let loads = Loads([(other.clone(), waiting)].into());
        let (lead, profile) = (life.lead.as_ref(), life.profile.as_ref());
        let view = View { lead, profile, catalog: &life.catalog, loads: Some(&loads) };
        decide(&view, &Stimulus::Due, life.now).lead.unwrap().owner.unwrap()
    };
    assert_eq!(owner(4).rep(), Some(&other));
    assert_eq!(owner(5), of_queue());
}
