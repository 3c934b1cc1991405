//! Sales at work on a lead: who they are, what they may see, and what they tell.
//!
//! **Invariants:** whoever holds a desk link sees one lead, as one rep or one queue, and only while the roster says that
//! it is theirs or their team's; who may see a lead is decided in [`sees`] and nowhere else (H42). No link is read without
//! a look at whose seat it is for now: it ends with the mailbox that it was made for. What is told twice under one key
//! counts once: the key is committed with what it does.

mod list;
mod team;
pub mod view;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Catalog;
use perennial_core::clean;
use perennial_core::decide::{Decision, Stimulus, View, is_overtaken, refusal};
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, Pepper, QueueName, RepName};
use perennial_core::lead::{Ownership, StageKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::profile::{NOTE_LENGTH_MAX, Note};
use perennial_core::sales::{Outcome, Party, Refusal};
use perennial_core::token::{Keyring, Purpose, TokenError};
use tracing::info;

pub use list::{Waiting, WaitingPage};
pub use team::TeamDesk;

use self::view::mailed;
use crate::library::{Library, LibraryError};
use crate::mail::Letterhead;
use crate::ports::{Clock, IdempotencyRecord, Store, StoreError, Stored};
use crate::react::{Attachments, ReactError, decide_on, react_to};

/// The path of the page of a lead, before its token.
pub const DESK_PATH: &str = "/v1/desk/";

/// How long a desk link is good for, by the world's clock.
pub const LINK_PERIOD: SignedDuration = SignedDuration::from_hours(60 * 24);

/// How far ahead of ours the clock may have been that made a link. What says more was made by none.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// How long it is remembered under which key an outcome was told.
pub const OUTCOME_PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long, where a list or a system may tell all that it ever told once more.
pub const REPLAY_PERIOD: SignedDuration = SignedDuration::from_hours(400 * 24);

/// As whom somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    /// A rep.
    Rep(RepName),
    /// Whoever reads a queue's mail.
    Queue(QueueName),
}

impl Seat {
    /// As history names them.
    pub fn party(&self) -> Party {
        match self {
            Self::Rep(rep) => Party::Rep { rep: rep.clone() },
            Self::Queue(queue) => Party::Queue { queue: queue.clone() },
        }
    }

    /// The mailbox of whoever sits there now.
    fn address<'c>(&self, catalog: &'c Catalog) -> Option<&'c str> {
        let sender = match self {
            Self::Rep(rep) => catalog.roster.reps.get(rep).map(|rep| &rep.sender),
            Self::Queue(queue) => catalog.queues.contains_key(queue).then(|| catalog.queue_sender(queue)),
        };
        sender.map(|sender| sender.address.as_str())
    }
}

/// What a desk token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskRef {
    /// Whose page.
    pub lead: LeadId,
    /// For whom.
    pub seat: Seat,
    /// When it was made, in whole seconds of the world's clock.
    pub made_at: Timestamp,
}

impl DeskRef {
    fn parse(payload: &str) -> Option<Self> {
        let (lead, rest) = payload.split_once('/')?;
        let (seat, made_at) = seated(rest)?;
        Some(Self { lead: LeadId::parse(lead).ok()?, seat, made_at })
    }

    fn payload(&self) -> String {
        format!("{}/{}", self.lead, seat_payload(&self.seat, self.made_at))
    }

    /// The link to the page.
    pub fn link(&self, letterhead: &Letterhead, catalog: &Catalog) -> String {
        link(letterhead, catalog, &self.seat, &self.payload())
    }
}

/// What the token of a list says: whoever holds it sees what that seat sees, lead by lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRef {
    /// Whose list.
    pub seat: Seat,
    /// When it was made, in whole seconds of the world's clock.
    pub made_at: Timestamp,
}

/// What stands in the place of a lead's id in the token of a list. No id is so short.
const LIST: &str = "list";

impl ListRef {
    /// The link to the page.
    pub fn link(&self, letterhead: &Letterhead, catalog: &Catalog) -> String {
        link(letterhead, catalog, &self.seat, &self.payload())
    }

    fn payload(&self) -> String {
        format!("{LIST}/{}", seat_payload(&self.seat, self.made_at))
    }
}

