//! The migration: leads are moved from older versions of a program to the one in force, or out of it.
//!
//! **Invariants:** nobody is moved that the map does not name; where a lead goes is worked out from where it stands
//! at the very commit that moves it; a lead whose mail is on its way stays until that is settled. So a migration may
//! break off and be run again, and what a lead was sent is never sent again because of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::decide::Stimulus;
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, ProgramName, StepId};
use perennial_core::lead::Enrolment;
use perennial_core::program::{Program, ProgramVersion};
use serde::Serialize;

use crate::census::enrolled;
use crate::ports::{Store, StoreError, Stored};
use crate::react::{Attachments, ReactError, react_to};

/// How many leads are moved at once.
const MOVES_AT_ONCE: usize = 16;

/// What to do with whom.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The program that they are in.
    pub program: ProgramName,
    /// The version that they are in; any but the one in force, if absent. A way out takes from that one, too.
    pub from: Option<ProgramVersion>,
    /// Where they go.
    pub way: Way,
}

/// Where leads go.
#[derive(Debug, Clone)]
pub enum Way {
    /// To a step of the version in force.
    Steps {
        /// From the step they stand at to the step they go to.
        map: BTreeMap<StepId, StepId>,
        /// What becomes of the steps that are not in the map.
        unmapped: Unmapped,
    },
    /// Out of the program: to the one that follows it.
    Exit,
}

/// What becomes of the steps that a map does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// Nobody is moved while somebody stands at one.
    Refuse,
    /// They go to the step of the same id, where there is one.
    SameStep,
}

/// Why nobody was moved, or not everybody.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There is no such program in force.
    #[error("no program `{0}` is in force")]
    NoProgram(ProgramName),
    /// The map names steps that are not there.
    #[error("the map names steps that are not there: {}", texts(.0))]
    NoStep(Vec<String>),
    /// Leads stand at steps that the map does not name.
    #[error("leads stand at steps that have no way: {}", texts(.0))]
    Unmapped(Vec<Standing>),
    /// The way out leads back in.
    #[error("`{0}` is followed by itself: there is no way out of it")]
    FollowsItself(ProgramName),
    /// A lead could not be moved.
    #[error("the lead {lead} could not be moved; run the same again to go on")]
    React {
        /// The lead.
        lead: LeadId,
        /// Why not.
        #[source]
        source: ReactError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn texts(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Leads that stand at one step of one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Standing {
    /// The version.
    pub version: ProgramVersion,
    /// The step.
    pub step: StepId,
    /// How many.
    pub leads: u64,
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} ({})", self.version.0, self.step, crate::push::Leads(self.leads))
    }
}

/// What a migration does, before it is done.
#[derive(Debug, Clone)]
pub struct MigrationPlan {
    /// What was asked for.
    pub migration: Migration,
    /// Who goes where.
    pub rows: Vec<Row>,
    leads: Vec<LeadId>,
}

/// One row of the table: leads that go the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where they stand.
    #[serde(flatten)]
    pub standing: Standing,
    /// Where they go.
    pub to: Destination,
}

/// Where leads go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// To a step of the version in force.
    Step {
        /// The version.
        version: ProgramVersion,
        /// The step.
        step: StepId,
    },
    /// To the start of another program.
    Program(ProgramName),
}

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Migrated {
    /// Leads that were moved.
    pub moved: u64,
    /// Leads that are still where they were: a mail of theirs is on its way. Run the same again.
    pub left: u64,
    /// Leads that had gone on by themselves.
    pub gone: u64,
}

impl MigrationPlan {
    /// How many leads stand in the way of it.
    pub fn leads(&self) -> u64 {
        self.rows.iter().map(|row| row.standing.leads).sum()
    }

    /// Moves them, one by one.
    pub async fn run(&self, store: &dyn Store, catalog: &Catalog, now: Timestamp) -> Result<Migrated, MigrateError> {
        let moves = self.leads.iter().map(|lead| self.migrate(store, catalog, lead, now));
        let fates = stream::iter(moves).buffer_unordered(MOVES_AT_ONCE);
        fates.try_fold(Migrated::default(), async |sum, fate| Ok(sum.with(fate))).await
    }

