//! The one place where clients of AWS are built: trust, time-outs and retries are decided here.
//!
//! **Invariants:** every call has a time-out; `SendEmail` is never retried by the SDK (TRUST.md §2.3);
//! clients for one machine carry their own credentials, so that nobody asks the instance metadata address.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// How long a connection may take, name and TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one try at a call may take that can be made again.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long such a call may take with all its tries.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// How often such a call is tried.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long SES may take to answer. It must be well below the time-out of the function that sends.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. Short, because a function is frozen between two events: a
/// connection that the other side closed meanwhile would turn the next mail into one that nobody is sure of.
const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(10);

/// Builds the clients. One per process and destination; each client that it gives is to be kept.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
    send_timeout: Duration,
}

impl Clients {
    /// For AWS: region, credentials and endpoints as the SDK finds them, first of all in the environment.
    ///
    /// The trust store is the platform's, or `SSL_CERT_FILE` where that is set.
    pub async fn from_env() -> Self {
        let config = aws_config::defaults(behavior()).http_client(https_client(TlsContext::default())).load().await;
        Self { config, send_timeout: SEND_TIMEOUT }
    }

    /// For a server on this machine that speaks plain HTTP, such as `http://127.0.0.1:8700`.
    pub fn loopback(endpoint: &str) -> Self {
        // No TLS here, so no roots: reading the platform's is most of what starting the SDK costs.
        let no_roots = TlsContext::builder().with_trust_store(TrustStore::empty()).build().unwrap_or_default();
        let credentials = Credentials::from_keys("local", "local", None);
        let config = SdkConfig::builder()
            .behavior_version(behavior())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .http_client(https_client(no_roots))
            .build();
        Self { config, send_timeout: SEND_TIMEOUT }
    }

    /// Gives SES less (or more) time than [`SEND_TIMEOUT`]: it must end well before the function does.
    #[must_use]
    pub fn with_send_timeout(self, send_timeout: Duration) -> Self {
        Self { send_timeout, ..self }
    }

    /// The region, where one was said or found.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// A client for the store.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config)
            .retry_config(few_retries())
            .timeout_config(call_timeouts())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// A client for mail. It never tries anything twice.
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(self.send_timeout).build();
        let config = aws_sdk_sesv2::config::Builder::from(&self.config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        aws_sdk_sesv2::Client::from_conf(config)
    }

    /// A client for what SES keeps in lists, and says of itself. It sends nothing, so it may try again.
    pub fn ses_lists(&self) -> aws_sdk_sesv2::Client {
        let config = aws_sdk_sesv2::config::Builder::from(&self.config)
            .retry_config(few_retries())
            .timeout_config(call_timeouts())
            .build();
        aws_sdk_sesv2::Client::from_conf(config)
    }

    /// A client for the inbox.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .retry_config(few_retries())
            .timeout_config(call_timeouts())
            // A test's server has one name only.
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client for secrets.
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        let config = aws_sdk_ssm::config::Builder::from(&self.config)
            .retry_config(few_retries())
            .timeout_config(call_timeouts())
            .build();
        aws_sdk_ssm::Client::from_conf(config)
    }

    /// A client for the bus.
    pub fn event_bridge(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::config::Builder::from(&self.config)
            .retry_config(few_retries())
            .timeout_config(call_timeouts())
            .build();
        aws_sdk_eventbridge::Client::from_conf(config)
    }
}

/// The SDK's defaults of one date: another date is a decision of ours, not of an update.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

fn https_client(trust: TlsContext) -> SharedHttpClient {
    Builder::new()
        .pool_idle_timeout(CONNECTION_IDLE_MAX)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trust)
        .build_https()
}

fn few_retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX)
}

fn call_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}
