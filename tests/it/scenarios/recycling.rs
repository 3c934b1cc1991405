//! The stories of this field: sales takes a lead, gives it back with a reason, and gets it again when the time has come.
//!
//! They are told with the shipped programs and promises, by the real functions over the real store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::SignedDuration;
use jiff::civil::{Date, Time, date};
use perennial_app::desk::{Desk, Done, Told};
use perennial_app::mail::{CLICK_PATH, PROFILE_PATH};
use perennial_app::ports::OutboundMail;
use perennial_core::catalog::{Catalog, Handover, Route, Sender};
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, LeadId, QueueName, RepName, RouteName, TeamName};
use perennial_core::lead::{LifecycleStage, PauseCause, TaskKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::{Origin, Outcome, Party, QualifyCause, Trigger, TurnbackRequest};
use perennial_core::submission::Permission;
use serde_json::{Value, json};

use super::world::{World, berlin, pepper, sample, shipped};

fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

/// Maria, Nils and Paul sell, from nine to five; Olga manages them.
fn roster() -> Roster {
    let hours = OfficeHours {
        zone: "Europe/Berlin".to_owned(),
        days: Weekdays::ALL[..5].to_vec(),
        opens: Time::constant(9, 0, 0, 0),
        closes: Time::constant(17, 0, 0, 0),
        holidays: [date(2026, 4, 3), date(2026, 4, 6)].into(),
    };
    let team = |name: &str| TeamName::parse(name).unwrap();
    let of = |name: &str, team: &TeamName| {
        let sender = Sender { name: name.to_owned(), address: format!("{name}@perennial.example") };
        (rep(name), Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None })
    };
    let (inside, heads) = (team("inside"), team("heads"));
    Roster {
        reps: [of("maria", &inside), of("nils", &inside), of("paul", &inside), of("olga", &heads)].into(),
        teams: [
            (inside, Team { manager: Some(rep("olga")), hours: hours.clone() }),
            (heads, Team { manager: None, hours }),
        ]
        .into(),
    }
}

/// What is shipped, and people who sell.
pub(super) fn selling() -> Catalog {
    let mut catalog = shipped();
    let name = RouteName::parse("inside").unwrap();
    let route = Route { team: TeamName::parse("inside").ok(), queue: QueueName::parse("sdr").unwrap() };
    catalog.routes.insert(name.clone(), route);
    catalog.handover = Handover { entry: Some(name.clone()), qualified: Some(name) };
    catalog.roster = Arc::new(roster());
    catalog
}

async fn world() -> World {
    World::of(selling(), "2026-03-02 10:00").await
}

/// Somebody who asks to be spoken to, and is sales' a moment later.
async fn asks_for_a_call(world: &World) -> LeadId {
    let ada = world.post(json!({ "email": "ada@example.com", "first_name": "Ada", "phone": "+49 30 1234567" })).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Mql);
    ada
}

/// The rep who has the lead tells something, a while later.
pub(super) async fn tells(world: &World, lead: &LeadId, outcome: Outcome, note: Option<&str>) {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    world.clock.advance(SignedDuration::from_mins(1));
    let desk = Desk {
        store: Arc::clone(&world.store),
        library: Arc::clone(&world.functions.evaluate.evaluator.library),
        pepper: pepper(),
        clock: world.clock.clone(),
    };
    let by = Party::Rep { rep: rep(&owner(world, lead).await) };
    let key = TOLD.fetch_add(1, Ordering::Relaxed).to_string();
    let told = Told {
        by,
        lead: lead.clone(),
        outcome,
        note: note.map(str::to_owned),
        happened_at: None,
        is_status: false,
        key,
    };
    assert_eq!(desk.dispose(&told).await.unwrap(), Done::Now);
    assert_eq!(desk.dispose(&told).await.unwrap(), Done::Before, "told twice, it is one outcome");
    world.deliver().await;
    world.assert_sound().await;
}

pub(super) fn back(reason: TurnbackReason, day: Option<Date>) -> Outcome {
    Outcome::TurnedBack(TurnbackRequest { date: day, ..TurnbackRequest::new(reason) })
}

