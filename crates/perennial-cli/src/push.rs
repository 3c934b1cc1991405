//! `perennial push`: a directory's programs become the release in force.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use perennial_app::ports::{Clock as _, Store, SystemClock};
use perennial_app::programs;
use perennial_app::push::{Change, InUse, Leads, Plan, Push, PushError, plan};
use perennial_core::diagnostic::Diagnostic;
use perennial_core::ids::ProgramName;
use perennial_core::loader::SourceFile;
use perennial_core::program::ProgramVersion;

use crate::access::{Access, StoreArgs};
use crate::check;

/// What to push, and where.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The directory of the programs.
    #[arg(value_name = "DIR", default_value = "programs")]
    directory: PathBuf,
    /// Says what would be published, and publishes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Lets a program go that leads are in: nobody starts it any more, and they finish it as it was.
    #[arg(long, value_name = "PROGRAM")]
    retire: Vec<ProgramName>,
}

/// Publishes what is new. Exit status 1 if the programs may not be published so, 2 if somebody else was quicker.
pub(crate) async fn run(args: &PushArgs) -> anyhow::Result<ExitCode> {
    let files = programs::read(&args.directory)?;
    let there = programs::by_program(&files);
    if let Some(name) = args.retire.iter().find(|name| there.contains_key(*name)) {
        bail!("`{name}` is still in {}: remove its folder to retire it", args.directory.display());
    }
    let access = Access::open_or_make(&args.store).await?;
    let retired = args.retire.iter().cloned().collect();
    let pushed = push(access.store.as_ref(), &files, &retired, args.dry_run).await;
    access.close().await?;
    match pushed {
        Ok(plan) => {
            check::print_found(&plan.diagnostics, &files, &args.directory, &mut std::io::stderr())?;
            let begin = if args.dry_run { "would make release" } else { "release" };
            std::io::stdout().write_all(told(&plan, begin, &args.directory).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => refused(&error, &files, &args.directory),
    }
}

/// Publishes what is new in a directory.
pub(crate) async fn push(
    store: &dyn Store,
    files: &[SourceFile],
    retired: &BTreeSet<ProgramName>,
    dry_run: bool,
) -> Result<Plan, PushError> {
    let plan = plan(store, &Push { files, retired, now: SystemClock.now() }).await?;
    if !dry_run {
        plan.publish(store).await?;
    }
    Ok(plan)
}

/// What a push does, or did.
pub(crate) fn told(plan: &Plan, begin: &str, directory: &Path) -> String {
    let rev = plan.release.rev;
    if plan.is_empty() {
        return format!("nothing to publish: release {rev} is what {} holds\n", directory.display());
    }
    if rev == 1 {
        // All of them are new.
        return format!("{begin} 1: {} programs\n", plan.release.programs.len());
    }
    let mut text = format!("{begin} {rev}\n");
    let width = plan.changes.iter().map(|change| change.program.as_str().len()).max().unwrap_or(0);
    for change in &plan.changes {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(text, "  {:width$}  {}", change.program.as_str(), became(change));
    }
    if plan.catalog_changes {
        text.push_str("  catalog.toml is another: it is in force for everybody at once\n");
    }
    text
}

fn became(change: &Change) -> String {
    let staying = Leads(change.staying);
    let versions = match (&change.from, &change.to) {
        (None, Some(to)) => format!("new: {}", to.0),
        (Some(from), Some(to)) => format!("{} → {}", from.0, to.0),
        (Some(from), None) => format!("{} → gone", from.0),
        (None, None) => String::new(),
    };
    match (change.staying, &change.to) {
        (0, _) => versions,
        (_, Some(_)) => format!("{versions}   {staying} in older versions"),
        (_, None) => format!("{versions}   {staying} to the end of it"),
    }
}

/// Says why nothing was published, and what to do.
pub(crate) fn refused(error: &PushError, files: &[SourceFile], directory: &Path) -> anyhow::Result<ExitCode> {
    let mut stderr = std::io::stderr();
    match error {
        PushError::NotUsable { diagnostics, emptied } => {
            // The cause first: a form that names a program which is gone only follows from it.
            for program in emptied {
                writeln!(stderr, "{}\n", said(program))?;
            }
            check::print_found(diagnostics, files, directory, &mut stderr)?;
            Ok(ExitCode::FAILURE)
        }
        PushError::InUse(in_use) => {
            for program in in_use {
                writeln!(stderr, "{}", said(program))?;
            }
            Ok(ExitCode::FAILURE)
        }
        PushError::Unreadable { in_use, diagnostics } => {
            for diagnostic in diagnostics {
                writeln!(stderr, "{}", line(diagnostic))?;
            }
            for version in in_use {
                writeln!(stderr, "error: {version}, and would not read with this catalog.toml")?;
            }
            let help = "keep in catalog.toml what it needs; or migrate its leads, push, and then change catalog.toml";
            writeln!(stderr, "help: {help}")?;
            Ok(ExitCode::FAILURE)
        }
        PushError::NameOfBroadcast(_) => {
            writeln!(stderr, "error: {error}")?;
            Ok(ExitCode::FAILURE)
        }
        PushError::BroadcastUnreadable { names, diagnostics } => {
            for diagnostic in diagnostics {
                writeln!(stderr, "{}", line(diagnostic))?;
            }
            writeln!(stderr, "error: {error}")?;
            for name in names {
                writeln!(
                    stderr,
                    "help: keep in catalog.toml what it needs, or stop it: `perennial broadcast stop {name}`"
                )?;
            }
            Ok(ExitCode::FAILURE)
        }
        PushError::Overtaken => {
            writeln!(stderr, "error: {error}")?;
            writeln!(stderr, "help: nothing was published; `perennial diff` shows what is in force now")?;
            Ok(ExitCode::from(2))
        }
        PushError::Store(_) => {
            writeln!(stderr, "error: {}", perennial_app::error_chain::ErrorChain(error))?;
            Ok(ExitCode::from(2))
        }
    }
}

fn said(in_use: &InUse) -> String {
    let InUse { program, .. } = in_use;
    format!(
        "error: {in_use}: it cannot be removed\n\
         help: move them on (`perennial migrate {program} --exit`), or let them finish it (`perennial push --retire {program}`)"
    )
}

fn line(Diagnostic { code, file, message, .. }: &Diagnostic) -> String {
    format!("{} {file}: {message}", code.as_str())
}

/// A version as a person types it.
pub(crate) fn parse_version(text: &str) -> Result<ProgramVersion, String> {
    let is_version =
        text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_version {
        Ok(ProgramVersion(text.to_owned()))
    } else {
        Err("a version is 12 digits of 0-9 and a-f".to_owned())
    }
}
