//! The whole suite on one machine: embedded store, mailbox, bus, ticker, HTTP server.
//!
//! - [`store_file`]: the store, a SQLite file that speaks DynamoDB on loopback;
//! - [`keys`], [`clock`]: what the machine remembers of itself in that file;
//! - [`ses`]: a loopback mail service for the real mailer, and its events;
//! - [`letters`], and the pages of [`site`]: the mailbox, the sample form, the [`programs`];
//! - [`inbox`]: mail that comes in;
//! - [`bridge`]: HTTP requests as the events that the functions know; [`authorizer`]: who may call the API of sales;
//! - `host`: the names it answers to; [`suite`]: all of it together, with the functions, as `perennial up` runs it.
//!
//! Nothing here decides anything about a lead, and nothing here names an AWS
//! client: the functions and `perennial-aws` are the same as on AWS, only the
//! addresses they talk to are these.

pub mod authorizer;
pub mod bridge;
pub mod clock;
mod gateway;
pub mod holdings;
mod host;
mod html;
pub mod inbox;
pub mod keys;
pub mod letters;
pub mod local_items;
pub mod mailbox;
mod pages;
pub mod programs;
mod pumps;
mod reading;
pub mod ses;
pub mod ses_event;
mod simulator;
pub mod site;
pub mod store_file;
pub mod suite;
mod table;
