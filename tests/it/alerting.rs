//! How soon sales hears of somebody: the whole suite on one machine, from a form post to the alert in history, and to the
//! mail.

use std::path::Path;
use std::time::{Duration, Instant};

use perennial_app::ports::{Store, Surveyed};
use perennial_app::programs;
use perennial_core::sales::Trigger;
use perennial_local::clock::Pace;
use perennial_local::suite::Suite;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

/// How soon it must be beside everything else that is tested at the same time. Without the bus's rule it would be minutes;
/// what it takes on a machine that has nothing else to do, the bench `first_touch` says.
const SOON: Duration = Duration::from_secs(10);

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Of so many posts the fastest counts: what the suite can do, whatever else this machine does.
const POSTS: usize = 5;

async fn post(host: &str, address: &str) {
    let body = format!("email={address}&first_name=Ada");
    let head = format!(
        "POST /v1/forms/contact HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 202 "), "{answer}");
}

/// How many mails there are to whoever has the leads.
async fn mails_to_sales(host: &str) -> usize {
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!("GET /mailbox/messages.json?to=robin.vale@perennial.example HTTP/1.0\r\nhost: {host}\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let mails: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
    mails.len()
}

/// How many leads sales was told of at once.
async fn told_of(store: &dyn Store) -> usize {
    let told = |item: &Surveyed| match item {
        Surveyed::State { lead, .. } => lead.alerted.contains_key(&Trigger::Qualified),
        Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => false,
    };
    store.survey(None).await.unwrap().items.iter().filter(|item| told(item)).count()
}

#[tokio::test]
async fn whoever_raises_a_hand_is_told_of_at_once_and_not_by_the_next_sweep_that_looks() {
    let directory = TempDir::new().unwrap();
    let files = programs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")).unwrap();
    let suite = Suite::start(&directory.path().join("up.db"), 0, Pace::Real, &files, None, None).await.unwrap();
    let host = suite.base_url().replace("http://", "");
    let (mut waits, mut mailed) = (Vec::new(), Vec::new());
    for number in 1..=POSTS {
        let started = Instant::now();
        post(&host, &format!("person{number}@example.com")).await;
        let waiting = async {
            let mut looks = interval(Duration::from_millis(5));
            while told_of(suite.store().as_ref()).await < number {
                looks.tick().await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
        waits.push(started.elapsed());
        let arriving = async {
            let mut looks = interval(Duration::from_millis(5));
            while mails_to_sales(&host).await < number {
                looks.tick().await;
            }
        };
        timeout(PATIENCE, arriving).await.unwrap();
        mailed.push(started.elapsed());
    }
    assert!(waits.iter().min() < Some(&SOON), "{waits:?}");
    assert!(mailed.iter().min() < Some(&SOON), "the mail: {mailed:?}");
    suite.stop().await.unwrap();
}
