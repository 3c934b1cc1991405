//! What the events of sales change in a lead.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Event;
use crate::condition::SignalKind;
use crate::ids::FieldName;
use crate::lead::{Lead, LifecycleStage, Ownership, REQUALIFIED_KEPT_MAX};
use crate::policy::TurnbackReason;
use crate::sales::{
    Delivery, DemandCycle, Origin, Outcome, Party, Qualified, QualifyCause, SignDays, SlaClock, Trigger, Turnback,
};

/// Total, as [`super::apply`] is.
#[expect(clippy::too_many_lines, reason = "an arm for each event, each a few lines long")]
pub(super) fn apply(lead: &mut Lead, event: &Event, at: Timestamp) {
    if let Event::EvaluationDue { by } = event {
        lead.evaluate_by = Some(lead.evaluate_by.map_or(*by, |other| other.min(*by)));
    }
    if let Event::Evaluated { .. } = event {
        lead.evaluate_by = None;
        lead.evaluated_at = Some(at);
        if let Some(turnback) = &mut lead.turnback
            && turnback.judge_at.is_some_and(|judge_at| judge_at <= at)
        {
            turnback.judge_at = None;
        }
    }
    if let Event::Qualified { cause, .. } = event {
        qualified(lead, *cause, at);
    }
    if let Event::Requalified { cause, cycle, origin, by_score } = event {
        lead.cycle = DemandCycle::open(*cycle, *origin, at);
        lead.turnback = None;
        if *by_score {
            lead.requalified.push(at);
            let surplus = lead.requalified.len().saturating_sub(REQUALIFIED_KEPT_MAX);
            lead.requalified.drain(..surplus);
        }
        qualified(lead, *cause, at);
    }
    if let Event::SlaStarted { clock } = event {
        if clock.attempt_by.is_some() {
            lead.cycle.offers = lead.cycle.offers.saturating_add(1);
        }
        lead.sla = Some(clock.clone());
    }
    if let Event::SlaWarned { rung, next_at, .. } | Event::SlaBreached { rung, next_at, .. } = event
        && let Some(clock) = &mut lead.sla
    {
        clock.rung = *rung;
        clock.next_at = *next_at;
    }
    if let Event::SlaBreached { trigger: Trigger::Reassigned, .. } = event {
        lead.cycle.passed_over.extend(lead.owner.as_ref().and_then(Ownership::rep).cloned());
    }
    if let Event::StatusTold { status } = event {
        lead.crm_status = Some(status.clone());
    }
    if let Event::Disposed { by, outcome, happened_at } = event {
        disposed(lead, by, outcome, at);
        if !outcome.is_remark() {
            lead.disposed_at = lead.disposed_at.max(Some(happened_at.unwrap_or(at)));
        }
    }
    if let Event::Accepted { by } = event {
        lead.stage = LifecycleStage::Sal;
        lead.sla = None;
        if let Some(rep) = by.rep().or_else(|| lead.rep()).cloned() {
            lead.owner = Some(Ownership::Accepted { rep });
        }
    }
    if let Event::OpportunityOpened { .. } = event {
        lead.stage = LifecycleStage::Sql;
        lead.sla = None;
        work(lead);
    }
    if let Event::Won { .. } = event {
        lead.stage = LifecycleStage::Customer;
        lead.sla = None;
        lead.task = None;
        lead.turnback = None;
        lead.cycle.closed_at = Some(at);
    }
    if let Event::TurnedBack { reason, by, rep, sales_from, judge_at, horizon_at, .. } = event {
        // Somebody asked to be spoken to, and nobody has looked at it yet: whoever gives the lead back cannot have known.
        let unseen = lead
            .signals
            .get(&SignalKind::HandRaised)
            .copied()
            .filter(|raised| lead.evaluate_by.is_some() && lead.evaluated_at.is_none_or(|looked| looked < *raised));
        lead.sla = None;
        lead.task = None;
        lead.evaluate_by = lead.evaluate_by.filter(|_| unseen.is_some());
        lead.cycle.closed_at = Some(at);
        // Whoever let it lie does not know it.
        if rep.is_some() && *by != Party::Suite {
            lead.preferred.clone_from(rep);
        }
        lead.turnback = Some(Turnback {
            reason: *reason,
            at,
            by_seller: by.sells(),
            sales_from: *sales_from,
            judge_at: *judge_at,
            horizon_at: *horizon_at,
            answered: BTreeSet::new(),
            days: unseen
                .map(|raised| (SignalKind::HandRaised, SignDays { days: 1, last: day_of(raised) }))
                .into_iter()
                .collect(),
        });
    }
    if let Event::TurnbackMoved { sales_from, horizon_at } = event
        && let Some(turnback) = &mut lead.turnback
    {
        turnback.sales_from = *sales_from;
        turnback.judge_at = Some(*sales_from);
        turnback.horizon_at = *horizon_at;
    }
    if let Event::Recycled = event {
        lead.stage = LifecycleStage::Recycled;
        lead.stage_until = None;
    }
    if let Event::IsCustomer = event {
        lead.stage = LifecycleStage::Customer;
        lead.stage_until = None;
        lead.disqualified = None;
        lead.turnback = None;
        lead.sla = None;
        lead.cycle.closed_at = Some(at);
    }
    if let Event::Resubmitted { rep, reason } = event {
        // That a rep leaves is nobody's delay.
        if *reason == TurnbackReason::SlaExpired {
            lead.cycle.resubmissions = lead.cycle.resubmissions.saturating_add(1);
        }
        lead.cycle.passed_over.extend(rep.clone());
        lead.sla = None;
    }
    if let Event::HorizonReached = event
        && let Some(turnback) = &mut lead.turnback
    {
        turnback.horizon_at = None;
    }
    if let Event::Alerted { trigger, delivery: Delivery::Now, .. } = event {
        lead.alerted.insert(*trigger, at);
    }
    if let Event::TaskDone { touch, .. } = event
        && lead.task.as_ref().is_some_and(|task| &task.touch == touch)
    {
        lead.task = None;
    }
}

