//! A lead's history, told so that a person can follow it: one line for each thing that happened.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use perennial_app::ports::{HistoryRow, OutboundMail};
use perennial_core::calendar;
use perennial_core::event::{Event, SendProof};
use perennial_core::ids::{FieldName, TouchId};
use perennial_core::lead::{Lead, Ownership, TaskKind};
use perennial_core::sales::Party;
use perennial_core::submission::Intent;

/// Tells a lead's history in the lead's own time. A line without a time goes with the one above it.
pub(super) fn tell(lead: &Lead, history: &[HistoryRow], mails: &[OutboundMail]) -> String {
    let zone = calendar::zone(lead.zone.as_deref().unwrap_or("Europe/Berlin")).unwrap();
    let teller = Teller { zone, mails };
    let mut last = String::new();
    let mut story = Vec::new();
    for row in history {
        // A sign is told once: its points go with it.
        for event in row.entries.iter().filter(|event| !is_bookkeeping(event)) {
            let time = teller.time(row.at);
            let shown = if time == last { " ".repeat(time.len()) } else { time.clone() };
            story.push(format!("{shown}  {}", teller.line(event)));
            last = time;
        }
    }
    story.join("\n")
}

/// What stories leave out: that somebody looks whether a lead is ready, and what signs are worth.
fn is_bookkeeping(event: &Event) -> bool {
    matches!(event, Event::Scored { .. } | Event::EvaluationDue { .. } | Event::Evaluated { .. })
}

struct Teller<'a> {
    zone: TimeZone,
    mails: &'a [OutboundMail],
}

