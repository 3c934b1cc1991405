//! The ports in memory, for tests: a store, a mailer and a bus that record, a clock that is set.
//!
//! **Invariant:** [`MemoryStore`] passes every check of [`crate::contract`], as the real one does. What a
//! story shows here, it shows there.

mod deliveries;
mod news;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use perennial_core::actor::{Hit, Target};
use perennial_core::breaker::{BrakeSeen, Feedback, SenderRecord, SenderSwitch, Tally};
use perennial_core::decide::SendOutcome;
use perennial_core::ids::{LeadId, ProgramName, RepName, SenderDomain, SubmissionId, TouchId};
use perennial_core::inbound::InboxKey;
use perennial_core::lead::{Lead, Sending};
use perennial_core::loader::SourceFile;
use perennial_core::program::ProgramVersion;
use perennial_core::roster::Loads;
use serde::{Deserialize, Serialize};

use self::deliveries::Webhooks;
use crate::news::{News, Untold};
use crate::ports::{
    Against, BlockRecord, Bucket, Bus, BusError, BusEvent, CatalogVersion, Claim, Clock, Commit, CommitError, Count,
    Cursor, DeskLead, DeskOwner, DeskPage, DeskPlace, DoorBook, DueLead, DuePage, EngagementRecord, ForwardedMail,
    Forwarder, HIT_REPEATS, HITS_PER_LINK_MAX, HistoryRow, IdempotencyRecord, ImportRecord, Inbox, InboxError, Mailer,
    Notice, Notifier, OutboundMail, PULSE_SHARDS, PublishedCatalog, PublishedProgram, RawMail, Release, RosterRecord,
    SendReport, SendingPause, Store, StoreError, Stored, SubmissionRow, SurveyPage, Surveyed,
};
use crate::publish::EventId;

/// Most items on one page: few, so that no test gets by with one page.
const PAGE_MAX: usize = 10;

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    leads: BTreeMap<LeadId, Standing>,
    /// Who is due when, by shard: `<whole second>#<id>`, whose order is that of time.
    pulses: BTreeSet<(u8, String)>,
    /// Who lies on whose desk: `<whole second>#<id>`, or `9#<id>` where nobody must act.
    desks: BTreeSet<(DeskOwner, String)>,
    history: BTreeMap<(LeadId, u64), HistoryRow>,
    submissions: BTreeMap<(LeadId, SubmissionId), SubmissionRow>,
    engagements: BTreeSet<(LeadId, TouchId, String)>,
    hits: BTreeMap<(LeadId, TouchId, Target), Vec<Hit>>,
    idempotency: BTreeMap<String, IdempotencyRecord>,
    /// Until when each effect is claimed; for ever, where it is done.
    effects: BTreeMap<String, Option<Timestamp>>,
    imports: BTreeMap<String, ImportRecord>,
    pause: Option<SendingPause>,
    senders: BTreeMap<SenderDomain, SenderRecord>,
    chores: BTreeMap<String, Timestamp>,
    /// The files of each version, by path.
    programs: BTreeMap<(ProgramName, ProgramVersion), BTreeMap<String, String>>,
    catalogs: BTreeMap<CatalogVersion, PublishedCatalog>,
    release: Option<Release>,
    news: BTreeMap<news::Place, News>,
    untold: BTreeMap<(Timestamp, EventId), Untold>,
    roster: Option<RosterRecord>,
    webhooks: Webhooks,
}

struct Standing {
    stored: Stored,
    /// What the indexes hold: set by a commit, left alone by a mark.
    pulse: Option<Timestamp>,
    desk: Option<DeskPlace>,
}

impl MemoryStore {
    /// The submissions kept for one lead, by id.
    pub fn submissions(&self, id: &LeadId) -> Vec<SubmissionRow> {
        let rows = self.rows();
        rows.submissions.iter().filter(|((lead, _), _)| lead == id).map(|(_, row)| row.clone()).collect()
    }

