//! `perennial preview`: when a program's touches go out to a sample lead, and what they say.

mod lead_file;
mod print;

use std::fs;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use perennial_app::preview::{Preview, Sample, Summary, WorkingCopy, preview};
use perennial_app::programs;
use perennial_core::calendar;
use perennial_core::catalog::Catalog;
use perennial_core::ids::{ProgramName, TemplateName};
use perennial_core::program::Program;
use serde::Serialize;

use self::print::{Look, Part, Sheet};
use crate::check;

/// What to show.
#[derive(Debug, Clone, Args)]
pub(crate) struct PreviewArgs {
    /// The program: its folder's name.
    program: String,
    /// The lead to try it on, as a TOML file. Without one, there are two: one of whom everything is known, and
    /// one of whom nothing is.
    #[arg(long, value_name = "FILE")]
    lead: Option<PathBuf>,
    /// Shows only this mail: the name of its file without `.md`.
    #[arg(long, value_name = "TEMPLATE")]
    touch: Option<TemplateName>,
    /// Which part of each mail to show.
    #[arg(long, value_enum, default_value_t = Part::Text)]
    part: Part,
    /// When the lead enters the program, in its own time zone: `2026-03-02 10:00`. Now, if absent.
    #[arg(long, value_name = "TIME")]
    from: Option<DateTime>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The directory of the programs.
    #[arg(long, value_name = "DIR", default_value = "programs")]
    programs: PathBuf,
}

/// How a preview is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For tools: one JSON object.
    Json,
}

/// A program on one or two leads.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: Summary,
    purpose: Option<String>,
    leads: Vec<Preview>,
}

/// How like a known name a typing error must be to be taken for it.
const LIKENESS_MIN: f64 = 0.7;

/// Shows a program on sample leads.
pub(crate) fn run(args: &PreviewArgs, now: Timestamp, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let Some(copy) = working_copy(&args.programs)? else { return Ok(ExitCode::from(2)) };
    let (catalog, program) = find(&copy, &args.program, &args.programs)?;
    let shown = shown(args, &copy, catalog, program, now)?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&shown)?)?,
        Format::Text => out.write_all(print::text(&shown, args.part, args.touch.as_ref(), sheet()).as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The programs of a directory. `None`, and everything that is wrong said, if what all of them need is.
pub(crate) fn working_copy(directory: &Path) -> anyhow::Result<Option<WorkingCopy>> {
    let read = programs::read(directory);
    let files = read.with_context(|| format!("cannot read the programs in {}", directory.display()))?;
    let copy = WorkingCopy::of(files);
    if copy.catalog().is_none() {
        check::run(directory, check::Format::Text, &mut std::io::stderr())?;
        return Ok(None);
    }
    Ok(Some(copy))
}

/// A program by its name.
pub(crate) fn find<'c>(
    copy: &'c WorkingCopy,
    name: &str,
    directory: &Path,
) -> anyhow::Result<(&'c Catalog, &'c Program)> {
    let directory = directory.display();
    let catalog = copy.catalog().with_context(|| format!("the programs in {directory} are not usable"))?;
    let found = ProgramName::parse(name).ok().and_then(|name| catalog.programs.get(&name));
    if let Some(program) = found {
        return Ok((catalog, program));
    }
    let names = copy.names();
    let names: Vec<&str> = names.iter().map(ProgramName::as_str).collect();
    if names.contains(&name) {
        bail!("the program `{name}` has mistakes: `perennial check {directory}` says which");
    }
    bail!("there is no program `{name}` in {directory}{}", did_you_mean(name, &names))
}

/// The end of a sentence that says that there is nothing of a name: what may have been meant by it.
pub(crate) fn did_you_mean(typed: &str, known: &[&str]) -> String {
    match nearest(typed, known, LIKENESS_MIN) {
        Some(like) => format!(": did you mean `{like}`?"),
        None => format!(", only {}", known.join(", ")),
    }
}

/// The known word that is most like one that was typed.
fn nearest<'k>(typed: &str, known: &[&'k str], likeness_min: f64) -> Option<&'k str> {
    let likeness = |word: &str| strsim::jaro_winkler(typed, word);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) >= likeness_min).then_some(nearest)
}

fn shown(
    args: &PreviewArgs,
    copy: &WorkingCopy,
    catalog: &Catalog,
    program: &Program,
    now: Timestamp,
) -> anyhow::Result<Shown> {
    if let Some(touch) = &args.touch {
        let templates: Vec<&str> =
            program.steps.iter().flat_map(|step| step.templates()).map(TemplateName::as_str).collect();
        if !templates.contains(&touch.as_str()) {
            bail!("`{}` has no mail `{touch}`{}", program.name, did_you_mean(touch.as_str(), &templates));
        }
    }
    let samples = samples(args, catalog, now)?;
    let mut leads = Vec::with_capacity(samples.len());
    for sample in &samples {
        leads.extend(preview(catalog, &program.name, sample, start(args, catalog, sample, now)?));
    }
    Ok(Shown { summary: Summary::of(catalog, program), purpose: copy.purpose(&program.name), leads })
}

fn samples(args: &PreviewArgs, catalog: &Catalog, now: Timestamp) -> anyhow::Result<Vec<Sample>> {
    let Some(path) = &args.lead else {
        let start = args.from.map_or(Ok(now), |from| at(from, &catalog.default_zone))?;
        return Ok(vec![Sample::known(catalog, start), Sample::unknown()]);
    };
    Ok(vec![sample_of(path, catalog)?])
}

/// The lead that a file describes.
pub(crate) fn sample_of(path: &Path, catalog: &Catalog) -> anyhow::Result<Sample> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(lead_file::parse(path, &text, catalog)?)
}

fn start(args: &PreviewArgs, catalog: &Catalog, sample: &Sample, now: Timestamp) -> anyhow::Result<Timestamp> {
    let zone = sample.zone.as_deref().and_then(calendar::zone).unwrap_or_else(|| catalog.default_zone.clone());
    match args.from {
        Some(from) => at(from, &zone),
        // Seconds would stand in every date.
        None => Ok(now.round(Unit::Minute)?),
    }
}

fn at(local: DateTime, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().with_context(|| format!("{local} is no time that a calendar has"))
}

/// What standard output is.
fn sheet() -> Sheet {
    if !std::io::stdout().is_terminal() {
        return Sheet::new(None, Look::Plain);
    }
    let columns = terminal_size::terminal_size().map(|(columns, _)| columns.0);
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Sheet::new(columns, if is_plain { Look::Plain } else { Look::Styled })
}

#[cfg(test)]
pub(crate) mod tests;
