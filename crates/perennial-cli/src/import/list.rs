//! Opens a list and its map.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressBarIter, ProgressFinish, ProgressStyle};
use miette::Diagnostic;
use thiserror::Error;

use super::map_file::{MapError, MapFile, MapSyntax};
use super::reader::OpenError;

/// Why a list cannot be read, or not to its end.
#[derive(Debug, Error, Diagnostic)]
pub enum ListError {
    /// The map cannot be read.
    #[error("cannot read the map {}", path.display())]
    ReadMap {
        /// The map.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The map has errors, or does not fit the list.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Map(#[from] MapError),
    /// The list cannot be opened.
    #[error("cannot open the list {}", path.display())]
    OpenFile {
        /// The list.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The list is nothing that rows can be read from.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    /// The list could not be read on.
    #[error("the list could not be read on after line {line}; what was read is imported")]
    #[diagnostic(help("run the same import again: what is imported stays as it is"))]
    Read {
        /// The last line that was read.
        line: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Reads a map and opens its list, with a progress bar where a person is watching.
pub(crate) fn open<T: MapSyntax>(map: &Path, list: &Path) -> Result<(MapFile<T>, ProgressBarIter<File>), ListError> {
    let text = fs::read_to_string(map).map_err(|source| ListError::ReadMap { path: map.to_owned(), source })?;
    let map = MapFile::parse(&map.display().to_string(), text)?;
    let open_error = |source| ListError::OpenFile { path: list.to_owned(), source };
    let file = File::open(list).map_err(open_error)?;
    let bar = progress_bar(file.metadata().map_err(open_error)?.len());
    Ok((map, bar.wrap_read(file)))
}

/// Counts the bytes of the file. Draws nothing where standard error is no terminal.
fn progress_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left");
    ProgressBar::new(bytes)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_finish(ProgressFinish::AndClear)
}
