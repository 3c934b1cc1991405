//! The gate, and what a hand-over is: signs of people make a lead ready, and everything that follows is one commit.

use proptest::prelude::*;

use super::sales::{back, back_until, no_answer};
use super::*;
use crate::policy::TurnbackReason;
use crate::sales::{Origin, Outcome, Party, QualifyCause, TurnbackRequest};

#[test]
fn the_gate_takes_a_score_more_than_one_touch_and_a_sign_of_a_person() {
    let hot = |life: &mut Life| {
        for kind in [SignalKind::PricingVisited, SignalKind::PricingVisited, SignalKind::WebinarAttended] {
            life.gives(kind, None);
        }
    };
    // 10 for the form, 55 for the rest; and one touch is chance.
    let mut life = Life::with_sales();
    life.passes(0);
    hot(&mut life);
    life.gives(SignalKind::Clicked, None);
    assert_eq!((life.lead().stage, life.lead().cycle.touches), (LifecycleStage::Inquiry, 0));
    life.lead.as_mut().unwrap().cycle.touches = 1;
    life.gives(SignalKind::Clicked, None);
    assert_eq!(life.lead().stage, LifecycleStage::Inquiry);
    // The second touch is looked at without another sign.
    life.lives_until("2026-04-14T12:00:00Z".parse().unwrap());
    assert_eq!((life.lead().stage, life.lead().cycle.touches), (LifecycleStage::Inquiry, 2), "the score has faded");
    hot(&mut life);
    assert_eq!(life.lead().stage, LifecycleStage::Mql, "{}", life.story);
    assert_eq!(life.lead().cycle.qualified.unwrap().cause, QualifyCause::ScoreThreshold);
}

#[test]
fn whoever_only_gets_mail_stays_in_nurture_for_good() {
    let mut life = Life::with_sales();
    life.passes(700);
    assert_eq!(life.lead().stage, LifecycleStage::Inquiry);
    assert!(life.lead().cycle.touches > 10);
}

#[test]
fn a_raised_hand_and_a_reply_need_no_score() {
    for (kind, cause) in
        [(SignalKind::HandRaised, QualifyCause::HandRaise), (SignalKind::Replied, QualifyCause::HumanReply)]
    {
        let mut life = Life::with_sales();
        life.gives(kind, None);
        assert_eq!(life.lead().stage, LifecycleStage::Mql);
        assert_eq!(life.lead().cycle.qualified.unwrap().cause, cause);
    }
}

#[test]
fn a_hand_over_has_an_owner_a_clock_a_task_and_an_alert_in_one_commit_and_changes_no_program() {
    let mut life = Life::with_sales();
    life.now += SignedDuration::from_mins(1);
    life.meet(&Stimulus::Signalled { kind: SignalKind::HandRaised, topic: None });
    let before = life.lead().enrolment.clone();
    let names: Vec<_> = life.decide(&Stimulus::Evaluate).events.iter().map(Event::name).collect();
    assert_eq!(names, ["lead.evaluated", "lead.qualified", "sla.started", "task.created", "alert.raised"]);
    life.is_looked_at();
    assert_eq!(life.lead().enrolment, before);
    assert!(life.rep().is_some(), "whoever has it since it came in");
}

#[test]
fn a_look_is_asked_for_by_each_sign_and_by_nothing_else() {
    let asks = |life: &Life, stimulus: &Stimulus| {
        life.decide(stimulus).events.iter().any(|event| matches!(event, Event::EvaluationDue { .. }))
    };
    let mut life = Life::with_sales();
    life.is_looked_at();
    life.now += SignedDuration::from_mins(1);
    for kind in SignalKind::ALL {
        assert!(asks(&life, &Stimulus::Signalled { kind, topic: None }), "{kind:?}");
    }
    let kim = |outcome| Stimulus::Disposed { by: Party::Crm, outcome, note: None, happened_at: None, is_status: false };
    assert!(asks(&life, &kim(Outcome::Connected)), "what sales tells may be a sign of the person");
    assert!(!asks(&life, &kim(no_answer())));
    assert!(!asks(&life, &Stimulus::Unsubscribed));
    assert!(!asks(&life, &Stimulus::Due));
    // It is asked once, however much comes until somebody looks.
    life.now += SignedDuration::from_mins(1);
    life.signals(SignalKind::Clicked);
    assert!(!asks(&life, &Stimulus::Signalled { kind: SignalKind::Replied, topic: None }));
    assert!(
        life.lead().next_action_at().unwrap() <= life.now + SignedDuration::from_mins(5),
        "the sweep looks by then"
    );
}

