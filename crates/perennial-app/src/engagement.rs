//! What comes back: unsubscribes, and what SES tells of a mail.

use std::sync::Arc;

use perennial_core::condition::SignalKind;
use perennial_core::consent::ConsentText;
use perennial_core::decide::{MailEventKind, ReviewVerdict, Stimulus};
use perennial_core::ids::{LeadId, TopicName, TouchId};

use crate::library::{Library, LibraryError};
use crate::ports::{Clock, EngagementRecord, Store, StoreError};
use crate::react::{Attachments, ReactError, react};

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
    /// It was known already, or there is no such lead.
    Nothing,
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

    /// Takes in what SES tells of a mail.
    pub async fn mail_event(
        &self,
        lead: &LeadId,
        touch: TouchId,
        attempt: u32,
        kind: MailEventKind,
    ) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::MailEvent { touch, attempt, kind }).await
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

    /// Keeps a fact that decides nothing, once.
    pub async fn note(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        self.store.record_engagement(record).await
    }

    async fn hear(&self, lead: &LeadId, stimulus: &Stimulus) -> Result<Heard, HearError> {
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let reaction = react(self.store.as_ref(), &catalog, lead, stimulus, now, |_| Attachments::default()).await?;
        Ok(if reaction.is_some() { Heard::Decided } else { Heard::Nothing })
    }
}
