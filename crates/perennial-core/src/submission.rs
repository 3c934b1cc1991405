//! A submission: what a person (or a list) told us, cleaned and typed, before anything is decided.
//!
//! **Invariant:** a [`Submission`] holds only declared fields, each cleaned and within its cap;
//! nothing a form post names can reach a lead's state, owner or score (TRUST.md H35).

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::ConsentText;
use crate::contact::{EmailAddress, PhoneNumber};
use crate::ids::{FieldName, FormName, Language, LeadId, Pepper, ProgramName, SubmissionId};

/// The door a submission came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A form post: somebody waits, so the first touch is nudged at once.
    Form,
    /// A row of a list: the next sweep is soon enough.
    Import,
    /// A mail that somebody wrote by themselves.
    Email,
}

/// What the sender of a form wants, as the catalog declares it (DOMAIN.md §2, hand-raise).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Contact, demo, pricing, trial: the person asks to be spoken to.
    HandRaise,
    /// Everything else.
    Inquiry,
}

/// Why a submission looks like junk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JunkReason {
    /// A field that people cannot see was filled in.
    Honeypot,
    /// The form came back faster than a person types.
    TooFast,
    /// The form stamp was forged, stale, or required and absent.
    BadStamp,
    /// The address belongs to a throw-away mail service.
    DisposableEmail,
    /// The user agent is a tool's. Alone it only adds weight.
    BotUserAgent,
    /// The post came from an origin that the form does not list.
    ForeignOrigin,
    /// Its words are an advertisement or a fraud.
    SpamPhrase,
    /// Some of its words are what those say. Alone it only adds weight.
    SpamHint,
    /// An answer reads as no language. Alone it only adds weight.
    Gibberish,
    /// There are several answers, and none reads as a language. It comes on top of [`Self::Gibberish`].
    NoWords,
    /// A link stands where the name of a person belongs; a mail would send it on.
    LinkAsName,
    /// An answer holds markup, which people do not write into a form. Alone it only adds weight.
    BadSyntax,
    /// More posts came from its network than people make. Alone it only adds weight.
    RateLimited,
    /// Somebody blocked its address, its domain or its network.
    BlockListed,
    /// The captcha was not passed, or nobody could tell.
    CaptchaFailed,
}

impl JunkReason {
    /// How much this reason weighs; [`JUNK_THRESHOLD`] quarantines.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Honeypot
            | Self::TooFast
            | Self::BadStamp
            | Self::DisposableEmail
            | Self::ForeignOrigin
            | Self::SpamPhrase
            | Self::LinkAsName
            | Self::BlockListed
            | Self::CaptchaFailed => 100,
            Self::Gibberish => 60,
            Self::RateLimited => 50,
            Self::SpamHint | Self::NoWords | Self::BadSyntax => 40,
            Self::BotUserAgent => 30,
        }
    }

    /// Its name in history, and on lists for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Honeypot => "honeypot",
            Self::TooFast => "too_fast",
            Self::BadStamp => "bad_stamp",
            Self::DisposableEmail => "disposable_email",
            Self::BotUserAgent => "bot_user_agent",
            Self::ForeignOrigin => "foreign_origin",
            Self::SpamPhrase => "spam_phrase",
            Self::SpamHint => "spam_hint",
            Self::Gibberish => "gibberish",
            Self::NoWords => "no_words",
            Self::LinkAsName => "link_as_name",
            Self::BadSyntax => "bad_syntax",
            Self::RateLimited => "rate_limited",
            Self::BlockListed => "block_listed",
            Self::CaptchaFailed => "captcha_failed",
        }
    }
}

/// The junk weight from which a new lead is quarantined.
pub const JUNK_THRESHOLD: u32 = 100;

/// Something worth knowing about an address that is no reason to quarantine it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// `info@`, `sales@`: a desk, not a person; the human path is preferred (H13).
    RoleAddress,
    /// The domain mixes scripts or imitates a well-known one (H10).
    HomoglyphDomain,
    /// The same mailbox seems to exist under another spelling (H11).
    PossibleDuplicate,
}

/// Whether a channel may be used, as the list or form said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing was said against it.
    #[default]
    Allowed,
    /// "Do not e-mail", "do not call".
    Refused,
}

/// Which program a new lead enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The form's program, `welcome` by default.
    Welcome,
    /// What follows the welcome: for dated history, whose welcome is long over.
    AfterWelcome,
}

/// Where a person came from: UTM parameters and pages.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// `utm_source`, folded to lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`, folded to lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `utm_term`, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// `utm_content`, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl Source {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for Source {
    /// UTM values come from a link anyone can write: they may hold an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}

/// One form post or one imported row, cleaned and typed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Its identity: the same id never counts twice.
    pub id: SubmissionId,
    /// The door it came through.
    pub channel: Channel,
    /// The form it was posted to, or the form whose rules its list follows.
    pub form: FormName,
    /// What the form says its sender wants.
    pub intent: Intent,
    /// The program a new lead starts in, by the form's definition.
    pub program: ProgramName,
    /// Whether a new lead starts in that program or in what follows it.
    pub entry: Entry,
    /// When it was made. Of dated history this lies in the past.
    pub received_at: Timestamp,
    /// The address, if one was given.
    pub email: Option<EmailAddress>,
    /// The phone number, if one was given.
    pub phone: Option<PhoneNumber>,
    /// The declared fields, cleaned, without `email` and `phone`. Personal.
    pub fields: BTreeMap<FieldName, String>,
    /// Where the sender came from.
    pub source: Source,
    /// The sender's IANA time zone, where the browser told it and it exists.
    pub zone: Option<String>,
    /// Whether mail is allowed.
    pub mail: Permission,
    /// Whether calls are allowed.
    pub calls: Permission,
    /// What the sender read beside the box that they ticked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentText>,
    /// The language that the sender reads, where the page told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Why it may be junk.
    pub junk: Vec<JunkReason>,
    /// What else is worth knowing.
    pub flags: Vec<Flag>,
}

impl Submission {
    /// The lead this submission belongs to: by its address, else by its phone number.
    ///
    /// `None` when it has neither; the doors refuse such a post (H6).
    pub fn lead_id(&self, pepper: &Pepper) -> Option<LeadId> {
        self.email
            .as_ref()
            .map(|email| LeadId::of_email(pepper, email))
            .or_else(|| self.phone.as_ref().map(|phone| LeadId::of_phone(pepper, phone)))
    }

    /// Whether its reasons weigh enough to quarantine a new lead.
    pub fn is_junk(&self) -> bool {
        self.junk.iter().map(|reason| reason.weight()).sum::<u32>() >= JUNK_THRESHOLD
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("id", &self.id).field("form", &self.form).finish_non_exhaustive()
    }
}
