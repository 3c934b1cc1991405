//! Of many leads, those that read back.

use perennial_core::ids::LeadId;
use tracing::error;

use crate::error_chain::ErrorChain;
use crate::ports::StoreError;

/// What was read of one lead among others. One that does not read back hides nobody: it is left out, and an error in the log.
/// A store that fails is an error, since trying again helps.
pub(crate) fn if_it_reads<T>(lead: &LeadId, read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error @ StoreError::Corrupt { .. }) => {
            let error = ErrorChain(&error).to_string();
            error!(lead.id = %lead, metric = "lead.left_out", error, "a lead does not read back, and is left out of a list");
            Ok(None)
        }
        read => read,
    }
}
