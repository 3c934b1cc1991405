//! The suite without its endpoints: the real functions on the real store, a mailer that records, a clock that jumps.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use ingest_lead::Altcha;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use perennial_app::alerts::Herald;
use perennial_app::behaviour::Observer;
use perennial_app::desk::Desk;
use perennial_app::engagement::Listener;
use perennial_app::evaluate::Evaluator;
use perennial_app::forward::Postman;
use perennial_app::guard::Guard;
use perennial_app::inbound::Postbox;
use perennial_app::ingest::{Door, Receipt};
use perennial_app::library::Library;
use perennial_app::mail::Letterhead;
use perennial_app::memory::{
    MemoryInbox, RecordingBus, RecordingForwarder, RecordingMailer, RecordingNotifier, SettableClock,
};
use perennial_app::news::NewsBook;
use perennial_app::ports::{Clock, DoorBook, HistoryRow, Mailer, Notifier, OutboundMail, Store, Surveyed};
use perennial_app::programs;
use perennial_app::report::{AuditReport, WaterfallReport, audit, waterfall};
use perennial_app::touch::Toucher;
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::outbox::{Entry, Outbox};
use perennial_aws::dynamo::{DynamoStore, table};
use perennial_core::catalog::Catalog;
use perennial_core::event::Event;
use perennial_core::ids::{FormName, LeadId, Pepper, SubmissionId};
use perennial_core::inbound::InboxKey;
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::Lead;
use perennial_core::submission::{Channel, Entry as ProgramEntry, Intent, Permission, Submission};
use perennial_core::token::Keyring;
use perennial_lambda::http::front::Front;
use perennial_lambda::sender_keys::SenderKeys;
use perennial_local::store_file::StoreFile;
use sales_desk::Callers;
use schedule_touch::Summary;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::story;

pub(crate) const TABLE: &str = "perennial";

/// The domain of the reply addresses.
pub(crate) const REPLY_DOMAIN: &str = "reply.perennial.example";

/// How long a worker that marked a mail may live.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// How long a tick may tell people of things.
const BUDGET: Duration = Duration::from_mins(1);

/// How often one instant is swept before the suite is taken to run in circles.
const SWEEPS_PER_INSTANT_MAX: u32 = 20;

/// What the functions reach the outside through, besides the clock.
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) book: Arc<dyn DoorBook>,
    pub(crate) news: Arc<dyn NewsBook>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) inbox: Arc<MemoryInbox>,
    pub(crate) forwarder: Arc<RecordingForwarder>,
    pub(crate) notifier: Arc<dyn Notifier>,
    /// The domain that replies to mail are asked to come to.
    pub(crate) reply_domain: Option<String>,
}

/// The suite.
pub(crate) struct World {
    /// The store itself, whatever stands between it and the functions.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<SettableClock>,
    pub(crate) mailer: Arc<RecordingMailer>,
    pub(crate) inbox: Arc<MemoryInbox>,
    pub(crate) forwarder: Arc<RecordingForwarder>,
    pub(crate) notifier: Arc<RecordingNotifier>,
    pub(crate) bus: Arc<RecordingBus>,
    pub(crate) functions: Functions,
    catalog: Arc<Catalog>,
    ports: Ports,
    outbox: Outbox,
    /// How many of the bus's events have been routed on.
    routed: AtomicUsize,
    file: StoreFile,
}

/// The functions, as they were deployed last.
#[derive(Clone)]
pub(crate) struct Functions {
    pub(crate) ingest: Arc<ingest_lead::Deps>,
    pub(crate) touch: Arc<schedule_touch::Deps>,
    pub(crate) engagement: Arc<record_engagement::Deps>,
    pub(crate) publish: Arc<publish_history::Deps>,
    pub(crate) notify: Arc<notify::Deps>,
    pub(crate) evaluate: Arc<evaluate_requalification::Deps>,
    pub(crate) sales: Arc<sales_desk::Deps>,
}

/// What the bus has for functions.
struct Routes {
    /// For `schedule-touch`: `enrolment.started` of a form's lead.
    nudges: Vec<Value>,
    /// For `notify`.
    notified: Vec<Value>,
    /// For `evaluate-requalification`.
    evaluations: Vec<Value>,
}

