//! H34: what the log says, and what it never says.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use super::*;

/// The log of the current thread, for as long as it lives.
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// With every detail, of every library.
    pub(crate) fn start() -> Self {
        Self::at(Level::TRACE)
    }

    /// What is this important, or more.
    pub(crate) fn at(level: Level) -> Self {
        let lines = Arc::new(Mutex::default());
        let sink = Arc::clone(&lines);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(move || Sink(Arc::clone(&sink)))
            .finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_accepted_submission_is_one_line_that_says_where_and_what_but_not_who() {
    let log = Log::start();
    let world = World::new();
    world.post(json!({ "email": "canary@example.com", "first_name": "Canary" })).await;
    world.post(json!({ "email": "canary@example.com" })).await;
    world.post(json!({ "email": "canary@mailinator.com" })).await;
    insta::assert_snapshot!(log.text(), @r#"
    INFO ingest_lead::post: submission taken in form.name=contact submission.channel="form" submission.outcome="received"
    INFO ingest_lead::post: submission taken in form.name=contact submission.channel="form" submission.outcome="merged"
    INFO ingest_lead::post: submission taken in form.name=contact submission.channel="form" submission.outcome="quarantined"
    "#);
}

#[tokio::test]
async fn h34_an_address_in_the_query_string_is_nowhere_in_the_log_the_answer_or_the_store() {
    let log = Log::start();
    let world = World::new();
    for mut request in [
        Request::json(&json!({ "email": "ada@example.com" })),
        Request::browser(&[("email", "ada@example.com")]),
        Request::browser(&[]),
        Request::json(&json!({})).body("application/json", "{"),
    ] {
        request.0["rawQueryString"] = json!("email=canary-7f3%40example.com&thanks_url=https://canary-7f3.example");
        request.0["queryStringParameters"] =
            json!({ "email": "canary-7f3@example.com", "thanks_url": "https://canary-7f3.example" });
        let answer = world.send(&request).await;
        assert!(!answer.0.to_string().contains("canary-7f3"));
    }
    assert_eq!(world.counts().await, (1, 2));
    assert_eq!(world.kept("ada@example.com").await.address().as_deref(), Some("ada@example.com"));
    assert!(log.text().contains("submission taken in") && !log.text().contains("canary-7f3"), "{}", log.text());
}
