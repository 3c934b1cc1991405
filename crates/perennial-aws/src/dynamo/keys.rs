//! Every key of the table and of its indexes, made from typed values, and read back into them.
//!
//! **Invariant:** no other module spells a key. What is personal never stands in one.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use perennial_app::holdings::Kind;
use perennial_app::ports::{CatalogVersion, DeskOwner, DeskPlace, PULSE_SHARDS, QUEUE_SHARDS};
use perennial_app::publish::EventId;
use perennial_core::actor::Target;
use perennial_core::ids::{LeadId, ProgramName, QueueName, RepName, SenderDomain, SubmissionId, TouchId, WebhookName};
use perennial_core::lead::Lead;
use perennial_core::program::ProgramVersion;

/// The table's partition key.
pub(crate) const PARTITION: &str = "PK";
/// The table's sort key.
pub(crate) const SORT: &str = "SK";
/// The index of pulses, keys only.
pub(crate) const PULSE_INDEX: &str = "pulse";
/// Its partition key.
pub(crate) const SHARD: &str = "shard";
/// Its sort key.
pub(crate) const PULSE: &str = "pulse";
/// The index of desks, keys only.
pub(crate) const DESK_INDEX: &str = "desk";
/// Its partition key.
pub(crate) const OWNER: &str = "owner";
/// Its sort key.
pub(crate) const DESK: &str = "desk";

/// All indexes of the table.
pub(crate) const INDEXES: [&str; 2] = [PULSE_INDEX, DESK_INDEX];

/// The partition of the outbox.
pub(crate) const OUTBOX: &str = "OUTBOX";
/// How the sort key of each history row begins.
pub(crate) const HISTORY: &str = "H#";

const LEAD: &str = "LEAD#";
const STATE: &str = "STATE";
const PROFILE: &str = "PROFILE";
const SUBMISSION: &str = "S#";
const ENGAGEMENT: &str = "E#";
const IDEMPOTENCY: &str = "IDEM#";
const EFFECT: &str = "EFFECT#";
const IMPORT: &str = "IMPORT#";
const CONTROL: &str = "CONTROL";
const RELEASE: &str = "RELEASE";
const ROSTER: &str = "ROSTER";
const PAUSE: &str = "PAUSE";
const RETENTION: &str = "RETENTION";
const PROGRAM: &str = "PROGRAM#";
const CATALOG: &str = "CATALOG";
const VERSION: &str = "V#";
const SENDER: &str = "SENDER#";
const DAY: &str = "D#";
const SWITCH: &str = "S#SWITCH";
const BRAKE: &str = "S#BRAKE";
const CHORE: &str = "CHORE#";
const RATE: &str = "RATE#";
const ONCE: &str = "ONCE#";
const BLOCK: &str = "BLOCK#";
const HOOK: &str = "HOOK#";
const REP: &str = "REP#";
const QUEUE: &str = "QUEUE#";
const NEWS: &str = "NEWS#";
/// The partition of what could not be told.
pub(crate) const UNTOLD: &str = "UNTOLD";

/// How the sort key of a lead begins for which nobody must act: after every time.
const NEVER: &str = "9";

/// The primary key of one item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The partition key.
    pub(crate) partition: String,
    /// The sort key.
    pub(crate) sort: String,
}

