//! How warm a lead is: points for what it told us (fit) and for what it does (engagement).
//!
//! **Invariants:** a score puts leads in order and leaves nobody out (S10). Engagement fades by itself: what is left of
//! each sign is `points · 2^-(age / half-life)`, worked out when somebody asks, so nothing runs at night. The order in
//! which signs come makes no difference beyond rounding. All numbers are whole thousandths of a point; there is no
//! float. Each point of engagement is an [`Event::Scored`] in history, so [`explain`] can name its cause.

#![warn(clippy::float_arithmetic)]

mod explanation;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::explanation::{Explanation, FitLine, Line, SignLine, explain};
use crate::catalog::Catalog;
use crate::condition::{Facts, SignalKind};
use crate::event::Event;
use crate::follow::Followed;
use crate::ids::TouchId;
use crate::lead::Lead;
use crate::policy::Worth;

/// In how many half-lives a lead may have points. A catalog has at most one for each kind of sign; of those that are
/// left over from older catalogs, the one with the fewest points goes first.
pub const CLASSES_MAX: usize = 16;

/// Of how many clicks a lead keeps what they were worth, in case a machine turns out to have made them.
pub const CLICKS_MAX: usize = 32;

const THOUSANDTHS: i64 = 1_000;

const NANOS_PER_MINUTE: u128 = 60_000_000_000;

/// Powers of two between 0 and 1 are kept as whole multiples of 2^-62: products of two fit into 128 bits.
const SCALE_BITS: u32 = 62;

/// Into how many halves a half-life is halved: an error of less than a billionth.
const FRACTION_BITS: u32 = 32;

/// Points, in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(i64);

impl Points {
    /// None.
    pub const ZERO: Self = Self(0);

    /// So many whole points.
    pub fn whole(points: impl Into<i64>) -> Self {
        Self(points.into().saturating_mul(THOUSANDTHS))
    }

    /// So many thousandths of a point.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The whole number that is next to them; none where they are below zero. So a second makes no difference to a
    /// score that is asked for.
    pub fn in_whole(self) -> u32 {
        u32::try_from(self.0.max(0).saturating_add(THOUSANDTHS / 2) / THOUSANDTHS).unwrap_or(u32::MAX)
    }

    /// So many percent of them.
    #[must_use]
    pub fn percent(self, percent: u32) -> Self {
        Self(self.0.saturating_mul(i64::from(percent)) / 100)
    }

    /// The tenth of a point that is next to them: what people are shown.
    #[must_use]
    pub const fn in_tenths(self) -> Self {
        let half = if self.0 < 0 { -50 } else { 50 };
        Self(self.0.saturating_add(half) / 100 * 100)
    }

    const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Points {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Points {
    /// To a tenth of a point: `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.in_tenths().0 / 100;
        let sign = if tenths < 0 { "-" } else { "" };
        f.pad(&format!("{sign}{}.{}", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10))
    }
}

/// What a lead's signs have come to: its engagement, at any time. Fit is not in here, since the profile is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The points, by how fast they fade; the fastest first, at most [`CLASSES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Fading>,
    /// What clicks were worth that may turn out to be a machine's, at most [`CLICKS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clicks: Vec<ScoredClick>,
}

/// Points that fade alike. Stored as a list of three, since most leads have two of these and are written often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, Points, Timestamp)", into = "(u32, Points, Timestamp)")]
pub struct Fading {
    /// After how long half of them are left.
    pub half_life_minutes: u32,
    /// How many there were at that time. Below zero where more was taken back than was left, by rounding.
    pub points: Points,
    /// When: the time of the latest sign among them.
    pub at: Timestamp,
}

/// What a click was worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoredClick {
    /// The mail.
    pub touch: TouchId,
    /// The links that were followed, as far as they still count as followed by a person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub links: BTreeSet<u16>,
    /// The points.
    pub points: i32,
    /// After how long half of them are left.
    pub half_life_minutes: u32,
    /// When the sign was given.
    pub given_at: Timestamp,
}

