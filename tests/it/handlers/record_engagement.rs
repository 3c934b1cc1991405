//! Unsubscribes and SES's events, as API Gateway and EventBridge hand them to `record-engagement`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use perennial_app::ports::Clock;
use perennial_core::event::{Event, FailReason, SendProof};
use perennial_core::ids::{LeadId, TouchId};
use perennial_core::lead::{EmailReach, Sending};
use perennial_core::token::{Keyring, Purpose};
use perennial_lambda::http::front::Front;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::ingest_lead::logs::Log;
use crate::scenarios::world::{
    LEASE, SES_SAMPLES, World, berlin, keyring, sample, ses_event, sns_body, sqs_batch, unsubscribe_get,
    unsubscribe_post,
};

/// The one lead of the samples, and the suite that she is in.
async fn with_ada() -> (World, LeadId) {
    let world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    (world, ada)
}

async fn call(world: &World, event: Value) -> Value {
    let answer = record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
    serde_json::to_value(answer).unwrap()
}

/// What was counted of an event.
async fn counted(world: &World, event: Value) -> String {
    call(world, event).await["counted"].as_str().unwrap().to_owned()
}

/// The records that a queue is to bring again.
async fn failures(world: &World, batch: Value) -> Vec<String> {
    let answer = call(world, batch).await;
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    failures.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

fn title(answer: &Value) -> &str {
    let body = answer["body"].as_str().unwrap();
    body.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or(body)
}

// --- Unsubscribing -------------------------------------------------------------------------------------

#[tokio::test]
async fn the_samples_are_about_the_lead_that_the_sample_form_makes() {
    let (_, ada) = with_ada().await;
    let tags = sample("ses-send.json")["detail"]["mail"]["tags"].clone();
    assert_eq!((&tags["lead"], &tags["touch"]), (&json!([ada]), &json!(["1_welcome_response_0"])));
    let token = sample("unsubscribe-get.json")["pathParameters"]["token"].as_str().unwrap().to_owned();
    assert_eq!(keyring().sign(Purpose::Unsubscribe, &format!("{ada}/1_welcome_response_0")), token);
    assert_eq!(sample("unsubscribe-post.json")["pathParameters"]["token"].as_str(), Some(token.as_str()));
}

#[tokio::test]
async fn h20_a_scanner_that_follows_the_link_changes_nothing() {
    let (world, ada) = with_ada().await;
    let before = world.store.load(&ada).await.unwrap();
    for method in ["GET", "HEAD"] {
        let mut request = sample("unsubscribe-get.json");
        request["requestContext"]["http"]["method"] = json!(method);
        let answer = call(&world, request).await;
        assert_eq!(answer["statusCode"], 200, "{method}");
        assert_eq!(answer["headers"]["cache-control"], "no-store", "{method}");
    }
    let page = call(&world, sample("unsubscribe-get.json")).await;
    assert_eq!(title(&page), "Unsubscribe?");
    assert!(page["body"].as_str().unwrap().contains("<form method=\"post\""));
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
}

#[tokio::test]
async fn h21_one_click_stops_all_mail_at_once_without_cookie_or_redirect() {
    let (world, ada) = with_ada().await;
    let log = Log::at(LevelFilter::INFO);
    let answer = call(&world, sample("unsubscribe-post.json")).await;
    assert_eq!((answer["statusCode"].as_i64(), title(&answer)), (Some(200), "You are unsubscribed"));
    assert_eq!((&answer["headers"]["location"], &answer["cookies"]), (&Value::Null, &json!([])));
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unsubscribed);
    let suppressed = Event::AddressSuppressed { cause: EmailReach::Unsubscribed };
    assert!(world.events(&ada).await.contains(&suppressed));
    assert!(log.text().contains("is_new=true") && !log.text().contains("example.com"), "{}", log.text());
}