impl Key {
    fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }

    pub(crate) fn state(lead: &LeadId) -> Self {
        Self::new(lead_partition(lead), STATE)
    }

    pub(crate) fn profile(lead: &LeadId) -> Self {
        Self::new(lead_partition(lead), PROFILE)
    }

    /// Ten digits, so that the order of the text is the order of the numbers.
    pub(crate) fn history(lead: &LeadId, seq: u64) -> Self {
        Self::new(lead_partition(lead), format!("{HISTORY}{seq:010}"))
    }

    pub(crate) fn submission(lead: &LeadId, submission: &SubmissionId) -> Self {
        Self::new(lead_partition(lead), format!("{SUBMISSION}{submission}"))
    }

    pub(crate) fn engagement(lead: &LeadId, touch: &TouchId, kind: &str) -> Self {
        Self::new(lead_partition(lead), format!("{ENGAGEMENT}{touch}#{kind}"))
    }

    /// The hits of one link of a mail.
    pub(crate) fn hits(lead: &LeadId, touch: &TouchId, target: Target) -> Self {
        let link = match target {
            Target::Link(number) => number.to_string(),
            Target::Trap => "trap".to_owned(),
        };
        Self::new(lead_partition(lead), format!("{}{link}", hits_of(touch)))
    }

    pub(crate) fn idempotency(key: &str) -> Self {
        Self::new(format!("{IDEMPOTENCY}{key}"), "IDEM")
    }

    pub(crate) fn effect(id: &str) -> Self {
        Self::new(format!("{EFFECT}{id}"), "EFFECT")
    }

    /// By event, so that what goes to one webhook is spread over the table.
    pub(crate) fn delivery(webhook: &WebhookName, event: &EventId) -> Self {
        Self::new(format!("{HOOK}{event}"), webhook.as_str())
    }

    pub(crate) fn endpoint(webhook: &WebhookName) -> Self {
        Self::new(CONTROL, format!("{HOOK}{webhook}"))
    }

    /// In the order of time, for one reader.
    pub(crate) fn news(reader: &DeskOwner, at: Timestamp, event: &EventId) -> Self {
        Self::new(news_partition(reader), format!("{}#{event}", whole_second(at, RoundMode::Floor)))
    }

    /// By when it is due: rounded up, or it would be found too early.
    pub(crate) fn untold(due: Timestamp, event: &EventId) -> Self {
        Self::new(UNTOLD, format!("{}#{event}", whole_second(due, RoundMode::Ceil)))
    }

    pub(crate) fn pause() -> Self {
        Self::new(CONTROL, PAUSE)
    }

    pub(crate) fn import(id: &str) -> Self {
        Self::new(format!("{IMPORT}{id}"), "RUN")
    }

    pub(crate) fn bucket(key: &str, minute: Timestamp) -> Self {
        Self::new(format!("{RATE}{key}"), whole_second(minute, RoundMode::Floor).to_string())
    }

    pub(crate) fn once(key: &str) -> Self {
        Self::new(format!("{ONCE}{key}"), "ONCE")
    }

    pub(crate) fn block(key: &str) -> Self {
        Self::new(format!("{BLOCK}{key}"), "BLOCK")
    }

    pub(crate) fn release() -> Self {
        Self::new(CONTROL, RELEASE)
    }

    pub(crate) fn roster() -> Self {
        Self::new(CONTROL, ROSTER)
    }

    pub(crate) fn retention() -> Self {
        Self::new(CONTROL, RETENTION)
    }

    pub(crate) fn chore(name: &str) -> Self {
        Self::new(CONTROL, format!("{CHORE}{name}"))
    }

    /// A year, a month and a day of two digits each: the order of the text is that of time. What else is kept of a
    /// sender sorts after its days, so one query reads the days from one on, and all of it.
    pub(crate) fn sender_day(sender: &SenderDomain, day: Date) -> Self {
        Self::new(sender_partition(sender), format!("{DAY}{day}"))
    }

    pub(crate) fn sender_switch(sender: &SenderDomain) -> Self {
        Self::new(sender_partition(sender), SWITCH)
    }

    pub(crate) fn sender_brake(sender: &SenderDomain) -> Self {
        Self::new(sender_partition(sender), BRAKE)
    }

    /// What of a sender an item is.
    pub(crate) fn as_of_sender(&self) -> Option<OfSender> {
        match self.sort.as_str() {
            SWITCH => Some(OfSender::Switch),
            BRAKE => Some(OfSender::Brake),
            sort => sort.strip_prefix(DAY)?.parse().ok().map(OfSender::Day),
        }
    }

    pub(crate) fn program_file(name: &ProgramName, version: &ProgramVersion, path: &str) -> Self {
        Self::new(program_partition(name), format!("{}{path}", program_files(version)))
    }

    pub(crate) fn catalog(version: &CatalogVersion) -> Self {
        Self::new(CATALOG, format!("{VERSION}{}", version.0))
    }

    /// In the order of time, so that nobody waits behind those who come later.
    pub(crate) fn outbox(at: Timestamp, lead: &LeadId, seq: u64) -> Self {
        Self::new(OUTBOX, format!("{}#{lead}#{seq:010}", whole_second(at, RoundMode::Floor)))
    }

    /// The history row that a row of the outbox stands for.
    pub(crate) fn of_outbox(sort: &str) -> Option<Self> {
        let mut parts = sort.splitn(3, '#').skip(1);
        let lead = LeadId::parse(parts.next()?).ok()?;
        Some(Self::history(&lead, parts.next()?.parse().ok()?))
    }

    /// The key of an item, if it has one.
    pub(crate) fn of_item(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        Some(Self { partition: text(PARTITION)?, sort: text(SORT)? })
    }

    /// The key as attributes.
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PARTITION.to_owned(), AttributeValue::S(self.partition.clone())),
            (SORT.to_owned(), AttributeValue::S(self.sort.clone())),
        ])
    }

    /// What the item is; `None` if this build does not know it.
    pub(crate) fn kind(&self) -> Option<Kind> {
        if self.partition.starts_with(LEAD) {
            return match self.sort.as_str() {
                STATE => Some(Kind::State),
                PROFILE => Some(Kind::Profile),
                sort if sort.starts_with(HISTORY) => Some(Kind::History),
                sort if sort.starts_with(SUBMISSION) => Some(Kind::Submission),
                sort if sort.starts_with(ENGAGEMENT) => Some(Kind::Engagement),
                _ => None,
            };
        }
        match (self.partition.as_str(), self.sort.as_str()) {
            (OUTBOX, _) => Some(Kind::Outbox),
            (UNTOLD, _) => Some(Kind::Untold),
            (CATALOG, _) => Some(Kind::CatalogFile),
            (CONTROL, RELEASE) => Some(Kind::Release),
            (CONTROL, ROSTER) => Some(Kind::Roster),
            (CONTROL, PAUSE) => Some(Kind::Pause),
            (CONTROL, RETENTION) => Some(Kind::Retention),
            (CONTROL, sort) if sort.starts_with(CHORE) => Some(Kind::Chore),
            (CONTROL, sort) if sort.starts_with(HOOK) => Some(Kind::Endpoint),
            (partition, _) if partition.starts_with(HOOK) => Some(Kind::Delivery),
            (partition, _) if partition.starts_with(SENDER) => Some(Kind::Sender),
            (partition, _) if partition.starts_with(EFFECT) => Some(Kind::Effect),
            (partition, _) if partition.starts_with(NEWS) => Some(Kind::News),
            (partition, _) if partition.starts_with(RATE) => Some(Kind::Bucket),
            (partition, _) if partition.starts_with(ONCE) => Some(Kind::Once),
            (partition, _) if partition.starts_with(BLOCK) => Some(Kind::Block),
            (partition, _) if partition.starts_with(IDEMPOTENCY) => Some(Kind::Idempotency),
            (partition, _) if partition.starts_with(IMPORT) => Some(Kind::Import),
            (partition, _) if partition.starts_with(PROGRAM) => Some(Kind::ProgramFile),
            _ => None,
        }
    }

    /// The lead that an item is of.
    pub(crate) fn as_lead(&self) -> Option<LeadId> {
        LeadId::parse(self.partition.strip_prefix(LEAD)?).ok()
    }

    /// The lead and the id of a submission.
    pub(crate) fn as_submission(&self) -> Option<(LeadId, SubmissionId)> {
        Some((self.as_lead()?, SubmissionId::parse(self.sort.strip_prefix(SUBMISSION)?).ok()?))
    }

    /// The lead, the touch, and what happened to it.
    pub(crate) fn as_engagement(&self) -> Option<(LeadId, TouchId, &str)> {
        let (touch, kind) = self.sort.strip_prefix(ENGAGEMENT)?.split_once('#')?;
        Some((self.as_lead()?, TouchId::parse(touch).ok()?, kind))
    }

    /// The lead and the number of a history row.
    pub(crate) fn as_history(&self) -> Option<(LeadId, u64)> {
        let lead = self.as_lead()?;
        Some((lead, self.sort.strip_prefix(HISTORY)?.parse().ok()?))
    }

    /// The webhook and the event of a delivery.
    pub(crate) fn as_delivery(&self) -> Option<(WebhookName, EventId)> {
        let event = self.partition.strip_prefix(HOOK)?.parse().ok()?;
        Some((WebhookName::parse(&self.sort).ok()?, event))
    }

    /// Whose news it is, and the event.
    pub(crate) fn as_news(&self) -> Option<(DeskOwner, EventId)> {
        let reader = self.partition.strip_prefix(NEWS)?;
        let reader = match (reader.strip_prefix(REP), reader.strip_prefix(QUEUE)) {
            (Some(rep), _) => DeskOwner::Rep(RepName::parse(rep).ok()?),
            (None, queue) => DeskOwner::Queue(QueueName::parse(queue?).ok()?),
        };
        let (_, event) = self.sort.split_once('#')?;
        Some((reader, event.parse().ok()?))
    }

    /// The event that somebody was not told of.
    pub(crate) fn as_untold(&self) -> Option<EventId> {
        let (_, event) = self.sort.split_once('#').filter(|_| self.partition == UNTOLD)?;
        event.parse().ok()
    }

    /// The id of an import.
    pub(crate) fn as_import(&self) -> Option<&str> {
        self.partition.strip_prefix(IMPORT)
    }

    /// The path of a program's file.
    pub(crate) fn as_program_file(&self) -> Option<&str> {
        self.partition.strip_prefix(PROGRAM)?;
        self.sort.strip_prefix(VERSION)?.split_once('#').map(|(_, path)| path)
    }

    /// The id of an idempotency record.
    pub(crate) fn as_idempotency(&self) -> Option<&str> {
        self.partition.strip_prefix(IDEMPOTENCY)
    }

    /// The key as one text without blanks in its parts, for a cursor.
    pub(crate) fn to_cursor(&self) -> String {
        format!("{} {}", self.partition, self.sort)
    }

    /// Reads [`Key::to_cursor`] back.
    pub(crate) fn of_cursor(text: &str) -> Option<Self> {
        text.split_once(' ').map(|(partition, sort)| Self::new(partition, sort))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.sort)
    }
}

