//! Whether a lead is ready for sales: the gate, and what brings back whoever was turned back.
//!
//! **Invariants:** only signs of people are looked at (I11), and only here; looking twice at the same signs changes
//! nothing more (I10). A hand-raise is never held up, by no cool-down and no guard.

use jiff::{SignedDuration, Timestamp};

use super::Draft;
use crate::condition::SignalKind;
use crate::event::Event;
use crate::lead::{Lead, LifecycleStage, REQUALIFIED_KEPT_MAX};
use crate::policy::RequalifyRule;
use crate::sales::{Audience, QualifyCause, Trigger, Turnback};
use crate::score;
use crate::submission::Channel;

/// By when whoever looks must have looked, where the event that calls them is lost.
const EVALUATE_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// In so long a lead is offered again by its score only so often.
const BY_SCORE_PERIOD: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What a lead that sales has is worth telling of, most telling first.
const TELLING: [(SignalKind, Trigger); 5] = [
    (SignalKind::HandRaised, Trigger::HandRaised),
    (SignalKind::Replied, Trigger::Replied),
    (SignalKind::MeetingBooked, Trigger::MeetingBooked),
    (SignalKind::PricingVisited, Trigger::PricingVisited),
    (SignalKind::Answered, Trigger::Answered),
];

/// Why a lead is ready.
struct Ready {
    cause: QualifyCause,
    by_score: bool,
}

