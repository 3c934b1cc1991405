//! The turnback table (DOMAIN.md §4), row by row, as it is shipped: where a reason leads, when sales may have the lead
//! again, what brings it back, and how long that is waited for.

use jiff::civil::date;

use super::sales::{back, back_until, no_answer, rep, shipped};
use super::*;
use crate::actor::{Agent, Manner, Network, Target};
use crate::catalog::Catalog;
use crate::policy::{RequalifyRule, TurnbackReason as Reason};
use crate::roster::RepStatus;
use crate::sales::{Outcome, Party, QualifyCause, Refusal, TurnbackRequest};

/// What a person does.
type Does = fn(&mut Life);

/// A row of the table.
struct Row {
    reason: Reason,
    /// The day that the rep tells.
    day: Option<jiff::civil::Date>,
    /// Where the lead goes.
    program: &'static str,
    /// From how many days after the turnback sales may have it.
    sales_after: i64,
    /// What brings it back then, each by itself.
    back: &'static [Does],
    /// What does not.
    not: &'static [Does],
    /// After how many days the last resort follows.
    horizon: Option<i64>,
}

/// Berlin's clocks go forward in between: a date may be an hour nearer.
fn days(life: &Life, at: Timestamp) -> i64 {
    (at.duration_since(life.lead().turnback.as_ref().unwrap().at) + SignedDuration::from_hours(12)).as_hours() / 24
}

impl Row {
    const fn of(reason: Reason, program: &'static str, sales_after: i64) -> Self {
        Self { reason, day: None, program, sales_after, back: &[], not: &[], horizon: None }
    }

    fn given_back(&self) -> Life {
        let mut life = Life::accepted();
        for _ in 0..3 {
            life.tells(no_answer());
        }
        if self.reason == Reason::BadAnswers {
            life.answers("role", "I run everything");
        }
        life.now += SignedDuration::from_mins(1);
        life.tells(match self.day {
            Some(day) => back_until(self.reason, day),
            None if self.reason == Reason::BadAnswers => Outcome::TurnedBack(TurnbackRequest {
                fields: [FieldName::parse("role").unwrap()].into(),
                ..TurnbackRequest::new(self.reason)
            }),
            None => back(self.reason),
        });
        life
    }

    fn holds(&self) {
        let life = self.given_back();
        assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Recycled, Some(self.program)));
        let turnback = life.lead().turnback.clone().unwrap();
        assert_eq!(days(&life, turnback.sales_from), self.sales_after, "when sales may have it");
        assert_eq!(turnback.horizon_at.map(|at| days(&life, at)), self.horizon, "how long is waited");
        assert_eq!(life.lead().preferred.as_ref(), life.lead().rep(), "whoever knows it keeps it");
        self.a_hand_goes_through();
        for does in self.back {
            self.comes_back_in_time(*does);
        }
        for does in self.not {
            let mut life = self.given_back();
            life.passes(self.sales_after + 1);
            does(&mut life);
            life.passes(1);
            assert_eq!(life.lead().stage, LifecycleStage::Recycled, "{}", life.story);
        }
        self.waits_so_long();
    }

    /// Whoever raises a hand is let through at once.
    fn a_hand_goes_through(&self) {
        let mut life = self.given_back();
        let rep = life.rep().map(str::to_owned);
        life.gives(SignalKind::HandRaised, None);
        assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 2), "{}", life.story);
        assert_eq!(life.rep(), rep.as_deref());
        assert!(life.story.contains("ALERT Requalified Now"));
    }

    /// What is done while sales is left in peace is kept, and judged when that is over.
    fn comes_back_in_time(&self, does: Does) {
        let mut life = self.given_back();
        let rep = life.rep().map(str::to_owned);
        life.passes((self.sales_after - 2).max(0));
        does(&mut life);
        if self.sales_after > 0 {
            assert_eq!(life.lead().stage, LifecycleStage::Recycled, "too early: {}", life.story);
        }
        // The moment that is over, and by when the sweep has looked at what came last.
        let sales_from = life.lead().turnback.as_ref().map_or(life.now, |turnback| turnback.sales_from);
        life.lives_until(sales_from.max(life.now) + SignedDuration::from_mins(6));
        assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 2), "{}", life.story);
        let reason = self.reason;
        assert_eq!(life.lead().cycle.qualified.unwrap().cause, QualifyCause::RequalifyRule { reason });
        assert_eq!((life.rep(), life.lead().turnback.as_ref()), (rep.as_deref(), None));
        assert_eq!(life.program(), Some(self.program), "that sales has it changes no program");
        // Again, late, or in another order: there is nothing more to say.
        assert_eq!(life.decide(&Stimulus::Evaluate).events, []);
    }

    fn waits_so_long(&self) {
        let Some(horizon) = self.horizon else { return };
        let mut life = self.given_back();
        life.passes(horizon - 1);
        assert_eq!(life.program(), Some(self.program));
        life.passes(2);
        assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Recycled, Some("occasional")));
        let turnback = life.lead().turnback.clone().unwrap();
        assert_eq!((turnback.reason, turnback.horizon_at), (self.reason, None), "what brings it back still does");
    }
}

