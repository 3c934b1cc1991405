//! API Gateway's authorizers, as far as a function sees them: who calls the API of sales.
//!
//! **Invariant:** a request without a token, or with one that is forged, expired, made for somebody else or signed by
//! nothing (`alg: none`), never reaches a function (H41). There is one way to sign here, HS256 with this machine's key, and
//! the token's own word on how it is signed is held against it, never followed.
//!
//! On AWS people come by a JWT of the deployment's identity provider, and machines sign by IAM (`SigV4`). Here both show a
//! token of this machine; what the function gets is what it would get there.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use perennial_core::ids::Pepper;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tracing::info;

/// How long a token is good for.
pub const TOKEN_PERIOD: SignedDuration = SignedDuration::from_hours(12);

/// The claim that makes an operator here, and its value.
pub const OPERATOR_CLAIM: &str = "groups=operators";

const OPERATORS: &str = "operators";

const ISSUER: &str = "perennial-up";
const AUDIENCE: &str = "perennial-sales";

/// The longest token that is read, in characters.
const TOKEN_LENGTH_MAX: usize = 2_048;

/// Whom a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever runs the suite, and its machines.
    Operator,
    /// A rep, by the address in the roster.
    Rep(String),
}

/// What an authorizer leaves in the event, in API Gateway's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Authorized {
    /// Who a person is.
    Jwt {
        /// Each claim, as text.
        claims: BTreeMap<String, String>,
    },
    /// Who a machine is.
    Iam {
        /// Its name.
        #[serde(rename = "userArn")]
        user_arn: String,
    },
}

/// Signs tokens, and looks at them.
#[derive(Clone)]
pub struct Authorizer {
    key: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
}

impl Authorizer {
    /// With a key of this machine's, derived, so that it stays the same.
    pub fn new(pepper: &Pepper) -> Self {
        Self { key: pepper.digest(&[b"sales api key"]).into_bytes() }
    }

    /// A token, good for [`TOKEN_PERIOD`] of the world's time.
    pub fn token(&self, caller: &Caller, now: Timestamp) -> String {
        let (sub, email, groups) = match caller {
            Caller::Operator => ("operator", None, vec![OPERATORS.to_owned()]),
            Caller::Rep(address) => ("rep", Some(address.clone()), Vec::new()),
        };
        self.sign(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: sub.to_owned(),
            iat: now.as_second(),
            exp: (now + TOKEN_PERIOD).as_second(),
            email,
            groups,
        })
    }

    fn sign(&self, claims: &Claims) -> String {
        let header = Header { alg: "HS256".to_owned(), typ: "JWT".to_owned() };
        let signed = format!("{}.{}", part(&header), part(claims));
        let mac = BASE64URL_NOPAD.encode(&self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{mac}")
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(signed.as_bytes());
        mac
    }

    /// A person, as the JWT authorizer of an HTTP API lets them in.
    pub(crate) fn person(&self, authorization: Option<&str>, now: Timestamp) -> Option<Authorized> {
        let claims = self.claims(authorization, now)?;
        let mut told = BTreeMap::from([
            ("iss".to_owned(), claims.iss),
            ("aud".to_owned(), claims.aud),
            ("sub".to_owned(), claims.sub),
            ("iat".to_owned(), claims.iat.to_string()),
            ("exp".to_owned(), claims.exp.to_string()),
        ]);
        told.extend(claims.email.map(|email| ("email".to_owned(), email)));
        if !claims.groups.is_empty() {
            // As API Gateway spells a list.
            told.insert("groups".to_owned(), format!("[{}]", claims.groups.join(" ")));
        }
        Some(Authorized::Jwt { claims: told })
    }

    /// A machine. Here whoever runs the suite vouches for it.
    pub(crate) fn machine(&self, authorization: Option<&str>, now: Timestamp) -> Option<Authorized> {
        let claims = self.claims(authorization, now)?;
        let is_operators = claims.groups.iter().any(|group| group == OPERATORS);
        is_operators.then(|| Authorized::Iam { user_arn: "arn:aws:iam::000000000000:user/local".to_owned() })
    }

    /// What a token says that is good now; one that is not is put on record.
    fn claims(&self, authorization: Option<&str>, now: Timestamp) -> Option<Claims> {
        let claims = self.read(authorization, now);
        if let Err(reason) = &claims {
            info!(reason, metric = "gateway.unauthorised", "the gateway let nobody in");
        }
        claims.ok()
    }

    fn read(&self, authorization: Option<&str>, now: Timestamp) -> Result<Claims, &'static str> {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).ok_or("no token")?;
        if token.len() > TOKEN_LENGTH_MAX {
            return Err("too long");
        }
        let (signed, mac) = token.rsplit_once('.').ok_or("no token of three parts")?;
        let (header, claims) = signed.split_once('.').ok_or("no token of three parts")?;
        let header: Header = unpart(header).ok_or("no header")?;
        if header.alg != "HS256" {
            return Err("not signed our way");
        }
        let given = BASE64URL_NOPAD.decode(mac.as_bytes()).map_err(|_not_text| "no signature")?;
        self.mac(signed).verify_slice(&given).map_err(|_forged| "forged")?;
        let claims: Claims = unpart(claims).ok_or("no claims")?;
        let second = now.as_second();
        if claims.iss != ISSUER || claims.aud != AUDIENCE {
            return Err("for somebody else");
        }
        if claims.exp <= second || claims.iat > second {
            return Err("out of its time");
        }
        Ok(claims)
    }
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorizer(..)")
    }
}

