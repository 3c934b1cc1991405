//! What a domain says of mails in its name that are not authentic: DMARC (RFC 9989, and RFC 7489 before it).
//!
//! **Invariant:** what one of the two would not accept is not called right.

use perennial_core::ids::SenderDomain;

/// How a record begins. Exactly so.
const VERSION: &str = "DMARC1";

/// The most names that are asked for one domain (RFC 9989 §4.10).
const NAMES_MAX: usize = 8;

/// The records of the first name that has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The domain, without `_dmarc.`.
    pub domain: String,
    /// The records.
    pub records: Vec<String>,
}

/// What is to happen with a mail that is not authentic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    None,
    /// It is suspicious.
    Quarantine,
    /// It is refused.
    Reject,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    policy: Policy,
    subdomains: Option<Policy>,
    /// Whether the signature must be by the very domain of the sender.
    pub is_strict: bool,
    /// Whether somebody hears what receivers saw.
    pub has_reports: bool,
}

/// Why a record counts as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There are several.
    #[error("more than one DMARC record counts as none")]
    Several,
    /// It names no policy, which the older standard asks for.
    #[error("the record has no p=, and counts as none for many")]
    NoPolicy,
    /// A policy is none that there is.
    #[error("its policy is not none, quarantine or reject")]
    Policy,
}

impl Record {
    /// What it says of mails from a domain.
    pub fn policy_for(&self, published: &Published, domain: &SenderDomain) -> Policy {
        if published.domain == domain.as_str() { self.policy } else { self.subdomains.unwrap_or(self.policy) }
    }
}

/// The domains at which a record of a sender may stand: its own, then those above it that somebody can own.
pub fn places(domain: &SenderDomain) -> Vec<String> {
    let mut rest = domain.as_str();
    let mut places = vec![rest.to_owned()];
    while let Some((_, above)) = rest.split_once('.').filter(|(_, above)| above.contains('.')) {
        rest = above;
        places.push(rest.to_owned());
    }
    if places.len() > NAMES_MAX {
        // Names in the middle of a very long one are passed over.
        places.drain(1..=places.len() - NAMES_MAX);
    }
    places
}

/// The DMARC records among the texts of a name; none where there is no such, and where they are a registry's.
pub fn published(domain: &str, texts: Vec<String>) -> Option<Published> {
    let records: Vec<String> = texts.into_iter().filter(|text| is_record(text)).collect();
    let is_registry = records.iter().any(|record| tag(record, "psd").is_some_and(|value| value == "y"));
    (!records.is_empty() && !is_registry).then(|| Published { domain: domain.to_owned(), records })
}

/// Reads what a domain has published.
pub fn read(published: &Published) -> Result<Record, Problem> {
    let [record] = published.records.as_slice() else { return Err(Problem::Several) };
    let policy = |name| tag(record, name).map(policy).transpose();
    Ok(Record {
        policy: policy("p")?.ok_or(Problem::NoPolicy)?,
        subdomains: policy("sp")?,
        is_strict: tag(record, "adkim").is_some_and(|value| value == "s"),
        has_reports: tag(record, "rua").is_some_and(|value| !value.is_empty()),
    })
}

fn is_record(text: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, value)| name.trim() == "v" && value.trim() == VERSION)
}

fn tag<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let mut tags = record.split(';').filter_map(|tag| tag.split_once('='));
    tags.find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn policy(word: &str) -> Result<Policy, Problem> {
    match word.to_ascii_lowercase().as_str() {
        "none" => Ok(Policy::None),
        "quarantine" => Ok(Policy::Quarantine),
        "reject" => Ok(Policy::Reject),
        _ => Err(Problem::Policy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> SenderDomain {
        SenderDomain::of_address(&format!("a@{text}")).unwrap()
    }

    fn record(texts: &[&str]) -> Result<Record, Problem> {
        read(&published("shop.example", texts.iter().map(|&text| text.to_owned()).collect()).expect("there is one"))
    }

    #[test]
    fn a_record_stands_at_the_domain_or_above_it() {
        assert_eq!(places(&domain("shop.example")), ["shop.example"]);
        assert_eq!(
            places(&domain("mail.eu.shop.example")),
            ["mail.eu.shop.example", "eu.shop.example", "shop.example"]
        );
        let long = places(&domain("a.b.c.d.e.f.g.h.i.j.shop.example"));
        assert_eq!(long.len(), NAMES_MAX);
        assert_eq!(long.last().map(String::as_str), Some("shop.example"));
    }

    #[test]
    fn other_texts_and_those_of_a_registry_are_no_record() {
        let none = |text: &str| published("shop.example", vec![text.to_owned()]).is_none();
        assert!(none("v=spf1 -all") && none("v=DMARC10; p=none") && none("v=dmarc1; p=none"));
        assert!(none("v=DMARC1; p=reject; psd=y"));
        assert!(!none("v = DMARC1 ; p=none"));
    }

    #[test]
    fn a_record_says_what_becomes_of_mail_that_is_not_authentic() {
        let read = record(&[
            "google-site-verification=1",
            "v=DMARC1; p=reject; sp=Quarantine; adkim=s; rua=mailto:d@shop.example",
        ]);
        let read = read.unwrap();
        assert!(read.is_strict && read.has_reports);
        let at = published("shop.example", vec!["v=DMARC1".to_owned()]).unwrap();
        assert_eq!(read.policy_for(&at, &domain("shop.example")), Policy::Reject);
        assert_eq!(read.policy_for(&at, &domain("mail.shop.example")), Policy::Quarantine);
        assert_eq!(record(&["v=DMARC1; p=none", "v=DMARC1; p=none"]), Err(Problem::Several));
        assert_eq!(record(&["v=DMARC1; rua=mailto:d@shop.example"]), Err(Problem::NoPolicy));
        assert_eq!(record(&["v=DMARC1; p=refuse"]), Err(Problem::Policy));
    }
}
