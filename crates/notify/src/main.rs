//! The `notify` function.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use lambda_runtime::Error;
use notify::webhooks::Hooks;
use notify::{Deps, handle};
use perennial_app::alerts::Herald;
use perennial_app::forward::Postman;
use perennial_app::mail::Letterhead;
use perennial_app::ports::{Store, SystemClock};
use perennial_app::webhooks::Secrets;
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_aws::inbox::S3Inbox;
use perennial_aws::ses::SesMailer;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;

/// What a worker may outlive its function's time-out by. Lambda waits a minute before it tries again.
const LEASE_MARGIN_S: u32 = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let mut settings = Settings::from_env();
    let table = settings.text("PERENNIAL_TABLE");
    let bucket = settings.optional("PERENNIAL_INBOX_BUCKET");
    let base_url = settings.base_url("PERENNIAL_BASE_URL");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let configuration_set = settings.optional("PERENNIAL_CONFIGURATION_SET");
    let secrets = settings.parsed("PERENNIAL_WEBHOOK_SECRETS", Secrets::parse);
    let timeout_s = settings.seconds("PERENNIAL_TIMEOUT_S", 30);
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;

    let clients = Clients::from_env().await;
    let dynamo = DynamoStore::new(clients.dynamodb(), table);
    let store: Arc<dyn Store> = Arc::new(dynamo.clone());
    let (library, clock) = (boot::library(&store).await, Arc::new(SystemClock));
    let mailer = Arc::new(SesMailer::new(clients.ses(), configuration_set));
    let lease = SignedDuration::from_secs(i64::from(timeout_s.saturating_add(LEASE_MARGIN_S)));
    let timeout = Duration::from_secs(u64::from(timeout_s));
    let hooks = Some(Hooks::within(timeout, lease, secrets, Arc::clone(&library), Arc::new(dynamo.clone())));
    let postman = bucket.map(|bucket| Postman {
        library: Arc::clone(&library),
        store: Arc::clone(&store),
        inbox: Arc::new(S3Inbox::new(clients.s3(), bucket)),
        forwarder: mailer.clone(),
        clock: clock.clone(),
        lease,
    });
    let letterhead = Letterhead { base_url, keyring, reply_domain: None };
    let (book, days_done, wall_clock) = (Arc::new(dynamo), Arc::default(), clock.clone());
    let herald = Herald { store, book, days_done, library, notifier: mailer, letterhead, clock, wall_clock, lease };
    boot::serve(Deps { postman, herald, hooks, budget: timeout / 2 }, handle).await
}
