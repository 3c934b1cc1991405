//! The links of a template, in the order of its source.
//!
//! **Invariant:** a link's number depends on the text of the template alone, not on whom it is rendered for: so a number
//! and a version of a program say where a link leads, and no address needs to travel in a request (TRUST.md §5).

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag};

/// What stands around a link's number while a mail is being rendered: characters of no script, which no keyboard types.
const MARK: (char, char) = ('\u{E000}', '\u{E001}');

/// The most links of a template that are numbered; those after them lead straight to where they say.
const LINKS_MAX: usize = 64;

/// What begins and ends a tag that holds a word of the template language.
pub(crate) const BLOCK: (&str, &str) = ("{%", "%}");

/// What begins and ends each kind of tag.
pub(crate) const TAGS: [(&str, &str); 3] = [("{{", "}}"), BLOCK, ("{#", "#}")];

/// The spans of `{{ … }}`, `{% … %}` and `{# … #}`.
pub(crate) fn tags(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = text.get(from..)?;
        let (at, close) = TAGS.into_iter().filter_map(|(open, close)| rest.find(open).map(|at| (at, close))).min()?;
        let end = rest.get(at..)?.find(close).map_or(rest.len(), |length| at + length + close.len());
        let tag = from + at..from + end;
        from = tag.end;
        Some(tag)
    })
}

/// The body with its tags blotted out, byte by byte, each as one long word.
pub(crate) fn blotted(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut from = 0;
    for tag in tags(body) {
        text.push_str(body.get(from..tag.start).unwrap_or_default());
        from = tag.end;
        text.extend(body.get(tag).unwrap_or_default().bytes().map(|byte| if byte == b'\n' { '\n' } else { 'x' }));
    }
    text.push_str(body.get(from..).unwrap_or_default());
    text
}

/// A link of a template that can be followed by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Where its address stands in the template.
    pub(super) address: Range<usize>,
    /// Whether the reader sees the address itself (`<https://…>`): then the number stands at its end, or it would be
    /// no link.
    is_bare: bool,
}

/// The links that can be followed by number: those whose address is written out, or made of the organisation's facts.
/// What depends on a lead, or is a link of ours already, is none.
pub(super) fn of_template(body: &str) -> Vec<Link> {
    let text = blotted(body);
    let links = Parser::new_ext(&text, Options::empty()).into_offset_iter().filter_map(|(event, span)| {
        let Event::Start(Tag::Link { link_type, .. }) = event else { return None };
        let link = address(&text, link_type, span)?;
        is_ours(body.get(link.address.clone())?).then_some(link)
    });
    links.take(LINKS_MAX).collect()
}

fn address(text: &str, link_type: LinkType, span: Range<usize>) -> Option<Link> {
    let whole = text.get(span.clone())?;
    match link_type {
        LinkType::Inline => {
            let open = whole.rfind("](")? + 2;
            let inside = whole.get(open..)?.strip_suffix(')')?;
            let start = open + (inside.len() - inside.trim_start_matches([' ', '\n', '<']).len());
            let length = whole.get(start..)?.find([' ', '\n', '>']).unwrap_or(whole.len() - 1 - start);
            let address = span.start + start..span.start + start + length;
            (!address.is_empty()).then_some(Link { address, is_bare: false })
        }
        LinkType::Autolink => Some(Link { address: span.start + 1..span.end - 1, is_bare: true }),
        LinkType::Email
        | LinkType::Reference
        | LinkType::ReferenceUnknown
        | LinkType::Collapsed
        | LinkType::CollapsedUnknown
        | LinkType::Shortcut
        | LinkType::ShortcutUnknown
        | LinkType::WikiLink { .. } => None,
    }
}

/// Whether an address is made of nothing but its own letters and facts.
fn is_ours(address: &str) -> bool {
    let is_fact = |tag: &str| tag.strip_prefix("{{").is_some_and(|inner| inner.trim_start().starts_with("facts."));
    let begins = ["http://", "https://", "{{"]
        .iter()
        .any(|start| address.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start)));
    begins && tags(address).all(|tag| address.get(tag).is_some_and(is_fact))
}

/// The template with the number of each link at its address.
pub(super) fn numbered(body: &str) -> String {
    let mut text = String::with_capacity(body.len() + 64);
    let mut from = 0;
    for (number, link) in of_template(body).into_iter().enumerate() {
        let at = if link.is_bare { link.address.end } else { link.address.start };
        text.push_str(body.get(from..at).unwrap_or_default());
        text.extend([MARK.0.to_string(), number.to_string(), MARK.1.to_string()]);
        from = at;
    }
    text.push_str(body.get(from..).unwrap_or_default());
    text
}

/// An address and its number, if it has one.
pub(super) fn split(address: &str) -> (String, Option<u16>) {
    let number = |marked: &str| marked.strip_prefix(MARK.0)?.strip_suffix(MARK.1)?.parse().ok();
    let Some(start) = address.find(MARK.0) else { return (address.to_owned(), None) };
    let Some(end) = address.find(MARK.1).map(|at| at + MARK.1.len_utf8()) else { return (address.to_owned(), None) };
    let found = address.get(start..end).and_then(number);
    let parts = [address.get(..start), address.get(end..)].map(Option::unwrap_or_default);
    match found {
        Some(number) => (parts.concat(), Some(number)),
        None => (address.to_owned(), None),
    }
}

/// Whether a link leads to a page.
pub(super) fn is_page(address: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        address.len() > scheme.len() && address.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(body: &str) -> Vec<&str> {
        of_template(body).into_iter().map(|link| &body[link.address]).collect()
    }

    #[test]
    fn links_are_numbered_in_the_order_of_the_source_whatever_branch_they_stand_in() {
        let body = "[a](https://a.example/x) {% if industry %}[b]({{ facts.b_url }}){% else %}[c](<{{ facts.c_url }}?p=1>)\
                    {% endif %}\n\n- <https://d.example/{{ facts.d }}>\n- [e]( https://e.example \"so\" )\n";
        let expected = [
            "https://a.example/x",
            "{{ facts.b_url }}",
            "{{ facts.c_url }}?p=1",
            // An address with a tag in angle brackets is one all the same.
            "https://d.example/{{ facts.d }}",
            "https://e.example",
        ];
        assert_eq!(addresses(body), expected);
    }

    #[test]
    fn what_is_a_link_of_ours_or_no_page_or_depends_on_a_lead_has_no_number() {
        for body in [
            "[stop]({{ unsubscribe_url }})",
            "[mail](mailto:team@acme.example)",
            "<team@acme.example>",
            "[a](https://acme.example/{% if industry %}a{% else %}b{% endif %})",
            "[a](https://acme.example/{{ company }})",
            "[a][ref]\n\n[ref]: https://acme.example",
        ] {
            assert_eq!(addresses(body), Vec::<&str>::new(), "{body}");
        }
    }

    #[test]
    fn a_numbered_address_gives_both_back() {
        let marked = numbered("see [a](https://a.example) and <https://b.example>");
        assert_eq!(marked, "see [a](\u{E000}0\u{E001}https://a.example) and <https://b.example\u{E000}1\u{E001}>");
        assert_eq!(split("\u{E000}0\u{E001}https://a.example"), ("https://a.example".to_owned(), Some(0)));
        assert_eq!(split("https://b.example\u{E000}12\u{E001}"), ("https://b.example".to_owned(), Some(12)));
        assert_eq!(split("https://b.example"), ("https://b.example".to_owned(), None));
        assert_eq!(split("\u{E000}x\u{E001}y"), ("\u{E000}x\u{E001}y".to_owned(), None));
    }
}
