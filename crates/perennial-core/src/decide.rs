//! The decision: who is touched when, and that no one is lost.
//!
//! **Invariants:** [`decide`] never fails, blocks, or reads anything but its arguments; the same
//! arguments give the same answer; with nothing due it answers nothing, so it may be asked as often as
//! anyone likes. Only what it decides changes a lead.

mod broadcast;
mod clicks;
mod consent;
mod direct;
mod gate;
mod ladder;
mod replies;
mod score;
mod selling;
mod walk;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::actor::{Hit, Mailing};
use crate::catalog::Catalog;
use crate::condition::{Facts, SignalKind};
use crate::consent::{ConsentText, Preferences, opt_in_touch};
use crate::content::MailId;
use crate::event::{DeferReason, DisqualifyReason, Event, FailReason, ProgramExit, SendProof, SkipReason, apply};
use crate::ids::{FieldName, FormName, Language, LeadId, ProgramName, StepId, TopicName, TouchId};
use crate::inbound::{Attribution, InboxKey, Kind};
use crate::lead::{
    Doubt, EmailReach, Enrolment, Lead, LifecycleStage, Ownership, PULSE_AHEAD_MAX, PhoneReach, Reach, SoftBounce,
    StageKind, TaskKind,
};
use crate::profile::Note;
use crate::profile::{Answers, Profile};
use crate::program::{Mail, Program, ProgramVersion, Step, TouchClass, Voice};
use crate::questions;
use crate::roster::Loads;
use crate::sales::{Outcome, Party, Trigger};
use crate::submission::{Channel, Entry, Intent, Permission, Submission};

pub use broadcast::offer;
pub use direct::{Direction, Misdirection, misdirection};
pub use selling::{is_overtaken, refusal};

/// How long junk is kept before it is purged (DOMAIN.md §3).
pub const QUARANTINE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long an unanswered send waits for a proof before a person must look (TRUST.md §2.6).
pub const PROOF_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// How long the owner has for a human touch that stands in for a mail.
pub const STAND_IN_DUE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// The longest pause between two attempts at the same touch.
const BACKOFF_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Most things one decision settles before it is committed; what is left stays due.
const SETTLED_PER_DECISION_MAX: usize = 32;

/// What a decision is made on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The lead, if its id is known.
    pub lead: Option<&'a Lead>,
    /// Its profile, if its id is known.
    pub profile: Option<&'a Profile>,
    /// What the deployment declares.
    pub catalog: &'a Catalog,
    /// How many leads wait for each rep, where that was looked up.
    pub loads: Option<&'a Loads>,
}

/// What a decision answers to.
#[derive(Debug, Clone)]
pub enum Stimulus {
    /// Somebody sent a form, or stands on a list.
    Submitted {
        /// The lead the submission belongs to.
        lead: LeadId,
        /// What was submitted.
        submission: Box<Submission>,
    },
    /// The clock moved.
    Due,
    /// `SendEmail` ended.
    SendEnded {
        /// The touch.
        touch: TouchId,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        outcome: SendOutcome,
    },
    /// The mail of a touch that is due cannot be written for this lead. Nothing was marked.
    Unwritable {
        /// The touch.
        touch: TouchId,
    },
    /// The mail of a touch that is due is held back, with all of its sender's. Nothing was marked.
    Held {
        /// The touch.
        touch: TouchId,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// SES tells what became of a mail.
    MailEvent {
        /// The touch in its tags.
        touch: TouchId,
        /// The attempt in its tags.
        attempt: u32,
        /// What became of it.
        kind: MailEventKind,
    },
    /// The person asks not to be mailed.
    Unsubscribed,
    /// A list says why mail may not go to an address.
    Suppressed {
        /// The lead, or whoever will be it.
        lead: LeadId,
        /// Why.
        cause: EmailReach,
    },
    /// The person confirms that they want mail.
    OptedIn {
        /// What they read.
        text: Option<ConsentText>,
    },
    /// The person says what they want to get.
    Preferred {
        /// What.
        preferences: Preferences,
        /// The language that they read, where they said so.
        language: Option<Language>,
    },
    /// The person answers questions.
    Answered {
        /// What they say.
        answers: Answers,
    },
    /// Everything known of the person is to go.
    EraseRequested,
    /// A link of a mail was followed, by whomever.
    LinkFollowed {
        /// The mail's touch.
        touch: TouchId,
        /// Which attempt.
        attempt: u32,
        /// What is known of the mail.
        mailing: Mailing,
        /// What it is about.
        topic: Option<TopicName>,
        /// When the hit can be judged, as far as is known now.
        until: Timestamp,
    },
    /// All hits of a mail whose quarantine is over.
    HitsGathered {
        /// The mail's touch.
        touch: TouchId,
        /// The hits, in any order.
        hits: Vec<Hit>,
    },
    /// A mail came in.
    MailReceived(ReceivedMail),
    /// The person gave a sign, elsewhere than in a form.
    Signalled {
        /// Which.
        kind: SignalKind,
        /// What it was about, where that is known.
        topic: Option<TopicName>,
    },
    /// Somebody moves the lead to another version of its program.
    Migrated {
        /// The version.
        version: ProgramVersion,
        /// The step of it that the lead waits for from now on.
        step: StepId,
    },
    /// Somebody ends the lead's program: what follows it begins.
    ProgramEnded,
    /// Somebody sends the lead into a program, or out of the one that it is in, by hand.
    Directed {
        /// Who.
        by: Party,
        /// Where.
        direction: Direction,
        /// What they have to say to it.
        note: Option<Note>,
    },
    /// A person looked at a lead in quarantine, and lets it in.
    Released {
        /// The form it came by: it is nurtured as that says.
        form: FormName,
    },
    /// A person looked at a lead in quarantine: it is junk.
    Condemned,
    /// It is to be looked at whether the lead is ready for sales.
    Evaluate,
    /// Sales tells what it did.
    Disposed {
        /// Who.
        by: Party,
        /// What.
        outcome: Outcome,
        /// What they have to say to it.
        note: Option<Note>,
        /// When it happened, where that is told: what is known of later stands.
        happened_at: Option<Timestamp>,
        /// Whether it is a status that stands in a CRM, which it may tell again and again, and nothing that happened.
        is_status: bool,
    },
    /// Somebody of sales writes a note.
    Noted {
        /// Who.
        by: Party,
        /// What.
        note: Note,
    },
    /// Somebody gives the lead to somebody.
    HandedTo {
        /// Whom.
        owner: Ownership,
    },
    /// The lead is offered a broadcast of the catalog.
    Offered {
        /// Which.
        broadcast: ProgramName,
    },
    /// A person looked at a touch on the review list.
    Reviewed {
        /// The touch.
        touch: TouchId,
        /// What they say.
        verdict: ReviewVerdict,
    },
}

impl Stimulus {
    /// Its name, as history keeps it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::Due => "due",
            Self::SendEnded { .. } => "send_ended",
            Self::Unwritable { .. } => "unwritable",
            Self::Held { .. } => "held",
            Self::MailEvent { .. } => "mail_event",
            Self::Unsubscribed => "unsubscribed",
            Self::Suppressed { .. } => "suppressed",
            Self::OptedIn { .. } => "opted_in",
            Self::Preferred { .. } => "preferred",
            Self::Answered { .. } => "answered",
            Self::EraseRequested => "erase_requested",
            Self::LinkFollowed { .. } => "link_followed",
            Self::HitsGathered { .. } => "hits_gathered",
            Self::MailReceived(_) => "mail_received",
            Self::Signalled { .. } => "signalled",
            Self::Migrated { .. } => "migrated",
            Self::ProgramEnded => "program_ended",
            Self::Directed { .. } => "directed",
            Self::Released { .. } => "released",
            Self::Condemned => "condemned",
            Self::Evaluate => "evaluate",
            Self::Disposed { .. } => "disposed",
            Self::Noted { .. } => "noted",
            Self::HandedTo { .. } => "handed_to",
            Self::Offered { .. } => "offered",
            Self::Reviewed { .. } => "reviewed",
        }
    }
}

