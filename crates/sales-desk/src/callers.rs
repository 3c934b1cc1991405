//! Who calls the JSON API, as API Gateway's authorizers tell.
//!
//! **Invariant:** whom no authorizer vouches for is nobody (H41). A token is checked by API Gateway, before the function
//! is called; the function asks for what that leaves behind, so a route without its authorizer lets nobody in.

use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest};
use perennial_core::catalog::Catalog;
use perennial_core::ids::RepName;
use perennial_core::sales::Party;

/// The claim that names a rep, where the deployment says nothing else.
pub const REP_CLAIM: &str = "email";

/// The claim beside an address that says whether somebody has shown that it is theirs.
const EMAIL_VERIFIED: &str = "email_verified";

/// Which claims of a token say who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callers {
    rep_claim: String,
    operator: Option<(String, String)>,
}

/// A setting that does not say which claim makes an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim of operators must be given as `claim=value`, such as `cognito:groups=operators`")]
pub struct CallersError;

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No authorizer vouches for them.
    Nobody,
    /// It does, and they are nobody who sells.
    NotOfSales,
}

impl Callers {
    /// With the claim that names a rep, by the roster's name or by their address; and the `claim=value` that makes an
    /// operator, where there are any.
    pub fn new(rep_claim: Option<String>, operator: Option<&str>) -> Result<Self, CallersError> {
        let operator = operator.map(|text| text.split_once('=').ok_or(CallersError)).transpose()?;
        let operator = operator.map(|(claim, value)| (claim.trim().to_owned(), value.trim().to_owned()));
        if operator.as_ref().is_some_and(|(claim, value)| claim.is_empty() || value.is_empty()) {
            return Err(CallersError);
        }
        Ok(Self { rep_claim: rep_claim.unwrap_or_else(|| REP_CLAIM.to_owned()), operator })
    }

    /// A person, by the claims of their token.
    pub(crate) fn person(&self, request: &ApiGatewayV2httpRequest, catalog: &Catalog) -> Result<Party, Refused> {
        let jwt = authorizer(request).and_then(|authorizer| authorizer.jwt.as_ref()).ok_or(Refused::Nobody)?;
        if jwt.claims.is_empty() {
            return Err(Refused::Nobody);
        }
        let claim = |name: &str| jwt.claims.get(name).map(String::as_str);
        let is_operator = self
            .operator
            .as_ref()
            .is_some_and(|(name, value)| claim(name).is_some_and(|given| listed(given).any(|one| one == value)));
        if is_operator {
            return Ok(Party::Operator);
        }
        let is_theirs = self.rep_claim != REP_CLAIM || claim(EMAIL_VERIFIED).is_none_or(|verified| verified == "true");
        let named = claim(&self.rep_claim).filter(|_| is_theirs);
        let rep = named.and_then(|named| rep(catalog, named)).filter(|rep| catalog.roster.owns(rep));
        rep.map(|rep| Party::Rep { rep: rep.clone() }).ok_or(Refused::NotOfSales)
    }
}

/// A machine, by its signature.
pub(crate) fn machine(request: &ApiGatewayV2httpRequest) -> Result<Party, Refused> {
    machine_name(request).map(|_| Party::Crm).ok_or(Refused::Nobody)
}

/// What IAM calls a machine.
pub(crate) fn machine_name(request: &ApiGatewayV2httpRequest) -> Option<&str> {
    let iam = authorizer(request).and_then(|authorizer| authorizer.iam.as_ref());
    iam.and_then(|iam| iam.user_arn.as_deref()).filter(|arn| !arn.is_empty())
}

fn authorizer(request: &ApiGatewayV2httpRequest) -> Option<&ApiGatewayRequestAuthorizer> {
    request.request_context.authorizer.as_ref()
}

/// The values of a claim that is a list: API Gateway hands it on as `[a b]`, and scopes come as `a b`.
fn listed(claim: &str) -> impl Iterator<Item = &str> {
    let inner = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(claim);
    inner.split([' ', ',']).filter(|one| !one.is_empty())
}

/// The rep whom a claim names: by their name, else by their address, which no name looks like.
fn rep<'c>(catalog: &'c Catalog, named: &str) -> Option<&'c RepName> {
    let reps = &catalog.roster.reps;
    let by_name = RepName::parse(named).ok().and_then(|name| reps.get_key_value(&name));
    let by_address = || reps.iter().find(|(_, rep)| rep.sender.address.eq_ignore_ascii_case(named));
    by_name.or_else(by_address).map(|(name, _)| name)
}
