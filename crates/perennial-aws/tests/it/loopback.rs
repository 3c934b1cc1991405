//! A scripted HTTP server on loopback that keeps every request it read.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request, read to its last byte.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    head: String,
    pub(crate) body: String,
}

impl Request {
    /// Method and path.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The value of a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }

    /// The name of the DynamoDB call.
    pub(crate) fn call(&self) -> &str {
        self.header("x-amz-target").rsplit('.').next().unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

/// What the server does with a request.
pub(crate) enum Answer {
    /// Answers with a status, an error type for `x-amzn-errortype` unless it is empty, and a body.
    Reply(u16, &'static str, String),
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Closes the connection.
    Drop,
    /// Never answers.
    Hang,
    /// Passes it on to the server behind, and back.
    Forward,
    /// Passes it on, and closes the connection instead of passing the answer back.
    ForwardAndDrop,
    /// Passes it on, and edits the answer; the text must keep its length.
    ForwardAndEdit(&'static str, &'static str),
}

/// The server.
#[derive(Clone)]
pub(crate) struct Loopback {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Loopback {
    /// Starts a server that asks `script` what to do, with the number of the request, counted from 0.
    pub(crate) async fn start(script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::in_front_of("", script).await
    }

    /// Starts a server that can pass requests on to another one.
    pub(crate) async fn in_front_of(
        behind: &str,
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { url: format!("http://{}", listener.local_addr().unwrap()), requests: Arc::default() };
        let (requests, script) = (server.requests.clone(), Arc::new(script));
        let behind = behind.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, script, behind) = (requests.clone(), script.clone(), behind.clone());
                tokio::spawn(async move { serve(stream, &requests, &*script, &behind).await });
            }
        });
        server
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.requests().iter().filter(|request| request.call() == call).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: &Mutex<Vec<Request>>,
    script: &(dyn Fn(usize, &Request) -> Answer + Send + Sync),
    behind: &str,
) {
    while let Some(request) = read(&mut stream).await {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let bytes = match script(number, &request) {
            Answer::Reply(status, error_type, body) => {
                let length = body.len();
                let error_type =
                    if error_type.is_empty() { String::new() } else { format!("x-amzn-errortype: {error_type}\r\n") };
                format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {length}\r\n{error_type}\r\n{body}").into_bytes()
            }
            Answer::Garbage => b"\x16\x03\x01 this is not HTTP\r\n\r\n".to_vec(),
            Answer::Drop => return,
            Answer::Hang => std::future::pending().await,
            Answer::Forward => forward(&request, number, behind).await,
            Answer::ForwardAndDrop => {
                forward(&request, number, behind).await;
                return;
            }
            Answer::ForwardAndEdit(from, to) => {
                assert_eq!(from.len(), to.len(), "the length is told before the body");
                let answer = String::from_utf8(forward(&request, number, behind).await).unwrap();
                assert!(answer.contains(from), "nothing to edit in {answer}");
                answer.replace(from, to).into_bytes()
            }
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let is_http = bytes.first().is_none_or(u8::is_ascii_uppercase);
        if !is_http || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = bytes.split_off(head_end);
    let head = String::from_utf8(bytes).ok()?;
    let mut request = Request { head, body: String::new() };
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(body).ok()?;
    Some(request)
}

/// Passes a request on, with an idempotency token of its own: DynamoDB forgets tokens after ten minutes, and
/// `UpdateItem` has none, so nothing may rest on them.
async fn forward(request: &Request, number: usize, behind: &str) -> Vec<u8> {
    const TOKEN: &str = "\"ClientRequestToken\":\"";
    let mut body = request.body.clone();
    if let Some(at) = body.find(TOKEN).map(|at| at + TOKEN.len()) {
        body.replace_range(at..at + 8, &format!("{number:08}"));
    }
    let mut stream = TcpStream::connect(behind).await.unwrap();
    let head = request.head.trim_end().to_owned() + "\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}
