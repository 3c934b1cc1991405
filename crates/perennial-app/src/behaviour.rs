//! Behaviour from elsewhere: what a customer's own server or site tells of a lead.
//!
//! **Invariants:** it never makes a lead, and what is told twice counts once: the key that tells it from others is
//! committed with what it does. A visit lets nobody out of quarantine; robots visit, too.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::{Catalog, Form};
use perennial_core::condition::SignalKind;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::Stimulus;
use perennial_core::ids::{FieldName, FormName, LeadId, Pepper, SubmissionId, TopicName};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::{LifecycleStage, StageKind};
use perennial_core::submission::{Channel, Entry, Permission, Submission};

use crate::engagement::HearError;
use crate::ports::{Clock, IdempotencyRecord, Store, Stored, SubmissionOutcome, SubmissionRow};
use crate::react::{Attachments, ReactError, react_to};

/// How long an event's id is remembered.
pub const EVENT_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What history calls the door that these come by.
const ELSEWHERE: &str = "elsewhere";

/// The field that holds what somebody does.
const JOB_TITLE: &str = "job_title";

/// Takes in what is told.
#[derive(Clone)]
pub struct Observer {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force.
    pub library: Arc<crate::library::Library>,
    /// What ids are derived with.
    pub pepper: Pepper,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq)]
pub enum Happening {
    /// The person gave a sign.
    Sign {
        /// Which.
        kind: SignalKind,
        /// What it was about.
        topic: Option<TopicName>,
    },
    /// The person does something else now. Personal.
    TitleChanged(String),
}

/// Something that is told of a lead. It has no `Debug`: a title is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// Who tells, and under which id: the same twice is the same event.
    pub id: String,
    /// The lead.
    pub lead: LeadId,
    /// What happened.
    pub happening: Happening,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The lead changed.
    Decided,
    /// It was told before, or changes nothing.
    Nothing,
    /// There is no such lead.
    UnknownLead,
    /// The id came with something else before.
    IdReused,
}

impl Observer {
    /// The lead who owns an address.
    pub fn lead_of(&self, email: &EmailAddress) -> LeadId {
        LeadId::of_email(&self.pepper, email)
    }

    /// Takes one thing in, once.
    pub async fn take_in(&self, told: &Told) -> Result<Taken, HearError> {
        match &told.happening {
            Happening::Sign { kind, topic } => self.sign(told, *kind, topic.clone()).await,
            Happening::TitleChanged(title) => match self.title(told, title).await? {
                Taken::UnknownLead => Ok(Taken::UnknownLead),
                Taken::IdReused => Ok(Taken::IdReused),
                // Also after a retry: the two are two commits, each made once.
                first @ (Taken::Decided | Taken::Nothing) => {
                    let sign = Told { id: format!("{}:sign", told.id), ..told.clone() };
                    let second = self.sign(&sign, SignalKind::Answered, None).await?;
                    Ok(if first == Taken::Decided { first } else { second })
                }
            },
        }
    }

    async fn sign(&self, told: &Told, kind: SignalKind, topic: Option<TopicName>) -> Result<Taken, HearError> {
        let stimulus = Stimulus::Signalled { kind, topic };
        self.once(told, |stored| may_give(stored, kind).then_some((Cow::Borrowed(&stimulus), None))).await
    }

    async fn title(&self, told: &Told, title: &str) -> Result<Taken, HearError> {
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        self.once(told, |stored| {
            // It lets nobody out of quarantine, as the sign that follows does not.
            if !may_give(stored, SignalKind::Answered) {
                return None;
            }
            let submission = self.submission(&catalog, told, stored, title, now)?;
            let stimulus = Stimulus::Submitted { lead: told.lead.clone(), submission: Box::new(submission.clone()) };
            Some((Cow::Owned(stimulus), Some(submission)))
        })
        .await
    }

