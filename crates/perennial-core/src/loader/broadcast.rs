//! `broadcast.toml` and its mail: one mail for everybody of a segment.
//!
//! A broadcast's folder is none of the catalog's: it is read with what a catalog declares, and goes out beside it.

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::broadcast::{Broadcast, MAIL};
use crate::consent::OptInRule;
use crate::content::ContentBuilder;
use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use crate::ids::{ProgramName, StepId, TemplateName, TopicName};
use crate::loader::known::Known;
use crate::loader::report::{Named, Report};
use crate::loader::section::Section;
use crate::loader::step::StepReader;
use crate::loader::touch::Purpose;
use crate::loader::{BROADCAST_FILE, BroadcastFiles, Folder, condition, missing_file, program, shape};
use crate::program::{Action, PRIORITY_DEFAULT, Program, Step, TouchClass};
use crate::sales;
use crate::timing::{Delay, Timing};

/// How long ago somebody must have come in, unless the file says otherwise.
const AGE_MIN: SignedDuration = SignedDuration::from_hours(24);

/// Reads a broadcast and compiles its mail.
pub(super) fn read(
    files: &BroadcastFiles,
    folder: &Folder<'_>,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Option<Broadcast> {
    let name = &files.name;
    let Some(source) = folder.broadcast else {
        let remedy = "write it, with `title` and `segment`; its mail is `touches/mail.md` beside it";
        found.push(missing_file(&format!("{name}/{BROADCAST_FILE}"), remedy));
        return None;
    };
    if known.programs.contains(name) || super::consent::is_taken(name.as_str()) || sales::is_taken(name.as_str()) {
        found.push(taken(name, source));
        return None;
    }
    let mut report = Report::new(source);
    let table = report.readable().and_then(|text| report.parse_toml(text, 0));
    let broadcast = table.and_then(|table| {
        let root = Section::root("the broadcast", &shape::BROADCAST, &table, 0);
        let version = program::version(source, folder);
        let mut reader = StepReader::new(name, &version, folder, known, builder, found);
        let broadcast = read_root(&mut report, root, files, known, &mut reader);
        reader.finish(&mut report);
        broadcast
    });
    found.append(&mut report.into_found());
    broadcast
}

fn read_root(
    report: &mut Report<'_>,
    mut root: Section<'_>,
    files: &BroadcastFiles,
    known: &Known<'_>,
    reader: &mut StepReader<'_, '_>,
) -> Option<Broadcast> {
    let title = root.text(report, "title");
    let segment = condition::read(report, &mut root, "segment", known);
    let last_day = last_day(report, &mut root);
    let topic = root.name(report, "topic", TopicName::parse).and_then(|named| known.topic(report, named));
    let beside_sales = root.switch(report, "beside_sales").unwrap_or(false);
    let age_min = root.exact(report, "age_min").unwrap_or(AGE_MIN);
    let window = program::window(report, &mut root, known);
    let name = TemplateName::parse(MAIL).ok()?;
    let mail = reader.mail(report, Named { name, span: root.span() }, Purpose::Mail);
    root.finish(report);
    let step = Step {
        id: StepId::parse(MAIL).ok()?,
        timing: Timing::After(Delay::ZERO),
        skip_if: None,
        action: Action::Email { mail: mail?, class: TouchClass::Nurture, content: None },
    };
    let program = Program {
        name: reader.program().clone(),
        version: reader.version().clone(),
        title: title?.value.trim().to_owned(),
        // Nobody is enrolled in it, so nobody leaves it.
        then: reader.program().clone(),
        priority: PRIORITY_DEFAULT,
        enter: None,
        beside_sales,
        topic,
        opt_in: OptInRule::Single,
        horizon: None,
        skip_if: None,
        window,
        cap: None,
        goal: None,
        stops: Vec::new(),
        hurry: None,
        quiet: None,
        requalify: Vec::new(),
        steps: vec![step],
    };
    let (until, is_stopped) = (files.until, files.is_stopped);
    Some(Broadcast { program, segment: segment?, age_min, last_day, until, is_stopped })
}

fn last_day(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Date> {
    let text = root.text(report, "until")?;
    let day = text.value.trim();
    // ISO 8601 in its long form only: jiff reads shorter ones, too.
    let parsed = day.parse::<Date>().ok().filter(|date| date.to_string() == day);
    if parsed.is_none() {
        let message = format!("`{day}` is not a day");
        report.error(Code::BadDate, text.span(), message, "write year, month and day: \"2027-03-01\"");
    }
    parsed
}

fn taken(name: &ProgramName, source: &super::SourceFile) -> Diagnostic {
    Diagnostic {
        code: Code::BadName,
        severity: Severity::Error,
        file: source.path.clone(),
        place: Some(Place::of(&source.text, 0..0)),
        message: format!("the folder `{name}` cannot be a broadcast: other mails go by that name"),
        remedy: "rename it".to_owned(),
    }
}
