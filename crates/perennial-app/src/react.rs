//! The one loop that every use-case runs: load, decide, commit; on a conflict, again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::decide::{Decision, Stimulus, View, decide};
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, RepName};
use perennial_core::roster::Roster;
use perennial_core::waterfall::Deltas;
use tracing::error;

use crate::ports::{Commit, CommitError, HistoryRow, IdempotencyRecord, Store, StoreError, Stored, SubmissionRow};

/// How often a commit is tried again after somebody else was quicker. Each conflict means that another
/// commit went through, so this is reached only where that many act on one lead at once.
pub const CONFLICTS_MAX: usize = 24;

/// Why a reaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ReactError {
    /// Others kept changing the lead. Trying again later is right.
    #[error("the lead changed {CONFLICTS_MAX} times while it was decided on")]
    Contended,
    /// This submission has been committed before.
    #[error("the submission is known already")]
    KnownSubmission,
    /// An idempotency key has been used before.
    #[error("the idempotency key was used already")]
    KnownKey(Box<IdempotencyRecord>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What belongs into the same commit as a decision.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attachments {
    pub(crate) submission: Option<SubmissionRow>,
    pub(crate) idempotency: Option<IdempotencyRecord>,
}

/// What a stimulus led to.
#[derive(Debug)]
pub(crate) struct Reaction {
    pub(crate) events: Vec<Event>,
}

/// Decides on what is stored of a lead.
///
/// Whoever would be given it is chosen again among their team, by how much waits for each: only that is worth the
/// reading.
pub(crate) async fn decide_on(
    store: &dyn Store,
    stored: Option<&Stored>,
    catalog: &Catalog,
    stimulus: &Stimulus,
    now: Timestamp,
) -> Result<Decision, StoreError> {
    let (lead, profile) = (stored.map(|stored| &stored.lead), stored.map(|stored| &stored.profile));
    let view = View { lead, profile, catalog, loads: None };
    let reps = match decide_unless_chosen(&view, stimulus, now) {
        Ok(decision) => return Ok(decision),
        Err(reps) => reps,
    };
    let loads = store.loads(&reps).await?;
    Ok(decide(&View { loads: Some(&loads), ..view }, stimulus, now))
}

/// The decision, unless it gives the lead to one of several reps: then those.
fn decide_unless_chosen(view: &View<'_>, stimulus: &Stimulus, now: Timestamp) -> Result<Decision, BTreeSet<RepName>> {
    let decision = decide(view, stimulus, now);
    let reps = candidates(&view.catalog.roster, stimulus, &decision.events);
    if reps.is_empty() { Ok(decision) } else { Err(reps) }
}

/// Among whom there was a choice, where somebody was chosen.
fn candidates(roster: &Roster, stimulus: &Stimulus, events: &[Event]) -> BTreeSet<RepName> {
    if matches!(stimulus, Stimulus::HandedTo { .. }) {
        return BTreeSet::new();
    }
    let chosen =
        events.iter().filter_map(|event| if let Event::Assigned { owner } = event { owner.rep() } else { None });
    chosen.flat_map(|rep| roster.alternatives(rep)).cloned().collect()
}

/// Commits a decision that has events. Answers the lead as it now stands.
pub(crate) async fn commit(
    store: &dyn Store,
    before: Option<&Stored>,
    decision: Decision,
    stimulus: &Stimulus,
    now: Timestamp,
    attachments: Attachments,
) -> Result<Stored, CommitError> {
    let before_lead = before.map(|stored| &stored.lead);
    let profile = decision.profile.or_else(|| before.map(|stored| stored.profile.clone()));
    let (Some(mut lead), Some(whole_profile)) = (decision.lead, profile.clone()) else {
        // Only a submission makes a lead, and it brings a profile.
        return Err(CommitError::Conflict);
    };
    lead.seq = before_lead.map_or(0, |lead| lead.seq).saturating_add(1);
    let profile_changed = before.is_none_or(|stored| Some(&stored.profile) != profile.as_ref());
    let commit = Commit {
        history: HistoryRow {
            seq: lead.seq,
            at: now,
            cause: stimulus.name().to_owned(),
            deltas: Deltas::between(before_lead, Some(&lead)),
            entries: decision.events,
        },
        expected: before.map(|stored| stored.rev),
        profile: profile.filter(|_| profile_changed),
        submission: attachments.submission,
        idempotency: attachments.idempotency,
        lead,
    };
    let rev = store.commit(&commit).await?;
    alarm(&commit);
    Ok(Stored { lead: commit.lead, profile: whole_profile, rev })
}

/// Says aloud what no one but a person can settle (TRUST.md §2.6).
fn alarm(commit: &Commit) {
    for event in &commit.history.entries {
        if let Event::TouchReview { touch } = event {
            error!(lead.id = %commit.lead.id, touch.id = %touch, metric = "touch.review",
                "nobody knows whether this mail was sent: it is on the review list");
        }
        if let Event::TouchFailed { touch, reason } = event
            && reason.is_withdrawal()
        {
            error!(lead.id = %commit.lead.id, touch.id = %touch, touch.reason = ?reason, metric = "touch.withdrawn",
                "SES took this mail and did not send it: what it says has to be looked at");
        }
    }
}

/// Loads, decides and commits, again on a conflict. `None` where there was nothing to decide.
pub(crate) async fn react(
    store: &dyn Store,
    catalog: &Catalog,
    id: &LeadId,
    stimulus: &Stimulus,
    now: Timestamp,
    attach: impl Fn(&Decision) -> Attachments + Send + Sync,
) -> Result<Option<Reaction>, ReactError> {
    react_to(store, catalog, id, now, |_| Some(Cow::Borrowed(stimulus)), attach).await
}

/// As [`react`], to what the lead as it is loaded calls for. `None` also where that is nothing.
pub(crate) async fn react_to<'s>(
    store: &dyn Store,
    catalog: &Catalog,
    id: &LeadId,
    now: Timestamp,
    stimulus: impl Fn(Option<&Stored>) -> Option<Cow<'s, Stimulus>> + Send + Sync,
    attach: impl Fn(&Decision) -> Attachments + Send + Sync,
) -> Result<Option<Reaction>, ReactError> {
    // Boxed: it holds whole leads, and whoever waits for it need not.
    Box::pin(async move {
        for _ in 0..CONFLICTS_MAX {
            let stored = store.load(id).await?;
            let Some(stimulus) = stimulus(stored.as_ref()) else { return Ok(None) };
            let decision = decide_on(store, stored.as_ref(), catalog, &stimulus, now).await?;
            if decision.events.is_empty() {
                return Ok(None);
            }
            let attachments = attach(&decision);
            let events = decision.events.clone();
            match commit(store, stored.as_ref(), decision, &stimulus, now, attachments).await {
                Ok(_) => return Ok(Some(Reaction { events })),
                Err(CommitError::Conflict) => {}
                Err(CommitError::KnownSubmission) => return Err(ReactError::KnownSubmission),
                Err(CommitError::KnownKey(record)) => return Err(ReactError::KnownKey(record)),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(ReactError::Contended)
    })
    .await
}
