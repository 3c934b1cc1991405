//! A lead's walk through a program, on a clock that jumps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use perennial_core::catalog::Catalog;
use perennial_core::condition::Facts;
use perennial_core::decide::{Decision, PlannedTouch, SendOutcome, Stimulus, View, decide};
use perennial_core::event::{DeferReason, Event, ProgramExit, SkipReason, apply};
use perennial_core::ids::{ProgramName, StepId, TouchId};
use perennial_core::lead::{Lead, Sending, TaskKind};
use perennial_core::profile::Profile;
use perennial_core::program::{Action, Awaited, Cause, Destination, Program, Step};

use super::mails::{self, MailKey, SentMail};
use super::{ENTRIES_MAX, End, Entry, Outcome, REACH, Sample, SampleSignal, door, words};

/// How many decisions a walk takes at most: far more than [`ENTRIES_MAX`] entries need.
const DECISIONS_MAX: usize = 4_000;

/// How long the worker lives that hands a mail over: nobody looks at the lead meanwhile.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// A walk that has ended.
pub(super) struct Walked {
    pub(super) calendar: Vec<Entry>,
    pub(super) end: End,
    pub(super) reached: BTreeSet<StepId>,
    /// The mails that went out, by step and file; the first of each.
    pub(super) sent: BTreeMap<MailKey, SentMail>,
    /// When each draft was first offered.
    pub(super) drafted: BTreeMap<StepId, Timestamp>,
    pub(super) lead: Lead,
    pub(super) profile: Profile,
    pub(super) zone: TimeZone,
    pub(super) start: Timestamp,
}

/// Walks until the lead leaves the program, or the calendar is full.
pub(super) fn walk(catalog: &Catalog, program: &Program, sample: &Sample, start: Timestamp) -> Walked {
    let with_door = door::open(catalog, program);
    let mut walk = Walk {
        catalog: &with_door,
        program,
        lead: door::lead(catalog, program, sample, start),
        now: start,
        step: None,
        mail: None,
        deferrals: Vec::new(),
        walked: Walked {
            calendar: Vec::new(),
            end: End::GoesOn,
            reached: BTreeSet::new(),
            sent: BTreeMap::new(),
            drafted: BTreeMap::new(),
            lead: door::lead(catalog, program, sample, start),
            profile: door::profile(sample, start),
            zone: sample.zone(catalog),
            start,
        },
    };
    walk.run(&sample.signals);
    walk.walked
}

struct Walk<'a> {
    catalog: &'a Catalog,
    program: &'a Program,
    lead: Lead,
    now: Timestamp,
    /// The step that the lead stands at.
    step: Option<&'a Step>,
    /// The mail in flight.
    mail: Option<SentMail>,
    /// Why the step that the lead stands at has not come yet.
    deferrals: Vec<DeferReason>,
    walked: Walked,
}

