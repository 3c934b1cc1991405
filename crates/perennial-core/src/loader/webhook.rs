//! `[webhooks]` of `catalog.toml`: the servers that are told of events.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Code;
use crate::event::EventName;
use crate::ids::WebhookName;
use crate::loader::report::{Report, Text, parse_name};
use crate::loader::section::Section;
use crate::webhook::{UrlError, WEBHOOKS_MAX, Webhook, WebhookStatus, WebhookUrl};

pub(super) fn read(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<WebhookName, Webhook> {
    let mut webhooks = BTreeMap::new();
    let whole = root.span_of("webhooks");
    for (key, section) in root.map(report, "webhooks") {
        let name = parse_name(report, key, WebhookName::parse);
        let webhook = webhook(report, section);
        webhooks.extend(name.map(|named| named.name).zip(webhook));
    }
    if webhooks.len() > WEBHOOKS_MAX {
        let message = format!("{} webhooks are more than the {WEBHOOKS_MAX} that one event may go to", webhooks.len());
        report.error(Code::ListLength, whole, message, "let one of them pass the events on");
    }
    webhooks
}

fn webhook(report: &mut Report<'_>, mut section: Section<'_>) -> Option<Webhook> {
    let url = section.text(report, "url").and_then(|text| url(report, text));
    let events = events(report, &mut section);
    let status = section.word(report, "status", &[("on", WebhookStatus::On), ("off", WebhookStatus::Off)]);
    section.finish(report);
    Some(Webhook { url: url?, events, status: status.unwrap_or_default() })
}

/// What it is told of. None at all is a slip: to hear nothing there is `status = "off"`.
fn events(report: &mut Report<'_>, section: &mut Section<'_>) -> BTreeSet<EventName> {
    let names: Vec<(&str, EventName)> = EventName::all().map(|name| (name.as_str(), name)).collect();
    let span = section.span_of("events");
    let is_empty = section.is_empty_list("events");
    let events = section.words(report, "events", &names).into_iter().collect();
    if is_empty {
        let message = format!("`events` in {} is empty", section.what());
        report.error(Code::ListLength, span, message, "name at least one, or write `status = \"off\"`");
    }
    events
}

fn url(report: &mut Report<'_>, text: Text<'_>) -> Option<WebhookUrl> {
    match WebhookUrl::parse(text.value) {
        Ok(url) => Some(url),
        Err(error) => {
            // What is refused may hold a secret: the place shows it, and no log does.
            report.error(Code::WebhookUrl, text.span(), format!("this `url` {error}"), remedy(error));
            None
        }
    }
}

fn remedy(error: UrlError) -> &'static str {
    match error {
        UrlError::Form => "write it in full: \"https://hooks.example.com/crm\"",
        UrlError::NotHttps => "begin it with `https://`",
        UrlError::Excess => "leave out user, password and fragment: who calls is shown by the signature",
        UrlError::NotPublic | UrlError::NotLoopback => {
            "name a server that everybody can reach; to try one on this machine, run `perennial up --webhooks-to URL`"
        }
    }
}
