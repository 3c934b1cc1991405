//! `perennial doctor`: whether a deployment can send mail and is whole. It gathers facts; `perennial_app::doctor` judges.

mod dns;
mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::bail;
use futures::{StreamExt, stream};
use perennial_app::doctor::facts::{Facts, Held, InForce, Looked, Running, Secret, SecretState, SenderFacts};
use perennial_app::doctor::{self, Tally};
use perennial_app::ports::{Clock as _, SystemClock};
use perennial_app::webhooks::Secrets;
use perennial_aws::clients::Clients;
use perennial_aws::doctor::{Examiner, Parameter};
use perennial_aws::dynamo::DynamoStore;
use perennial_core::ids::{Pepper, SenderDomain, WebhookName};
use perennial_core::webhook::WebhookStatus;
use perennial_lambda::config::Settings;
use perennial_lambda::http::front::Front;
use perennial_lambda::sender_keys::SenderKeys;

use self::dns::Dns;
use self::screen::Screen;
use crate::access::StoreArgs;

/// How many senders are looked at at once.
const SENDERS_AT_ONCE: usize = 4;

/// What to look at.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The SES configuration set. Without it: `PERENNIAL_CONFIGURATION_SET`, or the name of the table, as the stack has it.
    #[arg(long, value_name = "NAME")]
    configuration_set: Option<String>,
    /// Where the secrets are in SSM: the stack's `SecretsPath`.
    #[arg(long, value_name = "PATH", default_value = "/perennial")]
    secrets: String,
    /// Where the links in mails lead: the stack's `BaseUrl`. Without it: `PERENNIAL_BASE_URL`, or it is not looked at.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Asks this DNS server instead of the machine's.
    #[arg(long, value_name = "IP:PORT")]
    dns: Option<SocketAddr>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Looks, and says what it found. Exit status 1 if something is wrong, 2 if something could not be looked at.
pub(crate) async fn run(args: &DoctorArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Some(table) = &args.store.table else { return nothing_to_ask(args, out) };
    let clients = Clients::from_env().await;
    let facts = Box::pin(gather(args, table, &clients)).await;
    let findings = doctor::judge(&facts);
    let tally = doctor::tally(&findings);
    let screen = Screen {
        table,
        configuration_set: &facts.configuration_set_name,
        secrets: &facts.secrets_path,
        region: clients.region(),
        tally,
        findings: &findings,
    };
    let text = if args.json { serde_json::to_string_pretty(&screen)? + "\n" } else { screen.text()? };
    out.write_all(text.as_bytes())?;
    Ok(status(tally))
}

fn status(tally: Tally) -> ExitCode {
    match tally {
        Tally { wrong: 1.., .. } => ExitCode::from(1),
        Tally { not_checked: 1.., .. } => ExitCode::from(2),
        Tally { .. } => ExitCode::SUCCESS,
    }
}

/// A store file sends no mail into the world.
fn nothing_to_ask(args: &DoctorArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let store = args.store.store.display();
    if !args.store.store.exists() {
        bail!("there is no such store: {store}; for a deployment say --table NAME, the name of its stack");
    }
    writeln!(out, "{store} is a suite of this machine: its mails stay here, and there is nothing to ask AWS.")?;
    writeln!(
        out,
        "Whether it is whole: perennial check, perennial audit. For a deployment: perennial doctor --table NAME"
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn gather(args: &DoctorArgs, table: &str, clients: &Clients) -> Facts {
    let settings = Settings::from_env();
    let set = args.configuration_set.clone().or_else(|| settings.optional("PERENNIAL_CONFIGURATION_SET"));
    let set = set.unwrap_or_else(|| table.to_owned());
    let path = args.secrets.trim_end_matches('/').to_owned();
    let now = SystemClock.now();
    let (examiner, store) = (Examiner::new(clients), DynamoStore::new(clients.dynamodb(), table));
    let (account, configuration_set, destinations, parameters) = futures::join!(
        examiner.account(),
        examiner.configuration_set(&set),
        examiner.destinations(&set),
        examiner.parameters(Secret::ALL.map(|secret| secret.parameter(&path)).to_vec()),
    );
    let (described, has_backups, is_collected) =
        futures::join!(examiner.table(table), examiner.has_backups(table), examiner.is_collected(table));
    let (running, pepper) = doctor::look(&store, pepper(&parameters, &path).as_ref(), now).await;
    let senders = senders(&running, &examiner, args.dns).await;
    let webhooks_unsigned = webhooks_unsigned(&running, &parameters, &path);
    Facts {
        now,
        table_name: table.to_owned(),
        configuration_set_name: set,
        base_url: args.base_url.clone().or_else(|| settings.optional("PERENNIAL_BASE_URL")),
        account,
        senders,
        configuration_set,
        destinations,
        secrets: parameters.map(|parameters| states(&parameters, &path)),
        secrets_path: path,
        webhooks_unsigned,
        table: described,
        has_backups,
        is_collected,
        running,
        pepper,
    }
}

type Parameters = BTreeMap<String, Parameter>;

fn value<'a>(parameters: &'a Looked<Parameters>, secret: Secret, path: &str) -> Option<&'a str> {
    parameters.as_ref().ok()?.get(&secret.parameter(path)).map(|parameter| parameter.value.as_str())
}

