//! What the API answers with. Times are in UTC, as RFC 3339 has them; names are those of the events on the bus.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use perennial_app::desk::view::{LeadView, NextAct};
use perennial_app::desk::{DeskRef, Seat, Waiting};
use perennial_app::dossier::Draft;
use perennial_core::contact::PhoneNumber;
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, LeadId, TouchId};
use perennial_core::lead::{EmailReach, LifecycleStage, Ownership, PauseCause, PhoneReach, TaskKind};
use perennial_core::profile::Profile;
use perennial_core::sales::{DemandCycle, Party, SlaClock, Turnback};
use serde::Serialize;

use crate::Deps;

/// The fields that say who somebody is.
const WHO: [&str; 4] = ["first_name", "last_name", "company", "job_title"];

/// A page of leads.
#[derive(Serialize)]
pub(super) struct Leads<'a> {
    pub(super) leads: Vec<Listed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// A page of tasks.
#[derive(Serialize)]
pub(super) struct Tasks<'a> {
    pub(super) tasks: Vec<Task<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// Who somebody is.
#[derive(Serialize)]
struct Who<'a> {
    lead: &'a LeadId,
    #[serde(flatten)]
    named: BTreeMap<&'a str, &'a str>,
}

impl<'a> Who<'a> {
    fn of(lead: &'a LeadId, profile: &'a Profile) -> Self {
        let named = profile.fields.iter().filter(|(name, _)| WHO.contains(&name.as_str()));
        Self { lead, named: named.map(|(name, answer)| (name.as_str(), answer.as_str())).collect() }
    }
}

/// A lead in a list.
#[derive(Serialize)]
pub(super) struct Listed<'a> {
    #[serde(flatten)]
    who: Who<'a>,
    stage: LifecycleStage,
    owner: Option<&'a Ownership>,
    /// By when somebody must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    act_by: Option<Timestamp>,
}

impl<'a> Listed<'a> {
    pub(super) fn of(waiting: &'a Waiting) -> Self {
        let (lead, profile) = (&waiting.stored.lead, &waiting.stored.profile);
        Self {
            who: Who::of(&lead.id, profile),
            stage: lead.stage,
            owner: lead.owner.as_ref(),
            act_by: lead.human_deadline(),
        }
    }
}

/// A task.
#[derive(Serialize)]
pub(super) struct Task<'a> {
    #[serde(flatten)]
    who: Who<'a>,
    touch: &'a TouchId,
    kind: TaskKind,
    due_at: Timestamp,
}

impl<'a> Task<'a> {
    pub(super) fn of(waiting: &'a Waiting) -> Option<Self> {
        let task = waiting.stored.lead.task.as_ref()?;
        let who = Who::of(&waiting.stored.lead.id, &waiting.stored.profile);
        Some(Self { who, touch: &task.touch, kind: task.kind, due_at: task.due_at })
    }
}

/// Everything that somebody may see of a lead.
#[derive(Serialize)]
pub(super) struct Lead<'a> {
    #[serde(flatten)]
    who: Who<'a>,
    stage: LifecycleStage,
    owner: Option<&'a Ownership>,
    /// The address and the number, where they may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    /// Why, or why not.
    email_reach: EmailReach,
    phone_reach: PhoneReach,
    cycle: &'a DemandCycle,
    #[serde(skip_serializing_if = "Option::is_none")]
    sla: Option<&'a SlaClock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a perennial_core::lead::Task>,
    /// What is to be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<Written>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turnback: Option<&'a Turnback>,
    score: Score,
    answers: &'a BTreeMap<FieldName, String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    doubted: &'a BTreeSet<FieldName>,
    notes: &'a [perennial_core::profile::Note],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next<'a>>,
    /// The latest first.
    past: Vec<Past<'a>>,
    /// How much happened before that.
    earlier: usize,
    offers: Vec<&'static str>,
    reasons: Vec<Offered>,
    /// The page of the lead for whoever asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

#[derive(Serialize)]
struct Written {
    subject: String,
    text: String,
}

