//! What comes with the digest: once a day, when its reader comes in (S13).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use perennial_app::alerts::Told;
use perennial_app::desk::Desk;
use perennial_app::library::Library;
use perennial_app::ports::{Clock as _, DeskOwner, Notice, StoreError};
use perennial_app::privacy::Privacy;
use perennial_core::catalog::{Catalog, Handover};
use perennial_core::condition::SignalKind;
use perennial_core::decide::SendOutcome;
use perennial_core::event::DeferReason;
use perennial_core::ids::LeadId;
use perennial_core::roster::{RepStatus, Roster};
use perennial_core::sales::{Outcome, Party};
use serde_json::json;

use super::alerts::{
    JO, KIM, ada_posts, desk, gives, quiet, rep, roster, selling, selling_with, tells, with_ada, without_tokens,
};
use crate::faults::hooked::{Call, Hooked};
use crate::scenarios::world::{World, berlin, read, sample, with_detail};

async fn tick(world: &World) -> Result<u32, String> {
    let summary = notify::handle(Arc::clone(&world.functions.notify), read(&sample("notify-tick.json"))).await;
    summary.map(|summary| summary.digests.unwrap().sent).map_err(|error| error.to_string())
}

/// Lives until a time, with a tick of the schedule each quarter of an hour.
async fn ticks_until(world: &World, local: &str) {
    let end = berlin(local);
    while world.clock.now() < end {
        world.live_to(end.min(world.clock.now() + SignedDuration::from_mins(15))).await;
        tick(world).await.unwrap();
    }
}

/// The digests that went out, of all mails to sales.
fn digests(world: &World) -> Vec<Notice> {
    world.notifier.notices().into_iter().filter(|notice| notice.subject.starts_with("Your leads today")).collect()
}

fn shown(digests: &[Notice]) -> String {
    let shown = digests.iter().map(|one| format!("{} <- {}\n\n{}", one.to, one.subject, without_tokens(&one.text)));
    shown.collect::<Vec<_>>().join("\n---\n\n")
}

/// Looks at prices, twice within a day: the second time is for the digest.
async fn looks_twice(world: &World, lead: &LeadId, times: [&str; 2]) {
    for until in times {
        gives(world, lead, SignalKind::PricingVisited, until).await;
    }
}

/// Ada, whom Kim has taken on, looks at prices on Monday before noon and after.
async fn with_news(catalog: Catalog) -> (World, LeadId) {
    let world = World::of(catalog, "2026-03-02 10:30").await;
    assert_eq!(tick(&world).await, Ok(0), "there is nothing to say yet");
    let ada = ada_posts(&world).await;
    world.live_until("2026-03-02 10:32").await;
    for outcome in [Outcome::Connected, Outcome::Accepted] {
        tells(&world, &ada, "kim", outcome).await;
    }
    world.live_until("2026-03-02 10:40").await;
    looks_twice(&world, &ada, ["2026-03-02 11:00", "2026-03-02 13:00"]).await;
    (world, ada)
}

fn sellers(change: impl FnOnce(&mut Roster)) -> Catalog {
    let mut sellers = roster();
    change(&mut sellers);
    Catalog { roster: Arc::new(sellers), ..selling() }
}

