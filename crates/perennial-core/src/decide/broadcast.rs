//! Who gets a broadcast, and when.
//!
//! **Invariant:** whether a lead is to get one is asked in one place ([`Draft::room_for`]), for those who only want to
//! know and for those who send.

use jiff::Timestamp;

use super::{Draft, Due, Plan, PlannedTouch, View};
use crate::broadcast::{Broadcast, HEAD_START, Offer, PassedOver, WAITING_MAX, broadcast_touch};
use crate::condition::Facts;
use crate::content::MailId;
use crate::event::{DeferReason, Event, SkipReason};
use crate::ids::{ProgramName, TouchId};
use crate::lead::{EmailReach, Lead, LifecycleStage, StageKind};
use crate::program::{Step, TouchClass};

/// How long whoever does not know a broadcast yet leaves it alone.
const UNKNOWN_WAIT: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// When a lead would get a broadcast of the catalog, or why it would not.
pub fn offer(view: &View<'_>, broadcast: &ProgramName, now: Timestamp) -> Result<Timestamp, PassedOver> {
    let draft = Draft {
        catalog: view.catalog,
        loads: view.loads,
        now,
        lead: view.lead.cloned(),
        profile: view.profile,
        events: Vec::new(),
        send: None,
    };
    let broadcast = view.catalog.broadcasts.get(broadcast).ok_or(PassedOver::Over)?;
    draft.room_for(broadcast).map(|plan| plan.at)
}

