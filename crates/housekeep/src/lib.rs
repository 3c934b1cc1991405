//! Lambda: what is done once a day, job by job.
//!
//! Its trigger is EventBridge Scheduler, whose event says nothing that is listened to: a trigger that is lost, late or
//! doubled changes nothing, because each chore goes on from where it was left.

use std::sync::Arc;

use perennial_app::chores::{Chore, Done, run};
use perennial_lambda::boot::HandlerError;
use serde::Serialize;
use serde::de::IgnoredAny;

/// What the function needs.
pub struct Deps {
    /// What is to be done, in this order.
    pub chores: Vec<Box<dyn Chore>>,
}

/// What an invocation did.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Each chore, and what it counted.
    pub done: Vec<Done>,
}

/// Some chores failed; the others are done.
#[derive(Debug, thiserror::Error)]
#[error("not done: {}", .0.join(", "))]
struct Failed(Vec<&'static str>);

/// Does all chores. That one failed is an error of the invocation, after the others are done: so Lambda tries again,
/// and somebody hears of it.
pub async fn handle(deps: Arc<Deps>, _trigger: IgnoredAny) -> Result<Summary, HandlerError> {
    let done = run(&deps.chores).await;
    let failed: Vec<&'static str> = done.iter().filter(|it| it.counts.is_none()).map(|it| it.chore).collect();
    if failed.is_empty() { Ok(Summary { done }) } else { Err(HandlerError::new("chores_failed", Failed(failed))) }
}
