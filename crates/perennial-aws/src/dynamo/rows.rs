//! The rows of the table, as they are stored.
//!
//! **Invariants:** each row carries its version, and one of another version is not guessed at; a row
//! that does not read back is [`StoreError::Corrupt`] with its key. The stored form is pinned by golden
//! files (`tests/golden`): whoever changes it changes what is out there.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use perennial_app::deliveries::{DONE_PERIOD, Delivery, Failure, Gone, Standing, UNDELIVERED_PERIOD};
use perennial_app::holdings::{Aged, AgedItem, EndedLead, Held, HeldSubmission, Kind, RetentionMark};
use perennial_app::news::{NEWS_PERIOD, News, UNTOLD_PERIOD, Untold};
use perennial_app::ports::{
    BlockKind, BlockRecord, CatalogVersion, Commit, EngagementRecord, HistoryRow, IdempotencyRecord, ImportRecord,
    PublishedCatalog, PublishedProgram, Release, RosterRecord, SendingPause, StoreError, SubmissionOutcome,
    SubmissionRow, Surveyed,
};
use perennial_core::actor::Hit;
use perennial_core::breaker::{BrakeSeen, SenderRecord, SenderSwitch};
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, SenderDomain, TouchId};
use perennial_core::lead::{Lead, LifecycleStage, Ownership, Sending, StageKind};
use perennial_core::loader::SourceFile;
use perennial_core::profile::Profile;
use perennial_core::sales::{Audience, Trigger};
use perennial_core::submission::Submission;
use perennial_core::waterfall::Deltas;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::{DESK, Desk, HookPlace, Key, OWNER, OfSender, PULSE, Pulse, SHARD, Shelf};

/// An item, as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The version of every row so far.
pub(crate) const VERSION: u32 = 1;

/// The attribute that tells whose write an item is (TRUST.md §2.7).
pub(crate) const WRITE: &str = "write";
/// The attribute that a published file is.
pub(crate) const TEXT: &str = "text";
/// The attribute by which DynamoDB collects what has ended, in seconds since 1970.
pub(crate) const TTL: &str = "ttl";
/// The attribute that a bucket's count is.
pub(crate) const COUNT: &str = "n";
/// The attribute that pairs a state with its profile.
pub(crate) const PROFILE_REV: &str = "profile_rev";
/// The attribute that the mark of a mail in flight is.
pub(crate) const SENDING: &str = "sending";

/// The attribute of a state that says at which revision nothing was left to let go of.
pub(crate) const LET_GO: &str = "let_go";
/// The attribute that what a submission said is.
pub(crate) const SUBMISSION: &str = "submission";

/// What a look at what is kept asks for: of a state its stage, of a submission its time, nothing personal.
pub(crate) const AGED: [&str; 10] =
    ["#PK", "#SK", "#v", "#rev", "#let_go", "#at", "#last_at", "#ttl", "#lead.#stage", "#submission.#received_at"];

/// The names in [`AGED`].
pub(crate) const AGED_NAMES: [&str; 12] =
    ["PK", "SK", "v", "rev", LET_GO, "at", "last_at", "ttl", "lead", "stage", SUBMISSION, "received_at"];

/// The attributes of a state that may be absent.
pub(crate) const OF_SOME_STATES: [&str; 5] = [SENDING, SHARD, PULSE, OWNER, DESK];

/// The attributes that a survey asks for: nothing personal is read for a report.
pub(crate) const SURVEYED: [&str; 15] = [
    "PK", "SK", "v", "rev", "pulse", "owner", "desk", "sending", "lead", "deltas", "outcome", "source", "at", "rows",
    "refused",
];

/// The version of a row, as an attribute.
pub(crate) fn version() -> AttributeValue {
    AttributeValue::N(VERSION.to_string())
}

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
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    desk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sending: Option<Sending>,
    lead: Lead,
}

