//! What a request says of whoever made it.

use serde::{Deserialize, Serialize};

/// What made a request, by its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// A browser.
    Browser,
    /// It has a browser's name, and not what a browser of that name sends.
    Bare,
    /// A tool or a library.
    Tool,
    /// It does not say.
    Missing,
    /// A scanner, preview or proxy that is known, or one of which SES says that it looks automated.
    Known,
}

/// Whether a request carries fetch metadata (`Sec-Fetch-Mode` and its like), which scripts cannot set and browsers of
/// these years always send over HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchMetadata {
    /// It does.
    Present,
    /// It does not.
    Absent,
    /// The request was not made to us, so nobody can say.
    Unseen,
}

/// In which way something was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// As a reader does.
    #[default]
    Get,
    /// Its head only.
    Head,
    /// Ahead of time, as the request itself says.
    Prefetch,
}

/// Products (`name/version`, RFC 9110 §10.1.5) that are no person's browser.
const TOOLS: [&str; 22] = [
    "aiohttp",
    "apache-httpclient",
    "axios",
    "cfnetwork",
    "curl",
    "dalvik",
    "go-http-client",
    "guzzlehttp",
    "headlesschrome",
    "java",
    "jetty",
    "libwww-perl",
    "lua-resty-http",
    "node-fetch",
    "okhttp",
    "phantomjs",
    "python-httpx",
    "python-requests",
    "python-urllib",
    "ruby",
    "scrapy",
    "wget",
];

/// Words by which scanners, previews and image proxies give themselves away.
const KNOWN: [&str; 34] = [
    "barracuda",
    "bingpreview",
    "bitdefender",
    "bot/",
    "bot ",
    "bot;",
    "cisco",
    "cloudmark",
    "crawler",
    "facebookexternalhit",
    "fortimail",
    "fortiguard",
    "googleimageproxy",
    "ironport",
    "kaspersky",
    "linkexpanding",
    "messagelabs",
    "microsoft office",
    "mimecast",
    "ms-office",
    "previewbot",
    "proofpoint",
    "safebrowsing",
    "safelinks",
    "scanner",
    "skypeuripreview",
    "sophos",
    "spider",
    "tmes",
    "trendmicro",
    "urlscan",
    "virustotal",
    "whatsapp/",
    "yahoomailproxy",
];

/// Browsers, as they name themselves, and the version from which on they send fetch metadata.
const MODERN: [(&str, u32); 3] = [("chrome/", 80), ("firefox/", 90), ("version/", 17)];

/// How much of a user agent is looked at, in characters.
const AGENT_LENGTH_MAX: usize = 512;

impl Agent {
    /// Recognises what made a request.
    pub fn recognise(user_agent: Option<&str>, metadata: FetchMetadata) -> Self {
        let said: String = user_agent.unwrap_or_default().trim().chars().take(AGENT_LENGTH_MAX).collect();
        let said = said.to_ascii_lowercase();
        if said.is_empty() {
            return Self::Missing;
        }
        if KNOWN.iter().any(|word| said.contains(word)) || said.ends_with("bot") {
            return Self::Known;
        }
        let products = said.split_whitespace().filter_map(|part| part.split('/').next());
        // Every browser since 1995 says "Mozilla" and, in brackets, what it runs on.
        let is_browser = said.starts_with("mozilla/") && said.contains('(');
        if !is_browser || products.into_iter().any(|product| TOOLS.contains(&product)) {
            return Self::Tool;
        }
        match metadata {
            FetchMetadata::Absent if is_modern(&said) => Self::Bare,
            FetchMetadata::Absent | FetchMetadata::Present | FetchMetadata::Unseen => Self::Browser,
        }
    }

    /// How much it looks like a person's browser: of two that followed one link, the lesser looked ahead.
    pub(super) const fn likeness(self) -> u8 {
        match self {
            Self::Browser => 2,
            Self::Bare => 1,
            Self::Tool | Self::Missing | Self::Known => 0,
        }
    }
}

fn is_modern(said: &str) -> bool {
    MODERN.iter().any(|(name, since)| {
        let version = said.split_once(name).and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
        version.and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version >= *since)
    })
}

impl Manner {
    /// Recognises in which way a page is asked for: by its method, and by the values of `Purpose`, `Sec-Purpose`,
    /// `X-Purpose` and `X-Moz`.
    pub fn recognise<'a>(method: &str, purposes: impl IntoIterator<Item = &'a str>) -> Self {
        let is_ahead = |value: &str| {
            let value = value.to_ascii_lowercase();
            ["prefetch", "prerender", "preview"].iter().any(|word| value.contains(word))
        };
        if method.eq_ignore_ascii_case("HEAD") {
            Self::Head
        } else if purposes.into_iter().any(is_ahead) {
            Self::Prefetch
        } else {
            Self::Get
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) const fn is_plain(&self) -> bool {
        matches!(self, Self::Get)
    }
}
