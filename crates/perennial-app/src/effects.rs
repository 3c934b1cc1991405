//! What an event calls for, done once (F12).
//!
//! **Invariant:** one worker at a time is at it. What is known not to have happened is let go of at once, so that whoever
//! tries next need not wait until the worker's time is over; what may have happened is not.

use jiff::{SignedDuration, Timestamp};
use tracing::error;

use crate::error_chain::ErrorChain;
use crate::ports::{Claim, Clock, Store, StoreError};

/// How often it is tried to say that an effect is done: what was told must not be told again.
const FINISH_ATTEMPTS: u32 = 3;

/// An effect that is ours to do.
pub(crate) struct Effect<'a> {
    store: &'a dyn Store,
    id: &'a str,
    until: Timestamp,
}

/// Who does an effect.
pub(crate) enum Turn<'a> {
    /// We.
    Ours(Effect<'a>),
    /// Another worker, or one that died a moment ago.
    Taken,
    /// Nobody any more: it is done.
    Done,
}

impl<'a> Effect<'a> {
    /// Claims an effect for as long as a worker may live.
    pub(crate) async fn claim(
        store: &'a dyn Store,
        id: &'a str,
        clock: &dyn Clock,
        lease: SignedDuration,
    ) -> Result<Turn<'a>, StoreError> {
        let now = clock.now();
        let until = now + lease;
        Ok(match store.claim_effect(id, now, until).await? {
            Claim::Ours => Turn::Ours(Self { store, id, until }),
            Claim::Taken => Turn::Taken,
            Claim::Done => Turn::Done,
        })
    }

    /// Says that it is done. It is, whether the store takes that or not: so that is no error of whoever did it.
    pub(crate) async fn finish(self, now: Timestamp) {
        let mut failure = None;
        for _ in 0..FINISH_ATTEMPTS {
            match self.store.finish_effect(self.id, now).await {
                Ok(()) => return,
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            let error = ErrorChain(&error).to_string();
            error!(effect.id = self.id, metric = "effect.unfinished", error, "what was done may be done again");
        }
    }

    /// Lets go of it: nothing of it has happened. Where the store does not take that, the claim ends by itself.
    pub(crate) async fn release(self) {
        if let Err(error) = self.store.release_effect(self.id, self.until).await {
            let error = ErrorChain(&error).to_string();
            error!(effect.id = self.id, metric = "effect.unreleased", error, "a claim ends only with its time");
        }
    }
}
