//! What sales is told, as the bus tells `notify` of it (S12, S13, F12).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::date;
use perennial_app::alerts;
use perennial_app::desk::view::NextAct;
use perennial_app::desk::{Desk, DeskLink, Seat, Told};
use perennial_app::library::Library;
use perennial_app::ports::{Clock, Notice};
use perennial_app::privacy::Privacy;
use perennial_core::catalog::{Catalog, Handover, Route, Sender};
use perennial_core::condition::SignalKind;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, FailReason};
use perennial_core::ids::{LeadId, QueueName, RepName, RouteName, TeamName};
use perennial_core::lead::{EmailReach, LifecycleStage, Ownership, TaskKind};
use perennial_core::loader::{SourceFile, parse};
use perennial_core::policy::TurnbackReason;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::{Attempt, Outcome, Party, TurnbackRequest};
use perennial_core::submission::Intent;
use perennial_core::testing;
use serde_json::{Value, json};

use crate::faults::hooked::{Call, Hooked};
use crate::scenarios::consenting;
use crate::scenarios::world::{World, keyring, pepper, read, sample, with_detail};

pub(crate) const JO: &str = "jo@perennial.example";
pub(crate) const KIM: &str = "kim@perennial.example";
pub(crate) const MO: &str = "mo@perennial.example";

pub(crate) fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

fn seller(name: &str, address: &str) -> Rep {
    Rep {
        sender: Sender { name: name.to_owned(), address: address.to_owned() },
        team: TeamName::parse("inside").unwrap(),
        status: RepStatus::Active,
        hours: None,
        open_max: None,
    }
}

/// Monday to Friday, nine to five in Berlin.
pub(crate) fn office() -> OfficeHours {
    OfficeHours {
        zone: "Europe/Berlin".to_owned(),
        days: Weekdays::ALL.into_iter().take(5).collect(),
        opens: jiff::civil::time(9, 0, 0, 0),
        closes: jiff::civil::time(17, 0, 0, 0),
        holidays: std::collections::BTreeSet::new(),
    }
}

/// Jo and Kim sell; Mo, who does not, leads them.
pub(crate) fn roster() -> Roster {
    let team = TeamName::parse("inside").unwrap();
    let mut mo = seller("Mo Lind", MO);
    mo.status = RepStatus::Away;
    Roster {
        reps: BTreeMap::from([
            (rep("jo"), seller("Jo Brandt", JO)),
            (rep("kim"), seller("Kim Osei", KIM)),
            (rep("mo"), mo),
        ]),
        teams: BTreeMap::from([(team, Team { manager: Some(rep("mo")), hours: office() })]),
    }
}

/// The small catalog, with people who sell.
pub(crate) fn selling() -> Catalog {
    with_sellers(testing::catalog())
}

/// The same, with other steps in `welcome`, and a draft that they may name.
pub(crate) fn selling_with(steps: &str) -> Catalog {
    let mut files = testing::files();
    files.retain(|file| !file.path.starts_with("welcome/touches/link"));
    for file in files.iter_mut().filter(|file| file.path == "welcome/program.toml") {
        file.text = format!(
            "title = \"Welcome\"\nthen = \"occasional\"\n\n[[step]]\nid = \"response\"\nkind = \"email\"\nclass = \"response\"\nafter = \"0m\"\n\n{steps}"
        );
    }
    if steps.contains("by-hand") {
        let text = "+++\nsubject = \"{{ company | default('Your team') }} & the guide\"\nfrom = \"rep\"\n+++\nHi {{ first_name | default(\"there\") }},\n\nhave a look at [the guide]({{ facts.guide_url }}): page 3 is about teams of twelve.\n\n{{ sender.name }}\n";
        files.push(SourceFile { path: "welcome/touches/by-hand.md".to_owned(), text: text.to_owned() });
    }
    let (catalog, found) = parse(&files);
    with_sellers(catalog.unwrap_or_else(|| panic!("{found:#?}")))
}

pub(crate) fn with_sellers(catalog: Catalog) -> Catalog {
    let route = RouteName::parse("inside").unwrap();
    let (team, queue) = (TeamName::parse("inside").ok(), QueueName::parse("sdr").unwrap());
    let limits = testing::catalog().limits;
    Catalog {
        routes: BTreeMap::from([(route.clone(), Route { team, queue })]),
        handover: Handover { entry: Some(route.clone()), qualified: Some(route) },
        roster: Arc::new(roster()),
        limits,
        ..catalog
    }
}

/// With forms that ask for nothing: whoever sends one stays in nurture.
pub(crate) fn quiet(mut catalog: Catalog) -> Catalog {
    for form in catalog.forms.values_mut() {
        form.intent = Intent::Inquiry;
    }
    catalog
}

/// Somebody who asks for a call on a Monday morning, and is handed over at once.
pub(crate) async fn with_ada(catalog: Catalog) -> (World, LeadId) {
    let world = World::of(catalog, "2026-03-02 10:30").await;
    let ada = ada_posts(&world).await;
    (world, ada)
}

pub(crate) async fn ada_posts(world: &World) -> LeadId {
    let fields = json!({
        "email": "ada@example.com", "phone": "+49 30 7654 3210", "first_name": "Ada", "last_name": "Lovelace",
        "company": "Analytical Engines", "message": "How does it work for twelve people?"
    });
    world.post(fields).await
}

/// What was told, as its readers see it first: to whom, the subject, and what stands above the link.
fn told(notices: &[Notice]) -> String {
    let lines = notices.iter().map(|notice| {
        let top = notice.text.split("Open the page").next().unwrap().trim_end();
        format!("{} <- {}\n\n{top}", notice.to, notice.subject)
    });
    lines.collect::<Vec<_>>().join("\n\n---\n\n")
}

