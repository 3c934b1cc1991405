//! `POST /v1/events`: a customer's server tells what a lead did elsewhere.
//!
//! **Invariants:** nothing is read before whoever sends it is known, by a key or by a signature; what is told twice
//! counts once; an answer does not say whether there is such a lead.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::behaviour::{Happening, Taken, Told};
use perennial_app::error_chain::ErrorChain;
use perennial_app::mail::MailRef;
use perennial_core::catalog::Catalog;
use perennial_core::clean;
use perennial_core::condition::SignalKind;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::{LeadId, TopicName};
use perennial_core::token::Purpose;
use perennial_lambda::http::{self, form};
use perennial_lambda::sender_keys::Refused;
use serde::Serialize;
use tracing::{error, info};

use crate::Deps;
use crate::body::{self, BodyError, Pair};

/// Where events are posted.
pub(crate) const PATH: &str = "/v1/events";

/// The longest id of an event, in characters.
const ID_LENGTH_MAX: usize = 255;
/// The longest title, in characters; the catalog's field may take less.
const TITLE_LENGTH_MAX: usize = 255;

/// Why an event was not taken in, as a sentence for whoever wrote the sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("Send `authorization: Bearer <key>`, or sign the event after Standard Webhooks.")]
    NotAuthorised,
    #[error("An event has an `id` of 1 to {ID_LENGTH_MAX} visible ASCII characters, or a `webhook-id` header.")]
    Id,
    #[error("`type` must be one of: page_visited, pricing_visited, meeting_booked, webinar_attended, title_changed.")]
    Type,
    #[error("Name the lead by one of: `visitor` (a token of ours), `lead` (its id), `email`.")]
    Lead,
    #[error("The catalog has no topic of that name.")]
    Topic,
    #[error("`title` has 1 to {TITLE_LENGTH_MAX} characters.")]
    Title,
    #[error("This id came with another event before.")]
    IdReused,
    #[error("Nothing was saved. Please try again in a moment.")]
    Unavailable,
}

impl Refusal {
    const fn status(&self) -> u16 {
        match self {
            Self::Body(error) => error.status(),
            Self::NotAuthorised => 401,
            Self::Id => 400,
            Self::Type | Self::Lead | Self::Topic | Self::Title => 422,
            Self::IdReused => 409,
            Self::Unavailable => 503,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::Body(error) => error.code(),
            Self::NotAuthorised => "not_authorised",
            Self::Id => "event_id_invalid",
            Self::Type => "event_type_unknown",
            Self::Lead => "lead_reference_invalid",
            Self::Topic => "topic_unknown",
            Self::Title => "title_invalid",
            Self::IdReused => "event_id_reused",
            Self::Unavailable => "unavailable",
        }
    }

    pub(crate) fn answer(&self) -> ApiGatewayV2httpResponse {
        if matches!(self, Self::Unavailable) {
            return http::unavailable();
        }
        let mut response = http::problem(self.status(), self.code(), self.to_string());
        if matches!(self, Self::NotAuthorised) {
            http::set_header(&mut response, "www-authenticate", "Bearer");
        }
        response
    }
}

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    request: &ApiGatewayV2httpRequest,
) -> ApiGatewayV2httpResponse {
    #[derive(Serialize)]
    struct Receipt {
        status: &'static str,
    }
    if http::method(request) != "POST" {
        let mut response = http::problem(405, "method_not_allowed", "Use POST.");
        http::set_header(&mut response, "allow", "POST");
        return response;
    }
    match take_in(deps, catalog, request).await {
        Ok(()) => http::json(202, &Receipt { status: "accepted" }),
        Err(refusal) => refusal.answer(),
    }
}

async fn take_in(deps: &Deps, catalog: &Catalog, request: &ApiGatewayV2httpRequest) -> Result<(), Refusal> {
    let bytes = form::bytes(request).map_err(BodyError::from)?;
    let sender = deps.event_keys.sender(request, &bytes, deps.wall_clock.now()).map_err(|refused| {
        info!(reason = refused.as_str(), metric = "event.refused", "an event was refused");
        match refused {
            Refused::NoKey | Refused::WrongKey | Refused::Signature | Refused::Stale => Refusal::NotAuthorised,
        }
    })?;
    let told = Given(body::read(request).await?);
    let id = sender.webhook_id.map_or_else(|| told.id(), |id| valid_id(&id))?;
    if told.is_machine() {
        info!(event.sender = %sender.name, metric = "event.machine", "a machine's visit was passed over");
        return Ok(());
    }
    let happening = told.happening(catalog)?;
    let lead = told.lead(deps)?;
    let told = Told { id: format!("{}/{id}", sender.name), lead, happening };
    observe(deps, &told).await
}

