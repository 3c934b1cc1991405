//! The outbox: which history rows have not been published yet, where the table has no stream.
//!
//! **Invariant:** an entry is made in the transaction that writes its history row
//! ([`DynamoStore::with_outbox`](super::DynamoStore::with_outbox)), and goes only after it was
//! delivered; so each row is delivered at least once, over crashes and restarts.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use perennial_app::ports::StoreError;

use super::failure::store_error;
use super::keys::{Key, OUTBOX, PARTITION};
use super::rows::{Item, corrupt};
use super::store::read_batch;

/// Most entries that are read at once: as many as one batch deletes.
pub const PAGE_MAX: usize = 25;

/// How often a batch that was done in part is sent again.
const ROUNDS_MAX: usize = 5;

/// Reads and empties the outbox of one table.
#[derive(Debug, Clone)]
pub struct Outbox {
    client: Client,
    table: String,
}

/// A history row to be published, as a stream of the table would show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The row's keys. Serialises as DynamoDB JSON.
    pub keys: serde_dynamo::Item,
    /// The row. Serialises as DynamoDB JSON; [`read_history_image`](super::read_history_image) reads it.
    pub image: serde_dynamo::Item,
    key: Key,
}

impl Outbox {
    /// The outbox of a table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The oldest entries, at most [`PAGE_MAX`]; none when all is published.
    ///
    /// Deliver them, [`delete`](Self::delete) them, and read again.
    pub async fn read(&self) -> Result<Vec<Entry>, StoreError> {
        let keys = self.waiting().await?;
        let rows = keys.iter().map(|key| {
            Key::of_outbox(&key.sort).ok_or_else(|| corrupt(Some(key), "it is not the key of an outbox row"))
        });
        let rows: Vec<Key> = rows.collect::<Result<_, _>>()?;
        let items = read_batch(&self.client, &self.table, &rows).await?;
        keys.into_iter().zip(rows).map(|(key, row)| entry(key, &row, &items)).collect()
    }

    async fn waiting(&self) -> Result<Vec<Key>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#p = :outbox")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_values(":outbox", AttributeValue::S(OUTBOX.to_owned()))
            .consistent_read(true)
            .limit(i32::try_from(PAGE_MAX).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(store_error)?;
        let keys = answer.items.unwrap_or_default();
        keys.iter().map(|item| Key::of_item(item).ok_or_else(|| corrupt(None, "it has no key"))).collect()
    }

    /// Forgets entries that were delivered. Those that could not be forgotten are delivered again.
    pub async fn delete(&self, entries: &[Entry]) -> Result<(), StoreError> {
        for entries in entries.chunks(PAGE_MAX) {
            let deletes = entries.iter().map(|entry| delete_request(&entry.key)).collect::<Result<_, _>>();
            self.delete_batch(deletes.map_err(|source| StoreError::Refused(source.into()))?).await?;
        }
        Ok(())
    }

    async fn delete_batch(&self, mut deletes: Vec<WriteRequest>) -> Result<(), StoreError> {
        for _ in 0..ROUNDS_MAX {
            let request = self.client.batch_write_item().request_items(&self.table, deletes);
            let answer = request.send().await.map_err(store_error)?;
            deletes = answer.unprocessed_items.unwrap_or_default().remove(&self.table).unwrap_or_default();
            if deletes.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("a batch of deletions was not done to its end".into()))
    }
}

fn entry(key: Key, row: &Key, items: &[Item]) -> Result<Entry, StoreError> {
    let image = items.iter().find(|item| Key::of_item(item).as_ref() == Some(row));
    let image = image.ok_or_else(|| corrupt(Some(row), "it stands in the outbox, and is not there"))?;
    Ok(Entry { keys: row.attributes().into(), image: image.clone().into(), key })
}

fn delete_request(key: &Key) -> Result<WriteRequest, BuildError> {
    let delete = DeleteRequest::builder().set_key(Some(key.attributes())).build()?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}
