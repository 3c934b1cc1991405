//! The files in `events/`, on the catalog that is shipped.

use std::path::Path;

use perennial_app::programs;
use perennial_core::token::Purpose;
use serde_json::json;

use super::*;

fn shipped() -> World {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs");
    World::of(programs::load(&programs).unwrap().0.unwrap())
}

#[tokio::test]
async fn a_script_posts_the_shipped_form() {
    let world = shipped();
    let answer = world.send(&Request::sample("form-json.json")).await;
    assert_eq!((answer.status(), answer.json()), (202, accepted()));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));

    let kept = world.kept("ada@example.com").await;
    assert!(kept.is_nurtured());
    assert_eq!(kept.field("company"), Some("Analytical Engines"));
    assert_eq!(kept.lead.zone.as_deref(), Some("Europe/London"));
    assert_eq!(kept.profile.first_touch.source.as_deref(), Some("google"));
    let welcomed = ["lead.received", "lead.admitted", "lead.assigned", "enrolment.started"];
    assert_eq!(kept.history, [&welcomed[..], &["score.changed", "score.changed", "evaluation.due"]].concat());
}

#[tokio::test]
async fn a_browser_without_javascript_posts_the_shipped_form() {
    let world = shipped();
    let answer = world.send(&Request::sample("form-urlencoded.json")).await;
    assert_eq!((answer.status(), answer.header("content-type")), (202, Some("text/html; charset=utf-8")));
    assert!(answer.body().contains("<h1>Thank you</h1>"));

    let kept = world.kept("grace@example.com").await;
    assert!(kept.is_nurtured());
    assert_eq!(kept.field("message"), Some("What does it cost?\nThank you."));
    assert_eq!((kept.field("company"), &kept.profile.phone), (None, &None));
}

#[tokio::test]
async fn a_browser_posts_the_shipped_form_as_multipart() {
    let world = shipped();
    assert_eq!(world.send(&Request::sample("form-multipart.json")).await.status(), 202);

    let kept = world.kept("mary@example.com").await;
    assert!(kept.is_nurtured());
    assert_eq!(kept.field("last_name"), Some("Ó Conaill"));
    assert_eq!(kept.field("company"), Some("Büro & Söhne"));
    assert_eq!(kept.field("message"), Some("Two lines,\nas typed."));
}

#[tokio::test]
async fn a_browser_asks_whether_a_script_may_post_the_shipped_form() {
    let answer = shipped().send(&Request::sample("form-preflight.json")).await;
    assert_eq!((answer.status(), answer.body()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type, idempotency-key"));
}

#[tokio::test]
async fn a_page_gets_a_stamp_for_the_shipped_form() {
    let world = shipped();
    let answer = world.send(&Request::sample("form-stamp.json")).await;
    assert_eq!((answer.status(), answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let stamp = answer.json()["stamp"].as_str().unwrap().to_owned();
    let second = world.wall_clock.now().as_second();
    assert_eq!(world.deps.keyring.verify(Purpose::Form, &stamp), Ok(format!("contact/{second}")));

    world.wall_clock.advance(SignedDuration::from_secs(20));
    world.post(json!({ "email": "ada@example.com", "_stamp": stamp })).await;
    assert!(world.kept("ada@example.com").await.junk().is_empty());
}
