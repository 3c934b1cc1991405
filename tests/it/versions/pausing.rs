//! Programs that an operator pauses, without a push: who sees it when, and what forgets it.

use jiff::SignedDuration;
use perennial_app::chores::Chore as _;
use perennial_app::library::LOOK_EVERY;
use perennial_app::memory::{Calls, Counting, MemoryStore};
use perennial_app::pausing::{LONG, PauseError, Reminder, Switched, pause, paused, resume, statuses};
use perennial_app::ports::{Clock as _, Store as _};
use perennial_app::push::PushError;
use perennial_core::testing;
use tracing::level_filters::LevelFilter;

use super::{Deployment, name, with, without_welcome};
use crate::handlers::ingest_lead::logs::Log;

#[tokio::test]
async fn a_pause_is_in_force_half_a_minute_later_and_costs_no_reading_of_programs() {
    let deployment = Deployment::on(Counting::new(MemoryStore::default()));
    deployment.push(&testing::files()).await.unwrap();
    deployment.import(1).await;
    let (store, now) = (deployment.store.clone(), deployment.clock.now());
    assert_eq!(pause(store.as_ref(), &name("welcome"), now).await.unwrap(), Switched::Now);
    assert_eq!(pause(store.as_ref(), &name("welcome"), now).await.unwrap(), Switched::Before);

    let log = Log::at(LevelFilter::INFO);
    store.take();
    deployment.wall_clock.advance(LOOK_EVERY);
    assert!(deployment.catalog().await.paused.contains_key(&name("welcome")));
    assert_eq!(store.take(), Calls { release: 1, roster: 1, ..Calls::default() });
    assert!(log.text().contains("an operator paused a program: its touches wait"), "{}", log.text());
    deployment.sweep().await;
    let second = deployment.import(2).await;
    deployment.sweep().await;
    assert_eq!(deployment.mailer.handed_over().len(), 0, "nothing goes out, and whoever comes is in it");
    assert_eq!(deployment.enrolment(&second).await.program, name("welcome"));

    assert_eq!(resume(store.as_ref(), &name("welcome")).await.unwrap(), Switched::Now);
    assert_eq!(resume(store.as_ref(), &name("welcome")).await.unwrap(), Switched::Before);
    deployment.wall_clock.advance(LOOK_EVERY);
    deployment.clock.advance(deployment.catalog().await.breaker.look_again);
    deployment.sweep().await;
    assert_eq!(deployment.mailer.handed_over().len(), 2, "nothing was dropped");
    assert!(log.text().contains("a program that was paused goes on"), "{}", log.text());
}

#[tokio::test]
async fn no_push_forgets_a_pause_and_whatever_crosses_one_looks_again() {
    let deployment = Deployment::of(&testing::files()).await;
    let (store, now) = (deployment.store.as_ref(), deployment.clock.now());
    let lead = deployment.import(1).await;
    let plan = deployment.plan(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\""), &[]).await.unwrap();
    pause(store, &name("welcome"), now).await.unwrap();
    assert!(matches!(plan.publish(store).await, Err(PushError::Overtaken)));
    deployment.push(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\"")).await.unwrap();
    assert_eq!(deployment.catalog().await.programs[&name("welcome")].title, "Hello");
    assert_eq!(paused(store).await.unwrap(), [(name("welcome"), now)].into());

    // Whoever finishes it still does not get its mails; with the last of them it is forgotten.
    deployment.push_retiring(&without_welcome(), &["welcome"]).await.unwrap();
    deployment.sweep().await;
    assert_eq!(deployment.mailer.handed_over().len(), 0);
    assert_eq!(deployment.enrolment(&lead).await.program, name("welcome"));
    let statuses = statuses(store).await.unwrap();
    let shown: Vec<_> = statuses.iter().map(|it| (it.program.as_str(), it.version.is_some(), it.leads)).collect();
    assert_eq!(shown, [("occasional", true, 0), ("welcome", false, 1)]);
    assert_eq!(statuses[1].paused_since, Some(now));
}

#[tokio::test]
async fn only_what_is_there_is_paused() {
    let deployment = Deployment::on(MemoryStore::default());
    let (store, now) = (deployment.store.as_ref(), deployment.clock.now());
    assert!(matches!(pause(store, &name("welcome"), now).await, Err(PauseError::NothingPublished)));
    deployment.push(&testing::files()).await.unwrap();
    for refused in [pause(store, &name("welcom"), now).await, resume(store, &name("welcom")).await] {
        let Err(PauseError::NoProgram { known, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(known, [name("occasional"), name("welcome")]);
    }
    assert_eq!(store.release().await.unwrap().unwrap().rev, 1);
}

#[tokio::test]
async fn what_is_paused_is_said_every_day_and_aloud_after_a_week() {
    let deployment = Deployment::of(&testing::files()).await;
    let (store, clock) = (deployment.store.clone(), deployment.clock.clone());
    let reminder = Reminder { store: store.clone(), clock: clock.clone() };
    let counts = async || reminder.run().await.unwrap();
    assert_eq!(counts().await, [("paused", 0), ("long", 0)].into());
    pause(store.as_ref(), &name("welcome"), clock.now()).await.unwrap();
    let log = Log::at(LevelFilter::WARN);
    clock.advance(SignedDuration::from_hours(24));
    assert_eq!(counts().await, [("paused", 1), ("long", 0)].into());
    assert!(log.text().contains("program.paused") && !log.text().contains("program.paused-long"), "{}", log.text());
    clock.advance(LONG);
    assert_eq!(counts().await, [("paused", 1), ("long", 1)].into());
    assert!(log.text().contains("program.paused-long"), "the alarm: {}", log.text());
}
