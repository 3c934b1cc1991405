//! What mails say: the templates of every touch, and their rendering for one lead.
//!
//! **Invariant:** a value that comes from a person is text and nothing else. It is escaped for
//! Markdown before Markdown is read, and for HTML after; no value can make a tag, a link, a line of a
//! header or a piece of template (TRUST.md H29–H31).

mod links;
mod markdown;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Output, State, Template, UndefinedBehavior, filters, tests as jinja_tests};

use crate::catalog::{Catalog, Choice, Organisation, Sender};
use crate::ids::{FieldName, Language, ProgramName, TemplateName};
use crate::program::ProgramVersion;

pub(crate) use links::{BLOCK, TAGS, blotted, tags};
pub(crate) use markdown::{Finding, inspect, leads_somewhere};

/// The most template instructions one mail may take. A long mail takes about two hundred.
pub const TEMPLATE_FUEL: u64 = 20_000;

/// The longest mail, in bytes of Markdown. Mail clients cut off an HTML body of about 100 KB.
pub const BODY_LENGTH_MAX: usize = 64 * 1024;

/// The longest subject, in characters; what is over is cut off. Readers see about sixty.
pub const SUBJECT_LENGTH_MAX: usize = 150;

/// About how much the layout and the footer add to a letter, in bytes.
const FRAME_LENGTH: usize = 2048;

/// "-- " on a line of its own starts a signature, which replies leave out.
const SIGNATURE: &str = "\n-- \n";

/// Where the footer starts.
const FOOTER_HTML: &str = "<p style=\"margin:2em 0 0;font-size:13px;color:#767676\">";

/// The templates of a catalog. Cheap to clone.
///
/// They are kept as text and compiled when a mail is rendered, which takes some microseconds: a compiled one takes
/// ten times the memory and more, and there is one for each mail of each version.
#[derive(Debug, Clone)]
pub struct Content {
    environment: Arc<Environment<'static>>,
    touches: Arc<BTreeMap<MailId, Touch>>,
}

/// Which mail: a file of one version of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailId {
    /// The program.
    pub program: ProgramName,
    /// Its version.
    pub version: ProgramVersion,
    /// The file: `touches/<template>.md`.
    pub template: TemplateName,
    /// The variant: `touches/<template>.<language>.md`. `None` is the file without a language in its name.
    pub language: Option<Language>,
}

impl MailId {
    /// What its file is called, without the ending: `response`, or `response.pt-br`.
    pub fn file_stem(&self) -> String {
        let language = self.language.as_ref().map(|language| format!(".{language}")).unwrap_or_default();
        format!("{}{language}", self.template)
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}", self.program, self.version.0, self.file_stem())
    }
}

/// What one mail is filled with.
pub struct Merge<'a> {
    /// What is known of the lead. Personal. A field that is absent or blank takes the template's default.
    pub fields: &'a BTreeMap<FieldName, String>,
    /// Who writes.
    pub sender: &'a Sender,
    /// On whose behalf, for the footer.
    pub organisation: &'a Organisation,
    /// The page of this lead's unsubscribe link.
    pub unsubscribe_url: &'a str,
    /// The page on which this lead confirms that it wants mail, for the mail that asks.
    pub confirm_url: &'a str,
    /// The page on which this lead says what it wants to get; absent where it may not know us.
    pub preferences_url: Option<&'a str>,
    /// What the mail asks for; empty where it asks for nothing.
    pub questions: &'a [Question<'a>],
    /// Whose choices may stand in a mail.
    pub catalog: &'a Catalog,
    /// The language of the mail.
    pub language: Option<&'a Language>,
    /// Where answers are given.
    pub links: &'a dyn AnswerLinks,
}

/// Something that a mail asks for.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The field.
    pub field: &'a FieldName,
    /// The question, in the catalog's words.
    pub text: &'a str,
    /// What may be answered; empty where anything may be.
    pub choices: Vec<Choice<'a>>,
}

/// Where a lead answers what a mail asks.
pub trait AnswerLinks {
    /// The page that asks what the mail asks.
    fn page(&self) -> String;

