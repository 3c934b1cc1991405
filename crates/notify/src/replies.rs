//! A person's reply goes on to whoever answers for the lead.

use perennial_app::forward::{Forwarded, Reply};
use perennial_core::ids::LeadId;
use perennial_core::inbound::{Attribution, InboxKey};
use perennial_lambda::boot::HandlerError;
use serde::Deserialize;
use tracing::info;

use crate::Deps;

/// An event `reply.received`, as far as it is listened to.
#[derive(Deserialize)]
pub(crate) struct Received {
    id: String,
    lead: LeadId,
    inbox: InboxKey,
    certainty: Attribution,
}

/// Why a reply cannot be forwarded here.
#[derive(Debug, thiserror::Error)]
#[error("a reply came in, and the function has no inbox")]
struct NoInbox;

/// Forwards the reply that an event tells of.
pub(crate) async fn forward(deps: &Deps, received: Received) -> Result<Forwarded, HandlerError> {
    let Some(postman) = &deps.postman else { return Err(HandlerError::new("no_inbox", NoInbox)) };
    let Received { id, lead, inbox, certainty } = received;
    let reply = Reply { effect: id, lead, inbox, certainty };
    let forwarded = postman.forward(&reply).await.map_err(|error| HandlerError::new("forward_failed", error))?;
    info!(lead.id = %reply.lead, effect.id = reply.effect, metric = "reply.forwarded", outcome = ?forwarded, "a reply went on");
    Ok(forwarded)
}
