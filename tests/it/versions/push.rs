//! What a push publishes, and what it refuses.

use jiff::SignedDuration;
use perennial_app::ports::{Clock, Store};
use perennial_app::push::{InUse, KEPT_AT_LEAST, Leads, PushError};
use perennial_core::loader::SourceFile;
use perennial_core::testing;

use super::{Deployment, change, name, with, without_welcome};

fn edited() -> Vec<SourceFile> {
    with("welcome/touches/link.md", "Does it help?", "Did it help?")
}

#[tokio::test]
async fn the_same_again_publishes_nothing() {
    let deployment = Deployment::of(&testing::files()).await;
    let before = deployment.store.release().await.unwrap();
    let mut files = testing::files();
    files.reverse();
    files.push(SourceFile { path: "welcome/README.md".to_owned(), text: "Not a part of it.".to_owned() });
    let plan = deployment.push(&files).await.unwrap();
    assert!(plan.is_empty());
    assert_eq!(Some(plan.release), before.clone());
    assert_eq!(deployment.store.release().await.unwrap(), before);
}

#[tokio::test]
async fn what_changes_is_told_by_program_and_the_rest_stays_as_it_is() {
    let deployment = Deployment::of(&testing::files()).await;
    let before = deployment.store.release().await.unwrap().unwrap();
    deployment.import(1).await;
    let plan = deployment.push(&edited()).await.unwrap();
    let [change] = &plan.changes[..] else { panic!("{:?}", plan.changes) };
    assert_eq!((&change.program, change.staying), (&name("welcome"), 1));
    assert_eq!(change.from.as_ref(), before.programs.get(&name("welcome")));
    assert_eq!(change.to.as_ref(), plan.release.programs.get(&name("welcome")));
    assert!(!plan.catalog_changes);
    assert_eq!(plan.release.programs[&name("occasional")], before.programs[&name("occasional")]);
    assert_eq!((before.rev, plan.release.rev), (1, 2));
    assert_eq!(deployment.store.release().await.unwrap(), Some(plan.release));
}

#[tokio::test]
async fn of_two_pushes_at_once_one_is_in_force_and_the_other_is_told() {
    let deployment = Deployment::of(&testing::files()).await;
    let one = deployment.plan(&edited(), &[]).await.unwrap();
    let other = deployment.plan(&with("welcome/program.toml", "\"Welcome\"", "\"Hello\""), &[]).await.unwrap();
    one.publish(deployment.store.as_ref()).await.unwrap();
    let error = other.publish(deployment.store.as_ref()).await.unwrap_err();
    assert!(matches!(error, PushError::Overtaken), "{error}");
    assert_eq!(deployment.store.release().await.unwrap(), Some(one.release));
}

#[tokio::test]
async fn programs_with_an_error_are_not_published_and_all_that_is_wrong_is_told() {
    let deployment = Deployment::of(&testing::files()).await;
    let before = deployment.store.release().await.unwrap();
    let files = with("welcome/touches/link.md", "{{ first_name", "{{ firstname");
    let error = deployment.push(&files).await.unwrap_err();
    let PushError::NotUsable { diagnostics, emptied } = error else { panic!("{error}") };
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.file == "welcome/touches/link.md"));
    assert_eq!(emptied, []);
    assert_eq!(deployment.store.release().await.unwrap(), before);
}

#[tokio::test]
async fn a_program_that_leads_are_in_is_not_removed_and_the_count_is_told() {
    let deployment = Deployment::of(&testing::files()).await;
    for number in 0..3 {
        deployment.import(number).await;
    }
    // Some are in an older version: they count as well.
    deployment.push(&edited()).await.unwrap();
    deployment.import(3).await;
    let before = deployment.store.release().await.unwrap();
    let error = deployment.push(&without_welcome()).await.unwrap_err();
    assert_eq!(error.to_string(), "`welcome` is in use by 4 leads");
    assert_eq!(deployment.store.release().await.unwrap(), before);
}

#[tokio::test]
async fn a_program_that_leads_are_in_is_not_emptied_and_the_count_is_told() {
    let deployment = Deployment::of(&testing::files()).await;
    deployment.import(1).await;
    let in_use = InUse { program: name("welcome"), version: None, leads: 1 };
    let mut folder_only = testing::files();
    folder_only.retain(|file| file.path != "welcome/program.toml");
    let no_steps = testing::files().into_iter().map(|file| match file.path.as_str() {
        "welcome/program.toml" => SourceFile { text: "title = \"Welcome\"\nthen = \"nurture\"\n".to_owned(), ..file },
        _ => file,
    });
    for files in [folder_only, no_steps.collect()] {
        let error = deployment.push(&files).await.unwrap_err();
        let PushError::NotUsable { emptied, .. } = error else { panic!("{error}") };
        assert_eq!(emptied, std::slice::from_ref(&in_use));
    }
}