/// A mail that came in, as far as a decision cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Where the inbox keeps it.
    pub inbox: InboxKey,
    /// How sure it is that it is the lead's.
    pub certainty: Attribution,
    /// The touch that it answers, where that is known.
    pub answers: Option<TouchId>,
    /// What it is.
    pub kind: Kind,
}

/// How an attempt to hand a mail to SES ended (TRUST.md §2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// SES has it, and calls it so.
    Accepted {
        /// The id that SES gave it.
        message_id: String,
    },
    /// SES will never take it.
    Refused(FailReason),
    /// Nothing was handed over; it may be tried again.
    NotYet(DeferReason),
    /// It may or may not have been handed over.
    Ambiguous,
}

/// What SES tells of a mail that matters to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailEventKind {
    /// SES took it.
    Accepted,
    /// The address does not exist.
    BouncedForGood,
    /// The address may work again.
    BouncedSoftly {
        /// When it came back.
        at: Timestamp,
    },
    /// The person complained.
    Complained,
    /// The person unsubscribed by SES's own means.
    Unsubscribed,
    /// SES did not send it after all.
    Withdrawn(FailReason),
}

/// What a person says of a touch on the review list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewVerdict {
    /// It went out.
    Sent,
    /// It did not, and is not to be sent any more.
    Dropped,
}

/// A touch that is to be handed to SES now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTouch {
    /// Which.
    pub touch: TouchId,
    /// Which attempt, counted from 1.
    pub attempt: u32,
    /// Whose voice.
    pub voice: Voice,
    /// Whether it may go out in time that others wait in.
    pub class: TouchClass,
    /// What it says.
    pub mail: MailId,
    /// What it asks for.
    pub asked: Vec<FieldName>,
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// What happened, in order: committed together.
    pub events: Vec<Event>,
    /// The lead after them; as it was where there are none.
    pub lead: Option<Lead>,
    /// The profile, where it changed.
    pub profile: Option<Profile>,
    /// The mail to hand over. Only ever alone: a decision with events commits them first and asks again.
    pub send: Option<PlannedTouch>,
    /// When to ask again.
    pub wake_at: Option<Timestamp>,
}

