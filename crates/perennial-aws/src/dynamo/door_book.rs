//! The door's book: counts, keys that count once, and blocks, each an item of its own.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use perennial_app::ports::{BlockRecord, Bucket, Count, DoorBook, StoreError};

use super::failure::store_error;
use super::keys::{Key, PARTITION};
use super::rows::{COUNT, TTL, block_item, corrupt, once_item, version};
use super::store::{DynamoStore, is_own, read_batch};

#[async_trait]
impl DoorBook for DynamoStore {
    async fn count(&self, bucket: &Bucket, most: u32) -> Result<Count, StoreError> {
        if most == 0 {
            return Ok(Count::Full);
        }
        let key = Key::bucket(&bucket.key, bucket.minute);
        let number = |number: i64| AttributeValue::N(number.to_string());
        let answer = self
            .client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key.attributes()))
            .update_expression("SET #v = :v, #ttl = :ttl ADD #n :one")
            .condition_expression("attribute_not_exists(#n) OR #n < :most")
            .expression_attribute_names("#v", "v")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_names("#n", COUNT)
            .expression_attribute_values(":v", version())
            .expression_attribute_values(":ttl", number(bucket.expires_at.as_second()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(i64::from(most)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let count = answer.attributes().and_then(|item| item.get(COUNT)?.as_n().ok()?.parse().ok());
                count.map(Count::Taken).ok_or_else(|| corrupt(Some(&key), "its count is not a number"))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Count::Full),
                Some(_) | None => Err(store_error(error)),
            },
        }
    }

    async fn use_once(&self, key: &str, by: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
        let answer = self
            .client()
            .put_item()
            .table_name(self.table())
            .set_item(Some(once_item(key, expires_at, by)?))
            .condition_expression("attribute_not_exists(#p) OR #ttl <= :now")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(is_own(failed.item(), by)),
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn is_any_blocked(&self, keys: &[String]) -> Result<bool, StoreError> {
        let keys: Vec<Key> = keys.iter().map(|key| Key::block(key)).collect();
        Ok(!read_batch(self.client(), self.table(), &keys).await?.is_empty())
    }

    async fn block(&self, record: &BlockRecord) -> Result<bool, StoreError> {
        let put = self.client().put_item().table_name(self.table()).set_item(Some(block_item(record)?));
        let answer = put.return_values(ReturnValue::AllOld).send().await.map_err(store_error)?;
        Ok(answer.attributes.is_none_or(|before| before.is_empty()))
    }

    async fn unblock(&self, key: &str) -> Result<bool, StoreError> {
        let key = Key::block(key).attributes();
        let delete = self.client().delete_item().table_name(self.table()).set_key(Some(key));
        let answer = delete.return_values(ReturnValue::AllOld).send().await.map_err(store_error)?;
        Ok(answer.attributes.is_some_and(|before| !before.is_empty()))
    }
}
