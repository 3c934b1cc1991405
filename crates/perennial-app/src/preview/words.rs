//! What previews and charts call things: one wording for the terminal and the page.

use std::collections::BTreeSet;

use perennial_core::event::{DeferReason, ProgramExit, SkipReason};
use perennial_core::ids::TagName;
use perennial_core::lead::{EmailReach, TaskKind};
use perennial_core::program::{Action, Awaited, TouchClass};
use perennial_core::timing::{Delay, Moment, Timing};

/// What a person calls a kind of step.
pub(crate) const fn kind(action: &Action) -> &'static str {
    match action {
        Action::Email { .. } | Action::Recur { .. } => "mail",
        Action::Ask { .. } => "ask",
        Action::Call { .. } => "call",
        Action::PersonalMail { .. } => "write",
        Action::Wait | Action::WaitUntil { .. } => "wait",
        Action::Branch { .. } => "branch",
        Action::Split { .. } => "split",
        Action::Alert { .. } => "alert",
        Action::Set { .. } => "note",
        Action::Emit { .. } => "event",
        Action::Goal { .. } => "goal",
        Action::Exit { .. } => "exit",
        Action::Goto { .. } => "goto",
    }
}

/// What the owner of a task does.
pub(super) const fn task(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Call => "calls",
        TaskKind::Write => "writes",
        TaskKind::RepairData => "finds an address that works",
        TaskKind::Read => "reads what they wrote",
    }
}

pub(super) const fn deferred(reason: DeferReason) -> &'static str {
    match reason {
        DeferReason::QuietHours => "waited for the send window",
        DeferReason::FrequencyCap => "waited for the frequency cap",
        DeferReason::WithSales => "waited while sales works the lead",
        DeferReason::NotYet => "waited for its date",
        DeferReason::AwaitingConsent => "waited for a confirmed opt-in",
        DeferReason::SenderPaused => "waited while its sender's mail is paused",
        DeferReason::ProgramPaused => "waited while the program is paused",
        DeferReason::AddressRests => "waited while the address rests after bounces",
        DeferReason::Paused => "waited while the person is away or in a conversation",
        DeferReason::NotKnownYet => "waited until it was known everywhere",
        DeferReason::Throttled | DeferReason::SendingPaused | DeferReason::NotReached => "waited for SES",
    }
}

pub(crate) const fn skipped(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NoPhone => "no number to call",
        SkipReason::TaskOpen => "the owner's last task is still open",
        SkipReason::Suppressed(reach) => unmailed(reach),
        SkipReason::HumanPreferred => "the address is a desk's",
        SkipReason::AddressRests => "the address rests after bounces",
        SkipReason::StepGone => "the step is gone",
        SkipReason::Condition => "skip_if holds",
        SkipReason::AllKnown => "all that it asks for is known",
        SkipReason::DatePassed => "its date is over",
        SkipReason::Holdout => "the lead is in the holdout",
        SkipReason::SwitchedOff => "the person switched its topic off",
        SkipReason::WithSales => "sales works the lead",
        SkipReason::ListenedTo => "the lead is only listened to",
        SkipReason::Expired => "the broadcast was over before it could go out",
        SkipReason::Stopped => "the broadcast was stopped",
    }
}

const fn unmailed(reach: EmailReach) -> &'static str {
    match reach {
        EmailReach::Ok => "mail is not to be sent",
        EmailReach::Missing => "no address",
        EmailReach::NotMailable => "the address cannot be mailed",
        EmailReach::Unconfirmed => "the person has not confirmed yet",
        EmailReach::NoConsent => "there is no consent any more",
        EmailReach::DoNotEmail => "the lead may not be mailed",
        EmailReach::Unsubscribed => "the person unsubscribed",
        EmailReach::HardBounced => "the address bounced",
        EmailReach::Complained => "the person complained",
    }
}

