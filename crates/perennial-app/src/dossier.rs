//! What sales reads of a lead before it acts: who it is, how to reach it lawfully, what it did, what it was sent, what it
//! told us, and what became of it before.
//!
//! **Invariants:** what is worked out here comes from the lead, its profile and its history alone, so an alert and a page
//! tell the same; what a machine did is nowhere in it (I11); a number or an address stands in it only where it may be
//! used. Personal: its `Debug` shows none of it.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use perennial_core::catalog::Catalog;
use perennial_core::condition::{Facts, SignalKind};
use perennial_core::event::{Event, apply};
use perennial_core::ids::{FieldName, FormName, LeadId, RepName, TopicName, TouchId};
use perennial_core::lead::{EmailReach, Lead, PhoneReach, TaskKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::profile::{Note, Profile};
use perennial_core::program::ProgramVersion;
use perennial_core::sales::{Outcome, Party};
use perennial_core::score::{Explanation, explain};
use perennial_core::submission::Intent;

use crate::mail::{Letterhead, draft_of, subject_of};
use crate::ports::{HistoryRow, Stored};

/// The most signs, mails and deeds of sales that are told: the latest.
pub const LATEST_MAX: usize = 8;

/// The fields that a person's name is made of, where the catalog has them.
const FIRST_NAME: &str = "first_name";
const LAST_NAME: &str = "last_name";
/// And the company's.
const COMPANY: &str = "company";

/// Everything that sales reads of a lead.
#[derive(Clone)]
pub struct Dossier {
    /// Who it is.
    pub who: Who,
    /// How the person may be reached.
    pub reach: Contact,
    /// What the person did, the latest first, at most [`LATEST_MAX`].
    pub signs: Vec<Sign>,
    /// What the person told us, in the order of the fields' names.
    pub answers: Vec<Answer>,
    /// The mails that went out to them, the latest first, at most [`LATEST_MAX`].
    pub mails: Vec<SentMail>,
    /// How often sales gave the lead back before, the latest first.
    pub turnbacks: Vec<PastTurnback>,
    /// What sales told of it, the latest first, at most [`LATEST_MAX`].
    pub deeds: Vec<Deed>,
    /// What sales noted, the latest first.
    pub notes: Vec<Note>,
    /// What its score is made of.
    pub score: Explanation,
    /// What is to be written, where the open task is to write and its program has a draft.
    pub draft: Option<Draft>,
}

impl fmt::Debug for Dossier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dossier(..)")
    }
}

/// Who a lead is. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Who {
    /// What the person is called, if anything is known of it; else their address or number, where that may be used.
    pub name: String,
    /// Where they work.
    pub company: Option<String>,
}

impl Who {
    /// As the profile has it.
    pub fn of(lead: &Lead, profile: &Profile) -> Self {
        let field = |name: &str| {
            let value = FieldName::parse(name).ok().and_then(|name| profile.fields.get(&name));
            value.map(|value| value.trim()).filter(|value| !value.is_empty())
        };
        let names: Vec<&str> = [field(FIRST_NAME), field(LAST_NAME)].into_iter().flatten().collect();
        let name = match names.as_slice() {
            [] => Contact::of(lead, profile).handle().unwrap_or_else(|| format!("Somebody ({})", short(&lead.id))),
            names => names.join(" "),
        };
        Self { name, company: field(COMPANY).map(str::to_owned) }
    }

    /// Name and company: `Ada Lovelace (Analytical Engines)`.
    pub fn in_full(&self) -> String {
        let company = self.company.as_ref().map(|company| format!(" ({company})")).unwrap_or_default();
        format!("{}{company}", self.name)
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Who(..)")
    }
}

/// How many letters of an id tell two apart who have no name.
const SHORT: usize = 6;

/// The first letters of an id: they tell whoever reads them two people apart, and nothing of either.
pub fn short(lead: &LeadId) -> &str {
    lead.as_str().get(..SHORT).unwrap_or(lead.as_str())
}

