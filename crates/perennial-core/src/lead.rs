//! A lead and its pulse.
//!
//! **Invariants:** a lead that is not terminal has a pulse, and the pulse is derived
//! ([`Lead::next_action_at`]), never set (I2). It has exactly one stage (I1) and always an owner (I7).
//! A [`Lead`] holds nothing personal: addresses and answers live in [`crate::profile::Profile`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::broadcast::Offer;
use crate::condition::SignalKind;
use crate::consent::{Consent, OptIn, Preferences};
use crate::event::DisqualifyReason;
use crate::follow::Followed;
use crate::ids::{Language, LeadId, ProgramName, QueueName, RepName, StepId, TagName, TopicName, TouchId};
use crate::program::ProgramVersion;
use crate::sales::{DemandCycle, Origin, Outcome, SlaClock, Trigger, Turnback};
use crate::score::Score;
use crate::submission::Flag;

/// How far ahead a pulse may lie (I2).
pub const PULSE_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Where a lead stands. A lead is in exactly one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStage {
    /// At the door. Left again in the same commit.
    Received,
    /// Held back as junk, with reasons, for 14 days.
    Quarantined,
    /// In nurture.
    Inquiry,
    /// Offered to sales.
    Mql,
    /// A rep works it.
    Sal,
    /// A deal is open.
    Sql,
    /// Bought.
    Customer,
    /// Given back by sales, in nurture.
    Recycled,
    /// Not contacted any more, only listened to.
    Disqualified,
    /// Junk that nobody released: never touched again.
    JunkPurged,
    /// Nothing is known of the person any more, but that their address must not be mailed.
    ///
    /// In life 0 nobody ever came in under that id: a list said not to mail the address.
    Erased,
}

/// What a stage asks of the suite (DOMAIN.md §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageKind {
    /// No time limit: a nurture must run, or a review date must stand.
    Inventory,
    /// A check, passed in the commit that enters it.
    Gate,
    /// A deadline, then a way out without a human.
    Sla,
    /// The end.
    Terminal,
}

impl LifecycleStage {
    /// Every stage, in the order of the waterfall.
    pub const ALL: [Self; 11] = [
        Self::Received,
        Self::Quarantined,
        Self::Inquiry,
        Self::Mql,
        Self::Sal,
        Self::Sql,
        Self::Customer,
        Self::Recycled,
        Self::Disqualified,
        Self::JunkPurged,
        Self::Erased,
    ];

    /// Its kind.
    pub const fn kind(self) -> StageKind {
        match self {
            Self::Received => StageKind::Gate,
            Self::Quarantined | Self::Mql | Self::Sal | Self::Sql => StageKind::Sla,
            Self::Inquiry | Self::Customer | Self::Recycled | Self::Disqualified => StageKind::Inventory,
            Self::JunkPurged | Self::Erased => StageKind::Terminal,
        }
    }

    /// Its name in reports and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Quarantined => "quarantined",
            Self::Inquiry => "inquiry",
            Self::Mql => "mql",
            Self::Sal => "sal",
            Self::Sql => "sql",
            Self::Customer => "customer",
            Self::Recycled => "recycled",
            Self::Disqualified => "disqualified",
            Self::JunkPurged => "junk_purged",
            Self::Erased => "erased",
        }
    }
}

/// Whether mail reaches a lead, and may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailReach {
    /// It does.
    Ok,
    /// No address is known.
    Missing,
    /// The address cannot be mailed through SES: its local part is not ASCII (H9).
    NotMailable,
    /// The person was asked to confirm that they want mail, and has not yet. Only answers go out.
    Unconfirmed,
    /// No consent stands any more: it ran out, or was never confirmed.
    NoConsent,
    /// Whoever supplied the lead said not to mail it.
    DoNotEmail,
    /// The person unsubscribed.
    Unsubscribed,
    /// The address bounced for good.
    HardBounced,
    /// The person complained.
    Complained,
}

impl EmailReach {
    /// Facts about an address only ever get worse by themselves; what happened last does not matter,
    /// what ranks highest does, so that events may come in any order (F15).
    const fn rank(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Missing | Self::NotMailable => 1,
            Self::Unconfirmed => 2,
            Self::NoConsent => 3,
            Self::DoNotEmail => 4,
            Self::Unsubscribed => 5,
            Self::HardBounced => 6,
            Self::Complained => 7,
        }
    }

    /// Whether it is about what the person wants, and not about the address.
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::NoConsent | Self::DoNotEmail | Self::Unsubscribed => true,
            Self::Ok | Self::Missing | Self::NotMailable | Self::Unconfirmed | Self::HardBounced | Self::Complained => {
                false
            }
        }
    }

    /// The worse of two facts.
    #[must_use]
    pub const fn fold(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    /// What is left of it when the person has confirmed that they want mail: what they took back they may give again.
    #[must_use]
    pub const fn confirmed(self) -> Self {
        match self {
            Self::Unconfirmed | Self::NoConsent | Self::DoNotEmail | Self::Unsubscribed => Self::Ok,
            // An address that does not work is not mended by a wish, and a complaint is not taken back.
            Self::Ok | Self::Missing | Self::NotMailable | Self::HardBounced | Self::Complained => self,
        }
    }
}

