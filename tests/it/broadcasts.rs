//! Broadcasts: one mail for everybody of a segment, once, whatever breaks off in between.

use std::sync::Arc;

use jiff::SignedDuration;
use perennial_app::broadcast::{BroadcastError, Prepared, prepare, progress, sent, stop};
use perennial_app::memory::MemoryStore;
use perennial_app::ports::{Clock as _, Store};
use perennial_app::push::{Push, PushError, push};
use perennial_core::broadcast::{OfferState, PassedOver};
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, LeadId, ProgramName};
use perennial_core::loader::SourceFile;
use perennial_core::submission::Permission;
use perennial_core::testing;
use serde_json::json;

use crate::faults::hooked::{Call, Hooked};
use crate::faults::process::Place;
use crate::scenarios::world::{World, sample, with_token};
use crate::versions::command::write;
use crate::versions::{Deployment, name, with};

/// The folder of the broadcast `news`.
fn news() -> Vec<SourceFile> {
    testing::news(jiff::Timestamp::MAX).files
}

fn news_with(from: &str, to: &str) -> Vec<SourceFile> {
    let mut files = news();
    for file in &mut files {
        file.text = file.text.replace(from, to);
    }
    files
}

async fn prepared<S: Store + 'static>(
    deployment: &Deployment<S>,
    files: Vec<SourceFile>,
) -> Result<Prepared, BroadcastError> {
    prepare(deployment.store.as_ref(), &name("news"), files, deployment.clock.now()).await
}

/// Lets so many hours pass on both clocks.
fn pass<S: Store + 'static>(deployment: &Deployment<S>, hours: i64) {
    for clock in [&deployment.clock, &deployment.wall_clock] {
        clock.advance(SignedDuration::from_hours(hours));
    }
}

/// Some people of a list, who have been here for two days.
async fn people<S: Store + 'static>(deployment: &Deployment<S>, count: usize) -> Vec<LeadId> {
    let mut people = Vec::new();
    for number in 0..count {
        people.push(deployment.import(number).await);
    }
    for _ in 0..48 {
        deployment.sweep().await;
        pass(deployment, 1);
    }
    people
}

fn got<S: Store + 'static>(deployment: &Deployment<S>, subject: &str) -> usize {
    deployment.mailer.handed_over().iter().filter(|mail| mail.subject == subject).count()
}

#[tokio::test]
async fn a_dry_run_says_what_sending_does_and_changes_nothing() {
    let deployment = Deployment::of(&testing::files()).await;
    let people = people(&deployment, 5).await;
    let elsewhere = deployment.import(9).await;
    let (store, now) = (deployment.store.as_ref(), deployment.clock.now());
    let release = store.release().await.unwrap();
    let mut rows = Vec::new();
    for lead in &people {
        rows.push(store.history(lead).await.unwrap().len());
    }
    let run = prepared(&deployment, news()).await.unwrap();
    let dry = run.dry_run(store, now).await.unwrap();
    assert_eq!((dry.leads, dry.queued, dry.in_segment()), (6, 5, 6));
    assert_eq!(dry.passed_over, [(PassedOver::TooNew, 1)].into());
    assert_eq!(store.release().await.unwrap(), release);
    for (lead, before) in people.iter().zip(rows) {
        assert_eq!(store.history(lead).await.unwrap().len(), before);
    }
    assert_eq!(run.send(store, now).await.unwrap(), dry);
    assert!(store.load(&elsewhere).await.unwrap().unwrap().lead.offers.is_empty());
}

#[tokio::test]
async fn it_goes_out_once_to_each_however_often_it_is_sent() {
    let deployment = Deployment::of(&testing::files()).await;
    people(&deployment, 5).await;
    for round in 0..3 {
        let run = prepared(&deployment, news()).await.unwrap();
        assert_eq!(run.is_under_way, round > 0);
        let tally = run.send(deployment.store.as_ref(), deployment.clock.now()).await.unwrap();
        assert_eq!(tally.queued, if round == 0 { 5 } else { 0 });
        pass(&deployment, 1);
        deployment.sweep().await;
    }
    assert_eq!(got(&deployment, "News of the spring"), 5);
    let progress = progress(deployment.store.as_ref(), &name("news")).await.unwrap();
    assert_eq!((progress.sent, progress.waiting, progress.skipped.len()), (5, 0, 0));
    // Whoever comes into the segment later gets it when it is sent once more.
    people(&deployment, 6).await;
    let run = prepared(&deployment, news()).await.unwrap();
    let tally = run.send(deployment.store.as_ref(), deployment.clock.now()).await.unwrap();
    assert_eq!((tally.queued, tally.passed_over.get(&PassedOver::HasIt)), (1, Some(&5)));
}

