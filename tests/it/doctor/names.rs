//! A DNS server on loopback that knows a few texts.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::UdpSocket;

/// Answers of DNS (RFC 1035 §4.1.1): nothing wrong, the server failed, there is no such name.
const FAILED: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// How long the head of a message is.
const HEAD: usize = 12;

pub(super) struct Names(SocketAddr);

impl Names {
    /// One that knows these texts, by their names, and no other name.
    pub(super) async fn start(texts: Vec<(&'static str, &'static str)>) -> Self {
        Self::answering(move |name| {
            let found: Vec<_> = texts.iter().filter(|(known, _)| *known == name).map(|(_, text)| *text).collect();
            if found.is_empty() { Err(NO_SUCH_NAME) } else { Ok(found) }
        })
        .await
    }

    /// One that has broken down.
    pub(super) async fn failing() -> Self {
        Self::answering(|_| Err(FAILED)).await
    }

    pub(super) fn address(&self) -> String {
        self.0.to_string()
    }

    async fn answering(answer: impl Fn(&str) -> Result<Vec<&'static str>, u8> + Send + Sync + 'static) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let names = Self(socket.local_addr().unwrap());
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let reply = reply(&query[..length], &answer);
                socket.send_to(&reply, from).await.unwrap();
            }
        });
        names
    }
}

fn reply(query: &[u8], answer: &impl Fn(&str) -> Result<Vec<&'static str>, u8>) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = HEAD;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(str::from_utf8(&query[at + 1..end]).unwrap().to_ascii_lowercase());
        at = end;
    }
    // The end of the name, its kind and its class.
    let question = &query[HEAD..at + 5];
    let (texts, code) = match answer(&labels.join(".")) {
        Ok(texts) => (texts, 0),
        Err(code) => (Vec::new(), code),
    };
    let count = u8::try_from(texts.len()).unwrap();
    // The query's id; an answer, recursion asked for and there; one question, these answers.
    let mut reply = vec![query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    reply.extend(question);
    for text in texts {
        let length = u8::try_from(text.len()).unwrap();
        // The name of the question; TXT, IN, for a minute.
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
        reply.extend(text.as_bytes());
    }
    reply
}