#[tokio::test]
async fn h22_the_same_again_after_two_years_and_a_new_key_is_answered_and_changes_nothing() {
    let (world, ada) = with_ada().await;
    call(&world, sample("unsubscribe-post.json")).await;
    let before = world.store.load(&ada).await.unwrap();

    world.clock.advance(SignedDuration::from_hours(2 * 366 * 24));
    let keys = BTreeMap::from([("k1".to_owned(), [1; 32]), ("k2".to_owned(), [2; 32])]);
    let listener = world.functions.engagement.listener.clone();
    let rotated = record_engagement::Deps {
        front: Front::default(),
        clicks: record_engagement::Clicks::new(listener.clone()),
        listener,
        keyring: Keyring::new(keys, "k2").unwrap(),
        postbox: None,
    };
    let answer = record_engagement::handle(Arc::new(rotated), sample("unsubscribe-post.json")).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    assert_eq!((answer["statusCode"].as_i64(), title(&answer)), (Some(200), "You are unsubscribed"));
    let after = world.store.load(&ada).await.unwrap().unwrap();
    assert_eq!(after.lead.email, EmailReach::Unsubscribed);
    // What was due in two years is settled by the way: she is looked at.
    assert!(world.names(&ada).await.iter().filter(|name| **name == "address.suppressed").count() == 1);
    assert_eq!(after.profile, before.unwrap().profile);
}

#[tokio::test]
async fn h23_a_token_that_is_cut_flipped_or_meant_for_something_else_gets_a_page_with_an_address() {
    let (world, ada) = with_ada().await;
    let before = world.store.load(&ada).await.unwrap();
    let good = sample("unsubscribe-post.json")["pathParameters"]["token"].as_str().unwrap().to_owned();
    let payload = format!("{ada}/1_welcome_response_0");
    let foreign = Keyring::new(BTreeMap::from([("k9".to_owned(), [9; 32])]), "k9").unwrap();
    let flipped = |at: usize| {
        let mut token = good.clone().into_bytes();
        token[at] ^= 1;
        String::from_utf8(token).unwrap()
    };
    let log = Log::at(LevelFilter::INFO);
    let rows = [
        ("cut", good[..good.len() - 1].to_owned()),
        ("flipped payload", flipped(10)),
        ("flipped mac", flipped(good.len() - 2)),
        ("padded", format!("{good}=")),
        ("percent-encoded", format!("{good}%3D")),
        ("for a reply", keyring().sign(Purpose::Reply, &payload)),
        ("for a form", keyring().sign(Purpose::Form, "contact/1772442000")),
        ("unknown key", foreign.sign(Purpose::Unsubscribe, &payload)),
        ("of nobody", keyring().sign(Purpose::Unsubscribe, "not-a-lead/1_welcome_response_0")),
        ("empty", String::new()),
        ("far too long", "v1.".repeat(10_000)),
    ];
    for (row, token) in &rows {
        for request in [unsubscribe_get(token), unsubscribe_post(token)] {
            let answer = call(&world, request).await;
            assert_eq!(
                (answer["statusCode"].as_i64(), title(&answer)),
                (Some(400), "This link is not complete"),
                "{row}"
            );
            let body = answer["body"].as_str().unwrap();
            assert!(body.contains("mailto:unsubscribe@perennial.example"), "{row}");
            assert!(token.is_empty() || !body.contains(token), "{row}");
        }
    }
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
    assert!(log.text().matches("token.refused").count() >= rows.len(), "they are counted: {}", log.text());
}

#[tokio::test]
async fn a_token_of_somebody_who_is_not_known_any_more_is_answered_all_the_same() {
    let world = World::at("2026-03-02 10:00").await;
    let answer = call(&world, sample("unsubscribe-post.json")).await;
    assert_eq!((answer["statusCode"].as_i64(), title(&answer)), (Some(200), "You are unsubscribed"));
}

#[tokio::test]
async fn another_method_or_path_is_told_what_there_is() {
    let (world, _) = with_ada().await;
    let mut put = sample("unsubscribe-post.json");
    put["requestContext"]["http"]["method"] = json!("PUT");
    let answer = call(&world, put).await;
    assert_eq!((&answer["statusCode"], &answer["headers"]["allow"]), (&json!(405), &json!("GET, HEAD, POST")));
    let mut elsewhere = sample("unsubscribe-get.json");
    elsewhere["rawPath"] = json!("/v1/elsewhere");
    assert_eq!(call(&world, elsewhere).await["statusCode"], 404);
}

// --- What SES tells ------------------------------------------------------------------------------------

/// Ada with her second mail in flight, as if the worker had died: the mark stands, and nothing else.
async fn in_flight() -> (World, LeadId, TouchId) {
    let (world, ada) = with_ada().await;
    world.clock.set(berlin("2026-03-03 10:00"));
    let rev = world.store.load(&ada).await.unwrap().unwrap().rev;
    let touch = TouchId::parse("1_welcome_link_0").unwrap();
    let sending = Sending { touch: touch.clone(), attempt: 1, lease_until: world.clock.now() + LEASE };
    world.store.mark_sending(&ada, rev, &sending).await.unwrap();
    (world, ada, touch)
}