/// The day of a sign (UTC).
fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Another owner was told of nothing yet.
pub(super) fn assigned(lead: &mut Lead, owner: &Ownership) {
    if lead.owner.as_ref().is_some_and(|before| !before.is_same_owner(owner)) {
        lead.alerted.clear();
    }
    lead.owner = Some(owner.clone());
}

/// A sign of the person counts for the cycle, and for the turnback that it came after.
pub(super) fn signalled(lead: &mut Lead, kind: SignalKind, at: Timestamp) {
    lead.cycle.signs = lead.cycle.signs.saturating_add(1);
    let Some(turnback) = &mut lead.turnback else { return };
    let today = day_of(at);
    let days = turnback.days.entry(kind).or_insert(SignDays { days: 1, last: today });
    if days.last < today {
        *days = SignDays { days: days.days.saturating_add(1), last: today };
    }
}

/// What was answered counts for the turnback that it came after.
pub(super) fn answered(lead: &mut Lead, fields: &BTreeSet<FieldName>) {
    if let Some(turnback) = &mut lead.turnback {
        turnback.answered.extend(fields.iter().cloned());
    }
}

/// A click that counted was a machine's: the day is none on which the person was there, unless they were there again.
pub(crate) fn click_taken_back(lead: &mut Lead, given_at: Timestamp, clicked_before: Option<Timestamp>) {
    if lead.cycle.opened_at <= given_at {
        lead.cycle.signs = lead.cycle.signs.saturating_sub(1);
    }
    let last = lead.signals.get(&SignalKind::Clicked).copied();
    let Some(turnback) = lead.turnback.as_mut().filter(|turnback| turnback.at <= given_at) else { return };
    let Some(days) = turnback.days.get_mut(&SignalKind::Clicked) else { return };
    let since = turnback.at;
    let before = clicked_before.filter(|at| *at >= since).map(day_of);
    if [before, last.filter(|at| *at >= since).map(day_of)].contains(&Some(day_of(given_at))) {
        return;
    }
    days.days = days.days.saturating_sub(1);
    days.last = before.filter(|_| days.last == day_of(given_at)).unwrap_or(days.last);
    if days.days == 0 {
        turnback.days.remove(&SignalKind::Clicked);
    }
}

/// Whoever was only listened to is spoken to again: in the next cycle, where sales had decided on the last.
pub(super) fn reopened(lead: &mut Lead, at: Timestamp) {
    lead.stage = LifecycleStage::Inquiry;
    lead.stage_until = None;
    lead.disqualified = None;
    if lead.cycle.closed_at.is_some() {
        lead.cycle = DemandCycle::open(lead.cycle.number.saturating_add(1), Origin::Reopened, at);
    }
}

fn qualified(lead: &mut Lead, cause: QualifyCause, at: Timestamp) {
    lead.stage = LifecycleStage::Mql;
    lead.cycle.qualified = Some(Qualified { at, cause });
    lead.sla = None;
}

/// Somebody of sales has done something: no first attempt is waited for any more.
fn disposed(lead: &mut Lead, by: &Party, outcome: &Outcome, at: Timestamp) {
    match outcome {
        Outcome::Attempted { .. }
        | Outcome::Connected
        | Outcome::CallBack { .. }
        | Outcome::MeetingBooked { .. }
        | Outcome::WrongPerson
        | Outcome::BadNumber => {
            lead.cycle.attempts = lead.cycle.attempts.saturating_add(1);
            lead.cycle.touches = lead.cycle.touches.saturating_add(1);
            if let Some(clock) = &mut lead.sla {
                attempted(clock);
            }
        }
        Outcome::Untouched
        | Outcome::Accepted
        | Outcome::DoNotCall
        | Outcome::Done
        | Outcome::Qualified
        | Outcome::TurnedBack(_)
        | Outcome::Disqualified { .. }
        | Outcome::ExistingCustomer
        | Outcome::Won
        | Outcome::Lost
        | Outcome::Held { .. }
        | Outcome::Resumed
        | Outcome::Revisit { .. }
        | Outcome::Unhelpful { .. } => {}
    }
    if let Outcome::MeetingBooked { .. } = outcome {
        // Nobody is told what they told.
        lead.alerted.insert(Trigger::MeetingBooked, at);
    }
    if matches!(outcome, Outcome::Connected | Outcome::MeetingBooked { .. }) {
        if let Some(rep) = by.rep().or_else(|| lead.rep()) {
            lead.preferred = Some(rep.clone());
        }
        work(lead);
    }
}

/// Only the decision is waited for then.
fn attempted(clock: &mut SlaClock) {
    if clock.attempt_by.take().is_some() {
        clock.next_at = clock.ends_at;
    }
}

/// A rep who has the lead has spoken with the person.
fn work(lead: &mut Lead) {
    if let Some(Ownership::Accepted { rep }) = &lead.owner {
        lead.owner = Some(Ownership::Working { rep: rep.clone() });
    }
}
