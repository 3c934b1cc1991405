//! What a mail carries besides its words: who it is from, how to stop it, how to find back (TRUST.md §4).
//!
//! **Invariant:** no mail leaves here without one-click unsubscribe (RFC 8058), a visible link to it and
//! a postal address.

use jiff::Timestamp;
use perennial_core::actor::Target;
use perennial_core::catalog::{Catalog, Sender};
use perennial_core::consent::{Following, Tracking, is_opt_in, opt_in_mail};
use perennial_core::contact::EmailAddress;
use perennial_core::content::{AnswerLinks, Detours, MailId, Merge, Question, RenderError, Rendered};
use perennial_core::decide::PlannedTouch;
use perennial_core::ids::{FieldName, Language, LeadId, TemplateName, TouchId};
use perennial_core::lead::Lead;
use perennial_core::profile::Profile;
use perennial_core::program::{Action, ProgramVersion, TouchClass, Voice};
use perennial_core::questions::choice_mark;
use perennial_core::token::{Keyring, Purpose};

use crate::ports::{OutboundMail, Stored};

pub use perennial_core::token::MailRef;

/// Where the public routes of this deployment are, and what its tokens are signed with.
#[derive(Debug, Clone)]
pub struct Letterhead {
    /// `https://…`, without a slash at the end.
    pub base_url: String,
    /// The keys of its tokens.
    pub keyring: Keyring,
    /// The domain whose mail comes back to us. Without it, replies go to the sender's own mailbox.
    pub reply_domain: Option<String>,
}

/// Why a mail could not be written. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Its template failed.
    #[error("the touch does not render")]
    Render(#[from] RenderError),
    /// The lead has no address that SES takes.
    #[error("the lead has no address that can be mailed")]
    NoAddress,
}

/// What the token of a page that asks says: in which mail it came, and which answer it was made for, if for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRef {
    /// The mail.
    pub mail: MailRef,
    /// A field, and the [`choice_mark`] of the answer; blank where it only asks for the field.
    pub choice: Option<(FieldName, String)>,
}

impl AnswerRef {
    /// Reads a token's payload.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.splitn(4, '/');
        let mail = MailRef { lead: LeadId::parse(parts.next()?).ok()?, touch: TouchId::parse(parts.next()?).ok()? };
        let choice = match (parts.next(), parts.next()) {
            (None, _) => None,
            (Some(field), Some(mark)) => Some((FieldName::parse(field).ok()?, mark.to_owned())),
            (Some(_), None) => return None,
        };
        Some(Self { mail, choice })
    }

    fn payload(&self) -> String {
        let mail = self.mail.payload();
        self.choice.as_ref().map_or_else(|| mail.clone(), |(field, mark)| format!("{mail}/{field}/{mark}"))
    }
}

/// The links of one mail to pages of ours.
struct Links<'a> {
    letterhead: &'a Letterhead,
    mail: &'a MailRef,
}

impl Links<'_> {
    fn to(&self, path: &str, purpose: Purpose, payload: &str) -> String {
        format!("{}{path}{}", self.letterhead.base_url, self.letterhead.keyring.sign(purpose, payload))
    }

    fn answer(&self, choice: Option<(FieldName, String)>) -> String {
        let payload = AnswerRef { mail: self.mail.clone(), choice }.payload();
        self.to(PROFILE_PATH, Purpose::Answer, &payload)
    }
}

impl AnswerLinks for Links<'_> {
    fn page(&self) -> String {
        self.answer(None)
    }

    fn question(&self, field: &FieldName) -> String {
        self.answer(Some((field.clone(), String::new())))
    }

    fn choice(&self, field: &FieldName, choice: &str) -> String {
        self.answer(Some((field.clone(), choice_mark(choice))))
    }
}

/// The path of the unsubscribe route, before its token.
pub const UNSUBSCRIBE_PATH: &str = "/v1/unsubscribe/";

/// The path of the page on which people confirm that they want mail, before its token.
pub const OPT_IN_PATH: &str = "/v1/opt-in/";

/// The path of the links that are followed, before their token.
pub const CLICK_PATH: &str = "/v1/click/";

/// The path of the picture that tells that a mail was shown, before its token.
pub const OPEN_PATH: &str = "/v1/open/";