/// Whether a call reaches a lead, and may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneReach {
    /// It does.
    Ok,
    /// No number is known.
    Missing,
    /// The number is somebody else's, or nobody's.
    Bad,
    /// The person may not be called.
    DoNotCall,
}

/// Who answers for a lead. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Ownership {
    /// A queue: the owner of last resort.
    Queue {
        /// Which.
        queue: QueueName,
    },
    /// A rep to whom it was given.
    Assigned {
        /// Who.
        rep: RepName,
    },
    /// A rep who said yes.
    Accepted {
        /// Who.
        rep: RepName,
    },
    /// A rep who has spoken with the person.
    Working {
        /// Who.
        rep: RepName,
    },
}

impl Ownership {
    /// The rep, if it is one.
    pub const fn rep(&self) -> Option<&RepName> {
        match self {
            Self::Queue { .. } => None,
            Self::Assigned { rep } | Self::Accepted { rep } | Self::Working { rep } => Some(rep),
        }
    }

    /// Whether it is the same rep, or the same queue, however far they have got.
    pub fn is_same_owner(&self, other: &Self) -> bool {
        match (self.rep(), other.rep()) {
            (None, None) => self == other,
            (one, another) => one == another,
        }
    }
}

/// A mail that came back from an address that may work again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SoftBounce {
    /// When it came back, as SES tells.
    pub at: Timestamp,
    /// Which mail.
    pub touch: TouchId,
}

/// How many soft bounces a lead remembers, and how many mails that SES withdrew: the last.
pub const SETBACKS_KEPT_MAX: usize = 8;

/// A lead's place in a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Which enrolment of this lead, counted from 1.
    pub ordinal: u32,
    /// The program.
    pub program: ProgramName,
    /// The version it was started with.
    pub version: ProgramVersion,
    /// The step that comes next.
    pub step: StepId,
    /// When it comes.
    pub next_touch_at: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// How often that step has been tried and put back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// How often the lead went back to an earlier step: it tells the touches of one step apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lap: u32,
    /// How many rounds of a `recur` step are behind the lead.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// Touches of this enrolment since the person last gave a sign.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub silent_touches: u32,
    /// Why, and until when, nothing of it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
}

/// An enrolment that stands still. It always has an end (DOMAIN.md §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub cause: PauseCause,
    /// When it goes on.
    pub resume_at: Timestamp,
}

/// Why an enrolment stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// An automatic reply says that the person is away.
    OutOfOffice,
    /// The person has written, and somebody talks with them.
    InConversation,
    /// They will meet.
    MeetingBooked,
    /// A rep asked for it.
    RepHold,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Enrolment {
    /// The touch that comes next.
    pub fn touch(&self) -> TouchId {
        TouchId { ordinal: self.ordinal, program: self.program.clone(), step: self.step.clone(), occurrence: self.lap }
    }

    /// When something of it happens next.
    pub fn next_at(&self) -> Timestamp {
        self.paused.map_or(self.next_touch_at, |pause| pause.resume_at)
    }
}

/// The mark that a mail is being handed to SES (TRUST.md §2). While its lease runs, nobody else may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The touch in flight.
    pub touch: TouchId,
    /// Which attempt: what comes back from an older one is recognised as such.
    pub attempt: u32,
    /// Until when its worker may still be alive.
    pub lease_until: Timestamp,
}

/// A mail of which nobody knows whether SES took it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    /// The touch.
    pub touch: TouchId,
    /// The attempt that went unanswered.
    pub attempt: u32,
    /// What is being waited for.
    #[serde(flatten)]
    pub state: Doubt,
}

/// How far a doubt has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Doubt {
    /// An event of SES may still prove it; at this time a person must look.
    Unknown {
        /// When waiting ends.
        review_at: Timestamp,
    },
    /// On the review list. It is never sent again by itself.
    Review,
}

/// A task for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The touch it stands for.
    pub touch: TouchId,
    /// What is to be done.
    pub kind: TaskKind,
    /// By when.
    pub due_at: Timestamp,
    /// It is overdue, and its owner was told. If it is not done by then, their manager is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalates_at: Option<Timestamp>,
}

impl Task {
    /// When somebody must look whether it was done.
    pub fn next_at(&self) -> Timestamp {
        self.escalates_at.unwrap_or(self.due_at)
    }
}

