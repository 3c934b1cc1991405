//! Our events on an EventBridge bus.
//!
//! **Invariant:** an event is put again only if the bus said that it did not take it (F32). Consumers
//! deduplicate all the same: an answer can be lost.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use perennial_app::ports::{Bus, BusError, BusEvent, Cause};

/// What our events say they are from.
pub const SOURCE: &str = "perennial";

/// Most events in one call.
const ENTRIES_MAX: usize = 10;

/// Most bytes in one call, over all its events.
const BYTES_MAX: usize = 256 * 1024;

/// What an event's time counts for, in bytes.
const TIME_BYTES: usize = 14;

/// How often events are put that the bus did not take.
const ROUNDS_MAX: usize = 3;

/// An event that the bus did not take.
#[derive(Debug, thiserror::Error)]
#[error("EventBridge answered {code}: {message}")]
struct NotTaken {
    code: String,
    message: String,
}

/// The bus answered for fewer or more events than it was given.
#[derive(Debug, thiserror::Error)]
#[error("EventBridge answered for {answered} of {given} events")]
struct Miscounted {
    given: usize,
    answered: usize,
}

/// Publishes to one EventBridge bus.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    name: String,
}

/// What became of the events of one round that were not taken.
#[derive(Default)]
struct Round {
    /// Those that the bus refused one by one: they may be put again.
    refused: Vec<usize>,
    /// Those whose call failed: the SDK has tried again already.
    failed: Vec<usize>,
    /// What was said of one of them.
    cause: Option<Cause>,
}

impl EventBridgeBus {
    /// Publishes to the bus of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Puts the events at `indexes` once, in as few calls as they fit.
    async fn put(&self, events: &[BusEvent], indexes: &[usize]) -> Round {
        let mut round = Round::default();
        for chunk in chunks(events, indexes) {
            let entries = chunk.iter().filter_map(|index| Some(self.entry(events.get(*index)?))).collect();
            match self.client.put_events().set_entries(Some(entries)).send().await {
                Ok(answer) => round.judge(&chunk, answer.entries()),
                Err(error) => round.fail(&chunk, Box::new(error)),
            }
        }
        round
    }

    fn entry(&self, event: &BusEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&event.name)
            .detail(&event.detail)
            .time(DateTime::from_secs(event.at.as_second()))
            .build()
    }
}

#[async_trait]
impl Bus for EventBridgeBus {
    async fn publish(&self, events: &[BusEvent]) -> Result<(), BusError> {
        let mut waiting: Vec<usize> = (0..events.len()).collect();
        let (mut failed, mut cause) = (Vec::new(), None);
        for _ in 0..ROUNDS_MAX {
            let round = self.put(events, &waiting).await;
            waiting = round.refused;
            failed.extend(round.failed);
            cause = round.cause.or(cause);
        }
        failed.extend(waiting);
        let Some(source) = cause.filter(|_| !failed.is_empty()) else { return Ok(()) };
        if failed.len() == events.len() {
            Err(BusError::Failed(source))
        } else {
            failed.sort_unstable();
            Err(BusError::Partial { failed, source })
        }
    }
}

impl Round {
    /// The bus answers for each event, in the order in which they were given.
    fn judge(&mut self, chunk: &[usize], answers: &[PutEventsResultEntry]) {
        if answers.len() != chunk.len() {
            self.fail(chunk, Box::new(Miscounted { given: chunk.len(), answered: answers.len() }));
            return;
        }
        for (index, answer) in chunk.iter().zip(answers) {
            if let Some(code) = answer.error_code() {
                let message = answer.error_message().unwrap_or_default().to_owned();
                self.refused.push(*index);
                self.cause = Some(Box::new(NotTaken { code: code.to_owned(), message }));
            }
        }
    }

    fn fail(&mut self, chunk: &[usize], cause: Cause) {
        self.failed.extend(chunk);
        self.cause = Some(cause);
    }
}

/// Cuts events into calls. An event too large for any call is one of its own, for the bus to refuse.
fn chunks(events: &[BusEvent], indexes: &[usize]) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0_usize;
    for index in indexes {
        let size = events.get(*index).map_or(0, size);
        bytes = bytes.saturating_add(size);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < ENTRIES_MAX && bytes <= BYTES_MAX => chunk.push(*index),
            Some(_) | None => {
                chunks.push(vec![*index]);
                bytes = size;
            }
        }
    }
    chunks
}

/// How EventBridge counts an event's bytes.
fn size(event: &BusEvent) -> usize {
    TIME_BYTES.saturating_add(SOURCE.len()).saturating_add(event.name.len()).saturating_add(event.detail.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> BusEvent {
        let at = "2026-03-02T12:00:00Z".parse().unwrap();
        BusEvent { name: "touch.sent".to_owned(), at, detail: "x".repeat(bytes) }
    }

    fn sizes(events: &[BusEvent]) -> Vec<usize> {
        let indexes: Vec<usize> = (0..events.len()).collect();
        chunks(events, &indexes).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_call_holds_ten_events_at_most() {
        assert_eq!(sizes(&vec![event(10); 23]), [10, 10, 3]);
    }

    #[test]
    fn a_call_holds_256_kb_at_most() {
        assert_eq!(sizes(&vec![event(100_000); 5]), [2, 2, 1]);
        assert_eq!(sizes(&[event(10), event(300_000), event(10)]), [1, 1, 1]);
    }

    #[test]
    fn no_events_make_no_call() {
        assert_eq!(sizes(&[]), [0; 0]);
    }
}
