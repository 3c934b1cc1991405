//! One post of a form: read, weighed, taken in.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use perennial_app::error_chain::ErrorChain;
use perennial_app::guard::{Admission, Network};
use perennial_app::ingest::{IdempotencyKey, Receipt, ReceiveError};
use perennial_app::ports::SubmissionOutcome;
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::SubmissionId;
use perennial_core::intake::{self, FieldError, RawSubmission};
use perennial_core::submission::{Channel, Entry, JunkReason, Permission, Submission};
use tracing::{error, info};

use crate::answer::{self, Accepted, Audience};
use crate::body::{self, BodyError, Pair};
use crate::cors::Origin;
use crate::disposable::is_disposable;
use crate::{Deps, OpenForm, captcha, junk};

/// Length limit of an `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;

/// The field in which a page chooses among the form's `thanks_urls`.
const THANKS_URL_FIELD: &str = "thanks_url";

/// Why a post was not taken in, as a sentence for its sender.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters.")]
    Key,
    #[error("Some fields need another look.")]
    Fields(Vec<FieldError>),
    #[error("This Idempotency-Key came with another body before.")]
    KeyReused,
    #[error("The check that you are no robot did not succeed. Please try it once more.")]
    CaptchaFailed,
    #[error("Too many posts came at once. Please try again in a minute.")]
    TooMany { retry_after_s: i64 },
    #[error("Nothing was saved. Please try again in a moment.")]
    Unavailable,
}

pub(crate) async fn handle(
    deps: &Deps,
    catalog: &Catalog,
    form: OpenForm<'_>,
    origin: Origin<'_>,
    request: &ApiGatewayV2httpRequest,
) -> ApiGatewayV2httpResponse {
    let audience = Audience::of(request);
    match take_in(deps, catalog, form, origin, request).await {
        Ok(accepted) => answer::accepted(audience, &accepted),
        Err(refusal) => answer::refused(audience, refusal),
    }
}

async fn take_in<'a>(
    deps: &Deps,
    catalog: &'a Catalog,
    form: OpenForm<'a>,
    origin: Origin<'_>,
    request: &ApiGatewayV2httpRequest,
) -> Result<Accepted<'a>, Refusal> {
    let door = &deps.door;
    let network = deps.front.address(request).and_then(Network::parse);
    let is_suspicious = admit(deps, catalog, form, network).await?;
    let key = idempotency_key(request)?;
    let pairs = body::read(request).await?;
    let thanks_url = thanks_url(form, &pairs);
    let known_by = key.map(|key| IdempotencyKey::new(&door.pepper, form.name, key, &unambiguous(&pairs)));
    let mut junk = junk::reasons(deps, form, origin, request, &pairs);
    junk.extend(is_suspicious.then_some(JunkReason::RateLimited));
    let response = captcha::Response::of(form, &pairs);
    let raw = RawSubmission {
        id: SubmissionId::derive(&door.pepper, form.name, &identity(deps, request, known_by.as_ref())),
        channel: Channel::Form,
        received_at: door.clock.now(),
        entry: Entry::Welcome,
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        junk,
        pairs,
    };
    let mut submission = intake::read(raw, &catalog.fields, form.name, form.form).map_err(Refusal::Fields)?;
    let suggestion = submission.email.as_ref().and_then(EmailAddress::suggestion);
    let is_disposable = submission.email.as_ref().is_some_and(|email| is_disposable(email.domain()));
    // Who listed the throw-away domains listed slips of the big ones too; a slip is a person's (H14).
    if is_disposable && suggestion.is_none() {
        submission.junk.push(JunkReason::DisposableEmail);
    }
    if door_is_shut(deps, form, network, submission.email.as_ref()).await? {
        submission.junk.push(JunkReason::BlockListed);
    }
    // Last: who has to mend a field has not used up their answer.
    submission.junk.extend(captcha::flaw(deps, form, request, &response).await?);
    receive(deps, form, submission, known_by.as_ref()).await?;
    Ok(Accepted { organisation: &catalog.organisation.name, thanks_url, suggestion })
}

