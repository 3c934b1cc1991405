//! The configuration set: whether the suite hears what becomes of its mails.

use std::collections::BTreeSet;

use perennial_core::catalog::Catalog;
use perennial_core::consent::Tracking;

use super::Finding;
use super::facts::{ConfigurationSet, Destination, DestinationKind, Facts, Held, InForce};

/// The kinds of events that must come by the bus, as `infra/template.yaml` asks for them.
pub const MAIL_EVENTS: [&str; 8] =
    ["SEND", "DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE", "SUBSCRIPTION"];

/// The kinds that must come by SNS, too: the bus is best effort, and none of these may be lost.
pub const FEEDBACK_EVENTS: [&str; 2] = ["BOUNCE", "COMPLAINT"];

/// The kinds for which SES changes mails: it rewrites their links, or adds a picture.
const TRACKING_EVENTS: [&str; 2] = ["OPEN", "CLICK"];

/// What brings the configuration set of the stack back.
const DEPLOY_AGAIN: &str = "The stack's template makes it: deploy again (sam deploy), or see what was changed by hand.";

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "configuration-set";
    let name = &facts.configuration_set_name;
    let set = match &facts.configuration_set {
        Err(why) => return vec![Finding::not_checked(CHECK, why).of(name)],
        Ok(None) => {
            return vec![
                Finding::wrong(CHECK, "SES has no such configuration set: it refuses every mail that names it")
                    .of(name)
                    .remedy(DEPLOY_AGAIN)
                    .remedy("If it has another name than the stack: perennial doctor --configuration-set NAME …"),
            ];
        }
        Ok(Some(set)) => set,
    };
    let mut findings = vec![sends(name, set), suppression(name, set, facts), metrics(name, set)];
    match &facts.destinations {
        Err(why) => findings.push(Finding::not_checked("mail-events", why)),
        Ok(destinations) => findings.extend([bus(destinations), feedback(destinations), tracking(destinations, facts)]),
    }
    findings.into_iter().map(|finding| finding.of(name)).collect()
}

fn sends(name: &str, set: &ConfigurationSet) -> Finding {
    const CHECK: &str = "configuration-set";
    if set.is_sending_enabled {
        return Finding::ok(CHECK, "it sends");
    }
    Finding::wrong(CHECK, "sending is switched off for it").remedy("When you know why somebody did:").remedy(format!(
        "aws sesv2 put-configuration-set-sending-options --sending-enabled --configuration-set-name {name}"
    ))
}

/// An address that bounced for good, or whose person complained, must not be written to again by anybody.
fn suppression(name: &str, set: &ConfigurationSet, facts: &Facts) -> Finding {
    const CHECK: &str = "suppression";
    let of_account = || facts.account.as_ref().ok().map(|account| &account.suppressed);
    let Some(reasons) = set.suppressed.as_ref().or_else(of_account) else {
        return Finding::look(CHECK, "it goes by the account's list, which could not be looked at")
            .remedy("Look at it: aws sesv2 get-account --query SuppressionAttributes");
    };
    let missing = missing(&FEEDBACK_EVENTS, reasons);
    if missing.is_empty() {
        return Finding::ok(CHECK, "addresses that bounce or complain are written to no more");
    }
    Finding::look(CHECK, format!("SES does not keep a list of addresses for {}", missing.join(", ")))
        .remedy("The suite keeps its own; SES's list also holds what others of the account have found out:")
        .remedy(format!(
            "aws sesv2 put-configuration-set-suppression-options --suppressed-reasons BOUNCE COMPLAINT --configuration-set-name {name}"
        ))
}

fn metrics(name: &str, set: &ConfigurationSet) -> Finding {
    const CHECK: &str = "reputation-metrics";
    if set.has_reputation_metrics {
        return Finding::ok(CHECK, "rates of bounces and complaints are measured");
    }
    Finding::look(CHECK, "rates are not measured: the alarms bounce-rate and complaint-rate never ring").remedy(format!(
        "aws sesv2 put-configuration-set-reputation-options --reputation-metrics-enabled --configuration-set-name {name}"
    ))
}

fn bus(destinations: &[Destination]) -> Finding {
    const CHECK: &str = "mail-events";
    let missing = missing(&MAIL_EVENTS, &told(destinations, DestinationKind::EventBridge));
    if missing.is_empty() {
        return Finding::ok(CHECK, "all of them go to EventBridge");
    }
    Finding::wrong(CHECK, format!("EventBridge is not told of {}", missing.join(", ")))
        .remedy("So nobody hears what became of mails, and the circuit breaker counts nothing.")
        .remedy(DEPLOY_AGAIN)
}

fn feedback(destinations: &[Destination]) -> Finding {
    const CHECK: &str = "feedback";
    let missing = missing(&FEEDBACK_EVENTS, &told(destinations, DestinationKind::Sns));
    if missing.is_empty() {
        return Finding::ok(CHECK, "bounces and complaints go to SNS, too");
    }
    Finding::look(CHECK, format!("SNS is not told of {}", missing.join(", ")))
        .remedy("EventBridge is best effort: what it loses, only the daily reconcile finds.")
        .remedy(DEPLOY_AGAIN)
}

fn tracking(destinations: &[Destination], facts: &Facts) -> Finding {
    const CHECK: &str = "tracking";
    let all: BTreeSet<String> =
        destinations.iter().filter(|it| it.is_enabled).flat_map(|it| it.events.clone()).collect();
    let tracked: Vec<&str> = TRACKING_EVENTS.into_iter().filter(|kind| all.contains(*kind)).collect();
    if tracked.is_empty() {
        return Finding::ok(CHECK, "SES leaves links and pictures as they are");
    }
    let said = format!("{} is among the events: SES rewrites links or adds a picture", tracked.join(", "));
    match &facts.running.release {
        Ok(Held::There(InForce { catalog, .. })) if !follows(catalog) => {
            Finding::ok(CHECK, format!("{said}, and the suite does not"))
        }
        Ok(_) | Err(_) => Finding::look(CHECK, said)
            .remedy(
                "Links go two detours, since the suite follows them, too. Take OPEN and CLICK out of each destination:",
            )
            .remedy("aws sesv2 update-configuration-set-event-destination")
            .remedy("Or leave it to SES: tracking = \"off\" in programs/catalog.toml (docs/clicks.md)."),
    }
}

/// Whether the suite follows links of its own accord, anywhere.
fn follows(catalog: &Catalog) -> bool {
    let everywhere = catalog.regions.iter().map(|region| &region.rules).chain([&catalog.elsewhere]);
    everywhere.into_iter().any(|rules| rules.tracking != Tracking::Off)
}

fn told(destinations: &[Destination], kind: DestinationKind) -> BTreeSet<String> {
    let of_kind = destinations.iter().filter(|destination| destination.is_enabled && destination.kind == kind);
    of_kind.flat_map(|destination| destination.events.iter().cloned()).collect()
}

fn missing(wanted: &[&'static str], there: &BTreeSet<String>) -> Vec<&'static str> {
    wanted.iter().copied().filter(|kind| !there.contains(*kind)).collect()
}
