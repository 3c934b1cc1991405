//! The circuit breaker of a sender: its mail pauses before SES would pause the whole account (TRUST.md §3).
//!
//! **Invariant:** whether it pauses is worked out anew from counts of the last days, so it ends by itself when they are
//! better; nobody has to remember to switch anything back. SES reviews an account at 5 % bounces or 0.1 % complaints, and
//! pauses it at 10 % or 0.5 %.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// What limits count in: of so many mails.
const OF_MAILS: u64 = 10_000;

/// What became of a sender's mails in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Mails that SES took.
    #[serde(default)]
    pub sends: u64,
    /// Of them, those that came back for good.
    #[serde(default)]
    pub bounces: u64,
    /// Of them, those that somebody complained of.
    #[serde(default)]
    pub complaints: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sends = self.sends.saturating_add(other.sends);
        self.bounces = self.bounces.saturating_add(other.bounces);
        self.complaints = self.complaints.saturating_add(other.complaints);
    }

    fn without(self, other: Self) -> Self {
        Self {
            sends: self.sends.saturating_sub(other.sends),
            bounces: self.bounces.saturating_sub(other.bounces),
            complaints: self.complaints.saturating_sub(other.complaints),
        }
    }
}

/// What a recipient's side tells against a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// The address does not exist.
    Bounce,
    /// The person complained.
    Complaint,
}

/// How much of a sender's mail is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Brake {
    /// Nothing.
    Off,
    /// That of programs of low priority.
    LowPriority,
    /// All of it.
    Everything,
}

/// From how many bounces or complaints on, of 10,000 mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bounces.
    pub bounces: u32,
    /// Complaints.
    pub complaints: u32,
}

impl Limits {
    fn reached(self, tally: Tally) -> bool {
        let reaches = |count: u64, limit: u32| {
            count > 0 && count.saturating_mul(OF_MAILS) >= tally.sends.saturating_mul(u64::from(limit))
        };
        reaches(tally.bounces, self.bounces) || reaches(tally.complaints, self.complaints)
    }
}

/// When a sender's mail is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// How many days are looked at, today included.
    pub window_days: u32,
    /// With fewer mails than this in them, nothing is concluded.
    pub sends_min: u32,
    /// When programs of low priority pause.
    pub slow: Limits,
    /// When all of them do.
    pub stop: Limits,
    /// Programs of a lower priority than this pause first.
    pub pauses_below: u8,
    /// When a mail that is held is looked at again.
    pub look_again: SignedDuration,
}

impl Default for BreakerPolicy {
    /// 4 % or 0.08 % slow a sender down, 8 % or 0.25 % stop it, over seven days with at least 200 mails.
    fn default() -> Self {
        Self {
            window_days: 7,
            sends_min: 200,
            slow: Limits { bounces: 400, complaints: 8 },
            stop: Limits { bounces: 800, complaints: 25 },
            pauses_below: 50,
            look_again: SignedDuration::from_hours(4),
        }
    }
}

impl BreakerPolicy {
    /// How much is held after what became of a sender's mails.
    pub fn judge(&self, tally: Tally) -> Brake {
        if tally.sends < u64::from(self.sends_min) {
            Brake::Off
        } else if self.stop.reached(tally) {
            Brake::Everything
        } else if self.slow.reached(tally) {
            Brake::LowPriority
        } else {
            Brake::Off
        }
    }

    /// Whether a brake holds a program's mail.
    pub const fn holds(&self, brake: Brake, priority: u8) -> bool {
        match brake {
            Brake::Off => false,
            Brake::LowPriority => priority < self.pauses_below,
            Brake::Everything => true,
        }
    }

    /// The first of the days that are looked at.
    pub fn since(&self, now: Timestamp) -> Date {
        let today = day_of(now);
        today.checked_sub(i64::from(self.window_days.saturating_sub(1)).days()).unwrap_or(today)
    }
}

/// What an operator said of a sender last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "said")]
pub enum SenderSwitch {
    /// Nothing is to go out, until somebody says otherwise.
    Paused {
        /// When.
        at: Timestamp,
    },
    /// What had become of its mails until then is not held against it any more.
    Resumed {
        /// When.
        at: Timestamp,
        /// What of that day lay before.
        before: Tally,
    },
}

/// How much was held when somebody looked last, so that a change is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrakeSeen {
    /// How much.
    pub brake: Brake,
    /// Since when.
    pub at: Timestamp,
}

/// What is kept of a sender.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SenderRecord {
    /// What became of its mails, by day (UTC).
    pub days: BTreeMap<Date, Tally>,
    /// What an operator said last.
    pub switch: Option<SenderSwitch>,
    /// How much was held when somebody looked last.
    pub seen: Option<BrakeSeen>,
}

