//! Markdown to plain text and to HTML, in one walk.
//!
//! **Invariant:** of Markdown, mails have paragraphs, headings, lists, quotes, rules, emphasis and
//! links. Everything else is refused at load, on what [`inspect`] finds; should it come all the same, [`compose`]
//! shows it as the text it is.

use std::ops::Range;

use data_encoding::HEXUPPER;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::{Detours, links};

/// Where lines of plain text end, in characters (RFC 5322 recommends 78).
const LINE_LENGTH_MAX: usize = 76;

/// What links may lead to.
const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "tel:"];

const PARAGRAPH: &str = "<p style=\"margin:0 0 1em\">";

/// Appends a letter to a plain text and to an HTML document.
pub(super) fn compose(markdown: &str, detours: Option<&Detours<'_>>, text: &mut String, html: &mut String) {
    let mut composer = Composer {
        text,
        html,
        block: String::with_capacity(markdown.len()),
        gap: Gap::None,
        prefixes: Vec::new(),
        lists: Vec::new(),
        links: Vec::new(),
        detours,
    };
    for event in Parser::new_ext(markdown, Options::empty()) {
        composer.take(event);
    }
    composer.end_block(Gap::Blank);
    composer.text.push('\n');
}

/// What stands between two blocks of text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Nothing: it is the first.
    None,
    /// The next line.
    Line,
    /// A blank line.
    Blank,
}

/// What stands before each line of a block: a list's marker, then spaces of its width; a quote's `> `.
struct Prefix {
    first: Option<String>,
    rest: String,
}

struct Composer<'a> {
    text: &'a mut String,
    html: &'a mut String,
    /// The block being read, unwrapped; `\n` is a hard break.
    block: String,
    gap: Gap,
    prefixes: Vec<Prefix>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// The address of each open link, as text shows it, and where its text starts in `block`.
    links: Vec<Option<(String, usize)>>,
    /// Where links lead instead.
    detours: Option<&'a Detours<'a>>,
}