fn clicks(life: &mut Life) {
    life.gives(SignalKind::Clicked, None);
}

fn writes(life: &mut Life) {
    life.gives(SignalKind::Replied, None);
}

fn looks_at_prices(life: &mut Life) {
    life.gives(SignalKind::PricingVisited, None);
}

/// Warm enough to come back, and not enough to come in.
fn is_warm(life: &mut Life) {
    looks_at_prices(life);
    looks_at_prices(life);
}

/// As warm as whoever comes in.
fn is_hot(life: &mut Life) {
    is_warm(life);
    looks_at_prices(life);
    life.gives(SignalKind::WebinarAttended, None);
}

fn opens_two_days(life: &mut Life) {
    clicks(life);
    life.passes(1);
    clicks(life);
}

#[test]
fn nobody_answered() {
    Row {
        back: &[writes, |life| {
            is_warm(life);
            opens_two_days(life);
        }],
        // Warm on one day, or cool on two.
        not: &[
            |life| {
                is_warm(life);
                clicks(life);
                clicks(life);
            },
            opens_two_days,
            is_hot,
        ],
        horizon: Some(180),
        ..Row::of(Reason::NoResponse, "turnback-no-response", 21)
    }
    .holds();
}

#[test]
fn not_now() {
    Row { back: &[clicks, writes], horizon: Some(180), ..Row::of(Reason::Timing, "turnback-timing", 60) }.holds();
}

#[test]
fn not_before_a_day() {
    // Thirty days before, and half a year after.
    Row {
        day: Some(date(2026, 12, 1)),
        back: &[clicks, looks_at_prices],
        horizon: Some(274 + 1 + 180),
        ..Row::of(Reason::Timing, "turnback-timing", 274 - 30)
    }
    .holds();
}

#[test]
fn no_money() {
    Row {
        back: &[
            |life| life.answers("budget", "Set aside"),
            |life| life.answers("time_frame", "This quarter"),
            |life| {
                clicks(life);
                looks_at_prices(life);
            },
        ],
        not: &[
            clicks,
            looks_at_prices,
            writes,
            |life| life.answers("budget", "Nothing planned"),
            |life| life.answers("role", "I run a team"),
        ],
        horizon: Some(365),
        ..Row::of(Reason::NoBudget, "turnback-timing", 90)
    }
    .holds();
}

#[test]
fn no_money_before_a_day() {
    Row {
        day: Some(date(2026, 12, 1)),
        back: &[|life| life.answers("budget", "Being decided")],
        not: &[clicks],
        horizon: Some(274 + 1 + 365),
        ..Row::of(Reason::NoBudget, "turnback-timing", 274 - 45)
    }
    .holds();
}

#[test]
fn still_comparing() {
    Row { back: &[is_hot], not: &[is_warm, writes], horizon: Some(180), ..Row::of(Reason::Evaluating, "nurture", 14) }
        .holds();
}

#[test]
fn bound_to_somebody_else() {
    Row { back: &[clicks], horizon: Some(730), ..Row::of(Reason::Competitor, "turnback-timing", 180) }.holds();
    Row {
        day: Some(date(2026, 12, 1)),
        back: &[writes],
        horizon: Some(274 + 1 + 730),
        ..Row::of(Reason::Competitor, "turnback-timing", 274 - 120)
    }
    .holds();
}

