//! From bytes to headers and text, within caps (H40).
//!
//! `mail-parser` reads headers and single parts. The tree of parts is walked here, because a mail may nest them
//! thousands deep, and a tree that deep costs its reader the stack.

use jiff::Timestamp;
use jiff::civil::Date;
use mail_parser::{Addr, DateTime, Message, MessageParser, MimeHeaders, PartType};

use super::words;

/// Bytes of a mail that are looked at; the rest is attachments, or worse.
pub const BYTES_READ_MAX: usize = 1024 * 1024;

/// Bytes of headers that are looked at, of a mail and of each part.
pub const HEADER_BYTES_MAX: usize = 128 * 1024;

/// Headers of a mail that are looked at.
const HEADERS_MAX: usize = 500;

/// Parts that are looked at.
pub const PARTS_MAX: usize = 50;

/// How deep parts may lie in each other.
pub const DEPTH_MAX: usize = 8;

/// Bytes of text that are kept, and of a part that are decoded.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// How far the date of a mail may be off from when it came in, in days, and still be believed.
const DATE_DRIFT_DAYS_MAX: i32 = 7;

/// A mail, opened.
pub(super) struct Letter {
    /// Every header in its order: the name in lower case, the value on one line and not decoded.
    headers: Vec<(String, String)>,
    /// Its author, by its own word.
    pub(super) from: Option<Correspondent>,
    /// Everybody it is addressed to.
    pub(super) recipients: Vec<String>,
    /// Decoded.
    pub(super) subject: String,
    /// Its `Content-Type`, in lower case: `multipart/report`.
    pub(super) content_type: String,
    /// Its plain text.
    pub(super) text: String,
    written: Option<DateTime>,
}

/// A mailbox in a header.
pub(super) struct Correspondent {
    pub(super) name: String,
    pub(super) address: String,
}

impl Letter {
    /// The topmost header of that name: what the last server wrote, who is ours.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that name, the topmost first.
    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The day on which it was written, as its author's calendar had it.
    pub(super) fn written_on(&self, received: Timestamp) -> Date {
        let arrived = received.to_zoned(jiff::tz::TimeZone::UTC).date();
        let written = self.written.as_ref().and_then(|written| {
            let year = i16::try_from(written.year).ok()?;
            Date::new(year, i8::try_from(written.month).ok()?, i8::try_from(written.day).ok()?).ok()
        });
        let is_close =
            |date: &Date| date.since(arrived).is_ok_and(|apart| apart.get_days().abs() <= DATE_DRIFT_DAYS_MAX);
        written.filter(is_close).unwrap_or(arrived)
    }
}

/// Opens a mail. Whatever the bytes are, the answer is a letter, if an empty one.
pub(super) fn read(raw: &[u8]) -> Letter {
    let raw = raw.get(..BYTES_READ_MAX).unwrap_or(raw);
    let (head, _) = split_head(raw);
    let parser = MessageParser::new().with_minimal_headers();
    let Some(message) = parser.parse_headers(head) else { return empty() };
    let mut texts = Texts { parts_left: PARTS_MAX, plain: String::new(), html: String::new() };
    texts.walk(raw, 0);
    let from = message.from().and_then(|from| from.first()).and_then(correspondent);
    let recipients = [message.to(), message.cc(), message.bcc()];
    let recipients = recipients.into_iter().flatten().flat_map(|list| list.iter()).filter_map(correspondent);
    Letter {
        headers: headers(&message),
        from,
        recipients: recipients.map(|to| to.address).take(HEADERS_MAX).collect(),
        subject: message.subject().unwrap_or_default().to_owned(),
        content_type: content_type(&message),
        written: message.date().copied(),
        text: texts.text(),
    }
}

fn empty() -> Letter {
    Letter {
        headers: Vec::new(),
        from: None,
        recipients: Vec::new(),
        subject: String::new(),
        content_type: String::new(),
        written: None,
        text: String::new(),
    }
}

fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let unfolded = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    message.headers_raw().take(HEADERS_MAX).map(|(name, value)| (name.to_ascii_lowercase(), unfolded(value))).collect()
}

fn correspondent(address: &Addr<'_>) -> Option<Correspondent> {
    let name = address.name().unwrap_or_default().to_owned();
    Some(Correspondent { name, address: address.address()?.trim().to_owned() })
}

fn content_type(message: &Message<'_>) -> String {
    let kind = message.content_type();
    let whole = kind.map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
    whole.unwrap_or_default().to_ascii_lowercase()
}

/// The text of a mail, as it is gathered from its parts.
struct Texts {
    parts_left: usize,
    plain: String,
    html: String,
}

impl Texts {
    /// Looks at one part, and at those that lie in it. Each byte is passed once for each part that it lies in.
    fn walk(&mut self, raw: &[u8], depth: usize) {
        if depth > DEPTH_MAX || self.parts_left == 0 {
            return;
        }
        self.parts_left = self.parts_left.saturating_sub(1);
        let (head, body) = split_head(raw);
        let parser = MessageParser::new().with_mime_headers();
        let part = parser.parse_headers(head);
        let kind = part.as_ref().and_then(|part| part.content_type());
        let boundary = kind.filter(|kind| kind.ctype() == "multipart").and_then(|kind| kind.attribute("boundary"));
        if let Some(boundary) = boundary {
            for inner in split_parts(body, boundary) {
                self.walk(inner, depth.saturating_add(1));
            }
            return;
        }
        let is_attached = part
            .as_ref()
            .and_then(|part| part.content_disposition())
            .is_some_and(mail_parser::ContentType::is_attachment);
        let is_text = kind.is_none_or(|kind| kind.ctype() == "text");
        if is_text && !is_attached {
            self.take(&parser, raw, head.len());
        }
    }