impl Draft<'_> {
    /// Notes that something came of which somebody must say whether it makes the lead ready.
    pub(super) fn ask_whether_ready(&mut self, before: Option<&Lead>) {
        let Some(lead) = &self.lead else { return };
        let asks = match lead.stage {
            LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled => true,
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => false,
        };
        let same = before.filter(|before| before.cycle.number == lead.cycle.number);
        let (signs, touches) = same.map_or((0, 0), |before| (before.cycle.signs, before.cycle.touches));
        let is_touched_enough = touches < self.catalog.gate.touches_min
            && lead.cycle.touches >= self.catalog.gate.touches_min
            && lead.cycle.signs > 0;
        // A sign may have begun the cycle that it would count for.
        let is_new = |(kind, given_at): (&SignalKind, &Timestamp)| {
            before.is_some_and(|before| before.signals.get(kind).is_none_or(|last| last < given_at))
        };
        let has_sign = lead.cycle.signs > signs || lead.signals.iter().any(is_new);
        let has_news = has_sign || (lead.stage == LifecycleStage::Inquiry && is_touched_enough);
        let is_asked = lead.evaluate_by.is_some();
        if asks && has_news && !is_asked {
            self.record(Event::EvaluationDue { by: self.now + EVALUATE_WITHIN });
        }
        // Whoever wants to be spoken to is not let go of for want of news.
        let lead = self.lead.as_ref();
        let wants_to_talk = lead.is_some_and(|lead| {
            [SignalKind::HandRaised, SignalKind::Replied, SignalKind::MeetingBooked]
                .into_iter()
                .any(|kind| lead.signals.get(&kind).is_some_and(|given_at| is_new((&kind, given_at))))
        });
        if wants_to_talk {
            self.keep_alive();
        }
    }

    /// Looks whether the lead is ready. Where nothing new was said since somebody looked, it answers nothing.
    pub(super) fn evaluate(&mut self) {
        let Some(lead) = self.lead.clone() else { return };
        let is_window_open = lead.turnback.as_ref().and_then(|it| it.judge_at).is_some_and(|at| at <= self.now);
        if lead.evaluate_by.is_none() && !is_window_open {
            return;
        }
        let score = self.points();
        self.record(Event::Evaluated { score });
        if let Some(Ready { cause, by_score }) = self.readiness(&lead, score) {
            self.hand_over(cause, by_score);
            return;
        }
        let is_with_sales = match lead.stage {
            LifecycleStage::Mql | LifecycleStage::Sal | LifecycleStage::Sql => true,
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Inquiry
            | LifecycleStage::Customer
            | LifecycleStage::Recycled
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => false,
        };
        if is_with_sales {
            self.tell_what_is_new(&lead);
        }
    }

    /// The score that the lead has now, in whole points.
    pub(super) fn points(&self) -> u32 {
        self.facts().map_or(0, |facts| score::total(self.catalog, &facts).in_whole())
    }

    fn readiness(&self, lead: &Lead, score: u32) -> Option<Ready> {
        let since = |kind: SignalKind, from: Timestamp| lead.signals.get(&kind).is_some_and(|at| *at >= from);
        let cycle = &lead.cycle;
        let sure = |cause| Some(Ready { cause, by_score: false });
        match lead.stage {
            LifecycleStage::Inquiry => {
                let gate = &self.catalog.gate;
                if since(SignalKind::HandRaised, cycle.opened_at) {
                    sure(QualifyCause::HandRaise)
                } else if since(SignalKind::Replied, cycle.opened_at) {
                    sure(QualifyCause::HumanReply)
                } else {
                    let is_through = score >= gate.score
                        && cycle.touches >= gate.touches_min
                        && cycle.signs >= gate.human_signals_min.max(1);
                    is_through.then_some(Ready { cause: QualifyCause::ScoreThreshold, by_score: false })
                }
            }
            LifecycleStage::Recycled => {
                let turnback = lead.turnback.as_ref()?;
                if turnback.days.contains_key(&SignalKind::HandRaised) {
                    return sure(QualifyCause::HandRaise);
                }
                self.ready_again(lead, turnback)
            }
            LifecycleStage::Customer => {
                let asks = cycle.closed_at.is_some_and(|closed| {
                    lead.signals.get(&SignalKind::HandRaised).is_some_and(|raised| *raised > closed)
                });
                asks.then_some(Ready { cause: QualifyCause::HandRaise, by_score: false })
            }
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => None,
        }
    }

    /// What the rules of the program, or else of the reason, say of whoever was turned back, once its cool-down is over.
    fn ready_again(&self, lead: &Lead, turnback: &Turnback) -> Option<Ready> {
        // Whatever a rule asks for, somebody must have been there since (guard).
        if self.now < turnback.sales_from || turnback.days.is_empty() {
            return None;
        }
        let reason = turnback.reason;
        let policy = self.catalog.turnbacks.policy(reason)?;
        let is_too_often = lead.requalified.len() >= REQUALIFIED_KEPT_MAX
            && lead.requalified.iter().all(|at| self.now.duration_since(*at) < BY_SCORE_PERIOD);
        let engagement = lead.score.engagement(self.now).in_whole();
        let reaches = |percent: u32| {
            u64::from(engagement) * 100 >= u64::from(self.catalog.gate.score) * u64::from(percent) && !is_too_often
        };
        let cause = QualifyCause::RequalifyRule { reason };
        let enrolment = lead.enrolment.as_ref();
        let program = enrolment.and_then(|it| self.catalog.program_of(&it.program, &it.version));
        let own = program.map(|program| &program.requalify).filter(|rules| !rules.is_empty());
        let rules = own.unwrap_or(&policy.requalify);
        if rules.is_empty() {
            // No rule of its own: whoever writes back, or is warm again.
            let writes = turnback.days.contains_key(&SignalKind::Replied);
            let is_ready = writes || reaches(self.catalog.gate.reentry_percent);
            return is_ready.then_some(Ready { cause, by_score: !writes });
        }
        let met = || rules.iter().filter(|rule| self.meets(rule, turnback, &reaches));
        // Whoever is ready without their score is, however often their score was it.
        let by_score = met().next()?.score_percent.is_some() && met().all(|rule| rule.score_percent.is_some());
        Some(Ready { cause, by_score })
    }

    /// Whether a rule holds. That its date is near (`in_window`) does: before, sales would not have the lead.
    fn meets(&self, rule: &RequalifyRule, turnback: &Turnback, reaches: &dyn Fn(u32) -> bool) -> bool {
        let given = |kind: &SignalKind| turnback.days.get(kind).is_some_and(|days| days.days >= rule.days_min);
        let has_sign =
            if rule.signals.is_empty() { turnback.days.keys().any(given) } else { rule.signals.iter().any(given) };
        let is_answered = rule.answered.is_empty() || !rule.answered.is_disjoint(&turnback.answered);
        let is_corrected = || {
            !turnback.answered.is_empty()
                && self.profile.is_some_and(|profile| profile.doubted.is_empty())
                && self.points() >= self.catalog.gate.score
        };
        has_sign
            && is_answered
            && rule.also.iter().all(|kind| turnback.days.contains_key(kind))
            && (!rule.corrected || is_corrected())
            && rule.score_percent.is_none_or(reaches)
            && rule.when.as_ref().is_none_or(|when| self.facts().is_some_and(|facts| when.holds(&facts)))
    }

    /// Tells the owner of what the person did since somebody looked last: one thing, the most telling. What sales told
    /// itself it knows.
    fn tell_what_is_new(&mut self, lead: &Lead) {
        let handed_over = lead.cycle.qualified.map(|qualified| qualified.at);
        let last = lead.evaluated_at.max(handed_over);
        let is_news = |(kind, trigger): &(SignalKind, Trigger)| {
            let known = last.max(lead.alerted.get(trigger).copied());
            lead.signals.get(kind).is_some_and(|given_at| known.is_none_or(|known| *given_at > known))
        };
        let told = TELLING.into_iter().find(is_news);
        if let Some((_, trigger)) = told {
            self.alert(trigger, Audience::Owner, None);
        }
    }

    /// Gives a new lead an owner: whoever came by a form or a mail gets a rep at once, where there are any (S1).
    pub(super) fn own(&mut self, channel: Option<Channel>) {
        let catalog = self.catalog;
        // Whoever asks for sales is theirs in a moment: the first mail is to have the voice of whoever calls.
        let asks = self.lead.as_ref().is_some_and(|lead| lead.signals.contains_key(&SignalKind::HandRaised));
        let route = match channel {
            Some(Channel::Form | Channel::Email) if asks => self.route_after(None).or(catalog.handover.entry.as_ref()),
            Some(Channel::Form | Channel::Email) => catalog.handover.entry.as_ref(),
            // Nobody calls a whole list on one day.
            Some(Channel::Import) | None => None,
        };
        let owner = self.routed(route, None);
        self.record(Event::Assigned { owner });
    }
}
