//! The inbox in a bucket: what S3 is asked, and what its answers mean (H40).

use perennial_app::ports::{Inbox, RawMail};
use perennial_aws::clients::Clients;
use perennial_aws::inbox::S3Inbox;
use perennial_core::inbound::InboxKey;

use crate::loopback::{Answer, Loopback};

fn key() -> InboxKey {
    InboxKey::parse("inbound/d6iitobk75ur44p8kdnnp7g2n800").unwrap()
}

fn refusal(status: u16, code: &str) -> Answer {
    Answer::Reply(status, "", format!("<Error><Code>{code}</Code><Message>canary-7f3</Message></Error>"))
}

async fn fetched(answer: fn() -> Answer) -> Result<Option<RawMail>, String> {
    let server = Loopback::start(move |_, _| answer()).await;
    let inbox = S3Inbox::new(Clients::loopback(&server.url).s3(), "perennial-inbox");
    inbox.fetch(&key(), 1024).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn of_a_mail_no_more_is_asked_for_than_will_be_read() {
    let server = Loopback::start(|_, _| Answer::Reply(206, "", "From: a@b.example".to_owned())).await;
    let inbox = S3Inbox::new(Clients::loopback(&server.url).s3(), "perennial-inbox");
    let mail = inbox.fetch(&key(), 1024).await.unwrap().unwrap();
    assert_eq!((mail.bytes.as_slice(), mail.size), (b"From: a@b.example".as_slice(), 17));
    let requests = server.requests();
    assert!(requests[0].line().starts_with("GET /perennial-inbox/inbound/d6iitobk75ur44p8kdnnp7g2n800"));
    assert_eq!(requests[0].header("range"), "bytes=0-1023");
}

#[tokio::test]
async fn a_mail_that_is_not_there_is_none_and_an_empty_one_is_empty() {
    assert_eq!(fetched(|| refusal(404, "NoSuchKey")).await, Ok(None));
    let empty = RawMail { bytes: Vec::new(), size: 0 };
    assert_eq!(fetched(|| refusal(416, "InvalidRange")).await, Ok(Some(empty)));
}

#[tokio::test]
async fn what_s3_cannot_answer_is_an_error_and_never_a_mail_that_is_not_there() {
    for answer in [|| refusal(500, "InternalError"), || refusal(403, "AccessDenied"), || refusal(404, "NoSuchBucket")] {
        assert_eq!(fetched(answer).await, Err("the inbox is not available".to_owned()));
    }
}

#[tokio::test]
async fn a_mail_is_deleted_by_its_key() {
    let server = Loopback::start(|_, _| Answer::Reply(204, "", String::new())).await;
    let inbox = S3Inbox::new(Clients::loopback(&server.url).s3(), "perennial-inbox");
    inbox.delete(&key()).await.unwrap();
    assert!(server.requests()[0].line().starts_with("DELETE /perennial-inbox/inbound/d6iitobk75ur44p8kdnnp7g2n800"));
}
