//! One lead and the core alone: any sequence of stimuli, programs that come and go, answers that come late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use perennial_core::actor::{Agent, Hit, Mailing, Manner, Network, Target};
use perennial_core::broadcast::MAIL;
use perennial_core::catalog::{Catalog, Handover, Route};
use perennial_core::condition::{Condition, Facts, SignalKind};
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::decide::{
    Decision, Direction, MailEventKind, ReceivedMail, ReviewVerdict, SendOutcome, Stimulus, View, decide, misdirection,
};
use perennial_core::event::{DeferReason, DisqualifyReason, Event, FailReason, apply};
use perennial_core::ids::{
    FieldName, FormName, LeadId, ProgramName, RepName, RouteName, SubmissionId, TeamName, TopicName, TouchId,
};
use perennial_core::inbound::{Absence, Attribution, InboxKey, Kind, Wish};
use perennial_core::lead::{EmailReach, Lead, LifecycleStage, Ownership, PULSE_AHEAD_MAX, Sending, StageKind};
use perennial_core::lifecycle::Row;
use perennial_core::loader::BroadcastFiles;
use perennial_core::policy::TurnbackReason;
use perennial_core::profile::Profile;
use perennial_core::program::TouchClass;
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team};
use perennial_core::sales::{Attempt, Outcome, Party, QualifyCause, TurnbackRequest};
use perennial_core::score::{Points, explain};
use perennial_core::submission::{Channel, Entry, Intent, JunkReason, Permission, Source, Submission};
use perennial_core::testing;
use perennial_core::waterfall::{Deltas, Place};
use proptest::prelude::*;

use crate::scenarios::world::{LEASE, berlin, pepper};

/// The catalog for tests as it may look tomorrow: whole, without the welcome, without a step of it, with a
/// welcome that leads to itself.
pub(crate) static CATALOGS: LazyLock<Vec<Arc<Catalog>>> = LazyLock::new(|| {
    let welcome = ProgramName::parse("welcome").unwrap();
    let news = testing::news(berlin("2026-04-20 10:00"));
    // Whoever works by this one has not heard of the broadcast yet.
    let mut gone = testing::catalog();
    gone.programs.remove(&welcome);
    let mut shorter = testing::catalog_with(&news);
    shorter.programs.get_mut(&welcome).unwrap().steps.retain(|step| step.id.as_str() != "link");
    let mut round = testing::catalog_with(&BroadcastFiles { is_stopped: true, ..news.clone() });
    round.programs.get_mut(&welcome).unwrap().then = welcome.clone();
    [testing::catalog_with(&news), gone, shorter, round].into_iter().map(Arc::new).collect()
});

#[derive(Debug, Clone)]
pub(crate) struct Sender {
    email: bool,
    phone: bool,
    mail: Permission,
    calls: Permission,
    junk: bool,
    channel: Channel,
    intent: Intent,
    entry: Entry,
    company: Option<&'static str>,
    /// In so many days they want to be asked again.
    revisit_in_days: Option<i64>,
}

impl Sender {
    /// Somebody who sends a form.
    pub(crate) fn form(phone: bool) -> Self {
        let (mail, calls) = (Permission::Allowed, Permission::Allowed);
        let (channel, intent, entry) = (Channel::Form, Intent::Inquiry, Entry::Welcome);
        let (company, revisit_in_days) = (None, None);
        Self { email: true, phone, mail, calls, junk: false, channel, intent, entry, company, revisit_in_days }
    }
}

/// What happens next.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Submits(Sender),
    /// Time goes by, and somebody asks.
    Hours(i64),
    /// Somebody asks when there is something to do.
    NextWake,
    /// The mail that is due is marked; its worker lives to tell how it ended, or does not.
    Sends(Option<SendOutcome>),
    Unwritable,
    /// A worker tells late how the nth mail from the end went.
    EndsLate(usize, SendOutcome),
    /// SES tells of the nth mail from the end.
    Hears(usize, MailEventKind),
    Unsubscribes,
    Reviews(usize, ReviewVerdict),
    /// A mail comes in.
    Writes(Kind, Attribution),
    /// The person gives a sign, perhaps about something.
    Signals(SignalKind, Option<&'static str>),
    /// Somebody moves the lead to the nth step of what goes by its program's name now.
    Migrates(usize),
    EndsProgram,
    /// An operator sends the lead into the nth program, or into none of those; anew, if it is in it; else out.
    Directs(Option<(usize, bool)>),
    Redeploys(usize),
    /// An operator pauses the nth program, or lets it go on.
    Pauses(usize),
    /// Somebody sends the broadcast, perhaps again.
    Broadcasts,
    /// Whoever looks whether the lead is ready, looks.
    Evaluates,
    /// A link of the nth mail from the end is followed, by somebody or by a machine, and judged a quarter of an hour on.
    Follows(usize, By),
    /// Somebody of sales tells something: the nth rep, or a CRM, as what happened or as a status.
    Sells(usize, Outcome, bool),
    /// Somebody gives the lead to the nth rep.
    HandsTo(usize),
    /// The nth rep leaves, or comes back.
    Hires(usize),
}

