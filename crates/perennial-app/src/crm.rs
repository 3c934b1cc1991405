//! What another system tells of sales' work: a CRM as it happens, or a list of what happened there.
//!
//! **Invariants:** what is told twice, late or in another order changes nothing more (I10); what nobody can read is
//! refused by itself, and stands in nobody's way; nothing that is told makes a lead.

use jiff::{SignedDuration, Timestamp};
use perennial_core::crm::{Details, Lacking, Meaning};
use perennial_core::ids::LeadId;
use perennial_core::sales::{Outcome, Party};

use crate::desk::{Desk, DisposeError, Done, Told};

/// How far another system's clock may be ahead of ours.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Takes in what other systems tell.
#[derive(Clone)]
pub struct Bridge {
    /// Who takes outcomes in.
    pub desk: Desk,
}

/// Something that is told of a lead. It has no `Debug`: a note is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Reported {
    /// Who tells, and under which id: the same twice is the same.
    pub id: String,
    /// The lead.
    pub lead: LeadId,
    /// What is said of it.
    pub meaning: Meaning,
    /// Whether that is a status, which stands there until another does, and nothing that happened.
    pub is_status: bool,
    /// What is said besides.
    pub details: Details,
    /// What somebody wrote about it. Personal.
    pub note: Option<String>,
    /// When it happened; without it, it counts from now.
    pub happened_at: Option<Timestamp>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The lead changed.
    Now,
    /// It did not.
    Unchanged(Unchanged),
}

/// Why a lead did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// Nobody has done anything yet, as it says.
    Nothing,
    /// It was told before, or is so already.
    Before,
    /// Something later is known.
    Late,
}

/// Why something was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It does not say enough.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// It is said to have happened after now.
    #[error("it is said to happen later than now")]
    Future,
    /// There is no such lead, or no more.
    #[error("there is no such lead")]
    UnknownLead,
    /// It is not taken, or could not be.
    #[error(transparent)]
    Dispose(DisposeError),
}

/// Whether something is done, or only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earnest {
    /// It is done.
    Done,
    /// It is only said what would be done.
    Tried,
}

impl Bridge {
    /// Takes one thing in, once.
    pub async fn take_in(&self, reported: &Reported, earnest: Earnest) -> Result<Taken, TakeError> {
        let now = self.desk.clock.now();
        if reported.happened_at.is_some_and(|at| at > now + AHEAD_MAX) {
            return Err(TakeError::Future);
        }
        let catalog = self.desk.library.catalog().await.map_err(|error| TakeError::Dispose(error.into()))?;
        let outcome = reported.meaning.outcome(&reported.details, &catalog.default_zone)?;
        let Some(outcome) = outcome.or(reported.is_status.then_some(Outcome::Untouched)) else {
            return Ok(Taken::Unchanged(Unchanged::Nothing));
        };
        let is_untouched = outcome == Outcome::Untouched;
        let told = Told {
            by: Party::Crm,
            lead: reported.lead.clone(),
            outcome,
            note: reported.note.clone(),
            happened_at: reported.happened_at.map(|at| at.min(now)),
            is_status: reported.is_status,
            key: reported.id.clone(),
        };
        let done = match earnest {
            Earnest::Done => self.desk.dispose(&told).await,
            Earnest::Tried => self.desk.would_dispose(&told).await,
        };
        match done {
            // Of a lead of whom nobody has done anything there is nothing to say, whoever they are.
            Ok(_) | Err(DisposeError::NotTheirs | DisposeError::Refused(_)) if is_untouched => {
                Ok(Taken::Unchanged(Unchanged::Nothing))
            }
            Ok(Done::Now) => Ok(Taken::Now),
            Ok(Done::Before) => Ok(Taken::Unchanged(Unchanged::Before)),
            Err(DisposeError::Late) => Ok(Taken::Unchanged(Unchanged::Late)),
            Err(DisposeError::NotTheirs) => Err(TakeError::UnknownLead),
            Err(error) => Err(TakeError::Dispose(error)),
        }
    }
}
