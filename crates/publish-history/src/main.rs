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
    let mut settings = Settings::from_env();
    let bus = settings.text("PERENNIAL_BUS");
    let bus = settings.finish(|| bus)?;

    let clients = Clients::from_env().await;
    boot::serve(Deps { bus: Arc::new(EventBridgeBus::new(clients.event_bridge(), bus)) }, handle).await
}
