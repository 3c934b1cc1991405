//! H8–H14, H29–H33 and H35–H36: odd posts that are taken in, and what is kept of them.

use perennial_core::lead::{EmailReach, TaskKind};
use perennial_core::submission::{Flag, Intent};
use serde_json::json;

use super::*;

#[tokio::test]
async fn h8_an_address_under_a_domain_beyond_ascii_is_kept_as_given_and_mailed_in_punycode() {
    let world = World::new();
    assert_eq!(world.post(json!({ "email": "x@bücher.example" })).await.status(), 202);
    let kept = world.kept("x@xn--bcher-kva.example").await;
    assert!(kept.is_nurtured());
    assert_eq!(kept.address().as_deref(), Some("x@bücher.example"));
    assert_eq!(kept.profile.email.unwrap().mailable().as_deref(), Some("x@xn--bcher-kva.example"));
}

#[tokio::test]
async fn h9_an_address_that_ses_cannot_mail_makes_a_lead_with_a_task() {
    for (phone, task) in [(Some("+49 30 1234567"), TaskKind::Call), (None, TaskKind::RepairData)] {
        let world = World::new();
        assert_eq!(world.post(json!({ "email": "用户@example.com", "phone": phone })).await.status(), 202);
        let kept = world.kept("用户@example.com").await;
        assert!(kept.is_nurtured());
        assert_eq!(kept.lead.email, EmailReach::NotMailable);
        assert_eq!(kept.lead.task.map(|task| task.kind), Some(task));
        assert_eq!(world.counts().await, (1, 1));
    }
}

#[tokio::test]
async fn h10_h13_look_alikes_and_desks_are_flagged_and_nurtured() {
    let world = World::new();
    for (row, address, flag) in [
        ("H10 mixed scripts", "ada@exаmple.com", Flag::HomoglyphDomain),
        ("H13 a desk", "info@example.com", Flag::RoleAddress),
    ] {
        let answer = world.post(json!({ "email": address })).await;
        assert_eq!((answer.status(), answer.json()), (202, accepted()), "{row}");
        let kept = world.kept(address).await;
        assert!(kept.is_nurtured(), "{row}");
        assert_eq!(kept.lead.flags, [flag], "{row}");
    }
}

#[tokio::test]
async fn h11_another_spelling_of_a_known_mailbox_is_a_lead_of_its_own_with_a_hint() {
    let world = World::new();
    world.post(json!({ "email": "user@gmail.com" })).await;
    assert_eq!(world.post(json!({ "email": "User+tag@GMAIL.com" })).await.json(), accepted());
    assert_eq!(world.counts().await, (2, 2));
    assert!(world.kept("user@gmail.com").await.lead.flags.is_empty());
    let twin = world.kept("user+tag@gmail.com").await;
    assert_eq!(twin.address().as_deref(), Some("User+tag@GMAIL.com"));
    assert_eq!(twin.lead.flags, [Flag::PossibleDuplicate]);
}

