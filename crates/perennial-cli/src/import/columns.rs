//! The columns of a list that a map names: found in its header before a row is read, and cleaned in each row.
//!
//! **Invariant:** whoever has a value to read has a column that is in the header once.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::Value;
use perennial_core::calendar;
use perennial_core::crm::When;
use perennial_core::ids::FormName;
use toml::Spanned;

use super::Refusal;
use super::expression::RowExpression;
use super::map_file::{DateToml, MapError, MapFile, MapSyntax, Problem, ValueToml, Words};
use super::reader::{Header, Position, Row};

/// A column that the map uses, and what is done to its cells.
#[derive(Debug)]
pub(crate) struct Column {
    name: String,
    /// Where it stands in the header.
    index: usize,
    case: Case,
    values: BTreeMap<String, String>,
}

/// Whether the case of a cell means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// The cell is kept as it is written.
    Kept,
    /// The cell is turned to lower case.
    Folded,
}

impl Case {
    fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Kept => Cow::Borrowed(text),
            Self::Folded => Cow::Owned(text.to_lowercase()),
        }
    }
}

/// Where a value comes from. Columns are counted among the ones that the map uses.
#[derive(Debug)]
pub(crate) enum ValueFrom {
    Column(usize),
    Expression(RowExpression),
    Constant(String),
}

/// The columns that a map uses, and what cells of theirs hold no answer.
#[derive(Debug)]
pub(crate) struct Columns {
    in_order: Vec<Column>,
    unanswered: BTreeSet<String>,
}

impl Columns {
    /// The cleaned cells of a row.
    pub(crate) fn cells<'r>(&'r self, row: &'r Row) -> Cells<'r> {
        Cells::clean(&self.in_order, &self.unanswered, row)
    }
}

/// The cleaned cells of one row, in the order of the columns that the map uses.
pub(crate) struct Cells<'r> {
    columns: &'r [Column],
    in_order: Vec<Cow<'r, str>>,
    /// The same as expressions see them, made when the first of them asks.
    by_name: OnceCell<Value>,
}

impl<'r> Cells<'r> {
    fn clean(columns: &'r [Column], unanswered: &BTreeSet<String>, row: &'r Row) -> Self {
        let clean = |column: &'r Column| {
            let cell = row.cell(column.index).trim();
            if unanswered.contains(&cell.to_lowercase()) {
                return Cow::Borrowed("");
            }
            let cell = column.case.apply(cell);
            column.values.get(cell.as_ref()).map_or(cell, |to| Cow::Borrowed(to))
        };
        Self { columns, in_order: columns.iter().map(clean).collect(), by_name: OnceCell::new() }
    }

    pub(crate) fn cell(&self, column: usize) -> &str {
        self.in_order.get(column).map_or("", Cow::as_ref)
    }

    fn by_name(&self) -> &Value {
        let pairs =
            || self.columns.iter().zip(&self.in_order).map(|(column, cell)| (column.name.as_str(), cell.as_ref()));
        self.by_name.get_or_init(|| Value::from_pairs(pairs()))
    }

    pub(crate) fn value(&self, target: &str, from: &ValueFrom) -> Result<String, Refusal> {
        match from {
            ValueFrom::Column(column) => Ok(self.cell(*column).to_owned()),
            ValueFrom::Constant(value) => Ok(value.clone()),
            ValueFrom::Expression(expression) => expression
                .eval(self.by_name())
                .map_err(|problem| Refusal::Expression { target: target.to_owned(), problem }),
        }
    }
}

/// A column with dates.
#[derive(Debug)]
pub(crate) struct DateColumn {
    column: usize,
    name: String,
    formats: Vec<String>,
    zone: TimeZone,
}

impl DateColumn {
    pub(crate) fn read(&self, cells: &Cells<'_>) -> Result<Option<Timestamp>, Refusal> {
        let cell = cells.cell(self.column);
        if cell.is_empty() {
            return Ok(None);
        }
        let found = if self.formats.is_empty() {
            self.read_iso(cell)
        } else {
            self.formats.iter().find_map(|format| self.read_format(format, cell))
        };
        found.map(Some).ok_or_else(|| Refusal::NoDate { column: self.name.clone() })
    }

