//! A store before whose calls something happens.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::ports::{
    Against, CatalogVersion, Claim, Commit, CommitError, Cursor, DeskOwner, DeskPage, DuePage, EngagementRecord,
    HistoryRow, IdempotencyRecord, ImportRecord, PublishedCatalog, PublishedProgram, Release, RosterRecord,
    SendingPause, Store, StoreError, Stored, SurveyPage,
};
use perennial_core::actor::Hit;
use perennial_core::breaker::{BrakeSeen, SenderRecord, SenderSwitch};
use perennial_core::ids::{LeadId, ProgramName, RepName, SenderDomain, TouchId};
use perennial_core::lead::Sending;
use perennial_core::program::ProgramVersion;
use perennial_core::roster::Loads;

/// A call before which something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Load,
    Commit,
    Mark,
    Finish,
}

type Happening = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// Works like the store behind it, after what was asked to happen has happened.
pub(crate) struct Hooked {
    store: Arc<dyn Store>,
    happenings: Mutex<Vec<(Call, Happening)>>,
}

impl Hooked {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, happenings: Mutex::default() }
    }

    /// Lets this happen before the next such call that has nothing before it yet. An error is the call's answer.
    pub(crate) fn before(&self, call: Call, happening: impl Future<Output = Result<(), StoreError>> + Send + 'static) {
        self.happenings.lock().unwrap().push((call, Box::pin(happening)));
    }

    /// Fails the next such call; nothing is written.
    pub(crate) fn fail(&self, call: Call) {
        self.before(call, async { Err(StoreError::Unavailable("told to fail".into())) });
    }

    /// Forgets what has not happened yet.
    pub(crate) fn forget(&self) {
        self.happenings.lock().unwrap().clear();
    }

    async fn happen(&self, call: Call) -> Result<(), StoreError> {
        let happening = {
            let mut happenings = self.happenings.lock().unwrap();
            let next = happenings.iter().position(|(before, _)| *before == call);
            next.map(|at| happenings.remove(at).1)
        };
        match happening {
            Some(happening) => happening.await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Hooked {
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError> {
        self.happen(Call::Load).await?;
        self.store.load(id).await
    }

    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError> {
        self.happen(Call::Commit).await?;
        self.store.commit(commit).await
    }

    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError> {
        self.happen(Call::Mark).await?;
        self.store.mark_sending(id, expected, sending).await
    }

    async fn due(&self, shard: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError> {
        self.store.due(shard, until, cursor).await
    }

    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError> {
        self.store.history(id).await
    }

    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        self.store.record_engagement(record).await
    }

    async fn record_hit(&self, lead: &LeadId, touch: &TouchId, hit: &Hit) -> Result<bool, StoreError> {
        self.store.record_hit(lead, touch, hit).await
    }

    async fn hits(&self, lead: &LeadId, touch: &TouchId) -> Result<Vec<Hit>, StoreError> {
        self.store.hits(lead, touch).await
    }

    async fn claim_effect(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<Claim, StoreError> {
        self.store.claim_effect(id, now, until).await
    }

    async fn finish_effect(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.happen(Call::Finish).await?;
        self.store.finish_effect(id, now).await
    }

    async fn release_effect(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        self.store.release_effect(id, until).await
    }

    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.store.idempotency(key).await
    }

    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError> {
        self.store.survey(cursor).await
    }

    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError> {
        self.store.put_import(record).await
    }

    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError> {
        self.store.sending_pause().await
    }

    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError> {
        self.store.pause_sending(pause).await
    }

    async fn add_sends(&self, sender: &SenderDomain, day: Date, sends: u64) -> Result<(), StoreError> {
        self.store.add_sends(sender, day, sends).await
    }

    async fn record_feedback(&self, record: &EngagementRecord, against: &Against) -> Result<bool, StoreError> {
        self.store.record_feedback(record, against).await
    }

    async fn sender(&self, sender: &SenderDomain, since: Date) -> Result<SenderRecord, StoreError> {
        self.store.sender(sender, since).await
    }

    async fn set_sender_switch(&self, sender: &SenderDomain, switch: &SenderSwitch) -> Result<(), StoreError> {
        self.store.set_sender_switch(sender, switch).await
    }

    async fn set_brake_seen(&self, sender: &SenderDomain, seen: &BrakeSeen) -> Result<(), StoreError> {
        self.store.set_brake_seen(sender, seen).await
    }

    async fn chore_mark(&self, chore: &str) -> Result<Option<Timestamp>, StoreError> {
        self.store.chore_mark(chore).await
    }

    async fn set_chore_mark(&self, chore: &str, begun: Timestamp) -> Result<(), StoreError> {
        self.store.set_chore_mark(chore, begun).await
    }

    async fn put_program(&self, program: &PublishedProgram) -> Result<(), StoreError> {
        self.store.put_program(program).await
    }

    async fn program(
        &self,
        name: &ProgramName,
        version: &ProgramVersion,
    ) -> Result<Option<PublishedProgram>, StoreError> {
        self.store.program(name, version).await
    }

    async fn put_catalog(&self, catalog: &PublishedCatalog) -> Result<(), StoreError> {
        self.store.put_catalog(catalog).await
    }

    async fn catalog(&self, version: &CatalogVersion) -> Result<Option<PublishedCatalog>, StoreError> {
        self.store.catalog(version).await
    }

    async fn release(&self) -> Result<Option<Release>, StoreError> {
        self.store.release().await
    }

    async fn set_release(&self, release: &Release, expected: Option<u64>) -> Result<bool, StoreError> {
        self.store.set_release(release, expected).await
    }

    async fn roster(&self) -> Result<Option<RosterRecord>, StoreError> {
        self.store.roster().await
    }

    async fn set_roster(&self, record: &RosterRecord, expected: Option<u64>) -> Result<bool, StoreError> {
        self.store.set_roster(record, expected).await
    }

    async fn loads(&self, reps: &BTreeSet<RepName>) -> Result<Loads, StoreError> {
        self.store.loads(reps).await
    }

    async fn desk(&self, owner: &DeskOwner, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.store.desk(owner, cursor).await
    }

    async fn owned(&self, rep: &RepName, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.store.owned(rep, cursor).await
    }
}
