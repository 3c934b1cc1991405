//! Conservation: received = the sum of all places, at every instant (I6).
//!
//! The unit is the lead. Each history row carries [`Deltas`] that sum to zero, so every prefix of
//! history balances, and history can be checked against the states it led to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lead::{Lead, LifecycleStage};

/// Where a lead can be: outside the suite, or in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Not known yet.
    Outside,
    /// In a stage.
    #[serde(untagged)]
    Stage(LifecycleStage),
}

impl Place {
    /// Where a lead is. In life 0 nobody has come in: only an address is kept that must not be mailed.
    pub const fn of(lead: &Lead) -> Self {
        if lead.life == 0 { Self::Outside } else { Self::Stage(lead.stage) }
    }
}

/// How many leads a commit moved into (+) and out of (−) each place. Sums to zero.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deltas(BTreeMap<Place, i64>);

impl Deltas {
    /// What one commit moved.
    pub fn between(before: Option<&Lead>, after: Option<&Lead>) -> Self {
        let place = |lead: Option<&Lead>| lead.map_or(Place::Outside, Place::of);
        let (from, to) = (place(before), place(after));
        let mut deltas = BTreeMap::new();
        if from != to {
            deltas.insert(from, -1);
            deltas.insert(to, 1);
        }
        Self(deltas)
    }

    /// Whether nothing moved.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds another commit's moves.
    pub fn add(&mut self, other: &Self) {
        for (place, count) in &other.0 {
            let sum = self.0.entry(*place).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// The sum over all places: zero, or history is wrong.
    pub fn sum(&self) -> i64 {
        self.0.values().sum()
    }

    /// The balance of one place.
    pub fn at(&self, place: Place) -> i64 {
        self.0.get(&place).copied().unwrap_or(0)
    }
}

/// The waterfall as it stands: counted twice, from states and from history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waterfall {
    states: BTreeMap<LifecycleStage, i64>,
    history: Deltas,
}

impl Waterfall {
    /// Counts the state of one lead.
    pub fn count_state(&mut self, place: Place) {
        let Place::Stage(stage) = place else { return };
        let count = self.states.entry(stage).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts what one history row moved.
    pub fn count_history(&mut self, deltas: &Deltas) {
        self.history.add(deltas);
    }

    /// How many leads ever came in, by history.
    pub fn received(&self) -> i64 {
        self.history.at(Place::Outside).saturating_neg()
    }

    /// How many leads stand in a stage, by their states.
    pub fn standing(&self, stage: LifecycleStage) -> i64 {
        self.states.get(&stage).copied().unwrap_or(0)
    }

    /// Whether received = Σ places, and every place agrees with its history.
    pub fn is_balanced(&self) -> bool {
        let standing: i64 = self.states.values().sum();
        self.history.sum() == 0
            && self.received() == standing
            && LifecycleStage::ALL.iter().all(|stage| self.standing(*stage) == self.history.at(Place::Stage(*stage)))
    }
}