impl Walk<'_> {
    fn run(&mut self, signals: &[SampleSignal]) {
        let mut signals = self.dated(signals);
        let mut wake_at = Some(self.now);
        for _ in 0..DECISIONS_MAX {
            let Some(due) = wake_at else { return };
            let sign = signals.pop_if(|(at, _)| *at <= due.max(self.now) && self.step.is_some());
            self.now = sign.as_ref().map_or(due, |(at, _)| *at).max(self.now);
            if self.now > self.walked.start + REACH {
                return;
            }
            wake_at = match sign {
                Some((_, sign)) => self.sign(&sign),
                None => self.respond(&Stimulus::Due),
            };
            if self.has_left() || self.walked.calendar.len() >= ENTRIES_MAX {
                return;
            }
        }
    }

    /// The signs of the sample with their times, the last first.
    fn dated(&self, signals: &[SampleSignal]) -> Vec<(Timestamp, SampleSignal)> {
        let days = self.catalog.window.days();
        let time = |signal: &SampleSignal| signal.after.after(self.now, &self.walked.zone, days);
        let mut dated: Vec<_> = signals.iter().map(|signal| (time(signal), signal.clone())).collect();
        dated.sort_by_key(|(at, _)| *at);
        dated.reverse();
        dated
    }

    fn has_left(&self) -> bool {
        match &self.walked.end {
            End::Left { .. } => true,
            End::GoesOn => false,
        }
    }

    fn sign(&mut self, sign: &SampleSignal) -> Option<Timestamp> {
        let about = sign.topic.as_ref().map(|topic| format!(", about {topic}")).unwrap_or_default();
        let text = format!("the person: {}{about}", sign.kind.as_str());
        self.enter("sign", None, Outcome::Quiet, text);
        self.respond(&Stimulus::Signalled { kind: sign.kind, topic: sign.topic.clone() })
    }

    /// Lets the core decide, and goes on as it says. When to ask again.
    fn respond(&mut self, stimulus: &Stimulus) -> Option<Timestamp> {
        let decision = self.decide(stimulus);
        for event in &decision.events {
            self.see(stimulus, event);
        }
        if let Some(lead) = decision.lead {
            // What is tried is the program: nobody looks whether its lead is ready for sales.
            self.lead = Lead { evaluate_by: None, ..lead };
        }
        match decision.send {
            Some(planned) if !self.has_left() => self.send(planned),
            Some(_) | None => self.decide(&Stimulus::Due).wake_at,
        }
    }

    fn decide(&self, stimulus: &Stimulus) -> Decision {
        let profile = Some(&self.walked.profile);
        let view = View { lead: Some(&self.lead), profile, catalog: self.catalog, loads: None };
        decide(&view, stimulus, self.now)
    }

    /// Hands a mail over, as a worker does, to somebody who takes every mail.
    fn send(&mut self, planned: PlannedTouch) -> Option<Timestamp> {
        let (touch, attempt) = (planned.touch.clone(), planned.attempt);
        let mail = mails::write(self.catalog, &self.lead, &self.walked.profile, planned, self.now);
        if mail.letter.is_err() {
            self.mail = Some(mail);
            return self.respond(&Stimulus::Unwritable { touch });
        }
        self.mail = Some(mail);
        self.lead.sending = Some(Sending { touch: touch.clone(), attempt, lease_until: self.now + LEASE });
        let outcome = SendOutcome::Accepted { message_id: "preview".to_owned() };
        self.respond(&Stimulus::SendEnded { touch, attempt, outcome })
    }

    // --- What is worth a line ----------------------------------------------------------------

    fn see(&mut self, stimulus: &Stimulus, event: &Event) {
        let after = apply(Some(self.lead.clone()), event, self.now);
        match event {
            Event::EnrolmentStarted { ordinal, program, step, .. } => self.started(*ordinal, program, step),
            Event::EnrolmentAdvanced { step, .. } => self.advanced(stimulus, step),
            Event::EnrolmentExited { ordinal, exit, .. } if *ordinal == door::ORDINAL => self.left(*exit),
            Event::TouchDeferred { reason, .. } => self.deferrals.push(*reason),
            Event::TouchSent { .. } => self.sent(),
            Event::TouchFailed { .. } => self.failed(),
            Event::TouchSkipped { touch, reason } => self.skipped(touch, *reason),
            Event::TaskCreated { kind, due_at, .. } => self.task(*kind, *due_at),
            Event::MomentRaised { message, .. } => self.happened(Outcome::Touch, format!("for the owner: {message}")),
            Event::Labelled { .. } => self.labelled(),
            Event::Emitted { event, .. } => self.happened(Outcome::Quiet, format!("{event} goes on the bus")),
            Event::Received { .. }
            | Event::Admitted
            | Event::Quarantined { .. }
            | Event::Released
            | Event::Purged
            | Event::Reopened
            | Event::SubmissionMerged { .. }
            | Event::Assigned { .. }
            | Event::EnrolmentMigrated { .. }
            | Event::Directed { .. }
            | Event::EnrolmentExited { .. }
            | Event::Signalled { .. }
            | Event::Scored { .. }
            | Event::LinkFollowed { .. }
            | Event::FollowersJudged { .. }
            | Event::FollowersRelabelled { .. }
            | Event::Answered { .. }
            | Event::TouchUnknown { .. }
            | Event::TouchReview { .. }
            | Event::TouchDropped { .. }
            | Event::TaskOverdue { .. }
            | Event::TouchBounced { .. }
            | Event::AddressSuppressed { .. }
            | Event::AddressListed { .. }
            | Event::ReplyReceived { .. }
            | Event::EnrolmentPaused { .. }
            | Event::EnrolmentResumed { .. }
            | Event::ConsentChanged { .. }
            | Event::OptInAsked { .. }
            | Event::PreferencesChanged { .. }
            | Event::Erased
            | Event::AddressRested
            | Event::Disqualified { .. }
            | Event::Reviewed { .. }
            | Event::EvaluationDue { .. }
            | Event::Evaluated { .. }
            | Event::Qualified { .. }
            | Event::Requalified { .. }
            | Event::SlaStarted { .. }
            | Event::SlaWarned { .. }
            | Event::SlaBreached { .. }
            | Event::Disposed { .. }
            | Event::StatusTold { .. }
            | Event::BroadcastQueued { .. }
            | Event::Accepted { .. }
            | Event::OpportunityOpened { .. }
            | Event::Won { .. }
            | Event::Lost { .. }
            | Event::TurnedBack { .. }
            | Event::Recycled
            | Event::IsCustomer
            | Event::Resubmitted { .. }
            | Event::TurnbackMoved { .. }
            | Event::HorizonReached
            | Event::Alerted { .. }
            | Event::TaskDone { .. }
            | Event::Noted { .. }
            | Event::Doubted { .. }
            | Event::PhoneChanged { .. } => {}
        }
        if let Some(after) = after {
            self.lead = after;
        }
    }

    fn started(&mut self, ordinal: u32, program: &ProgramName, step: &StepId) {
        if ordinal == door::ORDINAL {
            self.stand_at(step);
            return;
        }
        // Whatever begins next is what follows.
        if let End::Left { then: then @ None, .. } = &mut self.walked.end {
            *then = Some(program.clone());
        }
    }

    fn stand_at(&mut self, step: &StepId) {
        self.step = self.program.step(step);
        self.deferrals.clear();
        self.walked.reached.insert(step.clone());
    }

    fn advanced(&mut self, stimulus: &Stimulus, to: &StepId) {
        // Planned anew, at the same step, is no way that was taken.
        let was = self.step.filter(|was| &was.id != to || !matches!(stimulus, Stimulus::Signalled { .. }));
        if let Some(why) = was.and_then(|step| self.why(stimulus, step, to)) {
            self.happened(Outcome::Quiet, format!("{why} → {to}"));
        }
        if self.step.is_none_or(|step| &step.id != to) || was.is_some() {
            self.stand_at(to);
        }
    }

    /// Why a step is left for another, where that is not plain.
    fn why(&self, stimulus: &Stimulus, step: &Step, to: &StepId) -> Option<String> {
        let at = self.program.position(&step.id)?;
        let place = self.program.position(to);
        let leads_there = |to: Destination<'_>| match to {
            Destination::Step(step) => Some(step) == place,
            Destination::Program(_) => false,
        };
        let mut ways = self.program.ways(at).into_iter().filter(|way| leads_there(way.to)).map(|way| way.cause);
        match &step.action {
            Action::WaitUntil { event, .. } => Some(self.waited(stimulus, event, ways.next())),
            Action::Branch { .. } | Action::Split { .. } => {
                let why = ways.find(|cause| self.is_so(cause))?;
                Some(cause(&why))
            }
            Action::Email { .. }
            | Action::Ask { .. }
            | Action::Call { .. }
            | Action::PersonalMail { .. }
            | Action::Wait
            | Action::Alert { .. }
            | Action::Set { .. }
            | Action::Emit { .. }
            | Action::Recur { .. }
            | Action::Goal { .. }
            | Action::Exit { .. }
            | Action::Goto { .. } => None,
        }
    }

    fn is_so(&self, cause: &Cause<'_>) -> bool {
        let since = self.lead.enrolment.as_ref().map(|enrolment| enrolment.started_at);
        let facts = Facts { lead: &self.lead, profile: Some(&self.walked.profile), now: self.now, since };
        match cause {
            Cause::Case(when) => when.holds(&facts),
            Cause::Done | Cause::Happened | Cause::TimedOut | Cause::Otherwise | Cause::Arm(_) => true,
        }
    }

    fn waited(&self, stimulus: &Stimulus, event: &Awaited, way: Option<Cause<'_>>) -> String {
        let by_a_sign = matches!(stimulus, Stimulus::Signalled { .. });
        let has_come = match event {
            Awaited::Signals(_) => by_a_sign,
            Awaited::Holds(condition) => self.is_so(&Cause::Case(condition)),
            Awaited::Moment(_) => matches!(way, Some(Cause::Happened)),
        };
        let event = words::awaited_briefly(event);
        if has_come { event } else { format!("timed out: {event}") }
    }

    fn left(&mut self, exit: ProgramExit) {
        let step = self.step;
        let is_last_word = step.is_some_and(|step| matches!(step.action, Action::Goal { .. } | Action::Exit { .. }));
        if is_last_word {
            self.happened(Outcome::Quiet, "the program ends here".to_owned());
        } else if exit != ProgramExit::Completed
            && let Some(step) = step.filter(|step| !self.has_entry(&step.id))
        {
            // It was waited for, and never came.
            self.walked.reached.remove(&step.id);
        }
        let at = self.local(self.now);
        let day = self.day(&at);
        self.walked.end = End::Left { at, day, exit, text: words::exit(exit), then: None };
    }

    fn has_entry(&self, step: &StepId) -> bool {
        self.walked.calendar.iter().any(|entry| entry.step.as_ref() == Some(step))
    }

    fn sent(&mut self) {
        let Some(mail) = self.mail.take() else { return };
        let Ok(letter) = &mail.letter else { return };
        let asks = if mail.planned.asked.is_empty() {
            String::new()
        } else {
            let asked: Vec<&str> = mail.planned.asked.iter().map(perennial_core::ids::FieldName::as_str).collect();
            format!(", asks {}", asked.join(", "))
        };
        let text = format!("“{}”{asks}", letter.subject);
        self.happened(Outcome::Touch, text);
        if let Some(entry) = self.walked.calendar.last_mut() {
            entry.template = Some(mail.planned.mail.template.clone());
        }
        self.walked.sent.entry(mail.key()).or_insert(mail);
    }

    fn failed(&mut self) {
        let mail = self.mail.take();
        let why = mail.and_then(|mail| mail.letter.err()).unwrap_or_default();
        self.happened(Outcome::Failed, format!("cannot be written: {why}"));
    }

    fn skipped(&mut self, touch: &TouchId, reason: SkipReason) {
        let holds = |step: &Step| {
            let programs = self.program.skip_if.as_ref().filter(|_| step.action.is_touch());
            let mut conditions = [step.skip_if.as_ref(), programs].into_iter().flatten();
            conditions.find(|condition| self.is_so(&Cause::Case(condition))).map(ToString::to_string)
        };
        let step = self.step.filter(|step| step.id == touch.step);
        let condition = step.filter(|_| reason == SkipReason::Condition).and_then(holds);
        self.happened(Outcome::Skipped, condition.unwrap_or_else(|| words::skipped(reason).to_owned()));
    }

    fn task(&mut self, kind: TaskKind, due_at: Timestamp) {
        let due = self.local(due_at).strftime("%a %-d %b, %H:%M").to_string();
        let who = &self.catalog.queue_sender(&self.catalog.default_queue).name;
        // What was passed over a moment ago for somebody to do it instead.
        let (now, step) = (self.now, self.step.map(|step| &step.id));
        let stood_in_for = self.walked.calendar.pop_if(|last| {
            last.outcome == Outcome::Skipped && last.at.timestamp() == now && last.step.as_ref() == step
        });
        let instead = stood_in_for.map(|skipped| format!("; no mail: {}", skipped.text)).unwrap_or_default();
        self.happened(Outcome::Touch, format!("{who} {} by {due}{instead}", words::task(kind)));
        let Some(step) = self.step else { return };
        if let Action::PersonalMail { draft, .. } = &step.action {
            if let Some(entry) = self.walked.calendar.last_mut() {
                entry.template = Some(draft.clone());
            }
            self.walked.drafted.entry(step.id.clone()).or_insert(self.now);
        }
    }

    fn labelled(&mut self) {
        let text = self.step.and_then(|step| words::noted(&step.action)).unwrap_or_default();
        self.happened(Outcome::Quiet, text);
    }

    /// A line about the step that the lead stands at.
    fn happened(&mut self, outcome: Outcome, text: String) {
        let kind = self.step.map_or("step", |step| words::kind(&step.action));
        let id = self.step.map(|step| step.id.clone());
        self.enter(kind, id, outcome, text);
        let mut waited: Vec<&'static str> = self.deferrals.drain(..).map(words::deferred).collect();
        waited.dedup();
        if let Some(entry) = self.walked.calendar.last_mut() {
            entry.waited = waited;
        }
    }

    fn enter(&mut self, kind: &'static str, step: Option<StepId>, outcome: Outcome, text: String) {
        let at = self.local(self.now);
        let day = self.day(&at);
        self.walked.calendar.push(Entry { at, day, step, kind, outcome, text, template: None, waited: Vec::new() });
    }

    fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.walked.zone.clone())
    }

    fn day(&self, at: &Zoned) -> i32 {
        let first = self.local(self.walked.start).date();
        at.date().since(first).map_or(0, |span| span.get_days())
    }
}

fn cause(cause: &Cause<'_>) -> String {
    match cause {
        Cause::Case(when) => when.to_string(),
        Cause::Otherwise => "otherwise".to_owned(),
        Cause::Arm(arm) => format!("arm {}", arm.name),
        Cause::Done => "done".to_owned(),
        Cause::Happened => "it has come".to_owned(),
        Cause::TimedOut => "timed out".to_owned(),
    }
}
