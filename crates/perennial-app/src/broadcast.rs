//! Broadcasts: one mail for everybody of a segment, sent once.
//!
//! **Invariants:** what a broadcast says is published, and in the release, before anybody is to get it; its name is never
//! used twice. Sending may break off and be run again: whoever is to get it already is passed over. A dry run asks the
//! core what sending asks it, and commits nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use perennial_core::broadcast::{Broadcast, DAYS_MAX, OfferState, PassedOver, broadcast_touch};
use perennial_core::catalog::Catalog;
use perennial_core::decide::{Stimulus, View, offer};
use perennial_core::diagnostic::Diagnostic;
use perennial_core::event::{Event, SkipReason};
use perennial_core::ids::{LeadId, ProgramName};
use perennial_core::lead::Lead;
use perennial_core::loader::{BroadcastFiles, SourceFile, broadcast_version};

use crate::library::{LibraryError, Published, published};
use crate::ports::{PublishedProgram, Release, SentBroadcast, Store, StoreError, Surveyed};
use crate::preview::words;
use crate::react::{Attachments, ReactError, react};

/// How many leads are looked at, or told, at once.
const AT_ONCE: usize = 16;

/// The most broadcasts that a deployment ever sends: their names stand in the release, which is one item.
pub const BROADCASTS_MAX: usize = 1_000;

