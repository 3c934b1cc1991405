//! The catalog: everything a deployment declares, and the programs it runs.
//!
//! **Invariant:** a [`Catalog`] that exists is usable: its last-resort program, its default queue and
//! the program that each form names exist, every program's `then` leads somewhere, and every touch's
//! template has been parsed. [`crate::loader::parse`] is the only way to make one from files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::breaker::BreakerPolicy;
use crate::broadcast::Broadcast;
use crate::calendar::{FrequencyCap, SendWindow};
use crate::condition::same_answer;
use crate::consent::{MailRules, OptInLetter, Region};
use crate::content::Content;
use crate::crm::StatusWords;
use crate::ids::{
    CrmName, FieldName, FormName, Language, ProgramName, QueueName, RouteName, SenderDomain, TeamName, TopicName,
    WebhookName,
};
use crate::lead::{Lead, Ownership};
use crate::policy::{BouncePolicy, FitRule, Gate, Scores, Sla, Turnbacks};
use crate::profile::Profile;
use crate::program::{Program, ProgramVersion};
use crate::roster::{OfficeHours, Roster};
use crate::submission::Intent;
use crate::webhook::Webhook;

/// Everything a deployment declares (`programs/`).
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Who sends.
    pub organisation: Organisation,
    /// The zone of a lead whose own is not known.
    pub default_zone: TimeZone,
    /// When mail may go out, in the lead's zone.
    pub window: SendWindow,
    /// How often one lead may get mail, across programs.
    pub cap: FrequencyCap,
    /// The profile fields that forms and lists may fill, and templates may use.
    pub fields: BTreeMap<FieldName, Field>,
    /// How much may come in by forms, and how fast.
    pub limits: Limits,
    /// The forms that may be posted.
    pub forms: BTreeMap<FormName, Form>,
    /// The queues: owners of last resort.
    pub queues: BTreeMap<QueueName, Queue>,
    /// The queue that owns a new lead.
    pub default_queue: QueueName,
    /// Who gets a lead, by name.
    pub routes: BTreeMap<RouteName, Route>,
    /// Which route a lead takes.
    pub handover: Handover,
    /// Who sells. It is no file of the catalog's: whoever loads that puts it in (`perennial reps`).
    pub roster: Arc<Roster>,
    /// The programs that an operator paused, and since when. No file of the catalog's, either: it stands in the release.
    pub paused: Arc<BTreeMap<ProgramName, Timestamp>>,
    /// The rules about mail in parts of the world. The first that a lead is in counts.
    pub regions: Vec<Region>,
    /// The rules everywhere else.
    pub elsewhere: MailRules,
    /// How people are asked to confirm; present where a region or a program asks for it.
    pub opt_in: Option<OptInLetter>,
    /// The least time between two mails to somebody who wants less.
    pub less_often: SignedDuration,
    /// The language that the catalog and its mails are written in.
    pub language: Language,
    /// The words of the catalog in other languages.
    pub languages: BTreeMap<Language, Words>,
    /// What happens while somebody talks with a lead, or it is away.
    pub replies: Replies,
    /// The form by whose rules a mail of a stranger becomes a lead; without it, none does.
    pub mail_form: Option<FormName>,
    /// How long what is known of people is kept.
    pub retention: Retention,
    /// What people can be interested in, and switch off.
    pub topics: BTreeMap<TopicName, Topic>,
    /// The servers that are told of events.
    pub webhooks: BTreeMap<WebhookName, Webhook>,
    /// The share of leads, in percent, that gets responses and calls and no nurture (DOMAIN.md §6).
    pub holdout_percent: u8,
    /// When an inquiry is ready for sales.
    pub gate: Gate,
    /// What signals are worth.
    pub scores: Scores,
    /// What answers are worth.
    pub fit: Vec<FitRule>,
    /// How long sales has.
    pub sla: Sla,
    /// When an address that bounces softly rests.
    pub bounces: BouncePolicy,
    /// When a sender's mail pauses.
    pub breaker: BreakerPolicy,
    /// What happens with a lead that sales gives back.
    pub turnbacks: Turnbacks,
    /// What the words of CRMs mean, by CRM.
    pub crms: BTreeMap<CrmName, StatusWords>,
    /// The programs that leads start now, by name.
    pub programs: BTreeMap<ProgramName, Program>,
    /// Older versions that leads may still be in.
    pub kept: BTreeMap<(ProgramName, ProgramVersion), Program>,
    /// The broadcasts that go out now, or did of late.
    pub broadcasts: BTreeMap<ProgramName, Broadcast>,
    /// The end of the exit router: the program that never ends (`occasional`).
    pub last_resort: ProgramName,
    /// The parsed templates of every touch.
    pub content: Content,
}

