//! Each key of the format: what it means when it is right, and what is said when it is not.

use super::{edited, report};
use crate::loader::{SourceFile, parse};
use crate::policy::TurnbackReason;
use crate::program::Program;

/// What conditions, dates and questions can be about, at the end of the catalog so that its lines keep their numbers.
const MORE: &str = r#"
[fields.company_size]
label = "Company size"
type = "choice"
choices = ["1-9", "10-49", "50+"]
question = "How many people work at your company?"
threat = 2
ask_again_after = "365d"

[fields.role]
label = "Role"
length_max = 80
question = "What do you do there?"

[fields.revisit_at]
label = "Come back"
type = "date"
supplied_by = "sales"

[topics.pricing]
label = "Prices"

[topics.planning]
label = "Planning"
"#;

const MAIL: &str = "+++\nsubject = \"A\"\nfrom = \"team\"\n+++\nHello.\n";
const ASKING: &str = "+++\nsubject = \"A\"\nfrom = \"rep\"\n+++\nTell me:\n\n{{ questions }}\n";

/// The catalog with fields of each type and two topics, and `welcome` with these lines after its `title` and `then`
/// (so the first is line 3), and with the mails `one`, `two` and `asking`.
fn files(welcome: &str) -> Vec<SourceFile> {
    let mut files = edited(&[]);
    files.retain(|file| !file.path.starts_with("welcome/"));
    for file in &mut files {
        if file.path == "occasional/program.toml" {
            // A topic that is declared has to be about something.
            let about = "topic = \"planning\"\nrequalify = [{ when = { topic = \"pricing\" } }]\n\n[[step]]";
            file.text = file.text.replacen("[[step]]", about, 1);
        }
        if file.path == "catalog.toml" {
            file.text.push_str(MORE);
            // A field that is asked about has to come from somewhere.
            file.text =
                file.text.replace("\"company\", \"message\"]", "\"company\", \"message\", \"role\", \"company_size\"]");
        }
    }
    let program = format!("title = \"Welcome\"\nthen = \"occasional\"\n{welcome}");
    let mut add = |path: &str, text: &str| files.push(SourceFile { path: path.to_owned(), text: text.to_owned() });
    add("welcome/program.toml", &program);
    for (name, text) in [("one", MAIL), ("two", MAIL), ("asking", ASKING)] {
        if program.contains(&format!("\"{name}\"")) {
            add(&format!("welcome/touches/{name}.md"), text);
        }
    }
    files
}

fn check(welcome: &str) -> String {
    report(&files(welcome))
}

/// A program whose only step is a wait, with these settings before it.
fn settings(lines: &str) -> String {
    check(&format!("{lines}\n[[step]]\nid = \"rest\"\nkind = \"wait\"\nafter = \"1d\"\n"))
}

fn read(welcome: &str) -> Program {
    let (catalog, diagnostics) = parse(&files(welcome));
    let catalog = catalog.unwrap_or_else(|| panic!("{diagnostics:#?}"));
    catalog.programs.into_values().find(|program| program.name.as_str() == "welcome").expect("the program")
}

/// The catalog with one more text replaced.
fn catalog(from: &str, to: &str) -> String {
    let mut files = files("[[step]]\nid = \"rest\"\nkind = \"wait\"\nafter = \"1d\"\n");
    let file = files.iter_mut().find(|file| file.path == "catalog.toml").expect("the catalog");
    assert!(file.text.contains(from), "{from}");
    file.text = file.text.replacen(from, to, 1);
    report(&files)
}

