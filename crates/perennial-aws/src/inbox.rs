//! The inbox in an S3 bucket, where a receipt rule of SES puts each mail.
//!
//! **Invariant:** a mail is read by its beginning, however long it is: what is not asked for is not transferred.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use perennial_app::ports::{Cause, Inbox, InboxError, RawMail};
use perennial_core::inbound::InboxKey;

/// What S3 calls a range of an object without a byte.
const EMPTY: &str = "InvalidRange";

/// The inbox.
#[derive(Debug, Clone)]
pub struct S3Inbox {
    client: Client,
    bucket: String,
}

impl S3Inbox {
    /// The inbox in a bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }
}

#[async_trait]
impl Inbox for S3Inbox {
    async fn fetch(&self, key: &InboxKey, bytes_max: usize) -> Result<Option<RawMail>, InboxError> {
        let last = bytes_max.saturating_sub(1);
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str()).range(format!("bytes=0-{last}"));
        match request.send().await {
            Ok(object) => read(object).await.map(Some),
            Err(SdkError::ServiceError(error)) if error.err().is_no_such_key() => Ok(None),
            Err(SdkError::ServiceError(error)) if error.err().code() == Some(EMPTY) => {
                Ok(Some(RawMail { bytes: Vec::new(), size: 0 }))
            }
            Err(error) => Err(InboxError(error.into())),
        }
    }

    async fn delete(&self, key: &InboxKey) -> Result<(), InboxError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key.as_str());
        request.send().await.map(drop).map_err(|error| InboxError(error.into()))
    }
}

async fn read(object: GetObjectOutput) -> Result<RawMail, InboxError> {
    let whole = object.content_range().and_then(|range| range.rsplit_once('/')).and_then(|(_, size)| size.parse().ok());
    let bytes = object.body.collect().await.map_err(|error| InboxError(Cause::from(error)))?.to_vec();
    let size = whole.unwrap_or_else(|| u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    Ok(RawMail { bytes, size })
}