    /// The page that asks for one field.
    fn question(&self, field: &FieldName) -> String;

    /// The page on which one choice is confirmed by a press.
    fn choice(&self, field: &FieldName, choice: &str) -> String;
}

/// Where the links of a mail lead instead, so that it is known who follows them.
pub struct Detours<'a> {
    /// The detour of a link, by its number.
    pub link: &'a dyn Fn(u16) -> String,
    /// A link that no reader sees: whoever follows it is a machine.
    pub trap: &'a str,
    /// A picture that tells that the mail was shown.
    pub pixel: Option<&'a str>,
}

/// A mail, ready to be sent. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line without control characters.
    pub subject: String,
    /// The plain text part, wrapped, with its footer.
    pub text: String,
    /// The HTML part, with its footer.
    pub html: String,
}

impl Rendered {
    /// The plain text without its footer: what somebody sends by hand.
    pub fn without_footer(&self) -> &str {
        self.text.split_once(SIGNATURE).map_or(self.text.as_str(), |(letter, _)| letter)
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rendered(..)")
    }
}

/// A letter to somebody of ours: nothing in it is followed, and nobody unsubscribes from it.
///
/// Both texts are Markdown as mails have it; a value that comes from a person has gone through [`literal`]. They say the
/// same, but for links that are only pressed, which have no place in a plain text.
pub fn letter(subject: &str, text_markdown: &str, html_markdown: &str, footer: &str) -> Rendered {
    let subject = one_line(subject);
    let mut text = String::with_capacity(text_markdown.len() + FRAME_LENGTH);
    let mut html = String::with_capacity(html_markdown.len() * 2 + FRAME_LENGTH);
    let mut unread = String::new();
    markdown::compose(text_markdown, None, &mut text, &mut unread);
    unread.clear();
    open_html(&subject, None, &mut html);
    markdown::compose(html_markdown, None, &mut unread, &mut html);
    text.push_str(SIGNATURE);
    html.push_str(FOOTER_HTML);
    for (index, line) in footer.lines().enumerate() {
        markdown::push_line(line, &mut text);
        if index > 0 {
            html.push_str("<br>\n");
        }
        markdown::push_escaped(line, &mut html);
    }
    html.push_str("</p>\n</div>\n</body>\n</html>\n");
    Rendered { subject, text, html }
}

/// Why a mail cannot be rendered. Definitive: nothing was sent, and a retry would not help (TRUST.md §2.2).
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// There is no such mail.
    #[error("there is no mail {0}")]
    Missing(MailId),
    /// The template failed: an undefined field without a default, an unknown filter, no fuel left.
    #[error("the template {template} failed")]
    Template {
        /// Program, step and part.
        template: String,
        /// The place and the cause; it names no value.
        source: minijinja::Error,
    },
    /// The mail is longer than [`BODY_LENGTH_MAX`].
    #[error("the template {template} gave more than {BODY_LENGTH_MAX} bytes")]
    TooLong {
        /// Program, step and part.
        template: String,
    },
    /// Nothing is left of the subject.
    #[error("the template {template} gave an empty subject")]
    EmptySubject {
        /// Program, step and part.
        template: String,
    },
}

/// The two templates of a touch, which compile, and what they use.
#[derive(Debug)]
struct Touch {
    subject: Box<str>,
    body: Box<str>,
    uses: Vec<Variable>,
}

/// The two templates of a touch, compiled.
pub(crate) struct Compiled<'c> {
    mail: &'c MailId,
    uses: &'c [Variable],
    subject: Template<'c, 'c>,
    body: Template<'c, 'c>,
}

/// Something a template may use.
#[derive(Debug)]
enum Variable {
    Field(FieldName),
    Fact(FieldName),
    SenderName,
    OrganisationName,
    UnsubscribeUrl,
    ConfirmUrl,
    Questions,
    Answers,
    AnswerUrl,
    Choices(FieldName),
    QuestionUrl(FieldName),
}

