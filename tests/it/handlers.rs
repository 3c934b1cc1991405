//! Each function's handler, fed with the events that AWS sends.

pub(crate) mod alerts;
mod clicks;
mod digests;
mod evaluate_requalification;
mod housekeep;
pub(crate) mod ingest_lead;
mod pages;
mod publish_history;
mod record_engagement;
mod replies;
pub(crate) mod sales_desk;
mod schedule_touch;
