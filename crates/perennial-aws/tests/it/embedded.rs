//! An embedded DynamoDB with the table in it, reached by the real SDK over loopback.

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::{DynamoStore, table};
use tokio::net::TcpListener;

/// The table's name.
pub(crate) const TABLE: &str = "leads";

/// Starts one in memory, for as long as the test's runtime runs, and gives its address.
pub(crate) async fn start() -> String {
    let url = start_without_table().await;
    table::create(&client(&url), TABLE).await.expect("the table is made");
    url
}

/// The same without the table.
pub(crate) async fn start_without_table() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
    url
}

pub(crate) fn client(url: &str) -> Client {
    Clients::loopback(url).dynamodb()
}

pub(crate) async fn store() -> DynamoStore {
    DynamoStore::new(client(&start().await), TABLE)
}
