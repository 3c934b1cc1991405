//! `catalog.toml`: who sends, when, to which forms, and what is known of a lead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::breaker::BreakerPolicy;
use crate::broadcast::Broadcast;
use crate::calendar::{self, FrequencyCap, SendWindow};
use crate::catalog::{
    CaptchaKind, CaptchaPolicy, Catalog, Field, FieldKind, Form, FormStatus, Handover, Limits, Organisation, Queue,
    Replies, Retention, Route, Sender, StampPolicy, Supplier, Topic, Words,
};
use crate::condition::same_answer;
use crate::contact::EmailAddress;
use crate::content::{Content, ContentBuilder, RESERVED_FIELDS, is_unsafe};
use crate::crm::StatusWords;
use crate::diagnostic::Code;
use crate::ids::{
    CrmName, FieldName, FormName, IdError, Language, ProgramName, QueueName, RouteName, TopicName, WebhookName,
};
use crate::loader::consent::{self, ConsentRules};
use crate::loader::crm;
use crate::loader::hours::{self, time};
use crate::loader::known::{Known, unknown};
use crate::loader::language;
use crate::loader::policy;
use crate::loader::report::{Report, Text, parse_name};
use crate::loader::routes;
use crate::loader::section::Section;
use crate::loader::shape::{self, PROMPT_LENGTH_MAX};
use crate::loader::webhook;
use crate::policy::{BouncePolicy, FitRule, Gate, Scores, Sla, Turnbacks};
use crate::program::{Program, ProgramVersion};
use crate::submission::Intent;
use crate::webhook::Webhook;

/// What every form takes and no `[fields]` declares.
const CONTACT_FIELDS: [&str; 2] = ["email", "phone"];

/// What the link to the preferences says, unless the file says otherwise.
const PREFERENCES_LABEL: &str = "Choose what you get";

/// The longest answer to a field that a date answers, in characters: `2027-05-01`.
const DATE_LENGTH: usize = 10;

/// The language of a catalog that does not say in which it is written.
const LANGUAGE_DEFAULT: &str = "en";

/// How much people mind being asked for a field that does not say so.
const THREAT_DEFAULT: u8 = 3;

/// What `catalog.toml` declares. What is `None` was reported.
pub(super) struct CatalogFile {
    pub(super) organisation: Option<Organisation>,
    pub(super) default_zone: Option<TimeZone>,
    pub(super) window: Option<SendWindow>,
    pub(super) cap: Option<FrequencyCap>,
    pub(super) fields: BTreeMap<FieldName, Field>,
    pub(super) topics: BTreeMap<TopicName, Topic>,
    pub(super) consent: ConsentRules,
    pub(super) language: Option<Language>,
    pub(super) languages: BTreeMap<Language, Words>,
    pub(super) replies: Replies,
    pub(super) mail_form: Option<FormName>,
    pub(super) retention: Retention,
    pub(super) limits: Limits,
    pub(super) forms: BTreeMap<FormName, Form>,
    pub(super) queues: BTreeMap<QueueName, Queue>,
    pub(super) default_queue: Option<QueueName>,
    pub(super) routes: BTreeMap<RouteName, Route>,
    pub(super) handover: Handover,
    pub(super) last_resort: Option<ProgramName>,
    pub(super) webhooks: BTreeMap<WebhookName, Webhook>,
    pub(super) holdout_percent: u8,
    pub(super) gate: Option<Gate>,
    pub(super) scores: Option<Scores>,
    pub(super) fit: Vec<FitRule>,
    pub(super) sla: Option<Sla>,
    pub(super) turnbacks: Option<Turnbacks>,
    pub(super) crms: BTreeMap<CrmName, StatusWords>,
    pub(super) bounces: BouncePolicy,
    pub(super) breaker: BreakerPolicy,
}

