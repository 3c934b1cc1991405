//! Against servers on this machine, and names that lead wherever a test wants.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hyper::header::{HeaderMap, RETRY_AFTER};
use jiff::{SignedDuration, Timestamp};
use perennial_app::webhooks::WebhookCall;
use perennial_core::webhook::WebhookUrl;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::exchange::{connector, retry_after};

/// A name server that answers with these addresses, and counts how often it was asked.
struct Names {
    addresses: Vec<IpAddr>,
    asked: AtomicU32,
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, _name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.addresses.iter().map(|address| SocketAddr::from((*address, port))).collect())
    }
}

fn caller(reach: Reach, addresses: &[&str]) -> (HttpCaller, Arc<Names>) {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let names = Arc::new(Names { addresses, asked: AtomicU32::new(0) });
    (HttpCaller { resolver: names.clone(), ..HttpCaller::new(reach, Duration::from_secs(5)) }, names)
}

fn call(url: WebhookUrl) -> WebhookCall {
    WebhookCall {
        url,
        id: "abcdefghijklmnopqrstuvwxyz-3-0".to_owned(),
        at: Timestamp::from_second(1_649_367_553).unwrap(),
        signature: "v1,c2lnbmF0dXJl".to_owned(),
        body: r#"{"type":"lead.received"}"#.to_owned(),
    }
}

/// A server that gives each connection the same answer, and what it was asked.
async fn server(answer: &'static str) -> (WebhookUrl, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=1", listener.local_addr().unwrap());
    let (heard, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            heard.send(String::from_utf8_lossy(&request[..length]).into_owned()).unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (WebhookUrl::parse_loopback(&url).unwrap(), requests)
}

#[tokio::test]
async fn a_call_is_one_request_as_standard_webhooks_has_it() {
    let (url, mut requests) = server("HTTP/1.1 204 No Content\r\nretry-after: 5\r\n\r\n").await;
    let report = HttpCaller::new(Reach::Loopback, CALL_TIMEOUT).call(&call(url.clone())).await;
    let retry_after = Some(SignedDuration::from_secs(5));
    assert_eq!(report.answer, Ok(Answer { status: 204, retry_after }));
    let request = requests.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"type":"lead.received"}"#);
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /hook?key=1 HTTP/1.1");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "connection: close",
            "content-length: 24",
            "content-type: application/json",
            &format!("host: {}", url.authority()),
            concat!("user-agent: Perennial/", env!("CARGO_PKG_VERSION")),
            "webhook-id: abcdefghijklmnopqrstuvwxyz-3-0",
            "webhook-signature: v1,c2lnbmF0dXJl",
            "webhook-timestamp: 1649367553",
        ]
    );
    assert!(requests.try_recv().is_err(), "one request");
}

#[tokio::test]
async fn h46_a_redirect_to_the_metadata_is_an_answer_and_not_followed() {
    let (url, mut requests) =
        server("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/latest/meta-data\r\n\r\n").await;
    let report = HttpCaller::new(Reach::Loopback, CALL_TIMEOUT).call(&call(url)).await;
    assert_eq!(report.answer, Ok(Answer { status: 307, retry_after: None }));
    assert!(requests.recv().await.is_some() && requests.try_recv().is_err(), "one request");
}

