//! What somebody of sales sees of a lead: everything that a page or an API shows, before it is put into words.
//!
//! **Invariants:** what is offered is what can be done where the lead stands, so nobody presses what is refused anyway;
//! a number or an address is shown as a way to the person only where they may be reached by it (S16).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use perennial_core::calendar;
use perennial_core::catalog::Catalog;
use perennial_core::condition::{Facts, SignalKind};
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, LeadId, ProgramName, TouchId};
use perennial_core::lead::{
    EmailReach, Enrolment, Lead, LifecycleStage, Ownership, PauseCause, PhoneReach, Reach, TaskKind,
};
use perennial_core::policy::{TurnbackPolicy, TurnbackReason};
use perennial_core::profile::Profile;
use perennial_core::program::{Action, ProgramVersion, TouchClass};
use perennial_core::sales::{Outcome, Party, Trigger};
use perennial_core::score::{Explanation, explain};

use super::{Desk, DisposeError, gives_to, theirs};
use crate::dossier::Draft;
use crate::mail::{self, Letterhead};
use crate::ports::{HistoryRow, Stored};

/// How much of a lead's past is shown: what is older is counted.
pub const PAST_MAX: usize = 30;

/// Reasons that nobody of sales gives: two are the suite's, and a lost deal is an outcome of its own.
const NOT_OFFERED: [TurnbackReason; 3] =
    [TurnbackReason::SlaExpired, TurnbackReason::RepLeft, TurnbackReason::ClosedLost];

/// A lead, as somebody of sales sees it.
#[derive(Clone)]
pub struct LeadView {
    /// Who it is, and where it stands.
    pub stored: Stored,
    /// What the catalog calls everything.
    pub catalog: Arc<Catalog>,
    /// As whom they look.
    pub party: Party,
    /// When.
    pub now: Timestamp,
    /// The zone that they live in.
    pub zone: TimeZone,
    /// Why it is as warm as it is.
    pub score: Explanation,
    /// What happened, the latest first, at most [`PAST_MAX`].
    pub past: Vec<Past>,
    /// How much happened before that.
    pub earlier: usize,
    /// What the mails were about that stand in its past.
    pub subjects: BTreeMap<TouchId, String>,
    /// The mails that somebody said do not help.
    pub unhelpful: BTreeSet<TouchId>,
    /// What comes next by itself.
    pub next: Option<Next>,
    /// What can be told of it where it stands.
    pub offers: BTreeSet<Offer>,
    /// To whom they may give it.
    pub others: Vec<Ownership>,
    /// The version of each enrolment.
    versions: BTreeMap<u32, ProgramVersion>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Who had the lead until then.
    pub owner: Option<Ownership>,
    /// Whether somebody else had it afterwards.
    pub is_moved: bool,
    /// What the task was that it is about.
    pub task: Option<TaskKind>,
}

/// What a program does next with a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// What people call the program.
    pub program: String,
    /// What is done.
    pub act: NextAct,
    /// When.
    pub at: Timestamp,
    /// Why it stands still until then.
    pub paused: Option<PauseCause>,
}

/// What is done by a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextAct {
    /// Nothing, until an operator lets the program go on.
    Held,
    /// A mail goes out.
    Mail {
        /// What it is about, as far as it can be written now.
        subject: Option<String>,
    },
    /// A rep is asked to call.
    Call,
    /// A rep is asked to write.
    Write,
    /// A rep is asked for an address or a number that works.
    Repair,
    /// A mail that waits until the person says that they want mail.
    AwaitConsent,
    /// Nothing: nobody may write to them, or call.
    Listen,
    /// Nothing that anybody would see.
    Look,
}

/// Something that can be told of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offer {
    /// They take it on.
    Accept,
    /// They called, and how it went.
    Call,
    /// They wrote, or spoke with the person some other way.
    Write,
    /// They will meet.
    Meet,
    /// What a task asked for is done.
    Done,
    /// It is a real opportunity.
    Qualify,
    /// It goes back.
    TurnBack,
    /// It is no lead.
    Disqualify,
    /// They are a customer already.
    ExistingCustomer,
    /// They bought.
    Win,
    /// They did not.
    Lose,
    /// Programs stand still.
    Hold,
    /// Programs go on.
    Resume,
    /// When to come back.
    Revisit,
}

