//! Who is moved, who is not, and where to.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use perennial_app::memory::MemoryStore;
use perennial_app::migrate::{Destination, MigrateError, Migrated, Migration, MigrationPlan, Unmapped, Way, plan};
use perennial_app::ports::{Clock, Store};
use perennial_core::ids::StepId;
use perennial_core::lead::Sending;
use perennial_core::loader::SourceFile;
use perennial_core::program::ProgramVersion;
use perennial_core::testing;

use super::{Deployment, name, with};

fn step(id: &str) -> StepId {
    StepId::parse(id).unwrap()
}

/// The welcome with its second mail under another id.
fn renamed() -> Vec<SourceFile> {
    let mut files = with("welcome/program.toml", "id = \"link\"", "id = \"guide\"");
    let mail = files.iter_mut().find(|file| file.path == "welcome/touches/link.md").unwrap();
    "welcome/touches/guide.md".clone_into(&mut mail.path);
    files
}

fn steps(map: &[(&str, &str)], unmapped: Unmapped) -> Migration {
    let map: BTreeMap<StepId, StepId> = map.iter().map(|(from, to)| (step(from), step(to))).collect();
    Migration { program: name("welcome"), from: None, way: Way::Steps { map, unmapped } }
}

fn exit(program: &str) -> Migration {
    Migration { program: name(program), from: None, way: Way::Exit }
}

/// Three leads at `response`, two at `link`, then another welcome is pushed.
async fn moved_on() -> Deployment<MemoryStore> {
    let deployment = Deployment::of(&testing::files()).await;
    for number in 0..2 {
        deployment.import(number).await;
    }
    deployment.sweep().await;
    for number in 2..5 {
        deployment.import(number).await;
    }
    deployment.push(&renamed()).await.unwrap();
    deployment
}

async fn planned(deployment: &Deployment<MemoryStore>, migration: Migration) -> Result<MigrationPlan, MigrateError> {
    plan(deployment.store.as_ref(), deployment.catalog().await.as_ref(), migration).await
}

async fn run(deployment: &Deployment<MemoryStore>, migration: Migration) -> Migrated {
    let plan = planned(deployment, migration).await.unwrap();
    let catalog = deployment.catalog().await;
    plan.run(deployment.store.as_ref(), &catalog, deployment.clock.now()).await.unwrap()
}

fn ways(plan: &MigrationPlan) -> Vec<String> {
    let way = |row: &perennial_app::migrate::Row| match &row.to {
        Destination::Step { step, .. } => format!("{} → {step}: {}", row.standing.step, row.standing.leads),
        Destination::Program(program) => format!("{} → {program}: {}", row.standing.step, row.standing.leads),
    };
    plan.rows.iter().map(way).collect()
}

#[tokio::test]
async fn every_step_at_which_somebody_stands_must_have_a_way() {
    let deployment = moved_on().await;
    let error = planned(&deployment, steps(&[("link", "guide")], Unmapped::Refuse)).await.unwrap_err();
    let MigrateError::Unmapped(unmapped) = &error else { panic!("{error}") };
    assert_eq!(unmapped.iter().map(|at| (&at.step, at.leads)).collect::<Vec<_>>(), [(&step("response"), 3)]);
    // There is no step of the same id either.
    let error = planned(&deployment, steps(&[], Unmapped::SameStep)).await.unwrap_err();
    let MigrateError::Unmapped(unmapped) = &error else { panic!("{error}") };
    assert_eq!(unmapped.iter().map(|at| (&at.step, at.leads)).collect::<Vec<_>>(), [(&step("link"), 2)]);
}

#[tokio::test]
async fn a_map_of_steps_that_are_not_there_is_refused_and_names_them() {
    let deployment = moved_on().await;
    let map = [("lnik", "guide"), ("link", "giude")];
    let error = planned(&deployment, steps(&map, Unmapped::SameStep)).await.unwrap_err();
    assert_eq!(error.to_string(), "the map names steps that are not there: lnik (on the left), giude (on the right)");
    let gone = Migration { program: name("nurture"), ..steps(&[], Unmapped::SameStep) };
    let error = planned(&deployment, gone).await.unwrap_err();
    assert_eq!(error.to_string(), "no program `nurture` is in force");
}

