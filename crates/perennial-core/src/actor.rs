//! Machine or human: who followed the links of a mail (TRUST.md §4).
//!
//! Mail is followed by machines before it is by people: gateways that open every link, proxies that look at a
//! page before they let somebody through, previews. [`judge`] says of each hit of one mail who made it.
//!
//! **Invariants:** the answer depends on the mail, its hits and the time alone, not on the order in which the hits
//! are given; the same hits give the same answer. A later hit may change what an earlier one is taken for, in either
//! direction. No hit waits longer than [`QUARANTINE`], and one that stands alone no longer than [`QUARANTINE_ALONE`].
//!
//! What cannot be told, by these signs or by any that a request carries: a machine that drives a whole browser and
//! follows a single link, at a time at which a person might; and a person who opens several links of a mail within
//! the few seconds in which a machine does. The first is taken for a person, the second for a machine.
//!
//! Opens prove nothing about a person at all: [`opened_by`] only says which of them are surely a machine's.

mod agent;
mod evidence;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::program::TouchClass;

pub use agent::{Agent, FetchMetadata, Manner};

/// How long a hit that may be part of a burst waits for its judgement.
pub const QUARANTINE: SignedDuration = SignedDuration::from_mins(10);

/// How long a hit waits that stands alone, by a browser.
pub const QUARANTINE_ALONE: SignedDuration = SignedDuration::from_secs(90);

/// Until when after a mail was sent most scanners begin: 94.7 % of 836 observed bursts, from 20 s on (TRUST.md §4).
pub const SCANNERS_DONE: SignedDuration = SignedDuration::from_mins(5);

/// Hits of other links that are closer than this make a hit part of something larger.
const COMPANY: SignedDuration = SignedDuration::from_secs(60);

/// Until when after a mail was sent nobody has read it yet.
const UNREAD: SignedDuration = SignedDuration::from_secs(10);

/// What is known of a mail whose links were followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailing {
    /// When it was handed over.
    pub sent_at: Timestamp,
    /// How many links a reader of it can follow.
    pub links: u16,
    /// Whether somebody was waiting for it: then an early hit is nothing odd.
    pub class: TouchClass,
}

impl Mailing {
    /// Whether scanners are still at work at that time.
    fn is_early(&self, at: Timestamp) -> bool {
        at.duration_since(self.sent_at) <= SCANNERS_DONE
    }
}

/// What was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A link of the mail, by its place in the program's templates.
    Link(u16),
    /// The link that no reader sees.
    Trap,
}

/// Where a hit came from, as a keyed hash: it can be compared within one mail, and says nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Network(String);

impl Network {
    /// Wraps a keyed hash of an address.
    pub const fn of_hash(hash: String) -> Self {
        Self(hash)
    }
}

/// Somebody, or something, followed a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(rename = "to")]
    pub target: Target,
    /// From where.
    #[serde(rename = "from")]
    pub network: Network,
    /// By what.
    #[serde(rename = "by")]
    pub agent: Agent,
    /// In which way.
    #[serde(rename = "as", default, skip_serializing_if = "Manner::is_plain")]
    pub manner: Manner,
}

/// What a hit is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A person's.
    Human,
    /// A machine's.
    Machine(Evidence),
    /// Nobody can say before that time.
    Undecided {
        /// When it can be said, if nothing else comes.
        until: Timestamp,
    },
}

impl Verdict {
    /// When it can be said, where it cannot be said yet.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Undecided { until } => Some(*until),
            Self::Human | Self::Machine(_) => None,
        }
    }
}

/// What speaks for a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It asked for the head of the page only.
    Head,
    /// It said that it fetches ahead.
    Prefetch,
    /// It is no browser, or says what it is.
    Agent,
    /// It followed the link that no reader sees.
    Trap,
    /// It claims to be a browser, lacks what browsers send, and came while scanners are at work.
    Impostor,
    /// Several links at once.
    Burst,
    /// Every link, one after the other.
    EveryLink,
    /// From where a burst came, shortly before or after it.
    Kin,
    /// The same link from two networks within a minute: this one looked ahead for the other.
    Double,
}

/// Says of each hit of one mail who made it, in the order of the hits.
pub fn judge(mail: &Mailing, hits: &[Hit], now: Timestamp) -> Vec<Verdict> {
    let found = evidence::gather(mail, hits);
    let open: Vec<&Hit> = hits.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(hit, _)| hit).collect();
    let verdict = |(hit, found): (&Hit, &Option<Evidence>)| {
        let until = hit.at + quarantine(hit, &open);
        match found {
            Some(evidence) => Verdict::Machine(*evidence),
            None if until <= now => Verdict::Human,
            None => Verdict::Undecided { until },
        }
    };
    hits.iter().zip(&found).map(verdict).collect()
}

/// How long a hit waits, beside the others of which nothing is known yet.
fn quarantine(hit: &Hit, open: &[&Hit]) -> SignedDuration {
    let is_company = |other: &&Hit| other.target != hit.target && apart(hit, other) <= COMPANY;
    if open.iter().any(is_company) { QUARANTINE } else { QUARANTINE_ALONE }
}

/// The time between two hits.
fn apart(one: &Hit, other: &Hit) -> SignedDuration {
    one.at.duration_since(other.at).abs()
}

/// Who opened a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opener {
    /// Surely a machine: it fetched ahead, or before anybody can have read the mail.
    Machine,
    /// Nobody can say.
    Unknown,
}

/// Says what can be said of an open. Never that it was a person: mail programs fetch images unasked.
pub fn opened_by(sent_at: Timestamp, at: Timestamp, agent: Agent, manner: Manner) -> Opener {
    let is_plain = match (agent, manner) {
        (Agent::Browser | Agent::Bare, Manner::Get) => true,
        (Agent::Tool | Agent::Missing | Agent::Known, _) | (_, Manner::Head | Manner::Prefetch) => false,
    };
    if is_plain && at.duration_since(sent_at) > UNREAD { Opener::Unknown } else { Opener::Machine }
}

#[cfg(test)]
mod tests;
