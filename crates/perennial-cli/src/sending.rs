//! `perennial sending`: whether each sender's mail goes out, and letting it or not.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use perennial_app::sending::{SenderStatus, SendingStatus, pause, resume, status};
use perennial_core::breaker::{Brake, SenderSwitch};
use perennial_core::ids::SenderDomain;

use crate::access::{Access, StoreArgs};
use crate::report::paused;

#[derive(Debug, Subcommand)]
pub(crate) enum SendingCommand {
    /// Shows how many mails of each sender bounced or were complained of, and what is held for it.
    Status {
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Holds all mail until `resume`. It waits; nothing is dropped.
    Pause {
        #[command(flatten)]
        store: StoreArgs,
        /// Only that of this sender: the domain that it comes from.
        #[arg(long, value_name = "DOMAIN")]
        sender: Option<SenderDomain>,
    },
    /// Lets mail go that was paused, by you or by too many bounces; counting starts again.
    Resume {
        #[command(flatten)]
        store: StoreArgs,
        /// Only that of this sender: the domain that it comes from.
        #[arg(long, value_name = "DOMAIN")]
        sender: Option<SenderDomain>,
    },
}

pub(crate) async fn run(command: SendingCommand, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (SendingCommand::Status { store: args, .. }
    | SendingCommand::Pause { store: args, .. }
    | SendingCommand::Resume { store: args, .. }) = &command;
    let access = Access::open(args).await?;
    let told = answer(&access, &command).await;
    access.close().await?;
    out.write_all(told?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(access: &Access, command: &SendingCommand) -> anyhow::Result<String> {
    let catalog = access.library().catalog().await?;
    let (store, now) = (access.store.as_ref(), access.now);
    match command {
        SendingCommand::Status { json, .. } => {
            let status = status(store, &catalog, now).await?;
            if *json { Ok(serde_json::to_string_pretty(&status)? + "\n") } else { told(&status) }
        }
        SendingCommand::Pause { sender, .. } => {
            for sender in chosen(catalog.senders(), sender.as_ref())? {
                pause(store, &sender, now).await.with_context(|| format!("cannot pause {sender}"))?;
            }
            Ok("paused; mail that is due waits\n".to_owned())
        }
        SendingCommand::Resume { sender, .. } => {
            for sender in chosen(catalog.senders(), sender.as_ref())? {
                resume(store, &sender, now).await.with_context(|| format!("cannot resume {sender}"))?;
            }
            let hours = catalog.breaker.look_again.as_hours();
            Ok(format!("resumed; what waits is looked at again within {hours} hours\n"))
        }
    }
}

fn chosen(all: BTreeSet<SenderDomain>, one: Option<&SenderDomain>) -> anyhow::Result<BTreeSet<SenderDomain>> {
    match one {
        None => Ok(all),
        Some(sender) if all.contains(sender) => Ok(BTreeSet::from([sender.clone()])),
        Some(sender) => bail!("the catalog sends no mail from {sender}"),
    }
}

fn told(status: &SendingStatus) -> anyhow::Result<String> {
    let mut text = String::new();
    if let Some(pause) = &status.pause {
        writeln!(text, "Nobody sends until {}: {}", pause.until, pause.reason)?;
    }
    for SenderStatus { sender, tally, held, switch } in &status.senders {
        let share = |count| share(count, tally.sends);
        writeln!(text, "{sender}")?;
        writeln!(text, "  mails       {:>9}", tally.sends)?;
        writeln!(text, "  bounces     {:>9}{}", tally.bounces, share(tally.bounces))?;
        writeln!(text, "  complaints  {:>9}{}", tally.complaints, share(tally.complaints))?;
        let held = match held {
            Brake::Off => "nothing",
            Brake::LowPriority => "programs of low priority",
            Brake::Everything => "all mail",
        };
        let said = match switch {
            Some(SenderSwitch::Paused { at }) => format!(", paused by hand at {at}"),
            Some(SenderSwitch::Resumed { at, .. }) => format!(", counted since it was resumed at {at}"),
            None => String::new(),
        };
        writeln!(text, "  held        {held}{said}")?;
    }
    text.push_str(&paused(&status.paused));
    Ok(text)
}

/// A share in percent, to two places.
fn share(count: u64, of: u64) -> String {
    let hundredths = count.saturating_mul(10_000).checked_div(of);
    hundredths.map_or_else(String::new, |it| format!("  {}.{:02} %", it / 100, it % 100))
}
