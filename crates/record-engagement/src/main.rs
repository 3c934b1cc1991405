//! The `record-engagement` function.

use std::sync::Arc;

use lambda_runtime::Error;
use perennial_app::engagement::Listener;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use record_engagement::{Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let mut settings = Settings::from_env();
    let table = settings.text("PERENNIAL_TABLE");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;

    let clients = Clients::from_env().await;
    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(clients.dynamodb(), table));
    let listener = Listener { library: boot::library(&store).await, store, clock: Arc::new(SystemClock) };
    boot::serve(Deps { listener, keyring }, handle).await
}
