//! Lambda: the sweep that touches every lead that is due, and the nudge for one just enrolled.
//!
//! Two triggers: EventBridge Scheduler, every minute, whose event says nothing that is listened to; and a
//! bus rule on `enrolment.started` of a form post, which names the lead so that its first touch need not
//! wait for the next minute. A nudge that is lost costs a minute, not a touch.

use std::sync::Arc;
use std::time::Duration;

use perennial_app::touch::Toucher;
use perennial_core::ids::LeadId;
use perennial_lambda::boot::HandlerError;
use serde::{Deserialize, Serialize};
use tracing::info;

/// What the function needs.
pub struct Deps {
    /// Who touches.
    pub toucher: Toucher,
    /// How long a sweep may take. Well below the function's time-out: what is left stays due.
    pub budget: Duration,
}

/// The part of an event that is read.
#[derive(Debug, Deserialize)]
pub struct Trigger {
    #[serde(rename = "detail-type", default)]
    detail_type: Option<String>,
    #[serde(default)]
    detail: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Nudge {
    lead: LeadId,
}

/// What an invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Leads visited.
    pub visited: u64,
    /// Mails that SES took.
    pub sent: u64,
    /// Visits that failed; those leads stay due.
    pub failed: u64,
    /// Leads that were overdue beyond their grace.
    pub rescued: u64,
    /// The longest delay met, in seconds.
    pub lateness_max_s: i64,
    /// Whether time ran out before everyone was visited.
    pub is_unfinished: bool,
}

/// Sweeps, or visits the one lead that a bus event names.
pub async fn handle(deps: Arc<Deps>, trigger: Trigger) -> Result<Summary, HandlerError> {
    let summary = match nudged(&trigger) {
        Some(lead) => nudge(&deps, &lead).await?,
        None => sweep(&deps).await?,
    };
    if summary.visited > 0 {
        info!(
            sweep.visited = summary.visited,
            sweep.sent = summary.sent,
            sweep.failed = summary.failed,
            sweep.rescued = summary.rescued,
            // Without a dot: a metric is made of it (infra/template.yaml).
            lateness_max_s = summary.lateness_max_s,
            sweep.is_unfinished = summary.is_unfinished,
            "swept"
        );
    }
    Ok(summary)
}

fn nudged(trigger: &Trigger) -> Option<LeadId> {
    let detail = trigger.detail.as_ref().filter(|_| trigger.detail_type.as_deref() == Some("enrolment.started"))?;
    Nudge::deserialize(detail).ok().map(|nudge| nudge.lead)
}

async fn nudge(deps: &Deps, lead: &LeadId) -> Result<Summary, HandlerError> {
    let visit = deps.toucher.nudge(lead).await.map_err(|error| HandlerError::new("nudge_failed", error))?;
    Ok(Summary { visited: 1, sent: visit.sent, ..Summary::default() })
}

async fn sweep(deps: &Deps) -> Result<Summary, HandlerError> {
    let sweep = deps.toucher.sweep(deps.budget).await.map_err(|error| HandlerError::new("sweep_failed", error))?;
    Ok(Summary {
        visited: sweep.visited,
        sent: sweep.sent,
        failed: sweep.failed,
        rescued: sweep.rescued,
        lateness_max_s: sweep.lateness_max.as_secs(),
        is_unfinished: sweep.is_unfinished,
    })
}
