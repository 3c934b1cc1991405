//! Events go on to the servers of others, signed after Standard Webhooks (F29).
//!
//! **Invariants:** a delivery is kept before anything is sent, so none is lost; it goes out under the id of its event each
//! time, so a receiver that has seen it knows. It is tried by the standard's schedule, then parked, with an alarm, until
//! somebody replays it. Each server is called by one worker at a time, with few calls in flight, and apart from all
//! others: one that is slow or gone delays nobody else.

mod secrets;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::{StreamExt, future, stream};
use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Catalog;
use perennial_core::ids::WebhookName;
use perennial_core::webhook::{Webhook, WebhookStatus, WebhookUrl};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{error, info, warn};

pub use self::secrets::{SECRETS_MAX, Secrets, SecretsError};
use crate::deliveries::{Backlog, Deliveries, Delivery, Failure, Gone, Standing, Turn};
use crate::error_chain::ErrorChain;
use crate::library::{Library, LibraryError};
use crate::ports::{Cause, Clock, HistoryRow, StoreError};
use crate::publish::{EventId, events_of};

/// How long after each failed attempt the next one comes: the schedule that Standard Webhooks publishes. After the last
/// one, three days and some hours from the first, a delivery is parked.
pub const RETRIES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];

/// The longest that a server may ask to be left in peace for (`Retry-After`).
pub const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How long a server in trouble is left in peace for by a schedule that ticks each minute.
pub const PEACE: SignedDuration = SignedDuration::from_secs(45);

/// How long after its time a delivery may be tried before somebody is told that its server is behind: a server that is
/// down is tried with a few events at a time, so with thousands of them each one's turn comes late.
pub const LATE_MAX: SignedDuration = SignedDuration::from_hours(1);

/// The most calls to one server that are in flight.
pub const IN_FLIGHT_MAX: usize = 4;

/// How much later a retry may come than its time, in thousandths of the delay: so that what failed together does not come
/// back together.
const JITTER_PER_MILLE: i32 = 100;

/// The name of the event that a test sends. No event of ours is called so.
pub const TEST_EVENT: &str = "webhook.test";

/// One call of a server.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookCall {
    /// Where to.
    pub url: WebhookUrl,
    /// The header `webhook-id`.
    pub id: String,
    /// The header `webhook-timestamp`: when this attempt is made, by the world's clock.
    pub at: Timestamp,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The body, which is JSON.
    pub body: String,
}

impl fmt::Debug for WebhookCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookCall").field("url", &self.url).field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it asks to be left in peace for.
    pub retry_after: Option<SignedDuration>,
}

/// How a call ended, and why, for the log.
#[derive(Debug)]
pub struct CallReport {
    /// What was answered, or why nothing was.
    pub answer: Result<Answer, Failure>,
    /// What went wrong, whole.
    pub cause: Option<Cause>,
}

/// Calls servers. At most once per call: it never tries again by itself, and follows no redirect.
#[async_trait]
pub trait WebhookCaller: Send + Sync {
    /// Makes one call, within its time-out.
    async fn call(&self, call: &WebhookCall) -> CallReport;
}

/// Where webhooks are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Where the catalog says.
    Cataloged,
    /// Below this address instead, by their names: for tests and demonstrations.
    Below(WebhookUrl),
}

impl Destination {
    /// Where a webhook is called.
    pub fn of(&self, name: &WebhookName, webhook: &Webhook) -> WebhookUrl {
        match self {
            Self::Cataloged => webhook.url.clone(),
            Self::Below(base) => base.below(name.as_str()),
        }
    }
}

