//! Mail that comes in on one machine: what a bucket and its events are on AWS.
//!
//! A mail is one row of a table of its own (`perennial-inbox`) in the store's file, and a second row says that nobody
//! was told of it yet. That one goes when `record-engagement` has taken the mail in, so a mail that is put in is told of
//! at least once, over restarts too.
//!
//! Mail is put in by the form below each mail of the mailbox, and from a drop folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fmt, fs};

use async_trait::async_trait;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::{AttributeValue, Database, DynoxideError, Item};
use jiff::Timestamp;
use perennial_app::ports::{Inbox, InboxError, RawMail};
use perennial_core::inbound::InboxKey;

use crate::letters::LETTER_BYTES_MAX;
use crate::table;

/// The table that holds the mails.
pub const INBOX_TABLE: &str = "perennial-inbox";

/// How many mails are told of at once.
const TOLD_AT_ONCE: usize = 10;

/// How much of a mail is kept: what fits, encoded, into the mail that forwards it.
const MAIL_BYTES_MAX: usize = LETTER_BYTES_MAX / 2;

const MAIL: &str = "MAIL";
const NEW: &str = "NEW";
const MIME: &str = "mime";
const SIZE: &str = "size";

/// How the name of a file in the drop folder ends, and what it gets when it was taken.
const DROPPED: &str = "eml";
const TAKEN: &str = "eml.taken";

/// Why the inbox does not work.
#[derive(Debug, thiserror::Error)]
pub enum LocalInboxError {
    /// The embedded store refused.
    #[error("could not reach the inbox")]
    Store(#[source] DynoxideError),
    /// A row does not read as a mail.
    #[error("a mail of the inbox is damaged")]
    Damaged,
    /// The drop folder cannot be read.
    #[error("cannot read the drop folder")]
    Folder(#[source] std::io::Error),
}

/// The inbox of one store file. Cheap to clone; calls block for one SQLite statement.
#[derive(Clone)]
pub struct LocalInbox {
    database: Database,
}

impl LocalInbox {
    pub(crate) fn open(database: Database) -> Result<Self, LocalInboxError> {
        table::ensure(&database, INBOX_TABLE).map_err(LocalInboxError::Store)?;
        Ok(Self { database })
    }

    /// Puts a mail in. On disk when this returns. Of a long one, its beginning is kept.
    pub fn put(&self, mime: &[u8]) -> Result<InboxKey, LocalInboxError> {
        static PUT: AtomicU32 = AtomicU32::new(0);
        // The wall clock: two mails have different keys, over restarts too.
        let name = format!("inbound/{}-{}", Timestamp::now().as_microsecond(), PUT.fetch_add(1, Ordering::Relaxed));
        let key = InboxKey::parse(&name).map_err(|_never| LocalInboxError::Damaged)?;
        let kept = mime.get(..MAIL_BYTES_MAX).unwrap_or(mime);
        let mut row = table::key(MAIL, &name);
        row.insert(MIME.to_owned(), AttributeValue::B(kept.to_vec()));
        row.insert(SIZE.to_owned(), AttributeValue::N(mime.len().to_string()));
        self.put_row(row)?;
        self.put_row(table::key(NEW, &name))?;
        Ok(key)
    }

    /// Mails that nobody was told of, the oldest first.
    pub(crate) fn untold(&self) -> Result<Vec<InboxKey>, LocalInboxError> {
        let request = QueryRequest {
            table_name: INBOX_TABLE.to_owned(),
            key_condition_expression: Some(format!("{} = :new", table::PARTITION)),
            expression_attribute_values: Some([(":new".to_owned(), table::text(NEW))].into()),
            limit: Some(TOLD_AT_ONCE),
            consistent_read: Some(true),
            ..QueryRequest::default()
        };
        let rows = self.database.query(request).map_err(LocalInboxError::Store)?.items.unwrap_or_default();
        let key = |mut row| table::take_text(&mut row, table::SORT).and_then(|key| InboxKey::parse(&key).ok());
        rows.into_iter().map(|row| key(row).ok_or(LocalInboxError::Damaged)).collect()
    }

    /// Whoever is to know knows of this mail.
    pub(crate) fn told(&self, key: &InboxKey) -> Result<(), LocalInboxError> {
        self.delete_row(NEW, key)
    }

    /// Takes every mail of a drop folder in: `*.eml`, which become `*.eml.taken`. How many there were.
    pub fn take_from(&self, folder: &Path) -> Result<usize, LocalInboxError> {
        let mut count = 0;
        for path in dropped(folder).map_err(LocalInboxError::Folder)? {
            let mime = fs::read(&path).map_err(LocalInboxError::Folder)?;
            self.put(&mime)?;
            fs::rename(&path, path.with_extension(TAKEN)).map_err(LocalInboxError::Folder)?;
            count += 1;
        }
        Ok(count)
    }

    fn put_row(&self, item: Item) -> Result<(), LocalInboxError> {
        let request = PutItemRequest { table_name: INBOX_TABLE.to_owned(), item, ..PutItemRequest::default() };
        self.database.put_item(request).map(drop).map_err(LocalInboxError::Store)
    }

    fn delete_row(&self, partition: &str, key: &InboxKey) -> Result<(), LocalInboxError> {
        let request = DeleteItemRequest {
            table_name: INBOX_TABLE.to_owned(),
            key: table::key(partition, key.as_str()),
            ..DeleteItemRequest::default()
        };
        self.database.delete_item(request).map(drop).map_err(LocalInboxError::Store)
    }

    fn read(&self, key: &InboxKey) -> Result<Option<(Vec<u8>, u64)>, LocalInboxError> {
        let request = GetItemRequest {
            table_name: INBOX_TABLE.to_owned(),
            key: table::key(MAIL, key.as_str()),
            consistent_read: Some(true),
            ..GetItemRequest::default()
        };
        let Some(mut row) = self.database.get_item(request).map_err(LocalInboxError::Store)?.item else {
            return Ok(None);
        };
        match (row.remove(MIME), row.remove(SIZE)) {
            (Some(AttributeValue::B(mime)), Some(AttributeValue::N(size))) => {
                Ok(Some((mime, size.parse().map_err(|_not_a_number| LocalInboxError::Damaged)?)))
            }
            _ => Err(LocalInboxError::Damaged),
        }
    }
}

impl fmt::Debug for LocalInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalInbox").finish_non_exhaustive()
    }
}

