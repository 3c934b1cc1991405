//! `perennial doctor`, whole: the real command, before an AWS and a DNS of this machine.

mod cloud;
mod names;

use std::fs;
use std::path::Path;

use perennial_app::doctor::{EXAMPLE_POSTAL_ADDRESS, FEEDBACK_EVENTS, MAIL_EVENTS};
use serde_json::{Value, json};

use crate::faults::process::{Place, Said};
use cloud::{Cloud, denied};
use names::Names;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 32 bytes in base64, and no others like them.
const PEPPER: &str = "cGVwcGVyLWNhbmFyeS03ZjMtcGVwcGVyLWNhbmFyeSE=";
const TOKEN_KEYS: &str = "k1:dG9rZW5zLWNhbmFyeS03ZjMtdG9rZW5zLWNhbmFyeSE=";

/// Copies the shipped programs, with a postal address of one's own.
fn own_programs(place: &Place) -> String {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                copy(&from, &to);
            } else {
                fs::copy(from, to).unwrap();
            }
        }
    }
    let programs = place.path("programs");
    copy(&Path::new(ROOT).join("programs"), Path::new(&programs));
    let catalog = Path::new(&programs).join("catalog.toml");
    let text = fs::read_to_string(&catalog).unwrap();
    let own = text.replace(EXAMPLE_POSTAL_ADDRESS, "3 Harbour Lane, 20457 Hamburg, Germany");
    assert_ne!(own, text, "the shipped catalog has the address that the doctor knows as the example's");
    fs::write(catalog, own).unwrap();
    programs
}

/// The pepper, and the keys of links.
fn secrets(cloud: &Cloud) {
    cloud.parameter("/perennial/pepper", "SecureString", PEPPER);
    cloud.parameter("/perennial/token-keys", "SecureString", TOKEN_KEYS);
}

/// A lead of the table, by the pepper that is in the environment.
async fn import_ada(place: &Place, cloud: &Cloud, pepper: &str) {
    fs::write(place.path("leads.csv"), "Email\nada@example.com\n").unwrap();
    fs::write(place.path("leads.toml"), "form = 'list'\nlist = 'leads'\n[fields]\nemail = 'Email'").unwrap();
    let (list, map) = (place.path("leads.csv"), place.path("leads.toml"));
    let imported = cloud.perennial(&["import", &list, "--map", &map, "--table", "perennial"], Some(pepper)).await;
    assert_eq!(imported.status, Some(0), "{}{}", imported.out, imported.error);
}

async fn push(place: &Place, cloud: &Cloud) {
    let pushed = cloud.perennial(&["push", &own_programs(place), "--table", "perennial"], None).await;
    assert_eq!(pushed.status, Some(0), "{}{}", pushed.out, pushed.error);
}

async fn examine(cloud: &Cloud, names: &Names, more: &[&str]) -> Said {
    let dns = names.address();
    let doctor = ["doctor", "--table", "perennial", "--dns", &dns];
    let said = cloud.perennial(&[&doctor, more].concat(), None).await;
    for canary in ["ada@example.com", "canary", PEPPER, TOKEN_KEYS, "cGVwcGVy", "dG9rZW5z", "111122223333"] {
        assert!(!said.out.contains(canary) && !said.error.contains(canary), "{canary}: {}{}", said.out, said.error);
    }
    said
}

fn with_dmarc() -> Vec<(&'static str, &'static str)> {
    vec![("_dmarc.perennial.example", "v=DMARC1; p=quarantine; rua=mailto:dmarc@perennial.example")]
}

