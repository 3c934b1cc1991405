//! Reads a directory of program files and hands it to the core, which does no I/O itself.

use std::fs;
use std::io;
use std::path::Path;

use perennial_core::catalog::Catalog;
use perennial_core::diagnostic::Diagnostic;
use perennial_core::loader::{SourceFile, parse};

/// How deep folders are read: `<program>/touches/<step>.md`.
const DEPTH_MAX: usize = 3;

/// The TOML and Markdown files of a directory, in the order of their paths.
pub fn read(directory: &Path) -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    collect(directory, "", DEPTH_MAX, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The catalog in a directory, or all that is wrong with it.
pub fn load(directory: &Path) -> io::Result<(Option<Catalog>, Vec<Diagnostic>)> {
    Ok(parse(&read(directory)?))
}

fn collect(directory: &Path, prefix: &str, depth: usize, files: &mut Vec<SourceFile>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let is_source = [".toml", ".md"].iter().any(|ending| name.ends_with(ending));
        if entry.path().is_dir() && depth > 1 && !name.starts_with('.') {
            collect(&entry.path(), &format!("{path}/"), depth - 1, files)?;
        } else if is_source && !name.starts_with('.') {
            files.push(SourceFile { text: fs::read_to_string(entry.path())?, path });
        }
    }
    Ok(())
}
