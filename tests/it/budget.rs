//! What a touch may cost (ARCHITECTURE.md, "The store"): one mark, one commit, one mail.

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial_app::memory::{Calls, Counting};
use perennial_app::ports::PULSE_SHARDS;
use perennial_aws::dynamo::DynamoStore;
use perennial_core::catalog::{Catalog, Route, Sender};
use perennial_core::ids::{RepName, RouteName, TeamName};
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team};
use perennial_core::submission::Permission;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::scenarios::world::{
    SES_SAMPLES, TABLE, World, berlin, read, ses_event, sns_body, sqs_batch, unsubscribe_post, unsubscribe_token,
};

/// The suite on a store that counts, and the count.
async fn world() -> (World, Arc<Counting<DynamoStore>>) {
    world_of(perennial_core::testing::catalog()).await
}

async fn world_of(catalog: Catalog) -> (World, Arc<Counting<DynamoStore>>) {
    let mut counting = None;
    let world = World::with(catalog, "2026-03-02 10:00", |ports, store| {
        let counted = Arc::new(Counting::new(store.clone()));
        ports.store = counted.clone();
        counting = Some(counted);
    })
    .await;
    (world, counting.unwrap())
}

#[tokio::test]
async fn a_form_post_is_one_read_and_one_commit() {
    let (world, counting) = world().await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(counting.take(), Calls { load: 1, commit: 1, ..Calls::default() });
}

/// The same with a team that gets what comes in.
fn with_team(reps: &[&str]) -> Catalog {
    let mut catalog = perennial_core::testing::catalog();
    let (team, inbox) = (TeamName::parse("inside-sales").unwrap(), RouteName::parse("inbox").unwrap());
    let hours = OfficeHours::of_window(&catalog.window, &catalog.default_zone);
    let rep = |name: &&str| {
        let sender = Sender { name: (*name).to_owned(), address: format!("{name}@perennial.example") };
        let rep = Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None };
        (RepName::parse(name).unwrap(), rep)
    };
    catalog.roster = Arc::new(Roster {
        reps: reps.iter().map(rep).collect(),
        teams: BTreeMap::from([(team.clone(), Team { manager: None, hours })]),
    });
    let queue = catalog.default_queue.clone();
    catalog.routes.insert(inbox.clone(), Route { team: Some(team), queue });
    catalog.handover.entry = Some(inbox);
    catalog
}

#[tokio::test]
async fn to_give_a_lead_to_one_of_several_reps_costs_a_look_at_what_waits_for_them_and_nothing_else_does() {
    let (world, counting) = world_of(with_team(&["robin", "sam"])).await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(counting.take(), Calls { load: 1, loads: 1, commit: 1, ..Calls::default() });
    world.deliver().await;
    assert_eq!(counting.take().loads, 0, "it has a rep");
    let (world, counting) = world_of(with_team(&["robin"])).await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    assert_eq!(counting.take(), Calls { load: 1, commit: 1, ..Calls::default() }, "there is no choice");
}

#[tokio::test]
async fn an_evaluation_is_one_read_and_one_commit_and_a_doubled_event_is_one_read() {
    let (world, counting) = world_of(with_team(&["robin"])).await;
    // Whoever posts this form raises a hand.
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    let look = || {
        let event = read(&crate::scenarios::world::sample("evaluation-due.json"));
        evaluate_requalification::handle(Arc::clone(&world.functions.evaluate), event)
    };
    counting.take();
    assert_eq!(look().await.unwrap(), evaluate_requalification::Summary::Ready);
    assert_eq!(counting.take(), Calls { load: 1, commit: 1, ..Calls::default() });
    assert_eq!(look().await.unwrap(), evaluate_requalification::Summary::Known);
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
}

#[tokio::test]
async fn the_first_mail_is_one_mark_and_one_commit() {
    let (world, counting) = world().await;
    world.commit_post(&json!({ "email": "ada@example.com" })).await;
    counting.take();
    // The nudge. The call step that is due with the mail is settled in the same commit. Beside it, it is looked at whether
    // whoever raised a hand is ready: one more read and commit.
    world.deliver().await;
    assert_eq!(world.mailer.handed_over().len(), 1);
    let calls = counting.take();
    assert_eq!(
        calls,
        Calls { sending_pause: 1, load: 2, mark_sending: 1, commit: 2, sender: 1, add_sends: 1, ..Calls::default() }
    );
}