/// What a task asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Call the person.
    Call,
    /// Write to the person; the touch has a draft.
    Write,
    /// Find an address or number that works.
    RepairData,
    /// Read what the person wrote, and see to it.
    Read,
}

/// How many requalifications by score a lead remembers: as many as a guard asks about.
pub const REQUALIFIED_KEPT_MAX: usize = 3;

/// The cycle of a lead that was stored before there were any.
fn first_cycle() -> DemandCycle {
    DemandCycle::open(1, Origin::New, Timestamp::UNIX_EPOCH)
}

/// One lead: everything that decisions read and change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// Who it is, pseudonymously.
    pub id: LeadId,
    /// Which life of this id: a purged lead who comes back starts the next.
    pub life: u32,
    /// Where it stands.
    pub stage: LifecycleStage,
    /// When its first submission was made.
    pub received_at: Timestamp,
    /// Whether mail reaches it.
    pub email: EmailReach,
    /// Whether the person, or whoever supplied them, does not want mail: what `email` says of the address may
    /// outrank it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unwilling: bool,
    /// Its last soft bounces, oldest first, at most [`SETBACKS_KEPT_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub soft_bounces: Vec<SoftBounce>,
    /// Until when no mail goes to its address, which bounced softly too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_until: Option<Timestamp>,
    /// The last mails that SES took and then did not send, at most [`SETBACKS_KEPT_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<TouchId>,
    /// Whether calls reach it.
    pub phone: PhoneReach,
    /// What else is known of its address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// Its IANA time zone, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Who answers for it. `None` only before it is admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Ownership>,
    /// The program it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<Enrolment>,
    /// How many enrolments it has had.
    pub enrolments: u32,
    /// The mail in flight. Kept by the store beside the rest, because the mark is a write of its own.
    #[serde(skip)]
    pub sending: Option<Sending>,
    /// The mails nobody is sure of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unresolved: Vec<Unresolved>,
    /// The open task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// When its last mails went out; only as many as the cap asks about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_mails: Vec<Timestamp>,
    /// When the person last gave each sign.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<SignalKind, Timestamp>,
    /// What it showed interest in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicName>,
    /// The mails whose links were followed, and what is known of who did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<Followed>,
    /// What its signs have come to.
    #[serde(default, skip_serializing_if = "Score::is_empty")]
    pub score: Score,
    /// What programs noted about it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<TagName>,
    /// On what ground it is mailed. `None`: nothing was ever said, as of leads from before there was consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// How far the question has got whether it wants mail.
    #[serde(default, skip_serializing_if = "OptIn::is_unasked")]
    pub opt_in: OptIn,
    /// The broadcasts that it is to get, or got of late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// What it wants to get, and how often.
    #[serde(default, skip_serializing_if = "Preferences::is_default")]
    pub preferences: Preferences,
    /// The language that it reads, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The demand cycle it is in.
    #[serde(default = "first_cycle")]
    pub cycle: DemandCycle,
    /// The clock of its stage, where sales answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<SlaClock>,
    /// The last turnback, until the lead is offered again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turnback: Option<Turnback>,
    /// The rep who knows it: it is offered to them first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<RepName>,
    /// When it was last offered again because of its score, at most [`REQUALIFIED_KEPT_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requalified: Vec<Timestamp>,
    /// By when it must be looked at whether it is ready for sales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_by: Option<Timestamp>,
    /// When that was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<Timestamp>,
    /// When its owner, or their manager, was last told at once, of what: nothing of it yet where the owner is new.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alerted: BTreeMap<Trigger, Timestamp>,
    /// The status that a CRM last told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crm_status: Option<Outcome>,
    /// Why sales says that it is no lead; not there where nobody may contact it, and sales never said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disqualified: Option<DisqualifyReason>,
    /// When sales last did something with it, as far as that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposed_at: Option<Timestamp>,
    /// How many submissions it has made.
    pub submissions: u32,
    /// When a quarantine ends, or a listening lead is looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_until: Option<Timestamp>,
    /// How many history rows it has.
    pub seq: u64,
}

/// The way in which a lead can be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By mail.
    Mail,
    /// Only by a person.
    Human(TaskKind),
    /// Not at all, lawfully.
    Nobody,
}

