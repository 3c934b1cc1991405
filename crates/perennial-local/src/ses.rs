//! A mail service on loopback that the real SES client talks to.
//!
//! It answers `POST /v2/email/outbound-emails` (`SendEmail`) as Amazon SES does,
//! keeps each mail in the mailbox and tells what became of it in SES's events.
//! **A mail is on disk before its sender hears 200**, and the event follows the
//! mail. It refuses what SES refuses, and header faults that SES lets pass but
//! that a nurture mail must not have (a header twice, a line too long), so that
//! they come to light here.
//!
//! It also answers `GET /v2/email/suppression/addresses` (`ListSuppressedDestinations`): on the list is whom the
//! mailbox simulator let bounce or complain.
//!
//! Every mail gets `Email Sent`. Deliveries, bounces and complaints are told
//! for the mailbox simulator's addresses only: nobody else's server takes part.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64;
use jiff::Timestamp;
use perennial_app::error_chain::ErrorChain;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::clock::{Clock, Hold};
use crate::letters::{LETTER_BYTES_MAX, Letter, LetterError, LetterId, Letters, PAGE_LETTERS_MAX, ReadFrom};
use crate::reading::Reading;
use crate::ses_event::{
    ACCOUNT, BouncedRecipient, CONFIGURATION_SET, CommonHeaders, Header, Mail, Outcome, REGION, Recipient, SesEvent,
    instant,
};
use crate::simulator::Simulated;

/// The most recipients a mail may have, as on SES.
pub const RECIPIENTS_MAX: usize = 50;
/// The most tags a mail may have, as on SES.
pub const TAGS_MAX: usize = 50;
/// The longest tag name or value, in characters, as on SES.
pub const TAG_LENGTH_MAX: usize = 256;
/// The longest line of a header, without its end (RFC 5322 §2.1.1).
pub const HEADER_LINE_BYTES_MAX: usize = 998;
/// The longest request, in bytes: the largest mail in base64, and room for the rest.
const REQUEST_BYTES_MAX: usize = LETTER_BYTES_MAX / 3 * 4 + 64 * 1024;

/// Headers that a mail may have once only (RFC 5322 §3.6, RFC 2369, RFC 8058).
const HEADERS_ONCE: [&str; 11] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "MIME-Version",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// What the service needs: where mails go, what time it is, and who hears of them.
#[derive(Debug, Clone)]
pub struct MailService {
    /// The mailbox.
    pub letters: Letters,
    /// The suite's clock.
    pub clock: Clock,
    /// Who hears of each mail. When the queue is full the sender waits, when
    /// nobody listens the event is lost, as it may be on AWS.
    pub events: mpsc::Sender<MailEvent>,
}

/// An event of the mail service on its way to the function that records it.
#[derive(Debug)]
pub struct MailEvent {
    /// The event, as JSON for the function by serde.
    pub event: SesEvent,
    /// Keeps a time-lapse still until the event is dealt with and dropped.
    pub hold: Hold,
}

/// The service's routes, for a listener of its own on 127.0.0.1.
pub fn router(service: MailService) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(send_email))
        .route("/v2/email/suppression/addresses", get(suppressed))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(service)
}

async fn send_email(
    State(service): State<MailService>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Sent>, Refusal> {
    let body = body.map_err(|_too_large_or_cut| Refusal::BadRequest(TOO_LARGE))?;
    let handed = HandedOver::parse(&body)?;
    let hold = service.clock.hold();
    let at = service.clock.now();
    let letter = handed.letter(at);
    let letters = service.letters.clone();
    let id = tokio::task::spawn_blocking(move || letters.keep(&letter))
        .await
        .map_err(Refusal::Stopped)?
        .map_err(Refusal::NotKept)?;
    service.tell(handed.events(id, at), hold).await;
    Ok(Json(Sent { message_id: id.to_string() }))
}

/// The query of `ListSuppressedDestinations`, as far as the local service understands it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSuppressed {
    start_date: Option<Timestamp>,
    next_token: Option<String>,
}

