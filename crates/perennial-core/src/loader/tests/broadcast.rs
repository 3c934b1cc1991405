//! Broadcasts: what is said of their files, where they are to go out and where they do already.

use super::base;
use crate::diagnostic::{Code, Diagnostic};
use crate::ids::ProgramName;
use crate::loader::{Beside, BroadcastFiles, broadcast_version, parse_beside};
use crate::testing;

fn news(edits: &[(&str, &str)]) -> BroadcastFiles {
    let mut news = testing::news(jiff::Timestamp::MAX);
    for (from, to) in edits {
        let file = news.files.iter_mut().find(|file| file.text.contains(from)).expect("the text is there");
        file.text = file.text.replacen(from, to, 1);
    }
    news
}

fn found(draft: &BroadcastFiles) -> Vec<String> {
    let (_, found) = parse_beside(&base(), Beside { draft: Some(draft), ..Beside::default() });
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_broadcast_is_read_with_what_the_catalog_declares() {
    let draft = news(&[("title", "age_min = \"3d\"\nuntil = \"2027-03-01\"\nbeside_sales = true\ntitle")]);
    let (catalog, found) = parse_beside(&base(), Beside { draft: Some(&draft), ..Beside::default() });
    assert_eq!(found, []);
    let catalog = catalog.unwrap();
    let broadcast = &catalog.broadcasts[&draft.name];
    assert_eq!(broadcast.segment.to_string(), "not (company is “Elsewhere”)");
    assert_eq!((broadcast.age_min.as_hours(), broadcast.program.beside_sales), (72, true));
    assert_eq!(broadcast.last_day.map(|day| day.to_string()).as_deref(), Some("2027-03-01"));
    assert_eq!(broadcast_version(&draft.files).as_ref(), Some(&broadcast.program.version));
    let known = catalog.program_of(&draft.name, &broadcast.program.version);
    assert_eq!(known.map(|program| program.title.as_str()), Some("News of the spring"));
    assert!(!catalog.programs.contains_key(&draft.name), "nobody is enrolled in it");
}

#[test]
fn each_slip_is_told_with_its_place() {
    for (edits, expected) in [
        (
            [("field = \"company\"", "field = \"compnay\"")],
            "news/broadcast.toml:3:29 P009 `compnay` is not a declared field",
        ),
        ([("title = \"News of the spring\"\n", "")], "P0"),
        ([("title", "until = \"next week\"\ntitle")], "news/broadcast.toml:2:9 P064 `next week` is not a day"),
        ([("title", "topic = \"prices\"\ntitle")], "`prices` is not a declared topic"),
        ([("title", "steps = 3\ntitle")], "the broadcast has no setting `steps`"),
        (
            [("{{ first_name", "{{ firstname")],
            "news/touches/mail.md:5:10 P017 `firstname` is not declared in the catalog",
        ),
        ([("from = \"team\"", "from = \"me\"")], "news/touches/mail.md:3:"),
    ] {
        let found = found(&news(&edits));
        assert!(found.iter().any(|found| found.contains(expected)), "{expected}: {found:#?}");
    }
    let mut without_mail = news(&[]);
    without_mail.files.truncate(1);
    let said = found(&without_mail);
    assert!(said[0].contains("the mail of this step is missing: news/touches/mail.md"), "{said:?}");
    let mut empty = news(&[]);
    empty.files.clear();
    assert_eq!(found(&empty), ["news/broadcast.toml P001 this file is missing"]);
    let mut taken = news(&[]);
    taken.name = ProgramName::parse("welcome").unwrap();
    assert!(found(&taken)[0].contains("P006 the folder `welcome` cannot be a broadcast"), "{:?}", found(&taken));
}

#[test]
fn one_that_goes_out_already_is_left_out_where_it_does_not_read_and_stops_nothing() {
    let broken = news(&[("field = \"company\"", "field = \"gone\"")]);
    let unwritable = news(&[("{{ first_name | default(\"again\") }}", "{{ first_name }}")]);
    for sent in [broken, unwritable] {
        let broadcasts = std::slice::from_ref(&sent);
        let (catalog, found) = parse_beside(&base(), Beside { broadcasts, ..Beside::default() });
        assert!(catalog.expect("the programs read").broadcasts.is_empty());
        assert!(found.iter().all(|found| found.code == Code::KeptUnreadable && !Diagnostic::is_error(found)));
        assert!(found[0].message.starts_with("the broadcast `news` is left out: "), "{found:?}");
    }
}
