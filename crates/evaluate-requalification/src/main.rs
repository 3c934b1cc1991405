//! The `evaluate-requalification` function.

use std::sync::Arc;

use evaluate_requalification::{Deps, handle};
use lambda_runtime::Error;
use perennial_app::evaluate::Evaluator;
use perennial_app::ports::{Store, SystemClock};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let table = settings.text("PERENNIAL_TABLE");
    settings.finish(|| ())?;

    let store: Arc<dyn Store> = Arc::new(DynamoStore::new(clients.dynamodb(), table));
    let library = boot::library(&store).await;
    boot::serve(Deps { evaluator: Evaluator { store, library, clock: Arc::new(SystemClock) } }, handle).await
}
