//! What the embedded DynamoDB does not do by itself: rows that do not read back, torn reads, batches done in
//! part, conflicts of transactions, throttling, and no answer at all.

use std::error::Error;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use perennial_app::ports::{CommitError, Store, StoreError, Surveyed};
use perennial_aws::dynamo::{DynamoStore, table};
use serde_json::json;
use tokio::net::TcpListener;

use crate::embedded::{TABLE, client, start, start_without_table};
use crate::loopback::{Answer, Loopback};
use crate::samples::{commit, id, next_commit, sending};

/// A store with one lead, in which one attribute of one row was overwritten.
async fn store_with(sort: &str, attribute: &str, value: AttributeValue) -> DynamoStore {
    let client = client(&start().await);
    let store = DynamoStore::new(client.clone(), TABLE);
    store.commit(&commit()).await.unwrap();
    client
        .update_item()
        .table_name(TABLE)
        .key("PK", AttributeValue::S(format!("LEAD#{}", id())))
        .key("SK", AttributeValue::S(sort.to_owned()))
        .update_expression("SET #a = :v")
        .expression_attribute_names("#a", attribute)
        .expression_attribute_values(":v", value)
        .send()
        .await
        .unwrap();
    store
}

fn corrupt_key<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer.unwrap_err() {
        StoreError::Corrupt { key, .. } => key,
        other @ (StoreError::Unavailable(_) | StoreError::Refused(_)) => panic!("{other:?}"),
    }
}

fn chain(error: &dyn Error) -> String {
    let links = std::iter::successors(Some(error), |&error| error.source());
    links.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_row_that_does_not_read_back_is_an_error_with_its_key() {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let state = store_with("STATE", "lead", text("?")).await;
    assert_eq!(corrupt_key(state.load(&id()).await), "LEAD#abcdefghijklmnopqrstuvwxyz/STATE");
    assert_eq!(corrupt_key(state.survey(None).await), "LEAD#abcdefghijklmnopqrstuvwxyz/STATE");
    let history = store_with("H#0000000012", "entries", text("?")).await;
    assert_eq!(corrupt_key(history.history(&id()).await), "LEAD#abcdefghijklmnopqrstuvwxyz/H#0000000012");
    let pulse = store_with("STATE", "pulse", text("2026-03-02")).await;
    assert_eq!(corrupt_key(pulse.survey(None).await), "LEAD#abcdefghijklmnopqrstuvwxyz/STATE");
}

#[tokio::test]
async fn a_row_of_another_version_is_not_guessed_at() {
    let store = store_with("STATE", "v", AttributeValue::N("2".to_owned())).await;
    let error = store.load(&id()).await.unwrap_err();
    assert_eq!(chain(&error), "the item LEAD#abcdefghijklmnopqrstuvwxyz/STATE is corrupt: it is not of version 1");
}

#[tokio::test]
async fn the_error_of_a_corrupt_profile_does_not_tell_what_is_in_it() {
    let store = store_with("PROFILE", "profile", AttributeValue::S("canary-7f3@example.com".to_owned())).await;
    let error = store.load(&id()).await.unwrap_err();
    let expected = "the item LEAD#abcdefghijklmnopqrstuvwxyz/PROFILE is corrupt: it does not read as version 1";
    assert_eq!(chain(&error), expected);
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_profile_that_does_not_belong_to_its_state_is_an_error() {
    let store = store_with("PROFILE", "rev", AttributeValue::N("7".to_owned())).await;
    assert_eq!(corrupt_key(store.load(&id()).await), "LEAD#abcdefghijklmnopqrstuvwxyz/PROFILE");
}

#[tokio::test]
async fn a_lead_that_was_read_half_before_and_half_after_a_write_is_read_again() {
    let server = Loopback::in_front_of(&start().await, |number, _| {
        if number == 1 {
            Answer::ForwardAndEdit(r#""profile_rev":{"N":"1"}"#, r#""profile_rev":{"N":"0"}"#)
        } else {
            Answer::Forward
        }
    })
    .await;
    let store = DynamoStore::new(client(&server.url), TABLE);
    store.commit(&commit()).await.unwrap();
    assert_eq!(store.load(&id()).await.unwrap().unwrap().lead, commit().lead);
    assert_eq!(server.count("BatchGetItem"), 2);
}

#[tokio::test]
async fn what_a_batch_left_out_is_asked_for_again() {
    let server = Loopback::in_front_of(&start().await, |number, request| {
        if number == 1 {
            let left = json!({ "Responses": {}, "UnprocessedKeys": request.json()["RequestItems"] });
            Answer::Reply(200, "", left.to_string())
        } else {
            Answer::Forward
        }
    })
    .await;
    let store = DynamoStore::new(client(&server.url), TABLE);
    store.commit(&commit()).await.unwrap();
    assert_eq!(store.load(&id()).await.unwrap().unwrap().lead, commit().lead);
    assert_eq!(server.count("BatchGetItem"), 2);
}

#[tokio::test]
async fn a_batch_that_is_never_done_ends_as_not_available() {
    let server = Loopback::start(|_, request| {
        let left = json!({ "Responses": {}, "UnprocessedKeys": request.json()["RequestItems"] });
        Answer::Reply(200, "", left.to_string())
    })
    .await;
    let store = DynamoStore::new(client(&server.url), TABLE);
    assert!(matches!(store.load(&id()).await, Err(StoreError::Unavailable(_))));
    assert_eq!(server.count("BatchGetItem"), 5);
}

/// A server that cancels every transaction, with these reasons for its first two parts.
async fn cancelling(state: &'static str, history: &'static str) -> DynamoStore {
    let server = Loopback::start(move |_, _| {
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": [{ "Code": state }, { "Code": history }],
        });
        Answer::Reply(400, "", body.to_string())
    })
    .await;
    DynamoStore::new(client(&server.url), TABLE)
}

#[tokio::test]
async fn each_reason_of_a_cancelled_transaction_has_its_meaning() {
    let answer = |state, history| async move { cancelling(state, history).await.commit(&next_commit(1)).await };
    assert!(matches!(answer("TransactionConflict", "None").await, Err(CommitError::Conflict)));
    assert!(matches!(answer("ConditionalCheckFailed", "None").await, Err(CommitError::Conflict)));
    let history = answer("None", "ConditionalCheckFailed").await;
    assert!(matches!(history, Err(CommitError::Store(StoreError::Corrupt { .. }))));
    let throttled = answer("ThrottlingError", "None").await;
    assert!(matches!(throttled, Err(CommitError::Store(StoreError::Unavailable(_)))));
    let invalid = answer("ValidationError", "None").await;
    assert!(matches!(invalid, Err(CommitError::Store(StoreError::Refused(_)))));
}

#[tokio::test]
async fn a_new_lead_without_a_profile_is_refused() {
    let store = DynamoStore::new(client(&start().await), TABLE);
    let answer = store.commit(&perennial_app::ports::Commit { profile: None, ..commit() }).await;
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Refused(_)))));
}