fn part(value: &impl Serialize) -> String {
    // A token of ours that does not serialise is a bug; an empty part lets nobody in.
    BASE64URL_NOPAD.encode(&serde_json::to_vec(value).unwrap_or_default())
}

fn unpart<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorizer() -> Authorizer {
        Authorizer::new(&Pepper::new([7; 32]))
    }

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn refusal(authorization: Option<&str>) -> Option<&'static str> {
        authorizer().read(authorization, noon()).err()
    }

    fn claims() -> Claims {
        Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: "rep".to_owned(),
            iat: noon().as_second(),
            exp: noon().as_second() + 60,
            email: Some("robin@perennial.example".to_owned()),
            groups: Vec::new(),
        }
    }

    #[test]
    fn a_rep_is_let_in_with_their_claims_and_an_operator_also_as_a_machine() {
        let (here, now) = (authorizer(), noon());
        let rep = format!("Bearer {}", here.token(&Caller::Rep("robin@perennial.example".to_owned()), now));
        let Some(Authorized::Jwt { claims }) = here.person(Some(&rep), now) else { panic!("a person") };
        assert_eq!(claims["email"], "robin@perennial.example");
        assert_eq!(here.machine(Some(&rep), now), None);
        let operator = format!("Bearer {}", here.token(&Caller::Operator, now));
        let Some(Authorized::Jwt { claims }) = here.person(Some(&operator), now) else { panic!("a person") };
        assert_eq!(claims["groups"], "[operators]");
        assert!(matches!(here.machine(Some(&operator), now), Some(Authorized::Iam { .. })));
    }

    #[test]
    fn h41_without_a_token_or_with_a_bad_one_nobody_is_let_in() {
        let good = authorizer().sign(&claims());
        assert_eq!(refusal(Some(&format!("Bearer {good}"))), None);
        assert_eq!(refusal(None), Some("no token"));
        assert_eq!(refusal(Some(&good)), Some("no token"));
        assert_eq!(refusal(Some("Bearer abc")), Some("no token of three parts"));

        let expired = authorizer().sign(&Claims { exp: noon().as_second(), ..claims() });
        assert_eq!(refusal(Some(&format!("Bearer {expired}"))), Some("out of its time"));
        let early = authorizer().sign(&Claims { iat: noon().as_second() + 60, ..claims() });
        assert_eq!(refusal(Some(&format!("Bearer {early}"))), Some("out of its time"));
        for other in [
            Claims { aud: "somebody-else".to_owned(), ..claims() },
            Claims { iss: "somebody-else".to_owned(), ..claims() },
        ] {
            assert_eq!(refusal(Some(&format!("Bearer {}", authorizer().sign(&other)))), Some("for somebody else"));
        }
        let elsewhere = Authorizer::new(&Pepper::new([8; 32])).sign(&claims());
        assert_eq!(refusal(Some(&format!("Bearer {elsewhere}"))), Some("forged"));
    }

    #[test]
    fn h41_a_token_that_says_that_nothing_signed_it_is_refused_whatever_signed_it() {
        let (_, rest) =
            authorizer().sign(&claims()).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        for alg in ["none", "None", "hs256", "RS256", ""] {
            let header = part(&Header { alg: alg.to_owned(), typ: "JWT".to_owned() });
            let body = rest.split('.').next().unwrap();
            assert_eq!(refusal(Some(&format!("Bearer {header}.{body}."))), Some("not signed our way"), "{alg}");
            let signed = format!("{header}.{body}");
            let mac = BASE64URL_NOPAD.encode(&authorizer().mac(&signed).finalize().into_bytes());
            assert_eq!(refusal(Some(&format!("Bearer {signed}.{mac}"))), Some("not signed our way"), "{alg}");
        }
    }

    #[test]
    fn every_other_spelling_of_a_token_is_refused() {
        let good = authorizer().sign(&claims());
        for at in 0..good.len() {
            assert!(refusal(Some(&format!("Bearer {}", &good[..at]))).is_some(), "cut at {at}");
            let mut other = good.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(refusal(Some(&format!("Bearer {other}"))).is_some(), "another at {at}");
        }
    }
}
