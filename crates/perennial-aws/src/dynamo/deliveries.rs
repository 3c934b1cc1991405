//! What is kept of webhooks: an item for each delivery, and one for each server.
//!
//! **Invariants:** a delivery that is not there yet is in the index, one that is there is not, since both are written in
//! the same request; whose turn it is at a server is decided by one conditional write.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, Select};
use jiff::Timestamp;
use perennial_app::deliveries::{Backlog, Deliveries, Delivery, DeliveryPage, Gone, Standing, Turn};
use perennial_app::ports::{Cursor, HistoryRow, StoreError};
use perennial_app::publish::EventId;
use perennial_core::ids::WebhookName;

use super::failure::store_error;
use super::keys::{HookPlace, Key, PARTITION, PULSE, PULSE_INDEX, SHARD, Shelf};
use super::rows::{
    EndpointRow, GONE, Item, OF_DELIVERY, UNTIL, WRITE, corrupt, delivery_item, from_item, read_delivery, read_history,
    version,
};
use super::store::{ABSENT, DynamoStore, foreign_cursor, is_own, new_token, to_value};

/// Most deliveries on one page of the index.
const PAGE_MAX: i32 = 100;

impl DynamoStore {
    /// What of a webhook stands on a shelf of the index, between two texts.
    fn on(&self, webhook: &WebhookName, of: Shelf, from: &str, to: &str) -> QueryFluentBuilder {
        self.client()
            .query()
            .table_name(self.table())
            .index_name(PULSE_INDEX)
            .key_condition_expression("#s = :shelf AND #p BETWEEN :from AND :to")
            .expression_attribute_names("#s", SHARD)
            .expression_attribute_names("#p", PULSE)
            .expression_attribute_values(":shelf", AttributeValue::S(HookPlace::shard(webhook, of)))
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()))
    }

    async fn count(&self, webhook: &WebhookName, of: Shelf) -> Result<u64, StoreError> {
        let all = self.on(webhook, of, &HookPlace::start_of(Timestamp::UNIX_EPOCH), &HookPlace::end_of(LAST));
        let mut pages = all.select(Select::Count).into_paginator().send();
        let mut count = 0_u64;
        while let Some(page) = pages.next().await {
            count = count.saturating_add(u64::try_from(page.map_err(store_error)?.count()).unwrap_or_default());
        }
        Ok(count)
    }
}

/// After whatever stands in the index: years in keys have four digits.
const LAST: Timestamp = Timestamp::MAX;

