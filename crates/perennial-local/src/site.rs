//! What a browser sees of the suite on one machine: start page, sample form, mailbox.
//!
//! [`router`] makes these pages only. The functions' public routes
//! (`/v1/forms/{form}`, unsubscribe links …) are merged beside them by whoever
//! runs the suite, each through [`bridge::carry`](crate::bridge::carry).

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::middleware;

use crate::clock::Clock;
use crate::html;
use crate::letters::Letters;
use crate::{mailbox, pages};

/// What the pages are made of.
#[derive(Clone)]
pub struct Site {
    /// The mails.
    pub letters: Letters,
    /// The suite's clock.
    pub clock: Clock,
    /// Makes a fresh stamp for the sample form each time it is shown.
    pub stamp: Stamp,
}

/// Makes the value of a form's hidden field `_stamp`, on the wall clock.
pub type Stamp = Arc<dyn Fn() -> String + Send + Sync>;

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("letters", &self.letters).field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The pages' routes. Every answer is marked not to be stored and carries a
/// content security policy.
pub fn router(site: Site) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(mailbox::routes())
        .layer(middleware::map_response(html::guarded))
        .with_state(site)
}