impl World {
    /// With the small catalog for tests, at a local time in Berlin.
    pub(crate) async fn at(local: &str) -> Self {
        Self::of(perennial_core::testing::catalog(), local).await
    }

    /// With another catalog.
    pub(crate) async fn of(catalog: Catalog, local: &str) -> Self {
        Box::pin(Self::with(catalog, local, |_, _| {})).await
    }

    /// With other ports, which may be made of the store.
    ///
    /// Where nobody sells, no form asks for a call: whoever does is with sales at once, and has stories of their own.
    pub(crate) async fn with(mut catalog: Catalog, local: &str, change: impl FnOnce(&mut Ports, &DynamoStore)) -> Self {
        if catalog.roster.is_empty() {
            catalog.forms.values_mut().for_each(|form| form.intent = Intent::Inquiry);
        }
        Self::as_it_is(catalog, local, change).await
    }

    /// With a form by which people ask for a call.
    pub(crate) async fn hand_raising(local: &str) -> Self {
        Self::as_it_is(perennial_core::testing::catalog(), local, |_, _| {}).await
    }

    /// With the catalog's own forms.
    pub(crate) async fn as_it_is(catalog: Catalog, local: &str, change: impl FnOnce(&mut Ports, &DynamoStore)) -> Self {
        let file = StoreFile::memory().unwrap();
        let client = Clients::loopback(file.dynamodb()).dynamodb();
        table::create(&client, TABLE).await.unwrap();
        let dynamo = DynamoStore::new(client.clone(), TABLE).with_outbox();
        let store: Arc<dyn Store> = Arc::new(dynamo.clone());
        let clock = Arc::new(SettableClock::new(berlin(local)));
        let mailer = Arc::new(RecordingMailer::default());
        let bus = Arc::new(RecordingBus::default());
        let (inbox, forwarder) = (Arc::new(MemoryInbox::default()), Arc::new(RecordingForwarder::default()));
        let notifier = Arc::new(RecordingNotifier::default());
        let mut ports = Ports {
            store: Arc::clone(&store),
            book: Arc::new(dynamo.clone()),
            news: Arc::new(dynamo.clone()),
            mailer: mailer.clone(),
            inbox: Arc::clone(&inbox),
            forwarder: Arc::clone(&forwarder),
            notifier: notifier.clone(),
            reply_domain: None,
        };
        change(&mut ports, &dynamo);
        let catalog = Arc::new(catalog);
        let functions = deploy(&ports, &clock, &bus, Arc::new(Library::fixed(Arc::clone(&catalog))));
        let outbox = Outbox::new(client, TABLE);
        let routed = AtomicUsize::new(0);
        Self { store, clock, mailer, inbox, forwarder, notifier, bus, functions, catalog, ports, outbox, routed, file }
    }

    /// Deploys the functions anew: with another catalog, and without anything that they held in memory.
    pub(crate) fn redeploy(&mut self, catalog: Catalog) {
        self.bus = Arc::new(RecordingBus::default());
        self.routed = AtomicUsize::new(0);
        self.catalog = Arc::new(catalog);
        self.functions = self.deployed();
        self.outbox = Outbox::new(Clients::loopback(self.file.dynamodb()).dynamodb(), TABLE);
    }

    /// Deploys the functions anew with another way to tell sales.
    pub(crate) fn change_notifier(&mut self, notifier: Arc<dyn Notifier>) {
        self.ports.notifier = notifier;
        self.functions = self.deployed();
    }

    /// Deploys the functions anew with another mailer. The one before.
    pub(crate) fn change_mailer(&mut self, mailer: Arc<dyn Mailer>) -> Arc<dyn Mailer> {
        let before = std::mem::replace(&mut self.ports.mailer, mailer);
        self.functions = self.deployed();
        before
    }

