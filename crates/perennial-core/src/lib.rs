//! The domain of Perennial: it decides who is touched when, and loses no one.
//!
//! The crate is pure: no clock, no I/O, no randomness, no environment (fenced by `clippy.toml`). Time
//! and secrets come in as arguments, decisions go out as values:
//!
//! - [`decide::decide`] answers a [`decide::Stimulus`] about one lead with a [`decide::Decision`];
//! - [`event::apply`] is the only way a [`lead::Lead`] changes;
//! - [`loader::parse`] turns program files into a [`catalog::Catalog`], or says all that is wrong;
//! - [`content::Content`] renders a touch;
//! - [`inbound::read`] says who a mail that came in is about, and what it is;
//! - [`intake::read`] turns what a door received into a [`submission::Submission`].

pub mod actor;
pub mod breaker;
pub mod broadcast;
pub mod calendar;
pub mod catalog;
pub mod clean;
pub mod condition;
pub mod consent;
pub mod contact;
pub mod content;
pub mod crm;
pub mod decide;
pub mod diagnostic;
pub mod event;
pub mod follow;
pub mod ids;
pub mod inbound;
pub mod intake;
pub mod junk;
pub mod lead;
pub mod lifecycle;
pub mod loader;
pub mod policy;
pub mod privacy;
pub mod profile;
pub mod program;
pub mod questions;
pub mod roster;
pub mod sales;
pub mod score;
pub mod site;
pub mod submission;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod timing;
pub mod token;
pub mod waterfall;
pub mod webhook;