fn tokens(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    words.filter(|word| word.starts_with("v1.")).collect()
}

pub(crate) fn without_tokens(text: &str) -> String {
    tokens(text).iter().fold(text.to_owned(), |text, token| text.replace(token, "[token]"))
}

#[tokio::test]
async fn a_hand_raise_reaches_the_rep_with_all_that_there_is_to_know() {
    let (world, ada) = with_ada(selling()).await;
    let [notice] = world.notifier.notices().try_into().unwrap();
    assert_eq!((notice.to.as_str(), notice.from_address.as_str()), (KIM, "team@perennial.example"));
    insta::assert_snapshot!(notice.subject, @"Ada Lovelace (Analytical Engines) asks for a call: 5 minutes left");
    insta::assert_snapshot!(without_tokens(&notice.text), @"
    Ada Lovelace (Analytical Engines) asks for a call.

    First attempt by 10:35, in 5 minutes.

    Open the page of Ada Lovelace
    <https://perennial.example/v1/desk/[token]>:
    take them on, say how it went, set a day, or give them back with a reason.

    What is to be done

    Call Ada Lovelace: due 10:35.

    What they did

    - Today at 10:30: asked to be spoken to, by the form “contact”

    How to reach them

    - Phone: +493076543210
    - Mail: ada@example.com

    What they told us

    - Message: How does it work for twelve people?

    What they got from us

    - Today at 10:30: Your message to Example Ltd

    Why their score is 40.0

    - 10.0: sent a form on 2026-03-02 (10 then)
    - 30.0: asked to be spoken to on 2026-03-02 (30 then)

    -- 
    You get this because you answer for this lead. Times are those of
    Europe/Berlin.
    Example Ltd
    ");
    insta::assert_snapshot!(without_tokens(&notice.html), @r#"
    <!doctype html>
    <html>
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Ada Lovelace (Analytical Engines) asks for a call: 5 minutes left</title>
    </head>
    <body style="margin:0;padding:16px">
    <div style="max-width:600px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
    <p style="margin:0 0 1em"><strong>Ada Lovelace (Analytical Engines) asks for a call.</strong></p>
    <p style="margin:0 0 1em">First attempt by 10:35, in 5 minutes.</p>
    <p style="margin:0 0 1em"><a href="https://perennial.example/v1/desk/[token]">Open the page of Ada Lovelace</a>: take them on, say how it went, set a day, or give them back with a reason.</p>
    <p style="margin:0 0 1em"><strong>What is to be done</strong></p>
    <p style="margin:0 0 1em">Call Ada Lovelace: due 10:35.</p>
    <p style="margin:0 0 1em"><strong>What they did</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li>Today at 10:30: asked to be spoken to, by the form “contact”</li>
    </ul>
    <p style="margin:0 0 1em"><strong>How to reach them</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li>Phone: <a href="tel:+493076543210">+493076543210</a></li>
    <li>Mail: <a href="mailto:ada@example.com">ada@example.com</a></li>
    </ul>
    <p style="margin:0 0 1em"><strong>What they told us</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li>Message: How does it work for twelve people?</li>
    </ul>
    <p style="margin:0 0 1em"><strong>What they got from us</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li>Today at 10:30: Your message to Example Ltd</li>
    </ul>
    <p style="margin:0 0 1em"><strong>Why their score is 40.0</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li>10.0: sent a form on 2026-03-02 (10 then)</li>
    <li>30.0: asked to be spoken to on 2026-03-02 (30 then)</li>
    </ul>
    <p style="margin:2em 0 0;font-size:13px;color:#767676">You get this because you answer for this lead. Times are those of Europe/Berlin.<br>
    Example Ltd</p>
    </div>
    </body>
    </html>
    "#);
    let headers: Vec<_> = notice.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    insta::assert_snapshot!(headers.join("\n"), @"
    Auto-Submitted: auto-generated
    X-Auto-Response-Suppress: All
    X-Perennial-Forwarded: 1
    ");
    // The one link, in both of its forms, is the rep's to the page of this lead, and nothing in it is followed.
    for body in [&notice.text, &notice.html] {
        let [token] = tokens(body).try_into().unwrap();
        let DeskLink::Lead(seen) = DeskLink::read(token, &keyring(), world.catalog()).unwrap() else {
            panic!("{token}")
        };
        assert_eq!((seen.lead, seen.seat), (ada.clone(), Seat::Rep(rep("kim"))));
        assert!(!body.contains("/v1/click/") && !body.contains("/v1/open/"), "{body}");
    }
    assert_eq!(world.mails(&ada).len(), 1, "a mail to sales is no touch of the lead's");
}

/// The desk of that world.
pub(crate) fn desk(world: &World) -> Desk {
    let library = Arc::new(Library::fixed(Arc::new(world.catalog().clone())));
    let (store, clock) = (Arc::clone(&world.store), world.clock.clone());
    Desk { store, library, pepper: pepper(), clock }
}

/// What a rep tells.
pub(crate) async fn tells(world: &World, lead: &LeadId, name: &str, outcome: Outcome) {
    let desk = desk(world);
    let key = format!("{} {}", outcome.name(), world.clock.now());
    let told = Told {
        by: Party::Rep { rep: rep(name) },
        lead: lead.clone(),
        outcome,
        note: None,
        happened_at: None,
        is_status: false,
        key,
    };
    desk.dispose(&told).await.unwrap();
    world.deliver().await;
}

/// A sign that comes in another way than by a form, and that somebody has looked at.
pub(crate) async fn gives(world: &World, lead: &LeadId, kind: SignalKind, until: &str) {
    world.functions.engagement.listener.signalled(lead, kind, None).await.unwrap();
    world.deliver().await;
    world.live_until(until).await;
}

fn last_of(world: &World, name: &str) -> Value {
    let event = world.bus.published().into_iter().rev().find(|event| event.name == name).unwrap();
    serde_json::from_str(&event.detail).unwrap()
}

async fn notified(world: &World, sample: &str, detail: &Value) -> Result<Option<alerts::Told>, String> {
    let event = read(&with_detail(sample, detail.clone()));
    notify::handle(Arc::clone(&world.functions.notify), event)
        .await
        .map(|summary| summary.alert)
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn f12_an_alert_that_comes_twice_is_one_mail() {
    let (world, _) = with_ada(selling()).await;
    let alert = last_of(&world, "alert.raised");
    for _ in 0..3 {
        assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Known)));
    }
    assert_eq!(world.notifier.notices().len(), 1);
}

#[tokio::test]
async fn f12_an_alert_that_ses_may_have_taken_comes_again_when_its_worker_is_gone() {
    let (world, ada) = with_ada(selling()).await;
    let mut alert = last_of(&world, "alert.raised");
    alert["id"] = json!(format!("{ada}-99-0"));
    let call = async || notified(&world, "alert-raised.json", &alert).await;
    world.notifier.answer_next(SendOutcome::Ambiguous);
    assert_eq!(call().await, Ok(None), "it is kept for the next tick");
    // While the first worker may be alive, nobody else is at it.
    assert_eq!(call().await, Ok(None));
    assert_eq!(world.notifier.notices().len(), 2, "one of its own, and this one");
    world.clock.advance(SignedDuration::from_mins(3));
    assert_eq!(call().await, Ok(Some(alerts::Told::Sent)));
    assert_eq!(call().await, Ok(Some(alerts::Told::Known)));
    assert_eq!(world.notifier.notices().len(), 3);
}

/// What a tick of the schedule tells that could not be told before: how much of it, and how much fails again.
pub(crate) async fn again(world: &World) -> (u32, u32) {
    let tick = read(&sample("notify-tick.json"));
    let again = notify::handle(Arc::clone(&world.functions.notify), tick).await.unwrap().again.unwrap();
    (again.told, again.failed)
}

#[tokio::test]
async fn an_alert_that_ses_does_not_take_is_told_by_the_tick_once_it_does() {
    let world = World::of(selling(), "2026-03-02 10:30").await;
    for refusal in [SendOutcome::NotYet(DeferReason::Throttled), SendOutcome::Refused(FailReason::Rejected)] {
        world.notifier.answer_about("asks for a call", refusal);
    }
    ada_posts(&world).await;
    assert_eq!(again(&world).await, (0, 1), "at once: nobody waits for a worker that did nothing");
    assert_eq!(again(&world).await, (0, 0), "not each second");
    world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(again(&world).await, (1, 0));
    assert_eq!(again(&world).await, (0, 0));
    let alerts = world.notifier.notices().into_iter().filter(|notice| notice.subject.contains("asks for a call"));
    let [_, _, notice] = alerts.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(notice.to, KIM);
    insta::assert_snapshot!(notice.subject, @"Ada Lovelace (Analytical Engines) asks for a call: 4 minutes left");
}

#[tokio::test]
async fn what_went_out_is_not_told_again_where_the_store_does_not_take_at_once_that_it_did() {
    let mut hooked = None;
    let world = World::with(selling(), "2026-03-02 10:30", |ports, store| {
        let between = Arc::new(Hooked::new(Arc::new(store.clone())));
        ports.store = between.clone();
        hooked = Some(between);
    })
    .await;
    hooked.unwrap().fail(Call::Finish);
    ada_posts(&world).await;
    let alert = last_of(&world, "alert.raised");
    assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Known)));
    assert_eq!(world.notifier.notices().len(), 1);
}

