//! The send protocol (TRUST.md §2), explored to its end: P1, P2 and P4 in every interleaving of two workers.
//!
//! The decisions are the real ones; a store that compares revisions, SES and the clock are modelled. Between any
//! two steps a worker may be killed, an answer or an event lost, the lease run out, the person unsubscribe.

use std::collections::{BTreeMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::{Decision, MailEventKind, SendOutcome, Stimulus, View, decide};
use perennial_core::event::DeferReason;
use perennial_core::ids::{FormName, Pepper, ProgramName, SubmissionId, TouchId};
use perennial_core::lead::{Lead, Sending};
use perennial_core::submission::{Channel, Entry, Intent, Permission, Source, Submission};
use perennial_core::testing;

const WORKERS: usize = 2;
const TRIGGERS: u8 = 3;
const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// The moments there are: now, after the lease, after the wait for a proof. The next touch is a day away.
const MOMENTS: [SignedDuration; 4] = [
    SignedDuration::ZERO,
    SignedDuration::from_mins(3),
    SignedDuration::from_mins(7 * 60),
    SignedDuration::from_mins(14 * 60),
];

/// A time after all of them.
const REST: SignedDuration = SignedDuration::from_hours(15);

#[derive(Clone, Copy, PartialEq)]
enum Protocol {
    AsBuilt,
    SendsBeforeMarking,
}

/// Where a worker stands: what it loaded, at which revision, and what it did since.
#[derive(Clone, Debug, PartialEq)]
enum Worker {
    Idle,
    Loaded { lead: Lead, rev: u32 },
    Marked { lead: Lead, rev: u32, touch: TouchId, attempt: u32 },
    Answered { lead: Lead, rev: u32, touch: TouchId, attempt: u32, outcome: SendOutcome },
}

#[derive(Clone, Debug)]
struct World {
    lead: Lead,
    rev: u32,
    workers: [Worker; WORKERS],
    triggers: u8,
    accepted: u32,
    event: Option<(TouchId, u32)>,
    has_unsubscribed: bool,
    moment: usize,
}

fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn submission(pepper: &Pepper) -> Submission {
    let form = FormName::parse("contact").unwrap();
    Submission {
        id: SubmissionId::derive(pepper, &form, "1"),
        channel: Channel::Form,
        form,
        intent: Intent::HandRaise,
        program: ProgramName::parse("welcome").unwrap(),
        entry: Entry::Welcome,
        received_at: start(),
        email: Some(EmailAddress::parse("ada@example.com").unwrap()),
        phone: None,
        fields: BTreeMap::new(),
        source: Source::default(),
        zone: None,
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        consent: None,
        language: None,
        junk: Vec::new(),
        flags: Vec::new(),
    }
}

fn ask(catalog: &Catalog, lead: Option<&Lead>, stimulus: &Stimulus, now: Timestamp) -> Decision {
    decide(&View { lead, profile: None, catalog, loads: None }, stimulus, now)
}

impl World {
    fn new(catalog: &Catalog) -> Self {
        let pepper = Pepper::new([7; 32]);
        let submission = submission(&pepper);
        let id = submission.lead_id(&pepper).unwrap();
        let stimulus = Stimulus::Submitted { lead: id, submission: Box::new(submission) };
        let lead = ask(catalog, None, &stimulus, start()).lead.unwrap();
        Self {
            lead,
            rev: 1,
            workers: [Worker::Idle, Worker::Idle],
            triggers: TRIGGERS,
            accepted: 0,
            event: None,
            has_unsubscribed: false,
            moment: 0,
        }
    }

    fn now(&self) -> Timestamp {
        start() + MOMENTS[self.moment]
    }

    /// Commits a decision made at a revision. Whether it was still that.
    fn commit(&mut self, rev: u32, decision: Decision) -> bool {
        if rev != self.rev {
            return false;
        }
        if !decision.events.is_empty() {
            self.lead = decision.lead.unwrap();
            self.rev += 1;
        }
        true
    }

    /// A use-case that loads, decides and commits at once: its conflicts are retries.
    fn react(&mut self, catalog: &Catalog, stimulus: &Stimulus) {
        let decision = ask(catalog, Some(&self.lead), stimulus, self.now());
        assert!(self.commit(self.rev, decision));
    }

    /// Everything that can happen next.
    fn steps(&self, catalog: &Catalog, protocol: Protocol) -> Vec<Self> {
        let mut next = Vec::new();
        for (index, worker) in self.workers.iter().enumerate() {
            self.work(index, worker, catalog, protocol, &mut next);
            if *worker != Worker::Idle {
                next.push(self.with(index, Worker::Idle)); // killed
            }
        }
        if self.triggers == 0 {
            next.push(Self { triggers: 1, ..self.clone() }); // the next tick
        }
        if let Some((touch, attempt)) = self.event.clone() {
            let mut lost = Self { event: None, ..self.clone() };
            next.push(lost.clone());
            lost.react(catalog, &Stimulus::MailEvent { touch, attempt, kind: MailEventKind::Accepted });
            next.push(lost);
        }
        if !self.has_unsubscribed {
            let mut stopped = Self { has_unsubscribed: true, ..self.clone() };
            stopped.react(catalog, &Stimulus::Unsubscribed);
            next.push(stopped);
        }
        if self.moment + 1 < MOMENTS.len() {
            // The lease outlives the function: a worker that has not sent by now never will. One that has may be late.
            let mut later = Self { moment: self.moment + 1, ..self.clone() };
            for worker in &mut later.workers {
                if matches!(worker, Worker::Loaded { .. } | Worker::Marked { .. }) {
                    *worker = Worker::Idle;
                }
            }
            next.push(later);
        }
        next
    }

    fn with(&self, index: usize, worker: Worker) -> Self {
        let mut next = self.clone();
        next.workers[index] = worker;
        next
    }

    fn work(&self, index: usize, worker: &Worker, catalog: &Catalog, protocol: Protocol, next: &mut Vec<Self>) {
        match worker.clone() {
            Worker::Idle if self.triggers > 0 => {
                let loaded = Worker::Loaded { lead: self.lead.clone(), rev: self.rev };
                next.push(Self { triggers: self.triggers - 1, ..self.with(index, loaded) });
            }
            Worker::Idle => {}
            Worker::Loaded { mut lead, rev } => {
                let decision = ask(catalog, Some(&lead), &Stimulus::Due, self.now());
                let Some(planned) = decision.send.clone() else {
                    let mut done = self.with(index, Worker::Idle);
                    done.commit(rev, decision);
                    next.push(done);
                    return;
                };
                let (touch, attempt) = (planned.touch, planned.attempt);
                let sending = Sending { touch: touch.clone(), attempt, lease_until: self.now() + LEASE };
                lead.sending = Some(sending);
                if protocol == Protocol::SendsBeforeMarking {
                    next.push(self.with(index, Worker::Marked { lead, rev, touch, attempt }));
                } else if rev == self.rev {
                    let marked = Worker::Marked { lead: lead.clone(), rev: rev + 1, touch, attempt };
                    next.push(Self { lead, rev: rev + 1, ..self.with(index, marked) });
                } else {
                    next.push(self.with(index, Worker::Idle));
                }
            }
            Worker::Marked { lead, rev, touch, attempt } => {
                let accepted = SendOutcome::Accepted { message_id: "0102".to_owned() };
                for (outcome, taken) in [
                    (accepted, 1),
                    (SendOutcome::Ambiguous, 1),
                    (SendOutcome::Ambiguous, 0),
                    (SendOutcome::NotYet(DeferReason::Throttled), 0),
                ] {
                    let (lead, touch) = (lead.clone(), touch.clone());
                    let event = if taken == 1 { Some((touch.clone(), attempt)) } else { self.event.clone() };
                    let answered = self.with(index, Worker::Answered { lead, rev, touch, attempt, outcome });
                    next.push(Self { accepted: self.accepted + taken, event, ..answered });
                }
            }
            Worker::Answered { lead, rev, touch, attempt, outcome } => {
                let stimulus = Stimulus::SendEnded { touch, attempt, outcome };
                let mut settled = self.with(index, Worker::Idle);
                if !settled.commit(rev, ask(catalog, Some(&lead), &stimulus, self.now())) {
                    settled.react(catalog, &stimulus);
                }
                next.push(settled);
            }
        }
    }

    /// Left alone until every lease is over, the touch must have come to an end that somebody can see.
    fn comes_to_an_end(&self, catalog: &Catalog) -> bool {
        let later = start() + REST;
        let mut lead = self.lead.clone();
        for _ in 0..4 {
            lead = ask(catalog, Some(&lead), &Stimulus::Due, later).lead.unwrap();
        }
        // Put back by SES, it may still be due: then it is on its way, and not lost.
        let is_due = ask(catalog, Some(&lead), &Stimulus::Due, later).send.is_some();
        let waits = lead.enrolment.is_some_and(|enrolment| enrolment.step.as_str() == "response");
        lead.sending.is_none() && (!waits || is_due)
    }

    fn fingerprint(&self) -> String {
        format!("{self:?}")
    }
}

/// Explores every state. How many there are, or the first in which SES took a touch twice.
fn explore(protocol: Protocol) -> Result<usize, Box<World>> {
    let catalog = testing::catalog();
    let first = World::new(&catalog);
    let mut seen = HashSet::from([first.fingerprint()]);
    let mut queue = VecDeque::from([first]);
    while let Some(world) = queue.pop_front() {
        if world.accepted > 1 {
            return Err(Box::new(world));
        }
        if world.workers.iter().all(|worker| *worker == Worker::Idle) && world.event.is_none() {
            assert!(world.comes_to_an_end(&catalog), "{world:?}");
        }
        for next in world.steps(&catalog, protocol) {
            if seen.insert(next.fingerprint()) {
                queue.push_back(next);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn no_interleaving_hands_a_touch_over_twice_or_leaves_it_without_an_end() {
    let states = explore(Protocol::AsBuilt).unwrap_or_else(|world| panic!("handed over twice: {world:?}"));
    println!("{states} states");
    assert!(states > 500, "{states} states are too few to prove anything");
}

#[test]
fn a_worker_that_sends_before_it_marks_is_found_out() {
    assert!(explore(Protocol::SendsBeforeMarking).is_err());
}
