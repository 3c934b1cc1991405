//! What waits for the team of whoever manages one.
//!
//! **Invariant:** nobody is counted whose leads the manager may not see: [`sees`] decides, as everywhere (H42).

use std::collections::{BTreeMap, BTreeSet};

use perennial_core::ids::{RepName, TeamName};
use perennial_core::lead::Ownership;
use perennial_core::roster::Team;
use perennial_core::sales::Party;

use super::{Desk, DisposeError, sees};
use crate::ports::DeskOwner;

/// A desk of a team, and how much waits there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamDesk {
    /// Whose.
    pub owner: DeskOwner,
    /// How many leads wait for somebody to act.
    pub waiting: u64,
    /// Whether there are more: of a queue only the first page is counted.
    pub is_more: bool,
}

impl Desk {
    /// The desks of the teams that somebody manages: of their reps, but their own, and of the queues that hold leads for
    /// them. None for whoever manages nobody.
    pub async fn team(&self, party: &Party) -> Result<Vec<TeamDesk>, DisposeError> {
        let catalog = self.library.catalog().await?;
        let Party::Rep { rep: manager } = party else { return Ok(Vec::new()) };
        let is_theirs = |team: &TeamName| is_managed(&catalog.roster.teams, team, manager);
        let reps = catalog.roster.reps.iter().filter(|(name, rep)| *name != manager && is_theirs(&rep.team));
        let reps = reps.map(|(name, _)| name.clone());
        let reps: BTreeSet<RepName> =
            reps.filter(|rep| sees(&catalog, party, &Ownership::Assigned { rep: rep.clone() })).collect();
        let routes = catalog.routes.values().filter(|route| route.team.as_ref().is_some_and(is_theirs));
        let queues: BTreeSet<_> = routes.map(|route| route.queue.clone()).collect();

        let loads = self.store.loads(&reps).await?;
        let count = |rep: &RepName| loads.0.get(rep).copied().map_or(0, u64::from);
        let mut desks: Vec<TeamDesk> = reps
            .iter()
            .map(|rep| TeamDesk { owner: DeskOwner::Rep(rep.clone()), waiting: count(rep), is_more: false })
            // Whoever has left and left nothing behind is no more of the team.
            .filter(|desk| desk.waiting > 0 || matches!(&desk.owner, DeskOwner::Rep(rep) if catalog.roster.owns(rep)))
            .collect();
        for queue in
            queues.into_iter().filter(|queue| sees(&catalog, party, &Ownership::Queue { queue: queue.clone() }))
        {
            let owner = DeskOwner::Queue(queue);
            let page = self.store.desk(&owner, None).await?;
            let waiting = u64::try_from(page.leads.len()).unwrap_or(u64::MAX);
            desks.push(TeamDesk { owner, waiting, is_more: page.next.is_some() });
        }
        Ok(desks)
    }
}

fn is_managed(teams: &BTreeMap<TeamName, Team>, team: &TeamName, manager: &RepName) -> bool {
    teams.get(team).is_some_and(|team| team.manager.as_ref() == Some(manager))
}
