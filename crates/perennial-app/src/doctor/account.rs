//! The account of SES: whether it may send, how much, and what that costs.

use super::facts::{Account, Looked, Quota};
use super::{Finding, Verdict};

/// The share of a day's mails from which on somebody should ask for more, in percent.
const QUOTA_NEARLY_USED: f64 = 80.0;

pub(super) fn judge(account: &Looked<Account>) -> Vec<Finding> {
    match account {
        Err(why) => vec![Finding::not_checked("account", why)],
        Ok(account) => {
            let mut findings = vec![sandbox(account), sending(account), reputation(account)];
            findings.extend(account.quota.map(quota));
            findings.extend([price(account), vdm(account)]);
            findings
        }
    }
}

fn sandbox(account: &Account) -> Finding {
    const CHECK: &str = "sandbox";
    if account.is_in_production {
        return Finding::ok(CHECK, "the account may write to anybody");
    }
    let finding = Finding::wrong(CHECK, "the account is in SES's sandbox: it may write to verified addresses only");
    match account.review.as_deref() {
        Some("PENDING") => finding.remedy("Production access is asked for; AWS answers within a day or so."),
        Some("DENIED") => {
            finding.remedy("AWS denied production access. Answer its case: https://console.aws.amazon.com/support/home")
        }
        Some(_) | None => finding.remedy("Ask for production access:").remedy(
            "aws sesv2 put-account-details --production-access-enabled --mail-type MARKETING --website-url https://…",
        ),
    }
}

fn sending(account: &Account) -> Finding {
    const CHECK: &str = "account-sending";
    if account.is_sending_enabled {
        return Finding::ok(CHECK, "the account sends");
    }
    Finding::wrong(CHECK, "sending is switched off for the whole account")
        .remedy("When you know why somebody did:")
        .remedy("aws sesv2 put-account-sending-attributes --sending-enabled")
}

fn reputation(account: &Account) -> Finding {
    const CHECK: &str = "reputation";
    const PAGE: &str =
        "Read what SES says on the page Reputation metrics: https://console.aws.amazon.com/ses/home#/reputation";
    match account.enforcement.as_str() {
        "HEALTHY" => Finding::ok(CHECK, "SES finds the account healthy"),
        "SHUTDOWN" => Finding::wrong(CHECK, "SES has stopped the account, for what its mails did").remedy(PAGE),
        "PROBATION" => Finding::look(CHECK, "SES has the account under review, and may stop it")
            .remedy(PAGE)
            .remedy("Which list it was: perennial sending status, perennial report waterfall"),
        other => Finding::look(CHECK, format!("SES calls the account {other}")).remedy(PAGE),
    }
}

fn quota(quota: Quota) -> Finding {
    const CHECK: &str = "quota";
    const MORE: &str = "Ask for more: https://console.aws.amazon.com/servicequotas/home/services/ses/quotas";
    let Quota { per_day, per_second, sent } = quota;
    if per_day < 0.0 {
        return Finding::ok(
            CHECK,
            format!("{sent:.0} mails in the last 24 h, of any number; {per_second:.0} a second"),
        );
    }
    let said = format!("{sent:.0} of {per_day:.0} mails in the last 24 h; {per_second:.0} a second");
    let verdict = if sent >= per_day {
        Verdict::Wrong
    } else if sent * 100.0 >= per_day * QUOTA_NEARLY_USED {
        Verdict::Look
    } else {
        Verdict::Ok
    };
    match verdict {
        Verdict::Ok | Verdict::NotChecked => Finding::ok(CHECK, said),
        Verdict::Wrong => Finding::wrong(CHECK, said)
            .remedy("What is over waits, and goes out as the hours pass; nothing is lost.")
            .remedy(MORE),
        Verdict::Look => Finding::look(CHECK, said).remedy(MORE),
    }
}

/// The plan decides what a mail costs. New accounts get `ESSENTIALS` unless they choose (since July 2026).
fn price(account: &Account) -> Finding {
    const CHECK: &str = "price";
    const A_LA_CARTE: &str = "aws sesv2 put-account-pricing-attributes --plan NONE";
    let next = match account.next_plan.as_deref() {
        Some(next) => format!("; from next month on {next}"),
        None => String::new(),
    };
    match account.plan.as_deref() {
        Some("NONE") => {
            Finding::ok(CHECK, format!("no pricing plan: each mail by itself, the cheapest for this suite{next}"))
        }
        Some(plan) if account.next_plan.as_deref() == Some("NONE") => {
            Finding::ok(CHECK, format!("pricing plan {plan} until the month ends, then each mail by itself"))
        }
        Some(plan) => Finding::look(CHECK, format!("pricing plan {plan}: a mail costs more than without one{next}"))
            .remedy("The suite uses nothing that a plan brings. If nobody else of the account does:")
            .remedy(A_LA_CARTE),
        None => Finding::ok(CHECK, "SES names no pricing plan"),
    }
}

fn vdm(account: &Account) -> Finding {
    const CHECK: &str = "vdm";
    if !account.has_vdm {
        return Finding::ok(CHECK, "the Virtual Deliverability Manager is off");
    }
    Finding::look(CHECK, "the Virtual Deliverability Manager is on: it may cost extra, and the suite does not use it")
        .remedy("If nobody reads it: aws sesv2 put-account-vdm-attributes --vdm-attributes VdmEnabled=DISABLED")
}
