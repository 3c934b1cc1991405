//! What a lead keeps of the mails whose links were followed.
//!
//! **Invariant:** a link of a mail counts once. What a sign changed is kept beside it, so that it can be taken back when
//! later hits show that a machine gave it (TRUST.md §4).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::{Hit, Mailing, Target, Verdict, judge};
use crate::condition::SignalKind;
use crate::event::{Event, click_taken_back};
use crate::ids::{TopicName, TouchId};
use crate::lead::Lead;

/// Of how many mails a lead keeps who followed their links; the oldest that is settled is forgotten first. Few: they are
/// read and written with the lead each time.
pub const FOLLOWED_MAX: usize = 4;

/// A mail whose links were followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The mail's touch.
    pub touch: TouchId,
    /// What is known of it.
    pub mailing: Mailing,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicName>,
    /// When its hits are judged; `None` where all of them have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The links that count as followed by a person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<u16>,
    /// The sign that it gave, while it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<GivenSign>,
}

/// What a sign changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenSign {
    /// When it was given.
    pub given_at: Timestamp,
    /// When the lead had followed a link before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked_before: Option<Timestamp>,
    /// The topic before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_before: Option<TopicName>,
    /// The enrolment that it was given in, and how many touches of it had been without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_before: Option<(u32, u32)>,
}

/// What the hits of a mail come to, link by link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// Links that a person followed.
    pub people: BTreeSet<u16>,
    /// Links that only machines followed.
    pub machines: BTreeSet<u16>,
    /// When the next of those can be judged of which nobody can say yet.
    pub until: Option<Timestamp>,
}

impl Judged {
    /// Judges the hits of a mail.
    pub fn of(mail: &Mailing, hits: &[Hit], now: Timestamp) -> Self {
        let mut judged = Self::default();
        let mut open = BTreeSet::new();
        for (hit, verdict) in hits.iter().zip(judge(mail, hits, now)) {
            let Target::Link(link) = hit.target else { continue };
            match verdict {
                Verdict::Human => judged.people.insert(link),
                Verdict::Machine(_) => judged.machines.insert(link),
                Verdict::Undecided { until } => {
                    judged.until = Some(judged.until.map_or(until, |other| other.min(until)));
                    open.insert(link)
                }
            };
        }
        judged.machines.retain(|link| !judged.people.contains(link) && !open.contains(link));
        judged
    }
}

/// What an event of a link changes: nothing but the lead.
pub(crate) fn apply(lead: &mut Lead, event: &Event, at: Timestamp) {
    if let Event::LinkFollowed { touch, mailing, topic, until } = event {
        followed(lead, touch, *mailing, topic.as_ref(), *until);
    }
    if let Event::FollowersJudged { touch, people, until, .. } = event {
        judged(lead, touch, people, *until, at);
    }
    if let Event::FollowersRelabelled { touch, machines, clicked_at, topic } = event {
        relabelled(lead, touch, machines, *clicked_at, topic.as_ref());
    }
}

/// A mail's links were followed: it is looked at when the time has come. Of too many mails the oldest that is settled
/// goes, then the oldest.
fn followed(lead: &mut Lead, touch: &TouchId, mailing: Mailing, topic: Option<&TopicName>, until: Timestamp) {
    if let Some(known) = lead.followed.iter_mut().find(|known| &known.touch == touch) {
        known.until = Some(until);
        return;
    }
    if lead.followed.len() >= FOLLOWED_MAX {
        let settled = lead.followed.iter().position(|known| known.until.is_none());
        lead.followed.remove(settled.unwrap_or_default());
    }
    let (touch, topic) = (touch.clone(), topic.cloned());
    lead.followed.push(Followed { touch, mailing, topic, until: Some(until), people: BTreeSet::new(), sign: None });
}

/// What the sign that may come with it will change is noted first.
fn judged(lead: &mut Lead, touch: &TouchId, people: &BTreeSet<u16>, until: Option<Timestamp>, at: Timestamp) {
    let sign = GivenSign {
        given_at: at,
        clicked_before: lead.signals.get(&SignalKind::Clicked).copied(),
        topic_before: lead.topic.clone(),
        silence_before: lead.enrolment.as_ref().map(|enrolment| (enrolment.ordinal, enrolment.silent_touches)),
    };
    let Some(known) = lead.followed.iter_mut().find(|known| &known.touch == touch) else { return };
    known.until = until;
    let is_new = people.iter().any(|link| !known.people.contains(link));
    match &mut known.sign {
        Some(given) if is_new => given.given_at = at,
        None if is_new => known.sign = Some(sign),
        Some(_) | None => {}
    }
    known.people.extend(people);
    // What only machines followed is told by the hits; the lead need not remember it.
    lead.followed.retain(|known| known.until.is_some() || !known.people.is_empty());
}

fn relabelled(
    lead: &mut Lead,
    touch: &TouchId,
    machines: &BTreeSet<u16>,
    clicked_at: Option<Timestamp>,
    topic: Option<&TopicName>,
) {
    let Some(known) = lead.followed.iter_mut().find(|known| &known.touch == touch) else { return };
    known.people.retain(|link| !machines.contains(link));
    lead.score.relabel(touch, machines);
    let taken = if known.people.is_empty() { known.sign.take() } else { None };
    lead.topic = topic.cloned();
    match clicked_at {
        Some(clicked_at) => lead.signals.insert(SignalKind::Clicked, clicked_at),
        None => lead.signals.remove(&SignalKind::Clicked),
    };
    let Some(taken) = taken else { return };
    click_taken_back(lead, taken.given_at, taken.clicked_before);
    if let (Some((ordinal, silent)), Some(enrolment)) = (taken.silence_before, lead.enrolment.as_mut())
        && enrolment.ordinal == ordinal
    {
        enrolment.silent_touches = enrolment.silent_touches.saturating_add(silent);
    }
    // Whoever remembers that sign as the one before theirs remembers the one before that.
    for other in lead.followed.iter_mut().filter_map(|other| other.sign.as_mut()) {
        if other.clicked_before == Some(taken.given_at) {
            other.clicked_before = taken.clicked_before;
        }
    }
}
