//! What a person may be asked, and what an answer may be (S8, progressive profiling).
//!
//! **Invariants:** only what the catalog declares with a question is ever asked or taken as an answer; what is known
//! is not asked again, unless the answer has grown old; the least threatening questions come first, and at most
//! [`ASKED_MAX`] at a time.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, Field, FieldKind};
use crate::clean;
use crate::condition::same_answer;
use crate::ids::{FieldName, ProgramName, TouchId};
use crate::intake::LINE_LENGTH_MAX;
use crate::profile::{Answers, Profile};
use crate::program::{ASKED_MAX, Action, Program};

/// Within so long, the same answers are the same post: a double press, or a page that was loaded again (I10).
pub const SAME_POST: SignedDuration = SignedDuration::from_mins(10);

/// How much is known of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Nothing.
    Unknown,
    /// There is an answer, and it may no longer hold.
    Doubtful,
    /// There is an answer.
    Known,
}

impl Knowledge {
    /// What is known of a field.
    pub fn of(catalog: &Catalog, profile: Option<&Profile>, field: &FieldName, now: Timestamp) -> Self {
        let Some(profile) = profile else { return Self::Unknown };
        if profile.fields.get(field).is_none_or(|answer| answer.trim().is_empty()) {
            return Self::Unknown;
        }
        if profile.doubted.contains(field) {
            return Self::Doubtful;
        }
        let lasts = catalog.fields.get(field).and_then(|field| field.ask_again_after_days);
        let given = profile.answers_at.get(field);
        let is_old = lasts
            .zip(given)
            .is_some_and(|(days, given)| now.duration_since(*given) > SignedDuration::from_hours(24 * i64::from(days)));
        if is_old { Self::Doubtful } else { Self::Known }
    }

    /// Whether the field may be asked for.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Unknown | Self::Doubtful => true,
            Self::Known => false,
        }
    }
}

/// Which of some fields are to be asked now: those that are open, least threatening first, a few at a time.
pub fn open<'f>(
    catalog: &Catalog,
    profile: Option<&Profile>,
    fields: impl IntoIterator<Item = &'f FieldName>,
    now: Timestamp,
) -> Vec<FieldName> {
    let is_open = |name: &&FieldName| Knowledge::of(catalog, profile, name, now).is_open();
    let mut open: Vec<FieldName> = fields.into_iter().filter(is_open).cloned().collect();
    open.sort_by_key(|name| catalog.fields.get(name).map_or(u8::MAX, |field| field.threat));
    open.truncate(ASKED_MAX);
    open
}

/// The field that a question belongs to; `None` where nobody is asked for it.
pub fn asked_for<'c>(catalog: &'c Catalog, field: &FieldName) -> Option<(&'c Field, &'c str)> {
    let field = catalog.fields.get(field)?;
    Some((field, field.question.as_deref()?))
}

/// What the mail of a touch asks for; nothing where it does not ask.
pub fn of_touch<'c>(catalog: &'c Catalog, touch: &TouchId) -> &'c [FieldName] {
    let step = catalog.programs.get(&touch.program).and_then(|program| program.step(&touch.step));
    step.map_or(&[], |step| asked_by(&step.action))
}

/// What a program asks for, and then those that follow it: so that a customer's questions are not a stranger's.
pub fn on_the_way<'c>(catalog: &'c Catalog, program: &ProgramName) -> Vec<&'c FieldName> {
    let mut fields = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = catalog.program_or_last_resort(program);
    while let Some(program) = next.filter(|program| seen.insert(&program.name)) {
        fields.extend(asked_in(program).filter(|field| !fields.contains(field)).collect::<Vec<_>>());
        next = catalog.program_or_last_resort(&program.then);
    }
    fields
}

fn asked_in(program: &Program) -> impl Iterator<Item = &FieldName> {
    program.steps.iter().flat_map(|step| asked_by(&step.action))
}

