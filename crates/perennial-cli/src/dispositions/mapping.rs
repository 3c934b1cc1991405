//! Turns a row into what a CRM would have told.
//!
//! **Invariant:** a [`Mapping`] that exists fits its list and the catalog. A word that neither the map nor the catalog
//! knows refuses its row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::crm::{Ambiguous, DISQUALIFIED, Details, Meaning, StatusWords, TURNED_BACK};
use perennial_core::event::DisqualifyReason;
use perennial_core::ids::{CrmName, FieldName, FormName, LeadId, Pepper};
use perennial_core::policy::TurnbackReason;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::import::columns::{Binder, Cells, Columns, DateColumn, ValueFrom, remedy};
use crate::import::map_file::{CleanToml, CsvToml, DateToml, MapError, MapFile, MapSyntax, ValueToml, Words};
use crate::import::reader::{Header, Row};
use crate::import::{Refusal, RefusedRow};

/// The map as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DispositionsToml {
    list: Spanned<String>,
    crm: Option<Spanned<String>>,
    email: Option<Spanned<ValueToml>>,
    lead: Option<Spanned<ValueToml>>,
    status: Spanned<ValueToml>,
    id: Option<Spanned<ValueToml>>,
    at: Option<DateToml>,
    date: Option<DateToml>,
    note: Option<Spanned<ValueToml>>,
    fields: Option<Spanned<ValueToml>>,
    #[serde(default)]
    words: WordsToml,
    #[serde(default)]
    clean: CleanToml,
    #[serde(default)]
    values: BTreeMap<Spanned<String>, Words>,
    #[serde(default)]
    csv: CsvToml,
}

impl MapSyntax for DispositionsToml {
    fn clean(&self) -> &CleanToml {
        &self.clean
    }

    fn values(&self) -> &BTreeMap<Spanned<String>, Words> {
        &self.values
    }

    fn csv(&self) -> &CsvToml {
        &self.csv
    }
}

/// The words of the list, as `[crm.<name>]` of `catalog.toml` has them.
type WordsToml = BTreeMap<Spanned<String>, MeansToml>;

/// Some words.
type Said = Vec<Spanned<String>>;

/// The words that mean something, or a table of those by reason.
enum MeansToml {
    Plain(Said),
    ByReason(BTreeMap<Spanned<String>, Said>),
}

impl<'de> Deserialize<'de> for MeansToml {
    /// By hand: an untagged enum would lose where its words stand.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrTable;

        impl<'de> Visitor<'de> for ListOrTable {
            type Value = MeansToml;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of words, or a table of such lists by reason")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<MeansToml, A::Error> {
                Said::deserialize(SeqAccessDeserializer::new(words)).map(MeansToml::Plain)
            }

            fn visit_map<A: MapAccess<'de>>(self, reasons: A) -> Result<MeansToml, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(reasons)).map(MeansToml::ByReason)
            }
        }

        deserializer.deserialize_any(ListOrTable)
    }
}

/// What a row says. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct MappedDisposition {
    /// The lead.
    pub(super) lead: LeadId,
    /// What makes this row this row, over runs and files. Only ever hashed under the pepper.
    pub(super) identity: String,
    /// What it says of the lead.
    pub(super) meaning: Meaning,
    /// What it says besides.
    pub(super) details: Details,
    /// What somebody wrote about it.
    pub(super) note: Option<String>,
    /// When it happened, if the row says so.
    pub(super) happened_at: Option<Timestamp>,
}

impl fmt::Debug for MappedDisposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedDisposition").field("lead", &self.lead).finish_non_exhaustive()
    }
}

/// A map that fits its list and the catalog.
#[derive(Debug)]
pub(super) struct Mapping {
    list: FormName,
    words: StatusWords,
    of_crm: StatusWords,
    declared: BTreeSet<FieldName>,
    columns: Columns,
    who: Who,
    status: ValueFrom,
    id: Option<ValueFrom>,
    at: Option<DateColumn>,
    date: Option<DateColumn>,
    note: Option<ValueFrom>,
    fields: Option<ValueFrom>,
}

