//! What is made of whole mails. The files are ours; `REPLY_ADDRESS` and `REPLY_TOKEN` stand for signed ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::token::{MailRef, Purpose};

const RECEIVED: &str = "2027-04-28T08:12:05Z";

fn keyring() -> Keyring {
    Keyring::new(BTreeMap::from([("k1".to_owned(), [1; 32])]), "k1").unwrap()
}

fn lead() -> LeadId {
    LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap()
}

fn touch() -> TouchId {
    TouchId::parse("1_welcome_response_0").unwrap()
}

fn understood(raw: &[u8]) -> Inbound {
    let (keyring, pepper) = (keyring(), Pepper::new([7; 32]));
    let home = Home {
        keyring: &keyring,
        pepper: &pepper,
        reply_domain: Some("reply.team.example"),
        senders: &["maya@team.example"],
    };
    read(raw, RECEIVED.parse().unwrap(), &home)
}

/// A mail with its placeholders filled in.
fn filled(raw: &[u8]) -> Vec<u8> {
    let address = format!("{}@reply.team.example", keyring().sign_reply_address(&lead(), &touch()));
    let payload = MailRef { lead: lead(), touch: touch() }.payload();
    let token = keyring().sign(Purpose::Reply, &payload);
    let unsubscribe = keyring().sign(Purpose::Unsubscribe, &payload);
    [("REPLY_ADDRESS", address), ("REPLY_TOKEN", token), ("UNSUBSCRIBE_TOKEN", unsubscribe)]
        .iter()
        .fold(raw.to_vec(), |raw, (name, value)| replaced(&raw, name.as_bytes(), value.as_bytes()))
}

fn replaced(raw: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match raw.windows(from.len()).position(|window| window == from) {
        Some(at) => [&raw[..at], to, &replaced(&raw[at + from.len()..], from, to)].concat(),
        None => raw.to_vec(),
    }
}

fn until(date: &str) -> Kind {
    Kind::Automatic(Absence::Until(date.parse().unwrap()))
}

const TALK: Kind = Kind::Human(Wish::Other);
const STOP: Kind = Kind::Human(Wish::OptOut);

macro_rules! mails {
    ($($name:literal => $kind:expr),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("mails/", $name, ".eml")).as_slice(), $kind)),+]
    };
}

#[test]
fn an_automatic_answer_a_reply_and_a_refusal_are_told_apart_in_twelve_languages() {
    let away = until("2027-05-05");
    let mails = mails! {
        "en-away" => away, "en-reply" => TALK, "en-stop" => STOP,
        "de-away" => away, "de-reply" => TALK, "de-stop" => STOP,
        "fr-away" => away, "fr-reply" => TALK, "fr-stop" => STOP,
        "es-away" => away, "es-reply" => TALK, "es-stop" => STOP,
        "it-away" => away, "it-reply" => TALK, "it-stop" => STOP,
        "nl-away" => away, "nl-reply" => TALK, "nl-stop" => STOP,
        "pt-away" => away, "pt-reply" => TALK, "pt-stop" => STOP,
        "pl-away" => away, "pl-reply" => TALK, "pl-stop" => STOP,
        "sv-away" => away, "sv-reply" => TALK, "sv-stop" => STOP,
        "da-away" => away, "da-reply" => TALK, "da-stop" => STOP,
        "fi-away" => away, "fi-reply" => TALK, "fi-stop" => STOP,
        "cs-away" => away, "cs-reply" => TALK, "cs-stop" => STOP,
    };
    for (name, raw, kind) in mails {
        let mail = understood(&filled(raw));
        assert_eq!(mail.kind, kind, "{name}: {}", mail.text);
        let is_certain = matches!(&mail.about, About::Certain { lead: known, .. } if *known == lead());
        assert!(is_certain, "{name}: {:?}", mail.about);
    }
    let languages: Vec<_> = mails.iter().map(|(name, ..)| &name[..2]).step_by(3).collect();
    assert_eq!(languages, LANGUAGES);
}