/// A link, which is good for as long as the seat has the mailbox that it has now.
fn link(letterhead: &Letterhead, catalog: &Catalog, seat: &Seat, payload: &str) -> String {
    let Letterhead { base_url, keyring, .. } = letterhead;
    let word = keyring.seat_word(seat.address(catalog).unwrap_or_default());
    format!("{base_url}{DESK_PATH}{}", keyring.sign(Purpose::Desk, &format!("{payload}/{word}")))
}

/// Why a desk link opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Its token is none of ours.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It was made for another mailbox than the seat has now: another person's, or an older one.
    #[error("the seat has another mailbox than the link was made for")]
    OtherMailbox,
}

/// What a desk link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskLink {
    /// The page of one lead.
    Lead(DeskRef),
    /// The list of a seat.
    List(ListRef),
}

impl DeskLink {
    /// Reads a token.
    pub fn read(token: &str, keyring: &Keyring, catalog: &Catalog) -> Result<Self, LinkError> {
        let payload = keyring.verify(Purpose::Desk, token)?;
        let (said, word) = payload.rsplit_once('/').ok_or(TokenError::Malformed)?;
        let link = Self::parse(said).ok_or(TokenError::Malformed)?;
        let address = link.seat().address(catalog);
        if address.is_some_and(|address| keyring.is_seat_word(word, address)) {
            Ok(link)
        } else {
            Err(LinkError::OtherMailbox)
        }
    }

    fn parse(payload: &str) -> Option<Self> {
        match payload.split_once('/')? {
            (LIST, rest) => seated(rest).map(|(seat, made_at)| Self::List(ListRef { seat, made_at })),
            (_, _) => DeskRef::parse(payload).map(Self::Lead),
        }
    }

    /// What its token says of it.
    pub(crate) fn payload(&self) -> String {
        match self {
            Self::Lead(desk) => desk.payload(),
            Self::List(list) => list.payload(),
        }
    }

    /// For whom it is.
    pub const fn seat(&self) -> &Seat {
        match self {
            Self::Lead(desk) => &desk.seat,
            Self::List(list) => &list.seat,
        }
    }

    /// When it was made.
    pub const fn made_at(&self) -> Timestamp {
        match self {
            Self::Lead(desk) => desk.made_at,
            Self::List(list) => list.made_at,
        }
    }

    /// Whether it is too old to be followed, by the world's clock; or was made by somebody who wants it to be good for ever.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.made_at());
        age > LINK_PERIOD || age < -AHEAD_MAX
    }
}

fn seat_payload(seat: &Seat, made_at: Timestamp) -> String {
    let (kind, name) = match seat {
        Seat::Rep(rep) => ("rep", rep.as_str()),
        Seat::Queue(queue) => ("queue", queue.as_str()),
    };
    format!("{kind}/{name}/{}", made_at.as_second())
}

fn seated(payload: &str) -> Option<(Seat, Timestamp)> {
    let mut parts = payload.split('/');
    let (kind, name) = (parts.next()?, parts.next()?);
    let seat = match kind {
        "rep" => Seat::Rep(RepName::parse(name).ok()?),
        "queue" => Seat::Queue(QueueName::parse(name).ok()?),
        _ => return None,
    };
    let made_at = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
    parts.next().is_none().then_some((seat, made_at))
}

/// Whether somebody may see the leads of an owner: a rep their own, their team's, and what a queue holds for their team;
/// a queue its own.
pub fn sees(catalog: &Catalog, party: &Party, owner: &Ownership) -> bool {
    match (party, owner) {
        (Party::Crm | Party::Operator | Party::Suite, _) => true,
        (
            Party::Rep { rep },
            Ownership::Assigned { rep: owner } | Ownership::Accepted { rep: owner } | Ownership::Working { rep: owner },
        ) => catalog.roster.sees(rep, owner),
        (Party::Rep { rep }, Ownership::Queue { queue }) => holds_for(catalog, queue, rep),
        (Party::Queue { queue }, Ownership::Queue { queue: owner }) => {
            queue == owner && catalog.queues.contains_key(queue)
        }
        (Party::Queue { .. }, Ownership::Assigned { .. } | Ownership::Accepted { .. } | Ownership::Working { .. }) => {
            false
        }
    }
}

