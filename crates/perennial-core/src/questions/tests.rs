//! What is asked, what is taken, and what neither.

use super::*;
use crate::loader::{SourceFile, parse};
use crate::testing;

/// The small catalog with questions, and programs that ask them.
fn catalog() -> Catalog {
    let fields = r#"
[fields.size]
label = "Size"
type = "choice"
choices = ["1-9", "10-49", "More"]
question = "How many are you?"
threat = 2
ask_again_after = "365d"
[fields.industry]
label = "Industry"
length_max = 20
question = "Which industry?"
threat = 1
[fields.story]
label = "Story"
length_max = 600
question = "What happened?"
threat = 3
[fields.renewal]
label = "Renewal"
type = "date"
question = "When does it end?"
threat = 4
[fields.internal]
label = "Internal"
length_max = 20
"#;
    let mut files = testing::files();
    for file in &mut files {
        if file.path == "catalog.toml" {
            file.text.push_str(fields);
        }
        if file.path == "welcome/program.toml" {
            file.text.push_str(
                "\n[[step]]\nid = \"ask\"\nkind = \"ask\"\nfields = [\"size\", \"industry\"]\nafter = \"1d\"\n",
            );
        }
    }
    files.push(SourceFile {
        path: "welcome/touches/ask.md".to_owned(),
        text: "+++\nsubject = \"A question\"\nfrom = \"rep\"\n+++\nHi,\n\n{{ questions }}\n".to_owned(),
    });
    let (catalog, found) = parse(&files);
    catalog.unwrap_or_else(|| panic!("{found:#?}"))
}

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn known(answers: &[(&str, &str)], days_ago: i64) -> Profile {
    let given = now() - SignedDuration::from_hours(24 * days_ago);
    let answers = answers.iter().map(|(field, answer)| (name(field), (*answer).to_owned())).collect();
    Profile::blank(given).answered(&Answers(answers), given)
}

fn read_pairs(pairs: &[(&str, &str)]) -> Result<Answers, BTreeMap<FieldName, AnswerError>> {
    let fields: Vec<FieldName> = pairs.iter().map(|(field, _)| name(field)).collect();
    let pairs: Vec<_> = pairs.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
    read(&catalog(), &fields, &pairs)
}

#[test]
fn the_least_threatening_comes_first_and_what_is_known_is_not_asked() {
    let catalog = catalog();
    let all = ["renewal", "story", "size", "industry"].map(name);
    let asked = |profile: &Profile| open(&catalog, Some(profile), &all, now());
    assert_eq!(asked(&known(&[], 0)), ["industry", "size", "story"].map(name));
    assert_eq!(asked(&known(&[("industry", "Steel"), ("story", " ")], 0)), ["size", "story", "renewal"].map(name));
}

#[test]
fn an_answer_that_has_grown_old_is_asked_again_and_one_that_never_does_is_not() {
    let catalog = catalog();
    let profile = known(&[("size", "1-9"), ("industry", "Steel")], 366);
    let knowledge = |field: &str| Knowledge::of(&catalog, Some(&profile), &name(field), now());
    assert_eq!(knowledge("size"), Knowledge::Doubtful);
    assert_eq!(knowledge("industry"), Knowledge::Known);
    assert_eq!(knowledge("story"), Knowledge::Unknown);
    assert_eq!(Knowledge::of(&catalog, None, &name("size"), now()), Knowledge::Unknown);
}

#[test]
fn a_lead_is_asked_what_its_way_asks_and_no_other_programs_questions() {
    let catalog = catalog();
    let way = on_the_way(&catalog, &ProgramName::parse("welcome").unwrap());
    assert_eq!(way, [&name("size"), &name("industry")]);
    assert!(on_the_way(&catalog, &ProgramName::parse("occasional").unwrap()).is_empty());
    let touch = TouchId::parse("1_welcome_ask_0").unwrap();
    assert_eq!(of_touch(&catalog, &touch), ["size", "industry"].map(name));
    assert!(of_touch(&catalog, &TouchId::parse("1_gone_ask_0").unwrap()).is_empty());
}

#[test]
fn answers_are_cleaned_and_held_against_what_their_field_takes() {
    let answers = read_pairs(&[
        ("size", " 10-49 "),
        ("industry", "Steel\r\nBcc: x@y"),
        ("story", "One\r\n\r\n<b>two</b>"),
        ("renewal", "2027-05-01"),
    ]);
    let expected =
        [("industry", "Steel Bcc: x@y"), ("renewal", "2027-05-01"), ("size", "10-49"), ("story", "One\n\n<b>two</b>")];
    assert_eq!(answers.unwrap().0, expected.map(|(field, answer)| (name(field), answer.to_owned())).into());
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_nothing_is_repeated() {
    let errors = read_pairs(&[("size", "canary"), ("industry", &"canary".repeat(4)), ("renewal", "31 February")]);
    let errors = errors.unwrap_err();
    assert_eq!(
        errors,
        BTreeMap::from([
            (name("industry"), AnswerError::TooLong { length_max: 20 }),
            (name("renewal"), AnswerError::NotADate),
            (name("size"), AnswerError::NotAChoice),
        ])
    );
    assert!(!format!("{errors:?}").contains("canary"));
}

#[test]
fn what_nobody_is_asked_for_cannot_be_answered() {
    assert_eq!(read_pairs(&[("internal", "x"), ("score", "9"), ("size", "")]).unwrap(), Answers::default());
    let answers = Answers(BTreeMap::from([(name("internal"), "x".to_owned())]));
    assert_eq!(taken(&catalog(), Some(&known(&[], 0)), &answers, now()), Answers::default());
}

#[test]
fn the_same_answer_a_moment_later_is_the_same_post_and_a_year_later_an_answer() {
    let catalog = catalog();
    let answers = Answers(BTreeMap::from([(name("size"), "1-9".to_owned())]));
    let just_now = known(&[("size", "1-9")], 0);
    assert_eq!(taken(&catalog, Some(&just_now), &answers, now()), Answers::default());
    assert_eq!(taken(&catalog, Some(&known(&[("size", "1-9")], 400)), &answers, now()), answers);
    let other = Answers(BTreeMap::from([(name("size"), "More".to_owned())]));
    assert_eq!(taken(&catalog, Some(&just_now), &other, now()), other);
}

#[test]
fn a_link_finds_its_choice_wherever_the_catalog_lists_it() {
    let catalog = catalog();
    let size = &catalog.fields[&name("size")];
    assert_eq!(marked_choice(size, &choice_mark("more")), Some("More"));
    assert_eq!(marked_choice(size, &choice_mark("Fewer")), None);
    assert_eq!(marked_choice(&catalog.fields[&name("story")], &choice_mark("More")), None);
}
