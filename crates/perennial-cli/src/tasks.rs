//! `perennial tasks`: what waits for whom. It shows nothing of the persons: `perennial desk` opens one's page.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use perennial_app::ports::DeskOwner;
use perennial_app::tasks::{Waiting, name_of, owners, waiting};

use crate::access::{Access, StoreArgs};

#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Only what waits for this rep, or this queue.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: TasksArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(&args.store).await?;
    let listed = list(&access, &args).await;
    access.close().await?;
    std::io::stdout().write_all(listed?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn list(access: &Access, args: &TasksArgs) -> anyhow::Result<String> {
    let catalog = access.library().catalog().await?;
    let mut wanted = owners(&catalog);
    if let Some(name) = &args.owner {
        wanted.retain(|owner| is_called(owner, name));
        if wanted.is_empty() {
            bail!("`{name}` is no rep and no queue");
        }
    }
    let waiting = waiting(access.store.as_ref(), &wanted, access.now).await?;
    if args.json {
        return Ok(serde_json::to_string_pretty(&waiting)? + "\n");
    }
    if waiting.is_empty() {
        return Ok("nothing waits for anybody\n".to_owned());
    }
    let width = wanted.iter().map(|owner| name_of(owner).len()).max().unwrap_or_default();
    let mut text = String::new();
    for Waiting { owner, lead, what, due_at, is_overdue, .. } in &waiting {
        let due = due_at.strftime("%Y-%m-%d %H:%M UTC");
        let late = if *is_overdue { "overdue" } else { "" };
        writeln!(text, "{owner:width$}  {due}  {late:7}  {lead}  {}", what.as_str())?;
    }
    Ok(text)
}

fn is_called(owner: &DeskOwner, name: &str) -> bool {
    match owner {
        DeskOwner::Rep(rep) => rep.as_str() == name,
        DeskOwner::Queue(queue) => queue.as_str() == name,
    }
}
