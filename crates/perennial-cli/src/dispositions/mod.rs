//! `perennial dispositions import FILE --map MAP.toml`: the rows of a list say what sales did.
//!
//! The list is read as [`import`](crate::import) reads one; `mapping` turns a row into what a CRM would have told, and
//! [`run()`] hands it to the same use-case as `POST /v1/crm/dispositions`.
//!
//! **Invariant:** every row of the file ends in exactly one outcome. A row makes no lead, and one that says what nobody
//! has a word for changes nothing.

mod mapping;
mod run;

pub use run::{DispositionsArgs, DispositionsError, Summary, run};
