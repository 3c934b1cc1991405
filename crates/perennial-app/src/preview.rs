//! What a program would do with one lead: when each touch goes out, why not sooner, and what it says.
//!
//! **Invariants:** the calendar is made by [`decide`](perennial_core::decide::decide) itself, on a lead in
//! memory and a clock that jumps from pulse to pulse: nothing here knows what a window or a branch is.
//! Nothing is stored, and nothing is sent.

mod door;
mod mails;
mod sample;
mod summary;
mod walk;
pub(crate) mod words;
mod working_copy;

use jiff::{SignedDuration, Timestamp, Zoned};
use perennial_core::catalog::Catalog;
use perennial_core::event::ProgramExit;
use perennial_core::ids::{FieldName, Language, ProgramName, StepId, TemplateName};
use serde::Serialize;

use crate::ports::OutboundMail;

pub use sample::{STAGES, Sample, SampleSignal};
pub use summary::{Fact, Summary};
pub use working_copy::{Excerpt, WorkingCopy};

/// The most entries of a calendar.
pub const ENTRIES_MAX: usize = 40;

/// How far a calendar reaches.
pub const REACH: SignedDuration = SignedDuration::from_hours(731 * 24);

/// What a program would do with one lead.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// What the lead is called.
    pub lead: String,
    /// The zone of the dates.
    pub zone: String,
    /// When the lead enters the program.
    pub start: Zoned,
    /// What happens, in order.
    pub calendar: Vec<Entry>,
    /// How the calendar ends.
    pub end: End,
    /// The steps that the lead does not come to.
    pub not_reached: Vec<StepId>,
    /// Every mail of the program once, in the order of its steps, as it would read for this lead.
    pub mails: Vec<MailPreview>,
}

/// One thing that happens.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// When, in the lead's zone.
    pub at: Zoned,
    /// So many days after the lead entered.
    pub day: i32,
    /// The step; none where the person gives a sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What people call it: `mail`, `ask`, `call`, `write`, `branch` …, `sign` for a sign of the person.
    pub kind: &'static str,
    /// Whether it happens.
    pub outcome: Outcome,
    /// What happens, in words; the subject of a mail.
    pub text: String,
    /// The mail, where one is sent or drafted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateName>,
    /// Why it did not happen sooner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waited: Vec<&'static str>,
}

/// Whether something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The person, or somebody who speaks to them, notices it.
    Touch,
    /// Only the suite does: a way is taken, something is noted.
    Quiet,
    /// It is passed over.
    Skipped,
    /// It cannot be done: the mail does not render.
    Failed,
}

/// How a calendar ends.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum End {
    /// The lead leaves the program.
    Left {
        /// When, in the lead's zone.
        at: Zoned,
        /// So many days after it entered.
        day: i32,
        /// Why, as history says it.
        exit: ProgramExit,
        /// Why, in words.
        text: &'static str,
        /// The program that follows; none where the lead is only listened to from then on.
        then: Option<ProgramName>,
    },
    /// The lead is still in it after [`ENTRIES_MAX`] entries or [`REACH`].
    GoesOn,
}

/// A mail of a program, as it reads for one lead.
#[derive(Debug, Clone, Serialize)]
pub struct MailPreview {
    /// The step: of several that send it the first that does to this lead, or else the first of them.
    pub step: StepId,
    /// The file.
    pub template: TemplateName,
    /// Whether the suite sends it, or a person does.
    pub kind: MailKind,
    /// When it first goes out, in the lead's zone; none if it does not.
    pub at: Option<Zoned>,
    /// What it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<FieldName>,
    /// The other steps that send it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<AlsoSent>,
    /// What it says, or why it cannot.
    #[serde(flatten)]
    pub letter: Letter,
}

/// Another step that sends a mail.
#[derive(Debug, Clone, Serialize)]
pub struct AlsoSent {
    /// The step.
    pub step: StepId,
    /// When it first goes out, in the lead's zone; none if it does not.
    pub at: Option<Zoned>,
    /// What it asks for there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<FieldName>,
}

/// Who sends a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// The suite.
    Mail,
    /// The owner, who finds it as a draft.
    Draft,
}

