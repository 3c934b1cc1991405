//! The real binaries, driven as Lambda drives them: a small Runtime API here, AWS on loopback.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use perennial_app::ports::{Store, Stored, Surveyed};
use perennial_app::programs;
use perennial_app::push::{Push, push};
use perennial_aws::clients::Clients;
use perennial_aws::dynamo::{DynamoStore, table};
use perennial_core::ids::TouchId;
use perennial_core::lead::{EmailReach, LifecycleStage};
use perennial_core::token::{Keyring, Purpose};
use perennial_local::store_file::StoreFile;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::binaries::binary;

/// How long a function may take to start and answer: much longer than it does on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const TABLE: &str = "leads";

/// 32 bytes of 7, in base64.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// What a function answered to an event.
#[derive(Debug, PartialEq)]
enum Answer {
    Response(Value),
    Error(Value),
}

/// Lambda's side of the Runtime API.
#[derive(Clone)]
struct Runtime {
    events: Arc<Mutex<mpsc::Receiver<Value>>>,
    answers: mpsc::Sender<Answer>,
}

async fn next(State(runtime): State<Runtime>) -> impl IntoResponse {
    let event = runtime.events.lock().await.recv().await;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:perennial"),
        ("lambda-runtime-trace-id", "Root=1-69a55ab0-0123456789abcdef01234567"),
    ];
    let headers: HeaderMap = headers
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect();
    match event {
        Some(event) => (StatusCode::OK, headers, event.to_string()),
        None => (StatusCode::GONE, headers, String::new()),
    }
}

impl Runtime {
    async fn answered(&self, answer: Answer) -> StatusCode {
        self.answers.send(answer).await.unwrap();
        StatusCode::ACCEPTED
    }
}

/// Serves a router on a port of this machine, until the test ends.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A running function. It ends with the value.
struct Function {
    process: Child,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Answer>,
}

impl Drop for Function {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Function {
    async fn start(name: &'static str, settings: &[(&str, String)]) -> Self {
        let (events, received) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(1);
        let runtime = Runtime { events: Arc::new(Mutex::new(received)), answers: answered };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(async |State(runtime): State<Runtime>, body: Bytes| {
                    runtime.answered(Answer::Response(serde_json::from_slice(&body).unwrap())).await
                }),
            )
            .route(
                "/2018-06-01/runtime/invocation/{id}/error",
                post(async |State(runtime): State<Runtime>, body: Bytes| {
                    runtime.answered(Answer::Error(serde_json::from_slice(&body).unwrap())).await
                }),
            )
            .with_state(runtime);
        let api = serve(router).await;
        let path = tokio::task::spawn_blocking(move || binary(name)).await.unwrap();
        let process = command(&path, settings).env("AWS_LAMBDA_RUNTIME_API", api).spawn().unwrap();
        Self { process, events, answers }
    }

    async fn invoke(&mut self, event: Value) -> Answer {
        self.events.send(event).await.unwrap();
        timeout(PATIENCE, self.answers.recv()).await.expect("the function answers in time").unwrap()
    }

    /// The response to an event that must not fail.
    async fn call(&mut self, event: Value) -> Value {
        match self.invoke(event).await {
            Answer::Response(response) => response,
            Answer::Error(error) => panic!("{error}"),
        }
    }
}

