//! The mailbox in the browser, and as JSON for programs.
//!
//! `GET /mailbox` is a list, newest first; `GET /mailbox/{id}` one mail;
//! `/mailbox/{id}/html` its own HTML for a frame; `/mailbox/{id}/raw` the mail
//! as it was handed over; `GET /mailbox/messages.json` all of them, oldest first.
//! Reading never changes anything. `POST /mailbox/{id}/reply` answers a mail as
//! its recipient would: the reply goes into the inbox.
//!
//! The JSON is an array of objects:
//!
//! | field | value |
//! |---|---|
//! | `id` | the message id that the sender was told, ten digits |
//! | `at` | the suite's time at which it was handed over, RFC 3339 in UTC |
//! | `to` | the envelope's addresses without names, joined by `, ` |
//! | `from`, `reply_to` | the header, `Name <address>`; `reply_to` may be null |
//! | `subject` | decoded |
//! | `headers` | name → value; a list of values where a header stands more than once. Unfolded, otherwise as sent |
//! | `text`, `html` | the decoded bodies with plain line ends, or null |
//! | `lead`, `touch` | the mail's tags, or null |

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use futures::stream::{self, Stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::html::{self, Moment, PageError, Template};
use crate::inbox::LocalInboxError;
use crate::letters::{KeptLetter, LetterError, LetterId, Letters, PAGE_LETTERS_MAX, ParseLetterIdError, ReadFrom};
use crate::reading::Reading;
use crate::site::Site;

/// Mails on one page of the list.
pub const LIST_LETTERS_MAX: usize = 50;

const LIST: Template = Template { name: "mailbox.html", text: include_str!("templates/mailbox.html") };
const MESSAGE: Template = Template { name: "message.html", text: include_str!("templates/message.html") };

pub(crate) fn routes() -> Router<Site> {
    Router::new()
        .route("/mailbox", get(list))
        .route("/mailbox/messages.json", get(messages))
        .route("/mailbox/{id}", get(message))
        .route("/mailbox/{id}/html", get(message_html))
        .route("/mailbox/{id}/raw", get(message_raw))
        .route("/mailbox/{id}/reply", post(reply))
}

/// Why the mailbox does not answer with what was asked.
#[derive(Debug, thiserror::Error)]
enum MailboxError {
    #[error("no such mail")]
    NotFound,
    #[error("the query is not one that the mailbox knows")]
    BadQuery,
    #[error("a reply is sent by the page of its mail")]
    Foreign,
    #[error("could not put the reply into the inbox")]
    Inbox(#[from] LocalInboxError),
    #[error("could not read the mailbox")]
    Letters(#[from] LetterError),
    #[error("the mailbox stopped while it was read")]
    Stopped(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Page(#[from] PageError),
}

impl From<ParseLetterIdError> for MailboxError {
    fn from(_: ParseLetterIdError) -> Self {
        Self::NotFound
    }
}

impl From<QueryRejection> for MailboxError {
    fn from(_: QueryRejection) -> Self {
        Self::BadQuery
    }
}

impl IntoResponse for MailboxError {
    fn into_response(self) -> Response {
        let text = self.to_string();
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, text).into_response(),
            Self::BadQuery => (StatusCode::BAD_REQUEST, text).into_response(),
            Self::Foreign => (StatusCode::FORBIDDEN, text).into_response(),
            Self::Page(error) => error.into_response(),
            Self::Letters(_) | Self::Inbox(_) | Self::Stopped(_) => {
                let source = std::error::Error::source(&self).map(ToString::to_string);
                tracing::error!(error = source, "could not read the mailbox");
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }
}

/// Which mails are asked for; all of them without a word.
#[derive(Clone, Serialize)]
struct Filter {
    /// The tag `lead`.
    lead: String,
    /// A recipient's address, case ignored.
    to: String,
}

impl Filter {
    fn matches(&self, kept: &KeptLetter) -> bool {
        let letter = &kept.letter;
        let to = self.to.trim();
        !letter.is_empty()
            && (self.lead.is_empty() || letter.lead.as_ref() == Some(&self.lead))
            && (to.is_empty() || letter.to.iter().any(|one| one.eq_ignore_ascii_case(to)))
    }
}

/// Up to `limit` mails that match, from the newest (or before `before`) back.
fn newest_matching(
    letters: &Letters,
    filter: &Filter,
    before: Option<LetterId>,
    limit: usize,
) -> Result<Vec<KeptLetter>, LetterError> {
    let mut found = vec![];
    let mut from = before.map_or(ReadFrom::Newest, ReadFrom::Before);
    loop {
        let page = letters.page(from, PAGE_LETTERS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        from = ReadFrom::Before(last.id);
        for kept in page.into_iter().filter(|kept| filter.matches(kept)) {
            if found.len() == limit {
                return Ok(found);
            }
            found.push(kept);
        }
    }
}

/// Runs what blocks for a database statement where it disturbs nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LetterError> + Send + 'static,
) -> Result<T, MailboxError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    before: Option<String>,
    #[serde(default)]
    lead: String,
    #[serde(default)]
    to: String,
}

/// The list's page.
#[derive(Serialize)]
struct ListPage {
    count: u64,
    filter: Filter,
    /// The address of the first page, unless this is it.
    newest: Option<String>,
    /// The address of the next page, if there is one.
    older: Option<String>,
    lines: Vec<Line>,
}

/// One line of the list.
#[derive(Serialize)]
struct Line {
    id: String,
    at: Moment,
    to: String,
    from: String,
    subject: String,
    touch: Option<String>,
}

impl Line {
    fn of(kept: &KeptLetter) -> Self {
        let reading = Reading::of(&kept.letter.mime);
        let (from, subject) = reading.map(|mail| (mail.from, mail.subject)).unwrap_or_default();
        Self {
            id: kept.id.to_string(),
            at: Moment::of(kept.letter.at),
            to: kept.letter.to.join(", "),
            from,
            subject,
            touch: kept.letter.touch.clone(),
        }
    }
}

async fn list(
    State(site): State<Site>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, MailboxError> {
    let Query(ListQuery { before, lead, to }) = query?;
    let before = before.map(|id| id.parse()).transpose()?;
    let filter = Filter { lead, to };
    let (letters, wanted) = (site.letters.clone(), filter.clone());
    // One more than is shown tells whether there is an older page.
    let found = blocking(move || {
        let mut found = newest_matching(&letters, &wanted, before, LIST_LETTERS_MAX + 1)?;
        let more = found.len() > LIST_LETTERS_MAX;
        found.truncate(LIST_LETTERS_MAX);
        let lines: Vec<_> = found.iter().map(Line::of).collect();
        Ok((lines, more))
    });
    let (lines, more) = found.await?;
    let oldest_shown = lines.last().filter(|_| more).map(|line| line.id.as_str());
    let values = ListPage {
        count: site.letters.count(),
        newest: before.map(|_| list_address(&filter, None)),
        older: oldest_shown.map(|id| list_address(&filter, Some(id))),
        filter,
        lines,
    };
    Ok(html::page(LIST, "Mailbox", &site.clock, values)?)
}

fn list_address(filter: &Filter, before: Option<&str>) -> String {
    let pairs = [("lead", Some(filter.lead.as_str())), ("to", Some(filter.to.as_str())), ("before", before)];
    let asked: Vec<_> =
        pairs.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect();
    // Pairs of texts always serialise; without them it is the whole list.
    let query = serde_urlencoded::to_string(asked).unwrap_or_default();
    format!("/mailbox?{query}")
}

/// The ways to look at one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum View {
    Text,
    Html,
    Headers,
}

#[derive(Debug, Deserialize)]
struct MessageQuery {
    view: Option<View>,
    /// Present after a reply.
    replied: Option<Replied>,
}

/// What the page says after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Replied {
    Yes,
}

/// One mail's page.
#[derive(Serialize)]
struct MessagePage<'m> {
    id: String,
    at: Moment,
    from: &'m str,
    to: String,
    reply_to: Option<&'m str>,
    subject: &'m str,
    touch: Option<&'m str>,
    lead: Option<&'m str>,
    /// The list of the lead's mails.
    of_lead: String,
    view: View,
    replied: Option<Replied>,
    headers: &'m [(String, String)],
    text: Option<Vec<Run<'m>>>,
    /// Whether there is HTML, which the page shows in a frame.
    html: bool,
}

/// A run of a plain text; with an address, it is a link.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Run<'t> {
    text: &'t str,
    link: bool,
}

async fn message(
    State(site): State<Site>,
    Path(id): Path<String>,
    query: Result<Query<MessageQuery>, QueryRejection>,
) -> Result<Response, MailboxError> {
    let Query(MessageQuery { view, replied }) = query?;
    let kept = letter(&site, &id).await?;
    let reading = Reading::of(&kept.letter.mime).ok_or(MailboxError::NotFound)?;
    let first = if reading.text.is_some() { View::Text } else { View::Html };
    let letter = &kept.letter;
    let of_lead = Filter { lead: letter.lead.clone().unwrap_or_default(), to: String::new() };
    let values = MessagePage {
        id: kept.id.to_string(),
        at: Moment::of(letter.at),
        from: &reading.from,
        to: letter.to.join(", "),
        reply_to: reading.reply_to.as_deref(),
        subject: &reading.subject,
        touch: letter.touch.as_deref(),
        lead: letter.lead.as_deref(),
        of_lead: list_address(&of_lead, None),
        view: view.unwrap_or(first),
        replied,
        headers: &reading.headers,
        text: reading.text.as_deref().map(runs),
        html: reading.html.is_some(),
    };
    Ok(html::page(MESSAGE, &reading.subject, &site.clock, values)?)
}

async fn message_html(State(site): State<Site>, Path(id): Path<String>) -> Result<Response, MailboxError> {
    let kept = letter(&site, &id).await?;
    let html = Reading::of(&kept.letter.mime).and_then(|reading| reading.html);
    Ok(html::mail_html(&html.ok_or(MailboxError::NotFound)?))
}

async fn message_raw(State(site): State<Site>, Path(id): Path<String>) -> Result<Response, MailboxError> {
    let kept = letter(&site, &id).await?;
    Ok(([(header::CONTENT_TYPE, "message/rfc822")], kept.letter.mime).into_response())
}

/// What the recipient answers.
#[derive(Deserialize)]
struct Reply {
    text: String,
}

/// Answers a mail in its recipient's name.
async fn reply(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Reply { text }): Form<Reply>,
) -> Result<Response, MailboxError> {
    // Another site's page must not answer for anybody.
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if origin.is_some_and(|origin| origin.strip_prefix("http://") != host) {
        return Err(MailboxError::Foreign);
    }
    let kept = letter(&site, &id).await?;
    let reading = Reading::of(&kept.letter.mime).ok_or(MailboxError::NotFound)?;
    site.inbox.put(answer(&kept, &reading, &text, site.clock.now()).as_bytes())?;
    Ok(Redirect::to(&format!("/mailbox/{id}?replied=yes")).into_response())
}

