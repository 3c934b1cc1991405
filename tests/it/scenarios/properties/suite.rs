//! Several leads and the use-cases on a store: workers that die, stores that fail, everything delivered again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_app::engagement::{Heard, Listener, MailReport};
use perennial_app::ingest::{Door, Receipt};
use perennial_app::library::Library;
use perennial_app::memory::{MemoryStore, SettableClock};
use perennial_app::ports::{Clock, Mailer, OutboundMail, SendReport, Store};
use perennial_app::report::{audit, waterfall};
use perennial_app::touch::Toucher;
use perennial_core::calendar;
use perennial_core::catalog::Catalog;
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::decide::{MailEventKind, PROOF_WAIT, ReviewVerdict, SendOutcome};
use perennial_core::event::{DeferReason, Event, FailReason};
use perennial_core::ids::{FormName, LeadId, ProgramName, SubmissionId, TouchId};
use perennial_core::lead::EmailReach;
use perennial_core::program::{Action, TouchClass};
use perennial_core::submission::{Channel, Entry, Intent, JunkReason, Permission, Source, Submission};
use perennial_core::testing;
use perennial_core::timing::{Delay, Timing};
use proptest::prelude::*;

use crate::faults::hooked::{Call, Hooked};
use crate::scenarios::world::{LEASE, berlin, letterhead, pepper};

/// How many people there are.
const PEOPLE: u8 = 3;

/// What happens next.
#[derive(Debug, Clone)]
enum Move {
    /// Somebody posts the form, or stands on a list.
    Submits {
        who: u8,
        phone: bool,
        junk: bool,
        channel: Channel,
        mail: Permission,
    },
    /// Something that was delivered before is delivered again.
    Again(usize),
    Sweep,
    Minutes(i64),
    /// On to the next thing that is due.
    NextWake,
    /// How SES will answer the next mail that has no answer yet.
    Answers(SendOutcome),
    /// A worker dies at its next commit.
    CommitFails,
    /// SES tells of the nth mail from the end.
    Hears(usize, MailEventKind),
    Unsubscribes(u8),
    Reviews(usize, ReviewVerdict),
}

fn next_move() -> impl Strategy<Value = Move> {
    let submits = (0..PEOPLE, any::<bool>(), prop::bool::weighted(0.2), any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(who, phone, junk, is_form, is_refused)| Move::Submits {
            who,
            phone,
            junk,
            channel: if is_form { Channel::Form } else { Channel::Import },
            mail: if is_refused { Permission::Refused } else { Permission::Allowed },
        });
    let answer = prop_oneof![
        Just(SendOutcome::Ambiguous),
        Just(SendOutcome::NotYet(DeferReason::Throttled)),
        Just(SendOutcome::NotYet(DeferReason::SendingPaused)),
        Just(SendOutcome::Refused(FailReason::Rejected)),
    ];
    let kind = prop_oneof![
        4 => Just(MailEventKind::Accepted),
        1 => Just(MailEventKind::BouncedForGood),
        2 => (0..5_000_i64).prop_map(|minutes| MailEventKind::BouncedSoftly {
            at: berlin("2026-03-02 10:00") + SignedDuration::from_mins(minutes),
        }),
        1 => Just(MailEventKind::Complained),
    ];
    let verdict = prop_oneof![Just(ReviewVerdict::Sent), Just(ReviewVerdict::Dropped)];
    prop_oneof![
        4 => submits,
        3 => (0..8_usize).prop_map(Move::Again),
        6 => Just(Move::Sweep),
        3 => (0..3_000_i64).prop_map(Move::Minutes),
        8 => Just(Move::NextWake),
        2 => answer.prop_map(Move::Answers),
        1 => Just(Move::CommitFails),
        3 => (0..6_usize, kind).prop_map(|(nth, kind)| Move::Hears(nth, kind)),
        1 => (0..PEOPLE).prop_map(Move::Unsubscribes),
        1 => (0..6_usize, verdict).prop_map(|(nth, verdict)| Move::Reviews(nth, verdict)),
    ]
}

/// A mail that SES was asked to take.
#[derive(Debug, Clone)]
struct HandedOver {
    lead: LeadId,
    touch: TouchId,
    attempt: u32,
    at: Timestamp,
    class: TouchClass,
    /// Whether SES took it, whatever it said.
    is_taken: bool,
}