/// Reads the file; `None` if it is not TOML.
pub(super) fn read(
    report: &mut Report<'_>,
    programs: &BTreeSet<ProgramName>,
    builder: &mut ContentBuilder,
) -> Option<CatalogFile> {
    let text = report.readable()?;
    let table = report.parse_toml(text, 0)?;
    let mut root = Section::root("the catalog", &shape::CATALOG, &table, 0);
    let fields = fields(report, &mut root);
    let topics = topics(report, &mut root);
    let queues = queues(report, &mut root);
    let routes = routes::routes(report, &mut root, &queues);
    let forms = forms(report, &mut root, &fields, programs);
    let mail_form = mail_form(report, &mut root, &forms);
    let known = Known::while_reading(Some(&fields), Some(&topics), programs);
    let file = CatalogFile {
        organisation: organisation(report, &mut root),
        default_zone: zone(report, &mut root),
        window: root.section(report, "window").and_then(|section| window(report, section)),
        cap: root.section(report, "cap").and_then(|section| cap(report, section)),
        consent: consent::read(report, &mut root, builder),
        language: own_language(report, &mut root),
        languages: language::read(report, &mut root, &fields, &topics, builder),
        replies: replies(report, &mut root),
        mail_form,
        retention: retention(report, &mut root),
        limits: limits(report, &mut root),
        forms,
        default_queue: reference(report, &mut root, "default_queue", QueueName::parse, queues.keys(), "a queue"),
        last_resort: reference(report, &mut root, "last_resort", ProgramName::parse, programs.iter(), "a program"),
        webhooks: webhook::read(report, &mut root),
        holdout_percent: holdout(report, &mut root),
        gate: policy::gate(report, &mut root),
        scores: policy::scores(report, &mut root),
        fit: policy::fit(report, &mut root, &known),
        sla: policy::sla(report, &mut root),
        crms: crm::read(report, &mut root),
        turnbacks: policy::turnbacks(report, &mut root, &known, &routes),
        handover: routes::handover(report, &mut root, &routes),
        bounces: policy::bounces(report, &mut root),
        breaker: policy::breaker(report, &mut root),
        fields,
        topics,
        queues,
        routes,
    };
    root.finish(report);
    Some(file)
}

impl CatalogFile {
    /// The whole catalog; `None` if something of it was reported.
    pub(super) fn with(
        self,
        programs: BTreeMap<ProgramName, Program>,
        kept: BTreeMap<(ProgramName, ProgramVersion), Program>,
        broadcasts: BTreeMap<ProgramName, Broadcast>,
        content: Content,
    ) -> Option<Catalog> {
        Some(Catalog {
            organisation: self.organisation?,
            default_zone: self.default_zone?,
            window: self.window?,
            cap: self.cap?,
            fields: self.fields,
            topics: self.topics,
            regions: self.consent.regions,
            elsewhere: self.consent.elsewhere,
            opt_in: self.consent.opt_in,
            less_often: self.consent.less_often,
            language: self.language?,
            languages: self.languages,
            replies: self.replies,
            mail_form: self.mail_form,
            retention: self.retention,
            limits: self.limits,
            forms: self.forms,
            queues: self.queues,
            default_queue: self.default_queue?,
            routes: self.routes,
            handover: self.handover,
            roster: Arc::default(),
            paused: Arc::default(),
            webhooks: self.webhooks,
            holdout_percent: self.holdout_percent,
            gate: self.gate?,
            scores: self.scores?,
            fit: self.fit,
            sla: self.sla?,
            turnbacks: self.turnbacks?,
            crms: self.crms,
            bounces: self.bounces,
            breaker: self.breaker,
            programs,
            kept,
            broadcasts,
            last_resort: self.last_resort?,
            content,
        })
    }
}

/// How long programs stand still after a reply, unless the file says otherwise.
const REPLY_PAUSE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long they do after an automatic answer without a date, unless the file says otherwise.
const AWAY_PAUSE: SignedDuration = SignedDuration::from_hours(5 * 24);

fn replies(report: &mut Report<'_>, root: &mut Section<'_>) -> Replies {
    let mut replies = Replies { pause: REPLY_PAUSE, away: AWAY_PAUSE };
    if let Some(mut section) = root.section(report, "replies") {
        replies.pause = section.exact(report, "pause").unwrap_or(REPLY_PAUSE);
        replies.away = section.exact(report, "away").unwrap_or(AWAY_PAUSE);
        section.finish(report);
    }
    replies
}

