//! Conditions that never hold, or always, and claims that meet.

use std::collections::BTreeMap;

use super::flow::{Flow, Node, Why, awaited_condition, stop_key};
use super::{Code, Finding, Place, quoted};
use crate::catalog::Catalog;
use crate::condition::Condition;
use crate::ids::{FieldName, TopicName};
use crate::lead::LifecycleStage;
use crate::loader::solve::{Terms, World};
use crate::program::{Action, PRIORITY_DEFAULT, Program};

/// The conditions of one program.
pub(super) fn check(flow: &Flow<'_>, world: &World<'_>, found: &mut Vec<Finding>) {
    let (program, asks) = (flow.program, Asks { world });
    if let Some(enter) = &program.enter {
        let place = Place::program(program, "enter");
        found.extend(asks.never(&place, enter, Terms::ENTER, "nobody is ever claimed"));
        found.extend(asks.always(&place, enter, Terms::ENTER, "a claim is for whom it becomes true"));
    }
    if let Some(skip) = &program.skip_if {
        found.extend(asks.skip(&Place::program(program, "skip_if"), skip, "every touch is skipped"));
    }
    for (number, stop) in program.goal.iter().chain(&program.stops).enumerate() {
        let place = Place::program(program, stop_key(program, number, "when"));
        found.extend(asks.never(&place, &stop.when, Terms::STEP, "nobody is ever taken out by it"));
        found.extend(asks.always(&place, &stop.when, Terms::STEP, "the program ends where it begins"));
    }
    for node in &flow.nodes {
        let step = node.step;
        if let Some(skip) = &step.skip_if {
            found.extend(asks.skip(&Place::step(program, step, "skip_if"), skip, "the step is always skipped"));
        }
        asks.branch(program, node, found);
        if let Some(when) = awaited_condition(step) {
            let place = Place::step(program, step, "when");
            found.extend(asks.never(&place, when, Terms::STEP, "everybody waits for the time-out"));
            found.extend(asks.always(&place, when, Terms::STEP, "nobody waits"));
        }
    }
}

struct Asks<'w, 'c> {
    world: &'w World<'c>,
}

impl Asks<'_, '_> {
    fn never(&self, place: &Place<'_>, condition: &Condition, terms: Terms, so: &str) -> Option<Finding> {
        if self.world.can_hold(condition, terms) {
            return None;
        }
        let (why, remedy) = self.why_never(condition);
        Some(place.clone().error(Code::CaseNeverTaken, format!("{so}: {why}"), remedy))
    }

    fn always(&self, place: &Place<'_>, condition: &Condition, terms: Terms, so: &str) -> Option<Finding> {
        if self.world.can_fail(condition, terms.with_old_answers()) {
            return None;
        }
        let unset = self.world.tags_never_set(condition);
        let why = unset.first().map_or_else(
            || format!("{} holds for everybody", quoted(condition)),
            |tag| format!("{} holds for everybody, since no program sets the tag `{tag}`", quoted(condition)),
        );
        let remedy = "ask for something that is so for some and not for others";
        Some(place.clone().error(Code::CaseNeverTaken, format!("{so}: {why}"), remedy))
    }

    fn skip(&self, place: &Place<'_>, condition: &Condition, so: &str) -> Option<Finding> {
        let never = self.never(place, condition, Terms::STEP, "nothing is ever skipped");
        never.or_else(|| self.always(place, condition, Terms::STEP, so))
    }

    /// Why a condition never holds, and what helps.
    fn why_never(&self, condition: &Condition) -> (String, String) {
        let unset = self.world.tags_never_set(condition);
        let Some(tag) = unset.first() else {
            return (
                format!("{} never holds", quoted(condition)),
                "ask for what can be so for one lead at one time".to_owned(),
            );
        };
        (
            format!("no program sets the tag `{tag}`"),
            format!("let a `set` step add it (`add = [\"{tag}\"]`), or ask for something else"),
        )
    }

    /// The cases that the flow has found nobody takes, each with the reason.
    fn branch(&self, program: &Program, node: &Node<'_>, found: &mut Vec<Finding>) {
        let Action::Branch { cases, otherwise } = &node.step.action else { return };
        let is_taken = |why| node.ways.iter().any(|path| path.why == why);
        if node.ways.iter().all(|path| path.why == Why::Skipped) {
            return;
        }
        for (number, case) in cases.iter().enumerate().filter(|(number, _)| !is_taken(Why::Case(*number))) {
            let place = Place::step(program, node.step, format!("case.{number}.when"));
            let never = self.never(&place, &case.when, Terms::STEP, "no lead takes this case");
            found.push(never.unwrap_or_else(|| {
                let whom = quoted(&case.when);
                place.error(
                    Code::CaseNeverTaken,
                    format!("no lead takes this case: the cases before it take everybody for whom {whom}"),
                    "put it before them, ask for less in them, or remove it",
                )
            }));
        }
        if otherwise.is_some() && !is_taken(Why::Otherwise) {
            found.push(Place::step(program, node.step, "else").warning(
                Code::CaseNeverTaken,
                "no lead takes `else`: the cases take everybody",
                "remove it, or ask for less in the cases",
            ));
        }
    }
}

