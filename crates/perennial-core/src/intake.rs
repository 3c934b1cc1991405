//! Intake: raw names and values become a [`Submission`], the same way for a form post and a row of a list.
//!
//! **Invariant:** only `email`, `phone`, the page's own names (`utm_*`, `timezone`, `language`, `consent`) and the fields that
//! the form declares are ever read; whatever else a post names is dropped unseen (TRUST.md H35).
//!
//! A name that stands more than once is one answer of several parts, as a group of checkboxes posts it:
//! the distinct answers are joined by `, `. An empty answer is no answer.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::calendar;
use crate::catalog::{Field, FieldKind, Form};
use crate::clean;
use crate::consent::ConsentText;
use crate::contact::{ContactError, EmailAddress, PhoneNumber};
use crate::ids::{FieldName, FormName, Language, SubmissionId};
use crate::junk;
use crate::submission::{Channel, Entry, Flag, JunkReason, Permission, Source, Submission};

/// Most name-value pairs of one submission.
pub const FIELDS_MAX: usize = 64;
/// Longest raw value, in characters, whatever its field.
pub const VALUE_LENGTH_MAX: usize = 10_000;
/// Longest UTM value kept, in characters; a link's author, not the sender, wrote what is cut off.
pub const SOURCE_LENGTH_MAX: usize = 200;
/// A field that may be longer than this, in characters, is a text area: its line ends stay.
pub const LINE_LENGTH_MAX: usize = 255;

const EMAIL: &str = "email";
const PHONE: &str = "phone";
const ZONE: &str = "timezone";
const LANGUAGE: &str = "language";
const CONSENT: &str = "consent";

/// A submission as a door received it: not yet cleaned, nothing typed but what the door knows itself.
pub struct RawSubmission {
    /// Its identity.
    pub id: SubmissionId,
    /// The door.
    pub channel: Channel,
    /// When it was made.
    pub received_at: Timestamp,
    /// Where a new lead starts.
    pub entry: Entry,
    /// Whether mail is allowed.
    pub mail: Permission,
    /// Whether calls are allowed.
    pub calls: Permission,
    /// Why the door itself takes it for junk.
    pub junk: Vec<JunkReason>,
    /// Names and values as given. Personal.
    pub pairs: Vec<(String, String)>,
}

impl fmt::Debug for RawSubmission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSubmission").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is wrong with one field of a submission, for the person who can mend it.
///
/// It never repeats a value, nor a name that the form does not declare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field; none where the submission as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The kind of error, for programs.
    pub code: FieldErrorCode,
    /// The error, as a sentence for people.
    pub message: String,
}

/// The kinds of [`FieldError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldErrorCode {
    /// Nothing was given where something must be.
    Required,
    /// What was given cannot be what the field asks for.
    Invalid,
    /// It is longer than the field takes.
    TooLong,
    /// There are more than [`FIELDS_MAX`] fields.
    TooMany,
}

