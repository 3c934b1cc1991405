//! Lambda: history rows become events on the bus.
//!
//! The table's stream brings every change; only new history rows matter. A row that cannot be published
//! is reported by its sequence number, so that the rows before it count as done and it comes again (F12).

use std::sync::Arc;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use perennial_app::error_chain::ErrorChain;
use perennial_app::ports::{Bus, HistoryRow};
use perennial_app::publish::publish;
use perennial_aws::dynamo::read_history_image;
use perennial_core::ids::LeadId;
use perennial_lambda::boot::HandlerError;
use tracing::error;

/// What the function needs.
pub struct Deps {
    /// Where events go.
    pub bus: Arc<dyn Bus>,
}

/// Publishes the history rows of a stream batch. The answer names the record to start again from.
pub async fn handle(deps: Arc<Deps>, event: Event) -> Result<DynamoDbEventResponse, HandlerError> {
    let mut rows = Vec::new();
    for record in &event.records {
        match history_row(record) {
            Ok(row) => rows.extend(row.map(|row| (record, row))),
            // What came before it is published; a corrupt row is never skipped.
            Err(failure) => return finish(&deps, rows, Some((record, failure))).await,
        }
    }
    finish(&deps, rows, None).await
}

type Row<'a> = (&'a EventRecord, (LeadId, HistoryRow));
type Failure<'a> = (&'a EventRecord, HandlerError);

async fn finish(
    deps: &Deps,
    rows: Vec<Row<'_>>,
    mut failure: Option<Failure<'_>>,
) -> Result<DynamoDbEventResponse, HandlerError> {
    let (records, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    if let (Err(error), Some(first)) = (publish(deps.bus.as_ref(), &rows).await, records.first()) {
        // Consumers deduplicate, so starting again from the first costs nothing but the calls.
        failure = Some((first, HandlerError::new("publish_failed", error)));
    }
    match failure {
        None => Ok(DynamoDbEventResponse::default()),
        Some((record, error)) => retry_from(record, error),
    }
}

fn retry_from(record: &EventRecord, failure: HandlerError) -> Result<DynamoDbEventResponse, HandlerError> {
    // An empty identifier would fail the whole batch anyway; then the error says why (TRUST.md §3).
    let Some(sequence) = record.change.sequence_number.clone().filter(|number| !number.is_empty()) else {
        return Err(failure);
    };
    error!(record.sequence_number = sequence, error = ErrorChain(&failure).to_string(), "history was not published");
    let mut item = DynamoDbBatchItemFailure::default();
    item.item_identifier = Some(sequence);
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = vec![item];
    Ok(response)
}

fn history_row(record: &EventRecord) -> Result<Option<(LeadId, HistoryRow)>, HandlerError> {
    // Every write that is no history row, and every deletion, passes by.
    if record.event_name != "INSERT" {
        return Ok(None);
    }
    read_history_image(record.change.new_image.clone()).map_err(|error| HandlerError::new("corrupt_history", error))
}