/// Decides what a stimulus means for a lead.
pub fn decide(view: &View<'_>, stimulus: &Stimulus, now: Timestamp) -> Decision {
    let profile = match (stimulus, view.profile) {
        (Stimulus::Submitted { submission, .. }, None) => Some(Profile::of(submission)),
        // Junk is kept with its submission and says nothing of the person whose address it used.
        (Stimulus::Submitted { submission, .. }, Some(known)) if !submission.is_junk() => {
            Some(known.merge(submission)).filter(|merged| merged != known)
        }
        (Stimulus::Answered { answers }, Some(known)) if can_answer(view.lead) => {
            let taken = questions::taken(view.catalog, Some(known), answers, now);
            (!taken.0.is_empty()).then(|| known.answered(&taken, now))
        }
        (Stimulus::Disposed { by, outcome, note, happened_at, .. }, Some(known))
            if refusal(view, by, outcome, now).is_none() && !is_overtaken(view.lead, outcome, *happened_at) =>
        {
            selling::told(view, known, outcome, note.as_ref(), now)
        }
        (Stimulus::Directed { direction, note: Some(note), .. }, Some(known))
            if misdirection(view, direction, now).is_none() =>
        {
            Some(known.noted(note))
        }
        (Stimulus::Noted { note, .. }, Some(known)) if can_answer(view.lead) => Some(known.noted(note)),
        (Stimulus::EraseRequested, Some(_)) | (Stimulus::Suppressed { .. }, None) => Some(Profile::blank(now)),
        _ => None,
    };
    let mut draft = Draft {
        catalog: view.catalog,
        loads: view.loads,
        now,
        lead: view.lead.cloned(),
        profile: profile.as_ref().or(view.profile),
        events: Vec::new(),
        send: None,
    };
    let before = view.lead.map(|lead| Facts { lead, profile: view.profile, now, since: None });
    draft.respond(stimulus, before.as_ref());
    draft.move_window(view.profile);
    draft.score(view.lead);
    draft.ask_whether_ready(view.lead);
    draft.settle_due();
    let wake_at = draft.wake_at();
    Decision { events: draft.events, lead: draft.lead, send: draft.send, wake_at, profile }
}

/// A decision being made: each event is applied as it is recorded, so the next question sees its effect.
struct Draft<'a> {
    catalog: &'a Catalog,
    loads: Option<&'a Loads>,
    now: Timestamp,
    lead: Option<Lead>,
    /// What is known of the person, with what this stimulus tells.
    profile: Option<&'a Profile>,
    events: Vec<Event>,
    send: Option<PlannedTouch>,
}

/// Whether a due thing left something to do in the same decision.
enum Due {
    Settled,
    Nothing,
}

impl<'a> Draft<'a> {
    fn respond(&mut self, stimulus: &Stimulus, before: Option<&Facts<'_>>) {
        match stimulus {
            Stimulus::Submitted { lead, submission } => self.submitted(lead, submission, before),
            Stimulus::Due => {}
            Stimulus::SendEnded { touch, attempt, outcome } => self.send_ended(touch, *attempt, outcome),
            Stimulus::Unwritable { touch } => self.unwritable(touch),
            Stimulus::Held { touch, until } => self.held(touch, *until),
            Stimulus::MailEvent { touch, attempt, kind } => self.mail_event(touch, *attempt, *kind),
            Stimulus::Unsubscribed => self.suppress(EmailReach::Unsubscribed),
            Stimulus::Suppressed { lead, cause } => self.listed(lead, *cause),
            Stimulus::OptedIn { text } => self.opted_in(text.clone()),
            Stimulus::Preferred { preferences, language } => self.preferred(preferences, language.clone()),
            Stimulus::Answered { answers } => self.answered(answers, before),
            Stimulus::EraseRequested => self.erase(),
            Stimulus::LinkFollowed { touch, attempt, mailing, topic, until } => {
                self.link_followed(touch, *attempt, mailing, topic.as_ref(), *until);
            }
            Stimulus::HitsGathered { touch, hits } => self.hits_gathered(touch, hits, before),
            Stimulus::MailReceived(mail) => self.mail_received(mail, before),
            Stimulus::Signalled { kind, topic } => self.signalled(*kind, topic.clone(), before),
            Stimulus::Migrated { version, step } => self.migrate(version, step),
            Stimulus::ProgramEnded => self.end_program(),
            Stimulus::Directed { by, direction, note } => self.direct(by, direction, note.as_ref()),
            Stimulus::Released { form } => self.released(form),
            Stimulus::Condemned => self.condemned(),
            Stimulus::Evaluate => self.evaluate(),
            Stimulus::Disposed { by, outcome, note, happened_at, is_status } => {
                self.dispose(by, outcome, note.as_ref(), *happened_at, *is_status, before);
            }
            Stimulus::Noted { by, .. } => self.noted(by),
            Stimulus::HandedTo { owner } => self.handed_to(owner),
            Stimulus::Offered { broadcast } => self.offered(broadcast),
            Stimulus::Reviewed { touch, verdict } => self.reviewed(touch, *verdict),
        }
    }

    fn record(&mut self, event: Event) {
        self.lead = apply(self.lead.take(), &event, self.now);
        self.events.push(event);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let lead = self.lead.as_ref()?;
        match &lead.sending {
            // While a worker may be alive, there is nothing to come back for.
            Some(sending) if sending.lease_until > self.now => Some(sending.lease_until),
            Some(_) | None => lead.next_action_at(),
        }
    }

    // --- Submissions and signs ---------------------------------------------------------------

