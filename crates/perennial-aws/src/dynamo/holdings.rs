//! What the table holds of people, to be shown to them and to be let go of.
//!
//! **Invariant:** each write here may be made again: it takes something away, and finds nothing the next time. So none
//! needs a token to be recognised by.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use perennial_app::holdings::{AgedItem, AgedPage, Held, HeldPage, Holdings, Registry, RetentionMark};
use perennial_app::ports::{Cursor, EngagementRecord, HistoryRow, StoreError};
use perennial_core::ids::{LeadId, SubmissionId};
use perennial_core::privacy::thinned;
use perennial_core::profile::Profile;

use super::failure::store_error;
use super::keys::{Key, PARTITION, lead_partition};
use super::rows::{
    AGED, AGED_NAMES, LET_GO, ProfileRow, SUBMISSION, corrupt, from_item, history_item, read_aged, read_held,
    retention_item, to_item,
};
use super::store::{DynamoStore, foreign_cursor};

impl DynamoStore {
    pub(super) async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key.attributes()));
        request.send().await.map(drop).map_err(store_error)
    }

    /// History is never changed but here: it says the same, less what the person was like.
    async fn thin(&self, lead: &LeadId, row: &HistoryRow) -> Result<(), StoreError> {
        let entries = row.entries.iter().map(thinned).collect();
        self.put(history_item(lead, &HistoryRow { entries, ..row.clone() })?).await
    }

    /// Empties a profile, unless a newer one has taken its place.
    async fn blank_profile(&self, lead: &LeadId, rev: u64, now: Timestamp) -> Result<(), StoreError> {
        let row = ProfileRow { rev, profile: Profile::blank(now) };
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&Key::profile(lead), &row)?))
            .condition_expression("#rev = :rev")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":rev", number(rev))
            .send()
            .await;
        answer.map(drop).or_else(|error| unless(error, PutItemError::is_conditional_check_failed_exception))
    }

    /// Takes out what a submission said. That it came in stays: it is counted, and does not count again.
    async fn empty_submission(&self, lead: &LeadId, id: &SubmissionId) -> Result<(), StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::submission(lead, id).attributes()))
            .update_expression("REMOVE #submission")
            .condition_expression("attribute_exists(#p)")
            .expression_attribute_names("#submission", SUBMISSION)
            .expression_attribute_names("#p", PARTITION)
            .send()
            .await;
        answer.map(drop).or_else(|error| unless(error, UpdateItemError::is_conditional_check_failed_exception))
    }

    async fn forget_engagement(&self, record: &EngagementRecord) -> Result<(), StoreError> {
        self.delete(&Key::engagement(&record.lead, &record.touch, &record.kind)).await
    }

    /// A key that was taken anew since is left alone.
    async fn forget_idempotency(&self, key: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::idempotency(key).attributes()))
            .condition_expression("#ttl = :ttl")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", AttributeValue::N(expires_at.as_second().to_string()))
            .send()
            .await;
        answer.map(drop).or_else(|error| unless(error, DeleteItemError::is_conditional_check_failed_exception))
    }
}

#[async_trait]
impl Holdings for DynamoStore {
    async fn of_lead(&self, lead: &LeadId, cursor: Option<Cursor>) -> Result<HeldPage, StoreError> {
        let start = cursor.map(|Cursor(text)| Key::of_cursor(&text).ok_or_else(foreign_cursor)).transpose()?;
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#p = :partition")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_values(":partition", AttributeValue::S(lead_partition(lead)))
            .consistent_read(true)
            .set_exclusive_start_key(start.as_ref().map(Key::attributes))
            .send()
            .await
            .map_err(store_error)?;
        let next = next_page(answer.last_evaluated_key.as_ref())?;
        let items = answer.items.unwrap_or_default().into_iter().map(read_held).collect::<Result<_, _>>()?;
        Ok(HeldPage { items, next })
    }

    async fn let_go(&self, lead: &LeadId, item: &Held, now: Timestamp) -> Result<(), StoreError> {
        match item {
            // The decision has emptied the state; a letter is no item of the table.
            Held::State { .. } | Held::Letter(_) => Ok(()),
            Held::Profile { rev, .. } => self.blank_profile(lead, *rev, now).await,
            Held::History(row) => self.thin(lead, row).await,
            Held::Submission(submission) => self.empty_submission(lead, &submission.id).await,
            Held::Engagement(record) => self.forget_engagement(record).await,
        }
    }
}

#[async_trait]
impl Registry for DynamoStore {
    async fn aged(&self, cursor: Option<Cursor>) -> Result<AgedPage, StoreError> {
        let start = cursor.map(|Cursor(text)| Key::of_cursor(&text).ok_or_else(foreign_cursor)).transpose()?;
        let names = AGED_NAMES.map(|name| (format!("#{name}"), name.to_owned()));
        let answer = self
            .client
            .scan()
            .table_name(&self.table)
            .projection_expression(AGED.join(", "))
            .set_expression_attribute_names(Some(HashMap::from(names)))
            .set_exclusive_start_key(start.as_ref().map(Key::attributes))
            .send()
            .await
            .map_err(store_error)?;
        let next = next_page(answer.last_evaluated_key.as_ref())?;
        let items = answer.items.unwrap_or_default().into_iter().filter_map(|item| read_aged(item).transpose());
        Ok(AgedPage { items: items.collect::<Result<_, _>>()?, next })
    }

    async fn forget(&self, item: &AgedItem) -> Result<(), StoreError> {
        match item {
            AgedItem::Submission { lead, id, .. } => self.empty_submission(lead, id).await,
            AgedItem::Engagement(record) => self.forget_engagement(record).await,
            AgedItem::Idempotency { key, expires_at } => self.forget_idempotency(key, *expires_at).await,
        }
    }

    async fn note_let_go(&self, lead: &LeadId, rev: u64) -> Result<(), StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::state(lead).attributes()))
            .update_expression("SET #let_go = :rev")
            .condition_expression("#rev = :rev")
            .expression_attribute_names("#let_go", LET_GO)
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":rev", number(rev))
            .send()
            .await;
        answer.map(drop).or_else(|error| unless(error, UpdateItemError::is_conditional_check_failed_exception))
    }

    async fn retention_mark(&self) -> Result<Option<RetentionMark>, StoreError> {
        self.get(&Key::retention()).await?.map(from_item).transpose()
    }

    async fn keep_retention_mark(&self, mark: Option<&RetentionMark>) -> Result<(), StoreError> {
        match mark {
            Some(mark) => self.put(retention_item(mark)?).await,
            None => self.delete(&Key::retention()).await,
        }
    }
}

fn number(rev: u64) -> AttributeValue {
    AttributeValue::N(rev.to_string())
}

fn next_page(last: Option<&HashMap<String, AttributeValue>>) -> Result<Option<Cursor>, StoreError> {
    let key = last.map(|key| Key::of_item(key).ok_or_else(|| corrupt(None, "it has no key"))).transpose()?;
    Ok(key.map(|key| Cursor(key.to_cursor())))
}

/// A failed call, unless its condition was not met: then somebody has changed the item since, and it is left alone.
fn unless<E>(error: SdkError<E>, is_condition: impl Fn(&E) -> bool) -> Result<(), StoreError>
where
    E: std::error::Error + aws_sdk_dynamodb::error::ProvideErrorMetadata + Send + Sync + 'static,
{
    if error.as_service_error().is_some_and(is_condition) { Ok(()) } else { Err(store_error(error)) }
}