    /// Takes the text of a part that holds no other.
    fn take(&mut self, parser: &MessageParser, raw: &[u8], head_length: usize) {
        let raw = raw.get(..head_length.saturating_add(TEXT_BYTES_MAX)).unwrap_or(raw);
        let Some(part) = parser.parse(raw) else { return };
        match part.parts.into_iter().next().map(|part| part.body) {
            Some(PartType::Text(text)) => append(&mut self.plain, &text),
            Some(PartType::Html(html)) => append(&mut self.html, &html),
            Some(PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_))
            | None => {}
        }
    }

    /// The plain text, else that of the HTML.
    fn text(self) -> String {
        if self.plain.trim().is_empty() { text_of_html(&self.html) } else { self.plain.replace("\r\n", "\n") }
    }
}

/// Appends a text, and forgets what is too much.
fn append(whole: &mut String, text: &str) {
    let room = TEXT_BYTES_MAX.saturating_sub(whole.len());
    let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    whole.push_str(text.get(..end).unwrap_or_default());
    whole.push('\n');
}

/// The headers of a part with the empty line behind them, and what follows.
fn split_head(raw: &[u8]) -> (&[u8], &[u8]) {
    let within = raw.get(..HEADER_BYTES_MAX).unwrap_or(raw);
    let mut length = 0_usize;
    for line in within.split_inclusive(|byte| *byte == b'\n') {
        length = length.saturating_add(line.len());
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    raw.split_at_checked(length).unwrap_or((raw, &[]))
}

/// The parts between the lines of a boundary (RFC 2046 §5.1.1). What precedes the first is for no one.
fn split_parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (None, 0_usize);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let next = at.saturating_add(line.len());
        if let Some(rest) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes())) {
            let is_end = rest.starts_with(b"--");
            if is_end || rest.iter().all(u8::is_ascii_whitespace) {
                parts.extend(start.and_then(|start| body.get(start..at)));
                start = (!is_end).then_some(next);
                if is_end || parts.len() >= PARTS_MAX {
                    return parts;
                }
            }
        }
        at = next;
    }
    // Cut off, by us or on its way: what is there of the last part is a part.
    parts.extend(start.and_then(|start| body.get(start..)));
    parts
}

/// Where mail programs begin what they quote.
const QUOTE_MARKS: &[&str] = &[
    "<blockquote",
    "gmail_quote",
    "moz-cite-prefix",
    "divrplyfwdmsg",
    "appendonsend",
    "yahoo_quoted",
    "mail-editor-reference-message-container",
];

/// Ends of blocks that `html_to_text` does not take for line ends.
const BLOCK_ENDS: &[&str] = &["</div>", "</tr>", "</li>", "</h1>", "</h2>", "</h3>", "<hr>", "<hr/>"];

/// The text of an HTML part, without what it quotes by markup.
fn text_of_html(html: &str) -> String {
    // In lower case it is as long as before: only ASCII is touched, so places in one are places in the other.
    let lower = html.to_ascii_lowercase();
    let quote = QUOTE_MARKS.iter().filter_map(|mark| lower.find(mark)).min();
    let own = quote.and_then(|at| html.get(..at)).unwrap_or(html);
    // A mark in the middle of a tag leaves the tag's beginning, which is not text.
    let own = match (own.rfind('<'), own.rfind('>')) {
        (Some(open), close) if quote.is_some() && close.is_none_or(|close| close < open) => {
            own.get(..open).unwrap_or(own)
        }
        (Some(_) | None, _) => own,
    };
    let mut broken = own.to_owned();
    for end in BLOCK_ENDS {
        broken = broken.replace(end, "<br>").replace(&end.to_ascii_uppercase(), "<br>");
    }
    mail_parser::decoders::html::html_to_text(&broken)
}

/// The words of a header, folded, as [`words::words`] gives them.
pub(super) fn header_words(value: &str) -> String {
    words::words(&words::folded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_found_at_any_depth_that_people_write() {
        let raw = b"From: ada@example.com\nContent-Type: multipart/mixed; boundary=out\n\n\
            preamble\n--out\nContent-Type: multipart/alternative; boundary=\"in\"\n\n\
            --in\nContent-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdfe\n\
            --in\nContent-Type: text/html\n\n<p>Gr&uuml;&szlig;e</p>\n--in--\n\
            --out\nContent-Type: text/plain\nContent-Disposition: attachment\n\nnot this\n--out--\n";
        let letter = read(raw);
        assert_eq!(letter.text.trim(), "Grüße");
        assert_eq!(letter.content_type, "multipart/mixed");
    }

    #[test]
    fn html_alone_is_read_up_to_what_it_quotes() {
        let raw = b"From: a@example.com\nContent-Type: text/html\n\n<html><head><title>x</title></head><body>\
            <div>Please call me.</div><div>Ada</div><div class=\"gmail_quote\">On Monday you wrote: Unsubscribe</div>";
        assert_eq!(read(raw).text.trim(), "Please call me.\nAda");
    }

    #[test]
    fn a_mail_that_is_cut_off_keeps_what_came() {
        let raw = b"From: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello";
        assert_eq!(read(raw).text.trim(), "Hello");
        assert_eq!(read(b"").text, "");
    }
}
