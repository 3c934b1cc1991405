//! How long a person waits: from a form post to the first mail in the mailbox, end to end, on a store file.
//!
//! `cargo bench -p perennial-tests` prints the median and the worst of a number of posts, one after another.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use perennial_app::programs;
use perennial_local::clock::Pace;
use perennial_local::suite::Suite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const POSTS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let programs_directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs");
    let files = programs::read(&programs_directory)?;
    let suite = Suite::start(&directory.path().join("bench.db"), 0, Pace::Real, &files, None, None).await?;
    let host = suite.base_url().replace("http://", "");

    let mut waits = Vec::new();
    for post in 0..POSTS {
        let address = format!("person-{post}@example.com");
        let started = Instant::now();
        let body = format!("email={address}&first_name=Ada");
        let answer = exchange(
            &host,
            &format!(
                "POST /v1/forms/contact HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            ),
        )
        .await?;
        if !answer.starts_with("HTTP/1.1 202") {
            return Err(answer.into());
        }
        let look =
            format!("GET /mailbox/messages.json?to={address} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        while !exchange(&host, &look).await?.contains(&address) {
            if started.elapsed() > PATIENCE {
                return Err("no mail came".into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        waits.push(started.elapsed());
    }
    waits.sort();
    let median = waits.get(POSTS / 2).copied().unwrap_or_default();
    let worst = waits.last().copied().unwrap_or_default();
    println!("form post to first touch in the mailbox, {POSTS} posts: median {median:.0?}, worst {worst:.0?}");
    suite.stop().await?;
    Ok(())
}

async fn exchange(host: &str, request: &str) -> Result<String, Box<dyn Error>> {
    let mut connection = TcpStream::connect(host).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}
