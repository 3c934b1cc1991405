//! The outside, as the use-cases see it: a store, a mailer, a bus, a clock.
//!
//! **Invariant:** nothing of AWS passes through here. Each port is as narrow as its use-cases allow.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use perennial_core::actor::Hit;
use perennial_core::breaker::{BrakeSeen, Feedback, SenderRecord, SenderSwitch};
use perennial_core::broadcast::REMEMBERED;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, Event};
use perennial_core::ids::{FormName, LeadId, ProgramName, QueueName, RepName, SenderDomain, TouchId};
use perennial_core::inbound::InboxKey;
use perennial_core::lead::{Lead, Ownership, Sending, StageKind};
use perennial_core::loader::SourceFile;
use perennial_core::profile::Profile;
use perennial_core::program::ProgramVersion;
use perennial_core::roster::{Loads, Roster};
use perennial_core::submission::Submission;
use perennial_core::waterfall::Deltas;
use serde::{Deserialize, Serialize};

/// The cause of an error of an adapter, kept whole for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What can go wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or said that it cannot now. Trying again later is right.
    #[error("the store is not available")]
    Unavailable(#[source] Cause),
    /// It refused: a bug, or a missing permission or table.
    #[error("the store refused a request")]
    Refused(#[source] Cause),
    /// An item that we did not write so. Never skipped.
    #[error("the item {key} is corrupt")]
    Corrupt {
        /// Partition and sort key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// Whether it is the matter of one item, so that what is asked next may go well.
    pub const fn is_of_one_item(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Unavailable(_) | Self::Refused(_) => false,
        }
    }
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else changed the lead since it was loaded: load it again.
    #[error("the lead changed meanwhile")]
    Conflict,
    /// This submission has been committed before.
    #[error("the submission is known already")]
    KnownSubmission,
    /// An idempotency key has been used before: compare its record.
    #[error("the idempotency key was used already")]
    KnownKey(Box<IdempotencyRecord>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A lead as it stands in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The lead, with the mark of a mail in flight.
    pub lead: Lead,
    /// Its personal part.
    pub profile: Profile,
    /// The revision to commit against. Only ever compared.
    pub rev: u64,
}

/// One history row: what one commit decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Which row of this lead, counted from 1 without a gap.
    pub seq: u64,
    /// When, on the suite's clock.
    pub at: Timestamp,
    /// What it answered to.
    pub cause: String,
    /// What was decided, in order.
    pub entries: Vec<Event>,
    /// What moved between places.
    #[serde(default, skip_serializing_if = "Deltas::is_empty")]
    pub deltas: Deltas,
}

/// What a submission did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmissionOutcome {
    /// It made a lead.
    Received,
    /// It made a lead that looks like junk.
    Quarantined,
    /// Its sender was a lead already.
    Merged,
}

/// A submission to be kept beside its lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionRow {
    /// What came in, with its personal fields.
    pub submission: Submission,
    /// What it did.
    pub outcome: SubmissionOutcome,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Keyed hash of form and key.
    pub key: String,
    /// Keyed hash of the body that came with it first.
    pub body: String,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// One commit: all of it, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The lead after the commit; its `seq` is that of the history row.
    pub lead: Lead,
    /// The revision it was loaded at; `None` where there was no lead.
    pub expected: Option<u64>,
    /// The profile, where it changed. Always present with a new lead.
    pub profile: Option<Profile>,
    /// What was decided.
    pub history: HistoryRow,
    /// The submission that caused it.
    pub submission: Option<SubmissionRow>,
    /// The idempotency key it came under. One whose time is over is free again.
    pub idempotency: Option<IdempotencyRecord>,
}

/// A page of leads whose pulse is due, the most overdue first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DuePage {
    /// The leads.
    pub leads: Vec<DueLead>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// A lead whose pulse is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLead {
    /// Who.
    pub id: LeadId,
    /// Since when, rounded up to a whole second: an index sorts by those.
    pub pulse: Timestamp,
}

/// Whose desk a lead lies on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeskOwner {
    /// A rep's.
    Rep(RepName),
    /// A queue's.
    Queue(QueueName),
}

