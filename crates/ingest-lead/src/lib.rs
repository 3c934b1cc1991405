//! Lambda: web forms become leads.
//!
//! Three routes: `POST /v1/forms/{form}`, the preflight that browsers make for it, and
//! `GET /v1/forms/{form}/stamp`, whose answer a page puts into its form. A form that is unknown or closed
//! has none of them (H5).
//!
//! **Invariants:** a post gets its 2xx only after a durable write (P3). Junk and a lead get the same answer
//! (H12, H15). The query string is never read (H34), nor is any claim about the sender's network (H36), and
//! nobody is ever sent to an address that the catalog does not hold (H28).

mod answer;
pub mod body;
mod cors;
pub mod disposable;
mod junk;
mod post;
pub mod stamp;
mod strict_json;

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::error_chain::ErrorChain;
use perennial_app::ingest::Door;
use perennial_app::ports::Clock;
use perennial_core::catalog::{Catalog, Form, FormStatus};
use perennial_core::ids::FormName;
use perennial_core::token::Keyring;
use perennial_lambda::boot::HandlerError;
use perennial_lambda::http;
use serde::Serialize;
use tracing::error;

use crate::cors::Origin;

pub use post::IDEMPOTENCY_KEY_LENGTH_MAX;
pub use strict_json::{JSON_DEPTH_MAX, JsonError};

/// What the paths of all forms begin with.
const FORMS_PATH: &str = "/v1/forms/";

/// What the function needs.
pub struct Deps {
    /// Who takes submissions in.
    pub door: Door,
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
}

impl Resource {
    /// The one method it answers, besides `OPTIONS`.
    const fn method(self) -> &'static str {
        match self {
            Self::Form => "POST",
            Self::Stamp => "GET",
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
    let Some((form, resource)) = route(&catalog, http::path(&request)) else {
        return Ok(http::problem(404, "not_found", "There is nothing here."));
    };
    let origin = Origin::of(&request, form.form);
    let mut response = match (resource, http::method(&request)) {
        (Resource::Form | Resource::Stamp, "OPTIONS") => cors::preflight(origin, resource.method()),
        (Resource::Form, "POST") => post::handle(&deps, &catalog, form, origin, &request).await,
        (Resource::Stamp, "GET") => fresh_stamp(&deps, form.name),
        (Resource::Form | Resource::Stamp, _) => not_allowed(resource),
    };
    cors::admit(origin, &mut response);
    Ok(response)
}

fn route<'a>(catalog: &'a Catalog, path: &str) -> Option<(OpenForm<'a>, Resource)> {
    let rest = path.strip_prefix(FORMS_PATH)?;
    let (name, resource) = match rest.split_once('/') {
        None => (rest, Resource::Form),
        Some((name, "stamp")) => (name, Resource::Stamp),
        Some(_) => return None,
    };
    let (name, form) = catalog.forms.get_key_value(&FormName::parse(name).ok()?)?;
    (form.status == FormStatus::Open).then_some((OpenForm { name, form }, resource))
}

fn fresh_stamp(deps: &Deps, form: &FormName) -> ApiGatewayV2httpResponse {
    #[derive(Serialize)]
    struct Fresh {
        stamp: String,
    }
    http::json(200, &Fresh { stamp: stamp::issue(&deps.keyring, form, deps.wall_clock.now()) })
}

fn not_allowed(resource: Resource) -> ApiGatewayV2httpResponse {
    let method = resource.method();
    let mut response = http::problem(405, "method_not_allowed", format!("Use {method}."));
    http::set_header(&mut response, "allow", &format!("{method}, OPTIONS"));
    response
}