impl SenderRecord {
    /// What counts now: the days of the window, and of them only what lies after the last `resume`.
    pub fn tally(&self, policy: &BreakerPolicy, now: Timestamp) -> Tally {
        let forgiven = match self.switch {
            Some(SenderSwitch::Resumed { at, before }) => Some((day_of(at), before)),
            Some(SenderSwitch::Paused { .. }) | None => None,
        };
        let mut sum = Tally::default();
        for (day, tally) in self.days.range(policy.since(now)..) {
            match forgiven {
                Some((until, _)) if *day < until => {}
                Some((until, before)) if *day == until => sum.add(tally.without(before)),
                Some(_) | None => sum.add(*tally),
            }
        }
        sum
    }

    /// How much is held now.
    pub fn brake(&self, policy: &BreakerPolicy, now: Timestamp) -> Brake {
        match self.switch {
            Some(SenderSwitch::Paused { .. }) => Brake::Everything,
            Some(SenderSwitch::Resumed { .. }) | None => policy.judge(self.tally(policy, now)),
        }
    }
}

/// The day that counts are kept under.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(sends: u64, bounces: u64, complaints: u64) -> Tally {
        Tally { sends, bounces, complaints }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_trips_before_ses_would_look_and_not_on_a_handful_of_mails() {
        let policy = BreakerPolicy::default();
        let rows = [
            (tally(0, 0, 0), Brake::Off),
            (tally(199, 199, 199), Brake::Off),
            (tally(200, 7, 0), Brake::Off),
            (tally(200, 8, 0), Brake::LowPriority),
            (tally(1_000, 79, 0), Brake::LowPriority),
            (tally(1_000, 80, 0), Brake::Everything),
            (tally(1_250, 0, 1), Brake::LowPriority),
            (tally(1_251, 0, 1), Brake::Off),
            (tally(400, 0, 1), Brake::Everything),
            (tally(401, 0, 1), Brake::LowPriority),
            (tally(u64::MAX, u64::MAX, 0), Brake::Everything),
        ];
        for (tally, brake) in rows {
            assert_eq!(policy.judge(tally), brake, "{tally:?}");
        }
    }

    #[test]
    fn low_priority_is_held_first() {
        let policy = BreakerPolicy::default();
        let held = |brake| [10, 49, 50, 90].map(|priority| policy.holds(brake, priority));
        assert_eq!(held(Brake::Off), [false; 4]);
        assert_eq!(held(Brake::LowPriority), [true, true, false, false]);
        assert_eq!(held(Brake::Everything), [true; 4]);
    }

    #[test]
    fn it_ends_by_itself_when_the_bad_day_is_out_of_the_window() {
        let policy = BreakerPolicy::default();
        let bad = (day_of(at("2026-03-02T23:59:00Z")), tally(1_000, 100, 0));
        let record = SenderRecord { days: BTreeMap::from([bad]), ..SenderRecord::default() };
        assert_eq!(record.brake(&policy, at("2026-03-08T23:59:00Z")), Brake::Everything);
        assert_eq!(record.brake(&policy, at("2026-03-09T00:00:00Z")), Brake::Off);
    }

    #[test]
    fn who_resumes_starts_from_nothing_also_within_a_day() {
        let policy = BreakerPolicy::default();
        let now = at("2026-03-03T12:00:00Z");
        let before = tally(500, 90, 3);
        let days = BTreeMap::from([(day_of(at("2026-03-02T12:00:00Z")), tally(900, 90, 0)), (day_of(now), before)]);
        let mut record = SenderRecord { days, ..SenderRecord::default() };
        assert_eq!(record.brake(&policy, now), Brake::Everything);
        record.switch = Some(SenderSwitch::Resumed { at: now, before });
        assert_eq!((record.tally(&policy, now), record.brake(&policy, now)), (Tally::default(), Brake::Off));
        record.days.insert(day_of(now), tally(800, 90 + 24, 3));
        assert_eq!(record.tally(&policy, now), tally(300, 24, 0));
        assert_eq!(record.brake(&policy, now), Brake::Everything);
    }

    #[test]
    fn what_an_operator_paused_stays_paused() {
        let record = SenderRecord {
            switch: Some(SenderSwitch::Paused { at: at("2026-03-02T12:00:00Z") }),
            ..SenderRecord::default()
        };
        assert_eq!(record.brake(&BreakerPolicy::default(), at("2027-03-02T12:00:00Z")), Brake::Everything);
    }
}
