//! Lambda: web forms and imports become leads.

pub mod body;
pub mod disposable;
mod strict_json;

pub use strict_json::{JSON_DEPTH_MAX, JsonError};
