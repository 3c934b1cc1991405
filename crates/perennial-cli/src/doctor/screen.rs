//! What somebody reads at night: how much is wrong, then what, then what to do about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use perennial_app::doctor::{Finding, Tally, Verdict};
use serde::Serialize;

/// How wide the column of verdicts is.
const VERDICT: usize = 13;

/// All that is shown.
#[derive(Serialize)]
pub(super) struct Screen<'a> {
    pub(super) table: &'a str,
    pub(super) configuration_set: &'a str,
    pub(super) secrets: &'a str,
    pub(super) region: Option<&'a str>,
    #[serde(flatten)]
    pub(super) tally: Tally,
    pub(super) findings: &'a [Finding],
}

impl Screen<'_> {
    /// As text.
    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let Self { table, configuration_set, secrets, tally, findings, .. } = self;
        let Tally { wrong, look, not_checked, ok } = tally;
        let region = self.region.unwrap_or("no region");
        let mut text = String::new();
        writeln!(text, "{wrong} wrong, {look} to look at, {not_checked} not checked, {ok} ok")?;
        writeln!(text, "table {table}, configuration set {configuration_set}, secrets {secrets}, {region}\n")?;
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for finding in *findings {
            if finding.verdict != Verdict::NotChecked {
                write_finding(&mut text, finding, &name(finding))?;
            } else if told.insert(&finding.said) {
                // Without a network, say, all has one cause: it is said once.
                let same = findings.iter().filter(|it| it.verdict == finding.verdict && it.said == finding.said);
                write_finding(&mut text, finding, &same.map(name).collect::<Vec<_>>().join(", "))?;
            }
        }
        Ok(text)
    }
}

/// What was looked at.
fn name(finding: &Finding) -> String {
    let subject = finding.subject.as_ref().map(|subject| format!(" {subject}")).unwrap_or_default();
    format!("{}{subject}", finding.check)
}

fn write_finding(text: &mut String, finding: &Finding, names: &str) -> std::fmt::Result {
    let Finding { verdict, said, remedy, .. } = finding;
    let verdict = match verdict {
        Verdict::Wrong => "wrong",
        Verdict::Look => "look",
        Verdict::NotChecked => "not checked",
        Verdict::Ok => "ok",
    };
    writeln!(text, "{verdict:<VERDICT$}{names}: {said}")?;
    for line in remedy {
        writeln!(text, "{:VERDICT$}{line}", "")?;
    }
    if !remedy.is_empty() {
        writeln!(text)?;
    }
    Ok(())
}
