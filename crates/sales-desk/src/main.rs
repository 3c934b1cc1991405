//! The `sales-desk` function.

use std::sync::Arc;

use lambda_runtime::Error;
use perennial_app::desk::Desk;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use perennial_lambda::sender_keys::SenderKeys;
use sales_desk::{Callers, Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let mut settings = Settings::from_env();
    let table = settings.text("PERENNIAL_TABLE");
    let pepper = settings.pepper("PERENNIAL_PEPPER");
    let base_url = settings.base_url("PERENNIAL_BASE_URL");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let rep_claim = settings.optional("PERENNIAL_REP_CLAIM");
    let operator_claim = settings.optional("PERENNIAL_OPERATOR_CLAIM");
    let crm_keys = SenderKeys::parse(&settings.optional("PERENNIAL_CRM_KEYS").unwrap_or_default())?;
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;
    let callers = Callers::new(rep_claim, operator_claim.as_deref())?;

    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(Clients::from_env().await.dynamodb(), table));
    let library = boot::library(&store).await;
    let desk = Desk { store, library, pepper, clock: Arc::new(SystemClock) };
    boot::serve(Deps { desk, keyring, base_url, callers, crm_keys, wall_clock: Arc::new(SystemClock) }, handle).await
}
