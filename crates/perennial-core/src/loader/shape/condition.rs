//! The tables that conditions are made of.

use super::{Named, PERIOD_EXACT, Rule, Shape, Value, optional, required};
use crate::condition::ATOMS_MAX;

/// Signs of a person; the words of [`crate::condition::SignalKind`].
pub(super) const SIGNALS: &[&str] = &[
    "replied",
    "clicked",
    "form_submitted",
    "hand_raised",
    "answered",
    "meeting_booked",
    "webinar_attended",
    "page_visited",
    "pricing_visited",
    "connected",
];

/// The stages a program may ask for.
pub(super) const STAGES: &[&str] =
    &["received", "quarantined", "inquiry", "mql", "sal", "sql", "customer", "recycled", "disqualified"];

/// What conditions may ask; each asks what its first key says.
pub static CONDITIONS: [&Shape; 8] = [
    &CONDITION_FIELD,
    &CONDITION_TOPIC,
    &CONDITION_TAG,
    &CONDITION_STAGE,
    &CONDITION_SIGNAL,
    &CONDITION_ALL,
    &CONDITION_ANY,
    &CONDITION_NOT,
];

/// Asks what a profile field holds.
pub static CONDITION_FIELD: Shape = Shape {
    name: "condition-field",
    heading: "{ field = … }",
    doc: "Asks what a profile field holds. A text is compared without regard to case and surrounding space.",
    parts: &[&[
        required("field", Value::Name(Named::Field), "add the field", "The field."),
        optional("is", Value::Text, "The answer is this."),
        optional("one_of", Value::Texts { min: 1, max: ATOMS_MAX }, "The answer is one of these."),
        optional("known", Value::Switch, "Whether there is an answer."),
    ]],
    rules: &[Rule::One {
        of: &["is", "one_of", "known"],
        remedy: "add what is asked of it: `is = \"…\"`, `one_of = [\"…\", \"…\"]` or `known = true`",
    }],
};

/// Asks for the lead's topic.
pub static CONDITION_TOPIC: Shape = Shape {
    name: "condition-topic",
    heading: "{ topic = … }",
    doc: "Asks which topic the lead showed interest in last.",
    parts: &[&[required("topic", Value::NameOrNames(Named::Topic), "add the topic", "The topic is one of these.")]],
    rules: &[],
};

/// Asks for a tag.
pub static CONDITION_TAG: Shape = Shape {
    name: "condition-tag",
    heading: "{ tag = … }",
    doc: "Asks whether the lead carries a tag.",
    parts: &[&[required("tag", Value::Name(Named::Tag), "add the tag", "The tag.")]],
    rules: &[],
};

/// Asks for the lead's stage.
pub static CONDITION_STAGE: Shape = Shape {
    name: "condition-stage",
    heading: "{ stage = … }",
    doc: "Asks in which stage the lead is.",
    parts: &[&[required("stage", Value::WordOrWords(STAGES), "add the stage", "The stage is one of these.")]],
    rules: &[],
};

/// Asks for a sign of the person.
pub static CONDITION_SIGNAL: Shape = Shape {
    name: "condition-signal",
    heading: "{ signal = … }",
    doc: "Asks whether the person gave a sign: replied, clicked, and the like. What machines do is never one.",
    parts: &[&[
        required("signal", Value::WordOrWords(SIGNALS), "add the signal", "The sign is one of these."),
        optional(
            "within",
            PERIOD_EXACT,
            "How long ago at most; if absent, since the lead entered the program (in `enter`: ever).",
        ),
    ]],
    rules: &[],
};

/// Puts conditions together: all.
pub static CONDITION_ALL: Shape = Shape {
    name: "condition-all",
    heading: "{ all = … }",
    doc: "Holds if all of its conditions hold.",
    parts: &[&[required("all", Value::Conditions, "add the conditions", "The conditions.")]],
    rules: &[],
};

/// Puts conditions together: any.
pub static CONDITION_ANY: Shape = Shape {
    name: "condition-any",
    heading: "{ any = … }",
    doc: "Holds if one of its conditions holds.",
    parts: &[&[required("any", Value::Conditions, "add the conditions", "The conditions.")]],
    rules: &[],
};

/// Turns a condition round.
pub static CONDITION_NOT: Shape = Shape {
    name: "condition-not",
    heading: "{ not = … }",
    doc: "Holds if its condition does not.",
    parts: &[&[required("not", Value::Condition, "add the condition", "The condition.")]],
    rules: &[],
};