/// What is kept of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfSender {
    /// What became of its mails on a day.
    Day(Date),
    /// What an operator said.
    Switch,
    /// How much of its mail is held.
    Brake,
}

pub(crate) fn sender_partition(sender: &SenderDomain) -> String {
    format!("{SENDER}{sender}")
}

/// The news of one reader.
pub(crate) fn news_partition(reader: &DeskOwner) -> String {
    match reader {
        DeskOwner::Rep(rep) => format!("{NEWS}{REP}{rep}"),
        DeskOwner::Queue(queue) => format!("{NEWS}{QUEUE}{queue}"),
    }
}

/// A sort key after all that is due by then, and before what is due later.
pub(crate) fn untold_by(now: Timestamp) -> String {
    // The character after `#`.
    format!("{}$", whole_second(now, RoundMode::Floor))
}

pub(crate) fn lead_partition(lead: &LeadId) -> String {
    format!("{LEAD}{lead}")
}

/// How the sort key of the hits of each link of a mail begins.
pub(crate) fn hits_of(touch: &TouchId) -> String {
    format!("{ENGAGEMENT}{touch}#clicked#")
}

pub(crate) fn program_partition(name: &ProgramName) -> String {
    format!("{PROGRAM}{name}")
}

/// How the sort key of each file of a version begins.
pub(crate) fn program_files(version: &ProgramVersion) -> String {
    format!("{VERSION}{}#", version.0)
}

