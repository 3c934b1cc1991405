//! Any programs that the checker accepts, any life in them, two years: nobody is ever without a pulse.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::SignedDuration;
use perennial_core::catalog::Catalog;
use perennial_core::lead::StageKind;
use perennial_core::loader::{SourceFile, parse};
use perennial_core::testing;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::decisions::{Life, Move, next_move};

/// The programs of a random catalog, besides the last resort. Each may lead to each.
const NAMES: [&str; 3] = ["welcome", "nurture", "second"];

/// The most steps of a random program.
const STEPS_MAX: usize = 9;

/// How many things happen of themselves before a life is taken to run in circles: two years of a touch a day.
const WAKES_MAX: usize = 3_000;

/// What random programs ask.
const ATOMS: [&str; 10] = [
    "{ field = \"company\", known = true }",
    "{ field = \"company\", is = \"Acme\" }",
    "{ field = \"company\", one_of = [\"Acme\", \"Example Ltd\"] }",
    "{ field = \"revisit_at\", known = false }",
    "{ tag = \"marked\" }",
    "{ topic = \"routes\" }",
    "{ topic = [\"routes\", \"fleet\"] }",
    "{ signal = [\"clicked\", \"replied\"], within = \"30d\" }",
    "{ signal = \"form_submitted\" }",
    "{ stage = \"inquiry\" }",
];

/// A step, written but for its id; a number stands for the step it leads to.
#[derive(Debug, Clone)]
struct Draft {
    text: String,
    goto: Option<(&'static str, usize)>,
}

impl Draft {
    /// The step so that whatever stands after it is reached, most of the time.
    fn passed(self) -> Self {
        let ends = ["kind = \"goal\"", "kind = \"exit\"", "kind = \"goto\""];
        if ends.iter().any(|kind| self.text.starts_with(kind)) {
            return plain("kind = \"set\"\nadd = [\"marked\"]");
        }
        Self { text: self.text.replace("used_up = \"again\"", "used_up = \"go_on\""), ..self }
    }
}

fn plain(text: impl Into<String>) -> Draft {
    Draft { text: text.into(), goto: None }
}

fn delay() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..60_u32).prop_map(|days| format!("{days}d")),
        (1..10_u32).prop_map(|days| format!("{days}bd")),
        (24..100_u32).prop_map(|hours| format!("{hours}h")),
        Just("170d".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(ATOMS.to_vec()).prop_map(str::to_owned);
    (atom.clone(), atom, 0..4_u8).prop_map(|(a, b, shape)| match shape {
        0 => format!("{{ all = [{a}, {b}] }}"),
        1 => format!("{{ any = [{a}, {b}] }}"),
        2 => format!("{{ not = {a} }}"),
        _ => a,
    })
}