/// A mail program's answer to a mail.
fn answer(kept: &KeptLetter, reading: &Reading, text: &str, now: Timestamp) -> String {
    let from = kept.letter.to.first().map(String::as_str).unwrap_or_default();
    let to = reading.reply_to.as_deref().unwrap_or(&reading.from);
    let address = to.rsplit_once('<').map_or(to, |(_, address)| address.trim_end_matches('>'));
    let references = reading.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("references"));
    let references = references.map(|(_, value)| format!("References: {value}\n")).unwrap_or_default();
    // The subject as it was sent, so that it needs no encoding here.
    let subject = reading.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("subject"));
    let subject = subject.map(|(_, value)| value.as_str()).unwrap_or_default();
    let quoted = reading.text.as_deref().unwrap_or_default().lines();
    let quoted = quoted.map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n");
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    format!(
        "From: <{from}>\nTo: <{address}>\nDate: {date}\nSubject: Re: {subject}\n{references}\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
         {text}\n\nOn {date}, {address} wrote:\n{quoted}\n"
    )
}

async fn letter(site: &Site, id: &str) -> Result<KeptLetter, MailboxError> {
    let id: LetterId = id.parse()?;
    let letters = site.letters.clone();
    let kept = blocking(move || letters.get(id)).await?;
    kept.filter(|kept| !kept.letter.is_empty()).ok_or(MailboxError::NotFound)
}

