//! `perennial report` and `perennial audit`: where everybody is, and that nobody is lost.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use perennial_app::report::{AuditReport, WaterfallReport};
use perennial_core::lead::LifecycleStage;
use serde::Serialize;

/// How many violations a person is shown; `--json` has all.
const SHOWN_MAX: usize = 20;

/// Prints a waterfall. Fails (exit status 1) where it does not balance.
pub(crate) fn print_waterfall(report: &WaterfallReport, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if json {
        print_json(report, out)?;
    } else {
        out.write_all(waterfall_text(report).as_bytes())?;
    }
    Ok(status(report.balanced))
}

/// Prints an audit. Fails (exit status 1) where something is wrong.
pub(crate) fn print_audit(report: &AuditReport, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if json {
        print_json(report, out)?;
    } else {
        out.write_all(audit_text(report).as_bytes())?;
    }
    Ok(status(report.ok))
}

fn print_json(report: &impl Serialize, out: &mut dyn Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)?;
    Ok(())
}

fn status(is_right: bool) -> ExitCode {
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn line(text: &mut String, indent: usize, name: &str, count: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _: std::fmt::Result = writeln!(text, "{:indent$}{name:<width$}{count:>10}", "", width = 34 - indent);
}

fn waterfall_text(report: &WaterfallReport) -> String {
    let mut text = String::new();
    line(&mut text, 0, "leads received", report.received);
    for stage in LifecycleStage::ALL {
        // Most deployments use a few of them; `--json` has all.
        if let Some(count) = report.places.get(stage.as_str()).filter(|count| **count != 0) {
            line(&mut text, 2, &stage.as_str().replace('_', " "), count);
        }
    }
    let verdict = if report.balanced {
        "balanced: received = the sum of all places"
    } else {
        "NOT BALANCED: run `perennial audit`"
    };
    text.push_str(verdict);
    text.push_str("\n\n");

    let submissions = &report.submissions;
    let refused: u64 = report.refused.values().sum();
    line(
        &mut text,
        0,
        "submissions and rows",
        submissions.received + submissions.quarantined + submissions.merged + refused,
    );
    line(&mut text, 2, "became a lead", submissions.received);
    line(&mut text, 2, "became a lead in quarantine", submissions.quarantined);
    line(&mut text, 2, "merged into a known lead", submissions.merged);
    line(&mut text, 2, "refused", refused);
    for (reason, count) in &report.refused {
        line(&mut text, 4, reason, count);
    }
    for import in &report.imports {
        let _: std::fmt::Result =
            writeln!(text, "\nlist {}: {} rows, last run {}", import.source, import.rows, import.at);
    }
    text
}

fn audit_text(report: &AuditReport) -> String {
    let mut text = String::new();
    line(&mut text, 0, "leads looked at", report.leads);
    line(&mut text, 0, "violations", report.violations.len());
    line(&mut text, 0, "overdue (normal while nothing runs)", report.overdue);
    line(&mut text, 0, "mails on the review list", report.review.len());
    for violation in report.violations.iter().take(SHOWN_MAX) {
        let whom = violation.lead.as_ref().map_or("the whole", |lead| lead.as_str());
        let _: std::fmt::Result = writeln!(text, "{} {whom}: {}", violation.invariant, violation.message);
    }
    if report.violations.len() > SHOWN_MAX {
        text.push_str("… and more; --json has all\n");
    }
    for item in report.review.iter().take(SHOWN_MAX) {
        let _: std::fmt::Result =
            writeln!(text, "review {} {}: `perennial review sent|dropped` it", item.lead, item.touch);
    }
    text.push_str(if report.ok { "no lead is lost\n" } else { "NOT OK\n" });
    text
}
