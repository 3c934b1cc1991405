//! The sweep: everyone who is due is touched, at most once (TRUST.md §2).
//!
//! **Invariants:** a mail is handed over only by the worker whose mark is in the store; a lead whose
//! worker may still be alive is passed over; what is not finished stays due. The sweep takes no
//! instruction from its trigger, so a lost, late or doubled one changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::lock::Mutex;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use perennial_core::breaker::{Brake, day_of};
use perennial_core::catalog::Catalog;
use perennial_core::decide::{Decision, PlannedTouch, SendOutcome, Stimulus};
use perennial_core::event::DeferReason;
use perennial_core::ids::{LeadId, SenderDomain};
use perennial_core::lead::Sending;
use tracing::{error, warn};

use crate::error_chain::ErrorChain;
use crate::library::{Library, LibraryError};
use crate::mail::{Letterhead, compose};
use crate::ports::{
    Clock, CommitError, DueLead, Mailer, OutboundMail, PULSE_SHARDS, SendingPause, Store, StoreError, Stored,
};
use crate::react::{Attachments, ReactError, commit, decide_on, react};
use crate::sending;

/// How long sending rests after SES said that this account may not, or cannot yet, send.
pub const SENDING_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// How late a pulse may be before driving it counts as a rescue (I12).
pub const RESCUE_GRACE: SignedDuration = SignedDuration::from_mins(15);

/// How many commits one visit makes, at most; a lead with more to do stays due.
const COMMITS_PER_VISIT_MAX: usize = 12;

/// How many leads are visited at once.
const VISITS_AT_ONCE: usize = 16;

/// Touches leads that are due.
#[derive(Clone)]
pub struct Toucher {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// Who hands mail over.
    pub mailer: Arc<dyn Mailer>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
    /// The programs in force.
    pub library: Arc<Library>,
    /// What every mail carries.
    pub letterhead: Letterhead,
    /// How long a worker that has marked a mail may live, with a margin: the function's time-out and more.
    pub lease: SignedDuration,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Leads visited.
    pub visited: u64,
    /// Mails that SES took.
    pub sent: u64,
    /// Visits that failed; those leads stay due.
    pub failed: u64,
    /// Leads that were overdue beyond [`RESCUE_GRACE`].
    pub rescued: u64,
    /// The longest delay met.
    pub lateness_max: SignedDuration,
    /// Whether time ran out before everyone was visited.
    pub is_unfinished: bool,
}

/// What a visit did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visit {
    /// Commits made.
    pub commits: u64,
    /// Mails that SES took.
    pub sent: u64,
}

/// Why a sweep did not happen. Everybody stays due.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The index, or whether sending rests, cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a visit broke off. The lead stays due.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Others kept changing the lead.
    #[error("the lead is in use")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReactError> for VisitError {
    fn from(error: ReactError) -> Self {
        match error {
            ReactError::Store(error) => Self::Store(error),
            // A visit brings no submission and no key.
            ReactError::Contended | ReactError::KnownSubmission | ReactError::KnownKey(_) => Self::Contended,
        }
    }
}

/// What one sweep, or one nudge, goes by from its start to its end.
struct Tour {
    catalog: Arc<Catalog>,
    /// Whether mail goes out, as far as this tour knows.
    may_send: AtomicBool,
    /// The senders that it has met.
    senders: Mutex<BTreeMap<SenderDomain, OnTour>>,
}

/// A sender, as one tour knows it.
struct OnTour {
    /// How much of its mail is held, from the first look to the tour's end.
    brake: Brake,
    /// How many of its mails SES took.
    sent: u64,
}

impl Tour {
    fn new(catalog: Arc<Catalog>, may_send: bool) -> Self {
        Self { catalog, may_send: may_send.into(), senders: Mutex::default() }
    }

    /// Notes that SES took a mail.
    async fn count(&self, mail: &OutboundMail) {
        let Some(sender) = SenderDomain::of_address(&mail.from_address) else { return };
        if let Some(sender) = self.senders.lock().await.get_mut(&sender) {
            sender.sent = sender.sent.saturating_add(1);
        }
    }