/// A mailer that looks, at each mail, whether it may be sent at all.
struct WatchedMailer {
    store: Arc<MemoryStore>,
    clock: Arc<SettableClock>,
    catalog: Arc<Catalog>,
    answers: Mutex<Vec<SendOutcome>>,
    handed_over: Mutex<Vec<HandedOver>>,
}

#[async_trait]
impl Mailer for WatchedMailer {
    async fn send(&self, mail: &OutboundMail) -> SendReport {
        let lead = self.store.load(&mail.lead).await.unwrap().unwrap().lead;
        let sending = lead.sending.expect("never a mail without a mark");
        assert_eq!((&sending.touch, sending.attempt), (&mail.touch, mail.attempt));
        assert_eq!(lead.email, EmailReach::Ok, "I8: no mail to a suppressed address");
        let answer = self.answers.lock().unwrap().pop();
        let outcome = answer.unwrap_or_else(|| SendOutcome::Accepted { message_id: "0107".to_owned() });
        let is_taken = match outcome {
            SendOutcome::Accepted { .. } | SendOutcome::Ambiguous => true,
            SendOutcome::Refused(_) | SendOutcome::NotYet(_) => false,
        };
        self.handed_over.lock().unwrap().push(HandedOver {
            lead: mail.lead.clone(),
            touch: mail.touch.clone(),
            attempt: mail.attempt,
            at: self.clock.now(),
            class: class(&self.catalog, &mail.touch),
            is_taken,
        });
        SendReport { outcome, cause: None }
    }
}

fn class(catalog: &Catalog, touch: &TouchId) -> TouchClass {
    match catalog.programs[&touch.program].step(&touch.step).unwrap().action {
        Action::Email { class, .. } => class,
        _ => panic!("{touch} is no mail"),
    }
}

/// What was delivered, to be delivered again.
#[derive(Clone)]
enum Delivered {
    Submission(Box<Submission>),
    MailEvent(LeadId, TouchId, u32, MailEventKind),
    Unsubscribe(LeadId),
}

struct Suite {
    memory: Arc<MemoryStore>,
    hooked: Arc<Hooked>,
    clock: Arc<SettableClock>,
    mailer: Arc<WatchedMailer>,
    door: Door,
    listener: Listener,
    toucher: Toucher,
    delivered: Vec<Delivered>,
    submissions: u32,
}

impl Suite {
    fn new() -> Self {
        let memory = Arc::new(MemoryStore::default());
        let hooked = Arc::new(Hooked::new(memory.clone()));
        let clock = Arc::new(SettableClock::new(berlin("2026-03-02 10:00")));
        let catalog = Arc::new(pushy());
        let mailer = Arc::new(WatchedMailer {
            store: memory.clone(),
            clock: clock.clone(),
            catalog: catalog.clone(),
            answers: Mutex::default(),
            handed_over: Mutex::default(),
        });
        let library = Arc::new(Library::fixed(catalog));
        let door = Door { store: hooked.clone(), library: library.clone(), pepper: pepper(), clock: clock.clone() };
        let listener = Listener { store: hooked.clone(), library: library.clone(), clock: clock.clone() };
        let toucher = Toucher {
            store: hooked.clone(),
            mailer: mailer.clone(),
            clock: clock.clone(),
            library,
            letterhead: letterhead(),
            lease: LEASE,
        };
        Self { memory, hooked, clock, mailer, door, listener, toucher, delivered: Vec::new(), submissions: 0 }
    }

    async fn live(&mut self, next: &Move) {
        match next {
            Move::Submits { who, phone, junk, channel, mail } => {
                let submission = self.submission(*who, *phone, *junk, *channel, *mail);
                if self.door.receive(submission.clone(), None).await.is_ok() {
                    self.delivered.push(Delivered::Submission(Box::new(submission)));
                }
            }
            Move::Again(nth) => self.deliver_again(*nth).await,
            Move::Sweep => self.sweep().await,
            Move::Minutes(minutes) => {
                self.clock.advance(SignedDuration::from_mins(*minutes));
            }
            Move::NextWake => {
                if let Some(wake) = self.next_wake().await {
                    self.clock.set(wake.max(self.clock.now()));
                }
                self.sweep().await;
            }
            Move::Answers(outcome) => self.mailer.answers.lock().unwrap().push(outcome.clone()),
            Move::CommitFails => self.hooked.fail(Call::Commit),
            Move::Hears(nth, kind) => {
                let Some(mail) = self.nth_mail(*nth, |mail| mail.is_taken) else { return };
                let heard = self.listener.mail_event(&report(&mail.lead, &mail.touch, mail.attempt, *kind)).await;
                if heard.is_ok() {
                    self.delivered.push(Delivered::MailEvent(mail.lead, mail.touch, mail.attempt, *kind));
                }
            }
            Move::Unsubscribes(who) => {
                let lead = lead(*who);
                if self.memory.load(&lead).await.unwrap().is_some() && self.listener.unsubscribe(&lead).await.is_ok() {
                    self.delivered.push(Delivered::Unsubscribe(lead));
                }
            }
            Move::Reviews(nth, verdict) => {
                let Some(mail) = self.nth_mail(*nth, |_| true) else { return };
                // A failure is a worker that died.
                let _: Result<Heard, _> = self.listener.review(&mail.lead, mail.touch, *verdict).await;
            }
        }
    }

