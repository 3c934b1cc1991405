//! Where everybody is: the waterfall, and the audit that proves no lead lost. What sales does with what it is offered, and
//! what becomes of what it gives back.

mod second_look;
mod sla;
mod spread;
mod turnbacks;
mod walk;

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use perennial_core::event::apply;
use perennial_core::ids::{LeadId, ProgramName};
use perennial_core::lead::{Doubt, Lead, LifecycleStage, PULSE_AHEAD_MAX, StageKind};
use perennial_core::roster::Roster;
use perennial_core::waterfall::{Deltas, Place, Waterfall};
use serde::Serialize;

use crate::pausing::paused;
use crate::ports::{DeskPlace, HistoryRow, ImportRecord, Store, StoreError, SubmissionOutcome, Surveyed};

pub use second_look::{Disqualification, LOOK_BACK, SAMPLE_MAX, SecondLook, second_look};
pub use sla::{OwnerKind, SlaCounts, SlaReport, SlaRow, sla};
pub use turnbacks::{
    DisqualifiedCounts, ShownBy, TurnbackCounts, TurnbackRow, TurnbacksReport, WRONG_LISTED_MAX, WrongDisqualification,
    turnbacks,
};

/// The waterfall as `perennial report waterfall` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaterfallReport {
    /// Leads that ever came in, by history.
    pub received: i64,
    /// Leads that stand in each stage, by their states.
    pub places: BTreeMap<&'static str, i64>,
    /// Whether received = the sum of all places, and each place agrees with its history.
    pub balanced: bool,
    /// What came in at the doors: each became a lead, or belongs to one.
    pub submissions: Submissions,
    /// Rows of lists that became nothing, by reason.
    pub refused: BTreeMap<String, u64>,
    /// The lists that were imported.
    pub imports: Vec<ImportRecord>,
    /// The programs that an operator paused, and since when.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub paused: BTreeMap<ProgramName, Timestamp>,
}

/// Submissions, by what they did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Submissions {
    /// Made a lead.
    pub received: u64,
    /// Made a lead that was quarantined.
    pub quarantined: u64,
    /// Came from a lead that was known.
    pub merged: u64,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Leads looked at.
    pub leads: u64,
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// Leads whose pulse is overdue: normal while nothing runs, a matter for `up` or the schedule.
    pub overdue: u64,
    /// Touches on the review list: nobody knows whether they were sent.
    pub review: Vec<ReviewItem>,
    /// The programs that an operator paused, and since when: nothing is wrong with that, and nothing of them goes out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub paused: BTreeMap<ProgramName, Timestamp>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The lead; none where the whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<LeadId>,
    /// Which invariant (DOMAIN.md §4).
    pub invariant: &'static str,
    /// What is wrong.
    pub message: String,
}

/// A touch on the review list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewItem {
    /// The lead.
    pub lead: LeadId,
    /// The touch.
    pub touch: String,
}

/// How often a waterfall is counted before it is said not to balance.
const COUNTS_MAX: usize = 4;

/// How far apart a pulse and its place in the index may be: an index sorts by whole seconds.
const INDEX_GRAIN: SignedDuration = SignedDuration::from_secs(1);

/// How many leads an audit reads at once.
const AUDITS_AT_ONCE: usize = 16;

/// Counts every lead, twice: by its state and by its history.
///
/// A reading of the whole store is no snapshot: where leads move meanwhile, the two counts may differ by
/// those. So a report that does not balance is made again before it is believed.
pub async fn waterfall(store: &dyn Store) -> Result<WaterfallReport, StoreError> {
    let mut report = count(store).await?;
    for _ in 1..COUNTS_MAX {
        if report.balanced {
            break;
        }
        report = count(store).await?;
    }
    report.paused = paused(store).await?;
    Ok(report)
}