/// What the mail that asks people to confirm calls its link.
pub(crate) const CONFIRM_URL: &str = "confirm_url";

/// The words that templates use for what is not a field of the lead.
pub(crate) const RESERVED_FIELDS: [&str; 10] = [
    "sender",
    "organisation",
    "facts",
    "unsubscribe_url",
    CONFIRM_URL,
    "questions",
    "answers",
    "answer_url",
    "choices",
    "question_url",
];

impl Variable {
    fn parse(path: &str) -> Option<Self> {
        match path {
            "sender.name" => Some(Self::SenderName),
            "organisation.name" => Some(Self::OrganisationName),
            "unsubscribe_url" => Some(Self::UnsubscribeUrl),
            CONFIRM_URL => Some(Self::ConfirmUrl),
            "questions" => Some(Self::Questions),
            "answers" => Some(Self::Answers),
            "answer_url" => Some(Self::AnswerUrl),
            _ => match path.split_once('.') {
                Some(("facts", fact)) => FieldName::parse(fact).ok().map(Self::Fact),
                Some(("choices", field)) => FieldName::parse(field).ok().map(Self::Choices),
                Some(("question_url", field)) => FieldName::parse(field).ok().map(Self::QuestionUrl),
                Some(_) => None,
                None => FieldName::parse(path).ok().map(Self::Field),
            },
        }
    }
}

impl Content {
    /// The fields of the lead that a mail uses.
    pub(crate) fn fields(&self, mail: &MailId) -> impl Iterator<Item = &FieldName> {
        let uses = self.touches.get(mail).map(|touch| touch.uses.as_slice()).unwrap_or_default();
        uses.iter().filter_map(|variable| match variable {
            Variable::Field(field) => Some(field),
            Variable::Fact(_)
            | Variable::SenderName
            | Variable::OrganisationName
            | Variable::UnsubscribeUrl
            | Variable::ConfirmUrl
            | Variable::Questions
            | Variable::Answers
            | Variable::AnswerUrl
            | Variable::Choices(_)
            | Variable::QuestionUrl(_) => None,
        })
    }

