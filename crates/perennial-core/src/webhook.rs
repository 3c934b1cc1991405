//! Webhooks: servers of others that are told of events, and where none may ever be (H46).
//!
//! **Invariant:** an address is called only if it is one that everybody on the internet may call. [`is_public`] is the
//! one list: what a catalog names is held against it when it is read, and what a name resolves to when it is called.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Position, Url};

use crate::event::EventName;

/// The most webhooks of a catalog: an event that all of them want is sent to all of them at once.
pub const WEBHOOKS_MAX: usize = 20;

/// The longest address of one, in bytes.
pub const URL_LENGTH_MAX: usize = 2_000;

/// A server that is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it is.
    pub url: WebhookUrl,
    /// What it is told of.
    pub events: BTreeSet<EventName>,
    /// Whether it is told now.
    pub status: WebhookStatus,
}

impl Webhook {
    /// Whether it is to be told of an event of this name.
    pub fn wants(&self, name: &str) -> bool {
        self.status == WebhookStatus::On && self.events.iter().any(|event| event.as_str() == name)
    }
}

/// Whether a webhook is told of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookStatus {
    /// It is.
    #[default]
    On,
    /// It is not, and never hears of what happens meanwhile. What waits for it waits on.
    Off,
}

/// The address of a webhook. Its path may be a secret, so its `Debug` shows no more than its host.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// Why a text cannot be the address of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not read as a URL with a host.
    #[error("is not a web address")]
    Form,
    /// Whoever is on the way could read it.
    #[error("is not encrypted")]
    NotHttps,
    /// A user and a password, or a fragment, which no server would get to see.
    #[error("holds more than a server, a path and a query")]
    Excess,
    /// It leads to this machine, into a private network, or to the machines of the cloud themselves.
    #[error("leads into a network that is not public")]
    NotPublic,
    /// It does not lead to this machine.
    #[error("does not lead to this machine")]
    NotLoopback,
}

impl WebhookUrl {
    /// Reads an address as a catalog may hold it: `https`, and not plainly in a network that is not public.
    ///
    /// A host is read as browsers read it, so that `0x7f.1` and `2130706433` are what they are to whoever connects:
    /// 127.0.0.1.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = read(text)?;
        let is_public = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(domain)) => may_be_public(domain),
            None => return Err(UrlError::Form),
        };
        match url.scheme() {
            _ if !is_public => Err(UrlError::NotPublic),
            "https" => Ok(Self(url)),
            _ => Err(UrlError::NotHttps),
        }
    }

    /// Reads an address on this machine, for tests and demonstrations: its host is a loopback address.
    pub fn parse_loopback(text: &str) -> Result<Self, UrlError> {
        let url = read(text)?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        if is_loopback { Ok(Self(url)) } else { Err(UrlError::NotLoopback) }
    }

    /// The address with one part more at the end of its path.
    #[must_use]
    pub fn below(&self, part: &str) -> Self {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(part);
        }
        Self(url)
    }

    /// The address as it is called.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, as it is looked up or connected to.
    pub fn host(&self) -> Option<Host<&str>> {
        self.0.host()
    }

    /// The host with the port, where that is not the usual one: what the header `Host` says.
    pub fn authority(&self) -> &str {
        &self.0[Position::BeforeHost..Position::AfterPort]
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.0[Position::BeforePath..Position::AfterQuery]
    }

    /// Whether what is sent there is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({}/..)", self.0.host_str().unwrap_or_default())
    }
}

fn read(text: &str) -> Result<Url, UrlError> {
    if text.len() > URL_LENGTH_MAX || text.trim() != text {
        return Err(UrlError::Form);
    }
    let url = Url::parse(text).map_err(|_form| UrlError::Form)?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(UrlError::Form);
    }
    let is_excessive = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    if is_excessive { Err(UrlError::Excess) } else { Ok(url) }
}

/// Names that never lead out of a machine or a house, whatever they resolve to somewhere (RFC 6761, RFC 6762, RFC 8375).
const INSIDE: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "localdomain"];

/// Whether a name may lead to a public address. What it does lead to is looked at when it is called.
fn may_be_public(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let is_inside = |name: &str| domain.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    domain.contains('.') && !INSIDE.iter().any(|name| is_inside(name))
}

