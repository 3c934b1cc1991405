//! What sales does with a lead, and what a lead keeps of it.
//!
//! **Invariants:** an outcome says everything that a decision needs, so a page, an API and a CRM tell the same thing in
//! the same words; nothing here is personal (a rep's notes stand in the profile).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::condition::SignalKind;
use crate::event::DisqualifyReason;
use crate::ids::{FieldName, ProgramName, QueueName, RepName, StepId, TouchId};
use crate::lead::{Lead, is_false, is_zero};
use crate::policy::TurnbackReason;

/// Who tells of an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Party {
    /// A rep.
    Rep {
        /// Who.
        rep: RepName,
    },
    /// Somebody of a queue, who need not be anybody whom the roster knows.
    Queue {
        /// Which.
        queue: QueueName,
    },
    /// A CRM, or a list of what happened there.
    Crm,
    /// Whoever runs the suite.
    Operator,
    /// The suite itself: a deadline passed.
    Suite,
}

impl Party {
    /// The rep, if it is one.
    pub const fn rep(&self) -> Option<&RepName> {
        match self {
            Self::Rep { rep } => Some(rep),
            Self::Queue { .. } | Self::Crm | Self::Operator | Self::Suite => None,
        }
    }

    /// Whether it is somebody who sells, and not a system or whoever runs one.
    pub const fn sells(&self) -> bool {
        match self {
            Self::Rep { .. } | Self::Queue { .. } => true,
            Self::Crm | Self::Operator | Self::Suite => false,
        }
    }

    /// How a note names them.
    pub fn name(&self) -> &str {
        match self {
            Self::Rep { rep } => rep.as_str(),
            Self::Queue { queue } => queue.as_str(),
            Self::Crm => "crm",
            Self::Operator => "operator",
            Self::Suite => "suite",
        }
    }
}

/// What a rep did, found out or wishes (DOMAIN.md §2: `Disposition`, `CallDisposition`, `Turnback`; S14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Nobody has done anything yet: what a CRM says of a lead whose status is set back.
    Untouched,
    /// They take the lead on.
    Accepted,
    /// They tried, and reached nobody.
    Attempted {
        /// How it went.
        attempt: Attempt,
    },
    /// They spoke with the person.
    Connected,
    /// They are to call again.
    CallBack {
        /// When.
        due_at: Timestamp,
    },
    /// They will meet.
    MeetingBooked {
        /// When, where that is known: programs stand still until it is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meet_at: Option<Timestamp>,
    },
    /// Somebody else answers that number.
    WrongPerson,
    /// Nobody does.
    BadNumber,
    /// The person wants no calls.
    DoNotCall,
    /// What the task asked for is done: the mail is written, the data repaired, the reply read.
    Done,
    /// It is a real opportunity.
    Qualified,
    /// The lead goes back, with a reason.
    TurnedBack(TurnbackRequest),
    /// It is no lead at all.
    Disqualified {
        /// Why.
        reason: DisqualifyReason,
    },
    /// They are a customer already: the customer's track.
    ExistingCustomer,
    /// They bought.
    Won,
    /// They bought elsewhere, or nothing: turned back as [`TurnbackReason::ClosedLost`].
    Lost,
    /// Programs are to stand still.
    Held {
        /// Until when.
        until: Timestamp,
    },
    /// And to go on.
    Resumed,
    /// This is when to come back: programs that ask for the date follow it.
    Revisit {
        /// The day.
        on: Date,
    },
    /// This mail does not help.
    Unhelpful {
        /// Which.
        touch: TouchId,
    },
}

/// How an attempt went that reached nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// Nobody answered.
    NoAnswer,
    /// A machine did.
    LeftVoicemail,
    /// The line was busy.
    Busy,
    /// A mail was written, and not answered yet.
    Wrote,
}

/// A lead on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnbackRequest {
    /// Why.
    pub reason: TurnbackReason,
    /// The day that the reason is about, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The answers that do not hold ([`TurnbackReason::BadAnswers`]).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fields: BTreeSet<FieldName>,
}

impl TurnbackRequest {
    /// For a reason that needs nothing more.
    pub const fn new(reason: TurnbackReason) -> Self {
        Self { reason, date: None, fields: BTreeSet::new() }
    }
}

