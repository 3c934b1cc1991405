//! How a lead walks through its program: from step to step, and out of it into the one that follows.
//!
//! **Invariants:** a lead that walks always stands at a step with a time, or is handed to the program that
//! follows; no way leads nowhere, also where a program or a step is gone. A touch's id is never used twice:
//! whoever goes back in a program starts another lap.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Draft, Due, Plan};
use crate::calendar::{self, FrequencyCap};
use crate::catalog::Catalog;
use crate::condition::{Condition, Facts, SignalKind};
use crate::consent::Pace;
use crate::event::{DeferReason, Event, ProgramExit, SkipReason};
use crate::ids::{LeadId, ProgramName, StepId, TouchId};
use crate::lead::{Enrolment, Lead, LifecycleStage, Pause, PauseCause, Reach};
use crate::program::{Action, Arm, Awaited, Case, Hurry, Program, ProgramVersion, Step, Stop, TouchClass, UsedUp};
use crate::questions;
use crate::sales::{Audience, Trigger};
use crate::submission::Channel;
use crate::timing::{DELAY_DAYS_MAX, Delay, Moment, Timing};

/// How long a program that does not write beside sales waits before it looks again.
const WITH_SALES: SignedDuration = SignedDuration::from_hours(7 * 24);

/// From how many events on a decision starts no further program whose steps are all dated before today. Programs
/// that only lead on to one another do not pass the checker; were some to, they would be walked in many decisions.
const EVENTS_PER_DECISION_MAX: usize = 512;

/// Where an enrolment stands in the catalog.
#[derive(Clone, Copy)]
struct Standing<'a> {
    program: &'a Program,
    step: &'a Step,
    at: usize,
}

impl<'a> Draft<'a> {
    // --- Into a program ----------------------------------------------------------------------

    /// Starts a program. `None` cannot come from a catalog (its last resort exists); were it to, the lead
    /// would be put up for review rather than lost.
    pub(super) fn enrol(&mut self, program: Option<&'a Program>, channel: Option<Channel>) {
        self.enrol_after(program, channel, 0);
    }

    /// The same for somebody who has been silent for so many touches of that program.
    fn enrol_after(&mut self, program: Option<&'a Program>, channel: Option<Channel>, silent_touches: u32) {
        let Some(lead) = &self.lead else { return };
        let ordinal = lead.enrolments.saturating_add(1);
        let first = program.and_then(|program| program.steps.first().map(|step| (program, step)));
        let Some((program, step)) = first else {
            self.listen();
            return;
        };
        let plan = self.plan_after(program, step, self.now, silent_touches);
        self.record(Event::EnrolmentStarted {
            ordinal,
            program: program.name.clone(),
            version: program.version.clone(),
            step: step.id.clone(),
            due_at: plan.as_ref().map_or(self.now, |plan| plan.at),
            channel,
            silent_touches,
        });
        self.ask_for_program(program.opt_in);
        match plan {
            Some(plan) => self.note_deferral(&plan),
            None if self.events.len() < EVENTS_PER_DECISION_MAX => self.pass_over(Standing { program, step, at: 0 }),
            None => {}
        }
    }

    /// The exit router. Total: where nothing follows, the last resort does.
    pub(super) fn exit(&mut self, exit: ProgramExit, then: Option<&ProgramName>) {
        let Some(left) = self.lead.as_ref().and_then(|lead| lead.enrolment.clone()) else { return };
        self.record(Event::EnrolmentExited { ordinal: left.ordinal, program: left.program.clone(), exit });
        let catalog = self.catalog;
        let next = catalog.program_or_last_resort(then.unwrap_or(&catalog.last_resort));
        // A program that follows itself goes on where it was, at the pace it had.
        let is_same = next.is_some_and(|next| next.name == left.program);
        self.enrol_after(next, None, if is_same { left.silent_touches } else { 0 });
        self.stay_paused(exit, left.paused);
    }

