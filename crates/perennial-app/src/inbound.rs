//! Mail that comes in: whose it is and what it is is read in the core; what follows happens here.
//!
//! **Invariants:** nothing is ever answered (F31). A mail that a person is to read stays in the inbox until it is
//! forwarded; one that nobody is to read is deleted. One that comes twice is decided on once.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use perennial_core::catalog::{Catalog, Form};
use perennial_core::decide::{ReceivedMail, Stimulus};
use perennial_core::ids::{FormName, LeadId, SubmissionId, TouchId};
use perennial_core::inbound::{
    self, About, Attribution, BYTES_READ_MAX, Home, Inbound, InboxKey, Kind, Scan, Sender, Wish,
};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::StageKind;
use perennial_core::submission::{Channel, Entry, Permission, Submission};
use perennial_core::token::Keyring;

use crate::ingest::{Door, IDEMPOTENCY_PERIOD, ReceiveError};
use crate::library::LibraryError;
use crate::ports::{IdempotencyRecord, Inbox, InboxError, StoreError};
use crate::react::{Attachments, ReactError, react};

/// Takes mail in.
#[derive(Clone)]
pub struct Postbox {
    /// The door for mail from people who are not known: what it needs is what this needs.
    pub door: Door,
    /// Where mail is put.
    pub inbox: Arc<dyn Inbox>,
    /// What reply addresses and tokens are verified with.
    pub keyring: Keyring,
    /// The domain of the reply addresses.
    pub reply_domain: Option<String>,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It decided something.
    Decided,
    /// It had been taken in before, or is not there any more.
    Known,
    /// It made a lead.
    Received,
    /// It is none of a person's, and decides nothing.
    Ignored,
    /// It looks like spam or worse: it stays in the inbox, and nobody is told.
    HeldBack,
    /// It is about nobody whom we know, and nothing says what to do with it. It stays in the inbox.
    Unclaimed,
}

impl Taken {
    /// Its name in counts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Known => "known",
            Self::Received => "received",
            Self::Ignored => "ignored",
            Self::HeldBack => "held_back",
            Self::Unclaimed => "unclaimed",
        }
    }
}

