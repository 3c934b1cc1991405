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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misread {
    #[error("`{0}` is missing.")]
    Missing(&'static str),
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
    /// A name that is none of ours is not repeated: whatever may stand in it.
    #[error("There is a name that means nothing here, where only these do: {}.", quoted(.0))]
    Name(Vec<&'static str>),
    #[error("{} means nothing with this {of}.", quoted(names))]
    NotWith {
        /// The names.
        names: Vec<&'static str>,
        /// `outcome`, or `reason`.
        of: &'static str,
    },
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
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
    pub(crate) fn only(&self, names: &[&'static str]) -> Result<(), Misread> {
        let is_known = self.0.iter().all(|(name, _)| names.contains(&name.as_str()));
        if is_known { Ok(()) } else { Err(Misread::Name(names.to_vec())) }
    }

    /// Refuses names that mean something, and not with this outcome: what would be dropped was meant to say something. A
    /// form has all of them in it, whatever is pressed.
    pub(crate) fn fits(&self, outcome: &Outcome, catalog: &Catalog) -> Result<(), Misread> {
        let (takes, of): (&[&str], _) = match outcome {
            Outcome::TurnedBack(request) => (turnback_names(catalog, request.reason), REASON),
            Outcome::Disqualified { .. } => (&[REASON], OUTCOME),
            Outcome::CallBack { .. } => (&[DUE_AT], OUTCOME),
            Outcome::MeetingBooked { .. } => (&[MEET_AT], OUTCOME),
            Outcome::Held { .. } => (&[UNTIL], OUTCOME),
            Outcome::Revisit { .. } => (&[ON], OUTCOME),
            Outcome::Unhelpful { .. } => (&[TOUCH], OUTCOME),
            Outcome::Untouched
            | Outcome::Accepted
            | Outcome::Attempted { .. }
            | Outcome::Connected
            | Outcome::WrongPerson
            | Outcome::BadNumber
            | Outcome::DoNotCall
            | Outcome::Done
            | Outcome::Qualified
            | Outcome::ExistingCustomer
            | Outcome::Won
            | Outcome::Lost
            | Outcome::Resumed => (&[], OUTCOME),
        };
        let is_said = |name: &&str| self.all(name).next().is_some();
        let is_strange = |name: &&'static str| ![OUTCOME, NOTE].contains(name) && !takes.contains(name);
        let names: Vec<&'static str> = OUTCOME_NAMES.into_iter().filter(is_strange).filter(is_said).collect();
        if names.is_empty() { Ok(()) } else { Err(Misread::NotWith { names, of }) }
    }

    /// A value that there must be.
    fn said(&self, name: &'static str) -> Result<&str, Misread> {
        let text = self.text(name);
        if text.is_empty() { Err(Misread::Missing(name)) } else { Ok(text) }
    }

    /// What somebody has to say to it, if anything.
    pub(crate) fn note(&self) -> Option<String> {
        Some(self.text(NOTE)).filter(|note| !note.trim().is_empty()).map(str::to_owned)
    }

    /// The outcome, with times as somebody in a zone gives them.
    pub(crate) fn outcome(&self, catalog: &Catalog, zone: &TimeZone) -> Result<Outcome, Misread> {
        let name = self.said(OUTCOME)?;
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
                let said = self.said(REASON)?;
                let reason = DisqualifyReason::OF_REPS.into_iter().find(|reason| reason.as_str() == said);
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
        let said = self.said(REASON)?;
        let reason = TurnbackReason::ALL.into_iter().find(|reason| reason.as_str() == said);
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

    /// To whom a lead is given: `None` where nobody can be called so.
    pub(crate) fn owner(&self) -> Result<Option<Ownership>, NotOne> {
        match (self.text(REP), self.text(QUEUE)) {
            ("", "") => Err(NotOne),
            (rep, "") => Ok(RepName::parse(rep).ok().map(|rep| Ownership::Assigned { rep })),
            ("", queue) => Ok(QueueName::parse(queue).ok().map(|queue| Ownership::Queue { queue })),
            (_, _) => Err(NotOne),
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

/// Neither a rep nor a queue is named, or both are.
pub(crate) struct NotOne;

/// What a reason to turn a lead back takes besides its name.
fn turnback_names(catalog: &Catalog, reason: TurnbackReason) -> &'static [&'static str] {
    let has_day = catalog.turnbacks.policy(reason).is_some_and(|policy| policy.date.is_some());
    match (reason == TurnbackReason::BadAnswers, has_day) {
        (true, true) => &[REASON, DATE, FIELDS],
        (true, false) => &[REASON, FIELDS],
        (false, true) => &[REASON, DATE],
        (false, false) => &[REASON],
    }
}

fn day(text: &str) -> Result<Date, Misread> {
    text.parse().map_err(|_not_a_day| Misread::Day)
}
