//! The guard at the door: how much may come from where, who is kept out, and what counts once.
//!
//! **Invariants:** nothing that is kept here says who somebody is: addresses, domains and networks are kept as keyed
//! hashes. Everything lives on the world's clock, and ends by itself, except for a block.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Limits;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::{FormName, Pepper};

use crate::ports::{BlockKind, BlockRecord, Bucket, Clock, Count, DoorBook, StoreError};

/// How long a bucket counts, in seconds.
const WINDOW_S: i64 = 60;

/// How many names a blocked domain is looked for under: `a.b.spam.example`, `b.spam.example`, `spam.example`.
const DOMAIN_SUFFIXES_MAX: usize = 3;

/// How much of an IPv4 address may be blocked: the whole of it, or the 256 that it stands among.
const V4_PREFIXES: [u8; 2] = [32, 24];
/// The same of an IPv6 address: what one connection gets, and what one site gets.
const V6_PREFIXES: [u8; 2] = [64, 48];

/// Guards the door.
#[derive(Clone)]
pub struct Guard {
    /// What it keeps in mind.
    pub book: Arc<dyn DoorBook>,
    /// What its hashes are made with.
    pub pepper: Pepper,
    /// The world's time: a flood does not slow down with the suite's.
    pub wall_clock: Arc<dyn Clock>,
}

/// Where a request comes from, by the gateway's word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network(IpAddr);

impl Network {
    /// Reads the address of the other end of the connection.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(|address: IpAddr| Self(address.to_canonical()))
    }

    /// The networks that it lies in and that can be blocked, the smallest first.
    fn prefixes(self) -> impl Iterator<Item = Prefix> {
        let lengths = match self.0 {
            IpAddr::V4(_) => V4_PREFIXES,
            IpAddr::V6(_) => V6_PREFIXES,
        };
        lengths.into_iter().map(move |length| Prefix::of(self.0, length))
    }

    /// What counts as one sender: an IPv4 address, or all that an IPv6 connection has.
    fn sender(self) -> Prefix {
        match self.0 {
            IpAddr::V4(_) => Prefix::of(self.0, 32),
            IpAddr::V6(_) => Prefix::of(self.0, 64),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network(..)")
    }
}

/// A network: an address whose last bits do not count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    fn of(address: IpAddr, length: u8) -> Self {
        let address = match address {
            IpAddr::V4(v4) => {
                let kept = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(length))).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & kept))
            }
            IpAddr::V6(v6) => {
                let kept = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length))).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & kept))
            }
        };
        Self { address, length }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address = Network::parse(address)?.0;
        let lengths = match address {
            IpAddr::V4(_) => V4_PREFIXES,
            IpAddr::V6(_) => V6_PREFIXES,
        };
        let length = match length {
            Some(length) => length.parse().ok().filter(|length| lengths.contains(length))?,
            None => lengths.first().copied()?,
        };
        Some(Self::of(address, length))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix(..)")
    }
}

/// Whom to keep out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// One mailbox, under all its spellings.
    Address(EmailAddress),
    /// A mail domain and all below it, in punycode.
    Domain(String),
    /// A network.
    Network(Prefix),
}

impl Blocked {
    /// Reads what a person types: an address, a domain, or a network with 32 or 24 bits (IPv6: 64 or 48).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(prefix) = Prefix::parse(text) {
            return Some(Self::Network(prefix));
        }
        if text.contains('@') {
            return EmailAddress::parse(text).ok().map(Self::Address);
        }
        let somebody = EmailAddress::parse(&format!("somebody@{text}")).ok()?;
        Some(Self::Domain(somebody.domain().to_owned()))
    }

    /// What kind of block it is.
    pub const fn kind(&self) -> BlockKind {
        match self {
            Self::Address(_) => BlockKind::Address,
            Self::Domain(_) => BlockKind::Domain,
            Self::Network(_) => BlockKind::Network,
        }
    }

    fn key(&self, pepper: &Pepper) -> String {
        let (kind, value) = match self {
            Self::Address(address) => ("address", address.mailbox_hint()),
            Self::Domain(domain) => ("domain", domain.clone()),
            Self::Network(prefix) => ("network", prefix.to_string()),
        };
        pepper.digest(&[b"block:", kind.as_bytes(), b":", value.as_bytes()])
    }
}

/// Whether a post may come in, as far as numbers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Free,
    /// It may, and there are more of them than a person makes.
    Suspicious,
    /// There is no room before so many seconds have passed.
    Full {
        /// Seconds, at least one.
        retry_after_s: i64,
    },
}

impl Guard {
    /// Counts one post: first of its network, then, if that has room, of its form.
    ///
    /// One small write each. A post without a network that anybody could name counts for its form alone.
    pub async fn admit(
        &self,
        network: Option<Network>,
        form: &FormName,
        limits: &Limits,
    ) -> Result<Admission, StoreError> {
        let now = self.wall_clock.now();
        let mut admission = Admission::Free;
        if let Some(network) = network {
            let sender = self.pepper.digest(&[b"network:", network.sender().to_string().as_bytes()]);
            match self.count(format!("N#{sender}"), limits.network_per_minute, now).await? {
                Count::Full => return Ok(full(now)),
                Count::Taken(count) if count > limits.network_suspicious => admission = Admission::Suspicious,
                Count::Taken(_) => {}
            }
        }
        match self.count(format!("F#{form}"), limits.form_per_minute, now).await? {
            Count::Full => Ok(full(now)),
            Count::Taken(_) => Ok(admission),
        }
    }

