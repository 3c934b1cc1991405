//! The circles that lose leads: those that take no time, and those on which nobody is touched.

use std::collections::BTreeSet;

use super::{Hop, Spot, Via, Whole, is_asked_for_end, passed_over, stops};
use crate::condition::Condition;
use crate::diagnostic::Code;
use crate::ids::TagName;
use crate::lead::PULSE_AHEAD_MAX;
use crate::loader::graph::circle::{Arc, Extent, Graph, Wanted};
use crate::loader::graph::flow::{self, Flow, Why, awaited_condition, stop_key, way_place};
use crate::loader::graph::{Finding, Minutes, Place, quoted};
use crate::loader::solve::{Terms, for_each_question};
use crate::program::{Action, Step};

/// How many conditions one circle may have before it is taken to be possible.
const CONDITIONS_MAX: usize = 512;

/// Circles that take less than a day.
pub(super) fn hurried(whole: &Whole<'_>, graph: &Graph<Hop>, found: &mut Vec<Finding>) {
    let wanted = Wanted {
        length: &|arc: &Arc<Hop>| (arc.what.least < flow::ROUND_MIN).then_some(arc.what.least),
        limit: flow::ROUND_MIN,
        is_possible: &|arcs, extent| whole.is_possible(arcs, extent, Terms::STEP.with_old_answers()),
    };
    found.extend(Circle::all(whole, graph, &wanted).into_iter().map(Circle::hurried));
}

/// Circles on which nobody is touched.
pub(super) fn untouched(whole: &Whole<'_>, graph: &Graph<Hop>, found: &mut Vec<Finding>) {
    let wanted = Wanted {
        // Few conditions first: that is what most leads meet.
        length: &|arc: &Arc<Hop>| arc.what.is_bare.then_some(if arc.what.via.is_conditional() { 1_000 } else { 1 }),
        limit: u64::MAX,
        is_possible: &|arcs, extent| {
            // Whoever has been told that a circle takes no time knows already.
            let is_over = extent == Extent::Whole && (takes(arcs) < flow::ROUND_MIN || whole.is_left_in_time(arcs));
            !is_over && whole.is_possible(arcs, extent, Terms::SILENT)
        },
    };
    found.extend(Circle::all(whole, graph, &wanted).into_iter().map(Circle::untouched));
}

/// The least that a circle takes.
fn takes(arcs: &[&Arc<Hop>]) -> Minutes {
    arcs.iter().fold(0, |sum: Minutes, arc| sum.saturating_add(arc.what.least))
}

impl Via {
    fn is_conditional(self) -> bool {
        match self {
            Self::Way(Why::Case(_) | Why::Otherwise | Why::Happened | Why::Skipped)
            | Self::Ended(_)
            | Self::Over
            | Self::Claimed => true,
            Self::Start | Self::Way(Why::Done | Why::TimedOut | Why::Arm(_)) | Self::Asked => false,
        }
    }
}

impl<'c> Whole<'c> {
    /// Whether one and the same lead can take all these ways, again and again.
    fn is_possible(&self, arcs: &[&Arc<Hop>], extent: Extent, terms: Terms) -> bool {
        let noted = match extent {
            // What comes may note anything.
            Extent::Part => None,
            Extent::Whole => Some(self.noted(arcs)),
        };
        if noted.as_ref().is_some_and(|noted| !self.claims_again(arcs, noted)) {
            return false;
        }
        let enters = arcs.iter().any(|arc| self.is_entry(arc.to));
        let mut asked: Vec<(Condition, bool)> =
            arcs.iter().flat_map(|arc| self.conditions(arc)).take(CONDITIONS_MAX + 1).collect();
        if asked.len() > CONDITIONS_MAX {
            return true;
        }
        // What changes on the way may be one way here and the other there.
        asked.retain(|(condition, _)| !changes(condition, noted.as_ref()));
        asked.extend(noted.into_iter().flat_map(|noted| noted.stays));
        let asked: Vec<(&Condition, bool)> = asked.iter().map(|(condition, holds)| (condition, *holds)).collect();
        let terms = if enters { terms.entered() } else { terms };
        self.world.allows(&asked, terms)
    }

