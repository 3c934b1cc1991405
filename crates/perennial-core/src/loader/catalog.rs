//! `catalog.toml`.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::calendar::{self, FrequencyCap, SendWindow, WEEKLY_MAX};
use crate::catalog::{Field, Form, FormStatus, Organisation, Queue, Sender, StampPolicy};
use crate::contact::EmailAddress;
use crate::content::{RESERVED_FIELDS, is_unsafe};
use crate::diagnostic::Code;
use crate::ids::{FieldName, FormName, ProgramName, QueueName};
use crate::loader::section::{Entry, Report, Section, Text, parse_name, parse_word, suggestion};
use crate::loader::{Folder, SourceFile};
use crate::submission::Intent;

/// The longest answer that a field may ask for, in characters.
const FIELD_LENGTH_MAX: u32 = 10_000;

/// What every form takes and no `[fields]` declares.
const CONTACT_FIELDS: [&str; 2] = ["email", "phone"];

/// What `catalog.toml` declares. What is `None` was reported.
pub(super) struct CatalogFile {
    pub(super) organisation: Option<Organisation>,
    pub(super) default_zone: Option<TimeZone>,
    pub(super) window: Option<SendWindow>,
    pub(super) cap: Option<FrequencyCap>,
    pub(super) fields: BTreeMap<FieldName, Field>,
    pub(super) forms: BTreeMap<FormName, Form>,
    pub(super) queues: BTreeMap<QueueName, Queue>,
    pub(super) default_queue: Option<QueueName>,
    pub(super) last_resort: Option<ProgramName>,
}

/// Reads the file; `None` if it is not TOML.
pub(super) fn read(
    report: &mut Report<'_>,
    source: &SourceFile,
    programs: &BTreeMap<ProgramName, Folder<'_>>,
) -> Option<CatalogFile> {
    let table = report.parse_toml(&source.text, 0)?;
    let mut root = Section::root("the catalog", &table, 0);
    let fields = fields(report, &mut root);
    let queues = queues(report, &mut root);
    let file = CatalogFile {
        organisation: organisation(report, &mut root),
        default_zone: zone(report, &mut root),
        window: window(report, &mut root),
        cap: cap(report, &mut root),
        forms: forms(report, &mut root, &fields, programs),
        default_queue: reference(report, &mut root, "default_queue", QueueName::parse, &queues, "a queue"),
        last_resort: reference(report, &mut root, "last_resort", ProgramName::parse, programs, "a program"),
        fields,
        queues,
    };
    root.finish(report);
    Some(file)
}

/// The name of something declared elsewhere.
fn reference<K: Ord + std::fmt::Display, V>(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<K, crate::ids::IdError>,
    declared: &BTreeMap<K, V>,
    what: &str,
) -> Option<K> {
    let text = section.required_text(report, key, &format!("add `{key} = \"…\"` with the name of {what}"))?;
    let named = parse_name(report, text, parse)?;
    if declared.contains_key(&named.name) {
        return Some(named.name);
    }
    unknown(report, named.span, &named.name, declared.keys(), what);
    None
}

/// Reports a name of nothing.
fn unknown<'k, K: std::fmt::Display + 'k>(
    report: &mut Report<'_>,
    span: Range<usize>,
    name: &impl std::fmt::Display,
    declared: impl Iterator<Item = &'k K>,
    what: &str,
) {
    let known: Vec<String> = declared.map(ToString::to_string).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    report.error(Code::UnknownName, span, format!("`{name}` is not {what}"), suggestion(&name.to_string(), &known));
}

