//! The suite's clock: the machine's own time, or a time-lapse of it.
//!
//! **It never goes back**, within a run and over restarts: each move of a
//! time-lapse is on disk before anyone can read it, and a clock at real speed
//! keeps a reading from time to time. **A time-lapse stands still while
//! anything runs**: whoever handles a request or an event holds the clock
//! ([`Clock::hold`]), and a move waits until nobody does. So one decision sees
//! one instant, and nothing comes due between a load and its commit.
//!
//! While no process has the file open its clock runs on at real speed: a store
//! that a time-lapse has brought to next spring is still ahead by as much
//! tomorrow. Tokens and form stamps are none of this clock's business: they
//! live on the wall clock.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use perennial_app::ports::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::local_items::{ItemName, LocalItemError, LocalItems};

/// The fastest time-lapse: a year of the suite's time in a second.
pub const TIME_LAPSE_SECONDS_MAX: u32 = 366 * 86_400;

/// How often a clock at real speed keeps its reading.
const KEEP_EVERY: SignedDuration = SignedDuration::from_secs(60);

const ROW_VERSION: u32 = 1;

/// How fast the suite's clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// With the machine's clock, by the offset that earlier time-lapses left.
    Real,
    /// Faster, in moves made by [`Clock::tick`].
    TimeLapse(TimeLapse),
}

/// A speed, as `1d/s` or `12h/s`: suite time that goes by in a real second.
///
/// Units are `s`, `m`, `h`, `d` and `w`; the number is whole and not zero, the
/// speed at most [`TIME_LAPSE_SECONDS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLapse {
    suite_seconds_per_second: u32,
}

/// Why a text is no time-lapse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTimeLapseError {
    /// It does not have the form.
    #[error("a time-lapse is a whole number, a unit (s, m, h, d, w) and `/s`, as in `1d/s`")]
    Form,
    /// It is zero or too fast.
    #[error("a time-lapse is between 1s/s and 366d/s")]
    Range,
}

/// Units from the largest down, with their seconds.
const UNITS: [(char, u32); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl FromStr for TimeLapse {
    type Err = ParseTimeLapseError;

    fn from_str(text: &str) -> Result<Self, ParseTimeLapseError> {
        let amount = text.strip_suffix("/s").ok_or(ParseTimeLapseError::Form)?;
        let (digits, seconds) = UNITS
            .iter()
            .find_map(|(unit, seconds)| Some((amount.strip_suffix(*unit)?, *seconds)))
            .ok_or(ParseTimeLapseError::Form)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseTimeLapseError::Form);
        }
        digits
            .parse::<u32>()
            .ok()
            .and_then(|number| number.checked_mul(seconds))
            .filter(|total| (1..=TIME_LAPSE_SECONDS_MAX).contains(total))
            .map(|suite_seconds_per_second| Self { suite_seconds_per_second })
            .ok_or(ParseTimeLapseError::Range)
    }
}

impl fmt::Display for TimeLapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.suite_seconds_per_second;
        let (unit, seconds) = UNITS.iter().find(|(_, seconds)| total.is_multiple_of(*seconds)).unwrap_or(&('s', 1));
        write!(f, "{}{unit}/s", total / seconds)
    }
}

impl TimeLapse {
    /// The suite time that goes by while `real` goes by on the machine.
    pub fn of(self, real: Duration) -> SignedDuration {
        let nanoseconds = real.as_nanos().saturating_mul(u128::from(self.suite_seconds_per_second));
        i128::try_from(nanoseconds).ok().and_then(SignedDuration::try_from_nanos_i128).unwrap_or(SignedDuration::MAX)
    }
}

/// The suite's clock. Cheap to clone; all clones are one clock.
#[derive(Clone)]
pub struct Clock {
    shared: Arc<Shared>,
}

struct Shared {
    pace: Pace,
    wall: Wall,
    items: LocalItems,
    state: Mutex<State>,
    released: Notify,
}

pub(crate) type Wall = Box<dyn Fn() -> Timestamp + Send + Sync>;

