//! What is kept of people: that it can be shown to them, that it goes when they ask or when its time is over, and that
//! nothing of it is where it does not belong (P7, P8).

mod canary;
mod command;
mod erasing;
mod export;
mod keeping;

use std::sync::Arc;

use perennial_app::holdings::{Holdings, Registry};
use perennial_app::library::Library;
use perennial_app::privacy::Privacy;
use perennial_app::retention::Retainer;
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::DynamoStore;
use serde_json::{Value, json};

use crate::scenarios::world::World;

/// The address that nothing but its lead's own items may hold.
const ADDRESS: &str = "canary-7f3@birds.example";

/// What she tells of herself: each word of it can be found by its own.
fn canary() -> Value {
    json!({
        "email": ADDRESS,
        "phone": "+49 30 7312 7312",
        "first_name": "Kanarina",
        "last_name": "Gelbfeder",
        "company": "Volierenbau",
        "message": "Zwitscherton?",
        "utm_campaign": "Vogelfutter",
        "timezone": "Atlantic/Canary",
    })
}

/// Whatever of her must not be met.
const WORDS: [&str; 8] =
    ["canary-7f3", "birds.example", "73127312", "7312 7312", "Kanarina", "Gelbfeder", "Volierenbau", "Zwitscherton"];

/// Whether a text holds something of her; which.
fn found(text: &str) -> Vec<&'static str> {
    WORDS.into_iter().filter(|word| text.to_lowercase().contains(&word.to_lowercase())).collect()
}

/// The table of a world, as the walker sees it.
fn table(world: &World) -> DynamoStore {
    DynamoStore::new(Clients::loopback(world.file().dynamodb()).dynamodb(), "perennial").with_outbox()
}

/// Every item of the table, with whatever stands in it.
async fn dump(world: &World) -> String {
    let client = Clients::loopback(world.file().dynamodb()).dynamodb();
    let items = client.scan().table_name("perennial").send().await.unwrap();
    assert!(items.last_evaluated_key.is_none(), "the table fits on one page");
    format!("{:?}", items.items())
}

fn privacy(world: &World, holdings: Vec<Arc<dyn Holdings>>) -> Privacy {
    Privacy {
        store: Arc::clone(&world.store),
        holdings,
        library: Arc::new(Library::fixed(Arc::new(world.catalog().clone()))),
        clock: world.clock.clone(),
    }
}

fn whole(world: &World) -> Privacy {
    privacy(world, vec![Arc::new(table(world))])
}

fn retainer(world: &World, registry: Arc<dyn Registry>) -> Retainer {
    Retainer { registry, privacy: whole(world) }
}
