//! The `sales-desk` function.

use std::sync::Arc;

use jiff::SignedDuration;
use lambda_runtime::Error;
use perennial_app::alerts::Herald;
use perennial_app::desk::Desk;
use perennial_app::mail::Letterhead;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_aws::ses::SesMailer;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use perennial_lambda::sender_keys::SenderKeys;
use sales_desk::{Callers, Deps, handle};

/// How long a worker that sends a link may live: as long as API Gateway waits, with a margin.
const LEASE: SignedDuration = SignedDuration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let table = settings.text("PERENNIAL_TABLE");
    let pepper = settings.pepper("PERENNIAL_PEPPER");
    let base_url = settings.base_url("PERENNIAL_BASE_URL");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let rep_claim = settings.optional("PERENNIAL_REP_CLAIM");
    let operator_claim = settings.optional("PERENNIAL_OPERATOR_CLAIM");
    let configuration_set = settings.optional("PERENNIAL_CONFIGURATION_SET");
    let crm_keys = SenderKeys::parse(&settings.optional("PERENNIAL_CRM_KEYS").unwrap_or_default())?;
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;
    let callers = Callers::new(rep_claim, operator_claim.as_deref())?;

    let dynamo = DynamoStore::new(clients.dynamodb(), table);
    let store: Arc<dyn Store> = Arc::new(dynamo.clone());
    let (library, clock) = (boot::library(&store).await, Arc::new(SystemClock));
    let herald = Herald {
        store: Arc::clone(&store),
        book: Arc::new(dynamo),
        days_done: Arc::default(),
        library: Arc::clone(&library),
        notifier: Arc::new(SesMailer::new(clients.ses(), configuration_set)),
        letterhead: Letterhead { base_url, keyring, reply_domain: None },
        clock: clock.clone(),
        wall_clock: clock.clone(),
        lease: LEASE,
    };
    boot::serve(Deps { desk: Desk { store, library, pepper, clock }, herald, callers, crm_keys }, handle).await
}
