//! A difference, as people read it.

use std::fmt::Write as _;

use perennial_app::push::Leads;
use perennial_core::program::ProgramVersion;

use super::compare::{Elsewhere, KeyDiff, Line, ProgramDiff, Report, StepChange, StepDiff};

/// The text of a report.
pub(super) fn text(report: &Report) -> String {
    let mut out = Text::default();
    if report.programs.is_empty() && report.catalog.is_empty() {
        out.line(0, &format!("nothing differs between {} and {}", report.old, report.new));
    }
    for program in &report.programs {
        out.program(program);
    }
    if !report.catalog.is_empty() {
        out.line(0, "catalog.toml: in force for everybody at once");
        out.lines(2, &report.catalog);
    }
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing to a String cannot fail.
        let line = format!("{:indent$}{text}", "");
        let _: std::fmt::Result = writeln!(self.0, "{}", line.trim_end());
    }

    fn program(&mut self, program: &ProgramDiff) {
        let version = |version: Option<&ProgramVersion>, none: &str| version.map_or(none.to_owned(), |it| it.0.clone());
        let (old, new) = (version(program.old.as_ref(), "new"), version(program.new.as_ref(), "gone"));
        let there = program.leads.filter(|leads| *leads > 0).map(|leads| format!("{} in the old one", Leads(leads)));
        let elsewhere = program.leads_elsewhere.map(|leads| format!("{} in others", Leads(leads)));
        let leads = [there, elsewhere].into_iter().flatten().collect::<Vec<_>>().join(", ");
        self.line(0, &format!("{}  {old} → {new}   {leads}", program.program));
        for Elsewhere { version, steps } in &program.elsewhere {
            let stand = steps.iter().map(|(step, leads)| format!("{} at {step}", Leads(*leads)));
            self.line(2, &format!("in {}: {}", version.0, stand.collect::<Vec<_>>().join(", ")));
        }
        self.keys(2, &program.keys);
        for step in &program.steps {
            self.step(step);
        }
        if program.keys.is_empty() && program.steps.iter().all(|step| step.change == StepChange::Same) {
            self.line(2, "only comments, or mails that no step sends");
        }
        self.0.push('\n');
    }

    fn step(&mut self, step: &StepDiff) {
        let sign = match step.change {
            StepChange::Same => '=',
            StepChange::Added => '+',
            StepChange::Removed => '-',
            StepChange::Moved => '>',
            StepChange::Changed => '~',
        };
        let mut notes = Vec::new();
        match (step.change, &step.after) {
            (StepChange::Added, Some(after)) => notes.push(format!("after {after}")),
            (StepChange::Added, None) => notes.push("first".to_owned()),
            (StepChange::Moved, Some(after)) => notes.push(format!("now after {after}")),
            (StepChange::Moved, None) => notes.push("now first".to_owned()),
            (StepChange::Same | StepChange::Removed | StepChange::Changed, _) => {}
        }
        if let Some(leads) = step.leads.filter(|leads| *leads > 0) {
            let stand = if leads == 1 { "stands" } else { "stand" };
            let gone = if step.change == StepChange::Removed { ", and it is gone" } else { "" };
            notes.push(format!("{} {stand} here{gone}", Leads(leads)));
        }
        self.line(0, &format!("{sign} {:24}{}", step.step.as_str(), notes.join("; ")));
        self.keys(4, &step.keys);
        for mail in &step.mails {
            self.line(4, &format!("{}.md", mail.template));
            self.lines(6, &mail.lines);
        }
    }

    fn keys(&mut self, indent: usize, keys: &[KeyDiff]) {
        for KeyDiff { key, old, new } in keys {
            let text = match (old, new) {
                (Some(old), Some(new)) => format!("{old} → {new}"),
                (Some(old), None) => format!("{old} → not there"),
                (None, Some(new)) => format!("not there → {new}"),
                (None, None) => String::new(),
            };
            self.line(indent, &format!("{key}: {text}"));
        }
    }

    fn lines(&mut self, indent: usize, lines: &[Line]) {
        for Line { sign, text } in lines {
            self.line(indent, &format!("{sign} {text}"));
        }
    }
}
