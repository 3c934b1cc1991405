//! A preview for people: a calendar and letters, in 80 to 100 columns, readable without colour.

use jiff::Zoned;
use perennial_app::preview::{AlsoSent, End, Entry, Header, Letter, MailKind, MailPreview, Outcome, Preview};
use perennial_core::ids::{FieldName, StepId, TemplateName};

use super::Shown;

/// Which part of a mail is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Part {
    /// The plain text.
    Text,
    /// The HTML.
    Html,
    /// Both.
    Both,
}

/// What is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sheet {
    width: usize,
    look: Look,
}

/// How type looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// With bold and faint type.
    Styled,
    /// Without.
    Plain,
}

/// The columns that a sheet has at least, and at most.
const WIDTH_MIN: usize = 80;
const WIDTH_MAX: usize = 100;

impl Sheet {
    /// A sheet in a terminal so wide; nothing is as wide as it may be.
    pub(super) fn new(columns: Option<u16>, look: Look) -> Self {
        let width = columns.map_or(WIDTH_MIN, usize::from).clamp(WIDTH_MIN, WIDTH_MAX);
        Self { width, look }
    }
}

/// The widest that the column of the steps gets; a longer id has a line of its own.
const STEP_WIDTH_MAX: usize = 24;
const STEP_WIDTH_MIN: usize = 8;

/// From the left edge to the column of the steps: day, date and time.
const STEP_COLUMN: usize = 26;

/// The column of the kinds: `branch` is the longest.
const KIND_WIDTH: usize = 8;

/// So much is kept of the end of a word that is too long for a line, such as a token: what closes it belongs to
/// what stands around it.
const WORD_END: usize = 8;

/// The whole preview; only the mails of one template, if one is named.
pub(super) fn text(shown: &Shown, part: Part, only: Option<&TemplateName>, sheet: Sheet) -> String {
    let mut page = Page { out: String::new(), sheet };
    if only.is_none() {
        page.head(shown);
    }
    for lead in &shown.leads {
        page.lead(lead, only.is_none());
        let mails: Vec<&MailPreview> =
            lead.mails.iter().filter(|mail| only.is_none_or(|only| &mail.template == only)).collect();
        for (number, mail) in (1_usize..).zip(&mails) {
            page.mail(mail, number, mails.len(), part);
        }
    }
    if part == Part::Text {
        page.blank();
        page.faint("--part html or both shows the HTML, --format json everything as it is sent.");
    }
    page.out
}

struct Page {
    out: String,
    sheet: Sheet,
}

impl Page {
    // --- Type --------------------------------------------------------------------------------

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn blank(&mut self) {
        self.out.push('\n');
    }

    fn bold(&mut self, text: &str) {
        let styled = self.styled("1", text);
        self.line(&styled);
    }

    fn faint(&mut self, text: &str) {
        let styled = self.styled("2", text);
        self.line(&styled);
    }

    fn styled(&self, code: &str, text: &str) -> String {
        match self.sheet.look {
            Look::Styled => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Look::Plain => text.to_owned(),
        }
    }

    /// `══ text ═════`.
    fn ruled(&self, rule: char, text: &str) -> String {
        let mut line = format!("{rule}{rule} {text} ");
        let left = self.sheet.width.saturating_sub(line.chars().count());
        line.extend(std::iter::repeat_n(rule, left));
        line
    }

    fn paragraph(&mut self, text: &str) {
        for line in wrap(text, self.sheet.width) {
            self.line(&line);
        }
    }

    /// `label`, and a text beside it that goes on below itself.
    fn pair(&mut self, label: &str, width: usize, text: &str) {
        let mut label = format!("{label:<width$}");
        for part in wrap(text, self.sheet.width - width) {
            self.line(&format!("{label}{part}"));
            label = " ".repeat(width);
        }
    }

    // --- The program -------------------------------------------------------------------------