/// A page of the list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SuppressedPage {
    suppressed_destination_summaries: Vec<SuppressedDestination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SuppressedDestination {
    email_address: String,
    reason: &'static str,
    /// Seconds since 1970, as the SDK reads them.
    last_update_time: i64,
}

async fn suppressed(
    State(service): State<MailService>,
    query: Result<Query<ListSuppressed>, QueryRejection>,
) -> Result<Json<SuppressedPage>, Refusal> {
    let Query(query) = query.map_err(|_where| Refusal::BadRequest("The query is not one of this list."))?;
    let from = match query.next_token.as_deref().map(str::parse::<LetterId>) {
        None => ReadFrom::Oldest,
        Some(Ok(last)) => ReadFrom::After(last),
        Some(Err(_not_ours)) => return Err(Refusal::BadRequest("The token is not one of this list.")),
    };
    let letters = tokio::task::spawn_blocking(move || service.letters.page(from, PAGE_LETTERS_MAX))
        .await
        .map_err(Refusal::Stopped)?
        .map_err(Refusal::NotRead)?;
    let next_token = letters.last().map(|last| last.id.to_string());
    let is_new = |at: Timestamp| query.start_date.is_none_or(|start| at >= start);
    let listed = letters.iter().filter(|kept| is_new(kept.letter.at)).flat_map(|kept| {
        let last_update_time = kept.letter.at.as_second();
        kept.letter.to.iter().filter_map(move |address| {
            let reason = Simulated::of(address)?.listed_as()?;
            Some(SuppressedDestination { email_address: address.clone(), reason, last_update_time })
        })
    });
    Ok(Json(SuppressedPage { suppressed_destination_summaries: listed.collect(), next_token }))
}

impl MailService {
    async fn tell(&self, events: Vec<SesEvent>, _until_all_are_queued: Hold) {
        for event in events {
            let hold = self.clock.hold();
            if self.events.send(MailEvent { event, hold }).await.is_err() {
                tracing::warn!("nobody takes the mail service's events; one is lost");
            }
        }
    }
}

/// The answer to a mail that was taken.
#[derive(Serialize)]
struct Sent {
    #[serde(rename = "MessageId")]
    message_id: String,
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// The request is at fault; nothing was kept.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The mailbox could not keep it.
    #[error("the mail could not be kept")]
    NotKept(#[source] LetterError),
    /// The mailbox could not be read.
    #[error("the mailbox could not be read")]
    NotRead(#[source] LetterError),
    /// The suite is ending.
    #[error("the mailbox stopped")]
    Stopped(#[source] tokio::task::JoinError),
}

const TOO_LARGE: &str = "Message length is more than the local mailbox takes (393216 bytes).";

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind) = match &self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequestException"),
            // What the sender is to make of it is the truth: it may or may not be kept.
            Self::NotKept(_) | Self::NotRead(_) | Self::Stopped(_) => {
                tracing::error!(error = ErrorChain(&self).to_string(), "the mail service failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure")
            }
        };
        let message = self.to_string();
        let body = Json(serde_json::json!({ "message": message }));
        (status, [("x-amzn-errortype", kind)], body).into_response()
    }
}

/// The body of `SendEmail`, as far as the local service understands it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    #[serde(default)]
    destination: Destination,
    content: Option<Content>,
    #[serde(default)]
    email_tags: Vec<Tag>,
    configuration_set_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Destination {
    #[serde(rename = "ToAddresses")]
    to: Vec<String>,
    #[serde(rename = "CcAddresses")]
    cc: Vec<String>,
    #[serde(rename = "BccAddresses")]
    bcc: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    raw: Option<Raw>,
    simple: Option<IgnoredAny>,
    template: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    name: String,
    value: String,
}

/// A mail that the service takes: all that was checked.
struct HandedOver {
    from: String,
    to: Vec<String>,
    mime: Vec<u8>,
    reading: Reading,
    tags: BTreeMap<String, String>,
    configuration_set: Option<String>,
}