fn pepper(parameters: &Looked<Parameters>, path: &str) -> Option<Pepper> {
    let value = value(parameters, Secret::Pepper, path)?.to_owned();
    let mut settings = Settings::from_lookup(move |_| Some(value.clone()));
    let pepper = settings.pepper(Secret::Pepper.name());
    settings.finish(|| pepper).ok()
}

fn states(parameters: &Parameters, path: &str) -> BTreeMap<Secret, SecretState> {
    let state = |secret: Secret| match parameters.get(&secret.parameter(path)) {
        None => SecretState::Absent,
        Some(Parameter { value, is_encrypted }) => match problem(secret, value) {
            None => SecretState::Sound { is_encrypted: *is_encrypted },
            Some(problem) => SecretState::Malformed(problem),
        },
    };
    Secret::ALL.into_iter().map(|secret| (secret, state(secret))).collect()
}

/// What is wrong with a secret, by the reader that the functions have. It repeats nothing of it.
fn problem(secret: Secret, value: &str) -> Option<String> {
    let mut settings = Settings::from_lookup(|_| Some(value.to_owned()));
    let name = secret.name();
    match secret {
        Secret::Pepper => drop(settings.pepper(name)),
        Secret::TokenKeys => drop(settings.keyring(name)),
        Secret::EventKeys | Secret::CrmKeys => drop(settings.parsed(name, SenderKeys::parse)),
        Secret::WebhookSecrets => drop(settings.parsed(name, Secrets::parse)),
        Secret::Front => drop(settings.parsed(name, Front::parse)),
    }
    settings.finish(|| ()).err().map(|error| error.problems().join("; "))
}

/// The webhooks that are to be called and cannot be. None, if nobody knows the catalog or the secrets.
fn webhooks_unsigned(running: &Running, parameters: &Looked<Parameters>, path: &str) -> BTreeSet<WebhookName> {
    let (Ok(Held::There(InForce { catalog, .. })), Ok(_)) = (&running.release, parameters) else {
        return BTreeSet::new();
    };
    let given = value(parameters, Secret::WebhookSecrets, path).unwrap_or_default();
    // What does not parse is said of the parameter itself.
    let Ok(secrets) = Secrets::parse(given) else { return BTreeSet::new() };
    let on = catalog.webhooks.iter().filter(|(_, webhook)| webhook.status == WebhookStatus::On).map(|(name, _)| name);
    on.filter(|name| secrets.of(name).is_empty()).cloned().collect()
}

async fn senders(
    running: &Running,
    examiner: &Examiner,
    dns: Option<SocketAddr>,
) -> BTreeMap<SenderDomain, SenderFacts> {
    let Ok(Held::There(InForce { catalog, .. })) = &running.release else { return BTreeMap::new() };
    let dns = &Dns::new(dns);
    let looks = stream::iter(catalog.senders()).map(|sender| async move {
        let (identity, dmarc) = futures::join!(examiner.identity(&sender), dns.dmarc(&sender));
        (sender, SenderFacts { identity, dmarc })
    });
    looks.buffer_unordered(SENDERS_AT_ONCE).collect().await
}