    /// When somebody is due next: a clock that jumps there misses nothing.
    pub fn next_pulse(&self) -> Option<Timestamp> {
        let rows = self.rows();
        let first = |shard: u8| rows.pulses.range((shard, String::new())..).next().filter(|(of, _)| *of == shard);
        let pulses = (0..PULSE_SHARDS).filter_map(first).filter_map(|(_, place)| due_lead(place));
        pulses.map(|due| due.pulse).min()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn tally(&mut self, sender: &SenderDomain, day: Date) -> &mut Tally {
        self.senders.entry(sender.clone()).or_default().days.entry(day).or_default()
    }

    fn rev(&self, id: &LeadId) -> Option<u64> {
        self.leads.get(id).map(|standing| standing.stored.rev)
    }

    fn refusal(&self, commit: &Commit) -> Option<CommitError> {
        let id = &commit.lead.id;
        if let Some(wanted) = &commit.idempotency
            && let Some(known) = self.idempotency.get(&wanted.key)
            && known.expires_at > commit.history.at
        {
            return Some(CommitError::KnownKey(Box::new(known.clone())));
        }
        if let Some(row) = &commit.submission
            && self.submissions.contains_key(&(id.clone(), row.submission.id.clone()))
        {
            return Some(CommitError::KnownSubmission);
        }
        (self.rev(id) != commit.expected).then_some(CommitError::Conflict)
    }

    /// Puts a lead into its places in the indexes, and takes it out of those it had.
    fn stand(&mut self, stored: Stored) {
        let id = stored.lead.id.clone();
        let place = |pulse: Timestamp| (id.shard(PULSE_SHARDS), format!("{pulse}#{id}"));
        let (pulse, desk) = (indexed(&stored.lead), DeskPlace::of(&stored.lead));
        let standing = Standing { stored, pulse, desk: desk.clone() };
        if let Some(before) = self.leads.insert(id.clone(), standing) {
            if let Some(left) = before.pulse {
                self.pulses.remove(&place(left));
            }
            if let Some(left) = before.desk {
                self.desks.remove(&on_desk(&left, &id));
            }
        }
        self.pulses.extend(pulse.map(place));
        self.desks.extend(desk.map(|desk| on_desk(&desk, &id)));
    }

    /// A page of a desk: what begins with a time waits.
    fn desk_page(&self, owner: &DeskOwner, end: &str, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        let last = cursor.map_or_else(String::new, |Cursor(last)| last);
        if !last.is_empty() && desk_lead(&last).is_none() {
            return Err(StoreError::Refused("the cursor is not of this call".into()));
        }
        let start = Bound::Excluded((owner.clone(), last));
        let end = Bound::Excluded((owner.clone(), end.to_owned()));
        let places: Vec<&String> = self.desks.range((start, end)).map(|(_, place)| place).take(PAGE_MAX).collect();
        let leads = places.iter().filter_map(|place| desk_lead(place)).collect();
        let next = places.last().filter(|_| places.len() == PAGE_MAX).map(|last| Cursor((*last).clone()));
        Ok(DeskPage { leads, next })
    }
}

/// How the place of a lead begins for which nobody must act.
const NEVER: &str = "9";

/// After every place on a desk.
const AFTER_ALL: &str = "9$";

fn on_desk(place: &DeskPlace, id: &LeadId) -> (DeskOwner, String) {
    let deadline = place.deadline.map_or_else(|| NEVER.to_owned(), |deadline| deadline.to_string());
    (place.owner.clone(), format!("{deadline}#{id}"))
}

fn desk_lead(place: &str) -> Option<DeskLead> {
    let (deadline, id) = place.split_once('#')?;
    let deadline = if deadline == NEVER { None } else { Some(deadline.parse().ok()?) };
    Some(DeskLead { id: LeadId::parse(id).ok()?, deadline })
}

/// A book of the door in memory.
#[derive(Default)]
pub struct MemoryDoorBook {
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    counts: BTreeMap<(String, Timestamp), u32>,
    used: BTreeMap<String, (String, Timestamp)>,
    blocks: BTreeMap<String, BlockRecord>,
}

impl MemoryDoorBook {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DoorBook for MemoryDoorBook {
    async fn count(&self, bucket: &Bucket, most: u32) -> Result<Count, StoreError> {
        let mut pages = self.pages();
        let count = pages.counts.entry((bucket.key.clone(), bucket.minute)).or_default();
        if *count >= most {
            return Ok(Count::Full);
        }
        *count = count.saturating_add(1);
        Ok(Count::Taken(*count))
    }

    async fn use_once(&self, key: &str, by: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
        let mut pages = self.pages();
        if let Some((user, _)) = pages.used.get(key).filter(|(_, until)| *until > now) {
            return Ok(user == by);
        }
        pages.used.insert(key.to_owned(), (by.to_owned(), expires_at));
        Ok(true)
    }

