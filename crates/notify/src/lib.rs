//! Lambda: what has happened goes on, to people and to the servers of others.
//!
//! Triggers: bus rules on what somebody is told of (a person's reply, an alert, a task, what webhooks want), and
//! EventBridge Scheduler, every minute, for what is to be tried again and for digests. An event that comes twice tells once;
//! one that somebody could not be told of, or of which nobody plainly knows that they were, is kept and tried again at the
//! tick; one that could not be kept either is an error, so that it comes again (F12).

mod alerts;
mod replies;
mod untold;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use perennial_app::alerts::{Digests, Herald, Told};
use perennial_app::forward::{Forwarded, Postman};
use perennial_app::webhooks::Tally;
use perennial_lambda::boot::HandlerError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::warn;

pub use crate::untold::Again;
use crate::webhooks::Hooks;

/// What the function needs.
pub struct Deps {
    /// Who forwards replies. `None`: no mail comes in.
    pub postman: Option<Postman>,
    /// Who tells sales.
    pub herald: Herald,
    /// Who tells webhooks. `None`: nobody does.
    pub hooks: Option<Hooks>,
    /// How long a tick begins to tell people of something: it leaves time for the last of it to end.
    pub budget: Duration,
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
    /// What became of an alert, or of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<Told>,
    /// Whether somebody could not be told, which is tried again at the next tick.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_kept: bool,
    /// How many digests went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
    /// How much of what could not be told was told now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
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
        // What is late goes out before what can wait.
        let (again, digests, webhooks) = tokio::join!(
            biased;
            untold::again(&deps),
            alerts::digests(&deps.herald, deps.budget),
            webhooks::tick(hooks)
        );
        let (again, digests) = (Some(again?), Some(digests?));
        return Ok(Summary { webhooks: webhooks?, again, digests, ..Summary::default() });
    }
    // Side by side: a server that is slow keeps no person waiting, and what fails keeps nobody from what is their own.
    let (name, detail) = (event.detail_type.clone(), event.detail.clone());
    let (webhooks, people) = tokio::join!(webhooks::hear(hooks, &name, &detail), untold::tell_or_keep(&deps, event));
    let summary = Summary { webhooks: webhooks?, ..people? };
    if summary == Summary::default() {
        warn!(metric = "notify.foreign_event", "the rule lets through what nobody here is told of");
    }
    Ok(summary)
}

/// Tells the person whom an event is for, if there is one.
pub(crate) async fn tell(deps: &Deps, event: BusEvent) -> Result<Summary, HandlerError> {
    let mut summary = Summary::default();
    match event.detail_type.as_str() {
        "reply.received" => summary.reply = Some(replies::forward(deps, read(event.detail)?).await?),
        "alert.raised" => summary.alert = Some(alerts::tell(&deps.herald, &read(event.detail)?).await?),
        "task.created" => summary.alert = Some(alerts::tell_of_task(&deps.herald, &read(event.detail)?).await?),
        _ => {}
    }
    Ok(summary)
}

fn read<T: DeserializeOwned>(detail: serde_json::Value) -> Result<T, HandlerError> {
    T::deserialize(detail).map_err(|error| HandlerError::new("unreadable_event", error))
}
