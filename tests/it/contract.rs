//! What every store must do: done by the store in memory, and by the real one on this machine's embedded DynamoDB.

mod memory {
    use perennial_app::memory::{MemoryDoorBook, MemoryStore};

    async fn store() -> MemoryStore {
        MemoryStore::default()
    }

    perennial_app::store_contract!(store);
    perennial_app::deliveries_contract!(store);
    perennial_app::news_contract!(store);

    async fn book() -> MemoryDoorBook {
        MemoryDoorBook::default()
    }

    perennial_app::door_book_contract!(book);
}

mod embedded {
    use std::future::pending;

    use perennial_aws::clients::Clients;
    use perennial_aws::dynamo::{DynamoStore, table};
    use perennial_local::store_file::StoreFile;

    /// The store as `perennial up` has it: reached over loopback, with an outbox in the place of a stream.
    async fn store() -> DynamoStore {
        let file = StoreFile::memory().unwrap();
        let client = Clients::loopback(file.dynamodb()).dynamodb();
        table::create(&client, "perennial").await.unwrap();
        // It is open for as long as the test's runtime runs.
        tokio::spawn(async move {
            let _open = file;
            pending::<()>().await;
        });
        DynamoStore::new(client, "perennial").with_outbox()
    }

    perennial_app::store_contract!(store);
    perennial_app::deliveries_contract!(store);
    perennial_app::news_contract!(store);
    perennial_app::door_book_contract!(store);
}