    async fn is_any_blocked(&self, keys: &[String]) -> Result<bool, StoreError> {
        let pages = self.pages();
        Ok(keys.iter().any(|key| pages.blocks.contains_key(key)))
    }

    async fn block(&self, record: &BlockRecord) -> Result<bool, StoreError> {
        Ok(self.pages().blocks.insert(record.key.clone(), record.clone()).is_none())
    }

    async fn unblock(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.pages().blocks.remove(key).is_some())
    }
}

/// A row of a survey: the next page starts after the last one's.
#[derive(Serialize, Deserialize)]
enum Place {
    State(LeadId),
    History(LeadId, u64),
    Submission(LeadId, SubmissionId),
    Import(String),
}

/// The rows after a key; all where there is none.
fn rows_after<K: Ord + Clone, V>(rows: &BTreeMap<K, V>, key: Option<K>) -> impl Iterator<Item = (&K, &V)> {
    rows.range((key.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
}

impl Rows {
    /// What a survey meets after a row: states, then history, then submissions, then imports.
    fn after(&self, place: Option<&Place>) -> impl Iterator<Item = (Place, Surveyed)> {
        // Of a kind that is behind us, nothing; of one that is ahead, everything.
        let (skipped, state, history, submission, import) = match place {
            None => (0, None, None, None, None),
            Some(Place::State(id)) => (0, Some(id.clone()), None, None, None),
            Some(Place::History(id, seq)) => (1, None, Some((id.clone(), *seq)), None, None),
            Some(Place::Submission(id, submission)) => (2, None, None, Some((id.clone(), submission.clone())), None),
            Some(Place::Import(id)) => (3, None, None, None, Some(id.clone())),
        };
        let states = rows_after(&self.leads, state).map(|(id, standing)| {
            let lead = Box::new(standing.stored.lead.clone());
            let (indexed_pulse, indexed_desk) = (standing.pulse, standing.desk.clone());
            (Place::State(id.clone()), Surveyed::State { lead, indexed_pulse, indexed_desk })
        });
        let history = rows_after(&self.history, history)
            .map(|((id, seq), row)| (Place::History(id.clone(), *seq), Surveyed::History(row.deltas.clone())));
        let submissions = rows_after(&self.submissions, submission).map(|((id, submission), row)| {
            (Place::Submission(id.clone(), submission.clone()), Surveyed::Submission(row.outcome))
        });
        let imports = rows_after(&self.imports, import)
            .map(|(id, record)| (Place::Import(id.clone()), Surveyed::Import(record.clone())));
        states
            .take(if skipped > 0 { 0 } else { usize::MAX })
            .chain(history.take(if skipped > 1 { 0 } else { usize::MAX }))
            .chain(submissions.take(if skipped > 2 { 0 } else { usize::MAX }))
            .chain(imports)
    }
}

fn due_lead(place: &str) -> Option<DueLead> {
    let (pulse, id) = place.split_once('#')?;
    Some(DueLead { id: LeadId::parse(id).ok()?, pulse: pulse.parse().ok()? })
}

fn foreign_cursor(source: serde_json::Error) -> StoreError {
    StoreError::Refused(source.into())
}

/// The pulse as the index holds it: the next whole second, so that no lead is due early.
fn indexed(lead: &Lead) -> Option<Timestamp> {
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    lead.next_action_at().map(|pulse| pulse.round(up).unwrap_or(pulse))
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError> {
        Ok(self.rows().leads.get(id).map(|standing| standing.stored.clone()))
    }

    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError> {
        let mut rows = self.rows();
        if let Some(refusal) = rows.refusal(commit) {
            return Err(refusal);
        }
        let id = &commit.lead.id;
        let kept = rows.leads.get(id).map(|standing| standing.stored.profile.clone());
        let Some(profile) = commit.profile.clone().or(kept) else {
            return Err(StoreError::Refused("a new lead needs a profile".into()).into());
        };
        let rev = commit.expected.map_or(1, |expected| expected.saturating_add(1));
        rows.stand(Stored { lead: commit.lead.clone(), profile, rev });
        rows.history.insert((id.clone(), commit.history.seq), commit.history.clone());
        if let Some(row) = &commit.submission {
            rows.submissions.insert((id.clone(), row.submission.id.clone()), row.clone());
        }
        if let Some(record) = &commit.idempotency {
            rows.idempotency.insert(record.key.clone(), record.clone());
        }
        Ok(rev)
    }

    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError> {
        let mut rows = self.rows();
        let standing = rows.leads.get_mut(id).filter(|standing| standing.stored.rev == expected);
        let Some(Standing { stored, .. }) = standing else {
            return Err(CommitError::Conflict);
        };
        stored.rev = expected.saturating_add(1);
        stored.lead.sending = Some(sending.clone());
        Ok(stored.rev)
    }

    async fn due(&self, shard: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError> {
        // A place in the order, not a count: the leads of the last page may have left the index since.
        let start = Bound::Excluded((shard, cursor.map_or_else(String::new, |Cursor(last)| last)));
        let rows = self.rows();
        let index = rows.pulses.range((start, Bound::Unbounded)).take_while(|(of, _)| *of == shard);
        let due = index.filter_map(|(_, place)| due_lead(place)).take_while(|due| due.pulse <= until).take(PAGE_MAX);
        let leads: Vec<DueLead> = due.collect();
        let last = leads.last().filter(|_| leads.len() == PAGE_MAX);
        let next = last.map(|last| Cursor(format!("{}#{}", last.pulse, last.id)));
        Ok(DuePage { leads, next })
    }

    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError> {
        let rows = self.rows();
        Ok(rows.history.range((id.clone(), 0)..=(id.clone(), u64::MAX)).map(|(_, row)| row.clone()).collect())
    }

    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        let key = (record.lead.clone(), record.touch.clone(), record.kind.clone());
        Ok(self.rows().engagements.insert(key))
    }

    async fn record_hit(&self, lead: &LeadId, touch: &TouchId, hit: &Hit) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let kept = rows.hits.entry((lead.clone(), touch.clone(), hit.target)).or_default();
        let is_repeated = kept
            .last()
            .is_some_and(|last| last.network == hit.network && hit.at.duration_since(last.at) <= HIT_REPEATS);
        let is_kept = kept.len() < HITS_PER_LINK_MAX && !is_repeated;
        if is_kept {
            kept.push(hit.clone());
        }
        Ok(is_kept)
    }

    async fn hits(&self, lead: &LeadId, touch: &TouchId) -> Result<Vec<Hit>, StoreError> {
        let rows = self.rows();
        let of_mail = rows.hits.iter().filter(|((of_lead, of_touch, _), _)| of_lead == lead && of_touch == touch);
        Ok(of_mail.flat_map(|(_, hits)| hits.clone()).collect())
    }

    async fn claim_effect(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<Claim, StoreError> {
        let mut rows = self.rows();
        match rows.effects.get(id) {
            Some(None) => Ok(Claim::Done),
            Some(Some(taken)) if *taken > now => Ok(Claim::Taken),
            Some(Some(_)) | None => {
                rows.effects.insert(id.to_owned(), Some(until));
                Ok(Claim::Ours)
            }
        }
    }

    async fn finish_effect(&self, id: &str, _now: Timestamp) -> Result<(), StoreError> {
        self.rows().effects.insert(id.to_owned(), None);
        Ok(())
    }

    async fn release_effect(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if rows.effects.get(id) == Some(&Some(until)) {
            rows.effects.remove(id);
        }
        Ok(())
    }

    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        Ok(self.rows().idempotency.get(key).cloned())
    }

    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError> {
        let start = cursor.map(|Cursor(text)| serde_json::from_str(&text).map_err(foreign_cursor)).transpose()?;
        let page: Vec<(Place, Surveyed)> = self.rows().after(start.as_ref()).take(PAGE_MAX).collect();
        let last = page.last().filter(|_| page.len() == PAGE_MAX);
        let next =
            last.map(|(place, _)| serde_json::to_string(place).map(Cursor).map_err(foreign_cursor)).transpose()?;
        Ok(SurveyPage { items: page.into_iter().map(|(_, item)| item).collect(), next })
    }

    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError> {
        self.rows().imports.insert(record.id.clone(), record.clone());
        Ok(())
    }

    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError> {
        Ok(self.rows().pause.clone())
    }

    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError> {
        self.rows().pause = Some(pause.clone());
        Ok(())
    }

    async fn add_sends(&self, sender: &SenderDomain, day: Date, sends: u64) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let tally = rows.tally(sender, day);
        tally.sends = tally.sends.saturating_add(sends);
        Ok(())
    }

    async fn record_feedback(&self, record: &EngagementRecord, against: &Against) -> Result<bool, StoreError> {
        let key = (record.lead.clone(), record.touch.clone(), record.kind.clone());
        let mut rows = self.rows();
        let is_new = rows.engagements.insert(key);
        if is_new {
            let tally = rows.tally(&against.sender, against.day);
            let count = match against.feedback {
                Feedback::Bounce => &mut tally.bounces,
                Feedback::Complaint => &mut tally.complaints,
            };
            *count = count.saturating_add(1);
        }
        Ok(is_new)
    }

    async fn sender(&self, sender: &SenderDomain, since: Date) -> Result<SenderRecord, StoreError> {
        let mut record = self.rows().senders.get(sender).cloned().unwrap_or_default();
        record.days = record.days.split_off(&since);
        Ok(record)
    }

    async fn set_sender_switch(&self, sender: &SenderDomain, switch: &SenderSwitch) -> Result<(), StoreError> {
        self.rows().senders.entry(sender.clone()).or_default().switch = Some(*switch);
        Ok(())
    }

    async fn set_brake_seen(&self, sender: &SenderDomain, seen: &BrakeSeen) -> Result<(), StoreError> {
        self.rows().senders.entry(sender.clone()).or_default().seen = Some(*seen);
        Ok(())
    }

    async fn chore_mark(&self, chore: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().chores.get(chore).copied())
    }