#[test]
fn other_mail_is_known_for_what_it_is() {
    let mails = mails! {
        "bounce" => Kind::Report,
        "read-receipt" => Kind::Report,
        "ticket-received" => Kind::Automatic(Absence::Unsaid),
        "away-without-a-date" => Kind::Automatic(Absence::Open),
        "mailing-list" => Kind::Automatic(Absence::Unsaid),
        "unsubscribe-by-mail" => Kind::Unsubscribe,
        "forwarded-by-us" => Kind::Ours,
        "from-our-sender" => Kind::Ours,
        "outlook-html-reply" => TALK,
    };
    for (name, raw, kind) in mails {
        let mail = understood(&filled(raw));
        assert_eq!(mail.kind, kind, "{name}: {}", mail.text);
    }
}

#[test]
fn a_signed_address_or_reference_makes_it_certain_and_an_address_alone_possible() {
    let about = |raw: &str| understood(&filled(raw.as_bytes())).about;
    let certain = |touch: Option<TouchId>| About::Certain { lead: lead(), touch };
    assert_eq!(about("From: ada@example.com\nTo: REPLY_ADDRESS\n\nYes"), certain(None));
    assert_eq!(
        about("From: ada@example.com\nReferences: <x@y> <REPLY_TOKEN@team.example>\n\nYes"),
        certain(Some(touch()))
    );
    assert_eq!(about("From: ada@example.com\nIn-Reply-To: <REPLY_TOKEN@team.example>\n\nYes"), certain(Some(touch())));
    assert_eq!(
        about("Received: from mx by inbound-smtp for REPLY_ADDRESS; today\nFrom: ada@example.com\n\nYes"),
        certain(None)
    );
    let ada = LeadId::of_email(&Pepper::new([7; 32]), &EmailAddress::parse("ada@example.com").unwrap());
    assert_eq!(about("From: Ada <ADA@example.com>\nTo: team@reply.team.example\n\nYes"), About::Possible { lead: ada });
    assert_eq!(about("To: team@reply.team.example\n\nYes"), About::Nobody);
}

#[test]
fn a_mail_whose_sender_is_in_doubt_is_never_more_than_possible() {
    let possible = About::Possible { lead: lead() };
    for doubt in [
        "Authentication-Results: amazonses.com; spf=pass; dkim=none; dmarc=fail header.from=example.com",
        "Authentication-Results: amazonses.com; spf=fail; dkim=none; dmarc=none",
        "X-SES-Spam-Verdict: FAIL",
        "X-SES-Virus-Verdict: FAIL",
    ] {
        let raw = format!("{doubt}\nFrom: ada@example.com\nTo: REPLY_ADDRESS\n\nPlease unsubscribe me");
        let mail = understood(&filled(raw.as_bytes()));
        assert_eq!((mail.about, mail.kind), (possible.clone(), STOP), "{doubt}");
    }
}

