//! Random programs, held against a slow walk of every lead there can be.
//!
//! The walk is written apart from the checker: it takes one lead at a time, answers each condition for it, and follows
//! it from step to step until it comes where it has been before.

#![expect(clippy::wildcard_enum_match_arm, reason = "the walk is to be read at a glance: what is not named goes on")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::ids::{StepId, TagName, TopicName};
use crate::program::TouchClass;
use crate::timing::Timing;

const DAY: u64 = 24 * 60;

// --- A lead that stands still ----------------------------------------------------------------

/// What is so of a lead for whom nothing happens any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Still {
    /// The answers: to `size` and to `industry`; and whether the profile holds a date, which is over.
    size: Option<&'static str>,
    industry: bool,
    dated: bool,
    stage: LifecycleStage,
    tags: BTreeSet<TagName>,
    topic: Option<TopicName>,
    /// When the person last clicked.
    clicked: Clicked,
    /// Whether that was after the entry into the program.
    since: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Clicked {
    Never,
    LongAgo,
    JustNow,
}

impl Still {
    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| self.holds(part)),
            Condition::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Condition::Not(part) => !self.holds(part),
            Condition::Known(name) => match name.as_str() {
                "size" => self.size.is_some(),
                "industry" => self.industry,
                _ => self.dated,
            },
            Condition::Answer { one_of, .. } => self.size.is_some_and(|size| one_of.contains(size)),
            Condition::Topic(topics) => self.topic.as_ref().is_some_and(|topic| topics.contains(topic)),
            Condition::Tag(tag) => self.tags.contains(tag),
            Condition::Stage(stages) => stages.contains(&self.stage),
            Condition::Signal { within: Some(_), .. } => self.clicked == Clicked::JustNow,
            Condition::Signal { within: None, .. } => self.clicked != Clicked::Never && self.since,
        }
    }

    /// Whether it may stay like this for ever: what is young grows old, and sales works nobody for ever.
    fn lasts(&self) -> bool {
        self.clicked != Clicked::JustNow
            && [LifecycleStage::Inquiry, LifecycleStage::Customer, LifecycleStage::Recycled].contains(&self.stage)
    }
}

fn every_lead(catalog: &Catalog) -> Vec<Still> {
    let sets = |step: &Step| matches!(&step.action, Action::Set { add, .. } if !add.is_empty());
    let is_set = catalog.programs.values().flat_map(|program| &program.steps).any(sets);
    let mut all = Vec::new();
    for size in [None, Some("small"), Some("large")] {
        for industry in [false, true] {
            for dated in [false, true] {
                for stage in [LifecycleStage::Inquiry, LifecycleStage::Sal, LifecycleStage::Customer] {
                    for tagged in if is_set { vec![false, true] } else { vec![false] } {
                        for (clicked, since) in [
                            (Clicked::Never, false),
                            (Clicked::LongAgo, false),
                            (Clicked::LongAgo, true),
                            (Clicked::JustNow, false),
                            (Clicked::JustNow, true),
                        ] {
                            let tags =
                                if tagged { BTreeSet::from([TagName::parse("hot").unwrap()]) } else { BTreeSet::new() };
                            all.push(Still { size, industry, dated, stage, tags, topic: None, clicked, since });
                        }
                    }
                }
            }
        }
    }
    all
}

/// Where a lead stands: the program, the step, how long it has been in the program (where that ends it), what it is.
type Place<'c> = (&'c str, usize, u64, Still);

