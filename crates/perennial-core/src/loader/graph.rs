//! What only the whole shows: whether every way through every program leads on.
//!
//! **Invariant:** a catalog without an error here loses no lead. From every step of every program, and from every stage
//! that the catalog routes, each way comes to a touch, a task, a listening state with a review date, or the end of a
//! life, also for a lead of whom nothing is heard any more; and no way comes round in less than a day.
//!
//! The parts:
//! - [`flow`]: the ways through one program that some lead can take ([`super::solve`] says which);
//! - [`whole`]: all programs together, their circles, and who enters them;
//! - [`asks`]: conditions that never hold, fit that tells nobody apart, and claims that meet;
//! - [`pace`]: windows and caps;
//! - [`recall`]: when leads are offered to sales again;
//! - [`supply`]: fields that nobody fills in;
//! - [`topics`]: topics that nothing uses.
//!
//! All of it is linear in the number of steps.

mod asks;
mod circle;
#[cfg(test)]
mod fixture;
mod flow;
mod pace;
mod recall;
mod supply;
#[cfg(test)]
mod tests;
mod topics;
mod whole;

use crate::catalog::Catalog;
use crate::condition::Condition;
use crate::diagnostic::{Code, Severity};
use crate::ids::{ProgramName, StepId};
use crate::loader::solve::World;
use crate::program::{Program, Step};
use crate::timing::Delay;

pub(super) use self::supply::{supplied, unsupplied};

/// A problem of a program, or of the catalog, that no single key shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The program; `None` is `catalog.toml`.
    pub(super) program: Option<ProgramName>,
    /// The step; `None` is the program itself.
    pub(super) step: Option<StepId>,
    /// The key it is about, as a path: `goal.when`, `case.2.goto` ([`super::spans::Spans::find`]).
    pub(super) key: String,
    /// Which kind of problem.
    pub(super) code: Code,
    /// Whether the catalog can be used in spite of it.
    pub(super) severity: Severity,
    /// What is wrong, in one line.
    pub(super) message: String,
    /// What to do, in one line.
    pub(super) remedy: String,
}

/// Looks through the programs of a catalog; older versions that are kept are not looked at.
///
/// The answer is in a fixed order: program by program, by name, then what concerns several of them, then `catalog.toml`.
pub(super) fn check(catalog: &Catalog) -> Vec<Finding> {
    let world = World::of(catalog);
    let flows: Vec<flow::Flow<'_>> = catalog.programs.values().map(|program| flow::Flow::of(program, &world)).collect();
    let supplied = supply::supplied(catalog);
    let mut found = Vec::new();
    for flow in &flows {
        flow::check(flow, &mut found);
        asks::check(flow, &world, &mut found);
        pace::check(flow, catalog, &mut found);
        recall::check_program(flow.program, catalog, &world, &mut found);
        supply::check_program(flow.program, &supplied, &mut found);
    }
    whole::check(catalog, &flows, &world, &mut found);
    asks::check_claims(catalog, &world, &mut found);
    asks::check_fit(catalog, &world, &mut found);
    recall::check_catalog(catalog, &world, &mut found);
    supply::check_catalog(catalog, &supplied, &mut found);
    topics::check(catalog, &mut found);
    found
}

/// Where a finding stands.
#[derive(Debug, Clone)]
struct Place<'a> {
    program: Option<&'a Program>,
    step: Option<&'a Step>,
    key: String,
}

impl<'a> Place<'a> {
    fn catalog(key: impl Into<String>) -> Self {
        Self { program: None, step: None, key: key.into() }
    }

    fn program(program: &'a Program, key: impl Into<String>) -> Self {
        Self { program: Some(program), step: None, key: key.into() }
    }

    fn step(program: &'a Program, step: &'a Step, key: impl Into<String>) -> Self {
        Self { program: Some(program), step: Some(step), key: key.into() }
    }

    /// What tells it apart from other places.
    fn key(&self) -> (Option<&'a ProgramName>, Option<&'a StepId>, String) {
        (self.program.map(|program| &program.name), self.step.map(|step| &step.id), self.key.clone())
    }

    fn error(self, code: Code, message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(Severity::Error, code, message.into(), remedy.into())
    }

    fn warning(self, code: Code, message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, code, message.into(), remedy.into())
    }

    fn finding(self, severity: Severity, code: Code, message: String, remedy: String) -> Finding {
        Finding {
            program: self.program.map(|program| program.name.clone()),
            step: self.step.map(|step| step.id.clone()),
            key: self.key,
            code,
            severity,
            message,
            remedy,
        }
    }
}

/// Minutes, as plans count them: a day has 24 hours, whatever the clocks do.
type Minutes = u64;

/// A day: the least time in which a way may come round.
const DAY: Minutes = 24 * 60;

/// A week: what a frequency cap counts over, and what a weekday takes to come round.
const WEEK: Minutes = 7 * DAY;

/// What a delay takes as planned; business days as if each were the next day.
fn planned(delay: Delay) -> Minutes {
    match delay {
        Delay::Minutes(minutes) => Minutes::from(minutes),
        Delay::Days(days) | Delay::BusinessDays(days) => DAY * Minutes::from(days),
    }
}

/// A time as program files say it: `42d`, `20h`, `90m`.
fn spoken(minutes: Minutes) -> String {
    match minutes {
        0 => "0m".to_owned(),
        days if days % DAY == 0 => format!("{}d", days / DAY),
        hours if hours % 60 == 0 => format!("{}h", hours / 60),
        minutes => format!("{minutes}m"),
    }
}

/// The longest condition that a message repeats, in characters.
const QUOTED_MAX: usize = 120;

/// A condition as a message repeats it.
fn quoted(condition: &Condition) -> String {
    let text = condition.to_string();
    if text.chars().count() <= QUOTED_MAX {
        return text;
    }
    let start: String = text.chars().take(QUOTED_MAX).collect();
    format!("{} …", start.trim_end())
}