#[test]
fn cannot_decide() {
    let decides: Does = |life| life.answers("decision_role", "I decide");
    // As a service tells that knows such things; and the person has been there.
    let has_another_job: Does = |life| {
        life.posts(&[("email", "ada@example.com"), ("list", "yes"), ("job_title", "Head of Operations")]);
        clicks(life);
    };
    let advises: Does = |life| life.answers("decision_role", "I advise");
    for reason in [Reason::NoAuthority, Reason::WrongContact] {
        let row = Row {
            back: Box::leak(Box::new([decides, has_another_job])),
            not: Box::leak(Box::new([advises, is_hot])),
            horizon: Some(180),
            ..Row::of(reason, "turnback-referral", 30)
        };
        row.holds();
    }
}

#[test]
fn wants_something_else() {
    Row {
        back: &[|life| life.gives(SignalKind::Clicked, Some("route-planning"))],
        not: &[|life| life.gives(SignalKind::Clicked, Some("cost")), clicks],
        horizon: Some(365),
        ..Row::of(Reason::ProductMismatch, "nurture", 30)
    }
    .holds();
}

#[test]
fn what_they_said_does_not_hold() {
    let row = Row {
        back: &[|life| {
            is_hot(life);
            life.answers("role", "I run a team");
        }],
        // Answers that are not warm enough, warmth without them, and with another answer than the one in doubt.
        not: &[
            |life| life.answers("role", "I run a team"),
            is_hot,
            |life| {
                is_hot(life);
                life.answers("company_size", "1-9");
            },
        ],
        horizon: Some(180),
        ..Row::of(Reason::BadAnswers, "turnback-profile", 30)
    };
    row.holds();
}

#[test]
fn no_interest() {
    Row { not: &[clicks, writes, is_hot], ..Row::of(Reason::NoInterest, "occasional", 180) }.holds();
}

#[test]
fn lost() {
    let row = Row { back: &[clicks, writes], horizon: Some(730), ..Row::of(Reason::ClosedLost, "turnback-timing", 90) };
    row.holds();
    let mut life = Life::accepted();
    life.tells(Outcome::Lost);
    assert_eq!(life.lead().turnback.as_ref().unwrap().reason, Reason::ClosedLost);
    assert!(life.story.contains("is an opportunity"), "what is lost was one");
    assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Recycled, Some("turnback-timing")));
}

#[test]
fn something_else() {
    Row { back: &[is_hot], not: &[is_warm, writes], horizon: Some(180), ..Row::of(Reason::Other, "nurture", 60) }
        .holds();
}

#[test]
fn a_wrong_address() {
    let mut life = Row::of(Reason::BadEmail, "occasional", 0).given_back();
    assert_eq!((life.lead().email, life.program()), (EmailReach::HardBounced, Some("occasional")));
    assert_eq!(life.lead().task.as_ref().unwrap().kind, TaskKind::RepairData);
    life.passes(31);
    assert_eq!(life.lead().task.as_ref().unwrap().touch.occurrence, 1, "asked again, and the manager told");
    life.passes(30);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled, "there is a number: the other channel");
    assert!(life.lead().enrolment.is_some());
}

#[test]
fn a_wrong_address_of_whom_there_is_no_number() {
    let mut life = Life::with(shipped(), &[("email", "ada@example.com")]);
    life.tells(back(Reason::BadEmail));
    life.passes(61);
    assert_eq!(life.lead().stage, LifecycleStage::Disqualified, "{}", life.story);
    assert!(life.story.contains("is only listened to"));
}

#[test]
fn a_wrong_number() {
    let given_back = || {
        let mut life = Life::with_sales();
        life.tells(back(Reason::BadPhone));
        life
    };
    let life = given_back();
    assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Recycled, Some("welcome")), "it stays");
    assert_eq!(life.lead().phone, PhoneReach::Bad);
    // The normal rule.
    let cases: [(Does, bool); 3] = [(is_warm, true), (writes, true), (clicks, false)];
    for (does, comes) in cases {
        let mut life = given_back();
        does(&mut life);
        assert_eq!(life.lead().stage == LifecycleStage::Mql, comes, "{}", life.story);
    }
}

