//! Lambda: what people must hear of.
//!
//! Its trigger is a bus rule: a person's reply goes on to whoever answers for the lead, an alert to whoever it is for, a
//! task of today to whoever is to do it. An event that comes twice tells once; one of which nobody plainly knows that it
//! was told is an error, so that it comes again (F12).

mod alerts;
mod replies;

use std::sync::Arc;

use perennial_app::alerts::Herald;
use perennial_app::forward::Postman;
use perennial_lambda::boot::HandlerError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::warn;

/// What the function needs.
pub struct Deps {
    /// Who forwards; none where no mail comes in.
    pub postman: Option<Postman>,
    /// Who tells sales.
    pub herald: Herald,
}

/// An event of our own bus.
#[derive(Debug, Deserialize)]
pub struct BusEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: serde_json::Value,
}

/// What an invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// The reply went out.
    Forwarded,
    /// Somebody was told.
    Told,
    /// It had gone out before.
    Known,
    /// It is told with the next digest.
    WithDigest,
    /// It is told by something else.
    Elsewhere,
    /// It, or its lead, is not there any more.
    Gone,
    /// The event tells of something else.
    Ignored,
}

/// Does what an event calls for.
pub async fn handle(deps: Arc<Deps>, event: BusEvent) -> Result<Summary, HandlerError> {
    match event.detail_type.as_str() {
        "reply.received" => replies::forward(&deps, read(event.detail)?).await,
        "alert.raised" => alerts::tell(&deps.herald, &read(event.detail)?).await,
        "task.created" => alerts::tell_of_task(&deps.herald, &read(event.detail)?).await,
        _ => {
            warn!(metric = "notify.foreign_event", "the rule lets through what nobody here is told of");
            Ok(Summary::Ignored)
        }
    }
}

fn read<T: DeserializeOwned>(detail: serde_json::Value) -> Result<T, HandlerError> {
    T::deserialize(detail).map_err(|error| HandlerError::new("unreadable_event", error))
}
