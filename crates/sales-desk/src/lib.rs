//! Lambda: whoever sells sees their leads, and tells what came of them.
//!
//! Pages behind signed links, which need no login: `GET` and `POST` of `/v1/desk/{token}`, for one lead or for a list,
//! and `/v1/desk/{token}/{lead}` for a lead of that list. And JSON: `/v1/sales/…` for people, whom a JWT authorizer
//! vouches for, and `/v1/crm/…` for machines, by IAM. What a CRM tells of its own comes by `POST` of
//! `/v1/crm/dispositions`, or of `/v1/dispositions` with a key or a signature.
//!
//! **Invariants:** only a POST changes anything (P5), and the same press twice is one outcome. Whoever asks for a lead
//! that is not theirs learns no more than that there is nothing for them (H42), and it is put on record.

mod api;
mod callers;
mod cursor;
mod dispositions;
mod given;
mod pages;
mod phrases;

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::alerts::Herald;
use perennial_app::desk::{DESK_PATH, Desk};
use perennial_app::error_chain::ErrorChain;
use perennial_core::token::Keyring;
use perennial_lambda::boot::HandlerError;
use perennial_lambda::http;
use perennial_lambda::sender_keys::SenderKeys;
use tracing::error;

pub use callers::{Callers, CallersError, REP_CLAIM};
pub use dispositions::{DISPOSITIONS_MAX, DISPOSITIONS_PATH};

/// What the paths of the API for people begin with.
pub const SALES_PATH: &str = "/v1/sales/";

/// What the paths of the API for machines begin with.
pub const CRM_PATH: &str = "/v1/crm/";

/// What the function needs.
pub struct Deps {
    /// Who takes outcomes in, and knows who may see what.
    pub desk: Desk,
    /// Who sends fresh links; it knows where pages are, what is signed with what, and the world's time, which links live on.
    pub herald: Herald,
    /// Which claims say who somebody is.
    pub callers: Callers,
    /// Which systems may tell dispositions without IAM.
    pub crm_keys: SenderKeys,
}

impl Deps {
    fn keyring(&self) -> &Keyring {
        &self.herald.letterhead.keyring
    }
}

/// Answers one request. It never fails: what goes wrong is logged and answered.
pub async fn handle(
    deps: Arc<Deps>,
    request: ApiGatewayV2httpRequest,
) -> Result<ApiGatewayV2httpResponse, HandlerError> {
    let catalog = match deps.desk.library.catalog().await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "there are no programs to go by");
            return Ok(http::unavailable());
        }
    };
    let path = http::path(&request);
    // On the heap: the lead that is decided on makes these futures large.
    let response = if let Some(rest) = path.strip_prefix(DESK_PATH) {
        Box::pin(pages::handle(&deps, &catalog, &request, rest)).await
    } else if let Some(rest) = path.strip_prefix(SALES_PATH) {
        Box::pin(api::handle(&deps, &catalog, &request, api::Side::People, rest)).await
    } else if path == DISPOSITIONS_PATH {
        Box::pin(dispositions::handle(&deps, &catalog, &request, dispositions::Door::Key)).await
    } else if path.strip_prefix(CRM_PATH) == Some(dispositions::OF_MACHINES) {
        Box::pin(dispositions::handle(&deps, &catalog, &request, dispositions::Door::Iam)).await
    } else if let Some(rest) = path.strip_prefix(CRM_PATH) {
        Box::pin(api::handle(&deps, &catalog, &request, api::Side::Machines, rest)).await
    } else {
        http::problem(404, "not_found", "There is nothing here.")
    };
    Ok(response)
}
