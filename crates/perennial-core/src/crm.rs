//! What the words of a CRM say of a lead, as outcomes of ours.
//!
//! **Invariants:** a word that no table has says nothing, and whoever tells it is told so: nobody guesses. No word has
//! two meanings: words that differ in case, or in what stands between their parts, are the same word.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::event::DisqualifyReason;
use crate::ids::FieldName;
use crate::policy::TurnbackReason;
use crate::sales::{Attempt, Outcome, TurnbackRequest};
use crate::timing::DATE_TIME;

/// What a status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nobody has done anything yet.
    Nothing,
    /// Somebody has taken the lead on.
    Accepted,
    /// Somebody tried, and reached nobody.
    Attempted(Attempt),
    /// Somebody spoke with the person.
    Connected,
    /// Somebody is to call again. It needs a date.
    CallBack,
    /// They will meet.
    MeetingBooked,
    /// Somebody else answers that number.
    WrongPerson,
    /// Nobody does.
    BadNumber,
    /// The person wants no calls.
    DoNotCall,
    /// It is a real opportunity.
    Qualified,
    /// The lead goes back.
    TurnedBack(TurnbackReason),
    /// It is no lead at all.
    Disqualified(DisqualifyReason),
    /// They are a customer already.
    ExistingCustomer,
    /// They bought.
    Won,
    /// They bought elsewhere, or nothing.
    Lost,
}

/// The word for a lead that goes back, which takes a reason.
pub const TURNED_BACK: &str = "turned_back";

/// The word for no lead at all, which takes a reason.
pub const DISQUALIFIED: &str = "disqualified";

impl Meaning {
    /// Those without a reason, by the words that files and CRMs use for them.
    pub const PLAIN: [(&'static str, Self); 16] = [
        ("nothing", Self::Nothing),
        ("accepted", Self::Accepted),
        ("no_answer", Self::Attempted(Attempt::NoAnswer)),
        ("left_voicemail", Self::Attempted(Attempt::LeftVoicemail)),
        ("busy", Self::Attempted(Attempt::Busy)),
        ("wrote", Self::Attempted(Attempt::Wrote)),
        ("connected", Self::Connected),
        ("call_back", Self::CallBack),
        ("meeting_booked", Self::MeetingBooked),
        ("wrong_person", Self::WrongPerson),
        ("bad_number", Self::BadNumber),
        ("do_not_call", Self::DoNotCall),
        ("qualified", Self::Qualified),
        ("existing_customer", Self::ExistingCustomer),
        ("won", Self::Won),
        ("lost", Self::Lost),
    ];

    /// The reasons for which a CRM gives a lead back. The other two are the suite's own.
    pub const TURNBACKS: [TurnbackReason; 14] = [
        TurnbackReason::NoResponse,
        TurnbackReason::Timing,
        TurnbackReason::NoBudget,
        TurnbackReason::Evaluating,
        TurnbackReason::Competitor,
        TurnbackReason::NoAuthority,
        TurnbackReason::WrongContact,
        TurnbackReason::ProductMismatch,
        TurnbackReason::BadAnswers,
        TurnbackReason::BadEmail,
        TurnbackReason::BadPhone,
        TurnbackReason::NoInterest,
        TurnbackReason::ClosedLost,
        TurnbackReason::Other,
    ];

    /// The meaning of a word of ours, and of the reason that stands beside it.
    pub fn parse(word: &str, reason: Option<&str>) -> Option<Self> {
        match (word, reason) {
            (TURNED_BACK, Some(reason)) => {
                let found = Self::TURNBACKS.into_iter().find(|known| known.as_str() == reason);
                found.map(Self::TurnedBack)
            }
            (DISQUALIFIED, Some(reason)) => {
                let found = DisqualifyReason::OF_REPS.into_iter().find(|known| known.as_str() == reason);
                found.map(Self::Disqualified)
            }
            (word, None) => Self::PLAIN.into_iter().find(|(known, _)| *known == word).map(|(_, meaning)| meaning),
            (_, Some(_)) => None,
        }
    }

    /// The outcome that it is, with what else is told; `None` where nobody has done anything yet.
    ///
    /// # Errors
    /// Where it needs something that is not told.
    pub fn outcome(self, details: &Details, zone: &TimeZone) -> Result<Option<Outcome>, Lacking> {
        let date = details.date;
        let outcome = match self {
            Self::Nothing => return Ok(None),
            Self::Accepted => Outcome::Accepted,
            Self::Attempted(attempt) => Outcome::Attempted { attempt },
            Self::Connected => Outcome::Connected,
            Self::CallBack => {
                let due_at = date.and_then(|date| date.instant(zone)).ok_or(Lacking::Date)?;
                Outcome::CallBack { due_at }
            }
            Self::MeetingBooked => Outcome::MeetingBooked { meet_at: date.and_then(|date| date.instant(zone)) },
            Self::WrongPerson => Outcome::WrongPerson,
            Self::BadNumber => Outcome::BadNumber,
            Self::DoNotCall => Outcome::DoNotCall,
            Self::Qualified => Outcome::Qualified,
            Self::TurnedBack(TurnbackReason::BadAnswers) if details.fields.is_empty() => return Err(Lacking::Fields),
            Self::TurnedBack(reason) => Outcome::TurnedBack(TurnbackRequest {
                reason,
                date: date.map(|date| date.day(zone)),
                fields: if reason == TurnbackReason::BadAnswers { details.fields.clone() } else { BTreeSet::new() },
            }),
            Self::Disqualified(reason) => Outcome::Disqualified { reason },
            Self::ExistingCustomer => Outcome::ExistingCustomer,
            Self::Won => Outcome::Won,
            Self::Lost => Outcome::Lost,
        };
        Ok(Some(outcome))
    }
}

/// What is told besides the status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// The day, or the time, that it is about: when to come back, to call, to meet.
    pub date: Option<When>,
    /// The answers that do not hold.
    pub fields: BTreeSet<FieldName>,
}