// --- Claims ----------------------------------------------------------------------------------

/// Fit that nobody has, or everybody.
pub(super) fn check_fit(catalog: &Catalog, world: &World<'_>, found: &mut Vec<Finding>) {
    for (number, rule) in catalog.fit.iter().enumerate() {
        let so = if !world.can_hold(&rule.when, Terms::STEP) {
            "nobody gets these points: it never holds"
        } else if !world.can_fail(&rule.when, Terms::STEP.with_old_answers()) {
            "everybody gets these points: it holds for all"
        } else {
            continue;
        };
        let remedy = "ask for answers that some people give and others do not";
        let message = format!("{so}: {}", quoted(&rule.when));
        found.push(Place::catalog(format!("fit.{number}.when")).warning(Code::IdleFit, message, remedy));
    }
}

/// Two programs that claim the same lead with equal priority.
pub(super) fn check_claims(catalog: &Catalog, world: &World<'_>, found: &mut Vec<Finding>) {
    let mut by_priority: BTreeMap<u8, Claimants<'_>> = BTreeMap::new();
    for program in catalog.programs.values() {
        let Some(enter) = program.enter.as_ref().filter(|enter| world.can_hold(enter, Terms::ENTER)) else { continue };
        let claimants = by_priority.entry(program.priority).or_default();
        let claimant = Claimant { program, enter, only: Only::of(enter) };
        if let Some(other) = claimants.rival(&claimant, world) {
            let key = if program.priority == PRIORITY_DEFAULT { "enter" } else { "priority" };
            found.push(Place::program(program, key).error(
                Code::EqualPriority,
                format!(
                    "`{}` and `{}` can claim the same lead, both with priority {}",
                    other.name, program.name, program.priority
                ),
                "give one of them another `priority`, or let their `enter` conditions exclude each other",
            ));
        }
        claimants.add(claimant);
    }
}

/// A program that claims leads.
#[derive(Clone)]
struct Claimant<'c> {
    program: &'c Program,
    enter: &'c Condition,
    only: Option<Only<'c>>,
}

/// A question that a claimed lead must answer in one of these ways. Claimants that ask the same and take other answers
/// cannot meet, and need not be held against each other: else many programs of equal priority would take as long as
/// all their pairs.
#[derive(Clone)]
struct Only<'c> {
    what: What<'c>,
    answers: Vec<Answer<'c>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What<'c> {
    Stage,
    Topic,
    Field(&'c FieldName),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Answer<'c> {
    Stage(LifecycleStage),
    Topic(&'c TopicName),
    Field(String),
}

impl<'c> Only<'c> {
    /// The first such question, if there is one.
    fn of(condition: &'c Condition) -> Option<Self> {
        match condition {
            Condition::All(parts) => parts.iter().filter_map(Self::of).min_by_key(|only| only.what),
            Condition::Stage(stages) => {
                Some(Self { what: What::Stage, answers: stages.iter().copied().map(Answer::Stage).collect() })
            }
            Condition::Topic(topics) => {
                Some(Self { what: What::Topic, answers: topics.iter().map(Answer::Topic).collect() })
            }
            Condition::Answer { field, one_of } => Some(Self {
                what: What::Field(field),
                answers: one_of.iter().map(|answer| Answer::Field(answer.trim().to_lowercase())).collect(),
            }),
            Condition::Any(_)
            | Condition::Not(_)
            | Condition::Known(_)
            | Condition::Tag(_)
            | Condition::Signal { .. } => None,
        }
    }
}

/// The programs of one priority that claim leads.
#[derive(Default)]
struct Claimants<'c> {
    all: Vec<Claimant<'c>>,
    /// By the question that all of them answer in one way.
    by_what: BTreeMap<Option<What<'c>>, Vec<usize>>,
    by_answer: BTreeMap<(What<'c>, Answer<'c>), Vec<usize>>,
}

impl<'c> Claimants<'c> {
    /// The first program that can claim the same lead.
    fn rival(&self, claimant: &Claimant<'c>, world: &World<'_>) -> Option<&'c Program> {
        let what = claimant.only.as_ref().map(|only| only.what);
        let others =
            self.by_what.iter().filter(|(other, _)| what.is_none() || **other != what).flat_map(|(_, them)| them);
        let same = claimant.only.iter().flat_map(|only| only.answers.iter().map(|answer| (only.what, answer.clone())));
        let same: Vec<usize> = same.filter_map(|key| self.by_answer.get(&key)).flatten().copied().collect();
        same.iter().chain(others).filter_map(|at| self.all.get(*at)).find_map(|other| {
            let both = [(other.enter, true), (claimant.enter, true)];
            world.allows(&both, Terms::ENTER).then_some(other.program)
        })
    }

    fn add(&mut self, claimant: Claimant<'c>) {
        let at = self.all.len();
        self.by_what.entry(claimant.only.as_ref().map(|only| only.what)).or_default().push(at);
        for answer in claimant.only.iter().flat_map(|only| &only.answers) {
            let what = claimant.only.as_ref().map(|only| only.what);
            self.by_answer.entry((what.unwrap_or(What::Stage), answer.clone())).or_default().push(at);
        }
        self.all.push(claimant);
    }
}
