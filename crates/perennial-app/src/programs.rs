//! Program files: read from a directory, since the core does no I/O itself, and sorted into programs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
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

/// The folder of a program's mails.
const TOUCHES: &str = "touches";

/// How deep folders are read: `<program>/touches/<step>.md`.
const DEPTH_MAX: usize = 3;

/// A directory or file of programs that cannot be read: it is not there, not permitted, or locked.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// The TOML and Markdown files of a directory, in the order of their paths, and what else lies where mails do.
///
/// What is not a text of ours is left to the core, which says so beside all that it finds: what is not UTF-8 comes with
/// `�` in its place, a file that is too long is cut off a byte later, and one that is neither TOML nor Markdown has no
/// text. Names that start with a dot, and an editor's copies, are passed over. Reading stops after [`FILES_MAX`] files.
pub fn read(directory: &Path) -> Result<Vec<SourceFile>, ReadError> {
    let mut files = Vec::new();
    let _whole_or_not = walk(directory, "", DEPTH_MAX, &mut |path, name| {
        let text = if is_text(path) { read_text(path)? } else { String::new() };
        files.push(SourceFile { path: name, text });
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
            [folder, TOUCHES, touch] if touch.strip_suffix(".md").is_some() => folder,
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
        let next = if is_passed_over(&name) {
            ControlFlow::Continue(())
        } else if path.is_dir() {
            match depth.checked_sub(1).filter(|depth| *depth > 0) {
                Some(depth) => walk(&path, &format!("{prefix}{name}/"), depth, each)?,
                None => ControlFlow::Continue(()),
            }
        } else if is_text(&path) || prefix.rsplit('/').nth(1) == Some(TOUCHES) {
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

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml" || extension == "md")
}

/// What is hidden, and what editors leave beside a file while they have it open.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name.starts_with('#') && name.ends_with('#')
}

fn read_text(path: &Path) -> io::Result<String> {
    let length_max = u64::try_from(FILE_LENGTH_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // A byte too many is enough to see that it is too long.
    File::open(path)?.take(length_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use perennial_core::testing;

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
    fn no_answer_that_we_ship_points_for_brings_anybody_to_sales_alone() {
        let catalog = load(&shipped()).unwrap().0.unwrap();
        let all: u32 = catalog.fit.iter().map(|rule| rule.points).sum();
        let least = catalog.gate.score * catalog.gate.reentry_percent / 100;
        assert!((1..least / 2).contains(&all), "{all} of {least}");
    }

    #[test]
    fn files_come_in_order_with_their_path_below_the_directory() {
        let paths: Vec<String> = read(&shipped()).unwrap().into_iter().map(|file| file.path).collect();
        assert!(paths.is_sorted());
        assert!(paths.contains(&"catalog.toml".to_owned()));
        assert!(paths.contains(&"welcome/touches/response.md".to_owned()));
    }

    /// The programs for tests in a directory, with some bytes in one of their files.
    fn with_bytes(path: &str, bytes: &[u8]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8]| {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for file in testing::files() {
            write(&file.path, file.text.as_bytes());
        }
        write("occasional/touches/question.md", b"+++\n+++\n");
        write(path, bytes);
        directory
    }

    fn found(path: &str, bytes: &[u8]) -> Vec<String> {
        let directory = with_bytes(path, bytes);
        let (catalog, diagnostics) = load(directory.path()).unwrap();
        assert!(catalog.is_none());
        // What is wrong with another file is said all the same.
        assert!(diagnostics.iter().any(|found| found.file == "occasional/touches/question.md"), "{diagnostics:?}");
        diagnostics.iter().filter(|found| found.file == path).map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_said_beside_all_else() {
        let path = "welcome/touches/link.md";
        assert_eq!(
            found(path, b"+++\nsubject = \"Gr\xfc\xdfe\"\nfrom = \"rep\"\n+++\nHello. Does it help?\n"),
            ["welcome/touches/link.md:2:14 P061 a character is lost here: the file is not UTF-8"]
        );
        let utf_16: Vec<u8> = [0xff, 0xfe].into_iter().chain("+++\n".bytes().flat_map(|byte| [byte, 0])).collect();
        assert_eq!(found(path, &utf_16), ["welcome/touches/link.md P061 this is UTF-16, or no text at all"]);
        assert_eq!(found("catalog.toml", &utf_16), ["catalog.toml P061 this is UTF-16, or no text at all"]);
    }

    #[test]
    fn a_file_that_is_too_long_is_said_beside_all_else() {
        for tail in ["x", "ü"] {
            let text = tail.repeat(FILE_LENGTH_MAX + 9);
            assert_eq!(
                found("welcome/touches/link.md", text.as_bytes()),
                ["welcome/touches/link.md P027 longer than 262144 bytes"]
            );
        }
    }

    #[test]
    fn what_lies_beside_the_mails_is_seen_but_for_what_editors_leave_there() {
        let paths = |name: &str| {
            let directory = with_bytes(&format!("welcome/touches/{name}"), &[0xff, 0]);
            let files = read(directory.path()).unwrap();
            assert!(files.iter().all(|file| !file.text.contains(char::REPLACEMENT_CHARACTER)));
            files.into_iter().map(|file| file.path).filter(|path| path.ends_with(name)).collect::<Vec<_>>()
        };
        assert_eq!(paths("response.md.txt"), ["welcome/touches/response.md.txt"]);
        assert_eq!(paths("logo.png"), ["welcome/touches/logo.png"]);
        for name in ["response.md~", "#response.md#", ".response.md.swp"] {
            assert_eq!(paths(name), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = read(Path::new("no/such/directory")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read no/such/directory");
    }
}
