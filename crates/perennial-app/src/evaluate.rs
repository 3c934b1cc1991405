//! Whether a lead is ready for sales: looked at as soon as something says that it may be.
//!
//! **Invariant:** a look is one read and at most one commit; where it gives a lead to one of several reps, also a look at what
//! waits for each of them. What counts is what is stored, so looking twice, late or in
//! another order says nothing more (I10); a look that never comes is the sweep's, minutes later.

use std::sync::Arc;

use perennial_core::decide::Stimulus;
use perennial_core::event::Event;
use perennial_core::ids::LeadId;

use crate::library::{Library, LibraryError};
use crate::ports::{Clock, Store};
use crate::react::{Attachments, ReactError, Reaction, react};

/// Looks whether leads are ready.
#[derive(Clone)]
pub struct Evaluator {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force: they say what makes a lead ready.
    pub library: Arc<Library>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// What a look saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// The lead is sales' from now on.
    Ready,
    /// It is not ready, or sales has it already.
    NotReady,
    /// Somebody has looked since the last sign, or there is no such lead.
    Before,
}

/// Why nobody looked. It may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It could not be committed.
    #[error(transparent)]
    React(#[from] ReactError),
}

impl Evaluator {
    /// Looks at one lead.
    pub async fn evaluate(&self, lead: &LeadId) -> Result<Looked, EvaluateError> {
        let catalog = self.library.catalog().await?;
        let attach = |_: &_| Attachments::default();
        let reaction =
            react(self.store.as_ref(), &catalog, lead, &Stimulus::Evaluate, self.clock.now(), attach).await?;
        Ok(reaction.map_or(Looked::Before, |Reaction { events }| {
            let is_ready = |event: &Event| matches!(event, Event::Qualified { .. } | Event::Requalified { .. });
            if events.iter().any(is_ready) { Looked::Ready } else { Looked::NotReady }
        }))
    }
}
