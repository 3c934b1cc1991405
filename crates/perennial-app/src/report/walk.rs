//! Reads every lead with its history.
//!
//! **Invariant:** memory does not grow with the store: a page of leads and [`HISTORIES_AT_ONCE`] histories are held at a
//! time, whatever is counted.

use futures::{StreamExt, TryStreamExt, stream};
use perennial_core::lead::Lead;

use crate::ports::{HistoryRow, Store, StoreError, Surveyed};

/// How many histories are read at once.
const HISTORIES_AT_ONCE: usize = 16;

/// Hands out every lead, with its history up to the state that was read.
///
/// Not at one instant: what happens meanwhile may be seen of one lead and not of another.
pub(super) async fn every_lead(
    store: &dyn Store,
    mut seen: impl FnMut(&Lead, &[HistoryRow]) + Send,
) -> Result<(), StoreError> {
    let mut cursor = None;
    loop {
        let page = store.survey(cursor).await?;
        let leads = page.items.into_iter().filter_map(|item| match item {
            Surveyed::State { lead, .. } => Some(lead),
            Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => None,
        });
        let read = |lead: Box<Lead>| async move {
            let mut history = store.history(&lead.id).await?;
            history.retain(|row| row.seq <= lead.seq);
            Ok::<_, StoreError>((lead, history))
        };
        let mut histories = stream::iter(leads).map(read).buffered(HISTORIES_AT_ONCE);
        while let Some((lead, history)) = histories.try_next().await? {
            seen(&lead, &history);
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
