//! The table, for local use and tests. In AWS the template of the stack declares it, with its stream.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use perennial_app::ports::StoreError;

use super::failure::store_error;
use super::keys::{DESK, DESK_INDEX, OWNER, PARTITION, PULSE, PULSE_INDEX, SHARD, SORT};

/// Makes the table and its indexes, unless it is there.
pub async fn create(client: &Client, table: &str) -> Result<(), StoreError> {
    let shape = Shape::new().map_err(|source| StoreError::Refused(source.into()))?;
    let answer = client
        .create_table()
        .table_name(table)
        .set_attribute_definitions(Some(shape.attributes))
        .set_key_schema(Some(shape.key))
        .set_global_secondary_indexes(Some(shape.indexes))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if is_there(&error) => Ok(()),
        Err(error) => Err(store_error(error)),
    }
}

fn is_there(error: &SdkError<CreateTableError>) -> bool {
    error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception)
}

struct Shape {
    attributes: Vec<AttributeDefinition>,
    key: Vec<KeySchemaElement>,
    indexes: Vec<GlobalSecondaryIndex>,
}

impl Shape {
    fn new() -> Result<Self, BuildError> {
        let attributes = [PARTITION, SORT, SHARD, PULSE, OWNER, DESK].map(|name| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        });
        Ok(Self {
            attributes: attributes.into_iter().collect::<Result<_, _>>()?,
            key: key(PARTITION, SORT)?,
            indexes: vec![index(PULSE_INDEX, SHARD, PULSE)?, index(DESK_INDEX, OWNER, DESK)?],
        })
    }
}

fn index(name: &str, partition: &str, sort: &str) -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key(partition, sort)?))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
}

fn key(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![element(partition, KeyType::Hash)?, element(sort, KeyType::Range)?])
}
