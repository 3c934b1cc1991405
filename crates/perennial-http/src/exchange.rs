//! One request and its answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use perennial_app::webhooks::{Answer, WebhookCall};
use perennial_core::webhook::WebhookUrl;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use url::Host;

use crate::HttpCaller;

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Who we say we are.
const USER_AGENT: &str = concat!("Perennial/", env!("CARGO_PKG_VERSION"));

/// Why a call got no answer. No variant says where to: the address of a webhook may be a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// It took too long.
    #[error("the call took too long")]
    TimedOut(#[source] Elapsed),
    /// The name could not be looked up.
    #[error("the name cannot be looked up")]
    Resolve(#[source] io::Error),
    /// The name has no address.
    #[error("the name has no address")]
    Nowhere,
    /// None of its addresses may be called.
    #[error("it has no address that may be called")]
    NotPublic,
    /// Nobody takes connections there.
    #[error("no connection was made")]
    Connect(#[source] io::Error),
    /// It is not who it should be, or speaks no TLS.
    #[error("no secure connection was made")]
    Tls(#[source] io::Error),
    /// This machine trusts nobody.
    #[error("this machine has no certificates to trust")]
    NoRoots,
    /// The name cannot stand in a certificate.
    #[error("the name cannot be that of a certificate")]
    ServerName(#[source] InvalidDnsNameError),
    /// The request cannot be put into words: a bug.
    #[error("the request cannot be written")]
    Request(#[source] hyper::http::Error),
    /// The connection broke off, or the answer is none.
    #[error("there was no answer")]
    Http(#[source] hyper::Error),
}

impl HttpCaller {
    /// Makes one call. Whoever calls it sees to the time.
    pub(crate) async fn exchange(&self, call: &WebhookCall) -> Result<Answer, CallError> {
        let addresses = self.addresses(&call.url).await?;
        let stream = connect(&addresses).await?;
        if !call.url.is_encrypted() {
            return send(stream, call).await;
        }
        let name = match call.url.host() {
            Some(Host::Ipv4(address)) => ServerName::from(std::net::IpAddr::from(address)),
            Some(Host::Ipv6(address)) => ServerName::from(std::net::IpAddr::from(address)),
            Some(Host::Domain(name)) => {
                ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(CallError::ServerName)?
            }
            None => return Err(CallError::Nowhere),
        };
        let stream = self.tls()?.connect(name, stream).await.map_err(CallError::Tls)?;
        send(stream, call).await
    }

    /// The addresses that may be called, of those that there are.
    pub(crate) async fn addresses(&self, url: &WebhookUrl) -> Result<Vec<SocketAddr>, CallError> {
        let port = url.port();
        let all = match url.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Domain(name)) => self.resolver.resolve(name, port).await.map_err(CallError::Resolve)?,
            None => Vec::new(),
        };
        if all.is_empty() {
            return Err(CallError::Nowhere);
        }
        let within = all.into_iter().filter(|address| self.reach.takes_in(address.ip()));
        let within: Vec<SocketAddr> = within.take(ADDRESSES_MAX).collect();
        if within.is_empty() { Err(CallError::NotPublic) } else { Ok(within) }
    }

    fn tls(&self) -> Result<&TlsConnector, CallError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let mut roots = RootCertStore::empty();
        let (trusted, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if trusted == 0 {
            return Err(CallError::NoRoots);
        }
        let made = connector(roots)?;
        Ok(self.tls.get_or_init(|| made))
    }
}

/// TLS on ring, as the AWS SDK has it.
pub(crate) fn connector(roots: RootCertStore) -> Result<TlsConnector, CallError> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let config = config.map_err(|error| CallError::Tls(io::Error::other(error)))?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

/// Connects to the first of some addresses that takes the connection.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, CallError> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(CallError::Connect(refused))
}

/// Sends the request and reads the head of the answer. Its body interests nobody.
async fn send<S>(stream: S, call: &WebhookCall) -> Result<Answer, CallError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(CallError::Http)?;
    // It ends with this call, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request(call)?).await.map_err(CallError::Http)?;
    Ok(Answer { status: response.status().as_u16(), retry_after: retry_after(response.headers(), call.at) })
}

fn request(call: &WebhookCall) -> Result<Request<String>, CallError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(call.url.path())
        .header(header::HOST, call.url.authority())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .header("webhook-id", &call.id)
        .header("webhook-timestamp", call.at.as_second())
        .header("webhook-signature", &call.signature);
    request.body(call.body.clone()).map_err(CallError::Request)
}

/// How long a server asks to be left in peace for: in seconds, or until a time (RFC 9110 §10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let until = rfc2822::parse(text).ok()?.timestamp();
    Some(until.duration_since(now).max(SignedDuration::ZERO))
}