    fn submitted(&mut self, id: &LeadId, submission: &Submission, before: Option<&Facts<'_>>) {
        let standing = self.lead.as_ref().map(|lead| lead.stage);
        match standing {
            None | Some(LifecycleStage::JunkPurged) => self.receive(id, submission),
            Some(LifecycleStage::Erased) => self.receive_again(id, submission),
            Some(
                stage @ (LifecycleStage::Received
                | LifecycleStage::Quarantined
                | LifecycleStage::Inquiry
                | LifecycleStage::Mql
                | LifecycleStage::Sal
                | LifecycleStage::Sql
                | LifecycleStage::Customer
                | LifecycleStage::Recycled
                | LifecycleStage::Disqualified),
            ) => self.merge(stage, submission, before),
        }
    }

    fn receive(&mut self, id: &LeadId, submission: &Submission) {
        let life = self.lead.as_ref().map_or(1, |old| old.life.saturating_add(1));
        self.record(Event::Received {
            lead: id.clone(),
            life,
            channel: submission.channel,
            form: submission.form.clone(),
            intent: submission.intent,
            received_at: submission.received_at,
            email: email_reach(submission),
            phone: phone_reach(submission),
            flags: submission.flags.clone(),
            zone: submission.zone.clone(),
            language: submission.language.clone(),
        });
        if submission.is_junk() {
            self.record(Event::Quarantined { reasons: submission.junk.clone(), until: self.now + QUARANTINE });
        } else {
            self.record(Event::Admitted);
            self.agrees(submission);
            self.nurture_as_asked(submission);
        }
    }

    fn merge(&mut self, stage: LifecycleStage, submission: &Submission, before: Option<&Facts<'_>>) {
        let Some(lead) = &self.lead else { return };
        let told = if submission.is_junk() { lead.phone } else { phone_reach(submission) };
        let phone = match (lead.phone, told) {
            (PhoneReach::DoNotCall, _) | (_, PhoneReach::DoNotCall) => PhoneReach::DoNotCall,
            // A number that is told anew may be another one.
            (PhoneReach::Ok, _) | (_, PhoneReach::Ok) => PhoneReach::Ok,
            (PhoneReach::Bad, _) | (_, PhoneReach::Bad) => PhoneReach::Bad,
            (PhoneReach::Missing, PhoneReach::Missing) => PhoneReach::Missing,
        };
        let junk = if submission.is_junk() { submission.junk.clone() } else { Vec::new() };
        let zone = submission.zone.clone().filter(|_| junk.is_empty()).or_else(|| lead.zone.clone());
        let known = before.and_then(|before| before.profile);
        let answered = if junk.is_empty() { self.answered_since(known) } else { BTreeSet::new() };
        self.record(Event::SubmissionMerged {
            channel: submission.channel,
            form: submission.form.clone(),
            intent: submission.intent,
            junk,
            phone,
            zone,
            answered,
        });
        if submission.mail == Permission::Refused {
            self.suppress(EmailReach::DoNotEmail);
        }
        if submission.is_junk() {
            return;
        }
        let email = self.lead.as_ref().map(|lead| lead.email);
        self.agrees(submission);
        let is_renewed = email == Some(EmailReach::NoConsent) && self.lead.as_ref().map(|lead| lead.email) != email;
        match stage {
            LifecycleStage::Quarantined => {
                self.record(Event::Released);
                self.nurture_as_asked(submission);
            }
            LifecycleStage::Disqualified => {
                // What sales found out of the person holds whatever they agree to; that they ask for sales does not wait.
                let is_sales_word = self.lead.as_ref().is_some_and(|lead| lead.disqualified.is_some());
                if (submission.intent == Intent::HandRaise || (is_renewed && !is_sales_word)) && self.reopen() {
                    self.nurture_as_asked(submission);
                }
            }
            LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled => {
                if !self.claim(before) {
                    self.hear(&signals_of(submission.channel, submission.intent));
                }
            }
            LifecycleStage::Received | LifecycleStage::JunkPurged | LifecycleStage::Erased => {}
        }
    }

    /// The fields that have another answer than they had.
    fn answered_since(&self, known: Option<&Profile>) -> BTreeSet<FieldName> {
        let (Some(now), Some(known)) = (self.profile, known) else { return BTreeSet::new() };
        let changed = now.fields.iter().filter(|(field, answer)| known.fields.get(*field) != Some(*answer));
        changed.map(|(field, _)| field.clone()).collect()
    }

    /// A sign of the person that came in another way than by a form.
    fn signalled(&mut self, kind: SignalKind, topic: Option<TopicName>, before: Option<&Facts<'_>>) {
        let Some(lead) = &self.lead else { return };
        let stage = lead.stage;
        let is_known = lead.signals.get(&kind) == Some(&self.now) && (topic.is_none() || topic == lead.topic);
        if is_known || stage.kind() == StageKind::Terminal {
            return;
        }
        self.record(Event::Signalled { kind, topic });
        self.heed(stage, kind, before);
    }

    /// The person answers questions: a sign like others, and never taken for a machine's.
    fn answered(&mut self, answers: &Answers, before: Option<&Facts<'_>>) {
        let Some(stage) = self.lead.as_ref().map(|lead| lead.stage) else { return };
        let known = before.and_then(|before| before.profile);
        let taken = questions::taken(self.catalog, known, answers, self.now);
        if !can_answer(self.lead.as_ref()) || known.is_none() || taken.0.is_empty() {
            return;
        }
        self.record(Event::Answered { fields: taken.0.into_keys().collect() });
        self.heed(stage, SignalKind::Answered, before);
    }