impl Composer<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text)
            | Event::Code(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => {
                // Where an address is shown, its number is not.
                let text = if self.detours.is_some() { links::split(&text).0.into() } else { text };
                self.block.push_str(&text);
                push_escaped(&text, self.html);
            }
            Event::SoftBreak => {
                self.block.push(' ');
                self.html.push('\n');
            }
            Event::HardBreak => {
                self.block.push('\n');
                self.html.push_str("<br>\n");
            }
            Event::Rule => {
                self.block.push_str("---");
                self.end_block(Gap::Blank);
                self.html.push_str("<hr>\n");
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock | Tag::CodeBlock(_) => self.html.push_str(PARAGRAPH),
            Tag::Heading { .. } => {
                self.html.push_str(PARAGRAPH);
                self.html.push_str("<strong>");
            }
            Tag::BlockQuote(_) => {
                self.prefixes.push(Prefix { first: None, rest: "> ".to_owned() });
                self.html
                    .push_str("<blockquote style=\"margin:0 0 1em;padding-left:1em;border-left:2px solid #767676\">\n");
            }
            Tag::List(first) => {
                // The text of a tight item ends where the list inside it starts.
                self.end_block(Gap::Line);
                match first {
                    Some(first) => self.html.extend(["<ol start=\"", &first.to_string(), "\""]),
                    None => self.html.push_str("<ul"),
                }
                self.html.push_str(" style=\"margin:0 0 1em;padding-left:1.5em\">\n");
                self.lists.push(first);
            }
            Tag::Item => self.start_item(),
            Tag::Emphasis => self.html.push_str("<em>"),
            Tag::Strong => self.html.push_str("<strong>"),
            Tag::Link { link_type, dest_url, .. } => self.start_link(link_type, &dest_url),
            Tag::Image { .. }
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::CodeBlock => {
                self.html.push_str("</p>\n");
                self.end_block(Gap::Blank);
            }
            TagEnd::Heading(_) => {
                self.html.push_str("</strong></p>\n");
                self.end_block(Gap::Blank);
            }
            TagEnd::BlockQuote(_) => {
                self.prefixes.pop();
                self.html.push_str("</blockquote>\n");
            }
            TagEnd::List(ordered) => {
                self.html.push_str(if ordered { "</ol>\n" } else { "</ul>\n" });
                self.lists.pop();
                if self.lists.is_empty() && self.gap != Gap::None {
                    self.gap = Gap::Blank;
                }
            }
            TagEnd::Item => {
                self.html.push_str("</li>\n");
                self.end_block(Gap::Line);
                self.prefixes.pop();
            }
            TagEnd::Emphasis => self.html.push_str("</em>"),
            TagEnd::Strong => self.html.push_str("</strong>"),
            TagEnd::Link => self.end_link(),
            TagEnd::Image
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn start_item(&mut self) {
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) | None => "- ".to_owned(),
        };
        let rest = " ".repeat(marker.len());
        self.prefixes.push(Prefix { first: Some(marker), rest });
        self.html.push_str("<li>");
    }

    fn start_link(&mut self, link_type: LinkType, url: &str) {
        let url = self.detour(destination(link_type, url));
        if !leads_somewhere(&url) {
            self.links.push(None);
            return;
        }
        self.html.push_str("<a href=\"");
        push_url(&url, self.html);
        self.html.push_str("\">");
        self.links.push(Some((url, self.block.len())));
    }

    /// Where a link leads that has a number, and leads to a page.
    fn detour(&self, address: String) -> String {
        let Some(detours) = self.detours else { return address };
        match links::split(&address) {
            (address, Some(number)) if links::is_page(&address) => (detours.link)(number),
            (address, _) => address,
        }
    }

    fn end_link(&mut self) {
        let Some(Some((url, start))) = self.links.pop() else { return };
        self.html.push_str("</a>");
        let shown = url.strip_prefix("mailto:").or_else(|| url.strip_prefix("tel:")).unwrap_or(&url);
        if self.block.get(start..) == Some(shown) {
            self.block.truncate(start);
        } else {
            self.block.push(' ');
        }
        // RFC 3986, appendix C: angle brackets keep the punctuation after it out of the link.
        self.block.push('<');
        self.block.push_str(shown);
        self.block.push('>');
    }

    /// Wraps what was read into the text, if anything was; `after` stands before what follows.
    fn end_block(&mut self, after: Gap) {
        if self.block.trim().is_empty() {
            self.block.clear();
            return;
        }
        match self.gap {
            Gap::None => {}
            Gap::Line => self.text.push('\n'),
            Gap::Blank => self.text.push_str("\n\n"),
        }
        self.gap = after;
        let indent: usize = self.prefixes.iter().map(|prefix| prefix.rest.len()).sum();
        let width = LINE_LENGTH_MAX.saturating_sub(indent).max(LINE_LENGTH_MAX / 2);
        let prefixes = &mut self.prefixes;
        push_wrapped(self.block.trim(), width, self.text, |text| {
            for prefix in prefixes.iter_mut() {
                match prefix.first.take() {
                    Some(first) => text.push_str(&first),
                    None => text.push_str(&prefix.rest),
                }
            }
        });
        self.block.clear();
    }
}

/// Appends `text`, wrapped, and a line end.
pub(super) fn push_line(text: &str, out: &mut String) {
    push_wrapped(text, LINE_LENGTH_MAX, out, |_| {});
    out.push('\n');
}

/// Breaks at spaces only: a link never breaks. `start` writes what stands before each line.
fn push_wrapped(text: &str, width: usize, out: &mut String, mut start: impl FnMut(&mut String)) {
    for (index, hard_line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        start(out);
        let mut line = hard_line;
        while let Some((first, rest)) = cut(line, width) {
            out.push_str(first);
            out.push('\n');
            start(out);
            line = rest;
        }
        out.push_str(line.trim_end_matches(' '));
    }
}

/// Cuts a line that is longer than `width` characters at the last space within it, or else at the first after it.
fn cut(line: &str, width: usize) -> Option<(&str, &str)> {
    if line.len() <= width {
        return None;
    }
    // Where the first character stands that is over. A space there is as good as one before.
    let (over, _) = line.char_indices().nth(width)?;
    let bytes = line.as_bytes();
    let before = bytes.get(..=over)?.iter().rposition(|byte| *byte == b' ');
    let space = before.or_else(|| bytes.iter().skip(over).position(|byte| *byte == b' ').map(|at| over + at))?;
    let (first, rest) = line.split_at_checked(space)?;
    let rest = rest.trim_start_matches(' ');
    (!rest.is_empty()).then_some((first.trim_end_matches(' '), rest))
}