/// How a person may be reached. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// The number, where they may be called.
    pub phone: Option<String>,
    /// Whether calls reach them.
    pub calls: PhoneReach,
    /// The address, where somebody may write to them in person.
    pub email: Option<String>,
    /// Whether mail reaches them.
    pub mail: EmailReach,
    /// Their time zone, where it is known.
    pub zone: Option<String>,
}

impl Contact {
    /// What may be used of what the profile has.
    pub fn of(lead: &Lead, profile: &Profile) -> Self {
        let phone = profile.phone.as_ref().filter(|_| lead.may_be_called());
        let email = profile.email.clone().filter(|_| lead.may_be_written_to());
        Self {
            phone: phone.map(|phone| phone.as_str().to_owned()),
            calls: lead.phone,
            email: email.map(String::from),
            mail: lead.email,
            zone: lead.zone.clone(),
        }
    }

    /// What stands for a name where there is none.
    pub fn handle(self) -> Option<String> {
        self.email.or(self.phone)
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("calls", &self.calls).field("mail", &self.mail).finish_non_exhaustive()
    }
}

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Deeds,
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deeds {
    /// They sent a form.
    Form {
        /// Which.
        form: FormName,
        /// What they want.
        intent: Intent,
    },
    /// They followed links of a mail.
    Followed {
        /// The mail's touch.
        touch: TouchId,
        /// How many of its links.
        links: BTreeSet<u16>,
    },
    /// They answered questions.
    Answered {
        /// Which.
        fields: BTreeSet<FieldName>,
    },
    /// Something else.
    Gave {
        /// Which sign.
        kind: SignalKind,
        /// What it was about.
        topic: Option<TopicName>,
    },
}

/// Something that a person told us. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// What people read beside it.
    pub label: String,
    /// What they said.
    pub value: String,
    /// Whether sales found that it does not hold.
    pub is_doubted: bool,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A mail that went out.
#[derive(Clone, PartialEq, Eq)]
pub struct SentMail {
    /// When.
    pub at: Timestamp,
    /// Its touch.
    pub touch: TouchId,
    /// Its subject, where it can still be written. Personal.
    pub subject: Option<String>,
}

impl fmt::Debug for SentMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentMail").field("touch", &self.touch).finish_non_exhaustive()
    }
}

/// That sales gave the lead back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastTurnback {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: TurnbackReason,
    /// Who did.
    pub by: Party,
    /// Whose it was.
    pub rep: Option<RepName>,
    /// The day that the reason was about.
    pub on: Option<Date>,
}

/// Something that sales told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Party,
    /// What.
    pub outcome: Outcome,
}

/// A mail that waits to be sent by hand. Personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft(..)")
    }
}

/// The longest `mailto:` link: longer ones are cut off by some mail programs, which loses the end of the text.
pub const MAILTO_LENGTH_MAX: usize = 1_900;

impl Draft {
    /// The draft of the open task, if it is to write, the person may be written to, and its program has one; `version_of` says which version of its
    /// program an enrolment follows.
    pub fn of<'a>(
        letterhead: &Letterhead,
        catalog: &Catalog,
        stored: &Stored,
        version_of: impl FnOnce(u32) -> Option<&'a ProgramVersion>,
    ) -> Option<Self> {
        let lead = Some(&stored.lead).filter(|lead| lead.may_be_written_to())?;
        let task = lead.task.as_ref().filter(|task| task.kind == TaskKind::Write)?;
        let touch = &task.touch;
        let version = version_of(touch.ordinal)?;
        let rendered = draft_of(letterhead, catalog, stored, touch, version)?;
        Some(Self { text: rendered.without_footer().trim_end().to_owned(), subject: rendered.subject })
    }

    /// A link that opens the draft in a mail program (RFC 6068), addressed; without the text where that would be too long.
    pub fn mailto(&self, address: &str) -> String {
        let head = format!("mailto:{}?subject={}", encoded(address), encoded(&self.subject));
        let whole = format!("{head}&body={}", encoded(&self.text.replace('\n', "\r\n")));
        if whole.len() > MAILTO_LENGTH_MAX { head } else { whole }
    }
}

