//! What the headers say: who the mail is about, whether its sender is who it says, and whether a person wrote it.

use super::mime::{Letter, header_words};
use super::tongues::TONGUES;
use super::words;
use super::{Home, Scan};
use crate::ids::{LeadId, TouchId};
use crate::token::{MailRef, Purpose};

/// The header of what we forward. Whatever carries it has been here before.
pub const FORWARDED_HEADER: &str = "X-Perennial-Forwarded";

/// How many message ids of a thread are looked at, the latest first.
const REFERENCES_MAX: usize = 50;

/// Who wrote a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// A person.
    Person,
    /// A program, in a person's name or to many.
    Machine,
    /// A mail system.
    Reporter,
}

/// Whom a mail names by something that only we could sign: its address first, then what it refers to.
pub(super) fn named(letter: &Letter, home: &Home<'_>) -> Option<(LeadId, Option<TouchId>)> {
    let referred = referred(letter, home);
    let addressed = recipients(letter).find_map(|address| {
        let (local, _) = address.rsplit_once('@')?;
        home.keyring.verify_reply_address(local).ok()
    });
    match (addressed, referred) {
        (Some(address), Some(mail)) if mail.lead == address.lead => Some((mail.lead, Some(mail.touch))),
        (Some(address), _) => Some((address.lead, None)),
        (None, Some(mail)) => Some((mail.lead, Some(mail.touch))),
        (None, None) => None,
    }
}

/// Whom a signed subject names: mail programs send it to the `mailto:` of our `List-Unsubscribe`.
pub(super) fn unsubscribe_request(letter: &Letter, home: &Home<'_>) -> Option<(LeadId, Option<TouchId>)> {
    let payload = home.keyring.verify(Purpose::Unsubscribe, letter.subject.trim()).ok()?;
    MailRef::parse(&payload).map(|mail| (mail.lead, Some(mail.touch)))
}

/// The latest of our mails in the thread.
fn referred(letter: &Letter, home: &Home<'_>) -> Option<MailRef> {
    let ids = ["in-reply-to", "references"].into_iter().flat_map(|name| letter.headers(name));
    let tokens = ids.flat_map(|value| value.rsplit('<').take(REFERENCES_MAX)).filter_map(|id| id.split_once('@'));
    tokens.into_iter().find_map(|(token, _)| {
        let payload = home.keyring.verify(Purpose::Reply, token.trim()).ok()?;
        MailRef::parse(&payload)
    })
}

/// Every address that the mail was sent to, by its own headers and by those of the servers it passed.
fn recipients(letter: &Letter) -> impl Iterator<Item = &str> {
    let delivered = ["delivered-to", "x-original-to", "envelope-to", "resent-to"];
    let delivered = delivered.into_iter().flat_map(|name| letter.headers(name)).map(bare_address);
    let passed = letter.headers("received").filter_map(|received| {
        let (_, rest) = received.split_once(" for ")?;
        rest.split([';', ' ']).next().map(bare_address)
    });
    letter.recipients.iter().map(String::as_str).chain(delivered).chain(passed)
}

fn bare_address(value: &str) -> &str {
    let inner = value.rsplit_once('<').map_or(value, |(_, inner)| inner);
    inner.split_once('>').map_or(inner, |(inner, _)| inner).trim()
}

/// Whether it is our own mail come back, or one of a sender of ours in the same conversation.
pub(super) fn is_ours(letter: &Letter, home: &Home<'_>) -> bool {
    let from = letter.from.as_ref().map(|from| from.address.to_ascii_lowercase()).unwrap_or_default();
    let domain = from.rsplit_once('@').map(|(_, domain)| domain);
    let from_reply_domain =
        domain.is_some_and(|domain| home.reply_domain.is_some_and(|ours| ours.eq_ignore_ascii_case(domain)));
    let from_sender = home.senders.iter().any(|sender| sender.eq_ignore_ascii_case(&from));
    from_reply_domain || from_sender || letter.header(&FORWARDED_HEADER.to_ascii_lowercase()).is_some()
}

/// What SES's scanners say. Only the topmost header is SES's own; whoever sent the mail may have written others.
pub(super) fn scan(letter: &Letter) -> Scan {
    let failed = |name: &str| letter.header(name).is_some_and(|verdict| verdict.eq_ignore_ascii_case("fail"));
    if failed("x-ses-virus-verdict") {
        Scan::Virus
    } else if failed("x-ses-spam-verdict") {
        Scan::Spam
    } else {
        Scan::Passed
    }
}

