//! The push: a directory's programs become the release in force.
//!
//! **Invariants:** what is published never changes; the release moves by compare-and-set, and only to programs that
//! read without an error, with every older version that a lead is in. Nothing of a push that fails is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use perennial_core::diagnostic::Diagnostic;
use perennial_core::ids::ProgramName;
use perennial_core::loader::{Beside, BroadcastFiles, KeptProgram, SourceFile, catalog_version, parse, parse_beside};
use perennial_core::program::ProgramVersion;
use toml::Table;

use crate::census::Census;
use crate::library::{read_programs, sent_broadcasts};
use crate::ports::{CatalogVersion, PublishedCatalog, PublishedProgram, Release, Store, StoreError};
use crate::programs::{CATALOG_FILE, PROGRAM_FILE, by_program, catalog_text};

/// How long a version is kept in which nobody stands any more. Until a function has looked at the release it may
/// start leads in the one before; this is the longest that Lambda lets it run.
pub const KEPT_AT_LEAST: SignedDuration = SignedDuration::from_mins(15);

/// What to push.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The files of a catalog's directory.
    pub files: &'a [SourceFile],
    /// Programs that may go although leads are in them: those finish the version that they are in.
    pub retired: &'a BTreeSet<ProgramName>,
    /// The world's time.
    pub now: Timestamp,
}

/// A program that leads are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// The program.
    pub program: ProgramName,
    /// The version, where one is meant.
    pub version: Option<ProgramVersion>,
    /// How many leads are in it.
    pub leads: u64,
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leads = Leads(self.leads);
        match &self.version {
            None => write!(f, "`{}` is in use by {leads}", self.program),
            Some(version) => write!(f, "`{}@{}` is in use by {leads}", self.program, version.0),
        }
    }
}

/// A number of leads, as people read it: `1,204 leads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leads(pub u64);

impl fmt::Display for Leads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + 8);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text.push_str(if self.0 == 1 { " lead" } else { " leads" });
        f.pad(&text)
    }
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The programs have errors.
    #[error("the programs have errors")]
    NotUsable {
        /// All that is wrong.
        diagnostics: Vec<Diagnostic>,
        /// The programs that leads are in and of which nothing is left.
        emptied: Vec<InUse>,
    },
    /// Programs would go that leads are in.
    #[error("{}", sentences(.0))]
    InUse(Vec<InUse>),
    /// Older versions that leads are in would not read any more beside the new catalog.
    #[error("{}, and would not read with this {CATALOG_FILE}", sentences(.in_use))]
    Unreadable {
        /// The versions.
        in_use: Vec<InUse>,
        /// What is wrong with them.
        diagnostics: Vec<Diagnostic>,
    },
    /// A broadcast goes by the name of a program.
    #[error("`{0}` is the name of a broadcast: give the program another one")]
    NameOfBroadcast(ProgramName),
    /// Broadcasts that go out now would not read any more beside the new catalog.
    #[error("the broadcast {} goes out just now, and would not read with this {CATALOG_FILE}", listed(.names))]
    BroadcastUnreadable {
        /// The broadcasts.
        names: Vec<ProgramName>,
        /// What is wrong with them.
        diagnostics: Vec<Diagnostic>,
    },
    /// Somebody else pushed meanwhile, or paused a program.
    #[error("somebody else pushed, or paused a program, meanwhile: look again")]
    Overtaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn listed(names: &[ProgramName]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn sentences(in_use: &[InUse]) -> String {
    in_use.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a push does, before it is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The release to come; the one in force, if nothing changes.
    pub release: Release,
    /// What becomes of each program that changes, by name.
    pub changes: Vec<Change>,
    /// Whether `catalog.toml` is another.
    pub catalog_changes: bool,
    /// What is worth knowing, and no error.
    pub diagnostics: Vec<Diagnostic>,
    /// The revision in force.
    before: Option<u64>,
    programs: Vec<PublishedProgram>,
    catalog: PublishedCatalog,
}

/// What becomes of a program.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The program.
    pub program: ProgramName,
    /// The version that leads started so far; `None` where the program is new.
    pub from: Option<ProgramVersion>,
    /// The version that leads start from now on; `None` where the program goes.
    pub to: Option<ProgramVersion>,
    /// How many leads stay in older versions.
    pub staying: u64,
}

impl Plan {
    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.catalog_changes
    }

    /// Publishes what is new, and puts the release in force. Does nothing where nothing changes.
    pub async fn publish(&self, store: &dyn Store) -> Result<(), PushError> {
        if self.is_empty() {
            return Ok(());
        }
        // What the release names must be there before it is.
        store.put_catalog(&self.catalog).await?;
        for program in &self.programs {
            store.put_program(program).await?;
        }
        let is_set = store.set_release(&self.release, self.before).await?;
        if is_set { Ok(()) } else { Err(PushError::Overtaken) }
    }
}

