//! Reps: whose voice a mail has, who gets the answers, and what becomes of what somebody leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use housekeep::Deps;
use jiff::SignedDuration;
use perennial_app::chores::Chore;
use perennial_app::desk::{Desk, Done, Told};
use perennial_app::library::Library;
use perennial_app::ports::{Clock as _, Cursor, DeskOwner, RosterRecord};
use perennial_app::reps::{HandOver, HandedOver};
use perennial_aws::clients::Clients;
use perennial_core::catalog::{Catalog, Route, Sender};
use perennial_core::ids::{LeadId, QueueName, RepName, RouteName, TeamName};
use perennial_core::lead::{LifecycleStage, Ownership, Sending};
use perennial_core::policy::TurnbackReason;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team};
use perennial_core::sales::{Outcome, Party, TurnbackRequest};
use perennial_core::submission::Permission;
use serde_json::json;

use super::world::{LEASE, World, pepper, read, sample, shipped};

fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

/// The shipped catalog with one team that gets all, and its manager.
fn catalog(statuses: &[(&str, RepStatus)]) -> Catalog {
    let mut catalog = shipped();
    let (inside, leads) = (TeamName::parse("inside-sales").unwrap(), TeamName::parse("leads").unwrap());
    let hours = OfficeHours::of_window(&catalog.window, &catalog.default_zone);
    let one = |name: &str, team: &TeamName, status| {
        let sender = Sender { name: format!("{name} of sales"), address: format!("{name}@sales.example") };
        (rep(name), Rep { sender, team: team.clone(), status, hours: None, open_max: None })
    };
    let mut reps: BTreeMap<RepName, Rep> = statuses.iter().map(|(name, status)| one(name, &inside, *status)).collect();
    reps.extend([one("max", &leads, RepStatus::Active)]);
    catalog.roster = Arc::new(Roster {
        reps,
        teams: BTreeMap::from([
            (inside.clone(), Team { manager: Some(rep("max")), hours: hours.clone() }),
            (leads, Team { manager: None, hours }),
        ]),
    });
    let name = RouteName::parse("inside-sales").unwrap();
    catalog.routes.insert(name.clone(), Route { team: Some(inside), queue: catalog.default_queue.clone() });
    catalog.handover.entry = Some(name);
    catalog
}

/// Puts a roster in force: the functions see it, and so does whoever audits.
async fn in_force(world: &mut World, rev: u64, catalog: Catalog) {
    let record = RosterRecord { rev, at: world.clock.now(), roster: (*catalog.roster).clone() };
    assert!(world.store.set_roster(&record, rev.checked_sub(1).filter(|before| *before > 0)).await.unwrap());
    world.redeploy(catalog);
}

fn library(world: &World) -> Arc<Library> {
    Arc::new(Library::fixed(Arc::new(world.catalog().clone())))
}

fn desk(world: &World) -> Desk {
    Desk { store: world.store.clone(), library: library(world), pepper: pepper(), clock: world.clock.clone() }
}

fn hand_over(world: &World) -> HandOver {
    HandOver { store: world.store.clone(), library: library(world), clock: world.clock.clone() }
}

/// The rep of a lead tells.
async fn tells(world: &World, lead: &LeadId, outcome: Outcome) {
    let by = Party::Rep { rep: world.lead(lead).await.rep().unwrap().clone() };
    let key = format!("{}-{}", outcome.name(), lead);
    let told = Told { by, lead: lead.clone(), outcome, note: None, key, happened_at: None, is_status: false };
    assert_eq!(desk(world).dispose(&told).await.unwrap(), Done::Now);
    world.deliver().await;
}

async fn gives(world: &World, lead: &LeadId, owner: Ownership) {
    assert_eq!(desk(world).hand_over(&Party::Operator, lead, owner).await.unwrap(), Done::Now);
    world.deliver().await;
}

async fn owned(world: &World, name: &str) -> BTreeSet<LeadId> {
    let mut leads = BTreeSet::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = world.store.owned(&rep(name), cursor).await.unwrap();
        leads.extend(page.leads.into_iter().map(|lead| lead.id));
        cursor = page.next;
        if cursor.is_none() {
            return leads;
        }
    }
}

/// Robin's leads: ten fresh ones, eight accepted, six deals, six given back, six that are nurtured, four customers.
async fn forty_leads(world: &World) -> Vec<LeadId> {
    let mut leads = Vec::new();
    for number in 0..40 {
        if number % 20 == 0 {
            // One network may post only so often in a minute.
            world.clock.advance(SignedDuration::from_mins(1));
        }
        let address = format!("person{number}@example.com");
        let lead = if (30..36).contains(&number) {
            let lead = world.import(Permission::Allowed, &[("email", &address)]).await;
            gives(world, &lead, Ownership::Assigned { rep: rep("robin") }).await;
            lead
        } else {
            world.post(json!({ "email": address, "phone": format!("+49301234{number:03}") })).await
        };
        let outcomes = match number {
            10..18 => vec![Outcome::Accepted],
            18..24 => vec![Outcome::Accepted, Outcome::Qualified],
            24..30 => vec![Outcome::TurnedBack(TurnbackRequest::new(TurnbackReason::Timing))],
            36..40 => vec![Outcome::Won],
            _ => Vec::new(),
        };
        for outcome in outcomes {
            tells(world, &lead, outcome).await;
        }
        leads.push(lead);
    }
    leads
}