    fn head(&mut self, shown: &Shown) {
        let summary = &shown.summary;
        self.bold(&format!("{} ({})", summary.title, summary.name));
        if let Some(purpose) = &shown.purpose {
            self.paragraph(purpose);
        }
        self.blank();
        let mails = if summary.mails == 1 { "mail" } else { "mails" };
        self.pair("  steps", 11, &format!("{}, with {} {mails}", summary.steps, summary.mails));
        for fact in &summary.facts {
            self.pair(&format!("  {}", fact.name), 11, &fact.text);
        }
    }

    fn lead(&mut self, lead: &Preview, with_calendar: bool) {
        self.blank();
        self.blank();
        self.bold(&self.ruled('═', &lead.lead));
        if with_calendar {
            self.calendar(lead);
        }
    }

    // --- The calendar ------------------------------------------------------------------------

    fn calendar(&mut self, lead: &Preview) {
        let start = lead.start.strftime("%a %-d %b %Y, %H:%M");
        self.blank();
        self.line(&format!("Enters the program on {start}, {} time.", lead.zone));
        self.blank();
        let steps = lead.calendar.iter().filter_map(|entry| entry.step.as_ref());
        let width = steps.map(|step| step.as_str().len()).filter(|length| *length <= STEP_WIDTH_MAX).max();
        let step_width = width.unwrap_or(0).max(STEP_WIDTH_MIN);
        let mut columns = Columns { width: self.sheet.width, step_width, last: None };
        let head = columns.row("day", "date", "time", "step", "", "what happens");
        self.faint(&head);
        for entry in &lead.calendar {
            self.entry(entry, &mut columns);
        }
        self.end(lead, &mut columns);
        if !lead.not_reached.is_empty() {
            self.blank();
            let steps: Vec<&str> = lead.not_reached.iter().map(StepId::as_str).collect();
            let text = format!("Not on this lead's way: {}.", steps.join(", "));
            self.paragraph(&text);
        }
    }

    fn entry(&mut self, entry: &Entry, columns: &mut Columns) {
        let text = match entry.outcome {
            Outcome::Touch | Outcome::Quiet => entry.text.clone(),
            Outcome::Skipped => format!("skipped: {}", entry.text),
            Outcome::Failed => format!("FAILS: {}", entry.text),
        };
        let step = entry.step.as_ref().map_or("", StepId::as_str);
        let is_faint = entry.outcome == Outcome::Quiet || entry.outcome == Outcome::Skipped;
        let lines = columns.lines(&entry.at, entry.day, step, entry.kind, &text, &entry.waited);
        for line in lines {
            if is_faint { self.faint(&line) } else { self.line(&line) }
        }
    }

    fn end(&mut self, lead: &Preview, columns: &mut Columns) {
        match &lead.end {
            End::Left { at, day, text, then, .. } => {
                let then = then.as_ref().map_or_else(|| "only listened to".to_owned(), ToString::to_string);
                let lines = columns.lines(at, *day, "", "ends", &format!("{text} → {then}"), &[]);
                for line in lines {
                    self.line(&line);
                }
            }
            End::GoesOn => self.line(&format!("{:STEP_COLUMN$}… and so on", "")),
        }
    }

    // --- The mails ---------------------------------------------------------------------------

    fn mail(&mut self, mail: &MailPreview, number: usize, count: usize, part: Part) {
        let when = sent_at(mail.at.as_ref());
        let what = match mail.kind {
            MailKind::Mail => "mail",
            MailKind::Draft => "draft",
        };
        self.blank();
        self.bold(&self.ruled('─', &format!("{what} {number} of {count}: {}, {when}", mail.template)));
        for AlsoSent { step, at, asks } in &mail.also {
            let asked = asks.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", ");
            let asked = if asked.is_empty() { asked } else { format!(", asks {asked}") };
            self.pair("  also", 10, &format!("{step}: {}{asked}", sent_at(at.as_ref())));
        }
        self.blank();
        match &mail.letter {
            Letter::Unwritable { error } => {
                self.paragraph(&format!("It cannot be written for this lead: {error}"));
            }
            Letter::Written { headers, text, html, .. } => {
                for Header { name, value } in headers {
                    let width = header_width(name);
                    self.pair(&format!("{name}:"), width, &elided(value, self.sheet.width - width));
                }
                if part != Part::Html || html.is_none() {
                    self.blank();
                    for line in text.lines() {
                        self.line(&format!("  {}", elided(line, self.sheet.width - 2)));
                    }
                }
                if let Some(html) = html.as_ref().filter(|_| part != Part::Text) {
                    self.blank();
                    self.out.push_str(html);
                }
            }
        }
    }
}

