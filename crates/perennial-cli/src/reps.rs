//! `perennial reps`: who sells, what they have, and what becomes of it when they leave.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use perennial_app::library::{Library, LibraryError};
use perennial_app::ports::{Clock as _, DeskOwner, Store, SystemClock};
use perennial_app::push::Leads;
use perennial_app::reps::{Change, HandOver, HandedOver, Listed, Plan, RosterError, list, set_status};
use perennial_core::ids::RepName;
use perennial_core::loader::{REPS_FILE, SourceFile, read_reps};
use perennial_core::roster::RepStatus;

use crate::access::{Access, StoreArgs};
use crate::check;

/// Without a verb, everybody is listed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RepsArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Puts a file in force: reps, teams and their hours (docs/reference/reps.md).
    Apply {
        #[command(flatten)]
        store: StoreArgs,
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Shows what would change, and changes nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Says that a rep has left, and hands on every lead of theirs. Doing it again finishes what was interrupted.
    Deactivate(RepArgs),
    /// Says that a rep takes leads.
    Activate(RepArgs),
    /// Says that a rep keeps what they have and gets nothing new.
    Away(RepArgs),
}

#[derive(Debug, Args)]
struct RepArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The rep.
    rep: RepName,
}

pub(crate) async fn run(args: RepsArgs) -> anyhow::Result<ExitCode> {
    let store = match &args.verb {
        None => &args.list.store,
        Some(Verb::Apply { store, .. }) => store,
        Some(Verb::Deactivate(rep) | Verb::Activate(rep) | Verb::Away(rep)) => &rep.store,
    };
    let access = match &args.verb {
        Some(Verb::Apply { .. }) => Access::open_or_make(store).await?,
        None | Some(Verb::Deactivate(_) | Verb::Activate(_) | Verb::Away(_)) => Access::open(store).await?,
    };
    let done = answer(&access, &args).await;
    access.close().await?;
    done
}

