//! Names and ids. Each is a type of its own, so that a step can never stand where a program is meant.
//!
//! **Invariant:** every id that leaves the core (keys, tags, tokens, bus events) is made of
//! lower-case ASCII letters, digits, `-` and `_`, and says nothing about a person.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::contact::{EmailAddress, PhoneNumber};

/// A text that is not a valid id or name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {expected}")]
pub struct IdError {
    what: &'static str,
    expected: &'static str,
}

/// Length limit of program, step, form, queue and field names, in bytes.
pub const NAME_LENGTH_MAX: usize = 40;

fn is_name(text: &str) -> bool {
    text.len() <= NAME_LENGTH_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Length limit of a domain name, in bytes (RFC 1035 §2.3.4).
pub const DOMAIN_LENGTH_MAX: usize = 253;

fn is_domain(text: &str) -> bool {
    text.len() <= DOMAIN_LENGTH_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
}

fn is_field_name(text: &str) -> bool {
    text.len() <= NAME_LENGTH_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_part = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let has_base = parts.next().is_some_and(|base| is_part(base, 2..=3));
    has_base && text.len() <= 12 && parts.all(|part| is_part(part, 2..=8))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a name; the error says what a name may hold.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if $check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { what: $what, expected: $expected })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    };
}

name!(
    /// The domain that an organisation's mail is sent from: what SES, and everybody's spam filter, judges.
    SenderDomain, "a sender's domain", is_domain, "a domain name in lower-case ASCII"
);

impl SenderDomain {
    /// The domain of an address, with or without a name before it.
    pub fn of_address(address: &str) -> Option<Self> {
        let (_, domain) = address.trim_end().trim_end_matches('>').rsplit_once('@')?;
        Self::parse(&domain.to_ascii_lowercase()).ok()
    }
}

name!(
    /// The name of a program: its folder under `programs/`.
    ProgramName, "a program name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The stable id of a step inside its program. Renaming one makes a new step.
    StepId, "a step id", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a form or an import list, as it stands in the catalog and in `POST /v1/forms/{form}`.
    FormName, "a form name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a queue: the owner of last resort.
    QueueName, "a queue name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a rep, as data and links spell it; not what people call them.
    RepName, "a rep's name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a team of reps.
    TeamName, "a team's name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a route: who gets a lead.
    RouteName, "a route's name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a CRM, or of another system that sales works in.
    CrmName, "a CRM's name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a mail's file in a program: `touches/<name>.md`.
    TemplateName, "a template name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a topic: what a lead is interested in, and what people can switch off.
    TopicName, "a topic name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// A mark that programs put on leads.
    TagName, "a tag", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of an event that a program puts on the bus.
    EmittedName, "an event name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a webhook: a server that is told of events.
    WebhookName, "a webhook's name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// The name of a region: a part of the world with its own rules about mail.
    RegionName, "a region name", is_name, "1 to 40 lower-case letters, digits or '-', starting with a letter"
);
name!(
    /// A language, as BCP 47 has it, in lower case: `de`, `pt-br`.
    Language, "a language", is_language, "a tag such as `de` or `pt-br`, in lower case"
);
name!(
    /// The name of a profile field, as forms, templates and the catalog spell it.
    FieldName, "a field name", is_field_name, "1 to 40 lower-case letters, digits or '_', starting with a letter"
);

impl Language {
    /// The language itself, and the wider one that it is a variant of: `pt-br`, `pt`.
    pub fn and_wider(&self) -> Vec<Self> {
        let wider = self.as_str().split_once('-').map(|(wider, _)| Self(wider.to_owned()));
        [Some(self.clone()), wider].into_iter().flatten().collect()
    }
}

/// The pseudonymous id of a lead: a keyed hash of its normalised address or phone number.
///
/// Deriving it makes deduplication free of look-ups and keeps addresses out of keys, links and logs
/// (ARCHITECTURE.md, "The store").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadId(String);

/// Length of a keyed hash in an id, in characters: 128 bits in base32.
const DIGEST_LENGTH: usize = 26;