#[tokio::test]
async fn a_deployment_that_is_whole_is_said_to_be() {
    let (place, cloud, names) = (Place::new(), Cloud::start().await, Names::start(with_dmarc()).await);
    secrets(&cloud);
    push(&place, &cloud).await;
    import_ada(&place, &cloud, PEPPER).await;
    let said = examine(&cloud, &names, &["--base-url", "https://leads.perennial.example"]).await;
    insta::assert_snapshot!("whole", said.out);
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_deployment_that_is_sick_is_told_what_to_do() {
    let (place, cloud, names) = (Place::new(), Cloud::start().await, Names::start(Vec::new()).await);
    cloud.parameter("/perennial/pepper", "String", PEPPER);
    cloud.parameter("/perennial/token-keys", "SecureString", "k1:Y2FuYXJ5");
    push(&place, &cloud).await;
    // By another pepper than the one that is there now.
    import_ada(&place, &cloud, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").await;
    cloud.edit("GET /v2/email/account", |account| {
        account["ProductionAccessEnabled"] = json!(false);
        account["EnforcementStatus"] = json!("PROBATION");
        account["SendQuota"] = json!({ "Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 170.0 });
        account["PricingAttributes"] = json!({ "CurrentPlan": "ESSENTIALS" });
    });
    cloud.edit("GET /v2/email/identities/perennial.example", |identity| {
        identity["VerifiedForSendingStatus"] = json!(false);
        identity["DkimAttributes"]["Status"] = json!("PENDING");
        identity["MailFromAttributes"] = json!({
            "MailFromDomain": "bounces.perennial.example", "MailFromDomainStatus": "PENDING",
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        });
    });
    cloud.edit("GET /v2/email/configuration-sets/perennial/event-destinations", |destinations| {
        let Value::Array(all) = &mut destinations["EventDestinations"] else { panic!("{destinations}") };
        all.retain(|destination| destination["SnsDestination"].is_null());
    });
    cloud.edit("DescribeTable", |described| {
        described["Table"]["DeletionProtectionEnabled"] = json!(false);
        described["Table"]["StreamSpecification"] = Value::Null;
    });
    let said = examine(&cloud, &names, &["--base-url", "https://abc.execute-api.eu-central-1.amazonaws.com/"]).await;
    insta::assert_snapshot!("sick", said.out);
    assert_eq!((said.status, said.error.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn nothing_is_there_yet() {
    let (cloud, names) = (Cloud::start().await, Names::start(Vec::new()).await);
    cloud.answer("GET /v2/email/configuration-sets/perennial", 404, json!({ "__type": "NotFoundException" }));
    let said = examine(&cloud, &names, &["--json"]).await;
    assert_eq!(said.status, Some(1), "{}{}", said.out, said.error);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let Value::Array(findings) = &told["findings"] else { panic!("{told}") };
    let wrong: Vec<String> = findings
        .iter()
        .filter(|finding| finding["verdict"] == "wrong")
        .map(|finding| format!("{} {}", finding["check"].as_str().unwrap(), finding["subject"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        wrong,
        ["release -", "configuration-set perennial", "secret /perennial/pepper", "secret /perennial/token-keys"]
    );
    assert_eq!((&told["wrong"], &told["not_checked"]), (&json!(4), &json!(0)));
}

#[tokio::test]
async fn what_iam_does_not_allow_is_named_and_the_rest_goes_on() {
    let (place, cloud, names) = (Place::new(), Cloud::start().await, Names::start(with_dmarc()).await);
    secrets(&cloud);
    push(&place, &cloud).await;
    cloud.answer("GET /v2/email/account", 403, denied("ses:GetAccount"));
    cloud.answer("GetParameters", 400, denied("kms:Decrypt"));
    cloud.answer("DescribeTimeToLive", 400, denied("dynamodb:DescribeTimeToLive"));
    let said = examine(&cloud, &names, &[]).await;
    assert_eq!(said.status, Some(2), "{}{}", said.out, said.error);
    for line in [
        "0 wrong, 0 to look at, 3 not checked, 19 ok\n",
        "not checked  account: ses:GetAccount is not allowed\n",
        "not checked  secrets /perennial: kms:Decrypt is not allowed\n",
        "not checked  ttl perennial: dynamodb:DescribeTimeToLive is not allowed\n",
        "             Allow kms:Decrypt to whoever runs this (docs/operate.md has the whole policy).\n",
        "ok           release: release 1 is in force, with 9 programs\n",
    ] {
        assert!(said.out.contains(line), "{line} is not in\n{}", said.out);
    }
}

#[tokio::test]
async fn a_dns_that_does_not_answer_is_no_domain_without_records() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    secrets(&cloud);
    push(&place, &cloud).await;
    let said = examine(&cloud, &Names::failing().await, &[]).await;
    assert_eq!(said.status, Some(2), "{}{}", said.out, said.error);
    assert!(
        said.out.contains(
            "not checked  dmarc perennial.example: DNS did not say what stands at _dmarc.perennial.example: "
        ),
        "{}",
        said.out
    );
}

#[tokio::test]
async fn two_dmarc_records_are_none() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    secrets(&cloud);
    push(&place, &cloud).await;
    let twice = vec![with_dmarc()[0], ("_dmarc.perennial.example", "v=DMARC1; p=none")];
    let said = examine(&cloud, &Names::start(twice).await, &[]).await;
    assert_eq!(said.status, Some(1));
    let line =
        "wrong        dmarc perennial.example: _dmarc.perennial.example: more than one DMARC record counts as none\n";
    assert!(said.out.contains(line), "{}", said.out);
}

#[tokio::test]
async fn a_store_file_has_nothing_to_ask() {
    let place = Place::new();
    let nowhere = place.perennial(&["doctor"]).await;
    assert_eq!((nowhere.status, nowhere.out.as_str()), (Some(2), ""));
    assert!(nowhere.error.starts_with("error: there is no such store: "), "{}", nowhere.error);
    assert_eq!(place.perennial(&["push", &own_programs(&place)]).await.status, Some(0));
    let said = place.perennial(&["doctor"]).await;
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""));
    assert!(said.out.contains("is a suite of this machine: its mails stay here"), "{}", said.out);
}

#[test]
fn the_events_that_the_doctor_asks_for_are_those_of_the_template() {
    let template = fs::read_to_string(Path::new(ROOT).join("infra/template.yaml")).unwrap();
    let listed: Vec<&str> = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("MatchingEventTypes: [")?.strip_suffix(']'))
        .collect();
    assert_eq!(listed, [MAIL_EVENTS.join(", "), FEEDBACK_EVENTS.join(", ")]);
}
