//! The integration tests of the whole suite, one binary.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, tells a story at length, and looks for one thing among many"
)]

mod alerting;
mod binaries;
mod broadcasts;
mod budget;
mod cases;
mod commands;
mod contract;
mod corpus;
mod doctor;
mod faults;
mod fences;
mod guide;
mod handlers;
mod mails;
mod openapi;
mod privacy;
mod protocol;
mod reference;
mod reps;
mod runtime;
mod scenarios;
mod template;
mod tidy;
mod trial;
mod versions;
mod webhooks;
