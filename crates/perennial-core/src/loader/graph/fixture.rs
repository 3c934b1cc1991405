//! Small catalogs for the tests of the graph checker.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::{Time, Weekday};

use super::{Finding, check};
use crate::catalog::{Catalog, Field, FieldKind, Topic};
use crate::condition::{Condition, SignalKind};
use crate::consent::OptInRule;
use crate::diagnostic::{Code, Severity};
use crate::ids::{FieldName, ProgramName, StepId, TagName, TemplateName, TopicName};
use crate::lead::LifecycleStage;
use crate::program::{
    Action, Arm, Awaited, Case, ContentStage, Horizon, Mail, PRIORITY_DEFAULT, Program, ProgramVersion, Step, Stop,
    TouchClass, UsedUp, Voice,
};
use crate::testing;
use crate::timing::{DATE_TIME, Delay, Moment, Timing};

// --- Catalogs --------------------------------------------------------------------------------

/// A catalog of these programs and, if it is not among them, `occasional`, a mail each 42 days. The form leads to the
/// first. There are the fields `size` (a choice), `industry` (a text) and `revisit_at` (a date), and the topics `a` and
/// `b`. Sales fills in `size`.
pub(super) fn catalog(programs: impl IntoIterator<Item = Program>) -> Catalog {
    let mut catalog = testing::catalog();
    let programs: Vec<Program> = programs.into_iter().collect();
    for form in catalog.forms.values_mut() {
        if let Some(first) = programs.first() {
            form.program = first.name.clone();
        }
        form.fields = ["industry", "revisit_at"].map(field).to_vec();
    }
    let choices = ["small", "large"].map(str::to_owned).to_vec();
    catalog.fields = BTreeMap::from([
        (
            field("size"),
            Field { supplied_by: Some(crate::catalog::Supplier::Sales), ..plain(FieldKind::Choice(choices)) },
        ),
        (field("industry"), plain(FieldKind::Text)),
        (field("revisit_at"), plain(FieldKind::Date)),
        (field("nowhere"), plain(FieldKind::Text)),
    ]);
    catalog.topics = ["a", "b"].map(|name| (topic_name(name), Topic { label: name.to_owned() })).into();
    catalog.turnbacks.0.clear();
    catalog.programs = programs.into_iter().map(|program| (program.name.clone(), program)).collect();
    let occasional = program("occasional", "occasional", [email("reading", days(42))]);
    catalog.programs.entry(occasional.name.clone()).or_insert(occasional);
    catalog
}

fn plain(kind: FieldKind) -> Field {
    Field {
        label: "A field".to_owned(),
        length_max: 80,
        kind,
        question: None,
        threat: 3,
        ask_again_after_days: None,
        supplied_by: None,
    }
}

pub(super) fn program(name: &str, then: &str, steps: impl IntoIterator<Item = Step>) -> Program {
    Program {
        name: program_name(name),
        version: ProgramVersion(String::new()),
        title: name.to_owned(),
        then: program_name(then),
        priority: PRIORITY_DEFAULT,
        enter: None,
        opt_in: OptInRule::Single,
        beside_sales: true,
        topic: None,
        horizon: None,
        skip_if: None,
        window: None,
        cap: None,
        goal: None,
        stops: Vec::new(),
        hurry: None,
        quiet: None,
        requalify: Vec::new(),
        steps: steps.into_iter().collect(),
    }
}

pub(super) fn stop(when: Condition, then: &str) -> Stop {
    Stop { when, then: Some(program_name(then)) }
}

pub(super) fn horizon(days: i64) -> Horizon {
    Horizon(SignedDuration::from_hours(24 * days))
}

// --- What is told ----------------------------------------------------------------------------

/// All findings, a line each: where, the code, `!` for an error, the message. The topics are there for who asks about
/// them: that a test does not is not told.
pub(super) fn told(catalog: &Catalog) -> String {
    let found: Vec<Finding> = check(catalog).into_iter().filter(|finding| finding.code != Code::UnusedTopic).collect();
    said(&found)
}

/// The findings of one code, in the same form.
pub(super) fn told_of(code: Code, catalog: &Catalog) -> String {
    let found: Vec<Finding> = check(catalog).into_iter().filter(|finding| finding.code == code).collect();
    said(&found)
}

fn said(found: &[Finding]) -> String {
    let lines: Vec<String> = found.iter().map(line).collect();
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    assert!(!finding.remedy.is_empty() && !finding.remedy.contains('\n') && !finding.message.contains('\n'));
    let place = match (&finding.program, &finding.step) {
        (Some(program), Some(step)) => format!("{program}.{step}"),
        (Some(program), None) => program.to_string(),
        (None, _) => "catalog".to_owned(),
    };
    let mark = match finding.severity {
        Severity::Error => "!",
        Severity::Warning => "",
    };
    format!("{place} {}: {}{mark} {}", finding.key, finding.code, finding.message)
}

// --- Times -----------------------------------------------------------------------------------

pub(super) fn minutes(minutes: u32) -> Timing {
    Timing::After(Delay::Minutes(minutes))
}

pub(super) fn hours(hours: u32) -> Timing {
    minutes(60 * hours)
}

pub(super) fn days(days: u32) -> Timing {
    Timing::After(Delay::Days(days))
}

pub(super) fn business_days(days: u32) -> Timing {
    Timing::After(Delay::BusinessDays(days))
}

pub(super) fn next(weekday: Weekday, hour: i8) -> Timing {
    Timing::At(Moment::Next { weekday, time: Time::constant(hour, 0, 0, 0) })
}