#[tokio::test]
async fn h14_a_slip_in_a_domain_is_taken_as_given_and_the_likely_address_suggested() {
    let world = World::new();
    let answer = world.post(json!({ "email": "Ada@gmial.com" })).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json(), json!({ "status": "accepted", "suggestion": "Ada@gmail.com" }));
    assert_eq!(world.kept("ada@gmial.com").await.address().as_deref(), Some("Ada@gmial.com"));
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn hostile_words_are_kept_literally_and_clean() {
    let rows = [
        ("H29 a template", "{{env}} {% for %} ${7*7}", "{{env}} {% for %} ${7*7}"),
        ("H30 a header", "Bob\r\nBcc: x@y", "Bob Bcc: x@y"),
        ("H30 an escaped header", "Bob%0d%0aBcc: x@y", "Bob%0d%0aBcc: x@y"),
        ("H30 line separators", "Bob\u{2028}Bcc: x@y\u{2029}", "Bob Bcc: x@y"),
        ("H31 a script", "<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("H31 an attribute", "\"><img onerror=alert(1)>", "\"><img onerror=alert(1)>"),
        ("H32 a formula", "=HYPERLINK(\"A1\")", "=HYPERLINK(\"A1\")"),
        ("H32 a function", "@SUM(1+1)", "@SUM(1+1)"),
        ("H32 a command", "+cmd|' /C calc'!A0", "+cmd|' /C calc'!A0"),
        (
            "H33 zalgo",
            "Z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}",
            "Ź\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
        ),
        ("H33 right to left", "Ada\u{202e}nimda\u{202c}", "Adanimda"),
        ("H33 NUL and decomposed", "A\u{0}da Cafe\u{301}", "Ada Café"),
    ];
    for (row, typed, expected) in rows {
        let world = World::new();
        let fields = json!({ "email": "bob@example.com", "first_name": typed, "company": typed, "message": typed });
        assert_eq!(world.post(fields).await.json(), accepted(), "{row}");
        let kept = world.kept("bob@example.com").await;
        assert!(kept.is_nurtured(), "{row}");
        for field in ["first_name", "company"] {
            assert_eq!(kept.field(field), Some(expected), "{row}");
        }
        let lines = kept.field("message").map(|message| message.replace('\n', " "));
        assert_eq!(lines.as_deref(), Some(expected), "{row}");
    }
}

#[tokio::test]
async fn h35_what_the_form_does_not_declare_is_dropped() {
    let world = World::new();
    let hostile = json!({
        "email": "ada@example.com", "first_name": "Ada", "pk": "LEAD#x", "state": "customer", "stage": "customer",
        "score": 99, "owner": "me", "consent_at": "2020-01-01", "__proto__": ["polluted"], "mail": "refused", "id": "x",
        "intent": "inquiry", "rev": 7, "received_at": "1970-01-01T00:00:00Z"
    });
    assert_eq!(world.post(hostile).await.json(), accepted());
    let posted = world.kept("ada@example.com").await;

    let world = World::new();
    world.post(json!({ "email": "ada@example.com", "first_name": "Ada" })).await;
    let plain = world.kept("ada@example.com").await;

    assert_eq!(posted.profile.fields.len(), 1);
    assert!(posted.lead == plain.lead && posted.profile == plain.profile);
    let mut row = posted.submissions.first().unwrap().clone();
    row.submission.id = plain.submissions.first().unwrap().submission.id.clone();
    assert!(Some(&row) == plain.submissions.first());
}

#[tokio::test]
async fn h36_a_claim_about_the_senders_network_is_not_believed_and_nothing_of_it_kept() {
    let world = World::new();
    let request = Request::json(&json!({ "email": "ada@example.com" })).header("x-forwarded-for", "198.51.100.99");
    assert_eq!(world.send(&request).await.json(), accepted());
    let kept = world.kept("ada@example.com").await;
    let row = serde_json::to_string(&kept.submissions.first().unwrap().submission).unwrap();
    for address in ["198.51.100.99", "203.0.113.7"] {
        assert!(!row.contains(address), "{row}");
    }
}

#[tokio::test]
async fn a_phone_number_alone_makes_a_lead() {
    let world = World::new();
    assert_eq!(world.post(json!({ "phone": "+44 (0)20 7946 0018 ext. 5" })).await.json(), accepted());
    let kept = world.kept_by_phone("+442079460018").await;
    assert!(kept.is_nurtured());
    assert_eq!(kept.lead.email, EmailReach::Missing);
}

#[tokio::test]
async fn a_submission_is_kept_with_what_its_form_says_of_it() {
    let world = World::new();
    world.post(json!({ "email": "ada@example.com" })).await;
    let kept = world.kept("ada@example.com").await;
    let submission = &kept.submissions.first().unwrap().submission;
    assert_eq!((submission.form.as_str(), submission.intent), ("contact", Intent::HandRaise));
    assert_eq!(submission.received_at, world.suite_clock.now());
}
