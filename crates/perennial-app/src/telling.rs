//! How things are put to people of sales: times, reasons, signs, tasks.
//!
//! **Invariant:** a time is told in the reader's own zone, and as far off as it is: today by the clock, this week by the
//! weekday, else by the date. Nothing here ever asks for a call without a reason.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use perennial_core::catalog::Catalog;
use perennial_core::condition::SignalKind;
use perennial_core::ids::{FieldName, TopicName};
use perennial_core::lead::{EmailReach, PhoneReach, TaskKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::{Attempt, Outcome, Trigger};
use perennial_core::submission::Intent;

use crate::dossier::{Deeds, SentMail, Sign};
use crate::tasks::What;

/// For so long a deadline is told by the minutes that are left.
const BY_THE_MINUTE: SignedDuration = SignedDuration::from_mins(60);

/// How somebody reads times.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Where they are.
    pub zone: TimeZone,
    /// When they read.
    pub now: Timestamp,
}

impl Reading {
    fn date(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// The day that it is.
    pub fn today(&self) -> Date {
        self.date(self.now)
    }

    fn days_off(&self, date: Date) -> i32 {
        self.date(self.now).until(date).map_or(i32::MAX, |span| span.get_days())
    }

    /// A day: `3 March`, with the year where it is another one.
    pub fn day(&self, date: Date) -> String {
        let is_this_year = date.year() == self.date(self.now).year();
        date.strftime(if is_this_year { "%-d %B" } else { "%-d %B %Y" }).to_string()
    }

    fn clock(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string()
    }

    /// When something happened: `today at 10:30`.
    pub fn past(&self, at: Timestamp) -> String {
        let (date, clock) = (self.date(at), self.clock(at));
        match self.days_off(date) {
            0 => format!("today at {clock}"),
            -1 => format!("yesterday at {clock}"),
            _ => format!("on {} at {clock}", self.day(date)),
        }
    }

    /// By when something is due: `14:35`, `tomorrow 09:05`, `Thursday 09:05`, `16 March 09:05`.
    pub fn due(&self, at: Timestamp) -> String {
        let (date, clock) = (self.date(at), self.clock(at));
        match self.days_off(date) {
            0 => clock,
            1 => format!("tomorrow {clock}"),
            2..=6 => format!("{} {clock}", date.strftime("%A")),
            _ => format!("{} {clock}", self.day(date)),
        }
    }

    /// Whether a time is today, or was before.
    pub fn is_by_today(&self, at: Timestamp) -> bool {
        self.date(at) <= self.date(self.now)
    }

    /// How long it still is, where that is worth telling by the minute: `5 minutes`.
    pub fn minutes_left(&self, at: Timestamp) -> Option<String> {
        let left = at.duration_since(self.now);
        let is_told = left > SignedDuration::ZERO && left <= BY_THE_MINUTE;
        // A minute that has begun counts.
        let minutes = left.as_secs().saturating_add(59) / 60;
        is_told.then(|| if minutes == 1 { "1 minute".to_owned() } else { format!("{minutes} minutes") })
    }

    /// For how long, in whole days.
    pub fn days_since(&self, at: Timestamp) -> String {
        match -self.days_off(self.date(at)) {
            1 => "a day".to_owned(),
            days => format!("{days} days"),
        }
    }

    /// The start of the day after a number of days.
    pub fn end_of_day_after(&self, days: i64) -> Timestamp {
        let day = self.date(self.now).checked_add(days.saturating_add(1).days()).ok();
        let start = day.and_then(|day| day.to_zoned(self.zone.clone()).ok());
        start.map_or(self.now, |start| start.timestamp())
    }
}

/// A sentence's beginning.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Why sales gave a lead back.
pub const fn reason(reason: TurnbackReason) -> &'static str {
    match reason {
        TurnbackReason::NoResponse => "no response",
        TurnbackReason::Timing => "not now",
        TurnbackReason::NoBudget => "no budget",
        TurnbackReason::Evaluating => "still comparing",
        TurnbackReason::Competitor => "bound to another supplier",
        TurnbackReason::NoAuthority => "not theirs to decide",
        TurnbackReason::WrongContact => "the wrong person",
        TurnbackReason::ProductMismatch => "wanted something else",
        TurnbackReason::BadAnswers => "answers that did not hold",
        TurnbackReason::BadEmail => "a wrong address",
        TurnbackReason::BadPhone => "a wrong number",
        TurnbackReason::NoInterest => "no interest",
        TurnbackReason::SlaExpired => "nobody decided in time",
        TurnbackReason::RepLeft => "their rep left",
        TurnbackReason::ClosedLost => "the deal was lost",
        TurnbackReason::Other => "another reason",
    }
}