pub(super) fn dated(name: &str, offset_days: i32, if_missing: u32) -> Timing {
    Timing::At(Moment::Date { field: field(name), offset_days, time: DATE_TIME, if_missing: Delay::Days(if_missing) })
}

pub(super) const NOW: Timing = Timing::After(Delay::ZERO);

// --- Steps -----------------------------------------------------------------------------------

pub(super) fn step(id: &str, timing: Timing, action: Action) -> Step {
    Step { id: step_id(id), timing, skip_if: None, action }
}

pub(super) fn email(id: &str, timing: Timing) -> Step {
    step(id, timing, Action::Email { mail: mail(id), class: TouchClass::Nurture, content: None })
}

pub(super) fn content(id: &str, stage: ContentStage) -> Step {
    step(id, days(7), Action::Email { mail: mail(id), class: TouchClass::Nurture, content: Some(stage) })
}

pub(super) fn response(id: &str, timing: Timing) -> Step {
    step(id, timing, Action::Email { mail: mail(id), class: TouchClass::Response, content: None })
}

pub(super) fn ask(id: &str, timing: Timing, fields: &[&str]) -> Step {
    let fields = fields.iter().map(|name| field(name)).collect();
    step(id, timing, Action::Ask { mail: mail(id), class: TouchClass::Nurture, fields })
}

pub(super) fn call(id: &str, timing: Timing) -> Step {
    step(id, timing, Action::Call { due_in: Delay::Days(2) })
}

pub(super) fn wait(id: &str, timing: Timing) -> Step {
    step(id, timing, Action::Wait)
}

pub(super) fn alert(id: &str) -> Step {
    step(id, NOW, Action::Alert { message: "Something happened".to_owned() })
}

pub(super) fn set(id: &str, add: &[&str], remove: &[&str]) -> Step {
    let tags = |names: &[&str]| names.iter().map(|name| tag_name(name)).collect();
    step(id, NOW, Action::Set { topic: None, add: tags(add), remove: tags(remove) })
}

pub(super) fn goto(id: &str, timing: Timing, to: &str) -> Step {
    step(id, timing, Action::Goto { to: step_id(to) })
}

pub(super) fn exit(id: &str, then: &str) -> Step {
    step(id, NOW, Action::Exit { then: Some(program_name(then)) })
}

pub(super) fn branch(
    id: &str,
    cases: impl IntoIterator<Item = (Condition, &'static str)>,
    otherwise: Option<&str>,
) -> Step {
    let cases = cases.into_iter().map(|(when, goto)| Case { when, goto: step_id(goto) }).collect();
    step(id, NOW, Action::Branch { cases, otherwise: otherwise.map(step_id) })
}

pub(super) fn split(id: &str, arms: &[Option<&str>]) -> Step {
    let arm = |(number, goto): (usize, Option<&str>)| Arm {
        name: step_id(&format!("arm-{number}")),
        weight: 1,
        goto: goto.map(step_id),
    };
    step(id, NOW, Action::Split { arms: arms.iter().copied().enumerate().map(arm).collect() })
}

pub(super) fn until(id: &str, event: Awaited, timeout: u32, goto: Option<&str>, on_timeout: Option<&str>) -> Step {
    let timeout = Delay::Days(timeout);
    step(id, NOW, Action::WaitUntil { event, timeout, goto: goto.map(step_id), on_timeout: on_timeout.map(step_id) })
}

pub(super) fn recur(id: &str, every: Timing, count: usize, used_up: UsedUp) -> Step {
    let mails = (0..count).map(|number| mail(&format!("{id}-{number}"))).collect();
    step(id, NOW, Action::Recur { every, mails, class: TouchClass::Nurture, used_up })
}

pub(super) fn skipped_if(skip: Condition, step: Step) -> Step {
    Step { skip_if: Some(skip), ..step }
}

fn mail(template: &str) -> Mail {
    Mail { template: TemplateName::parse(template).unwrap(), from: Voice::Rep }
}

// --- Conditions ------------------------------------------------------------------------------

pub(super) fn known(name: &str) -> Condition {
    Condition::Known(field(name))
}

pub(super) fn is(name: &str, answer: &str) -> Condition {
    Condition::Answer { field: field(name), one_of: BTreeSet::from([answer.to_owned()]) }
}

pub(super) fn tag(name: &str) -> Condition {
    Condition::Tag(tag_name(name))
}

pub(super) fn topic(name: &str) -> Condition {
    Condition::Topic(BTreeSet::from([topic_name(name)]))
}

pub(super) fn stage(stages: &[LifecycleStage]) -> Condition {
    Condition::Stage(stages.iter().copied().collect())
}

pub(super) fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

pub(super) fn signal(kind: SignalKind, within_days: Option<i64>) -> Condition {
    let within = within_days.map(|days| SignedDuration::from_hours(24 * days));
    Condition::Signal { kinds: BTreeSet::from([kind]), within }
}

pub(super) fn clicked() -> Awaited {
    Awaited::Signals(BTreeSet::from([SignalKind::Clicked]))
}

// --- Names -----------------------------------------------------------------------------------

pub(super) fn program_name(name: &str) -> ProgramName {
    ProgramName::parse(name).unwrap()
}

fn step_id(id: &str) -> StepId {
    StepId::parse(id).unwrap()
}

pub(super) fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn tag_name(name: &str) -> TagName {
    TagName::parse(name).unwrap()
}

fn topic_name(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}
