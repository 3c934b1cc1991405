//! The rows of the table, as they are stored.
//!
//! **Invariants:** each row carries its version, and one of another version is not guessed at; a row
//! that does not read back is [`StoreError::Corrupt`] with its key. The stored form is pinned by golden
//! files (`tests/golden`): whoever changes it changes what is out there.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use perennial_app::ports::{
    CatalogVersion, Commit, HistoryRow, IdempotencyRecord, ImportRecord, PublishedCatalog, PublishedProgram, Release,
    SendingPause, StoreError, SubmissionOutcome, SubmissionRow,
};
use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use perennial_core::lead::{Lead, Sending};
use perennial_core::loader::SourceFile;
use perennial_core::profile::Profile;
use perennial_core::submission::Submission;
use perennial_core::waterfall::Deltas;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::{Key, Kind, PULSE, Pulse, SHARD};

/// An item, as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The version of every row so far.
const VERSION: u32 = 1;

/// The attribute that tells whose write an item is (TRUST.md §2.7).
pub(crate) const WRITE: &str = "write";
/// The attribute that a published file is.
pub(crate) const TEXT: &str = "text";
/// The attribute that pairs a state with its profile.
pub(crate) const PROFILE_REV: &str = "profile_rev";
/// The attribute that the mark of a mail in flight is.
pub(crate) const SENDING: &str = "sending";

/// The attributes of a state that may be absent.
pub(crate) const OF_SOME_STATES: [&str; 3] = [SENDING, SHARD, PULSE];

/// The attributes that a survey asks for: nothing personal is read for a report.
pub(crate) const SURVEYED: [&str; 13] =
    ["PK", "SK", "v", "rev", "pulse", "sending", "lead", "deltas", "outcome", "source", "at", "rows", "refused"];

/// Writes a row as an item under its key.
pub(crate) fn to_item(key: &Key, row: &impl Serialize) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(Versioned { v: VERSION, row })
        .map_err(|source: serde_dynamo::Error| StoreError::Refused(source.into()))?;
    item.extend(key.attributes());
    Ok(item)
}

/// Reads a row.
pub(crate) fn from_item<R: DeserializeOwned>(item: Item) -> Result<R, StoreError> {
    let key = Key::of_item(&item);
    let version: Option<u32> = item.get("v").and_then(|v| v.as_n().ok()).and_then(|v| v.parse().ok());
    if version != Some(VERSION) {
        return Err(corrupt(key.as_ref(), format!("it is not of version {VERSION}")));
    }
    serde_dynamo::from_item(item).map_err(|source: serde_dynamo::Error| corrupt(key.as_ref(), source))
}

/// The error for a row that does not read back.
pub(crate) fn corrupt(key: Option<&Key>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt { key: key.map_or_else(|| "without a key".to_owned(), Key::to_string), source: source.into() }
}

#[derive(Serialize)]
struct Versioned<'a, R> {
    v: u32,
    #[serde(flatten)]
    row: &'a R,
}

/// `LEAD#…/STATE`: what decisions change often.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StateRow {
    pub(crate) rev: u64,
    /// The revision that the profile was written at.
    pub(crate) profile_rev: u64,
    /// The token of the last write.
    write: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pulse: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sending: Option<Sending>,
    lead: Lead,
}

impl StateRow {
    /// The state after a commit.
    pub(crate) fn new(lead: &Lead, rev: u64, write: &str) -> Self {
        let pulse = Pulse::of(lead);
        Self {
            rev,
            profile_rev: rev,
            write: write.to_owned(),
            shard: pulse.as_ref().map(Pulse::shard),
            pulse: pulse.as_ref().map(Pulse::to_string),
            sending: lead.sending.clone(),
            lead: lead.clone(),
        }
    }

    /// The lead, with its mark.
    pub(crate) fn into_lead(self) -> Lead {
        Lead { sending: self.sending, ..self.lead }
    }
}

/// What a survey reads of a state.
#[derive(Deserialize)]
pub(crate) struct SurveyedState {
    #[serde(default)]
    pulse: Option<String>,
    #[serde(default)]
    sending: Option<Sending>,
    lead: Lead,
}

