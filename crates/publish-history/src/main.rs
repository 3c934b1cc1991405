//! The `publish-history` function.

use std::sync::Arc;

use lambda_runtime::Error;
use perennial_aws::bus::EventBridgeBus;
use perennial_aws::clients::Clients;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;
use publish_history::{Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let bus = settings.text("PERENNIAL_BUS");
    let bus = settings.finish(|| bus)?;

    boot::serve(Deps { bus: Arc::new(EventBridgeBus::new(clients.event_bridge(), bus)) }, handle).await
}