    /// A mail in the language that somebody reads, where there is such a variant: `pt-br`, else `pt`, else as it is.
    pub fn in_language<'m>(&self, mail: &'m MailId, language: Option<&Language>) -> Cow<'m, MailId> {
        let Some(language) = language else { return Cow::Borrowed(mail) };
        let mut variants =
            language.and_wider().into_iter().map(|language| MailId { language: Some(language), ..mail.clone() });
        variants.find(|variant| self.touches.contains_key(variant)).map_or(Cow::Borrowed(mail), Cow::Owned)
    }

    /// Renders a mail for one lead. Its links lead straight to where they say.
    pub fn render(&self, mail: &MailId, merge: &Merge<'_>) -> Result<Rendered, RenderError> {
        let touch = self.touch(mail)?;
        self.render_body(mail, touch, &touch.body, merge, None)
    }

    /// Renders a mail for one lead, with detours: so that it is known who follows its links.
    pub fn render_followed(
        &self,
        mail: &MailId,
        merge: &Merge<'_>,
        detours: &Detours<'_>,
    ) -> Result<Rendered, RenderError> {
        let touch = self.touch(mail)?;
        self.render_body(mail, touch, &links::numbered(&touch.body), merge, Some(detours))
    }

    fn render_body(
        &self,
        mail: &MailId,
        touch: &Touch,
        body: &str,
        merge: &Merge<'_>,
        detours: Option<&Detours<'_>>,
    ) -> Result<Rendered, RenderError> {
        let compiled = self.compile(mail, touch, body).map_err(|(_, error)| error)?;
        let context = context(compiled.uses, merge);
        let subject = compiled.subject(context.clone())?;
        let markdown = compiled.body(context)?;
        let mut text = String::with_capacity(markdown.len() + FRAME_LENGTH);
        let mut html = String::with_capacity(markdown.len() * 2 + FRAME_LENGTH);
        open_html(&subject, mail.language.as_ref(), &mut html);
        markdown::compose(&markdown, detours, &mut text, &mut html);
        close_text(merge, &mut text);
        close_html(merge, detours, &mut html);
        Ok(Rendered { subject, text, html })
    }

    /// The subject of a mail, and nothing else of it.
    pub fn subject(&self, mail: &MailId, merge: &Merge<'_>) -> Result<String, RenderError> {
        let touch = self.touch(mail)?;
        let compiled = self.compile(mail, touch, &touch.body).map_err(|(_, error)| error)?;
        compiled.subject(context(compiled.uses, merge))
    }

    /// How many links of a mail can be followed by number.
    pub fn links(&self, mail: &MailId) -> Option<u16> {
        u16::try_from(links::of_template(&self.touches.get(mail)?.body).len()).ok()
    }

    /// Where a link of a mail leads. `None` where there is no such mail or link, or it leads to no page.
    pub fn link(&self, mail: &MailId, number: u16, facts: &BTreeMap<FieldName, String>) -> Option<String> {
        address_of(&self.environment, &self.touches.get(mail)?.body, number, facts)
    }

    fn touch(&self, mail: &MailId) -> Result<&Touch, RenderError> {
        self.touches.get(mail).ok_or_else(|| RenderError::Missing(mail.clone()))
    }

    /// A mail, ready to be rendered; the part that does not compile, which one that was added always does.
    pub(crate) fn compiled<'c>(&'c self, mail: &'c MailId) -> Result<Compiled<'c>, (Part, RenderError)> {
        let touch = self.touch(mail).map_err(|error| (Part::Body, error))?;
        self.compile(mail, touch, &touch.body)
    }

    fn compile<'c>(
        &'c self,
        mail: &'c MailId,
        touch: &'c Touch,
        body: &'c str,
    ) -> Result<Compiled<'c>, (Part, RenderError)> {
        // A template of this environment lives no longer than what it was compiled from.
        let environment: &'c Environment<'c> = &self.environment;
        let compile = |part: Part, source: &'c str| {
            let failed = |source| (part, RenderError::Template { template: part.of(mail), source });
            environment.template_from_named_str(part.name(), source).map_err(failed)
        };
        let subject = compile(Part::Subject, &touch.subject)?;
        let body = compile(Part::Body, body)?;
        Ok(Compiled { mail, uses: &touch.uses, subject, body })
    }
}

