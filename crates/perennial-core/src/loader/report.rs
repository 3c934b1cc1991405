//! What is found in a file, and how the words in it are read.

use std::ops::Range;

use toml::de::DeTable;

use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use crate::ids::IdError;
use crate::loader::SourceFile;

/// How like a known word a typing error must be to be taken for it.
const LIKENESS_MIN: f64 = 0.75;

/// The most words that a remedy lists.
const LISTED_MAX: usize = 24;

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
        self.push(Severity::Error, code, span, message.into(), remedy.into());
    }

    pub(crate) fn warning(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Warning, code, span, message.into(), remedy.into());
    }

    fn push(&mut self, severity: Severity, code: Code, span: Range<usize>, message: String, remedy: String) {
        let place = Some(Place::of(self.text, span));
        self.found.push(Diagnostic { code, severity, file: self.file.to_owned(), place, message, remedy });
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
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Text<'_> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
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
    parse: impl Fn(&str) -> Result<T, IdError>,
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

/// The known word that a typed one is most like, if it is like any.
pub(crate) fn nearest<'w>(typed: &str, known: &[&'w str]) -> Option<&'w str> {
    known
        .iter()
        .map(|word| (strsim::jaro_winkler(typed, word), *word))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// "did you mean …?", or all that is possible.
pub(crate) fn suggestion(typed: &str, known: &[&str]) -> String {
    match nearest(typed, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None => all_of(known),
    }
}

/// All that is possible, or as much of it as one reads.
pub(crate) fn all_of(known: &[&str]) -> String {
    match known.get(..LISTED_MAX) {
        _ if known.is_empty() => "remove it".to_owned(),
        Some(some) if known.len() > LISTED_MAX => {
            format!("use one of: {}, and {} more", some.join(", "), known.len() - LISTED_MAX)
        }
        Some(_) | None => format!("use one of: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_gets_a_suggestion_and_nonsense_gets_the_list() {
        assert_eq!(suggestion("wellcome", &["nurture", "welcome"]), "did you mean `welcome`?");
        assert_eq!(suggestion("zzz", &["email", "call"]), "use one of: email, call");
    }
}
