//! SES's events of outbound mail, typed by us: no crate does.
//!
//! After "Contents of event data that Amazon SES publishes" in the SES developer guide. The same object is the
//! `detail` on EventBridge and the message on SNS. **Invariant:** only what is read is named, so addresses, names and
//! headers are dropped here; whatever SES adds, leaves out or sets to null does not make an event unreadable.

use std::collections::BTreeMap;

use jiff::Timestamp;
use perennial_core::ids::{LeadId, SenderDomain, TouchId};
use serde::Deserialize;

/// SES's word for an address that is on the account's own suppression list: the mail was never sent on.
const ON_SUPPRESSION_LIST: &str = "OnAccountSuppressionList";

/// The longest name of an unknown type that is kept, in characters.
const UNKNOWN_LENGTH_MAX: usize = 32;

/// One event.
pub(crate) struct SesEvent {
    /// The mail that it is of, where it is one of ours.
    pub(crate) mail: Option<Tagged>,
    /// The domain that the mail came from.
    pub(crate) sender: Option<SenderDomain>,
    /// When SES took the mail.
    pub(crate) sent_at: Option<Timestamp>,
    /// When it happened, as SES tells.
    pub(crate) at: Option<Timestamp>,
    /// What.
    pub(crate) what: What,
}

/// The tags that our mailer puts on every mail.
pub(crate) struct Tagged {
    pub(crate) lead: LeadId,
    pub(crate) touch: TouchId,
    pub(crate) attempt: u32,
}

/// What became of a mail: the ten types that there are, and those to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// SES took it.
    Send,
    /// The recipient's server took it.
    Delivery,
    /// The recipient's server does not take it yet; SES goes on trying.
    DeliveryDelay,
    /// It came back.
    Bounce(Bounced, Freshness),
    /// The recipient called it spam.
    Complaint(Freshness),
    /// SES took it, and then refused its content.
    Reject,
    /// SES could not fill in its own template.
    RenderingFailure,
    /// Its picture was loaded.
    Open,
    /// One of its links was followed.
    Click(Clicked),
    /// The recipient used SES's own subscription page or header.
    Subscription(Subscribed),
    /// Of a type that is newer than we are, by its name; redacted.
    Unknown(String),
}

/// Who followed which link. It has no `Debug` that shows it: where somebody is on the network is theirs.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Clicked {
    timestamp: Option<String>,
    pub(crate) ip_address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) link: Option<String>,
}

impl std::fmt::Debug for Clicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clicked(..)")
    }
}

/// How a mail came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounced {
    /// For good.
    Permanent,
    /// For now, or SES cannot tell.
    Softly,
}

/// Whether a bounce or a complaint is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It is.
    Fresh,
    /// The account's suppression list remembers an older one; SES did not hand this mail on at all.
    Remembered,
}

/// What the recipient wants of SES's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscribed {
    /// No more mail.
    ToNothing,
    /// Some of it.
    ToSome,
}

impl<'de> Deserialize<'de> for SesEvent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(Wire::read)
    }
}

/// The event as it comes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    /// SES's notifications without a configuration set use the other name; they carry no tags.
    #[serde(alias = "notificationType")]
    event_type: String,
    mail: Mail,
    #[serde(default)]
    bounce: Option<Bounce>,
    #[serde(default)]
    complaint: Option<Complaint>,
    #[serde(default)]
    delivery: Option<Moment>,
    #[serde(default)]
    delivery_delay: Option<Moment>,
    #[serde(default)]
    open: Option<Moment>,
    #[serde(default)]
    click: Option<Clicked>,
    #[serde(default)]
    subscription: Option<Subscription>,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    tags: Option<BTreeMap<String, Vec<String>>>,
}

/// A part of which only its time is read.
#[derive(Deserialize)]
struct Moment {
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Bounce {
    #[serde(rename = "bounceType", default)]
    kind: Option<String>,
    #[serde(rename = "bounceSubType", default)]
    sub_type: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(rename = "complaintSubType", default)]
    sub_type: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    new_topic_preferences: Option<TopicPreferences>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicPreferences {
    #[serde(default)]
    unsubscribe_all: Option<bool>,
}

impl Wire {
    fn read(self) -> SesEvent {
        let (mail, sender) = (self.mail.tags.as_ref().and_then(tagged), self.mail.sender());
        let sent_at = self.mail.timestamp.as_deref().and_then(|text| text.parse().ok());
        SesEvent { mail, sender, sent_at, at: self.at(), what: self.what() }
    }

    fn what(&self) -> What {
        match self.event_type.as_str() {
            "Send" => What::Send,
            "Delivery" => What::Delivery,
            "DeliveryDelay" => What::DeliveryDelay,
            "Bounce" => bounced(self.bounce.as_ref()),
            "Complaint" => What::Complaint(freshness(self.complaint.as_ref().and_then(|it| it.sub_type.as_deref()))),
            "Reject" => What::Reject,
            "Rendering Failure" => What::RenderingFailure,
            "Open" => What::Open,
            "Click" => What::Click(self.click.clone().unwrap_or_default()),
            "Subscription" => subscribed(self.subscription.as_ref()),
            unknown => What::Unknown(redacted(unknown)),
        }
    }

