//! Configuration, read once, all problems at once.
//!
//! **Invariant:** nothing else in the functions reads the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use data_encoding::BASE64;
use perennial_aws::clients::Clients;
use perennial_aws::secrets::{self, SecretsError};
use perennial_core::ids::Pepper;
use perennial_core::token::Keyring;
use tracing::warn;

/// How our settings begin.
const OURS: &str = "PERENNIAL_";

/// How one begins that names a secret in SSM.
const SECRET: &str = "ssm-secure:";

/// Everything that is wrong with a configuration.
#[derive(thiserror::Error)]
#[error("the configuration is not usable: {}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// Each of them. None repeats a value that may be a secret.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for ConfigError {
    /// What a `main` prints that ends with this: the line that somebody reads at night.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a setting says, or the secret that it names.
fn resolved(value: String, secrets: &BTreeMap<String, String>) -> Option<String> {
    match value.trim().strip_prefix(SECRET) {
        Some(name) => secrets.get(name).cloned(),
        None => Some(value),
    }
}

type Lookup<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// Reads settings by name and remembers what is wrong with them.
///
/// ```
/// # use perennial_lambda::config::Settings;
/// let mut settings = Settings::from_lookup(|name| (name == "PERENNIAL_TABLE").then(|| "leads".to_owned()));
/// let table = settings.text("PERENNIAL_TABLE");
/// assert_eq!(settings.finish(|| table).unwrap(), "leads");
/// ```
pub struct Settings<'a> {
    lookup: Lookup<'a>,
    problems: Vec<String>,
}

impl<'a> Settings<'a> {
    /// Settings from any source.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { lookup: Box::new(lookup), problems: Vec::new() }
    }

    /// Settings from the environment.
    pub fn from_env() -> Settings<'static> {
        Settings::from_lookup(|name| std::env::var(name).ok())
    }

    /// Settings of a function, from its environment. One that says `ssm-secure:NAME` has the value of that parameter of SSM; where
    /// there is none, it is missing.
    ///
    /// # Errors
    /// Where a parameter may not be read. The function cannot start without.
    pub async fn deployed(clients: &Clients) -> Result<Settings<'static>, SecretsError> {
        let secret = |(_, value): (String, String)| value.trim().strip_prefix(SECRET).map(str::to_owned);
        let ours =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let parameters: BTreeSet<String> = ours.filter(|(name, _)| name.starts_with(OURS)).filter_map(secret).collect();
        let secrets =
            if parameters.is_empty() { BTreeMap::new() } else { secrets::read(&clients.ssm(), &parameters).await? };
        for parameter in parameters.iter().filter(|parameter| !secrets.contains_key(*parameter)) {
            warn!(%parameter, metric = "setting.absent", "SSM has no such parameter");
        }
        Ok(Settings::from_lookup(move |name| resolved(std::env::var(name).ok()?, &secrets)))
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn problem<T: Default>(&mut self, problem: String) -> T {
        self.problems.push(problem);
        T::default()
    }

    /// A setting that must be there.
    pub fn text(&mut self, name: &str) -> String {
        match self.get(name) {
            Some(value) => value,
            None => self.problem(format!("{name} is missing")),
        }
    }

    /// A setting that may be absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// A setting that may be absent and has a form of its own; what is wrong with it must not repeat it.
    pub fn parsed<T: Default, E: fmt::Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> T {
        match self.get(name).map(|text| parse(&text)) {
            None => T::default(),
            Some(Ok(value)) => value,
            Some(Err(error)) => self.problem(format!("{name}: {error}")),
        }
    }

    /// A public address: `https://…` (or `http://` on this machine), without a slash at the end.
    pub fn base_url(&mut self, name: &str) -> String {
        let url = self.text(name);
        let is_local = url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost");
        if url.is_empty() || url.starts_with("https://") || is_local {
            url.trim_end_matches('/').to_owned()
        } else {
            self.problem(format!("{name} must start with https://"))
        }
    }

    /// A number of seconds, with a default.
    pub fn seconds(&mut self, name: &str, default: u32) -> u32 {
        match self.get(name).map(|value| value.parse()) {
            None => default,
            Some(Ok(seconds)) => seconds,
            Some(Err(_)) => self.problem(format!("{name} must be a number of seconds")),
        }
    }

    /// The pepper of the ids: 32 bytes in base64.
    pub fn pepper(&mut self, name: &str) -> Pepper {
        let text = self.text(name);
        Pepper::new(self.key(name, &text))
    }

    /// The bucket that mail comes into, with the pepper that its senders' ids are derived with; none where no mail
    /// comes in.
    pub fn inbox(&mut self, bucket: &str, pepper: &str) -> Option<(String, Pepper)> {
        self.optional(bucket).map(|bucket| (bucket, self.pepper(pepper)))
    }

    /// The token keys: `kid:base64` separated by commas, the one that signs first, then the one that signed before it.
    pub fn keyring(&mut self, name: &str) -> Option<Keyring> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        let mut keys = BTreeMap::new();
        let mut kids = Vec::new();
        for entry in text.split(',').filter(|entry| !entry.trim().is_empty()) {
            let (kid, key) = entry.trim().split_once(':').unwrap_or_default();
            let key = self.key(name, key);
            keys.insert(kid.to_owned(), key);
            kids.push(kid);
        }
        let keyring = Keyring::new(keys, kids.first().copied().unwrap_or_default());
        let keyring = keyring.and_then(|keyring| match kids.get(1) {
            Some(before) => keyring.and_before(before),
            None => Ok(keyring),
        });
        match keyring {
            Ok(keyring) => Some(keyring),
            Err(error) => self.problem(format!("{name}: {error}")),
        }
    }

    fn key(&mut self, name: &str, text: &str) -> [u8; 32] {
        let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        match bytes {
            Some(bytes) => bytes,
            // An absent setting was said already.
            None if text.is_empty() => [0; 32],
            None => self.problem(format!("{name} must hold 32 bytes in base64")),
        }
    }

    /// Builds the configuration, or says all that is wrong.
    pub fn finish<T>(self, build: impl FnOnce() -> T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(build()) } else { Err(ConfigError(self.problems)) }
    }
}