    async fn set_chore_mark(&self, chore: &str, begun: Timestamp) -> Result<(), StoreError> {
        self.rows().chores.insert(chore.to_owned(), begun);
        Ok(())
    }

    async fn put_program(&self, program: &PublishedProgram) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let files = rows.programs.entry((program.name.clone(), program.version.clone())).or_default();
        for SourceFile { path, text } in &program.files {
            if files.entry(path.clone()).or_insert_with(|| text.clone()) != text {
                return Err(StoreError::Refused("another text stands under this version".into()));
            }
        }
        Ok(())
    }

    async fn program(
        &self,
        name: &ProgramName,
        version: &ProgramVersion,
    ) -> Result<Option<PublishedProgram>, StoreError> {
        let rows = self.rows();
        let files = rows.programs.get(&(name.clone(), version.clone()));
        Ok(files.map(|files| {
            let file = |(path, text): (&String, &String)| SourceFile { path: path.clone(), text: text.clone() };
            PublishedProgram { name: name.clone(), version: version.clone(), files: files.iter().map(file).collect() }
        }))
    }

    async fn put_catalog(&self, catalog: &PublishedCatalog) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let kept = rows.catalogs.entry(catalog.version.clone()).or_insert_with(|| catalog.clone());
        if kept == catalog { Ok(()) } else { Err(StoreError::Refused("another text stands under this version".into())) }
    }

    async fn catalog(&self, version: &CatalogVersion) -> Result<Option<PublishedCatalog>, StoreError> {
        Ok(self.rows().catalogs.get(version).cloned())
    }

    async fn release(&self) -> Result<Option<Release>, StoreError> {
        Ok(self.rows().release.clone())
    }

    async fn set_release(&self, release: &Release, expected: Option<u64>) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let is_next = rows.release.as_ref().map(|current| current.rev) == expected;
        if is_next {
            rows.release = Some(release.clone());
        }
        Ok(is_next)
    }

    async fn roster(&self) -> Result<Option<RosterRecord>, StoreError> {
        Ok(self.rows().roster.clone())
    }

    async fn set_roster(&self, record: &RosterRecord, expected: Option<u64>) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let is_next = rows.roster.as_ref().map(|current| current.rev) == expected;
        if is_next {
            rows.roster = Some(record.clone());
        }
        Ok(is_next)
    }

    async fn loads(&self, reps: &BTreeSet<RepName>) -> Result<Loads, StoreError> {
        let rows = self.rows();
        let waiting = |rep: &RepName| {
            let owner = DeskOwner::Rep(rep.clone());
            let range = (owner.clone(), String::new())..(owner, NEVER.to_owned());
            u32::try_from(rows.desks.range(range).count()).unwrap_or(u32::MAX)
        };
        Ok(Loads(reps.iter().map(|rep| (rep.clone(), waiting(rep))).collect()))
    }

    async fn desk(&self, owner: &DeskOwner, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.rows().desk_page(owner, NEVER, cursor)
    }

    async fn owned(&self, rep: &RepName, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.rows().desk_page(&DeskOwner::Rep(rep.clone()), AFTER_ALL, cursor)
    }
}