impl Outcome {
    /// Its name in history, on pages and in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Accepted => "accepted",
            Self::Attempted { attempt: Attempt::NoAnswer } => "no_answer",
            Self::Attempted { attempt: Attempt::LeftVoicemail } => "left_voicemail",
            Self::Attempted { attempt: Attempt::Busy } => "busy",
            Self::Attempted { attempt: Attempt::Wrote } => "wrote",
            Self::Connected => "connected",
            Self::CallBack { .. } => "call_back",
            Self::MeetingBooked { .. } => "meeting_booked",
            Self::WrongPerson => "wrong_person",
            Self::BadNumber => "bad_number",
            Self::DoNotCall => "do_not_call",
            Self::Done => "done",
            Self::Qualified => "qualified",
            Self::TurnedBack(_) => "turned_back",
            Self::Disqualified { .. } => "disqualified",
            Self::ExistingCustomer => "existing_customer",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Held { .. } => "held",
            Self::Resumed => "resumed",
            Self::Revisit { .. } => "revisit",
            Self::Unhelpful { .. } => "unhelpful",
        }
    }

    /// Whether it says something to the suite rather than of the lead.
    pub const fn is_remark(&self) -> bool {
        match self {
            Self::Untouched
            | Self::Done
            | Self::Held { .. }
            | Self::Resumed
            | Self::Revisit { .. }
            | Self::Unhelpful { .. } => true,
            Self::Accepted
            | Self::Attempted { .. }
            | Self::Connected
            | Self::CallBack { .. }
            | Self::MeetingBooked { .. }
            | Self::WrongPerson
            | Self::BadNumber
            | Self::DoNotCall
            | Self::Qualified
            | Self::TurnedBack(_)
            | Self::Disqualified { .. }
            | Self::ExistingCustomer
            | Self::Won
            | Self::Lost => false,
        }
    }
}

/// Why an outcome is not taken. Said to whoever tells it; nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The lead is at the end of its life, held back as junk, or not there.
    #[error("nobody works this lead")]
    NotWorked,
    /// Silence is only known after several attempts.
    #[error("`no_response` takes {needed} attempts, and there have been {made}")]
    TooFewAttempts {
        /// How many there have been in this cycle.
        made: u32,
        /// How many it takes.
        needed: u32,
    },
    /// `bad_answers` without the fields.
    #[error("`bad_answers` says which answers do not hold")]
    NoFields,
    /// A day or time that is over.
    #[error("the date is over")]
    DatePassed,
    /// A day or time that no program can wait for.
    #[error("the date is too far ahead")]
    TooFar,
    /// Only the suite gives this reason.
    #[error("`{0}` is a reason that the suite gives, not a rep")]
    NotARepsReason(&'static str),
    /// A deal is lost that was won, or that nobody has any more.
    #[error("there is no deal to lose")]
    NoDeal,
    /// The lead is a customer; sales turns back what it was offered.
    #[error("they are a customer, and not with sales now")]
    IsCustomer,
    /// A remark on a mail that the lead never got.
    #[error("the lead never got that mail")]
    NoSuchMail,
}

impl Refusal {
    /// Its name in answers and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotWorked => "not_worked",
            Self::TooFewAttempts { .. } => "too_few_attempts",
            Self::NoFields => "fields_missing",
            Self::DatePassed => "date_passed",
            Self::TooFar => "date_too_far",
            Self::NotARepsReason(_) => "reason_not_given_by_reps",
            Self::NoDeal => "no_deal",
            Self::IsCustomer => "is_customer",
            Self::NoSuchMail => "mail_not_sent",
        }
    }
}

/// Why a lead is ready for sales (DOMAIN.md §2, `QualifyCause`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum QualifyCause {
    /// The gate: score, touches and signs.
    ScoreThreshold,
    /// They asked to be spoken to.
    HandRaise,
    /// They wrote back.
    HumanReply,
    /// A rep, or the CRM, is ahead.
    RepManual,
    /// The rule of the reason that they were turned back for.
    RequalifyRule {
        /// Which.
        reason: TurnbackReason,
    },
}

/// Where a demand cycle began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "origin")]
pub enum Origin {
    /// A new lead.
    #[default]
    New,
    /// One that was turned back.
    Recycled {
        /// Why.
        after: TurnbackReason,
    },
    /// A customer, for something more.
    Customer,
    /// One who was only listened to.
    Reopened,
}

impl Origin {
    /// The reason for which the lead was turned back before it, if it was.
    pub const fn after(self) -> Option<TurnbackReason> {
        match self {
            Self::Recycled { after } => Some(after),
            Self::New | Self::Reopened | Self::Customer => None,
        }
    }
}

