//! Who sells: the roster is put in force, and whoever leaves hands over what they own.
//!
//! **Invariants:** the roster moves by compare-and-set; nobody is taken off it who owns leads. A hand-over asks the core
//! about each lead by itself, so it may break off anywhere and be done again, and moves nobody twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::decide::Stimulus;
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, RepName, TeamName};
use perennial_core::roster::{Rep, RepStatus, Roster, RosterFile, Team};
use serde::Serialize;

use crate::chores::{Chore, Counts};
use crate::library::{Library, LibraryError};
use crate::ports::{Cause, Clock, DeskOwner, RosterRecord, Store, StoreError};
use crate::react::{Attachments, ReactError, react};

/// How often a hand-over begins anew for leads that came meanwhile: from functions that had not heard yet.
const ROUNDS_MAX: usize = 3;

/// Why the roster was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// Reps would go who own leads.
    #[error("{} {} leads: say `status = \"left\"` first", names(.0), if .0.len() == 1 { "still owns" } else { "still own" })]
    StillOwn(BTreeSet<RepName>),
    /// There is no rep of that name.
    #[error("there is no rep `{0}`")]
    Unknown(RepName),
    /// Somebody else changed it meanwhile.
    #[error("somebody else changed who sells meanwhile: look again")]
    Overtaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a lead was not handed on.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// There is no catalog to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A lead could not be decided on.
    #[error(transparent)]
    React(#[from] ReactError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn names(reps: &BTreeSet<RepName>) -> String {
    reps.iter().map(RepName::as_str).collect::<Vec<_>>().join(", ")
}

/// What changes in the roster, before it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The teams that change, by name.
    pub teams: BTreeMap<TeamName, Change>,
    /// The reps that change, by name.
    pub reps: BTreeMap<RepName, Change>,
    roster: Roster,
    before: Option<RosterRecord>,
}

/// What becomes of a team or a rep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// These of its settings are others.
    Changed(Vec<&'static str>),
}

impl Plan {
    /// What a file changes in the roster that is in force. Refused, if somebody would go who owns leads.
    pub async fn of(store: &dyn Store, file: &RosterFile) -> Result<Self, RosterError> {
        let before = store.roster().await?;
        let none = Roster::default();
        let was = before.as_ref().map_or(&none, |record| &record.roster);
        let roster = file.clone().after(was);
        let (teams, reps) = (changes(&was.teams, &roster.teams, team), changes(&was.reps, &roster.reps, rep));
        let gone = reps.iter().filter(|(_, change)| **change == Change::Removed).map(|(name, _)| name);
        let mut owners = BTreeSet::new();
        for rep in gone {
            let page = store.owned(rep, None).await?;
            owners.extend((!page.leads.is_empty()).then(|| rep.clone()));
        }
        if owners.is_empty() { Ok(Self { teams, reps, roster, before }) } else { Err(RosterError::StillOwn(owners)) }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.teams.is_empty() && self.reps.is_empty()
    }

    /// Who sells afterwards.
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Who has left afterwards and had not before.
    pub fn leavers(&self) -> BTreeSet<RepName> {
        let had_left = |rep: &RepName| self.before.as_ref().is_some_and(|record| !record.roster.owns(rep));
        let left = self.roster.reps.iter().filter(|(name, rep)| rep.status == RepStatus::Left && !had_left(name));
        left.map(|(name, _)| name.clone()).collect()
    }

    /// Puts it in force.
    pub async fn apply(self, store: &dyn Store, now: Timestamp) -> Result<(), RosterError> {
        if self.is_empty() { Ok(()) } else { put(store, self.before.as_ref(), self.roster, now).await }
    }
}

async fn put(
    store: &dyn Store,
    before: Option<&RosterRecord>,
    roster: Roster,
    now: Timestamp,
) -> Result<(), RosterError> {
    let expected = before.map(|record| record.rev);
    let record = RosterRecord { rev: expected.unwrap_or(0).saturating_add(1), at: now, roster };
    if store.set_roster(&record, expected).await? { Ok(()) } else { Err(RosterError::Overtaken) }
}

/// Says whether a rep takes leads. Whether that is news.
pub async fn set_status(
    store: &dyn Store,
    rep: &RepName,
    status: RepStatus,
    now: Timestamp,
) -> Result<bool, RosterError> {
    let unknown = || RosterError::Unknown(rep.clone());
    let before = store.roster().await?.ok_or_else(unknown)?;
    let mut roster = before.roster.clone();
    let known = roster.reps.get_mut(rep).ok_or_else(unknown)?;
    if known.status == status {
        return Ok(false);
    }
    known.status = status;
    put(store, Some(&before), roster, now).await.map(|()| true)
}

fn changes<K: Ord + Clone, V: PartialEq>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    differences: impl Fn(&V, &V) -> Vec<&'static str>,
) -> BTreeMap<K, Change> {
    let added = after.keys().filter(|name| !before.contains_key(*name)).map(|name| (name.clone(), Change::Added));
    let others = before.iter().filter_map(|(name, was)| match after.get(name) {
        None => Some((name.clone(), Change::Removed)),
        Some(is) if is == was => None,
        Some(is) => Some((name.clone(), Change::Changed(differences(was, is)))),
    });
    added.chain(others).collect()
}

