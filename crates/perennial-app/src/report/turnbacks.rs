//! What became of the leads that sales gave back, and of those it wanted nothing of (S5).
//!
//! **Invariant:** every turnback is in one row, and in one of the columns that say what became of it; so the rows of a
//! reason, those of a rep, and the total add up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use perennial_core::event::{DisqualifyReason, Event};
use perennial_core::ids::{LeadId, RepName};
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::Party;
use serde::Serialize;

use super::spread::Spread;
use super::walk::every_lead;
use crate::ports::{HistoryRow, Store, StoreError};

/// The most disqualifications that are listed as wrong: the last.
pub const WRONG_LISTED_MAX: usize = 1_000;

/// What history calls the cause of what sales tells.
const BY_SALES: &str = "disposed";

/// What became of leads that were given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnbacksReport {
    /// By reason and rep.
    pub rows: Vec<TurnbackRow>,
    /// By reason.
    pub by_reason: BTreeMap<&'static str, TurnbackCounts>,
    /// By whose they were; the empty name is nobody's.
    pub by_rep: BTreeMap<String, TurnbackCounts>,
    /// All of them.
    pub total: TurnbackCounts,
    /// Those who were no leads at all, as sales said, by reason.
    pub disqualified: BTreeMap<&'static str, DisqualifiedCounts>,
    /// Of those, who were leads after all: the last [`WRONG_LISTED_MAX`], the latest first.
    pub wrong: Vec<WrongDisqualification>,
}

/// The turnbacks for one reason of one rep's leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnbackRow {
    /// Why.
    pub reason: TurnbackReason,
    /// Whose it was, if a rep's.
    pub rep: Option<RepName>,
    /// What became of them.
    #[serde(flatten)]
    pub counts: TurnbackCounts,
}

/// What became of some turnbacks.
///
/// `turned_back` = `requalified` + `turned_back_again` + `disqualified` + `customers` + `erased` + `waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TurnbackCounts {
    /// How many there were. A lead may be given back more than once.
    pub turned_back: u64,
    /// Of them, those whose lead got a mail, or a task that was done, before anything else became of it.
    pub nurtured: u64,
    /// Offered to sales again.
    pub requalified: u64,
    /// Given back once more, with no offer in between.
    pub turned_back_again: u64,
    /// No leads after all, or nobody whom anybody may contact any more.
    pub disqualified: u64,
    /// Customers, as was found out, or as they had been before.
    pub customers: u64,
    /// Erased.
    pub erased: u64,
    /// Still in nurture.
    pub waiting: u64,
    /// Of all, those whose lead was won at any time later.
    pub won: u64,
    /// Days from the turnback to the offer, of half of them at most.
    pub days_to_requalified: Option<u32>,
    /// Days from the turnback to the deal, of half of them at most.
    pub days_to_won: Option<u32>,
}

/// What became of those who were said to be no leads.
///
/// `disqualified` = `raised_hand` + `taken_back` + `ended` + `listening`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DisqualifiedCounts {
    /// How many there were.
    pub disqualified: u64,
    /// Raised a hand by themselves.
    pub raised_hand: u64,
    /// Were taken back by sales itself.
    pub taken_back: u64,
    /// Were erased.
    pub ended: u64,
    /// Are still only listened to.
    pub listening: u64,
    /// Of all, those who were won at any time later.
    pub won: u64,
}

/// Somebody who was said to be no lead, and was one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WrongDisqualification {
    /// When that showed.
    pub shown_at: Timestamp,
    /// Who.
    pub lead: LeadId,
    /// Why they were said to be none.
    pub reason: &'static str,
    /// By whom.
    pub by: String,
    /// When.
    pub disqualified_at: Timestamp,
    /// How it showed.
    pub shown_by: ShownBy,
}

/// How it shows that somebody is a lead after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownBy {
    /// They raised a hand.
    HandRaise,
    /// They bought.
    Won,
}

/// Reads the whole store, and tells of every turnback in it.
pub async fn turnbacks(store: &dyn Store) -> Result<TurnbacksReport, StoreError> {
    let mut tally = Tally::default();
    every_lead(store, |lead, history| tally.count(&lead.id, history)).await?;
    Ok(tally.report())
}

