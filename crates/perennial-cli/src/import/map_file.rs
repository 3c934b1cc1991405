//! The file that says which column of a list is which field of a lead: its syntax, and what is wrong with it.
//!
//! **Invariant:** every problem names the file, the line, the column and the remedy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use encoding_rs::Encoding;
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use toml::Spanned;

use super::reader::{CsvFormat, ShortRows, TextEncoding};

/// One thing that is wrong with a map.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub(crate) struct Problem {
    message: String,
    #[label]
    span: SourceSpan,
    #[help]
    help: Option<String>,
}

impl Problem {
    /// A problem with what stands at `span` in the map.
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..Self::bare(span, message) }
    }

    pub(crate) const fn is_bare(&self) -> bool {
        self.help.is_none()
    }

    /// The same, where what helps is said once for all of them.
    pub(crate) fn bare(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span: span.into(), help: None }
    }
}

/// Everything that is wrong with a map.
#[derive(Debug, Error, Diagnostic)]
#[error("the map cannot be used")]
pub struct MapError {
    #[source_code]
    source_code: NamedSource<String>,
    #[related]
    problems: Vec<Problem>,
    #[help]
    columns: Option<String>,
}

/// A map that could be parsed, not yet held against the columns of a list.
pub(crate) struct MapFile<T> {
    pub(crate) toml: T,
    csv_format: CsvFormat,
    source_code: NamedSource<String>,
}

/// What every map has, whatever its list is of.
pub(crate) trait MapSyntax: DeserializeOwned {
    /// What is done to every cell before it is used.
    fn clean(&self) -> &CleanToml;
    /// Replacements, by column.
    fn values(&self) -> &BTreeMap<Spanned<String>, Words>;
    /// How the list is written.
    fn csv(&self) -> &CsvToml;
}

/// Words, and what stands in their place.
pub(crate) type Words = BTreeMap<String, String>;

impl<T: MapSyntax> MapFile<T> {
    /// Parses the text of a map; `name` is what problems call the file.
    ///
    /// # Errors
    /// What stands in the way of opening the list: TOML errors and the `[csv]` table.
    /// All else is found by [`Mapping::bind`](super::mapping::Mapping::bind).
    pub(crate) fn parse(name: &str, text: String) -> Result<Self, MapError> {
        let parsed = toml::from_str::<T>(&text);
        let source_code = NamedSource::new(name, text);
        let toml = match parsed {
            Ok(toml) => toml,
            Err(error) => {
                let help = "docs/examples has complete maps to start from";
                let problem = Problem::new(error.span().unwrap_or_default(), error.message(), help);
                return Err(MapError { source_code, problems: vec![problem], columns: None });
            }
        };
        match toml.csv().format() {
            Ok(csv_format) => Ok(Self { toml, csv_format, source_code }),
            Err(problems) => Err(MapError { source_code, problems, columns: None }),
        }
    }

    /// How the list is written.
    pub(crate) fn csv_format(&self) -> CsvFormat {
        self.csv_format.clone()
    }

    /// The error that shows these problems in the text of this map, from its first line on; and, once, the columns that
    /// the list has.
    pub(crate) fn error(self, mut problems: Vec<Problem>, columns: Option<String>) -> MapError {
        problems.sort_by_key(|problem| problem.span.offset());
        MapError { source_code: self.source_code, problems, columns }
    }
}

/// The map as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapToml {
    pub(super) form: Spanned<String>,
    pub(super) list: Spanned<String>,
    pub(super) id: Option<Spanned<ValueToml>>,
    pub(super) fields: BTreeMap<Spanned<String>, Spanned<ValueToml>>,
    #[serde(default)]
    pub(super) permissions: PermissionsToml,
    pub(super) received_at: Option<DateToml>,
    #[serde(default)]
    pub(super) clean: CleanToml,
    #[serde(default)]
    pub(super) values: BTreeMap<Spanned<String>, Words>,
    #[serde(default)]
    csv: CsvToml,
}