impl Offer {
    /// What it is called in JSON: as the outcome that it leads to, or the first of those.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Call => "call",
            Self::Write => "wrote",
            Self::Meet => "meeting_booked",
            Self::Done => "done",
            Self::Qualify => "qualified",
            Self::TurnBack => "turned_back",
            Self::Disqualify => "disqualified",
            Self::ExistingCustomer => "existing_customer",
            Self::Win => "won",
            Self::Lose => "lost",
            Self::Hold => "held",
            Self::Resume => "resumed",
            Self::Revisit => "revisit",
        }
    }
}

/// A reason to turn a lead back, and whether it is one yet.
#[derive(Debug, Clone, Copy)]
pub struct Reason<'a> {
    /// Which.
    pub reason: TurnbackReason,
    /// What follows.
    pub policy: &'a TurnbackPolicy,
    /// What people call the program that follows; `None`: the running one goes on.
    pub program: Option<&'a str>,
    /// How that can reach them.
    pub reach: Reach,
    /// How many attempts are missing before it can be given.
    pub attempts_missing: u32,
}

impl Desk {
    /// A lead, as somebody may see it.
    pub async fn view(&self, party: &Party, lead: &LeadId) -> Result<LeadView, DisposeError> {
        let catalog = self.library.catalog().await?;
        let stored = self.store.load(lead).await?;
        let stored = theirs(&catalog, party, lead, stored.as_ref())?.clone();
        let history = self.store.history(lead).await?;
        Ok(LeadView::of(catalog, party.clone(), stored, &history, self.clock.now()))
    }
}

impl LeadView {
    fn of(catalog: Arc<Catalog>, party: Party, stored: Stored, history: &[HistoryRow], now: Timestamp) -> Self {
        let Stored { lead, profile, .. } = &stored;
        let facts = Facts { lead, profile: Some(profile), now, since: None };
        let entries = || history.iter().flat_map(|row| &row.entries);
        let score = explain(&catalog, &facts, entries());
        let mut past = told_of(history);
        past.reverse();
        let earlier = past.len().saturating_sub(PAST_MAX);
        past.truncate(PAST_MAX);
        let shown: BTreeSet<&TouchId> = past.iter().filter_map(|past| mailed(&past.event)).collect();
        let (subjects, versions) = mailed_before(&catalog, &stored, entries(), &shown);
        let unhelpful = entries().filter_map(unhelpful).cloned().collect();
        let next = next(&catalog, &stored, now);
        let (offers, others) = (offers(lead), others(&catalog, &party, lead));
        let zone = zone_of(&catalog, &party);
        Self {
            stored,
            catalog,
            party,
            now,
            zone,
            score,
            past,
            earlier,
            subjects,
            unhelpful,
            next,
            offers,
            others,
            versions,
        }
    }

    /// The lead.
    pub const fn lead(&self) -> &Lead {
        &self.stored.lead
    }

    /// What is known of the person.
    pub const fn profile(&self) -> &Profile {
        &self.stored.profile
    }

    /// The number to call, where the person may be called.
    pub fn callable(&self) -> Option<&PhoneNumber> {
        self.profile().phone.as_ref().filter(|_| self.lead().may_be_called())
    }

    /// The address to write to, where the person may be written to.
    pub fn mailable(&self) -> Option<&EmailAddress> {
        self.profile().email.as_ref().filter(|_| self.lead().may_be_written_to())
    }

    /// What is to be written, where the open task is to write and its program has a draft.
    pub fn draft(&self, letterhead: &Letterhead) -> Option<Draft> {
        Draft::of(letterhead, &self.catalog, &self.stored, |ordinal| self.versions.get(&ordinal))
    }

