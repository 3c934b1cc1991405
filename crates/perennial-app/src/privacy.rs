//! Erasing a person, and telling them what is kept of them (P8).
//!
//! **Invariants:** the decision comes first: in the commit that erases, the address is suppressed, the profile is
//! blank and no mail is in flight any more (F21), so whatever happens after it, nobody is mailed. Then whatever is
//! held goes, by the one list of [`Kind`], and it is read back that nothing is left. All of it may be done again at any
//! point: a crash leaves nothing that the next run does not finish, and the daily look at what is kept finishes it too.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::try_join_all;
use jiff::Timestamp;
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::decide::Stimulus;
use perennial_core::event::{Event, SendProof};
use perennial_core::ids::{LeadId, Pepper, SubmissionId, TouchId};
use perennial_core::lead::{Lead, LifecycleStage};
use perennial_core::profile::Profile;
use perennial_core::submission::Submission;
use serde::Serialize;

use crate::holdings::{Held, Holdings, Kind};
use crate::library::{Library, LibraryError};
use crate::ports::{Clock, HistoryRow, Store, StoreError, SubmissionOutcome};
use crate::react::{Attachments, ReactError, react};

/// How often a person's items are gone through before it is said that some cannot be let go of.
const ROUNDS_MAX: usize = 5;

/// How many items are let go of at once.
const ITEMS_AT_ONCE: usize = 8;

/// The shape of an export, as docs/privacy.md describes it.
pub const EXPORT_FORMAT: &str = "perennial-export/1";

/// Looks after what is kept of people.
#[derive(Clone)]
pub struct Privacy {
    /// Where leads are decided on.
    pub store: Arc<dyn Store>,
    /// Every place where something of a person is kept.
    pub holdings: Vec<Arc<dyn Holdings>>,
    /// The programs in force.
    pub library: Arc<Library>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// What came of an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Whose.
    pub lead: LeadId,
    /// Whether the lead had been erased before; then this run only finished what was left.
    pub was_erased: bool,
    /// Items that were let go of, by kind.
    pub let_go: BTreeMap<Kind, u64>,
}

/// Why a person was not erased, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// There is no such lead.
    #[error("nobody is known under that id")]
    Unknown,
    /// The person came in again while they were being erased.
    #[error("the person came in again meanwhile: run it once more, if that is to go too")]
    CameBack,
    /// Something is still there after it was let go of.
    #[error("something is left after {ROUNDS_MAX} rounds")]
    Left,
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The decision could not be committed.
    #[error(transparent)]
    React(#[from] ReactError),
    /// A place failed. Running it again goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Privacy {
    /// Erases a person. Running it again finishes what a crash left.
    pub async fn erase(&self, lead: &LeadId) -> Result<Erased, EraseError> {
        let stored = self.store.load(lead).await?.ok_or(EraseError::Unknown)?;
        let catalog = self.library.catalog().await?;
        let now = self.clock.now();
        let was_erased = stored.lead.stage == LifecycleStage::Erased;
        let stimulus = Stimulus::EraseRequested;
        react(self.store.as_ref(), &catalog, lead, &stimulus, now, |_| Attachments::default()).await?;
        let let_go = self.let_go_of_erased(lead, now).await?;
        Ok(Erased { lead: lead.clone(), was_erased, let_go })
    }

    /// Lets go of everything personal of a lead that is erased, and reads back that nothing is left.
    pub(crate) async fn let_go_of_erased(
        &self,
        lead: &LeadId,
        now: Timestamp,
    ) -> Result<BTreeMap<Kind, u64>, EraseError> {
        let mut counts = BTreeMap::new();
        for _ in 0..ROUNDS_MAX {
            let personal = self.personal(lead).await?;
            // What was listed while the tombstone stood is of lives that are over.
            let stored = self.store.load(lead).await?.ok_or(EraseError::Unknown)?;
            if stored.lead.stage != LifecycleStage::Erased {
                return Err(EraseError::CameBack);
            }
            if personal.is_empty() {
                return Ok(counts);
            }
            for (_, item) in &personal {
                let count = counts.entry(item.kind()).or_default();
                *count += 1;
            }
            for items in personal.chunks(ITEMS_AT_ONCE) {
                try_join_all(items.iter().map(|(place, item)| place.let_go(lead, item, now))).await?;
            }
        }
        Err(EraseError::Left)
    }

    /// What erasing would take away, each with its place.
    async fn personal(&self, lead: &LeadId) -> Result<Vec<(Arc<dyn Holdings>, Held)>, StoreError> {
        let mut personal = Vec::new();
        for place in &self.holdings {
            let items = held(place.as_ref(), lead).await?;
            personal.extend(items.into_iter().filter(Held::is_personal).map(|item| (Arc::clone(place), item)));
        }
        Ok(personal)
    }

    /// Everything that is kept of a person; `None` where nobody is known under that id.
    pub async fn export(&self, lead: &LeadId) -> Result<Option<Export>, StoreError> {
        let mut items = Vec::new();
        for place in &self.holdings {
            items.extend(held(place.as_ref(), lead).await?);
        }
        Ok(Export::of(lead, self.clock.now(), items))
    }

    /// Other leads that may be the same person: who goes by their number, and who by another spelling of their address.
    pub async fn kin(&self, pepper: &Pepper, lead: &LeadId) -> Result<Vec<LeadId>, StoreError> {
        let Some(stored) = self.store.load(lead).await? else { return Ok(Vec::new()) };
        let Profile { email, phone, .. } = &stored.profile;
        let by_phone = phone.as_ref().map(|phone| LeadId::of_phone(pepper, phone));
        let plain = email.as_ref().and_then(|email| EmailAddress::parse(&email.mailbox_hint()).ok());
        let by_address = plain.map(|plain| LeadId::of_email(pepper, &plain));
        let mut kin = Vec::new();
        for id in [by_phone, by_address].into_iter().flatten().filter(|id| id != lead) {
            let known = self.store.load(&id).await?;
            if known.is_some_and(|known| known.lead.stage != LifecycleStage::Erased) && !kin.contains(&id) {
                kin.push(id);
            }
        }
        Ok(kin)
    }
}

