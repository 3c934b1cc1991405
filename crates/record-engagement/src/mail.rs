//! Mail that comes in: a receipt rule of SES puts it into a bucket, and S3 tells of it.
//!
//! **Invariant:** a mail that could not be taken in is an error, so that S3's event comes again; a key that is none of
//! ours is acknowledged and counted.

use percent_encoding::percent_decode_str;
use perennial_app::inbound::Taken;
use perennial_core::inbound::{InboxKey, Kind};
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{info, warn};

use crate::Deps;

/// What SES calls the mail by which it tries a new receipt rule. It is nobody's.
const SETUP: &str = "AMAZON_SES_SETUP_NOTIFICATION";

/// What came of the mails of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sorted {
    /// Those that decided something.
    pub decided: u32,
    /// Those that made a lead.
    pub received: u32,
    /// Those that were known, or are not there.
    pub known: u32,
    /// Those that decide nothing: automatic answers, reports, our own.
    pub ignored: u32,
    /// Those that look like spam, or are about nobody we know.
    pub left: u32,
}

#[derive(Deserialize)]
struct S3Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    /// As in a web address: `%2B` for `+`.
    key: String,
}

/// Whether an event tells of objects in a bucket.
pub(crate) fn is_from_s3(event: &Value) -> bool {
    event.pointer("/Records/0/eventSource").and_then(Value::as_str) == Some("aws:s3")
}

pub(crate) async fn handle(deps: &Deps, event: Value) -> Result<Sorted, HandlerError> {
    let S3Event { records } =
        S3Event::deserialize(event).map_err(|error| HandlerError::new("unreadable_s3_event", error))?;
    let mut sorted = Sorted::default();
    for Record { s3 } in records {
        let decoded = percent_decode_str(&s3.object.key).decode_utf8_lossy();
        let Ok(key) = InboxKey::parse(&decoded) else {
            warn!(metric = "mail.foreign_key", "an object is none of the inbox");
            sorted.left = sorted.left.saturating_add(1);
            continue;
        };
        take_in(deps, &key, &mut sorted).await?;
    }
    Ok(sorted)
}

async fn take_in(deps: &Deps, key: &InboxKey, sorted: &mut Sorted) -> Result<(), HandlerError> {
    let postbox =
        deps.postbox.as_ref().ok_or_else(|| HandlerError::new("no_inbox", "PERENNIAL_INBOX_BUCKET is missing"))?;
    if key.as_str().rsplit('/').next() == Some(SETUP) {
        postbox.inbox.delete(key).await.map_err(|error| HandlerError::new("mail_failed", error))?;
        sorted.ignored = sorted.ignored.saturating_add(1);
        info!(metric = "mail.setup", "SES can put mail into the inbox");
        return Ok(());
    }
    let (taken, kind) = postbox.take_in(key).await.map_err(|error| HandlerError::new("mail_failed", error))?;
    let count = match taken {
        Taken::Decided => &mut sorted.decided,
        Taken::Received => &mut sorted.received,
        Taken::Known => &mut sorted.known,
        Taken::Ignored => &mut sorted.ignored,
        Taken::HeldBack | Taken::Unclaimed => &mut sorted.left,
    };
    *count = count.saturating_add(1);
    info!(
        metric = "mail.received",
        mail.kind = kind.map_or("none", Kind::as_str),
        mail.taken = taken.as_str(),
        inbox.key = %key,
        "a mail came in"
    );
    Ok(())
}