#[tokio::test]
async fn whatever_ses_tells_of_a_mail_whose_worker_never_told_proves_it() {
    let unheard_of = event("ses-send.json", |it| it["detail"]["eventType"] = json!("Archive Written"));
    for mut event in SES_SAMPLES.map(sample).into_iter().chain([unheard_of]) {
        let (world, ada, touch) = in_flight().await;
        event["detail"]["mail"]["tags"]["touch"] = json!([touch.to_string()]);
        assert_eq!(counted(&world, event.clone()).await, "decided");
        let sent = Event::TouchSent { touch, attempt: 1, proof: SendProof::Event, message_id: None };
        let kind = &event["detail"]["eventType"];
        assert!(world.events(&ada).await.contains(&sent), "{kind}");
        assert_eq!(world.lead(&ada).await.sending, None, "{kind}");
        assert_eq!(counted(&world, event.clone()).await, "noted", "{kind}");
        world.live_until("2026-03-04 10:00").await;
        assert_eq!(world.mails(&ada).len(), 1, "{kind}: it is not sent again");
    }
}

#[tokio::test]
async fn f15_f16_bounce_complaint_and_delivery_five_times_in_every_order_come_to_the_same() {
    let kinds = ["ses-delivery.json", "ses-bounce-permanent.json", "ses-complaint.json"].map(sample);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let (world, ada) = with_ada().await;
        for kind in order {
            for _ in 0..5 {
                call(&world, kinds[kind].clone()).await;
            }
        }
        assert_eq!(world.lead(&ada).await.email, EmailReach::Complained, "{order:?}");
        let names = world.names(&ada).await;
        let suppressed = names.iter().filter(|name| **name == "address.suppressed").count();
        let place = |kind: usize| order.iter().position(|it| *it == kind);
        // A bounce that comes after the complaint says nothing new.
        assert_eq!(suppressed, if place(1) < place(2) { 2 } else { 1 }, "{order:?}");
        assert_eq!(names.iter().filter(|name| **name == "touch.sent").count(), 1, "{order:?}");
        world.assert_sound().await;
    }
}

#[tokio::test]
async fn what_the_accounts_list_remembers_ends_the_mail_too() {
    for (name, part, reach) in [
        ("ses-bounce-permanent.json", "bounce", EmailReach::HardBounced),
        ("ses-complaint.json", "complaint", EmailReach::Complained),
    ] {
        let (world, ada) = with_ada().await;
        let remembered = event(name, |it| {
            it["detail"][part][format!("{part}SubType")] = json!("OnAccountSuppressionList");
        });
        assert_eq!(counted(&world, remembered.clone()).await, "decided");
        assert_eq!(counted(&world, remembered).await, "noted");
        assert_eq!(world.lead(&ada).await.email, reach);
    }
}

#[tokio::test]
async fn a_mail_that_ses_withdraws_has_failed_once_and_the_address_is_not_at_fault() {
    for (name, reason) in
        [("ses-reject.json", FailReason::ContentRefused), ("ses-rendering-failure.json", FailReason::NotRendered)]
    {
        let (world, ada) = with_ada().await;
        let log = Log::at(LevelFilter::ERROR);
        for _ in 0..5 {
            call(&world, sample(name)).await;
        }
        let touch = TouchId::parse("1_welcome_response_0").unwrap();
        let failed = Event::TouchFailed { touch, reason };
        assert_eq!(world.events(&ada).await.iter().filter(|event| **event == failed).count(), 1, "{name}");
        assert_eq!(log.text().matches("touch.withdrawn").count(), 1, "somebody must look: {}", log.text());
        assert_eq!(world.lead(&ada).await.email, EmailReach::Ok);
        world.live_until("2026-03-04 10:00").await;
        assert_eq!(world.mails(&ada).len(), 2, "{name}: the program goes on");
    }
}