    fn submission(&mut self, who: u8, phone: bool, junk: bool, channel: Channel, mail: Permission) -> Submission {
        self.submissions += 1;
        let form = FormName::parse("contact").unwrap();
        Submission {
            id: SubmissionId::derive(&pepper(), &form, &self.submissions.to_string()),
            channel,
            form,
            intent: Intent::HandRaise,
            program: ProgramName::parse("welcome").unwrap(),
            entry: Entry::Welcome,
            received_at: self.clock.now(),
            email: Some(address(who)),
            phone: phone.then(|| PhoneNumber::parse("+49301234567").unwrap()),
            fields: [].into(),
            source: Source::default(),
            zone: None,
            mail,
            calls: Permission::Allowed,
            consent: None,
            language: None,
            junk: if junk { vec![JunkReason::Honeypot] } else { Vec::new() },
            flags: Vec::new(),
        }
    }

    async fn sweep(&self) {
        let sweep = self.toucher.sweep(Duration::from_mins(1)).await.unwrap();
        assert!(!sweep.is_unfinished);
    }

    /// I10: what is delivered again changes nothing more, however late.
    async fn deliver_again(&self, nth: usize) {
        let Some(delivered) = self.delivered.iter().rev().nth(nth).cloned() else { return };
        self.hooked.forget();
        let before = self.rows().await;
        match delivered {
            Delivered::Submission(submission) => {
                assert_eq!(self.door.receive(*submission, None).await.unwrap(), Receipt::Known);
            }
            Delivered::MailEvent(lead, touch, attempt, kind) => {
                let heard = self.listener.mail_event(&report(&lead, &touch, attempt, kind)).await.unwrap();
                // What is due anyway may be settled by the way.
                if heard == Some(Heard::Decided) {
                    let last = self.memory.history(&lead).await.unwrap().pop().unwrap();
                    let is_about_it = |event: &Event| {
                        matches!(
                            event,
                            Event::TouchSent { .. } | Event::TouchBounced { .. } | Event::AddressSuppressed { .. }
                        )
                    };
                    assert!(!last.entries.iter().any(is_about_it), "{:?}", last.entries);
                    return;
                }
            }
            Delivered::Unsubscribe(lead) => {
                if self.listener.unsubscribe(&lead).await.unwrap() == Heard::Decided {
                    let last = self.memory.history(&lead).await.unwrap().pop().unwrap();
                    assert!(!last.entries.iter().any(|event| matches!(event, Event::AddressSuppressed { .. })));
                    return;
                }
            }
        }
        assert_eq!(self.rows().await, before);
    }

    async fn rows(&self) -> usize {
        let mut rows = 0;
        for who in 0..PEOPLE {
            rows += self.memory.history(&lead(who)).await.unwrap().len();
        }
        rows
    }

    async fn next_wake(&self) -> Option<Timestamp> {
        let mut wakes = Vec::new();
        for who in 0..PEOPLE {
            let stored = self.memory.load(&lead(who)).await.unwrap();
            wakes.extend(stored.and_then(|stored| stored.lead.next_action_at()));
        }
        // The index sorts by whole seconds.
        wakes.into_iter().min().map(|wake| wake + SignedDuration::from_secs(1))
    }

    fn nth_mail(&self, nth: usize, is_meant: fn(&HandedOver) -> bool) -> Option<HandedOver> {
        self.mails().into_iter().rev().filter(is_meant).nth(nth)
    }

    fn mails(&self) -> Vec<HandedOver> {
        self.mailer.handed_over.lock().unwrap().clone()
    }