/// Why a broadcast is not sent, or not to everybody.
#[derive(Debug, thiserror::Error)]
pub enum BroadcastError {
    /// Its files have errors.
    #[error("the broadcast has errors")]
    NotUsable(Vec<Diagnostic>),
    /// A broadcast of that name was sent, and said something else.
    #[error("a broadcast `{0}` was sent with other files: a name is used once, so give this one another")]
    NameUsed(ProgramName),
    /// It was sent, and its time is over.
    #[error("the broadcast `{0}` is over: to send it again, give it another name")]
    Over(ProgramName),
    /// Somebody stopped it.
    #[error("the broadcast `{0}` was stopped: to send it after all, give it another name")]
    Stopped(ProgramName),
    /// Its last day is in the past.
    #[error("the last day of `{0}` is over: set `until` to a later one")]
    LastDayPast(ProgramName),
    /// Its last day is too far ahead.
    #[error("the last day of `{0}` is more than {DAYS_MAX} days ahead")]
    LastDayFar(ProgramName),
    /// There were too many.
    #[error("{BROADCASTS_MAX} broadcasts were sent, and that is the most: a program is the better way")]
    TooMany,
    /// The programs that it is checked beside have errors themselves.
    #[error("the programs have errors: `perennial check` shows them")]
    ProgramsUnusable,
    /// No broadcast goes by that name.
    #[error("no broadcast `{0}` was ever sent")]
    Unknown(ProgramName),
    /// It would go to nobody.
    #[error("nobody would get it (`dry-run` says why): nothing was sent, and the name `{0}` is free")]
    Nobody(ProgramName),
    /// Somebody else pushed meanwhile.
    #[error("somebody else pushed meanwhile: run the same again")]
    Overtaken,
    /// There are no programs that it could go out beside.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed. Run the same again to go on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A broadcast that may be sent, with all that it goes out beside.
#[derive(Debug)]
pub struct Prepared {
    /// What is in force, with the broadcast.
    catalog: Arc<Catalog>,
    name: ProgramName,
    files: Vec<SourceFile>,
    release: Release,
    /// What is worth knowing, and no error.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether it was sent before, and goes on.
    pub is_under_way: bool,
    since: Timestamp,
}

/// Reads a broadcast's files beside what is in force, and sees whether it may be sent.
pub async fn prepare(
    store: &dyn Store,
    name: &ProgramName,
    files: Vec<SourceFile>,
    now: Timestamp,
) -> Result<Prepared, BroadcastError> {
    let release = store.release().await?.ok_or(LibraryError::NothingPublished)?;
    let sent = release.broadcasts.get(name).cloned();
    let version = broadcast_version(&files);
    if let Some(sent) = &sent {
        may_go_on(name, sent, version.as_ref().is_some_and(|version| *version == sent.version), now)?;
    } else if release.broadcasts.len() >= BROADCASTS_MAX {
        return Err(BroadcastError::TooMany);
    }
    let published = published(store, &release).await?.without_broadcast(name);
    let until = sent.as_ref().map_or(Timestamp::MAX, |sent| sent.until);
    let draft = BroadcastFiles { name: name.clone(), files, until, is_stopped: false };
    let (mut catalog, diagnostics) = read(&published, &draft)?;
    if sent.is_none()
        && let Some(broadcast) = catalog.broadcasts.get(name)
    {
        let until = ends(broadcast, &catalog, now)?;
        catalog.broadcasts.entry(name.clone()).and_modify(|broadcast| broadcast.until = until);
    }
    catalog.roster = Arc::new(store.roster().await?.map(|record| record.roster).unwrap_or_default());
    Ok(Prepared {
        catalog: Arc::new(catalog),
        name: name.clone(),
        files: draft.files,
        release,
        diagnostics,
        is_under_way: sent.is_some(),
        since: sent.map_or(now, |sent| sent.since),
    })
}

/// Reads a broadcast's files beside the programs of a directory: what there is to say of it, and what it would go out
/// beside.
pub fn check(
    programs: &[SourceFile],
    name: &ProgramName,
    files: &[SourceFile],
    now: Timestamp,
) -> Result<(Catalog, Vec<Diagnostic>), BroadcastError> {
    let published = Published::of_directory(programs.to_vec());
    if published.read(None).0.is_none() {
        return Err(BroadcastError::ProgramsUnusable);
    }
    let draft = BroadcastFiles { name: name.clone(), files: files.to_vec(), until: Timestamp::MAX, is_stopped: false };
    let (mut catalog, diagnostics) = read(&published, &draft)?;
    if let Some(broadcast) = catalog.broadcasts.get(name) {
        let until = ends(broadcast, &catalog, now)?;
        catalog.broadcasts.entry(name.clone()).and_modify(|broadcast| broadcast.until = until);
    }
    Ok((catalog, diagnostics))
}

fn may_go_on(name: &ProgramName, sent: &SentBroadcast, is_same: bool, now: Timestamp) -> Result<(), BroadcastError> {
    match (is_same, sent.stopped_at) {
        (false, _) => Err(BroadcastError::NameUsed(name.clone())),
        (true, Some(_)) => Err(BroadcastError::Stopped(name.clone())),
        (true, None) if sent.until <= now => Err(BroadcastError::Over(name.clone())),
        (true, None) => Ok(()),
    }
}

fn read(published: &Published, draft: &BroadcastFiles) -> Result<(Catalog, Vec<Diagnostic>), BroadcastError> {
    let prefix = format!("{}/", draft.name);
    let (catalog, mut diagnostics) = published.read(Some(draft));
    // What is worth knowing of the programs was said when they were pushed.
    diagnostics.retain(|diagnostic| diagnostic.is_error() || diagnostic.file.starts_with(&prefix));
    match catalog.filter(|catalog| catalog.broadcasts.contains_key(&draft.name)) {
        Some(catalog) => Ok((catalog, diagnostics)),
        None => Err(BroadcastError::NotUsable(diagnostics)),
    }
}

/// When a broadcast is over that is sent now.
fn ends(broadcast: &Broadcast, catalog: &Catalog, now: Timestamp) -> Result<Timestamp, BroadcastError> {
    let until = broadcast.ends(now, &catalog.default_zone);
    let last_day_max = Broadcast::last_day_max(now, &catalog.default_zone);
    if until <= now {
        return Err(BroadcastError::LastDayPast(broadcast.name().clone()));
    }
    if broadcast.last_day.is_some_and(|day| day > last_day_max) {
        return Err(BroadcastError::LastDayFar(broadcast.name().clone()));
    }
    Ok(until)
}

/// What comes of a broadcast, over all leads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Leads that were looked at.
    pub leads: u64,
    /// Those that get it.
    pub queued: u64,
    /// When the first of them get it.
    pub first_at: Option<Timestamp>,
    /// When the last do, as far as is known now.
    pub last_at: Option<Timestamp>,
    /// Those that do not, by why.
    pub passed_over: BTreeMap<PassedOver, u64>,
    /// Those that others kept changing: run the same again.
    pub contended: u64,
}

/// What comes of it for one lead.
enum Fate {
    Queued(Timestamp),
    PassedOver(PassedOver),
    Contended,
}

impl Tally {
    fn with(mut self, fate: &Fate) -> Self {
        self.leads = self.leads.saturating_add(1);
        match fate {
            Fate::Queued(at) => {
                self.queued = self.queued.saturating_add(1);
                self.first_at = Some(self.first_at.map_or(*at, |first| first.min(*at)));
                self.last_at = self.last_at.max(Some(*at));
            }
            Fate::PassedOver(why) => {
                let leads = self.passed_over.entry(*why).or_default();
                *leads = leads.saturating_add(1);
            }
            Fate::Contended => self.contended = self.contended.saturating_add(1),
        }
        self
    }

    /// Those for whom the broadcast was written: all but who is not nurtured, and who is not in the segment.
    pub fn in_segment(&self) -> u64 {
        let outside = [PassedOver::NotNurtured, PassedOver::NotInSegment];
        let outside: u64 = outside.iter().filter_map(|why| self.passed_over.get(why)).sum();
        self.leads.saturating_sub(outside)
    }
}