    /// Whether a circle stays in one program whose time is over soon enough: what follows it touches the lead.
    fn is_left_in_time(&self, arcs: &[&Arc<Hop>]) -> bool {
        let pulse = Minutes::try_from(PULSE_AHEAD_MAX.as_mins()).unwrap_or_default();
        let program = arcs.first().and_then(|arc| self.spot(arc.from)).map(|(_, flow, _)| flow.program);
        let stays = !arcs.iter().any(|arc| self.is_entry(arc.to));
        stays && program.and_then(flow::horizon).is_some_and(|horizon| horizon <= pulse)
    }

    /// Whether what claims the lead on a circle can become true in each round: something it asks for must change.
    fn claims_again(&self, arcs: &[&Arc<Hop>], noted: &Noted) -> bool {
        arcs.iter().filter(|arc| arc.what.via == Via::Claimed).all(|arc| {
            let there = self.spot(arc.to).and_then(|(_, flow, _)| flow.program.enter.as_ref());
            there.is_some_and(|enter| changes(enter, Some(noted)))
        })
    }

    fn is_entry(&self, node: usize) -> bool {
        self.bases.binary_search(&node).is_ok()
    }

    fn step_of(&self, arc: &Arc<Hop>) -> Option<(&'c Flow<'c>, &'c Step)> {
        match self.spot(arc.from)? {
            (_, flow, Spot::Step(at)) => flow.nodes.get(at).map(|node| (flow, node.step)),
            (_, _, Spot::Entry | Spot::End) => None,
        }
    }

    /// What is noted on a circle.
    fn noted(&self, arcs: &[&Arc<Hop>]) -> Noted {
        let done = arcs.iter().filter(|arc| matches!(arc.what.via, Via::Way(Why::Done) | Via::Claimed));
        Noted::of(done.filter_map(|arc| self.step_of(arc)).map(|(_, step)| step))
    }

    /// What must be so for a way to be taken.
    fn conditions(&self, arc: &Arc<Hop>) -> Vec<(Condition, bool)> {
        let Some((_, Flow { program, .. }, _)) = self.spot(arc.from) else { return Vec::new() };
        let ended = |up_to: usize| stops(program).take(up_to).map(|stop| (stop.when.clone(), false));
        match (arc.what.via, self.step_of(arc)) {
            (Via::Way(why), Some((_, step))) => {
                let skipped = step.action.is_touch() && why == Why::Skipped;
                let passed = if skipped { passed_over(program, step, self) } else { None };
                let all = if is_asked_for_end(step) { usize::MAX } else { 0 };
                passed.map(|when| (when, true)).into_iter().chain(taken_if(step, why)).chain(ended(all)).collect()
            }
            (Via::Ended(number), _) => {
                let this = stops(program).nth(number).map(|stop| (stop.when.clone(), true));
                ended(number).chain(this).collect()
            }
            (Via::Claimed, _) => {
                let there = self.spot(arc.to).and_then(|(_, flow, _)| flow.program.enter.clone());
                there.map(|enter| (enter, true)).into_iter().collect()
            }
            (Via::Start | Via::Asked | Via::Over | Via::Way(_), _) => Vec::new(),
        }
    }
}

/// What must be so for a step's way to be taken.
fn taken_if(step: &Step, why: Why) -> Vec<(Condition, bool)> {
    let mut asked: Vec<(Condition, bool)> = Vec::new();
    // A touch that is skipped leads where it leads when it is not.
    if !step.action.is_touch() {
        asked.extend(step.skip_if.clone().map(|skip| (skip, why == Why::Skipped)));
    }
    if let Action::Branch { cases, .. } = &step.action {
        let taken = match why {
            Why::Case(number) => Some(number),
            Why::Otherwise => Some(cases.len()),
            Why::Done | Why::Happened | Why::TimedOut | Why::Arm(_) | Why::Skipped => None,
        };
        let up_to = taken.map_or(0, |taken| taken + 1);
        asked.extend(cases.iter().enumerate().take(up_to).map(|(at, case)| (case.when.clone(), Some(at) == taken)));
    }
    if let (Some(when), Why::Happened | Why::TimedOut) = (awaited_condition(step), why) {
        asked.push((when.clone(), why == Why::Happened));
    }
    asked
}

