//! See `it/main.rs`: the tests live there, in one binary.