/// What the token of a link in a mail says. Where the link leads is none of it: that is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickRef {
    /// The lead.
    pub lead: LeadId,
    /// The touch.
    pub touch: TouchId,
    /// Which attempt.
    pub attempt: u32,
    /// Which mail of which version of the touch's program.
    pub mail: MailId,
    /// When it was handed over, in whole seconds.
    pub sent_at: Timestamp,
    /// Which of its links.
    pub target: Target,
}

/// How a token names the link that no reader sees.
const TRAP: &str = "trap";

impl ClickRef {
    /// Reads a token's payload.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut parts = payload.split('/');
        let mut next = || parts.next();
        let lead = LeadId::parse(next()?).ok()?;
        let touch = TouchId::parse(next()?).ok()?;
        let attempt = next()?.parse().ok()?;
        let version = ProgramVersion(next()?.to_owned());
        let file = next()?;
        let (template, language) = file.split_once('.').map_or((file, None), |(name, language)| (name, Some(language)));
        let template = TemplateName::parse(template).ok()?;
        let language = language.map(Language::parse).transpose().ok()?;
        let sent_at = Timestamp::from_second(next()?.parse().ok()?).ok()?;
        let target = match next()? {
            TRAP => Target::Trap,
            number => Target::Link(number.parse().ok()?),
        };
        let mail = MailId { program: touch.program.clone(), version, template, language };
        parts.next().is_none().then_some(Self { lead, touch, attempt, mail, sent_at, target })
    }

    fn payload(&self) -> String {
        let Self { lead, touch, attempt, mail, sent_at, target } = self;
        let target = match target {
            Target::Link(number) => number.to_string(),
            Target::Trap => TRAP.to_owned(),
        };
        let version = &mail.version.0;
        format!("{lead}/{touch}/{attempt}/{version}/{}/{}/{target}", mail.file_stem(), sent_at.as_second())
    }
}

/// What of a mail to this lead is followed: as its region has it, unless it said no. The mail that asks whether it wants
/// mail at all is never followed.
pub fn tracking(catalog: &Catalog, lead: &Lead, profile: &Profile, touch: &TouchId) -> Tracking {
    match lead.preferences.following {
        Following::Usual if !is_opt_in(touch) => catalog.rules_for(lead, Some(profile)).tracking,
        Following::Usual | Following::Off => Tracking::Off,
    }
}

/// Renders a mail, its links by way of us where they are followed.
fn render(
    letterhead: &Letterhead,
    catalog: &Catalog,
    tracking: Tracking,
    click: &ClickRef,
    merge: &Merge<'_>,
) -> Result<Rendered, RenderError> {
    if tracking == Tracking::Off {
        return catalog.content.render(&click.mail, merge);
    }
    let Letterhead { base_url, keyring, .. } = letterhead;
    let detour = |target| {
        let token = keyring.sign(Purpose::Click, &ClickRef { target, ..click.clone() }.payload());
        format!("{base_url}{CLICK_PATH}{token}")
    };
    let open = MailRef { lead: click.lead.clone(), touch: click.touch.clone() }.payload();
    let open = format!("{open}/{}", click.sent_at.as_second());
    let pixel = (tracking == Tracking::ClicksAndOpens)
        .then(|| format!("{base_url}{OPEN_PATH}{}", keyring.sign(Purpose::Open, &open)));
    let detours =
        Detours { link: &|number| detour(Target::Link(number)), trap: &detour(Target::Trap), pixel: pixel.as_deref() };
    catalog.content.render_followed(&click.mail, merge, &detours)
}

/// The path of the page of preferences, before its token.
pub const PREFERENCES_PATH: &str = "/v1/preferences/";

/// The path of the page that asks, before its token.
pub const PROFILE_PATH: &str = "/v1/profile/";

/// Each path that a token ends: the links that our mails carry to ourselves.
pub const TOKEN_PATHS: [&str; 6] =
    [CLICK_PATH, OPEN_PATH, UNSUBSCRIBE_PATH, OPT_IN_PATH, PREFERENCES_PATH, PROFILE_PATH];

