//! What a CRM tells of its own: `POST /v1/crm/dispositions` for machines that sign for IAM, `POST /v1/dispositions` for
//! those that have a key or sign after Standard Webhooks. One disposition, or a batch.
//!
//! **Invariants:** nothing is read before whoever sends it is known (H41). Each disposition is judged by itself, and has
//! its own result; one that nobody can read, or whose lead cannot be read, stands in no other's way. An address is hashed at once, and neither kept nor
//! logged. The whole may be sent again at any time: nothing counts twice.

mod item;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::crm::{Bridge, Earnest, TakeError, Taken, Unchanged};
use perennial_app::desk::DisposeError;
use perennial_app::error_chain::ErrorChain;
use perennial_core::catalog::Catalog;
use perennial_lambda::http::form::{self, FormError};
use perennial_lambda::http::{self};
use perennial_lambda::strict_json::{self, Json, JsonError};
use serde::Serialize;
use tracing::{error, info};

use self::item::{Item, Unread};
use crate::Deps;
use crate::callers::machine_name;

/// Where machines without IAM tell them.
pub const DISPOSITIONS_PATH: &str = "/v1/dispositions";

/// The same below the path of machines, whom IAM vouches for.
pub(crate) const OF_MACHINES: &str = "dispositions";

/// The most dispositions of one request.
pub const DISPOSITIONS_MAX: usize = 100;

/// The name of a batch.
const BATCH: &str = "dispositions";

/// Who vouches for a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The authorizer of the route.
    Iam,
    /// A key, or a signature.
    Key,
}

/// Why a request is not read.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("Send `authorization: Bearer <key>`, or sign the request.")]
    NotAuthorised,
    #[error("Use POST.")]
    Method,
    #[error(transparent)]
    Body(#[from] FormError),
    #[error("The content type must be application/json.")]
    ContentType,
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("The JSON must be a disposition, or `{{\"dispositions\": […]}}` with 1 to {DISPOSITIONS_MAX} of them.")]
    Shape,
}

impl Problem {
    const fn status(&self) -> u16 {
        match self {
            Self::NotAuthorised => 401,
            Self::Method => 405,
            Self::Body(error) => error.status(),
            Self::ContentType => 415,
            Self::Json(_) => 400,
            Self::Shape => 422,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::NotAuthorised => "not_authorised",
            Self::Method => "method_not_allowed",
            Self::Body(_) => "body_invalid",
            Self::ContentType => "content_type_not_supported",
            Self::Json(_) => "json_invalid",
            Self::Shape => "json_shape_invalid",
        }
    }

    fn answer(&self) -> ApiGatewayV2httpResponse {
        let mut response = http::problem(self.status(), self.code(), self.to_string());
        match self {
            Self::NotAuthorised => http::set_header(&mut response, "www-authenticate", "Bearer"),
            Self::Method => http::set_header(&mut response, "allow", "POST"),
            Self::Body(_) | Self::ContentType | Self::Json(_) | Self::Shape => {}
        }
        response
    }
}

/// What is said of a disposition that could not be saved.
const FAILED: &str = "failed";

/// What became of one disposition.
#[derive(Serialize)]
struct Judged {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Judged {
    /// It could not be saved.
    const fn failed(id: String) -> Self {
        Self { id: Some(id), result: FAILED, code: None, detail: None }
    }

    const fn fine(id: String, result: &'static str) -> Self {
        Self { id: Some(id), result, code: None, detail: None }
    }

    fn refused(id: Option<String>, code: &'static str, why: &impl std::fmt::Display) -> Self {
        Self { id, result: "refused", code: Some(code), detail: Some(why.to_string()) }
    }
}

#[derive(Serialize)]
struct Results {
    results: Vec<Judged>,
}

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
    door: Door,
) -> ApiGatewayV2httpResponse {
    match read(deps, catalog, request, door) {
        Ok(told) => take_in(deps, told).await,
        Err(problem) => problem.answer(),
    }
}

/// Who sends a request, as ids are told apart by; and the id that was signed, where one was.
struct Sender {
    name: String,
    signed_id: Option<String>,
}

fn sender(deps: &Deps, request: &ApiGatewayV2httpRequest, body: &[u8], door: Door) -> Result<Sender, Problem> {
    let refused = |reason: &str| {
        info!(reason, metric = "disposition.unauthorised", "dispositions were refused");
        Problem::NotAuthorised
    };
    match door {
        Door::Iam => {
            let name = machine_name(request).ok_or_else(|| refused("iam"))?;
            Ok(Sender { name: format!("iam/{name}"), signed_id: None })
        }
        Door::Key => {
            let sender = deps.crm_keys.sender(request, body, deps.herald.wall_clock.now());
            let sender = sender.map_err(|reason| refused(reason.as_str()))?;
            Ok(Sender { name: format!("key/{}", sender.name), signed_id: sender.webhook_id })
        }
    }
}