#[tokio::test]
async fn h46_a_public_name_that_leads_into_a_private_network_is_not_called() {
    let url = WebhookUrl::parse("https://hooks.example.com/").unwrap();
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ] {
        let (caller, names) = caller(Reach::Public, &[address, "127.0.0.1"]);
        let report = caller.call(&call(url.clone())).await;
        assert_eq!(report.answer, Err(Failure::NotPublic), "{address}");
        assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn h46_of_several_addresses_only_those_within_reach_are_connected_to_and_a_name_is_asked_for_once() {
    let url = WebhookUrl::parse("https://hooks.example.com/").unwrap();
    let (caller, names) = caller(Reach::Public, &["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111", "127.0.0.1"]);
    let addresses = caller.addresses(&url).await.unwrap();
    assert_eq!(addresses, ["8.8.8.8:443".parse().unwrap(), "[2606:4700::1111]:443".parse().unwrap()]);
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn h46_an_address_on_this_machine_is_called_only_where_that_is_allowed() {
    let (url, mut requests) = server("HTTP/1.1 200 OK\r\n\r\n").await;
    let report = HttpCaller::new(Reach::Public, CALL_TIMEOUT).call(&call(url.clone())).await;
    assert_eq!(report.answer, Err(Failure::NotPublic));
    assert!(requests.try_recv().is_err(), "nobody knocked");
    let report = HttpCaller::new(Reach::Loopback, CALL_TIMEOUT).call(&call(url)).await;
    assert!(report.answer.is_ok());
}

#[tokio::test]
async fn what_goes_wrong_has_a_name_and_a_cause_that_does_not_say_where() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/secret", listener.local_addr().unwrap());
    drop(listener);
    let (broken, _requests) = server("").await;
    let (nonsense, _requests) = server("SSH-2.0-OpenSSH\r\n").await;
    let not_found = WebhookUrl::parse("https://hooks.example.com/secret").unwrap();
    for (url, failure) in [
        (WebhookUrl::parse_loopback(&closed).unwrap(), Failure::NotConnected),
        (broken, Failure::BrokenOff),
        (nonsense, Failure::BrokenOff),
        (not_found, Failure::NotFound),
    ] {
        let (caller, _) = caller(Reach::Loopback, &[]);
        let report = caller.call(&call(url)).await;
        assert_eq!(report.answer, Err(failure));
        let mut chain = String::new();
        let cause = report.cause.unwrap();
        let mut next: Option<&dyn Error> = Some(cause.as_ref());
        while let Some(error) = next {
            chain = format!("{chain} {error}");
            next = error.source();
        }
        assert!(!chain.contains("127.0.0.1") && !chain.contains("secret") && !chain.contains("example"), "{chain}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_when_the_time_is_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = WebhookUrl::parse_loopback(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let report = HttpCaller::new(Reach::Loopback, Duration::from_millis(50)).call(&call(url)).await;
    assert_eq!(report.answer, Err(Failure::TimedOut));
}

/// A server that shows a certificate for a name, and a caller for whom each name leads to it.
async fn tls_server(name: &str) -> (WebhookUrl, RootCertStore) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let ring = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let is_named = String::from_utf8_lossy(&request[..length]).contains("host: hooks.example.com:");
            let status = if is_named { "200 OK" } else { "421 Misdirected Request" };
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    (WebhookUrl::parse(&format!("https://hooks.example.com:{port}/")).unwrap(), roots)
}

#[tokio::test]
async fn a_server_is_called_by_its_name_and_shows_that_it_is_the_one() {
    let trusting = |roots: RootCertStore| {
        let (mut caller, _) = caller(Reach::Loopback, &["10.0.0.1", "127.0.0.1"]);
        caller.tls = OnceLock::from(connector(roots).ok().unwrap());
        caller
    };
    let (url, roots) = tls_server("hooks.example.com").await;
    let report = trusting(roots).call(&call(url.clone())).await;
    assert_eq!(report.answer, Ok(Answer { status: 200, retry_after: None }));
    let (other, other_roots) = tls_server("somebody.example").await;
    let report = trusting(other_roots.clone()).call(&call(other)).await;
    assert_eq!(report.answer, Err(Failure::NotTrusted), "another's certificate");
    let report = trusting(other_roots).call(&call(url)).await;
    assert_eq!(report.answer, Err(Failure::NotTrusted), "a certificate that nobody vouches for");
}

#[tokio::test]
async fn who_speaks_no_tls_is_not_trusted() {
    let (plain, mut requests) = server("HTTP/1.1 200 OK\r\n\r\n").await;
    let url = WebhookUrl::parse(&format!("https://hooks.example.com:{}/", plain.port())).unwrap();
    let (mut caller, _) = caller(Reach::Loopback, &["127.0.0.1"]);
    caller.tls = OnceLock::from(connector(RootCertStore::empty()).ok().unwrap());
    assert_eq!(caller.call(&call(url)).await.answer, Err(Failure::NotTrusted));
    assert!(!requests.recv().await.unwrap().contains("webhook-id"), "nothing was said in the clear");
}

#[test]
fn a_server_may_ask_for_patience_in_seconds_or_until_a_time() {
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let asked = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
    assert_eq!(asked("120"), Some(SignedDuration::from_secs(120)));
    assert_eq!(asked("Mon, 02 Mar 2026 13:00:00 GMT"), Some(SignedDuration::from_hours(1)));
    assert_eq!(asked("Mon, 02 Mar 2026 11:00:00 GMT"), Some(SignedDuration::ZERO), "a time that is over");
    assert_eq!(asked("soon"), None);
    assert_eq!(asked("-5"), None);
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}
