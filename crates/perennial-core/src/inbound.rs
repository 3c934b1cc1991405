//! A mail that came in: who it is about, and what it is (TRUST.md §4, "Out-of-office is not a reply").
//!
//! **Invariants:** [`read`] takes any bytes, within named caps, and never fails; what only an address says, or a mail
//! whose sender is in doubt, is never more than [`About::Possible`]; no machine's mail is ever
//! [`Kind::Human`] because of what its text says.

mod away;
mod envelope;
mod mime;
mod opt_out;
mod own_words;
mod tongues;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clean;
use crate::contact::EmailAddress;
use crate::ids::{LeadId, Pepper, TouchId};
use crate::token::Keyring;

pub use envelope::FORWARDED_HEADER;
pub use mime::{BYTES_READ_MAX, DEPTH_MAX, HEADER_BYTES_MAX, PARTS_MAX, TEXT_BYTES_MAX};
pub use tongues::LANGUAGES;

/// How far ahead an absence is believed, in days. A date beyond it is no date.
pub const ABSENCE_DAYS_MAX: i64 = 90;

/// Where the inbox keeps one mail: an opaque name, as the door gave it. It says nothing about a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InboxKey(String);

/// The longest key, in characters.
pub const INBOX_KEY_LENGTH_MAX: usize = 200;

/// A text that cannot be a key of the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of the inbox is 1 to {INBOX_KEY_LENGTH_MAX} letters, digits, '-', '_', '.' and '/'")]
pub struct InboxKeyError;

impl InboxKey {
    /// Parses a key.
    pub fn parse(text: &str) -> Result<Self, InboxKeyError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        let is_key = (1..=INBOX_KEY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(fits);
        if is_key { Ok(Self(text.to_owned())) } else { Err(InboxKeyError) }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InboxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for InboxKey {
    type Error = InboxKeyError;
    fn try_from(text: String) -> Result<Self, InboxKeyError> {
        Self::parse(&text)
    }
}

impl From<InboxKey> for String {
    fn from(key: InboxKey) -> Self {
        key.0
    }
}

/// How sure it is whose a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// It carries what only our mail to this lead does.
    Certain,
    /// It may be anybody's.
    Possible,
    /// It is what made the lead.
    First,
}

/// What a reader of mail must know of the house that it comes to.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// What reply addresses and tokens are verified with.
    pub keyring: &'a Keyring,
    /// What ids are derived with.
    pub pepper: &'a Pepper,
    /// The domain of the reply addresses, where there is one.
    pub reply_domain: Option<&'a str>,
    /// The addresses that our own mail is sent from.
    pub senders: &'a [&'a str],
}

/// A mail that came in, understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Who it is about.
    pub about: About,
    /// What it is.
    pub kind: Kind,
    /// What the scanners at the door say of it.
    pub scan: Scan,
    /// Whether its sender is who it says.
    pub sender: Sender,
    /// Who says to have written it. Personal.
    pub from: Option<EmailAddress>,
    /// What they call themselves, on one line. Personal.
    pub from_name: Option<String>,
    /// Its subject, on one line. Personal.
    pub subject: String,
    /// Its plain text with all that it quotes, cut at [`TEXT_BYTES_MAX`]. Personal.
    pub text: String,
}

impl fmt::Debug for Inbound {
    /// Everything else may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("about", &self.about)
            .field("kind", &self.kind)
            .field("scan", &self.scan)
            .finish_non_exhaustive()
    }
}

/// Who a mail is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// It carries what only our mail to this lead does: the signed reply address, or a signed reference.
    Certain {
        /// The lead.
        lead: LeadId,
        /// The mail that it answers, where a reference names it whole.
        touch: Option<TouchId>,
    },
    /// Its token or its From names this lead, but anybody could have written it. It never changes consent.
    Possible {
        /// The lead, if there is one.
        lead: LeadId,
    },
    /// It names nobody.
    Nobody,
}

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person wrote it.
    Human(Wish),
    /// A machine answered for a person, or wrote to many.
    Automatic(Absence),
    /// A machine tells what became of a mail: a bounce, a receipt.
    Report,
    /// A mail program asks to unsubscribe, by the signed subject of our `List-Unsubscribe` header.
    Unsubscribe,
    /// It is our own mail, or our own sender's.
    Ours,
}

impl Kind {
    /// Its name in counts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human(_) => "human",
            Self::Automatic(_) => "automatic",
            Self::Report => "report",
            Self::Unsubscribe => "unsubscribe",
            Self::Ours => "ours",
        }
    }
}

/// What a person asks for in their own words, as far as a machine may act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Not to be mailed any more.
    OptOut,
    /// Something that a person must read.
    Other,
}

/// What an automatic answer says of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// They are away to this day: the last date that it names as an end or a return.
    Until(Date),
    /// They are away.
    Open,
    /// It says nothing of that: a receipt, a list.
    Unsaid,
}

/// What the scanners at the door say of a mail (SES's `X-SES-Spam-Verdict` and `X-SES-Virus-Verdict`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// Nothing against it.
    Passed,
    /// It looks like spam.
    Spam,
    /// It carries a virus.
    Virus,
}

/// What the receiving server found of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Nothing against it.
    Plausible,
    /// It is not who the mail says, or the mail is not one to be trusted.
    Doubtful,
}

/// Reads a mail that came in at `received`.
///
/// Dates in it count from the day on which it was written, or came in where that is not to be believed.
pub fn read(raw: &[u8], received: Timestamp, home: &Home<'_>) -> Inbound {
    let letter = mime::read(raw);
    let from = letter.from.as_ref().and_then(|from| EmailAddress::parse(&from.address).ok());
    let scan = envelope::scan(&letter);
    let request = envelope::unsubscribe_request(&letter, home);
    let is_doubtful = scan != Scan::Passed || envelope::is_doubtful(&letter);
    let asks_to_unsubscribe = request.is_some();
    let about = match request.or_else(|| envelope::named(&letter, home)) {
        // Whoever has that token could as well follow the link that holds it.
        Some((lead, touch)) if asks_to_unsubscribe || !is_doubtful => About::Certain { lead, touch },
        Some((lead, _)) => About::Possible { lead },
        None => {
            from.as_ref().map_or(About::Nobody, |from| About::Possible { lead: LeadId::of_email(home.pepper, from) })
        }
    };
    let kind = kind(&letter, received, home, asks_to_unsubscribe);
    Inbound {
        about,
        kind,
        scan,
        sender: if is_doubtful { Sender::Doubtful } else { Sender::Plausible },
        from,
        from_name: letter.from.as_ref().map(|from| clean::line(&from.name)).filter(|name| !name.is_empty()),
        subject: clean::line(&letter.subject),
        text: letter.text,
    }
}

fn kind(letter: &mime::Letter, received: Timestamp, home: &Home<'_>, asks_to_unsubscribe: bool) -> Kind {
    if envelope::is_ours(letter, home) {
        return Kind::Ours;
    }
    if asks_to_unsubscribe {
        return Kind::Unsubscribe;
    }
    let own = own_words::of(&letter.text);
    match envelope::author(letter) {
        envelope::Author::Reporter => Kind::Report,
        envelope::Author::Machine => Kind::Automatic(away::absence(&letter.subject, &own, letter.written_on(received))),
        envelope::Author::Person => Kind::Human(opt_out::wish(&letter.subject, &own)),
    }
}
