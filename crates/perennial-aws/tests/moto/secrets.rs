//! Secrets in moto's SSM.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::types::ParameterType;
use perennial_aws::secrets;

#[tokio::test]
async fn secrets_are_read_in_the_clear_by_their_names_and_one_that_is_not_there_is_left_out() {
    let (client, path) = (crate::clients().ssm(), crate::name("/perennial"));
    // More than one call reads.
    let named = |number: usize| (format!("{path}/secret-{number}"), format!("k{number}:AAAA"));
    let put: BTreeMap<String, String> = (0..12).map(named).collect();
    for (name, value) in &put {
        client.put_parameter().name(name).value(value).r#type(ParameterType::SecureString).send().await.unwrap();
    }
    let mut wanted: BTreeSet<String> = put.keys().cloned().collect();
    wanted.insert(format!("{path}/not-there"));
    assert_eq!(secrets::read(&client, &wanted).await.unwrap(), put);
}
