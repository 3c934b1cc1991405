//! The store: each call of the port is one request to DynamoDB, or one per page.
//!
//! **Invariant:** every conditional write carries a token of its own, by which it is recognised when
//! its first answer was lost and the SDK tried again (TRUST.md §2.7).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::holdings::Kind;
use perennial_app::ports::{
    Against, CatalogVersion, Claim, Commit, CommitError, Cursor, DeskOwner, DeskPage, DueLead, DuePage, EFFECT_PERIOD,
    EngagementRecord, HIT_REPEATS, HITS_PER_LINK_MAX, HistoryRow, IdempotencyRecord, ImportRecord, PublishedCatalog,
    PublishedProgram, Release, RosterRecord, SendingPause, Store, StoreError, Stored, SurveyPage, Surveyed,
};
use perennial_core::actor::Hit;
use perennial_core::breaker::{BrakeSeen, SenderRecord, SenderSwitch};
use perennial_core::ids::{LeadId, ProgramName, RepName, SenderDomain, TouchId};
use perennial_core::lead::Sending;
use perennial_core::program::ProgramVersion;
use perennial_core::roster::Loads;
use serde::Serialize;
use uuid::Uuid;

use super::failure::store_error;
use super::keys::{
    HISTORY, Key, OnDesk, PARTITION, PULSE, PULSE_INDEX, Pulse, SHARD, SORT, hits_of, lead_partition, program_files,
    program_partition, sender_partition, shard,
};
use super::rows::{
    EffectItem, EffectState, EngagementItem, HitsRow, Item, OF_SOME_STATES, PROFILE_REV, ProfileRow, SENDING, SURVEYED,
    StateRow, SurveyedHistory, SurveyedState, SurveyedSubmission, TEXT, VERSION, WRITE, brake_item, catalog_item,
    chore_item, corrupt, from_item, history_item, idempotency_item, import_item, outbox_item, pause_item,
    program_items, read_catalog, read_chore, read_history, read_idempotency, read_import, read_program_file,
    read_release, read_roster, read_sender, release_item, roster_item, submission_item, switch_item, to_item,
};
use super::{desks, senders};

/// Most leads on one page of the index.
const DUE_PAGE_MAX: i32 = 100;

/// How often a batch that was read in part is asked for again.
const BATCH_ROUNDS_MAX: u32 = 5;

/// The first pause before a batch is asked for again; each further one is twice as long.
const BATCH_PAUSE: Duration = Duration::from_millis(10);

/// How many desks are counted at once.
const DESKS_AT_ONCE: usize = 16;

/// How many files of a program are put at once.
const FILES_AT_ONCE: usize = 16;

/// How often a lead is read before its two items are taken to disagree for good.
const READS_MAX: usize = 8;

/// The condition of an item that must not be there yet.
pub(super) const ABSENT: &str = "attribute_not_exists(#p)";

/// The store of leads in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    pub(super) client: Client,
    pub(super) table: String,
    outbox: bool,
}

