//! Lambda: what people do and say comes back to their lead.
//!
//! One function, four doors: the HTTP routes of `routes`, each with a token in its path, SES's events by an
//! EventBridge rule, bounces and complaints once more by SNS and SQS, and mail that comes in by S3. A `GET` never
//! changes anything (P5); an event that proves nothing is acknowledged and counted (H38, H39).

mod click;
mod desk;
mod mail;
mod opt_in;
mod phrases;
mod preferences;
mod profile;
mod question;
mod queue;
mod routes;
mod ses;
mod unsubscribe;

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::sqs::SqsBatchResponse;
use perennial_app::engagement::Listener;
use perennial_app::inbound::Postbox;
use perennial_core::token::Keyring;
use perennial_lambda::boot::HandlerError;
use perennial_lambda::http::front::Front;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use click::{Clicks, FOLLOWS_MAX};
pub use mail::Sorted;
pub use ses::Counted;

/// What the function needs.
pub struct Deps {
    /// Who takes engagement in.
    pub listener: Listener,
    /// What tokens are verified with.
    pub keyring: Keyring,
    /// What stands in front of the API: who a request comes from.
    pub front: Front,
    /// What follows links.
    pub clicks: Clicks,
    /// Who takes mail in, where mail comes in.
    pub postbox: Option<Postbox>,
}

/// What an invocation answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To API Gateway.
    Http(Box<ApiGatewayV2httpResponse>),
    /// To SQS: which records it is to bring again.
    Batch(SqsBatchResponse),
    /// To EventBridge, which does not read it.
    Counted(Counted),
    /// To S3, which does not read it either.
    Mail(Sorted),
}

/// Takes one event in. What kind it is, its own shape tells.
///
/// What answers is on the heap: the lead that is decided on makes its future large.
pub async fn handle(deps: Arc<Deps>, event: Value) -> Result<Answer, HandlerError> {
    if event.get("requestContext").is_some() {
        let request = ApiGatewayV2httpRequest::deserialize(event)
            .map_err(|error| HandlerError::new("unreadable_request", error))?;
        let response = Box::pin(routes::handle(&deps, &request)).await;
        return Ok(Answer::Http(Box::new(response)));
    }
    if mail::is_from_s3(&event) {
        return Box::pin(mail::handle(&deps, event)).await.map(Answer::Mail);
    }
    if event.get("Records").is_some() {
        return Box::pin(queue::handle(&deps, event)).await.map(Answer::Batch);
    }
    Box::pin(ses::handle(&deps, event)).await.map(Answer::Counted)
}
