//! The `ingest-lead` function.

use std::sync::Arc;

use ingest_lead::{Deps, handle};
use lambda_runtime::Error;
use perennial_app::ingest::Door;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let mut settings = Settings::from_env();
    let table = settings.text("PERENNIAL_TABLE");
    let pepper = settings.pepper("PERENNIAL_PEPPER");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;

    let clients = Clients::from_env().await;
    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(clients.dynamodb(), table));
    let door = Door { library: boot::library(&store).await, store, pepper, clock: Arc::new(SystemClock) };
    boot::serve(Deps { door, keyring, wall_clock: Arc::new(SystemClock) }, handle).await
}