/// Who follows a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Person,
    Machine,
}

impl Move {
    /// The mail that is due is sent, and SES takes it.
    pub(crate) fn sent() -> Self {
        Self::Sends(Some(SendOutcome::Accepted { message_id: "0107".to_owned() }))
    }
}

fn permission() -> impl Strategy<Value = Permission> {
    prop_oneof![4 => Just(Permission::Allowed), 1 => Just(Permission::Refused)]
}

fn sender() -> impl Strategy<Value = Sender> {
    let contact = prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))];
    let channel = prop_oneof![Just(Channel::Form), Just(Channel::Import)];
    let intent = prop_oneof![Just(Intent::HandRaise), Just(Intent::Inquiry)];
    let entry = prop_oneof![3 => Just(Entry::Welcome), 1 => Just(Entry::AfterWelcome)];
    let company = prop::option::of(prop::sample::select(vec!["Acme", " acme ", "Example Ltd"]));
    let answers = (company, prop::option::weighted(0.4, -60..400_i64));
    (contact, permission(), permission(), prop::bool::weighted(0.25), channel, intent, entry, answers).prop_map(
        |((email, phone), mail, calls, junk, channel, intent, entry, (company, revisit_in_days))| Sender {
            email,
            phone,
            mail,
            calls,
            junk,
            channel,
            intent,
            entry,
            company,
            revisit_in_days,
        },
    )
}

fn outcome() -> impl Strategy<Value = SendOutcome> {
    prop_oneof![
        4 => Just(SendOutcome::Accepted { message_id: "0107".to_owned() }),
        1 => Just(SendOutcome::Ambiguous),
        1 => Just(SendOutcome::NotYet(DeferReason::Throttled)),
        1 => Just(SendOutcome::Refused(FailReason::Rejected)),
    ]
}

/// What comes in; absences end in the past, soon, and in years.
fn mail_kind() -> impl Strategy<Value = Kind> {
    let absence = prop_oneof![
        4 => (0..1_200_i64).prop_map(|days| Absence::Until(date(2026, 1, 1) + days.days())),
        1 => Just(Absence::Open),
        1 => Just(Absence::Unsaid),
    ];
    prop_oneof![
        4 => Just(Kind::Human(Wish::Other)),
        1 => Just(Kind::Human(Wish::OptOut)),
        4 => absence.prop_map(Kind::Automatic),
        1 => prop::sample::select(vec![Kind::Report, Kind::Ours, Kind::Unsubscribe]),
    ]
}

fn attribution() -> impl Strategy<Value = Attribution> {
    prop_oneof![4 => Just(Attribution::Certain), 2 => Just(Attribution::Possible), 1 => Just(Attribution::First)]
}

