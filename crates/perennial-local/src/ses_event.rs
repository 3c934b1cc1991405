//! What Amazon SES tells EventBridge about a mail, in SES's own words and shapes.
//!
//! After "Contents of event data that Amazon SES publishes" in the SES
//! developer guide: `detail-type` and `eventType` use different words, the
//! values of `mail.tags` are lists, and the instants inside are in milliseconds.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// The account id in the local suite's events.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The region in the local suite's events.
pub(crate) const REGION: &str = "local";

/// The tag that SES adds with the name of the configuration set.
pub(crate) const CONFIGURATION_SET: &str = "ses:configuration-set";

/// An EventBridge event from `aws.ses`. Holds addresses; `Debug` shows none.
#[derive(Clone, Serialize)]
pub struct SesEvent {
    version: &'static str,
    id: String,
    #[serde(rename = "detail-type")]
    detail_type: &'static str,
    source: &'static str,
    account: &'static str,
    time: String,
    region: &'static str,
    resources: Vec<String>,
    detail: Detail,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: &'static str,
    mail: Mail,
    #[serde(flatten)]
    outcome: Outcome,
}

/// The mail that an event is about.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mail {
    pub(crate) timestamp: String,
    pub(crate) source: String,
    pub(crate) source_arn: String,
    pub(crate) sending_account_id: &'static str,
    pub(crate) message_id: String,
    pub(crate) destination: Vec<String>,
    pub(crate) headers_truncated: bool,
    pub(crate) headers: Vec<Header>,
    pub(crate) common_headers: CommonHeaders,
    pub(crate) tags: BTreeMap<String, Vec<String>>,
}

/// One header of the mail.
#[derive(Clone, Serialize)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The headers that SES repeats for convenience.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommonHeaders {
    pub(crate) from: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reply_to: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) message_id: String,
    pub(crate) subject: String,
}

/// What happened to the mail.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// SES took it.
    Send {},
    /// The recipient's server took it.
    #[serde(rename_all = "camelCase")]
    Delivery {
        timestamp: String,
        processing_time_millis: u32,
        recipients: Vec<String>,
        smtp_response: &'static str,
        #[serde(rename = "reportingMTA")]
        reporting_mta: &'static str,
    },
    /// It came back.
    #[serde(rename_all = "camelCase")]
    Bounce {
        bounce_type: &'static str,
        bounce_sub_type: &'static str,
        bounced_recipients: Vec<BouncedRecipient>,
        timestamp: String,
        feedback_id: String,
    },
    /// The recipient called it spam.
    #[serde(rename_all = "camelCase")]
    Complaint {
        complained_recipients: Vec<Recipient>,
        timestamp: String,
        feedback_id: String,
        complaint_sub_type: Option<&'static str>,
        complaint_feedback_type: &'static str,
        arrival_date: String,
    },
}

/// An address that a mail came back from.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BouncedRecipient {
    pub(crate) email_address: String,
    pub(crate) action: &'static str,
    pub(crate) status: &'static str,
    pub(crate) diagnostic_code: &'static str,
}

/// An address that complained.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recipient {
    pub(crate) email_address: String,
}

impl Outcome {
    /// The word in `detail-type`, and the word in `detail.eventType`.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Send {} => ("Email Sent", "Send"),
            Self::Delivery { .. } => ("Email Delivered", "Delivery"),
            Self::Bounce { .. } => ("Email Bounced", "Bounce"),
            Self::Complaint { .. } => ("Email Complaint Received", "Complaint"),
        }
    }
}

impl SesEvent {
    /// The event for the `nth` outcome of a mail. Its id is derived from both,
    /// so the same outcome told twice has one id.
    pub(crate) fn new(nth: usize, at: Timestamp, mail: Mail, outcome: Outcome) -> Self {
        let (detail_type, event_type) = outcome.words();
        let sets = mail.tags.get(CONFIGURATION_SET).into_iter().flatten();
        Self {
            version: "0",
            id: format!("{}-{nth}", mail.message_id),
            detail_type,
            source: "aws.ses",
            account: ACCOUNT,
            time: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            region: REGION,
            resources: sets.map(|set| format!("arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/{set}")).collect(),
            detail: Detail { event_type, mail, outcome },
        }
    }

    /// The event's `detail-type`, e.g. `Email Sent`.
    pub fn detail_type(&self) -> &'static str {
        self.detail_type
    }
}

impl fmt::Debug for SesEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SesEvent").field("id", &self.id).field("detail_type", &self.detail_type).finish_non_exhaustive()
    }
}

/// An instant as SES writes it, in milliseconds.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
