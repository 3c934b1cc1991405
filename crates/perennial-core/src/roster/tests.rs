//! Calendars, held against a clock that is read minute by minute; and who of a team is next.

use jiff::civil::{date, time};
use proptest::prelude::*;

use super::*;
use crate::ids::Pepper;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How many minutes the oracle looks ahead: 40 days.
const MINUTES_MAX: u32 = 40 * 24 * 60;

fn hours(zone: &str) -> OfficeHours {
    OfficeHours {
        zone: zone.to_owned(),
        days: vec![Weekdays::Mon, Weekdays::Tue, Weekdays::Wed, Weekdays::Thu, Weekdays::Fri],
        opens: time(9, 0, 0, 0),
        closes: time(17, 0, 0, 0),
        holidays: BTreeSet::new(),
    }
}

fn berlin(local: &str) -> Timestamp {
    let civil: DateTime = local.parse().unwrap();
    civil.to_zoned(calendar::zone("Europe/Berlin").unwrap()).unwrap().timestamp()
}

fn after(hours: &OfficeHours, from: &str, minutes: i64) -> String {
    let at = hours.after(berlin(from), SignedDuration::from_mins(minutes));
    at.to_zoned(calendar::zone(&hours.zone).unwrap()).strftime("%a %m-%d %H:%M %Z").to_string()
}

#[test]
fn time_passes_only_while_somebody_is_in() {
    let hours = hours("Europe/Berlin");
    for (from, minutes, until) in [
        ("2026-03-02 10:00", 5, "Mon 03-02 10:05 CET"),
        // A hand that is raised at night, or at the weekend: five minutes after opening.
        ("2026-03-03 03:12", 5, "Tue 03-03 09:05 CET"),
        ("2026-03-03 23:59", 5, "Wed 03-04 09:05 CET"),
        ("2026-03-07 12:00", 5, "Mon 03-09 09:05 CET"),
        // Four hours of which one is left on Friday.
        ("2026-03-06 16:00", 240, "Mon 03-09 12:00 CET"),
        // 48 hours are six working days.
        ("2026-03-02 09:00", 48 * 60, "Mon 03-09 17:00 CET"),
    ] {
        assert_eq!(after(&hours, from, minutes), until, "{minutes} minutes from {from}");
    }
}

#[test]
fn the_moment_of_opening_is_in_and_the_moment_of_closing_is_not() {
    let hours = hours("Europe/Berlin");
    assert!(hours.is_open(berlin("2026-03-02 09:00")) && !hours.is_open(berlin("2026-03-02 08:59:59")));
    assert!(hours.is_open(berlin("2026-03-02 16:59:59")) && !hours.is_open(berlin("2026-03-02 17:00")));
    assert_eq!(after(&hours, "2026-03-02 09:00", 0), "Mon 03-02 09:00 CET", "nothing has passed, and somebody is in");
    assert_eq!(after(&hours, "2026-03-02 17:00", 0), "Tue 03-03 09:00 CET");
    assert_eq!(after(&hours, "2026-03-02 17:00", 5), "Tue 03-03 09:05 CET");
    assert_eq!(after(&hours, "2026-03-02 16:55", 5), "Mon 03-02 17:00 CET", "due when they close, not the day after");
}

#[test]
fn on_a_holiday_nobody_is_in() {
    let holidays = BTreeSet::from([date(2026, 12, 24), date(2026, 12, 25)]);
    let hours = OfficeHours { holidays, ..hours("Europe/Berlin") };
    assert!(!hours.is_open(berlin("2026-12-24 10:00")));
    assert_eq!(after(&hours, "2026-12-23 16:30", 60), "Mon 12-28 09:30 CET", "two holidays and a weekend");
}

#[test]
fn a_clock_change_moves_no_deadline_and_a_day_across_it_has_the_hours_that_it_has() {
    let office = hours("Europe/Berlin");
    assert_eq!(after(&office, "2026-03-27 16:30", 60), "Mon 03-30 09:30 CEST");
    assert_eq!(after(&office, "2026-10-23 16:30", 60), "Mon 10-26 09:30 CET");
    // A night watch: from one to five are three hours in March, and five in October.
    let (opens, closes) = (time(1, 0, 0, 0), time(5, 0, 0, 0));
    let watch = OfficeHours { days: vec![Weekdays::Sun], opens, closes, ..hours("Europe/Berlin") };
    assert_eq!(after(&watch, "2026-03-29 01:00", 180), "Sun 03-29 05:00 CEST");
    assert_eq!(after(&watch, "2026-03-29 01:00", 181), "Sun 04-05 01:01 CEST");
    assert_eq!(after(&watch, "2026-10-25 01:00", 300), "Sun 10-25 05:00 CET");
}

