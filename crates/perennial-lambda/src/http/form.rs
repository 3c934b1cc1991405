//! The body of a post from a page: from an API Gateway event to names and values (H1, H4).
//!
//! **Invariant:** what cannot be read in one way only is refused, and no refusal repeats what was sent.

use std::borrow::Cow;
use std::str::Utf8Error;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use data_encoding::{BASE64, DecodeError};
use percent_encoding::percent_decode;

/// Length limit of a body, in bytes, as it came over the wire.
pub const BODY_LENGTH_MAX: usize = 32 * 1024;

/// The content type of what a page's form posts.
pub const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A field name and a value, as given. Personal.
pub type Pair = (String, String);

/// Why the bytes of a body cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It is longer than [`BODY_LENGTH_MAX`].
    #[error("The body has at most {BODY_LENGTH_MAX} bytes.")]
    TooLong,
    /// It is not what a page's form posts.
    #[error("The content type must be {URLENCODED}.")]
    ContentType,
    /// The event says base64, and the body is not.
    #[error("The body is not valid base64.")]
    Base64(#[source] DecodeError),
    /// It is not UTF-8 text, or decodes to what is not.
    #[error("The body is not valid UTF-8.")]
    Utf8(#[from] Utf8Error),
}

impl FormError {
    /// The HTTP status that answers it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLong => 413,
            Self::ContentType => 415,
            Self::Base64(_) | Self::Utf8(_) => 400,
        }
    }
}

/// Reads the names and values of a page's post, in its order. Without a body there are none.
pub fn read(request: &ApiGatewayV2httpRequest) -> Result<Vec<Pair>, FormError> {
    let body = bytes(request)?;
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let content_type = super::header(request, "content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(URLENCODED) {
        return Err(FormError::ContentType);
    }
    Ok(urlencoded(&body)?)
}

/// The bytes of a request's body.
pub fn bytes(request: &ApiGatewayV2httpRequest) -> Result<Cow<'_, [u8]>, FormError> {
    let body = request.body.as_deref().unwrap_or_default().as_bytes();
    let length_max = if request.is_base64_encoded { BASE64.encode_len(BODY_LENGTH_MAX) } else { BODY_LENGTH_MAX };
    if body.len() > length_max {
        return Err(FormError::TooLong);
    }
    if !request.is_base64_encoded {
        return Ok(body.into());
    }
    let decoded = BASE64.decode(body).map_err(FormError::Base64)?;
    // Base64 counts in threes: a byte or two too many fit into the same length.
    if decoded.len() > BODY_LENGTH_MAX { Err(FormError::TooLong) } else { Ok(decoded.into()) }
}

/// The names and values of a body that a form without files posts.
pub fn urlencoded(body: &[u8]) -> Result<Vec<Pair>, Utf8Error> {
    let decode = |part: &[u8]| -> Result<String, Utf8Error> {
        let spaced: Vec<u8> = part.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        // A `%` that no two digits follow stays as it is, as in browsers (WHATWG URL, "percent-decode").
        Ok(percent_decode(&spaced).decode_utf8()?.into_owned())
    };
    body.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut sides = pair.splitn(2, |&byte| byte == b'=');
            Ok((decode(sides.next().unwrap_or_default())?, decode(sides.next().unwrap_or_default())?))
        })
        .collect()
}