fn command(path: &Path, settings: &[(&str, String)]) -> Command {
    let mut command = Command::new(path);
    command
        .env_clear()
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "perennial"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/perennial"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "1"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
        .envs(settings.iter().map(|(name, value)| (*name, value)))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// AWS on loopback: a store, a mail service and a bus, each keeping what it was handed.
struct Cloud {
    _file: StoreFile,
    store: DynamoStore,
    mails: mpsc::Receiver<Value>,
    puts: mpsc::Receiver<Value>,
    settings: Vec<(&'static str, String)>,
}

impl Cloud {
    async fn new() -> Self {
        let file = StoreFile::memory().unwrap();
        let client = Clients::loopback(file.dynamodb()).dynamodb();
        table::create(&client, TABLE).await.unwrap();
        let store = DynamoStore::new(client, TABLE);
        publish(&store).await;
        let (mailed, mails) = mpsc::channel(16);
        let mail = serve(Router::new().route(
            "/v2/email/outbound-emails",
            post(async move |Json(mail): Json<Value>| {
                mailed.send(mail).await.unwrap();
                Json(json!({"MessageId": "0102"}))
            }),
        ));
        let (put, puts) = mpsc::channel(16);
        let bus = serve(Router::new().route(
            "/",
            post(async move |body: Bytes| {
                let request: Value = serde_json::from_slice(&body).unwrap();
                let entries = request["Entries"].as_array().unwrap().len();
                put.send(request).await.unwrap();
                Json(json!({"FailedEntryCount": 0, "Entries": vec![json!({"EventId": "1"}); entries]}))
            }),
        ));
        let settings = vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", file.dynamodb().to_owned()),
            ("AWS_ENDPOINT_URL_SESV2", format!("http://{}", mail.await)),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", format!("http://{}", bus.await)),
            ("PERENNIAL_TABLE", TABLE.to_owned()),
            ("PERENNIAL_BUS", "perennial".to_owned()),
            ("PERENNIAL_BASE_URL", "https://leads.perennial.example".to_owned()),
            ("PERENNIAL_PEPPER", KEY.to_owned()),
            ("PERENNIAL_TOKEN_KEYS", format!("k1:{KEY}")),
        ];
        Self { _file: file, store, mails, puts, settings }
    }

    /// The one lead in the store.
    async fn lead(&self) -> Stored {
        let page = self.store.survey(None).await.unwrap();
        let mut ids = page.items.iter().filter_map(|item| match item {
            Surveyed::State { lead, .. } => Some(&lead.id),
            Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => None,
        });
        let id = ids.next().expect("a lead");
        assert_eq!(ids.next(), None);
        self.store.load(id).await.unwrap().unwrap()
    }
}

/// Pushes the programs that are shipped.
async fn publish(store: &DynamoStore) {
    let files = programs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")).unwrap();
    push(store, &Push { files: &files, retired: &BTreeSet::new(), now: Timestamp::now() }).await.unwrap();
}

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn the_binaries_take_a_lead_in_mail_it_and_let_it_go() {
    let mut cloud = Cloud::new().await;

    let mut ingest = Function::start("ingest-lead", &cloud.settings).await;
    let response = ingest.call(sample("form-json.json")).await;
    assert_eq!(response["statusCode"], 202, "{response}");
    let lead = cloud.lead().await.lead;
    assert_eq!(lead.email, EmailReach::Ok);

    let mut touch = Function::start("schedule-touch", &cloud.settings).await;
    // The index sorts by whole seconds: the sweep finds a lead of this second from the next one on.
    let mut nudge = sample("enrolment-started.json");
    nudge["detail"]["lead"] = json!(lead.id);
    assert_eq!(touch.call(nudge).await["sent"], 1);
    let mail = timeout(PATIENCE, cloud.mails.recv()).await.unwrap().unwrap();
    assert_eq!(mail["EmailTags"][0], json!({"Name": "lead", "Value": lead.id}));
    assert_eq!(touch.call(sample("schedule-tick.json")).await["sent"], 0);

    let keyring = Keyring::new([("k1".to_owned(), [7; 32])].into(), "k1").unwrap();
    let token = keyring.sign(Purpose::Unsubscribe, &format!("{}/1_welcome_response_0", lead.id));
    let mut one_click = sample("unsubscribe-post.json");
    one_click["rawPath"] = json!(format!("/v1/unsubscribe/{token}"));
    let mut engagement = Function::start("record-engagement", &cloud.settings).await;
    assert_eq!(engagement.call(one_click).await["statusCode"], 200);
    assert_eq!(cloud.lead().await.lead.email, EmailReach::Unsubscribed);

    let mut publish = Function::start("publish-history", &cloud.settings).await;
    assert_eq!(publish.call(sample("history-stream.json")).await, json!({"batchItemFailures": []}));
    let put = timeout(PATIENCE, cloud.puts.recv()).await.unwrap().unwrap();
    assert_eq!(put["Entries"][0]["Source"], "perennial");
    assert_eq!(put["Entries"][0]["DetailType"], "lead.received");
}

/// SSM on loopback, with the two secrets that every deployment has.
async fn ssm() -> String {
    let router = Router::new().route(
        "/",
        post(async |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["x-amz-target"], "AmazonSSM.GetParameters");
            let request: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(request["WithDecryption"], true);
            let known = [("/perennial/pepper", KEY.to_owned()), ("/perennial/token-keys", format!("k1:{KEY}"))];
            let names = request["Names"].as_array().unwrap();
            let given = known.iter().filter(|(name, _)| names.contains(&json!(name)));
            let parameters: Vec<Value> = given.map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
            Json(json!({ "Parameters": parameters, "InvalidParameters": [] }))
        }),
    );
    format!("http://{}", serve(router).await)
}

