//! The use-cases of Perennial, and the ports they need.
//!
//! Each use-case loads a lead, asks [`perennial_core::decide::decide`], and commits state and history
//! in one conditional write. What it may meet on the way is in [`ports`]; nothing here knows AWS.

#[cfg(feature = "testing")]
pub mod contract;
pub mod engagement;
pub mod error_chain;
pub mod ingest;
pub mod mail;
#[cfg(feature = "testing")]
pub mod memory;
pub mod ports;
pub mod programs;
pub mod publish;
mod react;
pub mod report;
pub mod touch;

pub use react::{CONFLICTS_MAX, ReactError};
