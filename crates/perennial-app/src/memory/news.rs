//! News, in memory.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, PAGE_MAX};
use crate::news::{News, NewsBook, NewsPage, Untold, UntoldPage};
use crate::ports::{Cursor, DeskOwner, StoreError};
use crate::publish::EventId;

/// Whose, and its place among theirs.
pub(super) type Place = (DeskOwner, Timestamp, EventId);

fn place(news: &News) -> Place {
    (news.reader.clone(), news.at, news.event.clone())
}

#[async_trait]
impl NewsBook for MemoryStore {
    async fn keep_news(&self, news: &News) -> Result<(), StoreError> {
        self.rows().news.insert(place(news), news.clone());
        Ok(())
    }

    async fn news(&self, reader: &DeskOwner, cursor: Option<Cursor>) -> Result<NewsPage, StoreError> {
        let rows = self.rows();
        let theirs: Vec<&News> = rows.news.values().filter(|news| &news.reader == reader).collect();
        let start = cursor.map(|Cursor(last)| theirs.iter().position(|news| news.event.to_string() == last));
        let start = start.map_or(0, |at| at.map_or(theirs.len(), |at| at.saturating_add(1)));
        let news: Vec<News> = theirs.into_iter().skip(start).take(PAGE_MAX).cloned().collect();
        let next = news.last().filter(|_| news.len() == PAGE_MAX).map(|last| Cursor(last.event.to_string()));
        Ok(NewsPage { news, next })
    }

    async fn forget_news(&self, news: &[News]) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for one in news {
            rows.news.remove(&place(one));
        }
        Ok(())
    }

    async fn keep_untold(&self, untold: &Untold) -> Result<(), StoreError> {
        self.rows().untold.insert((untold.due, untold.event.clone()), untold.clone());
        Ok(())
    }

    async fn untold(&self, now: Timestamp, cursor: Option<Cursor>) -> Result<UntoldPage, StoreError> {
        let rows = self.rows();
        let due: Vec<&Untold> = rows.untold.values().filter(|untold| untold.due <= now).collect();
        let start = cursor.map(|Cursor(last)| due.iter().position(|untold| untold.event.to_string() == last));
        let start = start.map_or(0, |at| at.map_or(due.len(), |at| at.saturating_add(1)));
        let untold: Vec<Untold> = due.into_iter().skip(start).take(PAGE_MAX).cloned().collect();
        let next = untold.last().filter(|_| untold.len() == PAGE_MAX).map(|last| Cursor(last.event.to_string()));
        Ok(UntoldPage { untold, next })
    }

    async fn forget_untold(&self, untold: &Untold) -> Result<(), StoreError> {
        self.rows().untold.remove(&(untold.due, untold.event.clone()));
        Ok(())
    }
}
