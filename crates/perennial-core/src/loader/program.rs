//! `program.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::content::ContentBuilder;
use crate::diagnostic::{Code, Diagnostic};
use crate::ids::{ProgramName, StepId};
use crate::loader::section::{Named, Report, Section};
use crate::loader::touch::{self, Known};
use crate::loader::{Folder, SourceFile, unused};
use crate::program::{Action, Program, ProgramVersion, Quiet, STEPS_MAX, Step, TouchClass};

/// The least time that a circle of programs must take: a lead in it gets mail for ever.
const CIRCLE_MIN: SignedDuration = SignedDuration::from_hours(24);

/// The most touches after which a program may fall quiet.
const QUIET_AFTER_MAX: u32 = 1_000;

/// The length of a [`ProgramVersion`], in bytes of the hash.
const VERSION_BYTES: usize = 6;

/// A program and where its `then` stands.
pub(super) struct ProgramFile {
    pub(super) program: Program,
    then_span: Range<usize>,
}

/// Reads a program and compiles its mails.
pub(super) fn read(
    name: &ProgramName,
    source: &SourceFile,
    folder: &Folder<'_>,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Option<ProgramFile> {
    let mut report = Report::new(source);
    let table = report.parse_toml(&source.text, 0);
    let file = table.as_ref().and_then(|table| {
        let mut root = Section::root("the program", table, 0);
        let title = root.required_text(&mut report, "title", "add what people call this program");
        let then = then(&mut report, &mut root);
        let quiet = quiet(&mut report, &mut root);
        let mut reader = StepReader { program: name, folder, known, builder, found, ids: BTreeSet::new() };
        let steps = reader.steps(&mut report, &mut root);
        reader.warn_of_unused();
        root.finish(&mut report);
        let then = then?;
        let program = Program {
            name: name.clone(),
            version: version(source, folder),
            title: title?.value.trim().to_owned(),
            then: then.name,
            quiet,
            steps,
        };
        Some(ProgramFile { program, then_span: then.span })
    });
    found.append(&mut report.into_found());
    file
}