impl HandedOver {
    fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let request: SendEmail = serde_json::from_slice(body)
            .map_err(|_where| Refusal::BadRequest("The request is not valid JSON of SendEmail."))?;
        let to = recipients(&request.destination)?;
        let mime = raw_mime(request.content)?;
        check_headers(&mime)?;
        let reading = Reading::of(&mime).ok_or(Refusal::BadRequest("The message cannot be read."))?;
        check_once(&reading)?;
        if reading.from.is_empty() {
            return Err(Refusal::BadRequest("Missing required header 'From'."));
        }
        Ok(Self {
            from: request.from_email_address.unwrap_or_else(|| reading.from.clone()),
            to,
            mime,
            reading,
            tags: tags(request.email_tags)?,
            configuration_set: request.configuration_set_name,
        })
    }

    fn letter(&self, at: Timestamp) -> Letter {
        let tag = |name: &str| self.tags.get(name).cloned();
        Letter {
            at,
            to: self.to.clone(),
            mime: self.mime.clone(),
            lead: tag("lead"),
            touch: tag("touch"),
            attempt: tag("attempt"),
        }
    }

    /// All that SES would tell of this mail, in the order in which it happens.
    fn events(&self, id: LetterId, at: Timestamp) -> Vec<SesEvent> {
        let mail = self.mail(id, at);
        std::iter::once(Outcome::Send {})
            .chain(self.to.iter().flat_map(|address| outcomes(address, id, at)))
            .enumerate()
            .map(|(nth, outcome)| SesEvent::new(nth, at, mail.clone(), outcome))
            .collect()
    }

    fn mail(&self, id: LetterId, at: Timestamp) -> Mail {
        let header = |(name, value): &(String, String)| Header { name: name.clone(), value: value.clone() };
        Mail {
            timestamp: instant(at),
            source: self.from.clone(),
            source_arn: format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{}", self.sender_domain()),
            sending_account_id: ACCOUNT,
            message_id: id.to_string(),
            destination: self.to.clone(),
            headers_truncated: false,
            headers: self.reading.headers.iter().map(header).collect(),
            common_headers: CommonHeaders {
                from: vec![self.reading.from.clone()],
                reply_to: self.reading.reply_to.clone().into_iter().collect(),
                to: self.to.clone(),
                message_id: id.to_string(),
                subject: self.reading.subject.clone(),
            },
            tags: self.event_tags(),
        }
    }

    /// The mail's own tags and the ones SES adds, each with a list of values.
    fn event_tags(&self) -> BTreeMap<String, Vec<String>> {
        let own = self.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let set = self.configuration_set.as_deref();
        let added = [("ses:operation", "SendEmail"), ("ses:from-domain", self.sender_domain())];
        own.chain(added)
            .chain(set.map(|set| (CONFIGURATION_SET, set)))
            .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
            .collect()
    }

    fn sender_domain(&self) -> &str {
        bare(&self.from).rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

fn recipients(destination: &Destination) -> Result<Vec<String>, Refusal> {
    let all = [&destination.to, &destination.cc, &destination.bcc];
    let to: Vec<String> = all.into_iter().flatten().map(|address| bare(address).to_owned()).collect();
    if to.is_empty() {
        return Err(Refusal::BadRequest("At least one recipient must be specified."));
    }
    if to.len() > RECIPIENTS_MAX {
        return Err(Refusal::BadRequest("Recipient count exceeds 50."));
    }
    if !to.iter().all(|address| is_address(address)) {
        return Err(Refusal::BadRequest("A recipient's address is not valid, or its local part is not ASCII."));
    }
    Ok(to)
}

/// The address in `Name <address>`, or all of it.
fn bare(address: &str) -> &str {
    let inside = address.rsplit_once('<').map_or(address, |(_, rest)| rest);
    inside.trim().trim_end_matches('>')
}

/// SES has no SMTPUTF8: all ASCII, one `@` with something on both sides, no blanks.
fn is_address(address: &str) -> bool {
    let halves = address.split_once('@');
    halves.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
        && address.bytes().all(|byte| byte.is_ascii_graphic())
}

fn raw_mime(content: Option<Content>) -> Result<Vec<u8>, Refusal> {
    let Some(Content { raw: Some(raw), simple: None, template: None }) = content else {
        return Err(Refusal::BadRequest("Content must be Raw, and nothing else, for the local mail service."));
    };
    let mime =
        BASE64.decode(raw.data.as_bytes()).map_err(|_where| Refusal::BadRequest("Content.Raw.Data is not base64."))?;
    if mime.len() > LETTER_BYTES_MAX {
        return Err(Refusal::BadRequest(TOO_LARGE));
    }
    Ok(mime)
}

fn check_headers(mime: &[u8]) -> Result<(), Refusal> {
    let lines = mime.split(|byte| *byte == b'\n');
    for line in lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
        if line.is_empty() {
            return Ok(());
        }
        if !line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(Refusal::BadRequest("A header has a character that is not printable ASCII."));
        }
        if line.len() > HEADER_LINE_BYTES_MAX {
            return Err(Refusal::BadRequest("A header line is longer than 998 characters."));
        }
    }
    Err(Refusal::BadRequest("The message has no body."))
}