fn step() -> impl Strategy<Value = Draft> {
    let to = 0..STEPS_MAX;
    let touch = prop_oneof![Just("email"), Just("call"), Just("personal_mail"), Just("ask")];
    prop_oneof![
        6 => (touch, delay(), prop::option::weighted(0.2, condition())).prop_map(|(kind, after, skip)| {
            let more = match kind {
                "call" => "due_in = \"2d\"".to_owned(),
                "personal_mail" => "due_in = \"2d\"\ntemplate = \"note\"".to_owned(),
                "ask" => "fields = [\"company\"]\ntemplate = \"asks\"".to_owned(),
                _ => "template = \"note\"".to_owned(),
            };
            let skip = skip.map(|skip| format!("\nskip_if = {skip}")).unwrap_or_default();
            plain(format!("kind = \"{kind}\"\nafter = \"{after}\"\n{more}{skip}"))
        }),
        1 => delay().prop_map(|after| plain(format!("kind = \"wait\"\nafter = \"{after}\""))),
        1 => Just(plain("kind = \"email\"\nat = \"next Tuesday 10:00\"\ntemplate = \"note\"")),
        1 => (-40..40_i32).prop_map(|days| {
            let sign = if days < 0 { '-' } else { '+' };
            let days = days.abs();
            plain(format!("kind = \"email\"\nat = \"revisit_at {sign} {days}d\"\nif_missing = \"60d\"\ntemplate = \"note\""))
        }),
        2 => (delay(), to.clone(), condition(), prop::bool::ANY).prop_map(|(timeout, to, when, on_signal)| {
            let event = if on_signal { "signal = [\"clicked\", \"replied\"]".to_owned() } else { format!("when = {when}") };
            Draft { text: format!("kind = \"wait_until\"\n{event}\ntimeout = \"{timeout}\""), goto: Some(("goto", to)) }
        }),
        1 => (1..60_u32, delay(), to.clone()).prop_map(|(days, timeout, to)| Draft {
            text: format!(
                "kind = \"wait_until\"\ndate = \"revisit_at - {days}d\"\nif_missing = \"20d\"\ntimeout = \"{timeout}\""
            ),
            goto: Some(("goto", to)),
        }),
        2 => (condition(), to.clone()).prop_map(|(when, to)| Draft {
            text: format!("kind = \"branch\"\ncase = [{{ when = {when}, goto = \"GOTO\" }}]"),
            goto: Some(("case", to)),
        }),
        1 => to.clone().prop_map(|to| Draft {
            text: "kind = \"split\"\narm = [{ name = \"a\", weight = 1, goto = \"GOTO\" }, { name = \"b\", weight = 2 }]".to_owned(),
            goto: Some(("arm", to)),
        }),
        1 => Just(plain("kind = \"set\"\nadd = [\"marked\"]")),
        1 => Just(plain("kind = \"set\"\nremove = [\"marked\"]")),
        1 => Just(plain("kind = \"set\"\ntopic = \"fleet\"")),
        1 => Just(plain("kind = \"alert\"\nmessage = \"Look\"")),
        1 => Just(plain("kind = \"emit\"\nevent = \"seen\"")),
        1 => (delay(), prop::bool::ANY).prop_map(|(every, again)| {
            let used_up = if again { "again" } else { "go_on" };
            plain(format!("kind = \"recur\"\nevery = \"{every}\"\ntemplates = [\"note\", \"other\"]\nused_up = \"{used_up}\""))
        }),
        1 => Just(plain("kind = \"goal\"")),
        1 => prop::sample::select(NAMES.to_vec()).prop_map(|then| plain(format!("kind = \"exit\"\nthen = \"{then}\""))),
        1 => to.prop_map(|to| Draft { text: "kind = \"goto\"\nto = \"GOTO\"\nafter = \"2d\"".to_owned(), goto: Some(("to", to)) }),
    ]
}

fn head() -> impl Strategy<Value = String> {
    let then = prop::sample::select(vec!["welcome", "nurture", "second", "occasional"]);
    let extras = prop::collection::vec(
        prop_oneof![
            condition().prop_map(|when| format!("goal = {{ when = {when} }}")),
            condition().prop_map(|when| format!("stop = [{{ when = {when}, then = \"occasional\" }}]")),
            condition().prop_map(|when| format!("skip_if = {when}")),
            Just("horizon = \"100d\"".to_owned()),
            Just("quiet = { after_touches = 2, every = \"90d\" }".to_owned()),
            Just("hurry = { signal = \"clicked\", to = \"1d\" }".to_owned()),
            Just("cap = { spacing = \"3d\", weekly_max = 1 }".to_owned()),
            Just("beside_sales = false".to_owned()),
        ],
        0..3,
    );
    (then, extras).prop_map(|(then, mut extras)| {
        let key = |text: &String| text.split(' ').next().unwrap_or_default().to_owned();
        extras.sort();
        extras.dedup_by(|a, b| key(a) == key(b));
        format!("title = \"Random\"\nthen = \"{then}\"\n{}\n", extras.join("\n"))
    })
}

fn program(priority: usize) -> impl Strategy<Value = String> {
    let enter = prop::option::weighted(0.2, condition());
    (head(), enter, prop::collection::vec(step(), 1..STEPS_MAX)).prop_map(move |(head, enter, steps)| {
        let mut text = head;
        if let Some(enter) = enter {
            writeln!(text, "enter = {enter}\npriority = {}", 40 + priority).unwrap();
        }
        let last = steps.len() - 1;
        for (at, step) in steps.iter().enumerate() {
            writeln!(text, "\n[[step]]\nid = \"s{at}\"").unwrap();
            let step = if at < last { step.clone().passed() } else { step.clone() };
            let to = step.goto.map(|(key, to)| (key, format!("s{}", to % steps.len())));
            match to {
                Some(("goto", to)) => writeln!(text, "{}\ngoto = \"{to}\"", step.text).unwrap(),
                Some((_, to)) => writeln!(text, "{}", step.text.replace("GOTO", &to)).unwrap(),
                None => writeln!(text, "{}", step.text).unwrap(),
            }
        }
        text
    })
}