    /// What a sign leads to that has just been recorded.
    fn heed(&mut self, stage: LifecycleStage, kind: SignalKind, before: Option<&Facts<'_>>) {
        match stage {
            LifecycleStage::Quarantined => {
                self.record(Event::Released);
                self.begin_anew();
            }
            LifecycleStage::Disqualified => {
                if kind == SignalKind::HandRaised && self.reopen() {
                    self.nurture(self.catalog.programs.get(&self.catalog.last_resort), None);
                }
            }
            LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled => {
                if !self.claim(before) {
                    self.hear(&BTreeSet::from([kind]));
                }
            }
            LifecycleStage::Received | LifecycleStage::JunkPurged | LifecycleStage::Erased => {}
        }
    }

    fn is_quarantined(&self) -> bool {
        self.lead.as_ref().is_some_and(|lead| lead.stage == LifecycleStage::Quarantined)
    }

    /// What was taken for junk is a person's after all: their form counts as if it had come in now.
    fn released(&mut self, form: &FormName) {
        if !self.is_quarantined() {
            return;
        }
        self.record(Event::Released);
        let catalog = self.catalog;
        let Some((name, form)) = catalog.forms.get_key_value(form) else { return self.begin_anew() };
        for kind in signals_of(Channel::Form, form.intent) {
            self.record(Event::Signalled { kind, topic: None });
        }
        self.agrees_by(name, &form.program, None);
        self.nurture(catalog.program_or_last_resort(&form.program), Some(Channel::Form));
    }

    /// Starts the last resort for somebody of whom no form says more.
    fn begin_anew(&mut self) {
        let catalog = self.catalog;
        self.confirms_first(&catalog.last_resort);
        self.nurture(catalog.programs.get(&catalog.last_resort), None);
    }

    fn condemned(&mut self) {
        if self.is_quarantined() {
            self.record(Event::Purged);
        }
    }

    /// A lead that is only listened to asks to be spoken to. Whether there is a lawful way to do so.
    fn reopen(&mut self) -> bool {
        let reachable = self.lead.as_ref().is_some_and(|lead| lead.reach() != Reach::Nobody);
        if reachable {
            self.record(Event::Reopened);
        }
        reachable
    }

    /// Starts the program that a submission leads to.
    fn nurture_as_asked(&mut self, submission: &Submission) {
        let catalog = self.catalog;
        let first = catalog.program_or_last_resort(&submission.program);
        let program = match submission.entry {
            Entry::Welcome => first,
            Entry::AfterWelcome => first.and_then(|program| catalog.program_or_last_resort(&program.then)),
        };
        self.nurture(program, Some(submission.channel));
    }

    /// Sets the owner and starts the first program: with the stage, in one commit, so that no lead is
    /// ever admitted without both.
    fn nurture(&mut self, program: Option<&'a Program>, channel: Option<Channel>) {
        if self.lead.as_ref().is_some_and(|lead| lead.owner.is_none()) {
            self.own(channel);
        }
        if self.lead.as_ref().is_some_and(|lead| lead.reach() == Reach::Nobody) {
            self.listen();
            return;
        }
        let priority = program.map_or(0, |program| program.priority);
        let claimant = self.claimant(None).filter(|claimant| claimant.priority > priority);
        self.enrol(claimant.or(program), channel);
    }

    // --- What is due -------------------------------------------------------------------------

    /// Settles everything that is due, until a mail is to be sent or nothing is left.
    fn settle_due(&mut self) {
        for _ in 0..SETTLED_PER_DECISION_MAX {
            match self.settle_next() {
                Due::Settled => {}
                Due::Nothing => return,
            }
        }
    }

    fn settle_next(&mut self) -> Due {
        let now = self.now;
        // Before all else: a mail that is on its way is no reason to leave a lead with somebody who has left.
        if self.has_no_owner_any_more() {
            self.rep_left();
            return Due::Settled;
        }
        let Some(lead) = self.lead.as_ref() else { return Due::Nothing };
        if let Some(sending) = lead.sending.clone() {
            if sending.lease_until > now {
                return Due::Nothing;
            }
            self.unknown(&sending.touch, sending.attempt);
            return Due::Settled;
        }
        let overdue = lead.unresolved.iter().find_map(|doubt| match doubt.state {
            Doubt::Unknown { review_at } if review_at <= now => Some(doubt.touch.clone()),
            Doubt::Unknown { .. } | Doubt::Review => None,
        });
        if let Some(touch) = overdue {
            self.record(Event::TouchReview { touch });
            return Due::Settled;
        }
        let Some(lead) = self.lead.as_ref() else { return Due::Nothing };
        if lead.soft_until.is_some_and(|until| until <= now) {
            self.record(Event::AddressRested);
            return Due::Settled;
        }
        if lead.stage_until.is_some_and(|until| until <= now) {
            self.stage_ends(lead.stage);
            return Due::Settled;
        }
        if lead.opt_in.until.is_some_and(|until| until <= now) || self.consent_ends() {
            self.consent_lapses();
            return Due::Settled;
        }
        if let Some(task) = lead.task.clone().filter(|task| task.next_at() <= now) {
            self.task_overdue(&task);
            return Due::Settled;
        }
        if self.sales_is_due() {
            return Due::Settled;
        }
        let Some(lead) = self.lead.as_ref() else { return Due::Nothing };
        // What was asked for is answered first; then the person is asked.
        let Some(enrolment) = lead.enrolment.clone().filter(|enrolment| enrolment.next_at() <= now) else {
            let is_to_be_asked = lead.opt_in.due_at.is_some_and(|due_at| due_at <= now);
            return if is_to_be_asked { self.ask_to_confirm() } else { self.broadcast_is_due() };
        };
        if enrolment.paused.is_some() {
            let due_at = enrolment.next_touch_at.max(now);
            self.record(Event::EnrolmentResumed { ordinal: enrolment.ordinal, due_at });
            return Due::Settled;
        }
        self.step(&enrolment)
    }

