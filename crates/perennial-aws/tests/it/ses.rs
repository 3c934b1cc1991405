//! F2, F9: what becomes of a mail when SES refuses, hangs, drops the connection or talks nonsense; and that
//! it is handed over once, whatever happens.

use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders};
use perennial_app::ports::{ForwardedMail, Forwarder, Mailer, OutboundMail, SendReport};
use perennial_aws::clients::{Clients, SEND_TIMEOUT};
use perennial_aws::ses::SesMailer;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, FailReason};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::loopback::{Answer, Loopback};
use crate::samples::{mail, noon};

/// With the time-outs of production: there would be time to try again.
fn mailer(url: &str) -> SesMailer {
    SesMailer::new(Clients::loopback(url).ses(), None)
}

fn taken() -> Answer {
    Answer::Reply(200, "", r#"{"MessageId":"0100019c"}"#.to_owned())
}

fn error(status: u16, code: &'static str) -> Answer {
    Answer::Reply(status, code, r#"{"message":"because of canary-7f3@example.com"}"#.to_owned())
}

/// Sends one mail to a server that answers so, and checks that it was asked exactly once.
async fn sent_to(answer: fn() -> Answer) -> SendReport {
    let server = Loopback::start(move |_, _| answer()).await;
    let report = mailer(&server.url).send(&mail()).await;
    assert_eq!(server.requests().len(), 1, "one mail is one request");
    report
}

fn cause(report: &SendReport) -> String {
    let cause: &dyn std::error::Error = report.cause.as_deref().expect("a failure has a cause");
    let links = std::iter::successors(Some(cause), |&error| error.source());
    links.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_mail_that_ses_takes_is_accepted() {
    let report = sent_to(taken).await;
    assert_eq!(report.outcome, SendOutcome::Accepted { message_id: "0100019c".to_owned() });
}

#[tokio::test]
async fn a_connection_dropped_after_the_mail_leaves_it_unknown() {
    assert_eq!(sent_to(|| Answer::Drop).await.outcome, SendOutcome::Ambiguous);
}

#[tokio::test]
async fn a_server_that_hangs_leaves_it_unknown_when_the_time_is_up() {
    let server = Loopback::start(|_, _| Answer::Hang).await;
    let client = Clients::loopback(&server.url).with_send_timeout(Duration::from_millis(300)).ses();
    let mailer = SesMailer::new(client, None);
    let report = tokio::time::timeout(SEND_TIMEOUT, mailer.send(&mail())).await.expect("it ends by itself");
    assert_eq!(report.outcome, SendOutcome::Ambiguous);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_internal_error_leaves_it_unknown() {
    assert_eq!(sent_to(|| error(500, "InternalFailure")).await.outcome, SendOutcome::Ambiguous);
    assert_eq!(sent_to(|| error(503, "ServiceUnavailable")).await.outcome, SendOutcome::Ambiguous);
}

#[tokio::test]
async fn nonsense_leaves_it_unknown() {
    assert_eq!(sent_to(|| Answer::Garbage).await.outcome, SendOutcome::Ambiguous);
    let page = || Answer::Reply(200, "", "<html>please log in</html>".to_owned());
    assert_eq!(sent_to(page).await.outcome, SendOutcome::Ambiguous);
    let empty = || Answer::Reply(200, "", "{}".to_owned());
    assert_eq!(sent_to(empty).await.outcome, SendOutcome::Ambiguous);
    let refused_by_something_else = || Answer::Reply(403, "", "<html>go away</html>".to_owned());
    assert_eq!(sent_to(refused_by_something_else).await.outcome, SendOutcome::Ambiguous);
}

#[tokio::test]
async fn a_refusal_with_a_name_is_definitive() {
    let rejected = sent_to(|| error(400, "MessageRejected")).await;
    assert_eq!(rejected.outcome, SendOutcome::Refused(FailReason::Rejected));
    let bad = sent_to(|| error(400, "BadRequestException")).await;
    assert_eq!(bad.outcome, SendOutcome::Refused(FailReason::BadRequest));
    let throttled = sent_to(|| error(429, "TooManyRequestsException")).await;
    assert_eq!(throttled.outcome, SendOutcome::NotYet(DeferReason::Throttled));
    let paused = sent_to(|| error(400, "SendingPausedException")).await;
    assert_eq!(paused.outcome, SendOutcome::NotYet(DeferReason::SendingPaused));
    let denied = sent_to(|| error(403, "AccessDeniedException")).await;
    assert_eq!(denied.outcome, SendOutcome::NotYet(DeferReason::SendingPaused));
}

#[tokio::test]
async fn the_cause_names_the_error_and_not_the_person() {
    let report = sent_to(|| error(400, "MessageRejected")).await;
    assert_eq!(cause(&report), "SES answered 400 MessageRejected: because of <address> (request unnamed)");
    assert!(!format!("{:?}", report.cause).contains("canary"));
}

#[tokio::test]
async fn a_server_that_nobody_listens_at_got_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let report = mailer(&format!("http://{nobody}")).send(&mail()).await;
    assert_eq!(report.outcome, SendOutcome::NotYet(DeferReason::NotReached));
    assert!(cause(&report).contains("Connection refused"), "{}", cause(&report));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_got_nothing() {
    let report = mailer("http://ses.invalid").send(&mail()).await;
    assert_eq!(report.outcome, SendOutcome::NotYet(DeferReason::NotReached), "{}", cause(&report));
}

#[tokio::test]
async fn a_server_without_tls_got_nothing() {
    let server = Loopback::start(|_, _| taken()).await;
    let report = mailer(&server.url.replace("http:", "https:")).send(&mail()).await;
    // What it read of the handshake was no request.
    assert_eq!(server.requests().len(), 0);
    assert_eq!(report.outcome, SendOutcome::NotYet(DeferReason::NotReached), "{}", cause(&report));
}

#[tokio::test]
async fn a_connection_that_takes_too_long_got_nothing() {
    // It is taken by the system, and nobody ever says a word on it: TLS does not come about.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let report = mailer(&format!("https://{}", silent.local_addr().unwrap())).send(&mail()).await;
    assert_eq!(report.outcome, SendOutcome::NotYet(DeferReason::NotReached), "{}", cause(&report));
    assert!(cause(&report).contains("HTTP connect timeout"), "{}", cause(&report));
}

#[tokio::test]
async fn a_connection_that_is_used_again_hands_over_once_too() {
    // The first mail keeps the connection; the second is read from it and never answered.
    let server = Loopback::start(|number, _| if number == 0 { taken() } else { Answer::Drop }).await;
    let mailer = mailer(&server.url);
    assert!(matches!(mailer.send(&mail()).await.outcome, SendOutcome::Accepted { .. }));
    assert_eq!(mailer.send(&mail()).await.outcome, SendOutcome::Ambiguous);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_request_names_recipient_sender_tags_and_configuration_set() {
    let server = Loopback::start(|_, _| taken()).await;
    SesMailer::new(Clients::loopback(&server.url).ses(), Some("perennial".to_owned())).send(&mail()).await;
    let requests = server.requests();
    let mut request = requests[0].json();
    assert!(request["Content"].as_object_mut().unwrap().remove("Raw").is_some());
    let expected = serde_json::json!({
        "FromEmailAddress": "zoe@perennial.example",
        "Destination": { "ToAddresses": ["canary-7f3@example.com"] },
        "Content": {},
        "ConfigurationSetName": "perennial",
        "EmailTags": [
            { "Name": "lead", "Value": "abcdefghijklmnopqrstuvwxyz" },
            { "Name": "touch", "Value": "1_welcome_helpful-link_0" },
            { "Name": "attempt", "Value": "2" },
        ],
    });
    assert_eq!(request, expected);
}

/// The bytes of the mail that SES was handed.
async fn raw(mail: &OutboundMail) -> Vec<u8> {
    let server = Loopback::start(|_, _| taken()).await;
    mailer(&server.url).send(mail).await;
    let request = server.requests()[0].json();
    let Value::String(data) = &request["Content"]["Raw"]["Data"] else { panic!("no mail in {request}") };
    aws_smithy_types::base64::decode(data).unwrap()
}

#[tokio::test]
async fn the_mail_reads_back_as_it_was_meant() {
    let raw = raw(&mail()).await;
    let head = String::from_utf8(raw.clone()).unwrap();
    let head = head.split("\r\n\r\n").next().unwrap();
    assert!(head.is_ascii());
    let message = MessageParser::new().parse(&raw).unwrap();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Zoë from Perennial"), Some("zoe@perennial.example")));
    let to = message.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (None, Some("canary-7f3@example.com")));
    let reply_to = message.reply_to().unwrap().first().unwrap();
    assert_eq!((reply_to.name(), reply_to.address()), (Some("Zoë, Sales"), Some("r-abc234@reply.perennial.example")));
    assert_eq!(message.subject(), Some("Grüße – your question"));
    assert_eq!(message.date().unwrap().to_timestamp(), mail().date.as_second());
    let expected = "abcdefghijklmnopqrstuvwxyz.1_welcome_helpful-link_0.2@perennial.example";
    assert_eq!(message.message_id(), Some(expected));
    assert!(message.content_type().unwrap().is_multipart_alternative());
    assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n"), mail().text);
    assert_eq!(message.body_html(0).unwrap(), mail().html);
    for (name, value) in mail().headers {
        let written = message.header_raw(name).unwrap().replace("\r\n", "");
        assert_eq!(written.trim(), value, "{name}");
    }
}

#[tokio::test]
async fn a_forwarded_mail_reads_back_with_its_original_and_no_tags() {
    let original = b"From: Ada <ada@example.com>\r\nSubject: Re: Hi\r\n\r\nYes \xff".to_vec();
    let mail = ForwardedMail {
        from_name: "Ada Marsh".to_owned(),
        from_address: "team@perennial.example".to_owned(),
        to: "robin@perennial.example".to_owned(),
        reply_to: Some(("Ada Marsh".to_owned(), "ada@example.com".to_owned())),
        subject: "Re: Grüße\r\nBcc: canary-7f3@example.com".to_owned(),
        text: "Ada Marsh answered.\n\nYes\n".to_owned(),
        headers: vec![("Auto-Submitted", "auto-generated".to_owned()), ("X-Perennial-Forwarded", "1".to_owned())],
        original: Some(original.clone()),
        date: noon(),
        effect: "abcdefghijklmnopqrstuvwxyz-3-0".to_owned(),
    };
    let server = Loopback::start(|_, _| taken()).await;
    let report = mailer(&server.url).forward(&mail).await;
    assert!(matches!(report.outcome, SendOutcome::Accepted { .. }));
    let request = server.requests()[0].json();
    assert!(request["EmailTags"].is_null());
    assert_eq!(request["Destination"], serde_json::json!({ "ToAddresses": ["robin@perennial.example"] }));
    let Value::String(data) = &request["Content"]["Raw"]["Data"] else { panic!("no mail in {request}") };
    let raw = aws_smithy_types::base64::decode(data).unwrap();
    let message = MessageParser::new().parse(&raw).unwrap();
    assert_eq!(message.subject(), Some("Re: GrüßeBcc: canary-7f3@example.com"));
    assert!(message.bcc().is_none(), "a stranger's subject breaks out of nothing");
    let reply_to = message.reply_to().unwrap().first().unwrap();
    assert_eq!((reply_to.name(), reply_to.address()), (Some("Ada Marsh"), Some("ada@example.com")));
    assert_eq!(message.header_raw("X-Perennial-Forwarded").unwrap().trim(), "1");
    assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n"), mail.text);
    assert_eq!(message.attachment(0).unwrap().contents(), original);
}

trait Alternative {
    fn is_multipart_alternative(&self) -> bool;
}

impl Alternative for mail_parser::ContentType<'_> {
    fn is_multipart_alternative(&self) -> bool {
        self.ctype() == "multipart" && self.subtype() == Some("alternative")
    }
}

/// Whether a mail with this change is refused without a request.
async fn is_refused_here(change: impl FnOnce(&mut OutboundMail)) -> bool {
    let server = Loopback::start(|_, _| taken()).await;
    let mut mail = mail();
    change(&mut mail);
    let report = mailer(&server.url).send(&mail).await;
    report.outcome == SendOutcome::Refused(FailReason::BadRequest) && server.requests().is_empty()
}

#[tokio::test]
async fn nothing_can_break_out_of_its_header() {
    let bcc = || "Bob\r\nBcc: eve@example.com".to_owned();
    assert!(is_refused_here(|mail| mail.subject = bcc()).await);
    assert!(is_refused_here(|mail| mail.subject = "two\u{2028}lines".to_owned()).await);
    assert!(is_refused_here(|mail| mail.from_name = bcc()).await);
    assert!(is_refused_here(|mail| mail.reply_to.0 = bcc()).await);
    assert!(is_refused_here(|mail| mail.reply_to.1 = "a@example.com>\r\nBcc: <eve@example.com".to_owned()).await);
    assert!(is_refused_here(|mail| mail.from_address = "a@example.com, eve@example.com".to_owned()).await);
    assert!(is_refused_here(|mail| mail.to = "a@example.com,eve@example.com".to_owned()).await);
    assert!(is_refused_here(|mail| mail.headers.push(("X-Note", bcc()))).await);
    assert!(is_refused_here(|mail| mail.headers.push(("X-Note", "Grüße".to_owned()))).await);
    assert!(is_refused_here(|mail| mail.headers.push(("X-Note", "x".repeat(996)))).await);
    assert!(!is_refused_here(|mail| mail.from_name = "Bob \"B\" <b@example.com>, Ltd".to_owned()).await);
}

#[tokio::test]
async fn a_name_with_syntax_in_it_stays_a_name() {
    let mut mail = mail();
    mail.from_name = "Bob \"B\" <b@example.com>, Ltd".to_owned();
    let raw = raw(&mail).await;
    let message = MessageParser::new().parse(&raw).unwrap();
    let from: Vec<_> = message.from().unwrap().clone().into_list();
    assert_eq!(from.len(), 1);
    assert_eq!(from[0].name(), Some(mail.from_name.as_str()));
    assert_eq!(from[0].address(), Some("zoe@perennial.example"));
}
