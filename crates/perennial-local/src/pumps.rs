//! What runs by itself: the ticker, the feeder of the outbox, the bus with its rules, the mail events, the inbox.
//!
//! **Invariant:** each pump calls a function with the event that AWS would send, and may die at any
//! moment: what it had not finished is still in the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::dynamodb::Event as StreamEvent;
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::error_chain::ErrorChain;
use perennial_app::ports::{Bus, BusError, BusEvent};
use perennial_aws::dynamo::outbox::{Entry, Outbox};
use perennial_core::breaker::day_of;
use perennial_core::inbound::InboxKey;
use perennial_lambda::boot::HandlerError;
use schedule_touch::Trigger;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::error;

use crate::clock::{Clock, Hold, Pace};
use crate::gateway::through_json;
use crate::inbox::LocalInbox;
use crate::ses::MailEvent;

/// How often the suite sweeps at real speed. The schedule of AWS has a minute; nobody here pays for ticks.
const TICK_REAL: Duration = Duration::from_secs(1);

/// How often a time-lapse moves on.
const TICK_TIME_LAPSE: Duration = Duration::from_millis(100);

/// How long the feeder sleeps if nobody wakes it: other processes commit too.
const FEEDER_NAP: Duration = Duration::from_millis(400);

/// How long an event of the mail service is on its way. On AWS it is seconds; any delay keeps it from
/// overtaking the answer of the call that it tells of.
const MAIL_EVENT_DELAY: Duration = Duration::from_millis(150);

/// How many events are on their way together.
const MAIL_EVENTS_AT_ONCE: usize = 1_024;

/// How many nudges may wait.
pub(crate) const NUDGES_MAX: usize = 1_024;

/// How often the inbox is looked at.
const INBOX_NAP: Duration = Duration::from_millis(500);

/// How many leads may wait to be looked at.
pub(crate) const EVALUATIONS_MAX: usize = 1_024;

/// How many rounds of webhooks may be under way: each server is called by one of them.
const ROUNDS_MAX: usize = 8;

/// What `notify` is told of besides what webhooks want, as the rule on AWS has it.
const NOTIFIED: [&str; 3] = ["reply.received", "alert.raised", "task.created"];

/// The bus in process, with its rules: one nudges `schedule-touch` for a form's lead, one has it looked at whether a lead
/// is ready for sales, one wakes `notify`.
pub(crate) struct LocalBus {
    pub(crate) nudges: mpsc::Sender<Nudge>,
    pub(crate) evaluations: mpsc::Sender<Nudge>,
    pub(crate) notify: Arc<notify::Deps>,
    /// Told that something is kept for a webhook.
    pub(crate) kept: Arc<Notify>,
    pub(crate) clock: Clock,
}

/// A bus event on its way to `schedule-touch` or `evaluate-requalification`. It is no loss where it is lost: the sweep
/// does the same.
pub(crate) struct Nudge {
    event: Value,
    _still: Hold,
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, events: &[BusEvent]) -> Result<(), BusError> {
        for event in events {
            // Before the row leaves the outbox: replies, alerts, and what webhooks want, survive a restart.
            let is_wanted = self.is_wanted_by_a_webhook(event).await?;
            if is_wanted || NOTIFIED.contains(&event.name.as_str()) {
                self.notify(event).await?;
            }
            if is_wanted {
                self.kept.notify_one();
            }
        }
        for event in events.iter().filter(|event| event.name == "enrolment.started") {
            let detail = detail(event)?;
            // The rule's pattern: {"detail-type": ["enrolment.started"], "detail": {"channel": ["form"]}}.
            if detail.get("channel").and_then(Value::as_str) != Some("form") {
                continue;
            }
            // With so many waiting, the next sweep is there as soon.
            if self.nudges.try_send(self.nudge(event, &detail)).is_err() {
                break;
            }
        }
        for event in events.iter().filter(|event| event.name == "evaluation.due") {
            if self.evaluations.try_send(self.nudge(event, &detail(event)?)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn detail(event: &BusEvent) -> Result<Value, BusError> {
    serde_json::from_str(&event.detail).map_err(|error| BusError::Failed(error.into()))
}

/// An event as EventBridge brings it.
fn envelope(event: &BusEvent, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": detail.get("id"),
        "source": "perennial",
        "detail-type": event.name,
        "time": event.at.to_string(),
        "detail": detail,
    })
}

impl LocalBus {
    fn nudge(&self, event: &BusEvent, detail: &Value) -> Nudge {
        Nudge { event: envelope(event, detail), _still: self.clock.hold() }
    }

    async fn is_wanted_by_a_webhook(&self, event: &BusEvent) -> Result<bool, BusError> {
        let Some(hooks) = &self.notify.hooks else { return Ok(false) };
        hooks.webhooks.is_wanted(&event.name).await.map_err(|error| BusError::Failed(error.into()))
    }

    async fn notify(&self, event: &BusEvent) -> Result<(), BusError> {
        let event = envelope(event, &detail(event)?);
        let told = async { notify::handle(Arc::clone(&self.notify), through_json(&event)?).await };
        told.await.map(drop).map_err(|error| BusError::Failed(error.into()))
    }
}

/// Tells `record-engagement` of each mail that comes in, as S3 would.
pub(crate) async fn take_in(inbox: LocalInbox, deps: Arc<record_engagement::Deps>, clock: Clock, written: Arc<Notify>) {
    loop {
        sleep(INBOX_NAP).await;
        let untold = match inbox.untold() {
            Ok(untold) => untold,
            Err(error) => {
                error!(error = ErrorChain(&error).to_string(), "the inbox cannot be read");
                continue;
            }
        };
        for key in untold {
            let _still = clock.hold();
            let event = s3_event(&key, clock.now());
            let taken = async { record_engagement::handle(Arc::clone(&deps), through_json(&event)?).await };
            let told = match taken.await {
                Ok(_) => inbox.told(&key).map_err(|error| HandlerError::new("inbox", error)),
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                error!(error = ErrorChain(&error).to_string(), "a mail waits in the inbox");
            }
            written.notify_one();
        }
    }
}

fn s3_event(key: &InboxKey, at: Timestamp) -> Value {
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "local",
            "eventTime": at.to_string(),
            "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": "local" }, "object": { "key": key.as_str() } },
        }],
    })
}

