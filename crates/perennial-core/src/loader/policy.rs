//! `catalog.toml`: what a deployment promises about handing leads over and taking them back.

use std::collections::BTreeMap;

use crate::breaker::{BreakerPolicy, Limits};
use crate::catalog::Route;
use crate::condition::{Condition, SignalKind};
use crate::diagnostic::Code;
use crate::ids::{FieldName, RouteName};
use crate::loader::catalog::prompt;
use crate::loader::catalog::reference;
use crate::loader::condition;
use crate::loader::known::Known;
use crate::loader::report::Report;
use crate::loader::section::Section;
use crate::policy::{
    BouncePolicy, FitRule, Gate, LastRung, RequalifyRule, Rung, RungAction, Scores, Sla, StageClock, TurnbackPolicy,
    TurnbackReason, Turnbacks, Worth,
};
use crate::timing::Delay;

/// `[gate]`.
pub(super) fn gate(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Gate> {
    let mut section = root.section(report, "gate")?;
    let score = section.number(report, "score");
    let touches_min = section.number(report, "touches_min");
    let human_signals_min = section.number(report, "human_signals_min");
    let reentry_percent = section.number(report, "reentry_percent");
    section.finish(report);
    Some(Gate {
        score: score?,
        touches_min: touches_min?,
        human_signals_min: human_signals_min?,
        reentry_percent: reentry_percent?,
    })
}

/// `[scores]`.
pub(super) fn scores(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Scores> {
    let mut section = root.section(report, "scores")?;
    let mut worths = BTreeMap::new();
    for signal in SignalKind::ALL {
        let Some(mut entry) = section.section(report, signal.as_str()) else { continue };
        let points = entry.number(report, "points");
        let half_life = entry.period(report, "half_life");
        entry.finish(report);
        if let (Some(points), Some(half_life)) = (points, half_life) {
            worths.insert(signal, Worth { points, half_life });
        }
    }
    section.finish(report);
    Some(Scores(worths))
}

/// `[[fit]]`.
pub(super) fn fit(report: &mut Report<'_>, root: &mut Section<'_>, known: &Known<'_>) -> Vec<FitRule> {
    let rules = root.sections(report, "fit");
    rules.into_iter().filter_map(|rule| fit_rule(report, rule, known)).collect()
}

fn fit_rule(report: &mut Report<'_>, mut section: Section<'_>, known: &Known<'_>) -> Option<FitRule> {
    let when = condition::read(report, &mut section, "when", known);
    let points = section.number(report, "points");
    let label = section.text(report, "label").and_then(|text| prompt(report, text, "a label"));
    let span = section.span_of("when");
    section.finish(report);
    let when = when?;
    if let Some(other) = other_than_answers(&when) {
        let message = format!("`{other}` is no answer, and fit is about answers only");
        let remedy = "ask for a `field`; what people do is worth points in [scores]";
        report.error(Code::BadCondition, span, message, remedy);
        return None;
    }
    Some(FitRule { when, points: points?, label: label? })
}

/// The first question in a condition that is about something else than an answer.
fn other_than_answers(condition: &Condition) -> Option<&Condition> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().find_map(other_than_answers),
        Condition::Not(part) => other_than_answers(part),
        Condition::Known(_) | Condition::Answer { .. } => None,
        Condition::Topic(_) | Condition::Tag(_) | Condition::Stage(_) | Condition::Signal { .. } => Some(condition),
    }
}