/// A shard of the index, in two digits.
pub(crate) fn shard(number: u8) -> String {
    format!("{number:02}")
}

/// A place in the index: when, then who. Its text sorts by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pulse {
    pub(crate) at: Timestamp,
    pub(crate) lead: LeadId,
}

impl Pulse {
    /// Where a lead stands in the index, if it has a pulse.
    ///
    /// The next whole second: rounded down, a lead would be found due that is not, over and over.
    pub(crate) fn of(lead: &Lead) -> Option<Self> {
        let at = whole_second(lead.next_action_at()?, RoundMode::Ceil);
        Some(Self { at, lead: lead.id.clone() })
    }

    /// The text after every place in the index up to a time.
    pub(crate) fn end_of(until: Timestamp) -> String {
        // '$' is the character after '#'.
        format!("{}$", whole_second(until, RoundMode::Floor))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (at, lead) = text.split_once('#')?;
        Some(Self { at: at.parse().ok()?, lead: LeadId::parse(lead).ok()? })
    }

    /// The keys of this place, in the table and in the index.
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        let mut attributes = Key::state(&self.lead).attributes();
        attributes.insert(SHARD.to_owned(), AttributeValue::S(self.shard()));
        attributes.insert(PULSE.to_owned(), AttributeValue::S(self.to_string()));
        attributes
    }

    /// The shard this lead lives in.
    pub(crate) fn shard(&self) -> String {
        shard(self.lead.shard(PULSE_SHARDS))
    }
}

