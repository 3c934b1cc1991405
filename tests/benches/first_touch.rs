//! How long a person waits, and how long sales does: from a form post to the first mail in the mailbox, and to the alert
//! in history, end to end, on a store file.
//!
//! `cargo bench -p perennial-tests` prints the median and the worst of a number of posts, one after another.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use perennial_app::ports::{Store, Surveyed};
use perennial_app::programs;
use perennial_core::sales::Trigger;
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

    let (mut mails, mut alerts) = (Vec::new(), Vec::new());
    for post in 0..POSTS {
        let address = format!("person-{post}@example.com");
        let started = Instant::now();
        let answer = exchange(&host, &posted(&host, &address)).await?;
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
        mails.push(started.elapsed());
        // Somebody whom nobody waits for: looking for the mail takes time, too.
        let started = Instant::now();
        exchange(&host, &posted(&host, &format!("other-{post}@example.com"))).await?;
        while alerted(suite.store().as_ref()).await? < 2 * (post + 1) {
            if started.elapsed() > PATIENCE {
                return Err("no alert came".into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        alerts.push(started.elapsed());
    }
    print("to first touch in the mailbox", mails);
    print("to alert", alerts);
    suite.stop().await?;
    Ok(())
}

/// The contact form, as a browser posts it: whoever does raises a hand.
fn posted(host: &str, address: &str) -> String {
    let body = format!("email={address}&first_name=Ada");
    let length = body.len();
    format!(
        "POST /v1/forms/contact HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// How many leads sales was told of at once.
async fn alerted(store: &dyn Store) -> Result<usize, Box<dyn Error>> {
    let is_told = |item: &Surveyed| match item {
        Surveyed::State { lead, .. } => lead.alerted.contains_key(&Trigger::Qualified),
        Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => false,
    };
    let mut told = 0;
    let mut cursor = None;
    loop {
        let page = store.survey(cursor).await?;
        told += page.items.iter().filter(|item| is_told(item)).count();
        cursor = page.next;
        if cursor.is_none() {
            return Ok(told);
        }
    }
}

fn print(what: &str, mut waits: Vec<Duration>) {
    waits.sort();
    let median = waits.get(POSTS / 2).copied().unwrap_or_default();
    let worst = waits.last().copied().unwrap_or_default();
    println!("form post {what}, {POSTS} posts: median {median:.0?}, worst {worst:.0?}");
}

async fn exchange(host: &str, request: &str) -> Result<String, Box<dyn Error>> {
    let mut connection = TcpStream::connect(host).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}
