//! What a browser sees of the suite on one machine: start page, sample form, programs, mailbox.
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
use crate::inbox::LocalInbox;
use crate::letters::Letters;
use crate::programs::{self, Programs};
use crate::{mailbox, pages};

/// What the pages are made of.
#[derive(Clone)]
pub struct Site {
    /// The mails.
    pub letters: Letters,
    /// Where replies are put.
    pub inbox: LocalInbox,
    /// The suite's clock.
    pub clock: Clock,
    /// Makes a fresh stamp for the sample form each time it is shown.
    pub stamp: Stamp,
    /// The programs, as their files stand.
    pub programs: Programs,
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
        .merge(programs::routes())
        .layer(middleware::map_response(html::guarded))
        .with_state(site)
}

#[cfg(test)]
pub(crate) mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{HeaderMap, Request};
    use tower::ServiceExt as _;

    use super::*;
    use crate::clock::Pace;
    use crate::store_file::StoreFile;

    /// The pages over a store in memory, at 08:03 UTC on 5 January 2026, in a time-lapse.
    pub(crate) struct World {
        pub(crate) site: Site,
        _store: StoreFile,
    }

    pub(crate) struct Answer {
        pub(crate) status: u16,
        pub(crate) headers: HeaderMap,
        pub(crate) text: String,
    }

    impl World {
        pub(crate) fn new() -> Self {
            Self::showing(None)
        }

        /// With the programs of a directory.
        pub(crate) fn showing(directory: Option<std::path::PathBuf>) -> Self {
            let store = StoreFile::memory().unwrap();
            let pace = Pace::TimeLapse("1d/s".parse().unwrap());
            let wall = Box::new(|| "2026-01-05T08:03:04.5Z".parse().unwrap());
            let clock = Clock::start_on(store.local_items().unwrap(), pace, wall).unwrap();
            let letters = store.letters().unwrap();
            let stamp: Stamp = Arc::new(|| "stamp<\"1\">".to_owned());
            let programs = Programs::new(directory);
            let inbox = store.inbox().unwrap();
            Self { site: Site { letters, inbox, clock, stamp, programs }, _store: store }
        }

        pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
            let response = router(self.site.clone()).oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = to_bytes(body, 10_000_000).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            Answer { status: parts.status.as_u16(), headers: parts.headers, text }
        }

        pub(crate) async fn get(&self, path: &str) -> Answer {
            self.ask(Request::get(path).body(Body::empty()).unwrap()).await
        }
    }

    #[tokio::test]
    async fn every_answer_is_guarded_and_not_stored() {
        let world = World::new();
        let paths = ["/", "/form", "/mailbox", "/mailbox/messages.json", "/mailbox/x", "/healthz", "/programs"];
        for path in paths {
            let headers = world.get(path).await.headers;
            assert_eq!(headers["cache-control"], "no-store", "{path}");
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; "), "{path}");
            assert!(!policy.contains("unsafe"), "{path}");
        }
    }
}
