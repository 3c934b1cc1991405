//! F24: a program is edited and removed under the leads who are in it. Those who are in it finish it as it was, or
//! are moved by somebody who says where to; nobody is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;

use jiff::SignedDuration;
use perennial_app::memory::MemoryStore;
use perennial_app::migrate::{MigrateError, Migrated, Migration, Unmapped, Way, plan};
use perennial_app::ports::{Clock, Store, Surveyed};
use perennial_app::report::{audit, waterfall};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::{DynamoStore, table};
use perennial_core::ids::{LeadId, StepId};
use perennial_core::loader::SourceFile;
use perennial_core::testing;
use perennial_local::store_file::StoreFile;

use super::world::berlin;
use crate::versions::{Deployment, change, name, without_welcome};

const RESPONSE: &str = "Your message to Example Ltd";
const LINK: &str = "A guide";
const CASE: &str = "How somebody else did it";
const NEW_LINK: &str = "Another guide";
const STORY: &str = "A story";

const LAST_STEP: &str = "\n[[step]]\nid = \"case\"\nkind = \"email\"\nafter = \"2d\"\n";

fn mail(path: &str, subject: &str) -> SourceFile {
    let text =
        format!("+++\nsubject = \"{subject}\"\nfrom = \"rep\"\n+++\nHi {{{{ first_name | default(\"there\") }}}}.\n");
    SourceFile { path: path.to_owned(), text }
}

/// The welcome: a response, a link the day after, a case two days later.
fn first() -> Vec<SourceFile> {
    let mut files = testing::files();
    for file in files.iter_mut().filter(|file| file.path == "welcome/program.toml") {
        file.text.push_str(LAST_STEP);
    }
    files.push(mail("welcome/touches/case.md", CASE));
    files
}

/// The welcome with another link, and a story in place of the case.
fn second() -> Vec<SourceFile> {
    let mut files = change(first(), "welcome/program.toml", "id = \"case\"", "id = \"story\"");
    files.retain(|file| !["welcome/touches/case.md", "welcome/touches/link.md"].contains(&file.path.as_str()));
    files.push(mail("welcome/touches/link.md", NEW_LINK));
    files.push(mail("welcome/touches/story.md", STORY));
    files
}

fn migration(map: &[(&str, &str)]) -> Migration {
    let step = |id: &str| StepId::parse(id).unwrap();
    let map = map.iter().map(|(from, to)| (step(from), step(to))).collect();
    Migration { program: name("welcome"), from: None, way: Way::Steps { map, unmapped: Unmapped::Refuse } }
}

/// Four groups of people, and what came to them.
struct Groups<S> {
    deployment: Deployment<S>,
    people: BTreeMap<&'static str, BTreeSet<LeadId>>,
}

impl<S: Store + 'static> Groups<S> {
    async fn join(&mut self, group: &'static str, people: usize) {
        let number = self.people.values().map(BTreeSet::len).sum::<usize>();
        for person in number..number + people {
            let lead = self.deployment.import(person).await;
            self.people.entry(group).or_default().insert(lead);
        }
    }

    async fn sweep_at(&self, local: &str) {
        self.deployment.clock.set(berlin(local));
        while self.deployment.sweep().await.visited > 0 {}
    }

    fn assert_sent(&self, group: &str, subjects: &[&str]) {
        let sent = self.deployment.subjects();
        for person in &self.people[group] {
            assert_eq!(sent[person], subjects, "{group}");
        }
    }

    /// Received = the sum of all places, and each lead has a pulse and a history that leads to its state.
    async fn assert_nobody_is_lost(&self) {
        let store = self.deployment.store.as_ref();
        let report = waterfall(store).await.unwrap();
        let everybody: usize = self.people.values().map(BTreeSet::len).sum();
        assert_eq!((report.balanced, report.received), (true, i64::try_from(everybody).unwrap()));
        let audit = audit(store, self.deployment.clock.now()).await.unwrap();
        assert!(audit.ok, "{:?}", audit.violations);
        assert_eq!(audit.leads, u64::try_from(everybody).unwrap());
    }

    async fn migrate(&self, map: &[(&str, &str)]) -> Result<Migrated, MigrateError> {
        let (store, catalog) = (self.deployment.store.as_ref(), self.deployment.catalog().await);
        plan(store, &catalog, migration(map)).await?.run(store, &catalog, self.deployment.clock.now()).await
    }

    /// How many leads stand at each step of the welcome.
    async fn standing(&self) -> BTreeMap<String, usize> {
        let mut standing = BTreeMap::new();
        let mut cursor = None;
        loop {
            let page = self.deployment.store.survey(cursor).await.unwrap();
            for item in page.items {
                if let Surveyed::State { lead, .. } = item
                    && let Some(enrolment) = lead.enrolment.filter(|enrolment| enrolment.program == name("welcome"))
                {
                    *standing.entry(enrolment.step.to_string()).or_default() += 1;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return standing;
            }
        }
    }
}