impl DynamoStore {
    /// The store in a table that exists.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), outbox: false }
    }

    /// Notes each history row in the outbox, in the same transaction: for a table without a stream.
    #[must_use]
    pub fn with_outbox(self) -> Self {
        Self { outbox: true, ..self }
    }

    /// The client, for what else is kept in the table.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key.attributes()));
        Ok(request.consistent_read(true).send().await.map_err(store_error)?.item)
    }

    pub(super) async fn put(&self, item: Item) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(store_error)
    }

    /// Keeps a published file for good: it may be put again, and never changed.
    async fn put_file(&self, item: Item) -> Result<(), StoreError> {
        let key = Key::of_item(&item);
        let text = item.get(TEXT).cloned().unwrap_or(AttributeValue::Null(true));
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(format!("{ABSENT} OR #text = :text"))
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#text", TEXT)
            .expression_attribute_values(":text", text)
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => {
                let key = key.map(|key| key.to_string()).unwrap_or_default();
                Err(StoreError::Refused(format!("{key} holds another text already").into()))
            }
            Some(_) | None => Err(store_error(error)),
        }
    }

    /// Puts an item in place of the one at revision `expected`, `None` where there is none yet. Whether it did.
    async fn put_after(&self, item: Item, expected: Option<u64>, write: &str) -> Result<bool, StoreError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        put = match expected {
            None => put.condition_expression(ABSENT).expression_attribute_names("#p", PARTITION),
            Some(rev) => put
                .condition_expression("#rev = :expected")
                .expression_attribute_names("#rev", "rev")
                .expression_attribute_values(":expected", AttributeValue::N(rev.to_string())),
        };
        let Err(error) = put.send().await else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(is_own(failed.item(), write)),
            Some(_) | None => Err(store_error(error)),
        }
    }

    /// The items of a partition whose sort keys begin so, in their order, read consistently.
    async fn query(&self, partition: String, sort_begins: String) -> Result<Vec<Item>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#p = :partition AND begins_with(#s, :begin)")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#s", SORT)
            .expression_attribute_values(":partition", AttributeValue::S(partition))
            .expression_attribute_values(":begin", AttributeValue::S(sort_begins))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(store_error)?);
        }
        Ok(items)
    }

    /// Everything that a commit writes, and what each part is.
    fn parts(&self, commit: &Commit, rev: u64, write: &str) -> Result<Vec<(Part, TransactWriteItem)>, StoreError> {
        let id = &commit.lead.id;
        let mut parts = vec![
            (Part::State, self.state_update(commit, rev, write)?),
            // Nothing should stand there; history is only ever added to.
            (Part::History, self.put_new(history_item(id, &commit.history)?)?),
        ];
        if let Some(profile) = &commit.profile {
            let row = ProfileRow { rev, profile: profile.clone() };
            parts.push((Part::Other, self.put_any(to_item(&Key::profile(id), &row)?)?));
        }
        if let Some(submission) = &commit.submission {
            parts.push((Part::Submission, self.put_new(submission_item(id, submission, commit.history.at)?)?));
        }
        if let Some(record) = &commit.idempotency {
            parts.push((Part::Idempotency, self.put_key(record, commit.history.at)?));
        }
        if self.outbox {
            parts.push((Part::Other, self.put_any(outbox_item(commit)?)?));
        }
        Ok(parts)
    }

    /// An update, not a put: it leaves alone at which revision the profile was written.
    fn state_update(&self, commit: &Commit, rev: u64, write: &str) -> Result<TransactWriteItem, StoreError> {
        let key = Key::state(&commit.lead.id);
        let mut item = to_item(&key, &StateRow::new(&commit.lead, rev, write))?;
        if commit.profile.is_none() {
            item.remove(PROFILE_REV);
        }
        let mut change = Change::default();
        for name in OF_SOME_STATES.iter().filter(|name| !item.contains_key(**name)) {
            change.remove(name);
        }
        for (name, value) in item.into_iter().filter(|(name, _)| name != PARTITION && name != SORT) {
            change.set(&name, value);
        }
        let condition = change.only_at(commit.expected);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(change.expression())
            .condition_expression(condition)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn put_any(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(ABSENT)
            .expression_attribute_names("#p", PARTITION);
        Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
    }

    /// A key that has ended is free, whether or not DynamoDB has collected it.
    fn put_key(&self, record: &IdempotencyRecord, now: Timestamp) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(idempotency_item(record)?))
            .condition_expression(format!("{ABSENT} OR #ttl <= :now"))
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
    }

    async fn state_and_profile(&self, id: &LeadId) -> Result<(Option<StateRow>, Option<ProfileRow>), StoreError> {
        let (state_key, profile_key) = (Key::state(id), Key::profile(id));
        let mut state = None;
        let mut profile = None;
        for item in read_batch(&self.client, &self.table, &[state_key.clone(), profile_key.clone()]).await? {
            let key = Key::of_item(&item);
            if key.as_ref() == Some(&state_key) {
                state = Some(from_item(item)?);
            } else if key.as_ref() == Some(&profile_key) {
                profile = Some(ProfileRow::from_item(item)?);
            }
        }
        Ok((state, profile))
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError> {
        // Two items, each read consistently, but not at one instant: their revisions tell whether they belong
        // together. A lead that is written to just now is read again.
        for _ in 0..READS_MAX {
            match self.state_and_profile(id).await? {
                (None, None) => return Ok(None),
                (Some(state), Some(ProfileRow { rev, profile })) if rev == state.profile_rev => {
                    return Ok(Some(Stored { rev: state.rev, lead: state.into_lead(), profile }));
                }
                (Some(_) | None, Some(_) | None) => {}
            }
        }
        Err(corrupt(Some(&Key::profile(id)), "it does not belong to the state beside it"))
    }

    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError> {
        if commit.expected.is_none() && commit.profile.is_none() {
            return Err(StoreError::Refused("a new lead needs a profile".into()).into());
        }
        let rev = commit.expected.map_or(1, |expected| expected.saturating_add(1));
        let write = new_token();
        let (parts, items): (Vec<_>, Vec<_>) = self.parts(commit, rev, &write)?.into_iter().unzip();
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        match request.send().await {
            Ok(_) => Ok(rev),
            Err(error) => judge(commit, &parts, &write, error).map(|()| rev),
        }
    }

    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError> {
        let rev = expected.saturating_add(1);
        let write = new_token();
        let mut change = Change::default();
        change.set("rev", AttributeValue::N(rev.to_string()));
        change.set(WRITE, AttributeValue::S(write.clone()));
        change.set(SENDING, to_value(sending)?);
        let condition = change.only_at(Some(expected));
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::state(id).attributes()))
            .update_expression(change.expression())
            .condition_expression(condition)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(rev) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) if is_own(failed.item(), &write) => Ok(rev),
            Some(
                UpdateItemError::ConditionalCheckFailedException(_) | UpdateItemError::TransactionConflictException(_),
            ) => Err(CommitError::Conflict),
            Some(_) | None => Err(store_error(error).into()),
        }
    }

    async fn due(&self, shard_number: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError> {
        let start = cursor.map(|Cursor(text)| Pulse::parse(&text).ok_or_else(foreign_cursor)).transpose()?;
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(PULSE_INDEX)
            .key_condition_expression("#s = :shard AND #p < :end")
            .expression_attribute_names("#s", SHARD)
            .expression_attribute_names("#p", PULSE)
            .expression_attribute_values(":shard", AttributeValue::S(shard(shard_number)))
            .expression_attribute_values(":end", AttributeValue::S(Pulse::end_of(until)))
            .limit(DUE_PAGE_MAX)
            .set_exclusive_start_key(start.as_ref().map(Pulse::attributes))
            .send()
            .await
            .map_err(store_error)?;
        let leads =
            answer.items().iter().map(|item| pulse_of(item).map(|Pulse { at, lead }| DueLead { id: lead, pulse: at }));
        let leads = leads.collect::<Result<_, _>>()?;
        let next =
            answer.last_evaluated_key().map(|key| pulse_of(key).map(|last| Cursor(last.to_string()))).transpose()?;
        Ok(DuePage { leads, next })
    }

    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError> {
        let items = self.query(lead_partition(id), HISTORY.to_owned()).await?;
        items.into_iter().map(|item| read_history(item).map(|(_, row)| row)).collect()
    }

    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        let EngagementRecord { lead, touch, kind, at } = record;
        let write = new_token();
        let item = to_item(&Key::engagement(lead, touch, kind), &EngagementItem { at: *at, write: &write })?;
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
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

    async fn record_hit(&self, lead: &LeadId, touch: &TouchId, hit: &Hit) -> Result<bool, StoreError> {
        let write = new_token();
        let mut change = Change::default();
        change.set("v", AttributeValue::N(VERSION.to_string()));
        change.set(WRITE, AttributeValue::S(write.clone()));
        change.set("last_from", to_value(&hit.network)?);
        change.set("last_at", AttributeValue::N(hit.at.as_millisecond().to_string()));
        change.append("hits", to_value(hit)?);
        let since = (hit.at - HIT_REPEATS).as_millisecond();
        change.values.insert(":since".to_owned(), AttributeValue::N(since.to_string()));
        change.values.insert(":most".to_owned(), AttributeValue::N(HITS_PER_LINK_MAX.to_string()));
        change.names.insert("#p".to_owned(), PARTITION.to_owned());
        let is_another = "(#last_from <> :last_from OR #last_at < :since)";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::hits(lead, touch, hit.target).attributes()))
            .update_expression(change.expression())
            .condition_expression(format!("{ABSENT} OR (size(#hits) < :most AND {is_another})"))
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(true) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(is_own(failed.item(), &write)),
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn claim_effect(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<Claim, StoreError> {
        let write = new_token();
        let ttl = (now + EFFECT_PERIOD).as_second();
        let row = EffectItem { state: EffectState::Claimed, until: until.as_millisecond(), ttl, write: write.clone() };
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&Key::effect(id), &row)?))
            .condition_expression(format!("{ABSENT} OR (#state = :claimed AND #until <= :now)"))
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":claimed", AttributeValue::S("claimed".to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.as_millisecond().to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else { return Ok(Claim::Ours) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let standing: EffectItem = from_item(failed.item().cloned().unwrap_or_default())?;
                Ok(match standing.state {
                    EffectState::Done => Claim::Done,
                    EffectState::Claimed if standing.write == write => Claim::Ours,
                    EffectState::Claimed => Claim::Taken,
                })
            }
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn hits(&self, lead: &LeadId, touch: &TouchId) -> Result<Vec<Hit>, StoreError> {
        let items = self.query(lead_partition(lead), hits_of(touch)).await?;
        let rows = items.into_iter().map(from_item::<HitsRow>);
        let hits = rows.map(|row| row.map(|row| row.hits)).collect::<Result<Vec<_>, _>>()?;
        Ok(hits.into_iter().flatten().collect())
    }

    async fn finish_effect(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let ttl = (now + EFFECT_PERIOD).as_second();
        let row = EffectItem { state: EffectState::Done, until: now.as_millisecond(), ttl, write: new_token() };
        self.put(to_item(&Key::effect(id), &row)?).await
    }

    async fn release_effect(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::effect(id).attributes()))
            .condition_expression("#state = :claimed AND #until = :until")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":claimed", AttributeValue::S("claimed".to_owned()))
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()))
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Some(_) | None => Err(store_error(error)),
        }
    }

    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.get(&Key::idempotency(key)).await?.map(read_idempotency).transpose()
    }

    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError> {
        let start = cursor.map(|Cursor(text)| Key::of_cursor(&text).ok_or_else(foreign_cursor)).transpose()?;
        let names = SURVEYED.map(|name| (format!("#{name}"), name.to_owned()));
        let answer = self
            .client
            .scan()
            .table_name(&self.table)
            .projection_expression(SURVEYED.map(|name| format!("#{name}")).join(", "))
            .set_expression_attribute_names(Some(HashMap::from(names)))
            .consistent_read(true)
            .set_exclusive_start_key(start.as_ref().map(Key::attributes))
            .send()
            .await
            .map_err(store_error)?;
        let last = answer.last_evaluated_key.as_ref();
        let next = last.map(|key| Key::of_item(key).ok_or_else(|| corrupt(None, "it has no key"))).transpose()?;
        let items = answer.items.unwrap_or_default().into_iter().filter_map(|item| surveyed(item).transpose());
        Ok(SurveyPage { items: items.collect::<Result<_, _>>()?, next: next.map(|key| Cursor(key.to_cursor())) })
    }

    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError> {
        self.put(import_item(record)?).await
    }

    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError> {
        self.get(&Key::pause()).await?.map(from_item).transpose()
    }

    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError> {
        self.put(pause_item(pause)?).await
    }

    async fn add_sends(&self, sender: &SenderDomain, day: Date, sends: u64) -> Result<(), StoreError> {
        senders::add_sends(&self.client, &self.table, sender, day, sends).await
    }

    async fn record_feedback(&self, record: &EngagementRecord, against: &Against) -> Result<bool, StoreError> {
        senders::record_feedback(&self.client, &self.table, record, against).await
    }

    async fn sender(&self, sender: &SenderDomain, since: Date) -> Result<SenderRecord, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#p = :partition AND #s >= :since")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#s", SORT)
            .expression_attribute_values(":partition", AttributeValue::S(sender_partition(sender)))
            .expression_attribute_values(":since", AttributeValue::S(Key::sender_day(sender, since).sort))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(store_error)?);
        }
        read_sender(items)
    }

    async fn set_sender_switch(&self, sender: &SenderDomain, switch: &SenderSwitch) -> Result<(), StoreError> {
        self.put(switch_item(sender, switch)?).await
    }

    async fn set_brake_seen(&self, sender: &SenderDomain, seen: &BrakeSeen) -> Result<(), StoreError> {
        self.put(brake_item(sender, seen)?).await
    }

    async fn chore_mark(&self, chore: &str) -> Result<Option<Timestamp>, StoreError> {
        self.get(&Key::chore(chore)).await?.map(read_chore).transpose()
    }

    async fn set_chore_mark(&self, chore: &str, begun: Timestamp) -> Result<(), StoreError> {
        self.put(chore_item(chore, begun)?).await
    }

    async fn put_program(&self, program: &PublishedProgram) -> Result<(), StoreError> {
        let puts = program_items(program)?.into_iter().map(|item| self.put_file(item));
        stream::iter(puts).buffer_unordered(FILES_AT_ONCE).try_collect().await
    }

    async fn program(
        &self,
        name: &ProgramName,
        version: &ProgramVersion,
    ) -> Result<Option<PublishedProgram>, StoreError> {
        let items = self.query(program_partition(name), program_files(version)).await?;
        let files = items.into_iter().map(read_program_file).collect::<Result<Vec<_>, _>>()?;
        let program = PublishedProgram { name: name.clone(), version: version.clone(), files };
        Ok((!program.files.is_empty()).then_some(program))
    }

    async fn put_catalog(&self, catalog: &PublishedCatalog) -> Result<(), StoreError> {
        self.put_file(catalog_item(catalog)?).await
    }

    async fn catalog(&self, version: &CatalogVersion) -> Result<Option<PublishedCatalog>, StoreError> {
        self.get(&Key::catalog(version)).await?.map(|item| read_catalog(version, item)).transpose()
    }

    async fn release(&self) -> Result<Option<Release>, StoreError> {
        self.get(&Key::release()).await?.map(read_release).transpose()
    }

    async fn set_release(&self, release: &Release, expected: Option<u64>) -> Result<bool, StoreError> {
        let write = new_token();
        self.put_after(release_item(release, &write)?, expected, &write).await
    }

    async fn roster(&self) -> Result<Option<RosterRecord>, StoreError> {
        self.get(&Key::roster()).await?.map(read_roster).transpose()
    }

    async fn set_roster(&self, record: &RosterRecord, expected: Option<u64>) -> Result<bool, StoreError> {
        let write = new_token();
        self.put_after(roster_item(record, &write)?, expected, &write).await
    }

    async fn loads(&self, reps: &BTreeSet<RepName>) -> Result<Loads, StoreError> {
        let loads = reps.iter().cloned().map(|rep| async move {
            let waiting = desks::waiting(&self.client, &self.table, &DeskOwner::Rep(rep.clone())).await?;
            Ok::<_, StoreError>((rep, waiting))
        });
        stream::iter(loads).buffer_unordered(DESKS_AT_ONCE).try_collect().await.map(Loads)
    }

    async fn desk(&self, owner: &DeskOwner, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        desks::page(&self.client, &self.table, owner, OnDesk::Waiting, cursor).await
    }

    async fn owned(&self, rep: &RepName, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        desks::page(&self.client, &self.table, &DeskOwner::Rep(rep.clone()), OnDesk::All, cursor).await
    }
}

