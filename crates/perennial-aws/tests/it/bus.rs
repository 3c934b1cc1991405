//! F32: a bus that takes a part gets only the rest again.

use perennial_app::ports::{Bus, BusError, BusEvent};
use perennial_aws::bus::EventBridgeBus;
use perennial_aws::clients::Clients;
use serde_json::{Value, json};

use crate::loopback::{Answer, Loopback, Request};
use crate::samples::noon;

fn events(count: usize) -> Vec<BusEvent> {
    let event = |number: usize| BusEvent {
        name: "touch.sent".to_owned(),
        at: noon(),
        detail: json!({ "id": number.to_string() }).to_string(),
    };
    (0..count).map(event).collect()
}

fn bus(server: &Loopback) -> EventBridgeBus {
    EventBridgeBus::new(Clients::loopback(&server.url).event_bridge(), "perennial")
}

fn entries(request: &Request) -> Vec<Value> {
    request.json()["Entries"].as_array().unwrap().clone()
}

/// The ids of the events in each call.
fn calls(server: &Loopback) -> Vec<Vec<String>> {
    let id = |entry: &Value| -> String {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["id"].as_str().unwrap().to_owned()
    };
    server.requests().iter().map(|request| entries(request).iter().map(id).collect()).collect()
}

/// A bus that does not take the events with these ids, in so many calls.
async fn refusing(ids: &'static [&'static str], calls: usize) -> Loopback {
    Loopback::start(move |number, request| {
        let refused =
            |entry: &Value| ids.iter().any(|id| entry["Detail"].as_str().unwrap().contains(&format!("\"{id}\"")));
        let answers: Vec<Value> = entries(request)
            .iter()
            .map(|entry| {
                if number < calls && refused(entry) {
                    json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "later" })
                } else {
                    json!({ "EventId": "11710aed" })
                }
            })
            .collect();
        let failed = answers.iter().filter(|answer| answer.get("ErrorCode").is_some()).count();
        Answer::Reply(200, "", json!({ "FailedEntryCount": failed, "Entries": answers }).to_string())
    })
    .await
}

#[tokio::test]
async fn an_event_is_put_as_ours_on_our_bus() {
    let server = refusing(&[], 0).await;
    bus(&server).publish(&events(1)).await.unwrap();
    let mut entry = entries(&server.requests()[0])[0].clone();
    assert!(entry.as_object_mut().unwrap().remove("Time").is_some());
    let expected = json!({
        "Source": "perennial", "DetailType": "touch.sent", "Detail": r#"{"id":"0"}"#, "EventBusName": "perennial",
    });
    assert_eq!(entry, expected);
}

#[tokio::test]
async fn only_the_failed_events_are_put_again() {
    let server = refusing(&["1", "3"], 1).await;
    bus(&server).publish(&events(5)).await.unwrap();
    assert_eq!(calls(&server), [vec!["0", "1", "2", "3", "4"], vec!["1", "3"]]);
}

#[tokio::test]
async fn an_event_that_is_never_taken_is_named_after_a_few_rounds() {
    let server = refusing(&["11"], usize::MAX).await;
    let error = bus(&server).publish(&events(12)).await.unwrap_err();
    assert!(matches!(&error, BusError::Partial { failed, .. } if *failed == [11]), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "EventBridge answered ThrottlingException: later");
    let sizes: Vec<usize> = calls(&server).iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 2, 1, 1]);
}

#[tokio::test]
async fn a_bus_that_refuses_the_call_took_nothing() {
    let server = Loopback::start(|_, _| Answer::Reply(400, "AccessDeniedException", "{}".to_owned())).await;
    let error = bus(&server).publish(&events(2)).await.unwrap_err();
    assert!(matches!(error, BusError::Failed(_)));
    assert_eq!(server.requests().len(), 1, "only what was refused by itself is put again");
}

#[tokio::test]
async fn a_call_that_fails_does_not_take_the_others_with_it() {
    let server = Loopback::start(|number, request| {
        if number == 0 {
            return Answer::Reply(400, "ValidationException", "{}".to_owned());
        }
        let taken = vec![json!({ "EventId": "11710aed" }); entries(request).len()];
        Answer::Reply(200, "", json!({ "FailedEntryCount": 0, "Entries": taken }).to_string())
    })
    .await;
    let error = bus(&server).publish(&events(12)).await.unwrap_err();
    assert!(matches!(&error, BusError::Partial { failed, .. } if *failed == (0..10).collect::<Vec<_>>()), "{error:?}");
}

#[tokio::test]
async fn an_answer_for_another_number_of_events_is_no_answer() {
    let server =
        Loopback::start(|_, _| Answer::Reply(200, "", r#"{"FailedEntryCount":0,"Entries":[]}"#.to_owned())).await;
    let error = bus(&server).publish(&events(1)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "EventBridge answered for 0 of 1 events");
}

#[tokio::test]
async fn nothing_to_publish_makes_no_call() {
    let server = refusing(&[], 0).await;
    bus(&server).publish(&[]).await.unwrap();
    assert_eq!(server.requests().len(), 0);
}
