//! When a step comes: delays and moments, in the lead's own zone.
//!
//! **Invariant:** whatever a program says, the answer is a time that the calendar has, and reading the same
//! text twice on the same day gives the same one.

use std::fmt;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::ids::FieldName;

/// The longest delay, in days: every lead must keep a pulse (I2).
pub const DELAY_DAYS_MAX: u32 = 170;

/// The longest delay in business days.
pub const DELAY_BUSINESS_DAYS_MAX: u32 = 110;

/// The most days between a date of a profile and a moment that counts from it.
pub const OFFSET_DAYS_MAX: u32 = 1_095;

/// The local time of a date that comes without one.
pub const DATE_TIME: Time = Time::constant(9, 0, 0, 0);

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// So many minutes, exactly.
    Minutes(u32),
    /// So many days in the calendar: the same local time, whatever the clocks did.
    Days(u32),
    /// So many days on which the catalog's window opens.
    BusinessDays(u32),
}

/// When a step comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// So long after the step before it.
    After(Delay),
    /// At a point in time.
    At(Moment),
}

/// A point in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// The next such weekday, at that local time, strictly after now: `"next Tuesday 10:00"`.
    Next {
        /// The day.
        weekday: Weekday,
        /// The time.
        time: Time,
    },
    /// The first such weekday of a month, at that local time, strictly after now: `"first Tuesday 10:00"`.
    FirstOfMonth {
        /// The day.
        weekday: Weekday,
        /// The time.
        time: Time,
    },
    /// A date that the lead's profile holds, some days earlier or later: `"revisit_at - 30d"`.
    Date {
        /// The field.
        field: FieldName,
        /// How many days after it; before it, if negative.
        offset_days: i32,
        /// The local time.
        time: Time,
        /// How long from now, where the profile has no such date.
        if_missing: Delay,
    },
}

/// Why a text is not a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DelayError {
    /// It is not a whole number and a unit.
    #[error("a delay is a whole number and one of m, h, d, w, bd")]
    Syntax,
    /// It is longer than it may be.
    #[error("a delay is at most {days_max} days or {business_days_max} business days here")]
    TooLong {
        /// The most days.
        days_max: u32,
        /// The most business days.
        business_days_max: u32,
    },
}

/// Why a text is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It is none of the forms.
    #[error("a moment is `next Tuesday 10:00`, `first Tuesday 10:00` or a date of the profile, `revisit_at - 30d`")]
    Syntax,
    /// It is further from its date than [`OFFSET_DAYS_MAX`].
    #[error("a moment is at most {OFFSET_DAYS_MAX} days from its date")]
    TooFar,
    /// It counts from a date that a profile may not have, and nothing says what is to be done then.
    #[error("a moment that counts from a date of the profile says what to do without one")]
    DateMissing,
}

impl Delay {
    /// No time at all.
    pub const ZERO: Self = Self::Minutes(0);

    /// Parses the wait of a step: `"0m"`, `"20h"`, `"+2d"`, `"1w"`, `"3bd"`, at most [`DELAY_DAYS_MAX`].
    pub fn parse(text: &str) -> Result<Self, DelayError> {
        Self::parse_within(text, DELAY_DAYS_MAX)
    }

    /// Parses a delay of at most `days_max` days, or the business days that there are in them.
    pub fn parse_within(text: &str, days_max: u32) -> Result<Self, DelayError> {
        let business_days_max = days_max.saturating_mul(DELAY_BUSINESS_DAYS_MAX) / DELAY_DAYS_MAX;
        let too_long = DelayError::TooLong { days_max, business_days_max };
        let text = text.strip_prefix('+').unwrap_or(text);
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(DelayError::Syntax)?;
        let (number, unit) = text.split_at_checked(unit_at).ok_or(DelayError::Syntax)?;
        if number.is_empty() {
            return Err(DelayError::Syntax);
        }
        // So many digits that it is no `u32` is too long in every unit.
        let number: u32 = number.parse().unwrap_or(u32::MAX);
        let (delay, longest) = match unit {
            "m" => (Self::Minutes(number), days_max.saturating_mul(DAY_MINUTES)),
            "h" => (Self::Minutes(number.saturating_mul(60)), days_max.saturating_mul(DAY_MINUTES)),
            "d" => (Self::Days(number), days_max),
            "w" => (Self::Days(number.saturating_mul(7)), days_max),
            "bd" => (Self::BusinessDays(number), business_days_max),
            _ => return Err(DelayError::Syntax),
        };
        if delay.number() > longest { Err(too_long) } else { Ok(delay) }
    }

