//! `perennial broadcast`: one mail for everybody of a segment, once.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use perennial_app::broadcast::{
    BroadcastError, Prepared, Progress, Tally, check, prepare, progress, sent, stop, why, why_skipped,
};
use perennial_app::ports::SentBroadcast;
use perennial_app::preview::{Letter, Sample, preview};
use perennial_app::programs;
use perennial_app::push::Leads;
use perennial_core::broadcast::Broadcast;
use perennial_core::catalog::Catalog;
use perennial_core::diagnostic::Diagnostic;
use perennial_core::ids::ProgramName;
use perennial_core::loader::SourceFile;
use serde_json::json;

use crate::access::{Access, StoreArgs};
use crate::check::print_found;

/// What is done with a broadcast.
#[derive(Debug, Subcommand)]
pub(crate) enum BroadcastCommand {
    /// Checks a broadcast's files, beside the programs of a directory.
    Check(DirectoryArgs),
    /// Shows its mail, as somebody reads it of whom all is known, and somebody of whom nothing is.
    Preview(DirectoryArgs),
    /// Says how many would get it, how many would not and why, and how long it takes. Sends nothing.
    DryRun(SendArgs),
    /// Sends it: once to each, by the rules that all mail goes by. Run again, it goes on where it was left.
    Send(SendArgs),
    /// Shows how far a broadcast has got, or which there are.
    Status {
        #[command(flatten)]
        store: StoreArgs,
        /// The broadcast; without it, all that were ever sent.
        name: Option<ProgramName>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stops a broadcast: whoever has not got it does not get it any more.
    Stop {
        #[command(flatten)]
        store: StoreArgs,
        /// The broadcast.
        name: ProgramName,
    },
}

/// Files that are looked at.
#[derive(Debug, Args)]
pub(crate) struct DirectoryArgs {
    /// The broadcast's folder: `broadcast.toml`, and `touches/mail.md`. It is called as the folder is.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The directory of the programs.
    #[arg(long, value_name = "DIR", default_value = "programs")]
    programs: PathBuf,
}

/// What is sent, and where.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The broadcast's folder: `broadcast.toml`, and `touches/mail.md`. It is called as the folder is.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// How many mails a second your account sends (see `perennial doctor`): then it is said how long it takes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_second: Option<u32>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Does it. Exit status 1 if the broadcast is not right, or if somebody could not be told; 2 if it could not be run.
pub(crate) async fn run(command: BroadcastCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        BroadcastCommand::Check(args) => with_catalog(&args, out, |folder, catalog| {
            let broadcast = folder.of(catalog)?;
            Ok(format!("{}: fine\n{}", folder.name, addressed(broadcast, &catalog.default_zone)))
        }),
        BroadcastCommand::Preview(args) => with_catalog(&args, out, mails),
        BroadcastCommand::DryRun(args) => send(&args, Run::Dry, out).await,
        BroadcastCommand::Send(args) => send(&args, Run::Real, out).await,
        BroadcastCommand::Status { store, name, json } => {
            let access = Access::open(&store).await?;
            let text = status(&access, name.as_ref(), json).await;
            access.close().await?;
            out.write_all(text?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        BroadcastCommand::Stop { store, name } => {
            let access = Access::open(&store).await?;
            let stopped = stop(access.store.as_ref(), &name, access.now).await;
            access.close().await?;
            let is_news = stopped?;
            let said = if is_news { "stopped: nobody gets it any more" } else { "it was over, or stopped, before" };
            writeln!(out, "{said}")?;
            Ok(ExitCode::from(u8::from(!is_news)))
        }
    }
}

// --- Files ---------------------------------------------------------------------------------------------

/// A broadcast's folder.
struct Folder {
    name: ProgramName,
    /// With their paths below the folder's parent.
    files: Vec<SourceFile>,
    parent: PathBuf,
}

impl Folder {
    fn read(directory: &Path) -> anyhow::Result<Self> {
        let there = directory.canonicalize().with_context(|| format!("cannot read {}", directory.display()))?;
        let name = there.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = ProgramName::parse(&name)
            .with_context(|| format!("a broadcast is called as its folder is, and `{name}` is no name"))?;
        let files = programs::read(directory)?.into_iter().map(|file| {
            let path = format!("{name}/{}", file.path);
            SourceFile { path, ..file }
        });
        let files = files.collect();
        let parent = directory.parent().map_or_else(PathBuf::new, Path::to_owned);
        Ok(Self { name, files, parent })
    }

    /// The broadcast in a catalog that was read with it.
    fn of<'c>(&self, catalog: &'c Catalog) -> anyhow::Result<&'c Broadcast> {
        catalog.broadcasts.get(&self.name).context("the broadcast is not there")
    }

    fn print(&self, found: &[Diagnostic]) -> anyhow::Result<()> {
        print_found(found, &self.files, &self.parent, &mut std::io::stderr())
    }