impl Compiled<'_> {
    /// The Markdown of a mail, before it is read, or the part that fails. For the trial at load.
    pub(crate) fn markdown(&self, merge: &Merge<'_>) -> Result<String, (Part, RenderError)> {
        let context = context(self.uses, merge);
        self.subject(context.clone()).map_err(|error| (Part::Subject, error))?;
        self.body(context).map_err(|error| (Part::Body, error))
    }

    fn subject(&self, context: Value) -> Result<String, RenderError> {
        let subject = one_line(&self.fill(Part::Subject, context)?);
        if subject.is_empty() {
            return Err(RenderError::EmptySubject { template: Part::Subject.of(self.mail) });
        }
        Ok(subject)
    }

    fn body(&self, context: Value) -> Result<String, RenderError> {
        self.fill(Part::Body, context)
    }

    fn fill(&self, part: Part, context: Value) -> Result<String, RenderError> {
        let template = match part {
            Part::Subject => &self.subject,
            Part::Body => &self.body,
        };
        let mut out = Capped(Vec::with_capacity(FRAME_LENGTH));
        let filled = template.render_captured_to(context, &mut out).map(drop);
        if out.0.len() > BODY_LENGTH_MAX {
            return Err(RenderError::TooLong { template: part.of(self.mail) });
        }
        filled.map_err(|source| RenderError::Template { template: part.of(self.mail), source })?;
        Ok(String::from_utf8(out.0).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// A writer that stops taking bytes soon after [`BODY_LENGTH_MAX`].
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        if self.0.len() > BODY_LENGTH_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Only what the template uses is built.
fn context(uses: &[Variable], merge: &Merge<'_>) -> Value {
    let mut facts = Vec::new();
    let mut choices = Vec::new();
    let mut question_urls = Vec::new();
    let mut values = Vec::new();
    for variable in uses {
        match variable {
            Variable::Field(name) => {
                // A blank answer is no answer: the template's default stands in.
                if let Some(value) = merge.fields.get(name).filter(|value| !value.trim().is_empty()) {
                    values.push((name.as_str(), Value::from(value.as_str())));
                }
            }
            Variable::Fact(name) => {
                if let Some(fact) = merge.organisation.facts.get(name) {
                    facts.push((name.as_str(), Value::from(fact.as_str())));
                }
            }
            Variable::SenderName => values.push(("sender", Value::from_pairs([("name", merge.sender.name.as_str())]))),
            Variable::OrganisationName => {
                values.push(("organisation", Value::from_pairs([("name", merge.organisation.name.as_str())])));
            }
            Variable::UnsubscribeUrl => values.push(("unsubscribe_url", Value::from(merge.unsubscribe_url))),
            Variable::ConfirmUrl => values.push((CONFIRM_URL, Value::from(merge.confirm_url))),
            Variable::Questions | Variable::Answers if merge.questions.is_empty() => {}
            // Lists of ours, made of words that are escaped already.
            Variable::Questions => values.push(("questions", Value::from_safe_string(list(merge.questions)))),
            Variable::Answers => {
                values.push(("answers", Value::from_safe_string(answerable(merge.questions, merge.links))));
            }
            Variable::AnswerUrl => values.push(("answer_url", Value::from(merge.links.page()))),
            Variable::QuestionUrl(name) => question_urls.push((name.as_str(), Value::from(merge.links.question(name)))),
            Variable::Choices(name) => {
                let list = choice_list(name, &merge.catalog.choices_in(name, merge.language), merge.links, "");
                choices.push((name.as_str(), Value::from_safe_string(list)));
            }
        }
    }
    if !facts.is_empty() {
        values.push(("facts", Value::from_pairs(facts)));
    }
    if !choices.is_empty() {
        values.push(("choices", Value::from_pairs(choices)));
    }
    if !question_urls.is_empty() {
        values.push(("question_url", Value::from_pairs(question_urls)));
    }
    Value::from_pairs(values)
}

/// Questions, a line each.
fn list(questions: &[Question<'_>]) -> String {
    let lines: Vec<String> = questions.iter().map(|question| format!("- {}", literal(question.text))).collect();
    lines.join("\n")
}

/// Questions, each with the answers that take one press.
fn answerable(questions: &[Question<'_>], links: &dyn AnswerLinks) -> String {
    let items = questions.iter().map(|question| {
        let line = format!("- {}", literal(question.text));
        let choices = choice_list(question.field, &question.choices, links, "  ");
        if choices.is_empty() { line } else { format!("{line}\n{choices}") }
    });
    items.collect::<Vec<_>>().join("\n")
}

/// The choices of a field, a link each.
fn choice_list(field: &FieldName, choices: &[Choice<'_>], links: &dyn AnswerLinks, indent: &str) -> String {
    let items = choices.iter().map(|choice| {
        // The link is ours: a token has nothing in it that Markdown reads.
        format!("{indent}- [{}]({})", literal(choice.shown), links.choice(field, choice.kept))
    });
    items.collect::<Vec<_>>().join("\n")
}

/// Whether a character could change how its neighbours are read: controls, line and paragraph
/// separators, and the marks that reverse text.
pub(crate) fn is_unsafe(c: char) -> bool {
    match c {
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' => true,
        _ => c.is_control(),
    }
}

/// Collapses white space and drops what has no place in a header.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || is_unsafe(c)).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(SUBJECT_LENGTH_MAX) {
        Some((end, _)) => line.get(..end).unwrap_or_default().trim_end().to_owned(),
        None => line,
    }
}

/// Punctuation that means nothing to Markdown, wherever it stands.
const INERT: [char; 8] = [',', ';', ':', '/', '%', '@', '?', '$'];

/// A value so that Markdown reads it as the literal text it is, on one line.
pub fn literal(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() * 2);
    let mut plain_from = 0;
    for (at, c) in value.char_indices() {
        if c.is_ascii_alphanumeric() || INERT.contains(&c) {
            continue;
        }
        let is_gap = c.is_whitespace() || is_unsafe(c);
        if is_gap || c.is_ascii_punctuation() {
            literal.push_str(value.get(plain_from..at).unwrap_or_default());
            plain_from = at;
        }
        if is_gap {
            plain_from += c.len_utf8();
            if !literal.is_empty() && !literal.ends_with(' ') {
                literal.push(' ');
            }
        } else if c.is_ascii_punctuation() {
            // CommonMark: any ASCII punctuation may be escaped by a backslash.
            literal.push('\\');
        }
    }
    literal.push_str(value.get(plain_from..).unwrap_or_default());
    literal.truncate(literal.trim_end_matches(' ').len());
    literal
}

fn format_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let in_body = !matches!(state.auto_escape(), AutoEscape::None);
    // The one thing marked safe is a block of this very template that was captured: it is Markdown already.
    let written = match value.as_str() {
        Some(text) if in_body && !value.is_safe() => out.write_str(&literal(text)),
        Some(text) => out.write_str(text),
        None if value.is_undefined() => Ok(()),
        None if in_body => out.write_str(&literal(&value.to_string())),
        None => write!(out, "{value}"),
    };
    written.map_err(minijinja::Error::from)
}

fn close_text(merge: &Merge<'_>, text: &mut String) {
    let Organisation { name, postal_address, reason, unsubscribe_label, preferences_label, .. } = merge.organisation;
    text.push_str(SIGNATURE);
    markdown::push_line(reason, text);
    markdown::push_line(&format!("{name}, {postal_address}"), text);
    if let Some(url) = merge.preferences_url {
        markdown::push_line(&format!("{preferences_label}: {url}"), text);
    }
    markdown::push_line(&format!("{unsubscribe_label}: {}", merge.unsubscribe_url), text);
}

/// A letter, not a brochure: the reader's own fonts and colours, one column, no images.
///
/// Nothing sets a background, so that dark mode works; the footer's grey reads on white and on black.
fn open_html(subject: &str, language: Option<&Language>, html: &mut String) {
    html.push_str("<!doctype html>\n<html");
    if let Some(language) = language {
        html.push_str(" lang=\"");
        html.push_str(language.as_str());
        html.push('"');
    }
    html.push_str(concat!(
        ">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
    ));
    markdown::push_escaped(subject, html);
    html.push_str(concat!(
        "</title>\n</head>\n<body style=\"margin:0;padding:16px\">\n",
        "<div style=\"max-width:600px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">\n",
    ));
}

fn close_html(merge: &Merge<'_>, detours: Option<&Detours<'_>>, html: &mut String) {
    let Organisation { name, postal_address, reason, unsubscribe_label, preferences_label, .. } = merge.organisation;
    html.push_str(FOOTER_HTML);
    markdown::push_escaped(reason, html);
    html.push_str("<br>\n");
    markdown::push_escaped(name, html);
    html.push_str(", ");
    markdown::push_escaped(postal_address, html);
    html.push_str("<br>\n");
    if let Some(url) = merge.preferences_url {
        push_footer_link(preferences_label, url, html);
        html.push_str(" &middot; ");
    }
    push_footer_link(unsubscribe_label, merge.unsubscribe_url, html);
    html.push_str("</p>\n");
    if let Some(detours) = detours {
        push_watch(detours, html);
    }
    html.push_str("</div>\n</body>\n</html>\n");
}

fn push_footer_link(label: &str, url: &str, html: &mut String) {
    html.push_str("<a href=\"");
    markdown::push_url(url, html);
    html.push_str("\" style=\"color:#767676\">");
    markdown::push_escaped(label, html);
    html.push_str("</a>");
}

/// What no reader sees: no pointer, key or voice leads to the trap.
fn push_watch(detours: &Detours<'_>, html: &mut String) {
    html.push_str("<a href=\"");
    markdown::push_url(detours.trap, html);
    html.push_str("\" style=\"display:none\" tabindex=\"-1\" aria-hidden=\"true\"></a>\n");
    if let Some(pixel) = detours.pixel {
        html.push_str("<img src=\"");
        markdown::push_url(pixel, html);
        html.push_str("\" width=\"1\" height=\"1\" alt=\"\">\n");
    }
}

/// Where a link of a template leads, by the template's text.
pub(crate) fn link_of(body: &str, number: u16, facts: &BTreeMap<FieldName, String>) -> Option<String> {
    address_of(&environment(), body, number, facts)
}

fn address_of(
    environment: &Environment<'_>,
    body: &str,
    number: u16,
    facts: &BTreeMap<FieldName, String>,
) -> Option<String> {
    let link = links::of_template(body).into_iter().nth(usize::from(number))?;
    let template = environment.template_from_named_str("link", body.get(link.address)?).ok()?;
    let facts = facts.iter().map(|(name, fact)| (name.as_str(), Value::from(fact.as_str())));
    let address = template.render(Value::from_pairs([("facts", Value::from_pairs(facts))])).ok()?;
    let address = address.trim();
    links::is_page(address).then(|| markdown::one_address(address))
}

/// Which of a touch's two templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Subject,
    Body,
}