/// Whether a queue is where the leads of a rep's team go that nobody of it can take: a route names both.
fn holds_for(catalog: &Catalog, queue: &QueueName, rep: &RepName) -> bool {
    let roster = &catalog.roster;
    let is_theirs = |team| {
        let manages = roster.teams.get(team).is_some_and(|team| team.manager.as_ref() == Some(rep));
        manages || roster.reps.get(rep).is_some_and(|rep| &rep.team == team)
    };
    let mut routes = catalog.routes.values().filter(|route| &route.queue == queue);
    roster.owns(rep) && routes.any(|route| route.team.as_ref().is_some_and(is_theirs))
}

/// Whether somebody may give leads to somebody: whoever they could have them from, and a queue also to those it holds
/// them for.
fn gives_to(catalog: &Catalog, party: &Party, owner: &Ownership) -> bool {
    match (party, owner.rep()) {
        (Party::Queue { queue }, Some(rep)) => holds_for(catalog, queue, rep),
        (Party::Rep { .. } | Party::Queue { .. } | Party::Crm | Party::Operator | Party::Suite, _) => {
            sees(catalog, party, owner)
        }
    }
}

/// Takes in what sales does.
#[derive(Clone)]
pub struct Desk {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force, and who sells.
    pub library: Arc<Library>,
    /// What keys are hashed with.
    pub pepper: Pepper,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// Something that sales tells. It has no `Debug`: a note is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub by: Party,
    /// Of which lead.
    pub lead: LeadId,
    /// What.
    pub outcome: Outcome,
    /// What they have to say to it.
    pub note: Option<String>,
    /// When it happened, where that is not now.
    pub happened_at: Option<Timestamp>,
    /// Whether it is a status that stands in a CRM, and nothing that happened.
    pub is_status: bool,
    /// What tells it from everything else that they tell: the same twice is one outcome.
    pub key: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The lead changed.
    Now,
    /// It was told before, or is so already.
    Before,
}

/// Why something was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum DisposeError {
    /// There is no such lead, or it is none of theirs; which of the two is not said.
    #[error("there is no such lead")]
    NotTheirs,
    /// It cannot be so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something later is known already.
    #[error("something later is known of the lead already")]
    Late,
    /// A note that is empty; or none where the outcome, as `other`, says nothing by itself.
    #[error("there must be a note that says it")]
    NoNote,
    /// A note has at most [`NOTE_LENGTH_MAX`] characters.
    #[error("a note has at most {NOTE_LENGTH_MAX} characters")]
    NoteTooLong,
    /// Nobody is called so, or it is nobody whom they may give leads to.
    #[error("there is nobody of that name to give the lead to")]
    NoSuchOwner,
    /// The key came with something else before.
    #[error("the key was used with something else")]
    KeyReused,
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It could not be committed. It may come again.
    #[error(transparent)]
    React(#[from] ReactError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DisposeError {
    /// Whether it is the matter of one lead, so that what is told of another may be taken in all the same.
    pub const fn is_of_one_lead(&self) -> bool {
        match self {
            Self::Store(error) | Self::React(ReactError::Store(error)) => error.is_of_one_item(),
            Self::Library(_) => false,
            Self::NotTheirs
            | Self::Refused(_)
            | Self::Late
            | Self::NoNote
            | Self::NoteTooLong
            | Self::NoSuchOwner
            | Self::KeyReused
            | Self::React(ReactError::Contended | ReactError::KnownSubmission | ReactError::KnownKey(_)) => true,
        }
    }
}

impl Desk {
    /// Takes in an outcome, with what there is to say to it, in one commit.
    pub async fn dispose(&self, told: &Told) -> Result<Done, DisposeError> {
        let note = note_of(&told.by, told.note.as_deref(), self.clock.now())?;
        if needs_note(&told.by, &told.outcome) && note.is_none() {
            return Err(DisposeError::NoNote);
        }
        self.look_back(told).await?;
        self.decided(&told.by, &told.lead, &disposed(told, note), Some(&self.record_of(told))).await
    }

