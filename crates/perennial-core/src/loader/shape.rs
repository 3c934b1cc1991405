//! Which keys there are: the one table that the reader, the editors' schema and the reference share.
//!
//! **Invariant:** the reader of a table asks for exactly the keys of its shape, so no key is read that is not here, and
//! none is here that is not read (`Section::finish` holds it to that in every test).

mod catalog;
mod condition;
mod program;
mod roster;

use crate::diagnostic::Code;

pub use self::catalog::*;
pub use self::condition::*;
pub(super) use self::program::STEP_OPEN;
pub use self::program::*;
pub use self::roster::*;

/// The longest period that is not a wait, in days: three years.
pub const PERIOD_DAYS_MAX: u32 = 1_095;

/// The longest answer that a field may ask for, in characters.
pub const FIELD_LENGTH_MAX: u32 = 10_000;

/// The longest question, choice and alert, in characters.
pub const PROMPT_LENGTH_MAX: usize = 200;

/// The fewest and the most choices of a field.
pub const CHOICES: (usize, usize) = (2, 30);

/// The most conditions that stop a program.
pub const STOPS_MAX: usize = 16;

/// The most requalification rules of a program or a reason.
pub const REQUALIFY_MAX: usize = 16;

/// The most answers that are worth something.
pub const FIT_MAX: usize = 50;

/// The most rungs of an SLA ladder.
pub const RUNGS_MAX: usize = 10;

/// The most tags that one step adds or removes.
pub const TAGS_MAX: usize = 16;

/// The most entries of a list that has no limit of its own.
pub const LIST_MAX: usize = 1_000;

/// A table of a file: its keys, and what holds between them.
#[derive(Debug)]
pub struct Shape {
    /// What the reference and the schema call it; no two have the same.
    pub name: &'static str,
    /// How a file opens it, in TOML.
    pub heading: &'static str,
    /// What it is for, in one sentence.
    pub doc: &'static str,
    /// Its keys, in the order in which people would write them. In parts, because steps share some.
    pub parts: &'static [&'static [Key]],
    /// What holds between its keys.
    pub rules: &'static [Rule],
}

/// One key of a table.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What may stand there.
    pub value: Value,
    /// Whether it must be there.
    pub need: Need,
    /// What it is for, in one sentence.
    pub doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// It must, or this is reported.
    Required {
        /// What kind of problem it is.
        code: Code,
        /// What to do.
        remedy: &'static str,
    },
    /// It may be absent, which says nothing.
    Optional,
    /// It may be absent, which says this, in TOML.
    Default(&'static str),
}

/// What holds between the keys of a table.
#[derive(Debug)]
pub enum Rule {
    /// Exactly one of these is there.
    One {
        /// The keys.
        of: &'static [&'static str],
        /// What to do if none is.
        remedy: &'static str,
    },
    /// At most one of these is there.
    AtMostOne(&'static [&'static str]),
    /// At least one of these is there.
    Some {
        /// The keys.
        of: &'static [&'static str],
        /// What to do if none is.
        remedy: &'static str,
    },
    /// The first says nothing without the second.
    With(&'static str, &'static str),
}

