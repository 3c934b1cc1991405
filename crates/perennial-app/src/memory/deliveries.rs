//! What is kept of webhooks, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use perennial_core::ids::WebhookName;

use super::{MemoryStore, PAGE_MAX};
use crate::deliveries::{Backlog, Deliveries, Delivery, DeliveryPage, Gone, Standing, Turn};
use crate::ports::{Cursor, HistoryRow, StoreError};
use crate::publish::EventId;

#[derive(Default)]
pub(super) struct Webhooks {
    deliveries: BTreeMap<(WebhookName, EventId), Delivery>,
    /// Whose turn it is or was last, and until when nobody gets the next one.
    turns: BTreeMap<WebhookName, (String, Timestamp)>,
    turns_begun: u64,
    gone: BTreeMap<WebhookName, Gone>,
}

impl Webhooks {
    /// Those of a webhook that wait, by when they are due.
    fn waiting(&self, webhook: &WebhookName) -> BTreeMap<(Timestamp, EventId), &Delivery> {
        self.by(webhook, |delivery| match delivery.standing {
            Standing::Waiting { due } => Some(due),
            Standing::Parked { .. } | Standing::Done { .. } => None,
        })
    }

    /// Those that are parked, by when their events happened.
    fn parked(&self, webhook: &WebhookName) -> BTreeMap<(Timestamp, EventId), &Delivery> {
        self.by(webhook, |delivery| match delivery.standing {
            Standing::Parked { .. } => Some(delivery.at),
            Standing::Waiting { .. } | Standing::Done { .. } => None,
        })
    }

    fn by(
        &self,
        webhook: &WebhookName,
        when: impl Fn(&Delivery) -> Option<Timestamp>,
    ) -> BTreeMap<(Timestamp, EventId), &Delivery> {
        let of_webhook = self.deliveries.values().filter(|delivery| delivery.webhook == *webhook);
        of_webhook.filter_map(|delivery| Some(((when(delivery)?, delivery.event.clone()), delivery))).collect()
    }
}

fn count<T>(items: &BTreeMap<(Timestamp, EventId), T>) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[async_trait]
impl Deliveries for MemoryStore {
    async fn add_delivery(
        &self,
        webhook: &WebhookName,
        event: &EventId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let key = (webhook.clone(), event.clone());
        let is_new = !rows.webhooks.deliveries.contains_key(&key);
        let standing = Standing::Waiting { due: now };
        let (webhook, event) = key.clone();
        let delivery = Delivery { webhook, event, at, standing, attempts: 0, failure: None };
        rows.webhooks.deliveries.entry(key).or_insert(delivery);
        Ok(is_new)
    }

    async fn delivery(&self, webhook: &WebhookName, event: &EventId) -> Result<Option<Delivery>, StoreError> {
        Ok(self.rows().webhooks.deliveries.get(&(webhook.clone(), event.clone())).cloned())
    }

    async fn due_deliveries(&self, webhook: &WebhookName, until: Timestamp) -> Result<Vec<EventId>, StoreError> {
        let rows = self.rows();
        let due = rows.webhooks.waiting(webhook).into_keys().take_while(|(due, _)| *due <= until);
        Ok(due.map(|(_, event)| event).take(PAGE_MAX).collect())
    }

    async fn change_delivery(&self, before: &Delivery, after: &Delivery) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let key = (before.webhook.clone(), before.event.clone());
        let is_before = rows.webhooks.deliveries.get(&key).is_some_and(|delivery| delivery == before);
        if is_before {
            rows.webhooks.deliveries.insert(key, after.clone());
        }
        Ok(is_before)
    }

    async fn parked_deliveries(
        &self,
        webhook: &WebhookName,
        since: Timestamp,
        cursor: Option<Cursor>,
    ) -> Result<DeliveryPage, StoreError> {
        let start = cursor.map(|Cursor(text)| serde_json::from_str(&text)).transpose();
        let start: Option<(Timestamp, EventId)> = start.map_err(super::foreign_cursor)?;
        let rows = self.rows();
        let parked = rows.webhooks.parked(webhook).into_keys();
        let later = parked.filter(|place| place.0 >= since && start.as_ref().is_none_or(|start| place > start));
        let places: Vec<(Timestamp, EventId)> = later.take(PAGE_MAX).collect();
        let last = places.last().filter(|_| places.len() == PAGE_MAX);
        let next =
            last.map(|last| serde_json::to_string(last).map(Cursor).map_err(super::foreign_cursor)).transpose()?;
        Ok(DeliveryPage { events: places.into_iter().map(|(_, event)| event).collect(), next })
    }

    async fn backlog(&self, webhook: &WebhookName) -> Result<Backlog, StoreError> {
        let rows = self.rows();
        Ok(Backlog { waiting: count(&rows.webhooks.waiting(webhook)), parked: count(&rows.webhooks.parked(webhook)) })
    }

    async fn begin_turn(
        &self,
        webhook: &WebhookName,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Turn>, StoreError> {
        let mut rows = self.rows();
        if rows.webhooks.turns.get(webhook).is_some_and(|(_, until)| *until > now) {
            return Ok(None);
        }
        rows.webhooks.turns_begun = rows.webhooks.turns_begun.saturating_add(1);
        let token = rows.webhooks.turns_begun.to_string();
        rows.webhooks.turns.insert(webhook.clone(), (token.clone(), until));
        Ok(Some(Turn { webhook: webhook.clone(), token, gone: rows.webhooks.gone.get(webhook).cloned() }))
    }

    async fn end_turn(&self, turn: &Turn, peace: Option<Timestamp>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if let Some((_, until)) = rows.webhooks.turns.get_mut(&turn.webhook).filter(|(token, _)| *token == turn.token) {
            *until = peace.unwrap_or(Timestamp::MIN);
        }
        Ok(())
    }

    async fn gone(&self, webhook: &WebhookName) -> Result<Option<Gone>, StoreError> {
        Ok(self.rows().webhooks.gone.get(webhook).cloned())
    }

    async fn set_gone(&self, webhook: &WebhookName, gone: Option<&Gone>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        match gone {
            Some(gone) => rows.webhooks.gone.insert(webhook.clone(), gone.clone()),
            None => rows.webhooks.gone.remove(webhook),
        };
        Ok(())
    }

    async fn history_row(&self, event: &EventId) -> Result<Option<HistoryRow>, StoreError> {
        Ok(self.rows().history.get(&(event.lead.clone(), event.seq)).cloned())
    }
}
