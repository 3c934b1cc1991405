//! `perennial program`: which programs are in force and who is in them, and pausing one.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;
use perennial_app::pausing::{PauseError, ProgramStatus, Switched, pause, resume, statuses};
use perennial_app::push::Leads;
use perennial_core::ids::ProgramName;

use crate::access::{Access, StoreArgs};
use crate::preview::did_you_mean;

#[derive(Debug, Subcommand)]
pub(crate) enum ProgramCommand {
    /// Lists the programs in force: how many leads are in each, and which are paused.
    List {
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Holds everything of a program that anybody would notice, answers too, until `resume`. It waits; nothing is dropped.
    Pause {
        #[command(flatten)]
        store: StoreArgs,
        /// The program: its folder's name.
        program: ProgramName,
    },
    /// Lets a program go on that was paused.
    Resume {
        #[command(flatten)]
        store: StoreArgs,
        /// The program: its folder's name.
        program: ProgramName,
    },
}

/// Exit status 1 if there is no such program.
pub(crate) async fn run(command: ProgramCommand, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (ProgramCommand::List { store: args, .. }
    | ProgramCommand::Pause { store: args, .. }
    | ProgramCommand::Resume { store: args, .. }) = &command;
    let access = Access::open(args).await?;
    let told = answer(&access, &command).await;
    access.close().await?;
    match told {
        Ok(text) => {
            out.write_all(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => match error.downcast_ref() {
            Some(PauseError::NoProgram { program, known }) => {
                let known: Vec<&str> = known.iter().map(ProgramName::as_str).collect();
                writeln!(out, "{error}{}", did_you_mean(program.as_str(), &known))?;
                Ok(ExitCode::FAILURE)
            }
            Some(PauseError::NothingPublished | PauseError::Contended | PauseError::Store(_)) | None => Err(error),
        },
    }
}

async fn answer(access: &Access, command: &ProgramCommand) -> anyhow::Result<String> {
    let store = access.store.as_ref();
    match command {
        ProgramCommand::List { json, .. } => {
            let statuses = statuses(store).await?;
            Ok(if *json { serde_json::to_string_pretty(&statuses)? + "\n" } else { table(&statuses) })
        }
        ProgramCommand::Pause { program, .. } => Ok(match pause(store, program, access.now).await? {
            Switched::Now => {
                format!("`{program}` is paused within a minute; what is due waits, and leads still enter it\n")
            }
            Switched::Before => format!("`{program}` is paused already\n"),
        }),
        ProgramCommand::Resume { program, .. } => Ok(match resume(store, program).await? {
            Switched::Now => {
                let hours = access.library().catalog().await?.breaker.look_again.as_hours();
                format!("`{program}` goes on; what waits is looked at again within {hours} hours\n")
            }
            Switched::Before => format!("`{program}` is not paused\n"),
        }),
    }
}

fn table(statuses: &[ProgramStatus]) -> String {
    let width = statuses.iter().map(|status| status.program.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for ProgramStatus { program, version, leads, paused_since } in statuses {
        let version = version.as_ref().map_or("retired", |version| version.0.as_str());
        let paused = paused_since.map(|since| format!("   paused since {since}")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _: std::fmt::Result =
            writeln!(text, "{:width$}  {version:12}  {:>14}{paused}", program.as_str(), Leads(*leads));
    }
    text
}
