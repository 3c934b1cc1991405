//! A program in a few lines.

use std::collections::BTreeSet;

use jiff::civil::Weekday;
use perennial_core::calendar::{FrequencyCap, SendWindow};
use perennial_core::catalog::Catalog;
use perennial_core::ids::ProgramName;
use perennial_core::program::{Hurry, Program, Stop};
use serde::Serialize;

use super::words;

/// A program in a few lines.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: ProgramName,
    /// Its version.
    pub version: String,
    /// What people call it.
    pub title: String,
    /// How many steps it has.
    pub steps: usize,
    /// How many mails it has, drafts among them.
    pub mails: usize,
    /// The program that follows.
    pub then: ProgramName,
    /// What holds for the whole of it.
    pub facts: Vec<Fact>,
}

/// Something that holds for the whole of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What is spoken of.
    pub name: &'static str,
    /// What holds.
    pub text: String,
}

impl Summary {
    /// Sums a program up.
    pub fn of(catalog: &Catalog, program: &Program) -> Self {
        let templates: BTreeSet<_> = program.steps.iter().flat_map(|step| step.templates()).collect();
        Self {
            name: program.name.clone(),
            version: program.version.0.clone(),
            title: program.title.clone(),
            steps: program.steps.len(),
            mails: templates.len(),
            then: program.then.clone(),
            facts: facts(catalog, program),
        }
    }
}

fn facts(catalog: &Catalog, program: &Program) -> Vec<Fact> {
    let fact = |name, text: String| Fact { name, text };
    let stop = |name, stop: &Stop| {
        let then = stop.then.as_ref().unwrap_or(&program.then);
        fact(name, format!("{} → {then}", stop.when))
    };
    let mut facts = Vec::new();
    facts.extend(program.enter.iter().map(|when| fact("enters", format!("when {when}"))));
    facts.extend(program.goal.iter().map(|goal| stop("goal", goal)));
    facts.extend(program.stops.iter().map(|it| stop("stops", it)));
    facts.extend(
        program
            .horizon
            .iter()
            .map(|horizon| fact("horizon", format!("after {} days → {}", horizon.0.as_hours() / 24, program.then))),
    );
    facts.push(fact("then", program.then.to_string()));
    facts.extend(program.skip_if.iter().map(|when| fact("skips", format!("its touches while {when}"))));
    facts.extend(program.hurry.iter().map(|it| fact("hurry", hurry(it))));
    facts.extend(program.quiet.iter().map(|quiet| {
        let every = words::delay(quiet.every);
        fact("quiet", format!("{every} between steps after {} touches without a sign", quiet.after_touches))
    }));
    if !program.beside_sales {
        facts.push(fact("sales", "it waits while sales works the lead".to_owned()));
    }
    facts.extend(program.topic.iter().map(|topic| fact("topic", format!("{topic}: people can switch it off"))));
    facts.push(fact("window", window(program.window.as_ref().unwrap_or(&catalog.window))));
    facts.push(fact("cap", cap(catalog.cap, program.cap)));
    facts
}

fn hurry(hurry: &Hurry) -> String {
    let signals = hurry.signals.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
    format!("{signals} pulls the next touch to {} ahead", words::delay(hurry.to))
}

/// `Mon–Fri 08:00–17:00`.
fn window(window: &SendWindow) -> String {
    let (opens, closes) = window.hours();
    format!("{} {}–{}", days(window.days()), opens.strftime("%H:%M"), closes.strftime("%H:%M"))
}

/// `Mon–Fri`, `Tue, Thu`.
fn days(days: &[Weekday]) -> String {
    let mut week: Vec<Weekday> = days.to_vec();
    week.sort_by_key(|day| day.to_monday_zero_offset());
    week.dedup();
    let span = |from: &Weekday, to: &Weekday| to.to_monday_zero_offset() - from.to_monday_zero_offset();
    match week.as_slice() {
        [first, .., last] if week.len() > 2 && i8::try_from(week.len()) == Ok(span(first, last) + 1) => {
            format!("{}–{}", short(*first), short(*last))
        }
        days => days.iter().map(|day| short(*day)).collect::<Vec<_>>().join(", "),
    }
}

const fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

/// Both caps hold: the stricter of each.
fn cap(all: FrequencyCap, own: Option<FrequencyCap>) -> String {
    let own = own.unwrap_or(all);
    let spacing = all.spacing.max(own.spacing);
    let hours = spacing.as_hours();
    let spacing = if hours % 24 == 0 { format!("{} days", hours / 24) } else { format!("{hours} hours") };
    format!("at most 1 mail in {spacing}, {} in 7 days", all.weekly_max.min(own.weekly_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_follow_one_another_are_a_span() {
        use Weekday::{Friday, Monday, Sunday, Thursday, Tuesday, Wednesday};
        assert_eq!(days(&[Friday, Monday, Tuesday, Wednesday, Thursday]), "Mon–Fri");
        assert_eq!(days(&[Tuesday, Thursday]), "Tue, Thu");
        assert_eq!(days(&[Tuesday, Wednesday]), "Tue, Wed");
        assert_eq!(days(&[Monday, Wednesday, Sunday]), "Mon, Wed, Sun");
        assert_eq!(days(&[Tuesday]), "Tue");
    }
}
