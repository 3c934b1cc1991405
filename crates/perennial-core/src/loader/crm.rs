//! `[crm]` of `catalog.toml`: what the words of CRMs mean.

use std::collections::BTreeMap;

use crate::crm::{Ambiguous, DISQUALIFIED, Meaning, StatusWords, TURNED_BACK};
use crate::diagnostic::Code;
use crate::event::DisqualifyReason;
use crate::ids::CrmName;
use crate::loader::report::{Report, parse_name};
use crate::loader::section::Section;

pub(super) fn read(report: &mut Report<'_>, root: &mut Section<'_>) -> BTreeMap<CrmName, StatusWords> {
    let mut crms = BTreeMap::new();
    for (key, section) in root.map(report, "crm") {
        let words = words(report, section);
        let Some(name) = parse_name(report, key, CrmName::parse) else { continue };
        crms.insert(name.name, words);
    }
    crms
}

fn words(report: &mut Report<'_>, mut section: Section<'_>) -> StatusWords {
    let mut words = StatusWords::default();
    for (word, meaning) in Meaning::PLAIN {
        take(report, &mut section, word, meaning, &mut words);
    }
    if let Some(mut reasons) = section.section(report, TURNED_BACK) {
        for reason in Meaning::TURNBACKS {
            take(report, &mut reasons, reason.as_str(), Meaning::TurnedBack(reason), &mut words);
        }
        reasons.finish(report);
    }
    if let Some(mut reasons) = section.section(report, DISQUALIFIED) {
        for reason in DisqualifyReason::OF_REPS {
            take(report, &mut reasons, reason.as_str(), Meaning::Disqualified(reason), &mut words);
        }
        reasons.finish(report);
    }
    section.finish(report);
    words
}

fn take(
    report: &mut Report<'_>,
    section: &mut Section<'_>,
    key: &'static str,
    meaning: Meaning,
    words: &mut StatusWords,
) {
    for text in section.texts(report, key) {
        if words.add(text.value, meaning) == Err(Ambiguous) {
            let message = format!("`{}` in {} has a meaning already", text.value, section.what());
            report.error(Code::DuplicateName, text.span(), message, "leave it in one of the lists");
        }
    }
}
