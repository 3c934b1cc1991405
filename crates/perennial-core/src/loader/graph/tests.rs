mod lives;

use std::collections::BTreeMap;

use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::civil::Weekday;

use super::fixture::*;
use super::supplied;
use crate::calendar::{FrequencyCap, SendWindow};
use crate::condition::{Condition, SignalKind};
use crate::diagnostic::Code;
use crate::lead::LifecycleStage;
use crate::policy::{RequalifyRule, TurnbackPolicy, TurnbackReason, Worth};
use crate::program::{Action, Awaited, ContentStage, Program, Quiet, Step, UsedUp};
use crate::testing;
use crate::timing::{Delay, Moment};

fn of(steps: impl IntoIterator<Item = Step>) -> Program {
    program("a", "occasional", steps)
}

fn told_of_steps(steps: impl IntoIterator<Item = Step>) -> String {
    told(&catalog([of(steps)]))
}

#[track_caller]
fn assert_fine(programs: impl IntoIterator<Item = Program>) {
    assert_eq!(told(&catalog(programs)), "");
}

// --- Nothing to tell -------------------------------------------------------------------------

#[test]
fn what_is_right_is_left_alone() {
    assert_eq!(told(&testing::catalog()), "");
    assert_fine([of([email("hello", days(1))])]);
    assert_fine([of([split("ways", &[Some("two"), None]), email("one", days(1)), email("two", days(7))])]);
    assert_fine([of([
        response("hello", NOW),
        call("first-call", NOW),
        until("sign", clicked(), 7, Some("thanks"), Some("again")),
        email("thanks", NOW),
        goto("to-end", NOW, "end"),
        ask("again", days(2), &["size"]),
        branch("which", [(is("size", "small"), "small"), (is("size", "large"), "large")], Some("end")),
        email("small", days(3)),
        goto("past-large", NOW, "end"),
        email("large", days(3)),
        alert("end"),
        recur("rounds", days(7), 3, UsedUp::GoOn),
    ])]);
}

#[test]
fn the_welcome_of_the_domain_keeps_the_cap() {
    assert_fine([of([
        response("response", NOW),
        call("first-call", NOW),
        email("helpful-link", days(1)),
        call("second-call", days(2)),
        email("short-case", days(2)),
        email("this-quarter", days(3)),
        email("questions", days(4)),
        email("break-up", days(3)),
    ])]);
}

// --- Unreachable steps -----------------------------------------------------------------------

#[test]
fn a_step_that_every_way_jumps_over_is_told_of_once_with_what_follows_it() {
    assert_snapshot!(told_of_steps([
        email("one", days(1)),
        goto("past", NOW, "four"),
        email("two", days(2)),
        email("three", days(7)),
        email("four", days(2)),
    ]), @"a.two id: P030! no lead comes to `two`: no way leads here");
}

