//! What a failed call to DynamoDB means for whoever made it.
//!
//! **Invariant:** the cause is kept whole, but for the raw answer, which may hold an item.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use perennial_app::ports::StoreError;

/// Errors by which DynamoDB says "not now".
const NOT_NOW: [&str; 8] = [
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The first status of those that are the server's fault.
const SERVER_ERROR: u16 = 500;

/// Sorts a failed call: not available now, or refused for good.
pub(super) fn store_error<E>(error: SdkError<E>) -> StoreError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let SdkError::ServiceError(answer) = error {
        let not_now = answer.raw().status().as_u16() >= SERVER_ERROR
            || answer.err().code().is_some_and(|code| NOT_NOW.contains(&code));
        let cause = Box::new(answer.into_err());
        if not_now { StoreError::Unavailable(cause) } else { StoreError::Refused(cause) }
    } else if let SdkError::ConstructionFailure(_) = error {
        StoreError::Refused(Box::new(error))
    } else {
        // No answer, or none that can be read.
        StoreError::Unavailable(Box::new(error))
    }
}