impl DeskOwner {
    /// The desk of whoever owns a lead.
    pub fn of(owner: &Ownership) -> Self {
        match owner {
            Ownership::Queue { queue } => Self::Queue(queue.clone()),
            Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                Self::Rep(rep.clone())
            }
        }
    }
}

/// Where a lead stands in the index of desks: derived from the lead, never set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskPlace {
    /// Whose desk.
    pub owner: DeskOwner,
    /// By when somebody must act, rounded up to a whole second: an index sorts by those. `None`: nobody must.
    pub deadline: Option<Timestamp>,
}

impl DeskPlace {
    /// The place of a lead. A rep's leads all have one, until the end of their lives; of a queue's, those for which
    /// somebody must act.
    pub fn of(lead: &Lead) -> Option<Self> {
        if lead.stage.kind() == StageKind::Terminal {
            return None;
        }
        let owner = DeskOwner::of(lead.owner.as_ref()?);
        let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
        let deadline = lead.human_deadline().map(|at| at.round(up).unwrap_or(at));
        let place = Self { owner, deadline };
        match place.owner {
            DeskOwner::Rep(_) => Some(place),
            DeskOwner::Queue(_) => Some(place).filter(|place| place.deadline.is_some()),
        }
    }
}

/// A page of the leads on a desk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeskPage {
    /// The leads.
    pub leads: Vec<DeskLead>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// A lead on a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskLead {
    /// Who.
    pub id: LeadId,
    /// By when somebody must act, rounded up to a whole second.
    pub deadline: Option<Timestamp>,
}

/// Everybody who sells, as they are in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterRecord {
    /// Which roster, counted from 1.
    pub rev: u64,
    /// When it was put in force, by the world's clock.
    pub at: Timestamp,
    /// The roster.
    pub roster: Roster,
}

/// Where a paged reading goes on. Opaque; good only for the call that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One item of a survey of the whole store.
#[derive(Debug, Clone, PartialEq)]
pub enum Surveyed {
    /// A lead's state.
    State {
        /// The lead.
        lead: Box<Lead>,
        /// The pulse it stands under in the index, rounded up to a whole second; `None` where it is not in the index.
        indexed_pulse: Option<Timestamp>,
        /// Where it stands in the index of desks; `None` where it does not.
        indexed_desk: Option<DeskPlace>,
    },
    /// A history row's moves.
    History(Deltas),
    /// A submission's outcome.
    Submission(SubmissionOutcome),
    /// An import's record.
    Import(ImportRecord),
}

/// A page of a survey.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SurveyPage {
    /// The items; other kinds of item are passed over.
    pub items: Vec<Surveyed>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// What came of an import: the rows that became no submission stand nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// Keyed hash of the file's content and the map's name: the same file again is the same import.
    pub id: String,
    /// What the map calls the list.
    pub source: String,
    /// When it last ran.
    pub at: Timestamp,
    /// Data rows read.
    pub rows: u64,
    /// Rows that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// Why nobody sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingPause {
    /// When sending is tried again.
    pub until: Timestamp,
    /// What SES said, without anything personal.
    pub reason: String,
}

/// Who may do an effect now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// We, until the time that was asked for.
    Ours,
    /// Another worker, or one that died: its time is not over.
    Taken,
    /// Nobody any more: it is done.
    Done,
}

/// How long it is remembered that an effect is done: longer than any event comes again.
pub const EFFECT_PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What happened to a touch, as kept once per touch and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngagementRecord {
    /// The lead.
    pub lead: LeadId,
    /// The touch.
    pub touch: TouchId,
    /// What happened: lower-case words, `-` between them.
    pub kind: String,
    /// When, by whoever reports it.
    pub at: Timestamp,
}

/// What a recipient's side tells against a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Against {
    /// The sender.
    pub sender: SenderDomain,
    /// The day that it is counted under (UTC).
    pub day: Date,
    /// What.
    pub feedback: Feedback,
}
/// The most hits that are kept of one link of one mail: enough to judge by, and no way to fill a table.
pub const HITS_PER_LINK_MAX: usize = 20;