/// Whether the receiving server found that the sender is not who the mail says (RFC 8601).
///
/// A passed DMARC settles it: it stands for SPF or DKIM in the name of the From. Without one, a failed SPF counts
/// unless a DKIM signature holds, since every forwarding breaks SPF.
pub(super) fn is_doubtful(letter: &Letter) -> bool {
    let Some(results) = letter.header("authentication-results") else { return false };
    let results = without_comments(results);
    let verdicts = |method: &str| {
        let prefix = format!("{method}=");
        let found = results.split(';').filter_map(|part| part.trim().strip_prefix(&prefix).map(first_word));
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    let (dmarc, spf, dkim) = (verdicts("dmarc"), verdicts("spf"), verdicts("dkim"));
    let has = |found: &[String], verdict: &str| found.iter().any(|known| known == verdict);
    if has(&dmarc, "fail") || has(&dmarc, "permerror") {
        return true;
    }
    !has(&dmarc, "pass") && has(&spf, "fail") && !has(&dkim, "pass")
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// A header without its comments and quoted strings, which a sender may have a say in; in lower case.
fn without_comments(value: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    let mut bare = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 && !quoted => bare.push(c.to_ascii_lowercase()),
            _ => {}
        }
    }
    bare
}

/// Headers that only a machine writes, and the values of them that mean nothing.
const MACHINE_HEADERS: &[(&str, &[&str])] = &[
    ("auto-submitted", &["no", ""]),
    ("x-autoreply", &["no", ""]),
    ("x-auto-reply", &["no", ""]),
    ("x-autorespond", &["no"]),
    ("x-autoresponder", &["no"]),
    ("x-autoreply-from", &[]),
    ("x-mail-autoreply", &["no"]),
    ("x-autogenerated", &["no", ""]),
    ("x-vacation", &["no"]),
];

/// Headers of many mails that a person wrote, too: with one of them, a subject counts wherever its words stand.
const HINTS: &[&str] = &[
    "x-auto-response-suppress",
    "x-ms-exchange-inbox-rules-loop",
    "x-ms-exchange-generated-message-source",
    "list-id",
    "list-unsubscribe",
    "feedback-id",
];

const MACHINE_PRECEDENCES: &[&str] = &["auto_reply", "bulk", "junk", "list"];

/// Mailboxes that only mail systems write from.
const REPORTERS: &[&str] = &["mailer-daemon", "mailerdaemon", "mail-daemon", "postmaster"];

/// How mailboxes begin that no person writes from.
const MACHINES: &[&str] = &["noreply", "no-reply", "donotreply", "do-not-reply"];

/// Who wrote it.
pub(super) fn author(letter: &Letter) -> Author {
    let subject = header_words(&letter.subject);
    let answers_by_subject = stems().any(|stem| words::begins(&subject, stem));
    let mailbox = mailbox(letter);
    let is_report = letter.content_type == "multipart/report"
        || letter.header("x-failed-recipients").is_some()
        || REPORTERS.contains(&mailbox.as_str());
    if is_report {
        return Author::Reporter;
    }
    let is_machine = MACHINE_HEADERS.iter().any(|(name, nothing)| {
        letter.headers(name).any(|value| !nothing.iter().any(|known| first_token(value).eq_ignore_ascii_case(known)))
    });
    let is_bulk = letter
        .headers("precedence")
        .chain(letter.headers("x-precedence"))
        .any(|value| MACHINE_PRECEDENCES.iter().any(|known| value.eq_ignore_ascii_case(known)));
    let is_vacation = letter.header("x-apple-action").is_some_and(|value| value.eq_ignore_ascii_case("vacation"));
    let is_hinted = HINTS.iter().any(|name| letter.header(name).is_some());
    let has_subject = answers_by_subject || (is_hinted && stems().any(|stem| words::holds(&subject, stem)));
    let is_from_machine = MACHINES.iter().any(|machine| {
        let rest = mailbox.strip_prefix(machine);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
    });
    if is_machine || is_bulk || is_vacation || has_subject || is_from_machine {
        return Author::Machine;
    }
    // Nobody can answer it, and nothing says that it answers for a person.
    if letter.header("return-path").is_some_and(|path| bare_address(path).is_empty()) {
        return Author::Reporter;
    }
    Author::Person
}