impl Teller<'_> {
    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
    }

    fn line(&self, event: &Event) -> String {
        match event {
            Event::Received { life, channel, intent, email, phone, .. } => {
                let again = if *life > 1 { format!(" in life {life}") } else { String::new() };
                format!("comes in by {channel:?}{again}{}; e-mail {email:?}, phone {phone:?}", hand(*intent))
            }
            Event::Admitted => "is admitted".to_owned(),
            Event::Quarantined { reasons, until } => format!("is held back until {}: {reasons:?}", self.time(*until)),
            Event::Released => "is released".to_owned(),
            Event::Purged => "is purged".to_owned(),
            Event::Reopened => "is spoken to again".to_owned(),
            Event::SubmissionMerged { channel, intent, junk, .. } => {
                let as_junk = if junk.is_empty() { String::new() } else { format!(", as junk: {junk:?}") };
                format!("sends something by {channel:?}{}{as_junk}", hand(*intent))
            }
            Event::Assigned { owner: Ownership::Queue { queue } } => format!("belongs to the queue {queue}"),
            Event::Assigned {
                owner: Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep },
            } => format!("belongs to {rep}"),
            Event::EnrolmentStarted { program, step, due_at, .. } => {
                format!("starts {program}: {step} comes {}", self.time(*due_at))
            }
            Event::EnrolmentAdvanced { step, due_at, .. } => format!("goes on: {step} comes {}", self.time(*due_at)),
            Event::EnrolmentMigrated { version, step, due_at, .. } => {
                format!("is moved to version {}: {step} comes {}", version.0, self.time(*due_at))
            }
            Event::Signalled { kind, .. } | Event::Scored { kind, .. } => format!("gives a sign: {kind:?}"),
            Event::LinkFollowed { touch, until, .. } => {
                format!("a link of {} is followed: judged {}", touch.step, self.time(*until))
            }
            Event::FollowersJudged { touch, people, machines, .. } => {
                format!("links of {}: people followed {people:?}, machines {machines:?}", touch.step)
            }
            Event::FollowersRelabelled { touch, machines, .. } => {
                format!("links of {}: it was a machine that followed {machines:?}", touch.step)
            }
            Event::Answered { fields } => {
                format!("answers: {}", fields.iter().map(FieldName::as_str).collect::<Vec<_>>().join(", "))
            }
            Event::Labelled { topic, add, remove } => format!("is labelled: {topic:?} +{add:?} -{remove:?}"),
            Event::MomentRaised { message, .. } => format!("ALERT {message}"),
            Event::Emitted { event, .. } => format!("emits {event}"),
            Event::EnrolmentExited { program, exit, .. } => format!("leaves {program}: {exit:?}"),
            Event::TouchDeferred { touch, reason, until } => {
                format!("{} waits until {}: {reason:?}", touch.step, self.time(*until))
            }
            Event::TouchSent { touch, proof: SendProof::Answer, .. } => format!("MAIL {}", self.subject(touch)),
            Event::TouchSent { touch, proof, .. } => format!("MAIL {} (known by {proof:?})", self.subject(touch)),
            Event::TouchUnknown { touch, review_at, .. } => {
                format!("{} may have been sent: until {} a proof may come", touch.step, self.time(*review_at))
            }
            Event::TouchReview { touch } => format!("{} may have been sent: somebody must look", touch.step),
            Event::TouchDropped { touch } => format!("{} was not sent, somebody says", touch.step),
            Event::TouchFailed { touch, reason } => format!("{} cannot be sent: {reason:?}", touch.step),
            Event::TouchSkipped { touch, reason } => format!("{} is passed over: {reason:?}", touch.step),
            Event::TaskCreated { touch, kind, due_at } => {
                let what = match kind {
                    TaskKind::Call => "CALL",
                    TaskKind::Write => "WRITE",
                    TaskKind::RepairData => "FIND AN ADDRESS",
                    TaskKind::Read => "READ THE REPLY",
                };
                format!("{what} for {}, by {}", touch.step, self.time(*due_at))
            }
            Event::TaskOverdue { touch, escalates_at: Some(_) } => format!("nobody did {} in time", touch.step),
            Event::TaskOverdue { touch, escalates_at: None } => format!("nobody waits for {} any more", touch.step),
            Event::TouchBounced { touch, rests_until: None, .. } => format!("{} comes back", touch.step),
            Event::TouchBounced { touch, rests_until: Some(until), .. } => {
                format!("{} comes back: the address rests until {}", touch.step, self.time(*until))
            }
            Event::AddressRested => "may be mailed again: the address has rested".to_owned(),
            Event::AddressSuppressed { cause } => format!("may not be mailed any more: {cause:?}"),
            Event::ReplyReceived { certainty, .. } => format!("wrote to us: {certainty:?}"),
            Event::BroadcastQueued { broadcast, due_at, until, .. } => {
                format!("is to get {broadcast}, {} and no later than {}", self.time(*due_at), self.time(*until))
            }
            Event::AddressListed { cause, .. } => format!("is nobody, and may not be mailed: {cause:?}"),
            Event::EnrolmentPaused { pause, resume_at, .. } => {
                format!("pauses until {}: {pause:?}", self.time(*resume_at))
            }
            Event::EnrolmentResumed { due_at, .. } => format!("goes on: the next step comes {}", self.time(*due_at)),
            Event::ConsentChanged { basis: Some(basis), until, .. } => {
                let end = until.map(|until| format!(" until {}", self.time(until))).unwrap_or_default();
                format!("agrees to mail{end}: {basis:?}")
            }
            Event::ConsentChanged { basis: None, source, .. } => format!("does not agree any more: {source:?}"),
            Event::OptInAsked { due_at, until, .. } => {
                format!("is to confirm: asked {}, until {}", self.time(*due_at), self.time(*until))
            }
            Event::PreferencesChanged { preferences, language } => format!("chooses {preferences:?} {language:?}"),
            Event::Erased => "is erased".to_owned(),
            Event::Disqualified { reason, review_at, .. } => {
                format!("is only listened to: {reason:?}; looked at {}", self.time(*review_at))
            }
            Event::Reviewed { review_at } => format!("was looked at; next {}", self.time(*review_at)),
            Event::EvaluationDue { by } => format!("is to be looked at by {}: ready for sales?", self.time(*by)),
            Event::Evaluated { score } => format!("was looked at: {score} points"),
            Event::Qualified { cause, cycle } => format!("is ready for sales, in cycle {cycle}: {cause:?}"),
            Event::Requalified { cause, cycle, .. } => format!("is ready for sales again, in cycle {cycle}: {cause:?}"),
            Event::SlaStarted { clock } => {
                format!("sales' clock runs: next {}, over {}", self.time(clock.next_at), self.time(clock.ends_at))
            }
            Event::SlaWarned { trigger, next_at, .. } => {
                format!("time passes: {trigger:?}; next {}", self.time(*next_at))
            }
            Event::SlaBreached { trigger, next_at, .. } => {
                format!("time is over: {trigger:?}; next {}", self.time(*next_at))
            }
            Event::Disposed { by, outcome, .. } => format!("sales tells: {} ({})", outcome.name(), who(by)),
            Event::Directed { by, program: Some(program) } => format!("is put into {program} by hand ({})", who(by)),
            Event::Directed { by, program: None } => format!("is taken out of its program by hand ({})", who(by)),
            Event::StatusTold { status } => format!("stands in the CRM as: {}", status.name()),
            Event::Accepted { by } => format!("is accepted ({})", who(by)),
            Event::OpportunityOpened { by } => format!("is an opportunity ({})", who(by)),
            Event::Won { by } => format!("is won ({})", who(by)),
            Event::Lost { by } => format!("is lost ({})", who(by)),
            Event::TurnedBack { reason, by, sales_from, .. } => {
                format!("is turned back: {} ({}); sales from {}", reason.as_str(), who(by), self.time(*sales_from))
            }
            Event::Recycled => "is nurtured again".to_owned(),
            Event::IsCustomer => "is a customer".to_owned(),
            Event::Resubmitted { reason, .. } => format!("goes to another: {}", reason.as_str()),
            Event::TurnbackMoved { sales_from, .. } => {
                format!("waits for another day: sales from {}", self.time(*sales_from))
            }
            Event::HorizonReached => "the time of its turnback is over".to_owned(),
            Event::Alerted { trigger, audience, delivery, .. } => {
                format!("alert to the {audience:?}, {delivery:?}: {trigger:?}")
            }
            Event::TaskDone { touch, outcome } => format!("task {touch} ends: {outcome}"),
            Event::Noted { by } => format!("a note ({})", who(by)),
            Event::Doubted { fields } => format!("answers do not hold: {fields:?}"),
            Event::PhoneChanged { phone } => format!("phone {phone:?}"),
        }
    }

    fn subject(&self, touch: &TouchId) -> String {
        let mail = self.mails.iter().find(|mail| mail.touch == *touch);
        mail.map_or_else(|| touch.to_string(), |mail| format!("\"{}\"", mail.subject))
    }
}

fn who(by: &Party) -> String {
    match by {
        Party::Rep { rep } => rep.to_string(),
        Party::Queue { queue } => format!("queue {queue}"),
        Party::Crm => "the CRM".to_owned(),
        Party::Operator => "an operator".to_owned(),
        Party::Suite => "the suite".to_owned(),
    }
}

fn hand(intent: Intent) -> &'static str {
    match intent {
        Intent::HandRaise => ", raising a hand",
        Intent::Inquiry => "",
    }
}
