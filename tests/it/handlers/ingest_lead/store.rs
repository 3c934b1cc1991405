//! A store in memory that gets into trouble when told to.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_app::memory::MemoryStore;
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
use tokio::sync::Barrier;

/// One trouble, met once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Looking up an idempotency key fails.
    Idempotency,
    /// Loading fails.
    Load,
    /// Committing fails, and nothing is written.
    Commit,
    /// Committing works, and its answer is lost.
    Answer,
    /// Somebody else was quicker.
    Conflict,
}

/// Works like a [`MemoryStore`], but for the troubles it was told of.
pub(super) struct TroubledStore {
    pub(super) memory: MemoryStore,
    troubles: Mutex<VecDeque<Trouble>>,
    /// Loads that wait for each other.
    to_meet: AtomicU32,
    meeting: Barrier,
}

impl TroubledStore {
    pub(super) fn new() -> Self {
        Self {
            memory: MemoryStore::default(),
            troubles: Mutex::default(),
            to_meet: AtomicU32::new(0),
            meeting: Barrier::new(2),
        }
    }

    /// Meets these troubles from now on, each once and in this order.
    pub(super) fn get_into(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.troubles.lock().unwrap().extend(troubles);
    }

    /// Lets the next two loads return together: whoever called sees what the other saw.
    pub(super) fn let_two_meet(&self) {
        self.to_meet.store(2, Ordering::SeqCst);
    }

    fn meets(&self, trouble: Trouble) -> bool {
        let mut troubles = self.troubles.lock().unwrap();
        let is_next = troubles.front() == Some(&trouble);
        if is_next {
            troubles.pop_front();
        }
        is_next
    }

    fn fails(&self, trouble: Trouble) -> Result<(), StoreError> {
        if self.meets(trouble) { Err(StoreError::Unavailable("told to fail".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for TroubledStore {
    async fn load(&self, id: &LeadId) -> Result<Option<Stored>, StoreError> {
        self.fails(Trouble::Load)?;
        let stored = self.memory.load(id).await;
        let one_less = |left: u32| left.checked_sub(1);
        if self.to_meet.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            self.meeting.wait().await;
        }
        stored
    }

    async fn commit(&self, commit: &Commit) -> Result<u64, CommitError> {
        self.fails(Trouble::Commit)?;
        if self.meets(Trouble::Conflict) {
            return Err(CommitError::Conflict);
        }
        let rev = self.memory.commit(commit).await?;
        self.fails(Trouble::Answer)?;
        Ok(rev)
    }

    async fn mark_sending(&self, id: &LeadId, expected: u64, sending: &Sending) -> Result<u64, CommitError> {
        self.memory.mark_sending(id, expected, sending).await
    }

    async fn due(&self, shard: u8, until: Timestamp, cursor: Option<Cursor>) -> Result<DuePage, StoreError> {
        self.memory.due(shard, until, cursor).await
    }

    async fn history(&self, id: &LeadId) -> Result<Vec<HistoryRow>, StoreError> {
        self.memory.history(id).await
    }

    async fn record_engagement(&self, record: &EngagementRecord) -> Result<bool, StoreError> {
        self.memory.record_engagement(record).await
    }

    async fn record_hit(&self, lead: &LeadId, touch: &TouchId, hit: &Hit) -> Result<bool, StoreError> {
        self.memory.record_hit(lead, touch, hit).await
    }

    async fn hits(&self, lead: &LeadId, touch: &TouchId) -> Result<Vec<Hit>, StoreError> {
        self.memory.hits(lead, touch).await
    }

    async fn claim_effect(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<Claim, StoreError> {
        self.memory.claim_effect(id, now, until).await
    }

    async fn finish_effect(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.memory.finish_effect(id, now).await
    }

    async fn release_effect(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        self.memory.release_effect(id, until).await
    }

    async fn idempotency(&self, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.fails(Trouble::Idempotency)?;
        self.memory.idempotency(key).await
    }

    async fn survey(&self, cursor: Option<Cursor>) -> Result<SurveyPage, StoreError> {
        self.memory.survey(cursor).await
    }

    async fn put_import(&self, record: &ImportRecord) -> Result<(), StoreError> {
        self.memory.put_import(record).await
    }

    async fn sending_pause(&self) -> Result<Option<SendingPause>, StoreError> {
        self.memory.sending_pause().await
    }

    async fn pause_sending(&self, pause: &SendingPause) -> Result<(), StoreError> {
        self.memory.pause_sending(pause).await
    }

    async fn add_sends(&self, sender: &SenderDomain, day: Date, sends: u64) -> Result<(), StoreError> {
        self.memory.add_sends(sender, day, sends).await
    }

    async fn record_feedback(&self, record: &EngagementRecord, against: &Against) -> Result<bool, StoreError> {
        self.memory.record_feedback(record, against).await
    }

    async fn sender(&self, sender: &SenderDomain, since: Date) -> Result<SenderRecord, StoreError> {
        self.memory.sender(sender, since).await
    }

    async fn set_sender_switch(&self, sender: &SenderDomain, switch: &SenderSwitch) -> Result<(), StoreError> {
        self.memory.set_sender_switch(sender, switch).await
    }

    async fn set_brake_seen(&self, sender: &SenderDomain, seen: &BrakeSeen) -> Result<(), StoreError> {
        self.memory.set_brake_seen(sender, seen).await
    }

    async fn chore_mark(&self, chore: &str) -> Result<Option<Timestamp>, StoreError> {
        self.memory.chore_mark(chore).await
    }

    async fn set_chore_mark(&self, chore: &str, begun: Timestamp) -> Result<(), StoreError> {
        self.memory.set_chore_mark(chore, begun).await
    }

    async fn put_program(&self, program: &PublishedProgram) -> Result<(), StoreError> {
        self.memory.put_program(program).await
    }

    async fn program(
        &self,
        name: &ProgramName,
        version: &ProgramVersion,
    ) -> Result<Option<PublishedProgram>, StoreError> {
        self.memory.program(name, version).await
    }

    async fn put_catalog(&self, catalog: &PublishedCatalog) -> Result<(), StoreError> {
        self.memory.put_catalog(catalog).await
    }

    async fn catalog(&self, version: &CatalogVersion) -> Result<Option<PublishedCatalog>, StoreError> {
        self.memory.catalog(version).await
    }

    async fn release(&self) -> Result<Option<Release>, StoreError> {
        self.memory.release().await
    }

    async fn set_release(&self, release: &Release, expected: Option<u64>) -> Result<bool, StoreError> {
        self.memory.set_release(release, expected).await
    }

    async fn roster(&self) -> Result<Option<RosterRecord>, StoreError> {
        self.memory.roster().await
    }

    async fn set_roster(&self, record: &RosterRecord, expected: Option<u64>) -> Result<bool, StoreError> {
        self.memory.set_roster(record, expected).await
    }

    async fn loads(&self, reps: &BTreeSet<RepName>) -> Result<Loads, StoreError> {
        self.memory.loads(reps).await
    }

    async fn desk(&self, owner: &DeskOwner, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.memory.desk(owner, cursor).await
    }

    async fn owned(&self, rep: &RepName, cursor: Option<Cursor>) -> Result<DeskPage, StoreError> {
        self.memory.owned(rep, cursor).await
    }
}
