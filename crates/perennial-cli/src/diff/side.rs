//! Where a state of the programs is found: a directory, a folder, a store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use perennial_app::ports::{PublishedProgram, Release, Store};
use perennial_app::programs::{self, CATALOG_FILE, PROGRAM_FILE};
use perennial_core::ids::ProgramName;
use perennial_core::loader::{SourceFile, version_of};
use perennial_core::program::ProgramVersion;

use crate::push::parse_version;

/// One state of the programs: all of them, or one.
pub(super) struct Side {
    pub(super) label: String,
    /// `catalog.toml`, where all of them are meant.
    pub(super) catalog: Option<String>,
    pub(super) programs: BTreeMap<ProgramName, Version>,
}

/// The files of one version of a program.
pub(super) struct Version {
    pub(super) version: ProgramVersion,
    pub(super) files: Vec<SourceFile>,
}

impl Side {
    /// All programs of a directory.
    pub(super) fn of_directory(directory: &Path) -> anyhow::Result<Self> {
        let files = programs::read(directory)?;
        let Some(catalog) = programs::catalog_text(&files).map(str::to_owned) else {
            bail!("{} holds neither a {CATALOG_FILE} nor a {PROGRAM_FILE}", directory.display());
        };
        let programs = versions(programs::by_program(&files));
        Ok(Self { label: directory.display().to_string(), catalog: Some(catalog), programs })
    }

    /// One program: a folder with a `program.toml`.
    fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let whole: PathBuf = folder.canonicalize()?;
        let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = ProgramName::parse(&name).with_context(|| format!("the folder `{name}` cannot be a program"))?;
        let mut files = programs::read(folder)?;
        for file in &mut files {
            file.path = format!("{name}/{}", file.path);
        }
        let programs = versions(programs::by_program(&files));
        Ok(Self { label: folder.display().to_string(), catalog: None, programs })
    }

    /// What is in force in a store.
    pub(super) async fn in_force(store: &dyn Store) -> anyhow::Result<Self> {
        let release = release(store).await?;
        let catalog = store.catalog(&release.catalog).await?.map(|catalog| catalog.text);
        let mut programs = BTreeMap::new();
        for (name, version) in &release.programs {
            programs.insert(name.clone(), published(store, name, version).await?);
        }
        Ok(Self { label: format!("release {}", release.rev), catalog, programs })
    }

    /// A directory, a program's folder, or a program in the store: `name`, `name@version`.
    pub(super) async fn named(spec: &str, store: Option<&dyn Store>) -> anyhow::Result<Self> {
        let path = Path::new(spec);
        if path.join(PROGRAM_FILE).is_file() {
            return Self::of_folder(path);
        }
        if path.is_dir() {
            return Self::of_directory(path);
        }
        let (name, version) = spec.split_once('@').map_or((spec, None), |(name, version)| (name, Some(version)));
        let Ok(name) = ProgramName::parse(name) else { bail!("{spec} is neither a directory nor a program") };
        let Some(store) = store else { bail!("{spec} is no directory, and there is no store to look it up in") };
        let version = if let Some(version) = version {
            parse_version(version).map_err(anyhow::Error::msg)?
        } else {
            let current = release(store).await?.programs.remove(&name);
            current.with_context(|| format!("no program `{name}` is in force"))?
        };
        let label = format!("{name}@{}", version.0);
        let programs = BTreeMap::from([(name.clone(), published(store, &name, &version).await?)]);
        Ok(Self { label, catalog: None, programs })
    }

    /// The one program it is about, if it is about one.
    pub(super) fn single(&self) -> Option<(&ProgramName, &Version)> {
        match (&self.catalog, self.programs.len()) {
            (None, 1) => self.programs.first_key_value(),
            (Some(_) | None, _) => None,
        }
    }
}

async fn release(store: &dyn Store) -> anyhow::Result<Release> {
    store.release().await?.context("no programs are published: run `perennial push`")
}

async fn published(store: &dyn Store, name: &ProgramName, version: &ProgramVersion) -> anyhow::Result<Version> {
    let published = store.program(name, version).await?;
    let PublishedProgram { version, files, .. } =
        published.with_context(|| format!("{name}@{} was never published here", version.0))?;
    Ok(Version { version, files })
}

/// A folder without a `program.toml` is no program yet.
fn versions(programs: BTreeMap<ProgramName, Vec<SourceFile>>) -> BTreeMap<ProgramName, Version> {
    let version =
        |(name, files): (ProgramName, Vec<SourceFile>)| Some((name, Version { version: version_of(&files)?, files }));
    programs.into_iter().filter_map(version).collect()
}
