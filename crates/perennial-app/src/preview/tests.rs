//! Programs tried on leads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::condition::{Condition, SignalKind};
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::ids::{FieldName, ProgramName};
use perennial_core::lead::LifecycleStage;
use perennial_core::loader::{SourceFile, parse};
use perennial_core::program::Program;
use perennial_core::testing;
use perennial_core::timing::Delay;

use super::*;

/// The fields of the catalog for tests, and some more.
const FIELDS: &str = r#"[fields]
industry = { label = "Industry", type = "choice", choices = ["Software", "Trade"], question = "Which industry?" }
role = { label = "Role", length_max = 40, question = "What do you do?", threat = 1 }
revisit_at = { label = "Come back on", type = "date", supplied_by = "sales" }
"#;

const TRIAL: &str = r#"#:schema ../program.schema.json

# To be tried on leads. Nobody gets
# these mails.
#
# This is a note for its authors.

title = "Trial & <error>"
then = "occasional"
priority = 60
horizon = "300d"
goal = { when = { signal = "replied" } }
cap = { spacing = "2d", weekly_max = 3 }

[[step]]
id = "which"
kind = "branch"
case = [{ when = { field = "industry", is = "Software" }, goto = "hello" }]
else = "questions"

[[step]]
id = "hello"
kind = "email"
after = "2d"

[[step]]
id = "so-soon"
kind = "email"
template = "first"
after = "1d"

[[step]]
id = "to-answer"
kind = "goto"
to = "answer"

[[step]]
id = "questions"
kind = "ask"
fields = ["industry", "role"]
after = "0m"

[[step]]
id = "answer"
kind = "wait_until"
signal = ["clicked", "answered"]
timeout = "5d"
goto = "interest"
on_timeout = "call"

[[step]]
id = "interest"
kind = "alert"
message = "Followed a link"

[[step]]
id = "call"
kind = "call"
after = "1d"
due_in = "2bd"

[[step]]
id = "in-person"
kind = "personal_mail"
at = "revisit_at - 30d"
if_missing = "10d"
due_in = "1d"

[[step]]
id = "letters"
kind = "recur"
every = "7d"
templates = ["first", "second"]
used_up = "go_on"
"#;

const HELLO: &str = r#"+++
subject = 'Hello {{ first_name | default("you") }}'
from = "rep"
+++
Hi {{ first_name | default("there") }}, [a guide]({{ facts.guide_url }}).
"#;

const QUESTIONS: &str = r#"+++
subject = "Two questions"
from = "team"
+++
Tell us:

{{ questions }}
"#;

const LETTER: &str = r#"+++
subject = "A letter"
from = "team"
+++
Something to read.
"#;

/// The programs for tests, and `trial`.
pub(crate) fn files() -> Vec<SourceFile> {
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let mut files = testing::files();
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text = file.text.replace("[fields]\n", FIELDS);
    }
    files.extend([
        file("trial/program.toml", TRIAL),
        file("trial/touches/hello.md", HELLO),
        file("trial/touches/questions.md", QUESTIONS),
        file("trial/touches/in-person.md", HELLO),
        file("trial/touches/first.md", LETTER),
        file("trial/touches/second.md", LETTER),
    ]);
    files
}

pub(crate) fn catalog() -> Catalog {
    let (catalog, diagnostics) = parse(&files());
    catalog.unwrap_or_else(|| panic!("{diagnostics:#?}"))
}

