//! The result file: what became of each row, for the person who has to mend some of them.
//!
//! **Invariant:** a row is named by its line. Nothing that stands in the list is repeated.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

/// The result file cannot be written.
#[derive(Debug, Error, Diagnostic)]
#[error("cannot write the result file {}", path.display())]
#[diagnostic(help("run the same import again: what is imported stays as it is"))]
pub struct ResultFileError {
    path: PathBuf,
    #[source]
    source: csv::Error,
}

/// A result file that is being written, a line for each row of the list.
pub(crate) struct ResultFile {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl ResultFile {
    /// Makes the file for a list, in place of the one from an earlier run.
    pub(crate) fn create(path: PathBuf) -> Result<Self, ResultFileError> {
        match csv::Writer::from_path(&path) {
            Ok(writer) => {
                let mut file = Self { path, writer };
                file.write_record(["line", "outcome", "reason"])?;
                Ok(file)
            }
            Err(source) => Err(ResultFileError { path, source }),
        }
    }

    /// Writes down what became of one row; `reason` is empty where none is needed.
    pub(crate) fn write(&mut self, line: u64, outcome: &str, reason: &str) -> Result<(), ResultFileError> {
        self.write_record([&line.to_string(), outcome, &defused(reason)])
    }

    /// Ends the file, and says where it is.
    pub(crate) fn finish(mut self) -> Result<PathBuf, ResultFileError> {
        match self.writer.flush() {
            Ok(()) => Ok(self.path),
            Err(source) => Err(ResultFileError { path: self.path, source: source.into() }),
        }
    }

    fn write_record(&mut self, record: [&str; 3]) -> Result<(), ResultFileError> {
        self.writer.write_record(record).map_err(|source| ResultFileError { path: self.path.clone(), source })
    }
}

/// `<list>.result.csv`: beside the list, or in the working directory if the list's is read-only.
pub(crate) fn path_for(list: &Path) -> PathBuf {
    let mut name = OsString::from(list.file_name().unwrap_or_default());
    name.push(".result.csv");
    let directory = list.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_read_only = directory.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
    if is_read_only { PathBuf::from(name) } else { directory.join(name) }
}

/// Spreadsheets run what starts like a formula (H32): a reason names columns, and those are the list's.
fn defused(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_never_a_formula() {
        for formula in ["=HYPERLINK(\"http://evil.example\")", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(defused(formula), format!("'{formula}"));
        }
        assert_eq!(defused("the column `=x` holds no date"), "the column `=x` holds no date");
    }

    #[test]
    fn the_result_is_named_after_the_list() {
        assert_eq!(path_for(Path::new("Leads.csv")), Path::new("./Leads.csv.result.csv"));
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("Leads.csv");
        assert_eq!(path_for(&list), directory.path().join("Leads.csv.result.csv"));
        let mut permissions = directory.path().metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(directory.path(), permissions.clone()).unwrap();
        assert_eq!(path_for(&list), Path::new("Leads.csv.result.csv"));
    }
}
