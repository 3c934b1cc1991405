//! SES's events, as EventBridge brings them (TRUST.md §3).
//!
//! **Invariant:** an event moves a lead only if it comes from SES and carries our tags; everything else is
//! acknowledged and counted, because an error would bring it back for a day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use perennial_app::engagement::Heard;
use perennial_app::ports::EngagementRecord;
use perennial_core::decide::MailEventKind;
use perennial_core::ids::{LeadId, TouchId};
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;

use crate::Deps;

/// What came of an SES event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "counted")]
pub enum Counted {
    /// It decided something.
    Decided,
    /// It was known, or decides nothing.
    Noted,
    /// It is not of a mail of ours, or of no kind we know.
    Ignored,
}

/// The envelope of EventBridge.
#[derive(Deserialize)]
struct Envelope {
    source: String,
    time: Timestamp,
    detail: Detail,
}

/// What SES says. Only what is read is named; the rest may be anything.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: String,
    mail: Mail,
    #[serde(default)]
    bounce: Option<Bounce>,
    #[serde(default)]
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    #[serde(default)]
    bounce_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complaint_sub_type: Option<String>,
}

/// The tags that our mailer puts on every mail.
struct Tags {
    lead: LeadId,
    touch: TouchId,
    attempt: u32,
}

/// What an event means.
enum Meaning {
    /// It decides.
    Decides(MailEventKind),
    /// It is kept under this word, and decides nothing but that SES had the mail.
    Fact(&'static str),
}

/// SES's word for an address that is on the account's own suppression list: the mail was never sent on.
const ON_SUPPRESSION_LIST: &str = "OnAccountSuppressionList";

pub(crate) async fn handle(deps: &Deps, event: Value) -> Result<Counted, HandlerError> {
    let Ok(Envelope { source, time, detail }) = Envelope::deserialize(event) else {
        return Ok(ignored("unreadable"));
    };
    if source != "aws.ses" {
        return Ok(ignored("foreign_source"));
    }
    let Some(tags) = tags(&detail.mail.tags) else {
        return Ok(ignored("untagged"));
    };
    let kind = match meaning(&detail) {
        None => return Ok(ignored("unknown_type")),
        Some(Meaning::Decides(kind)) => kind,
        Some(Meaning::Fact(kind)) => {
            let (lead, touch) = (tags.lead.clone(), tags.touch.clone());
            let record = EngagementRecord { lead, touch, kind: kind.to_owned(), at: time };
            deps.listener.note(&record).await.map_err(|error| HandlerError::new("note_failed", error))?;
            // What SES tells of a mail, it took.
            MailEventKind::Accepted
        }
    };
    let heard = deps.listener.mail_event(&tags.lead, tags.touch, tags.attempt, kind).await;
    match heard.map_err(|error| HandlerError::new("mail_event_failed", error))? {
        Heard::Decided => Ok(Counted::Decided),
        Heard::Nothing => Ok(Counted::Noted),
    }
}

fn ignored(reason: &'static str) -> Counted {
    info!(metric = "mail_event.ignored", reason, "a mail event was passed over");
    Counted::Ignored
}

fn tags(tags: &BTreeMap<String, Vec<String>>) -> Option<Tags> {
    let one = |name: &str| match tags.get(name).map(Vec::as_slice) {
        Some([value]) => Some(value.as_str()),
        Some(_) | None => None,
    };
    Some(Tags {
        lead: LeadId::parse(one("lead")?).ok()?,
        touch: TouchId::parse(one("touch")?).ok()?,
        attempt: one("attempt")?.parse().ok()?,
    })
}

fn meaning(detail: &Detail) -> Option<Meaning> {
    match detail.event_type.as_str() {
        // Whichever of these comes first proves that SES took the mail.
        "Send" | "Delivery" | "DeliveryDelay" | "Open" | "Click" => Some(Meaning::Decides(MailEventKind::Accepted)),
        "Bounce" => Some(bounce(detail.bounce.as_ref())),
        "Complaint" => Some(complaint(detail.complaint.as_ref())),
        _ => None,
    }
}

/// Permanent ends an address; everything else may pass, and is only noted for now.
fn bounce(bounce: Option<&Bounce>) -> Meaning {
    match bounce.and_then(|bounce| bounce.bounce_type.as_deref()) {
        Some("Permanent") => Meaning::Decides(MailEventKind::BouncedForGood),
        Some(_) | None => Meaning::Fact("bounced-soft"),
    }
}

fn complaint(complaint: Option<&Complaint>) -> Meaning {
    match complaint.and_then(|complaint| complaint.complaint_sub_type.as_deref()) {
        // The list remembers an old complaint: no fresh one was made.
        Some(ON_SUPPRESSION_LIST) => Meaning::Fact("complaint-on-list"),
        Some(_) | None => Meaning::Decides(MailEventKind::Complained),
    }
}
