//! What a CRM tells beside what reps tell here: in few words, again and again, and late.

use super::sales::{back, back_until, no_answer, rep};
use super::*;
use crate::event::DisqualifyReason;
use crate::policy::TurnbackReason as Reason;
use crate::sales::{Outcome, Party, Refusal};

impl Life {
    /// A CRM tells a status, as it stands there.
    fn stands_in_crm(&mut self, outcome: &Outcome) {
        self.now += SignedDuration::from_mins(1);
        let status = |outcome: &Outcome| Stimulus::Disposed {
            by: Party::Crm,
            outcome: outcome.clone(),
            note: None,
            happened_at: None,
            is_status: true,
        };
        self.meet(&status(outcome));
    }

    /// Something that happened is told late.
    fn told_late(&mut self, outcome: &Outcome, happened_at: Timestamp) {
        self.meet(&Stimulus::Disposed {
            by: Party::Crm,
            outcome: outcome.clone(),
            note: None,
            happened_at: Some(happened_at),
            is_status: false,
        });
    }
}

#[test]
fn a_word_that_says_less_than_the_rep_did_replaces_nothing() {
    let mut life = Life::accepted();
    life.tells(back_until(Reason::NoBudget, jiff::civil::date(2027, 3, 1)));
    let told = life.lead().clone();
    for echo in [back(Reason::Other), back(Reason::Timing), Outcome::Lost] {
        life.stands_in_crm(&echo);
        assert_eq!(life.lead().turnback, told.turnback, "{echo:?}");
    }
    // A day is more than they said before, and a mind that was changed.
    life.stands_in_crm(&back_until(Reason::Competitor, jiff::civil::date(2027, 9, 1)));
    assert_eq!(life.lead().turnback.as_ref().unwrap().reason, Reason::Competitor);
}

#[test]
fn what_only_the_suite_said_is_replaced_by_what_somebody_knows() {
    let mut life = Life::accepted();
    life.passes(15);
    assert_eq!(life.lead().turnback.as_ref().unwrap().reason, Reason::NoResponse, "nobody did anything");
    life.stands_in_crm(&back(Reason::Other));
    assert_eq!(life.lead().turnback.as_ref().unwrap().reason, Reason::NoResponse, "`other` knows nothing more");
    life.stands_in_crm(&back(Reason::NoBudget));
    assert_eq!(life.lead().turnback.as_ref().unwrap().reason, Reason::NoBudget);
}

#[test]
fn whoever_is_no_lead_is_not_brought_back_by_a_status() {
    let mut life = Life::accepted();
    life.tells(Outcome::Disqualified { reason: DisqualifyReason::JobSeeker });
    for echo in [back(Reason::Other), back(Reason::Timing), Outcome::Lost] {
        life.stands_in_crm(&echo);
        assert_eq!(life.lead().stage, LifecycleStage::Disqualified, "{echo:?}");
    }
    let kim = Party::Rep { rep: rep("kim") };
    for outcome in [back(Reason::Timing), Outcome::Lost] {
        assert_eq!(life.refusal(&kim, &outcome), Some(Refusal::NotWorked));
    }
    life.tells(Outcome::WrongPerson);
    assert_eq!(life.lead().stage, LifecycleStage::Disqualified);
}

#[test]
fn a_deal_is_lost_by_whoever_has_one() {
    let mut life = Life::accepted();
    life.tells(back(Reason::Timing));
    assert_eq!(life.refusal(&Party::Rep { rep: rep("kim") }, &Outcome::Lost), Some(Refusal::NoDeal));
}

#[test]
fn a_deal_that_was_won_is_won_however_late_it_is_told() {
    let mut in_order = Life::accepted();
    let won_at = in_order.now + SignedDuration::from_hours(1);
    let mut reversed = Life::accepted();
    in_order.now = won_at;
    in_order.told_late(&Outcome::Won, won_at);
    in_order.now += SignedDuration::from_hours(1);
    in_order.told_late(&back(Reason::Timing), in_order.now);
    reversed.now = in_order.now;
    reversed.told_late(&back(Reason::Timing), reversed.now);
    reversed.told_late(&Outcome::Won, won_at);
    for life in [&in_order, &reversed] {
        assert_eq!(life.lead().stage, LifecycleStage::Customer, "{}", life.story);
    }
}

#[test]
fn an_old_deal_does_not_win_the_one_that_a_customer_is_offered_now() {
    let mut life = Life::accepted();
    life.tells(Outcome::Won);
    let won_at = life.now;
    life.passes(100);
    life.gives(SignalKind::HandRaised, None);
    assert_eq!(life.lead().stage, LifecycleStage::Mql);
    life.told_late(&Outcome::Won, won_at);
    assert_eq!(life.lead().stage, LifecycleStage::Mql);
}

#[test]
fn a_status_that_stands_there_still_says_nothing_new() {
    // A customer whose old deal is told once more.
    let mut life = Life::accepted();
    life.tells(Outcome::Won);
    for status in [Outcome::Accepted, Outcome::Qualified, Outcome::Connected] {
        life.stands_in_crm(&status);
        assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Customer, 1), "{status:?}");
    }

    // Whoever was let go of here is not taken on again by it.
    let mut life = Life::with_sales();
    life.stands_in_crm(&Outcome::Accepted);
    life.passes(15);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    life.stands_in_crm(&Outcome::Accepted);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    // It was set back in between: now somebody means it.
    life.stands_in_crm(&Outcome::Untouched);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    life.stands_in_crm(&Outcome::Accepted);
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Sal, 2));
}

#[test]
fn an_echo_of_what_a_rep_did_here_does_not_take_the_lead_on_again_when_nothing_came_of_it() {
    let mut life = Life::accepted();
    // The CRM learns it from us, and tells it back.
    life.stands_in_crm(&Outcome::Accepted);
    assert_eq!((life.lead().stage, life.lead().crm_status.as_ref()), (LifecycleStage::Sal, Some(&Outcome::Accepted)));
    life.passes(15);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    // Our own webhook changes the record there, and its status comes once more.
    life.stands_in_crm(&Outcome::Accepted);
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Recycled, 1));
}

#[test]
fn answers_that_do_not_hold_are_news_after_another_reason() {
    let mut life = Life::accepted();
    life.answers("role", "I run a team");
    life.tells(back(Reason::Timing));
    let fields = [crate::ids::FieldName::parse("role").unwrap()].into();
    let request = crate::sales::TurnbackRequest { fields, ..crate::sales::TurnbackRequest::new(Reason::BadAnswers) };
    life.stands_in_crm(&Outcome::TurnedBack(request));
    assert_eq!(life.lead().turnback.as_ref().unwrap().reason, Reason::BadAnswers);
}

#[test]
fn an_attempt_counts_once_as_a_status_and_each_time_as_what_happened() {
    let mut life = Life::accepted();
    for _ in 0..3 {
        life.stands_in_crm(&no_answer());
    }
    assert_eq!(life.lead().cycle.attempts, 1);
    for _ in 0..2 {
        life.now += SignedDuration::from_mins(1);
        life.told_late(&no_answer(), life.now);
    }
    assert_eq!(life.lead().cycle.attempts, 3);
}

#[test]
fn a_status_from_before_does_not_give_back_whoever_came_again() {
    let mut life = Life::accepted();
    life.stands_in_crm(&back(Reason::Timing));
    life.gives(SignalKind::HandRaised, None);
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 2));
    life.stands_in_crm(&back(Reason::Timing));
    assert_eq!(life.lead().stage, LifecycleStage::Mql, "the record was edited, and its status was not");
}
