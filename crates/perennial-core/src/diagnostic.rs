//! What is wrong with a catalog, where, and what to do about it.
//!
//! **Invariant:** every diagnostic has a stable code and a remedy, and a file is read to its end:
//! whoever fixes one problem does not meet the next one only on the next run.

pub mod page;

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::diagnostic::page::Page;

/// One problem in the files of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Which kind of problem.
    pub code: Code,
    /// Whether the catalog can be used in spite of it.
    pub severity: Severity,
    /// The file, as its path was given.
    pub file: String,
    /// Where in the file; `None` if the file is missing, or is meant as a whole.
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
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal,)*) => {
        /// The kind of a problem. A code is never given a second meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code, as documentation and tools spell it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What kind of problem it is and why it is one: a paragraph for the reference, in Markdown. Its first
            /// sentence can stand alone.
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_start(),)*
                }
            }

            /// The first sentence of its explanation.
            pub fn headline(self) -> &'static str {
                let text = self.explanation();
                text.find(". ").and_then(|end| text.get(..=end)).unwrap_or(text)
            }

            /// The text of its page. A code without one does not build.
            const fn page_text(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("diagnostic/pages/", $code, ".txt")),)*
                }
            }
        }
    };
}

codes! {
    /// A file that must be there is not. A catalog is `catalog.toml` and one `program.toml` in the folder of each
    /// program; without them nothing says who sends, or what.
    FileMissing = "P001",
    /// The file is not TOML. The place is where reading stopped; the mistake is there or shortly before, most
    /// often a text without its quotes.
    Syntax = "P002",
    /// A key that means nothing here. A setting that nobody reads is a setting that somebody believes in, so it is
    /// refused and not passed over.
    UnknownKey = "P003",
    /// A key that must be there is not. What has no sensible default has to be said.
    KeyMissing = "P004",
    /// A value of the wrong type, or a number outside its range.
    WrongType = "P005",
    /// A text that cannot be a name. Names stand in ids, keys and file names, so they are short and plain.
    BadName = "P006",
    /// A text that is not a duration. A duration is a whole number and a unit: minutes `m`, hours `h`, days `d`,
    /// weeks `w`, or business days `bd` where a step waits.
    BadDuration = "P007",
    /// A word that is none of those that are allowed here.
    UnknownWord = "P008",
    /// A name of something that does not exist: a queue, a program that a form needs, a field, a topic.
    UnknownName = "P009",
    /// A step id that is taken. The id is how the suite knows what it has sent to whom, so no two steps of a program
    /// share one.
    DuplicateStep = "P010",
    /// A program without steps, or with too many.
    StepCount = "P011",
    /// A wait so long that the lead would lose its pulse. Every lead has something to come within 180 days, whatever
    /// happens, so no step waits longer than 170 days (110 business days).
    WaitTooLong = "P012",
    /// A mail without its text. The mail of a step is `touches/<template>.md`; the template is the step's id unless
    /// the step names another.
    TemplateMissing = "P013",
    /// A file that nothing uses. Most often it was renamed, or its step was.
    Unused = "P014",
    /// The head of a touch file is not there or not closed. A mail starts with its subject and its voice, between two
    /// lines of `+++`.
    FrontMatter = "P015",
    /// The template of a mail does not parse.
    TemplateSyntax = "P016",
    /// A template uses a field that is not declared. Mails may use the fields of the catalog, the facts about the
    /// organisation, and a few values of the suite's own.
    UnknownField = "P017",
    /// A subject that is empty or not one line. A line break in a header would start another header.
    BadSubject = "P018",
    /// A text that must not be empty is.
    EmptyText = "P019",
    /// A text that is not an address that mail can be sent from or to.
    BadAddress = "P020",
    /// A text that is not a time zone. Zones have IANA names, because an offset does not know when clocks change.
    BadZone = "P021",
    /// A send window that never opens. Mail that waits for it would wait for ever.
    BadWindow = "P022",
    /// Something in a mail that plain personal mail does not have: HTML, images, code, tables, indented blocks.
    MarkupRefused = "P023",
    /// A link that is not http, https, mailto or tel.
    LinkRefused = "P024",
    /// A mail that cannot be rendered for a lead of whom nothing is known. Somebody will have left the field empty;
    /// the template must say what stands there then.
    DefaultMissing = "P025",
    /// Personal data in a link. Links are kept in logs and histories everywhere.
    FieldInLink = "P026",
    /// More than this program takes: too many files, a file too long, a mail too long, a template that never ends.
    TooLarge = "P027",
    /// A circle without a wait: steps, or programs that follow one another, where a lead would go round for ever in
    /// no time.
    LoopWithoutWait = "P028",
    /// A jump to a step that is not there. `goto`, `else`, `on_timeout` and `to` name a step of the same program;
    /// after a step was renamed they still hold its old id.
    DanglingGoto = "P029",
    /// A step that no lead can come to. Every way through the program jumps over it, so what it says is never sent.
    UnreachableStep = "P030",
    /// A way that leads nowhere: from here a lead would get no touch, no task and no review date any more, and never
    /// leave. No lead is lost; this is what that is proven by.
    NoWayOut = "P031",
    /// A branch that no lead can take, because its condition cannot hold, or because an earlier case takes everybody.
    CaseNeverTaken = "P032",
    /// Two programs claim the same lead with equal priority, so which one gets it would be left to chance.
    EqualPriority = "P033",
    /// A requalification rule that can never be met. The leads that it is for would never be offered to sales again.
    RequalifyNever = "P034",
    /// A moment that never falls into the send window. A touch at that hour would always be put off to another one.
    WaitOutsideWindow = "P035",
    /// A cap that makes the cadence impossible: the steps come faster than the cap lets mails out, so each is late and
    /// the program falls behind its own plan.
    CapBreaksCadence = "P036",
    /// A turnback reason without a policy. A rep can give a lead back for each of the sixteen reasons, so each must
    /// say where the lead goes.
    TurnbackMissing = "P037",
    /// An SLA ladder without a last rung. The last rung is the way out that needs no human: without it a lead that
    /// nobody works would stay where it is.
    SlaNoLastRung = "P038",
    /// A field that is used and that nothing ever fills in: no form or list takes it, no step asks for it, and it does
    /// not say who supplies it.
    UnsuppliedField = "P039",
    /// A topic that nothing uses. People could switch off what is never sent.
    UnusedTopic = "P040",
    /// A program that is not there. Where one is to follow, the last resort follows in its place; that is safe, but
    /// seldom meant. A name that is a letter or two off that of a program is taken for a slip, and is an error.
    UnknownProgram = "P041",
    /// A program that no lead enters: no form, no other program, no turnback and no condition of its own leads to it.
    NeverEntered = "P042",
    /// A date that a lead may not have. A moment that counts from a profile date must say what happens where the
    /// profile has no such date: `if_missing`.
    DateMissing = "P043",
    /// Product content before any content that engages. A prospect first reads about their own matter, then about what
    /// we sell.
    ContentStage = "P044",
    /// A mail that asks nothing. The mail of an `ask` step must print `{{ questions }}`: without it the reader does not
    /// see what is asked.
    QuestionsMissing = "P045",
    /// A condition that is nested too deep or asks too much: at most 8 levels and 64 questions. One so large is better
    /// read as a branch with several cases.
    TooDeep = "P046",
    /// A text that is not a point in time. `"next Tuesday 10:00"`, `"first Tuesday 10:00"` (of a month), and a date of
    /// the profile such as `"revisit_at - 30d"` are.
    BadMoment = "P047",
    /// A condition that asks nothing, or several things at once. Each table asks one thing; `all`, `any` and `not` put
    /// conditions together.
    BadCondition = "P048",
    /// A list with too few or too many entries.
    ListLength = "P049",
    /// Deadlines that do not rise. Each must come after the one before it, or it is never met in its turn.
    NotRising = "P050",
    /// Keys that exclude one another, or one that says nothing without another.
    KeyConflict = "P051",
    /// A wait that takes no time. It is either forgotten or not needed.
    WaitNothing = "P052",
    /// A word that is there already in a list where each may stand once.
    DuplicateName = "P053",
    /// An older version of a program that cannot be read any more, most often because the catalog has changed under
    /// it. Leads that started it go on in the version of today.
    KeptUnreadable = "P054",
    /// A field is asked for and has no question. What the person reads is the field's `question` in the catalog.
    NoQuestion = "P055",
    /// The message of an alert that is not one short, plain line. It goes to places where nothing personal may stand,
    /// so it has no merge fields.
    BadMessage = "P056",
    /// Questions in a mail that asks nothing: only the mail of an `ask` step has `{{ questions }}` to print, and only in
    /// its text.
    QuestionsElsewhere = "P057",
    /// A period that is longer or shorter than what is allowed here.
    PeriodRange = "P058",
    /// A program that allows itself more than the catalog does. Its window may be narrower and its cap stricter, never
    /// the other way: the catalog's limits hold across programs.
    WiderThanCatalog = "P059",
    /// A field of the wrong type for this use: a date that is compared with a text, a text that is used as a date.
    FieldType = "P060",
    /// A file that is not UTF-8. Some of its characters are lost, or all of them, so its mails would leave with holes in
    /// their words.
    NotUtf8 = "P061",
    /// An answer in the fit that tells nobody apart: its condition holds for nobody, or for everybody. Points that
    /// nobody gets, or all do, put no lead before another.
    IdleFit = "P062",
    /// An address that no webhook may have. Events go out encrypted, and to servers that everybody on the internet can
    /// reach: never into a private network, to this machine, or to the cloud's own machines.
    WebhookUrl = "P063",
    /// A text that is not a date. A day of the calendar is written as year, month and day, `2026-12-25`, and there is such
    /// a day.
    BadDate = "P064",
    /// A rep's address at a domain where nobody of the catalog sends from. Their mails come from that address, so Amazon
    /// SES must know its domain; if it does not, SES refuses all of them.
    ForeignSender = "P065",
}

impl Code {
    /// The code that is spelt so, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }

    /// How to mend it, with a wrong and a right example.
    pub fn page(self) -> Page {
        Page::of(self, self.page_text())
    }
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

    #[test]
    fn codes_are_numbered_without_a_gap_and_explained() {
        for (code, number) in Code::ALL.iter().zip(1..) {
            assert_eq!(code.as_str(), format!("P{number:03}"));
            let text = code.explanation();
            assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{code}: {text}");
            assert!(!text.contains("  "), "{code}: {text}");
            assert!(code.headline().ends_with('.') && text.starts_with(code.headline()), "{code}: {text}");
        }
    }
}
