//! `perennial webhooks`: how each webhook stands, sending again what was given up, and trying one.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use perennial_app::error_chain::ErrorChain;
use perennial_app::ports::SystemClock;
use perennial_app::webhooks::{CallReport, Destination, Secrets, WebhookReport, Webhooks, replay, report};
use perennial_core::catalog::Catalog;
use perennial_core::ids::WebhookName;
use perennial_core::webhook::{Webhook, WebhookUrl};
use perennial_lambda::config::Settings;
use perennial_local::suite::{webhook_caller, webhook_secrets};

use crate::access::{Access, StoreArgs};

/// Statuses by which a server says that it has an event.
const TAKEN: std::ops::RangeInclusive<u16> = 200..=299;

/// What to do about webhooks.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    command: Option<WebhooksCommand>,
    #[command(flatten)]
    store: StoreArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// Sends again what was given up for a webhook, from the first attempt on. A server that wanted no more is called
    /// again.
    Replay {
        #[command(flatten)]
        store: StoreArgs,
        /// The webhook.
        name: WebhookName,
        /// Only what happened from then on: a date, or a time such as 2026-03-02T09:00:00Z.
        #[arg(long, value_name = "WHEN", value_parser = since)]
        since: Option<Timestamp>,
    },
    /// Sends one event that is none to a webhook, and says how it went.
    Test {
        #[command(flatten)]
        store: StoreArgs,
        /// The webhook.
        name: WebhookName,
        /// Sends it below this address on this machine instead, as `perennial up --webhooks-to` does.
        #[arg(long, value_name = "URL", value_parser = destination)]
        to: Option<Destination>,
    },
}

/// Where webhooks are called: where the `catalog` says, or below an address of this machine.
pub(crate) fn destination(text: &str) -> Result<Destination, String> {
    if text == "catalog" {
        return Ok(Destination::Cataloged);
    }
    let url = WebhookUrl::parse_loopback(text);
    url.map(Destination::Below).map_err(|error| format!("it {error}; write http://127.0.0.1:PORT, or `catalog`"))
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let date = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    date.map(|begin| begin.timestamp()).ok_or_else(|| "write 2026-03-02, or 2026-03-02T09:00:00Z".to_owned())
}

pub(crate) async fn run(args: &WebhooksArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let store = match &args.command {
        Some(WebhooksCommand::Replay { store, .. } | WebhooksCommand::Test { store, .. }) => store,
        None => &args.store,
    };
    let access = Access::open(store).await?;
    let told = answer(&access, args).await;
    access.close().await?;
    let (text, status) = told?;
    out.write_all(text.as_bytes())?;
    Ok(status)
}

async fn answer(access: &Access, args: &WebhooksArgs) -> anyhow::Result<(String, ExitCode)> {
    let catalog = access.library().catalog().await?;
    match &args.command {
        None => {
            let reports = report(access.deliveries.as_ref(), &catalog).await?;
            let text = if args.json {
                serde_json::to_string_pretty(&reports)? + "\n"
            } else {
                told(&reports, local_secrets(access).as_ref())?
            };
            Ok((text, ExitCode::SUCCESS))
        }
        Some(WebhooksCommand::Replay { name, since, .. }) => {
            named(&catalog, name)?;
            let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
            let replayed = replay(access.deliveries.as_ref(), name, since, access.now).await?;
            Ok((format!("{replayed} wait to be sent again\n"), ExitCode::SUCCESS))
        }
        Some(WebhooksCommand::Test { name, to, .. }) => {
            let destination = to.clone().unwrap_or(Destination::Cataloged);
            let tested = test(access, &catalog, name, destination).await?;
            let (text, is_taken) = outcome(&tested);
            Ok((text, ExitCode::from(u8::from(!is_taken))))
        }
    }
}

fn named<'c>(catalog: &'c Catalog, name: &WebhookName) -> anyhow::Result<&'c Webhook> {
    match catalog.webhooks.get(name) {
        Some(webhook) => Ok(webhook),
        None => bail!("the catalog in force has no webhook `{name}`"),
    }
}