impl Part {
    /// What the template engine calls it; the name decides how values are escaped.
    const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Body => "body.md",
        }
    }

    /// What errors call it.
    fn of(self, mail: &MailId) -> String {
        match self {
            Self::Subject => format!("{mail} subject"),
            Self::Body => format!("{mail}{BODY_SUFFIX}"),
        }
    }
}

/// Empty: no functions, no `safe`, nothing that a mail has no use for.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.add_filter("default", filters::default);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_test("defined", jinja_tests::is_defined);
    environment.add_test("undefined", jinja_tests::is_undefined);
    // Strict, but `{% if company %}` may ask.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(BODY_SUFFIX) { AutoEscape::Custom("markdown".into()) } else { AutoEscape::None }
    });
    environment.set_formatter(format_value);
    environment.set_fuel(Some(TEMPLATE_FUEL));
    // A line that holds only `{% if … %}` leaves no blank line behind.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment
}

/// Compiles templates, one touch after the other.
pub(crate) struct ContentBuilder {
    environment: Environment<'static>,
    touches: BTreeMap<MailId, Touch>,
}

const BODY_SUFFIX: &str = ".md";

impl ContentBuilder {
    pub(crate) fn new() -> Self {
        Self { environment: environment(), touches: BTreeMap::new() }
    }