fn organisation(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<Organisation> {
    let mut section =
        root.required_section(report, "organisation", "add `[organisation]`: every mail says who sends it")?;
    let name = section.required_text(report, "name", "add the name that readers know you by");
    let postal_address =
        section.required_text(report, "postal_address", "add it: the law asks for a postal address in every mail");
    let reason = section.required_text(report, "reason", "add one sentence: why people get this mail");
    let unsubscribe_label =
        section.required_text(report, "unsubscribe_label", "add what the link says, for example \"Unsubscribe\"");
    let unsubscribe_mailbox = section.text(report, "unsubscribe_mailbox").and_then(|text| address(report, text));
    let team =
        section.required_section(report, "team", "add `[organisation.team]` with `name` and `address`: your own voice");
    let team = team.and_then(|team| sender(report, team));
    let facts = section.section(report, "facts").map(|facts| read_facts(report, &facts)).unwrap_or_default();
    section.finish(report);
    Some(Organisation {
        name: name?.value.trim().to_owned(),
        postal_address: joined_lines(postal_address?.value),
        team: team?,
        unsubscribe_mailbox,
        reason: joined_lines(reason?.value),
        unsubscribe_label: unsubscribe_label?.value.trim().to_owned(),
        facts,
    })
}

/// An address may be written on several lines; the footer has one.
fn joined_lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

fn read_facts(report: &mut Report<'_>, section: &Section<'_>) -> BTreeMap<FieldName, String> {
    let mut facts = BTreeMap::new();
    for entry in section.entries() {
        let name = parse_name(report, entry.key, FieldName::parse);
        let text = section.text_of(report, &entry);
        if let (Some(name), Some(text)) = (name, text) {
            facts.insert(name.name, text.value.trim().to_owned());
        }
    }
    facts
}

fn sender(report: &mut Report<'_>, mut section: Section<'_>) -> Option<Sender> {
    let name = section.required_text(report, "name", "add the name that readers see");
    let address_text = section.required_text(report, "address", "add the address that mail comes from");
    let name = name.filter(|name| is_one_line(report, *name));
    let address = address_text.and_then(|text| address(report, text));
    section.finish(report);
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
    let text = root.required_text(report, "default_zone", "add `default_zone`, for example \"Europe/Berlin\"")?;
    // The zones that are built in: the same file means the same on every machine.
    let zone = calendar::zone(text.value);
    if zone.is_none() {
        let message = format!("`{}` is not a time zone", text.value);
        report.error(
            Code::BadZone,
            text.span(),
            message,
            "write an IANA name such as \"Europe/Berlin\" or \"America/New_York\"",
        );
    }
    zone
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

fn window(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<SendWindow> {
    let mut section = root.required_section(report, "window", "add `[window]` with `days`, `opens` and `closes`")?;
    let span = section.span();
    let days = section.texts(report, "days");
    let days = days.into_iter().filter_map(|day| parse_word(report, day, "day", &WEEKDAYS)).collect();
    let opens = time(report, &mut section, "opens");
    let closes = time(report, &mut section, "closes");
    section.finish(report);
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

fn time(report: &mut Report<'_>, section: &mut Section<'_>, key: &'static str) -> Option<Time> {
    let text = section.required_text(report, key, "add a time of day, for example \"08:00\"")?;
    let time = Time::strptime("%H:%M", text.value).ok();
    if time.is_none() {
        report.error(
            Code::BadWindow,
            text.span(),
            format!("`{}` is not a time of day", text.value),
            "write hours and minutes: \"08:00\"",
        );
    }
    time
}

fn cap(report: &mut Report<'_>, root: &mut Section<'_>) -> Option<FrequencyCap> {
    let mut section = root.required_section(report, "cap", "add `[cap]` with `spacing` and `weekly_max`")?;
    section.require(report, "spacing", "add the least time between two mails, for example \"20h\"");
    section.require(report, "weekly_max", "add the most mails in seven days, for example 3");
    let spacing = section.duration(report, "spacing");
    let weekly_max = section.count(report, "weekly_max", u32::try_from(WEEKLY_MAX).unwrap_or(u32::MAX));
    section.finish(report);
    Some(FrequencyCap { spacing: spacing?, weekly_max: usize::try_from(weekly_max?).ok()? })
}

fn fields(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<FieldName, Field> {
    let mut fields = BTreeMap::new();
    let Some(section) = root.required_section(report, "fields", "add `[fields.first_name]` and what else you ask")
    else {
        return fields;
    };
    for entry in section.entries() {
        let Some(name) = parse_name(report, entry.key, FieldName::parse) else { continue };
        if RESERVED_FIELDS.contains(&name.name.as_str()) || CONTACT_FIELDS.contains(&name.name.as_str()) {
            let message = format!("`{}` cannot be declared: it is there already", name.name);
            report.error(Code::BadName, name.span, message, "choose another name");
            continue;
        }
        let Some(mut entry) = section.section_of(report, &entry) else { continue };
        let label = entry.required_text(report, "label", "add what people read beside the field");
        let length_max = entry.count(report, "length_max", FIELD_LENGTH_MAX);
        entry.require(report, "length_max", "add the longest answer that is taken, in characters");
        entry.finish(report);
        // A field with a mistake in it is declared all the same: whoever uses it is not wrong too.
        let label = label.map(|label| label.value.to_owned()).unwrap_or_default();
        let length_max = length_max.and_then(|max| usize::try_from(max).ok()).unwrap_or_default();
        fields.insert(name.name, Field { label, length_max });
    }
    fields
}

fn queues(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<QueueName, Queue> {
    let mut queues = BTreeMap::new();
    let Some(section) =
        root.required_section(report, "queues", "add `[queues.sdr]` with its sender: someone owns every lead")
    else {
        return queues;
    };
    for entry in section.entries() {
        let Some(name) = parse_name(report, entry.key, QueueName::parse) else { continue };
        let Some(mut queue) = section.section_of(report, &entry) else { continue };
        let sender_section =
            queue.required_section(report, "sender", "add `sender = { name = \"…\", address = \"…\" }`");
        let sender = sender_section.and_then(|section| sender(report, section));
        queue.finish(report);
        // Declared all the same, as with fields; the error keeps this sender from ever being used.
        let sender = sender.unwrap_or_else(|| Sender { name: String::new(), address: String::new() });
        queues.insert(name.name, Queue { sender });
    }
    queues
}

fn forms(
    report: &mut Report<'_>,
    root: &mut Section<'_>,
    fields: &BTreeMap<FieldName, Field>,
    programs: &BTreeMap<ProgramName, Folder<'_>>,
) -> BTreeMap<FormName, Form> {
    let mut forms = BTreeMap::new();
    let Some(section) = root.section(report, "forms") else { return forms };
    for entry in section.entries() {
        let Some(name) = parse_name(report, entry.key, FormName::parse) else { continue };
        if let Some(form) = form(report, &section, &entry, fields, programs) {
            forms.insert(name.name, form);
        }
    }
    forms
}

fn form<'t>(
    report: &mut Report<'_>,
    forms: &Section<'t>,
    entry: &Entry<'t>,
    fields: &BTreeMap<FieldName, Field>,
    programs: &BTreeMap<ProgramName, Folder<'_>>,
) -> Option<Form> {
    let mut section = forms.section_of(report, entry)?;
    section.require(
        report,
        "intent",
        "add `intent = \"hand_raise\"` if its sender asks to be spoken to, else \"inquiry\"",
    );
    let intent = section.word(report, "intent", &[("hand_raise", Intent::HandRaise), ("inquiry", Intent::Inquiry)]);
    let program = reference(report, &mut section, "program", ProgramName::parse, programs, "a program");
    let fields = form_fields(report, &mut section, fields);
    let honeypot = section.text(report, "honeypot").map(|text| trap(report, text, &fields));
    let stamp =
        section.word(report, "stamp", &[("optional", StampPolicy::Optional), ("required", StampPolicy::Required)]);
    let origins = origins(report, &mut section);
    let thanks_urls = urls(report, &mut section, "thanks_urls");
    let status = section.word(report, "status", &[("open", FormStatus::Open), ("closed", FormStatus::Closed)]);
    section.finish(report);
    Some(Form {
        intent: intent?,
        program: program?,
        fields,
        honeypot,
        stamp: stamp.unwrap_or_default(),
        origins,
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
