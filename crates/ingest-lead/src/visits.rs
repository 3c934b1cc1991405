//! `POST /v1/visits`: the script on a customer's page tells that somebody came who had one of our mails.
//!
//! **Invariants:** it takes a token that only our links give out, and no key: a browser can keep none. Machines never
//! count (I11), nor does whoever asks not to be tracked. The same page within half an hour is one visit.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use jiff::Timestamp;
use perennial_app::behaviour::{Happening, Told};
use perennial_app::error_chain::ErrorChain;
use perennial_app::guard::{Admission, Network};
use perennial_core::catalog::Catalog;
use perennial_core::condition::SignalKind;
use perennial_core::ids::{FormName, TopicName};
use perennial_lambda::http::{self, form};
use tracing::{error, info};

use crate::Deps;
use crate::body::{self, BodyError};
use crate::events::{Given, Refusal, is_machine, observe, topic, visitor};

/// Where visits are posted.
pub(crate) const PATH: &str = "/v1/visits";

/// What the guard counts visits under, beside the forms.
const BUCKET: &str = "visits";

/// How long the same page is the same visit, in seconds.
const VISIT_S: i64 = 30 * 60;

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
) -> ApiGatewayV2httpResponse {
    let mut response = match http::method(request) {
        "OPTIONS" => {
            let mut response = http::empty(204);
            http::set_header(&mut response, "access-control-allow-methods", "POST");
            http::set_header(&mut response, "access-control-allow-headers", "content-type");
            http::set_header(&mut response, "access-control-max-age", "3600");
            response
        }
        "POST" => post(deps, catalog, request).await,
        _ => {
            let mut response = http::problem(405, "method_not_allowed", "Use POST.");
            http::set_header(&mut response, "allow", "POST, OPTIONS");
            response
        }
    };
    // Any site may hold the script; what it says is believed for its token alone.
    http::set_header(&mut response, "access-control-allow-origin", "*");
    response
}

async fn post(deps: &Deps, catalog: &Catalog, request: &ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    if let Some(response) = turned_away(deps, catalog, request).await {
        return response;
    }
    match take_in(deps, catalog, request).await {
        Ok(()) => http::empty(204),
        Err(refusal) => refusal.answer(),
    }
}

async fn turned_away(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
) -> Option<ApiGatewayV2httpResponse> {
    let network = deps.front.address(request).and_then(Network::parse);
    let bucket = FormName::parse(BUCKET).ok()?;
    match deps.guard.admit(network, &bucket, &catalog.limits).await {
        Ok(Admission::Free | Admission::Suspicious) => None,
        Ok(Admission::Full { retry_after_s }) => {
            let mut response = http::problem(429, "too_many_requests", "Too many visits came at once.");
            http::set_header(&mut response, "retry-after", &retry_after_s.to_string());
            Some(response)
        }
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "a visit was not saved");
            Some(http::unavailable())
        }
    }
}

async fn take_in(deps: &Deps, catalog: &Catalog, request: &ApiGatewayV2httpRequest) -> Result<(), Refusal> {
    let given = Given(body::read_json(&form::bytes(request).map_err(BodyError::from)?)?);
    let lead = visitor(deps, given.text("visitor")).ok_or(Refusal::Lead)?;
    let kind = match given.text("kind") {
        "" | "page_visited" => SignalKind::PageVisited,
        "pricing_visited" => SignalKind::PricingVisited,
        _ => return Err(Refusal::Type),
    };
    let topic = topic(catalog, given.text("topic"))?;
    if !is_person(request) {
        info!(metric = "visit.passed_over", "a visit of a machine, or of somebody who asks not to be tracked");
        return Ok(());
    }
    let about = topic.as_ref().map_or("", TopicName::as_str);
    let id = format!("visit/{lead}/{}/{about}/{}", kind.as_str(), half_hour(deps.wall_clock.now()));
    observe(deps, &Told { id, lead, happening: Happening::Sign { kind, topic } }).await
}

fn is_person(request: &ApiGatewayV2httpRequest) -> bool {
    let says_one = |name| http::header(request, name).is_some_and(|value| value.trim() == "1");
    let user_agent = http::header(request, "user-agent").unwrap_or_default();
    !is_machine(user_agent) && !says_one("dnt") && !says_one("sec-gpc")
}

fn half_hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(VISIT_S)
}
