//! The start page, the sample customer's form and the health check.
//!
//! The form is a page of a customer's website: a look of its own, and it posts
//! as any website would, urlencoded, with or without JavaScript.

use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;

use crate::html::{self, PageError, Template};
use crate::site::Site;

const START: Template = Template { name: "start.html", text: include_str!("templates/start.html") };
const FORM: Template = Template { name: "form.html", text: include_str!("templates/form.html") };

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn routes() -> Router<Site> {
    Router::new()
        .route("/", get(start))
        .route("/form", get(form))
        .route("/healthz", get(health))
        .route("/assets/perennial.css", asset(CSS, include_str!("assets/perennial.css")))
        .route("/assets/form.css", asset(CSS, include_str!("assets/form.css")))
        .route("/assets/form.js", asset(SCRIPT, include_str!("assets/form.js")))
        .route("/assets/programs.js", asset(SCRIPT, include_str!("assets/programs.js")))
}

fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Site> {
    get(([(header::CONTENT_TYPE, kind)], text))
}

#[derive(Serialize)]
struct Start {
    mails: u64,
}

async fn start(State(site): State<Site>) -> Result<Response, PageError> {
    let values = Start { mails: site.letters.count() };
    html::page(START, "A nurture suite on one machine", &site.clock, values)
}

#[derive(Serialize)]
struct Form {
    stamp: String,
}

async fn form(State(site): State<Site>) -> Result<Response, PageError> {
    let stamp = (site.stamp)();
    html::form_page(FORM, Form { stamp })
}

/// The answer of `GET /healthz`.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    /// The suite's time.
    now: Timestamp,
    /// Its speed, or null at real speed.
    time_lapse: Option<String>,
}

async fn health(State(site): State<Site>) -> Json<Health> {
    Json(Health { status: "ok", now: site.clock.now(), time_lapse: html::time_lapse(&site.clock) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::site::tests::World;

    #[tokio::test]
    async fn the_start_page_leads_to_the_other_pages_and_shows_the_suites_time() {
        let page = World::new().get("/").await.text;
        for part in [
            "href=\"/form\"",
            "href=\"/programs\"",
            "href=\"/mailbox\"",
            "Mon 5 Jan 2026, 08:03 UTC",
            "1d&#x2f;s",
            "No mail yet.",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[tokio::test]
    async fn the_form_posts_like_any_website_and_needs_no_script() {
        let page = World::new().get("/form").await.text;
        assert!(page.contains("<form method=\"post\" action=\"/v1/forms/contact\">"));
        for field in ["email", "first_name", "last_name", "company", "phone", "message", "website"] {
            assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
        }
    }

    #[tokio::test]
    async fn the_form_carries_the_stamp_it_was_given_escaped() {
        let page = World::new().get("/form").await.text;
        let field = "<input type=\"hidden\" name=\"_stamp\" value=\"stamp&lt;&quot;1&quot;&gt;\">";
        assert!(page.contains(field), "{page}");
    }

    #[tokio::test]
    async fn the_honeypot_is_out_of_reach_of_people() {
        let page = World::new().get("/form").await.text;
        assert!(page.contains("<p class=\"away\" aria-hidden=\"true\">"));
        assert!(page.contains("name=\"website\" tabindex=\"-1\" autocomplete=\"off\""));
    }

    #[tokio::test]
    async fn what_the_script_may_know_is_not_sent_without_it() {
        let page = World::new().get("/form").await.text;
        for field in ["timezone", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"] {
            let input = format!("<input type=\"hidden\" name=\"{field}\" value=\"\" disabled>");
            assert!(page.contains(&input), "{field}");
        }
    }

    #[tokio::test]
    async fn pages_have_no_script_or_style_of_their_own_inside() {
        let world = World::new();
        for path in ["/", "/form", "/mailbox"] {
            let page = world.get(path).await.text;
            assert!(!page.contains("<script>") && !page.contains("<style") && !page.contains(" style="), "{path}");
        }
        for (path, kind) in [
            ("/assets/perennial.css", "text/css; charset=utf-8"),
            ("/assets/form.css", "text/css; charset=utf-8"),
            ("/assets/form.js", "text/javascript; charset=utf-8"),
            ("/assets/programs.js", "text/javascript; charset=utf-8"),
        ] {
            assert_eq!(world.get(path).await.headers["content-type"], kind, "{path}");
        }
    }

    #[tokio::test]
    async fn health_tells_the_suites_time_and_speed() {
        let text = World::new().get("/healthz").await.text;
        let health: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(health, json!({ "status": "ok", "now": "2026-01-05T08:03:04.5Z", "time_lapse": "1d/s" }));
    }
}
