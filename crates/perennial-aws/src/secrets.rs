//! Secrets that a setting names: `SecureString` parameters of SSM.
//!
//! **Invariant:** a secret is read once, at the start, and is in no error and no log.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::Client;
use perennial_app::ports::Cause;

/// The most parameters that one call reads.
const PARAMETERS_MAX: usize = 10;

/// Why secrets could not be read.
#[derive(Debug, thiserror::Error)]
#[error("SSM did not give the parameters {}", .names.join(", "))]
pub struct SecretsError {
    names: Vec<String>,
    #[source]
    source: Cause,
}

/// The values of parameters by their names. What is not there is left out.
pub async fn read(client: &Client, names: &BTreeSet<String>) -> Result<BTreeMap<String, String>, SecretsError> {
    let mut values = BTreeMap::new();
    let names: Vec<String> = names.iter().cloned().collect();
    for names in names.chunks(PARAMETERS_MAX) {
        let request = client.get_parameters().set_names(Some(names.to_vec())).with_decryption(true);
        let answer = request.send().await;
        let answer = answer.map_err(|error| SecretsError { names: names.to_vec(), source: error.into() })?;
        values.extend(answer.parameters.unwrap_or_default().into_iter().filter_map(|it| it.name.zip(it.value)));
    }
    Ok(values)
}
