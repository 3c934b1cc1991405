//! Writes the list of disposable mail domains as one sorted text, a domain a line, for `src/disposable.rs`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    let domains: BTreeSet<&str> = mailchecker::blacklist().into_iter().collect();
    let text: String = domains.iter().flat_map(|domain| [domain, "\n"]).collect();
    fs::write(PathBuf::from(folder).join("disposable.txt"), text)
}