#[tokio::test]
async fn secrets_that_settings_name_come_from_ssm_and_one_that_is_not_there_is_missing() {
    let cloud = Cloud::new().await;
    let mut settings = cloud.settings.clone();
    settings.retain(|(name, _)| !["PERENNIAL_PEPPER", "PERENNIAL_TOKEN_KEYS"].contains(name));
    settings.extend([
        ("AWS_ENDPOINT_URL_SSM", ssm().await),
        ("PERENNIAL_PEPPER", "ssm-secure:/perennial/pepper".to_owned()),
        ("PERENNIAL_TOKEN_KEYS", "ssm-secure:/perennial/token-keys".to_owned()),
        // Nobody may post events here.
        ("PERENNIAL_EVENT_KEYS", "ssm-secure:/perennial/event-keys".to_owned()),
    ]);
    let mut ingest = Function::start("ingest-lead", &settings).await;
    assert_eq!(ingest.call(sample("form-json.json")).await["statusCode"], 202);
    assert_eq!(ingest.call(sample("event-by-key.json")).await["statusCode"], 401);

    settings.retain(|(name, _)| *name != "PERENNIAL_PEPPER");
    settings.push(("PERENNIAL_PEPPER", "ssm-secure:/perennial/pepperoni".to_owned()));
    let path = tokio::task::spawn_blocking(|| binary("ingest-lead")).await.unwrap();
    let mut process = command(&path, &settings).stderr(Stdio::piped()).spawn().unwrap();
    let status = tokio::task::spawn_blocking(move || (process.wait().unwrap(), process)).await.unwrap();
    let (status, mut process) = status;
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!status.success() && said.contains("PERENNIAL_PEPPER is missing"), "{said}");
}

#[tokio::test]
async fn the_binaries_take_a_reply_in_and_forward_it() {
    let mut cloud = Cloud::new().await;
    Function::start("ingest-lead", &cloud.settings).await.call(sample("form-json.json")).await;
    let lead = cloud.lead().await.lead.id;

    let keyring = Keyring::new([("k1".to_owned(), [7; 32])].into(), "k1").unwrap();
    let address = keyring.sign_reply_address(&lead, &TouchId::parse("1_welcome_response_0").unwrap());
    let mail = format!("From: Ada <ada@example.com>\nTo: <{address}@reply.perennial.example>\n\nYes, on Thursday.");
    let bucket = Router::new().route("/{*key}", get(async move || mail).delete(async || StatusCode::NO_CONTENT));
    let mut settings = cloud.settings.clone();
    settings.push(("AWS_ENDPOINT_URL_S3", format!("http://{}", serve(bucket).await)));
    settings.push(("PERENNIAL_INBOX_BUCKET", "perennial-inbox".to_owned()));
    settings.push(("PERENNIAL_REPLY_DOMAIN", "reply.perennial.example".to_owned()));

    let mut engagement = Function::start("record-engagement", &settings).await;
    assert_eq!(engagement.call(sample("inbound-mail.json")).await["decided"], 1);
    let mut notify = Function::start("notify", &settings).await;
    let mut event = sample("reply-received.json");
    event["detail"]["lead"] = json!(lead);
    assert_eq!(notify.call(event.clone()).await, json!({ "reply": "sent" }));
    assert_eq!(notify.call(event).await, json!({ "reply": "known" }));
    let nothing_due = json!({
        "again": { "told": 0, "failed": 0 }, "digests": { "sent": 0 },
        "webhooks": { "delivered": 0, "failed": 0, "parked": 0 }
    });
    assert_eq!(notify.call(sample("notify-tick.json")).await, nothing_due);
    let forwarded = timeout(PATIENCE, cloud.mails.recv()).await.unwrap().unwrap();
    assert_eq!(forwarded["Destination"]["ToAddresses"], json!(["robin.vale@perennial.example"]));
    assert!(cloud.mails.try_recv().is_err(), "once");
}

