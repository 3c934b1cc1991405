//! `catalog.toml`: the rules about mail by region, and the mail that asks people to confirm.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::SignedDuration;

use crate::consent::{MailRules, OPT_IN_PROGRAM, OptInLetter, OptInRule, Region, Tracking, opt_in_mail};
use crate::content::{CONFIRM_URL, ContentBuilder, MailId, Part};
use crate::diagnostic::Code;
use crate::ids::{Language, RegionName};
use crate::loader::known::Known;
use crate::loader::report::{Report, parse_name};
use crate::loader::section::Section;

/// The words of `opt_in`.
const OPT_IN_RULES: [(&str, OptInRule); 2] = [("single", OptInRule::Single), ("double", OptInRule::Double)];

/// The least time between two mails to somebody who wants less, unless the file says otherwise.
const LESS_OFTEN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long an answer to the opt-in mail is waited for, unless the file says otherwise, in days.
const WAIT_DAYS: u32 = 14;

/// What the file says of consent.
pub(super) struct ConsentRules {
    pub(super) regions: Vec<Region>,
    pub(super) elsewhere: MailRules,
    pub(super) opt_in: Option<OptInLetter>,
    pub(super) less_often: SignedDuration,
}

pub(super) fn read(report: &mut Report<'_>, root: &mut Section<'_>, builder: &mut ContentBuilder) -> ConsentRules {
    let mut double = None;
    let mut less_often = None;
    let elsewhere = root.section(report, "consent").map(|mut section| {
        less_often = section.exact(report, "less_often");
        let rules = rules(report, &mut section, &mut double);
        section.finish(report);
        rules
    });
    let mut regions = Vec::new();
    for (key, mut section) in root.map(report, "regions") {
        let countries: BTreeSet<String> =
            section.texts(report, "countries").into_iter().map(|text| text.value.trim().to_owned()).collect();
        let zones = section.texts(report, "zones").into_iter().map(|text| text.value.trim().to_owned()).collect();
        let rules = rules(report, &mut section, &mut double);
        section.finish(report);
        let Some(name) = parse_name(report, key, RegionName::parse) else { continue };
        regions.push(Region { name: name.name, countries, zones, rules });
    }
    let opt_in = letter(report, root, builder);
    if let Some(span) = double.filter(|_| !root.has("opt_in")) {
        report.error(Code::KeyMissing, span, NO_LETTER, NO_LETTER_REMEDY);
    }
    ConsentRules {
        regions,
        elsewhere: elsewhere.unwrap_or_default(),
        opt_in,
        less_often: less_often.unwrap_or(LESS_OFTEN),
    }
}

const NO_LETTER: &str = "people are asked to confirm, and there is no mail that asks them";
const NO_LETTER_REMEDY: &str = "add `[opt_in]` to catalog.toml, with `subject`, `body` and `text`";

/// The rule of a program.
pub(super) fn of_program(report: &mut Report<'_>, root: &mut Section<'_>, known: &Known<'_>) -> OptInRule {
    let rule = root.word(report, "opt_in", &OPT_IN_RULES).unwrap_or_default();
    if rule == OptInRule::Double && known.opt_in.is_none() {
        report.error(Code::KeyMissing, root.span_of("opt_in"), NO_LETTER, NO_LETTER_REMEDY);
    }
    rule
}

fn rules(report: &mut Report<'_>, section: &mut Section<'_>, double: &mut Option<Range<usize>>) -> MailRules {
    const TRACKING: [(&str, Tracking); 3] =
        [("off", Tracking::Off), ("clicks", Tracking::Clicks), ("clicks+opens", Tracking::ClicksAndOpens)];
    let opt_in = section.word(report, "opt_in", &OPT_IN_RULES).unwrap_or_default();
    if opt_in == OptInRule::Double {
        double.get_or_insert_with(|| section.span_of("opt_in"));
    }
    let tracking = section.word(report, "tracking", &TRACKING).unwrap_or_default();
    let implied_days = section.days(report, "implied_consent");
    MailRules { opt_in, tracking, implied_days }
}

/// The letter in another language. What people agree to in it.
pub(super) fn variant(
    report: &mut Report<'_>,
    section: Section<'_>,
    language: Option<Language>,
    builder: &mut ContentBuilder,
) -> Option<String> {
    let (text, _) = compiled(report, section, language, builder)?;
    Some(text)
}

/// `[opt_in]`: its mail is compiled as those of programs are.
fn letter(report: &mut Report<'_>, root: &mut Section<'_>, builder: &mut ContentBuilder) -> Option<OptInLetter> {
    let section = root.section(report, "opt_in")?;
    let (text, wait_days) = compiled(report, section, None, builder)?;
    Some(OptInLetter { text, wait_days: wait_days.unwrap_or(WAIT_DAYS) })
}

/// What people agree to, and how long a yes is waited for.
fn compiled(
    report: &mut Report<'_>,
    mut section: Section<'_>,
    language: Option<Language>,
    builder: &mut ContentBuilder,
) -> Option<(String, Option<u32>)> {
    let subject = section.text(report, "subject");
    let body = section.text(report, "body");
    let text = section.text(report, "text");
    let wait_days = if language.is_none() { section.days(report, "wait") } else { None };
    section.finish(report);
    let (subject, body, text) = (subject?, body?, text?);
    let mail = MailId { language, ..opt_in_mail()? };
    match builder.add(&mail, subject.value, body.value) {
        Ok(paths) => {
            let allowed = |path: &str| path == CONFIRM_URL || path == "organisation.name" || path.starts_with("facts.");
            if let Some((_, path)) = paths.iter().find(|(_, path)| !allowed(path)) {
                let message = format!("`{path}` cannot stand in the mail that asks people to confirm");
                let remedy =
                    "it may be somebody who knows nothing of us: use `organisation.name`, `facts.…` and `confirm_url`";
                report.error(Code::UnknownField, body.span(), message, remedy);
            }
            if !paths.iter().any(|(part, path)| *part == Part::Body && path == CONFIRM_URL) {
                let message = "the mail that asks people to confirm has no link to do it";
                report.error(
                    Code::KeyMissing,
                    body.span(),
                    message,
                    "add a link: `[Yes, write to me]({{ confirm_url }})`",
                );
            }
        }
        Err((part, error)) => {
            let span = if part == Part::Subject { subject.span() } else { body.span() };
            let message = error.detail().map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
            report.error(Code::TemplateSyntax, span, message, "a value is `{{ organisation.name }}`");
        }
    }
    Some((text.value.trim().to_owned(), wait_days))
}

/// Whether a folder may be a program: the touches of opt-in mails go by a name of their own.
pub(super) fn is_taken(folder: &str) -> bool {
    folder == OPT_IN_PROGRAM
}
