//! Lambda: web forms become leads.
//!
//! `POST /v1/forms/{form}`, the preflight that browsers make for it, `GET /v1/forms/{form}/stamp`, whose answer a page
//! puts into its form, and `GET /v1/forms/{form}/challenge` for a form with ALTCHA. A form that is unknown or closed
//! has none of them (H5). And two for behaviour elsewhere: `POST /v1/events` for servers, `POST /v1/visits` for pages.
//!
//! **Invariants:** a post gets its 2xx only after a durable write (P3). Junk and a lead get the same answer
//! (H12, H15). The query string is never read (H34), nor is any claim about the sender's network but that of what stands
//! in front (H36), and nobody is ever sent to an address that the catalog does not hold (H28).

mod altcha;
mod answer;
pub mod body;
mod captcha;
mod cors;
pub mod disposable;
mod events;
mod junk;
mod post;
pub mod stamp;
mod visits;

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::behaviour::Observer;
use perennial_app::error_chain::ErrorChain;
use perennial_app::guard::Guard;
use perennial_app::ingest::Door;
use perennial_app::ports::{Captcha, Clock};
use perennial_core::catalog::{CaptchaKind, Catalog, Form, FormStatus};
use perennial_core::ids::FormName;
use perennial_core::token::Keyring;
use perennial_lambda::boot::HandlerError;
use perennial_lambda::http;
use perennial_lambda::http::front::Front;
use perennial_lambda::sender_keys::SenderKeys;
use serde::Serialize;
use tracing::error;

use crate::cors::Origin;

pub use altcha::Altcha;
pub use perennial_lambda::strict_json::{JSON_DEPTH_MAX, JsonError};
pub use post::IDEMPOTENCY_KEY_LENGTH_MAX;

/// What the paths of all forms begin with.
const FORMS_PATH: &str = "/v1/forms/";

/// What the function needs.
pub struct Deps {
    /// Who takes submissions in.
    pub door: Door,
    /// Who takes in what is told from elsewhere.
    pub observer: Observer,
    /// Who may tell it.
    pub event_keys: SenderKeys,
    /// What stands in front of the API: who a request comes from.
    pub front: Front,
    /// Who counts posts, and keeps out whoever is blocked.
    pub guard: Guard,
    /// Who makes and judges the puzzles of forms with ALTCHA.
    pub altcha: Altcha,
    /// Who judges Cloudflare's, where the deployment has a secret for it.
    pub turnstile: Option<Arc<dyn Captcha>>,
    /// What stamps are signed and verified with.
    pub keyring: Keyring,
    /// The world's time, which stamps live on; the suite's own may run faster.
    pub wall_clock: Arc<dyn Clock>,
}

/// A form that takes posts.
#[derive(Clone, Copy)]
struct OpenForm<'a> {
    name: &'a FormName,
    form: &'a Form,
}

#[derive(Clone, Copy)]
enum Resource {
    Form,
    Stamp,
    Challenge,
}

impl Resource {
    /// The one method it answers, besides `OPTIONS`.
    const fn method(self) -> &'static str {
        match self {
            Self::Form => "POST",
            Self::Stamp | Self::Challenge => "GET",
        }
    }
}

/// Answers one request. It never fails: what goes wrong is logged and answered.
pub async fn handle(
    deps: Arc<Deps>,
    request: ApiGatewayV2httpRequest,
) -> Result<ApiGatewayV2httpResponse, HandlerError> {
    let catalog = match deps.door.library.catalog().await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "there are no programs to go by");
            return Ok(http::unavailable());
        }
    };
    match http::path(&request) {
        events::PATH => return Ok(events::handle(&deps, &catalog, &request).await),
        visits::PATH => return Ok(visits::handle(&deps, &catalog, &request).await),
        _ => {}
    }
    let Some((form, resource)) = route(&catalog, http::path(&request)) else {
        return Ok(http::problem(404, "not_found", "There is nothing here."));
    };
    let origin = Origin::of(&request, form.form);
    let mut response = match (resource, http::method(&request)) {
        (Resource::Form | Resource::Stamp | Resource::Challenge, "OPTIONS") => {
            cors::preflight(origin, resource.method())
        }
        (Resource::Form, "POST") => post::handle(&deps, &catalog, form, origin, &request).await,
        (Resource::Stamp, "GET") => fresh_stamp(&deps, form.name),
        (Resource::Challenge, "GET") => fresh_challenge(&deps, form.name),
        (Resource::Form | Resource::Stamp | Resource::Challenge, _) => not_allowed(resource),
    };
    cors::admit(origin, &mut response);
    Ok(response)
}

fn route<'a>(catalog: &'a Catalog, path: &str) -> Option<(OpenForm<'a>, Resource)> {
    let rest = path.strip_prefix(FORMS_PATH)?;
    let (name, resource) = match rest.split_once('/') {
        None => (rest, Resource::Form),
        Some((name, "stamp")) => (name, Resource::Stamp),
        Some((name, "challenge")) => (name, Resource::Challenge),
        Some(_) => return None,
    };
    let (name, form) = catalog.forms.get_key_value(&FormName::parse(name).ok()?)?;
    let is_there = match resource {
        Resource::Form | Resource::Stamp => true,
        Resource::Challenge => form.captcha == CaptchaKind::Altcha,
    };
    (form.status == FormStatus::Open && is_there).then_some((OpenForm { name, form }, resource))
}

fn fresh_stamp(deps: &Deps, form: &FormName) -> ApiGatewayV2httpResponse {
    #[derive(Serialize)]
    struct Fresh {
        stamp: String,
    }
    http::json(200, &Fresh { stamp: stamp::issue(&deps.keyring, form, deps.wall_clock.now()) })
}

fn fresh_challenge(deps: &Deps, form: &FormName) -> ApiGatewayV2httpResponse {
    match deps.altcha.challenge(form) {
        Ok(challenge) => http::json(200, &challenge),
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "a captcha's challenge cannot be made");
            http::unavailable()
        }
    }
}

fn not_allowed(resource: Resource) -> ApiGatewayV2httpResponse {
    let method = resource.method();
    let mut response = http::problem(405, "method_not_allowed", format!("Use {method}."));
    http::set_header(&mut response, "allow", &format!("{method}, OPTIONS"));
    response
}
