//! Throw-away mail domains (H12).
//!
//! The list is that of the `mailchecker` crate (MIT, over 50,000 domains, released about monthly), taken
//! at build time: `cargo update -p mailchecker` refreshes it. Its own check is not used: it scans the
//! whole list for every part of a domain, and calls an address beyond ASCII disposable.

/// The listed domains, sorted, each with a line end.
static LISTED: &str = include_str!(concat!(env!("OUT_DIR"), "/disposable.txt"));

/// Forwarding services, which the list counts in. Their addresses hide a mailbox that a person reads
/// every day; such a person is a lead.
const FORWARDERS: &[&str] = &[
    "addy.io",
    "aleeas.com",
    "anonaddy.com",
    "anonaddy.me",
    "duck.com",
    "mozmail.com",
    "passinbox.com",
    "passmail.net",
    "relay.firefox.com",
    "simplelogin.co",
    "simplelogin.com",
    "slmail.me",
];

/// Whether mail to `domain`, or to a domain that it lies under, goes to a throw-away mailbox.
///
/// Takes a domain in punycode and lower case, as [`perennial_core::contact::EmailAddress::domain`] gives it.
pub fn is_disposable(domain: &str) -> bool {
    let mut suffixes = std::iter::successors(Some(domain), |suffix| suffix.split_once('.').map(|(_, rest)| rest));
    suffixes.any(|suffix| is_listed(suffix) && !FORWARDERS.contains(&suffix))
}

/// Binary search in the sorted lines.
fn is_listed(domain: &str) -> bool {
    let mut rest = LISTED;
    while let Some((before, line, after)) = middle_line(rest) {
        match domain.cmp(line) {
            std::cmp::Ordering::Less => rest = before,
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Greater => rest = after,
        }
    }
    false
}

/// Splits lines into those before the middle one, the middle one, and those after it.
fn middle_line(lines: &str) -> Option<(&str, &str, &str)> {
    let middle = lines.floor_char_boundary(lines.len() / 2);
    let start = lines.get(..middle)?.rfind('\n').map_or(0, |end| end + 1);
    let (before, rest) = lines.split_at_checked(start)?;
    let (line, after) = rest.split_once('\n')?;
    Some((before, line, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_domain_is_found() {
        assert!(LISTED.lines().count() > 50_000);
        assert!(LISTED.lines().all(is_listed));
    }

    #[test]
    fn throw_away_domains_are_told_from_mailboxes_and_forwarders() {
        for domain in ["mailinator.com", "guerrillamail.com", "yopmail.com", "any.thing.mailinator.com"] {
            assert!(is_disposable(domain), "{domain}");
        }
        for domain in
            ["gmail.com", "example.com", "duck.com", "ada.anonaddy.com", "notmailinator.example", "com", "", "."]
        {
            assert!(!is_disposable(domain), "{domain}");
        }
    }

    #[test]
    fn every_forwarder_needs_its_exception() {
        for domain in FORWARDERS {
            assert!(is_listed(domain), "{domain} is not listed any more");
        }
    }
}
