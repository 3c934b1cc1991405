//! From the files of `programs/` to a [`Catalog`], or to everything that is wrong with them.
//!
//! **Invariant:** the same files give the same answer, whatever their order; and there is a catalog
//! exactly when no diagnostic is an error.
//!
//! ```text
//! catalog.toml               who sends, when, to which forms, and what is known of a lead
//! welcome/program.toml       the steps of the program `welcome`
//! welcome/touches/hello.md   the mail of its step `hello`
//! ```

mod catalog;
mod program;
mod section;
#[cfg(test)]
mod tests;
mod touch;

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::content::ContentBuilder;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::ids::ProgramName;
use crate::loader::catalog::CatalogFile;
use crate::loader::section::Report;
use crate::loader::touch::Known;
use crate::program::Program;

/// One file of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path below the catalog's directory, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The most files in one catalog.
pub const FILES_MAX: usize = 50_000;

/// The longest file, in bytes.
pub const FILE_LENGTH_MAX: usize = 256 * 1024;

const CATALOG_FILE: &str = "catalog.toml";
const PROGRAM_FILE: &str = "program.toml";

/// Reads a catalog. `None` if any diagnostic is an error.
///
/// A file whose name is none of the three above is passed over if it is Markdown (a `README.md`), and
/// warned of if it is TOML.
pub fn parse(files: &[SourceFile]) -> (Option<Catalog>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let catalog = read(files, &mut found);
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    // Both trials of a mail may find the same.
    found.dedup();
    let usable = !found.iter().any(Diagnostic::is_error);
    (catalog.filter(|_| usable), found)
}

fn read(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Option<Catalog> {
    if let Some(diagnostic) = too_large(files) {
        found.push(diagnostic);
        return None;
    }
    let tree = Tree::sort(files, found);
    let file = read_catalog(&tree, found);
    let known = Known {
        fields: file.as_ref().map(|file| &file.fields),
        facts: file.as_ref().and_then(|file| file.organisation.as_ref()).map(|organisation| &organisation.facts),
    };
    let mut builder = ContentBuilder::new();
    let mut programs = BTreeMap::new();
    for (name, folder) in &tree.programs {
        let Some(source) = folder.program else {
            found.push(missing_file(
                &format!("{name}/{PROGRAM_FILE}"),
                "write it, with `title`, `then` and its steps, or remove the folder",
            ));
            continue;
        };
        if let Some(program) = program::read(name, source, folder, &known, &mut builder, found) {
            programs.insert(name.clone(), program);
        }
    }
    let file = file?;
    // A step that was refused for another reason would make a wait look shorter than it is.
    if let Some(last_resort) = file.last_resort.as_ref().filter(|_| !found.iter().any(Diagnostic::is_error)) {
        program::refuse_loops(&programs, last_resort, &tree.programs, found);
    }
    let programs = programs.into_iter().map(|(name, file)| (name, file.program)).collect();
    let catalog = file.with(programs, builder.finish())?;
    touch::probe(&catalog, &tree.programs, found);
    Some(catalog)
}

fn read_catalog(tree: &Tree<'_>, found: &mut Vec<Diagnostic>) -> Option<CatalogFile> {
    let Some(source) = tree.catalog else {
        found.push(missing_file(CATALOG_FILE, "write it: it says who sends, when, and to which forms"));
        return None;
    };
    let mut report = Report::new(source);
    let file = catalog::read(&mut report, source, &tree.programs);
    found.append(&mut report.into_found());
    file
}

/// The files of one program.
#[derive(Default)]
struct Folder<'t> {
    program: Option<&'t SourceFile>,
    /// The touches, by what should be the id of their step.
    touches: BTreeMap<&'t str, &'t SourceFile>,
}

/// Every file in its place.
struct Tree<'t> {
    catalog: Option<&'t SourceFile>,
    programs: BTreeMap<ProgramName, Folder<'t>>,
}

impl<'t> Tree<'t> {
    fn sort(files: &'t [SourceFile], found: &mut Vec<Diagnostic>) -> Self {
        let mut tree = Self { catalog: None, programs: BTreeMap::new() };
        for file in files {
            let parts: Vec<&str> = file.path.split('/').collect();
            match parts.as_slice() {
                [CATALOG_FILE] => tree.catalog = Some(file),
                [folder, PROGRAM_FILE] => {
                    if let Some(folder) = tree.folder(folder, file, found) {
                        folder.program = Some(file);
                    }
                }
                [folder, "touches", touch] => {
                    let folder = tree.folder(folder, file, found);
                    if let (Some(folder), Some(step)) = (folder, touch.strip_suffix(".md")) {
                        folder.touches.insert(step, file);
                    }
                }
                _ if file.path.strip_suffix(".toml").is_some() => {
                    found.push(unused(file, "nothing reads a TOML file of this name"));
                }
                _ => {}
            }
        }
        tree
    }

    fn folder(&mut self, name: &str, file: &SourceFile, found: &mut Vec<Diagnostic>) -> Option<&mut Folder<'t>> {
        match ProgramName::parse(name) {
            Ok(name) => Some(self.programs.entry(name).or_default()),
            Err(error) => {
                found.push(Diagnostic {
                    code: Code::BadName,
                    severity: Severity::Error,
                    file: file.path.clone(),
                    place: None,
                    message: format!("the folder `{name}` cannot be a program"),
                    remedy: format!("rename it: {error}"),
                });
                None
            }
        }
    }
}

fn missing_file(path: &str, remedy: &str) -> Diagnostic {
    Diagnostic {
        code: Code::FileMissing,
        severity: Severity::Error,
        file: path.to_owned(),
        place: None,
        message: "this file is missing".to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn unused(file: &SourceFile, message: &str) -> Diagnostic {
    Diagnostic {
        code: Code::Unused,
        severity: Severity::Warning,
        file: file.path.clone(),
        place: None,
        message: message.to_owned(),
        remedy: "rename it, or remove it".to_owned(),
    }
}

fn too_large(files: &[SourceFile]) -> Option<Diagnostic> {
    let large = |file: &str, message: String, remedy: &str| Diagnostic {
        code: Code::TooLarge,
        severity: Severity::Error,
        file: file.to_owned(),
        place: None,
        message,
        remedy: remedy.to_owned(),
    };
    if files.len() > FILES_MAX {
        return Some(large(".", format!("more than {FILES_MAX} files"), "is this the directory of the programs?"));
    }
    // The first by name, so that the answer does not depend on the order of the files.
    let file = files.iter().filter(|file| file.text.len() > FILE_LENGTH_MAX).min_by_key(|file| &file.path)?;
    Some(large(&file.path, format!("longer than {FILE_LENGTH_MAX} bytes"), "split it, or shorten it"))
}

impl CatalogFile {
    /// The whole catalog; `None` if something of it was reported.
    fn with(self, programs: BTreeMap<ProgramName, Program>, content: crate::content::Content) -> Option<Catalog> {
        Some(Catalog {
            organisation: self.organisation?,
            default_zone: self.default_zone?,
            window: self.window?,
            cap: self.cap?,
            fields: self.fields,
            forms: self.forms,
            queues: self.queues,
            default_queue: self.default_queue?,
            programs,
            last_resort: self.last_resort?,
            content,
        })
    }
}
