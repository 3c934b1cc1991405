//! All programs together: who enters them, and where they lead round in circles.
//!
//! Two kinds of circle lose leads: one that takes less than a day, and one on which nobody is touched. For both the
//! inputs stand still: no sign comes, no answer, no change of stage. What a person does is no excuse for a program.
//!
//! **Invariant:** every program leads on. So a lead that never comes to a touch walks in a circle, and a program without
//! such a circle is proven to touch everybody again.

mod entered;
mod rounds;
mod spent;

use std::collections::{BTreeMap, BTreeSet};

use self::rounds::Noted;
use self::spent::Spent;
use super::circle::Graph;
use super::flow::{self, Flow, Node, Why};
use super::{Code, DAY, Finding, Minutes, Place};
use crate::catalog::Catalog;
use crate::condition::Condition;
use crate::ids::{ProgramName, TagName, TopicName};
use crate::loader::solve::{Terms, World, for_each_question};
use crate::program::{Action, Awaited, Destination, Program, Step, Stop, TouchClass};
use crate::timing::{Moment, Timing};

/// What concerns several programs.
pub(super) fn check(catalog: &Catalog, flows: &[Flow<'_>], world: &World<'_>, found: &mut Vec<Finding>) {
    if !catalog.programs.contains_key(&catalog.last_resort) {
        let message = format!(
            "the last resort `{}` is not there: whoever comes to an end has nowhere to go",
            catalog.last_resort
        );
        found.push(Place::catalog("last_resort").error(Code::NoWayOut, message, "name a program that is there"));
        return;
    }
    let whole = Whole::of(catalog, flows, world);
    entered::never_entered(&whole, found);
    let graph = whole.graph();
    rounds::hurried(&whole, &graph, found);
    rounds::untouched(&whole, &graph, found);
}

/// All programs.
struct Whole<'c> {
    catalog: &'c Catalog,
    flows: &'c [Flow<'c>],
    world: &'c World<'c>,
    /// The place of each program among `flows`.
    places: BTreeMap<&'c ProgramName, usize>,
    /// The node at which each program begins; and one past the last.
    bases: Vec<usize>,
    claims: Claims<'c>,
}

/// The programs that a tag or a topic may call, by place.
#[derive(Default)]
struct Claims<'c> {
    by_tag: BTreeMap<&'c TagName, Vec<usize>>,
    by_topic: Vec<usize>,
}

/// A way on from a node.
struct Hop {
    via: Via,
    /// The least it takes.
    least: Minutes,
    /// Whether it touches nobody.
    is_bare: bool,
}

/// What leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    /// A program begins.
    Start,
    /// A way of a step.
    Way(Why),
    /// A step is due, and first it is asked whether the program has ended.
    Asked,
    /// It has: by this one of its goal and stops.
    Ended(usize),
    /// Its horizon has passed.
    Over,
    /// A higher program claims the lead for what a step has noted.
    Claimed,
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// The moment a program begins.
    Entry,
    /// A step, by place.
    Step(usize),
    /// The moment it is asked whether the program has ended.
    End,
}

