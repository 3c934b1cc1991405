//! What is found in a file, and how the words in it are read.

use std::ops::Range;

use toml::de::DeTable;

use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use crate::ids::IdError;
use crate::loader::{FILE_LENGTH_MAX, SourceFile};

/// How like a known word a typing error must be to be taken for it.
const LIKENESS_MIN: f64 = 0.75;

/// The most letters that a slip gets wrong, and how many letters of a name it takes for each.
const SLIP_MAX: usize = 2;
const LETTERS_PER_SLIP: usize = 4;

/// The most words that a remedy lists.
const LISTED_MAX: usize = 24;

const NOT_UTF8_REMEDY: &str = "save the file as UTF-8; where `�` stands then, type the character again";

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

    /// What is wrong with the file as a whole.
    fn of_file(&mut self, code: Code, message: String, remedy: &str) {
        let (severity, file, remedy) = (Severity::Error, self.file.to_owned(), remedy.to_owned());
        self.found.push(Diagnostic { code, severity, file, place: None, message, remedy });
    }

    /// The text of the file; `None`, and why reported, if there is no sense in reading it.
    ///
    /// One that lost a few characters is read on: what else is wrong with it can be said.
    pub(crate) fn readable(&mut self) -> Option<&'t str> {
        if self.text.len() > FILE_LENGTH_MAX {
            let message = format!("longer than {FILE_LENGTH_MAX} bytes");
            self.of_file(Code::TooLarge, message, "split it, or shorten it");
            return None;
        }
        // Every other byte of a European text in UTF-16 is zero; no text in UTF-8 holds one.
        if self.text.contains('\0') {
            self.of_file(Code::NotUtf8, "this is UTF-16, or no text at all".to_owned(), NOT_UTF8_REMEDY);
            return None;
        }
        if let Some(at) = self.text.find(char::REPLACEMENT_CHARACTER) {
            let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
            self.error(Code::NotUtf8, span, "a character is lost here: the file is not UTF-8", NOT_UTF8_REMEDY);
        }
        Some(self.text)
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

/// The known word that a typed one is a slip of: a letter or two are wrong, missing, too many or in the wrong order.
/// Digits count: `wave-2` is no slip of `wave-1`.
pub(crate) fn slip_of<'w>(typed: &str, known: &[&'w str]) -> Option<&'w str> {
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    let letters_max = ((typed.chars().count() + 1) / LETTERS_PER_SLIP).min(SLIP_MAX);
    known
        .iter()
        .map(|word| (strsim::osa_distance(typed, word), *word))
        .filter(|(letters, word)| *letters <= letters_max && digits(typed) == digits(word))
        .min_by_key(|(letters, _)| *letters)
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

    #[test]
    fn a_slip_is_a_letter_or_two_off() {
        let known = ["nurture", "turnback-timing", "vip", "wave-1"];
        for (typed, meant) in [
            ("nuture", Some("nurture")),
            ("nurtrue", Some("nurture")),
            ("turnbakc-timeing", Some("turnback-timing")),
            ("vipp", Some("vip")),
            ("wave1", Some("wave-1")),
            ("wave-2", None),
            ("nurture-b2b", None),
            ("turnback-other", None),
            ("vi", None),
            ("", None),
        ] {
            assert_eq!(slip_of(typed, &known), meant, "{typed}");
        }
    }
}
