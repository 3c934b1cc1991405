//! What was told, from names and values: the same for a page's form and for JSON.
//!
//! **Invariant:** what is not understood is refused, and no refusal repeats what was sent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use perennial_core::catalog::Catalog;
use perennial_core::event::DisqualifyReason;
use perennial_core::ids::{FieldName, QueueName, RepName, TouchId};
use perennial_core::lead::Ownership;
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::{Attempt, Outcome, TurnbackRequest};
use perennial_core::timing::DATE_TIME;
use perennial_lambda::http::form::Pair;

pub(crate) const OUTCOME: &str = "outcome";
pub(crate) const REASON: &str = "reason";
pub(crate) const NOTE: &str = "note";
pub(crate) const DATE: &str = "date";
pub(crate) const FIELDS: &str = "fields";
pub(crate) const DUE_AT: &str = "due_at";
pub(crate) const MEET_AT: &str = "meet_at";
pub(crate) const UNTIL: &str = "until";
pub(crate) const ON: &str = "on";
pub(crate) const TOUCH: &str = "touch";
pub(crate) const REP: &str = "rep";
pub(crate) const QUEUE: &str = "queue";

/// The names that tell an outcome.
pub(crate) const OUTCOME_NAMES: [&str; 10] = [OUTCOME, REASON, NOTE, DATE, FIELDS, DUE_AT, MEET_AT, UNTIL, ON, TOUCH];

/// The outcomes that need nothing but their name.
const PLAIN: [Outcome; 15] = [
    Outcome::Accepted,
    Outcome::Attempted { attempt: Attempt::NoAnswer },
    Outcome::Attempted { attempt: Attempt::LeftVoicemail },
    Outcome::Attempted { attempt: Attempt::Busy },
    Outcome::Attempted { attempt: Attempt::Wrote },
    Outcome::Connected,
    Outcome::WrongPerson,
    Outcome::BadNumber,
    Outcome::DoNotCall,
    Outcome::Done,
    Outcome::Qualified,
    Outcome::ExistingCustomer,
    Outcome::Won,
    Outcome::Lost,
    Outcome::Resumed,
];

/// Why what was told is not understood, as a sentence for whoever wrote the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misread {
    #[error("`outcome` is none of those that there are.")]
    Outcome,
    #[error("`reason` is none of those that there are.")]
    Reason,
    #[error("A time is as `2027-05-01T14:00:00Z`.")]
    Time,
    #[error("A day is as `2027-05-01`.")]
    Day,
    #[error("`touch` is not the id of a touch.")]
    Touch,
    #[error("`fields` names fields of the catalog.")]
    Field,
    #[error("There is a name that means nothing here.")]
    Name,
}

/// Names and values. It has no `Debug`: a note may be in it.
#[derive(Default)]
pub(crate) struct Given(pub(crate) Vec<Pair>);

impl Given {
    /// The value of a name; nothing where it was not given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values of a name that say something.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(given, value)| given == name && !value.is_empty());
        values.map(|(_, value)| value.as_str())
    }

    /// Refuses names that mean nothing.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), Misread> {
        let is_known = self.0.iter().all(|(name, _)| names.contains(&name.as_str()));
        if is_known { Ok(()) } else { Err(Misread::Name) }
    }

    /// What somebody has to say to it, if anything.
    pub(crate) fn note(&self) -> Option<String> {
        Some(self.text(NOTE)).filter(|note| !note.trim().is_empty()).map(str::to_owned)
    }

    /// The outcome, with times as somebody in a zone gives them.
    pub(crate) fn outcome(&self, catalog: &Catalog, zone: &TimeZone) -> Result<Outcome, Misread> {
        let name = self.text(OUTCOME);
        if let Some(plain) = PLAIN.iter().find(|outcome| outcome.name() == name) {
            return Ok(plain.clone());
        }
        match name {
            "call_back" => Ok(Outcome::CallBack { due_at: self.time(DUE_AT, zone)? }),
            "meeting_booked" => {
                let meet_at = if self.text(MEET_AT).is_empty() { None } else { Some(self.time(MEET_AT, zone)?) };
                Ok(Outcome::MeetingBooked { meet_at })
            }
            "turned_back" => Ok(Outcome::TurnedBack(self.turnback(catalog)?)),
            "disqualified" => {
                let reason = DisqualifyReason::OF_REPS.into_iter().find(|reason| reason.as_str() == self.text(REASON));
                Ok(Outcome::Disqualified { reason: reason.ok_or(Misread::Reason)? })
            }
            "held" => Ok(Outcome::Held { until: self.time(UNTIL, zone)? }),
            "revisit" => Ok(Outcome::Revisit { on: day(self.text(ON))? }),
            "unhelpful" => {
                let touch = TouchId::parse(self.text(TOUCH)).map_err(|_not_a_touch| Misread::Touch)?;
                Ok(Outcome::Unhelpful { touch })
            }
            _ => Err(Misread::Outcome),
        }
    }

    fn turnback(&self, catalog: &Catalog) -> Result<TurnbackRequest, Misread> {
        let reason = TurnbackReason::ALL.into_iter().find(|reason| reason.as_str() == self.text(REASON));
        let reason = reason.ok_or(Misread::Reason)?;
        let policy = catalog.turnbacks.policy(reason);
        // One form has all reasons in it: a day, or a tick, that is not for this one says nothing.
        let has_day = policy.is_some_and(|policy| policy.date.is_some()) && !self.text(DATE).is_empty();
        let date = if has_day { Some(day(self.text(DATE))?) } else { None };
        let fields = if reason == TurnbackReason::BadAnswers { self.doubted(catalog)? } else { BTreeSet::new() };
        Ok(TurnbackRequest { reason, date, fields })
    }

    fn doubted(&self, catalog: &Catalog) -> Result<BTreeSet<FieldName>, Misread> {
        let named = self.all(FIELDS).map(|name| {
            let field = FieldName::parse(name).ok().filter(|field| catalog.fields.contains_key(field));
            field.ok_or(Misread::Field)
        });
        named.collect()
    }

    /// To whom a lead is given.
    pub(crate) fn owner(&self) -> Option<Ownership> {
        match (self.text(REP), self.text(QUEUE)) {
            (rep, "") => RepName::parse(rep).ok().map(|rep| Ownership::Assigned { rep }),
            ("", queue) => QueueName::parse(queue).ok().map(|queue| Ownership::Queue { queue }),
            (_, _) => None,
        }
    }

    fn time(&self, name: &str, zone: &TimeZone) -> Result<Timestamp, Misread> {
        let text = self.text(name);
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(at);
        }
        let has_time = text.contains(':');
        let local =
            if has_time { text.parse::<DateTime>().ok() } else { day(text).ok().map(|day| day.to_datetime(DATE_TIME)) };
        let zoned = local.and_then(|local| local.to_zoned(zone.clone()).ok());
        zoned.map(|zoned| zoned.timestamp()).ok_or(Misread::Time)
    }
}

fn day(text: &str) -> Result<Date, Misread> {
    text.parse().map_err(|_not_a_day| Misread::Day)
}
