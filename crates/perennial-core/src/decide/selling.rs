//! What sales does with a lead: it takes it on, wins it, or gives it back with a reason.
//!
//! **Invariants:** a lead that goes back has a reason and a program (I4, I5); an outcome that is ahead of the lead's stage
//! takes it there through every stage between, in one commit; what is refused changes nothing, and says why.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::ladder::{REPAIR, REPAIR_DUE};
use super::{Draft, View};
use crate::catalog::Catalog;
use crate::condition::{Facts, SignalKind};
use crate::event::{DisqualifyReason, Event, ProgramExit};
use crate::ids::{RepName, RouteName};
use crate::lead::{
    EmailReach, Lead, LifecycleStage, Ownership, PULSE_AHEAD_MAX, PauseCause, PhoneReach, Reach, StageKind, TaskKind,
};
use crate::policy::{TurnbackPolicy, TurnbackReason};
use crate::profile::{Note, Profile};
use crate::roster::Loads;
use crate::sales::{Audience, Origin, Outcome, Party, QualifyCause, Refusal, Trigger, TurnbackRequest, sales_touch};
use crate::timing::{DATE_TIME, Delay};

/// How far ahead a day to come back may lie.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(3 * 365 * 24);

/// How far ahead a call or a meeting may be agreed on: the clock of the lead's stage begins with it (I3). Whatever is
/// later is a day to come back on, and the lead is better off in nurture until then.
const AGREED_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long programs stand still for a meeting whose time nobody told.
const MEETING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Reasons that only the suite gives.
const OF_THE_SUITE: [TurnbackReason; 2] = [TurnbackReason::SlaExpired, TurnbackReason::RepLeft];

/// Why an outcome would not be taken, if it would not. A page and an API ask this first.
pub fn refusal(view: &View<'_>, by: &Party, outcome: &Outcome, now: Timestamp) -> Option<Refusal> {
    let Some(lead) = view.lead else { return Some(Refusal::NotWorked) };
    let is_worked = match lead.stage {
        LifecycleStage::Inquiry
        | LifecycleStage::Mql
        | LifecycleStage::Sal
        | LifecycleStage::Sql
        | LifecycleStage::Customer
        | LifecycleStage::Recycled
        | LifecycleStage::Disqualified => true,
        LifecycleStage::Received
        | LifecycleStage::Quarantined
        | LifecycleStage::JunkPurged
        | LifecycleStage::Erased => false,
    };
    // Nor does whoever has left work any.
    let has_left = by.rep().is_some_and(|rep| !view.catalog.roster.is_empty() && !view.catalog.roster.owns(rep));
    if !is_worked || has_left {
        return Some(Refusal::NotWorked);
    }
    let ahead = |at: Timestamp| {
        if at < now {
            Some(Refusal::DatePassed)
        } else if at > now + AHEAD_MAX {
            Some(Refusal::TooFar)
        } else {
            None
        }
    };
    // A CRM's word is not refused for being less than what is known: see `is_so`.
    let is_no_lead = lead.stage == LifecycleStage::Disqualified && *by != Party::Crm;
    match outcome {
        Outcome::CallBack { due_at: at } | Outcome::MeetingBooked { meet_at: Some(at) }
            if *at > now + AGREED_AHEAD_MAX =>
        {
            Some(Refusal::TooFar)
        }
        // So long programs would stand still.
        Outcome::Held { until } if *until > now + PULSE_AHEAD_MAX => Some(Refusal::TooFar),
        Outcome::CallBack { due_at } => ahead(*due_at),
        Outcome::MeetingBooked { meet_at } => meet_at.and_then(ahead),
        Outcome::Held { until } => ahead(*until),
        Outcome::Revisit { on } => start_of(view.catalog, *on).and_then(ahead),
        Outcome::TurnedBack(_) | Outcome::Lost if is_no_lead => Some(Refusal::NotWorked),
        Outcome::TurnedBack(request) => turnback_refusal(view, lead, by, request, ahead),
        Outcome::Lost if lead.stage == LifecycleStage::Customer => Some(Refusal::NoDeal),
        Outcome::Lost if lead.stage == LifecycleStage::Recycled && *by != Party::Crm => Some(Refusal::NoDeal),
        Outcome::Disqualified { .. } if lead.stage == LifecycleStage::Customer => Some(Refusal::IsCustomer),
        Outcome::Untouched
        | Outcome::Accepted
        | Outcome::Attempted { .. }
        | Outcome::Connected
        | Outcome::WrongPerson
        | Outcome::BadNumber
        | Outcome::DoNotCall
        | Outcome::Done
        | Outcome::Qualified
        | Outcome::Disqualified { .. }
        | Outcome::ExistingCustomer
        | Outcome::Won
        | Outcome::Lost
        | Outcome::Resumed
        | Outcome::Unhelpful { .. } => None,
    }
}

