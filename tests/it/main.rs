//! The integration tests of the whole suite, one binary.

mod binaries;
mod budget;
mod contract;
mod faults;
mod handlers;
mod mails;
mod model;
mod scenarios;
mod tidy;
