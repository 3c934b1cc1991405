//! `touches/<template>.md`: the front matter and the templates of a mail.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::ErrorKind;

use crate::catalog::Catalog;
use crate::content::{
    AnswerLinks, BLOCK, BODY_LENGTH_MAX, Compiled, ContentBuilder, Finding, MailId, Merge, Part, Question, RenderError,
    TAGS, blotted, inspect, is_unsafe, leads_somewhere, link_of, tags,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::ids::{FieldName, TemplateName};
use crate::loader::known::Known;
use crate::loader::report::{Report, Text};
use crate::loader::section::Section;
use crate::loader::{Folder, SourceFile, graph, shape};
use crate::program::{Action, Program, Voice};

/// The line before and after the front matter.
const FENCE: &str = "+++";

const FRONT_MATTER_REMEDY: &str =
    "start the file with `+++`, `subject = \"…\"`, `from = \"rep\"`, `+++`, each on its own line; the mail follows";

/// What each field holds when a mail is rendered on trial.
const PROBE: &str = "probevalue";

/// What an `ask` mail asks when it is rendered on trial.
const PROBE_QUESTIONS: [&str; 2] = ["probequestion one", "probequestion two"];

/// What templates call the questions of an `ask` mail, bare and with the answers that take one press.
const QUESTIONS: [&str; 2] = ["questions", "answers"];

/// What a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is sent, or offered as a draft.
    Mail,
    /// It asks for fields.
    Ask,
}

/// A mail that was read.
pub(super) struct Touch {
    pub(super) voice: Voice,
    pub(super) purpose: Purpose,
}

/// Reads a touch file and compiles its templates.
pub(super) fn read(
    mail: &MailId,
    source: &SourceFile,
    purpose: Purpose,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Option<Touch> {
    let mut report = Report::new(source);
    let voice = read_file(&mut report, mail, purpose, known, builder);
    found.append(&mut report.into_found());
    Some(Touch { voice: voice?, purpose })
}

fn read_file(
    report: &mut Report<'_>,
    mail: &MailId,
    purpose: Purpose,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
) -> Option<Voice> {
    let Some(parts) = Parts::split(report.readable()?) else {
        report.error(Code::FrontMatter, 0..0, "the file does not start with a front matter", FRONT_MATTER_REMEDY);
        return None;
    };
    if parts.body.trim().is_empty() {
        report.error(
            Code::EmptyText,
            parts.body_offset..parts.body_offset + parts.body.len(),
            "the mail has no text",
            "write it below the front matter",
        );
    }
    let table = report.parse_toml(parts.front, parts.front_offset)?;
    let mut head = Section::root("the front matter", &shape::FRONT_MATTER, &table, parts.front_offset);
    let subject = head.text(report, "subject");
    let voice = head.word(report, "from", &[("rep", Voice::Rep), ("team", Voice::Team)]);
    head.finish(report);
    refuse_markup(report, &parts);
    let subject = subject?;
    if subject.value.contains(is_unsafe) {
        report.error(
            Code::BadSubject,
            subject.span(),
            "the subject is not one line",
            "remove the line break or control character",
        );
    }
    match builder.add(mail, subject.value, parts.body) {
        Ok(paths) => {
            refuse_unknown(report, &paths, subject, &parts, known);
            check_questions(report, &paths, subject, &parts, purpose);
        }
        Err((part, error)) => refuse_syntax(report, part, &error, subject, &parts),
    }
    voice
}

fn refuse_syntax(report: &mut Report<'_>, part: Part, error: &minijinja::Error, subject: Text<'_>, parts: &Parts<'_>) {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
    let is_at_end = detail.starts_with("unexpected end of input");
    // What is missed further down is missing where it begins.
    let open = parts.open_tag().or_else(|| parts.open_block().filter(|_| is_at_end));
    if let Some(open) = open.filter(|_| part == Part::Body) {
        let message = format!("this `{}` is never closed", open.word);
        report.error(Code::TemplateSyntax, open.span, message, format!("close it with `{}`", open.close));
        return;
    }
    let span = parts.place(part, Some(subject), error.line());
    let remedy = "a value is `{{ name | default(\"there\") }}`, a condition `{% if name %} … {% endif %}`";
    report.error(Code::TemplateSyntax, span, detail, remedy);
}

/// A touch file, cut at its fences.
struct Parts<'t> {
    front: &'t str,
    front_offset: usize,
    body: &'t str,
    body_offset: usize,
}

