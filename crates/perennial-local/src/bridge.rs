//! Between HTTP and the functions: requests become the events that API Gateway
//! would send, and the functions' answers become responses.
//!
//! After "Working with AWS Lambda proxy integrations for HTTP APIs", payload
//! format 2.0, as far as a function can see it: lower-case header names, values
//! of one name joined by commas, cookies apart, and a body that is text only
//! for the content types that API Gateway takes for text ([`TEXT_TYPES`]; a
//! urlencoded form is not among them). No function is called with a body over
//! [`BODY_BYTES_MAX`].

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use futures::StreamExt as _;
use jiff::Timestamp;
use perennial_app::error_chain::ErrorChain;
use serde::{Deserialize, Serialize};

use crate::authorizer::Authorized;

/// The largest body that reaches a function, in bytes (API Gateway's quota, 10 MB).
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Content types, besides `text/*`, whose bodies API Gateway hands on as text.
/// All others, and a body without a type, arrive as base64.
pub const TEXT_TYPES: [&str; 3] = ["application/json", "application/xml", "application/javascript"];

/// What of a request only the server knows, not the request itself. The parts of its path may be tokens, so `Debug` shows
/// the route only.
#[derive(Clone)]
pub struct Arrival {
    /// The route that matched, e.g. `ANY /v1/forms/{form}`.
    pub route_key: String,
    /// The parts of the path that the route names, decoded.
    pub path_parameters: BTreeMap<String, String>,
    /// The address of the other end of the connection.
    pub source_ip: IpAddr,
    /// An id for this request, for logs.
    pub request_id: String,
    /// When it arrived.
    pub at: Timestamp,
    /// What the route's authorizer says, where it has one.
    pub authorizer: Option<Authorized>,
}

impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival").field("route_key", &self.route_key).finish_non_exhaustive()
    }
}

/// An API Gateway HTTP API event, payload format 2.0. Has no `Debug`: it holds
/// whatever a stranger posted.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpEvent {
    version: &'static str,
    route_key: String,
    raw_path: String,
    raw_query_string: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<String, String>,
    request_context: RequestContext,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    account_id: &'static str,
    api_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorized>,
    domain_name: String,
    domain_prefix: &'static str,
    http: HttpDescription,
    request_id: String,
    route_key: String,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpDescription {
    method: String,
    path: String,
    protocol: String,
    source_ip: String,
    user_agent: String,
}

impl HttpEvent {
    /// The event for a request whose body has been read.
    pub fn new(request: &Parts, body: &[u8], arrival: Arrival) -> Self {
        let path = request.uri.path().to_owned();
        let query = request.uri.query().unwrap_or_default();
        let (body, is_base64_encoded) = event_body(&request.headers, body);
        Self {
            version: "2.0",
            route_key: arrival.route_key.clone(),
            raw_path: path.clone(),
            raw_query_string: query.to_owned(),
            cookies: cookies(&request.headers),
            headers: event_headers(&request.headers, arrival.source_ip),
            query_string_parameters: query_parameters(query),
            path_parameters: arrival.path_parameters,
            request_context: RequestContext {
                account_id: "000000000000",
                api_id: "local",
                authorizer: arrival.authorizer,
                domain_name: text_of(request.headers.get(header::HOST)),
                domain_prefix: "local",
                http: HttpDescription {
                    method: request.method.to_string(),
                    path,
                    protocol: format!("{:?}", request.version),
                    source_ip: arrival.source_ip.to_string(),
                    user_agent: text_of(request.headers.get(header::USER_AGENT)),
                },
                request_id: arrival.request_id,
                route_key: arrival.route_key,
                stage: "$default",
                time: arrival.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
                time_epoch: arrival.at.as_millisecond(),
            },
            body,
            is_base64_encoded,
        }
    }
}

fn event_headers(headers: &HeaderMap, source_ip: IpAddr) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = headers
        .keys()
        .filter(|name| *name != header::COOKIE)
        .map(|name| (name.as_str().to_owned(), values_of(headers, name).join(",")))
        .collect();
    // The gateway appends whom it saw to whatever the client claims.
    joined
        .entry("x-forwarded-for".to_owned())
        .and_modify(|claimed| *claimed = format!("{claimed}, {source_ip}"))
        .or_insert_with(|| source_ip.to_string());
    joined
}

fn values_of(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name);
    values.iter().map(|value| text_of(Some(value))).collect()
}

fn text_of(value: Option<&HeaderValue>) -> String {
    let bytes = value.map(HeaderValue::as_bytes).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = values_of(headers, &header::COOKIE);
    let cookies = lines.iter().flat_map(|line| line.split(';'));
    cookies.map(|cookie| cookie.trim().to_owned()).filter(|cookie| !cookie.is_empty()).collect()
}

/// The query decoded; values of one name joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        parameters.entry(name).and_modify(|values| *values = format!("{values},{value}")).or_insert(value);
    }
    parameters
}