    /// Compiles a touch; answers the variables that each part uses, as the templates spell them.
    pub(crate) fn add(
        &mut self,
        mail: &MailId,
        subject: &str,
        body: &str,
    ) -> Result<Vec<(Part, String)>, (Part, minijinja::Error)> {
        let mut paths = self.compile(Part::Subject, subject)?;
        paths.append(&mut self.compile(Part::Body, body)?);
        let distinct: BTreeSet<&str> = paths.iter().map(|(_, path)| path.as_str()).collect();
        let uses = distinct.into_iter().filter_map(Variable::parse).collect();
        self.touches.insert(mail.clone(), Touch { subject: subject.into(), body: body.into(), uses });
        Ok(paths)
    }

    fn compile(&self, part: Part, source: &str) -> Result<Vec<(Part, String)>, (Part, minijinja::Error)> {
        let compiled = self.environment.template_from_named_str(part.name(), source).map_err(|error| (part, error))?;
        // A `BTreeSet`, because the set that comes back has no order of its own.
        let paths: BTreeSet<String> = compiled.undeclared_variables(true).into_iter().collect();
        Ok(paths.into_iter().map(|path| (part, path)).collect())
    }

    pub(crate) fn finish(self) -> Content {
        Content { environment: Arc::new(self.environment), touches: Arc::new(self.touches) }
    }
}

#[cfg(test)]
mod tests;
