//! The start page, the sample customer's form and the health check.
//!
//! The form is a page of a customer's website: a look of its own, and it posts
//! as any website would, urlencoded, with or without JavaScript.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use minijinja::context;
use serde::Serialize;

use crate::html::{self, PageError, Template};
use crate::site::Site;

const START: Template = Template { name: "start.html", text: include_str!("templates/start.html") };
const FORM: Template = Template { name: "form.html", text: include_str!("templates/form.html") };
const THANKS: Template = Template { name: "thanks.html", text: include_str!("templates/thanks.html") };

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn routes() -> Router<Site> {
    Router::new()
        .route("/", get(start))
        .route("/form", get(form))
        .route("/form/thanks", get(thanks))
        .route("/healthz", get(health))
        .route("/assets/perennial.css", get(asset(CSS, include_str!("assets/perennial.css"))))
        .route("/assets/form.css", get(asset(CSS, include_str!("assets/form.css"))))
        .route("/assets/form.js", get(asset(SCRIPT, include_str!("assets/form.js"))))
}

fn asset(kind: &'static str, text: &'static str) -> impl AsyncFn() -> Response + Clone + Send + Sync + 'static {
    async move || ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn start(State(site): State<Site>) -> Result<Response, PageError> {
    let mails = site.letters.newest().map(|newest| newest.count());
    let values = context! { mails => mails.unwrap_or(0) };
    html::page(START, "A nurture suite on one machine", &site.clock, values)
}

async fn form(State(site): State<Site>) -> Result<Response, PageError> {
    html::form_page(FORM, context! { stamp => (site.stamp)() })
}

async fn thanks() -> Result<Response, PageError> {
    html::form_page(THANKS, context! {})
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
