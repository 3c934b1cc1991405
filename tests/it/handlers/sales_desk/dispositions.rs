//! What a CRM tells: who may, what each disposition comes to, and that nothing counts twice.

use perennial_core::lead::LifecycleStage;
use perennial_core::policy::TurnbackReason;
use standardwebhooks::Webhook;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::handlers::ingest_lead::logs::Log;
use crate::scenarios::world::berlin;

const HALF_PAST: &str = "2026-03-02 10:30";
const SECRET: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// Ada, half an hour after she asked to be contacted.
async fn half_an_hour_with_ada() -> (World, LeadId) {
    let (world, ada) = with_ada().await;
    world.clock.set(berlin(HALF_PAST));
    (world, ada)
}

fn told_by_key(body: &Value) -> Value {
    let mut event = sample("disposition-by-key.json");
    event["body"] = json!(body.to_string());
    event
}

fn signed(id: &str, body: &Value) -> Value {
    let (mut event, text) = (told_by_key(body), body.to_string());
    let at = berlin(HALF_PAST).as_second();
    let signature = Webhook::new(SECRET).unwrap().sign(id, at, text.as_bytes()).unwrap();
    event["headers"].as_object_mut().unwrap().remove("authorization");
    event["headers"]["webhook-id"] = json!(id);
    event["headers"]["webhook-timestamp"] = json!(at.to_string());
    event["headers"]["webhook-signature"] = json!(signature);
    event
}

/// `result code` of each, in order.
fn results(answer: &Answer) -> Vec<String> {
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body));
    let judged = json["results"].as_array().unwrap_or_else(|| panic!("{}", answer.body));
    judged
        .iter()
        .map(|it| format!("{} {}", it["result"].as_str().unwrap(), it["code"].as_str().unwrap_or_default()))
        .map(|line| line.trim().to_owned())
        .collect()
}

