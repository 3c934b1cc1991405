//! `perennial erase` and `perennial export`: all that is kept of one person goes, or is handed to them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use perennial_app::holdings::Kind;
use perennial_app::privacy::{EraseError, Erased, Export, Privacy, lead_of};
use perennial_app::retention::Retainer;
use perennial_core::ids::LeadId;

use crate::access::{Access, StoreArgs};

/// Whom it is about.
///
/// No `Debug`: an address is nothing to print by the way.
#[derive(clap::Args)]
pub(crate) struct PersonArgs {
    /// The person's address, or their phone number with `+` and the country code.
    #[arg(required_unless_present = "id", conflicts_with = "id")]
    address: Option<String>,
    /// The lead's id instead.
    #[arg(long, value_name = "LEAD")]
    id: Option<LeadId>,
}

#[derive(clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    person: PersonArgs,
    /// Writes to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// After how long a look notes how far it has got.
const LOOK_AT_ONCE: Duration = Duration::from_mins(1);

const NOBODY: &str = "nobody is known under that address or id";

/// Erases a person. Exit status 1 if nobody is known by that name.
pub(crate) async fn erase(store: &StoreArgs, person: &PersonArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let erased = erase_in(&access, person).await;
    access.close().await?;
    let mut out = std::io::stdout();
    let Some((erased, kin)) = erased? else {
        writeln!(out, "{NOBODY}")?;
        return Ok(ExitCode::FAILURE);
    };
    writeln!(out, "{}", told(&erased))?;
    for lead in kin {
        writeln!(
            std::io::stderr(),
            "lead {lead} has the same number, or another spelling of the address; if that is the same person: \
             perennial erase --id {lead}"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn erase_in(access: &Access, person: &PersonArgs) -> anyhow::Result<Option<(Erased, Vec<LeadId>)>> {
    let (privacy, lead) = (privacy(access), lead(access, person)?);
    // Before: afterwards nothing is known to compare.
    let kin = match access.pepper() {
        Ok(pepper) => privacy.kin(&pepper, &lead).await?,
        // Whoever names a lead by its id need not have the deployment's secret.
        Err(_) => Vec::new(),
    };
    match privacy.erase(&lead).await {
        Ok(erased) => Ok(Some((erased, kin))),
        Err(EraseError::Unknown) => Ok(None),
        Err(error) => Err(error).context("the person is not erased to the end: run the same command again"),
    }
}

fn told(erased: &Erased) -> String {
    let began = if erased.was_erased { "was erased before" } else { "erased" };
    let gone = if erased.let_go.is_empty() { "nothing was left".to_owned() } else { listed(&erased.let_go) };
    format!("{began}; {gone}; read back, nothing personal is left")
}

/// Hands out what is kept of a person. Exit status 1 if nobody is known by that name.
pub(crate) async fn export(store: &StoreArgs, args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let export = export_of(&access, &args.person).await;
    access.close().await?;
    let Some(export) = export? else {
        writeln!(std::io::stderr(), "{NOBODY}")?;
        return Ok(ExitCode::FAILURE);
    };
    let mut json = serde_json::to_string_pretty(&export)?;
    json.push('\n');
    match &args.out {
        Some(path) => fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?,
        None => std::io::stdout().write_all(json.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn export_of(access: &Access, person: &PersonArgs) -> anyhow::Result<Option<Export>> {
    Ok(privacy(access).export(&lead(access, person)?).await?)
}

/// Lets go of what was kept long enough.
pub(crate) async fn retain(store: &StoreArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let retained = retain_in(&access).await;
    access.close().await?;
    let let_go = retained?;
    let what = if let_go.is_empty() { "nothing was kept too long".to_owned() } else { listed(&let_go) };
    writeln!(std::io::stdout(), "{what}")?;
    Ok(ExitCode::SUCCESS)
}

async fn retain_in(access: &Access) -> anyhow::Result<BTreeMap<Kind, u64>> {
    let retainer = Retainer { registry: access.registry.clone(), privacy: privacy(access) };
    let mut let_go = BTreeMap::new();
    loop {
        let look = retainer.look(LOOK_AT_ONCE).await.context("run the same command again: it goes on")?;
        for (kind, count) in look.let_go {
            *let_go.entry(kind).or_default() += count;
        }
        if look.is_done {
            return Ok(let_go);
        }
    }
}

/// What went, by kind.
fn listed(let_go: &BTreeMap<Kind, u64>) -> String {
    let what: Vec<String> =
        let_go.iter().map(|(kind, count)| format!("{count} {}", kind.as_str().replace('_', " "))).collect();
    format!("gone: {}", what.join(", "))
}

fn privacy(access: &Access) -> Privacy {
    Privacy {
        store: access.store.clone(),
        holdings: access.holdings.clone(),
        library: access.library(),
        clock: access.clock(),
    }
}

/// The lead that is meant. An error does not repeat the address.
fn lead(access: &Access, person: &PersonArgs) -> anyhow::Result<LeadId> {
    match (&person.id, &person.address) {
        (Some(id), _) => Ok(id.clone()),
        (None, Some(address)) => lead_of(&access.pepper()?, address)
            .context("that is neither an e-mail address nor a phone number with its country code"),
        (None, None) => bail!("say whom: an address, or --id"),
    }
}
