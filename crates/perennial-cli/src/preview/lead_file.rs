//! A sample lead, as a TOML file describes it.
//!
//! ```toml
//! email = "ada@example.com"
//! zone = "Europe/London"
//! language = "de"
//! stage = "inquiry"
//!
//! [fields]
//! first_name = "Ada"
//!
//! [[signal]]
//! kind = "clicked"
//! at = "+3d"
//! ```
//!
//! **Invariant:** whatever is wrong with the file is said in one run, with its line and what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use perennial_app::preview::{STAGES, Sample, SampleSignal};
use perennial_core::calendar;
use perennial_core::catalog::{Catalog, Field, FieldKind};
use perennial_core::condition::SignalKind;
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::diagnostic::Place;
use perennial_core::ids::{FieldName, Language, TopicName};
use perennial_core::lead::LifecycleStage;
use perennial_core::timing::Delay;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a file is no sample lead: everything that is wrong with it.
#[derive(Debug)]
pub(super) struct LeadFileError {
    path: PathBuf,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug)]
struct Problem {
    /// Line and column, from 1; none where the file as a whole is meant.
    place: Option<(usize, usize)>,
    message: String,
    remedy: String,
}

impl std::error::Error for LeadFileError {}

impl fmt::Display for LeadFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "{path} is not a lead to try a program on")?;
        for Problem { place, message, remedy } in &self.problems {
            let place = place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
            write!(f, "\n\n  {path}{place}\n    {message}\n    help: {remedy}")?;
        }
        Ok(())
    }
}

const KEYS: [&str; 7] = ["email", "phone", "zone", "language", "stage", "fields", "signal"];
const SIGNAL_KEYS: [&str; 3] = ["kind", "at", "topic"];

/// How like a known word a typing error must be to be taken for it.
const LIKENESS_MIN: f64 = 0.75;

/// Reads a sample lead.
pub(super) fn parse(path: &Path, text: &str, catalog: &Catalog) -> Result<Sample, LeadFileError> {
    let mut reader = Reader { text, catalog, problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = error.message().replace('\n', ", ");
        reader.problem(error.span().unwrap_or(0..0), message, "write TOML: `key = \"value\"`, one a line");
    }
    // Of a file that is no TOML, what is left says little about what was meant.
    let sample = errors.is_empty().then(|| reader.sample(path, table.get_ref()));
    reader.problems.sort_by_key(|problem| problem.place);
    match sample.filter(|_| reader.problems.is_empty()) {
        Some(sample) => Ok(sample),
        None => Err(LeadFileError { path: path.to_owned(), problems: reader.problems }),
    }
}

type Span = std::ops::Range<usize>;

