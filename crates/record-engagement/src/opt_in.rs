//! The page on which people confirm that they want to be written to (double opt-in).
//!
//! **Invariant:** only a POST confirms: whatever follows links by itself agrees to nothing.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::MailRef;
use perennial_core::catalog::Catalog;
use perennial_core::consent::{ConsentText, OptInLetter};
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, escape};
use tracing::{error, info};

use crate::Deps;
use crate::routes::{invalid_link, mail_of, not_allowed};

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
    token: &str,
) -> ApiGatewayV2httpResponse {
    let (Some(mail), Some(letter)) = (mail_of(deps, Purpose::OptIn, token), &catalog.opt_in) else {
        return invalid_link(&catalog.organisation);
    };
    match http::method(request) {
        "GET" => question(letter),
        "HEAD" => http::empty(200),
        "POST" => confirm(deps, &mail, letter, &catalog.organisation.name).await,
        _ => not_allowed(),
    }
}

fn question(letter: &OptInLetter) -> ApiGatewayV2httpResponse {
    let body = format!(
        "<p>{}</p><form method=\"post\"><button type=\"submit\">Yes, write to me</button></form>\
         <p>If you did not ask for this, close the page. Nothing happens.</p>",
        escape(&letter.text)
    );
    http::page(200, "May we write to you?", &body)
}

async fn confirm(deps: &Deps, mail: &MailRef, letter: &OptInLetter, organisation: &str) -> ApiGatewayV2httpResponse {
    match deps.listener.opted_in(&mail.lead, ConsentText::of(&letter.text)).await {
        Ok(heard) => {
            info!(lead.id = %mail.lead, opt_in.heard = ?heard, "a person confirmed that they want mail");
            let body = format!(
                "<p>{} may write to you now. Each mail has a link by which you can end it.</p>",
                escape(organisation)
            );
            http::page(200, "Thank you", &body)
        }
        Err(error) => {
            error!(lead.id = %mail.lead, error = ErrorChain(&error).to_string(), "a confirmation was not saved");
            http::unavailable()
        }
    }
}
