//! What happens to people: stories told by the real functions over the real store, and properties of all stories.

mod arriving;
pub(crate) mod consenting;
mod crm;
mod junk;
mod leaving;
mod liveness;
mod programs;
pub(crate) mod properties;
mod reaching;
mod recycling;
mod reports;
mod sending;
mod story;
mod timing;
mod versions;
pub(crate) mod world;
