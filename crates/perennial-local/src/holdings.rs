//! What this machine holds of people besides the leads' table: the mails in the mailbox. What came in is in the inbox
//! only until it is forwarded, and of somebody who was erased by then it is dropped.
//!
//! **Invariant:** every table of a store file is in [`TABLES`], with what stands in it; a test compares them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use perennial_app::holdings::{Held, HeldLetter, HeldPage, Holdings, Kind};
use perennial_app::ports::{Cursor, StoreError};
use perennial_core::ids::LeadId;

use crate::inbox::INBOX_TABLE;
use crate::letters::{KeptLetter, LetterError, LetterId, Letters, MAILBOX_TABLE, PAGE_LETTERS_MAX, ReadFrom};
use crate::local_items::{ItemName, LOCAL_TABLE};
use crate::suite::LEAD_TABLE;

/// Every table of a store file; of those beside the leads', what stands in it.
pub const TABLES: [(&str, &[Kind]); 4] = [
    (LEAD_TABLE, &[]),
    (LOCAL_TABLE, &[ItemName::Keys.kind(), ItemName::Clock.kind()]),
    (MAILBOX_TABLE, &[Kind::Letter]),
    (INBOX_TABLE, &[Kind::Inbox]),
];

/// The mails that went to people, and their answers as they were forwarded.
pub(crate) struct LetterHoldings(pub(crate) Letters);

impl LetterHoldings {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Letters) -> Result<T, LetterError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let letters = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(letters)).await;
        done.map_err(|source| StoreError::Unavailable(source.into()))?.map_err(store_error)
    }
}

fn store_error(error: LetterError) -> StoreError {
    match error {
        LetterError::Store(_) => StoreError::Unavailable(error.into()),
        LetterError::Damaged { ref key, .. } => {
            StoreError::Corrupt { key: format!("{MAILBOX_TABLE}/{key}"), source: error.into() }
        }
    }
}

#[async_trait]
impl Holdings for LetterHoldings {
    async fn of_lead(&self, lead: &LeadId, cursor: Option<Cursor>) -> Result<HeldPage, StoreError> {
        let start = cursor.map(|Cursor(text)| text.parse::<LetterId>());
        let start = start.transpose().map_err(|source| StoreError::Refused(source.into()))?;
        let from = start.map_or(ReadFrom::Oldest, ReadFrom::After);
        let page = self.blocking(move |letters| letters.page(from, PAGE_LETTERS_MAX)).await?;
        let next = page.last().map(|last| Cursor(last.id.to_string()));
        let theirs = page.into_iter().filter(|kept| is_of(kept, lead));
        Ok(HeldPage { items: theirs.map(held).collect(), next })
    }

    async fn let_go(&self, _lead: &LeadId, item: &Held, _now: Timestamp) -> Result<(), StoreError> {
        match item {
            Held::Letter(letter) => {
                let id: LetterId = letter
                    .id
                    .parse()
                    .map_err(|source: crate::letters::ParseLetterIdError| StoreError::Refused(source.into()))?;
                let at = letter.at;
                self.blocking(move |letters| letters.empty(id, at)).await
            }
            // These stand in the leads' table.
            Held::State { .. }
            | Held::Profile { .. }
            | Held::History(_)
            | Held::Submission(_)
            | Held::Engagement(_) => Ok(()),
        }
    }
}

/// A mail to a person has their id in its tag; one that forwards their answer has no tag, and their id in its message
/// id.
fn is_of(kept: &KeptLetter, lead: &LeadId) -> bool {
    let letter = &kept.letter;
    let id = lead.as_str().as_bytes();
    letter.lead.as_deref() == Some(lead.as_str())
        || (letter.lead.is_none() && letter.mime.windows(id.len()).any(|window| window == id))
}

fn held(kept: KeptLetter) -> Held {
    let KeptLetter { id, letter } = kept;
    Held::Letter(HeldLetter { id: id.to_string(), at: letter.at, to: letter.to, mime: letter.mime })
}

/// The places of a store file besides the leads' table.
pub(crate) fn beside_the_leads(letters: Letters) -> Vec<Arc<dyn Holdings>> {
    vec![Arc::new(LetterHoldings(letters))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letters::Letter;
    use crate::store_file::StoreFile;

    const LEAD: &str = "abcdefghijklmnopqrstuvwxyz";

    fn letter(lead: Option<&str>, mime: &str) -> Letter {
        Letter {
            at: "2026-01-01T08:00:00Z".parse().unwrap(),
            to: vec!["somebody@example.com".to_owned()],
            mime: mime.as_bytes().to_vec(),
            lead: lead.map(str::to_owned),
            touch: None,
            attempt: None,
        }
    }

    #[tokio::test]
    async fn the_mails_of_a_person_are_those_to_them_and_those_that_forward_what_they_answered() {
        let file = StoreFile::memory().unwrap();
        let letters = file.letters().unwrap();
        let other = "bbcdefghijklmnopqrstuvwxyz";
        letters.keep(&letter(Some(LEAD), "Subject: Hello\r\n\r\nHello")).unwrap();
        letters.keep(&letter(None, &format!("Message-ID: <{LEAD}-4-0@perennial.example>\r\n\r\nAnswer"))).unwrap();
        letters.keep(&letter(Some(other), &format!("Subject: Hello\r\n\r\nAs {LEAD} said"))).unwrap();
        letters.keep(&letter(None, &format!("Message-ID: <{other}-4-0@perennial.example>\r\n\r\nAnswer"))).unwrap();
        let holdings = LetterHoldings(letters.clone());
        let lead = LeadId::parse(LEAD).unwrap();
        let items = holdings.of_lead(&lead, None).await.unwrap().items;
        let ids: Vec<&str> = items
            .iter()
            .filter_map(|item| if let Held::Letter(letter) = item { Some(letter.id.as_str()) } else { None })
            .collect();
        assert_eq!(ids, ["0000000001", "0000000002"]);
        for item in &items {
            holdings.let_go(&lead, item, Timestamp::UNIX_EPOCH).await.unwrap();
        }
        assert_eq!(holdings.of_lead(&lead, None).await.unwrap().items, []);
        assert_eq!(letters.count(), 4, "numbers are never used twice");
    }
}