#[test]
fn a_lead_elsewhere_does_not_change_when_its_owner_is_in() {
    let hours = hours("America/New_York");
    assert_eq!(after(&hours, "2026-03-02 10:00", 5), "Mon 03-02 09:05 EST");
}

#[test]
fn where_nobody_is_ever_in_the_clock_goes_on() {
    let hours = OfficeHours { days: Vec::new(), ..hours("Europe/Berlin") };
    let from = berlin("2026-03-02 10:00");
    assert_eq!(hours.after(from, MINUTE), from + MINUTE);
    assert!(!hours.is_open(from));
}

/// Whether the clock on the wall says that they are in.
fn wall_says_in(hours: &OfficeHours, zone: &TimeZone, at: Timestamp) -> bool {
    let local = at.to_zoned(zone.clone());
    hours.days.iter().any(|day| day.weekday() == local.weekday())
        && !hours.holidays.contains(&local.date())
        && (hours.opens..hours.closes).contains(&local.time())
}

/// Counts minutes in which somebody is in.
fn minute_by_minute(hours: &OfficeHours, from: Timestamp, minutes: u32) -> Option<Timestamp> {
    let zone = calendar::zone(&hours.zone).unwrap();
    let mut left = minutes;
    let mut at = from;
    for _ in 0..MINUTES_MAX {
        if wall_says_in(hours, &zone, at) {
            if left <= 1 {
                return Some(if minutes == 0 { at } else { at + MINUTE });
            }
            left -= 1;
        }
        at += MINUTE;
    }
    None
}

/// An hour at which no clock here is ever set.
fn safe_hour() -> impl Strategy<Value = i8> {
    prop_oneof![Just(0), 4_i8..24]
}

