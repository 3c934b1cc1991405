//! Events go on to webhooks: kept when they happen, tried at once, and tried again by the schedule (F29).

use jiff::Timestamp;
use perennial_app::publish::EventId;
use perennial_app::webhooks::{Tally, Webhooks};
use perennial_lambda::boot::HandlerError;
use serde::Deserialize;
use serde_json::Value;

/// Who tells webhooks, and when first.
pub struct Hooks {
    /// Who tells them.
    pub webhooks: Webhooks,
    /// When an event is tried first.
    pub first_attempt: FirstAttempt,
}

/// When an event is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAttempt {
    /// In the invocation that hears of it.
    AtOnce,
    /// At the schedule's next tick, because whoever tells of it has others waiting.
    AtNextTick,
}

#[derive(Deserialize)]
struct Told {
    id: EventId,
    at: Timestamp,
}

/// Keeps an event for the webhooks that want it, and tries it. `None` where none does.
pub(crate) async fn hear(hooks: Option<&Hooks>, name: &str, detail: &Value) -> Result<Option<Tally>, HandlerError> {
    let failed = |error| HandlerError::new("webhooks_failed", error);
    let Some(Hooks { webhooks, first_attempt }) = hooks else { return Ok(None) };
    if !webhooks.is_wanted(name).await.map_err(failed)? {
        return Ok(None);
    }
    let Told { id, at } = Told::deserialize(detail).map_err(|error| HandlerError::new("unreadable_event", error))?;
    webhooks.keep(&id, name, at).await.map_err(failed)?;
    let tally = match first_attempt {
        FirstAttempt::AtOnce => webhooks.deliver(&id, name).await.map_err(failed)?,
        FirstAttempt::AtNextTick => Tally::default(),
    };
    Ok(Some(tally))
}

/// Tries all that is due. `None` where nobody tells webhooks.
pub(crate) async fn tick(hooks: Option<&Hooks>) -> Result<Option<Tally>, HandlerError> {
    let Some(Hooks { webhooks, .. }) = hooks else { return Ok(None) };
    let tally = webhooks.drain().await.map_err(|error| HandlerError::new("webhooks_failed", error))?;
    Ok(Some(tally))
}
