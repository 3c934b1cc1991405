//! A broadcast: one mail that goes out once to everybody of a segment.
//!
//! **Invariants:** a lead gets a broadcast at most once, however often it is offered; it is a touch of the lead, not of a
//! program, so it neither begins, moves nor ends an enrolment; what cannot go out before the broadcast is over is passed
//! over with a reason.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::event::{DeferReason, SkipReason};
use crate::ids::{ProgramName, StepId, TouchId};
use crate::lead::{Lead, is_zero};
use crate::program::{Action, Mail, Program, ProgramVersion, Step};

/// How long a broadcast lasts that names no last day, in days from when it is sent.
pub const DAYS_DEFAULT: i64 = 14;

/// The longest that a broadcast may last, in days: a mail for everybody is not worth reading for ever.
pub const DAYS_MAX: i64 = 90;

/// How many broadcasts may wait for one lead.
pub const WAITING_MAX: usize = 4;

/// How long a broadcast is remembered after it is over: by whoever got it, and by whoever looks up what a mail said.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long after it was offered a broadcast goes out at the earliest: by then every worker knows it.
pub const HEAD_START: SignedDuration = SignedDuration::from_mins(2);

/// The name of its one mail, `touches/mail.md`, and of the step that sends it.
pub const MAIL: &str = "mail";

/// A broadcast, as its files say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// Its mail, as a program of one step that nobody is enrolled in: so it is rendered, followed and looked up as every
    /// other.
    pub program: Program,
    /// Who gets it.
    pub segment: Condition,
    /// How long ago somebody must have come in: whoever came today has other mail to read.
    pub age_min: SignedDuration,
    /// The last day on which it may go out.
    pub last_day: Option<Date>,
    /// When it is over.
    pub until: Timestamp,
    /// Whether somebody stopped it.
    pub is_stopped: bool,
}

impl Broadcast {
    /// What it goes by.
    pub const fn name(&self) -> &ProgramName {
        &self.program.name
    }

    /// When one is over that is sent now: after its last day in that zone, or some days from now.
    pub fn ends(&self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let after = |day: Date| day.tomorrow().and_then(|next| next.to_zoned(zone.clone())).ok();
        let named = self.last_day.and_then(after).map(|end| end.timestamp());
        named.unwrap_or_else(|| now + SignedDuration::from_hours(24 * DAYS_DEFAULT))
    }

    /// The last day that one may name that is sent now.
    pub fn last_day_max(now: Timestamp, zone: &TimeZone) -> Date {
        let today = now.to_zoned(zone.clone()).date();
        today.checked_add(DAYS_MAX.days()).unwrap_or(today)
    }

    /// Its one step, and the mail of that.
    pub fn mail(&self) -> Option<(&Step, &Mail)> {
        let step = self.program.steps.first()?;
        if let Action::Email { mail, .. } = &step.action { Some((step, mail)) } else { None }
    }

    /// Whether nobody is to get it any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.is_stopped || self.until <= now
    }
}

/// The touch of a broadcast, in one life of a lead. No enrolment has the ordinal 0.
pub fn broadcast_touch(broadcast: &ProgramName, life: u32) -> Option<TouchId> {
    let step = StepId::parse(MAIL).ok()?;
    Some(TouchId { ordinal: 0, program: broadcast.clone(), step, occurrence: life })
}

/// A broadcast that a lead is to get, or got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Which.
    pub broadcast: ProgramName,
    /// Its version.
    pub version: ProgramVersion,
    /// When it is over.
    pub until: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub state: OfferState,
}

/// What became of a broadcast for one lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum OfferState {
    /// It waits.
    Waits {
        /// When it is due.
        due_at: Timestamp,
        /// How often it was tried and put back.
        #[serde(default, skip_serializing_if = "is_zero")]
        attempts: u32,
    },
    /// It went out, or may have.
    Sent,
    /// It can never be sent.
    Failed,
    /// It was passed over.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// It may have gone out, and somebody found that it did not.
    Dropped,
}

impl Offer {
    /// When it is due, while it waits.
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            OfferState::Waits { due_at, .. } => Some(due_at),
            OfferState::Sent | OfferState::Failed | OfferState::Skipped { .. } | OfferState::Dropped => None,
        }
    }

    /// How often it was tried and put back.
    pub const fn attempts(&self) -> u32 {
        match self.state {
            OfferState::Waits { attempts, .. } => attempts,
            OfferState::Sent | OfferState::Failed | OfferState::Skipped { .. } | OfferState::Dropped => 0,
        }
    }
}

/// Why a lead does not get a broadcast that it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassedOver {
    /// Nobody is nurtured there: junk, or a lead whose end has come.
    NotNurtured,
    /// It is not in the segment.
    NotInSegment,
    /// It has, or had, this broadcast.
    HasIt,
    /// It came in too short a time ago.
    TooNew,
    /// As many others as may wait for it.
    TooMany,
    /// The broadcast is over, or was stopped.
    Over,
    /// It may not get it, or does not want to.
    Refused(SkipReason),
    /// It could not go out before the broadcast is over.
    NoRoom(DeferReason),
}

/// Notes that a lead is to get a broadcast; what it got long ago is forgotten.
pub(crate) fn queue(lead: &mut Lead, offer: Offer, at: Timestamp) {
    lead.offers.retain(|known| known.due_at().is_some() || at < known.until + REMEMBERED);
    lead.offers.push(offer);
}

/// Notes what became of a broadcast. Whether the touch is one of the lead's.
pub(crate) fn settle(lead: &mut Lead, touch: &TouchId, state: OfferState) -> bool {
    let Some(offer) = offer_of(lead, touch) else { return false };
    offer.state = state;
    true
}

/// Notes that a broadcast waits longer. `is_tried`: an attempt is used up.
pub(crate) fn defer(lead: &mut Lead, touch: &TouchId, until: Timestamp, is_tried: bool) {
    if let Some(offer) = offer_of(lead, touch)
        && let OfferState::Waits { due_at, attempts } = &mut offer.state
    {
        *due_at = until;
        *attempts = attempts.saturating_add(u32::from(is_tried));
    }
}

fn offer_of<'l>(lead: &'l mut Lead, touch: &TouchId) -> Option<&'l mut Offer> {
    // The mails of other programs and of other lives are told apart by their ids alone.
    let life = lead.life;
    lead.offers.iter_mut().find(|offer| broadcast_touch(&offer.broadcast, life).as_ref() == Some(touch))
}