    fn may_send(&self) -> bool {
        self.may_send.load(Ordering::Relaxed)
    }

    fn stop_sending(&self) {
        self.may_send.store(false, Ordering::Relaxed);
    }
}

/// What to do after one round of a visit.
enum Next {
    Decide(Box<Stored>),
    Load,
    Rest,
}

impl Toucher {
    /// Visits everyone who is due, until nobody is or `budget` is used up.
    ///
    /// A lead whose visit fails is logged, counted and left due.
    pub async fn sweep(&self, budget: Duration) -> Result<Sweep, SweepError> {
        let end = Instant::now() + budget;
        let tour = Tour::new(self.library.catalog().await?, self.may_send().await?);
        let swept = self.sweep_shards(end, &tour).await;
        self.count_sends(&tour).await;
        Ok(swept?)
    }

    async fn sweep_shards(&self, end: Instant, tour: &Tour) -> Result<Sweep, StoreError> {
        let shards = stream::iter(0..PULSE_SHARDS).map(|shard| self.sweep_shard(shard, end, tour));
        let mut sum = Sweep::default();
        let mut done = shards.buffer_unordered(usize::from(PULSE_SHARDS));
        while let Some(part) = done.next().await {
            sum.add(&part?);
        }
        Ok(sum)
    }

    /// One addition for each sender. One that fails makes a rate look worse than it is, and loses no mail.
    async fn count_sends(&self, tour: &Tour) {
        let today = day_of(self.clock.now());
        for (sender, OnTour { sent, .. }) in tour.senders.lock().await.iter().filter(|(_, it)| it.sent > 0) {
            if let Err(error) = self.store.add_sends(sender, today, *sent).await {
                warn!(sender.domain = %sender, error = ErrorChain(&error).to_string(), "mails were not counted");
            }
        }
    }

    /// Visits one lead now: the nudge for a lead that was just enrolled.
    pub async fn nudge(&self, id: &LeadId) -> Result<Visit, VisitError> {
        let tour = Tour::new(self.library.catalog().await?, self.may_send().await?);
        let visited = self.visit(id, &tour).await;
        self.count_sends(&tour).await;
        visited
    }

    async fn may_send(&self) -> Result<bool, StoreError> {
        let pause = self.store.sending_pause().await?;
        Ok(pause.is_none_or(|pause| pause.until <= self.clock.now()))
    }

    async fn sweep_shard(&self, shard: u8, end: Instant, tour: &Tour) -> Result<Sweep, StoreError> {
        let mut sum = Sweep::default();
        let mut cursor = None;
        loop {
            let now = self.clock.now();
            let page = self.store.due(shard, now, cursor).await?;
            let visits = stream::iter(page.leads).map(|due| self.visit_due(due, now, end, tour));
            // A shard's share of the visits at once.
            let mut visits = visits.buffer_unordered(VISITS_AT_ONCE.div_ceil(usize::from(PULSE_SHARDS)).max(2));
            while let Some(part) = visits.next().await {
                sum.add(&part);
            }
            cursor = page.next;
            if cursor.is_none() || sum.is_unfinished {
                return Ok(sum);
            }
        }
    }

    async fn visit_due(&self, due: DueLead, now: Timestamp, end: Instant, tour: &Tour) -> Sweep {
        if Instant::now() >= end {
            return Sweep { is_unfinished: true, ..Sweep::default() };
        }
        let lateness = now.duration_since(due.pulse).max(SignedDuration::ZERO);
        let mut sum = Sweep { visited: 1, lateness_max: lateness, ..Sweep::default() };
        match self.visit(&due.id, tour).await {
            Ok(visit) => {
                sum.sent = visit.sent;
                sum.rescued = u64::from(lateness > RESCUE_GRACE && visit.commits > 0);
            }
            Err(error) => {
                sum.failed = 1;
                error!(lead.id = %due.id, error = ErrorChain(&error).to_string(), "visit failed; the lead stays due");
            }
        }
        sum
    }

