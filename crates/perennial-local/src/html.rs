//! How the local pages are made: escaped templates, strict headers, no framework.
//!
//! **Every value in a page is escaped by the template engine**; nothing is put
//! into HTML by hand. **Every page carries a content security policy and is
//! never stored** by a browser: it shows personal data.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::clock::{Clock, Pace};

/// The policy of pages: own styles, nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The policy of the sample form, which has a script of its own.
const FORM_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The policy of pages that follow the files they show: a script of their own, which asks for a stamp.
const LIVE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The policy of a mail's own HTML: no script, no network, links open in a new tab.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The policy of a mail that the suite has just written from a program's files, for a page that measures it: it may be
/// looked into, since it runs nothing. For a mail of anybody else's it would be too much.
const OWN_MAIL_POLICY: &str = "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// A template: its name (for errors) and its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// What several pages hold.
const PARTIALS: [Template; 1] = [Template { name: "problems.html", text: include_str!("templates/problems.html") }];

const LAYOUT: Template = Template { name: "layout.html", text: include_str!("templates/layout.html") };

/// What stands around a page.
#[derive(Serialize)]
struct Frame<'p> {
    title: &'p str,
    now: Moment,
    time_lapse: Option<String>,
    /// The page, escaped where it was rendered.
    content: Value,
}

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not make the page")]
pub(crate) struct PageError(#[from] minijinja::Error);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        tracing::error!(template = self.0.name(), line = self.0.line(), "a page could not be made");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// A page within the suite's own frame.
pub(crate) fn page(
    template: Template,
    title: &str,
    clock: &Clock,
    values: impl Serialize,
) -> Result<Response, PageError> {
    Ok(with_policy(PAGE_POLICY, framed(template, title, clock, values)?))
}

/// A page that follows the files it shows, by a script of its own.
pub(crate) fn live_page(
    template: Template,
    title: &str,
    clock: &Clock,
    values: impl Serialize,
) -> Result<Response, PageError> {
    Ok(with_policy(LIVE_POLICY, framed(template, title, clock, values)?))
}

fn framed(template: Template, title: &str, clock: &Clock, values: impl Serialize) -> Result<String, minijinja::Error> {
    let content = render(template, values)?;
    let frame = Frame {
        title,
        now: Moment::of(clock.now()),
        time_lapse: time_lapse(clock),
        content: Value::from_safe_string(content),
    };
    render(LAYOUT, frame)
}

/// The sample customer's page, which has a look and a script of its own.
pub(crate) fn form_page(template: Template, values: impl Serialize) -> Result<Response, PageError> {
    Ok(with_policy(FORM_POLICY, render(template, values)?))
}

/// A mail's own HTML, for a frame: its links open outside of the frame.
pub(crate) fn mail_html(html: &str) -> Response {
    with_policy(MAIL_POLICY, with_base(html))
}

/// The HTML of a mail that the suite has just written from a program's files.
pub(crate) fn own_mail_html(html: &str) -> Response {
    with_policy(OWN_MAIL_POLICY, with_base(html))
}

fn render(template: Template, values: impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for partial in PARTIALS {
        environment.add_template(partial.name, partial.text)?;
    }
    environment.render_named_str(template.name, template.text, Serde(values))
}

/// Says that links open in a new tab, after `<head>` where there is one.
fn with_base(html: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    const HEAD: &str = "<head>";
    let head_end = html.to_ascii_lowercase().find(HEAD).map_or(0, |at| at + HEAD.len());
    let (before, after) = html.split_at(head_end);
    format!("{before}{BASE}{after}")
}

fn with_policy(policy: &'static str, html: String) -> Response {
    let headers = [(header::CONTENT_SECURITY_POLICY, policy)];
    (headers, Html(html)).into_response()
}

/// What every answer of the local pages carries.
pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_POLICY));
    response
}

/// The speed of a time-lapse as it is shown, e.g. `1d/s`.
pub(crate) fn time_lapse(clock: &Clock) -> Option<String> {
    match clock.pace() {
        Pace::Real => None,
        Pace::TimeLapse(speed) => Some(speed.to_string()),
    }
}

/// An instant for people and for programs, both in UTC.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Moment {
    shown: String,
    exact: String,
}

impl Moment {
    pub(crate) fn of(at: Timestamp) -> Self {
        Self { shown: at.strftime("%a %-d %b %Y, %H:%M UTC").to_string(), exact: at.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_are_escaped() {
        let template = Template { name: "t.html", text: "{{ name }}" };
        let html = render(template, BTreeMap::from([("name", "<script>\"&'")])).unwrap();
        assert_eq!(html, "&lt;script&gt;&quot;&amp;&#x27;");
    }

    #[test]
    fn a_value_that_is_missing_is_an_error_and_not_a_blank() {
        let template = Template { name: "t.html", text: "{{ name }}" };
        assert!(render(template, ()).is_err());
    }

    #[test]
    fn a_mails_links_open_outside_of_its_frame() {
        assert_eq!(
            with_base("<!doctype html><HTML><HEAD><title>x</title>"),
            "<!doctype html><HTML><HEAD><base target=\"_blank\"><title>x</title>"
        );
        assert_eq!(with_base("<p>x</p>"), "<base target=\"_blank\"><p>x</p>");
    }

    #[test]
    fn a_moment_is_shown_in_words_and_exactly() {
        let moment = Moment::of("2026-01-05T08:03:04.5Z".parse().unwrap());
        assert_eq!(moment.shown, "Mon 5 Jan 2026, 08:03 UTC");
        assert_eq!(moment.exact, "2026-01-05T08:03:04.5Z");
    }
}