/// The mails in a drop folder, by name.
fn dropped(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == DROPPED) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[async_trait]
impl Inbox for LocalInbox {
    async fn fetch(&self, key: &InboxKey, bytes_max: usize) -> Result<Option<RawMail>, InboxError> {
        let found = self.read(key).map_err(|error| InboxError(error.into()))?;
        Ok(found.map(|(mut bytes, size)| {
            bytes.truncate(bytes_max);
            RawMail { bytes, size }
        }))
    }

    async fn delete(&self, key: &InboxKey) -> Result<(), InboxError> {
        self.delete_row(MAIL, key).map_err(|error| InboxError(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox() -> LocalInbox {
        LocalInbox::open(Database::memory().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_mail_is_told_of_until_somebody_knows_and_kept_until_it_is_deleted() {
        let inbox = inbox();
        let key = inbox.put(b"From: a@b.example\r\n\r\nHello").unwrap();
        assert_eq!(inbox.untold().unwrap(), std::slice::from_ref(&key));
        inbox.told(&key).unwrap();
        assert!(inbox.untold().unwrap().is_empty());
        let mail = inbox.fetch(&key, 4).await.unwrap().unwrap();
        assert_eq!((mail.bytes.as_slice(), mail.size), (b"From".as_slice(), 26));
        inbox.delete(&key).await.unwrap();
        assert_eq!(inbox.fetch(&key, 4).await.unwrap(), None);
    }

    #[test]
    fn what_is_dropped_into_the_folder_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("reply.eml"), "From: a@b.example\n\nHello").unwrap();
        fs::write(folder.path().join("notes.txt"), "not a mail").unwrap();
        let inbox = inbox();
        assert_eq!(inbox.take_from(folder.path()).unwrap(), 1);
        assert_eq!(inbox.take_from(folder.path()).unwrap(), 0);
        assert_eq!(inbox.untold().unwrap().len(), 1);
        assert!(folder.path().join("reply.eml.taken").exists());
    }

    #[tokio::test]
    async fn a_mail_that_is_too_long_for_a_row_is_kept_by_its_beginning() {
        let inbox = inbox();
        let key = inbox.put(&vec![b'x'; MAIL_BYTES_MAX + 7]).unwrap();
        let mail = inbox.fetch(&key, usize::MAX).await.unwrap().unwrap();
        assert_eq!((mail.bytes.len(), mail.size), (MAIL_BYTES_MAX, u64::try_from(MAIL_BYTES_MAX + 7).unwrap()));
    }
}