/// Within this time a hit from the same network is the same hit.
pub const HIT_REPEATS: SignedDuration = SignedDuration::from_secs(30);

/// One version of a program, as it was published. It never changes: another text is another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedProgram {
    /// Its folder's name.
    pub name: ProgramName,
    /// What its files hash to.
    pub version: ProgramVersion,
    /// Its files, by their path below the catalog's directory.
    pub files: Vec<SourceFile>,
}

/// What a `catalog.toml` hashes to, as a program's files do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CatalogVersion(pub String);

/// One version of `catalog.toml`, as it was published. It never changes either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCatalog {
    /// What it hashes to.
    pub version: CatalogVersion,
    /// The file.
    pub text: String,
}

/// Which versions are in force: the one thing about programs that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Which release, counted from 1.
    pub rev: u64,
    /// When its programs were pushed, by the world's clock.
    pub at: Timestamp,
    /// The catalog.
    pub catalog: CatalogVersion,
    /// The version that leads start now, of each program.
    pub programs: BTreeMap<ProgramName, ProgramVersion>,
    /// Older versions that leads may still be in, and since when no lead starts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<ProgramName, BTreeMap<ProgramVersion, Timestamp>>,
    /// The programs that an operator paused, and since when, by the suite's clock.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paused: BTreeMap<ProgramName, Timestamp>,
    /// Every broadcast that was ever sent: a name is never used twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broadcasts: BTreeMap<ProgramName, SentBroadcast>,
}

impl Release {
    /// Whether it is about that program: leads start it, or may still be in it.
    pub fn has(&self, program: &ProgramName) -> bool {
        self.programs.contains_key(program) || self.kept.contains_key(program)
    }

    /// Whether the same is in force by it as by another, but for what is paused.
    pub fn has_the_programs_of(&self, other: &Self) -> bool {
        (&self.catalog, &self.programs, &self.kept, &self.broadcasts)
            == (&other.catalog, &other.programs, &other.kept, &other.broadcasts)
    }

    /// The broadcasts that go on, or ended so short a time before the release that somebody may still ask for them.
    pub fn broadcasts_remembered(&self) -> impl Iterator<Item = (&ProgramName, &SentBroadcast)> {
        self.broadcasts.iter().filter(|(_, sent)| self.at < sent.until + REMEMBERED)
    }
}

/// A broadcast that was sent, or is being sent. Its files are published as those of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBroadcast {
    /// Its version.
    pub version: ProgramVersion,
    /// What people call it.
    pub title: String,
    /// When sending began, by the suite's clock.
    pub since: Timestamp,
    /// When it is over, by the suite's clock.
    pub until: Timestamp,
    /// When somebody stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
}