/// One step of the walk: where it leads, how long that takes, and whether somebody was touched.
fn walk<'c>(catalog: &'c Catalog, (name, at, gone, lead): &Place<'c>) -> Option<(Place<'c>, u64, bool)> {
    let program = catalog.programs.get(&program_name(name))?;
    let step = &program.steps[*at];
    let is_response = step.action.mail_class() == Some(TouchClass::Response);
    let waited = wait(&step.timing, lead);
    let over = program.horizon.map(|horizon| u64::try_from(horizon.0.as_mins()).unwrap());
    let enter = |then: &crate::ids::ProgramName, lead: &Still| {
        let program = catalog.program_or_last_resort(then).unwrap();
        (program.name.as_str(), 0, 0, Still { since: false, ..lead.clone() })
    };
    // The wait of a step counts when it is due, and time may be over before.
    let waits = if step.skip_if.as_ref().is_some_and(|skip| lead.holds(skip)) { 0 } else { spends(step) };
    let spent = waited.unwrap_or(0) + if step.action.is_touch() { spends(step) } else { waits };
    if let Some(over) = over.filter(|over| gone + spent >= *over) {
        let round = if let Action::Recur { every, .. } = &step.action { wait(every, lead) } else { None };
        let is_skipped = step.skip_if.iter().chain(&program.skip_if).any(|skip| lead.holds(skip));
        let is_touched = round.is_some_and(|round| gone + round < over) && !is_skipped;
        return Some((enter(&program.then, lead), over - gone, is_touched));
    }
    let gone = if over.is_some() { gone + spent } else { 0 };
    let next = |at: usize| match program.steps.get(at) {
        Some(_) => (program.name.as_str(), at, gone, lead.clone()),
        None => enter(&program.then, lead),
    };
    let to = |id: Option<&StepId>| next(id.and_then(|id| program.position(id)).unwrap_or(at + 1));
    if waited.is_none() {
        return Some((next(at + 1), 0, false));
    }
    let end = program.goal.iter().chain(&program.stops).find(|end| !is_response && lead.holds(&end.when));
    if let Some(end) = end {
        // It is asked when the step is due: of a `recur` at its first round, of a wait when it is over, or at once.
        let spent = match &step.action {
            Action::Recur { every, .. } => waited.unwrap_or(0) + wait(every, lead).unwrap(),
            Action::WaitUntil { event: Awaited::Signals(_), .. } => waited.unwrap_or(0) + spends(step),
            Action::WaitUntil { .. } => waited.unwrap_or(0),
            _ => spent,
        };
        return Some((enter(end.then.as_ref().unwrap_or(&program.then), lead), spent, false));
    }
    let can_skip = step.action.is_touch() && !is_response;
    let skip = step.skip_if.iter().chain(program.skip_if.iter().filter(|_| can_skip));
    let is_skipped = skip.into_iter().any(|skip| lead.holds(skip));
    let there = match &step.action {
        Action::Recur { used_up: UsedUp::Again, .. } => next(*at),
        _ if is_skipped => next(at + 1),
        Action::Ask { .. } if lead.size.is_some() => next(at + 1),
        Action::WaitUntil { event: Awaited::Holds(when), goto, .. } if lead.holds(when) => {
            return Some((to(goto.as_ref()), 0, false));
        }
        Action::WaitUntil { on_timeout, .. } => to(on_timeout.as_ref()),
        Action::Branch { cases, otherwise } => {
            let case = cases.iter().find(|case| lead.holds(&case.when));
            to(case.map(|case| &case.goto).or(otherwise.as_ref()))
        }
        Action::Goal { then } | Action::Exit { then } => enter(then.as_ref().unwrap_or(&program.then), lead),
        Action::Goto { to: id } => to(Some(id)),
        Action::Set { add, remove, .. } => {
            let tags = lead.tags.union(add).filter(|tag| !remove.contains(*tag)).cloned().collect();
            let noted = Still { tags, ..lead.clone() };
            let claims = catalog.programs.values().filter(|other| {
                let is_new = |enter: &Condition| noted.holds(enter) && !lead.holds(enter);
                other.priority > program.priority && other.enter.as_ref().is_some_and(is_new)
            });
            match claims.max_by_key(|other| other.priority) {
                Some(claims) => enter(&claims.name, &noted),
                None => match next(at + 1) {
                    (name, 0, 0, _) => (name, 0, 0, Still { since: false, ..noted }),
                    (name, at, gone, _) => (name, at, gone, noted),
                },
            }
        }
        _ => next(at + 1),
    };
    let asks_nothing = matches!(step.action, Action::Ask { .. }) && lead.size.is_some();
    Some((there, spent, step.action.is_touch() && !is_skipped && !asks_nothing))
}

/// `None` for a date that is over.
fn wait(timing: &Timing, lead: &Still) -> Option<u64> {
    let of = |delay: Delay| match delay {
        Delay::Minutes(minutes) => u64::from(minutes),
        Delay::Days(days) | Delay::BusinessDays(days) => DAY * u64::from(days),
    };
    match timing {
        Timing::After(delay) => Some(of(*delay)),
        Timing::At(Moment::Date { if_missing, .. }) => (!lead.dated).then_some(of(*if_missing)),
        Timing::At(Moment::Next { .. } | Moment::FirstOfMonth { .. }) => Some(DAY),
    }
}

