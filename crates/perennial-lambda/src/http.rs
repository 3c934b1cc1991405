//! Answers over HTTP: problems as RFC 9457 JSON, small pages as HTML.
//!
//! **Invariant:** no answer repeats what was sent, is cached, or lets a page of somebody else in.

pub mod form;
pub mod front;
pub mod page;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::http::page::Page;

/// What every answer carries.
const HEADERS: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
];

/// When to try again after a 503, in seconds: the value of `Retry-After`.
pub const RETRY_AFTER_S: &str = "5";

/// A problem, as RFC 9457 has it.
#[derive(Debug, Clone, Serialize)]
pub struct Problem<T: Serialize> {
    /// The HTTP status.
    pub status: u16,
    /// A stable name for programs.
    pub code: &'static str,
    /// One sentence for people.
    pub title: String,
    /// What belongs to it.
    #[serde(flatten)]
    pub details: T,
}

/// No details.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct NoDetails {}

/// An answer with a body of some type.
pub fn answer(status: u16, content_type: &str, body: impl Into<String>) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = i64::from(status);
    response.body = Some(Body::Text(body.into()));
    for (name, value) in HEADERS {
        set_header(&mut response, name, value);
    }
    set_header(&mut response, "content-type", content_type);
    response
}

/// An answer without a body.
pub fn empty(status: u16) -> ApiGatewayV2httpResponse {
    let mut response = answer(status, "text/plain; charset=utf-8", "");
    response.headers.remove("content-type");
    response
}

/// A JSON answer.
pub fn json(status: u16, body: &impl Serialize) -> ApiGatewayV2httpResponse {
    // A body of ours that does not serialise is a bug; an empty answer of the same status is still true.
    answer(status, "application/json", serde_json::to_string(body).unwrap_or_default())
}

/// A problem with details.
pub fn problem_with<T: Serialize>(
    status: u16,
    code: &'static str,
    title: impl Into<String>,
    details: T,
) -> ApiGatewayV2httpResponse {
    let mut response = json(status, &Problem { status, code, title: title.into(), details });
    set_header(&mut response, "content-type", "application/problem+json");
    response
}

/// A problem.
pub fn problem(status: u16, code: &'static str, title: impl Into<String>) -> ApiGatewayV2httpResponse {
    problem_with(status, code, title, NoDetails {})
}

/// The store cannot take anything now: try again (F11).
pub fn unavailable() -> ApiGatewayV2httpResponse {
    let mut response = problem(503, "unavailable", "Nothing was saved. Please try again in a moment.");
    set_header(&mut response, "retry-after", RETRY_AFTER_S);
    response
}

/// A page in English: a title and a body of HTML that is already escaped.
pub fn page(status: u16, title: &str, body: &str) -> ApiGatewayV2httpResponse {
    Page { status, language: "en", title, from: None, body, style: "" }.answer()
}

/// Text as it may stand in HTML, between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

/// Sets a header; one that HTTP does not allow is left out.
pub fn set_header(response: &mut ApiGatewayV2httpResponse, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        response.headers.insert(name, value);
    }
}

/// A request's header, where it is text.
pub fn header<'a>(request: &'a ApiGatewayV2httpRequest, name: &str) -> Option<&'a str> {
    text_header(&request.headers, name)
}

fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A request's method, in upper case.
pub fn method(request: &ApiGatewayV2httpRequest) -> &str {
    request.request_context.http.method.as_str()
}

/// A request's path, without its query. The API's stage must be `$default`: a named one would stand in it.
pub fn path(request: &ApiGatewayV2httpRequest) -> &str {
    request.raw_path.as_deref().unwrap_or("/")
}
