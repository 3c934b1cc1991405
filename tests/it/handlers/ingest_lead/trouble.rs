//! F11: the store is down at a form post.

use perennial_app::CONFLICTS_MAX;
use serde_json::json;

use super::logs::Log;
use super::store::Trouble;
use super::*;

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn f11_a_post_that_cannot_be_saved_is_503_nothing_is_half_written_and_the_retry_makes_one_lead() {
    let conflicts = vec![Trouble::Conflict; CONFLICTS_MAX];
    let rows = [
        ("key not looked up", vec![Trouble::Idempotency]),
        ("not loaded", vec![Trouble::Load]),
        ("not committed", vec![Trouble::Commit]),
        ("never quick enough", conflicts),
    ];
    for (row, troubles) in rows {
        let log = Log::start();
        let world = World::new();
        let request = Request::json(&json!({ "email": ADA })).header("idempotency-key", "key-1");

        world.store.get_into(troubles);
        let answer = world.send(&request).await;
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()), "{row}");
        assert_eq!(answer.header("retry-after"), Some("5"), "{row}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{row}");
        assert_eq!(world.counts().await, (0, 0), "{row}");
        assert!(world.store.memory.submissions(&world.id_of(ADA)).is_empty(), "{row}");
        assert_eq!(log.text().matches("ERROR").count(), 1, "{row}: {}", log.text());
        assert!(!log.text().contains(ADA), "{row}: {}", log.text());

        assert_eq!(world.send(&request).await.json(), accepted(), "{row}");
        assert!(world.kept(ADA).await.is_nurtured(), "{row}");
        assert_eq!(world.counts().await, (1, 1), "{row}");
    }
}

#[tokio::test]
async fn f11_a_post_that_was_saved_without_an_answer_is_still_one_lead_after_the_retry() {
    for (key, submissions) in [(Some("key-1"), 1), (None, 2)] {
        let world = World::new();
        let post = || {
            let request = Request::json(&json!({ "email": ADA }));
            key.map_or(request.clone(), |key| request.header("idempotency-key", key))
        };
        world.store.get_into([Trouble::Answer]);
        assert_eq!(world.send(&post()).await.status(), 503);
        assert_eq!(world.send(&post()).await.json(), accepted());
        assert_eq!(world.counts().await, (1, submissions));
    }
}

#[tokio::test]
async fn f11_a_person_sees_a_page_that_says_to_try_again() {
    let world = World::new();
    world.store.get_into([Trouble::Commit]);
    let answer = world.send(&Request::browser(&[("email", ADA)])).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("5")));
    assert!(answer.body().contains("<p>Nothing was saved. Please try again in a moment.</p>"), "{}", answer.body());
    assert_eq!(world.counts().await, (0, 0));
}