/// What one part of a commit is, as far as its refusal has a meaning of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    State,
    History,
    Submission,
    Idempotency,
    Other,
}

/// What a refused transaction means.
///
/// The order matters. An own write that was answered "failed" finds its own submission and key, too, so it is
/// judged first. A known key comes before a known submission, since only its record tells whether the same
/// body came again. A changed state comes last: whoever loads the lead again would meet the other two anyway.
fn judge(
    commit: &Commit,
    parts: &[Part],
    write: &str,
    error: SdkError<TransactWriteItemsError>,
) -> Result<(), CommitError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return Err(store_error(error).into());
    };
    let reasons: Vec<(Part, &CancellationReason)> =
        parts.iter().copied().zip(canceled.cancellation_reasons()).collect();
    let failed =
        |part: Part| reasons.iter().find(|(of, reason)| *of == part && reason.code() == Some("ConditionalCheckFailed"));
    let any =
        |codes: &[&str]| reasons.iter().any(|(_, reason)| reason.code().is_some_and(|code| codes.contains(&code)));

    if failed(Part::State).is_some_and(|(_, reason)| is_own(reason.item(), write)) {
        return Ok(());
    }
    if let Some((_, reason)) = failed(Part::Idempotency) {
        let record = read_idempotency(reason.item().cloned().unwrap_or_default())?;
        return Err(CommitError::KnownKey(Box::new(record)));
    }
    if failed(Part::Submission).is_some() {
        return Err(CommitError::KnownSubmission);
    }
    if failed(Part::State).is_some() || any(&["TransactionConflict"]) {
        return Err(CommitError::Conflict);
    }
    if failed(Part::History).is_some() {
        let key = Key::history(&commit.lead.id, commit.history.seq);
        return Err(corrupt(Some(&key), "it is there, and the state does not know of it").into());
    }
    if any(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
        return Err(StoreError::Unavailable(Box::new(error.into_service_error())).into());
    }
    Err(store_error(error).into())
}

