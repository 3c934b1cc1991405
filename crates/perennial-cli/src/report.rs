//! `perennial report` and `perennial audit`: where everybody is, and that nobody is lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use clap::builder::RangedU64ValueParser;
use jiff::Timestamp;
use perennial_app::report::{
    AuditReport, DisqualifiedCounts, OwnerKind, SAMPLE_MAX, SecondLook, ShownBy, SlaCounts, SlaReport, TurnbackCounts,
    TurnbacksReport, WaterfallReport,
};
use perennial_core::ids::ProgramName;
use perennial_core::lead::LifecycleStage;
use serde::Serialize;

/// How many violations a person is shown; `--json` has all.
const SHOWN_MAX: usize = 20;

/// How many of those who were disqualified are shown, unless somebody says otherwise.
pub(crate) const SAMPLE: u64 = 20;

/// How many may be.
pub(crate) fn sample_size() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=u64::try_from(SAMPLE_MAX).unwrap_or(u64::MAX))
}

/// How a report is shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ShownAs {
    /// Prints JSON.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Prints CSV, for a spreadsheet.
    #[arg(long)]
    csv: bool,
}

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

/// Prints what became of what sales gave back.
pub(crate) fn print_turnbacks(
    report: &TurnbacksReport,
    shown: ShownAs,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    if shown.json {
        print_json(report, out)?;
    } else if shown.csv {
        let rows = report.rows.iter().map(|row| {
            let rep = row.rep.as_ref().map(|rep| rep.as_str().to_owned()).unwrap_or_default();
            [vec![row.reason.as_str().to_owned(), rep], turnback_cells(&row.counts)].concat()
        });
        print_csv(&[&["reason", "rep"], TURNBACK_COLUMNS].concat(), rows, out)?;
    } else {
        out.write_all(turnbacks_text(report).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints how fast sales is.
pub(crate) fn print_sla(report: &SlaReport, shown: ShownAs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if shown.json {
        print_json(report, out)?;
    } else if shown.csv {
        let rows = report.rows.iter().map(|row| {
            let team = row.team.as_ref().map(|team| team.as_str().to_owned()).unwrap_or_default();
            [vec![team, kind(row.kind).to_owned(), row.owner.clone()], sla_cells(&row.counts)].concat()
        });
        print_csv(&[&["team", "kind", "owner"], SLA_COLUMNS].concat(), rows, out)?;
    } else {
        out.write_all(sla_text(report).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints whom to look at again.
pub(crate) fn print_second_look(report: &SecondLook, shown: ShownAs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    const COLUMNS: &[&str] = &["lead", "disqualified_at", "reason", "by"];
    let rows = report.sample.iter().map(|found| {
        vec![
            found.lead.as_str().to_owned(),
            found.disqualified_at.to_string(),
            found.reason.to_owned(),
            found.by.clone(),
        ]
    });
    if shown.json {
        print_json(report, out)?;
    } else if shown.csv {
        print_csv(COLUMNS, rows, out)?;
    } else {
        let mut text = table(COLUMNS, &rows.collect::<Vec<_>>());
        let (sample, all) = (report.sample.len(), report.disqualified);
        let _: std::fmt::Result =
            writeln!(text, "{sample} of {all} who were disqualified since {} and still are", report.since);
        out.write_all(text.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_csv(columns: &[&str], rows: impl Iterator<Item = Vec<String>>, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.flush()?;
    Ok(())
}

/// Columns under their names: words to the left, numbers to the right.
fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(columns.get(at).map(|name| name.chars().count())).max().unwrap_or_default()
    };
    let is_number = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(at));
        cells.all(|cell| cell.chars().all(|c| c.is_ascii_digit() || c == '-')) && !rows.is_empty()
    };
    let mut text = String::new();
    let head: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let width = width(at);
            if is_number(at) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number that may not be known.
fn perhaps(number: Option<u32>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

const fn kind(kind: OwnerKind) -> &'static str {
    match kind {
        OwnerKind::Rep => "rep",
        OwnerKind::Queue => "queue",
    }
}

const TURNBACK_COLUMNS: &[&str] = &[
    "turned_back",
    "nurtured",
    "requalified",
    "turned_back_again",
    "disqualified",
    "customers",
    "erased",
    "waiting",
    "won",
    "days_to_requalified",
    "days_to_won",
];

fn turnback_cells(counts: &TurnbackCounts) -> Vec<String> {
    let numbers = [
        counts.turned_back,
        counts.nurtured,
        counts.requalified,
        counts.turned_back_again,
        counts.disqualified,
        counts.customers,
        counts.erased,
        counts.waiting,
        counts.won,
    ];
    let days = [counts.days_to_requalified, counts.days_to_won].map(perhaps);
    numbers.into_iter().map(|number| number.to_string()).chain(days).collect()
}

/// The columns that a person is shown; the others are in CSV and JSON.
const TURNBACKS_SHOWN: &[&str] =
    &["turned_back", "nurtured", "requalified", "waiting", "else", "won", "days_to_offer", "days_to_deal"];

fn turnbacks_shown(name: &str, counts: &TurnbackCounts) -> Vec<String> {
    let other = counts.turned_back_again + counts.disqualified + counts.customers + counts.erased;
    let numbers = [counts.turned_back, counts.nurtured, counts.requalified, counts.waiting, other, counts.won];
    let days = [counts.days_to_requalified, counts.days_to_won].map(perhaps);
    let name = std::iter::once(name.replace('_', " "));
    name.chain(numbers.into_iter().map(|number| number.to_string())).chain(days).collect()
}

fn turnbacks_text(report: &TurnbacksReport) -> String {
    let rows = |of: Vec<(String, &TurnbackCounts)>| {
        let rows = of.iter().map(|(name, counts)| turnbacks_shown(name, counts));
        rows.chain([turnbacks_shown("all", &report.total)]).collect::<Vec<_>>()
    };
    let by_reason = report.by_reason.iter().map(|(reason, counts)| ((*reason).to_owned(), counts)).collect();
    let by_rep = report.by_rep.iter().map(|(rep, counts)| (name_or(rep, "(no rep)"), counts)).collect();
    let mut text = table(&[&["reason"], TURNBACKS_SHOWN].concat(), &rows(by_reason));
    text.push('\n');
    text.push_str(&table(&[&["rep"], TURNBACKS_SHOWN].concat(), &rows(by_rep)));
    text.push('\n');
    let disqualified = |(reason, counts): (&&str, &DisqualifiedCounts)| {
        let numbers =
            [counts.disqualified, counts.raised_hand, counts.taken_back, counts.ended, counts.listening, counts.won];
        let name = std::iter::once(reason.replace('_', " "));
        name.chain(numbers.into_iter().map(|number| number.to_string())).collect::<Vec<_>>()
    };
    text.push_str(&table(
        &["no lead because", "said", "raised_hand", "taken_back", "erased", "listening", "won"],
        &report.disqualified.iter().map(disqualified).collect::<Vec<_>>(),
    ));
    for wrong in report.wrong.iter().take(SHOWN_MAX) {
        let shown_by = match wrong.shown_by {
            ShownBy::HandRaise => "raised a hand",
            ShownBy::Won => "bought",
        };
        let (reason, by) = (wrong.reason.replace('_', " "), &wrong.by);
        let _: std::fmt::Result = writeln!(
            text,
            "wrong: {} {shown_by} on {}; {by} had said on {}: {reason}",
            wrong.lead, wrong.shown_at, wrong.disqualified_at
        );
    }
    if report.wrong.len() > SHOWN_MAX {
        text.push_str("… and more; --json has all\n");
    }
    text
}

fn name_or(name: &str, other: &str) -> String {
    if name.is_empty() { other.to_owned() } else { name.to_owned() }
}

const SLA_COLUMNS: &[&str] = &[
    "offered",
    "handed_over",
    "offered_again",
    "in_time",
    "late",
    "unattempted",
    "not_yet",
    "warned",
    "breached",
    "reassigned",
    "decided",
    "resubmitted",
    "undecided",
    "moved",
    "open",
    "minutes_to_attempt",
];

fn sla_cells(counts: &SlaCounts) -> Vec<String> {
    let numbers = [
        counts.offered,
        counts.handed_over,
        counts.offered_again,
        counts.in_time,
        counts.late,
        counts.unattempted,
        counts.not_yet,
        counts.warned,
        counts.breached,
        counts.reassigned,
        counts.decided,
        counts.resubmitted,
        counts.undecided,
        counts.moved,
        counts.open,
    ];
    numbers.into_iter().map(|number| number.to_string()).chain([perhaps(counts.minutes_to_attempt)]).collect()
}

/// The columns that a person is shown; the others are in CSV and JSON.
const SLA_SHOWN: &[&str] = &[
    "offered",
    "in_time",
    "late",
    "nobody",
    "warned",
    "breached",
    "passed_on",
    "decided",
    "offered_on",
    "undecided",
    "open",
    "minutes",
];

fn sla_shown(names: [&str; 2], counts: &SlaCounts) -> Vec<String> {
    let numbers = [
        counts.offered,
        counts.in_time,
        counts.late,
        counts.unattempted,
        counts.warned,
        counts.breached,
        counts.reassigned,
        counts.decided,
        counts.resubmitted,
        counts.undecided,
        counts.open,
    ];
    let names = names.into_iter().map(str::to_owned);
    let minutes = perhaps(counts.minutes_to_attempt);
    names.chain(numbers.into_iter().map(|number| number.to_string())).chain([minutes]).collect()
}

fn sla_text(report: &SlaReport) -> String {
    let owners = report.rows.iter().map(|row| {
        let owner = match row.kind {
            OwnerKind::Rep => row.owner.clone(),
            OwnerKind::Queue => format!("queue {}", row.owner),
        };
        sla_shown([row.team.as_ref().map_or("-", |team| team.as_str()), &owner], &row.counts)
    });
    let teams = report.by_team.iter().map(|(team, counts)| sla_shown([&name_or(team, "-"), "all"], counts));
    let total = sla_shown(["all", "all"], &report.total);
    let mut text =
        table(&[&["team", "owner"], SLA_SHOWN].concat(), &owners.chain(teams).chain([total]).collect::<Vec<_>>());
    text.push_str("minutes: from the offer to the first attempt, of the hours in which the owner is in; the median\n");
    text
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
    if !report.paused.is_empty() {
        text.push('\n');
    }
    text + &paused(&report.paused)
}

/// A line for each program that an operator paused.
pub(crate) fn paused(programs: &BTreeMap<ProgramName, Timestamp>) -> String {
    let line = |(program, since): (&ProgramName, &Timestamp)| {
        format!("program `{program}` is paused since {since}: `perennial program resume {program}`\n")
    };
    programs.iter().map(line).collect()
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
    text.push_str(&paused(&report.paused));
    text.push_str(if report.ok { "no lead is lost\n" } else { "NOT OK\n" });
    text
}

#[cfg(test)]
mod tests {
    use perennial_app::report::{Disqualification, SlaRow, TurnbackRow, WrongDisqualification};
    use perennial_core::ids::{LeadId, RepName, TeamName};
    use perennial_core::policy::TurnbackReason;

    use super::*;

    const TEXT: ShownAs = ShownAs { json: false, csv: false };
    const CSV: ShownAs = ShownAs { json: false, csv: true };

    fn lead() -> LeadId {
        LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap()
    }

    fn turned_back() -> TurnbacksReport {
        let few = TurnbackCounts {
            turned_back: 3,
            nurtured: 2,
            requalified: 1,
            waiting: 2,
            won: 1,
            days_to_requalified: Some(41),
            days_to_won: Some(120),
            ..TurnbackCounts::default()
        };
        let many = TurnbackCounts {
            turned_back: 1_204,
            nurtured: 1_100,
            waiting: 1_200,
            erased: 4,
            ..TurnbackCounts::default()
        };
        let total = TurnbackCounts {
            turned_back: 1_207,
            nurtured: 1_102,
            requalified: 1,
            waiting: 1_202,
            erased: 4,
            won: 1,
            days_to_requalified: Some(41),
            days_to_won: Some(120),
            ..TurnbackCounts::default()
        };
        let kim = RepName::parse("kim").unwrap();
        TurnbacksReport {
            rows: vec![
                TurnbackRow { reason: TurnbackReason::NoResponse, rep: None, counts: many },
                TurnbackRow { reason: TurnbackReason::Timing, rep: Some(kim), counts: few },
            ],
            by_reason: BTreeMap::from([("no_response", many), ("timing", few)]),
            by_rep: BTreeMap::from([(String::new(), many), ("kim".to_owned(), few)]),
            total,
            disqualified: BTreeMap::from([(
                "job_seeker",
                DisqualifiedCounts { disqualified: 2, raised_hand: 1, listening: 1, ..DisqualifiedCounts::default() },
            )]),
            wrong: vec![WrongDisqualification {
                shown_at: "2026-05-04T08:00:00Z".parse().unwrap(),
                lead: lead(),
                reason: "job_seeker",
                by: "kim".to_owned(),
                disqualified_at: "2026-03-02T09:00:00Z".parse().unwrap(),
                shown_by: ShownBy::HandRaise,
            }],
        }
    }

    fn sla() -> SlaReport {
        let quick = SlaCounts {
            offered: 12,
            handed_over: 11,
            offered_again: 1,
            in_time: 10,
            late: 1,
            not_yet: 1,
            warned: 3,
            breached: 1,
            decided: 11,
            open: 1,
            minutes_to_attempt: Some(47),
            ..SlaCounts::default()
        };
        let slow = SlaCounts { offered: 1, offered_again: 1, unattempted: 1, undecided: 1, ..SlaCounts::default() };
        let total = SlaCounts { offered: 13, offered_again: 2, unattempted: 1, undecided: 1, ..quick };
        let inside = TeamName::parse("inside").unwrap();
        SlaReport {
            rows: vec![
                SlaRow { team: Some(inside), kind: OwnerKind::Rep, owner: "kim".to_owned(), counts: quick },
                SlaRow { team: None, kind: OwnerKind::Queue, owner: "sdr".to_owned(), counts: slow },
            ],
            by_team: BTreeMap::from([(String::new(), slow), ("inside".to_owned(), quick)]),
            total,
        }
    }

    fn printed(print: impl FnOnce(&mut Vec<u8>) -> anyhow::Result<ExitCode>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn turnbacks_are_a_table_by_reason_and_one_by_rep() {
        insta::assert_snapshot!(printed(|out| print_turnbacks(&turned_back(), TEXT, out)), @"
        reason       turned back  nurtured  requalified  waiting  else  won  days to offer  days to deal
        no response         1204      1100            0     1200     4    0              -             -
        timing                 3         2            1        2     0    1             41           120
        all                 1207      1102            1     1202     4    1             41           120

        rep       turned back  nurtured  requalified  waiting  else  won  days to offer  days to deal
        (no rep)         1204      1100            0     1200     4    0              -             -
        kim                 3         2            1        2     0    1             41           120
        all              1207      1102            1     1202     4    1             41           120

        no lead because  said  raised hand  taken back  erased  listening  won
        job seeker          2            1           0       0          1    0
        wrong: abcdefghijklmnopqrstuvwxyz raised a hand on 2026-05-04T08:00:00Z; kim had said on 2026-03-02T09:00:00Z: job seeker
        ");
        insta::assert_snapshot!(printed(|out| print_turnbacks(&turned_back(), CSV, out)), @"
        reason,rep,turned_back,nurtured,requalified,turned_back_again,disqualified,customers,erased,waiting,won,days_to_requalified,days_to_won
        no_response,,1204,1100,0,0,0,0,4,1200,0,-,-
        timing,kim,3,2,1,0,0,0,0,2,1,41,120
        ");
    }

    #[test]
    fn deadlines_are_a_table_by_owner_with_teams_and_a_total() {
        insta::assert_snapshot!(printed(|out| print_sla(&sla(), TEXT, out)), @"
        team    owner      offered  in time  late  nobody  warned  breached  passed on  decided  offered on  undecided  open  minutes
        inside  kim             12       10     1       0       3         1          0       11           0          0     1       47
        -       queue sdr        1        0     0       1       0         0          0        0           0          1     0        -
        -       all              1        0     0       1       0         0          0        0           0          1     0        -
        inside  all             12       10     1       0       3         1          0       11           0          0     1       47
        all     all             13       10     1       1       3         1          0       11           0          1     1       47
        minutes: from the offer to the first attempt, of the hours in which the owner is in; the median
        ");
        insta::assert_snapshot!(printed(|out| print_sla(&sla(), CSV, out)), @"
        team,kind,owner,offered,handed_over,offered_again,in_time,late,unattempted,not_yet,warned,breached,reassigned,decided,resubmitted,undecided,moved,open,minutes_to_attempt
        inside,rep,kim,12,11,1,10,1,0,1,3,1,0,11,0,0,0,1,47
        ,queue,sdr,1,0,1,0,0,1,0,0,0,0,0,0,1,0,0,-
        ");
    }

    #[test]
    fn whom_to_look_at_again_is_named_by_id_alone() {
        let report = SecondLook {
            since: "2026-02-01T00:00:00Z".parse().unwrap(),
            disqualified: 41,
            sample: vec![Disqualification {
                lead: lead(),
                disqualified_at: "2026-02-02T09:00:00Z".parse().unwrap(),
                reason: "not_a_fit",
                by: "kim".to_owned(),
            }],
        };
        insta::assert_snapshot!(printed(|out| print_second_look(&report, TEXT, out)), @"
        lead                        disqualified at       reason     by
        abcdefghijklmnopqrstuvwxyz  2026-02-02T09:00:00Z  not_a_fit  kim
        1 of 41 who were disqualified since 2026-02-01T00:00:00Z and still are
        ");
        insta::assert_snapshot!(printed(|out| print_second_look(&report, CSV, out)), @"
        lead,disqualified_at,reason,by
        abcdefghijklmnopqrstuvwxyz,2026-02-02T09:00:00Z,not_a_fit,kim
        ");
    }
}