/// Whether any byte is one of a few. It looks at them all, which the compiler turns into a few instructions.
fn any(text: &str, is_special: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |any, byte| any | is_special(byte))
}

/// Appends text, escaped for HTML and for an attribute in double quotes.
pub(super) fn push_escaped(text: &str, html: &mut String) {
    if !any(text, |byte| matches!(byte, b'&' | b'<' | b'>' | b'"')) {
        html.push_str(text);
        return;
    }
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => continue,
        };
        html.push_str(text.get(plain_from..at).unwrap_or_default());
        html.push_str(escape);
        plain_from = at + 1;
    }
    html.push_str(text.get(plain_from..).unwrap_or_default());
}

/// Appends a URL for an attribute: what is not printable ASCII, or could end the attribute, is percent-encoded.
pub(super) fn push_url(url: &str, html: &mut String) {
    let is_special = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'' | b'`');
    if !any(url, is_special) {
        html.push_str(url);
        return;
    }
    let mut plain_from = 0;
    for (at, byte) in url.bytes().enumerate() {
        if !is_special(byte) {
            continue;
        }
        html.push_str(url.get(plain_from..at).unwrap_or_default());
        plain_from = at + 1;
        if byte == b'&' {
            html.push_str("&amp;");
        } else {
            html.push('%');
            html.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    html.push_str(url.get(plain_from..).unwrap_or_default());
}

/// An address for the header of a redirect: one line of printable ASCII.
pub(super) fn one_address(address: &str) -> String {
    let mut one = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() {
            one.push(char::from(byte));
        } else {
            one.push('%');
            one.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    one
}

/// Whether a link has an allowed scheme and something after it.
pub(crate) fn leads_somewhere(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) && url.len() > scheme.len()
    })
}

/// Something in a mail that the loader must judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// HTML, an image, code, a table: what it is called.
    Refused(&'static str),
    /// A link and where it leads.
    Link(String),
}

/// Finds what mails do not have, and all links, each with its place.
pub(crate) fn inspect(markdown: &str) -> Vec<(Finding, Range<usize>)> {
    // Mails have no tables, so that what looks like one would arrive as bars and dashes.
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
        .into_offset_iter()
        .filter_map(|(event, span)| finding(&event).map(|finding| (finding, span)))
        .collect()
}

fn finding(event: &Event<'_>) -> Option<Finding> {
    match event {
        Event::Start(Tag::HtmlBlock) => Some(Finding::Refused("HTML")),
        Event::InlineHtml(tag) if !tag.starts_with("</") => Some(Finding::Refused("HTML")),
        Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => Some(Finding::Refused("code")),
        Event::Start(Tag::Image { .. }) => Some(Finding::Refused("an image")),
        Event::Start(Tag::Table(_)) => Some(Finding::Refused("a table")),
        Event::Start(Tag::Link { link_type, dest_url, .. }) => Some(Finding::Link(destination(*link_type, dest_url))),
        Event::Start(_)
        | Event::End(_)
        | Event::Text(_)
        | Event::Html(_)
        | Event::InlineHtml(_)
        | Event::InlineMath(_)
        | Event::DisplayMath(_)
        | Event::FootnoteReference(_)
        | Event::SoftBreak
        | Event::HardBreak
        | Event::Rule
        | Event::TaskListMarker(_) => None,
    }
}

/// Where a link leads: `<someone@example.com>` is a mail link without saying so.
fn destination(link_type: LinkType, url: &str) -> String {
    match link_type {
        LinkType::Email => format!("mailto:{url}"),
        LinkType::Inline
        | LinkType::Reference
        | LinkType::ReferenceUnknown
        | LinkType::Collapsed
        | LinkType::CollapsedUnknown
        | LinkType::Shortcut
        | LinkType::ShortcutUnknown
        | LinkType::Autolink
        | LinkType::WikiLink { .. } => url.to_owned(),
    }
}
