//! Events go on to the servers of others (F29, H46), told by the real functions over the real store, to a real server.

mod command;
mod document;
mod server;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use notify::webhooks::{FirstAttempt, Hooks};
use perennial_app::deliveries::{
    Backlog, Deliveries, Delivery, DeliveryPage, Failure, Gone, Standing, Turn, UNDELIVERED_PERIOD,
};
use perennial_app::holdings::Holdings;
use perennial_app::library::Library;
use perennial_app::memory::MemoryStore;
use perennial_app::ports::{Clock as _, Cursor, HistoryRow, StoreError, SystemClock};
use perennial_app::privacy::Privacy;
use perennial_app::publish::EventId;
use perennial_app::webhooks::{
    Answer, CallReport, Destination, IN_FLIGHT_MAX, RETRIES, RETRY_AFTER_MAX, Secrets, Tally, WebhookCall,
    WebhookCaller, Webhooks, replay, report,
};
use perennial_aws::dynamo::DynamoStore;
use perennial_core::catalog::Catalog;
use perennial_core::event::EventName;
use perennial_core::ids::WebhookName;
use perennial_core::testing;
use perennial_core::webhook::{Webhook, WebhookStatus, WebhookUrl};
use perennial_http::{HttpCaller, Reach};
use serde_json::{Value, json};
use server::{Manner, Server};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use crate::handlers::ingest_lead::logs::Log;
use crate::scenarios::world::{LEASE, World, read, sample};

const NOW: &str = "2026-03-02 10:00";

/// The secret of the webhook `crm`, and the one that it had before.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const OLD_SECRET: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4";

/// How long anything here may take: much longer than it does on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much longer than the published delay a retry may take.
const TENTH: i32 = 10;

fn name(text: &str) -> WebhookName {
    WebhookName::parse(text).unwrap()
}

/// `crm` and `chat` are told of new leads, `desk` of mails.
fn catalog() -> Catalog {
    let mut catalog = testing::catalog();
    for (webhook, event) in [("crm", "lead.received"), ("chat", "lead.received"), ("desk", "touch.sent")] {
        let url = WebhookUrl::parse(&format!("https://hooks.example.com/{webhook}")).unwrap();
        let events = BTreeSet::from([EventName::parse(event).unwrap()]);
        catalog.webhooks.insert(name(webhook), Webhook { url, events, status: WebhookStatus::On });
    }
    catalog
}

/// The suite, and servers that are told of what happens in it.
struct Town {
    world: World,
    server: Server,
    notify: Arc<notify::Deps>,
    deliveries: Arc<dyn Deliveries>,
    store: DynamoStore,
    /// How many of the bus's events `notify` has heard.
    told: AtomicUsize,
}

impl Town {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Webhooks)) -> Self {
        let mut store = None;
        let world = World::with(catalog(), NOW, |_, dynamo| store = Some(dynamo.clone())).await;
        let (store, server) = (store.unwrap(), Server::start().await);
        let mut webhooks = Webhooks {
            deliveries: Arc::new(store.clone()),
            library: Arc::new(Library::fixed(Arc::new(catalog()))),
            caller: Arc::new(HttpCaller::new(Reach::Loopback, Duration::from_secs(30))),
            secrets: Secrets::parse(&format!("crm:{SECRET},crm:{OLD_SECRET},chat:{SECRET},desk:{SECRET}")).unwrap(),
            destination: Destination::Below(server.base()),
            clock: world.clock.clone(),
            wall_clock: Arc::new(SystemClock),
            lease: LEASE,
            budget: Duration::from_mins(1),
        };
        change(&mut webhooks);
        let deliveries = Arc::clone(&webhooks.deliveries);
        let postman = world.functions.notify.postman.clone();
        let hooks = Some(Hooks { webhooks, first_attempt: FirstAttempt::AtOnce });
        let herald = world.functions.notify.herald.clone();
        let notify = Arc::new(notify::Deps { postman, herald, hooks, budget: Duration::from_mins(1) });
        Self { world, server, notify, deliveries, store, told: AtomicUsize::new(0) }
    }

    fn hooks(&self) -> &Webhooks {
        &self.notify.hooks.as_ref().unwrap().webhooks
    }

    /// Somebody posts the form. What the bus has for `notify`.
    async fn post(&self, number: u32) -> Vec<Value> {
        self.world.post(json!({ "email": format!("person{number}@example.com"), "first_name": "Ada" })).await;
        self.rest()
    }

    /// What the bus has that `notify` has not heard.
    fn rest(&self) -> Vec<Value> {
        let published = self.world.bus.published();
        let told = self.told.swap(published.len(), Ordering::Relaxed);
        published[told..].iter().map(|event| bus_event(&event.name, &event.detail)).collect()
    }

    /// `notify` hears of an event.
    async fn hear(&self, event: &Value) -> Result<notify::Summary, String> {
        let heard = notify::handle(Arc::clone(&self.notify), read(event)).await;
        heard.map_err(|error| error.to_string())
    }

    async fn hear_all(&self, events: &[Value]) {
        for event in events {
            self.hear(event).await.unwrap();
        }
    }

    /// The schedule's tick.
    async fn tick(&self) -> Tally {
        self.hear(&sample("notify-tick.json")).await.unwrap().webhooks.unwrap()
    }

    async fn delivery(&self, webhook: &str, event: &EventId) -> Delivery {
        self.deliveries.delivery(&name(webhook), event).await.unwrap().unwrap()
    }

    async fn backlog(&self, webhook: &str) -> Backlog {
        self.deliveries.backlog(&name(webhook)).await.unwrap()
    }

    /// Jumps to when a delivery is due, and ticks.
    async fn jump(&self, webhook: &str, event: &EventId) -> Option<Timestamp> {
        let Standing::Waiting { due } = self.delivery(webhook, event).await.standing else { return None };
        self.world.clock.set(due);
        self.tick().await;
        Some(due)
    }
}