/// So many people each: `ahead` had two mails of the first welcome when the second is pushed, `begun` one, `fresh`
/// none; `new` come after it.
async fn edited_and_removed<S: Store + 'static>(store: S, sizes: [usize; 4]) {
    let [ahead, begun, fresh, new] = sizes;
    let mut groups = Groups { deployment: Deployment::on(store), people: BTreeMap::new() };
    groups.deployment.push(&first()).await.unwrap();
    groups.join("ahead", ahead).await;
    groups.sweep_at("2026-03-02 10:00").await;
    groups.sweep_at("2026-03-03 11:00").await;
    groups.join("begun", begun).await;
    groups.sweep_at("2026-03-03 11:00").await;
    groups.join("fresh", fresh).await;
    let standing = |steps: &[(&str, usize)]| steps.iter().map(|(step, leads)| ((*step).to_owned(), *leads)).collect();
    assert_eq!(groups.standing().await, standing(&[("case", ahead), ("link", begun), ("response", fresh)]));

    // Edited. Nobody is moved by that; who comes now starts the new one.
    let plan = groups.deployment.push(&second()).await.unwrap();
    assert_eq!(plan.changes[0].staying, u64::try_from(ahead + begun + fresh).unwrap());
    groups.join("new", new).await;
    groups.assert_nobody_is_lost().await;

    // Removed: refused, and the count is told.
    let refused = groups.deployment.push(&without_welcome()).await.unwrap_err();
    let everybody = ahead + begun + fresh + new;
    let leads = perennial_app::push::Leads(u64::try_from(everybody).unwrap());
    assert_eq!(refused.to_string(), format!("`welcome` is in use by {leads}"));

    // Pinned: a text that was edited comes as it was, a step that is gone comes all the same.
    groups.sweep_at("2026-03-03 11:00").await;
    groups.sweep_at("2026-03-04 12:00").await;
    groups.assert_sent("ahead", &[RESPONSE, LINK]);
    groups.assert_sent("begun", &[RESPONSE, LINK]);
    groups.assert_sent("fresh", &[RESPONSE, LINK]);
    groups.assert_sent("new", &[RESPONSE, NEW_LINK]);
    groups.sweep_at("2026-03-05 13:00").await;
    groups.assert_sent("ahead", &[RESPONSE, LINK, CASE]);

    // Migrated: by a map, and only who stands where it says.
    assert_eq!(groups.standing().await, standing(&[("case", begun + fresh), ("story", new)]));
    let error = groups.migrate(&[("link", "link")]).await.unwrap_err();
    assert!(matches!(error, MigrateError::Unmapped(_)), "{error}");
    let moved = Migrated { moved: u64::try_from(begun + fresh).unwrap(), left: 0, gone: 0 };
    assert_eq!(groups.migrate(&[("case", "story")]).await.unwrap(), moved);
    assert_eq!(groups.standing().await, standing(&[("story", begun + fresh + new)]));
    groups.assert_nobody_is_lost().await;

    // Everybody gets the rest of their mails, once each, and goes on.
    groups.sweep_at("2026-03-06 14:00").await;
    groups.sweep_at("2026-03-09 14:00").await;
    groups.assert_sent("ahead", &[RESPONSE, LINK, CASE]);
    groups.assert_sent("begun", &[RESPONSE, LINK, STORY]);
    groups.assert_sent("fresh", &[RESPONSE, LINK, STORY]);
    groups.assert_sent("new", &[RESPONSE, NEW_LINK, STORY]);
    assert_eq!(groups.standing().await, standing(&[]));
    groups.assert_nobody_is_lost().await;

    // Now nobody is in it, and it may go.
    let gone = groups.deployment.push(&without_welcome()).await.unwrap();
    assert!(!gone.release.programs.contains_key(&name("welcome")));
    groups.deployment.clock.advance(SignedDuration::from_hours(1));
    groups.assert_nobody_is_lost().await;
}

#[tokio::test]
async fn ten_thousand_leads_keep_the_versions_they_started_until_somebody_moves_them() {
    edited_and_removed(MemoryStore::default(), [2_500, 2_500, 4_900, 100]).await;
}

#[tokio::test]
async fn the_same_happens_on_the_real_store() {
    let file = StoreFile::memory().unwrap();
    let client = Clients::loopback(file.dynamodb()).dynamodb();
    table::create(&client, "perennial").await.unwrap();
    // It is open for as long as the test's runtime runs.
    tokio::spawn(async move {
        let _open = file;
        pending::<()>().await;
    });
    edited_and_removed(DynamoStore::new(client, "perennial"), [12, 12, 12, 6]).await;
}
