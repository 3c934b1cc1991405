//! The HTTP routes: which page a path is.
//!
//! **Invariant (P5):** a `GET` changes nothing that a person could mind. What a path names is a token; where a link
//! leads is never read from a request.

use crate::desk::Desk;
use crate::{Deps, click, opt_in, preferences, profile, unsubscribe};
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::{CLICK_PATH, OPEN_PATH, OPT_IN_PATH, PREFERENCES_PATH, PROFILE_PATH, UNSUBSCRIBE_PATH};
use perennial_lambda::http;
use tracing::error;

pub(crate) async fn handle(deps: &Deps, request: &ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let catalog = match deps.listener.library.catalog().await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "there are no programs to go by");
            return http::unavailable();
        }
    };
    let desk = Desk { deps, catalog: &catalog, request };
    let path = http::path(request);
    if let Some(token) = path.strip_prefix(UNSUBSCRIBE_PATH) {
        unsubscribe::handle(&desk, token).await
    } else if let Some(token) = path.strip_prefix(OPT_IN_PATH) {
        opt_in::handle(&desk, token).await
    } else if let Some(token) = path.strip_prefix(PREFERENCES_PATH) {
        preferences::handle(&desk, token).await
    } else if let Some(token) = path.strip_prefix(PROFILE_PATH) {
        profile::handle(&desk, token).await
    } else if let Some(token) = path.strip_prefix(CLICK_PATH) {
        click::handle(&desk, token).await
    } else if let Some(token) = path.strip_prefix(OPEN_PATH) {
        click::opened(&desk, token).await
    } else {
        http::problem(404, "not_found", "There is nothing here.")
    }
}