/// When a mail goes out.
fn sent_at(at: Option<&Zoned>) -> String {
    at.map_or_else(|| "not sent to this lead".to_owned(), |at| at.strftime("%a %-d %b %Y, %H:%M").to_string())
}

/// The columns of a calendar: what is as in the line above is not said again.
struct Columns {
    width: usize,
    step_width: usize,
    last: Option<Zoned>,
}

impl Columns {
    fn row(&self, day: &str, date: &str, time: &str, step: &str, kind: &str, text: &str) -> String {
        let width = self.step_width;
        format!("{day:>4}  {date:<10}  {time:<5}   {step:<width$}  {kind:<KIND_WIDTH$}{text}")
    }

    fn text_column(&self) -> usize {
        STEP_COLUMN + self.step_width + 2 + KIND_WIDTH
    }

    fn lines(&mut self, at: &Zoned, day: i32, step: &str, kind: &str, text: &str, waited: &[&str]) -> Vec<String> {
        let last = self.last.replace(at.clone());
        let is_same_day = last.as_ref().is_some_and(|last| last.date() == at.date());
        let is_same_minute = last.as_ref().is_some_and(|last| last.datetime() == at.datetime());
        let is_new_year = last.is_some_and(|last| last.year() != at.year());
        let shown = |is_known: bool, text: String| if is_known { String::new() } else { text };
        let day = shown(is_same_day, day.to_string());
        let date = shown(is_same_day, at.strftime("%a %e %b").to_string());
        let time = shown(is_same_minute, at.strftime("%H:%M").to_string());

        let width = self.width - self.text_column();
        let mut texts = wrap(text, width);
        texts.extend(waited.iter().flat_map(|waited| wrap(&format!("({waited})"), width)));
        let mut lines: Vec<String> = is_new_year.then(|| format!("      {}", at.year())).into_iter().collect();
        let is_long = step.len() > self.step_width;
        if is_long {
            lines.push(self.row(&day, &date, &time, step, "", ""));
        }
        for (number, text) in texts.iter().enumerate() {
            lines.push(match (number, is_long) {
                (0, false) => self.row(&day, &date, &time, step, kind, text),
                (0, true) => self.row("", "", "", "", kind, text),
                _ => self.row("", "", "", "", "", text),
            });
        }
        lines
    }
}

/// Short names stand in a column, a long one has its value close behind.
fn header_width(name: &str) -> usize {
    if name.len() < 9 { 10 } else { name.len() + 2 }
}

/// A text with the words cut short that are longer than a line.
fn elided(text: &str, width: usize) -> String {
    let words = text.trim_start_matches(' ');
    let indent = text.len() - words.len();
    let words: Vec<String> = words.split(' ').map(|word| elided_word(word, width.saturating_sub(indent))).collect();
    format!("{:indent$}{}", "", words.join(" "))
}

fn elided_word(word: &str, width: usize) -> String {
    let length = word.chars().count();
    if length <= width {
        return word.to_owned();
    }
    let start: String = word.chars().take(width.saturating_sub(WORD_END + 1)).collect();
    let end: String = word.chars().skip(length - WORD_END).collect();
    format!("{start}…{end}")
}

/// A text in lines of at most `width` characters; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}
