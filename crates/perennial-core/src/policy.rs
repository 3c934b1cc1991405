//! What a deployment promises about handing leads over, taking them back, and offering them again.
//!
//! **Invariant:** the turnback table is total: [`Turnbacks`] holds a policy for every [`TurnbackReason`] (I4).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::condition::{Condition, SignalKind};
use crate::ids::{FieldName, ProgramName, RouteName};
use crate::lead::SoftBounce;
use crate::timing::Delay;

/// Why a rep gives a lead back (DOMAIN.md §2, `TurnbackReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnbackReason {
    /// Nobody could be reached.
    NoResponse,
    /// Not now.
    Timing,
    /// No money for it.
    NoBudget,
    /// Still comparing.
    Evaluating,
    /// Bound to somebody else.
    Competitor,
    /// Cannot decide it.
    NoAuthority,
    /// Somebody else's matter.
    WrongContact,
    /// Wants something else than was offered.
    ProductMismatch,
    /// What the form said is not so.
    BadAnswers,
    /// The address is wrong.
    BadEmail,
    /// The number is wrong.
    BadPhone,
    /// Does not want to.
    NoInterest,
    /// Sales did not act in time.
    SlaExpired,
    /// The rep is gone.
    RepLeft,
    /// The deal was lost.
    ClosedLost,
    /// None of these.
    Other,
}

impl TurnbackReason {
    /// Every reason.
    pub const ALL: [Self; 16] = [
        Self::NoResponse,
        Self::Timing,
        Self::NoBudget,
        Self::Evaluating,
        Self::Competitor,
        Self::NoAuthority,
        Self::WrongContact,
        Self::ProductMismatch,
        Self::BadAnswers,
        Self::BadEmail,
        Self::BadPhone,
        Self::NoInterest,
        Self::SlaExpired,
        Self::RepLeft,
        Self::ClosedLost,
        Self::Other,
    ];

    /// Its name in files and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoResponse => "no_response",
            Self::Timing => "timing",
            Self::NoBudget => "no_budget",
            Self::Evaluating => "evaluating",
            Self::Competitor => "competitor",
            Self::NoAuthority => "no_authority",
            Self::WrongContact => "wrong_contact",
            Self::ProductMismatch => "product_mismatch",
            Self::BadAnswers => "bad_answers",
            Self::BadEmail => "bad_email",
            Self::BadPhone => "bad_phone",
            Self::NoInterest => "no_interest",
            Self::SlaExpired => "sla_expired",
            Self::RepLeft => "rep_left",
            Self::ClosedLost => "closed_lost",
            Self::Other => "other",
        }
    }
}

/// When an address that bounces softly rests (TRUST.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BouncePolicy {
    /// So many soft bounces; at least 1, at most [`SETBACKS_KEPT_MAX`](crate::lead::SETBACKS_KEPT_MAX).
    pub soft_max: u32,
    /// Within so long.
    pub within: SignedDuration,
    /// And no mail goes to the address for so long.
    pub rest: SignedDuration,
}

impl Default for BouncePolicy {
    /// Three in 14 days, then 30 days.
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self { soft_max: 3, within: days(14), rest: days(30) }
    }
}

impl BouncePolicy {
    /// Until when an address rests that bounced softly at these times, oldest first; `None` if it never did so often.
    pub fn rests_until(&self, bounces: &[SoftBounce]) -> Option<Timestamp> {
        let many = usize::try_from(self.soft_max).unwrap_or(usize::MAX).max(1);
        let close = |some: &&[SoftBounce]| match (some.first(), some.last()) {
            (Some(first), Some(last)) => last.at.duration_since(first.at) <= self.within,
            (None, _) | (_, None) => false,
        };
        let last = bounces.windows(many).filter(close).filter_map(<[SoftBounce]>::last).next_back();
        last.map(|bounce| bounce.at + self.rest)
    }
}

/// A policy for every reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turnbacks(pub BTreeMap<TurnbackReason, TurnbackPolicy>);