struct State {
    /// The latest instant anyone may have read.
    at: Timestamp,
    /// How far a clock at real speed is ahead of the machine's.
    ahead: SignedDuration,
    /// What is on disk.
    kept: Timestamp,
    holds: usize,
}

/// The item LOCAL/CLOCK: the suite's time and the machine's time beside it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    v: u32,
    at: Timestamp,
    wall: Timestamp,
}

impl Reading {
    /// Where the clock is when the machine's clock shows `wall`.
    fn resumed_at(&self, wall: Timestamp) -> Timestamp {
        let away = wall.duration_since(self.wall).max(SignedDuration::ZERO);
        later(self.at, away)
    }
}

impl Clock {
    /// Starts the clock where the store left it; a new store starts at the machine's time.
    pub fn start(items: LocalItems, pace: Pace) -> Result<Self, LocalItemError> {
        Self::start_on(items, pace, Box::new(|| SystemClock.now()))
    }

    /// [`start`](Self::start) on another machine's clock.
    pub(crate) fn start_on(items: LocalItems, pace: Pace, wall: Wall) -> Result<Self, LocalItemError> {
        let now = wall();
        let at = Self::kept(&items)?.map_or(now, |reading| reading.resumed_at(now));
        keep(&items, at, now)?;
        let state = State { at, ahead: at.duration_since(now), kept: at, holds: 0 };
        Ok(Self { shared: Arc::new(Shared { pace, wall, items, state: Mutex::new(state), released: Notify::new() }) })
    }

    /// The suite's time by the reading on disk, without starting a clock: for a
    /// command that works on the file for a moment.
    pub fn peek(items: &LocalItems) -> Result<Timestamp, LocalItemError> {
        let now = SystemClock.now();
        Ok(Self::kept(items)?.map_or(now, |reading| reading.resumed_at(now)))
    }

    fn kept(items: &LocalItems) -> Result<Option<Reading>, LocalItemError> {
        let reading: Option<Reading> = items.read(ItemName::Clock)?;
        if reading.as_ref().is_some_and(|reading| reading.v != ROW_VERSION) {
            return Err(LocalItemError::Damaged { name: "CLOCK", source: "it is of another version".into() });
        }
        Ok(reading)
    }

    /// How fast this clock goes.
    pub fn pace(&self) -> Pace {
        self.shared.pace
    }

    /// The suite's time. Never earlier than what was answered before.
    pub fn now(&self) -> Timestamp {
        let mut state = self.shared.state();
        if self.shared.pace == Pace::Real {
            let running = later((self.shared.wall)(), state.ahead);
            state.at = state.at.max(running);
        }
        state.at
    }

    /// Makes a time-lapse stand still until the hold is dropped.
    ///
    /// Never waits, so holds may nest. A clock at real speed runs on.
    pub fn hold(&self) -> Hold {
        self.shared.state().holds += 1;
        Hold { shared: Arc::clone(&self.shared) }
    }

    /// Moves a time-lapse on by what `real` time is worth, as soon as nobody holds it; answers
    /// the new time. At real speed it only keeps the reading, once a minute.
    ///
    /// For the ticker, which passes the length of its tick (not what went by:
    /// a long sweep must not turn into one long jump). Fails when the new time
    /// cannot be kept, and then has not moved.
    pub async fn tick(&self, real: Duration) -> Result<Timestamp, LocalItemError> {
        match self.shared.pace {
            Pace::Real => self.keep_now_and_then(),
            Pace::TimeLapse(speed) => self.move_by(speed.of(real)).await,
        }
    }

    fn keep_now_and_then(&self) -> Result<Timestamp, LocalItemError> {
        let now = self.now();
        let mut state = self.shared.state();
        if now.duration_since(state.kept) >= KEEP_EVERY {
            keep(&self.shared.items, now, (self.shared.wall)())?;
            state.kept = now;
        }
        Ok(now)
    }