#[test]
fn sales_is_told_of_what_a_lead_does_that_it_has() {
    let mut life = Life::accepted();
    life.gives(SignalKind::Clicked, None);
    assert!(!life.story.contains("ALERT Replied"));
    life.gives(SignalKind::Replied, None);
    life.gives(SignalKind::HandRaised, None);
    assert_eq!(life.lead().cycle.number, 1);
    for told in ["ALERT Replied Now", "ALERT HandRaised Now"] {
        assert_eq!(life.story.matches(told).count(), 1, "{}", life.story);
    }
}

#[test]
fn a_rep_who_is_ahead_takes_the_lead_there_and_has_it() {
    let mut life = Life::with(super::sales::shipped(), &[("email", "ada@example.com"), ("list", "yes")]);
    assert_eq!(life.rep(), None, "nobody calls a whole list");
    life.told_by(Party::Rep { rep: super::sales::rep("kim") }, Outcome::Qualified);
    assert_eq!((life.lead().stage, life.rep()), (LifecycleStage::Sql, Some("kim")));
    assert_eq!(life.lead().cycle.qualified.unwrap().cause, QualifyCause::RepManual);
    assert_eq!(life.program(), Some("acceleration"));
}

#[test]
fn sales_has_a_program_beside_it_and_a_customer_another_at_once() {
    let mut life = Life::accepted();
    assert_eq!(life.program(), Some("acceleration"));
    life.tells(Outcome::Qualified);
    assert_eq!(life.program(), Some("acceleration"));
    life.tells(Outcome::Won);
    assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Customer, Some("newsletter")));
    assert_eq!(life.lead().task, None);
}

#[test]
fn a_customer_who_raises_a_hand_is_with_sales_again_and_reads_on_until_somebody_accepts() {
    let mut life = Life::accepted();
    life.tells(Outcome::Won);
    life.gives(SignalKind::Clicked, None);
    life.gives(SignalKind::Replied, None);
    assert_eq!(life.lead().stage, LifecycleStage::Customer, "that is no wish for something more");
    life.gives(SignalKind::HandRaised, None);
    assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Mql, Some("newsletter")));
    assert_eq!((life.lead().cycle.number, life.lead().cycle.origin), (2, Origin::Customer));
    life.tells(Outcome::Accepted);
    assert_eq!(life.program(), Some("acceleration"));
    // Whatever comes of it, they stay a customer.
    let gives_up: [fn(&mut Life); 3] = [
        |life| life.tells(back(TurnbackReason::NoBudget)),
        |life| life.tells(Outcome::Disqualified { reason: DisqualifyReason::NotAFit }),
        |life| life.passes(15),
    ];
    for does in gives_up {
        let mut life = life.clone();
        does(&mut life);
        assert_eq!(
            (life.lead().stage, life.program()),
            (LifecycleStage::Customer, Some("newsletter")),
            "{}",
            life.story
        );
        life.gives(SignalKind::HandRaised, None);
        assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 3));
    }
}

