//! Once a day, when somebody of sales comes in: what is overdue, what is due today, and what happened.
//!
//! **Invariants:** there is one digest for a reader and a day, however often it is asked for, and none where there is nothing
//! to say; the day is the reader's own, and begins when they come in. What was kept for it is let go of after it went out,
//! so nothing is lost where it did not. It speaks of the reader's own leads, as they are then (H42), and of those of whom a
//! manager is told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use perennial_core::catalog::Catalog;
use perennial_core::content::Rendered;
use perennial_core::ids::LeadId;
use perennial_core::lead::{Lead, Ownership};
use perennial_core::program::Action;
use perennial_core::sales::Trigger;
use serde::Serialize;
use tracing::{error, info};

use super::page::Page;
use super::{Addressee, Herald, TellError, is_living, notice, recipient};
use crate::dossier::{Draft, Who, version_of};
use crate::error_chain::ErrorChain;
use crate::left_out::if_it_reads;
use crate::news::News;
use crate::ports::{DeskOwner, StoreError, Stored};
use crate::tasks::{Wanted, What, owners};
use crate::telling::{self, Reading, capitalised};

/// The most leads that one part of a digest names; the rest is counted.
const ENTRIES_MAX: usize = 25;

/// The most leads of a desk that are counted.
const DESK_MAX: usize = 1_000;

/// The most news that one digest takes; the rest comes with the next.
const NEWS_MAX: usize = 200;

/// How many days ahead a digest looks.
const DAYS_AHEAD: i64 = 7;

/// How many leads are read at once.
const READ_AT_ONCE: usize = 8;

/// What came of a look at who has come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Digests {
    /// How many digests went out.
    pub sent: u32,
    /// Whether the time was over before everybody had been looked at. The next look goes on there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unfinished: bool,
}

/// Who had their digest, or has none to get, by day: so that a function which is called each minute does not ask the store
/// each minute. And where it left off.
#[derive(Debug, Default)]
pub struct DaysDone(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    days: BTreeMap<DeskOwner, Date>,
    left_off_at: Option<DeskOwner>,
}

impl DaysDone {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, reader: &DeskOwner, day: Date) -> bool {
        self.remembered().days.get(reader) == Some(&day)
    }

    fn note(&self, reader: &DeskOwner, day: Date) {
        self.remembered().days.insert(reader.clone(), day);
    }

    fn leave_off_at(&self, reader: &Ownership) {
        self.remembered().left_off_at = Some(DeskOwner::of(reader));
    }

    /// Readers in the order in which they are looked at: those first whom the last look did not come to.
    fn in_turn(&self, mut readers: Vec<Ownership>) -> Vec<Ownership> {
        if let Some(first) = self.remembered().left_off_at.take() {
            let at = readers.iter().position(|reader| DeskOwner::of(reader) == first);
            readers.rotate_left(at.unwrap_or_default());
        }
        readers
    }
}

/// A lead that waits for its owner.
struct Entry {
    who: String,
    page: String,
    what: String,
    draft: Option<String>,
}

/// Leads that wait alike.
#[derive(Default)]
struct Part {
    /// How many of them are looked at.
    named: usize,
    /// The most urgent.
    entries: Vec<Entry>,
    /// How many more there are.
    more: usize,
}

impl Part {
    fn count(&self) -> usize {
        self.entries.len().saturating_add(self.more)
    }
}

/// What happened with one lead.
struct Happened {
    who: String,
    page: String,
    what: Vec<String>,
}

/// What a digest says.
#[derive(Default)]
struct Contents {
    overdue: Part,
    today: Part,
    soon: Part,
    happened: Vec<Happened>,
    /// Whom it speaks of.
    leads: Vec<LeadId>,
}

impl Contents {
    /// Where a lead belongs that waits until then: now and the end of today are the bounds.
    fn part(&mut self, deadline: Timestamp, (now, end_of_today): (Timestamp, Timestamp)) -> &mut Part {
        if deadline <= now {
            &mut self.overdue
        } else if deadline < end_of_today {
            &mut self.today
        } else {
            &mut self.soon
        }
    }

    /// Whether there is nothing for today: what comes later is no reason for a mail.
    fn is_empty(&self) -> bool {
        self.overdue.count() == 0 && self.today.count() == 0 && self.happened.is_empty()
    }
}