/// An event as EventBridge brings it.
fn bus_event(name: &str, detail: &str) -> Value {
    let mut event = sample("lead-received.json");
    event["detail-type"] = json!(name);
    event["detail"] = serde_json::from_str(detail).unwrap();
    event
}

/// The event that a new lead makes.
fn received(events: &[Value]) -> (Value, EventId) {
    let event = events.iter().find(|event| event["detail-type"] == "lead.received").unwrap().clone();
    let id = event["detail"]["id"].as_str().unwrap().parse().unwrap();
    (event, id)
}

/// Waits until something is so; what it waits for is under way.
async fn eventually(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it never comes");
}

// --- What is sent ----------------------------------------------------------------------------------------

#[tokio::test]
async fn an_event_goes_at_once_to_whom_it_concerns_and_to_nobody_else() {
    let town = Town::new().await;
    let events = town.post(1).await;
    let (event, id) = received(&events);
    let summary = town.hear(&event).await.unwrap();
    assert_eq!(summary.webhooks, Some(Tally { delivered: 2, failed: 0, parked: 0 }));
    for webhook in ["crm", "chat"] {
        let requests = town.server.requests(webhook);
        assert_eq!(requests.len(), 1, "{webhook}");
        assert_eq!(requests[0].id(), id.to_string());
        assert_eq!(town.delivery(webhook, &id).await.standing, Standing::Done { at: town.world.clock.now() });
    }
    assert!(town.server.requests("desk").is_empty());
    town.hear_all(&events).await;
    let desk = town.server.requests("desk");
    assert_eq!(desk.iter().map(|request| request.json()["type"].clone()).collect::<Vec<_>>(), ["touch.sent"]);
}

#[tokio::test]
async fn a_delivery_is_what_standard_webhooks_says_and_holds_nothing_of_the_person() {
    let town = Town::new().await;
    let (event, id) = received(&town.post(1).await);
    town.hear(&event).await.unwrap();
    let request = town.server.requests("crm").remove(0);
    // While secrets change, either verifies; and neither a stranger's nor another body does.
    assert!(request.is_signed_with(SECRET) && request.is_signed_with(OLD_SECRET));
    assert!(!request.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    let mut forged = request.clone();
    forged.body = forged.body.replace("form", "list");
    assert!(!forged.is_signed_with(SECRET));
    assert_eq!(request.header("content-type"), "application/json");

    let body = request.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["data", "timestamp", "type"]);
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("lead.received"), &event["detail"]["at"]));
    let mut detail = event["detail"].clone();
    detail.as_object_mut().unwrap().retain(|name, _| name != "at" && name != "type");
    assert_eq!(body["data"], detail);
    assert_eq!(body["data"]["id"], json!(id));
    let shown = format!("{request:?}").to_lowercase();
    assert!(!shown.contains("person1") && !shown.contains("ada"), "{shown}");
}

