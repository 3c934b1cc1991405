//! Where a request comes from, also where CloudFront stands in front of the API (H36).
//!
//! **Invariant:** what a header says of an address is believed beside the secret that CloudFront adds to what it passes on,
//! and nowhere else. The address of every other request is the one that API Gateway saw.

use std::fmt;
use std::net::IpAddr;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The header with the secret. CloudFront puts its own in the place of whatever a viewer sends by that name.
const SECRET: &str = "x-perennial-front";

/// The header in which CloudFront tells a viewer's address and port.
const VIEWER: &str = "cloudfront-viewer-address";

/// The shortest secret that nobody guesses, in characters.
const SECRET_LENGTH_MIN: usize = 16;

/// What stands in front of the API, if anything does.
#[derive(Clone, Default)]
pub struct Front(Option<[u8; 32]>);

/// Why a secret cannot be used. It does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret has at least {SECRET_LENGTH_MIN} visible ASCII characters")]
pub struct FrontError;

impl Front {
    /// One that adds this secret to what it passes on.
    pub fn parse(secret: &str) -> Result<Self, FrontError> {
        let is_secret = secret.len() >= SECRET_LENGTH_MIN && secret.bytes().all(|byte| byte.is_ascii_graphic());
        is_secret.then(|| Self(Some(Sha256::digest(secret.as_bytes()).into()))).ok_or(FrontError)
    }

    /// The address of whoever sent a request.
    pub fn address<'r>(&self, request: &'r ApiGatewayV2httpRequest) -> Option<&'r str> {
        let told = self.passed_on(request).then(|| super::header(request, VIEWER)).flatten();
        told.and_then(without_port).or(request.request_context.http.source_ip.as_deref())
    }

    fn passed_on(&self, request: &ApiGatewayV2httpRequest) -> bool {
        let given = super::header(request, SECRET).map(|given| Sha256::digest(given.as_bytes()));
        self.0.zip(given).is_some_and(|(secret, given)| secret.ct_eq(given.as_slice()).into())
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Front").field(&self.0.is_some()).finish()
    }
}

/// What stands before the port: `198.51.100.10:46532`, or `2001:db8::1:46532`, which CloudFront writes without brackets.
fn without_port(told: &str) -> Option<&str> {
    let (address, port) = told.trim().rsplit_once(':')?;
    let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    (port.parse::<u16>().is_ok() && address.parse::<IpAddr>().is_ok()).then_some(address)
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::http::HeaderValue;

    use super::*;

    /// What CloudFront's address is to API Gateway.
    const EDGE: &str = "198.51.100.200";
    const TOLD: &str = "0123456789abcdef";

    fn request(secret: Option<&str>, viewer: &str) -> ApiGatewayV2httpRequest {
        let mut request = ApiGatewayV2httpRequest::default();
        request.request_context.http.source_ip = Some(EDGE.to_owned());
        request.headers.insert(VIEWER, HeaderValue::from_str(viewer).unwrap());
        if let Some(secret) = secret {
            request.headers.insert(SECRET, HeaderValue::from_str(secret).unwrap());
        }
        request
    }

    #[test]
    fn a_viewers_address_is_believed_beside_the_secret_and_nowhere_else() {
        let front = Front::parse(TOLD).unwrap();
        let viewer = "203.0.113.9:46532";
        assert_eq!(front.address(&request(Some(TOLD), viewer)), Some("203.0.113.9"));
        for wrong in [None, Some(""), Some("0123456789abcdeF"), Some("0123456789abcde"), Some("0123456789abcdef0")] {
            assert_eq!(front.address(&request(wrong, viewer)), Some(EDGE), "{wrong:?}");
        }
        for forged in [None, Some(""), Some(TOLD)] {
            assert_eq!(Front::default().address(&request(forged, viewer)), Some(EDGE), "nothing stands in front of it");
        }
    }

    #[test]
    fn an_address_comes_with_a_port_and_may_be_of_ipv6() {
        let front = Front::parse(TOLD).unwrap();
        for (told, address) in [
            ("2001:db8:1:2::1:46532", "2001:db8:1:2::1"),
            ("2001:0db8:0001:0002:0000:0000:0000:0001:443", "2001:0db8:0001:0002:0000:0000:0000:0001"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            // What is no address with a port tells nothing.
            ("203.0.113.9", EDGE),
            ("203.0.113.9:", EDGE),
            ("203.0.113.9:46532, 203.0.113.10:1", EDGE),
            ("unknown:46532", EDGE),
            ("", EDGE),
        ] {
            assert_eq!(front.address(&request(Some(TOLD), told)), Some(address), "{told}");
        }
    }

    #[test]
    fn a_secret_cannot_be_guessed_and_is_not_shown() {
        assert_eq!(Front::parse("short").unwrap_err(), FrontError);
        assert_eq!(Front::parse("sixteen and more").unwrap_err(), FrontError, "a header has no blanks around it");
        assert_eq!(format!("{:?}", Front::parse(TOLD).unwrap()), "Front(true)");
    }
}
