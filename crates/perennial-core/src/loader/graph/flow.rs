//! The ways through one program that some lead can take.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Code, DAY, Finding, Minutes, Place, planned, spoken};
use crate::condition::Condition;
use crate::lead::LifecycleStage;
use crate::loader::solve::{Terms, World};
use crate::program::{Action, Awaited, Cause, ContentStage, Destination, Program, Step, UsedUp};
use crate::timing::{Moment, Timing};

/// A program as a graph: each step with the ways on from it.
pub(super) struct Flow<'c> {
    pub(super) program: &'c Program,
    pub(super) nodes: Vec<Node<'c>>,
    /// Whether leads of before the hand-over come here.
    is_for_prospects: bool,
}

/// A step and the ways on from it.
pub(super) struct Node<'c> {
    pub(super) step: &'c Step,
    /// The ways that some lead can take.
    pub(super) ways: Vec<Path<'c>>,
    /// Whether some lead can come here.
    pub(super) is_reached: bool,
}

/// A way on from a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'c> {
    pub(super) why: Why,
    pub(super) to: Destination<'c>,
}

/// Why a way is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The step is done.
    Done,
    /// What was waited for has come.
    Happened,
    /// It has not.
    TimedOut,
    /// This case holds, and none before it.
    Case(usize),
    /// No case holds.
    Otherwise,
    /// The lead belongs to this arm.
    Arm(usize),
    /// The step was skipped.
    Skipped,
}

/// Stages before the hand-over.
const PROSPECT: &[LifecycleStage] = &[LifecycleStage::Inquiry, LifecycleStage::Mql, LifecycleStage::Recycled];

impl<'c> Flow<'c> {
    pub(super) fn of(program: &'c Program, world: &World<'_>) -> Self {
        let node = |(at, step)| Node { step, ways: ways(program, at, step, world), is_reached: false };
        let mut nodes: Vec<Node<'_>> = program.steps.iter().enumerate().map(node).collect();
        let reached = reach(&nodes, 0, |_| true);
        for (node, is_reached) in nodes.iter_mut().zip(reached) {
            node.is_reached = is_reached;
        }
        let prospects = Terms { stages: PROSPECT, ..Terms::ENTER };
        let is_for_prospects = program.enter.as_ref().is_none_or(|enter| world.can_hold(enter, prospects));
        Self { program, nodes, is_for_prospects }
    }

    /// The steps that some lead can come to.
    pub(super) fn reached(&self) -> impl Iterator<Item = (usize, &Node<'c>)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.is_reached)
    }

    /// The soonest that each step is due after the entry. `None` for what nobody comes to.
    pub(super) fn soonest(&self) -> Vec<Option<Minutes>> {
        let mut soonest: Vec<Option<Minutes>> = vec![None; self.nodes.len()];
        let mut open = BinaryHeap::new();
        if let Some(first) = self.nodes.first() {
            open.push(Reverse((before(first.step, 0), 0)));
        }
        while let Some(Reverse((at, place))) = open.pop() {
            let (Some(slot), Some(node)) = (soonest.get_mut(place), self.nodes.get(place)) else { continue };
            if slot.is_some() {
                continue;
            }
            *slot = Some(at);
            for path in &node.ways {
                let Destination::Step(next) = path.to else { continue };
                let Some(there) = self.nodes.get(next) else { continue };
                open.push(Reverse((at + after(node.step, path.why, 0) + before(there.step, 0), next)));
            }
        }
        soonest
    }
}

/// What a step waits before it is due; `weekday` is what the next such weekday counts.
pub(super) fn before(step: &Step, weekday: Minutes) -> Minutes {
    wait(&step.timing, weekday)
}

