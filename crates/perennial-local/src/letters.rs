//! Every mail that was handed over, as it was handed over.
//!
//! One row a mail in a table of its own (`perennial-mailbox`) in the store's
//! file, numbered in the order of arrival without gaps. A row is changed only to
//! take everything out of it but its number and its time, when its person is
//! erased. The holder of the store file is the only one who adds rows.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::{AttributeValue, Database, DynoxideError, Item};
use jiff::Timestamp;

use crate::table;

/// The table that holds the mails.
pub const MAILBOX_TABLE: &str = "perennial-mailbox";

/// The largest mail the mailbox takes, in bytes of MIME: DynamoDB's 400 KB an item, less the rest of the row.
pub const LETTER_BYTES_MAX: usize = 384 * 1024;

/// How many mails one read brings at most.
pub const PAGE_LETTERS_MAX: usize = 100;

const PARTITION: &str = "MAIL";

/// The number of a mail, which is also the message id that its sender was told: ten digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterId(u64);

/// The digits of an id; enough for a mail a second over three centuries.
const ID_DIGITS: usize = 10;

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.0, width = ID_DIGITS)
    }
}

impl LetterId {
    /// The id of the mail before this one, if there is one.
    pub(crate) fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).filter(|id| *id > 0).map(Self)
    }
}

/// A text that is no letter id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mail's id has ten digits")]
pub struct ParseLetterIdError;

impl FromStr for LetterId {
    type Err = ParseLetterIdError;

    fn from_str(text: &str) -> Result<Self, ParseLetterIdError> {
        if text.len() != ID_DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseLetterIdError);
        }
        text.parse().map(Self).map_err(|_number| ParseLetterIdError)
    }
}

/// A mail as its sender hands it over. Holds personal data; `Debug` shows none.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// When, by the suite's clock.
    pub at: Timestamp,
    /// The addresses it goes to (the envelope's, not the header's).
    pub to: Vec<String>,
    /// The whole mail, headers and body.
    pub mime: Vec<u8>,
    /// The tag `lead`.
    pub lead: Option<String>,
    /// The tag `touch`.
    pub touch: Option<String>,
    /// The tag `attempt`.
    pub attempt: Option<String>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("at", &self.at)
            .field("lead", &self.lead)
            .field("touch", &self.touch)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl Letter {
    /// Whether its person was erased, and it holds nothing any more.
    pub fn is_empty(&self) -> bool {
        self.to.is_empty() && self.mime.is_empty()
    }
}

/// A mail in the mailbox, with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// Its number.
    pub id: LetterId,
    /// The mail.
    pub letter: Letter,
}

/// From where, and in which direction, the mailbox is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The newest, then older ones.
    Newest,
    /// Those older than this one, the newest of them first.
    Before(LetterId),
    /// The oldest, then newer ones.
    Oldest,
    /// Those newer than this one, the oldest of them first.
    After(LetterId),
}

/// A row of the mailbox cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The embedded store refused.
    #[error("could not reach the mailbox")]
    Store(#[source] DynoxideError),
    /// A row does not read as a mail.
    #[error("the mail {key} is damaged: no valid `{attribute}`")]
    Damaged {
        /// The row's sort key.
        key: String,
        /// The attribute that is missing or wrong.
        attribute: &'static str,
    },
}

/// The mails of one store file. Cheap to clone; calls block for one SQLite statement.
#[derive(Clone)]
pub struct Letters {
    database: Database,
    /// The newest id. Held while a mail is written, so that ids appear in order.
    last: Arc<Mutex<Option<LetterId>>>,
}

impl Letters {
    pub(crate) fn open(database: Database) -> Result<Self, LetterError> {
        table::ensure(&database, MAILBOX_TABLE).map_err(LetterError::Store)?;
        let letters = Self { database, last: Arc::new(Mutex::new(None)) };
        let newest = letters.page(ReadFrom::Newest, 1)?.pop();
        *letters.last.lock().unwrap_or_else(PoisonError::into_inner) = newest.map(|kept| kept.id);
        Ok(letters)
    }

