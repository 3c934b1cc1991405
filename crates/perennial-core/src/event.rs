//! What a decision decided: the entries of a lead's history, and the only way its state changes.
//!
//! **Invariants:** [`apply`] is total: any event on any lead gives a lead. The same events give the
//! same lead, so history explains every state. No event carries a personal value (P7).

mod selling;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Mailing;
use crate::broadcast::{self, Offer, OfferState};
use crate::calendar::{CAP_PERIOD, WEEKLY_MAX};
use crate::condition::SignalKind;
use crate::consent::{Consent, ConsentBasis, ConsentSource, ConsentText, Preferences, is_opt_in};
use crate::follow;
use crate::ids::{
    EmittedName, FieldName, FormName, Language, LeadId, ProgramName, RepName, StepId, TagName, TopicName, TouchId,
};
use crate::inbound::{Attribution, InboxKey};
use crate::lead::{
    Doubt, EmailReach, Enrolment, Lead, LifecycleStage, Ownership, Pause, PauseCause, PhoneReach, SETBACKS_KEPT_MAX,
    SoftBounce, Task, TaskKind, Unresolved, is_zero,
};
use crate::policy::TurnbackReason;
use crate::program::ProgramVersion;
use crate::sales::{
    Audience, Delivery, DemandCycle, Origin, Outcome, Party, QualifyCause, SlaClock, Trigger, is_sales,
};
use crate::score::{self, Score};
use crate::submission::{Channel, Flag, Intent, JunkReason};

pub(crate) use selling::click_taken_back;

/// Why a touch waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeferReason {
    /// The send window is closed.
    QuietHours,
    /// The lead had as much mail as it may get.
    FrequencyCap,
    /// SES asked for patience.
    Throttled,
    /// Sending is paused, or not set up, for everybody.
    SendingPaused,
    /// SES could not be reached; nothing was handed over.
    NotReached,
    /// Sales works the lead, and the program does not write beside it.
    WithSales,
    /// Its date has moved.
    NotYet,
    /// The person was asked to confirm that they want mail.
    AwaitingConsent,
    /// The address bounced softly too often, and rests.
    AddressRests,
    /// Too much of the sender's mail bounced, or was complained of; or somebody paused it.
    SenderPaused,
    /// An operator paused its program.
    ProgramPaused,
    /// The lead's program stands still: the person is away, or somebody talks with them.
    Paused,
    /// Whoever was to send a broadcast has not heard of it yet.
    NotKnownYet,
}

/// Why a touch is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The lead cannot be called.
    NoPhone,
    /// The owner has a task for this lead already.
    TaskOpen,
    /// The lead may not be mailed, and a person touches it instead.
    Suppressed(EmailReach),
    /// The address is a desk's, and a person touches it instead.
    HumanPreferred,
    /// The address rests after soft bounces, and a person touches the lead instead.
    AddressRests,
    /// The program no longer has this step.
    StepGone,
    /// The step's or the program's `skip_if` holds.
    Condition,
    /// All that it asks for is known.
    AllKnown,
    /// Its date is over.
    DatePassed,
    /// The lead is in the holdout.
    Holdout,
    /// The person switched its topic off.
    SwitchedOff,
    /// Sales works the lead, and the broadcast does not go out beside it.
    WithSales,
    /// The lead is only listened to.
    ListenedTo,
    /// The broadcast was over before it could go out.
    Expired,
    /// Somebody stopped the broadcast.
    Stopped,
}

/// Why a touch can never be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// Its template does not render for this lead.
    Template,
    /// SES refused the message.
    Rejected,
    /// SES refused the request.
    BadRequest,
    /// It was refused after its lease had ended.
    RefusedLate,
    /// SES took it, and then refused its content. The address is not at fault.
    ContentRefused,
    /// SES took it, and could not fill in its own template.
    NotRendered,
}

impl FailReason {
    /// Whether SES had taken the mail before.
    pub const fn is_withdrawal(self) -> bool {
        match self {
            Self::ContentRefused | Self::NotRendered => true,
            Self::Template | Self::Rejected | Self::BadRequest | Self::RefusedLate => false,
        }
    }
}

/// What proves that SES took a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendProof {
    /// The answer of `SendEmail`.
    Answer,
    /// An event that carries the touch's tags.
    Event,
    /// A person looked and said so.
    Operator,
}

/// How an enrolment ended (DOMAIN.md §2, `ProgramExit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramExit {
    /// Its content is used up.
    Completed,
    /// Nobody may contact the lead any more.
    Suppressed,
    /// The program or the step is gone from the catalog, or another program claims the lead.
    Superseded,
    /// It is what the program was for.
    GoalMet,
    /// The program says to stop.
    Stopped,
    /// Its time is over.
    Horizon,
    /// Sales gave the lead back.
    TurnedBack,
}

/// Why a lead is only listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisqualifyReason {
    /// No channel to the person is lawful.
    DoNotContact,
    /// Nothing that is sold fits them.
    NotAFit,
    /// They work for a competitor.
    CompetitorEmployee,
    /// They study, or want it for themselves.
    StudentOrPersonal,
    /// They look for work.
    JobSeeker,
    /// They sell something.
    VendorPitch,
    /// Nothing may be sold to them.
    Ineligible,
}

impl DisqualifyReason {
    /// Those that a rep gives.
    pub const OF_REPS: [Self; 6] = [
        Self::NotAFit,
        Self::CompetitorEmployee,
        Self::StudentOrPersonal,
        Self::JobSeeker,
        Self::VendorPitch,
        Self::Ineligible,
    ];

    /// Its name in files and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DoNotContact => "do_not_contact",
            Self::NotAFit => "not_a_fit",
            Self::CompetitorEmployee => "competitor_employee",
            Self::StudentOrPersonal => "student_or_personal",
            Self::JobSeeker => "job_seeker",
            Self::VendorPitch => "vendor_pitch",
            Self::Ineligible => "ineligible",
        }
    }
}