#[test]
fn a_step_behind_ways_that_nobody_takes_is_told_of_with_the_reason() {
    let never = Condition::All(vec![known("size"), not(known("size"))]);
    assert_snapshot!(told_of_steps([
        branch("which", [(never, "nobody")], Some("all")),
        email("nobody", days(1)),
        email("all", days(1)),
    ]), @"
    a.nobody id: P030! no lead comes to `nobody`: only ways that nobody takes lead here
    a.which case.0.when: P032! no lead takes this case: size is known and size is not known never holds
    ");
}

#[test]
fn a_step_that_is_always_skipped_leads_on_and_does_nothing_else() {
    let always = Condition::Any(vec![known("size"), not(known("size"))]);
    assert_snapshot!(told_of_steps([
        skipped_if(always, goto("never-jumps", NOW, "two")),
        email("one", days(1)),
        email("two", days(7)),
    ]), @"a.never-jumps skip_if: P032! the step is always skipped: size is known or size is not known holds for everybody");
}

#[test]
fn a_way_out_that_may_be_skipped_leads_to_the_next_step() {
    assert_fine([of([skipped_if(known("size"), exit("out", "occasional")), email("one", days(1))])]);
}

#[test]
fn steps_after_the_horizon_are_told_of() {
    let late = Program { horizon: Some(horizon(30)), ..of([email("one", days(10)), email("two", days(20))]) };
    assert_snapshot!(told(&catalog([late])), @"a.two after: P030 no lead comes to `two`: the program is over after 30d, and it comes after 30d");
    let all_late = Program { horizon: Some(horizon(30)), ..of([recur("rounds", days(45), 3, UsedUp::GoOn)]) };
    assert_snapshot!(told(&catalog([all_late])), @"a horizon: P030 the program is over after 30d, before its first touch: `rounds` comes after 45d");
    assert_fine([Program { horizon: Some(horizon(31)), ..of([email("one", days(10)), email("two", days(20))]) }]);
}

// --- Loops without a wait --------------------------------------------------------------------

#[test]
fn steps_that_come_round_within_a_day_are_refused_where_the_loop_closes() {
    assert_snapshot!(told_of_steps([
        email("one", days(1)),
        alert("two"),
        wait("three", hours(20)),
        goto("back", NOW, "two"),
    ]), @"a.back to: P028! from here a lead comes back to the step `two` within 1200 minutes, for ever (two → three → back → two)");
    assert_snapshot!(told_of_steps([
        email("one", days(1)),
        branch("which", [(known("size"), "one"), (known("industry"), "which")], None),
    ]), @"
    a.which case.0.goto: P036! a round from `one` to here takes 1d and sends one mail, and the cap is 3 mails in 7 days, one in 20h
    a.which case.1.goto: P028! from here a lead comes back to the step `which` within 0 minutes, for ever
    ");
    assert_snapshot!(told_of_steps([email("one", days(1)), recur("rounds", hours(5), 3, UsedUp::Again)]), @"
    a.rounds every: P036 `rounds` is planned 5h after the mail before it, and the cap lets one go in 20h
    a.rounds every: P028! `rounds` comes round every 300 minutes, for ever
    ");
}

#[test]
fn a_loop_that_takes_a_day_is_none_without_a_wait() {
    let loops = |back: Step| program("a", "occasional", [call("one", NOW), back]);
    assert_fine([loops(goto("back", days(1), "one"))]);
    assert_fine([loops(goto("back", business_days(1), "one"))]);
    assert_fine([loops(goto("back", next(Weekday::Monday, 9), "one"))]);
    assert!(told(&catalog([loops(goto("back", hours(23), "one"))])).contains("within 1380 minutes"));
    assert!(told(&catalog([loops(goto("back", dated("revisit_at", 0, 60), "one"))])).contains("within 0 minutes"));
}

#[test]
fn waiting_for_a_sign_is_a_wait_and_waiting_for_what_may_be_so_already_is_none() {
    let loops = |awaited| of([call("one", NOW), until("sign", awaited, 30, Some("one"), None)]);
    assert_fine([loops(clicked())]);
    let monday = Moment::Next { weekday: Weekday::Monday, time: crate::timing::DATE_TIME };
    assert_fine([loops(Awaited::Moment(monday))]);
    assert_snapshot!(told(&catalog([loops(Awaited::Holds(known("size")))])), @"a.sign goto: P028! from here a lead comes back to the step `one` within 0 minutes, for ever (one → sign → one)");
}

#[test]
fn two_loops_in_one_program_are_both_told_of() {
    assert_snapshot!(told_of_steps([
        call("one", NOW),
        branch("first", [(known("size"), "one")], None),
        call("two", days(1)),
        alert("three"),
        branch("second", [(known("industry"), "three")], Some("two")),
    ]), @"
    a.first case.0.goto: P028! from here a lead comes back to the step `one` within 0 minutes, for ever (one → first → one)
    a.second case.0.goto: P028! from here a lead comes back to the step `three` within 0 minutes, for ever (three → second → three)
    ");
}

#[test]
fn programs_that_follow_one_another_within_a_day_are_refused_at_the_first_by_name() {
    assert_snapshot!(told(&catalog([
        program("welcome", "occasional", [call("one", hours(1))]),
        program("occasional", "welcome", [email("reading", NOW)]),
    ])), @"occasional then: P028! from here a lead comes back to `occasional` within 60 minutes, for ever (occasional → welcome → occasional)");
    assert_snapshot!(told(&catalog([
        program("a", "absent", [call("one", hours(1))]),
        program("occasional", "b", [call("reading", NOW)]),
        program("b", "absent", [call("one", hours(1)), exit("out", "a")]),
    ])), @"a then: P028! from here a lead comes back to `a` within 120 minutes, for ever (a → occasional → b → a)");
}

#[test]
fn a_goal_that_is_met_already_takes_no_time() {
    let goal = |name: &str, then: &str| Program {
        goal: Some(stop(known("size"), then)),
        ..program(name, "occasional", [response("hello", NOW), email("one", hours(10))])
    };
    assert_snapshot!(told(&catalog([goal("a", "b"), goal("b", "a")])), @"
    a.one after: P036 `one` is planned 10h after the mail before it, and the cap lets one go in 20h
    b.one after: P036 `one` is planned 10h after the mail before it, and the cap lets one go in 20h
    a goal.then: P028! from here a lead comes back to `a` within 1200 minutes, for ever (a → b → a)
    ");
    // A sign counts from the entry on: each round takes a new one.
    let goal = |name: &str, then: &str| Program {
        goal: Some(stop(signal(SignalKind::Replied, None), then)),
        ..program(name, "occasional", [email("one", hours(10))])
    };
    assert_fine([goal("a", "b"), goal("b", "a")]);
}

#[test]
fn a_claim_for_what_a_step_notes_takes_no_time() {
    let calls = |removed: &[&str]| {
        let claims = program("b", "a", [call("one", NOW), set("un-note", &["other"], removed)]);
        let notes = program("a", "occasional", [call("one", NOW), set("note", &["hot"], &[]), email("two", days(1))]);
        catalog([notes, Program { enter: Some(tag("hot")), priority: 60, ..claims }])
    };
    assert_snapshot!(told(&calls(&["hot"])), @"a.note add: P028! from here a lead comes back to `a` within 0 minutes, for ever (a → b → a)");
    // A tag that stays does not become true a second time.
    assert_eq!(told(&calls(&[])), "");
}

#[test]
fn a_circle_that_no_one_lead_can_walk_is_none() {
    let calls = |name: &str, when: Condition, then: &'static str| {
        program(
            name,
            "occasional",
            [call("one", NOW), branch("which", [(when, "out")], Some("on")), exit("out", then), email("on", days(1))],
        )
    };
    assert_fine([calls("a", known("size"), "b"), calls("b", not(known("size")), "a")]);
    assert!(told(&catalog([calls("a", known("size"), "b"), calls("b", known("size"), "a")])).contains("P028"));
}

// --- No way out ------------------------------------------------------------------------------

#[test]
fn circles_without_a_touch_are_refused_with_their_path() {
    assert_snapshot!(told(&catalog([
        program("nurture", "quiet", [wait("one", days(30))]),
        program("quiet", "nurture", [wait("one", days(30)), alert("two")]),
    ])), @"nurture then: P031! nurture → quiet → nurture touches nobody");
    assert_snapshot!(told_of_steps([
        email("one", days(1)),
        wait("two", days(30)),
        branch("which", [(known("size"), "three")], Some("two")),
        email("three", days(1)),
    ]), @"a.which else: P031! two → which → two touches nobody");
    assert_snapshot!(told(&catalog([program("occasional", "occasional", [wait("one", days(30))])])), @"occasional then: P031! occasional → occasional touches nobody");
}

#[test]
fn a_circle_that_only_a_sign_closes_touches_who_is_silent() {
    assert_fine([of([
        until("sign", clicked(), 30, Some("tell"), Some("one")),
        alert("tell"),
        goto("back", NOW, "sign"),
        email("one", NOW),
    ])]);
}

#[test]
fn touches_that_may_be_skipped_for_ever_touch_nobody() {
    let round = |step: Step| program("a", "a", [step]);
    assert_snapshot!(told(&catalog([round(skipped_if(known("size"), email("one", days(42))))])), @"a then: P031! a → a touches nobody for whom size is known");
    assert_snapshot!(told(&catalog([round(ask("one", days(42), &["size", "industry"]))])), @"a then: P031! a → a touches nobody for whom size is known and industry is known");
    assert_snapshot!(told(&catalog([round(skipped_if(stage(&[LifecycleStage::Customer]), recur("one", days(42), 3, UsedUp::Again)))])), @"a.one every: P031! one → one touches nobody for whom stage is customer");
    let dated = program("a", "a", [email("one", dated("revisit_at", -30, 60)), wait("two", days(42))]);
    assert_snapshot!(told(&catalog([dated])), @"a then: P031! a → a touches nobody for whom revisit_at is known");
    let skips =
        Program { skip_if: Some(known("size")), ..program("a", "a", [email("one", days(42)), call("two", NOW)]) };
    assert_snapshot!(told(&catalog([skips])), @"a then: P031! a → a touches nobody for whom size is known");
}

#[test]
fn touches_that_are_skipped_for_a_while_or_by_others_are_fine() {
    let round = |steps: Vec<Step>| program("a", "a", steps);
    let replied = signal(SignalKind::Replied, Some(30));
    assert_fine([round(vec![skipped_if(replied.clone(), email("one", days(42)))])]);
    // Sales does not work a lead for ever.
    assert_fine([round(vec![skipped_if(stage(&[LifecycleStage::Sal, LifecycleStage::Sql]), email("one", days(42)))])]);
    assert_fine([round(vec![
        skipped_if(known("size"), email("one", days(42))),
        skipped_if(not(known("size")), email("two", days(42))),
    ])]);
    // Whoever never clicks is skipped for ever.
    assert!(told(&catalog([round(vec![skipped_if(not(replied), email("one", days(42)))])])).contains("P031"));
    // A response is sent whatever the program skips.
    let skips = Program { skip_if: Some(known("size")), ..round(vec![response("one", days(42))]) };
    assert_fine([skips]);
    // Answers that grow old are asked for again.
    let mut asks = catalog([round(vec![ask("one", days(42), &["size", "industry"])])]);
    asks.fields.get_mut(&field("industry")).unwrap().ask_again_after_days = Some(365);
    assert_eq!(told(&asks), "");
}

#[test]
fn a_horizon_that_passes_untouched_leads_round_in_circles() {
    let short = |name: &str, then: &str| Program {
        horizon: Some(horizon(10)),
        ..program(name, then, [email("one", dated("revisit_at", -30, 60))])
    };
    assert_snapshot!(told_of(Code::NoWayOut, &catalog([short("a", "b"), short("b", "a")])), @"a horizon: P031! a → b → a touches nobody");
    // Waiting in a circle is fine as long as time is short and what follows touches.
    let polls = |name: &str, then: &str, days_at_most| Program {
        horizon: Some(horizon(days_at_most)),
        ..program(
            name,
            then,
            [wait("one", days(7)), branch("which", [(known("size"), "two")], Some("one")), email("two", NOW)],
        )
    };
    assert_fine([polls("a", "occasional", 180)]);
    assert_snapshot!(told(&catalog([polls("a", "occasional", 365)])), @"a.which else: P031! one → which → one touches nobody");
    assert_snapshot!(told(&catalog([polls("a", "a", 180)])), @"a horizon: P031! a → a touches nobody");
}

#[test]
fn stops_that_hold_already_lead_round_in_circles() {
    let stops =
        Program { stops: vec![stop(known("size"), "a")], ..program("a", "occasional", [email("one", days(42))]) };
    assert_snapshot!(told(&catalog([stops])), @"a stop.0.then: P031! a → a touches nobody");
}

#[test]
fn a_last_resort_that_is_not_there_is_no_way_out() {
    let mut catalog = catalog([of([email("one", days(1))])]);
    catalog.last_resort = program_name("gone");
    assert_snapshot!(told(&catalog), @"catalog last_resort: P031! the last resort `gone` is not there: whoever comes to an end has nowhere to go");
}

// --- Conditions that never hold --------------------------------------------------------------

#[test]
fn cases_that_nobody_takes_are_refused() {
    let either = Condition::Any(vec![is("size", "small"), is("size", " LARGE ")]);
    assert_snapshot!(told_of(Code::CaseNeverTaken, &catalog([of([
        branch("which", [(tag("vip"), "one"), (known("size"), "one"), (either, "two"), (is("industry", ""), "two")], Some("two")),
        email("one", days(1)),
        email("two", days(7)),
    ])])), @"
    a.which case.0.when: P032! no lead takes this case: no program sets the tag `vip`
    a.which case.2.when: P032! no lead takes this case: the cases before it take everybody for whom size is “small” or size is “ LARGE ”
    a.which case.3.when: P032! no lead takes this case: industry is “” never holds
    ");
}

#[test]
fn an_else_that_nobody_takes_is_only_warned_of() {
    let cases = [(known("size"), "one"), (not(known("size")), "two")];
    assert_snapshot!(told_of_steps([branch("which", cases, Some("two")), email("one", days(1)), email("two", days(7))]), @"a.which else: P032 no lead takes `else`: the cases take everybody");
    // All choices and no answer: an answer that was a choice once takes the rest.
    let cases = [(is("size", "small"), "one"), (is("size", "large"), "one"), (not(known("size")), "one")];
    assert_fine([of([branch("which", cases, Some("two")), email("one", days(1)), email("two", days(7))])]);
}

#[test]
fn a_tag_that_a_program_sets_can_be_asked_for() {
    assert_fine([of([
        set("note", &["vip"], &[]),
        branch("which", [(tag("vip"), "two")], None),
        email("one", days(1)),
        email("two", days(7)),
    ])]);
}

#[test]
fn conditions_of_a_program_that_never_or_always_hold_are_refused() {
    let never = || Condition::All(vec![topic("a"), topic("b")]);
    let always = || not(never());
    let wrong = Program {
        enter: Some(stage(&[LifecycleStage::Quarantined])),
        skip_if: Some(tag("vip")),
        goal: Some(stop(never(), "occasional")),
        stops: vec![stop(always(), "occasional")],
        ..of([
            skipped_if(never(), email("one", days(1))),
            skipped_if(always(), email("two", days(7))),
            until("three", Awaited::Holds(never()), 7, None, None),
            until("four", Awaited::Holds(always()), 7, None, None),
        ])
    };
    assert_snapshot!(told_of(Code::CaseNeverTaken, &catalog([wrong])), @"
    a enter: P032! nobody is ever claimed: stage is quarantined never holds
    a skip_if: P032! nothing is ever skipped: no program sets the tag `vip`
    a goal.when: P032! nobody is ever taken out by it: topic is a and topic is b never holds
    a stop.0.when: P032! the program ends where it begins: not (topic is a and topic is b) holds for everybody
    a.one skip_if: P032! nothing is ever skipped: topic is a and topic is b never holds
    a.two skip_if: P032! the step is always skipped: not (topic is a and topic is b) holds for everybody
    a.three when: P032! everybody waits for the time-out: topic is a and topic is b never holds
    a.four when: P032! nobody waits: not (topic is a and topic is b) holds for everybody
    ");
}

// --- Claims ----------------------------------------------------------------------------------

fn claims(name: &str, priority: u8, enter: Condition) -> Program {
    Program { enter: Some(enter), priority, ..program(name, "occasional", [email("one", days(1))]) }
}

#[test]
fn programs_that_claim_the_same_lead_with_equal_priority_are_refused_at_the_later_one() {
    let customer = || stage(&[LifecycleStage::Customer, LifecycleStage::Sql]);
    assert_snapshot!(told(&catalog([
        claims("a", 60, customer()),
        claims("b", 60, topic("a")),
        claims("c", 50, signal(SignalKind::Replied, Some(7))),
        claims("d", 50, Condition::All(vec![known("size"), customer()])),
        claims("e", 40, customer()),
    ])), @"
    b priority: P033! `a` and `b` can claim the same lead, both with priority 60
    d enter: P033! `c` and `d` can claim the same lead, both with priority 50
    ");
}

#[test]
fn claims_that_exclude_one_another_may_be_equal() {
    let with = |size: &str, rest: Condition| Condition::All(vec![is("size", size), rest]);
    assert_fine([
        claims("a", 60, stage(&[LifecycleStage::Customer])),
        claims("b", 60, stage(&[LifecycleStage::Sal])),
        claims("c", 61, with("small", topic("a"))),
        claims("d", 61, with("large", topic("a"))),
        claims("e", 61, with("small", topic("b"))),
    ]);
}

// --- Requalification -------------------------------------------------------------------------

fn policy(rules: Vec<RequalifyRule>) -> TurnbackPolicy {
    TurnbackPolicy {
        program: Some(program_name("occasional")),
        cooldown: Delay::Days(21),
        requalify: rules,
        horizon_days: Some(180),
        date: None,
        lead_time: None,
        attempts_min: 0,
        route: None,
    }
}

fn turned_back(policy: TurnbackPolicy) -> String {
    let mut catalog = catalog([]);
    catalog.scores.0 = BTreeMap::from([
        (SignalKind::HandRaised, Worth { points: 20, half_life: Delay::Days(90) }),
        (SignalKind::Replied, Worth { points: 10, half_life: Delay::Days(60) }),
    ]);
    catalog.turnbacks.0.insert(TurnbackReason::NoResponse, policy);
    told(&catalog)
}

#[test]
fn rules_that_can_never_be_met_are_refused() {
    let never = Condition::All(vec![topic("a"), topic("b")]);
    assert_snapshot!(turned_back(policy(vec![
        RequalifyRule { when: Some(never), ..RequalifyRule::default() },
        RequalifyRule { score_percent: Some(60), ..RequalifyRule::default() },
        RequalifyRule { in_window: true, ..RequalifyRule::default() },
        RequalifyRule { days_min: 2, ..RequalifyRule::default() },
        RequalifyRule { days_min: 181, signals: [SignalKind::Clicked].into(), ..RequalifyRule::default() },
    ])), @"
    catalog turnback.no_response.requalify.0.when: P034! this rule is never met: topic is a and topic is b never holds
    catalog turnback.no_response.requalify.1.score_percent: P034! this rule takes 39 points, and all signals together, each given once, are worth 30
    catalog turnback.no_response.requalify.2.in_window: P034! this rule is never met: the reason carries no date, so there is no window
    catalog turnback.no_response.requalify.3.days_min: P034! this rule is never met: `days_min` counts the days of a signal, and no `signal` is named
    catalog turnback.no_response.requalify.4.days_min: P034! this rule takes 181 days of signals, and the lead leaves after 180
    ");
    assert_eq!(
        turned_back(TurnbackPolicy {
            date: Some(field("revisit_at")),
            ..policy(vec![
                RequalifyRule { score_percent: Some(45), ..RequalifyRule::default() },
                RequalifyRule {
                    in_window: true,
                    days_min: 2,
                    signals: [SignalKind::Clicked].into(),
                    ..RequalifyRule::default()
                },
            ])
        }),
        ""
    );
}

#[test]
fn a_reason_from_which_nothing_leads_back_is_refused() {
    assert_snapshot!(turned_back(TurnbackPolicy { horizon_days: None, ..policy(vec![]) }), @"catalog turnback.no_response.requalify: P034! whoever is given back for `no_response` is never offered to sales again: there is no rule and no horizon");
    assert_eq!(turned_back(policy(vec![])), "");
    assert_eq!(turned_back(TurnbackPolicy { horizon_days: None, program: None, ..policy(vec![]) }), "");
    let raised = RequalifyRule { signals: [SignalKind::HandRaised].into(), ..RequalifyRule::default() };
    assert_eq!(turned_back(TurnbackPolicy { horizon_days: None, ..policy(vec![raised]) }), "");
}

#[test]
fn a_cool_down_that_outlasts_the_horizon_is_refused() {
    assert_snapshot!(turned_back(TurnbackPolicy { horizon_days: Some(21), ..policy(vec![]) }), @"catalog turnback.no_response.cooldown: P034! whoever is given back for `no_response` leaves after 21 days, before the cool-down is over");
}

#[test]
fn a_program_has_the_window_of_the_reason_that_leads_to_it() {
    let rule = RequalifyRule { in_window: true, ..RequalifyRule::default() };
    let mut catalog = catalog([Program { requalify: vec![rule], ..of([email("one", days(1))]) }]);
    assert_snapshot!(told(&catalog), @"a requalify.0.in_window: P034! this rule is never met: the reason carries no date, so there is no window");
    let dated = TurnbackPolicy { program: Some(program_name("a")), date: Some(field("revisit_at")), ..policy(vec![]) };
    catalog.turnbacks.0.insert(TurnbackReason::Timing, dated);
    assert_eq!(told(&catalog), "");
}

// --- Windows ---------------------------------------------------------------------------------

fn window(days: &[Weekday], opens: i8, closes: i8) -> SendWindow {
    use jiff::civil::time;
    SendWindow::new(days.to_vec(), time(opens, 0, 0, 0), time(closes, 0, 0, 0)).unwrap()
}

#[test]
fn moments_at_which_no_mail_goes_out_are_warned_of() {
    let late = Moment::Date {
        field: field("revisit_at"),
        offset_days: -30,
        time: jiff::civil::time(22, 0, 0, 0),
        if_missing: Delay::Days(60),
    };
    assert_snapshot!(told_of_steps([
        email("sunday", next(Weekday::Sunday, 10)),
        call("sunday-call", next(Weekday::Sunday, 10)),
        email("evening", next(Weekday::Monday, 17)),
        email("morning", next(Weekday::Monday, 8)),
        email("dated", crate::timing::Timing::At(late)),
        response("at-once", next(Weekday::Sunday, 10)),
        recur("rounds", next(Weekday::Saturday, 10), 3, UsedUp::GoOn),
    ]), @"
    a.sunday at: P035 `sunday` always waits for another time than it names: on a Sunday no mail goes out
    a.evening at: P035 `evening` always waits for another time than it names: mail goes out from 08:00 to 17:00
    a.dated at: P035 `dated` always waits for another time than it names: mail goes out from 08:00 to 17:00
    a.rounds on: P035 `rounds` always waits for another time than it names: on a Saturday no mail goes out
    ");
}

#[test]
fn a_program_whose_window_never_meets_the_catalogs_is_refused() {
    let opens = |window| Program { window: Some(window), ..of([email("one", next(Weekday::Tuesday, 14))]) };
    assert_snapshot!(told(&catalog([opens(window(&[Weekday::Sunday], 8, 17))])), @"a window: P035! the program's window and the catalog's are never open at one time: its mails would wait for ever");
    assert_snapshot!(told(&catalog([opens(window(&[Weekday::Tuesday], 17, 20))])), @"a window: P035! the program's window and the catalog's are never open at one time: its mails would wait for ever");
    assert_snapshot!(told(&catalog([opens(window(&[Weekday::Tuesday], 9, 12))])), @"a.one at: P035 `one` always waits for another time than it names: mail goes out from 09:00 to 12:00");
    assert_fine([opens(window(&[Weekday::Tuesday], 14, 15))]);
}

// --- Caps ------------------------------------------------------------------------------------

#[test]
fn rounds_that_outrun_the_cap_are_refused() {
    let rounds = |every| told_of_steps([recur("rounds", every, 3, UsedUp::Again)]);
    assert_snapshot!(rounds(days(1)), @"a.rounds every: P036! `rounds` comes round faster than its mails may go out: the cap is 3 mails in 7 days, one in 20h");
    assert_snapshot!(rounds(business_days(1)), @"a.rounds every: P036! `rounds` comes round faster than its mails may go out: the cap is 3 mails in 7 days, one in 20h");
    // Three in seven days are a mail each 56 hours.
    assert_eq!(rounds(hours(56)), "");
    assert_ne!(rounds(hours(55)), "");
    assert_eq!(rounds(business_days(2)), "");
    assert_eq!(rounds(next(Weekday::Monday, 9)), "");
}

#[test]
fn a_program_may_set_itself_a_stricter_cap() {
    let strict = FrequencyCap { spacing: SignedDuration::from_hours(10 * 24), weekly_max: 16 };
    let capped = |every| Program { cap: Some(strict), ..of([recur("rounds", every, 3, UsedUp::Again)]) };
    assert_snapshot!(told(&catalog([capped(days(7))])), @"a.rounds every: P036! `rounds` comes round faster than its mails may go out: the cap is 3 mails in 7 days, one in 10d");
    assert_fine([capped(days(10))]);
}

#[test]
fn a_program_that_slows_down_for_the_silent_is_only_warned() {
    let quiet = Some(Quiet { after_touches: 3, every: Delay::Days(90) });
    let slows = Program { quiet, ..of([recur("rounds", days(1), 3, UsedUp::Again)]) };
    assert_snapshot!(told(&catalog([slows])), @"a.rounds every: P036 `rounds` comes round faster than its mails may go out: the cap is 3 mails in 7 days, one in 20h");
}

#[test]
fn loops_that_outrun_the_cap_are_refused() {
    assert_snapshot!(told_of_steps([
        email("one", days(1)),
        email("two", days(1)),
        alert("three"),
        goto("back", days(1), "one"),
    ]), @"a.back to: P036! a round from `one` to here takes 3d and sends 2 mails, and the cap is 3 mails in 7 days, one in 20h");
    assert_snapshot!(told(&catalog([program("occasional", "occasional", [email("one", days(1))])])), @"occasional then: P036! a round from `one` to here takes 1d and sends one mail, and the cap is 3 mails in 7 days, one in 20h");
    assert_fine([of([email("one", days(1)), email("two", days(3)), goto("back", days(3), "one")])]);
    // Somebody who clicks each day is written to as fast as the cap lets.
    assert_fine([of([email("one", days(1)), until("sign", clicked(), 30, Some("one"), None)])]);
}

#[test]
fn runs_that_outrun_the_cap_are_warned_of_where_they_first_do() {
    assert_snapshot!(told_of_steps([
        email("one", days(1)),
        email("two", days(2)),
        email("three", days(2)),
        email("four", days(2)),
        email("five", days(2)),
    ]), @"a.four after: P036 `four` is planned as mail 4 in 6d, and the cap lets 3 go in 7 days");
    assert_snapshot!(told_of_steps([
        response("zero", NOW),
        email("one", hours(10)),
        branch("which", [(known("size"), "three")], None),
        email("two", days(5)),
        email("three", hours(12)),
    ]), @"
    a.one after: P036 `one` is planned 10h after the mail before it, and the cap lets one go in 20h
    a.three after: P036 `three` is planned 12h after the mail before it, and the cap lets one go in 20h
    ");
}

#[test]
fn responses_count_and_are_not_held_up() {
    assert_fine([of([email("one", days(1)), response("two", NOW), email("three", days(1))])]);
}

#[test]
fn what_follows_a_sign_or_a_date_is_nobodys_plan() {
    assert_fine([of([
        email("one", days(1)),
        until("sign", clicked(), 7, Some("two"), Some("three")),
        email("two", NOW),
        email("three", days(1)),
        email("four", dated("revisit_at", -30, 60)),
        email("five", dated("revisit_at", -14, 60)),
    ])]);
    assert_snapshot!(told_of_steps([
        email("one", dated("revisit_at", -2, 60)),
        email("two", dated("revisit_at", -2, 60)),
        email("three", next(Weekday::Monday, 9)),
        email("four", next(Weekday::Monday, 16)),
        email("five", next(Weekday::Tuesday, 16)),
    ]), @"
    a.two at: P036 `two` is planned 0m after the mail before it, and the cap lets one go in 20h
    a.four at: P036 `four` is planned 7h after the mail before it, and the cap lets one go in 20h
    ");
}

// --- Fields ----------------------------------------------------------------------------------

#[test]
fn fields_that_nobody_fills_in_are_warned_of_where_they_are_asked_about() {
    let rule = RequalifyRule { when: Some(known("nowhere")), ..RequalifyRule::default() };
    let asks = Program {
        enter: Some(known("nowhere")),
        stops: vec![stop(is("nowhere", "x"), "occasional")],
        requalify: vec![rule.clone()],
        ..of([
            branch("which", [(known("size"), "one"), (not(known("nowhere")), "two")], None),
            email("one", dated("nowhere", 0, 60)),
            email("two", days(7)),
        ])
    };
    let mut catalog = catalog([asks]);
    catalog.turnbacks.0.insert(TurnbackReason::Timing, policy(vec![rule]));
    assert_snapshot!(told_of(Code::UnsuppliedField, &catalog), @"
    a enter: P039 nobody ever fills in `nowhere`: no form takes it, and no step asks for it
    a stop.0.when: P039 nobody ever fills in `nowhere`: no form takes it, and no step asks for it
    a requalify.0.when: P039 nobody ever fills in `nowhere`: no form takes it, and no step asks for it
    a.which case.1.when: P039 nobody ever fills in `nowhere`: no form takes it, and no step asks for it
    a.one at: P039 nobody ever fills in `nowhere`: no form takes it, and no step asks for it
    catalog turnback.timing.requalify.0.when: P039 nobody ever fills in `nowhere`: no form takes it, and no step asks for it
    ");
    catalog
        .turnbacks
        .0
        .insert(TurnbackReason::Other, TurnbackPolicy { date: Some(field("nowhere")), ..policy(vec![]) });
    assert_eq!(told_of(Code::UnsuppliedField, &catalog), "", "a rep gives the date with the reason");
}

#[test]
fn a_field_is_supplied_by_forms_by_questions_and_by_who_says_so() {
    let catalog = catalog([of([ask("one", days(1), &["nowhere"])])]);
    assert_eq!(supplied(&catalog), ["industry", "nowhere", "revisit_at", "size"].map(field).into());
}

// --- Who enters ------------------------------------------------------------------------------

#[test]
fn programs_that_nobody_enters_are_warned_of_with_what_only_they_lead_to() {
    let any = |name: &str, then: &str| program(name, then, [email("one", days(42))]);
    assert_snapshot!(told(&catalog([any("start", "occasional"), any("b", "c"), any("c", "b"), any("d", "c")])), @"
    b title: P042 nothing leads to `b`: no form, no turnback, no other program, no `enter`
    d title: P042 nothing leads to `d`: no form, no turnback, no other program, no `enter`
    ");
    let leads_on = Program {
        goal: Some(stop(known("size"), "by-goal")),
        stops: vec![stop(known("industry"), "by-stop")],
        ..program(
            "start",
            "by-then",
            [
                email("one", days(42)),
                branch("which", [(known("size"), "out")], Some("end")),
                exit("out", "by-exit"),
                email("end", days(42)),
            ],
        )
    };
    let named = ["by-goal", "by-stop", "by-exit", "by-then"].map(|name| any(name, "occasional"));
    assert_fine([leads_on, claims("by-claim", 50, topic("a"))].into_iter().chain(named));
}

// --- Content ---------------------------------------------------------------------------------

#[test]
fn product_content_comes_after_something_that_engages() {
    let (engage, product) = (|id| content(id, ContentStage::Engage), |id| content(id, ContentStage::Product));
    assert_fine([of([engage("one"), product("two"), email("three", days(7))])]);
    assert_snapshot!(told_of_steps([email("one", days(7)), product("two"), product("three"), engage("four")]), @"a.two content: P044 `two` speaks of the product, and somebody may come here who has read nothing of their own matter yet");
    let around = [branch("which", [(known("size"), "two")], None), engage("one"), product("two")];
    assert_snapshot!(told_of_steps(around.clone()), @"a.two content: P044 `two` speaks of the product, and somebody may come here who has read nothing of their own matter yet");
    // Sales has told customers of the product.
    assert_fine([Program { enter: Some(stage(&[LifecycleStage::Customer])), ..of(around) }]);
}

// --- The whole -------------------------------------------------------------------------------

#[test]
fn the_same_catalog_gives_the_same_answer_and_large_ones_are_fine() {
    let name = |number: usize| format!("p-{number}");
    let chain = (0..300).map(|number| {
        let steps = (0..50).map(|step| match step % 5 {
            0 => branch(&format!("s-{step}"), [(known("size"), "s-49")], None),
            1 => call(&format!("s-{step}"), days(1)),
            _ => email(&format!("s-{step}"), days(7)),
        });
        let then = if number == 299 { "occasional".to_owned() } else { name(number + 1) };
        program(&name(number), &then, steps)
    });
    let mut large = catalog(chain);
    for form in large.forms.values_mut() {
        form.program = program_name("p-0");
    }
    assert_eq!(told(&large), "");
    // One wrong step in the middle of all is found.
    let wrong = large.programs.get_mut(&program_name("p-150")).unwrap();
    wrong.steps[10].action = Action::Goto { to: wrong.steps[10].id.clone() };
    assert_snapshot!(told(&large), @"
    p-150.s-11 id: P030! no lead comes to `s-11`: no way leads here
    p-150.s-10 to: P028! from here a lead comes back to the step `s-10` within 0 minutes, for ever
    ");
}
