//! Calls the servers of others.
//!
//! **Invariants:** a name is looked up once, what it leads to is held against [`Reach`], and the connection goes to an
//! address that passed and to no other: so a name that leads somewhere else a moment later changes nothing (H46). No
//! redirect is followed, no proxy is asked, nothing is tried twice. Every call ends within its time-out.

mod exchange;
mod resolve;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use perennial_app::deliveries::Failure;
use perennial_app::webhooks::{Answer, CallReport, WebhookCall, WebhookCaller};
use perennial_core::webhook::is_public;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use self::exchange::CallError;
pub use self::resolve::{Resolver, SystemResolver};

/// How long a call takes at most, from the look-up of the name to the answer. Standard Webhooks recommends 15 to 30 s.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Which addresses are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those that everybody on the internet may call.
    Public,
    /// Those of this machine: for tests and demonstrations.
    Loopback,
}

impl Reach {
    fn takes_in(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Loopback => address.is_loopback(),
        }
    }
}

/// Calls servers over HTTP/1.1, with TLS unless the address says `http`.
pub struct HttpCaller {
    reach: Reach,
    timeout: Duration,
    resolver: Arc<dyn Resolver>,
    /// Made at the first call that needs it: reading the platform's certificates takes a while.
    tls: OnceLock<TlsConnector>,
}

impl HttpCaller {
    /// Calls the servers within a reach, each call within a time.
    ///
    /// Who is trusted is the platform's matter, or that of `SSL_CERT_FILE` where it is set.
    pub fn new(reach: Reach, timeout: Duration) -> Self {
        Self { reach, timeout, resolver: Arc::new(SystemResolver), tls: OnceLock::new() }
    }
}

#[async_trait]
impl WebhookCaller for HttpCaller {
    async fn call(&self, call: &WebhookCall) -> CallReport {
        let answer = match timeout(self.timeout, self.exchange(call)).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(CallError::TimedOut(elapsed)),
        };
        report(answer)
    }
}

fn report(answer: Result<Answer, CallError>) -> CallReport {
    match answer {
        Ok(answer) => CallReport { answer: Ok(answer), cause: None },
        Err(error) => {
            let failure = match &error {
                CallError::TimedOut(_) => Failure::TimedOut,
                CallError::Resolve(_) | CallError::Nowhere => Failure::NotFound,
                CallError::NotPublic => Failure::NotPublic,
                CallError::Connect(_) => Failure::NotConnected,
                CallError::Tls(_) | CallError::NoRoots | CallError::ServerName(_) => Failure::NotTrusted,
                CallError::Request(_) | CallError::Http(_) => Failure::BrokenOff,
            };
            CallReport { answer: Err(failure), cause: Some(error.into()) }
        }
    }
}
