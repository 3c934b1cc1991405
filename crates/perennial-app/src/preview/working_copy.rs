//! The programs of a directory as they stand, also while some of them are wrong.

use std::collections::BTreeSet;

use perennial_core::catalog::Catalog;
use perennial_core::diagnostic::Diagnostic;
use perennial_core::ids::ProgramName;
use perennial_core::loader::{SourceFile, parse};
use perennial_core::program::Program;
use toml::de::{DeTable, DeValue};

use crate::programs::{PROGRAM_FILE, by_program};

/// What stands in for a program that cannot be read, while the others are looked at: a circle that touches people.
const STAND_IN: &str = "[[step]]\nid = \"stand-in\"\nkind = \"call\"\nafter = \"30d\"\ndue_in = \"5d\"\n";

/// The programs of a directory as they stand.
pub struct WorkingCopy {
    files: Vec<SourceFile>,
    catalog: Option<Catalog>,
    diagnostics: Vec<Diagnostic>,
}

/// The lines of a file that a diagnostic is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number.
    pub number: usize,
    /// The line.
    pub text: String,
    /// Carets under what is meant.
    pub marks: String,
}

impl WorkingCopy {
    /// Reads files. Where a program is wrong, the others are read without it.
    pub fn of(files: Vec<SourceFile>) -> Self {
        let (catalog, diagnostics) = parse(&files);
        let catalog = catalog.or_else(|| without_broken(&files, &diagnostics));
        Self { files, catalog, diagnostics }
    }

    /// All that is well. `None`: what all programs need is wrong.
    pub fn catalog(&self) -> Option<&Catalog> {
        self.catalog.as_ref()
    }

    /// A program that is well.
    pub fn program(&self, name: &ProgramName) -> Option<&Program> {
        self.catalog.as_ref()?.programs.get(name)
    }

    /// The programs that the directory holds, well or not.
    pub fn names(&self) -> Vec<ProgramName> {
        by_program(&self.files).into_keys().collect()
    }

    /// What a program is for, in the words of the comment at the head of its file.
    pub fn purpose(&self, name: &ProgramName) -> Option<String> {
        super::purpose(self.program_text(name)?)
    }

    /// What people call a program, well or not, as far as its file says so.
    pub fn title(&self, name: &ProgramName) -> Option<String> {
        let (table, _) = DeTable::parse_recoverable(self.program_text(name)?);
        let DeValue::String(title) = table.get_ref().get("title")?.get_ref() else { return None };
        let title = title.trim();
        (!title.is_empty()).then(|| title.to_owned())
    }

    fn program_text(&self, name: &ProgramName) -> Option<&str> {
        let path = format!("{name}/{PROGRAM_FILE}");
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// How many mistakes keep what is here from being in force.
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count()
    }

    /// What is wrong in a program's folder.
    pub fn problems_of(&self, name: &ProgramName) -> Vec<&Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| folder(&diagnostic.file) == Some(name.as_str())).collect()
    }

    /// All that is wrong.
    pub fn problems(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The line that a diagnostic is about, with carets under it.
    pub fn excerpt(&self, diagnostic: &Diagnostic) -> Option<Excerpt> {
        let place = diagnostic.place.as_ref()?;
        let file = self.files.iter().find(|file| file.path == diagnostic.file)?;
        let line = file.text.lines().nth(place.line.checked_sub(1)?)?;
        let before = place.column.saturating_sub(1);
        let rest = line.chars().count().saturating_sub(before);
        let meant = file.text.get(place.span.clone()).map_or(0, |text| text.chars().count());
        // A tab stays one, so that the carets stand where the text does.
        let indent = line.chars().take(before).map(|c| if c == '\t' { c } else { ' ' });
        let marks = indent.chain(std::iter::repeat_n('^', meant.min(rest).max(1))).collect();
        Some(Excerpt { number: place.line, text: line.to_owned(), marks })
    }
}

fn folder(path: &str) -> Option<&str> {
    path.split_once('/').map(|(folder, _)| folder)
}

/// The catalog of the programs that are well; in place of each other stands one that only calls.
fn without_broken(files: &[SourceFile], diagnostics: &[Diagnostic]) -> Option<Catalog> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let broken: BTreeSet<&str> = errors.filter_map(|diagnostic| folder(&diagnostic.file)).collect();
    let is_well = |file: &&SourceFile| folder(&file.path).is_none_or(|folder| !broken.contains(folder));
    let stand_ins = broken.iter().map(|name| SourceFile {
        path: format!("{name}/{PROGRAM_FILE}"),
        text: format!("title = \"{name}\"\nthen = \"{name}\"\n{STAND_IN}"),
    });
    let files: Vec<SourceFile> = files.iter().filter(is_well).cloned().chain(stand_ins).collect();
    let (mut catalog, _) = parse(&files);
    if let Some(catalog) = &mut catalog {
        catalog.programs.retain(|name, _| !broken.contains(name.as_str()));
    }
    catalog
}
