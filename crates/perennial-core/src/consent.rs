//! On what ground a person is mailed, and what they said they want.
//!
//! **Invariants:** consent is only ever given or renewed by the person, or by whoever supplied the lead; what was
//! taken back comes back by a confirmed opt-in only. Each change is an event, so the history of a lead is the
//! append-only record: basis, text, source, time, end.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::content::MailId;
use crate::ids::{FormName, ProgramName, RegionName, StepId, TemplateName, TopicName, TouchId};
use crate::lead::{EmailReach, Lead, StageKind, is_zero};
use crate::program::ProgramVersion;

/// The least time between two opt-in mails to one address (TRUST.md §4, subscription bombing).
pub const OPT_IN_SPACING: SignedDuration = SignedDuration::from_hours(24);

/// The most opt-in mails that one address ever gets, over all lives of its lead.
pub const OPT_IN_MAX: u32 = 3;

/// The program that the touch of an opt-in mail names. No folder can have it.
pub const OPT_IN_PROGRAM: &str = "opt-in";

/// The touch of an opt-in mail: of the lead, not of a program.
pub fn opt_in_touch(lead: &Lead) -> Option<TouchId> {
    let (program, step) = (ProgramName::parse(OPT_IN_PROGRAM).ok()?, StepId::parse("confirm").ok()?);
    Some(TouchId { ordinal: lead.enrolments, program, step, occurrence: lead.opt_in.asked })
}

/// Whether a touch is an opt-in mail.
pub fn is_opt_in(touch: &TouchId) -> bool {
    touch.program.as_str() == OPT_IN_PROGRAM
}

/// The ground on which a person is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// What it rests on.
    pub basis: ConsentBasis,
    /// When it was given.
    pub given_at: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What consent rests on, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentBasis {
    /// The person got in touch. In some regions that ends by itself.
    Implied,
    /// Whoever supplied the lead says so.
    Supplied,
    /// The person ticked a box beside a text.
    Stated,
    /// The person confirmed by a mail that only they could read.
    Confirmed,
}

/// Where consent was given or taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentSource {
    /// A form, or the form whose rules a list follows.
    Form(FormName),
    /// The page that an opt-in mail leads to.
    OptInPage,
    /// The page of preferences.
    PreferencesPage,
    /// Nobody: its time was over.
    Time,
}

/// What a person read when they agreed: the first 12 hex digits of the SHA-256 of that text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsentText(pub String);

impl ConsentText {
    /// The version of a text.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.trim().as_bytes());
        Self(HEXLOWER.encode(digest.get(..6).unwrap_or(&digest)))
    }
}

/// How far the question has got whether a person wants mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OptIn {
    /// How many opt-in mails the address ever got.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked: u32,
    /// When it got the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When the next goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// How often the mail that is due was tried and put back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Until when an answer is waited for; present while the question is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The program that begins with a yes, where none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<ProgramName>,
}

impl OptIn {
    /// Whether nobody ever asked.
    pub fn is_unasked(&self) -> bool {
        *self == Self::default()
    }

    /// When another mail may go out at the earliest; `None`: never.
    pub fn next_allowed(&self, now: Timestamp) -> Option<Timestamp> {
        let earliest = self.asked_at.map_or(now, |at| (at + OPT_IN_SPACING).max(now));
        (self.asked < OPT_IN_MAX).then_some(earliest)
    }

    /// The question is answered, or not waited for any more. What was asked is remembered.
    pub(crate) fn close(&mut self) {
        *self = Self { asked: self.asked, asked_at: self.asked_at, ..Self::default() };
    }
}

/// Whether a person may still confirm that they want mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// They may: they are being asked, or were and did not answer.
    Open,
    /// They have, and it holds.
    Confirmed,
    /// They took it back, nobody asked them, or their address cannot be mailed.
    Closed,
}

impl Question {
    /// How it stands with a lead.
    pub fn of(lead: &Lead) -> Self {
        let has_lapsed = [EmailReach::Unconfirmed, EmailReach::NoConsent].contains(&lead.email);
        let is_confirmed = lead.consent.as_ref().is_some_and(|consent| consent.basis == ConsentBasis::Confirmed);
        if lead.stage.kind() == StageKind::Terminal {
            Self::Closed
        } else if lead.opt_in.until.is_some() || has_lapsed {
            Self::Open
        } else if is_confirmed && lead.email == EmailReach::Ok {
            Self::Confirmed
        } else {
            Self::Closed
        }
    }
}

/// What a person wants to get, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Preferences {
    /// Topics that they switched off.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub off: BTreeSet<TopicName>,
    /// Whether they want less mail than others.
    #[serde(default)]
    pub pace: Pace,
    /// Whether what they do is followed.
    #[serde(default)]
    pub following: Following,
}

impl Preferences {
    /// Whether nothing was ever chosen.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much mail a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As much as everybody.
    #[default]
    Usual,
    /// Less often.
    LessOften,
}

/// Whether clicks, opens and visits of a person are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Following {
    /// As their region has it.
    #[default]
    Usual,
    /// Never (do not track).
    Off,
}

/// A part of the world with its own rules about mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: RegionName,
    /// The answers to the field `country` that mean it, regardless of case.
    pub countries: BTreeSet<String>,
    /// How IANA time zones in it begin.
    pub zones: Vec<String>,
    /// The rules.
    pub rules: MailRules,
}

/// What the law and good manners ask in a part of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailRules {
    /// Whether getting in touch is enough, or the person must confirm.
    pub opt_in: OptInRule,
    /// What of a mail's links and pictures is followed.
    pub tracking: Tracking,
    /// How long a person who got in touch may be written to. `None`: until they say no.
    pub implied_days: Option<u32>,
}

/// Whether a person must confirm that they want mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptInRule {
    /// Getting in touch is enough.
    #[default]
    Single,
    /// They must confirm by a mail that only they can read.
    Double,
}

/// What of a mail is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tracking {
    /// Nothing: links lead straight to where they say.
    Off,
    /// Clicks.
    #[default]
    Clicks,
    /// Clicks, and that a mail was shown. Opens are kept, and never used.
    ClicksAndOpens,
}

/// How people are asked to confirm. The mail itself is among the catalog's content, as [`opt_in_mail`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptInLetter {
    /// What the person agrees to, as the page shows it.
    pub text: String,
    /// How long an answer is waited for, in days.
    pub wait_days: u32,
}

/// The mail that asks people to confirm.
pub fn opt_in_mail() -> Option<MailId> {
    let program = ProgramName::parse(OPT_IN_PROGRAM).ok()?;
    let template = TemplateName::parse("confirm").ok()?;
    // It is not pinned: whoever is asked is asked in the words in force.
    Some(MailId { program, version: ProgramVersion(String::new()), template, language: None })
}
