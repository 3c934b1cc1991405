//! Our events, as moto's EventBridge takes them and keeps them in an archive.

use perennial_app::ports::{Bus as _, BusEvent};
use perennial_aws::bus::EventBridgeBus;

fn events(count: usize) -> Vec<BusEvent> {
    let event = |number: usize| BusEvent {
        name: "touch.sent".to_owned(),
        at: "2026-03-02T12:00:00Z".parse().unwrap(),
        detail: serde_json::json!({ "id": number.to_string() }).to_string(),
    };
    (0..count).map(event).collect()
}

#[tokio::test]
async fn more_events_than_a_call_holds_all_come_to_the_bus_as_ours() {
    let (client, bus, archive) = (crate::clients().event_bridge(), crate::name("bus"), crate::name("archive"));
    let made = client.create_event_bus().name(&bus).send().await.unwrap();
    client
        .create_archive()
        .archive_name(&archive)
        .event_source_arn(made.event_bus_arn().unwrap())
        .event_pattern(r#"{"source": ["perennial"], "detail-type": ["touch.sent"]}"#)
        .send()
        .await
        .unwrap();
    EventBridgeBus::new(client.clone(), &bus).publish(&events(23)).await.unwrap();
    let kept = client.describe_archive().archive_name(&archive).send().await.unwrap();
    assert_eq!(kept.event_count(), 23);
}