impl Herald {
    /// Sends each digest whose reader has come in, once a day, and begins none after its time. One that fails keeps no
    /// other.
    pub async fn digests(&self, budget: Duration) -> Result<Digests, TellError> {
        let end = Instant::now() + budget;
        let catalog = self.library.catalog().await?;
        let mut digests = Digests::default();
        let mut failed = None;
        for owner in self.days_done.in_turn(readers(&catalog)) {
            if Instant::now() >= end {
                self.days_done.leave_off_at(&owner);
                digests.is_unfinished = true;
                break;
            }
            match self.digest(&catalog, &owner).await {
                Ok(true) => digests.sent = digests.sent.saturating_add(1),
                Ok(false) => {}
                Err(error) => {
                    let error_chain = ErrorChain(&error).to_string();
                    error!(metric = "digest.failed", error = error_chain, "a digest did not go out; it is tried again");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(digests), Err)
    }

    /// One reader's. Whether it went out now.
    async fn digest(&self, catalog: &Catalog, owner: &Ownership) -> Result<bool, TellError> {
        let (now, reader) = (self.clock.now(), DeskOwner::of(owner));
        let to = Addressee::of(catalog, owner, now);
        let today = to.reading.today();
        if self.days_done.has(&reader, today) {
            return Ok(false);
        }
        if owner.rep().is_some_and(|rep| !catalog.roster.owns(rep)) {
            self.pass_on(catalog, &reader).await?;
            self.days_done.note(&reader, today);
            return Ok(false);
        }
        if catalog.hours_of(owner).opening(today).is_none_or(|opening| opening > now) {
            return Ok(false);
        }
        let id = effect(&reader, today);
        let effect = match self.claim(&id).await {
            Ok(Some(effect)) => effect,
            Ok(None) => {
                self.days_done.note(&reader, today);
                return Ok(false);
            }
            Err(TellError::Busy) => return Ok(false),
            Err(error) => return Err(error),
        };
        let composed = self.compose(catalog, &reader, &to, &id).await;
        let (is_sent, news) = self.settle(effect, composed).await?;
        self.days_done.note(&reader, today);
        info!(effect.id = id, metric = "digest.told", digest.sent = is_sent, "a reader's day began");
        // What nobody could be told of (the lead is gone, or somebody else's) is let go of as well.
        if let Err(error) = self.book.forget_news(&news).await {
            let error = ErrorChain(&error).to_string();
            error!(effect.id = id, metric = "digest.unforgotten", error, "the next digest tells some of it again");
        }
        Ok(is_sent)
    }

    /// Writes a digest that was claimed and hands it over, if there is anything to say. Whether there was, and the news
    /// that it told.
    async fn compose(
        &self,
        catalog: &Catalog,
        reader: &DeskOwner,
        to: &Addressee<'_>,
        effect: &str,
    ) -> Result<(bool, Vec<News>), TellError> {
        let news = self.news_of(reader).await?;
        let mut contents = Contents::default();
        self.wait_for(catalog, reader, to, &mut contents).await?;
        self.what_happened(catalog, reader, to, &news, &mut contents).await?;
        if !contents.is_empty() {
            let mut mail = notice(catalog, to, write(catalog, &contents, to), effect, self.clock.now());
            mail.headers.extend(whom(&contents.leads));
            self.send(&mail).await?;
        }
        Ok((!contents.is_empty(), news))
    }

    /// What is kept for a reader, the oldest first.
    async fn news_of(&self, reader: &DeskOwner) -> Result<Vec<News>, TellError> {
        let mut all = Vec::new();
        let mut cursor = None;
        while all.len() < NEWS_MAX {
            let page = self.book.news(reader, cursor).await?;
            all.extend(page.news);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        all.truncate(NEWS_MAX);
        Ok(all)
    }

    /// What is kept for somebody who has left goes to whoever it is for now.
    async fn pass_on(&self, catalog: &Catalog, reader: &DeskOwner) -> Result<(), TellError> {
        let news = self.news_of(reader).await?;
        for one in &news {
            let Some(stored) = self.listed(&one.event.lead).await? else { continue };
            let to = recipient(catalog, &stored.lead, one.audience, &one.owner);
            self.book.keep_news(&News { reader: DeskOwner::of(&to), ..one.clone() }).await?;
        }
        Ok(self.book.forget_news(&news).await?)
    }

    /// A lead of whom sales may be told, among others.
    async fn listed(&self, lead: &LeadId) -> Result<Option<Stored>, StoreError> {
        Ok(if_it_reads(lead, self.store.load(lead).await)?.filter(is_living))
    }

    // --- What waits --------------------------------------------------------------------------

    /// The leads that wait for their owner: all are counted, the most urgent are named.
    async fn wait_for(
        &self,
        catalog: &Catalog,
        reader: &DeskOwner,
        to: &Addressee<'_>,
        contents: &mut Contents,
    ) -> Result<(), TellError> {
        let bounds = (to.reading.now, to.reading.end_of_day_after(0));
        let mut named = Vec::new();
        for (lead, deadline) in self.desk(reader, to.reading.end_of_day_after(DAYS_AHEAD)).await? {
            let part = contents.part(deadline, bounds);
            if part.named < ENTRIES_MAX {
                part.named = part.named.saturating_add(1);
                named.push(lead);
            } else {
                part.more = part.more.saturating_add(1);
            }
        }
        for some in named.chunks(READ_AT_ONCE) {
            for stored in try_join_all(some.iter().map(|lead| self.listed(lead))).await?.into_iter().flatten() {
                // The index is a moment old: somebody may have acted since, or have the lead now (H42).
                let is_theirs = stored.lead.owner.as_ref().map(DeskOwner::of).as_ref() == Some(reader);
                let Some(wanted) = Wanted::of(&stored.lead).filter(|_| is_theirs) else { continue };
                let entry = self.entry(catalog, to, &stored, &wanted).await;
                let Some(entry) = if_it_reads(&stored.lead.id, entry.map(Some))? else { continue };
                contents.part(wanted.due_at, bounds).entries.push(entry);
                contents.leads.push(stored.lead.id);
            }
        }
        Ok(())
    }

    /// Who waits on a desk until a time, the most urgent first, at most [`DESK_MAX`].
    async fn desk(&self, reader: &DeskOwner, end: Timestamp) -> Result<Vec<(LeadId, Timestamp)>, TellError> {
        let mut waiting = Vec::new();
        let mut cursor = None;
        while waiting.len() < DESK_MAX {
            let page = self.store.desk(reader, cursor).await?;
            let timed = page.leads.into_iter().filter_map(|lead| Some((lead.id, lead.deadline?)));
            let before = waiting.len();
            let mut is_over = false;
            for (lead, deadline) in timed {
                is_over |= deadline >= end;
                if !is_over {
                    waiting.push((lead, deadline));
                }
            }
            cursor = page.next;
            if is_over || cursor.is_none() || waiting.len() == before {
                break;
            }
        }
        Ok(waiting)
    }

    async fn entry(
        &self,
        catalog: &Catalog,
        to: &Addressee<'_>,
        stored: &Stored,
        wanted: &Wanted,
    ) -> Result<Entry, StoreError> {
        let (lead, reading) = (&stored.lead, &to.reading);
        let when = if wanted.due_at <= reading.now {
            format!("it was due {}", reading.past(wanted.due_at))
        } else {
            format!("due {}", reading.due(wanted.due_at))
        };
        let draft = if wanted.what == What::Write {
            let history = self.store.history(&lead.id).await?;
            Draft::of(&self.letterhead, catalog, stored, |ordinal| version_of(&history, ordinal))
        } else {
            None
        };
        Ok(Entry {
            who: Who::of(&stored.lead, &stored.profile).in_full(),
            page: self.page(&lead.id, &to.seat),
            what: format!("{}, {when}", telling::wanted(wanted.what)),
            draft: draft.map(|draft| draft.subject),
        })
    }

    // --- What happened -----------------------------------------------------------------------

    async fn what_happened(
        &self,
        catalog: &Catalog,
        reader: &DeskOwner,
        to: &Addressee<'_>,
        news: &[News],
        contents: &mut Contents,
    ) -> Result<(), TellError> {
        let mut by_lead: Vec<(&LeadId, Vec<&News>)> = Vec::new();
        for one in news {
            match by_lead.iter_mut().find(|(lead, _)| *lead == &one.event.lead) {
                Some((_, known)) => known.push(one),
                None => by_lead.push((&one.event.lead, vec![one])),
            }
        }
        for some in by_lead.chunks(READ_AT_ONCE) {
            let read = try_join_all(some.iter().map(|(lead, _)| self.listed(lead))).await?;
            for ((lead, news), stored) in some.iter().zip(read) {
                let Some(stored) = stored else { continue };
                let theirs: Vec<&News> =
                    news.iter().copied().filter(|news| is_theirs(catalog, &stored.lead, reader, news)).collect();
                if theirs.is_empty() {
                    continue;
                }
                contents.leads.push((*lead).clone());
                contents.happened.push(Happened {
                    who: Who::of(&stored.lead, &stored.profile).in_full(),
                    page: self.page(lead, &to.seat),
                    what: told(catalog, &theirs, &to.reading),
                });
            }
        }
        Ok(())
    }
}

/// Everybody who may get a digest, and whoever has left, since something may be kept for them.
fn readers(catalog: &Catalog) -> Vec<Ownership> {
    let ownership = |owner| match owner {
        DeskOwner::Rep(rep) => Ownership::Assigned { rep },
        DeskOwner::Queue(queue) => Ownership::Queue { queue },
    };
    owners(catalog).into_iter().map(ownership).collect()
}

/// What a digest is known by: one for each reader and day.
fn effect(reader: &DeskOwner, day: Date) -> String {
    match reader {
        DeskOwner::Rep(rep) => format!("digest-rep-{rep}-{day}"),
        DeskOwner::Queue(queue) => format!("digest-queue-{queue}-{day}"),
    }
}

/// Whether something is still for its reader: what a lead of somebody else's does is that one's matter.
fn is_theirs(catalog: &Catalog, lead: &Lead, reader: &DeskOwner, news: &News) -> bool {
    &DeskOwner::of(&recipient(catalog, lead, news.audience, &news.owner)) == reader
}

/// What happened with a lead, each thing once, with when it happened last.
fn told(catalog: &Catalog, news: &[&News], reading: &Reading) -> Vec<String> {
    let mut by_trigger: Vec<(Trigger, usize, &News)> = Vec::new();
    for one in news {
        match by_trigger.iter_mut().find(|(trigger, _, _)| *trigger == one.trigger) {
            Some((_, count, last)) => (*count, *last) = (count.saturating_add(1), one),
            None => by_trigger.push((one.trigger, 1, one)),
        }
    }
    let line = |(trigger, count, last): (Trigger, usize, &News)| {
        let what = moment_of(catalog, last).unwrap_or_else(|| telling::news(trigger).to_owned());
        let times = if count > 1 { format!(", {count} times") } else { String::new() };
        format!("{what} {}{times}", reading.past(last.at))
    };
    by_trigger.into_iter().map(line).collect()
}

/// What a program says of a moment, if it still says so.
fn moment_of(catalog: &Catalog, news: &News) -> Option<String> {
    let touch = news.touch.as_ref().filter(|_| news.trigger == Trigger::Moment)?;
    let step = catalog.programs.get(&touch.program)?.step(&touch.step)?;
    let Action::Alert { message } = &step.action else { return None };
    Some(format!("\u{201c}{}\u{201d}", message.trim_end_matches('.')))
}

// --- In words ----------------------------------------------------------------------------------------

/// How many leads one header names.
const LEADS_PER_HEADER: usize = 30;

/// Whom a digest speaks of: so that whoever erases one of them finds it in the mailbox of this machine.
fn whom(leads: &[LeadId]) -> Vec<(&'static str, String)> {
    let line = |some: &[LeadId]| some.iter().map(LeadId::as_str).collect::<Vec<_>>().join(" ");
    leads.chunks(LEADS_PER_HEADER).map(|some| ("X-Perennial-Leads", line(some))).collect()
}

fn write(catalog: &Catalog, contents: &Contents, to: &Addressee<'_>) -> Rendered {
    let subject = format!("Your leads today: {}", counts(contents).join(", "));
    let mut page = Page::default();
    page.say_loud(&format!("{}.", capitalised(&counts(contents).join(", "))));
    part(&mut page, "Overdue", &contents.overdue);
    part(&mut page, "Due today", &contents.today);
    happened(&mut page, &contents.happened);
    part(&mut page, "In the next seven days", &contents.soon);
    let zone = to.reading.zone.iana_name().unwrap_or("UTC");
    let footer = format!(
        "You get this once a day when you come in, and only if there is something. Times are those of {zone}.\n{}",
        catalog.organisation.name
    );
    page.finish(&subject, &footer)
}

fn counts(contents: &Contents) -> Vec<String> {
    let happened: usize = contents.happened.iter().map(|one| one.what.len()).sum();
    let counted = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    [
        counted(contents.overdue.count(), "overdue"),
        counted(contents.today.count(), "due"),
        counted(happened, if happened == 1 { "thing that happened" } else { "things that happened" }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn part(page: &mut Page, title: &str, part: &Part) {
    if part.count() == 0 {
        return;
    }
    page.heading(&format!("{title} ({})", part.count()));
    for Entry { who, page: address, what, draft } in &part.entries {
        let draft = draft.as_ref().map(|subject| format!(". A draft is there: \u{201c}{subject}\u{201d}"));
        page.entry(who, address, &format!("{what}{}", draft.unwrap_or_default()));
    }
    page.end_list();
    if part.more > 0 {
        page.say(&format!("And {} more.", part.more));
    }
}

fn happened(page: &mut Page, happened: &[Happened]) {
    if happened.is_empty() {
        return;
    }
    page.heading("What happened");
    for Happened { who, page: address, what } in happened {
        page.entry(who, address, &what.join("; "));
    }
    page.end_list();
}
