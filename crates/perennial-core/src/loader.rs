//! From the files of `programs/` to a [`Catalog`], or to everything that is wrong with them.
//!
//! **Invariant:** the same files give the same answer, whatever their order; and there is a catalog
//! exactly when no diagnostic is an error.
//!
//! ```text
//! catalog.toml                  who sends, when, to which forms, and what is known of a lead
//! welcome/program.toml          the steps of the program `welcome`
//! welcome/touches/hello.md      the mail of its step `hello`
//! welcome/touches/hello.de.md   the same for who reads German
//! reps.toml                     who sells, if it lies here; it is put in force by itself
//! news/broadcast.toml           in a folder of its own: who gets the broadcast `news`
//! news/touches/mail.md          its mail
//! ```

mod broadcast;
mod catalog;
mod condition;
mod consent;
mod crm;
mod graph;
mod hours;
mod known;
mod language;
mod policy;
mod program;
mod report;
mod roster;
mod routes;
pub mod schema;
mod section;
pub mod shape;
mod solve;
mod spans;
mod step;
#[cfg(test)]
mod tests;
mod touch;
mod webhook;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::broadcast::Broadcast;
use crate::catalog::Catalog;
use crate::content::ContentBuilder;
use crate::diagnostic::{Code, Diagnostic, Place, Severity};
use crate::ids::{Language, ProgramName};
use crate::loader::catalog::CatalogFile;
use crate::loader::known::Known;
use crate::loader::report::Report;
use crate::loader::roster::Deployment;
use crate::loader::spans::Spans;
use crate::loader::touch::Trial;
use crate::program::{Program, ProgramVersion};
use crate::roster::RosterFile;

pub use roster::REPS_FILE;
pub use touch::link_of_file;

/// One file of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path below the catalog's directory, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// An older version of a program, which leads may still be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptProgram {
    /// Its name.
    pub name: ProgramName,
    /// Its files, with their paths as they are in the directory: `<name>/program.toml`, `<name>/touches/…`.
    pub files: Vec<SourceFile>,
}

/// The files of a broadcast, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastFiles {
    /// Its name.
    pub name: ProgramName,
    /// Its files: `<name>/broadcast.toml`, `<name>/touches/mail.md` and that in other languages.
    pub files: Vec<SourceFile>,
    /// When it is over.
    pub until: Timestamp,
    /// Whether somebody stopped it.
    pub is_stopped: bool,
}

/// What a catalog is read with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// Older versions of programs. One that cannot be read is left out and warned of.
    pub kept: &'a [KeptProgram],
    /// Broadcasts that go out already. One that cannot be read is left out and warned of.
    pub broadcasts: &'a [BroadcastFiles],
    /// A broadcast that is to go out. What is wrong with it is an error.
    pub draft: Option<&'a BroadcastFiles>,
}

/// The most files in one catalog: 5,000 programs of 50 steps that each have a mail are 255,001.
pub const FILES_MAX: usize = 300_000;

/// The longest file, in bytes.
pub const FILE_LENGTH_MAX: usize = 256 * 1024;

const CATALOG_FILE: &str = "catalog.toml";
const PROGRAM_FILE: &str = "program.toml";

/// The file that says who gets a broadcast.
pub const BROADCAST_FILE: &str = "broadcast.toml";

/// Reads a catalog. `None` if any diagnostic is an error.
///
/// A file whose name is none of those above is passed over, such as a `README.md`; it is warned of if it is TOML,
/// or lies where mails do.
pub fn parse(files: &[SourceFile]) -> (Option<Catalog>, Vec<Diagnostic>) {
    parse_with(files, &[])
}

/// Reads a catalog and the older versions of programs that leads may still be in ([`Catalog::kept`]).
///
/// An older version is read with the catalog of today. One that cannot be read is left out and warned of
/// ([`Code::KeptUnreadable`]), never an error: what leads started long ago must not stop what is deployed now. One
/// that is the version of today is passed over.
pub fn parse_with(files: &[SourceFile], kept: &[KeptProgram]) -> (Option<Catalog>, Vec<Diagnostic>) {
    parse_beside(files, Beside { kept, ..Beside::default() })
}

/// Reads a catalog with all that goes on beside it.
pub fn parse_beside(files: &[SourceFile], beside: Beside<'_>) -> (Option<Catalog>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let catalog = read(files, beside, &mut found);
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    // Both trials of a mail may find the same.
    found.dedup();
    let usable = !found.iter().any(Diagnostic::is_error);
    (catalog.filter(|_| usable), found)
}

/// The version of a program, from its files: another text of any of them is another version. `None` without a
/// `program.toml`.
pub fn version_of(files: &[SourceFile]) -> Option<ProgramVersion> {
    let folder = Folder::of(files);
    folder.program.map(|source| program::version(source, &folder))
}

