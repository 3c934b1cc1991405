//! One-click unsubscribe (RFC 8058) and the page for people (P4, P5, H20–H23).
//!
//! **Invariant:** only a POST changes anything, and it needs nothing but the token: no cookie, no login,
//! no redirect.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::engagement::Heard;
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::MailRef;
use perennial_core::catalog::Organisation;
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::Deps;
use crate::routes::{invalid_link, mail_of, not_allowed};

pub(crate) async fn handle(
    deps: &Deps,
    organisation: &Organisation,
    request: &ApiGatewayV2httpRequest,
    token: &str,
) -> ApiGatewayV2httpResponse {
    let Some(mail) = mail_of(deps, Purpose::Unsubscribe, token) else {
        return invalid_link(organisation);
    };
    match http::method(request) {
        "GET" => confirm(organisation),
        // A scanner asks for the head of a page; the page exists.
        "HEAD" => http::empty(200),
        "POST" => unsubscribe(deps, &mail, organisation).await,
        _ => not_allowed(),
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
