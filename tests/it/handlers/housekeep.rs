//! The daily chores, as EventBridge Scheduler begins them.

use std::collections::BTreeMap;
use std::future::IntoFuture as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use housekeep::{Deps, Summary, handle};
use perennial_app::chores::{Chore, Counts};
use perennial_app::library::Library;
use perennial_app::ports::{Cause, Clock as _};
use perennial_app::suppression::{OfStrangers, Reconcile, Suppressed, Suppressor};
use perennial_aws::clients::Clients;
use perennial_aws::ses::SesSuppressionList;
use perennial_core::contact::EmailAddress;
use perennial_core::lead::EmailReach;
use perennial_local::clock::{Clock, Pace};
use perennial_local::letters::{Letter, Letters};
use perennial_local::ses::{MailService, router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing::level_filters::LevelFilter;

use super::ingest_lead::logs::Log;
use crate::scenarios::world::{World, pepper, read, sample};

/// SES's own list, answered over HTTP by the local mail service for whoever is in this mailbox.
async fn list_of(world: &World, letters: &Letters) -> SesSuppressionList {
    let clock = Clock::start(world.file().local_items().unwrap(), Pace::Real).unwrap();
    let (events, _nobody_listens) = mpsc::channel(1);
    let service = MailService { letters: letters.clone(), clock, events };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router(service)).into_future());
    SesSuppressionList::new(Clients::loopback(&format!("http://{address}")).ses_lists())
}

fn suppressor(world: &World) -> Suppressor {
    Suppressor {
        store: Arc::clone(&world.store),
        library: Arc::new(Library::fixed(Arc::new(world.catalog().clone()))),
        clock: world.clock.clone(),
        pepper: pepper(),
    }
}

async fn deps(world: &World, letters: &Letters) -> Arc<Deps> {
    let reconcile = Reconcile { suppressor: suppressor(world), list: Arc::new(list_of(world, letters).await) };
    Arc::new(Deps { chores: vec![Box::new(reconcile)] })
}

/// What the tick leads to, or the name of the invocation's error.
async fn begin(deps: &Arc<Deps>) -> Result<Summary, String> {
    handle(Arc::clone(deps), read(&sample("housekeep-tick.json"))).await.map_err(|error| error.to_string())
}

fn counts(summary: &Summary) -> &Counts {
    summary.done[0].counts.as_ref().unwrap()
}

/// A mail of ours in the mailbox of the mail service.
fn keep(world: &World, letters: &Letters, to: &str) {
    let (at, to) = (world.clock.now(), vec![to.to_owned()]);
    letters
        .keep(&Letter { at, to, mime: b"Subject: x\r\n\r\nx".to_vec(), lead: None, touch: None, attempt: None })
        .unwrap();
}

#[tokio::test]
async fn f17_a_complaint_that_eventbridge_loses_is_found_by_the_daily_reconcile() {
    let world = World::at("2026-03-02 10:00").await;
    let letters = world.file().letters().unwrap();
    let deps = deps(&world, &letters).await;
    let [complains, bounces, fine] =
        ["complaint+a", "bounce+b", "success+c"].map(|name| format!("{name}@simulator.amazonses.com"));
    let mut leads = Vec::new();
    for address in [&complains, &bounces, &fine] {
        leads.push(world.post(json!({ "email": address })).await);
        keep(&world, &letters, address);
    }
    // Of the same account, and none of ours.
    keep(&world, &letters, "bounce+stranger@simulator.amazonses.com");
    let log = Log::at(LevelFilter::INFO);
    // No event of any of it ever comes.
    let summary = begin(&deps).await.unwrap();
    let expected = BTreeMap::from([("listed", 3), ("suppressed", 2), ("known", 0), ("unknown", 1), ("unreadable", 0)]);
    assert_eq!((summary.done[0].chore, counts(&summary)), ("reconcile-suppressions", &expected));
    let mut reach = Vec::new();
    for lead in &leads {
        reach.push(world.lead(lead).await.email);
    }
    assert_eq!(reach, [EmailReach::Complained, EmailReach::HardBounced, EmailReach::Ok]);
    assert!(log.text().contains("a chore is done") && !log.text().contains("simulator"), "{}", log.text());
    world.assert_sound().await;
}