#[derive(Serialize)]
struct Score {
    total: String,
    signs: Vec<ScoreLine>,
    fit: Vec<ScoreLine>,
}

#[derive(Serialize)]
struct ScoreLine {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    points: String,
}

#[derive(Serialize)]
struct Next<'a> {
    program: &'a str,
    act: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<PauseCause>,
}

#[derive(Serialize)]
struct Past<'a> {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct Offered {
    reason: &'static str,
    takes_date: bool,
    attempts_missing: u32,
}

impl<'a> Lead<'a> {
    pub(super) fn of(deps: &Deps, view: &'a LeadView) -> Self {
        let draft = view.draft(&deps.herald.letterhead).map(|Draft { subject, text }| Written { subject, text });
        let (lead, profile) = (view.lead(), view.profile());
        let reasons = view.reasons().into_iter().map(|reason| Offered {
            reason: reason.reason.as_str(),
            takes_date: reason.policy.date.is_some(),
            attempts_missing: reason.attempts_missing,
        });
        Self {
            who: Who::of(&lead.id, profile),
            stage: lead.stage,
            owner: lead.owner.as_ref(),
            email: view.mailable().cloned().map(String::from),
            phone: view.callable().map(PhoneNumber::as_str),
            email_reach: lead.email,
            phone_reach: lead.phone,
            cycle: &lead.cycle,
            sla: lead.sla.as_ref(),
            task: lead.task.as_ref(),
            draft,
            turnback: lead.turnback.as_ref(),
            score: score(view),
            answers: &profile.fields,
            doubted: &profile.doubted,
            notes: &profile.notes,
            next: view.next.as_ref().map(next),
            past: view.past.iter().map(|past| self::past(view, past)).collect(),
            earlier: view.earlier,
            offers: view.offers.iter().map(|offer| offer.as_str()).collect(),
            reasons: reasons.collect(),
            page: page_of(deps, view),
        }
    }
}

fn score(view: &LeadView) -> Score {
    let signs = view.score.signs.iter().map(|sign| ScoreLine {
        what: sign.kind.as_str().to_owned(),
        at: Some(sign.given_at),
        points: sign.left.to_string(),
    });
    let fit = view.score.fit.iter();
    let fit = fit.map(|fit| ScoreLine { what: fit.label.clone(), at: None, points: fit.points.to_string() });
    Score { total: view.score.total.to_string(), signs: signs.collect(), fit: fit.collect() }
}

fn next(next: &perennial_app::desk::view::Next) -> Next<'_> {
    let (act, subject) = match &next.act {
        NextAct::Mail { subject } => ("mail", subject.as_deref()),
        NextAct::Held => ("held", None),
        NextAct::Call => ("call", None),
        NextAct::Write => ("write", None),
        NextAct::Repair => ("repair_data", None),
        NextAct::AwaitConsent => ("await_consent", None),
        NextAct::Listen | NextAct::Look => ("none", None),
    };
    Next { program: &next.program, act, subject, at: next.at, paused: next.paused }
}

fn past<'a>(view: &'a LeadView, past: &'a perennial_app::desk::view::Past) -> Past<'a> {
    let touch = if let Event::TouchSent { touch, .. } = &past.event { Some(touch) } else { None };
    let subject = touch.and_then(|touch| view.subjects.get(touch)).map(String::as_str);
    Past { at: past.at, subject, event: &past.event }
}

/// The page of a lead for whoever looks, where pages are for such as them: a fresh link for whoever has logged in.
fn page_of(deps: &Deps, view: &LeadView) -> Option<String> {
    let seat = match &view.party {
        Party::Rep { rep } => Seat::Rep(rep.clone()),
        Party::Queue { queue } => Seat::Queue(queue.clone()),
        Party::Crm | Party::Operator | Party::Suite => return None,
    };
    let desk = DeskRef { lead: view.lead().id.clone(), seat, made_at: deps.herald.wall_clock.now() };
    Some(desk.link(&deps.herald.letterhead, &view.catalog))
}