fn spends(step: &Step) -> u64 {
    match &step.action {
        Action::WaitUntil { timeout: Delay::Days(days), .. } => DAY * u64::from(*days),
        Action::Recur { every: Timing::After(Delay::Days(days)), mails, used_up, .. } => {
            let rounds = if *used_up == UsedUp::Again { 1 } else { mails.len() };
            DAY * u64::from(*days) * u64::try_from(rounds).unwrap()
        }
        _ => 0,
    }
}

/// A circle that loses a lead, as the walk finds it: in no time, or without a touch.
fn lost(catalog: &Catalog, starts: &[(&str, usize)]) -> Option<String> {
    for lead in every_lead(catalog) {
        for (name, at) in starts {
            let mut here: Place<'_> = (name, *at, 0, lead.clone());
            let mut been: Vec<(Place<'_>, u64, bool)> = Vec::new();
            while let Some((there, takes, touches)) = walk(catalog, &here) {
                been.push((here, takes, touches));
                here = there;
                let Some(from) = been.iter().position(|(place, ..)| *place == here) else { continue };
                let round = &been[from..];
                let takes: u64 = round.iter().map(|(_, takes, _)| takes).sum();
                let is_touched = round.iter().any(|(.., touches)| *touches);
                if takes < DAY || (!is_touched && here.3.lasts()) {
                    let path: Vec<String> = round.iter().map(|((name, at, ..), ..)| format!("{name}.{at}")).collect();
                    return Some(format!("{takes} minutes, touched: {is_touched}, {path:?}: {:?}", here.3));
                }
                break;
            }
        }
    }
    None
}

// --- Random programs -------------------------------------------------------------------------

const STEPS: usize = 5;

/// What programs may be made of.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// Tags, claims, horizons and dates: what makes one lead different from what it was.
    changing: bool,
}

fn question(parts: Parts) -> BoxedStrategy<Condition> {
    let plain = prop_oneof![
        Just(known("size")),
        Just(is("size", "small")),
        Just(known("industry")),
        Just(stage(&[LifecycleStage::Customer])),
        Just(stage(&[LifecycleStage::Sal, LifecycleStage::Sql])),
        Just(signal(SignalKind::Clicked, None)),
        Just(signal(SignalKind::Clicked, Some(30))),
    ];
    if parts.changing { prop_oneof![3 => plain, 2 => Just(tag("hot"))].boxed() } else { plain.boxed() }
}

fn condition(parts: Parts) -> BoxedStrategy<Condition> {
    let one = question(parts);
    let two = (one.clone(), one.clone(), any::<bool>())
        .prop_map(|(a, b, all)| if all { Condition::All(vec![a, b]) } else { Condition::Any(vec![a, b]) });
    prop_oneof![3 => one.clone(), 2 => one.prop_map(not), 1 => two].boxed()
}

fn delay() -> impl Strategy<Value = Timing> {
    prop_oneof![4 => Just(NOW), 1 => Just(hours(10)), 2 => Just(days(1)), 1 => Just(days(30))]
}

fn id() -> impl Strategy<Value = StepId> {
    (0..STEPS).prop_map(|number| StepId::parse(&format!("s-{number}")).unwrap())
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("gone")]
}

fn action(parts: Parts) -> BoxedStrategy<(Timing, Action)> {
    let of = |step: Step| (step.timing, step.action);
    let touch = delay().prop_flat_map(move |timing| {
        prop_oneof![
            Just(of(email("x", timing.clone()))),
            Just(of(call("x", timing.clone()))),
            Just(of(response("x", timing.clone()))),
            Just(of(ask("x", timing, &["size"]))),
        ]
    });
    let branches = (condition(parts), id(), prop::option::of(id())).prop_map(move |(when, goto, otherwise)| {
        (NOW, Action::Branch { cases: vec![crate::program::Case { when, goto }], otherwise })
    });
    let awaited = prop_oneof![Just(clicked()), condition(parts).prop_map(Awaited::Holds)];
    let waits = (awaited, prop::option::of(id()), prop::option::of(id())).prop_map(|(event, goto, on_timeout)| {
        (NOW, Action::WaitUntil { event, timeout: Delay::Days(14), goto, on_timeout })
    });
    let recurs = any::<bool>()
        .prop_map(move |again| of(recur("x", days(30), 2, if again { UsedUp::Again } else { UsedUp::GoOn })));
    let plain = prop_oneof![
        4 => touch,
        2 => delay().prop_map(|timing| (timing, Action::Wait)),
        3 => branches,
        2 => waits,
        1 => recurs,
        1 => (delay(), id()).prop_map(|(timing, to)| (timing, Action::Goto { to })),
        1 => name().prop_map(move |then| of(exit("x", then))),
    ];
    let sets = prop_oneof![Just(of(set("x", &["hot"], &[]))), Just(of(set("x", &[], &["hot"])))];
    let dates = Just(of(email("x", dated("revisit_at", 0, 30))));
    if parts.changing { prop_oneof![6 => plain, 1 => sets, 1 => dates].boxed() } else { plain.boxed() }
}