/// Cuts a plain text at its web addresses, so that a page can make links of them.
fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = vec![];
    let mut rest = text;
    while let Some(start) = address_start(rest) {
        let (before, from_address) = rest.split_at(start);
        let (address, after) = from_address.split_at(address_length(from_address));
        runs.extend([Run { text: before, link: false }, Run { text: address, link: true }]);
        rest = after;
    }
    runs.push(Run { text: rest, link: false });
    runs
}

fn address_start(text: &str) -> Option<usize> {
    let found = ["https://", "http://"].map(|scheme| text.find(scheme));
    found.into_iter().flatten().min()
}

fn address_length(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'));
    let address = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    address.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'']).len()
}

#[derive(Deserialize)]
struct MessagesQuery {
    limit: Option<usize>,
    #[serde(default)]
    lead: String,
    #[serde(default)]
    to: String,
}

/// One mail in the JSON; the table at the top of this module describes it.
#[derive(Serialize)]
struct Message<'m> {
    id: String,
    at: jiff::Timestamp,
    to: String,
    from: &'m str,
    reply_to: Option<&'m str>,
    subject: &'m str,
    headers: BTreeMap<&'m str, Values<'m>>,
    text: Option<&'m str>,
    html: Option<&'m str>,
    lead: Option<&'m str>,
    touch: Option<&'m str>,
}