#[cfg(test)]
mod tests {
    use perennial_core::token::Purpose;

    use super::*;

    #[test]
    fn all_problems_come_at_once_and_none_repeats_a_secret() {
        let mut settings = Settings::from_lookup(|name| match name {
            "PERENNIAL_PEPPER" => Some("c2VjcmV0".to_owned()),
            "PERENNIAL_BASE_URL" => Some("ftp://example.com".to_owned()),
            "PERENNIAL_TOKEN_KEYS" => Some("k1:c2VjcmV0".to_owned()),
            _ => None,
        });
        settings.text("PERENNIAL_TABLE");
        settings.pepper("PERENNIAL_PEPPER");
        settings.base_url("PERENNIAL_BASE_URL");
        settings.keyring("PERENNIAL_TOKEN_KEYS");
        let error = settings.finish(|| ()).unwrap_err().to_string();
        assert_eq!(
            error,
            "the configuration is not usable: PERENNIAL_TABLE is missing; PERENNIAL_PEPPER must hold 32 bytes in \
             base64; PERENNIAL_BASE_URL must start with https://; PERENNIAL_TOKEN_KEYS must hold 32 bytes in base64"
        );
    }

    #[test]
    fn the_first_token_key_signs_all_verify_and_the_first_two_open_desks() {
        let key = |byte: u8| BASE64.encode(&[byte; 32]);
        let keyring = |kids: &[u8]| {
            let text: Vec<_> = kids.iter().map(|kid| format!("k{kid}:{}", key(*kid))).collect();
            let text = text.join(", ");
            Settings::from_lookup(move |_| Some(text.clone())).keyring("PERENNIAL_TOKEN_KEYS").unwrap()
        };
        let now = keyring(&[3, 2, 1]);
        assert!(now.sign(Purpose::Form, "contact").starts_with("v1.k3."));
        let opens = |purpose| [1, 2, 3].map(|kid| now.verify(purpose, &keyring(&[kid]).sign(purpose, "it")).is_ok());
        assert_eq!(opens(Purpose::Unsubscribe), [true, true, true]);
        assert_eq!(opens(Purpose::Desk), [false, true, true]);
    }
}
