//! Links by way of us, and the picture that tells that a mail was shown (TRUST.md §5, H24–H28).
//!
//! **Invariant:** the path names a token and nothing else; where it leads is looked up in what was published. Whoever
//! follows a link is sent on even where that cannot be recorded.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::engagement::Listener;
use perennial_app::error_chain::ErrorChain;
use perennial_app::follow::{Follower, OpenRef};
use perennial_app::mail::{ClickRef, MailRef};
use perennial_core::actor::{Agent, FetchMetadata, Hit, Manner};
use perennial_core::token::{Purpose, TokenError};
use perennial_lambda::http;
use tracing::{error, info};

use crate::Deps;
use crate::desk::Desk;

/// How often one link is followed within a minute before whoever does it is asked to wait (H27).
pub const FOLLOWS_MAX: u32 = 100;

/// The time that [`FOLLOWS_MAX`] is counted over.
const WINDOW: Duration = Duration::from_mins(1);

/// How many links are counted at once.
const COUNTED_MAX: usize = 1_000;

/// How a request says that it fetches ahead of a reader.
const PURPOSES: [&str; 4] = ["purpose", "sec-purpose", "x-purpose", "x-moz"];

/// One transparent dot.
const PIXEL_BASE64: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// What following links needs.
#[derive(Debug)]
pub struct Clicks {
    pub(crate) follower: Follower,
    counted: Mutex<BTreeMap<String, (Instant, u32)>>,
}

impl Clicks {
    /// Follows links of the leads that somebody listens to.
    pub fn new(listener: Listener) -> Self {
        Self { follower: Follower::new(listener), counted: Mutex::default() }
    }

    /// Whether a link may be followed once more now. Counted by each process for itself, and bounded.
    fn may_follow(&self, token: &str) -> bool {
        let now = Instant::now();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= COUNTED_MAX {
            counted.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        if counted.len() >= COUNTED_MAX {
            counted.clear();
        }
        let (since, count) = counted.entry(token.to_owned()).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= FOLLOWS_MAX
    }
}

pub(crate) async fn handle(desk: &Desk<'_>, token: &str) -> ApiGatewayV2httpResponse {
    let Desk { deps, request, .. } = *desk;
    let click = match desk.payload(Purpose::Click, token) {
        Ok(payload) => ClickRef::parse(&payload),
        Err(refused) => return *refused,
    };
    let Some(click) = click else { return *desk.refused(Purpose::Click, TokenError::Malformed) };
    let manner = manner(request);
    match http::method(request) {
        "GET" | "HEAD" => {}
        _ => return only_read(),
    }
    if !deps.clicks.may_follow(token) {
        info!(lead.id = %click.lead, touch.id = %click.touch, metric = "click.too_many", "a link is followed too often");
        return too_many();
    }
    let is_followed = record(deps, &click, request, manner).await;
    if manner == Manner::Head {
        return http::empty(200);
    }
    let visitor = (is_followed && manner == Manner::Get).then(|| visitor(deps, &click));
    match deps.clicks.follower.destination(&click, visitor.as_deref()).await {
        Ok(Some(address)) => redirect(&address),
        // Nobody is led anywhere by the link that no reader sees.
        Ok(None) => http::page(404, "There is nothing here", "<p>The page that this link led to is gone.</p>"),
        Err(error) => {
            error!(error = ErrorChain(&error).to_string(), "a link could not be looked up");
            http::unavailable()
        }
    }
}

pub(crate) async fn opened(desk: &Desk<'_>, token: &str) -> ApiGatewayV2httpResponse {
    let Desk { deps, request, .. } = *desk;
    let open = desk.payload(Purpose::Open, token).ok().and_then(|payload| OpenRef::parse(&payload));
    match (http::method(request), &open) {
        // A picture that nobody knows is a picture all the same: a mail shows no error.
        ("GET" | "HEAD", None) => {}
        ("GET" | "HEAD", Some(open)) => {
            if let Err(error) = deps.clicks.follower.opened(open, agent(request), manner(request)).await {
                error!(lead.id = %open.lead, error = ErrorChain(&error).to_string(), "an open was not recorded");
            }
        }
        _ => return only_read(),
    }
    let mut response = http::answer(200, "image/gif", PIXEL_BASE64);
    response.is_base64_encoded = true;
    unstored(response)
}

/// The token by which the customer's own pages tell of whoever comes by this mail.
fn visitor(deps: &Deps, click: &ClickRef) -> String {
    let mail = MailRef { lead: click.lead.clone(), touch: click.touch.clone() };
    deps.keyring.sign(Purpose::Visit, &mail.payload())
}

/// Records a hit. Whether its lead is one that is followed: not if nobody can say.
async fn record(deps: &Deps, click: &ClickRef, request: &ApiGatewayV2httpRequest, manner: Manner) -> bool {
    let address = deps.front.address(request).unwrap_or_default();
    let hit = Hit {
        at: deps.clicks.follower.now(),
        target: click.target,
        network: deps.keyring.network(&click.touch, &click.lead, address),
        agent: agent(request),
        manner,
    };
    match deps.clicks.follower.follow(click, &hit).await {
        Ok(followed) => followed.is_some(),
        Err(error) => {
            error!(lead.id = %click.lead, touch.id = %click.touch, metric = "click.unrecorded",
                error = ErrorChain(&error).to_string(), "a click was not recorded; its reader was sent on");
            false
        }
    }
}

fn agent(request: &ApiGatewayV2httpRequest) -> Agent {
    let has_metadata = http::header(request, "sec-fetch-mode").is_some();
    let metadata = if has_metadata { FetchMetadata::Present } else { FetchMetadata::Absent };
    Agent::recognise(http::header(request, "user-agent"), metadata)
}

fn manner(request: &ApiGatewayV2httpRequest) -> Manner {
    let purposes = PURPOSES.iter().filter_map(|name| http::header(request, name));
    Manner::recognise(http::method(request), purposes)
}

fn redirect(address: &str) -> ApiGatewayV2httpResponse {
    let mut response = http::empty(302);
    http::set_header(&mut response, "location", address);
    http::set_header(&mut response, "referrer-policy", "no-referrer");
    http::set_header(&mut response, "x-robots-tag", "noindex");
    unstored(response)
}

/// Nobody answers for us: each time it is followed, we are asked.
fn unstored(mut response: ApiGatewayV2httpResponse) -> ApiGatewayV2httpResponse {
    http::set_header(&mut response, "cache-control", "no-store");
    response
}

fn too_many() -> ApiGatewayV2httpResponse {
    let mut response =
        http::problem(429, "too_many_requests", "This link is followed too often. Try again in a minute.");
    http::set_header(&mut response, "retry-after", "60");
    response
}

fn only_read() -> ApiGatewayV2httpResponse {
    let mut response = http::problem(405, "method_not_allowed", "Use GET.");
    http::set_header(&mut response, "allow", "GET, HEAD");
    response
}