#[test]
fn all_fifteen_kinds_of_step_are_read() {
    let program = read(
        r#"
step = [
    { id = "one", kind = "email", after = "0m", class = "response", content = "engage" },
    { id = "asks", kind = "ask", after = "+2d", template = "asking", fields = ["role", "company_size"], skip_if = { signal = "replied", within = "7d" } },
    { id = "rings", kind = "call", at = "next tue 10:00", due_in = "2d" },
    { id = "writes", kind = "personal_mail", after = "3bd", template = "two", due_in = "1d" },
    { id = "rests", kind = "wait", at = "revisit_at - 30d 10:00", if_missing = "60d" },
    { id = "waits", kind = "wait_until", signal = ["replied", "clicked"], timeout = "14d", goto = "won", on_timeout = "hopes" },
    { id = "hopes", kind = "wait_until", when = { not = { field = "role", known = false } }, timeout = "1w" },
    { id = "dated", kind = "wait_until", date = "revisit_at", if_missing = "1d", timeout = "170d" },
    { id = "ways", kind = "branch", case = [{ when = { topic = "pricing" }, goto = "won" }, { when = { topic = ["planning"] }, goto = "arms" }], else = "back" },
    { id = "arms", kind = "split", arm = [{ name = "short", weight = 50, goto = "two" }, { name = "long", weight = 1, goto = "out" }] },
    { id = "two", kind = "email", after = "1d" },
    { id = "tells", kind = "alert", message = "Came back" },
    { id = "notes", kind = "set", topic = "planning", add = ["warm"], remove = ["cold"] },
    { id = "emits", kind = "emit", event = "warmed" },
    { id = "turns", kind = "recur", every = "30d", templates = ["one", "two"], used_up = "go_on" },
    { id = "pauses", kind = "wait", after = "2d" },
    { id = "meets", kind = "recur", on = "first Tuesday 10:00", templates = ["one"], used_up = "again", class = "nurture" },
    { id = "won", kind = "goal", then = "occasional" },
    { id = "out", kind = "exit" },
    { id = "back", kind = "goto", to = "one", after = "1h" },
]
"#,
    );
    let steps: Vec<String> = program
        .steps
        .iter()
        .map(|step| format!("{} {:?} {:?} {:?}", step.id, step.timing, step.skip_if, step.action))
        .collect();
    insta::assert_snapshot!(steps.join("\n"), @r#"
    one After(Minutes(0)) None Email { mail: Mail { template: TemplateName("one"), from: Team }, class: Response, content: Some(Engage) }
    asks After(Days(2)) Some(Signal { kinds: {Replied}, within: Some(168h) }) Ask { mail: Mail { template: TemplateName("asking"), from: Rep }, class: Nurture, fields: [FieldName("role"), FieldName("company_size")] }
    rings At(Next { weekday: Tuesday, time: 10:00:00 }) None Call { due_in: Days(2) }
    writes After(BusinessDays(3)) None PersonalMail { draft: TemplateName("two"), due_in: Days(1) }
    rests At(Date { field: FieldName("revisit_at"), offset_days: -30, time: 10:00:00, if_missing: Days(60) }) None Wait
    waits After(Minutes(0)) None WaitUntil { event: Signals({Replied, Clicked}), timeout: Days(14), goto: Some(StepId("won")), on_timeout: Some(StepId("hopes")) }
    hopes After(Minutes(0)) None WaitUntil { event: Holds(Not(Not(Known(FieldName("role"))))), timeout: Days(7), goto: None, on_timeout: None }
    dated After(Minutes(0)) None WaitUntil { event: Moment(Date { field: FieldName("revisit_at"), offset_days: 0, time: 09:00:00, if_missing: Days(1) }), timeout: Days(170), goto: None, on_timeout: None }
    ways After(Minutes(0)) None Branch { cases: [Case { when: Topic({TopicName("pricing")}), goto: StepId("won") }, Case { when: Topic({TopicName("planning")}), goto: StepId("arms") }], otherwise: Some(StepId("back")) }
    arms After(Minutes(0)) None Split { arms: [Arm { name: StepId("short"), weight: 50, goto: Some(StepId("two")) }, Arm { name: StepId("long"), weight: 1, goto: Some(StepId("out")) }] }
    two After(Days(1)) None Email { mail: Mail { template: TemplateName("two"), from: Team }, class: Nurture, content: None }
    tells After(Minutes(0)) None Alert { message: "Came back" }
    notes After(Minutes(0)) None Set { topic: Some(TopicName("planning")), add: {TagName("warm")}, remove: {TagName("cold")} }
    emits After(Minutes(0)) None Emit { event: EmittedName("warmed") }
    turns After(Minutes(0)) None Recur { every: After(Days(30)), mails: [Mail { template: TemplateName("one"), from: Team }, Mail { template: TemplateName("two"), from: Team }], class: Nurture, used_up: GoOn }
    pauses After(Days(2)) None Wait
    meets After(Minutes(0)) None Recur { every: At(FirstOfMonth { weekday: Tuesday, time: 10:00:00 }), mails: [Mail { template: TemplateName("one"), from: Team }], class: Nurture, used_up: Again }
    won After(Minutes(0)) None Goal { then: Some(ProgramName("occasional")) }
    out After(Minutes(0)) None Exit { then: None }
    back After(Minutes(60)) None Goto { to: StepId("one") }
    "#);
}

#[test]
fn every_setting_of_a_program_is_read() {
    let program = read(
        r#"
priority = 40
enter = { all = [{ stage = ["sal", "sql"] }, { any = [{ tag = "partner" }, { topic = ["pricing", "planning"] }] }] }
beside_sales = false
topic = "planning"
horizon = "180d"
skip_if = { field = "company_size", one_of = ["50+", " 10-49 "] }
window = { days = ["tue"], opens = "09:00", closes = "12:00" }
cap = { spacing = "3d", weekly_max = 1 }
goal = { when = { signal = ["replied", "meeting_booked"] }, then = "occasional" }
stop = [{ when = { field = "role", is = " Student " } }]
hurry = { signal = "pricing_visited", to = "1d" }
quiet = { after_touches = 3, every = "90d" }
requalify = [{ signal = "clicked", days_min = 2, score_percent = 60, when = { topic = "pricing" } }]

[[step]]
id = "rest"
kind = "wait"
after = "1d"
"#,
    );
    let said = [
        format!("{} {}", program.priority, program.beside_sales),
        format!("enter {}", program.enter.as_ref().expect("a condition")),
        format!("topic {}", program.topic.as_ref().expect("a topic")),
        format!("horizon {:?}", program.horizon),
        format!("skip_if {}", program.skip_if.as_ref().expect("a condition")),
        format!("window {:?}", program.window),
        format!("cap {:?}", program.cap),
        format!("goal {:?}", program.goal),
        format!("stop {:?}", program.stops),
        format!("hurry {:?}", program.hurry),
        format!("quiet {:?}", program.quiet),
        format!("requalify {:?}", program.requalify),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    40 false
    enter stage is sal or sql and (tagged partner or topic is planning or pricing)
    topic planning
    horizon Some(Horizon(4320h))
    skip_if company_size is “10-49” or “50+”
    window Some(SendWindow { days: [Tuesday], opens: 09:00:00, closes: 12:00:00 })
    cap Some(FrequencyCap { spacing: 72h, weekly_max: 1 })
    goal Some(Stop { when: Signal { kinds: {Replied, MeetingBooked}, within: None }, then: Some(ProgramName("occasional")) })
    stop [Stop { when: Answer { field: FieldName("role"), one_of: {"Student"} }, then: None }]
    hurry Some(Hurry { signals: {PricingVisited}, to: Days(1) })
    quiet Some(Quiet { after_touches: 3, every: Days(90) })
    requalify [RequalifyRule { signals: {Clicked}, days_min: 2, also: {}, score_percent: Some(60), corrected: false, in_window: false, answered: {}, when: Some(Topic({TopicName("pricing")})) }]
    "#);
}

#[test]
fn what_a_program_does_not_say_has_its_default() {
    let program = read("[[step]]\nid = \"rest\"\nkind = \"wait\"\nafter = \"1d\"\n");
    assert_eq!((program.priority, program.beside_sales), (50, true));
    assert!(program.enter.is_none() && program.goal.is_none() && program.stops.is_empty());
}

#[test]
fn settings_that_are_wrong_are_told_apart() {
    insta::assert_snapshot!(settings("priority = 100\nbeside_sales = \"no\"\ntopic = \"prices\"\nhorizon = \"1096d\"\nenter = \"sal\""), @r#"
    welcome/program.toml:3:12 P005 `priority` in the program must be a whole number from 1 to 99
        write for example `priority = 3`
    welcome/program.toml:4:16 P005 `beside_sales` in the program must be true or false
        write for example `beside_sales = true`
    welcome/program.toml:5:9 P009 `prices` is not a declared topic
        did you mean `pricing`?
    welcome/program.toml:6:11 P058 `horizon` in the program is longer than 1095 days
        write at most 1095 days
    welcome/program.toml:7:9 P005 `enter` in the program must be a condition, which is a table
        write for example `enter = { tag = "…" }`
    "#);
    insta::assert_snapshot!(settings("hurry = { signal = \"pricing\", to = \"0m\" }\nquiet = { after_touches = 0, every = \"0d\" }\nhorizon = \"3bd\""), @r#"
    welcome/program.toml:3:20 P008 `pricing` is not a possible `signal`
        did you mean `pricing_visited`?
    welcome/program.toml:4:27 P005 `after_touches` in [quiet] must be a whole number from 1 to 1000
        write for example `after_touches = 3`
    welcome/program.toml:4:38 P052 `every` in [quiet] takes no time
        write for example `every = "1d"`
    welcome/program.toml:5:11 P007 `3bd` is not a duration
        write a whole number and m, h, d or w: "0m", "20h", "14d"
    "#);
    insta::assert_snapshot!(settings("goal = { then = \"ocasional\" }\nstop = { when = { tag = \"a\" } }\nprio = 3"), @r#"
    welcome/program.toml:3:8 P004 [goal] has no `when`
        add what ends the program: `when = { signal = "replied" }`
    welcome/program.toml:3:17 P041 there is no program `ocasional`, and `occasional` is nearly the same
        did you mean `occasional`?
    welcome/program.toml:4:8 P005 `stop` in the program must be a list of tables
        write for example `[[stop]]`
    welcome/program.toml:5:1 P003 the program has no setting `prio`
        did you mean `priority`?
    "#);
}

#[test]
fn a_program_may_be_stricter_than_the_catalog_and_never_laxer() {
    insta::assert_snapshot!(settings("window = { days = [\"sat\"], opens = \"09:00\", closes = \"12:00\" }\ncap = { spacing = \"1h\", weekly_max = 1 }"), @r#"
    welcome/program.toml:3:10 P059 the window of this program is wider than the catalog's
        keep to the days and hours of `[window]` in catalog.toml, or widen it there
    welcome/program.toml:4:7 P059 the cap of this program lets out more than the catalog's
        let it be at least as strict as `[cap]` in catalog.toml, or change it there
    "#);
    insta::assert_snapshot!(settings("window = { days = [\"mon\"], opens = \"07:00\", closes = \"12:00\" }\ncap = { spacing = \"2d\", weekly_max = 4 }"), @r#"
    welcome/program.toml:3:10 P059 the window of this program is wider than the catalog's
        keep to the days and hours of `[window]` in catalog.toml, or widen it there
    welcome/program.toml:4:7 P059 the cap of this program lets out more than the catalog's
        let it be at least as strict as `[cap]` in catalog.toml, or change it there
    "#);
    assert_eq!(
        settings(
            "window = { days = [\"mon\"], opens = \"08:00\", closes = \"17:00\" }\ncap = { spacing = \"20h\", weekly_max = 3 }"
        ),
        ""
    );
}

fn condition(text: &str) -> String {
    settings(&format!("skip_if = {text}"))
}

#[test]
fn a_condition_asks_one_thing() {
    insta::assert_snapshot!(condition("{}"), @r#"
    welcome/program.toml:3:11 P048 this condition asks nothing
        use one of: field, topic, tag, stage, signal, all, any, not
    "#);
    insta::assert_snapshot!(condition("{ feild = \"role\", is = \"x\" }"), @r#"
    welcome/program.toml:3:13 P048 this condition asks nothing
        did you mean `field`?
    "#);
    insta::assert_snapshot!(condition("{ tag = \"a\", topic = \"pricing\" }"), @r#"
    welcome/program.toml:3:11 P048 this condition asks for `topic` and `tag` at once
        put them together: `{ all = [{ … }, { … }] }`
    "#);
    insta::assert_snapshot!(condition("{ all = [] }"), @r#"
    welcome/program.toml:3:19 P049 `all` in [skip_if] is empty
        write 1 to 64
    "#);
    insta::assert_snapshot!(condition("{ any = { tag = \"a\" } }"), @r#"
    welcome/program.toml:3:19 P005 `any` in [skip_if] must be a list of conditions
        write for example `any = [{ tag = "…" }, { topic = "…" }]`
    "#);
    insta::assert_snapshot!(condition("{ tag = \"a\", within = \"3d\" }"), @r#"
    welcome/program.toml:3:24 P003 [skip_if] has no setting `within`
        use one of: tag
    "#);
    insta::assert_snapshot!(condition("[{ tag = \"a\" }]"), @r#"
    welcome/program.toml:3:11 P005 `skip_if` in the program must be a condition, which is a table
        write for example `skip_if = { tag = "…" }`
    "#);
}

#[test]
fn a_condition_is_typed() {
    insta::assert_snapshot!(condition("{ field = \"rolle\", is = \"x\" }"), @r#"
    welcome/program.toml:3:21 P009 `rolle` is not a declared field
        did you mean `role`?
    "#);
    insta::assert_snapshot!(condition("{ field = \"role\" }"), @r#"
    welcome/program.toml:3:11 P004 [skip_if] has none of `is`, `one_of`, `known`
        add what is asked of it: `is = "…"`, `one_of = ["…", "…"]` or `known = true`
    "#);
    insta::assert_snapshot!(condition("{ field = \"role\", is = \"x\", known = true }"), @r#"
    welcome/program.toml:3:47 P051 [skip_if] cannot have both `is` and `known`
        keep one of them
    "#);
    insta::assert_snapshot!(condition("{ field = \"company_size\", one_of = [\"10-49\", \"10-50\"] }"), @r#"
    welcome/program.toml:3:56 P008 `10-50` is not a choice of `company_size`
        did you mean `10-49`? Or use one of: 1-9, 10-49, 50+
    "#);
    insta::assert_snapshot!(condition("{ field = \"revisit_at\", is = \"2027-05-01\" }"), @r#"
    welcome/program.toml:3:21 P060 `revisit_at` is a date, and a date cannot be compared with a text
        ask whether it is known, `known = true`, or time a step by it: `at = "… - 30d"`
    "#);
    insta::assert_snapshot!(condition("{ topic = [\"pricing\", \"price\"] }"), @r#"
    welcome/program.toml:3:33 P009 `price` is not a declared topic
        did you mean `pricing`?
    "#);
    insta::assert_snapshot!(condition("{ stage = \"lead\" }"), @r#"
    welcome/program.toml:3:21 P008 `lead` is not a possible `stage`
        use one of: received, quarantined, inquiry, mql, sal, sql, customer, recycled, disqualified
    "#);
    insta::assert_snapshot!(condition("{ signal = [\"opened\"], within = \"4y\" }"), @r#"
    welcome/program.toml:3:23 P008 `opened` is not a possible `signal`
        use one of: replied, clicked, form_submitted, hand_raised, answered, meeting_booked, webinar_attended, page_visited, pricing_visited, connected
    welcome/program.toml:3:43 P007 `4y` is not a duration
        write a whole number and m, h, d or w: "0m", "20h", "14d"
    "#);
    insta::assert_snapshot!(condition("{ signal = \"clicked\", within = \"0m\" }"), @r#"
    welcome/program.toml:3:42 P058 `within` in [skip_if] is no time at all
        write for example `within = "7d"`
    "#);
    assert_eq!(condition("{ field = \"revisit_at\", known = true }"), "");
}

#[test]
fn a_condition_is_neither_too_deep_nor_too_wide() {
    let nested = |depth: usize| format!("{}{{ topic = \"pricing\" }}{}", "{ not = ".repeat(depth), " }".repeat(depth));
    assert_eq!(condition(&nested(7)), "");
    insta::assert_snapshot!(condition(&nested(8)), @r#"
    welcome/program.toml:3:75 P046 conditions are nested more than 8 deep
        decide it in a branch with several cases
    "#);
    let wide = |atoms: usize| format!("{{ all = [{}] }}", vec!["{ topic = \"pricing\" }"; atoms].join(", "));
    assert_eq!(condition(&wide(64)), "");
    let halves = format!("{{ any = [{}, {}] }}", wide(40), wide(25));
    insta::assert_snapshot!(condition(&halves), @r#"
    welcome/program.toml:3:11 P046 this condition asks 65 things, and 64 is the most
        decide it in a branch with several cases
    "#);
}

fn steps(text: &str) -> String {
    check(text)
}

#[test]
fn a_touch_says_when_it_comes_and_a_wait_takes_time() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "a", kind = "call", due_in = "1d" },
    { id = "b", kind = "call", due_in = "1d", after = "1d", at = "next Tuesday 10:00" },
    { id = "c", kind = "call", due_in = "1d", after = "1d", if_missing = "1d" },
    { id = "d", kind = "wait", after = "0m" },
    { id = "e", kind = "wait" },
    { id = "f", kind = "wait_until", signal = "replied", timeout = "0d" },
    { id = "g", kind = "wait", after = "111bd" },
    { id = "h", kind = "wait_until", signal = "replied", timeout = "1d", after = "1d" },
]"#
    ), @r#"
    welcome/program.toml:4:5 P004 [[step]] has neither `after` nor `at`
        add how long after the step before it: `after = "0m"`, "20h", "14d"
    welcome/program.toml:5:66 P051 [[step]] cannot have both `after` and `at`
        keep one of them
    welcome/program.toml:6:74 P051 `if_missing` in [[step]] says nothing without `at`
        add `at`, or remove `if_missing`
    welcome/program.toml:7:40 P052 `after` in [[step]] takes no time
        write for example `after = "1d"`
    welcome/program.toml:8:5 P004 [[step]] has neither `after` nor `at`
        add how long after the step before it: `after = "0m"`, "20h", "14d"
    welcome/program.toml:9:68 P052 `timeout` in [[step]] takes no time
        write for example `timeout = "1d"`
    welcome/program.toml:10:40 P012 `after` is longer than 110 business days: the lead would be forgotten
        wait at most 110 business days, and put a step in between
    welcome/program.toml:11:74 P003 [[step]] has no setting `after`
        use one of: id, kind, skip_if, signal, when, date, if_missing, timeout, goto, on_timeout
    "#);
}

#[test]
fn a_moment_is_a_weekday_or_a_date_that_may_be_missing() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "a", kind = "wait", at = "tomorrow" },
    { id = "b", kind = "wait", at = "revisit_at - 30d" },
    { id = "c", kind = "wait", at = "role - 30d", if_missing = "1d" },
    { id = "d", kind = "wait", at = "revisit - 30d", if_missing = "1d" },
    { id = "e", kind = "wait", at = "next Tuesday 10:00", if_missing = "1d" },
    { id = "f", kind = "wait", at = "revisit_at - 2000d", if_missing = "1d" },
    { id = "g", kind = "wait", at = "revisit_at", if_missing = "soon" },
    { id = "h", kind = "recur", on = "revisit_at", templates = ["one"], used_up = "again" },
    { id = "i", kind = "recur", on = "first Teusday 10:00", templates = ["one"], used_up = "again" },
]"#
    ), @r#"
    welcome/program.toml:4:37 P047 `tomorrow` is not a point in time
        write "next Tuesday 10:00", "first Tuesday 10:00" (of a month) or a date of the profile: "revisit_at - 30d"
    welcome/program.toml:5:37 P043 nothing says what happens when a lead has no date for `revisit_at - 30d`
        add the delay that counts then: `if_missing = "60d"`
    welcome/program.toml:6:38 P060 `role` is not a date
        take a field of the catalog that says `type = "date"`
    welcome/program.toml:7:38 P009 `revisit` is not a declared field
        did you mean `revisit_at`?
    welcome/program.toml:8:72 P051 `if_missing` says nothing beside `next Tuesday 10:00`, which needs no date
        remove it
    welcome/program.toml:9:37 P047 a moment is at most 1095 days from its date
        write a smaller number of days
    welcome/program.toml:10:64 P007 `soon` is not a duration
        write a whole number and m, h, d, w or bd (business days): "0m", "20h", "14d", "3bd"
    welcome/program.toml:11:38 P047 `revisit_at` comes once, and a round comes again and again
        write a weekday: "next Tuesday 10:00", "first Tuesday 10:00" (of a month)
    welcome/program.toml:12:38 P047 `first Teusday 10:00` is not a point in time
        write "next Tuesday 10:00", "first Tuesday 10:00" (of a month) or a date of the profile: "revisit_at - 30d"
    "#);
}

#[test]
fn a_jump_leads_to_a_step_of_the_same_program() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "start", kind = "wait_until", when = { tag = "a" }, timeout = "1d", goto = "finish", on_timeout = "strat" },
    { id = "ways", kind = "branch", case = [{ when = { tag = "a" }, goto = "x" }], else = "y" },
    { id = "arms", kind = "split", arm = [{ name = "a", weight = 1, goto = "z" }, { name = "b", weight = 1 }] },
    { id = "back", kind = "goto", to = "response" },
]"#
    ), @r#"
    welcome/program.toml:4:87 P029 there is no step `finish` in this program
        use one of: arms, back, start, ways
    welcome/program.toml:4:110 P029 there is no step `strat` in this program
        did you mean `start`?
    welcome/program.toml:5:76 P029 there is no step `x` in this program
        use one of: arms, back, start, ways
    welcome/program.toml:5:91 P029 there is no step `y` in this program
        use one of: arms, back, start, ways
    welcome/program.toml:6:76 P029 there is no step `z` in this program
        use one of: arms, back, start, ways
    welcome/program.toml:7:40 P029 there is no step `response` in this program
        use one of: arms, back, start, ways
    "#);
}

#[test]
fn a_step_that_is_wrong_is_a_step_to_jump_to_all_the_same() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "back", kind = "goto", to = "next" },
    { id = "next", kind = "cal", due_in = "1d" },
]"#
    ), @r#"
    welcome/program.toml:5:27 P008 `cal` is not a possible `kind`
        did you mean `call`?
    "#);
}

#[test]
fn an_ask_asks_for_fields_that_have_a_question() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "a", kind = "ask", template = "asking", after = "1d", fields = ["company"] },
    { id = "b", kind = "ask", template = "asking", after = "1d", fields = [] },
    { id = "c", kind = "ask", template = "asking", after = "1d", fields = ["role", "company_size", "first_name", "last_name"] },
    { id = "d", kind = "ask", template = "asking", after = "1d", fields = ["role", "role"] },
    { id = "e", kind = "ask", template = "asking", after = "1d", fields = ["rank"] },
    { id = "f", kind = "ask", template = "asking", after = "1d" },
]"#
    ), @r#"
    welcome/program.toml:4:76 P055 the field `company` has no question to ask
        add `question = "…"` to [fields.company] in catalog.toml
    welcome/program.toml:5:75 P049 `fields` in [[step]] is empty
        write 1 to 3
    welcome/program.toml:6:75 P049 `fields` in [[step]] has 4 entries
        write 1 to 3
    welcome/program.toml:6:100 P055 the field `first_name` has no question to ask
        add `question = "…"` to [fields.first_name] in catalog.toml
    welcome/program.toml:6:114 P055 the field `last_name` has no question to ask
        add `question = "…"` to [fields.last_name] in catalog.toml
    welcome/program.toml:7:84 P053 `role` is asked for already
        name each field once
    welcome/program.toml:8:76 P009 `rank` is not a declared field
        use one of: company, company_size, first_name, last_name, message, revisit_at, role
    welcome/program.toml:9:5 P004 [[step]] has no `fields`
        add what it asks for, for example `fields = ["company_size"]`
    "#);
}

#[test]
fn branches_and_splits_have_ways_to_go() {
    let cases = vec!["{ when = { tag = \"a\" }, goto = \"a\" }"; 17].join(", ");
    insta::assert_snapshot!(steps(&format!(
        r#"step = [
    {{ id = "a", kind = "branch", case = [] }},
    {{ id = "b", kind = "branch", case = [{{ when = {{ tag = "a" }} }}, {{ goto = "a" }}] }},
    {{ id = "c", kind = "branch" }},
    {{ id = "d", kind = "branch", case = [{cases}] }},
    {{ id = "e", kind = "split", arm = [{{ name = "a", weight = 1 }}] }},
    {{ id = "f", kind = "split", arm = [{{ name = "a", weight = 0 }}, {{ name = "b", weight = 1001 }}] }},
    {{ id = "g", kind = "split", arm = [{{ name = "a", weight = 1 }}, {{ name = "a", weight = 1 }}] }},
]"#
    )), @r#"
    welcome/program.toml:4:41 P049 `case` in [[step]] is empty
        write 1 to 16
    welcome/program.toml:5:42 P004 [[case]] has no `goto`
        add the step where it goes on: `goto = "…"`
    welcome/program.toml:5:68 P004 [[case]] has no `when`
        add what is asked: `when = { topic = "…" }`
    welcome/program.toml:6:5 P004 [[step]] has no `case`
        add `case = [{ when = { … }, goto = "…" }]`
    welcome/program.toml:7:41 P049 `case` in [[step]] has 17 entries
        write 1 to 16
    welcome/program.toml:8:39 P049 `arm` in [[step]] has 1 entry
        write 2 to 8
    welcome/program.toml:9:63 P005 `weight` in [[arm]] must be a whole number from 1 to 1000
        write for example `weight = 3`
    welcome/program.toml:9:91 P005 `weight` in [[arm]] must be a whole number from 1 to 1000
        write for example `weight = 3`
    welcome/program.toml:10:77 P053 an arm `a` is there already
        give each arm a name of its own
    "#);
}

#[test]
fn the_small_kinds_say_what_they_do() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "a", kind = "alert", message = "Came\nback" },
    { id = "b", kind = "alert", message = "{{ first_name }} came back" },
    { id = "c", kind = "set" },
    { id = "d", kind = "set", add = ["a", "b"], remove = ["b"], topic = "price" },
    { id = "e", kind = "set", add = [] },
    { id = "f", kind = "emit" },
    { id = "g", kind = "emit", event = "Warmed up" },
    { id = "h", kind = "goal", then = "ocasional" },
    { id = "i", kind = "goto" },
    { id = "j", kind = "wait_until", timeout = "1d" },
    { id = "k", kind = "wait_until", signal = "replied", when = { tag = "a" }, timeout = "1d" },
    { id = "l", kind = "wait_until", signal = "replied" },
]"#
    ), @r#"
    welcome/program.toml:4:43 P056 an alert says one plain line of at most 200 characters
        take out line breaks and `{{ … }}`: the alert leads to the lead anyway
    welcome/program.toml:5:43 P056 an alert says one plain line of at most 200 characters
        take out line breaks and `{{ … }}`: the alert leads to the lead anyway
    welcome/program.toml:6:5 P004 [[step]] has none of `topic`, `add`, `remove`
        add what it notes, for example `add = ["…"]`
    welcome/program.toml:7:58 P051 the tag `b` is added and removed
        keep one of them
    welcome/program.toml:7:73 P009 `price` is not a declared topic
        did you mean `pricing`?
    welcome/program.toml:8:37 P049 `add` in [[step]] is empty
        write 1 to 16
    welcome/program.toml:9:5 P004 [[step]] has no `event`
        add the event's name: `event = "…"`
    welcome/program.toml:10:40 P006 `Warmed up` is not a name here
        an event name must be 1 to 40 lower-case letters, digits or '-', starting with a letter
    welcome/program.toml:11:39 P041 there is no program `ocasional`, and `occasional` is nearly the same
        did you mean `occasional`?
    welcome/program.toml:12:5 P004 [[step]] has no `to`
        add the step where it goes on: `to = "…"`
    welcome/program.toml:13:5 P004 [[step]] has none of `signal`, `when`, `date`
        add what it waits for, for example `signal = "replied"`
    welcome/program.toml:14:65 P051 [[step]] cannot have both `signal` and `when`
        keep one of them
    welcome/program.toml:15:5 P004 [[step]] has no `timeout`
        add how long it waits at most, for example `timeout = "14d"`
    "#);
}

#[test]
fn a_recurring_mail_says_what_happens_when_it_is_used_up() {
    insta::assert_snapshot!(steps(
        r#"step = [
    { id = "a", kind = "recur", every = "30d", templates = ["one"] },
    { id = "b", kind = "recur", every = "30d", on = "next Monday 10:00", templates = ["one"], used_up = "again" },
    { id = "c", kind = "recur", templates = ["one"], used_up = "again" },
    { id = "d", kind = "recur", every = "30d", templates = [], used_up = "again" },
    { id = "e", kind = "recur", every = "30d", templates = ["one", "tow"], used_up = "stop" },
    { id = "f", kind = "recur", every = "0m", templates = ["two"], used_up = "go_on", after = "1d" },
]"#
    ), @r#"
    welcome/program.toml:4:5 P004 [[step]] has no `used_up`
        decide what happens when each mail was sent: `used_up = "again"` or "go_on"
    welcome/program.toml:5:53 P051 [[step]] cannot have both `every` and `on`
        keep one of them
    welcome/program.toml:6:5 P004 [[step]] has neither `every` nor `on`
        add how long a round takes, `every = "42d"`, or its day, `on = "first Tuesday 10:00"`
    welcome/program.toml:7:60 P049 `templates` in [[step]] is empty
        write 1 to 60
    welcome/program.toml:8:68 P013 the mail of this step is missing: welcome/touches/tow.md
        write it, or name the file that there is: `template = "…"`
    welcome/program.toml:8:86 P008 `stop` is not a possible `used_up`
        use one of: again, go_on
    welcome/program.toml:9:41 P052 `every` in [[step]] takes no time
        write for example `every = "1d"`
    welcome/program.toml:9:87 P003 [[step]] has no setting `after`
        use one of: id, kind, skip_if, every, on, templates, used_up, class
    "#);
}

#[test]
fn one_mail_may_be_sent_by_two_steps_but_not_asked_by_one_of_them() {
    let sent = |kind: &str| {
        steps(&format!(
            "step = [\n{{ id = \"a\", kind = \"email\", template = \"one\", after = \"1d\" }},\n{{ id = \"b\", after = \"1d\", template = \"one\", {kind} }},\n]"
        ))
    };
    assert_eq!(sent("kind = \"email\""), "");
    assert_eq!(sent("kind = \"personal_mail\", due_in = \"1d\""), "");
    insta::assert_snapshot!(sent("kind = \"ask\", fields = [\"role\"]"), @r#"
    welcome/program.toml:5:38 P057 `one` is the mail of a step that asks and of one that does not
        write two mails: only the one of the `ask` step prints `{{ questions }}`
    welcome/touches/one.md:5:1 P045 an `ask` step sends this mail, and it does not print what is asked
        print the list of questions where it belongs: `{{ questions }}`, on a line of its own
    "#);
}

/// A program that asks with a mail of this text.
fn asking(kind: &str, body: &str) -> String {
    let mut files = files(&format!("[[step]]\nid = \"asking\"\nafter = \"1d\"\n{kind}\n"));
    let file = files.iter_mut().find(|file| file.path == "welcome/touches/asking.md").expect("the mail");
    file.text = format!("+++\nsubject = \"A\"\nfrom = \"rep\"\n+++\n{body}\n");
    report(&files)
}

#[test]
fn an_ask_prints_its_questions_and_no_other_mail_does() {
    let ask = "kind = \"ask\"\nfields = [\"role\"]";
    assert_eq!(asking(ask, "Hi,\n\n{{ questions }}\n\nThank you."), "");
    insta::assert_snapshot!(asking(ask, "Hi,\n\nwho are you?"), @r#"
    welcome/touches/asking.md:5:1 P045 an `ask` step sends this mail, and it does not print what is asked
        print the list of questions where it belongs: `{{ questions }}`, on a line of its own
    "#);
    insta::assert_snapshot!(asking(ask, "Hi,\n\n{% if questions %}who are you?{% endif %}"), @r#"
    welcome/touches/asking.md:5:1 P045 an `ask` step sends this mail, and it does not print what is asked
        print the list of questions where it belongs: `{{ questions }}`, on a line of its own
    "#);
    insta::assert_snapshot!(asking("kind = \"email\"", "Hi,\n\n{{ questions }}"), @r#"
    welcome/touches/asking.md:7:4 P057 only the mail of an `ask` step has questions to print
        remove `{{ questions }}`, or make the step `kind = "ask"`
    "#);
    insta::assert_snapshot!(asking("kind = \"personal_mail\"\ndue_in = \"1d\"", "Hi,\n\n{{ questions }}"), @r#"
    welcome/touches/asking.md:7:4 P057 only the mail of an `ask` step has questions to print
        remove `{{ questions }}`, or make the step `kind = "ask"`
    "#);
}

#[test]
fn fields_have_a_type() {
    insta::assert_snapshot!(catalog("type = \"choice\"", "type = \"choise\""), @r#"
    catalog.toml:93:8 P008 `choise` is not a possible `type`
        did you mean `choice`?
    "#);
    insta::assert_snapshot!(catalog("choices = [\"1-9\", \"10-49\", \"50+\"]", ""), @r#"
    catalog.toml:91:1 P004 [fields.company_size] has no `choices`
        add what people choose from: `choices = ["…", "…"]`
    "#);
    insta::assert_snapshot!(catalog("[\"1-9\", \"10-49\", \"50+\"]", "[\"1-9\"]"), @r#"
    catalog.toml:94:11 P049 `choices` in [fields.company_size] has 1 entry
        write 2 to 30
    "#);
    insta::assert_snapshot!(catalog("[\"1-9\", \"10-49\", \"50+\"]", "[\"A\", \" a\", \"b\\nc\"]"), @r#"
    catalog.toml:94:17 P053 the choice `a` is there already
        remove it, or write another
    catalog.toml:94:23 P005 a choice is one line of at most 200 characters
        shorten it, and remove line breaks and control characters
    "#);
    insta::assert_snapshot!(catalog("type = \"date\"", "type = \"date\"\nlength_max = 10"), @r#"
    catalog.toml:107:1 P003 [fields.revisit_at] has no setting `length_max`
        use one of: label, type, question, threat, ask_again_after, supplied_by
    "#);
    insta::assert_snapshot!(catalog("threat = 2", "threat = 6"), @r#"
    catalog.toml:96:10 P005 `threat` in [fields.company_size] must be a whole number from 1 to 5
        write for example `threat = 3`
    "#);
    insta::assert_snapshot!(catalog("ask_again_after = \"365d\"", "ask_again_after = \"20h\""), @r#"
    catalog.toml:97:19 P007 `20h` is not a duration
        write a whole number and d or w: "14d", "52w"
    "#);
    insta::assert_snapshot!(catalog("supplied_by = \"sales\"", "supplied_by = \"rep\""), @r#"
    catalog.toml:107:15 P008 `rep` is not a possible `supplied_by`
        use one of: sales, enrichment
    "#);
    insta::assert_snapshot!(catalog("label = \"Prices\"", "lable = \"Prices\""), @r#"
    catalog.toml:109:1 P004 [topics.pricing] has no `label`
        add what people read
    catalog.toml:110:1 P003 [topics.pricing] has no setting `lable`
        did you mean `label`?
    "#);
}

#[test]
fn the_gate_the_scores_and_the_holdout_are_numbers_in_their_range() {
    insta::assert_snapshot!(catalog("score = 65", "score = 0"), @r#"
    catalog.toml:44:9 P005 `score` in [gate] must be a whole number from 1 to 10000
        write for example `score = 3`
    "#);
    insta::assert_snapshot!(catalog("reentry_percent = 60", "reentry_percent = 101"), @r#"
    catalog.toml:47:19 P005 `reentry_percent` in [gate] must be a whole number from 1 to 100
        write for example `reentry_percent = 3`
    "#);
    insta::assert_snapshot!(catalog("replied = { points = 25, half_life = \"60d\" }", "replyed = { points = 25, half_life = \"60d\" }"), @r#"
    catalog.toml:51:1 P003 [scores] has no setting `replyed`
        did you mean `replied`?
    "#);
    insta::assert_snapshot!(catalog("clicked = { points = 5, half_life = \"30d\" }", "clicked = { points = 5, half_life = \"0d\" }"), @r#"
    catalog.toml:55:37 P058 `half_life` in [scores.clicked] is no time at all
        write for example `half_life = "7d"`
    "#);
    insta::assert_snapshot!(catalog("[gate]", "[holdout]\npercent = 51\n\n[gate]"), @r#"
    catalog.toml:44:11 P005 `percent` in [holdout] must be a whole number from 0 to 50
        write for example `percent = 3`
    "#);
}

#[test]
fn an_sla_rises_and_has_a_last_rung() {
    insta::assert_snapshot!(catalog("last = \"queue\"", ""), @r#"
    catalog.toml:57:1 P038 [sla] has no `last`
        add `last = "queue"` (the queue owns the lead, and nurture goes on) or `last = "nurture"`
    "#);
    insta::assert_snapshot!(catalog("{ at_percent = 100, do = \"manager\" }", "{ at_percent = 50, do = \"boss\" }, { at_percent = 40, do = \"manager\" }"), @r#"
    catalog.toml:62:69 P008 `boss` is not a possible `do`
        use one of: warn, manager, reassign
    catalog.toml:62:94 P050 the rung at 40 % comes after the one at 50 %
        let the percentages rise from rung to rung
    "#);
    insta::assert_snapshot!(catalog("manager = \"37d\", expires = \"60d\"", "manager = \"29d\", expires = \"29d\""), @r#"
    catalog.toml:65:33 P050 `manager` (29d) is not after `idle` (30d)
        let each come later than the one before
    catalog.toml:65:50 P050 `expires` (29d) is not after `manager` (29d)
        let each come later than the one before
    "#);
    insta::assert_snapshot!(catalog("first_attempt = \"4h\"", "first_attempt = \"0h\""), @r#"
    catalog.toml:59:17 P058 `first_attempt` in [sla] is no time at all
        write for example `first_attempt = "7d"`
    "#);
}

#[test]
fn every_turnback_reason_has_a_policy() {
    insta::assert_snapshot!(catalog("bad_phone = { stays = true }\n", ""), @r#"
    catalog.toml:67:1 P037 [turnback] has no `bad_phone`
        add a table for it with `program = "…"` (or `stays = true`), and how it is ready again
    "#);
    insta::assert_snapshot!(catalog("bad_phone = { stays = true }", "bad_phone = {}\nbad_fone = {}"), @r#"
    catalog.toml:68:13 P004 [turnback.bad_phone] has neither `program` nor `stays`
        add `program = "…"`, or `stays = true` if the running program goes on
    catalog.toml:69:1 P003 [turnback] has no setting `bad_fone`
        did you mean `bad_phone`?
    "#);
    insta::assert_snapshot!(catalog("bad_phone = { stays = true }", "bad_phone = { stays = true, program = \"occasional\" }"), @r#"
    catalog.toml:68:23 P051 [turnback.bad_phone] cannot have both `program` and `stays`
        keep one of them
    "#);
    insta::assert_snapshot!(catalog("bad_phone = { stays = true }", "bad_phone = { stays = false }"), @r#"
    catalog.toml:68:23 P004 [turnback.bad_phone] says that the lead leaves its program, and not for which one
        add `program = "…"` in place of `stays = false`
    "#);
    insta::assert_snapshot!(catalog("bad_phone = { stays = true }", "bad_phone = { program = \"turnback-phone\", horizon = \"180d\" }"), @r#"
    catalog.toml:68:25 P041 there is no program `turnback-phone`: the last resort follows in its place
        use one of: occasional, welcome
    "#);
    let parsed = parse(&files("[[step]]\nid = \"rest\"\nkind = \"wait\"\nafter = \"1d\"\n")).0.expect("a catalog");
    assert!(TurnbackReason::ALL.iter().all(|reason| parsed.turnbacks.policy(*reason).is_some()));
    insta::assert_snapshot!(format!("{:?}", parsed.turnbacks.policy(TurnbackReason::NoResponse)), @r#"Some(TurnbackPolicy { program: Some(ProgramName("occasional")), cooldown: Days(21), requalify: [RequalifyRule { signals: {Replied, HandRaised}, days_min: 0, also: {}, score_percent: None, corrected: false, in_window: false, answered: {}, when: None }, RequalifyRule { signals: {Clicked}, days_min: 2, also: {}, score_percent: Some(60), corrected: false, in_window: false, answered: {}, when: None }], horizon_days: Some(180), date: None, lead_time: None, attempts_min: 3, route: None })"#);
}

#[test]
fn a_turnback_rule_asks_for_something_and_its_date_is_one() {
    let timing = |policy: &str| {
        catalog(
            "timing = { program = \"occasional\", cooldown = \"60d\", requalify = [{ signal = \"hand_raised\" }] }",
            &format!("timing = {{ program = \"occasional\", {policy} }}"),
        )
    };
    assert_eq!(
        timing(
            "date = \"revisit_at\", lead_time = \"30d\", cooldown = \"60d\", horizon = \"26w\", requalify = [{ in_window = true, signal = \"clicked\" }]"
        ),
        ""
    );
    insta::assert_snapshot!(timing("date = \"role\""), @r#"
    catalog.toml:71:43 P060 `role` is not a date
        take a field of the catalog that says `type = "date"`
    "#);
    insta::assert_snapshot!(timing("lead_time = \"30d\""), @r#"
    catalog.toml:71:48 P051 `lead_time` in [turnback.timing] says nothing without `date`
        add `date`, or remove `lead_time`
    "#);
    insta::assert_snapshot!(timing("requalify = [{}]"), @r#"
    catalog.toml:71:49 P004 [[requalify]] has none of `signal`, `days_min`, `also`, `score_percent`, `corrected`, `in_window`, `answered`, `when`
        add for example `signal = ["replied", "hand_raised"]`
    "#);
    insta::assert_snapshot!(timing("requalify = [{ in_window = false }]"), @r#"
    catalog.toml:71:63 P051 `in_window = false` asks nothing: a rule without it does not look at the date
        remove it
    "#);
    insta::assert_snapshot!(timing("requalify = [{ when = { field = \"budget\", known = true } }]"), @r#"
    catalog.toml:71:68 P009 `budget` is not a declared field
        use one of: company, company_size, first_name, last_name, message, revisit_at, role
    "#);
    insta::assert_snapshot!(timing("horizon = \"20h\", cooldown = \"1096d\", attempts_min = 21"), @r#"
    catalog.toml:71:46 P007 `20h` is not a duration
        write a whole number and d or w: "14d", "52w"
    catalog.toml:71:64 P058 `cooldown` in [turnback.timing] is longer than 1095 days
        write at most 1095 days
    catalog.toml:71:88 P005 `attempts_min` in [turnback.timing] must be a whole number from 0 to 20
        write for example `attempts_min = 3`
    "#);
}

#[test]
fn a_catalog_that_does_not_parse_leaves_names_open() {
    let mut files =
        files("enter = { topic = \"anything\" }\n[[step]]\nid = \"one\"\nkind = \"email\"\nafter = \"1d\"\n");
    for file in &mut files {
        if file.path == "catalog.toml" {
            file.text = "= broken".to_owned();
        }
    }
    insta::assert_snapshot!(report(&files), @r#"
    catalog.toml:1:1 P002 unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
        the file must be TOML (https://toml.io): one `key = value` a line, texts in double quotes
    catalog.toml:1:3 P002 string values must be quoted, expected literal string
        the file must be TOML (https://toml.io): one `key = value` a line, texts in double quotes
    "#);
}