async fn count(store: &dyn Store) -> Result<WaterfallReport, StoreError> {
    let mut waterfall = Waterfall::default();
    let mut submissions = Submissions::default();
    let mut imports = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.survey(cursor).await?;
        for item in page.items {
            match item {
                Surveyed::State { lead, .. } => waterfall.count_state(Place::of(&lead)),
                Surveyed::History(deltas) => waterfall.count_history(&deltas),
                Surveyed::Submission(SubmissionOutcome::Received) => submissions.received += 1,
                Surveyed::Submission(SubmissionOutcome::Quarantined) => submissions.quarantined += 1,
                Surveyed::Submission(SubmissionOutcome::Merged) => submissions.merged += 1,
                Surveyed::Import(record) => imports.push(record),
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(report(&waterfall, submissions, imports))
}

fn report(waterfall: &Waterfall, submissions: Submissions, mut imports: Vec<ImportRecord>) -> WaterfallReport {
    imports.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
    let mut refused = BTreeMap::new();
    for (reason, count) in imports.iter().flat_map(|import| &import.refused) {
        *refused.entry(reason.clone()).or_default() += count;
    }
    let places = LifecycleStage::ALL
        .into_iter()
        .map(|stage| (stage, waterfall.standing(stage)))
        // Nobody stays at the door; if somebody did, the report would have to show it.
        .filter(|(stage, count)| stage.kind() != StageKind::Gate || *count != 0)
        .map(|(stage, count)| (stage.as_str(), count))
        .collect();
    WaterfallReport {
        received: waterfall.received(),
        places,
        balanced: waterfall.is_balanced(),
        submissions,
        refused,
        imports,
        paused: BTreeMap::new(),
    }
}

/// Looks at every lead: it has a pulse, an owner and a program, and its history explains its state.
///
/// Who sells is what the store says; where nobody was ever named, nobody has left.
pub async fn audit(store: &dyn Store, now: Timestamp) -> Result<AuditReport, StoreError> {
    let roster = store.roster().await?.map(|record| record.roster).unwrap_or_default();
    let paused = paused(store).await?;
    let mut report = AuditReport { ok: true, leads: 0, violations: Vec::new(), overdue: 0, review: Vec::new(), paused };
    let mut waterfall = Waterfall::default();
    let mut cursor = None;
    loop {
        let page = store.survey(cursor).await?;
        let mut leads = Vec::new();
        for item in page.items {
            match item {
                Surveyed::State { lead, indexed_pulse, indexed_desk } => {
                    leads.push((lead, Indexed { pulse: indexed_pulse, desk: indexed_desk }));
                }
                Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => {}
            }
        }
        let audits = stream::iter(leads).map(|(lead, indexed)| audit_lead(store, &roster, lead, indexed, now));
        let found: Vec<LeadAudit> = audits.buffered(AUDITS_AT_ONCE).try_collect().await?;
        for lead in found {
            report.leads += 1;
            waterfall.count_state(lead.place);
            waterfall.count_history(&lead.moved);
            report.overdue += u64::from(lead.is_overdue);
            report.violations.extend(lead.violations);
            report.review.extend(lead.review);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if !waterfall.is_balanced() {
        let message = "received is not the sum of all places, or a place disagrees with its history".to_owned();
        report.violations.push(Violation { lead: None, invariant: "I6", message });
    }
    report.ok = report.violations.is_empty();
    Ok(report)
}

/// Where the indexes have a lead.
struct Indexed {
    pulse: Option<Timestamp>,
    desk: Option<DeskPlace>,
}

struct LeadAudit {
    place: Place,
    /// What its history moved, up to the state that was read.
    moved: Deltas,
    violations: Vec<Violation>,
    review: Vec<ReviewItem>,
    is_overdue: bool,
}

async fn audit_lead(
    store: &dyn Store,
    roster: &Roster,
    surveyed: Box<Lead>,
    indexed: Indexed,
    now: Timestamp,
) -> Result<LeadAudit, StoreError> {
    let Indexed { pulse: indexed_pulse, desk: indexed_desk } = indexed;
    let mut history = store.history(&surveyed.id).await?;
    // The suite may be running: judge the lead by the rows that its state knows of.
    history.retain(|row| row.seq <= surveyed.seq);
    let mut violations = Vec::new();
    let mut found = |invariant: &'static str, message: String| {
        violations.push(Violation { lead: Some(surveyed.id.clone()), invariant, message });
    };
    let pulse = surveyed.next_action_at();
    match pulse {
        None if surveyed.stage.kind() != StageKind::Terminal => found("I2", "it has no pulse".to_owned()),
        Some(at) if at > now + PULSE_AHEAD_MAX + SignedDuration::from_hours(24) => {
            found("I2", format!("its pulse {at} is more than 180 days ahead"));
        }
        Some(_) | None => {}
    }
    // The mark of a mail in flight leaves the index alone, so it is not part of the comparison.
    let resting = Lead { sending: None, ..(*surveyed).clone() };
    let agree = match (indexed_pulse, resting.next_action_at()) {
        (None, None) => true,
        (Some(indexed), Some(derived)) => indexed.duration_since(derived).abs() <= INDEX_GRAIN,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if surveyed.sending.is_none() && !agree {
        found("I2", format!("it stands in the index under {indexed_pulse:?}, and its pulse is {pulse:?}"));
    }
    let desk = DeskPlace::of(&surveyed);
    if indexed_desk != desk {
        found("I7", format!("it lies on the desk {indexed_desk:?}, and should on {desk:?}"));
    }
    let is_alive = surveyed.stage.kind() != StageKind::Terminal;
    if let Some(rep) = surveyed.rep().filter(|rep| is_alive && !roster.is_empty() && !roster.owns(rep)) {
        found("I7", format!("{rep} owns it, who owns nothing any more"));
    }
    match surveyed.stage {
        LifecycleStage::Received => found("I1", "it was left at the door".to_owned()),
        LifecycleStage::Inquiry
        | LifecycleStage::Mql
        | LifecycleStage::Sal
        | LifecycleStage::Sql
        | LifecycleStage::Customer
        | LifecycleStage::Recycled => {
            if surveyed.owner.is_none() {
                found("I7", "it has no owner".to_owned());
            }
            if surveyed.enrolment.is_none() {
                found("I1", "it is in no program".to_owned());
            }
        }
        LifecycleStage::Quarantined
        | LifecycleStage::Disqualified
        | LifecycleStage::JunkPurged
        | LifecycleStage::Erased => {}
    }
    if let Some(message) = unexplained(&resting, &history) {
        found("I5", message);
    }
    let is_overdue = pulse.is_some_and(|at| at < now);
    let review = surveyed
        .unresolved
        .iter()
        .filter(|doubt| doubt.state == Doubt::Review)
        .map(|doubt| ReviewItem { lead: surveyed.id.clone(), touch: doubt.touch.to_string() })
        .collect();
    let mut moved = Deltas::default();
    for row in &history {
        moved.add(&row.deltas);
    }
    Ok(LeadAudit { place: Place::of(&surveyed), moved, violations, review, is_overdue })
}

/// Replays history: it must lead to the state, without a gap.
fn unexplained(lead: &Lead, history: &[HistoryRow]) -> Option<String> {
    let mut replayed: Option<Lead> = None;
    for (row, expected) in history.iter().zip(1_u64..) {
        if row.seq != expected {
            return Some(format!("its history lacks row {expected}"));
        }
        if row.deltas.sum() != 0 {
            return Some(format!("the moves of history row {expected} do not sum to zero"));
        }
        for event in &row.entries {
            replayed = apply(replayed, event, row.at);
        }
        if let Some(lead) = &mut replayed {
            lead.seq = row.seq;
        }
    }
    let explained = replayed.is_some_and(|replayed| Lead { sending: None, ..replayed } == *lead);
    (!explained).then(|| "its history does not lead to its state".to_owned())
}
