//! The table's stream, as DynamoDB hands it to `publish-history`.

use std::collections::BTreeSet;
use std::sync::Arc;

use perennial_app::memory::RecordingBus;
use perennial_app::ports::BusEvent;
use perennial_core::submission::Permission;
use publish_history::{Deps, handle};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::ingest_lead::logs::Log;
use crate::scenarios::world::{World, read, sample};

/// Gives a batch to the function: what the bus got, and the sequence number that is reported, if one is.
async fn publish(stream: &Value) -> (Vec<BusEvent>, Option<String>) {
    let bus = Arc::new(RecordingBus::default());
    let failed = publish_to(&bus, stream).await;
    (bus.published(), failed)
}

async fn publish_to(bus: &Arc<RecordingBus>, stream: &Value) -> Option<String> {
    let deps = Arc::new(Deps { bus: bus.clone() });
    let answer = serde_json::to_value(handle(deps, read(stream)).await.unwrap()).unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().clone();
    assert!(failures.len() <= 1, "the first one is enough: the stream starts again from it");
    failures.first().map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
}

fn names(events: &[BusEvent]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

fn sequence_number(stream: &Value, record: usize) -> String {
    stream["Records"][record]["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_new_history_rows_of_a_batch_are_published_in_order_and_nothing_else_is() {
    let (events, failed) = publish(&sample("history-stream.json")).await;
    assert_eq!(failed, None);
    let expected =
        ["lead.received", "lead.admitted", "lead.assigned", "enrolment.started", "touch.sent", "enrolment.advanced"];
    assert_eq!(names(&events), expected);

    let details: Vec<Value> = events.iter().map(|event| serde_json::from_str(&event.detail).unwrap()).collect();
    insta::assert_json_snapshot!(details[3], @r#"
    {
      "at": "2026-03-02T09:00:00Z",
      "channel": "form",
      "due_at": "2026-03-02T09:00:00Z",
      "id": "biemfhtrar7jgzcgd3hax6dwqe-1-3",
      "lead": "biemfhtrar7jgzcgd3hax6dwqe",
      "ordinal": 1,
      "program": "welcome",
      "seq": 1,
      "step": "response",
      "stimulus": "submitted",
      "type": "enrolment.started",
      "version": "0123456789ab"
    }
    "#);
    insta::assert_json_snapshot!(details[4], @r#"
    {
      "at": "2026-03-02T09:00:01Z",
      "attempt": 1,
      "id": "biemfhtrar7jgzcgd3hax6dwqe-2-0",
      "lead": "biemfhtrar7jgzcgd3hax6dwqe",
      "message_id": "0107019cad3f7c52-4b1f6a0e-8d27-4c39-9a55-2e6f0c1d7b84-000000",
      "proof": "answer",
      "seq": 2,
      "stimulus": "send_ended",
      "touch": "1_welcome_response_0",
      "type": "touch.sent"
    }
    "#);
    let ids: Vec<_> = details.iter().map(|detail| detail["id"].as_str().unwrap()).collect();
    let lead = "biemfhtrar7jgzcgd3hax6dwqe";
    let expected = ["1-0", "1-1", "1-2", "1-3", "2-0", "2-1"].map(|id| format!("{lead}-{id}"));
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn the_sample_of_a_nudge_is_what_the_bus_gets() {
    let (events, _) = publish(&sample("history-stream.json")).await;
    let nudge = sample("enrolment-started.json");
    let detail: Value = serde_json::from_str(&events[3].detail).unwrap();
    assert_eq!((&nudge["detail"], &nudge["detail-type"]), (&detail, &json!(events[3].name)));
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_has_the_same_ids() {
    let stream = sample("history-stream.json");
    assert_eq!(publish(&stream).await, publish(&stream).await);
}

#[tokio::test]
async fn changes_and_deletions_are_no_news() {
    for name in ["MODIFY", "REMOVE"] {
        let mut stream = sample("history-stream.json");
        for record in stream["Records"].as_array_mut().unwrap() {
            record["eventName"] = json!(name);
        }
        assert_eq!(publish(&stream).await, (Vec::new(), None), "{name}");
    }
    assert_eq!(publish(&json!({ "Records": [] })).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_corrupt_row_is_reported_by_its_number_after_what_came_before_it_and_never_skipped() {
    let log = Log::at(LevelFilter::INFO);
    let corrupt = |pointer: &str, value: Value| {
        let mut stream = sample("history-stream.json");
        *stream["Records"][3]["dynamodb"]["NewImage"].pointer_mut(pointer).unwrap() = value;
        stream
    };
    let rows = [
        ("another version", corrupt("/v", json!({ "N": "2" }))),
        ("no time", corrupt("/at", json!({ "S": "yesterday" }))),
        ("an unknown entry", corrupt("/entries/L/0/M/type", json!({ "S": "touch.dreamt" }))),
        ("no list", corrupt("/entries", json!({ "S": "canary-7f3@example.com" }))),
        ("a number that is none", corrupt("/SK", json!({ "S": "H#last" }))),
    ];
    for (row, stream) in rows {
        let (events, failed) = publish(&stream).await;
        assert_eq!(failed, Some(sequence_number(&stream, 3)), "{row}");
        assert_eq!(events.len(), 4, "{row}: the first row is published");
    }
    assert!(log.text().contains("ERROR") && !log.text().contains("canary"), "{}", log.text());
}

#[tokio::test]
async fn a_bus_that_takes_nothing_has_the_batch_start_again_from_its_first_row() {
    let stream = sample("history-stream.json");
    let bus = Arc::new(RecordingBus::default());
    bus.refuse_next();
    assert_eq!(publish_to(&bus, &stream).await, Some(sequence_number(&stream, 1)));
    assert_eq!(publish_to(&bus, &stream).await, None);
    assert_eq!(bus.published().len(), 6);
}

#[tokio::test]
async fn a_failure_without_a_number_to_report_fails_the_batch_with_its_reason() {
    let mut stream = sample("history-stream.json");
    stream["Records"][3]["dynamodb"]["NewImage"]["v"] = json!({ "N": "2" });
    for number in [json!(""), Value::Null] {
        stream["Records"][3]["dynamodb"]["SequenceNumber"] = number;
        let deps = Arc::new(Deps { bus: Arc::new(RecordingBus::default()) });
        let error = handle(deps, read(&stream)).await.unwrap_err();
        assert_eq!(error.to_string(), "corrupt_history");
    }
}

#[tokio::test]
async fn nothing_that_a_person_told_reaches_the_bus_and_no_name_stands_twice_there() {
    let world = World::hand_raising("2026-03-02 10:00").await;
    let canary = json!({
        "email": "canary-7f3@example.com", "phone": "+49 30 7777777", "first_name": "Canary-7f3",
        "message": "canary-7f3", "utm_campaign": "canary-7f3",
    });
    let ada = world.post(canary.clone()).await;
    world.post(canary).await;
    world.unsubscribe(&ada).await;
    world.post(json!({ "email": "canary-7f3@mailinator.com" })).await;
    let bounced = world.post(json!({ "email": "canary-7f4@example.com" })).await;
    world.hear("ses-bounce-permanent.json", &bounced).await;
    let listened_to = world.import(Permission::Refused, &[("email", "canary-7f5@example.com")]).await;
    world.live_until("2026-09-10 00:00").await;
    world.post(json!({ "email": "canary-7f5@example.com", "phone": "+49 30 7777777" })).await;
    assert!(world.names(&listened_to).await.contains(&"lead.reopened"));

    let published = world.bus.published();
    let kinds: BTreeSet<_> = published.iter().map(|event| event.name.as_str()).collect();
    assert!(kinds.len() >= 14, "{kinds:?}");
    for event in published {
        let text = event.detail.to_lowercase();
        assert!(!text.contains("canary") && !text.contains("7777777") && !text.contains('@'), "{text}");
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        for name in detail.as_object().unwrap().keys() {
            assert_eq!(text.matches(&format!("\"{name}\":")).count(), 1, "{name} in {text}");
        }
    }
}
