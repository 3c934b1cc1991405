//! The `record-engagement` function.

use std::sync::Arc;

use lambda_runtime::Error;
use perennial_app::engagement::Listener;
use perennial_app::inbound::Postbox;
use perennial_app::ingest::Door;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_aws::inbox::S3Inbox;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use perennial_lambda::http::front::Front;
use record_engagement::{Clicks, Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let table = settings.text("PERENNIAL_TABLE");
    let keyring = settings.keyring("PERENNIAL_TOKEN_KEYS");
    let inbox = settings.inbox("PERENNIAL_INBOX_BUCKET", "PERENNIAL_PEPPER");
    let reply_domain = settings.optional("PERENNIAL_REPLY_DOMAIN");
    let front = settings.parsed("PERENNIAL_FRONT_SECRET", Front::parse);
    let keyring = settings.finish(|| keyring)?.ok_or("PERENNIAL_TOKEN_KEYS holds no key")?;

    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(clients.dynamodb(), table));
    let listener = Listener { library: boot::library(&store).await, store, clock: Arc::new(SystemClock) };
    let postbox = inbox.map(|(bucket, pepper)| Postbox {
        door: Door {
            store: Arc::clone(&listener.store),
            library: Arc::clone(&listener.library),
            pepper,
            clock: Arc::clone(&listener.clock),
        },
        inbox: Arc::new(S3Inbox::new(clients.s3(), bucket)),
        keyring: keyring.clone(),
        reply_domain,
    });
    let clicks = Clicks::new(listener.clone());
    boot::serve(Deps { clicks, front, listener, keyring, postbox }, handle).await
}