fn is_digest(text: &str) -> bool {
    text.len() == DIGEST_LENGTH && text.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
}

impl LeadId {
    /// The id of the lead who owns this e-mail address.
    pub fn of_email(pepper: &Pepper, email: &EmailAddress) -> Self {
        Self::derive(pepper, "mail:", &email.normalised())
    }

    /// The id of a lead who gave a phone number and no address.
    pub fn of_phone(pepper: &Pepper, phone: &PhoneNumber) -> Self {
        Self::derive(pepper, "tel:", phone.as_str())
    }

    fn derive(pepper: &Pepper, kind: &str, value: &str) -> Self {
        Self(pepper.digest(&[kind.as_bytes(), value.as_bytes()]))
    }

    /// Parses an id as it stands in a key, a tag or a token.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if is_digest(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "a lead id", expected: "26 characters of lower-case base32" })
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of `count` shards of the pulse index this lead lives in; stable for ever.
    pub fn shard(&self, count: u8) -> u8 {
        // Any fixed mix of the id will do: it is a uniform hash already.
        let sum = self.0.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        u8::try_from(sum % u32::from(count.max(1))).unwrap_or(0)
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LeadId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl FromStr for LeadId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl From<LeadId> for String {
    fn from(id: LeadId) -> Self {
        id.0
    }
}

/// The secret that makes ids one-way. It cannot be rotated: losing it loses every id.
#[derive(Clone)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// Wraps 32 secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 26 characters of lower-case base32: a keyed hash of `parts`, in order, none of which can be read back.
    pub fn digest(&self, parts: &[&[u8]]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        for part in parts {
            mac.update(part);
        }
        let bytes = mac.finalize().into_bytes();
        let mut text = BASE32_NOPAD.encode(bytes.get(..16).unwrap_or_default());
        text.make_ascii_lowercase();
        text
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(..)")
    }
}

/// The id of one submission of one lead: a form post or an imported row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubmissionId(String);

impl SubmissionId {
    /// An id for a submission that has an identity of its own: an idempotency key, or a row of a list.
    ///
    /// The same parts give the same id, which is what makes a second run of an import change nothing.
    pub fn derive(pepper: &Pepper, form: &FormName, identity: &str) -> Self {
        Self(pepper.digest(&[b"submission:", form.as_str().as_bytes(), b":", identity.as_bytes()]))
    }

    /// Parses an id as it stands in a key.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if is_digest(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "a submission's id", expected: "26 characters of lower-case base32" })
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one touch of one lead: `ordinal_program_step_occurrence`.
///
/// Derived from what the touch *is*, never from a program version, so that it is the idempotency key
/// everywhere and a migration cannot make a sent step new (TRUST.md §2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TouchId {
    /// Which enrolment of this lead, counted from 1.
    pub ordinal: u32,
    /// The program enrolled in.
    pub program: ProgramName,
    /// The step in it.
    pub step: StepId,
    /// Which occurrence of that step in this enrolment, counted from 0.
    pub occurrence: u32,
}

impl TouchId {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let error = || IdError { what: "a touch id", expected: "ordinal_program_step_occurrence" };
        let mut parts = text.split('_');
        let (Some(ordinal), Some(program), Some(step), Some(occurrence), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(error());
        };
        let touch = Self {
            ordinal: ordinal.parse().map_err(|_not_a_number| error())?,
            program: ProgramName::parse(program)?,
            step: StepId::parse(step)?,
            occurrence: occurrence.parse().map_err(|_not_a_number| error())?,
        };
        // One touch, one spelling: "01_…" or "+1_…" is not the id of touch 1.
        if touch.to_string() == text { Ok(touch) } else { Err(error()) }
    }
}

impl fmt::Display for TouchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}_{}", self.ordinal, self.program, self.step, self.occurrence)
    }
}

impl TryFrom<String> for TouchId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl FromStr for TouchId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl From<TouchId> for String {
    fn from(touch: TouchId) -> Self {
        touch.to_string()
    }
}