#[tokio::test]
async fn nothing_that_ever_happens_to_her_tells_a_webhook_who_she_is() {
    let log = Log::ours();
    let town = Town::with(|webhooks| {
        let mut everything = catalog();
        everything.webhooks.get_mut(&name("crm")).unwrap().events = EventName::all().collect();
        webhooks.library = Arc::new(Library::fixed(Arc::new(everything)));
    })
    .await;
    let canary = json!({
        "email": "canary-7f3@birds.example", "first_name": "Kanarina", "company": "Gelbfeder", "message": "Zwitscherton",
        "phone": "+49 170 5550143",
    });
    let lead = town.world.post(canary).await;
    town.world.live_until("2026-05-02 10:00").await;
    town.world.mail_in(&town.world.answer(&lead, "", "Zwitscherton? Kanarina Gelbfeder")).await;
    town.world.unsubscribe(&lead).await;
    town.hear_all(&town.rest()).await;
    let told = town.server.requests("crm");
    let names: BTreeSet<String> = told.iter().map(|request| request.json()["type"].to_string()).collect();
    assert!(names.len() > 10, "{names:?}");
    let shown = format!("{told:?} {}", log.text());
    for word in ["canary", "Kanarina", "Gelbfeder", "Zwitscherton", "5550143", "birds.example"] {
        assert!(!shown.contains(word), "{word}");
    }
    assert!(!shown.contains("whsec_"));
}

#[tokio::test]
async fn a_sample_from_the_bus_is_kept_and_one_that_is_not_in_history_is_parked() {
    let town = Town::new().await;
    let event = sample("lead-received.json");
    let tally = town.hear(&event).await.unwrap().webhooks;
    assert_eq!(tally, Some(Tally { delivered: 0, failed: 0, parked: 2 }), "nobody made this lead here");
    let (_, id) = received(std::slice::from_ref(&event));
    assert_eq!(town.delivery("crm", &id).await.failure, Some(Failure::EventMissing));
    let mut broken = event;
    broken["detail"]["id"] = json!("an id of somebody else's");
    assert_eq!(town.hear(&broken).await, Err("unreadable_event".to_owned()));
    assert!(town.server.requests("crm").is_empty());
}

#[tokio::test]
async fn who_was_erased_meanwhile_is_told_of_without_what_they_were_like() {
    let town = Town::new().await;
    town.server.behave("crm", Manner::HangsUp);
    let lead = town.world.post(json!({ "email": "zoe@example.com", "timezone": "Asia/Tokyo" })).await;
    let (event, id) = received(&town.rest());
    town.hear(&event).await.unwrap();
    assert!(town.server.requests("crm").pop().unwrap().body.contains("Asia/Tokyo"));

    let holdings: Vec<Arc<dyn Holdings>> = vec![Arc::new(town.store.clone())];
    let library = Arc::new(Library::fixed(Arc::new(catalog())));
    let (store, clock) = (town.world.store.clone(), town.world.clock.clone());
    Privacy { store, holdings, library, clock }.erase(&lead).await.unwrap();
    town.server.behave("crm", Manner::Takes);
    town.jump("crm", &id).await.unwrap();
    let again = town.server.requests("crm").pop().unwrap();
    assert_eq!((again.id(), again.body.contains("Tokyo")), (id.to_string().as_str(), false), "{}", again.body);
}

#[tokio::test]
async fn what_a_catalog_switches_off_is_neither_kept_nor_called_and_what_waits_waits_on() {
    let town = Town::new().await;
    town.server.behave("crm", Manner::HangsUp);
    let (event, id) = received(&town.post(1).await);
    town.hear(&event).await.unwrap();
    let calls = town.server.requests("crm").len();

    let mut off = catalog();
    off.webhooks.get_mut(&name("crm")).unwrap().status = WebhookStatus::Off;
    let library = Arc::new(Library::fixed(Arc::new(off)));
    let webhooks = Webhooks { library, ..town.hooks().clone() };
    town.world.clock.advance(SignedDuration::from_hours(1));
    webhooks.drain().await.unwrap();
    let (later, later_id) = received(&town.post(2).await);
    assert!(later["detail"].is_object());
    assert_eq!(webhooks.keep(&later_id, "lead.received", town.world.clock.now()).await.unwrap(), 1, "chat alone");
    assert_eq!(town.server.requests("crm").len(), calls);
    assert!(matches!(town.delivery("crm", &id).await.standing, Standing::Waiting { .. }));
}