    /// The reasons to turn it back, in the order of the table, with what follows.
    pub fn reasons(&self) -> Vec<Reason<'_>> {
        let made = self.lead().cycle.attempts;
        let counts = self.party.sells();
        let applies = |reason: TurnbackReason| match reason {
            TurnbackReason::BadPhone => self.lead().phone == PhoneReach::Ok,
            TurnbackReason::BadEmail => self.profile().email.is_some(),
            TurnbackReason::BadAnswers => self.doubtable().next().is_some(),
            TurnbackReason::NoResponse
            | TurnbackReason::Timing
            | TurnbackReason::NoBudget
            | TurnbackReason::Evaluating
            | TurnbackReason::Competitor
            | TurnbackReason::NoAuthority
            | TurnbackReason::WrongContact
            | TurnbackReason::ProductMismatch
            | TurnbackReason::NoInterest
            | TurnbackReason::SlaExpired
            | TurnbackReason::RepLeft
            | TurnbackReason::ClosedLost
            | TurnbackReason::Other => true,
        };
        let offered =
            TurnbackReason::ALL.into_iter().filter(|reason| !NOT_OFFERED.contains(reason) && applies(*reason));
        let with_policy = offered.filter_map(|reason| Some((reason, self.catalog.turnbacks.policy(reason)?)));
        with_policy
            .map(|(reason, policy)| Reason {
                reason,
                policy,
                program: policy.program.as_ref().map(|name| self.title(name)),
                reach: self.lead().reach(),
                attempts_missing: if counts { policy.attempts_min.saturating_sub(made) } else { 0 },
            })
            .collect()
    }

    /// The answers that may turn out not to hold: those to questions, since names are not asked for again.
    pub fn doubtable(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        let asked = self.profile().fields.keys().filter_map(|name| Some((name, self.catalog.fields.get(name)?)));
        asked.filter(|(_, field)| field.question.is_some()).map(|(name, field)| (name, field.label.as_str()))
    }

    /// What people call a program, or the one that stands in for it.
    pub fn title<'a>(&'a self, name: &'a ProgramName) -> &'a str {
        let program = self.catalog.program_named(name).or_else(|| self.catalog.program_or_last_resort(name));
        program.map_or(name.as_str(), |program| program.title.as_str())
    }

    /// What people call whoever told something; `None` for whom there is no name.
    pub fn party_name<'a>(&'a self, party: &'a Party) -> Option<&'a str> {
        match party {
            Party::Rep { rep } => {
                Some(self.catalog.roster.reps.get(rep).map_or(rep.as_str(), |known| known.sender.name.as_str()))
            }
            Party::Queue { queue } => Some(&self.catalog.queue_sender(queue).name),
            Party::Crm | Party::Operator | Party::Suite => None,
        }
    }

    /// What people call an owner.
    pub fn owner_name(&self, owner: &Ownership) -> &str {
        &self.catalog.owner_sender(Some(owner)).name
    }
}

/// The zone that somebody lives in; the catalog's, where that is not known.
pub fn zone_of(catalog: &Catalog, party: &Party) -> TimeZone {
    let owner = match party {
        Party::Rep { rep } => Some(Ownership::Assigned { rep: rep.clone() }),
        Party::Queue { queue } => Some(Ownership::Queue { queue: queue.clone() }),
        Party::Crm | Party::Operator | Party::Suite => None,
    };
    let zone = owner.and_then(|owner| calendar::zone(&catalog.hours_of(&owner).zone));
    zone.unwrap_or_else(|| catalog.default_zone.clone())
}

/// What of its history somebody of sales is told, oldest first.
fn told_of(history: &[HistoryRow]) -> Vec<Past> {
    let mut owner: Option<Ownership> = None;
    let mut tasks: BTreeMap<&TouchId, TaskKind> = BTreeMap::new();
    let mut all = Vec::new();
    for row in history {
        let before = owner.clone();
        for event in &row.entries {
            if let Event::Assigned { owner: to } = event {
                owner = Some(to.clone());
            }
            if let Event::Accepted { by: Party::Rep { rep } } = event {
                owner = Some(Ownership::Accepted { rep: rep.clone() });
            }
            if let Event::TaskCreated { touch, kind, .. } = event {
                tasks.insert(touch, *kind);
            }
        }
        let is_moved = !is_same(before.as_ref(), owner.as_ref());
        all.extend(told(row, is_moved).map(|event| {
            let task = if let Event::TaskOverdue { touch, .. } = event { tasks.get(touch).copied() } else { None };
            Past { at: row.at, event: event.clone(), owner: before.clone(), is_moved, task }
        }));
    }
    all
}