fn team(was: &Team, is: &Team) -> Vec<&'static str> {
    let Team { manager, hours } = was;
    said([("manager", *manager != is.manager), ("hours", *hours != is.hours)])
}

fn rep(was: &Rep, is: &Rep) -> Vec<&'static str> {
    let Rep { sender, team, status, hours, open_max } = was;
    said([
        ("name", sender.name != is.sender.name),
        ("address", sender.address != is.sender.address),
        ("team", *team != is.team),
        ("status", *status != is.status),
        ("hours", *hours != is.hours),
        ("open_max", *open_max != is.open_max),
    ])
}

fn said<const N: usize>(settings: [(&'static str, bool); N]) -> Vec<&'static str> {
    settings.into_iter().filter(|(_, is_another)| *is_another).map(|(name, _)| name).collect()
}

/// A rep and what they have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Their name.
    pub rep: RepName,
    /// Their team.
    pub team: TeamName,
    /// Whether they take leads.
    pub status: RepStatus,
    /// How many leads wait for them to act.
    pub waiting: u32,
    /// How many leads they own.
    pub owned: u32,
    /// How many may wait for them at once.
    pub open_max: Option<u32>,
}

/// Everybody who sells.
pub async fn list(store: &dyn Store) -> Result<Vec<Listed>, StoreError> {
    let roster = store.roster().await?.map(|record| record.roster).unwrap_or_default();
    let loads = store.loads(&roster.reps.keys().cloned().collect()).await?;
    let mut listed = Vec::new();
    for (rep, Rep { team, status, open_max, .. }) in roster.reps {
        let waiting = loads.0.get(&rep).copied().unwrap_or_default();
        let owned = u32::try_from(owned(store, &rep).await?.len()).unwrap_or(u32::MAX);
        listed.push(Listed { rep, team, status, waiting, owned, open_max });
    }
    Ok(listed)
}

/// Every lead of a rep, as an index tells it.
async fn owned(store: &dyn Store, rep: &RepName) -> Result<Vec<LeadId>, StoreError> {
    let mut leads = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.owned(rep, cursor).await?;
        leads.extend(page.leads.into_iter().map(|lead| lead.id));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(leads);
        }
    }
}

/// Hands on what belongs to reps who have left.
pub struct HandOver {
    /// Where the leads are.
    pub store: Arc<dyn Store>,
    /// By what they are decided on.
    pub library: Arc<Library>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// Where a rep's leads went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HandedOver {
    /// How many each got.
    pub to: BTreeMap<DeskOwner, u64>,
    /// How many are theirs still, since something else held them up.
    pub left: u64,
}

impl HandOver {
    /// Hands on every lead of a rep who has left; of one who has not, none.
    pub async fn of(&self, rep: &RepName) -> Result<HandedOver, HandOverError> {
        let catalog = self.library.catalog().await?;
        let mut handed = HandedOver::default();
        if catalog.roster.is_empty() || catalog.roster.owns(rep) {
            return Ok(handed);
        }
        for _ in 0..ROUNDS_MAX {
            let leads = owned(self.store.as_ref(), rep).await?;
            let mut moved = false;
            handed.left = 0;
            for lead in leads {
                match self.hand_on(&catalog, rep, &lead).await? {
                    Handed::To(owner) => {
                        *handed.to.entry(owner).or_default() += 1;
                        moved = true;
                    }
                    Handed::Busy => handed.left += 1,
                    Handed::Before => {}
                }
            }
            if !moved {
                break;
            }
        }
        Ok(handed)
    }

    async fn hand_on(&self, catalog: &Catalog, rep: &RepName, lead: &LeadId) -> Result<Handed, HandOverError> {
        let (store, now) = (self.store.as_ref(), self.clock.now());
        // Whatever else is due is done with it, as at any other look.
        let reaction = react(store, catalog, lead, &Stimulus::Due, now, |_| Attachments::default()).await?;
        let events = reaction.map(|reaction| reaction.events).unwrap_or_default();
        let mut owners =
            events.iter().filter_map(|event| if let Event::Assigned { owner } = event { Some(owner) } else { None });
        if let Some(owner) = owners.next_back() {
            return Ok(Handed::To(DeskOwner::of(owner)));
        }
        // An index tells what was so a moment ago.
        let stored = store.load(lead).await?;
        let is_theirs = stored.is_some_and(|stored| stored.lead.rep() == Some(rep));
        Ok(if is_theirs { Handed::Busy } else { Handed::Before })
    }
}

/// What became of a lead.
enum Handed {
    /// It has another owner now.
    To(DeskOwner),
    /// It is theirs still: something else holds it up.
    Busy,
    /// It had another owner already.
    Before,
}

#[async_trait]
impl Chore for HandOver {
    fn name(&self) -> &'static str {
        "hand-over"
    }

    /// Looks whether anybody who has left owns leads: because a hand-over broke off, or a function had not heard yet.
    async fn run(&self) -> Result<Counts, Cause> {
        let catalog = self.library.catalog().await?;
        let left = catalog.roster.reps.iter().filter(|(_, rep)| rep.status == RepStatus::Left);
        let mut counts = Counts::from([("handed_on", 0), ("left", 0)]);
        for (rep, _) in left {
            let handed = self.of(rep).await?;
            *counts.entry("handed_on").or_default() += handed.to.values().sum::<u64>();
            *counts.entry("left").or_default() += handed.left;
        }
        Ok(counts)
    }
}
