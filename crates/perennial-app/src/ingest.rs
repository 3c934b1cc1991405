//! The door: a submission becomes a lead, or engagement of one.
//!
//! **Invariant (P3):** [`Door::receive`] answers `Ok` only after a durable write, or because an earlier
//! call with the same identity had one.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_core::contact::EmailAddress;
use perennial_core::decide::{Decision, Stimulus};
use perennial_core::event::Event;
use perennial_core::ids::{FormName, LeadId, Pepper};
use perennial_core::submission::{Flag, Submission};

use crate::library::{Library, LibraryError};
use crate::ports::{Clock, IdempotencyRecord, Store, StoreError, SubmissionOutcome, SubmissionRow};
use crate::react::{Attachments, ReactError, react};

/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Takes submissions in.
#[derive(Clone)]
pub struct Door {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force.
    pub library: Arc<Library>,
    /// What ids are derived with.
    pub pepper: Pepper,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// An `Idempotency-Key` with the body it came with, both hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    body: String,
}

impl IdempotencyKey {
    /// Hashes a key, as good for one form, and the body it came with.
    pub fn new(pepper: &Pepper, form: &FormName, key: &str, body: &[u8]) -> Self {
        Self {
            key: pepper.digest(&[b"idempotency:", form.as_str().as_bytes(), b":", key.as_bytes()]),
            body: pepper.digest(&[b"body:", body]),
        }
    }

    /// What tells a submission under this key from every other, also when the key is used anew after its time.
    pub fn identity(&self) -> String {
        format!("key:{}:{}", self.key, self.body)
    }

    fn matches(&self, record: &IdempotencyRecord) -> bool {
        record.body == self.body
    }
}

/// What a submission did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It was taken in just now.
    Taken(SubmissionOutcome),
    /// It had been taken in before; nothing changed.
    Known,
    /// A list brings somebody who was erased: nothing of it is kept. Only the person can begin anew.
    Erased,
}

/// Why a submission was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It has neither an address nor a phone number.
    #[error("the submission names nobody")]
    NoIdentity,
    /// The idempotency key came with another body before.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// Too many submissions of the same lead at once.
    #[error("the lead is in use")]
    Contended,
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed: nothing is half-written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Door {
    /// Takes one submission in, once.
    pub async fn receive(
        &self,
        mut submission: Submission,
        key: Option<&IdempotencyKey>,
    ) -> Result<Receipt, ReceiveError> {
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        if let Some(key) = key
            && let Some(record) = self.store.idempotency(&key.key).await?
            && record.expires_at > now
        {
            return known_key(key, &record);
        }
        let id = submission.lead_id(&self.pepper).ok_or(ReceiveError::NoIdentity)?;
        if self.has_twin(&id, submission.email.as_ref()).await? {
            submission.flags.push(Flag::PossibleDuplicate);
        }
        let stimulus = Stimulus::Submitted { lead: id.clone(), submission: Box::new(submission.clone()) };
        let attach = |decision: &Decision| Attachments {
            submission: Some(SubmissionRow { submission: submission.clone(), outcome: outcome(&decision.events) }),
            idempotency: key.map(|key| record(key, now)),
        };
        match react(self.store.as_ref(), &catalog, &id, &stimulus, now, attach).await {
            Ok(Some(reaction)) => Ok(Receipt::Taken(outcome(&reaction.events))),
            // Of all submissions, only such a row decides nothing.
            Ok(None) => Ok(Receipt::Erased),
            Err(ReactError::KnownSubmission) => Ok(Receipt::Known),
            Err(ReactError::KnownKey(record)) => key.map_or(Ok(Receipt::Known), |key| known_key(key, &record)),
            Err(ReactError::Contended) => Err(ReceiveError::Contended),
            Err(ReactError::Store(error)) => Err(error.into()),
        }
    }

    /// Whether the same mailbox seems to be known under its plain spelling (H11).
    async fn has_twin(&self, id: &LeadId, email: Option<&EmailAddress>) -> Result<bool, StoreError> {
        let twin = email
            .and_then(|email| EmailAddress::parse(&email.mailbox_hint()).ok())
            .map(|plain| LeadId::of_email(&self.pepper, &plain));
        match twin {
            Some(twin) if twin != *id => Ok(self.store.load(&twin).await?.is_some()),
            Some(_) | None => Ok(false),
        }
    }
}

fn outcome(events: &[Event]) -> SubmissionOutcome {
    let is_new = events.iter().any(|event| matches!(event, Event::Received { .. }));
    let is_junk = events.iter().any(|event| matches!(event, Event::Quarantined { .. }));
    match (is_new, is_junk) {
        (true, true) => SubmissionOutcome::Quarantined,
        (true, false) => SubmissionOutcome::Received,
        (false, _) => SubmissionOutcome::Merged,
    }
}

fn record(key: &IdempotencyKey, now: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord { key: key.key.clone(), body: key.body.clone(), expires_at: now + IDEMPOTENCY_PERIOD }
}

fn known_key(key: &IdempotencyKey, record: &IdempotencyRecord) -> Result<Receipt, ReceiveError> {
    if key.matches(record) { Ok(Receipt::Known) } else { Err(ReceiveError::KeyReused) }
}
