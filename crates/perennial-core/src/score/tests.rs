//! The arithmetic, held against the formula in floating point.

#![expect(clippy::float_arithmetic, reason = "the oracle is the formula as it is written")]

use proptest::prelude::*;

use super::*;

const DAY: u32 = 24 * 60;

/// So many minutes are left until the calendar ends.
const MOMENTS: u32 = 4_000_000_000;

/// So many minutes after a day in spring.
fn minute(minutes: u32) -> Timestamp {
    "2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(i64::from(minutes))
}

/// Points, half-life and time of a sign, in minutes.
type Sign = (i32, u32, u32);

fn score(signs: &[Sign]) -> Score {
    let mut score = Score::default();
    for (points, half_life_minutes, at) in signs {
        score.add(*points, *half_life_minutes, minute(*at));
    }
    score
}

/// Σ w·2^-(age/h), in thousandths.
fn oracle(signs: &[Sign], now: u32) -> f64 {
    let left = |(points, half_life, at): &Sign| {
        1_000.0 * f64::from(*points) * (-f64::from(now - at) / f64::from(*half_life)).exp2()
    };
    signs.iter().map(left).sum()
}

fn thousandths(points: Points) -> f64 {
    f64::from(i32::try_from(points.thousandths()).unwrap())
}

/// Signs within three years.
fn signs(points: impl Strategy<Value = i32>) -> impl Strategy<Value = Vec<Sign>> {
    let half_life = prop::sample::select(vec![1, 60, 14 * DAY, 30 * DAY, 60 * DAY, 90 * DAY, 1_095 * DAY]);
    prop::collection::vec((points, half_life, 0..3 * 365 * DAY), 0..60)
}

/// How far rounding may lead: half a thousandth each time that a sign comes, and once more for each half-life.
fn tolerance(signs: &[Sign]) -> f64 {
    f64::from(u32::try_from(signs.len()).unwrap()) + 4.0
}

proptest! {
    #[test]
    fn what_is_left_is_what_the_formula_says(signs in signs(0..1_000_i32), later in 0..365 * DAY) {
        let now = 3 * 365 * DAY + later;
        let (left, expected) = (thousandths(score(&signs).engagement(minute(now))), oracle(&signs, now));
        prop_assert!((left - expected).abs() <= tolerance(&signs), "{left} and not {expected}");
    }

    #[test]
    fn the_order_of_signs_makes_no_difference_beyond_rounding(
        (signs, shuffled) in signs(-1_000..1_000_i32).prop_flat_map(|signs| (Just(signs.clone()), Just(signs).prop_shuffle())),
    ) {
        let now = minute(3 * 365 * DAY);
        let (one, other) = (thousandths(score(&signs).engagement(now)), thousandths(score(&shuffled).engagement(now)));
        prop_assert!((one - other).abs() <= 2.0 * tolerance(&signs), "{one} and {other}");
    }

    #[test]
    fn what_is_taken_back_is_as_if_it_had_never_been(signs in signs(0..1_000_i32), revoked in 0..60_usize) {
        let now = minute(3 * 365 * DAY);
        let mut all = signs.clone();
        let mut without = signs;
        if let Some((points, half_life, at)) = without.get(revoked).copied() {
            without.remove(revoked);
            all.push((-points, half_life, at));
        }
        let (one, other) = (thousandths(score(&all).engagement(now)), thousandths(score(&without).engagement(now)));
        prop_assert!((one - other).abs() <= 2.0 * tolerance(&all), "{one} and {other}");
    }

    #[test]
    fn a_score_is_never_negative_and_never_overflows(
        signs in prop::collection::vec((any::<i32>(), any::<u32>(), 0..MOMENTS), 0..80), now in 0..MOMENTS,
    ) {
        let score = score(&signs);
        prop_assert!(score.engagement(minute(now)) >= Points::ZERO);
        prop_assert!(score.classes.len() <= CLASSES_MAX);
        prop_assert!(score.classes.is_sorted_by_key(|class| class.half_life_minutes));
    }

    #[test]
    fn it_only_ever_fades(signs in signs(0..1_000_i32), ages in prop::collection::vec(0..DAY * 365, 2)) {
        let score = score(&signs);
        let (early, late) = (ages[0].min(ages[1]), ages[0].max(ages[1]));
        let at = |age: u32| score.engagement(minute(3 * 365 * DAY + age));
        prop_assert!(at(late) <= at(early));
    }
}