/// Writes the mail of a planned touch.
pub fn compose(
    letterhead: &Letterhead,
    catalog: &Catalog,
    lead: &Lead,
    profile: &Profile,
    planned: &PlannedTouch,
    now: Timestamp,
) -> Result<OutboundMail, ComposeError> {
    let to = profile.email.as_ref().and_then(EmailAddress::mailable).ok_or(ComposeError::NoAddress)?;
    let sender = sender(catalog, lead, planned.voice);
    let token_payload = MailRef { lead: lead.id.clone(), touch: planned.touch.clone() }.payload();
    let unsubscribe = letterhead.keyring.sign(Purpose::Unsubscribe, &token_payload);
    let unsubscribe_url = format!("{}{UNSUBSCRIBE_PATH}{unsubscribe}", letterhead.base_url);
    let tracking = tracking(catalog, lead, profile, &planned.touch);
    let rendered = merged(letterhead, catalog, lead, profile, planned, &unsubscribe_url, |template, merge| {
        let click = ClickRef {
            lead: lead.id.clone(),
            touch: planned.touch.clone(),
            attempt: planned.attempt,
            mail: template.clone(),
            sent_at: now,
            target: Target::Trap,
        };
        render(letterhead, catalog, tracking, &click, merge)
    })?;

    let mailbox = catalog.organisation.unsubscribe_mailbox.as_ref();
    let mailto = mailbox.map(|address| format!(", <mailto:{address}?subject={unsubscribe}>")).unwrap_or_default();
    let domain = sender.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let reply = letterhead.keyring.sign(Purpose::Reply, &token_payload);
    let headers = vec![
        ("List-Unsubscribe", format!("<{unsubscribe_url}>{mailto}")),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ("Auto-Submitted", "auto-generated".to_owned()),
        // Replies carry it back, whatever became of our Message-ID.
        ("References", format!("<{reply}@{domain}>")),
    ];
    Ok(OutboundMail {
        from_name: sender.name.clone(),
        from_address: sender.address.clone(),
        to,
        reply_to: (sender.name.clone(), reply_address(letterhead, sender, lead, planned)),
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        headers,
        date: now,
        lead: lead.id.clone(),
        touch: planned.touch.clone(),
        attempt: planned.attempt,
    })
}

/// What a mail of a touch is about, written for a lead with what is known now. `None` where its template is gone, or the
/// step sends none.
pub(crate) fn subject_of(
    catalog: &Catalog,
    stored: &Stored,
    touch: &TouchId,
    version: Option<&ProgramVersion>,
    round: u32,
) -> Option<String> {
    let Stored { lead, profile, .. } = stored;
    let (mail, voice) = if is_opt_in(touch) {
        (opt_in_mail()?, Voice::Team)
    } else {
        let program = match version {
            Some(version) => catalog.program_of(&touch.program, version)?,
            None => catalog.program_named(&touch.program)?,
        };
        let mail = match &program.step(&touch.step)?.action {
            Action::Email { mail, .. } | Action::Ask { mail, .. } => mail,
            Action::Recur { mails, .. } => {
                mails.get(usize::try_from(round).unwrap_or_default() % mails.len().max(1))?
            }
            Action::PersonalMail { .. }
            | Action::Call { .. }
            | Action::Wait
            | Action::WaitUntil { .. }
            | Action::Branch { .. }
            | Action::Split { .. }
            | Action::Alert { .. }
            | Action::Set { .. }
            | Action::Emit { .. }
            | Action::Goal { .. }
            | Action::Exit { .. }
            | Action::Goto { .. } => return None,
        };
        let (program, version) = (program.name.clone(), program.version.clone());
        (MailId { program, version, template: mail.template.clone(), language: None }, mail.from)
    };
    let mail = catalog.content.in_language(&mail, lead.language.as_ref());
    let merge = Merge {
        fields: &profile.fields,
        sender: sender(catalog, lead, voice),
        organisation: &catalog.organisation_in(mail.language.as_ref()),
        unsubscribe_url: "",
        confirm_url: "",
        preferences_url: None,
        questions: &[],
        catalog,
        language: mail.language.as_ref(),
        links: &NoLinks,
    };
    catalog.content.subject(&mail, &merge).ok()
}

/// A subject has no links.
struct NoLinks;

impl AnswerLinks for NoLinks {
    fn page(&self) -> String {
        String::new()
    }

    fn question(&self, _: &FieldName) -> String {
        String::new()
    }

    fn choice(&self, _: &FieldName, _: &str) -> String {
        String::new()
    }
}