    /// ISO 8601: an instant, or a date with or without a time in the map's zone.
    fn read_iso(&self, cell: &str) -> Option<Timestamp> {
        cell.parse().ok().or_else(|| self.instant(cell.parse().ok()?))
    }

    fn read_format(&self, format: &str, cell: &str) -> Option<Timestamp> {
        let parsed = strtime::parse(format, cell).ok()?;
        parsed.to_timestamp().ok().or_else(|| self.instant(parsed.to_datetime().ok()?))
    }

    /// What stands in its cell.
    pub(crate) fn cell<'c>(&self, cells: &'c Cells<'_>) -> &'c str {
        cells.cell(self.column)
    }

    /// The day, or the time where the cell has one.
    pub(crate) fn read_when(&self, cells: &Cells<'_>) -> Result<Option<When>, Refusal> {
        let cell = cells.cell(self.column);
        if cell.is_empty() {
            return Ok(None);
        }
        let day = if self.formats.is_empty() {
            cell.parse().ok().filter(|_| !cell.contains(':'))
        } else {
            let parsed = self.formats.iter().find_map(|format| strtime::parse(format, cell).ok());
            parsed.filter(|parsed| parsed.hour().is_none()).and_then(|parsed| parsed.to_date().ok())
        };
        match day {
            Some(day) => Ok(Some(When::Day(day))),
            None => Ok(self.read(cells)?.map(When::At)),
        }
    }

    fn instant(&self, written: DateTime) -> Option<Timestamp> {
        self.zone.to_timestamp(written).ok()
    }
}

/// Finds the columns of a map in a header, and collects what does not fit.
pub(crate) struct Binder<'h> {
    header: &'h Header,
    columns: Vec<Column>,
    problems: Vec<Problem>,
    /// Whether a column is missing that no other is alike: then all that there are are told, once.
    is_lost: bool,
}

/// How alike two names must be for one to be offered for the other (Jaro-Winkler, 0 to 1).
const LIKENESS_MIN: f64 = 0.85;

/// The most names that a problem lists.
const NAMES_LISTED_MAX: usize = 40;

impl<'h> Binder<'h> {
    pub(crate) fn new(header: &'h Header) -> Self {
        Self { header, columns: Vec::new(), problems: Vec::new(), is_lost: false }
    }

    /// Ends: the columns that were asked for, cleaned as the map says; or all that does not fit it.
    pub(crate) fn finish<T: MapSyntax, O>(
        mut self,
        map: MapFile<T>,
        bound: impl FnOnce(&T, Columns) -> Option<O>,
    ) -> Result<O, MapError> {
        for column in &map.toml.clean().fold_case {
            self.fold_case(column);
        }
        for (column, values) in map.toml.values() {
            self.values(column, values);
        }
        let unanswered = map.toml.clean().unanswered.iter().map(|word| word.trim().to_lowercase()).collect();
        let columns = Columns { in_order: self.columns, unanswered };
        let found = if self.problems.is_empty() { bound(&map.toml, columns) } else { None };
        let known = self.is_lost.then(|| listed("column", self.header.names()));
        found.ok_or_else(|| map.error(self.problems, known))
    }

    /// The name of the list.
    pub(crate) fn list(&mut self, list: &Spanned<String>) -> Option<FormName> {
        let name = FormName::parse(list.get_ref()).ok();
        if name.is_none() {
            let help =
                "1 to 40 lower-case letters, digits or '-', starting with a letter, as in `list = \"spring-fair\"`";
            self.problem(list, "this is not a name for a list", help);
        }
        name
    }

