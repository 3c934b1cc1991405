//! Conditions: each table asks one thing.

use std::collections::BTreeSet;

use crate::catalog::FieldKind;
use crate::condition::{ATOMS_MAX, Condition, DEPTH_MAX, SignalKind, same_answer};
use crate::diagnostic::Code;
use crate::ids::{FieldName, TagName, TopicName};
use crate::lead::LifecycleStage;
use crate::loader::known::Known;
use crate::loader::report::{Named, Report, Text, all_of, nearest};
use crate::loader::section::Section;
use crate::loader::shape::{CONDITION_FIELD, CONDITIONS, Shape};

/// The signals, by what files call them.
pub(super) const SIGNALS: [(&str, SignalKind); 10] = [
    (SignalKind::Replied.as_str(), SignalKind::Replied),
    (SignalKind::Clicked.as_str(), SignalKind::Clicked),
    (SignalKind::FormSubmitted.as_str(), SignalKind::FormSubmitted),
    (SignalKind::HandRaised.as_str(), SignalKind::HandRaised),
    (SignalKind::Answered.as_str(), SignalKind::Answered),
    (SignalKind::MeetingBooked.as_str(), SignalKind::MeetingBooked),
    (SignalKind::WebinarAttended.as_str(), SignalKind::WebinarAttended),
    (SignalKind::PageVisited.as_str(), SignalKind::PageVisited),
    (SignalKind::PricingVisited.as_str(), SignalKind::PricingVisited),
    (SignalKind::Connected.as_str(), SignalKind::Connected),
];

/// The stages that a program may ask for: all but the one whose leads are never touched again.
const STAGES: [(&str, LifecycleStage); 9] = [
    (LifecycleStage::Received.as_str(), LifecycleStage::Received),
    (LifecycleStage::Quarantined.as_str(), LifecycleStage::Quarantined),
    (LifecycleStage::Inquiry.as_str(), LifecycleStage::Inquiry),
    (LifecycleStage::Mql.as_str(), LifecycleStage::Mql),
    (LifecycleStage::Sal.as_str(), LifecycleStage::Sal),
    (LifecycleStage::Sql.as_str(), LifecycleStage::Sql),
    (LifecycleStage::Customer.as_str(), LifecycleStage::Customer),
    (LifecycleStage::Recycled.as_str(), LifecycleStage::Recycled),
    (LifecycleStage::Disqualified.as_str(), LifecycleStage::Disqualified),
];

/// What each kind of condition is told by.
const HEADS: [&str; 8] = ["field", "topic", "tag", "stage", "signal", "all", "any", "not"];

/// The condition at a key.
pub(super) fn read(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    known: &Known<'_>,
) -> Option<Condition> {
    let table = section.open_section(report, key, &CONDITION_FIELD)?;
    let span = table.span();
    let mut reader = Reader { known, atoms: 0 };
    let condition = reader.condition(report, table, 1);
    if reader.atoms > ATOMS_MAX {
        let message = format!("this condition asks {} things, and {ATOMS_MAX} is the most", reader.atoms);
        report.error(Code::TooDeep, span, message, "decide it in a branch with several cases");
        return None;
    }
    condition
}

struct Reader<'a> {
    known: &'a Known<'a>,
    atoms: usize,
}

/// What a condition asks, by its head.
fn shape_of(head: &str) -> Option<&'static Shape> {
    HEADS.iter().zip(CONDITIONS).find(|(known, _)| **known == head).map(|(_, shape)| shape)
}

