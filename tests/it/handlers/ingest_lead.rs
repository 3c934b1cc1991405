//! Forms, posted as API Gateway hands them to `ingest-lead` (TRUST.md §7): what is answered, what is kept.

mod accepted;
mod browser;
mod captcha;
mod cors;
mod elsewhere;
mod junk;
mod limits;
pub(crate) mod logs;
mod refused;
mod samples;
mod store;
mod trouble;
mod twice;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ingest_lead::{Altcha, Deps, handle, stamp};
use jiff::{SignedDuration, Timestamp};
use perennial_app::behaviour::Observer;
use perennial_app::guard::Guard;
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::memory::{MemoryDoorBook, SettableClock};
use perennial_app::ports::{Clock, Store, SubmissionRow};
use perennial_app::report::{audit, waterfall};
use perennial_core::catalog::{Catalog, Form, Limits};
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, FormName, LeadId, Pepper};
use perennial_core::lead::{Lead, LifecycleStage};
use perennial_core::profile::Profile;
use perennial_core::submission::JunkReason;
use perennial_core::token::Keyring;
use perennial_lambda::http::front::Front;
use perennial_lambda::sender_keys::SenderKeys;
use serde_json::{Value, json};

use self::store::TroubledStore;
use crate::scenarios::world::{EVENT_KEYS, FRONT_SECRET};

/// A Monday morning: 10:00 in Berlin.
const NOW: &str = "2026-03-02T09:00:00Z";
/// The one origin that the form of the catalog for tests lists.
const ORIGIN: &str = "https://www.perennial.example";

/// The function with a store of its own and clocks that stand still.
struct World {
    store: Arc<TroubledStore>,
    suite_clock: Arc<SettableClock>,
    wall_clock: Arc<SettableClock>,
    deps: Arc<Deps>,
}

impl World {
    fn new() -> Self {
        Self::with_form(|_| {})
    }

    /// With other limits than those for tests.
    fn with_limits(limits: Limits) -> Self {
        Self::of(Catalog { limits, ..perennial_core::testing::catalog() })
    }

    /// With the form `contact` of the catalog for tests, changed.
    fn with_form(change: impl FnOnce(&mut Form)) -> Self {
        let mut catalog = perennial_core::testing::catalog();
        change(catalog.forms.get_mut(&contact()).unwrap());
        Self::of(catalog)
    }

    fn of(catalog: Catalog) -> Self {
        let store = Arc::new(TroubledStore::new());
        let clock = || Arc::new(SettableClock::new(NOW.parse().unwrap()));
        let (suite_clock, wall_clock) = (clock(), clock());
        let guard = Guard {
            book: Arc::new(MemoryDoorBook::default()),
            pepper: Pepper::new([7; 32]),
            wall_clock: wall_clock.clone(),
        };
        let library = Arc::new(Library::fixed(Arc::new(catalog)));
        let deps = Deps {
            observer: Observer {
                store: store.clone(),
                library: Arc::clone(&library),
                pepper: Pepper::new([7; 32]),
                clock: suite_clock.clone(),
            },
            event_keys: SenderKeys::parse(EVENT_KEYS).unwrap(),
            front: Front::parse(FRONT_SECRET).unwrap(),
            altcha: Altcha::new(guard.clone()).with_cost(1),
            guard,
            turnstile: None,
            door: Door { store: store.clone(), library, pepper: Pepper::new([7; 32]), clock: suite_clock.clone() },
            keyring: Keyring::new(BTreeMap::from([("k1".to_owned(), [1; 32])]), "k1").unwrap(),
            wall_clock: wall_clock.clone(),
        };
        Self { store, suite_clock, wall_clock, deps: Arc::new(deps) }
    }

    async fn send(&self, request: &Request) -> Answer {
        let request = serde_json::from_value(request.0.clone()).unwrap();
        let response = handle(Arc::clone(&self.deps), request).await.unwrap();
        Answer(serde_json::to_value(response).unwrap())
    }

    /// Posts fields as a page's script does.
    async fn post(&self, fields: Value) -> Answer {
        self.send(&Request::json(&fields)).await
    }

    /// A stamp of the form `contact` that was handed out so long ago.
    fn stamp_of_age(&self, age: SignedDuration) -> String {
        stamp::issue(&self.deps.keyring, &contact(), self.wall_clock.now() - age)
    }

    fn id_of(&self, address: &str) -> LeadId {
        LeadId::of_email(&self.deps.door.pepper, &EmailAddress::parse(address).unwrap())
    }

    /// All that is kept of the one who has this address.
    async fn kept(&self, address: &str) -> Kept {
        self.kept_of(&self.id_of(address)).await
    }

    async fn kept_by_phone(&self, number: &str) -> Kept {
        self.kept_of(&LeadId::of_phone(&self.deps.door.pepper, &PhoneNumber::parse(number).unwrap())).await
    }

