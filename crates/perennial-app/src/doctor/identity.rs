//! A sender: whether SES sends for it, and whether receivers can tell that a mail is its own.

use perennial_core::ids::SenderDomain;

use super::Finding;
use super::dmarc::{self, Policy, Published};
use super::facts::{Identity, SenderFacts};

pub(super) fn judge(domain: &SenderDomain, sender: &SenderFacts) -> Vec<Finding> {
    let mut findings = match &sender.identity {
        Err(why) => vec![Finding::not_checked("identity", why)],
        Ok(None) if is_example(domain) => vec![
            Finding::wrong("identity", "this is the domain of an example: nobody can verify it")
                .remedy("Put your own senders into programs/catalog.toml ([organisation.team], [queues]), and")
                .remedy("perennial push --table …"),
        ],
        Ok(None) => vec![
            Finding::wrong("identity", "SES does not know this domain")
                .remedy("Deploy with SenderDomain set to it, or add it by hand:")
                .remedy(format!("aws sesv2 create-email-identity --email-identity {domain}")),
        ],
        Ok(Some(identity)) => {
            let mut findings = vec![verified(domain, identity), dkim(identity)];
            findings.extend(mail_from(identity));
            findings
        }
    };
    let signed_by = sender.identity.as_ref().ok().and_then(Option::as_ref).map(|identity| identity.domain.as_str());
    findings.push(match &sender.dmarc {
        Err(why) => Finding::not_checked("dmarc", why),
        Ok(published) => authenticity(domain, signed_by, published.as_ref()),
    });
    findings.into_iter().map(|finding| finding.of(domain.as_str())).collect()
}

/// Whether nobody can own it (RFC 2606, RFC 6761).
fn is_example(domain: &SenderDomain) -> bool {
    let domain = domain.as_str();
    let is_below = |name: &str| domain == name || domain.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    ["example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"].into_iter().any(is_below)
}

fn verified(domain: &SenderDomain, identity: &Identity) -> Finding {
    const CHECK: &str = "identity";
    if !identity.is_verified {
        return Finding::wrong(CHECK, "SES has not verified the domain yet: nothing is sent from it")
            .remedy("That comes with DKIM: see there.");
    }
    if identity.domain == domain.as_str() {
        Finding::ok(CHECK, "verified for sending")
    } else {
        Finding::ok(CHECK, format!("verified for sending, as a part of {}", identity.domain))
    }
}

fn dkim(identity: &Identity) -> Finding {
    const CHECK: &str = "dkim";
    if !identity.is_signing {
        return Finding::wrong(CHECK, "mails are not signed")
            .remedy("Receivers take them for forged. Switch it on:")
            .remedy(format!(
                "aws sesv2 put-email-identity-dkim-attributes --signing-enabled --email-identity {}",
                identity.domain
            ));
    }
    match identity.dkim.as_str() {
        "SUCCESS" => Finding::ok(CHECK, "mails are signed"),
        "TEMPORARY_FAILURE" => Finding::look(CHECK, "SES could not read the domain's DNS just now")
            .remedy("It tries again by itself. If it stays so, ask whoever runs that DNS."),
        "PENDING" => with_records(Finding::wrong(CHECK, "SES does not see the DNS records of DKIM yet"), identity),
        other => with_records(Finding::wrong(CHECK, format!("DKIM is not set up ({other})")), identity),
    }
}

/// What SES waits for, as it stands in a zone file.
fn with_records(finding: Finding, identity: &Identity) -> Finding {
    if identity.dkim_records.is_empty() {
        return finding.remedy("Its DNS records:").remedy(format!(
            "aws sesv2 get-email-identity --email-identity {} --query DkimAttributes",
            identity.domain
        ));
    }
    let finding = finding.remedy("Put these into its DNS; SES sees them within minutes, at times within 72 hours:");
    identity.dkim_records.iter().fold(finding, |finding, (name, value)| finding.remedy(format!("{name} CNAME {value}")))
}

fn mail_from(identity: &Identity) -> Option<Finding> {
    const CHECK: &str = "mail-from";
    let mail_from = identity.mail_from.as_ref()?;
    let domain = &mail_from.domain;
    let missing = || format!("SES does not find the MX record of {domain} ({})", mail_from.status);
    let finding = match mail_from.status.as_str() {
        "SUCCESS" => return Some(Finding::ok(CHECK, format!("bounces go to {domain}"))),
        _ if mail_from.is_required => Finding::wrong(CHECK, format!("{}, and refuses to send without", missing())),
        _ => Finding::look(CHECK, format!("{}, and takes a name of its own instead", missing())),
    };
    Some(
        finding
            .remedy("Its MX must be feedback-smtp.REGION.amazonses.com (10), its SPF \"v=spf1 include:amazonses.com ~all\".")
            .remedy("Or go without a domain of your own for bounces:")
            .remedy(format!("aws sesv2 put-email-identity-mail-from-attributes --email-identity {}", identity.domain)),
    )
}

/// What DNS says, and whether the mails that SES signs in the name of `signed_by` keep it.
fn authenticity(domain: &SenderDomain, signed_by: Option<&str>, published: Option<&Published>) -> Finding {
    const CHECK: &str = "dmarc";
    let start = |finding: Finding| {
        finding
            .remedy("Large mailbox providers refuse bulk mail without DMARC. A start:")
            .remedy(format!("_dmarc.{domain} TXT \"v=DMARC1; p=none; rua=mailto:…\""))
    };
    let Some(published) = published else {
        return start(Finding::wrong(CHECK, "there is no DMARC record"));
    };
    let record = match dmarc::read(published) {
        Ok(record) => record,
        Err(problem) => {
            return start(Finding::wrong(CHECK, format!("_dmarc.{}: {problem}", published.domain)));
        }
    };
    let policy = record.policy_for(published, domain);
    if record.is_strict && signed_by.is_some_and(|signed_by| signed_by != domain.as_str()) {
        let said = "adkim=s asks for a signature by this very domain, and SES signs for one above it";
        let finding = if policy == Policy::None { Finding::look(CHECK, said) } else { Finding::wrong(CHECK, said) };
        return finding
            .remedy("Take adkim=s out of the record, or have SES sign for the domain itself:")
            .remedy(format!("aws sesv2 create-email-identity --email-identity {domain}"));
    }
    let at = if published.domain == domain.as_str() { String::new() } else { format!(", by {}", published.domain) };
    match policy {
        Policy::None if !record.has_reports => Finding::look(CHECK, format!("policy none{at}, and no reports"))
            .remedy("It is enough for the mailbox providers. Add rua=mailto:… to hear who sends in your name."),
        Policy::None => Finding::ok(CHECK, format!("policy none{at}: forged mails are let through")),
        Policy::Quarantine => Finding::ok(CHECK, format!("policy quarantine{at}")),
        Policy::Reject => Finding::ok(CHECK, format!("policy reject{at}")),
    }
}
