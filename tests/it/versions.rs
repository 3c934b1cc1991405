//! Programs in the store: what is published, who sees it when, and what may not be published.

pub(crate) mod command;
mod library;
mod migrate;
mod pausing;
mod push;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::memory::{MemoryStore, RecordingMailer, SettableClock};
use perennial_app::ports::{Clock, Store};
use perennial_app::push::{Plan, Push, PushError};
use perennial_app::touch::{Sweep, Toucher};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{FormName, LeadId, ProgramName, SubmissionId};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::Enrolment;
use perennial_core::loader::SourceFile;
use perennial_core::submission::{Channel, Entry, Permission};
use perennial_core::testing;

use crate::scenarios::world::{LEASE, berlin, letterhead, pepper};

pub(crate) fn name(name: &str) -> ProgramName {
    ProgramName::parse(name).unwrap()
}

/// The catalog for tests with a text in place of another one; where nothing is found, the test is wrong.
pub(crate) fn with(path: &str, old: &str, new: &str) -> Vec<SourceFile> {
    change(testing::files(), path, old, new)
}

pub(crate) fn change(mut files: Vec<SourceFile>, path: &str, old: &str, new: &str) -> Vec<SourceFile> {
    let file = files.iter_mut().find(|file| file.path == path).unwrap();
    assert!(file.text.contains(old), "{path} does not hold {old}");
    file.text = file.text.replace(old, new);
    files
}

/// The catalog for tests without the folder of its welcome, whose form leads elsewhere.
pub(crate) fn without_welcome() -> Vec<SourceFile> {
    let mut files = with("catalog.toml", "program = \"welcome\"", "program = \"occasional\"");
    files.retain(|file| !file.path.starts_with("welcome/"));
    files
}

/// A deployment in memory whose programs come from its store. Sends by list, so nothing is nudged.
pub(crate) struct Deployment<S> {
    pub(crate) store: Arc<S>,
    pub(crate) wall_clock: Arc<SettableClock>,
    pub(crate) clock: Arc<SettableClock>,
    pub(crate) mailer: Arc<RecordingMailer>,
    pub(crate) library: Arc<Library>,
    door: Door,
    toucher: Toucher,
}

impl Deployment<MemoryStore> {
    /// With programs, on a Monday morning.
    pub(crate) async fn of(files: &[SourceFile]) -> Self {
        let deployment = Self::on(MemoryStore::default());
        deployment.push(files).await.unwrap();
        deployment
    }
}

impl<S: Store + 'static> Deployment<S> {
    /// Without programs.
    pub(crate) fn on(store: S) -> Self {
        let store = Arc::new(store);
        let clock = || Arc::new(SettableClock::new(berlin("2026-03-02 10:00")));
        let (clock, wall_clock, mailer) = (clock(), clock(), Arc::new(RecordingMailer::default()));
        let library = Arc::new(Library::released(store.clone(), wall_clock.clone()));
        let door = Door { store: store.clone(), library: library.clone(), pepper: pepper(), clock: clock.clone() };
        let toucher = Toucher {
            store: store.clone(),
            mailer: mailer.clone(),
            clock: clock.clone(),
            library: library.clone(),
            letterhead: letterhead(),
            lease: LEASE,
        };
        Self { store, wall_clock, clock, mailer, library, door, toucher }
    }

    pub(crate) async fn plan(&self, files: &[SourceFile], retired: &[&str]) -> Result<Plan, PushError> {
        let retired: BTreeSet<ProgramName> = retired.iter().map(|retired| name(retired)).collect();
        let push = Push { files, retired: &retired, now: self.wall_clock.now() };
        perennial_app::push::plan(self.store.as_ref(), &push).await
    }

    /// Pushes, and lets enough time pass for everybody to see it.
    pub(crate) async fn push(&self, files: &[SourceFile]) -> Result<Plan, PushError> {
        self.push_retiring(files, &[]).await
    }

    pub(crate) async fn push_retiring(&self, files: &[SourceFile], retired: &[&str]) -> Result<Plan, PushError> {
        let plan = self.plan(files, retired).await?;
        plan.publish(self.store.as_ref()).await?;
        self.wall_clock.advance(SignedDuration::from_mins(1));
        Ok(plan)
    }

    pub(crate) async fn catalog(&self) -> Arc<Catalog> {
        self.library.catalog().await.unwrap()
    }

    /// A row of a list comes in.
    pub(crate) async fn import(&self, number: usize) -> LeadId {
        let form = FormName::parse("contact").unwrap();
        let catalog = self.catalog().await;
        let raw = RawSubmission {
            id: SubmissionId::derive(&pepper(), &form, &format!("row:{number}")),
            channel: Channel::Import,
            received_at: self.clock.now(),
            entry: Entry::Welcome,
            mail: Permission::Allowed,
            calls: Permission::Allowed,
            junk: Vec::new(),
            pairs: vec![("email".to_owned(), format!("person{number}@example.com"))],
        };
        let submission = intake::read(raw, &catalog.fields, &form, &catalog.forms[&form]).unwrap();
        let id = submission.lead_id(&pepper()).unwrap();
        self.door.receive(submission, None).await.unwrap();
        id
    }

    pub(crate) async fn sweep(&self) -> Sweep {
        self.toucher.sweep(std::time::Duration::from_mins(5)).await.unwrap()
    }

    pub(crate) async fn enrolment(&self, lead: &LeadId) -> Enrolment {
        self.store.load(lead).await.unwrap().unwrap().lead.enrolment.unwrap()
    }

    /// What a lead was sent, in order.
    pub(crate) fn subjects(&self) -> BTreeMap<LeadId, Vec<String>> {
        let mut subjects: BTreeMap<LeadId, Vec<String>> = BTreeMap::new();
        for mail in self.mailer.handed_over() {
            subjects.entry(mail.lead).or_default().push(mail.subject);
        }
        subjects
    }
}