    /// Keeps a mail and answers its number. On disk, in the sense of
    /// [`store_file`](crate::store_file), when this returns.
    pub fn keep(&self, letter: &Letter) -> Result<LetterId, LetterError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let id = LetterId(last.map_or(1, |last| last.0.saturating_add(1)));
        let request = PutItemRequest {
            table_name: MAILBOX_TABLE.to_owned(),
            item: row(id, letter),
            condition_expression: Some(format!("attribute_not_exists({})", table::PARTITION)),
            ..PutItemRequest::default()
        };
        self.database.put_item(request).map_err(LetterError::Store)?;
        *last = Some(id);
        Ok(id)
    }

    /// Reads and empties the mails of a file that another process holds, beside it.
    ///
    /// SQLite lets a second process write where the holder does not at that moment. Keep no mail this way: the
    /// holder alone gives out numbers.
    pub(crate) fn beside_holder(path: &Path) -> Result<Self, LetterError> {
        Self::open(Database::new(&path.to_string_lossy()).map_err(LetterError::Store)?)
    }

    /// Takes everything out of a mail but its number and its time: numbers are never used twice.
    pub(crate) fn empty(&self, id: LetterId, at: Timestamp) -> Result<(), LetterError> {
        let emptied = Letter { at, to: vec![], mime: vec![], lead: None, touch: None, attempt: None };
        let request = PutItemRequest {
            table_name: MAILBOX_TABLE.to_owned(),
            item: row(id, &emptied),
            condition_expression: Some(format!("attribute_exists({})", table::PARTITION)),
            ..PutItemRequest::default()
        };
        self.database.put_item(request).map(drop).map_err(LetterError::Store)
    }

    /// How many mails there are: they are numbered without gaps.
    pub fn count(&self) -> u64 {
        self.newest().map_or(0, |newest| newest.0)
    }

    /// The newest mail's number.
    pub fn newest(&self) -> Option<LetterId> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one mail.
    pub fn get(&self, id: LetterId) -> Result<Option<KeptLetter>, LetterError> {
        let request = GetItemRequest {
            table_name: MAILBOX_TABLE.to_owned(),
            key: table::key(PARTITION, &id.to_string()),
            consistent_read: Some(true),
            ..GetItemRequest::default()
        };
        let answer = self.database.get_item(request).map_err(LetterError::Store)?;
        answer.item.map(kept).transpose()
    }

    /// Reads up to `limit` mails (at most [`PAGE_LETTERS_MAX`]); fewer when they
    /// are large, none only at the end.
    pub fn page(&self, from: ReadFrom, limit: usize) -> Result<Vec<KeptLetter>, LetterError> {
        let (forward, start) = match from {
            ReadFrom::Newest => (false, None),
            ReadFrom::Before(id) => (false, Some(id)),
            ReadFrom::Oldest => (true, None),
            ReadFrom::After(id) => (true, Some(id)),
        };
        let request = QueryRequest {
            table_name: MAILBOX_TABLE.to_owned(),
            key_condition_expression: Some(format!("{} = :mail", table::PARTITION)),
            expression_attribute_values: Some([(":mail".to_owned(), table::text(PARTITION))].into()),
            scan_index_forward: forward,
            limit: Some(limit.clamp(1, PAGE_LETTERS_MAX)),
            exclusive_start_key: start.map(|id| table::key(PARTITION, &id.to_string())),
            consistent_read: Some(true),
            ..QueryRequest::default()
        };
        let answer = self.database.query(request).map_err(LetterError::Store)?;
        answer.items.unwrap_or_default().into_iter().map(kept).collect()
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letters").field("newest", &self.newest()).finish_non_exhaustive()
    }
}

const AT: &str = "at";
const TO: &str = "to";
const MIME: &str = "mime";
const LEAD: &str = "lead";
const TOUCH: &str = "touch";
const ATTEMPT: &str = "attempt";

fn row(id: LetterId, letter: &Letter) -> Item {
    let mut row = table::key(PARTITION, &id.to_string());
    let to = letter.to.iter().map(table::text).collect();
    row.insert(AT.to_owned(), table::text(letter.at.to_string()));
    row.insert(TO.to_owned(), AttributeValue::L(to));
    row.insert(MIME.to_owned(), AttributeValue::B(letter.mime.clone()));
    for (name, tag) in [(LEAD, &letter.lead), (TOUCH, &letter.touch), (ATTEMPT, &letter.attempt)] {
        if let Some(tag) = tag {
            row.insert(name.to_owned(), table::text(tag));
        }
    }
    row
}