/// H40, and worse: each of these has brought some reader down.
#[test]
fn a_monster_is_read_within_the_caps() {
    let head = "From: ada@example.com\nTo: REPLY_ADDRESS\nMIME-Version: 1.0\n";
    let nested = |depth: usize| {
        let open = |level: usize| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        format!("{head}{}\nUnsubscribe me", (0..depth).map(open).collect::<String>())
    };
    let forwarded = format!("{head}{}\nUnsubscribe me", "Content-Type: message/rfc822\n\n".repeat(30_000));
    let parts = format!("{head}Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(100_000));
    let headers = format!("{head}{}\n\nhello", "X-Long: y\n".repeat(100_000));
    let line = format!("{head}Subject: {}\n\nhello", "é".repeat(400_000));
    for (name, raw) in [
        ("500 nested parts", nested(500)),
        ("20,000 nested parts", nested(20_000)),
        ("30,000 mails in each other", forwarded),
        ("100,000 parts", parts),
        ("100,000 headers", headers),
        ("a subject of 800 KB", line),
    ] {
        let mail = understood(&filled(raw.as_bytes()));
        assert!(mail.text.len() <= TEXT_BYTES_MAX + 64, "{name}");
        assert_eq!(mail.kind, TALK, "{name}");
    }
}

#[test]
fn a_mail_of_forty_megabytes_is_read_by_its_beginning() {
    let head = "From: ada@example.com\nTo: REPLY_ADDRESS\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\nContent-Type: text/plain\n\nLet us talk.\n--b\nContent-Type: application/pdf\n\n";
    let mut raw = filled(head.as_bytes());
    raw.resize(40 * 1024 * 1024, b'A');
    let mail = understood(&raw);
    assert_eq!((mail.text.trim(), mail.kind), ("Let us talk.", TALK));
}

#[test]
fn a_broken_charset_or_encoding_costs_letters_at_most() {
    for (headers, body) in [
        ("Content-Type: text/plain; charset=klingon-8", &b"Let us talk \xff\xfe\x80"[..]),
        ("Content-Type: text/plain; charset=utf-8", b"Let us talk \xc3\x28 \xf0\x28\x8c\xbc"),
        ("Content-Type: text/plain; charset=\"utf-16\"\nContent-Transfer-Encoding: base64", b"!!!! not base64 ===="),
        ("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable", b"Let us talk =ZZ =9"),
        ("Content-Type: text/html; charset=shift_jis", b"<p>Let us talk \x83\x6e</p><!--"),
        ("Subject: =?klingon?q?=E9?= =?utf-8?b?////?= =?", b"Let us talk"),
    ] {
        let raw = [b"From: ada@example.com\n", headers.as_bytes(), b"\n\n", body].concat();
        assert_eq!(understood(&raw).kind, TALK, "{headers}");
    }
}

#[test]
fn nothing_personal_is_shown() {
    let mail = understood(b"From: Canary Name <canary-7f3@example.com>\nSubject: canary-7f3\n\ncanary-7f3");
    let shown = format!("{mail:?}");
    assert!(!shown.contains("anary"), "{shown}");
}

/// Pieces that mails are made of, and what breaks them.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "From: a@example.com\n",
        "To: \"x\" <REPLY_ADDRESS>,,;:\n",
        "Content-Type: multipart/mixed; boundary=b\n",
        "Content-Type: multipart/alternative; boundary=\"--\"\n",
        "Content-Type: message/rfc822\n",
        "Content-Type: text/html; charset=utf-7\n",
        "Content-Type: text/plain; charset*0=u; charset*1=tf-8\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\n",
        "Auto-Submitted: auto-replied\n",
        "Authentication-Results: x; dmarc=(((\n",
        "Subject: =?utf-8?q?=?= =?utf-8?b?=?=\n",
        "Date: Wed, 99 Foo 99999 99:99:99 +9999\n",
        "Return-Path: <\n",
        "\n",
        "\r\n\r\n",
        "--b\n",
        "--b--\n",
        "----\n",
        "=",
        "=\n",
        "&#x110000;",
        "<!--",
        "<div",
        "until 31. Mai - 31.02.27/5",
        "On 1 wrote:\n",
        "> ",
        "é",
    ]);
    prop_oneof![
        3 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..24),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..2_000)) {
        understood(&raw);
    }

    #[test]
    fn no_mail_makes_it_panic_and_none_without_a_token_is_certain(pieces in prop::collection::vec(piece(), 0..60)) {
        let mail = understood(&pieces.concat());
        let is_certain = matches!(mail.about, About::Certain { .. });
        prop_assert!(!is_certain);
        prop_assert!(mail.text.len() <= TEXT_BYTES_MAX + 64);
    }

    #[test]
    fn a_machine_is_never_taken_for_a_person_by_its_words(pieces in prop::collection::vec(piece(), 0..30)) {
        let raw = [b"Auto-Submitted: auto-replied\nFrom: a@example.com\n".to_vec(), pieces.concat()].concat();
        prop_assert!(!matches!(understood(&raw).kind, Kind::Human(_)));
    }
}
