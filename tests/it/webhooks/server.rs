//! A server of others, on this machine, that behaves as it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use perennial_core::webhook::WebhookUrl;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It takes it.
    Takes,
    /// It says something else: a status, and further headers.
    Says(&'static str),
    /// It hangs up.
    HangsUp,
}

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The last part of the path: the webhook.
    pub(crate) webhook: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// What the event is known by.
    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether it comes from whoever has this secret, as the standard's own crate sees it.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &self.headers).is_ok()
    }
}

#[derive(Default)]
struct Shared {
    manners: Mutex<BTreeMap<String, Manner>>,
    requests: Mutex<Vec<Request>>,
}

/// A server for as many webhooks as one likes.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, shared }
    }

    /// Below which each webhook has its path.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub(crate) fn base(&self) -> WebhookUrl {
        WebhookUrl::parse_loopback(&self.url()).unwrap()
    }

    /// Behaves so from now on, for one webhook.
    pub(crate) fn behave(&self, webhook: &str, manner: Manner) {
        self.shared.manners.lock().unwrap().insert(webhook.to_owned(), manner);
    }

    /// What came for a webhook, in order.
    pub(crate) fn requests(&self, webhook: &str) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().filter(|request| request.webhook == webhook).cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read(&mut stream).await else { return };
    let manner = shared.manners.lock().unwrap().get(&request.webhook).copied().unwrap_or(Manner::Takes);
    shared.requests.lock().unwrap().push(request);
    let says = match manner {
        Manner::Takes => "204 No Content",
        Manner::Says(says) => says,
        Manner::HangsUp => return,
    };
    // Whoever asked may be gone.
    let _: std::io::Result<()> = stream.write_all(format!("HTTP/1.1 {says}\r\n\r\n").as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let path = lines.next()?.split(' ').nth(1)?;
            let header = |line: &str| {
                let (name, value) = line.split_once(": ")?;
                Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
            };
            let headers: HeaderMap = lines.filter_map(header).collect();
            let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
            if body.len() >= length {
                let webhook = path.rsplit('/').next()?.to_owned();
                return Some(Request { webhook, headers, body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