/// The version of a broadcast, from its files, as that of a program. `None` without a `broadcast.toml`.
pub fn broadcast_version(files: &[SourceFile]) -> Option<ProgramVersion> {
    let folder = Folder::of(files);
    folder.broadcast.map(|source| program::version(source, &folder))
}

/// Reads `reps.toml`, and holds it against a catalog where there is one. `None` if any diagnostic is an error.
pub fn read_reps(source: &SourceFile, catalog: Option<&Catalog>) -> (Option<RosterFile>, Vec<Diagnostic>) {
    let (file, mut found) = roster::read(source, catalog.map(Deployment::of).as_ref());
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    (file, found)
}

/// The version of `catalog.toml`, from its text.
pub fn catalog_version(file: &SourceFile) -> String {
    program::content_hash(&[file])
}

fn read(files: &[SourceFile], beside: Beside<'_>, found: &mut Vec<Diagnostic>) -> Option<Catalog> {
    if files.len() > FILES_MAX {
        found.push(too_many());
        return None;
    }
    let tree = Tree::sort(files, found);
    let names: BTreeSet<ProgramName> = tree.programs.keys().cloned().collect();
    let mut builder = ContentBuilder::new();
    let file = read_catalog(&tree, &names, &mut builder, found);
    let known = Known::of(file.as_ref(), &names);
    let programs = read_programs(&tree, &known, &mut builder, found);
    let older = read_kept(beside.kept, &programs, &known, &mut builder, found);
    let sent = read_broadcasts(beside, &known, &mut builder, found);
    let kept = older.iter().map(|(key, (program, _))| (key.clone(), program.clone())).collect();
    let broadcasts = sent.iter().map(|(name, (broadcast, _))| (name.clone(), broadcast.clone())).collect();
    let catalog = file.and_then(|file| file.with(programs, kept, broadcasts, builder.finish()));
    let reps = tree.reps.map(|source| read_reps(source, catalog.as_ref()));
    let mut catalog = catalog;
    if let Some((file, mut problems)) = reps {
        found.append(&mut problems);
        if let (Some(catalog), Some(file)) = (&mut catalog, file) {
            catalog.roster = Arc::new(file.roster);
        }
    }
    let mut catalog = catalog?;
    try_programs(&catalog, &tree, found);
    try_kept(&mut catalog, &older, found);
    try_broadcasts(&mut catalog, &sent, beside, found);
    if !found.iter().any(Diagnostic::is_error) {
        found.append(&mut check_graph(&catalog, &tree));
    }
    Some(catalog)
}

fn read_programs(
    tree: &Tree<'_>,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<ProgramName, Program> {
    let mut programs = BTreeMap::new();
    for (name, folder) in &tree.programs {
        let Some(source) = folder.program else {
            found.push(missing_file(
                &format!("{name}/{PROGRAM_FILE}"),
                "write it, with `title`, `then` and its steps, or remove the folder",
            ));
            continue;
        };
        if let Some(program) = program::read(name, source, folder, known, builder, found) {
            programs.insert(name.clone(), program);
        }
    }
    programs
}

/// Older versions, each with its files.
type Older<'t> = BTreeMap<(ProgramName, ProgramVersion), (Program, Folder<'t>)>;

fn read_kept<'t>(
    kept: &'t [KeptProgram],
    programs: &BTreeMap<ProgramName, Program>,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Older<'t> {
    let mut older = BTreeMap::new();
    for KeptProgram { name, files } in kept {
        let folder = Folder::of(files);
        let Some(source) = folder.program else {
            found.push(unreadable(name, None, &missing_file(&format!("{name}/{PROGRAM_FILE}"), "")));
            continue;
        };
        let version = program::version(source, &folder);
        if programs.get(name).is_some_and(|program| program.version == version) {
            continue;
        }
        let mut problems = Vec::new();
        let program = program::read(name, source, &folder, known, builder, &mut problems);
        // Where it leads to may have been renamed since. Then the last resort follows, slip or not.
        problems.retain(|problem| problem.code != Code::UnknownProgram);
        match (program, first_error(problems)) {
            (_, Some(error)) => found.push(unreadable(name, Some(&version), &error)),
            (Some(program), None) => {
                older.insert((name.clone(), version), (program, folder));
            }
            (None, None) => {}
        }
    }
    older
}

/// Broadcasts, each with its files.
type Sent<'t> = BTreeMap<ProgramName, (Broadcast, Folder<'t>)>;