    async fn visit(&self, id: &LeadId, tour: &Tour) -> Result<Visit, VisitError> {
        let mut visit = Visit::default();
        let mut loaded: Option<Box<Stored>> = None;
        for _ in 0..COMMITS_PER_VISIT_MAX {
            let stored = match loaded.take() {
                Some(stored) => stored,
                None => match self.store.load(id).await? {
                    Some(stored) => Box::new(stored),
                    None => return Ok(visit),
                },
            };
            // On the heap: a lead before and after makes this future large, and with it all that wait for it.
            match Box::pin(self.round(stored, tour, &mut visit)).await? {
                Next::Decide(stored) => loaded = Some(stored),
                Next::Load => {}
                Next::Rest => break,
            }
        }
        Ok(visit)
    }

    async fn round(&self, stored: Box<Stored>, tour: &Tour, visit: &mut Visit) -> Result<Next, VisitError> {
        let now = self.clock.now();
        let stimulus = self.due(&stored, now).await?;
        let decision = decide_on(self.store.as_ref(), Some(&stored), &tour.catalog, &stimulus, now).await?;
        match &decision.send {
            Some(planned) if tour.may_send() => {
                let planned = planned.clone();
                self.hand_over(stored, &planned, tour, visit).await
            }
            Some(_) => Ok(Next::Rest),
            None if decision.events.is_empty() => Ok(Next::Rest),
            None => self.commit(&stored, decision, &stimulus, now, visit).await,
        }
    }

    /// What a lead that is due is told: that the clock moved, and who followed the links of a mail that has waited.
    async fn due(&self, stored: &Stored, now: Timestamp) -> Result<Stimulus, StoreError> {
        let lead = &stored.lead;
        let is_busy = lead.sending.as_ref().is_some_and(|sending| sending.lease_until > now);
        match lead.to_judge(now).filter(|_| !is_busy) {
            Some(touch) => {
                let hits = self.store.hits(&lead.id, touch).await?;
                Ok(Stimulus::HitsGathered { touch: touch.clone(), hits })
            }
            None => Ok(Stimulus::Due),
        }
    }

