//! The table, for local use and tests. In AWS the template of the stack declares it, with its stream.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    TableDescription,
};
use perennial_app::ports::StoreError;

use super::failure::store_error;
use super::keys::{DESK, DESK_INDEX, OWNER, PARTITION, PULSE, PULSE_INDEX, SHARD, SORT};
use super::store::unbuilt;

/// Makes the table and its indexes, unless it is there; one from before an index gets that.
pub async fn create(client: &Client, table: &str) -> Result<(), StoreError> {
    let shape = Shape::new().map_err(unbuilt)?;
    let answer = client
        .create_table()
        .table_name(table)
        .set_attribute_definitions(Some(shape.attributes.clone()))
        .set_key_schema(Some(shape.key.clone()))
        .set_global_secondary_indexes(Some(shape.indexes.clone()))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if is_there(&error) => complete(client, table, shape).await,
        Err(error) => Err(store_error(error)),
    }
}

/// Adds the indexes that a table lacks. Who is not in them yet gets there with the next commit.
async fn complete(client: &Client, table: &str, shape: Shape) -> Result<(), StoreError> {
    let described = client.describe_table().table_name(table).send().await.map_err(store_error)?;
    let indexes = described.table().map(TableDescription::global_secondary_indexes).unwrap_or_default();
    let there: BTreeSet<&str> = indexes.iter().filter_map(|index| index.index_name()).collect();
    for index in shape.indexes.into_iter().filter(|index| !there.contains(index.index_name())) {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(index.index_name)
            .set_key_schema(Some(index.key_schema))
            .set_projection(index.projection)
            .build()
            .map_err(unbuilt)?;
        client
            .update_table()
            .table_name(table)
            .set_attribute_definitions(Some(shape.attributes.clone()))
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build())
            .send()
            .await
            .map_err(store_error)?;
    }
    Ok(())
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
