//! A person's reply goes on to whoever answers for the lead, so that two people can talk.
//!
//! **Invariant:** a reply is forwarded once, by the id of the event that tells of it, however often that comes (F12).
//! Only where nobody can know whether it went out is it sent again: rather twice than never.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::SendOutcome;
use perennial_core::ids::{LeadId, Pepper};
use perennial_core::inbound::{self, Attribution, FORWARDED_HEADER, Home, Inbound, InboxKey, Kind, Wish};
use perennial_core::lead::{Lead, StageKind};
use perennial_core::token::Keyring;
use serde::Serialize;

use crate::effects::{Effect, Turn};
use crate::inbound::senders;
use crate::library::{Library, LibraryError};
use crate::mail::owner;
use crate::ports::{Cause, Clock, ForwardedMail, Forwarder, Inbox, InboxError, RawMail, Store, StoreError};

/// The longest mail that is attached whole, in bytes. A longer one is forwarded by its text alone.
pub const ATTACHED_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Forwards replies.
#[derive(Clone)]
pub struct Postman {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force: they say who answers for whom.
    pub library: Arc<Library>,
    /// Where the replies are.
    pub inbox: Arc<dyn Inbox>,
    /// Who hands them over.
    pub forwarder: Arc<dyn Forwarder>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
    /// How long a worker that has claimed a reply may live: the function's time-out and more.
    pub lease: SignedDuration,
}

/// A reply to be forwarded, as the bus tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The id of the event.
    pub effect: String,
    /// Whose it is.
    pub lead: LeadId,
    /// Where it is.
    pub inbox: InboxKey,
    /// How sure that is.
    pub certainty: Attribution,
}

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forwarded {
    /// It went out.
    Sent,
    /// It had gone out before.
    Known,
    /// It, or its lead, is not there any more.
    Gone,
}

/// Why a reply was not forwarded. It must be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Another worker is at it, or one that died a moment ago was.
    #[error("another worker is forwarding this reply")]
    Busy,
    /// SES did not plainly take it.
    #[error("the reply was not taken ({0:?})")]
    NotTaken(SendOutcome, #[source] Option<Cause>),
    /// There are no programs that say to whom it goes.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The inbox failed.
    #[error(transparent)]
    Inbox(#[from] InboxError),
}

impl Postman {
    /// Forwards one reply, once.
    pub async fn forward(&self, reply: &Reply) -> Result<Forwarded, ForwardError> {
        let store = self.store.as_ref();
        let effect = match Effect::claim(store, &reply.effect, self.clock.as_ref(), self.lease).await? {
            Turn::Ours(effect) => effect,
            Turn::Taken => return Err(ForwardError::Busy),
            Turn::Done => {
                // Whoever forwarded it may have died before it was deleted.
                self.inbox.delete(&reply.inbox).await?;
                return Ok(Forwarded::Known);
            }
        };
        let forwarded = self.hand_over(reply).await;
        match &forwarded {
            Ok(_) => effect.finish(self.clock.now()).await,
            // It may be on its way: the claim ends with its time.
            Err(ForwardError::NotTaken(SendOutcome::Ambiguous, _)) => {}
            Err(_) => effect.release().await,
        }
        let forwarded = forwarded?;
        // What was forwarded is not needed here any more.
        self.inbox.delete(&reply.inbox).await?;
        Ok(forwarded)
    }

    async fn hand_over(&self, reply: &Reply) -> Result<Forwarded, ForwardError> {
        let now = self.clock.now();
        let catalog = self.library.catalog().await?;
        let stored = self.store.load(&reply.lead).await?;
        let lead = stored.map(|stored| stored.lead).filter(|lead| lead.stage.kind() != StageKind::Terminal);
        let raw = self.inbox.fetch(&reply.inbox, ATTACHED_BYTES_MAX).await?;
        let (Some(lead), Some(raw)) = (lead, raw) else { return Ok(Forwarded::Gone) };
        let report = self.forwarder.forward(&compose(&catalog, &lead, reply, raw, now)).await;
        match report.outcome {
            SendOutcome::Accepted { .. } => Ok(Forwarded::Sent),
            outcome @ (SendOutcome::Refused(_) | SendOutcome::NotYet(_) | SendOutcome::Ambiguous) => {
                Err(ForwardError::NotTaken(outcome, report.cause))
            }
        }
    }
}

fn compose(catalog: &Catalog, lead: &Lead, reply: &Reply, raw: RawMail, now: Timestamp) -> ForwardedMail {
    let mail = read(catalog, &raw, now);
    let person = mail.from.as_ref().and_then(EmailAddress::mailable);
    let name = mail.from_name.clone().or_else(|| person.clone()).unwrap_or_else(|| "Somebody".to_owned());
    let intro = intro(lead, reply, &mail, &name);
    let is_whole = u64::try_from(raw.bytes.len()).is_ok_and(|length| length == raw.size);
    ForwardedMail {
        from_name: name.clone(),
        from_address: catalog.organisation.team.address.clone(),
        to: owner(catalog, lead).address.clone(),
        reply_to: person.map(|address| (name, address)),
        subject: mail.subject,
        text: format!("{intro}\n\n{}\n", mail.text.trim()),
        headers: vec![
            // Whoever gets it may be away: their machine must not answer ours, nor the person.
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            (FORWARDED_HEADER, "1".to_owned()),
        ],
        original: is_whole.then_some(raw.bytes),
        date: now,
        effect: reply.effect.clone(),
    }
}

/// Reads the mail for what it says; whose it is was decided long ago, so no key is needed.
fn read(catalog: &Catalog, raw: &RawMail, now: Timestamp) -> Inbound {
    let pepper = Pepper::new([0; 32]);
    let senders: Vec<&str> = senders(catalog).into_iter().collect();
    let home = Home { keyring: &Keyring::empty(), pepper: &pepper, reply_domain: None, senders: &senders };
    inbound::read(&raw.bytes, now, &home)
}

/// What the owner reads first.
fn intro(lead: &Lead, reply: &Reply, mail: &Inbound, name: &str) -> String {
    let mut lines = vec![match reply.certainty {
        Attribution::Certain => format!("{name} answered. Answer this mail, and it goes straight to them."),
        Attribution::Possible => {
            format!("{name} may have answered: the sender is not proven. Read with care before you answer.")
        }
        Attribution::First => format!("{name} wrote to us for the first time. Answer this mail, and it goes to them."),
    }];
    if mail.kind == Kind::Human(Wish::OptOut) {
        lines.push(match reply.certainty {
            Attribution::Certain => "They ask not to be mailed any more, and will not be.".to_owned(),
            Attribution::Possible | Attribution::First => {
                "It asks not to be mailed any more. Nothing has been changed: please see to it.".to_owned()
            }
        });
    }
    if let Some(pause) = lead.enrolment.as_ref().and_then(|enrolment| enrolment.paused) {
        let day = pause.resume_at.strftime("%-d %B %Y");
        lines.push(format!("Our own mail to them rests until {day}."));
    }
    lines.push("-".repeat(3));
    lines.join("\n")
}