/// One entry of a lead's history. Its serialised tag is its name on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// A submission came from somebody not known (or purged) before.
    #[serde(rename = "lead.received")]
    Received {
        /// Who.
        lead: LeadId,
        /// Which life of that id.
        life: u32,
        /// The door.
        channel: Channel,
        /// The form.
        form: FormName,
        /// What the sender wants.
        intent: Intent,
        /// When the submission was made.
        received_at: Timestamp,
        /// Whether mail reaches the sender.
        email: EmailReach,
        /// Whether calls do.
        phone: PhoneReach,
        /// What else the address shows.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        flags: Vec<Flag>,
        /// The sender's time zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        /// The sender's language.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
    },
    /// It passed the filter and is nurtured from now on.
    #[serde(rename = "lead.admitted")]
    Admitted,
    /// It looks like junk.
    #[serde(rename = "lead.quarantined")]
    Quarantined {
        /// Why.
        reasons: Vec<JunkReason>,
        /// When it is purged, if nothing speaks for it.
        until: Timestamp,
    },
    /// A quarantined lead turned out to be a person.
    #[serde(rename = "lead.released")]
    Released,
    /// A quarantine ended with nothing speaking for the lead.
    #[serde(rename = "lead.purged")]
    Purged,
    /// Somebody who is only listened to asks to be spoken to.
    #[serde(rename = "lead.reopened")]
    Reopened,
    /// A known lead sent a form, or stood on a list, again.
    #[serde(rename = "engagement.recorded")]
    SubmissionMerged {
        /// The door.
        channel: Channel,
        /// The form.
        form: FormName,
        /// What the sender wants.
        intent: Intent,
        /// Whether it looks like junk, and then is no sign of a person.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        junk: Vec<JunkReason>,
        /// Whether calls reach the lead, after this.
        phone: PhoneReach,
        /// The lead's time zone, after this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        /// Which fields got a new answer by it.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        answered: BTreeSet<FieldName>,
    },
    /// Somebody answers for the lead.
    #[serde(rename = "lead.assigned")]
    Assigned {
        /// Who.
        owner: Ownership,
    },
    /// A program began.
    #[serde(rename = "enrolment.started")]
    EnrolmentStarted {
        /// Which enrolment of this lead.
        ordinal: u32,
        /// The program.
        program: ProgramName,
        /// Its version.
        version: ProgramVersion,
        /// Its first step.
        step: StepId,
        /// When that step comes.
        due_at: Timestamp,
        /// The door, where a submission began it: a form post is nudged, a list waits for the sweep.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
        /// Touches without a sign that it begins with, where a program follows itself.
        #[serde(default, skip_serializing_if = "is_zero")]
        silent_touches: u32,
    },
    /// The next step is set.
    #[serde(rename = "enrolment.advanced")]
    EnrolmentAdvanced {
        /// The step.
        step: StepId,
        /// When it comes.
        due_at: Timestamp,
        /// How often the lead went back, after this.
        #[serde(default, skip_serializing_if = "is_zero")]
        lap: u32,
        /// How many rounds of a `recur` step are behind it, after this.
        #[serde(default, skip_serializing_if = "is_zero")]
        round: u32,
    },
    /// Somebody moved the lead to another version of its program.
    #[serde(rename = "enrolment.migrated")]
    EnrolmentMigrated {
        /// The version.
        version: ProgramVersion,
        /// The step it stands at there.
        step: StepId,
        /// When that step comes.
        due_at: Timestamp,
        /// How often the lead went back, after this.
        #[serde(default, skip_serializing_if = "is_zero")]
        lap: u32,
    },
    /// Somebody decided by hand where the lead goes; what ends and begins by that follows.
    #[serde(rename = "enrolment.directed")]
    Directed {
        /// Who.
        by: Party,
        /// The program that it goes into; absent: out of the one that it was in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<ProgramName>,
    },
    /// A program ended.
    #[serde(rename = "enrolment.exited")]
    EnrolmentExited {
        /// Which enrolment.
        ordinal: u32,
        /// The program.
        program: ProgramName,
        /// How.
        exit: ProgramExit,
    },
    /// The person gave a sign.
    #[serde(rename = "signal.recorded")]
    Signalled {
        /// Which.
        kind: SignalKind,
        /// What it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<TopicName>,
    },
    /// The points of a sign, recorded beside it; below zero where they are taken back.
    #[serde(rename = "score.changed")]
    Scored {
        /// The sign.
        kind: SignalKind,
        /// The points, when it was given.
        points: i32,
        /// After how long half of them are left.
        half_life_minutes: u32,
        /// When it was given.
        given_at: Timestamp,
    },
    /// A link of a mail was followed. Who did is not known yet.
    #[serde(rename = "engagement.followed")]
    LinkFollowed {
        /// The mail's touch.
        touch: TouchId,
        /// What is known of the mail.
        mailing: Mailing,
        /// What it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<TopicName>,
        /// When it is looked at.
        until: Timestamp,
    },
    /// It was looked at who followed the links of a mail.
    #[serde(rename = "engagement.judged")]
    FollowersJudged {
        /// The mail's touch.
        touch: TouchId,
        /// The links that a person followed, by number.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        people: BTreeSet<u16>,
        /// The links that only machines followed.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        machines: BTreeSet<u16>,
        /// When it is looked at again, where nobody can say of all of them yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Links that counted as followed by a person were followed by a machine. Their sign is none any more; what was
    /// done because of it stays done.
    #[serde(rename = "engagement.relabelled")]
    FollowersRelabelled {
        /// The mail's touch.
        touch: TouchId,
        /// The links.
        machines: BTreeSet<u16>,
        /// When the person last followed a link, as it looks now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clicked_at: Option<Timestamp>,
        /// The topic of the lead, as it looks now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<TopicName>,
    },
    /// The person answered questions. What they said stands in the profile only.
    #[serde(rename = "answer.recorded")]
    Answered {
        /// Which.
        fields: BTreeSet<FieldName>,
    },
    /// A program noted something.
    #[serde(rename = "lead.labelled")]
    Labelled {
        /// The topic from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<TopicName>,
        /// Tags it got.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        add: BTreeSet<TagName>,
        /// Tags it lost.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        remove: BTreeSet<TagName>,
    },
    /// A program tells the owner of an interesting moment.
    #[serde(rename = "moment.raised")]
    MomentRaised {
        /// The step that tells.
        touch: TouchId,
        /// What of, in the program's words.
        message: String,
    },
    /// A person's mail came in.
    #[serde(rename = "reply.received")]
    ReplyReceived {
        /// Where the inbox keeps it.
        inbox: InboxKey,
        /// How sure it is that it is theirs.
        certainty: Attribution,
        /// The touch that it answers, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answers: Option<TouchId>,
    },
    /// A program puts an event on the bus.
    #[serde(rename = "program.emitted")]
    Emitted {
        /// The step that does.
        touch: TouchId,
        /// The event's name.
        event: EmittedName,
    },
    /// A program stands still for a while.
    #[serde(rename = "enrolment.paused")]
    EnrolmentPaused {
        /// Which enrolment.
        ordinal: u32,
        /// Why.
        pause: PauseCause,
        /// When it goes on.
        resume_at: Timestamp,
    },
    /// It goes on.
    #[serde(rename = "enrolment.resumed")]
    EnrolmentResumed {
        /// Which enrolment.
        ordinal: u32,
        /// When its next step comes.
        due_at: Timestamp,
    },
    /// The ground on which the person is mailed is another. With the others of its name, the record of consent.
    #[serde(rename = "consent.changed")]
    ConsentChanged {
        /// What it rests on now; absent: there is none any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<ConsentBasis>,
        /// Where that was said.
        source: ConsentSource,
        /// What the person read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<ConsentText>,
        /// When it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The person is asked to confirm that they want mail.
    #[serde(rename = "consent.asked")]
    OptInAsked {
        /// When the mail that asks goes out.
        due_at: Timestamp,
        /// How long an answer is waited for.
        until: Timestamp,
        /// The program that begins with a yes, where none runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<ProgramName>,
    },
    /// The person said what they want to get.
    #[serde(rename = "preferences.changed")]
    PreferencesChanged {
        /// What.
        preferences: Preferences,
        /// The language that they read, where they said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
    },
    /// The lead is to get a broadcast.
    #[serde(rename = "broadcast.queued")]
    BroadcastQueued {
        /// Which.
        broadcast: ProgramName,
        /// Its version.
        version: ProgramVersion,
        /// When it goes out.
        due_at: Timestamp,
        /// When it is over, and does not go out any more.
        until: Timestamp,
    },
    /// A list says not to mail an address under which nobody is known.
    #[serde(rename = "address.listed")]
    AddressListed {
        /// The id of whoever comes in under it.
        lead: LeadId,
        /// Why.
        cause: EmailReach,
    },
    /// All that was known of the person is gone.
    #[serde(rename = "lead.erased")]
    Erased,
    /// A touch waits.
    #[serde(rename = "touch.deferred")]
    TouchDeferred {
        /// The touch.
        touch: TouchId,
        /// Why.
        reason: DeferReason,
        /// Until when.
        until: Timestamp,
    },
    /// SES has it.
    #[serde(rename = "touch.sent")]
    TouchSent {
        /// The touch.
        touch: TouchId,
        /// Which attempt.
        attempt: u32,
        /// How we know.
        proof: SendProof,
        /// What SES calls it, where its answer came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
    },
    /// It was handed over, and no answer came. The lead goes on as if it had been sent.
    #[serde(rename = "touch.unknown")]
    TouchUnknown {
        /// The touch.
        touch: TouchId,
        /// Which attempt.
        attempt: u32,
        /// Until when a proof is waited for.
        review_at: Timestamp,
    },
    /// No proof came: a person must look.
    #[serde(rename = "touch.review")]
    TouchReview {
        /// The touch.
        touch: TouchId,
    },
    /// A person looked: it was not sent, and will not be.
    #[serde(rename = "touch.dropped")]
    TouchDropped {
        /// The touch.
        touch: TouchId,
    },
    /// It can never be sent.
    #[serde(rename = "touch.failed")]
    TouchFailed {
        /// The touch.
        touch: TouchId,
        /// Why.
        reason: FailReason,
    },
    /// It came back from an address that may work again.
    #[serde(rename = "touch.bounced")]
    TouchBounced {
        /// The touch.
        touch: TouchId,
        /// When, as SES tells.
        bounced_at: Timestamp,
        /// Until when the address rests, if it has bounced too often.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rests_until: Option<Timestamp>,
    },
    /// It is passed over.
    #[serde(rename = "touch.skipped")]
    TouchSkipped {
        /// The touch.
        touch: TouchId,
        /// Why.
        reason: SkipReason,
    },
    /// The owner has something to do.
    #[serde(rename = "task.created")]
    TaskCreated {
        /// The touch it stands for.
        touch: TouchId,
        /// What.
        kind: TaskKind,
        /// By when.
        due_at: Timestamp,
    },
    /// Nobody did it in time.
    #[serde(rename = "task.overdue")]
    TaskOverdue {
        /// The touch it stands for.
        touch: TouchId,
        /// It is waited for until then, and then the manager is told; absent: nobody waits for it any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalates_at: Option<Timestamp>,
    },
    /// The address may not, or cannot, be mailed any more.
    #[serde(rename = "address.suppressed")]
    AddressSuppressed {
        /// Why.
        cause: EmailReach,
    },
    /// The address has rested, and may be mailed again.
    #[serde(rename = "address.rested")]
    AddressRested,
    /// The lead is only listened to from now on.
    #[serde(rename = "lead.disqualified")]
    Disqualified {
        /// Why.
        reason: DisqualifyReason,
        /// When it is looked at again.
        review_at: Timestamp,
        /// Who says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Party>,
    },
    /// It must be looked at whether the lead is ready for sales.
    #[serde(rename = "evaluation.due")]
    EvaluationDue {
        /// By when.
        by: Timestamp,
    },
    /// It was looked at.
    #[serde(rename = "lead.evaluated")]
    Evaluated {
        /// The score that it had, in whole points.
        score: u32,
    },
    /// A lead is ready for sales.
    #[serde(rename = "lead.qualified")]
    Qualified {
        /// Why.
        #[serde(flatten)]
        cause: QualifyCause,
        /// Which demand cycle.
        cycle: u32,
    },
    /// A lead is ready for sales again: its next demand cycle begins.
    #[serde(rename = "lead.requalified")]
    Requalified {
        /// Why.
        #[serde(flatten)]
        cause: QualifyCause,
        /// Which demand cycle.
        cycle: u32,
        /// Where that begins.
        #[serde(flatten)]
        origin: Origin,
        /// Whether its score decided: that counts towards a guard.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_score: bool,
    },
    /// The clock of a stage runs from now on.
    #[serde(rename = "sla.started")]
    SlaStarted {
        /// The clock.
        clock: SlaClock,
    },
    /// A rung of the ladder was reached: somebody is told.
    #[serde(rename = "sla.warned")]
    SlaWarned {
        /// Of what.
        trigger: Trigger,
        /// The rung that comes next.
        rung: u32,
        /// When it comes.
        next_at: Timestamp,
    },
    /// A deadline passed: something is done.
    #[serde(rename = "sla.breached")]
    SlaBreached {
        /// Which.
        trigger: Trigger,
        /// The rung that comes next.
        rung: u32,
        /// When it comes.
        next_at: Timestamp,
    },
    /// Sales told what it did.
    #[serde(rename = "disposition.recorded")]
    Disposed {
        /// Who.
        by: Party,
        /// What.
        #[serde(flatten)]
        outcome: Outcome,
        /// When it happened, where it was told later than that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        happened_at: Option<Timestamp>,
    },
    /// A CRM told a status, whatever that comes to: while it stands there, it says nothing new.
    #[serde(rename = "status.told")]
    StatusTold {
        /// Which, as the outcome that it means.
        status: Outcome,
    },
    /// Sales takes the lead on.
    #[serde(rename = "lead.accepted")]
    Accepted {
        /// Who.
        by: Party,
    },
    /// It is a real opportunity.
    #[serde(rename = "opportunity.opened")]
    OpportunityOpened {
        /// Who says so.
        by: Party,
    },
    /// They bought.
    #[serde(rename = "deal.won")]
    Won {
        /// Who says so.
        by: Party,
    },
    /// They did not.
    #[serde(rename = "deal.lost")]
    Lost {
        /// Who says so.
        by: Party,
    },
    /// Sales gives the lead back.
    #[serde(rename = "lead.turned_back")]
    TurnedBack {
        /// Why.
        reason: TurnbackReason,
        /// Who.
        by: Party,
        /// Whose it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rep: Option<RepName>,
        /// Where it stood.
        from: LifecycleStage,
        /// From when on sales may have it again.
        sales_from: Timestamp,
        /// When what was kept until then is judged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        judge_at: Option<Timestamp>,
        /// When the last resort follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        horizon_at: Option<Timestamp>,
    },
    /// The lead is in nurture again.
    #[serde(rename = "lead.recycled")]
    Recycled,
    /// The person is a customer: one who wanted nothing more, or whom nobody had known to be one.
    #[serde(rename = "customer.recognised")]
    IsCustomer,
    /// Nobody decided on the lead, or its rep has left: another gets it, in the same cycle.
    #[serde(rename = "lead.resubmitted")]
    Resubmitted {
        /// Why.
        reason: TurnbackReason,
        /// Who let it lie, or left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rep: Option<RepName>,
    },
    /// The day that a lead waits for, which was turned back, is another.
    #[serde(rename = "turnback.moved")]
    TurnbackMoved {
        /// From when on sales may have it, after this.
        sales_from: Timestamp,
        /// When the last resort follows, after this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        horizon_at: Option<Timestamp>,
    },
    /// The time of a turnback's program is over.
    #[serde(rename = "turnback.ended")]
    HorizonReached,
    /// Somebody is told something.
    #[serde(rename = "alert.raised")]
    Alerted {
        /// Of what.
        trigger: Trigger,
        /// Who.
        audience: Audience,
        /// Who owned the lead then.
        owner: Ownership,
        /// How.
        delivery: Delivery,
        /// The touch that it is about, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        touch: Option<TouchId>,
    },
    /// A task was done, or nobody needs it any more.
    #[serde(rename = "task.done")]
    TaskDone {
        /// The touch it stood for.
        touch: TouchId,
        /// How it ended: an outcome's name, or `superseded`.
        outcome: String,
    },
    /// A rep wrote a note. What it says stands in the profile only.
    #[serde(rename = "note.added")]
    Noted {
        /// Who.
        by: Party,
    },
    /// Answers do not hold, as sales found out: they may be asked for again.
    #[serde(rename = "answers.doubted")]
    Doubted {
        /// Which.
        fields: BTreeSet<FieldName>,
    },
    /// Calls reach the person, or do not, as sales found out.
    #[serde(rename = "phone.changed")]
    PhoneChanged {
        /// Whether.
        phone: PhoneReach,
    },
    /// A lead that is only listened to was looked at: it stays so.
    #[serde(rename = "lead.reviewed")]
    Reviewed {
        /// When it is looked at next.
        review_at: Timestamp,
    },
}

macro_rules! names {
    ($($variant:ident => $name:literal,)*) => {
        impl Event {
            /// The name of each event.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Its name on the bus: the `detail-type`.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }
    };
}

names! {
    Received => "lead.received",
    Admitted => "lead.admitted",
    Quarantined => "lead.quarantined",
    Released => "lead.released",
    Purged => "lead.purged",
    Reopened => "lead.reopened",
    SubmissionMerged => "engagement.recorded",
    Assigned => "lead.assigned",
    EnrolmentStarted => "enrolment.started",
    EnrolmentAdvanced => "enrolment.advanced",
    EnrolmentMigrated => "enrolment.migrated",
    Directed => "enrolment.directed",
    EnrolmentExited => "enrolment.exited",
    Signalled => "signal.recorded",
    Scored => "score.changed",
    LinkFollowed => "engagement.followed",
    FollowersJudged => "engagement.judged",
    FollowersRelabelled => "engagement.relabelled",
    Answered => "answer.recorded",
    Labelled => "lead.labelled",
    MomentRaised => "moment.raised",
    ReplyReceived => "reply.received",
    Emitted => "program.emitted",
    EnrolmentPaused => "enrolment.paused",
    EnrolmentResumed => "enrolment.resumed",
    ConsentChanged => "consent.changed",
    OptInAsked => "consent.asked",
    PreferencesChanged => "preferences.changed",
    BroadcastQueued => "broadcast.queued",
    AddressListed => "address.listed",
    Erased => "lead.erased",
    TouchDeferred => "touch.deferred",
    TouchSent => "touch.sent",
    TouchUnknown => "touch.unknown",
    TouchReview => "touch.review",
    TouchDropped => "touch.dropped",
    TouchFailed => "touch.failed",
    TouchBounced => "touch.bounced",
    TouchSkipped => "touch.skipped",
    TaskCreated => "task.created",
    TaskOverdue => "task.overdue",
    AddressSuppressed => "address.suppressed",
    AddressRested => "address.rested",
    Disqualified => "lead.disqualified",
    Reviewed => "lead.reviewed",
    EvaluationDue => "evaluation.due",
    Evaluated => "lead.evaluated",
    Qualified => "lead.qualified",
    Requalified => "lead.requalified",
    SlaStarted => "sla.started",
    SlaWarned => "sla.warned",
    SlaBreached => "sla.breached",
    Disposed => "disposition.recorded",
    StatusTold => "status.told",
    Accepted => "lead.accepted",
    OpportunityOpened => "opportunity.opened",
    Won => "deal.won",
    Lost => "deal.lost",
    TurnedBack => "lead.turned_back",
    Recycled => "lead.recycled",
    TurnbackMoved => "turnback.moved",
    IsCustomer => "customer.recognised",
    Resubmitted => "lead.resubmitted",
    HorizonReached => "turnback.ended",
    Alerted => "alert.raised",
    TaskDone => "task.done",
    Noted => "note.added",
    Doubted => "answers.doubted",
    PhoneChanged => "phone.changed",
}

/// The name of an event, as others ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventName(&'static str);

impl EventName {
    /// Every name there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Event::NAMES.iter().copied().map(Self)
    }

    /// The event that is called so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|name| name.0 == text)
    }

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The lead after an event that happened at `at`.
///
/// Total: an event that does not fit the lead (which a correct history never holds) changes nothing.
/// Before [`Event::Received`] there is no lead.
#[must_use]
pub fn apply(lead: Option<Lead>, event: &Event, at: Timestamp) -> Option<Lead> {
    if let Event::Received {
        lead: id, life, channel, intent, received_at, email, phone, flags, zone, language, ..
    } = event
    {
        let mut new = received(lead.as_ref(), id, *life, *received_at, *email, *phone, flags, zone.as_ref());
        new.language.clone_from(language);
        submitted(&mut new, *channel, *intent, at);
        return Some(new);
    }
    match (lead, event) {
        (None, Event::AddressListed { lead: id, cause }) => {
            let stranger = received(None, id, 0, at, *cause, PhoneReach::Missing, &[], None);
            Some(Lead { stage: LifecycleStage::Erased, submissions: 0, ..stranger })
        }
        (lead, event) => lead.map(|lead| change(lead, event, at)),
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one event")]
fn received(
    before: Option<&Lead>,
    id: &LeadId,
    life: u32,
    received_at: Timestamp,
    email: EmailReach,
    phone: PhoneReach,
    flags: &[Flag],
    zone: Option<&String>,
) -> Lead {
    // What a new life keeps of the last one: the numbering, and why nobody may write or call.
    let (enrolments, submissions, seq, kept) =
        before.map_or((0, 0, 0, EmailReach::Ok), |old| (old.enrolments, old.submissions, old.seq, old.email));
    let no_calls = before.is_some_and(|old| old.phone == PhoneReach::DoNotCall);
    // However often somebody comes and goes, their address is not bombed with opt-in mails.
    let mut opt_in = before.map(|old| old.opt_in.clone()).unwrap_or_default();
    opt_in.close();
    let unwilling = before.is_some_and(|old| old.unwilling || old.email.is_refusal());
    // The address is the same one, and so are its bounces.
    let (soft_bounces, soft_until) =
        before.map_or((Vec::new(), None), |old| (old.soft_bounces.clone(), old.soft_until));
    Lead {
        id: id.clone(),
        life,
        stage: LifecycleStage::Received,
        received_at,
        email: kept.fold(email),
        unwilling,
        soft_bounces,
        soft_until,
        withdrawn: Vec::new(),
        phone: if no_calls { PhoneReach::DoNotCall } else { phone },
        flags: flags.to_vec(),
        zone: zone.cloned(),
        owner: None,
        enrolment: None,
        enrolments,
        sending: None,
        unresolved: Vec::new(),
        task: None,
        recent_mails: Vec::new(),
        signals: BTreeMap::new(),
        topic: None,
        followed: Vec::new(),
        score: Score::default(),
        tags: BTreeSet::new(),
        consent: None,
        opt_in,
        offers: Vec::new(),
        preferences: Preferences::default(),
        language: None,
        cycle: DemandCycle::open(before.map_or(1, |old| old.cycle.number.saturating_add(1)), Origin::New, received_at),
        sla: None,
        turnback: None,
        preferred: None,
        requalified: Vec::new(),
        evaluate_by: None,
        evaluated_at: None,
        alerted: BTreeMap::new(),
        crm_status: None,
        disqualified: None,
        disposed_at: None,
        submissions: submissions.saturating_add(1),
        stage_until: None,
        seq,
    }
}

#[expect(clippy::too_many_lines, reason = "an arm for each event, each a few lines long")]
fn change(mut lead: Lead, event: &Event, at: Timestamp) -> Lead {
    if score::begins_anew(event) {
        lead.score.reset();
    }
    match event {
        // The first is handled by `apply`; the others change nothing here, but somebody listens to them.
        Event::Received { .. }
        | Event::AddressListed { .. }
        | Event::MomentRaised { .. }
        | Event::ReplyReceived { .. }
        | Event::Emitted { .. }
        | Event::Directed { .. }
        | Event::Lost { .. }
        | Event::Noted { .. }
        | Event::Doubted { .. } => {}
        Event::EvaluationDue { .. }
        | Event::Evaluated { .. }
        | Event::Qualified { .. }
        | Event::Requalified { .. }
        | Event::SlaStarted { .. }
        | Event::SlaWarned { .. }
        | Event::SlaBreached { .. }
        | Event::Disposed { .. }
        | Event::StatusTold { .. }
        | Event::Accepted { .. }
        | Event::OpportunityOpened { .. }
        | Event::Won { .. }
        | Event::TurnedBack { .. }
        | Event::Recycled
        | Event::IsCustomer
        | Event::Resubmitted { .. }
        | Event::TurnbackMoved { .. }
        | Event::HorizonReached
        | Event::Alerted { .. }
        | Event::TaskDone { .. } => selling::apply(&mut lead, event, at),
        Event::PhoneChanged { phone } => lead.phone = *phone,
        Event::Admitted | Event::Released => {
            lead.stage = LifecycleStage::Inquiry;
            lead.stage_until = None;
        }
        Event::Reopened => selling::reopened(&mut lead, at),
        Event::Quarantined { until, .. } => {
            // What looks like junk is no sign of a person (I11).
            lead.signals.clear();
            lead.stage = LifecycleStage::Quarantined;
            lead.stage_until = Some(*until);
        }
        Event::Purged => {
            lead.stage = LifecycleStage::JunkPurged;
            lead.stage_until = None;
        }
        Event::SubmissionMerged { channel, intent, junk, phone, zone, answered, .. } => {
            selling::answered(&mut lead, answered);
            lead.submissions = lead.submissions.saturating_add(1);
            lead.phone = *phone;
            lead.zone.clone_from(zone);
            if junk.is_empty() {
                submitted(&mut lead, *channel, *intent, at);
            }
        }
        Event::Assigned { owner } => selling::assigned(&mut lead, owner),
        Event::EnrolmentStarted { .. } => enrolled(&mut lead, event, at),
        Event::EnrolmentAdvanced { step, due_at, lap, round } => stand(&mut lead, step, *due_at, *lap, *round),
        Event::EnrolmentMigrated { version, step, due_at, lap } => {
            // Whoever stays at a step stays in its round: nobody gets its first mail again.
            let stays = lead.enrolment.as_ref().filter(|enrolment| &enrolment.step == step);
            let round = stays.map_or(0, |enrolment| enrolment.round);
            if let Some(enrolment) = &mut lead.enrolment {
                enrolment.version = version.clone();
            }
            stand(&mut lead, step, *due_at, *lap, round);
        }
        Event::EnrolmentExited { .. } => lead.enrolment = None,
        Event::Signalled { kind, topic } => {
            signalled(&mut lead, *kind, at);
            if topic.is_some() {
                lead.topic.clone_from(topic);
            }
        }
        Event::Scored { .. } => score::apply(&mut lead, event),
        Event::LinkFollowed { .. } | Event::FollowersJudged { .. } | Event::FollowersRelabelled { .. } => {
            follow::apply(&mut lead, event, at);
        }
        Event::Answered { fields } => {
            selling::answered(&mut lead, fields);
            signalled(&mut lead, SignalKind::Answered, at);
        }
        Event::Labelled { topic, add, remove } => {
            if topic.is_some() {
                lead.topic.clone_from(topic);
            }
            lead.tags.retain(|tag| !remove.contains(tag));
            lead.tags.extend(add.iter().cloned());
        }
        Event::EnrolmentPaused { .. } | Event::EnrolmentResumed { .. } => stand_still(&mut lead, event),
        Event::ConsentChanged { basis, until, .. } => consent_changed(&mut lead, *basis, *until, at),
        Event::OptInAsked { .. } | Event::PreferencesChanged { .. } => converse(&mut lead, event),
        Event::BroadcastQueued { broadcast, version, due_at, until } => {
            let state = OfferState::Waits { due_at: *due_at, attempts: 0 };
            let (broadcast, version) = (broadcast.clone(), version.clone());
            broadcast::queue(&mut lead, Offer { broadcast, version, until: *until, state }, at);
        }
        Event::Erased => return erased(&lead, at),
        Event::TouchDeferred { touch, reason, until } => defer(&mut lead, touch, *reason, *until),
        Event::TouchSent { touch, .. } => {
            // A doubt that is resolved was counted as sent when it arose.
            if !settle(&mut lead, touch) {
                mailed(&mut lead, touch, at);
            }
        }
        Event::TouchUnknown { touch, attempt, review_at } => {
            settle(&mut lead, touch);
            mailed(&mut lead, touch, at);
            lead.unresolved.push(Unresolved {
                touch: touch.clone(),
                attempt: *attempt,
                state: Doubt::Unknown { review_at: *review_at },
            });
        }
        Event::TouchReview { touch } => {
            for doubt in lead.unresolved.iter_mut().filter(|doubt| &doubt.touch == touch) {
                doubt.state = Doubt::Review;
            }
        }
        Event::TouchDropped { touch } => {
            settle(&mut lead, touch);
            given_up(&mut lead, touch, OfferState::Dropped);
        }
        Event::TouchSkipped { touch, reason } => {
            settle(&mut lead, touch);
            given_up(&mut lead, touch, OfferState::Skipped { reason: *reason });
        }
        Event::TouchFailed { touch, reason } => {
            settle(&mut lead, touch);
            given_up(&mut lead, touch, OfferState::Failed);
            if reason.is_withdrawal() {
                lead.withdrawn.push(touch.clone());
                let surplus = lead.withdrawn.len().saturating_sub(SETBACKS_KEPT_MAX);
                lead.withdrawn.drain(..surplus);
            }
        }
        Event::TouchBounced { touch, bounced_at, rests_until } => {
            let bounce = SoftBounce { at: *bounced_at, touch: touch.clone() };
            if let Some(bounces) = lead.with_soft_bounce(&bounce) {
                lead.soft_bounces = bounces;
            }
            lead.soft_until = lead.soft_until.max(*rests_until);
        }
        Event::AddressRested => lead.soft_until = None,
        Event::TaskCreated { touch, kind, due_at } => {
            lead.task = Some(Task { touch: touch.clone(), kind: *kind, due_at: *due_at, escalates_at: None });
            touched(&mut lead, touch);
        }
        Event::TaskOverdue { touch, escalates_at } => match escalates_at {
            Some(_) => {
                if let Some(task) = lead.task.as_mut().filter(|task| &task.touch == touch) {
                    task.escalates_at = *escalates_at;
                }
            }
            None => lead.task = None,
        },
        Event::AddressSuppressed { cause } => suppressed(&mut lead, *cause),
        Event::Disqualified { reason, review_at, by } => {
            if by.is_some() {
                lead.cycle.closed_at = Some(at);
                lead.disqualified = Some(*reason);
            }
            lead.stage = LifecycleStage::Disqualified;
            lead.stage_until = Some(*review_at);
            lead.task = None;
            lead.sla = None;
            lead.turnback = None;
            lead.evaluate_by = None;
        }
        Event::Reviewed { review_at } => lead.stage_until = Some(*review_at),
    }
    lead
}

/// A program begins.
fn enrolled(lead: &mut Lead, event: &Event, at: Timestamp) {
    let Event::EnrolmentStarted { ordinal, program, version, step, due_at, silent_touches, .. } = event else { return };
    lead.enrolments = *ordinal;
    lead.enrolment = Some(Enrolment {
        ordinal: *ordinal,
        program: program.clone(),
        version: version.clone(),
        step: step.clone(),
        next_touch_at: *due_at,
        started_at: at,
        attempts: 0,
        lap: 0,
        round: 0,
        silent_touches: *silent_touches,
        paused: None,
    });
}

/// A program stands still, or goes on.
fn stand_still(lead: &mut Lead, event: &Event) {
    let Some(enrolment) = &mut lead.enrolment else { return };
    if let Event::EnrolmentPaused { ordinal, pause, resume_at } = event
        && enrolment.ordinal == *ordinal
    {
        enrolment.paused = Some(Pause { cause: *pause, resume_at: *resume_at });
    }
    if let Event::EnrolmentResumed { ordinal, due_at } = event
        && enrolment.ordinal == *ordinal
    {
        enrolment.paused = None;
        enrolment.next_touch_at = *due_at;
    }
}

/// What the person is asked about mail, and what they choose.
fn converse(lead: &mut Lead, event: &Event) {
    if let Event::OptInAsked { due_at, until, then } = event {
        lead.email = lead.email.fold(EmailReach::Unconfirmed);
        lead.opt_in.due_at = Some(*due_at);
        lead.opt_in.until = Some(*until);
        lead.opt_in.then.clone_from(then);
    }
    if let Event::PreferencesChanged { preferences, language } = event {
        lead.preferences = preferences.clone();
        if language.is_some() {
            lead.language.clone_from(language);
        }
    }
}

fn suppressed(lead: &mut Lead, cause: EmailReach) {
    lead.unwilling |= cause.is_refusal() || lead.email.is_refusal();
    lead.email = lead.email.fold(cause);
    lead.consent = None;
    // Whoever says no is not asked any more.
    lead.opt_in.close();
}

/// With consent, mail may go out again where only its lack forbade it; without, it may not.
fn consent_changed(lead: &mut Lead, basis: Option<ConsentBasis>, until: Option<Timestamp>, at: Timestamp) {
    lead.consent = basis.map(|basis| Consent { basis, given_at: at, until });
    lead.opt_in.close();
    lead.unwilling = match basis {
        Some(ConsentBasis::Confirmed) => false,
        Some(ConsentBasis::Implied | ConsentBasis::Supplied | ConsentBasis::Stated) => lead.unwilling,
        None => true,
    };
    lead.email = match basis {
        Some(ConsentBasis::Confirmed) => lead.email.confirmed(),
        Some(_) if lead.email == EmailReach::NoConsent => EmailReach::Ok,
        Some(ConsentBasis::Implied | ConsentBasis::Supplied | ConsentBasis::Stated) => lead.email,
        None if lead.email == EmailReach::Unconfirmed => EmailReach::NoConsent,
        None => lead.email.fold(EmailReach::NoConsent),
    };
}

/// What an erased lead leaves behind: its id, why nobody may write or call, and the numbering of what it had.
fn erased(lead: &Lead, at: Timestamp) -> Lead {
    let email = lead.email.fold(EmailReach::Unsubscribed);
    let phone = if lead.phone == PhoneReach::DoNotCall { PhoneReach::DoNotCall } else { PhoneReach::Missing };
    let blank = received(Some(lead), &lead.id, lead.life, at, email, phone, &[], None);
    Lead {
        stage: LifecycleStage::Erased,
        submissions: lead.submissions,
        received_at: lead.received_at,
        unwilling: true,
        soft_bounces: Vec::new(),
        soft_until: None,
        ..blank
    }
}

/// Clears the mark and the doubt about a touch. Whether there was a doubt.
fn settle(lead: &mut Lead, touch: &TouchId) -> bool {
    if lead.sending.as_ref().is_some_and(|sending| &sending.touch == touch) {
        lead.sending = None;
    }
    let doubts = lead.unresolved.len();
    lead.unresolved.retain(|doubt| &doubt.touch != touch);
    lead.unresolved.len() < doubts
}

/// A mail of the lead's own does not go out, or did not.
fn given_up(lead: &mut Lead, touch: &TouchId, state: OfferState) {
    if is_opt_in(touch) {
        lead.opt_in.due_at = None;
    } else {
        broadcast::settle(lead, touch, state);
    }
}

/// Lets the lead stand at a step of its program, which nobody has tried yet.
fn stand(lead: &mut Lead, step: &StepId, due_at: Timestamp, lap: u32, round: u32) {
    if let Some(enrolment) = &mut lead.enrolment {
        enrolment.step = step.clone();
        enrolment.next_touch_at = due_at;
        enrolment.attempts = 0;
        enrolment.lap = lap;
        enrolment.round = round;
    }
}

/// A form is a sign of its sender. A list says what somebody knows of the person, not that the person is there.
fn submitted(lead: &mut Lead, channel: Channel, intent: Intent, at: Timestamp) {
    match channel {
        Channel::Form | Channel::Email => signalled(lead, SignalKind::FormSubmitted, at),
        Channel::Import => return,
    }
    match intent {
        Intent::HandRaise => signalled(lead, SignalKind::HandRaised, at),
        Intent::Inquiry => {}
    }
}

fn signalled(lead: &mut Lead, kind: SignalKind, at: Timestamp) {
    let last = lead.signals.entry(kind).or_insert(at);
    *last = at.max(*last);
    selling::signalled(lead, kind, at);
    if let Some(enrolment) = &mut lead.enrolment {
        enrolment.silent_touches = 0;
    }
}

/// A touch of the program that the lead is in; what comes late of one before it says nothing of this one.
fn touched(lead: &mut Lead, touch: &TouchId) {
    let is_its = |enrolment: &&mut Enrolment| enrolment.ordinal == touch.ordinal && !is_sales(touch);
    if let Some(enrolment) = lead.enrolment.as_mut().filter(is_its) {
        enrolment.silent_touches = enrolment.silent_touches.saturating_add(1);
    }
}

fn mailed(lead: &mut Lead, touch: &TouchId, at: Timestamp) {
    if is_opt_in(touch) {
        lead.opt_in.asked = lead.opt_in.asked.saturating_add(1);
        lead.opt_in.asked_at = Some(at);
        lead.opt_in.attempts = 0;
        lead.opt_in.due_at = None;
    } else if !broadcast::settle(lead, touch, OfferState::Sent) {
        touched(lead, touch);
    }
    lead.cycle.touches = lead.cycle.touches.saturating_add(1);
    // No cap asks about more than the last seven days.
    lead.recent_mails.retain(|sent| *sent > at - CAP_PERIOD);
    lead.recent_mails.push(at);
    let surplus = lead.recent_mails.len().saturating_sub(WEEKLY_MAX);
    lead.recent_mails.drain(..surplus);
}

fn defer(lead: &mut Lead, touch: &TouchId, reason: DeferReason, until: Timestamp) {
    settle(lead, touch);
    if is_opt_in(touch) {
        lead.opt_in.due_at = Some(until);
        lead.opt_in.attempts = lead.opt_in.attempts.saturating_add(1);
        return;
    }
    let is_tried = match reason {
        DeferReason::QuietHours
        | DeferReason::FrequencyCap
        | DeferReason::WithSales
        | DeferReason::NotYet
        | DeferReason::AwaitingConsent
        | DeferReason::AddressRests
        | DeferReason::SenderPaused
        | DeferReason::ProgramPaused
        | DeferReason::Paused
        | DeferReason::NotKnownYet => false,
        // It was marked, so an attempt is used up: its late answer must not pass for the next one's.
        DeferReason::Throttled | DeferReason::SendingPaused | DeferReason::NotReached => true,
    };
    if let Some(enrolment) = lead.enrolment.as_mut().filter(|enrolment| &enrolment.touch() == touch) {
        enrolment.next_touch_at = until;
        enrolment.attempts = enrolment.attempts.saturating_add(u32::from(is_tried));
        return;
    }
    broadcast::defer(lead, touch, until, is_tried);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_goes_by_one_name() {
        // Whoever reads a history that holds something unknown is told of all that is known.
        let error = serde_json::from_str::<Event>(r#"{ "type": "?" }"#).unwrap_err().to_string();
        let known: Vec<&str> = error.split('`').skip(1).step_by(2).filter(|name| *name != "?").collect();
        let mut names = Event::NAMES.to_vec();
        names.sort_unstable();
        let mut expected = known.clone();
        expected.sort_unstable();
        assert_eq!(names, expected, "an event goes by the same name in history and on the bus");
        assert_eq!(EventName::parse("lead.received").map(EventName::as_str), Some("lead.received"));
        assert_eq!(EventName::parse("lead.recycle"), None);
    }
}
