//! The store of one machine: a SQLite file that speaks DynamoDB on loopback.
//!
//! **One process at a time holds the file**, by an operating-system lock on
//! `<file>.lock`. The lock is the truth, not the lock file: a process that was
//! killed leaves the file behind but not the lock, and the next one simply
//! takes it. The lock file's content says whom to ask meanwhile.
//!
//! **What is promised: a write that was answered survives the end of the
//! process, `kill -9` included.** SQLite runs with a write-ahead log and
//! `synchronous = NORMAL`: a commit is in the operating system's hands before
//! it is answered, and on the disk itself at the next checkpoint. So a power
//! cut can take the last moments (never the file's integrity), and that is
//! accepted for a suite on one machine; on AWS a commit is DynamoDB's.
//!
//! The DynamoDB address is open to everyone on this machine, without
//! credentials, and its port is different each time.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use serde::{Deserialize, Serialize};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::inbox::{LocalInbox, LocalInboxError};
use crate::letters::{LetterError, Letters};
use crate::local_items::{LocalItemError, LocalItems};

/// How often a lock file is read that its holder has not written yet.
const HOLDER_READS_MAX: u32 = 40;
/// The pause between two such reads.
const HOLDER_READ_PAUSE: Duration = Duration::from_millis(25);
/// The most that is read of a lock file, in bytes.
const HOLDER_BYTES_MAX: u64 = 4_096;

/// What came of opening a store file.
#[derive(Debug)]
pub enum Opened {
    /// This process holds the file now.
    Ours(StoreFile),
    /// Another process holds it and can be asked.
    Held(Holder),
}

/// The process that holds a store file, as its lock file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Where its pages and forms are, if it serves any, e.g. `http://127.0.0.1:8700`.
    pub http: Option<String>,
    /// Where it takes mail as SES does, if it does, e.g. `http://127.0.0.1:40124`.
    #[serde(default)]
    pub mail: Option<String>,
    /// Where it speaks DynamoDB, e.g. `http://127.0.0.1:40123`.
    pub dynamodb: String,
}

/// Why a store file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The lock file could not be made, locked, read or written.
    #[error("could not use the lock file {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Someone holds the lock but does not say who.
    #[error(
        "the store is in use by another process, and {} does not say which",
        path.display()
    )]
    UnknownHolder {
        /// The lock file.
        path: PathBuf,
    },
    /// SQLite could not open the file, or it is no store.
    #[error("could not open the store {}", path.display())]
    Database {
        /// The store file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: DynoxideError,
    },
    /// No listener on 127.0.0.1, or no thread for it.
    #[error("could not serve the store on 127.0.0.1")]
    Serve(#[source] io::Error),
}

/// Why a store file could not be closed in good order.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The DynamoDB server had stopped with an error.
    #[error("the store's server had failed: {0}")]
    Server(String),
    /// The DynamoDB server's thread ended without a word: it panicked.
    #[error("the store's server did not end by itself")]
    Vanished(#[source] oneshot::error::RecvError),
}

/// A store that this process holds, serving DynamoDB on loopback.
///
/// The server has a thread of its own, because it blocks while SQLite works: a
/// slow disk then holds up those who wait for the store, and nobody else.
/// Dropping the value stops the server and frees the lock; [`close`](Self::close)
/// also waits for the requests that are under way.
#[derive(Debug)]
pub struct StoreFile {
    database: Opaque<Database>,
    dynamodb: String,
    lock: Option<Lock>,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<Result<(), String>>,
}

/// Hides a value that has no `Debug`, or should not show one.
struct Opaque<T>(T);

impl<T> std::fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl StoreFile {
    /// Opens or makes the store at `path`, or says who holds it.
    ///
    /// A file left by a killed process opens like any other.
    pub async fn open(path: &Path) -> Result<Opened, OpenError> {
        let lock_path = lock_path(path);
        let Some(lock) = Lock::take(&lock_path)? else {
            return Ok(Opened::Held(Holder::read(&lock_path, HOLDER_READ_PAUSE).await?));
        };
        let database = open_database(path).map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
        let mut store = Self::serve(database, Some(lock))?;
        store.write_lock(None, None)?;
        Ok(Opened::Ours(store))
    }

