//! The use-cases of Perennial, and the ports they need.
//!
//! Each use-case loads a lead, asks [`perennial_core::decide::decide`], and commits state and history
//! in one conditional write. What it may meet on the way is in [`ports`]; nothing here knows AWS.

pub mod census;
pub mod chart;
#[cfg(feature = "testing")]
pub mod contract;
pub mod engagement;
pub mod error_chain;
pub mod ingest;
pub mod library;
pub mod mail;
#[cfg(feature = "testing")]
pub mod memory;
pub mod migrate;
pub mod ports;
pub mod preview;
pub mod programs;
pub mod publish;
pub mod push;
mod react;
pub mod report;
pub mod touch;
pub mod traffic;

pub use react::{CONFLICTS_MAX, ReactError};