/// What stands in a request, each by itself.
fn read(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
    door: Door,
) -> Result<Vec<Result<Item, Judged>>, Problem> {
    if http::method(request) != "POST" {
        return Err(Problem::Method);
    }
    let body = form::bytes(request)?;
    let sender = sender(deps, request, &body, door)?;
    let content_type = http::header(request, "content-type").unwrap_or_default();
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::ContentType);
    }
    let text = str::from_utf8(&body).map_err(FormError::from)?;
    let Json::Object(mut members) = strict_json::parse(text)? else { return Err(Problem::Shape) };
    let (items, signed_id) = match members.remove(BATCH) {
        // The id that was signed is the batch's; those in it have their own.
        Some(Json::List(items)) if members.is_empty() => (items, None),
        Some(_) => return Err(Problem::Shape),
        None => (vec![Json::Object(members)], sender.signed_id),
    };
    if !(1..=DISPOSITIONS_MAX).contains(&items.len()) {
        return Err(Problem::Shape);
    }
    let judged = |unread: Unread| Judged::refused(unread.id, unread.why.code(), &unread.why);
    let read = |item: Json| Item::read(&item, catalog, &deps.desk.pepper, &sender.name, signed_id.as_deref());
    Ok(items.into_iter().map(|item| read(item).map_err(judged)).collect())
}

/// Takes in what could be read, what happened first before what happened later; answers in the order of the request.
async fn take_in(deps: &Deps, told: Vec<Result<Item, Judged>>) -> ApiGatewayV2httpResponse {
    let bridge = Bridge { desk: deps.desk.clone() };
    let mut results: Vec<(usize, Judged)> = Vec::with_capacity(told.len());
    let mut items: Vec<(usize, Item)> = Vec::with_capacity(told.len());
    for (at, told) in told.into_iter().enumerate() {
        match told {
            Ok(item) => items.push((at, item)),
            Err(judged) => results.push((at, judged)),
        }
    }
    items.sort_by_key(|(at, item)| (item.reported.happened_at, *at));
    let mut is_down = false;
    for (at, Item { id, reported }) in items {
        // A store that does not answer one does not answer the next either, and there is little time.
        if is_down {
            results.push((at, Judged::failed(id)));
            continue;
        }
        // On the heap: the lead that is decided on makes this future large.
        let taken = Box::pin(bridge.take_in(&reported, Earnest::Done)).await;
        match judged(&id, taken) {
            Ok(judged) => {
                info!(lead.id = %reported.lead, result = judged.result, "a disposition was taken in");
                results.push((at, judged));
            }
            Err(cause) => {
                error!(lead.id = %reported.lead, error = ErrorChain(&cause).to_string(), "a disposition was not saved");
                is_down = !cause.is_of_one_lead();
                results.push((at, Judged::failed(id)));
            }
        }
    }
    results.sort_by_key(|(at, _)| *at);
    let results = Results { results: results.into_iter().map(|(_, judged)| judged).collect() };
    if results.results.iter().any(|judged| judged.result == FAILED) {
        let title = "What `results` call failed was not saved: send all of it again; nothing counts twice.";
        let mut response = http::problem_with(503, "dispositions_failed", title, results);
        http::set_header(&mut response, "retry-after", http::RETRY_AFTER_S);
        return response;
    }
    if results.results.iter().all(|judged| judged.code.is_none()) {
        return http::json(200, &results);
    }
    let title = "Some of it was refused, as `results` say; all else is taken in.".to_owned();
    http::problem_with(422, "dispositions_refused", title, results)
}

/// What became of a disposition; an error where nobody can say.
fn judged(id: &str, taken: Result<Taken, TakeError>) -> Result<Judged, DisposeError> {
    let id = id.to_owned();
    let refused = |id, code, why: &dyn std::fmt::Display| Ok(Judged::refused(Some(id), code, &why.to_string()));
    match taken {
        Ok(Taken::Now) => Ok(Judged::fine(id, "taken")),
        Ok(Taken::Unchanged(Unchanged::Nothing)) => Ok(Judged::fine(id, "nothing")),
        Ok(Taken::Unchanged(Unchanged::Before)) => Ok(Judged::fine(id, "known")),
        Ok(Taken::Unchanged(Unchanged::Late)) => Ok(Judged::fine(id, "late")),
        // A CRM knows many people who are no leads here.
        Err(TakeError::UnknownLead) => Ok(Judged::fine(id, "no_lead")),
        Err(error @ TakeError::Lacking(_)) => refused(id, "incomplete", &error),
        Err(error @ TakeError::Future) => refused(id, "in_the_future", &error),
        Err(TakeError::Dispose(error)) => match error {
            DisposeError::Refused(refusal) => refused(id, refusal.name(), &refusal),
            DisposeError::KeyReused => refused(id, "id_reused", &"this id came with something else before"),
            DisposeError::NoteTooLong => refused(id, "note_too_long", &error),
            DisposeError::NotTheirs
            | DisposeError::Late
            | DisposeError::NoNote
            | DisposeError::NoSuchOwner
            | DisposeError::Library(_)
            | DisposeError::React(_)
            | DisposeError::Store(_) => Err(error),
        },
    }
}