    const fn number(self) -> u32 {
        match self {
            Self::Minutes(number) | Self::Days(number) | Self::BusinessDays(number) => number,
        }
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Minutes(0) | Self::Days(0) | Self::BusinessDays(0))
    }

    /// What it takes at least, whatever the calendar does: a day is no shorter than 23 hours.
    pub const fn shortest(self) -> SignedDuration {
        match self {
            Self::Minutes(minutes) => SignedDuration::from_secs(60 * widen(minutes)),
            Self::Days(days) | Self::BusinessDays(days) => {
                SignedDuration::from_hours(24 * widen(days) - if days > 0 { 1 } else { 0 })
            }
        }
    }

    /// About how long it is, to compare it with another: five business days are a week.
    pub const fn typical(self) -> SignedDuration {
        match self {
            Self::Minutes(minutes) => SignedDuration::from_secs(60 * widen(minutes)),
            Self::Days(days) => SignedDuration::from_hours(24 * widen(days)),
            Self::BusinessDays(days) => SignedDuration::from_hours(24 * (widen(days) * 7 / 5)),
        }
    }

    /// When it is over, counted from `from`, in `zone`.
    pub fn after(self, from: Timestamp, zone: &TimeZone, business_days: &[Weekday]) -> Timestamp {
        let local = || from.to_zoned(zone.clone());
        match self {
            Self::Minutes(minutes) => from + SignedDuration::from_secs(60 * i64::from(minutes)),
            Self::Days(days) => local().checked_add(i64::from(days).days()).map_or(from, |then| then.timestamp()),
            Self::BusinessDays(days) => {
                let local = local();
                let mut date = local.date();
                let mut left = days;
                // A week has a business day (a window without days cannot be made), so this ends.
                while left > 0 {
                    let Ok(next) = date.tomorrow() else { break };
                    date = next;
                    if business_days.is_empty() || business_days.contains(&date.weekday()) {
                        left -= 1;
                    }
                }
                on(date, local.time(), zone).unwrap_or(from)
            }
        }
    }
}

impl fmt::Display for Delay {
    /// As program files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minutes(minutes) if *minutes > 0 && minutes % 60 == 0 => write!(f, "{}h", minutes / 60),
            Self::Minutes(minutes) => write!(f, "{minutes}m"),
            Self::Days(days) => write!(f, "{days}d"),
            Self::BusinessDays(days) => write!(f, "{days}bd"),
        }
    }
}