    /// Whoever is away, or in a conversation, is so whatever program they are in; a rep's hold and a meeting end with the
    /// rep's work. Where the person did what the program was for, they are there.
    fn stay_paused(&mut self, exit: ProgramExit, paused: Option<Pause>) {
        let Some(Pause { cause, resume_at }) = paused.filter(|pause| pause.resume_at > self.now) else { return };
        let goes_on = match (exit, cause) {
            (ProgramExit::GoalMet | ProgramExit::Stopped | ProgramExit::Suppressed, _) => false,
            (_, PauseCause::OutOfOffice | PauseCause::InConversation) => true,
            (exit, PauseCause::RepHold | PauseCause::MeetingBooked) => exit != ProgramExit::TurnedBack,
        };
        if goes_on {
            self.pause(cause, resume_at);
        }
    }

    /// The program that claims the lead since `before`: its `enter` has become true, and nobody claims more.
    pub(super) fn claimant(&self, before: Option<&Facts<'_>>) -> Option<&'a Program> {
        let now = self.facts().map(|facts| Facts { since: None, ..facts })?;
        match now.lead.stage {
            LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled => {}
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => return None,
        }
        let catalog = self.catalog;
        let claims = catalog.programs.values().filter(|program| {
            program.enter.as_ref().is_some_and(|enter| {
                enter.holds(&now) && !before.is_some_and(|before| enter.holds(&Facts { since: None, ..*before }))
            })
        });
        // The first by name of the highest priority: the checker refuses two that claim alike.
        claims.min_by_key(|program| (u8::MAX - program.priority, &program.name))
    }

    /// Hands the lead to a program that claims it from a less important one. Whether one did.
    pub(super) fn claim(&mut self, before: Option<&Facts<'_>>) -> bool {
        let Some(enrolment) = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()) else { return false };
        let current = self.catalog.program_of(&enrolment.program, &enrolment.version);
        let priority = current.map_or(0, |program| program.priority);
        let winner =
            self.claimant(before).filter(|program| program.priority > priority && program.name != enrolment.program);
        if let Some(program) = winner {
            self.exit(ProgramExit::Superseded, Some(&program.name));
        }
        winner.is_some()
    }

    // --- From step to step -------------------------------------------------------------------

    /// Goes on from `touch`, whose step is done.
    pub(super) fn advance(&mut self, touch: &TouchId) {
        let Some(enrolment) = self.standing_at(touch).cloned() else { return };
        let Some(standing) = self.standing(&enrolment) else {
            self.leave_gone(&enrolment);
            return;
        };
        if let Action::Recur { mails, used_up, .. } = &standing.step.action {
            self.next_round(standing, &enrolment, mails.len(), *used_up);
        } else {
            self.jump(standing, None);
        }
    }

    /// The enrolment, if it still stands at that touch: answers that come late must not move it twice.
    pub(super) fn standing_at(&self, touch: &TouchId) -> Option<&Enrolment> {
        self.lead.as_ref()?.enrolment.as_ref().filter(|enrolment| &enrolment.touch() == touch)
    }

