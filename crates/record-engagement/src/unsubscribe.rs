//! One-click unsubscribe (RFC 8058) and the page for people (P4, P5, H20–H23).
//!
//! **Invariant:** only a POST changes anything, and it needs nothing but the token: no cookie, no login,
//! no redirect. What else the page offers stands below its button, never before it.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use perennial_app::engagement::Heard;
use perennial_app::mail::{MailRef, PREFERENCES_PATH};
use perennial_app::ports::Stored;
use perennial_core::consent::Pace;
use perennial_core::token::Purpose;
use perennial_lambda::http;
use tracing::info;

use crate::desk::{Desk, Shown, either, not_allowed};
use crate::phrases::Phrases;
use crate::preferences::Wish;

pub(crate) async fn handle(desk: &Desk<'_>, token: &str) -> ApiGatewayV2httpResponse {
    either(answer(desk, token).await)
}

async fn answer(desk: &Desk<'_>, token: &str) -> Shown {
    let mail = desk.mail(Purpose::Unsubscribe, token)?;
    match http::method(desk.request) {
        "GET" => {
            let person = desk.person_if_any(&mail.lead).await;
            Ok(confirm(desk, &mail, person.as_ref()))
        }
        // A scanner asks for the head of a page; the page exists.
        "HEAD" => Ok(http::empty(200)),
        "POST" => unsubscribe(desk, &mail).await,
        _ => Ok(not_allowed()),
    }
}

/// Ends all mail, and says so.
pub(crate) async fn unsubscribe(desk: &Desk<'_>, mail: &MailRef) -> Shown {
    let heard = desk.deps.listener.unsubscribe(&mail.lead).await;
    let heard = heard.map_err(|error| desk.unheard(desk.phrases(None), &mail.lead, &error))?;
    let is_new = heard == Heard::Decided;
    info!(lead.id = %mail.lead, touch.id = %mail.touch, is_new, "unsubscribed");
    // A mail program's own button shows no page: only for a person is it worth a look at which language they read.
    let person = if desk.is_shown() { desk.person_if_any(&mail.lead).await } else { None };
    Ok(done(desk, desk.phrases(person.as_ref())))
}

/// What somebody reads whom no mail reaches any more.
pub(crate) fn done(desk: &Desk<'_>, phrases: &Phrases) -> ApiGatewayV2httpResponse {
    desk.note(phrases, phrases.unsubscribed_title, phrases.unsubscribed)
}

fn confirm(desk: &Desk<'_>, mail: &MailRef, person: Option<&Stored>) -> ApiGatewayV2httpResponse {
    let phrases = desk.phrases(person);
    // The form posts back to its own address.
    let mut body = format!(
        "<p>{}</p>\n<form method=\"post\"><button type=\"submit\">{}</button></form>\n",
        desk.said(phrases.unsubscribe),
        desk.said(phrases.unsubscribe_button)
    );
    if let Some(person) = person {
        body.push_str(&rather(desk, mail, person, phrases));
    }
    desk.page(phrases, 200, phrases.unsubscribe_title, &body)
}

/// What somebody might want instead.
fn rather(desk: &Desk<'_>, mail: &MailRef, person: &Stored, phrases: &Phrases) -> String {
    let preferences = format!("{PREFERENCES_PATH}{}", desk.deps.keyring.sign(Purpose::Preferences, &mail.payload()));
    let less_often = match person.lead.preferences.pace {
        Pace::Usual => format!(
            "<form method=\"post\" action=\"{preferences}\"><button type=\"submit\" class=\"quiet\" name=\"{}\" \
             value=\"{}\">{}</button></form>\n",
            Wish::NAME,
            Wish::LessOften.as_str(),
            desk.said(phrases.rather_less)
        ),
        Pace::LessOften => String::new(),
    };
    format!(
        "<section class=\"apart\">\n<h2>{}</h2>\n<p><a href=\"{preferences}\">{}</a></p>\n{less_often}</section>",
        desk.said(phrases.rather_title),
        desk.said(phrases.choose)
    )
}
