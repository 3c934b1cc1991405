//! The `housekeep` function.

use std::sync::Arc;

use housekeep::{Deps, handle};
use lambda_runtime::Error;
use perennial_app::chores::Chore;
use perennial_app::holdings::Holdings;
use perennial_app::pausing::Reminder;
use perennial_app::ports::{Store, SystemClock};
use perennial_app::privacy::Privacy;
use perennial_app::reps::HandOver;
use perennial_app::retention::Retainer;
use perennial_app::suppression::{Reconcile, Suppressor};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use perennial_aws::ses::SesSuppressionList;
use perennial_lambda::boot;
use perennial_lambda::config::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    boot::start_logging();
    let clients = Clients::from_env().await;
    let mut settings = Settings::deployed(&clients).await?;
    let table = settings.text("PERENNIAL_TABLE");
    let pepper = settings.pepper("PERENNIAL_PEPPER");
    let pepper = settings.finish(|| pepper)?;

    let dynamo = DynamoStore::new(clients.dynamodb(), table);
    let store: Arc<dyn Store> = Arc::new(dynamo.clone());
    let library = boot::library(&store).await;
    let holdings: Vec<Arc<dyn Holdings>> = vec![Arc::new(dynamo.clone())];
    let clock = Arc::new(SystemClock);
    let privacy = Privacy { store: Arc::clone(&store), holdings, library: Arc::clone(&library), clock };
    let (of, by) = (Arc::clone(&store), Arc::clone(&library));
    let hand_over = HandOver { store: of, library: by, clock: Arc::new(SystemClock) };
    let retainer = Retainer { registry: Arc::new(dynamo), privacy };
    let reminder = Reminder { store: Arc::clone(&store), clock: Arc::new(SystemClock) };
    let reconcile = Reconcile {
        suppressor: Suppressor { store, library, clock: Arc::new(SystemClock), pepper },
        list: Arc::new(SesSuppressionList::new(clients.ses_lists())),
    };
    let chores: Vec<Box<dyn Chore>> =
        vec![Box::new(reminder), Box::new(reconcile), Box::new(hand_over), Box::new(retainer)];
    boot::serve(Deps { chores }, handle).await
}