/// Publishes a directory's programs. What it did.
pub async fn push(store: &dyn Store, push: &Push<'_>) -> Result<Plan, PushError> {
    let plan = plan(store, push).await?;
    plan.publish(store).await?;
    Ok(plan)
}

/// Works out what a push would do, and whether it may.
///
/// Reads the whole store where something changes: it counts who is in what.
pub async fn plan(store: &dyn Store, push: &Push<'_>) -> Result<Plan, PushError> {
    let before = store.release().await?;
    let (catalog, diagnostics) = parse(push.files);
    let Some(catalog) = catalog else {
        let emptied = emptied(store, before.as_ref(), push.files).await?;
        return Err(PushError::NotUsable { diagnostics, emptied });
    };
    let current = catalog.programs.values().map(|program| (program.name.clone(), program.version.clone())).collect();
    let published = published_catalog(push.files);
    match before {
        Some(before) if before.programs == current && before.catalog == published.version => Ok(Plan {
            before: Some(before.rev),
            release: before,
            changes: Vec::new(),
            catalog_changes: false,
            diagnostics,
            programs: Vec::new(),
            catalog: published,
        }),
        before => plan_changes(store, push, before, current, published).await,
    }
}

async fn plan_changes(
    store: &dyn Store,
    push: &Push<'_>,
    before: Option<Release>,
    current: BTreeMap<ProgramName, ProgramVersion>,
    catalog: PublishedCatalog,
) -> Result<Plan, PushError> {
    let broadcasts = before.as_ref().map(|before| before.broadcasts.clone()).unwrap_or_default();
    if let Some(name) = current.keys().find(|name| broadcasts.contains_key(*name)) {
        return Err(PushError::NameOfBroadcast(name.clone()));
    }
    let census = Census::take(store).await?;
    refuse_removal(before.as_ref(), &current, &census, push.retired)?;
    let kept = kept(store, before.as_ref(), &current, &census, push.now).await?;
    let diagnostics = read_beside(push.files, &kept, &census)?;
    refuse_unreadable(store, before.as_ref(), push).await?;
    let changes = changes(before.as_ref(), &current, &census);
    let is_new = |name: &ProgramName| changes.iter().any(|change| change.program == *name && change.to.is_some());
    let programs = by_program(push.files).into_iter().filter(|(name, _)| is_new(name)).filter_map(|(name, files)| {
        let version = current.get(&name)?.clone();
        Some(PublishedProgram { name, version, files })
    });
    let programs = programs.collect();
    let rev = before.as_ref().map(|before| before.rev);
    let mut release = Release {
        rev: rev.map_or(1, |rev| rev.saturating_add(1)),
        at: push.now,
        catalog: catalog.version.clone(),
        programs: current,
        kept: kept_versions(&kept),
        paused: BTreeMap::new(),
        broadcasts,
    };
    // A push is no word on what is paused. What nobody is in any more goes with its program.
    let paused = before.as_ref().map(|before| before.paused.clone()).unwrap_or_default();
    release.paused = paused.into_iter().filter(|(program, _)| release.has(program)).collect();
    Ok(Plan {
        catalog_changes: before.is_none_or(|before| before.catalog != catalog.version),
        release,
        changes,
        diagnostics,
        before: rev,
        programs,
        catalog,
    })
}

fn published_catalog(files: &[SourceFile]) -> PublishedCatalog {
    let text = catalog_text(files).unwrap_or_default().to_owned();
    let file = SourceFile { path: CATALOG_FILE.to_owned(), text: text.clone() };
    PublishedCatalog { version: CatalogVersion(catalog_version(&file)), text }
}

/// The programs that leads are in and of which the files leave nothing: no folder, or a program without a step.
async fn emptied(store: &dyn Store, before: Option<&Release>, files: &[SourceFile]) -> Result<Vec<InUse>, StoreError> {
    let has_steps = |name: &ProgramName| {
        let path = format!("{name}/{PROGRAM_FILE}");
        let table = files.iter().find(|file| file.path == path).map(|file| file.text.parse::<Table>());
        // A file that is no TOML may have steps.
        table.is_some_and(|table| table.map_or(true, |table| table.contains_key("step")))
    };
    let released = before.iter().flat_map(|before| before.programs.keys());
    let empty: Vec<&ProgramName> = released.filter(|name| !has_steps(name)).collect();
    if empty.is_empty() {
        return Ok(Vec::new());
    }
    let census = Census::take(store).await?;
    Ok(empty.into_iter().filter_map(|name| in_use(name, &census)).collect())
}

fn in_use(name: &ProgramName, census: &Census) -> Option<InUse> {
    let leads = census.in_program(name);
    (leads > 0).then(|| InUse { program: name.clone(), version: None, leads })
}