/// The catalog for tests with other programs in it; `None` where the checker refuses them.
fn catalog(programs: &[String; 3]) -> Option<Arc<Catalog>> {
    let mut files = testing::files();
    files.retain(|file| !file.path.starts_with("welcome/"));
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.push_str("\n[fields.revisit_at]\nlabel = \"Revisit\"\ntype = \"date\"\nsupplied_by = \"sales\"\n");
        file.text.push_str("\n[topics.routes]\nlabel = \"Routes\"\n\n[topics.fleet]\nlabel = \"Vehicles\"\n");
        let company = "company = { label = \"Company\", length_max = 120";
        file.text = file.text.replace(company, &format!("{company}, question = \"Where do you work?\""));
    }
    let mail = |body: &str| format!("+++\nsubject = \"Note\"\nfrom = \"rep\"\n+++\n{body}\n");
    for (name, text) in NAMES.iter().zip(programs) {
        let mut add = |path: &str, text: String| files.push(SourceFile { path: format!("{name}/{path}"), text });
        add("program.toml", text.clone());
        add("touches/note.md", mail("Hello."));
        add("touches/other.md", mail("Hello again."));
        add("touches/asks.md", mail("Tell me:\n\n{{ questions }}"));
    }
    parse(&files).0.map(Arc::new)
}

fn catalogs() -> impl Strategy<Value = Vec<Arc<Catalog>>> {
    let programs = || (program(1), program(2), program(3)).prop_map(|(a, b, c)| catalog(&[a, b, c]));
    let accepted = || programs().prop_filter_map("the checker refuses these programs", |catalog| catalog);
    prop::collection::vec(accepted(), 1..3)
}

/// How many lives show that nothing is asked in vain.
const LIVES: usize = 200;

#[test]
fn each_thing_that_random_programs_ask_holds_in_some_lives_and_not_in_others() {
    let mut welcome = "title = \"Asks\"\nthen = \"occasional\"\n".to_owned();
    welcome.push_str("\n[[step]]\nid = \"mark\"\nkind = \"set\"\nadd = [\"marked\"]\nafter = \"9d\"\n");
    for (number, atom) in ATOMS.iter().enumerate() {
        write!(
            welcome,
            "\n[[step]]\nid = \"s{number}\"\nkind = \"call\"\nafter = \"9d\"\ndue_in = \"2d\"\nskip_if = {atom}\n"
        )
        .unwrap();
    }
    let other =
        "title = \"Other\"\nthen = \"occasional\"\n\n[[step]]\nid = \"rest\"\nkind = \"wait\"\nafter = \"9d\"\n";
    let catalog = catalog(&[welcome, other.to_owned(), other.to_owned()]).expect("the checker accepts them");
    let program = catalog.programs.values().find(|program| program.name.as_str() == "welcome").expect("the program");
    let asked: Vec<_> = program.steps.iter().filter_map(|step| step.skip_if.clone()).collect();
    assert_eq!(asked.len(), ATOMS.len());

    let mut seen: BTreeSet<(&str, bool)> = BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    let moves = prop::collection::vec(next_move(), 1..30);
    for _ in 0..LIVES {
        let mut life = Life::new(vec![Arc::clone(&catalog)], "welcome");
        for next in moves.new_tree(&mut runner).expect("a life").current() {
            life.live(&next);
            for (atom, condition) in ATOMS.iter().zip(&asked) {
                seen.extend(life.holds(condition).map(|holds| (*atom, holds)));
            }
        }
    }
    let missing: Vec<_> =
        ATOMS.iter().flat_map(|atom| [(*atom, true), (*atom, false)]).filter(|one| !seen.contains(one)).collect();
    assert!(missing.is_empty(), "asked in vain: {missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, max_global_rejects: 100_000, max_local_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn in_programs_that_the_checker_accepts_nobody_is_ever_without_a_pulse(
        catalogs in catalogs(),
        moves in prop::collection::vec(next_move(), 1..30),
    ) {
        let mut life = Life::new(catalogs, "welcome");
        for next in &moves {
            life.live(next);
        }
        // From here on nobody does anything any more.
        life.resume_programs();
        let end = life.now + SignedDuration::from_hours(2 * 365 * 24);
        for _ in 0..WAKES_MAX {
            let Some(wake) = life.wakes_at().filter(|wake| *wake <= end) else { break };
            life.now = life.now.max(wake);
            life.live(&Move::Hours(0));
            life.live(&Move::sent());
        }
        if let Some(lead) = &life.lead {
            let wake = life.wakes_at();
            prop_assert!(wake.is_none_or(|wake| wake > end), "it runs in circles: {lead:?}");
            prop_assert!(wake.is_some() || lead.stage.kind() == StageKind::Terminal, "nobody looks at it: {lead:?}");
        }
    }
}