/// Who gets a lead: somebody of a team, else a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The team, as the roster calls it; without one, the queue keeps the lead.
    pub team: Option<TeamName>,
    /// The owner where nobody of the team can take one more.
    pub queue: QueueName,
}

/// Which route a lead takes. Without one, the default queue has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handover {
    /// From the moment it comes in by a form or a mail (S1). Lists stay with the default queue.
    pub entry: Option<RouteName>,
    /// When it is ready for sales. Without one, whoever has it keeps it.
    pub qualified: Option<RouteName>,
}

/// How long what is known of people is kept, where nothing else ends it sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What purged junk told us, in days after the purge.
    pub junk_days: u32,
    /// What a submission said, in days since it came in. What the lead is known by stays in its profile.
    pub submission_days: u32,
    /// What became of a mail, in days.
    pub engagement_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { junk_days: 14, submission_days: 1_095, engagement_days: 400 }
    }
}

/// Who sends, as every mail must say.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// The name in the footer.
    pub name: String,
    /// The postal address in the footer; mail law asks for it.
    pub postal_address: String,
    /// The organisation's own voice: `from = "team"`.
    pub team: Sender,
    /// Where a person can write to be unsubscribed, where such a mailbox is read.
    pub unsubscribe_mailbox: Option<String>,
    /// Why people get this mail, for the footer.
    pub reason: String,
    /// What the unsubscribe link in the footer says.
    pub unsubscribe_label: String,
    /// What the link to the preferences says, beside it.
    pub preferences_label: String,
    /// What mails may say about the organisation: `{{ facts.name }}` in a template.
    pub facts: BTreeMap<FieldName, String>,
}

/// A sender identity. The address's domain must be verified with SES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The display name.
    pub name: String,
    /// The ASCII address.
    pub address: String,
}

/// The field that tells where a person is, where it is declared.
const COUNTRY: &str = "country";

/// How long programs stand still for a lead that writes, or whose machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replies {
    /// After a reply: somebody talks with the person.
    pub pause: SignedDuration,
    /// After an automatic answer that names no date.
    pub away: SignedDuration,
}

/// The threat of a field that names none, in the middle of 1 to 5.
pub const THREAT_DEFAULT: u8 = 3;

/// A profile field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What people read beside it.
    pub label: String,
    /// The longest answer taken, in characters.
    pub length_max: usize,
    /// What an answer may be.
    pub kind: FieldKind,
    /// How the person is asked; a field without it is never asked for.
    pub question: Option<String>,
    /// How much people mind being asked, from 1 (not at all) to 5. Asks go from low to high (S8).
    pub threat: u8,
    /// After so many days an answer may be asked for again.
    pub ask_again_after_days: Option<u32>,
    /// Who fills it in, where neither a form nor a mail asks for it.
    pub supplied_by: Option<Supplier>,
}

impl Field {
    /// A field that takes any text and is never asked for.
    pub fn text(label: &str, length_max: usize) -> Self {
        Self {
            label: label.to_owned(),
            length_max,
            kind: FieldKind::Text,
            question: None,
            threat: THREAT_DEFAULT,
            ask_again_after_days: None,
            supplied_by: None,
        }
    }