    fn deployed(&self) -> Functions {
        deploy(&self.ports, &self.clock, &self.bus, Arc::new(Library::fixed(Arc::clone(&self.catalog))))
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The file that all of it is in.
    pub(crate) fn file(&self) -> &StoreFile {
        &self.file
    }

    // --- What comes in -----------------------------------------------------------------------------

    /// A page's script posts the form; whatever follows at once follows.
    pub(crate) async fn post(&self, fields: Value) -> LeadId {
        let id = self.commit_post(&fields).await;
        self.deliver().await;
        id
    }

    /// A page's script posts the form, and nothing else happens yet.
    pub(crate) async fn commit_post(&self, fields: &Value) -> LeadId {
        let response = ingest_lead::handle(Arc::clone(&self.functions.ingest), read(&form_post(fields))).await.unwrap();
        assert_eq!(response.status_code, 202, "{:?}", response.body);
        let text = |name: &str| fields[name].as_str().map(str::to_owned);
        let pairs = ["email", "phone"].into_iter().filter_map(|name| Some((name, text(name)?)));
        self.submission(Channel::Form, Permission::Allowed, pairs).lead_id(&pepper()).unwrap()
    }

    /// A row of a list that may be mailed, or not.
    pub(crate) async fn import(&self, mail: Permission, fields: &[(&str, &str)]) -> LeadId {
        let pairs = fields.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let submission = self.submission(Channel::Import, mail, pairs);
        let id = submission.lead_id(&pepper()).unwrap();
        let receipt = self.functions.ingest.door.receive(submission, None).await.unwrap();
        assert!(matches!(receipt, Receipt::Taken(_)));
        self.deliver().await;
        id
    }

    fn submission<'a>(
        &self,
        channel: Channel,
        mail: Permission,
        pairs: impl Iterator<Item = (&'a str, String)>,
    ) -> Submission {
        static ROW: AtomicU32 = AtomicU32::new(0);
        let form = FormName::parse("contact").unwrap();
        let row = ROW.fetch_add(1, Ordering::Relaxed);
        let raw = RawSubmission {
            id: SubmissionId::derive(&pepper(), &form, &format!("row:{row}")),
            channel,
            received_at: self.clock.now(),
            entry: ProgramEntry::Welcome,
            mail,
            calls: Permission::Allowed,
            junk: Vec::new(),
            pairs: pairs.map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        intake::read(raw, &self.catalog().fields, &form, &self.catalog().forms[&form]).unwrap()
    }

    /// The lead's mail program asks, by one click, that no more mail come.
    pub(crate) async fn unsubscribe(&self, lead: &LeadId) {
        let mail = self.last_mail(lead);
        let request = unsubscribe_post(&unsubscribe_token(&mail));
        let answer = record_engagement::handle(Arc::clone(&self.functions.engagement), request).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap()["statusCode"], 200);
        self.deliver().await;
    }

    /// A mail comes in, as it stands; whatever follows at once follows. What the function answers.
    pub(crate) async fn mail_in(&self, raw: &[u8]) -> Value {
        let answer = self.take_in(&self.drop_in(raw)).await;
        self.deliver().await;
        answer
    }

    /// A receipt rule of SES puts a mail into the inbox, and nobody was told yet.
    pub(crate) fn drop_in(&self, raw: &[u8]) -> InboxKey {
        static MAIL: AtomicU32 = AtomicU32::new(0);
        let key = InboxKey::parse(&format!("inbound/{}", MAIL.fetch_add(1, Ordering::Relaxed))).unwrap();
        self.inbox.put(&key, raw.to_vec());
        key
    }

    /// S3 tells of a mail.
    pub(crate) async fn take_in(&self, key: &InboxKey) -> Value {
        let answer = record_engagement::handle(Arc::clone(&self.functions.engagement), s3_event(key)).await.unwrap();
        serde_json::to_value(answer).unwrap()
    }

    /// The lead's answer to its last mail, by a mail program that keeps to the rules.
    pub(crate) fn answer(&self, lead: &LeadId, headers: &str, text: &str) -> Vec<u8> {
        let mail = self.last_mail(lead);
        let (_, references) = mail.headers.iter().find(|(name, _)| *name == "References").unwrap();
        let address = keyring().sign_reply_address(&mail.lead, &mail.touch);
        let (from, subject) = (&mail.to, &mail.subject);
        format!(
            "{headers}From: Ada Marsh <{from}>\nTo: <{address}@{REPLY_DOMAIN}>\nSubject: Re: {subject}\n\
             References: {references}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        )
        .into_bytes()
    }

    /// SES tells what became of the lead's last mail, in the words of a sample.
    pub(crate) async fn hear(&self, sample_name: &str, lead: &LeadId) {
        let event = ses_event(sample_name, &self.last_mail(lead));
        record_engagement::handle(Arc::clone(&self.functions.engagement), event).await.unwrap();
        self.deliver().await;
    }

    // --- What happens by itself --------------------------------------------------------------------

    /// The schedule's tick.
    pub(crate) async fn tick(&self) -> Summary {
        let tick = read(&sample("schedule-tick.json"));
        let summary = schedule_touch::handle(Arc::clone(&self.functions.touch), tick).await.unwrap();
        self.deliver().await;
        summary
    }

    /// Publishes what was committed, and nudges as the bus's rule says, until all is quiet.
    pub(crate) async fn deliver(&self) {
        loop {
            self.publish().await;
            let Routes { nudges, notified, evaluations } = self.routes();
            if nudges.is_empty() && notified.is_empty() && evaluations.is_empty() {
                return;
            }
            for event in notified {
                notify::handle(Arc::clone(&self.functions.notify), read(&event)).await.unwrap();
            }
            for nudge in nudges {
                schedule_touch::handle(Arc::clone(&self.functions.touch), read(&nudge)).await.unwrap();
            }
            for evaluation in evaluations {
                let event = read(&evaluation);
                evaluate_requalification::handle(Arc::clone(&self.functions.evaluate), event).await.unwrap();
            }
        }
    }

    /// Publishes what was committed, up to the first row that is not taken. How many rows were.
    pub(crate) async fn publish(&self) -> usize {
        let mut published = 0;
        loop {
            let entries = self.outbox.read().await.unwrap();
            if entries.is_empty() {
                return published;
            }
            let stream = read(&stream_event(&entries));
            let answer = publish_history::handle(Arc::clone(&self.functions.publish), stream).await.unwrap();
            let failed = answer.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone());
            let done = failed.map_or(entries.len(), |at| at.parse().unwrap());
            self.outbox.delete(&entries[..done]).await.unwrap();
            published += done;
            if done < entries.len() {
                return published;
            }
        }
    }

    /// What the rules of the bus let through since it was asked last.
    fn routes(&self) -> Routes {
        let published = self.bus.published();
        let routed = self.routed.swap(published.len(), Ordering::Relaxed);
        let details = |name: &str| -> Vec<Value> {
            let events = published.iter().skip(routed).filter(|event| event.name == name);
            events.map(|event| serde_json::from_str(&event.detail).unwrap()).collect()
        };
        let nudges = details("enrolment.started").into_iter().filter(|detail| detail["channel"] == "form").map(nudge);
        let notified = NOTIFIED.into_iter().flat_map(|(name, sample_name)| {
            details(name).into_iter().map(move |detail| with_detail(sample_name, detail))
        });
        Routes {
            nudges: nudges.collect(),
            notified: notified.collect(),
            evaluations: details("evaluation.due").into_iter().map(evaluation_due).collect(),
        }
    }

    /// When somebody is due next.
    pub(crate) async fn next_wake(&self) -> Option<Timestamp> {
        let pulses = self.survey().await.into_iter().filter_map(|item| match item {
            Surveyed::State { indexed_pulse, .. } => indexed_pulse,
            Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => None,
        });
        pulses.min()
    }

    /// Jumps from one thing that is due to the next, up to a local time in Berlin, and sees to it that all is well
    /// at each.
    pub(crate) async fn live_until(&self, local: &str) {
        self.live_to(berlin(local)).await;
    }

    /// The same, up to any instant.
    pub(crate) async fn live_to(&self, end: Timestamp) {
        let mut sweeps = 0;
        while let Some(wake) = self.next_wake().await.filter(|wake| *wake <= end) {
            sweeps = if wake > self.clock.now() { 0 } else { sweeps + 1 };
            assert!(sweeps < SWEEPS_PER_INSTANT_MAX, "the suite runs in circles at {wake}");
            self.clock.set(wake.max(self.clock.now()));
            self.tick().await;
            self.assert_sound().await;
        }
        self.clock.set(end);
    }

    // --- What can be seen --------------------------------------------------------------------------

    pub(crate) async fn lead(&self, id: &LeadId) -> Lead {
        self.store.load(id).await.unwrap().unwrap().lead
    }

    pub(crate) async fn history(&self, id: &LeadId) -> Vec<HistoryRow> {
        self.store.history(id).await.unwrap()
    }

    pub(crate) async fn events(&self, id: &LeadId) -> Vec<Event> {
        self.history(id).await.into_iter().flat_map(|row| row.entries).collect()
    }

    /// The names of the entries of a lead's history.
    pub(crate) async fn names(&self, id: &LeadId) -> Vec<&'static str> {
        self.events(id).await.iter().map(Event::name).collect()
    }

