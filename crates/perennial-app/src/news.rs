//! What waits for somebody's next digest.
//!
//! **Invariant:** the same event is kept once for a reader, however often it comes. Of a lead nothing is copied but its id:
//! what a digest says is read then, so of whoever is erased by then it says nothing.

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

/// Where news is kept until it is told.
#[async_trait]
pub trait NewsBook: Send + Sync {
    /// Keeps something. Doing it again is fine.
    async fn keep_news(&self, news: &News) -> Result<(), StoreError>;

    /// A page of what is kept for somebody, by the second it was raised in. Read consistently.
    async fn news(&self, reader: &DeskOwner, cursor: Option<Cursor>) -> Result<NewsPage, StoreError>;

    /// Lets go of what was told. What is gone is let go of.
    async fn forget_news(&self, news: &[News]) -> Result<(), StoreError>;
}