#[tokio::test]
async fn an_unsubscribe_by_sess_own_means_is_one_and_a_switched_topic_is_only_noted() {
    let (world, ada) = with_ada().await;
    let some = event("ses-subscription.json", |it| {
        it["detail"]["subscription"]["newTopicPreferences"]["unsubscribeAll"] = json!(false);
    });
    assert_eq!(counted(&world, some).await, "noted");
    assert_eq!(world.lead(&ada).await.email, EmailReach::Ok);
    assert_eq!(counted(&world, sample("ses-subscription.json")).await, "decided");
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unsubscribed);
}

/// The same event, otherwise.
fn event(sample_name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut event = sample(sample_name);
    change(&mut event);
    event
}

#[tokio::test]
async fn h38_an_event_that_proves_nothing_is_acknowledged_counted_and_without_effect() {
    let (world, ada) = with_ada().await;
    let before = world.store.load(&ada).await.unwrap();
    let bounce = |change: &dyn Fn(&mut Value)| event("ses-bounce-permanent.json", change);
    let tags = "/detail/mail/tags";
    let set = |event: &mut Value, pointer: &str, value: Value| *event.pointer_mut(pointer).unwrap() = value;
    let log = Log::at(LevelFilter::INFO);
    let ignored = [
        ("another source", bounce(&|it| it["source"] = json!("com.example"))),
        ("no source", bounce(&|it| drop(it.as_object_mut().unwrap().remove("source")))),
        ("no tags", bounce(&|it| set(it, tags, json!({})))),
        ("no tags at all", bounce(&|it| drop(it["detail"]["mail"].as_object_mut().unwrap().remove("tags")))),
        ("a tag twice", bounce(&|it| set(it, "/detail/mail/tags/lead", json!([ada, ada])))),
        ("a tag that is no list", bounce(&|it| set(it, "/detail/mail/tags/lead", json!(ada)))),
        ("a lead that is none", bounce(&|it| set(it, "/detail/mail/tags/lead", json!(["../STATE"])))),
        ("a touch that is none", bounce(&|it| set(it, "/detail/mail/tags/touch", json!(["welcome"])))),
        ("a negative attempt", bounce(&|it| set(it, "/detail/mail/tags/attempt", json!(["-1"])))),
        ("nothing", json!({})),
        ("no object", json!([])),
        ("no mail", bounce(&|it| drop(it["detail"].as_object_mut().unwrap().remove("mail")))),
    ];
    for (row, event) in &ignored {
        assert_eq!(counted(&world, event.clone()).await, "ignored", "{row}");
    }
    assert_eq!(log.text().matches("mail_event.ignored").count(), ignored.len(), "{}", log.text());
    assert!(!log.text().contains("ada@example.com"));

    // It has our tags; they are of nobody, or of a mail that was never handed over.
    let nobody = bounce(&|it| set(it, "/detail/mail/tags/lead", json!(["abcdefghijklmnopqrstuvwxyz"])));
    assert_eq!(counted(&world, nobody).await, "ignored");
    let never = bounce(&|it| set(it, "/detail/mail/tags/touch", json!(["9_welcome_response_0"])));
    assert_eq!(counted(&world, never).await, "ignored");
    assert_eq!(log.text().matches("unknown_touch").count(), 2);
    let other_attempt = event("ses-send.json", |it| set(it, "/detail/mail/tags/attempt", json!(["7"])));
    assert_eq!(counted(&world, other_attempt).await, "noted");
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
}