    async fn move_by(&self, step: SignedDuration) -> Result<Timestamp, LocalItemError> {
        loop {
            // Made before the look, so that a release in between wakes it.
            let released = self.shared.released.notified();
            if let Some(moved) = self.shared.move_if_free(step) {
                return moved;
            }
            released.await;
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("pace", &self.shared.pace).field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is plain values, each whole at any time: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn move_if_free(&self, step: SignedDuration) -> Option<Result<Timestamp, LocalItemError>> {
        let mut state = self.state();
        if state.holds > 0 {
            return None;
        }
        let at = later(state.at, step);
        Some(keep(&self.items, at, (self.wall)()).map(|()| {
            state.at = at;
            state.kept = at;
            at
        }))
    }
}

impl perennial_app::ports::Clock for Clock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

/// While this lives, a time-lapse stands still.
#[must_use = "the clock stands still only while the hold is alive"]
pub struct Hold {
    shared: Arc<Shared>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.holds = state.holds.saturating_sub(1);
        if state.holds == 0 {
            drop(state);
            self.shared.released.notify_waiters();
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

fn keep(items: &LocalItems, at: Timestamp, wall: Timestamp) -> Result<(), LocalItemError> {
    let reading = Reading { v: ROW_VERSION, at, wall };
    items.replace(ItemName::Clock, &reading)
}

/// `at + by`, stopping at the end of time.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::task::{Context, Poll, Waker};

    use dynoxide::Database;

    use super::*;

    /// A machine's clock that a test sets.
    #[derive(Clone)]
    struct Machine(Arc<AtomicI64>);

    impl Machine {
        fn at(text: &str) -> Self {
            Self(Arc::new(AtomicI64::new(instant(text).as_second())))
        }

        fn set(&self, text: &str) {
            self.0.store(instant(text).as_second(), Ordering::Relaxed);
        }

        fn start(&self, items: &LocalItems, pace: Pace) -> Clock {
            let seconds = Arc::clone(&self.0);
            let wall = move || Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap();
            Clock::start_on(items.clone(), pace, Box::new(wall)).unwrap()
        }
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn items() -> LocalItems {
        LocalItems::open(Database::memory().unwrap()).unwrap()
    }

    fn lapse(text: &str) -> Pace {
        Pace::TimeLapse(text.parse().unwrap())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_time_lapse_is_read_and_shown_in_its_largest_whole_unit() {
        for (text, shown) in [
            ("1d/s", "1d/s"),
            ("12h/s", "12h/s"),
            ("24h/s", "1d/s"),
            ("90m/s", "90m/s"),
            ("14d/s", "2w/s"),
            ("1s/s", "1s/s"),
            ("366d/s", "366d/s"),
        ] {
            assert_eq!(text.parse::<TimeLapse>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_time_lapse_is_refused_by_form_or_by_range() {
        for text in ["", "1d", "d/s", "1y/s", "1.5d/s", "-1d/s", "+1d/s", "1 d/s", "1d/m", "1ä/s"] {
            assert_eq!(text.parse::<TimeLapse>(), Err(ParseTimeLapseError::Form), "{text}");
        }
        for text in ["0d/s", "367d/s", "99999999999d/s", "4294967295w/s"] {
            assert_eq!(text.parse::<TimeLapse>(), Err(ParseTimeLapseError::Range), "{text}");
        }
    }

    #[test]
    fn at_real_speed_the_clock_goes_with_the_machine() {
        let machine = Machine::at("2026-01-01T00:00:00Z");
        let clock = machine.start(&items(), Pace::Real);
        machine.set("2026-01-01T00:05:00Z");
        assert_eq!(clock.now(), instant("2026-01-01T00:05:00Z"));
    }

    #[test]
    fn a_machine_whose_clock_is_set_back_does_not_take_the_suite_back() {
        let machine = Machine::at("2026-01-01T12:00:00Z");
        let items = items();
        let clock = machine.start(&items, Pace::Real);
        machine.set("2026-01-01T11:00:00Z");
        assert_eq!(clock.now(), instant("2026-01-01T12:00:00Z"));
        let restarted = machine.start(&items, Pace::Real);
        assert_eq!(restarted.now(), instant("2026-01-01T12:00:00Z"));
    }

    #[tokio::test]
    async fn a_time_lapse_moves_only_by_ticks() {
        let machine = Machine::at("2026-01-01T00:00:00Z");
        let clock = machine.start(&items(), lapse("1d/s"));
        machine.set("2026-01-01T00:05:00Z");
        assert_eq!(clock.now(), instant("2026-01-01T00:00:00Z"));
        let moved = clock.tick(SECOND).await.unwrap();
        assert_eq!(moved, instant("2026-01-02T00:00:00Z"));
        let moved = clock.tick(Duration::from_millis(250)).await.unwrap();
        assert_eq!(moved, instant("2026-01-02T06:00:00Z"));
        assert_eq!(clock.now(), moved);
    }

    #[tokio::test]
    async fn a_time_lapse_stands_still_while_anyone_holds_it() {
        let machine = Machine::at("2026-01-01T00:00:00Z");
        let clock = machine.start(&items(), lapse("1d/s"));
        let (outer, inner) = (clock.hold(), clock.hold());
        let mut tick = pin!(clock.tick(SECOND));
        let mut context = Context::from_waker(Waker::noop());
        assert!(tick.as_mut().poll(&mut context).is_pending());
        drop(outer);
        assert!(tick.as_mut().poll(&mut context).is_pending());
        assert_eq!(clock.now(), instant("2026-01-01T00:00:00Z"));
        drop(inner);
        let Poll::Ready(moved) = tick.as_mut().poll(&mut context) else {
            panic!("the clock is free and still does not move");
        };
        assert_eq!(moved.unwrap(), instant("2026-01-02T00:00:00Z"));
    }

    #[tokio::test]
    async fn a_release_wakes_a_tick_that_waits() {
        let machine = Machine::at("2026-01-01T00:00:00Z");
        let clock = machine.start(&items(), lapse("1h/s"));
        let hold = clock.hold();
        let ticking = tokio::spawn({
            let clock = clock.clone();
            async move { clock.tick(SECOND).await }
        });
        tokio::task::yield_now().await;
        drop(hold);
        let moved = ticking.await.unwrap().unwrap();
        assert_eq!(moved, instant("2026-01-01T01:00:00Z"));
    }

    #[tokio::test]
    async fn after_a_restart_the_clock_goes_on_from_where_a_time_lapse_left_it() {
        let machine = Machine::at("2026-01-01T00:00:00Z");
        let items = items();
        let clock = machine.start(&items, lapse("30d/s"));
        clock.tick(SECOND).await.unwrap();
        drop(clock);
        machine.set("2026-01-01T10:00:00Z");
        let clock = machine.start(&items, Pace::Real);
        assert_eq!(clock.now(), instant("2026-01-31T10:00:00Z"));
        machine.set("2026-01-01T11:00:00Z");
        assert_eq!(clock.now(), instant("2026-01-31T11:00:00Z"));
    }

    #[tokio::test]
    async fn a_clock_at_real_speed_keeps_a_reading_each_minute() {
        let machine = Machine::at("2026-01-01T00:00:00Z");
        let items = items();
        let clock = machine.start(&items, Pace::Real);
        machine.set("2026-01-01T00:00:59Z");
        clock.tick(SECOND).await.unwrap();
        machine.set("2026-01-01T00:00:00Z");
        assert_eq!(machine.start(&items, Pace::Real).now(), instant("2026-01-01T00:00:00Z"));
        machine.set("2026-01-01T00:02:00Z");
        clock.tick(SECOND).await.unwrap();
        machine.set("2026-01-01T00:00:00Z");
        assert_eq!(machine.start(&items, Pace::Real).now(), instant("2026-01-01T00:02:00Z"));
    }

    #[test]
    fn a_damaged_reading_is_an_error_and_not_a_fresh_start() {
        let items = items();
        items.replace(ItemName::Clock, &"yesterday").unwrap();
        let error = Clock::start(items, Pace::Real).unwrap_err();
        assert_eq!(error.to_string(), "the item LOCAL/CLOCK is damaged");
    }
}
