//! Reading tables by their shapes, so that every problem is found, each with its place.

use std::ops::Range;

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::condition::ATOMS_MAX;
use crate::diagnostic::Code;
use crate::ids::IdError;
use crate::loader::report::{Named, Report, Text, all_of, parse_name, parse_word, slip_of, suggestion};
use crate::loader::shape::{Need, Rule, SHAPES, Shape, Units, Value, Variants, Zero};
use crate::timing::{Delay, DelayError};

/// One `key = value`.
pub(crate) struct Entry<'t> {
    pub(crate) key: Text<'t>,
    value: &'t DeValue<'t>,
    span: Range<usize>,
}

/// A table that is being read, by its [`Shape`].
///
/// A `None` from any of its methods means: absent and optional, or reported (at the latest by [`Self::finish`]).
pub(crate) struct Section<'t> {
    what: String,
    span: Range<usize>,
    offset: usize,
    table: &'t DeTable<'t>,
    shape: &'static Shape,
    /// Which keys of the shape were asked for, a bit each.
    asked: u64,
}

impl<'t> Section<'t> {
    /// The whole of a file, or of a front matter that starts at byte `offset` of its file.
    pub(crate) fn root(what: &str, shape: &'static Shape, table: &'t DeTable<'t>, offset: usize) -> Self {
        Self { what: what.to_owned(), span: offset..offset, offset, table, shape, asked: 0 }
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What messages call it.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Reads on by another shape: one that a word in the table decided.
    pub(crate) fn reshape(&mut self, shape: &'static Shape) {
        self.shape = shape;
        self.asked = 0;
    }

    /// Counts a key as asked for that was read before the shape was known.
    pub(crate) fn mark(&mut self, key: &'static str) {
        self.ask(key);
    }

    /// Whether a key is there, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key's value stands; the table, if it is not there.
    pub(crate) fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span(), |value| self.in_file(&value.span()))
    }

    fn in_file(&self, span: &Range<usize>) -> Range<usize> {
        span.start + self.offset..span.end + self.offset
    }

    fn entry_of(&self, key: &'t Spanned<DeString<'t>>, value: &'t Spanned<DeValue<'t>>) -> Entry<'t> {
        let key_span = self.in_file(&key.span());
        Entry {
            key: Text { value: key.get_ref(), start: key_span.start, end: key_span.end },
            value: value.get_ref(),
            span: self.in_file(&value.span()),
        }
    }

    /// Every key of the table, in the order of the alphabet.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Text<'t>> + use<'_, 't> {
        self.entries().map(|entry| entry.key)
    }

    /// Every entry of the table, in the order of the keys.
    fn entries(&self) -> impl Iterator<Item = Entry<'t>> + use<'_, 't> {
        self.table.iter().map(|(key, value)| self.entry_of(key, value))
    }

    /// What the shape says of a key. A key that no shape has is a mistake of the reader's.
    fn ask(&mut self, key: &'static str) -> &'static Value {
        let Some((place, key)) = self.shape.key(key) else { unreachable!("{} has no key {key}", self.shape.name) };
        self.asked |= 1 << place;
        &key.value
    }

    fn entry(&mut self, key: &'static str) -> Option<(Entry<'t>, &'static Value)> {
        let value = self.ask(key);
        self.table.get_key_value(key).map(|(key, found)| (self.entry_of(key, found), value))
    }

    fn wrong_type(&self, report: &mut Report<'_>, span: Range<usize>, key: &str, value: &Value) {
        let (expected, example) = expectation(value);
        let message = format!("`{key}` in {} must be {expected}", self.what);
        report.error(Code::WrongType, span, message, format!("write for example `{}`", example.replace("KEY", key)));
    }

    /// A value as a text that is not empty.
    fn text_in(&self, report: &mut Report<'_>, entry: &Entry<'t>, value: &Value) -> Option<Text<'t>> {
        let Some(text) = entry.value.as_str() else {
            self.wrong_type(report, entry.span.clone(), entry.key.value, value);
            return None;
        };
        self.filled(report, entry.key.value, Text { value: text, start: entry.span.start, end: entry.span.end })
    }

    fn filled<'x>(&self, report: &mut Report<'_>, key: &str, text: Text<'x>) -> Option<Text<'x>> {
        if !text.value.trim().is_empty() {
            return Some(text);
        }
        let message = format!("`{key}` in {} is empty", self.what);
        let remedy = format!("fill in `{key}`, or leave it out if it is optional");
        report.error(Code::EmptyText, text.span(), message, remedy);
        None
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Text<'t>> {
        let (entry, value) = self.entry(key)?;
        self.text_in(report, &entry, value)
    }

    /// A list of texts that are not empty, or where the shape allows it a single one. Absent is empty.
    pub(crate) fn texts(&mut self, report: &mut Report<'_>, key: &'static str) -> Vec<Text<'t>> {
        let Some((entry, value)) = self.entry(key) else { return Vec::new() };
        let may_be_one = matches!(value, Value::WordOrWords(_) | Value::NameOrNames(_));
        if may_be_one && entry.value.as_str().is_some() {
            return self.text_in(report, &entry, value).into_iter().collect();
        }
        let Some(items) = entry.value.as_array() else {
            self.wrong_type(report, entry.span, key, value);
            return Vec::new();
        };
        self.check_length(report, &entry, items.len(), value);
        let mut texts = Vec::new();
        for item in items {
            let span = self.in_file(&item.span());
            match item.get_ref().as_str() {
                Some(text) => {
                    texts.extend(self.filled(report, key, Text { value: text, start: span.start, end: span.end }));
                }
                None => self.wrong_type(report, span, key, value),
            }
        }
        texts
    }

    /// Refuses a list with too few or too many entries.
    fn check_length(&self, report: &mut Report<'_>, entry: &Entry<'_>, length: usize, value: &Value) {
        let (min, max) = lengths(value);
        if (min..=max).contains(&length) {
            return;
        }
        let key = entry.key.value;
        let message = match length {
            0 => format!("`{key}` in {} is empty", self.what),
            1 => format!("`{key}` in {} has 1 entry", self.what),
            _ => format!("`{key}` in {} has {length} entries", self.what),
        };
        let remedy = if max == usize::MAX { format!("write at least {min}") } else { format!("write {min} to {max}") };
        report.error(Code::ListLength, entry.span.clone(), message, remedy);
    }

    /// One of the words of the shape; `words` are the same words, with what they mean.
    pub(crate) fn word<T: Copy>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let (entry, value) = self.entry(key)?;
        debug_assert!(is_same_words(value, words), "`{key}` in {} has other words", self.shape.name);
        let text = self.text_in(report, &entry, value)?;
        parse_word(report, text, key, words)
    }

    /// Whether a key holds a list without any entry.
    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        self.table.get(key).and_then(|value| value.get_ref().as_array()).is_some_and(|items| items.is_empty())
    }

    /// Some of the words of the shape.
    pub(crate) fn words<T: Copy>(&mut self, report: &mut Report<'_>, key: &'static str, words: &[(&str, T)]) -> Vec<T> {
        debug_assert!(is_same_words(self.ask(key), words), "`{key}` in {} has other words", self.shape.name);
        let texts = self.texts(report, key);
        texts.into_iter().filter_map(|text| parse_word(report, text, key, words)).collect()
    }

    /// A name of the kind that `parse` accepts.
    pub(crate) fn name<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Option<Named<T>> {
        let text = self.text(report, key)?;
        parse_name(report, text, parse)
    }

    /// A list of names, or where the shape allows it a single one. Absent is empty.
    pub(crate) fn names<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, IdError>,
    ) -> Vec<Named<T>> {
        let texts = self.texts(report, key);
        texts.into_iter().filter_map(|text| parse_name(report, text, &parse)).collect()
    }

    /// How long a lead waits: short enough that it still has a pulse.
    pub(crate) fn wait(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Delay> {
        let (entry, value) = self.entry(key)?;
        let text = self.text_in(report, &entry, value)?;
        match Delay::parse(text.value) {
            Ok(delay) if delay.is_zero() && matches!(value, Value::Wait(Zero::Refused)) => {
                let message = format!("`{key}` in {} takes no time", self.what);
                report.error(Code::WaitNothing, text.span(), message, format!("write for example `{key} = \"1d\"`"));
                None
            }
            Ok(delay) => Some(delay),
            Err(DelayError::Syntax) => {
                not_a_duration(report, text, WAIT_REMEDY);
                None
            }
            Err(DelayError::TooLong { days_max, business_days_max }) => {
                let is_business = text.value.ends_with("bd");
                let most =
                    if is_business { format!("{business_days_max} business days") } else { format!("{days_max} days") };
                let message = format!("`{key}` is longer than {most}: the lead would be forgotten");
                let remedy = format!("wait at most {most}, and put a step in between");
                report.error(Code::WaitTooLong, text.span(), message, remedy);
                None
            }
        }
    }

    /// How long something lasts, within what the shape allows.
    pub(crate) fn period(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Delay> {
        let (entry, value) = self.entry(key)?;
        let Value::Period { days_max, zero, units } = *value else { unreachable!("`{key}` is no period") };
        let text = self.text_in(report, &entry, value)?;
        let remedy = match units {
            Units::Any => WAIT_REMEDY,
            Units::Exact => "write a whole number and m, h, d or w: \"0m\", \"20h\", \"14d\"",
            Units::Days => "write a whole number and d or w: \"14d\", \"52w\"",
        };
        let out_of_range = |report: &mut Report<'_>, message: String, remedy: String| {
            report.error(Code::PeriodRange, text.span(), message, remedy);
            None
        };
        match Delay::parse_within(text.value, days_max) {
            Ok(delay) if !units.take(delay) => {
                not_a_duration(report, text, remedy);
                None
            }
            Ok(delay) if delay.is_zero() && zero == Zero::Refused => out_of_range(
                report,
                format!("`{key}` in {} is no time at all", self.what),
                format!("write for example `{key} = \"7d\"`"),
            ),
            Ok(delay) => Some(delay),
            Err(DelayError::Syntax) => {
                not_a_duration(report, text, remedy);
                None
            }
            Err(DelayError::TooLong { days_max, .. }) => out_of_range(
                report,
                format!("`{key}` in {} is longer than {days_max} days", self.what),
                format!("write at most {days_max} days"),
            ),
        }
    }

    /// A period that business days have no part in.
    pub(crate) fn exact(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<SignedDuration> {
        match self.period(report, key)? {
            Delay::Minutes(minutes) => Some(SignedDuration::from_mins(i64::from(minutes))),
            Delay::Days(days) => Some(SignedDuration::from_hours(24 * i64::from(days))),
            Delay::BusinessDays(_) => None,
        }
    }

    /// A period of whole days.
    pub(crate) fn days(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<u32> {
        match self.period(report, key)? {
            Delay::Days(days) => Some(days),
            Delay::Minutes(_) | Delay::BusinessDays(_) => None,
        }
    }

    /// A whole number in the range of the shape.
    pub(crate) fn number(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<u32> {
        let (entry, value) = self.entry(key)?;
        let Value::Number { min, max } = *value else { unreachable!("`{key}` is no number") };
        let number =
            entry.value.as_integer().and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok());
        let number = number.filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.wrong_type(report, entry.span, key, value);
        }
        number
    }

    /// `true` or `false`.
    pub(crate) fn switch(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<bool> {
        let (entry, value) = self.entry(key)?;
        let switch = entry.value.as_bool();
        if switch.is_none() {
            self.wrong_type(report, entry.span, key, value);
        }
        switch
    }

    /// An entry as a table of a shape.
    fn table_in(
        &self,
        report: &mut Report<'_>,
        entry: &Entry<'t>,
        value: &Value,
        shape: &'static Shape,
    ) -> Option<Section<'t>> {
        let key = entry.key.value;
        let Some(table) = entry.value.as_table() else {
            self.wrong_type(report, entry.span.clone(), key, value);
            return None;
        };
        let what = match self.what.strip_suffix(']') {
            Some(outer) if !outer.starts_with("[[") => format!("{outer}.{key}]"),
            Some(_) | None => format!("[{key}]"),
        };
        Some(Section { what, span: entry.span.clone(), offset: self.offset, table, shape, asked: 0 })
    }

    /// A table inside this one.
    pub(crate) fn section(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Section<'t>> {
        let (entry, value) = self.entry(key)?;
        let Value::Table(shape) = *value else { unreachable!("`{key}` is no table") };
        self.table_in(report, &entry, value, shape)
    }

    /// A table whose shape the caller decides: that of a condition.
    pub(crate) fn open_section(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        shape: &'static Shape,
    ) -> Option<Section<'t>> {
        let (entry, value) = self.entry(key)?;
        self.table_in(report, &entry, value, shape)
    }

    /// The tables of a list; absent is empty.
    pub(crate) fn sections(&mut self, report: &mut Report<'_>, key: &'static str) -> Vec<Section<'t>> {
        let Value::Tables { of, .. } = *self.ask(key) else { unreachable!("`{key}` is no list of tables") };
        self.open_sections(report, key, of)
    }

    /// The tables of a list whose shape the caller decides.
    pub(crate) fn open_sections(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        shape: &'static Shape,
    ) -> Vec<Section<'t>> {
        let Some((entry, value)) = self.entry(key) else { return Vec::new() };
        let Some(items) = entry.value.as_array() else {
            self.wrong_type(report, entry.span, key, value);
            return Vec::new();
        };
        self.check_length(report, &entry, items.len(), value);
        let mut sections = Vec::new();
        for item in items {
            let span = self.in_file(&item.span());
            match item.get_ref().as_table() {
                Some(table) => {
                    let what = format!("[[{key}]]");
                    sections.push(Section { what, span, offset: self.offset, table, shape, asked: 0 });
                }
                None => self.wrong_type(report, span, key, value),
            }
        }
        sections
    }

    /// The tables of a table whose keys are names, in the order of the names.
    pub(crate) fn map(&mut self, report: &mut Report<'_>, key: &'static str) -> Vec<(Text<'t>, Section<'t>)> {
        let Some((entry, value)) = self.entry(key) else { return Vec::new() };
        let Some(shape) = value.tables().first().copied() else { unreachable!("`{key}` is no table of tables") };
        let Some(map) = self.table_in(report, &entry, value, shape) else { return Vec::new() };
        let entries: Vec<Entry<'t>> = map.entries().collect();
        let sections = entries.into_iter().filter_map(|entry| {
            let section = map.table_in(report, &entry, &Value::Table(shape), shape)?;
            Some((entry.key, section))
        });
        sections.collect()
    }

    /// The texts of a table whose keys are names.
    pub(crate) fn facts(&mut self, report: &mut Report<'_>, key: &'static str) -> Vec<(Text<'t>, Text<'t>)> {
        let Some((entry, value)) = self.entry(key) else { return Vec::new() };
        let Some(map) = self.table_in(report, &entry, value, self.shape) else { return Vec::new() };
        let entries: Vec<Entry<'t>> = map.entries().collect();
        let texts = entries.into_iter().filter_map(|entry| {
            let text = map.text_in(report, &entry, &Value::Text)?;
            Some((entry.key, text))
        });
        texts.collect()
    }

    /// Takes the shape of the table's own word. `None`, and reported, if it has none that is known.
    pub(crate) fn vary(&mut self, report: &mut Report<'_>, variants: &'static Variants) -> Option<&'static str> {
        let typed = match (self.table.get(variants.key), variants.default) {
            (Some(value), _) => value.get_ref().as_str(),
            (None, Some(word)) => Some(word),
            (None, None) => None,
        };
        let known = variants.shapes.iter().find(|(word, _)| Some(*word) == typed);
        if let Some((word, shape)) = known {
            self.reshape(shape);
            self.mark(variants.key);
            return Some(word);
        }
        // Any of the shapes has the word, and reports it.
        let (_, any) = variants.shapes.first()?;
        self.reshape(any);
        let words: Vec<(&str, ())> = variants.shapes.iter().map(|(word, _)| (*word, ())).collect();
        self.word(report, variants.key, &words);
        None
    }

    /// Reports the keys that must be there and are not, and nothing else: where the shape is not known for sure.
    pub(crate) fn finish_open(self, report: &mut Report<'_>) {
        self.report_missing(report);
    }

    /// Reports the keys that must be there and are not, those that mean nothing here, and those that do not go
    /// together.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        let all = self.shape.keys().enumerate().fold(0, |bits, (place, _)| bits | 1 << place);
        debug_assert_eq!(self.asked, all, "the reader of {} does not ask for all its keys", self.shape.name);
        self.report_missing(report);
        let known: Vec<&str> = self.shape.keys().map(|key| key.name).collect();
        for Entry { key, .. } in self.entries() {
            if !known.contains(&key.value) {
                let message = format!("{} has no setting `{}`", self.what, key.value);
                // A word that is right in another place is no typing error.
                let is_elsewhere = SHAPES.iter().any(|shape| shape.key(key.value).is_some());
                let is_slip = slip_of(key.value, &known).is_some();
                let remedy = if is_elsewhere && !is_slip { all_of(&known) } else { suggestion(key.value, &known) };
                report.error(Code::UnknownKey, key.span(), message, remedy);
            }
        }
        for rule in self.shape.rules {
            self.check_rule(report, rule);
        }
    }

    fn report_missing(&self, report: &mut Report<'_>) {
        for key in self.shape.keys() {
            if let Need::Required { code, remedy } = key.need
                && !self.has(key.name)
            {
                report.error(code, self.span(), format!("{} has no `{}`", self.what, key.name), remedy);
            }
        }
    }

    fn check_rule(&self, report: &mut Report<'_>, rule: &Rule) {
        let (of, none, one_only) = match *rule {
            Rule::One { of, remedy } => (of, Some(remedy), true),
            Rule::Some { of, remedy } => (of, Some(remedy), false),
            Rule::AtMostOne(of) => (of, None, true),
            Rule::With(key, needed) => {
                if self.has(key) && !self.has(needed) {
                    let message = format!("`{key}` in {} says nothing without `{needed}`", self.what);
                    let remedy = format!("add `{needed}`, or remove `{key}`");
                    report.error(Code::KeyConflict, self.span_of(key), message, remedy);
                }
                return;
            }
        };
        let mut present = of.iter().filter(|key| self.has(key));
        match (present.next(), present.next(), none) {
            (None, _, Some(remedy)) => {
                let message = match of {
                    [a, b] => format!("{} has neither `{a}` nor `{b}`", self.what),
                    _ => format!("{} has none of `{}`", self.what, of.join("`, `")),
                };
                report.error(Code::KeyMissing, self.span(), message, remedy);
            }
            (Some(first), Some(second), _) if one_only => {
                let message = format!("{} cannot have both `{first}` and `{second}`", self.what);
                report.error(Code::KeyConflict, self.span_of(second), message, "keep one of them");
            }
            _ => {}
        }
    }
}

