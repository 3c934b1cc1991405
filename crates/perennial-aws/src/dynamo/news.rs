//! What waits for digests: an item for each alert, in a partition for each reader; and what could not be told at once, in
//! one partition, which is empty while mail goes out.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use perennial_app::news::{News, NewsBook, NewsPage, Untold, UntoldPage};
use perennial_app::ports::{Cursor, DeskOwner, StoreError};

use super::failure::store_error;
use super::keys::{Key, PARTITION, SORT, UNTOLD, news_partition, untold_by};
use super::rows::{corrupt, news_item, read_news, read_untold, untold_item};
use super::store::{DynamoStore, foreign_cursor};

/// Most news on one page.
const PAGE_MAX: i32 = 100;

/// How many are let go of at once.
const AT_ONCE: usize = 16;

#[async_trait]
impl NewsBook for DynamoStore {
    async fn keep_news(&self, news: &News) -> Result<(), StoreError> {
        self.put(news_item(news)?).await
    }

    async fn news(&self, reader: &DeskOwner, cursor: Option<Cursor>) -> Result<NewsPage, StoreError> {
        let start = cursor.map(|Cursor(text)| Key::of_cursor(&text).ok_or_else(foreign_cursor)).transpose()?;
        let answer = self
            .client()
            .query()
            .table_name(self.table())
            .key_condition_expression("#p = :reader")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_values(":reader", AttributeValue::S(news_partition(reader)))
            .consistent_read(true)
            .limit(PAGE_MAX)
            .set_exclusive_start_key(start.as_ref().map(Key::attributes))
            .send()
            .await
            .map_err(store_error)?;
        let last = answer.last_evaluated_key.as_ref();
        let next = last.map(|key| Key::of_item(key).ok_or_else(|| corrupt(None, "it has no key"))).transpose()?;
        let news = answer.items.unwrap_or_default().into_iter().map(read_news).collect::<Result<_, _>>()?;
        Ok(NewsPage { news, next: next.map(|key| Cursor(key.to_cursor())) })
    }

    async fn forget_news(&self, news: &[News]) -> Result<(), StoreError> {
        for some in news.chunks(AT_ONCE) {
            let keys: Vec<Key> = some.iter().map(|news| Key::news(&news.reader, news.at, &news.event)).collect();
            try_join_all(keys.iter().map(|key| self.delete(key))).await?;
        }
        Ok(())
    }

    async fn keep_untold(&self, untold: &Untold) -> Result<(), StoreError> {
        self.put(untold_item(untold)?).await
    }

    async fn untold(&self, now: Timestamp, cursor: Option<Cursor>) -> Result<UntoldPage, StoreError> {
        let start = cursor.map(|Cursor(text)| Key::of_cursor(&text).ok_or_else(foreign_cursor)).transpose()?;
        let answer = self
            .client()
            .query()
            .table_name(self.table())
            .key_condition_expression("#p = :untold AND #s < :due")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#s", SORT)
            .expression_attribute_values(":untold", AttributeValue::S(UNTOLD.to_owned()))
            .expression_attribute_values(":due", AttributeValue::S(untold_by(now)))
            .consistent_read(true)
            .limit(PAGE_MAX)
            .set_exclusive_start_key(start.as_ref().map(Key::attributes))
            .send()
            .await
            .map_err(store_error)?;
        let last = answer.last_evaluated_key.as_ref();
        let next = last.map(|key| Key::of_item(key).ok_or_else(|| corrupt(None, "it has no key"))).transpose()?;
        let untold = answer.items.unwrap_or_default().into_iter().map(read_untold).collect::<Result<_, _>>()?;
        Ok(UntoldPage { untold, next: next.map(|key| Cursor(key.to_cursor())) })
    }

    async fn forget_untold(&self, untold: &Untold) -> Result<(), StoreError> {
        self.delete(&Key::untold(untold.due, &untold.event)).await
    }
}
