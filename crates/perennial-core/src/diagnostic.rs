//! What is wrong with a catalog, where, and what to do about it.
//!
//! **Invariant:** every diagnostic has a stable code and a remedy, and a file is read to its end:
//! whoever fixes one problem does not meet the next one only on the next run.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

/// One problem in the files of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Which kind of problem.
    pub code: Code,
    /// Whether the catalog can be used in spite of it.
    pub severity: Severity,
    /// The file, as its path was given.
    pub file: String,
    /// Where in the file; `None` if the file is missing.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do, in one line.
    pub remedy: String,
}

/// Whether a catalog can be used in spite of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// There is no catalog until this is fixed.
    Error,
    /// Probably not meant, but harmless.
    Warning,
}

/// A range of a file, as programs and as people count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The bytes.
    pub span: Range<usize>,
    /// The line of the first byte, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// Counts lines and columns up to a span of `text`.
    pub fn of(text: &str, span: Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            span,
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The kind of a problem. A code is never given a second meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// The stable code, as documentation and tools spell it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// A file that must be there is not.
    FileMissing = "P001",
    /// The file is not TOML.
    Syntax = "P002",
    /// A key that means nothing here.
    UnknownKey = "P003",
    /// A key that must be there is not.
    KeyMissing = "P004",
    /// A value of the wrong type.
    WrongType = "P005",
    /// A text that cannot be a name.
    BadName = "P006",
    /// A text that is not a duration.
    BadDuration = "P007",
    /// A word that is none of those that are allowed here.
    UnknownWord = "P008",
    /// A name of something that does not exist.
    UnknownName = "P009",
    /// A step id that is taken.
    DuplicateStep = "P010",
    /// A program without steps, or with too many.
    StepCount = "P011",
    /// A wait so long that the lead would lose its pulse.
    WaitTooLong = "P012",
    /// A mail without its text.
    TemplateMissing = "P013",
    /// A file that nothing uses.
    Unused = "P014",
    /// The head of a touch file is not there or not closed.
    FrontMatter = "P015",
    /// The template of a mail does not parse.
    TemplateSyntax = "P016",
    /// A template uses a field that is not declared.
    UnknownField = "P017",
    /// A subject that is empty or not one line.
    BadSubject = "P018",
    /// A text that must not be empty is.
    EmptyText = "P019",
    /// A text that is not an address that mail can be sent from or to.
    BadAddress = "P020",
    /// A text that is not a time zone.
    BadZone = "P021",
    /// A send window that never opens.
    BadWindow = "P022",
    /// Something in a mail that plain personal mail does not have.
    MarkupRefused = "P023",
    /// A link that is not http, https, mailto or tel.
    LinkRefused = "P024",
    /// A mail that cannot be rendered for a lead of whom nothing is known.
    DefaultMissing = "P025",
    /// Personal data in a link.
    FieldInLink = "P026",
    /// More than this program takes.
    TooLarge = "P027",
    /// Programs that follow one another without a pause.
    LoopWithoutWait = "P028",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Diagnostic {
    /// Whether there is no catalog until this is fixed.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Where a diagnostic stands in the report: by file, then from top to bottom.
    pub(crate) fn order(&self) -> (&str, usize, Code, &str) {
        (&self.file, self.place.as_ref().map_or(0, |place| place.span.start), self.code, &self.message)
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `file:line:column code message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, " {} {}", self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_not_bytes() {
        let text = "a = 1\nü = \"ö\" x\n";
        let place = Place::of(text, text.find('x').unwrap()..text.len());
        assert_eq!((place.line, place.column), (2, 9));
    }
}
