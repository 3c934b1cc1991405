//! How long a lead may be untouched in a program, and whether the program's horizon passes before.

use super::{Whole, needs_a_sign, passed_over};
use crate::loader::graph::flow::{self, Flow, Node};
use crate::loader::graph::{DAY, Minutes, WEEK, planned};
use crate::program::{Action, Destination, Step, UsedUp};
use crate::timing::{Delay, Moment, Timing};

/// Where a program may be over before anybody was touched.
#[derive(Default)]
pub(super) struct Spent {
    pub(super) is_over_at_entry: bool,
    /// By step: while the step after it is waited for.
    pub(super) is_over_after: Vec<bool>,
}

/// A time that may have no end.
const UNBOUNDED: Minutes = Minutes::MAX;

impl Spent {
    pub(super) fn of(whole: &Whole<'_>, flow: &Flow<'_>) -> Self {
        let (Some(horizon), Some(first)) = (flow::horizon(flow.program), flow.nodes.first()) else {
            return Self::default();
        };
        let days = whole.catalog.window.days().len();
        let at_first = wait(first.step, days);
        let due = untouched_until(whole, flow, at_first, days);
        let is_over_after = flow.nodes.iter().zip(&due).map(|(node, due)| {
            let bare = bare_ways(whole, flow, node, days).into_iter();
            let latest = bare.filter_map(|(_, takes)| Some((*due)?.saturating_add(takes))).max();
            latest.is_some_and(|latest| latest >= horizon)
        });
        Self { is_over_at_entry: at_first >= horizon, is_over_after: is_over_after.collect() }
    }
}

/// The latest that each step is due for a lead that was not touched before. `None`: no such lead comes here.
fn untouched_until(whole: &Whole<'_>, flow: &Flow<'_>, at_first: Minutes, days: usize) -> Vec<Option<Minutes>> {
    let mut due: Vec<Option<Minutes>> = vec![None; flow.nodes.len()];
    if let Some(first) = due.first_mut() {
        *first = Some(at_first);
    }
    // Who is still put off after as many rounds as there are steps walks in a circle, and is put off for ever.
    let patience = flow.nodes.len();
    for round in 0..=2 * patience {
        let mut has_grown = false;
        for (at, node) in flow.reached() {
            let Some(here) = due.get(at).copied().flatten() else { continue };
            for (next, takes) in bare_ways(whole, flow, node, days) {
                let then = here.saturating_add(takes);
                let Some(slot) = due.get_mut(next).filter(|slot| slot.is_none_or(|due| due < then)) else { continue };
                *slot = Some(if round < patience { then } else { UNBOUNDED });
                has_grown = true;
            }
        }
        if !has_grown {
            break;
        }
    }
    due
}

/// The steps that a lead may come to from a step without a touch, and how long that takes at most.
fn bare_ways(whole: &Whole<'_>, flow: &Flow<'_>, node: &Node<'_>, days: usize) -> Vec<(usize, Minutes)> {
    let step = node.step;
    if step.action.is_touch() && passed_over(flow.program, step, whole).is_none() {
        return Vec::new();
    }
    let to = |destination| match destination {
        Destination::Step(next) => {
            Some((next, spends(step, days).saturating_add(wait(flow.nodes.get(next)?.step, days))))
        }
        Destination::Program(_) => None,
    };
    node.ways.iter().filter(|path| !needs_a_sign(step, path.why)).filter_map(|path| to(path.to)).collect()
}

/// The most that passes until a step does something for the first time: the first mail of a `recur` comes after a round.
fn wait(step: &Step, days: usize) -> Minutes {
    let round = if let Action::Recur { every, .. } = &step.action { longest(every, days) } else { 0 };
    longest(&step.timing, days).saturating_add(round)
}

/// The most that passes from then on until it is left.
fn spends(step: &Step, days: usize) -> Minutes {
    match &step.action {
        Action::WaitUntil { timeout, .. } => longest(&Timing::After(*timeout), days),
        Action::Recur { every, mails, used_up: UsedUp::GoOn, .. } => {
            let rounds = Minutes::try_from(mails.len()).unwrap_or(UNBOUNDED).saturating_sub(1);
            longest(every, days).saturating_mul(rounds)
        }
        Action::Recur { used_up: UsedUp::Again, .. }
        | Action::Email { .. }
        | Action::Ask { .. }
        | Action::Call { .. }
        | Action::PersonalMail { .. }
        | Action::Wait
        | Action::Branch { .. }
        | Action::Split { .. }
        | Action::Alert { .. }
        | Action::Set { .. }
        | Action::Emit { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => 0,
    }
}

/// The most that a timing takes.
fn longest(timing: &Timing, days_a_week: usize) -> Minutes {
    match timing {
        Timing::After(delay @ (Delay::Minutes(_) | Delay::Days(_))) => planned(*delay),
        Timing::After(Delay::BusinessDays(days)) => {
            let a_week = Minutes::try_from(days_a_week).unwrap_or(7).clamp(1, 7);
            let days = Minutes::from(*days);
            // The days that are left over may lie around a weekend.
            (days / a_week) * WEEK + (days % a_week + 7 - a_week) * DAY
        }
        Timing::At(Moment::Next { .. }) => WEEK,
        // The first such weekday of a month, and that of the next.
        Timing::At(Moment::FirstOfMonth { .. }) => 5 * WEEK,
        Timing::At(Moment::Date { .. }) => UNBOUNDED,
    }
}
