//! The integration tests of the whole suite, one binary.
