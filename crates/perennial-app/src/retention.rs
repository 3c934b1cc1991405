//! What is kept no longer than the catalog says.
//!
//! **Invariants:** a look at everybody goes page by page and stops when its time is over; the next goes on from there.
//! Whatever it lets go of is let go of once, however often it looks. What is counted keeps its place, empty, so the
//! waterfall balances as before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Retention;
use perennial_core::event::Event;
use perennial_core::lead::LifecycleStage;
use serde::Serialize;
use tracing::error;

use crate::chores::{Chore, Counts};
use crate::error_chain::ErrorChain;
use crate::holdings::{Aged, AgedItem, EndedLead, Held, Kind, Registry, RetentionMark};
use crate::ports::{Cause, Cursor, StoreError};
use crate::privacy::{EraseError, Privacy, held};

/// Looks at everything that is kept, and lets go of what was kept long enough.
#[derive(Clone)]
pub struct Retainer {
    /// Where everybody is.
    pub registry: Arc<dyn Registry>,
    /// Every place where something of a person is kept.
    pub privacy: Privacy,
}

/// What a look let go of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Retained {
    /// Items that were let go of, by kind.
    pub let_go: BTreeMap<Kind, u64>,
    /// Whether it got to the end; otherwise the next look goes on from there.
    pub is_done: bool,
}

impl Retained {
    fn count(&mut self, kind: Kind) {
        let count = self.let_go.entry(kind).or_default();
        *count += 1;
    }
}

/// How long one daily look takes at most; the next goes on from there.
const LOOK_BUDGET: Duration = Duration::from_mins(1);

#[async_trait]
impl Chore for Retainer {
    fn name(&self) -> &'static str {
        "retain"
    }

    async fn run(&self) -> Result<Counts, Cause> {
        let retained = self.look(LOOK_BUDGET).await?;
        Ok(retained.let_go.into_iter().map(|(kind, count)| (kind.as_str(), count)).collect())
    }
}

impl Retainer {
    /// Looks at everybody, for about as long as it is given.
    pub async fn look(&self, budget: Duration) -> Result<Retained, EraseError> {
        let rules = self.privacy.library.catalog().await?.retention;
        let started = Instant::now();
        let now = self.privacy.clock.now();
        let mut retained = Retained::default();
        let mut cursor = self.registry.retention_mark().await?.map(|mark| Cursor(mark.cursor));
        let mut failed = None;
        loop {
            let page = self.registry.aged(cursor).await?;
            for aged in page.items {
                match self.judge(aged, &rules, now, &mut retained).await {
                    Ok(()) => {}
                    Err(error @ EraseError::Store(StoreError::Unavailable(_))) => return Err(error),
                    // One that cannot be let go of keeps nobody else.
                    Err(error) => {
                        error!(
                            metric = "retention.failed",
                            error = ErrorChain(&error).to_string(),
                            "something was not let go of"
                        );
                        failed = Some(error);
                    }
                }
            }
            let Some(Cursor(next)) = page.next else { break };
            if started.elapsed() >= budget {
                self.registry.keep_retention_mark(Some(&RetentionMark { at: now, cursor: next })).await?;
                return failed.map_or(Ok(retained), Err);
            }
            cursor = Some(Cursor(next));
        }
        self.registry.keep_retention_mark(None).await?;
        retained.is_done = true;
        failed.map_or(Ok(retained), Err)
    }

    async fn judge(
        &self,
        aged: Aged,
        rules: &Retention,
        now: Timestamp,
        retained: &mut Retained,
    ) -> Result<(), EraseError> {
        match aged {
            Aged::Ended(ended) => self.judge_ended(&ended, rules, now, retained).await,
            Aged::Item(item) => {
                if is_over(&item, rules, now) {
                    self.registry.forget(&item).await?;
                    retained.count(item.kind());
                }
                Ok(())
            }
        }
    }

    async fn judge_ended(
        &self,
        ended: &EndedLead,
        rules: &Retention,
        now: Timestamp,
        retained: &mut Retained,
    ) -> Result<(), EraseError> {
        match ended.stage {
            // Each time: what comes in late of a mail that was in flight goes too, and so does what a crash left.
            LifecycleStage::Erased => match self.privacy.let_go_of_erased(&ended.lead, now).await {
                Ok(let_go) => {
                    for (kind, count) in let_go {
                        *retained.let_go.entry(kind).or_default() += count;
                    }
                    Ok(())
                }
                // A new life has begun; there is nothing to let go of.
                Err(EraseError::CameBack) => Ok(()),
                Err(error) => Err(error),
            },
            LifecycleStage::JunkPurged if !ended.is_let_go => {
                Ok(self.let_go_of_junk(ended, rules, now, retained).await?)
            }
            LifecycleStage::JunkPurged
            | LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled
            | LifecycleStage::Disqualified => Ok(()),
        }
    }

    /// What purged junk told us goes after its time; that it was there, and why it was junk, stays.
    async fn let_go_of_junk(
        &self,
        ended: &EndedLead,
        rules: &Retention,
        now: Timestamp,
        retained: &mut Retained,
    ) -> Result<(), StoreError> {
        let registry = self.registry.as_ref();
        let items = held(registry, &ended.lead).await?;
        let Some(purged_at) = purged_at(&items) else { return Ok(()) };
        if purged_at + days(rules.junk_days) > now {
            return Ok(());
        }
        // What was listed while it stood purged is of a life that is over; one that came back is left alone.
        let stored = self.privacy.store.load(&ended.lead).await?;
        if stored.is_none_or(|stored| stored.rev != ended.rev) {
            return Ok(());
        }
        for item in items.iter().filter(|item| item.is_personal()) {
            match item {
                Held::Profile { .. } | Held::Submission(_) | Held::Engagement(_) => {
                    registry.let_go(&ended.lead, item, now).await?;
                    retained.count(item.kind());
                }
                // History explains the state, and the state is not rewritten without a decision.
                Held::State { .. } | Held::History(_) | Held::Letter(_) => {}
            }
        }
        registry.note_let_go(&ended.lead, ended.rev).await
    }
}

fn purged_at(items: &[Held]) -> Option<Timestamp> {
    let rows = items.iter().filter_map(|item| match item {
        Held::History(row) => Some(row),
        Held::State { .. } | Held::Profile { .. } | Held::Submission(_) | Held::Engagement(_) | Held::Letter(_) => None,
    });
    rows.filter(|row| row.entries.contains(&Event::Purged)).map(|row| row.at).max()
}

fn is_over(item: &AgedItem, rules: &Retention, now: Timestamp) -> bool {
    let end = match item {
        AgedItem::Submission { kept_at, .. } => *kept_at + days(rules.submission_days),
        AgedItem::Engagement(record) => record.at + days(rules.engagement_days),
        AgedItem::Idempotency { expires_at, .. } => *expires_at,
    };
    end <= now
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}
