//! The second path: bounces and complaints by SNS and SQS, because EventBridge may lose one (TRUST.md §3, F17).
//!
//! **Invariants:** a record is judged by itself: one that fails is named and comes again, the others are done (F18). No
//! name that is answered is empty, since SQS would take that as a failure of all.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use perennial_app::error_chain::ErrorChain;
use perennial_lambda::boot::HandlerError;
use serde::Deserialize;
use serde_json::Value;
use tracing::error;

use crate::Deps;
use crate::ses::{Counted, hear, ignored};

/// What SNS wraps a message in, unless the subscription asks for raw delivery.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    r#type: String,
    #[serde(default)]
    message: String,
}

/// What SES says to a topic when it is chosen as an event destination.
const VALIDATION: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

pub(crate) async fn handle(deps: &Deps, event: Value) -> Result<SqsBatchResponse, HandlerError> {
    let SqsEvent { records, .. } =
        SqsEvent::deserialize(event).map_err(|error| HandlerError::new("unreadable_batch", error))?;
    let mut answer = SqsBatchResponse::default();
    for record in &records {
        let Err(failure) = take(deps, record).await else { continue };
        let id = record.message_id.as_deref().filter(|id| !id.is_empty());
        // Without a name only the whole batch can come again; what is done already is then known.
        let Some(id) = id else { return Err(failure) };
        error!(
            sqs.message_id = id,
            metric = "mail_event.failed",
            error = ErrorChain(&failure).to_string(),
            "a mail event was not taken in; it comes again"
        );
        answer.add_failure(id);
    }
    Ok(answer)
}

async fn take(deps: &Deps, record: &SqsMessage) -> Result<Counted, HandlerError> {
    if record.event_source.as_deref() != Some("aws:sqs") {
        return Ok(ignored("foreign_source"));
    }
    match read(record.body.as_deref().unwrap_or_default())? {
        Some(event) => hear(deps, event, None).await,
        None => Ok(ignored("no_event")),
    }
}

/// The event in a record. `None`: it is something that SNS or SES says of itself.
///
/// What is not JSON was not written by either: it must not vanish, so it goes to the dead-letter queue.
fn read(body: &str) -> Result<Option<Value>, HandlerError> {
    let body: Value = parse(body)?;
    let Ok(Notification { r#type, message }) = Notification::deserialize(&body) else {
        return Ok(Some(body));
    };
    if r#type != "Notification" || message == VALIDATION {
        return Ok(None);
    }
    parse(&message).map(Some)
}

/// The error says where, never what: what does not parse may be personal.
fn parse(text: &str) -> Result<Value, HandlerError> {
    serde_json::from_str(text).map_err(|error| HandlerError::new("unreadable_record", error))
}
