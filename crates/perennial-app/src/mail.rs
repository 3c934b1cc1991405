//! What a mail carries besides its words: who it is from, how to stop it, how to find back (TRUST.md §4).
//!
//! **Invariant:** no mail leaves here without one-click unsubscribe (RFC 8058), a visible link to it and
//! a postal address.

use jiff::Timestamp;
use perennial_core::catalog::{Catalog, Sender};
use perennial_core::contact::EmailAddress;
use perennial_core::content::{Merge, RenderError};
use perennial_core::decide::PlannedTouch;
use perennial_core::ids::Language;
use perennial_core::lead::{Lead, Ownership};
use perennial_core::profile::Profile;
use perennial_core::program::Voice;
use perennial_core::token::{Keyring, Purpose};

use crate::ports::OutboundMail;

pub use perennial_core::token::MailRef;

/// Where the public routes of this deployment are, and what its tokens are signed with.
#[derive(Debug, Clone)]
pub struct Letterhead {
    /// `https://…`, without a slash at the end.
    pub base_url: String,
    /// The keys of its tokens.
    pub keyring: Keyring,
}

/// Why a mail could not be written. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Its template failed.
    #[error("the touch does not render")]
    Render(#[from] RenderError),
    /// The lead has no address that SES takes.
    #[error("the lead has no address that can be mailed")]
    NoAddress,
}

/// The path of the unsubscribe route, before its token.
pub const UNSUBSCRIBE_PATH: &str = "/v1/unsubscribe/";

/// The path of the page on which people confirm that they want mail, before its token.
pub const OPT_IN_PATH: &str = "/v1/opt-in/";

/// Writes the mail of a planned touch.
pub fn compose(
    letterhead: &Letterhead,
    catalog: &Catalog,
    lead: &Lead,
    profile: &Profile,
    planned: &PlannedTouch,
    now: Timestamp,
) -> Result<OutboundMail, ComposeError> {
    let to = profile.email.as_ref().and_then(EmailAddress::mailable).ok_or(ComposeError::NoAddress)?;
    let sender = sender(catalog, lead, planned.voice);
    let token_payload = MailRef { lead: lead.id.clone(), touch: planned.touch.clone() }.payload();
    let unsubscribe = letterhead.keyring.sign(Purpose::Unsubscribe, &token_payload);
    let unsubscribe_url = format!("{}{UNSUBSCRIBE_PATH}{unsubscribe}", letterhead.base_url);
    let confirm = letterhead.keyring.sign(Purpose::OptIn, &token_payload);
    let confirm_url = format!("{}{OPT_IN_PATH}{confirm}", letterhead.base_url);
    let template = catalog.content.in_language(&planned.mail, lead.language.as_ref());
    // Whatever is around a mail is in the language that the mail is in.
    let language = template.language.as_ref();
    let organisation = catalog.organisation_in(language);
    let asked = questions(catalog, planned, language);
    let questions: Vec<&str> = asked.iter().map(String::as_str).collect();
    let merge = Merge {
        fields: &profile.fields,
        sender,
        organisation: &organisation,
        unsubscribe_url: &unsubscribe_url,
        confirm_url: &confirm_url,
        questions: &questions,
    };
    let rendered = catalog.content.render(&template, &merge)?;

    let mailbox = catalog.organisation.unsubscribe_mailbox.as_ref();
    let mailto = mailbox.map(|address| format!(", <mailto:{address}?subject={unsubscribe}>")).unwrap_or_default();
    let domain = sender.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let reply = letterhead.keyring.sign(Purpose::Reply, &token_payload);
    let headers = vec![
        ("List-Unsubscribe", format!("<{unsubscribe_url}>{mailto}")),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ("Auto-Submitted", "auto-generated".to_owned()),
        // Replies carry it back, whatever became of our Message-ID.
        ("References", format!("<{reply}@{domain}>")),
    ];
    Ok(OutboundMail {
        from_name: sender.name.clone(),
        from_address: sender.address.clone(),
        to,
        // No inbound mail is set up yet, so replies go to the sender's own mailbox.
        reply_to: (sender.name.clone(), sender.address.clone()),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        headers,
        date: now,
        lead: lead.id.clone(),
        touch: planned.touch.clone(),
        attempt: planned.attempt,
    })
}

/// The questions that a mail asks, in its order.
fn questions(catalog: &Catalog, planned: &PlannedTouch, language: Option<&Language>) -> Vec<String> {
    let fields = planned.asked.iter().filter_map(|name| catalog.field_in(name, language));
    fields.filter_map(|field| field.question.clone()).collect()
}

fn sender<'a>(catalog: &'a Catalog, lead: &Lead, voice: Voice) -> &'a Sender {
    match (voice, &lead.owner) {
        (Voice::Rep, Some(Ownership::Queue { queue })) => catalog.queue_sender(queue),
        (Voice::Rep, None) | (Voice::Team, _) => &catalog.organisation.team,
    }
}