// --- Once ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_same_event_five_times_is_one_delivery() {
    let town = Town::new().await;
    let (event, id) = received(&town.post(1).await);
    for _ in 0..3 {
        town.hear(&event).await.unwrap();
    }
    let (one, other) = tokio::join!(town.hear(&event), town.hear(&event));
    assert!(one.is_ok() && other.is_ok());
    town.world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(town.tick().await, Tally::default());
    assert_eq!(town.server.requests("crm").len(), 1);
    assert_eq!(town.delivery("crm", &id).await.attempts, 1);
}

/// A store in which something is wrong.
struct Troubled {
    store: Arc<dyn Deliveries>,
    /// So many of the next notes of an attempt are lost: the worker dies before it has made them.
    forgets: AtomicUsize,
    /// This delivery does not read back.
    corrupt: Arc<Mutex<Option<EventId>>>,
}

#[async_trait]
impl Deliveries for Troubled {
    async fn add_delivery(
        &self,
        webhook: &WebhookName,
        event: &EventId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.add_delivery(webhook, event, at, now).await
    }

    async fn delivery(&self, webhook: &WebhookName, event: &EventId) -> Result<Option<Delivery>, StoreError> {
        if self.corrupt.lock().unwrap().as_ref() == Some(event) {
            return Err(StoreError::Corrupt { key: event.to_string(), source: "told to be".into() });
        }
        self.store.delivery(webhook, event).await
    }

    async fn due_deliveries(&self, webhook: &WebhookName, until: Timestamp) -> Result<Vec<EventId>, StoreError> {
        self.store.due_deliveries(webhook, until).await
    }

    async fn change_delivery(&self, before: &Delivery, after: &Delivery) -> Result<bool, StoreError> {
        let is_lost =
            self.forgets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if is_lost {
            return Err(StoreError::Unavailable("told to fail".into()));
        }
        self.store.change_delivery(before, after).await
    }

    async fn parked_deliveries(
        &self,
        webhook: &WebhookName,
        since: Timestamp,
        cursor: Option<Cursor>,
    ) -> Result<DeliveryPage, StoreError> {
        self.store.parked_deliveries(webhook, since, cursor).await
    }

    async fn backlog(&self, webhook: &WebhookName) -> Result<Backlog, StoreError> {
        self.store.backlog(webhook).await
    }