#[test]
fn only_the_suite_says_that_nobody_decided_or_that_a_rep_left() {
    let life = Life::accepted();
    let kim = Party::Rep { rep: rep("kim") };
    for reason in [Reason::SlaExpired, Reason::RepLeft] {
        assert_eq!(life.refusal(&kim, &back(reason)), Some(Refusal::NotARepsReason(reason.as_str())));
        assert_eq!(shipped().turnbacks.policy(reason).unwrap().program, None, "the running program goes on");
    }
}

#[test]
fn an_answer_that_was_known_before_brings_nobody_back() {
    let mut life = Life::accepted();
    life.answers("budget", "Being decided");
    life.now += SignedDuration::from_mins(1);
    life.tells(back(Reason::NoBudget));
    life.passes(91);
    life.answers("role", "I run a team");
    assert_eq!(life.lead().stage, LifecycleStage::Recycled, "{}", life.story);
    life.answers("budget", "Set aside");
    assert_eq!(life.lead().stage, LifecycleStage::Mql);
}

#[test]
fn a_program_may_have_rules_of_its_own() {
    let mut life = Life::accepted();
    life.tells(back(Reason::NoInterest));
    let mut catalog = (*life.catalog).clone();
    let rule = RequalifyRule { signals: [SignalKind::Replied].into(), ..RequalifyRule::default() };
    let occasional = catalog.programs.get_mut(&catalog.last_resort.clone()).unwrap();
    occasional.requalify = vec![rule];
    life.catalog = Arc::new(catalog);
    life.passes(181);
    clicks(&mut life);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    writes(&mut life);
    assert_eq!(life.lead().stage, LifecycleStage::Mql, "{}", life.story);
}

// --- Guards --------------------------------------------------------------------------------------

/// Given back for silence, warm again, and back with sales.
fn comes_by_score(life: &mut Life) {
    for _ in 0..3 {
        life.tells(no_answer());
    }
    life.tells(back(Reason::NoResponse));
    life.passes(20);
    is_warm(life);
    opens_two_days(life);
    life.passes(2);
}

#[test]
fn by_its_score_a_lead_comes_back_three_times_a_year_and_by_a_raised_hand_always() {
    let mut life = Life::accepted();
    for cycle in 2..=4 {
        comes_by_score(&mut life);
        assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, cycle));
    }
    comes_by_score(&mut life);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled, "once too often");
    life.gives(SignalKind::HandRaised, None);
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 5));
}

#[test]
fn a_year_later_it_may_again() {
    let mut life = Life::accepted();
    for _ in 2..=4 {
        comes_by_score(&mut life);
    }
    comes_by_score(&mut life);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    life.passes(365);
    is_warm(&mut life);
    opens_two_days(&mut life);
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 5));
}

#[test]
fn what_somebody_did_before_they_were_given_back_brings_nobody_back() {
    let mut life = Life::accepted();
    clicks(&mut life);
    writes(&mut life);
    life.now += SignedDuration::from_mins(1);
    life.tells(back(Reason::Timing));
    life.passes(170);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
}

#[test]
fn a_day_that_is_moved_moves_what_is_waited_for() {
    let mut life = Life::accepted();
    life.now += SignedDuration::from_mins(1);
    life.tells(back_until(Reason::Timing, date(2026, 12, 1)));
    clicks(&mut life);
    life.passes(10);
    life.tells(Outcome::Revisit { on: date(2026, 5, 1) });
    life.passes(15);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled);
    life.lives_until("2026-04-01T12:00:00Z".parse().unwrap());
    assert_eq!(life.lead().stage, LifecycleStage::Mql, "thirty days before: {}", life.story);
}

#[test]
fn a_day_that_a_rep_named_before_is_the_one_that_is_waited_for_and_one_that_is_over_is_not() {
    let mut life = Life::accepted();
    life.tells(Outcome::Revisit { on: date(2026, 12, 1) });
    life.tells(back(Reason::Timing));
    assert_eq!(days(&life, life.lead().turnback.as_ref().unwrap().sales_from), 274 - 30);
    life.lives_until("2026-12-02T12:00:00Z".parse().unwrap());
    life.tells(back(Reason::Timing));
    assert_eq!(days(&life, life.lead().turnback.as_ref().unwrap().sales_from), 60);
    assert!(!life.profile.as_ref().unwrap().fields.contains_key(&FieldName::parse("revisit_at").unwrap()));
}

