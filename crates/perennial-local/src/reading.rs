//! What an independent reader makes of a mail.
//!
//! The mailer writes with one library and the mailbox reads with another, so
//! what the pages and the JSON show is what a recipient's program would see.

use mail_parser::{Addr, Address, MessageParser, PartType};

/// A mail, taken apart. Holds personal data, so it has no `Debug`.
pub(crate) struct Reading {
    /// The header From: `Name <address>`, several joined by a comma.
    pub(crate) from: String,
    /// The header Reply-To in the same form, if there is one.
    pub(crate) reply_to: Option<String>,
    /// The subject, decoded.
    pub(crate) subject: String,
    /// All headers in their order, unfolded, encoded words left as they stand.
    pub(crate) headers: Vec<(String, String)>,
    /// The plain text with plain line ends, if the mail has one.
    pub(crate) text: Option<String>,
    /// The HTML with plain line ends, if the mail has one.
    pub(crate) html: Option<String>,
}

impl Reading {
    /// Reads a mail; nothing if it is none.
    pub(crate) fn of(mime: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(mime)?;
        Some(Self {
            from: message.from().map(listed).unwrap_or_default(),
            reply_to: message.reply_to().map(listed),
            subject: message.subject().unwrap_or_default().to_owned(),
            headers: message.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value))).collect(),
            text: message.text_bodies().find_map(|part| plain(&part.body)),
            html: message.html_bodies().find_map(|part| html(&part.body)),
        })
    }
}

/// The body of a plain-text part. (To the parser an HTML part is a text body
/// too, where there is no other.)
fn plain(body: &PartType<'_>) -> Option<String> {
    if let PartType::Text(text) = body { Some(with_plain_lines(text)) } else { None }
}

fn html(body: &PartType<'_>) -> Option<String> {
    if let PartType::Html(html) = body { Some(with_plain_lines(html)) } else { None }
}

/// Line ends are CRLF on the wire only.
fn with_plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn listed(addresses: &Address<'_>) -> String {
    addresses.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn shown(address: &Addr<'_>) -> String {
    let mailbox = address.address().unwrap_or_default();
    match address.name() {
        Some(name) => format!("{name} <{mailbox}>"),
        None => mailbox.to_owned(),
    }
}

/// A header's value on one line (RFC 5322 §2.2.3: a fold is a line break before white space).
fn unfolded(value: &str) -> String {
    value.replace(['\r', '\n'], "").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[u8] = b"From: =?utf-8?Q?Maya_B=C3=B6hm?= <maya@example.org>\r\n\
        Reply-To: Maya <r.abc@reply.example.org>\r\n\
        To: ada@example.com\r\n\
        Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\
        List-Unsubscribe: <https://x.example/u/1>,\r\n <mailto:u@x.example>\r\n\
        X-Twice: one\r\n\
        X-Twice: two\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello Ada\r\n\
        --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello Ada</p>\r\n--b--\r\n";

    #[test]
    fn a_mail_is_taken_apart_as_a_recipient_would_see_it() {
        let mail = Reading::of(BOTH).unwrap();
        assert_eq!(mail.from, "Maya Böhm <maya@example.org>");
        assert_eq!(mail.reply_to.as_deref(), Some("Maya <r.abc@reply.example.org>"));
        assert_eq!(mail.subject, "Grüße");
        assert_eq!(mail.text.as_deref(), Some("Hello Ada"));
        assert_eq!(mail.html.as_deref(), Some("<p>Hello Ada</p>"));
    }

    #[test]
    fn headers_stand_as_sent_on_one_line_each_and_in_their_order() {
        let mail = Reading::of(BOTH).unwrap();
        let names: Vec<_> = mail.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "From",
                "Reply-To",
                "To",
                "Subject",
                "List-Unsubscribe",
                "X-Twice",
                "X-Twice",
                "MIME-Version",
                "Content-Type"
            ]
        );
        assert_eq!(mail.headers[3].1, "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=");
        assert_eq!(mail.headers[4].1, "<https://x.example/u/1>, <mailto:u@x.example>");
    }

    #[test]
    fn a_mail_with_one_body_has_only_that_one() {
        let text = Reading::of(b"From: a@b.example\r\n\r\nJust text").unwrap();
        assert_eq!((text.text.as_deref(), text.html), (Some("Just text"), None));
        let html = Reading::of(b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<p>x</p>").unwrap();
        assert_eq!((html.text, html.html.as_deref()), (None, Some("<p>x</p>")));
    }

    #[test]
    fn what_is_no_mail_is_not_read() {
        assert!(Reading::of(b"").is_none());
    }
}