/// What passes between the moment a step is due and this way on; `weekday` is what the next such weekday, or the next
/// sign of a person, counts.
pub(super) fn after(step: &Step, why: Why, weekday: Minutes) -> Minutes {
    match &step.action {
        Action::WaitUntil { event, timeout, .. } => match (why, event) {
            (
                Why::Happened,
                Awaited::Signals(_) | Awaited::Moment(Moment::Next { .. } | Moment::FirstOfMonth { .. }),
            ) => weekday,
            // A condition may hold already, and a date may be over.
            (Why::Happened, Awaited::Holds(_) | Awaited::Moment(Moment::Date { .. })) | (Why::Skipped, _) => 0,
            (Why::Done | Why::TimedOut | Why::Case(_) | Why::Otherwise | Why::Arm(_), _) => planned(*timeout),
        },
        Action::Recur { every, used_up: UsedUp::Again, .. } => wait(every, weekday),
        Action::Recur { every, mails, used_up: UsedUp::GoOn, .. } => {
            wait(every, weekday).saturating_mul(Minutes::try_from(mails.len()).unwrap_or(Minutes::MAX))
        }
        Action::Email { .. }
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

/// What passes between the arrival at a step and the moment it is due, where that is later: a round, or a wait for what
/// has not come.
pub(super) fn until_due(step: &Step, weekday: Minutes) -> Minutes {
    match &step.action {
        Action::Recur { every, .. } => wait(every, weekday),
        Action::WaitUntil { event: Awaited::Signals(_), timeout, .. } => planned(*timeout),
        Action::WaitUntil { event: Awaited::Holds(_) | Awaited::Moment(_), .. }
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

/// The least that a timing takes: a date of the profile may be today.
fn wait(timing: &Timing, weekday: Minutes) -> Minutes {
    match timing {
        Timing::After(delay) => planned(*delay),
        Timing::At(Moment::Next { .. } | Moment::FirstOfMonth { .. }) => weekday,
        Timing::At(Moment::Date { .. }) => 0,
    }
}

/// The ways on from a step that some lead can take.
fn ways<'c>(program: &'c Program, at: usize, step: &'c Step, world: &World<'_>) -> Vec<Path<'c>> {
    let mut ways = Vec::new();
    if step.skip_if.as_ref().is_none_or(|skip| world.can_fail(skip, Terms::STEP.with_old_answers())) {
        let mut earlier: Vec<(&Condition, bool)> = Vec::new();
        let all = program.ways(at);
        ways.extend(all.iter().enumerate().filter_map(|(number, way)| {
            let why = match way.cause {
                Cause::Done => Why::Done,
                Cause::Happened => Why::Happened,
                Cause::TimedOut => Why::TimedOut,
                Cause::Case(_) => Why::Case(number),
                Cause::Otherwise => Why::Otherwise,
                Cause::Arm(_) => Why::Arm(number),
            };
            is_taken(step, way.cause, &mut earlier, world).then_some(Path { why, to: way.to })
        }));
    }
    let comes_round = matches!(step.action, Action::Recur { used_up: UsedUp::Again, .. });
    if step.skip_if.as_ref().is_some_and(|skip| world.can_hold(skip, Terms::STEP)) {
        let next = at + 1;
        let past =
            if next < program.steps.len() { Destination::Step(next) } else { Destination::Program(&program.then) };
        // A round that is skipped is over; the next one comes.
        let to = if comes_round { Destination::Step(at) } else { past };
        ways.push(Path { why: Why::Skipped, to });
    }
    ways
}

/// Whether some lead takes a way; `earlier` are the cases before it, and grows.
fn is_taken<'c>(step: &'c Step, cause: Cause<'c>, earlier: &mut Vec<(&'c Condition, bool)>, world: &World<'_>) -> bool {
    match cause {
        Cause::Case(when) => {
            earlier.push((when, true));
            let is_taken = world.allows(earlier, Terms::STEP);
            if let Some(last) = earlier.last_mut() {
                last.1 = false;
            }
            is_taken
        }
        Cause::Otherwise => world.allows(earlier, Terms::STEP.with_old_answers()),
        Cause::Happened => awaited_condition(step).is_none_or(|when| world.can_hold(when, Terms::STEP)),
        Cause::TimedOut => {
            awaited_condition(step).is_none_or(|when| world.can_fail(when, Terms::STEP.with_old_answers()))
        }
        Cause::Done | Cause::Arm(_) => true,
    }
}

/// The condition that a step waits for, if it waits for one.
pub(super) fn awaited_condition(step: &Step) -> Option<&Condition> {
    match &step.action {
        Action::WaitUntil { event: Awaited::Holds(when), .. } => Some(when),
        Action::WaitUntil { event: Awaited::Signals(_) | Awaited::Moment(_), .. }
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
        | Action::Recur { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => None,
    }
}

/// Which steps can be come to from `start` by way of steps that may be passed.
fn reach(nodes: &[Node<'_>], start: usize, passes: impl Fn(&Node<'_>) -> bool) -> Vec<bool> {
    let mut reached = vec![false; nodes.len()];
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        let (Some(slot), Some(node)) = (reached.get_mut(at), nodes.get(at)) else { continue };
        if std::mem::replace(slot, true) || !passes(node) {
            continue;
        }
        open.extend(node.ways.iter().filter_map(|path| match path.to {
            Destination::Step(next) => Some(next),
            Destination::Program(_) => None,
        }));
    }
    reached
}

/// What one program alone shows.
pub(super) fn check(flow: &Flow<'_>, found: &mut Vec<Finding>) {
    unreachable_steps(flow, found);
    late_steps(flow, found);
    content(flow, found);
}

/// The first step of each part that nobody comes to.
fn unreachable_steps(flow: &Flow<'_>, found: &mut Vec<Finding>) {
    if flow.nodes.iter().all(|node| node.is_reached) {
        return;
    }
    let program = flow.program;
    let named = named_steps(program);
    let mut told = vec![false; flow.nodes.len()];
    for (at, node) in flow.nodes.iter().enumerate() {
        if node.is_reached || told.get(at).copied().unwrap_or_default() {
            continue;
        }
        let place = Place::step(program, node.step, "id");
        let id = &node.step.id;
        found.push(if named.get(at).copied().unwrap_or_default() {
            place.error(
                Code::UnreachableStep,
                format!("no lead comes to `{id}`: only ways that nobody takes lead here"),
                "mend the conditions on the way here, or remove the step",
            )
        } else {
            place.error(
                Code::UnreachableStep,
                format!("no lead comes to `{id}`: no way leads here"),
                format!("lead here from another step (`goto = \"{id}\"`), or remove it"),
            )
        });
        for (told, is_reached) in told.iter_mut().zip(reach(&flow.nodes, at, |_| true)) {
            *told |= is_reached;
        }
    }
}

