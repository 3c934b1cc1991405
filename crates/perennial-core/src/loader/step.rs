//! The steps of a program.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::{ContentBuilder, MailId, is_unsafe};
use crate::diagnostic::{Code, Diagnostic};
use crate::ids::{EmittedName, FieldName, ProgramName, StepId, TagName, TemplateName, TopicName};
use crate::loader::known::{Known, refuse_moment};
use crate::loader::report::{Named, Report, Text, nearest, suggestion};
use crate::loader::section::Section;
use crate::loader::shape::{PROMPT_LENGTH_MAX, STEP, STEP_OPEN};
use crate::loader::touch::{self, Purpose, Touch};
use crate::loader::{Folder, condition, unused};
use crate::program::{Action, Arm, Awaited, Case, ContentStage, Mail, ProgramVersion, Step, TouchClass, UsedUp};
use crate::timing::{Delay, Moment, MomentError, Timing};

const CLASSES: [(&str, TouchClass); 2] = [("nurture", TouchClass::Nurture), ("response", TouchClass::Response)];
const STAGES: [(&str, ContentStage); 2] = [("engage", ContentStage::Engage), ("product", ContentStage::Product)];
const USED_UP: [(&str, UsedUp); 2] = [("again", UsedUp::Again), ("go_on", UsedUp::GoOn)];

/// Reads the steps of one program.
pub(super) struct StepReader<'a, 't> {
    program: &'a ProgramName,
    version: &'a ProgramVersion,
    folder: &'a Folder<'t>,
    known: &'a Known<'a>,
    builder: &'a mut ContentBuilder,
    found: &'a mut Vec<Diagnostic>,
    /// Every id, of right steps and of wrong ones.
    ids: BTreeSet<StepId>,
    /// Where steps go on, to be looked up when all of them are known.
    jumps: Vec<Named<StepId>>,
    /// The mails that were read, by their file.
    touches: BTreeMap<TemplateName, Option<Touch>>,
}

impl<'a, 't> StepReader<'a, 't> {
    pub(super) fn new(
        program: &'a ProgramName,
        version: &'a ProgramVersion,
        folder: &'a Folder<'t>,
        known: &'a Known<'a>,
        builder: &'a mut ContentBuilder,
        found: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let (ids, jumps, touches) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
        Self { program, version, folder, known, builder, found, ids, jumps, touches }
    }

    pub(super) const fn program(&self) -> &ProgramName {
        self.program
    }

    pub(super) const fn version(&self) -> &ProgramVersion {
        self.version
    }