/// Tells servers of events.
#[derive(Clone)]
pub struct Webhooks {
    /// Where deliveries are kept.
    pub deliveries: Arc<dyn Deliveries>,
    /// The catalog in force: it says who is told of what.
    pub library: Arc<Library>,
    /// Who calls.
    pub caller: Arc<dyn WebhookCaller>,
    /// What is signed with.
    pub secrets: Secrets,
    /// Where to.
    pub destination: Destination,
    /// The suite's time: retries live on it.
    pub clock: Arc<dyn Clock>,
    /// The world's time: signatures live on it.
    pub wall_clock: Arc<dyn Clock>,
    /// How long a worker may live that calls a server: the function's time-out and more.
    pub lease: SignedDuration,
    /// After how long no further call is begun. What is left stays due.
    pub budget: Duration,
    /// How long a server in trouble is left in peace for, where it asks for nothing: less than from tick to tick of the
    /// schedule, so that each may look whether it is back.
    pub peace: SignedDuration,
}

/// What came of some attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// The server has it.
    pub delivered: u64,
    /// It will be tried again.
    pub failed: u64,
    /// It was given up.
    pub parked: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
        self.parked = self.parked.saturating_add(other.parked);
    }

    fn of(after: &Delivery) -> Self {
        let (one, none) = (1, 0);
        let (delivered, failed, parked) = match after.standing {
            Standing::Done { .. } => (one, none, none),
            Standing::Waiting { .. } => (none, one, none),
            Standing::Parked { .. } => (none, none, one),
        };
        Self { delivered, failed, parked }
    }
}

/// Why events did not go on. What was kept stays due.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no catalog that says where to.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Webhooks {
    /// Whether a webhook of the catalog in force wants events of this name.
    pub async fn is_wanted(&self, name: &str) -> Result<bool, WebhookError> {
        Ok(self.library.catalog().await?.webhooks.values().any(|webhook| webhook.wants(name)))
    }

    /// Keeps a delivery for each webhook that wants an event. How many are new.
    pub async fn keep(&self, event: &EventId, name: &str, at: Timestamp) -> Result<u64, WebhookError> {
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let mut new = 0;
        for (webhook, _) in catalog.webhooks.iter().filter(|(_, webhook)| webhook.wants(name)) {
            new += u64::from(self.deliveries.add_delivery(webhook, event, at, now).await?);
        }
        Ok(new)
    }

    /// Tries an event at every webhook that wants it, where no other worker is at it, and what else is due there.
    pub async fn deliver(&self, event: &EventId, name: &str) -> Result<Tally, WebhookError> {
        let catalog = self.library.catalog().await?;
        let wanting = catalog.webhooks.iter().filter(|(_, webhook)| webhook.wants(name));
        self.call_all(wanting, Some(event)).await
    }

    /// Tries all that is due.
    pub async fn drain(&self) -> Result<Tally, WebhookError> {
        let catalog = self.library.catalog().await?;
        let on = catalog.webhooks.iter().filter(|(_, webhook)| webhook.status == WebhookStatus::On);
        self.call_all(on, None).await
    }

    /// All servers at once: none waits for another.
    async fn call_all<'a>(
        &self,
        webhooks: impl Iterator<Item = (&'a WebhookName, &'a Webhook)>,
        first: Option<&EventId>,
    ) -> Result<Tally, WebhookError> {
        let deadline = Instant::now() + self.budget;
        let calls = webhooks.map(|(name, webhook)| self.call_one(name, webhook, first, deadline));
        let mut tally = Tally::default();
        let mut trouble = None;
        for called in future::join_all(calls).await {
            match called {
                Ok(one) => tally.add(one),
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(tally), |error| Err(error.into()))
    }

    async fn call_one(
        &self,
        name: &WebhookName,
        webhook: &Webhook,
        first: Option<&EventId>,
        deadline: Instant,
    ) -> Result<Tally, StoreError> {
        let now = self.clock.now();
        let first = match first {
            Some(first) => vec![first.clone()],
            None => self.deliveries.due_deliveries(name, now).await?,
        };
        if first.is_empty() {
            return Ok(Tally::default());
        }
        let Some(turn) = self.deliveries.begin_turn(name, now, now + self.lease).await? else {
            return Ok(Tally::default());
        };
        let url = self.destination.of(name, webhook);
        let is_gone = turn.gone.as_ref().is_some_and(|gone| gone.url == url.as_str());
        let round = Round {
            webhooks: self,
            turn: &turn,
            url,
            deadline,
            is_gone: AtomicBool::new(is_gone),
            is_troubled: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            peace: Mutex::new(None),
        };
        let called = round.run(first).await;
        self.deliveries.end_turn(&turn, round.peace()).await?;
        called
    }

    /// Sends one event that is none to a webhook, and tells how it went. Nothing of it is kept.
    ///
    /// `None`: there is no secret for it.
    pub async fn test(&self, name: &WebhookName, webhook: &Webhook) -> Option<CallReport> {
        let now = self.wall_clock.now();
        let data = Map::from_iter([("webhook".to_owned(), Value::from(name.as_str()))]);
        let body = body(TEST_EVENT, now, data);
        let id = format!("test-{}", now.as_millisecond());
        let signature = self.secrets.sign(name, &id, now, &body)?;
        let call = WebhookCall { url: self.destination.of(name, webhook), id, at: now, signature, body };
        Some(self.caller.call(&call).await)
    }
}

