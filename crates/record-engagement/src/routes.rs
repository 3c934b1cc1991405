//! The HTTP routes: which page a path is, and what every page shares.
//!
//! **Invariant (P5):** a `GET` changes nothing that a person could mind. What a path names is a token; where a link
//! leads is never read from a request.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::{MailRef, OPT_IN_PATH, UNSUBSCRIBE_PATH};
use perennial_core::catalog::Organisation;
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::{Deps, opt_in, unsubscribe};

pub(crate) async fn handle(deps: &Deps, request: &ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let path = http::path(request);
    let catalog = match deps.listener.library.catalog().await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "there are no programs to go by");
            return http::unavailable();
        }
    };
    if let Some(token) = path.strip_prefix(UNSUBSCRIBE_PATH) {
        return unsubscribe::handle(deps, &catalog.organisation, request, token).await;
    }
    if let Some(token) = path.strip_prefix(OPT_IN_PATH) {
        return opt_in::handle(deps, &catalog, request, token).await;
    }
    http::problem(404, "not_found", "There is nothing here.")
}

/// The mail that a token of that purpose came in.
pub(crate) fn mail_of(deps: &Deps, purpose: Purpose, token: &str) -> Option<MailRef> {
    match deps.keyring.verify(purpose, token) {
        Ok(payload) => MailRef::parse(&payload),
        Err(error) => {
            info!(token.error = %error, token.purpose = ?purpose, metric = "token.refused", "a token was refused");
            None
        }
    }
}

/// A page that a person asked for by a method that it has not.
pub(crate) fn not_allowed() -> ApiGatewayV2httpResponse {
    let mut response = http::problem(405, "method_not_allowed", "Use GET or POST.");
    http::set_header(&mut response, "allow", "GET, HEAD, POST");
    response
}

/// The answer to a token that is cut, forged or of another purpose (H23): a way that works without one.
pub(crate) fn invalid_link(organisation: &Organisation) -> ApiGatewayV2httpResponse {
    let address = organisation.unsubscribe_mailbox.as_ref().unwrap_or(&organisation.team.address);
    let address = escape(address);
    let body = format!(
        "<p>It may have been cut off by a mail program. Write to \
         <a href=\"mailto:{address}?subject=unsubscribe\">{address}</a> and we will do it for you.</p>"
    );
    http::page(400, "This link is not complete", &body)
}