#[tokio::test]
async fn whoever_gets_a_lead_hears_of_it_at_once_however_lately_somebody_else_did() {
    let owned = |name: &str| Ownership::Assigned { rep: rep(name) };
    let (world, ada) = with_ada(selling()).await;
    world.live_until("2026-03-02 10:40").await;
    assert_eq!(world.lead(&ada).await.rep(), Some(&rep("jo")), "the ladder gave it to another");
    desk(&world).hand_over(&Party::Rep { rep: rep("jo") }, &ada, owned("kim")).await.unwrap();
    world.deliver().await;
    let last = world.notifier.notices().pop().unwrap();
    assert_eq!(last.to, KIM);
    insta::assert_snapshot!(last.subject, @"Ada Lovelace (Analytical Engines) is yours now: the first attempt is overdue");

    // The other way round: handed over by hand, then by the ladder.
    let (world, ada) = with_ada(selling()).await;
    desk(&world).hand_over(&Party::Rep { rep: rep("kim") }, &ada, owned("jo")).await.unwrap();
    world.live_until("2026-03-02 10:40").await;
    assert_eq!(world.lead(&ada).await.rep(), Some(&rep("kim")));
    let told = world.notifier.notices().into_iter().filter(|notice| notice.subject.contains("is yours now"));
    assert_eq!(told.map(|notice| notice.to).collect::<Vec<_>>(), [JO, KIM]);
}

#[tokio::test]
async fn a_task_of_now_is_told_where_its_alert_waits_for_the_digest() {
    let (world, ada) = with_ada(selling()).await;
    let mut told_before = 0;
    for minute in ["10:50", "11:10", "11:30"] {
        tells(&world, &ada, "kim", Outcome::Connected).await;
        let request =
            TurnbackRequest { date: Some(date(2026, 10, 1)), ..TurnbackRequest::new(TurnbackReason::NoBudget) };
        tells(&world, &ada, "kim", Outcome::TurnedBack(request)).await;
        told_before = world.notifier.notices().len();
        world.live_until(&format!("2026-03-02 {minute}")).await;
        world.post(json!({ "email": "ada@example.com", "message": format!("At {minute} the budget is there.") })).await;
    }
    let notices = world.notifier.notices();
    assert_eq!(last_of(&world, "alert.raised")["delivery"], "digest");
    let subjects: Vec<_> = notices[told_before..].iter().map(|notice| notice.subject.as_str()).collect();
    assert_eq!(subjects, ["Today: call Ada Lovelace (Analytical Engines) by 11:35"]);
}