    /// What may be answered; nothing where any text or date may be.
    pub fn choices(&self) -> &[String] {
        match &self.kind {
            FieldKind::Choice(choices) => choices,
            FieldKind::Text | FieldKind::Date => &[],
        }
    }
}

/// What an answer may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// One of these.
    Choice(Vec<String>),
    /// A date, `2027-05-01`.
    Date,
}

/// Who fills in a field that nobody is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplier {
    /// A rep.
    Sales,
    /// A service that knows companies.
    Enrichment,
}

/// The words of a catalog in another language. What is absent is said as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Why people get this mail, for the footer.
    pub reason: Option<String>,
    /// What the unsubscribe link in the footer says.
    pub unsubscribe_label: Option<String>,
    /// What the link to the preferences says, beside it.
    pub preferences_label: Option<String>,
    /// What topics are called.
    pub topics: BTreeMap<TopicName, String>,
    /// What fields are called, and how they are asked for.
    pub fields: BTreeMap<FieldName, FieldWords>,
    /// What people agree to who confirm that they want mail.
    pub opt_in_text: Option<String>,
}

/// The words of a field in another language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldWords {
    /// What people read beside it.
    pub label: Option<String>,
    /// How the person is asked.
    pub question: Option<String>,
    /// The choices, in the order of the field's own, which is what is kept; empty: as they are.
    pub choices: Vec<String>,
}

/// One of the answers that a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'a> {
    /// As it is kept.
    pub kept: &'a str,
    /// As somebody reads it.
    pub shown: &'a str,
}

/// Something people can be interested in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// What people read.
    pub label: String,
}

/// A form that may be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What its sender wants.
    pub intent: Intent,
    /// The program that a new lead enters.
    pub program: ProgramName,
    /// The fields it may fill, besides `email` and `phone`, which every form takes.
    pub fields: Vec<FieldName>,
    /// A field that people do not see; a value in it is a bot's.
    pub honeypot: Option<String>,
    /// Whether a post without a form stamp is junk.
    pub stamp: StampPolicy,
    /// Which captcha it asks for.
    pub captcha: CaptchaKind,
    /// What becomes of a post that did not pass it.
    pub captcha_failed: CaptchaPolicy,
    /// The origins of the pages that hold this form. Empty: any.
    pub origins: Vec<String>,
    /// What stands beside the box by which people agree to mail; a form without it has no such box.
    pub consent_text: Option<String>,
    /// Where a browser without JavaScript may be sent after its post; the first is the default.
    /// Only these are ever redirected to.
    pub thanks_urls: Vec<String>,
    /// A form that is switched off answers as if it did not exist (H5).
    pub status: FormStatus,
}

impl Form {
    /// A form that nobody can post: for what comes in by another door, with the same rules for its fields.
    pub const fn unposted(program: ProgramName, fields: Vec<FieldName>) -> Self {
        Self {
            intent: Intent::Inquiry,
            program,
            fields,
            honeypot: None,
            stamp: StampPolicy::Optional,
            captcha: CaptchaKind::Off,
            captcha_failed: CaptchaPolicy::Quarantine,
            origins: Vec::new(),
            consent_text: None,
            thanks_urls: Vec::new(),
            status: FormStatus::Closed,
        }
    }
}

/// How many posts forms take in a minute, by the world's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From one network, to all forms; more are turned away until the minute is over.
    pub network_per_minute: u32,
    /// From one network; each further one weighs as suspicious.
    pub network_suspicious: u32,
    /// To one form, from everywhere; more are turned away until the minute is over.
    pub form_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { network_per_minute: 30, network_suspicious: 10, form_per_minute: 600 }
    }
}

/// Which captcha a form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaptchaKind {
    /// None.
    #[default]
    Off,
    /// ALTCHA: the browser works for a second. Nobody else is asked.
    Altcha,
    /// Cloudflare Turnstile.
    Turnstile,
}

