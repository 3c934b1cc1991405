//! History rows become events on the bus.
//!
//! **Invariant:** the same row gives the same events with the same ids, so a row that is delivered
//! twice is recognised by whoever listens; an event carries nothing personal, because history does not.

use std::fmt;
use std::str::FromStr;

use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use serde::{Deserialize, Serialize};

use crate::ports::{Bus, BusError, BusEvent, HistoryRow};

/// What an event is known by: which entry of whose history it is. Consumers deduplicate by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId {
    /// Whose.
    pub lead: LeadId,
    /// The row.
    pub seq: u64,
    /// The place in the row, from 0.
    pub place: usize,
}

/// A text that is not the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event's id is `<lead>-<row>-<place>`")]
pub struct EventIdError;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.lead, self.seq, self.place)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;
    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let mut parts = text.split('-');
        let (Some(lead), Some(seq), Some(place), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(EventIdError);
        };
        let read = (LeadId::parse(lead).ok(), seq.parse().ok(), place.parse().ok());
        let (Some(lead), Some(seq), Some(place)) = read else { return Err(EventIdError) };
        let id = Self { lead, seq, place };
        // One spelling only: `+1` and `01` are numbers, too.
        if id.to_string() == text { Ok(id) } else { Err(EventIdError) }
    }
}

impl TryFrom<String> for EventId {
    type Error = EventIdError;
    fn try_from(text: String) -> Result<Self, EventIdError> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

#[derive(Serialize)]
struct Detail<'a> {
    /// What consumers deduplicate by.
    id: EventId,
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
    let event = |(place, event): (usize, &Event)| {
        let detail = Detail {
            id: EventId { lead: lead.clone(), seq: row.seq, place },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_id_has_one_spelling() {
        let text = "abcdefghijklmnopqrstuvwxyz-12-0";
        let id: EventId = text.parse().unwrap();
        assert_eq!((id.lead.as_str(), id.seq, id.place), ("abcdefghijklmnopqrstuvwxyz", 12, 0));
        assert_eq!(id.to_string(), text);
        for text in ["", "abcdefghijklmnopqrstuvwxyz-12", "abcdefghijklmnopqrstuvwxyz-012-0", "short-1-0"] {
            assert_eq!(text.parse::<EventId>(), Err(EventIdError), "{text}");
        }
        for end in ["-12-0-0", "-+12-0", "--12-0", "-12-"] {
            assert!(format!("abcdefghijklmnopqrstuvwxyz{end}").parse::<EventId>().is_err(), "{end}");
        }
    }
}
