//! Cases as text: a small catalog, and what a case changes in it.
//!
//! A case is a text that is cut by lines like `-- welcome/program.toml --` ([`split`]). What stands below such a line
//! becomes that file. Three more heads change a file that is there: `catalog.toml +=` adds to its end, `catalog.toml
//! [cap]` takes the place of that table, and `catalog.toml []` of what stands before the first one. `(removed)` as the
//! text removes the file or the table. What stands below `kept welcome/program.toml` is of an older version, which leads
//! may still be in.

use std::fs;
use std::path::{Path, PathBuf};

use perennial_core::diagnostic::Diagnostic;
use perennial_core::diagnostic::page::{Section, split};
use perennial_core::ids::ProgramName;
use perennial_core::loader::{KeptProgram, SourceFile, parse_with};

const REMOVED: &str = "(removed)";

/// Where the cases lie.
pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files of a catalog, as a case leaves them.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) files: Vec<SourceFile>,
    kept: Vec<KeptProgram>,
}

impl Files {
    /// The catalog that cases change.
    pub(crate) fn base() -> Self {
        let text = fs::read_to_string(corpus().join("base.txt")).expect("the base is read");
        let mut base = Self::default();
        base.change(&split(&text).1);
        base
    }

    /// The base with what the sections change in it.
    pub(crate) fn changed(sections: &[Section<'_>]) -> Self {
        let mut files = Self::base();
        files.change(sections);
        files
    }

    fn change(&mut self, sections: &[Section<'_>]) {
        for section in sections {
            match section.head.strip_prefix("kept ") {
                Some(path) => self.keep(path, section.text),
                None => apply(&mut self.files, section),
            }
        }
    }

    fn keep(&mut self, path: &str, text: &str) {
        let (name, _) = path.split_once('/').expect("a file of a program");
        let name = ProgramName::parse(name).expect("the name of a program");
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        match self.kept.iter_mut().find(|kept| kept.name == name) {
            Some(kept) => kept.files.push(file),
            None => self.kept.push(KeptProgram { name, files: vec![file] }),
        }
    }

    /// What is found in them. There is a catalog exactly if none of it is an error.
    pub(crate) fn check(&self) -> Vec<Diagnostic> {
        let (catalog, found) = parse_with(&self.files, &self.kept);
        assert_eq!(catalog.is_some(), !found.iter().any(Diagnostic::is_error), "{found:?}");
        found
    }
}

fn apply(files: &mut Vec<SourceFile>, section: &Section<'_>) {
    let is_removed = section.text.trim() == REMOVED;
    if let Some(path) = section.head.strip_suffix(" +=") {
        let file = existing(files, path);
        file.text = format!("{}\n\n{}", file.text.trim_end(), section.text);
    } else if let Some((path, table)) = section.head.strip_suffix(']').and_then(|head| head.split_once(" [")) {
        let file = existing(files, path);
        let text = if is_removed { "" } else { section.text };
        file.text = with_table(&file.text, table, text);
    } else {
        if files.iter().all(|file| file.path != section.head) {
            assert!(!is_removed, "{} is not there to be removed", section.head);
            files.push(SourceFile { path: section.head.to_owned(), text: String::new() });
        }
        section.text.clone_into(&mut existing(files, section.head).text);
        files.retain(|file| !is_removed || file.path != section.head);
    }
}

fn existing<'f>(files: &'f mut [SourceFile], path: &str) -> &'f mut SourceFile {
    files.iter_mut().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not there to be changed"))
}

/// A TOML text with another text in place of a table; an empty name is what stands before the first table.
fn with_table(toml: &str, table: &str, text: &str) -> String {
    let lines: Vec<&str> = toml.lines().collect();
    let head = format!("[{table}]");
    let start = if table.is_empty() { Some(0) } else { lines.iter().position(|line| *line == head) };
    let start = start.unwrap_or_else(|| panic!("{head} is not there to be changed"));
    let first = if table.is_empty() { start } else { start + 1 };
    let end = lines[first..].iter().position(|line| line.starts_with('[')).map_or(lines.len(), |length| first + length);
    let before = lines[..start].iter().map(|line| format!("{line}\n"));
    let between = if text.is_empty() { String::new() } else { format!("{text}\n") };
    before.chain([between]).chain(lines[end..].iter().map(|line| format!("{line}\n"))).collect()
}