/// What some steps note about a lead who takes them again and again.
#[derive(Default)]
pub(super) struct Noted {
    /// What is so after the first round.
    pub(super) stays: Vec<(Condition, bool)>,
    /// The tags that come and go.
    tags: BTreeSet<TagName>,
    /// Whether the topic changes.
    topic: bool,
}

impl Noted {
    pub(super) fn of<'s>(steps: impl Iterator<Item = &'s Step>) -> Self {
        let (mut added, mut removed, mut topics) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for step in steps {
            if let Action::Set { topic, add, remove } = &step.action {
                added.extend(add);
                removed.extend(remove);
                topics.extend(topic);
            }
        }
        let tags: BTreeSet<TagName> = added.intersection(&removed).map(|tag| (*tag).clone()).collect();
        let all = added.into_iter().map(|tag| (tag, true)).chain(removed.into_iter().map(|tag| (tag, false)));
        let mut stays: Vec<(Condition, bool)> = all
            .filter(|(tag, _)| !tags.contains(*tag))
            .map(|(tag, holds)| (Condition::Tag(tag.clone()), holds))
            .collect();
        let topic = topics.len() > 1;
        if !topic && !topics.is_empty() {
            stays.push((Condition::Topic(topics.into_iter().cloned().collect()), true));
        }
        Self { stays, tags, topic }
    }
}

/// Whether a condition asks for something that changes; `None`: any tag and the topic may.
fn changes(condition: &Condition, noted: Option<&Noted>) -> bool {
    let mut changes = false;
    for_each_question(condition, &mut |question| match question {
        Condition::Tag(tag) => changes |= noted.is_none_or(|noted| noted.tags.contains(tag)),
        Condition::Topic(_) => changes |= noted.is_none_or(|noted| noted.topic),
        Condition::All(_)
        | Condition::Any(_)
        | Condition::Not(_)
        | Condition::Known(_)
        | Condition::Answer { .. }
        | Condition::Stage(_)
        | Condition::Signal { .. } => {}
    });
    changes
}

/// The most names in the path that a message shows.
const SHOWN_MAX: usize = 6;

/// A circle, as people read it.
struct Circle<'c> {
    /// Where it is told of.
    place: Place<'c>,
    /// Where it is told of, as the message says it.
    from: String,
    /// The names on the way; the first again at the end.
    path: Vec<&'c str>,
    /// How long it takes at least.
    takes: Minutes,
    /// Whether it stays within one program.
    stays_within: bool,
    /// When the touches on it are skipped.
    skipped: Vec<Condition>,
}

impl<'c> Circle<'c> {
    /// The circles that are wanted, one for each place: of several, the one that most leads walk.
    fn all(whole: &Whole<'c>, graph: &Graph<Hop>, wanted: &Wanted<'_, Hop>) -> Vec<Self> {
        let mut all: Vec<Self> = graph.circles(wanted).iter().filter_map(|arcs| Self::of(whole, arcs)).collect();
        all.sort_by_key(|circle| (circle.place.key(), circle.skipped.len(), circle.takes));
        all.dedup_by_key(|circle| circle.place.key());
        all
    }

    fn of(whole: &Whole<'c>, arcs: &[&Arc<Hop>]) -> Option<Self> {
        // It begins where the first program by name does; where there is but one, at the first step.
        let entry = arcs.iter().map(|arc| arc.to).filter(|node| whole.is_entry(*node)).min();
        let start = entry.or_else(|| arcs.iter().map(|arc| arc.to).min())?;
        let (before, after) = arcs.split_at_checked(arcs.iter().position(|arc| arc.from == start)?)?;
        let order: Vec<&Arc<Hop>> = after.iter().chain(before).copied().collect();
        let closing = match entry {
            Some(_) => order.iter().find(|arc| whole.is_entry(arc.to))?,
            // The last step in the file that leads back.
            None => order.iter().filter(|arc| arc.to <= arc.from).max_by_key(|arc| arc.from)?,
        };
        let nodes = order.iter().map(|arc| arc.from).filter(|node| entry.is_none() || whole.is_entry(*node));
        Some(Self {
            place: whole.place_of(closing)?,
            from: whole.name(start)?.to_owned(),
            path: nodes.chain([start]).filter_map(|node| whole.name(node)).collect(),
            takes: takes(arcs),
            stays_within: entry.is_none(),
            skipped: whole.skipped(arcs),
        })
    }