    /// The mails handed over to a lead, in order.
    pub(crate) fn mails(&self, lead: &LeadId) -> Vec<OutboundMail> {
        self.mailer.handed_over().into_iter().filter(|mail| mail.lead == *lead).collect()
    }

    pub(crate) fn last_mail(&self, lead: &LeadId) -> OutboundMail {
        self.mails(lead).pop().unwrap()
    }

    /// What happened to a lead, as one would tell it.
    pub(crate) async fn story(&self, id: &LeadId) -> String {
        story::tell(&self.lead(id).await, &self.history(id).await, &self.mails(id))
    }

    pub(crate) async fn waterfall(&self) -> WaterfallReport {
        waterfall(self.store.as_ref()).await.unwrap()
    }

    pub(crate) async fn audit(&self) -> AuditReport {
        audit(self.store.as_ref(), self.clock.now()).await.unwrap()
    }

    /// No lead is lost, whatever happened so far.
    pub(crate) async fn assert_sound(&self) {
        let audit = self.audit().await;
        assert!(audit.ok, "{:?}", audit.violations);
    }

    pub(crate) async fn survey(&self) -> Vec<Surveyed> {
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.store.survey(cursor).await.unwrap();
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return items;
            }
        }
    }
}

fn deploy(ports: &Ports, clock: &Arc<SettableClock>, bus: &Arc<RecordingBus>, library: Arc<Library>) -> Functions {
    let Ports { store, book, news, mailer, inbox, forwarder, notifier, reply_domain } = ports;
    let clock: Arc<dyn Clock> = clock.clone();
    let door =
        Door { store: Arc::clone(store), library: Arc::clone(&library), pepper: pepper(), clock: Arc::clone(&clock) };
    let listener = Listener { store: Arc::clone(store), library: Arc::clone(&library), clock: Arc::clone(&clock) };
    let postbox = Postbox {
        door: door.clone(),
        inbox: inbox.clone(),
        keyring: keyring(),
        reply_domain: Some(REPLY_DOMAIN.to_owned()),
    };
    let postman = Postman {
        store: Arc::clone(store),
        library: Arc::clone(&library),
        inbox: inbox.clone(),
        forwarder: forwarder.clone(),
        clock: Arc::clone(&clock),
        lease: LEASE,
    };
    let evaluator = Evaluator { store: Arc::clone(store), library: Arc::clone(&library), clock: Arc::clone(&clock) };
    let herald = Herald {
        store: Arc::clone(store),
        book: Arc::clone(news),
        days_done: Arc::default(),
        library: Arc::clone(&library),
        notifier: Arc::clone(notifier),
        letterhead: letterhead(),
        clock: Arc::clone(&clock),
        wall_clock: Arc::clone(&clock),
        lease: LEASE,
    };
    let toucher = Toucher {
        store: Arc::clone(store),
        mailer: Arc::clone(mailer),
        clock: Arc::clone(&clock),
        library,
        letterhead: Letterhead { reply_domain: reply_domain.clone(), ..letterhead() },
        lease: LEASE,
    };
    let guard = Guard { book: Arc::clone(book), pepper: pepper(), wall_clock: Arc::clone(&clock) };
    let altcha = Altcha::new(guard.clone());
    let observer = Observer {
        store: Arc::clone(store),
        library: Arc::clone(&door.library),
        pepper: pepper(),
        clock: Arc::clone(&clock),
    };
    let sales = sales_desk::Deps {
        desk: Desk {
            store: Arc::clone(store),
            library: Arc::clone(&door.library),
            pepper: pepper(),
            clock: Arc::clone(&clock),
        },
        herald: herald.clone(),
        crm_keys: SenderKeys::parse(CRM_KEYS).unwrap(),
        callers: Callers::new(None, Some("cognito:groups=operators")).unwrap(),
    };
    let ingest = ingest_lead::Deps {
        door,
        observer,
        event_keys: SenderKeys::parse(EVENT_KEYS).unwrap(),
        front: Front::parse(FRONT_SECRET).unwrap(),
        guard,
        altcha,
        turnstile: None,
        keyring: keyring(),
        wall_clock: clock,
    };
    Functions {
        ingest: Arc::new(ingest),
        touch: Arc::new(schedule_touch::Deps { toucher, budget: Duration::from_mins(1) }),
        engagement: Arc::new(record_engagement::Deps {
            front: Front::parse(FRONT_SECRET).unwrap(),
            clicks: record_engagement::Clicks::new(listener.clone()),
            listener,
            keyring: keyring(),
            postbox: Some(postbox),
        }),
        publish: Arc::new(publish_history::Deps { bus: bus.clone() }),
        evaluate: Arc::new(evaluate_requalification::Deps { evaluator }),
        notify: Arc::new(notify::Deps { postman: Some(postman), herald, hooks: None, budget: BUDGET }),
        sales: Arc::new(sales),
    }
}