impl Prepared {
    /// The broadcast.
    pub fn broadcast(&self) -> Option<&Broadcast> {
        self.catalog.broadcasts.get(&self.name)
    }

    /// What is in force, with the broadcast.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What sending would come to. Reads every lead, and changes nothing.
    pub async fn dry_run(&self, store: &dyn Store, now: Timestamp) -> Result<Tally, BroadcastError> {
        self.each(store, |id| async move { Ok(self.look(store, &id, now).await?) }).await
    }

    /// Publishes the broadcast, and lets everybody have it who is to get it. The sweep sends the mails.
    ///
    /// One that nobody would get is not published: a slip in its segment shall not use up its name.
    pub async fn send(&self, store: &dyn Store, now: Timestamp) -> Result<Tally, BroadcastError> {
        if !self.is_under_way && self.dry_run(store, now).await?.queued == 0 {
            return Err(BroadcastError::Nobody(self.name.clone()));
        }
        self.publish(store).await?;
        self.each(store, |id| async move { self.offer_to(store, &id, now).await }).await
    }

    /// What the broadcast says, before anybody is to get it.
    async fn publish(&self, store: &dyn Store) -> Result<(), BroadcastError> {
        let Some(broadcast) = self.broadcast().filter(|_| !self.is_under_way) else { return Ok(()) };
        let (name, version) = (self.name.clone(), broadcast.program.version.clone());
        store.put_program(&PublishedProgram { name, version, files: self.files.clone() }).await?;
        let sent = SentBroadcast {
            version: broadcast.program.version.clone(),
            title: broadcast.program.title.clone(),
            since: self.since,
            until: broadcast.until,
            stopped_at: None,
        };
        set(store, &self.release, &self.name, sent).await
    }

    /// Goes through all leads, page by page.
    async fn each<F>(&self, store: &dyn Store, fate: impl Fn(LeadId) -> F + Sync) -> Result<Tally, BroadcastError>
    where
        F: Future<Output = Result<Fate, BroadcastError>>,
    {
        let (mut sum, mut cursor) = (Tally::default(), None);
        loop {
            let page = store.survey(cursor).await?;
            let fates = page.items.into_iter().filter_map(lead_of).map(|lead| fate(lead.id));
            let fates = stream::iter(fates).buffer_unordered(AT_ONCE);
            sum = fates.try_fold(sum, async |sum, fate| Ok(sum.with(&fate))).await?;
            cursor = page.next;
            if cursor.is_none() {
                return Ok(sum);
            }
        }
    }

    async fn look(&self, store: &dyn Store, id: &LeadId, now: Timestamp) -> Result<Fate, StoreError> {
        let stored = store.load(id).await?;
        let (lead, profile) = (stored.as_ref().map(|it| &it.lead), stored.as_ref().map(|it| &it.profile));
        let view = View { lead, profile, catalog: &self.catalog, loads: None };
        Ok(match offer(&view, &self.name, now) {
            Ok(at) => Fate::Queued(at),
            Err(why) => Fate::PassedOver(why),
        })
    }

    async fn offer_to(&self, store: &dyn Store, id: &LeadId, now: Timestamp) -> Result<Fate, BroadcastError> {
        // Most are passed over, at the price of one read.
        if let fate @ (Fate::PassedOver(_) | Fate::Contended) = self.look(store, id, now).await? {
            return Ok(fate);
        }
        let stimulus = Stimulus::Offered { broadcast: self.name.clone() };
        match react(store, &self.catalog, id, &stimulus, now, |_| Attachments::default()).await {
            Ok(reaction) => {
                let events = reaction.map(|reaction| reaction.events).unwrap_or_default();
                match events.iter().find_map(queued_at) {
                    Some(at) => Ok(Fate::Queued(at)),
                    // It changed in between.
                    None => Ok(self.look(store, id, now).await?),
                }
            }
            Err(ReactError::Store(error)) => Err(error.into()),
            Err(ReactError::Contended | ReactError::KnownSubmission | ReactError::KnownKey(_)) => Ok(Fate::Contended),
        }
    }
}

fn lead_of(item: Surveyed) -> Option<Box<Lead>> {
    match item {
        Surveyed::State { lead, .. } => Some(lead),
        Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => None,
    }
}

fn queued_at(event: &Event) -> Option<Timestamp> {
    if let Event::BroadcastQueued { due_at, .. } = event { Some(*due_at) } else { None }
}

async fn set(
    store: &dyn Store,
    before: &Release,
    name: &ProgramName,
    sent: SentBroadcast,
) -> Result<(), BroadcastError> {
    let mut next = before.clone();
    next.rev = next.rev.saturating_add(1);
    next.broadcasts.insert(name.clone(), sent);
    let is_set = store.set_release(&next, Some(before.rev)).await?;
    if is_set { Ok(()) } else { Err(BroadcastError::Overtaken) }
}

