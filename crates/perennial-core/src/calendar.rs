//! When a mail may go out: send windows in the lead's own zone, and the frequency cap.

use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};

/// The hours in which mail that can wait goes out, in the lead's zone, daylight saving respected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendWindow {
    days: Vec<Weekday>,
    opens: Time,
    closes: Time,
}

/// The time zone of an IANA name, from the database that is built in: the same on every machine.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// A window that never opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a send window needs a day and must open before it closes")]
pub struct EmptyWindow;

/// The period in which the frequency cap counts mails.
pub const CAP_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How many days ahead a window is looked for. A window has a weekday, so a week is always enough;
/// the second week covers a day whose whole window a clock change swallows.
const DAYS_AHEAD_MAX: i64 = 14;

impl Default for SendWindow {
    /// Monday to Friday, 08:00 to 17:00.
    fn default() -> Self {
        Self {
            days: vec![Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday],
            opens: Time::constant(8, 0, 0, 0),
            closes: Time::constant(17, 0, 0, 0),
        }
    }
}

impl SendWindow {
    /// A window on some weekdays, from `opens` until just before `closes`.
    pub fn new(days: Vec<Weekday>, opens: Time, closes: Time) -> Result<Self, EmptyWindow> {
        if days.is_empty() || opens >= closes {
            return Err(EmptyWindow);
        }
        Ok(Self { days, opens, closes })
    }

    /// The weekdays on which it opens: what counts as a business day.
    pub fn days(&self) -> &[Weekday] {
        &self.days
    }

    /// When it opens and closes, local time.
    pub fn hours(&self) -> (Time, Time) {
        (self.opens, self.closes)
    }

    /// Whether the window is open at `at` in `zone`.
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let local = at.to_zoned(zone.clone());
        self.days.contains(&local.weekday()) && (self.opens..self.closes).contains(&local.time())
    }

    /// The first instant from `at` on at which the window is open; `at` itself where it is.
    pub fn next_open(&self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        if self.is_open(at, zone) {
            return at;
        }
        let today = at.to_zoned(zone.clone()).date();
        (0..=DAYS_AHEAD_MAX)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .filter(|date| self.days.contains(&date.weekday()))
            .filter_map(|date| zone.to_ambiguous_timestamp(date.to_datetime(self.opens)).compatible().ok())
            .find(|opening| *opening > at && self.is_open(*opening, zone))
            // Only at the end of representable time is there no such day.
            .unwrap_or(at)
    }
}

/// How often one lead may get mail, across programs (DOMAIN.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrequencyCap {
    /// The least time between two mails.
    pub spacing: SignedDuration,
    /// The most mails in any seven days; 1 to [`WEEKLY_MAX`].
    pub weekly_max: usize,
}

/// The highest weekly cap: a lead remembers no more send times than this.
pub const WEEKLY_MAX: usize = 16;

impl Default for FrequencyCap {
    /// One in 20 hours, three in seven days.
    fn default() -> Self {
        Self { spacing: SignedDuration::from_hours(20), weekly_max: 3 }
    }
}

impl FrequencyCap {
    /// The first instant from `at` on at which another mail is within the cap.
    ///
    /// `sent` are the times of the last mails, oldest first.
    pub fn next_allowed(&self, at: Timestamp, sent: &[Timestamp]) -> Timestamp {
        let spaced = sent.last().map_or(at, |last| at.max(*last + self.spacing));
        let filled = sent.len().checked_sub(self.weekly_max.max(1)).and_then(|index| sent.get(index));
        filled.map_or(spaced, |oldest| spaced.max(*oldest + CAP_PERIOD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(at: &str, zone: &str) -> String {
        let zone = super::zone(zone).unwrap();
        let open = SendWindow::default().next_open(at.parse().unwrap(), &zone);
        open.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
    }

    #[test]
    fn inside_the_window_is_now() {
        assert_eq!(next("2026-03-04T15:00:00Z", "Europe/Berlin"), "Wed 2026-03-04 16:00 CET");
    }

    #[test]
    fn the_evening_waits_for_the_next_morning_and_friday_evening_for_monday() {
        assert_eq!(next("2026-03-04T16:00:00Z", "Europe/Berlin"), "Thu 2026-03-05 08:00 CET");
        assert_eq!(next("2026-03-06T23:00:00Z", "America/New_York"), "Mon 2026-03-09 08:00 EDT");
    }

    #[test]
    fn a_clock_change_over_the_weekend_keeps_the_local_hour() {
        assert_eq!(next("2026-03-27T17:00:00Z", "Europe/Berlin"), "Mon 2026-03-30 08:00 CEST");
        assert_eq!(next("2026-10-23T17:00:00Z", "Europe/Berlin"), "Mon 2026-10-26 08:00 CET");
    }

    #[test]
    fn a_window_that_a_clock_change_swallows_opens_at_its_next_weekday() {
        // 2026-03-29 02:00–03:00 does not exist in Berlin.
        let window =
            SendWindow::new(vec![Weekday::Sunday], Time::constant(2, 0, 0, 0), Time::constant(2, 30, 0, 0)).unwrap();
        let zone = super::zone("Europe/Berlin").unwrap();
        let open = window.next_open("2026-03-28T12:00:00Z".parse().unwrap(), &zone);
        assert_eq!(open.to_zoned(zone).to_string(), "2026-04-05T02:00:00+02:00[Europe/Berlin]");
    }

    #[test]
    fn a_window_without_days_or_hours_is_refused() {
        assert_eq!(SendWindow::new(vec![], Time::midnight(), Time::constant(1, 0, 0, 0)), Err(EmptyWindow));
        assert_eq!(SendWindow::new(vec![Weekday::Monday], Time::midnight(), Time::midnight()), Err(EmptyWindow));
    }

    #[test]
    fn the_cap_spaces_mails_and_counts_a_week() {
        let cap = FrequencyCap::default();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let sent = [at("2026-03-02T09:00:00Z"), at("2026-03-03T09:00:00Z"), at("2026-03-04T09:00:00Z")];
        assert_eq!(cap.next_allowed(at("2026-03-02T12:00:00Z"), &[]), at("2026-03-02T12:00:00Z"));
        assert_eq!(cap.next_allowed(at("2026-03-02T12:00:00Z"), &sent[..1]), at("2026-03-03T05:00:00Z"));
        assert_eq!(cap.next_allowed(at("2026-03-05T12:00:00Z"), &sent), at("2026-03-09T09:00:00Z"));
    }
}