    /// When it happened: by the part that tells of it, else when the mail was sent.
    fn at(&self) -> Option<Timestamp> {
        let moments = [&self.delivery, &self.delivery_delay, &self.open];
        let moment = moments.into_iter().flatten().find_map(|part| part.timestamp.as_deref());
        let bounce = || self.bounce.as_ref().and_then(|part| part.timestamp.as_deref());
        let complaint = || self.complaint.as_ref().and_then(|part| part.timestamp.as_deref());
        let subscription = || self.subscription.as_ref().and_then(|part| part.timestamp.as_deref());
        let click = || self.click.as_ref().and_then(|part| part.timestamp.as_deref());
        let told = moment.or_else(click).or_else(bounce).or_else(complaint).or_else(subscription);
        let instant = |text: &str| text.parse().ok();
        told.and_then(instant).or_else(|| self.mail.timestamp.as_deref().and_then(instant))
    }
}

/// The tag in which SES says which domain a mail came from.
const FROM_DOMAIN: &str = "ses:from-domain";

impl Mail {
    fn sender(&self) -> Option<SenderDomain> {
        let domain = self.tags.as_ref().and_then(|tags| tags.get(FROM_DOMAIN)?.first());
        let named = domain.and_then(|domain| SenderDomain::parse(&domain.to_ascii_lowercase()).ok());
        named.or_else(|| SenderDomain::of_address(self.source.as_deref()?))
    }
}

fn tagged(tags: &BTreeMap<String, Vec<String>>) -> Option<Tagged> {
    let one = |name: &str| match tags.get(name).map(Vec::as_slice) {
        Some([value]) => Some(value.as_str()),
        Some(_) | None => None,
    };
    Some(Tagged {
        lead: LeadId::parse(one("lead")?).ok()?,
        touch: TouchId::parse(one("touch")?).ok()?,
        attempt: one("attempt")?.parse().ok()?,
    })
}

/// Only what is permanent is for good: of `Undetermined`, null and whatever may come, the address may recover.
fn bounced(bounce: Option<&Bounce>) -> What {
    let kind = match bounce.and_then(|bounce| bounce.kind.as_deref()) {
        Some("Permanent") => Bounced::Permanent,
        Some(_) | None => Bounced::Softly,
    };
    What::Bounce(kind, freshness(bounce.and_then(|bounce| bounce.sub_type.as_deref())))
}

fn freshness(sub_type: Option<&str>) -> Freshness {
    if sub_type == Some(ON_SUPPRESSION_LIST) { Freshness::Remembered } else { Freshness::Fresh }
}

fn subscribed(subscription: Option<&Subscription>) -> What {
    let wishes = subscription.and_then(|it| it.new_topic_preferences.as_ref());
    let to_nothing = wishes.and_then(|wishes| wishes.unsubscribe_all) == Some(true);
    What::Subscription(if to_nothing { Subscribed::ToNothing } else { Subscribed::ToSome })
}

/// The name of a type, if it can be one; whatever else stands there may be personal.
fn redacted(unknown: &str) -> String {
    let is_name = !unknown.is_empty()
        && unknown.len() <= UNKNOWN_LENGTH_MAX
        && unknown.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
    if is_name { unknown.to_ascii_lowercase().replace(' ', "-") } else { "unnamed".to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn what(event: Value) -> What {
        serde_json::from_value::<SesEvent>(event).unwrap().what
    }

    #[test]
    fn every_bounce_that_is_not_permanent_is_a_soft_one() {
        let rows = [
            (json!("Permanent"), json!("General"), Bounced::Permanent, Freshness::Fresh),
            (json!("Permanent"), Value::Null, Bounced::Permanent, Freshness::Fresh),
            (json!("Permanent"), json!("OnAccountSuppressionList"), Bounced::Permanent, Freshness::Remembered),
            (json!("Transient"), json!("MailboxFull"), Bounced::Softly, Freshness::Fresh),
            (json!("Undetermined"), json!("Undetermined"), Bounced::Softly, Freshness::Fresh),
            (json!("Eternal"), json!("General"), Bounced::Softly, Freshness::Fresh),
            (Value::Null, Value::Null, Bounced::Softly, Freshness::Fresh),
        ];
        for (kind, sub_type, bounced, freshness) in rows {
            let bounce = json!({ "bounceType": kind, "bounceSubType": sub_type });
            let event = json!({ "eventType": "Bounce", "mail": {}, "bounce": bounce });
            assert_eq!(what(event), What::Bounce(bounced, freshness), "{kind} {sub_type}");
        }
    }

    #[test]
    fn of_an_unknown_type_only_its_name_is_kept() {
        let of = |name: &str| what(json!({ "eventType": name, "mail": {} }));
        assert_eq!(of("Archive Written"), What::Unknown("archive-written".to_owned()));
        for odd in ["ada@example.com", "", "a\nb", &"x".repeat(33)] {
            assert_eq!(of(odd), What::Unknown("unnamed".to_owned()), "{odd:?}");
        }
    }

    #[test]
    fn the_time_is_that_of_what_happened_else_that_of_the_mail() {
        let at = |event: Value| serde_json::from_value::<SesEvent>(event).unwrap().at.map(|at| at.to_string());
        let mail = json!({ "timestamp": "2026-03-02T09:00:01.204Z" });
        let bounce = json!({ "timestamp": "2026-03-02T09:05:31.020Z" });
        let told = json!({ "eventType": "Bounce", "mail": mail, "bounce": bounce });
        assert_eq!(at(told).as_deref(), Some("2026-03-02T09:05:31.02Z"));
        let damaged = json!({ "eventType": "Bounce", "mail": mail, "bounce": { "timestamp": "yesterday" } });
        assert_eq!(at(damaged).as_deref(), Some("2026-03-02T09:00:01.204Z"));
        assert_eq!(at(json!({ "eventType": "Send", "mail": {} })), None);
    }
}