/// The body as it stands in the event, and whether that is base64. A body that
/// claims to be text but is not UTF-8 is base64, so that the function sees its bytes.
fn event_body(headers: &HeaderMap, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(body) {
        Ok(text) if is_text(headers) => (Some(text.to_owned()), false),
        Ok(_) | Err(_) => (Some(BASE64.encode(body)), true),
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = text_of(headers.get(header::CONTENT_TYPE)).to_ascii_lowercase();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/") || TEXT_TYPES.contains(&kind)
}

/// A function's answer, payload format 2.0. What format 1.0 adds is ignored, as
/// API Gateway does. Has no `Debug`: it may hold a page with personal data.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    status_code: u16,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Why a function's answer is no HTTP response; API Gateway would say 500.
#[derive(Debug, thiserror::Error)]
pub enum BadAnswer {
    /// The status is not one.
    #[error("the function answered with the status {0}")]
    Status(u16),
    /// A header's name or value cannot be sent.
    #[error("the function answered with a header `{0}` that cannot be sent")]
    Header(String),
    /// The body says it is base64 and is not.
    #[error("the function answered with a body that is not base64")]
    Body(#[source] data_encoding::DecodeError),
}

impl TryFrom<HttpAnswer> for Response {
    type Error = BadAnswer;

    fn try_from(answer: HttpAnswer) -> Result<Self, BadAnswer> {
        let status =
            StatusCode::from_u16(answer.status_code).map_err(|_invalid| BadAnswer::Status(answer.status_code))?;
        let text = answer.body.unwrap_or_default();
        let body = if answer.is_base64_encoded {
            BASE64.decode(text.as_bytes()).map_err(BadAnswer::Body)?
        } else {
            text.into_bytes()
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in &answer.headers {
            append(headers, name, value)?;
        }
        for cookie in &answer.cookies {
            append(headers, header::SET_COOKIE.as_str(), cookie)?;
        }
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain;charset=UTF-8"));
        Ok(response)
    }
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), BadAnswer> {
    let unsendable = || BadAnswer::Header(name.to_owned());
    let key = HeaderName::try_from(name).map_err(|_invalid| unsendable())?;
    let value = HeaderValue::from_str(value).map_err(|_invalid| unsendable())?;
    headers.append(key, value);
    Ok(())
}

/// Carries a request to a function and its answer back.
///
/// `call` is the function. Its failure, or an answer that is none, becomes API
/// Gateway's 500 and one line in the log; a body that is too large its 413.
pub async fn carry<Failure, Answering>(
    request: Request,
    arrival: Arrival,
    call: impl FnOnce(HttpEvent) -> Answering,
) -> Response
where
    Failure: Error + 'static,
    Answering: Future<Output = Result<HttpAnswer, Failure>>,
{
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let request_id = arrival.request_id.clone();
    let answered = call(HttpEvent::new(&parts, &body, arrival)).await;
    let response = match answered {
        Ok(answer) => Response::try_from(answer).map_err(|bad| ErrorChain(&bad).to_string()),
        Err(failure) => Err(ErrorChain(&failure).to_string()),
    };
    response.unwrap_or_else(|error| {
        tracing::error!(request.id = request_id, error, "a function did not answer");
        said(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

/// Reads a body up to the limit; a response to give instead where that fails.
async fn read(body: Body) -> Result<Bytes, Response> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_client_gone| said(StatusCode::BAD_REQUEST, "Bad Request"))?;
        if whole.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(said(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(whole))
}

/// An answer of the gateway's own, in its shape.
pub(crate) fn said(status: StatusCode, message: &str) -> Response {
    let body = axum::Json(serde_json::json!({ "message": message }));
    (status, body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    fn arrival() -> Arrival {
        Arrival {
            route_key: "ANY /v1/forms/{form}".to_owned(),
            path_parameters: BTreeMap::from([("form".to_owned(), "contact".to_owned())]),
            source_ip: "203.0.113.7".parse().unwrap(),
            request_id: "r-1".to_owned(),
            at: "2020-04-21T15:08:21.067Z".parse().unwrap(),
            authorizer: None,
        }
    }

    fn event(request: Request<&[u8]>) -> Value {
        let (parts, body) = request.into_parts();
        serde_json::to_value(HttpEvent::new(&parts, body, arrival())).unwrap()
    }

    fn event_with(content_type: Option<&str>, body: &[u8]) -> (Value, Value) {
        let mut request = Request::post("/");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let event = event(request.body(body).unwrap());
        (event["body"].clone(), event["isBase64Encoded"].clone())
    }

    fn answer(value: Value) -> HttpAnswer {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_request_becomes_the_event_that_api_gateway_would_send() {
        let request = Request::post("/v1/forms/contact?utm_source=a%20b&x=1&x=2")
            .header("Host", "example.org")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json")
            .header("Accept", "text/html")
            .header("Accept", "*/*")
            .header("Cookie", "a=1; b=2")
            .header("Cookie", "c=3")
            .header("X-Forwarded-For", "198.51.100.1")
            .body(b"{}".as_slice())
            .unwrap();
        insta::assert_json_snapshot!(event(request), @r#"
        {
          "body": "{}",
          "cookies": [
            "a=1",
            "b=2",
            "c=3"
          ],
          "headers": {
            "accept": "text/html,*/*",
            "content-type": "application/json",
            "host": "example.org",
            "user-agent": "curl/8",
            "x-forwarded-for": "198.51.100.1, 203.0.113.7"
          },
          "isBase64Encoded": false,
          "pathParameters": {
            "form": "contact"
          },
          "queryStringParameters": {
            "utm_source": "a b",
            "x": "1,2"
          },
          "rawPath": "/v1/forms/contact",
          "rawQueryString": "utm_source=a%20b&x=1&x=2",
          "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "example.org",
            "domainPrefix": "local",
            "http": {
              "method": "POST",
              "path": "/v1/forms/contact",
              "protocol": "HTTP/1.1",
              "sourceIp": "203.0.113.7",
              "userAgent": "curl/8"
            },
            "requestId": "r-1",
            "routeKey": "ANY /v1/forms/{form}",
            "stage": "$default",
            "time": "21/Apr/2020:15:08:21 +0000",
            "timeEpoch": 1587481701067
          },
          "routeKey": "ANY /v1/forms/{form}",
          "version": "2.0"
        }
        "#);
    }

    #[test]
    fn a_bare_get_has_no_body_no_query_and_no_cookies() {
        let event = event(Request::get("/u").body(b"".as_slice()).unwrap());
        for absent in ["body", "cookies", "queryStringParameters"] {
            assert_eq!(event.get(absent), None, "{absent}");
        }
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(event["rawQueryString"], "");
    }

    #[test]
    fn a_body_is_text_only_for_the_types_that_the_gateway_takes_for_text() {
        for text in [
            "text/plain",
            "text/csv; charset=utf-8",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/xml",
        ] {
            assert_eq!(event_with(Some(text), b"a=1"), (json!("a=1"), json!(false)), "{text}");
        }
        for other in [
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=b"),
            Some("application/octet-stream"),
            None,
        ] {
            assert_eq!(event_with(other, b"a=1"), (json!("YT0x"), json!(true)), "{other:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_utf_8_reaches_the_function_byte_for_byte() {
        assert_eq!(event_with(Some("text/plain"), b"\xff"), (json!("/w=="), json!(true)));
    }

    #[tokio::test]
    async fn an_answer_becomes_a_response() {
        let response = Response::try_from(answer(json!({
            "statusCode": 303,
            "headers": { "Location": "/thanks", "content-type": "text/html" },
            "multiValueHeaders": {},
            "cookies": ["a=1; HttpOnly", "b=2"],
            "body": "<p>",
            "isBase64Encoded": false
        })))
        .unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()["location"], "/thanks");
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "<p>");
    }

    #[tokio::test]
    async fn an_answer_in_base64_is_decoded_and_a_bare_status_is_enough() {
        let binary = answer(json!({ "statusCode": 200, "body": "/w==", "isBase64Encoded": true }));
        let response = Response::try_from(binary).unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain;charset=UTF-8");
        assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), b"\xff".as_slice());
        let bare = Response::try_from(answer(json!({ "statusCode": 204 }))).unwrap();
        assert_eq!(bare.status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn an_answer_that_is_no_response_is_refused() {
        for (value, message) in [
            (json!({ "statusCode": 99 }), "the function answered with the status 99"),
            (
                json!({ "statusCode": 200, "headers": { "a": "b\r\nc: d" } }),
                "the function answered with a header `a` that cannot be sent",
            ),
            (
                json!({ "statusCode": 200, "headers": { "a b": "c" } }),
                "the function answered with a header `a b` that cannot be sent",
            ),
            (
                json!({ "statusCode": 200, "body": "*", "isBase64Encoded": true }),
                "the function answered with a body that is not base64",
            ),
        ] {
            let error = Response::try_from(answer(value)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    async fn carried(body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post("/").body(body.into()).unwrap();
        let echo = async |event: HttpEvent| -> Result<HttpAnswer, BadAnswer> {
            if event.body.is_none() {
                return Err(BadAnswer::Status(0));
            }
            Ok(answer(json!({ "statusCode": 202, "body": "{}" })))
        };
        let response = carry(request, arrival(), echo).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1_000).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_request_is_carried_to_the_function_and_its_answer_back() {
        assert_eq!(carried("hello").await, (StatusCode::ACCEPTED, json!({})));
    }

    #[tokio::test]
    async fn a_function_that_fails_is_a_500_that_tells_nothing() {
        let told = json!({ "message": "Internal Server Error" });
        assert_eq!(carried("").await, (StatusCode::INTERNAL_SERVER_ERROR, told));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_a_413_and_one_at_the_limit_is_not() {
        let told = json!({ "message": "Request Entity Too Large" });
        let over = carried(vec![b'x'; BODY_BYTES_MAX + 1]).await;
        assert_eq!(over, (StatusCode::PAYLOAD_TOO_LARGE, told));
        assert_eq!(carried(vec![b'x'; BODY_BYTES_MAX]).await.0, StatusCode::ACCEPTED);
    }
}