/// Which steps could be come to if every condition could hold.
fn named_steps(program: &Program) -> Vec<bool> {
    let ways = |(at, step)| Node {
        step,
        ways: program.ways(at).iter().map(|way| Path { why: Why::Done, to: way.to }).collect(),
        is_reached: true,
    };
    let nodes: Vec<Node<'_>> = program.steps.iter().enumerate().map(ways).collect();
    reach(&nodes, 0, |_| true)
}

/// The first step that the program's horizon leaves no time for.
fn late_steps(flow: &Flow<'_>, found: &mut Vec<Finding>) {
    let program = flow.program;
    let Some(horizon) = horizon(program) else { return };
    let due = flow.soonest();
    // The first mail of a `recur` comes after one round.
    let acted = |node: &Node<'_>, at: Minutes| {
        if let Action::Recur { every, .. } = &node.step.action { at + wait(every, 0) } else { at }
    };
    let mut steps = flow.nodes.iter().zip(&due).filter_map(|(node, at)| Some((node, acted(node, (*at)?))));
    let first_touch = steps.clone().filter(|(node, _)| node.step.action.is_touch()).min_by_key(|(_, at)| *at);
    if let Some((node, at)) = first_touch.filter(|(_, at)| *at >= horizon) {
        found.push(Place::program(program, "horizon").warning(
            Code::UnreachableStep,
            format!(
                "the program is over after {}, before its first touch: `{}` comes after {}",
                spoken(horizon),
                node.step.id,
                spoken(at)
            ),
            "lengthen the horizon, or let the first touch come sooner",
        ));
        return;
    }
    if let Some((node, at)) = steps.find(|(_, at)| *at >= horizon) {
        let id = &node.step.id;
        found.push(Place::step(program, node.step, "after").warning(
            Code::UnreachableStep,
            format!(
                "no lead comes to `{id}`: the program is over after {}, and it comes after {}",
                spoken(horizon),
                spoken(at)
            ),
            "lengthen the program's horizon, or let the step come sooner",
        ));
    }
}

/// After how long a program is over.
pub(super) fn horizon(program: &Program) -> Option<Minutes> {
    program.horizon.map(|horizon| Minutes::try_from(horizon.0.as_mins()).unwrap_or_default())
}

/// Product content that a prospect may read before anything that engages.
fn content(flow: &Flow<'_>, found: &mut Vec<Finding>) {
    if !flow.is_for_prospects {
        return;
    }
    let stage = |node: &Node<'_>| if let Action::Email { content, .. } = &node.step.action { *content } else { None };
    if !flow.nodes.iter().any(|node| stage(node) == Some(ContentStage::Product)) {
        return;
    }
    // Once they have read of their own matter, or were told of here already.
    let early = reach(&flow.nodes, 0, |node| stage(node).is_none());
    for (node, is_early) in flow.nodes.iter().zip(early) {
        if is_early && stage(node) == Some(ContentStage::Product) {
            let id = &node.step.id;
            found.push(Place::step(flow.program, node.step, "content").warning(
                Code::ContentStage,
                format!("`{id}` speaks of the product, and somebody may come here who has read nothing of their own matter yet"),
                "let a mail with `content = \"engage\"` come before it on every way",
            ));
        }
    }
}

/// The least that comes round may take.
pub(super) const ROUND_MIN: Minutes = DAY;

/// The key that makes a step's way.
pub(super) fn way_place<'c>(program: &'c Program, step: &'c Step, why: Why, leaves: bool) -> Place<'c> {
    let key = match (why, &step.action) {
        (Why::Case(number), _) => format!("case.{number}.goto"),
        (Why::Arm(number), _) => format!("arm.{number}.goto"),
        (Why::Otherwise, _) => "else".to_owned(),
        (Why::Happened, _) => "goto".to_owned(),
        (Why::TimedOut, _) => "on_timeout".to_owned(),
        (Why::Done | Why::Skipped, Action::Recur { every, used_up: UsedUp::Again, .. }) => match every {
            Timing::After(_) => "every".to_owned(),
            Timing::At(_) => "on".to_owned(),
        },
        (Why::Done, Action::Goto { .. }) => "to".to_owned(),
        (Why::Done, Action::Goal { then: Some(_) } | Action::Exit { then: Some(_) }) => "then".to_owned(),
        (Why::Done | Why::Skipped, _) => String::new(),
    };
    match key.as_str() {
        // The program's own `then` follows.
        "" if leaves => Place::program(program, "then"),
        "" => Place::step(program, step, "id"),
        _ => Place::step(program, step, key),
    }
}

/// A key of a program's goal or of one of its stops.
pub(super) fn stop_key(program: &Program, number: usize, key: &str) -> String {
    match number.checked_sub(program.goal.iter().len()) {
        None => format!("goal.{key}"),
        Some(stop) => format!("stop.{stop}.{key}"),
    }
}