    /// A store in memory, for tests: it ends with the value.
    pub fn memory() -> Result<Self, OpenError> {
        let database =
            Database::memory().map_err(|source| OpenError::Database { path: PathBuf::from(":memory:"), source })?;
        Self::serve(database, None)
    }

    fn serve(database: Database, lock: Option<Lock>) -> Result<Self, OpenError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(OpenError::Serve)?;
        listener.set_nonblocking(true).map_err(OpenError::Serve)?;
        let address = listener.local_addr().map_err(OpenError::Serve)?;
        let runtime = runtime::Builder::new_current_thread().enable_io().build().map_err(OpenError::Serve)?;
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let served = database.clone();
        let work = move || {
            // Nobody waits for the end where the store was dropped, not closed.
            let _: Result<(), Result<(), String>> = end.send(runtime.block_on(answer(listener, served, stopped)));
        };
        thread::Builder::new().name("store".to_owned()).spawn(work).map_err(OpenError::Serve)?;
        Ok(Self { database: Opaque(database), dynamodb: format!("http://{address}"), lock, stop, ended })
    }

    /// Where this store speaks DynamoDB, e.g. `http://127.0.0.1:40123`.
    pub fn dynamodb(&self) -> &str {
        &self.dynamodb
    }

    /// This process as the holder, which serves nothing yet.
    pub(crate) fn holder(&self) -> Holder {
        Holder { pid: std::process::id(), http: None, mail: None, dynamodb: self.dynamodb.clone() }
    }

    /// Tells other processes where the pages and forms of this one are, and
    /// where it takes mail.
    ///
    /// Both are base addresses without a slash at their end. A store in memory
    /// has nobody to tell.
    pub fn announce(&mut self, http: &str, mail: &str) -> Result<(), OpenError> {
        self.write_lock(Some(http.to_owned()), Some(mail.to_owned()))
    }

    /// The machine's own items: keys and clock.
    pub fn local_items(&self) -> Result<LocalItems, LocalItemError> {
        LocalItems::open(self.database.0.clone())
    }

    /// The mails that were handed to the loopback mail service.
    pub fn letters(&self) -> Result<Letters, LetterError> {
        Letters::open(self.database.0.clone())
    }

    /// The mails that came in.
    pub fn inbox(&self) -> Result<LocalInbox, LocalInboxError> {
        LocalInbox::open(self.database.0.clone())
    }

    /// Answers what is under way, stops serving and frees the lock.
    ///
    /// Waits for clients that have sent half a request.
    pub async fn close(self) -> Result<(), CloseError> {
        let Self { database, lock, stop, ended, .. } = self;
        // Nobody listens only if the server has ended already; its result tells.
        let _: Result<(), ()> = stop.send(());
        let result = ended.await.map_err(CloseError::Vanished)?;
        drop(database);
        drop(lock);
        result.map_err(CloseError::Server)
    }

    fn write_lock(&mut self, http: Option<String>, mail: Option<String>) -> Result<(), OpenError> {
        let holder = Holder { http, mail, ..self.holder() };
        let Some(lock) = &mut self.lock else {
            return Ok(());
        };
        lock.write(&holder).map_err(|source| OpenError::Lock { path: lock.path.clone(), source })
    }
}

/// The server, until `stopped` is told or dropped; both mean the same.
async fn answer(listener: TcpListener, database: Database, stopped: oneshot::Receiver<()>) -> Result<(), String> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    let told = async {
        let _: Result<(), oneshot::error::RecvError> = stopped.await;
    };
    dynoxide::server::serve_with_shutdown(listener, database, told).await
}

fn open_database(path: &Path) -> Result<Database, DynoxideError> {
    let database = Database::new(&path.to_string_lossy())?;
    // dynoxide opens with a write-ahead log and SQLite's default,
    // `synchronous = FULL`, an fsync for each commit. Its only door to the
    // pragma is this one; it sets NORMAL and, for the rest, SQLite's defaults.
    database.disable_bulk_loading()?;
    Ok(database)
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}

