//! Desks: which leads wait for whom.
//!
//! **Invariant:** a page of a queue's desk is in order over all its shards: what comes next on any of them comes after
//! the last lead of the page.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures::future;
use perennial_app::ports::{Cursor, DeskLead, DeskOwner, DeskPage, StoreError};

use super::failure::store_error;
use super::keys::{DESK, DESK_INDEX, Desk, Key, OWNER, OnDesk};
use super::rows::{Item, corrupt};
use super::store::foreign_cursor;

/// Most leads on one page of a desk.
const DESK_PAGE_MAX: usize = 100;

/// How many leads wait on a desk.
pub(super) async fn waiting(client: &Client, table: &str, owner: &DeskOwner) -> Result<u32, StoreError> {
    let mut waiting = 0_u32;
    for partition in Desk::partitions(owner) {
        let query = query(client, table, partition, None, OnDesk::Waiting).select(Select::Count);
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let count = page.map_err(store_error)?.count();
            waiting = waiting.saturating_add(u32::try_from(count).unwrap_or_default());
        }
    }
    Ok(waiting)
}

/// A page of a desk.
pub(super) async fn page(
    client: &Client,
    table: &str,
    owner: &DeskOwner,
    which: OnDesk,
    cursor: Option<Cursor>,
) -> Result<DeskPage, StoreError> {
    let last =
        cursor.map(|Cursor(last)| Desk::parse_sort(&last).map(|_| last).ok_or_else(foreign_cursor)).transpose()?;
    let limit = i32::try_from(DESK_PAGE_MAX).unwrap_or(i32::MAX);
    let queries = Desk::partitions(owner).into_iter().map(|partition| {
        let query = query(client, table, partition, last.as_deref(), which).limit(limit);
        async move { query.send().await.map_err(store_error) }
    });
    let mut places = Vec::new();
    let mut is_more = false;
    for answer in future::try_join_all(queries).await? {
        is_more |= answer.last_evaluated_key().is_some();
        for item in answer.items() {
            places.push(place_of(item)?);
        }
    }
    places.sort_unstable();
    is_more |= places.len() > DESK_PAGE_MAX;
    places.truncate(DESK_PAGE_MAX);
    let next = places.last().filter(|_| is_more).map(|last| Cursor(last.clone()));
    let leads = places.iter().map(|place| {
        let (deadline, id) = Desk::parse_sort(place).ok_or_else(|| corrupt(None, "its place on a desk is not one"))?;
        Ok::<_, StoreError>(DeskLead { id, deadline })
    });
    Ok(DeskPage { leads: leads.collect::<Result<_, _>>()?, next })
}

fn query(client: &Client, table: &str, partition: String, last: Option<&str>, which: OnDesk) -> QueryFluentBuilder {
    client
        .query()
        .table_name(table)
        .index_name(DESK_INDEX)
        .key_condition_expression("#o = :owner AND #d BETWEEN :start AND :end")
        .expression_attribute_names("#o", OWNER)
        .expression_attribute_names("#d", DESK)
        .expression_attribute_values(":owner", AttributeValue::S(partition))
        .expression_attribute_values(":start", AttributeValue::S(Desk::start_after(last)))
        .expression_attribute_values(":end", AttributeValue::S(Desk::end_of(which)))
}

fn place_of(item: &Item) -> Result<String, StoreError> {
    let place = item.get(DESK).and_then(|place| place.as_s().ok()).cloned();
    place.ok_or_else(|| corrupt(Key::of_item(item).as_ref(), "it has no place on a desk"))
}
