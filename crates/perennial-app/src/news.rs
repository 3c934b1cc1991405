//! What waits until somebody is told of it: with their next digest, or as soon as mail goes out again.
//!
//! **Invariant:** the same event is kept once for a reader, however often it comes. Of a lead nothing is copied but its id:
//! what a mail says is read then, so of whoever is erased by then it says nothing.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use perennial_core::ids::TouchId;
use perennial_core::lead::Ownership;
use perennial_core::sales::{Audience, Trigger};

use crate::ports::{Cursor, DeskOwner, StoreError};
use crate::publish::EventId;

/// How long it is kept at most: a reader of whom nothing is known any more gets no digest.
pub const NEWS_PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Something that somebody of sales is told of with their next digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Who.
    pub reader: DeskOwner,
    /// The alert that says so.
    pub event: EventId,
    /// When that was raised, on the suite's clock.
    pub at: Timestamp,
    /// Of what.
    pub trigger: Trigger,
    /// As what.
    pub audience: Audience,
    /// Who owned the lead then.
    pub owner: Ownership,
    /// The touch that it is about, where there is one.
    pub touch: Option<TouchId>,
}

/// A page of somebody's news, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewsPage {
    /// The news.
    pub news: Vec<News>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// How long it is tried to tell of something at once that could not be told when it happened.
pub const UNTOLD_PERIOD: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How soon it is tried again, at first and at last: within minutes of whatever mends.
const AGAIN_MIN: SignedDuration = SignedDuration::from_mins(1);
const AGAIN_MAX: SignedDuration = SignedDuration::from_mins(10);

/// Something that somebody was to be told of at once, and was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The entry of history that says so.
    pub event: EventId,
    /// When that happened, on the suite's clock.
    pub at: Timestamp,
    /// When it is tried again.
    pub due: Timestamp,
}

impl Untold {
    /// After another failure: the later, the longer it has failed. `None` where it is given up.
    pub fn put_off(&self, now: Timestamp) -> Option<Self> {
        let age = now.duration_since(self.at);
        let due = now + (age / 4).clamp(AGAIN_MIN, AGAIN_MAX);
        (age < UNTOLD_PERIOD).then(|| Self { due, ..self.clone() })
    }
}

/// A page of what is to be tried again, what is due the longest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UntoldPage {
    /// What could not be told.
    pub untold: Vec<Untold>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// Where news is kept until it is told.
#[async_trait]
pub trait NewsBook: Send + Sync {
    /// Keeps something. Doing it again is fine.
    async fn keep_news(&self, news: &News) -> Result<(), StoreError>;

    /// A page of what is kept for somebody, by the second it was raised in. Read consistently.
    async fn news(&self, reader: &DeskOwner, cursor: Option<Cursor>) -> Result<NewsPage, StoreError>;

    /// Lets go of what was told. What is gone is let go of.
    async fn forget_news(&self, news: &[News]) -> Result<(), StoreError>;

    /// Keeps something that could not be told. Doing it again is fine.
    async fn keep_untold(&self, untold: &Untold) -> Result<(), StoreError>;

    /// A page of what is due by now. Read consistently.
    async fn untold(&self, now: Timestamp, cursor: Option<Cursor>) -> Result<UntoldPage, StoreError>;

    /// Lets go of what was told, or put off. What is gone is let go of.
    async fn forget_untold(&self, untold: &Untold) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_told_is_tried_again_within_minutes_and_given_up_after_three_days() {
        let at: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let event = "abcdefghijklmnopqrstuvwxyz-1-0".parse().unwrap();
        let mut waits = Vec::new();
        let mut last = at;
        let mut untold = Some(Untold { event, at, due: at });
        while let Some(now) = untold {
            last = now.due;
            untold = now.put_off(now.due);
            waits.extend(untold.iter().map(|later| later.due.duration_since(now.due).as_mins()));
        }
        assert_eq!((waits.first(), waits.iter().max()), (Some(&1), Some(&10)));
        assert!(waits.iter().take(15).sum::<i64>() < 60, "within its first hour, often: {waits:?}");
        assert!((UNTOLD_PERIOD..UNTOLD_PERIOD + AGAIN_MAX).contains(&last.duration_since(at)), "{last}");
    }
}