#[tokio::test]
async fn h42_an_alert_goes_to_whoever_has_the_lead_by_then_and_not_to_whoever_it_names() {
    let (world, ada) = with_ada(selling()).await;
    let mut alert = last_of(&world, "alert.raised");
    let to_jo = Ownership::Assigned { rep: rep("jo") };
    desk(&world).hand_over(&Party::Operator, &ada, to_jo).await.unwrap();
    world.deliver().await;
    let before = world.notifier.notices().len();
    (alert["id"], alert["trigger"]) = (json!(format!("{ada}-99-0")), json!("replied"));
    assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Sent)));
    assert_eq!(world.notifier.notices()[before].to, JO);
    // That it is Kim's now is not so any more, and Jo was told that it is theirs.
    (alert["id"], alert["trigger"]) = (json!(format!("{ada}-99-1")), json!("reassigned"));
    assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Elsewhere)));
    assert_eq!(world.notifier.notices().len(), before + 1);
}

#[tokio::test]
async fn whoever_has_no_name_is_called_by_nothing_that_may_not_be_used() {
    let world = World::of(selling(), "2026-03-02 10:30").await;
    let ada = world.post(json!({ "email": "ada@example.com", "phone": "+49 30 7654 3210" })).await;
    assert_eq!(world.notifier.notices().pop().unwrap().subject, "ada@example.com asks for a call: 5 minutes left");
    world.unsubscribe(&ada).await;
    let mut alert = last_of(&world, "alert.raised");
    let mut subject = async |place: u32| {
        alert["id"] = json!(format!("{ada}-99-{place}"));
        (alert["trigger"], alert["delivery"]) = (json!("replied"), json!("now"));
        assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Sent)));
        world.notifier.notices().pop().unwrap().subject
    };
    assert_eq!(subject(0).await, "+493076543210 wrote back");
    tells(&world, &ada, "kim", Outcome::DoNotCall).await;
    assert_eq!(subject(1).await, format!("Somebody ({}) wrote back", &ada.as_str()[..6]));
}

#[tokio::test]
async fn nobody_is_asked_to_write_to_whoever_has_not_said_yet_that_they_want_mail() {
    let steps = "[[step]]\nid = \"by-hand\"\nkind = \"personal_mail\"\ntemplate = \"by-hand\"\nafter = \"0m\"\ndue_in = \"4h\"\n";
    let by_hand = selling_with(steps);
    let Catalog { regions, opt_in, .. } = consenting::catalog();
    let asking = Catalog { regions, opt_in, ..quiet(by_hand) };
    let world = World::of(asking, "2026-03-02 10:30").await;
    let ada = world.post(json!({ "email": "ada@example.com", "first_name": "Ada", "timezone": "Europe/Berlin" })).await;
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unconfirmed);
    assert_eq!(world.lead(&ada).await.task, None, "it waits for their yes");
    let page = desk(&world).view(&Party::Rep { rep: rep("kim") }, &ada).await.unwrap();
    assert!(matches!(page.next.unwrap().act, NextAct::AwaitConsent), "and its page says so");
    let mut alert = sample("alert-raised.json");
    alert["detail"]["id"] = json!(format!("{ada}-99-0"));
    assert_eq!(notified(&world, "alert-raised.json", &alert["detail"]).await, Ok(Some(alerts::Told::Sent)));
    let notice = world.notifier.notices().pop().unwrap();
    assert!(notice.text.contains("They have not said yet that they want mail."), "{}", notice.text);
    assert!(!format!("{} {}", notice.text, notice.html).contains("ada@example.com"));

    let number = json!({ "email": "bob@example.com", "phone": "+49 30 7654 3210", "timezone": "Europe/Berlin" });
    let bob = world.post(number).await;
    assert_eq!(world.lead(&bob).await.task.unwrap().kind, TaskKind::Call);
}

#[tokio::test]
async fn a_lead_that_nobody_looks_at_goes_up_the_ladder_and_each_rung_says_so() {
    let (world, ada) = with_ada(selling()).await;
    world.live_until("2026-04-10 12:00").await;
    insta::assert_snapshot!(told(&world.notifier.notices()), @"
    kim@perennial.example <- Ada Lovelace (Analytical Engines) asks for a call: 5 minutes left

    Ada Lovelace (Analytical Engines) asks for a call.

    First attempt by 10:35, in 5 minutes.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) still waits: 3 minutes left

    Ada Lovelace (Analytical Engines) still waits.

    First attempt by 10:35, in 3 minutes.

    ---

    mo@perennial.example <- Ada Lovelace (Analytical Engines) has waited too long for Kim Osei

    Ada Lovelace (Analytical Engines) has waited too long for Kim Osei.

    Kim Osei has recorded no attempt to reach them.

    The first attempt was due today at 10:35.

    ---

    jo@perennial.example <- Ada Lovelace (Analytical Engines) is yours now: the first attempt is overdue

    Ada Lovelace (Analytical Engines) is yours now.

    They have waited too long for somebody else.

    The first attempt was due today at 10:35.

    ---

    jo@perennial.example <- Due now: call Ada Lovelace (Analytical Engines)

    Due now: call Ada Lovelace (Analytical Engines).

    The first attempt was due today at 10:35.

    ---

    mo@perennial.example <- Not done by Jo Brandt: call Ada Lovelace (Analytical Engines)

    Not done by Jo Brandt: call Ada Lovelace (Analytical Engines).

    The first attempt was due yesterday at 10:35.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) still waits for a decision: 5 minutes left

    Ada Lovelace (Analytical Engines) still waits for a decision.

    Nobody decided in time.

    First attempt by 10:35, in 5 minutes.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) still waits: 3 minutes left

    Ada Lovelace (Analytical Engines) still waits.

    First attempt by 10:35, in 3 minutes.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) has waited too long

    Ada Lovelace (Analytical Engines) has waited too long.

    Robin Vale has recorded no attempt to reach them.

    The first attempt was due today at 10:35.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) still waits for a decision: 5 minutes left

    Ada Lovelace (Analytical Engines) still waits for a decision.

    Nobody decided in time.

    First attempt by 13:35, in 5 minutes.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) still waits: 3 minutes left

    Ada Lovelace (Analytical Engines) still waits.

    First attempt by 13:35, in 3 minutes.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) has waited too long

    Ada Lovelace (Analytical Engines) has waited too long.

    Robin Vale has recorded no attempt to reach them.

    The first attempt was due today at 13:35.

    ---

    robin@perennial.example <- Ada Lovelace (Analytical Engines) leaves sales: nobody decided

    Ada Lovelace (Analytical Engines) leaves sales: nobody decided.

    Nobody whom they were offered to decided in time. They are in nurture again.
    ");
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Recycled);
}

