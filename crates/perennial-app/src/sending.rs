//! Whether a sender's mail goes out: the circuit breaker, and what operators say (TRUST.md §3).
//!
//! **Invariant:** a mail that is held is deferred with its reason and looked at again; nothing is dropped, and nobody
//! has to remember to let it go: the counts that hold it grow old by themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use perennial_core::breaker::{Brake, BrakeSeen, BreakerPolicy, SenderSwitch, Tally, day_of};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{ProgramName, SenderDomain};
use serde::Serialize;
use tracing::{error, info, warn};

use crate::ports::{SendingPause, Store, StoreError};

/// Whether mail goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendingStatus {
    /// Why nobody sends just now, if so: SES said so.
    pub pause: Option<SendingPause>,
    /// Each sender of the catalog.
    pub senders: Vec<SenderStatus>,
    /// The programs that an operator paused, and since when.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub paused: BTreeMap<ProgramName, Timestamp>,
}

/// How a sender stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SenderStatus {
    /// The domain.
    pub sender: SenderDomain,
    /// What became of its mails, as far as it counts.
    pub tally: Tally,
    /// How much of its mail is held.
    pub held: Brake,
    /// What an operator said last.
    pub switch: Option<SenderSwitch>,
}

/// How each sender of a catalog stands now. Changes nothing.
pub async fn status(store: &dyn Store, catalog: &Catalog, now: Timestamp) -> Result<SendingStatus, StoreError> {
    let policy = &catalog.breaker;
    let pause = store.sending_pause().await?.filter(|pause| pause.until > now);
    let mut senders = Vec::new();
    for sender in catalog.senders() {
        let record = store.sender(&sender, policy.since(now)).await?;
        let (tally, held) = (record.tally(policy, now), record.brake(policy, now));
        senders.push(SenderStatus { sender, tally, held, switch: record.switch });
    }
    Ok(SendingStatus { pause, senders, paused: catalog.paused.as_ref().clone() })
}

/// Holds all mail of a sender until somebody resumes it.
pub async fn pause(store: &dyn Store, sender: &SenderDomain, now: Timestamp) -> Result<(), StoreError> {
    store.set_sender_switch(sender, &SenderSwitch::Paused { at: now }).await
}

/// Lets a sender's mail go. What had become of it so far is not held against it any more.
pub async fn resume(store: &dyn Store, sender: &SenderDomain, now: Timestamp) -> Result<(), StoreError> {
    let today = day_of(now);
    let before = store.sender(sender, today).await?.days.get(&today).copied().unwrap_or_default();
    store.set_sender_switch(sender, &SenderSwitch::Resumed { at: now, before }).await
}

/// How much of a sender's mail is held now. A change is said aloud, once.
pub(crate) async fn look(
    store: &dyn Store,
    sender: &SenderDomain,
    policy: &BreakerPolicy,
    now: Timestamp,
) -> Result<Brake, StoreError> {
    let record = store.sender(sender, policy.since(now)).await?;
    let brake = record.brake(policy, now);
    let before = record.seen.map_or(Brake::Off, |seen| seen.brake);
    if brake != before {
        store.set_brake_seen(sender, &BrakeSeen { brake, at: now }).await?;
        tell(sender, brake, record.tally(policy, now));
    }
    Ok(brake)
}

fn tell(sender: &SenderDomain, brake: Brake, tally: Tally) {
    let Tally { sends, bounces, complaints } = tally;
    match brake {
        Brake::Off => info!(sender.domain = %sender, metric = "sender.resumed", "the sender's mail goes out again"),
        Brake::LowPriority => warn!(sender.domain = %sender, metric = "sender.slowed", sender.sends = sends,
            sender.bounces = bounces, sender.complaints = complaints,
            "too many bounces or complaints: programs of low priority pause for this sender"),
        Brake::Everything => error!(sender.domain = %sender, metric = "sender.stopped", sender.sends = sends,
            sender.bounces = bounces, sender.complaints = complaints,
            "all mail of this sender pauses: see `perennial sending status`"),
    }
}
