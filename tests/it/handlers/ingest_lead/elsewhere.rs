//! `POST /v1/events` and `POST /v1/visits`: what a customer's server and pages tell of a lead.

use std::path::Path;

use perennial_app::programs;
use perennial_core::condition::SignalKind;
use perennial_core::ids::TopicName;
use perennial_core::token::Purpose;
use serde_json::json;
use standardwebhooks::Webhook;

use super::*;

const ADA: &str = "ada@example.com";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The shipped catalog, and Ada in it.
async fn world() -> World {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs");
    let world = World::of(programs::load(&directory).unwrap().0.unwrap());
    world.post(json!({ "email": ADA })).await;
    world.suite_clock.advance(SignedDuration::from_mins(5));
    world
}

fn event(body: &Value) -> Request {
    Request::sample("event-by-key.json").body("application/json", &body.to_string())
}

fn visit(body: &Value) -> Request {
    Request::sample("page-visit.json").body("text/plain;charset=UTF-8", &body.to_string())
}

impl World {
    fn token(&self, purpose: Purpose) -> String {
        self.deps.keyring.sign(purpose, &format!("{}/1_welcome_response_0", self.id_of(ADA)))
    }

    /// The signs of Ada besides her form, with their number in history.
    async fn signs(&self) -> (Vec<SignalKind>, usize) {
        let kept = self.kept(ADA).await;
        let form = [SignalKind::FormSubmitted, SignalKind::HandRaised];
        let signs = kept.lead.signals.keys().copied().filter(|kind| !form.contains(kind)).collect();
        (signs, kept.history.iter().filter(|name| **name == "signal.recorded").count())
    }
}