/// Whether it is the same rep, or the same queue.
fn is_same(one: Option<&Ownership>, other: Option<&Ownership>) -> bool {
    match (one.and_then(Ownership::rep), other.and_then(Ownership::rep)) {
        (None, None) => one == other,
        (one, other) => one == other,
    }
}

/// What of a commit somebody of sales is told. Where one of them told an outcome, that says most of what came of it.
fn told(row: &HistoryRow, is_moved: bool) -> impl Iterator<Item = &Event> {
    let is_disposed = row.entries.iter().any(|event| matches!(event, Event::Disposed { .. }));
    row.entries.iter().filter(move |event| match telling(event) {
        Telling::Always => true,
        Telling::Alone => !is_disposed,
        Telling::Moved => is_moved,
        Telling::Never => false,
    })
}

/// When somebody of sales is told of an event.
enum Telling {
    Always,
    /// Unless an outcome in the same commit says it in other words.
    Alone,
    /// Where somebody else has the lead now.
    Moved,
    Never,
}

const fn telling(event: &Event) -> Telling {
    match event {
        Event::Received { .. }
        | Event::SubmissionMerged { .. }
        | Event::Released
        | Event::EnrolmentStarted { .. }
        | Event::Directed { .. }
        | Event::Answered { .. }
        | Event::ReplyReceived { .. }
        | Event::TouchSent { .. }
        | Event::TaskOverdue { .. }
        | Event::SlaBreached { .. }
        | Event::SlaWarned { trigger: Trigger::Reassigned, .. }
        | Event::Disposed { .. }
        | Event::Resubmitted { .. } => Telling::Always,
        Event::Assigned { .. } => Telling::Moved,
        Event::Signalled { kind, .. } => match kind {
            SignalKind::Clicked
            | SignalKind::PageVisited
            | SignalKind::PricingVisited
            | SignalKind::WebinarAttended
            | SignalKind::MeetingBooked => Telling::Alone,
            // The form, the answer, the reply or the outcome that they came with is told of.
            SignalKind::Replied
            | SignalKind::FormSubmitted
            | SignalKind::HandRaised
            | SignalKind::Answered
            | SignalKind::Connected => Telling::Never,
        },
        Event::Reopened
        | Event::EnrolmentPaused { .. }
        | Event::EnrolmentResumed { .. }
        | Event::AddressSuppressed { .. }
        | Event::Disqualified { .. }
        | Event::Qualified { .. }
        | Event::Requalified { .. }
        | Event::TurnedBack { .. }
        | Event::IsCustomer
        | Event::PhoneChanged { .. } => Telling::Alone,
        // How the suite went about it.
        Event::Admitted
        | Event::Quarantined { .. }
        | Event::Purged
        | Event::EnrolmentAdvanced { .. }
        | Event::EnrolmentMigrated { .. }
        | Event::EnrolmentExited { .. }
        | Event::LinkFollowed { .. }
        | Event::FollowersJudged { .. }
        | Event::FollowersRelabelled { .. }
        | Event::Labelled { .. }
        | Event::MomentRaised { .. }
        | Event::Emitted { .. }
        | Event::ConsentChanged { .. }
        | Event::OptInAsked { .. }
        | Event::PreferencesChanged { .. }
        | Event::AddressListed { .. }
        | Event::Erased
        | Event::TouchDeferred { .. }
        | Event::TouchUnknown { .. }
        | Event::TouchReview { .. }
        | Event::TouchDropped { .. }
        | Event::TouchFailed { .. }
        | Event::TouchBounced { .. }
        | Event::TouchSkipped { .. }
        | Event::TaskCreated { .. }
        | Event::AddressRested
        | Event::EvaluationDue { .. }
        | Event::Evaluated { .. }
        | Event::Scored { .. }
        | Event::SlaStarted { .. }
        | Event::SlaWarned { .. }
        | Event::Accepted { .. }
        | Event::OpportunityOpened { .. }
        | Event::Won { .. }
        | Event::Lost { .. }
        | Event::Recycled
        | Event::TurnbackMoved { .. }
        | Event::HorizonReached
        | Event::Alerted { .. }
        | Event::StatusTold { .. }
        | Event::BroadcastQueued { .. }
        | Event::TaskDone { .. }
        | Event::Noted { .. }
        | Event::Doubted { .. }
        | Event::Reviewed { .. } => Telling::Never,
    }
}