    fn stage_ends(&mut self, stage: LifecycleStage) {
        match stage {
            LifecycleStage::Quarantined => self.record(Event::Purged),
            LifecycleStage::Received
            | LifecycleStage::Inquiry
            | LifecycleStage::Mql
            | LifecycleStage::Sal
            | LifecycleStage::Sql
            | LifecycleStage::Customer
            | LifecycleStage::Recycled
            | LifecycleStage::Disqualified
            | LifecycleStage::JunkPurged
            | LifecycleStage::Erased => self.record(Event::Reviewed { review_at: self.now + PULSE_AHEAD_MAX }),
        }
    }

    fn call(&mut self, touch: &TouchId, due_at: Timestamp) {
        let Some(lead) = &self.lead else { return };
        let reason = match (lead.phone, &lead.task) {
            (PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall, _) => Some(SkipReason::NoPhone),
            (PhoneReach::Ok, Some(_)) => Some(SkipReason::TaskOpen),
            (PhoneReach::Ok, None) => None,
        };
        self.task(touch, TaskKind::Call, due_at, reason);
    }

    /// The owner writes in person; where no mail may be sent, they call. Where only the person's yes is missing, and there
    /// is no number, it waits for that.
    fn personal_mail(&mut self, touch: &TouchId, due_at: Timestamp) {
        let Some(lead) = &self.lead else { return };
        let (is_callable, unconfirmed_until) = (lead.phone == PhoneReach::Ok, self.awaits_consent());
        if let Some(until) = unconfirmed_until.filter(|_| !is_callable) {
            let (touch, reason) = (touch.clone(), DeferReason::AwaitingConsent);
            self.record(Event::TouchDeferred { touch, reason, until });
            return;
        }
        let rests = (lead.rests_until(self.now).is_some() || unconfirmed_until.is_some()) && is_callable;
        let (kind, unlawful) = match lead.reach() {
            Reach::Mail if rests => (TaskKind::Call, None),
            Reach::Mail => (TaskKind::Write, None),
            Reach::Human(kind) => (kind, None),
            Reach::Nobody => (TaskKind::Write, Some(SkipReason::Suppressed(lead.email))),
        };
        let reason = unlawful.or_else(|| lead.task.is_some().then_some(SkipReason::TaskOpen));
        self.task(touch, kind, due_at, reason);
    }

    /// Opens a task, unless there is a reason not to, and goes on.
    fn task(&mut self, touch: &TouchId, kind: TaskKind, due_at: Timestamp, not: Option<SkipReason>) {
        let touch = touch.clone();
        self.record(match not {
            Some(reason) => Event::TouchSkipped { touch: touch.clone(), reason },
            None => Event::TaskCreated { touch: touch.clone(), kind, due_at },
        });
        self.advance(&touch);
    }

    fn email(&mut self, program: &Program, enrolment: &Enrolment, step: &Step, mail: &Mail, class: TouchClass) -> Due {
        self.ask(program, enrolment, step, mail, class, Vec::new())
    }

    fn ask(
        &mut self,
        program: &Program,
        enrolment: &Enrolment,
        step: &Step,
        mail: &Mail,
        class: TouchClass,
        asked: Vec<FieldName>,
    ) -> Due {
        let Some(lead) = &self.lead else { return Due::Nothing };
        let touch = enrolment.touch();
        let asked_for = class == TouchClass::Response;
        let reach = lead.reach();
        if let Some(until) = lead.rests_until(self.now).filter(|_| reach == Reach::Mail) {
            self.let_rest(touch, until);
            return Due::Settled;
        }
        match reach {
            Reach::Mail if lead.prefers_human() && !asked_for => {
                self.stand_in(&touch, TaskKind::Call, SkipReason::HumanPreferred);
                Due::Settled
            }
            Reach::Mail => {
                let (version, template) = (program.version.clone(), mail.template.clone());
                let mail_id = MailId { program: program.name.clone(), version, template, language: None };
                let attempt = enrolment.attempts.saturating_add(1);
                self.mail(program, step, PlannedTouch { touch, attempt, voice: mail.from, class, mail: mail_id, asked })
            }
            Reach::Human(kind) => {
                let reason = SkipReason::Suppressed(lead.email);
                self.stand_in(&touch, kind, reason);
                Due::Settled
            }
            Reach::Nobody => {
                let reason = SkipReason::Suppressed(lead.email);
                let is_ours = lead.sla.is_none() && lead.stage != LifecycleStage::Customer;
                self.record(Event::TouchSkipped { touch: touch.clone(), reason });
                if is_ours {
                    self.listen();
                } else {
                    // Somebody of sales has them, or has sold to them: that is no reason to let them go.
                    self.advance(&touch);
                }
                Due::Settled
            }
        }
    }

    fn mail(&mut self, program: &Program, step: &Step, planned: PlannedTouch) -> Due {
        let plan = self.allowed(program, step, self.now);
        if let Some(reason) = plan.deferred {
            self.record(Event::TouchDeferred { touch: planned.touch, reason, until: plan.at });
            return Due::Settled;
        }
        // What was decided so far is committed first; the mail is still due then.
        if self.events.is_empty() {
            self.send = Some(planned);
        }
        Due::Nothing
    }