const fn asked_by(action: &Action) -> &[FieldName] {
    match action {
        Action::Ask { fields, .. } => fields.as_slice(),
        Action::Email { .. }
        | Action::Call { .. }
        | Action::PersonalMail { .. }
        | Action::Wait
        | Action::WaitUntil { .. }
        | Action::Branch { .. }
        | Action::Split { .. }
        | Action::Alert { .. }
        | Action::Set { .. }
        | Action::Emit { .. }
        | Action::Recur { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => &[],
    }
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerError {
    /// It has more characters than the field takes.
    TooLong {
        /// How many it takes.
        length_max: usize,
    },
    /// It is none of the choices.
    NotAChoice,
    /// It is no date.
    NotADate,
}

/// Reads the answers to some fields from the names and values of a post. An empty answer is no answer.
///
/// What the post names besides is dropped unseen (H35). All errors come at once.
pub fn read(
    catalog: &Catalog,
    fields: &[FieldName],
    pairs: &[(String, String)],
) -> Result<Answers, BTreeMap<FieldName, AnswerError>> {
    let mut answers = BTreeMap::new();
    let mut errors = BTreeMap::new();
    for name in fields {
        let Some((field, _)) = asked_for(catalog, name) else { continue };
        let given = pairs.iter().find(|(given, _)| given == name.as_str()).map_or("", |(_, value)| value);
        match answer(field, given) {
            Ok(None) => {}
            Ok(Some(answer)) => drop(answers.insert(name.clone(), answer)),
            Err(error) => drop(errors.insert(name.clone(), error)),
        }
    }
    if errors.is_empty() { Ok(Answers(answers)) } else { Err(errors) }
}

fn answer(field: &Field, given: &str) -> Result<Option<String>, AnswerError> {
    let is_text_area = field.kind == FieldKind::Text && field.length_max > LINE_LENGTH_MAX;
    let text = if is_text_area { clean::paragraphs(given) } else { clean::line(given) };
    if text.is_empty() {
        return Ok(None);
    }
    match &field.kind {
        FieldKind::Text if text.chars().nth(field.length_max).is_some() => {
            Err(AnswerError::TooLong { length_max: field.length_max })
        }
        FieldKind::Text => Ok(Some(text)),
        FieldKind::Choice(choices) => {
            let choice = choices.iter().find(|choice| same_answer(choice, &text));
            choice.cloned().map(Some).ok_or(AnswerError::NotAChoice)
        }
        FieldKind::Date => {
            let date = text.parse::<Date>();
            date.map(|date| Some(date.to_string())).map_err(|_not_a_date| AnswerError::NotADate)
        }
    }
}

/// The answers that say something: declared with a question, and not those of a moment ago all over again.
pub(crate) fn taken(catalog: &Catalog, profile: Option<&Profile>, answers: &Answers, now: Timestamp) -> Answers {
    let asked = answers.0.iter().filter(|(name, _)| asked_for(catalog, name).is_some());
    let taken: BTreeMap<FieldName, String> = asked.map(|(name, answer)| (name.clone(), answer.clone())).collect();
    let is_repeated = |(name, answer): (&FieldName, &String)| {
        profile.is_some_and(|profile| {
            let is_same = profile.fields.get(name).is_some_and(|known| known == answer);
            let given = profile.answers_at.get(name);
            is_same && given.is_some_and(|given| now.duration_since(*given) < SAME_POST)
        })
    };
    if taken.iter().all(is_repeated) { Answers::default() } else { Answers(taken) }
}

/// How a link calls a choice: it stays what it is when the catalog lists its choices in another order.
pub fn choice_mark(choice: &str) -> String {
    let digest = Sha256::digest(choice.trim().to_lowercase().as_bytes());
    HEXLOWER.encode(digest.get(..4).unwrap_or_default())
}

/// The choice of a field that a link calls so, if the catalog still has it.
pub fn marked_choice<'c>(field: &'c Field, mark: &str) -> Option<&'c str> {
    match &field.kind {
        FieldKind::Choice(choices) => choices.iter().map(String::as_str).find(|choice| choice_mark(choice) == mark),
        FieldKind::Text | FieldKind::Date => None,
    }
}

#[cfg(test)]
mod tests;