/// Who may tell of events: one by a key, one by a signature.
pub(crate) const EVENT_KEYS: &str = "site:0123456789abcdef,crm:whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What CloudFront would add to each request.
pub(crate) const FRONT_SECRET: &str = "front-0123456789abcdef";

/// Who may tell dispositions without IAM, in the same two ways.
pub(crate) const CRM_KEYS: &str = "hubspot:fedcba9876543210,sf:whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// The catalog that is shipped.
pub(crate) fn shipped() -> Catalog {
    programs::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")).unwrap().0.unwrap()
}

/// The pepper of the sample events.
pub(crate) fn pepper() -> Pepper {
    Pepper::new([7; 32])
}

/// The token key of the sample events.
pub(crate) fn keyring() -> Keyring {
    Keyring::new(BTreeMap::from([("k1".to_owned(), [1; 32])]), "k1").unwrap()
}

pub(crate) fn letterhead() -> Letterhead {
    Letterhead { base_url: "https://perennial.example".to_owned(), keyring: keyring(), reply_domain: None }
}

/// A local time in Berlin, as in `2026-03-02 08:00`.
pub(crate) fn berlin(local: &str) -> Timestamp {
    let civil: DateTime = local.parse().unwrap();
    civil.to_zoned(perennial_core::calendar::zone("Europe/Berlin").unwrap()).unwrap().timestamp()
}