impl<'t> Parts<'t> {
    fn split(text: &'t str) -> Option<Self> {
        let mut lines = text.split_inclusive('\n');
        let first = lines.next()?;
        if first.trim_start_matches('\u{FEFF}').trim_end() != FENCE {
            return None;
        }
        let front_offset = first.len();
        let mut end = front_offset;
        for line in lines {
            if line.trim_end() == FENCE {
                let body_offset = end + line.len();
                return Some(Self {
                    front: text.get(front_offset..end)?,
                    front_offset,
                    body: text.get(body_offset..)?,
                    body_offset,
                });
            }
            end += line.len();
        }
        None
    }

    /// The span, in the file, of a line of the body (from 1), or of the subject.
    fn place(&self, part: Part, subject: Option<Text<'_>>, line: Option<usize>) -> Range<usize> {
        match (part, subject) {
            (Part::Subject, Some(subject)) => subject.span(),
            (Part::Subject, None) => {
                let start = self.front_offset + self.front.find("subject").unwrap_or_default();
                start..start
            }
            (Part::Body, _) => self.line(line.unwrap_or(1)),
        }
    }

    fn line(&self, number: usize) -> Range<usize> {
        let mut start = self.body_offset;
        for (index, line) in self.body.split_inclusive('\n').enumerate() {
            if index + 1 == number {
                return start..start + line.trim_end().len();
            }
            start += line.len();
        }
        self.body_offset..self.body_offset
    }

    /// The tag of the body that is never closed.
    fn open_tag(&self) -> Option<LeftOpen> {
        let last = tags(self.body).last()?;
        let text = self.body.get(last.clone())?;
        let (open, close) = *TAGS.iter().find(|(open, close)| text.starts_with(open) && !text.ends_with(close))?;
        let start = self.body_offset + last.start;
        Some(LeftOpen { word: open, close: close.to_owned(), span: start..start + open.len() })
    }

    /// The innermost block of the body that is never closed.
    fn open_block(&self) -> Option<LeftOpen> {
        let mut blocks: Vec<LeftOpen> = Vec::new();
        for tag in tags(self.body) {
            let Some(inner) = self.body.get(tag.clone()).and_then(|text| text.strip_prefix(BLOCK.0)) else { continue };
            let word = inner.trim_matches(['%', '}', '-', '+']).split_whitespace().next().unwrap_or_default();
            if let Some(word) = BLOCKS.into_iter().find(|block| *block == word) {
                let span = self.body_offset + tag.start..self.body_offset + tag.end;
                blocks.push(LeftOpen { word, close: format!("{{% end{word} %}}"), span });
            } else if let Some(ended) = word.strip_prefix("end") {
                blocks.pop_if(|block| block.word == ended);
            }
        }
        blocks.pop()
    }

    /// The span, in the file, of the first line of the body that looks like a link made by the template.
    fn filled_link(&self) -> Range<usize> {
        let number = self
            .body
            .lines()
            .position(|line| line.contains("{{") && (line.contains("](") || line.contains("]:") || line.contains('<')));
        self.line(number.map_or(1, |index| index + 1))
    }

    /// Where a variable is used.
    fn usage_in(&self, part: Part, path: &str, subject: Text<'_>) -> Range<usize> {
        match part {
            Part::Subject => subject.span(),
            Part::Body => self.usage(path),
        }
    }

    /// Where a variable is used in the body.
    fn usage(&self, path: &str) -> Range<usize> {
        self.find(path).unwrap_or_else(|| self.line(1))
    }

    /// Where a variable is used in the body, if it is.
    fn find(&self, path: &str) -> Option<Range<usize>> {
        let used = tags(self.body).find_map(|tag| {
            let text = self.body.get(tag.clone())?;
            let at = text.match_indices(path).map(|(at, _)| at).find(|at| is_whole_word(text, *at, path.len()))?;
            Some(tag.start + at)
        });
        used.map(|at| self.body_offset + at..self.body_offset + at + path.len())
    }
}