async fn owner(world: &World, lead: &LeadId) -> String {
    world.lead(lead).await.rep().unwrap().to_string()
}

async fn program(world: &World, lead: &LeadId) -> String {
    world.lead(lead).await.enrolment.unwrap().program.to_string()
}

/// The alerts of a lead, as the bus has them: what of, and whose lead it was.
fn alerts(world: &World, lead: &LeadId) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("queue").to_owned();
    let published = world.bus.published().into_iter().filter(|event| event.name == "alert.raised");
    let details = published.map(|event| serde_json::from_str::<Value>(&event.detail).unwrap());
    let theirs = details.filter(|detail| detail["lead"] == json!(lead));
    theirs.map(|detail| (text(&detail["trigger"]), text(&detail["owner"]["rep"]))).collect()
}

/// What of a story is about sales.
async fn told_of_sales(world: &World, lead: &LeadId) -> String {
    let story = world.story(lead).await;
    let words =
        ["is ready for sales", "turned back", "goes to another", "belongs to", "alert", "time passes", "time is over"];
    let mut time = String::new();
    let mut lines = Vec::new();
    for line in story.lines() {
        let (at, told) = line.split_at(22);
        if !at.trim().is_empty() {
            at.trim_end().clone_into(&mut time);
        }
        if words.iter().any(|word| told.contains(word)) {
            lines.push(format!("{time}  {}", told.trim()));
        }
    }
    lines.join("\n")
}

// --- What people do with a mail ------------------------------------------------------------------

/// The tokens of the links of a mail that begin so.
fn tokens(mail: &OutboundMail, path: &str) -> Vec<String> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let rest = mail.text.split(path).skip(1);
    rest.map(|rest| rest[..rest.find(is_end).unwrap_or(rest.len())].to_owned()).collect()
}

async fn asks(world: &World, mut event: Value, path: &str) -> Value {
    event["requestContext"]["http"]["path"] = json!(path);
    event["rawPath"] = json!(path);
    let answer = record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
    serde_json::to_value(answer).unwrap()
}

/// Somebody, or something, follows a link of a mail.
async fn follows(world: &World, token: &str) {
    let answer = asks(world, sample("click-get.json"), &format!("{CLICK_PATH}{token}")).await;
    assert_eq!(answer["statusCode"], 302, "{answer}");
}

/// A person follows the first link of a mail, and is taken for one.
async fn clicks(world: &World, mail: &OutboundMail) {
    follows(world, &tokens(mail, CLICK_PATH)[0]).await;
    later(world, SignedDuration::from_secs(91)).await;
}

async fn later(world: &World, time: SignedDuration) {
    world.clock.advance(time);
    world.tick().await;
    world.assert_sound().await;
}

/// A person presses an answer in a mail, and sends it on its page.
async fn answers(world: &World, mail: &OutboundMail, field: &str, answer: &str) {
    let (before, _) = mail.text.split_once(answer).unwrap();
    let link = tokens(mail, PROFILE_PATH)[before.matches(PROFILE_PATH).count()].clone();
    let path = format!("{PROFILE_PATH}{link}");
    let mut event = sample("profile-get.json");
    event["pathParameters"]["token"] = json!(link);
    let page = asks(world, event, &path).await;
    assert!(page["body"].as_str().unwrap().contains(&format!("value=\"{answer}\" checked")), "{page}");

    let mut event = sample("profile-post.json");
    event["pathParameters"]["token"] = json!(link);
    event["isBase64Encoded"] = json!(false);
    event["body"] = json!(format!("{field}={}&asked={field}", answer.replace(' ', "+")));
    assert_eq!(asks(world, event, &path).await["statusCode"], 200);
    world.deliver().await;
    world.assert_sound().await;
}

// --- The stories ---------------------------------------------------------------------------------