pub(crate) fn next_move() -> impl Strategy<Value = Move> {
    let kind = prop_oneof![
        3 => Just(MailEventKind::Accepted),
        1 => Just(MailEventKind::BouncedForGood),
        3 => (0..10_000_i64).prop_map(|hours| MailEventKind::BouncedSoftly {
            at: berlin("2026-03-02 10:00") + SignedDuration::from_hours(hours),
        }),
        1 => Just(MailEventKind::Complained),
        1 => Just(MailEventKind::Unsubscribed),
        1 => Just(MailEventKind::Withdrawn(FailReason::ContentRefused)),
    ];
    let verdict = prop_oneof![Just(ReviewVerdict::Sent), Just(ReviewVerdict::Dropped)];
    let signal = prop::sample::select(SignalKind::ALL.to_vec());
    let topic = prop::option::of(prop::sample::select(vec!["routes", "fleet"]));
    let by = prop_oneof![Just(By::Person), Just(By::Machine)];
    prop_oneof![
        4 => sender().prop_map(Move::Submits),
        3 => (0..2_000_i64).prop_map(Move::Hours),
        10 => Just(Move::NextWake),
        10 => prop::option::weighted(0.8, outcome()).prop_map(Move::Sends),
        1 => Just(Move::Unwritable),
        2 => (0..4_usize, outcome()).prop_map(|(nth, outcome)| Move::EndsLate(nth, outcome)),
        3 => (0..4_usize, kind).prop_map(|(nth, kind)| Move::Hears(nth, kind)),
        1 => Just(Move::Unsubscribes),
        1 => (0..4_usize, verdict).prop_map(|(nth, verdict)| Move::Reviews(nth, verdict)),
        4 => (mail_kind(), attribution()).prop_map(|(kind, certainty)| Move::Writes(kind, certainty)),
        4 => (signal, topic).prop_map(|(kind, topic)| Move::Signals(kind, topic)),
        1 => (0..6_usize).prop_map(Move::Migrates),
        1 => Just(Move::EndsProgram),
        2 => prop::option::weighted(0.7, (0..4_usize, any::<bool>())).prop_map(Move::Directs),
        1 => (0..4_usize).prop_map(Move::Redeploys),
        1 => (0..2_usize).prop_map(Move::Pauses),
        3 => Just(Move::Broadcasts),
        4 => Just(Move::Evaluates),
        4 => (0..4_usize, by).prop_map(|(nth, by)| Move::Follows(nth, by)),
        6 => (0..6_usize, sold(), any::<bool>()).prop_map(|(who, outcome, is_status)| Move::Sells(who, outcome, is_status)),
        1 => (0..3_usize).prop_map(Move::HandsTo),
        1 => (0..3_usize).prop_map(Move::Hires),
    ]
}

/// What sales tells; some of it is refused.
fn sold() -> impl Strategy<Value = Outcome> {
    let start = berlin("2026-03-02 10:00");
    let soon = || (0..6_000_i64).prop_map(move |hours| start + SignedDuration::from_hours(hours));
    let day = || (0..1_200_i64).prop_map(|days| date(2026, 1, 1) + days.days());
    let attempt = prop::sample::select(vec![Attempt::NoAnswer, Attempt::LeftVoicemail, Attempt::Busy, Attempt::Wrote]);
    let fields = prop::collection::btree_set(Just(FieldName::parse("company").unwrap()), 0..2);
    let reason = prop::sample::select(TurnbackReason::ALL.to_vec());
    let back = (reason, prop::option::of(day()), fields)
        .prop_map(|(reason, date, fields)| Outcome::TurnedBack(TurnbackRequest { reason, date, fields }));
    let rest = vec![
        Outcome::Untouched,
        Outcome::Connected,
        Outcome::MeetingBooked { meet_at: None },
        Outcome::WrongPerson,
        Outcome::BadNumber,
        Outcome::DoNotCall,
        Outcome::Done,
        Outcome::Lost,
        Outcome::Resumed,
        Outcome::ExistingCustomer,
    ];
    prop_oneof![
        3 => Just(Outcome::Accepted),
        3 => attempt.prop_map(|attempt| Outcome::Attempted { attempt }),
        2 => Just(Outcome::Qualified),
        2 => Just(Outcome::Won),
        6 => back,
        2 => prop::sample::select(DisqualifyReason::OF_REPS.to_vec())
            .prop_map(|reason| Outcome::Disqualified { reason }),
        4 => prop::sample::select(rest),
        1 => soon().prop_map(|due_at| Outcome::CallBack { due_at }),
        1 => soon().prop_map(|until| Outcome::Held { until }),
        1 => day().prop_map(|on| Outcome::Revisit { on }),
    ]
}

/// The reps of these lives; the last of them is the others' manager.
const REPS: [&str; 3] = ["maria", "nils", "olga"];

fn rep(nth: usize) -> RepName {
    RepName::parse(REPS[nth % REPS.len()]).unwrap()
}

