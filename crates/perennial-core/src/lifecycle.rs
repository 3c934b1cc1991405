//! The lifecycle as a table: every way from one stage to another, and those that matter though the stage stays
//! (DOMAIN.md §3).
//!
//! **Invariant:** a lead changes its stage only by a [`Row`] of this table; the property tests hold the decisions to it,
//! and a row that no test takes fails the build.

use crate::event::{DisqualifyReason, Event};
use crate::lead::{Lead, LifecycleStage};
use crate::policy::TurnbackReason;
use crate::sales::{Party, Trigger};

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// Nobody → Received: somebody comes in.
    Received,
    /// Received → Inquiry: it passes the filter.
    Admitted,
    /// Received → Quarantined: it looks like junk.
    HeldBack,
    /// A known address: it stays the one lead.
    Merged,
    /// Quarantined → Inquiry: released, or a later sign.
    Released,
    /// Quarantined → `JunkPurged`, after 14 days.
    Purged,
    /// Inquiry → Mql: gate, hand-raise, reply or rep.
    Qualified,
    /// Mql → Sal: a rep accepts.
    Accepted,
    /// Sal → Sql.
    OpportunityOpened,
    /// Sql → Customer.
    Won,
    /// Sql → Recycled: the deal is lost.
    Lost,
    /// Inquiry → Recycled: an SDR turns back before the hand-over.
    InquiryTurnedBack,
    /// Mql → Recycled, by a rep.
    MqlTurnedBack,
    /// Sal → Recycled, by a rep.
    SalTurnedBack,
    /// Sql → Recycled, by a rep.
    SqlTurnedBack,
    /// Recycled → Recycled: another reason.
    TurnedBackAgain,
    /// Mql: the rep is warned.
    Warned,
    /// Mql: the manager is told.
    ManagerTold,
    /// Mql: another rep gets it.
    Reassigned,
    /// Mql: nobody decided; another gets it in the same cycle.
    Resubmitted,
    /// Mql → Recycled: nobody decided, for the last time.
    NotDecided,
    /// Sal: nothing happens, so there is a rescue task.
    SalIdle,
    /// Sal → Recycled: for too long.
    SalExpired,
    /// Sql: nothing happens, so there is a task.
    SqlIdle,
    /// Sql: the manager is told of it.
    SqlIdleLong,
    /// Sql → Recycled: for too long.
    SqlExpired,
    /// Recycled → Mql: the reason's rule, a hand-raise, or a rep.
    Requalified,
    /// Recycled: the program's time is over; the last resort follows.
    Horizon,
    /// A prospect → Disqualified, by a rep.
    Disqualified,
    /// A prospect → Disqualified: no way to reach the person is lawful.
    Unreachable,
    /// Disqualified: looked at, and it stays so.
    Reviewed,
    /// Disqualified → Inquiry: a hand-raise.
    Reopened,
    /// Customer → Mql: something more.
    CustomerQualified,
    /// A customer whom sales had for something more, and who wanted nothing.
    CustomerKept,
    /// A prospect → Customer: one already.
    ExistingCustomer,
    /// Any → Erased.
    Erased,
    /// Erased or `JunkPurged` → Received: the next life.
    NextLife,
    /// Mql: its rep has left; another gets it.
    RepLeft,
}

impl Row {
    /// Every row.
    pub const ALL: [Self; 38] = [
        Self::Received,
        Self::Admitted,
        Self::HeldBack,
        Self::Merged,
        Self::Released,
        Self::Purged,
        Self::Qualified,
        Self::Accepted,
        Self::OpportunityOpened,
        Self::Won,
        Self::Lost,
        Self::InquiryTurnedBack,
        Self::MqlTurnedBack,
        Self::SalTurnedBack,
        Self::SqlTurnedBack,
        Self::TurnedBackAgain,
        Self::Warned,
        Self::ManagerTold,
        Self::Reassigned,
        Self::Resubmitted,
        Self::NotDecided,
        Self::SalIdle,
        Self::SalExpired,
        Self::SqlIdle,
        Self::SqlIdleLong,
        Self::SqlExpired,
        Self::Requalified,
        Self::Horizon,
        Self::Disqualified,
        Self::Unreachable,
        Self::Reviewed,
        Self::Reopened,
        Self::CustomerQualified,
        Self::CustomerKept,
        Self::ExistingCustomer,
        Self::Erased,
        Self::NextLife,
        Self::RepLeft,
    ];

