//! The JSON API: the same as the pages, for a CRM's sidebar, a team's own tool, a script.
//!
//! **Invariants:** nothing is read of a request before somebody vouches for who sends it (H41); what is not understood is
//! refused as a problem (RFC 9457) that repeats nothing; a retry under the same `Idempotency-Key` counts once.

mod shapes;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::desk::{DisposeError, Done, Told};
use perennial_app::error_chain::ErrorChain;
use perennial_app::ports::{Cursor, DeskOwner};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{LeadId, QueueName, RepName};
use perennial_core::sales::Party;
use perennial_lambda::http::form::{self, FormError};
use perennial_lambda::http::{self};
use perennial_lambda::strict_json::{self, PairsError};
use serde::Serialize;
use tracing::{error, info};

use crate::callers::{Refused, caller, machine};
use crate::given::{self, Given, Misread};
use crate::{Deps, cursor};

/// The longest idempotency key, in characters.
const KEY_LENGTH_MAX: usize = 255;

/// Where a list goes on, in a query.
const AFTER: &str = "after";

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// People, by a token.
    People,
    /// Machines, by a signature.
    Machines,
}

/// What a path names.
enum Resource {
    Leads,
    Tasks,
    Lead(LeadId),
    Outcomes(LeadId),
    Notes(LeadId),
    HandOver(LeadId),
}

