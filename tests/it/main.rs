//! The integration tests of the whole suite, one binary.

mod handlers;
mod model;
mod tidy;