    /// What only the whole program shows: jumps that lead nowhere, and mails that nothing sends.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for jump in &self.jumps {
            if !self.ids.contains(&jump.name) {
                let ids: Vec<&str> = self.ids.iter().map(StepId::as_str).collect();
                let message = format!("there is no step `{}` in this program", jump.name);
                let remedy = suggestion(jump.name.as_str(), &ids);
                report.error(Code::DanglingGoto, jump.span.clone(), message, remedy);
            }
        }
        for (name, file) in &self.folder.touches {
            // A step that is wrong for another reason means its mail all the same.
            let is_meant = self.ids.iter().any(|id| id.as_str() == *name);
            if !is_meant && !self.touches.keys().any(|template| template.as_str() == *name) {
                self.found.push(unused(file, "no step of the program sends this file"));
            }
        }
        for ((name, _), file) in &self.folder.variants {
            if !self.folder.touches.contains_key(name) {
                let message = format!("it is a variant of `touches/{name}.md`, which is not there");
                self.found.push(unused(file, &message));
            }
        }
    }

    /// Reads a step; `None` if anything of it was reported that it cannot be without.
    pub(super) fn step(&mut self, report: &mut Report<'_>, mut section: Section<'_>) -> Option<Step> {
        let id = self.id(report, &mut section);
        let Some(kind) = section.vary(report, &STEP) else {
            // What else may stand here depends on the kind.
            section.reshape(&STEP_OPEN);
            section.finish_open(report);
            return None;
        };
        section.mark("id");
        let skip_if = condition::read(report, &mut section, "skip_if", self.known);
        let timing = match kind {
            "wait_until" | "recur" => Some(Timing::After(Delay::ZERO)),
            _ => self.timing(report, &mut section),
        };
        let action = self.action(report, &mut section, kind, id.as_ref());
        section.finish(report);
        Some(Step { id: id?.name, timing: timing?, skip_if, action: action? })
    }

    fn id(&mut self, report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Named<StepId>> {
        let id = section.name(report, "id", StepId::parse)?;
        if !self.ids.insert(id.name.clone()) {
            let message = format!("a step `{}` is there already", id.name);
            report.error(Code::DuplicateStep, id.span, message, "give each step of a program an id of its own");
            return None;
        }
        Some(id)
    }

    /// When a step comes. At once, where the shape does not ask for more.
    fn timing(&self, report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Timing> {
        let after = section.wait(report, "after");
        let at = self.known.moment(report, section, "at");
        match (section.has("after"), section.has("at")) {
            (_, true) => at.map(Timing::At),
            (true, false) => after.map(Timing::After),
            (false, false) => Some(Timing::After(Delay::ZERO)),
        }
    }

    fn action(
        &mut self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        kind: &str,
        id: Option<&Named<StepId>>,
    ) -> Option<Action> {
        match kind {
            "email" => self.email(report, section, id),
            "ask" => self.ask(report, section, id),
            "call" => Some(Action::Call { due_in: section.wait(report, "due_in")? }),
            "personal_mail" => self.personal_mail(report, section, id),
            "wait" => Some(Action::Wait),
            "wait_until" => self.wait_until(report, section),
            "branch" => Some(self.branch(report, section)),
            "split" => Some(self.split(report, section)),
            "alert" => Some(Action::Alert { message: message(report, section)? }),
            "set" => Some(self.set(report, section)),
            "emit" => Some(Action::Emit { event: section.name(report, "event", EmittedName::parse)?.name }),
            "recur" => self.recur(report, section),
            "goal" => Some(Action::Goal { then: self.known.program(report, section, "then") }),
            "exit" => Some(Action::Exit { then: self.known.program(report, section, "then") }),
            "goto" => Some(Action::Goto { to: self.jump(report, section, "to")? }),
            _ => unreachable!("the kind {kind} has a shape and no reader"),
        }
    }

    fn email(
        &mut self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        id: Option<&Named<StepId>>,
    ) -> Option<Action> {
        let template = template(report, section, id);
        let class = section.word(report, "class", &CLASSES).unwrap_or(TouchClass::Nurture);
        let content = section.word(report, "content", &STAGES);
        let mail = self.mail(report, template?, Purpose::Mail)?;
        Some(Action::Email { mail, class, content })
    }

    fn ask(
        &mut self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        id: Option<&Named<StepId>>,
    ) -> Option<Action> {
        let template = template(report, section, id);
        let class = section.word(report, "class", &CLASSES).unwrap_or(TouchClass::Nurture);
        let mut fields: Vec<FieldName> = Vec::new();
        for named in section.names(report, "fields", FieldName::parse) {
            fields.extend(self.asked(report, named, &fields));
        }
        let mail = self.mail(report, template?, Purpose::Ask)?;
        Some(Action::Ask { mail, class, fields })
    }

    /// A field that can be asked for, once.
    fn asked(&self, report: &mut Report<'_>, named: Named<FieldName>, before: &[FieldName]) -> Option<FieldName> {
        if before.contains(&named.name) {
            let message = format!("`{}` is asked for already", named.name);
            report.error(Code::DuplicateName, named.span, message, "name each field once");
            return None;
        }
        if self.known.field(report, &named)?.lacks_question() {
            let message = format!("the field `{}` has no question to ask", named.name);
            let remedy = format!("add `question = \"…\"` to [fields.{}] in catalog.toml", named.name);
            report.error(Code::NoQuestion, named.span, message, remedy);
        }
        Some(named.name)
    }

    fn personal_mail(
        &mut self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        id: Option<&Named<StepId>>,
    ) -> Option<Action> {
        let template = template(report, section, id);
        let due_in = section.wait(report, "due_in");
        let draft = self.mail(report, template?, Purpose::Mail)?.template;
        Some(Action::PersonalMail { draft, due_in: due_in? })
    }

    fn wait_until(&mut self, report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Action> {
        let signals = condition::signals(report, section, "signal");
        let when = condition::read(report, section, "when", self.known);
        let date = self.known.moment(report, section, "date");
        let timeout = section.wait(report, "timeout");
        let goto = self.jump(report, section, "goto");
        let on_timeout = self.jump(report, section, "on_timeout");
        let event = if section.has("signal") {
            Some(Awaited::Signals(signals))
        } else {
            when.map(Awaited::Holds).or(date.map(Awaited::Moment))
        };
        Some(Action::WaitUntil { event: event?, timeout: timeout?, goto, on_timeout })
    }

    fn branch(&mut self, report: &mut Report<'_>, section: &mut Section<'_>) -> Action {
        let mut cases = Vec::new();
        for mut case in section.sections(report, "case") {
            let when = condition::read(report, &mut case, "when", self.known);
            let goto = self.jump(report, &mut case, "goto");
            case.finish(report);
            if let (Some(when), Some(goto)) = (when, goto) {
                cases.push(Case { when, goto });
            }
        }
        let otherwise = self.jump(report, section, "else");
        Action::Branch { cases, otherwise }
    }

    fn split(&mut self, report: &mut Report<'_>, section: &mut Section<'_>) -> Action {
        let mut arms: Vec<Arm> = Vec::new();
        for mut arm in section.sections(report, "arm") {
            let name = arm.name(report, "name", StepId::parse);
            let weight = arm.number(report, "weight");
            let goto = self.jump(report, &mut arm, "goto");
            arm.finish(report);
            let (Some(name), Some(weight)) = (name, weight) else { continue };
            if arms.iter().any(|known| known.name == name.name) {
                let message = format!("an arm `{}` is there already", name.name);
                report.error(Code::DuplicateName, name.span, message, "give each arm a name of its own");
                continue;
            }
            arms.push(Arm { name: name.name, weight, goto });
        }
        Action::Split { arms }
    }

    fn set(&self, report: &mut Report<'_>, section: &mut Section<'_>) -> Action {
        let topic = section.name(report, "topic", TopicName::parse).and_then(|named| self.known.topic(report, named));
        let add = tags(report, section, "add");
        let remove = tags(report, section, "remove");
        for tag in remove.intersection(&add) {
            let message = format!("the tag `{tag}` is added and removed");
            report.error(Code::KeyConflict, section.span_of("remove"), message, "keep one of them");
        }
        Action::Set { topic, add, remove }
    }

    fn recur(&mut self, report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Action> {
        let every = section.wait(report, "every").map(Timing::After);
        let on = section.text(report, "on").and_then(|text| weekday(report, text)).map(Timing::At);
        let class = section.word(report, "class", &CLASSES).unwrap_or(TouchClass::Nurture);
        let used_up = section.word(report, "used_up", &USED_UP);
        let names = section.names(report, "templates", TemplateName::parse);
        let mails: Vec<Option<Mail>> = names.into_iter().map(|named| self.mail(report, named, Purpose::Mail)).collect();
        let mails: Option<Vec<Mail>> = mails.into_iter().collect();
        Some(Action::Recur { every: every.or(on)?, mails: mails?, class, used_up: used_up? })
    }

    /// A step of this program; whether it is there is seen at the end.
    fn jump(&mut self, report: &mut Report<'_>, section: &mut Section<'_>, key: &'static str) -> Option<StepId> {
        let named = section.name(report, key, StepId::parse)?;
        let to = named.name.clone();
        self.jumps.push(named);
        Some(to)
    }

    /// Reads a mail, once however many steps send it.
    pub(super) fn mail(
        &mut self,
        report: &mut Report<'_>,
        named: Named<TemplateName>,
        purpose: Purpose,
    ) -> Option<Mail> {
        let Some(file) = self.folder.touches.get(named.name.as_str()) else {
            let path = format!("{}/touches/{}.md", self.program, named.name);
            let message = format!("the mail of this step is missing: {path}");
            let files: Vec<&str> = self.folder.touches.keys().copied().collect();
            let remedy = match nearest(named.name.as_str(), &files) {
                Some(name) => format!("did you mean `{name}`? Otherwise write it"),
                None => "write it, or name the file that there is: `template = \"…\"`".to_owned(),
            };
            report.error(Code::TemplateMissing, named.span, message, remedy);
            return None;
        };
        if !self.touches.contains_key(&named.name) {
            let (program, version, template) = (self.program.clone(), self.version.clone(), named.name.clone());
            let mail = MailId { program, version, template, language: None };
            let touch = touch::read(&mail, file, purpose, self.known, self.builder, self.found);
            self.read_variants(&mail, purpose);
            self.touches.insert(named.name.clone(), touch);
        }
        let touch = self.touches.get(&named.name).and_then(Option::as_ref)?;
        if touch.purpose != purpose {
            let message = format!("`{}` is the mail of a step that asks and of one that does not", named.name);
            let remedy = "write two mails: only the one of the `ask` step prints `{{ questions }}`";
            report.error(Code::QuestionsElsewhere, named.span, message, remedy);
        }
        Some(Mail { template: named.name, from: touch.voice })
    }

    /// The same mail in other languages, held to the same. Its voice is that of the mail: who answers meets one person.
    fn read_variants(&mut self, mail: &MailId, purpose: Purpose) {
        let folder = self.folder;
        let of_this = folder.variants.iter().filter(|((name, _), _)| *name == mail.template.as_str());
        for ((_, language), file) in of_this {
            let variant = MailId { language: Some(language.clone()), ..mail.clone() };
            // What is wrong with it is reported; nothing else of it is needed.
            let _read: Option<Touch> = touch::read(&variant, file, purpose, self.known, self.builder, self.found);
        }
    }
}

/// The mail that a step names, or the one that has the step's own name.
fn template(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    id: Option<&Named<StepId>>,
) -> Option<Named<TemplateName>> {
    let named = section.name(report, "template", TemplateName::parse);
    if section.has("template") {
        return named;
    }
    let id = id?;
    let name = TemplateName::parse(id.name.as_str()).ok()?;
    Some(Named { name, span: id.span.clone() })
}

/// The day of a round: a weekday, because a date of the profile comes once.
fn weekday(report: &mut Report<'_>, text: Text<'_>) -> Option<Moment> {
    match Moment::parse(text.value, None) {
        Ok(moment) => Some(moment),
        Err(MomentError::DateMissing) => {
            let message = format!("`{}` comes once, and a round comes again and again", text.value);
            let remedy = "write a weekday: \"next Tuesday 10:00\", \"first Tuesday 10:00\" (of a month)";
            report.error(Code::BadMoment, text.span(), message, remedy);
            None
        }
        Err(error @ (MomentError::Syntax | MomentError::TooFar)) => {
            refuse_moment(report, text, error);
            None
        }
    }
}

/// What an alert says: it goes to places where nothing personal may stand.
fn message(report: &mut Report<'_>, section: &mut Section<'_>) -> Option<String> {
    let text = section.text(report, "message")?;
    let line = text.value.trim();
    let is_plain = !line.contains(is_unsafe) && !line.contains("{{") && !line.contains("{%");
    if !is_plain || line.chars().count() > PROMPT_LENGTH_MAX {
        let message = format!("an alert says one plain line of at most {PROMPT_LENGTH_MAX} characters");
        let remedy = "take out line breaks and `{{ … }}`: the alert leads to the lead anyway";
        report.error(Code::BadMessage, text.span(), message, remedy);
        return None;
    }
    Some(line.to_owned())
}

fn tags(report: &mut Report<'_>, section: &mut Section<'_>, key: &'static str) -> BTreeSet<TagName> {
    section.names(report, key, TagName::parse).into_iter().map(|named| named.name).collect()
}