impl Moment {
    /// Parses a point in time: `"next Tuesday 10:00"`, `"first tue 10:00"`, `"revisit_at"`, `"revisit_at - 30d 10:00"`.
    ///
    /// Whether the field is one, and a date, is the catalog's to know. `if_missing` must be there where the
    /// moment counts from a date, and is not looked at where it does not.
    pub fn parse(text: &str, if_missing: Option<Delay>) -> Result<Self, MomentError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let weekday = |day: &str, time: &str| Some((weekday(day)?, clock(time)?));
        match words.as_slice() {
            [word, day, time] if word.eq_ignore_ascii_case("next") => {
                let (weekday, time) = weekday(day, time).ok_or(MomentError::Syntax)?;
                Ok(Self::Next { weekday, time })
            }
            [word, day, time] if word.eq_ignore_ascii_case("first") => {
                let (weekday, time) = weekday(day, time).ok_or(MomentError::Syntax)?;
                Ok(Self::FirstOfMonth { weekday, time })
            }
            [field, rest @ ..] => {
                let field = FieldName::parse(field).map_err(|_not_a_name| MomentError::Syntax)?;
                let (offset_days, time) = offset(rest)?;
                let if_missing = if_missing.ok_or(MomentError::DateMissing)?;
                Ok(Self::Date { field, offset_days, time, if_missing })
            }
            [] => Err(MomentError::Syntax),
        }
    }

    /// When it is, seen from `now`, where `date` is what the profile says. `None` only at the end of time.
    pub fn after(
        &self,
        now: Timestamp,
        date: Option<Date>,
        zone: &TimeZone,
        business_days: &[Weekday],
    ) -> Option<Timestamp> {
        let today = now.to_zoned(zone.clone()).date();
        match self {
            Self::Next { weekday, time } => (0..=7)
                .filter_map(|days| today.checked_add(i64::from(days).days()).ok())
                .filter(|date| date.weekday() == *weekday)
                .filter_map(|date| on(date, *time, zone))
                .find(|at| *at > now),
            Self::FirstOfMonth { weekday, time } => (0..=2)
                .filter_map(|months| today.first_of_month().checked_add(i64::from(months).months()).ok())
                .filter_map(|month| month.nth_weekday_of_month(1, *weekday).ok())
                .filter_map(|date| on(date, *time, zone))
                .find(|at| *at > now),
            Self::Date { offset_days, time, if_missing, .. } => match date {
                None => Some(if_missing.after(now, zone, business_days)),
                Some(date) => on(date.checked_add(i64::from(*offset_days).days()).ok()?, *time, zone),
            },
        }
    }
}

impl fmt::Display for Moment {
    /// As program files write it. What a missing date means stands beside it there (`if_missing`), so not in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next { weekday, time } => write!(f, "next {} {}", weekday_name(*weekday), time.strftime("%H:%M")),
            Self::FirstOfMonth { weekday, time } => {
                write!(f, "first {} {}", weekday_name(*weekday), time.strftime("%H:%M"))
            }
            Self::Date { field, offset_days, time, .. } => {
                write!(f, "{field}")?;
                if *offset_days != 0 {
                    let sign = if *offset_days < 0 { '-' } else { '+' };
                    write!(f, " {sign} {}d", offset_days.unsigned_abs())?;
                }
                if *time == DATE_TIME { Ok(()) } else { write!(f, " {}", time.strftime("%H:%M")) }
            }
        }
    }
}

/// Minutes in a day of 24 hours.
const DAY_MINUTES: u32 = 24 * 60;

/// What follows the field of a date: nothing, a time, or a sign, so many days or weeks, and perhaps a time.
fn offset(words: &[&str]) -> Result<(i32, Time), MomentError> {
    let (signed, time) = match words {
        [] => (None, DATE_TIME),
        [time] => (None, clock(time).ok_or(MomentError::Syntax)?),
        [sign, days] => (Some((*sign, *days)), DATE_TIME),
        [sign, days, time] => (Some((*sign, *days)), clock(time).ok_or(MomentError::Syntax)?),
        _ => return Err(MomentError::Syntax),
    };
    let Some((sign, length)) = signed else { return Ok((0, time)) };
    let sign = match sign {
        "-" => -1,
        "+" => 1,
        _ => return Err(MomentError::Syntax),
    };
    match Delay::parse_within(length, OFFSET_DAYS_MAX) {
        Ok(Delay::Days(days)) if !length.starts_with('+') => {
            i32::try_from(days).map(|days| (sign * days, time)).map_err(|_out_of_range| MomentError::TooFar)
        }
        Err(DelayError::TooLong { .. }) => Err(MomentError::TooFar),
        Ok(Delay::Days(_) | Delay::Minutes(_) | Delay::BusinessDays(_)) | Err(DelayError::Syntax) => {
            Err(MomentError::Syntax)
        }
    }
}