    /// The title as an answer; `None` where the catalog has no place for it, or the field does not take it.
    fn submission(
        &self,
        catalog: &Catalog,
        told: &Told,
        stored: &Stored,
        title: &str,
        now: Timestamp,
    ) -> Option<Submission> {
        let field = FieldName::parse(JOB_TITLE).ok().filter(|field| catalog.fields.contains_key(field))?;
        let name = FormName::parse(ELSEWHERE).ok()?;
        let form = Form::unposted(catalog.last_resort.clone(), vec![field]);
        let email = stored.profile.email.clone().map(|email| ("email".to_owned(), String::from(email)));
        let phone = stored.profile.phone.clone().map(|phone| ("phone".to_owned(), String::from(phone)));
        let title = (JOB_TITLE.to_owned(), title.to_owned());
        let raw = RawSubmission {
            id: SubmissionId::derive(&self.pepper, &name, &told.id),
            channel: Channel::Import,
            received_at: now,
            entry: Entry::Welcome,
            mail: Permission::Allowed,
            calls: Permission::Allowed,
            junk: Vec::new(),
            pairs: email.into_iter().chain(phone).chain([title]).collect(),
        };
        intake::read(raw, &catalog.fields, &name, &form).ok()
    }

    /// Decides on what a known lead calls for, unless this was told before.
    async fn once<'s, F>(&self, told: &Told, asked: F) -> Result<Taken, HearError>
    where
        F: Fn(&Stored) -> Option<(Cow<'s, Stimulus>, Option<Submission>)> + Send + Sync,
    {
        let record = self.record(told);
        let now = self.clock.now();
        let store = self.store.as_ref();
        let known = store.idempotency(&record.key).await.map_err(ReactError::from)?;
        if let Some(known) = known.filter(|known| known.expires_at > now) {
            return Ok(known_as(&known, &record));
        }
        let Some(stored) = store.load(&told.lead).await.map_err(ReactError::from)? else {
            return Ok(Taken::UnknownLead);
        };
        if stored.lead.stage.kind() == StageKind::Terminal {
            return Ok(Taken::UnknownLead);
        }
        let Some((_, submission)) = asked(&stored) else { return Ok(Taken::Nothing) };
        let catalog = self.library.catalog().await?;
        let attach = |_: &perennial_core::decide::Decision| Attachments {
            submission: submission
                .clone()
                .map(|submission| SubmissionRow { submission, outcome: SubmissionOutcome::Merged }),
            idempotency: Some(record.clone()),
        };
        let stimulus = |stored: Option<&Stored>| asked(stored?).map(|(stimulus, _)| stimulus);
        match react_to(store, &catalog, &told.lead, now, stimulus, attach).await {
            Ok(Some(_)) => Ok(Taken::Decided),
            Ok(None) | Err(ReactError::KnownSubmission) => Ok(Taken::Nothing),
            Err(ReactError::KnownKey(known)) => Ok(known_as(&known, &record)),
            Err(error @ (ReactError::Contended | ReactError::Store(_))) => Err(error.into()),
        }
    }

    fn record(&self, told: &Told) -> IdempotencyRecord {
        let (kind, about) = match &told.happening {
            Happening::Sign { kind, topic } => (kind.as_str(), topic.as_ref().map_or("", TopicName::as_str)),
            Happening::TitleChanged(title) => ("title_changed", title.as_str()),
        };
        IdempotencyRecord {
            key: self.pepper.digest(&[b"event:", told.id.as_bytes()]),
            body: self.pepper.digest(&[
                b"event-body:",
                told.lead.as_str().as_bytes(),
                b":",
                kind.as_bytes(),
                b":",
                about.as_bytes(),
            ]),
            expires_at: self.clock.now() + EVENT_PERIOD,
        }
    }
}

fn known_as(known: &IdempotencyRecord, told: &IdempotencyRecord) -> Taken {
    if known.body == told.body { Taken::Nothing } else { Taken::IdReused }
}

/// Whether a sign counts where the lead stands.
fn may_give(stored: &Stored, kind: SignalKind) -> bool {
    let is_visit = matches!(kind, SignalKind::PageVisited | SignalKind::PricingVisited | SignalKind::Answered);
    !(stored.lead.stage == LifecycleStage::Quarantined && is_visit)
}