    async fn commit(
        &self,
        before: &Stored,
        decision: Decision,
        stimulus: &Stimulus,
        now: Timestamp,
        visit: &mut Visit,
    ) -> Result<Next, VisitError> {
        let wake_at = decision.wake_at;
        let attachments = Attachments::default();
        match Box::pin(commit(self.store.as_ref(), Some(before), decision, stimulus, now, attachments)).await {
            Ok(stored) => {
                visit.commits += 1;
                let is_due = wake_at.is_some_and(|at| at <= now);
                Ok(if is_due { Next::Decide(Box::new(stored)) } else { Next::Rest })
            }
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Conflict | CommitError::KnownSubmission | CommitError::KnownKey(_)) => Ok(Next::Load),
        }
    }

    /// Render, mark, hand over, settle. In this order: a template that fails has marked nothing, and
    /// nothing leaves without a mark.
    async fn hand_over(
        &self,
        mut stored: Box<Stored>,
        planned: &PlannedTouch,
        tour: &Tour,
        visit: &mut Visit,
    ) -> Result<Next, VisitError> {
        let now = self.clock.now();
        let mail = match compose(&self.letterhead, &tour.catalog, &stored.lead, &stored.profile, planned, now) {
            Ok(mail) => mail,
            Err(error) => {
                error!(lead.id = %stored.lead.id, touch.id = %planned.touch, error = ErrorChain(&error).to_string(), "touch cannot be written");
                let stimulus = Stimulus::Unwritable { touch: planned.touch.clone() };
                let decision = decide_on(self.store.as_ref(), Some(&stored), &tour.catalog, &stimulus, now).await?;
                return self.commit(&stored, decision, &stimulus, now, visit).await;
            }
        };
        if self.is_held(&mail, planned, tour, now).await? {
            let until = now + tour.catalog.breaker.look_again;
            let stimulus = Stimulus::Held { touch: planned.touch.clone(), until };
            let decision = decide_on(self.store.as_ref(), Some(&stored), &tour.catalog, &stimulus, now).await?;
            return self.commit(&stored, decision, &stimulus, now, visit).await;
        }
        let sending = Sending { touch: planned.touch.clone(), attempt: planned.attempt, lease_until: now + self.lease };
        match self.store.mark_sending(&stored.lead.id, stored.rev, &sending).await {
            Ok(rev) => stored.rev = rev,
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Conflict | CommitError::KnownSubmission | CommitError::KnownKey(_)) => {
                return Ok(Next::Load);
            }
        }
        stored.lead.sending = Some(sending);

        let report = self.mailer.send(&mail).await;
        if let Some(cause) = &report.cause {
            warn!(lead.id = %stored.lead.id, touch.id = %planned.touch, touch.attempt = planned.attempt,
                outcome = ?report.outcome, error = ErrorChain(cause.as_ref()).to_string(), "touch was not plainly accepted");
        }
        let pause = (report.outcome == SendOutcome::NotYet(DeferReason::SendingPaused)).then(|| {
            tour.stop_sending();
            report.cause.as_ref().map(|cause| ErrorChain(cause.as_ref()).to_string()).unwrap_or_default()
        });
        if matches!(report.outcome, SendOutcome::Accepted { .. }) {
            visit.sent += 1;
            tour.count(&mail).await;
        }
        let stimulus =
            Stimulus::SendEnded { touch: planned.touch.clone(), attempt: planned.attempt, outcome: report.outcome };
        // First what became of this mail: a pause that cannot be saved must not leave it in doubt.
        let next = self.settle(&stored, &stimulus, tour, visit).await?;
        if let Some(reason) = pause {
            self.pause(reason).await?;
        }
        Ok(next)
    }

    /// Whether the mail's sender is held back, as far as this program goes. Looked up once in a tour, and only where a
    /// mail is to go out.
    async fn is_held(
        &self,
        mail: &OutboundMail,
        planned: &PlannedTouch,
        tour: &Tour,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(sender) = SenderDomain::of_address(&mail.from_address) else { return Ok(false) };
        let policy = &tour.catalog.breaker;
        let mut senders = tour.senders.lock().await;
        let brake = if let Some(met) = senders.get(&sender) {
            met.brake
        } else {
            let brake = sending::look(self.store.as_ref(), &sender, policy, now).await?;
            senders.insert(sender, OnTour { brake, sent: 0 });
            brake
        };
        // What is of no program is asked of the person, and of the highest priority.
        let program = tour.catalog.program_of(&planned.mail.program, &planned.mail.version);
        Ok(policy.holds(brake, program.map_or(u8::MAX, |program| program.priority)))
    }

    /// Commits how a hand-over ended. Others may have changed the lead meanwhile; the outcome holds all the same.
    async fn settle(
        &self,
        stored: &Stored,
        stimulus: &Stimulus,
        tour: &Tour,
        visit: &mut Visit,
    ) -> Result<Next, VisitError> {
        let now = self.clock.now();
        let decision = decide_on(self.store.as_ref(), Some(stored), &tour.catalog, stimulus, now).await?;
        match self.commit(stored, decision, stimulus, now, visit).await? {
            Next::Load => {
                let settled = react(self.store.as_ref(), &tour.catalog, &stored.lead.id, stimulus, now, |_| {
                    Attachments::default()
                });
                visit.commits += u64::from(settled.await?.is_some());
                Ok(Next::Load)
            }
            next @ (Next::Decide(_) | Next::Rest) => Ok(next),
        }
    }

    async fn pause(&self, reason: String) -> Result<(), StoreError> {
        let until = self.clock.now() + SENDING_PAUSE;
        error!(pause.until = %until, error = reason, "sending is paused for everybody");
        self.store.pause_sending(&SendingPause { until, reason }).await
    }
}

impl Sweep {
    fn add(&mut self, other: &Self) {
        self.visited += other.visited;
        self.sent += other.sent;
        self.failed += other.failed;
        self.rescued += other.rescued;
        self.lateness_max = self.lateness_max.max(other.lateness_max);
        self.is_unfinished |= other.is_unfinished;
    }
}