fn check_once(reading: &Reading) -> Result<(), Refusal> {
    let times = |once: &str| {
        let same = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(once);
        reading.headers.iter().filter(same).count()
    };
    if HEADERS_ONCE.iter().any(|once| times(once) > 1) {
        return Err(Refusal::BadRequest("A header that may stand once stands twice."));
    }
    Ok(())
}

fn tags(list: Vec<Tag>) -> Result<BTreeMap<String, String>, Refusal> {
    if list.len() > TAGS_MAX {
        return Err(Refusal::BadRequest("A message has at most 50 tags."));
    }
    let mut tags = BTreeMap::new();
    for tag in list {
        if !is_tag_text(&tag.name) || !is_tag_text(&tag.value) {
            return Err(Refusal::BadRequest("A tag's name and value are 1 to 256 ASCII letters, digits and _ - . @"));
        }
        if tags.insert(tag.name, tag.value).is_some() {
            return Err(Refusal::BadRequest("A tag stands twice."));
        }
    }
    Ok(tags)
}

fn is_tag_text(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@');
    (1..=TAG_LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// What happens to a mail at one recipient after it was sent.
fn outcomes(address: &str, id: LetterId, at: Timestamp) -> Vec<Outcome> {
    match Simulated::of(address) {
        None => vec![],
        Some(Simulated::Success | Simulated::OutOfOffice) => vec![delivery(address, at)],
        Some(Simulated::Complaint) => vec![delivery(address, at), complaint(address, id, at)],
        Some(Simulated::Bounce) => vec![bounce(address, id, at, "General", "smtp; 550 5.1.1 user unknown")],
        Some(Simulated::SuppressionList) => vec![bounce(
            address,
            id,
            at,
            "Suppressed",
            "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address.",
        )],
    }
}

fn delivery(address: &str, at: Timestamp) -> Outcome {
    Outcome::Delivery {
        timestamp: instant(at),
        processing_time_millis: 0,
        recipients: vec![address.to_owned()],
        smtp_response: "250 2.6.0 Message received",
        reporting_mta: "local.mailbox.simulator",
    }
}

fn bounce(
    address: &str,
    id: LetterId,
    at: Timestamp,
    sub_type: &'static str,
    diagnostic_code: &'static str,
) -> Outcome {
    Outcome::Bounce {
        bounce_type: "Permanent",
        bounce_sub_type: sub_type,
        bounced_recipients: vec![BouncedRecipient {
            email_address: address.to_owned(),
            action: "failed",
            status: "5.1.1",
            diagnostic_code,
        }],
        timestamp: instant(at),
        feedback_id: format!("{id}-feedback"),
    }
}

fn complaint(address: &str, id: LetterId, at: Timestamp) -> Outcome {
    Outcome::Complaint {
        complained_recipients: vec![Recipient { email_address: address.to_owned() }],
        timestamp: instant(at),
        feedback_id: format!("{id}-feedback"),
        complaint_sub_type: None,
        complaint_feedback_type: "abuse",
        arrival_date: instant(at),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;
    use crate::clock::Pace;
    use crate::store_file::StoreFile;

    struct World {
        router: Router,
        letters: Letters,
        clock: Clock,
        events: mpsc::Receiver<MailEvent>,
        _store: StoreFile,
    }

    fn world() -> World {
        let store = StoreFile::memory().unwrap();
        let pace = Pace::TimeLapse("1d/s".parse().unwrap());
        let wall = Box::new(|| "2026-01-05T08:03:04.5Z".parse().unwrap());
        let clock = Clock::start_on(store.local_items().unwrap(), pace, wall).unwrap();
        let letters = store.letters().unwrap();
        let (sender, events) = mpsc::channel(8);
        let service = MailService { letters: letters.clone(), clock: clock.clone(), events: sender };
        World { router: router(service), letters, clock, events, _store: store }
    }

    const MIME: &str = "From: Maya <maya@example.org>\r\nTo: ada@example.com\r\nSubject: Hello\r\n\r\nHi Ada";

    fn mail_to(address: &str) -> Value {
        json!({
            "FromEmailAddress": "Maya <maya@example.org>",
            "Destination": { "ToAddresses": [address] },
            "Content": { "Raw": { "Data": BASE64.encode(MIME.as_bytes()) } },
            "EmailTags": [
                { "Name": "lead", "Value": "abcdefghijklmnopqrstuvwxyz" },
                { "Name": "touch", "Value": "1_welcome_response_0" },
                { "Name": "attempt", "Value": "a1" }
            ],
            "ConfigurationSetName": "perennial"
        })
    }

    impl World {
        async fn post(&self, body: impl Into<Body>) -> (StatusCode, Option<String>, Value) {
            let request = Request::post("/v2/email/outbound-emails").body(body.into()).unwrap();
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let kind = response.headers().get("x-amzn-errortype");
            let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
            let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
            (status, kind, serde_json::from_slice(&bytes).unwrap())
        }

        async fn refused(&self, body: &Value) -> String {
            let (status, kind, answer) = self.post(body.to_string()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert_eq!(kind.as_deref(), Some("BadRequestException"));
            assert_eq!(self.letters.newest(), None);
            answer["message"].as_str().unwrap().to_owned()
        }

        fn told(&mut self) -> Vec<Value> {
            let mut told = vec![];
            while let Ok(MailEvent { event, .. }) = self.events.try_recv() {
                told.push(serde_json::to_value(event).unwrap());
            }
            told
        }
    }

    #[tokio::test]
    async fn a_mail_is_kept_with_its_tags_and_its_number_is_the_answer() {
        let world = world();
        let (status, _, answer) = world.post(mail_to("ada@example.com").to_string()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer, json!({ "MessageId": "0000000001" }));
        let kept = world.letters.get("0000000001".parse().unwrap()).unwrap().unwrap().letter;
        assert_eq!(kept.at, world.clock.now());
        assert_eq!(kept.to, ["ada@example.com"]);
        assert_eq!(kept.mime, MIME.as_bytes());
        assert_eq!(kept.lead.as_deref(), Some("abcdefghijklmnopqrstuvwxyz"));
        assert_eq!(kept.touch.as_deref(), Some("1_welcome_response_0"));
        assert_eq!(kept.attempt.as_deref(), Some("a1"));
    }

    #[tokio::test]
    async fn an_event_of_sess_shape_follows_the_mail() {
        let mut world = world();
        world.post(mail_to("ada@example.com").to_string()).await;
        let told = world.told();
        insta::assert_json_snapshot!(told, @r#"
        [
          {
            "account": "000000000000",
            "detail": {
              "eventType": "Send",
              "mail": {
                "commonHeaders": {
                  "from": [
                    "Maya <maya@example.org>"
                  ],
                  "messageId": "0000000001",
                  "subject": "Hello",
                  "to": [
                    "ada@example.com"
                  ]
                },
                "destination": [
                  "ada@example.com"
                ],
                "headers": [
                  {
                    "name": "From",
                    "value": "Maya <maya@example.org>"
                  },
                  {
                    "name": "To",
                    "value": "ada@example.com"
                  },
                  {
                    "name": "Subject",
                    "value": "Hello"
                  }
                ],
                "headersTruncated": false,
                "messageId": "0000000001",
                "sendingAccountId": "000000000000",
                "source": "Maya <maya@example.org>",
                "sourceArn": "arn:aws:ses:local:000000000000:identity/example.org",
                "tags": {
                  "attempt": [
                    "a1"
                  ],
                  "lead": [
                    "abcdefghijklmnopqrstuvwxyz"
                  ],
                  "ses:configuration-set": [
                    "perennial"
                  ],
                  "ses:from-domain": [
                    "example.org"
                  ],
                  "ses:operation": [
                    "SendEmail"
                  ],
                  "touch": [
                    "1_welcome_response_0"
                  ]
                },
                "timestamp": "2026-01-05T08:03:04.500Z"
              },
              "send": {}
            },
            "detail-type": "Email Sent",
            "id": "0000000001-0",
            "region": "local",
            "resources": [
              "arn:aws:ses:local:000000000000:configuration-set/perennial"
            ],
            "source": "aws.ses",
            "time": "2026-01-05T08:03:04Z",
            "version": "0"
          }
        ]
        "#);
    }

    #[tokio::test]
    async fn the_simulators_addresses_bounce_complain_and_deliver() {
        for (address, words) in [
            ("success@simulator.amazonses.com", vec!["Send", "Delivery"]),
            ("ooto@simulator.amazonses.com", vec!["Send", "Delivery"]),
            ("complaint@simulator.amazonses.com", vec!["Send", "Delivery", "Complaint"]),
            ("bounce@simulator.amazonses.com", vec!["Send", "Bounce"]),
            ("suppressionlist@simulator.amazonses.com", vec!["Send", "Bounce"]),
        ] {
            let mut world = world();
            world.post(mail_to(address).to_string()).await;
            let told = world.told();
            let types: Vec<_> = told.iter().map(|event| event["detail"]["eventType"].as_str().unwrap()).collect();
            assert_eq!(types, words, "{address}");
            assert_eq!(told[0]["detail"]["mail"]["messageId"], "0000000001");
            let ids: BTreeSet<_> = told.iter().map(|event| event["id"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), told.len(), "{address}");
        }
    }

    #[tokio::test]
    async fn a_bounce_has_sess_shape() {
        let mut world = world();
        world.post(mail_to("bounce@simulator.amazonses.com").to_string()).await;
        let bounce = world.told().pop().unwrap();
        assert_eq!(bounce["detail-type"], "Email Bounced");
        insta::assert_json_snapshot!(bounce["detail"]["bounce"], @r#"
        {
          "bounceSubType": "General",
          "bounceType": "Permanent",
          "bouncedRecipients": [
            {
              "action": "failed",
              "diagnosticCode": "smtp; 550 5.1.1 user unknown",
              "emailAddress": "bounce@simulator.amazonses.com",
              "status": "5.1.1"
            }
          ],
          "feedbackId": "0000000001-feedback",
          "timestamp": "2026-01-05T08:03:04.500Z"
        }
        "#);
    }

    #[tokio::test]
    async fn a_time_lapse_stands_still_until_the_event_is_dealt_with() {
        let mut world = world();
        world.post(mail_to("ada@example.com").to_string()).await;
        let event = world.events.recv().await.unwrap();
        let before = world.clock.now();
        let clock = world.clock.clone();
        let ticking = tokio::spawn(async move { clock.tick(std::time::Duration::from_secs(1)).await });
        tokio::task::yield_now().await;
        assert_eq!(world.clock.now(), before);
        drop(event);
        assert!(ticking.await.unwrap().unwrap() > before);
    }

    #[tokio::test]
    async fn a_mail_is_taken_even_when_nobody_listens_to_events() {
        let World { router, letters, events, .. } = world();
        drop(events);
        let request = Request::post("/v2/email/outbound-emails")
            .body(Body::from(mail_to("ada@example.com").to_string()))
            .unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::OK);
        assert!(letters.newest().is_some());
    }

    #[tokio::test]
    async fn what_ses_refuses_is_refused_in_sess_shape_and_not_kept() {
        let world = world();
        let with = |pointer: &str, value: Value| {
            let mut mail = mail_to("ada@example.com");
            *mail.pointer_mut(pointer).unwrap() = value;
            mail
        };
        for (body, message) in [
            (with("/Destination", json!({})), "At least one recipient must be specified."),
            (with("/Destination/ToAddresses", json!(vec!["a@b.example"; 51])), "Recipient count exceeds 50."),
            (
                with("/Destination/ToAddresses/0", json!("ada")),
                "A recipient's address is not valid, or its local part is not ASCII.",
            ),
            (
                with("/Destination/ToAddresses/0", json!("用户@example.com")),
                "A recipient's address is not valid, or its local part is not ASCII.",
            ),
            (with("/Content/Raw/Data", json!("***")), "Content.Raw.Data is not base64."),
            (
                with("/Content", json!({ "Simple": {} })),
                "Content must be Raw, and nothing else, for the local mail service.",
            ),
            (
                with("/EmailTags/0/Value", json!("a b")),
                "A tag's name and value are 1 to 256 ASCII letters, digits and _ - . @",
            ),
            (with("/EmailTags/1/Name", json!("lead")), "A tag stands twice."),
            (with("/Destination", json!("ada")), "The request is not valid JSON of SendEmail."),
        ] {
            assert_eq!(world.refused(&body).await, message);
        }
    }

    #[tokio::test]
    async fn a_mail_with_a_faulty_header_is_refused() {
        let world = world();
        for (mime, message) in [
            ("Subject: x\r\n\r\nHi".to_owned(), "Missing required header 'From'."),
            (format!("Subject: again\r\n{MIME}"), "A header that may stand once stands twice."),
            (MIME.replace("Hello", "Grüße"), "A header has a character that is not printable ASCII."),
            (MIME.replace("Hello", &"x".repeat(1_000)), "A header line is longer than 998 characters."),
            ("From: a@b.example".to_owned(), "The message has no body."),
        ] {
            let mut mail = mail_to("ada@example.com");
            mail["Content"]["Raw"]["Data"] = json!(BASE64.encode(mime.as_bytes()));
            assert_eq!(world.refused(&mail).await, message);
        }
    }

    #[tokio::test]
    async fn a_mail_that_is_too_large_is_refused_before_and_after_decoding() {
        let world = world();
        for bytes in [LETTER_BYTES_MAX + 1, 2 * LETTER_BYTES_MAX] {
            let mut mail = mail_to("ada@example.com");
            mail["Content"]["Raw"]["Data"] = json!(BASE64.encode(&vec![b'x'; bytes]));
            assert_eq!(world.refused(&mail).await, TOO_LARGE);
        }
        assert!(TOO_LARGE.contains(&LETTER_BYTES_MAX.to_string()));
    }

    #[tokio::test]
    async fn what_is_not_json_is_refused_in_sess_shape() {
        let world = world();
        let (status, kind, _) = world.post("{").await;
        assert_eq!((status, kind.as_deref()), (StatusCode::BAD_REQUEST, Some("BadRequestException")));
    }
}
