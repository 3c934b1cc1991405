//! Everything that the suite keeps, in one list: what is erased with a person, and what is not, and why.
//!
//! **Invariant:** whatever is kept is of one [`Kind`]. The stores' own tests fail when they keep an item of none, and
//! [`Kind::erasure`] says of each kind what becomes of it; so there is no second list to forget something in.

use async_trait::async_trait;
use jiff::Timestamp;
use perennial_core::ids::{LeadId, SubmissionId};
use perennial_core::lead::{Lead, LifecycleStage};
use perennial_core::privacy::thinned;
use perennial_core::profile::Profile;
use perennial_core::submission::Submission;
use serde::{Deserialize, Serialize};

use crate::ports::{Cursor, EngagementRecord, HistoryRow, StoreError, SubmissionOutcome};

/// A kind of item that is kept, in the table or on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What decisions read and change of a lead.
    State,
    /// What a person told us.
    Profile,
    /// What one commit decided.
    History,
    /// A form post, or a row of a list.
    Submission,
    /// A fact about a touch that decides nothing.
    Engagement,
    /// An idempotency key.
    Idempotency,
    /// The record of an import.
    Import,
    /// A file of a program.
    ProgramFile,
    /// A version of `catalog.toml`.
    CatalogFile,
    /// Which versions are in force.
    Release,
    /// Who sells.
    Roster,
    /// Why nobody sends.
    Pause,
    /// How far the daily look at what is kept has got.
    Retention,
    /// When a chore was last done.
    Chore,
    /// What became of a sender's mails, and whether it may send.
    Sender,
    /// Who may do what an event calls for.
    Effect,
    /// An event that goes, or went, to a webhook.
    Delivery,
    /// Whose turn it is to call a webhook's server, and whether that wants no more.
    Endpoint,
    /// What somebody of sales is told of with their next digest.
    News,
    /// What somebody was to be told of at once, and was not.
    Untold,
    /// How much came in from somewhere in a minute.
    Bucket,
    /// That something was used, which is good for once.
    Once,
    /// Somebody who is kept out.
    Block,
    /// A mail that came in and is not forwarded yet.
    Inbox,
    /// A history row that is not published yet. On one machine only.
    Outbox,
    /// A mail in the mailbox of `perennial up`.
    Letter,
    /// The keys of one machine.
    Keys,
    /// The clock of one machine.
    Clock,
}

