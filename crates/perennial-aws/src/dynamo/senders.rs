//! What is counted of a sender, by day.
//!
//! **Invariants:** a bounce or a complaint is counted in the transaction that keeps it, so once. Mails are counted by
//! plain additions: one that the SDK makes twice, because its first answer was lost, makes a rate a little too good.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use perennial_app::ports::{Against, EngagementRecord, StoreError};
use perennial_core::breaker::Feedback;
use perennial_core::ids::SenderDomain;

use super::failure::store_error;
use super::keys::{Key, PARTITION};
use super::rows::{EngagementItem, Item, VERSION, to_item};
use super::store::{ABSENT, is_own, new_token, unbuilt};

/// How long a day's counts are kept; DynamoDB collects them then.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How often a transaction is tried that met another one: all of a sender's events of a day meet at one item.
const TRIES_MAX: usize = 5;

/// An addition to the counts of a day.
struct Addition {
    key: Item,
    expression: &'static str,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Addition {
    fn new(sender: &SenderDomain, day: Date, count: &str, number: u64) -> Self {
        let day_ends = day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |begin| begin.timestamp());
        let ttl = day_ends.checked_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
        let name = |placeholder: &str, name: &str| (placeholder.to_owned(), name.to_owned());
        let number_of = |placeholder: &str, number: String| (placeholder.to_owned(), AttributeValue::N(number));
        Self {
            key: Key::sender_day(sender, day).attributes(),
            expression: "SET #v = :v, #ttl = :ttl ADD #count :number",
            names: HashMap::from([name("#v", "v"), name("#ttl", "ttl"), name("#count", count)]),
            values: HashMap::from([
                number_of(":v", VERSION.to_string()),
                number_of(":ttl", ttl.to_string()),
                number_of(":number", number.to_string()),
            ]),
        }
    }
}

/// Counts mails that SES took.
pub(super) async fn add_sends(
    client: &Client,
    table: &str,
    sender: &SenderDomain,
    day: Date,
    sends: u64,
) -> Result<(), StoreError> {
    let Addition { key, expression, names, values } = Addition::new(sender, day, "sends", sends);
    let request = client
        .update_item()
        .table_name(table)
        .set_key(Some(key))
        .update_expression(expression)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values));
    request.send().await.map(drop).map_err(store_error)
}

/// Keeps a fact, and counts it if it is new. Whether it was.
pub(super) async fn record_feedback(
    client: &Client,
    table: &str,
    record: &EngagementRecord,
    against: &Against,
) -> Result<bool, StoreError> {
    let write = new_token();
    let parts = [put_new(table, record, &write)?, count(table, against)?];
    for _ in 0..TRIES_MAX {
        let request = client.transact_write_items().set_transact_items(Some(parts.to_vec()));
        let Err(error) = request.send().await else { return Ok(true) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(store_error(error));
        };
        let reasons = canceled.cancellation_reasons();
        let find = |code: &str| reasons.iter().find(|reason| reason.code() == Some(code));
        if let Some(reason) = find("ConditionalCheckFailed") {
            return Ok(is_own(reason.item(), &write));
        }
        if find("TransactionConflict").is_none() {
            return Err(store_error(error));
        }
    }
    Err(StoreError::Unavailable("others kept counting against the sender".into()))
}

fn put_new(table: &str, record: &EngagementRecord, write: &str) -> Result<TransactWriteItem, StoreError> {
    let EngagementRecord { lead, touch, kind, at } = record;
    let item = to_item(&Key::engagement(lead, touch, kind), &EngagementItem { at: *at, write })?;
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(ABSENT)
        .expression_attribute_names("#p", PARTITION)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
}

fn count(table: &str, against: &Against) -> Result<TransactWriteItem, StoreError> {
    let count = match against.feedback {
        Feedback::Bounce => "bounces",
        Feedback::Complaint => "complaints",
    };
    let Addition { key, expression, names, values } = Addition::new(&against.sender, against.day, count, 1);
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .update_expression(expression)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values));
    Ok(TransactWriteItem::builder().update(update.build().map_err(unbuilt)?).build())
}
