//! How fast sales is with what it is offered.
//!
//! **Invariant:** every offer is in the row of whoever it was made to, in one of the columns that say when somebody
//! tried, and in one of those that say how it ended; so rows, teams and the total add up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::event::{Event, apply};
use perennial_core::ids::TeamName;
use perennial_core::lead::{Lead, LifecycleStage, Ownership};
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::{Party, Trigger};
use serde::Serialize;

use super::spread::Spread;
use super::walk::every_lead;
use crate::ports::{HistoryRow, Store, StoreError};

/// How fast sales is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlaReport {
    /// By owner.
    pub rows: Vec<SlaRow>,
    /// By team, as the roster has it now; the empty name is of those who are in none.
    pub by_team: BTreeMap<String, SlaCounts>,
    /// All of them.
    pub total: SlaCounts,
}

/// The offers to one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlaRow {
    /// Whose team they are in, as the roster has it now.
    pub team: Option<TeamName>,
    /// What kind of owner.
    pub kind: OwnerKind,
    /// A rep, or a queue.
    pub owner: String,
    /// What came of them.
    #[serde(flatten)]
    pub counts: SlaCounts,
}

/// What kind of owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// One person.
    Rep,
    /// Those who share a queue.
    Queue,
}

/// What came of some offers.
///
/// `offered` = `handed_over` + `offered_again` = `in_time` + `late` + `unattempted` + `not_yet`
/// = `decided` + `resubmitted` + `undecided` + `moved` + `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SlaCounts {
    /// How many there were.
    pub offered: u64,
    /// Because a lead had become ready.
    pub handed_over: u64,
    /// Because somebody else had let it lie, had left, or gave it on.
    pub offered_again: u64,
    /// Somebody tried to reach the person, or decided, in time.
    pub in_time: u64,
    /// Somebody did, too late.
    pub late: u64,
    /// Nobody did, until it ended.
    pub unattempted: u64,
    /// Nobody has yet.
    pub not_yet: u64,
    /// The owner was warned.
    pub warned: u64,
    /// The manager was told.
    pub breached: u64,
    /// Another rep got it on the way.
    pub reassigned: u64,
    /// It ended with a decision.
    pub decided: u64,
    /// Nobody decided, and it was offered to somebody else.
    pub resubmitted: u64,
    /// Nobody decided, for the last time: nurture has it.
    pub undecided: u64,
    /// Somebody else got it: at a deadline, by hand, or since the rep left; or the lead left.
    pub moved: u64,
    /// It is still waited for.
    pub open: u64,
    /// Minutes in which the owner was in, from the offer to the first attempt, of half of them at most.
    pub minutes_to_attempt: Option<u32>,
}

/// Reads the whole store, and tells of every offer that was made to sales. Calendars and teams are those of `catalog`.
pub async fn sla(store: &dyn Store, catalog: &Catalog) -> Result<SlaReport, StoreError> {
    let mut tally = Tally { catalog, rows: BTreeMap::new() };
    every_lead(store, |_, history| tally.count(history)).await?;
    Ok(tally.report())
}

#[derive(Default, Clone)]
struct Counted {
    counts: SlaCounts,
    to_attempt: Spread,
}

/// Whom something was offered to.
type Owner = (OwnerKind, String);

struct Tally<'c> {
    catalog: &'c Catalog,
    rows: BTreeMap<Owner, Counted>,
}

/// An offer that is waited for.
struct Offer {
    owner: Ownership,
    since: Timestamp,
    attempt_by: Timestamp,
    attempted_at: Option<Timestamp>,
}