/// How often each call of a store was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// [`Store::load`].
    pub load: u32,
    /// [`Store::commit`].
    pub commit: u32,
    /// [`Store::mark_sending`].
    pub mark_sending: u32,
    /// [`Store::due`].
    pub due: u32,
    /// [`Store::history`].
    pub history: u32,
    /// [`Store::record_engagement`].
    pub record_engagement: u32,
    /// [`Store::record_hit`].
    pub record_hit: u32,
    /// [`Store::hits`].
    pub hits: u32,
    /// [`Store::claim_effect`].
    pub claim_effect: u32,
    /// [`Store::finish_effect`].
    pub finish_effect: u32,
    /// [`Store::release_effect`].
    pub release_effect: u32,
    /// [`Store::idempotency`].
    pub idempotency: u32,
    /// [`Store::survey`].
    pub survey: u32,
    /// [`Store::put_import`].
    pub put_import: u32,
    /// [`Store::sending_pause`].
    pub sending_pause: u32,
    /// [`Store::pause_sending`].
    pub pause_sending: u32,
    /// [`Store::add_sends`].
    pub add_sends: u32,
    /// [`Store::record_feedback`].
    pub record_feedback: u32,
    /// [`Store::sender`].
    pub sender: u32,
    /// [`Store::set_sender_switch`].
    pub set_sender_switch: u32,
    /// [`Store::set_brake_seen`].
    pub set_brake_seen: u32,
    /// [`Store::chore_mark`].
    pub chore_mark: u32,
    /// [`Store::set_chore_mark`].
    pub set_chore_mark: u32,
    /// [`Store::put_program`].
    pub put_program: u32,
    /// [`Store::program`].
    pub program: u32,
    /// [`Store::put_catalog`].
    pub put_catalog: u32,
    /// [`Store::catalog`].
    pub catalog: u32,
    /// [`Store::release`].
    pub release: u32,
    /// [`Store::set_release`].
    pub set_release: u32,
    /// [`Store::roster`].
    pub roster: u32,
    /// [`Store::set_roster`].
    pub set_roster: u32,
    /// [`Store::loads`].
    pub loads: u32,
    /// [`Store::desk`].
    pub desk: u32,
    /// [`Store::owned`].
    pub owned: u32,
}