#[tokio::test]
async fn a_reconcile_goes_on_from_the_last_one_and_changes_nothing_twice() {
    let world = World::at("2026-03-02 10:00").await;
    let letters = world.file().letters().unwrap();
    let deps = deps(&world, &letters).await;
    // More than are on a page.
    for number in 0..230 {
        keep(&world, &letters, &format!("bounce+{number}@simulator.amazonses.com"));
    }
    let ada = world.post(json!({ "email": "bounce+229@simulator.amazonses.com" })).await;
    let first = begin(&deps).await.unwrap();
    assert_eq!((counts(&first)["listed"], counts(&first)["suppressed"]), (230, 1));
    let before = world.history(&ada).await;
    let again = begin(&deps).await.unwrap();
    assert_eq!((counts(&again)["known"], counts(&again)["suppressed"]), (1, 0), "a day is looked at twice");
    assert_eq!(world.history(&ada).await, before);

    world.clock.advance(jiff::SignedDuration::from_hours(72));
    begin(&deps).await.unwrap();
    keep(&world, &letters, "complaint@simulator.amazonses.com");
    world.clock.advance(jiff::SignedDuration::from_hours(1));
    assert_eq!(counts(&begin(&deps).await.unwrap())["listed"], 1, "what is older was read");
}

struct Failing;

#[async_trait]
impl Chore for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    async fn run(&self) -> Result<Counts, Cause> {
        Err("told to fail".into())
    }
}

struct Counting;

#[async_trait]
impl Chore for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    async fn run(&self) -> Result<Counts, Cause> {
        Ok([("done", 1)].into())
    }
}

#[tokio::test]
async fn a_chore_that_fails_stops_no_other_and_is_an_error_in_the_end() {
    let log = Log::at(LevelFilter::INFO);
    let deps = Arc::new(Deps { chores: vec![Box::new(Failing), Box::new(Counting)] });
    let error = begin(&deps).await.unwrap_err();
    assert_eq!(error, "chores_failed");
    assert!(log.text().contains("chore.name=\"counting\""), "{}", log.text());
    assert_eq!(log.text().matches("chore.failed").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_list_that_does_not_answer_is_read_from_the_same_place_the_next_day() {
    let world = World::at("2026-03-02 10:00").await;
    let nobody = Clients::loopback("http://127.0.0.1:9").ses_lists();
    let list = Arc::new(SesSuppressionList::new(nobody));
    let reconcile = Reconcile { suppressor: suppressor(&world), list };
    assert!(reconcile.run().await.is_err());
    assert_eq!(world.store.chore_mark(reconcile.name()).await.unwrap(), None);
}

// --- Lists of ours -------------------------------------------------------------------------------------

#[tokio::test]
async fn an_address_that_a_list_forbids_is_not_mailed_when_somebody_comes_in_under_it() {
    let world = World::at("2026-03-02 10:00").await;
    let suppressor = suppressor(&world);
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let [ada_address, eve] = ["ada@example.com", "eve@example.com"].map(|text| EmailAddress::parse(text).unwrap());
    let told = |address| suppressor.suppress(address, EmailReach::Complained, OfStrangers::Kept);
    assert_eq!(told(&ada_address).await.unwrap(), Suppressed::Now);
    assert_eq!(told(&ada_address).await.unwrap(), Suppressed::Already);
    assert_eq!(told(&eve).await.unwrap(), Suppressed::ForLater);
    assert_eq!(told(&eve).await.unwrap(), Suppressed::Already);
    assert_eq!(world.lead(&ada).await.email, EmailReach::Complained);
    world.assert_sound().await;

    let later = world.post(json!({ "email": "eve@example.com" })).await;
    world.live_until("2026-06-01 00:00").await;
    assert_eq!((world.mails(&later).len(), world.lead(&later).await.email), (0, EmailReach::Complained));
}

#[tokio::test]
async fn of_sess_list_nobody_is_kept_whom_we_do_not_know() {
    let world = World::at("2026-03-02 10:00").await;
    let stranger = EmailAddress::parse("stranger@example.com").unwrap();
    let suppressed = suppressor(&world).suppress(&stranger, EmailReach::HardBounced, OfStrangers::Passed).await;
    assert_eq!(suppressed.unwrap(), Suppressed::Unknown);
    assert!(world.survey().await.is_empty());
}
