//! Links of mails that are followed, and mails that are shown.
//!
//! **Invariants:** where a link leads is looked up in what was published, never read from a request. A person is sent on
//! whatever becomes of the record; what is recorded costs one plain write, and a commit only where something is to be
//! decided. A hit says nothing of a person until it is judged ([`perennial_core::actor`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use perennial_core::actor::{
    Agent, Hit, Mailing, Manner, Network, Opener, QUARANTINE_ALONE, Target, Verdict, judge, opened_by,
};
use perennial_core::catalog::Catalog;
use perennial_core::consent::{Following, Tracking, is_opt_in};
use perennial_core::content::MailId;
use perennial_core::decide::{MailEventKind, Stimulus};
use perennial_core::follow::Followed;
use perennial_core::ids::{LeadId, TemplateName, TopicName, TouchId};
use perennial_core::lead::{Lead, StageKind};
use perennial_core::loader::link_of_file;
use perennial_core::program::TouchClass;
use perennial_core::site;

use crate::engagement::{HearError, Heard, Listener};
use crate::library::LibraryError;
use crate::mail::{ClickRef, TOKEN_PATHS, tracking};
use crate::ports::{EngagementRecord, PublishedProgram, StoreError, Stored};

/// How many mails of versions that no lead is in any more are kept in memory.
const SHELF_MAX: usize = 64;

/// The bit that tells the number of a link that its template does not list.
const UNLISTED: u16 = 1 << 15;

/// Why a link could not be looked up, or a hit not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// There are no programs to go by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be decided on.
    #[error(transparent)]
    Hear(#[from] HearError),
}

/// Follows links.
pub struct Follower {
    listener: Listener,
    /// The files of mails whose version is in the catalog no more; `None` where there is no such file.
    shelf: Mutex<BTreeMap<MailId, Option<Arc<str>>>>,
}

/// Who shows a mail: what its picture's token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRef {
    /// The lead.
    pub lead: LeadId,
    /// The touch.
    pub touch: TouchId,
    /// When it was handed over, in whole seconds.
    pub sent_at: Timestamp,
}

impl OpenRef {
    /// Reads a token's payload.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.split('/');
        let (lead, touch, sent) = (parts.next()?, parts.next()?, parts.next()?);
        let sent_at = Timestamp::from_second(sent.parse().ok()?).ok()?;
        let read = Self { lead: LeadId::parse(lead).ok()?, touch: TouchId::parse(touch).ok()?, sent_at };
        parts.next().is_none().then_some(read)
    }
}

/// A click that SES tells of, where its tracking is switched on.
pub struct ToldClick<'a> {
    /// The lead in the mail's tags.
    pub lead: LeadId,
    /// The touch in the mail's tags.
    pub touch: TouchId,
    /// The attempt in the mail's tags.
    pub attempt: u32,
    /// When SES took the mail.
    pub sent_at: Timestamp,
    /// When the link was followed.
    pub at: Timestamp,
    /// Where the link leads.
    pub link: &'a str,
    /// From where it was followed.
    pub network: Network,
    /// By what.
    pub agent: Agent,
}

impl std::fmt::Debug for ToldClick<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ToldClick(..)")
    }
}

impl Follower {
    /// Follows links of the leads that somebody listens to.
    pub fn new(listener: Listener) -> Self {
        Self { listener, shelf: Mutex::default() }
    }

    /// The suite's time.
    pub fn now(&self) -> Timestamp {
        self.listener.clock.now()
    }

    /// Where a link leads, with the token of whoever follows it where that is a site of the customer's own.
    pub async fn destination(&self, click: &ClickRef, visitor: Option<&str>) -> Result<Option<String>, FollowError> {
        let Some(address) = self.address(click).await? else { return Ok(None) };
        let catalog = self.listener.library.catalog().await?;
        let visitor = visitor.filter(|_| site::is_own(&catalog, &address));
        Ok(Some(visitor.map_or(address.clone(), |token| site::with_visitor(&address, token))))
    }

    /// Where a link leads. `None` where it leads nowhere: it is the one that no reader sees, or its mail is not there.
    async fn address(&self, click: &ClickRef) -> Result<Option<String>, FollowError> {
        let Target::Link(number) = click.target else { return Ok(None) };
        let catalog = self.listener.library.catalog().await?;
        let facts = &catalog.organisation_in(click.mail.language.as_ref()).facts;
        if catalog.content.links(&click.mail).is_some() {
            return Ok(catalog.content.link(&click.mail, number, facts));
        }
        let file = self.old_mail(&click.mail).await?;
        Ok(file.and_then(|file| link_of_file(&file, number, facts)))
    }

