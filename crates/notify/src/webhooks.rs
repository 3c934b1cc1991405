//! Events go on to webhooks: kept when they happen, tried at once, and tried again by the schedule (F29).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use perennial_app::deliveries::Deliveries;
use perennial_app::library::Library;
use perennial_app::ports::SystemClock;
use perennial_app::publish::EventId;
use perennial_app::webhooks::{Destination, PEACE, Secrets, Tally, Webhooks};
use perennial_http::{CALL_TIMEOUT, HttpCaller, Reach};
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

impl Hooks {
    /// For a function that has so long, and whose workers live no longer than `lease`.
    pub fn within(
        timeout: Duration,
        lease: SignedDuration,
        secrets: Secrets,
        library: Arc<Library>,
        deliveries: Arc<dyn Deliveries>,
    ) -> Self {
        // Half of the time to begin calls in, less than the other half for the last of them to end.
        let half = timeout / 2;
        let webhooks = Webhooks {
            deliveries,
            library,
            caller: Arc::new(HttpCaller::new(Reach::Public, CALL_TIMEOUT.min(half * 9 / 10))),
            secrets,
            destination: Destination::Cataloged,
            clock: Arc::new(SystemClock),
            wall_clock: Arc::new(SystemClock),
            lease,
            budget: half,
            peace: PEACE,
        };
        Self { webhooks, first_attempt: FirstAttempt::AtOnce }
    }
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