    async fn migrate(
        &self,
        store: &dyn Store,
        catalog: &Catalog,
        lead: &LeadId,
        now: Timestamp,
    ) -> Result<Fate, MigrateError> {
        let stimulus = |stored: Option<&Stored>| self.migration.stimulus(catalog, stored).map(Cow::Owned);
        let reaction = react_to(store, catalog, lead, now, stimulus, |_| Attachments::default()).await;
        let reaction = reaction.map_err(|source| MigrateError::React { lead: lead.clone(), source })?;
        if reaction.is_some_and(|reaction| reaction.events.iter().any(is_move)) {
            return Ok(Fate::Moved);
        }
        let stored = store.load(lead).await?;
        let enrolment = stored.and_then(|stored| stored.lead.enrolment);
        let is_left = enrolment.is_some_and(|enrolment| self.migration.means(catalog, &enrolment));
        Ok(if is_left { Fate::Left } else { Fate::Gone })
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Moved,
    Left,
    Gone,
}

impl Migrated {
    fn with(self, fate: Fate) -> Self {
        match fate {
            Fate::Moved => Self { moved: self.moved.saturating_add(1), ..self },
            Fate::Left => Self { left: self.left.saturating_add(1), ..self },
            Fate::Gone => Self { gone: self.gone.saturating_add(1), ..self },
        }
    }
}

fn is_move(event: &Event) -> bool {
    matches!(event, Event::EnrolmentMigrated { .. } | Event::EnrolmentExited { .. })
}

/// Works out who would go where, and whether everybody has a way.
pub async fn plan(store: &dyn Store, catalog: &Catalog, migration: Migration) -> Result<MigrationPlan, MigrateError> {
    let mut leads = Vec::new();
    let mut standing: BTreeMap<(ProgramVersion, StepId), u64> = BTreeMap::new();
    enrolled(store, |lead, enrolment| {
        if migration.means(catalog, &enrolment) {
            leads.push(lead);
            let count = standing.entry((enrolment.version, enrolment.step)).or_default();
            *count = count.saturating_add(1);
        }
    })
    .await?;
    migration.check(catalog, &standing)?;
    let (mut rows, mut unmapped) = (Vec::new(), Vec::new());
    for ((version, step), leads) in standing {
        let standing = Standing { version, step, leads };
        match migration.destination(catalog, &standing.version, &standing.step) {
            Some(to) => rows.push(Row { standing, to }),
            None => unmapped.push(standing),
        }
    }
    if unmapped.is_empty() {
        Ok(MigrationPlan { migration, rows, leads })
    } else {
        Err(MigrateError::Unmapped(unmapped))
    }
}

impl Migration {
    /// Whether it is about somebody who stands so.
    fn means(&self, catalog: &Catalog, enrolment: &Enrolment) -> bool {
        let is_there_already = match self.way {
            Way::Steps { .. } => self.target(catalog).is_some_and(|program| program.version == enrolment.version),
            Way::Exit => false,
        };
        enrolment.program == self.program
            && !is_there_already
            && self.from.as_ref().is_none_or(|from| *from == enrolment.version)
    }

    fn target<'c>(&self, catalog: &'c Catalog) -> Option<&'c Program> {
        catalog.programs.get(&self.program)
    }

    /// Whether the map is one of steps that are there.
    fn check(&self, catalog: &Catalog, standing: &BTreeMap<(ProgramVersion, StepId), u64>) -> Result<(), MigrateError> {
        let Way::Steps { map, .. } = &self.way else { return self.check_exit(catalog, standing) };
        let target = self.target(catalog).ok_or_else(|| MigrateError::NoProgram(self.program.clone()))?;
        let older = catalog.kept.iter().filter(|((name, _), _)| *name == self.program).map(|(_, program)| program);
        let known: BTreeSet<&StepId> = older
            .chain([target])
            .flat_map(|program| program.steps.iter().map(|step| &step.id))
            .chain(standing.keys().map(|(_, step)| step))
            .collect();
        let sources = map.keys().filter(|step| !known.contains(step)).map(|step| format!("{step} (on the left)"));
        let targets =
            map.values().filter(|step| target.step(step).is_none()).map(|step| format!("{step} (on the right)"));
        let missing: Vec<String> = sources.chain(targets).collect();
        if missing.is_empty() { Ok(()) } else { Err(MigrateError::NoStep(missing)) }
    }

    fn check_exit(
        &self,
        catalog: &Catalog,
        standing: &BTreeMap<(ProgramVersion, StepId), u64>,
    ) -> Result<(), MigrateError> {
        if standing.is_empty() && self.target(catalog).is_none() {
            return Err(MigrateError::NoProgram(self.program.clone()));
        }
        let circle = standing.keys().any(|(version, _)| self.follower(catalog, version) == Some(&self.program));
        if circle { Err(MigrateError::FollowsItself(self.program.clone())) } else { Ok(()) }
    }

    /// The program that a version of this one is followed by. One that names itself is followed by the last resort.
    fn follower<'c>(&self, catalog: &'c Catalog, version: &ProgramVersion) -> Option<&'c ProgramName> {
        let then = catalog.program_of(&self.program, version).map(|program| &program.then);
        let then = then.filter(|then| **then != self.program).unwrap_or(&catalog.last_resort);
        catalog.program_or_last_resort(then).map(|program| &program.name)
    }

    fn destination(&self, catalog: &Catalog, version: &ProgramVersion, step: &StepId) -> Option<Destination> {
        match &self.way {
            Way::Exit => self.follower(catalog, version).cloned().map(Destination::Program),
            Way::Steps { map, unmapped } => {
                let target = self.target(catalog)?;
                let step = match (map.get(step), unmapped) {
                    (Some(mapped), _) => mapped,
                    (None, Unmapped::SameStep) => step,
                    (None, Unmapped::Refuse) => return None,
                };
                target.step(step)?;
                Some(Destination::Step { version: target.version.clone(), step: step.clone() })
            }
        }
    }

    /// What moves a lead that is stored so; `None` where nothing does, or not now.
    fn stimulus(&self, catalog: &Catalog, stored: Option<&Stored>) -> Option<Stimulus> {
        let lead = &stored?.lead;
        let enrolment = lead.enrolment.as_ref().filter(|enrolment| self.means(catalog, enrolment))?;
        if lead.sending.is_some() {
            return None;
        }
        match self.destination(catalog, &enrolment.version, &enrolment.step)? {
            Destination::Step { version, step } => Some(Stimulus::Migrated { version, step }),
            Destination::Program(_) => Some(Stimulus::ProgramEnded),
        }
    }
}
