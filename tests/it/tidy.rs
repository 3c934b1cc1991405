//! The rules of the house, held against `cargo metadata` and the files themselves (ARCHITECTURE.md).

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package, TargetKind};
use pulldown_cmark::{Event, Parser, Tag};
use toml::{Table, Value};

/// What may stand at the top, besides hidden files.
const TOP_LEVEL: [&str; 21] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "benches",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "events",
    "infra",
    "programs",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
    "xtask",
];

/// A handler is a door: what does not fit into so many lines belongs into its library.
const MAIN_LINES_MAX: usize = 60;

/// What no source holds. Spelt in two halves, because this file is a source too.
const FORBIDDEN: [(&str, &str); 4] = [
    (concat!("to", "do!("), "finish it, or leave it out"),
    (concat!("unimpl", "emented!("), "finish it, or leave it out"),
    (concat!("#[ig", "nore"), "a test that never runs proves nothing"),
    (concat!("[al", "low("), "say #[expect(.., reason = \"..\")]"),
];

/// What only some storeys may link: the names that begin so, and where they live.
const FENCES: [(&str, &[Storey]); 9] = [
    ("aws-", &[Storey::Aws]),
    ("serde_dynamo", &[Storey::Aws]),
    // The shapes of events, not a client.
    ("aws_lambda_events", &[Storey::Lambda, Storey::Function, Storey::Local]),
    ("lambda_runtime", &[Storey::Lambda, Storey::Function]),
    ("dynoxide", &[Storey::Local]),
    // Nobody else calls a server: what is looked at before it is called is looked at in one place.
    ("hyper", &[Storey::Http, Storey::Aws]),
    // A function that waits for DNS would be one that a stranger's DNS can hold up.
    ("hickory", &[Storey::Cli]),
    ("tokio-rustls", &[Storey::Http]),
    ("rustls-native-certs", &[Storey::Http]),
];

/// The crates from the inside out: each may use those further in, so functions never use each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Storey {
    Core,
    App,
    Http,
    Aws,
    Lambda,
    Function,
    Local,
    Cli,
    Tests,
}

impl Storey {
    /// Functions are named for what they do; all else begins with the house's name.
    fn of(crate_name: &str) -> Option<Self> {
        let Some(place) = crate_name.strip_prefix("perennial-") else {
            return Some(Self::Function);
        };
        [
            ("core", Self::Core),
            ("app", Self::App),
            ("http", Self::Http),
            ("aws", Self::Aws),
            ("lambda", Self::Lambda),
            ("local", Self::Local),
            ("cli", Self::Cli),
            ("tests", Self::Tests),
        ]
        .into_iter()
        .find_map(|(name, storey)| (name == place).then_some(storey))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn workspace() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.other_options(["--offline".to_owned()]).exec().expect("cargo metadata reads the workspace")
}

fn is_linked(dependency: &Dependency) -> bool {
    dependency.kind != DependencyKind::Development
}

fn functions(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.packages.iter().filter(|package| Storey::of(&package.name) == Some(Storey::Function))
}

/// Every file below a directory of the repository.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry is read").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn sources() -> Vec<(PathBuf, String)> {
    let all = ["crates", "tests"].iter().flat_map(|directory| files(&root().join(directory)));
    let rust = all.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (path.clone(), read(&path))).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_none(problems: impl IntoIterator<Item = String>) {
    let problems: Vec<_> = problems.into_iter().collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn crates_depend_only_inwards() {
    let metadata = workspace();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let Some(storey) = Storey::of(&package.name) else {
            problems.push(format!("{} has no storey: give it one in this file and in ARCHITECTURE.md", package.name));
            continue;
        };
        let inner = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let outward = inner.filter(|dependency| Storey::of(&dependency.name).is_none_or(|other| other >= storey));
        problems.extend(outward.map(|dependency| format!("{} must not use {}", package.name, dependency.name)));
    }
    assert_none(problems);
}