struct Reader<'t> {
    text: &'t str,
    catalog: &'t Catalog,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        let place = Place::of(self.text, span);
        self.problems.push(Problem {
            place: Some((place.line, place.column)),
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    fn sample(&mut self, path: &Path, table: &DeTable<'_>) -> Sample {
        self.known_keys("a lead", table, &KEYS);
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let sample = Sample {
            title: name,
            email: self.parsed(table, "email", "ada@example.com", |text| {
                EmailAddress::parse(text).map_err(|error| error.to_string())
            }),
            phone: self.parsed(table, "phone", "+44 20 7946 0018", |text| {
                PhoneNumber::parse(text).map_err(|error| error.to_string())
            }),
            language: self
                .parsed(table, "language", "de", |text| Language::parse(text).map_err(|error| error.to_string())),
            zone: self.parsed(table, "zone", "Europe/London", |text| {
                calendar::zone(text).map(|_| text.to_owned()).ok_or_else(|| format!("there is no time zone `{text}`"))
            }),
            stage: self.parsed(table, "stage", "inquiry", stage),
            fields: self.fields(table),
            signals: self.signals(table),
        };
        if !table.contains_key("email") && !table.contains_key("phone") {
            let message = "the lead has neither `email` nor `phone`".to_owned();
            let remedy = "add `email = \"ada@example.com\"`: a lead is somebody who can be reached".to_owned();
            self.problems.push(Problem { place: None, message, remedy });
        }
        sample
    }

    fn known_keys(&mut self, what: &str, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let remedy = likeness(key.get_ref(), known).unwrap_or_else(|| format!("{what} has {}", listed(known)));
            self.problem(key.span(), format!("unknown key `{}`", key.get_ref()), remedy);
        }
    }

    fn text<'v>(&mut self, value: &'v Spanned<DeValue<'_>>, key: &str, example: &str) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.problem(value.span(), format!("`{key}` must be a text"), format!("write `{key} = \"{example}\"`"));
        }
        text
    }

    fn parsed<T>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = table.get(key)?;
        let text = self.text(value, key, example)?;
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.problem(value.span(), message, format!("write for example `{key} = \"{example}\"`"));
                None
            }
        }
    }

    // --- Answers -----------------------------------------------------------------------------

    fn fields(&mut self, table: &DeTable<'_>) -> BTreeMap<FieldName, String> {
        let Some(value) = table.get("fields") else { return BTreeMap::new() };
        let Some(fields) = value.get_ref().as_table() else {
            let remedy = "write `[fields]`, and below it `first_name = \"Ada\"`";
            self.problem(value.span(), "`fields` must be a table", remedy);
            return BTreeMap::new();
        };
        let catalog = self.catalog;
        let declared: Vec<&str> = catalog.fields.keys().map(FieldName::as_str).collect();
        let mut answers = BTreeMap::new();
        for (key, value) in fields {
            let found = catalog.fields.iter().find(|(name, _)| name.as_str() == key.get_ref().as_ref());
            let Some((name, field)) = found else {
                let remedy = likeness(key.get_ref(), &declared)
                    .unwrap_or_else(|| "declare it in catalog.toml under [fields], or remove it".to_owned());
                self.problem(key.span(), format!("unknown field `{}`", key.get_ref()), remedy);
                continue;
            };
            if let Some(answer) = self.answer(name, field, value) {
                answers.insert(name.clone(), answer);
            }
        }
        answers
    }

    fn answer(&mut self, name: &FieldName, field: &Field, value: &Spanned<DeValue<'_>>) -> Option<String> {
        // A date may also be written as TOML has it, without quotes.
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => self.text(value, name.as_str(), &example(field))?.to_owned(),
        };
        let wrong = match &field.kind {
            FieldKind::Text if text.chars().count() > field.length_max => {
                Some(format!("the answer to `{name}` has more than {} characters", field.length_max))
            }
            FieldKind::Choice(choices) if !choices.iter().any(|choice| same(choice, &text)) => {
                Some(format!("`{text}` is none of the choices of `{name}`"))
            }
            FieldKind::Date if text.parse::<Date>().is_err() => Some(format!("`{text}` is not a date")),
            FieldKind::Text | FieldKind::Choice(_) | FieldKind::Date => None,
        };
        let Some(message) = wrong else { return Some(text) };
        let remedy = match &field.kind {
            FieldKind::Choice(choices) => format!("take one of {}", listed(choices)),
            FieldKind::Date => format!("write for example `{name} = \"{}\"`", example(field)),
            FieldKind::Text => "shorten it".to_owned(),
        };
        self.problem(value.span(), message, remedy);
        None
    }

    // --- Signs -------------------------------------------------------------------------------

    fn signals(&mut self, table: &DeTable<'_>) -> Vec<SampleSignal> {
        let Some(value) = table.get("signal") else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let remedy = "write `[[signal]]`, and below it `kind = \"clicked\"` and `at = \"+3d\"`";
            self.problem(value.span(), "`signal` must be a list of tables", remedy);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.signal(item)).collect()
    }

    fn signal(&mut self, item: &Spanned<DeValue<'_>>) -> Option<SampleSignal> {
        let Some(signal) = item.get_ref().as_table() else {
            self.problem(item.span(), "a signal must be a table", "write `[[signal]]` above its keys");
            return None;
        };
        self.known_keys("a signal", signal, &SIGNAL_KEYS);
        for (key, example) in [("kind", "clicked"), ("at", "+3d")] {
            if !signal.contains_key(key) {
                self.problem(item.span(), format!("a signal has no `{key}`"), format!("add `{key} = \"{example}\"`"));
            }
        }
        let kind = self.parsed(signal, "kind", "clicked", signal_kind);
        let after = self.parsed(signal, "at", "+3d", |text| {
            Delay::parse(text).map_err(|error| format!("`{text}` is not a time after the start: {error}"))
        });
        let catalog = self.catalog;
        let topic = self.parsed(signal, "topic", "pricing", |text| topic(catalog, text));
        Some(SampleSignal { after: after?, kind: kind?, topic })
    }
}

fn stage(text: &str) -> Result<LifecycleStage, String> {
    let names = STAGES.map(LifecycleStage::as_str);
    let found = STAGES.into_iter().find(|stage| stage.as_str() == text);
    found.ok_or_else(|| format!("no lead is in a program in the stage `{text}`, only in {}", listed(&names)))
}

fn signal_kind(text: &str) -> Result<SignalKind, String> {
    let names = SignalKind::ALL.map(SignalKind::as_str);
    let found = SignalKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        let like = likeness(text, &names).unwrap_or_else(|| format!("there are {}", listed(&names)));
        format!("there is no signal `{text}`: {like}")
    })
}

fn topic(catalog: &Catalog, text: &str) -> Result<TopicName, String> {
    let names: Vec<&str> = catalog.topics.keys().map(TopicName::as_str).collect();
    let found = catalog.topics.keys().find(|topic| topic.as_str() == text).cloned();
    found.ok_or_else(|| {
        let like = likeness(text, &names).unwrap_or_else(|| "declare it in catalog.toml under [topics]".to_owned());
        format!("there is no topic `{text}`: {like}")
    })
}

fn example(field: &Field) -> String {
    match &field.kind {
        FieldKind::Text => "…".to_owned(),
        FieldKind::Choice(choices) => choices.first().cloned().unwrap_or_default(),
        FieldKind::Date => "2027-05-01".to_owned(),
    }
}

/// Whether two answers are the same to a person, as conditions compare them.
fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn likeness(typed: &str, known: &[&str]) -> Option<String> {
    crate::preview::nearest(typed, known, LIKENESS_MIN).map(|word| format!("did you mean `{word}`?"))
}

fn listed(words: &[impl AsRef<str>]) -> String {
    words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}