    /// Counts one more of something whose name is no secret, and tells when there is room again if there is none.
    pub async fn count_named(&self, name: &str, most: u32) -> Result<Admission, StoreError> {
        let now = self.wall_clock.now();
        match self.count(name.to_owned(), most, now).await? {
            Count::Full => Ok(full(now)),
            Count::Taken(_) => Ok(Admission::Free),
        }
    }

    async fn count(&self, key: String, most: u32, now: Timestamp) -> Result<Count, StoreError> {
        let bucket = Bucket { key, minute: window(now), expires_at: now + SignedDuration::from_secs(2 * WINDOW_S) };
        self.book.count(&bucket, most).await
    }

    /// Whether a sender is kept out: by address, domain or network. One batched read.
    pub async fn is_blocked(&self, network: Option<Network>, email: Option<&EmailAddress>) -> Result<bool, StoreError> {
        let networks = network.into_iter().flat_map(Network::prefixes).map(Blocked::Network);
        let address = email.cloned().map(Blocked::Address);
        let domains = email.into_iter().flat_map(|email| suffixes(email.domain())).map(Blocked::Domain);
        let keys: Vec<String> = networks.chain(address).chain(domains).map(|who| who.key(&self.pepper)).collect();
        if keys.is_empty() { Ok(false) } else { self.book.is_any_blocked(&keys).await }
    }

    /// Keeps somebody out from now on. Whether that is new.
    pub async fn block(&self, who: &Blocked) -> Result<bool, StoreError> {
        let record = BlockRecord { key: who.key(&self.pepper), kind: who.kind(), at: self.wall_clock.now() };
        self.book.block(&record).await
    }

    /// Lets somebody in again. Whether they had been kept out.
    pub async fn unblock(&self, who: &Blocked) -> Result<bool, StoreError> {
        self.book.unblock(&who.key(&self.pepper)).await
    }

    /// Whether nobody else has used something that may be used once, within a time. `purpose` tells kinds apart.
    pub async fn use_once(
        &self,
        purpose: &str,
        what: &[u8],
        by: &[u8],
        within: SignedDuration,
    ) -> Result<bool, StoreError> {
        let key = self.pepper.digest(&[b"once:", purpose.as_bytes(), b":", what]);
        let by = self.pepper.digest(&[b"once by:", by]);
        let now = self.wall_clock.now();
        self.book.use_once(&key, &by, now, now + within).await
    }
}

fn window(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second.saturating_sub(second.rem_euclid(WINDOW_S))).unwrap_or(now)
}

fn full(now: Timestamp) -> Admission {
    Admission::Full { retry_after_s: WINDOW_S.saturating_sub(now.as_second().rem_euclid(WINDOW_S)).max(1) }
}

/// A domain and those above it, without the top level.
fn suffixes(domain: &str) -> impl Iterator<Item = String> {
    let all = std::iter::successors(Some(domain), |suffix| suffix.split_once('.').map(|(_, rest)| rest));
    let names: Vec<&str> = all.filter(|suffix| suffix.contains('.')).collect();
    let surplus = names.len().saturating_sub(DOMAIN_SUFFIXES_MAX);
    names.into_iter().skip(surplus).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn one_sender_is_an_address_of_the_old_kind_or_a_connection_of_the_new() {
        let sender = |text: &str| network(text).sender().to_string();
        assert_eq!(sender("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(sender("::ffff:203.0.113.7"), "203.0.113.7/32");
        assert_eq!(sender("2001:db8:1:2:3:4:5:6"), sender("2001:db8:1:2::9"));
        assert_ne!(sender("2001:db8:1:2::1"), sender("2001:db8:1:3::1"));
        for text in ["", "unknown", "203.0.113.7, 198.51.100.1", "203.0.113.7:80"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_person_types_is_an_address_a_domain_or_a_network() {
        let kind = |text: &str| Blocked::parse(text).map(|who| who.kind());
        assert_eq!(kind("ada@example.com"), Some(BlockKind::Address));
        assert_eq!(kind(" Bücher.example "), Some(BlockKind::Domain));
        for text in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/48", "2001:db8::1"] {
            assert_eq!(kind(text), Some(BlockKind::Network), "{text}");
        }
        for text in ["", "com", "203.0.113.0/8", "2001:db8::/32", "a@@b.c", "spam.example/x"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn a_domain_is_looked_for_under_the_names_above_it_and_never_under_a_top_level() {
        let of = |domain: &str| suffixes(domain).collect::<Vec<_>>();
        assert_eq!(of("spam.example"), ["spam.example"]);
        assert_eq!(of("a.b.c.spam.example"), ["b.c.spam.example", "c.spam.example", "spam.example"]);
    }

    #[test]
    fn room_comes_back_with_the_next_minute() {
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(full(at("2026-03-02T09:00:00Z")), Admission::Full { retry_after_s: 60 });
        assert_eq!(full(at("2026-03-02T09:00:59Z")), Admission::Full { retry_after_s: 1 });
        assert_eq!(window(at("2026-03-02T09:00:59Z")), at("2026-03-02T09:00:00Z"));
    }
}