fn refuse_removal(
    before: Option<&Release>,
    current: &BTreeMap<ProgramName, ProgramVersion>,
    census: &Census,
    retired: &BTreeSet<ProgramName>,
) -> Result<(), PushError> {
    let released = before.iter().flat_map(|before| before.programs.keys());
    let removed = released.filter(|name| !current.contains_key(*name) && !retired.contains(*name));
    let in_use: Vec<InUse> = removed.filter_map(|name| in_use(name, census)).collect();
    if in_use.is_empty() { Ok(()) } else { Err(PushError::InUse(in_use)) }
}

/// An older version that stays readable.
struct Kept {
    version: ProgramVersion,
    /// Since when no lead starts it.
    since: Timestamp,
    program: KeptProgram,
}

/// The older versions to keep: those that leads are in, and those that a lead may still be started in.
async fn kept(
    store: &dyn Store,
    before: Option<&Release>,
    current: &BTreeMap<ProgramName, ProgramVersion>,
    census: &Census,
    now: Timestamp,
) -> Result<Vec<Kept>, StoreError> {
    let mut since: BTreeMap<(ProgramName, ProgramVersion), Timestamp> = BTreeMap::new();
    for name in census.programs() {
        since.extend(census.versions(name).map(|(version, _)| ((name.clone(), version.clone()), now)));
    }
    if let Some(before) = before {
        since.extend(before.programs.clone().into_iter().map(|program| (program, now)));
        for (name, versions) in &before.kept {
            for (version, at) in versions {
                let key = (name.clone(), version.clone());
                if since.contains_key(&key) || now.duration_since(*at) < KEPT_AT_LEAST {
                    since.insert(key, *at);
                }
            }
        }
    }
    since.retain(|(name, version), _| current.get(name) != Some(version));
    let programs = read_programs(store, since.keys().cloned().collect()).await?;
    // A version that was never published here cannot be kept: its leads go on in the current one.
    let kept = programs.into_iter().zip(since.into_values()).filter_map(|(((name, version), program), since)| {
        Some(Kept { version, since, program: KeptProgram { name, files: program?.files } })
    });
    Ok(kept.collect())
}

fn kept_versions(kept: &[Kept]) -> BTreeMap<ProgramName, BTreeMap<ProgramVersion, Timestamp>> {
    let mut versions: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for Kept { version, since, program } in kept {
        versions.entry(program.name.clone()).or_default().insert(version.clone(), *since);
    }
    versions
}

/// Reads the new files with the older versions beside them, as the functions will. Those that leads are in must read.
fn read_beside(files: &[SourceFile], kept: &[Kept], census: &Census) -> Result<Vec<Diagnostic>, PushError> {
    let programs: Vec<KeptProgram> = kept.iter().map(|kept| kept.program.clone()).collect();
    let (catalog, diagnostics) = parse_beside(files, Beside { kept: &programs, ..Beside::default() });
    let Some(catalog) = catalog else {
        return Err(PushError::NotUsable { diagnostics, emptied: Vec::new() });
    };
    let lost = kept.iter().filter_map(|Kept { version, program, .. }| {
        let leads = census.in_version(&program.name, version);
        let is_there = catalog.kept.contains_key(&(program.name.clone(), version.clone()));
        (leads > 0 && !is_there).then(|| InUse { program: program.name.clone(), version: Some(version.clone()), leads })
    });
    let in_use: Vec<InUse> = lost.collect();
    if in_use.is_empty() { Ok(diagnostics) } else { Err(PushError::Unreadable { in_use, diagnostics }) }
}

/// Whoever waits for a broadcast is to get it: it must read beside the new catalog, unless it is over.
async fn refuse_unreadable(store: &dyn Store, before: Option<&Release>, push: &Push<'_>) -> Result<(), PushError> {
    let Some(before) = before else { return Ok(()) };
    let mut broadcasts = sent_broadcasts(store, before).await?;
    broadcasts.retain(|BroadcastFiles { until, is_stopped, .. }| !is_stopped && push.now < *until);
    let (catalog, diagnostics) = parse_beside(push.files, Beside { broadcasts: &broadcasts, ..Beside::default() });
    let is_lost = |name: &ProgramName| catalog.as_ref().is_none_or(|catalog| !catalog.broadcasts.contains_key(name));
    let names: Vec<ProgramName> = broadcasts.into_iter().map(|files| files.name).filter(is_lost).collect();
    if names.is_empty() { Ok(()) } else { Err(PushError::BroadcastUnreadable { names, diagnostics }) }
}

fn changes(before: Option<&Release>, current: &BTreeMap<ProgramName, ProgramVersion>, census: &Census) -> Vec<Change> {
    let none = BTreeMap::new();
    let before = before.map_or(&none, |before| &before.programs);
    let names: BTreeSet<&ProgramName> = before.keys().chain(current.keys()).collect();
    let change = |name: &ProgramName| {
        let (from, to) = (before.get(name).cloned(), current.get(name).cloned());
        let staying = to.as_ref().map_or_else(|| census.in_program(name), |to| census.beside(name, to));
        Change { program: name.clone(), from, to, staying }
    };
    names.into_iter().map(change).filter(|change| change.from != change.to).collect()
}