impl MapSyntax for MapToml {
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

/// Where a value comes from: `"Column"`, `{ expr = "…" }` or `{ value = "…" }`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TextOr<ValueTable>")]
pub(crate) enum ValueToml {
    /// From this column.
    Column(String),
    /// From an expression over the row.
    Expression(String),
    /// The same in every row.
    Constant(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueTable {
    expr: Option<String>,
    value: Option<String>,
}

impl TryFrom<TextOr<ValueTable>> for ValueToml {
    type Error = &'static str;

    fn try_from(written: TextOr<ValueTable>) -> Result<Self, Self::Error> {
        match written {
            TextOr::Text(column) => Ok(Self::Column(column)),
            TextOr::Table(ValueTable { expr: Some(source), value: None }) => Ok(Self::Expression(source)),
            TextOr::Table(ValueTable { expr: None, value: Some(value) }) => Ok(Self::Constant(value)),
            TextOr::Table(_) => Err("a value has either `expr` or `value`"),
        }
    }
}

/// What the lead asked not to have.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionsToml {
    pub(super) do_not_email: Option<Spanned<YesNoToml>>,
    pub(super) do_not_call: Option<Spanned<YesNoToml>>,
}

/// A column that says yes or no: `"Column"`, or with words of its own.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "TextOr<YesNoTable>")]
pub(super) struct YesNoToml {
    pub(super) column: String,
    pub(super) yes: BTreeSet<String>,
    pub(super) no: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct YesNoTable {
    column: String,
    yes: Option<Vec<String>>,
    no: Option<Vec<String>>,
}

/// What CRMs write for yes where the map does not say.
const YES: [&str; 4] = ["yes", "true", "1", "y"];
/// What CRMs write for no where the map does not say. An empty cell is a no too: nothing was asked for.
const NO: [&str; 4] = ["no", "false", "0", "n"];

impl From<TextOr<YesNoTable>> for YesNoToml {
    fn from(written: TextOr<YesNoTable>) -> Self {
        let YesNoTable { column, yes, no } = match written {
            TextOr::Text(column) => YesNoTable { column, yes: None, no: None },
            TextOr::Table(table) => table,
        };
        let words = |own: Option<Vec<String>>| -> Option<BTreeSet<String>> {
            own.map(|words| words.iter().map(|word| word.trim().to_lowercase()).collect())
        };
        let usual = |words: [&str; 4], taken: &Option<BTreeSet<String>>| {
            let free = |word: &&str| !taken.as_ref().is_some_and(|taken| taken.contains(*word));
            words.into_iter().filter(free).map(str::to_owned).collect()
        };
        let (yes, no) = (words(yes), words(no));
        let (usual_yes, usual_no) = (usual(YES, &no), usual(NO, &yes));
        Self { column, yes: yes.unwrap_or(usual_yes), no: no.unwrap_or(usual_no) }
    }
}

/// A column with dates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateToml {
    pub(super) column: Spanned<String>,
    #[serde(default)]
    pub(super) formats: Vec<Spanned<String>>,
    pub(super) zone: Option<Spanned<String>>,
}

/// What is done to every cell before it is used.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CleanToml {
    #[serde(default)]
    pub(super) unanswered: Vec<String>,
    #[serde(default)]
    pub(super) fold_case: Vec<Spanned<String>>,
}

/// How the list is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CsvToml {
    delimiter: Option<Spanned<String>>,
    encoding: Option<Spanned<String>>,
    #[serde(default)]
    short_rows: ShortRows,
}

impl CsvToml {
    fn format(&self) -> Result<CsvFormat, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut format = CsvFormat { short_rows: self.short_rows, ..CsvFormat::default() };
        if let Some(delimiter) = &self.delimiter {
            format.delimiter = match delimiter.get_ref().as_bytes() {
                [byte] if !matches!(byte, b'"' | b'\r' | b'\n') => Some(*byte),
                _ => None,
            };
            if format.delimiter.is_none() {
                problems.push(Problem::new(
                    delimiter.span(),
                    "this is not a delimiter",
                    "one ASCII character, as in `delimiter = \";\"` or `delimiter = \"\\t\"`; without it, it is found in the header",
                ));
            }
        }
        if let Some(label) = &self.encoding {
            match Encoding::for_label(label.get_ref().as_bytes()) {
                Some(encoding) => format.encoding = TextEncoding::Named(encoding),
                None => problems.push(Problem::new(
                    label.span(),
                    "no encoding has this name",
                    "a name of the WHATWG list, as in `encoding = \"windows-1252\"` or `\"utf-16le\"`; without it, it is found out",
                )),
            }
        }
        if problems.is_empty() { Ok(format) } else { Err(problems) }
    }
}

/// A text, or a table that says more.
enum TextOr<T> {
    Text(String),
    Table(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    /// By hand: an untagged enum would say only that nothing matched.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOrTable<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a table in braces")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Table)
            }
        }

        deserializer.deserialize_any(TextOrTable(PhantomData))
    }
}
