//! Sales is told, by mail: of what a lead does, of deadlines, of what is to be done.
//!
//! **Invariants:** whatever is to be told is told once, by the id of the event that says so, however often that
//! comes (F12); only where nobody can know whether a mail went out is it sent again. What a mail says is what is so when
//! it is written, and it goes to whoever answers for the lead then (H42). Nobody is told of a person who was erased. Mails to sales are no touches: they count against no cap and
//! follow nobody.

mod digest;
mod fresh;
mod letter;
mod page;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::{Catalog, Sender};
use perennial_core::decide::SendOutcome;
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, TouchId};
use perennial_core::inbound::FORWARDED_HEADER;
use perennial_core::lead::{Lead, Ownership, StageKind, Task};
use perennial_core::sales::{Audience, Delivery, Trigger};
use serde::{Deserialize, Serialize};

use crate::desk::{DeskRef, Seat};
use crate::dossier::Dossier;
use crate::effects::{Effect, Turn};
use crate::library::{Library, LibraryError};
use crate::mail::Letterhead;
use crate::news::{News, NewsBook};
use crate::ports::{Cause, Clock, DeskOwner, HistoryRow, Notice, Notifier, Store, StoreError, Stored};
use crate::publish::EventId;
use crate::telling::Reading;
use letter::Letter;

pub use digest::{DaysDone, Digests};

/// Tells sales.
#[derive(Clone)]
pub struct Herald {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// Where that is kept which comes with the digests.
    pub book: Arc<dyn NewsBook>,
    /// Who had their digest today, as far as this worker knows.
    pub days_done: Arc<DaysDone>,
    /// The programs in force, and who sells.
    pub library: Arc<Library>,
    /// Who hands the mails over.
    pub notifier: Arc<dyn Notifier>,
    /// Where the leads' pages are.
    pub letterhead: Letterhead,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
    /// The world's time, which links live by.
    pub wall_clock: Arc<dyn Clock>,
    /// How long a worker that has claimed a mail may live: the function's time-out and more.
    pub lease: SignedDuration,
}

/// An alert, as the bus tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Raised {
    /// The id of the event: of whom, and where it stands in their history.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Of what.
    pub trigger: Trigger,
    /// Who is told.
    pub audience: Audience,
    /// Who owned the lead then.
    pub owner: Ownership,
    /// How.
    pub delivery: Delivery,
    /// The touch that it is about, where there is one.
    #[serde(default)]
    pub touch: Option<TouchId>,
}

/// A task, as the bus tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskMade {
    /// The id of the event: of whom, and where it stands in their history.
    pub id: EventId,
    /// The touch that it stands for.
    pub touch: TouchId,
}

/// What came of something that was to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// A mail went out.
    Sent,
    /// It had gone out before.
    Known,
    /// It is told with the next digest.
    WithDigest,
    /// It is told by something else: the alert of the same moment or of the next owner, the reply that is forwarded.
    Elsewhere,
    /// The lead is not there any more, or the task.
    Gone,
}

/// Why somebody was not told. It must be tried again.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// Another worker is at it, or one that died a moment ago was.
    #[error("another worker is telling this")]
    Busy,
    /// SES did not plainly take it.
    #[error("the mail to sales was not taken ({0:?})")]
    NotTaken(SendOutcome, #[source] Option<Cause>),
    /// There are no programs that say who is told.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody of sales who is told.
pub(crate) struct Addressee<'a> {
    /// As whom they act on the page of a lead.
    pub(crate) seat: Seat,
    /// Their name and address.
    pub(crate) sender: &'a Sender,
    /// How they read times.
    pub(crate) reading: Reading,
}

impl<'a> Addressee<'a> {
    pub(crate) fn of(catalog: &'a Catalog, owner: &Ownership, now: Timestamp) -> Self {
        let hours = catalog.hours_of(owner);
        let seat = match owner {
            Ownership::Queue { queue } => Seat::Queue(queue.clone()),
            Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                Seat::Rep(rep.clone())
            }
        };
        Self { seat, sender: catalog.owner_sender(Some(owner)), reading: Reading { zone: hours.time_zone(), now } }
    }
}

/// Whom an alert is for when it is written: the manager of whoever it names, where it is for one and there is one; else
/// whoever answers for the lead by then.
pub(crate) fn recipient(catalog: &Catalog, lead: &Lead, audience: Audience, named: &Ownership) -> Ownership {
    let manager = match audience {
        Audience::Owner => None,
        Audience::Manager => named.rep().and_then(|rep| catalog.roster.manager(rep)).cloned(),
    };
    manager.map_or_else(|| owner_now(catalog, lead), |rep| Ownership::Assigned { rep })
}

