//! `perennial desk`: a link to the pages of somebody who sells, or a token for the API of this machine.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use perennial_app::desk::{DeskRef, ListRef, Seat};
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::{LeadId, QueueName, RepName};
use perennial_local::authorizer::{Authorizer, Caller};

use crate::access::{Access, StoreArgs};

#[derive(Args)]
pub(crate) struct DeskArgs {
    /// Whose desk: a rep's.
    #[arg(long, value_name = "NAME", conflicts_with = "queue")]
    rep: Option<RepName>,
    /// Whose desk: a queue's.
    #[arg(long, value_name = "NAME")]
    queue: Option<QueueName>,
    /// The page of one lead, by its address or its id, in place of the list.
    #[arg(long, value_name = "LEAD")]
    lead: Option<String>,
    /// A token for the API of this machine, in place of a link: a rep's, or an operator's.
    #[arg(long, conflicts_with_all = ["queue", "lead", "table"])]
    token: bool,
}

/// Prints it. Exit status 1 if nobody of that name sells.
pub(crate) async fn run(store: &StoreArgs, args: &DeskArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let made = make(&access, args).await;
    access.close().await?;
    let Some(text) = made? else {
        writeln!(std::io::stderr(), "nobody of that name sells")?;
        return Ok(ExitCode::from(1));
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

async fn make(access: &Access, args: &DeskArgs) -> anyhow::Result<Option<String>> {
    let catalog = access.library().catalog().await?;
    // Tokens and links live by the world's clock, in time-lapse too.
    let now = Timestamp::now();
    if args.token {
        return token(access, &catalog, args.rep.as_ref(), now);
    }
    let Some(seat) = seat(&catalog, args)? else { return Ok(None) };
    let letterhead = access.letterhead()?;
    let Some(lead) = &args.lead else {
        return Ok(Some(ListRef { seat, made_at: now }.link(&letterhead, &catalog)));
    };
    let lead = lead_of(access, lead)?;
    Ok(Some(DeskRef { lead, seat, made_at: now }.link(&letterhead, &catalog)))
}

fn token(access: &Access, catalog: &Catalog, rep: Option<&RepName>, now: Timestamp) -> anyhow::Result<Option<String>> {
    if !access.is_local() {
        bail!("tokens of a deployment come from its identity provider");
    }
    let caller = match rep {
        None => Caller::Operator,
        Some(rep) => match catalog.roster.reps.get(rep) {
            Some(rep) => Caller::Rep(rep.sender.address.clone()),
            None => return Ok(None),
        },
    };
    Ok(Some(Authorizer::new(&access.pepper()?).token(&caller, now)))
}

fn seat(catalog: &Catalog, args: &DeskArgs) -> anyhow::Result<Option<Seat>> {
    match (&args.rep, &args.queue) {
        (Some(rep), None) => Ok(catalog.roster.owns(rep).then(|| Seat::Rep(rep.clone()))),
        (None, Some(queue)) => Ok(catalog.queues.contains_key(queue).then(|| Seat::Queue(queue.clone()))),
        (_, _) => bail!("name a desk: --rep or --queue"),
    }
}

fn lead_of(access: &Access, text: &str) -> anyhow::Result<LeadId> {
    if let Ok(lead) = LeadId::parse(text) {
        return Ok(lead);
    }
    let address = EmailAddress::parse(text).context("that is neither an id nor an e-mail address")?;
    Ok(LeadId::of_email(&access.pepper()?, &address))
}