async fn test(
    access: &Access,
    catalog: &Catalog,
    name: &WebhookName,
    destination: Destination,
) -> anyhow::Result<CallReport> {
    let webhook = named(catalog, name)?;
    let webhooks = Webhooks {
        deliveries: Arc::clone(&access.deliveries),
        library: access.library(),
        caller: Arc::new(webhook_caller(&destination)),
        secrets: secrets(access)?,
        destination,
        clock: access.clock(),
        wall_clock: Arc::new(SystemClock),
        lease: SignedDuration::ZERO,
        budget: std::time::Duration::ZERO,
        peace: SignedDuration::ZERO,
    };
    webhooks.test(name, webhook).await.with_context(|| format!("there is no secret to sign with for `{name}`"))
}

/// The store file's own, or those of the deployment.
fn secrets(access: &Access) -> anyhow::Result<Secrets> {
    if access.is_local() {
        return Ok(webhook_secrets(&access.pepper()?));
    }
    let given = Settings::from_env().optional("PERENNIAL_WEBHOOK_SECRETS");
    let given =
        given.context("PERENNIAL_WEBHOOK_SECRETS is missing: events are signed with the deployment's secrets")?;
    Ok(Secrets::parse(&given)?)
}

/// Those that only this machine knows; a deployment's are shown to nobody.
fn local_secrets(access: &Access) -> Option<Secrets> {
    access.is_local().then(|| access.pepper().ok().as_ref().map(webhook_secrets)).flatten()
}

fn outcome(report: &CallReport) -> (String, bool) {
    let cause = report.cause.as_ref().map(|cause| format!(": {}", ErrorChain(cause.as_ref()))).unwrap_or_default();
    match report.answer {
        Ok(answer) => {
            let is_taken = TAKEN.contains(&answer.status);
            let verdict = if is_taken { "it has the event" } else { "it did not take the event" };
            (format!("it answered {}: {verdict}\n", answer.status), is_taken)
        }
        Err(failure) => (format!("{failure}{cause}\n"), false),
    }
}

fn told(reports: &[WebhookReport], secrets: Option<&Secrets>) -> anyhow::Result<String> {
    if reports.is_empty() {
        return Ok("the catalog in force has no webhooks\n".to_owned());
    }
    let mut text = String::new();
    for report in reports {
        let state = match (report.is_on, report.gone_since) {
            (false, _) => " (off)".to_owned(),
            (true, Some(since)) => format!(" (wants no more since {}; `replay` calls it again)", minute(since)),
            (true, None) => String::new(),
        };
        writeln!(text, "{}{state}", report.name)?;
        writeln!(text, "  url      {}", report.url)?;
        writeln!(text, "  events   {}", report.events.join(", "))?;
        let secrets = WebhookName::parse(&report.name).ok().zip(secrets);
        for secret in secrets.map(|(name, secrets)| secrets.of(&name)).unwrap_or_default() {
            writeln!(text, "  secret   {secret}")?;
        }
        writeln!(text, "  waiting  {}", report.backlog.waiting)?;
        let oldest = report.oldest_parked.as_ref().map(|oldest| {
            let failure = oldest.failure.map(|failure| failure.to_string()).unwrap_or_default();
            format!("; the oldest is of {}: {failure}", minute(oldest.at))
        });
        writeln!(text, "  parked   {}{}", report.backlog.parked, oldest.unwrap_or_default())?;
    }
    Ok(text)
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_called_on_this_machine_or_where_the_catalog_says_and_nowhere_else() {
        assert_eq!(destination("catalog"), Ok(Destination::Cataloged));
        let here = WebhookUrl::parse_loopback("http://127.0.0.1:9000").unwrap();
        assert_eq!(destination("http://127.0.0.1:9000"), Ok(Destination::Below(here)));
        for text in ["http://192.168.0.9:9000", "https://hooks.example.com", "9000"] {
            assert!(destination(text).unwrap_err().contains("write http://127.0.0.1:PORT"), "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc() {
        assert_eq!(since("2026-03-02"), Ok("2026-03-02T00:00:00Z".parse().unwrap()));
        assert_eq!(since("2026-03-02T09:00:00+01:00"), Ok("2026-03-02T08:00:00Z".parse().unwrap()));
        assert!(since("monday").is_err());
    }
}