/// Every broadcast that was ever sent.
pub async fn sent(store: &dyn Store) -> Result<BTreeMap<ProgramName, SentBroadcast>, BroadcastError> {
    Ok(store.release().await?.map(|release| release.broadcasts).unwrap_or_default())
}

/// Stops a broadcast: whoever has not got it does not get it any more. Whether it went on until then.
pub async fn stop(store: &dyn Store, name: &ProgramName, now: Timestamp) -> Result<bool, BroadcastError> {
    let release = store.release().await?.ok_or(LibraryError::NothingPublished)?;
    let known = release.broadcasts.get(name).cloned().ok_or_else(|| BroadcastError::Unknown(name.clone()))?;
    if known.stopped_at.is_some() || known.until <= now {
        return Ok(false);
    }
    set(store, &release, name, SentBroadcast { stopped_at: Some(now), ..known }).await?;
    Ok(true)
}

/// How far a broadcast has got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Those who are still to get it.
    pub waiting: u64,
    /// When the next of them do, and the last, as far as is known now.
    pub next_at: Option<(Timestamp, Timestamp)>,
    /// Those who got it.
    pub sent: u64,
    /// Of those, the mails of which nobody knows whether they went out.
    pub in_doubt: u64,
    /// Of those who got it, those who followed a link.
    pub clicked: u64,
    /// Those whose mail can never be sent, or turned out not to have gone out.
    pub failed: u64,
    /// Those who were passed over when it was due, by why.
    pub skipped: BTreeMap<SkipReason, u64>,
}

/// How far a broadcast has got, as a reading of the whole store finds it: of every lead that remembers it.
pub async fn progress(store: &dyn Store, name: &ProgramName) -> Result<Progress, BroadcastError> {
    let (mut progress, mut cursor) = (Progress::default(), None);
    loop {
        let page = store.survey(cursor).await?;
        for lead in page.items.into_iter().filter_map(lead_of) {
            progress.count(&lead, name);
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(progress);
        }
    }
}

impl Progress {
    fn count(&mut self, lead: &Lead, name: &ProgramName) {
        let Some(offer) = lead.offers.iter().find(|offer| &offer.broadcast == name) else { return };
        let touch = broadcast_touch(name, lead.life);
        let add = |count: &mut u64| *count = count.saturating_add(1);
        match &offer.state {
            OfferState::Waits { due_at, .. } => {
                add(&mut self.waiting);
                let (first, last) = self.next_at.unwrap_or((*due_at, *due_at));
                self.next_at = Some((first.min(*due_at), last.max(*due_at)));
            }
            OfferState::Sent => {
                add(&mut self.sent);
                if lead.unresolved.iter().any(|doubt| Some(&doubt.touch) == touch.as_ref()) {
                    add(&mut self.in_doubt);
                }
                let followed = touch.as_ref().and_then(|touch| lead.followed(touch));
                if followed.is_some_and(|followed| !followed.people.is_empty()) {
                    add(&mut self.clicked);
                }
            }
            OfferState::Failed | OfferState::Dropped => add(&mut self.failed),
            OfferState::Skipped { reason } => add(self.skipped.entry(*reason).or_default()),
        }
    }
}

/// Why leads do not get a broadcast, as people read it.
pub const fn why(passed_over: PassedOver) -> &'static str {
    use perennial_core::event::DeferReason;
    match passed_over {
        PassedOver::NotNurtured => "junk, or gone",
        PassedOver::NotInSegment => "not in the segment",
        PassedOver::HasIt => "got it, or waits for it",
        PassedOver::TooNew => "came in too short a time ago (age_min)",
        PassedOver::TooMany => "waits for too many other broadcasts",
        PassedOver::Over => "the broadcast is over",
        PassedOver::Refused(reason) => why_skipped(reason),
        PassedOver::NoRoom(DeferReason::FrequencyCap) => "the frequency cap leaves no room before it is over",
        PassedOver::NoRoom(DeferReason::QuietHours) => "no send window opens before it is over",
        PassedOver::NoRoom(DeferReason::Paused) => "away, or in a conversation, until it is over",
        PassedOver::NoRoom(DeferReason::AddressRests) => "the address rests until it is over",
        PassedOver::NoRoom(
            DeferReason::Throttled
            | DeferReason::SendingPaused
            | DeferReason::NotReached
            | DeferReason::WithSales
            | DeferReason::NotYet
            | DeferReason::AwaitingConsent
            | DeferReason::SenderPaused
            | DeferReason::ProgramPaused
            | DeferReason::NotKnownYet,
        ) => "waits until it is over",
    }
}

/// Why a broadcast that was due was passed over, as people read it.
pub const fn why_skipped(reason: SkipReason) -> &'static str {
    words::skipped(reason)
}