#[tokio::test]
async fn a_plan_moves_nobody_and_a_run_moves_everybody_once() {
    let deployment = moved_on().await;
    let migration = steps(&[("link", "guide")], Unmapped::SameStep);
    let plan = planned(&deployment, migration.clone()).await.unwrap();
    assert_eq!(ways(&plan), ["link → guide: 2", "response → response: 3"]);
    assert_eq!(planned(&deployment, migration.clone()).await.unwrap().leads(), 5, "a plan moves nobody");

    assert_eq!(run(&deployment, migration.clone()).await, Migrated { moved: 5, left: 0, gone: 0 });
    assert_eq!(run(&deployment, migration).await, Migrated::default());
    let current = deployment.store.release().await.unwrap().unwrap().programs[&name("welcome")].clone();
    let first = deployment.import(0).await;
    let enrolment = deployment.enrolment(&first).await;
    assert_eq!((enrolment.version, enrolment.step), (current, step("guide")));
}

#[tokio::test]
async fn only_those_in_the_version_that_is_named_are_moved() {
    let deployment = moved_on().await;
    let nobody = Migration {
        from: Some(ProgramVersion("ffffffffffff".to_owned())),
        ..steps(&[("link", "guide")], Unmapped::SameStep)
    };
    assert_eq!(run(&deployment, nobody).await, Migrated::default());
}

#[tokio::test]
async fn a_lead_whose_mail_is_on_its_way_stays_until_that_is_settled() {
    let deployment = moved_on().await;
    let lead = deployment.import(2).await;
    let stored = deployment.store.load(&lead).await.unwrap().unwrap();
    let lease_until = deployment.clock.now() + SignedDuration::from_mins(2);
    let sending = Sending { touch: deployment.enrolment(&lead).await.touch(), attempt: 1, lease_until };
    deployment.store.mark_sending(&lead, stored.rev, &sending).await.unwrap();

    let migration = steps(&[("link", "guide")], Unmapped::SameStep);
    assert_eq!(run(&deployment, migration.clone()).await, Migrated { moved: 4, left: 1, gone: 0 });
    assert_eq!(deployment.enrolment(&lead).await.step, step("response"));
    // Its worker never came back: the mail may have gone out, so the lead went on; then it is moved.
    deployment.clock.advance(SignedDuration::from_mins(3));
    deployment.sweep().await;
    assert_eq!(deployment.enrolment(&lead).await.step, step("link"));
    assert_eq!(run(&deployment, migration).await, Migrated { moved: 1, left: 0, gone: 0 });
    assert_eq!(deployment.enrolment(&lead).await.step, step("guide"));
}

#[tokio::test]
async fn where_a_lead_goes_is_worked_out_from_where_it_stands_when_it_is_moved() {
    let deployment = moved_on().await;
    let plan = planned(&deployment, steps(&[("link", "guide")], Unmapped::SameStep)).await.unwrap();
    let lead = deployment.import(2).await;
    // Between the plan and the run its first mail goes out.
    deployment.sweep().await;
    let catalog = deployment.catalog().await;
    plan.run(deployment.store.as_ref(), &catalog, deployment.clock.now()).await.unwrap();
    assert_eq!(deployment.enrolment(&lead).await.step, step("guide"));
    deployment.clock.advance(SignedDuration::from_hours(25));
    deployment.sweep().await;
    assert_eq!(deployment.subjects()[&lead], ["Your message to Example Ltd", "A guide"]);
}

#[tokio::test]
async fn the_way_out_ends_the_program_for_all_who_are_in_it() {
    let deployment = moved_on().await;
    let newest = deployment.import(9).await;
    let plan = planned(&deployment, exit("welcome")).await.unwrap();
    assert_eq!(ways(&plan).len(), 3);
    assert_eq!(run(&deployment, exit("welcome")).await, Migrated { moved: 6, left: 0, gone: 0 });
    // The welcome is followed by a program that is not there: by the last resort.
    assert_eq!(deployment.enrolment(&newest).await.program, name("occasional"));
    assert_eq!(run(&deployment, exit("welcome")).await, Migrated::default());
}

#[tokio::test]
async fn out_of_a_program_that_is_followed_by_itself_there_is_no_way() {
    let deployment = moved_on().await;
    run(&deployment, exit("welcome")).await;
    let error = planned(&deployment, exit("occasional")).await.unwrap_err();
    assert_eq!(error.to_string(), "`occasional` is followed by itself: there is no way out of it");
    let error = planned(&deployment, exit("nurture")).await.unwrap_err();
    assert_eq!(error.to_string(), "no program `nurture` is in force");
}
