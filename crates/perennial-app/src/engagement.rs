//! What comes back: unsubscribes, and what SES tells of a mail.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use perennial_core::condition::SignalKind;
use perennial_core::consent::ConsentText;
use perennial_core::decide::{MailEventKind, ReviewVerdict, Stimulus};
use perennial_core::ids::{LeadId, TopicName, TouchId};

use crate::library::{Library, LibraryError};
use crate::ports::{Clock, EngagementRecord, Store, StoreError, Stored};
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

    /// Takes in what SES tells of a mail: first what it decides, then what is kept of it. Both are the same the second
    /// time, so whatever breaks off in between is made good when the report comes again.
    ///
    /// A report that decides nothing costs a read and at most one plain write. `None`: it is of a mail that no lead of
    /// ours can have had, and nothing is kept.
    pub async fn mail_event(&self, report: &MailReport) -> Result<Option<Heard>, HearError> {
        let MailReport { lead, touch, attempt, kind, fact, at } = report;
        let stimulus = Stimulus::MailEvent { touch: touch.clone(), attempt: *attempt, kind: *kind };
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let is_stranger = AtomicBool::new(false);
        let ask = |stored: Option<&Stored>| {
            let is_known = stored.is_some_and(|stored| touch.ordinal <= stored.lead.enrolments);
            is_stranger.store(!is_known, Ordering::Relaxed);
            is_known.then_some(Cow::Borrowed(&stimulus))
        };
        let reaction = react_to(self.store.as_ref(), &catalog, lead, now, ask, |_| Attachments::default()).await?;
        if is_stranger.into_inner() {
            return Ok(None);
        }
        if let Some(kind) = fact {
            let record = EngagementRecord { lead: lead.clone(), touch: touch.clone(), kind: kind.clone(), at: *at };
            self.store.record_engagement(&record).await?;
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

    async fn hear(&self, lead: &LeadId, stimulus: &Stimulus) -> Result<Heard, HearError> {
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let reaction = react(self.store.as_ref(), &catalog, lead, stimulus, now, |_| Attachments::default()).await?;
        Ok(if reaction.is_some() { Heard::Decided } else { Heard::Nothing })
    }
}