/// The store of leads, and of the programs that they are in.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads a lead, consistently.
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError>;

    /// Writes state, history and what belongs to them in one conditional write.
    ///
    /// Answers the new revision. Its own write, answered "failed" because the first answer was lost,
    /// is recognised and counts as done (TRUST.md §2.7).
    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError>;

    /// Marks a mail as in flight: one conditional write of the state alone.
    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError>;

    /// The leads of one shard of the pulse index that are due at `until`, the most overdue first.
    async fn due(&self, shard: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError>;

    /// The history of a lead, from the first row on, whole.
    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError>;

    /// Keeps a fact that decides nothing, once. Whether it was new.
    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError>;

    /// Keeps that a link of a mail was followed: beside the others of that link, in one plain write. Whether it was kept.
    ///
    /// It is not where the link has [`HITS_PER_LINK_MAX`] already, and where the last one came from the same network
    /// less than [`HIT_REPEATS`] before.
    async fn record_hit(&self, lead: &LeadId, touch: &TouchId, hit: &Hit) -> Result<bool, StoreError>;

    /// All hits of a mail that were kept, in no particular order. Read consistently.
    async fn hits(&self, lead: &LeadId, touch: &TouchId) -> Result<Vec<Hit>, StoreError>;

    /// Claims an effect of an event, so that one worker at a time is at it, until `until`.
    ///
    /// Its own write, answered "failed" because the first answer was lost, counts as done.
    async fn claim_effect(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<Claim, StoreError>;

    /// Says that an effect is done, for good as far as anybody asks: for [`EFFECT_PERIOD`].
    async fn finish_effect(&self, id: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Lets go of the claim of an effect that was made until then, of which nothing has happened. Another's, and one that
    /// is done, stay.
    async fn release_effect(&self, id: &str, until: Timestamp) -> Result<(), StoreError>;

    /// The record of an idempotency key, by its hash.
    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Reads every item, page by page: for reports and audits.
    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError>;

    /// Keeps what came of an import, in place of an earlier run of the same.
    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError>;

    /// Why nobody sends now, if so.
    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError>;

    /// Pauses sending for everybody.
    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError>;

    /// Counts mails of a sender that SES took on a day (UTC).
    async fn add_sends(&self, sender: &SenderDomain, day: Date, sends: u64) -> Result<(), StoreError>;

    /// Keeps a fact as [`Store::record_engagement`] does and, if it is new, counts it against a sender: both or neither.
    async fn record_feedback(&self, record: &EngagementRecord, against: &Against) -> Result<bool, StoreError>;

    /// What is kept of a sender, of its days those from `since` on.
    async fn sender(&self, sender: &SenderDomain, since: Date) -> Result<SenderRecord, StoreError>;

    /// Keeps what an operator says of a sender.
    async fn set_sender_switch(&self, sender: &SenderDomain, switch: &SenderSwitch) -> Result<(), StoreError>;

    /// Keeps how much of a sender's mail is held.
    async fn set_brake_seen(&self, sender: &SenderDomain, seen: &BrakeSeen) -> Result<(), StoreError>;

    /// When a daily chore was last begun that was done to its end.
    async fn chore_mark(&self, chore: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Keeps that a chore begun then was done to its end.
    async fn set_chore_mark(&self, chore: &str, begun: Timestamp) -> Result<(), StoreError>;

    /// Keeps a version of a program for good. Doing it again is fine; another text under the same version is refused.
    ///
    /// Not at one instant: name a version in a release only after this has answered.
    async fn put_program(&self, program: &PublishedProgram) -> Result<(), StoreError>;

    /// A version of a program, its files in the order of their paths.
    async fn program(
        &self,
        name: &ProgramName,
        version: &ProgramVersion,
    ) -> Result<Option<PublishedProgram>, StoreError>;

    /// Keeps a version of the catalog for good, as [`Store::put_program`] does a program's.
    async fn put_catalog(&self, catalog: &PublishedCatalog) -> Result<(), StoreError>;

    /// A version of the catalog.
    async fn catalog(&self, version: &CatalogVersion) -> Result<Option<PublishedCatalog>, StoreError>;

    /// Which versions are in force; `None` before the first push. Read consistently.
    async fn release(&self) -> Result<Option<Release>, StoreError>;

    /// Puts a release in force in place of the one at revision `expected`, `None` where there is none yet.
    ///
    /// Whether it did: `false` means that somebody else was quicker. Its own write, answered "failed" because the
    /// first answer was lost, counts as done.
    async fn set_release(&self, release: &Release, expected: Option<u64>) -> Result<bool, StoreError>;

    /// Everybody who sells; `None` before anybody was named. Read consistently.
    async fn roster(&self) -> Result<Option<RosterRecord>, StoreError>;

    /// Puts a roster in force in place of the one at revision `expected`, as [`Store::set_release`] does a release.
    async fn set_roster(&self, record: &RosterRecord, expected: Option<u64>) -> Result<bool, StoreError>;

    /// How many leads wait for each of these reps to act. A moment old, as all that an index tells.
    async fn loads(&self, reps: &BTreeSet<RepName>) -> Result<Loads, StoreError>;

    /// The leads that wait for an owner to act, the most urgent first; among equals, in the order of their ids.
    async fn desk(&self, owner: &DeskOwner, cursor: Option<Cursor>) -> Result<DeskPage, StoreError>;

    /// All leads of a rep: those that wait first, as on the desk.
    async fn owned(&self, rep: &RepName, cursor: Option<Cursor>) -> Result<DeskPage, StoreError>;
}

/// What is counted together: everything of one kind within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// What is counted: a keyed hash, or the name of a form.
    pub key: String,
    /// The minute, by the world's clock.
    pub minute: Timestamp,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// What a count came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// It was counted; so many are in the bucket now.
    Taken(u32),
    /// The bucket was full, and stays as it is.
    Full,
}

/// What is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// One mailbox.
    Address,
    /// A mail domain.
    Domain,
    /// A network.
    Network,
}

/// Somebody who is kept out. It ends when a person ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRecord {
    /// Keyed hash of what is blocked.
    pub key: String,
    /// What that is.
    pub kind: BlockKind,
    /// Since when, by the world's clock.
    pub at: Timestamp,
}

