//! Adapters of Perennial for AWS: the DynamoDB store, the SES mailer, the EventBridge bus.
//!
//! **Invariants:** this is the only crate that names the AWS SDK, and nothing of the SDK leaves it but
//! the clients, which are built in [`clients`] and nowhere else.

pub mod bus;
pub mod clients;
pub mod doctor;
pub mod dynamo;
pub mod inbox;
pub mod secrets;
pub mod ses;
