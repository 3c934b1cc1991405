//! ALTCHA: the browser works for a second, and nobody else is asked. Its protocol (proof of work, version 2) is that of
//! its makers' crate.
//!
//! **Invariants:** an answer is good for one form, for an hour, and for one post, which may come again. Nothing is kept of a challenge that was handed
//! out; of an answer that was taken, a keyed hash, until it would have ended anyway.

use std::collections::BTreeMap;

use altcha::{
    Challenge, CreateChallengeOptions, Error, Payload, VerifySolutionOptions, create_challenge, verify_solution,
};
use async_trait::async_trait;
use data_encoding::BASE64;
use jiff::SignedDuration;
use perennial_app::error_chain::ErrorChain;
use perennial_app::guard::Guard;
use perennial_app::ports::{Captcha, CaptchaVerdict};
use perennial_core::ids::FormName;
use serde_json::Value;
use tracing::warn;

/// How long an answer may take.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The longest answer read, in characters.
const RESPONSE_LENGTH_MAX: usize = 4_096;

/// How many rounds of PBKDF2 one try takes: with a prefix of one byte, a browser needs 256 tries, about a second.
const COST: u32 = 2_000;

/// What the challenge carries to say which form it is for.
const FORM: &str = "form";

/// Makes and judges challenges.
#[derive(Clone)]
pub struct Altcha {
    guard: Guard,
    secret: String,
    cost: u32,
}

impl Altcha {
    /// With a secret that is derived from the guard's pepper.
    pub fn new(guard: Guard) -> Self {
        let secret = guard.pepper.digest(&[b"altcha"]);
        Self { guard, secret, cost: COST }
    }

    /// With another amount of work, for tests and for patience.
    #[must_use]
    pub fn with_cost(self, cost: u32) -> Self {
        Self { cost, ..self }
    }

    /// A challenge for one form.
    pub fn challenge(&self, form: &FormName) -> Result<Challenge, Error> {
        create_challenge(CreateChallengeOptions {
            cost: self.cost,
            data: Some(BTreeMap::from([(FORM.to_owned(), Value::from(form.as_str()))])),
            expires_at: Some((self.guard.wall_clock.now() + GOOD_FOR).as_second()),
            hmac_signature_secret: Some(self.secret.clone()),
            ..CreateChallengeOptions::default()
        })
    }

    /// Whether an answer solves a challenge of ours for this form, whose time is not over by the machine's clock.
    fn is_solved(&self, form: &FormName, payload: &Payload) -> bool {
        let Payload { challenge, solution } = payload;
        let is_for = challenge.parameters.data.as_ref().and_then(|data| data.get(FORM)?.as_str());
        // It is signed, so the cost is ours; a challenge without an end would be none of ours.
        is_for == Some(form.as_str())
            && challenge.parameters.expires_at.is_some_and(|until| until > 0)
            && verify_solution(VerifySolutionOptions::new(challenge, solution, self.secret.clone()))
                .is_ok_and(|result| result.verified)
    }
}

#[async_trait]
impl Captcha for Altcha {
    async fn verify(&self, form: &FormName, response: &str, _remote: Option<&str>, post: &[u8]) -> CaptchaVerdict {
        let Some(payload) = read(response) else { return CaptchaVerdict::Failed };
        let signature = payload.challenge.signature.clone().unwrap_or_default();
        if !self.is_solved(form, &payload) {
            return CaptchaVerdict::Failed;
        }
        match self.guard.use_once("altcha", signature.as_bytes(), post, GOOD_FOR).await {
            Ok(true) => CaptchaVerdict::Passed,
            Ok(false) => CaptchaVerdict::Failed,
            Err(error) => {
                warn!(error = ErrorChain(&error).to_string(), "nobody can tell whether a captcha was used before");
                CaptchaVerdict::Unavailable
            }
        }
    }
}

fn read(response: &str) -> Option<Payload> {
    if response.len() > RESPONSE_LENGTH_MAX {
        return None;
    }
    serde_json::from_slice(&BASE64.decode(response.as_bytes()).ok()?).ok()
}
