//! What names may refer to: what the catalog declares, and the programs that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Range;

use crate::calendar::{FrequencyCap, SendWindow};
use crate::catalog::{Field, FieldKind, Topic};
use crate::consent::OptInLetter;
use crate::diagnostic::Code;
use crate::ids::{FieldName, ProgramName, TopicName};
use crate::loader::catalog::CatalogFile;
use crate::loader::report::{Named, Report, Text, nearest, slip_of, suggestion};
use crate::loader::section::Section;
use crate::timing::{Delay, Moment, MomentError};

/// What files may name. Where the catalog's own mistakes leave open what there is, it is `None`, and any name will do.
pub(super) struct Known<'a> {
    pub(super) fields: Option<&'a BTreeMap<FieldName, Field>>,
    pub(super) topics: Option<&'a BTreeMap<TopicName, Topic>>,
    pub(super) facts: Option<&'a BTreeMap<FieldName, String>>,
    pub(super) window: Option<&'a SendWindow>,
    pub(super) cap: Option<&'a FrequencyCap>,
    /// The mail that asks people to confirm.
    pub(super) opt_in: Option<&'a OptInLetter>,
    pub(super) programs: &'a BTreeSet<ProgramName>,
    /// What templates may use: fields, facts, and what the suite itself knows.
    merge: Vec<String>,
}

/// A declared field. What it says cannot be looked up where the catalog's mistakes leave it open.
pub(super) struct Declared<'a> {
    field: Option<&'a Field>,
}

impl<'a> Declared<'a> {
    /// What an answer may be.
    pub(super) fn kind(&self) -> Option<&'a FieldKind> {
        self.field.map(|field| &field.kind)
    }

    /// Whether nobody can be asked for it.
    pub(super) fn lacks_question(&self) -> bool {
        self.field.is_some_and(|field| field.question.is_none())
    }
}

/// What templates may use besides fields and facts.
const OWN: [&str; 6] = ["sender.name", "organisation.name", "unsubscribe_url", "questions", "answers", "answer_url"];

impl<'a> Known<'a> {
    /// What a catalog declares.
    pub(super) fn of(file: Option<&'a CatalogFile>, programs: &'a BTreeSet<ProgramName>) -> Self {
        let mut known = Self::while_reading(file.map(|file| &file.fields), file.map(|file| &file.topics), programs);
        known.facts = file.and_then(|file| file.organisation.as_ref()).map(|organisation| &organisation.facts);
        known.window = file.and_then(|file| file.window.as_ref());
        known.cap = file.and_then(|file| file.cap.as_ref());
        known.opt_in = file.and_then(|file| file.consent.opt_in.as_ref());
        known.merge.extend(known.facts.into_iter().flat_map(BTreeMap::keys).map(|name| format!("facts.{name}")));
        known.merge.extend(OWN.map(str::to_owned));
        let asked = || known.fields.into_iter().flatten().filter(|(_, field)| field.question.is_some());
        let choices = asked().filter(|(_, field)| !field.choices().is_empty());
        let choices = choices.map(|(name, _)| format!("choices.{name}"));
        let pages: Vec<String> = choices.chain(asked().map(|(name, _)| format!("question_url.{name}"))).collect();
        known.merge.extend(pages);
        known
    }

    /// What is known while the catalog itself is being read.
    pub(super) fn while_reading(
        fields: Option<&'a BTreeMap<FieldName, Field>>,
        topics: Option<&'a BTreeMap<TopicName, Topic>>,
        programs: &'a BTreeSet<ProgramName>,
    ) -> Self {
        let merge = fields.into_iter().flat_map(BTreeMap::keys).map(ToString::to_string).collect();
        Self { fields, topics, facts: None, window: None, cap: None, opt_in: None, programs, merge }
    }

    /// Whether a template may use this; a suggestion, if not.
    pub(super) fn merge(&self, path: &str) -> Result<(), String> {
        let is_open = if path.starts_with("facts.") { self.facts.is_none() } else { self.fields.is_none() };
        if is_open || self.merge.iter().any(|known| known == path) {
            return Ok(());
        }
        let names: Vec<&str> = self.merge.iter().map(String::as_str).collect();
        Err(suggestion(path, &names))
    }