impl Score {
    /// Whether nothing was ever scored, or nothing since the last reset.
    pub const fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.clicks.is_empty()
    }

    /// What the signs are worth at `now`. Never less than nothing.
    pub fn engagement(&self, now: Timestamp) -> Points {
        let left = self.classes.iter().map(|class| class.left(now)).sum::<Points>();
        left.max(Points::ZERO)
    }

    /// Forgets all signs. Whatever is taken back later of what they were worth is none of the next ones'.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    fn add(&mut self, points: i32, half_life_minutes: u32, given_at: Timestamp) {
        let new = Fading { half_life_minutes, points: Points::whole(points), at: given_at };
        let known = self.classes.iter_mut().find(|class| class.half_life_minutes == half_life_minutes);
        match known {
            Some(class) => *class = class.with(new),
            None => self.classes.push(new),
        }
        self.classes.retain(|class| class.points != Points::ZERO);
        self.classes.sort_by_key(|class| class.half_life_minutes);
        if self.classes.len() > CLASSES_MAX {
            let least = self.classes.iter().enumerate().min_by_key(|(_, class)| class.left(given_at));
            if let Some((place, _)) = least {
                self.classes.remove(place);
            }
        }
    }

    /// The clicks that only machines made, as it looks now. Their points are to be taken back.
    pub(crate) fn unsigned(&self) -> impl Iterator<Item = &ScoredClick> {
        self.clicks.iter().filter(|click| click.links.is_empty())
    }

    /// Links of a mail turned out to be followed by a machine.
    pub(crate) fn relabel(&mut self, touch: &TouchId, machines: &BTreeSet<u16>) {
        for click in self.clicks.iter_mut().filter(|click| &click.touch == touch) {
            click.links.retain(|link| !machines.contains(link));
        }
    }

    /// Keeps what the links of a mail were worth that somebody has just followed.
    fn remember(&mut self, followed: &[Followed], points: i32, half_life_minutes: u32, given_at: Timestamp) {
        let gave_it = |mail: &&Followed| mail.sign.as_ref().is_some_and(|sign| sign.given_at == given_at);
        // What somebody told us of is no mail's, and nobody's to take back.
        let Some(mail) = followed.iter().rev().find(gave_it) else { return };
        self.clicks.retain(|known| followed.iter().any(|mail| mail.touch == known.touch));
        let known = self.clicks.iter().filter(|known| known.touch == mail.touch).flat_map(|known| &known.links);
        let known: BTreeSet<u16> = known.copied().collect();
        let links: BTreeSet<u16> = mail.people.difference(&known).copied().collect();
        if links.is_empty() {
            return;
        }
        self.clicks.push(ScoredClick { touch: mail.touch.clone(), links, points, half_life_minutes, given_at });
        let surplus = self.clicks.len().saturating_sub(CLICKS_MAX);
        self.clicks.drain(..surplus);
    }

    /// Lets go of what was taken back.
    fn forget(&mut self, taken_back: i32, half_life_minutes: u32, given_at: Timestamp) {
        let is_it = |known: &ScoredClick| {
            known.links.is_empty()
                && known.points == taken_back.saturating_neg()
                && (known.half_life_minutes, known.given_at) == (half_life_minutes, given_at)
        };
        if let Some(place) = self.clicks.iter().position(is_it) {
            self.clicks.remove(place);
        }
    }
}

impl From<(u32, Points, Timestamp)> for Fading {
    fn from((half_life_minutes, points, at): (u32, Points, Timestamp)) -> Self {
        Self { half_life_minutes, points, at }
    }
}

impl From<Fading> for (u32, Points, Timestamp) {
    fn from(fading: Fading) -> Self {
        (fading.half_life_minutes, fading.points, fading.at)
    }
}

impl Fading {
    /// What is left at `now`; as much as there is, if that is before the latest sign.
    fn left(&self, now: Timestamp) -> Points {
        Points(faded(self.points.0, now.duration_since(self.at), self.half_life_minutes))
    }

    /// Both, as of the later of their times.
    fn with(self, other: Self) -> Self {
        let at = self.at.max(other.at);
        Self { points: self.left(at).plus(other.left(at)), at, ..self }
    }
}

/// What is left of an amount after some time, to the next whole number.
fn faded(amount: i64, age: SignedDuration, half_life_minutes: u32) -> i64 {
    let age = u128::try_from(age.as_nanos()).unwrap_or_default();
    let half_life = u128::from(half_life_minutes.max(1)) * NANOS_PER_MINUTE;
    let halvings = u32::try_from(age / half_life).unwrap_or(u32::MAX);
    if halvings > i64::BITS {
        return 0;
    }
    let part = ((age % half_life) << FRACTION_BITS) / half_life;
    let left = u128::from(amount.unsigned_abs()) * power(part);
    let shift = SCALE_BITS + halvings;
    let rounded = i64::try_from((left + (1 << (shift - 1))) >> shift).unwrap_or(i64::MAX);
    if amount < 0 { rounded.saturating_neg() } else { rounded }
}

/// 2 to the power of minus `part` / 2^32, as a multiple of 2^-62: the product of the roots of one half that make it up.
fn power(part: u128) -> u128 {
    let one = 1 << SCALE_BITS;
    let mut root: u128 = one / 2;
    let mut power = one;
    for bit in (0..FRACTION_BITS).rev() {
        root = (root << SCALE_BITS).isqrt();
        if (part >> bit) & 1 == 1 {
            power = (power * root) >> SCALE_BITS;
        }
    }
    power
}

impl Worth {
    /// After how many minutes half of it is left; business days count as long as they typically last.
    pub fn half_life_minutes(&self) -> u32 {
        u32::try_from(self.half_life.typical().as_mins()).unwrap_or(u32::MAX).max(1)
    }
}

/// What a lead's answers are worth. Worked out when asked, so a corrected answer counts at once.
pub fn fit(catalog: &Catalog, facts: &Facts<'_>) -> Points {
    let holds = catalog.fit.iter().filter(|rule| rule.when.holds(facts));
    holds.map(|rule| Points::whole(rule.points)).sum()
}

/// Fit and engagement together, at the time that the facts are asked at.
pub fn total(catalog: &Catalog, facts: &Facts<'_>) -> Points {
    fit(catalog, facts).plus(facts.lead.score.engagement(facts.now))
}

/// Whether with this event all signs before it are forgotten: [`crate::event::apply`] and [`explain`] both go by it.
pub(crate) const fn begins_anew(event: &Event) -> bool {
    matches!(event, Event::Received { .. } | Event::Erased | Event::TurnedBack { .. })
}

/// What [`Event::Scored`] changes: nothing but the lead's score.
pub(crate) fn apply(lead: &mut Lead, event: &Event) {
    let Event::Scored { kind, points, half_life_minutes, given_at } = *event else { return };
    lead.score.add(points, half_life_minutes, given_at);
    if points < 0 {
        lead.score.forget(points, half_life_minutes, given_at);
    } else if kind == SignalKind::Clicked {
        lead.score.remember(&lead.followed, points, half_life_minutes, given_at);
    }
}