    /// No mail goes to an address that rests: a person calls, or the mail waits.
    fn let_rest(&mut self, touch: TouchId, until: Timestamp) {
        match self.lead.as_ref().map(|lead| lead.phone) {
            Some(PhoneReach::Ok) => self.stand_in(&touch, TaskKind::Call, SkipReason::AddressRests),
            Some(PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall) | None => {
                self.record(Event::TouchDeferred { touch, reason: DeferReason::AddressRests, until });
            }
        }
    }

    /// A person touches the lead where a mail cannot: one task at a time, however many mails it stands for.
    fn stand_in(&mut self, touch: &TouchId, kind: TaskKind, reason: SkipReason) {
        let busy = self.lead.as_ref().is_some_and(|lead| lead.task.is_some());
        self.record(Event::TouchSkipped { touch: touch.clone(), reason });
        if !busy {
            self.record(Event::TaskCreated { touch: touch.clone(), kind, due_at: self.now + STAND_IN_DUE });
        }
        self.advance(touch);
    }

    // --- What became of a mail ---------------------------------------------------------------

    fn unknown(&mut self, touch: &TouchId, attempt: u32) {
        self.record(Event::TouchUnknown { touch: touch.clone(), attempt, review_at: self.now + PROOF_WAIT });
        self.advance(touch);
    }

    fn send_ended(&mut self, touch: &TouchId, attempt: u32, outcome: &SendOutcome) {
        match self.doubt_about(touch, attempt) {
            Some(Certainty::InFlight) => self.send_answered(touch, attempt, outcome),
            Some(Certainty::Doubtful) => self.send_answered_late(touch, attempt, outcome),
            // Settled already, by an event or by a person.
            None => {}
        }
    }

    fn unwritable(&mut self, touch: &TouchId) {
        if self.is_to_be_sent(touch) {
            self.record(Event::TouchFailed { touch: touch.clone(), reason: FailReason::Template });
            self.advance(touch);
        }
    }

    fn held(&mut self, touch: &TouchId, until: Timestamp) {
        if self.is_to_be_sent(touch) {
            self.record(Event::TouchDeferred { touch: touch.clone(), reason: DeferReason::SenderPaused, until });
        }
    }

    /// Whether the lead still waits for that mail, and nothing is in flight.
    fn is_to_be_sent(&self, touch: &TouchId) -> bool {
        let Some(lead) = &self.lead else { return false };
        let is_the_leads = opt_in_touch(lead).as_ref() == Some(touch) || self.awaits_broadcast(touch);
        let is_due = self.standing_at(touch).is_some() || is_the_leads;
        is_due && lead.sending.is_none()
    }

    fn send_answered(&mut self, touch: &TouchId, attempt: u32, outcome: &SendOutcome) {
        let touch = touch.clone();
        match outcome {
            SendOutcome::Accepted { message_id } => {
                let message_id = Some(message_id.clone());
                self.record(Event::TouchSent { touch: touch.clone(), attempt, proof: SendProof::Answer, message_id });
                self.advance(&touch);
            }
            SendOutcome::Refused(reason) => {
                self.record(Event::TouchFailed { touch: touch.clone(), reason: *reason });
                self.advance(&touch);
            }
            SendOutcome::NotYet(reason) => {
                let until = self.now + backoff(attempt);
                self.record(Event::TouchDeferred { touch, reason: *reason, until });
            }
            SendOutcome::Ambiguous => self.unknown(&touch, attempt),
        }
    }

    /// The lead went on long ago; only the doubt is cleared.
    fn send_answered_late(&mut self, touch: &TouchId, attempt: u32, outcome: &SendOutcome) {
        let touch = touch.clone();
        match outcome {
            SendOutcome::Accepted { message_id } => {
                let message_id = Some(message_id.clone());
                self.record(Event::TouchSent { touch, attempt, proof: SendProof::Answer, message_id });
            }
            SendOutcome::Refused(_) | SendOutcome::NotYet(_) => {
                self.record(Event::TouchFailed { touch, reason: FailReason::RefusedLate });
            }
            SendOutcome::Ambiguous => {}
        }
    }

    fn doubt_about(&self, touch: &TouchId, attempt: u32) -> Option<Certainty> {
        let lead = self.lead.as_ref()?;
        let in_flight = lead.sending.as_ref().is_some_and(|it| &it.touch == touch && it.attempt == attempt);
        let doubtful = lead.unresolved.iter().any(|it| &it.touch == touch && it.attempt == attempt);
        if in_flight {
            Some(Certainty::InFlight)
        } else if doubtful {
            Some(Certainty::Doubtful)
        } else {
            None
        }
    }

    fn mail_event(&mut self, touch: &TouchId, attempt: u32, kind: MailEventKind) {
        // Whatever SES tells of a mail that carries our tag, it has it.
        if let Some(certainty) = self.doubt_about(touch, attempt) {
            let proof = SendProof::Event;
            self.record(Event::TouchSent { touch: touch.clone(), attempt, proof, message_id: None });
            match certainty {
                Certainty::InFlight => self.advance(touch),
                Certainty::Doubtful => {}
            }
        }
        match kind {
            MailEventKind::Accepted => {}
            MailEventKind::BouncedForGood => self.suppress(EmailReach::HardBounced),
            MailEventKind::BouncedSoftly { at } => self.bounced_softly(touch, at),
            MailEventKind::Complained => self.suppress(EmailReach::Complained),
            MailEventKind::Unsubscribed => self.suppress(EmailReach::Unsubscribed),
            MailEventKind::Withdrawn(reason) => self.withdrawn(touch, reason),
        }
    }