    /// A declared field; `None`, and reported, if it is not.
    pub(super) fn field(&self, report: &mut Report<'_>, named: &Named<FieldName>) -> Option<Declared<'a>> {
        let Some(fields) = self.fields else { return Some(Declared { field: None }) };
        if let Some(field) = fields.get(&named.name) {
            return Some(Declared { field: Some(field) });
        }
        unknown(report, named.span.clone(), &named.name, fields.keys(), "a declared field");
        None
    }

    /// A declared field that holds a date.
    pub(super) fn date_field(&self, report: &mut Report<'_>, named: Named<FieldName>) -> Option<FieldName> {
        match self.field(report, &named)?.kind() {
            Some(FieldKind::Text | FieldKind::Choice(_)) => {
                let message = format!("`{}` is not a date", named.name);
                let remedy = "take a field of the catalog that says `type = \"date\"`";
                report.error(Code::FieldType, named.span, message, remedy);
                None
            }
            Some(FieldKind::Date) | None => Some(named.name),
        }
    }

    /// A declared topic.
    pub(super) fn topic(&self, report: &mut Report<'_>, named: Named<TopicName>) -> Option<TopicName> {
        match self.topics {
            Some(topics) if !topics.contains_key(&named.name) => {
                unknown(report, named.span, &named.name, topics.keys(), "a declared topic");
                None
            }
            Some(_) | None => Some(named.name),
        }
    }

    /// A program that is to follow. One that is not there is warned of, since the last resort follows in its place;
    /// but a slip is an error.
    pub(super) fn program(
        &self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<ProgramName> {
        let named = section.name(report, key, ProgramName::parse)?;
        if !self.programs.contains(&named.name) {
            let programs: Vec<&str> = self.programs.iter().map(ProgramName::as_str).collect();
            let name = named.name.as_str();
            if let Some(meant) = slip_of(name, &programs) {
                let message = format!("there is no program `{name}`, and `{meant}` is nearly the same");
                report.error(Code::UnknownProgram, named.span, message, format!("did you mean `{meant}`?"));
            } else {
                let message = format!("there is no program `{name}`: the last resort follows in its place");
                report.warning(Code::UnknownProgram, named.span, message, suggestion(name, &programs));
            }
        }
        Some(named.name)
    }

    /// A point in time, with what is to be done without its date.
    pub(super) fn moment(
        &self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Moment> {
        let text = section.text(report, key);
        let if_missing = section.wait(report, "if_missing");
        let text = text?;
        // What is missing is told of after what is wrong, so the moment is read as if nothing were.
        let moment = match Moment::parse(text.value, if_missing.or(Some(Delay::ZERO))) {
            Ok(moment) => moment,
            Err(error) => {
                refuse_moment(report, text, error);
                return None;
            }
        };
        match &moment {
            Moment::Date { field, .. } => {
                self.date_of_moment(report, text, field)?;
                if !section.has("if_missing") {
                    refuse_moment(report, text, MomentError::DateMissing);
                    return None;
                }
                // One that is wrong is reported already.
                if_missing?;
            }
            Moment::Next { .. } | Moment::FirstOfMonth { .. } if section.has("if_missing") => {
                let message = format!("`if_missing` says nothing beside `{moment}`, which needs no date");
                report.error(Code::KeyConflict, section.span_of("if_missing"), message, "remove it");
            }
            Moment::Next { .. } | Moment::FirstOfMonth { .. } => {}
        }
        Some(moment)
    }

    /// The field that a moment counts from.
    fn date_of_moment(&self, report: &mut Report<'_>, text: Text<'_>, field: &FieldName) -> Option<()> {
        if let Some(fields) = self.fields.filter(|fields| !fields.contains_key(field)) {
            let names: Vec<&str> = fields.keys().map(FieldName::as_str).collect();
            // `tomorrow` is not meant to be a field.
            if nearest(field.as_str(), &names).is_none() {
                refuse_moment(report, text, MomentError::Syntax);
                return None;
            }
        }
        // The text stands in quotes, and the field is its first word.
        let start = text.span().start + 1 + text.value.find(field.as_str()).unwrap_or_default();
        let end = (start + field.as_str().len()).min(text.span().end);
        let named = Named { name: field.clone(), span: start.min(end)..end };
        self.date_field(report, named).map(|_| ())
    }
}

const MOMENT_REMEDY: &str =
    "write \"next Tuesday 10:00\", \"first Tuesday 10:00\" (of a month) or a date of the profile: \"revisit_at - 30d\"";

/// Reports a text that is not a moment.
pub(super) fn refuse_moment(report: &mut Report<'_>, text: Text<'_>, error: MomentError) {
    let (span, text) = (text.span(), text.value);
    match error {
        MomentError::Syntax => {
            report.error(Code::BadMoment, span, format!("`{text}` is not a point in time"), MOMENT_REMEDY);
        }
        MomentError::TooFar => {
            report.error(Code::BadMoment, span, error.to_string(), "write a smaller number of days");
        }
        MomentError::DateMissing => {
            let message = format!("nothing says what happens when a lead has no date for `{text}`");
            report.error(Code::DateMissing, span, message, "add the delay that counts then: `if_missing = \"60d\"`");
        }
    }
}

/// Reports a name of nothing.
pub(super) fn unknown<'k, K: Display + 'k>(
    report: &mut Report<'_>,
    span: Range<usize>,
    name: &impl Display,
    declared: impl Iterator<Item = &'k K>,
    what: &str,
) {
    let known: Vec<String> = declared.map(ToString::to_string).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let remedy = if known.is_empty() {
        "there is none yet: declare it in catalog.toml".to_owned()
    } else {
        suggestion(&name.to_string(), &known)
    };
    report.error(Code::UnknownName, span, format!("`{name}` is not {what}"), remedy);
}