/// What may stand at a key.
#[derive(Debug)]
pub enum Value {
    /// A text that is not empty.
    Text,
    /// A list of texts.
    Texts {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words.
    Words(&'static [&'static str]),
    /// One of these words, or a list of them.
    WordOrWords(&'static [&'static str]),
    /// A name.
    Name(Named),
    /// A list of names.
    Names {
        /// Of what.
        of: Named,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A name, or a list of names.
    NameOrNames(Named),
    /// How long a lead waits: at most [`crate::timing::DELAY_DAYS_MAX`] days.
    Wait(Zero),
    /// How long something lasts.
    Period {
        /// At most so many days.
        days_max: u32,
        /// Whether it may be no time at all.
        zero: Zero,
        /// In which units.
        units: Units,
    },
    /// A point in time.
    Moment,
    /// A condition.
    Condition,
    /// A list of conditions.
    Conditions,
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The greatest.
        max: u32,
    },
    /// `true` or `false`.
    Switch,
    /// A time of day, `"08:00"`.
    Time,
    /// A table.
    Table(&'static Shape),
    /// A list of tables.
    Tables {
        /// Of what shape.
        of: &'static Shape,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A list of tables whose shape one of their words decides.
    Variants {
        /// The shapes.
        of: &'static Variants,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A table for each name.
    Map(Named, &'static Shape),
    /// A table for each name, whose shape one of its words decides.
    MapOfVariants(Named, &'static Variants),
    /// A text for each name.
    Facts(Named),
}

/// Whether a length of time may be none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zero {
    /// It may.
    Allowed,
    /// It may not.
    Refused,
}

/// In which units a period is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Minutes, hours, days, weeks or business days.
    Any,
    /// Minutes, hours, days of 24 hours, or weeks.
    Exact,
    /// Days or weeks.
    Days,
}

/// Tables that differ by a word in them.
#[derive(Debug)]
pub struct Variants {
    /// What the reference and the schema call them all.
    pub name: &'static str,
    /// The key of the word.
    pub key: &'static str,
    /// The word that counts where there is none; `None` if there must be one.
    pub default: Option<&'static str>,
    /// The shapes, by their word.
    pub shapes: &'static [(&'static str, &'static Shape)],
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A folder under `programs/`.
    Program,
    /// A step of the same program.
    Step,
    /// An arm of a split.
    Arm,
    /// A form.
    Form,
    /// A queue.
    Queue,
    /// A route.
    Route,
    /// A team of the roster.
    Team,
    /// A rep.
    Rep,
    /// A mail, `touches/<name>.md`.
    Template,
    /// A topic of the catalog.
    Topic,
    /// A tag.
    Tag,
    /// An event on the bus.
    Event,
    /// A profile field of the catalog.
    Field,
    /// A fact about the organisation.
    Fact,
    /// A part of the world.
    Region,
    /// A language.
    Language,
    /// A webhook.
    Webhook,
    /// A CRM.
    Crm,
}

impl Named {
    /// What messages and the reference call it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Step => "step of this program",
            Self::Arm => "arm",
            Self::Form => "form",
            Self::Queue => "queue",
            Self::Route => "route",
            Self::Team => "team",
            Self::Rep => "rep",
            Self::Template => "mail of this program",
            Self::Topic => "topic",
            Self::Tag => "tag",
            Self::Event => "event",
            Self::Field => "declared field",
            Self::Fact => "fact",
            Self::Region => "region",
            Self::Language => "language",
            Self::Webhook => "webhook",
            Self::Crm => "CRM",
        }
    }
}

impl Shape {
    /// Its keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.parts.iter().copied().flatten()
    }

    /// One of its keys, and its place among them.
    pub fn key(&self, name: &str) -> Option<(usize, &'static Key)> {
        self.keys().enumerate().find(|(_, key)| key.name == name)
    }
}

impl Value {
    /// The words that may stand there, where they are few.
    pub const fn words(&self) -> Option<&'static [&'static str]> {
        if let Self::Word(words) | Self::Words(words) | Self::WordOrWords(words) = self { Some(words) } else { None }
    }

    /// The shapes of the tables that may stand there.
    pub fn tables(&self) -> Vec<&'static Shape> {
        match self {
            Self::Table(shape) | Self::Tables { of: shape, .. } | Self::Map(_, shape) => vec![shape],
            Self::Variants { of, .. } | Self::MapOfVariants(_, of) => {
                of.shapes.iter().map(|(_, shape)| *shape).collect()
            }
            Self::Condition | Self::Conditions => CONDITIONS.to_vec(),
            Self::Text
            | Self::Texts { .. }
            | Self::Word(_)
            | Self::Words(_)
            | Self::WordOrWords(_)
            | Self::Name(_)
            | Self::Names { .. }
            | Self::NameOrNames(_)
            | Self::Wait(_)
            | Self::Period { .. }
            | Self::Moment
            | Self::Number { .. }
            | Self::Switch
            | Self::Time
            | Self::Facts(_) => Vec::new(),
        }
    }
}

