//! Which pages may post a form by script (H37).
//!
//! CORS is set per API at API Gateway, but the pages are named per form: so the function answers for itself.
//!
//! **Invariant:** what an answer allows comes from the catalog, never from the request.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_core::catalog::Form;
use perennial_lambda::http::{self, set_header};

/// The headers that a page's script may set: those that this function reads.
const HEADERS: &str = "content-type, idempotency-key";
/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_AGE_MAX_S: &str = "3600";

/// Where a request comes from, as its browser tells and its form sees it.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// The form takes posts from anywhere.
    Any,
    /// From this one, which the form lists.
    Listed(&'a str),
    /// The form lists some, and the request names none: no browser sent it, or an old one.
    Unnamed,
    /// From one that the form does not list; `null` among them.
    Foreign,
}

impl<'a> Origin<'a> {
    pub(crate) fn of(request: &ApiGatewayV2httpRequest, form: &'a Form) -> Self {
        if form.origins.is_empty() {
            return Self::Any;
        }
        let Some(named) = http::header(request, "origin") else {
            return Self::Unnamed;
        };
        let listed = form.origins.iter().find(|listed| listed.eq_ignore_ascii_case(named));
        listed.map_or(Self::Foreign, |listed| Self::Listed(listed))
    }
}

/// Answers a preflight: what a script may do with a resource that takes `method`.
pub(crate) fn preflight(origin: Origin<'_>, method: &str) -> ApiGatewayV2httpResponse {
    match origin {
        Origin::Foreign => http::problem(403, "origin_not_allowed", "This form is not for pages of that origin."),
        Origin::Any | Origin::Listed(_) | Origin::Unnamed => {
            let mut response = http::empty(204);
            for (name, value) in [
                ("access-control-allow-methods", method),
                ("access-control-allow-headers", HEADERS),
                ("access-control-max-age", PREFLIGHT_AGE_MAX_S),
            ] {
                set_header(&mut response, name, value);
            }
            response
        }
    }
}

/// Lets the scripts of an allowed origin read an answer.
pub(crate) fn admit(origin: Origin<'_>, response: &mut ApiGatewayV2httpResponse) {
    match origin {
        Origin::Any => set_header(response, "access-control-allow-origin", "*"),
        Origin::Listed(listed) => {
            set_header(response, "access-control-allow-origin", listed);
            set_header(response, "vary", "origin");
        }
        Origin::Unnamed | Origin::Foreign => set_header(response, "vary", "origin"),
    }
}
