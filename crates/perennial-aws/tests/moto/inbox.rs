//! The inbox in moto's S3.

use aws_sdk_s3::primitives::ByteStream;
use perennial_app::ports::{Inbox as _, RawMail};
use perennial_aws::inbox::S3Inbox;
use perennial_core::inbound::InboxKey;

#[tokio::test]
async fn a_mail_is_read_up_to_a_limit_and_gone_once_it_is_deleted() {
    let (client, bucket) = (crate::clients().s3(), crate::name("inbox"));
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let key = "inbound/d6iitobk75ur44p8kdnnp7g2n800";
    let body = ByteStream::from_static(b"From: a@b.example\r\n\r\nHello.");
    client.put_object().bucket(&bucket).key(key).body(body).send().await.unwrap();
    let (inbox, key) = (S3Inbox::new(client, bucket), InboxKey::parse(key).unwrap());

    let start = RawMail { bytes: b"From: a@b".to_vec(), size: 27 };
    assert_eq!(inbox.fetch(&key, 9).await.unwrap(), Some(start));
    assert_eq!(inbox.fetch(&key, 1024).await.unwrap().map(|mail| mail.bytes.len()), Some(27));
    inbox.delete(&key).await.unwrap();
    assert_eq!(inbox.fetch(&key, 1024).await.unwrap(), None);
    inbox.delete(&key).await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_an_error_and_no_empty_inbox() {
    let inbox = S3Inbox::new(crate::clients().s3(), crate::name("nowhere"));
    let key = InboxKey::parse("inbound/d6iitobk75ur44p8kdnnp7g2n800").unwrap();
    assert!(inbox.fetch(&key, 1024).await.is_err());
}
