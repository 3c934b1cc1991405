//! H19 and F20: the same post again, and the same person again.

use serde_json::json;

use super::*;

const ADA: &str = "ada@example.com";

fn keyed(key: &str, fields: &Value) -> Request {
    Request::json(fields).header("idempotency-key", key)
}

#[tokio::test]
async fn h19_the_same_key_with_the_same_body_is_one_submission_with_one_answer() {
    let world = World::new();
    let fields = json!({ "email": "ada@gmial.com", "message": "Hello" });
    let first = world.send(&keyed("key-1", &fields)).await;
    let second = world.send(&keyed("key-1", &fields)).await;
    assert_eq!((first.status(), &first), (202, &second));
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn h19_the_same_key_with_another_body_is_refused() {
    let world = World::new();
    world.send(&keyed("key-1", &json!({ "email": ADA }))).await;
    for fields in [json!({ "email": "bob@example.com" }), json!({ "email": ADA, "message": "More" })] {
        let answer = world.send(&keyed("key-1", &fields)).await;
        assert_eq!(answer.problem(), (409, "idempotency_key_reused".to_owned()));
    }
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn h19_a_body_is_compared_by_what_it_says_not_by_its_wrapping() {
    let world = World::new();
    for boundary in ["one", "two"] {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n{ADA}\r\n--{boundary}--\r\n"
        );
        let request = keyed("key-1", &json!({})).body(&format!("multipart/form-data; boundary={boundary}"), &body);
        assert_eq!(world.send(&request).await.status(), 202);
    }
    // The same letters, differently divided, say something else.
    let first = world.send(&keyed("key-2", &json!({ "email": ADA, "a": "bc" }))).await;
    let second = world.send(&keyed("key-2", &json!({ "email": ADA, "ab": "c" }))).await;
    assert_eq!((first.status(), second.status()), (202, 409));
    assert_eq!(world.counts().await, (1, 2));
}

#[tokio::test]
async fn h19_a_key_that_was_refused_may_be_used_for_the_mended_post() {
    let world = World::new();
    assert_eq!(world.send(&keyed("key-1", &json!({ "email": "ada" }))).await.status(), 422);
    assert_eq!(world.send(&keyed("key-1", &json!({ "email": ADA }))).await.status(), 202);
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_ascii_characters() {
    let world = World::new();
    for key in ["", " ", "two words", "schlüssel", &"k".repeat(256)] {
        let answer = world.send(&keyed(key, &json!({ "email": ADA }))).await;
        assert_eq!(answer.problem(), (400, "idempotency_key_invalid".to_owned()), "{key}");
    }
    assert_eq!(world.counts().await, (0, 0));
    assert_eq!(world.send(&keyed(&"k".repeat(255), &json!({ "email": ADA }))).await.status(), 202);
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn an_event_that_lambda_delivers_again_is_one_submission() {
    let world = World::new();
    let request = Request::json(&json!({ "email": ADA }));
    assert_eq!(world.send(&request).await, world.send(&request.clone()).await);
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn a_post_without_an_id_from_the_gateway_does_not_pass_for_an_earlier_one() {
    let world = World::new();
    for _ in 0..2 {
        let mut request = Request::json(&json!({ "email": ADA }));
        request.0["requestContext"].as_object_mut().unwrap().remove("requestId");
        assert_eq!(world.send(&request).await.status(), 202);
        world.wall_clock.advance(SignedDuration::from_millis(1));
    }
    assert_eq!(world.counts().await, (1, 2));
}

#[tokio::test]
async fn a_known_lead_who_posts_again_stays_one_lead_and_gets_no_second_welcome() {
    let world = World::new();
    world.post(json!({ "email": ADA, "first_name": "Ada" })).await;
    world.suite_clock.set(instant("2026-03-02T09:30:00Z"));
    world.post(json!({ "email": "ADA@example.com", "company": "Analytical Engines" })).await;

    let kept = world.kept(ADA).await;
    let welcome = ["lead.received", "lead.admitted", "lead.assigned", "enrolment.started"];
    let starts = kept.history.iter().filter(|name| **name == "enrolment.started").count();
    assert!(kept.history.starts_with(&welcome) && kept.history.contains(&"engagement.recorded") && starts == 1);
    assert_eq!(kept.submissions.len(), 2);
    assert_eq!((kept.field("first_name"), kept.field("company")), (Some("Ada"), Some("Analytical Engines")));
    assert_eq!(world.counts().await, (1, 2));
}

#[tokio::test]
async fn f20_two_posts_of_one_address_at_the_same_instant_are_one_lead_and_two_submissions() {
    let world = World::new();
    world.store.let_two_meet();
    let requests = ["one", "two"].map(|message| Request::json(&json!({ "email": ADA, "message": message })));
    let (one, two) = tokio::join!(world.send(&requests[0]), world.send(&requests[1]));
    assert_eq!((one.status(), &one), (202, &two));

    let kept = world.kept(ADA).await;
    assert_eq!(kept.submissions.len(), 2);
    assert_eq!(kept.history.iter().filter(|name| **name == "enrolment.started").count(), 1);
    assert_eq!(world.counts().await, (1, 2));
}

#[tokio::test]
async fn first_and_last_touch_and_the_browsers_time_zone_are_kept() {
    let world = World::new();
    let post = |source: &str, zone: &str| json!({ "email": ADA, "utm_source": source, "utm_medium": "CPC", "utm_campaign": "Spring", "timezone": zone });
    world.post(post("Google", "America/New_York")).await;
    world.suite_clock.advance(SignedDuration::from_hours(48));
    world.post(post("Newsletter", "europe/paris")).await;
    // A visit without a source, from a browser with a zone of its own making, takes nothing away.
    world.post(json!({ "email": ADA, "timezone": "Mars/Olympus" })).await;

    let kept = world.kept(ADA).await;
    let (first, last) = (&kept.profile.first_touch, &kept.profile.last_touch);
    assert_eq!((first.source.as_deref(), last.source.as_deref()), (Some("google"), Some("newsletter")));
    assert_eq!((first.medium.as_deref(), first.campaign.as_deref()), (Some("cpc"), Some("Spring")));
    assert_eq!(kept.lead.zone.as_deref(), Some("Europe/Paris"));
    assert_eq!(world.counts().await, (1, 3));
}