#[tokio::test]
async fn the_binaries_take_a_hand_that_is_raised_to_sales() {
    let cloud = Cloud::new().await;
    Function::start("ingest-lead", &cloud.settings).await.call(sample("form-json.json")).await;
    let lead = cloud.lead().await.lead;
    assert_eq!(lead.stage, LifecycleStage::Inquiry);

    let mut evaluate = Function::start("evaluate-requalification", &cloud.settings).await;
    let mut event = sample("evaluation-due.json");
    event["detail"]["lead"] = json!(lead.id);
    assert_eq!(evaluate.call(event.clone()).await, "ready");
    assert_eq!(cloud.lead().await.lead.stage, LifecycleStage::Mql);
    assert_eq!(evaluate.call(event).await, "known");
}

#[tokio::test]
async fn a_failure_is_reported_under_its_name_and_the_function_lives_on() {
    let cloud = Cloud::new().await;
    let mut settings = cloud.settings.clone();
    settings.retain(|(name, _)| *name != "PERENNIAL_TABLE");
    settings.push(("PERENNIAL_TABLE", "not-there".to_owned()));
    let mut touch = Function::start("schedule-touch", &settings).await;
    for _ in 0..2 {
        let Answer::Error(error) = touch.invoke(sample("schedule-tick.json")).await else { panic!("it fails") };
        assert_eq!(error["errorType"], "sweep_failed", "{error}");
    }
}

#[tokio::test]
async fn a_function_without_its_settings_names_all_of_them_and_ends() {
    for (name, missing) in [
        ("ingest-lead", "PERENNIAL_TABLE is missing; PERENNIAL_PEPPER is missing; PERENNIAL_TOKEN_KEYS is missing"),
        (
            "schedule-touch",
            "PERENNIAL_TABLE is missing; PERENNIAL_BASE_URL is missing; PERENNIAL_TOKEN_KEYS is missing",
        ),
        ("record-engagement", "PERENNIAL_TABLE is missing; PERENNIAL_TOKEN_KEYS is missing"),
        ("publish-history", "PERENNIAL_BUS is missing"),
        ("housekeep", "PERENNIAL_TABLE is missing; PERENNIAL_PEPPER is missing"),
        ("evaluate-requalification", "PERENNIAL_TABLE is missing"),
        ("notify", "PERENNIAL_TABLE is missing; PERENNIAL_BASE_URL is missing; PERENNIAL_TOKEN_KEYS is missing"),
        (
            "sales-desk",
            "PERENNIAL_TABLE is missing; PERENNIAL_PEPPER is missing; PERENNIAL_BASE_URL is missing; \
             PERENNIAL_TOKEN_KEYS is missing",
        ),
    ] {
        let said = last_words(name, &[]).await;
        assert!(said.contains(missing), "{name}: {said}");
    }
}

/// What a function says that does not start.
async fn last_words(name: &'static str, settings: &[(&'static str, String)]) -> String {
    let mut command = command(&binary(name), settings);
    let said = tokio::task::spawn_blocking(move || {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(!process.wait().unwrap().success());
        said
    });
    timeout(PATIENCE, said).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_secret_that_cannot_sign_is_named_by_its_setting_and_never_repeated() {
    let said = last_words("notify", &[("PERENNIAL_WEBHOOK_SECRETS", "crm:whsec_dG9vIHNob3J0".to_owned())]).await;
    assert!(
        said.contains("PERENNIAL_WEBHOOK_SECRETS: the secret of a webhook is `whsec_` and 24 to 64 bytes"),
        "{said}"
    );
    assert!(!said.contains("dG9vIHNob3J0"), "{said}");
}