impl fmt::Display for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.at, self.lead)
    }
}

/// A place in the index of desks: by when somebody must act, then who. Its text sorts by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Desk {
    pub(crate) place: DeskPlace,
    pub(crate) lead: LeadId,
}

/// Which leads of an owner are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDesk {
    /// Those for which somebody must act.
    Waiting,
    /// All that have a place.
    All,
}

impl Desk {
    /// Where a lead stands in the index, if it has a place.
    pub(crate) fn of(lead: &Lead) -> Option<Self> {
        Some(Self { place: DeskPlace::of(lead)?, lead: lead.id.clone() })
    }

    /// The partition that this lead lives in.
    pub(crate) fn partition(&self) -> String {
        match &self.place.owner {
            DeskOwner::Rep(rep) => rep_partition(rep),
            DeskOwner::Queue(queue) => queue_partition(queue, self.lead.shard(QUEUE_SHARDS)),
        }
    }

    /// All partitions of an owner.
    pub(crate) fn partitions(owner: &DeskOwner) -> Vec<String> {
        match owner {
            DeskOwner::Rep(rep) => vec![rep_partition(rep)],
            DeskOwner::Queue(queue) => (0..QUEUE_SHARDS).map(|shard| queue_partition(queue, shard)).collect(),
        }
    }

    /// The text that every place after `last` is at least; before all, where there is none.
    pub(crate) fn start_after(last: Option<&str>) -> String {
        // '$' is the character after '#'; no text of a place goes on after an id.
        last.map_or_else(|| "0".to_owned(), |last| format!("{last}$"))
    }

    /// The text that every place of these leads is at most.
    pub(crate) fn end_of(which: OnDesk) -> String {
        match which {
            OnDesk::Waiting => NEVER.to_owned(),
            OnDesk::All => format!("{NEVER}$"),
        }
    }

    pub(crate) fn parse(owner: &str, desk: &str) -> Option<Self> {
        let owner = if let Some(rep) = owner.strip_prefix(REP) {
            DeskOwner::Rep(RepName::parse(rep).ok()?)
        } else {
            let (queue, _) = owner.strip_prefix(QUEUE)?.split_once('#')?;
            DeskOwner::Queue(QueueName::parse(queue).ok()?)
        };
        let (deadline, lead) = Self::parse_sort(desk)?;
        Some(Self { place: DeskPlace { owner, deadline }, lead })
    }

    /// By when somebody must act, and who it is.
    pub(crate) fn parse_sort(desk: &str) -> Option<(Option<Timestamp>, LeadId)> {
        let (deadline, lead) = desk.split_once('#')?;
        let deadline = if deadline == NEVER { None } else { Some(deadline.parse().ok()?) };
        Some((deadline, LeadId::parse(lead).ok()?))
    }
}

impl fmt::Display for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.deadline {
            Some(deadline) => write!(f, "{deadline}#{}", self.lead),
            None => write!(f, "{NEVER}#{}", self.lead),
        }
    }
}

fn rep_partition(rep: &RepName) -> String {
    format!("{REP}{rep}")
}

fn queue_partition(queue: &QueueName, shard: u8) -> String {
    format!("{QUEUE}{queue}#{shard}")
}

/// Where a delivery stands in the index, if it is not there yet: one partition for each webhook and standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookPlace {
    pub(crate) webhook: WebhookName,
    pub(crate) shelf: Shelf,
    /// When it is due; of a parked one, when its event happened.
    pub(crate) at: Timestamp,
    pub(crate) event: EventId,
}

/// What stands together in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// What waits.
    Waiting,
    /// What was given up.
    Parked,
}

impl HookPlace {
    /// The partition of the index.
    pub(crate) fn shard(webhook: &WebhookName, shelf: Shelf) -> String {
        let shelf = match shelf {
            Shelf::Waiting => "WAITING",
            Shelf::Parked => "PARKED",
        };
        format!("{HOOK}{webhook}#{shelf}")
    }

