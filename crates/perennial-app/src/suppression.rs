//! Addresses that may not be mailed, told by somebody else than the person: SES's own list, and lists of ours.
//!
//! **Invariants:** an address is turned into an id at once, and goes no further; what is told twice changes nothing the
//! second time. SES's list speaks of the whole account, so whom we do not know stays unknown (F17).

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use perennial_core::contact::EmailAddress;
use perennial_core::decide::Stimulus;
use perennial_core::ids::{LeadId, Pepper};
use perennial_core::lead::EmailReach;

use crate::chores::{Chore, Counts};
use crate::engagement::HearError;
use crate::library::Library;
use crate::ports::{Cause, Clock, Cursor, Store, Stored};
use crate::react::{Attachments, react_to};

/// How far a reconcile looks back before the last one: SES's clock is not ours, and its list is not there at once.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// How many addresses are looked up at once.
const AT_ONCE: usize = 8;

/// Most pages one reconcile reads: it would never be done if a list gave the same page for ever.
const PAGES_MAX: usize = 10_000;

/// An address on a list.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedAddress {
    /// The address.
    pub address: EmailAddress,
    /// Why mail may not go there.
    pub cause: EmailReach,
}

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ListedPage {
    /// The addresses that can be read.
    pub addresses: Vec<ListedAddress>,
    /// How many cannot: nobody of ours can have such a one.
    pub unreadable: u64,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// The account's suppression list, as SES keeps it.
#[async_trait]
pub trait SuppressionList: Send + Sync {
    /// Who was put on it since then; from the start of the list where that is not said.
    async fn page(&self, since: Option<Timestamp>, cursor: Option<Cursor>) -> Result<ListedPage, Cause>;
}

/// What a told address led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppressed {
    /// A lead is not mailed any more.
    Now,
    /// It was not mailed before.
    Already,
    /// Nobody is known under it; it is kept, so that whoever comes in under it is not mailed.
    ForLater,
    /// Nobody is known under it, and nothing is kept.
    Unknown,
}

/// What is done about an address under which nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfStrangers {
    /// It is kept.
    Kept,
    /// It is nobody's business here.
    Passed,
}

/// Takes in who may not be mailed.
pub struct Suppressor {
    /// Where leads are kept.
    pub store: Arc<dyn Store>,
    /// The programs in force.
    pub library: Arc<Library>,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
    /// What ids are derived with.
    pub pepper: Pepper,
}

impl Suppressor {
    /// Stops the mail to an address.
    pub async fn suppress(
        &self,
        address: &EmailAddress,
        cause: EmailReach,
        strangers: OfStrangers,
    ) -> Result<Suppressed, HearError> {
        let lead = LeadId::of_email(&self.pepper, address);
        let stimulus = Stimulus::Suppressed { lead: lead.clone(), cause };
        let catalog = self.library.catalog().await?;
        let is_known = AtomicBool::new(true);
        let ask = |stored: Option<&Stored>| {
            is_known.store(stored.is_some(), Ordering::Relaxed);
            (stored.is_some() || strangers == OfStrangers::Kept).then_some(Cow::Borrowed(&stimulus))
        };
        let now = self.clock.now();
        let reaction = react_to(self.store.as_ref(), &catalog, &lead, now, ask, |_| Attachments::default()).await?;
        Ok(match (is_known.into_inner(), reaction) {
            (true, Some(_)) => Suppressed::Now,
            (true, None) => Suppressed::Already,
            (false, Some(_)) => Suppressed::ForLater,
            (false, None) => Suppressed::Unknown,
        })
    }
}

/// The chore that reads SES's own list: whatever no event told us, it says a day later.
pub struct Reconcile {
    /// Who takes it in.
    pub suppressor: Suppressor,
    /// The list.
    pub list: Arc<dyn SuppressionList>,
}

#[async_trait]
impl Chore for Reconcile {
    fn name(&self) -> &'static str {
        "reconcile-suppressions"
    }

    async fn run(&self) -> Result<Counts, Cause> {
        let Suppressor { store, clock, .. } = &self.suppressor;
        let begun = clock.now();
        let since = store.chore_mark(self.name()).await?.map(|last| last - OVERLAP);
        let mut counts: Counts = ["listed", "suppressed", "known", "unknown", "unreadable"].map(|it| (it, 0)).into();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let page = self.list.page(since, cursor).await?;
            count(&mut counts, "unreadable", page.unreadable);
            self.take(page.addresses, &mut counts).await?;
            cursor = page.next;
            if cursor.is_none() {
                store.set_chore_mark(self.name(), begun).await?;
                return Ok(counts);
            }
        }
        Err("the list does not end".into())
    }
}

impl Reconcile {
    async fn take(&self, addresses: Vec<ListedAddress>, counts: &mut Counts) -> Result<(), Cause> {
        let told = stream::iter(addresses).map(|ListedAddress { address, cause }| async move {
            self.suppressor.suppress(&address, cause, OfStrangers::Passed).await
        });
        let mut told = told.buffer_unordered(AT_ONCE);
        while let Some(suppressed) = told.try_next().await? {
            count(counts, "listed", 1);
            count(
                counts,
                match suppressed {
                    Suppressed::Now => "suppressed",
                    Suppressed::Already => "known",
                    Suppressed::ForLater | Suppressed::Unknown => "unknown",
                },
                1,
            );
        }
        Ok(())
    }
}

fn count(counts: &mut Counts, what: &'static str, number: u64) {
    let sum = counts.entry(what).or_default();
    *sum = sum.saturating_add(number);
}
