//! How long things took, in whole units: their middle, in memory that does not grow with their number.

use std::collections::BTreeMap;

/// The longest that is told apart; what took longer counts as this.
const LONGEST: u32 = 100_000;

/// How often something took how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spread(BTreeMap<u32, u64>);

impl Spread {
    /// Counts one more.
    pub(super) fn add(&mut self, took: i64) {
        let took = u32::try_from(took.max(0)).unwrap_or(LONGEST).min(LONGEST);
        let count = self.0.entry(took).or_default();
        *count = count.saturating_add(1);
    }

    /// Counts what another counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (took, more) in &other.0 {
            let count = self.0.entry(*took).or_default();
            *count = count.saturating_add(*more);
        }
    }

    /// The lower of the two in the middle.
    pub(super) fn median(&self) -> Option<u32> {
        let middle = self.0.values().sum::<u64>().div_ceil(2);
        let mut passed: u64 = 0;
        self.0
            .iter()
            .find(|(_, count)| {
                passed = passed.saturating_add(**count);
                passed >= middle
            })
            .map(|(took, _)| *took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let spread = |took: &[i64]| {
            let mut spread = Spread::default();
            for took in took {
                spread.add(*took);
            }
            spread
        };
        assert_eq!(spread(&[]).median(), None);
        assert_eq!(spread(&[7]).median(), Some(7));
        assert_eq!(spread(&[9, 1, 5]).median(), Some(5));
        assert_eq!(spread(&[9, 1, 5, 6]).median(), Some(5));
        assert_eq!(spread(&[-3, i64::MAX]).median(), Some(0));
        let mut whole = spread(&[1, 1, 1]);
        whole.merge(&spread(&[8, 9]));
        assert_eq!(whole, spread(&[9, 8, 1, 1, 1]));
    }
}