/// What is counted of a row before it is told: medians need more than a number.
#[derive(Default, Clone)]
struct Counted {
    counts: TurnbackCounts,
    to_requalified: Spread,
    to_won: Spread,
}

#[derive(Default)]
struct Tally {
    rows: BTreeMap<(TurnbackReason, Option<RepName>), Counted>,
    disqualified: BTreeMap<&'static str, DisqualifiedCounts>,
    wrong: BTreeSet<WrongDisqualification>,
}

/// A turnback of the lead that is read.
struct Given {
    key: (TurnbackReason, Option<RepName>),
    at: Timestamp,
    is_nurtured: bool,
}

/// A disqualification of it.
struct Refused {
    reason: DisqualifyReason,
    by: String,
    at: Timestamp,
}

/// How far the reading of one lead is.
#[derive(Default)]
struct Reading {
    /// The turnback of which nothing has become yet.
    given: Option<Given>,
    /// Those that no deal has followed yet.
    not_won: Vec<((TurnbackReason, Option<RepName>), Timestamp)>,
    refused: Option<Refused>,
    refused_not_won: Vec<Refused>,
}

impl Tally {
    fn count(&mut self, lead: &LeadId, history: &[HistoryRow]) {
        let mut reading = Reading::default();
        for row in history {
            for event in &row.entries {
                self.take(lead, &mut reading, event, row);
            }
        }
        self.close(&mut reading, |counts| &mut counts.waiting);
        self.end_refusal(&mut reading, |counts| &mut counts.listening);
    }

    fn take(&mut self, lead: &LeadId, reading: &mut Reading, event: &Event, row: &HistoryRow) {
        let at = row.at;
        if let Event::TurnedBack { reason, rep, .. } = event {
            self.close(reading, |counts| &mut counts.turned_back_again);
            self.end_refusal(reading, |counts| &mut counts.taken_back);
            let key = (*reason, rep.clone());
            add(&mut self.rows.entry(key.clone()).or_default().counts.turned_back);
            reading.not_won.push((key.clone(), at));
            reading.given = Some(Given { key, at, is_nurtured: false });
        }
        if let Some(given) = &mut reading.given {
            given.is_nurtured |= is_touch(event);
        }
        if let (Event::Requalified { .. }, Some(given)) = (event, &reading.given) {
            let counted = self.rows.entry(given.key.clone()).or_default();
            counted.to_requalified.add(days(given.at, at));
            self.close(reading, |counts| &mut counts.requalified);
        }
        if let Event::IsCustomer = event {
            self.close(reading, |counts| &mut counts.customers);
        }
        if let Event::Disqualified { reason, by, .. } = event {
            self.close(reading, |counts| &mut counts.disqualified);
            self.refuse(reading, *reason, by.as_ref(), at);
        }
        if let Event::Reopened = event {
            self.reopened(lead, reading, row);
        }
        if let Event::Won { .. } = event {
            self.won(lead, reading, at);
        }
        if let Event::Erased = event {
            self.close(reading, |counts| &mut counts.erased);
            self.end_refusal(reading, |counts| &mut counts.ended);
            *reading = Reading::default();
        }
    }

    /// Something has become of the turnback that was waited for.
    fn close(&mut self, reading: &mut Reading, column: impl Fn(&mut TurnbackCounts) -> &mut u64) {
        let Some(given) = reading.given.take() else { return };
        let counts = &mut self.rows.entry(given.key).or_default().counts;
        add(column(counts));
        if given.is_nurtured {
            add(&mut counts.nurtured);
        }
    }

    /// Only what somebody says is judged; that no channel is lawful is no opinion.
    fn refuse(&mut self, reading: &mut Reading, reason: DisqualifyReason, by: Option<&Party>, at: Timestamp) {
        let Some(by) = by.filter(|by| **by != Party::Suite) else { return };
        self.end_refusal(reading, |counts| &mut counts.taken_back);
        add(&mut self.disqualified.entry(reason.as_str()).or_default().disqualified);
        reading.refused = Some(Refused { reason, by: by.name().to_owned(), at });
    }

    fn end_refusal(&mut self, reading: &mut Reading, column: impl Fn(&mut DisqualifiedCounts) -> &mut u64) {
        let Some(refused) = reading.refused.take() else { return };
        add(column(self.disqualified.entry(refused.reason.as_str()).or_default()));
        reading.refused_not_won.push(refused);
    }

