//! The page on which people confirm that they want to be written to (double opt-in).
//!
//! **Invariant:** only a POST confirms: whatever follows links by itself agrees to nothing.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use perennial_app::mail::MailRef;
use perennial_app::ports::Stored;
use perennial_core::consent::{ConsentText, Question};
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, escape};
use tracing::info;

use crate::desk::{Desk, Shown, either, not_allowed};
use crate::phrases::Phrases;

pub(crate) async fn handle(desk: &Desk<'_>, token: &str) -> ApiGatewayV2httpResponse {
    either(answer(desk, token).await)
}

async fn answer(desk: &Desk<'_>, token: &str) -> Shown {
    let mail = desk.mail(Purpose::OptIn, token)?;
    match http::method(desk.request) {
        "HEAD" => return Ok(http::empty(200)),
        "GET" | "POST" => {}
        _ => return Ok(not_allowed()),
    }
    let person = desk.person(&mail.lead).await?;
    let phrases = desk.phrases(person.as_ref());
    let standing = person.as_ref().map_or(Question::Closed, |Stored { lead, .. }| Question::of(lead));
    let language = person.as_ref().and_then(|person| person.lead.language.as_ref());
    let Some(text) = desk.catalog.opt_in_text(language) else { return Ok(closed(desk, phrases)) };
    Ok(match (standing, http::method(desk.request)) {
        (Question::Open, "POST") => confirm(desk, phrases, &mail, text).await?,
        (Question::Open, _) => question(desk, phrases, text),
        (Question::Confirmed, _) => desk.note(phrases, phrases.already_title, phrases.confirmed),
        (Question::Closed, _) => closed(desk, phrases),
    })
}

fn closed(desk: &Desk<'_>, phrases: &Phrases) -> ApiGatewayV2httpResponse {
    desk.note(phrases, phrases.closed_title, phrases.closed)
}

fn question(desk: &Desk<'_>, phrases: &Phrases, text: &str) -> ApiGatewayV2httpResponse {
    let body = format!(
        "<p>{}</p>\n<form method=\"post\"><button type=\"submit\">{}</button></form>\n<p class=\"apart\">{}</p>",
        escape(text),
        desk.said(phrases.opt_in_button),
        desk.said(phrases.opt_in_else)
    );
    desk.page(phrases, 200, phrases.opt_in_title, &body)
}

async fn confirm(desk: &Desk<'_>, phrases: &Phrases, mail: &MailRef, text: &str) -> Shown {
    let heard = desk.deps.listener.opted_in(&mail.lead, ConsentText::of(text)).await;
    let heard = heard.map_err(|error| desk.unheard(phrases, &mail.lead, &error))?;
    info!(lead.id = %mail.lead, opt_in.heard = ?heard, "a person confirmed that they want mail");
    Ok(desk.note(phrases, phrases.thanks_title, phrases.confirmed))
}