/// Whether an alert says nothing but whose a lead is, and that is somebody else by now: they have an alert of their own.
fn is_overtaken(raised: &Raised, lead: &Lead) -> bool {
    let is_of_owner = match raised.trigger {
        Trigger::Resubmitted | Trigger::Reassigned => raised.audience == Audience::Owner,
        Trigger::Qualified
        | Trigger::Requalified
        | Trigger::HandRaised
        | Trigger::Replied
        | Trigger::PricingVisited
        | Trigger::MeetingBooked
        | Trigger::Answered
        | Trigger::Moment
        | Trigger::FirstAttemptDue
        | Trigger::FirstAttemptMissed
        | Trigger::NotDecided
        | Trigger::Idle
        | Trigger::IdleLong
        | Trigger::TaskOverdue
        | Trigger::Expired
        | Trigger::Unreachable => false,
    };
    is_of_owner && lead.owner.as_ref().is_some_and(|owner| !owner.is_same_owner(&raised.owner))
}

/// Who answers for a lead: its owner, or the queue of last resort until the lead knows that they have left.
pub(crate) fn owner_now(catalog: &Catalog, lead: &Lead) -> Ownership {
    let last = || Ownership::Queue { queue: catalog.default_queue.clone() };
    lead.owner.as_ref().filter(|owner| is_there(catalog, owner)).cloned().unwrap_or_else(last)
}

fn is_there(catalog: &Catalog, owner: &Ownership) -> bool {
    match owner {
        Ownership::Queue { queue } => catalog.queues.contains_key(queue),
        Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
            catalog.roster.owns(rep)
        }
    }
}

impl Herald {
    /// Tells of an alert, or keeps it for the digest.
    pub async fn tell(&self, raised: &Raised) -> Result<Told, TellError> {
        let id = raised.id.to_string();
        let Some(effect) = self.claim(&id).await? else { return Ok(Told::Known) };
        let told = match raised.delivery {
            Delivery::Now => self.tell_now(raised, &id).await,
            Delivery::Digest => self.keep(raised).await,
        };
        self.settle(effect, told).await
    }

    async fn tell_now(&self, raised: &Raised, effect: &str) -> Result<Told, TellError> {
        let catalog = self.library.catalog().await?;
        let Some((stored, history)) = self.read(&raised.id.lead).await? else { return Ok(Told::Gone) };
        if is_overtaken(raised, &stored.lead) {
            return Ok(Told::Elsewhere);
        }
        let to = recipient(&catalog, &stored.lead, raised.audience, &raised.owner);
        let row = history.iter().find(|row| row.seq == raised.id.seq);
        self.write(&catalog, &stored, &history, &to, effect, |letter| letter.alert(raised, row)).await
    }

    async fn keep(&self, raised: &Raised) -> Result<Told, TellError> {
        let catalog = self.library.catalog().await?;
        let Some(stored) = self.living(&raised.id.lead).await? else { return Ok(Told::Gone) };
        if is_overtaken(raised, &stored.lead) {
            return Ok(Told::Elsewhere);
        }
        let to = recipient(&catalog, &stored.lead, raised.audience, &raised.owner);
        let is_own = stored.lead.owner.as_ref().is_some_and(|owner| owner.is_same_owner(&to));
        // Whoever has a task that is overdue finds it in the digest's own list.
        if raised.trigger != Trigger::TaskOverdue || !is_own {
            let Raised { id, at, trigger, audience, owner, touch, .. } = raised.clone();
            let reader = DeskOwner::of(&to);
            self.book.keep_news(&News { reader, event: id, at, trigger, audience, owner, touch }).await?;
        }
        Ok(Told::WithDigest)
    }

    /// Tells a rep of a task that is to be done today, if nothing else tells of it. What is due later comes with the
    /// digest of its day.
    pub async fn tell_of_task(&self, made: &TaskMade) -> Result<Told, TellError> {
        let catalog = self.library.catalog().await?;
        let Some((stored, history)) = self.read(&made.id.lead).await? else { return Ok(Told::Gone) };
        let Some(task) = stored.lead.task.clone().filter(|task| task.touch == made.touch) else {
            return Ok(Told::Gone);
        };
        let row = history.iter().find(|row| row.seq == made.id.seq);
        let to = owner_now(&catalog, &stored.lead);
        if row.is_some_and(tells_by_itself) {
            return Ok(Told::Elsewhere);
        }
        if !self.is_for_now(&catalog, &to, &task) {
            return Ok(Told::WithDigest);
        }
        let id = made.id.to_string();
        let Some(effect) = self.claim(&id).await? else { return Ok(Told::Known) };
        let told = self.write(&catalog, &stored, &history, &to, &id, |letter| letter.task(&task)).await;
        self.settle(effect, told).await
    }

