//! The captcha of a form, where it has one (H16).

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use perennial_app::ports::{Captcha, CaptchaVerdict};
use perennial_core::catalog::{CaptchaKind, CaptchaPolicy};
use perennial_core::submission::JunkReason;
use tracing::error;

use crate::body::Pair;
use crate::post::{Refusal, unambiguous};
use crate::{Deps, OpenForm};

/// The field in which ALTCHA's widget brings its answer.
const ALTCHA_FIELD: &str = "altcha";
/// The field in which Turnstile's widget brings its answer.
const TURNSTILE_FIELD: &str = "cf-turnstile-response";

/// What a widget brought, and the post that brought it.
pub(crate) struct Response {
    given: Option<String>,
    post: Vec<u8>,
}

impl Response {
    pub(crate) fn of(form: OpenForm<'_>, pairs: &[Pair]) -> Self {
        let field = match form.form.captcha {
            CaptchaKind::Off => None,
            CaptchaKind::Altcha => Some(ALTCHA_FIELD),
            CaptchaKind::Turnstile => Some(TURNSTILE_FIELD),
        };
        let given = pairs.iter().find(|(name, value)| Some(name.as_str()) == field && !value.is_empty());
        Self { given: given.map(|(_, value)| value.clone()), post: unambiguous(pairs) }
    }
}

/// What speaks against a post by its captcha. Nobody is turned away because nobody could tell.
pub(crate) async fn flaw(
    deps: &Deps,
    form: OpenForm<'_>,
    request: &ApiGatewayV2httpRequest,
    response: &Response,
) -> Result<Option<JunkReason>, Refusal> {
    let captcha: Option<&dyn Captcha> = match form.form.captcha {
        CaptchaKind::Off => return Ok(None),
        CaptchaKind::Altcha => Some(&deps.altcha),
        CaptchaKind::Turnstile => deps.turnstile.as_deref(),
    };
    let verdict = match (captcha, &response.given) {
        (None, _) => {
            error!(form.name = %form.name, "the form asks for a captcha that this deployment is not set up for");
            CaptchaVerdict::Unavailable
        }
        (Some(_), None) => CaptchaVerdict::Failed,
        (Some(captcha), Some(given)) => {
            captcha.verify(form.name, given, deps.front.address(request), &response.post).await
        }
    };
    match (verdict, form.form.captcha_failed) {
        (CaptchaVerdict::Passed, _) => Ok(None),
        (CaptchaVerdict::Failed, CaptchaPolicy::Refuse) => Err(Refusal::CaptchaFailed),
        (CaptchaVerdict::Failed, CaptchaPolicy::Quarantine) | (CaptchaVerdict::Unavailable, _) => {
            Ok(Some(JunkReason::CaptchaFailed))
        }
    }
}
