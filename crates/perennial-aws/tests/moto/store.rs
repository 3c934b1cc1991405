//! What every store must do, with moto's DynamoDB behind it.

use perennial_aws::dynamo::{DynamoStore, table};

async fn store() -> DynamoStore {
    let (client, name) = (crate::clients().dynamodb(), crate::name("leads"));
    table::create(&client, &name).await.expect("the table is made");
    DynamoStore::new(client, name)
}

perennial_app::store_contract!(store);
perennial_app::deliveries_contract!(store);
perennial_app::news_contract!(store);
perennial_app::door_book_contract!(store);
