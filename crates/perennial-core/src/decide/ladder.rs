//! Deadlines that sales keeps, and what happens when it does not.
//!
//! **Invariant (I3):** a stage that sales answers for has a clock, and its last rung leaves the stage without a human.

use jiff::{SignedDuration, Timestamp};

use super::{Draft, STAND_IN_DUE};
use crate::event::{Event, ProgramExit};
use crate::ids::TouchId;
use crate::lead::{EmailReach, Lead, LifecycleStage, PauseCause, PhoneReach, Reach, Task, TaskKind};
use crate::policy::{LastRung, RungAction, StageClock, TurnbackReason};
use crate::roster::OfficeHours;
use crate::sales::{
    Audience, Delivery, Party, QualifyCause, SlaClock, Trigger, TurnbackRequest, is_sales, sales_touch,
};
use crate::timing::Delay;

/// The same thing is told at once only so often; the rest comes with the digest (S13).
const TOLD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How long somebody has to find an address that works, each of the two times that they are asked.
pub(super) const REPAIR_DUE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The step whose task is the first attempt.
const FIRST_CONTACT: &str = "first-contact";

/// The step whose task is to find one.
pub(super) const REPAIR: &str = "repair-address";

/// How long whoever comes in has before their manager is told of a task that was overdue the day before.
const AFTER_OPENING: SignedDuration = SignedDuration::from_hours(1);

/// How long somebody has for a lead that is about to be forgotten.
const RESCUE_DUE: SignedDuration = SignedDuration::from_hours(24);

