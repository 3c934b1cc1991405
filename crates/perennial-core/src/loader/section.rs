//! Reading TOML so that every problem is found, each with its place.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use crate::loader::SourceFile;
use crate::program::STEP_WAIT_MAX;

/// How like a known word a typing error must be to be taken for it.
const LIKENESS_MIN: f64 = 0.75;

/// What is found in one file.
pub(crate) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<Diagnostic>,
}

impl<'t> Report<'t> {
    pub(crate) fn new(source: &'t SourceFile) -> Self {
        Self { file: &source.path, text: &source.text, found: Vec::new() }
    }

    pub(crate) fn error(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.found.push(Diagnostic {
            code,
            severity: Severity::Error,
            file: self.file.to_owned(),
            place: Some(Place::of(self.text, span)),
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    pub(crate) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Parses TOML that starts at byte `offset` of the file; `None`, and every mistake reported, if it is none.
    pub(crate) fn parse_toml<'x>(&mut self, toml: &'x str, offset: usize) -> Option<DeTable<'x>> {
        let (table, errors) = DeTable::parse_recoverable(toml);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            let remedy = "the file must be TOML (https://toml.io): one `key = value` a line, texts in double quotes";
            self.error(
                Code::Syntax,
                span.start + offset..span.end + offset,
                error.message().replace('\n', ", "),
                remedy,
            );
        }
        errors.is_empty().then(|| table.into_inner())
    }
}

/// A text and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) value: &'t str,
    start: usize,
    end: usize,
}

impl Text<'_> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// One `key = value`.
pub(crate) struct Entry<'t> {
    pub(crate) key: Text<'t>,
    value: &'t DeValue<'t>,
    span: Range<usize>,
}

/// A table that is being read. It remembers what was asked for, so that the rest can be refused.
///
/// A `None` from any of its methods means: absent and optional, or reported.
pub(crate) struct Section<'t> {
    what: String,
    span: Range<usize>,
    offset: usize,
    table: &'t DeTable<'t>,
    asked: BTreeSet<&'static str>,
}

impl<'t> Section<'t> {
    /// The whole of a file, or of a front matter that starts at byte `offset` of its file.
    pub(crate) fn root(what: &str, table: &'t DeTable<'t>, offset: usize) -> Self {
        Self { what: what.to_owned(), span: offset..offset, offset, table, asked: BTreeSet::new() }
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn entry_of(&self, key: &'t Spanned<DeString<'t>>, value: &'t Spanned<DeValue<'t>>) -> Entry<'t> {
        let (key_span, span) = (key.span(), value.span());
        Entry {
            key: Text { value: key.get_ref(), start: key_span.start + self.offset, end: key_span.end + self.offset },
            value: value.get_ref(),
            span: span.start + self.offset..span.end + self.offset,
        }
    }