/// The mail that went out, if one did.
pub(super) const fn mailed(event: &Event) -> Option<&TouchId> {
    if let Event::TouchSent { touch, .. } = event { Some(touch) } else { None }
}

/// The mail that somebody said does not help.
const fn unhelpful(event: &Event) -> Option<&TouchId> {
    if let Event::Disposed { outcome: Outcome::Unhelpful { touch }, .. } = event { Some(touch) } else { None }
}

/// What mails were about: written once more with what is known now. One whose template is gone has no subject. And the
/// version of each enrolment.
fn mailed_before<'e>(
    catalog: &Catalog,
    stored: &Stored,
    history: impl Iterator<Item = &'e Event>,
    shown: &BTreeSet<&TouchId>,
) -> (BTreeMap<TouchId, String>, BTreeMap<u32, ProgramVersion>) {
    let mut versions: BTreeMap<u32, ProgramVersion> = BTreeMap::new();
    let (mut ordinal, mut round) = (0, 0);
    let mut subjects = BTreeMap::new();
    for event in history {
        if let Event::EnrolmentStarted { ordinal: started, version, .. } = event {
            (ordinal, round) = (*started, 0);
            versions.insert(ordinal, version.clone());
        }
        if let Event::EnrolmentMigrated { version, .. } = event {
            versions.insert(ordinal, version.clone());
        }
        if let Event::EnrolmentAdvanced { round: reached, .. } = event {
            round = *reached;
        }
        if let Event::TouchSent { touch, .. } = event
            && shown.contains(touch)
            && let Some(subject) = mail::subject_of(catalog, stored, touch, versions.get(&touch.ordinal), round)
        {
            subjects.insert(touch.clone(), subject);
        }
    }
    (subjects, versions)
}

/// What comes next by itself.
fn next(catalog: &Catalog, stored: &Stored, now: Timestamp) -> Option<Next> {
    let lead = &stored.lead;
    let enrolment = lead.enrolment.as_ref()?;
    let program = catalog.program_of(&enrolment.program, &enrolment.version)?;
    let act = match program.step(&enrolment.step).map(|step| &step.action) {
        Some(action) if action.is_noticed() && catalog.paused.contains_key(&program.name) => NextAct::Held,
        Some(Action::Email { class, .. } | Action::Ask { class, .. } | Action::Recur { class, .. }) => {
            mail_act(catalog, stored, enrolment, *class, now)
        }
        Some(Action::Call { .. }) if lead.phone == PhoneReach::Ok => NextAct::Call,
        Some(Action::PersonalMail { .. }) => by_hand_act(lead, now),
        Some(
            Action::Call { .. }
            | Action::Wait
            | Action::WaitUntil { .. }
            | Action::Branch { .. }
            | Action::Split { .. }
            | Action::Alert { .. }
            | Action::Set { .. }
            | Action::Emit { .. }
            | Action::Goal { .. }
            | Action::Exit { .. }
            | Action::Goto { .. },
        )
        | None => NextAct::Look,
    };
    let paused = enrolment.paused.map(|pause| pause.cause);
    Some(Next { program: program.title.clone(), act, at: enrolment.next_at(), paused })
}

/// What becomes of a mail step: the mail, or what stands in for it where none may go out.
fn mail_act(catalog: &Catalog, stored: &Stored, enrolment: &Enrolment, class: TouchClass, now: Timestamp) -> NextAct {
    let lead = &stored.lead;
    let is_asked_for = class == TouchClass::Response;
    let rests = lead.rests_until(now).is_some() && lead.phone == PhoneReach::Ok;
    match lead.reach() {
        Reach::Mail if rests || (lead.prefers_human() && !is_asked_for) => NextAct::Call,
        Reach::Mail if lead.email == EmailReach::Unconfirmed && !is_asked_for => NextAct::AwaitConsent,
        Reach::Mail => {
            let (touch, version) = (enrolment.touch(), Some(&enrolment.version));
            NextAct::Mail { subject: mail::subject_of(catalog, stored, &touch, version, enrolment.round) }
        }
        Reach::Human(kind) => asked_for(kind),
        Reach::Nobody => NextAct::Listen,
    }
}