/// Percent-encodes all but the characters that mean nothing in any part of a link.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
        }
    }
    encoded
}

impl Dossier {
    /// Works it out, of a lead as it stands and its whole history.
    pub fn of(
        letterhead: &Letterhead,
        catalog: &Catalog,
        stored: &Stored,
        history: &[HistoryRow],
        now: Timestamp,
    ) -> Self {
        let Stored { lead, profile, .. } = stored;
        let mut past = Past::default();
        for row in history {
            past.read(row);
        }
        let facts = Facts { lead, profile: Some(profile), now, since: None };
        let events = history.iter().flat_map(|row| &row.entries);
        Self {
            who: Who::of(lead, profile),
            reach: Contact::of(lead, profile),
            signs: latest(past.signs),
            answers: answers(catalog, profile),
            mails: latest(past.mails).into_iter().map(|mail| mail.read(catalog, stored)).collect(),
            turnbacks: past.turnbacks.into_iter().rev().collect(),
            deeds: latest(past.deeds),
            notes: profile.notes.iter().rev().cloned().collect(),
            score: explain(catalog, &facts, events),
            draft: Draft::of(letterhead, catalog, stored, |ordinal| version_of(history, ordinal)),
        }
    }
}

fn latest<T>(mut all: Vec<T>) -> Vec<T> {
    all.reverse();
    all.truncate(LATEST_MAX);
    all
}

fn answers(catalog: &Catalog, profile: &Profile) -> Vec<Answer> {
    let is_of_who = |name: &FieldName| [FIRST_NAME, LAST_NAME, COMPANY].contains(&name.as_str());
    let known = profile.fields.iter().filter(|(name, value)| !value.trim().is_empty() && !is_of_who(name));
    let answer = |(name, value): (&FieldName, &String)| Answer {
        label: catalog.fields.get(name).map_or_else(|| name.to_string(), |field| field.label.clone()),
        value: value.trim().to_owned(),
        is_doubted: profile.doubted.contains(name),
    };
    known.map(answer).collect()
}

/// The version that an enrolment was of last.
pub(crate) fn version_of(history: &[HistoryRow], ordinal: u32) -> Option<&ProgramVersion> {
    let mut current = None;
    let mut last = None;
    for entry in history.iter().flat_map(|row| &row.entries) {
        if let Event::EnrolmentStarted { ordinal: started, .. } = entry {
            current = Some(*started);
        }
        if let Event::EnrolmentStarted { version, .. } | Event::EnrolmentMigrated { version, .. } = entry
            && current == Some(ordinal)
        {
            last = Some(version);
        }
    }
    last
}

/// A mail that went out, and where its words are.
struct Mailed {
    at: Timestamp,
    touch: TouchId,
    /// How many rounds of a `recur` step were behind the lead.
    round: u32,
    version: Option<ProgramVersion>,
}

impl Mailed {
    fn read(self, catalog: &Catalog, stored: &Stored) -> SentMail {
        let Self { at, touch, round, version } = self;
        SentMail { at, subject: subject_of(catalog, stored, &touch, version.as_ref(), round), touch }
    }
}

/// What history tells, as it is read.
#[derive(Default)]
struct Past {
    lead: Option<Lead>,
    signs: Vec<Sign>,
    mails: Vec<Mailed>,
    turnbacks: Vec<PastTurnback>,
    deeds: Vec<Deed>,
}

impl Past {
    fn read(&mut self, row: &HistoryRow) {
        for entry in &row.entries {
            self.note(row, entry);
            self.lead = apply(self.lead.take(), entry, row.at);
        }
    }

