//! Pages and API of those who sell: who sees what, what a press does, and what nobody learns.

mod api;
mod dispositions;
mod gateway;
mod pages;
mod promises;
mod team;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use perennial_app::desk::{DeskRef, ListRef, Seat};
use perennial_app::ports::Stored;
use perennial_aws::clients::Clients;
use perennial_core::catalog::{Catalog, Handover, Route, Sender};
use perennial_core::ids::{LeadId, QueueName, RepName, RouteName, TeamName};
use perennial_core::lead::Ownership;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::{Outcome, Party};
use serde_json::{Value, json};

use crate::scenarios::world::{TABLE, World, letterhead, sample, shipped};

pub(crate) const NOW: &str = "2026-03-02 10:00";

fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

fn queue(name: &str) -> QueueName {
    QueueName::parse(name).unwrap()
}

/// The shipped programs, with two teams: Robin and Kim inside, whom Lee manages, and Sam in the field.
pub(crate) fn staffed() -> Catalog {
    let team = |name: &str| TeamName::parse(name).unwrap();
    let hours = |zone: &str| OfficeHours {
        zone: zone.to_owned(),
        days: Weekdays::ALL[..5].to_vec(),
        opens: "09:00".parse().unwrap(),
        closes: "17:00".parse().unwrap(),
        holidays: [].into(),
    };
    let person = |name: &str, address: &str, of: &str, status| Rep {
        sender: Sender { name: name.to_owned(), address: format!("{address}@perennial.example") },
        team: team(of),
        status,
        hours: None,
        open_max: None,
    };
    let active = RepStatus::Active;
    let reps = [
        ("robin", person("Robin Vale", "robin.vale", "inside", active)),
        ("kim", person("Kim Ost", "kim.ost", "inside", active)),
        ("lee", person("Lee West", "lee.west", "managers", RepStatus::Away)),
        ("sam", person("Sam Nord", "sam.nord", "field", active)),
        ("gone", person("Gil Gone", "gil.gone", "inside", RepStatus::Left)),
    ];
    let teams = [
        ("inside", Team { manager: Some(rep("lee")), hours: hours("Europe/London") }),
        ("managers", Team { manager: None, hours: hours("Europe/Berlin") }),
        ("field", Team { manager: None, hours: hours("Europe/Berlin") }),
    ];
    let roster = Roster {
        reps: reps.into_iter().map(|(name, person)| (rep(name), person)).collect(),
        teams: teams.into_iter().map(|(name, of)| (team(name), of)).collect(),
    };
    let inside = RouteName::parse("inside").unwrap();
    let mut catalog = shipped();
    catalog.roster = Arc::new(roster);
    let to_inside = Route { team: Some(team("inside")), queue: queue("sdr") };
    catalog.routes = BTreeMap::from([(inside.clone(), to_inside)]);
    catalog.handover = Handover { entry: Some(inside.clone()), qualified: Some(inside) };
    catalog
}

/// Ada, who asked to be contacted, with Robin, and ready for sales.
async fn with_ada() -> (World, LeadId) {
    let world = World::of(staffed(), NOW).await;
    let ada = ada_posts(&world).await;
    give(&world, &ada, "robin").await;
    (world, ada)
}

async fn ada_posts(world: &World) -> LeadId {
    let fields = json!({
        "email": "ada@example.com", "phone": "+49 30 901820", "first_name": "Ada", "last_name": "Marsh",
        "company": "Marsh Lifts", "message": "Please call me.",
    });
    world.post(fields).await
}

pub(crate) async fn give(world: &World, lead: &LeadId, to: &str) {
    let owner = Ownership::Assigned { rep: rep(to) };
    world.functions.sales.desk.hand_over(&Party::Operator, lead, owner).await.unwrap();
    world.deliver().await;
}

async fn stored(world: &World, lead: &LeadId) -> Stored {
    world.store.load(lead).await.unwrap().unwrap()
}

/// Damages what is stored of a lead.
async fn damage(world: &World, lead: &LeadId) {
    let client = Clients::loopback(world.file().dynamodb()).dynamodb();
    let items = client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
    let mut state = items
        .into_iter()
        .find(|item| {
            let is = |name: &str, value: &str| item[name].as_s().is_ok_and(|text| text == value);
            is("PK", &format!("LEAD#{lead}")) && is("SK", "STATE")
        })
        .unwrap();
    state.remove("lead").unwrap();
    client.put_item().table_name(TABLE).set_item(Some(state)).send().await.unwrap();
}

/// The outcomes that history has, by their names.
async fn told(world: &World, lead: &LeadId) -> Vec<&'static str> {
    let events = world.events(lead).await;
    events
        .iter()
        .filter_map(|event| match event {
            perennial_core::event::Event::Disposed { outcome, .. } => Some(outcome.name()),
            _ => None,
        })
        .collect()
}

/// The last outcome that history has.
async fn last_told(world: &World, lead: &LeadId) -> (Party, Outcome) {
    let events = world.events(lead).await;
    let told = events.into_iter().rev().find_map(|event| match event {
        perennial_core::event::Event::Disposed { by, outcome, .. } => Some((by, outcome)),
        _ => None,
    });
    told.unwrap()
}

/// What the function answers.
struct Answer {
    status: i64,
    body: String,
    headers: Value,
}

async fn call(world: &World, event: Value) -> Answer {
    let request = crate::scenarios::world::read(&event);
    let answer = sales_desk::handle(Arc::clone(&world.functions.sales), request).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    world.deliver().await;
    Answer { status: answer["statusCode"].as_i64().unwrap(), body, headers: answer["headers"].clone() }
}

fn token_of(link: &str) -> String {
    link.rsplit('/').next().unwrap().to_owned()
}

fn made_at(world: &World) -> Timestamp {
    use perennial_app::ports::Clock as _;
    world.clock.now()
}

fn lead_token(world: &World, lead: &LeadId, seat: Seat) -> String {
    token_of(&DeskRef { lead: lead.clone(), seat, made_at: made_at(world) }.link(&letterhead(), world.catalog()))
}

fn list_token(world: &World, seat: Seat) -> String {
    token_of(&ListRef { seat, made_at: made_at(world) }.link(&letterhead(), world.catalog()))
}

/// A request for a page, each with an id of its own, as API Gateway gives it.
fn get(path: &str) -> Value {
    use std::sync::atomic::{AtomicU32, Ordering};
    static REQUEST: AtomicU32 = AtomicU32::new(0);
    let mut event = sample("desk-get.json");
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["requestId"] = json!(format!("request-{}", REQUEST.fetch_add(1, Ordering::Relaxed)));
    event
}

fn post(path: &str, body: &str) -> Value {
    let mut event = get(path);
    event["requestContext"]["http"]["method"] = json!("POST");
    event["headers"]["content-type"] = json!("application/x-www-form-urlencoded");
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    event
}
