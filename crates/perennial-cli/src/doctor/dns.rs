//! What a sender's domain says in DNS.
//!
//! **Invariant:** a name without records is an answer; no answer is none.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use perennial_app::doctor::dmarc::{self, Published};
use perennial_app::doctor::facts::{Looked, NotLooked};
use perennial_core::ids::SenderDomain;

/// How long a server may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks DNS.
pub(super) struct Dns(Result<TokioResolver, NetError>);

impl Dns {
    /// One that asks this server, or those of the machine.
    pub(super) fn new(server: Option<SocketAddr>) -> Self {
        let builder = match server {
            None => TokioResolver::builder_tokio(),
            Some(server) => {
                let config = ResolverConfig::from_name_servers(vec![name_server(server)]);
                Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
            }
        };
        Self(builder.and_then(|mut builder| {
            builder.options_mut().timeout = TIMEOUT;
            builder.build()
        }))
    }

    /// The DMARC records that hold for a sender.
    pub(super) async fn dmarc(&self, sender: &SenderDomain) -> Looked<Option<Published>> {
        for place in dmarc::places(sender) {
            let texts = self.texts(&format!("_dmarc.{place}.")).await.map_err(|error| {
                NotLooked::Failed(format!("DNS did not say what stands at _dmarc.{place}: {error}"))
            })?;
            if let Some(published) = dmarc::published(&place, texts) {
                return Ok(Some(published));
            }
        }
        Ok(None)
    }

    /// The texts of a name, each as one.
    async fn texts(&self, name: &str) -> Result<Vec<String>, NetError> {
        let resolver = self.0.as_ref().map_err(Clone::clone)?;
        let lookup = match resolver.txt_lookup(name).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let texts = lookup.answers().iter().filter_map(|record| {
            let RData::TXT(text) = &record.data else { return None };
            Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned())
        });
        Ok(texts.collect())
    }
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let mut config = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut config.connections {
        connection.port = server.port();
    }
    config
}
