//! What stays of a person's history when they are erased.
//!
//! **Invariants:** no event holds a personal value; what [`thinned`] takes out besides is what the person was like:
//! where they live, what they read, what they were interested in, and the names under which others know their mails.
//! A history that ends in [`Event::Erased`] leads to the same tombstone thinned or not, so the audit still explains it.

use std::collections::BTreeSet;

use crate::consent::Preferences;
use crate::event::Event;
use crate::sales::Outcome;

/// An event without what it tells of the person beyond that it happened. Thinning twice changes nothing more.
#[must_use]
pub fn thinned(event: &Event) -> Event {
    let mut thin = event.clone();
    match &mut thin {
        Event::Received { flags, zone, language, .. } => {
            flags.clear();
            *zone = None;
            *language = None;
        }
        Event::SubmissionMerged { zone, .. } => *zone = None,
        Event::Signalled { topic, .. } | Event::LinkFollowed { topic, .. } => *topic = None,
        Event::FollowersJudged { people, machines, .. } => {
            people.clear();
            machines.clear();
        }
        Event::FollowersRelabelled { machines, topic, .. } => {
            machines.clear();
            *topic = None;
        }
        Event::Answered { fields } | Event::Doubted { fields } => fields.clear(),
        Event::Disposed { outcome, .. } | Event::StatusTold { status: outcome } => forget(outcome),
        Event::Labelled { topic, add, remove } => {
            *topic = None;
            *add = BTreeSet::new();
            *remove = BTreeSet::new();
        }
        Event::PreferencesChanged { preferences, language } => {
            *preferences = Preferences::default();
            *language = None;
        }
        // SES keeps its own records under that name.
        Event::TouchSent { message_id, .. } => *message_id = None,
        // These say what the suite did, in its own words and in those of the programs.
        Event::Admitted
        | Event::Quarantined { .. }
        | Event::Released
        | Event::Purged
        | Event::Reopened
        | Event::Assigned { .. }
        | Event::EnrolmentStarted { .. }
        | Event::EnrolmentAdvanced { .. }
        | Event::EnrolmentMigrated { .. }
        | Event::Directed { .. }
        | Event::EnrolmentExited { .. }
        | Event::Scored { .. }
        | Event::MomentRaised { .. }
        | Event::ReplyReceived { .. }
        | Event::Emitted { .. }
        | Event::EnrolmentPaused { .. }
        | Event::EnrolmentResumed { .. }
        | Event::ConsentChanged { .. }
        | Event::OptInAsked { .. }
        | Event::BroadcastQueued { .. }
        | Event::AddressListed { .. }
        | Event::Erased
        | Event::TouchDeferred { .. }
        | Event::TouchBounced { .. }
        | Event::AddressRested
        | Event::TouchUnknown { .. }
        | Event::TouchReview { .. }
        | Event::TouchDropped { .. }
        | Event::TouchFailed { .. }
        | Event::TouchSkipped { .. }
        | Event::TaskCreated { .. }
        | Event::TaskOverdue { .. }
        | Event::AddressSuppressed { .. }
        | Event::Disqualified { .. }
        | Event::Reviewed { .. }
        | Event::EvaluationDue { .. }
        | Event::Evaluated { .. }
        | Event::Qualified { .. }
        | Event::Requalified { .. }
        | Event::SlaStarted { .. }
        | Event::SlaWarned { .. }
        | Event::SlaBreached { .. }
        | Event::Accepted { .. }
        | Event::OpportunityOpened { .. }
        | Event::Won { .. }
        | Event::Lost { .. }
        | Event::TurnedBack { .. }
        | Event::Recycled
        | Event::IsCustomer
        | Event::Resubmitted { .. }
        | Event::TurnbackMoved { .. }
        | Event::HorizonReached
        | Event::Alerted { .. }
        | Event::TaskDone { .. }
        | Event::Noted { .. }
        | Event::PhoneChanged { .. } => {}
    }
    thin
}

/// When somebody was to be called, and what of their answers did not hold, is theirs.
fn forget(outcome: &mut Outcome) {
    if let Outcome::TurnedBack(request) = outcome {
        request.date = None;
        request.fields.clear();
    }
}
