//! One lead, two workers, a store, SES and a clock: all that can happen to a touch, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::future::poll_fn;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_app::engagement::Listener;
use perennial_app::ingest::Door;
use perennial_app::mail::{Letterhead, compose};
use perennial_app::memory::{MemoryStore, SettableClock};
use perennial_app::ports::{
    Clock, Commit, CommitError, Cursor, DuePage, EngagementRecord, HistoryRow, IdempotencyRecord, ImportRecord, Mailer,
    OutboundMail, SendReport, SendingPause, Store, StoreError, Stored, SurveyPage,
};
use perennial_app::touch::{Toucher, Visit, VisitError};
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::{MailEventKind, SendOutcome, Stimulus, View, decide};
use perennial_core::event::{DeferReason, Event, FailReason};
use perennial_core::ids::{FormName, LeadId, Pepper, ProgramName, SubmissionId, TouchId};
use perennial_core::lead::{Doubt, EmailReach, Sending};
use perennial_core::loader::parse;
use perennial_core::submission::{Channel, Entry, Intent, Permission, Source, Submission};
use perennial_core::testing;
use perennial_core::token::Keyring;

/// A Monday, 09:00 in the catalog's zone: mail may go out.
static START: LazyLock<Timestamp> = LazyLock::new(|| "2026-03-02T08:00:00Z".parse().expect("a timestamp"));

/// How far time goes: past the wait for a proof of the one touch, and short of the next.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// How long a worker that marked a mail may live.
const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// How often SES asks for patience.
const PUT_OFFS: u8 = 0;

/// How often a lead that is left to itself is visited before it must be at rest.
const STEPS_TO_REST_MAX: usize = 16;

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

static LETTERHEAD: LazyLock<Letterhead> = LazyLock::new(|| Letterhead {
    base_url: "https://perennial.example".to_owned(),
    keyring: Keyring::new(BTreeMap::from([("k1".to_owned(), [1; 32])]), "k1").expect("a key"),
});

/// A lead that was just received: its first touch is due.
static RECEIVED: LazyLock<Commit> = LazyLock::new(|| {
    let pepper = Pepper::new([1; 32]);
    let submission = submission(&pepper);
    let lead = submission.lead_id(&pepper).expect("it has an address");
    let store = Arc::new(MemoryStore::default());
    let door =
        Door { store: store.clone(), catalog: CATALOG.clone(), pepper, clock: Arc::new(SettableClock::new(*START)) };
    ready(door.receive(submission, None)).expect("it is taken in");
    let Stored { lead, profile, .. } = ready(store.load(&lead)).expect("it is readable").expect("it is there");
    let history = ready(store.history(&lead.id)).expect("it is readable").remove(0);
    Commit { lead, expected: None, profile: Some(profile), history, submission: None, idempotency: None }
});

fn submission(pepper: &Pepper) -> Submission {
    let form = FormName::parse("contact").expect("a name");
    Submission {
        id: SubmissionId::derive(pepper, &form, "1"),
        channel: Channel::Form,
        form,
        intent: Intent::HandRaise,
        program: ProgramName::parse("welcome").expect("a name"),
        entry: Entry::Welcome,
        received_at: *START,
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked")
}

fn digest(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// The result of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("it waits for something"),
    }
}

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
    /// A trigger wakes a worker, which reads the lead: the tick, a nudge, the same again, as often as you like.
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
    /// A digest of all that the worker was told since it last read the lead: being deterministic, that is
    /// where it stands, but for what it still has to say of a mail.
    told: u64,
    /// A digest of what it was told of its last mail.
    told_of_mail: u64,
}

/// What SES took, and for whom.
#[derive(Default, Hash)]
struct Ses {
    /// How often it took each attempt at each touch.
    taken: BTreeMap<(TouchId, u32), u32>,
    /// Touches that were marked for somebody who had unsubscribed.
    marked_unlawfully: Vec<TouchId>,
}

/// A worker's ports. Each call that matters waits for its turn.
struct Ports {
    protocol: Protocol,
    store: Arc<MemoryStore>,
    clock: Arc<SettableClock>,
    ses: Arc<Mutex<Ses>>,
    turn: Arc<Mutex<Turn>>,
}