fn read_broadcasts<'t>(
    beside: Beside<'t>,
    known: &Known<'_>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Sent<'t> {
    let mut sent = BTreeMap::new();
    for files in beside.broadcasts.iter().chain(beside.draft) {
        let folder = Folder::of(&files.files);
        let mut problems = Vec::new();
        let broadcast = broadcast::read(files, &folder, known, builder, &mut problems);
        let is_usable = take_problems(files, beside, problems, found);
        if let Some(broadcast) = broadcast.filter(|_| is_usable) {
            sent.insert(files.name.clone(), (broadcast, folder));
        }
    }
    sent
}

/// Renders the mails of the broadcasts on trial, and leaves out those that fail.
fn try_broadcasts(catalog: &mut Catalog, sent: &Sent<'_>, beside: Beside<'_>, found: &mut Vec<Diagnostic>) {
    let mut failed = Vec::new();
    let trial = Trial::new(catalog);
    for files in beside.broadcasts.iter().chain(beside.draft) {
        let Some((broadcast, folder)) = sent.get(&files.name) else { continue };
        let problems = trial.of_program(&broadcast.program, folder, &BTreeSet::new());
        if !take_problems(files, beside, problems, found) {
            failed.push(&files.name);
        }
    }
    for name in failed {
        catalog.broadcasts.remove(name);
    }
}

/// Reports what is wrong with a broadcast: all of it where it is to go out, and that it is left out where it does already.
/// Whether there is no error.
fn take_problems(
    files: &BroadcastFiles,
    beside: Beside<'_>,
    mut problems: Vec<Diagnostic>,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let is_usable = !problems.iter().any(Diagnostic::is_error);
    if beside.draft.is_some_and(|draft| draft.name == files.name) {
        found.append(&mut problems);
    } else if let Some(error) = first_error(problems) {
        let name = &files.name;
        found.push(Diagnostic {
            code: Code::KeptUnreadable,
            severity: Severity::Warning,
            message: format!("the broadcast `{name}` is left out: {} ({})", error.message, error.code),
            remedy: "whoever waits for it gets it when it reads again, if it is not over by then".to_owned(),
            ..error
        });
    }
    is_usable
}

/// The error that stands first.
fn first_error(problems: Vec<Diagnostic>) -> Option<Diagnostic> {
    problems.into_iter().filter(Diagnostic::is_error).min_by(|a, b| a.order().cmp(&b.order()))
}

/// What is said of an older version that is left out.
fn unreadable(name: &ProgramName, version: Option<&ProgramVersion>, error: &Diagnostic) -> Diagnostic {
    let path = error.file.split_once('/').map_or(PROGRAM_FILE, |(_, path)| path);
    let version = version.map_or("?", |version| &version.0);
    let remedy = "leads that started it go on in today's version, or else in the last resort";
    Diagnostic {
        code: Code::KeptUnreadable,
        severity: Severity::Warning,
        file: format!("{name}@{version}/{path}"),
        place: error.place.clone(),
        message: format!("this older version of `{name}` is left out: {} ({})", error.message, error.code),
        remedy: format!("{remedy}; to choose where, run `perennial migrate`"),
    }
}

/// Renders every mail on trial.
fn try_programs(catalog: &Catalog, tree: &Tree<'_>, found: &mut Vec<Diagnostic>) {
    let errors = found.iter().filter(|diagnostic| diagnostic.is_error());
    let broken: BTreeSet<String> = errors.map(|diagnostic| diagnostic.file.clone()).collect();
    let trial = Trial::new(catalog);
    for (name, folder) in &tree.programs {
        if let Some(program) = catalog.programs.get(name) {
            found.append(&mut trial.of_program(program, folder, &broken));
        }
    }
}

/// Renders every mail of the older versions on trial, and leaves out those that fail.
fn try_kept(catalog: &mut Catalog, older: &Older<'_>, found: &mut Vec<Diagnostic>) {
    let mut failed = Vec::new();
    let trial = Trial::new(catalog);
    for (key, (program, folder)) in older {
        let Some(error) = first_error(trial.of_program(program, folder, &BTreeSet::new())) else { continue };
        found.push(unreadable(&key.0, Some(&key.1), &error));
        failed.push(key);
    }
    for key in failed {
        catalog.kept.remove(key);
    }
}

/// What the graph checker finds, each in its file.
fn check_graph(catalog: &Catalog, tree: &Tree<'_>) -> Vec<Diagnostic> {
    let mut spans: BTreeMap<Option<ProgramName>, Spans<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for finding in graph::check(catalog) {
        let folder = finding.program.as_ref().map(|name| tree.programs.get(name));
        let Some(source) = folder.map_or(tree.catalog, |folder| folder.and_then(|folder| folder.program)) else {
            continue;
        };
        let spans = spans.entry(finding.program).or_insert_with(|| Spans::of(source));
        let span = spans.find(finding.step.as_ref(), &finding.key);
        found.push(Diagnostic {
            code: finding.code,
            severity: finding.severity,
            file: source.path.clone(),
            place: Some(Place::of(&source.text, span)),
            message: finding.message,
            remedy: finding.remedy,
        });
    }
    found
}

