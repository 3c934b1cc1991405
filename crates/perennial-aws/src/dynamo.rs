//! The store in one DynamoDB table.
//!
//! **Invariants:** state, profile and history change together or not at all; every key is made in
//! `keys`, every row is read and written in `rows`; a row that does not read back is an error with its
//! key, never skipped; every query reads all its pages.

mod deliveries;
mod desks;
mod door_book;
mod failure;
mod holdings;
mod keys;
mod news;
pub mod outbox;
mod rows;
mod senders;
mod store;
pub mod table;

pub(crate) use keys::INDEXES;
pub(crate) use rows::TTL;
pub use rows::read_history_image;
pub use store::DynamoStore;