#[tokio::test]
async fn what_a_lead_does_that_sales_has_is_told_at_once_and_the_same_again_only_a_day_later() {
    let (world, ada) = with_ada(selling()).await;
    tells(&world, &ada, "kim", Outcome::Accepted).await;
    world.live_until("2026-03-02 10:32").await;
    gives(&world, &ada, SignalKind::PricingVisited, "2026-03-02 11:00").await;
    // Within a day the same is for the digest, and something else is not.
    gives(&world, &ada, SignalKind::PricingVisited, "2026-03-02 13:00").await;
    gives(&world, &ada, SignalKind::MeetingBooked, "2026-03-02 14:00").await;
    gives(&world, &ada, SignalKind::PricingVisited, "2026-03-03 12:00").await;
    gives(&world, &ada, SignalKind::PricingVisited, "2026-03-03 13:00").await;
    world.mail_in(&world.answer(&ada, "", "Could you call me tomorrow?")).await;
    world.live_until("2026-03-04 10:00").await;
    world.post(json!({ "email": "ada@example.com", "message": "Please call me." })).await;
    world.live_until("2026-03-04 10:30").await;
    world.unsubscribe(&ada).await;
    insta::assert_snapshot!(told(&world.notifier.notices()), @"
    kim@perennial.example <- Ada Lovelace (Analytical Engines) asks for a call: 5 minutes left

    Ada Lovelace (Analytical Engines) asks for a call.

    First attempt by 10:35, in 5 minutes.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) is looking at prices

    Ada Lovelace (Analytical Engines) is looking at prices.

    Without another step by 16 March 10:35 they leave your list.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) booked a meeting

    Ada Lovelace (Analytical Engines) booked a meeting.

    Without another step by 16 March 13:00 they leave your list.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) is looking at prices

    Ada Lovelace (Analytical Engines) is looking at prices.

    Without another step by 16 March 13:00 they leave your list.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) wrote back

    Ada Lovelace (Analytical Engines) wrote back.

    Without another step by 17 March 13:00 they leave your list.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) asks again for a call

    Ada Lovelace (Analytical Engines) asks again for a call.

    Without another step by 18 March 10:00 they leave your list.

    ---

    kim@perennial.example <- Ada Lovelace (Analytical Engines) wants no more mail

    Ada Lovelace (Analytical Engines) wants no more mail.

    They may be called.

    Without another step by 18 March 10:00 they leave your list.
    ");
}