    /// Says what is wrong with it, where that is what keeps it from being sent.
    fn refuse(&self, error: BroadcastError) -> anyhow::Result<ExitCode> {
        match error {
            BroadcastError::NotUsable(found) => {
                self.print(&found)?;
                Ok(ExitCode::FAILURE)
            }
            error @ (BroadcastError::NameUsed(_)
            | BroadcastError::Nobody(_)
            | BroadcastError::Over(_)
            | BroadcastError::Stopped(_)
            | BroadcastError::LastDayPast(_)
            | BroadcastError::LastDayFar(_)) => {
                writeln!(std::io::stderr(), "error: {error}")?;
                Ok(ExitCode::FAILURE)
            }
            error @ (BroadcastError::TooMany
            | BroadcastError::Unknown(_)
            | BroadcastError::ProgramsUnusable
            | BroadcastError::Overtaken
            | BroadcastError::Library(_)
            | BroadcastError::Store(_)) => Err(error.into()),
        }
    }
}

/// Prints what there is to say of a broadcast that is right.
fn with_catalog(
    args: &DirectoryArgs,
    out: &mut dyn Write,
    said: impl Fn(&Folder, &Catalog) -> anyhow::Result<String>,
) -> anyhow::Result<ExitCode> {
    let folder = Folder::read(&args.directory)?;
    let files = programs::read(&args.programs)?;
    match check(&files, &folder.name, &folder.files, Timestamp::now()) {
        Ok((catalog, found)) => {
            folder.print(&found)?;
            out.write_all(said(&folder, &catalog)?.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => folder.refuse(error),
    }
}

/// To whom it goes, and until when.
fn addressed(broadcast: &Broadcast, zone: &TimeZone) -> String {
    format!("“{}” goes to: {}\nuntil {}\n", broadcast.program.title, broadcast.segment, minute(broadcast.until, zone))
}

/// The mail, as two people read it.
fn mails(folder: &Folder, catalog: &Catalog) -> anyhow::Result<String> {
    let mut catalog = catalog.clone();
    let mut program = folder.of(&catalog)?.program.clone();
    program.then.clone_from(&catalog.last_resort);
    catalog.programs.insert(folder.name.clone(), program);
    let now = Timestamp::now();
    let mut text = String::new();
    for sample in [Sample::known(&catalog, now), Sample::unknown()] {
        let Some(shown) = preview(&catalog, &folder.name, &sample, now) else { continue };
        writeln!(text, "== {} ==", shown.lead)?;
        for mail in shown.mails {
            match mail.letter {
                Letter::Written { headers, text: body, .. } => {
                    for header in headers.iter().take(ENVELOPE) {
                        writeln!(text, "{}: {}", header.name, header.value)?;
                    }
                    writeln!(text, "\n{body}\n")?;
                }
                Letter::Unwritable { error } => writeln!(text, "it cannot be written: {error}\n")?,
            }
        }
    }
    Ok(text)
}

/// The first headers of a mail: from, to, subject.
const ENVELOPE: usize = 3;

// --- Sending -------------------------------------------------------------------------------------------

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Dry,
    Real,
}

async fn send(args: &SendArgs, run: Run, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let folder = Folder::read(&args.directory)?;
    let access = Access::open(&args.store).await?;
    let done = tally(&access, &folder, run).await;
    access.close().await?;
    let (prepared, tally) = match done {
        Ok(done) => done,
        Err(error) => return folder.refuse(error),
    };
    folder.print(&prepared.diagnostics)?;
    let told = Told { prepared: &prepared, tally: &tally, run, per_second: args.per_second };
    out.write_all(if args.json { told.json()? } else { told.text()? }.as_bytes())?;
    Ok(ExitCode::from(u8::from(tally.contended > 0)))
}

async fn tally(access: &Access, folder: &Folder, run: Run) -> Result<(Prepared, Tally), BroadcastError> {
    let store = access.store.as_ref();
    let prepared = prepare(store, &folder.name, folder.files.clone(), access.now).await?;
    let tally = match run {
        Run::Dry => prepared.dry_run(store, access.now).await?,
        Run::Real => prepared.send(store, access.now).await?,
    };
    Ok((prepared, tally))
}

/// What sending came to, or would.
struct Told<'a> {
    prepared: &'a Prepared,
    tally: &'a Tally,
    run: Run,
    per_second: Option<u32>,
}

