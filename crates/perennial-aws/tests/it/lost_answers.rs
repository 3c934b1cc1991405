//! F7: a write landed, its answer was lost, the SDK tried again and was told "condition failed".

use std::sync::atomic::{AtomicUsize, Ordering};

use perennial_app::deliveries::{Deliveries as _, Delivery, Standing};
use perennial_app::ports::{CommitError, EngagementRecord, Store};
use perennial_app::publish::EventId;
use perennial_aws::dynamo::DynamoStore;
use perennial_core::ids::WebhookName;

use crate::embedded::{TABLE, client, start};
use crate::loopback::{Answer, Loopback};
use crate::samples::{catalog, commit, id, next_commit, noon, program, release, sending, touch};

/// A store that one answer is lost on the way to, after the write has landed: that to the `nth` such call.
async fn store_that_loses_the_answer_to(call: &'static str, nth: usize) -> (DynamoStore, Loopback) {
    let calls = AtomicUsize::new(0);
    let server = Loopback::in_front_of(&start().await, move |_, request| {
        let is_it = request.call() == call && calls.fetch_add(1, Ordering::SeqCst) + 1 == nth;
        if is_it { Answer::ForwardAndDrop } else { Answer::Forward }
    })
    .await;
    (DynamoStore::new(client(&server.url), TABLE).with_outbox(), server)
}

#[tokio::test]
async fn a_first_commit_that_landed_counts_as_done() {
    let (store, server) = store_that_loses_the_answer_to("TransactWriteItems", 1).await;
    // With submission and key: they, too, are found to be there.
    assert_eq!(store.commit(&commit()).await.unwrap(), 1);
    assert_eq!(server.count("TransactWriteItems"), 2);
    let stored = store.load(&id()).await.unwrap().unwrap();
    assert_eq!((stored.lead, stored.rev), (commit().lead, 1));
    assert_eq!(store.history(&id()).await.unwrap().len(), 1);
    assert!(matches!(store.commit(&commit()).await, Err(CommitError::KnownKey(_))), "the next one is another's");
}

#[tokio::test]
async fn a_later_commit_that_landed_counts_as_done() {
    let (store, server) = store_that_loses_the_answer_to("TransactWriteItems", 2).await;
    let rev = store.commit(&commit()).await.unwrap();
    assert_eq!(store.commit(&next_commit(rev)).await.unwrap(), 2);
    assert_eq!(server.count("TransactWriteItems"), 3);
    assert!(matches!(store.commit(&next_commit(rev)).await, Err(CommitError::Conflict)), "the next one is another's");
}

#[tokio::test]
async fn a_mark_that_landed_counts_as_made() {
    let (store, server) = store_that_loses_the_answer_to("UpdateItem", 1).await;
    let rev = store.commit(&commit()).await.unwrap();
    let marked = store.mark_sending(&id(), rev, &sending()).await.unwrap();
    assert_eq!(server.count("UpdateItem"), 2);
    assert_eq!(store.load(&id()).await.unwrap().unwrap().rev, marked);
    assert!(matches!(store.mark_sending(&id(), rev, &sending()).await, Err(CommitError::Conflict)));
}

#[tokio::test]
async fn a_fact_that_landed_counts_as_new() {
    let (store, server) = store_that_loses_the_answer_to("PutItem", 1).await;
    let fact = EngagementRecord { lead: id(), touch: touch(), kind: "delivered".to_owned(), at: noon() };
    assert!(store.record_engagement(&fact).await.unwrap());
    assert_eq!(server.count("PutItem"), 2);
    assert!(!store.record_engagement(&fact).await.unwrap());
}

#[tokio::test]
async fn a_release_that_landed_counts_as_set() {
    let (store, server) = store_that_loses_the_answer_to("PutItem", 1).await;
    assert!(store.set_release(&release(), None).await.unwrap());
    assert_eq!(server.count("PutItem"), 2);
    assert_eq!(store.release().await.unwrap(), Some(release()));
    assert!(!store.set_release(&release(), None).await.unwrap(), "the next one is another's");
}

#[tokio::test]
async fn a_file_that_landed_counts_as_kept() {
    let (store, server) = store_that_loses_the_answer_to("PutItem", 1).await;
    store.put_program(&program()).await.unwrap();
    store.put_catalog(&catalog()).await.unwrap();
    assert_eq!(server.count("PutItem"), 3);
}

#[tokio::test]
async fn a_delivery_that_landed_counts_as_new_and_its_change_as_made() {
    let (store, server) = store_that_loses_the_answer_to("PutItem", 1).await;
    let (event, hook) = (EventId { lead: id(), seq: 1, place: 0 }, WebhookName::parse("crm").unwrap());
    assert!(store.add_delivery(&hook, &event, noon(), noon()).await.unwrap());
    assert_eq!(server.count("PutItem"), 2);
    assert!(!store.add_delivery(&hook, &event, noon(), noon()).await.unwrap());

    let (store, server) = store_that_loses_the_answer_to("PutItem", 2).await;
    assert!(store.add_delivery(&hook, &event, noon(), noon()).await.unwrap());
    let before = store.delivery(&hook, &event).await.unwrap().unwrap();
    let after = Delivery { standing: Standing::Done { at: noon() }, attempts: 1, ..before.clone() };
    assert!(store.change_delivery(&before, &after).await.unwrap());
    assert_eq!(server.count("PutItem"), 3);
    assert!(!store.change_delivery(&before, &after).await.unwrap(), "the next one is another's");
}

#[tokio::test]
async fn a_turn_that_landed_is_ours() {
    let (store, server) = store_that_loses_the_answer_to("UpdateItem", 1).await;
    let hook = WebhookName::parse("crm").unwrap();
    let until = "2026-03-02T12:01:00Z".parse().unwrap();
    assert!(store.begin_turn(&hook, noon(), until).await.unwrap().is_some());
    assert_eq!(server.count("UpdateItem"), 2);
    assert_eq!(store.begin_turn(&hook, noon(), until).await.unwrap(), None, "the next one is another's");
}