/// How a row names its lead.
#[derive(Debug)]
enum Who {
    Email(ValueFrom),
    Lead(ValueFrom),
}

impl Mapping {
    /// Holds a map against the header of a list and the words of the catalog.
    ///
    /// # Errors
    /// Everything that does not fit, at once.
    pub(super) fn bind(map: MapFile<DispositionsToml>, header: &Header, catalog: &Catalog) -> Result<Self, MapError> {
        let mut binder = Binder::new(header);
        let toml = &map.toml;
        let list = binder.list(&toml.list);
        let mut optional =
            |written: &Option<Spanned<ValueToml>>| written.as_ref().and_then(|value| binder.value(value));
        let (id, note, fields) = (optional(&toml.id), optional(&toml.note), optional(&toml.fields));
        let at = toml.at.as_ref().and_then(|written| binder.date(written));
        let date = toml.date.as_ref().and_then(|written| binder.date(written));
        let who = who(&mut binder, toml);
        let status = binder.value(&toml.status);
        let of_crm = toml.crm.as_ref().and_then(|name| of_crm(&mut binder, name, &catalog.crms));
        let words = words(&mut binder, &toml.words);
        let of_crm = of_crm.unwrap_or_default();
        if toml.crm.is_none() && words.is_empty() {
            let help = "name a CRM of catalog.toml by `crm = \"…\"`, or say under `[words]` what they mean";
            binder.problem(&toml.status, "nothing says what the words of this column mean", help);
        }
        let declared = catalog.fields.keys().cloned().collect();
        binder.finish(map, |_, columns| {
            let (list, who, status) = (list?, who?, status?);
            Some(Self { list, words, of_crm, declared, columns, who, status, id, at, date, note, fields })
        })
    }

    /// What reports call the list.
    pub(super) const fn list(&self) -> &FormName {
        &self.list
    }

    /// What a row says; `None` where it says nothing.
    pub(super) fn map(&self, row: &Row, pepper: &Pepper) -> Result<Option<MappedDisposition>, RefusedRow> {
        self.map_cells(row, pepper).map_err(|reason| RefusedRow { line: row.line(), reason })
    }

    fn map_cells(&self, row: &Row, pepper: &Pepper) -> Result<Option<MappedDisposition>, Refusal> {
        let cells = self.columns.cells(row);
        let status = cells.value("status", &self.status)?;
        if status.is_empty() {
            return Ok(None);
        }
        let known = self.words.meaning(&status).or_else(|| self.of_crm.meaning(&status));
        let meaning = known.ok_or(Refusal::UnknownStatus)?;
        let lead = match &self.who {
            Who::Email(from) => {
                let email = EmailAddress::parse(&cells.value("email", from)?).ok().ok_or(Refusal::NoLead)?;
                LeadId::of_email(pepper, &email)
            }
            Who::Lead(from) => LeadId::parse(&cells.value("lead", from)?).ok().ok_or(Refusal::NoLead)?,
        };
        let text = |target, from: &Option<ValueFrom>| {
            from.as_ref().map_or(Ok(String::new()), |from| cells.value(target, from))
        };
        let note = text("note", &self.note)?;
        let at = self.at.as_ref().map_or(Ok(None), |at| at.read(&cells))?;
        let date = self.date.as_ref().map_or(Ok(None), |date| date.read_when(&cells))?;
        let fields = self.doubted(&text("fields", &self.fields)?)?;
        Ok(Some(MappedDisposition {
            identity: self.identity(&cells, row, &[&status, &note])?,
            lead,
            meaning,
            details: Details { date, fields },
            note: Some(note).filter(|note| !note.is_empty()),
            happened_at: at,
        }))
    }