/// A catalog whose leads are sold by those who have not left.
fn selling(catalog: &Catalog, left: &BTreeSet<RepName>) -> Arc<Catalog> {
    let mut catalog = catalog.clone();
    let (route, team) = (RouteName::parse("sales").unwrap(), TeamName::parse("sales").unwrap());
    let to = Route { team: Some(team.clone()), queue: catalog.default_queue.clone() };
    catalog.routes.insert(route.clone(), to);
    catalog.handover = Handover { entry: Some(route.clone()), qualified: Some(route) };
    let hours = OfficeHours::of_window(&catalog.window, &catalog.default_zone);
    let reps = REPS.map(|name| {
        let name = RepName::parse(name).unwrap();
        let sender =
            perennial_core::catalog::Sender { name: name.to_string(), address: "rep@perennial.example".into() };
        let status = if left.contains(&name) { RepStatus::Left } else { RepStatus::Active };
        (name, Rep { sender, team: team.clone(), status, hours: None, open_max: None })
    });
    let team = (team, Team { manager: Some(rep(2)), hours });
    catalog.roster = Arc::new(Roster { reps: reps.into(), teams: [team].into() });
    Arc::new(catalog)
}

/// One lead's life, as far as it has got.
pub(crate) struct Life {
    id: LeadId,
    pub(crate) lead: Option<Lead>,
    profile: Option<Profile>,
    pub(crate) now: Timestamp,
    /// What may be deployed, one after the other.
    catalogs: Vec<Arc<Catalog>>,
    catalog: Arc<Catalog>,
    /// The first program a form leads to.
    program: ProgramName,
    /// Every attempt that was marked.
    marked: Vec<(TouchId, u32)>,
    moved: Deltas,
    submissions: u32,
    begins_at: Timestamp,
    /// Who followed the links of which mail.
    hits: Vec<(TouchId, Hit)>,
    /// Reps who are gone.
    left: BTreeSet<RepName>,
    /// All that was decided.
    pub(crate) history: Vec<(Timestamp, Event)>,
}

impl Life {
    pub(crate) fn new(catalogs: Vec<Arc<Catalog>>, program: &str) -> Self {
        Self {
            id: LeadId::of_email(&pepper(), &EmailAddress::parse("ada@example.com").unwrap()),
            lead: None,
            profile: None,
            now: berlin("2026-03-02 10:00"),
            catalog: selling(&catalogs[0], &BTreeSet::new()),
            catalogs,
            left: BTreeSet::new(),
            program: ProgramName::parse(program).unwrap(),
            marked: Vec::new(),
            moved: Deltas::default(),
            submissions: 0,
            begins_at: berlin("2026-03-02 10:00"),
            hits: Vec::new(),
            history: Vec::new(),
        }
    }