impl SurveyedState {
    /// The lead with its mark, and the pulse that the index has.
    pub(crate) fn into_parts(self) -> Result<(Lead, Option<Timestamp>), StoreError> {
        let key = Key::state(&self.lead.id);
        let pulse = self
            .pulse
            .map(|text| Pulse::parse(&text).ok_or_else(|| corrupt(Some(&key), "its pulse is not one")))
            .transpose()?;
        Ok((Lead { sending: self.sending, ..self.lead }, pulse.map(|pulse| pulse.at)))
    }
}

/// `LEAD#…/PROFILE`: what is personal.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProfileRow {
    /// The revision of the state it was written with.
    pub(crate) rev: u64,
    pub(crate) profile: Profile,
}

impl ProfileRow {
    /// Reads a profile. The error does not say what it met, because that is personal.
    pub(crate) fn from_item(item: Item) -> Result<Self, StoreError> {
        let key = Key::of_item(&item);
        from_item(item).map_err(|_personal| corrupt(key.as_ref(), format!("it does not read as version {VERSION}")))
    }
}

/// `LEAD#…/H#<seq>`: what one commit decided.
#[derive(Serialize, Deserialize)]
struct HistoryItem {
    at: Timestamp,
    cause: String,
    entries: Vec<Event>,
    #[serde(default, skip_serializing_if = "Deltas::is_empty")]
    deltas: Deltas,
}

/// Writes a history row.
pub(crate) fn history_item(lead: &LeadId, row: &HistoryRow) -> Result<Item, StoreError> {
    let HistoryRow { seq, at, cause, entries, deltas } = row.clone();
    to_item(&Key::history(lead, seq), &HistoryItem { at, cause, entries, deltas })
}

/// Reads a history row.
pub(crate) fn read_history(item: Item) -> Result<(LeadId, HistoryRow), StoreError> {
    let key = Key::of_item(&item);
    let Some((lead, seq)) = key.as_ref().and_then(Key::as_history) else {
        return Err(corrupt(key.as_ref(), "it is not the key of a history row"));
    };
    let HistoryItem { at, cause, entries, deltas } = from_item(item)?;
    Ok((lead, HistoryRow { seq, at, cause, entries, deltas }))
}

/// Reads what a stream of the table shows of a new item: `None` if it is no history row.
///
/// Takes the `NewImage` of a DynamoDB stream record, or an [`outbox`](super::outbox) entry's image.
pub fn read_history_image(image: serde_dynamo::Item) -> Result<Option<(LeadId, HistoryRow)>, StoreError> {
    let item: Item = image.into();
    let is_history = Key::of_item(&item).is_some_and(|key| key.kind() == Kind::History);
    if is_history { read_history(item).map(Some) } else { Ok(None) }
}

/// What a survey reads of a history row.
#[derive(Deserialize)]
pub(crate) struct SurveyedHistory {
    #[serde(default)]
    pub(crate) deltas: Deltas,
}

/// `LEAD#…/S#<id>`: what came in, whole.
#[derive(Serialize)]
struct SubmissionItem<'a> {
    outcome: SubmissionOutcome,
    submission: &'a Submission,
}

/// Writes a submission.
pub(crate) fn submission_item(lead: &LeadId, row: &SubmissionRow) -> Result<Item, StoreError> {
    let SubmissionRow { submission, outcome } = row;
    to_item(&Key::submission(lead, &submission.id), &SubmissionItem { outcome: *outcome, submission })
}

/// What a survey reads of a submission.
#[derive(Deserialize)]
pub(crate) struct SurveyedSubmission {
    pub(crate) outcome: SubmissionOutcome,
}

/// `LEAD#…/E#<touch>#<kind>`: that something happened to a touch.
#[derive(Serialize)]
pub(crate) struct EngagementItem<'a> {
    pub(crate) at: Timestamp,
    pub(crate) write: &'a str,
}

/// `IDEM#<key>/IDEM`: what an idempotency key stands for.
#[derive(Serialize, Deserialize)]
struct IdempotencyItem {
    body: String,
    /// Seconds since 1970, as DynamoDB's time to live wants them.
    ttl: i64,
}

/// Writes an idempotency record.
pub(crate) fn idempotency_item(record: &IdempotencyRecord) -> Result<Item, StoreError> {
    let IdempotencyRecord { key, body, expires_at } = record;
    to_item(&Key::idempotency(key), &IdempotencyItem { body: body.clone(), ttl: expires_at.as_second() })
}

