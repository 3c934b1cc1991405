//! One-click unsubscribe (RFC 8058) and the page for people (P4, P5, H20–H23).
//!
//! **Invariant:** only a POST changes anything, and it needs nothing but the token: no cookie, no login,
//! no redirect.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::engagement::Heard;
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::{MailRef, UNSUBSCRIBE_PATH};
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::Deps;

pub(crate) async fn handle(deps: &Deps, request: &ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let Some(token) = http::path(request).strip_prefix(UNSUBSCRIBE_PATH) else {
        return http::problem(404, "not_found", "There is nothing here.");
    };
    let Some(mail) = verify(deps, token) else {
        return invalid_link(deps);
    };
    match http::method(request) {
        "GET" => confirm(deps),
        // A scanner asks for the head of a page; the page exists.
        "HEAD" => http::empty(200),
        "POST" => unsubscribe(deps, &mail).await,
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

async fn unsubscribe(deps: &Deps, mail: &MailRef) -> ApiGatewayV2httpResponse {
    match deps.listener.unsubscribe(&mail.lead).await {
        Ok(heard) => {
            let is_new = heard == Heard::Decided;
            info!(lead.id = %mail.lead, touch.id = %mail.touch, is_new, "unsubscribed");
            done(deps)
        }
        Err(error) => {
            error!(lead.id = %mail.lead, error = ErrorChain(&error).to_string(), "an unsubscribe was not saved");
            http::unavailable()
        }
    }
}

fn organisation(deps: &Deps) -> String {
    escape(&deps.listener.catalog.organisation.name)
}

fn confirm(deps: &Deps) -> ApiGatewayV2httpResponse {
    // The form posts back to its own address: the token is nowhere else in the page.
    let body = format!(
        "<p>You will get no more mail from {}. This takes effect at once.</p>\
         <form method=\"post\"><button type=\"submit\">Unsubscribe</button></form>",
        organisation(deps)
    );
    http::page(200, "Unsubscribe?", &body)
}

fn done(deps: &Deps) -> ApiGatewayV2httpResponse {
    let body = format!(
        "<p>{} will not mail you any more. A mail that was already on its way may still arrive.</p>",
        organisation(deps)
    );
    http::page(200, "You are unsubscribed", &body)
}

fn invalid_link(deps: &Deps) -> ApiGatewayV2httpResponse {
    let organisation = &deps.listener.catalog.organisation;
    let address = organisation.unsubscribe_mailbox.as_ref().unwrap_or(&organisation.team.address);
    let address = escape(address);
    let body = format!(
        "<p>It may have been cut off by a mail program. Write to \
         <a href=\"mailto:{address}?subject=unsubscribe\">{address}</a> and we will do it for you.</p>"
    );
    http::page(400, "This link is not complete", &body)
}
