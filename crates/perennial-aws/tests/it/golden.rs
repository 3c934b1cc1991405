//! The stored form of every row, pinned: whoever changes a file here changes what is out there.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::date;
use perennial_app::deliveries::{Deliveries as _, Delivery, Failure, Gone, Standing};
use perennial_app::holdings::{Registry as _, RetentionMark};
use perennial_app::news::{News, NewsBook as _, Untold};
use perennial_app::ports::{
    Against, BlockKind, BlockRecord, Bucket, Commit, DeskOwner, DoorBook, EngagementRecord, ImportRecord, SendingPause,
    Store,
};
use perennial_app::publish::EventId;
use perennial_aws::dynamo::DynamoStore;
use perennial_core::actor::{Agent, Hit, Manner, Network, Target};
use perennial_core::breaker::{Brake, BrakeSeen, Feedback, SenderSwitch, Tally};
use perennial_core::consent::{OptIn, Preferences};
use perennial_core::ids::{RepName, SenderDomain, WebhookName};
use perennial_core::lead::Ownership;
use perennial_core::sales::{Audience, DemandCycle, Origin, Trigger};
use serde_json::Value;

use crate::embedded::{TABLE, client, start};
use crate::samples::{catalog, commit, id, noon, program, release, roster, touch};

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
    let hit = Hit {
        at: noon(),
        target: Target::Link(2),
        network: Network::of_hash("a-keyed-hash".to_owned()),
        agent: Agent::Browser,
        manner: Manner::Get,
    };
    assert!(store.record_hit(&id(), &touch(), &hit).await.unwrap());
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
    assert!(store.set_roster(&roster(), None).await.unwrap());
    let sender = SenderDomain::parse("perennial.example").unwrap();
    let (day, before) = (date(2026, 3, 2), Tally { sends: 7, bounces: 2, complaints: 1 });
    store.add_sends(&sender, day, 9).await.unwrap();
    let against = Against { sender: sender.clone(), day, feedback: Feedback::Bounce };
    let bounce = EngagementRecord { kind: "bounced".to_owned(), ..fact.clone() };
    store.record_feedback(&bounce, &against).await.unwrap();
    store.set_sender_switch(&sender, &SenderSwitch::Resumed { at: noon(), before }).await.unwrap();
    store.set_brake_seen(&sender, &BrakeSeen { brake: Brake::LowPriority, at: noon() }).await.unwrap();
    store.set_chore_mark("reconcile-suppressions", noon()).await.unwrap();
    let mark = RetentionMark { at: noon(), cursor: "LEAD#abcdefghijklmnopqrstuvwxyz STATE".to_owned() };
    store.keep_retention_mark(Some(&mark)).await.unwrap();
    let bucket = Bucket { key: "N#hash-of-the-network".to_owned(), minute: noon(), expires_at: noon() };
    store.count(&bucket, 2).await.unwrap();
    assert!(store.use_once("hash-of-the-key", "0123456789abcdef0123456789abcdef", noon(), noon()).await.unwrap());
    let block = BlockRecord { key: "hash-of-the-address".to_owned(), kind: BlockKind::Address, at: noon() };
    assert!(store.block(&block).await.unwrap());
    let (event, hook) = (EventId { lead: id(), seq: 1, place: 0 }, WebhookName::parse("crm").unwrap());
    assert!(store.add_delivery(&hook, &event, noon(), noon()).await.unwrap());
    let waiting = store.delivery(&hook, &event).await.unwrap().unwrap();
    let due = "2026-03-02T12:00:05.25Z".parse().unwrap();
    let failure = Some(Failure::Status(503));
    let failed = Delivery { standing: Standing::Waiting { due }, attempts: 1, failure, ..waiting.clone() };
    assert!(store.change_delivery(&waiting, &failed).await.unwrap());
    store.begin_turn(&hook, noon(), noon()).await.unwrap().unwrap();
    let gone = Gone { url: "https://hooks.example.com/".to_owned(), at: noon() };
    store.set_gone(&hook, Some(&gone)).await.unwrap();
    let kim = RepName::parse("kim").unwrap();
    let news = News {
        reader: DeskOwner::Rep(kim.clone()),
        event: event.clone(),
        at: noon(),
        trigger: Trigger::Moment,
        audience: Audience::Owner,
        owner: Ownership::Working { rep: kim },
        touch: Some(touch()),
    };
    store.keep_news(&news).await.unwrap();
    store.keep_untold(&Untold { event, at: noon(), due }).await.unwrap();
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
        ("CONTROL", "ROSTER") => "roster",
        ("CONTROL", "CHORE#reconcile-suppressions") => "chore",
        ("SENDER#perennial.example", "S#SWITCH") => "sender-switch",
        ("SENDER#perennial.example", "S#BRAKE") => "sender-brake",
        ("SENDER#perennial.example", _) => "sender-day",
        ("CONTROL", "RETENTION") => "retention",
        ("CONTROL", "HOOK#crm") => "endpoint",
        (_, "crm") => "delivery",
        ("CATALOG", _) => "catalog",
        ("PROGRAM#welcome", _) => "program",
        ("OUTBOX", _) => "outbox",
        (_, "ONCE") => "once",
        (_, "BLOCK") => "block",
        (partition, _) if partition.starts_with("RATE#") => "rate",
        ("NEWS#REP#kim", _) => "news",
        ("UNTOLD", _) => "untold",
        (_, sort) if sort.starts_with("H#") => "history",
        (_, sort) if sort.starts_with("S#") => "submission",
        (_, sort) if sort.ends_with("#bounced") => "engagement-counted",
        (_, sort) if sort.contains("#clicked#") => "hits",
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
    // Few are away, have consent that ends, are being asked for it, have chosen, told their language, said no, get mail that
    // comes back or that nobody is sure of, or have just followed a link; theirs may cost a second one.
    commit.lead.consent = None;
    commit.lead.language = None;
    commit.lead.unwilling = false;
    commit.lead.soft_bounces = Vec::new();
    commit.lead.soft_until = None;
    commit.lead.withdrawn = Vec::new();
    commit.lead.enrolment.as_mut().unwrap().paused = None;
    commit.lead.opt_in = OptIn::default();
    commit.lead.preferences = Preferences::default();
    commit.lead.offers = Vec::new();
    commit.lead.followed = Vec::new();
    commit.lead.score.clicks = Vec::new();
    commit.lead.unresolved = Vec::new();
    // Nor does sales have to do something about many, or had already.
    commit.lead.task = None;
    commit.lead.cycle = DemandCycle::open(1, Origin::New, commit.lead.received_at);
    commit.lead.sla = None;
    commit.lead.turnback = None;
    commit.lead.preferred = None;
    commit.lead.crm_status = None;
    commit.lead.disqualified = None;
    commit.lead.requalified = Vec::new();
    commit.lead.evaluate_by = None;
    commit.lead.evaluated_at = None;
    commit.lead.alerted = BTreeMap::new();
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
    for name in ["state", "history", "engagement", "hits", "idempotency", "outbox"] {
        let stored = form(&written[name]);
        for canary in ["canary", "b\u{fc}cher", "xn--", "Ada", "Gr\u{f6}\u{df}e", "5550143", "Spring"] {
            assert!(!stored.contains(canary), "{name} holds {canary}");
        }
    }
}