    /// Takes down an entry, before it is applied.
    fn note(&mut self, row: &HistoryRow, entry: &Event) {
        // A life that begins: of the one before nothing is known any more.
        if let Event::Received { .. } = entry {
            *self = Self { lead: self.lead.take(), ..Self::default() };
        }
        self.note_sign(row, entry);
        if let Event::TouchSent { touch, .. } | Event::TouchUnknown { touch, .. } = entry {
            self.mailed(row.at, touch);
        }
        if let Event::TouchDropped { touch } = entry {
            self.mails.retain(|mail| &mail.touch != touch);
        }
        if let Event::Disposed { by, outcome, .. } = entry {
            self.deeds.push(Deed { at: row.at, by: by.clone(), outcome: outcome.clone() });
        }
        if let Event::TurnedBack { reason, by, rep, .. } = entry {
            let (at, on, by, rep) = (row.at, date_of(row), by.clone(), rep.clone());
            self.turnbacks.push(PastTurnback { at, reason: *reason, by, rep, on });
        }
    }

    fn note_sign(&mut self, row: &HistoryRow, entry: &Event) {
        if let Event::Received { form, intent, .. } | Event::SubmissionMerged { form, intent, .. } = entry
            && !is_junk(entry)
        {
            self.sign(row.at, Deeds::Form { form: form.clone(), intent: *intent });
        }
        if let Event::FollowersJudged { touch, people, .. } = entry {
            self.followed(row.at, touch, people);
        }
        if let Event::FollowersRelabelled { touch, machines, .. } = entry {
            self.take_back(touch, machines);
        }
        if let Event::Answered { fields } = entry {
            self.sign(row.at, Deeds::Answered { fields: fields.clone() });
        }
        if let Event::Signalled { kind, topic } = entry {
            // A click is told with the links that were followed.
            let is_told = *kind == SignalKind::Clicked && is_judged(row);
            if !is_told {
                self.sign(row.at, Deeds::Gave { kind: *kind, topic: topic.clone() });
            }
        }
    }

    fn sign(&mut self, at: Timestamp, what: Deeds) {
        self.signs.push(Sign { at, what });
    }

    fn followed(&mut self, at: Timestamp, touch: &TouchId, people: &BTreeSet<u16>) {
        let known = self.lead.as_ref().and_then(|lead| lead.followed(touch)).map(|followed| &followed.people);
        let links: BTreeSet<u16> =
            people.iter().filter(|link| known.is_none_or(|known| !known.contains(link))).copied().collect();
        if !links.is_empty() {
            self.sign(at, Deeds::Followed { touch: touch.clone(), links });
        }
    }

    /// What was a machine's is no sign of the person.
    fn take_back(&mut self, touch: &TouchId, machines: &BTreeSet<u16>) {
        for sign in &mut self.signs {
            if let Deeds::Followed { touch: of, links } = &mut sign.what
                && of == touch
            {
                links.retain(|link| !machines.contains(link));
            }
        }
        self.signs.retain(|sign| !matches!(&sign.what, Deeds::Followed { links, .. } if links.is_empty()));
    }

    /// A mail that is proven to have gone out was told of when it was handed over.
    fn mailed(&mut self, at: Timestamp, touch: &TouchId) {
        if self.mails.iter().any(|mail| &mail.touch == touch) {
            return;
        }
        let enrolment = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref());
        let standing = enrolment.filter(|enrolment| &enrolment.touch() == touch);
        let (round, version) =
            standing.map_or((0, None), |enrolment| (enrolment.round, Some(enrolment.version.clone())));
        self.mails.push(Mailed { at, touch: touch.clone(), round, version });
    }
}

/// Whether a form looked like junk: that is no sign of anybody.
fn is_junk(entry: &Event) -> bool {
    matches!(entry, Event::SubmissionMerged { junk, .. } if !junk.is_empty())
}

/// Whether a row says who followed the links of a mail.
fn is_judged(row: &HistoryRow) -> bool {
    row.entries.iter().any(|entry| matches!(entry, Event::FollowersJudged { .. }))
}

/// The day that a turnback is about, as it was told.
fn date_of(row: &HistoryRow) -> Option<Date> {
    row.entries.iter().find_map(|entry| {
        let Event::Disposed { outcome: Outcome::TurnedBack(request), .. } = entry else { return None };
        request.date
    })
}
