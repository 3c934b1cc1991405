//! Reads a directory of program files and hands it to the core, which does no I/O itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use perennial_core::catalog::Catalog;
use perennial_core::diagnostic::Diagnostic;
use perennial_core::loader::{FILE_LENGTH_MAX, FILES_MAX, SourceFile, parse};

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
    collect(directory, "", DEPTH_MAX, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The catalog in a directory, or all that is wrong with it.
pub fn load(directory: &Path) -> Result<(Option<Catalog>, Vec<Diagnostic>), ReadError> {
    Ok(parse(&read(directory)?))
}

fn collect(directory: &Path, prefix: &str, depth: usize, files: &mut Vec<SourceFile>) -> Result<(), ReadError> {
    let failed = |source| ReadError { path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || files.len() > FILES_MAX {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            if depth > 1 {
                collect(&path, &format!("{prefix}{name}/"), depth - 1, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "toml" || extension == "md") {
            let text = read_text(&path).map_err(|source| ReadError { path, source })?;
            files.push(SourceFile { path: format!("{prefix}{name}"), text });
        }
    }
    Ok(())
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
