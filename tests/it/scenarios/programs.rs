//! Programs change under those who are in them, and nobody is lost.

use std::sync::Arc;

use perennial_core::catalog::Catalog;
use perennial_core::ids::ProgramName;
use perennial_core::loader::parse;
use perennial_core::testing;
use serde_json::json;

use super::world::{World, berlin};

/// The catalog for tests without one of its steps.
fn without_step(program: &str, step: &str) -> Catalog {
    let mut catalog = testing::catalog();
    let program = catalog.programs.get_mut(&ProgramName::parse(program).unwrap()).unwrap();
    program.steps.retain(|known| known.id.as_str() != step);
    catalog
}

/// The catalog for tests, one of whose programs an operator paused.
fn paused(program: &str) -> Catalog {
    let paused = [(ProgramName::parse(program).unwrap(), berlin("2026-03-02 09:00"))];
    Catalog { paused: Arc::new(paused.into()), ..testing::catalog() }
}

/// The catalog for tests without its welcome program; the form leads to the last resort.
fn without_welcome() -> Catalog {
    let mut files = testing::files();
    files.retain(|file| !file.path.starts_with("welcome/"));
    for file in &mut files {
        file.text = file.text.replace("program = \"welcome\"", "program = \"occasional\"");
    }
    parse(&files).0.unwrap()
}

#[tokio::test]
async fn while_an_operator_pauses_a_program_its_leads_wait_and_afterwards_get_all_of_it() {
    let mut world = World::of(paused("welcome"), "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-02 20:00").await;
    assert!(world.mails(&ada).is_empty());
    world.assert_sound().await;
    world.redeploy(testing::catalog());
    world.live_until("2026-03-04 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          response waits until Mon 2026-03-02 14:00: ProgramPaused
    Mon 2026-03-02 14:00  response waits until Mon 2026-03-02 18:00: ProgramPaused
    Mon 2026-03-02 18:00  response waits until Mon 2026-03-02 22:00: ProgramPaused
    Mon 2026-03-02 22:00  MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 22:00
                          first-call is passed over: NoPhone
                          goes on: link comes Wed 2026-03-04 08:00
                          link waits until Wed 2026-03-04 08:00: QuietHours
    "#);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_lead_whose_program_is_gone_goes_on_in_the_last_resort() {
    let mut world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.redeploy(without_welcome());
    world.live_until("2026-05-01 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: StepGone
                          leaves welcome: Superseded
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Tue 2026-04-14 10:00  MAIL "Something to read"
                          goes on: question comes Tue 2026-05-26 10:00
    "#);
}

#[tokio::test]
async fn a_lead_whose_step_is_gone_goes_on_in_what_follows() {
    let mut world = World::at("2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.redeploy(without_step("welcome", "link"));
    world.live_until("2026-05-01 00:00").await;
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link is passed over: StepGone
                          leaves welcome: Superseded
                          starts occasional: reading comes Tue 2026-04-14 10:00
    Tue 2026-04-14 10:00  MAIL "Something to read"
                          goes on: question comes Tue 2026-05-26 10:00
    "#);
}

#[tokio::test]
async fn a_form_that_names_a_program_which_is_gone_leads_to_the_last_resort() {
    let mut catalog = testing::catalog();
    catalog.programs.remove(&ProgramName::parse("welcome").unwrap());
    let world = World::of(catalog, "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    insta::assert_snapshot!(world.story(&ada).await, @"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts occasional: reading comes Mon 2026-04-13 10:00
    ");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_mail_that_does_not_render_is_given_up_before_anything_is_marked() {
    let mut files = testing::files();
    for file in files.iter_mut().filter(|file| file.path == "welcome/touches/link.md") {
        // Fine for most; this one's words make it longer than a mail may be.
        file.text.push_str(&"\n\n{{ message | default(\"\") }}".repeat(40));
    }
    let world = World::of(parse(&files).0.unwrap(), "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com", "message": "word ".repeat(400) })).await;
    world.live_until("2026-03-04 00:00").await;
    assert_eq!(world.mails(&ada).len(), 1);
    insta::assert_snapshot!(world.story(&ada).await, @r#"
    Mon 2026-03-02 10:00  comes in by Form; e-mail Ok, phone Missing
                          is admitted
                          belongs to the queue sdr
                          starts welcome: response comes Mon 2026-03-02 10:00
                          MAIL "Your message to Example Ltd"
                          goes on: first-call comes Mon 2026-03-02 10:00
                          first-call is passed over: NoPhone
                          goes on: link comes Tue 2026-03-03 10:00
    Tue 2026-03-03 10:00  link cannot be sent: Template
                          leaves welcome: Completed
                          starts occasional: reading comes Tue 2026-04-14 10:00
    "#);
}