/// What becomes of an item when its person is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// It goes.
    Deleted,
    /// Its place stays, with nothing of the person in it: because it is counted.
    Emptied,
    /// It stays without what the person was like.
    Thinned,
    /// It stays, for it holds nothing of a person.
    Kept {
        /// What it holds instead.
        because: &'static str,
    },
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 28] = [
        Self::State,
        Self::Profile,
        Self::History,
        Self::Submission,
        Self::Engagement,
        Self::Idempotency,
        Self::Import,
        Self::ProgramFile,
        Self::CatalogFile,
        Self::Release,
        Self::Roster,
        Self::Pause,
        Self::Retention,
        Self::Chore,
        Self::Sender,
        Self::Effect,
        Self::Delivery,
        Self::Endpoint,
        Self::News,
        Self::Untold,
        Self::Bucket,
        Self::Once,
        Self::Block,
        Self::Inbox,
        Self::Outbox,
        Self::Letter,
        Self::Keys,
        Self::Clock,
    ];

    /// What becomes of it when its person is erased.
    pub const fn erasure(self) -> Erasure {
        match self {
            Self::State | Self::Profile | Self::Submission | Self::Letter => Erasure::Emptied,
            Self::History => Erasure::Thinned,
            Self::Engagement => Erasure::Deleted,
            Self::Idempotency => {
                Erasure::Kept { because: "two keyed hashes that lead to nobody; it ends after a week" }
            }
            Self::Import => Erasure::Kept { because: "numbers of rows, and the name that a map gives its list" },
            Self::ProgramFile | Self::CatalogFile => Erasure::Kept { because: "what marketing wrote" },
            Self::Release => Erasure::Kept { because: "names of versions" },
            Self::Roster => Erasure::Kept { because: "names and addresses of those who sell; no lead is among them" },
            Self::Pause => Erasure::Kept { because: "what SES said, without addresses" },
            Self::Retention => Erasure::Kept { because: "the key of an item, which is a keyed hash" },
            Self::Sender => Erasure::Kept { because: "numbers of mails, by our own domain and day" },
            Self::Effect => {
                Erasure::Kept { because: "the id of an event, which is a keyed hash and a number; it ends by itself" }
            }
            Self::Delivery => Erasure::Kept {
                because: "the id of an event, and whether it is there; what is sent is read from history, which is thinned",
            },
            Self::Endpoint => Erasure::Kept { because: "the address of a server, and times" },
            Self::News => Erasure::Kept {
                because: "the id of an event, and what kind it is; it goes with the next digest, which says nothing of them",
            },
            Self::Untold => Erasure::Kept {
                because: "the id of an event, and times; it goes when it is tried again, which tells nobody of them",
            },
            Self::Bucket => Erasure::Kept { because: "a number under a keyed hash, for some minutes" },
            Self::Once => Erasure::Kept { because: "a keyed hash; it ends by itself" },
            Self::Block => Erasure::Kept { because: "a keyed hash: without it, who is kept out would come back" },
            Self::Inbox => {
                Erasure::Kept { because: "it goes when it is forwarded, and is dropped if its lead is erased by then" }
            }
            Self::Outbox => Erasure::Kept { because: "the key of a history row; it goes when that is published" },
            Self::Keys => Erasure::Kept { because: "random numbers" },
            Self::Chore | Self::Clock => Erasure::Kept { because: "a time" },
        }
    }

    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Profile => "profile",
            Self::History => "history",
            Self::Submission => "submission",
            Self::Engagement => "engagement",
            Self::Idempotency => "idempotency",
            Self::Import => "import",
            Self::ProgramFile => "program_file",
            Self::CatalogFile => "catalog_file",
            Self::Release => "release",
            Self::Roster => "roster",
            Self::Pause => "pause",
            Self::Retention => "retention",
            Self::Chore => "chore",
            Self::Sender => "sender",
            Self::Effect => "effect",
            Self::Delivery => "delivery",
            Self::Endpoint => "endpoint",
            Self::News => "news",
            Self::Untold => "untold",
            Self::Bucket => "bucket",
            Self::Once => "once",
            Self::Block => "block",
            Self::Inbox => "inbox",
            Self::Outbox => "outbox",
            Self::Letter => "letter",
            Self::Keys => "keys",
            Self::Clock => "clock",
        }
    }
}

/// An item that is held of one lead. Personal: its `Debug` says no more than its kind.
#[derive(Clone, PartialEq)]
pub enum Held {
    /// The lead.
    State {
        /// The lead, with the mark of a mail in flight.
        lead: Box<Lead>,
        /// Its revision.
        rev: u64,
    },
    /// What the person told us.
    Profile {
        /// All of it.
        profile: Box<Profile>,
        /// The revision it was written at.
        rev: u64,
    },
    /// What one commit decided.
    History(HistoryRow),
    /// What came in.
    Submission(HeldSubmission),
    /// A fact about a touch.
    Engagement(EngagementRecord),
    /// A mail in the mailbox of this machine.
    Letter(HeldLetter),
}

/// A submission as it is held.
#[derive(Clone, PartialEq)]
pub struct HeldSubmission {
    /// Which.
    pub id: SubmissionId,
    /// What it did.
    pub outcome: SubmissionOutcome,
    /// When it was kept, if that was written down.
    pub kept_at: Option<Timestamp>,
    /// What it said; `None` once it was emptied.
    pub content: Option<Box<Submission>>,
}

/// A mail in the mailbox of this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldLetter {
    /// Its number.
    pub id: String,
    /// When it was handed over.
    pub at: Timestamp,
    /// The addresses it went to; none once it was emptied.
    pub to: Vec<String>,
    /// The whole mail; nothing once it was emptied.
    pub mime: Vec<u8>,
}