/// What becomes of a post whose captcha was not passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaptchaPolicy {
    /// It is taken in, and quarantined.
    #[default]
    Quarantine,
    /// Its sender is told to try again. Where nobody could tell, it is quarantined all the same.
    Refuse,
}

/// Whether a form wants to see its stamp back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StampPolicy {
    /// A post without one is fine; a forged or stale one is junk.
    #[default]
    Optional,
    /// A post without one is junk.
    Required,
}

/// Whether a form takes posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FormStatus {
    /// It does.
    #[default]
    Open,
    /// It answers 404.
    Closed,
}

/// A queue: people who share the leads that no one of them owns yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The voice of its mail: `from = "rep"` while the queue owns the lead.
    pub sender: Sender,
    /// When its people are in; without them, the send window in the default zone.
    pub hours: Option<OfficeHours>,
}

impl Catalog {
    /// When whoever owns a lead is in.
    pub fn hours_of(&self, owner: &Ownership) -> OfficeHours {
        let hours = match owner {
            Ownership::Queue { queue } => self.queues.get(queue).and_then(|queue| queue.hours.as_ref()),
            Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                self.roster.hours(rep)
            }
        };
        hours.cloned().unwrap_or_else(|| OfficeHours::of_window(&self.window, &self.default_zone))
    }

    /// The program of that name, or the last resort if this deployment does not have it.
    ///
    /// This is what makes the exit router total: a program that names one that is not there leads to
    /// `occasional`, so no lead ever leaves.
    pub fn program_or_last_resort(&self, name: &ProgramName) -> Option<&Program> {
        self.programs.get(name).or_else(|| self.programs.get(&self.last_resort))
    }

    /// Puts fields into the order in which people are asked for them: the least threatening comes first.
    pub fn sort_by_threat(&self, fields: &mut [FieldName]) {
        fields.sort_by_key(|name| self.fields.get(name).map_or(u8::MAX, |field| field.threat));
    }

    /// The rules about mail where a lead is: by the country that it told us, else by its time zone.
    pub fn rules_for(&self, lead: &Lead, profile: Option<&Profile>) -> MailRules {
        let country = profile.and_then(|profile| profile.fields.iter().find(|(name, _)| name.as_str() == COUNTRY));
        let by_country = country.and_then(|(_, country)| {
            self.regions.iter().find(|region| region.countries.iter().any(|known| same_answer(known, country)))
        });
        let by_zone = || {
            let zone = lead.zone.as_deref()?;
            self.regions.iter().find(|region| region.zones.iter().any(|start| zone.starts_with(start.as_str())))
        };
        by_country.or_else(by_zone).map_or(self.elsewhere, |region| region.rules)
    }

    /// The languages that people can choose to read: the catalog's own, and those that it has words in. None where there
    /// is nothing to choose.
    pub fn languages_offered(&self) -> Vec<&Language> {
        let others: Vec<&Language> = self.languages.keys().filter(|language| **language != self.language).collect();
        if others.is_empty() { others } else { std::iter::once(&self.language).chain(others).collect() }
    }

    /// The words of a language: `pt-br`, else `pt`.
    pub fn words(&self, language: Option<&Language>) -> Option<&Words> {
        language?.and_wider().iter().find_map(|language| self.languages.get(language))
    }

    /// Who sends, as somebody who reads a language is told.
    pub fn organisation_in(&self, language: Option<&Language>) -> Cow<'_, Organisation> {
        let Some(words) = self.words(language) else { return Cow::Borrowed(&self.organisation) };
        let mut organisation = self.organisation.clone();
        organisation.reason = words.reason.clone().unwrap_or(organisation.reason);
        organisation.unsubscribe_label = words.unsubscribe_label.clone().unwrap_or(organisation.unsubscribe_label);
        organisation.preferences_label = words.preferences_label.clone().unwrap_or(organisation.preferences_label);
        Cow::Owned(organisation)
    }

    /// How a field is called, asked for and answered in a language.
    pub fn field_in(&self, name: &FieldName, language: Option<&Language>) -> Option<Cow<'_, Field>> {
        let field = self.fields.get(name)?;
        let Some(words) = self.words(language).and_then(|words| words.fields.get(name)) else {
            return Some(Cow::Borrowed(field));
        };
        let mut field = field.clone();
        field.label = words.label.clone().unwrap_or(field.label);
        field.question = words.question.clone().or(field.question);
        if let FieldKind::Choice(choices) = &mut field.kind
            && !words.choices.is_empty()
        {
            choices.clone_from(&words.choices);
        }
        Some(Cow::Owned(field))
    }

    /// How people are asked for a field in a language; `None` where nobody is.
    pub fn question_in(&self, name: &FieldName, language: Option<&Language>) -> Option<&str> {
        let own = self.fields.get(name)?.question.as_deref()?;
        let words = self.words(language).and_then(|words| words.fields.get(name));
        Some(words.and_then(|words| words.question.as_deref()).unwrap_or(own))
    }

    /// The choices of a field, as they are kept and as they read in a language; none where any text or date may be.
    pub fn choices_in(&self, name: &FieldName, language: Option<&Language>) -> Vec<Choice<'_>> {
        let kept = self.fields.get(name).map_or(&[][..], Field::choices);
        let words = self.words(language).and_then(|words| words.fields.get(name));
        let shown = words.map_or(kept, |words| &words.choices);
        let shown = if shown.is_empty() { kept } else { shown };
        kept.iter().zip(shown).map(|(kept, shown)| Choice { kept, shown }).collect()
    }

    /// What people agree to who confirm that they want mail, in a language.
    pub fn opt_in_text(&self, language: Option<&Language>) -> Option<&str> {
        let letter = self.opt_in.as_ref()?;
        let words = self.words(language).and_then(|words| words.opt_in_text.as_deref());
        Some(words.unwrap_or(&letter.text))
    }

    /// The program of an enrolment: the version it was started with, or what goes by its name now.
    pub fn program_of(&self, name: &ProgramName, version: &ProgramVersion) -> Option<&Program> {
        let current = self.programs.get(name);
        current
            .filter(|program| &program.version == version)
            .or_else(|| self.kept.get(&(name.clone(), version.clone())))
            .or(current)
            .or_else(|| self.broadcasts.get(name).map(|broadcast| &broadcast.program))
    }

    /// What a touch of that name is of: a program that leads start now, or a broadcast.
    pub fn program_named(&self, name: &ProgramName) -> Option<&Program> {
        self.programs.get(name).or_else(|| self.broadcasts.get(name).map(|broadcast| &broadcast.program))
    }

    /// The domains that mail is sent from.
    pub fn senders(&self) -> BTreeSet<SenderDomain> {
        let reps = self.roster.reps.values().filter_map(|rep| SenderDomain::of_address(&rep.sender.address));
        self.own_senders().into_iter().chain(reps).collect()
    }

    /// The domains that mail is sent from, whoever sells.
    pub fn own_senders(&self) -> BTreeSet<SenderDomain> {
        let queues = self.queues.values().map(|queue| &queue.sender);
        let all = queues.chain([&self.organisation.team]);
        all.filter_map(|sender| SenderDomain::of_address(&sender.address)).collect()
    }

    /// The voice of whoever owns a lead; the team's where that is nobody who is known.
    pub fn owner_sender(&self, owner: Option<&Ownership>) -> &Sender {
        match owner {
            Some(Ownership::Queue { queue }) => self.queue_sender(queue),
            Some(Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep }) => {
                self.roster.reps.get(rep).map_or(&self.organisation.team, |rep| &rep.sender)
            }
            None => &self.organisation.team,
        }
    }

    /// The voice of a queue; the team's where the queue is no longer declared.
    pub fn queue_sender(&self, queue: &QueueName) -> &Sender {
        self.queues.get(queue).map_or(&self.organisation.team, |queue| &queue.sender)
    }
}
