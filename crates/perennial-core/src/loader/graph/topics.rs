//! Topics that nothing uses.

use std::collections::BTreeSet;

use super::{Code, Finding, Place};
use crate::catalog::Catalog;
use crate::condition::Condition;
use crate::ids::TopicName;
use crate::loader::solve::for_each_question;
use crate::program::{Action, Awaited, Program, Step};

/// The topics of a catalog that no program is about, no step notes and no condition asks for.
pub(super) fn check(catalog: &Catalog, found: &mut Vec<Finding>) {
    let mut used = BTreeSet::new();
    for program in catalog.programs.values() {
        of_program(program, &mut used);
    }
    for rule in catalog.turnbacks.0.values().flat_map(|policy| &policy.requalify) {
        of_condition(rule.when.as_ref(), &mut used);
    }
    for name in catalog.topics.keys().filter(|name| !used.contains(name)) {
        found.push(Place::catalog(format!("topics.{name}")).warning(
            Code::UnusedTopic,
            format!("nothing is about `{name}`: no program, no step, no condition"),
            format!("say `topic = \"{name}\"` in a program or a `set` step, or remove the topic"),
        ));
    }
}

fn of_program<'c>(program: &'c Program, used: &mut BTreeSet<&'c TopicName>) {
    used.extend(&program.topic);
    let ends = program.goal.iter().chain(&program.stops).map(|stop| Some(&stop.when));
    let rules = program.requalify.iter().map(|rule| rule.when.as_ref());
    for condition in ends.chain(rules).chain([program.enter.as_ref(), program.skip_if.as_ref()]) {
        of_condition(condition, used);
    }
    for step in &program.steps {
        of_step(step, used);
    }
}

fn of_step<'c>(step: &'c Step, used: &mut BTreeSet<&'c TopicName>) {
    of_condition(step.skip_if.as_ref(), used);
    if let Action::Set { topic, .. } = &step.action {
        used.extend(topic);
    }
    if let Action::Branch { cases, .. } = &step.action {
        for case in cases {
            of_condition(Some(&case.when), used);
        }
    }
    if let Action::WaitUntil { event: Awaited::Holds(when), .. } = &step.action {
        of_condition(Some(when), used);
    }
}

fn of_condition<'c>(condition: Option<&'c Condition>, used: &mut BTreeSet<&'c TopicName>) {
    let Some(condition) = condition else { return };
    for_each_question(condition, &mut |question| {
        if let Condition::Topic(topics) = question {
            used.extend(topics);
        }
    });
}
