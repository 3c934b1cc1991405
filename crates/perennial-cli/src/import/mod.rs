//! `perennial import FILE --map MAP.toml`: the rows of a list become leads.
//!
//! `reader` turns a file of whatever encoding into rows, in memory that does not grow with it;
//! `mapping` turns a row into what a form post would have said; [`run()`] hands it to the same door
//! that a form post goes through, and writes down what became of it.
//!
//! **Invariant:** every row of the file ends in exactly one outcome, and a row that is refused is
//! named by its line and its column, never by what stands in it (TRUST.md H45, P7).

pub(crate) mod columns;
mod expression;
pub(crate) mod list;
pub(crate) mod map_file;
mod mapping;
pub(crate) mod reader;
pub(crate) mod result_file;
mod run;

pub use run::{ImportArgs, ImportError, Summary, run};

use perennial_core::crm::Lacking;
use perennial_core::intake::{FieldError, FieldErrorCode};
use perennial_core::profile::NOTE_LENGTH_MAX;
use perennial_core::sales::Refusal as OutcomeRefusal;
use thiserror::Error;

/// A report as it is printed. miette puts a line with nothing but "Error:" above each of several problems.
pub fn printed(report: &str) -> String {
    report.lines().map(str::trim_end).filter(|line| *line != "Error:").collect::<Vec<_>>().join("\n")
}

/// Why a row was not imported. Names columns and fields, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The row goes on and on: most likely a quote that is never closed.
    #[error("the row is longer than {} KiB; most likely a quote in it is never closed", limit_bytes / 1024)]
    TooLong {
        /// The limit that was hit.
        limit_bytes: usize,
    },
    /// Text follows a closing quote, or the file ends inside a quote.
    #[error("a quote in the row is not closed, or a quote inside a quoted cell is not doubled")]
    StrayQuote,
    /// The row has another number of cells than the header.
    #[error("cells in the row: {found}; columns in the header: {expected}")]
    Ragged {
        /// Cells in the row.
        found: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// The map says UTF-8, and the row is not.
    #[error("the row is not UTF-8, as the map says it is")]
    NotUtf8,
    /// A date that none of the formats fits.
    #[error("the column `{column}` holds no date in the format of the map")]
    NoDate {
        /// The column.
        column: String,
    },
    /// A permission column says neither yes nor no: guessing could mail someone who asked not to be.
    #[error("the column `{column}` says neither yes nor no in the words of the map")]
    NeitherYesNorNo {
        /// The column.
        column: String,
    },
    /// The lead is said to have come in after now.
    #[error("the date on which the lead came in lies in the future")]
    FutureDate,
    /// The row brings somebody who asked to be erased.
    #[error("the person asked to be erased; only they can begin anew, by a form")]
    Erased,
    /// The row does not become a submission of the form.
    #[error("{}", sentences(.0))]
    Fields(Vec<FieldError>),
    /// A status that nobody has said the meaning of.
    #[error("nothing says what this status means: add it to the words of the map, or to the CRM's in catalog.toml")]
    UnknownStatus,
    /// It is said to have happened after now.
    #[error("what the row says lies in the future")]
    NotYet,
    /// The row does not name a lead.
    #[error("the row names no lead: neither an address nor an id can be read in it")]
    NoLead,
    /// It names one that is not known.
    #[error("no such lead is known here")]
    UnknownLead,
    /// It names a field that the catalog does not declare.
    #[error("the row names a field that catalog.toml does not declare")]
    UnknownField,
    /// It says less than its status needs.
    #[error(transparent)]
    Lacking(Lacking),
    /// What it says is not taken.
    #[error(transparent)]
    Outcome(OutcomeRefusal),
    /// Something about its lead alone kept it from being saved.
    #[error("the row was not saved: {problem}; when that is mended, run the same import again")]
    NotSaved {
        /// What. It names the item in the store.
        problem: String,
    },
    /// Its note is too long.
    #[error("the note has more than {NOTE_LENGTH_MAX} characters")]
    NoteTooLong,
    /// An expression could not be worked out for this row.
    #[error("the expression of `{target}` failed: {problem}")]
    Expression {
        /// The field, or the key of the map, that the expression fills.
        target: String,
        /// What kind of failure; never the values in it.
        problem: String,
    },
}

impl Refusal {
    /// The kind of reason, by which reports count: lower-case words, `_` between them.
    pub(crate) fn kind(&self) -> String {
        let kind = match self {
            Self::TooLong { .. } => "row_too_long",
            Self::StrayQuote => "stray_quote",
            Self::Ragged { .. } => "wrong_number_of_cells",
            Self::NotUtf8 => "not_utf8",
            Self::NoDate { .. } | Self::Lacking(Lacking::Date) => "no_date",
            Self::FutureDate | Self::NotYet => "future_date",
            Self::Erased => "erased",
            Self::NeitherYesNorNo { .. } => "neither_yes_nor_no",
            Self::UnknownStatus => "unknown_status",
            Self::NoLead => "no_lead",
            Self::UnknownLead => "unknown_lead",
            Self::UnknownField => "unknown_field",
            Self::Lacking(Lacking::Fields) => "fields_missing",
            Self::Outcome(refusal) => refusal.name(),
            Self::NotSaved { .. } => "not_saved",
            Self::NoteTooLong => "note_too_long",
            Self::Expression { .. } => "expression_failed",
            Self::Fields(errors) => return errors.first().map_or_else(String::new, kind_of_field),
        };
        kind.to_owned()
    }
}

fn kind_of_field(error: &FieldError) -> String {
    let field = error.field.as_deref().unwrap_or("fields");
    match error.code {
        FieldErrorCode::Required => "no_contact".to_owned(),
        FieldErrorCode::Invalid => format!("invalid_{field}"),
        FieldErrorCode::TooLong => format!("{field}_too_long"),
        FieldErrorCode::TooMany => "too_many_fields".to_owned(),
    }
}

/// What the form says of its fields, as one line.
fn sentences(errors: &[FieldError]) -> String {
    if errors.iter().all(|error| error.code == FieldErrorCode::Required) {
        return "the row has neither an e-mail address nor a phone number".to_owned();
    }
    let sentence = |error: &FieldError| match &error.field {
        Some(field) => format!("{field}: {}", error.message),
        None => error.message.clone(),
    };
    errors.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// A row that was not imported: its line, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedRow {
    /// The line of the file on which the row starts, counted from 1.
    pub(crate) line: u64,
    /// Why.
    pub(crate) reason: Refusal,
}