    pub(crate) fn problem(&mut self, at: &Spanned<impl Sized>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(at.span(), message, help));
    }

    /// The column of that name, counted among the ones that the map uses.
    pub(crate) fn column(&mut self, at: &Spanned<impl Sized>, name: &str) -> Option<usize> {
        let index = match self.header.position(name) {
            Position::At(index) => index,
            Position::Missing => {
                let message = format!("the list has no column `{name}`");
                let problem = match alike(name, self.header.names()) {
                    Some(meant) => Problem::new(at.span(), message, meant),
                    None => Problem::bare(at.span(), message),
                };
                self.is_lost |= problem.is_bare();
                self.problems.push(problem);
                return None;
            }
            Position::Twice(first, second) => {
                let message =
                    format!("the list has two columns `{name}`: number {} and number {}", first + 1, second + 1);
                self.problem(at, message, "rename one of them in the first line of the file");
                return None;
            }
        };
        let used = self.columns.iter().position(|column| column.index == index);
        Some(used.unwrap_or_else(|| {
            self.columns.push(Column { name: name.to_owned(), index, case: Case::Kept, values: BTreeMap::new() });
            self.columns.len() - 1
        }))
    }

    pub(crate) fn value(&mut self, value: &Spanned<ValueToml>) -> Option<ValueFrom> {
        match value.get_ref() {
            ValueToml::Column(name) => self.column(value, name).map(ValueFrom::Column),
            ValueToml::Constant(text) => Some(ValueFrom::Constant(text.trim().to_owned())),
            ValueToml::Expression(source) => match RowExpression::compile(source) {
                Ok(expression) => {
                    let found: Vec<_> = expression.columns().map(|name| self.column(value, name)).collect();
                    found.iter().all(Option::is_some).then_some(ValueFrom::Expression(expression))
                }
                Err(problem) => {
                    let help = "an expression is minijinja over the cells of the row, as in \"row['First'] ~ ' ' ~ row['Last']\"";
                    self.problem(value, problem, help);
                    None
                }
            },
        }
    }

    pub(crate) fn date(&mut self, written: &DateToml) -> Option<DateColumn> {
        let name = written.column.get_ref();
        let column = self.column(&written.column, name)?;
        for format in &written.formats {
            if let Err(error) = strtime::format(format.get_ref(), &Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC)) {
                self.problem(
                    format,
                    format!("this is not a date format: {error}"),
                    "strptime directives, as in \"%d.%m.%Y %H:%M\"",
                );
            }
        }
        let zone = match &written.zone {
            None => TimeZone::UTC,
            Some(zone) => calendar::zone(zone.get_ref()).unwrap_or_else(|| {
                self.problem(
                    zone,
                    "there is no time zone of this name",
                    "a name of the IANA list, as in `zone = \"America/New_York\"`",
                );
                TimeZone::UTC
            }),
        };
        let formats = written.formats.iter().map(|format| format.get_ref().clone()).collect();
        Some(DateColumn { column, name: name.clone(), formats, zone })
    }

    fn fold_case(&mut self, name: &Spanned<String>) {
        if let Some(column) = self.column(name, name.get_ref()).and_then(|index| self.columns.get_mut(index)) {
            column.case = Case::Folded;
        }
    }

    fn values(&mut self, name: &Spanned<String>, values: &Words) {
        if let Some(column) = self.column(name, name.get_ref()).and_then(|index| self.columns.get_mut(index)) {
            let case = column.case;
            let pair = |(from, to): (&String, &String)| (case.apply(from.trim()).into_owned(), to.trim().to_owned());
            column.values = values.iter().map(pair).collect();
        }
    }
}

/// The name that was most likely meant, else the ones there are.
pub(crate) fn remedy<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    alike(name, known.clone()).unwrap_or_else(|| listed(what, known))
}

/// The name that was most likely meant, if one is.
fn alike<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let wanted = name.to_lowercase();
    let likeness = |candidate: &str| strsim::jaro_winkler(&wanted, &candidate.to_lowercase());
    let closest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    closest.filter(|closest| likeness(closest) >= LIKENESS_MIN).map(|closest| format!("did you mean `{closest}`?"))
}

/// The names that there are.
fn listed<'n>(what: &str, known: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = known.map(|name| format!("`{name}`")).take(NAMES_LISTED_MAX).collect();
    if names.is_empty() {
        format!("there is no {what} at all")
    } else {
        format!("the {what}s are {}", names.join(", "))
    }
}