    /// Whether somebody must hear of a task before their next digest. A queue's people read theirs: a list that comes in
    /// must not become as many mails.
    fn is_for_now(&self, catalog: &Catalog, to: &Ownership, task: &Task) -> bool {
        let reader = Addressee::of(catalog, to, self.clock.now());
        to.rep().is_some() && reader.reading.is_by_today(task.due_at)
    }

    /// Claims what an event calls for; `None` where it is done.
    async fn claim<'a>(&'a self, id: &'a str) -> Result<Option<Effect<'a>>, TellError> {
        match Effect::claim(self.store.as_ref(), id, self.clock.as_ref(), self.lease).await? {
            Turn::Ours(effect) => Ok(Some(effect)),
            Turn::Taken => Err(TellError::Busy),
            Turn::Done => Ok(None),
        }
    }

    /// What came of what was claimed: it is done for good, or free for whoever tries next. Where nobody knows whether SES
    /// took it, the claim ends with its time.
    async fn settle<T: Send>(&self, effect: Effect<'_>, told: Result<T, TellError>) -> Result<T, TellError> {
        match &told {
            Ok(_) => effect.finish(self.clock.now()).await,
            Err(TellError::NotTaken(SendOutcome::Ambiguous, _)) => {}
            Err(_) => effect.release().await,
        }
        told
    }

    /// A lead of whom sales may be told.
    async fn living(&self, lead: &LeadId) -> Result<Option<Stored>, TellError> {
        Ok(self.store.load(lead).await?.filter(is_living))
    }

    /// The same, with its history.
    async fn read(&self, lead: &LeadId) -> Result<Option<(Stored, Vec<HistoryRow>)>, TellError> {
        let Some(stored) = self.living(lead).await? else { return Ok(None) };
        let history = self.store.history(lead).await?;
        Ok(Some((stored, history)))
    }

    /// Writes a mail about one lead, and hands it over.
    async fn write(
        &self,
        catalog: &Catalog,
        stored: &Stored,
        history: &[HistoryRow],
        to: &Ownership,
        effect: &str,
        compose: impl FnOnce(&Letter<'_>) -> perennial_core::content::Rendered + Send,
    ) -> Result<Told, TellError> {
        let now = self.clock.now();
        let to = Addressee::of(catalog, to, now);
        let dossier = Dossier::of(&self.letterhead, catalog, stored, history, now);
        let page = self.page(&stored.lead.id, &to.seat);
        let rendered = compose(&Letter { catalog, lead: &stored.lead, dossier: &dossier, to: &to, page: &page });
        self.send(&notice(catalog, &to, rendered, effect, now)).await?;
        Ok(Told::Sent)
    }

    /// The link to a lead's page, for somebody.
    fn page(&self, lead: &LeadId, seat: &Seat) -> String {
        let made_at = self.wall_clock.now();
        DeskRef { lead: lead.clone(), seat: seat.clone(), made_at }.link(&self.letterhead)
    }

    /// Hands a mail over that was claimed.
    async fn send(&self, notice: &Notice) -> Result<(), TellError> {
        let report = self.notifier.notify(notice).await;
        match report.outcome {
            SendOutcome::Accepted { .. } => Ok(()),
            outcome @ (SendOutcome::Refused(_) | SendOutcome::NotYet(_) | SendOutcome::Ambiguous) => {
                Err(TellError::NotTaken(outcome, report.cause))
            }
        }
    }
}

/// Whether a lead is one of whom sales may be told.
fn is_living(stored: &Stored) -> bool {
    stored.lead.stage.kind() != StageKind::Terminal
}

/// Whether what happened with a task tells its owner of it: an alert at once, the forwarded reply, or that they set it
/// themselves.
fn tells_by_itself(row: &HistoryRow) -> bool {
    row.entries.iter().any(|entry| {
        matches!(
            entry,
            Event::Alerted { audience: Audience::Owner, delivery: Delivery::Now, .. }
                | Event::ReplyReceived { .. }
                | Event::Disposed { .. }
        )
    })
}

fn notice(
    catalog: &Catalog,
    to: &Addressee<'_>,
    rendered: perennial_core::content::Rendered,
    effect: &str,
    now: Timestamp,
) -> Notice {
    let team = &catalog.organisation.team;
    Notice {
        from_name: team.name.clone(),
        from_address: team.address.clone(),
        to: to.sender.address.clone(),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        headers: vec![
            // Whoever gets it may be away: their machine must not answer ours.
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            // If it comes back to us, it is ours.
            (FORWARDED_HEADER, "1".to_owned()),
        ],
        date: now,
        effect: effect.to_owned(),
    }
}