    /// Every entry of a table whose keys are names, in the order of the names.
    pub(crate) fn entries(&self) -> Vec<Entry<'t>> {
        self.table.iter().map(|(key, value)| self.entry_of(key, value)).collect()
    }

    fn entry(&mut self, key: &'static str) -> Option<Entry<'t>> {
        self.asked.insert(key);
        self.table.get_key_value(key).map(|(key, value)| self.entry_of(key, value))
    }

    fn wrong_type(&self, report: &mut Report<'_>, span: Range<usize>, key: &str, expected: &str, example: &str) {
        let message = format!("`{key}` in {} must be {expected}", self.what);
        report.error(Code::WrongType, span, message, format!("write for example `{example}`"));
    }

    /// Reports a key that must be there and is not.
    pub(crate) fn require(&mut self, report: &mut Report<'_>, key: &'static str, remedy: &str) {
        self.asked.insert(key);
        if !self.table.contains_key(key) {
            report.error(Code::KeyMissing, self.span(), format!("{} has no `{key}`", self.what), remedy);
        }
    }

    /// An entry as a text that is not empty.
    pub(crate) fn text_of(&self, report: &mut Report<'_>, entry: &Entry<'t>) -> Option<Text<'t>> {
        let key = entry.key.value;
        let Some(text) = entry.value.as_str() else {
            self.wrong_type(report, entry.span.clone(), key, "a text", &format!("{key} = \"…\""));
            return None;
        };
        if text.trim().is_empty() {
            let message = format!("`{key}` in {} is empty", self.what);
            report.error(
                Code::EmptyText,
                entry.span.clone(),
                message,
                format!("fill in `{key}`, or leave it out if it is optional"),
            );
            return None;
        }
        Some(Text { value: text, start: entry.span.start, end: entry.span.end })
    }

    /// A text that may be absent. It is not empty.
    pub(crate) fn text(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Text<'t>> {
        let entry = self.entry(key)?;
        self.text_of(report, &entry)
    }

    /// A text that must be there and must not be empty.
    pub(crate) fn required_text(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        remedy: &str,
    ) -> Option<Text<'t>> {
        self.require(report, key, remedy);
        self.text(report, key)
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(report, key)?;
        parse_word(report, text, key, words)
    }

    /// A name of the kind that `parse` accepts.
    pub(crate) fn name<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, crate::ids::IdError>,
    ) -> Option<Named<T>> {
        let text = self.text(report, key)?;
        parse_name(report, text, parse)
    }

    /// A duration such as `"14d"`, short enough that a lead who waits so long still has a pulse.
    pub(crate) fn duration(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<SignedDuration> {
        let text = self.text(report, key)?;
        let Some(duration) = parse_duration(text.value) else {
            let message = format!("`{}` is not a duration", text.value);
            report.error(
                Code::BadDuration,
                text.span(),
                message,
                "write a whole number and m, h, d or w: \"0m\", \"20h\", \"14d\"",
            );
            return None;
        };
        if duration > STEP_WAIT_MAX {
            let days = STEP_WAIT_MAX.as_hours() / 24;
            let message = format!("`{key}` is longer than {days} days: the lead would be forgotten");
            report.error(
                Code::WaitTooLong,
                text.span(),
                message,
                format!("wait at most {days} days, and put a step in between"),
            );
            return None;
        }
        Some(duration)
    }

    /// A whole number from 1 to `max`.
    pub(crate) fn count(&mut self, report: &mut Report<'_>, key: &'static str, max: u32) -> Option<u32> {
        let entry = self.entry(key)?;
        let number =
            entry.value.as_integer().and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok());
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.wrong_type(report, entry.span, key, &format!("a whole number from 1 to {max}"), &format!("{key} = 3"));
        }
        number
    }

    /// A list of texts; absent is empty.
    pub(crate) fn texts(&mut self, report: &mut Report<'_>, key: &'static str) -> Vec<Text<'t>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let example = format!("{key} = [\"…\", \"…\"]");
        let Some(items) = entry.value.as_array() else {
            self.wrong_type(report, entry.span, key, "a list of texts", &example);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            let span = item.span().start + self.offset..item.span().end + self.offset;
            match item.get_ref().as_str() {
                Some(value) => texts.push(Text { value, start: span.start, end: span.end }),
                None => self.wrong_type(report, span, key, "a list of texts", &example),
            }
        }
        texts
    }

    /// An entry as a table.
    pub(crate) fn section_of(&self, report: &mut Report<'_>, entry: &Entry<'t>) -> Option<Section<'t>> {
        let key = entry.key.value;
        let Some(table) = entry.value.as_table() else {
            self.wrong_type(report, entry.span.clone(), key, "a table", &format!("[{key}]"));
            return None;
        };
        let what = match self.what.strip_suffix(']') {
            Some(outer) => format!("{outer}.{key}]"),
            None => format!("[{key}]"),
        };
        Some(Section { what, span: entry.span.clone(), offset: self.offset, table, asked: BTreeSet::new() })
    }

    /// A table inside this one.
    pub(crate) fn section(&mut self, report: &mut Report<'_>, key: &'static str) -> Option<Section<'t>> {
        let entry = self.entry(key)?;
        self.section_of(report, &entry)
    }

    /// A table that must be there.
    pub(crate) fn required_section(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        remedy: &str,
    ) -> Option<Section<'t>> {
        self.require(report, key, remedy);
        self.section(report, key)
    }

    /// The tables of a list, `[[key]]`; absent is empty.
    pub(crate) fn sections(&mut self, report: &mut Report<'_>, key: &'static str) -> Vec<Section<'t>> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let Some(items) = entry.value.as_array() else {
            self.wrong_type(report, entry.span, key, "a list of tables", &format!("[[{key}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let span = item.span().start + self.offset..item.span().end + self.offset;
            match item.get_ref().as_table() {
                Some(table) => {
                    sections.push(Section {
                        what: format!("[[{key}]]"),
                        span,
                        offset: self.offset,
                        table,
                        asked: BTreeSet::new(),
                    });
                }
                None => self.wrong_type(report, span, key, "a list of tables", &format!("[[{key}]]")),
            }
        }
        sections
    }

    /// Refuses every key that was not asked for.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        let known: Vec<&str> = self.asked.iter().copied().collect();
        for Entry { key, .. } in self.entries() {
            if !self.asked.contains(key.value) {
                let message = format!("{} has no setting `{}`", self.what, key.value);
                report.error(Code::UnknownKey, key.span(), message, suggestion(key.value, &known));
            }
        }
    }
}