/// A store that counts the calls made to it, for the budget of a touch.
pub struct Counting<S> {
    store: S,
    calls: Mutex<Calls>,
}

impl<S> Counting<S> {
    /// Counts from zero.
    pub fn new(store: S) -> Self {
        Self { store, calls: Mutex::default() }
    }

    /// The calls since the last time this was asked.
    pub fn take(&self) -> Calls {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, call: impl Fn(&mut Calls) -> &mut u32) -> &S {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = call(&mut calls);
        *counter = counter.saturating_add(1);
        &self.store
    }
}

#[async_trait]
impl<S: Store> Store for Counting<S> {
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError> {
        self.count(|calls| &mut calls.load).load(id).await
    }

    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError> {
        self.count(|calls| &mut calls.commit).commit(commit).await
    }

    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError> {
        self.count(|calls| &mut calls.mark_sending).mark_sending(id, expected, sending).await
    }

    async fn due(&self, shard: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError> {
        self.count(|calls| &mut calls.due).due(shard, until, cursor).await
    }

    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError> {
        self.count(|calls| &mut calls.history).history(id).await
    }

    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        self.count(|calls| &mut calls.record_engagement).record_engagement(record).await
    }

    async fn record_hit(&self, lead: &LeadId, touch: &TouchId, hit: &Hit) -> Result<bool, StoreError> {
        self.count(|calls| &mut calls.record_hit).record_hit(lead, touch, hit).await
    }

    async fn hits(&self, lead: &LeadId, touch: &TouchId) -> Result<Vec<Hit>, StoreError> {
        self.count(|calls| &mut calls.hits).hits(lead, touch).await
    }