/// One of the files in `events/`.
pub(crate) fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// An event as the function's own type.
pub(crate) fn read<T: DeserializeOwned>(event: &Value) -> T {
    serde_json::from_str(&event.to_string()).unwrap()
}

/// A page's script posts these fields.
pub(crate) fn form_post(fields: &Value) -> Value {
    static POSTED: AtomicU32 = AtomicU32::new(0);
    let mut event = sample("form-json.json");
    event["body"] = json!(fields.to_string());
    event["requestContext"]["requestId"] = json!(format!("post-{}", POSTED.fetch_add(1, Ordering::Relaxed)));
    event
}

/// The bus's nudge for a lead whose enrolment has started.
pub(crate) fn nudge(detail: Value) -> Value {
    let mut event = sample("enrolment-started.json");
    event["detail"] = detail;
    event
}

/// S3's word that a mail lies in the inbox.
pub(crate) fn s3_event(key: &InboxKey) -> Value {
    let mut event = sample("inbound-mail.json");
    event["Records"][0]["s3"]["object"]["key"] = json!(key);
    event
}

/// What the bus has for `notify`, each with a sample.
const NOTIFIED: [(&str, &str); 3] = [
    ("reply.received", "reply-received.json"),
    ("alert.raised", "alert-raised.json"),
    ("task.created", "task-created.json"),
];

