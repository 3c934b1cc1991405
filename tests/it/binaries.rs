//! The binaries of the workspace, built as this test was.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where a binary of the workspace lies, up to date.
///
/// Cargo builds no binary of another package for a test, so this asks it to: all of them at once, because a package
/// by itself would have other features and with them other builds of everything below it.
pub(crate) fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    // <target>/<profile>/deps/it-<hash>
    let test = env::current_exe().expect("a test knows where it is");
    let directory = test.parent().and_then(Path::parent).expect("a test lies in its target directory");
    let profile = directory.file_name().and_then(|name| name.to_str()).expect("a profile has a name");
    let profile = if profile == "debug" { "dev" } else { profile };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile, "--target-dir"])
        .arg(directory.parent().expect("a profile's directory lies in the target directory"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status();
    assert!(status.expect("cargo runs").success(), "the workspace's binaries do not build");
    directory.to_owned()
}