#[tokio::test]
async fn a_sweep_costs_a_read_a_mark_a_commit_and_a_mail_for_each_touch_and_a_query_for_each_shard() {
    let (world, counting) = world().await;
    let people = 7;
    for number in 0..people {
        let address = format!("person{number}@example.com");
        world.import(Permission::Allowed, &[("email", &address)]).await;
    }
    world.tick().await;
    assert_eq!(world.mailer.handed_over().len(), 7);

    // A nurture mail to each, in one sweep.
    world.clock.set(berlin("2026-03-03 11:00"));
    counting.take();
    assert_eq!(world.tick().await.sent, u64::from(people));
    assert_eq!(world.mailer.handed_over().len(), 14);
    let expected = Calls {
        due: u32::from(PULSE_SHARDS),
        sending_pause: 1,
        load: people,
        mark_sending: people,
        commit: people,
        // Once for the one sender of all of them.
        sender: 1,
        add_sends: 1,
        ..Calls::default()
    };
    assert_eq!(counting.take(), expected);
}

#[tokio::test]
async fn a_sweep_with_nothing_due_writes_nothing() {
    let (world, counting) = world().await;
    world.post(json!({ "email": "ada@example.com" })).await;
    counting.take();
    world.tick().await;
    assert_eq!(counting.take(), Calls { due: u32::from(PULSE_SHARDS), sending_pause: 1, ..Calls::default() });
}

#[tokio::test]
async fn what_is_known_already_is_read_and_not_written() {
    let (world, counting) = world().await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.unsubscribe(&ada).await;
    let mail = world.last_mail(&ada);
    let engagement = || Arc::clone(&world.functions.engagement);

    counting.take();
    record_engagement::handle(engagement(), ses_event("ses-send.json", &mail)).await.unwrap();
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
    record_engagement::handle(engagement(), unsubscribe_post(&unsubscribe_token(&mail))).await.unwrap();
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
}

#[tokio::test]
async fn whatever_decides_nothing_is_a_read_and_at_most_one_plain_write_on_either_path() {
    let (world, counting) = world().await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let mail = world.last_mail(&ada);
    // What decides something the first time decides nothing the second.
    for name in SES_SAMPLES {
        world.hear(name, &ada).await;
    }
    let before = world.store.load(&ada).await.unwrap();
    for name in SES_SAMPLES {
        let written = u32::from(name != "ses-send.json");
        let event = ses_event(name, &mail);
        let batch = sqs_batch(&[sns_body(&event["detail"])]);
        for event in [event, batch] {
            counting.take();
            record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
            // What speaks against the sender is tried as one write with its count, and refused as known.
            let speaks = ["ses-bounce-permanent.json", "ses-complaint.json"].contains(&name);
            let (record_engagement, record_feedback) = if speaks { (0, written) } else { (written, 0) };
            let mut expected = Calls { load: 1, record_engagement, record_feedback, ..Calls::default() };
            // A click is kept as a hit.
            if name == "ses-click.json" {
                (expected.record_engagement, expected.record_hit) = (0, 1);
            }
            assert_eq!(counting.take(), expected, "{name}");
        }
    }
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
}

#[tokio::test]
async fn an_event_of_nobody_is_one_read() {
    let (world, counting) = world().await;
    let nobody = crate::scenarios::world::sample("ses-bounce-permanent.json");
    record_engagement::handle(Arc::clone(&world.functions.engagement), read(&nobody)).await.unwrap();
    assert_eq!(counting.take(), Calls { load: 1, ..Calls::default() });
}

// --- What it costs (docs/cost.md) --------------------------------------------------------------------------------

