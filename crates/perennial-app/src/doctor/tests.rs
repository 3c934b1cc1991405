//! What is made of facts: one deployment that is whole, and one thing wrong with it at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use perennial_core::breaker::{Brake, SenderSwitch, Tally as Mails};
use perennial_core::consent::Tracking;
use perennial_core::ids::{SenderDomain, WebhookName};
use perennial_core::testing;

use super::dmarc::published;
use super::facts::{
    Account, ConfigurationSet, Destination, DestinationKind, Facts, Held, Identity, InForce, MailFrom, NotLooked,
    PepperFit, Quota, Running, Secret, SecretState, SenderFacts, Table,
};
use super::*;
use crate::ports::SendingPause;
use crate::sending::{SenderStatus, SendingStatus};

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn shop() -> SenderDomain {
    SenderDomain::parse("mail.shop.net").unwrap()
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn account() -> Account {
    Account {
        is_in_production: true,
        review: None,
        is_sending_enabled: true,
        enforcement: "HEALTHY".to_owned(),
        quota: Some(Quota { per_day: 50_000.0, per_second: 14.0, sent: 120.0 }),
        suppressed: words(&["BOUNCE", "COMPLAINT"]),
        has_vdm: false,
        plan: Some("NONE".to_owned()),
        next_plan: None,
    }
}

fn identity() -> Identity {
    Identity {
        domain: "mail.shop.net".to_owned(),
        is_verified: true,
        dkim: "SUCCESS".to_owned(),
        is_signing: true,
        dkim_records: vec![("k1._domainkey.mail.shop.net".to_owned(), "k1.dkim.amazonses.com".to_owned())],
        mail_from: None,
    }
}

fn destination(kind: DestinationKind, events: &[&str]) -> Destination {
    Destination { kind, is_enabled: true, events: words(events) }
}

fn sender_status(held: Brake, switch: Option<SenderSwitch>) -> SendingStatus {
    let status = SenderStatus { sender: shop(), tally: Mails::default(), held, switch };
    SendingStatus { pause: None, senders: vec![status], paused: [].into() }
}

fn dmarc(text: &str) -> Option<dmarc::Published> {
    published("shop.net", vec![text.to_owned()])
}

/// Nothing is wrong with it.
fn whole() -> Facts {
    let sender = SenderFacts { identity: Ok(Some(identity())), dmarc: Ok(dmarc("v=DMARC1; p=reject")) };
    Facts {
        now: now(),
        table_name: "perennial".to_owned(),
        configuration_set_name: "perennial".to_owned(),
        secrets_path: "/perennial".to_owned(),
        base_url: Some("https://leads.shop.net".to_owned()),
        account: Ok(account()),
        senders: BTreeMap::from([(shop(), sender)]),
        configuration_set: Ok(Some(ConfigurationSet {
            is_sending_enabled: true,
            has_reputation_metrics: true,
            suppressed: Some(words(&FEEDBACK_EVENTS)),
        })),
        destinations: Ok(vec![
            destination(DestinationKind::EventBridge, &MAIL_EVENTS),
            destination(DestinationKind::Sns, &FEEDBACK_EVENTS),
        ]),
        secrets: Ok(Secret::ALL
            .map(|secret| (secret, SecretState::Sound { is_encrypted: secret != Secret::Front }))
            .into()),
        webhooks_unsigned: BTreeSet::new(),
        table: Ok(Some(Table {
            status: "ACTIVE".to_owned(),
            stream: Some("NEW_IMAGE".to_owned()),
            is_protected: true,
            indexes_missing: Vec::new(),
            indexes_unready: Vec::new(),
        })),
        has_backups: Ok(true),
        is_collected: Ok(true),
        running: Running {
            release: Ok(Held::There(InForce { rev: 3, catalog: Box::new(testing::catalog()) })),
            reps: Ok(Held::There(2)),
            sending: Some(Ok(sender_status(Brake::Off, None))),
            first_pulse: Ok(Some(now())),
        },
        pepper: Some(Ok(PepperFit::Fits { fitting: 3, tried: 3 })),
    }
}

/// All that is not as it should be after a change, a line each: its verdict, its check, and what is said.
fn after(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = whole();
    change(&mut facts);
    let findings = judge(&facts);
    let found = findings.iter().filter(|finding| finding.verdict != Verdict::Ok);
    for finding in found.clone() {
        assert!(!finding.remedy.is_empty(), "{finding:?} says what to do");
    }
    found.map(|it| format!("{:?} {}: {}", it.verdict, it.check, it.said)).collect()
}

fn edit_account(change: impl FnOnce(&mut Account)) -> Vec<String> {
    after(|facts| change(facts.account.as_mut().unwrap()))
}

fn edit_identity(change: impl FnOnce(&mut Identity)) -> Vec<String> {
    after(|facts| change(sender(facts).identity.as_mut().unwrap().as_mut().unwrap()))
}

fn edit_table(change: impl FnOnce(&mut Table)) -> Vec<String> {
    after(|facts| change(facts.table.as_mut().unwrap().as_mut().unwrap()))
}

fn sender(facts: &mut Facts) -> &mut SenderFacts {
    facts.senders.get_mut(&shop()).unwrap()
}

fn published_as(text: &str) -> Vec<String> {
    after(|facts| sender(facts).dmarc = Ok(dmarc(text)))
}

fn edit_destinations(destinations: Vec<Destination>) -> Vec<String> {
    after(|facts| facts.destinations = Ok(destinations))
}

fn secret(secret: Secret, state: SecretState) -> Vec<String> {
    after(|facts| drop(facts.secrets.as_mut().unwrap().insert(secret, state)))
}

#[test]
fn a_deployment_that_is_whole_has_nothing_to_say() {
    assert_eq!(after(|_| ()), [""; 0]);
    let tally = tally(&judge(&whole()));
    assert_eq!((tally.wrong, tally.look, tally.not_checked), (0, 0, 0));
    assert!(tally.ok > 20, "{tally:?}");
}

#[test]
fn an_account_may_be_in_the_sandbox_or_stopped_or_short_of_mails() {
    let sandbox = "Wrong sandbox: the account is in SES's sandbox: it may write to verified addresses only";
    assert_eq!(edit_account(|it| it.is_in_production = false), [sandbox]);
    assert_eq!(
        edit_account(|it| it.is_sending_enabled = false),
        ["Wrong account-sending: sending is switched off for the whole account"]
    );
    assert_eq!(
        edit_account(|it| it.enforcement = "SHUTDOWN".to_owned()),
        ["Wrong reputation: SES has stopped the account, for what its mails did"]
    );
    assert_eq!(
        edit_account(|it| it.enforcement = "PROBATION".to_owned()),
        ["Look reputation: SES has the account under review, and may stop it"]
    );
    let sent = |sent| edit_account(|it| it.quota = Some(Quota { per_day: 200.0, per_second: 1.0, sent }));
    assert_eq!(sent(159.0), [""; 0]);
    assert_eq!(sent(160.0), ["Look quota: 160 of 200 mails in the last 24 h; 1 a second"]);
    assert_eq!(sent(200.0), ["Wrong quota: 200 of 200 mails in the last 24 h; 1 a second"]);
    let endless = Quota { per_day: -1.0, per_second: 500.0, sent: 9e9 };
    assert_eq!(edit_account(|it| it.quota = Some(endless)), [""; 0]);
}

#[test]
fn what_a_mail_costs_is_said() {
    let plan = |plan: &str, next: Option<&str>| {
        edit_account(|it| {
            it.plan = Some(plan.to_owned());
            it.next_plan = next.map(str::to_owned);
        })
    };
    assert_eq!(plan("ESSENTIALS", None), ["Look price: pricing plan ESSENTIALS: a mail costs more than without one"]);
    assert_eq!(plan("PRO", Some("NONE")), [""; 0], "it ends by itself");
    assert_eq!(edit_account(|it| it.plan = None), [""; 0], "older answers of SES name none");
    assert_eq!(edit_account(|it| it.has_vdm = true).len(), 1);
}

#[test]
fn a_sender_must_be_verified_and_sign() {
    assert_eq!(after(|facts| sender(facts).identity = Ok(None)), ["Wrong identity: SES does not know this domain"]);
    assert_eq!(
        edit_identity(|it| it.is_verified = false),
        ["Wrong identity: SES has not verified the domain yet: nothing is sent from it"]
    );
    assert_eq!(
        edit_identity(|it| it.dkim = "PENDING".to_owned()),
        ["Wrong dkim: SES does not see the DNS records of DKIM yet"]
    );
    assert_eq!(edit_identity(|it| it.is_signing = false), ["Wrong dkim: mails are not signed"]);
    let mail_from = |status: &str, is_required| {
        let mail_from = MailFrom { domain: "b.mail.shop.net".to_owned(), status: status.to_owned(), is_required };
        edit_identity(|it| it.mail_from = Some(mail_from)).concat()
    };
    assert_eq!(mail_from("SUCCESS", true), "");
    assert!(mail_from("FAILED", true).starts_with("Wrong mail-from"), "SES refuses mails then");
    assert!(mail_from("FAILED", false).starts_with("Look mail-from"));
    let example = SenderDomain::parse("perennial.example").unwrap();
    let said = after(|facts| {
        let facts_of_it = SenderFacts { identity: Ok(None), dmarc: Ok(dmarc("v=DMARC1; p=reject")) };
        facts.senders.insert(example, facts_of_it);
    });
    assert_eq!(said, ["Wrong identity: this is the domain of an example: nobody can verify it"]);
}

#[test]
fn what_is_missing_in_dns_is_not_what_could_not_be_asked() {
    assert_eq!(after(|facts| sender(facts).dmarc = Ok(None)), ["Wrong dmarc: there is no DMARC record"]);
    let timed_out = NotLooked::Failed("request timed out".to_owned());
    assert_eq!(after(|facts| sender(facts).dmarc = Err(timed_out)), ["NotChecked dmarc: request timed out"]);
    assert_eq!(
        after(|facts| {
            let record = "v=DMARC1; p=none".to_owned();
            sender(facts).dmarc = Ok(published("shop.net", vec![record.clone(), record]));
        }),
        ["Wrong dmarc: _dmarc.shop.net: more than one DMARC record counts as none"]
    );
    assert_eq!(published_as("v=DMARC1; p=none; rua=mailto:d@shop.net"), [""; 0]);
    assert_eq!(published_as("v=DMARC1; p=none"), ["Look dmarc: policy none, by shop.net, and no reports"]);
}

#[test]
fn a_strict_record_asks_for_a_signature_of_the_very_domain() {
    let signed_above = |record: &str| {
        after(|facts| {
            sender(facts).identity.as_mut().unwrap().as_mut().unwrap().domain = "shop.net".to_owned();
            sender(facts).dmarc = Ok(dmarc(record));
        })
    };
    assert_eq!(signed_above("v=DMARC1; p=reject"), [""; 0], "a domain above is near enough");
    let said = "adkim=s asks for a signature by this very domain, and SES signs for one above it";
    assert_eq!(signed_above("v=DMARC1; p=reject; adkim=s"), [format!("Wrong dmarc: {said}")]);
    assert_eq!(signed_above("v=DMARC1; p=none; adkim=s"), [format!("Look dmarc: {said}")]);
    assert_eq!(published_as("v=DMARC1; p=reject; adkim=s"), [""; 0], "and here it is that domain");
}

#[test]
fn the_suite_must_hear_what_becomes_of_its_mails() {
    let all = || destination(DestinationKind::EventBridge, &MAIL_EVENTS);
    let both = || destination(DestinationKind::Sns, &FEEDBACK_EVENTS);
    assert_eq!(edit_destinations(vec![all()]), ["Look feedback: SNS is not told of BOUNCE, COMPLAINT"]);
    assert_eq!(
        edit_destinations(vec![both(), Destination { is_enabled: false, ..all() }]).len(),
        1,
        "one that is off tells nothing"
    );
    let fewer = destination(DestinationKind::EventBridge, &MAIL_EVENTS[..6]);
    assert_eq!(
        edit_destinations(vec![both(), fewer]),
        ["Wrong mail-events: EventBridge is not told of RENDERING_FAILURE, SUBSCRIPTION"]
    );
    let opens = destination(DestinationKind::Other, &["OPEN"]);
    assert_eq!(
        edit_destinations(vec![all(), both(), opens]),
        ["Look tracking: OPEN is among the events: SES rewrites links or adds a picture"]
    );
    let left_to_ses = after(|facts| {
        facts.destinations.as_mut().unwrap().push(destination(DestinationKind::EventBridge, &["CLICK"]));
        let Ok(Held::There(InForce { catalog, .. })) = &mut facts.running.release else { unreachable!() };
        catalog.elsewhere.tracking = Tracking::Off;
        catalog.regions.iter_mut().for_each(|region| region.rules.tracking = Tracking::Off);
    });
    assert_eq!(left_to_ses, [""; 0], "whoever leaves it to SES has it so");
    assert_eq!(after(|facts| facts.configuration_set = Ok(None)).len(), 1, "one that is not there is said once");
    let of_the_account = |reasons: &[&str]| {
        after(|facts| {
            facts.configuration_set.as_mut().unwrap().as_mut().unwrap().suppressed = None;
            facts.account.as_mut().unwrap().suppressed = words(reasons);
        })
    };
    assert_eq!(of_the_account(&FEEDBACK_EVENTS), [""; 0]);
    assert_eq!(of_the_account(&["COMPLAINT"]), ["Look suppression: SES does not keep a list of addresses for BOUNCE"]);
}

#[test]
fn secrets_must_be_there_and_read_and_be_the_right_ones() {
    assert_eq!(
        secret(Secret::Pepper, SecretState::Absent),
        ["Wrong secret: it is missing: no form is taken, and no chore runs"]
    );
    assert_eq!(
        secret(Secret::TokenKeys, SecretState::Absent),
        ["Wrong secret: they are missing: no form is taken, and no mail goes out"]
    );
    for optional in [Secret::EventKeys, Secret::CrmKeys, Secret::WebhookSecrets, Secret::Front] {
        assert_eq!(secret(optional, SecretState::Absent), [""; 0]);
        let malformed = SecretState::Malformed("so".to_owned());
        assert_eq!(secret(optional, malformed), ["Wrong secret: the functions cannot read it: so"]);
    }
    assert_eq!(
        secret(Secret::CrmKeys, SecretState::Sound { is_encrypted: false }),
        ["Look secret: it is kept in clear, not as a SecureString"]
    );
    assert_eq!(
        secret(Secret::Front, SecretState::Sound { is_encrypted: true }),
        ["Wrong secret: it is a SecureString, which CloudFormation cannot hand to CloudFront"]
    );
    assert_eq!(
        after(|facts| facts.webhooks_unsigned.extend(WebhookName::parse("crm"))),
        ["Wrong webhook: it has no secret, so it is not called"]
    );
    let fit = |fit| after(|facts| facts.pepper = Some(Ok(fit)));
    assert_eq!(
        fit(PepperFit::Fits { fitting: 0, tried: 2 }),
        ["Wrong pepper-fits: of 2 leads tried, none has its id by this pepper: it is another one"]
    );
    assert_eq!(fit(PepperFit::NoLeads), [""; 0]);
}

#[test]
fn a_table_must_be_as_the_stack_makes_it() {
    assert_eq!(
        edit_table(|it| it.stream = None),
        ["Wrong stream: no new rows are streamed: the bus hears nothing, and sales is told nothing"]
    );
    assert_eq!(edit_table(|it| it.stream = Some("KEYS_ONLY".to_owned())).len(), 1);
    assert_eq!(
        edit_table(|it| it.indexes_missing.push("pulse".to_owned())),
        ["Wrong table: it lacks the index pulse: nothing is found that is due"]
    );
    assert_eq!(edit_table(|it| it.is_protected = false), ["Look protection: it can be deleted by mistake"]);
    assert_eq!(after(|facts| facts.has_backups = Ok(false)).len(), 1);
    assert_eq!(after(|facts| facts.is_collected = Ok(false)).len(), 1);
    let nothing = after(|facts| {
        let failed = || NotLooked::Failed("ResourceNotFoundException".to_owned());
        facts.table = Ok(None);
        (facts.has_backups, facts.is_collected) = (Err(failed()), Err(failed()));
        facts.running.release = Err(failed());
    });
    assert_eq!(nothing, ["Wrong table: there is no such table in this region"], "and it is said once");
}

#[test]
fn what_is_in_force_and_what_is_held_is_said() {
    let release = |held| after(|facts| facts.running.release = Ok(held));
    assert_eq!(release(Held::Nothing), ["Wrong release: no programs are in force: forms are answered with 503"]);
    assert_eq!(
        release(Held::Unusable("release 4 is not usable".to_owned())),
        ["Wrong release: release 4 is not usable"]
    );
    let held = |brake, switch| after(|facts| facts.running.sending = Some(Ok(sender_status(brake, switch))));
    assert_eq!(held(Brake::Everything, None), ["Wrong sending: all mail is held: too many bounces or complaints"]);
    assert_eq!(held(Brake::LowPriority, None).len(), 1);
    assert_eq!(
        held(Brake::Everything, Some(SenderSwitch::Paused { at: now() })),
        ["Look sending: all mail is paused by hand, since 2026-03-02T10:00:00Z"]
    );
    let paused = after(|facts| {
        let pause = SendingPause { until: now(), reason: "SendingPausedException".to_owned() };
        facts.running.sending = Some(Ok(SendingStatus { pause: Some(pause), ..sender_status(Brake::Off, None) }));
    });
    assert_eq!(paused, ["Wrong sending: nobody sends until 2026-03-02T10:00:00Z: SendingPausedException"]);
    let overdue = |minutes| {
        let pulse = now() - SignedDuration::from_mins(minutes);
        after(|facts| facts.running.first_pulse = Ok(Some(pulse)))
    };
    assert_eq!(overdue(15), [""; 0]);
    assert_eq!(
        overdue(16),
        ["Wrong sweep: a lead has been due since 2026-03-02T09:44:00Z: nothing sweeps, or not fast enough"]
    );
    let example = after(|facts| {
        let Ok(Held::There(InForce { catalog, .. })) = &mut facts.running.release else { unreachable!() };
        catalog.organisation.postal_address = EXAMPLE_POSTAL_ADDRESS.to_owned();
    });
    assert_eq!(example, ["Wrong postal-address: the catalog still has the postal address of the example"]);
}

#[test]
fn links_lead_to_a_host_of_ones_own() {
    let base_url = |url: &str| after(|facts| facts.base_url = Some(url.to_owned()));
    assert_eq!(base_url("http://leads.shop.net"), ["Wrong base-url: http://leads.shop.net is not https"]);
    let of_the_api = "abc.execute-api.eu-central-1.amazonaws.com";
    assert_eq!(
        base_url(&format!("https://{of_the_api}")),
        [format!("Look base-url: {of_the_api} is the API's own name")]
    );
    assert_eq!(after(|facts| facts.base_url = None), [""; 0], "nobody asked");
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(&'static str);

#[test]
fn a_refusal_of_iam_is_told_by_its_action_and_by_nothing_of_whoever_asked() {
    let denied = Said(
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/ops/ada@example.com is not authorized to \
         perform: kms:Decrypt on resource: arn:aws:kms:eu-central-1:111122223333:key/1",
    );
    assert_eq!(NotLooked::of(&denied, "ssm:GetParameters"), NotLooked::Denied("kms:Decrypt".to_owned()));
    let quoted =
        Said("Error { message: \"it is not authorized to perform: ses:GetAccount\", code: \"AccessDeniedException\" }");
    assert_eq!(NotLooked::of(&quoted, "it"), NotLooked::Denied("ses:GetAccount".to_owned()));
    let unnamed = Said("AccessDeniedException: no");
    assert_eq!(NotLooked::of(&unnamed, "ses:GetAccount"), NotLooked::Denied("ses:GetAccount".to_owned()));
    let expired = Said("ExpiredTokenException: the security token is expired");
    assert_eq!(NotLooked::of(&expired, "ses:GetAccount"), NotLooked::Failed(expired.to_string()));
    let said = after(|facts| facts.account = Err(NotLooked::of(&denied, "ses:GetAccount")));
    assert_eq!(said, ["NotChecked account: kms:Decrypt is not allowed"]);
}