#[test]
fn somebody_who_was_a_customer_all_along_is_on_their_track() {
    let mut life = Life::with_sales();
    life.gives(SignalKind::HandRaised, None);
    life.tells(Outcome::ExistingCustomer);
    assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Customer, Some("newsletter")));
    assert_eq!((life.lead().task.as_ref(), life.lead().sla.as_ref()), (None, None));
    // A number that somebody else answers makes nobody a lead again.
    life.tells(Outcome::WrongPerson);
    assert_eq!((life.lead().stage, life.lead().phone), (LifecycleStage::Customer, PhoneReach::Bad));
}

#[test]
fn whom_nobody_may_reach_stays_with_sales_and_stays_a_customer() {
    let mut life = Life::with(super::sales::shipped(), &[("email", "ada@example.com")]);
    life.tells(Outcome::Accepted);
    life.meet(&Stimulus::Unsubscribed);
    assert_eq!(life.lead().stage, LifecycleStage::Sal);
    assert!(life.story.contains("ALERT Unreachable"));
    life.tells(Outcome::Won);
    life.passes(400);
    assert_eq!(life.lead().stage, LifecycleStage::Customer);
    let mut disqualified = Life::with(super::sales::shipped(), &[("email", "ada@example.com")]);
    disqualified.meet(&Stimulus::Unsubscribed);
    assert_eq!(disqualified.lead().stage, LifecycleStage::Disqualified);
    disqualified.tells(Outcome::Won);
    assert_eq!(disqualified.lead().stage, LifecycleStage::Customer);
    assert!(disqualified.lead().next_action_at().is_some());
}

#[test]
fn whoever_was_disqualified_and_raises_a_hand_starts_a_cycle_of_their_own() {
    let mut life = Life::with_sales();
    life.gives(SignalKind::HandRaised, None);
    life.tells(no_answer());
    life.tells(Outcome::Disqualified { reason: DisqualifyReason::StudentOrPersonal });
    life.gives(SignalKind::Replied, None);
    life.passes(100);
    assert_eq!(life.lead().stage, LifecycleStage::Disqualified);
    life.gives(SignalKind::HandRaised, None);
    let cycle = &life.lead().cycle;
    assert_eq!((life.lead().stage, cycle.number, cycle.attempts), (LifecycleStage::Mql, 2, 0), "{}", life.story);
    assert_eq!(cycle.origin, Origin::Reopened);
}

// --- Any life ------------------------------------------------------------------------------------

/// Something that happens.
#[derive(Debug, Clone)]
enum Happens {
    Sign(SignalKind),
    Answer(&'static str, &'static str),
    Told(bool, Outcome),
    Look,
    Days(i64),
    Unsubscribes,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let day = jiff::civil::date(2027, 6, 1);
    let fields = [FieldName::parse("role").unwrap()].into();
    let mut outcomes = vec![
        Outcome::Accepted,
        no_answer(),
        Outcome::Connected,
        Outcome::CallBack { due_at: "2026-09-01T09:00:00Z".parse().unwrap() },
        Outcome::MeetingBooked { meet_at: None },
        Outcome::WrongPerson,
        Outcome::BadNumber,
        Outcome::DoNotCall,
        Outcome::Done,
        Outcome::Qualified,
        Outcome::Disqualified { reason: DisqualifyReason::NotAFit },
        Outcome::ExistingCustomer,
        Outcome::Won,
        Outcome::Lost,
        Outcome::Held { until: "2026-06-01T09:00:00Z".parse().unwrap() },
        Outcome::Resumed,
        Outcome::Revisit { on: day },
        back_until(TurnbackReason::Timing, day),
        Outcome::TurnedBack(TurnbackRequest { fields, ..TurnbackRequest::new(TurnbackReason::BadAnswers) }),
    ];
    outcomes.extend(TurnbackReason::ALL.map(back));
    prop::sample::select(outcomes)
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => prop::sample::select(SignalKind::ALL.to_vec()).prop_map(Happens::Sign),
        1 => prop::sample::select(vec![("role", "I run a team"), ("budget", "Set aside"), ("time_frame", "Later")])
            .prop_map(|(field, answer)| Happens::Answer(field, answer)),
        4 => (any::<bool>(), outcome()).prop_map(|(by_rep, outcome)| Happens::Told(by_rep, outcome)),
        1 => Just(Happens::Look),
        3 => (0_i64..60).prop_map(Happens::Days),
        1 => Just(Happens::Unsubscribes),
    ]
}

