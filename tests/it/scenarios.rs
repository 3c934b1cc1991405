//! What happens to people: stories told by the real functions over the real store, and properties of all stories.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml only reaches the tests themselves"
)]

mod arriving;
mod junk;
mod liveness;
mod programs;
mod properties;
mod reaching;
mod story;
mod timing;
pub(crate) mod world;