/// The draft that a task to write has for its rep, written for a lead with what is known now; its links lead straight to
/// where they say. `None` where the task is none of a program's that has one.
pub(crate) fn draft_of(
    letterhead: &Letterhead,
    catalog: &Catalog,
    stored: &Stored,
    touch: &TouchId,
    version: &ProgramVersion,
) -> Option<Rendered> {
    let Stored { lead, profile, .. } = stored;
    let program = catalog.program_of(&touch.program, version)?;
    let Action::PersonalMail { draft, .. } = &program.step(&touch.step)?.action else { return None };
    let (program, version) = (program.name.clone(), program.version.clone());
    let planned = PlannedTouch {
        touch: touch.clone(),
        attempt: 1,
        voice: Voice::Rep,
        class: TouchClass::Nurture,
        mail: MailId { program, version, template: draft.clone(), language: None },
        asked: Vec::new(),
    };
    // Whoever writes by hand needs none; a draft may name it all the same.
    let payload = MailRef { lead: lead.id.clone(), touch: touch.clone() }.payload();
    let token = letterhead.keyring.sign(Purpose::Unsubscribe, &payload);
    let unsubscribe_url = format!("{}{UNSUBSCRIBE_PATH}{token}", letterhead.base_url);
    let render = |template: &MailId, merge: &Merge<'_>| catalog.content.render(template, merge);
    merged(letterhead, catalog, lead, profile, &planned, &unsubscribe_url, render).ok()
}

/// Renders a mail, in the lead's language, with all that it may say.
fn merged<R>(
    letterhead: &Letterhead,
    catalog: &Catalog,
    lead: &Lead,
    profile: &Profile,
    planned: &PlannedTouch,
    unsubscribe_url: &str,
    render: impl FnOnce(&MailId, &Merge<'_>) -> R,
) -> R {
    let mail_ref = MailRef { lead: lead.id.clone(), touch: planned.touch.clone() };
    let links = Links { letterhead, mail: &mail_ref };
    let token_payload = mail_ref.payload();
    let confirm_url = links.to(OPT_IN_PATH, Purpose::OptIn, &token_payload);
    let preferences_url = links.to(PREFERENCES_PATH, Purpose::Preferences, &token_payload);
    let template = catalog.content.in_language(&planned.mail, lead.language.as_ref());
    // Whatever is around a mail is in the language that the mail is in.
    let language = template.language.as_ref();
    let organisation = catalog.organisation_in(language);
    let questions = questions(catalog, planned, language);
    let merge = Merge {
        fields: &profile.fields,
        sender: sender(catalog, lead, planned.voice),
        organisation: &organisation,
        unsubscribe_url,
        confirm_url: &confirm_url,
        // Whoever is asked whether they want mail has nothing to choose from yet.
        preferences_url: (!is_opt_in(&planned.touch)).then_some(preferences_url.as_str()),
        questions: &questions,
        catalog,
        language,
        links: &links,
    };
    render(&template, &merge)
}

/// Where replies go: to an address that says whose they are, or to the sender's own mailbox.
fn reply_address(letterhead: &Letterhead, sender: &Sender, lead: &Lead, planned: &PlannedTouch) -> String {
    let signed =
        |domain: &String| format!("{}@{domain}", letterhead.keyring.sign_reply_address(&lead.id, &planned.touch));
    letterhead.reply_domain.as_ref().map_or_else(|| sender.address.clone(), signed)
}

/// The questions that a mail asks, in its order.
fn questions<'a>(catalog: &'a Catalog, planned: &'a PlannedTouch, language: Option<&Language>) -> Vec<Question<'a>> {
    let asked = planned.asked.iter().filter_map(|name| Some((name, catalog.question_in(name, language)?)));
    asked.map(|(field, text)| Question { field, text, choices: catalog.choices_in(field, language) }).collect()
}

fn sender<'a>(catalog: &'a Catalog, lead: &Lead, voice: Voice) -> &'a Sender {
    match voice {
        Voice::Rep => owner(catalog, lead),
        Voice::Team => &catalog.organisation.team,
    }
}

/// Who answers for a lead; the team for one whom nobody owns yet.
pub(crate) fn owner<'a>(catalog: &'a Catalog, lead: &Lead) -> &'a Sender {
    catalog.owner_sender(lead.owner.as_ref())
}