#[tokio::test]
async fn a_program_that_nobody_is_in_is_removed_and_kept_until_everybody_knows() {
    let deployment = Deployment::of(&testing::files()).await;
    let version = deployment.store.release().await.unwrap().unwrap().programs[&name("welcome")].clone();
    let plan = deployment.push(&without_welcome()).await.unwrap();
    // A function that has not looked yet may still start a lead in it.
    assert!(plan.release.kept[&name("welcome")].contains_key(&version));
    let late = deployment.catalog().await;
    assert!(late.kept.contains_key(&(name("welcome"), version)));

    let hello = change(without_welcome(), "occasional/program.toml", "\"Occasional\"", "\"Hello\"");
    deployment.wall_clock.advance(KEPT_AT_LEAST - SignedDuration::from_mins(2));
    assert!(deployment.push(&hello).await.unwrap().release.kept.contains_key(&name("welcome")));
    let hi = change(without_welcome(), "occasional/program.toml", "\"Occasional\"", "\"Hi\"");
    deployment.wall_clock.advance(SignedDuration::from_mins(2));
    assert!(!deployment.push(&hi).await.unwrap().release.kept.contains_key(&name("welcome")));
}

#[tokio::test]
async fn a_retired_program_takes_nobody_in_and_those_in_it_finish_it() {
    let deployment = Deployment::of(&testing::files()).await;
    let inside = deployment.import(1).await;
    let plan = deployment.push_retiring(&without_welcome(), &["welcome"]).await.unwrap();
    assert_eq!(plan.changes.iter().map(|change| (change.to.clone(), change.staying)).collect::<Vec<_>>(), [(None, 1)]);
    let after = deployment.import(2).await;
    assert_eq!(deployment.enrolment(&after).await.program, name("occasional"));
    deployment.sweep().await;
    assert_eq!(deployment.subjects()[&inside], ["Your message to Example Ltd"]);
    assert_eq!(deployment.enrolment(&inside).await.program, name("welcome"));

    // However long it takes.
    deployment.wall_clock.advance(KEPT_AT_LEAST * 100);
    let hello = change(without_welcome(), "occasional/program.toml", "\"Occasional\"", "\"Hello\"");
    assert!(deployment.push(&hello).await.unwrap().release.kept.contains_key(&name("welcome")));
    deployment.clock.advance(SignedDuration::from_hours(25));
    deployment.sweep().await;
    assert_eq!(deployment.subjects()[&inside], ["Your message to Example Ltd", "A guide"]);
}

#[tokio::test]
async fn a_catalog_beside_which_a_version_in_use_would_not_read_is_refused() {
    let deployment = Deployment::of(&testing::files()).await;
    let fact = "guide_url = \"https://www.perennial.example/guide\"";
    let without = |files| change(files, "catalog.toml", fact, "other = \"x\"");
    let unlinked = with("welcome/touches/link.md", "[this guide]({{ facts.guide_url }})", "our guide");
    deployment.import(1).await;

    let error = deployment.push(&without(unlinked.clone())).await.unwrap_err();
    let version = deployment.store.release().await.unwrap().unwrap().programs[&name("welcome")].clone();
    assert_eq!(
        error.to_string(),
        format!("`welcome@{}` is in use by 1 lead, and would not read with this catalog.toml", version.0)
    );
    // Nobody in it any more: it may go.
    deployment.push(&unlinked).await.unwrap();
    deployment.sweep().await;
    deployment.clock.advance(SignedDuration::from_hours(25));
    deployment.sweep().await;
    assert!(deployment.push(&without(unlinked)).await.unwrap().catalog_changes);
    assert_eq!(deployment.catalog().await.organisation.facts.len(), 1);
}

#[tokio::test]
async fn a_version_that_comes_back_is_the_one_it_was() {
    let deployment = Deployment::of(&testing::files()).await;
    let first = deployment.store.release().await.unwrap().unwrap();
    deployment.push(&edited()).await.unwrap();
    let back = deployment.push(&testing::files()).await.unwrap().release;
    assert_eq!((back.rev, &back.programs), (3, &first.programs));
    assert!(!back.kept[&name("welcome")].contains_key(&first.programs[&name("welcome")]));
    assert_eq!(back.at, deployment.wall_clock.now() - SignedDuration::from_mins(1));
}

#[test]
fn counts_read_as_people_write_them() {
    let said: Vec<String> = [0, 1, 999, 1_204, 1_234_567].iter().map(|leads| Leads(*leads).to_string()).collect();
    assert_eq!(said, ["0 leads", "1 lead", "999 leads", "1,204 leads", "1,234,567 leads"]);
}