/// `[sla]`.
pub(super) fn sla(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Sla> {
    let mut section = root.section(report, "sla")?;
    let hand_raise_first_attempt = section.period(report, "hand_raise_first_attempt");
    let first_attempt = section.period(report, "first_attempt");
    let decide_within = section.period(report, "decide_within");
    let resubmissions_max = section.number(report, "resubmissions_max");
    let ladder = ladder(report, &mut section);
    let last = section.word(report, "last", &[("queue", LastRung::Queue), ("nurture", LastRung::Nurture)]);
    let sal = section.section(report, "sal").and_then(|section| stage_clock(report, section));
    let sql = section.section(report, "sql").and_then(|section| stage_clock(report, section));
    section.finish(report);
    Some(Sla {
        hand_raise_first_attempt: hand_raise_first_attempt?,
        first_attempt: first_attempt?,
        decide_within: decide_within?,
        resubmissions_max: resubmissions_max?,
        ladder,
        last: last?,
        sal: sal?,
        sql: sql?,
    })
}

fn ladder(report: &mut Report<'_>, sla: &mut Section<'_>) -> Vec<Rung> {
    const ACTIONS: [(&str, RungAction); 3] =
        [("warn", RungAction::Warn), ("manager", RungAction::Manager), ("reassign", RungAction::Reassign)];
    let mut ladder: Vec<Rung> = Vec::new();
    for mut section in sla.sections(report, "ladder") {
        let at_percent = section.number(report, "at_percent");
        let action = section.word(report, "do", &ACTIONS);
        let span = section.span_of("at_percent");
        section.finish(report);
        let (Some(at_percent), Some(action)) = (at_percent, action) else { continue };
        if let Some(before) = ladder.last().filter(|before| before.at_percent >= at_percent) {
            let message = format!("the rung at {at_percent} % comes after the one at {} %", before.at_percent);
            report.error(Code::NotRising, span, message, "let the percentages rise from rung to rung");
        }
        ladder.push(Rung { at_percent, action });
    }
    ladder
}

/// `[sla.sal]` and `[sla.sql]`: idle, then the manager, then out.
fn stage_clock(report: &mut Report<'_>, mut section: Section<'_>) -> Option<StageClock> {
    let idle = section.period(report, "idle");
    let manager = section.period(report, "manager");
    let expires = section.period(report, "expires");
    let spans = ["manager", "expires"].map(|key| section.span_of(key));
    section.finish(report);
    let (idle, expires) = (idle?, expires?);
    let mut before = ("idle", idle);
    for ((key, at), span) in [("manager", manager), ("expires", Some(expires))].into_iter().zip(spans) {
        let Some(at) = at else { continue };
        if at.typical() <= before.1.typical() {
            let message = format!("`{key}` ({at}) is not after `{}` ({})", before.0, before.1);
            report.error(Code::NotRising, span, message, "let each come later than the one before");
        }
        before = (key, at);
    }
    Some(StageClock { idle, manager, expires })
}

/// `[bounces]`: what is not said is as shipped.
pub(super) fn bounces(report: &mut Report<'_>, root: &mut Section<'_>) -> BouncePolicy {
    let shipped = BouncePolicy::default();
    let Some(mut section) = root.section(report, "bounces") else { return shipped };
    let soft_max = section.number(report, "soft_max");
    let within = section.exact(report, "within");
    let rest = section.exact(report, "rest");
    section.finish(report);
    BouncePolicy {
        soft_max: soft_max.unwrap_or(shipped.soft_max),
        within: within.unwrap_or(shipped.within),
        rest: rest.unwrap_or(shipped.rest),
    }
}

/// `[breaker]`: what is not said is as shipped.
pub(super) fn breaker(report: &mut Report<'_>, root: &mut Section<'_>) -> BreakerPolicy {
    let shipped = BreakerPolicy::default();
    let Some(mut section) = root.section(report, "breaker") else { return shipped };
    let window_days = section.days(report, "window");
    let sends_min = section.number(report, "sends_min");
    let slow = section.section(report, "slow").and_then(|section| limits(report, section));
    let stop = section.section(report, "stop").and_then(|section| limits(report, section));
    let pauses_below = section.number(report, "pauses_below").and_then(|priority| u8::try_from(priority).ok());
    let look_again = section.exact(report, "look_again");
    let span = section.span_of("stop");
    section.finish(report);
    let (slow, stop) = (slow.unwrap_or(shipped.slow), stop.unwrap_or(shipped.stop));
    if stop.bounces <= slow.bounces || stop.complaints <= slow.complaints {
        let message = "`stop` is not above `slow`, so nothing would ever slow down";
        report.error(Code::NotRising, span, message, "let both numbers of `stop` be higher than those of `slow`");
    }
    BreakerPolicy {
        window_days: window_days.unwrap_or(shipped.window_days),
        sends_min: sends_min.unwrap_or(shipped.sends_min),
        slow,
        stop,
        pauses_below: pauses_below.unwrap_or(shipped.pauses_below),
        look_again: look_again.unwrap_or(shipped.look_again),
    }
}

fn limits(report: &mut Report<'_>, mut section: Section<'_>) -> Option<Limits> {
    let bounces = section.number(report, "bounces");
    let complaints = section.number(report, "complaints");
    section.finish(report);
    Some(Limits { bounces: bounces?, complaints: complaints? })
}

/// `[turnback]`: total, so that no rep can give a lead back to nowhere.
pub(super) fn turnbacks(
    report: &mut Report<'_>,
    root: &mut Section<'_>,
    known: &Known<'_>,
    routes: &BTreeMap<RouteName, Route>,
) -> Option<Turnbacks> {
    let mut section = root.section(report, "turnback")?;
    let mut policies = BTreeMap::new();
    for reason in TurnbackReason::ALL {
        if let Some(policy) = section.section(report, reason.as_str()) {
            policies.insert(reason, policy_of(report, policy, known, routes));
        }
    }
    section.finish(report);
    Some(Turnbacks(policies))
}

fn policy_of(
    report: &mut Report<'_>,
    mut section: Section<'_>,
    known: &Known<'_>,
    routes: &BTreeMap<RouteName, Route>,
) -> TurnbackPolicy {
    let program = known.program(report, &mut section, "program");
    let stays = section.switch(report, "stays");
    if stays == Some(false) && !section.has("program") {
        let message = format!("{} says that the lead leaves its program, and not for which one", section.what());
        let remedy = "add `program = \"…\"` in place of `stays = false`";
        report.error(Code::KeyMissing, section.span_of("stays"), message, remedy);
    }
    let cooldown = section.period(report, "cooldown");
    let horizon_days = section.days(report, "horizon");
    let date = section.name(report, "date", FieldName::parse).and_then(|named| known.date_field(report, named));
    let lead_time = section.period(report, "lead_time");
    let attempts_min = section.number(report, "attempts_min");
    let route = reference(report, &mut section, "route", RouteName::parse, routes.keys(), "a route");
    let requalify = requalify(report, &mut section, known);
    section.finish(report);
    TurnbackPolicy {
        program,
        cooldown: cooldown.unwrap_or(Delay::ZERO),
        requalify,
        horizon_days,
        date,
        lead_time,
        attempts_min: attempts_min.unwrap_or(0),
        route,
    }
}

/// The requalification rules of a reason, or of a program.
pub(super) fn requalify(report: &mut Report<'_>, section: &mut Section<'_>, known: &Known<'_>) -> Vec<RequalifyRule> {
    let rules = section.sections(report, "requalify");
    rules.into_iter().map(|rule| requalify_rule(report, rule, known)).collect()
}

fn requalify_rule(report: &mut Report<'_>, mut section: Section<'_>, known: &Known<'_>) -> RequalifyRule {
    let signals = condition::signals(report, &mut section, "signal");
    let days_min = section.number(report, "days_min");
    let also = condition::signals(report, &mut section, "also");
    let score_percent = section.number(report, "score_percent");
    let corrected = section.switch(report, "corrected");
    let in_window = section.switch(report, "in_window");
    let answered = section.names(report, "answered", FieldName::parse);
    let answered = answered.into_iter().filter(|named| known.field(report, named).is_some());
    let answered = answered.map(|named| named.name).collect();
    let when = condition::read(report, &mut section, "when", known);
    if in_window == Some(false) {
        let message = "`in_window = false` asks nothing: a rule without it does not look at the date";
        report.error(Code::KeyConflict, section.span_of("in_window"), message, "remove it");
    }
    if corrected == Some(false) {
        let message = "`corrected = false` asks nothing: a rule without it does not look at what was in doubt";
        report.error(Code::KeyConflict, section.span_of("corrected"), message, "remove it");
    }
    section.finish(report);
    RequalifyRule {
        signals,
        days_min: days_min.unwrap_or(0),
        also,
        score_percent,
        corrected: corrected.unwrap_or(false),
        in_window: in_window.unwrap_or(false),
        answered,
        when,
    }
}
