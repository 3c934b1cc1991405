//! The little that the crate's own tables share: how they are made, keyed and read.
//!
//! These tables live in the store's file beside the leads' table, which is
//! `perennial-aws`'s alone: nothing here reads or writes it.

use std::collections::HashMap;

use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType};
use dynoxide::{AttributeValue, Database, DynoxideError, Item};

/// The partition key of the crate's own tables.
pub(crate) const PARTITION: &str = "PK";
/// The sort key of the crate's own tables.
pub(crate) const SORT: &str = "SK";

/// Makes a table with string keys [`PARTITION`] and [`SORT`], unless it is there.
pub(crate) fn ensure(database: &Database, table: &str) -> Result<(), DynoxideError> {
    let key = |name: &str, key_type| KeySchemaElement { attribute_name: name.to_owned(), key_type };
    let string =
        |name: &str| AttributeDefinition { attribute_name: name.to_owned(), attribute_type: ScalarAttributeType::S };
    let request = CreateTableRequest {
        table_name: table.to_owned(),
        key_schema: vec![key(PARTITION, KeyType::HASH), key(SORT, KeyType::RANGE)],
        attribute_definitions: vec![string(PARTITION), string(SORT)],
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    };
    match database.create_table(request) {
        Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A primary key.
pub(crate) fn key(partition: &str, sort: &str) -> Item {
    HashMap::from([(PARTITION.to_owned(), text(partition)), (SORT.to_owned(), text(sort))])
}

/// A string attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Takes a string attribute out of a row.
pub(crate) fn take_text(item: &mut Item, name: &str) -> Option<String> {
    if let Some(AttributeValue::S(value)) = item.remove(name) { Some(value) } else { None }
}