    fn reopened(&mut self, lead: &LeadId, reading: &mut Reading, row: &HistoryRow) {
        let is_by_sales = row.cause == BY_SALES;
        if let Some(refused) = reading.refused.as_ref().filter(|_| !is_by_sales) {
            let wrong = wrong(lead, refused, row.at, ShownBy::HandRaise);
            self.list(wrong);
        }
        self.end_refusal(reading, |it| if is_by_sales { &mut it.taken_back } else { &mut it.raised_hand });
    }

    /// One deal is the end of all that was said before.
    fn won(&mut self, lead: &LeadId, reading: &mut Reading, at: Timestamp) {
        self.close(reading, |counts| &mut counts.customers);
        for (key, given_at) in reading.not_won.drain(..) {
            let counted = self.rows.entry(key).or_default();
            add(&mut counted.counts.won);
            counted.to_won.add(days(given_at, at));
        }
        for refused in std::mem::take(&mut reading.refused_not_won) {
            add(&mut self.disqualified.entry(refused.reason.as_str()).or_default().won);
            self.list(wrong(lead, &refused, at, ShownBy::Won));
        }
    }

    fn list(&mut self, wrong: WrongDisqualification) {
        self.wrong.insert(wrong);
        if self.wrong.len() > WRONG_LISTED_MAX {
            self.wrong.pop_first();
        }
    }

    fn report(self) -> TurnbacksReport {
        let mut by_reason: BTreeMap<&'static str, Counted> = BTreeMap::new();
        let mut by_rep: BTreeMap<String, Counted> = BTreeMap::new();
        let mut total = Counted::default();
        for ((reason, rep), counted) in &self.rows {
            let rep = rep.as_ref().map(|rep| rep.as_str().to_owned()).unwrap_or_default();
            by_reason.entry(reason.as_str()).or_default().merge(counted);
            by_rep.entry(rep).or_default().merge(counted);
            total.merge(counted);
        }
        let rows = self.rows.iter().map(|((reason, rep), counted)| TurnbackRow {
            reason: *reason,
            rep: rep.clone(),
            counts: counted.told(),
        });
        TurnbacksReport {
            rows: rows.collect(),
            by_reason: by_reason.iter().map(|(reason, counted)| (*reason, counted.told())).collect(),
            by_rep: by_rep.iter().map(|(rep, counted)| (rep.clone(), counted.told())).collect(),
            total: total.told(),
            disqualified: self.disqualified,
            wrong: self.wrong.into_iter().rev().collect(),
        }
    }
}

impl Counted {
    fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.counts, &other.counts);
        for (count, more) in [
            (&mut mine.turned_back, theirs.turned_back),
            (&mut mine.nurtured, theirs.nurtured),
            (&mut mine.requalified, theirs.requalified),
            (&mut mine.turned_back_again, theirs.turned_back_again),
            (&mut mine.disqualified, theirs.disqualified),
            (&mut mine.customers, theirs.customers),
            (&mut mine.erased, theirs.erased),
            (&mut mine.waiting, theirs.waiting),
            (&mut mine.won, theirs.won),
        ] {
            *count = count.saturating_add(more);
        }
        self.to_requalified.merge(&other.to_requalified);
        self.to_won.merge(&other.to_won);
    }

    fn told(&self) -> TurnbackCounts {
        TurnbackCounts {
            days_to_requalified: self.to_requalified.median(),
            days_to_won: self.to_won.median(),
            ..self.counts
        }
    }
}

/// Whether somebody heard from us, or spoke with us.
fn is_touch(event: &Event) -> bool {
    let is_done = matches!(event, Event::TaskDone { outcome, .. } if outcome != "superseded");
    is_done || matches!(event, Event::TouchSent { .. } | Event::TouchUnknown { .. })
}