/// The body of a call, as Standard Webhooks has it.
fn body(name: &str, at: Timestamp, data: Map<String, Value>) -> String {
    let members = [("type", name.into()), ("timestamp", at.to_string().into()), ("data", Value::Object(data))];
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()).to_string()
}

/// What is sent of an event, by the row of history that it is in; `None` where that does not have it.
pub fn body_of(event: &EventId, row: &HistoryRow) -> Option<String> {
    let told = events_of(&event.lead, row).ok()?.into_iter().nth(event.place)?;
    let mut data: Map<String, Value> = serde_json::from_str(&told.detail).ok()?;
    // They stand beside it.
    data.remove("type");
    data.remove("at");
    Some(body(&told.name, told.at, data))
}

/// One turn at one server.
struct Round<'a> {
    webhooks: &'a Webhooks,
    turn: &'a Turn,
    url: WebhookUrl,
    deadline: Instant,
    /// The server wants no more.
    is_gone: AtomicBool,
    /// The store is in trouble: what is left waits for the next turn.
    is_troubled: AtomicBool,
    /// It was said that deliveries are tried late.
    is_late: AtomicBool,
    /// Until when the server is left in peace: it has enough to do, or is not there.
    peace: Mutex<Option<Timestamp>>,
}

/// How an attempt ended.
struct Outcome {
    result: Result<(), Failure>,
    retry_after: Option<SignedDuration>,
    cause: Option<Cause>,
}

impl Outcome {
    fn failed(failure: Failure) -> Self {
        Self { result: Err(failure), retry_after: None, cause: None }
    }

    fn of(report: CallReport) -> Self {
        let CallReport { answer, cause } = report;
        let (result, retry_after) = match answer {
            Ok(Answer { status: 200..=299, .. }) => (Ok(()), None),
            Ok(Answer { status: 410, .. }) => (Err(Failure::Gone), None),
            Ok(Answer { status, retry_after }) => {
                (Err(Failure::Status(status)), retry_after.map(|asked| asked.min(RETRY_AFTER_MAX)))
            }
            Err(failure) => (Err(failure), None),
        };
        Self { result, retry_after, cause }
    }

    /// How long nothing at all is to go there: as long as the server asks for, else a while where it is in trouble.
    fn peace(&self, a_while: SignedDuration) -> Option<SignedDuration> {
        self.retry_after.or_else(|| self.result.is_err_and(is_trouble).then_some(a_while))
    }
}

