//! The `notify` function.

use std::sync::Arc;

use jiff::SignedDuration;
use lambda_runtime::Error;
use notify::{Deps, handle};
use perennial_app::forward::Postman;
use perennial_app::ports::{Store, SystemClock};
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
    let bucket = settings.text("PERENNIAL_INBOX_BUCKET");
    let configuration_set = settings.optional("PERENNIAL_CONFIGURATION_SET");
    let timeout_s = settings.seconds("PERENNIAL_TIMEOUT_S", 30);
    settings.finish(|| ())?;

    let clients = Clients::from_env().await;
    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(clients.dynamodb(), table));
    let postman = Postman {
        library: boot::library(&store).await,
        store,
        inbox: Arc::new(S3Inbox::new(clients.s3(), bucket)),
        forwarder: Arc::new(SesMailer::new(clients.ses(), configuration_set)),
        clock: Arc::new(SystemClock),
        lease: SignedDuration::from_secs(i64::from(timeout_s.saturating_add(LEASE_MARGIN_S))),
    };
    boot::serve(Deps { postman }, handle).await
}