impl Draft<'_> {
    // --- Who is told -------------------------------------------------------------------------

    /// Tells whoever owns the lead, or their manager.
    pub(super) fn alert(&mut self, trigger: Trigger, audience: Audience, touch: Option<TouchId>) {
        self.tell(trigger, audience, touch, Delivery::Now);
    }

    /// The same, as it is wished; what was told a short while ago waits for the digest all the same.
    fn tell(&mut self, trigger: Trigger, audience: Audience, touch: Option<TouchId>, wish: Delivery) {
        let Some(lead) = &self.lead else { return };
        let Some(owner) = lead.owner.clone() else { return };
        let last = lead.alerted.get(&trigger);
        let is_known = last.is_some_and(|last| self.now.duration_since(*last) < TOLD_AGAIN_AFTER);
        let delivery = if is_known { Delivery::Digest } else { wish };
        self.record(Event::Alerted { trigger, audience, owner, delivery, touch });
    }

    /// The same, where a rep works the lead.
    pub(super) fn tell_if_with_sales(&mut self, trigger: Trigger) {
        let is_with_sales = self.lead.as_ref().is_some_and(|lead| lead.sla.is_some());
        if is_with_sales {
            self.alert(trigger, Audience::Owner, None);
        }
    }

    // --- Clocks ------------------------------------------------------------------------------

    /// Starts the clock of the stage that the lead has come to.
    pub(super) fn start_clock(&mut self) {
        let clock = self.lead.as_ref().and_then(|lead| self.clock_of(lead));
        if let Some(clock) = clock {
            self.record(Event::SlaStarted { clock });
        }
    }

    fn clock_of(&self, lead: &Lead) -> Option<SlaClock> {
        match lead.stage {
            LifecycleStage::Mql => self.handover_clock(lead),
            LifecycleStage::Sal => Some(self.stage_clock(lead, &self.catalog.sla.sal)),
            LifecycleStage::Sql => Some(self.stage_clock(lead, &self.catalog.sla.sql)),
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Inquiry
            | LifecycleStage::Customer
            | LifecycleStage::Recycled
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => None,
        }
    }

    fn handover_clock(&self, lead: &Lead) -> Option<SlaClock> {
        let hours = self.catalog.hours_of(lead.owner.as_ref()?);
        let ends_at = self.in_hours(self.catalog.sla.decide_within, &hours);
        let attempt_by = self.in_hours(self.first_attempt(), &hours).min(ends_at);
        let clock = SlaClock { since: self.now, attempt_by: Some(attempt_by), rung: 0, next_at: ends_at, ends_at };
        let (rung, next_at) = self.rung_from(&clock, 0);
        Some(SlaClock { rung, next_at, ..clock })
    }

    /// How long the first attempt may take.
    fn first_attempt(&self) -> Delay {
        let cause = self.lead.as_ref().and_then(|lead| lead.cycle.qualified).map(|qualified| qualified.cause);
        match cause {
            Some(QualifyCause::HandRaise) => self.catalog.sla.hand_raise_first_attempt,
            Some(
                QualifyCause::ScoreThreshold
                | QualifyCause::HumanReply
                | QualifyCause::RepManual
                | QualifyCause::RequalifyRule { .. },
            )
            | None => self.catalog.sla.first_attempt,
        }
    }

    /// When so much business time is over. Days are days of the calendar, and end when somebody is in.
    fn in_hours(&self, delay: Delay, hours: &OfficeHours) -> Timestamp {
        match delay {
            Delay::Minutes(minutes) => hours.after(self.now, SignedDuration::from_mins(i64::from(minutes))),
            Delay::Days(_) | Delay::BusinessDays(_) => hours.after(self.after(delay), SignedDuration::ZERO),
        }
    }

    /// It begins with what was agreed last: nobody is idle who waits for a meeting, or is to call then.
    fn stage_clock(&self, lead: &Lead, policy: &StageClock) -> SlaClock {
        let call = lead.task.as_ref().filter(|task| is_sales(&task.touch)).map(|task| task.due_at);
        let pause = lead.enrolment.as_ref().and_then(|enrolment| enrolment.paused);
        let meeting = pause.filter(|pause| pause.cause == PauseCause::MeetingBooked).map(|pause| pause.resume_at);
        let since = [call, meeting].into_iter().flatten().fold(self.now, Timestamp::max);
        let (next_at, ends_at) = (self.from(since, policy.idle), self.from(since, policy.expires));
        SlaClock { since, attempt_by: None, rung: 0, next_at, ends_at }
    }

    /// Somebody does something about the lead: the clock of its stage begins anew.
    pub(super) fn keep_alive(&mut self) {
        let Some(lead) = &self.lead else { return };
        let is_worked = [LifecycleStage::Sal, LifecycleStage::Sql].contains(&lead.stage);
        if is_worked && self.clock_of(lead) != lead.sla {
            self.start_clock();
        }
    }

    /// The first rung of the ladder from `rung` on, and when it comes; after the last, the end.
    fn rung_from(&self, clock: &SlaClock, rung: u32) -> (u32, Timestamp) {
        let ladder = &self.catalog.sla.ladder;
        let last = u32::try_from(ladder.len()).unwrap_or(u32::MAX);
        let (Some(_), Some(owner)) = (clock.attempt_by, self.lead.as_ref().and_then(|lead| lead.owner.as_ref())) else {
            return (last, clock.ends_at);
        };
        let hours = self.catalog.hours_of(owner);
        let all = match self.first_attempt() {
            Delay::Minutes(minutes) => SignedDuration::from_mins(i64::from(minutes)),
            days @ (Delay::Days(_) | Delay::BusinessDays(_)) => days.typical(),
        };
        let at = |percent: u32| hours.after(clock.since, all * i32::try_from(percent).unwrap_or(i32::MAX) / 100);
        let next = ladder.iter().enumerate().nth(usize::try_from(rung).unwrap_or(usize::MAX));
        match next {
            Some((index, step)) if at(step.at_percent) < clock.ends_at => {
                (u32::try_from(index).unwrap_or(u32::MAX), at(step.at_percent))
            }
            Some(_) | None => (last, clock.ends_at),
        }
    }

    /// Does what sales should have been there for. Whether there was something.
    pub(super) fn sales_is_due(&mut self) -> bool {
        let now = self.now;
        let Some(lead) = &self.lead else { return false };
        if let Some(clock) = lead.sla.clone().filter(|clock| clock.next_at <= now) {
            self.clock_is_due(lead.stage, &clock);
            return true;
        }
        let turnback = lead.turnback.as_ref();
        let is_to_be_judged = turnback.and_then(|turnback| turnback.judge_at).is_some_and(|at| at <= now);
        if is_to_be_judged || lead.evaluate_by.is_some_and(|by| by <= now) {
            self.evaluate();
            return true;
        }
        if turnback.and_then(|turnback| turnback.horizon_at).is_some_and(|at| at <= now) {
            self.record(Event::HorizonReached);
            let last_resort = &self.catalog.last_resort;
            let waits = self.lead.as_ref().filter(|lead| lead.stage == LifecycleStage::Recycled);
            let program = waits.and_then(|lead| lead.enrolment.as_ref()).map(|enrolment| &enrolment.program);
            if program.is_some_and(|program| program != last_resort) {
                self.exit(ProgramExit::Horizon, Some(last_resort));
            }
            return true;
        }
        false
    }

    fn clock_is_due(&mut self, stage: LifecycleStage, clock: &SlaClock) {
        let is_over = clock.ends_at <= self.now;
        match stage {
            LifecycleStage::Mql if is_over => self.not_decided(),
            LifecycleStage::Mql => self.rung_is_due(clock),
            LifecycleStage::Sal if is_over => self.expired(TurnbackReason::NoResponse),
            LifecycleStage::Sql if is_over => self.expired(TurnbackReason::ClosedLost),
            LifecycleStage::Sal => self.idle(clock, self.catalog.sla.sal),
            LifecycleStage::Sql => self.idle(clock, self.catalog.sla.sql),
            // No clock runs there; were one to, it is put far ahead rather than met for ever.
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Inquiry
            | LifecycleStage::Customer
            | LifecycleStage::Recycled
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => {
                let next_at = self.now + crate::lead::PULSE_AHEAD_MAX;
                self.record(Event::SlaWarned { trigger: Trigger::Idle, rung: clock.rung, next_at });
            }
        }
    }

    fn rung_is_due(&mut self, clock: &SlaClock) {
        let at = usize::try_from(clock.rung).unwrap_or(usize::MAX);
        let action = self.catalog.sla.ladder.get(at).map(|rung| rung.action);
        let (rung, next_at) = self.rung_from(clock, clock.rung.saturating_add(1));
        match action {
            Some(RungAction::Warn) => {
                let trigger = Trigger::FirstAttemptDue;
                self.record(Event::SlaWarned { trigger, rung, next_at });
                self.alert(trigger, Audience::Owner, None);
            }
            Some(RungAction::Manager) => {
                let trigger = Trigger::FirstAttemptMissed;
                self.record(Event::SlaBreached { trigger, rung, next_at });
                self.alert(trigger, Audience::Manager, None);
            }
            Some(RungAction::Reassign) => {
                let trigger = Trigger::Reassigned;
                self.record(Event::SlaBreached { trigger, rung, next_at });
                let before = self.lead.as_ref().and_then(|lead| lead.owner.clone());
                let owner = self.routed_on();
                if Some(&owner) != before.as_ref() {
                    let hours = self.catalog.hours_of(&owner);
                    let due = self.in_hours(self.first_attempt(), &hours).duration_since(self.now);
                    self.record(Event::Assigned { owner });
                    let touch =
                        self.lead.as_ref().and_then(|lead| sales_touch(lead, "second-contact", lead.cycle.offers));
                    self.sales_task(touch, due);
                    self.alert(trigger, Audience::Owner, None);
                }
            }
            // A ladder that has become shorter.
            None => self.record(Event::SlaWarned { trigger: Trigger::FirstAttemptDue, rung, next_at }),
        }
    }

    /// Nobody decided in time: another gets the lead; after a few of those, nurture and the queue have it.
    fn not_decided(&mut self) {
        let Some(lead) = &self.lead else { return };
        let rep = lead.rep().cloned();
        let resubmissions = lead.cycle.resubmissions;
        if resubmissions < self.catalog.sla.resubmissions_max {
            self.record(Event::Resubmitted { reason: TurnbackReason::SlaExpired, rep });
            let owner = self.routed_on();
            self.record(Event::Assigned { owner });
            self.start_clock();
            self.first_contact();
            self.alert(Trigger::Resubmitted, Audience::Owner, None);
            return;
        }
        self.alert(Trigger::NotDecided, Audience::Manager, None);
        self.turn_back(&TurnbackRequest::new(TurnbackReason::SlaExpired), &Party::Suite);
        match self.catalog.sla.last {
            LastRung::Queue => {
                let touch = self.lead.as_ref().and_then(|lead| sales_touch(lead, "nobody-decided", 0));
                self.sales_task(touch, STAND_IN_DUE);
            }
            LastRung::Nurture => {}
        }
    }

    /// Somebody is told that nothing happens with a lead that they took on, then their manager.
    fn idle(&mut self, clock: &SlaClock, policy: StageClock) {
        let manager = policy.manager.map(|manager| self.from(clock.since, manager));
        let (trigger, audience) =
            if clock.rung == 0 { (Trigger::Idle, Audience::Owner) } else { (Trigger::IdleLong, Audience::Manager) };
        let next_at = manager.filter(|at| clock.rung == 0 && *at < clock.ends_at).unwrap_or(clock.ends_at);
        self.record(Event::SlaWarned { trigger, rung: clock.rung.saturating_add(1), next_at });
        let has_task = self.lead.as_ref().is_some_and(|lead| lead.task.is_some());
        if clock.rung == 0 && !has_task {
            let touch = self.lead.as_ref().and_then(|lead| sales_touch(lead, "rescue", seconds(self.now)));
            self.sales_task(touch, RESCUE_DUE);
        }
        self.alert(trigger, audience, None);
    }

    fn expired(&mut self, reason: TurnbackReason) {
        self.alert(Trigger::Expired, Audience::Manager, None);
        self.turn_back(&TurnbackRequest::new(reason), &Party::Suite);
    }

    // --- Tasks -------------------------------------------------------------------------------

    /// The first thing to do about a lead that is ready: by when the ladder says.
    pub(super) fn first_contact(&mut self) {
        let Some(clock) = self.lead.as_ref().and_then(|lead| lead.sla.as_ref()) else { return };
        let due = clock.attempt_by.unwrap_or(clock.ends_at).duration_since(self.now);
        let touch = self.lead.as_ref().and_then(|lead| sales_touch(lead, FIRST_CONTACT, lead.cycle.offers));
        self.sales_task(touch, due);
    }

    /// A task of sales' own, in place of the one that is open.
    pub(super) fn sales_task(&mut self, touch: Option<TouchId>, due: SignedDuration) {
        let (Some(touch), Some(lead)) = (touch, &self.lead) else { return };
        let kind = match (lead.phone, lead.reach()) {
            (PhoneReach::Ok, _) => TaskKind::Call,
            // Nobody is asked to write to whoever has not said yet that they want mail.
            (PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall, Reach::Mail)
                if lead.email == EmailReach::Unconfirmed =>
            {
                return;
            }
            (PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall, Reach::Mail) => TaskKind::Write,
            (PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall, Reach::Human(kind)) => kind,
            (PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall, Reach::Nobody) => return,
        };
        self.end_task("superseded");
        self.record(Event::TaskCreated { touch, kind, due_at: self.now + due });
    }

    /// Ends the open task.
    pub(super) fn end_task(&mut self, outcome: &str) {
        let open = self.lead.as_ref().and_then(|lead| lead.task.as_ref()).map(|task| task.touch.clone());
        if let Some(touch) = open {
            self.record(Event::TaskDone { touch, outcome: outcome.to_owned() });
        }
    }

    /// A task that nobody did: its owner is told, and their manager if it is not done a day later; then nobody waits for
    /// it any more. An address that nobody repaired is given up in the end.
    pub(super) fn task_overdue(&mut self, task: &Task) {
        let touch = task.touch.clone();
        if sales_touch_step(&touch) == Some(REPAIR) {
            self.repair_overdue(touch);
            return;
        }
        let escalates_at = task.escalates_at.is_none().then(|| self.a_day_on());
        let audience = if escalates_at.is_some() { Audience::Owner } else { Audience::Manager };
        self.record(Event::TaskOverdue { touch: touch.clone(), escalates_at });
        let has_ladder = self.lead.as_ref().is_some_and(|lead| lead.sla.is_some());
        if has_ladder && sales_touch_step(&touch) == Some(FIRST_CONTACT) {
            // The ladder tells of it, at the same time.
            return;
        }
        let delivery = if self.is_anybodys() { Delivery::Now } else { Delivery::Digest };
        self.tell(Trigger::TaskOverdue, audience, Some(touch), delivery);
    }

    /// A day later, or when the owner has been in for a little after that: whoever reads of it in the morning can still
    /// do it. So late that it is told at once.
    fn a_day_on(&self) -> Timestamp {
        let day = self.now + TOLD_AGAIN_AFTER;
        let hours = self.lead.as_ref().and_then(|lead| lead.owner.as_ref()).map(|owner| self.catalog.hours_of(owner));
        hours.filter(|hours| !hours.is_open(day)).map_or(day, |hours| hours.after(day, AFTER_OPENING))
    }

    /// Whether somebody in particular answers for the lead. What a queue has in nurture, a whole list maybe, is told of
    /// once a day.
    fn is_anybodys(&self) -> bool {
        self.lead.as_ref().is_some_and(|lead| lead.rep().is_some() || lead.sla.is_some())
    }

    fn repair_overdue(&mut self, touch: TouchId) {
        self.record(Event::TaskOverdue { touch: touch.clone(), escalates_at: None });
        self.alert(Trigger::TaskOverdue, Audience::Manager, Some(touch.clone()));
        let is_reachable = self.lead.as_ref().is_some_and(|lead| lead.phone == PhoneReach::Ok);
        if touch.occurrence == 0 {
            let again = TouchId { occurrence: 1, ..touch };
            self.record(Event::TaskCreated { touch: again, kind: TaskKind::RepairData, due_at: self.now + REPAIR_DUE });
        } else if !is_reachable {
            self.listen();
        }
    }

    // --- Time --------------------------------------------------------------------------------

    fn after(&self, delay: Delay) -> Timestamp {
        self.from(self.now, delay)
    }

    pub(super) fn from(&self, at: Timestamp, delay: Delay) -> Timestamp {
        delay.after(at, &self.zone(), self.catalog.window.days())
    }
}

/// The step of a touch that is sales' own.
fn sales_touch_step(touch: &TouchId) -> Option<&str> {
    crate::sales::is_sales(touch).then(|| touch.step.as_str())
}

/// Tells rescues of one cycle apart.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second() % i64::from(u32::MAX)).unwrap_or_default()
}
