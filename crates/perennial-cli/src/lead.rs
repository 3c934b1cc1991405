//! `perennial lead`: what is done about one lead by hand.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use perennial_app::desk::{Desk, DisposeError, Done};
use perennial_app::direct::{DirectError, Director};
use perennial_core::decide::{Direction, Misdirection};
use perennial_core::ids::{ProgramName, QueueName, RepName};
use perennial_core::lead::{Enrolment, Ownership};
use perennial_core::sales::Party;

use crate::access::{Access, StoreArgs};
use crate::preview::did_you_mean;

#[derive(Subcommand)]
pub(crate) enum LeadCommand {
    /// Gives a lead to a rep or a queue.
    Hand {
        #[command(flatten)]
        store: StoreArgs,
        /// The lead, by its address or its id.
        lead: String,
        /// Whom: a rep, else a queue of that name.
        #[arg(long, value_name = "NAME")]
        to: String,
    },
    /// Puts a lead into a program at once, out of the one that it is in.
    Enrol {
        #[command(flatten)]
        lead: LeadArgs,
        /// The program: its folder's name.
        #[arg(long, value_name = "NAME")]
        program: ProgramName,
        /// Begins anew, from the first step, where the lead is in that program already.
        #[arg(long)]
        again: bool,
    },
    /// Takes a lead out of its program: it goes on to the one that follows that.
    Exit {
        #[command(flatten)]
        lead: LeadArgs,
    },
}

/// Whom to move, and why.
#[derive(Args)]
pub(crate) struct LeadArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The lead, by its address or its id.
    lead: String,
    /// Why: a note on the lead's page.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Exit status 1 if it was refused.
pub(crate) async fn run(command: LeadCommand) -> anyhow::Result<ExitCode> {
    let said = match command {
        LeadCommand::Hand { store, lead, to } => {
            let access = Access::open(&store).await?;
            let handed = hand(&access, &lead, &to).await;
            access.close().await?;
            handed?
        }
        LeadCommand::Enrol { lead, program, again: true } => direct(&lead, &Direction::Anew(program)).await?,
        LeadCommand::Enrol { lead, program, again: false } => direct(&lead, &Direction::Into(program)).await?,
        LeadCommand::Exit { lead } => direct(&lead, &Direction::Out).await?,
    };
    let (Ok(text) | Err(text)) = &said;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::from(u8::from(said.is_err())))
}

/// What came of it, or why it was not taken.
async fn hand(access: &Access, lead: &str, to: &str) -> anyhow::Result<Result<String, String>> {
    let lead = access.lead_of(lead)?;
    let (store, clock, pepper) = (access.store.clone(), access.clock(), access.pepper()?);
    let desk = Desk { store, library: access.library(), pepper, clock };
    let catalog = desk.library.catalog().await?;
    let owner = match (RepName::parse(to), QueueName::parse(to)) {
        (Ok(rep), _) if catalog.roster.owns(&rep) => Ownership::Assigned { rep },
        (_, Ok(queue)) => Ownership::Queue { queue },
        (_, Err(error)) => bail!(error),
    };
    match desk.hand_over(&Party::Operator, &lead, owner).await {
        Ok(Done::Now) => Ok(Ok(format!("{to} has it now"))),
        Ok(Done::Before) => Ok(Ok(format!("{to} has it already, or nobody owns it any more"))),
        Err(refused @ (DisposeError::NotTheirs | DisposeError::NoSuchOwner | DisposeError::Refused(_))) => {
            Ok(Err(refused.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the lead is now, or why it stays where it was.
async fn direct(args: &LeadArgs, direction: &Direction) -> anyhow::Result<Result<String, String>> {
    let access = Access::open(&args.store).await?;
    let directed = directed(&access, args, direction).await;
    access.close().await?;
    directed
}

async fn directed(access: &Access, args: &LeadArgs, direction: &Direction) -> anyhow::Result<Result<String, String>> {
    let lead = access.lead_of(&args.lead)?;
    let (store, library, clock) = (access.store.clone(), access.library(), access.clock());
    let director = Director { store, library, clock };
    match director.direct(&Party::Operator, &lead, direction, args.why.as_deref()).await {
        Ok(enrolment) => {
            let catalog = director.library.catalog().await?;
            let paused = enrolment.as_ref().map(|it| &it.program).filter(|name| catalog.paused.contains_key(*name));
            let waits = paused.map(|name| format!("; it is paused, and waits for `perennial program resume {name}`"));
            Ok(Ok(format!("{}{}", stands(enrolment.as_ref()), waits.unwrap_or_default())))
        }
        Err(DirectError::Misdirected(Misdirection::NoProgram(name))) => {
            let catalog = director.library.catalog().await?;
            let names: Vec<&str> = catalog.programs.keys().map(ProgramName::as_str).collect();
            let refused = Misdirection::NoProgram(name.clone());
            Ok(Err(format!("{refused}{}", did_you_mean(name.as_str(), &names))))
        }
        Err(DirectError::Misdirected(refused @ Misdirection::InItAlready(_))) => {
            Ok(Err(format!("{refused}; `--again` begins it anew")))
        }
        Err(DirectError::Misdirected(refused)) => Ok(Err(refused.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn stands(enrolment: Option<&Enrolment>) -> String {
    let Some(enrolment) = enrolment else { return "the lead is in no program now".to_owned() };
    let Enrolment { program, step, .. } = enrolment;
    let pause = if enrolment.paused.is_some() { ", since its mails are paused until then" } else { "" };
    format!("in `{program}` now; `{step}` comes at {}{pause}", enrolment.next_at())
}
