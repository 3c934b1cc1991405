//! The use-cases of Perennial, and the ports they need.
//!
//! Each use-case loads a lead, asks [`perennial_core::decide::decide`], and commits state and history
//! in one conditional write. What it may meet on the way is in [`ports`]; nothing here knows AWS.

pub mod alerts;
pub mod behaviour;
pub mod broadcast;
pub mod census;
pub mod chart;
pub mod chores;
#[cfg(feature = "testing")]
pub mod contract;
pub mod crm;
pub mod deliveries;
pub mod desk;
pub mod direct;
pub mod doctor;
pub mod dossier;
mod effects;
pub mod engagement;
pub mod error_chain;
pub mod evaluate;
pub mod follow;
pub mod forward;
pub mod guard;
pub mod holdings;
pub mod inbound;
pub mod ingest;
mod left_out;
pub mod library;
pub mod mail;
#[cfg(feature = "testing")]
pub mod memory;
pub mod migrate;
pub mod news;
pub mod pausing;
pub mod ports;
pub mod preview;
pub mod privacy;
pub mod programs;
pub mod publish;
pub mod push;
pub mod quarantine;
mod react;
pub mod report;
pub mod reps;
pub mod retention;
pub mod sending;
pub mod suppression;
pub mod tasks;
pub mod telling;
pub mod touch;
pub mod traffic;
pub mod trial;
pub mod webhooks;

pub use react::{CONFLICTS_MAX, ReactError};
