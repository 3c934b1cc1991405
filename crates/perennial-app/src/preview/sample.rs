//! Leads to try a program on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use perennial_core::calendar;
use perennial_core::catalog::{Catalog, Field, FieldKind};
use perennial_core::condition::{Condition, SignalKind};
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::ids::{FieldName, Language, ProgramName, TopicName};
use perennial_core::lead::LifecycleStage;
use perennial_core::program::Program;
use perennial_core::timing::Delay;

/// A lead to try a program on. It may be a real person's: `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sample {
    /// What it is called where it is shown.
    pub title: String,
    /// Its address.
    pub email: Option<EmailAddress>,
    /// Its number.
    pub phone: Option<PhoneNumber>,
    /// Its IANA time zone; the catalog's default where absent.
    pub zone: Option<String>,
    /// The language that it reads.
    pub language: Option<Language>,
    /// Where it stands; where leads of the program stand, if absent.
    pub stage: Option<LifecycleStage>,
    /// Its answers.
    pub fields: BTreeMap<FieldName, String>,
    /// The signs it gives on the way.
    pub signals: Vec<SampleSignal>,
}

/// A sign that a sample lead gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSignal {
    /// How long after it entered the program.
    pub after: Delay,
    /// Which.
    pub kind: SignalKind,
    /// What it is about.
    pub topic: Option<TopicName>,
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample").field("stage", &self.stage).field("signals", &self.signals).finish_non_exhaustive()
    }
}

/// The stages in which a lead may be in a program.
pub const STAGES: [LifecycleStage; 6] = [
    LifecycleStage::Inquiry,
    LifecycleStage::Mql,
    LifecycleStage::Sal,
    LifecycleStage::Sql,
    LifecycleStage::Customer,
    LifecycleStage::Recycled,
];

/// How far ahead the dates of a sample lead lie, in days: far enough for what comes before them to be seen.
const DATES_AHEAD_DAYS: i64 = 90;

/// Answers that read well. Others are the first of their choices, a date, or their own label.
const ANSWERS: [(&str, &str); 12] = [
    ("first_name", "Ada"),
    ("last_name", "Lovelace"),
    ("name", "Ada Lovelace"),
    ("full_name", "Ada Lovelace"),
    ("company", "Analytical Engines Ltd"),
    ("job_title", "Head of Operations"),
    ("industry", "Field service"),
    ("country", "United Kingdom"),
    ("city", "London"),
    ("message", "How do others plan this? We are a team of twelve."),
    ("website", "https://www.example.com"),
    ("language", "English"),
];

impl Sample {
    /// Somebody of whom everything is known that the catalog declares.
    pub fn known(catalog: &Catalog, start: Timestamp) -> Self {
        let today = start.to_zoned(catalog.default_zone.clone()).date();
        let answer = |(name, field): (&FieldName, &Field)| (name.clone(), answer(name, field, today));
        Self {
            title: "Ada Lovelace: everything is known".to_owned(),
            phone: PhoneNumber::parse("+44 20 7946 0018").ok(),
            fields: catalog.fields.iter().map(answer).collect(),
            ..Self::of("ada.lovelace@example.com")
        }
    }

    /// Somebody of whom nothing is known but an address.
    pub fn unknown() -> Self {
        Self { title: "Somebody: nothing is known but an address".to_owned(), ..Self::of("somebody@example.com") }
    }

    fn of(address: &str) -> Self {
        Self {
            title: String::new(),
            email: EmailAddress::parse(address).ok(),
            phone: None,
            zone: None,
            language: None,
            stage: None,
            fields: BTreeMap::new(),
            signals: Vec::new(),
        }
    }

    /// The zone of its calendar.
    pub(super) fn zone(&self, catalog: &Catalog) -> TimeZone {
        let own = self.zone.as_deref().and_then(calendar::zone);
        own.unwrap_or_else(|| catalog.default_zone.clone())
    }

    /// Where it stands in a program: its own stage, or one in which leads get there.
    pub(super) fn stage_in(&self, catalog: &Catalog, program: &Program) -> LifecycleStage {
        let entered = || {
            let stages = program.enter.as_ref().and_then(stages)?;
            stages.into_iter().find(|stage| STAGES.contains(stage))
        };
        let recycled = || follows_a_turnback(catalog, &program.name).then_some(LifecycleStage::Recycled);
        self.stage.or_else(entered).or_else(recycled).unwrap_or(LifecycleStage::Inquiry)
    }
}

fn answer(name: &FieldName, field: &Field, today: Date) -> String {
    match &field.kind {
        FieldKind::Choice(choices) => choices.first().cloned().unwrap_or_default(),
        FieldKind::Date => today.saturating_add(DATES_AHEAD_DAYS.days()).to_string(),
        FieldKind::Text => {
            let known = ANSWERS.iter().find(|(known, _)| *known == name.as_str()).map(|(_, answer)| *answer);
            known.unwrap_or(&field.label).chars().take(field.length_max.max(1)).collect()
        }
    }
}

/// The stages that a condition asks for, if it does.
fn stages(condition: &Condition) -> Option<BTreeSet<LifecycleStage>> {
    match condition {
        Condition::Stage(stages) => Some(stages.clone()),
        Condition::All(parts) | Condition::Any(parts) => parts.iter().find_map(stages),
        Condition::Not(_)
        | Condition::Known(_)
        | Condition::Answer { .. }
        | Condition::Topic(_)
        | Condition::Tag(_)
        | Condition::Signal { .. } => None,
    }
}

fn follows_a_turnback(catalog: &Catalog, program: &ProgramName) -> bool {
    catalog.turnbacks.0.values().any(|policy| policy.program.as_ref() == Some(program))
}