fn then(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Named<ProgramName>> {
    let remedy =
        "add `then = \"…\"`: the program that follows when these steps are used up (\"occasional\" if nothing better)";
    root.require(report, "then", remedy);
    root.name(report, "then", ProgramName::parse)
}

fn quiet(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Quiet> {
    let mut section = root.section(report, "quiet")?;
    for (key, remedy) in
        [("after_touches", "add for example `after_touches = 3`"), ("every", "add for example `every = \"90d\"`")]
    {
        section.require(report, key, remedy);
    }
    let after_touches = section.count(report, "after_touches", QUIET_AFTER_MAX);
    let every = section.duration(report, "every");
    section.finish(report);
    Some(Quiet { after_touches: after_touches?, every: every? })
}

fn version(source: &SourceFile, folder: &Folder<'_>) -> ProgramVersion {
    let mut files: Vec<&SourceFile> = folder.touches.values().copied().chain([source]).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut hash = Sha256::new();
    for file in files {
        // The lengths keep apart what would read the same run together.
        hash.update(format!("{} {} ", file.path.len(), file.text.len()));
        hash.update(&file.path);
        hash.update(&file.text);
    }
    let digest = hash.finalize();
    ProgramVersion(HEXLOWER.encode(digest.get(..VERSION_BYTES).unwrap_or(&digest)))
}

/// Reads the steps of one program.
struct StepReader<'a, 't> {
    program: &'a ProgramName,
    folder: &'a Folder<'t>,
    known: &'a Known<'a>,
    builder: &'a mut ContentBuilder,
    found: &'a mut Vec<Diagnostic>,
    ids: BTreeSet<StepId>,
}

#[derive(Clone, Copy)]
enum Kind {
    Email,
    Call,
}

impl StepReader<'_, '_> {
    fn steps(&mut self, report: &mut Report<'_>, root: &mut Section<'_>) -> Vec<Step> {
        let sections = root.sections(report, "step");
        if sections.is_empty() {
            report.error(
                Code::StepCount,
                root.span(),
                "the program has no steps",
                "add a `[[step]]` with `id`, `kind` and `after`",
            );
        }
        if let Some(first_over) = sections.get(STEPS_MAX) {
            let message = format!("the program has more than {STEPS_MAX} steps");
            report.error(Code::StepCount, first_over.span(), message, "let a second program follow it: `then = \"…\"`");
        }
        sections.into_iter().take(STEPS_MAX).filter_map(|section| self.step(report, section)).collect()
    }

    fn step(&mut self, report: &mut Report<'_>, mut section: Section<'_>) -> Option<Step> {
        let id = self.id(report, &mut section);
        section.require(report, "after", "add how long after the step before it: \"0m\", \"20h\", \"14d\"");
        let after = section.duration(report, "after");
        section.require(report, "kind", "add `kind = \"email\"` or `kind = \"call\"`");
        let Some(kind) = section.word(report, "kind", &[("email", Kind::Email), ("call", Kind::Call)]) else {
            // What else may stand here depends on the kind.
            return None;
        };
        let action = match kind {
            Kind::Email => self.email(report, &mut section, id.as_ref()),
            Kind::Call => call(report, &mut section),
        };
        section.finish(report);
        Some(Step { id: id?.name, after: after?, action: action? })
    }

    fn id(&mut self, report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Named<StepId>> {
        section.require(report, "id", "add an `id` that will never change: it is how the suite knows what it has sent");
        let id = section.name(report, "id", StepId::parse)?;
        if !self.ids.insert(id.name.clone()) {
            let message = format!("a step `{}` is there already", id.name);
            report.error(Code::DuplicateStep, id.span.clone(), message, "give each step of a program an id of its own");
            return None;
        }
        Some(id)
    }

    fn email(
        &mut self,
        report: &mut Report<'_>,
        section: &mut Section<'_>,
        id: Option<&Named<StepId>>,
    ) -> Option<Action> {
        let classes = [("nurture", TouchClass::Nurture), ("response", TouchClass::Response)];
        let class = section.word(report, "class", &classes).unwrap_or(TouchClass::Nurture);
        let id = id?;
        let Some(file) = self.folder.touches.get(id.name.as_str()) else {
            let path = format!("{}/touches/{}.md", self.program, id.name);
            report.error(
                Code::TemplateMissing,
                id.span.clone(),
                format!("the mail of this step is missing: {path}"),
                "write it, or rename the step",
            );
            return None;
        };
        let from = touch::read(self.program, &id.name, file, self.known, self.builder, self.found)?;
        Some(Action::Email { class, from })
    }

    fn warn_of_unused(&mut self) {
        for (id, file) in &self.folder.touches {
            if !self.ids.iter().any(|step| step.as_str() == *id) {
                self.found.push(unused(file, "no step of the program has this file's name as its id"));
            }
        }
    }
}

fn call(report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Action> {
    section.require(report, "due_in", "add how long its owner has, for example `due_in = \"2d\"`");
    let due_in = section.duration(report, "due_in");
    Some(Action::Call { due_in: due_in? })
}

/// Refuses programs that follow one another in a circle without a pause.
pub(super) fn refuse_loops(
    programs: &BTreeMap<ProgramName, ProgramFile>,
    last_resort: &ProgramName,
    folders: &BTreeMap<ProgramName, Folder<'_>>,
    found: &mut Vec<Diagnostic>,
) {
    for (name, file) in programs {
        let Some(took) = circle(name, programs, last_resort).filter(|took| *took < CIRCLE_MIN) else { continue };
        let Some(source) = folders.get(name).and_then(|folder| folder.program) else { continue };
        let mut report = Report::new(source);
        let message = format!("from here a lead comes back to `{name}` within {} minutes, for ever", took.as_mins());
        report.error(
            Code::LoopWithoutWait,
            file.then_span.clone(),
            message,
            "let a step wait: `after = \"42d\"`, or lead on to another program",
        );
        found.append(&mut report.into_found());
    }
}

/// How long it takes to come back to a program. `None` if it never does, or if the circle holds an earlier name,
/// where it is told of.
fn circle(
    start: &ProgramName,
    programs: &BTreeMap<ProgramName, ProgramFile>,
    last_resort: &ProgramName,
) -> Option<SignedDuration> {
    let mut name = start;
    let mut took = SignedDuration::ZERO;
    for _ in 0..programs.len() {
        let program = &programs.get(name).or_else(|| programs.get(last_resort))?.program;
        took = program.steps.iter().fold(took, |sum, step| sum.saturating_add(step.after));
        name = if programs.contains_key(&program.then) { &program.then } else { last_resort };
        if name == start {
            return Some(took);
        }
        if name < start {
            return None;
        }
    }
    None
}
