//! Sales at work on a lead: who they are, and what they tell.
//!
//! **Invariant:** whoever holds a desk link sees one lead, as one rep or one queue, and only while the roster says that
//! it is theirs or their team's (H42).

use jiff::Timestamp;
use perennial_core::ids::{LeadId, QueueName, RepName};
use perennial_core::sales::Party;
use perennial_core::token::Purpose;

use crate::mail::Letterhead;

/// The path of the page of a lead, before its token.
pub const DESK_PATH: &str = "/v1/desk/";

/// As whom somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    /// A rep.
    Rep(RepName),
    /// Whoever reads a queue's mail.
    Queue(QueueName),
}

impl Seat {
    /// As history names them.
    pub fn party(&self) -> Party {
        match self {
            Self::Rep(rep) => Party::Rep { rep: rep.clone() },
            Self::Queue(queue) => Party::Queue { queue: queue.clone() },
        }
    }
}

/// What a desk token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskRef {
    /// Whose page.
    pub lead: LeadId,
    /// For whom.
    pub seat: Seat,
    /// When it was made, in whole seconds of the world's clock.
    pub made_at: Timestamp,
}

impl DeskRef {
    /// Reads a token's payload.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.split('/');
        let lead = LeadId::parse(parts.next()?).ok()?;
        let (kind, name) = (parts.next()?, parts.next()?);
        let seat = match kind {
            "rep" => Seat::Rep(RepName::parse(name).ok()?),
            "queue" => Seat::Queue(QueueName::parse(name).ok()?),
            _ => return None,
        };
        let made_at = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
        parts.next().is_none().then_some(Self { lead, seat, made_at })
    }

    fn payload(&self) -> String {
        let (kind, name) = match &self.seat {
            Seat::Rep(rep) => ("rep", rep.as_str()),
            Seat::Queue(queue) => ("queue", queue.as_str()),
        };
        format!("{}/{kind}/{name}/{}", self.lead, self.made_at.as_second())
    }

    /// The link to the page.
    pub fn link(&self, letterhead: &Letterhead) -> String {
        format!("{}{DESK_PATH}{}", letterhead.base_url, letterhead.keyring.sign(Purpose::Desk, &self.payload()))
    }
}
