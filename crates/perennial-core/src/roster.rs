//! Who sells: the reps, their teams, when they are in, and how much each takes on.
//!
//! **Invariants:** business time is the owner's: a deadline falls into the hours of whoever has to keep it. A rep who
//! is not active is never chosen, so once every lead has been looked at, they own nothing (I7).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calendar::{self, SendWindow};
use crate::catalog::Sender;
use crate::ids::{LeadId, RepName, TeamName};

/// How far ahead opening hours are looked for: a team that does not open for so long has no deadline that means more.
const OPENING_DAYS_MAX: i64 = 400;

/// How many more leads somebody may have than whoever has fewest and still be next: counts may be a moment old, and
/// many leads at once must not all go to the same rep.
const EVEN: u32 = 1;

/// Everybody who sells (`perennial reps`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roster {
    /// The reps, those who have left included: history names them.
    #[serde(default)]
    pub reps: BTreeMap<RepName, Rep>,
    /// The teams.
    #[serde(default)]
    pub teams: BTreeMap<TeamName, Team>,
}

/// Somebody who sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rep {
    /// What people call them, and their address: mails come from it, alerts go to it.
    #[serde(flatten)]
    pub sender: Sender,
    /// Their team.
    pub team: TeamName,
    /// Whether they take leads.
    #[serde(default)]
    pub status: RepStatus,
    /// When they are in, where that differs from their team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<OfficeHours>,
    /// How many leads may wait for them at once; without it, any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_max: Option<u32>,
}

/// What a file says of who sells (`reps.toml`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RosterFile {
    /// Who sells; whoever has no status in the file is active.
    pub roster: Roster,
    /// Whose status stands in the file.
    pub stated: BTreeSet<RepName>,
}

impl RosterFile {
    /// Who sells from now on, after `before`: whoever's status does not stand in the file keeps theirs.
    pub fn after(self, before: &Roster) -> Roster {
        let Self { mut roster, stated } = self;
        for (name, rep) in roster.reps.iter_mut().filter(|(name, _)| !stated.contains(*name)) {
            rep.status = before.reps.get(name).map_or(rep.status, |before| before.status);
        }
        roster
    }
}

/// Whether a rep takes leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepStatus {
    /// They do.
    #[default]
    Active,
    /// They keep what they have and get nothing new.
    Away,
    /// They are gone, and own nothing.
    Left,
}

/// Reps who work together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Who is told when a lead waits too long; also sees all of the team's leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<RepName>,
    /// When it is in.
    pub hours: OfficeHours,
}

/// When somebody is in. Deadlines count these hours only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeHours {
    /// The IANA zone of the times.
    pub zone: String,
    /// On which weekdays.
    pub days: Vec<Weekdays>,
    /// From when.
    pub opens: Time,
    /// Until just before when.
    pub closes: Time,
    /// Except on these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<Date>,
}

/// A weekday, as data spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Weekdays {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekdays {
    /// Every one.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// The calendar's.
    pub const fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

impl OfficeHours {
    /// The hours in which mail goes out: those of people who say nothing of theirs.
    pub fn of_window(window: &SendWindow, zone: &TimeZone) -> Self {
        let (opens, closes) = window.hours();
        let days = Weekdays::ALL.into_iter().filter(|day| window.days().contains(&day.weekday())).collect();
        let zone = zone.iana_name().unwrap_or("UTC").to_owned();
        Self { zone, days, opens, closes, holidays: BTreeSet::new() }
    }