/// Takes in what is told; what of an unknown lead is told is counted, and answered as all else is.
pub(crate) async fn observe(deps: &Deps, told: &Told) -> Result<(), Refusal> {
    // On the heap: the lead that is decided on makes this future large.
    match Box::pin(deps.observer.take_in(told)).await {
        Ok(Taken::IdReused) => Err(Refusal::IdReused),
        Ok(Taken::UnknownLead) => {
            info!(metric = "event.unknown_lead", "nobody of that reference is known");
            Ok(())
        }
        Ok(taken @ (Taken::Decided | Taken::Nothing)) => {
            info!(lead.id = %told.lead, is_new = taken == Taken::Decided, "an event was taken in");
            Ok(())
        }
        Err(error) => {
            error!(lead.id = %told.lead, error = ErrorChain(&error).to_string(), "an event was not saved");
            Err(Refusal::Unavailable)
        }
    }
}

/// The lead in a token that our links carry to the customer's site.
pub(crate) fn visitor(deps: &Deps, token: &str) -> Option<LeadId> {
    let payload = deps.keyring.verify(Purpose::Visit, token).ok()?;
    MailRef::parse(&payload).map(|mail| mail.lead)
}

/// A topic of the catalog. An empty one is none.
pub(crate) fn topic(catalog: &Catalog, name: &str) -> Result<Option<TopicName>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    let topic = TopicName::parse(name).ok().filter(|topic| catalog.topics.contains_key(topic));
    topic.map(Some).ok_or(Refusal::Topic)
}

fn valid_id(id: &str) -> Result<String, Refusal> {
    let is_id = (1..=ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_id { Ok(id.to_owned()) } else { Err(Refusal::Id) }
}

/// What stands in the body. It has no `Debug`: an address may be in it.
pub(crate) struct Given(pub(crate) Vec<Pair>);

impl Given {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    }

    fn id(&self) -> Result<String, Refusal> {
        valid_id(self.text("id"))
    }

    /// Whether the sender says that a machine did it (I11). Who says nothing vouches for a person.
    fn is_machine(&self) -> bool {
        let given = self.0.iter().any(|(name, _)| name == "user_agent");
        given && is_machine(self.text("user_agent"))
    }

    fn happening(&self, catalog: &Catalog) -> Result<Happening, Refusal> {
        let kind = match self.text("type") {
            "page_visited" => SignalKind::PageVisited,
            "pricing_visited" => SignalKind::PricingVisited,
            "meeting_booked" => SignalKind::MeetingBooked,
            "webinar_attended" => SignalKind::WebinarAttended,
            "title_changed" => return self.title(),
            _ => return Err(Refusal::Type),
        };
        Ok(Happening::Sign { kind, topic: topic(catalog, self.text("topic"))? })
    }

    fn title(&self) -> Result<Happening, Refusal> {
        let title = clean::line(self.text("title"));
        if title.is_empty() || title.chars().count() > TITLE_LENGTH_MAX {
            return Err(Refusal::Title);
        }
        Ok(Happening::TitleChanged(title))
    }

    fn lead(&self, deps: &Deps) -> Result<LeadId, Refusal> {
        let (visitor, lead, email) = (self.text("visitor"), self.text("lead"), self.text("email"));
        let found = match (visitor.is_empty(), lead.is_empty(), email.is_empty()) {
            (false, true, true) => self::visitor(deps, visitor),
            (true, false, true) => LeadId::parse(lead).ok(),
            (true, true, false) => EmailAddress::parse(email).ok().map(|email| deps.observer.lead_of(&email)),
            (_, _, _) => None,
        };
        found.ok_or(Refusal::Lead)
    }
}

/// Whether a user agent is no person's browser: a tool's, or none at all.
pub(crate) fn is_machine(user_agent: &str) -> bool {
    user_agent.trim().is_empty() || crate::junk::is_tool(user_agent) || crate::junk::is_crawler(user_agent)
}
