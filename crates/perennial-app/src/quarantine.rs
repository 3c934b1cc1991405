//! The quarantine: what is held back as junk, why, and what a person makes of it.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use perennial_core::decide::Stimulus;
use perennial_core::event::Event;
use perennial_core::ids::{FormName, LeadId};
use perennial_core::lead::{Lead, LifecycleStage};
use perennial_core::submission::JunkReason;
use serde::Serialize;

use crate::engagement::{HearError, Heard, Listener};
use crate::ports::{HistoryRow, Store, StoreError, Surveyed};

/// How many histories are read at once.
const READS_AT_ONCE: usize = 16;

/// A lead that is held back. It says nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Who.
    pub lead: LeadId,
    /// When it came in.
    pub received_at: Timestamp,
    /// When it is purged.
    pub until: Timestamp,
    /// The form it came by.
    pub form: FormName,
    /// Why it is held back.
    pub reasons: Vec<JunkReason>,
    /// How often it came in since: junk that comes again stays held.
    pub submissions: u32,
}

/// Everybody who is held back, in the order in which they came. Reads the whole store.
pub async fn held(store: &dyn Store) -> Result<Vec<Held>, StoreError> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.survey(cursor).await?;
        let leads: Vec<Box<Lead>> = page.items.into_iter().filter_map(quarantined).collect();
        let reads = stream::iter(leads).map(|lead| async move {
            let history = store.history(&lead.id).await?;
            Ok::<_, StoreError>(described(&lead, &history))
        });
        let found: Vec<Option<Held>> = reads.buffered(READS_AT_ONCE).try_collect().await?;
        all.extend(found.into_iter().flatten());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    all.sort_by(|a, b| a.received_at.cmp(&b.received_at).then_with(|| a.lead.cmp(&b.lead)));
    Ok(all)
}

fn quarantined(item: Surveyed) -> Option<Box<Lead>> {
    match item {
        Surveyed::State { lead, .. } if lead.stage == LifecycleStage::Quarantined => Some(lead),
        Surveyed::State { .. } | Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => None,
    }
}

/// What history says of it; `None` if it left while this was read.
fn described(lead: &Lead, history: &[HistoryRow]) -> Option<Held> {
    let entries = || history.iter().rev().flat_map(|row| row.entries.iter().rev());
    let (reasons, until) = entries().find_map(|event| {
        let Event::Quarantined { reasons, until } = event else { return None };
        Some((reasons.clone(), *until))
    })?;
    let form = entries().find_map(form_of)?;
    let (received_at, submissions) = (lead.received_at, lead.submissions);
    Some(Held { lead: lead.id.clone(), received_at, until, form, reasons, submissions })
}

fn form_of(event: &Event) -> Option<FormName> {
    let Event::Received { form, .. } = event else { return None };
    Some(form.clone())
}

impl Listener {
    /// Lets a held lead in: it is nurtured as its form says. Nothing, if it is not held.
    pub async fn release(&self, lead: &LeadId) -> Result<Heard, HearError> {
        let history = self.store.history(lead).await.map_err(crate::ReactError::from)?;
        let form = history.iter().rev().flat_map(|row| row.entries.iter().rev()).find_map(form_of);
        match form {
            Some(form) => self.hear(lead, &Stimulus::Released { form }).await,
            None => Ok(Heard::Nothing),
        }
    }

    /// Ends the quarantine of a lead now, as its end would. Nothing, if it is not held.
    pub async fn condemn(&self, lead: &LeadId) -> Result<Heard, HearError> {
        self.hear(lead, &Stimulus::Condemned).await
    }
}