#[tokio::test]
async fn a_lead_that_nobody_moves_is_told_of_before_it_leaves() {
    let (world, ada) = with_ada(selling()).await;
    tells(&world, &ada, "kim", Outcome::Accepted).await;
    world.live_until("2026-03-20 12:00").await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Recycled);
    insta::assert_snapshot!(told(&world.notifier.notices()[1..]), @"
    kim@perennial.example <- Ada Lovelace (Analytical Engines): nothing has happened for 7 days

    Ada Lovelace (Analytical Engines): nothing has happened for 7 days.

    A next step that helps them, a day to come back on, or a reason to give them
    back: each is one press.

    Without another step by 16 March 10:35 they leave your list.

    ---

    kim@perennial.example <- Due now: call Ada Lovelace (Analytical Engines)

    Due now: call Ada Lovelace (Analytical Engines).

    Without another step by Monday 10:35 they leave your list.

    ---

    mo@perennial.example <- Not done by Kim Osei: call Ada Lovelace (Analytical Engines)

    Not done by Kim Osei: call Ada Lovelace (Analytical Engines).

    Without another step by Monday 10:35 they leave your list.

    ---

    mo@perennial.example <- Ada Lovelace (Analytical Engines) leaves sales: nothing happened for 14 days

    Ada Lovelace (Analytical Engines) leaves sales: nothing happened for 14
    days.

    Kim Osei had them, and recorded no step, no meeting and no task since.
    ");

    let (world, ada) = with_ada(selling()).await;
    tells(&world, &ada, "kim", Outcome::Qualified).await;
    world.live_until("2026-05-10 12:00").await;
    assert_eq!(world.lead(&ada).await.stage, LifecycleStage::Recycled);
    insta::assert_snapshot!(told(&world.notifier.notices()[1..]), @"
    kim@perennial.example <- Ada Lovelace (Analytical Engines): nothing has happened for 30 days

    Ada Lovelace (Analytical Engines): nothing has happened for 30 days.

    A next step that helps them, a day to come back on, or a reason to give them
    back: each is one press.

    Without another step by 1 May 10:35 they leave your list.

    ---

    kim@perennial.example <- Due now: call Ada Lovelace (Analytical Engines)

    Due now: call Ada Lovelace (Analytical Engines).

    Without another step by 1 May 10:35 they leave your list.

    ---

    mo@perennial.example <- Not done by Kim Osei: call Ada Lovelace (Analytical Engines)

    Not done by Kim Osei: call Ada Lovelace (Analytical Engines).

    Without another step by 1 May 10:35 they leave your list.

    ---

    mo@perennial.example <- Ada Lovelace (Analytical Engines): Kim Osei has done nothing for 37 days

    Ada Lovelace (Analytical Engines): Kim Osei has done nothing for 37 days.

    Kim Osei had them, and recorded no step, no meeting and no task since.

    Without another step by 1 May 10:35 they leave your list.

    ---

    mo@perennial.example <- Ada Lovelace (Analytical Engines) leaves sales: nothing happened for 60 days

    Ada Lovelace (Analytical Engines) leaves sales: nothing happened for 60
    days.

    Kim Osei had them, and recorded no step, no meeting and no task since.
    ");
}

#[tokio::test]
async fn whoever_comes_back_comes_with_their_history() {
    let (world, ada) = with_ada(selling()).await;
    tells(&world, &ada, "kim", Outcome::Attempted { attempt: Attempt::NoAnswer }).await;
    world.clock.advance(SignedDuration::from_mins(20));
    tells(&world, &ada, "kim", Outcome::Connected).await;
    let request = TurnbackRequest { date: Some(date(2026, 10, 1)), ..TurnbackRequest::new(TurnbackReason::NoBudget) };
    world.clock.advance(SignedDuration::from_mins(5));
    tells(&world, &ada, "kim", Outcome::TurnedBack(request)).await;
    world.live_until("2026-09-07 09:30").await;
    world.post(json!({ "email": "ada@example.com", "message": "The budget is there." })).await;
    world.live_until("2026-09-07 09:40").await;
    let notices = world.notifier.notices();
    let notice = notices.iter().find(|notice| notice.subject.contains("is back")).unwrap();
    insta::assert_snapshot!(format!("{} <- {}\n\n{}", notice.to, notice.subject, without_tokens(&notice.text)), @"
    kim@perennial.example <- Ada Lovelace (Analytical Engines) is back, and asks for a call: 5 minutes left

    Ada Lovelace (Analytical Engines) is back, and asks for a call.

    You gave them back on 2 March at 10:55: no budget, to come back on 1
    October.

    First attempt by 09:35, in 5 minutes.

    Open the page of Ada Lovelace
    <https://perennial.example/v1/desk/[token]>:
    take them on, say how it went, set a day, or give them back with a reason.

    What is to be done

    Call Ada Lovelace: due 09:35.

    What they did

    - Today at 09:30: asked to be spoken to, by the form “contact”
    - On 2 March at 10:50: spoke with one of us
    - On 2 March at 10:30: asked to be spoken to, by the form “contact”

    How to reach them

    - Phone: +493076543210
    - Mail: ada@example.com

    What they told us

    - Message: The budget is there.

    What they got from us

    - On 6 July at 10:55: Something to read
    - On 25 May at 10:55: One question
    - On 13 April at 10:55: Something to read
    - On 2 March at 10:30: Your message to Example Ltd

    What was before

    - You gave them back on 2 March at 10:55: no budget, to come back on 1
      October
    - On 2 March at 10:50: You spoke with them
    - On 2 March at 10:30: You called, and nobody answered

    Why their score is 40.0

    - 10.0: sent a form on 2026-09-07 (10 then)
    - 30.0: asked to be spoken to on 2026-09-07 (30 then)

    -- 
    You get this because you answer for this lead. Times are those of
    Europe/Berlin.
    Example Ltd
    ");
}

#[tokio::test]
async fn a_moment_of_a_program_is_told_in_its_words() {
    let steps = "[[step]]\nid = \"tell\"\nkind = \"alert\"\nmessage = \"They have read everything.\"\nafter = \"1h\"\n";
    let (world, _) = with_ada(quiet(selling_with(steps))).await;
    world.live_until("2026-03-02 12:00").await;
    insta::assert_snapshot!(told(&world.notifier.notices()), @"
    kim@perennial.example <- Ada Lovelace (Analytical Engines): They have read everything

    Ada Lovelace (Analytical Engines): They have read everything.
    ");
}

#[tokio::test]
async fn a_task_of_today_is_told_with_its_draft_and_one_of_another_day_is_not() {
    let steps = "[[step]]\nid = \"by-hand\"\nkind = \"personal_mail\"\ntemplate = \"by-hand\"\nafter = \"0m\"\ndue_in = \"4h\"\n";
    let (world, ada) = with_ada(quiet(selling_with(steps))).await;
    let [notice] = world.notifier.notices().try_into().unwrap();
    insta::assert_snapshot!(notice.subject, @"Today: write to Ada Lovelace (Analytical Engines) by 14:30");
    insta::assert_snapshot!(without_tokens(&notice.text), @"
    Today: write to Ada Lovelace (Analytical Engines).

    Open the page of Ada Lovelace
    <https://perennial.example/v1/desk/[token]>:
    take them on, say how it went, set a day, or give them back with a reason.

    What is to be done

    Write to Ada Lovelace: due 14:30.

    A draft: “Analytical Engines & the guide”

    > Hi Ada,

    > have a look at the guide <https://www.perennial.example/guide>: page 3 is
    > about teams of twelve.

    > Kim Osei

    What they did

    - Today at 10:30: sent the form “contact”

    How to reach them

    - Phone: +493076543210
    - Mail: ada@example.com

    What they told us

    - Message: How does it work for twelve people?

    What they got from us

    - Today at 10:30: Your message to Example Ltd

    Why their score is 10.0

    - 10.0: sent a form on 2026-03-02 (10 then)

    -- 
    You get this because you answer for this lead. Times are those of
    Europe/Berlin.
    Example Ltd
    ");
    let link = notice.html.split('"').find(|part| part.contains("subject")).unwrap();
    insta::assert_snapshot!(link, @"mailto:ada@example.com?subject=Analytical%20Engines%20%26%20the%20guide&amp;body=Hi%20Ada%2C%0D%0A%0D%0Ahave%20a%20look%20at%20the%20guide%20%3Chttps%3A%2F%2Fwww.perennial.example%2Fguide%3E%3A%20page%203%20is%0D%0Aabout%20teams%20of%20twelve.%0D%0A%0D%0AKim%20Osei");
    let made = last_of(&world, "task.created");
    assert_eq!(notified(&world, "task-created.json", &made).await, Ok(Some(alerts::Told::Known)));
    // Whoever did it in the meantime is not told of it.
    tells(&world, &ada, "kim", Outcome::Done).await;
    assert_eq!(notified(&world, "task-created.json", &made).await, Ok(Some(alerts::Told::Gone)));

    let (world, _) = with_ada(quiet(selling_with(&steps.replace("4h", "2d")))).await;
    assert!(world.notifier.notices().is_empty(), "that one is for the digest of its day");
}

#[tokio::test]
async fn a_task_that_nobody_does_is_told_to_its_owner_and_a_day_later_to_the_manager() {
    let (world, ada) = with_ada(quiet(selling())).await;
    assert!(world.notifier.notices().is_empty());
    world.live_until("2026-03-04 10:31").await;
    assert!(world.lead(&ada).await.task.is_some(), "it can still be done");
    world.live_until("2026-03-05 10:31").await;
    insta::assert_snapshot!(told(&world.notifier.notices()), @"
    kim@perennial.example <- Due now: call Ada Lovelace (Analytical Engines)

    Due now: call Ada Lovelace (Analytical Engines).

    ---

    mo@perennial.example <- Not done by Kim Osei: call Ada Lovelace (Analytical Engines)

    Not done by Kim Osei: call Ada Lovelace (Analytical Engines).
    ");
    assert_eq!(world.lead(&ada).await.task, None, "and then nobody waits for it any more");
    world.live_until("2026-03-12 10:31").await;
    assert_eq!(world.notifier.notices().len(), 2);
}

#[tokio::test]
async fn what_a_queue_has_in_nurture_is_no_flood_of_mails() {
    let mut catalog = quiet(selling());
    catalog.handover = Handover::default();
    let (world, _) = with_ada(catalog).await;
    world.live_until("2026-03-12 12:00").await;
    let names: Vec<String> = world.bus.published().into_iter().map(|event| event.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "task.overdue").count(), 2);
    assert!(world.notifier.notices().is_empty());
}

#[tokio::test]
async fn whoever_has_left_is_not_told_but_whoever_owns_the_lead_now() {
    let (mut world, ada) = with_ada(selling()).await;
    let mut alert = last_of(&world, "alert.raised");
    let mut catalog = selling();
    let mut roster = roster();
    roster.reps.get_mut(&rep("kim")).unwrap().status = RepStatus::Left;
    catalog.roster = Arc::new(roster);
    world.redeploy(catalog);
    world.live_until("2026-03-02 10:34").await;
    assert_eq!(world.lead(&ada).await.rep(), Some(&rep("jo")));
    // An alert that was raised before, and comes only now.
    alert["id"] = json!(format!("{ada}-99-0"));
    let before = world.notifier.notices().len();
    assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Sent)));
    let notices = world.notifier.notices();
    assert_eq!((notices.len(), notices[before].to.as_str()), (before + 1, JO));
    let [token] = tokens(&notices[before].text).try_into().unwrap();
    let seen = DeskLink::read(token, &keyring(), world.catalog()).unwrap();
    assert_eq!(seen.seat(), &Seat::Rep(rep("jo")));
}

#[tokio::test]
async fn of_whoever_was_erased_nobody_is_told_anything() {
    let (world, ada) = with_ada(selling()).await;
    let (mut alert, made) = (last_of(&world, "alert.raised"), last_of(&world, "task.created"));
    alert["id"] = json!(format!("{ada}-99-0"));
    let library = Arc::new(Library::fixed(Arc::new(world.catalog().clone())));
    let (store, clock) = (Arc::clone(&world.store), world.clock.clone());
    Privacy { store, holdings: Vec::new(), library, clock }.erase(&ada).await.unwrap();
    let before = world.notifier.notices().len();
    assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Gone)));
    assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Known)));
    assert_eq!(notified(&world, "task-created.json", &made).await, Ok(Some(alerts::Told::Gone)));
    assert_eq!(world.notifier.notices().len(), before);
}