async fn answer(access: &Access, args: &RepsArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    let store = access.store.as_ref();
    match &args.verb {
        None => {
            let reps = list(store).await?;
            let text = if args.list.json { serde_json::to_string_pretty(&reps)? + "\n" } else { table(&reps)? };
            out.write_all(text.as_bytes())?;
        }
        Some(Verb::Apply { file, dry_run, .. }) => return apply(access, file, *dry_run).await,
        Some(Verb::Deactivate(RepArgs { rep, .. })) => {
            set_status(store, rep, RepStatus::Left, SystemClock.now()).await?;
            let handed = hand_over(access).of(rep).await.context("stopped: run it again")?;
            out.write_all(told(rep, &handed)?.as_bytes())?;
        }
        Some(Verb::Activate(RepArgs { rep, .. })) => {
            let is_news = set_status(store, rep, RepStatus::Active, SystemClock.now()).await?;
            writeln!(out, "{rep} {}", if is_news { "takes leads" } else { "took leads already" })?;
        }
        Some(Verb::Away(RepArgs { rep, .. })) => {
            let is_news = set_status(store, rep, RepStatus::Away, SystemClock.now()).await?;
            writeln!(out, "{rep} {}", if is_news { "is away: they keep theirs" } else { "was away already" })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn hand_over(access: &Access) -> HandOver {
    HandOver { store: Arc::clone(&access.store), library: access.library(), clock: access.clock() }
}

fn table(reps: &[Listed]) -> anyhow::Result<String> {
    if reps.is_empty() {
        return Ok("nobody sells yet: queues own every lead (`perennial reps apply FILE`)\n".to_owned());
    }
    let width = |heading: &str, of: fn(&Listed) -> &str| {
        reps.iter().map(|rep| of(rep).len()).chain([heading.len()]).max().unwrap_or_default()
    };
    let (rep, team) = (width("rep", |it| it.rep.as_str()), width("team", |it| it.team.as_str()));
    let mut text = format!("{:rep$}  {:team$}  status    waiting     owns\n", "rep", "team");
    for it in reps {
        let most = it.open_max.map_or_else(String::new, |most| format!(" of {most}"));
        let waiting = format!("{}{most}", it.waiting);
        let (name, status) = (it.rep.as_str(), status(it.status));
        writeln!(text, "{name:rep$}  {:team$}  {status:8}  {waiting:>7}  {:>7}", it.team.as_str(), it.owned)?;
    }
    Ok(text)
}

const fn status(status: RepStatus) -> &'static str {
    match status {
        RepStatus::Active => "active",
        RepStatus::Away => "away",
        RepStatus::Left => "left",
    }
}

/// Where the leads of somebody went who has left.
fn told(rep: &RepName, handed: &HandedOver) -> anyhow::Result<String> {
    let HandedOver { to, left } = handed;
    let mut text = format!("{rep} has left; {} handed on\n", Leads(to.values().sum()));
    for (owner, leads) in to {
        match owner {
            DeskOwner::Rep(rep) => writeln!(text, "  {leads:>7}  to {rep}")?,
            DeskOwner::Queue(queue) => writeln!(text, "  {leads:>7}  to the queue {queue}")?,
        }
    }
    if *left > 0 {
        writeln!(text, "{} still theirs: run this again in a minute", Leads(*left))?;
    }
    Ok(text)
}

async fn apply(access: &Access, path: &Path, dry_run: bool) -> anyhow::Result<ExitCode> {
    let (source, directory) = read(path)?;
    let catalog = match access.library().catalog().await {
        Ok(catalog) => Some(catalog),
        // Who sells may be said before what is sent.
        Err(LibraryError::NothingPublished) => None,
        Err(error) => return Err(error.into()),
    };
    let (file, found) = read_reps(&source, catalog.as_deref());
    check::print_found(&found, std::slice::from_ref(&source), directory, &mut std::io::stderr())?;
    let Some(file) = file else { return Ok(ExitCode::FAILURE) };
    let plan = Plan::of(access.store.as_ref(), &file).await?;
    let mut out = std::io::stdout();
    out.write_all(changes(&plan)?.as_bytes())?;
    if dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let leavers = plan.leavers();
    plan.apply(access.store.as_ref(), SystemClock.now()).await?;
    for rep in leavers.iter().filter(|_| catalog.is_some()) {
        let handed =
            hand_over(access).of(rep).await.with_context(|| format!("run `perennial reps deactivate {rep}`"))?;
        out.write_all(told(rep, &handed)?.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A file, and the directory that it lies in.
fn read(path: &Path) -> anyhow::Result<(SourceFile, &Path)> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // What is not UTF-8 is said where the rest is.
    let source = SourceFile { path: name, text: String::from_utf8_lossy(&text).into_owned() };
    Ok((source, path.parent().unwrap_or_else(|| Path::new(""))))
}

/// What a plan changes.
fn changes(plan: &Plan) -> anyhow::Result<String> {
    if plan.is_empty() {
        return Ok("nothing to change: the file says what is in force\n".to_owned());
    }
    let mut text = String::new();
    for (name, change) in &plan.teams {
        writeln!(text, "  team {name}: {}", became(change))?;
    }
    for (name, change) in &plan.reps {
        writeln!(text, "  {name}: {}", became(change))?;
    }
    Ok(text)
}

fn became(change: &Change) -> String {
    match change {
        Change::Added => "new".to_owned(),
        Change::Removed => "gone".to_owned(),
        Change::Changed(settings) => format!("another {}", settings.join(", ")),
    }
}

/// The reps that `up` puts in force: a file that is named, or the one beside the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Reps {
    source: SourceFile,
    directory: PathBuf,
}

impl Reps {
    /// The file that is named.
    pub(crate) fn named(path: &Path) -> anyhow::Result<Self> {
        let (source, directory) = read(path)?;
        Ok(Self { source, directory: directory.to_owned() })
    }

    /// The one among the files of a directory, if there is one.
    pub(crate) fn beside(files: &[SourceFile], directory: &Path) -> Option<Self> {
        let source = files.iter().find(|file| file.path == REPS_FILE)?.clone();
        Some(Self { source, directory: directory.to_owned() })
    }

    /// Puts them in force. What changes, in words; what is wrong is said, and changes nothing.
    pub(crate) async fn put_in_force(&self, store: &dyn Store, library: &Library) -> anyhow::Result<String> {
        let catalog = library.catalog().await?;
        let (file, found) = read_reps(&self.source, Some(&catalog));
        let mut error = std::io::stderr();
        check::print_found(&found, std::slice::from_ref(&self.source), &self.directory, &mut error)?;
        let Some(file) = file else {
            writeln!(error, "who sells stays as it was")?;
            return Ok(String::new());
        };
        match Plan::of(store, &file).await {
            Ok(plan) if plan.is_empty() => Ok(String::new()),
            Ok(plan) => {
                let said = changes(&plan)?;
                plan.apply(store, SystemClock.now()).await?;
                // In force before it is said to be.
                library.look_again();
                Ok(format!("reps\n{said}"))
            }
            Err(RosterError::Store(failed)) => Err(failed.into()),
            Err(wrong @ (RosterError::StillOwn(_) | RosterError::Unknown(_) | RosterError::Overtaken)) => {
                writeln!(error, "error: {wrong}\nwho sells stays as it was")?;
                Ok(String::new())
            }
        }
    }
}
