//! A corpus of catalogs with one mistake each, and of unusual ones without any ([`crate::cases`] says how they are
//! written).
//!
//! Lines like `expect: error P029 welcome/program.toml:12` say what must be found; a file that is missing has no
//! line. Nothing else may be an error; in a valid case nothing else may be found at all. `written: with a byte order
//! mark and CRLF` in a case has all files so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use perennial_core::diagnostic::page::split;
use perennial_core::diagnostic::{Code, Diagnostic, Severity};
use perennial_core::loader::SourceFile;

use crate::cases::{Files, corpus};

/// The fewest cases of a kind.
const BROKEN_MIN: usize = 60;
const VALID_MIN: usize = 20;

const AS_ON_WINDOWS: &str = "written: with a byte order mark and CRLF";

struct Case {
    name: String,
    expected: BTreeSet<String>,
    found: Vec<Diagnostic>,
}

impl Case {
    fn read(name: String, text: &str) -> Self {
        let (head, sections) = split(text);
        let expected: BTreeSet<String> = expectations(head).map(ToOwned::to_owned).collect();
        let mut files = Files::changed(&sections);
        if head.lines().any(|line| line == AS_ON_WINDOWS) {
            for file in &mut files.files {
                file.text = format!("\u{FEFF}{}", file.text.replace('\n', "\r\n"));
            }
        }
        Self { name, expected, found: files.check() }
    }

    /// What was found and not expected, or expected and not found. Empty: all is well.
    fn problems(&self, is_odd: impl Fn(&Diagnostic) -> bool) -> String {
        let mut problems = String::new();
        let found: BTreeSet<String> = self.found.iter().map(line).collect();
        for line in self.expected.difference(&found) {
            writeln!(problems, "    not found: {line}").unwrap();
        }
        // Whoever looks for what is missing wants to see all that there is.
        let is_short = !problems.is_empty();
        for diagnostic in self.found.iter().filter(|diagnostic| is_short || is_odd(diagnostic)) {
            let line = line(diagnostic);
            if !self.expected.contains(&line) {
                writeln!(problems, "    found: {line}: {}", diagnostic.message).unwrap();
            }
        }
        problems
    }
}

/// A finding as cases name it.
fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let line = diagnostic.place.as_ref().map_or(String::new(), |place| format!(":{}", place.line));
    format!("{severity} {} {}{line}", diagnostic.code, diagnostic.file)
}

/// The lines of a case that say what must be found.
fn expectations(head: &str) -> impl Iterator<Item = &str> {
    head.lines().filter_map(|line| line.strip_prefix("expect: ")).map(str::trim)
}

/// The cases of a kind, by name.
fn texts(kind: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(corpus().join(kind)).expect("the corpus is read");
    let read = |path: PathBuf| {
        let name = format!("{kind}/{}", path.file_name().expect("a file").to_string_lossy());
        (name, fs::read_to_string(&path).expect("a case is UTF-8"))
    };
    entries.map(|entry| read(entry.expect("an entry is read").path())).collect()
}

fn cases(kind: &str) -> Vec<Case> {
    texts(kind).into_iter().map(|(name, text)| Case::read(name, &text)).collect()
}

#[track_caller]
fn assert_none(problems: &[(String, String)]) {
    let text = problems.iter().fold(String::new(), |text, (name, problems)| format!("{text}{name}\n{problems}"));
    assert!(problems.is_empty(), "{} cases\n{text}", problems.len());
}

fn problems(cases: &[Case], is_odd: impl Fn(&Diagnostic) -> bool) -> Vec<(String, String)> {
    let told = cases.iter().map(|case| (case.name.clone(), case.problems(&is_odd)));
    told.filter(|(_, problems)| !problems.is_empty()).collect()
}

#[test]
fn each_broken_catalog_is_rejected_with_its_code_at_its_line() {
    let cases = cases("broken");
    assert!(cases.len() >= BROKEN_MIN, "{} broken cases, fewer than {BROKEN_MIN}", cases.len());
    assert_none(&problems(&cases, Diagnostic::is_error));
    let empty: Vec<_> = cases.iter().filter(|case| case.expected.is_empty()).map(|case| &case.name).collect();
    assert!(empty.is_empty(), "{empty:?} expect nothing");
}

#[test]
fn no_unusual_but_valid_catalog_raises_a_false_alarm() {
    let cases = cases("valid");
    assert!(cases.len() >= VALID_MIN, "{} valid cases, fewer than {VALID_MIN}", cases.len());
    assert_none(&problems(&cases, |_| true));
    let broken = cases.iter().filter(|case| case.found.iter().any(Diagnostic::is_error));
    let broken: Vec<_> = broken.map(|case| &case.name).collect();
    assert!(broken.is_empty(), "{broken:?} have errors");
}

#[test]
fn every_code_has_a_broken_catalog() {
    let texts = texts("broken");
    let expected: BTreeSet<&str> =
        texts.values().flat_map(|text| expectations(split(text).0)).filter_map(|line| line.split(' ').nth(1)).collect();
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !expected.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no broken case expects {missing:?}");
}

#[test]
fn a_program_may_have_two_hundred_steps_and_not_one_more() {
    let of_steps = |count: usize| {
        let head = "title = \"Long\"\nthen = \"nurture\"\nenter = { tag = \"welcomed\" }\n".to_owned();
        let text = (1..=count).fold(head, |text, number| {
            format!("{text}\n[[step]]\nid = \"call-{number}\"\nkind = \"call\"\nafter = \"5bd\"\ndue_in = \"2d\"\n")
        });
        let mut files = Files::base();
        files.files.push(SourceFile { path: "long/program.toml".to_owned(), text });
        files.check().iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(of_steps(200), Vec::<String>::new());
    assert_eq!(of_steps(201), ["error P011 long/program.toml:1205"]);
}
