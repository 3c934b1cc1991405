//! A person's reply goes on to whoever answers for the lead.

use perennial_app::forward::{Forwarded, Postman, Reply};
use perennial_core::ids::LeadId;
use perennial_core::inbound::{Attribution, InboxKey};
use perennial_lambda::boot::HandlerError;
use serde::Deserialize;
use serde_json::Value;
use tracing::info;

#[derive(Deserialize)]
struct Received {
    id: String,
    lead: LeadId,
    inbox: InboxKey,
    certainty: Attribution,
}

/// Forwards the reply that an event tells of.
pub(crate) async fn forward(postman: &Postman, detail: &Value) -> Result<Forwarded, HandlerError> {
    let Received { id, lead, inbox, certainty } =
        Received::deserialize(detail).map_err(|error| HandlerError::new("unreadable_event", error))?;
    let reply = Reply { effect: id, lead, inbox, certainty };
    let forwarded = postman.forward(&reply).await.map_err(|error| HandlerError::new("forward_failed", error))?;
    info!(lead.id = %reply.lead, effect.id = reply.effect, metric = "reply.forwarded", outcome = ?forwarded, "a reply went on");
    Ok(forwarded)
}