/// Calls `schedule-touch` for each nudge.
pub(crate) async fn nudge(mut nudges: mpsc::Receiver<Nudge>, deps: Arc<schedule_touch::Deps>) {
    while let Some(nudge) = nudges.recv().await {
        if let Err(error) = touch(&deps, &nudge.event).await {
            error!(error = ErrorChain(&error).to_string(), "a nudge failed; the sweep will do it");
        }
    }
}

/// Calls `evaluate-requalification` for each lead that is to be looked at.
pub(crate) async fn evaluate(
    mut evaluations: mpsc::Receiver<Nudge>,
    deps: Arc<evaluate_requalification::Deps>,
    written: Arc<Notify>,
) {
    while let Some(evaluation) = evaluations.recv().await {
        let event = &evaluation.event;
        let looked = async { evaluate_requalification::handle(Arc::clone(&deps), through_json(event)?).await };
        if let Err(error) = looked.await {
            error!(error = ErrorChain(&error).to_string(), "a lead was not looked at; the sweep will do it");
        }
        // Whoever is to be alerted hears of it at once.
        written.notify_one();
    }
}

async fn touch(deps: &Arc<schedule_touch::Deps>, event: &Value) -> Result<schedule_touch::Summary, HandlerError> {
    let trigger: Trigger = through_json(event)?;
    Box::pin(schedule_touch::handle(Arc::clone(deps), trigger)).await
}

fn period(clock: &Clock) -> Duration {
    match clock.pace() {
        Pace::Real => TICK_REAL,
        Pace::TimeLapse(_) => TICK_TIME_LAPSE,
    }
}

/// Moves the clock and sweeps, for ever. In a time-lapse each move waits until all that is due is done.
pub(crate) async fn tick(clock: Clock, deps: Arc<schedule_touch::Deps>, written: Arc<Notify>) {
    let period = period(&clock);
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = clock.tick(period).await {
            error!(error = ErrorChain(&error).to_string(), "the clock cannot be kept; it stands still");
            continue;
        }
        sweep(&clock, &deps).await;
        written.notify_one();
    }
}

/// Calls webhooks: when something is kept for one, and at each tick, since retries come due. A round that takes long,
/// because a server is slow, keeps no other server waiting.
pub(crate) async fn call_webhooks(clock: Clock, deps: Arc<notify::Deps>, kept: Arc<Notify>) {
    let mut rounds = JoinSet::new();
    loop {
        // Woken or not, something may be due.
        let _woken_or_not = timeout(period(&clock), kept.notified()).await;
        while rounds.try_join_next().is_some() {}
        if rounds.len() < ROUNDS_MAX {
            rounds.spawn(round(Arc::clone(&deps), clock.hold()));
        }
    }
}

