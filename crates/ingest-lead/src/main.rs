//! The `ingest-lead` function.

use std::sync::Arc;

use ingest_lead::{Altcha, Deps, handle};
use lambda_runtime::Error;
use perennial_app::behaviour::Observer;
use perennial_app::guard::Guard;
use perennial_app::ingest::Door;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use perennial_lambda::http::front::Front;
use perennial_lambda::sender_keys::SenderKeys;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let table = settings.text("PERENNIAL_TABLE");
    let pepper = settings.pepper("PERENNIAL_PEPPER");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let event_keys = SenderKeys::parse(&settings.optional("PERENNIAL_EVENT_KEYS").unwrap_or_default())?;
    let front = settings.parsed("PERENNIAL_FRONT_SECRET", Front::parse);
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;

    let dynamo = DynamoStore::new(clients.dynamodb(), table);
    let store: Arc<dyn Store> = Arc::new(dynamo.clone());
    let (library, clock) = (boot::library(&store).await, Arc::new(SystemClock));
    let guard = Guard { book: Arc::new(dynamo), pepper: pepper.clone(), wall_clock: clock.clone() };
    let deps = Deps {
        observer: Observer {
            store: store.clone(),
            library: library.clone(),
            pepper: pepper.clone(),
            clock: clock.clone(),
        },
        event_keys,
        front,
        altcha: Altcha::new(guard.clone()),
        guard,
        turnstile: None,
        door: Door { library, store, pepper, clock: clock.clone() },
        keyring,
        wall_clock: clock,
    };
    boot::serve(deps, handle).await
}