fn to(handed: &HandedOver) -> BTreeMap<String, u64> {
    let name = |owner: &DeskOwner| match owner {
        DeskOwner::Rep(rep) => rep.to_string(),
        DeskOwner::Queue(queue) => format!("queue {queue}"),
    };
    handed.to.iter().map(|(owner, leads)| (name(owner), *leads)).collect()
}

#[tokio::test]
async fn story_f_a_rep_leaves_with_forty_leads_and_none_is_orphaned() {
    use LifecycleStage as Stage;
    use RepStatus::{Active, Away, Left};
    let mut world = World::of(shipped(), "2026-03-02 10:00").await;
    in_force(&mut world, 1, catalog(&[("robin", Active), ("sam", Away), ("lee", Away)])).await;
    let leads = forty_leads(&world).await;
    assert_eq!(owned(&world, "robin").await, leads.iter().cloned().collect());
    let mut before = BTreeMap::new();
    for lead in &leads {
        before.insert(lead.clone(), world.lead(lead).await.stage);
    }
    let count = |stage| before.values().filter(|it| **it == stage).count();
    assert_eq!(
        [Stage::Mql, Stage::Sal, Stage::Sql, Stage::Recycled, Stage::Inquiry, Stage::Customer].map(count),
        [10, 8, 6, 6, 6, 4]
    );
    world.assert_sound().await;

    // A mail to one of the fresh ones is on its way.
    let stored = world.store.load(&leads[0]).await.unwrap().unwrap();
    let touch = stored.lead.enrolment.as_ref().unwrap().touch();
    let sending = Sending { touch, attempt: 1, lease_until: world.clock.now() + LEASE };
    world.store.mark_sending(&leads[0], stored.rev, &sending).await.unwrap();

    in_force(&mut world, 2, catalog(&[("robin", Left), ("sam", Active), ("lee", Active)])).await;
    let audit = world.audit().await;
    assert_eq!(audit.violations.iter().filter(|it| it.invariant == "I7").count(), 40, "robin owns nothing any more");
    let handed = hand_over(&world).of(&rep("robin")).await.unwrap();
    assert_eq!((handed.left, handed.to.values().sum::<u64>()), (0, 40), "also the one whose mail is on its way");

    // Another run, or the daily chore, finds nothing more.
    world.clock.advance(LEASE + SignedDuration::from_secs(1));
    let chores: Vec<Box<dyn Chore>> = vec![Box::new(hand_over(&world))];
    let tick = read(&sample("housekeep-tick.json"));
    let summary = housekeep::handle(Arc::new(Deps { chores }), tick).await.unwrap();
    assert_eq!(summary.done[0].counts, Some(BTreeMap::from([("handed_on", 0), ("left", 0)])));
    world.deliver().await;

    assert_eq!(owned(&world, "robin").await, BTreeSet::new());
    let mut fresh = BTreeMap::<String, u32>::new();
    for (lead, stage) in &before {
        let now = world.lead(lead).await;
        assert_eq!(now.stage, *stage, "a hand-over changes no stage");
        let queue = Ownership::Queue { queue: world.catalog().default_queue.clone() };
        match stage {
            Stage::Mql => *fresh.entry(now.rep().unwrap().to_string()).or_default() += 1,
            Stage::Sql => assert_eq!(now.rep(), Some(&rep("max"))),
            _ => assert_eq!(now.owner, Some(queue)),
        }
    }
    assert_eq!(fresh.values().sum::<u32>(), 10);
    assert!(fresh.keys().eq(["lee", "sam"]) && fresh.values().all(|leads| (4..=6).contains(leads)), "{fresh:?}");
    world.assert_sound().await;
    let again = hand_over(&world).of(&rep("robin")).await.unwrap();
    assert_eq!((to(&again), again.left), (BTreeMap::new(), 0), "nobody is moved twice");

    // Whoever now has them leaves, too, and nobody of the team is left: the queue has their fresh ones.
    in_force(&mut world, 3, catalog(&[("robin", Left), ("sam", Left), ("lee", Left)])).await;
    let (sam, lee) =
        (hand_over(&world).of(&rep("sam")).await.unwrap(), hand_over(&world).of(&rep("lee")).await.unwrap());
    for handed in [sam, lee] {
        assert!(to(&handed).keys().eq(["queue sdr"]), "{handed:?}");
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn a_rep_who_is_there_hands_over_nothing() {
    let mut world = World::of(shipped(), "2026-03-02 10:00").await;
    in_force(&mut world, 1, catalog(&[("robin", RepStatus::Away), ("sam", RepStatus::Active)])).await;
    let lead = world.post(json!({ "email": "ada@example.com" })).await;
    gives(&world, &lead, Ownership::Assigned { rep: rep("robin") }).await;
    assert_eq!(hand_over(&world).of(&rep("robin")).await.unwrap(), HandedOver::default());
    assert_eq!(world.lead(&lead).await.rep(), Some(&rep("robin")));
}

#[tokio::test]
async fn mail_has_the_voice_of_whoever_owns_the_lead_and_answers_go_to_them() {
    let mut world = World::of(shipped(), "2026-03-02 10:00").await;
    in_force(&mut world, 1, catalog(&[("robin", RepStatus::Active), ("sam", RepStatus::Active)])).await;
    // A list belongs to the queue until somebody gets it.
    let ada = world.import(Permission::Allowed, &[("email", "ada@example.com")]).await;
    let mut voices = Vec::new();
    let ends = ["2026-03-03 18:00", "2026-03-10 18:00", "2026-03-24 18:00"];
    for (end, name) in ends.into_iter().zip([None, Some("robin"), Some("sam")]) {
        if let Some(name) = name {
            gives(&world, &ada, Ownership::Assigned { rep: rep(name) }).await;
        }
        let before = world.mails(&ada).len();
        world.live_until(end).await;
        let mails = world.mails(&ada).split_off(before);
        let own = mails.iter().filter(|mail| mail.from_address != world.catalog().organisation.team.address);
        let said: BTreeSet<String> = own
            .flat_map(|mail| {
                let (name, address) = &mail.reply_to;
                assert_eq!((name, address), (&mail.from_name, &mail.from_address));
                [mail.from_address.clone()]
            })
            .collect();
        voices.push(said.into_iter().collect::<Vec<_>>().join(" "));
    }
    assert_eq!(voices, ["robin.vale@perennial.example", "robin@sales.example", "sam@sales.example"]);

    world.mail_in(&world.answer(&ada, "", "Thanks! Can we talk?\n\nAda")).await;
    let forwarded: Vec<String> = world.forwarder.forwarded().into_iter().map(|mail| mail.to).collect();
    assert_eq!(forwarded, ["sam@sales.example"]);
    // Back to the queue, and it is the queue's.
    gives(&world, &ada, Ownership::Queue { queue: QueueName::parse("sdr").unwrap() }).await;
    world.mail_in(&world.answer(&ada, "", "Are you there?\n\nAda")).await;
    assert_eq!(world.forwarder.forwarded().last().unwrap().to, "robin.vale@perennial.example");
}

#[tokio::test]
async fn what_a_rep_writes_to_our_own_inbox_is_no_leads_mail() {
    let mut world = World::of(shipped(), "2026-03-02 10:00").await;
    in_force(&mut world, 1, catalog(&[("robin", RepStatus::Active)])).await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let raw = world.answer(&ada, "", "I called her.\n\nRobin");
    let raw = String::from_utf8(raw).unwrap().replace("ada@example.com", "robin@sales.example");
    world.mail_in(raw.as_bytes()).await;
    assert!(world.forwarder.forwarded().is_empty());
    assert!(!world.names(&ada).await.contains(&"reply.received"));
    let domains: Vec<String> = world.catalog().senders().into_iter().map(String::from).collect();
    assert_eq!(domains, ["perennial.example", "sales.example"], "bounces of its mail count against its domain");
}

#[tokio::test]
async fn an_audit_finds_a_lead_that_does_not_lie_where_it_should() {
    let mut world = World::of(shipped(), "2026-03-02 10:00").await;
    in_force(&mut world, 1, catalog(&[("robin", RepStatus::Active)])).await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.assert_sound().await;
    let client = Clients::loopback(world.file().dynamodb()).dynamodb();
    let items = client.scan().table_name("perennial").send().await.unwrap().items.unwrap();
    let mut state = items.into_iter().find(|item| item["SK"].as_s().is_ok_and(|sort| sort == "STATE")).unwrap();
    state.insert("desk".to_owned(), state["pulse"].clone());
    client.put_item().table_name("perennial").set_item(Some(state)).send().await.unwrap();
    let found: Vec<_> = world.audit().await.violations;
    assert_eq!(found.iter().map(|it| (it.invariant, it.lead.as_ref())).collect::<Vec<_>>(), [("I7", Some(&ada))]);
    assert!(found[0].message.starts_with("it lies on the desk"), "{}", found[0].message);
}