#[tokio::test]
async fn sending_that_is_killed_half_way_goes_on_and_nobody_gets_it_twice() {
    for nth in 1..6 {
        let deployment = Deployment::on(Hooked::new(Arc::new(MemoryStore::default())));
        deployment.push(&testing::files()).await.unwrap();
        people(&deployment, 5).await;
        let run = prepared(&deployment, news()).await.unwrap();
        for _ in 1..nth {
            deployment.store.before(Call::Commit, async { Ok(()) });
        }
        deployment.store.fail(Call::Commit);
        let (store, now) = (deployment.store.as_ref(), deployment.clock.now());
        assert!(matches!(run.send(store, now).await, Err(BroadcastError::Store(_))));
        deployment.store.forget();
        pass(&deployment, 1);
        deployment.sweep().await;
        let run = prepared(&deployment, news()).await.unwrap();
        run.send(store, deployment.clock.now()).await.unwrap();
        pass(&deployment, 1);
        deployment.sweep().await;
        assert_eq!(got(&deployment, "News of the spring"), 5);
        assert!(deployment.subjects().values().all(|mails| mails.len() <= 3));
    }
}

#[tokio::test]
async fn one_that_nobody_would_get_is_not_sent_and_does_not_use_up_its_name() {
    let deployment = Deployment::of(&testing::files()).await;
    let (store, now) = (deployment.store.as_ref(), deployment.clock.now());
    let slip = prepared(&deployment, news()).await.unwrap().send(store, now).await;
    assert!(matches!(slip, Err(BroadcastError::Nobody(_))), "there is nobody yet");
    assert_eq!(sent(store).await.unwrap().len(), 0);
    people(&deployment, 1).await;
    let run = prepared(&deployment, news_with("something new", "something else")).await.unwrap();
    assert_eq!(run.send(store, deployment.clock.now()).await.unwrap().queued, 1);
}

