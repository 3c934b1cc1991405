//! Handing a person all that is kept of them.

use jiff::SignedDuration;
use perennial_app::ports::EngagementRecord;
use perennial_core::ids::TouchId;
use serde_json::json;

use super::{ADDRESS, canary, found, whole};
use crate::scenarios::world::{World, berlin};

#[tokio::test]
async fn an_export_is_all_of_one_person_and_nothing_of_another() {
    let world = World::at("2026-03-02 10:00").await;
    world.post(json!({ "email": "bob@example.com", "first_name": "Bob", "message": "Rattle" })).await;
    let lead = world.post(canary()).await;
    world.clock.advance(SignedDuration::from_mins(5));
    world.post(json!({ "email": ADDRESS, "message": "Once more" })).await;
    let note = EngagementRecord {
        lead: lead.clone(),
        touch: TouchId::parse("1_welcome_response_0").unwrap(),
        kind: "delivered".to_owned(),
        at: berlin("2026-03-02 10:01"),
    };
    world.store.record_engagement(&note).await.unwrap();
    world.unsubscribe(&lead).await;

    let export = whole(&world).export(&lead).await.unwrap().unwrap();
    assert_eq!(format!("{export:?}"), format!("Export {{ lead: {lead:?}, .. }}"), "its Debug says nothing more");
    let mut json = serde_json::to_string_pretty(&export).unwrap();
    // Which post it is in this run of all tests, the id tells.
    for (nth, submission) in export.submissions.iter().enumerate() {
        json = json.replace(submission.id.as_str(), &format!("<submission {nth}>"));
    }
    assert!(!json.contains("bob@") && !json.contains("Rattle"));
    assert!(found(&json).len() > 5, "{:?}", found(&json));
    insta::assert_snapshot!(json);
}
