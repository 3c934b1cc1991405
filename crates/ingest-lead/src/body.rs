//! The body of a form post: from an API Gateway event to names and values (H1–H4).
//!
//! **Invariant:** what cannot be read in one way only is refused, and no refusal repeats what was sent.

use std::convert::Infallible;
use std::str::Utf8Error;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use data_encoding::DecodeError;
use futures::stream;
use perennial_lambda::http::form::{self, FormError};
use perennial_lambda::strict_json::{self, JsonError, PairsError};

pub use perennial_lambda::http::form::{BODY_LENGTH_MAX, Pair};

/// Why a body was refused, as a sentence for whoever wrote the page.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than [`BODY_LENGTH_MAX`].
    #[error("The body has at most {BODY_LENGTH_MAX} bytes.")]
    TooLong,
    /// It is none of the three kinds that forms and scripts send.
    #[error("The content type must be application/json, application/x-www-form-urlencoded or multipart/form-data.")]
    ContentType,
    /// The event says base64, and the body is not.
    #[error("The body is not valid base64.")]
    Base64(#[source] DecodeError),
    /// It is not UTF-8 text, or decodes to what is not.
    #[error("The body is not valid UTF-8.")]
    Utf8(#[from] Utf8Error),
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is JSON, but does not name fields.
    #[error("The JSON must be an object of fields; each is a text, a number, true or false, or a list of these.")]
    Shape,
    /// The multipart form breaks off or is put together wrongly.
    #[error("The multipart body is not valid.")]
    Multipart,
    /// A file came along.
    #[error("Forms take no files.")]
    File,
}

impl From<FormError> for BodyError {
    fn from(error: FormError) -> Self {
        match error {
            FormError::TooLong => Self::TooLong,
            FormError::ContentType => Self::ContentType,
            FormError::Base64(error) => Self::Base64(error),
            FormError::Utf8(error) => Self::Utf8(error),
        }
    }
}

impl From<PairsError> for BodyError {
    fn from(error: PairsError) -> Self {
        match error {
            PairsError::Json(error) => Self::Json(error),
            PairsError::Shape => Self::Shape,
        }
    }
}

impl BodyError {
    /// The HTTP status that answers it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLong => 413,
            Self::ContentType => 415,
            Self::Base64(_) | Self::Utf8(_) | Self::Json(_) | Self::Multipart => 400,
            Self::Shape | Self::File => 422,
        }
    }

    /// Its stable name, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "body_too_long",
            Self::ContentType => "content_type_not_supported",
            Self::Base64(_) => "base64_invalid",
            Self::Utf8(_) => "utf8_invalid",
            Self::Json(_) => "json_invalid",
            Self::Shape => "json_shape_invalid",
            Self::Multipart => "multipart_invalid",
            Self::File => "file_not_taken",
        }
    }
}

/// Reads the names and values of a post, in its order (of JSON, in the order of the names).
///
/// A name may come more than once: a group of checkboxes, or a JSON list. JSON's `null` is an empty value.
pub async fn read(request: &ApiGatewayV2httpRequest) -> Result<Vec<Pair>, BodyError> {
    let content_type = request.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = form::bytes(request)?;
    match media_type.as_str() {
        "application/json" => Ok(strict_json::pairs(str::from_utf8(&body)?)?),
        form::URLENCODED => Ok(form::urlencoded(&body)?),
        "multipart/form-data" => multipart(content_type, body.into_owned()).await,
        _ => Err(BodyError::ContentType),
    }
}

/// Reads names and values from JSON, whatever type the request says it has: browsers send beacons as plain text.
pub(crate) fn read_json(body: &[u8]) -> Result<Vec<Pair>, BodyError> {
    Ok(strict_json::pairs(str::from_utf8(body)?)?)
}