    async fn claim_effect(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<Claim, StoreError> {
        self.count(|calls| &mut calls.claim_effect).claim_effect(id, now, until).await
    }

    async fn finish_effect(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.finish_effect).finish_effect(id, now).await
    }

    async fn release_effect(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.release_effect).release_effect(id, until).await
    }

    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.count(|calls| &mut calls.idempotency).idempotency(key).await
    }

    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError> {
        self.count(|calls| &mut calls.survey).survey(cursor).await
    }

    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.put_import).put_import(record).await
    }

    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError> {
        self.count(|calls| &mut calls.sending_pause).sending_pause().await
    }

    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.pause_sending).pause_sending(pause).await
    }

    async fn add_sends(&self, sender: &SenderDomain, day: Date, sends: u64) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.add_sends).add_sends(sender, day, sends).await
    }

    async fn record_feedback(&self, record: &EngagementRecord, against: &Against) -> Result<bool, StoreError> {
        self.count(|calls| &mut calls.record_feedback).record_feedback(record, against).await
    }

    async fn sender(&self, sender: &SenderDomain, since: Date) -> Result<SenderRecord, StoreError> {
        self.count(|calls| &mut calls.sender).sender(sender, since).await
    }

    async fn set_sender_switch(&self, sender: &SenderDomain, switch: &SenderSwitch) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.set_sender_switch).set_sender_switch(sender, switch).await
    }

    async fn set_brake_seen(&self, sender: &SenderDomain, seen: &BrakeSeen) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.set_brake_seen).set_brake_seen(sender, seen).await
    }

    async fn chore_mark(&self, chore: &str) -> Result<Option<Timestamp>, StoreError> {
        self.count(|calls| &mut calls.chore_mark).chore_mark(chore).await
    }

    async fn set_chore_mark(&self, chore: &str, begun: Timestamp) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.set_chore_mark).set_chore_mark(chore, begun).await
    }

    async fn put_program(&self, program: &PublishedProgram) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.put_program).put_program(program).await
    }

    async fn program(
        &self,
        name: &ProgramName,
        version: &ProgramVersion,
    ) -> Result<Option<PublishedProgram>, StoreError> {
        self.count(|calls| &mut calls.program).program(name, version).await
    }

    async fn put_catalog(&self, catalog: &PublishedCatalog) -> Result<(), StoreError> {
        self.count(|calls| &mut calls.put_catalog).put_catalog(catalog).await
    }

    async fn catalog(&self, version: &CatalogVersion) -> Result<Option<PublishedCatalog>, StoreError> {
        self.count(|calls| &mut calls.catalog).catalog(version).await
    }

    async fn release(&self) -> Result<Option<Release>, StoreError> {
        self.count(|calls| &mut calls.release).release().await
    }

    async fn set_release(&self, release: &Release, expected: Option<u64>) -> Result<bool, StoreError> {
        self.count(|calls| &mut calls.set_release).set_release(release, expected).await
    }

    async fn roster(&self) -> Result<Option<RosterRecord>, StoreError> {
        self.count(|calls| &mut calls.roster).roster().await
    }

    async fn set_roster(&self, record: &RosterRecord, expected: Option<u64>) -> Result<bool, StoreError> {
        self.count(|calls| &mut calls.set_roster).set_roster(record, expected).await
    }

    async fn loads(&self, reps: &BTreeSet<RepName>) -> Result<Loads, StoreError> {
        self.count(|calls| &mut calls.loads).loads(reps).await
    }

    async fn desk(&self, owner: &DeskOwner, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.count(|calls| &mut calls.desk).desk(owner, cursor).await
    }

    async fn owned(&self, rep: &RepName, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.count(|calls| &mut calls.owned).owned(rep, cursor).await
    }
}

/// A mailer that keeps what it is given, and takes everything unless told otherwise.
#[derive(Default)]
pub struct RecordingMailer {
    handed_over: Mutex<Vec<OutboundMail>>,
    answers: Mutex<VecDeque<SendOutcome>>,
}