    /// What [`Desk::dispose`] would do now. Nothing is changed.
    pub async fn would_dispose(&self, told: &Told) -> Result<Done, DisposeError> {
        let stimulus = disposed(told, note_of(&told.by, told.note.as_deref(), self.clock.now())?);
        let now = self.clock.now();
        if let Some(done) = self.known(&self.record_of(told), now).await? {
            return Ok(done);
        }
        self.look_back(told).await?;
        let catalog = self.library.catalog().await?;
        let stored = self.store.load(&told.lead).await?;
        may_do(&catalog, &told.by, &told.lead, stored.as_ref(), &stimulus, now)?;
        let decision = decide_on(self.store.as_ref(), stored.as_ref(), &catalog, &stimulus, now).await?;
        Ok(done(&decision.events))
    }

    /// Refuses what only history can tell to be wrong: a remark on a mail that was never sent to that lead.
    async fn look_back(&self, told: &Told) -> Result<(), DisposeError> {
        let Outcome::Unhelpful { touch } = &told.outcome else { return Ok(()) };
        let catalog = self.library.catalog().await?;
        theirs(&catalog, &told.by, &told.lead, self.store.load(&told.lead).await?.as_ref())?;
        let history = self.store.history(&told.lead).await?;
        let is_sent = history.iter().flat_map(|row| &row.entries).any(|event| mailed(event) == Some(touch));
        if is_sent { Ok(()) } else { Err(Refusal::NoSuchMail.into()) }
    }

    /// Takes in a note, under a key as an outcome.
    pub async fn note(&self, by: &Party, lead: &LeadId, text: &str, key: &str) -> Result<Done, DisposeError> {
        let Some(note) = note_of(by, Some(text), self.clock.now())? else { return Err(DisposeError::NoNote) };
        let record = self.record(by, key, &[lead.as_str().as_bytes(), b"/note/", text.as_bytes()]);
        let stimulus = Stimulus::Noted { by: by.clone(), note };
        self.decided(by, lead, &stimulus, Some(&record)).await
    }