fn wrong(lead: &LeadId, refused: &Refused, shown_at: Timestamp, shown_by: ShownBy) -> WrongDisqualification {
    WrongDisqualification {
        shown_at,
        lead: lead.clone(),
        reason: refused.reason.as_str(),
        by: refused.by.clone(),
        disqualified_at: refused.at,
        shown_by,
    }
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// Whole days.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use perennial_core::ids::{ProgramName, StepId, TouchId};
    use perennial_core::lead::LifecycleStage;
    use perennial_core::sales::{Origin, QualifyCause};
    use perennial_core::waterfall::Deltas;
    use proptest::prelude::*;

    use super::*;

    fn rep(name: &str) -> RepName {
        RepName::parse(name).unwrap()
    }

    fn back(reason: TurnbackReason, of: Option<&str>) -> Event {
        Event::TurnedBack {
            reason,
            by: of.map_or(Party::Suite, |name| Party::Rep { rep: rep(name) }),
            rep: of.map(rep),
            from: LifecycleStage::Sal,
            sales_from: Timestamp::UNIX_EPOCH,
            judge_at: None,
            horizon_at: None,
        }
    }

    fn again() -> Event {
        Event::Requalified { cause: QualifyCause::HandRaise, cycle: 2, origin: Origin::New, by_score: false }
    }

    fn sent() -> Event {
        let touch = TouchId {
            ordinal: 1,
            program: ProgramName::parse("nurture").unwrap(),
            step: StepId::parse("one").unwrap(),
            occurrence: 0,
        };
        Event::TouchSent { touch, attempt: 1, proof: perennial_core::event::SendProof::Answer, message_id: None }
    }

    fn no_lead(by: Option<Party>) -> Event {
        Event::Disqualified { reason: DisqualifyReason::NotAFit, review_at: Timestamp::UNIX_EPOCH, by }
    }

    fn won() -> Event {
        Event::Won { by: Party::Crm }
    }

    fn lead(number: u8) -> LeadId {
        LeadId::parse(&format!("{:a>26}", char::from(b'a' + number % 26))).unwrap()
    }

    /// A day passes before each.
    fn history(events: &[(&str, Event)]) -> Vec<HistoryRow> {
        let row = |(seq, (cause, event)): (u64, &(&str, Event))| HistoryRow {
            seq,
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * i64::try_from(seq).unwrap()),
            cause: (*cause).to_owned(),
            entries: vec![event.clone()],
            deltas: Deltas::default(),
        };
        (1..).zip(events).map(row).collect()
    }

    fn report(histories: &[Vec<(&str, Event)>]) -> TurnbacksReport {
        let mut tally = Tally::default();
        for (number, events) in (0..).zip(histories) {
            tally.count(&lead(number), &history(events));
        }
        tally.report()
    }

    #[test]
    fn what_became_of_each_turnback_is_told_and_a_deal_counts_for_all_before_it() {
        let timing = TurnbackReason::Timing;
        let report = report(&[
            vec![
                ("disposed", back(TurnbackReason::NoResponse, Some("ada"))),
                ("send_ended", sent()),
                ("evaluate", again()),
                ("disposed", back(timing, Some("ben"))),
                ("evaluate", again()),
                ("disposed", won()),
            ],
            vec![("disposed", back(timing, Some("ada"))), ("disposed", back(TurnbackReason::NoBudget, Some("ada")))],
            vec![("due", back(TurnbackReason::SlaExpired, None)), ("send_ended", sent())],
            vec![("disposed", back(timing, Some("ben"))), ("erase_requested", Event::Erased)],
        ]);
        let of = |reason: TurnbackReason| report.by_reason[reason.as_str()];
        let none = TurnbackCounts::default();
        let no_response = TurnbackCounts {
            turned_back: 1,
            nurtured: 1,
            requalified: 1,
            won: 1,
            days_to_requalified: Some(2),
            days_to_won: Some(5),
            ..none
        };
        assert_eq!(of(TurnbackReason::NoResponse), no_response);
        let twice = TurnbackCounts {
            turned_back: 3,
            requalified: 1,
            turned_back_again: 1,
            erased: 1,
            won: 1,
            days_to_requalified: Some(1),
            days_to_won: Some(2),
            ..none
        };
        assert_eq!(of(timing), twice);
        assert_eq!(of(TurnbackReason::NoBudget), TurnbackCounts { turned_back: 1, waiting: 1, ..none });
        assert_eq!(of(TurnbackReason::SlaExpired), TurnbackCounts { turned_back: 1, nurtured: 1, waiting: 1, ..none });
        let reps: Vec<(&str, u64)> = report.by_rep.iter().map(|(rep, it)| (rep.as_str(), it.turned_back)).collect();
        assert_eq!(reps, [("", 1), ("ada", 3), ("ben", 2)]);
        assert_eq!(report.total.turned_back, 6);
    }

    #[test]
    fn a_wrong_disqualification_comes_to_light() {
        let by = |name: &str| no_lead(Some(Party::Rep { rep: rep(name) }));
        let report = report(&[
            vec![("disposed", by("ada")), ("submitted", Event::Reopened), ("disposed", won())],
            vec![("disposed", by("ben")), ("disposed", Event::Reopened), ("disposed", won())],
            vec![("disposed", by("ben")), ("disposed", back(TurnbackReason::Timing, Some("ben")))],
            vec![("disposed", by("ben"))],
            vec![("disposed", by("ben")), ("erase_requested", Event::Erased)],
            vec![("unsubscribed", no_lead(None)), ("submitted", Event::Reopened)],
        ]);
        let counts =
            DisqualifiedCounts { disqualified: 5, raised_hand: 1, taken_back: 2, ended: 1, listening: 1, won: 2 };
        assert_eq!(report.disqualified, BTreeMap::from([("not_a_fit", counts)]));
        let wrong: Vec<_> = report.wrong.iter().map(|it| (it.lead.clone(), it.by.as_str(), it.shown_by)).collect();
        let expected =
            [(lead(1), "ben", ShownBy::Won), (lead(0), "ada", ShownBy::Won), (lead(0), "ada", ShownBy::HandRaise)];
        assert_eq!(wrong, expected);
    }

    fn any_event() -> impl Strategy<Value = (&'static str, Event)> {
        let reason = prop::sample::select(TurnbackReason::ALL.to_vec());
        let of = prop::option::of(prop::sample::select(vec!["ada", "ben", "cat"]));
        prop_oneof![
            (reason, of).prop_map(|(reason, of)| ("disposed", back(reason, of))),
            Just(("send_ended", sent())),
            Just(("evaluate", again())),
            Just(("disposed", won())),
            Just(("disposed", no_lead(Some(Party::Crm)))),
            Just(("unsubscribed", no_lead(None))),
            Just(("disposed", Event::IsCustomer)),
            Just(("disposed", Event::Reopened)),
            Just(("submitted", Event::Reopened)),
            Just(("erase_requested", Event::Erased)),
        ]
    }

    proptest! {
        #[test]
        fn every_total_adds_up_whatever_happens(
            histories in prop::collection::vec(prop::collection::vec(any_event(), 0..12), 0..8)
        ) {
            let report = report(&histories);
            let rows: Vec<TurnbackCounts> = report.rows.iter().map(|row| row.counts).collect();
            let by_reason: Vec<TurnbackCounts> = report.by_reason.into_values().collect();
            let by_rep: Vec<TurnbackCounts> = report.by_rep.into_values().collect();
            for counts in [&rows, &by_reason, &by_rep] {
                let sum = |column: fn(&TurnbackCounts) -> u64| counts.iter().map(column).sum::<u64>();
                prop_assert_eq!(sum(|it| it.turned_back), report.total.turned_back);
                prop_assert_eq!(sum(|it| it.requalified), report.total.requalified);
                prop_assert_eq!(sum(|it| it.nurtured), report.total.nurtured);
                prop_assert_eq!(sum(|it| it.waiting), report.total.waiting);
                prop_assert_eq!(sum(|it| it.won), report.total.won);
            }
            for it in rows.iter().chain([&report.total]) {
                let parts = [it.requalified, it.turned_back_again, it.disqualified, it.customers, it.erased, it.waiting];
                prop_assert_eq!(it.turned_back, parts.iter().sum::<u64>());
                prop_assert!(it.nurtured <= it.turned_back && it.won <= it.turned_back);
            }
            let told = histories.iter().flatten().filter(|(_, event)| matches!(event, Event::TurnedBack { .. })).count();
            prop_assert_eq!(report.total.turned_back, u64::try_from(told).unwrap());
            for it in report.disqualified.values() {
                prop_assert_eq!(it.disqualified, it.raised_hand + it.taken_back + it.ended + it.listening);
            }
        }
    }
}