/// Counts the post. Whether there are more of its kind than a person makes.
async fn admit(deps: &Deps, catalog: &Catalog, form: OpenForm<'_>, network: Option<Network>) -> Result<bool, Refusal> {
    match deps.guard.admit(network, form.name, &catalog.limits).await {
        Ok(Admission::Free) => Ok(false),
        Ok(Admission::Suspicious) => Ok(true),
        Ok(Admission::Full { retry_after_s }) => {
            info!(form.name = %form.name, metric = "form.turned_away", "too many posts");
            Err(Refusal::TooMany { retry_after_s })
        }
        Err(error) => Err(not_saved(form, &error)),
    }
}

async fn door_is_shut(
    deps: &Deps,
    form: OpenForm<'_>,
    network: Option<Network>,
    email: Option<&EmailAddress>,
) -> Result<bool, Refusal> {
    deps.guard.is_blocked(network, email).await.map_err(|error| not_saved(form, &error))
}

fn not_saved(form: OpenForm<'_>, error: &(dyn std::error::Error + 'static)) -> Refusal {
    error!(form.name = %form.name, error = ErrorChain(error).to_string(), "submission not saved");
    Refusal::Unavailable
}

async fn receive(
    deps: &Deps,
    form: OpenForm<'_>,
    submission: Submission,
    key: Option<&IdempotencyKey>,
) -> Result<(), Refusal> {
    // On the heap: the lead that is decided on makes this future large.
    match Box::pin(deps.door.receive(submission, key)).await {
        Ok(receipt) => {
            info!(form.name = %form.name, submission.channel = "form", submission.outcome = outcome(receipt), "submission taken in");
            Ok(())
        }
        Err(ReceiveError::KeyReused) => Err(Refusal::KeyReused),
        // Intake has refused such a post already, and said which fields.
        Err(ReceiveError::NoIdentity) => Err(Refusal::Fields(Vec::new())),
        Err(error @ (ReceiveError::Contended | ReceiveError::Library(_) | ReceiveError::Store(_))) => {
            Err(not_saved(form, &error))
        }
    }
}

const fn outcome(receipt: Receipt) -> &'static str {
    match receipt {
        Receipt::Taken(SubmissionOutcome::Received) => "received",
        Receipt::Taken(SubmissionOutcome::Quarantined) => "quarantined",
        Receipt::Taken(SubmissionOutcome::Merged) => "merged",
        Receipt::Known => "known",
        Receipt::Erased => "erased",
    }
}

fn idempotency_key(request: &ApiGatewayV2httpRequest) -> Result<Option<&str>, Refusal> {
    let Some(value) = request.headers.get("idempotency-key") else {
        return Ok(None);
    };
    let is_key = |key: &&str| {
        (1..=IDEMPOTENCY_KEY_LENGTH_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    value.to_str().ok().filter(is_key).map(Some).ok_or(Refusal::Key)
}

/// What makes a post this one and no other: the key its sender gave it, else the gateway's id of the request.
fn identity(deps: &Deps, request: &ApiGatewayV2httpRequest, key: Option<&IdempotencyKey>) -> String {
    match (key, request.request_context.request_id.as_deref()) {
        (Some(key), _) => key.identity(),
        (None, Some(id)) => format!("request:{id}"),
        // API Gateway always gives one. Without it, a post must still not pass for an earlier one.
        (None, None) => format!("at:{}", deps.wall_clock.now()),
    }
}

/// The pairs as bytes that no other pairs give.
///
/// An idempotency key is held against what was said, not against its wrapping: a browser draws a new
/// multipart boundary each time it sends the same form.
pub(crate) fn unambiguous(pairs: &[Pair]) -> Vec<u8> {
    let texts = pairs.iter().flat_map(|(name, value)| [name, value]);
    texts.flat_map(|text| [&text.len().to_be_bytes(), text.as_bytes()].concat()).collect()
}

/// The page's choice where the form lists it, else the form's first.
fn thanks_url<'a>(form: OpenForm<'a>, pairs: &[Pair]) -> Option<&'a str> {
    let wished = pairs.iter().find(|(name, _)| name == THANKS_URL_FIELD).map(|(_, value)| value);
    let listed = &form.form.thanks_urls;
    listed.iter().find(|url| Some(*url) == wished).or_else(|| listed.first()).map(String::as_str)
}
