//! Leads that somebody sends into a program, or out of the one that they are in, by hand.
//!
//! **Invariant:** whether a lead may be moved is decided on it as it is when the move is committed, and by the core alone.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use perennial_core::decide::{Direction, Misdirection, Stimulus, View, misdirection};
use perennial_core::ids::LeadId;
use perennial_core::lead::Enrolment;
use perennial_core::sales::Party;

use crate::desk::{DisposeError, note_of};
use crate::library::{Library, LibraryError};
use crate::ports::{Clock, Store, StoreError, Stored};
use crate::react::{Attachments, ReactError, react_to};

/// Moves leads by hand.
#[derive(Clone)]
pub struct Director {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force.
    pub library: Arc<Library>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// Why a lead was not moved.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// It may not be.
    #[error(transparent)]
    Misdirected(#[from] Misdirection),
    /// What was said to it is no note.
    #[error(transparent)]
    Note(DisposeError),
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It could not be committed. It may be asked for again.
    #[error(transparent)]
    React(#[from] ReactError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Director {
    /// Moves a lead, with what there is to say to it. Answers where it stands then.
    pub async fn direct(
        &self,
        by: &Party,
        lead: &LeadId,
        direction: &Direction,
        why: Option<&str>,
    ) -> Result<Option<Enrolment>, DirectError> {
        let now = self.clock.now();
        let note = note_of(by, why, now).map_err(DirectError::Note)?;
        let catalog = self.library.catalog().await?;
        let stimulus = Stimulus::Directed { by: by.clone(), direction: direction.clone(), note };
        let held_up = Mutex::new(None);
        let asked = |stored: Option<&Stored>| {
            let (lead, profile) = (stored.map(|stored| &stored.lead), stored.map(|stored| &stored.profile));
            let refused = misdirection(&View { lead, profile, catalog: &catalog, loads: None }, direction, now);
            let is_right = refused.is_none();
            *held_up.lock().unwrap_or_else(PoisonError::into_inner) = refused;
            is_right.then_some(Cow::Borrowed(&stimulus))
        };
        let moved = react_to(self.store.as_ref(), &catalog, lead, now, asked, |_| Attachments::default()).await;
        if let Some(refused) = held_up.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(refused.into());
        }
        moved?;
        Ok(self.store.load(lead).await?.and_then(|stored| stored.lead.enrolment))
    }
}