    async fn begin_turn(
        &self,
        webhook: &WebhookName,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Turn>, StoreError> {
        self.store.begin_turn(webhook, now, until).await
    }

    async fn end_turn(&self, turn: &Turn) -> Result<(), StoreError> {
        self.store.end_turn(turn).await
    }

    async fn gone(&self, webhook: &WebhookName) -> Result<Option<Gone>, StoreError> {
        self.store.gone(webhook).await
    }

    async fn set_gone(&self, webhook: &WebhookName, gone: Option<&Gone>) -> Result<(), StoreError> {
        self.store.set_gone(webhook, gone).await
    }

    async fn history_row(&self, event: &EventId) -> Result<Option<HistoryRow>, StoreError> {
        self.store.history_row(event).await
    }
}

#[tokio::test]
async fn f12_a_worker_that_dies_between_the_call_and_its_note_calls_again_under_the_same_id() {
    let town = Town::with(|webhooks| {
        let (store, forgets) = (Arc::clone(&webhooks.deliveries), AtomicUsize::new(1));
        webhooks.deliveries = Arc::new(Troubled { store, forgets, corrupt: Arc::default() });
        let mut only_crm = catalog();
        only_crm.webhooks.retain(|webhook, _| webhook.as_str() == "crm");
        webhooks.library = Arc::new(Library::fixed(Arc::new(only_crm)));
    })
    .await;
    let (event, id) = received(&town.post(1).await);
    assert_eq!(town.hear(&event).await, Err("webhooks_failed".to_owned()));
    assert_eq!(town.server.requests("crm").len(), 1, "the server has it, and nobody knows");
    // EventBridge brings the event again, or else the schedule finds what is due.
    assert_eq!(town.tick().await, Tally { delivered: 1, failed: 0, parked: 0 });
    let ids: Vec<String> = town.server.requests("crm").iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(ids, [id.to_string(), id.to_string()]);
    assert_eq!(town.hear(&event).await.unwrap().webhooks, Some(Tally::default()));
    assert_eq!(town.server.requests("crm").len(), 2);
}

#[tokio::test]
async fn f18_a_delivery_that_does_not_read_back_is_reported_and_stops_no_other() {
    const EVENTS: u32 = 8;
    let corrupt: Arc<Mutex<Option<EventId>>> = Arc::default();
    let unreadable = Arc::clone(&corrupt);
    let town = Town::with(|webhooks| {
        let (store, forgets) = (Arc::clone(&webhooks.deliveries), AtomicUsize::new(0));
        webhooks.deliveries = Arc::new(Troubled { store, forgets, corrupt: unreadable });
    })
    .await;
    for number in 0..EVENTS {
        let (_, id) = received(&town.post(number).await);
        town.hooks().keep(&id, "lead.received", town.world.clock.now()).await.unwrap();
        corrupt.lock().unwrap().get_or_insert(id);
    }
    assert_eq!(town.hear(&sample("notify-tick.json")).await, Err("webhooks_failed".to_owned()));
    let others = usize::try_from(EVENTS).unwrap() - 1;
    assert_eq!((town.server.requests("crm").len(), town.server.requests("chat").len()), (others, others));
}

#[tokio::test]
async fn f12_the_turn_of_a_worker_that_was_killed_in_a_call_ends_by_itself() {
    let (caller, _gate) = Slow::new("crm");
    let as_caller: Arc<dyn WebhookCaller> = caller.clone();
    let town = Town::with(|webhooks| webhooks.caller = as_caller).await;
    let (event, id) = received(&town.post(1).await);
    let worker = tokio::spawn(notify::handle(Arc::clone(&town.notify), read(&event)));
    eventually(|| caller.calls.load(Ordering::Relaxed) == 1).await;
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled(), "it was killed while the server was silent");
    assert!(matches!(town.delivery("crm", &id).await.standing, Standing::Waiting { .. }));

    let quick = Arc::new(HttpCaller::new(Reach::Loopback, Duration::from_secs(30)));
    let alive = Webhooks { caller: quick, ..town.hooks().clone() };
    alive.drain().await.unwrap();
    assert!(town.server.requests("crm").is_empty(), "the first worker may be alive");
    town.world.clock.advance(LEASE);
    alive.drain().await.unwrap();
    assert_eq!(town.server.requests("crm").len(), 1);
    assert!(matches!(town.delivery("crm", &id).await.standing, Standing::Done { .. }));
}

// --- A server that is down -------------------------------------------------------------------------------

#[tokio::test]
async fn f29_a_server_that_is_down_for_three_days_gets_every_event_when_it_is_back() {
    let town = Town::new().await;
    town.server.behave("crm", Manner::HangsUp);
    let start = town.world.clock.now();
    let back = start + SignedDuration::from_hours(72);
    let mut ids = BTreeSet::new();
    for number in 0..3 {
        let (event, id) = received(&town.post(number).await);
        town.hear(&event).await.unwrap();
        ids.insert(id.to_string());
        town.world.clock.advance(SignedDuration::from_hours(1));
    }
    while town.backlog("crm").await.waiting > 0 {
        let now = town.world.clock.now();
        if now >= back {
            town.server.behave("crm", Manner::Takes);
        }
        town.world.clock.set(now + SignedDuration::from_mins(20));
        town.tick().await;
        assert!(now < start + SignedDuration::from_hours(100), "they wait for ever");
    }
    assert_eq!(town.backlog("crm").await, Backlog::default(), "none was given up");
    let taken: Vec<_> = town.server.requests("crm");
    let taken: BTreeSet<String> = taken[taken.len() - ids.len()..].iter().map(|last| last.id().to_owned()).collect();
    assert_eq!(taken, ids);
    assert_eq!(town.server.requests("chat").len(), 3, "and nobody else was kept waiting");
}