/// One way of a lead from its first sign to a decision of sales. A lead that comes back starts the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandCycle {
    /// Which, counted from 1.
    pub number: u32,
    /// Where it began.
    #[serde(flatten)]
    pub origin: Origin,
    /// When.
    pub opened_at: Timestamp,
    /// Touches in it, mails and tasks that were done alike.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub touches: u32,
    /// Signs of the person in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub signs: u32,
    /// When it was handed to sales, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified: Option<Qualified>,
    /// How often sales tried to reach the person.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// How often it was offered to sales: to another, or to the same rep again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offers: u32,
    /// How often it was offered anew because nobody decided.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resubmissions: u32,
    /// When sales decided on it: turned back, disqualified, or bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Who had it and let it lie: they are not offered it again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub passed_over: BTreeSet<RepName>,
}

/// A hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualified {
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(flatten)]
    pub cause: QualifyCause,
}

impl DemandCycle {
    /// A cycle that begins.
    pub const fn open(number: u32, origin: Origin, at: Timestamp) -> Self {
        Self {
            number,
            origin,
            opened_at: at,
            touches: 0,
            signs: 0,
            qualified: None,
            attempts: 0,
            offers: 0,
            resubmissions: 0,
            closed_at: None,
            passed_over: BTreeSet::new(),
        }
    }
}

/// The clock of a stage that sales answers for (I3). What its rungs do stands in `[sla]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlaClock {
    /// Since when it runs.
    pub since: Timestamp,
    /// When the first attempt is due; `None` once there was one, and where none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_by: Option<Timestamp>,
    /// The rung that comes next, counted from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rung: u32,
    /// When it comes.
    pub next_at: Timestamp,
    /// When the stage is left without a human.
    pub ends_at: Timestamp,
}

/// What is remembered of the last turnback while it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turnback {
    /// Why.
    pub reason: TurnbackReason,
    /// When.
    pub at: Timestamp,
    /// Whether somebody who sells said so themselves, and not the suite or a CRM.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_seller: bool,
    /// From when on sales may have the lead again; a hand-raise does not wait for it.
    pub sales_from: Timestamp,
    /// When what was kept until then is judged; `None` where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_at: Option<Timestamp>,
    /// When the last resort follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_at: Option<Timestamp>,
    /// Which fields got a new answer since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub answered: BTreeSet<FieldName>,
    /// On how many days each sign was given since, and the last of them (UTC).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub days: BTreeMap<SignalKind, SignDays>,
}

/// On how many days a sign was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignDays {
    /// How many.
    pub days: u32,
    /// The last (UTC).
    pub last: Date,
}

/// What sales is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A lead is ready.
    Qualified,
    /// A lead is ready again.
    Requalified,
    /// A lead that another let lie.
    Resubmitted,
    /// A lead has a new owner.
    Reassigned,
    /// A lead that sales has raised its hand again.
    HandRaised,
    /// It wrote.
    Replied,
    /// It looked at prices.
    PricingVisited,
    /// It booked a meeting.
    MeetingBooked,
    /// It answered a question.
    Answered,
    /// A program says so.
    Moment,
    /// Half of the time to the first attempt is over.
    FirstAttemptDue,
    /// All of it is: for the manager.
    FirstAttemptMissed,
    /// Nobody decided, for the last time: for the manager.
    NotDecided,
    /// Nothing happened with a lead that was accepted.
    Idle,
    /// For so long that the manager is told.
    IdleLong,
    /// A task was not done in time.
    TaskOverdue,
    /// It left sales without a human.
    Expired,
    /// Its mail bounced for good, or it wants none any more.
    Unreachable,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Whoever owns the lead.
    Owner,
    /// Their manager; where there is none, the owner.
    Manager,
}

/// How an alert reaches whoever it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// At once.
    Now,
    /// With the next digest: there was one like it a short while ago.
    Digest,
}

/// The program that stands in the id of a touch which is sales' own, and of no program's.
const SALES_PROGRAM: &str = "hand-over";

/// The id of a task that sales has by itself: the first call, a rescue. One for each cycle, step and occurrence.
pub fn sales_touch(lead: &Lead, step: &str, occurrence: u32) -> Option<TouchId> {
    let (program, step) = (ProgramName::parse(SALES_PROGRAM).ok()?, StepId::parse(step).ok()?);
    Some(TouchId { ordinal: lead.cycle.number, program, step, occurrence })
}

/// Whether a name is that of sales' own touches.
pub(crate) fn is_taken(name: &str) -> bool {
    name == SALES_PROGRAM
}

/// Whether a touch is sales' own.
pub fn is_sales(touch: &TouchId) -> bool {
    touch.program.as_str() == SALES_PROGRAM
}