impl Held {
    /// What it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::State { .. } => Kind::State,
            Self::Profile { .. } => Kind::Profile,
            Self::History(_) => Kind::History,
            Self::Submission(_) => Kind::Submission,
            Self::Engagement(_) => Kind::Engagement,
            Self::Letter(_) => Kind::Letter,
        }
    }

    /// Whether it still holds something that erasing its person takes away.
    pub fn is_personal(&self) -> bool {
        match self {
            Self::State { lead, .. } => lead.stage != LifecycleStage::Erased,
            Self::Profile { profile, .. } => !profile.is_blank(),
            Self::History(row) => row.entries.iter().any(|event| thinned(event) != *event),
            Self::Submission(submission) => submission.content.is_some(),
            Self::Engagement(_) => true,
            Self::Letter(letter) => !(letter.to.is_empty() && letter.mime.is_empty()),
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({})", self.kind().as_str())
    }
}

/// A page of what is held of a lead.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeldPage {
    /// The items.
    pub items: Vec<Held>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// What a look at everybody meets. Nothing personal is read for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aged {
    /// A lead at the end of its life.
    Ended(EndedLead),
    /// An item that is not kept for ever.
    Item(AgedItem),
}

/// A lead at the end of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedLead {
    /// Which.
    pub lead: LeadId,
    /// Where it stands.
    pub stage: LifecycleStage,
    /// Its revision.
    pub rev: u64,
    /// Whether what it told us was let go of since it got there.
    pub is_let_go: bool,
}

/// An item that is not kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgedItem {
    /// A submission that still says what it said.
    Submission {
        /// Of which lead.
        lead: LeadId,
        /// Which.
        id: SubmissionId,
        /// Since when it is kept.
        kept_at: Timestamp,
    },
    /// A fact about a touch.
    Engagement(EngagementRecord),
    /// An idempotency key.
    Idempotency {
        /// Its hash.
        key: String,
        /// When it may be forgotten.
        expires_at: Timestamp,
    },
}

impl AgedItem {
    /// What it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Submission { .. } => Kind::Submission,
            Self::Engagement(_) => Kind::Engagement,
            Self::Idempotency { .. } => Kind::Idempotency,
        }
    }
}

/// A page of a look at everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgedPage {
    /// The items; what is kept for ever is passed over.
    pub items: Vec<Aged>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// How far the daily look at everybody has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionMark {
    /// When it was written.
    pub at: Timestamp,
    /// Where to go on.
    pub cursor: String,
}

/// A place where things are kept of people.
#[async_trait]
pub trait Holdings: Send + Sync {
    /// A page of what is held of a lead, read consistently. An item of a kind that is not known is an error.
    async fn of_lead(&self, lead: &LeadId, cursor: Option<Cursor>) -> Result<HeldPage, StoreError>;

    /// Does with an item of a lead what [`Kind::erasure`] says of its kind. Doing it again is fine.
    ///
    /// A profile that is not the one that was read (somebody has started a new life since) is left alone.
    async fn let_go(&self, lead: &LeadId, item: &Held, now: Timestamp) -> Result<(), StoreError>;
}

/// The place where everybody is: the table.
#[async_trait]
pub trait Registry: Holdings {
    /// A page of what may be kept no longer.
    async fn aged(&self, cursor: Option<Cursor>) -> Result<AgedPage, StoreError>;

    /// Notes that nothing is left to let go of, of a lead that stands at this revision.
    async fn note_let_go(&self, lead: &LeadId, rev: u64) -> Result<(), StoreError>;

    /// Deletes an item, or empties it where it is counted. One that is gone, or was made anew since, is left alone.
    async fn forget(&self, item: &AgedItem) -> Result<(), StoreError>;

    /// How far the last look has got, if it was not to the end.
    async fn retention_mark(&self) -> Result<Option<RetentionMark>, StoreError>;

    /// Keeps how far this look has got; `None`: to the end.
    async fn keep_retention_mark(&self, mark: Option<&RetentionMark>) -> Result<(), StoreError>;
}
