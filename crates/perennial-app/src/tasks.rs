//! What waits for somebody of sales, by owner, the most urgent first.
//!
//! **Invariant:** what a lead waits for is worked out from the lead alone ([`Wanted::of`]), so a list, a digest and the index
//! of desks agree on it. Nothing here says who a lead is.

use futures::future::try_join_all;
use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::ids::{LeadId, TouchId};
use perennial_core::lead::{Lead, LifecycleStage, TaskKind};
use serde::Serialize;

use crate::ports::{DeskOwner, Store, StoreError};

/// How many leads are read at once.
const READ_AT_ONCE: usize = 8;

/// What an owner has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Call the person.
    Call,
    /// Write to the person.
    Write,
    /// Find an address or number that works.
    RepairData,
    /// Read what the person wrote.
    Read,
    /// Try to reach the person for the first time.
    FirstAttempt,
    /// Take the lead on, or give it back.
    Decision,
    /// Anything: the lead leaves their list otherwise.
    NextStep,
}

impl What {
    const fn of_task(kind: TaskKind) -> Self {
        match kind {
            TaskKind::Call => Self::Call,
            TaskKind::Write => Self::Write,
            TaskKind::RepairData => Self::RepairData,
            TaskKind::Read => Self::Read,
        }
    }

    /// In a list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Write => "write",
            Self::RepairData => "find an address that works",
            Self::Read => "read the reply",
            Self::FirstAttempt => "try to reach them",
            Self::Decision => "take them on, or give them back",
            Self::NextStep => "take the next step",
        }
    }
}

/// The first thing that a lead waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What.
    pub what: What,
    /// By when.
    pub due_at: Timestamp,
    /// The touch that it stands for, where it is a task.
    pub touch: Option<TouchId>,
}

impl Wanted {
    /// What a lead waits for first; `None` where nobody must act.
    pub fn of(lead: &Lead) -> Option<Self> {
        let due_at = lead.human_deadline()?;
        let task = lead.task.as_ref().filter(|task| task.due_at == due_at);
        Some(Self {
            what: task.map_or_else(|| of_clock(lead), |task| What::of_task(task.kind)),
            due_at,
            touch: task.map(|task| task.touch.clone()),
        })
    }
}

/// What the clock of a stage asks for.
fn of_clock(lead: &Lead) -> What {
    let is_attempted = lead.sla.as_ref().is_none_or(|clock| clock.attempt_by.is_none());
    match lead.stage {
        LifecycleStage::Mql if !is_attempted => What::FirstAttempt,
        LifecycleStage::Mql => What::Decision,
        LifecycleStage::Received
        | LifecycleStage::Quarantined
        | LifecycleStage::Inquiry
        | LifecycleStage::Sal
        | LifecycleStage::Sql
        | LifecycleStage::Customer
        | LifecycleStage::Recycled
        | LifecycleStage::Disqualified
        | LifecycleStage::JunkPurged
        | LifecycleStage::Erased => What::NextStep,
    }
}

/// A lead that waits for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Whose it is: `rep kim`, `queue sdr`.
    pub owner: String,
    /// Who waits.
    pub lead: LeadId,
    /// For what.
    pub what: What,
    /// By when.
    pub due_at: Timestamp,
    /// Whether that is over.
    pub is_overdue: bool,
    /// The touch that it stands for, where it is a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub touch: Option<TouchId>,
}

/// Who may have leads, in the order in which they are listed.
pub fn owners(catalog: &Catalog) -> Vec<DeskOwner> {
    let reps = catalog.roster.reps.keys().cloned().map(DeskOwner::Rep);
    reps.chain(catalog.queues.keys().cloned().map(DeskOwner::Queue)).collect()
}

/// What an owner is called in lists.
pub fn name_of(owner: &DeskOwner) -> String {
    match owner {
        DeskOwner::Rep(rep) => format!("rep {rep}"),
        DeskOwner::Queue(queue) => format!("queue {queue}"),
    }
}

/// Everything that waits for some owners, each one's most urgent first.
pub async fn waiting(store: &dyn Store, owners: &[DeskOwner], now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
    let mut waiting = Vec::new();
    for owner in owners {
        let mut cursor = None;
        loop {
            let page = store.desk(owner, cursor).await?;
            for some in page.leads.chunks(READ_AT_ONCE) {
                let read = try_join_all(some.iter().map(|lead| store.load(&lead.id))).await?;
                // The index is a moment old: somebody may have acted since.
                let wanted = read.into_iter().flatten().filter_map(|stored| Some((Wanted::of(&stored.lead)?, stored)));
                waiting.extend(wanted.map(|(Wanted { what, due_at, touch }, stored)| Waiting {
                    owner: name_of(owner),
                    lead: stored.lead.id,
                    what,
                    due_at,
                    is_overdue: due_at <= now,
                    touch,
                }));
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(waiting)
}
