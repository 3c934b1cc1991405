//! A fresh link for whoever has one that is too old.
//!
//! **Invariant:** it goes to the address that the roster or the catalog has, and nowhere else: whoever merely holds an old
//! link gets nothing by it. Once a day for each link, so that nobody's mailbox is filled.

use jiff::tz::TimeZone;
use perennial_core::catalog::Catalog;
use perennial_core::lead::Ownership;

use super::page::Page;
use super::{Addressee, Herald, TellError, Told, notice};
use crate::desk::{DeskLink, DeskRef, ListRef, Seat, is_theirs};

impl Herald {
    /// Sends a fresh link to whoever an old one was for, if what it leads to is still theirs.
    pub async fn renew(&self, old: &DeskLink) -> Result<Told, TellError> {
        let catalog = self.library.catalog().await?;
        let Some(owner) = still_there(&catalog, old.seat()) else { return Ok(Told::Gone) };
        if !self.is_still_theirs(&catalog, old).await? {
            return Ok(Told::Gone);
        }
        let made_at = self.wall_clock.now();
        let id = format!("fresh-link-{}-{}", old.payload().replace('/', "-"), made_at.to_zoned(TimeZone::UTC).date());
        let effect = match self.claim(&id).await {
            Ok(Some(effect)) => effect,
            // A second press: the first one's mail is on its way.
            Ok(None) | Err(TellError::Busy) => return Ok(Told::Known),
            Err(error) => return Err(error),
        };
        let link = match old.clone() {
            DeskLink::Lead(desk) => DeskRef { made_at, ..desk }.link(&self.letterhead),
            DeskLink::List(list) => ListRef { made_at, ..list }.link(&self.letterhead),
        };
        let now = self.clock.now();
        let to = Addressee::of(&catalog, &owner, now);
        let mut page = Page::default();
        page.say("Somebody opened a link to your desk that was too old, and asked for another. Here it is.");
        page.link("Open the page", &link, "");
        let footer = "If it was not you, there is nothing to do: the old link opens nothing any more.";
        let rendered = page.finish("A fresh link to your desk", footer);
        let sent = self.send(&notice(&catalog, &to, rendered, &id, now)).await;
        self.settle(effect, sent.map(|()| Told::Sent)).await
    }

    async fn is_still_theirs(&self, catalog: &Catalog, old: &DeskLink) -> Result<bool, TellError> {
        match old {
            DeskLink::List(_) => Ok(true),
            DeskLink::Lead(desk) => {
                let stored = self.store.load(&desk.lead).await?;
                Ok(stored.is_some_and(|stored| is_theirs(catalog, &desk.seat.party(), &stored)))
            }
        }
    }
}

/// As what a seat owns leads, while it may.
fn still_there(catalog: &Catalog, seat: &Seat) -> Option<Ownership> {
    match seat {
        Seat::Rep(rep) => catalog.roster.owns(rep).then(|| Ownership::Assigned { rep: rep.clone() }),
        Seat::Queue(queue) => catalog.queues.contains_key(queue).then(|| Ownership::Queue { queue: queue.clone() }),
    }
}