/// Everything that one place holds of a lead.
pub(crate) async fn held(place: &dyn Holdings, lead: &LeadId) -> Result<Vec<Held>, StoreError> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = place.of_lead(lead, cursor).await?;
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

/// The lead of a person who is named by an address, or by a phone number in international form.
pub fn lead_of(pepper: &Pepper, named: &str) -> Option<LeadId> {
    let by_address = EmailAddress::parse(named).ok().map(|address| LeadId::of_email(pepper, &address));
    by_address.or_else(|| PhoneNumber::parse(named).ok().map(|phone| LeadId::of_phone(pepper, &phone)))
}

/// Everything that is kept of a person. Serialises as docs/privacy.md says; `Debug` shows none of it.
#[derive(Clone, PartialEq, Serialize)]
pub struct Export {
    /// The shape: [`EXPORT_FORMAT`].
    pub format: &'static str,
    /// When it was made.
    pub exported_at: Timestamp,
    /// The person's id here.
    pub lead: LeadId,
    /// Where the person stands.
    pub standing: Lead,
    /// What the person told us, as it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The record of consent: what was given, asked, taken back, and when.
    pub consent: Vec<ConsentEntry>,
    /// What the person sent, and what lists said of them.
    pub submissions: Vec<ExportedSubmission>,
    /// The mails that went to the person.
    pub mails: Vec<ExportedMail>,
    /// What became of those mails.
    pub engagement: Vec<ExportedEngagement>,
    /// Everything that was decided, in order.
    pub history: Vec<HistoryRow>,
    /// The mails themselves, where this machine has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub letters: Vec<ExportedLetter>,
}

/// An entry of the record of consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsentEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub entry: Event,
}

/// A submission.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ExportedSubmission {
    /// Which.
    pub id: SubmissionId,
    /// What it did.
    pub outcome: SubmissionOutcome,
    /// What it said, if that is still kept.
    #[serde(flatten)]
    pub content: Option<Said>,
}

/// What a submission said.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// All of it.
    pub submission: Box<Submission>,
}

/// A mail that went to the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedMail {
    /// When it was handed over, or proven to be.
    pub at: Timestamp,
    /// The touch.
    pub touch: TouchId,
    /// How we know.
    pub proof: SendProof,
    /// What Amazon SES calls it, where it told us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedEngagement {
    /// When.
    pub at: Timestamp,
    /// The touch.
    pub touch: TouchId,
    /// What.
    pub kind: String,
}

/// A mail as this machine keeps it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ExportedLetter {
    /// Its number.
    pub id: String,
    /// When it was handed over.
    pub at: Timestamp,
    /// The addresses it went to.
    pub to: Vec<String>,
    /// The whole mail.
    pub mime: String,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("lead", &self.lead).finish_non_exhaustive()
    }
}

impl Export {
    fn of(lead: &LeadId, exported_at: Timestamp, items: Vec<Held>) -> Option<Self> {
        let mut standing = None;
        let mut profile = None;
        let mut submissions = Vec::new();
        let mut engagement = Vec::new();
        let mut history = Vec::new();
        let mut letters = Vec::new();
        for item in items {
            match item {
                Held::State { lead, .. } => standing = Some(*lead),
                Held::Profile { profile: held, .. } => profile = Some(*held),
                Held::History(row) => history.push(row),
                Held::Submission(held) => submissions.push(ExportedSubmission {
                    id: held.id,
                    outcome: held.outcome,
                    content: held.content.map(|submission| Said { submission }),
                }),
                Held::Engagement(fact) => {
                    engagement.push(ExportedEngagement { at: fact.at, touch: fact.touch, kind: fact.kind });
                }
                Held::Letter(letter) => letters.push(ExportedLetter {
                    id: letter.id,
                    at: letter.at,
                    to: letter.to,
                    mime: String::from_utf8_lossy(&letter.mime).into_owned(),
                }),
            }
        }
        history.sort_by_key(|row| row.seq);
        engagement.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.kind.cmp(&b.kind)));
        submissions.sort_by_key(|row| row.content.as_ref().map(|said| said.submission.received_at));
        Some(Self {
            format: EXPORT_FORMAT,
            exported_at,
            lead: lead.clone(),
            standing: standing?,
            profile,
            consent: entries(&history).filter_map(consent).collect(),
            submissions,
            mails: entries(&history).filter_map(mail).collect(),
            engagement,
            history,
            letters,
        })
    }
}

fn entries(history: &[HistoryRow]) -> impl Iterator<Item = (Timestamp, &Event)> {
    history.iter().flat_map(|row| row.entries.iter().map(|entry| (row.at, entry)))
}

fn consent((at, entry): (Timestamp, &Event)) -> Option<ConsentEntry> {
    let is_of_consent = matches!(
        entry,
        Event::ConsentChanged { .. }
            | Event::OptInAsked { .. }
            | Event::PreferencesChanged { .. }
            | Event::AddressSuppressed { .. }
            | Event::AddressListed { .. }
            | Event::Erased
    );
    is_of_consent.then(|| ConsentEntry { at, entry: entry.clone() })
}

fn mail((at, entry): (Timestamp, &Event)) -> Option<ExportedMail> {
    let Event::TouchSent { touch, proof, message_id, .. } = entry else { return None };
    Some(ExportedMail { at, touch: touch.clone(), proof: *proof, message_id: message_id.clone() })
}