impl Reader<'_> {
    fn condition(&mut self, report: &mut Report<'_>, mut section: Section<'_>, depth: usize) -> Option<Condition> {
        let present: Vec<&str> = HEADS.into_iter().filter(|head| section.has(head)).collect();
        let [head] = present.as_slice() else {
            refuse(report, &section, &present);
            return None;
        };
        if depth > DEPTH_MAX {
            let message = format!("conditions are nested more than {DEPTH_MAX} deep");
            report.error(Code::TooDeep, section.span(), message, "decide it in a branch with several cases");
            return None;
        }
        section.reshape(shape_of(head)?);
        let condition = match *head {
            "all" => self.list(report, &mut section, "all", depth).map(Condition::All),
            "any" => self.list(report, &mut section, "any", depth).map(Condition::Any),
            "not" => {
                let inner = section.open_section(report, "not", &CONDITION_FIELD);
                let inner = inner.and_then(|inner| self.condition(report, inner, depth + 1));
                inner.map(|inner| Condition::Not(Box::new(inner)))
            }
            head => {
                self.atoms += 1;
                self.atom(report, &mut section, head)
            }
        };
        section.finish(report);
        condition
    }

    /// The conditions of `all` and `any`; `None` if one of them is wrong.
    fn list(
        &mut self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        key: &'static str,
        depth: usize,
    ) -> Option<Vec<Condition>> {
        let parts = section.open_sections(report, key, &CONDITION_FIELD);
        let parts: Vec<Option<Condition>> =
            parts.into_iter().map(|part| self.condition(report, part, depth + 1)).collect();
        parts.into_iter().collect()
    }

    fn atom(&self, report: &mut Report<'_>, section: &mut Section<'_>, head: &str) -> Option<Condition> {
        match head {
            "field" => self.field(report, section),
            "topic" => {
                let named = section.names(report, "topic", TopicName::parse);
                let topics: BTreeSet<_> =
                    named.into_iter().filter_map(|named| self.known.topic(report, named)).collect();
                (!topics.is_empty()).then_some(Condition::Topic(topics))
            }
            "tag" => section.name(report, "tag", TagName::parse).map(|named| Condition::Tag(named.name)),
            "stage" => {
                let stages: BTreeSet<_> = section.words(report, "stage", &STAGES).into_iter().collect();
                (!stages.is_empty()).then_some(Condition::Stage(stages))
            }
            _ => {
                let kinds = signals(report, section, "signal");
                let within = section.exact(report, "within");
                if section.has("within") && within.is_none() {
                    return None;
                }
                (!kinds.is_empty()).then_some(Condition::Signal { kinds, within })
            }
        }
    }

    fn field(&self, report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Condition> {
        let named = section.name(report, "field", FieldName::parse);
        let is = section.text(report, "is");
        let one_of = section.texts(report, "one_of");
        let is_known = section.switch(report, "known");
        let named = named?;
        let field = self.known.field(report, &named)?;
        if let Some(is_known) = is_known {
            let known = Condition::Known(named.name);
            return Some(if is_known { known } else { Condition::Not(Box::new(known)) });
        }
        let wanted: Vec<Text<'_>> = is.into_iter().chain(one_of).collect();
        let answers: BTreeSet<String> = match field.kind() {
            Some(FieldKind::Date) => {
                refuse_comparison(report, section, &named);
                return None;
            }
            Some(FieldKind::Choice(choices)) => {
                wanted.iter().filter_map(|text| choice(report, *text, &named.name, choices)).collect()
            }
            Some(FieldKind::Text) | None => wanted.iter().map(|text| text.value.trim().to_owned()).collect(),
        };
        (!answers.is_empty()).then_some(Condition::Answer { field: named.name, one_of: answers })
    }
}

/// Some signals; one, or a list.
pub(super) fn signals(report: &mut Report<'_>, section: &mut Section<'_>, key: &'static str) -> BTreeSet<SignalKind> {
    section.words(report, key, &SIGNALS).into_iter().collect()
}

/// The choice that a text means, as the catalog spells it.
fn choice(report: &mut Report<'_>, text: Text<'_>, field: &FieldName, choices: &[String]) -> Option<String> {
    let found = choices.iter().find(|choice| same_answer(choice, text.value));
    if found.is_none() {
        let known: Vec<&str> = choices.iter().map(String::as_str).collect();
        let message = format!("`{}` is not a choice of `{field}`", text.value);
        // Choices are whole phrases: whoever remembers one half wants to see all of them.
        let like = nearest(text.value, &known).map(|choice| format!("did you mean `{choice}`? Or "));
        report.error(Code::UnknownWord, text.span(), message, like.unwrap_or_default() + &all_of(&known));
    }
    found.cloned()
}

fn refuse_comparison(report: &mut Report<'_>, section: &Section<'_>, named: &Named<FieldName>) {
    if section.has("is") || section.has("one_of") {
        let message = format!("`{}` is a date, and a date cannot be compared with a text", named.name);
        let remedy = "ask whether it is known, `known = true`, or time a step by it: `at = \"… - 30d\"`";
        report.error(Code::FieldType, named.span.clone(), message, remedy);
    }
}

/// Reports a table that asks nothing, or several things.
fn refuse(report: &mut Report<'_>, section: &Section<'_>, present: &[&str]) {
    if present.is_empty() {
        let mistyped = section.keys().find_map(|key| {
            let head = nearest(key.value, &HEADS)?;
            Some((key.span(), format!("did you mean `{head}`?")))
        });
        let (span, remedy) = mistyped.unwrap_or_else(|| (section.span(), format!("use one of: {}", HEADS.join(", "))));
        report.error(Code::BadCondition, span, "this condition asks nothing", remedy);
        return;
    }
    let named = present.iter().map(|head| format!("`{head}`")).collect::<Vec<_>>().join(" and ");
    let remedy = "put them together: `{ all = [{ … }, { … }] }`";
    report.error(Code::BadCondition, section.span(), format!("this condition asks for {named} at once"), remedy);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::StageKind;

    #[test]
    fn every_kind_of_condition_is_told_by_its_first_key() {
        for (head, shape) in HEADS.iter().zip(CONDITIONS) {
            assert_eq!(shape.keys().next().map(|key| key.name), Some(*head));
        }
    }

    #[test]
    fn every_signal_and_stage_can_be_asked_for() {
        assert_eq!(SIGNALS.map(|(_, signal)| signal), SignalKind::ALL);
        let asked = STAGES.map(|(_, stage)| stage);
        assert!(LifecycleStage::ALL.iter().all(|stage| asked.contains(stage) != (stage.kind() == StageKind::Terminal)));
    }
}
