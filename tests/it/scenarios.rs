//! What happens to people: stories told by the real functions over the real store, and properties of all stories.

mod arriving;
mod consenting;
mod junk;
mod liveness;
mod programs;
mod properties;
mod reaching;
mod story;
mod timing;
mod versions;
pub(crate) mod world;