/// What is stored, by its key, as it goes over the wire.
async fn items(world: &World) -> BTreeMap<(String, String), Map<String, Value>> {
    let address = world.file().dynamodb().trim_start_matches("http://");
    let body = json!({ "TableName": TABLE }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: DynamoDB_20120810.Scan\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260302/eu-central-1/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=00\r\nX-Amz-Date: 20260302T090000Z\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let scanned: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let items = scanned["Items"].as_array().unwrap().iter().map(|item| item.as_object().unwrap().clone());
    let text = |item: &Map<String, Value>, name: &str| item[name]["S"].as_str().unwrap().to_owned();
    items.map(|item| ((text(&item, "PK"), text(&item, "SK")), item)).collect()
}

/// The size of an item as DynamoDB counts it, in bytes: names, and values by their type.
fn size(item: &Map<String, Value>) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("N", Value::String(number)) => number.len().div_ceil(2) + 1,
        (_, Value::String(text)) => text.len(),
        ("M", Value::Object(members)) => 3 + members.len() + size(members),
        (_, Value::Array(items)) => {
            3 + items.iter().map(|item| 1 + item.as_object().map_or(8, |_| size_of_value(item))).sum::<usize>()
        }
        (_, _) => 1,
    }
}

/// A table of `docs/cost.md`, by the start of its rows.
fn cost_rows(start: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cost.md")).unwrap();
    let (_, table) = text.split_once(&format!("\n| {start}")).unwrap_or_else(|| panic!("no table {start}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[tokio::test]
async fn a_mail_and_a_sweep_cost_the_units_that_the_table_of_costs_says() {
    let world = World::of(crate::scenarios::world::shipped(), "2026-03-02 10:00").await;
    let fields = json!({ "email": "ada@example.com", "first_name": "Ada", "message": "How does it work?" });
    let ada = world.post(fields).await;
    world.live_until("2026-03-20 10:00").await;
    world.hear("ses-delivery.json", &ada).await;
    let items = items(&world).await;
    let of_kind = |kind: &str| {
        let of_lead = items.iter().filter(|((partition, _), _)| *partition == format!("LEAD#{ada}"));
        let sizes = of_lead.filter(|((_, sort), _)| sort.starts_with(kind)).map(|(_, item)| size(item));
        sizes.max().unwrap_or_else(|| panic!("no row {kind}"))
    };
    let (writes, reads) = (|kind| of_kind(kind).div_ceil(1024), |kind| of_kind(kind).div_ceil(4096));
    // One mark, one commit, one move in the index (see the sweep above), and the row of the delivery.
    let (mark, commit, index) = (writes("STATE"), 2 * (writes("STATE") + writes("H#")), 2);
    let written = mark + commit + index + writes("E#");
    // By the sweep, and at each of the two events: what a lead is read by.
    let read = 3 * (reads("STATE") + reads("PROFILE"));
    // A query for each part of the index, at half a unit, and what says whether sending rests.
    let idle = usize::from(PULSE_SHARDS) / 2 + 1;
    let expected = [("a mail", written, read), ("a sweep", 0, idle)];
    for (row, (what, writes, reads)) in cost_rows("| write units").into_iter().zip(expected) {
        assert!(row[0].starts_with(what), "{row:?}");
        assert_eq!((&row[1], &row[2]), (&writes.to_string(), &reads.to_string()), "{row:?}");
    }
}

#[test]
fn the_tables_of_costs_add_up() {
    /// In hundredths of a thousandth: exactly.
    fn amount(cell: &str) -> u64 {
        let (whole, part) = cell.split_once('.').unwrap_or_else(|| panic!("{cell} is no amount"));
        format!("{whole}{part:0<5}").parse().unwrap()
    }
    for (table, columns) in [("part | for 1,000 mails", 1), ("part | a month", 1), ("part | 1,000 mails", 3)] {
        let rows = cost_rows(table);
        let (all, parts) = rows.split_last().unwrap();
        assert_eq!(all[0], "all", "{table}");
        for column in 1..=columns {
            let sum: u64 = parts.iter().map(|row| amount(&row[column])).sum();
            assert_eq!(amount(&all[column]), sum, "{table}, column {column}");
        }
    }
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/template.yaml")).unwrap();
    let (alarms, of_all) =
        (template.matches("Type: AWS::CloudWatch::Alarm").count(), template.matches("MetricStat:").count());
    let said = format!(
        "{alarms} of them; the two on all functions look at {} metrics each: {} metrics",
        of_all / 2,
        alarms - 2 + of_all
    );
    assert_eq!(cost_rows("part | a month")[0][2], said);
}