#[tokio::test]
async fn a_name_is_used_once_and_what_is_over_or_stopped_is_not_sent_again() {
    let deployment = Deployment::of(&testing::files()).await;
    people(&deployment, 2).await;
    let store = deployment.store.as_ref();
    let run = prepared(&deployment, news()).await.unwrap();
    run.send(store, deployment.clock.now()).await.unwrap();
    let other = prepared(&deployment, news_with("something new", "something else")).await;
    assert!(matches!(other, Err(BroadcastError::NameUsed(_))));

    assert!(stop(store, &name("news"), deployment.clock.now()).await.unwrap());
    assert!(!stop(store, &name("news"), deployment.clock.now()).await.unwrap());
    assert!(matches!(stop(store, &name("olds"), deployment.clock.now()).await, Err(BroadcastError::Unknown(_))));
    assert!(matches!(prepared(&deployment, news()).await, Err(BroadcastError::Stopped(_))));
    pass(&deployment, 1);
    deployment.sweep().await;
    assert_eq!(got(&deployment, "News of the spring"), 0);
    let stopped = progress(store, &name("news")).await.unwrap();
    assert_eq!((stopped.sent, stopped.skipped.into_values().sum::<u64>()), (0, 2));

    // Another one, whose time goes by.
    let rename = |file: SourceFile| SourceFile { path: file.path.replace("news/", "more/"), ..file };
    let more: Vec<SourceFile> = news().into_iter().map(rename).collect();
    let now = deployment.clock.now();
    let run = prepare(store, &name("more"), more.clone(), now).await.unwrap();
    run.send(store, now).await.unwrap();
    pass(&deployment, 15 * 24);
    let over = prepare(store, &name("more"), more, deployment.clock.now()).await;
    assert!(matches!(over, Err(BroadcastError::Over(_))));
    assert_eq!(sent(store).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_last_day_lies_ahead_and_not_too_far() {
    let deployment = Deployment::of(&testing::files()).await;
    for (day, is_past) in [("2026-03-01", true), ("2026-06-15", false)] {
        let files = news_with("title =", &format!("until = \"{day}\"\ntitle ="));
        let error = prepared(&deployment, files).await.unwrap_err();
        assert_eq!(matches!(error, BroadcastError::LastDayPast(_)), is_past, "{error}");
        assert_eq!(matches!(error, BroadcastError::LastDayFar(_)), !is_past, "{error}");
    }
    // The last day is a whole one.
    let files = news_with("title =", "until = \"2026-03-02\"\ntitle =");
    let run = prepared(&deployment, files).await.unwrap();
    assert_eq!(run.broadcast().unwrap().until.to_string(), "2026-03-02T23:00:00Z");
}

#[tokio::test]
async fn a_push_keeps_what_goes_out_and_takes_neither_its_name_nor_its_fields() {
    let deployment = Deployment::of(&testing::files()).await;
    people(&deployment, 2).await;
    let store = deployment.store.as_ref();
    prepared(&deployment, news()).await.unwrap().send(store, deployment.clock.now()).await.unwrap();

    deployment.push(&with("occasional/touches/reading.md", "Hello", "Good day")).await.unwrap();
    let release = store.release().await.unwrap().unwrap();
    assert_eq!(release.broadcasts.keys().map(ProgramName::as_str).collect::<Vec<_>>(), ["news"]);

    let mut gone = with("catalog.toml", "company = { label = \"Company\", length_max = 120 }\n", "");
    for file in &mut gone {
        file.text = file.text.replace("\"company\", ", "").replace("{% if company %} for {{ company }}{% endif %}", "");
    }
    let refused = deployment.push(&gone).await.unwrap_err();
    assert!(
        matches!(&refused, PushError::BroadcastUnreadable { names, .. } if *names == [name("news")]),
        "{refused:?}"
    );
    let mut taken = testing::files();
    for path in ["occasional/program.toml", "occasional/touches/reading.md", "occasional/touches/question.md"] {
        let file = taken.iter().find(|file| file.path == path).unwrap().clone();
        taken.push(SourceFile { path: path.replace("occasional/", "news/"), ..file });
    }
    let refused = deployment.push(&taken).await.unwrap_err();
    assert!(matches!(&refused, PushError::NameOfBroadcast(it) if *it == name("news")), "{refused:?}");

    pass(&deployment, 1);
    deployment.sweep().await;
    assert_eq!(got(&deployment, "News of the spring"), 2);
    // Once it is over, nothing of it keeps anybody from anything.
    pass(&deployment, 20 * 24);
    deployment.push(&gone).await.unwrap();
}

#[tokio::test]
async fn a_broadcast_is_a_mail_like_others_with_a_window_a_link_that_is_followed_and_a_way_out() {
    let mut world = World::at("2026-03-02 10:00").await;
    let files = testing::files();
    let (retired, now) = (std::collections::BTreeSet::new(), world.clock.now());
    push(world.store.as_ref(), &Push { files: &files, retired: &retired, now }).await.unwrap();
    let ada = world.post(json!({ "email": "ada@example.com", "first_name": "Ada" })).await;
    let ben = world.post(json!({ "email": "ben@example.com", "company": "Elsewhere" })).await;
    let eve = world.import(Permission::Refused, &[("email", "eve@example.com"), ("phone", "+49 30 7654321")]).await;
    world.live_until("2026-03-06 18:00").await;

    // On a Friday evening.
    let now = world.clock.now();
    let run = prepare(world.store.as_ref(), &name("news"), news(), now).await.unwrap();
    world.redeploy(run.catalog().clone());
    let tally = run.send(world.store.as_ref(), now).await.unwrap();
    assert_eq!((tally.leads, tally.queued), (3, 1));
    world.live_until("2026-03-09 12:00").await;
    for (lead, mails) in [(&ada, 1), (&ben, 0), (&eve, 0)] {
        let count = world.mails(lead).iter().filter(|mail| mail.touch.program == name("news")).count();
        assert_eq!(count, mails);
    }
    let mail = world.last_mail(&ada);
    assert_eq!((mail.date.to_string().as_str(), mail.subject.as_str()), ("2026-03-09T07:00:00Z", "News of the spring"));
    assert!(mail.text.starts_with("Hello Ada,") && mail.text.contains("/v1/click/"), "{}", mail.text);
    let story = world.story(&ada).await;
    insta::assert_snapshot!(story.lines().skip_while(|line| !line.contains("news")).collect::<Vec<_>>().join("\n"), @r#"
    Fri 2026-03-06 18:00  is to get news, Mon 2026-03-09 08:00 and no later than Fri 2026-03-20 18:00
    Mon 2026-03-09 08:00  MAIL "News of the spring"
    "#);

    // She follows its link: a sign like any other.
    let path = mail.text.split(['<', '>', '(', ')', ' ', '\n']).find(|word| word.contains("/v1/click/")).unwrap();
    let token = path.split("/v1/click/").nth(1).unwrap();
    let click = with_token(sample("click-get.json"), token);
    world.clock.advance(SignedDuration::from_hours(1));
    let answer = record_engagement::handle(Arc::clone(&world.functions.engagement), click).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap().to_string();
    assert!(answer.contains("https://www.perennial.example/guide"), "{answer}");
    world.live_until("2026-03-09 14:00").await;
    assert!(world.names(&ada).await.contains(&"signal.recorded"));
    assert_eq!(progress(world.store.as_ref(), &name("news")).await.unwrap().clicked, 1);

    // And leaves by it.
    world.unsubscribe(&ada).await;
    let lead = world.lead(&ada).await;
    assert_eq!(lead.offers[0].state, OfferState::Sent);
    assert!(world.events(&ada).await.iter().any(|event| matches!(event, Event::BroadcastQueued { .. })));
    world.assert_sound().await;
    let company = FieldName::parse("company").unwrap();
    assert_eq!(world.store.load(&ben).await.unwrap().unwrap().profile.fields[&company], "Elsewhere");
}

#[tokio::test]
async fn a_person_types_it_and_each_slip_is_told() {
    let place = Place::new();
    let (programs, list, map) = (place.path("programs"), place.path("list.csv"), place.path("map.toml"));
    write(&programs, &testing::files());
    std::fs::write(&list, "Id,Email\n1,ada@example.com\n2,bob@example.com\n").unwrap();
    std::fs::write(&map, "form = \"contact\"\nlist = \"fair\"\nid = \"Id\"\n[fields]\nemail = \"Email\"\n").unwrap();
    let import = place.perennial(&["import", &list, "--map", &map, "--programs", &programs]).await;
    assert_eq!(import.status, Some(0), "{}", import.error);
    let folder = place.path("sent/news");
    let there = |files: Vec<SourceFile>| write(&place.path("sent"), &files);

    there(news_with("field = \"company\"", "field = \"compnay\""));
    for command in ["dry-run", "send"] {
        let wrong = place.perennial(&["broadcast", command, &folder]).await;
        assert_eq!((wrong.status, wrong.out.as_str()), (Some(1), ""), "{}", wrong.error);
        assert!(wrong.error.contains("news/broadcast.toml:3:") && wrong.error.contains("compnay"), "{}", wrong.error);
    }
    there(news_with("title =", "until = \"2020-01-01\"\ntitle ="));
    let past = place.perennial(&["broadcast", "send", &folder]).await;
    assert_eq!(past.status, Some(1));
    assert!(past.error.contains("the last day of `news` is over"), "{}", past.error);
    let absent = place.perennial(&["broadcast", "send", &place.path("sent/none")]).await;
    assert_eq!(absent.status, Some(2), "{}", absent.error);

    there(news_with("title =", "age_min = \"0m\"\ntitle ="));
    let dry = place.perennial(&["broadcast", "dry-run", &folder, "--per-second", "1"]).await;
    assert_eq!(dry.status, Some(0), "{}", dry.error);
    for line in [
        "2 leads, 2 of them in the segment\n",
        "2 would get it, from ",
        "\n2 s at 1 mails a second\n",
        "nothing was sent",
    ] {
        assert!(dry.out.contains(line), "{line}: {}", dry.out);
    }
    let none = place.perennial(&["broadcast", "status"]).await;
    assert_eq!((none.status, none.out.as_str()), (Some(0), "no broadcast was ever sent\n"));
    let send = place.perennial(&["broadcast", "send", &folder, "--json"]).await;
    assert_eq!((send.status, &send.json()["get_it"]), (Some(0), &json!(2)), "{}", send.error);
    let again = place.perennial(&["broadcast", "send", &folder]).await;
    assert!(
        again.out.contains("0 get it\n") && again.out.contains("2 not: got it, or waits for it\n"),
        "{}",
        again.out
    );
    let status = place.perennial(&["broadcast", "status", "news"]).await;
    assert!(
        status.out.contains("0 got it, 0 of them followed a link\n") && status.out.contains("2 wait, "),
        "{}",
        status.out
    );

    there(news_with("something new", "something else"));
    let other = place.perennial(&["broadcast", "send", &folder]).await;
    assert_eq!(other.status, Some(1));
    assert!(other.error.contains("a name is used once"), "{}", other.error);
    let stopped = place.perennial(&["broadcast", "stop", "news"]).await;
    assert_eq!((stopped.status, stopped.out.as_str()), (Some(0), "stopped: nobody gets it any more\n"));
    let unknown = place.perennial(&["broadcast", "status", "olds"]).await;
    assert_eq!(unknown.status, Some(2));
    assert_eq!(place.perennial(&["audit"]).await.status, Some(0));
}

#[tokio::test]
async fn the_example_goes_out_beside_the_shipped_programs_and_can_be_read_before() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folder = format!("{root}/docs/examples/broadcasts/planning-webinar");
    let run = |command: &'static str| {
        let mut process = std::process::Command::new(crate::binaries::binary("perennial"));
        process.args(["broadcast", command, &folder, "--programs", &format!("{root}/programs")]);
        let output = process.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("check").starts_with("planning-webinar: fine\n"));
    let shown = run("preview");
    assert_eq!(shown.matches("Subject: ").count(), 2, "{shown}");
    assert!(shown.contains("Unsubscribe"), "{shown}");
}
