//! The adapters against moto, whose authors know AWS and not us. `infra/moto` starts it and runs this; `cargo test` does
//! not, since it needs Python.
//!
//! moto knows no suppression list of SES (the emulator of `infra/e2e` does), and neither measures nor throttles.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests; clippy.toml only reaches the tests themselves"
)]

mod bus;
mod inbox;
mod secrets;
mod ses;
mod store;

use std::sync::atomic::{AtomicU32, Ordering};

use perennial_aws::clients::Clients;

/// Clients of the moto that the environment names.
fn clients() -> Clients {
    Clients::loopback(&std::env::var("MOTO_URL").expect("infra/moto sets MOTO_URL"))
}

/// A name that no other test of this run has: all share one account.
fn name(kind: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{kind}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
