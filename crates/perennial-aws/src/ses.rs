//! Mail through Amazon SES.
//!
//! **Invariants:** one call hands over at most one mail, with one request (TRUST.md §2.3). What is not
//! known to have been refused, or never to have left, is [`SendOutcome::Ambiguous`]. No header can be
//! smuggled in: a value with a line break, or beyond ASCII where a header is raw, is refused here.

mod mime;
mod outcome;
mod suppressions;

use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, MessageTag, RawMessage};
use perennial_app::ports::{Cause, ForwardedMail, Forwarder, Mailer, Notice, Notifier, OutboundMail, SendReport};
use perennial_core::decide::SendOutcome;
use perennial_core::event::FailReason;

pub use suppressions::SesSuppressionList;

/// Hands mail to SES.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: Client,
    configuration_set: Option<String>,
}

impl SesMailer {
    /// Sends by a client that never tries twice ([`Clients::ses`](crate::clients::Clients::ses)).
    ///
    /// The configuration set is what makes SES tell what became of a mail; AWS deployments have one.
    pub fn new(client: Client, configuration_set: Option<String>) -> Self {
        Self { client, configuration_set }
    }
}

impl SesMailer {
    /// Hands over a mail of which nothing finds back to a lead.
    async fn send_untagged(&self, from: &str, to: &str, mime: Result<Vec<u8>, mime::MimeError>) -> SendReport {
        let content = match raw(mime) {
            Ok(content) => content,
            Err(cause) => {
                let outcome = SendOutcome::Refused(FailReason::BadRequest);
                return SendReport { outcome, cause: Some(cause) };
            }
        };
        let answer = self
            .client
            .send_email()
            .from_email_address(from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(content)
            .set_configuration_set_name(self.configuration_set.clone())
            .send()
            .await;
        match answer {
            Ok(taken) => outcome::of_answer(taken),
            Err(error) => outcome::of_error(error),
        }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &OutboundMail) -> SendReport {
        let (content, tags) = match prepare(mail) {
            Ok(prepared) => prepared,
            Err(cause) => {
                let outcome = SendOutcome::Refused(FailReason::BadRequest);
                return SendReport { outcome, cause: Some(cause) };
            }
        };
        let answer = self
            .client
            .send_email()
            .from_email_address(&mail.from_address)
            .destination(Destination::builder().to_addresses(&mail.to).build())
            .content(content)
            .set_email_tags(Some(tags))
            .set_configuration_set_name(self.configuration_set.clone())
            .send()
            .await;
        match answer {
            Ok(taken) => outcome::of_answer(taken),
            Err(error) => outcome::of_error(error),
        }
    }
}

#[async_trait]
impl Forwarder for SesMailer {
    /// Without the tags of a touch: what becomes of it is none of a lead's.
    async fn forward(&self, mail: &ForwardedMail) -> SendReport {
        self.send_untagged(&mail.from_address, &mail.to, mime::write_forwarded(mail)).await
    }
}

#[async_trait]
impl Notifier for SesMailer {
    /// Without the tags of a touch, too.
    async fn notify(&self, notice: &Notice) -> SendReport {
        self.send_untagged(&notice.from_address, &notice.to, mime::write_notice(notice)).await
    }
}

fn raw(mime: Result<Vec<u8>, mime::MimeError>) -> Result<EmailContent, Cause> {
    let raw = RawMessage::builder().data(Blob::new(mime?)).build()?;
    Ok(EmailContent::builder().raw(raw).build())
}

fn prepare(mail: &OutboundMail) -> Result<(EmailContent, Vec<MessageTag>), Cause> {
    Ok((raw(mime::write(mail))?, tags(mail)?))
}

/// By these, an event of SES finds back to its touch (TRUST.md §2.5).
fn tags(mail: &OutboundMail) -> Result<Vec<MessageTag>, BuildError> {
    [("lead", mail.lead.to_string()), ("touch", mail.touch.to_string()), ("attempt", mail.attempt.to_string())]
        .map(|(name, value)| MessageTag::builder().name(name).value(value).build())
        .into_iter()
        .collect()
}
