//! Whatever happens, in whatever order: the invariants of DOMAIN.md §4 hold at each step.

pub(crate) mod decisions;
mod mail_events;
mod programs;
mod suite;