fn steps(parts: Parts) -> impl Strategy<Value = Vec<Step>> {
    let skip = prop::option::weighted(0.2, condition(parts));
    prop::collection::vec((action(parts), skip), STEPS).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(number, ((timing, action), skip_if))| Step {
                skip_if,
                ..step(&format!("s-{number}"), timing, action)
            })
            .collect()
    })
}

fn any_program(parts: Parts, name_is: &'static str) -> impl Strategy<Value = Program> {
    let rare = |parts: Parts| prop::option::weighted(0.2, condition(parts));
    let horizon_days = if parts.changing {
        prop_oneof![4 => Just(None), 1 => Just(Some(20)), 1 => Just(Some(90))].boxed()
    } else {
        Just(None).boxed()
    };
    let enter = if parts.changing {
        prop_oneof![2 => Just(None), 1 => Just(Some(tag("hot")))].boxed()
    } else {
        Just(None).boxed()
    };
    (steps(parts), name(), rare(parts), (rare(parts), name()), horizon_days, enter, 50_u8..54).prop_map(
        move |(steps, then, skip_if, (goal, goal_then), days, enter, priority)| Program {
            skip_if,
            goal: goal.map(|when| stop(when, goal_then)),
            horizon: days.map(horizon),
            enter,
            priority,
            ..program(name_is, then, steps)
        },
    )
}

fn programs(parts: Parts) -> impl Strategy<Value = Vec<Program>> {
    (any_program(parts, "a"), any_program(parts, "b"), any_program(parts, "c")).prop_map(|(a, b, c)| vec![a, b, c])
}

/// Whether leads get lost, as the checker finds it; and the steps that leads come to.
fn told_lost(catalog: &Catalog) -> (String, Vec<(&str, usize)>) {
    let lines = told(catalog);
    let lost: Vec<&str> = lines.lines().filter(|line| line.contains("P028!") || line.contains("P031!")).collect();
    let world = crate::loader::solve::World::of(catalog);
    let reached = catalog.programs.values().flat_map(|program| {
        let flow = crate::loader::graph::flow::Flow::of(program, &world);
        let reached: Vec<usize> = flow.reached().map(|(at, _)| at).collect();
        reached.into_iter().map(|at| (program.name.as_str(), at))
    });
    (lost.join("\n"), reached.collect())
}

/// The programs of a catalog, for who reads why a test failed.
fn listing(catalog: &Catalog) -> String {
    let steps = |program: &Program| -> Vec<String> {
        program
            .steps
            .iter()
            .map(|step| format!("  {} {:?} {:?} {:?}", step.id, step.timing, step.skip_if, step.action))
            .collect()
    };
    let each = catalog.programs.values().map(|program| {
        let Program { name, then, goal, horizon, skip_if, enter, priority, .. } = program;
        format!(
            "{name} {then} goal {goal:?} {horizon:?} skip {skip_if:?} enter {enter:?} {priority}\n{}",
            steps(program).join("\n")
        )
    });
    each.collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nobody_is_lost_in_programs_that_are_accepted(programs in programs(Parts { changing: true })) {
        let catalog = catalog(programs);
        let (told, reached) = told_lost(&catalog);
        if told.is_empty() {
            prop_assert_eq!(lost(&catalog, &reached), None, "{}", listing(&catalog));
        }
    }

    #[test]
    fn programs_are_refused_exactly_if_they_lose_somebody(programs in programs(Parts { changing: false })) {
        let catalog = catalog(programs);
        let (told, reached) = told_lost(&catalog);
        let lost = lost(&catalog, &reached);
        prop_assert_eq!(!told.is_empty(), lost.is_some(), "{}\n{:?}\n{}", told, lost, listing(&catalog));
    }
}