    pub(crate) fn live(&mut self, next: &Move) {
        match next {
            Move::Submits(sender) => {
                let stimulus = self.submission(sender);
                self.meet(&stimulus);
            }
            Move::Hours(hours) => {
                self.now += SignedDuration::from_hours(*hours);
                self.meet(&Stimulus::Due);
            }
            Move::NextWake => {
                let wake = self.lead.as_ref().and_then(Lead::next_action_at);
                self.now = self.now.max(wake.unwrap_or(self.now));
                self.meet(&Stimulus::Due);
            }
            Move::Sends(ending) => self.send(ending.as_ref()),
            Move::Unwritable => {
                if let Some(planned) = self.decide(&Stimulus::Due).send {
                    self.meet(&Stimulus::Unwritable { touch: planned.touch });
                }
            }
            Move::EndsLate(nth, outcome) => self.of_nth_mail(*nth, |touch, attempt| Stimulus::SendEnded {
                touch,
                attempt,
                outcome: outcome.clone(),
            }),
            Move::Hears(nth, kind) => {
                self.of_nth_mail(*nth, |touch, attempt| Stimulus::MailEvent { touch, attempt, kind: *kind });
            }
            Move::Unsubscribes => self.meet(&Stimulus::Unsubscribed),
            Move::Reviews(nth, verdict) => {
                self.of_nth_mail(*nth, |touch, _| Stimulus::Reviewed { touch, verdict: *verdict });
            }
            Move::Writes(kind, certainty) => {
                let inbox = InboxKey::parse("inbound/1").unwrap();
                let mail = ReceivedMail { inbox, certainty: *certainty, answers: None, kind: *kind };
                self.meet(&Stimulus::MailReceived(mail));
            }
            Move::Signals(kind, topic) => {
                let topic = topic.map(|topic| TopicName::parse(topic).unwrap());
                // The doors let no other one in.
                let topic = topic.filter(|topic| self.catalog.topics.contains_key(topic));
                self.meet(&Stimulus::Signalled { kind: *kind, topic });
            }
            Move::Migrates(nth) => {
                let enrolled = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref());
                let current = enrolled.and_then(|enrolment| self.catalog.programs.get(&enrolment.program));
                let there =
                    current.and_then(|program| Some((program.version.clone(), program.steps.get(*nth)?.id.clone())));
                if let Some((version, step)) = there {
                    self.meet(&Stimulus::Migrated { version, step });
                }
            }
            Move::EndsProgram => self.meet(&Stimulus::ProgramEnded),
            Move::Directs(direction) => self.direct(*direction),
            Move::Redeploys(nth) => {
                self.catalog = selling(&self.catalogs[nth % self.catalogs.len()], &self.left);
                self.meet(&Stimulus::Due);
            }
            Move::Pauses(nth) => self.pause(*nth),
            Move::Broadcasts => self.meet(&Stimulus::Offered { broadcast: ProgramName::parse("news").unwrap() }),
            Move::Evaluates => self.meet(&Stimulus::Evaluate),
            Move::Follows(nth, by) => self.follow(*nth, *by),
            Move::Sells(who, outcome, is_status) => {
                let by = if *who < REPS.len() { Party::Rep { rep: rep(*who) } } else { Party::Crm };
                let is_status = *is_status && by == Party::Crm;
                let outcome = outcome.clone();
                let told = Stimulus::Disposed { by, outcome, note: None, happened_at: None, is_status };
                self.meet(&told);
                if is_status {
                    let before = self.lead.clone();
                    self.meet(&told);
                    assert_eq!(self.lead, before, "I10: a status that stands there still says nothing new");
                }
            }
            Move::HandsTo(nth) => self.meet(&Stimulus::HandedTo { owner: Ownership::Assigned { rep: rep(*nth) } }),
            Move::Hires(nth) => {
                let name = rep(*nth);
                if !self.left.remove(&name) {
                    self.left.insert(name);
                }
                self.catalog = selling(&self.catalog, &self.left);
                self.meet(&Stimulus::Due);
            }
        }
    }

    fn pause(&mut self, nth: usize) {
        let mut catalog = (*self.catalog).clone();
        let Some(name) = catalog.programs.keys().nth(nth).cloned() else { return };
        let mut paused = (*catalog.paused).clone();
        if paused.remove(&name).is_none() {
            paused.insert(name, self.now);
        }
        catalog.paused = Arc::new(paused);
        self.catalog = Arc::new(catalog);
        self.meet(&Stimulus::Due);
    }

    /// Whatever is paused goes on: a program that stays paused is looked at every few hours for ever.
    pub(crate) fn resume_programs(&mut self) {
        let paused = Arc::default();
        self.catalog = Arc::new(Catalog { paused, ..(*self.catalog).clone() });
    }

    /// Whoever is refused stays as they are; whoever is not is where they were sent, or was given on from there.
    fn direct(&mut self, direction: Option<(usize, bool)>) {
        let direction = match direction {
            None => Direction::Out,
            Some((nth, anew)) => {
                let unknown = ProgramName::parse("unheard-of").unwrap();
                let name = self.catalog.programs.keys().nth(nth).unwrap_or(&unknown).clone();
                if anew { Direction::Anew(name) } else { Direction::Into(name) }
            }
        };
        let view =
            View { lead: self.lead.as_ref(), profile: self.profile.as_ref(), catalog: &self.catalog, loads: None };
        let refused = misdirection(&view, &direction, self.now);
        let before = self.history.len();
        let (by, note) = (Party::Operator, None);
        self.meet(&Stimulus::Directed { by, direction: direction.clone(), note });
        let is_told = |program: Option<&ProgramName>| {
            let events = self.history[before..].iter().map(|(_, event)| event);
            let mut told =
                events.filter(|event| matches!(event, Event::Directed { program: it, .. } if it.as_ref() == program));
            told.next().is_some()
        };
        assert_eq!(is_told(direction.program()), refused.is_none(), "{refused:?}");
        if let (None, Some(program)) = (refused, direction.program()) {
            let started = self.history[before..]
                .iter()
                .any(|(_, event)| matches!(event, Event::EnrolmentStarted { program: it, .. } if it == program));
            assert!(started, "nobody started {program}");
        }
    }

    /// Somebody erases the person.
    pub(crate) fn erase(&mut self) {
        self.meet(&Stimulus::EraseRequested);
    }

    fn submission(&mut self, sender: &Sender) -> Stimulus {
        self.submissions += 1;
        let form = FormName::parse("contact").unwrap();
        let submission = Submission {
            id: SubmissionId::derive(&pepper(), &form, &self.submissions.to_string()),
            channel: sender.channel,
            form,
            intent: sender.intent,
            program: self.program.clone(),
            entry: sender.entry,
            received_at: self.now,
            email: sender.email.then(|| EmailAddress::parse("ada@example.com").unwrap()),
            phone: sender.phone.then(|| PhoneNumber::parse("+49301234567").unwrap()),
            fields: self.answers(sender),
            source: Source::default(),
            zone: None,
            mail: sender.mail,
            calls: sender.calls,
            consent: None,
            language: None,
            junk: if sender.junk { vec![JunkReason::Honeypot] } else { Vec::new() },
            flags: Vec::new(),
        };
        Stimulus::Submitted { lead: self.id.clone(), submission: Box::new(submission) }
    }

    /// What the sender says, as far as the catalog asks for it.
    fn answers(&self, sender: &Sender) -> BTreeMap<FieldName, String> {
        let date = |days: i64| (self.now + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC).date();
        let company = sender.company.map(str::to_owned);
        let revisit_at = sender.revisit_in_days.map(|days| date(days).to_string());
        let answers = [("company", company), ("revisit_at", revisit_at)];
        let given = answers.into_iter().filter_map(|(name, answer)| Some((FieldName::parse(name).unwrap(), answer?)));
        given.filter(|(name, _)| self.catalog.fields.contains_key(name)).collect()
    }

    /// Whether something holds for the lead now; nothing before it is there.
    pub(crate) fn holds(&self, condition: &Condition) -> Option<bool> {
        let lead = self.lead.as_ref()?;
        Some(condition.holds(&Facts { lead, profile: self.profile.as_ref(), now: self.now, since: None }))
    }

    fn of_nth_mail(&mut self, nth: usize, stimulus: impl Fn(TouchId, u32) -> Stimulus) {
        if let Some((touch, attempt)) = self.marked.iter().rev().nth(nth).cloned() {
            self.meet(&stimulus(touch, attempt));
        }
    }

    /// What a machine follows is no sign of anybody (I11).
    fn follow(&mut self, nth: usize, by: By) {
        let Some((touch, attempt)) = self.marked.iter().rev().nth(nth).cloned() else { return };
        let target = if by == By::Machine { Target::Trap } else { Target::Link(0) };
        let network = Network::of_hash(format!("{by:?}"));
        let hit = Hit { at: self.now, target, network, agent: Agent::Browser, manner: Manner::Get };
        self.hits.push((touch.clone(), hit));
        let mailing = Mailing { sent_at: self.begins_at, links: 3, class: TouchClass::Nurture };
        let until = self.now + SignedDuration::from_mins(2);
        let signs = |life: &Self| life.lead.as_ref().map(|lead| (lead.signals.clone(), lead.cycle.signs));
        let before = signs(self);
        self.meet(&Stimulus::LinkFollowed { touch: touch.clone(), attempt, mailing, topic: None, until });
        self.now += SignedDuration::from_mins(15);
        let of_touch = self.hits.iter().filter(|(of, _)| *of == touch);
        let hits = of_touch.map(|(_, hit)| hit.clone()).collect();
        self.meet(&Stimulus::HitsGathered { touch, hits });
        if let (By::Machine, Some((signals, count))) = (by, signs(self)) {
            let (known, counted) = before.unwrap_or_default();
            assert!(
                count <= counted && signals.keys().all(|kind| known.contains_key(kind)),
                "I11: a machine was heard"
            );
        }
    }

    fn send(&mut self, ending: Option<&SendOutcome>) {
        let Some(planned) = self.decide(&Stimulus::Due).send else { return };
        assert!(!self.catalog.paused.contains_key(&planned.touch.program), "its program is paused");
        let lead = self.lead.as_mut().unwrap();
        assert_eq!(lead.email, EmailReach::Ok, "I8: no mail to a suppressed address");
        assert_eq!(lead.soft_until, None, "no mail to an address that rests");
        assert_eq!(lead.sending, None, "one mail in flight");
        let handed_over = (planned.touch.clone(), planned.attempt);
        assert!(!self.marked.contains(&handed_over), "each attempt is marked once");
        self.marked.push(handed_over);
        let (touch, attempt) = (planned.touch, planned.attempt);
        lead.sending = Some(Sending { touch: touch.clone(), attempt, lease_until: self.now + LEASE });
        if let Some(outcome) = ending.cloned() {
            self.meet(&Stimulus::SendEnded { touch, attempt, outcome });
        }
    }

    fn decide(&self, stimulus: &Stimulus) -> Decision {
        let view =
            View { lead: self.lead.as_ref(), profile: self.profile.as_ref(), catalog: &self.catalog, loads: None };
        decide(&view, stimulus, self.now)
    }

    /// What is known of the person.
    pub(crate) fn profile(&self) -> &Profile {
        self.profile.as_ref().unwrap()
    }

    /// When somebody must look again; a worker that has a mail in hand is waited for.
    pub(crate) fn wakes_at(&self) -> Option<Timestamp> {
        self.decide(&Stimulus::Due).wake_at
    }

    /// Decides, commits, and looks at all that must hold.
    fn meet(&mut self, stimulus: &Stimulus) {
        let before = self.lead.clone();
        let decision = self.decide(stimulus);
        assert_eq!(decision, self.decide(stimulus), "the same arguments, another answer");
        assert!(decision.send.is_none() || decision.events.is_empty(), "what was decided is committed first");
        let replayed = decision.events.iter().fold(before.clone(), |lead, event| apply(lead, event, self.now));
        assert_eq!(decision.lead, replayed, "the events explain the lead");

        self.history.extend(decision.events.iter().map(|event| (self.now, event.clone())));
        let deltas = Deltas::between(before.as_ref(), decision.lead.as_ref());
        assert_eq!(deltas.sum(), 0, "I6: a commit's moves sum to zero");
        self.moved.add(&deltas);
        self.assert_of_the_table(before.as_ref(), &decision.events);
        self.lead = decision.lead;
        self.profile = decision.profile.or(self.profile.take());
        self.assert_conserved();
        self.assert_sold();
        self.assert_alive();
        self.assert_settled(&decision.events);
        self.assert_explained();
        self.assert_broadcast_once();

        // A program that follows itself at once would be ended again. A submission, and a mail that came in, are told
        // from others by what is committed with them.
        // What sales tells has a key of its own at the door. What an operator does by hand is done each time that they do
        // it: a program may be over as soon as it was entered. (Whoever is still in it stays as they are.)
        let is_once_by_itself = !matches!(
            stimulus,
            Stimulus::Submitted { .. }
                | Stimulus::MailReceived(_)
                | Stimulus::ProgramEnded
                | Stimulus::Directed { .. }
                | Stimulus::Disposed { .. }
        );
        if is_once_by_itself {
            assert_eq!(self.decide(stimulus).events, [], "I10: delivered twice, it changes nothing more");
        }
    }

    /// A broadcast goes out once in a life, whoever offers it how often, and not once it is over.
    fn assert_broadcast_once(&self) {
        let sent = self.history.iter().filter_map(|(_, event)| match event {
            Event::TouchSent { touch, .. } if touch.ordinal == 0 && touch.step.as_str() == MAIL => Some(touch),
            _ => None,
        });
        let sent: Vec<&TouchId> = sent.collect();
        assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len(), "{sent:?}");
    }

    /// History explains every point: what it shows adds up to the score, and what it does not show is rounding.
    fn assert_explained(&self) {
        let Some(lead) = &self.lead else { return };
        let facts = Facts { lead, profile: self.profile.as_ref(), now: self.now, since: None };
        let explanation = explain(&self.catalog, &facts, self.history.iter().map(|(_, event)| event));
        let shown: Points = explanation.lines(&TimeZone::UTC).iter().map(|line| line.points).sum();
        assert_eq!(shown, explanation.total, "{explanation}");
        let signs = explanation.signs.len() + explanation.faded + explanation.taken_back + 1;
        let rounded = explanation.rounding.thousandths().unsigned_abs();
        assert!(rounded <= 52 * u64::try_from(signs).unwrap(), "{explanation}");
    }

    /// I6: every prefix of history balances.
    fn assert_conserved(&self) {
        let Some(lead) = &self.lead else { return };
        assert_eq!(self.moved.sum(), 0);
        assert_eq!(self.moved.at(Place::Outside), -1);
        for stage in LifecycleStage::ALL {
            assert_eq!(self.moved.at(Place::Stage(stage)), i64::from(lead.stage == stage), "{stage:?}");
        }
    }

    /// I5, I11: a stage is left by a row of the table and no other way, with a reason where it goes back; and nobody
    /// is handed to sales without a sign of the person, or a word of somebody of sales.
    fn assert_of_the_table(&self, before: Option<&Lead>, events: &[Event]) {
        let mut lead = before.cloned();
        let mut reason = None;
        for event in events {
            let after = apply(lead.clone(), event, self.now);
            let (from, to) = (lead.as_ref().map(|lead| lead.stage), after.as_ref().map(|lead| lead.stage));
            if let Event::TurnedBack { reason: why, .. } = event {
                assert!(Row::of(lead.as_ref(), event).is_some(), "I5: no row gives a lead back from {from:?}");
                reason = Some(*why);
            }
            let has_row = match event {
                Event::Recycled => reason.is_some(),
                // Nobody came in: an address is kept that must not be mailed.
                Event::AddressListed { .. } => true,
                _ => Row::of(lead.as_ref(), event).is_some(),
            };
            assert!(from == to || has_row, "no row leads from {from:?} to {to:?}: {event:?}");
            if let Event::Qualified { cause, .. } | Event::Requalified { cause, .. } = event {
                let turnback = lead.as_ref().and_then(|lead| lead.turnback.as_ref());
                let has_sign = turnback.map_or_else(
                    || after.as_ref().is_some_and(|lead| !lead.signals.is_empty()),
                    |turnback| !turnback.days.is_empty(),
                );
                assert!(
                    has_sign || *cause == QualifyCause::RepManual,
                    "I11: nobody was there since, and sales is told"
                );
            }
            if let (Event::Requalified { by_score: true, .. }, Some(after)) = (event, &after) {
                let year = SignedDuration::from_hours(365 * 24);
                let since = after.requalified.iter().filter(|at| self.now.duration_since(**at) < year).count();
                let before = self.history.iter().filter(|(at, event)| {
                    matches!(event, Event::Requalified { by_score: true, .. }) && self.now.duration_since(*at) < year
                });
                assert!(since <= 3 && before.count() <= 3, "three times a year by score, and no more");
            }
            lead = after;
        }
    }

    /// I3, I7: a stage of sales has a clock that ends, and whoever has left owns nothing.
    fn assert_sold(&self) {
        let Some(lead) = &self.lead else { return };
        let is_sold = matches!(lead.stage, LifecycleStage::Mql | LifecycleStage::Sal | LifecycleStage::Sql);
        assert_eq!(lead.sla.is_some(), is_sold, "I3: {:?} and its clock", lead.stage);
        if let Some(clock) = &lead.sla {
            assert!(clock.next_at <= clock.ends_at && clock.ends_at > self.now, "I3: {clock:?} at {}", self.now);
            assert!(clock.ends_at <= self.now + PULSE_AHEAD_MAX);
        }
        assert_eq!(lead.turnback.is_some(), lead.stage == LifecycleStage::Recycled, "{:?}", lead.turnback);
        let owner = lead.rep().filter(|_| lead.stage.kind() != StageKind::Terminal);
        assert!(owner.is_none_or(|rep| !self.left.contains(rep)), "I7: {owner:?} has left");
    }

    /// I1, I2, I4, I7.
    fn assert_alive(&self) {
        let Some(lead) = &self.lead else { return };
        match lead.stage {
            LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled => {
                assert!(lead.owner.is_some(), "I7: an owner always");
                assert!(lead.enrolment.is_some(), "I4: somebody is in no program");
            }
            LifecycleStage::Quarantined | LifecycleStage::Disqualified => assert!(lead.stage_until.is_some()),
            LifecycleStage::JunkPurged => {}
            LifecycleStage::Erased => {
                assert!(lead.enrolment.is_none() && lead.signals.is_empty() && lead.consent.is_none());
            }
            LifecycleStage::Received => panic!("I1: nobody stays at the door"),
        }
        match lead.next_action_at() {
            Some(pulse) => assert!(pulse <= self.now + PULSE_AHEAD_MAX, "I2: {pulse} is too far ahead"),
            None => assert_eq!(lead.stage.kind(), StageKind::Terminal, "I2: no pulse"),
        }
    }

    /// Nothing that is due is left, but for a mail, or for more than one decision settles.
    fn assert_settled(&self, events: &[Event]) {
        let next = self.decide(&Stimulus::Due);
        let wakes_later = next.wake_at.is_none_or(|at| at > self.now);
        assert!(wakes_later || next.send.is_some() || events.len() >= 32, "something due was left: {:?}", self.lead);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_life_of_a_lead_keeps_the_invariants(moves in prop::collection::vec(next_move(), 1..60)) {
        let mut life = Life::new(CATALOGS.clone(), "welcome");
        for next in &moves {
            life.live(next);
        }
    }
}
