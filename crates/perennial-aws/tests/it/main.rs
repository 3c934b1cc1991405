//! The adapters against servers on loopback: an embedded DynamoDB, and scripted stand-ins that drop,
//! hang or refuse.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml only reaches the tests themselves"
)]

mod bus;
mod contract;
mod doctor;
mod embedded;
mod golden;
mod inbox;
mod loopback;
mod lost_answers;
mod outbox;
mod samples;
mod ses;
mod store;