/// Reads a batch of items, consistently, in whatever order; what was left out is asked for again.
pub(super) async fn read_batch(client: &Client, table: &str, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = keys.iter().map(Key::attributes).collect();
    let mut wanted =
        KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build().map_err(unbuilt)?;
    let mut items = Vec::new();
    for round in 0..BATCH_ROUNDS_MAX {
        if let Some(doublings) = round.checked_sub(1) {
            tokio::time::sleep(BATCH_PAUSE.saturating_mul(2_u32.saturating_pow(doublings))).await;
        }
        let answer = client.batch_get_item().request_items(table, wanted).send().await.map_err(store_error)?;
        items.extend(answer.responses.unwrap_or_default().remove(table).unwrap_or_default());
        match answer.unprocessed_keys.unwrap_or_default().remove(table) {
            None => return Ok(items),
            Some(left) => wanted = left,
        }
    }
    Err(StoreError::Unavailable("a batch of items was not read to its end".into()))
}

fn surveyed(item: Item) -> Result<Option<Surveyed>, StoreError> {
    let key = Key::of_item(&item).ok_or_else(|| corrupt(None, "it has no key"))?;
    Ok(match key.kind() {
        Some(Kind::State) => Some(from_item::<SurveyedState>(item)?.into_surveyed()?),
        Some(Kind::History) => Some(Surveyed::History(from_item::<SurveyedHistory>(item)?.deltas)),
        Some(Kind::Submission) => Some(Surveyed::Submission(from_item::<SurveyedSubmission>(item)?.outcome)),
        Some(Kind::Import) => Some(Surveyed::Import(read_import(item)?)),
        Some(
            Kind::Profile
            | Kind::Engagement
            | Kind::Idempotency
            | Kind::ProgramFile
            | Kind::CatalogFile
            | Kind::Release
            | Kind::Roster
            | Kind::Pause
            | Kind::Retention
            | Kind::Outbox
            | Kind::Letter
            | Kind::Keys
            | Kind::Clock
            | Kind::Chore
            | Kind::Sender
            | Kind::Effect
            | Kind::Delivery
            | Kind::Endpoint
            | Kind::News
            | Kind::Untold
            | Kind::Bucket
            | Kind::Once
            | Kind::Block
            | Kind::Inbox,
        )
        | None => None,
    })
}

