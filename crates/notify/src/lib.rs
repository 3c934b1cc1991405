//! Lambda: a person's reply goes on to whoever answers for the lead.
//!
//! One trigger: a bus rule on `reply.received`. An event that comes twice forwards once; one whose reply is not plainly
//! taken is an error, so that it comes again (F12).

use std::sync::Arc;

use perennial_app::forward::{Forwarded, Postman, Reply};
use perennial_core::ids::LeadId;
use perennial_core::inbound::{Attribution, InboxKey};
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

/// What the function needs.
pub struct Deps {
    /// Who forwards.
    pub postman: Postman,
}

/// An event of our own bus.
#[derive(Debug, Deserialize)]
pub struct BusEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: serde_json::Value,
}

#[derive(Deserialize)]
struct Received {
    id: String,
    lead: LeadId,
    inbox: InboxKey,
    certainty: Attribution,
}

/// What an invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// The reply went out.
    Forwarded,
    /// It had gone out before.
    Known,
    /// It, or its lead, is not there any more.
    Gone,
    /// The event tells of something else.
    Ignored,
}

/// Forwards the reply that an event tells of.
pub async fn handle(deps: Arc<Deps>, event: BusEvent) -> Result<Summary, HandlerError> {
    if event.detail_type != "reply.received" {
        warn!(metric = "notify.foreign_event", "the rule lets through what nobody here is told of");
        return Ok(Summary::Ignored);
    }
    let Received { id, lead, inbox, certainty } =
        Received::deserialize(event.detail).map_err(|error| HandlerError::new("unreadable_event", error))?;
    let reply = Reply { effect: id, lead, inbox, certainty };
    let forwarded = deps.postman.forward(&reply).await.map_err(|error| HandlerError::new("forward_failed", error))?;
    let summary = match forwarded {
        Forwarded::Sent => Summary::Forwarded,
        Forwarded::Known => Summary::Known,
        Forwarded::Gone => Summary::Gone,
    };
    info!(lead.id = %reply.lead, effect.id = reply.effect, metric = "reply.forwarded", outcome = ?summary, "a reply went on");
    Ok(summary)
}