fn is_whole_word(text: &str, at: usize, length: usize) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    !text.get(..at).is_some_and(|before| before.ends_with(part_of_name))
        && !text.get(at + length..).is_some_and(|after| after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Something that a template opens and never closes.
struct LeftOpen {
    word: &'static str,
    close: String,
    /// Where it stands, in the file.
    span: Range<usize>,
}

/// The words that need another at the end: `if` an `endif`.
const BLOCKS: [&str; 4] = ["if", "for", "with", "filter"];

/// What stands in the file itself; [`probe`] looks at what the values make of it.
fn refuse_markup(report: &mut Report<'_>, parts: &Parts<'_>) {
    for (finding, span) in inspect(&blotted(parts.body)) {
        let in_file = span.start + parts.body_offset..span.end + parts.body_offset;
        let is_filled = parts.body.get(span).is_some_and(|text| tags(text).next().is_some());
        match finding {
            Finding::Refused(what) => report_refused(report, what, in_file),
            Finding::Link(url) if !is_filled && !leads_somewhere(&url) => report_link(report, &url, in_file),
            Finding::Link(_) => {}
        }
    }
}

fn report_refused(report: &mut Report<'_>, what: &str, span: Range<usize>) {
    report.error(
        Code::MarkupRefused,
        span,
        format!("a mail cannot hold {what}"),
        "use paragraphs, lists, **bold**, *italic* and [links](https://www.example.com), and indent nothing else",
    );
}

fn report_link(report: &mut Report<'_>, url: &str, span: Range<usize>) {
    let message = format!("a link to `{url}` is not allowed");
    report.error(Code::LinkRefused, span, message, "a link starts with https://, http://, mailto: or tel:");
}

fn refuse_unknown(
    report: &mut Report<'_>,
    paths: &[(Part, String)],
    subject: Text<'_>,
    parts: &Parts<'_>,
    known: &Known<'_>,
) {
    for (part, path) in paths {
        let Err(remedy) = known.merge(path) else { continue };
        let message = format!("`{path}` is not declared in the catalog");
        report.error(Code::UnknownField, parts.usage_in(*part, path, subject), message, remedy);
    }
}

/// The mail of an `ask` step prints its questions, and no other mail does.
fn check_questions(
    report: &mut Report<'_>,
    paths: &[(Part, String)],
    subject: Text<'_>,
    parts: &Parts<'_>,
    purpose: Purpose,
) {
    let mut is_printed = false;
    for (part, path) in paths.iter().filter(|(_, path)| QUESTIONS.contains(&path.as_str())) {
        match (purpose, part) {
            (Purpose::Ask, Part::Body) => is_printed = true,
            (Purpose::Ask, Part::Subject) => {
                let message = "the questions are a list, and a subject is one line";
                let remedy = "print `{{ questions }}` in the text of the mail";
                report.error(Code::QuestionsElsewhere, subject.span(), message, remedy);
            }
            (Purpose::Mail, part) => {
                let message = "only the mail of an `ask` step has questions to print";
                let remedy = "remove `{{ questions }}`, or make the step `kind = \"ask\"`";
                report.error(Code::QuestionsElsewhere, parts.usage_in(*part, path, subject), message, remedy);
            }
        }
    }
    if purpose == Purpose::Ask && !is_printed {
        report_unasked(report, parts);
    }
}

fn report_unasked(report: &mut Report<'_>, parts: &Parts<'_>) {
    let message = "an `ask` step sends this mail, and it does not print what is asked";
    let remedy = "print the list of questions where it belongs: `{{ questions }}`, on a line of its own";
    report.error(Code::QuestionsMissing, parts.line(1), message, remedy);
}

/// What mails are rendered with on trial.
pub(super) struct Trial<'a> {
    catalog: &'a Catalog,
    nothing: BTreeMap<FieldName, String>,
    all: BTreeMap<FieldName, String>,
    /// The fields that something fills in.
    supplied: BTreeSet<FieldName>,
    /// What mails ask.
    questions: Vec<Question<'a>>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        let all = catalog.fields.keys().map(|name| (name.clone(), PROBE.to_owned())).collect();
        // Which field it is makes no difference: all that is looked at is whether the questions are there.
        let any = catalog.fields.keys().next().into_iter();
        let questions = any.flat_map(|field| PROBE_QUESTIONS.map(|text| Question { field, text, choices: Vec::new() }));
        let questions = questions.collect();
        Self { catalog, nothing: BTreeMap::new(), all, supplied: graph::supplied(catalog), questions }
    }

    /// Renders every mail of a program for a lead of whom nothing is known and for one of whom all is, and looks
    /// at the result. `broken` are the files with an error that is known already.
    pub(super) fn of_program(
        &self,
        program: &Program,
        folder: &Folder<'_>,
        broken: &BTreeSet<String>,
    ) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let asks: BTreeSet<&TemplateName> = program.steps.iter().filter_map(|step| asked_by(&step.action)).collect();
        let originals = folder.touches.iter().map(|(name, source)| (*name, None, *source));
        let variants = folder.variants.iter().map(|((name, language), source)| (*name, Some(language), *source));
        for (name, language, source) in originals.chain(variants) {
            let Ok(template) = TemplateName::parse(name) else { continue };
            let Some(parts) = Parts::split(&source.text).filter(|_| !broken.contains(&source.path)) else { continue };
            let is_ask = asks.contains(&template);
            let questions: &[Question<'_>] = if is_ask { &self.questions } else { &[] };
            let (name, version, language) = (program.name.clone(), program.version.clone(), language.cloned());
            let mail = MailId { program: name, version, template, language };
            let mut report = Report::new(source);
            match self.catalog.content.compiled(&mail) {
                Ok(compiled) => {
                    for fields in [&self.nothing, &self.all] {
                        self.of_mail(&mut report, &compiled, fields, questions, &parts);
                    }
                }
                Err((part, error)) => report_failure(&mut report, part, &error, &parts),
            }
            self.warn_of_unsupplied(&mut report, &mail, &parts);
            found.append(&mut report.into_found());
        }
        found
    }

    /// A field that nobody fills in: its default stands in every mail.
    fn warn_of_unsupplied(&self, report: &mut Report<'_>, mail: &MailId, parts: &Parts<'_>) {
        for field in self.catalog.content.fields(mail).filter(|field| !self.supplied.contains(*field)) {
            let subject = || parts.place(Part::Subject, None, None);
            let (message, remedy) = graph::unsupplied(field);
            report.warning(Code::UnsuppliedField, parts.find(field.as_str()).unwrap_or_else(subject), message, remedy);
        }
    }

    fn of_mail(
        &self,
        report: &mut Report<'_>,
        mail: &Compiled<'_>,
        fields: &BTreeMap<FieldName, String>,
        questions: &[Question<'_>],
        parts: &Parts<'_>,
    ) {
        let merge = Merge {
            fields,
            sender: &self.catalog.organisation.team,
            organisation: &self.catalog.organisation,
            unsubscribe_url: "https://unsubscribe.invalid/",
            confirm_url: "https://confirm.invalid/",
            preferences_url: None,
            questions,
            catalog: self.catalog,
            language: None,
            links: &TrialLinks,
        };
        match mail.markdown(&merge) {
            Ok(markdown) => {
                judge(report, &markdown, parts);
                if !questions.iter().all(|question| markdown.contains(question.text)) {
                    report_unasked(report, parts);
                }
            }
            Err((part, error)) => report_failure(report, part, &error, parts),
        }
    }
}