/// Whether an address is one that everybody on the internet may call: global unicast, and not set aside for anything
/// else (the registries of special-purpose addresses of IANA, RFC 6890).
///
/// An IPv4 address within an IPv6 one (mapped, 6to4, NAT64, Teredo) is never public: whoever is asked by such an address
/// is asked by way of something that is not looked at here.
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback; multicast, reserved, broadcast.
        [0 | 10 | 127 | 224..=255, ..]
        // Private.
        | [172, 16..=31, ..]
        | [192, 168, ..]
        // Link-local: the metadata of a cloud among it.
        | [169, 254, ..]
        // Shared by a provider's customers (carrier-grade NAT).
        | [100, 64..=127, ..]
        // Protocols and documentation; the old relays of 6to4; benchmarks.
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        // Documentation.
        | [198, 51, 100, _]
        | [203, 0, 113, _] => false,
        _ => true,
    }
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocols, Teredo and benchmarks among them; examples in documentation; 6to4.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast. All else is not: loopback, mapped, NAT64, unique local, link-local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, error: UrlError) {
        assert_eq!(WebhookUrl::parse(text).map(|url| url.as_str().to_owned()), Err(error), "{text}");
    }

    #[test]
    fn h46_an_address_of_every_network_that_is_not_public_is_refused() {
        for host in [
            // Loopback, this network, broadcast.
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            // Private, link-local and the metadata of clouds, carrier-grade NAT.
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "169.254.170.2",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            // Protocols, 6to4's relays, benchmarks, documentation, multicast, reserved.
            "192.0.0.192",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            // The same in the spellings that resolvers and browsers take: one number, octal, hexadecimal, short.
            "2130706433",
            "0x7f000001",
            "017700000001",
            "0x7f.1",
            "127.1",
            "0177.0.0.1",
            "0xa9.0xfe.0xa9.0xfe",
            "2852039166",
            "0251.0376.0251.0376",
            "127.0.0.1.",
            "0",
            "10.1",
            // The digits and dots of other scripts.
            "１２７.０.０.１",
            "127。0。0。1",
            "①②⑦.0.0.1",
            // IPv6: unspecified, loopback, mapped, compatible, NAT64, unique local (AWS's metadata), link-local, site-local,
            // multicast, discard, documentation, Teredo, ORCHID, benchmarks, 6to4, segment routing.
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::a00:1]",
            "[fd00:ec2::254]",
            "[fc00::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[2001::1]",
            "[2001:20::1]",
            "[2001:2::1]",
            "[2002:7f00:1::]",
            "[5f00::1]",
            // Names that never lead out.
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "db.internal.",
            "nas.home.arpa",
            "intranet",
        ] {
            refused(&format!("https://{host}/hook"), UrlError::NotPublic);
            refused(&format!("http://{host}/hook"), UrlError::NotPublic);
        }
    }

    #[test]
    fn what_is_no_plain_encrypted_address_is_refused() {
        refused("http://hooks.example.com/", UrlError::NotHttps);
        for text in ["", "hooks.example.com", "//hooks.example.com/", "ftp://hooks.example.com/", "https://"] {
            refused(text, UrlError::Form);
        }
        // As a browser reads it, and then it is a name without a dot.
        refused("https:///hook", UrlError::NotPublic);
        for text in ["javascript:alert(1)", "https://256.1.1.1/", "https://[::1/", " https://hooks.example.com/"] {
            refused(text, UrlError::Form);
        }
        refused(&format!("https://hooks.example.com/{}", "x".repeat(URL_LENGTH_MAX)), UrlError::Form);
        for text in
            ["https://user@hooks.example.com/", "https://u:p@hooks.example.com/", "https://hooks.example.com/#x"]
        {
            refused(text, UrlError::Excess);
        }
        // What stands before an @ is no host.
        refused("https://hooks.example.com@127.0.0.1/", UrlError::Excess);
    }

    #[test]
    fn a_public_address_is_taken_and_called_as_it_stands() {
        let url = WebhookUrl::parse("https://hooks.example.com:8443/crm/T0?key=secret").unwrap();
        assert_eq!((url.authority(), url.port(), url.path()), ("hooks.example.com:8443", 8443, "/crm/T0?key=secret"));
        assert!(url.is_encrypted());
        assert_eq!(format!("{url:?}"), "WebhookUrl(hooks.example.com/..)");
        for host in ["8.8.8.8", "[2606:4700::1111]", "bücher.example", "localhost.example.com", "mylocalhost.example"]
        {
            assert!(WebhookUrl::parse(&format!("https://{host}/")).is_ok(), "{host}");
        }
        assert_eq!(WebhookUrl::parse("https://hooks.example.com").unwrap().path(), "/");
    }

    #[test]
    fn the_neighbours_of_what_is_set_aside_are_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::",
            "2001:db7::",
            "2001:db9::",
            "2003::",
            "3ffe::",
            "3fff:1000::",
            "2000::",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        assert!(!is_public("1fff::".parse().unwrap()) && !is_public("4000::".parse().unwrap()));
    }

    #[test]
    fn an_address_on_this_machine_is_one_by_its_number() {
        let url = WebhookUrl::parse_loopback("http://127.0.0.1:9000/hooks").unwrap();
        assert_eq!(url.below("crm").as_str(), "http://127.0.0.1:9000/hooks/crm");
        assert_eq!(WebhookUrl::parse_loopback("http://[::1]:9000").unwrap().below("crm").path(), "/crm");
        assert!(!url.is_encrypted());
        for text in ["http://localhost:9000/", "http://10.0.0.1/", "https://hooks.example.com/", "http://0.0.0.0/"] {
            assert_eq!(WebhookUrl::parse_loopback(text), Err(UrlError::NotLoopback), "{text}");
        }
    }
}