pub(super) const fn exit(exit: ProgramExit) -> &'static str {
    match exit {
        ProgramExit::Completed => "nothing is left to do",
        ProgramExit::Suppressed => "nobody may contact the lead any more",
        ProgramExit::Superseded => "another program claims the lead",
        ProgramExit::GoalMet => "the goal is met",
        ProgramExit::Stopped => "the program says to stop",
        ProgramExit::Horizon => "its time is over",
        ProgramExit::TurnedBack => "sales gave the lead back",
    }
}

/// `2 days`, `20 hours`, `3 business days`.
pub(crate) fn delay(delay: Delay) -> String {
    let (number, unit) = match delay {
        Delay::Minutes(minutes) if minutes > 0 && minutes % 60 == 0 => (minutes / 60, "hour"),
        Delay::Minutes(minutes) => (minutes, "minute"),
        Delay::Days(days) => (days, "day"),
        Delay::BusinessDays(days) => (days, "business day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// `at once`, `after 2 days`, `at revisit_at - 30d`. Nothing for a step that takes no time of its own.
pub(crate) fn timing(action: &Action, timing: &Timing) -> Option<String> {
    match timing {
        Timing::After(delay) if delay.is_zero() && action.is_touch() => Some("at once".to_owned()),
        Timing::After(delay) if delay.is_zero() => None,
        Timing::After(after) => Some(format!("after {}", delay(*after))),
        Timing::At(moment) => Some(format!("at {}", self::moment(moment))),
    }
}

/// `next Tuesday 10:00`, `revisit_at - 30d`.
pub(crate) fn moment(moment: &Moment) -> String {
    match moment {
        Moment::Next { .. } | Moment::FirstOfMonth { .. } => moment.to_string(),
        Moment::Date { if_missing, .. } => format!("{moment} (unknown: after {})", delay(*if_missing)),
    }
}

/// What a mail of class `response` is exempt from.
pub(crate) const fn class(class: TouchClass) -> Option<&'static str> {
    match class {
        TouchClass::Response => Some("day or night"),
        TouchClass::Nurture => None,
    }
}

/// What is waited for: `clicked or replied`, `role is known`, `revisit_at - 30d (unknown: after 60 days)`.
pub(crate) fn awaited(event: &Awaited) -> String {
    match event {
        Awaited::Moment(moment) => self::moment(moment),
        Awaited::Signals(_) | Awaited::Holds(_) => awaited_briefly(event),
    }
}

/// The same, where it does not matter what happens without a date.
pub(super) fn awaited_briefly(event: &Awaited) -> String {
    match event {
        Awaited::Signals(kinds) => kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or "),
        Awaited::Holds(condition) => condition.to_string(),
        Awaited::Moment(moment) => moment.to_string(),
    }
}

/// What a `set` step notes: `topic cost; tagged customer-event; no longer tagged new, cold`.
pub(crate) fn noted(action: &Action) -> Option<String> {
    let Action::Set { topic, add, remove } = action else { return None };
    let tags = |word: &str, tags: &BTreeSet<TagName>| {
        let listed = tags.iter().map(TagName::as_str).collect::<Vec<_>>().join(", ");
        (!tags.is_empty()).then(|| format!("{word} {listed}"))
    };
    let topic = topic.as_ref().map(|topic| format!("topic {topic}"));
    let notes = [topic, tags("tagged", add), tags("no longer tagged", remove)];
    Some(notes.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// `every 42 days`, `each first Tuesday 10:00`.
pub(crate) fn every(timing: &Timing) -> String {
    match timing {
        Timing::After(after) => format!("every {}", delay(*after)),
        Timing::At(Moment::FirstOfMonth { .. }) => format!("each {} of a month", timing_text(timing)),
        Timing::At(_) => format!("each {}", timing_text(timing)),
    }
}

fn timing_text(timing: &Timing) -> String {
    match timing {
        Timing::After(after) => delay(*after),
        Timing::At(at) => moment(at),
    }
}
