//! What is kept of webhooks: each event that is to go to one, until it is there, and whether the server is still there.
//!
//! **Invariants:** there is one delivery for an event and a webhook, however often the event comes. A delivery holds no
//! copy of its event: what is sent is read from history then, so what was taken out of it is not sent (P8). One worker at
//! a time calls a server: whoever holds its [`Turn`].

use std::fmt;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_core::ids::WebhookName;
use serde::{Deserialize, Serialize};

use crate::ports::{Cursor, HistoryRow, StoreError};
use crate::publish::EventId;

/// How long it is remembered that a delivery is done: longer than any event comes again.
pub const DONE_PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long one that was not delivered is kept, from its last change: long enough for somebody to see to it.
pub const UNDELIVERED_PERIOD: SignedDuration = SignedDuration::from_hours(90 * 24);

/// An event that is to go to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The webhook.
    pub webhook: WebhookName,
    /// The event.
    pub event: EventId,
    /// When that happened, on the suite's clock.
    pub at: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// How often it was tried since it was last set going.
    pub attempts: u32,
    /// What came of the last attempt, if it failed.
    pub failure: Option<Failure>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is tried, from then on.
    Waiting {
        /// When.
        due: Timestamp,
    },
    /// It was given up, until somebody sets it going again.
    Parked {
        /// Since when.
        since: Timestamp,
    },
    /// It is there.
    Done {
        /// Since when.
        at: Timestamp,
    },
}

/// Why a delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The server answered, and not that it has it.
    Status(u16),
    /// It did not answer in time.
    TimedOut,
    /// Its name leads nowhere.
    NotFound,
    /// It leads into a network that is not public (H46).
    NotPublic,
    /// Nobody takes connections there.
    NotConnected,
    /// It is not who it should be, or does not speak TLS.
    NotTrusted,
    /// The connection broke off.
    BrokenOff,
    /// There is no secret to sign with.
    NoSecret,
    /// The server said that it wants no more (410).
    Gone,
    /// The event is not in history.
    EventMissing,
    /// The row of history that it is in does not read back.
    Unreadable,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::TimedOut => f.write_str("it did not answer in time"),
            Self::NotFound => f.write_str("its name leads nowhere"),
            Self::NotPublic => f.write_str("it leads into a network that is not public"),
            Self::NotConnected => f.write_str("it takes no connections"),
            Self::NotTrusted => f.write_str("its certificate is not trusted, or it does not speak TLS"),
            Self::BrokenOff => f.write_str("the connection broke off"),
            Self::NoSecret => f.write_str("there is no secret to sign with"),
            Self::Gone => f.write_str("it wants no more (410)"),
            Self::EventMissing => f.write_str("the event is not in history"),
            Self::Unreadable => f.write_str("the row of history that the event is in does not read back"),
        }
    }
}

/// The address at which a server said that it wants no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The address. Another one in the catalog is another server.
    pub url: String,
    /// When it said so.
    pub at: Timestamp,
}

/// The right to call a server, held by one worker at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The webhook.
    pub webhook: WebhookName,
    /// Whose turn it is.
    pub token: String,
    /// Whether the server wants no more.
    pub gone: Option<Gone>,
}

/// A page of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryPage {
    /// The events.
    pub events: Vec<EventId>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// How many deliveries of a webhook are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Backlog {
    /// How many are tried.
    pub waiting: u64,
    /// How many were given up.
    pub parked: u64,
}

/// Where deliveries are kept, and the history that they tell of.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Keeps a delivery that waits from `now` on. Whether it is new.
    async fn add_delivery(
        &self,
        webhook: &WebhookName,
        event: &EventId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A delivery, read consistently.
    async fn delivery(&self, webhook: &WebhookName, event: &EventId) -> Result<Option<Delivery>, StoreError>;

    /// A page of the deliveries of a webhook that are due at `until`, the most overdue first.
    ///
    /// The index lags a little behind: one that is here may be done, and one that was just added may be missing.
    async fn due_deliveries(&self, webhook: &WebhookName, until: Timestamp) -> Result<Vec<EventId>, StoreError>;

    /// Puts a delivery in the place of what it was before. Whether it still was that.
    ///
    /// Its own write, answered "failed" because the first answer was lost, counts as done.
    async fn change_delivery(&self, before: &Delivery, after: &Delivery) -> Result<bool, StoreError>;

    /// A page of the parked deliveries of a webhook whose events happened at `since` or later, the oldest first.
    async fn parked_deliveries(
        &self,
        webhook: &WebhookName,
        since: Timestamp,
        cursor: Option<Cursor>,
    ) -> Result<DeliveryPage, StoreError>;

    /// How many deliveries of a webhook wait and are parked.
    async fn backlog(&self, webhook: &WebhookName) -> Result<Backlog, StoreError>;

    /// Takes the turn to call a server, until `until`; `None` where another worker has it, or the server is left in peace.
    ///
    /// Its own write, answered "failed" because the first answer was lost, counts as done.
    async fn begin_turn(
        &self,
        webhook: &WebhookName,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Turn>, StoreError>;

    /// Ends a turn; one that is over already, or somebody else's, is left alone. With `peace`, nobody gets the next one
    /// before then.
    async fn end_turn(&self, turn: &Turn, peace: Option<Timestamp>) -> Result<(), StoreError>;

    /// Whether a server wants no more.
    async fn gone(&self, webhook: &WebhookName) -> Result<Option<Gone>, StoreError>;

    /// Keeps that a server wants no more; `None`: that it is to be called again.
    async fn set_gone(&self, webhook: &WebhookName, gone: Option<&Gone>) -> Result<(), StoreError>;

    /// The history row that an event is in.
    async fn history_row(&self, event: &EventId) -> Result<Option<HistoryRow>, StoreError>;
}