#[tokio::test]
async fn a_budget_that_was_cut_comes_back_next_year_to_the_same_rep_with_its_history() {
    let world = world().await;
    let ada = asks_for_a_call(&world).await;
    let knows = owner(&world, &ada).await;
    tells(&world, &ada, Outcome::Connected, None).await;
    let day = date(2027, 3, 1);
    tells(&world, &ada, back(TurnbackReason::NoBudget, Some(day)), Some("Budget cut, maybe next year.")).await;
    assert_eq!(
        (world.lead(&ada).await.stage, program(&world, &ada).await.as_str()),
        (LifecycleStage::Recycled, "turnback-timing")
    );

    // The program waits, and a click on the way wakes nobody.
    world.live_until("2026-06-10 12:00").await;
    let told = alerts(&world, &ada).len();
    let has_link = |mail: &OutboundMail| !tokens(mail, CLICK_PATH).is_empty();
    clicks(&world, &world.mails(&ada).into_iter().rev().find(has_link).unwrap()).await;
    world.live_until("2027-01-14 18:00").await;
    assert_eq!((alerts(&world, &ada).len(), world.lead(&ada).await.task), (told, None), "sales is left in peace");
    assert!(world.mails(&ada).iter().all(|mail| mail.subject != "Is it still the plan?"));

    // 45 days before, it asks.
    world.live_until("2027-01-15 18:00").await;
    let mail = world.last_mail(&ada);
    assert_eq!((mail.subject.as_str(), mail.from_name.as_str()), ("Is it still the plan?", knows.as_str()));
    answers(&world, &mail, "time_frame", "This quarter").await;

    let lead = world.lead(&ada).await;
    assert_eq!((lead.stage, lead.cycle.number), (LifecycleStage::Mql, 2));
    assert_eq!(lead.cycle.origin, Origin::Recycled { after: TurnbackReason::NoBudget });
    assert_eq!(owner(&world, &ada).await, knows, "the same rep");
    assert_eq!(alerts(&world, &ada).last(), Some(&("requalified".to_owned(), knows)));
    assert_eq!(lead.task.as_ref().map(|task| task.kind), Some(TaskKind::Call));
    let stored = world.store.load(&ada).await.unwrap().unwrap();
    assert_eq!(stored.profile.notes[0].text, "Budget cut, maybe next year.", "and what was said");
    assert_eq!(stored.profile.fields[&FieldName::parse("time_frame").unwrap()], "This quarter");
    insta::assert_snapshot!(told_of_sales(&world, &ada).await, @r"
    Mon 2026-03-02 10:00  belongs to maria
    Mon 2026-03-02 10:00  is ready for sales, in cycle 1: HandRaise
    Mon 2026-03-02 10:00  alert to the Owner, Now: Qualified
    Mon 2026-03-02 10:02  is turned back: no_budget (maria); sales from Fri 2027-01-15 09:00
    Fri 2027-01-15 18:00  is ready for sales again, in cycle 2: RequalifyRule { reason: NoBudget }
    Fri 2027-01-15 18:00  alert to the Owner, Now: Requalified
    ");
}

#[tokio::test]
async fn a_rep_who_never_acts_loses_the_lead_to_another_and_the_manager_hears_of_it() {
    let world = world().await;
    let ada = asks_for_a_call(&world).await;
    let first = owner(&world, &ada).await;
    // Forty-eight open hours are six working days.
    world.live_until("2026-03-11 12:00").await;
    insta::assert_snapshot!(told_of_sales(&world, &ada).await, @"
    Mon 2026-03-02 10:00  belongs to maria
    Mon 2026-03-02 10:00  is ready for sales, in cycle 1: HandRaise
    Mon 2026-03-02 10:00  alert to the Owner, Now: Qualified
    Mon 2026-03-02 10:02  time passes: FirstAttemptDue; next Mon 2026-03-02 10:05
    Mon 2026-03-02 10:02  alert to the Owner, Now: FirstAttemptDue
    Mon 2026-03-02 10:05  time is over: FirstAttemptMissed; next Mon 2026-03-02 10:10
    Mon 2026-03-02 10:05  alert to the Manager, Now: FirstAttemptMissed
    Mon 2026-03-02 10:10  time is over: Reassigned; next Tue 2026-03-10 10:00
    Mon 2026-03-02 10:10  belongs to paul
    Mon 2026-03-02 10:10  alert to the Owner, Now: Reassigned
    Mon 2026-03-02 10:15  alert to the Owner, Now: TaskOverdue
    Tue 2026-03-03 10:15  alert to the Manager, Now: TaskOverdue
    Mon 2026-03-09 10:00  alert to the Owner, Now: TaskOverdue
    Tue 2026-03-10 10:00  alert to the Manager, Now: TaskOverdue
    Tue 2026-03-10 10:00  goes to another: sla_expired
    Tue 2026-03-10 10:00  belongs to nils
    Tue 2026-03-10 10:00  alert to the Owner, Now: Resubmitted
    Tue 2026-03-10 10:02  time passes: FirstAttemptDue; next Tue 2026-03-10 10:05
    Tue 2026-03-10 10:02  alert to the Owner, Now: FirstAttemptDue
    Tue 2026-03-10 10:05  time is over: FirstAttemptMissed; next Tue 2026-03-10 10:10
    Tue 2026-03-10 10:05  alert to the Manager, Now: FirstAttemptMissed
    Tue 2026-03-10 10:10  time is over: Reassigned; next Wed 2026-03-18 10:00
    Tue 2026-03-10 10:10  belongs to the queue sdr
    Tue 2026-03-10 10:10  alert to the Owner, Now: Reassigned
    Tue 2026-03-10 10:15  alert to the Owner, Now: TaskOverdue
    Wed 2026-03-11 10:15  alert to the Manager, Now: TaskOverdue
    ");
    let lead = world.lead(&ada).await;
    assert_eq!((lead.stage, lead.cycle.number, lead.cycle.resubmissions), (LifecycleStage::Mql, 1, 1));
    assert!(lead.cycle.passed_over.contains(&rep(&first)));
    assert!(lead.rep() != Some(&rep(&first)), "whoever let it lie does not get it back");

    // Whoever never decides, in the end it is nobody's, and is nurtured on.
    world.live_until("2026-04-30 12:00").await;
    let lead = world.lead(&ada).await;
    assert_eq!((lead.stage, lead.rep()), (LifecycleStage::Recycled, None));
    assert!(alerts(&world, &ada).iter().any(|(trigger, _)| trigger == "not_decided"));
    assert!(lead.enrolment.is_some());
}

/// A catalog in which one click of a person would be enough.
fn quick_to_believe() -> Catalog {
    let mut catalog = selling();
    (catalog.gate.score, catalog.gate.touches_min) = (1, 1);
    catalog
}

#[tokio::test]
async fn a_scanner_that_follows_every_link_at_once_raises_no_alert_and_a_person_does() {
    let world = World::of(quick_to_believe(), "2026-03-02 10:00").await;
    let ada = world.import(Permission::Allowed, &[("email", "ada@example.com")]).await;
    let has_links = |mail: &OutboundMail| tokens(mail, CLICK_PATH).len() > 1;
    for day in 3..28 {
        world.live_until(&format!("2026-03-{day:02} 18:00")).await;
        if world.mails(&ada).last().is_some_and(has_links) {
            break;
        }
    }
    let mail = world.last_mail(&ada);
    let links = tokens(&mail, CLICK_PATH);
    assert!(links.len() > 1, "{}", mail.text);
    for link in &links {
        follows(&world, link).await;
        world.clock.advance(SignedDuration::from_millis(40));
    }
    later(&world, SignedDuration::from_mins(11)).await;
    assert!(world.names(&ada).await.contains(&"engagement.judged"));
    for name in ["alert.raised", "evaluation.due", "lead.qualified", "signal.recorded"] {
        assert!(!world.names(&ada).await.contains(&name), "{name}: a machine moves nobody");
    }
    assert_eq!(alerts(&world, &ada), []);

    later(&world, SignedDuration::from_hours(20)).await;
    clicks(&world, &mail).await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Mql, "{}", world.story(&ada).await);
    assert_eq!(alerts(&world, &ada).len(), 1);
}

#[tokio::test]
async fn whoever_is_away_until_the_fifth_of_may_hears_of_us_from_the_sixth_on_and_sales_hears_nothing() {
    let world = world().await;
    let ada = asks_for_a_call(&world).await;
    tells(&world, &ada, back(TurnbackReason::Timing, Some(date(2026, 12, 1))), None).await;
    world.live_until("2026-04-20 12:00").await;
    let (mails, told) = (world.mails(&ada).len(), alerts(&world, &ada).len());
    let away = world.answer(&ada, "Auto-Submitted: auto-replied\n", "I am out of the office until 5 May 2026.");
    world.mail_in(&away).await;
    let pause = world.lead(&ada).await.enrolment.unwrap().paused.unwrap();
    assert_eq!((pause.cause, pause.resume_at), (PauseCause::OutOfOffice, berlin("2026-05-06 00:00")));
    world.live_until("2026-05-05 23:59").await;
    assert_eq!(world.mails(&ada).len(), mails, "nobody writes to somebody who is away");
    world.live_until("2026-07-15 12:00").await;
    assert!(world.mails(&ada).len() > mails, "and nobody is forgotten");
    let lead = world.lead(&ada).await;
    assert_eq!(
        (lead.stage, alerts(&world, &ada).len()),
        (LifecycleStage::Recycled, told),
        "a machine's answer is no sign"
    );
    assert!(lead.turnback.unwrap().days.is_empty());
}

#[tokio::test]
async fn whoever_unsubscribes_after_a_turnback_gets_no_mail_ever_and_a_call_where_that_is_lawful() {
    for (phone, is_called) in [(Some("+49 30 1234567"), true), (None, false)] {
        let world = world().await;
        let form = json!({ "email": "ada@example.com", "phone": phone });
        let ada = world.post(form).await;
        tells(&world, &ada, back(TurnbackReason::NoBudget, None), None).await;
        world.live_until("2026-04-20 12:00").await;
        let mails = world.mails(&ada).len();
        assert!(mails > 1, "it was written to");
        world.unsubscribe(&ada).await;
        let tasks = world.names(&ada).await.iter().filter(|name| **name == "task.created").count();
        world.live_until("2027-10-01 12:00").await;
        assert_eq!(world.mails(&ada).len(), mails, "no mail, ever");
        let after = world.names(&ada).await.iter().filter(|name| **name == "task.created").count();
        assert_eq!(after > tasks, is_called, "{}", world.story(&ada).await);
        let stage = if is_called { LifecycleStage::Recycled } else { LifecycleStage::Disqualified };
        assert_eq!(world.lead(&ada).await.stage, stage);
        let kinds = world.events(&ada).await.into_iter().filter_map(|event| match event {
            Event::TaskCreated { kind, .. } => Some(kind),
            _ => None,
        });
        assert!(kinds.skip(tasks).all(|kind| kind == TaskKind::Call));
    }
}

#[tokio::test]
async fn whoever_was_a_customer_all_along_reads_what_customers_read_and_may_ask_for_more() {
    let world = world().await;
    let ada = asks_for_a_call(&world).await;
    tells(&world, &ada, Outcome::ExistingCustomer, None).await;
    let lead = world.lead(&ada).await;
    assert_eq!((lead.stage, lead.task, lead.sla), (LifecycleStage::Customer, None, None));
    assert_eq!(program(&world, &ada).await, "newsletter");
    world.live_until("2026-05-10 12:00").await;
    let told = alerts(&world, &ada).len();
    assert!(world.mails(&ada).len() > 2);

    world.post(json!({ "email": "ada@example.com" })).await;
    let lead = world.lead(&ada).await;
    assert_eq!((lead.stage, lead.cycle.number), (LifecycleStage::Mql, 2), "a hand that is raised for something more");
    assert_eq!((lead.cycle.origin, lead.cycle.qualified.unwrap().cause), (Origin::Customer, QualifyCause::HandRaise));
    assert_eq!((program(&world, &ada).await.as_str(), alerts(&world, &ada).len()), ("newsletter", told + 1));
    assert!(lead.alerted.contains_key(&Trigger::Requalified));
}