impl RecordingMailer {
    /// Answers the next mail that has no answer yet with this.
    pub fn answer_next(&self, outcome: SendOutcome) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(outcome);
    }

    /// Every mail that was handed over, whatever the answer was.
    pub fn handed_over(&self) -> Vec<OutboundMail> {
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, mail: &OutboundMail) -> SendReport {
        let mut handed_over = self.handed_over.lock().unwrap_or_else(PoisonError::into_inner);
        handed_over.push(mail.clone());
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match answer {
            Some(outcome) => SendReport { outcome, cause: None },
            None => SendReport::accepted(format!("memory-{}", handed_over.len())),
        }
    }
}

/// An inbox in memory.
#[derive(Default)]
pub struct MemoryInbox {
    mails: Mutex<BTreeMap<InboxKey, Vec<u8>>>,
}

impl MemoryInbox {
    /// Puts a mail in, as the door would.
    pub fn put(&self, key: &InboxKey, bytes: Vec<u8>) {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), bytes);
    }

    /// The keys of all that is in it.
    pub fn keys(&self) -> Vec<InboxKey> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn fetch(&self, key: &InboxKey, bytes_max: usize) -> Result<Option<RawMail>, InboxError> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(mails.get(key).map(|whole| RawMail {
            bytes: whole.iter().copied().take(bytes_max).collect(),
            size: u64::try_from(whole.len()).unwrap_or(u64::MAX),
        }))
    }

    async fn delete(&self, key: &InboxKey) -> Result<(), InboxError> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Ok(())
    }
}

/// A forwarder that keeps what it is given, and takes everything unless told otherwise.
#[derive(Default)]
pub struct RecordingForwarder {
    forwarded: Mutex<Vec<ForwardedMail>>,
    answers: Mutex<VecDeque<SendOutcome>>,
}

impl RecordingForwarder {
    /// Answers the next mail that has no answer yet with this.
    pub fn answer_next(&self, outcome: SendOutcome) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(outcome);
    }

    /// Every mail that was handed over, whatever the answer was.
    pub fn forwarded(&self) -> Vec<ForwardedMail> {
        self.forwarded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Forwarder for RecordingForwarder {
    async fn forward(&self, mail: &ForwardedMail) -> SendReport {
        let mut forwarded = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
        forwarded.push(mail.clone());
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match answer {
            Some(outcome) => SendReport { outcome, cause: None },
            None => SendReport::accepted(format!("memory-forward-{}", forwarded.len())),
        }
    }
}

/// A notifier that keeps what it is given, and answers as it is told.
#[derive(Default)]
pub struct RecordingNotifier {
    notices: Mutex<Vec<Notice>>,
    answers: Mutex<Vec<(&'static str, SendOutcome)>>,
}

impl RecordingNotifier {
    /// Answers the next notice that has no answer yet with this.
    pub fn answer_next(&self, outcome: SendOutcome) {
        self.answer_about("", outcome);
    }

    /// Answers the next notice whose subject has these words, and that has no answer yet, with this.
    pub fn answer_about(&self, words: &'static str, outcome: SendOutcome) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push((words, outcome));
    }

    /// Every notice that was handed over, whatever the answer was.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Notifier for RecordingNotifier {
    async fn notify(&self, notice: &Notice) -> SendReport {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.push(notice.clone());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.iter().position(|(words, _)| notice.subject.contains(words)).map(|at| answers.remove(at));
        match answer {
            Some((_, outcome)) => SendReport { outcome, cause: None },
            None => SendReport::accepted(format!("memory-notice-{}", notices.len())),
        }
    }
}

/// A bus that keeps what it is given, unless told to refuse.
#[derive(Default)]
pub struct RecordingBus {
    published: Mutex<Vec<BusEvent>>,
    refusals: Mutex<u32>,
}

impl RecordingBus {
    /// Takes nothing of the next call that is not to be refused yet.
    pub fn refuse_next(&self) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals = refusals.saturating_add(1);
    }

    /// Every event that was taken, in order.
    pub fn published(&self) -> Vec<BusEvent> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Bus for RecordingBus {
    async fn publish(&self, events: &[BusEvent]) -> Result<(), BusError> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = refusals.checked_sub(1) {
            *refusals = left;
            return Err(BusError::Failed("told to refuse".into()));
        }
        self.published.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        Ok(())
    }
}

/// A clock that stands where it is set.
pub struct SettableClock {
    now: Mutex<Timestamp>,
}

impl SettableClock {
    /// Stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Jumps to `now`.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves on by `by`, and tells where it stands then.
    pub fn advance(&self, by: SignedDuration) -> Timestamp {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
        *now
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
