//! `[languages]` of `catalog.toml`: the words of the catalog in other languages.

use std::collections::BTreeMap;

use crate::catalog::{Field, FieldKind, FieldWords, Topic, Words};
use crate::content::ContentBuilder;
use crate::diagnostic::Code;
use crate::ids::{FieldName, Language, TopicName};
use crate::loader::catalog::{choices, joined_lines, prompt};
use crate::loader::consent;
use crate::loader::known::unknown;
use crate::loader::report::{Report, parse_name};
use crate::loader::section::Section;

pub(super) fn read(
    report: &mut Report<'_>,
    root: &mut Section<'_>,
    fields: &BTreeMap<FieldName, Field>,
    topics: &BTreeMap<TopicName, Topic>,
    builder: &mut ContentBuilder,
) -> BTreeMap<Language, Words> {
    let mut languages = BTreeMap::new();
    for (key, mut section) in root.map(report, "languages") {
        let language = parse_name(report, key, Language::parse).map(|named| named.name);
        let reason = section.text(report, "reason").map(|text| joined_lines(text.value));
        let unsubscribe_label = section.text(report, "unsubscribe_label").map(|text| text.value.trim().to_owned());
        let preferences_label = section.text(report, "preferences_label").map(|text| text.value.trim().to_owned());
        let topics = words_of_topics(report, &mut section, topics);
        let fields = words_of_fields(report, &mut section, fields);
        let opt_in = section.section(report, "opt_in");
        let opt_in_text = opt_in.and_then(|section| consent::variant(report, section, language.clone(), builder));
        section.finish(report);
        let Some(language) = language else { continue };
        languages.insert(language, Words { reason, unsubscribe_label, preferences_label, topics, fields, opt_in_text });
    }
    languages
}

fn words_of_topics(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    declared: &BTreeMap<TopicName, Topic>,
) -> BTreeMap<TopicName, String> {
    let mut words = BTreeMap::new();
    for (key, mut section) in section.map(report, "topics") {
        let label = section.text(report, "label").map(|text| text.value.trim().to_owned());
        section.finish(report);
        let Some(named) = parse_name(report, key, TopicName::parse) else { continue };
        if declared.contains_key(&named.name) {
            words.extend(label.map(|label| (named.name, label)));
        } else {
            unknown(report, named.span, &named.name, declared.keys(), "a declared topic");
        }
    }
    words
}

fn words_of_fields(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    declared: &BTreeMap<FieldName, Field>,
) -> BTreeMap<FieldName, FieldWords> {
    let mut words = BTreeMap::new();
    for (key, mut section) in section.map(report, "fields") {
        let label = section.text(report, "label").map(|text| text.value.trim().to_owned());
        let question = section.text(report, "question").and_then(|text| prompt(report, text, "a question"));
        let choices = choices(report, &mut section);
        let span = section.span_of("choices");
        section.finish(report);
        let Some(named) = parse_name(report, key, FieldName::parse) else { continue };
        let Some(field) = declared.get(&named.name) else {
            unknown(report, named.span, &named.name, declared.keys(), "a declared field");
            continue;
        };
        let expected = if let FieldKind::Choice(choices) = &field.kind { choices.len() } else { 0 };
        if !choices.is_empty() && choices.len() != expected {
            let message = format!("`{}` has {expected} choices, and here are {}", named.name, choices.len());
            report.error(Code::ListLength, span, message, "write the same choices, in the same order");
            continue;
        }
        words.insert(named.name, FieldWords { label, question, choices });
    }
    words
}