const WAIT_REMEDY: &str =
    "write a whole number and m, h, d, w or bd (business days): \"0m\", \"20h\", \"14d\", \"3bd\"";

fn not_a_duration(report: &mut Report<'_>, text: Text<'_>, remedy: &str) {
    report.error(Code::BadDuration, text.span(), format!("`{}` is not a duration", text.value), remedy);
}

impl Units {
    const fn take(self, delay: Delay) -> bool {
        match (self, delay) {
            (Self::Any, _) | (Self::Exact, Delay::Minutes(_)) | (Self::Exact | Self::Days, Delay::Days(_)) => true,
            (Self::Exact | Self::Days, Delay::BusinessDays(_)) | (Self::Days, Delay::Minutes(_)) => false,
        }
    }
}

/// What stands at a key, in words, and an example in which `KEY` is the key.
fn expectation(value: &Value) -> (String, String) {
    let (expected, example) = match value {
        Value::Text | Value::Word(_) | Value::Name(_) | Value::Wait(_) | Value::Period { .. } | Value::Moment => {
            ("a text", "KEY = \"…\"")
        }
        Value::Time => ("a text", "KEY = \"08:00\""),
        Value::Texts { .. } | Value::Words(_) | Value::Names { .. } => ("a list of texts", "KEY = [\"…\", \"…\"]"),
        Value::WordOrWords(_) | Value::NameOrNames(_) => ("a text or a list of texts", "KEY = \"…\""),
        Value::Condition => ("a condition, which is a table", "KEY = { tag = \"…\" }"),
        Value::Conditions => ("a list of conditions", "KEY = [{ tag = \"…\" }, { topic = \"…\" }]"),
        Value::Number { min, max } => {
            let example = 3.clamp(*min, *max);
            return (format!("a whole number from {min} to {max}"), format!("KEY = {example}"));
        }
        Value::Switch => ("true or false", "KEY = true"),
        Value::Table(_) | Value::Map(..) | Value::MapOfVariants(..) | Value::Facts(_) => ("a table", "[KEY]"),
        Value::Tables { .. } | Value::Variants { .. } => ("a list of tables", "[[KEY]]"),
    };
    (expected.to_owned(), example.to_owned())
}

/// How many entries a list may have.
fn lengths(value: &Value) -> (usize, usize) {
    match value {
        Value::Texts { min, max }
        | Value::Names { min, max, .. }
        | Value::Tables { min, max, .. } => (*min, *max),
        Value::Conditions => (1, ATOMS_MAX),
        Value::WordOrWords(_) | Value::NameOrNames(_) => (1, usize::MAX),
        Value::Words(_)
        | Value::Text
        | Value::Word(_)
        | Value::Name(_)
        | Value::Wait(_)
        | Value::Period { .. }
        | Value::Moment
        | Value::Condition
        | Value::Number { .. }
        | Value::Switch
        | Value::Time
        | Value::Table(_)
        // The reader of steps says itself which one is too many.
        | Value::Variants { .. }
        | Value::Map(..)
        | Value::MapOfVariants(..)
        | Value::Facts(_) => (0, usize::MAX),
    }
}

/// Whether the words that a reader knows are those of the shape.
fn is_same_words<T>(value: &Value, words: &[(&str, T)]) -> bool {
    value.words().is_some_and(|known| known.iter().copied().eq(words.iter().map(|(word, _)| *word)))
}