/// A parsed name and where it stands.
pub(crate) struct Named<T> {
    pub(crate) name: T,
    pub(crate) span: Range<usize>,
}

/// Parses a name; a text that is none is reported.
pub(crate) fn parse_name<T>(
    report: &mut Report<'_>,
    text: Text<'_>,
    parse: impl Fn(&str) -> Result<T, crate::ids::IdError>,
) -> Option<Named<T>> {
    match parse(text.value) {
        Ok(name) => Some(Named { name, span: text.span() }),
        Err(error) => {
            report.error(Code::BadName, text.span(), format!("`{}` is not a name here", text.value), error.to_string());
            None
        }
    }
}

/// Parses one of a few words; a text that is none is reported.
pub(crate) fn parse_word<T: Copy>(
    report: &mut Report<'_>,
    text: Text<'_>,
    what: &str,
    words: &[(&str, T)],
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        report.error(
            Code::UnknownWord,
            text.span(),
            format!("`{}` is not a possible `{what}`", text.value),
            suggestion(text.value, &words),
        );
    }
    found
}

/// "did you mean …?", or all that is possible.
pub(crate) fn suggestion(typed: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|word| (strsim::jaro_winkler(typed, word), *word))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

/// A whole number of minutes, hours, days or weeks, with an optional leading `+`.
///
/// A day is 24 hours: the send window puts a touch at a decent local hour, whatever the clocks did.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    SignedDuration::try_from_mins(number.checked_mul(minutes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        assert_eq!(parse_duration("0m"), Some(SignedDuration::ZERO));
        assert_eq!(parse_duration("+1d"), Some(SignedDuration::from_hours(24)));
        assert_eq!(parse_duration("2w"), Some(SignedDuration::from_hours(24 * 14)));
        for bad in [
            "",
            "d",
            "1",
            "1.5d",
            "-1d",
            "++1d",
            "1 d",
            "1d ",
            "1y",
            "99999999999999999999d",
            "9223372036854775807w",
            "1\u{e4}",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_typing_error_gets_a_suggestion_and_nonsense_gets_the_list() {
        assert_eq!(suggestion("wellcome", &["nurture", "welcome"]), "did you mean `welcome`?");
        assert_eq!(suggestion("zzz", &["email", "call"]), "use one of: email, call");
    }
}
