//! `perennial desk`: a link to the pages of somebody who sells, or a token for the API of this machine.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use perennial_app::desk::{Desk, DeskRef, DisposeError, ListRef, Seat};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{QueueName, RepName};
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

/// Prints it. Exit status 1 if nobody of that name sells, or they do not see the lead.
pub(crate) async fn run(store: &StoreArgs, args: &DeskArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let made = make(&access, args).await;
    access.close().await?;
    match made? {
        Made::Link(text) => writeln!(std::io::stdout(), "{text}")?,
        Made::Nothing(why) => {
            writeln!(std::io::stderr(), "{why}")?;
            return Ok(ExitCode::from(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A link or a token, or why there is none.
enum Made {
    Link(String),
    Nothing(&'static str),
}

const NOBODY_SELLS: Made = Made::Nothing("nobody of that name sells");

async fn make(access: &Access, args: &DeskArgs) -> anyhow::Result<Made> {
    let catalog = access.library().catalog().await?;
    // Tokens and links live by the world's clock, in time-lapse too.
    let now = Timestamp::now();
    if args.token {
        return token(access, &catalog, args.rep.as_ref(), now);
    }
    let Some(seat) = seat(&catalog, args)? else { return Ok(NOBODY_SELLS) };
    let letterhead = access.letterhead()?;
    let Some(lead) = &args.lead else {
        return Ok(Made::Link(ListRef { seat, made_at: now }.link(&letterhead, &catalog)));
    };
    let lead = access.lead_of(lead)?;
    if access.store.load(&lead).await?.is_none() {
        return Ok(Made::Nothing("no such lead is known here"));
    }
    let (store, clock, pepper) = (access.store.clone(), access.clock(), access.pepper()?);
    let desk = Desk { store, library: access.library(), pepper, clock };
    match desk.view(&seat.party(), &lead).await {
        Ok(_) => Ok(Made::Link(DeskRef { lead, seat, made_at: now }.link(&letterhead, &catalog))),
        Err(DisposeError::NotTheirs) => Ok(Made::Nothing("that desk does not see this lead: it is with somebody else")),
        Err(error) => Err(error.into()),
    }
}

fn token(access: &Access, catalog: &Catalog, rep: Option<&RepName>, now: Timestamp) -> anyhow::Result<Made> {
    if !access.is_local() {
        bail!("tokens of a deployment come from its identity provider");
    }
    let caller = match rep {
        None => Caller::Operator,
        Some(rep) => match catalog.roster.reps.get(rep) {
            Some(rep) => Caller::Rep(rep.sender.address.clone()),
            None => return Ok(NOBODY_SELLS),
        },
    };
    Ok(Made::Link(Authorizer::new(&access.pepper()?).token(&caller, now)))
}

fn seat(catalog: &Catalog, args: &DeskArgs) -> anyhow::Result<Option<Seat>> {
    match (&args.rep, &args.queue) {
        (Some(rep), None) => Ok(catalog.roster.owns(rep).then(|| Seat::Rep(rep.clone()))),
        (None, Some(queue)) => Ok(catalog.queues.contains_key(queue).then(|| Seat::Queue(queue.clone()))),
        (_, _) => bail!("name a desk: --rep or --queue"),
    }
}
