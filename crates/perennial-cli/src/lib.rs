//! Lists, as the `perennial` command takes them in: of leads, and of what sales did with them.
//!
//! All else of the command stands in `main.rs`; this much is a library, so that a benchmark can read a list as it does.

pub mod dispositions;
pub mod import;
