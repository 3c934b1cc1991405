//! `perennial migrate`: leads go from older versions of a program to the one in force, or out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use perennial_app::migrate::{
    Destination, MigrateError, Migrated, Migration, MigrationPlan, Row, Standing, Unmapped, Way, plan,
};
use perennial_app::push::Leads;
use perennial_core::ids::{ProgramName, StepId};
use perennial_core::program::ProgramVersion;
use serde::Deserialize;

use crate::access::{Access, StoreArgs};
use crate::push::parse_version;

/// Who goes where.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("way").required(true).multiple(true).args(["map", "same_steps", "exit"])))]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The program that the leads are in.
    program: ProgramName,
    /// Only those in this version.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    from: Option<ProgramVersion>,
    /// A TOML file that says for each step where its leads go: `[steps]`, then `old-step = "new-step"`.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Leads at a step that the map does not name go to the step of the same id.
    #[arg(long)]
    same_steps: bool,
    /// Ends the program for all who are in it: they go on to the one that follows it.
    #[arg(long, conflicts_with_all = ["map", "same_steps"])]
    exit: bool,
    /// Says who would go where, and moves nobody.
    #[arg(long)]
    dry_run: bool,
}

/// A map as it stands in its file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapFile {
    steps: BTreeMap<StepId, StepId>,
}

/// Moves leads. Exit status 1 if some are left to be moved by another run, 2 if nobody could be.
pub(crate) async fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let migration = Migration { program: args.program.clone(), from: args.from.clone(), way: way(args)? };
    let access = Access::open(&args.store).await?;
    let migrated = migrate(&access, migration, args.dry_run).await;
    access.close().await?;
    let (plan, migrated) = match migrated {
        Ok(done) => done,
        Err(error) => {
            if let Some(MigrateError::Unmapped(unmapped)) = error.downcast_ref() {
                std::io::stderr().write_all(map_to_fill_in(unmapped).as_bytes())?;
            }
            return Err(error);
        }
    };
    let mut out = std::io::stdout();
    out.write_all(table(&plan).as_bytes())?;
    out.write_all(told(&plan, migrated).as_bytes())?;
    Ok(ExitCode::from(u8::from(migrated.is_some_and(|migrated| migrated.left > 0))))
}

async fn migrate(
    access: &Access,
    migration: Migration,
    dry_run: bool,
) -> anyhow::Result<(MigrationPlan, Option<Migrated>)> {
    let catalog = access.library().catalog().await?;
    let plan = plan(access.store.as_ref(), &catalog, migration).await?;
    let migrated = if dry_run { None } else { Some(plan.run(access.store.as_ref(), &catalog, access.now).await?) };
    Ok((plan, migrated))
}

fn way(args: &MigrateArgs) -> anyhow::Result<Way> {
    if args.exit {
        return Ok(Way::Exit);
    }
    let map = args.map.as_deref().map(read_map).transpose()?.unwrap_or_default();
    let unmapped = if args.same_steps { Unmapped::SameStep } else { Unmapped::Refuse };
    Ok(Way::Steps { map, unmapped })
}

fn read_map(path: &Path) -> anyhow::Result<BTreeMap<StepId, StepId>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the map {}", path.display()))?;
    let file: MapFile = toml::from_str(&text).with_context(|| format!("{} is not a map of steps", path.display()))?;
    Ok(file.steps)
}

/// The map that is missing, for somebody to fill in.
fn map_to_fill_in(unmapped: &[Standing]) -> String {
    let steps: BTreeSet<&StepId> = unmapped.iter().map(|standing| &standing.step).collect();
    let mut text = "help: say where they go, in a file for --map:\n\n    [steps]\n".to_owned();
    for step in steps {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(text, "    {step} = \"…\"");
    }
    text.push('\n');
    text
}

fn table(plan: &MigrationPlan) -> String {
    let from = |row: &Row| format!("{}@{}/{}", plan.migration.program, row.standing.version.0, row.standing.step);
    let to = |row: &Row| match &row.to {
        Destination::Step { version, step } => format!("{}@{}/{step}", plan.migration.program, version.0),
        Destination::Program(name) => name.to_string(),
    };
    let width = |texts: &dyn Fn(&Row) -> String| plan.rows.iter().map(|row| texts(row).len()).max().unwrap_or(0);
    let (from_width, to_width) = (width(&from), width(&to));
    let mut text = String::new();
    for row in &plan.rows {
        let (from, to, leads) = (from(row), to(row), Leads(row.standing.leads));
        // Writing to a String cannot fail.
        let _: std::fmt::Result = writeln!(text, "{from:from_width$} → {to:to_width$}  {leads:>14}");
    }
    text
}

fn told(plan: &MigrationPlan, migrated: Option<Migrated>) -> String {
    let Some(Migrated { moved, left, gone }) = migrated else {
        return format!("{} would be moved (dry run)\n", Leads(plan.leads()));
    };
    let mut text = format!("{} moved\n", Leads(moved));
    if left > 0 {
        let _: std::fmt::Result =
            writeln!(text, "{} left, whose mail is on its way just now: run the same again", Leads(left));
    }
    if gone > 0 {
        let _: std::fmt::Result = writeln!(text, "{} had gone on by themselves", Leads(gone));
    }
    text
}