impl Tally<'_> {
    fn count(&mut self, history: &[HistoryRow]) {
        let (mut lead, mut offer): (Option<Lead>, Option<Offer>) = (None, None);
        let mut is_again = false;
        for row in history {
            for event in &row.entries {
                lead = apply(lead.take(), event, row.at);
                if let Some(open) = &mut offer {
                    self.hear(open, event, row.at);
                    if let Some(column) = ending(event, lead.as_ref()) {
                        self.close(offer.take(), column);
                    }
                }
                let given_on = offer.as_ref().and_then(|open| self.given_on(open, event, row));
                if let Some(theirs) = given_on {
                    self.close(offer.take(), |counts| &mut counts.moved);
                    self.begin(&theirs, true);
                    offer = Some(theirs);
                }
                is_again |= matches!(event, Event::Resubmitted { .. });
                if let Some(begun) = begun(event, lead.as_ref()) {
                    self.begin(&begun, is_again);
                    (offer, is_again) = (Some(begun), false);
                }
            }
        }
        self.close(offer, |counts| &mut counts.open);
    }

    /// The offer that whoever gets the lead has from then on. Whoever acts on what a queue has, has it by that.
    fn given_on(&self, open: &Offer, event: &Event, row: &HistoryRow) -> Option<Offer> {
        let Event::Assigned { owner } = event else { return None };
        let is_taken = row.entries.iter().any(|entry| matches!(entry, Event::Disposed { .. }));
        if is_taken || *owner == open.owner {
            return None;
        }
        let allowed = self.catalog.hours_of(&open.owner).between(open.since, open.attempt_by);
        let attempt_by = self.catalog.hours_of(owner).after(row.at, allowed);
        Some(Offer { owner: owner.clone(), since: row.at, attempt_by, attempted_at: None })
    }

    fn row(&mut self, owner: &Ownership) -> &mut Counted {
        let owner = match owner {
            Ownership::Queue { queue } => (OwnerKind::Queue, queue.as_str().to_owned()),
            Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                (OwnerKind::Rep, rep.as_str().to_owned())
            }
        };
        self.rows.entry(owner).or_default()
    }

    fn begin(&mut self, offer: &Offer, is_again: bool) {
        let counts = &mut self.row(&offer.owner).counts;
        add(&mut counts.offered);
        add(if is_again { &mut counts.offered_again } else { &mut counts.handed_over });
    }

    /// What happens while an offer is waited for.
    fn hear(&mut self, offer: &mut Offer, event: &Event, at: Timestamp) {
        let counts = &mut self.row(&offer.owner).counts;
        if matches!(event, Event::SlaWarned { trigger: Trigger::FirstAttemptDue, .. }) {
            add(&mut counts.warned);
        }
        if matches!(event, Event::SlaBreached { trigger: Trigger::FirstAttemptMissed, .. }) {
            add(&mut counts.breached);
        }
        if matches!(event, Event::SlaBreached { trigger: Trigger::Reassigned, .. }) {
            add(&mut counts.reassigned);
        }
        if let Event::Disposed { outcome, happened_at, .. } = event
            && !outcome.is_remark()
        {
            // What a CRM tells of may have happened before the lead was handed over.
            let tried_at = happened_at.unwrap_or(at).max(offer.since);
            offer.attempted_at = offer.attempted_at.or(Some(tried_at));
        }
    }

    fn close(&mut self, offer: Option<Offer>, column: Column) {
        let Some(offer) = offer else { return };
        let hours = self.catalog.hours_of(&offer.owner);
        let row = self.row(&offer.owner);
        let open = row.counts.open;
        add(column(&mut row.counts));
        let is_open = row.counts.open > open;
        add(match offer.attempted_at {
            Some(at) if at <= offer.attempt_by => &mut row.counts.in_time,
            Some(_) => &mut row.counts.late,
            None if is_open => &mut row.counts.not_yet,
            None => &mut row.counts.unattempted,
        });
        if let Some(at) = offer.attempted_at {
            row.to_attempt.add(hours.between(offer.since, at).as_mins());
        }
    }

    fn report(self) -> SlaReport {
        let roster = &self.catalog.roster;
        let team_of = |(kind, owner): &Owner| match kind {
            OwnerKind::Rep => roster.reps.iter().find(|(name, _)| name.as_str() == owner).map(|(_, rep)| &rep.team),
            OwnerKind::Queue => None,
        };
        let mut by_team: BTreeMap<String, Counted> = BTreeMap::new();
        let mut total = Counted::default();
        for (owner, counted) in &self.rows {
            let team = team_of(owner).map(|team| team.as_str().to_owned()).unwrap_or_default();
            by_team.entry(team).or_default().merge(counted);
            total.merge(counted);
        }
        let rows = self.rows.iter().map(|(owner, counted)| SlaRow {
            team: team_of(owner).cloned(),
            kind: owner.0,
            owner: owner.1.clone(),
            counts: counted.told(),
        });
        SlaReport {
            rows: rows.collect(),
            by_team: by_team.iter().map(|(team, counted)| (team.clone(), counted.told())).collect(),
            total: total.told(),
        }
    }
}

impl Counted {
    fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.counts, &other.counts);
        for (count, more) in [
            (&mut mine.offered, theirs.offered),
            (&mut mine.handed_over, theirs.handed_over),
            (&mut mine.offered_again, theirs.offered_again),
            (&mut mine.in_time, theirs.in_time),
            (&mut mine.late, theirs.late),
            (&mut mine.unattempted, theirs.unattempted),
            (&mut mine.not_yet, theirs.not_yet),
            (&mut mine.warned, theirs.warned),
            (&mut mine.breached, theirs.breached),
            (&mut mine.reassigned, theirs.reassigned),
            (&mut mine.decided, theirs.decided),
            (&mut mine.resubmitted, theirs.resubmitted),
            (&mut mine.undecided, theirs.undecided),
            (&mut mine.moved, theirs.moved),
            (&mut mine.open, theirs.open),
        ] {
            *count = count.saturating_add(more);
        }
        self.to_attempt.merge(&other.to_attempt);
    }

    fn told(&self) -> SlaCounts {
        SlaCounts { minutes_to_attempt: self.to_attempt.median(), ..self.counts }
    }
}

/// The offer that an event begins: the clock of a hand-over is the one that waits for a first attempt.
fn begun(event: &Event, lead: Option<&Lead>) -> Option<Offer> {
    let Event::SlaStarted { clock } = event else { return None };
    let (attempt_by, owner) = (clock.attempt_by?, lead?.owner.clone()?);
    Some(Offer { owner, since: clock.since, attempt_by, attempted_at: None })
}

/// A column of the counts.
type Column = fn(&mut SlaCounts) -> &mut u64;

/// How an event ends the offer that is waited for, if it does; in the column of that.
fn ending(event: &Event, lead: Option<&Lead>) -> Option<Column> {
    let decided: Column = |counts| &mut counts.decided;
    let moved: Column = |counts| &mut counts.moved;
    if let Event::Resubmitted { reason, .. } = event {
        let resubmitted: Column = |counts| &mut counts.resubmitted;
        return Some(if *reason == TurnbackReason::SlaExpired { resubmitted } else { moved });
    }
    if let Event::TurnedBack { by, .. } = event {
        let undecided: Column = |counts| &mut counts.undecided;
        return Some(if *by == Party::Suite { undecided } else { decided });
    }
    if let Event::Disqualified { by, .. } = event {
        return Some(if by.as_ref().is_some_and(|by| *by != Party::Suite) { decided } else { moved });
    }
    if matches!(event, Event::Accepted { .. } | Event::IsCustomer) {
        return Some(decided);
    }
    lead.is_none_or(|lead| lead.stage != LifecycleStage::Mql).then_some(moved)
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}
