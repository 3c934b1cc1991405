//! The public routes, carried to the functions as API Gateway would.
//!
//! **Invariant:** a function sees nothing here that it would not see behind an HTTP API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use jiff::Timestamp;
use perennial_app::desk::DESK_PATH;
use perennial_app::mail::TOKEN_PATHS;
use perennial_lambda::boot::HandlerError;
use sales_desk::{CRM_PATH, DISPOSITIONS_PATH, SALES_PATH};
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use tokio::sync::Notify;

use crate::authorizer::Authorizer;
use crate::bridge::{Arrival, HttpAnswer, HttpEvent, carry, said};
use crate::clock::Clock;

/// The functions behind the public routes.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) ingest: Arc<ingest_lead::Deps>,
    pub(crate) engagement: Arc<record_engagement::Deps>,
    pub(crate) sales: Arc<sales_desk::Deps>,
    pub(crate) authorizer: Authorizer,
    pub(crate) clock: Clock,
    /// Woken after each request: it may have left rows in the outbox.
    pub(crate) written: Arc<Notify>,
    pub(crate) requests: Arc<AtomicU64>,
}

/// The functions' routes.
pub(crate) fn routes(gateway: Gateway) -> Router {
    let router = Router::new()
        .route("/v1/forms/{form}", any(forms))
        .route("/v1/forms/{form}/stamp", any(forms))
        .route("/v1/forms/{form}/challenge", any(forms))
        .route("/v1/events", any(|state, peer, request| elsewhere("/v1/events", state, peer, request)))
        .route("/v1/visits", any(|state, peer, request| elsewhere("/v1/visits", state, peer, request)));
    let with_pages = TOKEN_PATHS.into_iter().fold(router, |router, path| {
        let route = format!("{path}{{token}}");
        let key = route.clone();
        router.route(&route, any(move |state, peer, path, request| engagement(key.clone(), state, peer, path, request)))
    });
    let with_sales = with_pages
        .route(
            &format!("{DESK_PATH}{{token}}"),
            any(|state, peer, path, request| desk("{token}", state, peer, path, request)),
        )
        .route(
            &format!("{DESK_PATH}{{token}}/{{lead}}"),
            any(|state, peer, path, request| desk("{token}/{lead}", state, peer, path, request)),
        )
        .route(&format!("{SALES_PATH}{{*proxy}}"), any(people))
        .route(&format!("{CRM_PATH}{{*proxy}}"), any(machines))
        .route(DISPOSITIONS_PATH, any(dispositions));
    with_sales.with_state(gateway)
}

async fn forms(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(parameters): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let deps = Arc::clone(&gateway.ingest);
    let arrival = gateway.arrival("/v1/forms/{form}", parameters, peer);
    gateway.call(request, arrival, |event| async move { answer(ingest_lead::handle(deps, read(&event)?).await?) }).await
}

/// What is told from elsewhere.
async fn elsewhere(
    route: &'static str,
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let deps = Arc::clone(&gateway.ingest);
    let arrival = gateway.arrival(route, BTreeMap::new(), peer);
    gateway.call(request, arrival, |event| async move { answer(ingest_lead::handle(deps, read(&event)?).await?) }).await
}

/// The pages of `record-engagement`.
async fn engagement(
    route: String,
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(parameters): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let deps = Arc::clone(&gateway.engagement);
    let arrival = gateway.arrival(&route, parameters, peer);
    gateway
        .call(request, arrival, |event| async move { answer(record_engagement::handle(deps, read(&event)?).await?) })
        .await
}

/// The pages of `sales-desk`.
async fn desk(
    rest: &'static str,
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(parameters): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let arrival = gateway.arrival(&format!("{DESK_PATH}{rest}"), parameters, peer);
    gateway.sales(request, arrival).await
}

/// The API of `sales-desk` for people, behind a JWT authorizer.
async fn people(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(parameters): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let authorized = gateway.authorizer.person(authorization(&request), Timestamp::now());
    let Some(authorized) = authorized else { return said(StatusCode::UNAUTHORIZED, "Unauthorized") };
    let arrival = gateway.arrival(&format!("{SALES_PATH}{{proxy+}}"), parameters, peer);
    gateway.sales(request, Arrival { authorizer: Some(authorized), ..arrival }).await
}

/// The API of `sales-desk` for machines, behind IAM.
async fn machines(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(parameters): Path<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let authorized = gateway.authorizer.machine(authorization(&request), Timestamp::now());
    let Some(authorized) = authorized else { return said(StatusCode::FORBIDDEN, "Forbidden") };
    let arrival = gateway.arrival(&format!("{CRM_PATH}{{proxy+}}"), parameters, peer);
    gateway.sales(request, Arrival { authorizer: Some(authorized), ..arrival }).await
}

/// What machines tell that have a key of their own.
async fn dispositions(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let arrival = gateway.arrival(DISPOSITIONS_PATH, BTreeMap::new(), peer);
    gateway.sales(request, arrival).await
}

fn authorization(request: &Request) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

impl Gateway {
    async fn sales(&self, request: Request, arrival: Arrival) -> Response {
        let deps = Arc::clone(&self.sales);
        self.call(request, arrival, |event| async move { answer(sales_desk::handle(deps, read(&event)?).await?) }).await
    }

    fn arrival(&self, route: &str, path_parameters: BTreeMap<String, String>, peer: SocketAddr) -> Arrival {
        // Unique over restarts too: submissions without an idempotency key are told apart by it.
        let at = Timestamp::now();
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        Arrival {
            route_key: format!("ANY {route}"),
            path_parameters,
            source_ip: peer.ip(),
            request_id: format!("local-{}-{count}", at.as_nanosecond()),
            at,
            authorizer: None,
        }
    }

    async fn call<F>(&self, request: Request, arrival: Arrival, function: impl FnOnce(HttpEvent) -> F) -> Response
    where
        F: Future<Output = Result<HttpAnswer, HandlerError>>,
    {
        let _still = self.clock.hold();
        let response = carry(request, arrival, function).await;
        self.written.notify_one();
        response
    }
}

/// The event as the function's own type, by way of JSON as in AWS.
fn read<T: DeserializeOwned>(event: &impl Serialize) -> Result<T, HandlerError> {
    through_json(event)
}

fn answer(answer: impl Serialize) -> Result<HttpAnswer, HandlerError> {
    through_json(&answer)
}

/// One type as another that has the same JSON.
pub(crate) fn through_json<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, HandlerError> {
    serde_json::to_string(value)
        .and_then(|text| serde_json::from_str(&text))
        .map_err(|error| HandlerError::new("event_shape", serde_json::Error::custom(error)))
}
