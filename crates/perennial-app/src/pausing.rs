//! Programs that an operator pauses: what of them anybody would notice waits, and nobody is lost meanwhile.
//!
//! **Invariants:** what is paused stands in the release, so that everybody who decides reads it with what is in force, and
//! no push forgets it; it moves by compare-and-set. A paused program keeps its leads and gets new ones. It is said every
//! day that it is paused, and aloud after [`LONG`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_core::ids::ProgramName;
use perennial_core::program::ProgramVersion;
use serde::Serialize;
use tracing::{error, warn};

use crate::census::Census;
use crate::chores::{Chore, Counts};
use crate::ports::{Cause, Clock, Release, Store, StoreError};

/// After how long a pause is an alarm: most likely it was forgotten.
pub const LONG: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often a release is looked at anew that somebody else changed in between.
const TRIES_MAX: usize = 8;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched {
    /// It is so from now on.
    Now,
    /// It was so already.
    Before,
}

/// Why a program was neither paused nor resumed.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// Nobody has pushed yet.
    #[error("no programs are published: run `perennial push`")]
    NothingPublished,
    /// No such program is in force, and no lead is in one of that name.
    #[error("no program `{program}` is in force")]
    NoProgram {
        /// The name.
        program: ProgramName,
        /// Those that there are.
        known: Vec<ProgramName>,
    },
    /// Others kept changing the release.
    #[error("somebody else changed the release {TRIES_MAX} times meanwhile: try again")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Pauses a program until somebody resumes it.
pub async fn pause(store: &dyn Store, program: &ProgramName, now: Timestamp) -> Result<Switched, PauseError> {
    switch(store, program, |paused| {
        if paused.contains_key(program) {
            return Switched::Before;
        }
        paused.insert(program.clone(), now);
        Switched::Now
    })
    .await
}

/// Lets a program go on.
pub async fn resume(store: &dyn Store, program: &ProgramName) -> Result<Switched, PauseError> {
    switch(store, program, |paused| match paused.remove(program) {
        Some(_) => Switched::Now,
        None => Switched::Before,
    })
    .await
}

async fn switch(
    store: &dyn Store,
    program: &ProgramName,
    change: impl Fn(&mut BTreeMap<ProgramName, Timestamp>) -> Switched,
) -> Result<Switched, PauseError> {
    for _ in 0..TRIES_MAX {
        let before = store.release().await?.ok_or(PauseError::NothingPublished)?;
        if !before.has(program) {
            let known = before.programs.into_keys().collect();
            return Err(PauseError::NoProgram { program: program.clone(), known });
        }
        let mut after = Release { rev: before.rev.saturating_add(1), ..before.clone() };
        if change(&mut after.paused) == Switched::Before {
            return Ok(Switched::Before);
        }
        if store.set_release(&after, Some(before.rev)).await? {
            return Ok(Switched::Now);
        }
    }
    Err(PauseError::Contended)
}

/// What is paused, and since when.
pub async fn paused(store: &dyn Store) -> Result<BTreeMap<ProgramName, Timestamp>, StoreError> {
    Ok(store.release().await?.map(|release| release.paused).unwrap_or_default())
}

/// A program, as somebody who runs the suite sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramStatus {
    /// Its name.
    pub program: ProgramName,
    /// The version that leads start now; none where it is retired, and leads only finish it.
    pub version: Option<ProgramVersion>,
    /// How many leads are in it, of whatever version.
    pub leads: u64,
    /// Since when it is paused, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<Timestamp>,
}

/// Every program in force, and those that leads finish. Reads the whole store, to count.
pub async fn statuses(store: &dyn Store) -> Result<Vec<ProgramStatus>, PauseError> {
    let release = store.release().await?.ok_or(PauseError::NothingPublished)?;
    let census = Census::take(store).await?;
    let mut names: Vec<ProgramName> = release.programs.keys().chain(release.kept.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let status = |program: ProgramName| ProgramStatus {
        version: release.programs.get(&program).cloned(),
        leads: census.in_program(&program),
        paused_since: release.paused.get(&program).copied(),
        program,
    };
    // Of what is kept for a moment only, nobody cares.
    let is_shown =
        |status: &ProgramStatus| status.version.is_some() || status.leads > 0 || status.paused_since.is_some();
    Ok(names.into_iter().map(status).filter(is_shown).collect())
}

/// The daily reminder of what is paused.
pub struct Reminder {
    /// Where the release is.
    pub store: Arc<dyn Store>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Chore for Reminder {
    fn name(&self) -> &'static str {
        "paused-programs"
    }

    async fn run(&self) -> Result<Counts, Cause> {
        let (paused, now) = (paused(self.store.as_ref()).await?, self.clock.now());
        let mut long = 0_u64;
        for (program, since) in &paused {
            let days = now.duration_since(*since).as_hours() / 24;
            if now.duration_since(*since) < LONG {
                warn!(program.name = %program, program.paused_days = days, metric = "program.paused",
                    "a program is paused: its touches wait");
            } else {
                long = long.saturating_add(1);
                error!(program.name = %program, program.paused_days = days, metric = "program.paused-long",
                    "a program is paused for long: is it forgotten? see `perennial program list`");
            }
        }
        Ok(Counts::from([("paused", u64::try_from(paused.len())?), ("long", long)]))
    }
}
