//! History rows become events on the bus.
//!
//! **Invariant:** the same row gives the same events with the same ids, so a row that is delivered
//! twice is recognised by whoever listens; an event carries nothing personal, because history does not.

use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use serde::Serialize;

use crate::ports::{Bus, BusError, BusEvent, HistoryRow};

#[derive(Serialize)]
struct Detail<'a> {
    /// What consumers deduplicate by: lead, row and place in the row.
    id: String,
    /// Who. [`Event::Received`] says it itself, and a name stands only once in JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    lead: Option<&'a LeadId>,
    seq: u64,
    at: String,
    stimulus: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

/// Why rows were not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// An event did not serialise: a bug.
    #[error("an event cannot be written as JSON")]
    Detail(#[from] serde_json::Error),
    /// The bus failed, wholly or in part.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The events of one history row, in order.
pub fn events_of(lead: &LeadId, row: &HistoryRow) -> Result<Vec<BusEvent>, serde_json::Error> {
    let event = |(index, event): (usize, &Event)| {
        let detail = Detail {
            id: format!("{lead}-{}-{index}", row.seq),
            lead: (!matches!(event, Event::Received { .. })).then_some(lead),
            seq: row.seq,
            at: row.at.to_string(),
            stimulus: &row.cause,
            event,
        };
        Ok(BusEvent { name: event.name().to_owned(), at: row.at, detail: serde_json::to_string(&detail)? })
    };
    row.entries.iter().enumerate().map(event).collect()
}

/// Publishes the events of some history rows.
pub async fn publish(bus: &dyn Bus, rows: &[(LeadId, HistoryRow)]) -> Result<(), PublishError> {
    let mut events = Vec::new();
    for (lead, row) in rows {
        events.extend(events_of(lead, row)?);
    }
    Ok(bus.publish(&events).await?)
}
