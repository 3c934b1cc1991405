//! `perennial up`: the whole suite on this machine, until Ctrl-C.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use perennial_app::error_chain::ErrorChain;
use perennial_app::programs;
use perennial_app::webhooks::Destination;
use perennial_core::catalog::Catalog;
use perennial_core::loader::SourceFile;
use perennial_local::authorizer::Caller;
use perennial_local::clock::{Pace, TimeLapse};
use perennial_local::suite::{StartError, Suite};
use sales_desk::SALES_PATH;
use tokio::time::sleep;

use crate::push::{push, refused, told};
use crate::reps::Reps;
use crate::webhooks::destination;

/// How often the programs' directory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    /// The port of 127.0.0.1 to serve on.
    #[arg(long, default_value_t = 8700)]
    port: u16,
    /// The file that holds everything; it is made if it is not there.
    #[arg(long, value_name = "FILE", default_value = "perennial.db")]
    store: PathBuf,
    /// Runs the suite's clock faster: `1d/s` is a day in a second, `12h/s` half a day.
    #[arg(long, value_name = "PACE")]
    time_lapse: Option<TimeLapse>,
    /// The directory of the programs.
    #[arg(long, value_name = "DIR", default_value = "programs")]
    programs: PathBuf,
    /// A file of reps to put in force at the start, in place of the reps.toml beside the catalog.
    #[arg(long, value_name = "FILE")]
    reps: Option<PathBuf>,
    /// A drop folder for mail that comes in: each `*.eml` in it is taken in, and becomes `*.eml.taken`.
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// Tells webhooks of events: each below this address on this machine, by its name, or where the `catalog` says.
    /// Without it none is told, so that nothing you try reaches anybody.
    #[arg(long, value_name = "URL", value_parser = destination)]
    webhooks_to: Option<Destination>,
}

