//! What comes back: unsubscribes, and what SES tells of a mail.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use perennial_core::breaker::{Feedback, day_of};
use perennial_core::condition::SignalKind;
use perennial_core::consent::{ConsentText, Preferences};
use perennial_core::decide::{MailEventKind, ReviewVerdict, Stimulus};
use perennial_core::ids::{Language, LeadId, SenderDomain, TopicName, TouchId};
use perennial_core::lead::LifecycleStage;
use perennial_core::profile::Answers;

use crate::library::{Library, LibraryError};
use crate::ports::{Against, Clock, EngagementRecord, Store, StoreError, Stored};
use crate::react::{Attachments, ReactError, react, react_to};

/// Takes engagement in.
#[derive(Clone)]
pub struct Listener {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force.
    pub library: Arc<Library>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// Whether something was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The lead changed.
    Decided,
    /// It was known already, or decides nothing, or there is no such lead.
    Nothing,
}

/// What SES tells of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReport {
    /// The lead in its tags.
    pub lead: LeadId,
    /// The touch in its tags.
    pub touch: TouchId,
    /// The attempt in its tags.
    pub attempt: u32,
    /// What it may decide.
    pub kind: MailEventKind,
    /// What is kept of it, once per touch: lower-case words, `-` between them. `None`: history says it already.
    pub fact: Option<String>,
    /// What it says against the mail's sender, counted with that.
    pub against: Option<(SenderDomain, Feedback)>,
    /// When it happened.
    pub at: Timestamp,
}

/// Why something was not taken in. It may come again.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It could not be committed.
    #[error(transparent)]
    React(#[from] ReactError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Listener {
    /// Stops all mail to a lead, for good (P4). Doing it again changes nothing.
    pub async fn unsubscribe(&self, lead: &LeadId) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::Unsubscribed).await
    }

    /// Takes in that the person confirms, after reading that text, that they want mail.
    pub async fn opted_in(&self, lead: &LeadId, text: ConsentText) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::OptedIn { text: Some(text) }).await
    }

    /// Takes in what the person wants to get, and the language that they read where they said so.
    pub async fn preferred(
        &self,
        lead: &LeadId,
        preferences: Preferences,
        language: Option<Language>,
    ) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::Preferred { preferences, language }).await
    }

    /// Takes in what the person answers.
    pub async fn answered(&self, lead: &LeadId, answers: Answers) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::Answered { answers }).await
    }

    /// What is stored of a person.
    pub async fn person(&self, lead: &LeadId) -> Result<Option<Stored>, StoreError> {
        self.store.load(lead).await
    }

    /// The suite's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes in what SES tells of a mail: first what it decides, then what is kept of it. Both are the same the second
    /// time, so whatever breaks off in between is made good when the report comes again.
    ///
    /// A report that decides nothing costs a read and at most one plain write. `None`: it is of a mail that no lead of
    /// ours can have had, and nothing is kept.
    pub async fn mail_event(&self, report: &MailReport) -> Result<Option<Heard>, HearError> {
        let MailReport { lead, touch, attempt, kind, fact, against, at } = report;
        let stimulus = Stimulus::MailEvent { touch: touch.clone(), attempt: *attempt, kind: *kind };
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let is_stranger = AtomicBool::new(false);
        let is_erased = AtomicBool::new(false);
        let ask = |stored: Option<&Stored>| {
            let is_known = stored.is_some_and(|stored| touch.ordinal <= stored.lead.enrolments);
            is_stranger.store(!is_known, Ordering::Relaxed);
            let stage = stored.map(|stored| stored.lead.stage);
            is_erased.store(stage == Some(LifecycleStage::Erased), Ordering::Relaxed);
            is_known.then_some(Cow::Borrowed(&stimulus))
        };
        let reaction = react_to(self.store.as_ref(), &catalog, lead, now, ask, |_| Attachments::default()).await?;
        if is_stranger.into_inner() {
            return Ok(None);
        }
        // Of somebody who was erased nothing is kept any more.
        if let Some(kind) = fact.as_ref().filter(|_| !is_erased.into_inner()) {
            let record = EngagementRecord { lead: lead.clone(), touch: touch.clone(), kind: kind.clone(), at: *at };
            match against.clone() {
                Some((sender, feedback)) => {
                    let against = Against { sender, day: day_of(now), feedback };
                    self.store.record_feedback(&record, &against).await?;
                }
                None => drop(self.store.record_engagement(&record).await?),
            }
        }
        Ok(Some(if reaction.is_some() { Heard::Decided } else { Heard::Nothing }))
    }

    /// Takes in a sign of the person.
    pub async fn signalled(
        &self,
        lead: &LeadId,
        kind: SignalKind,
        topic: Option<TopicName>,
    ) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::Signalled { kind, topic }).await
    }

    /// Takes in what a person says of a touch on the review list.
    pub async fn review(&self, lead: &LeadId, touch: TouchId, verdict: ReviewVerdict) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::Reviewed { touch, verdict }).await
    }

    pub(crate) async fn hear(&self, lead: &LeadId, stimulus: &Stimulus) -> Result<Heard, HearError> {
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let reaction = react(self.store.as_ref(), &catalog, lead, stimulus, now, |_| Attachments::default()).await?;
        Ok(if reaction.is_some() { Heard::Decided } else { Heard::Nothing })
    }
}
