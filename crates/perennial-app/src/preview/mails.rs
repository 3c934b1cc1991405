//! The mails of a program, written for one lead.

use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::consent::Following;
use perennial_core::contact::EmailAddress;
use perennial_core::content::MailId;
use perennial_core::decide::PlannedTouch;
use perennial_core::ids::{FieldName, StepId, TemplateName, TouchId};
use perennial_core::lead::Lead;
use perennial_core::profile::Profile;
use perennial_core::program::{Action, Mail, Program, Step, TouchClass, Voice};
use perennial_core::token::Keyring;

use super::door;
use super::walk::Walked;
use super::{AlsoSent, Header, Letter, MailKind, MailPreview, NoMail};
use crate::error_chain::ErrorChain;
use crate::mail::{Letterhead, compose};
use crate::ports::OutboundMail;

/// Where the links of a previewed mail lead: nowhere.
const BASE_URL: &str = "https://your-domain.example";

/// What stands in for the address of a lead that has none.
const NO_ADDRESS: &str = "nobody@your-domain.example";

/// A line of its own that starts the footer of a plain text.
const FOOTER: &str = "\n-- \n";

/// Which mail: a step, and a file.
pub(super) type MailKey = (StepId, TemplateName);

/// A mail as it would have been handed over, or why it cannot be written.
pub(super) struct SentMail {
    pub(super) planned: PlannedTouch,
    pub(super) at: Timestamp,
    pub(super) letter: Result<OutboundMail, String>,
}

impl SentMail {
    pub(super) fn key(&self) -> MailKey {
        (self.planned.touch.step.clone(), self.planned.mail.template.clone())
    }
}

/// Writes a planned mail, as a worker does.
pub(super) fn write(
    catalog: &Catalog,
    lead: &Lead,
    profile: &Profile,
    planned: PlannedTouch,
    at: Timestamp,
) -> SentMail {
    // Whoever looks at it wants to see where its links lead.
    let mut unfollowed = lead.clone();
    unfollowed.preferences.following = Following::Off;
    let letter = compose(&letterhead(), catalog, &unfollowed, profile, &planned, at);
    SentMail { planned, at, letter: letter.map_err(|error| ErrorChain(&error).to_string()) }
}

/// Every mail of the program once: as it goes out, or as it would on the first day.
pub(super) fn all(catalog: &Catalog, program: &Program, walked: &Walked) -> Vec<MailPreview> {
    let mut mails: Vec<MailPreview> = Vec::new();
    for mail in program.steps.iter().flat_map(|step| of_step(catalog, program, step, walked)) {
        match mails.iter_mut().find(|known| known.template == mail.template) {
            Some(known) => join(known, mail),
            None => mails.push(mail),
        }
    }
    mails
}

