//! From the environment to a running function.
//!
//! **Invariant:** clients are built once per process, before the first event.

use std::future::Future;
use std::sync::Arc;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use perennial_app::error_chain::ErrorChain;
use perennial_app::library::Library;
use perennial_app::ports::{Store, SystemClock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::error;

/// Why an invocation failed: what Lambda reports, retries and sends to a dead-letter queue.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct HandlerError {
    kind: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl HandlerError {
    /// An error of one kind: a short stable name that an alarm can count.
    pub fn new(kind: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        Self { error_type: error.kind.to_owned(), error_message: ErrorChain(&error).to_string() }
    }
}

/// Runs a function: `handle` is called with `deps` and each event.
///
/// A failure is logged once, here, with its whole chain, and given to Lambda as a [`Diagnostic`].
pub async fn serve<D, E, R, H, F>(deps: D, handle: H) -> Result<(), Error>
where
    D: Send + Sync + 'static,
    E: DeserializeOwned + Send,
    R: Serialize,
    H: Fn(Arc<D>, E) -> F + Copy,
    F: Future<Output = Result<R, HandlerError>>,
{
    let deps = Arc::new(deps);
    run(service_fn(move |event: LambdaEvent<E>| {
        let deps = Arc::clone(&deps);
        async move {
            handle(deps, event.payload).await.map_err(|error| {
                error!(error = ErrorChain(&error).to_string(), "invocation failed");
                Diagnostic::from(error)
            })
        }
    }))
    .await
}

/// Starts logging as Lambda's `LoggingConfig` asks.
pub fn start_logging() {
    lambda_runtime::tracing::init_default_subscriber();
}

/// The programs that are released in a store, read before the first event.
///
/// Where nothing can be read yet, the function starts all the same and looks again at each event: a deployment may
/// come before its first push, and goes on by itself after it.
pub async fn library(store: &Arc<dyn Store>) -> Arc<Library> {
    let library = Library::released(Arc::clone(store), Arc::new(SystemClock));
    if let Err(error) = library.catalog().await {
        error!(error = ErrorChain(&error).to_string(), metric = "release.none", "there are no programs to go by");
    }
    Arc::new(library)
}