/// What the door keeps in mind, apart from leads.
#[async_trait]
pub trait DoorBook: Send + Sync {
    /// Counts one more in a bucket that holds at most `most`: one small write.
    ///
    /// A write whose answer was lost may count twice; a limit is no account.
    async fn count(&self, bucket: &Bucket, most: u32) -> Result<Count, StoreError>;

    /// Keeps a key for whoever uses it until `expires_at`. Whether nobody else had kept it at `now`.
    ///
    /// The same user may come again: their answer was lost, or their post was not saved.
    async fn use_once(&self, key: &str, by: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError>;

    /// Whether one of these keys is blocked: one batched read.
    async fn is_any_blocked(&self, keys: &[String]) -> Result<bool, StoreError>;

    /// Blocks a key. Whether it was not before.
    async fn block(&self, record: &BlockRecord) -> Result<bool, StoreError>;

    /// Ends a block. Whether there was one.
    async fn unblock(&self, key: &str) -> Result<bool, StoreError>;
}

/// What came of a captcha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaVerdict {
    /// It was solved, for this form, in time and for the first time.
    Passed,
    /// It was not.
    Failed,
    /// Nobody could tell. The adapter has logged why.
    Unavailable,
}

/// Tells people from machines by a puzzle.
#[async_trait]
pub trait Captcha: Send + Sync {
    /// Judges what came back with a post of a form. `remote` is the address of its sender, where one is known; `post` is
    /// the same for the same post when it comes again, because it was not saved or its answer was lost.
    async fn verify(&self, form: &FormName, response: &str, remote: Option<&str>, post: &[u8]) -> CaptchaVerdict;
}

/// How many shards the pulse index has. Part of the stored form: changing it strands leads.
pub const PULSE_SHARDS: u8 = 16;

/// How many shards the desk of a queue has: many leads may come to it at once, and one person's leads are few. Part of
/// the stored form, too.
pub const QUEUE_SHARDS: u8 = 4;

/// A mail, ready to be handed over.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundMail {
    /// The sender's display name.
    pub from_name: String,
    /// The sender's ASCII address.
    pub from_address: String,
    /// The recipient, as SES takes it.
    pub to: String,
    /// Where replies go: display name and address.
    pub reply_to: (String, String),
    /// The subject, one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// Further headers, in order, ASCII and on one line each.
    pub headers: Vec<(&'static str, String)>,
    /// The `Date` header: the suite's clock (SES puts its own in its place).
    pub date: Timestamp,
    /// Its lead: a tag, so that events find back.
    pub lead: LeadId,
    /// Its touch: a tag.
    pub touch: TouchId,
    /// Its attempt: a tag.
    pub attempt: u32,
}

impl std::fmt::Debug for OutboundMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundMail").field("lead", &self.lead).field("touch", &self.touch).finish_non_exhaustive()
    }
}

/// How an attempt to hand a mail over ended, and why, for the log.
#[derive(Debug)]
pub struct SendReport {
    /// How it ended.
    pub outcome: SendOutcome,
    /// What went wrong, whole.
    pub cause: Option<Cause>,
}

impl SendReport {
    /// SES has it.
    pub fn accepted(message_id: String) -> Self {
        Self { outcome: SendOutcome::Accepted { message_id }, cause: None }
    }