impl Round<'_> {
    /// Tries the first ones, then whatever is due, until nothing is, time is over, or the server is in trouble.
    async fn run(&self, first: Vec<EventId>) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let mut trouble = None;
        let mut tried = BTreeSet::new();
        let mut next = first;
        loop {
            // The index lags: what was tried may still be in it.
            next.retain(|event| tried.insert(event.clone()));
            if next.is_empty() {
                break;
            }
            let (one, failed) = self.try_all(next).await;
            tally.add(one);
            trouble = trouble.or(failed);
            if self.is_over() {
                break;
            }
            next = self.webhooks.deliveries.due_deliveries(&self.turn.webhook, self.webhooks.clock.now()).await?;
        }
        trouble.map_or(Ok(tally), Err)
    }

    /// Tries some deliveries, a few at a time. Those in flight are seen to their end, whatever becomes of the others.
    async fn try_all(&self, events: Vec<EventId>) -> (Tally, Option<StoreError>) {
        let mut attempts = stream::iter(events).map(|event| self.attempt(event)).buffer_unordered(IN_FLIGHT_MAX);
        let mut tally = Tally::default();
        let mut trouble = None;
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(one) => tally.add(one),
                Err(error) => {
                    // One row that does not read back is reported, and stops no other.
                    self.is_troubled.fetch_or(!error.is_of_one_item(), Ordering::Relaxed);
                    trouble = Some(error);
                }
            }
        }
        (tally, trouble)
    }

    fn is_over(&self) -> bool {
        self.is_troubled.load(Ordering::Relaxed) || self.peace().is_some() || Instant::now() >= self.deadline
    }

    /// Until when the server is left in peace.
    fn peace(&self) -> Option<Timestamp> {
        *self.peace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the server in peace until then, or for longer if that was said before.
    fn leave_in_peace(&self, until: Timestamp) {
        let mut peace = self.peace.lock().unwrap_or_else(PoisonError::into_inner);
        *peace = (*peace).max(Some(until));
    }

    /// Says once that deliveries are tried long after their time.
    fn tell_of_lateness(&self, due: Timestamp, now: Timestamp) {
        if now.duration_since(due) > LATE_MAX && !self.is_late.swap(true, Ordering::Relaxed) {
            error!(
                webhook.name = %self.turn.webhook, webhook.due = %due, metric = "webhook.late",
                "a webhook is behind: what waits for it is tried long after its time"
            );
        }
    }

    async fn attempt(&self, event: EventId) -> Result<Tally, StoreError> {
        if self.is_over() {
            return Ok(Tally::default());
        }
        let Webhooks { deliveries, clock, .. } = self.webhooks;
        let Some(before) = deliveries.delivery(&self.turn.webhook, &event).await? else { return Ok(Tally::default()) };
        let now = clock.now();
        match before.standing {
            Standing::Waiting { due } if due <= now => self.tell_of_lateness(due, now),
            Standing::Waiting { .. } | Standing::Parked { .. } | Standing::Done { .. } => return Ok(Tally::default()),
        }
        let outcome = self.send(&event).await?;
        let now = clock.now();
        if outcome.result == Err(Failure::Gone) {
            self.note_gone().await?;
        }
        if let Some(peace) = outcome.peace(self.webhooks.peace) {
            self.leave_in_peace(later(now, peace));
        }
        let after = after(&before, outcome.result, outcome.retry_after, now);
        tell(&after, outcome.cause.as_ref());
        // Where another worker was quicker, after a turn that took too long, what that one wrote stands.
        deliveries.change_delivery(&before, &after).await?;
        Ok(Tally::of(&after))
    }

    async fn send(&self, event: &EventId) -> Result<Outcome, StoreError> {
        if self.is_still_gone().await? {
            return Ok(Outcome::failed(Failure::Gone));
        }
        let Webhooks { deliveries, secrets, wall_clock, caller, .. } = self.webhooks;
        let row = match deliveries.history_row(event).await {
            Err(error) if error.is_of_one_item() => {
                return Ok(Outcome { cause: Some(error.into()), ..Outcome::failed(Failure::Unreadable) });
            }
            row => row?,
        };
        let Some(body) = row.and_then(|row| body_of(event, &row)) else {
            return Ok(Outcome::failed(Failure::EventMissing));
        };
        let (id, at) = (event.to_string(), wall_clock.now());
        let Some(signature) = secrets.sign(&self.turn.webhook, &id, at, &body) else {
            return Ok(Outcome::failed(Failure::NoSecret));
        };
        let call = WebhookCall { url: self.url.clone(), id, at, signature, body };
        Ok(Outcome::of(caller.call(&call).await))
    }

    /// Whether the server wants no more. It is looked up each time: somebody may have said since the turn began that it is
    /// to be called again, and what they set going must not be parked once more.
    async fn is_still_gone(&self) -> Result<bool, StoreError> {
        if !self.is_gone.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let gone = self.webhooks.deliveries.gone(&self.turn.webhook).await?;
        let is_gone = gone.is_some_and(|gone| gone.url == self.url.as_str());
        self.is_gone.store(is_gone, Ordering::Relaxed);
        Ok(is_gone)
    }

    /// Keeps that the server wants no more, and says so once.
    async fn note_gone(&self) -> Result<(), StoreError> {
        if self.is_gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        let name = &self.turn.webhook;
        let gone = Gone { url: self.url.as_str().to_owned(), at: self.webhooks.clock.now() };
        self.webhooks.deliveries.set_gone(name, Some(&gone)).await?;
        if !self.is_gone.swap(true, Ordering::Relaxed) {
            error!(webhook.name = %name, metric = "webhook.gone", "a server wants no more events (410): what comes is parked");
        }
        Ok(())
    }
}

