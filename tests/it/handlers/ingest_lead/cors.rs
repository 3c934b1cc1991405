//! H37: which pages' scripts may post a form and read the answer.

use serde_json::json;

use super::*;

#[tokio::test]
async fn h37_a_page_that_the_form_lists_may_post_it() {
    let world = World::new();
    let answer = world.send(&Request::sample("form-preflight.json")).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("vary"), Some("origin"));
}

#[tokio::test]
async fn h37_a_preflight_from_elsewhere_is_refused_without_an_echo() {
    let world = World::new();
    for origin in [
        "https://evil.example",
        "null",
        "http://www.perennial.example",
        "https://www.perennial.example.evil.example",
        "",
    ] {
        let answer = world.send(&Request::sample("form-preflight.json").header("origin", origin)).await;
        assert_eq!(answer.problem(), (403, "origin_not_allowed".to_owned()), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert!(!answer.body().contains("evil"));
    }
}

#[tokio::test]
async fn every_answer_can_be_read_by_the_pages_that_may_post_and_by_no_others() {
    let world = World::new();
    for (fields, status) in [(json!({ "email": "ada@example.com" }), 202), (json!({}), 422), (json!([]), 422)] {
        for (origin, allowed) in [(Some(ORIGIN), Some(ORIGIN)), (Some("https://evil.example"), None), (None, None)] {
            let request = Request::json(&fields).without_header("origin");
            let request = origin.map_or(request.clone(), |origin| request.header("origin", origin));
            let answer = world.send(&request).await;
            assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (status, allowed));
        }
    }
}

#[tokio::test]
async fn a_form_without_origins_may_be_posted_by_any_page() {
    let world = World::with_form(|form| form.origins.clear());
    for origin in ["https://anywhere.example", "null"] {
        let answer = world.send(&Request::sample("form-preflight.json").header("origin", origin)).await;
        assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (204, Some("*")));
        let post = Request::json(&json!({ "email": "ada@example.com" })).header("origin", origin);
        assert_eq!(world.send(&post).await.header("access-control-allow-origin"), Some("*"));
    }
    let kept = world.kept("ada@example.com").await;
    assert!(kept.submissions.iter().all(|row| row.submission.junk.is_empty()));
}
