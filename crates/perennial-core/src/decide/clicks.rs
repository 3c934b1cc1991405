//! Links that were followed: they wait, are judged, and only then are a sign, or none (TRUST.md §4).
//!
//! **Invariant (P6, I11):** what a machine follows is recorded and has no effect. What was taken for a person's and turns
//! out to be a machine's is no sign any more; what was done because of it stays done, and history says both.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Draft, MailEventKind};
use crate::actor::{Hit, Mailing};
use crate::condition::{Facts, SignalKind};
use crate::event::Event;
use crate::follow::{Followed, Judged};
use crate::ids::{TopicName, TouchId};
use crate::lead::StageKind;

impl Draft<'_> {
    /// A link of a mail was followed. Who did is asked when the quarantine is over.
    pub(super) fn link_followed(
        &mut self,
        touch: &TouchId,
        attempt: u32,
        mailing: &Mailing,
        topic: Option<&TopicName>,
        until: Timestamp,
    ) {
        // Whoever follows a link has the mail, so SES took it.
        self.mail_event(touch, attempt, MailEventKind::Accepted);
        let Some(lead) = self.lead.as_ref().filter(|lead| lead.stage.kind() != StageKind::Terminal) else { return };
        let waits = lead.followed(touch).is_some_and(|followed| followed.until.is_some());
        if !waits {
            let (touch, topic) = (touch.clone(), topic.cloned());
            self.record(Event::LinkFollowed { touch, mailing: *mailing, topic, until });
        }
    }

    /// The hits of a mail are judged, all of them, with what came since.
    pub(super) fn hits_gathered(&mut self, touch: &TouchId, hits: &[Hit], before: Option<&Facts<'_>>) {
        let known = self.lead.as_ref().and_then(|lead| lead.followed(touch)).cloned();
        let Some(known) = known.filter(|known| known.until.is_some_and(|until| until <= self.now)) else { return };
        let judged = Judged::of(&known.mailing, hits, self.now);
        let taken_back: BTreeSet<u16> = known.people.intersection(&judged.machines).copied().collect();
        if !taken_back.is_empty() {
            self.take_back(&known, taken_back);
        }
        let is_new = judged.people.iter().any(|link| !known.people.contains(link));
        let Judged { people, machines, until } = judged;
        self.record(Event::FollowersJudged { touch: touch.clone(), people, machines, until });
        if is_new {
            self.signalled(SignalKind::Clicked, known.topic, before);
        }
    }

    fn take_back(&mut self, known: &Followed, machines: BTreeSet<u16>) {
        let Some(lead) = &self.lead else { return };
        let last = lead.signals.get(&SignalKind::Clicked).copied();
        let remains = known.people.iter().any(|link| !machines.contains(link));
        let sign = known.sign.as_ref().filter(|_| !remains);
        // A later sign stands for itself.
        let clicked_at = match sign {
            Some(sign) if last == Some(sign.given_at) => sign.clicked_before,
            Some(_) | None => last,
        };
        let topic = match sign {
            Some(sign) if known.topic.is_some() && lead.topic == known.topic => sign.topic_before.clone(),
            Some(_) | None => lead.topic.clone(),
        };
        self.record(Event::FollowersRelabelled { touch: known.touch.clone(), machines, clicked_at, topic });
    }
}