    async fn kept_of(&self, id: &LeadId) -> Kept {
        let stored = self.store.memory.load(id).await.unwrap().unwrap();
        let history = self.store.memory.history(id).await.unwrap();
        let submissions = self.store.memory.submissions(id);
        Kept {
            lead: stored.lead,
            profile: stored.profile,
            submissions,
            history: history.iter().flat_map(|row| &row.entries).map(Event::name).collect(),
        }
    }

    /// How many leads and submissions are kept, after a look at whether they add up.
    async fn counts(&self) -> (i64, u64) {
        let audit = audit(&self.store.memory, self.suite_clock.now()).await.unwrap();
        assert!(audit.ok, "{:?}", audit.violations);
        let waterfall = waterfall(&self.store.memory).await.unwrap();
        assert!(waterfall.balanced);
        let submissions = waterfall.submissions;
        (waterfall.received, submissions.received + submissions.quarantined + submissions.merged)
    }
}

impl World {
    /// How many are nurtured, and how many held back.
    async fn waterfall(&self) -> (i64, i64) {
        let places = waterfall(&self.store.memory).await.unwrap().places;
        (places["inquiry"], places["quarantined"])
    }
}

/// What is kept of one lead.
struct Kept {
    lead: Lead,
    profile: Profile,
    submissions: Vec<SubmissionRow>,
    history: Vec<&'static str>,
}

impl Kept {
    fn field(&self, name: &str) -> Option<&str> {
        self.profile.fields.get(&FieldName::parse(name).unwrap()).map(String::as_str)
    }

    fn address(&self) -> Option<String> {
        self.profile.email.clone().map(String::from)
    }

    /// The junk reasons of its only submission.
    fn junk(&self) -> &[JunkReason] {
        assert_eq!(self.submissions.len(), 1);
        self.submissions.first().map(|row| row.submission.junk.as_slice()).unwrap_or_default()
    }

    fn is_nurtured(&self) -> bool {
        self.lead.stage == LifecycleStage::Inquiry && self.lead.owner.is_some() && self.lead.enrolment.is_some()
    }
}

/// An event of API Gateway. Cloned, it is the same event delivered again.
#[derive(Clone)]
struct Request(Value);

impl Request {
    /// One of the files in `events/`.
    fn sample(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
        Self(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    }

    /// A post by a page's script, with an id of its own.
    fn json(fields: &Value) -> Self {
        static POSTED: AtomicU32 = AtomicU32::new(0);
        let mut request = Self::sample("form-json.json").body("application/json", &fields.to_string());
        request.0["requestContext"]["requestId"] = json!(format!("request-{}", POSTED.fetch_add(1, Ordering::Relaxed)));
        request
    }

    /// A post by a browser that shows the answer.
    fn browser(fields: &[(&str, &str)]) -> Self {
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        Self::json(&json!({}))
            .body("application/x-www-form-urlencoded", &pairs.join("&"))
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    }

    fn body(mut self, content_type: &str, body: &str) -> Self {
        self.0["body"] = json!(body);
        self.header("content-type", content_type)
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = json!(value);
        self
    }

    fn without_header(mut self, name: &str) -> Self {
        self.0["headers"].as_object_mut().unwrap().remove(name);
        self
    }

    fn method(mut self, method: &str) -> Self {
        self.0["requestContext"]["http"]["method"] = json!(method);
        self
    }

    /// The same, sent once more.
    fn with_id(mut self) -> Self {
        self.0["requestContext"]["requestId"] = Self::json(&json!({})).0["requestContext"]["requestId"].clone();
        self
    }

    /// From this network, by the gateway's word.
    fn at_network(mut self, address: &str) -> Self {
        self.0["requestContext"]["http"]["sourceIp"] = json!(address);
        self
    }

    fn path(mut self, path: &str) -> Self {
        self.0["rawPath"] = json!(path);
        self
    }
}

/// What API Gateway gets back.
#[derive(Debug, Clone, PartialEq)]
struct Answer(Value);

impl Answer {
    fn status(&self) -> u64 {
        self.0["statusCode"].as_u64().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0["headers"][name].as_str()
    }

    fn body(&self) -> &str {
        self.0["body"].as_str().unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.body()).unwrap()
    }

    /// The status, and the code of the problem.
    fn problem(&self) -> (u64, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        (self.status(), self.json()["code"].as_str().unwrap().to_owned())
    }

    /// The fields that are wrong, and how.
    fn field_errors(&self) -> Vec<(Option<String>, String)> {
        assert_eq!(self.problem(), (422, "fields_invalid".to_owned()));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let body = self.json();
        let errors = body["errors"].as_array().unwrap();
        errors.iter().map(|error| (text(&error["field"]), text(&error["code"]).unwrap())).collect()
    }

    /// The answer without what CORS says, which is the browser's matter.
    fn without_cors(mut self) -> Self {
        let headers = self.0["headers"].as_object_mut().unwrap();
        headers.remove("access-control-allow-origin");
        headers.remove("vary");
        self
    }
}

fn contact() -> FormName {
    FormName::parse("contact").unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn accepted() -> Value {
    json!({ "status": "accepted" })
}
