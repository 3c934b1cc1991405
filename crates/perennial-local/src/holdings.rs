//! What this machine holds of people besides the leads' table: the mails in the mailbox.
//!
//! **Invariant:** every table of a store file is in [`TABLES`], with what stands in it; a test compares them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use perennial_app::holdings::{Held, HeldLetter, HeldPage, Holdings, Kind};
use perennial_app::ports::{Cursor, StoreError};
use perennial_core::ids::LeadId;

use crate::letters::{KeptLetter, LetterError, LetterId, Letters, MAILBOX_TABLE, PAGE_LETTERS_MAX, ReadFrom};
use crate::local_items::{ItemName, LOCAL_TABLE};
use crate::suite::LEAD_TABLE;

/// Every table of a store file; of those beside the leads', what stands in it.
pub const TABLES: [(&str, &[Kind]); 3] = [
    (LEAD_TABLE, &[]),
    (LOCAL_TABLE, &[ItemName::Keys.kind(), ItemName::Clock.kind()]),
    (MAILBOX_TABLE, &[Kind::Letter]),
];

/// The mails that went to people.
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
        let is_theirs = |kept: &KeptLetter| kept.letter.lead.as_deref() == Some(lead.as_str());
        Ok(HeldPage { items: page.into_iter().filter(is_theirs).map(held).collect(), next })
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

fn held(kept: KeptLetter) -> Held {
    let KeptLetter { id, letter } = kept;
    Held::Letter(HeldLetter { id: id.to_string(), at: letter.at, to: letter.to, mime: letter.mime })
}

/// The places of a store file besides the leads' table.
pub(crate) fn beside_the_leads(letters: Letters) -> Vec<Arc<dyn Holdings>> {
    vec![Arc::new(LetterHoldings(letters))]
}