/// A time of day, `10:00`.
fn clock(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text).ok()
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
    ("Sunday", Weekday::Sunday),
];

/// A weekday by its English name, or the first three letters of it.
fn weekday(text: &str) -> Option<Weekday> {
    let is_it = |name: &str| {
        text.eq_ignore_ascii_case(name) || name.get(..3).is_some_and(|short| text.eq_ignore_ascii_case(short))
    };
    WEEKDAYS.iter().find(|(name, _)| is_it(name)).map(|(_, weekday)| *weekday)
}

fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, known)| *known == weekday).map_or("", |(name, _)| name)
}

/// A local time on a date; the later side of a gap, the earlier of a fold.
fn on(date: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
}

const fn widen(number: u32) -> i64 {
    // `i64::from` is not const.
    #[expect(clippy::as_conversions, reason = "u32 to i64 never loses")]
    {
        number as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_a_whole_number_and_a_unit() {
        for (text, delay) in [
            ("0m", Delay::ZERO),
            ("20h", Delay::Minutes(20 * 60)),
            ("24h", Delay::Minutes(24 * 60)),
            ("+2d", Delay::Days(2)),
            ("1w", Delay::Days(7)),
            ("3bd", Delay::BusinessDays(3)),
            ("170d", Delay::Days(170)),
            ("110bd", Delay::BusinessDays(110)),
            ("4080h", Delay::Minutes(170 * DAY_MINUTES)),
        ] {
            assert_eq!(Delay::parse(text), Ok(delay), "{text}");
        }
        for text in ["", "d", "1", "1.5d", "-1d", "++1d", "+", "1 d", "1d ", "1y", "1b", "1dd", "1\u{e4}", "\u{0661}d"]
        {
            assert_eq!(Delay::parse(text), Err(DelayError::Syntax), "{text}");
        }
        for text in ["171d", "25w", "111bd", "4081h", "99999999999999999999d", "4294967295w", "4294967295h"] {
            assert_eq!(
                Delay::parse(text),
                Err(DelayError::TooLong { days_max: 170, business_days_max: 110 }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_moment_is_a_weekday_or_counts_from_a_date() {
        let parse = |text: &str| Moment::parse(text, Some(Delay::Days(60)));
        for (text, written) in [
            ("next Tuesday 10:00", "next Tuesday 10:00"),
            ("NEXT tue 9:30", "next Tuesday 09:30"),
            ("first  SUN 23:59", "first Sunday 23:59"),
            ("revisit_at", "revisit_at"),
            ("revisit_at 09:00", "revisit_at"),
            ("revisit_at 10:15", "revisit_at 10:15"),
            ("revisit_at - 30d", "revisit_at - 30d"),
            ("revisit_at + 2w 10:00", "revisit_at + 14d 10:00"),
        ] {
            assert_eq!(parse(text).map(|moment| moment.to_string()).as_deref(), Ok(written), "{text}");
        }
        for text in [
            "",
            "next Tuesday",
            "next Tuesday 25:00",
            "next Tues 10:00",
            "second Tuesday 10:00",
            "Revisit_at",
            "revisit_at - 30h",
            "revisit_at - 3bd",
            "revisit_at - +3d",
            "revisit_at 3d",
            "revisit_at -3d",
            "revisit_at - 3d 10:00 x",
        ] {
            assert_eq!(parse(text), Err(MomentError::Syntax), "{text}");
        }
        assert_eq!(parse("revisit_at - 1096d"), Err(MomentError::TooFar));
        assert_eq!(Moment::parse("revisit_at", None), Err(MomentError::DateMissing));
        assert!(Moment::parse("next Tuesday 10:00", None).is_ok());
    }

    #[test]
    fn what_is_printed_reads_the_same_again() {
        for text in ["0m", "90m", "24h", "1d", "0d", "3bd"] {
            assert_eq!(Delay::parse(text).unwrap().to_string(), text);
        }
    }
}