/// What a mail says.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub enum Letter {
    /// It can be sent.
    Written {
        /// The headers, in order, unfolded.
        headers: Vec<Header>,
        /// The subject.
        subject: String,
        /// The plain text.
        text: String,
        /// The HTML; a draft has none.
        html: Option<String>,
    },
    /// It cannot be written for this lead.
    Unwritable {
        /// Why.
        error: String,
    },
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(..)")
    }
}

/// A header of a mail.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Its name.
    pub name: &'static str,
    /// Its value, on one line.
    pub value: String,
}

/// Tries a program on a lead that enters it at `start`. `None`: there is no such program.
///
/// The lead comes from no other program, has had no mail, and is not in the holdout. Nobody does its owner's
/// tasks, and it gives no sign but the sample's.
pub fn preview(catalog: &Catalog, name: &ProgramName, sample: &Sample, start: Timestamp) -> Option<Preview> {
    let program = catalog.programs.get(name)?;
    let walked = walk::walk(catalog, program, sample, start);
    let not_reached =
        program.steps.iter().map(|step| &step.id).filter(|id| !walked.reached.contains(*id)).cloned().collect();
    let zone = sample.zone(catalog);
    Some(Preview {
        lead: sample.title.clone(),
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        start: start.to_zoned(zone),
        mails: mails::all(catalog, program, &walked),
        calendar: walked.calendar,
        end: walked.end,
        not_reached,
    })
}

/// Why there is no mail of a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMail {
    /// There is no such program.
    #[error("there is no program `{name}`")]
    NoProgram {
        /// What was asked for.
        name: ProgramName,
        /// What there is.
        known: Vec<ProgramName>,
    },
    /// The program has no such step.
    #[error("the program has no step `{name}`")]
    NoStep {
        /// What was asked for.
        name: StepId,
        /// What there is.
        known: Vec<StepId>,
    },
    /// The step sends no mail.
    #[error("the step sends no mail")]
    NotAMail,
    /// The owner sends it in person.
    #[error("the step's mail is a draft for whoever owns the lead: `perennial preview` shows it")]
    Draft,
    /// The step does not send that one.
    #[error("the step has no mail `{name}`")]
    NoTemplate {
        /// What was asked for.
        name: TemplateName,
        /// What there is.
        known: Vec<TemplateName>,
    },
    /// The step has several, and none was named.
    #[error("the step has several mails, name one of them")]
    Several {
        /// What there is.
        known: Vec<TemplateName>,
    },
    /// Nobody has written it in that language.
    #[error("the mail is not there in `{0}`")]
    NotInLanguage(Language),
    /// It cannot be written for that lead.
    #[error("the mail cannot be written: {0}")]
    Unwritable(String),
}

/// One mail of a step as it would be handed over, in a language where one is named: as it goes out to the sample lead on
/// its way through the program, else as it would on the first day.
pub fn mail_of(
    catalog: &Catalog,
    program: &ProgramName,
    step: &StepId,
    template: Option<&TemplateName>,
    language: Option<&Language>,
    sample: &Sample,
    start: Timestamp,
) -> Result<OutboundMail, NoMail> {
    let no_program = || NoMail::NoProgram { name: program.clone(), known: catalog.programs.keys().cloned().collect() };
    let program = catalog.programs.get(program).ok_or_else(no_program)?;
    let known = || program.steps.iter().filter(|step| step.action.mail_class().is_some()).map(|step| step.id.clone());
    let no_step = || NoMail::NoStep { name: step.clone(), known: known().collect() };
    let step = program.step(step).ok_or_else(no_step)?;
    let (mail, class, asks) = mails::chosen(step, template)?;
    let id = mails::id(program, mail);
    // What the catalog is written in has no variant of its own.
    let is_there = |language: &&Language| {
        **language == catalog.language || catalog.content.in_language(&id, Some(language)).language.is_some()
    };
    if let Some(language) = language.filter(|language| !is_there(language)) {
        return Err(NoMail::NotInLanguage(language.clone()));
    }
    let walked = walk::walk(catalog, program, sample, start);
    mails::one(catalog, program, step, &walked, mail, class, asks).map_err(NoMail::Unwritable)
}

/// What a program is for, in the words of the comment at the head of its file.
pub fn purpose(program_file: &str) -> Option<String> {
    let comments = program_file
        .lines()
        .skip_while(|line| line.trim().is_empty() || line.starts_with("#:"))
        .map_while(|line| line.trim().strip_prefix('#'))
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    let text = comments.collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
pub(crate) mod tests;