/// Tells of another step that sends a mail. What is shown is what this lead gets first.
fn join(known: &mut MailPreview, mut other: MailPreview) {
    let comes_first = match (&known.at, &other.at) {
        (Some(known), Some(other)) => other < known,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if comes_first {
        other.also = std::mem::take(&mut known.also);
        std::mem::swap(known, &mut other);
    }
    known.also.push(AlsoSent { step: other.step, at: other.at, asks: other.asks });
}

fn of_step(catalog: &Catalog, program: &Program, step: &Step, walked: &Walked) -> Vec<MailPreview> {
    let one = |mail: &Mail, class, asks: &[FieldName]| mailed(catalog, program, step, walked, mail, class, asks);
    match &step.action {
        Action::Email { mail, class, .. } => vec![one(mail, *class, &[])],
        Action::Ask { mail, class, fields } => vec![one(mail, *class, fields)],
        Action::Recur { mails, class, .. } => mails.iter().map(|mail| one(mail, *class, &[])).collect(),
        Action::PersonalMail { draft, .. } => vec![drafted(catalog, program, step, walked, draft)],
        Action::Call { .. }
        | Action::Wait
        | Action::WaitUntil { .. }
        | Action::Branch { .. }
        | Action::Split { .. }
        | Action::Alert { .. }
        | Action::Set { .. }
        | Action::Emit { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => Vec::new(),
    }
}

/// The mail of a step that is meant: which, of what class, and what it asks for.
pub(super) fn chosen<'s>(
    step: &'s Step,
    template: Option<&TemplateName>,
) -> Result<(&'s Mail, TouchClass, &'s [FieldName]), NoMail> {
    let (mails, class, asks): (&[Mail], _, &[FieldName]) = match &step.action {
        Action::Email { mail, class, .. } => (std::slice::from_ref(mail), *class, &[]),
        Action::Ask { mail, class, fields } => (std::slice::from_ref(mail), *class, fields),
        Action::Recur { mails, class, .. } => (mails, *class, &[]),
        Action::PersonalMail { .. } => return Err(NoMail::Draft),
        Action::Call { .. }
        | Action::Wait
        | Action::WaitUntil { .. }
        | Action::Branch { .. }
        | Action::Split { .. }
        | Action::Alert { .. }
        | Action::Set { .. }
        | Action::Emit { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => return Err(NoMail::NotAMail),
    };
    let known = || mails.iter().map(|mail| mail.template.clone()).collect();
    let mail = match (template, mails) {
        (None, [only]) => only,
        (None, _) => return Err(NoMail::Several { known: known() }),
        (Some(name), mails) => {
            let named = mails.iter().find(|mail| &mail.template == name);
            named.ok_or_else(|| NoMail::NoTemplate { name: name.clone(), known: known() })?
        }
    };
    Ok((mail, class, asks))
}

/// A mail as it goes out to this lead, or as it would on the first day.
pub(super) fn one(
    catalog: &Catalog,
    program: &Program,
    step: &Step,
    walked: &Walked,
    mail: &Mail,
    class: TouchClass,
    asks: &[FieldName],
) -> Result<OutboundMail, String> {
    if let Some(sent) = walked.sent.get(&(step.id.clone(), mail.template.clone())) {
        return sent.letter.clone();
    }
    let asked = unknown(catalog, asks, &walked.profile);
    written_anyhow(catalog, walked, planned(program, step, mail, class, asked), walked.start).letter
}

fn mailed(
    catalog: &Catalog,
    program: &Program,
    step: &Step,
    walked: &Walked,
    mail: &Mail,
    class: TouchClass,
    asks: &[FieldName],
) -> MailPreview {
    let key = (step.id.clone(), mail.template.clone());
    if let Some(sent) = walked.sent.get(&key) {
        let letter = sent.letter.as_ref().map_err(Clone::clone);
        return shown(key, MailKind::Mail, Some(sent.at), &sent.planned.asked, walked, letter);
    }
    let asked = unknown(catalog, asks, &walked.profile);
    let planned = planned(program, step, mail, class, asked);
    let SentMail { planned, letter, .. } = written_anyhow(catalog, walked, planned, walked.start);
    shown(key, MailKind::Mail, None, &planned.asked, walked, letter.as_ref().map_err(Clone::clone))
}

/// A draft: what the owner finds to send in person.
fn drafted(catalog: &Catalog, program: &Program, step: &Step, walked: &Walked, draft: &TemplateName) -> MailPreview {
    let key = (step.id.clone(), draft.clone());
    let at = walked.drafted.get(&step.id).copied();
    let mail = Mail { template: draft.clone(), from: Voice::Rep };
    let planned = planned(program, step, &mail, TouchClass::Nurture, Vec::new());
    let SentMail { letter, .. } = written_anyhow(catalog, walked, planned, at.unwrap_or(walked.start));
    shown(key, MailKind::Draft, at, &[], walked, letter.as_ref().map_err(Clone::clone))
}

fn planned(program: &Program, step: &Step, mail: &Mail, class: TouchClass, asked: Vec<FieldName>) -> PlannedTouch {
    let touch = TouchId { ordinal: door::ORDINAL, program: program.name.clone(), step: step.id.clone(), occurrence: 0 };
    PlannedTouch { touch, attempt: 1, voice: mail.from, class, mail: id(program, mail), asked }
}

pub(super) fn id(program: &Program, mail: &Mail) -> MailId {
    let (version, template) = (program.version.clone(), mail.template.clone());
    MailId { program: program.name.clone(), version, template, language: None }
}

/// Written even where the lead has no address: to be read, not to be sent.
fn written_anyhow(catalog: &Catalog, walked: &Walked, planned: PlannedTouch, at: Timestamp) -> SentMail {
    let mut profile = walked.profile.clone();
    if profile.email.as_ref().and_then(EmailAddress::mailable).is_none() {
        profile.email = EmailAddress::parse(NO_ADDRESS).ok();
    }
    write(catalog, &walked.lead, &profile, planned, at)
}

/// What a mail that is not sent to this lead would ask: what is not known, or, to somebody else, anything. The least
/// threatening comes first, as it does in a mail that is sent.
fn unknown(catalog: &Catalog, asks: &[FieldName], profile: &Profile) -> Vec<FieldName> {
    let is_unknown = |name: &&FieldName| profile.fields.get(*name).is_none_or(|answer| answer.trim().is_empty());
    let mut unknown: Vec<FieldName> = asks.iter().filter(is_unknown).cloned().collect();
    if unknown.is_empty() {
        unknown = asks.to_vec();
    }
    catalog.sort_by_threat(&mut unknown);
    unknown
}

fn shown(
    (step, template): MailKey,
    kind: MailKind,
    at: Option<Timestamp>,
    asks: &[FieldName],
    walked: &Walked,
    letter: Result<&OutboundMail, String>,
) -> MailPreview {
    let letter = match (letter, kind) {
        (Err(error), MailKind::Mail | MailKind::Draft) => Letter::Unwritable { error },
        (Ok(mail), MailKind::Mail) => Letter::Written {
            headers: headers(mail, walked),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            html: Some(mail.html.clone()),
        },
        // The owner sends it by hand: without our footer and our links.
        (Ok(mail), MailKind::Draft) => Letter::Written {
            headers: envelope(mail),
            subject: mail.subject.clone(),
            text: mail.text.split_once(FOOTER).map_or(mail.text.as_str(), |(body, _)| body).to_owned(),
            html: None,
        },
    };
    let at = at.map(|at| at.to_zoned(walked.zone.clone()));
    MailPreview { step, template, kind, at, asks: asks.to_vec(), also: Vec::new(), letter }
}

fn envelope(mail: &OutboundMail) -> Vec<Header> {
    let to = if mail.to == NO_ADDRESS { "(the lead has no address that can be mailed)" } else { &mail.to };
    vec![
        Header { name: "From", value: format!("{} <{}>", mail.from_name, mail.from_address) },
        Header { name: "To", value: to.to_owned() },
        Header { name: "Subject", value: mail.subject.clone() },
    ]
}

fn headers(mail: &OutboundMail, walked: &Walked) -> Vec<Header> {
    let (name, address) = &mail.reply_to;
    let date = mail.date.to_zoned(walked.zone.clone()).strftime("%a, %-d %b %Y %H:%M:%S %z").to_string();
    let mut headers = envelope(mail);
    headers.push(Header { name: "Date", value: date });
    headers.push(Header { name: "Reply-To", value: format!("{name} <{address}>") });
    headers.extend(mail.headers.iter().map(|(name, value)| Header { name, value: value.clone() }));
    headers
}

fn letterhead() -> Letterhead {
    let keys = [("sample".to_owned(), [0; 32])].into();
    let keyring = Keyring::new(keys, "sample").unwrap_or_else(|_| unreachable!("the key is there, and named well"));
    Letterhead { base_url: BASE_URL.to_owned(), keyring, reply_domain: None }
}