fn turnback_refusal(
    view: &View<'_>,
    lead: &Lead,
    by: &Party,
    request: &TurnbackRequest,
    ahead: impl Fn(Timestamp) -> Option<Refusal>,
) -> Option<Refusal> {
    let reason = request.reason;
    let policy = view.catalog.turnbacks.policy(reason);
    let needed = policy.map_or(0, |policy| policy.attempts_min);
    let made = lead.cycle.attempts;
    if lead.stage == LifecycleStage::Customer {
        Some(Refusal::IsCustomer)
    } else if OF_THE_SUITE.contains(&reason) && *by != Party::Suite {
        Some(Refusal::NotARepsReason(reason.as_str()))
    } else if by.sells() && made < needed {
        // A CRM counts its own attempts.
        Some(Refusal::TooFewAttempts { made, needed })
    } else if reason == TurnbackReason::BadAnswers && request.fields.is_empty() {
        Some(Refusal::NoFields)
    } else {
        let refusal = request.date.and_then(|date| start_of(view.catalog, date)).and_then(ahead);
        // What a CRM tells may be old: the day to come back on is there, and sales need not wait for it.
        refusal.filter(|refusal| *by != Party::Crm || *refusal != Refusal::DatePassed)
    }
}

/// Whether something later is known of the lead than an outcome that is told late (I10).
///
/// What sales did before the lead came (back) to it decides nothing: sales was asked anew since.
pub fn is_overtaken(lead: Option<&Lead>, outcome: &Outcome, happened_at: Option<Timestamp>) -> bool {
    let (Some(lead), Some(happened_at)) = (lead, happened_at) else { return false };
    let is_before = |at: Option<Timestamp>| at.is_some_and(|at| happened_at < at);
    let is_back = matches!(outcome, Outcome::TurnedBack(_) | Outcome::Disqualified { .. } | Outcome::Lost);
    let cycle = &lead.cycle;
    if matches!(outcome, Outcome::Won | Outcome::ExistingCustomer) {
        // Whoever bought has bought, whatever was said of them since; and what a customer is offered now is another deal.
        return cycle.origin == Origin::Customer && is_before(Some(cycle.opened_at));
    }
    is_before(lead.disposed_at)
        || is_before((cycle.number > 1).then_some(cycle.opened_at))
        || (is_back && is_before(cycle.qualified.map(|qualified| qualified.at)))
}

/// The end of a day in the deployment's zone: a date of today is not over.
fn start_of(catalog: &Catalog, date: Date) -> Option<Timestamp> {
    let end = date.tomorrow().ok()?.to_zoned(catalog.default_zone.clone()).ok()?;
    Some(end.timestamp())
}

/// The day that a reason is about, as far as it is known and not over.
fn day_of(catalog: &Catalog, policy: &TurnbackPolicy, profile: Option<&Profile>, now: Timestamp) -> Option<Date> {
    let told = profile?.fields.get(policy.date.as_ref()?)?;
    let day = told.trim().parse().ok()?;
    start_of(catalog, day).is_some_and(|end| end > now).then_some(day)
}

