//! An alert goes to whoever it is for, a task of today to whoever is to do it, the rest with the digest.

use std::time::Duration;

use perennial_app::alerts::{Digests, Herald, Raised, TaskMade, Told};
use perennial_lambda::boot::HandlerError;
use tracing::info;

/// Tells of the alert that an event is.
pub(crate) async fn tell(herald: &Herald, raised: &Raised) -> Result<Told, HandlerError> {
    let told = herald.tell(raised).await.map_err(|error| HandlerError::new("alert_failed", error))?;
    info!(
        lead.id = %raised.id.lead, effect.id = %raised.id, alert.trigger = ?raised.trigger,
        metric = "alert.told", outcome = ?told, "sales was told"
    );
    Ok(told)
}

/// Sends the digests whose readers have come in.
pub(crate) async fn digests(herald: &Herald, budget: Duration) -> Result<Digests, HandlerError> {
    herald.digests(budget).await.map_err(|error| HandlerError::new("digest_failed", error))
}

/// Tells of the task that an event is about.
pub(crate) async fn tell_of_task(herald: &Herald, made: &TaskMade) -> Result<Told, HandlerError> {
    let told = herald.tell_of_task(made).await.map_err(|error| HandlerError::new("task_failed", error))?;
    info!(
        lead.id = %made.id.lead, effect.id = %made.id, touch.id = %made.touch,
        metric = "task.told", outcome = ?told, "a task was made"
    );
    Ok(told)
}
