//! Conditions: what a program may ask about a lead.
//!
//! **Invariant:** a condition is a closed structure, never a text that is run: so it can be typed, printed,
//! and proven to hold for somebody or nobody ([`crate::loader`]).

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{FieldName, TagName, TopicName};
use crate::lead::{Lead, LifecycleStage};
use crate::profile::Profile;

/// How deep conditions may be nested.
pub const DEPTH_MAX: usize = 8;

/// The most questions in one condition.
pub const ATOMS_MAX: usize = 64;

/// Something that may hold for a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these hold; none is always true.
    All(Vec<Self>),
    /// One of these holds; none is never true.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// The answer to a profile field is known.
    Known(FieldName),
    /// The answer to a profile field is one of these, regardless of case and surrounding space.
    Answer {
        /// The field.
        field: FieldName,
        /// The answers.
        one_of: BTreeSet<String>,
    },
    /// The topic the lead showed interest in last is one of these.
    Topic(BTreeSet<TopicName>),
    /// The lead carries this tag.
    Tag(TagName),
    /// The lead is in one of these stages.
    Stage(BTreeSet<LifecycleStage>),
    /// The person gave one of these signs.
    Signal {
        /// Which.
        kinds: BTreeSet<SignalKind>,
        /// How long ago at most; if absent, since the lead entered the program.
        within: Option<SignedDuration>,
    },
}

/// A sign of a person. Machine engagement is never one (I11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// They answered a mail.
    Replied,
    /// They followed a link.
    Clicked,
    /// They sent a form.
    FormSubmitted,
    /// They asked to be spoken to.
    HandRaised,
    /// They answered a question.
    Answered,
    /// They booked a meeting.
    MeetingBooked,
    /// They came to a webinar.
    WebinarAttended,
    /// They looked at a page.
    PageVisited,
    /// They looked at prices.
    PricingVisited,
    /// They spoke with somebody of ours.
    Connected,
}

impl SignalKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Replied,
        Self::Clicked,
        Self::FormSubmitted,
        Self::HandRaised,
        Self::Answered,
        Self::MeetingBooked,
        Self::WebinarAttended,
        Self::PageVisited,
        Self::PricingVisited,
        Self::Connected,
    ];

    /// Its name in program files, history and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replied => "replied",
            Self::Clicked => "clicked",
            Self::FormSubmitted => "form_submitted",
            Self::HandRaised => "hand_raised",
            Self::Answered => "answered",
            Self::MeetingBooked => "meeting_booked",
            Self::WebinarAttended => "webinar_attended",
            Self::PageVisited => "page_visited",
            Self::PricingVisited => "pricing_visited",
            Self::Connected => "connected",
        }
    }
}

/// What conditions are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// What it told us; `None` while it is being received.
    pub profile: Option<&'a Profile>,
    /// When.
    pub now: Timestamp,
    /// Since when signals count that name no `within`: since the lead entered the program. `None` is ever.
    pub since: Option<Timestamp>,
}

impl Condition {
    /// Whether it holds.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Known(field) => facts.answer(field).is_some(),
            Self::Answer { field, one_of } => {
                facts.answer(field).is_some_and(|answer| one_of.iter().any(|wanted| same_answer(answer, wanted)))
            }
            Self::Topic(topics) => facts.lead.topic.as_ref().is_some_and(|topic| topics.contains(topic)),
            Self::Tag(tag) => facts.lead.tags.contains(tag),
            Self::Stage(stages) => stages.contains(&facts.lead.stage),
            Self::Signal { kinds, within } => kinds.iter().any(|kind| facts.gave(*kind, *within)),
        }
    }
}

impl Facts<'_> {
    fn answer(&self, field: &FieldName) -> Option<&str> {
        let answer = self.profile?.fields.get(field)?.trim();
        (!answer.is_empty()).then_some(answer)
    }

    fn gave(&self, kind: SignalKind, within: Option<SignedDuration>) -> bool {
        let Some(last) = self.lead.signals.get(&kind) else { return false };
        match within {
            Some(within) => self.now.duration_since(*last) <= within,
            None => self.since.is_none_or(|since| *last > since),
        }
    }
}

/// Whether two answers are the same to a person.
pub(crate) fn same_answer(a: &str, b: &str) -> bool {
    let folded = |text: &str| text.trim().to_lowercase();
    folded(a) == folded(b)
}

impl fmt::Display for Condition {
    /// As one would say it: `industry is “Software” and clicked within 30d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(f, parts, " and ", "always"),
            Self::Any(parts) => joined(f, parts, " or ", "never"),
            Self::Not(part) => {
                if let Self::Known(field) = part.as_ref() {
                    write!(f, "{field} is not known")
                } else {
                    write!(f, "not ({part})")
                }
            }
            Self::Known(field) => write!(f, "{field} is known"),
            Self::Answer { field, one_of } => {
                // A person's own words may read on like ours: `role is I run a team`.
                let answers = one_of.iter().map(|answer| format!("“{answer}”"));
                write!(f, "{field} is {}", listed(answers))
            }
            Self::Topic(topics) => write!(f, "topic is {}", listed(topics)),
            Self::Tag(tag) => write!(f, "tagged {tag}"),
            Self::Stage(stages) => write!(f, "stage is {}", listed(stages.iter().map(|stage| stage.as_str()))),
            Self::Signal { kinds, within } => {
                f.write_str(&listed(kinds.iter().map(|kind| kind.as_str())))?;
                match within {
                    Some(within) if within.as_hours() % 24 == 0 => write!(f, " within {}d", within.as_hours() / 24),
                    Some(within) => write!(f, " within {}m", within.as_mins()),
                    None => Ok(()),
                }
            }
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Condition], between: &str, none: &str) -> fmt::Result {
    let text: Vec<String> = parts
        .iter()
        .map(|part| {
            let is_group = matches!(part, Condition::All(_) | Condition::Any(_));
            if is_group && parts.len() > 1 { format!("({part})") } else { part.to_string() }
        })
        .collect();
    f.write_str(if text.is_empty() { none.to_owned() } else { text.join(between) }.as_str())
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" or ")
}