impl Ports {
    /// Waits until the explorer lets the call happen.
    async fn turn(&self, call: Call) -> Fate {
        let fate = poll_fn(|_| {
            let mut turn = locked(&self.turn);
            turn.waiting = Some(call);
            turn.fate.take().map_or(Poll::Pending, Poll::Ready)
        });
        let fate = fate.await;
        self.tell(&(fate, self.clock.now()));
        fate
    }

    /// Keeps what the worker learns.
    fn tell(&self, what: &impl Debug) {
        let mut turn = locked(&self.turn);
        turn.told = digest(&(turn.told, format!("{what:?}")));
    }

    fn answer<T: Debug>(&self, fate: Fate, result: Result<T, CommitError>) -> Result<T, CommitError> {
        let answer = match fate {
            Fate::AnswerLost => Err(StoreError::Unavailable("the answer was lost".into()).into()),
            Fate::Done | Fate::RequestLost | Fate::PutOff | Fate::Refused => result,
        };
        self.tell(&answer);
        answer
    }
}

#[async_trait]
impl Store for Ports {
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError> {
        self.turn(Call::Load).await;
        let stored = self.store.load(id).await;
        locked(&self.turn).told = 0;
        self.tell(&(self.clock.now(), &stored));
        stored
    }

    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError> {
        let fate = self.turn(Call::Commit).await;
        self.answer(fate, self.store.commit(commit).await)
    }

    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError> {
        let fate = self.turn(Call::Mark).await;
        let Some(stored) = self.store.load(id).await? else { return Err(CommitError::Conflict) };
        let expected = if self.protocol == Protocol::MarksBlindly { stored.rev } else { expected };
        let result = self.store.mark_sending(id, expected, sending).await;
        if result.is_ok() && stored.lead.email != EmailReach::Ok {
            locked(&self.ses).marked_unlawfully.push(sending.touch.clone());
        }
        self.answer(fate, result)
    }

    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError> {
        self.store.sending_pause().await
    }

    // A nudge makes none of the calls below.

    async fn due(&self, shard: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError> {
        self.store.due(shard, until, cursor).await
    }

    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError> {
        self.store.history(id).await
    }

    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        self.store.record_engagement(record).await
    }

    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.store.idempotency(key).await
    }

    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError> {
        self.store.survey(cursor).await
    }

    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError> {
        self.store.put_import(record).await
    }

    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError> {
        self.store.pause_sending(pause).await
    }
}

#[async_trait]
impl Mailer for Ports {
    async fn send(&self, mail: &OutboundMail) -> SendReport {
        let fate = self.turn(Call::Send).await;
        let times = match fate {
            Fate::Done => 1,
            Fate::AnswerLost => 1 + u32::from(self.protocol == Protocol::SendsAgain),
            Fate::RequestLost | Fate::PutOff | Fate::Refused => 0,
        };
        if times > 0 {
            *locked(&self.ses).taken.entry((mail.touch.clone(), mail.attempt)).or_default() += times;
        }
        let outcome = match fate {
            Fate::Done => SendOutcome::Accepted { message_id: "ses".to_owned() },
            Fate::AnswerLost | Fate::RequestLost => SendOutcome::Ambiguous,
            Fate::PutOff => SendOutcome::NotYet(DeferReason::Throttled),
            Fate::Refused => SendOutcome::Refused(FailReason::Rejected),
        };
        locked(&self.turn).told_of_mail = digest(&format!("{} {} {outcome:?}", mail.touch, mail.attempt));
        SendReport { outcome, cause: None }
    }
}

/// A worker with the mistake that [`Protocol::SendsBeforeMarking`] names.
async fn sends_before_marking(toucher: Toucher, id: &LeadId) -> Option<()> {
    let stored = toucher.store.load(id).await.ok()??;
    let view = View { lead: Some(&stored.lead), profile: Some(&stored.profile), catalog: &toucher.catalog };
    let now = toucher.clock.now();
    let planned = decide(&view, &Stimulus::Due, now).send?;
    let mail = compose(&toucher.letterhead, &toucher.catalog, &stored.lead, &stored.profile, &planned, now).ok()?;
    toucher.mailer.send(&mail).await;
    let sending = Sending { touch: planned.touch, attempt: planned.attempt, lease_until: now + LEASE };
    toucher.store.mark_sending(id, stored.rev, &sending).await.ok()?;
    Some(())
}

