//! What SES's events mean (TRUST.md §3), whichever way they came.
//!
//! **Invariants:** an event moves a lead only if it carries our tags and names a mail that the lead can have had;
//! everything else is acknowledged and counted, because an error would bring it back for a day. Events may come in any
//! order and any number of times: facts about an address fold by rank, those about a mail are kept once.

pub(crate) mod event;

use jiff::Timestamp;
use perennial_app::engagement::{Heard, MailReport};
use perennial_core::breaker::Feedback;
use perennial_core::decide::MailEventKind;
use perennial_core::event::FailReason;
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;

use self::event::{Bounced, Freshness, SesEvent, Subscribed, Tagged, What};
use crate::Deps;

/// What came of an SES event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "counted")]
pub enum Counted {
    /// It decided something.
    Decided,
    /// It was known, or decides nothing.
    Noted,
    /// It is not of a mail of ours.
    Ignored,
}

/// The envelope of EventBridge.
#[derive(Deserialize)]
struct Envelope {
    source: String,
    time: Timestamp,
    detail: Value,
}

/// Takes in what EventBridge's default bus brings. Nobody but AWS can put events of an `aws.` source there.
pub(crate) async fn handle(deps: &Deps, event: Value) -> Result<Counted, HandlerError> {
    let Ok(Envelope { source, time, detail }) = Envelope::deserialize(event) else {
        return Ok(ignored("unreadable"));
    };
    if source != "aws.ses" {
        return Ok(ignored("foreign_source"));
    }
    hear(deps, detail, Some(time)).await
}

/// Takes in one event; `told_at` is when its envelope was written, where it has one that says so.
pub(crate) async fn hear(deps: &Deps, detail: Value, told_at: Option<Timestamp>) -> Result<Counted, HandlerError> {
    let Ok(SesEvent { mail, sender, at, what }) = SesEvent::deserialize(detail) else {
        return Ok(ignored("unreadable"));
    };
    let Some(Tagged { lead, touch, attempt }) = mail else {
        return Ok(ignored("untagged"));
    };
    if let What::Unknown(name) = &what {
        info!(metric = "mail_event.unknown", mail_event.kind = name, "a mail event of a type that is new to us");
    }
    let at = at.or(told_at).unwrap_or_else(|| deps.listener.clock.now());
    let against = sender.zip(feedback(&what));
    let report = MailReport { lead, touch, attempt, kind: meaning(&what, at), fact: fact(&what), against, at };
    let heard = deps.listener.mail_event(&report).await;
    Ok(match heard.map_err(|error| HandlerError::new("mail_event_failed", error))? {
        Some(Heard::Decided) => Counted::Decided,
        Some(Heard::Nothing) => Counted::Noted,
        None => ignored("unknown_touch"),
    })
}

pub(crate) fn ignored(reason: &'static str) -> Counted {
    info!(metric = "mail_event.ignored", reason, "a mail event was passed over");
    Counted::Ignored
}

/// What it decides. Of whatever SES tells, it had the mail.
fn meaning(what: &What, at: Timestamp) -> MailEventKind {
    match what {
        What::Send
        | What::Delivery
        | What::DeliveryDelay
        | What::Open
        | What::Click
        | What::Subscription(Subscribed::ToSome)
        | What::Unknown(_) => MailEventKind::Accepted,
        // Also what SES's list remembers: SES would not hand on the next mail either.
        What::Bounce(Bounced::Permanent, _) => MailEventKind::BouncedForGood,
        What::Bounce(Bounced::Softly, _) => MailEventKind::BouncedSoftly { at },
        What::Complaint(_) => MailEventKind::Complained,
        What::Reject => MailEventKind::Withdrawn(FailReason::ContentRefused),
        What::RenderingFailure => MailEventKind::Withdrawn(FailReason::NotRendered),
        What::Subscription(Subscribed::ToNothing) => MailEventKind::Unsubscribed,
    }
}

/// What counts against the sender. What SES's list remembers was counted once, and SES counts no soft bounce either.
fn feedback(what: &What) -> Option<Feedback> {
    match what {
        What::Bounce(Bounced::Permanent, Freshness::Fresh) => Some(Feedback::Bounce),
        What::Complaint(Freshness::Fresh) => Some(Feedback::Complaint),
        What::Bounce(Bounced::Softly, _)
        | What::Bounce(Bounced::Permanent, Freshness::Remembered)
        | What::Complaint(Freshness::Remembered)
        | What::Send
        | What::Delivery
        | What::DeliveryDelay
        | What::Reject
        | What::RenderingFailure
        | What::Open
        | What::Click
        | What::Subscription(_)
        | What::Unknown(_) => None,
    }
}

/// What is kept of it beside the lead, once per mail. That SES took it is in history already.
fn fact(what: &What) -> Option<String> {
    let kind = match what {
        What::Send => return None,
        What::Delivery => "delivered",
        What::DeliveryDelay => "delayed",
        What::Open => "opened",
        What::Click => "clicked",
        What::Bounce(Bounced::Permanent, Freshness::Fresh) => "bounced",
        What::Bounce(Bounced::Softly, _) => "bounced-soft",
        What::Bounce(Bounced::Permanent, Freshness::Remembered) => "bounce-on-list",
        What::Complaint(Freshness::Fresh) => "complained",
        What::Complaint(Freshness::Remembered) => "complaint-on-list",
        What::Reject => "rejected",
        What::RenderingFailure => "not-rendered",
        What::Subscription(_) => "subscription",
        What::Unknown(name) => return Some(format!("unknown-{name}")),
    };
    Some(kind.to_owned())
}