/// The bus's event for `notify`.
pub(crate) fn reply_received(detail: Value) -> Value {
    with_detail("reply-received.json", detail)
}

/// A sample event of our own bus, with another detail.
pub(crate) fn with_detail(sample_name: &str, detail: Value) -> Value {
    let mut event = sample(sample_name);
    event["detail"] = detail;
    event
}

/// The bus's event for `evaluate-requalification`.
pub(crate) fn evaluation_due(detail: Value) -> Value {
    let mut event = sample("evaluation-due.json");
    event["detail"] = detail;
    event
}

/// The token in a mail's unsubscribe link.
pub(crate) fn unsubscribe_token(mail: &OutboundMail) -> String {
    let (_, links) = mail.headers.iter().find(|(name, _)| *name == "List-Unsubscribe").unwrap();
    let link = links.split('>').next().unwrap();
    link.rsplit('/').next().unwrap().to_owned()
}

/// One click on a mail program's own button.
pub(crate) fn unsubscribe_post(token: &str) -> Value {
    with_token(sample("unsubscribe-post.json"), token)
}

/// A look at the page behind the link.
pub(crate) fn unsubscribe_get(token: &str) -> Value {
    with_token(sample("unsubscribe-get.json"), token)
}

/// A sample request for a page, with another token.
pub(crate) fn with_token(mut event: Value, token: &str) -> Value {
    let (page, _) = event["rawPath"].as_str().unwrap().rsplit_once('/').unwrap();
    let path = json!(format!("{page}/{token}"));
    event["requestContext"]["http"]["path"] = path.clone();
    event["rawPath"] = path;
    event["pathParameters"]["token"] = json!(token);
    event
}

/// What SES tells of a mail.
pub(crate) fn ses_event(sample_name: &str, mail: &OutboundMail) -> Value {
    let mut event = sample(sample_name);
    let tags = &mut event["detail"]["mail"]["tags"];
    tags["lead"] = json!([mail.lead.as_str()]);
    tags["touch"] = json!([mail.touch.to_string()]);
    tags["attempt"] = json!([mail.attempt.to_string()]);
    event
}

/// A sample of each of the ten types, as EventBridge brings them; of bounces, one of each kind.
pub(crate) const SES_SAMPLES: [&str; 11] = [
    "ses-send.json",
    "ses-delivery.json",
    "ses-delivery-delay.json",
    "ses-bounce-permanent.json",
    "ses-bounce-transient.json",
    "ses-complaint.json",
    "ses-reject.json",
    "ses-rendering-failure.json",
    "ses-open.json",
    "ses-click.json",
    "ses-subscription.json",
];

/// An event as SNS wraps it for a queue.
pub(crate) fn sns_body(detail: &Value) -> String {
    let body = sample("sqs-sns-batch.json")["Records"][0]["body"].as_str().unwrap().to_owned();
    let mut body: Value = serde_json::from_str(&body).unwrap();
    body["Message"] = json!(detail.to_string());
    body.to_string()
}

/// A batch of a queue; each record's id is its place.
pub(crate) fn sqs_batch(bodies: &[String]) -> Value {
    let pattern = sample("sqs-sns-batch.json")["Records"][0].clone();
    let record = |(at, body): (usize, &String)| {
        let mut record = pattern.clone();
        record["messageId"] = json!(format!("record-{at}"));
        record["body"] = json!(body);
        record
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// New history rows as the table's stream brings them. A record's sequence number is its place in the batch.
pub(crate) fn stream_event(entries: &[Entry]) -> Value {
    let pattern = sample("history-stream.json")["Records"][1].clone();
    let record = |(at, entry): (usize, &Entry)| {
        let mut record = pattern.clone();
        record["dynamodb"]["Keys"] = json!(entry.keys);
        record["dynamodb"]["NewImage"] = json!(entry.image);
        record["dynamodb"]["SequenceNumber"] = json!(at.to_string());
        record
    };
    json!({ "Records": entries.iter().enumerate().map(record).collect::<Vec<_>>() })
}
