//! Each function's handler, fed with the events that AWS sends.

pub(crate) mod ingest_lead;
mod publish_history;
mod record_engagement;
mod schedule_touch;