/// What becomes of a mail that somebody is to write by hand.
fn by_hand_act(lead: &Lead, now: Timestamp) -> NextAct {
    let is_unconfirmed = lead.email == EmailReach::Unconfirmed;
    let rests = lead.rests_until(now).is_some() || is_unconfirmed;
    match lead.reach() {
        Reach::Mail if rests && lead.phone == PhoneReach::Ok => NextAct::Call,
        Reach::Mail if is_unconfirmed => NextAct::AwaitConsent,
        Reach::Mail => NextAct::Write,
        Reach::Human(kind) => asked_for(kind),
        Reach::Nobody => NextAct::Listen,
    }
}

/// What a person is asked for in place of a mail.
const fn asked_for(kind: TaskKind) -> NextAct {
    match kind {
        TaskKind::Call => NextAct::Call,
        TaskKind::Write => NextAct::Write,
        TaskKind::RepairData => NextAct::Repair,
        TaskKind::Read => NextAct::Look,
    }
}

/// What can be told of a lead where it stands.
fn offers(lead: &Lead) -> BTreeSet<Offer> {
    use Offer::{Accept, Disqualify, ExistingCustomer, Hold, Lose, Meet, Qualify, Resume, Revisit, TurnBack, Win};
    let by_stage: &[Offer] = match lead.stage {
        LifecycleStage::Inquiry | LifecycleStage::Mql => {
            &[Accept, Meet, Qualify, TurnBack, Disqualify, ExistingCustomer, Revisit]
        }
        LifecycleStage::Sal => &[Meet, Qualify, Win, TurnBack, Disqualify, ExistingCustomer, Revisit],
        LifecycleStage::Sql => &[Meet, Win, Lose, TurnBack, Disqualify, Revisit],
        LifecycleStage::Customer => &[Accept, Meet],
        // Another reason, where the first one was wrong.
        LifecycleStage::Recycled => &[Accept, Meet, TurnBack, Disqualify, ExistingCustomer, Revisit],
        LifecycleStage::Disqualified => &[Accept],
        LifecycleStage::Received
        | LifecycleStage::Quarantined
        | LifecycleStage::JunkPurged
        | LifecycleStage::Erased => &[],
    };
    let mut offers: BTreeSet<Offer> = by_stage.iter().copied().collect();
    if offers.is_empty() {
        return offers;
    }
    let is_listened_to = lead.stage == LifecycleStage::Disqualified;
    if !is_listened_to {
        let may_be_called = lead.phone == PhoneReach::Ok;
        if may_be_called {
            offers.insert(Offer::Call);
        }
        // Whom nobody may call was spoken with in some other way.
        if lead.email == EmailReach::Ok || !may_be_called {
            offers.insert(Offer::Write);
        }
    }
    // A call that is done was an attempt, or somebody was reached: that is what is told of it.
    if lead.task.as_ref().is_some_and(|task| task.kind != TaskKind::Call) {
        offers.insert(Offer::Done);
    }
    if let Some(enrolment) = &lead.enrolment {
        offers.insert(if enrolment.paused.is_some() { Resume } else { Hold });
    }
    offers
}

/// To whom somebody may give a lead: the reps who take leads, then the queues.
fn others(catalog: &Catalog, party: &Party, lead: &Lead) -> Vec<Ownership> {
    let roster = &catalog.roster;
    let reps = roster.reps.keys().filter(|rep| roster.takes(rep)).map(|rep| Ownership::Assigned { rep: rep.clone() });
    let queues = catalog.queues.keys().map(|queue| Ownership::Queue { queue: queue.clone() });
    let is_it = |owner: &Ownership| match (owner.rep(), lead.rep()) {
        (Some(rep), current) => Some(rep) == current,
        (None, _) => lead.owner.as_ref() == Some(owner),
    };
    reps.chain(queues).filter(|owner| gives_to(catalog, party, owner) && !is_it(owner)).collect()
}
