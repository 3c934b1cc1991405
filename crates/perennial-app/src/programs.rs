//! Program files: read from a directory, since the core does no I/O itself, and sorted into programs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use perennial_core::catalog::Catalog;
use perennial_core::diagnostic::Diagnostic;
use perennial_core::ids::ProgramName;
use perennial_core::loader::{FILE_LENGTH_MAX, FILES_MAX, SourceFile, parse};

/// The file that declares everything but the programs.
pub const CATALOG_FILE: &str = "catalog.toml";

/// The file of a program's folder that is not a mail.
pub const PROGRAM_FILE: &str = "program.toml";

/// How deep folders are read: `<program>/touches/<step>.md`.
const DEPTH_MAX: usize = 3;

/// A directory or file of programs that cannot be read: it is not there, not permitted, not UTF-8, or
/// longer than [`FILE_LENGTH_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// The TOML and Markdown files of a directory, in the order of their paths.
///
/// Names that start with a dot are passed over. Reading stops after [`FILES_MAX`] files, of which the
/// core then complains.
pub fn read(directory: &Path) -> Result<Vec<SourceFile>, ReadError> {
    let mut files = Vec::new();
    let _whole_or_not = walk(directory, "", DEPTH_MAX, &mut |path, name| {
        files.push(SourceFile { path: name, text: read_text(path)? });
        Ok(enough(files.len()))
    })?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What changes whenever a file of a directory does: when each was written, and how long it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp(Vec<(String, SystemTime, u64)>);

/// The stamp of a directory, cheaper than to read it.
pub fn stamp(directory: &Path) -> Result<Stamp, ReadError> {
    let mut stamps = Vec::new();
    let _whole_or_not = walk(directory, "", DEPTH_MAX, &mut |path, name| {
        let metadata = fs::metadata(path)?;
        stamps.push((name, metadata.modified()?, metadata.len()));
        Ok(enough(stamps.len()))
    })?;
    stamps.sort();
    Ok(Stamp(stamps))
}

/// The catalog in a directory, or all that is wrong with it.
pub fn load(directory: &Path) -> Result<(Option<Catalog>, Vec<Diagnostic>), ReadError> {
    Ok(parse(&read(directory)?))
}

/// The files of each program: its `program.toml` and its mails. Nothing else of a folder belongs to its version.
pub fn by_program(files: &[SourceFile]) -> BTreeMap<ProgramName, Vec<SourceFile>> {
    let mut programs: BTreeMap<ProgramName, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        let parts: Vec<&str> = file.path.split('/').collect();
        let folder = match parts.as_slice() {
            [folder, PROGRAM_FILE] => folder,
            [folder, "touches", touch] if touch.strip_suffix(".md").is_some() => folder,
            _ => continue,
        };
        if let Ok(name) = ProgramName::parse(folder) {
            programs.entry(name).or_default().push(file.clone());
        }
    }
    programs
}

/// The text of `catalog.toml`.
pub fn catalog_text(files: &[SourceFile]) -> Option<&str> {
    files.iter().find(|file| file.path == CATALOG_FILE).map(|file| file.text.as_str())
}

/// One more than there may be is enough to say so.
fn enough(files: usize) -> ControlFlow<()> {
    if files > FILES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Shows each file below a directory to `each`, with its path below it, until that breaks off.
fn walk(
    directory: &Path,
    prefix: &str,
    depth: usize,
    each: &mut dyn FnMut(&Path, String) -> io::Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>, ReadError> {
    let failed = |source| ReadError { path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let is_file_of_ours = path.extension().is_some_and(|extension| extension == "toml" || extension == "md");
        let next = if name.starts_with('.') {
            ControlFlow::Continue(())
        } else if path.is_dir() {
            match depth.checked_sub(1).filter(|depth| *depth > 0) {
                Some(depth) => walk(&path, &format!("{prefix}{name}/"), depth, each)?,
                None => ControlFlow::Continue(()),
            }
        } else if is_file_of_ours {
            each(&path, format!("{prefix}{name}")).map_err(|source| ReadError { path, source })?
        } else {
            ControlFlow::Continue(())
        };
        if next.is_break() {
            return Ok(next);
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_text(path: &Path) -> io::Result<String> {
    let length = usize::try_from(fs::metadata(path)?.len()).unwrap_or(usize::MAX);
    if length > FILE_LENGTH_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs that the suite ships.
    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../programs")
    }

    #[test]
    fn the_shipped_directory_is_a_catalog_without_a_diagnostic() {
        let (catalog, diagnostics) = load(&shipped()).unwrap();
        assert!(catalog.is_some());
        assert_eq!(diagnostics, []);
    }

    #[test]
    fn files_come_in_order_with_their_path_below_the_directory() {
        let paths: Vec<String> = read(&shipped()).unwrap().into_iter().map(|file| file.path).collect();
        assert!(paths.is_sorted());
        assert!(paths.contains(&"catalog.toml".to_owned()));
        assert!(paths.contains(&"welcome/touches/response.md".to_owned()));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = read(Path::new("no/such/directory")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read no/such/directory");
    }
}
