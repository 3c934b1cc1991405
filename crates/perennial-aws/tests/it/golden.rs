//! The stored form of every row, pinned: whoever changes a file here changes what is out there.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use perennial_app::ports::{Commit, EngagementRecord, ImportRecord, SendingPause, Store};
use perennial_aws::dynamo::DynamoStore;
use perennial_core::consent::{OptIn, Preferences};
use serde_json::Value;

use crate::embedded::{TABLE, client, start};
use crate::samples::{catalog, commit, id, noon, program, release, touch};

type Item = HashMap<String, AttributeValue>;

/// Everything that a store writes, once, by its file in `tests/golden`.
async fn written() -> BTreeMap<&'static str, Item> {
    written_with(commit()).await
}

async fn written_with(commit: Commit) -> BTreeMap<&'static str, Item> {
    let client = client(&start().await);
    let store = DynamoStore::new(client.clone(), TABLE).with_outbox();
    store.commit(&commit).await.unwrap();
    let fact = EngagementRecord { lead: id(), touch: touch(), kind: "delivered".to_owned(), at: noon() };
    store.record_engagement(&fact).await.unwrap();
    store.pause_sending(&SendingPause { until: noon(), reason: "SendingPausedException".to_owned() }).await.unwrap();
    let import = ImportRecord {
        id: "hash-of-the-file".to_owned(),
        source: "trade-fair".to_owned(),
        at: noon(),
        rows: 9,
        refused: BTreeMap::from([("no address or phone number".to_owned(), 2)]),
    };
    store.put_import(&import).await.unwrap();
    store.put_program(&program()).await.unwrap();
    store.put_catalog(&catalog()).await.unwrap();
    assert!(store.set_release(&release(), None).await.unwrap());
    let items = client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
    items.into_iter().map(|item| (file(&item), item)).collect()
}

fn file(item: &Item) -> &'static str {
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    match (text("PK"), text("SK")) {
        (_, "STATE") => "state",
        (_, "PROFILE") => "profile",
        (_, "IDEM") => "idempotency",
        (_, "RUN") => "import",
        ("CONTROL", "PAUSE") => "pause",
        ("CONTROL", "RELEASE") => "release",
        ("CATALOG", _) => "catalog",
        ("PROGRAM#welcome", _) => "program",
        ("OUTBOX", _) => "outbox",
        (_, sort) if sort.starts_with("H#") => "history",
        (_, sort) if sort.starts_with("S#") => "submission",
        (_, sort) if sort.starts_with("E#") => "engagement",
        (partition, sort) => panic!("a row without a golden file: {partition}/{sort}"),
    }
}

/// As DynamoDB JSON, with the token of the write, which is another one each time, left out.
fn form(item: &Item) -> String {
    let item: serde_dynamo::Item = item.clone().into();
    let mut json = serde_json::to_value(item).unwrap();
    if let Some(token) = json.pointer_mut("/write/S") {
        assert_eq!(token.as_str().map(str::len), Some(32));
        *token = Value::String("a token of 32 hexadecimal digits".to_owned());
    }
    sorted(&json)
}

fn sorted(json: &Value) -> String {
    // The map of serde_json sorts its keys.
    serde_json::to_string_pretty(json).unwrap() + "\n"
}

#[tokio::test]
async fn each_row_is_stored_as_its_golden_file_says() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let written = written().await;
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut wrong = Vec::new();
    for (name, item) in &written {
        let path = folder.join(format!("{name}.json"));
        let stored = form(item);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&stored) {
            // A proposal, beside the file and never in its place.
            let proposal = std::env::temp_dir().join(format!("perennial-golden-{name}.json"));
            std::fs::write(&proposal, stored).unwrap();
            wrong.push(format!("{} (see {})", path.display(), proposal.display()));
        }
    }
    assert!(wrong.is_empty(), "the stored form is another than in {wrong:#?}");
    assert_eq!(files, written.keys().copied().collect::<Vec<_>>(), "a golden file of no row, or a row without one");
}

#[tokio::test]
async fn the_state_of_a_lead_in_the_middle_of_a_program_costs_one_write_unit() {
    let mut commit = commit();
    // Few are away, have consent that ends, are being asked for it, have chosen, told their language, or get mail that
    // comes back; theirs may cost a second one.
    commit.lead.consent = None;
    commit.lead.language = None;
    commit.lead.soft_bounces = Vec::new();
    commit.lead.soft_until = None;
    commit.lead.withdrawn = Vec::new();
    commit.lead.enrolment.as_mut().unwrap().paused = None;
    commit.lead.opt_in = OptIn::default();
    commit.lead.preferences = Preferences::default();
    let state = &written_with(commit).await["state"];
    let bytes = state.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
    assert!(bytes < 1024, "it takes {bytes} bytes");
}

/// How DynamoDB counts an attribute ("DynamoDB item sizes and formats").
#[expect(clippy::wildcard_enum_match_arm, reason = "a row that holds another kind fails the test")]
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Null(_) | AttributeValue::Bool(_) => 1,
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>(),
        other => panic!("no row holds {other:?}"),
    }
}

#[tokio::test]
async fn a_history_row_holds_nothing_personal() {
    let written = written().await;
    for name in ["state", "history", "engagement", "idempotency", "outbox"] {
        let stored = form(&written[name]);
        for canary in ["canary", "b\u{fc}cher", "xn--", "Ada", "Gr\u{f6}\u{df}e", "5550143", "Spring"] {
            assert!(!stored.contains(canary), "{name} holds {canary}");
        }
    }
}
