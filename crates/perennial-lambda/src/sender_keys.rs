//! Which other systems may tell us things: keys by name, or secrets to sign with, after Standard Webhooks.
//!
//! **Invariants:** everything secret is compared in constant time. A signature is good for five minutes around its
//! time, and covers id, time and body: so nothing of it can be used for another event.

use std::fmt;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::http;

/// How far a signature's time may lie from ours.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The shortest key that nobody guesses, in characters.
const KEY_LENGTH_MIN: usize = 16;

/// The shortest secret to sign with, in bytes (Standard Webhooks: 24 to 64).
const SECRET_LENGTH_MIN: usize = 24;

/// How a secret to sign with begins.
const SECRET_PREFIX: &str = "whsec_";

/// The most signatures of one header that are looked at: while secrets change, there are two.
const SIGNATURES_MAX: usize = 8;

/// The keys of all who may tell. None: nobody may.
#[derive(Clone, Default)]
pub struct SenderKeys(Vec<SenderKey>);

#[derive(Clone)]
struct SenderKey {
    name: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    /// Sent along.
    Key(String),
    /// Signed with.
    Signing(Vec<u8>),
}

/// Why the keys cannot be used. It repeats none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderKeysError {
    /// An entry is not `name:key`.
    #[error("keys are `name:key`, comma-separated; a name has lower-case letters, digits and `-`")]
    Entry,
    /// A key can be guessed.
    #[error("a key has at least {KEY_LENGTH_MIN} visible ASCII characters")]
    Short,
    /// A secret is not `whsec_` and base64 of enough bytes.
    #[error("a secret to sign with is `whsec_` and at least {SECRET_LENGTH_MIN} bytes in base64")]
    Secret,
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name of the key.
    pub name: String,
    /// The id that was signed, where it was.
    pub webhook_id: Option<String>,
}

/// Why nobody is believed to have sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No key came along.
    NoKey,
    /// It is nobody's.
    WrongKey,
    /// The signature is not one of theirs.
    Signature,
    /// It was made at another time.
    Stale,
}

impl Refused {
    /// Its name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::WrongKey => "wrong_key",
            Self::Signature => "signature",
            Self::Stale => "stale",
        }
    }
}

impl SenderKeys {
    /// Reads the setting: `name:key`, comma-separated. A key that begins with `whsec_` is one to sign with.
    pub fn parse(text: &str) -> Result<Self, SenderKeysError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(SenderKey::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Who sent a request with this body.
    pub fn sender(&self, request: &ApiGatewayV2httpRequest, body: &[u8], now: Timestamp) -> Result<Sender, Refused> {
        match http::header(request, "webhook-signature") {
            Some(signatures) => self.signer(request, signatures, body, now),
            None => self.holder(request),
        }
    }

    fn holder(&self, request: &ApiGatewayV2httpRequest) -> Result<Sender, Refused> {
        let given = http::header(request, "authorization").ok_or(Refused::NoKey)?;
        let (scheme, key) = given.trim().split_once(' ').ok_or(Refused::NoKey)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::NoKey);
        }
        let given = Sha256::digest(key.trim().as_bytes());
        // All are compared, whichever fits.
        let fitting = self.0.iter().fold(None, |found, entry| match &entry.secret {
            Secret::Key(key) if bool::from(Sha256::digest(key.as_bytes()).ct_eq(&given)) => Some(entry),
            Secret::Key(_) | Secret::Signing(_) => found,
        });
        fitting.map(|entry| Sender { name: entry.name.clone(), webhook_id: None }).ok_or(Refused::WrongKey)
    }

    fn signer(
        &self,
        request: &ApiGatewayV2httpRequest,
        signatures: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Sender, Refused> {
        let id = http::header(request, "webhook-id").ok_or(Refused::Signature)?;
        let time = http::header(request, "webhook-timestamp").ok_or(Refused::Signature)?;
        let at = time.parse().ok().and_then(|second| Timestamp::from_second(second).ok()).ok_or(Refused::Signature)?;
        let given: Vec<&str> =
            signatures.split(' ').filter_map(|part| part.strip_prefix("v1,")).take(SIGNATURES_MAX).collect();
        let fitting = self.0.iter().fold(None, |found, entry| match &entry.secret {
            Secret::Signing(secret) => {
                let expected = sign(secret, id, time, body);
                let fits = given
                    .iter()
                    .fold(false, |fits, given| fits | bool::from(given.as_bytes().ct_eq(expected.as_bytes())));
                if fits { Some(entry) } else { found }
            }
            Secret::Key(_) => found,
        });
        let entry = fitting.ok_or(Refused::Signature)?;
        if now.duration_since(at).abs() > TOLERANCE {
            return Err(Refused::Stale);
        }
        Ok(Sender { name: entry.name.clone(), webhook_id: Some(id.to_owned()) })
    }
}

fn sign(secret: &[u8], id: &str, time: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        mac.update(part);
    }
    BASE64.encode(&mac.finalize().into_bytes())
}

impl SenderKey {
    fn parse(entry: &str) -> Result<Self, SenderKeysError> {
        let (name, key) = entry.split_once(':').ok_or(SenderKeysError::Entry)?;
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_name {
            return Err(SenderKeysError::Entry);
        }
        let secret = match key.strip_prefix(SECRET_PREFIX) {
            Some(encoded) => {
                let bytes = BASE64.decode(encoded.as_bytes()).ok().filter(|bytes| bytes.len() >= SECRET_LENGTH_MIN);
                Secret::Signing(bytes.ok_or(SenderKeysError::Secret)?)
            }
            None if key.len() < KEY_LENGTH_MIN || !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(SenderKeysError::Short);
            }
            None => Secret::Key(key.to_owned()),
        };
        Ok(Self { name: name.to_owned(), secret })
    }
}

impl fmt::Debug for SenderKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standards_own_example() {
        let secret = BASE64.decode(b"C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            sign(&secret, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553", body),
            "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn keys_have_names_and_cannot_be_guessed_and_none_is_shown() {
        let keys = SenderKeys::parse("site:0123456789abcdef, crm:whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,").unwrap();
        assert_eq!(format!("{keys:?}"), r#"["site", "crm"]"#);
        assert!(SenderKeys::parse("").unwrap().0.is_empty());
        assert_eq!(SenderKeys::parse("0123456789abcdef").unwrap_err(), SenderKeysError::Entry);
        assert_eq!(SenderKeys::parse("A b:0123456789abcdef").unwrap_err(), SenderKeysError::Entry);
        assert_eq!(SenderKeys::parse("site:short").unwrap_err(), SenderKeysError::Short);
        assert_eq!(SenderKeys::parse("site:whsec_AAAA").unwrap_err(), SenderKeysError::Secret);
    }
}
