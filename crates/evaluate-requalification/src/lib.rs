//! Lambda: whether a lead is ready for sales, or ready again.
//!
//! One trigger: a bus rule on `evaluation.due`, which history records whenever a person gave a sign or was touched often
//! enough. **It takes nothing from the event but whom to look at**: what counts is what is stored, so an event that comes
//! twice, late or in another order changes nothing more, and one that is lost is made good by the sweep.

use std::sync::Arc;

use perennial_app::evaluate::{Evaluator, Looked};
use perennial_core::ids::LeadId;
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

/// What the function needs.
pub struct Deps {
    /// Who looks.
    pub evaluator: Evaluator,
}

/// An event of our own bus.
#[derive(Debug, Deserialize)]
pub struct BusEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: serde_json::Value,
}

#[derive(Deserialize)]
struct Due {
    lead: LeadId,
}

/// What an invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// The lead is sales' from now on.
    Ready,
    /// It was looked at: it is not ready, or sales has it already.
    LookedAt,
    /// Somebody had looked before, or there is no such lead any more.
    Known,
    /// The event tells of something else.
    Ignored,
}

/// Looks at the lead that an event names.
pub async fn handle(deps: Arc<Deps>, event: BusEvent) -> Result<Summary, HandlerError> {
    if event.detail_type != "evaluation.due" {
        warn!(metric = "evaluate.foreign_event", "the rule lets through what is nobody's to be looked at");
        return Ok(Summary::Ignored);
    }
    let Due { lead } = Due::deserialize(event.detail).map_err(|error| HandlerError::new("unreadable_event", error))?;
    let looked = deps.evaluator.evaluate(&lead).await.map_err(|error| HandlerError::new("evaluation_failed", error))?;
    let summary = match looked {
        Looked::Ready => Summary::Ready,
        Looked::NotReady => Summary::LookedAt,
        Looked::Before => Summary::Known,
    };
    info!(lead.id = %lead, metric = "lead.evaluated", outcome = ?summary, "a lead was looked at");
    Ok(summary)
}