    async fn assert_sound(&self) {
        let audit = audit(self.memory.as_ref(), self.clock.now()).await.unwrap();
        assert!(audit.ok, "{:?}", audit.violations);
        assert!(waterfall(self.memory.as_ref()).await.unwrap().balanced);
        self.assert_each_touch_is_taken_once();
        self.assert_mail_keeps_to_cap_and_window();
    }

    /// P1.
    fn assert_each_touch_is_taken_once(&self) {
        let mut taken: BTreeMap<(LeadId, TouchId), u32> = BTreeMap::new();
        let mut attempts = BTreeMap::new();
        for mail in self.mails() {
            let touch = (mail.lead, mail.touch);
            *taken.entry(touch.clone()).or_default() += u32::from(mail.is_taken);
            *attempts.entry((touch, mail.attempt)).or_insert(0) += 1;
        }
        assert!(taken.values().all(|times| *times <= 1), "{taken:?}");
        assert!(attempts.values().all(|times| *times == 1), "{attempts:?}");
    }

    /// I9.
    fn assert_mail_keeps_to_cap_and_window(&self) {
        let catalog = &self.mailer.catalog;
        let berlin = calendar::zone("Europe/Berlin").unwrap();
        let mails = self.mails();
        for (at, mail) in mails.iter().enumerate().filter(|(_, mail)| mail.class == TouchClass::Nurture) {
            assert!(catalog.window.is_open(mail.at, &berlin), "{mail:?} is outside the window");
            let others = mails[..at].iter().filter(|other| other.lead == mail.lead && other.is_taken);
            let since = others.map(|other| mail.at.duration_since(other.at));
            let since: Vec<_> = since.filter(|since| *since < calendar::CAP_PERIOD).collect();
            assert!(since.len() < catalog.cap.weekly_max, "{mail:?} is over the cap");
            assert!(since.iter().all(|since| *since >= catalog.cap.spacing), "{mail:?} comes too soon");
        }
    }

    /// P2: in the end, history says of each mail that was taken what became of it.
    async fn assert_no_touch_is_lost_in_silence(&self) {
        self.hooked.forget();
        self.clock.advance(LEASE + SignedDuration::from_secs(1));
        self.sweep().await;
        self.clock.advance(PROOF_WAIT + SignedDuration::from_secs(1));
        self.sweep().await;
        for mail in self.mails().into_iter().filter(|mail| mail.is_taken) {
            let rows = self.memory.history(&mail.lead).await.unwrap();
            let is_told = rows.iter().flat_map(|row| &row.entries).any(|event| match event {
                Event::TouchSent { touch, .. } | Event::TouchReview { touch } | Event::TouchDropped { touch } => {
                    *touch == mail.touch
                }
                _ => false,
            });
            assert!(is_told || self.is_fresh(&mail), "{mail:?} is lost");
        }
    }

    /// Whether a mail was only sent while the end was awaited.
    fn is_fresh(&self, mail: &HandedOver) -> bool {
        self.clock.now().duration_since(mail.at) <= PROOF_WAIT
    }
}

/// The catalog for tests, in a hurry: but for the cap and the window, it would mail every few hours.
fn pushy() -> Catalog {
    let mut catalog = testing::catalog();
    for program in catalog.programs.values_mut() {
        program.quiet = None;
        for step in program.steps.iter_mut().filter(|step| step.timing != Timing::After(Delay::Minutes(0))) {
            step.timing = Timing::After(Delay::Minutes(5 * 60));
        }
    }
    catalog
}

/// What SES tells of a mail; what is kept of it beside the lead is no matter here.
fn report(lead: &LeadId, touch: &TouchId, attempt: u32, kind: MailEventKind) -> MailReport {
    let at = berlin("2026-03-02 10:00");
    MailReport { lead: lead.clone(), touch: touch.clone(), attempt, kind, fact: None, against: None, at }
}

fn address(who: u8) -> EmailAddress {
    EmailAddress::parse(&format!("person{who}@example.com")).unwrap()
}

fn lead(who: u8) -> LeadId {
    LeadId::of_email(&pepper(), &address(who))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_suite_keeps_its_promises_whatever_happens(moves in prop::collection::vec(next_move(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut suite = Suite::new();
            for next in &moves {
                suite.live(next).await;
                suite.assert_sound().await;
            }
            suite.assert_no_touch_is_lost_in_silence().await;
        });
    }
}