/// Links that lead nowhere.
struct TrialLinks;

impl AnswerLinks for TrialLinks {
    fn page(&self) -> String {
        "https://answer.invalid/".to_owned()
    }

    fn question(&self, _field: &FieldName) -> String {
        self.page()
    }

    fn choice(&self, _field: &FieldName, _choice: &str) -> String {
        self.page()
    }
}

/// The mail of a step that asks.
fn asked_by(action: &Action) -> Option<&TemplateName> {
    if let Action::Ask { mail, .. } = action { Some(&mail.template) } else { None }
}

fn judge(report: &mut Report<'_>, markdown: &str, parts: &Parts<'_>) {
    for (finding, _) in inspect(markdown) {
        match finding {
            Finding::Refused(what) => report_refused(report, what, parts.filled_link()),
            Finding::Link(url) if url.contains(PROBE) => {
                let message = "a link holds what a lead told us";
                report.error(
                    Code::FieldInLink,
                    parts.filled_link(),
                    message,
                    "links are kept in logs everywhere: take the field out of the link",
                );
            }
            Finding::Link(url) if !leads_somewhere(&url) => report_link(report, &url, parts.filled_link()),
            Finding::Link(_) => {}
        }
    }
}

fn report_failure(report: &mut Report<'_>, part: Part, error: &RenderError, parts: &Parts<'_>) {
    let (code, line, message, remedy) = match error {
        // An unused file: it is warned of already.
        RenderError::Missing(_) => return,
        RenderError::EmptySubject { .. } => (
            Code::BadSubject,
            None,
            "the subject can be empty".to_owned(),
            "let something remain of it when a field is not known",
        ),
        RenderError::TooLong { .. } => {
            (Code::TooLarge, None, format!("the mail is longer than {BODY_LENGTH_MAX} bytes"), "shorten it")
        }
        RenderError::Template { source, .. } if source.kind() == ErrorKind::OutOfFuel => (
            Code::TooLarge,
            source.line(),
            "the template takes too many steps".to_owned(),
            "take out the loop: a mail has no use for one",
        ),
        RenderError::Template { source, .. } if source.kind() == ErrorKind::UndefinedError => {
            let message = "this cannot be written for a lead who left the field empty".to_owned();
            (
                Code::DefaultMissing,
                source.line(),
                message,
                "say what to write then: `{{ first_name | default(\"there\") }}`, or ask `{% if company %}`",
            )
        }
        RenderError::Template { source, .. } => {
            let message = source.detail().map_or_else(|| source.kind().to_string(), ToOwned::to_owned);
            (
                Code::TemplateSyntax,
                source.line(),
                message,
                "filters are: default, lower, upper, capitalize, title, trim",
            )
        }
    };
    report.error(code, parts.place(part, None, line), message, remedy);
}

/// Where a link of a mail leads, by the file that holds the mail: for versions that no lead is in any more.
pub fn link_of_file(text: &str, number: u16, facts: &BTreeMap<FieldName, String>) -> Option<String> {
    link_of(Parts::split(text)?.body, number, facts)
}