pub(crate) fn trial(catalog: &Catalog) -> &Program {
    &catalog.programs[&ProgramName::parse("trial").unwrap()]
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Friday noon in Berlin.
fn friday() -> Timestamp {
    at("2026-03-06T11:00:00Z")
}

fn tried(sample: &Sample, start: Timestamp) -> Preview {
    preview(&catalog(), &ProgramName::parse("trial").unwrap(), sample, start).unwrap()
}

fn told(preview: &Preview) -> String {
    let mut lines = String::new();
    for entry in &preview.calendar {
        let Entry { at, day, step, kind, outcome, text, waited, .. } = entry;
        let step = step.as_ref().map_or("-", StepId::as_str);
        let at = at.strftime("%a %d %b %H:%M");
        write!(lines, "{day} {at} {step} {kind} {outcome:?}: {text}").unwrap();
        for waited in waited {
            write!(lines, " ({waited})").unwrap();
        }
        lines.push('\n');
    }
    match &preview.end {
        End::Left { day, text, then, .. } => writeln!(lines, "{day} left: {text}, then {then:?}").unwrap(),
        End::GoesOn => lines.push_str("goes on\n"),
    }
    lines
}

fn sample() -> Sample {
    Sample {
        title: "Ada".to_owned(),
        email: EmailAddress::parse("ada@example.com").ok(),
        phone: PhoneNumber::parse("+44 20 7946 0018").ok(),
        zone: None,
        language: None,
        stage: None,
        fields: BTreeMap::new(),
        signals: Vec::new(),
    }
}

fn with(fields: &[(&str, &str)]) -> Sample {
    let fields = fields.iter().map(|(name, answer)| (FieldName::parse(name).unwrap(), (*answer).to_owned()));
    Sample { fields: fields.collect(), ..sample() }
}

#[test]
fn somebody_known_takes_their_branch_and_waits_for_window_cap_and_date() {
    let preview = tried(&with(&[("industry", "software"), ("revisit_at", "2026-05-15")]), friday());
    insta::assert_snapshot!(told(&preview), @r#"
    0 Fri 06 Mar 12:00 which branch Quiet: industry is “Software” → hello
    3 Mon 09 Mar 08:00 hello mail Touch: “Hello you” (waited for the send window)
    5 Wed 11 Mar 08:00 so-soon mail Touch: “A letter” (waited for the frequency cap)
    10 Mon 16 Mar 08:00 answer wait Quiet: timed out: clicked or answered → call
    11 Tue 17 Mar 08:00 call call Touch: Robin Vale calls by Thu 19 Mar, 08:00
    40 Wed 15 Apr 09:00 in-person write Touch: Robin Vale writes by Thu 16 Apr, 09:00
    47 Wed 22 Apr 09:00 letters mail Touch: “A letter”
    54 Wed 29 Apr 09:00 letters mail Touch: “A letter”
    54 left: nothing is left to do, then Some(ProgramName("occasional"))
    "#);
    insta::assert_debug_snapshot!(preview.not_reached, @r#"
    [
        StepId(
            "questions",
        ),
        StepId(
            "interest",
        ),
    ]
    "#);
}

#[test]
fn somebody_unknown_is_asked_and_a_missing_date_takes_its_default() {
    insta::assert_snapshot!(told(&tried(&Sample::unknown(), friday())), @r#"
    0 Fri 06 Mar 12:00 which branch Quiet: otherwise → questions
    0 Fri 06 Mar 12:00 questions ask Touch: “Two questions”, asks role, industry
    5 Wed 11 Mar 12:00 answer wait Quiet: timed out: clicked or answered → call
    6 Thu 12 Mar 12:00 call call Skipped: no number to call
    16 Sun 22 Mar 12:00 in-person write Touch: Robin Vale writes by Mon 23 Mar, 12:00
    24 Mon 30 Mar 08:00 letters mail Touch: “A letter” (waited for the send window)
    31 Mon 06 Apr 08:00 letters mail Touch: “A letter”
    31 left: nothing is left to do, then Some(ProgramName("occasional"))
    "#);
}

#[test]
fn a_sign_on_the_way_is_heard() {
    let clicked = SampleSignal { after: Delay::Days(3), kind: SignalKind::Clicked, topic: None };
    let replied = SampleSignal { after: Delay::Days(9), kind: SignalKind::Replied, topic: None };
    let preview = tried(&Sample { signals: vec![replied, clicked], ..sample() }, friday());
    insta::assert_snapshot!(told(&preview), @r#"
    0 Fri 06 Mar 12:00 which branch Quiet: otherwise → questions
    0 Fri 06 Mar 12:00 questions ask Touch: “Two questions”, asks role, industry
    3 Mon 09 Mar 12:00 - sign Quiet: the person: clicked
    3 Mon 09 Mar 12:00 answer wait Quiet: clicked or answered → interest
    3 Mon 09 Mar 12:00 interest alert Touch: for the owner: Followed a link
    4 Tue 10 Mar 12:00 call call Touch: Robin Vale calls by Thu 12 Mar, 12:00
    9 Sun 15 Mar 12:00 - sign Quiet: the person: replied
    9 left: the goal is met, then Some(ProgramName("occasional"))
    "#);
    assert!(preview.not_reached.iter().any(|step| step.as_str() == "in-person"), "it was waited for, and never came");
}

#[test]
fn somebody_without_an_address_gets_calls_in_place_of_mails() {
    let preview = tried(&Sample { email: None, ..sample() }, friday());
    let first = &preview.calendar[1];
    assert_eq!(first.text, "Robin Vale calls by Wed 11 Mar, 12:00; no mail: no address");
    let Letter::Written { headers, .. } = &preview.mails[0].letter else { panic!("a mail is shown all the same") };
    assert_eq!(headers[1].value, "(the lead has no address that can be mailed)");
}

#[test]
fn dates_are_in_the_zone_of_the_lead() {
    let start = at("2026-03-02T23:30:00Z");
    let preview = tried(&Sample { zone: Some("Asia/Tokyo".to_owned()), ..sample() }, start);
    assert_eq!(preview.calendar[0].at.to_string(), "2026-03-03T08:30:00+09:00[Asia/Tokyo]");
    assert_eq!(preview.zone, "Asia/Tokyo");
}

#[test]
fn a_program_without_an_end_is_cut_off() {
    let cut_off_at = |every: &str| {
        let mut files = files();
        for file in files.iter_mut().filter(|file| file.path == "trial/program.toml") {
            let round = format!("every = \"{every}\"");
            file.text = file.text.replace("every = \"7d\"", &round).replace("go_on", "again").replace("horizon", "#");
        }
        let (catalog, diagnostics) = parse(&files);
        let catalog = catalog.unwrap_or_else(|| panic!("{diagnostics:#?}"));
        let preview = preview(&catalog, &ProgramName::parse("trial").unwrap(), &sample(), friday()).unwrap();
        assert!(matches!(preview.end, End::GoesOn), "{:?}", preview.end);
        (preview.calendar.len(), preview.calendar.last().map_or(0, |entry| entry.day))
    };
    assert_eq!(cut_off_at("7d"), (ENTRIES_MAX, 262), "after so many entries");
    assert_eq!(cut_off_at("100d"), (12, 719), "after two years");
}

#[test]
fn a_lead_stands_where_leads_of_the_program_stand() {
    let catalog = catalog();
    let mut program = trial(&catalog).clone();
    let stage = |program: &Program, sample: &Sample| sample.stage_in(&catalog, program).as_str();
    assert_eq!(stage(&program, &sample()), "inquiry");
    program.name = ProgramName::parse("occasional").unwrap();
    assert_eq!(stage(&program, &sample()), "recycled", "the turnback table leads there");
    program.enter = Some(Condition::Stage([LifecycleStage::Sql].into()));
    assert_eq!(stage(&program, &sample()), "sql");
    let customer = Sample { stage: Some(LifecycleStage::Customer), ..sample() };
    assert_eq!(stage(&program, &customer), "customer");
}

#[test]
fn of_the_known_lead_everything_is_known_and_of_the_unknown_one_an_address() {
    let catalog = catalog();
    let known = Sample::known(&catalog, friday());
    assert_eq!(known.fields.len(), catalog.fields.len());
    let answer = |name: &str| known.fields[&FieldName::parse(name).unwrap()].as_str();
    assert_eq!(
        (answer("first_name"), answer("industry"), answer("role"), answer("revisit_at")),
        ("Ada", "Software", "Role", "2026-06-04")
    );
    let unknown = Sample::unknown();
    assert!(unknown.email.is_some() && unknown.phone.is_none() && unknown.fields.is_empty());
}

#[test]
fn every_mail_is_shown_as_it_goes_out_or_would() {
    let preview = tried(&with(&[("industry", "Software"), ("first_name", "Ada")]), friday());
    let seen: Vec<String> = preview
        .mails
        .iter()
        .map(|mail| {
            let at = mail.at.as_ref().map_or("never".to_owned(), |at| at.strftime("%d %b %H:%M").to_string());
            let asks: Vec<&str> = mail.asks.iter().map(FieldName::as_str).collect();
            format!("{} {:?} {at} {asks:?}", mail.template, mail.kind)
        })
        .collect();
    insta::assert_debug_snapshot!(seen, @r#"
    [
        "hello Mail 09 Mar 08:00 []",
        "first Mail 11 Mar 08:00 []",
        "questions Mail never [\"role\"]",
        "in-person Draft 27 Mar 08:00 []",
        "second Mail 10 Apr 08:00 []",
    ]
    "#);
    let also: Vec<String> = preview.mails[1].also.iter().map(|also| format!("{} {:?}", also.step, also.at)).collect();
    assert_eq!(also, ["letters Some(2026-04-03T08:00:00+02:00[Europe/Berlin])"], "the mail is in the program once");
    assert_eq!(Summary::of(&catalog(), trial(&catalog())).mails, preview.mails.len());
}

#[test]
fn of_several_steps_that_send_a_mail_the_first_that_does_is_shown() {
    let preview = tried(&sample(), friday());
    let mail = preview.mails.iter().find(|mail| mail.template.as_str() == "first").unwrap();
    assert_eq!((mail.step.as_str(), mail.at.is_some()), ("letters", true));
    assert_eq!((mail.also[0].step.as_str(), &mail.also[0].at), ("so-soon", &None));
}

#[test]
fn a_mail_that_is_not_sent_asks_in_the_order_of_those_that_are() {
    let asked = |sample: &Sample, start| {
        let preview = tried(sample, start);
        let mail = preview.mails.into_iter().find(|mail| mail.template.as_str() == "questions").unwrap();
        (mail.at.is_some(), mail.asks.iter().map(FieldName::to_string).collect::<Vec<_>>())
    };
    let order = ["role".to_owned(), "industry".to_owned()];
    assert_eq!(asked(&sample(), friday()), (true, order.to_vec()));
    let all_known = with(&[("industry", "Software"), ("role", "Owner")]);
    assert_eq!(asked(&all_known, friday()), (false, order.to_vec()));
}

#[test]
fn a_mail_has_the_headers_and_parts_that_are_sent() {
    let preview = tried(&with(&[("industry", "Software"), ("first_name", "Ada")]), friday());
    let Letter::Written { headers, subject, text, html } = &preview.mails[0].letter else {
        panic!("it can be written")
    };
    let headers: Vec<String> = headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect();
    insta::assert_snapshot!(headers.join("\n"), @"
    From: Robin Vale <robin@perennial.example>
    To: ada@example.com
    Subject: Hello Ada
    Date: Mon, 9 Mar 2026 08:00:00 +0100
    Reply-To: Robin Vale <robin@perennial.example>
    List-Unsubscribe: <https://your-domain.example/v1/unsubscribe/v1.sample.c3E0c3BncmVjbmZ4azRwenM2bWt3ZGo3bmkvMV90cmlhbF9oZWxsb18w.1P08iySRS_huWTBRZOefnfdsDv5TLHaRWVkV5OPGTao>, <mailto:unsubscribe@perennial.example?subject=v1.sample.c3E0c3BncmVjbmZ4azRwenM2bWt3ZGo3bmkvMV90cmlhbF9oZWxsb18w.1P08iySRS_huWTBRZOefnfdsDv5TLHaRWVkV5OPGTao>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click
    Auto-Submitted: auto-generated
    References: <v1.sample.c3E0c3BncmVjbmZ4azRwenM2bWt3ZGo3bmkvMV90cmlhbF9oZWxsb18w.NpzJg0PlLBc3RS7HeKiusSUK7fjzogH_LXwV7Vgnfpw@perennial.example>
    ");
    assert_eq!(subject, "Hello Ada");
    assert!(text.starts_with("Hi Ada, a guide <https://www.perennial.example/guide>.\n"), "{text}");
    assert!(html.as_ref().is_some_and(|html| html.contains("<a href=\"https://www.perennial.example/guide\">")));
}

#[test]
fn a_draft_has_neither_footer_nor_html() {
    let preview = tried(&sample(), friday());
    let draft = preview.mails.iter().find(|mail| mail.kind == MailKind::Draft).unwrap();
    let Letter::Written { headers, text, html, .. } = &draft.letter else { panic!("it can be written") };
    assert_eq!(headers.iter().map(|header| header.name).collect::<Vec<_>>(), ["From", "To", "Subject"]);
    assert!(!text.contains("Unsubscribe") && !text.contains("--") && html.is_none(), "{text}");
}

#[test]
fn a_purpose_is_the_first_paragraph_of_the_comment() {
    assert_eq!(purpose(TRIAL).as_deref(), Some("To be tried on leads. Nobody gets these mails."));
    assert_eq!(purpose("title = \"x\"\n# later\n"), None);
    assert_eq!(purpose("\n\n#   One.\ntitle = \"x\"").as_deref(), Some("One."));
}

#[test]
fn a_program_with_mistakes_leaves_the_others_to_look_at() {
    let mut files = files();
    for file in files.iter_mut().filter(|file| file.path == "trial/touches/hello.md") {
        file.text = file.text.replace("first_name | default(\"there\")", "fist_name | default(\"there\")");
    }
    let copy = WorkingCopy::of(files);
    let name = |name: &str| ProgramName::parse(name).unwrap();
    assert!(copy.program(&name("trial")).is_none() && copy.program(&name("welcome")).is_some());
    assert_eq!(copy.names(), [name("occasional"), name("trial"), name("welcome")]);
    assert_eq!(copy.purpose(&name("trial")).as_deref(), Some("To be tried on leads. Nobody gets these mails."));
    assert_eq!(copy.title(&name("trial")).as_deref(), Some("Trial & <error>"));
    let problems = copy.problems_of(&name("trial"));
    assert!(problems.iter().all(|problem| problem.file.starts_with("trial/")), "{problems:?}");
    assert!(copy.problems().len() > problems.len(), "`welcome` leads to a program that is not there");
    let excerpt = copy.excerpt(problems[0]).unwrap();
    assert_eq!(
        (excerpt.number, excerpt.text.as_str(), excerpt.marks.as_str()),
        (5, "Hi {{ fist_name | default(\"there\") }}, [a guide]({{ facts.guide_url }}).", "      ^^^^^^^^^")
    );
}

#[test]
fn a_program_keeps_its_title_whatever_else_its_file_holds() {
    let name = ProgramName::parse("trial").unwrap();
    let title = |from: &str, to: &str| {
        let mut files = files();
        for file in files.iter_mut().filter(|file| file.path == "trial/program.toml") {
            file.text = file.text.replacen(from, to, 1);
        }
        WorkingCopy::of(files).title(&name)
    };
    assert_eq!(title("priority = 60", "priority = = 60").as_deref(), Some("Trial & <error>"), "it is no TOML any more");
    assert_eq!(title("title = ", "titel = "), None);
    assert_eq!(title("\"Trial & <error>\"", "\" \""), None);
    assert_eq!(title("\"Trial & <error>\"", "5"), None);
}

#[test]
fn without_a_catalog_there_is_nothing_to_look_at_but_what_is_wrong() {
    let mut files = files();
    files.retain(|file| file.path != "catalog.toml");
    let copy = WorkingCopy::of(files);
    assert!(copy.catalog().is_none());
    assert!(!copy.problems().is_empty());
}

#[test]
fn the_shipped_programs_can_be_tried_on_both_leads_and_every_mail_can_be_written() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../programs");
    let copy = WorkingCopy::of(crate::programs::read(&shipped).unwrap());
    let catalog = copy.catalog().unwrap();
    for name in catalog.programs.keys() {
        assert!(copy.purpose(name).is_some(), "{name} says what it is for");
        for sample in [Sample::known(catalog, friday()), Sample::unknown()] {
            let preview = preview(catalog, name, &sample, friday()).unwrap();
            assert!(preview.calendar.iter().any(|entry| entry.outcome == Outcome::Touch), "{name} touches somebody");
            for mail in &preview.mails {
                assert!(matches!(mail.letter, Letter::Written { .. }), "{name}: {}", mail.template);
            }
        }
    }
}