/// Reads a raw submission by the rules of its form; `declared` are the catalog's fields.
///
/// All errors come at once, in the order of the form. A phone number that makes no sense is an error for
/// the person at a form, and is left out of an imported row whose address is good: nobody is there to mend it.
///
/// A door adds the junk reasons that need more than the core knows (a disposable domain) to what this returns.
pub fn read(
    raw: RawSubmission,
    declared: &BTreeMap<FieldName, Field>,
    form_name: &FormName,
    form: &Form,
) -> Result<Submission, Vec<FieldError>> {
    let answers = Answers::within_limits(&raw.pairs, form)?;
    let mut errors = Vec::new();

    let email = answers.contact(EMAIL, EmailAddress::parse).unwrap_or_else(|error| {
        errors.push(error);
        None
    });
    let phone = answers.contact(PHONE, PhoneNumber::parse).unwrap_or_else(|error| {
        if raw.channel == Channel::Form || email.is_none() {
            errors.push(error);
        }
        None
    });
    if email.is_none() && phone.is_none() && errors.is_empty() {
        errors.extend([EMAIL, PHONE].map(unreachable_person));
    }
    let mut fields = BTreeMap::new();
    for name in &form.fields {
        let Some(field) = declared.get(name) else { continue };
        match answers.field(name, field) {
            Ok(Some(answer)) => {
                fields.insert(name.clone(), answer);
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }

    let source = answers.source();
    let zone = answers.zone();
    let language = answers.line(LANGUAGE).and_then(|tag| Language::parse(&tag.to_lowercase()).ok());
    let consent = form.consent_text.as_ref().filter(|_| answers.is_ticked(CONSENT)).map(|text| ConsentText::of(text));
    let mut junk = raw.junk;
    if raw.channel == Channel::Form && form.honeypot.as_ref().is_some_and(|name| answers.line(name).is_some()) {
        junk.push(JunkReason::Honeypot);
    }
    if raw.channel == Channel::Form {
        junk.extend(junk::reasons(texts(&fields, declared)));
    }
    Ok(Submission {
        id: raw.id,
        channel: raw.channel,
        form: form_name.clone(),
        intent: form.intent,
        program: form.program.clone(),
        entry: raw.entry,
        received_at: raw.received_at,
        flags: email.as_ref().map(flags).unwrap_or_default(),
        email,
        phone,
        fields,
        source,
        zone,
        mail: raw.mail,
        calls: raw.calls,
        consent,
        language,
        junk,
    })
}

/// The answers that are somebody's own words.
fn texts<'a>(
    answers: &'a BTreeMap<FieldName, String>,
    declared: &BTreeMap<FieldName, Field>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_text = |name: &FieldName| declared.get(name).is_some_and(|field| field.kind == FieldKind::Text);
    answers.iter().filter(move |(name, _)| is_text(name)).map(|(name, answer)| (name.as_str(), answer.as_str()))
}

fn flags(email: &EmailAddress) -> Vec<Flag> {
    [(email.is_role(), Flag::RoleAddress), (email.is_homoglyph(), Flag::HomoglyphDomain)]
        .into_iter()
        .filter_map(|(holds, flag)| holds.then_some(flag))
        .collect()
}

/// The error of a submission that names nobody to answer (H6).
fn unreachable_person(field: &str) -> FieldError {
    FieldError {
        field: Some(field.to_owned()),
        code: FieldErrorCode::Required,
        message: "Please give an e-mail address or a phone number.".to_owned(),
    }
}

/// The pairs of a submission that keeps within the limits on raw input.
struct Answers<'a>(&'a [(String, String)]);

impl<'a> Answers<'a> {
    fn within_limits(pairs: &'a [(String, String)], form: &Form) -> Result<Self, Vec<FieldError>> {
        if pairs.len() > FIELDS_MAX {
            let message = format!("A submission has at most {FIELDS_MAX} fields.");
            return Err(vec![FieldError { field: None, code: FieldErrorCode::TooMany, message }]);
        }
        let is_named =
            |name: &str| [EMAIL, PHONE].contains(&name) || form.fields.iter().any(|field| field.as_str() == name);
        let errors: Vec<_> = pairs
            .iter()
            .filter(|(_, value)| value.chars().nth(VALUE_LENGTH_MAX).is_some())
            .map(|(name, _)| FieldError {
                field: is_named(name).then(|| name.clone()),
                code: FieldErrorCode::TooLong,
                message: format!("A value has at most {VALUE_LENGTH_MAX} characters."),
            })
            .collect();
        if errors.is_empty() { Ok(Self(pairs)) } else { Err(errors) }
    }