    /// Gives a lead to somebody else.
    pub async fn hand_over(&self, by: &Party, lead: &LeadId, owner: Ownership) -> Result<Done, DisposeError> {
        let catalog = self.library.catalog().await?;
        let is_known = match &owner {
            Ownership::Queue { queue } => catalog.queues.contains_key(queue),
            Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                catalog.roster.owns(rep)
            }
        };
        if !is_known || !gives_to(&catalog, by, &owner) {
            return Err(DisposeError::NoSuchOwner);
        }
        self.decided(by, lead, &Stimulus::HandedTo { owner }, None).await
    }

    /// Decides, on the lead as it is when that is committed.
    async fn decided(
        &self,
        by: &Party,
        lead: &LeadId,
        stimulus: &Stimulus,
        record: Option<&IdempotencyRecord>,
    ) -> Result<Done, DisposeError> {
        let now = self.clock.now();
        if let Some(record) = record
            && let Some(done) = self.known(record, now).await?
        {
            return Ok(done);
        }
        let catalog = self.library.catalog().await?;
        let held_up = Mutex::new(None);
        let asked = |stored: Option<&Stored>| match may_do(&catalog, by, lead, stored, stimulus, now) {
            Ok(()) => Some(Cow::Borrowed(stimulus)),
            Err(error) => {
                *held_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        };
        let attach = |_: &Decision| Attachments { idempotency: record.cloned(), ..Attachments::default() };
        let reaction = react_to(self.store.as_ref(), &catalog, lead, now, asked, attach).await;
        if let Some(error) = held_up.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        match (reaction, record) {
            (Ok(Some(reaction)), _) => Ok(done(&reaction.events)),
            (Ok(None), _) => Ok(Done::Before),
            (Err(ReactError::KnownKey(known)), Some(record)) => known_as(&known, record),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// What came of it, if it was told before.
    async fn known(&self, record: &IdempotencyRecord, now: Timestamp) -> Result<Option<Done>, DisposeError> {
        let known = self.store.idempotency(&record.key).await?;
        known.filter(|known| known.expires_at > now).map(|known| known_as(&known, record)).transpose()
    }

    fn record_of(&self, told: &Told) -> IdempotencyRecord {
        // An outcome of ours that does not serialise is a bug; then the key alone tells it from others.
        let said = serde_json::to_vec(&told.outcome).unwrap_or_default();
        let words = told.note.as_deref().unwrap_or_default();
        self.record(&told.by, &told.key, &[told.lead.as_str().as_bytes(), &said, words.as_bytes()])
    }

    fn record(&self, by: &Party, key: &str, said: &[&[u8]]) -> IdempotencyRecord {
        let said: Vec<&[u8]> = std::iter::once(&b"outcome-body:"[..]).chain(said.iter().copied()).collect();
        IdempotencyRecord {
            key: self.pepper.digest(&[b"outcome:", by.name().as_bytes(), b":", key.as_bytes()]),
            body: self.pepper.digest(&said),
            expires_at: self.clock.now() + if by.sells() { OUTCOME_PERIOD } else { REPLAY_PERIOD },
        }
    }
}

/// What is said, cleaned; `None` where that is nothing.
pub(crate) fn note_of(by: &Party, text: Option<&str>, at: Timestamp) -> Result<Option<Note>, DisposeError> {
    let text = text.map(clean::paragraphs).unwrap_or_default();
    if text.chars().count() > NOTE_LENGTH_MAX {
        return Err(DisposeError::NoteTooLong);
    }
    let note = Note { at, by: by.name().to_owned(), text };
    Ok((!note.text.is_empty()).then_some(note))
}

fn disposed(told: &Told, note: Option<Note>) -> Stimulus {
    let Told { by, outcome, happened_at, is_status, .. } = told.clone();
    Stimulus::Disposed { by, outcome, note, happened_at, is_status }
}

/// Whether an outcome of a person's says nothing without words.
fn needs_note(by: &Party, outcome: &Outcome) -> bool {
    by.sells() && matches!(outcome, Outcome::TurnedBack(request) if request.reason == TurnbackReason::Other)
}

/// Whether the lead is theirs, and it can be so.
fn may_do(
    catalog: &Catalog,
    by: &Party,
    lead: &LeadId,
    stored: Option<&Stored>,
    stimulus: &Stimulus,
    now: Timestamp,
) -> Result<(), DisposeError> {
    let stored = theirs(catalog, by, lead, stored)?;
    let Stimulus::Disposed { outcome, happened_at, .. } = stimulus else { return Ok(()) };
    let view = View { lead: Some(&stored.lead), profile: Some(&stored.profile), catalog, loads: None };
    if is_overtaken(view.lead, outcome, *happened_at) {
        return Err(DisposeError::Late);
    }
    refusal(&view, by, outcome, now).map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// A lead, for somebody who may see it. That somebody asks for another is put on record (H42).
fn theirs<'s>(
    catalog: &Catalog,
    party: &Party,
    lead: &LeadId,
    stored: Option<&'s Stored>,
) -> Result<&'s Stored, DisposeError> {
    let theirs = stored.filter(|stored| is_theirs(catalog, party, stored));
    if theirs.is_none() && party.sells() {
        info!(lead.id = %lead, desk.party = party.name(), metric = "desk.denied", "a lead was asked for that is not theirs");
    }
    theirs.ok_or(DisposeError::NotTheirs)
}

/// Whether somebody may see a lead. One at the end of its life nobody sees: nothing of it is left to be seen.
pub(crate) fn is_theirs(catalog: &Catalog, party: &Party, stored: &Stored) -> bool {
    let is_theirs = match &stored.lead.owner {
        Some(owner) => sees(catalog, party, owner),
        // Held back as junk: nobody of sales answers for it.
        None => !party.sells(),
    };
    is_theirs && stored.lead.stage.kind() != StageKind::Terminal
}

/// What came of what was decided: that a status stands in a CRM changes nothing by itself.
fn done(events: &[Event]) -> Done {
    if events.iter().all(|event| matches!(event, Event::StatusTold { .. })) { Done::Before } else { Done::Now }
}

fn known_as(known: &IdempotencyRecord, told: &IdempotencyRecord) -> Result<Done, DisposeError> {
    if known.body == told.body { Ok(Done::Before) } else { Err(DisposeError::KeyReused) }
}