impl<'c> Whole<'c> {
    fn of(catalog: &'c Catalog, flows: &'c [Flow<'c>], world: &'c World<'c>) -> Self {
        let places = flows.iter().enumerate().map(|(at, flow)| (&flow.program.name, at)).collect();
        let mut bases = vec![0];
        let mut base = 0;
        for flow in flows {
            // The entry, the steps, the end.
            base += flow.nodes.len() + 2;
            bases.push(base);
        }
        let mut claims = Claims::default();
        for (at, flow) in flows.iter().enumerate() {
            claims.note(at, flow.program);
        }
        Self { catalog, flows, world, places, bases, claims }
    }

    fn place(&self, name: &ProgramName) -> Option<usize> {
        self.places.get(name).or_else(|| self.places.get(&self.catalog.last_resort)).copied()
    }

    fn base(&self, program: usize) -> usize {
        self.bases.get(program).copied().unwrap_or_default()
    }

    fn entry(&self, name: &ProgramName) -> Option<usize> {
        self.place(name).map(|program| self.base(program))
    }

    /// The program of a node, and what the node stands for.
    fn spot(&self, node: usize) -> Option<(usize, &'c Flow<'c>, Spot)> {
        let program = self.bases.partition_point(|base| *base <= node).checked_sub(1)?;
        let flow = self.flows.get(program)?;
        let spot = match node - self.base(program) {
            0 => Spot::Entry,
            place if place <= flow.nodes.len() => Spot::Step(place - 1),
            _ => Spot::End,
        };
        Some((program, flow, spot))
    }

    fn graph(&self) -> Graph<Hop> {
        let mut graph = Graph::new();
        for (at, flow) in self.flows.iter().enumerate() {
            let program = Ways { whole: self, flow, base: self.base(at), spent: Spent::of(self, flow) };
            graph.push(program.of_entry());
            for (place, node) in flow.nodes.iter().enumerate() {
                graph.push(if node.is_reached { program.of_step(place, node) } else { Vec::new() });
            }
            graph.push(program.of_end());
        }
        graph
    }
}

impl<'c> Claims<'c> {
    fn note(&mut self, at: usize, program: &'c Program) {
        let Some(enter) = &program.enter else { return };
        let mut tags = BTreeSet::new();
        let mut by_topic = false;
        for_each_question(enter, &mut |question| match question {
            Condition::Tag(tag) => {
                tags.insert(tag);
            }
            Condition::Topic(_) => by_topic = true,
            Condition::All(_)
            | Condition::Any(_)
            | Condition::Not(_)
            | Condition::Known(_)
            | Condition::Answer { .. }
            | Condition::Stage(_)
            | Condition::Signal { .. } => {}
        });
        for tag in tags {
            self.by_tag.entry(tag).or_default().push(at);
        }
        if by_topic {
            self.by_topic.push(at);
        }
    }

    /// The programs that may claim a lead for what a step notes.
    fn for_note(&self, topic: Option<&TopicName>, tags: impl Iterator<Item = &'c TagName>) -> BTreeSet<usize> {
        let by_topic = self.by_topic.iter().filter(|_| topic.is_some());
        tags.filter_map(|tag| self.by_tag.get(tag)).flatten().chain(by_topic).copied().collect()
    }
}

// --- The graph -------------------------------------------------------------------------------

/// The ways of one program.
struct Ways<'w, 'c> {
    whole: &'w Whole<'c>,
    flow: &'c Flow<'c>,
    base: usize,
    spent: Spent,
}

impl<'c> Ways<'_, 'c> {
    fn of_entry(&self) -> Vec<(usize, Hop)> {
        let mut hops = Vec::new();
        if let Some(first) = self.flow.nodes.first() {
            let least = flow::before(first.step, DAY);
            hops.push((self.node(0), Hop { via: Via::Start, least, is_bare: true }));
        }
        // Whoever is touched before leaves, too; that matters where it is within the day.
        let is_soon = flow::horizon(self.flow.program).is_some_and(|horizon| horizon < DAY);
        let over = self.over(self.spent.is_over_at_entry || is_soon);
        hops.extend(over.map(|(to, hop)| (to, Hop { is_bare: self.spent.is_over_at_entry, ..hop })));
        hops
    }

    fn of_step(&self, at: usize, node: &Node<'c>) -> Vec<(usize, Hop)> {
        let step = node.step;
        let is_touch = step.action.is_touch();
        let mut hops = Vec::new();
        for path in node.ways.iter().filter(|path| !needs_a_sign(step, path.why)) {
            // What a touch skips it may skip for ever or not: below.
            if is_touch && path.why == Why::Skipped {
                continue;
            }
            hops.extend(self.way(node, path.why, path.to, !is_touch));
        }
        if is_touch && passed_over(self.flow.program, step, self.whole).is_some() {
            let next = self.flow.program.ways(at).first().map(|way| way.to);
            hops.extend(next.and_then(|to| self.way(node, Why::Skipped, to, true)));
        }
        if is_asked_for_end(step) && stops(self.flow.program).next().is_some() {
            let least = flow::until_due(step, DAY);
            hops.push((self.node(self.flow.nodes.len()), Hop { via: Via::Asked, least, is_bare: true }));
        }
        hops.extend(self.over(self.spent.is_over_after.get(at).copied().unwrap_or_default()));
        hops.extend(self.claims(step));
        hops
    }

