//! Whether a deployment can send mail and is whole: facts that others gathered, judged (`perennial doctor`).
//!
//! **Invariants:** judging is pure. What could not be looked at is said to be so, and never taken for missing. No finding
//! holds a secret, or anything of a person.

mod account;
mod configuration;
pub mod dmarc;
pub mod facts;
mod identity;
mod running;
mod secrets;
mod table;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::configuration::{FEEDBACK_EVENTS, MAIL_EVENTS};
use self::facts::{Facts, NotLooked};
pub use self::running::{EXAMPLE_POSTAL_ADDRESS, look};

/// What a check came to, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Mail does not go out as it should, or something will be lost.
    Wrong,
    /// It works; somebody should look at it all the same.
    Look,
    /// Nobody knows: it could not be looked at.
    NotChecked,
    /// As it should be.
    Ok,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// What of several it looked at: a domain, a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it came to.
    pub verdict: Verdict,
    /// What is so, in a sentence.
    pub said: String,
    /// What to do: sentences and commands, a line each. None where it is as it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, said: impl Into<String>) -> Self {
        Self { check, subject: None, verdict, said: said.into(), remedy: Vec::new() }
    }

    fn ok(check: &'static str, said: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, said)
    }

    fn look(check: &'static str, said: impl Into<String>) -> Self {
        Self::new(check, Verdict::Look, said)
    }

    fn wrong(check: &'static str, said: impl Into<String>) -> Self {
        Self::new(check, Verdict::Wrong, said)
    }

    fn not_checked(check: &'static str, why: &NotLooked) -> Self {
        match why {
            NotLooked::Denied(action) => Self::new(check, Verdict::NotChecked, format!("{action} is not allowed"))
                .remedy(format!("Allow {action} to whoever runs this (docs/operate.md has the whole policy).")),
            NotLooked::Failed(cause) => Self::new(check, Verdict::NotChecked, cause.clone())
                .remedy("Mend that (credentials, region, network), and ask again."),
        }
    }

    fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    fn remedy(mut self, line: impl Into<String>) -> Self {
        self.remedy.push(line.into());
        self
    }
}

/// All that is to be said of a deployment, the worst first.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    // What a table holds that is not there says nothing more.
    let mut findings = if let Ok(None) = facts.table { Vec::new() } else { running::judge(facts) };
    findings.extend(account::judge(&facts.account));
    findings.extend(facts.senders.iter().flat_map(|(domain, sender)| identity::judge(domain, sender)));
    findings.extend(configuration::judge(facts));
    findings.extend(secrets::judge(facts));
    findings.extend(table::judge(facts));
    findings.extend(facts.base_url.as_deref().map(base_url));
    findings.sort_by_key(|finding| finding.verdict);
    findings
}

/// How many findings came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// [`Verdict::Wrong`].
    pub wrong: usize,
    /// [`Verdict::Look`].
    pub look: usize,
    /// [`Verdict::NotChecked`].
    pub not_checked: usize,
    /// [`Verdict::Ok`].
    pub ok: usize,
}

/// Counts findings.
pub fn tally(findings: &[Finding]) -> Tally {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    Tally {
        wrong: count(Verdict::Wrong),
        look: count(Verdict::Look),
        not_checked: count(Verdict::NotChecked),
        ok: count(Verdict::Ok),
    }
}

fn base_url(url: &str) -> Finding {
    const CHECK: &str = "base-url";
    let Some(rest) = url.strip_prefix("https://") else {
        return Finding::wrong(CHECK, format!("{url} is not https"))
            .remedy("Mail clients and browsers warn of such links. Deploy with BaseUrl=https://…");
    };
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    if host.contains(".execute-api.") && host.ends_with(".amazonaws.com") {
        return Finding::look(CHECK, format!("{host} is the API's own name"))
            .remedy("Mails keep their links for ever, and another API has another name: take a host of yours, with")
            .remedy("the stack's parameters BaseUrl and CertificateArn (docs/deploy.md, step 3).");
    }
    Finding::ok(CHECK, format!("links lead to {host}"))
}