    /// The row that an event takes, for the lead as it was before it. `None`: it is none of the table's.
    ///
    /// A turnback is two events, the reason and the stage; the reason says which row it is.
    pub fn of(before: Option<&Lead>, event: &Event) -> Option<Self> {
        let stage = before.map_or(LifecycleStage::Received, |lead| lead.stage);
        match event {
            Event::Received { .. } => Some(before.map_or(Self::Received, |_| Self::NextLife)),
            Event::Admitted => Some(Self::Admitted),
            Event::Quarantined { .. } => Some(Self::HeldBack),
            Event::SubmissionMerged { .. } => Some(Self::Merged),
            Event::Released => Some(Self::Released),
            Event::Purged => Some(Self::Purged),
            Event::Qualified { .. } => Some(Self::Qualified),
            Event::Requalified { .. } if stage == LifecycleStage::Customer => Some(Self::CustomerQualified),
            Event::Requalified { .. } => Some(Self::Requalified),
            Event::Accepted { .. } => Some(Self::Accepted),
            Event::OpportunityOpened { .. } => Some(Self::OpportunityOpened),
            Event::Won { .. } => Some(Self::Won),
            Event::TurnedBack { reason, by, from, .. } => Self::of_turnback(*reason, by, *from),
            Event::IsCustomer if before.is_some_and(|lead| lead.turnback.is_some()) => Some(Self::CustomerKept),
            Event::IsCustomer => Some(Self::ExistingCustomer),
            Event::SlaWarned { trigger, .. } if *trigger != Trigger::Reassigned => Self::of_rung(stage, *trigger),
            Event::SlaBreached { trigger, .. } => Self::of_rung(stage, *trigger),
            Event::Resubmitted { reason: TurnbackReason::RepLeft, .. } => Some(Self::RepLeft),
            Event::Resubmitted { .. } => Some(Self::Resubmitted),
            Event::HorizonReached => Some(Self::Horizon),
            Event::Disqualified { reason: DisqualifyReason::DoNotContact, .. } => Some(Self::Unreachable),
            Event::Disqualified { .. } => Some(Self::Disqualified),
            Event::Reviewed { .. } => Some(Self::Reviewed),
            Event::Reopened => Some(Self::Reopened),
            Event::Erased => Some(Self::Erased),
            // A rung that finds nobody else to give the lead to is none.
            Event::SlaWarned { .. }
            | Event::SlaStarted { .. }
            | Event::Scored { .. }
            | Event::Assigned { .. }
            | Event::EnrolmentStarted { .. }
            | Event::EnrolmentAdvanced { .. }
            | Event::EnrolmentMigrated { .. }
            | Event::Directed { .. }
            | Event::EnrolmentExited { .. }
            | Event::Signalled { .. }
            | Event::LinkFollowed { .. }
            | Event::FollowersJudged { .. }
            | Event::FollowersRelabelled { .. }
            | Event::Answered { .. }
            | Event::Labelled { .. }
            | Event::MomentRaised { .. }
            | Event::ReplyReceived { .. }
            | Event::Emitted { .. }
            | Event::EnrolmentPaused { .. }
            | Event::EnrolmentResumed { .. }
            | Event::ConsentChanged { .. }
            | Event::OptInAsked { .. }
            | Event::PreferencesChanged { .. }
            | Event::AddressListed { .. }
            | Event::TouchDeferred { .. }
            | Event::TouchSent { .. }
            | Event::TouchUnknown { .. }
            | Event::TouchReview { .. }
            | Event::TouchDropped { .. }
            | Event::TouchFailed { .. }
            | Event::TouchBounced { .. }
            | Event::TouchSkipped { .. }
            | Event::TaskCreated { .. }
            | Event::TaskDone { .. }
            | Event::TaskOverdue { .. }
            | Event::AddressSuppressed { .. }
            | Event::AddressRested
            | Event::EvaluationDue { .. }
            | Event::Evaluated { .. }
            | Event::TurnbackMoved { .. }
            | Event::Disposed { .. }
            | Event::StatusTold { .. }
            | Event::BroadcastQueued { .. }
            | Event::Lost { .. }
            | Event::Recycled
            | Event::Alerted { .. }
            | Event::Noted { .. }
            | Event::Doubted { .. }
            | Event::PhoneChanged { .. } => None,
        }
    }

    fn of_turnback(reason: TurnbackReason, by: &Party, from: LifecycleStage) -> Option<Self> {
        let is_lost = reason == TurnbackReason::ClosedLost;
        match (from, by) {
            (LifecycleStage::Inquiry, _) => Some(Self::InquiryTurnedBack),
            (LifecycleStage::Mql, Party::Suite) => Some(Self::NotDecided),
            (LifecycleStage::Mql, _) => Some(Self::MqlTurnedBack),
            (LifecycleStage::Sal, Party::Suite) => Some(Self::SalExpired),
            (LifecycleStage::Sal, _) => Some(Self::SalTurnedBack),
            (LifecycleStage::Sql, Party::Suite) => Some(Self::SqlExpired),
            (LifecycleStage::Sql, _) => Some(if is_lost { Self::Lost } else { Self::SqlTurnedBack }),
            (LifecycleStage::Recycled, _) => Some(Self::TurnedBackAgain),
            (
                LifecycleStage::Received
                | LifecycleStage::Quarantined
                | LifecycleStage::Customer
                | LifecycleStage::Disqualified
                | LifecycleStage::JunkPurged
                | LifecycleStage::Erased,
                _,
            ) => None,
        }
    }

    const fn of_rung(stage: LifecycleStage, trigger: Trigger) -> Option<Self> {
        match (stage, trigger) {
            (LifecycleStage::Mql, Trigger::FirstAttemptDue) => Some(Self::Warned),
            (LifecycleStage::Mql, Trigger::FirstAttemptMissed) => Some(Self::ManagerTold),
            (LifecycleStage::Mql, Trigger::Reassigned) => Some(Self::Reassigned),
            (LifecycleStage::Sal, Trigger::Idle) => Some(Self::SalIdle),
            (LifecycleStage::Sql, Trigger::Idle) => Some(Self::SqlIdle),
            (LifecycleStage::Sql, Trigger::IdleLong) => Some(Self::SqlIdleLong),
            _ => None,
        }
    }
}