/// Reads an idempotency record.
pub(crate) fn read_idempotency(item: Item) -> Result<IdempotencyRecord, StoreError> {
    let row_key = Key::of_item(&item);
    let wrong = |what: &'static str| corrupt(row_key.as_ref(), what);
    let key = row_key.as_ref().and_then(Key::as_idempotency);
    let key = key.ok_or_else(|| wrong("it is not the key of an idempotency record"))?.to_owned();
    let IdempotencyItem { body, ttl } = from_item(item)?;
    let expires_at = Timestamp::from_second(ttl).map_err(|source| corrupt(row_key.as_ref(), source))?;
    Ok(IdempotencyRecord { key, body, expires_at })
}

/// `IMPORT#<id>/RUN`: what came of an import.
#[derive(Serialize, Deserialize)]
struct ImportItem {
    source: String,
    at: Timestamp,
    rows: u64,
    refused: BTreeMap<String, u64>,
}

/// Writes an import's record.
pub(crate) fn import_item(record: &ImportRecord) -> Result<Item, StoreError> {
    let ImportRecord { id, source, at, rows, refused } = record.clone();
    to_item(&Key::import(&id), &ImportItem { source, at, rows, refused })
}

/// Reads an import's record.
pub(crate) fn read_import(item: Item) -> Result<ImportRecord, StoreError> {
    let key = Key::of_item(&item);
    let Some(id) = key.as_ref().and_then(Key::as_import).map(str::to_owned) else {
        return Err(corrupt(key.as_ref(), "it is not the key of an import"));
    };
    let ImportItem { source, at, rows, refused } = from_item(item)?;
    Ok(ImportRecord { id, source, at, rows, refused })
}

/// `CONTROL/PAUSE`: why nobody sends.
pub(crate) fn pause_item(pause: &SendingPause) -> Result<Item, StoreError> {
    to_item(&Key::pause(), pause)
}

/// `PROGRAM#…/V#<version>#<path>`, and `CATALOG/V#<version>`: a published file.
#[derive(Serialize, Deserialize)]
struct FileItem {
    text: String,
}

/// Writes the files of a version of a program.
pub(crate) fn program_items(program: &PublishedProgram) -> Result<Vec<Item>, StoreError> {
    let item = |SourceFile { path, text }: &SourceFile| {
        to_item(&Key::program_file(&program.name, &program.version, path), &FileItem { text: text.clone() })
    };
    program.files.iter().map(item).collect()
}

/// Reads a file of a program.
pub(crate) fn read_program_file(item: Item) -> Result<SourceFile, StoreError> {
    let key = Key::of_item(&item);
    let Some(path) = key.as_ref().and_then(Key::as_program_file).map(str::to_owned) else {
        return Err(corrupt(key.as_ref(), "it is not the key of a program's file"));
    };
    let FileItem { text } = from_item(item)?;
    Ok(SourceFile { path, text })
}

/// Writes a version of the catalog.
pub(crate) fn catalog_item(catalog: &PublishedCatalog) -> Result<Item, StoreError> {
    to_item(&Key::catalog(&catalog.version), &FileItem { text: catalog.text.clone() })
}

/// Reads a version of the catalog.
pub(crate) fn read_catalog(version: &CatalogVersion, item: Item) -> Result<PublishedCatalog, StoreError> {
    let FileItem { text } = from_item(item)?;
    Ok(PublishedCatalog { version: version.clone(), text })
}

/// `CONTROL/RELEASE`: which versions are in force.
#[derive(Serialize, Deserialize)]
struct ReleaseItem {
    #[serde(flatten)]
    release: Release,
    /// The token of the write.
    write: String,
}

/// Writes a release.
pub(crate) fn release_item(release: &Release, write: &str) -> Result<Item, StoreError> {
    to_item(&Key::release(), &ReleaseItem { release: release.clone(), write: write.to_owned() })
}

/// Reads a release.
pub(crate) fn read_release(item: Item) -> Result<Release, StoreError> {
    from_item(item).map(|ReleaseItem { release, .. }| release)
}

/// `OUTBOX/…`: that the history row named by the key has not been published yet. Local only.
#[derive(Serialize)]
struct OutboxItem {}

/// Writes the outbox row of a commit.
pub(crate) fn outbox_item(commit: &Commit) -> Result<Item, StoreError> {
    to_item(&Key::outbox(commit.history.at, &commit.lead.id, commit.history.seq), &OutboxItem {})
}