#[test]
fn what_is_fenced_in_is_linked_only_where_it_lives() {
    let metadata = workspace();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let storey = Storey::of(&package.name);
        for dependency in package.dependencies.iter().filter(|dependency| is_linked(dependency)) {
            let fence = FENCES.iter().find(|(prefix, _)| dependency.name.starts_with(prefix));
            if let Some((_, homes)) = fence.filter(|(_, homes)| !storey.is_some_and(|storey| homes.contains(&storey))) {
                problems.push(format!("{} must not link {}: it lives in {homes:?}", package.name, dependency.name));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn every_crate_inherits_versions_and_lints_from_the_workspace() {
    let mut problems = Vec::new();
    for package in &workspace().packages {
        let manifest: Table = read(package.manifest_path.as_std_path()).parse().expect("cargo has read it too");
        if !manifest.get("lints").is_some_and(inherits) {
            problems.push(format!("{}: [lints] workspace = true is missing", package.name));
        }
        for field in ["version", "edition", "rust-version", "license", "repository", "publish"] {
            if !manifest.get("package").and_then(|table| table.get(field)).is_some_and(inherits) {
                problems.push(format!("{}: {field}.workspace = true is missing", package.name));
            }
        }
        for (name, dependency) in dependencies(&manifest) {
            if !inherits(dependency) {
                problems.push(format!("{}: {name} must be inherited from the workspace", package.name));
            }
        }
    }
    assert_none(problems);
}

fn inherits(entry: &Value) -> bool {
    entry.get("workspace") == Some(&Value::Boolean(true))
}

/// The entries of every dependency table, those of `[target]` included.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = targets.filter_map(|(_, target)| target.as_table()).chain([manifest]);
    tables.flat_map(|table| {
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        kinds.into_iter().filter_map(|kind| table.get(kind)?.as_table()).flatten()
    })
}

#[test]
fn every_function_is_a_library_with_a_short_main() {
    let metadata = workspace();
    let mut problems = Vec::new();
    let mut count = 0;
    for package in functions(&metadata) {
        count += 1;
        let target = |kind: &TargetKind| package.targets.iter().find(|target| target.kind.contains(kind));
        if target(&TargetKind::Lib).is_none() {
            problems.push(format!("{} has no library", package.name));
        }
        match target(&TargetKind::Bin) {
            None => problems.push(format!("{} has no main.rs", package.name)),
            Some(main) => {
                let lines = read(main.src_path.as_std_path()).lines().count();
                if lines > MAIN_LINES_MAX {
                    problems.push(format!("{}: its main.rs has {lines} lines, over {MAIN_LINES_MAX}", package.name));
                }
            }
        }
    }
    assert!(count > 0, "no function was found");
    assert_none(problems);
}

#[test]
fn the_top_level_holds_only_what_was_agreed() {
    let entries = fs::read_dir(root()).expect("the root is read");
    let names = entries.map(|entry| entry.expect("an entry is read").file_name().to_string_lossy().into_owned());
    let visible = names.filter(|name| !name.starts_with('.'));
    let odd = visible.filter(|name| !TOP_LEVEL.contains(&name.as_str()) && !is_left_by_a_run(name));
    assert_none(odd.map(|name| format!("{name} has no place at the top level")));
}

/// Files that git does not take either: a store that somebody ran here.
fn is_left_by_a_run(name: &str) -> bool {
    let ignored = read(&root().join(".gitignore"));
    ignored.lines().any(|line| match line.trim_start_matches('/').split_once('*') {
        Some((start, end)) => name.starts_with(start) && name.contains(end.trim_end_matches('*')),
        None => name == line.trim_matches('/'),
    })
}

#[test]
fn sources_are_finished_and_their_tests_run() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let found = FORBIDDEN.iter().filter(|(word, _)| line.contains(word));
            problems.extend(found.map(|(word, remedy)| format!("{}:{}: {word} {remedy}", path.display(), number + 1)));
        }
    }
    assert_none(problems);
}

#[test]
fn every_sample_event_is_explained_and_used_by_a_test() {
    let directory = root().join("events");
    let readme = read(&directory.join("README.md"));
    let sources = sources();
    let samples = files(&directory).into_iter().filter(|path| !path.ends_with("README.md"));
    let names: Vec<_> = samples.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    assert!(!names.is_empty(), "there are no sample events");
    let unexplained = names.iter().filter(|name| !readme.contains(name.as_str()));
    let unused = names.iter().filter(|name| !sources.iter().any(|(_, text)| text.contains(name.as_str())));
    assert_none(
        unexplained
            .map(|name| format!("events/README.md does not say what {name} is"))
            .chain(unused.map(|name| format!("no test uses events/{name}"))),
    );
}

#[test]
fn every_link_in_the_documentation_leads_to_a_file() {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    let documents = top.iter().map(|name| root().join(name)).chain(files(&root().join("docs")));
    let markdown = documents.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut problems = Vec::new();
    for path in markdown {
        let text = read(&path);
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            let is_elsewhere = target.contains(':') || file.is_empty();
            if !is_elsewhere && !path.with_file_name(file).exists() {
                problems.push(format!("{}: {target} leads nowhere", path.display()));
            }
        }
    }
    assert_none(problems);
}

fn links(markdown: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    Parser::new(markdown).filter_map(target).collect()
}