fn own_language(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Language> {
    let named = root.name(report, "language", Language::parse).map(|named| named.name);
    named.or_else(|| Language::parse(LANGUAGE_DEFAULT).ok())
}

fn mail_form(report: &mut Report<'_>, root: &mut Section<'_>, forms: &BTreeMap<FormName, Form>) -> Option<FormName> {
    let mut section = root.section(report, "inbound")?;
    let form = reference(report, &mut section, "form", FormName::parse, forms.keys(), "a form");
    section.finish(report);
    form
}

/// The name of something that must be declared.
pub(super) fn reference<'k, K: Ord + std::fmt::Display + 'k>(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<K, IdError>,
    mut declared: impl Iterator<Item = &'k K> + Clone,
    what: &str,
) -> Option<K> {
    let named = section.name(report, key, parse)?;
    let all = declared.clone();
    if declared.any(|known| *known == named.name) {
        return Some(named.name);
    }
    unknown(report, named.span, &named.name, all, what);
    None
}

fn organisation(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Organisation> {
    let mut section = root.section(report, "organisation")?;
    let name = section.text(report, "name");
    let postal_address = section.text(report, "postal_address");
    let reason = section.text(report, "reason");
    let unsubscribe_label = section.text(report, "unsubscribe_label");
    let preferences_label = section.text(report, "preferences_label");
    let unsubscribe_mailbox = section.text(report, "unsubscribe_mailbox").and_then(|text| address(report, text));
    let team = section.section(report, "team").and_then(|team| sender(report, team));
    let facts = facts(report, &mut section);
    section.finish(report);
    Some(Organisation {
        name: name?.value.trim().to_owned(),
        postal_address: joined_lines(postal_address?.value),
        team: team?,
        unsubscribe_mailbox,
        reason: joined_lines(reason?.value),
        unsubscribe_label: unsubscribe_label?.value.trim().to_owned(),
        preferences_label: preferences_label.map_or(PREFERENCES_LABEL, |label| label.value.trim()).to_owned(),
        facts,
    })
}

/// An address may be written on several lines; the footer has one.
pub(super) fn joined_lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

fn facts(report: &mut Report<'_>, section: &mut Section<'_>) -> BTreeMap<FieldName, String> {
    let texts = section.facts(report, "facts");
    let facts = texts.into_iter().filter_map(|(key, text)| {
        let name = parse_name(report, key, FieldName::parse)?;
        Some((name.name, text.value.trim().to_owned()))
    });
    facts.collect()
}

fn sender(report: &mut Report<'_>, mut section: Section<'_>) -> Option<Sender> {
    let sender = sender_of(report, &mut section);
    section.finish(report);
    sender
}

/// The name and the address of a table that may say more.
pub(super) fn sender_of(report: &mut Report<'_>, section: &mut Section<'_>) -> Option<Sender> {
    let name = section.text(report, "name").filter(|name| is_one_line(report, *name));
    let address = section.text(report, "address").and_then(|text| address(report, text));
    Some(Sender { name: name?.value.trim().to_owned(), address: address? })
}

/// A name goes into a header: a line break in it would start another one.
fn is_one_line(report: &mut Report<'_>, text: Text<'_>) -> bool {
    let one_line = !text.value.contains(is_unsafe);
    if !one_line {
        report.error(
            Code::WrongType,
            text.span(),
            "the name is not one line",
            "remove the line break or control character",
        );
    }
    one_line
}

/// An address that SES takes: the local part ASCII, the domain in punycode.
fn address(report: &mut Report<'_>, text: Text<'_>) -> Option<String> {
    let mailable = EmailAddress::parse(text.value).ok().and_then(|address| address.mailable());
    if mailable.is_none() {
        let message = format!("`{}` is not an address that mail can be sent from", text.value);
        report.error(Code::BadAddress, text.span(), message, "write it as `name@your-domain`, in ASCII before the @");
    }
    mailable
}

fn zone(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<TimeZone> {
    let text = root.text(report, "default_zone")?;
    calendar::zone(&hours::zone(report, text)?)
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A send window, of the catalog or of a program.
pub(super) fn window(report: &mut Report<'_>, mut section: Section<'_>) -> Option<SendWindow> {
    let span = section.span();
    let days = section.words(report, "days", &WEEKDAYS);
    let opens = time(report, &mut section, "opens");
    let closes = time(report, &mut section, "closes");
    let has_days = section.has("days");
    section.finish(report);
    if !has_days {
        return None;
    }
    match SendWindow::new(days, opens?, closes?) {
        Ok(window) => Some(window),
        Err(error) => {
            report.error(
                Code::BadWindow,
                span,
                error.to_string(),
                "for example `days = [\"mon\", \"tue\"]`, `opens = \"08:00\"`, `closes = \"17:00\"`",
            );
            None
        }
    }
}

/// A frequency cap, of the catalog or of a program.
pub(super) fn cap(report: &mut Report<'_>, mut section: Section<'_>) -> Option<FrequencyCap> {
    let spacing = section.exact(report, "spacing");
    let weekly_max = section.number(report, "weekly_max");
    section.finish(report);
    Some(FrequencyCap { spacing: spacing?, weekly_max: usize::try_from(weekly_max?).ok()? })
}

fn fields(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<FieldName, Field> {
    let mut fields = BTreeMap::new();
    for (key, section) in root.map(report, "fields") {
        let Some(name) = parse_name(report, key, FieldName::parse) else { continue };
        if RESERVED_FIELDS.contains(&name.name.as_str()) || CONTACT_FIELDS.contains(&name.name.as_str()) {
            let message = format!("`{}` cannot be declared: it is there already", name.name);
            report.error(Code::BadName, name.span, message, "choose another name");
            continue;
        }
        fields.insert(name.name, field(report, section));
    }
    fields
}

/// A field with a mistake in it is declared all the same, and has a question: whoever uses it is not wrong too.
fn field(report: &mut Report<'_>, mut section: Section<'_>) -> Field {
    let kind = section.vary(report, &shape::FIELD);
    let label = section.text(report, "label").map(|label| label.value.trim().to_owned()).unwrap_or_default();
    // What else may stand here depends on the type.
    let Some(kind) = kind else { return Field { question: Some(label.clone()), label, ..blank_field() } };
    let (kind, length_max) = match kind {
        "choice" => {
            let choices = choices(report, &mut section);
            let longest = choices.iter().map(|choice| choice.chars().count()).max().unwrap_or_default();
            (FieldKind::Choice(choices), Some(longest))
        }
        "date" => (FieldKind::Date, Some(DATE_LENGTH)),
        _ => {
            let length_max = section.number(report, "length_max");
            (FieldKind::Text, length_max.and_then(|max| usize::try_from(max).ok()))
        }
    };
    let question = section.text(report, "question").and_then(|text| prompt(report, text, "a question"));
    let threat = section.number(report, "threat").and_then(|threat| u8::try_from(threat).ok());
    let ask_again_after_days = section.days(report, "ask_again_after");
    let suppliers = [("sales", Supplier::Sales), ("enrichment", Supplier::Enrichment)];
    let supplied_by = section.word(report, "supplied_by", &suppliers);
    section.finish(report);
    Field {
        label,
        length_max: length_max.unwrap_or_default(),
        kind,
        question,
        threat: threat.unwrap_or(THREAT_DEFAULT),
        ask_again_after_days,
        supplied_by,
    }
}

fn blank_field() -> Field {
    Field {
        label: String::new(),
        length_max: 0,
        kind: FieldKind::Text,
        question: None,
        threat: THREAT_DEFAULT,
        ask_again_after_days: None,
        supplied_by: None,
    }
}

/// What people choose from; no two that are the same to a person.
pub(super) fn choices(report: &mut Report<'_>, section: &mut Section<'_>) -> Vec<String> {
    let mut choices: Vec<String> = Vec::new();
    for text in section.texts(report, "choices") {
        let Some(choice) = prompt(report, text, "a choice") else { continue };
        if choices.iter().any(|known| same_answer(known, &choice)) {
            let message = format!("the choice `{choice}` is there already");
            report.error(Code::DuplicateName, text.span(), message, "remove it, or write another");
            continue;
        }
        choices.push(choice);
    }
    choices
}

/// Words that stand in mails and on pages: one short line.
pub(super) fn prompt(report: &mut Report<'_>, text: Text<'_>, what: &str) -> Option<String> {
    let line = text.value.trim();
    if line.contains(is_unsafe) || line.chars().count() > PROMPT_LENGTH_MAX {
        let message = format!("{what} is one line of at most {PROMPT_LENGTH_MAX} characters");
        report.error(
            Code::WrongType,
            text.span(),
            message,
            "shorten it, and remove line breaks and control characters",
        );
        return None;
    }
    Some(line.to_owned())
}

fn topics(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<TopicName, Topic> {
    let mut topics = BTreeMap::new();
    for (key, mut section) in root.map(report, "topics") {
        let label = section.text(report, "label").map(|label| label.value.trim().to_owned());
        section.finish(report);
        let Some(name) = parse_name(report, key, TopicName::parse) else { continue };
        // Declared all the same, as with fields.
        topics.insert(name.name, Topic { label: label.unwrap_or_default() });
    }
    topics
}

fn holdout(report: &mut Report<'_>, root: &mut Section<'_>) -> u8 {
    let Some(mut section) = root.section(report, "holdout") else { return 0 };
    let percent = section.number(report, "percent");
    section.finish(report);
    percent.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(0)
}

fn retention(report: &mut Report<'_>, root: &mut Section<'_>) -> Retention {
    let usual = Retention::default();
    let Some(mut section) = root.section(report, "retention") else { return usual };
    let junk = section.days(report, "junk");
    let submissions = section.days(report, "submissions");
    let engagement = section.days(report, "engagement");
    section.finish(report);
    Retention {
        junk_days: junk.unwrap_or(usual.junk_days),
        submission_days: submissions.unwrap_or(usual.submission_days),
        engagement_days: engagement.unwrap_or(usual.engagement_days),
    }
}

/// What is not said is as shipped.
fn limits(report: &mut Report<'_>, root: &mut Section<'_>) -> Limits {
    let shipped = Limits::default();
    let Some(mut section) = root.section(report, "limits") else { return shipped };
    let network_per_minute = section.number(report, "network_per_minute");
    let network_suspicious = section.number(report, "network_suspicious");
    let form_per_minute = section.number(report, "form_per_minute");
    section.finish(report);
    Limits {
        network_per_minute: network_per_minute.unwrap_or(shipped.network_per_minute),
        network_suspicious: network_suspicious.unwrap_or(shipped.network_suspicious),
        form_per_minute: form_per_minute.unwrap_or(shipped.form_per_minute),
    }
}

fn queues(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<QueueName, Queue> {
    let mut queues = BTreeMap::new();
    for (key, mut queue) in root.map(report, "queues") {
        let Some(name) = parse_name(report, key, QueueName::parse) else { continue };
        let sender = queue.section(report, "sender").and_then(|section| sender(report, section));
        let hours = queue.section(report, "hours").and_then(|section| hours::read(report, section));
        queue.finish(report);
        // Declared all the same, as with fields; the error keeps this sender from ever being used.
        let sender = sender.unwrap_or_else(|| Sender { name: String::new(), address: String::new() });
        queues.insert(name.name, Queue { sender, hours });
    }
    queues
}

fn forms(
    report: &mut Report<'_>,
    root: &mut Section<'_>,
    fields: &BTreeMap<FieldName, Field>,
    programs: &BTreeSet<ProgramName>,
) -> BTreeMap<FormName, Form> {
    let mut forms = BTreeMap::new();
    for (key, section) in root.map(report, "forms") {
        let Some(name) = parse_name(report, key, FormName::parse) else { continue };
        if let Some(form) = form(report, section, fields, programs) {
            forms.insert(name.name, form);
        }
    }
    forms
}

fn form(
    report: &mut Report<'_>,
    mut section: Section<'_>,
    fields: &BTreeMap<FieldName, Field>,
    programs: &BTreeSet<ProgramName>,
) -> Option<Form> {
    let intent = section.word(report, "intent", &[("hand_raise", Intent::HandRaise), ("inquiry", Intent::Inquiry)]);
    let program = reference(report, &mut section, "program", ProgramName::parse, programs.iter(), "a program");
    let fields = form_fields(report, &mut section, fields);
    let honeypot = section.text(report, "honeypot").map(|text| trap(report, text, &fields));
    let stamp =
        section.word(report, "stamp", &[("optional", StampPolicy::Optional), ("required", StampPolicy::Required)]);
    let captchas = [("off", CaptchaKind::Off), ("altcha", CaptchaKind::Altcha), ("turnstile", CaptchaKind::Turnstile)];
    let captcha = section.word(report, "captcha", &captchas);
    let policies = [("quarantine", CaptchaPolicy::Quarantine), ("refuse", CaptchaPolicy::Refuse)];
    let captcha_failed = section.word(report, "captcha_failed", &policies);
    let origins = origins(report, &mut section);
    let thanks_urls = urls(report, &mut section, "thanks_urls");
    let consent_text = section.text(report, "consent_text").map(|text| joined_lines(text.value));
    let status = section.word(report, "status", &[("open", FormStatus::Open), ("closed", FormStatus::Closed)]);
    section.finish(report);
    Some(Form {
        intent: intent?,
        program: program?,
        fields,
        honeypot,
        stamp: stamp.unwrap_or_default(),
        captcha: captcha.unwrap_or_default(),
        captcha_failed: captcha_failed.unwrap_or_default(),
        origins,
        consent_text,
        thanks_urls,
        status: status.unwrap_or_default(),
    })
}

fn form_fields(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    declared: &BTreeMap<FieldName, Field>,
) -> Vec<FieldName> {
    let mut taken = Vec::new();
    for text in section.texts(report, "fields") {
        if CONTACT_FIELDS.contains(&text.value) {
            continue;
        }
        let Some(named) = parse_name(report, text, FieldName::parse) else { continue };
        if declared.contains_key(&named.name) {
            taken.push(named.name);
        } else {
            unknown(report, named.span, &named.name, declared.keys(), "a declared field");
        }
    }
    taken
}

/// The name of a field that people must not fill in, so not one of those they should.
fn trap(report: &mut Report<'_>, text: Text<'_>, fields: &[FieldName]) -> String {
    if CONTACT_FIELDS.contains(&text.value) || fields.iter().any(|field| field.as_str() == text.value) {
        let message = format!("people fill in `{}`: it cannot be the honeypot", text.value);
        report.error(
            Code::BadName,
            text.span(),
            message,
            "name a field that the form does not have, for example \"website\"",
        );
    }
    text.value.to_owned()
}

/// The pages' origins, as browsers send them: anything more would never be equal to one, and every post
/// from that page would go into quarantine unseen.
fn origins(report: &mut Report<'_>, section: &mut Section<'_>) -> Vec<String> {
    let mut origins = Vec::new();
    for text in section.texts(report, "origins") {
        let host = text.value.strip_prefix("https://").or_else(|| text.value.strip_prefix("http://"));
        let is_origin = host.is_some_and(|host| {
            let is_host_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
            !host.is_empty() && host.chars().all(is_host_char)
        });
        if is_origin {
            origins.push(text.value.to_owned());
        } else {
            let message = format!("`{}` in `origins` is not an origin, so no post would ever match it", text.value);
            let remedy = "write scheme and host in lower case, with no path and no slash at the end: \"https://www.example.com\"";
            report.error(Code::LinkRefused, text.span(), message, remedy);
        }
    }
    origins
}

/// Absolute http or https URLs.
fn urls(report: &mut Report<'_>, section: &mut Section<'_>, key: &'static str) -> Vec<String> {
    let mut urls = Vec::new();
    for text in section.texts(report, key) {
        let absolute = text.value.starts_with("https://") || text.value.starts_with("http://");
        if absolute && !text.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            urls.push(text.value.to_owned());
        } else {
            let message = format!("`{}` in `{key}` is not a web address", text.value);
            report.error(Code::LinkRefused, text.span(), message, "write it in full: \"https://www.example.com\"");
        }
    }
    urls
}
