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

use crate::clean;
use crate::contact::EmailAddress;
use crate::ids::{LeadId, Pepper, TouchId};
use crate::token::Keyring;

pub use envelope::FORWARDED_HEADER;
pub use mime::{BYTES_READ_MAX, DEPTH_MAX, HEADER_BYTES_MAX, PARTS_MAX, TEXT_BYTES_MAX};
pub use tongues::LANGUAGES;

/// How far ahead an absence is believed, in days. A date beyond it is no date.
pub const ABSENCE_DAYS_MAX: i64 = 90;

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

/// Reads a mail that came in at `received`.
///
/// Dates in it count from the day on which it was written, or came in where that is not to be believed.
pub fn read(raw: &[u8], received: Timestamp, home: &Home<'_>) -> Inbound {
    let letter = mime::read(raw);
    let from = letter.from.as_ref().and_then(|from| EmailAddress::parse(&from.address).ok());
    let scan = envelope::scan(&letter);
    let request = envelope::unsubscribe_request(&letter, home);
    let named = request.clone().or_else(|| envelope::named(&letter, home));
    let is_doubtful = scan != Scan::Passed || envelope::is_doubtful(&letter);
    let about = match named {
        Some((lead, _)) if is_doubtful => About::Possible { lead },
        Some((lead, touch)) => About::Certain { lead, touch },
        None => {
            from.as_ref().map_or(About::Nobody, |from| About::Possible { lead: LeadId::of_email(home.pepper, from) })
        }
    };
    let kind = kind(&letter, received, home, request.is_some());
    Inbound {
        about,
        kind,
        scan,
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