#[tokio::test]
async fn a_server_with_a_key_tells_of_a_meeting_and_that_counts_once() {
    let world = world().await;
    for _ in 0..3 {
        let answer = world.send(&Request::sample("event-by-key.json")).await;
        assert_eq!((answer.status(), answer.json()), (202, accepted()));
        world.suite_clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(world.signs().await, (vec![SignalKind::MeetingBooked], 1));
    let topic = TopicName::parse("route-planning").unwrap();
    assert_eq!(world.kept(ADA).await.lead.topic, Some(topic));
    world.counts().await;
}

#[tokio::test]
async fn each_kind_of_event_is_a_sign_or_an_answer_however_the_lead_is_named() {
    let world = world().await;
    let (visitor, lead) = (world.token(Purpose::Visit), world.id_of(ADA).to_string());
    for (kind, (name, value)) in [
        ("page_visited", ("email", "Ada@Example.COM")),
        ("pricing_visited", ("visitor", visitor.as_str())),
        ("webinar_attended", ("lead", lead.as_str())),
        ("meeting_booked", ("email", ADA)),
    ] {
        let answer = world.send(&event(&json!({ "id": kind, "type": kind, name: value }))).await;
        assert_eq!(answer.status(), 202, "{kind}: {}", answer.body());
    }
    let title = json!({ "id": "t", "type": "title_changed", "lead": lead, "title": " Head of\nField Service " });
    for _ in 0..2 {
        assert_eq!(world.send(&event(&title)).await.status(), 202);
    }
    let kept = world.kept(ADA).await;
    assert_eq!(kept.field("job_title"), Some("Head of Field Service"));
    assert_eq!((kept.submissions.len(), kept.address().as_deref()), (2, Some(ADA)));
    let (signs, count) = world.signs().await;
    assert_eq!(count, 5);
    for sign in [
        SignalKind::PageVisited,
        SignalKind::PricingVisited,
        SignalKind::WebinarAttended,
        SignalKind::MeetingBooked,
        SignalKind::Answered,
    ] {
        assert!(signs.contains(&sign), "{sign:?}");
    }
    world.counts().await;
}

#[tokio::test]
async fn an_event_signed_after_standard_webhooks_is_believed_within_five_minutes_and_once() {
    let world = world().await;
    // The standard's own library signs it.
    let webhook = Webhook::new(SECRET).unwrap();
    let now = world.wall_clock.now().as_second();
    let body = json!({ "type": "webinar_attended", "email": ADA }).to_string();
    let signed = |id: &str, at: i64| {
        let signature = webhook.sign(id, at, body.as_bytes()).unwrap();
        event(&json!({}))
            .body("application/json", &body)
            .without_header("authorization")
            .header("webhook-id", id)
            .header("webhook-timestamp", &at.to_string())
            .header("webhook-signature", &format!("v1,AAAA v1a,x {signature}"))
    };
    for (row, request, status) in [
        ("fresh", signed("msg_1", now), 202),
        ("again", signed("msg_1", now), 202),
        ("five minutes ago", signed("msg_2", now - 300), 202),
        ("longer ago", signed("msg_3", now - 301), 401),
        ("from the future", signed("msg_4", now + 301), 401),
        ("another id", signed("msg_5", now).header("webhook-id", "msg_6"), 401),
        ("another time", signed("msg_5", now).header("webhook-timestamp", &(now - 1).to_string()), 401),
        ("another body", signed("msg_5", now).body("application/json", &body.replace("webinar", "meeting")), 401),
        ("no time", signed("msg_5", now).without_header("webhook-timestamp"), 401),
        ("no id", signed("msg_5", now).without_header("webhook-id"), 401),
        ("no signature", signed("msg_5", now).without_header("webhook-signature"), 401),
    ] {
        assert_eq!(world.send(&request).await.status(), status, "{row}");
        world.suite_clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(world.signs().await, (vec![SignalKind::WebinarAttended], 2));
}

#[tokio::test]
async fn nobody_without_a_key_is_heard_and_no_answer_repeats_one() {
    let world = world().await;
    let body = json!({ "id": "x", "type": "meeting_booked", "email": ADA });
    let too_long = json!({ "id": "x", "type": "meeting_booked", "email": ADA, "note": "x".repeat(33_000) });
    for (row, request, expected) in [
        ("no key", event(&body).without_header("authorization"), (401, "not_authorised")),
        ("wrong key", event(&body).header("authorization", "Bearer 0123456789abcdeF"), (401, "not_authorised")),
        (
            "a secret as a key",
            event(&body).header("authorization", &format!("Bearer {SECRET}")),
            (401, "not_authorised"),
        ),
        ("another scheme", event(&body).header("authorization", "Basic 0123456789abcdef"), (401, "not_authorised")),
        (
            "unread before it is known",
            event(&body).body("application/json", "{").without_header("authorization"),
            (401, "not_authorised"),
        ),
        ("too long", event(&too_long), (413, "body_too_long")),
        ("broken", event(&body).body("application/json", "{\"id\": \"canary\", "), (400, "json_invalid")),
        ("twice a name", event(&body).body("application/json", "{\"id\":\"a\",\"id\":\"b\"}"), (400, "json_invalid")),
        ("no JSON", event(&body).body("text/html", "canary"), (415, "content_type_not_supported")),
        ("no id", event(&json!({ "type": "meeting_booked", "email": ADA })), (400, "event_id_invalid")),
        ("odd id", event(&json!({ "id": "a b", "type": "meeting_booked", "email": ADA })), (400, "event_id_invalid")),
        ("no type", event(&json!({ "id": "a", "email": ADA })), (422, "event_type_unknown")),
        ("unknown type", event(&json!({ "id": "a", "type": "canary", "email": ADA })), (422, "event_type_unknown")),
        ("nobody", event(&json!({ "id": "a", "type": "meeting_booked" })), (422, "lead_reference_invalid")),
        (
            "two",
            event(&json!({ "id": "a", "type": "meeting_booked", "email": ADA, "lead": "x" })),
            (422, "lead_reference_invalid"),
        ),
        (
            "no address",
            event(&json!({ "id": "a", "type": "meeting_booked", "email": "canary" })),
            (422, "lead_reference_invalid"),
        ),
        (
            "forged visitor",
            event(&json!({ "id": "a", "type": "page_visited", "visitor": "v1.k1.canary.x" })),
            (422, "lead_reference_invalid"),
        ),
        (
            "other purpose",
            event(&json!({ "id": "a", "type": "page_visited", "visitor": world.token(Purpose::Unsubscribe) })),
            (422, "lead_reference_invalid"),
        ),
        (
            "unknown topic",
            event(&json!({ "id": "a", "type": "page_visited", "email": ADA, "topic": "canary" })),
            (422, "topic_unknown"),
        ),
        ("no title", event(&json!({ "id": "a", "type": "title_changed", "email": ADA })), (422, "title_invalid")),
    ] {
        let answer = world.send(&request).await;
        assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()), "{row}");
        assert!(!answer.body().contains("canary") && !answer.body().contains("0123456789"), "{row}");
    }
    assert_eq!(world.send(&event(&body).method("GET")).await.status(), 405);
    assert_eq!(world.signs().await, (vec![], 0));
}

