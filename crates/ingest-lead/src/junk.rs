//! What the door holds against a post before anyone reads it (H15, H37).

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use perennial_core::catalog::StampPolicy;
use perennial_core::submission::JunkReason;
use perennial_lambda::http;

use crate::body::Pair;
use crate::cors::Origin;
use crate::{Deps, OpenForm, stamp};

/// Products that name themselves in a user agent and are no person's browser. Customers' own servers
/// post with them too: so they only add weight.
const TOOLS: &[&str] = &[
    "aiohttp",
    "apache-httpclient",
    "axios",
    "curl",
    "go-http-client",
    "guzzlehttp",
    "headlesschrome",
    "java",
    "libwww-perl",
    "node-fetch",
    "okhttp",
    "phantomjs",
    "python-httpx",
    "python-requests",
    "python-urllib",
    "scrapy",
    "wget",
];

/// The reasons for which the door takes a post for junk.
pub(crate) fn reasons(
    deps: &Deps,
    form: OpenForm<'_>,
    origin: Origin<'_>,
    request: &ApiGatewayV2httpRequest,
    pairs: &[Pair],
) -> Vec<JunkReason> {
    let is_foreign = matches!(origin, Origin::Foreign);
    let is_tool = http::header(request, "user-agent").is_some_and(is_tool);
    [
        is_foreign.then_some(JunkReason::ForeignOrigin),
        stamp_flaw(deps, form, pairs),
        is_tool.then_some(JunkReason::BotUserAgent),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn stamp_flaw(deps: &Deps, form: OpenForm<'_>, pairs: &[Pair]) -> Option<JunkReason> {
    // An empty one is none: a page whose script could not fetch it.
    let given = pairs.iter().find(|(name, value)| name == stamp::FIELD && !value.is_empty());
    match (given, form.form.stamp) {
        (Some((_, given)), _) => stamp::flaw(&deps.keyring, form.name, given, deps.wall_clock.now()),
        (None, StampPolicy::Required) => Some(JunkReason::BadStamp),
        (None, StampPolicy::Optional) => None,
    }
}

/// Whether a user agent names a tool among its products (`name/version`, RFC 9110 §10.1.5).
pub(crate) fn is_tool(user_agent: &str) -> bool {
    let products = user_agent.split_whitespace().filter_map(|part| part.split('/').next());
    products.map(str::to_ascii_lowercase).any(|product| TOOLS.contains(&product.as_str()))
}

/// Whether a user agent is a crawler's, by its own word: `Googlebot/2.1`, `…spider`, `…crawler`.
pub(crate) fn is_crawler(user_agent: &str) -> bool {
    let parts = user_agent.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ';' | ','));
    let mut names = parts.filter_map(|part| part.split_once('/')).map(|(name, _)| name.to_ascii_lowercase());
    names.any(|name| name.ends_with("bot") || name.contains("crawler") || name.contains("spider"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_told_from_browsers_by_the_product_they_name() {
        for tool in [
            "curl/8.5.0",
            "python-requests/2.32.3",
            "Go-http-client/2.0",
            "Python/3.11 aiohttp/3.9.5",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
        ] {
            assert!(is_tool(tool), "{tool}");
        }
        for crawler in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/131.0.0.0 Safari/537.36",
            "Baiduspider/2.0",
        ] {
            assert!(is_crawler(crawler), "{crawler}");
        }
        for browser in ["Mozilla/5.0 (Linux; Android 13; CUBOT X30) Chrome/131.0.0.0 Mobile Safari/537.36", ""] {
            assert!(!is_crawler(browser), "{browser}");
        }
        for browser in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            "Mozilla/5.0 (compatible; curls/1.0; javascript)",
            "",
        ] {
            assert!(!is_tool(browser), "{browser}");
        }
    }
}
