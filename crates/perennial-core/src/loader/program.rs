//! `program.toml`: what a program is for, who enters it, and what ends it. Its steps are read by [`super::step`].

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::calendar::{FrequencyCap, SendWindow};
use crate::content::ContentBuilder;
use crate::diagnostic::{Code, Diagnostic};
use crate::ids::{ProgramName, TopicName};
use crate::loader::known::Known;
use crate::loader::report::Report;
use crate::loader::section::Section;
use crate::loader::step::StepReader;
use crate::loader::{Folder, SourceFile, catalog, condition, consent, policy, shape};
use crate::program::{Horizon, Hurry, PRIORITY_DEFAULT, Program, ProgramVersion, Quiet, STEPS_MAX, Step, Stop};

/// The length of a [`ProgramVersion`], in bytes of the hash.
const VERSION_BYTES: usize = 6;

/// Reads a program and compiles its mails.
pub(super) fn read(
    name: &ProgramName,
    source: &SourceFile,
    folder: &Folder<'_>,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Option<Program> {
    let mut report = Report::new(source);
    let table = report.readable().and_then(|text| report.parse_toml(text, 0));
    let program = table.and_then(|table| {
        let root = Section::root("the program", &shape::PROGRAM, &table, 0);
        let version = version(source, folder);
        let mut reader = StepReader::new(name, &version, folder, known, builder, found);
        let program = read_root(&mut report, root, known, &mut reader);
        reader.finish(&mut report);
        program.map(|program| Program { name: name.clone(), version, ..program })
    });
    found.append(&mut report.into_found());
    program
}

fn read_root(
    report: &mut Report<'_>,
    mut root: Section<'_>,
    known: &Known<'_>,
    reader: &mut StepReader<'_, '_>,
) -> Option<Program> {
    let title = root.text(report, "title");
    let then = known.program(report, &mut root, "then");
    let priority = root.number(report, "priority").and_then(|priority| u8::try_from(priority).ok());
    let enter = condition::read(report, &mut root, "enter", known);
    let beside_sales = root.switch(report, "beside_sales");
    let topic = root.name(report, "topic", TopicName::parse).and_then(|named| known.topic(report, named));
    let opt_in = consent::of_program(report, &mut root, known);
    let horizon = root.exact(report, "horizon").map(Horizon);
    let skip_if = condition::read(report, &mut root, "skip_if", known);
    let window = window(report, &mut root, known);
    let cap = cap(report, &mut root, known);
    let goal = root.section(report, "goal").and_then(|section| stop(report, section, known));
    let endings = root.sections(report, "stop");
    let stops = endings.into_iter().filter_map(|section| stop(report, section, known)).collect();
    let hurry = root.section(report, "hurry").and_then(|section| hurry(report, section));
    let quiet = root.section(report, "quiet").and_then(|section| quiet(report, section));
    let requalify = policy::requalify(report, &mut root, known);
    let sequence = steps(report, &mut root, reader);
    root.finish(report);
    Some(Program {
        // The name and the version are the folder's to know.
        name: reader.program().clone(),
        version: reader.version().clone(),
        title: title?.value.trim().to_owned(),
        then: then?,
        priority: priority.unwrap_or(PRIORITY_DEFAULT),
        enter,
        beside_sales: beside_sales.unwrap_or(true),
        topic,
        opt_in,
        horizon,
        skip_if,
        window,
        cap,
        goal,
        stops,
        hurry,
        quiet,
        requalify,
        steps: sequence,
    })
}

fn stop(report: &mut Report<'_>, mut section: Section<'_>, known: &Known<'_>) -> Option<Stop> {
    let when = condition::read(report, &mut section, "when", known);
    let then = known.program(report, &mut section, "then");
    section.finish(report);
    Some(Stop { when: when?, then })
}

fn hurry(report: &mut Report<'_>, mut section: Section<'_>) -> Option<Hurry> {
    let signals = condition::signals(report, &mut section, "signal");
    let to = section.wait(report, "to");
    section.finish(report);
    Some(Hurry { signals, to: to? })
}

fn quiet(report: &mut Report<'_>, mut section: Section<'_>) -> Option<Quiet> {
    let after_touches = section.number(report, "after_touches");
    let every = section.wait(report, "every");
    section.finish(report);
    Some(Quiet { after_touches: after_touches?, every: every? })
}

/// The hours of a program, which lie within the catalog's.
pub(super) fn window(report: &mut Report<'_>, root: &mut Section<'_>, known: &Known<'_>) -> Option<SendWindow> {
    let section = root.section(report, "window")?;
    let span = section.span();
    let window = catalog::window(report, section)?;
    if let Some(outer) = known.window {
        let ((opens, closes), (outer_opens, outer_closes)) = (window.hours(), outer.hours());
        let is_within = opens >= outer_opens
            && closes <= outer_closes
            && window.days().iter().all(|day| outer.days().contains(day));
        if !is_within {
            let message = "the window of this program is wider than the catalog's";
            let remedy = "keep to the days and hours of `[window]` in catalog.toml, or widen it there";
            report.error(Code::WiderThanCatalog, span, message, remedy);
        }
    }
    Some(window)
}

/// The cap of a program, which is at least as strict as the catalog's.
fn cap(report: &mut Report<'_>, root: &mut Section<'_>, known: &Known<'_>) -> Option<FrequencyCap> {
    let section = root.section(report, "cap")?;
    let span = section.span();
    let cap = catalog::cap(report, section)?;
    if let Some(outer) = known.cap
        && (cap.spacing < outer.spacing || cap.weekly_max > outer.weekly_max)
    {
        let message = "the cap of this program lets out more than the catalog's";
        let remedy = "let it be at least as strict as `[cap]` in catalog.toml, or change it there";
        report.error(Code::WiderThanCatalog, span, message, remedy);
    }
    Some(cap)
}

fn steps(report: &mut Report<'_>, root: &mut Section<'_>, reader: &mut StepReader<'_, '_>) -> Vec<Step> {
    let sections = root.open_sections(report, "step", &shape::STEP_OPEN);
    if sections.is_empty() && root.has("step") {
        report.error(
            Code::StepCount,
            root.span_of("step"),
            "the program has no steps",
            "add a `[[step]]` with `id`, `kind` and `after`",
        );
    }
    if let Some(first_over) = sections.get(STEPS_MAX) {
        let message = format!("the program has more than {STEPS_MAX} steps");
        report.error(Code::StepCount, first_over.span(), message, "let a second program follow it: `then = \"…\"`");
    }
    sections.into_iter().take(STEPS_MAX).filter_map(|section| reader.step(report, section)).collect()
}

/// The version of a program: what its own file and its mails hold, whatever their order.
pub(super) fn version(source: &SourceFile, folder: &Folder<'_>) -> ProgramVersion {
    let mut files: Vec<&SourceFile> =
        folder.touches.values().chain(folder.variants.values()).copied().chain([source]).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    ProgramVersion(content_hash(&files))
}

/// The first hex digits of a hash of files: their paths and their texts, in this order.
pub(super) fn content_hash(files: &[&SourceFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        // The lengths keep apart what would read the same run together.
        hash.update(format!("{} {} ", file.path.len(), file.text.len()));
        hash.update(&file.path);
        hash.update(&file.text);
    }
    let digest = hash.finalize();
    HEXLOWER.encode(digest.get(..VERSION_BYTES).unwrap_or(&digest))
}
