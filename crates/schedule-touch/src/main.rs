//! The `schedule-touch` function.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use lambda_runtime::Error;
use perennial_app::mail::Letterhead;
use perennial_app::ports::{Store, SystemClock};
use perennial_app::touch::Toucher;
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_aws::ses::SesMailer;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use schedule_touch::{Deps, handle};

/// What a worker may outlive its function's time-out by: clocks differ.
const LEASE_MARGIN_S: u32 = 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let table = settings.text("PERENNIAL_TABLE");
    let base_url = settings.base_url("PERENNIAL_BASE_URL");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let configuration_set = settings.optional("PERENNIAL_CONFIGURATION_SET");
    let reply_domain = settings.optional("PERENNIAL_REPLY_DOMAIN");
    let timeout_s = settings.seconds("PERENNIAL_TIMEOUT_S", 60);
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;

    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(clients.dynamodb(), table));
    let toucher = Toucher {
        mailer: Arc::new(SesMailer::new(clients.ses(), configuration_set)),
        clock: Arc::new(SystemClock),
        library: boot::library(&store).await,
        store,
        letterhead: Letterhead { base_url, keyring, reply_domain },
        lease: SignedDuration::from_secs(i64::from(timeout_s.saturating_add(LEASE_MARGIN_S))),
    };
    // A third of the time is kept for the visits under way when the budget ends.
    let budget = Duration::from_secs(u64::from(timeout_s)) * 2 / 3;
    Box::pin(boot::serve(Deps { toucher, budget }, handle)).await
}