    fn path(&self) -> String {
        let Some(more) = self.path.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) else {
            return self.path.join(" → ");
        };
        let (start, end) = self.path.split_at(SHOWN_MAX / 2);
        let end = end.get(more..).unwrap_or_default();
        format!("{} → … → {}", start.join(" → "), end.join(" → "))
    }

    fn hurried(self) -> Finding {
        let minutes = self.takes;
        let is_long = self.path.len() > 2;
        let path = if is_long { format!(" ({})", self.path()) } else { String::new() };
        let from = &self.from;
        let (message, remedy) = if !self.stays_within {
            (
                format!("from here a lead comes back to `{from}` within {minutes} minutes, for ever{path}"),
                "let a step wait: `after = \"42d\"`, or lead on to another program",
            )
        } else if self.place.key == "every" {
            (
                format!("`{from}` comes round every {minutes} minutes, for ever"),
                "let a round take a day at least: `every = \"30d\"`",
            )
        } else {
            (
                format!("from here a lead comes back to the step `{from}` within {minutes} minutes, for ever{path}"),
                "let a step on the way wait: `after = \"1d\"`, or lead on to another step",
            )
        };
        self.place.error(Code::LoopWithoutWait, message, remedy)
    }

    fn untouched(self) -> Finding {
        let path = self.path();
        let whom = match self.skipped.as_slice() {
            [] => String::new(),
            [one] => format!(" for whom {}", quoted(one)),
            all => format!(" for whom {}", quoted(&Condition::All(all.to_vec()))),
        };
        let remedy = if whom.is_empty() {
            "let a touch come on this way, a mail or a call, or lead on to a program that has one"
        } else {
            "let a touch come on this way that is never skipped (a dated one is when its date is over), or lead on to a program that has one"
        };
        self.place.error(Code::NoWayOut, format!("{path} touches nobody{whom}"), remedy)
    }
}

impl<'c> Whole<'c> {
    /// When the touches on a way are skipped, each condition once.
    fn skipped(&self, arcs: &[&Arc<Hop>]) -> Vec<Condition> {
        let mut conditions: Vec<Condition> = Vec::new();
        for arc in arcs.iter().filter(|arc| arc.what.via == Via::Way(Why::Skipped)) {
            let step = self.step_of(arc).filter(|(_, step)| step.action.is_touch());
            let condition = step.and_then(|(flow, step)| passed_over(flow.program, step, self));
            conditions.extend(condition.filter(|condition| !conditions.contains(condition)));
        }
        conditions
    }

    /// What a node is called in a path.
    fn name(&self, node: usize) -> Option<&'c str> {
        match self.spot(node)? {
            (_, flow, Spot::Step(at)) => flow.nodes.get(at).map(|node| node.step.id.as_str()),
            (_, flow, Spot::Entry | Spot::End) => Some(flow.program.name.as_str()),
        }
    }

    /// The key that makes a way.
    fn place_of(&self, arc: &Arc<Hop>) -> Option<Place<'c>> {
        let (_, flow, _) = self.spot(arc.from)?;
        let program = flow.program;
        let of_step = self.step_of(arc).map(|(_, step)| step);
        Some(match (arc.what.via, of_step) {
            (Via::Way(why), Some(step)) => way_place(program, step, why, self.is_entry(arc.to)),
            (Via::Claimed, Some(step)) => Place::step(program, step, "add"),
            (Via::Over, _) => Place::program(program, "horizon"),
            (Via::Ended(number), _) => Place::program(program, stop_key(program, number, "then")),
            (Via::Start | Via::Asked | Via::Claimed | Via::Way(_), _) => Place::program(program, "then"),
        })
    }
}