fn kept(mut row: Item) -> Result<KeptLetter, LetterError> {
    let key = table::take_text(&mut row, table::SORT).unwrap_or_default();
    let damaged = |attribute| LetterError::Damaged { key: key.clone(), attribute };
    let at = table::take_text(&mut row, AT).and_then(|at| at.parse().ok());
    let Some(AttributeValue::L(to)) = row.remove(TO) else {
        return Err(damaged(TO));
    };
    let Some(AttributeValue::B(mime)) = row.remove(MIME) else {
        return Err(damaged(MIME));
    };
    let to = to.into_iter().map(address).collect::<Option<_>>();
    Ok(KeptLetter {
        id: key.parse().map_err(|_not_an_id| damaged(table::SORT))?,
        letter: Letter {
            at: at.ok_or_else(|| damaged(AT))?,
            to: to.ok_or_else(|| damaged(TO))?,
            mime,
            lead: table::take_text(&mut row, LEAD),
            touch: table::take_text(&mut row, TOUCH),
            attempt: table::take_text(&mut row, ATTEMPT),
        },
    })
}

fn address(value: AttributeValue) -> Option<String> {
    if let AttributeValue::S(address) = value { Some(address) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(touch: &str) -> Letter {
        Letter {
            at: "2026-01-01T08:00:00Z".parse().unwrap(),
            to: vec!["ada@example.com".to_owned()],
            mime: b"From: rep@example.org\r\n\r\nHello".to_vec(),
            lead: Some("lead".to_owned()),
            touch: Some(touch.to_owned()),
            attempt: None,
        }
    }

    fn letters() -> Letters {
        Letters::open(Database::memory().unwrap()).unwrap()
    }

    fn ids(page: &[KeptLetter]) -> Vec<u64> {
        page.iter().map(|kept| kept.id.0).collect()
    }

    #[test]
    fn a_mail_comes_back_as_it_was_handed_over() {
        let letters = letters();
        let id = letters.keep(&letter("1_welcome_response_0")).unwrap();
        let kept = letters.get(id).unwrap().unwrap();
        assert_eq!(kept.letter, letter("1_welcome_response_0"));
        assert_eq!(id.to_string(), "0000000001");
    }

    #[test]
    fn the_mailbox_is_read_from_both_ends_in_pages() {
        let letters = letters();
        for _ in 0..7 {
            letters.keep(&letter("t")).unwrap();
        }
        let newest = letters.page(ReadFrom::Newest, 3).unwrap();
        assert_eq!(ids(&newest), [7, 6, 5]);
        let before = letters.page(ReadFrom::Before(LetterId(5)), 3).unwrap();
        assert_eq!(ids(&before), [4, 3, 2]);
        let oldest = letters.page(ReadFrom::Oldest, 5).unwrap();
        assert_eq!(ids(&oldest), [1, 2, 3, 4, 5]);
        let after = letters.page(ReadFrom::After(LetterId(5)), 5).unwrap();
        assert_eq!(ids(&after), [6, 7]);
        assert!(letters.page(ReadFrom::After(LetterId(7)), 5).unwrap().is_empty());
    }

    #[test]
    fn numbers_go_on_after_a_restart() {
        let database = Database::memory().unwrap();
        let letters = Letters::open(database.clone()).unwrap();
        letters.keep(&letter("t")).unwrap();
        letters.keep(&letter("t")).unwrap();
        let reopened = Letters::open(database).unwrap();
        assert_eq!(reopened.newest(), Some(LetterId(2)));
        assert_eq!(reopened.keep(&letter("t")).unwrap(), LetterId(3));
    }

    #[test]
    fn many_writers_leave_no_gap_and_no_double() {
        let letters = letters();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        letters.keep(&letter("t")).unwrap();
                    }
                });
            }
        });
        let all = letters.page(ReadFrom::Oldest, 100).unwrap();
        assert_eq!(ids(&all), (1..=100).collect::<Vec<_>>());
    }

    #[test]
    fn the_largest_mail_fits_and_debug_shows_none_of_it() {
        let letters = letters();
        let large = Letter { mime: vec![b'x'; LETTER_BYTES_MAX], ..letter("t") };
        letters.keep(&large).unwrap();
        assert!(!format!("{large:?}").contains("ada@"));
    }

    #[test]
    fn only_ten_digits_are_an_id() {
        for text in ["", "1", "00000000001", "000000000x", "+000000001", "../0000001"] {
            assert_eq!(text.parse::<LetterId>(), Err(ParseLetterIdError), "{text}");
        }
    }
}
