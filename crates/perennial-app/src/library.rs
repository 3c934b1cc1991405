//! Which programs are in force, and who sells: the release and the roster in the store, read and kept.
//!
//! **Invariants:** a use-case takes the catalog once and decides on that one to its end; a release or a roster that
//! cannot be read leaves the one before it in force; the store is asked at most once in [`LOOK_EVERY`], however much
//! there is to do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Catalog;
use perennial_core::diagnostic::{Code, Diagnostic};
use perennial_core::ids::ProgramName;
use perennial_core::loader::{Beside, BroadcastFiles, KeptProgram, SourceFile, parse_beside};
use perennial_core::program::ProgramVersion;
use perennial_core::roster::Roster;
use tracing::{error, info, warn};

use crate::error_chain::ErrorChain;
use crate::ports::{Clock, PublishedProgram, Release, RosterRecord, Store, StoreError};
use crate::programs::CATALOG_FILE;

/// How old what is known of the release may be. Half a minute, so that each sweep of a schedule that comes every
/// minute looks anew, and a new release is in force everywhere within that minute.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// How many programs are read at once.
const READS_AT_ONCE: usize = 16;

/// Why there is no catalog.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Nobody has pushed yet.
    #[error("no programs are published: run `perennial push`")]
    NothingPublished,
    /// The release names what is not there.
    #[error("release {rev} names {what}, which is not in the store")]
    Missing {
        /// The release.
        rev: u64,
        /// What is missing.
        what: String,
    },
    /// The release does not read, or not as what it says it is: this build is older than the one that pushed it.
    #[error("release {rev} is not usable: {problem}")]
    Unusable {
        /// The release.
        rev: u64,
        /// The first thing that is wrong with it.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The programs in force. Cheap to ask.
pub struct Library(Source);

enum Source {
    Fixed(Arc<Catalog>),
    Released(Box<Shelf>),
}

/// What is known of the release in a store.
struct Shelf {
    store: Arc<dyn Store>,
    /// The world's time: releases are not made on the suite's.
    wall_clock: Arc<dyn Clock>,
    look_every: SignedDuration,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    catalog: Option<Arc<Catalog>>,
    /// The release that was looked at last, whether or not it could be read.
    rev: Option<u64>,
    /// The release whose programs are in the catalog.
    read: Option<Release>,
    /// What is paused, as the release that was looked at last has it.
    paused: Arc<BTreeMap<ProgramName, Timestamp>>,
    /// Who sells, and which roster says so; none where there never was one.
    roster: Arc<Roster>,
    roster_rev: Option<u64>,
    looked_at: Option<Timestamp>,
}

impl Library {
    /// One catalog for ever, whatever is in a store.
    pub fn fixed(catalog: Arc<Catalog>) -> Self {
        Self(Source::Fixed(catalog))
    }

    /// What is released in a store, looked at again after [`LOOK_EVERY`] of the world's time.
    pub fn released(store: Arc<dyn Store>, wall_clock: Arc<dyn Clock>) -> Self {
        Self::looking_every(store, wall_clock, LOOK_EVERY)
    }

    /// What is released in a store that costs nothing to look at.
    pub fn looking_every(store: Arc<dyn Store>, wall_clock: Arc<dyn Clock>, look_every: SignedDuration) -> Self {
        Self(Source::Released(Box::new(Shelf { store, wall_clock, look_every, known: Mutex::default() })))
    }

    /// The catalog in force, with the older versions that leads are still in.
    ///
    /// Fails only as long as there never was a usable one: later, the last usable one stays in force.
    pub async fn catalog(&self) -> Result<Arc<Catalog>, LibraryError> {
        match &self.0 {
            Source::Fixed(catalog) => Ok(Arc::clone(catalog)),
            Source::Released(released) => released.catalog().await,
        }
    }

    /// Looks at the release the next time it is asked, however short ago it did: for whoever has just pushed.
    pub fn look_again(&self) {
        match &self.0 {
            Source::Fixed(_) => {}
            Source::Released(released) => released.known().looked_at = None,
        }
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library(..)")
    }
}

impl Shelf {
    async fn catalog(&self) -> Result<Arc<Catalog>, LibraryError> {
        let known = self.note_look();
        if let Some(catalog) = known.fresh {
            return Ok(catalog);
        }
        match (self.look(known.rev).await, known.stale) {
            (Ok(Some(catalog)), _) | (Ok(None), Some(catalog)) => Ok(catalog),
            // Only where a catalog is known is a release left unread.
            (Ok(None), None) => Err(LibraryError::NothingPublished),
            (Err(error), Some(catalog)) => {
                error!(
                    error = ErrorChain(&error).to_string(),
                    metric = "release.unusable",
                    "the release cannot be used; the one before it stays in force"
                );
                Ok(catalog)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// What is known, and whether to look; whoever is told to look is the only one for a while.
    fn note_look(&self) -> Noted {
        let now = self.wall_clock.now();
        let mut known = self.known();
        let Some(catalog) = known.catalog.clone() else {
            return Noted { fresh: None, stale: None, rev: None };
        };
        // A clock that was set back must not keep anybody from looking.
        let is_fresh = known.looked_at.is_some_and(|at| at <= now && now.duration_since(at) < self.look_every);
        if is_fresh {
            return Noted { fresh: Some(catalog), stale: None, rev: None };
        }
        known.looked_at = Some(now);
        Noted { fresh: None, stale: Some(catalog), rev: known.rev }
    }

    /// Reads the release and the roster if one of them is another than is known. `None` where neither is.
    async fn look(&self, known_rev: Option<u64>) -> Result<Option<Arc<Catalog>>, LibraryError> {
        let (release, roster) = futures::join!(self.store.release(), self.store.roster());
        let is_new_roster = self.note_roster(roster)?;
        let release = release?.ok_or(LibraryError::NothingPublished)?;
        let is_new_pause = self.note_paused(&release);
        if known_rev == Some(release.rev) || self.note_same_programs(&release) {
            // Somebody who looked at the same time may have read it for whoever knew another, or none.
            let is_news = known_rev != Some(release.rev) || is_new_roster || is_new_pause;
            return Ok(self.known().catalog.clone().filter(|_| is_news));
        }
        let read = read_release(self.store.as_ref(), &release).await;
        let mut known = self.known();
        if !matches!(read, Err(LibraryError::Store(_))) {
            // Said once, not at each look. What the store did not answer is asked for again.
            known.rev = Some(release.rev);
        }
        let (catalog, diagnostics) = read?;
        report(&release, &diagnostics);
        let (roster, paused) = (Arc::clone(&known.roster), Arc::clone(&known.paused));
        let catalog = Arc::new(Catalog { roster, paused, ..catalog });
        known.catalog = Some(Arc::clone(&catalog));
        known.read = Some(release);
        known.looked_at = Some(self.wall_clock.now());
        Ok(Some(catalog))
    }

    /// Puts the roster that was read into the catalog in force. Whether it is another than the one there. One that cannot
    /// be read leaves that one in force, if there is a catalog.
    fn note_roster(&self, read: Result<Option<RosterRecord>, StoreError>) -> Result<bool, LibraryError> {
        let mut known = self.known();
        let record = match read {
            Ok(record) => record,
            Err(error) if known.catalog.is_some() => {
                error!(
                    error = ErrorChain(&error).to_string(),
                    metric = "roster.unusable",
                    "the roster cannot be read; the one before it stays in force"
                );
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let rev = record.as_ref().map(|record| record.rev);
        if rev == known.roster_rev {
            return Ok(false);
        }
        let roster = record.map(|record| record.roster).unwrap_or_default();
        info!(roster.rev = rev, reps = roster.reps.len(), "a roster is in force");
        known.roster = Arc::new(roster);
        known.roster_rev = rev;
        let roster = Arc::clone(&known.roster);
        known.catalog = known.catalog.take().map(|catalog| Arc::new(Catalog { roster, ..(*catalog).clone() }));
        Ok(true)
    }

    /// Puts what is paused into the catalog in force, whether or not the release can be read otherwise. Whether it is
    /// another than before.
    fn note_paused(&self, release: &Release) -> bool {
        let mut known = self.known();
        if *known.paused == release.paused {
            return false;
        }
        for (program, since) in release.paused.iter().filter(|(program, _)| !known.paused.contains_key(*program)) {
            warn!(program.name = %program, program.paused_since = %since, "an operator paused a program: its touches wait");
        }
        for program in known.paused.keys().filter(|program| !release.paused.contains_key(*program)) {
            info!(program.name = %program, "a program that was paused goes on");
        }
        let paused = Arc::new(release.paused.clone());
        known.paused = Arc::clone(&paused);
        known.catalog = known.catalog.take().map(|catalog| Arc::new(Catalog { paused, ..(*catalog).clone() }));
        true
    }

    /// Whether the programs of a release are those in the catalog: then there is nothing to read.
    fn note_same_programs(&self, release: &Release) -> bool {
        let mut known = self.known();
        let is_same = known.read.as_ref().is_some_and(|read| read.has_the_programs_of(release));
        if is_same {
            known.rev = Some(release.rev);
        }
        is_same
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Plain values, each whole at any time.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Noted {
    fresh: Option<Arc<Catalog>>,
    stale: Option<Arc<Catalog>>,
    rev: Option<u64>,
}

fn report(release: &Release, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let (file, code, message) = (&diagnostic.file, diagnostic.code.as_str(), &diagnostic.message);
        if diagnostic.code == Code::KeptUnreadable {
            warn!(
                release.rev = release.rev,
                file, code, message, "leads of an older version go on in the one in force"
            );
        } else {
            // Whoever pushed has seen it.
            info!(release.rev = release.rev, file, code, message, "program file");
        }
    }
    info!(release.rev = release.rev, programs = release.programs.len(), "the programs of a release are in force");
}

/// All that a release names, as it was published.
pub(crate) struct Published {
    /// `catalog.toml` and the programs that leads start now.
    pub(crate) files: Vec<SourceFile>,
    kept: Vec<KeptProgram>,
    broadcasts: Vec<BroadcastFiles>,
}

impl Published {
    /// What a directory holds, as if it were published.
    pub(crate) const fn of_directory(files: Vec<SourceFile>) -> Self {
        Self { files, kept: Vec::new(), broadcasts: Vec::new() }
    }

    /// Reads it, with a broadcast that is to go out.
    pub(crate) fn read(&self, draft: Option<&BroadcastFiles>) -> (Option<Catalog>, Vec<Diagnostic>) {
        parse_beside(&self.files, Beside { kept: &self.kept, broadcasts: &self.broadcasts, draft })
    }

    /// The same without a broadcast: it is about to be read as one that is to go out.
    pub(crate) fn without_broadcast(mut self, name: &ProgramName) -> Self {
        self.broadcasts.retain(|broadcast| broadcast.name != *name);
        self
    }
}

/// Everything that a release names. A broadcast or an older version that is not there is left out: it costs some leads
/// their mail or their pin, not everybody their programs.
pub(crate) async fn published(store: &dyn Store, release: &Release) -> Result<Published, LibraryError> {
    let missing = |what: String| LibraryError::Missing { rev: release.rev, what };
    let published = store.catalog(&release.catalog).await?.ok_or_else(|| missing(CATALOG_FILE.to_owned()))?;
    let current = release.programs.clone().into_iter().collect();
    let older =
        release.kept.iter().flat_map(|(name, versions)| versions.keys().map(|version| (name.clone(), version.clone())));
    let older = older.collect();
    let current = read_programs(store, current).await?;
    let older = read_programs(store, older).await?;

    let mut files = vec![SourceFile { path: CATALOG_FILE.to_owned(), text: published.text }];
    for ((name, version), program) in current {
        let program = program.ok_or_else(|| missing(format!("{name}@{}", version.0)))?;
        files.extend(program.files);
    }
    let kept = older.into_iter().filter_map(|((name, _), program)| Some(KeptProgram { name, files: program?.files }));
    let kept = kept.collect();
    let broadcasts = sent_broadcasts(store, release).await?;
    Ok(Published { files, kept, broadcasts })
}

/// The files of the broadcasts of a release that go on, or did of late.
pub(crate) async fn sent_broadcasts(store: &dyn Store, release: &Release) -> Result<Vec<BroadcastFiles>, StoreError> {
    let wanted = release.broadcasts_remembered().map(|(name, sent)| (name.clone(), sent.version.clone()));
    let read = read_programs(store, wanted.collect()).await?;
    let files = read.into_iter().filter_map(|((name, _), program)| {
        let sent = release.broadcasts.get(&name)?;
        Some(BroadcastFiles { files: program?.files, until: sent.until, is_stopped: sent.stopped_at.is_some(), name })
    });
    Ok(files.collect())
}

/// The catalog of a release, and what is worth knowing of it.
pub async fn read_release(store: &dyn Store, release: &Release) -> Result<(Catalog, Vec<Diagnostic>), LibraryError> {
    let (catalog, diagnostics) = published(store, release).await?.read(None);
    let unusable = |problem: String| LibraryError::Unusable { rev: release.rev, problem };
    let Some(catalog) = catalog else {
        let first = diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        let problem = first.map(|first| format!("{}: {} {}", first.file, first.code.as_str(), first.message));
        return Err(unusable(problem.unwrap_or_default()));
    };
    // What a lead is pinned to must go by the same name in every build.
    let renamed = release
        .programs
        .iter()
        .find(|(name, version)| catalog.programs.get(*name).is_none_or(|program| program.version != **version));
    match renamed {
        None => Ok((catalog, diagnostics)),
        Some((name, version)) => Err(unusable(format!("{name} is not the version {} that was published", version.0))),
    }
}

/// Some versions of programs, in the order asked for.
pub(crate) async fn read_programs(
    store: &dyn Store,
    wanted: Vec<(ProgramName, ProgramVersion)>,
) -> Result<Vec<((ProgramName, ProgramVersion), Option<PublishedProgram>)>, StoreError> {
    let reads = stream::iter(wanted).map(|wanted| async move {
        let program = store.program(&wanted.0, &wanted.1).await?;
        Ok::<_, StoreError>((wanted, program))
    });
    reads.buffered(READS_AT_ONCE).try_collect().await
}