/// Whether a failure is likely to meet whatever else is sent there now: then the rest waits for the next turn.
const fn is_trouble(failure: Failure) -> bool {
    match failure {
        Failure::Status(429 | 502 | 503 | 504)
        | Failure::TimedOut
        | Failure::NotFound
        | Failure::NotPublic
        | Failure::NotConnected
        | Failure::NotTrusted
        | Failure::BrokenOff
        | Failure::NoSecret => true,
        Failure::Status(_) | Failure::Gone | Failure::EventMissing | Failure::Unreadable => false,
    }
}

/// A delivery after an attempt.
fn after(
    before: &Delivery,
    result: Result<(), Failure>,
    retry_after: Option<SignedDuration>,
    now: Timestamp,
) -> Delivery {
    let attempts = before.attempts.saturating_add(1);
    let standing = match result {
        Ok(()) => Standing::Done { at: now },
        Err(Failure::Gone | Failure::EventMissing | Failure::Unreadable) => Standing::Parked { since: now },
        Err(
            Failure::Status(_)
            | Failure::TimedOut
            | Failure::NotFound
            | Failure::NotPublic
            | Failure::NotConnected
            | Failure::NotTrusted
            | Failure::BrokenOff
            | Failure::NoSecret,
        ) => match delay(&before.event, before.attempts) {
            Some(delay) => Standing::Waiting { due: later(now, delay.max(retry_after.unwrap_or_default())) },
            None => Standing::Parked { since: now },
        },
    };
    Delivery { standing, attempts, failure: result.err(), ..before.clone() }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long after a failed attempt, so many having gone before, the next one comes; `None`: there is none.
fn delay(event: &EventId, earlier: u32) -> Option<SignedDuration> {
    let delay = RETRIES.get(usize::try_from(earlier).ok()?)?;
    // Any fixed mix of the id will do: events differ, and the same one is late by the same each time it is looked at.
    let mix = event.to_string().bytes().fold(earlier, |mix, byte| mix.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let per_mille = i32::try_from(mix % 1_000).unwrap_or_default() * JITTER_PER_MILLE / 1_000;
    Some(*delay + *delay * per_mille / 1_000)
}

/// Says what came of an attempt. Never where to: an address may be a secret.
fn tell(after: &Delivery, cause: Option<&Cause>) {
    let Delivery { webhook, event, standing, attempts, failure, .. } = after;
    let failure = failure.map(|failure| failure.to_string());
    let cause = cause.map(|cause| ErrorChain(cause.as_ref()).to_string());
    match standing {
        Standing::Done { .. } => info!(
            webhook.name = %webhook, effect.id = %event, webhook.attempts = attempts, metric = "webhook.delivered",
            "a webhook has an event"
        ),
        Standing::Waiting { due } => warn!(
            webhook.name = %webhook, effect.id = %event, webhook.attempts = attempts, webhook.due = %due,
            metric = "webhook.failed", failure, error = cause, "a webhook has not taken an event; it is tried again"
        ),
        Standing::Parked { .. } if after.failure == Some(Failure::Gone) => warn!(
            webhook.name = %webhook, effect.id = %event, metric = "webhook.parked", failure, "an event is parked"
        ),
        Standing::Parked { .. } => error!(
            webhook.name = %webhook, effect.id = %event, webhook.attempts = attempts, metric = "webhook.parked",
            failure, error = cause, "an event is parked: `perennial webhooks replay` sends it again"
        ),
    }
}

/// How one webhook stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookReport {
    /// Its name.
    pub name: String,
    /// Where it is, as the catalog says.
    pub url: String,
    /// What it is told of.
    pub events: Vec<&'static str>,
    /// Whether the catalog has it switched on.
    pub is_on: bool,
    /// Since when its server wants no more.
    pub gone_since: Option<Timestamp>,
    /// How many deliveries are not there.
    #[serde(flatten)]
    pub backlog: Backlog,
    /// The parked delivery whose event is the oldest.
    pub oldest_parked: Option<ParkedReport>,
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParkedReport {
    /// The event.
    pub event: EventId,
    /// When that happened.
    pub at: Timestamp,
    /// What came of the last attempt.
    pub failure: Option<Failure>,
}

/// How each webhook of a catalog stands.
pub async fn report(deliveries: &dyn Deliveries, catalog: &Catalog) -> Result<Vec<WebhookReport>, StoreError> {
    let mut reports = Vec::new();
    for (name, webhook) in &catalog.webhooks {
        reports.push(WebhookReport {
            name: name.to_string(),
            url: webhook.url.as_str().to_owned(),
            events: webhook.events.iter().map(|event| event.as_str()).collect(),
            is_on: webhook.status == WebhookStatus::On,
            gone_since: deliveries.gone(name).await?.map(|gone| gone.at),
            backlog: deliveries.backlog(name).await?,
            oldest_parked: oldest_parked(deliveries, name).await?,
        });
    }
    Ok(reports)
}

async fn oldest_parked(deliveries: &dyn Deliveries, name: &WebhookName) -> Result<Option<ParkedReport>, StoreError> {
    let page = deliveries.parked_deliveries(name, Timestamp::MIN, None).await?;
    let Some(event) = page.events.into_iter().next() else { return Ok(None) };
    let delivery = deliveries.delivery(name, &event).await?;
    Ok(delivery.map(|Delivery { at, failure, .. }| ParkedReport { event, at, failure }))
}

/// Sets what is parked for a webhook going again, of events that happened at `since` or later: from the first attempt
/// on, and from now. A server that wanted no more is called again. How many there were.
pub async fn replay(
    deliveries: &dyn Deliveries,
    name: &WebhookName,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    deliveries.set_gone(name, None).await?;
    let mut replayed = 0;
    let mut cursor = None;
    loop {
        let page = deliveries.parked_deliveries(name, since, cursor).await?;
        for event in &page.events {
            let parked = deliveries.delivery(name, event).await?;
            let is_parked = |delivery: &Delivery| matches!(delivery.standing, Standing::Parked { .. });
            let Some(before) = parked.filter(is_parked) else { continue };
            let after = Delivery { standing: Standing::Waiting { due: now }, attempts: 0, ..before.clone() };
            replayed += u64::from(deliveries.change_delivery(&before, &after).await?);
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(replayed);
        }
    }
}