#[tokio::test]
async fn a_store_that_nobody_listens_at_is_not_available() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let store = DynamoStore::new(client(&format!("http://{nobody}")), TABLE);
    let error = store.load(&id()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)));
    assert!(chain(&error).contains("Connection refused"), "{}", chain(&error));
}

#[tokio::test]
async fn errors_of_the_store_are_told_apart() {
    for (status, code, available) in [
        (500, "InternalServerError", false),
        (400, "ProvisionedThroughputExceededException", false),
        (400, "AccessDeniedException", true),
        (400, "ResourceNotFoundException", true),
    ] {
        let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "because" });
        let server = Loopback::start(move |_, _| Answer::Reply(status, "", body.to_string())).await;
        let store = DynamoStore::new(client(&server.url), TABLE);
        let error = store.mark_sending(&id(), 1, &sending()).await.unwrap_err();
        let refused = matches!(error, CommitError::Store(StoreError::Refused(_)));
        assert_eq!(refused, available, "{code}: {error:?}");
        assert!(chain(&error).contains("because"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_cursor_of_another_call_is_refused() {
    let store = DynamoStore::new(client(&start().await), TABLE);
    let foreign = || Some(perennial_app::ports::Cursor("elsewhere".to_owned()));
    assert!(matches!(store.survey(foreign()).await, Err(StoreError::Refused(_))));
    assert!(matches!(store.due(0, crate::samples::noon(), foreign()).await, Err(StoreError::Refused(_))));
}

#[tokio::test]
async fn the_table_can_be_made_again() {
    let client = client(&start().await);
    perennial_aws::dynamo::table::create(&client, TABLE).await.unwrap();
}

#[tokio::test]
async fn a_table_from_before_an_index_gets_it_and_whoever_is_written_to_from_then_on_is_in_it() {
    let client = client(&start_without_table().await);
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let table = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(attribute("PK")).attribute_definitions(attribute("SK"));
    let table = table.key_schema(key("PK", KeyType::Hash)).key_schema(key("SK", KeyType::Range));
    table.send().await.unwrap();
    let store = DynamoStore::new(client.clone(), TABLE);
    store.commit(&commit()).await.unwrap();
    for _ in 0..2 {
        table::create(&client, TABLE).await.unwrap();
    }
    let items = store.survey(None).await.unwrap().items;
    let places = items.iter().filter_map(|item| match item {
        Surveyed::State { indexed_desk, .. } => indexed_desk.clone(),
        Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => None,
    });
    let [place] = &places.collect::<Vec<_>>()[..] else { panic!("the lead lies on a desk") };
    store.commit(&next_commit(1)).await.unwrap();
    let page = store.desk(&place.owner, None).await.unwrap();
    assert_eq!(page.leads.iter().map(|lead| &lead.id).collect::<Vec<_>>(), [&id()]);
}