/// What an outcome tells of the person: dates to come back on, answers that do not hold, and what was noted.
pub(super) fn told(
    view: &View<'_>,
    known: &Profile,
    outcome: &Outcome,
    note: Option<&Note>,
    now: Timestamp,
) -> Option<Profile> {
    let mut profile = note.map_or_else(|| known.clone(), |note| known.noted(note));
    let mut date = |reason: TurnbackReason, date: Option<Date>| {
        let Some(policy) = view.catalog.turnbacks.policy(reason) else { return };
        let Some(field) = policy.date.clone() else { return };
        // What is over no program waits for.
        let is_ahead = |date: &Date| start_of(view.catalog, *date).is_some_and(|end| end > now);
        if let Some(date) = date.filter(is_ahead) {
            profile.fields.insert(field.clone(), date.to_string());
            profile.answers_at.insert(field, now);
        } else if day_of(view.catalog, policy, Some(known), now).is_none() {
            // The day of an earlier turnback: programs that wait for one would pass over all that they have.
            profile.fields.remove(&field);
            profile.answers_at.remove(&field);
        }
    };
    match outcome {
        Outcome::TurnedBack(request) => {
            date(request.reason, request.date);
            profile.doubted.extend(request.fields.iter().filter(|field| known.fields.contains_key(field)).cloned());
        }
        Outcome::Lost => date(TurnbackReason::ClosedLost, None),
        Outcome::Revisit { on } => {
            let reason = view.lead.and_then(|lead| lead.turnback.as_ref()).map(|turnback| turnback.reason);
            let has_date = |reason: &TurnbackReason| {
                view.catalog.turnbacks.policy(*reason).is_some_and(|policy| policy.date.is_some())
            };
            date(reason.filter(has_date).unwrap_or(TurnbackReason::Timing), Some(*on));
        }
        Outcome::Untouched
        | Outcome::Accepted
        | Outcome::Attempted { .. }
        | Outcome::Connected
        | Outcome::CallBack { .. }
        | Outcome::MeetingBooked { .. }
        | Outcome::WrongPerson
        | Outcome::BadNumber
        | Outcome::DoNotCall
        | Outcome::Done
        | Outcome::Qualified
        | Outcome::Disqualified { .. }
        | Outcome::ExistingCustomer
        | Outcome::Won
        | Outcome::Held { .. }
        | Outcome::Resumed
        | Outcome::Unhelpful { .. } => {}
    }
    (profile != *known).then_some(profile)
}

/// Whether a lead is where an outcome takes it, or beyond. A customer whom sales takes on again is in a new cycle; one
/// who is told to have bought is where they are.
fn is_there(stage: LifecycleStage, target: LifecycleStage) -> bool {
    stage == target || (stage == LifecycleStage::Sql && target == LifecycleStage::Sal)
}

/// Whether the lead is a customer whom sales has for something more.
fn has_bought(lead: &Lead) -> bool {
    lead.cycle.origin == Origin::Customer && lead.cycle.closed_at.is_none()
}