/// The places that the index shows.
fn places(webhook: &WebhookName, of: Shelf, items: &[Item]) -> Result<Vec<HookPlace>, StoreError> {
    let place = |item: &Item| {
        let pulse = item.get(PULSE).and_then(|pulse| pulse.as_s().ok());
        let place = pulse.and_then(|pulse| HookPlace::parse(webhook, of, pulse));
        place.ok_or_else(|| corrupt(Key::of_item(item).as_ref(), "its place in the index is none"))
    };
    items.iter().map(place).collect()
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[async_trait]
impl Deliveries for DynamoStore {
    async fn add_delivery(
        &self,
        webhook: &WebhookName,
        event: &EventId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let write = new_token();
        let standing = Standing::Waiting { due: now };
        let (webhook, event) = (webhook.clone(), event.clone());
        let delivery = Delivery { webhook, event, at, standing, attempts: 0, failure: None };
        let answer = self
            .client()
            .put_item()
            .table_name(self.table())
            .set_item(Some(delivery_item(&delivery, &write)?))
            .condition_expression(ABSENT)
            .expression_attribute_names("#p", PARTITION)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(is_own(failed.item(), &write)),
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn delivery(&self, webhook: &WebhookName, event: &EventId) -> Result<Option<Delivery>, StoreError> {
        self.get(&Key::delivery(webhook, event)).await?.map(read_delivery).transpose()
    }

    async fn due_deliveries(&self, webhook: &WebhookName, until: Timestamp) -> Result<Vec<EventId>, StoreError> {
        let (from, to) = (HookPlace::start_of(Timestamp::UNIX_EPOCH), HookPlace::end_of(until));
        let query = self.on(webhook, Shelf::Waiting, &from, &to).limit(PAGE_MAX);
        let answer = query.send().await.map_err(store_error)?;
        let places = places(webhook, Shelf::Waiting, answer.items())?;
        Ok(places.into_iter().map(|place| place.event).collect())
    }

    async fn change_delivery(&self, before: &Delivery, after: &Delivery) -> Result<bool, StoreError> {
        let write = new_token();
        let known = delivery_item(before, &write)?;
        let names = OF_DELIVERY.map(|name| (format!("#{name}"), name.to_owned()));
        let values = OF_DELIVERY.iter().filter_map(|name| Some((format!(":{name}"), known.get(*name)?.clone())));
        let answer = self
            .client()
            .put_item()
            .table_name(self.table())
            .set_item(Some(delivery_item(after, &write)?))
            .condition_expression(OF_DELIVERY.map(|name| format!("#{name} = :{name}")).join(" AND "))
            .set_expression_attribute_names(Some(HashMap::from(names)))
            .set_expression_attribute_values(Some(values.collect()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(is_own(failed.item(), &write)),
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn parked_deliveries(
        &self,
        webhook: &WebhookName,
        since: Timestamp,
        cursor: Option<Cursor>,
    ) -> Result<DeliveryPage, StoreError> {
        let start =
            cursor.map(|Cursor(text)| HookPlace::parse(webhook, Shelf::Parked, &text).ok_or_else(foreign_cursor));
        let start = start.transpose()?.as_ref().map(HookPlace::attributes);
        let (from, to) = (HookPlace::start_of(since.max(Timestamp::UNIX_EPOCH)), HookPlace::end_of(LAST));
        let query = self.on(webhook, Shelf::Parked, &from, &to).limit(PAGE_MAX).set_exclusive_start_key(start);
        let answer = query.send().await.map_err(store_error)?;
        let places = places(webhook, Shelf::Parked, answer.items())?;
        let next = places.last().filter(|_| answer.last_evaluated_key().is_some()).map(|last| Cursor(last.pulse()));
        Ok(DeliveryPage { events: places.into_iter().map(|place| place.event).collect(), next })
    }

    async fn backlog(&self, webhook: &WebhookName) -> Result<Backlog, StoreError> {
        let (waiting, parked) = (self.count(webhook, Shelf::Waiting).await?, self.count(webhook, Shelf::Parked).await?);
        Ok(Backlog { waiting, parked })
    }

    async fn begin_turn(
        &self,
        webhook: &WebhookName,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Turn>, StoreError> {
        let token = new_token();
        let answer = self
            .client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(Key::endpoint(webhook).attributes()))
            .update_expression("SET #v = :v, #write = :write, #until = :until")
            .condition_expression("attribute_not_exists(#until) OR #until <= :now")
            .expression_attribute_names("#v", "v")
            .expression_attribute_names("#write", WRITE)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":v", version())
            .expression_attribute_values(":write", AttributeValue::S(token.clone()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let standing = match answer {
            Ok(answer) => answer.attributes,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item().cloned(),
                Some(_) | None => return Err(store_error(error)),
            },
        };
        let EndpointRow { write, gone } = standing.map(from_item).transpose()?.unwrap_or_default();
        let is_ours = write.as_ref() == Some(&token);
        Ok(is_ours.then(|| Turn { webhook: webhook.clone(), token, gone }))
    }

    async fn end_turn(&self, turn: &Turn, peace: Option<Timestamp>) -> Result<(), StoreError> {
        let until = peace.unwrap_or(Timestamp::UNIX_EPOCH);
        let answer = self
            .client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(Key::endpoint(&turn.webhook).attributes()))
            .update_expression("SET #until = :until")
            .condition_expression("#write = :write")
            .expression_attribute_names("#write", WRITE)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":write", AttributeValue::S(turn.token.clone()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn gone(&self, webhook: &WebhookName) -> Result<Option<Gone>, StoreError> {
        let row = self.get(&Key::endpoint(webhook)).await?.map(from_item::<EndpointRow>).transpose()?;
        Ok(row.and_then(|row| row.gone))
    }

    async fn set_gone(&self, webhook: &WebhookName, gone: Option<&Gone>) -> Result<(), StoreError> {
        let update = self
            .client()
            .update_item()
            .table_name(self.table())
            .set_key(Some(Key::endpoint(webhook).attributes()))
            .expression_attribute_names("#v", "v")
            .expression_attribute_names("#gone", GONE)
            .expression_attribute_values(":v", version());
        let update = match gone {
            Some(gone) => update
                .update_expression("SET #v = :v, #gone = :gone")
                .expression_attribute_values(":gone", to_value(gone)?),
            None => update.update_expression("SET #v = :v REMOVE #gone"),
        };
        update.send().await.map(drop).map_err(store_error)
    }

    async fn history_row(&self, event: &EventId) -> Result<Option<HistoryRow>, StoreError> {
        let item = self.get(&Key::history(&event.lead, event.seq)).await?;
        Ok(item.map(read_history).transpose()?.map(|(_, row)| row))
    }
}