/// A day, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A day.
    Day(Date),
    /// A time.
    At(Timestamp),
}

impl When {
    /// Reads ISO 8601: `2027-05-01`, or a time with its offset.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Day).ok().filter(|_| text.len() == "2027-05-01".len()).or_else(|| {
            let time = text.parse().ok()?;
            Some(Self::At(time))
        })
    }

    fn day(self, zone: &TimeZone) -> Date {
        match self {
            Self::Day(day) => day,
            Self::At(time) => time.to_zoned(zone.clone()).date(),
        }
    }

    /// A day without a time is meant in the morning.
    fn instant(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Day(day) => Some(day.to_datetime(DATE_TIME).to_zoned(zone.clone()).ok()?.timestamp()),
            Self::At(time) => Some(time),
        }
    }
}

/// What a status needs to say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// When to call.
    #[error("`call_back` needs a date")]
    Date,
    /// Which answers.
    #[error("`bad_answers` needs the fields whose answers do not hold")]
    Fields,
}

/// The words of one CRM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusWords(BTreeMap<String, Meaning>);

/// A word that has a meaning already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has a meaning already")]
pub struct Ambiguous;

impl StatusWords {
    /// Gives a word a meaning.
    ///
    /// # Errors
    /// Where it has one.
    pub fn add(&mut self, word: &str, meaning: Meaning) -> Result<(), Ambiguous> {
        match self.0.entry(spelt(word)) {
            Entry::Vacant(place) => {
                place.insert(meaning);
                Ok(())
            }
            Entry::Occupied(_) => Err(Ambiguous),
        }
    }

    /// What a word means, if that was said.
    pub fn meaning(&self, word: &str) -> Option<Meaning> {
        self.0.get(&spelt(word)).copied()
    }