impl Variants {
    /// The shape of a word.
    pub fn shape(&self, word: &str) -> Option<&'static Shape> {
        self.shapes.iter().find(|(known, _)| *known == word).map(|(_, shape)| *shape)
    }
}

/// A key that must be there.
const fn required(name: &'static str, value: Value, remedy: &'static str, doc: &'static str) -> Key {
    Key { name, value, need: Need::Required { code: Code::KeyMissing, remedy }, doc }
}

/// A key that may be absent.
const fn optional(name: &'static str, value: Value, doc: &'static str) -> Key {
    Key { name, value, need: Need::Optional, doc }
}

/// A key that may be absent and then says something.
const fn default(name: &'static str, value: Value, default: &'static str, doc: &'static str) -> Key {
    Key { name, value, need: Need::Default(default), doc }
}

/// Business time of a sales team, and the like.
const PERIOD: Value = Value::Period { days_max: PERIOD_DAYS_MAX, zero: Zero::Refused, units: Units::Any };
const PERIOD_OR_NONE: Value = Value::Period { days_max: PERIOD_DAYS_MAX, zero: Zero::Allowed, units: Units::Any };
const PERIOD_EXACT: Value = Value::Period { days_max: PERIOD_DAYS_MAX, zero: Zero::Refused, units: Units::Exact };
const PERIOD_DAYS: Value = Value::Period { days_max: PERIOD_DAYS_MAX, zero: Zero::Refused, units: Units::Days };

/// Every shape: of `program.toml`, of conditions, of the head of a mail, of `broadcast.toml`, of `catalog.toml`, and of
/// `reps.toml`.
pub static SHAPES: &[&Shape] = &[
    &PROGRAM,
    &GOAL,
    &STOP,
    &HURRY,
    &QUIET,
    &REQUALIFY,
    &STEP_EMAIL,
    &STEP_ASK,
    &STEP_CALL,
    &STEP_PERSONAL_MAIL,
    &STEP_WAIT,
    &STEP_WAIT_UNTIL,
    &STEP_BRANCH,
    &CASE,
    &STEP_SPLIT,
    &ARM,
    &STEP_ALERT,
    &STEP_SET,
    &STEP_EMIT,
    &STEP_RECUR,
    &STEP_GOAL,
    &STEP_EXIT,
    &STEP_GOTO,
    &CONDITION_FIELD,
    &CONDITION_TOPIC,
    &CONDITION_TAG,
    &CONDITION_STAGE,
    &CONDITION_SIGNAL,
    &CONDITION_ALL,
    &CONDITION_ANY,
    &CONDITION_NOT,
    &FRONT_MATTER,
    &BROADCAST,
    &CATALOG,
    &ORGANISATION,
    &SENDER,
    &WINDOW,
    &CAP,
    &FIELD_TEXT,
    &FIELD_CHOICE,
    &FIELD_DATE,
    &TOPIC,
    &REPLIES,
    &INBOUND,
    &CONSENT,
    &RETENTION,
    &REGION,
    &OPT_IN,
    &LANGUAGE,
    &FIELD_WORDS,
    &OPT_IN_WORDS,
    &FORM,
    &QUEUE,
    &HOURS,
    &ROUTE,
    &HANDOVER,
    &LIMITS,
    &WEBHOOK,
    &HOLDOUT,
    &GATE,
    &SCORES,
    &WORTH,
    &FIT,
    &SLA,
    &RUNG,
    &STAGE_CLOCK,
    &TURNBACK,
    &POLICY,
    &CRM,
    &CRM_TURNED_BACK,
    &CRM_DISQUALIFIED,
    &BOUNCES,
    &BREAKER,
    &BREAKER_LIMITS,
    &ROSTER,
    &TEAM,
    &REP,
];

/// Every shape, for the reference.
pub fn shapes() -> &'static [&'static Shape] {
    SHAPES
}