#[tokio::test]
async fn an_id_that_comes_with_another_event_is_a_mistake_of_its_sender() {
    let world = world().await;
    let told = |kind: &str| event(&json!({ "id": "same", "type": kind, "email": ADA }));
    assert_eq!(world.send(&told("meeting_booked")).await.status(), 202);
    assert_eq!(world.send(&told("webinar_attended")).await.problem(), (409, "event_id_reused".to_owned()));
}

#[tokio::test]
async fn what_is_told_of_nobody_is_acknowledged_and_makes_no_lead() {
    let world = world().await;
    let told = |address: &str| event(&json!({ "id": address, "type": "meeting_booked", "email": address }));
    let known = world.send(&told(ADA)).await;
    assert_eq!(world.send(&told("nobody@example.com")).await, known);
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn a_page_tells_of_a_visit_by_the_token_of_our_link_and_reloading_is_no_second_visit() {
    let world = world().await;
    for _ in 0..3 {
        let answer = world.send(&Request::sample("page-visit.json")).await;
        assert_eq!((answer.status(), answer.body()), (204, ""));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        world.suite_clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(world.signs().await, (vec![SignalKind::PricingVisited], 1));
    world.wall_clock.advance(SignedDuration::from_mins(30));
    world.send(&Request::sample("page-visit.json")).await;
    world.send(&visit(&json!({ "visitor": world.token(Purpose::Visit) }))).await;
    assert_eq!(world.signs().await, (vec![SignalKind::PageVisited, SignalKind::PricingVisited], 3));
}

#[tokio::test]
async fn i11_machines_and_whoever_asks_not_to_be_tracked_leave_no_visit() {
    let world = world().await;
    let sample = || Request::sample("page-visit.json");
    for (row, request) in [
        ("no user agent", sample().without_header("user-agent")),
        ("an empty one", sample().header("user-agent", " ")),
        ("a tool", sample().header("user-agent", "python-requests/2.32.3")),
        ("a crawler", sample().header("user-agent", "Mozilla/5.0 (compatible; bingbot/2.0)")),
        ("do not track", sample().header("dnt", "1")),
        ("global privacy control", sample().header("sec-gpc", "1")),
    ] {
        assert_eq!(world.send(&request).await.status(), 204, "{row}");
        assert_eq!(world.signs().await, (vec![], 0), "{row}");
    }
    // A server says the same of the visits that it tells of.
    let body = json!({ "id": "a", "type": "page_visited", "email": ADA, "user_agent": "Googlebot/2.1" });
    assert_eq!(world.send(&event(&body)).await.status(), 202);
    assert_eq!(world.signs().await, (vec![], 0));
}

#[tokio::test]
async fn a_visit_without_a_token_of_ours_is_refused_and_a_flood_of_them_turned_away() {
    let world = world().await;
    for visitor in ["", "v1.k1.x.y", &world.token(Purpose::Form), &world.id_of(ADA).to_string()] {
        let answer = world.send(&visit(&json!({ "visitor": visitor }))).await;
        assert_eq!(answer.problem(), (422, "lead_reference_invalid".to_owned()));
    }
    let good = json!({ "visitor": world.token(Purpose::Visit), "kind": "meeting_booked" });
    assert_eq!(world.send(&visit(&good)).await.problem(), (422, "event_type_unknown".to_owned()));
    for _ in 0..30 {
        world.send(&visit(&json!({ "visitor": "x" }))).await;
    }
    let answer = world.send(&Request::sample("page-visit.json")).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("60")));
    assert_eq!(world.signs().await, (vec![], 0));
}

#[tokio::test]
async fn a_visit_or_a_title_lets_nobody_out_of_quarantine_and_a_meeting_does() {
    let world = world().await;
    world.post(json!({ "email": "bob@example.com", "website": "x" })).await;
    let told = |kind: &str| event(&json!({ "id": kind, "type": kind, "email": "bob@example.com" }));
    world.send(&told("page_visited")).await;
    let title = json!({ "id": "t", "type": "title_changed", "title": "Owner", "email": "bob@example.com" });
    assert_eq!(world.send(&event(&title)).await.status(), 202);
    assert_eq!(world.kept("bob@example.com").await.lead.stage, LifecycleStage::Quarantined);
    world.send(&told("meeting_booked")).await;
    assert_eq!(world.kept("bob@example.com").await.lead.stage, LifecycleStage::Inquiry);
    world.counts().await;
}
