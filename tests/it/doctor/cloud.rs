//! SES, SSM and DynamoDB on loopback: a deployment that is whole, unless a test changes an answer. What is in the table
//! is kept by the embedded DynamoDB.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::table;
use perennial_local::store_file::StoreFile;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use crate::binaries::binary;
use crate::faults::process::Said;

const TABLE: &str = "perennial";

type Answers = Arc<Mutex<BTreeMap<String, (u16, Value)>>>;

pub(super) struct Cloud {
    url: String,
    answers: Answers,
    parameters: Arc<Mutex<Vec<Value>>>,
    _store: StoreFile,
}

#[derive(Clone)]
struct Serving {
    answers: Answers,
    parameters: Arc<Mutex<Vec<Value>>>,
    dynamodb: String,
}

/// What IAM says to whoever may not do something.
pub(super) fn denied(action: &str) -> Value {
    let who = "arn:aws:sts::111122223333:assumed-role/ops/canary-7f3@example.com";
    json!({ "__type": "AccessDeniedException", "message": format!("User: {who} is not authorized to perform: {action}") })
}

impl Cloud {
    pub(super) async fn start() -> Self {
        let store = StoreFile::memory().unwrap();
        table::create(&Clients::loopback(store.dynamodb()).dynamodb(), TABLE).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Answers = Arc::new(Mutex::new(whole()));
        let parameters: Arc<Mutex<Vec<Value>>> = Arc::default();
        let dynamodb = store.dynamodb().trim_start_matches("http://").to_owned();
        let serving = Serving { answers: Arc::clone(&answers), parameters: Arc::clone(&parameters), dynamodb };
        let app = Router::new().fallback(answer).with_state(serving);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, answers, parameters, _store: store }
    }

    /// Puts a parameter into SSM.
    pub(super) fn parameter(&self, name: &str, kind: &str, value: &str) {
        self.parameters.lock().unwrap().push(json!({ "Name": name, "Type": kind, "Value": value }));
    }

    /// Has a call answered so.
    pub(super) fn answer(&self, call: &str, status: u16, body: Value) {
        self.answers.lock().unwrap().insert(call.to_owned(), (status, body));
    }

    /// Changes the answer to a call.
    pub(super) fn edit(&self, call: &str, change: impl FnOnce(&mut Value)) {
        change(&mut self.answers.lock().unwrap().get_mut(call).unwrap().1);
    }

    /// A command, with this as all of AWS.
    pub(super) async fn perennial(&self, arguments: &[&str], pepper: Option<&str>) -> Said {
        let mut command = Command::new(binary("perennial"));
        command.args(arguments).env_remove("AWS_PROFILE").envs([
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        command.envs(pepper.map(|pepper| ("PERENNIAL_PEPPER", pepper)));
        Said::from(spawn_blocking(move || command.output()).await.unwrap().unwrap())
    }
}

async fn answer(State(serving): State<Serving>, request: Request) -> Response {
    let target = request.headers().get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    let call = match target.as_deref().and_then(|target| target.split('.').next_back()) {
        Some(call) => call.to_owned(),
        None => format!("{} {}", request.method(), request.uri().path()),
    };
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let known = serving.answers.lock().unwrap().get(&call).cloned();
    match (known, target) {
        (Some((status, body)), _) => reply(status, &body),
        (None, Some(target)) if target.starts_with("AmazonSSM.") => reply(200, &serving.parameters_of(&body)),
        (None, Some(target)) => forward(&serving.dynamodb, &target, &body).await,
        (None, None) => reply(404, &json!({ "__type": "NotFoundException", "message": call })),
    }
}

impl Serving {
    /// As SSM answers `GetParameters`: what it has not, it names.
    fn parameters_of(&self, body: &[u8]) -> Value {
        let asked: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(asked["WithDecryption"], true);
        let Value::Array(names) = &asked["Names"] else { panic!("{asked}") };
        let all = self.parameters.lock().unwrap();
        let (there, missing): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| all.iter().any(|parameter| parameter["Name"] == **name));
        let there: Vec<_> = all.iter().filter(|parameter| there.contains(&&parameter["Name"])).collect();
        json!({ "Parameters": there, "InvalidParameters": missing })
    }
}

fn reply(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let kind = body["__type"].as_str().unwrap_or_default().to_owned();
    let headers = [("content-type", "application/json".to_owned()), ("x-amzn-errortype", kind)];
    (status, headers, body.to_string()).into_response()
}

/// Passes a call on to the embedded DynamoDB, and its answer back.
async fn forward(dynamodb: &str, target: &str, body: &Bytes) -> Response {
    let mut stream = TcpStream::connect(dynamodb).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {dynamodb}\r\nx-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.0\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=local/20260302/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, \
         Signature=0\r\nx-amz-date: 20260302T100000Z\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::from_u16(status).unwrap(), headers, body.to_owned()).into_response()
}

/// The answers of a deployment that is whole.
fn whole() -> BTreeMap<String, (u16, Value)> {
    let events =
        ["SEND", "DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE", "SUBSCRIPTION"];
    let index = |name: &str| json!({ "IndexName": name, "IndexStatus": "ACTIVE" });
    let answers = [
        (
            "GET /v2/email/account",
            json!({
                "ProductionAccessEnabled": true, "SendingEnabled": true, "EnforcementStatus": "HEALTHY",
                "SendQuota": { "Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 312.0 },
                "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
                "VdmAttributes": { "VdmEnabled": "DISABLED" }, "PricingAttributes": { "CurrentPlan": "NONE" },
            }),
        ),
        (
            "GET /v2/email/identities/perennial.example",
            json!({
                "IdentityType": "DOMAIN", "VerifiedForSendingStatus": true, "VerificationStatus": "SUCCESS",
                "DkimAttributes": { "SigningEnabled": true, "Status": "SUCCESS", "Tokens": ["abc", "def", "ghi"] },
            }),
        ),
        (
            "GET /v2/email/configuration-sets/perennial",
            json!({
                "ConfigurationSetName": TABLE, "SendingOptions": { "SendingEnabled": true },
                "ReputationOptions": { "ReputationMetricsEnabled": true },
                "SuppressionOptions": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
            }),
        ),
        (
            "GET /v2/email/configuration-sets/perennial/event-destinations",
            json!({ "EventDestinations": [
                { "Name": "event-bridge", "Enabled": true, "MatchingEventTypes": events,
                  "EventBridgeDestination": { "EventBusArn": "arn:aws:events:eu-central-1:111122223333:event-bus/default" } },
                { "Name": "feedback", "Enabled": true, "MatchingEventTypes": ["BOUNCE", "COMPLAINT"],
                  "SnsDestination": { "TopicArn": "arn:aws:sns:eu-central-1:111122223333:perennial-feedback" } },
            ] }),
        ),
        (
            "DescribeTable",
            json!({ "Table": {
                "TableName": TABLE, "TableStatus": "ACTIVE", "DeletionProtectionEnabled": true,
                "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
                "GlobalSecondaryIndexes": [index("pulse"), index("desk")],
            } }),
        ),
        (
            "DescribeContinuousBackups",
            json!({ "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "ENABLED" },
            } }),
        ),
        (
            "DescribeTimeToLive",
            json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "ENABLED", "AttributeName": "ttl" } }),
        ),
    ];
    answers.into_iter().map(|(call, body)| (call.to_owned(), (200, body))).collect()
}
