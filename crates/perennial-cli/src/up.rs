//! `perennial up`: the whole suite on this machine, until Ctrl-C.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use perennial_local::clock::{Pace, TimeLapse};
use perennial_local::suite::Suite;

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
}

/// Runs the suite until it is told to stop.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let catalog = crate::catalog(&args.programs)?;
    let pace = args.time_lapse.map_or(Pace::Real, Pace::TimeLapse);
    let suite = Suite::start(&args.store, args.port, pace, catalog.into()).await?;
    greet(&suite, &args)?;
    wait_for_end().await?;
    suite.stop().await?;
    writeln!(std::io::stdout(), "\nStopped. Everything is in {}.", args.store.display())?;
    Ok(())
}

fn greet(suite: &Suite, args: &UpArgs) -> anyhow::Result<()> {
    let base = suite.base_url();
    let mut out = std::io::stdout().lock();
    writeln!(out, "Perennial is up at {base}")?;
    writeln!(out, "  a form to fill in   {base}/form")?;
    writeln!(out, "  the mail it sends   {base}/mailbox")?;
    // As this command was called: it need not be on the path.
    let command = std::env::args().next().unwrap_or_else(|| "perennial".to_owned());
    writeln!(out, "  the leads           {command} report waterfall --store {}", args.store.display())?;
    let now = suite.clock().now();
    match args.time_lapse {
        Some(pace) => writeln!(out, "Time-lapse: {pace}. The suite's clock stands at {}.", minute(now))?,
        None if now.duration_since(Timestamp::now()).as_secs() > 60 => {
            writeln!(out, "An earlier time-lapse brought this store to {}; it goes on from there.", minute(now))?;
        }
        None => {}
    }
    writeln!(out, "Everything is kept in {}. Ctrl-C stops.", args.store.display())?;
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