impl Lead {
    /// When this lead needs attention next: its pulse. `None` only at the end of its life.
    pub fn next_action_at(&self) -> Option<Timestamp> {
        if self.stage.kind() == StageKind::Terminal {
            return None;
        }
        let doubts = self.unresolved.iter().filter_map(|doubt| match doubt.state {
            Doubt::Unknown { review_at } => Some(review_at),
            Doubt::Review => None,
        });
        [
            self.stage_until,
            self.soft_until,
            self.enrolment.as_ref().map(Enrolment::next_at),
            self.opt_in.due_at,
            self.opt_in.until,
            self.consent.as_ref().and_then(|consent| consent.until),
            self.sending.as_ref().map(|sending| sending.lease_until),
            self.task.as_ref().map(Task::next_at),
            self.evaluate_by,
            self.sla.as_ref().map(|clock| clock.next_at),
            self.turnback.as_ref().and_then(|turnback| turnback.judge_at),
            self.turnback.as_ref().and_then(|turnback| turnback.horizon_at),
        ]
        .into_iter()
        .flatten()
        .chain(doubts)
        .chain(self.followed.iter().filter_map(|followed| followed.until))
        .chain(self.offers.iter().filter_map(Offer::due_at))
        .min()
    }

    /// By when somebody must act, if anybody must: where it stands in the list of its owner.
    pub fn human_deadline(&self) -> Option<Timestamp> {
        let task = self.task.as_ref().map(|task| task.due_at);
        let clock = self.sla.as_ref().map(|clock| clock.attempt_by.unwrap_or(clock.ends_at));
        [task, clock].into_iter().flatten().min()
    }

    /// The rep who owns it, if one does.
    pub fn rep(&self) -> Option<&RepName> {
        self.owner.as_ref().and_then(Ownership::rep)
    }

    /// What is known of who followed the links of a mail.
    pub fn followed(&self, touch: &TouchId) -> Option<&Followed> {
        self.followed.iter().find(|followed| &followed.touch == touch)
    }

    /// A mail whose hits can be judged now.
    pub fn to_judge(&self, now: Timestamp) -> Option<&TouchId> {
        let due = self.followed.iter().find(|followed| followed.until.is_some_and(|until| until <= now));
        due.map(|followed| &followed.touch)
    }

    /// How an e-mail step can reach this lead (DOMAIN.md §3, "E-mail unreachable").
    pub fn reach(&self) -> Reach {
        let human = match self.phone {
            PhoneReach::Ok => Some(TaskKind::Call),
            PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall => None,
        };
        match self.email {
            // Whoever may still confirm is mailed what they ask for, and waits for the rest.
            EmailReach::Ok | EmailReach::Unconfirmed => Reach::Mail,
            // Nobody is to find an address for somebody who does not want mail.
            EmailReach::HardBounced if self.unwilling => human.map_or(Reach::Nobody, Reach::Human),
            // The person may be mailed, only not at this address: somebody can mend that.
            EmailReach::Missing | EmailReach::NotMailable | EmailReach::HardBounced => {
                Reach::Human(human.unwrap_or(TaskKind::RepairData))
            }
            EmailReach::NoConsent | EmailReach::DoNotEmail | EmailReach::Unsubscribed | EmailReach::Complained => {
                human.map_or(Reach::Nobody, Reach::Human)
            }
        }
    }

    /// Whether somebody of sales may call the person.
    pub fn may_be_called(&self) -> bool {
        self.phone == PhoneReach::Ok && self.is_contacted()
    }

    /// Whether somebody of sales may write to the person by hand: not where they want no mail, or have not said yet that
    /// they do, nor where it does not arrive.
    pub fn may_be_written_to(&self) -> bool {
        let may_be = match self.email {
            // Amazon SES takes no such address; a person's own mail program may.
            EmailReach::Ok | EmailReach::NotMailable => true,
            EmailReach::Missing
            | EmailReach::Unconfirmed
            | EmailReach::HardBounced
            | EmailReach::NoConsent
            | EmailReach::DoNotEmail
            | EmailReach::Unsubscribed
            | EmailReach::Complained => false,
        };
        may_be && !self.unwilling && self.is_contacted()
    }

    /// Whether anybody contacts the person at all.
    pub fn is_contacted(&self) -> bool {
        self.stage != LifecycleStage::Disqualified
    }

    /// Until when no mail goes to its address, if that is so now.
    pub fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.soft_until.filter(|until| *until > now)
    }

    /// The soft bounces that it would remember with one more, if that is news.
    pub fn with_soft_bounce(&self, bounce: &SoftBounce) -> Option<Vec<SoftBounce>> {
        if self.soft_bounces.iter().any(|known| known.touch == bounce.touch) {
            return None;
        }
        let mut bounces = self.soft_bounces.clone();
        bounces.push(bounce.clone());
        bounces.sort();
        let surplus = bounces.len().saturating_sub(SETBACKS_KEPT_MAX);
        let forgotten: Vec<SoftBounce> = bounces.drain(..surplus).collect();
        // The latest are kept, whatever the order in which they came.
        (!forgotten.contains(bounce)).then_some(bounces)
    }

    /// Whether a human touch is to be preferred where there is a choice (H13).
    pub fn prefers_human(&self) -> bool {
        self.flags.contains(&Flag::RoleAddress) && self.phone == PhoneReach::Ok
    }
}