fn stems() -> impl Iterator<Item = &'static str> {
    TONGUES.iter().flat_map(|tongue| tongue.auto_reply.iter().copied())
}

fn first_token(value: &str) -> &str {
    value.split([';', ' ', '(']).next().unwrap_or_default()
}

/// The local part of the author's address, without what follows a `+`.
fn mailbox(letter: &Letter) -> String {
    let from = letter.from.as_ref().map(|from| from.address.to_ascii_lowercase()).unwrap_or_default();
    let local = from.rsplit_once('@').map_or(from.as_str(), |(local, _)| local);
    local.split('+').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::mime;
    use super::*;

    fn doubtful(results: &str) -> bool {
        is_doubtful(&mime::read(format!("Authentication-Results: {results}\nFrom: a@example.com\n\nx").as_bytes()))
    }

    #[test]
    fn a_failed_dmarc_is_a_doubt_and_a_passed_one_settles_a_failed_spf() {
        assert!(doubtful(
            "amazonses.com; spf=pass (x) client-ip=192.0.2.1; dkim=pass; dmarc=fail header.from=example.com;"
        ));
        assert!(!doubtful(
            "amazonses.com; spf=fail; dkim=pass header.i=@example.com; dmarc=pass header.from=example.com;"
        ));
        assert!(doubtful("amazonses.com; spf=fail; dkim=none; dmarc=none"));
        assert!(!doubtful("amazonses.com; spf=softfail; dkim=none; dmarc=none"));
    }

    #[test]
    fn a_sender_cannot_write_a_verdict_into_a_comment() {
        assert!(doubtful("amazonses.com; spf=fail (said \"; dmarc=pass\" ; dmarc=pass ); dmarc=fail"));
        assert!(doubtful("amazonses.com; spf=fail (; dmarc=pass;); dkim=none; dmarc=none"));
        assert!(doubtful("amazonses.com; spf=fail envelope-from=\"; dmarc=pass;\"@example.com; dmarc=none"));
    }

    #[test]
    fn only_the_topmost_verdict_is_the_servers() {
        let forged = "Authentication-Results: amazonses.com; dmarc=fail\n\
            Authentication-Results: amazonses.com; dmarc=pass\nX-SES-Virus-Verdict: PASS\nFrom: a@example.com\n\nx";
        assert!(is_doubtful(&mime::read(forged.as_bytes())));
        let infected = "X-SES-Spam-Verdict: PASS\nX-SES-Virus-Verdict: FAIL\nX-SES-Virus-Verdict: PASS\n\nx";
        assert_eq!(scan(&mime::read(infected.as_bytes())), Scan::Virus);
    }

    #[test]
    fn each_rule_of_an_automatic_mail_stands_for_itself() {
        let who =
            |headers: &str| author(&mime::read(format!("{headers}\nFrom: Ada <ada@example.com>\n\nHi").as_bytes()));
        for machine in [
            "Auto-Submitted: auto-replied",
            "Auto-Submitted: auto-generated; owner-email=x",
            "X-Autoreply: yes",
            "X-Autorespond: Re: Hello",
            "Precedence: auto_reply",
            "Precedence: bulk",
            "Precedence: junk",
            "Precedence: list",
            "Subject: Automatic reply: Hello",
            "Subject: Hello (out of office)\nX-Auto-Response-Suppress: All",
            "Return-Path: <>\nSubject: Abwesenheitsnotiz: Hallo",
            "X-Apple-Action: VACATION",
        ] {
            assert_eq!(who(machine), Author::Machine, "{machine}");
        }
        for reporter in [
            "Return-Path: <>",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
            "X-Failed-Recipients: b@example.com",
        ] {
            assert_eq!(who(reporter), Author::Reporter, "{reporter}");
        }
        for person in [
            "Auto-Submitted: no",
            "Subject: Re: Out of office hours support",
            "Subject: Call me while I am out of office",
            "X-Auto-Response-Suppress: All",
            "Return-Path: <ada@example.com>",
            "Precedence: normal",
        ] {
            assert_eq!(who(person), Author::Person, "{person}");
        }
    }

    #[test]
    fn a_mailer_daemon_is_a_reporter() {
        let raw = b"From: Mail Delivery System <MAILER-DAEMON@mx.example.com>\nSubject: Undelivered\n\nx";
        assert_eq!(author(&mime::read(raw)), Author::Reporter);
    }
}