impl Told<'_> {
    fn text(&self) -> anyhow::Result<String> {
        let Self { prepared, tally, run, .. } = self;
        let zone = &prepared.catalog().default_zone;
        let mut text = prepared.broadcast().map(|broadcast| addressed(broadcast, zone)).unwrap_or_default();
        writeln!(text, "\n{:>9} leads, {} of them in the segment", tally.leads, tally.in_segment())?;
        let get = if *run == Run::Dry { "would get it" } else { "get it" };
        writeln!(text, "{:>9} {get}{}", tally.queued, self.when(zone))?;
        for (why_not, leads) in &tally.passed_over {
            writeln!(text, "{leads:>9} not: {}", why(*why_not))?;
        }
        if let Some(rate) = self.per_second {
            writeln!(text, "{} at {rate} mails a second", lasting(tally.queued.div_ceil(u64::from(rate))))?;
        }
        if tally.contended > 0 {
            writeln!(text, "{} changed all the time: run the same again", Leads(tally.contended))?;
        }
        if *run == Run::Dry {
            writeln!(text, "nothing was sent (dry run)")?;
        }
        Ok(text)
    }

    fn when(&self, zone: &TimeZone) -> String {
        let (Some(first), Some(last)) = (self.tally.first_at, self.tally.last_at) else { return String::new() };
        let (first, last) = (minute(first, zone), minute(last, zone));
        if first == last { format!(", from {first}") } else { format!(", from {first} to {last}") }
    }

    fn json(&self) -> anyhow::Result<String> {
        let Self { prepared, tally, run, per_second } = self;
        let broadcast = prepared.broadcast().context("the broadcast is not there")?;
        let not: Vec<_> =
            tally.passed_over.iter().map(|(it, leads)| json!({ "why": why(*it), "leads": leads })).collect();
        let seconds = per_second.map(|rate| tally.queued.div_ceil(u64::from(rate)));
        let value = json!({
            "broadcast": broadcast.name(),
            "version": broadcast.program.version,
            "until": broadcast.until,
            "dry_run": *run == Run::Dry,
            "leads": tally.leads,
            "in_segment": tally.in_segment(),
            "get_it": tally.queued,
            "first_at": tally.first_at,
            "last_at": tally.last_at,
            "do_not": not,
            "contended": tally.contended,
            "seconds": seconds,
        });
        Ok(format!("{value:#}\n"))
    }
}

/// A time as people read it.
fn minute(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// How long something lasts: `2 min 20 s`.
fn lasting(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

// --- What became of it ---------------------------------------------------------------------------------

async fn status(access: &Access, name: Option<&ProgramName>, json: bool) -> anyhow::Result<String> {
    let store = access.store.as_ref();
    let all = sent(store).await?;
    let Some(name) = name else {
        return if json { Ok(format!("{:#}\n", json!(all))) } else { Ok(listed(&all, access.now)) };
    };
    let known = all.get(name).ok_or_else(|| BroadcastError::Unknown(name.clone()))?;
    let progress = progress(store, name).await?;
    if json {
        return Ok(format!("{:#}\n", said(name, known, &progress)));
    }
    told(name, known, &progress, access.now)
}

fn listed(all: &std::collections::BTreeMap<ProgramName, SentBroadcast>, now: Timestamp) -> String {
    if all.is_empty() {
        return "no broadcast was ever sent\n".to_owned();
    }
    let width = all.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    let line = |(name, known): (&ProgramName, &SentBroadcast)| {
        format!("{:width$}  {}  “{}”\n", name.as_str(), standing(known, now), known.title)
    };
    all.iter().map(line).collect()
}

fn standing(known: &SentBroadcast, now: Timestamp) -> String {
    let (since, until) = (minute(known.since, &TimeZone::UTC), minute(known.until, &TimeZone::UTC));
    match known.stopped_at {
        Some(at) => format!("stopped {}", minute(at, &TimeZone::UTC)),
        None if known.until <= now => format!("over since {until}"),
        None => format!("since {since}, until {until}"),
    }
}

fn told(name: &ProgramName, known: &SentBroadcast, progress: &Progress, now: Timestamp) -> anyhow::Result<String> {
    let Progress { waiting, next_at, sent, in_doubt, clicked, failed, skipped } = progress;
    let mut text = format!("{name} “{}”: {}\n", known.title, standing(known, now));
    let next = next_at
        .map(|(first, last)| format!(", from {} to {}", minute(first, &TimeZone::UTC), minute(last, &TimeZone::UTC)));
    writeln!(text, "{sent:>9} got it, {clicked} of them followed a link")?;
    if known.stopped_at.is_none() && now < known.until {
        writeln!(text, "{waiting:>9} wait{}", next.unwrap_or_default())?;
    } else if *waiting > 0 {
        writeln!(text, "{waiting:>9} not: it came to its end before their time")?;
    }
    if *in_doubt > 0 {
        writeln!(text, "{in_doubt:>9} of those who got it may not have: nobody knows yet")?;
    }
    if *failed > 0 {
        writeln!(text, "{failed:>9} could not be sent")?;
    }
    for (reason, leads) in skipped {
        writeln!(text, "{leads:>9} not: {}", why_skipped(*reason))?;
    }
    Ok(text)
}

fn said(name: &ProgramName, known: &SentBroadcast, progress: &Progress) -> serde_json::Value {
    let Progress { waiting, next_at, sent, in_doubt, clicked, failed, skipped } = progress;
    let skipped: Vec<_> =
        skipped.iter().map(|(reason, leads)| json!({ "why": why_skipped(*reason), "leads": leads })).collect();
    json!({
        "broadcast": name,
        "title": known.title,
        "version": known.version,
        "since": known.since,
        "until": known.until,
        "stopped_at": known.stopped_at,
        "sent": sent,
        "clicked": clicked,
        "in_doubt": in_doubt,
        "waiting": waiting,
        "next_at": next_at.map(|(first, _)| first),
        "last_at": next_at.map(|(_, last)| last),
        "failed": failed,
        "skipped": skipped,
    })
}
