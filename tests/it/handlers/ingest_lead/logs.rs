//! H34: what the log says, and what it never says.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::prelude::*;

use super::*;

/// The log of the current thread, for as long as it lives.
///
/// There is one subscriber for the whole process, and each thread says what it wants to hear. With one per test,
/// `tracing` asks only the thread that comes by a line first whether anybody listens, and remembers a "no" for all.
pub(crate) struct Log(());

struct Heard {
    most: LevelFilter,
    /// How much of what others say; of our own crates everything up to `most` is heard.
    most_of_others: LevelFilter,
    lines: Vec<u8>,
}

thread_local! {
    static HEARD: RefCell<Heard> = const {
        RefCell::new(Heard { most: LevelFilter::OFF, most_of_others: LevelFilter::OFF, lines: Vec::new() })
    };
}

struct Sink;

impl Log {
    /// With every detail, of every library.
    pub(crate) fn start() -> Self {
        Self::at(LevelFilter::TRACE)
    }

    /// What is this important, or more.
    pub(crate) fn at(most: LevelFilter) -> Self {
        Self::hear(most, most)
    }

    /// With every detail of our own crates; of the libraries, as much as anybody would have them log.
    pub(crate) fn ours() -> Self {
        Self::hear(LevelFilter::TRACE, LevelFilter::INFO)
    }

    fn hear(most: LevelFilter, most_of_others: LevelFilter) -> Self {
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| {
            let wanted = dynamic_filter_fn(|line, _| {
                HEARD.with_borrow(|heard| {
                    let most = if is_ours(line.target()) { heard.most } else { heard.most_of_others };
                    *line.level() <= most
                })
            });
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(|| Sink);
            tracing_subscriber::registry().with(lines.with_filter(wanted)).init();
        });
        HEARD.set(Heard { most, most_of_others, lines: Vec::new() });
        Self(())
    }

    #[expect(clippy::unused_self, reason = "whoever reads a log has started one")]
    pub(crate) fn text(&self) -> String {
        HEARD.with_borrow(|heard| String::from_utf8(heard.lines.clone()).unwrap())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        HEARD.with_borrow_mut(|heard| {
            heard.most = LevelFilter::OFF;
            heard.most_of_others = LevelFilter::OFF;
        });
    }
}

/// Whether a line is of one of our crates.
fn is_ours(target: &str) -> bool {
    let ours = ["perennial", "ingest_lead", "schedule_touch", "record_engagement", "publish_history"];
    ours.iter().any(|name| target.starts_with(name))
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HEARD.with_borrow_mut(|heard| heard.lines.write(bytes))
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