/// Publishes the programs and runs the suite until it is told to stop. Does not start on programs that may not be
/// published.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<ExitCode> {
    let files = programs::read(&args.programs)
        .with_context(|| format!("cannot read the programs in {}", args.programs.display()))?;
    let named = args.reps.as_deref().map(Reps::named).transpose()?;
    let pace = args.time_lapse.map_or(Pace::Real, Pace::TimeLapse);
    let (directory, webhooks) = (Some(args.programs.clone()), args.webhooks_to.clone());
    let suite = match Suite::start(&args.store, args.port, pace, &files, directory, webhooks).await {
        Ok(suite) => suite,
        Err(StartError::Push(error)) => return refused(&error, &files, &args.programs),
        Err(error) => return Err(error.into()),
    };
    let reps = named.clone().or_else(|| Reps::beside(&files, &args.programs));
    let said = match reps {
        Some(reps) => reps.put_in_force(suite.store().as_ref(), suite.library()).await?,
        None => String::new(),
    };
    greet(&suite, &args, &*suite.library().catalog().await?)?;
    std::io::stdout().write_all(said.as_bytes())?;
    tokio::select! {
        ended = wait_for_end() => ended?,
        () = watch(&suite, &args.programs, &files, named.as_ref()) => {}
        () = take_in(&suite, args.inbox.as_deref()) => {}
    }
    suite.stop().await?;
    writeln!(std::io::stdout(), "\nStopped. Everything is in {}.", args.store.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Publishes the directory again after each change of it, for ever. What may not be published is said, and what was
/// in force stays.
async fn watch(suite: &Suite, directory: &Path, published: &[SourceFile], named: Option<&Reps>) {
    let mut done = published.to_vec();
    let (mut seen, mut read, mut unread) = (None, None, None);
    loop {
        sleep(LOOK_EVERY).await;
        let Ok(stamp) = programs::stamp(directory) else { continue };
        // While files are being written, nothing is read: a later look finds them whole.
        let is_settled = seen.as_ref() == Some(&stamp);
        seen = Some(stamp);
        if !is_settled || seen == read {
            continue;
        }
        let files = match programs::read(directory) {
            Ok(files) => files,
            Err(error) => {
                // Said once, and tried again: a file that is locked is free a little later.
                if unread != seen {
                    let said = format!("error: {}\nwhat was in force stays in force", ErrorChain(&error));
                    let _: std::io::Result<()> = writeln!(std::io::stderr(), "{said}");
                    unread.clone_from(&seen);
                }
                continue;
            }
        };
        read.clone_from(&seen);
        if files != done {
            // Whoever read what is said may be gone; the suite goes on.
            let _: anyhow::Result<()> = changed(suite, directory, &files, named).await;
            done = files;
        }
    }
}

/// Takes in what is dropped into the folder, for ever.
async fn take_in(suite: &Suite, folder: Option<&Path>) {
    let Some(folder) = folder else { return std::future::pending().await };
    loop {
        sleep(LOOK_EVERY).await;
        if let Err(error) = suite.inbox().take_from(folder) {
            // Whoever reads it may be gone; the suite goes on.
            let _: std::io::Result<()> = writeln!(std::io::stderr(), "{}", ErrorChain(&error));
        }
    }
}

async fn changed(suite: &Suite, directory: &Path, files: &[SourceFile], named: Option<&Reps>) -> anyhow::Result<()> {
    match push(suite.store().as_ref(), files, &BTreeSet::new(), false).await {
        // Written back as it was.
        Ok(plan) if plan.is_empty() => {}
        Ok(plan) => {
            // In force before it is said to be.
            suite.library().look_again();
            std::io::stdout().write_all(told(&plan, "release", directory).as_bytes())?;
        }
        Err(error) => {
            refused(&error, files, directory)?;
            writeln!(std::io::stderr(), "what was in force stays in force")?;
            return Ok(());
        }
    }
    match Reps::beside(files, directory).filter(|_| named.is_none()) {
        Some(reps) => {
            let said = reps.put_in_force(suite.store().as_ref(), suite.library()).await?;
            Ok(std::io::stdout().write_all(said.as_bytes())?)
        }
        None => Ok(()),
    }
}

fn greet(suite: &Suite, args: &UpArgs, catalog: &Catalog) -> anyhow::Result<()> {
    let base = suite.base_url();
    let mut out = std::io::stdout().lock();
    writeln!(out, "Perennial is up at {base}")?;
    writeln!(out, "  a form to fill in   {base}/form")?;
    writeln!(out, "  the mail it sends   {base}/mailbox")?;
    writeln!(out, "  the programs        {base}/programs")?;
    // As this command was called: it need not be on the path.
    let command = std::env::args().next().unwrap_or_else(|| "perennial".to_owned());
    writeln!(out, "  the leads           {command} report waterfall --store {}", args.store.display())?;
    greet_webhooks(suite, catalog, &mut out)?;
    writeln!(out, "  whoever sells       {command} desk --queue NAME --store {}", args.store.display())?;
    let token = suite.authorizer().token(&Caller::Operator, Timestamp::now());
    writeln!(out, "  the API of sales    {base}{SALES_PATH}leads?queue=NAME, by this token (for 12 hours):\n{token}")?;
    let now = suite.clock().now();
    match args.time_lapse {
        Some(pace) => writeln!(out, "Time-lapse: {pace}. The suite's clock stands at {}.", minute(now))?,
        None if now.duration_since(Timestamp::now()).as_secs() > 60 => {
            writeln!(out, "An earlier time-lapse brought this store to {}; it goes on from there.", minute(now))?;
        }
        None => {}
    }
    writeln!(out, "Everything is kept in {}. Ctrl-C stops.", args.store.display())?;
    if !suite.published().is_empty() {
        out.write_all(told(suite.published(), "release", &args.programs).as_bytes())?;
    }
    Ok(())
}

/// Where each webhook is called, and what its server verifies with.
fn greet_webhooks(suite: &Suite, catalog: &Catalog, out: &mut impl std::io::Write) -> anyhow::Result<()> {
    let Some(webhooks) = suite.webhooks() else { return Ok(()) };
    for (name, webhook) in &catalog.webhooks {
        let url = webhooks.destination.of(name, webhook);
        writeln!(out, "  the webhook {:<7} {}", name.as_str(), url.as_str())?;
        for secret in webhooks.secrets.of(name) {
            writeln!(out, "    signed with       {secret}")?;
        }
    }
    Ok(())
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Ctrl-C, or the signal by which an operating system ends a service.
async fn wait_for_end() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