#[derive(Default)]
struct Worker {
    turn: Arc<Mutex<Turn>>,
    running: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Worker {
    /// Goes on to the next call, or ends.
    fn run(&mut self) {
        let Some(running) = &mut self.running else { return };
        if running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.end();
        }
    }

    fn end(&mut self) {
        *self = Self::default();
    }
}

/// The whole state.
pub(super) struct World {
    protocol: Protocol,
    store: Arc<MemoryStore>,
    clock: Arc<SettableClock>,
    ses: Arc<Mutex<Ses>>,
    workers: [Worker; 2],
    put_offs: u8,
}

impl World {
    /// Nothing has happened since the lead was received.
    pub(super) fn new(protocol: Protocol) -> Self {
        let store = Arc::new(MemoryStore::default());
        ready(store.commit(&RECEIVED)).expect("an empty store takes it");
        Self {
            protocol,
            store,
            clock: Arc::new(SettableClock::new(*START)),
            ses: Arc::default(),
            workers: Default::default(),
            put_offs: PUT_OFFS,
        }
    }

    fn stored(&self) -> Stored {
        ready(self.store.load(&RECEIVED.lead.id)).expect("it is readable").expect("it is there")
    }

    fn history(&self) -> Vec<Event> {
        let rows = ready(self.store.history(&RECEIVED.lead.id)).expect("it is readable");
        rows.into_iter().flat_map(|row| row.entries).collect()
    }

