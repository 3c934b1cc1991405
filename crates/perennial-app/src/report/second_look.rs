//! A second look at some of those who were said to be no leads.
//!
//! **Invariant:** whoever is in the sample stays in it while it is drawn from the same days: it is not drawn anew each
//! time, or nobody would ever have looked at all of one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use perennial_core::lead::LifecycleStage;
use perennial_core::sales::Party;
use serde::Serialize;

use super::walk::every_lead;
use crate::ports::{HistoryRow, Store, StoreError};

/// How far back the sample goes.
pub const LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The largest sample.
pub const SAMPLE_MAX: usize = 1_000;

/// Some of those who were disqualified lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecondLook {
    /// Since when.
    pub since: Timestamp,
    /// How many were disqualified since, and still are.
    pub disqualified: u64,
    /// Of them, those to look at.
    pub sample: Vec<Disqualification>,
}

/// Somebody who was said to be no lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disqualification {
    /// Who.
    pub lead: LeadId,
    /// When.
    pub disqualified_at: Timestamp,
    /// Why.
    pub reason: &'static str,
    /// By whom.
    pub by: String,
}

/// Reads the whole store, and draws `sample` of those whom somebody disqualified lately and who still are.
///
/// By their ids, which are keyed hashes and so in no order that means anything.
pub async fn second_look(store: &dyn Store, now: Timestamp, sample: usize) -> Result<SecondLook, StoreError> {
    let since = now - LOOK_BACK;
    let sample = sample.min(SAMPLE_MAX);
    let mut disqualified: u64 = 0;
    let mut lowest: BTreeMap<LeadId, Disqualification> = BTreeMap::new();
    every_lead(store, |lead, history| {
        let found = (lead.stage == LifecycleStage::Disqualified).then(|| last(&lead.id, history)).flatten();
        let Some(found) = found.filter(|found| found.disqualified_at >= since) else { return };
        disqualified = disqualified.saturating_add(1);
        lowest.insert(found.lead.clone(), found);
        if lowest.len() > sample {
            lowest.pop_last();
        }
    })
    .await?;
    Ok(SecondLook { since, disqualified, sample: lowest.into_values().collect() })
}

/// The last time that it was disqualified, if somebody did so.
fn last(lead: &LeadId, history: &[HistoryRow]) -> Option<Disqualification> {
    let entries = history.iter().rev().flat_map(|row| row.entries.iter().rev().map(move |event| (event, row.at)));
    let found = entries.into_iter().find_map(|(event, at)| {
        let Event::Disqualified { reason, by, .. } = event else { return None };
        Some((reason.as_str(), by.as_ref(), at))
    });
    let (reason, by, disqualified_at) = found?;
    let by = by.filter(|by| **by != Party::Suite)?.name().to_owned();
    Some(Disqualification { lead: lead.clone(), disqualified_at, reason, by })
}