#[test]
fn whoever_is_given_back_to_the_program_they_are_in_does_not_get_its_mails_again() {
    let mut life = Life::with_sales();
    life.tells(back(Reason::Evaluating));
    let before = life.lead().enrolment.clone();
    life.tells(back(Reason::Other));
    assert_eq!((life.program(), &life.lead().enrolment), (Some("nurture"), &before));
    life.tells(back_until(Reason::Timing, date(2026, 12, 1)));
    life.tells(back_until(Reason::Timing, date(2027, 1, 1)));
    assert_eq!(
        life.lead().enrolment.as_ref().unwrap().ordinal,
        before.unwrap().ordinal + 2,
        "another day, another plan"
    );
}

#[test]
fn a_rep_who_takes_no_leads_any_more_is_not_the_one_who_gets_it_back() {
    let mut life = Life::accepted();
    life.tells(back(Reason::Timing));
    let knows = life.lead().preferred.clone().unwrap();
    let mut roster = (*life.catalog.roster).clone();
    roster.reps.get_mut(&knows).unwrap().status = RepStatus::Away;
    life.catalog = Arc::new(Catalog { roster: Arc::new(roster), ..(*life.catalog).clone() });
    life.gives(SignalKind::HandRaised, None);
    assert_eq!(life.lead().stage, LifecycleStage::Mql);
    assert!(life.rep().is_some_and(|rep| rep != knows.as_str()), "another of the team");
}

#[test]
fn attempts_are_counted_before_silence_is_taken_for_an_answer() {
    let mut life = Life::accepted();
    let kim = Party::Rep { rep: rep("kim") };
    let silent = back(Reason::NoResponse);
    life.tells(no_answer());
    assert_eq!(life.refusal(&kim, &silent), Some(Refusal::TooFewAttempts { made: 1, needed: 3 }));
    // A CRM counts its own.
    assert_eq!(life.refusal(&Party::Crm, &silent), None);
}

// --- Machines ------------------------------------------------------------------------------------

#[test]
fn a_click_that_turns_out_to_be_a_machines_is_no_day_on_which_the_person_was_there() {
    let mut life = Life::accepted();
    life.now += SignedDuration::from_mins(1);
    life.tells(back(Reason::Timing));
    let mut letter = Letter::sent(&life);
    life.passes(1);
    letter.followed(&mut life, 0);
    assert!(life.lead().turnback.as_ref().unwrap().days.contains_key(&SignalKind::Clicked), "{}", life.story);
    letter.is_a_machine(&mut life);
    assert!(life.lead().turnback.as_ref().unwrap().days.is_empty(), "{}", life.story);
    assert_eq!(life.lead().cycle.signs, 1, "the form of the beginning");
    life.passes(100);
    assert_eq!(life.lead().stage, LifecycleStage::Recycled, "{}", life.story);
}

/// A mail whose links are followed.
struct Letter {
    touch: TouchId,
    mailing: Mailing,
    hits: Vec<Hit>,
}

impl Letter {
    fn sent(life: &Life) -> Self {
        let mailing = Mailing { sent_at: life.now, links: 5, class: TouchClass::Nurture };
        Self { touch: TouchId::parse("1_welcome_round_0").unwrap(), mailing, hits: Vec::new() }
    }

    fn followed(&mut self, life: &mut Life, link: u16) {
        let network = Network::of_hash("office".to_owned());
        let (agent, manner) = (Agent::Browser, Manner::Get);
        self.hits.push(Hit { at: life.now, target: Target::Link(link), network, agent, manner });
        self.judged(life);
    }

    /// It followed what no person sees, too.
    fn is_a_machine(&mut self, life: &mut Life) {
        let first = self.hits[0].clone();
        let at = first.at + SignedDuration::from_secs(30);
        self.hits.push(Hit { at, target: Target::Trap, ..first });
        self.judged(life);
    }

    fn judged(&self, life: &mut Life) {
        life.meet(&Stimulus::LinkFollowed {
            touch: self.touch.clone(),
            attempt: 1,
            mailing: self.mailing,
            topic: None,
            until: life.now + SignedDuration::from_mins(2),
        });
        life.now += SignedDuration::from_mins(15);
        life.meet(&Stimulus::HitsGathered { touch: self.touch.clone(), hits: self.hits.clone() });
        life.is_looked_at();
    }
}