#[tokio::test]
async fn the_samples_are_taken_in_once_each_in_the_order_in_which_it_happened() {
    let world = World::of(staffed(), NOW).await;
    let ada = world.post(serde_json::from_str(sample("form-json.json")["body"].as_str().unwrap()).unwrap()).await;
    give(&world, &ada, "robin").await;
    world.clock.set(berlin(HALF_PAST));
    let first = call(&world, sample("crm-dispositions.json")).await;
    assert_eq!((first.status, results(&first)), (200, vec!["taken".to_owned(), "taken".to_owned()]));
    // The one that happened first stands last in the batch.
    assert_eq!(told(&world, &ada).await, ["accepted", "turned_back"]);
    let again = call(&world, sample("crm-dispositions.json")).await;
    assert_eq!((again.status, results(&again)), (200, vec!["known".to_owned(), "known".to_owned()]));
    let kept = stored(&world, &ada).await;
    assert_eq!(kept.lead.turnback.unwrap().reason, TurnbackReason::Other);
    assert_eq!(kept.profile.notes[0].text, "No answer to three calls.");
    let (by, _) = last_told(&world, &ada).await;
    assert_eq!(by, Party::Crm);

    let (world, ada) = half_an_hour_with_ada().await;
    let mut event = sample("disposition-by-key.json");
    event["body"] = json!(event["body"].as_str().unwrap().replace("ada.marsh@", "ADA@"));
    for result in ["taken", "known"] {
        let answer = call(&world, event.clone()).await;
        assert_eq!((answer.status, results(&answer)), (200, vec![result.to_owned()]), "{}", answer.body);
    }
    let kept = stored(&world, &ada).await;
    assert_eq!(kept.lead.stage, LifecycleStage::Recycled);
    assert_eq!(kept.lead.disposed_at, Some(berlin("2026-03-02 10:05")));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_signed_disposition_is_known_by_the_id_that_was_signed() {
    let (world, ada) = half_an_hour_with_ada().await;
    let body = json!({ "lead": ada, "outcome": "connected", "occurred_at": "2026-03-02T09:10:00Z" });
    for result in ["taken", "known"] {
        assert_eq!(results(&call(&world, signed("msg_1", &body)).await), [result]);
    }
    assert_eq!(stored(&world, &ada).await.lead.stage, LifecycleStage::Sal);
    let mut forged = signed("msg_2", &body);
    forged["body"] = json!(body.to_string().replace("connected", "won"));
    assert_eq!(call(&world, forged).await.status, 401);
}

#[tokio::test]
async fn each_disposition_is_judged_by_itself() {
    let (world, ada) = half_an_hour_with_ada().await;
    let at = "2026-03-02T09:10:00Z";
    let item = |id: &str, more: Value| {
        let mut item = json!({ "id": id, "lead": ada, "system": "hubspot", "occurred_at": at });
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let items = [
        ("nothing", item("1", json!({ "status": "NEW" }))),
        ("refused status_unknown", item("2", json!({ "status": "canary-status" }))),
        ("refused system_unknown", item("3", json!({ "system": "canary-crm", "status": "NEW" }))),
        ("refused outcome_invalid", item("4", json!({ "outcome": "turned_back", "reason": "rep_left" }))),
        ("refused what_missing", item("5", json!({ "status": "NEW", "outcome": "won" }))),
        ("refused incomplete", item("6", json!({ "outcome": "call_back" }))),
        ("refused date_invalid", item("7", json!({ "status": "BAD_TIMING", "date": "canary-soon" }))),
        (
            "refused field_unknown",
            item("8", json!({ "outcome": "turned_back", "reason": "bad_answers", "fields": ["x"] })),
        ),
        ("refused time_invalid", item("9", json!({ "status": "CONNECTED", "occurred_at": "" }))),
        ("refused in_the_future", item("10", json!({ "status": "CONNECTED", "occurred_at": "2027-03-02T09:10:00Z" }))),
        ("refused name_unknown", item("11", json!({ "status": "CONNECTED", "owner": "canary" }))),
        ("refused lead_reference_invalid", item("12", json!({ "status": "CONNECTED", "email": "canary@example.com" }))),
        ("no_lead", item("13", json!({ "status": "CONNECTED", "lead": null, "email": "canary@example.com" }))),
        ("refused id_invalid", item("", json!({ "status": "CONNECTED" }))),
        ("refused note_too_long", item("14", json!({ "status": "CONNECTED", "note": "x".repeat(2_001) }))),
        ("taken", item("15", json!({ "status": "Connected" }))),
        ("refused id_reused", item("15", json!({ "status": "IN_PROGRESS", "occurred_at": "2026-03-02T09:11:00Z" }))),
        ("refused shape_invalid", json!("canary")),
        ("taken", item("16", json!({ "outcome": "turned_back", "reason": "bad_answers", "fields": ["company"] }))),
    ];
    let log = Log::at(LevelFilter::INFO);
    let body = json!({ "dispositions": items.iter().map(|(_, item)| item).collect::<Vec<_>>() });
    let answer = call(&world, told_by_key(&body)).await;
    let expected: Vec<&str> = items.iter().map(|(result, _)| *result).collect();
    assert_eq!((answer.status, results(&answer)), (422, expected.iter().map(|it| (*it).to_owned()).collect()));
    let logged = log.text();
    assert!(logged.contains("a disposition was taken in"));
    for said in [&answer.body, &logged] {
        assert!(!said.contains("canary"), "{said}");
    }
    assert_eq!(stored(&world, &ada).await.lead.turnback.unwrap().reason, TurnbackReason::BadAnswers);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_lead_that_does_not_read_back_keeps_no_other_of_the_batch_waiting() {
    let (world, ada) = half_an_hour_with_ada().await;
    let ben = world.post(json!({ "email": "ben@example.com" })).await;
    damage(&world, &ben).await;
    let item = |id: &str, lead: &LeadId, minute: u32| json!({ "id": id, "lead": lead, "outcome": "connected", "occurred_at": format!("2026-03-02T09:{minute}:00Z") });
    let body = json!({ "dispositions": [item("1", &ben, 10), item("2", &ada, 11)] });
    for result in ["taken", "known"] {
        let answer = call(&world, told_by_key(&body)).await;
        assert_eq!((answer.status, results(&answer)), (503, vec!["failed".to_owned(), result.to_owned()]));
        assert_eq!(answer.headers["retry-after"], "5");
        assert!(!answer.body.contains("Nothing was saved"), "{}", answer.body);
    }
    assert_eq!(told(&world, &ada).await, ["connected"]);
}

#[tokio::test]
async fn a_machine_is_the_role_that_it_has_taken_on_whatever_its_session_is_called() {
    let (world, ada) = half_an_hour_with_ada().await;
    let as_machine = |arn: &str| {
        let mut event = sample("crm-dispositions.json");
        event["requestContext"]["authorizer"]["iam"]["userArn"] = json!(arn);
        let item = json!({ "id": "1", "lead": ada, "outcome": "connected", "occurred_at": "2026-03-02T09:10:00Z" });
        event["body"] = json!(item.to_string());
        event["isBase64Encoded"] = json!(false);
        event
    };
    for (session, result) in [("i-0123", "taken"), ("i-4567", "known")] {
        let arn = format!("arn:aws:sts::123456789012:assumed-role/crm-sync/{session}");
        assert_eq!(results(&call(&world, as_machine(&arn)).await), [result], "{session}");
    }
    // Another role's ids are its own: what it tells is so already, and was not told under that id before.
    let mut other = as_machine("arn:aws:sts::123456789012:assumed-role/crm-other/i-0123");
    other["body"] = json!(
        json!({ "id": "1", "lead": ada, "outcome": "qualified", "occurred_at": "2026-03-02T09:20:00Z" }).to_string()
    );
    assert_eq!(results(&call(&world, other).await), ["taken"]);
    assert_eq!(told(&world, &ada).await, ["connected", "qualified"]);
}

#[tokio::test]
async fn nothing_is_read_of_whom_nobody_vouches_for() {
    let (world, ada) = half_an_hour_with_ada().await;
    let body = json!({ "id": "1", "lead": ada, "outcome": "won", "occurred_at": "2026-03-02T09:10:00Z" });
    let with = |key: &str| {
        let mut event = told_by_key(&body);
        event["headers"]["authorization"] = json!(key);
        event
    };
    // The keys of `/v1/events` open only that; and no key opens what is IAM's.
    for key in ["", "Bearer", "Bearer 0123456789abcdef", "Bearer canary-0123456789", "Basic ZmVkY2JhOTg3NjU0MzIxMA=="] {
        let answer = call(&world, with(key)).await;
        assert_eq!((answer.status, &answer.headers["www-authenticate"]), (401, &json!("Bearer")), "{key}");
    }
    let mut keyed = with("Bearer fedcba9876543210");
    for path in ["/v1/crm/dispositions", "/v1/crm/leads"] {
        keyed["rawPath"] = json!(path);
        keyed["requestContext"]["http"]["path"] = json!(path);
        assert_eq!(call(&world, keyed.clone()).await.status, 401, "{path}");
    }
    let mut broken = with("Bearer canary-0123456789");
    broken["body"] = json!("{");
    assert_eq!(call(&world, broken).await.status, 401);
    assert!(told(&world, &ada).await.is_empty());
    assert_eq!(call(&world, with("Bearer fedcba9876543210")).await.status, 200);
}

#[tokio::test]
async fn a_request_that_is_none_is_a_problem_as_a_whole() {
    let (world, _) = half_an_hour_with_ada().await;
    let mut get = told_by_key(&json!({}));
    get["requestContext"]["http"]["method"] = json!("GET");
    assert_eq!(call(&world, get).await.status, 405);
    let mut form = told_by_key(&json!({}));
    form["headers"]["content-type"] = json!("application/x-www-form-urlencoded");
    assert_eq!(call(&world, form).await.status, 415);
    let mut twice = told_by_key(&json!({}));
    twice["body"] = json!("{\"id\": 1, \"id\": 2}");
    assert_eq!(call(&world, twice).await.status, 400);
    let many: Vec<Value> = (0..=sales_desk::DISPOSITIONS_MAX).map(|id| json!({ "id": id.to_string() })).collect();
    let shapes = [
        json!([]),
        json!({ "dispositions": [] }),
        json!({ "dispositions": {}, "id": "1" }),
        json!({ "dispositions": many }),
    ];
    for body in shapes {
        assert_eq!(call(&world, told_by_key(&body)).await.status, 422, "{body}");
    }
    let mut long = told_by_key(&json!({}));
    long["body"] = json!(format!("{{\"note\": \"{}\"}}", "x".repeat(40_000)));
    assert_eq!(call(&world, long).await.status, 413);
}