/// What a person did, after "they".
pub fn sign(catalog: &Catalog, mails: &[SentMail], sign: &Sign) -> String {
    match &sign.what {
        Deeds::Form { form, intent: Intent::HandRaise } => {
            format!("asked to be spoken to, by the form \u{201c}{form}\u{201d}")
        }
        Deeds::Form { form, intent: Intent::Inquiry } => format!("sent the form \u{201c}{form}\u{201d}"),
        Deeds::Followed { touch, links } => {
            let subject = mails.iter().find(|mail| &mail.touch == touch).and_then(|mail| mail.subject.as_ref());
            let mail =
                subject.map_or_else(|| "one of our mails".to_owned(), |subject| format!("\u{201c}{subject}\u{201d}"));
            match links.len() {
                0 | 1 => format!("followed a link in {mail}"),
                many => format!("followed {many} links in {mail}"),
            }
        }
        Deeds::Answered { fields } => {
            let labels: Vec<&str> = fields.iter().map(|field| label(catalog, field)).collect();
            format!("answered: {}", labels.join(", "))
        }
        Deeds::Gave { kind, topic } => format!("{}{}", signal(*kind), about(catalog, topic.as_ref())),
    }
}

fn label<'a>(catalog: &'a Catalog, field: &'a FieldName) -> &'a str {
    catalog.fields.get(field).map_or(field.as_str(), |field| field.label.as_str())
}

fn about(catalog: &Catalog, topic: Option<&TopicName>) -> String {
    let label = topic.map(|name| catalog.topics.get(name).map_or(name.as_str(), |topic| topic.label.as_str()));
    label.map(|label| format!(" ({label})")).unwrap_or_default()
}

const fn signal(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Replied => "wrote back",
        SignalKind::Clicked => "followed a link",
        SignalKind::FormSubmitted => "sent a form",
        SignalKind::HandRaised => "asked to be spoken to",
        SignalKind::Answered => "answered a question",
        SignalKind::MeetingBooked => "booked a meeting",
        SignalKind::WebinarAttended => "came to a webinar",
        SignalKind::PageVisited => "looked at a page",
        SignalKind::PricingVisited => "looked at prices",
        SignalKind::Connected => "spoke with one of us",
    }
}

/// What a task asks for, of somebody.
pub fn task(kind: TaskKind, who: &str) -> String {
    match kind {
        TaskKind::Call => format!("call {who}"),
        TaskKind::Write => format!("write to {who}"),
        TaskKind::RepairData => format!("find an address that works for {who}"),
        TaskKind::Read => format!("read what {who} wrote"),
    }
}

/// What a lead waits for, in a list of such.
pub const fn wanted(what: What) -> &'static str {
    match what {
        What::Call => "call them",
        What::Write => "write to them",
        What::RepairData => "find an address that works for them",
        What::Read => "read what they wrote",
        What::FirstAttempt => "try to reach them",
        What::Decision => "take them on, or give them back",
        What::NextStep => "take the next step, or they leave your list",
    }
}

/// What happened with a lead, in a list of such.
pub const fn news(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Qualified => "became ready for sales",
        Trigger::Requalified => "came back",
        Trigger::Resubmitted => "was offered to you",
        Trigger::Reassigned => "became yours",
        Trigger::HandRaised => "asked to be spoken to",
        Trigger::Replied => "wrote back",
        Trigger::PricingVisited => "looked at prices",
        Trigger::MeetingBooked => "booked a meeting",
        Trigger::Answered => "answered a question",
        Trigger::Moment => "did what a program looks out for",
        Trigger::FirstAttemptDue => "waited for a first attempt",
        Trigger::FirstAttemptMissed => "waited too long for a first attempt",
        Trigger::NotDecided => "left sales, since nobody decided",
        Trigger::Idle | Trigger::IdleLong => "was left alone for long",
        Trigger::TaskOverdue => "had a task that nobody did",
        Trigger::Expired => "left sales, since nothing happened",
        Trigger::Unreachable => "can no longer be mailed",
    }
}

