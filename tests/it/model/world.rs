//! One lead, two workers, a store, SES and a clock: all that can happen to a touch, step by step.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_app::engagement::Listener;
use perennial_app::ingest::Door;
use perennial_app::mail::{Letterhead, compose};
use perennial_app::memory::{MemoryStore, SettableClock};
use perennial_app::ports::{
    Clock, Commit, CommitError, Cursor, DuePage, EngagementRecord, HistoryRow, IdempotencyRecord, ImportRecord,
    Mailer, OutboundMail, SendReport, SendingPause, Store, StoreError, Stored, SurveyPage,
};
use perennial_app::touch::Toucher;
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::{MailEventKind, SendOutcome, Stimulus, View, decide};
use perennial_core::event::{DeferReason, Event, FailReason};
use perennial_core::ids::{FormName, LeadId, Pepper, ProgramName, SubmissionId, TouchId};
use perennial_core::lead::{Doubt, EmailReach, Lead, Sending};
use perennial_core::loader::parse;
use perennial_core::submission::{Channel, Entry, Intent, Permission, Source, Submission};
use perennial_core::testing;
use perennial_core::token::Keyring;

/// A Monday, 09:00 in the catalog's zone: mail may go out.
const START: &str = "2026-03-02T08:00:00Z";

/// How far time goes: past the wait for a proof of the one touch, and short of the next.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// How long a worker that marked a mail may live.
const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// How many triggers come by themselves. Another comes when the lead is due and nobody is at it.
const TRIGGERS: u8 = 3;

/// How often SES asks for patience.
const PUT_OFFS: u8 = 1;

const WELCOME: &str = r#"
title = "Welcome"
then = "occasional"

[[step]]
id = "response"
kind = "email"
class = "response"
after = "0m"
"#;

static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
    let mut files = testing::files();
    files.retain(|file| file.path != "welcome/touches/link.md");
    for file in files.iter_mut().filter(|file| file.path == "welcome/program.toml") {
        WELCOME.clone_into(&mut file.text);
    }
    let (catalog, diagnostics) = parse(&files);
    Arc::new(catalog.unwrap_or_else(|| panic!("{diagnostics:?}")))
});

/// Which protocol is explored: the one we have, or one with a mistake that the explorer must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Ours.
    AsBuilt,
    /// The worker sends, then marks.
    SendsBeforeMarking,
    /// The store takes a mark whatever the revision is.
    MarksBlindly,
    /// The client of SES sends again when no answer came, as the SDK does by default.
    SendsAgain,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A trigger wakes a worker.
    Start(usize),
    /// A worker's call happens, and ends so.
    Call(usize, Fate),
    /// A worker dies before its call happens.
    Crash(usize),
    /// SES's event about a mail arrives: late, again, or (if this step is not taken) never.
    Event(TouchId, u32),
    /// The person unsubscribes.
    Unsubscribe,
    /// Nothing happens until then.
    Wait(Timestamp),
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done, and answered.
    Done,
    /// It is done, but the answer is lost.
    AnswerLost,
    /// It never gets there, and the caller cannot tell.
    RequestLost,
    /// It is refused for now.
    PutOff,
    /// It is refused for good.
    Refused,
}

/// What a worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Load,
    Mark,
    Send,
    Commit,
}

impl Call {
    /// How it may end. A read whose answer is lost ends its worker, and that is a crash.
    const fn fates(self) -> &'static [Fate] {
        match self {
            Self::Load => &[Fate::Done],
            Self::Mark | Self::Commit => &[Fate::Done, Fate::AnswerLost],
            Self::Send => &[Fate::Done, Fate::AnswerLost, Fate::RequestLost, Fate::PutOff, Fate::Refused],
        }
    }
}

/// Where a worker and the explorer meet.
#[derive(Default)]
struct Turn {
    waiting: Option<Call>,
    fate: Option<Fate>,
    /// A digest of all that the worker was told: being deterministic, that is where it stands.
    told: u64,
}

/// What SES knows.
#[derive(Default, Hash)]
struct Ses {
    /// How often it took each attempt at each touch.
    taken: BTreeMap<(TouchId, u32), u32>,
    /// Touches that were marked for somebody who had unsubscribed.
    marked_unlawfully: Vec<TouchId>,
}

/// What is outside the workers.
struct Outside {
    store: MemoryStore,
    clock: SettableClock,
    ses: Mutex<Ses>,
}

/// A worker's ports: each call that matters waits for its turn.
#[derive(Clone)]
struct Ports {
    protocol: Protocol,
    outside: Arc<Outside>,
    turn: Arc<Mutex<Turn>>,
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Worker {
    turn: Arc<Mutex<Turn>>,
    running: Option<Running>,
}

/// The whole state.
pub(super) struct World {
    protocol: Protocol,
    lead: LeadId,
    outside: Arc<Outside>,
    workers: [Worker; 2],
    triggers: u8,
    put_offs: u8,
    unsubscribed: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked")
}

/// The result of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("it waits for something"),
    }
}

fn submission(pepper: &Pepper, at: Timestamp) -> Submission {
    let form = FormName::parse("contact").expect("a name");
    Submission {
        id: SubmissionId::derive(pepper, &form, "1"),
        channel: Channel::Form,
        form,
        intent: Intent::HandRaise,
        program: ProgramName::parse("welcome").expect("a name"),
        entry: Entry::Welcome,
        received_at: at,
        email: Some(EmailAddress::parse("someone@customer.example").expect("an address")),
        phone: None,
        fields: BTreeMap::new(),
        source: Source::default(),
        zone: None,
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        junk: Vec::new(),
        flags: Vec::new(),
    }
}

impl World {
    /// A lead that was just received; its first touch is due.
    pub(super) fn new(protocol: Protocol) -> Self {
        let start: Timestamp = START.parse().expect("a timestamp");
        let outside = Arc::new(Outside {
            store: MemoryStore::default(),
            clock: SettableClock::new(start),
            ses: Mutex::default(),
        });
        let pepper = Pepper::new([1; 32]);
        let submission = submission(&pepper, start);
        let lead = submission.lead_id(&pepper).expect("it has an address");
        let ports = Ports { protocol, outside: Arc::clone(&outside), turn: Arc::default() };
        let clock = Arc::new(ports.clone());
        let door = Door { store: Arc::new(FreeStore(ports)), catalog: Arc::clone(&CATALOG), pepper, clock };
        ready(door.receive(submission, None)).expect("it is taken in");
        let workers = <[Worker; 2]>::default();
        Self { protocol, lead, outside, workers, triggers: TRIGGERS, put_offs: PUT_OFFS, unsubscribed: false }
    }
}
