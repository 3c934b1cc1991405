//! The secrets: whether the functions can read them, and whether they are the right ones.

use super::Finding;
use super::facts::{Facts, PepperFit, Secret, SecretState};

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let path = &facts.secrets_path;
    let mut findings = match &facts.secrets {
        Err(why) => vec![Finding::not_checked("secrets", why).of(path)],
        Ok(states) => states.iter().map(|(secret, state)| state_of(*secret, state, path)).collect(),
    };
    findings.extend(facts.webhooks_unsigned.iter().map(|webhook| {
        Finding::wrong("webhook", "it has no secret, so it is not called")
            .of(webhook.as_str())
            .remedy(format!("Add {webhook}:whsec_… to {} (docs/webhooks.md),", Secret::WebhookSecrets.parameter(path)))
            .remedy("then let the functions start anew (docs/operate.md, Keys).")
    }));
    match &facts.pepper {
        None => {}
        Some(Err(why)) => findings.push(Finding::not_checked("pepper-fits", why)),
        Some(Ok(fit)) => findings.push(pepper_fit(*fit, path)),
    }
    findings
}

fn state_of(secret: Secret, state: &SecretState, path: &str) -> Finding {
    const CHECK: &str = "secret";
    let name = secret.parameter(path);
    let put = |key: &str| format!("aws ssm put-parameter --type SecureString --name {name} --value \"{key}\"");
    let finding = match (state, secret) {
        (SecretState::Sound { is_encrypted: true }, Secret::Front) => {
            Finding::wrong(CHECK, "it is a SecureString, which CloudFormation cannot hand to CloudFront")
                .remedy("Put it as a String, under the same name (docs/deploy.md, CloudFront and WAF in front).")
        }
        (SecretState::Sound { is_encrypted: false }, Secret::Front)
        | (SecretState::Sound { is_encrypted: true }, _) => Finding::ok(CHECK, "there, and well-formed"),
        (SecretState::Sound { is_encrypted: false }, _) => {
            Finding::look(CHECK, "it is kept in clear, not as a SecureString")
                .remedy("Read it, then put the same value again as a SecureString (delete-parameter, put-parameter).")
                .remedy("In clear, it is in every list of parameters.")
        }
        (SecretState::Absent, Secret::Pepper) => {
            Finding::wrong(CHECK, "it is missing: no form is taken, and no chore runs")
                .remedy("If this deployment has leads, put your copy back: a new pepper finds none of them again.")
                .remedy("If it has none yet:")
                .remedy(put("$(openssl rand -base64 32)"))
        }
        (SecretState::Absent, Secret::TokenKeys) => {
            Finding::wrong(CHECK, "they are missing: no form is taken, and no mail goes out")
                .remedy("If mails went out, put your copy back: their links are signed with the old keys. If none did:")
                .remedy(put("k1:$(openssl rand -base64 32)"))
        }
        (SecretState::Absent, Secret::EventKeys) => Finding::ok(CHECK, "none: nobody may post to /v1/events"),
        (SecretState::Absent, Secret::CrmKeys) => Finding::ok(CHECK, "none: nobody may post to /v1/dispositions"),
        (SecretState::Absent, Secret::WebhookSecrets) => Finding::ok(CHECK, "none: no webhook is called"),
        (SecretState::Absent, Secret::Front) => Finding::ok(CHECK, "none: no CloudFront in front is believed"),
        (SecretState::Malformed(problem), _) => {
            let kind = if secret == Secret::Front { "String" } else { "SecureString" };
            Finding::wrong(CHECK, format!("the functions cannot read it: {problem}"))
                .remedy("Put it anew, in the form that the README's table of settings shows:")
                .remedy(format!("aws ssm put-parameter --overwrite --type {kind} --name {name} --value …"))
        }
    };
    finding.of(name)
}

fn pepper_fit(fit: PepperFit, path: &str) -> Finding {
    const CHECK: &str = "pepper-fits";
    match fit {
        PepperFit::NoLeads => Finding::ok(CHECK, "no lead to try it on yet"),
        PepperFit::Fits { fitting: 0, tried } => {
            Finding::wrong(CHECK, format!("of {tried} leads tried, none has its id by this pepper: it is another one"))
                .remedy(
                    "Every form makes a second lead of somebody known. Stop the forms, and put the right one back from",
                )
                .remedy("your copy (docs/deploy.md, step 1); the parameter's own history may have it, too:")
                .remedy(format!(
                    "aws ssm get-parameter-history --with-decryption --name {}",
                    Secret::Pepper.parameter(path)
                ))
        }
        PepperFit::Fits { fitting, tried } => {
            Finding::ok(CHECK, format!("of {tried} leads tried, {fitting} have their ids by it"))
        }
    }
}