#[tokio::test]
async fn h39_whatever_ses_leaves_out_or_overdoes_is_taken_as_what_it_is() {
    let three = json!([{ "emailAddress": "a@x.example" }, { "emailAddress": "b@x.example" }, { "emailAddress": "c@x.example" }]);
    let headers: Vec<_> = (0..3_000).map(|n| json!({ "name": format!("X-{n}"), "value": "x".repeat(100) })).collect();
    let rows = [
        (
            "no recipients",
            "decided",
            event("ses-bounce-permanent.json", |it| {
                it["detail"]["bounce"]["bouncedRecipients"] = json!([]);
            }),
        ),
        (
            "three recipients",
            "decided",
            event("ses-bounce-permanent.json", |it| {
                it["detail"]["bounce"]["bouncedRecipients"] = three.clone();
            }),
        ),
        (
            "null subtype",
            "decided",
            event("ses-bounce-permanent.json", |it| {
                it["detail"]["bounce"]["bounceSubType"] = Value::Null;
            }),
        ),
        ("null subtype of a complaint", "decided", sample("ses-complaint.json")),
        (
            "null type",
            "decided",
            event("ses-bounce-permanent.json", |it| {
                it["detail"]["bounce"]["bounceType"] = Value::Null;
            }),
        ),
        (
            "no bounce",
            "decided",
            event("ses-bounce-permanent.json", |it| {
                it["detail"].as_object_mut().unwrap().remove("bounce");
            }),
        ),
        (
            "no complaint",
            "decided",
            event("ses-complaint.json", |it| {
                it["detail"].as_object_mut().unwrap().remove("complaint");
            }),
        ),
        (
            "300 KB of headers",
            "decided",
            event("ses-bounce-permanent.json", |it| {
                it["detail"]["mail"]["headers"] = json!(headers);
            }),
        ),
        (
            "unknown type",
            "noted",
            event("ses-send.json", |it| {
                it["detail"]["eventType"] = json!("Teleported");
            }),
        ),
        (
            "an address for a type",
            "noted",
            event("ses-send.json", |it| {
                it["detail"]["eventType"] = json!("ada@example.com");
            }),
        ),
    ];
    for (row, expected, event) in rows {
        let (world, _) = with_ada().await;
        let log = Log::at(LevelFilter::INFO);
        assert_eq!(counted(&world, event.clone()).await, expected, "{row}");
        assert_eq!(failures(&world, sqs_batch(&[sns_body(&event["detail"])])).await, [""; 0], "{row}");
        assert_eq!(log.text().matches("mail_event.unknown").count() > 0, expected == "noted", "{row}: it is counted");
        assert!(!log.text().contains("example.com"), "{row}: {}", log.text());
        world.assert_sound().await;
    }
}

// --- The second path -----------------------------------------------------------------------------------

#[tokio::test]
async fn all_ten_types_are_taken_on_both_paths_and_come_to_the_same() {
    let mut leads = Vec::new();
    for by_queue in [false, true] {
        let (world, ada) = with_ada().await;
        if by_queue {
            assert_eq!(failures(&world, sample("sqs-sns-batch.json")).await, [""; 0]);
        } else {
            for record in sample("sqs-sns-batch.json")["Records"].as_array().unwrap() {
                let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
                let detail: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
                let bridged = SES_SAMPLES.map(sample).into_iter().find(|it| it["detail"] == detail).unwrap();
                assert_ne!(counted(&world, bridged).await, "ignored");
            }
        }
        world.assert_sound().await;
        leads.push((world.lead(&ada).await, world.names(&ada).await));
    }
    assert_eq!(leads[0], leads[1]);
    let (lead, names) = &leads[0];
    assert_eq!((lead.email, lead.unwilling, lead.soft_bounces.len()), (EmailReach::Complained, true, 1));
    assert_eq!(names.iter().filter(|name| **name == "touch.failed").count(), 1);
}

#[tokio::test]
async fn a_queue_with_raw_delivery_brings_the_bare_event() {
    let (world, ada) = with_ada().await;
    assert_eq!(failures(&world, sample("sqs-raw-bounce.json")).await, [""; 0]);
    assert_eq!(world.lead(&ada).await.email, EmailReach::HardBounced);
}

#[tokio::test]
async fn f16_what_comes_five_times_over_both_paths_is_counted_once() {
    let (world, ada) = with_ada().await;
    for name in ["ses-bounce-transient.json", "ses-bounce-permanent.json", "ses-complaint.json"] {
        for _ in 0..5 {
            call(&world, sample(name)).await;
            assert_eq!(failures(&world, sqs_batch(&[sns_body(&sample(name)["detail"])])).await, [""; 0]);
        }
    }
    let names = world.names(&ada).await;
    let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
    assert_eq!((count("touch.bounced"), count("address.suppressed"), count("touch.sent")), (1, 2, 1));
    assert_eq!(world.lead(&ada).await.soft_bounces.len(), 1);
}