fn pulse_of(item: &Item) -> Result<Pulse, StoreError> {
    let pulse = item.get(PULSE).and_then(|pulse| pulse.as_s().ok()).and_then(|text| Pulse::parse(text));
    pulse.ok_or_else(|| corrupt(Key::of_item(item).as_ref(), "its pulse is not one"))
}

/// Whether an item was left by the write with this token.
pub(super) fn is_own(item: Option<&Item>, write: &str) -> bool {
    item.and_then(|item| item.get(WRITE)).and_then(|token| token.as_s().ok()).is_some_and(|token| token == write)
}

pub(super) fn new_token() -> String {
    Uuid::new_v4().simple().to_string()
}

pub(super) fn to_value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|source: serde_dynamo::Error| StoreError::Refused(source.into()))
}

pub(super) fn unbuilt(source: BuildError) -> StoreError {
    StoreError::Refused(source.into())
}

pub(super) fn foreign_cursor() -> StoreError {
    StoreError::Refused("the cursor is not of this call".into())
}

/// An update of one item, put together attribute by attribute. Every name goes by a placeholder: DynamoDB
/// reserves hundreds of words.
#[derive(Default)]
struct Change {
    sets: Vec<String>,
    removes: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Change {
    fn set(&mut self, name: &str, value: AttributeValue) {
        self.sets.push(format!("#{name} = :{name}"));
        self.names.insert(format!("#{name}"), name.to_owned());
        self.values.insert(format!(":{name}"), value);
    }

    /// Puts a value at the end of a list, which need not be there.
    fn append(&mut self, name: &str, value: AttributeValue) {
        self.sets.push(format!("#{name} = list_append(if_not_exists(#{name}, :nothing), :{name})"));
        self.names.insert(format!("#{name}"), name.to_owned());
        self.values.insert(format!(":{name}"), AttributeValue::L(vec![value]));
        self.values.insert(":nothing".to_owned(), AttributeValue::L(Vec::new()));
    }

    fn remove(&mut self, name: &str) {
        self.removes.push(format!("#{name}"));
        self.names.insert(format!("#{name}"), name.to_owned());
    }

    /// The condition that the item stands at a revision, or is not there.
    fn only_at(&mut self, expected: Option<u64>) -> &'static str {
        if let Some(rev) = expected {
            self.values.insert(":expected".to_owned(), AttributeValue::N(rev.to_string()));
            "#rev = :expected"
        } else {
            self.names.insert("#p".to_owned(), PARTITION.to_owned());
            ABSENT
        }
    }

    fn expression(&self) -> String {
        let set = format!("SET {}", self.sets.join(", "));
        if self.removes.is_empty() { set } else { format!("{set} REMOVE {}", self.removes.join(", ")) }
    }
}