#[test]
fn after_a_half_life_half_is_left_exactly() {
    let score = score(&[(30, 90 * DAY, 0)]);
    let left = [0, 90, 180, 270].map(|days| score.engagement(minute(days * DAY)).to_string());
    assert_eq!(left, ["30.0", "15.0", "7.5", "3.8"]);
    assert_eq!(score.engagement(minute(45 * DAY)).thousandths(), 21_213);
    assert_eq!(score.engagement(minute(36_500 * DAY)), Points::ZERO);
}

#[test]
fn amounts_beyond_all_measure_stay_within_theirs() {
    let most = i64::MAX;
    assert_eq!(faded(most, SignedDuration::ZERO, 1), most);
    assert_eq!(faded(i64::MIN, SignedDuration::ZERO, 1), -most);
    assert_eq!(faded(most, SignedDuration::from_mins(1), 1), most / 2 + 1);
    assert_eq!(faded(most, SignedDuration::MAX, 0), 0);
    assert_eq!(faded(most, SignedDuration::from_mins(64), 1), 0);
    assert_eq!(Points(most).in_tenths().to_string(), "9223372036854775.8");
}

#[test]
fn points_are_shown_to_a_tenth_half_of_one_away_from_nothing() {
    let shown = [0, 49, 50, 12_345, 12_350, -49, -50, -4_950].map(|points| Points(points).to_string());
    assert_eq!(shown, ["0.0", "0.0", "0.1", "12.3", "12.4", "0.0", "-0.1", "-5.0"]);
    assert_eq!(Points::whole(65).percent(60), Points::whole(39));
    assert_eq!([-999, 499, 64_500, 65_499, i64::MAX].map(|points| Points(points).in_whole()), [0, 0, 65, 65, u32::MAX]);
}

#[test]
fn business_days_count_as_long_as_they_typically_last() {
    let worth = |half_life| Worth { points: 1, half_life }.half_life_minutes();
    assert_eq!(worth(crate::timing::Delay::BusinessDays(10)), 14 * DAY);
    assert_eq!(worth(crate::timing::Delay::Days(14)), 14 * DAY);
    assert_eq!(worth(crate::timing::Delay::Minutes(90)), 90);
}

#[test]
fn what_older_catalogs_left_makes_room_for_what_counts_now() {
    let mut score = Score::default();
    for half_life in 1..=u32::try_from(CLASSES_MAX).unwrap() + 1 {
        score.add(if half_life == 7 { 1 } else { 10 }, half_life * DAY, minute(0));
    }
    let kept: Vec<u32> = score.classes.iter().map(|class| class.half_life_minutes / DAY).collect();
    assert_eq!(kept.len(), CLASSES_MAX);
    assert!(!kept.contains(&7));
}

#[test]
fn a_stored_score_reads_back() {
    let score = score(&[(30, 90 * DAY, 0), (5, 30 * DAY, 7)]);
    let stored = serde_json::to_string(&score).unwrap();
    assert_eq!(serde_json::from_str::<Score>(&stored).unwrap(), score);
    assert_eq!(serde_json::to_string(&Score::default()).unwrap(), "{}");
    assert_eq!(stored, r#"{"classes":[[43200,5000,"2026-03-02T09:07:00Z"],[129600,30000,"2026-03-02T09:00:00Z"]]}"#);
}
