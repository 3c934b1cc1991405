//! What every function shares: configuration, boot, errors, answers over HTTP.
//!
//! A function is a library with a `handle` and a `main.rs` of a few lines; what is here is what would
//! otherwise be written in each.

pub mod boot;
pub mod config;
pub mod http;
pub mod sender_keys;
pub mod strict_json;