async fn multipart(content_type: &str, body: Vec<u8>) -> Result<Vec<Pair>, BodyError> {
    // multer's errors repeat names of fields: they end here.
    let broken = |_error: multer::Error| BodyError::Multipart;
    let boundary = multer::parse_boundary(content_type).map_err(broken)?;
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut pairs = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let is_file = field.file_name().is_some();
        let name = field.name().ok_or(BodyError::Multipart)?.to_owned();
        let value = field.bytes().await.map_err(broken)?;
        match is_file {
            // What a browser sends for a file input that was left alone.
            true if value.is_empty() => {}
            true => return Err(BodyError::File),
            false => pairs.push((name, str::from_utf8(&value)?.to_owned())),
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::http::HeaderValue;
    use data_encoding::BASE64;
    use futures::executor::block_on;
    use proptest::prelude::*;

    use super::*;

    fn post(content_type: &str, body: impl Into<String>) -> ApiGatewayV2httpRequest {
        let mut request = ApiGatewayV2httpRequest::default();
        if let Ok(value) = HeaderValue::from_str(content_type) {
            request.headers.insert("content-type", value);
        }
        request.body = Some(body.into());
        request
    }

    fn post_bytes(content_type: &str, body: &[u8]) -> ApiGatewayV2httpRequest {
        let mut request = post(content_type, BASE64.encode(body));
        request.is_base64_encoded = true;
        request
    }

    fn read(request: &ApiGatewayV2httpRequest) -> Result<Vec<Pair>, BodyError> {
        block_on(super::read(request))
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<Pair> {
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn refusal(request: &ApiGatewayV2httpRequest) -> (u16, &'static str) {
        let error = read(request).unwrap_err();
        (error.status(), error.code())
    }

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=x";

    fn part(headers: &str, value: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; {headers}\r\n\r\n{value}\r\n")
    }

    #[test]
    fn the_three_kinds_of_body_give_the_same_pairs() {
        let expected = pairs([("email", "ada@example.com"), ("first_name", "Ada & Köln+1")]);
        let json =
            post("application/json; charset=utf-8", r#"{"email":"ada@example.com","first_name":"Ada & Köln+1"}"#);
        assert_eq!(read(&json).unwrap(), expected);
        let form = post(FORM, "email=ada%40example.com&first_name=Ada+%26+K%C3%B6ln%2b1");
        assert_eq!(read(&form).unwrap(), expected);
        let body =
            part("name=\"email\"", "ada@example.com") + &part("name=\"first_name\"", "Ada & Köln+1") + "--x--\r\n";
        assert_eq!(read(&post_bytes("Multipart/Form-Data; boundary=\"x\"", body.as_bytes())).unwrap(), expected);
    }

    #[test]
    fn lists_and_checkbox_groups_name_a_field_more_than_once() {
        let expected = pairs([("topic", "a"), ("topic", "2"), ("zip", "")]);
        assert_eq!(read(&post(JSON, r#"{"topic":["a",2],"zip":null}"#)).unwrap(), expected);
        assert_eq!(read(&post(FORM, "topic=a&topic=2&&zip")).unwrap(), expected);
    }

    #[test]
    fn a_body_over_32_kib_is_refused_however_it_is_wrapped() {
        let fits = format!("a={}", "x".repeat(BODY_LENGTH_MAX - 2));
        assert!(read(&post(FORM, fits.as_str())).is_ok());
        assert!(read(&post_bytes(FORM, fits.as_bytes())).is_ok());
        let over = fits + "x";
        assert_eq!(refusal(&post(FORM, over.as_str())), (413, "body_too_long"));
        assert_eq!(refusal(&post_bytes(FORM, over.as_bytes())), (413, "body_too_long"));
        assert_eq!(refusal(&post_bytes(FORM, &vec![b'x'; 2 * BODY_LENGTH_MAX])), (413, "body_too_long"));
    }

    #[test]
    fn other_content_types_are_refused() {
        for content_type in ["text/plain", "", "application/xml", "application/jsonp", "\u{7f}"] {
            assert_eq!(refusal(&post(content_type, "{}")), (415, "content_type_not_supported"), "{content_type}");
        }
    }

    #[test]
    fn what_is_not_base64_or_not_text_is_refused() {
        let mut request = post(JSON, "not base64!");
        request.is_base64_encoded = true;
        assert_eq!(refusal(&request), (400, "base64_invalid"));
        assert_eq!(refusal(&post_bytes(JSON, b"{\"a\":\"\xff\"}")), (400, "utf8_invalid"));
        assert_eq!(refusal(&post(FORM, "a=%ff")), (400, "utf8_invalid"));
        assert_eq!(refusal(&post_bytes(FORM, b"a=\xc3")), (400, "utf8_invalid"));
        let latin = [part("name=\"a\"", "").trim_end().as_bytes(), b"\r\n\r\n\xe9\r\n--x--\r\n"].concat();
        assert_eq!(refusal(&post_bytes(MULTIPART, &latin)), (400, "utf8_invalid"));
    }

    #[test]
    fn json_that_is_broken_or_names_no_fields_is_refused() {
        assert_eq!(refusal(&post(JSON, "{\"a\":NaN}")), (400, "json_invalid"));
        assert_eq!(refusal(&post(JSON, "")), (400, "json_invalid"));
        for text in ["[]", "\"a\"", "1", "null", "{\"a\":{}}", "{\"a\":[[1]]}", "{\"a\":[{}]}"] {
            assert_eq!(refusal(&post(JSON, text)), (422, "json_shape_invalid"), "{text}");
        }
    }

    #[test]
    fn a_percent_sign_that_begins_nothing_stays() {
        assert_eq!(
            read(&post(FORM, "a=100%&b=%zz&=c&d==e")).unwrap(),
            pairs([("a", "100%"), ("b", "%zz"), ("", "c"), ("d", "=e")])
        );
    }

    #[test]
    fn a_file_is_refused_and_an_empty_file_input_passed_over() {
        let with_file = |content| {
            part("name=\"email\"", "a@b.example") + &part("name=\"cv\"; filename=\"\"", content) + "--x--\r\n"
        };
        assert_eq!(read(&post(MULTIPART, with_file(""))).unwrap(), pairs([("email", "a@b.example")]));
        assert_eq!(refusal(&post(MULTIPART, with_file("%PDF"))), (422, "file_not_taken"));
    }

    #[test]
    fn a_multipart_body_that_breaks_off_is_refused_without_echo() {
        let whole = part("name=\"canary\"", "canary");
        for (content_type, body) in [
            (MULTIPART, whole.as_str()),
            (MULTIPART, "--x\r\nContent-Disp"),
            (MULTIPART, ""),
            ("multipart/form-data", whole.as_str()),
            (MULTIPART, "--x\r\n\r\nno name\r\n--x--"),
        ] {
            let error = read(&post(content_type, body)).unwrap_err();
            assert_eq!((error.status(), error.code()), (400, "multipart_invalid"));
            assert!(!format!("{error:?} {error}").contains("canary"));
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
            for content_type in [JSON, FORM, MULTIPART] {
                drop(read(&post_bytes(content_type, &body)));
                drop(read(&post(content_type, text.as_str())));
            }
        }

        #[test]
        fn no_multipart_body_makes_the_reader_panic(
            pieces in prop::collection::vec(prop::sample::select(vec!["--x", "--x--", "\r\n", "\r\n\r\n", "Content-Disposition: form-data; name=", "\"a\"", "filename=\"", ";", "-", "\u{e9}"]), 0..16)
        ) {
            drop(read(&post(MULTIPART, pieces.concat())));
        }

        #[test]
        fn any_text_survives_a_form(name in "[a-z]{1,8}", value in any::<String>()) {
            let encoded = percent_encoding::percent_encode(value.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
            prop_assert_eq!(read(&post(FORM, format!("{name}={encoded}"))).unwrap(), vec![(name.clone(), value.clone())]);
            let json = serde_json::json!({ name.as_str(): value.as_str() }).to_string();
            prop_assert_eq!(read(&post(JSON, json)).unwrap(), vec![(name, value)]);
        }
    }
}