    /// Nothing was handed over.
    pub fn not_yet(reason: DeferReason, cause: Cause) -> Self {
        Self { outcome: SendOutcome::NotYet(reason), cause: Some(cause) }
    }
}

/// Hands mail over. At most once per call: it never tries again by itself (TRUST.md §2.3).
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail over, within its time-out.
    async fn send(&self, mail: &OutboundMail) -> SendReport;
}

/// A mail that a person sent us, on its way to whoever answers for the lead.
#[derive(Clone, PartialEq, Eq)]
pub struct ForwardedMail {
    /// What the person calls themselves.
    pub from_name: String,
    /// The ASCII address that it is sent from: ours.
    pub from_address: String,
    /// Who gets it.
    pub to: String,
    /// Where an answer goes: the person's name and address, if mail can go there.
    pub reply_to: Option<(String, String)>,
    /// The subject, one line, as the person wrote it.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// Further headers, in order, ASCII and on one line each.
    pub headers: Vec<(&'static str, String)>,
    /// The mail as it came, to be attached.
    pub original: Option<Vec<u8>>,
    /// The `Date` header.
    pub date: Timestamp,
    /// What it is known by: the effect's id.
    pub effect: String,
}

impl std::fmt::Debug for ForwardedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForwardedMail").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// Forwards mail. At most once per call, as [`Mailer`] does.
#[async_trait]
pub trait Forwarder: Send + Sync {
    /// Hands one mail over, within its time-out.
    async fn forward(&self, mail: &ForwardedMail) -> SendReport;
}

/// A mail to somebody of sales: an alert, or the digest. It is no touch of anybody's.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// The sender's display name.
    pub from_name: String,
    /// The ASCII address that it is sent from: ours.
    pub from_address: String,
    /// Who gets it.
    pub to: String,
    /// The subject, one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// Further headers, in order, ASCII and on one line each.
    pub headers: Vec<(&'static str, String)>,
    /// The `Date` header.
    pub date: Timestamp,
    /// What it is known by: the effect's id.
    pub effect: String,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// Tells sales by mail. At most once per call, as [`Mailer`] does.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Hands one mail over, within its time-out.
    async fn notify(&self, notice: &Notice) -> SendReport;
}

/// A mail as the inbox keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct RawMail {
    /// Its first bytes: all of them, where it is no longer than was asked for.
    pub bytes: Vec<u8>,
    /// How long it is.
    pub size: u64,
}

impl std::fmt::Debug for RawMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawMail").field("size", &self.size).finish_non_exhaustive()
    }
}

/// What can go wrong in an inbox. Trying again is right: a mail is there until it is dealt with.
#[derive(Debug, thiserror::Error)]
#[error("the inbox is not available")]
pub struct InboxError(#[source] pub Cause);

/// Where mail is put that comes in.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Reads the beginning of a mail; `None` if it is not there.
    async fn fetch(&self, key: &InboxKey, bytes_max: usize) -> Result<Option<RawMail>, InboxError>;

    /// Deletes a mail that nobody needs any more. One that is not there is deleted.
    async fn delete(&self, key: &InboxKey) -> Result<(), InboxError>;
}

/// One event for the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusEvent {
    /// The `detail-type`.
    pub name: String,
    /// When it happened.
    pub at: Timestamp,
    /// The `detail`: a JSON object with an `id` that consumers deduplicate by.
    pub detail: String,
}

/// What can go wrong on a bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// These of the events (by index) were not taken; the others were.
    #[error("the bus did not take {} events", .failed.len())]
    Partial {
        /// Indexes into the slice that was published.
        failed: Vec<usize>,
        /// What the bus said of one of them.
        #[source]
        source: Cause,
    },
    /// None was taken.
    #[error("the bus took nothing")]
    Failed(#[source] Cause),
}

/// Publishes events.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes all, putting only the failed ones again, a bounded number of times (F32).
    async fn publish(&self, events: &[BusEvent]) -> Result<(), BusError>;
}

/// Tells the suite's time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// To the millisecond: nothing here is finer, and each digit is stored with every lead.
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
