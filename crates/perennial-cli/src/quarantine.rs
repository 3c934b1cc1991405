//! `perennial quarantine`: what was taken for junk, and what a person makes of it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Subcommand;
use perennial_app::engagement::{Heard, Listener};
use perennial_app::guard::{Blocked, Guard};
use perennial_app::ports::SystemClock;
use perennial_app::quarantine::{Held, held};
use perennial_core::ids::LeadId;
use perennial_core::lead::LifecycleStage;
use perennial_core::submission::JunkReason;

use crate::access::{Access, StoreArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// Lists who is held back, and why. It shows nothing of the persons: `show` does, for one of them.
    List {
        #[command(flatten)]
        store: StoreArgs,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows what one who is held back sent.
    Show {
        #[command(flatten)]
        store: StoreArgs,
        /// The lead, as `list` has it.
        lead: LeadId,
    },
    /// Lets leads in: they are nurtured as their forms say, and get the answer they asked for.
    Release {
        #[command(flatten)]
        store: StoreArgs,
        /// The leads, as `list` has them.
        #[arg(required = true)]
        leads: Vec<LeadId>,
    },
    /// Ends the quarantine of leads now. They stay counted, and a later clean post starts a new life.
    Purge {
        #[command(flatten)]
        store: StoreArgs,
        /// The leads, as `list` has them.
        #[arg(required = true)]
        leads: Vec<LeadId>,
    },
    /// Keeps somebody out: whatever comes from there is quarantined from now on.
    Block {
        #[command(flatten)]
        store: StoreArgs,
        /// A lead as `list` has it, an address, a mail domain, or a network such as 203.0.113.0/24.
        #[arg(required = true)]
        who: Vec<String>,
        /// Of a lead, blocks the whole domain of its address.
        #[arg(long)]
        domain: bool,
    },
    /// Lets somebody in again who was blocked.
    Unblock {
        #[command(flatten)]
        store: StoreArgs,
        /// What was blocked: an address, a mail domain or a network.
        #[arg(required = true)]
        who: Vec<String>,
    },
}

/// What a person makes of a lead.
#[derive(Clone, Copy)]
enum Verdict {
    Person,
    Junk,
}

/// Does what was asked. Exit status 1 if something of it did not apply.
pub(crate) async fn run(command: Quarantine) -> anyhow::Result<ExitCode> {
    let store = match &command {
        Quarantine::List { store, .. }
        | Quarantine::Show { store, .. }
        | Quarantine::Release { store, .. }
        | Quarantine::Purge { store, .. }
        | Quarantine::Block { store, .. }
        | Quarantine::Unblock { store, .. } => store,
    };
    let access = Access::open(store).await?;
    let done = match &command {
        Quarantine::List { json, .. } => list(&access, *json).await,
        Quarantine::Show { lead, .. } => show(&access, lead).await,
        Quarantine::Release { leads, .. } => judge(&access, leads, Verdict::Person).await,
        Quarantine::Purge { leads, .. } => judge(&access, leads, Verdict::Junk).await,
        Quarantine::Block { who, domain, .. } => block(&access, who, *domain).await,
        Quarantine::Unblock { who, .. } => unblock(&access, who).await,
    };
    access.close().await?;
    let (said, is_right) = done?;
    std::io::stdout().write_all(said.as_bytes())?;
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list(access: &Access, json: bool) -> anyhow::Result<(String, bool)> {
    let all = held(access.store.as_ref()).await?;
    if json {
        return Ok((serde_json::to_string_pretty(&all)? + "\n", true));
    }
    if all.is_empty() {
        return Ok(("nobody is held back\n".to_owned(), true));
    }
    Ok((all.iter().map(line).collect(), true))
}

fn line(held: &Held) -> String {
    let Held { lead, received_at, until, form, reasons, .. } = held;
    let date = |at: &jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    format!("{lead}  {}  until {}  {form}  {}\n", date(received_at), date(until), listed(reasons))
}

fn listed(reasons: &[JunkReason]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ")
}

async fn show(access: &Access, lead: &LeadId) -> anyhow::Result<(String, bool)> {
    let stored = access.store.load(lead).await?;
    let Some(stored) = stored.filter(|stored| stored.lead.stage == LifecycleStage::Quarantined) else {
        return Ok((format!("{lead}  is not held back\n"), false));
    };
    let mut text = String::new();
    let mut say = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(text, "{name:<16}{}", value.replace('\n', "\n                "));
    };
    if let Some(email) = stored.profile.email.clone() {
        say("email", &String::from(email));
    }
    if let Some(phone) = &stored.profile.phone {
        say("phone", phone.as_str());
    }
    for (field, answer) in &stored.profile.fields {
        say(field.as_str(), answer);
    }
    Ok((text, true))
}

async fn judge(access: &Access, leads: &[LeadId], verdict: Verdict) -> anyhow::Result<(String, bool)> {
    let listener = Listener { store: access.store.clone(), library: access.library(), clock: access.clock() };
    let (mut lines, mut all) = (Vec::new(), true);
    for lead in leads {
        let (heard, done) = match verdict {
            Verdict::Person => (listener.release(lead).await?, "released"),
            Verdict::Junk => (listener.condemn(lead).await?, "purged"),
        };
        let said = match heard {
            Heard::Decided => done,
            Heard::Nothing => "is not held back",
        };
        all &= heard == Heard::Decided;
        lines.push(format!("{lead}  {said}\n"));
    }
    Ok((lines.concat(), all))
}

fn guard(access: &Access) -> anyhow::Result<Guard> {
    let (book, pepper) = (access.book.clone(), access.pepper()?);
    Ok(Guard { book, pepper, wall_clock: Arc::new(SystemClock) })
}

/// Blocks each, and purges those of them who are leads and held back.
async fn block(access: &Access, who: &[String], domain: bool) -> anyhow::Result<(String, bool)> {
    let guard = guard(access)?;
    let (mut lines, mut all) = (Vec::new(), true);
    for who in who {
        let lead = LeadId::parse(who).ok();
        let blocked = match &lead {
            Some(lead) => blocked_lead(access, lead, domain).await?,
            None => Some(named(who)?),
        };
        let Some(blocked) = blocked else {
            all = false;
            lines.push(format!("{who}  has no address that could be blocked\n"));
            continue;
        };
        let said = if guard.block(&blocked).await? { "blocked" } else { "was blocked already" };
        lines.push(format!("{who}  {said}\n"));
        if let Some(lead) = lead {
            let (said, _) = judge(access, &[lead], Verdict::Junk).await?;
            lines.push(said);
        }
    }
    Ok((lines.concat(), all))
}

async fn blocked_lead(access: &Access, lead: &LeadId, domain: bool) -> anyhow::Result<Option<Blocked>> {
    let email = access.store.load(lead).await?.and_then(|stored| stored.profile.email);
    Ok(email.map(|email| if domain { Blocked::Domain(email.domain().to_owned()) } else { Blocked::Address(email) }))
}

async fn unblock(access: &Access, who: &[String]) -> anyhow::Result<(String, bool)> {
    let guard = guard(access)?;
    let (mut lines, mut all) = (Vec::new(), true);
    for who in who {
        let was = guard.unblock(&named(who)?).await?;
        all &= was;
        lines.push(format!("{who}  {}\n", if was { "let in again" } else { "was not blocked" }));
    }
    Ok((lines.concat(), all))
}

fn named(who: &str) -> anyhow::Result<Blocked> {
    let Some(blocked) = Blocked::parse(who) else {
        bail!("`{who}` is no address, mail domain or network (an IPv4 address, or 24 bits of one; IPv6: 64 or 48)");
    };
    Ok(blocked)
}
