//! What SES's events mean (TRUST.md §3), whichever way they came.
//!
//! **Invariants:** an event moves a lead only if it carries our tags and names a mail that the lead can have had;
//! everything else is acknowledged and counted, because an error would bring it back for a day. Events may come in any
//! order and any number of times: facts about an address fold by rank, those about a mail are kept once.

pub(crate) mod event;

use jiff::Timestamp;
use perennial_app::engagement::{Heard, MailReport};
use perennial_app::follow::ToldClick;
use perennial_core::actor::{Agent, FetchMetadata};
use perennial_core::breaker::Feedback;
use perennial_core::decide::MailEventKind;
use perennial_core::event::FailReason;
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;

use self::event::{Bounced, Clicked, Freshness, SesEvent, Subscribed, Tagged, What};
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
    let Ok(SesEvent { mail, sender, sent_at, at, what }) = SesEvent::deserialize(detail) else {
        return Ok(ignored("unreadable"));
    };
    let Some(tagged) = mail else {
        return Ok(ignored("untagged"));
    };
    if let What::Unknown(name) = &what {
        info!(metric = "mail_event.unknown", mail_event.kind = name, "a mail event of a type that is new to us");
    }
    let at = at.or(told_at).unwrap_or_else(|| deps.listener.clock.now());
    if let What::Click(clicked) = &what
        && let Some(heard) = followed(deps, &tagged, clicked, sent_at, at).await?
    {
        return Ok(counted(heard));
    }
    let Tagged { lead, touch, attempt } = tagged;
    let against = sender.zip(feedback(&what));
    let report = MailReport { lead, touch, attempt, kind: meaning(&what, at), fact: fact(&what), against, at };
    let heard = deps.listener.mail_event(&report).await;
    Ok(match heard.map_err(|error| HandlerError::new("mail_event_failed", error))? {
        Some(heard) => counted(heard),
        None => ignored("unknown_touch"),
    })
}

fn counted(heard: Heard) -> Counted {
    match heard {
        Heard::Decided => Counted::Decided,
        Heard::Nothing => Counted::Noted,
    }
}

/// A link that SES led somebody along is judged like those by way of us. `None`: all that it shows is that SES took the
/// mail.
async fn followed(
    deps: &Deps,
    mail: &Tagged,
    clicked: &Clicked,
    sent_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<Option<Heard>, HandlerError> {
    let (Some(sent_at), Some(link)) = (sent_at, clicked.link.as_deref()) else { return Ok(None) };
    let (lead, touch, attempt) = (mail.lead.clone(), mail.touch.clone(), mail.attempt);
    let network = deps.keyring.network(&touch, &lead, clicked.ip_address.as_deref().unwrap_or_default());
    let agent = Agent::recognise(clicked.user_agent.as_deref(), FetchMetadata::Unseen);
    let told = ToldClick { lead, touch, attempt, sent_at, at, link, network, agent };
    deps.clicks.follower.told(&told).await.map_err(|error| HandlerError::new("click_failed", error))
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
        | What::Click(_)
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
        | What::Click(_)
        | What::Subscription(_)
        | What::Unknown(_) => None,
    }
}

/// What is kept of it beside the lead, once per mail. That SES took it is in history already, and a click is kept as a hit.
fn fact(what: &What) -> Option<String> {
    let kind = match what {
        What::Send | What::Click(_) => return None,
        What::Delivery => "delivered",
        What::DeliveryDelay => "delayed",
        What::Open => "opened",
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
