//! A score in words: each point with its cause.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Fading, Points, begins_anew};
use crate::catalog::Catalog;
use crate::condition::{Facts, SignalKind};
use crate::event::Event;

/// How a lead's score comes about.
///
/// What is shown is rounded to a tenth of a point, each number by itself. **It adds up:** fit, signs and `rounding`
/// make the total, which is the score, rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What the answers are worth, in the order of the catalog.
    pub fit: Vec<FitLine>,
    /// What the signs are still worth, the latest first.
    pub signs: Vec<SignLine>,
    /// How many signs have faded to less than is shown.
    pub faded: usize,
    /// How many signs were taken back, because a machine had given them.
    pub taken_back: usize,
    /// What rounding and the faded signs come to.
    pub rounding: Points,
    /// The score.
    pub total: Points,
}

/// An answer that is worth something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FitLine {
    /// What the catalog calls it.
    pub label: String,
    /// The points.
    pub points: Points,
}

/// A sign that is still worth something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SignLine {
    /// Which.
    pub kind: SignalKind,
    /// When it was given.
    pub given_at: Timestamp,
    /// What it was worth then.
    pub points: i32,
    /// After how long half of that is left.
    pub half_life_minutes: u32,
    /// What is left of it.
    pub left: Points,
}

/// One line of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The points.
    pub points: Points,
    /// What for.
    pub cause: String,
}

/// Explains a lead's score at the time that the facts are asked at.
///
/// `history` is the lead's, oldest first, at least from where its cycle began: what happened before it is found in
/// `rounding`.
pub fn explain<'e>(catalog: &Catalog, facts: &Facts<'_>, history: impl IntoIterator<Item = &'e Event>) -> Explanation {
    let holds = catalog.fit.iter().filter(|rule| rule.when.holds(facts));
    let fit: Vec<FitLine> =
        holds.map(|rule| FitLine { label: rule.label.clone(), points: Points::whole(rule.points) }).collect();
    let (mut signs, taken_back) = signs_of(history, facts.now);
    let all = signs.len();
    signs.retain(|sign| sign.left != Points::ZERO);
    signs.sort_by(|a, b| b.given_at.cmp(&a.given_at).then_with(|| a.kind.cmp(&b.kind)));
    let total = super::total(catalog, facts).in_tenths();
    let shown: Points = fit.iter().map(|line| line.points).chain(signs.iter().map(|sign| sign.left)).sum();
    Explanation { fit, faded: all.saturating_sub(signs.len()), signs, taken_back, rounding: total.minus(shown), total }
}

/// The signs that count, and how many were taken back.
fn signs_of<'e>(history: impl IntoIterator<Item = &'e Event>, now: Timestamp) -> (Vec<SignLine>, usize) {
    let mut signs: Vec<SignLine> = Vec::new();
    let mut taken_back = 0;
    for event in history {
        if begins_anew(event) {
            signs.clear();
            taken_back = 0;
        }
        let Event::Scored { kind, points, half_life_minutes, given_at } = *event else { continue };
        let is_it = |sign: &SignLine| {
            sign.points == points.saturating_neg()
                && (sign.kind, sign.half_life_minutes, sign.given_at) == (kind, half_life_minutes, given_at)
        };
        match signs.iter().position(is_it) {
            Some(place) if points < 0 => {
                signs.remove(place);
                taken_back += 1;
            }
            Some(_) | None => {
                let given = Fading { half_life_minutes, points: Points::whole(points), at: given_at };
                let left = given.left(now).in_tenths();
                signs.push(SignLine { kind, given_at, points, half_life_minutes, left });
            }
        }
    }
    (signs, taken_back)
}

impl Explanation {
    /// Line by line, with days as they are in a zone. The points of the lines add up to the total.
    pub fn lines(&self, zone: &TimeZone) -> Vec<Line> {
        let fit = self.fit.iter().map(|line| Line { points: line.points, cause: line.label.clone() });
        let signs = self.signs.iter().map(|sign| Line { points: sign.left, cause: sign.said(zone) });
        let rest = (self.rounding != Points::ZERO || self.faded > 0).then(|| self.rest());
        fit.chain(signs).chain(rest).collect()
    }

    fn rest(&self) -> Line {
        let cause = match self.faded {
            0 => "rounding".to_owned(),
            1 => "one sign that has faded, and rounding".to_owned(),
            faded => format!("{faded} signs that have faded, and rounding"),
        };
        Line { points: self.rounding, cause }
    }
}

impl SignLine {
    fn said(&self, zone: &TimeZone) -> String {
        let day = self.given_at.to_zoned(zone.clone()).date();
        format!("{} on {day} ({} then)", past(self.kind), self.points)
    }
}

/// What somebody did, as one tells a rep.
const fn past(kind: SignalKind) -> &'static str {
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

/// How wide the points of a line are.
const POINTS_WIDTH: usize = 7;

impl fmt::Display for Explanation {
    /// One line for each cause, days in UTC, and the total below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { points, cause } in self.lines(&TimeZone::UTC) {
            writeln!(f, "{points:>POINTS_WIDTH$}  {cause}")?;
        }
        write!(f, "{:>POINTS_WIDTH$}  in all", self.total)?;
        match self.taken_back {
            0 => Ok(()),
            1 => f.write_str("; one click was a machine's, and counts nothing"),
            clicks => write!(f, "; {clicks} clicks were a machine's, and count nothing"),
        }
    }
}