/// Why a mail was not taken in. It is still in the inbox, and may come again.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The inbox failed.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// There are no programs to decide by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be committed.
    #[error(transparent)]
    React(#[from] ReactError),
    /// The lead that it makes could not be committed.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}

impl Postbox {
    /// Takes one mail in. Answers what became of it, and what it was.
    pub async fn take_in(&self, key: &InboxKey) -> Result<(Taken, Option<Kind>), TakeError> {
        let catalog = self.door.library.catalog().await?;
        let Some(raw) = self.inbox.fetch(key, BYTES_READ_MAX).await? else { return Ok((Taken::Known, None)) };
        let senders: Vec<&str> = senders(&catalog).into_iter().collect();
        let home = Home {
            keyring: &self.keyring,
            pepper: &self.door.pepper,
            reply_domain: self.reply_domain.as_deref(),
            senders: &senders,
        };
        let now = self.door.clock.now();
        let mail = inbound::read(&raw.bytes, now, &home);
        let taken = self.sort(&catalog, key, &mail, now).await?;
        let is_for_people = matches!(mail.kind, Kind::Human(_));
        if !is_for_people && taken != Taken::HeldBack {
            self.inbox.delete(key).await?;
        }
        Ok((taken, Some(mail.kind)))
    }

    async fn sort(
        &self,
        catalog: &Catalog,
        key: &InboxKey,
        mail: &Inbound,
        now: Timestamp,
    ) -> Result<Taken, TakeError> {
        match (mail.kind, &mail.about) {
            (Kind::Human(_) | Kind::Automatic(_) | Kind::Unsubscribe, About::Certain { lead, touch }) => {
                self.decide(catalog, key, mail, lead, Attribution::Certain, touch.clone(), now).await
            }
            (Kind::Human(wish), About::Possible { .. } | About::Nobody) if is_held_back(mail.scan, wish) => {
                Ok(Taken::HeldBack)
            }
            (Kind::Human(_), About::Possible { lead }) => self.perhaps(catalog, key, mail, lead, now).await,
            (Kind::Human(_), About::Nobody) => Ok(Taken::Unclaimed),
            (Kind::Automatic(_) | Kind::Unsubscribe, About::Possible { .. } | About::Nobody)
            | (Kind::Ours | Kind::Report, _) => Ok(Taken::Ignored),
        }
    }

    /// A person's mail that names a lead, if there is one, by its From alone or in doubt.
    async fn perhaps(
        &self,
        catalog: &Catalog,
        key: &InboxKey,
        mail: &Inbound,
        lead: &LeadId,
        now: Timestamp,
    ) -> Result<Taken, TakeError> {
        let stored = self.door.store.load(lead).await?;
        if stored.is_some_and(|stored| stored.lead.stage.kind() != StageKind::Terminal) {
            return self.decide(catalog, key, mail, lead, Attribution::Possible, None, now).await;
        }
        // Who wants no mail gets none: they may be known by another address, which a person has to look for.
        if mail.kind == Kind::Human(Wish::OptOut) {
            return Ok(Taken::Unclaimed);
        }
        let form = catalog.mail_form.as_ref().and_then(|name| Some((name, catalog.forms.get(name)?)));
        let (Some((name, form)), Sender::Plausible) = (form, mail.sender) else { return Ok(Taken::Unclaimed) };
        let Some(submission) = self.submission(catalog, key, mail, name, form, now) else {
            return Ok(Taken::Unclaimed);
        };
        self.door.receive(submission, None).await?;
        self.decide(catalog, key, mail, lead, Attribution::First, None, now).await?;
        Ok(Taken::Received)
    }

    #[expect(clippy::too_many_arguments, reason = "what one mail is, by one that has read it")]
    async fn decide(
        &self,
        catalog: &Catalog,
        key: &InboxKey,
        mail: &Inbound,
        lead: &LeadId,
        certainty: Attribution,
        answers: Option<TouchId>,
        now: Timestamp,
    ) -> Result<Taken, TakeError> {
        let received = ReceivedMail { inbox: key.clone(), certainty, answers, kind: mail.kind };
        let stimulus = Stimulus::MailReceived(received);
        let once = IdempotencyRecord {
            key: self.door.pepper.digest(&[b"inbox:", key.as_str().as_bytes()]),
            body: self.door.pepper.digest(&[b"inbox body:", key.as_str().as_bytes()]),
            expires_at: now + IDEMPOTENCY_PERIOD,
        };
        let attach = |_: &_| Attachments { submission: None, idempotency: Some(once.clone()) };
        match react(self.door.store.as_ref(), catalog, lead, &stimulus, now, attach).await {
            Ok(Some(_)) => Ok(Taken::Decided),
            // Their lead is over, and nobody is told of what they write.
            Ok(None) if matches!(mail.kind, Kind::Human(_)) => Ok(Taken::Unclaimed),
            Ok(None) => Ok(Taken::Ignored),
            Err(ReactError::KnownKey(_)) => Ok(Taken::Known),
            Err(error @ (ReactError::Contended | ReactError::KnownSubmission | ReactError::Store(_))) => {
                Err(error.into())
            }
        }
    }

    /// A stranger's mail, by the rules of its form.
    fn submission(
        &self,
        catalog: &Catalog,
        key: &InboxKey,
        mail: &Inbound,
        name: &FormName,
        form: &Form,
        now: Timestamp,
    ) -> Option<Submission> {
        let room = |field: &str| {
            let name = form.fields.iter().find(|known| known.as_str() == field)?;
            catalog.fields.get(name).map(|field| field.length_max)
        };
        let (first, last) = names(mail.from_name.as_deref().unwrap_or_default());
        let answers = [("first_name", first), ("last_name", last), ("message", mail.text.trim())];
        // What is too long for its field is cut: nobody is at the other end to mend it.
        let fitting = answers.into_iter().filter_map(|(field, answer)| {
            let answer: String = answer.chars().take(room(field)?).collect();
            Some((field.to_owned(), answer))
        });
        let email = ("email".to_owned(), mail.from.as_ref()?.normalised());
        let raw = RawSubmission {
            id: SubmissionId::derive(&self.door.pepper, name, &format!("mail:{key}")),
            channel: Channel::Email,
            received_at: now,
            entry: Entry::Welcome,
            mail: Permission::Allowed,
            calls: Permission::Allowed,
            junk: Vec::new(),
            pairs: std::iter::once(email).chain(fitting).collect(),
        };
        intake::read(raw, &catalog.fields, name, form).ok()
    }
}

/// Whether a mail of nobody certain goes no further. That somebody wants no more mail is told to the owner even if it
/// looks like spam.
fn is_held_back(scan: Scan, wish: Wish) -> bool {
    match scan {
        Scan::Passed => false,
        Scan::Spam => wish != Wish::OptOut,
        Scan::Virus => true,
    }
}

/// First and last name of what somebody calls themselves: `Ada Marsh`, or `Marsh, Ada`.
fn names(whole: &str) -> (&str, &str) {
    if let Some((last, first)) = whole.split_once(',') {
        return (first.trim(), last.trim());
    }
    whole.trim().rsplit_once(' ').unwrap_or((whole.trim(), ""))
}

/// The addresses that our own mail is sent from.
pub(crate) fn senders(catalog: &Catalog) -> BTreeSet<&str> {
    let queues = catalog.queues.values().map(|queue| queue.sender.address.as_str());
    let reps = catalog.roster.reps.values().map(|rep| rep.sender.address.as_str());
    queues.chain(reps).chain([catalog.organisation.team.address.as_str()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_as_people_write_it() {
        assert_eq!(names("Ada Marsh"), ("Ada", "Marsh"));
        assert_eq!(names("Marsh, Ada"), ("Ada", "Marsh"));
        assert_eq!(names("Ada Jane Marsh"), ("Ada Jane", "Marsh"));
        assert_eq!(names("Ada"), ("Ada", ""));
        assert_eq!(names(""), ("", ""));
    }
}
