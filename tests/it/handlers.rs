//! Each function's handler, fed with the events that AWS sends.

mod ingest_lead;