#[tokio::test]
async fn f18_of_ten_records_nine_are_done_and_the_poisoned_one_comes_again_until_it_is_mended() {
    let world = World::at("2026-03-02 10:00").await;
    let mut people = Vec::new();
    for number in 0..10 {
        people.push(world.post(json!({ "email": format!("person{number}@example.com") })).await);
    }
    let bounce = |lead: &LeadId| sns_body(&ses_event("ses-bounce-permanent.json", &world.last_mail(lead))["detail"]);
    let mut bodies: Vec<String> = people.iter().map(bounce).collect();
    let whole = bodies[4].clone();
    bodies[4].truncate(whole.len() / 2);
    let log = Log::at(LevelFilter::INFO);
    // As often as the queue brings it, before it gives it to the dead-letter queue.
    for _ in 0..3 {
        assert_eq!(failures(&world, sqs_batch(&bodies)).await, ["record-4"]);
    }
    assert_eq!(log.text().matches("mail_event.failed").count(), 3, "it is counted, for the alarm");
    assert!(!log.text().contains("example.com"), "{}", log.text());
    for (number, lead) in people.iter().enumerate() {
        let expected = if number == 4 { EmailReach::Ok } else { EmailReach::HardBounced };
        assert_eq!(world.lead(lead).await.email, expected, "{number}");
    }
    // Redriven from the dead-letter queue.
    assert_eq!(failures(&world, sqs_batch(&[whole])).await, [""; 0]);
    assert_eq!(world.lead(&people[4]).await.email, EmailReach::HardBounced);
}

#[tokio::test]
async fn a_failure_without_a_name_fails_the_batch_and_is_never_answered_as_an_empty_one() {
    let (world, ada) = with_ada().await;
    for nameless in [Value::Null, json!("")] {
        let mut batch = sqs_batch(&["not JSON".to_owned(), sns_body(&sample("ses-bounce-permanent.json")["detail"])]);
        batch["Records"][0]["messageId"] = nameless;
        let engagement = Arc::clone(&world.functions.engagement);
        let error = record_engagement::handle(engagement, batch).await.unwrap_err();
        assert_eq!(error.to_string(), "unreadable_record");
    }
    assert_eq!(world.lead(&ada).await.email, EmailReach::Ok);
}

#[tokio::test]
async fn h38_a_queue_that_brings_what_is_no_event_of_ours_is_acknowledged_and_changes_nothing() {
    let (world, ada) = with_ada().await;
    let before = world.store.load(&ada).await.unwrap();
    let bounce = sample("ses-bounce-permanent.json")["detail"].clone();
    let envelope = |kind: &str, message: &str| json!({ "Type": kind, "Message": message }).to_string();
    let untagged = {
        let mut event = bounce.clone();
        event["mail"]["tags"] = json!({});
        event
    };
    let rows = [
        ("a topic that asks to be confirmed", envelope("SubscriptionConfirmation", &bounce.to_string())),
        (
            "SES greets the topic",
            envelope("Notification", "Successfully validated SNS topic for Amazon SES event publishing."),
        ),
        ("another one's notification", envelope("Notification", r#"{"AlarmName":"something"}"#)),
        ("no tags", sns_body(&untagged)),
        ("an EventBridge event", sample("ses-bounce-permanent.json").to_string()),
        ("a number", "7".to_owned()),
    ];
    let log = Log::at(LevelFilter::INFO);
    for (row, body) in &rows {
        assert_eq!(failures(&world, sqs_batch(std::slice::from_ref(body))).await, [""; 0], "{row}");
    }
    let mut foreign = sqs_batch(&[sns_body(&bounce)]);
    foreign["Records"][0]["eventSource"] = json!("aws:kinesis");
    assert_eq!(failures(&world, foreign).await, [""; 0]);
    assert_eq!(log.text().matches("mail_event.ignored").count(), rows.len() + 1, "{}", log.text());
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
}

#[tokio::test]
async fn f14_an_unsubscribe_while_a_mail_is_in_flight_lets_that_one_go_and_nothing_after_it() {
    let (world, ada, touch) = in_flight().await;
    assert_eq!(call(&world, sample("unsubscribe-post.json")).await["statusCode"], 200);
    let lead = world.lead(&ada).await;
    assert_eq!((lead.email, lead.sending.map(|it| it.touch)), (EmailReach::Unsubscribed, Some(touch.clone())));
    // The worker was alive after all: SES tells of its mail.
    let sent = event("ses-send.json", |it| it["detail"]["mail"]["tags"]["touch"] = json!([touch.to_string()]));
    assert_eq!(counted(&world, sent).await, "decided");
    world.live_until("2027-03-02 10:00").await;
    assert_eq!(world.mails(&ada).len(), 1, "nothing later");
    assert_eq!(world.names(&ada).await.iter().filter(|name| **name == "touch.sent").count(), 2);
}