    /// The file of a mail of a version that is in the catalog no more. Published files never go, and never change.
    async fn old_mail(&self, mail: &MailId) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(known) = self.shelf().get(mail) {
            return Ok(known.clone());
        }
        let published = self.listener.store.program(&mail.program, &mail.version).await?;
        let file = published.and_then(|program| file_of(program, mail));
        let mut known = self.shelf();
        if known.len() >= SHELF_MAX {
            known.clear();
        }
        known.insert(mail.clone(), file.clone());
        Ok(file)
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, BTreeMap<MailId, Option<Arc<str>>>> {
        // Plain values, each whole at any time.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a link was followed. `None`: nothing was, because its lead is gone, or is not to be followed.
    pub async fn follow(&self, click: &ClickRef, hit: &Hit) -> Result<Option<Heard>, FollowError> {
        let Some((stored, catalog)) = self.whom(&click.lead, &click.touch).await? else { return Ok(None) };
        self.take_in(&stored, &catalog, click, hit).await.map(Some)
    }

    async fn take_in(
        &self,
        stored: &Stored,
        catalog: &Catalog,
        click: &ClickRef,
        hit: &Hit,
    ) -> Result<Heard, FollowError> {
        let is_new = self.listener.store.record_hit(&click.lead, &click.touch, hit).await?;
        let mailing = mailing(catalog, click);
        let stimulus = match asks(&stored.lead, &mailing, click, hit, is_new) {
            Some(Ask::Proof) => Stimulus::MailEvent {
                touch: click.touch.clone(),
                attempt: click.attempt,
                kind: MailEventKind::Accepted,
            },
            Some(Ask::Judgement(until)) => Stimulus::LinkFollowed {
                touch: click.touch.clone(),
                attempt: click.attempt,
                mailing,
                topic: topic(catalog, &click.mail),
                until,
            },
            None => return Ok(Heard::Nothing),
        };
        Ok(self.listener.hear(&click.lead, &stimulus).await?)
    }

    /// Takes in that SES led somebody along a link: a hit like those by way of us. `None`: nothing was recorded, because
    /// its lead is gone or is not to be followed, or the link is one of ours, or of a mail that nobody knows.
    pub async fn told(&self, told: &ToldClick<'_>) -> Result<Option<Heard>, FollowError> {
        let catalog = self.listener.library.catalog().await?;
        let stored = self.listener.store.load(&told.lead).await?;
        let Some(stored) = stored.filter(|stored| may_be_told(&catalog, stored, &told.touch)) else { return Ok(None) };
        let Some((mail, target)) = pointed_at(&catalog, &stored.lead, told) else { return Ok(None) };
        let ToldClick { lead, touch, attempt, sent_at, at, network, agent, .. } = told;
        let (lead, touch, sent_at) = (lead.clone(), touch.clone(), *sent_at);
        let click = ClickRef { lead, touch, attempt: *attempt, mail, sent_at, target };
        // Another's clock may be ahead of ours.
        let at = (*at).min(self.now());
        let hit = Hit { at, target, network: network.clone(), agent: *agent, manner: Manner::Get };
        self.take_in(&stored, &catalog, &click, &hit).await.map(Some)
    }

    /// Records that a mail was shown: once as far as anybody can say, and once as surely by a machine. Nothing is
    /// decided by it.
    pub async fn opened(&self, open: &OpenRef, agent: Agent, manner: Manner) -> Result<(), FollowError> {
        if manner == Manner::Head || self.whom(&open.lead, &open.touch).await?.is_none() {
            return Ok(());
        }
        let at = self.now();
        let kind = match opened_by(open.sent_at, at, agent, manner) {
            Opener::Machine => "opened-by-machine",
            Opener::Unknown => "opened",
        };
        let record = EngagementRecord { lead: open.lead.clone(), touch: open.touch.clone(), kind: kind.to_owned(), at };
        self.listener.store.record_engagement(&record).await?;
        Ok(())
    }

    /// The lead, if it may be followed now.
    async fn whom(&self, lead: &LeadId, touch: &TouchId) -> Result<Option<(Stored, Arc<Catalog>)>, FollowError> {
        let catalog = self.listener.library.catalog().await?;
        let stored = self.listener.store.load(lead).await?;
        let followed = stored.filter(|stored| {
            stored.lead.stage.kind() != StageKind::Terminal
                && tracking(&catalog, &stored.lead, &stored.profile, touch) != Tracking::Off
        });
        Ok(followed.map(|stored| (stored, catalog)))
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follower(..)")
    }
}

/// What a hit asks for beyond its record.
enum Ask {
    /// Only that its mail arrived, which nobody was sure of.
    Proof,
    /// That somebody judges it, then.
    Judgement(Timestamp),
}

fn asks(lead: &Lead, mailing: &Mailing, click: &ClickRef, hit: &Hit, is_new: bool) -> Option<Ask> {
    let alone = judge(mailing, std::slice::from_ref(hit), hit.at);
    let until = alone.first().and_then(Verdict::until);
    let known = lead.followed(&click.touch);
    let wants_judgement = match (known, until) {
        // It waits already.
        (Some(Followed { until: Some(_), .. }), _) => false,
        // What is no new hit changes no judgement; nor does a person who follows the same link once more.
        (Some(known), Some(_)) => is_new && !is_counted(known, hit),
        // A machine can show that what counted was a machine's too.
        (Some(known), None) => is_new && !known.people.is_empty(),
        (None, until) => until.is_some(),
    };
    if wants_judgement {
        return Some(Ask::Judgement(until.unwrap_or(hit.at + QUARANTINE_ALONE)));
    }
    let is_doubtful = lead.unresolved.iter().any(|doubt| doubt.touch == click.touch)
        || lead.sending.as_ref().is_some_and(|sending| sending.touch == click.touch);
    is_doubtful.then_some(Ask::Proof)
}

fn is_counted(known: &Followed, hit: &Hit) -> bool {
    match hit.target {
        Target::Link(number) => known.people.contains(&number),
        Target::Trap => false,
    }
}

/// Whether somebody may be followed by what SES tells. Where clicks are not followed by way of us anywhere, SES's tracking
/// was switched on in its place; where they are, a region without is one without SES's too.
fn may_be_told(catalog: &Catalog, stored: &Stored, touch: &TouchId) -> bool {
    let Stored { lead, profile, .. } = stored;
    let is_wanted = match lead.preferences.following {
        Following::Usual => !is_opt_in(touch),
        Following::Off => false,
    };
    let instead_of_ours = catalog.elsewhere.tracking == Tracking::Off;
    is_wanted
        && lead.stage.kind() != StageKind::Terminal
        && touch.ordinal <= lead.enrolments
        && (instead_of_ours || catalog.rules_for(lead, Some(profile)).tracking != Tracking::Off)
}

/// The mail that a link is of, in the version that the lead is in, and which of its links it is. `None` for our own
/// links: those by way of us tell of themselves, and the others say nothing of interest.
fn pointed_at(catalog: &Catalog, lead: &Lead, told: &ToldClick<'_>) -> Option<(MailId, Target)> {
    if TOKEN_PATHS.iter().any(|path| told.link.contains(path)) {
        return None;
    }
    let touch = &told.touch;
    let enrolment = lead.enrolment.as_ref().filter(|enrolment| enrolment.ordinal == touch.ordinal);
    let program = match enrolment {
        Some(enrolment) => catalog.program_of(&touch.program, &enrolment.version)?,
        None => catalog.program_named(&touch.program)?,
    };
    let templates = program.step(&touch.step)?.templates();
    let mail = |template: &TemplateName| {
        let (program, version) = (program.name.clone(), program.version.clone());
        let mail = MailId { program, version, template: template.clone(), language: None };
        catalog.content.in_language(&mail, lead.language.as_ref()).into_owned()
    };
    let mails: Vec<MailId> = templates.into_iter().map(mail).collect();
    let listed = mails.iter().find_map(|mail| Some((mail.clone(), number_of(catalog, mail, told.link)?)));
    let (mail, number) = listed.or_else(|| Some((mails.first()?.clone(), unlisted(told.link))))?;
    Some((mail, Target::Link(number)))
}

fn number_of(catalog: &Catalog, mail: &MailId, link: &str) -> Option<u16> {
    let facts = &catalog.organisation_in(mail.language.as_ref()).facts;
    (0..catalog.content.links(mail)?).find(|number| catalog.content.link(mail, *number, facts).as_deref() == Some(link))
}

/// The number of a link that is not among those of its template, because it depends on the lead: the same each time,
/// none of theirs, and hardly ever that of another.
fn unlisted(link: &str) -> u16 {
    let mixed = link.bytes().fold(0_u16, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(u16::from(byte)));
    mixed | UNLISTED
}

fn mailing(catalog: &Catalog, click: &ClickRef) -> Mailing {
    let step = catalog.program_of(&click.mail.program, &click.mail.version).and_then(|it| it.step(&click.touch.step));
    let class = step.and_then(|step| step.action.mail_class()).unwrap_or(TouchClass::Nurture);
    Mailing { sent_at: click.sent_at, links: catalog.content.links(&click.mail).unwrap_or_default(), class }
}

fn topic(catalog: &Catalog, mail: &MailId) -> Option<TopicName> {
    catalog.program_of(&mail.program, &mail.version)?.topic.clone()
}

fn file_of(program: PublishedProgram, mail: &MailId) -> Option<Arc<str>> {
    let path = format!("{}/touches/{}.md", mail.program, mail.file_stem());
    program.files.into_iter().find(|file| file.path == path).map(|file| file.text.into())
}