#[tokio::test]
async fn whoever_comes_in_reads_what_is_overdue_what_is_due_and_what_happened() {
    let steps = "[[step]]\nid = \"by-hand\"\nkind = \"personal_mail\"\ntemplate = \"by-hand\"\nafter = \"2h\"\ndue_in = \"1d\"\n";
    let mut catalog = selling_with(steps);
    catalog.roster = Arc::new(Roster { reps: one_seller(), ..roster() });
    let (world, ada) = with_news(catalog).await;
    world.live_until("2026-03-03 08:30").await;
    // Somebody who raises a hand before anybody is in, and somebody whom Kim is to call in three days.
    let grace =
        world.post(json!({ "email": "grace@example.com", "first_name": "Grace", "phone": "+49 30 1111 2222" })).await;
    let due_at = berlin("2026-03-06 11:00");
    tells(&world, &ada, "kim", Outcome::CallBack { due_at }).await;
    world.live_until("2026-03-03 09:00").await;
    assert_eq!(world.lead(&grace).await.rep(), Some(&rep("kim")));
    assert_eq!(tick(&world).await, Ok(1));
    insta::assert_snapshot!(shown(&digests(&world)), @r"
    kim@perennial.example <- Your leads today: 1 due, 1 thing that happened

    1 due, 1 thing that happened.

    Due today (1)

    - Grace
      <https://perennial.example/v1/desk/[token]>:
      call them, due 09:05

    What happened

    - Ada Lovelace (Analytical Engines)
      <https://perennial.example/v1/desk/[token]>:
      looked at prices yesterday at 11:00

    In the next seven days (1)

    - Ada Lovelace (Analytical Engines)
      <https://perennial.example/v1/desk/[token]>:
      call them, due Friday 11:00

    -- 
    You get this once a day when you come in, and only if there is something.
    Times are those of Europe/Berlin.
    Example Ltd
    ");
    insta::assert_snapshot!(without_tokens(&digests(&world)[0].html), @r#"
    <!doctype html>
    <html>
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Your leads today: 1 due, 1 thing that happened</title>
    </head>
    <body style="margin:0;padding:16px">
    <div style="max-width:600px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
    <p style="margin:0 0 1em"><strong>1 due, 1 thing that happened.</strong></p>
    <p style="margin:0 0 1em"><strong>Due today (1)</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li><a href="https://perennial.example/v1/desk/[token]">Grace</a>: call them, due 09:05</li>
    </ul>
    <p style="margin:0 0 1em"><strong>What happened</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li><a href="https://perennial.example/v1/desk/[token]">Ada Lovelace (Analytical Engines)</a>: looked at prices yesterday at 11:00</li>
    </ul>
    <p style="margin:0 0 1em"><strong>In the next seven days (1)</strong></p>
    <ul style="margin:0 0 1em;padding-left:1.5em">
    <li><a href="https://perennial.example/v1/desk/[token]">Ada Lovelace (Analytical Engines)</a>: call them, due Friday 11:00</li>
    </ul>
    <p style="margin:2em 0 0;font-size:13px;color:#767676">You get this once a day when you come in, and only if there is something. Times are those of Europe/Berlin.<br>
    Example Ltd</p>
    </div>
    </body>
    </html>
    "#);
}

fn one_seller() -> BTreeMap<perennial_core::ids::RepName, perennial_core::roster::Rep> {
    roster().reps.into_iter().filter(|(name, _)| name.as_str() != "jo").collect()
}

#[tokio::test]
async fn a_task_that_waits_is_in_the_list_of_its_day_with_its_draft_and_then_among_what_is_overdue() {
    let steps = "[[step]]\nid = \"by-hand\"\nkind = \"personal_mail\"\ntemplate = \"by-hand\"\nafter = \"0m\"\ndue_in = \"1d\"\n";
    let (world, _) = with_ada(quiet(selling_with(steps))).await;
    ticks_until(&world, "2026-03-04 09:30").await;
    insta::assert_snapshot!(shown(&digests(&world)), @r"
    kim@perennial.example <- Your leads today: 1 due

    1 due.

    Due today (1)

    - Ada Lovelace (Analytical Engines)
      <https://perennial.example/v1/desk/[token]>:
      write to them, due 10:30. A draft is there: “Analytical Engines & the
      guide”

    -- 
    You get this once a day when you come in, and only if there is something.
    Times are those of Europe/Berlin.
    Example Ltd

    ---

    kim@perennial.example <- Your leads today: 1 overdue

    1 overdue.

    Overdue (1)

    - Ada Lovelace (Analytical Engines)
      <https://perennial.example/v1/desk/[token]>:
      write to them, it was due yesterday at 10:30. A draft is there:
      “Analytical Engines & the guide”

    -- 
    You get this once a day when you come in, and only if there is something.
    Times are those of Europe/Berlin.
    Example Ltd
    ");
}

#[tokio::test]
async fn a_queue_reads_the_tasks_of_a_list_in_one_mail() {
    let mut catalog = quiet(selling());
    catalog.handover = Handover::default();
    let world = World::of(catalog, "2026-03-02 10:30").await;
    for number in 0..40 {
        let phone = format!("+49 30 7654 32{number:02}");
        world.post(json!({ "email": format!("p{number:02}@example.com"), "phone": phone })).await;
    }
    ticks_until(&world, "2026-03-04 09:00").await;
    let [digest] = world.notifier.notices().try_into().unwrap();
    assert_eq!((digest.to.as_str(), digest.subject.as_str()), ("robin@perennial.example", "Your leads today: 40 due"));
    assert_eq!(digest.text.matches("call them, due 10:30").count(), 25);
    assert!(digest.text.contains("And 15 more."), "{}", digest.text);
}

#[tokio::test]
async fn a_digest_comes_once_a_day_however_often_it_is_asked_for_and_not_without_a_reason() {
    let (mut world, _) = with_news(selling()).await;
    ticks_until(&world, "2026-03-03 12:00").await;
    assert_eq!(digests(&world).iter().map(|one| one.to.as_str()).collect::<Vec<_>>(), [KIM]);
    // Another worker, who remembers nothing.
    world.redeploy(selling());
    assert_eq!(tick(&world).await, Ok(0));
    // What was told is gone, and the next day has nothing to say.
    ticks_until(&world, "2026-03-04 12:00").await;
    assert_eq!(digests(&world).len(), 1);
}

#[tokio::test]
async fn what_ses_did_not_take_is_tried_again_and_nothing_of_it_is_lost() {
    let (world, _) = with_news(selling()).await;
    world.live_until("2026-03-03 09:00").await;
    world.notifier.answer_next(SendOutcome::NotYet(DeferReason::Throttled));
    assert_eq!(tick(&world).await, Err("digest_failed".to_owned()));
    assert_eq!(tick(&world).await, Ok(1), "nobody waits for a worker that did nothing");
    let [first, second] = digests(&world).try_into().unwrap();
    assert_eq!((first.subject, first.effect), (second.subject, second.effect));
    assert!(second.text.contains("looked at prices"), "{}", second.text);
}

#[tokio::test]
async fn nobody_reads_a_digest_on_a_holiday_or_a_weekend() {
    let catalog = sellers(|sellers| {
        for team in sellers.teams.values_mut() {
            team.hours.holidays.insert(date(2026, 3, 3));
        }
    });
    let (world, ada) = with_news(catalog).await;
    ticks_until(&world, "2026-03-04 08:59").await;
    assert!(digests(&world).is_empty(), "a holiday");
    ticks_until(&world, "2026-03-04 09:00").await;
    assert_eq!(digests(&world).len(), 1);
    ticks_until(&world, "2026-03-06 17:00").await;
    looks_twice(&world, &ada, ["2026-03-06 18:00", "2026-03-06 19:00"]).await;
    ticks_until(&world, "2026-03-09 08:59").await;
    assert_eq!(digests(&world).len(), 1, "a weekend");
    ticks_until(&world, "2026-03-09 09:00").await;
    assert_eq!(digests(&world).len(), 2);
}

#[tokio::test]
async fn the_day_begins_by_the_readers_own_clock_also_after_the_clocks_changed() {
    for (zone, friday, monday) in [
        ("Europe/Berlin", "2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z"),
        ("America/New_York", "2026-03-27T13:00:00Z", "2026-03-30T13:00:00Z"),
    ] {
        let catalog = sellers(|sellers| {
            let kim = sellers.reps.get_mut(&rep("kim")).unwrap();
            kim.hours = Some(perennial_core::roster::OfficeHours { zone: zone.to_owned(), ..super::alerts::office() });
        });
        let (world, ada) = with_ada(catalog).await;
        for outcome in [Outcome::Connected, Outcome::Qualified] {
            tells(&world, &ada, "kim", outcome).await;
        }
        world.live_until("2026-03-26 17:00").await;
        looks_twice(&world, &ada, ["2026-03-26 18:00", "2026-03-26 19:00"]).await;
        for (at, sent) in [(friday, 1), (monday, 2)] {
            let at: Timestamp = at.parse().unwrap();
            world.live_to(at - SignedDuration::from_secs(1)).await;
            tick(&world).await.unwrap();
            assert_eq!(digests(&world).len(), sent - 1, "{zone} {at}");
            world.live_to(at).await;
            tick(&world).await.unwrap();
            assert_eq!(digests(&world).len(), sent, "{zone} {at}");
            looks_twice(&world, &ada, ["2026-03-28 18:00", "2026-03-28 19:00"]).await;
        }
    }
}

#[tokio::test]
async fn what_was_kept_for_somebody_who_has_left_is_read_by_whoever_has_the_lead_now() {
    let (mut world, _) = with_news(selling()).await;
    world.redeploy(sellers(|sellers| sellers.reps.get_mut(&rep("kim")).unwrap().status = RepStatus::Left));
    ticks_until(&world, "2026-03-03 12:00").await;
    let [digest] = digests(&world).try_into().unwrap();
    assert_eq!(digest.to, "robin@perennial.example");
    assert!(digest.text.contains("looked at prices"), "{}", digest.text);
}

#[tokio::test]
async fn what_a_lead_of_somebody_else_does_is_in_no_digest_nor_is_whoever_was_erased() {
    let (world, ada) = with_news(selling()).await;
    let to_jo = perennial_core::lead::Ownership::Assigned { rep: rep("jo") };
    desk(&world).hand_over(&Party::Operator, &ada, to_jo).await.unwrap();
    world.deliver().await;
    assert_eq!(world.notifier.notices().pop().unwrap().to, JO, "who is told at once, with all that there is to know");
    ticks_until(&world, "2026-03-03 12:00").await;
    assert!(digests(&world).is_empty());

    let (world, ada) = with_news(selling()).await;
    let library = Arc::new(Library::fixed(Arc::new(world.catalog().clone())));
    let (store, clock) = (Arc::clone(&world.store), world.clock.clone());
    Privacy { store, holdings: Vec::new(), library, clock }.erase(&ada).await.unwrap();
    ticks_until(&world, "2026-03-03 12:00").await;
    assert!(digests(&world).is_empty());
}

#[tokio::test]
async fn where_ses_may_have_taken_a_digest_it_goes_out_again_when_its_worker_is_gone() {
    let (world, _) = with_news(selling()).await;
    world.live_until("2026-03-03 09:00").await;
    world.notifier.answer_next(SendOutcome::Ambiguous);
    assert_eq!(tick(&world).await, Err("digest_failed".to_owned()));
    assert_eq!(tick(&world).await, Ok(0), "its worker may still be alive");
    world.clock.advance(SignedDuration::from_mins(3));
    assert_eq!(tick(&world).await, Ok(1));
}

#[tokio::test]
async fn a_digest_for_which_there_was_no_time_goes_out_at_the_next_tick() {
    let (world, _) = with_news(selling()).await;
    world.live_until("2026-03-03 09:00").await;
    let cut_off = world.functions.notify.herald.digests(Duration::ZERO).await.unwrap();
    assert_eq!((cut_off.sent, cut_off.is_unfinished), (0, true));
    assert_eq!(tick(&world).await, Ok(1));
}

#[tokio::test]
async fn what_comes_again_after_its_digest_is_in_no_other() {
    let (world, _) = with_news(selling()).await;
    let published = world.bus.published();
    ticks_until(&world, "2026-03-03 12:00").await;
    assert_eq!(digests(&world).len(), 1);
    for event in published.iter().filter(|event| event.name == "alert.raised") {
        let detail = serde_json::from_str(&event.detail).unwrap();
        let event = read(&with_detail("alert-raised.json", detail));
        let summary = notify::handle(Arc::clone(&world.functions.notify), event).await.unwrap();
        assert_eq!(summary.alert, Some(Told::Known));
    }
    ticks_until(&world, "2026-03-05 12:00").await;
    assert_eq!(digests(&world).len(), 1);
}

#[tokio::test]
async fn h42_whoever_manages_no_more_reads_nothing_of_it() {
    let (mut world, ada) = with_news(selling()).await;
    let event = world.bus.published().into_iter().find(|event| event.name == "alert.raised").unwrap();
    let mut detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap();
    (detail["id"], detail["audience"]) = (json!(format!("{ada}-99-0")), json!("manager"));
    detail["delivery"] = json!("digest");
    let event = read(&with_detail("alert-raised.json", detail));
    notify::handle(Arc::clone(&world.functions.notify), event).await.unwrap();
    world.redeploy(sellers(|sellers| {
        sellers.teams.values_mut().for_each(|team| team.manager = Some(rep("jo")));
    }));
    ticks_until(&world, "2026-03-03 12:00").await;
    assert_eq!(digests(&world).iter().map(|one| one.to.as_str()).collect::<Vec<_>>(), [KIM]);
}

#[tokio::test]
async fn a_lead_that_does_not_read_back_hides_no_other() {
    let mut hooked = None;
    let world = World::with(selling(), "2026-03-02 10:30", |ports, store| {
        let between = Arc::new(Hooked::new(Arc::new(store.clone())));
        ports.store = between.clone();
        hooked = Some(between);
    })
    .await;
    let hooked = hooked.unwrap();
    let ada = ada_posts(&world).await;
    let grace =
        world.post(json!({ "email": "grace@example.com", "first_name": "Grace", "phone": "+49 30 1111 2222" })).await;
    let to_kim = perennial_core::lead::Ownership::Assigned { rep: rep("kim") };
    for (lead, hour) in [(&ada, "10:00"), (&grace, "11:00")] {
        desk(&world).hand_over(&Party::Operator, lead, to_kim.clone()).await.unwrap();
        world.clock.advance(SignedDuration::from_secs(1));
        let due_at = berlin(&format!("2026-03-03 {hour}"));
        tells(&world, lead, "kim", Outcome::CallBack { due_at }).await;
    }
    world.clock.set(berlin("2026-03-03 09:00"));
    let spoil = || {
        let corrupt = StoreError::Corrupt { key: "LEAD#../STATE".to_owned(), source: "it holds no lead".into() };
        hooked.before(Call::Load, async { Err(corrupt) });
    };
    spoil();
    assert_eq!(tick(&world).await, Ok(1));
    let [digest] = digests(&world).try_into().unwrap();
    assert_eq!(digest.subject, "Your leads today: 1 due");
    assert!(digest.text.contains("Grace") && !digest.text.contains("Ada"), "{}", digest.text);

    spoil();
    let desk = Desk { store: hooked.clone(), ..desk(&world) };
    let kim = (Party::Rep { rep: rep("kim") }, DeskOwner::Rep(rep("kim")));
    let listed = desk.leads(&kim.0, &kim.1, None).await.unwrap();
    assert_eq!(listed.leads.into_iter().map(|waiting| waiting.stored.lead.id).collect::<Vec<_>>(), [grace]);
}
