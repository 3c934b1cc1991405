//! Numbers that look random and are the same for the same seed: splitmix64 (Steele, Lea and Flood, 2014).

pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of `low..=high`. The tiny bias of a remainder is of no matter here.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.next() % span.max(1))
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn happens(&mut self, per_mille: i64) -> bool {
        self.between(0, 999) < per_mille
    }

    /// A value of which the quantiles are known: (per mille, value), rising in both, from 0 to 1000.
    pub(crate) fn of_quantiles(&mut self, quantiles: &[(i64, i64)]) -> i64 {
        let place = self.between(0, 1_000_000);
        for pair in quantiles.windows(2) {
            let [(from, low), (to, high)] = pair else { continue };
            let (from, to) = (from * 1_000, to * 1_000);
            if place <= to {
                return low + (high - low) * (place - from) / (to - from).max(1);
            }
        }
        quantiles.last().map_or(0, |(_, value)| *value)
    }
}
