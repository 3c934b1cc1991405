//! The JSON Schemas that editors read, held against the shapes, and the files that ship against them.

use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use perennial_app::programs;
use perennial_core::diagnostic::page::split;
use perennial_core::loader::{REPS_FILE, SourceFile, read_reps, schema};
use serde_json::Value;

use crate::cases::{Files, corpus};

use super::{compare, root};

const CATALOG: &str = "catalog.toml";
const PROGRAM: &str = "/program.toml";

#[test]
fn the_shipped_schemas_are_made_from_the_shapes() {
    compare("programs/catalog.schema.json", &schema::catalog());
    compare("programs/program.schema.json", &schema::program());
    compare("programs/reps.schema.json", &schema::roster());
    compare("programs/broadcast.schema.json", &schema::broadcast());
}

/// An editor that knows all schemas.
struct Editor {
    catalog: Validator,
    program: Validator,
    roster: Validator,
}

impl Editor {
    fn open() -> Self {
        let compile = |text: String| {
            let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
            jsonschema::draft202012::meta::validate(&schema).expect("it is a schema");
            jsonschema::draft202012::new(&schema).expect("a schema compiles")
        };
        Self {
            catalog: compile(schema::catalog()),
            program: compile(schema::program()),
            roster: compile(schema::roster()),
        }
    }

    /// What it marks in a file.
    fn marks(&self, path: &str, text: &str) -> Vec<String> {
        let validator = match path {
            CATALOG => &self.catalog,
            REPS_FILE => &self.roster,
            _ => &self.program,
        };
        let value: Value = match toml::from_str(text) {
            Ok(value) => value,
            Err(error) => return vec![format!("{path}: {error}")],
        };
        validator.iter_errors(&value).map(|error| format!("{path}: {}: {error}", error.instance_path())).collect()
    }

    /// What it marks in the files of a case.
    fn marks_in(&self, files: &Files) -> Vec<String> {
        let described = files.files.iter().filter(|file| is_described(&file.path));
        described.flat_map(|file| self.marks(&file.path, &file.text)).collect()
    }
}

fn is_described(path: &str) -> bool {
    path == CATALOG || path == REPS_FILE || path.ends_with(PROGRAM)
}

#[test]
fn an_editor_marks_nothing_in_what_we_ship() {
    let mut paths = vec![CATALOG.to_owned()];
    for entry in fs::read_dir(root().join("programs")).expect("the programs are read") {
        let name = entry.expect("an entry is read").file_name().to_string_lossy().into_owned();
        paths.extend(root().join("programs").join(&name).is_dir().then(|| format!("{name}{PROGRAM}")));
    }
    let read = |path: &str| fs::read_to_string(root().join("programs").join(path)).expect("a file is read");
    let editor = Editor::open();
    let marks: Vec<String> = paths.iter().flat_map(|path| editor.marks(path, &read(path))).collect();
    assert!(paths.len() > 1, "no program was found");
    assert!(marks.is_empty(), "{}", marks.join("\n"));
    // The first line of each tells editors where its schema is.
    for path in &paths {
        let schema = if path == CATALOG { "./catalog.schema.json" } else { "../program.schema.json" };
        assert!(read(path).starts_with(&format!("#:schema {schema}\n")), "{path} does not name its schema");
    }
}

/// Beside the shipped catalog nothing of it is odd, and every route has its team.
#[test]
fn the_example_of_reps_fits_the_shipped_catalog_and_its_schema() {
    let text = fs::read_to_string(root().join("docs/examples").join(REPS_FILE)).expect("the example is read");
    assert!(text.starts_with("#:schema ../../programs/reps.schema.json\n"), "it does not name its schema");
    assert_eq!(Editor::open().marks(REPS_FILE, &text), [""; 0]);
    let (catalog, _) = programs::load(&root().join("programs")).expect("the programs are read");
    let source = SourceFile { path: REPS_FILE.to_owned(), text };
    let (file, found) = read_reps(&source, catalog.as_ref());
    assert_eq!(found, []);
    assert_eq!(file.expect("it reads").roster.teams.len(), 3);
}

fn cases(kind: &str) -> Vec<(String, Files)> {
    let entries = fs::read_dir(corpus().join(kind)).expect("the corpus is read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry is read").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a case is UTF-8");
        (path.file_name().expect("a file").to_string_lossy().into_owned(), Files::changed(&split(&text).1))
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn an_editor_marks_nothing_in_what_is_valid() {
    let editor = Editor::open();
    let mut problems = Vec::new();
    for (name, files) in cases("valid") {
        problems.extend(editor.marks_in(&files).into_iter().map(|mark| format!("{name}: {mark}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What one file shows by itself, an editor should show while it is written.
#[test]
fn an_editor_marks_unknown_keys_missing_keys_and_wrong_values() {
    let marked = [
        "call-without-due.txt",
        "choice-without-choices.txt",
        "days-written-out.txt",
        "day-in-full.txt",
        "holdout-too-large.txt",
        "key-from-another-tool.txt",
        "key-with-a-typo.txt",
        "name-with-capitals.txt",
        "no-last-rung.txt",
        "no-then.txt",
        "number-in-quotes.txt",
        "reason-without-policy.txt",
        "rep-with-mistakes-all-at-once.txt",
        "route-without-queue.txt",
        "split-of-one.txt",
        "two-questions-at-once.txt",
        "unknown-kind.txt",
        "wait-without-end.txt",
        "weekday-alone.txt",
    ];
    let (editor, cases) = (Editor::open(), cases("broken"));
    for name in marked {
        let (_, files) = cases.iter().find(|(case, _)| case == name).unwrap_or_else(|| panic!("{name} is not there"));
        assert!(!editor.marks_in(files).is_empty(), "{name}: nothing is marked");
    }
}