    /// A few of these in a short time, and the address rests (TRUST.md §3).
    fn bounced_softly(&mut self, touch: &TouchId, at: Timestamp) {
        let bounce = SoftBounce { at: at.min(self.now), touch: touch.clone() };
        let Some(lead) = self.lead.as_ref().filter(|lead| lead.stage.kind() != StageKind::Terminal) else { return };
        let Some(bounces) = lead.with_soft_bounce(&bounce) else { return };
        let rests_until = self.catalog.bounces.rests_until(&bounces).filter(|until| *until > self.now);
        self.record(Event::TouchBounced { touch: bounce.touch, bounced_at: bounce.at, rests_until });
    }

    /// SES had it and did not send it. The lead went on as if it had; whoever wrote the mail has to look.
    fn withdrawn(&mut self, touch: &TouchId, reason: FailReason) {
        let lead = self.lead.as_ref().filter(|lead| lead.stage.kind() != StageKind::Terminal);
        if lead.is_some_and(|lead| !lead.withdrawn.contains(touch)) {
            self.record(Event::TouchFailed { touch: touch.clone(), reason });
        }
    }

    fn reviewed(&mut self, touch: &TouchId, verdict: ReviewVerdict) {
        let doubt = self.lead.as_ref().and_then(|lead| lead.unresolved.iter().find(|doubt| &doubt.touch == touch));
        let Some(attempt) = doubt.map(|doubt| doubt.attempt) else { return };
        let touch = touch.clone();
        match verdict {
            ReviewVerdict::Sent => {
                let proof = SendProof::Operator;
                self.record(Event::TouchSent { touch, attempt, proof, message_id: None });
            }
            ReviewVerdict::Dropped => self.record(Event::TouchDropped { touch }),
        }
    }

    // --- Suppression -------------------------------------------------------------------------

    fn suppress(&mut self, cause: EmailReach) {
        let Some(lead) = &self.lead else { return };
        // That somebody does not want mail is news also where the address does not work, or a complaint was made.
        let is_new_wish = cause.is_refusal() && !lead.unwilling && !lead.email.is_refusal();
        if lead.email.fold(cause) == lead.email && !is_new_wish && lead.opt_in.until.is_none() {
            return;
        }
        self.record(Event::AddressSuppressed { cause });
        self.tell_if_with_sales(Trigger::Unreachable);
        self.listen_if_unreachable();
    }

    /// Nobody may contact the lead: it is only listened to, with a date on which somebody looks again.
    fn listen(&mut self) {
        let enrolment = self.lead.as_ref().and_then(|lead| lead.enrolment.clone());
        if let Some(Enrolment { ordinal, program, .. }) = enrolment {
            self.record(Event::EnrolmentExited { ordinal, program, exit: ProgramExit::Suppressed });
        }
        let review_at = self.now + PULSE_AHEAD_MAX;
        self.record(Event::Disqualified { reason: DisqualifyReason::DoNotContact, review_at, by: None });
    }
}

/// When a step may happen, and why not sooner.
struct Plan {
    at: Timestamp,
    deferred: Option<DeferReason>,
}

/// Whether somebody is known whose answers mean anything.
fn can_answer(lead: Option<&Lead>) -> bool {
    lead.is_some_and(|lead| lead.stage.kind() != StageKind::Terminal)
}

/// The signs that a form is.
fn signals_of(channel: Channel, intent: Intent) -> BTreeSet<SignalKind> {
    match (channel, intent) {
        (Channel::Import, _) => BTreeSet::new(),
        (Channel::Form | Channel::Email, Intent::Inquiry) => BTreeSet::from([SignalKind::FormSubmitted]),
        (Channel::Form | Channel::Email, Intent::HandRaise) => {
            BTreeSet::from([SignalKind::FormSubmitted, SignalKind::HandRaised])
        }
    }
}

/// How sure we are of a mail.
#[derive(Clone, Copy)]
enum Certainty {
    InFlight,
    Doubtful,
}

fn email_reach(submission: &Submission) -> EmailReach {
    match (&submission.email, submission.mail) {
        (None, _) => EmailReach::Missing,
        (Some(_), Permission::Refused) => EmailReach::DoNotEmail,
        (Some(email), Permission::Allowed) if email.mailable().is_none() => EmailReach::NotMailable,
        (Some(_), Permission::Allowed) => EmailReach::Ok,
    }
}

fn phone_reach(submission: &Submission) -> PhoneReach {
    match (&submission.phone, submission.calls) {
        (_, Permission::Refused) => PhoneReach::DoNotCall,
        (None, Permission::Allowed) => PhoneReach::Missing,
        (Some(_), Permission::Allowed) => PhoneReach::Ok,
    }
}

/// 1, 2, 4 … minutes, at most an hour.
fn backoff(attempt: u32) -> SignedDuration {
    let minutes = 1_i64.checked_shl(attempt.saturating_sub(1).min(6)).unwrap_or(1);
    SignedDuration::from_mins(minutes).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests;
