//! `perennial lead`: what is done about one lead by hand.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use perennial_app::desk::{Desk, DisposeError, Done};
use perennial_core::ids::{QueueName, RepName};
use perennial_core::lead::Ownership;
use perennial_core::sales::Party;

use crate::access::{Access, StoreArgs};

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
}

pub(crate) async fn run(command: LeadCommand) -> anyhow::Result<ExitCode> {
    let LeadCommand::Hand { store, lead, to } = command;
    let access = Access::open(&store).await?;
    let handed = hand(&access, &lead, &to).await;
    access.close().await?;
    let (said, is_right) = match handed? {
        Ok(Done::Now) => (format!("{to} has it now"), true),
        Ok(Done::Before) => (format!("{to} has it already, or nobody owns it any more"), true),
        Err(refused) => (refused, false),
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(ExitCode::from(u8::from(!is_right)))
}

/// What came of it, or why it was not taken.
async fn hand(access: &Access, lead: &str, to: &str) -> anyhow::Result<Result<Done, String>> {
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
        Ok(done) => Ok(Ok(done)),
        Err(refused @ (DisposeError::NotTheirs | DisposeError::NoSuchOwner | DisposeError::Refused(_))) => {
            Ok(Err(refused.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