/// What happens with a lead that is given back for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnbackPolicy {
    /// The program it goes to; `None`: the running one goes on.
    pub program: Option<ProgramName>,
    /// How long before sales sees it again.
    pub cooldown: Delay,
    /// When it is offered again: any of these.
    pub requalify: Vec<RequalifyRule>,
    /// After how long it leaves for the last resort.
    pub horizon_days: Option<u32>,
    /// The profile date that the reason carries.
    pub date: Option<FieldName>,
    /// How long before that date sales may have it.
    pub lead_time: Option<Delay>,
    /// How often the rep must have tried.
    pub attempts_min: u32,
    /// Who gets the lead when it comes again, where the rep who knows it cannot.
    pub route: Option<RouteName>,
}

/// One way to be ready again. All that it names must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequalifyRule {
    /// One of these signals came after the turnback. Empty: any.
    pub signals: BTreeSet<SignalKind>,
    /// On so many days.
    pub days_min: u32,
    /// Each of these signals came after the turnback, too.
    pub also: BTreeSet<SignalKind>,
    /// The signs since the turnback are worth at least this share of the gate's score. What fits adds nothing: it was
    /// known when the lead was given back.
    pub score_percent: Option<u32>,
    /// No answer is in doubt any more, and what is known now reaches the gate's score.
    pub corrected: bool,
    /// The reason's date is near.
    pub in_window: bool,
    /// One of these got a new answer after the turnback. Empty: whatever was answered.
    pub answered: BTreeSet<FieldName>,
    /// This holds.
    pub when: Option<Condition>,
}

/// When an inquiry is ready for sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The score it takes.
    pub score: u32,
    /// How many touches it takes.
    pub touches_min: u32,
    /// How many human signals it takes.
    pub human_signals_min: u32,
    /// The share of the score that takes a lead back in.
    pub reentry_percent: u32,
}

/// What signals are worth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scores(pub BTreeMap<SignalKind, Worth>);

/// What one signal is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// Points when it is given.
    pub points: u32,
    /// After how long half of them are left.
    pub half_life: Delay,
}

/// What somebody's answers are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FitRule {
    /// The answers. It asks for nothing but fields of the profile.
    pub when: Condition,
    /// The points, while that is so.
    pub points: u32,
    /// What people read beside them.
    pub label: String,
}

/// How long sales has, and what happens when it does not act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sla {
    /// To the first attempt at somebody who raised a hand, in business time.
    pub hand_raise_first_attempt: Delay,
    /// To the first attempt at anybody else, in business time.
    pub first_attempt: Delay,
    /// To a decision, in business time.
    pub decide_within: Delay,
    /// How often a lead is offered to another rep.
    pub resubmissions_max: u32,
    /// What happens on the way, by share of the time, rising.
    pub ladder: Vec<Rung>,
    /// The way out without a human (I3).
    pub last: LastRung,
    /// While a rep works an accepted lead.
    pub sal: StageClock,
    /// While a deal is open.
    pub sql: StageClock,
}

/// One rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// At this share of the time.
    pub at_percent: u32,
    /// What happens.
    pub action: RungAction,
}

/// What a rung does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RungAction {
    /// The rep is warned.
    Warn,
    /// The manager is told.
    Manager,
    /// Another rep gets it.
    Reassign,
}

/// The last rung: it needs nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastRung {
    /// The queue owns it, and nurture goes on.
    Queue,
    /// It goes back to nurture.
    Nurture,
}

/// How long a stage may idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageClock {
    /// Until a rescue task is made.
    pub idle: Delay,
    /// Until the manager is told.
    pub manager: Option<Delay>,
    /// Until the lead leaves the stage.
    pub expires: Delay,
}

impl Turnbacks {
    /// The policy of a reason. `None` cannot come from a catalog.
    pub fn policy(&self, reason: TurnbackReason) -> Option<&TurnbackPolicy> {
        self.0.get(&reason)
    }
}
