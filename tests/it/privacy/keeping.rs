//! What is kept no longer than the catalog says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_app::holdings::{AgedItem, AgedPage, Held, HeldPage, Holdings, Kind, Registry, RetentionMark};
use perennial_app::ports::{Clock as _, Cursor, EngagementRecord, StoreError};
use perennial_app::retention::Retained;
use perennial_core::ids::{LeadId, SubmissionId, TouchId};
use perennial_core::lead::LifecycleStage;
use perennial_core::submission::Permission;
use serde_json::json;

use super::{ADDRESS, canary, dump, found, retainer, table, whole};
use crate::scenarios::world::World;

const NOW: &str = "2026-03-02 10:00";
const TIME_ENOUGH: Duration = Duration::from_mins(1);

async fn look(world: &World) -> Retained {
    retainer(world, Arc::new(table(world))).look(TIME_ENOUGH).await.unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// What was let go of, as text.
fn told(retained: &Retained) -> String {
    let told: Vec<String> = retained.let_go.iter().map(|(kind, count)| format!("{} {count}", kind.as_str())).collect();
    told.join(", ")
}

#[tokio::test]
async fn what_purged_junk_told_us_goes_two_weeks_after_the_purge_and_is_counted_still() {
    let world = World::at(NOW).await;
    let mut junk = canary();
    junk["website"] = json!("https://spam.example");
    let lead = world.post(junk).await;
    assert_eq!(world.lead(&lead).await.stage, LifecycleStage::Quarantined);
    world.live_until("2026-03-17 10:00").await;
    assert_eq!(world.lead(&lead).await.stage, LifecycleStage::JunkPurged);
    let before = world.waterfall().await;

    assert_eq!(told(&look(&world).await), "", "somebody may still ask what it was");
    world.clock.advance(days(14));
    assert_eq!(told(&look(&world).await), "profile 1, submission 1");
    assert_eq!(found(&dump(&world).await), [""; 0]);
    assert_eq!(world.waterfall().await, before);
    world.assert_sound().await;
    assert_eq!(told(&look(&world).await), "", "once");

    // A person who comes later is a person.
    world.post(canary()).await;
    let export = whole(&world).export(&lead).await.unwrap().unwrap();
    assert_eq!((export.standing.life, export.standing.stage), (2, LifecycleStage::Inquiry));
    assert!(export.profile.unwrap().email.is_some());
    assert_eq!(told(&look(&world).await), "");
}

#[tokio::test]
async fn junk_that_comes_back_as_a_person_between_a_look_and_its_deed_keeps_everything() {
    let world = World::at(NOW).await;
    let mut junk = canary();
    junk["website"] = json!("https://spam.example");
    let lead = world.post(junk).await;
    world.live_until("2026-03-17 10:00").await;
    world.clock.advance(days(14));
    let before = table(&world).aged(None).await.unwrap();
    world.post(canary()).await;
    let slow: Arc<dyn Registry> = Arc::new(Shown { table: table(&world), before: Some(before) });
    assert_eq!(told(&retainer(&world, slow).look(Duration::MAX).await.unwrap()), "");
    assert!(whole(&world).export(&lead).await.unwrap().unwrap().profile.unwrap().email.is_some());
}

#[tokio::test]
async fn old_submissions_are_emptied_and_what_the_lead_is_known_by_stays() {
    let world = World::at(NOW).await;
    let lead = world.post(canary()).await;
    world.clock.advance(days(1_000));
    world.post(json!({ "email": ADDRESS, "company": "Nestwerk" })).await;
    assert!(!told(&look(&world).await).contains("submission"));
    world.clock.advance(days(95));
    assert!(told(&look(&world).await).contains("submission 1"));
    let export = whole(&world).export(&lead).await.unwrap().unwrap();
    let said: Vec<bool> = export.submissions.iter().map(|submission| submission.content.is_some()).collect();
    assert_eq!(said, [false, true]);
    assert_eq!(export.profile.unwrap().fields.len(), 4);
    assert_eq!(world.waterfall().await.submissions.merged, 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_row_of_a_list_counts_from_the_day_it_was_imported() {
    let world = World::at(NOW).await;
    let lead = world.import(Permission::Allowed, &[("email", ADDRESS)]).await;
    assert_eq!(told(&look(&world).await), "");
    let items = table(&world).of_lead(&lead, None).await.unwrap().items;
    let kept = items.iter().find_map(|item| match item {
        Held::Submission(submission) => submission.kept_at,
        _ => None,
    });
    assert_eq!(kept, Some(world.clock.now()));
}

#[tokio::test]
async fn engagement_goes_after_its_time_whether_or_not_there_is_such_a_lead() {
    let world = World::at(NOW).await;
    let lead = world.post(canary()).await;
    let stranger = LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap();
    for lead in [&lead, &stranger] {
        let (touch, kind) = (TouchId::parse("1_welcome_response_0").unwrap(), "delivered".to_owned());
        let at = world.clock.now();
        world.store.record_engagement(&EngagementRecord { lead: lead.clone(), touch, kind, at }).await.unwrap();
    }
    world.clock.advance(days(399));
    assert_eq!(told(&look(&world).await), "");
    world.clock.advance(days(1));
    assert_eq!(told(&look(&world).await), "engagement 2");
    assert_eq!(told(&look(&world).await), "");
}

#[tokio::test]
async fn an_idempotency_key_goes_when_its_week_is_over() {
    let world = World::at(NOW).await;
    let mut post = crate::scenarios::world::form_post(&canary());
    post["headers"]["idempotency-key"] = json!("key-1");
    let deps = Arc::clone(&world.functions.ingest);
    ingest_lead::handle(deps, crate::scenarios::world::read(&post)).await.unwrap();
    world.clock.advance(days(6));
    assert_eq!(told(&look(&world).await), "");
    world.clock.advance(days(1));
    assert_eq!(told(&look(&world).await), "idempotency 1");
}

#[tokio::test]
async fn what_comes_in_late_of_somebody_who_was_erased_goes_with_the_next_look() {
    let world = World::at(NOW).await;
    let lead = world.post(canary()).await;
    whole(&world).erase(&lead).await.unwrap();
    let (touch, kind) = (TouchId::parse("1_welcome_response_0").unwrap(), "delivered".to_owned());
    let at = world.clock.now();
    world.store.record_engagement(&EngagementRecord { lead, touch, kind, at }).await.unwrap();
    assert_eq!(told(&look(&world).await), "engagement 1");
}

/// A registry that shows one item on each page, or what it saw before.
struct Shown {
    table: perennial_aws::dynamo::DynamoStore,
    before: Option<AgedPage>,
}

#[async_trait]
impl Holdings for Shown {
    async fn of_lead(&self, lead: &LeadId, cursor: Option<Cursor>) -> Result<HeldPage, StoreError> {
        self.table.of_lead(lead, cursor).await
    }

    async fn let_go(&self, lead: &LeadId, item: &Held, now: Timestamp) -> Result<(), StoreError> {
        self.table.let_go(lead, item, now).await
    }
}

#[async_trait]
impl Registry for Shown {
    async fn aged(&self, cursor: Option<Cursor>) -> Result<AgedPage, StoreError> {
        if let Some(before) = &self.before {
            return Ok(before.clone());
        }
        let nth: usize = cursor.map_or(0, |Cursor(nth)| nth.parse().unwrap());
        let items = self.table.aged(None).await?.items;
        let next = (nth + 1 < items.len()).then(|| Cursor((nth + 1).to_string()));
        Ok(AgedPage { items: items.into_iter().skip(nth).take(1).collect(), next })
    }

    async fn forget(&self, item: &AgedItem) -> Result<(), StoreError> {
        self.table.forget(item).await
    }

    async fn note_let_go(&self, lead: &LeadId, rev: u64) -> Result<(), StoreError> {
        self.table.note_let_go(lead, rev).await
    }

    async fn retention_mark(&self) -> Result<Option<RetentionMark>, StoreError> {
        self.table.retention_mark().await
    }

    async fn keep_retention_mark(&self, mark: Option<&RetentionMark>) -> Result<(), StoreError> {
        self.table.keep_retention_mark(mark).await
    }
}

#[tokio::test]
async fn a_look_that_runs_out_of_time_goes_on_where_it_stopped() {
    let world = World::at(NOW).await;
    for number in 0..4 {
        world.post(json!({ "email": format!("person{number}@example.com") })).await;
    }
    let one_by_one: Arc<dyn Registry> = Arc::new(Shown { table: table(&world), before: None });
    let mut looks = 0;
    loop {
        looks += 1;
        let retained = retainer(&world, Arc::clone(&one_by_one)).look(Duration::ZERO).await.unwrap();
        if retained.is_done {
            break;
        }
        assert!(table(&world).retention_mark().await.unwrap().is_some());
    }
    assert_eq!(looks, 4, "a submission each");
    assert_eq!(table(&world).retention_mark().await.unwrap(), None, "the next begins anew");
}

#[tokio::test]
async fn letting_go_twice_or_of_what_is_gone_is_fine() {
    let world = World::at(NOW).await;
    let lead = world.post(canary()).await;
    let table = table(&world);
    let now = world.clock.now();
    let items = table.of_lead(&lead, None).await.unwrap().items;
    for _ in 0..2 {
        for item in items.iter().filter(|item| item.kind() != Kind::History) {
            table.let_go(&lead, item, now).await.unwrap();
        }
    }
    let form = perennial_core::ids::FormName::parse("contact").unwrap();
    let id = SubmissionId::derive(&crate::scenarios::world::pepper(), &form, "never");
    table.forget(&AgedItem::Submission { lead: lead.clone(), id, kept_at: now }).await.unwrap();
    table.forget(&AgedItem::Idempotency { key: "never".to_owned(), expires_at: now }).await.unwrap();
    table.note_let_go(&lead, 99).await.unwrap();
    // A profile that somebody has written since is not the one that was read.
    world.post(json!({ "email": ADDRESS, "company": "Nestwerk" })).await;
    for item in items.iter().filter(|item| item.kind() == Kind::Profile) {
        table.let_go(&lead, item, now).await.unwrap();
    }
    let export = whole(&world).export(&lead).await.unwrap().unwrap();
    assert_eq!(export.profile.unwrap().fields.len(), 1);
}
