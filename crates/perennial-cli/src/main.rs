//! The `perennial` command: data on standard output, messages on standard error, a status that scripts
//! can trust (0 right, 1 something is wrong with the data, 2 the command could not be run).

mod access;
mod broadcast;
mod check;
mod classify;
mod desk;
mod diff;
mod doctor;
mod graph;
mod lead;
mod migrate;
mod preview;
mod privacy;
mod program;
mod push;
mod quarantine;
mod record;
mod report;
mod reps;
mod sending;
mod snippet;
mod suppress;
mod tasks;
mod test_send;
mod up;
mod webhooks;

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use perennial_app::crm::Bridge;
use perennial_app::desk::Desk;
use perennial_app::engagement::{Heard, Listener};
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::programs;
use perennial_app::report::{audit, second_look, sla, turnbacks, waterfall};
use perennial_cli::{dispositions, import};
use perennial_core::contact::EmailAddress;
use perennial_core::decide::ReviewVerdict;
use perennial_core::diagnostic::Code;
use perennial_core::ids::{LeadId, TouchId};
use tracing_subscriber::EnvFilter;

use crate::access::{Access, StoreArgs};

/// Lead nurturing that never loses a lead.
// Neither this nor what stands in it has a `Debug`: arguments name people.
#[derive(Parser)]
#[command(name = "perennial", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole suite on this machine: forms, sweeps, and a mailbox in the browser.
    Up(up::UpArgs),
    /// Takes in a list of leads.
    Import {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        import: import::ImportArgs,
        /// The directory of the programs, for a store in which none are published yet.
        #[arg(long, value_name = "DIR", default_value = "programs")]
        programs: PathBuf,
    },
    /// Takes in what sales did with leads, from a list: how a CRM that tells nothing by itself is heard.
    #[command(subcommand)]
    Dispositions(Dispositions),
    /// Checks the programs.
    Check {
        /// The directory of the programs.
        #[arg(value_name = "DIR", default_value = "programs")]
        directory: PathBuf,
        /// How to print what is found.
        #[arg(long, value_enum, default_value_t = check::Format::Text)]
        format: check::Format,
        /// Explains a code, with an example of what gives it and one that is right.
        #[arg(long, value_name = "CODE", value_parser = check::code)]
        explain: Option<Code>,
    },
    /// Shows when a program's touches go out to a sample lead, and what each mail says.
    Preview(preview::PreviewArgs),
    /// Sends one mail of a program to a colleague, marked as a test: as it would look, and as no touch of anybody.
    TestSend(test_send::TestSendArgs),
    /// Draws a program: its steps, and the ways between them.
    Graph(graph::GraphArgs),
    /// Publishes the programs: leads that start from now on start them, those under way stay in what they started.
    Push(push::PushArgs),
    /// Shows step by step what changes from one state of the programs to another, and who stands there.
    Diff(diff::DiffArgs),
    /// Moves leads from older versions of a program to the one in force, or out of it.
    Migrate(migrate::MigrateArgs),
    /// Lists the programs in force and who is in them; pauses one and lets it go on.
    #[command(subcommand)]
    Program(program::ProgramCommand),
    /// Sends one mail to everybody of a segment, once; says before who would get it, and why others would not.
    #[command(subcommand)]
    Broadcast(broadcast::BroadcastCommand),
    /// Shows where every lead is.
    #[command(subcommand)]
    Report(Report),
    /// Shows who sells and what they have, puts a file of reps in force, and hands on what somebody leaves behind.
    Reps(reps::RepsArgs),
    /// Lists what waits for whom, the most urgent first.
    Tasks(tasks::TasksArgs),
    /// Does something about one lead.
    #[command(subcommand)]
    Lead(lead::LeadCommand),
    /// Proves that no lead is lost: a pulse, an owner and an explaining history for each.
    Audit {
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tells the suite what a person did where it does not listen: a reply, a call, a meeting, an answer.
    Record {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        record: record::RecordArgs,
    },
    /// Prints a link to the pages of somebody who sells: their list, or one lead. Or a token for the API.
    Desk {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        desk: desk::DeskArgs,
    },
    /// Measures how well machines and people are told apart by what they do with links, on traffic made for it.
    Classify(classify::ClassifyArgs),
    /// Prints what goes into your own pages and servers: a script, a form, an event.
    #[command(subcommand)]
    Snippet(snippet::Snippet),
    /// Shows who is held back as junk, lets them in, or keeps them out.
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Stops all mail to a person who asked for it in some other way than by the link in a mail.
    Unsubscribe {
        #[command(flatten)]
        store: StoreArgs,
        /// The person's address.
        address: String,
    },
    /// Stops all mail to the addresses in a file, whether or not we know them.
    Suppress {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        suppress: suppress::SuppressArgs,
    },
    /// Looks at a deployment: whether it can send mail and is whole, and what to do where it is not.
    Doctor(doctor::DoctorArgs),
    /// Shows whether mail goes out; pauses it and lets it go.
    #[command(subcommand)]
    Sending(sending::SendingCommand),
    /// Shows the webhooks of the catalog: what waits for each, and what was given up. (docs/webhooks.md)
    Webhooks(webhooks::WebhooksArgs),
    /// Erases a person: nothing personal is left. Doing it again finishes what was interrupted.
    Erase {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        person: privacy::PersonArgs,
    },
    /// Hands out everything that is kept of a person, as JSON (docs/privacy.md).
    Export {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        export: privacy::ExportArgs,
    },
    /// Lets go of what was kept as long as `[retention]` says. On a table: run it once a day.
    Retain {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Settles a mail on the review list: one that nobody knows whether it was sent.
    Review {
        #[command(flatten)]
        store: StoreArgs,
        /// What you found.
        #[arg(value_enum)]
        verdict: Verdict,
        /// The lead, as `audit` lists it.
        lead: LeadId,
        /// The touch, as `audit` lists it.
        touch: TouchId,
    },
}

#[derive(Subcommand)]
enum Dispositions {
    /// Takes in a list: a status for each lead, and what stands beside it.
    Import {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        list: dispositions::DispositionsArgs,
    },
}

#[derive(Debug, Subcommand)]
enum Report {
    /// Received = the sum of all places, to the last lead.
    Waterfall {
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// What became of the leads that sales gave back, by reason and rep; and who was no lead, and was one after all.
    Turnbacks {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        shown: report::ShownAs,
    },
    /// How fast sales is with what it is offered, by team and owner.
    Sla {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        shown: report::ShownAs,
    },
    /// Some of those who were said to be no leads in the last 30 days, for somebody to look at again.
    SecondLook {
        #[command(flatten)]
        store: StoreArgs,
        /// How many. The same ones again, as long as they are that recent.
        #[arg(long, value_name = "N", default_value_t = report::SAMPLE, value_parser = report::sample_size())]
        sample: u64,
        #[command(flatten)]
        shown: report::ShownAs,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Verdict {
    /// It went out.
    Sent,
    /// It did not, and is not to be sent any more.
    Dropped,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    runtime.block_on(run(cli.command)).unwrap_or_else(|error| fail(&error))
}

fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("warn,dynoxide=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if is_read_enough(error) {
        return ExitCode::SUCCESS;
    }
    // Standard error may be closed; there is nobody left to tell.
    let _: std::io::Result<()> = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::from(2)
}

/// Whether whoever reads what is printed, `head` say, wants no more of it: that is nobody's mistake.
fn is_read_enough(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Import { store, import, programs } => run_import(&store, &import, &programs).await,
        Command::Dispositions(Dispositions::Import { store, list }) => run_dispositions(&store, &list).await,
        Command::Check { explain: Some(code), .. } => check::explain(code, &mut out),
        Command::Check { directory, format, explain: None } => check::run(&directory, format, &mut out),
        Command::Preview(args) => preview::run(&args, Timestamp::now(), &mut out),
        Command::TestSend(args) => test_send::run(&args, &mut out).await,
        Command::Graph(args) => graph::run(&args, &mut out),
        Command::Push(args) => push::run(&args).await,
        Command::Diff(args) => diff::run(&args).await.map(|()| ExitCode::SUCCESS),
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Program(command) => program::run(command, &mut out).await,
        Command::Broadcast(command) => broadcast::run(command, &mut out).await,
        Command::Report(report) => run_report(report, &mut out).await,
        Command::Audit { store, json } => {
            let access = Access::open(&store).await?;
            let report = audit(access.store.as_ref(), access.now).await?;
            access.close().await?;
            report::print_audit(&report, json, &mut out)
        }
        Command::Reps(args) => reps::run(args).await,
        Command::Tasks(args) => tasks::run(args).await,
        Command::Lead(command) => lead::run(command).await,
        Command::Record { store, record } => record::run(&store, record).await,
        Command::Desk { store, desk } => desk::run(&store, &desk).await,
        Command::Classify(args) => classify::run(&args, &mut out),
        Command::Snippet(command) => snippet::run(command, &mut out).await,
        Command::Quarantine(command) => quarantine::run(command).await,
        Command::Unsubscribe { store, address } => run_unsubscribe(&store, &address).await,
        Command::Suppress { store, suppress } => suppress::run(&store, &suppress, &mut out).await,
        Command::Doctor(args) => doctor::run(&args, &mut out).await,
        Command::Sending(command) => sending::run(command, &mut out).await,
        Command::Webhooks(args) => webhooks::run(&args, &mut out).await,
        Command::Erase { store, person } => privacy::erase(&store, &person).await,
        Command::Export { store, export } => privacy::export(&store, &export).await,
        Command::Retain { store } => privacy::retain(&store).await,
        Command::Review { store, verdict, lead, touch } => run_review(&store, verdict, &lead, touch).await,
    }
}

/// Reads the whole store, and prints what it says.
async fn run_report(report: Report, out: &mut std::io::Stdout) -> anyhow::Result<ExitCode> {
    let (Report::Waterfall { store, .. }
    | Report::Turnbacks { store, .. }
    | Report::Sla { store, .. }
    | Report::SecondLook { store, .. }) = &report;
    let access = Access::open(store).await?;
    let leads = access.store.as_ref();
    match report {
        Report::Waterfall { json, .. } => {
            let report = waterfall(leads).await?;
            access.close().await?;
            report::print_waterfall(&report, json, out)
        }
        Report::Turnbacks { shown, .. } => {
            let report = turnbacks(leads).await?;
            access.close().await?;
            report::print_turnbacks(&report, shown, out)
        }
        Report::Sla { shown, .. } => {
            let catalog = access.library().catalog().await?;
            let report = sla(leads, &catalog).await?;
            access.close().await?;
            report::print_sla(&report, shown, out)
        }
        Report::SecondLook { sample, shown, .. } => {
            let report = second_look(leads, access.now, usize::try_from(sample)?).await?;
            access.close().await?;
            report::print_second_look(&report, shown, out)
        }
    }
}

/// The programs in force in a store. Where none are, those of a directory are published first: so that no lead is
/// ever in a version that its store does not have.
async fn library(access: &Access, directory: &Path) -> anyhow::Result<Option<Arc<Library>>> {
    if access.store.release().await?.is_none() {
        let read = programs::read(directory);
        let files = read.with_context(|| format!("cannot read the programs in {}", directory.display()))?;
        match push::push(access.store.as_ref(), &files, &BTreeSet::new(), false).await {
            Ok(plan) => std::io::stderr().write_all(push::told(&plan, "release", directory).as_bytes())?,
            Err(error) => {
                push::refused(&error, &files, directory)?;
                return Ok(None);
            }
        }
    }
    Ok(Some(access.library()))
}

async fn run_import(store: &StoreArgs, args: &import::ImportArgs, programs: &Path) -> anyhow::Result<ExitCode> {
    let access = Access::open_or_make(store).await?;
    let Some(library) = library(&access, programs).await? else {
        access.close().await?;
        return Ok(ExitCode::from(2));
    };
    let door = Door { store: access.store.clone(), library, pepper: access.pepper()?, clock: access.clock() };
    let started = Instant::now();
    let imported = import::run(&door, args).await;
    let seconds = started.elapsed().as_secs_f64();
    drop(door);
    access.close().await?;
    match imported {
        Ok(summary) => {
            write!(std::io::stdout(), "{summary}")?;
            writeln!(std::io::stderr(), "{seconds:.1} s")?;
            Ok(ExitCode::from(u8::from(summary.has_refused())))
        }
        Err(error) => {
            let report = format!("{:?}", miette::Report::new(error));
            writeln!(std::io::stderr(), "{}", import::printed(&report))?;
            Ok(ExitCode::from(2))
        }
    }
}

async fn run_dispositions(store: &StoreArgs, list: &dispositions::DispositionsArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let desk = Desk {
        store: access.store.clone(),
        library: access.library(),
        pepper: access.pepper()?,
        clock: access.clock(),
    };
    let bridge = Bridge { desk };
    let taken_in = dispositions::run(&bridge, list).await;
    drop(bridge);
    access.close().await?;
    match taken_in {
        Ok(summary) => {
            write!(std::io::stdout(), "{summary}")?;
            Ok(ExitCode::from(u8::from(summary.has_refused())))
        }
        Err(error) => {
            let report = format!("{:?}", miette::Report::new(error));
            writeln!(std::io::stderr(), "{}", import::printed(&report))?;
            Ok(ExitCode::from(2))
        }
    }
}

async fn run_unsubscribe(store: &StoreArgs, address: &str) -> anyhow::Result<ExitCode> {
    let address = EmailAddress::parse(address).context("that is not an e-mail address")?;
    let access = Access::open(store).await?;
    let lead = LeadId::of_email(&access.pepper()?, &address);
    let is_known = access.store.load(&lead).await?.is_some();
    let listener = Listener { store: access.store.clone(), library: access.library(), clock: access.clock() };
    let heard = listener.unsubscribe(&lead).await?;
    drop(listener);
    access.close().await?;
    let said = match (is_known, heard) {
        (false, _) => "nobody of that address is known here",
        (true, Heard::Decided) => "unsubscribed",
        (true, Heard::Nothing) => "was unsubscribed already",
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(ExitCode::from(u8::from(!is_known)))
}

async fn run_review(store: &StoreArgs, verdict: Verdict, lead: &LeadId, touch: TouchId) -> anyhow::Result<ExitCode> {
    let verdict = match verdict {
        Verdict::Sent => ReviewVerdict::Sent,
        Verdict::Dropped => ReviewVerdict::Dropped,
    };
    let access = Access::open(store).await?;
    let listener = Listener { store: access.store.clone(), library: access.library(), clock: access.clock() };
    let heard = listener.review(lead, touch, verdict).await?;
    drop(listener);
    access.close().await?;
    let said = match heard {
        Heard::Decided => "settled",
        Heard::Nothing => "there is no such mail on the review list",
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(ExitCode::from(u8::from(heard == Heard::Nothing)))
}