impl Draft<'_> {
    /// The lead is offered a broadcast: it gets it, if it is in the segment and may.
    pub(super) fn offered(&mut self, name: &ProgramName) {
        let catalog = self.catalog;
        let Some(broadcast) = catalog.broadcasts.get(name) else { return };
        let Ok(plan) = self.room_for(broadcast) else { return };
        self.record(Event::BroadcastQueued {
            broadcast: name.clone(),
            version: broadcast.program.version.clone(),
            due_at: plan.at,
            until: broadcast.until,
        });
    }

    /// When the lead would get a broadcast that it is offered now.
    fn room_for(&self, broadcast: &Broadcast) -> Result<Plan, PassedOver> {
        let lead = self.lead.as_ref().filter(|lead| is_nurtured(lead)).ok_or(PassedOver::NotNurtured)?;
        let facts = Facts { lead, profile: self.profile, now: self.now, since: None };
        if !broadcast.segment.holds(&facts) {
            return Err(PassedOver::NotInSegment);
        }
        if lead.offers.iter().any(|offer| &offer.broadcast == broadcast.name()) {
            return Err(PassedOver::HasIt);
        }
        if broadcast.is_over(self.now) {
            return Err(PassedOver::Over);
        }
        if let Some(reason) = self.refuses(broadcast) {
            return Err(PassedOver::Refused(reason));
        }
        // Whoever has not said yet that they want mail is not written to because somebody has news.
        if lead.email == EmailReach::Unconfirmed {
            return Err(PassedOver::Refused(SkipReason::Suppressed(lead.email)));
        }
        if self.now < lead.received_at + broadcast.age_min {
            return Err(PassedOver::TooNew);
        }
        if lead.offers.iter().filter(|offer| offer.due_at().is_some()).count() >= WAITING_MAX {
            return Err(PassedOver::TooMany);
        }
        let (step, _) = broadcast.mail().ok_or(PassedOver::Over)?;
        let plan = self.plan_broadcast(broadcast, step, self.now + HEAD_START);
        if plan.at < broadcast.until {
            Ok(plan)
        } else {
            Err(PassedOver::NoRoom(plan.deferred.unwrap_or(DeferReason::QuietHours)))
        }
    }

    /// Why the lead may not get a broadcast, whatever the time.
    fn refuses(&self, broadcast: &Broadcast) -> Option<SkipReason> {
        let lead = self.lead.as_ref()?;
        let reach = match lead.email {
            EmailReach::Ok | EmailReach::Unconfirmed => None,
            EmailReach::Missing
            | EmailReach::NotMailable
            | EmailReach::NoConsent
            | EmailReach::DoNotEmail
            | EmailReach::Unsubscribed
            | EmailReach::HardBounced
            | EmailReach::Complained => Some(SkipReason::Suppressed(lead.email)),
        };
        let is_with_sales = [LifecycleStage::Sal, LifecycleStage::Sql].contains(&lead.stage);
        let when = |is_so: bool, reason: SkipReason| is_so.then_some(reason);
        when(lead.stage == LifecycleStage::Disqualified, SkipReason::ListenedTo)
            .or(reach)
            .or(when(self.is_switched_off(&broadcast.program), SkipReason::SwitchedOff))
            .or(when(is_with_sales && !broadcast.program.beside_sales, SkipReason::WithSales))
            .or(when(lead.prefers_human(), SkipReason::HumanPreferred))
            .or(when(self.is_held_out(lead), SkipReason::Holdout))
    }

    /// The first instant from `wish` on at which it may go out, and why not sooner.
    fn plan_broadcast(&self, broadcast: &Broadcast, step: &Step, wish: Timestamp) -> Plan {
        let pause = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()).and_then(|enrolment| enrolment.paused);
        let paused_until = pause.map(|pause| pause.resume_at).filter(|until| *until > wish);
        let rests_until = self.lead.as_ref().and_then(|lead| lead.rests_until(wish));
        let free = wish.max(paused_until.unwrap_or(wish)).max(rests_until.unwrap_or(wish));
        let plan = self.allowed(&broadcast.program, step, free);
        let waits = paused_until.map(|_| DeferReason::Paused).or(rests_until.map(|_| DeferReason::AddressRests));
        Plan { deferred: plan.deferred.or(waits), ..plan }
    }

    /// A broadcast that is due, after all else that is.
    pub(super) fn broadcast_is_due(&mut self) -> Due {
        let Some(lead) = &self.lead else { return Due::Nothing };
        let is_due = |offer: &&Offer| offer.due_at().is_some_and(|due_at| due_at <= self.now);
        let due = lead.offers.iter().filter(is_due).min_by_key(|offer| offer.due_at());
        let Some(offer) = due.cloned() else { return Due::Nothing };
        let Some(touch) = broadcast_touch(&offer.broadcast, lead.life) else { return Due::Nothing };
        if offer.until <= self.now {
            return self.pass_over_broadcast(touch, SkipReason::Expired);
        }
        let catalog = self.catalog;
        let known = catalog.broadcasts.get(&offer.broadcast);
        let Some(broadcast) = known.filter(|known| known.program.version == offer.version) else {
            // A worker that has not read the newest release.
            let until = (self.now + UNKNOWN_WAIT).min(offer.until);
            self.record(Event::TouchDeferred { touch, reason: DeferReason::NotKnownYet, until });
            return Due::Settled;
        };
        if broadcast.is_stopped {
            return self.pass_over_broadcast(touch, SkipReason::Stopped);
        }
        match self.refuses(broadcast) {
            Some(reason) => self.pass_over_broadcast(touch, reason),
            None => self.send_broadcast(broadcast, &offer, touch),
        }
    }

    fn send_broadcast(&mut self, broadcast: &Broadcast, offer: &Offer, touch: TouchId) -> Due {
        let Some((step, mail)) = broadcast.mail() else { return Due::Nothing };
        let plan = self.plan_broadcast(broadcast, step, self.now);
        if let Some(reason) = plan.deferred {
            self.record(Event::TouchDeferred { touch, reason, until: plan.at.min(offer.until) });
            return Due::Settled;
        }
        // What was decided so far is committed first; the mail is still due then.
        if self.events.is_empty() {
            let (program, version) = (broadcast.name().clone(), broadcast.program.version.clone());
            let mail_id = MailId { program, version, template: mail.template.clone(), language: None };
            let attempt = offer.attempts().saturating_add(1);
            let (voice, class) = (mail.from, TouchClass::Nurture);
            self.send = Some(PlannedTouch { touch, attempt, voice, class, mail: mail_id, asked: Vec::new() });
        }
        Due::Nothing
    }

    fn pass_over_broadcast(&mut self, touch: TouchId, reason: SkipReason) -> Due {
        self.record(Event::TouchSkipped { touch, reason });
        Due::Settled
    }

    /// Whether the lead waits for that broadcast.
    pub(super) fn awaits_broadcast(&self, touch: &TouchId) -> bool {
        let Some(lead) = &self.lead else { return false };
        let is_it = |offer: &&Offer| broadcast_touch(&offer.broadcast, lead.life).as_ref() == Some(touch);
        lead.offers.iter().filter(is_it).any(|offer| offer.due_at().is_some())
    }
}

/// Whether somebody is there to be written to, if only they may be.
fn is_nurtured(lead: &Lead) -> bool {
    let is_at_the_door = [LifecycleStage::Received, LifecycleStage::Quarantined].contains(&lead.stage);
    lead.stage.kind() != StageKind::Terminal && !is_at_the_door
}
