//! What comes back from a post: JSON for programs, a page or a redirect for people.
//!
//! **Invariant:** an answer depends on what was sent, never on what became of it: junk cannot tell.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use perennial_core::intake::FieldError;
use perennial_lambda::http::{self, escape};
use serde::Serialize;

use crate::post::Refusal;

/// Who reads the answer.
#[derive(Clone, Copy)]
pub(crate) enum Audience {
    /// A browser that posted its form by itself and shows what comes back.
    Person,
    /// Everything else; scripts in pages too.
    Program,
}

impl Audience {
    pub(crate) fn of(request: &ApiGatewayV2httpRequest) -> Self {
        let header = |name| http::header(request, name).unwrap_or_default().to_ascii_lowercase();
        let content_type = header("content-type");
        let is_form = ["application/x-www-form-urlencoded", "multipart/form-data"]
            .iter()
            .any(|kind| content_type.starts_with(kind));
        if is_form && header("accept").contains("text/html") { Self::Person } else { Self::Program }
    }
}

/// A post that was taken in, or looks so to its sender.
pub(crate) struct Accepted<'a> {
    /// Who took it.
    pub(crate) organisation: &'a str,
    /// Where a browser goes next: a URL of the catalog.
    pub(crate) thanks_url: Option<&'a str>,
    /// The address its sender probably meant.
    pub(crate) suggestion: Option<String>,
}

pub(crate) fn accepted(audience: Audience, accepted: &Accepted<'_>) -> ApiGatewayV2httpResponse {
    #[derive(Serialize)]
    struct Receipt<'a> {
        status: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        suggestion: Option<&'a str>,
    }
    match (audience, accepted.thanks_url) {
        (Audience::Program, _) => {
            http::json(202, &Receipt { status: "accepted", suggestion: accepted.suggestion.as_deref() })
        }
        (Audience::Person, Some(url)) => see_other(url),
        (Audience::Person, None) => thanks(accepted),
    }
}

fn see_other(url: &str) -> ApiGatewayV2httpResponse {
    let mut response = http::empty(303);
    // A header is ASCII, a URL in the catalog need not be.
    http::set_header(&mut response, "location", &utf8_percent_encode(url, CONTROLS).to_string());
    response
}

fn thanks(accepted: &Accepted<'_>) -> ApiGatewayV2httpResponse {
    let received = format!("<p>{} has received what you sent.</p>", escape(accepted.organisation));
    let hint = accepted.suggestion.as_ref().map_or_else(String::new, |meant| {
        let meant = escape(meant);
        format!(
            "<p>Is your address <strong>{meant}</strong>? Then please go back, correct it and send the form again.</p>"
        )
    });
    http::page(202, "Thank you", &(received + &hint))
}

pub(crate) fn refused(audience: Audience, refusal: Refusal) -> ApiGatewayV2httpResponse {
    match audience {
        Audience::Person => refusal_page(&refusal),
        Audience::Program => refusal_problem(refusal),
    }
}

const fn status(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Body(error) => error.status(),
        Refusal::Key => 400,
        Refusal::KeyReused => 409,
        Refusal::Fields(_) | Refusal::CaptchaFailed => 422,
        Refusal::TooMany { .. } => 429,
        Refusal::Unavailable => 503,
    }
}

fn refusal_problem(refusal: Refusal) -> ApiGatewayV2httpResponse {
    #[derive(Serialize)]
    struct Errors {
        errors: Vec<FieldError>,
    }
    let (status, title) = (status(&refusal), refusal.to_string());
    match refusal {
        Refusal::Body(error) => http::problem(status, error.code(), title),
        Refusal::Key => http::problem(status, "idempotency_key_invalid", title),
        Refusal::KeyReused => http::problem(status, "idempotency_key_reused", title),
        Refusal::Fields(errors) => http::problem_with(status, "fields_invalid", title, Errors { errors }),
        Refusal::CaptchaFailed => http::problem(status, "captcha_failed", title),
        Refusal::TooMany { retry_after_s } => {
            let mut response = http::problem(status, "too_many_requests", title);
            http::set_header(&mut response, "retry-after", &retry_after_s.to_string());
            response
        }
        Refusal::Unavailable => http::unavailable(),
    }
}

fn refusal_page(refusal: &Refusal) -> ApiGatewayV2httpResponse {
    let body = match refusal {
        Refusal::Fields(errors) => field_list(errors),
        Refusal::Body(_)
        | Refusal::Key
        | Refusal::KeyReused
        | Refusal::CaptchaFailed
        | Refusal::TooMany { .. }
        | Refusal::Unavailable => {
            format!("<p>{}</p>", escape(&refusal.to_string()))
        }
    };
    let mut response = http::page(status(refusal), "This was not sent", &body);
    match refusal {
        Refusal::Unavailable => http::set_header(&mut response, "retry-after", http::RETRY_AFTER_S),
        Refusal::TooMany { retry_after_s } => {
            http::set_header(&mut response, "retry-after", &retry_after_s.to_string());
        }
        Refusal::Body(_) | Refusal::Key | Refusal::KeyReused | Refusal::CaptchaFailed | Refusal::Fields(_) => {}
    }
    response
}

/// The errors for a person, each sentence once.
fn field_list(errors: &[FieldError]) -> String {
    let mut sentences: Vec<String> = errors.iter().map(|error| escape(&error.message)).collect();
    sentences.dedup();
    format!("<p>Please go back and mend this:</p><ul><li>{}</li></ul>", sentences.join("</li><li>"))
}
