//! A mail as bytes: text and HTML, with the headers it was given and no other.

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use perennial_app::ports::{ForwardedMail, Notice, OutboundMail};

/// Length limit of a raw header's value, in characters (TRUST.md §4).
const HEADER_LENGTH_MAX: usize = 995;

/// A mail that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum MimeError {
    /// A value would break out of its header.
    #[error("the header {0} holds what a header cannot")]
    Header(String),
    /// The writer failed.
    #[error("the mail could not be written")]
    Write(#[from] std::io::Error),
}

/// Writes a mail, ready for SES.
pub(super) fn write(mail: &OutboundMail) -> Result<Vec<u8>, MimeError> {
    let (reply_name, reply_address) = &mail.reply_to;
    let mut message = MessageBuilder::new()
        .from(mailbox("From", &mail.from_name, &mail.from_address)?)
        .to(mailbox("To", "", &mail.to)?)
        .reply_to(mailbox("Reply-To", reply_name, reply_address)?)
        .subject(one_line("Subject", &mail.subject)?)
        .date(Date::new(mail.date.as_second()))
        .message_id(message_id(mail));
    for (name, value) in &mail.headers {
        message = message.header(*name, HeaderType::Raw(Raw::new(raw(name, value)?)));
    }
    Ok(message.text_body(&mail.text).html_body(&mail.html).write_to_vec()?)
}

/// The name of a forwarded mail that is attached: programs open it by its ending.
const ORIGINAL: &str = "original.eml";

/// Writes a forwarded mail: what the person wrote, and their mail as it came beside it.
///
/// The subject is a stranger's: what cannot stand in a header is left out, rather than the mail.
pub(super) fn write_forwarded(mail: &ForwardedMail) -> Result<Vec<u8>, MimeError> {
    let subject: String =
        mail.subject.chars().filter(|c| one_line("Subject", c.encode_utf8(&mut [0; 4])).is_ok()).collect();
    let mut message = MessageBuilder::new()
        .from(mailbox("From", &mail.from_name, &mail.from_address)?)
        .to(mailbox("To", "", &mail.to)?)
        .subject(subject)
        .date(Date::new(mail.date.as_second()))
        .message_id(format!("{}@{}", mail.effect, domain_of(&mail.from_address)));
    if let Some((name, address)) = &mail.reply_to {
        message = message.reply_to(mailbox("Reply-To", name, address)?);
    }
    for (name, value) in &mail.headers {
        message = message.header(*name, HeaderType::Raw(Raw::new(raw(name, value)?)));
    }
    message = message.text_body(mail.text.as_str());
    if let Some(original) = &mail.original {
        // Not as message/rfc822: that may not be encoded, and what came may hold any byte.
        message = message.attachment("application/octet-stream", ORIGINAL, original.as_slice());
    }
    Ok(message.write_to_vec()?)
}

/// Writes a mail to somebody of sales.
pub(super) fn write_notice(notice: &Notice) -> Result<Vec<u8>, MimeError> {
    let mut message = MessageBuilder::new()
        .from(mailbox("From", &notice.from_name, &notice.from_address)?)
        .to(mailbox("To", "", &notice.to)?)
        .subject(one_line("Subject", &notice.subject)?)
        .date(Date::new(notice.date.as_second()))
        .message_id(format!("{}@{}", notice.effect, domain_of(&notice.from_address)));
    for (name, value) in &notice.headers {
        message = message.header(*name, HeaderType::Raw(Raw::new(raw(name, value)?)));
    }
    Ok(message.text_body(&notice.text).html_body(&notice.html).write_to_vec()?)
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

/// Who, what and which attempt, at the sender's domain. SES puts its own in its place.
fn message_id(mail: &OutboundMail) -> String {
    format!("{}.{}.{}@{}", mail.lead, mail.touch, mail.attempt, domain_of(&mail.from_address))
}

fn mailbox<'m>(header: &str, name: &'m str, address: &'m str) -> Result<Address<'m>, MimeError> {
    let name = Some(one_line(header, name)?).filter(|name| !name.is_empty());
    Ok(Address::new_address(name, bare_address(header, address)?))
}

/// An address as SES takes it: nothing in it that could end it.
fn bare_address<'m>(header: &str, address: &'m str) -> Result<&'m str, MimeError> {
    let ends_it = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | ',' | ';' | '"');
    if address.contains('@') && !address.contains(ends_it) { Ok(address) } else { Err(unfit(header)) }
}

/// A text that the writer encodes where it must, on one line.
fn one_line<'m>(header: &str, text: &'m str) -> Result<&'m str, MimeError> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if text.contains(breaks) { Err(unfit(header)) } else { Ok(text) }
}

/// A value that nobody encodes.
fn raw<'m>(header: &str, value: &'m str) -> Result<&'m str, MimeError> {
    let plain = value.len() <= HEADER_LENGTH_MAX && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain { Ok(value) } else { Err(unfit(header)) }
}

fn unfit(header: &str) -> MimeError {
    MimeError::Header(header.to_owned())
}