    /// Whether it has no word at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `Attempted to Contact` is what people read, `ATTEMPTED_TO_CONTACT` what the same CRM stores.
fn spelt(word: &str) -> String {
    let parts = word.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.map(str::to_lowercase).collect::<Vec<_>>().join("_");
    // A word of signs alone is itself.
    if joined.is_empty() { word.trim().to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        crate::calendar::zone("Europe/Berlin").unwrap()
    }

    #[test]
    fn a_word_is_known_however_it_is_spelt_and_has_one_meaning() {
        let mut words = StatusWords::default();
        words.add("ATTEMPTED_TO_CONTACT", Meaning::Attempted(Attempt::NoAnswer)).unwrap();
        words.add("Open - Not Contacted", Meaning::Nothing).unwrap();
        for spelling in ["Attempted to Contact", " attempted-to-contact ", "ATTEMPTED_TO_CONTACT"] {
            assert_eq!(words.meaning(spelling), Some(Meaning::Attempted(Attempt::NoAnswer)), "{spelling}");
        }
        assert_eq!(words.meaning("open not contacted"), Some(Meaning::Nothing));
        assert_eq!(words.meaning("Attempted"), None);
        assert_eq!(words.meaning(""), None);
        assert_eq!(words.add("attempted to contact", Meaning::Connected), Err(Ambiguous));
    }

    #[test]
    fn every_meaning_has_a_word_and_an_outcome_of_the_same_name() {
        let details =
            Details { date: When::parse("2027-05-01"), fields: BTreeSet::from([FieldName::parse("company").unwrap()]) };
        let named = |meaning: Meaning| meaning.outcome(&details, &berlin()).unwrap().map(|outcome| outcome.name());
        for (word, meaning) in Meaning::PLAIN {
            assert_eq!(Meaning::parse(word, None), Some(meaning));
            assert_eq!(named(meaning).unwrap_or("nothing"), word);
        }
        for reason in Meaning::TURNBACKS {
            let meaning = Meaning::parse(TURNED_BACK, Some(reason.as_str())).unwrap();
            assert_eq!((meaning, named(meaning)), (Meaning::TurnedBack(reason), Some(TURNED_BACK)));
        }
        for reason in DisqualifyReason::OF_REPS {
            let meaning = Meaning::parse(DISQUALIFIED, Some(reason.as_str())).unwrap();
            assert_eq!((meaning, named(meaning)), (Meaning::Disqualified(reason), Some(DISQUALIFIED)));
        }
        for reason in ["sla_expired", "rep_left", "no_reason"] {
            assert_eq!(Meaning::parse(TURNED_BACK, Some(reason)), None);
        }
        assert_eq!(Meaning::parse(TURNED_BACK, None), None);
        assert_eq!(Meaning::parse("won", Some("timing")), None);
    }

    #[test]
    fn what_a_status_lacks_is_said_and_a_day_is_meant_in_the_morning() {
        let outcome = |meaning: Meaning, date: &str| {
            meaning.outcome(&Details { date: When::parse(date), fields: BTreeSet::new() }, &berlin())
        };
        assert_eq!(outcome(Meaning::CallBack, ""), Err(Lacking::Date));
        assert_eq!(outcome(Meaning::TurnedBack(TurnbackReason::BadAnswers), ""), Err(Lacking::Fields));
        let due_at = "2027-05-01T07:00:00Z".parse().unwrap();
        assert_eq!(outcome(Meaning::CallBack, "2027-05-01"), Ok(Some(Outcome::CallBack { due_at })));
        let late = outcome(Meaning::TurnedBack(TurnbackReason::Timing), "2027-04-30T23:30:00Z").unwrap();
        let date = Some(Date::constant(2027, 5, 1));
        assert_eq!(
            late,
            Some(Outcome::TurnedBack(TurnbackRequest { date, ..TurnbackRequest::new(TurnbackReason::Timing) }))
        );
        assert_eq!(When::parse("next May"), None);
        assert_eq!(When::parse("2027-05-01T07:00:00"), None);
    }
}