async fn round(deps: Arc<notify::Deps>, _still: Hold) {
    let event = scheduled();
    let called = async { notify::handle(deps, through_json(&event)?).await };
    if let Err(error) = called.await {
        error!(error = ErrorChain(&error).to_string(), "webhooks were not called; the next tick does it");
    }
}

/// Does the daily chores: at the start, and when a day (UTC) of the suite's time begins.
pub(crate) async fn housekeep(clock: Clock, deps: Arc<housekeep::Deps>) {
    let mut looks = interval(TICK_TIME_LAPSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut done: Option<Date> = None;
    loop {
        looks.tick().await;
        let _still = clock.hold();
        let today = day_of(clock.now());
        if done == Some(today) {
            continue;
        }
        let event = scheduled();
        let kept = async { housekeep::handle(Arc::clone(&deps), through_json(&event)?).await };
        if let Err(error) = kept.await {
            error!(
                error = ErrorChain(&error).to_string(),
                "the daily chores are not all done; tomorrow they are tried again"
            );
        }
        done = Some(today);
    }
}

/// What EventBridge Scheduler sends: it says nothing that anybody listens to.
fn scheduled() -> Value {
    json!({ "version": "0", "source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {} })
}

async fn sweep(clock: &Clock, deps: &Arc<schedule_touch::Deps>) {
    let _still = clock.hold();
    let event = scheduled();
    loop {
        match touch(deps, &event).await {
            Ok(summary) if summary.is_unfinished => {}
            Ok(_) => return,
            Err(error) => {
                error!(error = ErrorChain(&error).to_string(), "a sweep failed; the next tick does it");
                return;
            }
        }
    }
}

/// Drains the outbox into `publish-history`, as the table's stream would.
pub(crate) async fn feed(outbox: Outbox, deps: Arc<publish_history::Deps>, clock: Clock, written: Arc<Notify>) {
    loop {
        // Woken or not, there may be something.
        let _woken_or_not = timeout(FEEDER_NAP, written.notified()).await;
        let _still = clock.hold();
        while let Some(more) = deliver(&outbox, &deps).await {
            if !more {
                break;
            }
        }
    }
}

/// Delivers one page. Whether there may be more; `None` after a failure, which waits for the next time.
async fn deliver(outbox: &Outbox, deps: &Arc<publish_history::Deps>) -> Option<bool> {
    let delivered = async {
        let entries = outbox.read().await.map_err(|error| HandlerError::new("outbox", error))?;
        if entries.is_empty() {
            return Ok(false);
        }
        let event: StreamEvent = through_json(&stream_event(&entries))?;
        let answer = publish_history::handle(Arc::clone(deps), event).await?;
        let done = match answer.batch_item_failures.first().and_then(|failure| failure.item_identifier.as_deref()) {
            None => entries.as_slice(),
            Some(failed) => {
                let at = failed.parse::<usize>().unwrap_or(0);
                entries.get(..at).unwrap_or_default()
            }
        };
        outbox.delete(done).await.map_err(|error| HandlerError::new("outbox", error))?;
        Ok::<_, HandlerError>(done.len() == entries.len())
    };
    match delivered.await {
        Ok(more) => Some(more),
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "history waits in the outbox");
            None
        }
    }
}

/// Outbox entries as a batch of the table's stream. A record's sequence number is its place in the batch.
fn stream_event(entries: &[Entry]) -> Value {
    let record = |(at, entry): (usize, &Entry)| {
        json!({
            "eventID": at.to_string(),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "local",
            "dynamodb": {
                "ApproximateCreationDateTime": 0,
                "Keys": entry.keys,
                "NewImage": entry.image,
                "SequenceNumber": at.to_string(),
                "SizeBytes": 0,
                "StreamViewType": "NEW_IMAGE",
            },
        })
    };
    json!({ "Records": entries.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// Brings the mail service's events to `record-engagement`, a little later.
pub(crate) async fn hear(mut events: mpsc::Receiver<MailEvent>, deps: Arc<record_engagement::Deps>) {
    let mut waiting = Vec::new();
    while events.recv_many(&mut waiting, MAIL_EVENTS_AT_ONCE).await > 0 {
        sleep(MAIL_EVENT_DELAY).await;
        for MailEvent { event, hold } in waiting.drain(..) {
            let heard = async { record_engagement::handle(Arc::clone(&deps), through_json(&event)?).await };
            if let Err(error) = heard.await {
                error!(error = ErrorChain(&error).to_string(), "a mail event was lost");
            }
            drop(hold);
        }
    }
}