    /// What tells this state from others.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut workers = self.workers.each_ref().map(|worker| {
            let turn = locked(&worker.turn);
            (turn.told, turn.told_of_mail)
        });
        // Which of them stands where makes no difference.
        workers.sort_unstable();
        let history: Vec<_> = self.history().iter().filter_map(settled).map(|it| format!("{it:?}")).collect();
        let stored = format!("{:?}", self.stored());
        digest(&(stored, history, self.clock.now(), &*locked(&self.ses), workers, self.put_offs))
    }

    /// Everything that may happen now.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let idle = self.workers.iter().position(|worker| worker.running.is_none());
        steps.extend(idle.map(Step::Start));
        for (number, worker) in self.workers.iter().enumerate() {
            let Some(call) = locked(&worker.turn).waiting else { continue };
            let fates = call.fates().iter().filter(|fate| **fate != Fate::PutOff || self.put_offs > 0);
            steps.extend(fates.map(|fate| Step::Call(number, *fate)));
            steps.push(Step::Crash(number));
        }
        steps.extend(locked(&self.ses).taken.keys().map(|(touch, attempt)| Step::Event(touch.clone(), *attempt)));
        steps.push(Step::Unsubscribe);
        steps.extend(self.next_time().map(Step::Wait));
        steps
    }

    /// The next instant at which anything about the lead may change.
    fn next_time(&self) -> Option<Timestamp> {
        let lead = self.stored().lead;
        let doubts = lead.unresolved.iter().filter_map(|doubt| match doubt.state {
            Doubt::Unknown { review_at } => Some(review_at),
            Doubt::Review => None,
        });
        let lease = lead.sending.iter().map(|sending| sending.lease_until);
        let touch = lead.enrolment.iter().map(|enrolment| enrolment.next_touch_at);
        doubts.chain(lease).chain(touch).filter(|at| *at > self.clock.now() && *at <= *START + HORIZON).min()
    }

    /// Lets one thing happen.
    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Start(number) => {
                self.start(*number);
                self.call(*number, Fate::Done);
            }
            Step::Call(number, fate) => {
                self.put_offs -= u8::from(*fate == Fate::PutOff);
                self.call(*number, *fate);
            }
            Step::Crash(number) => self.workers[*number].end(),
            Step::Event(touch, attempt) => {
                let event = MailEventKind::Accepted;
                ready(self.listener().mail_event(&RECEIVED.lead.id, touch.clone(), *attempt, event))
                    .expect("it is heard");
            }
            Step::Unsubscribe => {
                ready(self.listener().unsubscribe(&RECEIVED.lead.id)).expect("it is heard");
            }
            Step::Wait(until) => self.clock.set(*until),
        }
    }

    fn call(&mut self, number: usize, fate: Fate) {
        let worker = &mut self.workers[number];
        locked(&worker.turn).fate = Some(fate);
        worker.run();
    }

    fn listener(&self) -> Listener {
        Listener { store: self.store.clone(), catalog: CATALOG.clone(), clock: self.clock.clone() }
    }

    fn start(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        let ports = Arc::new(Ports {
            protocol: self.protocol,
            store: self.store.clone(),
            clock: self.clock.clone(),
            ses: self.ses.clone(),
            turn: worker.turn.clone(),
        });
        ports.tell(&self.clock.now());
        let toucher = Toucher {
            store: ports.clone(),
            mailer: ports,
            clock: self.clock.clone(),
            catalog: CATALOG.clone(),
            letterhead: LETTERHEAD.clone(),
            lease: LEASE,
        };
        let (lead, protocol) = (RECEIVED.lead.id.clone(), self.protocol);
        worker.running = Some(Box::pin(async move {
            // How it ends is in the store; a worker that fails is tried again.
            if protocol == Protocol::SendsBeforeMarking {
                sends_before_marking(toucher, &lead).await;
            } else {
                let _: Result<Visit, VisitError> = toucher.nudge(&lead).await;
            }
        }));
        worker.run();
    }

    /// What was promised and does not hold here.
    pub(super) fn broken_promise(&self) -> Option<&'static str> {
        let (lead, history) = (self.stored().lead, self.history());
        let ses = locked(&self.ses);
        let in_flight = lead.sending.as_ref().map(|sending| &sending.touch);
        let touches: BTreeSet<&TouchId> = history.iter().filter_map(settled).map(|(touch, _)| touch).collect();
        let taken = |touch: &TouchId| -> u32 {
            ses.taken.iter().filter(|((taken, _), _)| taken == touch).map(|(_, times)| times).sum()
        };
        let says = |touch: &TouchId, how: Settled| history.iter().filter_map(settled).any(|it| it == (touch, how));
        let handed_over = ses.taken.keys().map(|(touch, _)| touch);
        let moves: Vec<_> = history.iter().filter(|event| matches!(event, Event::EnrolmentStarted { .. })).collect();
        [
            ("handed over twice", handed_over.clone().any(|touch| taken(touch) > 1)),
            (
                "handed over without a trace",
                handed_over.clone().any(|touch| in_flight != Some(touch) && !touches.contains(touch)),
            ),
            ("marked for somebody who had unsubscribed", !ses.marked_unlawfully.is_empty()),
            ("said to be sent, and was not", touches.iter().any(|it| says(it, Settled::Sent) && taken(it) == 0)),
            ("said to have failed, and was sent", touches.iter().any(|it| says(it, Settled::Failed) && taken(it) > 0)),
            ("settled in two ways", touches.iter().any(|it| says(it, Settled::Sent) && says(it, Settled::Failed))),
            ("moved on twice", moves.len() > 2),
            ("without a pulse", lead.next_action_at().is_none()),
        ]
        .into_iter()
        .find_map(|(promise, is_broken)| is_broken.then_some(promise))
    }

    /// Whether nobody is at work.
    pub(super) fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.running.is_none())
    }

    /// How the touch ends if nothing more goes wrong: what history says, and how often SES took it.
    pub(super) fn left_to_itself(mut self) -> (&'static str, u32) {
        for _ in 0..STEPS_TO_REST_MAX {
            self.take(&Step::Start(0));
            while !self.is_quiet() {
                self.take(&Step::Call(0, Fate::Done));
            }
            let Some(until) = self.next_time() else { break };
            self.take(&Step::Wait(until));
        }
        let last = self.history().iter().filter_map(settled).map(|(_, how)| how).next_back();
        let how = match last {
            Some(Settled::Sent) => "sent",
            Some(Settled::Failed) => "failed",
            Some(Settled::Review) => "review",
            Some(Settled::Unknown) => "unknown",
            None if self.stored().lead.email != EmailReach::Ok => "suppressed",
            None => "nothing",
        };
        (how, locked(&self.ses).taken.values().sum())
    }
}

/// What history says became of a touch that was marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Sent,
    Failed,
    Unknown,
    Review,
}

fn settled(event: &Event) -> Option<(&TouchId, Settled)> {
    match event {
        Event::TouchSent { touch, .. } => Some((touch, Settled::Sent)),
        Event::TouchFailed { touch, .. } => Some((touch, Settled::Failed)),
        Event::TouchUnknown { touch, .. } => Some((touch, Settled::Unknown)),
        Event::TouchReview { touch } => Some((touch, Settled::Review)),
        _ => None,
    }
}