    /// Where an item stands that the index shows.
    pub(crate) fn parse(webhook: &WebhookName, shelf: Shelf, pulse: &str) -> Option<Self> {
        let (at, event) = pulse.split_once('#')?;
        Some(Self { webhook: webhook.clone(), shelf, at: at.parse().ok()?, event: event.parse().ok()? })
    }

    /// The place in the partition: its text sorts by time.
    pub(crate) fn pulse(&self) -> String {
        format!("{}#{}", millisecond(self.at), self.event)
    }

    /// The keys of this place, in the table and in the index.
    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        let mut attributes = Key::delivery(&self.webhook, &self.event).attributes();
        attributes.insert(SHARD.to_owned(), AttributeValue::S(Self::shard(&self.webhook, self.shelf)));
        attributes.insert(PULSE.to_owned(), AttributeValue::S(self.pulse()));
        attributes
    }

    /// The text before every place from a time on.
    pub(crate) fn start_of(since: Timestamp) -> String {
        millisecond(since)
    }

    /// The text after every place up to a time.
    pub(crate) fn end_of(until: Timestamp) -> String {
        // '$' is the character after '#'.
        format!("{}$", millisecond(until))
    }
}

/// A time in a key, to the millisecond: always of the same width.
fn millisecond(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Every time in a key has the same width.
fn whole_second(at: Timestamp, mode: RoundMode) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(mode)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead() -> LeadId {
        LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap()
    }

    fn hook() -> WebhookName {
        WebhookName::parse("crm").unwrap()
    }

    #[test]
    fn deliveries_of_a_webhook_stand_together_and_sort_by_time() {
        let event: EventId = "abcdefghijklmnopqrstuvwxyz-3-0".parse().unwrap();
        let place = |at: &str| HookPlace {
            webhook: hook(),
            shelf: Shelf::Waiting,
            at: at.parse().unwrap(),
            event: event.clone(),
        };
        let (early, late) = (place("2026-03-02T10:00:00Z"), place("2026-03-02T10:00:00.5Z"));
        assert_eq!(early.pulse(), "2026-03-02T10:00:00.000Z#abcdefghijklmnopqrstuvwxyz-3-0");
        assert_eq!(HookPlace::shard(&hook(), Shelf::Waiting), "HOOK#crm#WAITING");
        assert!(HookPlace::start_of(early.at) < early.pulse() && early.pulse() < HookPlace::end_of(early.at));
        assert!(HookPlace::end_of(early.at) < late.pulse());
        assert_eq!(HookPlace::parse(&hook(), Shelf::Waiting, &late.pulse()), Some(late));
        assert_eq!(Key::delivery(&hook(), &event).to_string(), "HOOK#abcdefghijklmnopqrstuvwxyz-3-0/crm");
    }

    #[test]
    fn history_keys_sort_by_number() {
        assert!(Key::history(&lead(), 9).sort < Key::history(&lead(), 10).sort);
        assert_eq!(Key::history(&lead(), 10).as_history(), Some((lead(), 10)));
    }

    #[test]
    fn pulses_sort_as_text_by_time() {
        let pulse = |text: &str| Pulse { at: text.parse().unwrap(), lead: lead() };
        let early = pulse("2026-03-02T09:59:59Z");
        let late = pulse("2026-03-02T10:00:00Z");
        assert!(early.to_string() < late.to_string());
        assert!(late.to_string() < Pulse::end_of(late.at));
        assert!(Pulse::end_of(early.at) < late.to_string());
        assert_eq!(Pulse::parse(&late.to_string()), Some(late));
    }

    #[test]
    fn desks_sort_as_text_by_deadline_and_those_for_whom_nobody_must_act_come_last() {
        let owner = DeskOwner::Rep(RepName::parse("robin-vale").unwrap());
        let desk = |deadline: Option<&str>| Desk {
            place: DeskPlace { owner: owner.clone(), deadline: deadline.map(|at| at.parse().unwrap()) },
            lead: lead(),
        };
        let (early, late) = (desk(Some("2026-03-02T09:59:59Z")), desk(Some("2026-03-02T10:00:00Z")));
        let never = desk(None);
        assert!(early.to_string() < late.to_string());
        assert!(Desk::start_after(None) < early.to_string());
        assert!(early.to_string() < Desk::start_after(Some(&early.to_string())));
        assert!(Desk::start_after(Some(&early.to_string())) < late.to_string());
        assert!(late.to_string() < Desk::end_of(OnDesk::Waiting));
        assert!(Desk::end_of(OnDesk::Waiting) < never.to_string());
        assert!(never.to_string() < Desk::end_of(OnDesk::All));
        for desk in [early, never] {
            assert_eq!(Desk::parse(&desk.partition(), &desk.to_string()), Some(desk));
        }
    }

    #[test]
    fn a_queue_has_a_partition_for_each_shard_and_its_leads_live_in_one_of_them() {
        let owner = DeskOwner::Queue(QueueName::parse("sdr").unwrap());
        let place = DeskPlace { owner: owner.clone(), deadline: Some("2026-03-02T10:00:00Z".parse().unwrap()) };
        let desk = Desk { place, lead: lead() };
        assert_eq!(Desk::partitions(&owner).len(), usize::from(QUEUE_SHARDS));
        assert!(Desk::partitions(&owner).contains(&desk.partition()));
        assert_eq!(Desk::parse(&desk.partition(), &desk.to_string()), Some(desk));
    }

    #[test]
    fn an_outbox_key_leads_to_its_history_row() {
        let at = "2026-03-02T10:00:00.9Z".parse().unwrap();
        let key = Key::outbox(at, &lead(), 7);
        assert_eq!(key.to_string(), "OUTBOX/2026-03-02T10:00:00Z#abcdefghijklmnopqrstuvwxyz#0000000007");
        assert_eq!(Key::of_outbox(&key.sort), Some(Key::history(&lead(), 7)));
    }

    #[test]
    fn the_files_of_a_version_stand_together_and_know_their_paths() {
        let name = ProgramName::parse("welcome").unwrap();
        let version = ProgramVersion("0123456789ab".to_owned());
        let key = Key::program_file(&name, &version, "welcome/touches/a-mail.md");
        assert_eq!(key.to_string(), "PROGRAM#welcome/V#0123456789ab#welcome/touches/a-mail.md");
        assert_eq!(key.partition, program_partition(&name));
        assert!(key.sort.starts_with(&program_files(&version)));
        assert_eq!(key.as_program_file(), Some("welcome/touches/a-mail.md"));
        assert_eq!(key.kind(), Some(Kind::ProgramFile));
    }

    #[test]
    fn what_is_kept_of_a_sender_sorts_after_its_days() {
        let sender = SenderDomain::parse("perennial.example").unwrap();
        let day = |text: &str| Key::sender_day(&sender, text.parse().unwrap());
        assert_eq!(day("2026-03-02").to_string(), "SENDER#perennial.example/D#2026-03-02");
        assert!(day("2026-03-02").sort < day("2026-11-01").sort);
        assert!(day("9999-12-31").sort < Key::sender_brake(&sender).sort);
        assert!(day("9999-12-31").sort < Key::sender_switch(&sender).sort);
        assert_eq!(day("2026-03-02").as_of_sender(), Some(OfSender::Day("2026-03-02".parse().unwrap())));
    }

    #[test]
    fn the_news_of_a_reader_stands_in_the_order_of_time_and_says_whose_it_is() {
        let (rep, event) = (DeskOwner::Rep(RepName::parse("kim").unwrap()), EventId { lead: lead(), seq: 3, place: 1 });
        let key = |at: &str| Key::news(&rep, at.parse().unwrap(), &event);
        let early = key("2026-03-02T09:59:59.5Z");
        assert_eq!(early.to_string(), "NEWS#REP#kim/2026-03-02T09:59:59Z#abcdefghijklmnopqrstuvwxyz-3-1");
        assert!(early.sort < key("2026-03-02T10:00:00Z").sort);
        assert_eq!(early.as_news(), Some((rep.clone(), event.clone())));
    }

    #[test]
    fn what_was_not_told_stands_by_when_it_is_due_and_is_met_no_sooner() {
        let event = EventId { lead: lead(), seq: 3, place: 1 };
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let key = Key::untold(at("2026-03-02T09:59:59.5Z"), &event);
        assert_eq!(key.to_string(), "UNTOLD/2026-03-02T10:00:00Z#abcdefghijklmnopqrstuvwxyz-3-1");
        assert!(key.sort > untold_by(at("2026-03-02T09:59:59.9Z")) && key.sort < untold_by(at("2026-03-02T10:00:00Z")));
        assert_eq!(key.as_untold(), Some(event));
    }

    #[test]
    fn a_cursor_leads_back_to_its_key() {
        let key = Key::engagement(&lead(), &TouchId::parse("1_welcome_response_0").unwrap(), "delivered");
        assert_eq!(Key::of_cursor(&key.to_cursor()), Some(key));
    }

    /// What an item is, for each way to make a key.
    fn every_key() -> Vec<(&'static str, Key, Kind)> {
        let program = ProgramName::parse("welcome").unwrap();
        let version = ProgramVersion("0123456789ab".to_owned());
        let touch = TouchId::parse("1_welcome_response_0").unwrap();
        let submission = SubmissionId::parse("abcdefghijklmnopqrstuvwxyz").unwrap();
        let sender = SenderDomain::parse("perennial.example").unwrap();
        vec![
            ("roster", Key::roster(), Kind::Roster),
            ("state", Key::state(&lead()), Kind::State),
            ("profile", Key::profile(&lead()), Kind::Profile),
            ("history", Key::history(&lead(), 1), Kind::History),
            ("submission", Key::submission(&lead(), &submission), Kind::Submission),
            ("engagement", Key::engagement(&lead(), &touch, "delivered"), Kind::Engagement),
            ("idempotency", Key::idempotency("hash"), Kind::Idempotency),
            ("pause", Key::pause(), Kind::Pause),
            ("import", Key::import("hash"), Kind::Import),
            ("release", Key::release(), Kind::Release),
            ("retention", Key::retention(), Kind::Retention),
            ("hits", Key::hits(&lead(), &touch, Target::Link(3)), Kind::Engagement),
            ("effect", Key::effect("id"), Kind::Effect),
            ("delivery", Key::delivery(&hook(), &EventId { lead: lead(), seq: 3, place: 0 }), Kind::Delivery),
            ("endpoint", Key::endpoint(&hook()), Kind::Endpoint),
            (
                "news",
                Key::news(
                    &DeskOwner::Queue(QueueName::parse("sdr").unwrap()),
                    Timestamp::UNIX_EPOCH,
                    &EventId { lead: lead(), seq: 3, place: 0 },
                ),
                Kind::News,
            ),
            ("untold", Key::untold(Timestamp::UNIX_EPOCH, &EventId { lead: lead(), seq: 3, place: 0 }), Kind::Untold),
            ("bucket", Key::bucket("N#hash", Timestamp::UNIX_EPOCH), Kind::Bucket),
            ("once", Key::once("hash"), Kind::Once),
            ("block", Key::block("hash"), Kind::Block),
            ("chore", Key::chore("retain"), Kind::Chore),
            ("sender_day", Key::sender_day(&sender, "2026-03-02".parse().unwrap()), Kind::Sender),
            ("sender_switch", Key::sender_switch(&sender), Kind::Sender),
            ("sender_brake", Key::sender_brake(&sender), Kind::Sender),
            ("program_file", Key::program_file(&program, &version, "welcome/program.toml"), Kind::ProgramFile),
            ("catalog", Key::catalog(&CatalogVersion("0123456789ab".to_owned())), Kind::CatalogFile),
            ("outbox", Key::outbox(Timestamp::UNIX_EPOCH, &lead(), 1), Kind::Outbox),
        ]
    }

    #[test]
    fn every_item_that_can_be_stored_is_in_the_list_of_what_is_kept() {
        // Whoever adds a key says here what it is, and `Kind::erasure` says what becomes of it with its person.
        let made: Vec<&str> = include_str!("keys.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub(crate) fn ")?.strip_suffix(" -> Self {")?.split_once('('))
            .map(|(name, _)| name)
            .filter(|name| !["of"].contains(name))
            .collect();
        let named: Vec<&str> = every_key().iter().map(|(name, _, _)| *name).collect();
        let missing: Vec<&&str> = made.iter().filter(|name| !named.contains(name)).collect();
        assert!(missing.is_empty(), "keys of no kind: {missing:?}");
        for (name, key, kind) in every_key() {
            assert_eq!(key.kind(), Some(kind), "{name}");
        }
        assert_eq!(Key::new(lead_partition(&lead()), "X#1").kind(), None);
    }
}