/// A header's value, or its values where it stands more than once.
#[derive(Serialize)]
#[serde(untagged)]
enum Values<'m> {
    One(&'m str),
    Many(Vec<&'m str>),
}

async fn messages(
    State(site): State<Site>,
    query: Result<Query<MessagesQuery>, QueryRejection>,
) -> Result<Response, MailboxError> {
    let Query(MessagesQuery { limit, lead, to }) = query?;
    let filter = Filter { lead, to };
    let letters = site.letters;
    let start = match limit {
        None => Some(ReadFrom::Oldest),
        Some(limit) => {
            let (letters, filter) = (letters.clone(), filter.clone());
            blocking(move || start_of_newest(&letters, &filter, limit)).await?
        }
    };
    let body = Body::from_stream(array(letters, filter, start));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Where to start so that the newest `limit` matching mails are read; nowhere
/// if there are none. Holds one page of mails at a time.
fn start_of_newest(letters: &Letters, filter: &Filter, limit: usize) -> Result<Option<ReadFrom>, LetterError> {
    let mut missing = limit;
    let mut oldest = None;
    let mut from = ReadFrom::Newest;
    while missing > 0 {
        let page = letters.page(from, PAGE_LETTERS_MAX)?;
        let Some(last) = page.last() else { break };
        from = ReadFrom::Before(last.id);
        for kept in page.iter().filter(|kept| filter.matches(kept)).take(missing) {
            oldest = Some(kept.id);
            missing -= 1;
        }
    }
    Ok(oldest.map(|id| id.previous().map_or(ReadFrom::Oldest, ReadFrom::After)))
}

/// Where the JSON array is.
enum Progress {
    Open(Option<ReadFrom>),
    Reading { from: ReadFrom, comma: bool },
    Done,
}

/// The JSON array, a page of mails at a time.
fn array(letters: Letters, filter: Filter, start: Option<ReadFrom>) -> impl Stream<Item = Result<Bytes, MailboxError>> {
    stream::try_unfold(Progress::Open(start), move |progress| {
        let (letters, filter) = (letters.clone(), filter.clone());
        async move {
            Ok(match progress {
                Progress::Open(None) => Some((Bytes::from_static(b"[]\n"), Progress::Done)),
                Progress::Open(Some(from)) => {
                    Some((Bytes::from_static(b"["), Progress::Reading { from, comma: false }))
                }
                Progress::Reading { from, comma } => {
                    Some(blocking(move || next_page(&letters, &filter, from, comma)).await?)
                }
                Progress::Done => None,
            })
        }
    })
}

fn next_page(
    letters: &Letters,
    filter: &Filter,
    from: ReadFrom,
    mut comma: bool,
) -> Result<(Bytes, Progress), LetterError> {
    let page = letters.page(from, PAGE_LETTERS_MAX)?;
    let Some(last) = page.last() else {
        return Ok((Bytes::from_static(b"\n]\n"), Progress::Done));
    };
    let from = ReadFrom::After(last.id);
    let mut text = String::new();
    for kept in page.iter().filter(|kept| filter.matches(kept)) {
        text.push_str(if comma { ",\n" } else { "\n" });
        text.push_str(&json(kept)?);
        comma = true;
    }
    Ok((Bytes::from(text), Progress::Reading { from, comma }))
}

fn json(kept: &KeptLetter) -> Result<String, LetterError> {
    let unreadable = || LetterError::Damaged { key: kept.id.to_string(), attribute: "mime" };
    let reading = Reading::of(&kept.letter.mime).ok_or_else(unreadable)?;
    let message = Message {
        id: kept.id.to_string(),
        at: kept.letter.at,
        to: kept.letter.to.join(", "),
        from: &reading.from,
        reply_to: reading.reply_to.as_deref(),
        subject: &reading.subject,
        headers: by_name(&reading.headers),
        text: reading.text.as_deref(),
        html: reading.html.as_deref(),
        lead: kept.letter.lead.as_deref(),
        touch: kept.letter.touch.as_deref(),
    };
    serde_json::to_string(&message).map_err(|_unserialisable| unreadable())
}

fn by_name(headers: &[(String, String)]) -> BTreeMap<&str, Values<'_>> {
    let mut grouped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers {
        grouped.entry(name).or_default().push(value);
    }
    grouped
        .into_iter()
        .map(|(name, values)| match values.as_slice() {
            [one] => (name, Values::One(one)),
            _ => (name, Values::Many(values)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use perennial_app::ports::Inbox;
    use serde_json::{Value, json};

    use super::*;
    use crate::letters::Letter;
    use crate::site::tests::{Answer, World};

    const TEXT: &str = "From: Maya <maya@example.org>\r\nReply-To: r.abc@reply.example.org\r\nTo: ada@example.com\r\n\
        Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-Twice: one\r\nX-Twice: two\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\nHi Ada <b>,\r\nstop: https://x.example/u/1?a=1&b=2.";

    const HTML: &str = "From: maya@example.org\r\nSubject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
        <p>Hi</p><script>alert(1)</script>";

    fn letter(to: &str, lead: &str, mime: &str) -> Letter {
        Letter {
            at: "2026-01-05T08:03:04.5Z".parse().unwrap(),
            to: vec![to.to_owned()],
            mime: mime.as_bytes().to_vec(),
            lead: Some(lead.to_owned()),
            touch: Some("1_welcome_response_0".to_owned()),
            attempt: None,
        }
    }

    /// A mailbox of so many mails, to two leads in turn.
    fn full(mails: usize) -> World {
        let world = World::new();
        for number in 1..=mails {
            let (to, lead) = if number % 2 == 1 { ("ada@example.com", "ada") } else { ("bob@example.com", "bob") };
            world.site.letters.keep(&letter(to, lead, TEXT)).unwrap();
        }
        world
    }

    async fn ids(world: &World, query: &str) -> Vec<u64> {
        let answer = world.get(&format!("/mailbox/messages.json{query}")).await;
        let messages: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
        messages.iter().map(|message| message["id"].as_str().unwrap().parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_mail_is_told_as_json_with_all_its_fields() {
        let world = full(1);
        let answer = world.get("/mailbox/messages.json").await;
        assert_eq!(answer.headers["content-type"], "application/json");
        insta::assert_json_snapshot!(serde_json::from_str::<Value>(&answer.text).unwrap(), @r#"
        [
          {
            "at": "2026-01-05T08:03:04.5Z",
            "from": "Maya <maya@example.org>",
            "headers": {
              "Content-Type": "text/plain; charset=utf-8",
              "From": "Maya <maya@example.org>",
              "Reply-To": "r.abc@reply.example.org",
              "Subject": "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
              "To": "ada@example.com",
              "X-Twice": [
                "one",
                "two"
              ]
            },
            "html": null,
            "id": "0000000001",
            "lead": "ada",
            "reply_to": "r.abc@reply.example.org",
            "subject": "Grüße",
            "text": "Hi Ada <b>,\nstop: https://x.example/u/1?a=1&b=2.",
            "to": "ada@example.com",
            "touch": "1_welcome_response_0"
          }
        ]
        "#);
    }

    #[tokio::test]
    async fn an_empty_mailbox_is_an_empty_array() {
        let world = World::new();
        for query in ["", "?limit=5", "?lead=ada"] {
            let answer = world.get(&format!("/mailbox/messages.json{query}")).await;
            assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap(), json!([]), "{query}");
        }
    }

    #[tokio::test]
    async fn all_mails_are_told_oldest_first_over_several_pages() {
        let world = full(PAGE_LETTERS_MAX * 2 + 3);
        assert_eq!(ids(&world, "").await, (1..=203).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_limit_tells_the_newest_and_filters_go_with_it() {
        let world = full(PAGE_LETTERS_MAX + 5);
        assert_eq!(ids(&world, "?limit=3").await, [103, 104, 105]);
        assert_eq!(ids(&world, "?limit=0").await, [0; 0]);
        assert_eq!(ids(&world, "?limit=1000").await.len(), 105);
        assert_eq!(ids(&world, "?limit=2&lead=bob").await, [102, 104]);
        assert_eq!(ids(&world, "?limit=2&to=ADA@example.com").await, [103, 105]);
        assert_eq!(ids(&world, "?to=eve@example.com").await, [0; 0]);
        assert_eq!(ids(&world, "?to=bob@example.com&lead=ada").await, [0; 0]);
    }

    #[tokio::test]
    async fn the_list_shows_the_newest_first_in_pages() {
        let world = full(LIST_LETTERS_MAX + 1);
        let first = world.get("/mailbox").await;
        assert!(first.text.find("0000000051").unwrap() < first.text.find("0000000050").unwrap());
        assert!(first.text.contains("Grüße"));
        assert!(!first.text.contains("0000000001\""));
        let older = "/mailbox?before=0000000002";
        assert!(first.text.contains(&format!("href=\"{}\"", older.replace('/', "&#x2f;"))), "{}", first.text);
        let second = world.get(older).await;
        assert!(second.text.contains("0000000001"));
        assert!(!second.text.contains(">Older<"));
    }

    #[tokio::test]
    async fn the_list_can_be_asked_for_one_address_or_one_lead() {
        let world = full(4);
        for query in ["?to=ada@example.com", "?lead=ada"] {
            let page = world.get(&format!("/mailbox{query}")).await.text;
            assert!(page.contains("0000000003") && page.contains("0000000001"), "{query}");
            assert!(!page.contains("0000000002"), "{query}");
        }
    }

    #[tokio::test]
    async fn a_mail_is_shown_escaped_with_its_links() {
        let world = full(1);
        let page = world.get("/mailbox/0000000001").await.text;
        assert!(page.contains("Hi Ada &lt;b&gt;,"), "{page}");
        let link = "https:&#x2f;&#x2f;x.example&#x2f;u&#x2f;1?a=1&amp;b=2";
        assert!(
            page.contains(&format!("<a href=\"{link}\" target=\"_blank\" rel=\"noopener noreferrer\">{link}</a>.")),
            "{page}"
        );
        let page = world.get("/mailbox/0000000001?view=headers").await.text;
        assert!(page.contains("X-Twice"));
    }

    #[tokio::test]
    async fn a_mails_html_runs_in_a_frame_without_scripts_and_network() {
        let world = World::new();
        world.site.letters.keep(&letter("ada@example.com", "ada", HTML)).unwrap();
        let page = world.get("/mailbox/0000000001").await.text;
        assert!(page.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""), "{page}");
        assert!(!page.contains("<script>"));
        let Answer { headers, text, .. } = world.get("/mailbox/0000000001/html").await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "));
        assert!(!policy.contains("allow-scripts"));
        assert!(text.contains("<p>Hi</p>"));
    }

    #[tokio::test]
    async fn a_mail_can_be_had_as_it_was_handed_over() {
        let world = full(1);
        let Answer { headers, text, .. } = world.get("/mailbox/0000000001/raw").await;
        assert_eq!(headers["content-type"], "message/rfc822");
        assert_eq!(text, TEXT);
    }

    #[tokio::test]
    async fn what_is_not_there_is_a_404_and_what_makes_no_sense_a_400() {
        let world = full(1);
        for (path, status) in [
            ("/mailbox/0000000002", 404),
            ("/mailbox/x", 404),
            ("/mailbox/0000000001/html", 404),
            ("/mailbox/0000000002/raw", 404),
            ("/mailbox?before=x", 404),
            ("/mailbox/0000000001?view=x", 400),
            ("/mailbox/messages.json?limit=x", 400),
        ] {
            assert_eq!(world.get(path).await.status, status, "{path}");
        }
    }

    #[tokio::test]
    async fn the_mailbox_is_not_changed_by_looking() {
        let world = full(1);
        for path in ["/mailbox", "/mailbox/0000000001", "/mailbox/messages.json"] {
            let request = Request::post(path).body(Body::empty()).unwrap();
            assert_eq!(world.ask(request).await.status, 405, "{path}");
        }
    }

    fn reply_to(id: &str, origin: &str) -> Request<Body> {
        Request::post(format!("/mailbox/{id}/reply"))
            .header("host", "127.0.0.1:8700")
            .header("origin", origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("text=Yes%2C+gladly.%0D%0AAda"))
            .unwrap()
    }

    #[tokio::test]
    async fn a_mail_is_answered_as_its_recipient_would_and_the_reply_is_in_the_inbox() {
        let world = full(1);
        let answer = world.ask(reply_to("0000000001", "http://127.0.0.1:8700")).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.headers["location"], "/mailbox/0000000001?replied=yes");
        let keys = world.site.inbox.untold().unwrap();
        let mail = world.site.inbox.fetch(&keys[0], 10_000).await.unwrap().unwrap();
        insta::assert_snapshot!(String::from_utf8(mail.bytes).unwrap().replace('\r', ""), @r"
        From: <ada@example.com>
        To: <r.abc@reply.example.org>
        Date: Mon, 05 Jan 2026 08:03:04 +0000
        Subject: Re: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: 8bit

        Yes, gladly.
        Ada

        On Mon, 05 Jan 2026 08:03:04 +0000, r.abc@reply.example.org wrote:
        > Hi Ada <b>,
        > stop: https://x.example/u/1?a=1&b=2.
        ");
        let page = world.get("/mailbox/0000000001?replied=yes").await;
        assert!(page.text.contains("on its way"));
    }

    #[tokio::test]
    async fn another_sites_page_answers_for_nobody() {
        let world = full(1);
        for origin in ["https://evil.example", "http://127.0.0.1:8701", "null"] {
            assert_eq!(world.ask(reply_to("0000000001", origin)).await.status, 403, "{origin}");
        }
        assert_eq!(world.ask(reply_to("0000000009", "http://127.0.0.1:8700")).await.status, 404);
        assert!(world.site.inbox.untold().unwrap().is_empty());
    }

    #[test]
    fn a_text_is_cut_at_its_web_addresses() {
        let cut: Vec<_> =
            runs("a https://x.example/(1), <http://y.example>").iter().map(|run| (run.text, run.link)).collect();
        assert_eq!(
            cut,
            [("a ", false), ("https://x.example/(1", true), ("), <", false), ("http://y.example", true), (">", false)]
        );
        let plain: Vec<_> = runs("none").iter().map(|run| (run.text, run.link)).collect();
        assert_eq!(plain, [("none", false)]);
    }

    #[tokio::test]
    async fn the_json_is_sent_a_page_at_a_time() {
        let world = full(PAGE_LETTERS_MAX * 3);
        let stream = array(
            world.site.letters.clone(),
            Filter { lead: String::new(), to: String::new() },
            Some(ReadFrom::Oldest),
        );
        let chunks: Vec<_> = futures::StreamExt::collect(stream).await;
        assert_eq!(chunks.len(), 5, "the brackets and three pages");
    }
}