/// What sales did, as history tells.
pub fn outcome(outcome: &Outcome, reading: &Reading) -> String {
    match outcome {
        Outcome::Accepted => "took them on".to_owned(),
        Outcome::Attempted { attempt: Attempt::NoAnswer } => "called, and nobody answered".to_owned(),
        Outcome::Attempted { attempt: Attempt::LeftVoicemail } => "left a message".to_owned(),
        Outcome::Attempted { attempt: Attempt::Busy } => "called, and the line was busy".to_owned(),
        Outcome::Attempted { attempt: Attempt::Wrote } => "wrote to them".to_owned(),
        Outcome::Connected => "spoke with them".to_owned(),
        Outcome::CallBack { due_at } => format!("is to call back: {}", reading.due(*due_at)),
        Outcome::MeetingBooked { meet_at: Some(at) } => format!("booked a meeting: {}", reading.due(*at)),
        Outcome::MeetingBooked { meet_at: None } => "booked a meeting".to_owned(),
        Outcome::WrongPerson => "reached somebody else".to_owned(),
        Outcome::BadNumber => "found that the number is wrong".to_owned(),
        Outcome::DoNotCall => "heard that they want no calls".to_owned(),
        Outcome::Done => "did what the task asked for".to_owned(),
        Outcome::Qualified => "found a real opportunity".to_owned(),
        Outcome::TurnedBack(request) => format!("gave them back: {}", reason(request.reason)),
        Outcome::Disqualified { .. } => "found that it is no lead".to_owned(),
        Outcome::ExistingCustomer => "found that they are a customer already".to_owned(),
        Outcome::Won => "won the deal".to_owned(),
        Outcome::Lost => "lost the deal".to_owned(),
        Outcome::Held { until } => format!("held the mails back until {}", reading.due(*until)),
        Outcome::Resumed => "let the mails go on".to_owned(),
        Outcome::Revisit { on } => format!("is to come back on {}", reading.day(*on)),
        Outcome::Unhelpful { .. } => "found a mail unhelpful".to_owned(),
    }
}

/// Why a person may not be called, or cannot.
pub const fn no_calls(calls: PhoneReach) -> &'static str {
    match calls {
        PhoneReach::Missing => "We have no number.",
        PhoneReach::Bad => "Their number is wrong.",
        PhoneReach::DoNotCall => "They want no calls.",
        // Nobody contacts whoever is no lead any more.
        PhoneReach::Ok => "They are not to be called.",
    }
}

/// Why a person may not be written to, or cannot.
pub const fn no_mail(mail: EmailReach) -> &'static str {
    match mail {
        EmailReach::Missing => "We have no address to write to.",
        EmailReach::Unconfirmed => "They have not said yet that they want mail.",
        EmailReach::HardBounced => "Their address does not work: our mail came back.",
        EmailReach::Ok | EmailReach::NotMailable | EmailReach::NoConsent | EmailReach::DoNotEmail => {
            "They may not be written to."
        }
        EmailReach::Unsubscribed | EmailReach::Complained => "They want no mail.",
    }
}

#[cfg(test)]
mod tests {
    use perennial_core::calendar;

    use super::*;

    fn reading(now: &str) -> Reading {
        Reading { zone: calendar::zone("Europe/Berlin").unwrap(), now: now.parse().unwrap() }
    }

    #[test]
    fn times_are_told_as_far_off_as_they_are_in_the_readers_zone() {
        let monday = reading("2026-03-02T22:30:00Z");
        let past = |at: &str| monday.past(at.parse().unwrap());
        let due = |at: &str| monday.due(at.parse().unwrap());
        assert_eq!(past("2026-03-02T22:00:00Z"), "today at 23:00");
        // It is past midnight in Berlin.
        assert_eq!(past("2026-03-01T23:30:00Z"), "today at 00:30");
        assert_eq!(past("2026-03-01T22:30:00Z"), "yesterday at 23:30");
        assert_eq!(past("2026-02-03T09:00:00Z"), "on 3 February at 10:00");
        assert_eq!(past("2025-12-03T09:00:00Z"), "on 3 December 2025 at 10:00");
        assert_eq!(due("2026-03-02T22:35:00Z"), "23:35");
        assert_eq!(due("2026-03-03T08:05:00Z"), "tomorrow 09:05");
        assert_eq!(due("2026-03-05T08:05:00Z"), "Thursday 09:05");
        // After the clocks went forward.
        assert_eq!(due("2026-03-30T08:05:00Z"), "30 March 10:05");
        assert_eq!(due("2027-03-16T08:05:00Z"), "16 March 2027 09:05");
    }

    #[test]
    fn what_is_near_is_told_by_the_minute() {
        let now = reading("2026-03-02T09:30:00Z");
        let left = |at: &str| now.minutes_left(at.parse().unwrap());
        assert_eq!(left("2026-03-02T09:35:00Z").unwrap(), "5 minutes");
        assert_eq!(left("2026-03-02T09:34:01Z").unwrap(), "5 minutes");
        assert_eq!(left("2026-03-02T09:30:20Z").unwrap(), "1 minute");
        assert_eq!(left("2026-03-02T10:30:00Z").unwrap(), "60 minutes");
        assert_eq!(left("2026-03-02T10:30:01Z"), None);
        assert_eq!(left("2026-03-02T09:30:00Z"), None);
    }
}
