//! Fields that are asked about and that nobody fills in.

use std::collections::BTreeSet;

use super::{Code, Finding, Place};
use crate::catalog::Catalog;
use crate::condition::Condition;
use crate::ids::FieldName;
use crate::loader::solve::for_each_question;
use crate::policy::RequalifyRule;
use crate::program::{Action, Awaited, Program, Step};
use crate::timing::{Moment, Timing};

/// The fields that something fills in: a form or a list, a mail that asks, a rep who gives a lead back, or whoever the
/// field says.
pub(in crate::loader) fn supplied(catalog: &Catalog) -> BTreeSet<FieldName> {
    let by_forms = catalog.forms.values().flat_map(|form| &form.fields);
    let steps = catalog.programs.values().flat_map(|program| &program.steps);
    let by_asks =
        steps.filter_map(|step| if let Action::Ask { fields, .. } = &step.action { Some(fields) } else { None });
    let by_reps = catalog.turnbacks.0.values().filter_map(|policy| policy.date.as_ref());
    let by_others = catalog.fields.iter().filter(|(_, field)| field.supplied_by.is_some()).map(|(name, _)| name);
    by_forms.chain(by_asks.flatten()).chain(by_reps).chain(by_others).cloned().collect()
}

/// What is said of a field that nobody fills in, and what to do.
pub(in crate::loader) fn unsupplied(field: &FieldName) -> (String, String) {
    (
        format!("nobody ever fills in `{field}`: no form takes it, and no step asks for it"),
        format!("let a form take it, ask for it, or say `supplied_by = \"sales\"` in [fields.{field}]"),
    )
}

/// The fields of one program.
pub(super) fn check_program(program: &Program, supplied: &BTreeSet<FieldName>, found: &mut Vec<Finding>) {
    let mut told = Told { supplied, found };
    for (key, condition) in [("enter", &program.enter), ("skip_if", &program.skip_if)] {
        told.condition(&Place::program(program, key), condition.as_ref());
    }
    told.condition(&Place::program(program, "goal.when"), program.goal.as_ref().map(|goal| &goal.when));
    for (number, stop) in program.stops.iter().enumerate() {
        told.condition(&Place::program(program, format!("stop.{number}.when")), Some(&stop.when));
    }
    told.rules(&program.requalify, |key| Place::program(program, format!("requalify.{key}")));
    for step in &program.steps {
        told.step(program, step);
    }
}

/// The fields of the fit and of the turnback table.
pub(super) fn check_catalog(catalog: &Catalog, supplied: &BTreeSet<FieldName>, found: &mut Vec<Finding>) {
    let mut told = Told { supplied, found };
    for (number, rule) in catalog.fit.iter().enumerate() {
        told.condition(&Place::catalog(format!("fit.{number}.when")), Some(&rule.when));
    }
    for (reason, policy) in &catalog.turnbacks.0 {
        told.rules(&policy.requalify, |key| Place::catalog(format!("turnback.{}.requalify.{key}", reason.as_str())));
    }
}

struct Told<'s> {
    supplied: &'s BTreeSet<FieldName>,
    found: &'s mut Vec<Finding>,
}

impl Told<'_> {
    fn step(&mut self, program: &Program, step: &Step) {
        self.condition(&Place::step(program, step, "skip_if"), step.skip_if.as_ref());
        self.timing(Place::step(program, step, "at"), &step.timing);
        if let Action::Branch { cases, .. } = &step.action {
            for (number, case) in cases.iter().enumerate() {
                self.condition(&Place::step(program, step, format!("case.{number}.when")), Some(&case.when));
            }
        }
        if let Action::WaitUntil { event, .. } = &step.action {
            match event {
                Awaited::Holds(when) => self.condition(&Place::step(program, step, "when"), Some(when)),
                Awaited::Moment(moment) => self.moment(Place::step(program, step, "date"), moment),
                Awaited::Signals(_) => {}
            }
        }
    }

    fn rules<'p>(&mut self, rules: &[RequalifyRule], place: impl Fn(String) -> Place<'p>) {
        for (number, rule) in rules.iter().enumerate() {
            self.condition(&place(format!("{number}.when")), rule.when.as_ref());
            for field in &rule.answered {
                self.field(place(format!("{number}.answered")), field);
            }
        }
    }

    fn condition(&mut self, place: &Place<'_>, condition: Option<&Condition>) {
        let mut fields = BTreeSet::new();
        if let Some(condition) = condition {
            for_each_question(condition, &mut |question| match question {
                Condition::Known(field) | Condition::Answer { field, .. } => {
                    fields.insert(field);
                }
                Condition::All(_)
                | Condition::Any(_)
                | Condition::Not(_)
                | Condition::Topic(_)
                | Condition::Tag(_)
                | Condition::Stage(_)
                | Condition::Signal { .. } => {}
            });
        }
        for field in fields {
            self.field(place.clone(), field);
        }
    }

    fn timing(&mut self, place: Place<'_>, timing: &Timing) {
        match timing {
            Timing::At(moment) => self.moment(place, moment),
            Timing::After(_) => {}
        }
    }

    fn moment(&mut self, place: Place<'_>, moment: &Moment) {
        match moment {
            Moment::Date { field, .. } => self.field(place, field),
            Moment::Next { .. } | Moment::FirstOfMonth { .. } => {}
        }
    }

    fn field(&mut self, place: Place<'_>, field: &FieldName) {
        if self.supplied.contains(field) {
            return;
        }
        let (message, remedy) = unsupplied(field);
        self.found.push(place.warning(Code::UnsuppliedField, message, remedy));
    }
}