#[tokio::test]
async fn f29_an_event_that_is_never_taken_is_tried_by_the_schedule_parked_with_an_alarm_and_replayed() {
    let town = Town::new().await;
    town.server.behave("crm", Manner::Says("500 Internal Server Error"));
    let (event, id) = received(&town.post(1).await);
    town.hear(&event).await.unwrap();
    let mut at = town.world.clock.now();
    let log = Log::at(LevelFilter::ERROR);
    for (attempt, delay) in RETRIES.iter().enumerate() {
        let due = town.jump("crm", &id).await.unwrap();
        let waited = due.duration_since(at);
        assert!((*delay..=*delay + *delay / TENTH).contains(&waited), "{waited:#} after attempt {}", attempt + 1);
        at = due;
    }
    assert_eq!(town.server.requests("crm").len(), 10);
    let parked = town.delivery("crm", &id).await;
    assert_eq!((parked.standing, parked.attempts), (Standing::Parked { since: at }, 10));
    assert_eq!(parked.failure, Some(Failure::Status(500)));
    let alarms: Vec<String> = log.text().lines().map(str::to_owned).collect();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains(r#"metric="webhook.parked""#) && alarms[0].contains("webhook.name=crm"), "{alarms:?}");
    assert!(alarms[0].contains(&id.to_string()) && !alarms[0].contains("http"), "{alarms:?}");

    town.world.clock.advance(SignedDuration::from_hours(48));
    assert_eq!(town.tick().await, Tally::default(), "nobody tries it any more");
    let standing = report(town.deliveries.as_ref(), &catalog()).await.unwrap();
    let crm = standing.iter().find(|report| report.name == "crm").unwrap();
    assert_eq!(
        (crm.backlog, crm.oldest_parked.as_ref().unwrap().event.clone()),
        (town.backlog("crm").await, id.clone())
    );

    // The server is mended, and somebody says so.
    town.server.behave("crm", Manner::Takes);
    let now = town.world.clock.now();
    assert_eq!(replay(town.deliveries.as_ref(), &name("crm"), now, now).await.unwrap(), 0, "it happened before that");
    assert_eq!(replay(town.deliveries.as_ref(), &name("crm"), parked.at, now).await.unwrap(), 1);
    assert_eq!(town.tick().await, Tally { delivered: 1, failed: 0, parked: 0 });
    let requests = town.server.requests("crm");
    assert_eq!((requests.len(), requests[10].id()), (11, id.to_string().as_str()));
    assert_eq!(town.backlog("crm").await, Backlog::default());
    assert!(UNDELIVERED_PERIOD > SignedDuration::from_hours(30 * 24), "there is time to notice");
}

#[tokio::test]
async fn only_a_2xx_says_that_the_server_has_it() {
    let town = Town::new().await;
    for (number, says) in (0..).zip(["200 OK", "202 Accepted", "204 No Content", "299 Odd"]) {
        town.server.behave("crm", Manner::Says(says));
        let (event, id) = received(&town.post(number).await);
        town.hear(&event).await.unwrap();
        assert!(matches!(town.delivery("crm", &id).await.standing, Standing::Done { .. }), "{says}");
    }
    let redirect = "302 Found\r\nlocation: http://169.254.169.254/latest/meta-data";
    for (number, says) in (10..).zip([redirect, "304 Not Modified", "400 Bad Request", "404 Not Found", "500 Oh"]) {
        town.server.behave("crm", Manner::Says(says));
        let before = town.server.requests("crm").len();
        let (event, id) = received(&town.post(number).await);
        town.hear(&event).await.unwrap();
        assert!(matches!(town.delivery("crm", &id).await.standing, Standing::Waiting { .. }), "{says}");
        assert_eq!(town.server.requests("crm").len(), before + 1, "{says}: one call");
    }
}

#[tokio::test]
async fn a_server_is_left_in_peace_for_as_long_as_it_asks_and_no_longer_than_a_day() {
    let town = Town::new().await;
    let cases = [
        ("503 Service Unavailable\r\nretry-after: 600", SignedDuration::from_mins(10)),
        ("429 Too Many Requests\r\nretry-after: 1", RETRIES[0]),
        ("503 Service Unavailable\r\nretry-after: 31536000", RETRY_AFTER_MAX),
    ];
    for (number, (says, expected)) in (0..).zip(cases) {
        town.server.behave("crm", Manner::Says(says));
        let (event, id) = received(&town.post(number).await);
        town.hear(&event).await.unwrap();
        let Standing::Waiting { due } = town.delivery("crm", &id).await.standing else { panic!("it waits") };
        let waits = due.duration_since(town.world.clock.now());
        assert!((expected..=expected + expected / TENTH).contains(&waits), "{says}: {waits:#}");
        town.world.clock.advance(SignedDuration::from_hours(48));
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_a_few_times_and_not_for_all_that_waits() {
    let town = Town::new().await;
    town.server.behave("crm", Manner::Says("503 Service Unavailable"));
    let now = town.world.clock.now();
    for number in 0..12 {
        let (_, id) = received(&town.post(number).await);
        town.hooks().keep(&id, "lead.received", now).await.unwrap();
    }
    town.tick().await;
    let calls = town.server.requests("crm").len();
    assert!(calls <= IN_FLIGHT_MAX, "{calls} calls to a server that has enough to do");
    assert_eq!(town.server.requests("chat").len(), 12);
    // One event that a server cannot take is no trouble with the server.
    town.server.behave("crm", Manner::Says("422 Unprocessable Content"));
    town.tick().await;
    assert_eq!(town.server.requests("crm").len(), 12, "each was tried");
    assert_eq!(town.backlog("crm").await, Backlog { waiting: 12, parked: 0 }, "and none is lost");
}

#[tokio::test]
async fn a_server_that_is_gone_is_not_called_again_until_somebody_says_so_or_it_has_moved() {
    let town = Town::new().await;
    town.server.behave("crm", Manner::Says("410 Gone"));
    let log = Log::at(LevelFilter::ERROR);
    let (event, id) = received(&town.post(1).await);
    town.hear(&event).await.unwrap();
    assert_eq!(town.delivery("crm", &id).await.failure, Some(Failure::Gone));
    let (event, _) = received(&town.post(2).await);
    town.hear(&event).await.unwrap();
    assert_eq!(town.server.requests("crm").len(), 1, "it was believed");
    assert_eq!(town.backlog("crm").await, Backlog { waiting: 0, parked: 2 }, "nothing is lost");
    assert_eq!(town.server.requests("chat").len(), 2);
    let alarms: Vec<String> = log.text().lines().map(str::to_owned).collect();
    assert!(alarms.len() == 1 && alarms[0].contains(r#"metric="webhook.gone""#), "{alarms:?}");

    // Another address is another server.
    let other = Server::start().await;
    let moved = Webhooks { destination: Destination::Below(other.base()), ..town.hooks().clone() };
    let (event, third) = received(&town.post(3).await);
    moved.keep(&third, "lead.received", town.world.clock.now()).await.unwrap();
    moved.drain().await.unwrap();
    assert_eq!((other.requests("crm").len(), event["detail"]["id"].as_str()), (1, Some(third.to_string().as_str())));

    town.server.behave("crm", Manner::Takes);
    let now = town.world.clock.now();
    assert_eq!(replay(town.deliveries.as_ref(), &name("crm"), Timestamp::UNIX_EPOCH, now).await.unwrap(), 2);
    assert_eq!(town.tick().await, Tally { delivered: 2, failed: 0, parked: 0 });
}

#[tokio::test]
async fn without_a_secret_nothing_is_sent_unsigned() {
    let town = Town::with(|webhooks| webhooks.secrets = Secrets::parse(&format!("chat:{SECRET}")).unwrap()).await;
    let (event, id) = received(&town.post(1).await);
    town.hear(&event).await.unwrap();
    assert!(town.server.requests("crm").is_empty());
    assert_eq!(town.delivery("crm", &id).await.failure, Some(Failure::NoSecret));
    assert_eq!(town.server.requests("chat").len(), 1);
    let given = Webhooks { secrets: Secrets::parse(&format!("crm:{SECRET}")).unwrap(), ..town.hooks().clone() };
    town.world.clock.advance(SignedDuration::from_secs(6));
    given.drain().await.unwrap();
    assert_eq!(town.server.requests("crm").len(), 1, "it waited for one");
}

// --- Each for itself -------------------------------------------------------------------------------------

/// Calls one server only when it is let to, and counts how many calls are under way; all others answer at once.
struct Slow {
    whom: &'static str,
    gate: Arc<Semaphore>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
    calls: AtomicUsize,
    others: AtomicUsize,
}

impl Slow {
    fn new(whom: &'static str) -> (Arc<Self>, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let zero = || AtomicUsize::new(0);
        let caller = Self { whom, gate: gate.clone(), in_flight: zero(), most: zero(), calls: zero(), others: zero() };
        (Arc::new(caller), gate)
    }
}

#[async_trait]
impl WebhookCaller for Slow {
    async fn call(&self, call: &WebhookCall) -> CallReport {
        if call.url.as_str().ends_with(self.whom) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(in_flight, Ordering::Relaxed);
            self.gate.acquire().await.unwrap().forget();
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.others.fetch_add(1, Ordering::Relaxed);
        }
        CallReport { answer: Ok(Answer { status: 200, retry_after: None }), cause: None }
    }
}

#[tokio::test]
async fn f29_a_slow_server_keeps_no_other_waiting_and_is_called_by_one_worker_a_few_at_a_time() {
    const EVENTS: u32 = 10;
    let (caller, gate) = Slow::new("crm");
    let as_caller: Arc<dyn WebhookCaller> = caller.clone();
    let town = Town::with(|webhooks| webhooks.caller = as_caller).await;
    let now = town.world.clock.now();
    for number in 0..EVENTS {
        let (_, id) = received(&town.post(number).await);
        town.hooks().keep(&id, "lead.received", now).await.unwrap();
    }
    let first = {
        let webhooks = town.hooks().clone();
        tokio::spawn(async move { webhooks.drain().await.unwrap() })
    };
    // Everybody else has everything while the slow one has not answered once.
    let all = usize::try_from(EVENTS).unwrap();
    eventually(|| {
        caller.others.load(Ordering::Relaxed) == all && caller.calls.load(Ordering::Relaxed) == IN_FLIGHT_MAX
    })
    .await;
    // What happens meanwhile goes to the others at once, and waits for the slow one's turn.
    let (event, _) = received(&town.post(EVENTS).await);
    let heard = timeout(PATIENCE, town.hear(&event)).await.expect("it waits for the slow one");
    assert_eq!(heard.unwrap().webhooks, Some(Tally { delivered: 1, failed: 0, parked: 0 }));
    assert_eq!(caller.calls.load(Ordering::Relaxed), IN_FLIGHT_MAX);

    gate.add_permits(all + 1);
    let tally = timeout(PATIENCE, first).await.unwrap().unwrap();
    assert_eq!(tally.delivered, u64::from(EVENTS) * 2 + 1, "whoever has the turn sees to what came meanwhile");
    assert_eq!(caller.most.load(Ordering::Relaxed), IN_FLIGHT_MAX);
    assert_eq!(town.backlog("crm").await, Backlog::default());
}

#[tokio::test]
async fn time_that_runs_out_leaves_the_rest_due() {
    let town = Town::with(|webhooks| webhooks.budget = Duration::ZERO).await;
    let (event, id) = received(&town.post(1).await);
    assert_eq!(town.hear(&event).await.unwrap().webhooks, Some(Tally::default()));
    assert_eq!(town.delivery("crm", &id).await.attempts, 0);
    let later = Webhooks { budget: Duration::from_mins(1), ..town.hooks().clone() };
    assert_eq!(later.drain().await.unwrap().delivered, 2);
}

#[tokio::test]
async fn the_store_in_memory_tells_the_same_story() {
    let (caller, gate) = Slow::new("crm");
    gate.add_permits(1);
    let town = Town::with(|webhooks| {
        webhooks.deliveries = Arc::new(MemoryStore::default());
        webhooks.caller = caller;
    })
    .await;
    // Nothing is in its history, so there is nothing to send; but each is kept once, and parked.
    let (event, id) = received(&town.post(1).await);
    for _ in 0..5 {
        town.hear(&event).await.unwrap();
    }
    assert_eq!(town.delivery("crm", &id).await.failure, Some(Failure::EventMissing));
    assert_eq!(town.backlog("crm").await, Backlog { waiting: 0, parked: 1 });
}

#[tokio::test]
async fn without_anybody_who_tells_webhooks_a_tick_and_an_event_do_nothing() {
    let town = Town::new().await;
    let (event, _) = received(&town.post(1).await);
    let nobody = &town.world.functions.notify;
    let heard = notify::handle(Arc::clone(nobody), read(&event)).await.unwrap();
    assert_eq!(heard, notify::Summary::default());
    let ticked = notify::handle(Arc::clone(nobody), read(&sample("notify-tick.json"))).await.unwrap();
    assert!(ticked.webhooks.is_none());
}
