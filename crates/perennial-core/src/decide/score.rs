//! What signs are worth: recorded beside them, in whatever way they came.
//!
//! **Invariants:** a sign is scored once, in the commit that takes it for one. What is no sign (junk, a list, a machine's
//! click) is never scored, because what is looked at are the signs of the lead, before and after. What a machine turns
//! out to have given is taken back as if it had never been given.

use super::Draft;
use crate::condition::SignalKind;
use crate::event::Event;
use crate::lead::Lead;
use crate::score::ScoredClick;

impl Draft<'_> {
    /// Scores what is a sign now and was none before.
    pub(super) fn score(&mut self, before: Option<&Lead>) {
        self.take_points_back();
        let Some(lead) = &self.lead else { return };
        let before = before.filter(|before| before.life == lead.life).map(|before| &before.signals);
        let last = |kind| before.and_then(|signs| signs.get(&kind)).copied();
        let new = lead.signals.iter().filter(|(kind, given_at)| last(**kind).is_none_or(|last| last < **given_at));
        let new: Vec<_> = new.map(|(kind, given_at)| (*kind, *given_at)).collect();
        for (kind, given_at) in new {
            let Some(worth) = self.catalog.scores.0.get(&kind).filter(|worth| worth.points > 0) else { continue };
            let points = i32::try_from(worth.points).unwrap_or(i32::MAX);
            let half_life_minutes = worth.half_life_minutes();
            self.record(Event::Scored { kind, points, half_life_minutes, given_at });
        }
    }

    /// Takes back what clicks were worth that turned out to be a machine's.
    fn take_points_back(&mut self) {
        let Some(lead) = &self.lead else { return };
        let clicks: Vec<ScoredClick> = lead.score.unsigned().cloned().collect();
        for ScoredClick { points, half_life_minutes, given_at, .. } in clicks {
            let (kind, points) = (SignalKind::Clicked, points.saturating_neg());
            self.record(Event::Scored { kind, points, half_life_minutes, given_at });
        }
    }
}
