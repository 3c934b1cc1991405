//! Who calls the JSON API, as API Gateway's authorizers tell.
//!
//! **Invariant:** whom no authorizer vouches for is nobody (H41). A token is checked by API Gateway, before the function
//! is called; the function asks for what that leaves behind, so a route without its authorizer lets nobody in.

use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest};
use perennial_core::catalog::Catalog;
use perennial_core::ids::RepName;
use perennial_core::sales::Party;

/// The claim that names a rep, where the deployment says nothing else.
pub const REP_CLAIM: &str = EMAIL;

/// The claim that is an address.
const EMAIL: &str = "email";

/// The claim beside an address that says whether somebody has shown that it is theirs.
const EMAIL_VERIFIED: &str = "email_verified";

/// The claim that tells a person from all others of their identity provider.
const SUBJECT: &str = "sub";

/// The claim that is a list without brackets.
const SCOPE: &str = "scope";

/// Between what kind of machine it is and its name, in the ARN of one that has taken on a role.
const ASSUMED_ROLE: &str = ":assumed-role/";

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
        // An address that nobody has shown to be theirs says nothing of who they are.
        let is_unproven = jwt.claims.get(EMAIL_VERIFIED).is_some_and(|verified| verified != "true");
        let claim = |name: &str| jwt.claims.get(name).map(String::as_str).filter(|_| name != EMAIL || !is_unproven);
        let operator = self.operator.as_ref();
        if operator.is_some_and(|(name, value)| claim(name).is_some_and(|given| says(name, given, value))) {
            return Ok(Party::Operator);
        }
        let named = claim(&self.rep_claim);
        let rep = named.and_then(|named| rep(catalog, named)).filter(|rep| catalog.roster.owns(rep));
        rep.map(|rep| Party::Rep { rep: rep.clone() }).ok_or(Refused::NotOfSales)
    }
}

/// A machine, by its signature.
pub(crate) fn machine(request: &ApiGatewayV2httpRequest) -> Result<Party, Refused> {
    machine_name(request).map(|_| Party::Crm).ok_or(Refused::Nobody)
}

/// What IAM calls a machine. One that has taken on a role is the role: each session of it has another name.
pub(crate) fn machine_name(request: &ApiGatewayV2httpRequest) -> Option<&str> {
    let iam = authorizer(request).and_then(|authorizer| authorizer.iam.as_ref());
    let arn = iam.and_then(|iam| iam.user_arn.as_deref()).filter(|arn| !arn.is_empty())?;
    let of_session = arn.contains(ASSUMED_ROLE).then(|| arn.rsplit_once('/')).flatten();
    Some(of_session.map_or(arn, |(role, _session)| role))
}

/// Which machine or person it is, by whom keys are told apart: many are one party.
pub(crate) fn caller(request: &ApiGatewayV2httpRequest) -> String {
    let jwt = authorizer(request).and_then(|authorizer| authorizer.jwt.as_ref());
    match (machine_name(request), jwt.and_then(|jwt| jwt.claims.get(SUBJECT))) {
        (Some(machine), _) => format!("iam/{machine}"),
        (None, Some(subject)) => format!("sub/{subject}"),
        (None, None) => String::new(),
    }
}

fn authorizer(request: &ApiGatewayV2httpRequest) -> Option<&ApiGatewayRequestAuthorizer> {
    request.request_context.authorizer.as_ref()
}

/// Whether a claim says a value: as one of a list, which API Gateway hands on as `[a b]`, and scopes as `a b`; else whole,
/// since what people may write themselves (a name, a title) has spaces in it.
fn says(name: &str, given: &str, value: &str) -> bool {
    let listed = given.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match listed.or_else(|| (name == SCOPE).then_some(given)) {
        Some(list) => list.split([' ', ',']).any(|one| one == value),
        None => given == value,
    }
}

/// The rep whom a claim names: by their name, else by their address, which no name looks like.
fn rep<'c>(catalog: &'c Catalog, named: &str) -> Option<&'c RepName> {
    let reps = &catalog.roster.reps;
    let by_name = RepName::parse(named).ok().and_then(|name| reps.get_key_value(&name));
    let by_address = || reps.iter().find(|(_, rep)| rep.sender.address.eq_ignore_ascii_case(named));
    by_name.or_else(by_address).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_lambda_events::apigw::{ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription};
    use perennial_core::testing;

    use super::*;

    fn person(operator: &str, claims: &[(&str, &str)]) -> Result<Party, Refused> {
        let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
        jwt.claims =
            claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<HashMap<_, _>>();
        let mut authorizer = ApiGatewayRequestAuthorizer::default();
        authorizer.jwt = Some(jwt);
        let mut request = ApiGatewayV2httpRequest::default();
        request.request_context.authorizer = Some(authorizer);
        Callers::new(None, Some(operator)).unwrap().person(&request, &testing::catalog())
    }

    #[test]
    fn an_address_that_nobody_has_shown_to_be_theirs_makes_no_operator() {
        let ops = ("email", "ops@perennial.example");
        assert_eq!(person("email=ops@perennial.example", &[ops, (EMAIL_VERIFIED, "true")]), Ok(Party::Operator));
        assert_eq!(
            person("email=ops@perennial.example", &[ops]),
            Ok(Party::Operator),
            "a provider that shows them all"
        );
        let unproven = person("email=ops@perennial.example", &[ops, (EMAIL_VERIFIED, "false")]);
        assert_eq!(unproven, Err(Refused::NotOfSales));
        let of_group = person("groups=ops", &[("groups", "[ops]"), ops, (EMAIL_VERIFIED, "false")]);
        assert_eq!(of_group, Ok(Party::Operator), "the group is not theirs to choose");
    }

    #[test]
    fn what_people_may_write_themselves_is_one_value_and_lists_are_many() {
        for (claim, given) in [
            ("groups", "[sales operators]"),
            ("groups", "[operators]"),
            ("groups", "operators"),
            ("scope", "openid operators"),
        ] {
            assert_eq!(
                person(&format!("{claim}=operators"), &[(claim, given)]),
                Ok(Party::Operator),
                "{claim}: {given}"
            );
        }
        for (claim, given) in [("name", "Eve operators"), ("title", "sales,operators"), ("groups", "[not-operators]")] {
            let refused = person(&format!("{claim}=operators"), &[(claim, given)]);
            assert_eq!(refused, Err(Refused::NotOfSales), "{claim}: {given}");
        }
    }
}
