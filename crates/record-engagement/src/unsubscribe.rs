//! One-click unsubscribe (RFC 8058) and the page for people (P4, P5, H20–H23).
//!
//! **Invariant:** only a POST changes anything, and it needs nothing but the token: no cookie, no login,
//! no redirect.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::engagement::Heard;
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::{MailRef, UNSUBSCRIBE_PATH};
use perennial_core::catalog::Organisation;
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::Deps;

pub(crate) async fn handle(deps: &Deps, request: &ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let Some(token) = http::path(request).strip_prefix(UNSUBSCRIBE_PATH) else {
        return http::problem(404, "not_found", "There is nothing here.");
    };
    let catalog = match deps.listener.library.catalog().await {
        Ok(catalog) => catalog,
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "there are no programs to go by");
            return http::unavailable();
        }
    };
    let organisation = &catalog.organisation;
    let Some(mail) = verify(deps, token) else {
        return invalid_link(organisation);
    };
    match http::method(request) {
        "GET" => confirm(organisation),
        // A scanner asks for the head of a page; the page exists.
        "HEAD" => http::empty(200),
        "POST" => unsubscribe(deps, &mail, organisation).await,
        _ => {
            let mut response = http::problem(405, "method_not_allowed", "Use GET or POST.");
            http::set_header(&mut response, "allow", "GET, HEAD, POST");
            response
        }
    }
}

fn verify(deps: &Deps, token: &str) -> Option<MailRef> {
    let payload = deps.keyring.verify(Purpose::Unsubscribe, token);
    match payload {
        Ok(payload) => MailRef::parse(&payload),
        Err(error) => {
            info!(token.error = %error, metric = "unsubscribe.refused", "an unsubscribe token was refused");
            None
        }
    }
}

async fn unsubscribe(deps: &Deps, mail: &MailRef, organisation: &Organisation) -> ApiGatewayV2httpResponse {
    match deps.listener.unsubscribe(&mail.lead).await {
        Ok(heard) => {
            let is_new = heard == Heard::Decided;
            info!(lead.id = %mail.lead, touch.id = %mail.touch, is_new, "unsubscribed");
            done(organisation)
        }
        Err(error) => {
            error!(lead.id = %mail.lead, error = ErrorChain(&error).to_string(), "an unsubscribe was not saved");
            http::unavailable()
        }
    }
}

fn confirm(organisation: &Organisation) -> ApiGatewayV2httpResponse {
    // The form posts back to its own address: the token is nowhere else in the page.
    let body = format!(
        "<p>You will get no more mail from {}. This takes effect at once.</p>\
         <form method=\"post\"><button type=\"submit\">Unsubscribe</button></form>",
        escape(&organisation.name)
    );
    http::page(200, "Unsubscribe?", &body)
}

fn done(organisation: &Organisation) -> ApiGatewayV2httpResponse {
    let body = format!(
        "<p>{} will not mail you any more. A mail that was already on its way may still arrive.</p>",
        escape(&organisation.name)
    );
    http::page(200, "You are unsubscribed", &body)
}

fn invalid_link(organisation: &Organisation) -> ApiGatewayV2httpResponse {
    let address = organisation.unsubscribe_mailbox.as_ref().unwrap_or(&organisation.team.address);
    let address = escape(address);
    let body = format!(
        "<p>It may have been cut off by a mail program. Write to \
         <a href=\"mailto:{address}?subject=unsubscribe\">{address}</a> and we will do it for you.</p>"
    );
    http::page(400, "This link is not complete", &body)
}
