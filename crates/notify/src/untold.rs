//! What somebody could not be told when it happened is kept, and told as soon as that is possible.
//!
//! **Invariant:** it stays kept until it was told, or there is nobody to tell of any more, or it was tried for
//! [`UNTOLD_PERIOD`](perennial_app::news::UNTOLD_PERIOD), which is an error in the log. It is a place in history and no
//! copy: what is told is read then.

use std::time::Instant;

use futures::future::join_all;
use jiff::Timestamp;
use perennial_app::error_chain::ErrorChain;
use perennial_app::news::Untold;
use perennial_app::publish::{EventId, events_of};
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use tracing::{error, warn};

use crate::{BusEvent, Deps, Summary, tell};

/// How much is tried at once: SES takes some mails a second.
const AT_ONCE: usize = 8;

/// What came of a look at what could not be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Again {
    /// What was told, or need not be any more.
    pub told: u32,
    /// What failed again.
    pub failed: u32,
}

/// Where an event stands in history, and when it happened.
#[derive(Deserialize)]
struct Place {
    id: EventId,
    at: Timestamp,
}

/// Tells the person whom an event is for. Where that fails, it is kept for the next tick.
pub(crate) async fn tell_or_keep(deps: &Deps, event: BusEvent) -> Result<Summary, HandlerError> {
    let Ok(Place { id, at }) = Place::deserialize(&event.detail) else { return tell(deps, event).await };
    let failure = match tell(deps, event).await {
        Ok(summary) => return Ok(summary),
        Err(failure) => failure,
    };
    let due = deps.herald.clock.now();
    if let Err(error) = deps.herald.book.keep_untold(&Untold { event: id.clone(), at, due }).await {
        warn!(effect.id = %id, error = ErrorChain(&error).to_string(), "what was not told could not be kept");
        return Err(failure);
    }
    let error = ErrorChain(&failure).to_string();
    error!(effect.id = %id, metric = "notify.untold", error, "somebody was not told; the next tick tries it again");
    Ok(Summary { is_kept: true, ..Summary::default() })
}

/// Tells what could not be told and is due, while there is time.
pub(crate) async fn again(deps: &Deps) -> Result<Again, HandlerError> {
    let unread = |error| HandlerError::new("untold_failed", error);
    let (now, end) = (deps.herald.clock.now(), Instant::now() + deps.budget);
    let mut again = Again::default();
    let mut cursor = None;
    loop {
        let page = deps.herald.book.untold(now, cursor).await.map_err(unread)?;
        for some in page.untold.chunks(AT_ONCE) {
            if Instant::now() >= end {
                return Ok(again);
            }
            for is_told in join_all(some.iter().map(|untold| retried(deps, untold))).await {
                let count = if is_told { &mut again.told } else { &mut again.failed };
                *count = count.saturating_add(1);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(again);
        }
    }
}

/// Whether something could be told now, or need not be any more.
async fn retried(deps: &Deps, untold: &Untold) -> bool {
    let told = tell_again(deps, untold).await;
    let is_told = told.is_ok();
    let kept = match told {
        Ok(()) => {
            deps.herald.book.forget_untold(untold).await.map_err(|error| HandlerError::new("untold_failed", error))
        }
        Err(failure) => put_off(deps, untold, &failure).await,
    };
    if let Err(error) = kept {
        // It stays where it is: nothing of it is told twice.
        warn!(effect.id = %untold.event, error = ErrorChain(&error).to_string(), "what was not told stays as it was");
    }
    is_told
}

async fn tell_again(deps: &Deps, untold: &Untold) -> Result<(), HandlerError> {
    let EventId { lead, seq, place } = &untold.event;
    let history = deps.herald.store.history(lead).await.map_err(|error| HandlerError::new("untold_failed", error))?;
    let unwritten = |error| HandlerError::new("untold_failed", error);
    let Some(row) = history.iter().find(|row| row.seq == *seq) else { return Ok(()) };
    let Some(event) = events_of(lead, row).map_err(unwritten)?.into_iter().nth(*place) else { return Ok(()) };
    let detail = serde_json::from_str(&event.detail).map_err(unwritten)?;
    tell(deps, BusEvent { source: String::new(), detail_type: event.name, detail }).await.map(drop)
}

/// Tries it again later, and says so; or gives it up.
async fn put_off(deps: &Deps, untold: &Untold, failure: &HandlerError) -> Result<(), HandlerError> {
    let failed = |error| HandlerError::new("untold_failed", error);
    let (book, error) = (&deps.herald.book, ErrorChain(failure).to_string());
    if let Some(later) = untold.put_off(deps.herald.clock.now()) {
        warn!(effect.id = %untold.event, until = %later.due, error, "somebody is still not told");
        book.keep_untold(&later).await.map_err(failed)?;
    } else {
        error!(effect.id = %untold.event, metric = "notify.given_up", error, "somebody is never told");
    }
    book.forget_untold(untold).await.map_err(failed)
}