fn read_catalog(
    tree: &Tree<'_>,
    programs: &BTreeSet<ProgramName>,
    builder: &mut ContentBuilder,
    found: &mut Vec<Diagnostic>,
) -> Option<CatalogFile> {
    let Some(source) = tree.catalog else {
        found.push(missing_file(CATALOG_FILE, "write it: it says who sends, when, and to which forms"));
        return None;
    };
    let mut report = Report::new(source);
    let file = catalog::read(&mut report, programs, builder);
    found.append(&mut report.into_found());
    file
}

/// The files of one program.
#[derive(Default)]
struct Folder<'t> {
    program: Option<&'t SourceFile>,
    broadcast: Option<&'t SourceFile>,
    /// The mails, by what should be the name of a template.
    touches: BTreeMap<&'t str, &'t SourceFile>,
    /// Their variants in other languages, by the mail's name and the language.
    variants: BTreeMap<(&'t str, Language), &'t SourceFile>,
}

impl<'t> Folder<'t> {
    /// The files of one program that count, whatever the folder is called.
    fn of(files: &'t [SourceFile]) -> Self {
        let mut folder = Self::default();
        for file in files {
            if let Some((_, path)) = file.path.split_once('/') {
                folder.take(path, file);
            }
        }
        folder
    }

    /// Puts a file in its place, if it has one.
    fn take(&mut self, path: &'t str, file: &'t SourceFile) {
        if path == PROGRAM_FILE {
            self.program = Some(file);
        } else if path == BROADCAST_FILE {
            self.broadcast = Some(file);
        } else if let Some(name) = path.strip_prefix("touches/").and_then(|touch| touch.strip_suffix(".md"))
            && !name.contains('/')
        {
            match name.rsplit_once('.').map(|(mail, language)| (mail, Language::parse(language))) {
                Some((mail, Ok(language))) => self.variants.insert((mail, language), file),
                Some((_, Err(_))) | None => self.touches.insert(name, file),
            };
        }
    }
}

/// Every file in its place.
struct Tree<'t> {
    catalog: Option<&'t SourceFile>,
    reps: Option<&'t SourceFile>,
    programs: BTreeMap<ProgramName, Folder<'t>>,
}

impl<'t> Tree<'t> {
    fn sort(files: &'t [SourceFile], found: &mut Vec<Diagnostic>) -> Self {
        let mut tree = Self { catalog: None, reps: None, programs: BTreeMap::new() };
        for file in files {
            let touch = |path: &'t str| path.strip_prefix("touches/").filter(|touch| !touch.contains('/'));
            let is_mail = |path| touch(path).is_some_and(|touch| touch.strip_suffix(".md").is_some());
            match file.path.split_once('/') {
                None if file.path == CATALOG_FILE => tree.catalog = Some(file),
                None if file.path == REPS_FILE => tree.reps = Some(file),
                Some((folder, path)) if path == PROGRAM_FILE || is_mail(path) => {
                    if let Some(folder) = tree.folder(folder, file, found) {
                        folder.take(path, file);
                    }
                }
                Some((_, path)) if touch(path).is_some() => found.push(no_mail(file)),
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
            Ok(_) if consent::is_taken(name) => {
                found.push(Diagnostic {
                    code: Code::BadName,
                    severity: Severity::Error,
                    file: file.path.clone(),
                    place: None,
                    message: format!("the folder `{name}` cannot be a program: opt-in mails go by that name"),
                    remedy: "rename it".to_owned(),
                });
                None
            }
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

/// A file beside the mails that is none: Windows hides the end of `response.md.txt`.
fn no_mail(file: &SourceFile) -> Diagnostic {
    let diagnostic = unused(file, "nothing reads this file: the name of a mail ends in `.md`");
    let name = file.path.rsplit('/').next().and_then(|name| name.split_once(".md."));
    let remedy = name.map(|(stem, _)| format!("rename it to `{stem}.md`, or remove it"));
    Diagnostic { remedy: remedy.unwrap_or(diagnostic.remedy), ..diagnostic }
}

fn too_many() -> Diagnostic {
    Diagnostic {
        code: Code::TooLarge,
        severity: Severity::Error,
        file: ".".to_owned(),
        place: None,
        message: format!("more than {FILES_MAX} files"),
        remedy: "is this the directory of the programs?".to_owned(),
    }
}