impl Life {
    fn undergoes(&mut self, what: &Happens) {
        self.now += SignedDuration::from_mins(1);
        match what {
            Happens::Sign(kind) => self.signals(*kind),
            Happens::Answer(field, answer) => self.answers(field, answer),
            Happens::Told(by_rep, outcome) => {
                let rep = self.lead().rep().filter(|_| *by_rep).cloned();
                let by = rep.map_or(Party::Crm, |rep| Party::Rep { rep });
                if self.refusal(&by, outcome).is_none() {
                    self.told_by(by, outcome.clone());
                } else {
                    let told = Stimulus::Disposed {
                        by,
                        outcome: outcome.clone(),
                        note: None,
                        happened_at: None,
                        is_status: false,
                    };
                    assert_eq!(self.decide(&told), self.decide(&Stimulus::Due), "what is refused changes nothing");
                }
            }
            Happens::Look => self.is_looked_at(),
            Happens::Days(days) => self.passes(*days),
            Happens::Unsubscribes => self.meet(&Stimulus::Unsubscribed),
        }
    }

    fn is_sound(&self) {
        let lead = self.lead();
        let story = &self.story;
        assert!(lead.owner.is_some(), "I7: {story}");
        let pulse = lead.next_action_at().unwrap_or_else(|| panic!("I2: {story}"));
        assert!(pulse <= self.now + PULSE_AHEAD_MAX + SignedDuration::from_hours(1), "I2, {pulse}: {story}");
        let has_clock = [LifecycleStage::Mql, LifecycleStage::Sal, LifecycleStage::Sql].contains(&lead.stage);
        assert_eq!(lead.sla.is_some(), has_clock, "I3, {:?}: {story}", lead.stage);
        assert!(lead.sla.as_ref().is_none_or(|clock| clock.ends_at > self.now), "I3: {story}");
        assert_eq!(lead.turnback.is_some(), lead.stage == LifecycleStage::Recycled, "I5: {story}");
        let is_nurtured = lead.enrolment.is_some() || lead.stage == LifecycleStage::Disqualified;
        assert!(is_nurtured, "nobody is without a program: {story}");
        let is_sql = lead.stage == LifecycleStage::Sql || lead.stage == LifecycleStage::Sal;
        assert!(!is_sql || self.program() == Some("acceleration"), "{:?}: {story}", self.program());
        assert!(lead.requalified.len() <= 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nobody_is_lost_between_sales_and_nurture(lives in prop::collection::vec(happens(), 1..40)) {
        let mut life = Life::with_sales();
        for what in &lives {
            life.undergoes(what);
            life.is_sound();
        }
        // I3: nobody stays with sales who is left alone there.
        let before = life.lead().sla.clone();
        life.passes(400);
        life.is_sound();
        prop_assert!(before.is_none() || life.lead().sla != before, "{}", life.story);
    }

    #[test]
    fn looking_again_at_any_time_changes_nothing(lives in prop::collection::vec((happens(), 0_usize..3), 1..25)) {
        let (mut once, mut often) = (Life::with_sales(), Life::with_sales());
        for (what, looks) in &lives {
            for life in [&mut once, &mut often] {
                life.undergoes(what);
                life.meet(&Stimulus::Evaluate);
            }
            for _ in 0..*looks {
                often.meet(&Stimulus::Evaluate);
                often.meet(&Stimulus::Due);
            }
        }
        prop_assert_eq!(once.lead.as_ref().map(|lead| (lead.stage, lead.cycle.clone(), lead.owner.clone())),
            often.lead.as_ref().map(|lead| (lead.stage, lead.cycle.clone(), lead.owner.clone())));
    }
}