impl Draft<'_> {
    // --- What sales tells --------------------------------------------------------------------

    pub(super) fn dispose(
        &mut self,
        by: &Party,
        outcome: &Outcome,
        note: Option<&Note>,
        happened_at: Option<Timestamp>,
        is_status: bool,
        before: Option<&Facts<'_>>,
    ) {
        let view = View { lead: self.lead.as_ref(), profile: self.profile, catalog: self.catalog, loads: self.loads };
        if refusal(&view, by, outcome, self.now).is_some() || is_overtaken(view.lead, outcome, happened_at) {
            return;
        }
        let is_so = *by == Party::Crm && self.is_so(outcome, is_status, before);
        if is_status && self.is_another_status(outcome) {
            self.record(Event::StatusTold { status: outcome.clone() });
        }
        if is_so {
            if note.is_some() {
                self.record(Event::Noted { by: by.clone() });
            }
            return;
        }
        self.record(Event::Disposed { by: by.clone(), outcome: outcome.clone(), happened_at });
        if note.is_some() {
            self.record(Event::Noted { by: by.clone() });
        }
        match outcome {
            Outcome::Accepted => self.take_to(LifecycleStage::Sal, by, before),
            Outcome::Attempted { .. } | Outcome::Done => self.end_task(outcome.name()),
            Outcome::Connected => {
                self.end_task(outcome.name());
                // CRMs know no other word for it: whoever has spoken with the person has taken the lead on.
                if *by == Party::Crm && !self.is_in(LifecycleStage::Customer) {
                    self.take_to(LifecycleStage::Sal, by, before);
                }
                self.signalled(SignalKind::Connected, None, before);
            }
            Outcome::CallBack { due_at } => self.agreed_call(*due_at),
            Outcome::MeetingBooked { meet_at } => {
                self.end_task(outcome.name());
                self.take_to(LifecycleStage::Sal, by, before);
                self.signalled(SignalKind::MeetingBooked, None, before);
                self.pause(PauseCause::MeetingBooked, meet_at.unwrap_or(self.now + MEETING));
            }
            Outcome::WrongPerson => {
                self.end_task(outcome.name());
                if self.is_in(LifecycleStage::Customer) || self.is_in(LifecycleStage::Disqualified) {
                    // Whoever answers there, they have bought, or are no lead.
                    self.phone_is(PhoneReach::Bad);
                } else {
                    self.turn_back(&TurnbackRequest::new(TurnbackReason::WrongContact), by);
                }
            }
            Outcome::BadNumber => {
                self.end_task(outcome.name());
                self.phone_is(PhoneReach::Bad);
            }
            Outcome::DoNotCall => {
                self.end_task(outcome.name());
                self.phone_is(PhoneReach::DoNotCall);
            }
            Outcome::Qualified => self.take_to(LifecycleStage::Sql, by, before),
            Outcome::TurnedBack(request) => {
                self.end_task(outcome.name());
                self.turn_back(request, by);
            }
            Outcome::Disqualified { reason } => {
                self.end_task(outcome.name());
                self.disqualify(*reason, by);
            }
            Outcome::ExistingCustomer => self.is_customer(before),
            Outcome::Won => self.take_to(LifecycleStage::Customer, by, before),
            Outcome::Lost => {
                self.end_task(outcome.name());
                let open = [LifecycleStage::Inquiry, LifecycleStage::Mql, LifecycleStage::Sal];
                if open.iter().any(|stage| self.is_in(*stage)) {
                    // Whatever is lost was a deal.
                    self.take_over(by);
                    self.rise_to(LifecycleStage::Sql, by);
                }
                self.record(Event::Lost { by: by.clone() });
                self.turn_back(&TurnbackRequest::new(TurnbackReason::ClosedLost), by);
            }
            Outcome::Held { until } => self.pause(PauseCause::RepHold, *until),
            Outcome::Resumed => self.resume(),
            Outcome::Revisit { .. } => self.hear(&BTreeSet::new()),
            Outcome::Untouched | Outcome::Unhelpful { .. } => {}
        }
        self.keep_alive();
    }

    /// Whether a CRM's status is another than the one that it told last. One that nobody ever touched is none.
    fn is_another_status(&self, status: &Outcome) -> bool {
        let last = self.lead.as_ref().and_then(|lead| lead.crm_status.as_ref());
        last != Some(status) && (last.is_some() || *status != Outcome::Untouched)
    }

    /// Whether the lead is where an outcome leads. A CRM tells a status again whenever anything else of its record changes;
    /// and it has few words, so what somebody who sells said here is not replaced by one that says less.
    fn is_so(&self, outcome: &Outcome, is_status: bool, before: Option<&Facts<'_>>) -> bool {
        let Some(lead) = &self.lead else { return false };
        if is_status && !self.is_another_status(outcome) {
            return true;
        }
        let turnback = lead.turnback.as_ref().filter(|_| lead.stage == LifecycleStage::Recycled);
        let is_back = |reason: TurnbackReason| turnback.is_some_and(|it| it.reason == reason);
        let is_told = lead.stage == LifecycleStage::Disqualified || turnback.is_some_and(|it| it.by_seller);
        match outcome {
            Outcome::TurnedBack(_) | Outcome::Lost if lead.stage == LifecycleStage::Disqualified => true,
            Outcome::TurnedBack(request) if is_told && request.date.is_none() && request.fields.is_empty() => true,
            Outcome::TurnedBack(request) if request.reason == TurnbackReason::Other && turnback.is_some() => true,
            Outcome::TurnedBack(request) => {
                let known = before.and_then(|before| before.profile);
                let view = View { lead: Some(lead), profile: known, catalog: self.catalog, loads: self.loads };
                let is_known = known.is_none_or(|known| told(&view, known, outcome, None, self.now).is_none());
                is_back(request.reason) && is_known
            }
            Outcome::Lost => is_told || is_back(TurnbackReason::ClosedLost),
            Outcome::Disqualified { .. } => lead.stage == LifecycleStage::Disqualified,
            Outcome::ExistingCustomer | Outcome::Won => lead.stage == LifecycleStage::Customer,
            // The deal that made a customer of them, most likely.
            Outcome::Accepted | Outcome::Qualified if lead.stage == LifecycleStage::Customer => true,
            Outcome::Accepted => is_there(lead.stage, LifecycleStage::Sal),
            Outcome::Qualified => is_there(lead.stage, LifecycleStage::Sql),
            // Nobody has done anything.
            Outcome::Untouched => true,
            Outcome::Attempted { .. }
            | Outcome::Connected
            | Outcome::CallBack { .. }
            | Outcome::MeetingBooked { .. }
            | Outcome::WrongPerson
            | Outcome::BadNumber
            | Outcome::DoNotCall
            | Outcome::Done
            | Outcome::Held { .. }
            | Outcome::Resumed
            | Outcome::Revisit { .. }
            | Outcome::Unhelpful { .. } => false,
        }
    }

    pub(super) fn noted(&mut self, by: &Party) {
        if self.lead.as_ref().is_some_and(|lead| lead.stage.kind() != StageKind::Terminal) {
            self.record(Event::Noted { by: by.clone() });
            self.keep_alive();
        }
    }

    fn resume(&mut self) {
        let enrolment = self.lead.as_ref().and_then(|lead| lead.enrolment.clone());
        if let Some(enrolment) = enrolment.filter(|enrolment| enrolment.paused.is_some()) {
            let due_at = enrolment.next_touch_at.max(self.now);
            self.record(Event::EnrolmentResumed { ordinal: enrolment.ordinal, due_at });
        }
    }

    fn phone_is(&mut self, phone: PhoneReach) {
        let is_news = self.lead.as_ref().is_some_and(|lead| lead.phone != phone && lead.phone != PhoneReach::DoNotCall);
        if is_news {
            self.record(Event::PhoneChanged { phone });
            self.listen_if_unreachable();
        }
    }

    // --- Forwards ----------------------------------------------------------------------------

    /// Takes the lead to a stage, and into the program that is for it. Its clock starts when the outcome is told whole.
    fn take_to(&mut self, target: LifecycleStage, by: &Party, before: Option<&Facts<'_>>) {
        self.take_over(by);
        self.rise_to(target, by);
        self.be_nurtured(before);
    }

    /// Lets the lead rise to a stage, through every stage between. One that is there, or beyond, stays.
    fn rise_to(&mut self, target: LifecycleStage, by: &Party) {
        // At most the four stages between a listening lead and a customer.
        for _ in 0..5 {
            let Some(stage) = self.lead.as_ref().map(|lead| lead.stage) else { return };
            if is_there(stage, target) {
                return;
            }
            match stage {
                LifecycleStage::Disqualified => self.record(Event::Reopened),
                LifecycleStage::Inquiry | LifecycleStage::Recycled | LifecycleStage::Customer => {
                    self.qualify(QualifyCause::RepManual, false);
                }
                LifecycleStage::Mql => self.record(Event::Accepted { by: by.clone() }),
                LifecycleStage::Sal => self.record(Event::OpportunityOpened { by: by.clone() }),
                LifecycleStage::Sql => {
                    self.end_task("superseded");
                    self.record(Event::Won { by: by.clone() });
                }
                LifecycleStage::Received
                | LifecycleStage::Quarantined
                | LifecycleStage::JunkPurged
                | LifecycleStage::Erased => return,
            }
        }
    }

    fn is_in(&self, stage: LifecycleStage) -> bool {
        self.lead.as_ref().is_some_and(|lead| lead.stage == stage)
    }

    /// Whoever has come to another stage is in the program that claims it, or that the one they are in leads to; and
    /// always in one. That nobody may write or call is no reason to let go of whoever sales has.
    fn be_nurtured(&mut self, before: Option<&Facts<'_>>) {
        if self.lead.as_ref().is_some_and(|lead| lead.enrolment.is_none()) {
            let last_resort = self.catalog.programs.get(&self.catalog.last_resort);
            self.enrol(self.claimant(None).or(last_resort), None);
        } else if !self.claim(before) {
            self.hear(&BTreeSet::new());
        }
    }

    /// A rep who acts on a lead that no rep has, has it.
    fn take_over(&mut self, by: &Party) {
        let Some(rep) = by.rep() else { return };
        let is_free = self.lead.as_ref().is_some_and(|lead| lead.rep().is_none());
        if is_free && self.catalog.roster.owns(rep) {
            self.record(Event::Assigned { owner: Ownership::Assigned { rep: rep.clone() } });
        }
    }

    /// The lead is sales' from now on: in its first cycle, or in the next.
    fn qualify(&mut self, cause: QualifyCause, by_score: bool) {
        let Some(lead) = &self.lead else { return };
        let cycle = lead.cycle.number;
        let origin = match (lead.stage, &lead.turnback) {
            (LifecycleStage::Customer, _) => Some(Origin::Customer),
            (LifecycleStage::Recycled, Some(turnback)) => Some(Origin::Recycled { after: turnback.reason }),
            (LifecycleStage::Recycled, None) => Some(Origin::New),
            (
                LifecycleStage::Received
                | LifecycleStage::Quarantined
                | LifecycleStage::Inquiry
                | LifecycleStage::Mql
                | LifecycleStage::Sal
                | LifecycleStage::Sql
                | LifecycleStage::Disqualified
                | LifecycleStage::JunkPurged
                | LifecycleStage::Erased,
                _,
            ) => None,
        };
        self.record(match origin {
            Some(origin) => Event::Requalified { cause, cycle: cycle.saturating_add(1), origin, by_score },
            None => Event::Qualified { cause, cycle },
        });
    }

    /// Offers the lead to sales: an owner, a clock, a task and an alert, in the commit that says that it is ready.
    pub(super) fn hand_over(&mut self, cause: QualifyCause, by_score: bool) {
        let Some(lead) = &self.lead else { return };
        let is_again = lead.stage != LifecycleStage::Inquiry;
        let reason = lead.turnback.as_ref().map(|turnback| turnback.reason);
        let owner = self.taker(lead, reason);
        self.qualify(cause, by_score);
        let has_changed = self.lead.as_ref().is_some_and(|lead| lead.owner.as_ref() != Some(&owner));
        if has_changed {
            self.record(Event::Assigned { owner });
        }
        self.start_clock();
        self.first_contact();
        let trigger = if is_again { Trigger::Requalified } else { Trigger::Qualified };
        self.alert(trigger, Audience::Owner, None);
    }

    /// Who gets a lead that is ready: whoever knows it, else somebody of the route.
    fn taker(&self, lead: &Lead, reason: Option<TurnbackReason>) -> Ownership {
        let catalog = self.catalog;
        let roster = &catalog.roster;
        if let Some(rep) = lead.preferred.as_ref().filter(|rep| roster.takes(rep)) {
            return Ownership::Assigned { rep: rep.clone() };
        }
        let route = self.route_after(reason);
        let team = route.and_then(|name| catalog.routes.get(name)).and_then(|route| route.team.as_ref());
        let is_of_team =
            |rep: &RepName| team.is_none_or(|team| roster.reps.get(rep).is_some_and(|rep| &rep.team == team));
        match lead.rep().filter(|rep| roster.takes(rep) && is_of_team(rep)) {
            Some(rep) => Ownership::Assigned { rep: rep.clone() },
            None => self.routed(route.or(catalog.handover.entry.as_ref()), None),
        }
    }

    /// The route of whoever is ready for sales, new or after a turnback.
    pub(super) fn route_after(&self, reason: Option<TurnbackReason>) -> Option<&RouteName> {
        let catalog = self.catalog;
        let own = reason.and_then(|reason| catalog.turnbacks.policy(reason)).and_then(|it| it.route.as_ref());
        own.or(catalog.handover.qualified.as_ref())
    }

    /// Who gets a lead that sales has after the rep who has it: another of the team that it went to.
    pub(super) fn routed_on(&self) -> Ownership {
        let lead = self.lead.as_ref();
        let route = self.route_after(lead.and_then(|lead| lead.cycle.origin.after()));
        self.routed(route.or(self.catalog.handover.entry.as_ref()), lead.and_then(Lead::rep))
    }

    /// The owner that a route leads to; not the rep who has it now, nor anybody who has let it lie in this cycle.
    pub(super) fn routed(&self, route: Option<&RouteName>, not: Option<&RepName>) -> Ownership {
        let catalog = self.catalog;
        let route = route.and_then(|name| catalog.routes.get(name));
        let nobody = Loads::default();
        let rep = self.lead.as_ref().zip(route.and_then(|route| route.team.as_ref())).and_then(|(lead, team)| {
            let mut not: BTreeSet<RepName> = not.cloned().into_iter().collect();
            not.extend(lead.cycle.passed_over.iter().cloned());
            catalog.roster.next(team, &lead.id, &not, self.loads.unwrap_or(&nobody)).cloned()
        });
        match rep {
            Some(rep) => Ownership::Assigned { rep },
            None => Ownership::Queue { queue: route.map_or(&catalog.default_queue, |route| &route.queue).clone() },
        }
    }

    pub(super) fn handed_to(&mut self, owner: &Ownership) {
        let Some(lead) = &self.lead else { return };
        let is_known = match owner {
            Ownership::Queue { queue } => self.catalog.queues.contains_key(queue),
            Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                self.catalog.roster.owns(rep)
            }
        };
        if is_known && lead.stage.kind() != StageKind::Terminal && lead.owner.as_ref() != Some(owner) {
            self.record(Event::Assigned { owner: owner.clone() });
            self.tell_if_with_sales(Trigger::Reassigned);
        }
    }

    // --- Back --------------------------------------------------------------------------------

    /// Sales gives the lead back: it goes to the program of the reason, and comes again when that says so.
    pub(super) fn turn_back(&mut self, request: &TurnbackRequest, by: &Party) {
        let Some(lead) = self.lead.clone() else { return };
        let catalog = self.catalog;
        let Some(policy) = catalog.turnbacks.policy(request.reason) else { return };
        if !request.fields.is_empty() {
            self.record(Event::Doubted { fields: request.fields.clone() });
        }
        let rep = by.rep().or_else(|| lead.rep()).cloned();
        let day = day_of(catalog, policy, self.profile, self.now);
        let sales_from = self.sales_from(policy, day);
        let horizon_at = policy.horizon_days.map(|days| self.horizon(day, days));
        self.end_task("superseded");
        self.record(Event::TurnedBack {
            reason: request.reason,
            by: by.clone(),
            rep,
            from: lead.stage,
            sales_from,
            judge_at: (sales_from > self.now).then_some(sales_from),
            horizon_at,
        });
        let was_customer = has_bought(&lead);
        self.record(if was_customer { Event::IsCustomer } else { Event::Recycled });
        self.let_go(request.reason);
        self.mend_data(request.reason);
        if was_customer {
            self.leave_for_stage();
        } else {
            self.go_to_program(policy);
        }
        self.listen_if_unreachable();
    }

    /// The day that the lead waits for is another: so is the time from which sales may have it.
    pub(super) fn move_window(&mut self, before: Option<&Profile>) {
        let lead = self.lead.as_ref().filter(|lead| lead.stage == LifecycleStage::Recycled);
        let Some(turnback) = lead.and_then(|lead| lead.turnback.as_ref()) else { return };
        let Some(policy) = self.catalog.turnbacks.policy(turnback.reason) else { return };
        let day = day_of(self.catalog, policy, self.profile, self.now);
        let is_new = turnback.at == self.now || day == day_of(self.catalog, policy, before, self.now);
        if day.is_none() || is_new {
            return;
        }
        let sales_from = self.sales_from(policy, day);
        let horizon_at = policy.horizon_days.map(|days| self.horizon(day, days));
        self.record(Event::TurnbackMoved { sales_from, horizon_at });
    }

    /// From when on sales may have the lead again.
    fn sales_from(&self, policy: &TurnbackPolicy, day: Option<Date>) -> Timestamp {
        let dated = day.zip(policy.lead_time).and_then(|(date, lead_time)| {
            let days = match lead_time {
                Delay::Minutes(_) => 0,
                Delay::Days(days) | Delay::BusinessDays(days) => i64::from(days),
            };
            let from = date.checked_sub(jiff::Span::new().try_days(days).ok()?).ok()?;
            Some(from.to_datetime(DATE_TIME).to_zoned(self.zone()).ok()?.timestamp())
        });
        dated.map_or_else(|| self.from(self.now, policy.cooldown), |from| from.max(self.now))
    }

    fn horizon(&self, day: Option<Date>, days: u32) -> Timestamp {
        let dated = day.and_then(|date| start_of(self.catalog, date));
        dated.unwrap_or(self.now).max(self.now) + SignedDuration::from_hours(24 * i64::from(days))
    }

    /// Who has the lead while it is nurtured: the rep who knows it, so that its mails keep their voice (S3); not one who
    /// did not look at it.
    fn let_go(&mut self, reason: TurnbackReason) {
        let Some(lead) = &self.lead else { return };
        let keeps = !OF_THE_SUITE.contains(&reason);
        let owner = match lead.preferred.as_ref().filter(|rep| keeps && self.catalog.roster.owns(rep)) {
            Some(rep) => Ownership::Assigned { rep: rep.clone() },
            None => Ownership::Queue { queue: self.catalog.default_queue.clone() },
        };
        if lead.owner.as_ref() != Some(&owner) {
            self.record(Event::Assigned { owner });
        }
    }

    /// What the reason says of an address or a number.
    fn mend_data(&mut self, reason: TurnbackReason) {
        if reason == TurnbackReason::BadPhone {
            self.phone_is(PhoneReach::Bad);
        }
        if reason == TurnbackReason::BadEmail {
            if self.lead.as_ref().is_some_and(|lead| lead.email.fold(EmailReach::HardBounced) != lead.email) {
                self.record(Event::AddressSuppressed { cause: EmailReach::HardBounced });
            }
            let touch = self.lead.as_ref().and_then(|lead| sales_touch(lead, REPAIR, 0));
            if let Some(touch) = touch {
                self.end_task("superseded");
                let due_at = self.now + REPAIR_DUE;
                self.record(Event::TaskCreated { touch, kind: TaskKind::RepairData, due_at });
            }
        }
    }

    fn go_to_program(&mut self, policy: &TurnbackPolicy) {
        if self.lead.as_ref().is_some_and(|lead| lead.enrolment.is_none()) {
            let catalog = self.catalog;
            let program = policy.program.as_ref().unwrap_or(&catalog.last_resort);
            if self.lead.as_ref().is_some_and(|lead| lead.reach() != Reach::Nobody) {
                self.nurture(catalog.program_or_last_resort(program), None);
            }
            return;
        }
        let current = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()).map(|enrolment| &enrolment.program);
        match &policy.program {
            // Nobody gets the same mails again, unless they wait for another day now.
            Some(program) if current == Some(program) && policy.date.is_none() => {}
            Some(program) => self.exit(ProgramExit::TurnedBack, Some(program)),
            None => self.leave_for_stage(),
        }
    }

    /// A program that is for another stage than the one that the lead is in now is left.
    fn leave_for_stage(&mut self) {
        let catalog = self.catalog;
        let enrolment = self.lead.as_ref().and_then(|lead| lead.enrolment.clone());
        let Some(enrolment) = enrolment else { return };
        let Some(program) = catalog.program_of(&enrolment.program, &enrolment.version) else { return };
        let is_out = program
            .enter
            .as_ref()
            .zip(self.facts())
            .is_some_and(|(enter, facts)| !enter.holds(&Facts { since: None, ..facts }));
        if is_out {
            let claimant = self.claimant(None).map_or(&program.then, |claimant| &claimant.name);
            self.exit(ProgramExit::TurnedBack, Some(claimant));
        }
    }

    fn disqualify(&mut self, reason: DisqualifyReason, by: &Party) {
        let enrolment = self.lead.as_ref().and_then(|lead| lead.enrolment.clone());
        if self.is_in(LifecycleStage::Disqualified) {
            return;
        }
        if self.lead.as_ref().is_some_and(has_bought) {
            // They are no lead for this; what they bought they have.
            self.record(Event::IsCustomer);
            self.leave_for_stage();
            return;
        }
        if let Some(enrolment) = enrolment {
            let (ordinal, program) = (enrolment.ordinal, enrolment.program);
            self.record(Event::EnrolmentExited { ordinal, program, exit: ProgramExit::Stopped });
        }
        let review_at = self.now + PULSE_AHEAD_MAX;
        self.record(Event::Disqualified { reason, review_at, by: Some(by.clone()) });
    }

    /// Somebody who has bought already, whom the suite did not know to have.
    fn is_customer(&mut self, before: Option<&Facts<'_>>) {
        if self.lead.as_ref().is_some_and(|lead| lead.stage != LifecycleStage::Customer) {
            self.end_task("superseded");
            self.record(Event::IsCustomer);
            self.be_nurtured(before);
        }
    }

    // --- Whoever is gone ---------------------------------------------------------------------

    /// Whether the lead belongs to a rep who owns nothing any more (I7).
    pub(super) fn has_no_owner_any_more(&self) -> bool {
        let roster = &self.catalog.roster;
        let is_alive = |lead: &&Lead| lead.stage.kind() != StageKind::Terminal;
        let rep = self.lead.as_ref().filter(is_alive).and_then(Lead::rep);
        // A roster that is not there says nothing of anybody.
        !roster.is_empty() && rep.is_some_and(|rep| !roster.owns(rep))
    }

    /// Its rep has left: a fresh lead goes to another, one that was taken on to the queue, a deal to the manager.
    pub(super) fn rep_left(&mut self) {
        let Some(lead) = &self.lead else { return };
        let Some(rep) = lead.rep().cloned() else { return };
        let catalog = self.catalog;
        let is_fresh = lead.stage == LifecycleStage::Mql;
        let manager = catalog.roster.manager(&rep).filter(|_| lead.stage == LifecycleStage::Sql);
        let owner = match (manager, is_fresh) {
            (Some(manager), _) => Ownership::Assigned { rep: manager.clone() },
            (None, true) => self.routed_on(),
            (None, false) => Ownership::Queue { queue: catalog.default_queue.clone() },
        };
        if is_fresh {
            self.record(Event::Resubmitted { reason: TurnbackReason::RepLeft, rep: Some(rep) });
        }
        self.record(Event::Assigned { owner });
        if is_fresh {
            self.start_clock();
            self.first_contact();
        }
        self.tell_if_with_sales(Trigger::Reassigned);
    }
}
