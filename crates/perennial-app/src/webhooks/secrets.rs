//! The secrets that deliveries are signed with, after Standard Webhooks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64;
use jiff::Timestamp;
use perennial_core::ids::{Pepper, WebhookName};
use standardwebhooks::Webhook as Signer;

/// How a secret begins.
const PREFIX: &str = "whsec_";

/// How long a secret is, in bytes (Standard Webhooks).
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The most secrets of one webhook: two while one takes the place of the other, and one to spare.
pub const SECRETS_MAX: usize = 3;

/// The secrets of each webhook.
#[derive(Clone)]
pub struct Secrets(Source);

#[derive(Clone)]
enum Source {
    Given(Arc<BTreeMap<WebhookName, Vec<String>>>),
    Derived(Pepper),
}

impl Default for Secrets {
    /// None: nothing can be signed.
    fn default() -> Self {
        Self(Source::Given(Arc::default()))
    }
}

/// Why the secrets cannot be used. It repeats none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// An entry is not `name:secret`.
    #[error("webhook secrets are `name:whsec_…`, comma-separated; the name is that of a webhook")]
    Entry,
    /// A secret is not `whsec_` and base64 of as many bytes as it takes.
    #[error("the secret of a webhook is `whsec_` and {} to {} bytes in base64", LENGTHS.start(), LENGTHS.end())]
    Secret,
    /// A webhook has more than it can need.
    #[error("a webhook has at most {SECRETS_MAX} secrets")]
    TooMany,
}

impl Secrets {
    /// Reads the setting: `name:whsec_…`, comma-separated. A webhook that stands there twice is signed with both, so
    /// that its server can go from one to the other.
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let mut secrets: BTreeMap<WebhookName, Vec<String>> = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, secret) = entry.split_once(':').ok_or(SecretsError::Entry)?;
            let name = WebhookName::parse(name).map_err(|_name| SecretsError::Entry)?;
            let of_name = secrets.entry(name).or_default();
            of_name.push(checked(secret)?);
            if of_name.len() > SECRETS_MAX {
                return Err(SecretsError::TooMany);
            }
        }
        Ok(Self(Source::Given(Arc::new(secrets))))
    }

    /// A secret for each name there can be, derived: those of one machine, which stay the same on it.
    pub const fn derived(pepper: Pepper) -> Self {
        Self(Source::Derived(pepper))
    }

    /// The secrets of a webhook, as its server is given them.
    pub fn of(&self, webhook: &WebhookName) -> Vec<String> {
        match &self.0 {
            Source::Given(secrets) => secrets.get(webhook).cloned().unwrap_or_default(),
            Source::Derived(pepper) => {
                let key = pepper.digest(&[b"webhook secret:", webhook.as_str().as_bytes()]);
                vec![format!("{PREFIX}{}", BASE64.encode(key.as_bytes()))]
            }
        }
    }

    /// The signatures of a body under an id at a time, one for each secret; `None` where there is none.
    pub fn sign(&self, webhook: &WebhookName, id: &str, at: Timestamp, body: &str) -> Option<String> {
        let sign = |secret: &String| Signer::new(secret).ok()?.sign(id, at.as_second(), body.as_bytes()).ok();
        let signatures: Vec<String> = self.of(webhook).iter().filter_map(sign).collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }
}

fn checked(secret: &str) -> Result<String, SecretsError> {
    let bytes = secret.strip_prefix(PREFIX).and_then(|encoded| BASE64.decode(encoded.as_bytes()).ok());
    let is_long_enough = bytes.is_some_and(|bytes| LENGTHS.contains(&bytes.len()));
    if is_long_enough { Ok(secret.to_owned()) } else { Err(SecretsError::Secret) }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Given(secrets) => f.debug_list().entries(secrets.keys()).finish(),
            Source::Derived(_) => f.write_str("Secrets(derived)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> WebhookName {
        WebhookName::parse(text).unwrap()
    }

    #[test]
    fn a_signature_is_that_of_the_standards_own_example() {
        let secrets = Secrets::parse("crm:whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = secrets.sign(&name("crm"), "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn while_secrets_change_both_sign() {
        let (old, new) = ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4");
        let sign =
            |setting: &str| Secrets::parse(setting).unwrap().sign(&name("crm"), "id", Timestamp::UNIX_EPOCH, "{}");
        let (one, other) = (sign(&format!("crm:{old}")).unwrap(), sign(&format!("crm:{new}")).unwrap());
        assert_eq!(sign(&format!("crm:{new}, crm:{old}")), Some(format!("{other} {one}")));
        assert_eq!(sign(&format!("chat:{new}")), None, "each webhook has its own");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_none_is_shown() {
        let parse = |text: &str| Secrets::parse(text).map(|secrets| format!("{secrets:?}"));
        let good = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
        assert_eq!(parse(&format!("crm:{good},")).as_deref(), Ok("[WebhookName(\"crm\")]"));
        assert_eq!(parse("").as_deref(), Ok("[]"));
        for (text, error) in [
            (good.to_owned(), SecretsError::Entry),
            (format!("C R M:{good}"), SecretsError::Entry),
            ("crm:whsec_AAAA".to_owned(), SecretsError::Secret),
            (format!("crm:{}", good.trim_start_matches("whsec_")), SecretsError::Secret),
            ("crm:whsec_".to_owned(), SecretsError::Secret),
            (format!("crm:whsec_{}", BASE64.encode(&[7; 65])), SecretsError::Secret),
            (format!("crm:{good},").repeat(4), SecretsError::TooMany),
        ] {
            assert_eq!(parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn on_one_machine_each_name_has_a_secret_that_stays() {
        let secrets = Secrets::derived(Pepper::new([7; 32]));
        assert_eq!(secrets.of(&name("crm")), Secrets::derived(Pepper::new([7; 32])).of(&name("crm")));
        assert_ne!(secrets.of(&name("crm")), secrets.of(&name("chat")));
        assert!(secrets.of(&name("crm")).iter().all(|secret| checked(secret).is_ok()));
    }
}
