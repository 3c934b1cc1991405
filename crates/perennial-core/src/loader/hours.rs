//! When people are in: of a queue, a team or a rep.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};

use crate::calendar;
use crate::diagnostic::Code;
use crate::loader::report::{Report, Text};
use crate::loader::section::Section;
use crate::roster::{OfficeHours, Weekdays};

const WEEKDAYS: [(&str, Weekdays); 7] = [
    ("mon", Weekdays::Mon),
    ("tue", Weekdays::Tue),
    ("wed", Weekdays::Wed),
    ("thu", Weekdays::Thu),
    ("fri", Weekdays::Fri),
    ("sat", Weekdays::Sat),
    ("sun", Weekdays::Sun),
];

/// The hours of a table; `None`, and reported, if they are none.
pub(super) fn read(report: &mut Report<'_>, mut section: Section<'_>) -> Option<OfficeHours> {
    let span = section.span();
    let zone = section.text(report, "zone").and_then(|text| zone(report, text));
    let days = section.words(report, "days", &WEEKDAYS);
    let opens = time(report, &mut section, "opens");
    let closes = time(report, &mut section, "closes");
    let holidays = holidays(report, &mut section);
    let has_days = section.has("days");
    section.finish(report);
    let (zone, opens, closes) = (zone?, opens?, closes?);
    if has_days && (days.is_empty() || opens >= closes) {
        let remedy = "for example `days = [\"mon\", \"tue\"]`, `opens = \"09:00\"`, `closes = \"17:30\"`";
        report.error(Code::BadWindow, span, "office hours need a day and must open before they close", remedy);
        return None;
    }
    has_days.then_some(OfficeHours { zone, days, opens, closes, holidays })
}

/// A time zone of those that are built in: the same file means the same on every machine.
pub(super) fn zone(report: &mut Report<'_>, text: Text<'_>) -> Option<String> {
    if calendar::zone(text.value).is_some() {
        return Some(text.value.to_owned());
    }
    let message = format!("`{}` is not a time zone", text.value);
    let remedy = "write an IANA name such as \"Europe/Berlin\" or \"America/New_York\"";
    report.error(Code::BadZone, text.span(), message, remedy);
    None
}

/// A time of day.
pub(super) fn time(report: &mut Report<'_>, section: &mut Section<'_>, key: &'static str) -> Option<Time> {
    let text = section.text(report, key)?;
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

fn holidays(report: &mut Report<'_>, section: &mut Section<'_>) -> BTreeSet<Date> {
    let mut holidays = BTreeSet::new();
    for text in section.texts(report, "holidays") {
        if let Ok(date) = Date::strptime("%Y-%m-%d", text.value) {
            holidays.insert(date);
        } else {
            let message = format!("`{}` is not a date", text.value);
            report.error(Code::BadDate, text.span(), message, "write year, month and day: \"2026-12-25\"");
        }
    }
    holidays
}