    /// Names of fields, with anything between them that is in no name.
    fn doubted(&self, text: &str) -> Result<BTreeSet<FieldName>, Refusal> {
        let names = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty());
        let known = |name: &str| FieldName::parse(name).ok().filter(|name| self.declared.contains(name));
        names.map(|name| known(name).ok_or(Refusal::UnknownField)).collect()
    }

    /// By its id and by what it says of the lead, which changes under the same id; without an id, by all its cells.
    fn identity(&self, cells: &Cells<'_>, row: &Row, said: &[&str]) -> Result<String, Refusal> {
        let id = self.id.as_ref().map_or(Ok(String::new()), |from| cells.value("id", from))?;
        // The unit separator keeps "ab" + "c" and "a" + "bc" apart.
        let joined =
            |parts: &mut dyn Iterator<Item = &str>| parts.fold(String::new(), |text, part| text + part + "\u{1f}");
        if id.is_empty() {
            return Ok(format!("{}/row/{}", self.list, joined(&mut row.cells().map(str::trim))));
        }
        let dates = [&self.at, &self.date].into_iter().flatten().map(|column| column.cell(cells));
        Ok(format!("{}/id/{id}/{}", self.list, joined(&mut said.iter().copied().chain(dates))))
    }
}

fn who(binder: &mut Binder<'_>, toml: &DispositionsToml) -> Option<Who> {
    match (&toml.email, &toml.lead) {
        (Some(email), None) => binder.value(email).map(Who::Email),
        (None, Some(lead)) => binder.value(lead).map(Who::Lead),
        (Some(_), Some(lead)) => {
            binder.problem(lead, "a row names its lead either by `email` or by `lead`", "leave one of them out");
            None
        }
        (None, None) => {
            let help = "add `email = \"…\"`, or `lead = \"…\"` for a column with ids of this suite";
            binder.problem(&toml.list, "neither `email` nor `lead` says whose row it is", help);
            None
        }
    }
}

fn of_crm(
    binder: &mut Binder<'_>,
    name: &Spanned<String>,
    crms: &BTreeMap<CrmName, StatusWords>,
) -> Option<StatusWords> {
    let found = crms.iter().find(|(known, _)| known.as_str() == name.get_ref());
    if found.is_none() {
        let help = remedy("CRM", name.get_ref(), crms.keys().map(CrmName::as_str));
        binder.problem(name, "the catalog has no CRM of this name", help);
    }
    found.map(|(_, words)| words.clone())
}

fn words(binder: &mut Binder<'_>, toml: &WordsToml) -> StatusWords {
    let mut words = StatusWords::default();
    for (key, means) in toml {
        match means {
            MeansToml::Plain(said) => take(binder, &mut words, (key, None), said),
            MeansToml::ByReason(reasons) => {
                for (reason, said) in reasons {
                    take(binder, &mut words, (key, Some(reason)), said);
                }
            }
        }
    }
    words
}

/// Takes in what some words mean.
fn take(
    binder: &mut Binder<'_>,
    words: &mut StatusWords,
    (key, reason): (&Spanned<String>, Option<&Spanned<String>>),
    said: &Said,
) {
    let Some(meaning) = Meaning::parse(key.get_ref(), reason.map(|reason| reason.get_ref().as_str())) else {
        let turnbacks = Meaning::TURNBACKS.map(TurnbackReason::as_str);
        let disqualified = DisqualifyReason::OF_REPS.map(DisqualifyReason::as_str);
        let (at, what, help) = match (key.get_ref().as_str(), reason) {
            (TURNED_BACK, Some(at)) => (at, "reason", remedy("reason", at.get_ref(), turnbacks.into_iter())),
            (DISQUALIFIED, Some(at)) => (at, "reason", remedy("reason", at.get_ref(), disqualified.into_iter())),
            (TURNED_BACK | DISQUALIFIED, None) => {
                (key, "outcome without a reason", "write a list for each reason, as in `timing = [\"…\"]`".to_owned())
            }
            (word, _) => {
                let known = Meaning::PLAIN.map(|(word, _)| word);
                (key, "outcome", remedy("outcome", word, known.into_iter().chain([TURNED_BACK, DISQUALIFIED])))
            }
        };
        binder.problem(at, format!("`{}` is no {what}", at.get_ref()), help);
        return;
    };
    for word in said {
        if words.add(word.get_ref(), meaning) == Err(Ambiguous) {
            binder.problem(word, format!("`{}` has a meaning already", word.get_ref()), "leave it in one of the lists");
        }
    }
}