impl StateRow {
    /// The state after a commit.
    pub(crate) fn new(lead: &Lead, rev: u64, write: &str) -> Self {
        let (pulse, desk) = (Pulse::of(lead), Desk::of(lead));
        Self {
            rev,
            profile_rev: rev,
            write: write.to_owned(),
            shard: pulse.as_ref().map(Pulse::shard),
            pulse: pulse.as_ref().map(Pulse::to_string),
            owner: desk.as_ref().map(Desk::partition),
            desk: desk.as_ref().map(Desk::to_string),
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
    owner: Option<String>,
    #[serde(default)]
    desk: Option<String>,
    #[serde(default)]
    sending: Option<Sending>,
    lead: Lead,
}

impl SurveyedState {
    /// The lead with its mark, and where the indexes have it.
    pub(crate) fn into_surveyed(self) -> Result<Surveyed, StoreError> {
        let key = Key::state(&self.lead.id);
        let pulse =
            self.pulse.map(|text| Pulse::parse(&text).ok_or_else(|| corrupt(Some(&key), "its pulse is not one")));
        let desk = self.owner.zip(self.desk).map(|(owner, desk)| {
            Desk::parse(&owner, &desk).ok_or_else(|| corrupt(Some(&key), "its place on a desk is not one"))
        });
        let (pulse, desk) = (pulse.transpose()?, desk.transpose()?);
        Ok(Surveyed::State {
            lead: Box::new(Lead { sending: self.sending, ..self.lead }),
            indexed_pulse: pulse.map(|pulse| pulse.at),
            indexed_desk: desk.map(|desk| desk.place),
        })
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
    let is_history = Key::of_item(&item).is_some_and(|key| key.kind() == Some(Kind::History));
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
    /// When it was kept. Rows from before that was written down have none.
    at: Timestamp,
    submission: &'a Submission,
}

/// Writes a submission.
pub(crate) fn submission_item(lead: &LeadId, row: &SubmissionRow, at: Timestamp) -> Result<Item, StoreError> {
    let SubmissionRow { submission, outcome } = row;
    to_item(&Key::submission(lead, &submission.id), &SubmissionItem { outcome: *outcome, at, submission })
}

/// A submission as it is read back; one that was emptied says nothing any more.
#[derive(Deserialize)]
struct HeldSubmissionItem {
    outcome: SubmissionOutcome,
    #[serde(default)]
    at: Option<Timestamp>,
    #[serde(default)]
    submission: Option<Box<Submission>>,
}

/// Reads an item of a lead, whatever it is. An error does not say what it met, because that may be personal.
pub(crate) fn read_held(item: Item) -> Result<Held, StoreError> {
    let key = Key::of_item(&item).ok_or_else(|| corrupt(None, "it has no key"))?;
    let wrong_key = || corrupt(Some(&key), "its key does not read");
    match key.kind() {
        Some(Kind::State) => {
            let row: StateRow = from_item(item)?;
            Ok(Held::State { rev: row.rev, lead: Box::new(row.into_lead()) })
        }
        Some(Kind::Profile) => {
            let ProfileRow { rev, profile } = ProfileRow::from_item(item)?;
            Ok(Held::Profile { profile: Box::new(profile), rev })
        }
        Some(Kind::History) => read_history(item).map(|(_, row)| Held::History(row)),
        Some(Kind::Submission) => {
            let (_, id) = key.as_submission().ok_or_else(wrong_key)?;
            let read: Result<HeldSubmissionItem, _> = from_item(item);
            let HeldSubmissionItem { outcome, at, submission } =
                read.map_err(|_personal| corrupt(Some(&key), format!("it does not read as version {VERSION}")))?;
            Ok(Held::Submission(HeldSubmission { id, outcome, kept_at: at, content: submission }))
        }
        Some(Kind::Engagement) => read_engagement(&key, item).map(Held::Engagement),
        Some(
            Kind::Idempotency
            | Kind::Import
            | Kind::ProgramFile
            | Kind::CatalogFile
            | Kind::Release
            | Kind::Roster
            | Kind::Pause
            | Kind::Retention
            | Kind::Outbox
            | Kind::Letter
            | Kind::Keys
            | Kind::Clock
            | Kind::Chore
            | Kind::Sender
            | Kind::Effect
            | Kind::Delivery
            | Kind::Endpoint
            | Kind::News
            | Kind::Untold
            | Kind::Bucket
            | Kind::Once
            | Kind::Block
            | Kind::Inbox,
        )
        | None => Err(corrupt(Some(&key), "it is of no kind that this build knows")),
    }
}

/// What a look at what is kept reads of a state.
#[derive(Deserialize)]
struct AgedState {
    rev: u64,
    #[serde(default)]
    let_go: Option<u64>,
    lead: AgedStage,
}

#[derive(Deserialize)]
struct AgedStage {
    stage: LifecycleStage,
}

/// What it reads of a submission.
#[derive(Deserialize)]
struct AgedSubmission {
    #[serde(default)]
    at: Option<Timestamp>,
    #[serde(default)]
    submission: Option<AgedTime>,
}

#[derive(Deserialize)]
struct AgedTime {
    received_at: Timestamp,
}

#[derive(Deserialize)]
struct AgedKey {
    ttl: i64,
}

/// Reads what a look at what is kept is about; `None` for what is kept for ever.
pub(crate) fn read_aged(item: Item) -> Result<Option<Aged>, StoreError> {
    let key = Key::of_item(&item).ok_or_else(|| corrupt(None, "it has no key"))?;
    let wrong_key = || corrupt(Some(&key), "its key does not read");
    Ok(match key.kind() {
        Some(Kind::State) => {
            let lead = key.as_lead().ok_or_else(wrong_key)?;
            let AgedState { rev, let_go, lead: AgedStage { stage } } = from_item(item)?;
            let ended = EndedLead { lead, stage, rev, is_let_go: let_go == Some(rev) };
            (stage.kind() == StageKind::Terminal).then_some(Aged::Ended(ended))
        }
        Some(Kind::Submission) => {
            let (lead, id) = key.as_submission().ok_or_else(wrong_key)?;
            let AgedSubmission { at, submission } = from_item(item)?;
            submission.map(|AgedTime { received_at }| {
                Aged::Item(AgedItem::Submission { lead, id, kept_at: at.unwrap_or(received_at) })
            })
        }
        Some(Kind::Engagement) => Some(Aged::Item(AgedItem::Engagement(read_engagement(&key, item)?))),
        Some(Kind::Idempotency) => {
            let hash = key.as_idempotency().ok_or_else(wrong_key)?.to_owned();
            let AgedKey { ttl } = from_item(item)?;
            let expires_at = Timestamp::from_second(ttl).map_err(|source| corrupt(Some(&key), source))?;
            Some(Aged::Item(AgedItem::Idempotency { key: hash, expires_at }))
        }
        // What this build does not know it does not judge.
        Some(
            Kind::Profile
            | Kind::History
            | Kind::Import
            | Kind::ProgramFile
            | Kind::CatalogFile
            | Kind::Release
            | Kind::Roster
            | Kind::Pause
            | Kind::Retention
            | Kind::Outbox
            | Kind::Letter
            | Kind::Keys
            | Kind::Clock
            | Kind::Chore
            | Kind::Sender
            | Kind::Effect
            | Kind::Delivery
            | Kind::Endpoint
            | Kind::News
            | Kind::Untold
            | Kind::Bucket
            | Kind::Once
            | Kind::Block
            | Kind::Inbox,
        )
        | None => None,
    })
}

/// `HOOK#<event>/<webhook>`: an event that goes, or went, to a webhook. What it says stands in history only.
#[derive(Serialize, Deserialize)]
struct DeliveryItem {
    at: Timestamp,
    standing: StandingWord,
    /// When it is due; or since when it is parked, or there.
    since: Timestamp,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The token of the last write.
    write: String,
    ttl: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pulse: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StandingWord {
    Waiting,
    Parked,
    Done,
}

impl StandingWord {
    const fn of(standing: Standing) -> (Self, Timestamp) {
        match standing {
            Standing::Waiting { due } => (Self::Waiting, due),
            Standing::Parked { since } => (Self::Parked, since),
            Standing::Done { at } => (Self::Done, at),
        }
    }

    const fn with(self, since: Timestamp) -> Standing {
        match self {
            Self::Waiting => Standing::Waiting { due: since },
            Self::Parked => Standing::Parked { since },
            Self::Done => Standing::Done { at: since },
        }
    }
}

/// The attributes of a delivery by which it is told from what it becomes.
pub(crate) const OF_DELIVERY: [&str; 3] = ["standing", "since", "attempts"];

/// Writes a delivery.
pub(crate) fn delivery_item(delivery: &Delivery, write: &str) -> Result<Item, StoreError> {
    let Delivery { webhook, event, at, standing, attempts, failure } = delivery;
    let (word, since) = StandingWord::of(*standing);
    let (shelf, kept) = match standing {
        Standing::Waiting { due } => (Some((Shelf::Waiting, *due)), UNDELIVERED_PERIOD),
        Standing::Parked { .. } => (Some((Shelf::Parked, *at)), UNDELIVERED_PERIOD),
        Standing::Done { .. } => (None, DONE_PERIOD),
    };
    let place = shelf.map(|(shelf, at)| HookPlace { webhook: webhook.clone(), shelf, at, event: event.clone() });
    let row = DeliveryItem {
        at: *at,
        standing: word,
        since,
        attempts: *attempts,
        failure: *failure,
        write: write.to_owned(),
        ttl: since.checked_add(kept).unwrap_or(Timestamp::MAX).as_second(),
        shard: place.as_ref().map(|place| HookPlace::shard(webhook, place.shelf)),
        pulse: place.as_ref().map(HookPlace::pulse),
    };
    to_item(&Key::delivery(webhook, event), &row)
}

/// Reads a delivery.
pub(crate) fn read_delivery(item: Item) -> Result<Delivery, StoreError> {
    let key = Key::of_item(&item).ok_or_else(|| corrupt(None, "it has no key"))?;
    let Some((webhook, event)) = key.as_delivery() else {
        return Err(corrupt(Some(&key), "it is not the key of a delivery"));
    };
    let DeliveryItem { at, standing, since, attempts, failure, .. } = from_item(item)?;
    Ok(Delivery { webhook, event, at, standing: standing.with(since), attempts, failure })
}

/// `CONTROL/HOOK#<webhook>`: whose turn it is to call a server, and whether that wants no more.
#[derive(Default, Deserialize)]
pub(crate) struct EndpointRow {
    /// The token of the worker that took the last turn.
    #[serde(default)]
    pub(crate) write: Option<String>,
    #[serde(default)]
    pub(crate) gone: Option<Gone>,
}

/// The attribute that tells until when the turn goes that was taken, in milliseconds since 1970.
pub(crate) const UNTIL: &str = "until";
/// The attribute that tells that a server wants no more.
pub(crate) const GONE: &str = "gone";

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

/// `LEAD#…/E#<touch>#clicked#<link>`: who followed a link of a mail.
#[derive(Deserialize)]
pub(crate) struct HitsRow {
    pub(crate) hits: Vec<Hit>,
}

/// What is read of such a fact: when it happened. Of the hits of a link it is when the last came.
#[derive(Deserialize)]
struct ReadEngagement {
    #[serde(default)]
    at: Option<Timestamp>,
    /// Milliseconds since 1970.
    #[serde(default)]
    last_at: Option<i64>,
}

fn read_engagement(key: &Key, item: Item) -> Result<EngagementRecord, StoreError> {
    let Some((lead, touch, kind)) = key.as_engagement() else {
        return Err(corrupt(Some(key), "it is not the key of an engagement"));
    };
    let kind = kind.to_owned();
    let ReadEngagement { at, last_at } = from_item(item)?;
    let last = last_at.and_then(|last| Timestamp::from_millisecond(last).ok());
    let at = at.or(last).ok_or_else(|| corrupt(Some(key), "nothing says when it happened"))?;
    Ok(EngagementRecord { lead, touch, kind, at })
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

/// How far an effect has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EffectState {
    /// A worker is at it, or died at it.
    Claimed,
    /// It is done.
    Done,
}

/// `EFFECT#<id>/EFFECT`: who may do what an event calls for.
#[derive(Serialize, Deserialize)]
pub(crate) struct EffectItem {
    pub(crate) state: EffectState,
    /// Until when it is claimed: milliseconds since 1970, so that they compare.
    pub(crate) until: i64,
    /// Seconds since 1970.
    pub(crate) ttl: i64,
    pub(crate) write: String,
}

/// `NEWS#<reader>/<second>#<event>`: what a digest is to tell of.
#[derive(Serialize, Deserialize)]
struct NewsItem {
    at: Timestamp,
    trigger: Trigger,
    audience: Audience,
    /// Not `owner`: that is the key of an index.
    named: Ownership,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touch: Option<TouchId>,
    /// Seconds since 1970.
    ttl: i64,
}

/// Writes news.
pub(crate) fn news_item(news: &News) -> Result<Item, StoreError> {
    let News { reader, event, at, trigger, audience, owner, touch } = news.clone();
    let ttl = (at + NEWS_PERIOD).as_second();
    to_item(&Key::news(&reader, at, &event), &NewsItem { at, trigger, audience, named: owner, touch, ttl })
}

/// Reads news.
pub(crate) fn read_news(item: Item) -> Result<News, StoreError> {
    let key = Key::of_item(&item);
    let Some((reader, event)) = key.as_ref().and_then(Key::as_news) else {
        return Err(corrupt(key.as_ref(), "it is not the key of news"));
    };
    let NewsItem { at, trigger, audience, named, touch, .. } = from_item(item)?;
    Ok(News { reader, event, at, trigger, audience, owner: named, touch })
}

/// `UNTOLD/<second>#<event>`: what could not be told.
#[derive(Serialize, Deserialize)]
struct UntoldItem {
    at: Timestamp,
    due: Timestamp,
    /// Seconds since 1970.
    ttl: i64,
}

/// Writes what could not be told.
pub(crate) fn untold_item(untold: &Untold) -> Result<Item, StoreError> {
    let Untold { event, at, due } = untold;
    // It is given up sooner, and not in silence.
    let ttl = (*at + UNTOLD_PERIOD * 2).as_second();
    to_item(&Key::untold(*due, event), &UntoldItem { at: *at, due: *due, ttl })
}

/// Reads what could not be told.
pub(crate) fn read_untold(item: Item) -> Result<Untold, StoreError> {
    let key = Key::of_item(&item);
    let Some(event) = key.as_ref().and_then(Key::as_untold) else {
        return Err(corrupt(key.as_ref(), "it is not the key of something untold"));
    };
    let UntoldItem { at, due, .. } = from_item(item)?;
    Ok(Untold { event, at, due })
}

/// `ONCE#<key>/ONCE`: that something was used.
#[derive(Serialize)]
struct OnceItem<'a> {
    ttl: i64,
    write: &'a str,
}

/// Writes that a key is used.
pub(crate) fn once_item(key: &str, expires_at: Timestamp, write: &str) -> Result<Item, StoreError> {
    to_item(&Key::once(key), &OnceItem { ttl: expires_at.as_second(), write })
}

/// `BLOCK#<key>/BLOCK`: that somebody is kept out.
#[derive(Serialize)]
struct BlockItem {
    kind: BlockKind,
    at: Timestamp,
}

/// Writes a block.
pub(crate) fn block_item(record: &BlockRecord) -> Result<Item, StoreError> {
    to_item(&Key::block(&record.key), &BlockItem { kind: record.kind, at: record.at })
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

/// `SENDER#…/S#SWITCH`: what an operator said.
pub(crate) fn switch_item(sender: &SenderDomain, switch: &SenderSwitch) -> Result<Item, StoreError> {
    to_item(&Key::sender_switch(sender), switch)
}

/// `SENDER#…/S#BRAKE`: how much was held when somebody looked last.
pub(crate) fn brake_item(sender: &SenderDomain, seen: &BrakeSeen) -> Result<Item, StoreError> {
    to_item(&Key::sender_brake(sender), seen)
}

/// Reads what is kept of a sender.
pub(crate) fn read_sender(items: Vec<Item>) -> Result<SenderRecord, StoreError> {
    let mut record = SenderRecord::default();
    for item in items {
        let key = Key::of_item(&item);
        match key.as_ref().and_then(Key::as_of_sender) {
            Some(OfSender::Day(day)) => drop(record.days.insert(day, from_item(item)?)),
            Some(OfSender::Switch) => record.switch = Some(from_item(item)?),
            Some(OfSender::Brake) => record.seen = Some(from_item(item)?),
            None => return Err(corrupt(key.as_ref(), "it is not the key of anything of a sender")),
        }
    }
    Ok(record)
}

/// `CONTROL/CHORE#<name>`: when a chore was last begun that was done to its end.
#[derive(Serialize, Deserialize)]
struct ChoreItem {
    begun: Timestamp,
}

/// Writes a chore's mark.
pub(crate) fn chore_item(chore: &str, begun: Timestamp) -> Result<Item, StoreError> {
    to_item(&Key::chore(chore), &ChoreItem { begun })
}

/// Reads a chore's mark.
pub(crate) fn read_chore(item: Item) -> Result<Timestamp, StoreError> {
    from_item(item).map(|ChoreItem { begun }| begun)
}

/// `CONTROL/RETENTION`: how far the daily look at what is kept has got.
pub(crate) fn retention_item(mark: &RetentionMark) -> Result<Item, StoreError> {
    to_item(&Key::retention(), mark)
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

/// `CONTROL/ROSTER`: who sells.
#[derive(Serialize, Deserialize)]
struct RosterItem {
    #[serde(flatten)]
    record: RosterRecord,
    /// The token of the write.
    write: String,
}

/// Writes a roster.
pub(crate) fn roster_item(record: &RosterRecord, write: &str) -> Result<Item, StoreError> {
    to_item(&Key::roster(), &RosterItem { record: record.clone(), write: write.to_owned() })
}

/// Reads a roster.
pub(crate) fn read_roster(item: Item) -> Result<RosterRecord, StoreError> {
    from_item(item).map(|RosterItem { record, .. }| record)
}

/// `OUTBOX/…`: that the history row named by the key has not been published yet. Local only.
#[derive(Serialize)]
struct OutboxItem {}

/// Writes the outbox row of a commit.
pub(crate) fn outbox_item(commit: &Commit) -> Result<Item, StoreError> {
    to_item(&Key::outbox(commit.history.at, &commit.lead.id, commit.history.seq), &OutboxItem {})
}
