//! What waits for whom.
//!
//! **Invariant:** an index may be a moment old, so each lead is read again before it is shown: what is somebody else's by
//! then is left out (H42), and so is what does not read back.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use perennial_core::lead::Ownership;
use perennial_core::sales::Party;
use tracing::info;

use super::{Desk, DisposeError, sees};
use crate::left_out::if_it_reads;
use crate::ports::{Cursor, DeskOwner, DeskPage, StoreError, Stored};

/// How many leads are read at once.
const READS_AT_ONCE: usize = 8;

/// A lead in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The lead.
    pub stored: Stored,
    /// By when somebody must act.
    pub deadline: Option<Timestamp>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WaitingPage {
    /// The leads, the most urgent first.
    pub leads: Vec<Waiting>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

impl Desk {
    /// The leads of an owner for which somebody must act, the most urgent first.
    pub async fn waiting(
        &self,
        party: &Party,
        owner: &DeskOwner,
        after: Option<Cursor>,
    ) -> Result<WaitingPage, DisposeError> {
        self.may_list(party, owner).await?;
        let page = self.store.desk(owner, after).await?;
        let mut listed = self.listed(owner, page).await?;
        listed.leads.retain(|waiting| waiting.deadline.is_some());
        Ok(listed)
    }

    /// All leads of a rep, those that wait first. Of a queue, those that wait: nobody reads through a pool.
    pub async fn leads(
        &self,
        party: &Party,
        owner: &DeskOwner,
        after: Option<Cursor>,
    ) -> Result<WaitingPage, DisposeError> {
        self.may_list(party, owner).await?;
        let page = match owner {
            DeskOwner::Rep(rep) => self.store.owned(rep, after).await?,
            DeskOwner::Queue(_) => self.store.desk(owner, after).await?,
        };
        Ok(self.listed(owner, page).await?)
    }

    /// Whether somebody may see the leads of an owner. That they ask for others' is put on record.
    async fn may_list(&self, party: &Party, owner: &DeskOwner) -> Result<(), DisposeError> {
        let catalog = self.library.catalog().await?;
        let owner = match owner {
            DeskOwner::Rep(rep) => Ownership::Assigned { rep: rep.clone() },
            DeskOwner::Queue(queue) => Ownership::Queue { queue: queue.clone() },
        };
        if sees(&catalog, party, &owner) {
            return Ok(());
        }
        info!(desk.party = party.name(), metric = "desk.denied", "leads were asked for that are not theirs");
        Err(DisposeError::NotTheirs)
    }

    async fn listed(&self, owner: &DeskOwner, page: DeskPage) -> Result<WaitingPage, StoreError> {
        let loaded = stream::iter(page.leads)
            .map(|listed| async move { if_it_reads(&listed.id, self.store.load(&listed.id).await) });
        let leads: Vec<Option<Stored>> = loaded.buffered(READS_AT_ONCE).try_collect().await?;
        let still = leads.into_iter().flatten();
        let still = still.filter(|stored| stored.lead.owner.as_ref().map(DeskOwner::of).as_ref() == Some(owner));
        let leads = still.map(|stored| Waiting { deadline: stored.lead.human_deadline(), stored });
        Ok(WaitingPage { leads: leads.collect(), next: page.next })
    }
}