    fn of_end(&self) -> Vec<(usize, Hop)> {
        let program = self.flow.program;
        let ended = |(number, stop): (usize, &Stop)| {
            let there = self.whole.entry(stop.then.as_ref().unwrap_or(&program.then))?;
            // It leads into a program, where signs count anew.
            let can_end = |terms: Terms| self.whole.world.can_hold(&stop.when, terms.entered());
            let hop = Hop { via: Via::Ended(number), least: 0, is_bare: can_end(Terms::SILENT) };
            can_end(Terms::STEP.with_old_answers()).then_some((there, hop))
        };
        stops(program).enumerate().filter_map(ended).collect()
    }

    fn node(&self, step: usize) -> usize {
        self.base + 1 + step
    }

    fn way(&self, node: &Node<'c>, why: Why, to: Destination<'c>, is_bare: bool) -> Option<(usize, Hop)> {
        let least = flow::after(node.step, why, DAY);
        match to {
            Destination::Step(next) => {
                let least = least.saturating_add(flow::before(self.flow.nodes.get(next)?.step, DAY));
                Some((self.node(next), Hop { via: Via::Way(why), least, is_bare }))
            }
            Destination::Program(then) => Some((self.whole.entry(then)?, Hop { via: Via::Way(why), least, is_bare })),
        }
    }

    /// The way out when the horizon passes before anybody was touched.
    fn over(&self, is_over: bool) -> Option<(usize, Hop)> {
        let program = self.flow.program;
        let least = flow::horizon(program).filter(|_| is_over)?;
        Some((self.whole.entry(&program.then)?, Hop { via: Via::Over, least, is_bare: true }))
    }

    /// The way to a program that claims the lead for what a step notes about it.
    fn claims(&self, step: &'c Step) -> Vec<(usize, Hop)> {
        let Action::Set { topic, add, remove } = &step.action else { return Vec::new() };
        let whole = self.whole;
        let noted = Noted::of([step].into_iter());
        let claim = |at: usize| {
            let there = whole.flows.get(at)?.program;
            let enter = there.enter.as_ref().filter(|_| there.priority > self.flow.program.priority)?;
            let stays = noted.stays.iter().map(|(condition, holds)| (condition, *holds));
            let asked: Vec<(&Condition, bool)> = stays.chain([(enter, true)]).collect();
            let hop = Hop { via: Via::Claimed, least: 0, is_bare: true };
            whole.world.allows(&asked, Terms::ENTER).then_some((whole.base(at), hop))
        };
        let may_claim = whole.claims.for_note(topic.as_ref(), add.iter().chain(remove));
        may_claim.into_iter().filter_map(claim).collect()
    }
}

/// A program's goal and stops, in the order in which they are asked for.
fn stops(program: &Program) -> impl Iterator<Item = &Stop> {
    program.goal.iter().chain(&program.stops)
}

/// Whether it is asked, when a step is due, if the program has ended: not before what was just asked for.
fn is_asked_for_end(step: &Step) -> bool {
    step.action.mail_class() != Some(TouchClass::Response)
}

/// Whether a way is taken only when the person does something.
fn needs_a_sign(step: &Step, why: Why) -> bool {
    matches!((&step.action, why), (Action::WaitUntil { event: Awaited::Signals(_), .. }, Why::Happened))
}

/// Under what condition a touch may be passed over again and again, by a lead of whom nothing is heard. `None`: never.
fn passed_over(program: &Program, step: &Step, whole: &Whole<'_>) -> Option<Condition> {
    let mut ways: Vec<Condition> = step.skip_if.iter().cloned().collect();
    if is_asked_for_end(step) {
        ways.extend(program.skip_if.clone());
    }
    if let Timing::At(Moment::Date { field, .. }) = &step.timing {
        // Once the date is over, it stays over.
        ways.push(Condition::Known(field.clone()));
    }
    if let Action::Ask { fields, .. } = &step.action {
        let field = |name| whole.catalog.fields.get(name);
        let is_asked_again = fields.iter().any(|name| field(name).is_some_and(|it| it.ask_again_after_days.is_some()));
        if !is_asked_again {
            ways.push(Condition::All(fields.iter().cloned().map(Condition::Known).collect()));
        }
    }
    ways.retain(|condition| whole.world.can_hold(condition, Terms::SILENT));
    match ways.len() {
        0 => None,
        1 => ways.pop(),
        _ => Some(Condition::Any(ways)),
    }
}