    fn standing(&self, enrolment: &Enrolment) -> Option<Standing<'a>> {
        let catalog: &'a Catalog = self.catalog;
        let program = catalog.program_of(&enrolment.program, &enrolment.version)?;
        let at = program.position(&enrolment.step)?;
        program.steps.get(at).map(|step| Standing { program, step, at })
    }

    /// The program or the step is not there any more: the program is left as if its content were used up.
    fn leave_gone(&mut self, enrolment: &Enrolment) {
        let catalog = self.catalog;
        let then = catalog.program_of(&enrolment.program, &enrolment.version).map(|program| &program.then);
        self.exit(ProgramExit::Superseded, then);
    }

    /// Goes on at a step of the same program, the next one if none is named; after the last, the program ends.
    fn jump(&mut self, from: Standing<'a>, to: Option<&StepId>) {
        let next = from.at.saturating_add(1);
        let at = to.and_then(|to| from.program.position(to)).unwrap_or(next);
        self.arrive(from.program, from.at, at);
    }

    /// Stands at a step, or at the first after it that is not dated before today.
    fn arrive(&mut self, program: &'a Program, from: usize, at: usize) {
        let lap = self.lap().saturating_add(u32::from(at <= from));
        for step in program.steps.iter().skip(at) {
            let plan = self.plan(program, step, self.now);
            let due_at = plan.as_ref().map_or(self.now, |plan| plan.at);
            self.record(Event::EnrolmentAdvanced { step: step.id.clone(), due_at, lap, round: 0 });
            if let Some(plan) = plan {
                self.note_deferral(&plan);
                return;
            }
            self.record_skip(SkipReason::DatePassed);
        }
        self.exit(ProgramExit::Completed, Some(&program.then));
    }

    /// Passes over a step that is dated before today.
    fn pass_over(&mut self, standing: Standing<'a>) {
        self.record_skip(SkipReason::DatePassed);
        self.jump(standing, None);
    }

    fn next_round(&mut self, from: Standing<'a>, enrolment: &Enrolment, mails: usize, used_up: UsedUp) {
        let round = enrolment.round.saturating_add(1);
        let is_used_up = usize::try_from(round).is_ok_and(|round| round >= mails);
        match used_up {
            UsedUp::GoOn if is_used_up => self.jump(from, None),
            UsedUp::GoOn | UsedUp::Again => {
                let Some(plan) = self.plan(from.program, from.step, self.now) else { return };
                let (step, lap) = (enrolment.step.clone(), enrolment.lap.saturating_add(1));
                self.record(Event::EnrolmentAdvanced { step, due_at: plan.at, lap, round });
                self.note_deferral(&plan);
            }
        }
    }

    fn lap(&self) -> u32 {
        self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()).map_or(0, |enrolment| enrolment.lap)
    }

    // --- When a step comes -------------------------------------------------------------------

    /// When a step comes that is reached at `from`. `None`: it is dated before today.
    fn plan(&self, program: &Program, step: &Step, from: Timestamp) -> Option<Plan> {
        let silent = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()).map_or(0, |it| it.silent_touches);
        self.plan_after(program, step, from, silent)
    }

    fn plan_after(&self, program: &Program, step: &Step, from: Timestamp, silent: u32) -> Option<Plan> {
        let clock = self.local();
        let is_skipped = || step.skip_if.as_ref().is_some_and(|skip| self.holds(skip));
        let wish = if let Action::WaitUntil { event, timeout, .. } = &step.action {
            // What is not waited for takes no time.
            if is_skipped() { self.now } else { self.awaited(event, clock.after(*timeout, from), &clock) }
        } else if let Action::Recur { every, .. } = &step.action {
            self.timed(every, from, &clock)?
        } else {
            self.timed(&step.timing, from, &clock)?
        };
        let enrolment = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref());
        let quiet = program.quiet.filter(|quiet| step.action.is_touch() && silent >= quiet.after_touches);
        let wish = quiet.map_or(wish, |quiet| wish.max(clock.after(quiet.every, from)));
        let furthest = clock.after(Delay::Days(DELAY_DAYS_MAX), from);
        let plan = self.allowed(program, step, wish.min(furthest));
        // Where the program's time is over before, it is left then.
        let ends = program.horizon.map(|horizon| enrolment.map_or(self.now, |it| it.started_at) + horizon.0);
        Some(match ends {
            Some(ends) if ends < plan.at => Plan { at: ends.max(self.now), deferred: None },
            Some(_) | None => plan,
        })
    }

    fn timed(&self, timing: &Timing, from: Timestamp, clock: &Local<'_>) -> Option<Timestamp> {
        match timing {
            Timing::After(delay) => Some(clock.after(*delay, from)),
            Timing::At(moment) => {
                let at = self.moment(moment, clock)?;
                let is_over = clock.date(at) < clock.date(self.now);
                (!is_over).then(|| at.max(self.now))
            }
        }
    }

    fn moment(&self, moment: &Moment, clock: &Local<'_>) -> Option<Timestamp> {
        moment.after(self.now, self.date_of(moment), &clock.zone, clock.business_days)
    }

    /// The date in the profile that a moment speaks of.
    fn date_of(&self, moment: &Moment) -> Option<Date> {
        match moment {
            Moment::Date { field, .. } => self.profile?.fields.get(field)?.trim().parse().ok(),
            Moment::Next { .. } | Moment::FirstOfMonth { .. } => None,
        }
    }

    /// When a wait is over: at once if it has happened, else at its time-out.
    fn awaited(&self, event: &Awaited, timeout: Timestamp, clock: &Local<'_>) -> Timestamp {
        match event {
            Awaited::Holds(condition) if self.holds(condition) => self.now,
            Awaited::Signals(_) | Awaited::Holds(_) => timeout,
            Awaited::Moment(moment) => self.moment(moment, clock).map_or(timeout, |at| at.clamp(self.now, timeout)),
        }
    }

    /// The first instant from `wish` on at which a step may happen, and why not sooner.
    pub(super) fn allowed(&self, program: &Program, step: &Step, wish: Timestamp) -> Plan {
        let waits = step.action.mail_class() == Some(TouchClass::Nurture);
        let Some(lead) = self.lead.as_ref().filter(|lead| waits && lead.reach() == Reach::Mail) else {
            return Plan { at: wish, deferred: None };
        };
        if let Some(until) = self.awaits_consent() {
            return Plan { at: wish.max(until), deferred: Some(DeferReason::AwaitingConsent) };
        }
        let wants_less = FrequencyCap { spacing: self.catalog.less_often, weekly_max: 1 };
        let less_often = (lead.preferences.pace == Pace::LessOften).then_some(&wants_less);
        let capped = [Some(&self.catalog.cap), program.cap.as_ref(), less_often]
            .into_iter()
            .flatten()
            .map(|cap| cap.next_allowed(wish, &lead.recent_mails))
            .fold(wish, Timestamp::max);
        let window = program.window.as_ref().unwrap_or(&self.catalog.window);
        let at = window.next_open(capped, &self.zone());
        let deferred = if capped > wish {
            Some(DeferReason::FrequencyCap)
        } else if at > wish {
            Some(DeferReason::QuietHours)
        } else {
            None
        };
        Plan { at, deferred }
    }

    fn local(&self) -> Local<'a> {
        Local { zone: self.zone(), business_days: self.catalog.window.days() }
    }

    pub(super) fn zone(&self) -> TimeZone {
        let known = self.lead.as_ref().and_then(|lead| lead.zone.as_deref()).and_then(calendar::zone);
        known.unwrap_or_else(|| self.catalog.default_zone.clone())
    }

    fn note_deferral(&mut self, plan: &Plan) {
        if let (Some(touch), Some(reason)) = (self.touch(), plan.deferred) {
            self.record(Event::TouchDeferred { touch, reason, until: plan.at });
        }
    }

    fn record_skip(&mut self, reason: SkipReason) {
        if let Some(touch) = self.touch() {
            self.record(Event::TouchSkipped { touch, reason });
        }
    }

    pub(super) fn touch(&self) -> Option<TouchId> {
        self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()).map(Enrolment::touch)
    }

    // --- A step that is due ------------------------------------------------------------------

    pub(super) fn step(&mut self, enrolment: &Enrolment) -> Due {
        let Some(standing) = self.standing(enrolment) else {
            self.record_skip(SkipReason::StepGone);
            self.leave_gone(enrolment);
            return Due::Settled;
        };
        // What the person has just asked for is answered, whatever else is so.
        let is_answer = standing.step.action.mail_class() == Some(TouchClass::Response);
        if !is_answer && self.ends(standing.program, enrolment) {
            return Due::Settled;
        }
        if let Some(until) = self.not_yet(standing, enrolment) {
            return self.put_back(enrolment, DeferReason::NotYet, until);
        }
        if self.waits_for_sales(standing) {
            return self.put_back(enrolment, DeferReason::WithSales, self.now + WITH_SALES);
        }
        if let Some(reason) = self.skipped(standing) {
            self.record_skip(reason);
            self.advance(&enrolment.touch());
            return Due::Settled;
        }
        if self.waits_for_operator(standing) {
            let until = self.now + self.catalog.breaker.look_again;
            return self.put_back(enrolment, DeferReason::ProgramPaused, until);
        }
        self.act(standing, enrolment)
    }

    fn put_back(&mut self, enrolment: &Enrolment, reason: DeferReason, until: Timestamp) -> Due {
        self.record(Event::TouchDeferred { touch: enrolment.touch(), reason, until });
        Due::Settled
    }

    /// Plans again what waited for a confirmation until then, now that it has come.
    pub(super) fn plan_what_waited(&mut self, until: Option<Timestamp>) {
        let waits = |enrolment: &Enrolment| until.is_some_and(|until| enrolment.next_touch_at >= until);
        let Some(enrolment) = self.lead.as_ref().and_then(|lead| lead.enrolment.clone()).filter(waits) else { return };
        let Some(standing) = self.standing(&enrolment) else { return };
        let action = &standing.step.action;
        let is_mail = action.mail_class() == Some(TouchClass::Nurture) && enrolment.attempts == 0;
        let is_by_hand = matches!(action, Action::PersonalMail { .. }) && until == Some(enrolment.next_touch_at);
        if is_mail || is_by_hand {
            let plan = self.allowed(standing.program, standing.step, self.now);
            self.put_at(&enrolment, &plan);
        }
    }

    /// Whether the person switched the topic of a program off.
    pub(super) fn is_switched_off(&self, program: &Program) -> bool {
        let lead = self.lead.as_ref();
        lead.zip(program.topic.as_ref()).is_some_and(|(lead, topic)| lead.preferences.off.contains(topic))
    }

    /// What follows a program whose topic the person switched off: what follows it by itself, where that is wanted.
    fn after_switching_off(&self, program: &'a Program) -> &'a ProgramName {
        let catalog = self.catalog;
        let is_wanted = |next: &&Program| next.name != program.name && !self.is_switched_off(next);
        let next = catalog.program_or_last_resort(&program.then).filter(is_wanted);
        next.map_or(&catalog.last_resort, |next| &next.name)
    }

    /// Leaves a program whose goal is met, that says to stop, whose time is over, or that the person does not want.
    /// Whether it did.
    fn ends(&mut self, program: &'a Program, enrolment: &Enrolment) -> bool {
        if self.is_switched_off(program) && program.name != self.catalog.last_resort {
            let next = self.after_switching_off(program);
            self.exit(ProgramExit::Stopped, Some(next));
            return true;
        }
        if program.horizon.is_some_and(|horizon| self.now >= enrolment.started_at + horizon.0) {
            self.exit(ProgramExit::Horizon, Some(&program.then));
            return true;
        }
        let goal = program.goal.iter().map(|goal| (goal, ProgramExit::GoalMet));
        let stops = program.stops.iter().map(|stop| (stop, ProgramExit::Stopped));
        let met = goal.chain(stops).find(|(stop, _)| self.holds(&stop.when));
        let Some((Stop { then, .. }, exit)) = met else { return false };
        self.exit(exit, Some(then.as_ref().unwrap_or(&program.then)));
        true
    }

    /// A dated step whose date is not there yet: it lay further ahead than a pulse may, or has moved.
    fn not_yet(&self, standing: Standing<'a>, enrolment: &Enrolment) -> Option<Timestamp> {
        // A touch that was tried was due.
        if enrolment.attempts > 0 {
            return None;
        }
        let Timing::At(moment @ Moment::Date { .. }) = &standing.step.timing else { return None };
        let clock = self.local();
        self.date_of(moment)?;
        let at = self.moment(moment, &clock)?;
        (at > self.now).then(|| at.min(clock.after(Delay::Days(DELAY_DAYS_MAX), self.now)))
    }

    fn waits_for_sales(&self, standing: Standing<'a>) -> bool {
        let with_sales = self.lead.as_ref().is_some_and(|lead| match lead.stage {
            LifecycleStage::Sal | LifecycleStage::Sql => true,
            LifecycleStage::Received
            | LifecycleStage::Quarantined
            | LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => false,
        });
        with_sales && !standing.program.beside_sales && Self::can_wait(standing.step)
    }

    /// Whether an operator paused the program, of whatever version, and somebody would notice the step. What only leads on
    /// is done: so leads go on to where they wait for what touches them. Not even an answer goes out: whoever pauses a
    /// program may have found that what it says is wrong.
    fn waits_for_operator(&self, standing: Standing<'a>) -> bool {
        standing.step.action.is_noticed() && self.catalog.paused.contains_key(&standing.program.name)
    }

    /// Whether a step is a touch other than what the person has just asked for.
    fn can_wait(step: &Step) -> bool {
        step.action.is_touch() && step.action.mail_class() != Some(TouchClass::Response)
    }

    fn skipped(&self, standing: Standing<'a>) -> Option<SkipReason> {
        let Standing { program, step, .. } = standing;
        let holds = |condition: &Option<Condition>| condition.as_ref().is_some_and(|it| self.holds(it));
        if holds(&step.skip_if) || (Self::can_wait(step) && holds(&program.skip_if)) {
            return Some(SkipReason::Condition);
        }
        let is_nurture = step.action.mail_class() == Some(TouchClass::Nurture);
        if is_nurture && self.is_switched_off(program) {
            return Some(SkipReason::SwitchedOff);
        }
        (is_nurture && self.lead.as_ref().is_some_and(|lead| self.is_held_out(lead))).then_some(SkipReason::Holdout)
    }

    /// Sticky by lead and life (DOMAIN.md §6).
    pub(super) fn is_held_out(&self, lead: &Lead) -> bool {
        let percent = u32::from(self.catalog.holdout_percent);
        percent > 0 && share(&lead.id, &format!("holdout {}", lead.life), 100) < percent
    }

    fn act(&mut self, standing: Standing<'a>, enrolment: &Enrolment) -> Due {
        let Standing { program, step, .. } = standing;
        match &step.action {
            Action::Email { mail, class, .. } => return self.email(standing.program, enrolment, step, mail, *class),
            Action::Ask { mail, class, fields } => {
                let asked = questions::open(self.catalog, self.profile, fields, self.now);
                if asked.is_empty() {
                    self.record_skip(SkipReason::AllKnown);
                    self.jump(standing, None);
                } else {
                    return self.ask(program, enrolment, step, mail, *class, asked);
                }
            }
            Action::Recur { mails, class, .. } => {
                let turn = usize::try_from(enrolment.round).unwrap_or_default() % mails.len().max(1);
                match mails.get(turn) {
                    Some(mail) => return self.email(program, enrolment, step, mail, *class),
                    None => self.jump(standing, None),
                }
            }
            Action::Call { due_in } => self.call(&enrolment.touch(), self.local().after(*due_in, self.now)),
            Action::PersonalMail { due_in, .. } => {
                self.personal_mail(&enrolment.touch(), self.local().after(*due_in, self.now));
            }
            Action::Wait => self.jump(standing, None),
            Action::WaitUntil { event, timeout, goto, on_timeout } => {
                let to = if self.has_come(event, *timeout, enrolment) { goto } else { on_timeout };
                self.jump(standing, to.as_ref());
            }
            Action::Branch { cases, otherwise } => self.branch(standing, cases, otherwise.as_ref()),
            Action::Split { arms } => self.split(standing, arms),
            Action::Alert { message } => {
                self.record(Event::MomentRaised { touch: enrolment.touch(), message: message.clone() });
                self.alert(Trigger::Moment, Audience::Owner, Some(enrolment.touch()));
                self.jump(standing, None);
            }
            Action::Set { topic, add, remove } => {
                let lead = self.lead.clone();
                self.record(Event::Labelled { topic: topic.clone(), add: add.clone(), remove: remove.clone() });
                let before =
                    lead.as_ref().map(|lead| Facts { lead, profile: self.profile, now: self.now, since: None });
                if !self.claim(before.as_ref()) {
                    self.jump(standing, None);
                }
            }
            Action::Emit { event } => {
                self.record(Event::Emitted { touch: enrolment.touch(), event: event.clone() });
                self.jump(standing, None);
            }
            Action::Goal { then } => self.exit(ProgramExit::GoalMet, Some(then.as_ref().unwrap_or(&program.then))),
            Action::Exit { then } => self.exit(ProgramExit::Completed, Some(then.as_ref().unwrap_or(&program.then))),
            Action::Goto { to } => self.jump(standing, Some(to)),
        }
        Due::Settled
    }

    /// Whether what was waited for has come, now that the wait is over.
    fn has_come(&self, event: &Awaited, timeout: Delay, enrolment: &Enrolment) -> bool {
        let clock = self.local();
        match event {
            // A signal that comes moves the lead at once: who is still here waited in vain.
            Awaited::Signals(_) => false,
            Awaited::Holds(condition) => self.holds(condition),
            Awaited::Moment(moment @ Moment::Date { if_missing, .. }) => match self.date_of(moment) {
                Some(_) => self.moment(moment, &clock).is_none_or(|at| at <= self.now),
                None => if_missing.typical() <= timeout.typical(),
            },
            // The wait ends with such a moment, unless its time-out came first.
            Awaited::Moment(moment @ (Moment::Next { .. } | Moment::FirstOfMonth { .. })) => {
                let ends = enrolment.next_touch_at;
                let just_before = ends - SignedDuration::from_secs(1);
                moment.after(just_before, None, &clock.zone, clock.business_days).is_none_or(|at| at <= ends)
            }
        }
    }

    fn branch(&mut self, standing: Standing<'a>, cases: &'a [Case], otherwise: Option<&StepId>) {
        let taken = cases.iter().find(|case| self.holds(&case.when));
        self.jump(standing, taken.map(|case| &case.goto).or(otherwise));
    }

    fn split(&mut self, standing: Standing<'a>, arms: &'a [Arm]) {
        let Some(lead) = &self.lead else { return };
        let total: u32 = arms.iter().map(|arm| arm.weight).sum();
        let mut left = share(&lead.id, &format!("{}/{}", standing.program.name, standing.step.id), total);
        let arm = arms.iter().find(|arm| {
            let is_here = left < arm.weight;
            left = left.saturating_sub(arm.weight);
            is_here
        });
        self.jump(standing, arm.and_then(|arm| arm.goto.as_ref()));
    }

    // --- Signs of the person -----------------------------------------------------------------

    /// What a program makes of signs and answers.
    pub(super) fn hear(&mut self, signals: &BTreeSet<SignalKind>) {
        let Some(enrolment) = self.lead.as_ref().and_then(|lead| lead.enrolment.clone()) else { return };
        let Some(standing) = self.standing(&enrolment) else { return };
        if self.ends(standing.program, &enrolment) {
            return;
        }
        // A mail in flight is settled first: its answer moves the lead on.
        if self.lead.as_ref().is_none_or(|lead| lead.sending.is_some()) || enrolment.attempts > 0 {
            return;
        }
        if let Action::WaitUntil { event, goto, .. } = &standing.step.action {
            let has_come = match event {
                Awaited::Signals(kinds) => !kinds.is_disjoint(signals),
                Awaited::Holds(condition) => self.holds(condition),
                Awaited::Moment(_) => false,
            };
            if has_come {
                self.jump(standing, goto.as_ref());
                return;
            }
        }
        let hurry = standing.program.hurry.as_ref().filter(|hurry| !hurry.signals.is_disjoint(signals));
        self.plan_anew(standing, &enrolment, hurry);
    }

    /// Plans the step again whose date an answer has moved, or that a signal pulls nearer.
    fn plan_anew(&mut self, standing: Standing<'a>, enrolment: &Enrolment, hurry: Option<&Hurry>) {
        let Standing { program, step, .. } = standing;
        if let Timing::At(moment) = &step.timing
            && self.date_of(moment).is_some()
        {
            match self.plan(program, step, self.now) {
                Some(plan) => self.put_at(enrolment, &plan),
                None => self.pass_over(standing),
            }
            return;
        }
        let clock = self.local();
        let wish = match (&step.action, hurry) {
            // Only nearer: how long the wait may last at most was settled when it began.
            (Action::WaitUntil { event: Awaited::Moment(moment), .. }, _) if self.date_of(moment).is_some() => {
                self.moment(moment, &clock)
            }
            (_, Some(hurry)) => Some(clock.after(hurry.to, self.now)),
            (_, None) => None,
        };
        let Some(wish) = wish else { return };
        let plan = self.allowed(program, step, wish.max(self.now));
        if plan.at < enrolment.next_touch_at {
            self.put_at(enrolment, &plan);
        }
    }

    fn put_at(&mut self, enrolment: &Enrolment, plan: &Plan) {
        if plan.at == enrolment.next_touch_at {
            return;
        }
        let Enrolment { step, lap, round, .. } = enrolment.clone();
        self.record(Event::EnrolmentAdvanced { step, due_at: plan.at, lap, round });
        self.note_deferral(plan);
    }

    // --- Versions ----------------------------------------------------------------------------

    /// Moves the lead to another version of its program, at a step that it waits for as long as for the old one.
    pub(super) fn migrate(&mut self, version: &ProgramVersion, step: &StepId) {
        let Some(lead) = &self.lead else { return };
        let Some(enrolment) = &lead.enrolment else { return };
        let there = self.catalog.program_of(&enrolment.program, version);
        let is_there = there.is_some_and(|program| &program.version == version && program.step(step).is_some());
        if !is_there || lead.sending.is_some() || &enrolment.version == version {
            return;
        }
        let lap = enrolment.lap.saturating_add(1);
        let due_at = enrolment.next_touch_at;
        self.record(Event::EnrolmentMigrated { version: version.clone(), step: step.clone(), due_at, lap });
    }

    /// Ends the program, as an operator wishes: what follows it follows.
    pub(super) fn end_program(&mut self) {
        let Some(enrolment) = self.lead.as_ref().and_then(|lead| lead.enrolment.clone()) else { return };
        if self.lead.as_ref().is_some_and(|lead| lead.sending.is_none()) {
            let catalog = self.catalog;
            let program = catalog.program_of(&enrolment.program, &enrolment.version);
            // A program that follows itself would take the lead back.
            let then = program.map(|program| &program.then).filter(|then| **then != enrolment.program);
            self.exit(ProgramExit::Stopped, then);
        }
    }

    // --- Questions ---------------------------------------------------------------------------

    pub(super) fn facts(&self) -> Option<Facts<'_>> {
        let lead = self.lead.as_ref()?;
        let since = lead.enrolment.as_ref().map(|enrolment| enrolment.started_at);
        Some(Facts { lead, profile: self.profile, now: self.now, since })
    }

    fn holds(&self, condition: &Condition) -> bool {
        self.facts().is_some_and(|facts| condition.holds(&facts))
    }
}

/// The calendar of one lead.
struct Local<'a> {
    zone: TimeZone,
    business_days: &'a [jiff::civil::Weekday],
}

impl Local<'_> {
    fn after(&self, delay: Delay, from: Timestamp) -> Timestamp {
        delay.after(from, &self.zone, self.business_days)
    }

    fn date(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }
}

/// A number below `total` that is always the same for a lead and a purpose, and spread evenly over leads.
pub(super) fn share(lead: &LeadId, purpose: &str, total: u32) -> u32 {
    let digest = Sha256::digest(format!("{lead} {purpose}"));
    let number = digest.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    u32::try_from(number % u64::from(total.max(1))).unwrap_or(0)
}