    /// When `duration` of open hours is over, counted from `from`. Nothing of it passes while nobody is in.
    pub fn after(&self, from: Timestamp, duration: SignedDuration) -> Timestamp {
        let zone = self.time_zone();
        let mut left = duration;
        let mut date = from.to_zoned(zone.clone()).date();
        for _ in 0..OPENING_DAYS_MAX {
            if let Some((opens, closes)) = self.on(date, &zone) {
                let begins = opens.max(from);
                if begins < closes {
                    let open = closes.duration_since(begins);
                    if left <= open {
                        return begins + left;
                    }
                    left -= open.min(left);
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        // Nobody is in for more than a year: then the clock is the only calendar left.
        from + duration
    }

    /// Where they are.
    pub fn time_zone(&self) -> TimeZone {
        calendar::zone(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// When somebody comes in on a day; `None` on days on which nobody does.
    pub fn opening(&self, date: Date) -> Option<Timestamp> {
        self.on(date, &self.time_zone()).map(|(opens, _)| opens)
    }

    /// How much of the time between two moments somebody is in.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        let zone = self.time_zone();
        let mut open = SignedDuration::ZERO;
        let mut date = from.to_zoned(zone.clone()).date();
        let last = to.to_zoned(zone.clone()).date();
        for _ in 0..OPENING_DAYS_MAX {
            if date > last {
                break;
            }
            if let Some((opens, closes)) = self.on(date, &zone) {
                open += closes.min(to).duration_since(opens.max(from)).max(SignedDuration::ZERO);
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        open
    }

    /// Whether somebody is in.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let zone = self.time_zone();
        let date = at.to_zoned(zone.clone()).date();
        self.on(date, &zone).is_some_and(|(opens, closes)| (opens..closes).contains(&at))
    }

    /// The hours of a day, if there are any.
    fn on(&self, date: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let is_day = self.days.iter().any(|day| day.weekday() == date.weekday());
        let at = |time: Time| {
            let local: DateTime = date.to_datetime(time);
            zone.to_ambiguous_timestamp(local).compatible().ok()
        };
        if !is_day || self.holidays.contains(&date) {
            return None;
        }
        Some((at(self.opens)?, at(self.closes)?)).filter(|(opens, closes)| opens < closes)
    }
}

/// How many leads wait for each rep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loads(pub BTreeMap<RepName, u32>);

impl Loads {
    fn of(&self, rep: &RepName) -> u32 {
        self.0.get(rep).copied().unwrap_or(0)
    }
}

impl Roster {
    /// Whether nobody sells: then queues own every lead.
    pub fn is_empty(&self) -> bool {
        self.reps.is_empty()
    }

    /// Whether a rep may own leads.
    pub fn owns(&self, rep: &RepName) -> bool {
        self.reps.get(rep).is_some_and(|rep| match rep.status {
            RepStatus::Active | RepStatus::Away => true,
            RepStatus::Left => false,
        })
    }

    /// Whether a rep takes new leads.
    pub fn takes(&self, rep: &RepName) -> bool {
        self.reps.get(rep).is_some_and(|rep| rep.status == RepStatus::Active)
    }

    /// When a rep is in.
    pub fn hours(&self, rep: &RepName) -> Option<&OfficeHours> {
        let rep = self.reps.get(rep)?;
        rep.hours.as_ref().or_else(|| self.teams.get(&rep.team).map(|team| &team.hours))
    }

    /// Who is told when a rep's lead waits too long. Nobody is their own manager.
    pub fn manager(&self, rep: &RepName) -> Option<&RepName> {
        let team = self.teams.get(&self.reps.get(rep)?.team)?;
        team.manager.as_ref().filter(|manager| *manager != rep && self.owns(manager))
    }

    /// Whether `rep` may see what `owner` owns: their own leads, and their team's (H42).
    pub fn sees(&self, rep: &RepName, owner: &RepName) -> bool {
        if rep == owner {
            return self.owns(rep);
        }
        let (Some(viewer), Some(owner)) = (self.reps.get(rep), self.reps.get(owner)) else { return false };
        let manages = self.teams.get(&owner.team).is_some_and(|team| team.manager.as_ref() == Some(rep));
        self.owns(rep) && (viewer.team == owner.team || manages)
    }

    /// Among whom `rep` would be chosen: whoever of their team takes leads. Nobody, where there is no choice.
    pub fn alternatives(&self, rep: &RepName) -> BTreeSet<&RepName> {
        let Some(rep) = self.reps.get(rep) else { return BTreeSet::new() };
        let takers = self.reps.iter().filter(|(_, one)| one.team == rep.team && one.status == RepStatus::Active);
        let takers: BTreeMap<&RepName, &Rep> = takers.collect();
        let is_choice = takers.len() > 1 || takers.values().any(|one| one.open_max.is_some());
        if is_choice { takers.into_keys().collect() } else { BTreeSet::new() }
    }

    /// Who of a team is next: somebody active, below their cap, whom fewest leads wait for; among those who are about
    /// even, a different one for each lead. `None`: nobody of it can take one more.
    pub fn next(&self, team: &TeamName, lead: &LeadId, not: &BTreeSet<RepName>, loads: &Loads) -> Option<&RepName> {
        let free: Vec<(&RepName, u32)> = self
            .reps
            .iter()
            .filter(|(name, rep)| &rep.team == team && rep.status == RepStatus::Active && !not.contains(name))
            .map(|(name, rep)| (name, loads.of(name), rep.open_max))
            .filter(|(_, open, most)| most.is_none_or(|most| *open < most))
            .map(|(name, open, _)| (name, open))
            .collect();
        let fewest = free.iter().map(|(_, open)| *open).min()?;
        let even = free.into_iter().filter(|(_, open)| *open <= fewest.saturating_add(EVEN));
        even.map(|(name, _)| name).min_by_key(|name| turn(lead, name))
    }
}

/// A number that is always the same for a lead and a rep, and spreads leads evenly over reps.
fn turn(lead: &LeadId, rep: &RepName) -> [u8; 8] {
    let digest = Sha256::digest(format!("{lead} {rep}"));
    let mut number = [0; 8];
    for (to, from) in number.iter_mut().zip(digest) {
        *to = from;
    }
    number
}

#[cfg(test)]
mod tests;
