//! H12, H15 and H37: junk is answered as a lead is, kept apart, and mailed by nobody.

use perennial_core::catalog::StampPolicy;
use perennial_core::submission::JunkReason;
use perennial_core::token::Purpose;
use serde_json::json;

use super::*;

const ADA: &str = "ada@example.com";

/// Posts a request that should be taken for junk, to a form that people post too.
async fn assert_junk(row: &str, world: World, request: Request, address: &str, reason: JunkReason) {
    let person = world.post(json!({ "email": "a.person@example.com" })).await;
    let answer = world.send(&request).await;
    assert_eq!(answer.status(), 202, "{row}");
    assert_eq!(answer.without_cors(), person.without_cors(), "{row}");

    let kept = world.kept(address).await;
    assert_eq!(kept.lead.stage, LifecycleStage::Quarantined, "{row}");
    assert_eq!(kept.lead.enrolment, None, "{row}");
    assert_eq!(kept.junk(), [reason], "{row}");
    assert_eq!(kept.history, ["lead.received", "lead.quarantined"], "{row}");
    assert_eq!(world.counts().await, (2, 2), "{row}");
}

fn stamped(stamp: &str) -> Request {
    Request::json(&json!({ "email": ADA, "_stamp": stamp }))
}

#[tokio::test]
async fn h12_h15_h37_junk_gets_the_answer_that_a_lead_gets_and_is_quarantined() {
    let ada = Request::json(&json!({ "email": ADA }));
    let throw_away = Request::json(&json!({ "email": "ada@mailinator.com" }));
    let trap = Request::json(&json!({ "email": ADA, "website": "https://spam.example" }));
    let foreign = ada.clone().header("origin", "https://evil.example");
    let null = ada.clone().header("origin", "null");
    for (row, request, address, reason) in [
        ("H12 disposable domain", throw_away, "ada@mailinator.com", JunkReason::DisposableEmail),
        ("H15 honeypot", trap, ADA, JunkReason::Honeypot),
        ("H37 foreign origin", foreign, ADA, JunkReason::ForeignOrigin),
        ("H37 origin null", null, ADA, JunkReason::ForeignOrigin),
    ] {
        assert_junk(row, World::new(), request, address, reason).await;
    }
}

#[tokio::test]
async fn h15_a_stamp_that_is_forged_strange_or_untimely_is_junk() {
    let world = World::new();
    let now = world.wall_clock.now();
    let keys = world.deps.keyring.clone();
    let of_age = |seconds| world.stamp_of_age(SignedDuration::from_secs(seconds));
    let sign = |purpose, payload: &str| keys.sign(purpose, payload);
    let second = now.as_second() - 60;
    let rows = [
        ("forged", of_age(60).replace("v1.k1.", "v1.k1.x"), JunkReason::BadStamp),
        ("no token", "stamp".to_owned(), JunkReason::BadStamp),
        ("endless", "v1.k1.".repeat(1_000), JunkReason::BadStamp),
        ("of another form", sign(Purpose::Form, &format!("demo/{second}")), JunkReason::BadStamp),
        ("of another purpose", sign(Purpose::Reply, &format!("contact/{second}")), JunkReason::BadStamp),
        ("without a time", sign(Purpose::Form, "contact"), JunkReason::BadStamp),
        ("beyond all time", sign(Purpose::Form, &format!("contact/{}", i64::MAX)), JunkReason::BadStamp),
        ("older than a day", of_age(24 * 3600 + 1), JunkReason::BadStamp),
        ("from the future", of_age(-1), JunkReason::BadStamp),
        ("a second old", of_age(1), JunkReason::TooFast),
        ("just handed out", of_age(0), JunkReason::TooFast),
    ];
    for (row, stamp, reason) in rows {
        assert_junk(row, World::new(), stamped(&stamp), ADA, reason).await;
    }
}

#[tokio::test]
async fn h15_a_form_that_requires_a_stamp_takes_a_post_without_one_for_junk() {
    for fields in [json!({ "email": ADA }), json!({ "email": ADA, "_stamp": "" })] {
        let world = World::with_form(|form| form.stamp = StampPolicy::Required);
        assert_eq!(world.post(fields).await.json(), accepted());
        let kept = world.kept(ADA).await;
        assert_eq!((kept.lead.stage, kept.junk()), (LifecycleStage::Quarantined, &[JunkReason::BadStamp][..]));
    }
}

#[tokio::test]
async fn h15_people_and_tools_that_behave_are_no_junk() {
    let plain = World::new();
    let ada = Request::json(&json!({ "email": ADA }));
    let of_age = |seconds| stamped(&plain.stamp_of_age(SignedDuration::from_secs(seconds)));
    let tool: &[JunkReason] = &[JunkReason::BotUserAgent];
    for (row, request, reasons) in [
        ("no stamp", ada.clone(), &[][..]),
        ("an empty stamp", stamped(""), &[]),
        ("no origin", ada.clone().without_header("origin"), &[]),
        ("the origin in capitals", ada.clone().header("origin", "HTTPS://WWW.PERENNIAL.EXAMPLE"), &[]),
        ("no user agent", ada.clone().without_header("user-agent"), &[]),
        ("curl", ada.clone().header("user-agent", "curl/8.5.0").without_header("origin"), tool),
        ("a server", ada.header("user-agent", "python-requests/2.32.3").without_header("origin"), tool),
        ("two seconds", of_age(2), &[]),
        ("a day", of_age(24 * 3600), &[]),
    ] {
        let world = World::new();
        assert_eq!(world.send(&request).await.json(), accepted(), "{row}");
        let kept = world.kept(ADA).await;
        assert_eq!(kept.junk(), reasons, "{row}");
        assert!(kept.is_nurtured(), "{row}");
    }
}

#[tokio::test]
async fn stamps_live_on_the_wall_clock_whatever_the_suites_own_does() {
    let world = World::with_form(|form| form.stamp = StampPolicy::Required);
    let stamp = world.stamp_of_age(SignedDuration::ZERO);
    world.suite_clock.advance(SignedDuration::from_hours(24 * 400));
    world.wall_clock.advance(SignedDuration::from_secs(5));
    world.send(&stamped(&stamp)).await;
    let kept = world.kept(ADA).await;
    assert!(kept.is_nurtured());
    assert_eq!(kept.lead.received_at, world.suite_clock.now());
}

#[tokio::test]
async fn a_browser_cannot_tell_junk_from_a_lead_either() {
    for thanks_urls in [vec![], vec!["https://www.perennial.example/thanks".to_owned()]] {
        let world = World::with_form(|form| form.thanks_urls = thanks_urls);
        let lead = world.send(&Request::browser(&[("email", "bob@example.com")])).await;
        let junk = world.send(&Request::browser(&[("email", ADA), ("website", "spam")])).await;
        assert_eq!(junk, lead);
        assert_eq!(world.kept(ADA).await.lead.stage, LifecycleStage::Quarantined);
    }
}

#[tokio::test]
async fn a_person_behind_a_junk_post_is_released_by_a_clean_one() {
    let world = World::new();
    world.post(json!({ "email": ADA, "website": "filled in by a password manager" })).await;
    world.post(json!({ "email": ADA, "first_name": "Ada" })).await;
    let kept = world.kept(ADA).await;
    assert!(kept.is_nurtured());
    assert!(kept.history.contains(&"lead.released"));
    assert_eq!(world.counts().await, (1, 2));
}