    /// The answer to `name`, cleaned; `None` where there is none.
    fn answer(&self, name: &str, clean: fn(&str) -> String) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        for (_, value) in self.0.iter().filter(|(given, _)| given == name) {
            let part = clean(value);
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn line(&self, name: &str) -> Option<String> {
        self.answer(name, clean::line)
    }

    fn contact<T>(&self, name: &str, parse: fn(&str) -> Result<T, ContactError>) -> Result<Option<T>, FieldError> {
        self.line(name).map(|text| parse(&text)).transpose().map_err(|error| FieldError {
            field: Some(name.to_owned()),
            code: FieldErrorCode::Invalid,
            message: error.to_string(),
        })
    }

    fn field(&self, name: &FieldName, field: &Field) -> Result<Option<String>, FieldError> {
        let clean = if field.length_max > LINE_LENGTH_MAX { clean::paragraphs } else { clean::line };
        let answer = self.answer(name.as_str(), clean);
        if answer.as_ref().is_some_and(|answer| answer.chars().nth(field.length_max).is_some()) {
            return Err(FieldError {
                field: Some(name.to_string()),
                code: FieldErrorCode::TooLong,
                message: format!("{} has at most {} characters.", field.label, field.length_max),
            });
        }
        Ok(answer)
    }

    fn source(&self) -> Source {
        let utm = |name: &str| self.line(name).map(|value| value.chars().take(SOURCE_LENGTH_MAX).collect::<String>());
        // Google and google are one source (DOMAIN.md §8).
        let folded = |name: &str| utm(name).map(|value| value.to_lowercase());
        Source {
            source: folded("utm_source"),
            medium: folded("utm_medium"),
            campaign: utm("utm_campaign"),
            term: utm("utm_term"),
            content: utm("utm_content"),
        }
    }

    /// Whether a box is ticked.
    fn is_ticked(&self, name: &str) -> bool {
        const NOT_TICKED: [&str; 4] = ["0", "false", "no", "off"];
        self.line(name).is_some_and(|value| !NOT_TICKED.contains(&value.to_lowercase().as_str()))
    }

    /// The sender's time zone under the name that the bundled database gives it; a name it does not know is no answer.
    fn zone(&self) -> Option<String> {
        let zone = calendar::zone(&self.line(ZONE)?)?;
        zone.iana_name().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::{CaptchaKind, CaptchaPolicy, FormStatus, StampPolicy};
    use crate::ids::{Pepper, ProgramName};
    use crate::submission::Intent;

    fn field(name: &str) -> FieldName {
        FieldName::parse(name).unwrap()
    }

    fn declared() -> BTreeMap<FieldName, Field> {
        let entry = |name, label: &str, length_max| (field(name), Field::text(label, length_max));
        BTreeMap::from([
            entry("first_name", "First name", 40),
            entry("company", "Company", 80),
            entry("message", "Message", 2000),
            entry("score", "Score", 10),
        ])
    }

    fn contact_form() -> Form {
        Form {
            intent: Intent::HandRaise,
            program: ProgramName::parse("welcome").unwrap(),
            fields: ["first_name", "company", "message"].map(field).to_vec(),
            honeypot: Some("website".to_owned()),
            stamp: StampPolicy::Optional,
            captcha: CaptchaKind::Off,
            captcha_failed: CaptchaPolicy::Quarantine,
            origins: vec![],
            consent_text: None,
            thanks_urls: vec![],
            status: FormStatus::Open,
        }
    }

    fn submit(channel: Channel, pairs: &[(&str, &str)]) -> Result<Submission, Vec<FieldError>> {
        let name = FormName::parse("contact").unwrap();
        let raw = RawSubmission {
            id: SubmissionId::derive(&Pepper::new([7; 32]), &name, "one"),
            channel,
            received_at: "2026-03-02T09:00:00Z".parse().unwrap(),
            entry: Entry::Welcome,
            mail: Permission::Allowed,
            calls: Permission::Allowed,
            junk: vec![],
            pairs: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        read(raw, &declared(), &name, &contact_form())
    }

    fn post(pairs: &[(&str, &str)]) -> Result<Submission, Vec<FieldError>> {
        submit(Channel::Form, pairs)
    }

    fn refused(pairs: &[(&str, &str)]) -> Vec<(Option<String>, FieldErrorCode)> {
        post(pairs).unwrap_err().into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn a_good_post_becomes_a_submission_of_its_form() {
        let submission = post(&[
            ("email", " Ada@Example.com "),
            ("phone", "+44 20 1234 5678"),
            ("first_name", "Ada\r\nBcc: x@y"),
            ("message", "Hello,\r\n{{env}} <b>"),
            ("company", ""),
        ])
        .unwrap();
        assert_eq!(submission.intent, Intent::HandRaise);
        assert_eq!(submission.program.as_str(), "welcome");
        assert_eq!(submission.email.unwrap().normalised(), "ada@example.com");
        assert_eq!(submission.phone.unwrap().as_str(), "+442012345678");
        assert_eq!(
            submission.fields,
            BTreeMap::from([
                (field("first_name"), "Ada Bcc: x@y".to_owned()),
                (field("message"), "Hello,\n{{env}} <b>".to_owned()),
            ])
        );
        assert!(submission.junk.is_empty() && submission.flags.is_empty());
    }

    #[test]
    fn what_the_form_does_not_declare_is_dropped() {
        let names = ["pk", "state", "score", "owner", "consent_at", "__proto__", "First_Name", "first_name[]"];
        let mut pairs = names.map(|name| (name, "x")).to_vec();
        pairs.push(("email", "ada@example.com"));
        assert!(post(&pairs).unwrap().fields.is_empty());
    }

    #[test]
    fn somebody_to_answer_is_required() {
        let both = [Some("email"), Some("phone")].map(|field| (field.map(str::to_owned), FieldErrorCode::Required));
        assert_eq!(refused(&[("first_name", "Ada"), ("email", " \u{200b} ")]), both);
        assert!(post(&[("phone", "5551234567")]).is_ok());
    }

    #[test]
    fn all_errors_come_at_once_and_repeat_nothing_that_was_typed() {
        let errors =
            post(&[("email", "canary"), ("phone", "canary"), ("first_name", &"canary".repeat(10))]).unwrap_err();
        assert_eq!(errors.len(), 3);
        assert!(!format!("{errors:?}").contains("canary"));
        assert_eq!(errors[2].message, "First name has at most 40 characters.");
    }

    #[test]
    fn a_bad_phone_number_is_mended_at_a_form_and_left_out_of_a_list() {
        let pairs = [("email", "ada@example.com"), ("phone", "n/a")];
        assert_eq!(refused(&pairs), [(Some("phone".to_owned()), FieldErrorCode::Invalid)]);
        let imported = submit(Channel::Import, &pairs).unwrap();
        assert!(imported.email.is_some() && imported.phone.is_none());
        assert_eq!(submit(Channel::Import, &[("phone", "n/a")]).unwrap_err().len(), 1);
    }

    #[test]
    fn limits_on_raw_input_name_only_what_the_form_declares() {
        let long = "x".repeat(VALUE_LENGTH_MAX + 1);
        let too_long = |field: Option<&str>| (field.map(str::to_owned), FieldErrorCode::TooLong);
        assert_eq!(refused(&[("email", "ada@example.com"), ("canary", &long)]), [too_long(None)]);
        assert_eq!(refused(&[("email", "ada@example.com"), ("message", &long)]), [too_long(Some("message"))]);
        assert_eq!(refused(&[("a", "b"); FIELDS_MAX + 1]), [(None, FieldErrorCode::TooMany)]);
    }

    #[test]
    fn length_is_counted_in_characters_after_cleaning() {
        let name = format!("  {}\u{200b}  ", "é".repeat(40));
        assert!(post(&[("email", "ada@example.com"), ("first_name", &name)]).is_ok());
    }

    #[test]
    fn repeated_names_are_one_answer_of_several_parts() {
        let submission = post(&[
            ("email", "ada@example.com"),
            ("email", "ada@example.com"),
            ("company", "Analytical"),
            ("company", ""),
            ("company", "Engines"),
            ("company", "Engines"),
        ])
        .unwrap();
        assert_eq!(submission.fields.get(&field("company")).map(String::as_str), Some("Analytical, Engines"));
        let two_people = [("email", "ada@example.com"), ("email", "bob@example.com")];
        assert_eq!(refused(&two_people), [(Some("email".to_owned()), FieldErrorCode::Invalid)]);
    }

    #[test]
    fn the_source_is_folded_and_the_zone_must_exist() {
        let page = |zone| {
            post(&[
                ("email", "a@example.com"),
                ("utm_source", "Google"),
                ("utm_medium", "CPC"),
                ("utm_campaign", "Spring 26"),
                ("timezone", zone),
            ])
            .unwrap()
        };
        let submission = page("europe/berlin");
        assert_eq!(submission.source.source.as_deref(), Some("google"));
        assert_eq!(submission.source.medium.as_deref(), Some("cpc"));
        assert_eq!(submission.source.campaign.as_deref(), Some("Spring 26"));
        assert_eq!(submission.zone.as_deref(), Some("Europe/Berlin"));
        for zone in ["Mars/Olympus", "../../etc/passwd", "", "Local"] {
            assert_eq!(page(zone).zone, None, "{zone}");
        }
        let long = "x".repeat(SOURCE_LENGTH_MAX + 1);
        let submission = post(&[("email", "a@example.com"), ("utm_term", &long)]).unwrap();
        assert_eq!(submission.source.term.unwrap().len(), SOURCE_LENGTH_MAX);
    }

    #[test]
    fn a_filled_honeypot_is_junk_at_a_form_and_a_column_in_a_list() {
        let pairs = [("email", "a@example.com"), ("website", "https://spam.example")];
        assert_eq!(post(&pairs).unwrap().junk, [JunkReason::Honeypot]);
        assert!(submit(Channel::Import, &pairs).unwrap().junk.is_empty());
        assert!(post(&[("email", "a@example.com"), ("website", " ")]).unwrap().junk.is_empty());
    }

    #[test]
    fn a_desk_and_a_look_alike_are_flagged_and_taken() {
        let submission = post(&[("email", "info@gmai1.com")]).unwrap();
        assert_eq!(submission.flags, [Flag::RoleAddress, Flag::HomoglyphDomain]);
        assert!(!submission.is_junk());
    }

    proptest! {
        #[test]
        fn no_pairs_make_intake_panic_and_only_declared_fields_come_out(
            pairs in prop::collection::vec((prop_oneof!["email|phone|first_name|message|timezone|utm_source|website", any::<String>()], any::<String>()), 0..8)
        ) {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            for channel in [Channel::Form, Channel::Import] {
                if let Ok(submission) = submit(channel, &pairs) {
                    let form = contact_form();
                    prop_assert!(submission.fields.keys().all(|name| form.fields.contains(name)));
                    prop_assert!(submission.email.is_some() || submission.phone.is_some());
                }
            }
        }
    }
}
