//! The customer's own sites: where whoever came by a mail may be recognised.
//!
//! **Invariant:** what says who somebody is goes to pages of an origin that a form of the catalog names, and to no other.

use crate::catalog::Catalog;

/// The name of the parameter by which a page learns who came by a mail.
const VISITOR: &str = "pnl";

/// Each scheme of a page, and the port that goes without saying.
const SCHEMES: [(&str, &str); 2] = [("https://", ":443"), ("http://", ":80")];

/// Whether an address leads to a site that holds one of the catalog's forms.
pub fn is_own(catalog: &Catalog, address: &str) -> bool {
    let origin = origin(address);
    origin.is_some_and(|origin| catalog.forms.values().flat_map(|form| &form.origins).any(|own| *own == origin))
}

/// An address that carries the token of whoever follows it. Its own query and fragment stay as they are.
pub fn with_visitor(address: &str, token: &str) -> String {
    let at = address.find('#').unwrap_or(address.len());
    let (page, fragment) = address.split_at(at);
    let between = match page.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{page}{between}{VISITOR}={token}{fragment}")
}

/// Scheme, host and port, as browsers write an origin. Whatever else stands before the path (a name, a backslash)
/// stays in it, so that it is equal to no origin.
fn origin(address: &str) -> Option<String> {
    let (scheme, usual_port) = SCHEMES
        .into_iter()
        .find(|(scheme, _)| address.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme)))?;
    let rest = address.get(scheme.len()..)?;
    let host = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let host = host.strip_suffix(usual_port).unwrap_or(&host);
    Some(format!("{scheme}{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_an_origin_that_a_form_names_is_the_customers_own() {
        let catalog = crate::testing::catalog();
        for own in [
            "https://www.perennial.example",
            "https://www.perennial.example/guide",
            "HTTPS://WWW.perennial.example:443/a",
            "https://www.perennial.example?a=b",
            "https://www.perennial.example#part",
        ] {
            assert!(is_own(&catalog, own), "{own}");
        }
        for foreign in [
            "http://www.perennial.example/guide",
            "https://www.perennial.example:8443/guide",
            "https://perennial.example/",
            "https://www.perennial.example.evil.example/",
            "https://www.perennial.example@evil.example/",
            "https://www.perennial.example:443@evil.example/",
            "https://www.perennial.example\\@evil.example/",
            "https://evil.example/https://www.perennial.example",
            "https://",
            "mailto:ada@example.com",
            "",
        ] {
            assert!(!is_own(&catalog, foreign), "{foreign}");
        }
    }

    #[test]
    fn the_token_joins_the_query_and_stands_before_the_fragment() {
        for (address, expected) in [
            ("https://a.example", "https://a.example?pnl=t"),
            ("https://a.example/x#part", "https://a.example/x?pnl=t#part"),
            ("https://a.example/x?", "https://a.example/x?pnl=t"),
            ("https://a.example/x?b=c%20d#part?e", "https://a.example/x?b=c%20d&pnl=t#part?e"),
            ("https://a.example/x?b&", "https://a.example/x?b&pnl=t"),
        ] {
            assert_eq!(with_visitor(address, "t"), expected);
        }
    }
}
