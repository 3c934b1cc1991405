//! The keys of one machine: made once, kept in the store's file, never changed.
//!
//! On AWS these are secrets of the deployment; here they stand beside the data
//! they protect, so a copy of the file is a copy of the keys. The pepper can
//! never rotate: every lead's id is derived from it.

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::local_items::{ItemName, LocalItemError, LocalItems};

/// The length of the pepper and of a token key, in bytes.
pub const KEY_BYTES: usize = 32;

/// The id of the first (and so far only) token key.
const FIRST_KID: &str = "k1";
const ROW_VERSION: u32 = 1;

/// What lead ids and tokens of one machine are keyed with.
#[derive(Clone)]
pub struct Keys {
    /// Keys the HMAC that turns an address into a lead id.
    pub pepper: [u8; KEY_BYTES],
    /// Signs links and form stamps.
    pub token_key: TokenKey,
}

/// A token key with the id that stands in its tokens.
#[derive(Clone)]
pub struct TokenKey {
    /// The id, e.g. `k1`.
    pub kid: String,
    /// The key.
    pub secret: [u8; KEY_BYTES],
}

impl Keys {
    /// Reads the machine's keys; makes them if this is the store's first opening.
    ///
    /// Two openings at once agree: the first to write wins and both read that.
    pub fn load_or_make(items: &LocalItems) -> Result<Self, LocalItemError> {
        if let Some(row) = items.read::<Row>(ItemName::Keys)? {
            return row.try_into();
        }
        items.put_first(ItemName::Keys, &Row::from(&Self::random()?))?;
        items.read::<Row>(ItemName::Keys)?.ok_or_else(|| damaged("it was gone as soon as it was written"))?.try_into()
    }

    fn random() -> Result<Self, LocalItemError> {
        let mut pepper = [0; KEY_BYTES];
        let mut secret = [0; KEY_BYTES];
        getrandom::fill(&mut pepper).map_err(LocalItemError::Random)?;
        getrandom::fill(&mut secret).map_err(LocalItemError::Random)?;
        Ok(Self { pepper, token_key: TokenKey { kid: FIRST_KID.to_owned(), secret } })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("token_key", &self.token_key).finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The item LOCAL/KEYS.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    v: u32,
    pepper: String,
    kid: String,
    token_key: String,
}

impl From<&Keys> for Row {
    fn from(keys: &Keys) -> Self {
        Self {
            v: ROW_VERSION,
            pepper: BASE64.encode(&keys.pepper),
            kid: keys.token_key.kid.clone(),
            token_key: BASE64.encode(&keys.token_key.secret),
        }
    }
}

impl TryFrom<Row> for Keys {
    type Error = LocalItemError;

    fn try_from(row: Row) -> Result<Self, LocalItemError> {
        if row.v != ROW_VERSION {
            return Err(damaged("it is of another version"));
        }
        Ok(Self { pepper: decode(&row.pepper)?, token_key: TokenKey { kid: row.kid, secret: decode(&row.token_key)? } })
    }
}

fn decode(text: &str) -> Result<[u8; KEY_BYTES], LocalItemError> {
    let bytes = BASE64
        .decode(text.as_bytes())
        .map_err(|source| LocalItemError::Damaged { name: "KEYS", source: source.into() })?;
    <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_bytes| damaged("a key has another length"))
}

fn damaged(what: &str) -> LocalItemError {
    LocalItemError::Damaged { name: "KEYS", source: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynoxide::Database;

    fn items() -> LocalItems {
        LocalItems::open(Database::memory().unwrap()).unwrap()
    }

    #[test]
    fn a_store_keeps_the_keys_of_its_first_opening() {
        let items = items();
        let first = Keys::load_or_make(&items).unwrap();
        let second = Keys::load_or_make(&items).unwrap();
        assert_eq!(first.pepper, second.pepper);
        assert_eq!(first.token_key.secret, second.token_key.secret);
        assert_eq!(second.token_key.kid, "k1");
    }

    #[test]
    fn two_stores_have_different_keys() {
        let one = Keys::load_or_make(&items()).unwrap();
        let other = Keys::load_or_make(&items()).unwrap();
        assert_ne!(one.pepper, other.pepper);
        assert_ne!(one.token_key.secret, other.token_key.secret);
        assert_ne!(one.pepper, one.token_key.secret);
    }

    #[test]
    fn damaged_keys_are_an_error_and_never_replaced() {
        let items = items();
        let row = Row { v: ROW_VERSION, pepper: "short".to_owned(), kid: "k1".to_owned(), token_key: String::new() };
        items.replace(ItemName::Keys, &row).unwrap();
        let error = Keys::load_or_make(&items).unwrap_err();
        assert_eq!(error.to_string(), "the item LOCAL/KEYS is damaged");
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = Keys::load_or_make(&items()).unwrap();
        assert_eq!(format!("{keys:?}"), r#"Keys { token_key: TokenKey { kid: "k1", .. }, .. }"#);
    }
}
