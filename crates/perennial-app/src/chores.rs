//! What is done once a day, job by job.
//!
//! **Invariants:** one chore that fails stops no other; a chore may be done again at any time and changes nothing more.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Serialize;
use tracing::{error, info};

use crate::error_chain::ErrorChain;
use crate::ports::Cause;

/// What a chore counted, by what it counted.
pub type Counts = BTreeMap<&'static str, u64>;

/// One daily job.
#[async_trait]
pub trait Chore: Send + Sync {
    /// Its name, in the log, in alarms and in keys: lower-case words, `-` between them.
    fn name(&self) -> &'static str;

    /// Does it, from where it was left.
    async fn run(&self) -> Result<Counts, Cause>;
}

/// What came of one chore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Which.
    pub chore: &'static str,
    /// What it counted; `None`: it failed.
    pub counts: Option<Counts>,
}

/// Does all chores, one after the other, and says what came of each.
pub async fn run(chores: &[Box<dyn Chore>]) -> Vec<Done> {
    let mut done = Vec::new();
    for chore in chores {
        let name = chore.name();
        let counts = match chore.run().await {
            Ok(counts) => {
                info!(chore.name = name, chore.counts = ?counts, "a chore is done");
                Some(counts)
            }
            Err(error) => {
                let error = ErrorChain(error.as_ref()).to_string();
                error!(chore.name = name, metric = "chore.failed", error, "a chore failed; tomorrow it is tried again");
                None
            }
        };
        done.push(Done { chore: name, counts });
    }
    done
}