/// Every trigger, as history names it.
const TRIGGERS: [&str; 18] = [
    "qualified",
    "requalified",
    "resubmitted",
    "reassigned",
    "hand_raised",
    "replied",
    "pricing_visited",
    "meeting_booked",
    "answered",
    "moment",
    "first_attempt_due",
    "first_attempt_missed",
    "not_decided",
    "idle",
    "idle_long",
    "task_overdue",
    "expired",
    "unreachable",
];

#[tokio::test]
async fn no_mail_asks_for_a_call_without_a_reason_nor_shows_a_way_that_may_not_be_used() {
    let (world, ada) = with_ada(selling()).await;
    tells(&world, &ada, "kim", Outcome::DoNotCall).await;
    world.unsubscribe(&ada).await;
    let alert = last_of(&world, "alert.raised");
    let mut subjects = Vec::new();
    for (number, trigger) in TRIGGERS.iter().enumerate() {
        for audience in ["owner", "manager"] {
            let mut alert = alert.clone();
            alert["id"] = json!(format!("{ada}-{}-{}", 1_000 + number, u8::from(audience == "owner")));
            (alert["trigger"], alert["audience"], alert["delivery"]) = (json!(trigger), json!(audience), json!("now"));
            assert_eq!(notified(&world, "alert-raised.json", &alert).await, Ok(Some(alerts::Told::Sent)), "{trigger}");
            let notice = world.notifier.notices().pop().unwrap();
            assert_eq!(notice.to, if audience == "owner" { KIM } else { MO });
            subjects.push(format!("{trigger}, {audience}: {}", notice.subject));
            let whole = format!("{} {} {}", notice.subject, notice.text, notice.html);
            assert_eq!(tokens(&notice.text).len(), 1, "one link: {}", notice.text);
            for unlawful in ["7654", "ada@example.com", "tel:", "for a call"] {
                assert!(!whole.contains(unlawful), "{trigger}: {unlawful}");
            }
            let lower = whole.to_lowercase();
            for empty in
                ["touch base", "touching base", "check in", "checking in", "follow up", "following up", "circle back"]
            {
                assert!(!lower.contains(empty), "{trigger}: {empty}");
            }
        }
    }
    insta::assert_snapshot!(subjects.join("\n"), @"
    qualified, owner: Ada Lovelace (Analytical Engines) asks for an answer: 5 minutes left
    qualified, manager: Ada Lovelace (Analytical Engines) asks for an answer: 5 minutes left
    requalified, owner: Ada Lovelace (Analytical Engines) is back, and asks for an answer: 5 minutes left
    requalified, manager: Ada Lovelace (Analytical Engines) is back, and asks for an answer: 5 minutes left
    resubmitted, owner: Ada Lovelace (Analytical Engines) waits for a decision, and is yours now: 5 minutes left
    resubmitted, manager: Ada Lovelace (Analytical Engines) waits for a decision, and is yours now: 5 minutes left
    reassigned, owner: Ada Lovelace (Analytical Engines) is yours now: 5 minutes left
    reassigned, manager: Ada Lovelace (Analytical Engines) is yours now: 5 minutes left
    hand_raised, owner: Ada Lovelace (Analytical Engines) asks again for an answer: 5 minutes left
    hand_raised, manager: Ada Lovelace (Analytical Engines) asks again for an answer: 5 minutes left
    replied, owner: Ada Lovelace (Analytical Engines) wrote back
    replied, manager: Ada Lovelace (Analytical Engines) wrote back
    pricing_visited, owner: Ada Lovelace (Analytical Engines) is looking at prices
    pricing_visited, manager: Ada Lovelace (Analytical Engines) is looking at prices
    meeting_booked, owner: Ada Lovelace (Analytical Engines) booked a meeting
    meeting_booked, manager: Ada Lovelace (Analytical Engines) booked a meeting
    answered, owner: Ada Lovelace (Analytical Engines) answered a question
    answered, manager: Ada Lovelace (Analytical Engines) answered a question
    moment, owner: Ada Lovelace (Analytical Engines): an interesting moment
    moment, manager: Ada Lovelace (Analytical Engines): an interesting moment
    first_attempt_due, owner: Ada Lovelace (Analytical Engines) still waits: 5 minutes left
    first_attempt_due, manager: Ada Lovelace (Analytical Engines) still waits: 5 minutes left
    first_attempt_missed, owner: Ada Lovelace (Analytical Engines) has waited too long
    first_attempt_missed, manager: Ada Lovelace (Analytical Engines) has waited too long for Kim Osei
    not_decided, owner: Ada Lovelace (Analytical Engines) leaves sales: nobody decided
    not_decided, manager: Ada Lovelace (Analytical Engines) leaves sales: nobody decided
    idle, owner: Ada Lovelace (Analytical Engines): nothing has happened for 0 days
    idle, manager: Ada Lovelace (Analytical Engines): nothing has happened for 0 days
    idle_long, owner: Ada Lovelace (Analytical Engines): Kim Osei has done nothing for 0 days
    idle_long, manager: Ada Lovelace (Analytical Engines): Kim Osei has done nothing for 0 days
    task_overdue, owner: Due now: find an address that works for Ada Lovelace (Analytical Engines)
    task_overdue, manager: Not done by Kim Osei: find an address that works for Ada Lovelace (Analytical Engines)
    expired, owner: Ada Lovelace (Analytical Engines) leaves sales: nothing happened for 0 days
    expired, manager: Ada Lovelace (Analytical Engines) leaves sales: nothing happened for 0 days
    unreachable, owner: Ada Lovelace (Analytical Engines) wants no more mail
    unreachable, manager: Ada Lovelace (Analytical Engines) wants no more mail
    ");
}

#[tokio::test]
async fn what_a_person_writes_is_text_and_nothing_else() {
    let world = World::of(selling(), "2026-03-02 10:30").await;
    world
        .post(json!({
            "email": "eve@example.com", "first_name": "<b>Eve</b>", "last_name": "O'Neil *x* [y](z)",
            "company": "=cmd|'A' {{ 7*7 }}", "message": "**loud**\n\n# head\n<img src=x onerror=1> & so on"
        }))
        .await;
    let notice = world.notifier.notices().pop().unwrap();
    assert!(!notice.html.contains("<b>") && !notice.html.contains("<img") && !notice.html.contains("href=\"z"));
    insta::assert_snapshot!(notice.subject, @"<b>Eve</b> O'Neil *x* [y](z) (=cmd|'A' {{ 7*7 }}) asks for an answer: 5 minutes left");
    assert!(notice.text.contains("**loud** # head <img src=x onerror=1>"), "{}", notice.text);
}
