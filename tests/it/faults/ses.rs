//! A stand-in for SES that takes a mail and then behaves as told. It keeps what it was handed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use perennial_app::ports::Mailer;
use perennial_aws::clients::Clients;
use perennial_aws::ses::SesMailer;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does once it has read a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Answers with a message id.
    Answers,
    /// Closes the connection.
    HangsUp,
    /// Refuses the mail, and names whom it was to go to.
    Refuses,
    /// Answers 500.
    Fails,
    /// Never says anything.
    Hangs,
}

#[derive(Clone)]
pub(super) struct Ses {
    url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    /// The touch that each request was for.
    touches: Vec<String>,
}

impl Ses {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ses = Self { url, state: Arc::new(Mutex::new(State { manner, touches: Vec::new() })) };
        let serving = ses.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        ses
    }

    /// The real mailer, talking to this.
    pub(super) fn mailer(&self) -> Arc<dyn Mailer> {
        let client = Clients::loopback(&self.url).with_send_timeout(Duration::from_millis(500)).ses();
        Arc::new(SesMailer::new(client, None))
    }

    pub(super) fn behave(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// The touches that it was asked to mail, once for each request.
    pub(super) fn touches(&self) -> Vec<String> {
        self.state.lock().unwrap().touches.clone()
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(body) = read_body(&mut stream).await {
            let manner = {
                let mut state = self.state.lock().unwrap();
                state.touches.push(tag(&body, "touch"));
                state.manner
            };
            let answer = match manner {
                Manner::Answers => r#"200 OK {"MessageId":"0107"}"#,
                Manner::Refuses => {
                    r#"400 Refused {"__type":"MessageRejected","message":"Email address is not verified: canary-7f3@birds.example"}"#
                }
                Manner::Fails => r#"500 Broken {"message":"something broke"}"#,
                Manner::HangsUp => return,
                Manner::Hangs => std::future::pending().await,
            };
            let (status, body) = answer.split_once(" {").unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{{{body}", body.len() + 1);
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// The real mailer, talking to a port at which nobody listens.
pub(super) async fn unreachable_mailer() -> Arc<dyn Mailer> {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    Arc::new(SesMailer::new(Clients::loopback(&format!("http://{port}")).ses(), None))
}

fn tag(body: &Value, name: &str) -> String {
    let tags = body["EmailTags"].as_array().unwrap();
    let tag = tags.iter().find(|tag| tag["Name"] == name).unwrap();
    tag["Value"].as_str().unwrap().to_owned()
}

async fn read_body(stream: &mut TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    serde_json::from_slice(&bytes[head_end..head_end + length]).ok()
}