/// The lock on a store file, held while this lives.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock; nothing if someone else has it.
    fn take(path: &Path) -> Result<Option<Self>, OpenError> {
        let error = |source| OpenError::Lock { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(error(source)),
        }
        // What a killed holder left says nothing any more.
        file.set_len(0).map_err(error)?;
        Ok(Some(Self { path: path.to_owned(), file }))
    }

    fn write(&mut self, holder: &Holder) -> io::Result<()> {
        let mut text = serde_json::to_string(holder)?;
        text.push('\n');
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Left empty, it cannot send anyone to a server that is gone. A failure
        // is harmless: the lock is freed with the file, and only that counts.
        let _: io::Result<()> = self.file.set_len(0);
    }
}

impl Holder {
    /// Reads who holds the lock; waits some pauses for one who is just starting.
    async fn read(lock_path: &Path, pause: Duration) -> Result<Self, OpenError> {
        for _ in 0..HOLDER_READS_MAX {
            if let Some(holder) = Self::read_once(lock_path)? {
                return Ok(holder);
            }
            tokio::time::sleep(pause).await;
        }
        Err(OpenError::UnknownHolder { path: lock_path.to_owned() })
    }

    fn read_once(lock_path: &Path) -> Result<Option<Self>, OpenError> {
        let mut text = String::new();
        File::open(lock_path)
            .and_then(|file| file.take(HOLDER_BYTES_MAX).read_to_string(&mut text))
            .map_err(|source| OpenError::Lock { path: lock_path.to_owned(), source })?;
        Ok(serde_json::from_str(&text).ok())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::keys::Keys;

    async fn open(path: &Path) -> StoreFile {
        match StoreFile::open(path).await.unwrap() {
            Opened::Ours(store) => store,
            Opened::Held(holder) => panic!("held by {holder:?}"),
        }
    }

    async fn holder(path: &Path) -> Holder {
        match StoreFile::open(path).await.unwrap() {
            Opened::Ours(_) => panic!("nobody holds the store"),
            Opened::Held(holder) => holder,
        }
    }

    #[tokio::test]
    async fn the_second_to_open_a_store_is_told_who_holds_it() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("perennial.db");
        let mut store = open(&path).await;
        let told = holder(&path).await;
        assert_eq!(told.pid, std::process::id());
        assert_eq!(told.dynamodb, store.dynamodb());
        assert_eq!(told.http, None);
        store.announce("http://127.0.0.1:8700", "http://127.0.0.1:40124").unwrap();
        let told = holder(&path).await;
        assert_eq!(told.http.as_deref(), Some("http://127.0.0.1:8700"));
        assert_eq!(told.mail.as_deref(), Some("http://127.0.0.1:40124"));
    }

    #[tokio::test]
    async fn a_closed_store_opens_again_with_all_it_had() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("perennial.db");
        let store = open(&path).await;
        let keys = Keys::load_or_make(&store.local_items().unwrap()).unwrap();
        store.close().await.unwrap();
        let store = open(&path).await;
        let again = Keys::load_or_make(&store.local_items().unwrap()).unwrap();
        assert_eq!(keys.pepper, again.pepper);
    }

    #[tokio::test]
    async fn a_lock_file_that_a_killed_process_left_does_not_matter() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("perennial.db");
        let stale = r#"{"pid":1,"http":"http://127.0.0.1:1","dynamodb":"http://127.0.0.1:2"}"#;
        std::fs::write(lock_path(&path), stale).unwrap();
        let store = open(&path).await;
        assert_eq!(holder(&path).await.dynamodb, store.dynamodb());
    }

    #[tokio::test]
    async fn a_holder_that_never_says_who_it_is_is_reported() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("perennial.db.lock");
        let _lock = Lock::take(&path).unwrap().unwrap();
        let error = Holder::read(&path, Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, OpenError::UnknownHolder { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_store_is_refused_and_left_alone() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("notes.txt");
        std::fs::write(&path, "not a database, and long enough to be taken for one").unwrap();
        let error = StoreFile::open(&path).await.unwrap_err();
        assert!(matches!(error, OpenError::Database { .. }), "{error}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("not a database"));
    }

    #[tokio::test]
    async fn keys_and_clock_can_be_read_beside_the_holder() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("perennial.db");
        let store = open(&path).await;
        let keys = Keys::load_or_make(&store.local_items().unwrap()).unwrap();
        let beside = LocalItems::beside_holder(&path).unwrap();
        let read = Keys::load_or_make(&beside).unwrap();
        assert_eq!(keys.pepper, read.pepper);
    }
}