impl Resource {
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["leads"] => Some(Self::Leads),
            ["tasks"] => Some(Self::Tasks),
            ["leads", lead] => Some(Self::Lead(LeadId::parse(lead).ok()?)),
            ["leads", lead, "outcomes"] => Some(Self::Outcomes(LeadId::parse(lead).ok()?)),
            ["leads", lead, "notes"] => Some(Self::Notes(LeadId::parse(lead).ok()?)),
            ["leads", lead, "hand-over"] => Some(Self::HandOver(LeadId::parse(lead).ok()?)),
            _ => None,
        }
    }

    const fn method(&self) -> &'static str {
        match self {
            Self::Leads | Self::Tasks | Self::Lead(_) => "GET",
            Self::Outcomes(_) | Self::Notes(_) | Self::HandOver(_) => "POST",
        }
    }
}

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("Send a token, or sign the request.")]
    NotAuthorised,
    #[error("You are known, and nobody of the roster.")]
    NotOfSales,
    #[error("There is nothing here.")]
    NotFound,
    #[error("Use {0}.")]
    Method(&'static str),
    #[error(transparent)]
    Body(#[from] FormError),
    #[error("The content type must be application/json.")]
    ContentType,
    #[error(transparent)]
    Json(#[from] PairsError),
    #[error(transparent)]
    Misread(#[from] Misread),
    #[error("The query takes `rep` or `queue`, and `after`.")]
    Query,
    #[error("Name a desk: `rep` or `queue`.")]
    NoDesk,
    #[error("There is no such desk.")]
    NoSuchDesk,
    #[error("Name one of both: `rep` or `queue`.")]
    NotOneOwner,
    #[error("`after` is not a cursor of this list.")]
    Cursor,
    #[error("The key must be 1 to {KEY_LENGTH_MAX} visible ASCII characters.")]
    Key,
    #[error(transparent)]
    Dispose(#[from] DisposeError),
}

impl Problem {
    const fn status(&self) -> u16 {
        match self {
            Self::NotAuthorised => 401,
            Self::NotOfSales => 403,
            Self::NotFound | Self::NoSuchDesk | Self::Dispose(DisposeError::NotTheirs) => 404,
            Self::Method(_) => 405,
            Self::Body(error) => error.status(),
            Self::ContentType => 415,
            Self::Json(PairsError::Json(_)) | Self::Query | Self::NoDesk | Self::Cursor | Self::Key => 400,
            Self::Json(PairsError::Shape)
            | Self::Misread(_)
            | Self::NotOneOwner
            | Self::Dispose(
                DisposeError::Refused(_)
                | DisposeError::Late
                | DisposeError::NoNote
                | DisposeError::NoteTooLong
                | DisposeError::NoSuchOwner,
            ) => 422,
            Self::Dispose(DisposeError::KeyReused) => 409,
            Self::Dispose(DisposeError::Library(_) | DisposeError::React(_) | DisposeError::Store(_)) => 503,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::NotAuthorised => "not_authorised",
            Self::NotOfSales => "not_of_sales",
            Self::NotFound => "not_found",
            Self::Dispose(DisposeError::NotTheirs) => "lead_not_found",
            Self::Method(_) => "method_not_allowed",
            Self::Body(_) => "body_invalid",
            Self::ContentType => "content_type_not_supported",
            Self::Json(PairsError::Json(_)) => "json_invalid",
            Self::Json(PairsError::Shape) => "json_shape_invalid",
            Self::Misread(_) => "outcome_invalid",
            Self::Query => "query_invalid",
            Self::NoDesk => "desk_missing",
            Self::NoSuchDesk => "desk_not_found",
            Self::NotOneOwner => "owner_missing",
            Self::Cursor => "cursor_invalid",
            Self::Key => "idempotency_key_invalid",
            Self::Dispose(DisposeError::Refused(refusal)) => refusal.name(),
            Self::Dispose(DisposeError::Late) => "overtaken",
            Self::Dispose(DisposeError::NoNote) => "note_missing",
            Self::Dispose(DisposeError::NoteTooLong) => "note_too_long",
            Self::Dispose(DisposeError::NoSuchOwner) => "owner_unknown",
            Self::Dispose(DisposeError::KeyReused) => "idempotency_key_reused",
            Self::Dispose(DisposeError::Library(_) | DisposeError::React(_) | DisposeError::Store(_)) => "unavailable",
        }
    }

    fn answer(&self) -> ApiGatewayV2httpResponse {
        if self.status() == 503 {
            return http::unavailable();
        }
        let mut response = http::problem(self.status(), self.code(), self.sentence());
        if let Self::Method(method) = self {
            http::set_header(&mut response, "allow", method);
        }
        if matches!(self, Self::NotAuthorised) {
            http::set_header(&mut response, "www-authenticate", "Bearer");
        }
        response
    }

    /// What is wrong, as a sentence.
    fn sentence(&self) -> String {
        let text = self.to_string();
        if text.ends_with('.') {
            return text;
        }
        let mut chars = text.chars();
        let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
        format!("{first}{}.", chars.as_str())
    }
}

/// One request, of somebody who is known.
struct Call<'a> {
    deps: &'a Deps,
    catalog: &'a Catalog,
    request: &'a ApiGatewayV2httpRequest,
    party: Party,
}

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
    side: Side,
    path: &str,
) -> ApiGatewayV2httpResponse {
    match answer(deps, catalog, request, side, path).await {
        Ok(response) => response,
        Err(problem) => {
            if let Problem::Dispose(cause) = &problem
                && problem.status() == 503
            {
                error!(error = ErrorChain(cause).to_string(), "a call of sales was not done");
            }
            problem.answer()
        }
    }
}

async fn answer(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
    side: Side,
    path: &str,
) -> Result<ApiGatewayV2httpResponse, Problem> {
    let party = match side {
        Side::People => deps.callers.person(request, catalog),
        Side::Machines => machine(request),
    };
    let party = party.map_err(|refused| {
        info!(desk.side = ?side, reason = ?refused, metric = "desk.unauthorised", "a call of sales was refused");
        match refused {
            Refused::Nobody => Problem::NotAuthorised,
            Refused::NotOfSales => Problem::NotOfSales,
        }
    })?;
    let resource = Resource::of(path).ok_or(Problem::NotFound)?;
    if http::method(request) != resource.method() {
        return Err(Problem::Method(resource.method()));
    }
    let call = Call { deps, catalog, request, party };
    match resource {
        Resource::Leads => call.leads().await,
        Resource::Tasks => call.tasks().await,
        Resource::Lead(lead) => call.lead(&lead).await,
        Resource::Outcomes(lead) => call.outcome(lead).await,
        Resource::Notes(lead) => call.note(&lead).await,
        Resource::HandOver(lead) => call.hand_over(&lead).await,
    }
}

impl Call<'_> {
    async fn lead(&self, lead: &LeadId) -> Result<ApiGatewayV2httpResponse, Problem> {
        let view = self.deps.desk.view(&self.party, lead).await?;
        Ok(http::json(200, &shapes::Lead::of(self.deps, &view)))
    }

    async fn leads(&self) -> Result<ApiGatewayV2httpResponse, Problem> {
        let (owner, after) = self.list()?;
        let page = self.deps.desk.leads(&self.party, &owner, after).await.map_err(not_listed)?;
        let next = page.next.map(|next| cursor::sign(self.deps.keyring(), &owner, &next));
        let leads: Vec<_> = page.leads.iter().map(shapes::Listed::of).collect();
        Ok(http::json(200, &shapes::Leads { leads, next }))
    }

    async fn tasks(&self) -> Result<ApiGatewayV2httpResponse, Problem> {
        let (owner, after) = self.list()?;
        let page = self.deps.desk.waiting(&self.party, &owner, after).await.map_err(not_listed)?;
        let next = page.next.map(|next| cursor::sign(self.deps.keyring(), &owner, &next));
        let tasks: Vec<_> = page.leads.iter().filter_map(shapes::Task::of).collect();
        Ok(http::json(200, &shapes::Tasks { tasks, next }))
    }

    /// Whose list is asked for, and from where on.
    fn list(&self) -> Result<(DeskOwner, Option<Cursor>), Problem> {
        let query = self.request.raw_query_string.as_deref().unwrap_or_default();
        let query = Given(form::urlencoded(query.as_bytes()).map_err(|_not_text| Problem::Query)?);
        query.only(&[given::REP, given::QUEUE, AFTER]).map_err(|_unknown| Problem::Query)?;
        let owner = match (query.text(given::REP), query.text(given::QUEUE)) {
            ("", "") => self.own_desk().ok_or(Problem::NoDesk)?,
            (rep, "") => DeskOwner::Rep(RepName::parse(rep).map_err(|_not_a_name| Problem::Query)?),
            ("", queue) => DeskOwner::Queue(QueueName::parse(queue).map_err(|_not_a_name| Problem::Query)?),
            (_, _) => return Err(Problem::Query),
        };
        // Whoever may see all desks is told of one that is not there; all others learn nothing of those of others.
        if !self.party.sells() && !self.is_desk(&owner) {
            return Err(Problem::NoSuchDesk);
        }
        let after = query.text(AFTER);
        if after.is_empty() {
            return Ok((owner, None));
        }
        match cursor::read(self.deps.keyring(), &owner, after) {
            Ok(after) => Ok((owner, Some(after))),
            Err(cursor::NotOurs) => Err(Problem::Cursor),
        }
    }

    fn is_desk(&self, owner: &DeskOwner) -> bool {
        match owner {
            DeskOwner::Rep(rep) => self.catalog.roster.reps.contains_key(rep),
            DeskOwner::Queue(queue) => self.catalog.queues.contains_key(queue),
        }
    }

    fn own_desk(&self) -> Option<DeskOwner> {
        match &self.party {
            Party::Rep { rep } => Some(DeskOwner::Rep(rep.clone())),
            Party::Queue { queue } => Some(DeskOwner::Queue(queue.clone())),
            Party::Crm | Party::Operator | Party::Suite => None,
        }
    }

    async fn outcome(&self, lead: LeadId) -> Result<ApiGatewayV2httpResponse, Problem> {
        let given = self.given(&given::OUTCOME_NAMES)?;
        let outcome = given.outcome(self.catalog, &self.catalog.default_zone)?;
        given.fits(&outcome, self.catalog)?;
        let key = self.key(&lead)?;
        let told = Told {
            by: self.party.clone(),
            lead,
            outcome,
            note: given.note(),
            happened_at: None,
            is_status: false,
            key,
        };
        let done = self.deps.desk.dispose(&told).await?;
        Ok(self.done(&told.lead, done))
    }

    async fn note(&self, lead: &LeadId) -> Result<ApiGatewayV2httpResponse, Problem> {
        let given = self.given(&[given::NOTE])?;
        let key = self.key(lead)?;
        let done = self.deps.desk.note(&self.party, lead, given.text(given::NOTE), &key).await?;
        Ok(self.done(lead, done))
    }

    async fn hand_over(&self, lead: &LeadId) -> Result<ApiGatewayV2httpResponse, Problem> {
        let given = self.given(&[given::REP, given::QUEUE])?;
        let owner = given.owner().map_err(|given::NotOne| Problem::NotOneOwner)?;
        let owner = owner.ok_or(DisposeError::NoSuchOwner)?;
        let done = self.deps.desk.hand_over(&self.party, lead, owner).await?;
        Ok(self.done(lead, done))
    }

    fn done(&self, lead: &LeadId, done: Done) -> ApiGatewayV2httpResponse {
        #[derive(Serialize)]
        struct Receipt {
            status: &'static str,
        }
        let is_new = done == Done::Now;
        info!(lead.id = %lead, desk.party = self.party.name(), is_new, "sales told of a lead");
        http::json(200, &Receipt { status: if is_new { "recorded" } else { "known" } })
    }

    /// What stands in the body.
    fn given(&self, names: &[&'static str]) -> Result<Given, Problem> {
        let content_type = http::header(self.request, "content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::ContentType);
        }
        let body = form::bytes(self.request)?;
        let text = str::from_utf8(&body).map_err(FormError::from)?;
        let given = Given(strict_json::pairs(text)?);
        given.only(names)?;
        Ok(given)
    }

    /// What tells this call from any other: who calls, and the key that they gave, else the request's own id.
    fn key(&self, lead: &LeadId) -> Result<String, Problem> {
        let context = &self.request.request_context;
        let given = self.request.headers.get("idempotency-key");
        let key = match given.map(|value| value.to_str()) {
            None => format!("request/{}", context.request_id.as_deref().unwrap_or_default()),
            Some(Ok(key)) if is_key(key) => format!("key/{key}"),
            Some(Ok(_) | Err(_)) => return Err(Problem::Key),
        };
        Ok(format!("api/{}/{lead}/{key}", caller(self.request)))
    }
}

/// A list that is not theirs, as one that is not there.
fn not_listed(error: DisposeError) -> Problem {
    if matches!(error, DisposeError::NotTheirs) { Problem::NoSuchDesk } else { error.into() }
}

fn is_key(key: &str) -> bool {
    (1..=KEY_LENGTH_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}
