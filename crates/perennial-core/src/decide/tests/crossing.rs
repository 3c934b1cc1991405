//! What crosses: the person does one thing while sales, or a clock, does another.

use jiff::civil::{Date, date};

use super::sales::{back, rep};
use super::*;
use crate::event::DisqualifyReason;
use crate::inbound::{Absence, Attribution, InboxKey, Kind};
use crate::lead::{PauseCause, PhoneReach};
use crate::policy::TurnbackReason as Reason;
use crate::sales::{Outcome, Party, QualifyCause, Refusal};

impl Life {
    /// The person gives a sign, and nobody has looked at it yet.
    fn gives_unseen(&mut self, kind: SignalKind) {
        self.now += SignedDuration::from_mins(1);
        self.meet(&Stimulus::Signalled { kind, topic: None });
    }
}

fn away_until(day: Date) -> ReceivedMail {
    ReceivedMail {
        inbox: InboxKey::parse("inbound/1").unwrap(),
        certainty: Attribution::Certain,
        answers: None,
        kind: Kind::Automatic(Absence::Until(day)),
    }
}

#[test]
fn whoever_asks_for_a_call_while_the_rep_gives_them_back_is_offered_again() {
    let mut life = Life::accepted();
    life.gives_unseen(SignalKind::HandRaised);
    life.tells(back(Reason::NoInterest));
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    life.is_looked_at();
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 2), "{}", life.story);
    assert_eq!(life.lead().cycle.qualified.unwrap().cause, QualifyCause::HandRaise);

    // What the rep was told of before, they knew.
    let mut life = Life::accepted();
    life.gives(SignalKind::HandRaised, None);
    life.gives_unseen(SignalKind::Clicked);
    life.tells(back(Reason::NoInterest));
    life.is_looked_at();
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
}

#[test]
fn whoever_asks_for_a_call_at_the_last_moment_is_not_let_go_of_by_the_clock() {
    let mut life = Life::accepted();
    let ends_at = life.lead().sla.as_ref().unwrap().ends_at;
    life.lives_until(ends_at - SignedDuration::from_mins(2));
    life.gives_unseen(SignalKind::HandRaised);
    // The suite stood still, and looks a day later.
    life.now = ends_at + SignedDuration::from_hours(24);
    life.lives_until(life.now);
    assert_eq!(life.lead().stage, LifecycleStage::Sal, "{}", life.story);
}

#[test]
fn whoever_wrote_yesterday_has_not_fallen_silent() {
    let mut life = Life::accepted();
    life.passes(13);
    life.gives(SignalKind::Replied, None);
    life.passes(2);
    assert_eq!(life.lead().stage, LifecycleStage::Sal, "{}", life.story);
    // A click is no reason to leave a lead with a rep who does nothing.
    life.gives(SignalKind::Clicked, None);
    life.passes(13);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
}

#[test]
fn a_pause_outlives_the_program_that_it_was_said_in() {
    let until = Life::with_sales().now + SignedDuration::from_hours(10 * 24);
    let paused = |life: &Life| life.lead().enrolment.as_ref().unwrap().paused.map(|pause| pause.cause);

    let mut life = Life::with_sales();
    life.meet(&Stimulus::MailReceived(away_until(date(2026, 3, 20))));
    assert_eq!(paused(&life), Some(PauseCause::OutOfOffice));
    life.tells(Outcome::Accepted);
    assert_eq!((life.program(), paused(&life)), (Some("acceleration"), Some(PauseCause::OutOfOffice)));
    life.tells(back(Reason::NoBudget));
    assert_eq!((life.program(), paused(&life)), (Some("turnback-timing"), Some(PauseCause::OutOfOffice)));

    // A rep's own hold ends with their work; on the way on it does not.
    let mut life = Life::with_sales();
    life.tells(Outcome::Held { until });
    life.tells(Outcome::Accepted);
    assert_eq!(paused(&life), Some(PauseCause::RepHold));
    life.tells(back(Reason::NoBudget));
    assert_eq!(paused(&life), None);
}

#[test]
fn an_address_that_nobody_repaired_ends_no_deal_and_no_customer() {
    let without_phone = || {
        let mut life = Life::with(super::sales::shipped(), &[("email", "ada@example.com")]);
        life.tells(Outcome::Accepted);
        life
    };
    let mut customer = without_phone();
    customer.tells(Outcome::Won);
    customer.gives(SignalKind::HandRaised, None);
    customer.tells(back(Reason::BadEmail));
    customer.passes(70);
    assert_eq!(customer.lead().stage, LifecycleStage::Customer, "{}", customer.story);

    let mut deal = without_phone();
    deal.tells(back(Reason::BadEmail));
    deal.passes(31);
    deal.tells(Outcome::Accepted);
    let clock = deal.lead().sla.as_ref().unwrap();
    assert!(
        clock.ends_at.duration_since(deal.now) < SignedDuration::from_hours(16 * 24),
        "finding an address is no call"
    );
    deal.tells(Outcome::Qualified);
    deal.passes(35);
    assert_eq!(deal.lead().stage, LifecycleStage::Sql, "{}", deal.story);

    // Whoever nobody has, and nobody may reach, is only listened to.
    let mut lead = without_phone();
    lead.tells(back(Reason::BadEmail));
    lead.passes(70);
    assert_eq!(lead.lead().stage, LifecycleStage::Disqualified, "{}", lead.story);
}

#[test]
fn a_call_that_was_agreed_on_is_a_task_though_the_suite_knows_no_number() {
    let mut life = Life::with(super::sales::shipped(), &[("email", "ada@example.com")]);
    life.tells(Outcome::Accepted);
    life.meet(&Stimulus::Suppressed { lead: life.lead().id.clone(), cause: EmailReach::Unsubscribed });
    assert_eq!((life.lead().stage, life.lead().phone), (LifecycleStage::Sal, PhoneReach::Missing));
    let due_at = life.now + SignedDuration::from_hours(3 * 24);
    life.tells(Outcome::CallBack { due_at });
    assert_eq!(life.lead().task.as_ref().map(|task| (task.kind, task.due_at)), Some((TaskKind::Call, due_at)));
    life.tells(Outcome::DoNotCall);
    life.tells(Outcome::CallBack { due_at });
    assert_eq!(life.lead().task, None);
}

#[test]
fn a_call_or_a_meeting_is_agreed_for_the_next_three_months() {
    let life = Life::accepted();
    let kim = Party::Rep { rep: rep("kim") };
    let (near, far) = (life.now + SignedDuration::from_hours(89 * 24), life.now + SignedDuration::from_hours(91 * 24));
    for at in [near, far] {
        let refusal = (at == far).then_some(Refusal::TooFar);
        assert_eq!(life.refusal(&kim, &Outcome::CallBack { due_at: at }), refusal);
        assert_eq!(life.refusal(&kim, &Outcome::MeetingBooked { meet_at: Some(at) }), refusal);
    }
}

#[test]
fn whoever_sales_found_to_be_no_lead_is_so_whatever_they_agree_to() {
    let mut life = Life::accepted();
    life.tells(Outcome::Disqualified { reason: DisqualifyReason::JobSeeker });
    assert_eq!(life.lead().disqualified, Some(DisqualifyReason::JobSeeker));
    life.gives(SignalKind::HandRaised, None);
    assert_eq!((life.lead().disqualified, life.lead().cycle.number), (None, 2), "but they may ask for sales");
}
