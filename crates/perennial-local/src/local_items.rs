//! What one machine remembers about itself: its keys and its clock.
//!
//! Each is one item under the partition `LOCAL` of a small table of its own
//! (`perennial-local`), in the same file as the leads. A table of its own,
//! because the keys are needed before anyone has made the leads' table, and
//! because a scan of the leads (an audit, an erasure) then meets only leads.
//! Items are versioned JSON; one that does not read back is an error with its
//! name, never a reason to start afresh.

use std::path::Path;

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::{Database, DynoxideError};
use perennial_app::holdings::Kind;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table;

/// The table that holds the local items.
pub const LOCAL_TABLE: &str = "perennial-local";

const PARTITION: &str = "LOCAL";
const BODY: &str = "body";

/// The names under which local items are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemName {
    /// The pepper and the token key.
    Keys,
    /// The last reading of the suite's clock.
    Clock,
}

impl ItemName {
    /// What it is in the list of all that is kept.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Keys => Kind::Keys,
            Self::Clock => Kind::Clock,
        }
    }

    fn sort_key(self) -> &'static str {
        match self {
            Self::Keys => "KEYS",
            Self::Clock => "CLOCK",
        }
    }
}

/// Why a local item could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LocalItemError {
    /// The embedded store refused.
    #[error("could not reach the item LOCAL/{name}")]
    Store {
        /// The item.
        name: &'static str,
        /// What the store said.
        #[source]
        source: DynoxideError,
    },
    /// The item is there but does not read as what it should be.
    #[error("the item LOCAL/{name} is damaged")]
    Damaged {
        /// The item.
        name: &'static str,
        /// What was wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system gave no random bytes for new keys.
    #[error("could not make the keys of a new store")]
    Random(#[source] getrandom::Error),
}

/// The local items of one store file.
///
/// Cheap to clone. Calls block for the length of one small SQLite statement.
#[derive(Clone)]
pub struct LocalItems {
    database: Database,
}

impl LocalItems {
    pub(crate) fn open(database: Database) -> Result<Self, LocalItemError> {
        table::ensure(&database, LOCAL_TABLE).map_err(|source| LocalItemError::Store { name: "*", source })?;
        Ok(Self { database })
    }

    /// Reads the items of a file that another process holds (see
    /// [`Held`](crate::store_file::Opened::Held)).
    ///
    /// SQLite lets a second process read beside the holder; drop the value when
    /// done. Write nothing of the leads this way: that goes through the
    /// holder's `dynamodb` address.
    pub fn beside_holder(path: &Path) -> Result<Self, LocalItemError> {
        let store = |source| LocalItemError::Store { name: "*", source };
        let database = Database::new(&path.to_string_lossy()).map_err(store)?;
        Self::open(database)
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, name: ItemName) -> Result<Option<T>, LocalItemError> {
        let sort_key = name.sort_key();
        let request = GetItemRequest {
            table_name: LOCAL_TABLE.to_owned(),
            key: table::key(PARTITION, sort_key),
            consistent_read: Some(true),
            ..GetItemRequest::default()
        };
        let answer =
            self.database.get_item(request).map_err(|source| LocalItemError::Store { name: sort_key, source })?;
        let Some(mut item) = answer.item else {
            return Ok(None);
        };
        let damaged =
            |source: Box<dyn std::error::Error + Send + Sync>| LocalItemError::Damaged { name: sort_key, source };
        let body = table::take_text(&mut item, BODY).ok_or_else(|| damaged("it has no body".into()))?;
        let value = serde_json::from_str(&body).map_err(|source| damaged(source.into()))?;
        Ok(Some(value))
    }

    /// Puts an item in the place of what was there.
    pub(crate) fn replace<T: Serialize>(&self, name: ItemName, value: &T) -> Result<(), LocalItemError> {
        self.put(name, value, None)?;
        Ok(())
    }

    /// Puts an item unless one is there.
    pub(crate) fn put_first<T: Serialize>(&self, name: ItemName, value: &T) -> Result<(), LocalItemError> {
        let absent = format!("attribute_not_exists({})", table::PARTITION);
        match self.put(name, value, Some(absent)) {
            Err(LocalItemError::Store { source: DynoxideError::ConditionalCheckFailedException(..), .. }) => Ok(()),
            other => other,
        }
    }

    fn put<T: Serialize>(&self, name: ItemName, value: &T, condition: Option<String>) -> Result<(), LocalItemError> {
        let sort_key = name.sort_key();
        let body = serde_json::to_string(value)
            .map_err(|source| LocalItemError::Damaged { name: sort_key, source: source.into() })?;
        let mut item = table::key(PARTITION, sort_key);
        item.insert(BODY.to_owned(), table::text(body));
        let request = PutItemRequest {
            table_name: LOCAL_TABLE.to_owned(),
            item,
            condition_expression: condition,
            ..PutItemRequest::default()
        };
        self.database.put_item(request).map(drop).map_err(|source| LocalItemError::Store { name: sort_key, source })
    }
}

impl std::fmt::Debug for LocalItems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalItems").finish_non_exhaustive()
    }
}