fn any_hours() -> impl Strategy<Value = OfficeHours> {
    let zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"];
    let days = prop::sample::subsequence(Weekdays::ALL.to_vec(), 2..=7);
    // Around the days on which clocks change.
    let holidays = prop::collection::btree_set(
        (-5_i64..30)
            .prop_map(|days| jiff::Span::new().days(days))
            .prop_map(|span| date(2026, 3, 25).checked_add(span).unwrap()),
        0..4,
    );
    (prop::sample::select(zones.to_vec()), days, safe_hour(), safe_hour(), 0_i8..60, holidays).prop_filter_map(
        "they open before they close",
        |(zone, days, opens, closes, minute, holidays)| {
            let (opens, closes) = (time(opens, minute, 0, 0), time(closes, minute, 0, 0));
            (opens < closes).then(|| OfficeHours { zone: zone.to_owned(), days, opens, closes, holidays })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_deadline_is_where_a_clock_that_is_read_each_minute_has_it(
        hours in any_hours(),
        start in 0_i64..16 * 24 * 60,
        autumn in any::<bool>(),
        minutes in 0_u32..1_200,
    ) {
        let from = if autumn { "2026-10-17T00:00:00Z" } else { "2026-03-18T00:00:00Z" };
        let from: Timestamp = from.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(start);
        let Some(expected) = minute_by_minute(&hours, from, minutes) else { return Ok(()) };
        let found = hours.after(from, SignedDuration::from_mins(i64::from(minutes)));
        prop_assert_eq!(found, expected);
        let zone = calendar::zone(&hours.zone).unwrap();
        prop_assert_eq!(hours.is_open(from), wall_says_in(&hours, &zone, from));
    }
}

// --- Who is next -------------------------------------------------------------------------------------

fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

fn team() -> TeamName {
    TeamName::parse("inside").unwrap()
}

fn lead(number: u32) -> LeadId {
    LeadId::parse(&Pepper::new([7; 32]).digest(&[&number.to_be_bytes()])).unwrap()
}

fn team_of(reps: &[(&str, RepStatus, Option<u32>)]) -> Roster {
    let one = |(name, status, open_max): &(&str, RepStatus, Option<u32>)| {
        let sender = Sender { name: (*name).to_owned(), address: format!("{name}@perennial.example") };
        (rep(name), Rep { sender, team: team(), status: *status, hours: None, open_max: *open_max })
    };
    let team = (team(), Team { manager: None, hours: hours("Europe/Berlin") });
    Roster { reps: reps.iter().map(one).collect(), teams: BTreeMap::from([team]) }
}

/// Gives leads one after the other, each waiting from then on.
fn given(roster: &Roster, many: u32) -> (BTreeMap<RepName, u32>, u32) {
    let mut loads = Loads::default();
    let mut to_queue = 0;
    for number in 0..many {
        match roster.next(&team(), &lead(number), &BTreeSet::new(), &loads) {
            Some(rep) => *loads.0.entry(rep.clone()).or_default() += 1,
            None => to_queue += 1,
        }
    }
    (loads.0, to_queue)
}

const ACTIVE: RepStatus = RepStatus::Active;

#[test]
fn everybody_of_a_team_gets_as_many_and_not_always_the_same_goes_first() {
    let (loads, to_queue) =
        given(&team_of(&[("kim", ACTIVE, None), ("lee", ACTIVE, None), ("max", ACTIVE, None)]), 300);
    assert_eq!((loads.values().sum::<u32>(), to_queue), (300, 0));
    let (fewest, most) = (loads.values().min().unwrap(), loads.values().max().unwrap());
    assert!(most - fewest <= 2, "{loads:?}");
    let roster = team_of(&[("kim", ACTIVE, None), ("lee", ACTIVE, None)]);
    let first = |number| roster.next(&team(), &lead(number), &BTreeSet::new(), &Loads::default()).cloned();
    let firsts: BTreeSet<_> = (0..20).map(first).collect();
    assert_eq!(firsts.len(), 2, "without knowing what waits, leads spread all the same");
    assert_eq!(first(7), first(7), "and the same lead always has the same answer");
}

#[test]
fn nobody_gets_more_than_they_take_and_when_all_are_full_nobody_does() {
    let roster = team_of(&[("kim", ACTIVE, Some(3)), ("lee", ACTIVE, Some(5))]);
    assert_eq!(given(&roster, 20), (BTreeMap::from([(rep("kim"), 3), (rep("lee"), 5)]), 12));
}

#[test]
fn whoever_is_away_has_left_or_let_it_lie_is_not_next() {
    let roster = team_of(&[("kim", ACTIVE, None), ("lee", RepStatus::Away, None), ("max", RepStatus::Left, None)]);
    assert_eq!(given(&roster, 9), (BTreeMap::from([(rep("kim"), 9)]), 0));
    let not = BTreeSet::from([rep("kim")]);
    assert_eq!(roster.next(&team(), &lead(1), &not, &Loads::default()), None);
    assert_eq!([rep("kim"), rep("lee"), rep("max")].map(|rep| roster.owns(&rep)), [true, true, false]);
}

#[test]
fn what_waits_is_looked_up_only_where_there_is_a_choice() {
    let names = |roster: &Roster, of: &str| roster.alternatives(&rep(of)).into_iter().cloned().collect::<Vec<_>>();
    let two = team_of(&[("kim", ACTIVE, None), ("lee", ACTIVE, None), ("max", RepStatus::Away, None)]);
    assert_eq!(names(&two, "kim"), [rep("kim"), rep("lee")]);
    assert_eq!(names(&team_of(&[("kim", ACTIVE, None), ("lee", RepStatus::Left, None)]), "kim"), []);
    assert_eq!(names(&team_of(&[("kim", ACTIVE, Some(9))]), "kim"), [rep("kim")], "they may be full");
    assert_eq!(names(&two, "nobody"), []);
}

#[test]
fn a_file_without_a_status_leaves_people_as_they_are() {
    let before = team_of(&[("kim", RepStatus::Away, None), ("lee", RepStatus::Left, None)]);
    let roster = team_of(&[("kim", ACTIVE, None), ("lee", ACTIVE, None), ("max", ACTIVE, None)]);
    let file = RosterFile { roster, stated: BTreeSet::from([rep("lee")]) };
    let after = file.after(&before);
    let statuses: Vec<RepStatus> = after.reps.values().map(|rep| rep.status).collect();
    assert_eq!(statuses, [RepStatus::Away, ACTIVE, ACTIVE]);
}
