//! Lambda: what has happened goes on to people, and to the servers of others.
//!
//! Triggers: bus rules on what somebody is told of, and EventBridge Scheduler, every minute, for what is to be tried
//! again. An event that comes twice is passed on once; one that could not be passed on or kept is an error, so that it
//! comes again (F12).

mod replies;
pub mod webhooks;

use std::sync::Arc;

use perennial_app::forward::{Forwarded, Postman};
use perennial_app::webhooks::Tally;
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::webhooks::Hooks;

/// What the function needs.
pub struct Deps {
    /// Who forwards replies.
    pub postman: Postman,
    /// Who tells webhooks. `None`: nobody does.
    pub hooks: Option<Hooks>,
}

/// An event of our own bus, or the schedule's tick.
#[derive(Debug, Deserialize)]
pub struct BusEvent {
    #[serde(default)]
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: serde_json::Value,
}

/// What an invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// What became of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Forwarded>,
    /// What became of deliveries to webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Tally>,
}

/// The source of the schedule's tick, which says nothing that is listened to.
const SCHEDULER: &str = "aws.scheduler";

/// Passes on what an event tells of, or tries again what is due.
pub async fn handle(deps: Arc<Deps>, event: BusEvent) -> Result<Summary, HandlerError> {
    let hooks = deps.hooks.as_ref();
    if event.source == SCHEDULER {
        let webhooks = webhooks::tick(hooks).await?;
        return Ok(Summary { webhooks, ..Summary::default() });
    }
    // One that fails keeps no other from what is its own.
    let webhooks = webhooks::hear(hooks, &event.detail_type, &event.detail).await;
    let reply = match event.detail_type.as_str() {
        "reply.received" => replies::forward(&deps.postman, &event.detail).await.map(Some),
        _ => Ok(None),
    };
    let summary = Summary { reply: reply?, webhooks: webhooks? };
    if summary == Summary::default() {
        warn!(metric = "notify.foreign_event", "the rule lets through what nobody here is told of");
    }
    Ok(summary)
}
