//! Programs: what is sent, in which order, after how long, and what follows.
//!
//! **Invariant:** a program ends in another program (`then`), never nowhere.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::calendar::{FrequencyCap, SendWindow};
use crate::condition::{Condition, SignalKind};
use crate::consent::OptInRule;
use crate::ids::{EmittedName, FieldName, ProgramName, StepId, TagName, TemplateName, TopicName};
use crate::policy::RequalifyRule;
use crate::timing::{Delay, Moment, Timing};

/// A nurture program: a folder under `programs/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its folder's name.
    pub name: ProgramName,
    /// The content hash of its files: another text is another version.
    pub version: ProgramVersion,
    /// What people call it.
    pub title: String,
    /// The program that follows when its content is used up. Mandatory: no program ends nowhere.
    pub then: ProgramName,
    /// Which of two programs that claim a lead gets it: the higher.
    pub priority: u8,
    /// When this becomes true for a lead, it is moved here from a program of lower priority.
    pub enter: Option<Condition>,
    /// Whether touches go on while sales works the lead.
    pub beside_sales: bool,
    /// What people can switch off by preference.
    pub topic: Option<TopicName>,
    /// Whether its mails take a confirmed opt-in, wherever the lead is.
    pub opt_in: OptInRule,
    /// After how long it ends, wherever a lead stands in it.
    pub horizon: Option<Horizon>,
    /// Its touches are skipped while this holds.
    pub skip_if: Option<Condition>,
    /// Narrower hours than the catalog's.
    pub window: Option<SendWindow>,
    /// A stricter cap than the catalog's.
    pub cap: Option<FrequencyCap>,
    /// What it is for: reached, it ends.
    pub goal: Option<Stop>,
    /// What else ends it.
    pub stops: Vec<Stop>,
    /// Signals that pull the next touch nearer.
    pub hurry: Option<Hurry>,
    /// How it slows down for a lead who never answers.
    pub quiet: Option<Quiet>,
    /// When a lead in it is ready for sales again, in place of its turnback reason's rule.
    pub requalify: Vec<RequalifyRule>,
    /// Its steps, in order; at least one.
    pub steps: Vec<Step>,
}

/// The first 12 hex digits of the SHA-256 of a program's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ProgramVersion(pub String);

/// So many days after the start of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon(pub SignedDuration);

/// A condition that ends a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What is asked, after each signal.
    pub when: Condition,
    /// What follows; the program's own `then` if absent.
    pub then: Option<ProgramName>,
}

/// Such a signal pulls the next touch to at most `to` ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hurry {
    /// The signals.
    pub signals: BTreeSet<SignalKind>,
    /// How far ahead the next touch may be then.
    pub to: Delay,
}

/// After `after_touches` touches without a sign from the person, steps are at least `every` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// How many touches of the program without a human signal.
    pub after_touches: u32,
    /// The pace from then on.
    pub every: Delay,
}

/// One step of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its stable id.
    pub id: StepId,
    /// When it comes.
    pub timing: Timing,
    /// It is skipped if this holds when it comes.
    pub skip_if: Option<Condition>,
    /// What happens.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends a mail.
    Email {
        /// What it says, in whose voice.
        mail: Mail,
        /// Whether it waits for window and cap.
        class: TouchClass,
        /// Whether it speaks of the reader's matter or of what we sell.
        content: Option<ContentStage>,
    },
    /// Sends a mail that asks for what is not known yet; skipped if all is.
    Ask {
        /// What it says, in whose voice.
        mail: Mail,
        /// Whether it waits for window and cap.
        class: TouchClass,
        /// What is asked; 1 to [`ASKED_MAX`].
        fields: Vec<FieldName>,
    },
    /// Opens a task for the owner: call this person.
    Call {
        /// How long the owner has.
        due_in: Delay,
    },
    /// Opens a task for the owner: write to this person, with a draft.
    PersonalMail {
        /// The draft.
        draft: TemplateName,
        /// How long the owner has.
        due_in: Delay,
    },
    /// Lets time pass.
    Wait,
    /// Waits for something to happen, but not for ever.
    WaitUntil {
        /// For what.
        event: Awaited,
        /// How long at most.
        timeout: Delay,
        /// Where it goes on when it happened; `None` is the next step.
        goto: Option<StepId>,
        /// Where it goes on when it did not; `None` is the next step.
        on_timeout: Option<StepId>,
    },
    /// Goes on where the first condition that holds says.
    Branch {
        /// The conditions, in order.
        cases: Vec<Case>,
        /// Where it goes on when none holds; `None` is the next step.
        otherwise: Option<StepId>,
    },
    /// Sends leads different ways; each lead always the same.
    Split {
        /// The ways; 2 to [`ARMS_MAX`].
        arms: Vec<Arm>,
    },
    /// Tells the owner of an interesting moment.
    Alert {
        /// What of, in one line without anything personal.
        message: String,
    },
    /// Notes something about the lead.
    Set {
        /// Its topic from now on.
        topic: Option<TopicName>,
        /// Tags it gets.
        add: BTreeSet<TagName>,
        /// Tags it loses.
        remove: BTreeSet<TagName>,
    },
    /// Puts an event on the bus.
    Emit {
        /// Its name.
        event: EmittedName,
    },
    /// Sends mails in turn, one a round.
    Recur {
        /// When the next round is: a delay, or a weekday.
        every: Timing,
        /// The mails, in turn; 1 to [`TEMPLATES_MAX`].
        mails: Vec<Mail>,
        /// Whether they wait for window and cap.
        class: TouchClass,
        /// What happens when each was sent.
        used_up: UsedUp,
    },
    /// The program met its goal.
    Goal {
        /// What follows; the program's own `then` if absent.
        then: Option<ProgramName>,
    },
    /// The program ends here.
    Exit {
        /// What follows; the program's own `then` if absent.
        then: Option<ProgramName>,
    },
    /// Goes on at another step.
    Goto {
        /// Which.
        to: StepId,
    },
}

/// A mail of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its file: `touches/<template>.md`.
    pub template: TemplateName,
    /// Whose voice it speaks with.
    pub from: Voice,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// One of these signals, after the step was reached.
    Signals(BTreeSet<SignalKind>),
    /// That this holds. Looked at when the step is reached and after each signal and answer.
    Holds(Condition),
    /// This point in time.
    Moment(Moment),
}

/// One way of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// If this holds,
    pub when: Condition,
    /// it goes on here.
    pub goto: StepId,
}

/// One way of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm {
    /// What reports call it.
    pub name: StepId,
    /// How many leads go here, in proportion; 1 to [`WEIGHT_MAX`].
    pub weight: u32,
    /// Where it goes on; `None` is the next step.
    pub goto: Option<StepId>,
}

/// What happens when the mails of a `recur` step are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedUp {
    /// From the first again.
    Again,
    /// On to the next step.
    GoOn,
}

/// Whether a touch waits for the send window and the frequency cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchClass {
    /// What was just asked for: goes out at once, day or night.
    Response,
    /// Everything else waits for its window and counts against the cap.
    Nurture,
}

/// What a mail speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentStage {
    /// The reader's matter.
    Engage,
    /// What we sell.
    Product,
}

/// Whose name a mail carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The lead's owner: the rep, or the queue's identity.
    Rep,
    /// The organisation.
    Team,
}

/// The most steps in one program.
pub const STEPS_MAX: usize = 200;

/// The most fields one mail may ask for (S8).
pub const ASKED_MAX: usize = 3;

/// The most cases of a branch.
pub const CASES_MAX: usize = 16;

/// The most arms of a split.
pub const ARMS_MAX: usize = 8;

/// The most weight of one arm.
pub const WEIGHT_MAX: u32 = 1_000;

/// The most mails of a `recur` step.
pub const TEMPLATES_MAX: usize = 60;

/// The priority of a program that names none.
pub const PRIORITY_DEFAULT: u8 = 50;

impl Program {
    /// Where a step stands.
    pub fn position(&self, id: &StepId) -> Option<usize> {
        self.steps.iter().position(|step| &step.id == id)
    }

    /// The step of that id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| &step.id == id)
    }
}

impl Step {
    /// The mails of this step, sent or drafted.
    pub fn templates(&self) -> Vec<&TemplateName> {
        match &self.action {
            Action::Email { mail, .. } | Action::Ask { mail, .. } => vec![&mail.template],
            Action::PersonalMail { draft, .. } => vec![draft],
            Action::Recur { mails, .. } => mails.iter().map(|mail| &mail.template).collect(),
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
            | Action::Goto { .. } => Vec::new(),
        }
    }
}

impl Action {
    /// Whether anybody outside of the suite notices it: the person, who owns the lead, or another system.
    pub const fn is_noticed(&self) -> bool {
        match self {
            Self::Alert { .. } | Self::Emit { .. } => true,
            Self::Email { .. }
            | Self::Ask { .. }
            | Self::Call { .. }
            | Self::PersonalMail { .. }
            | Self::Recur { .. }
            | Self::Wait
            | Self::WaitUntil { .. }
            | Self::Branch { .. }
            | Self::Split { .. }
            | Self::Set { .. }
            | Self::Goal { .. }
            | Self::Exit { .. }
            | Self::Goto { .. } => self.is_touch(),
        }
    }

    /// Whether the person is contacted by it.
    pub const fn is_touch(&self) -> bool {
        match self {
            Self::Email { .. }
            | Self::Ask { .. }
            | Self::Call { .. }
            | Self::PersonalMail { .. }
            | Self::Recur { .. } => true,
            Self::Wait
            | Self::WaitUntil { .. }
            | Self::Branch { .. }
            | Self::Split { .. }
            | Self::Alert { .. }
            | Self::Set { .. }
            | Self::Emit { .. }
            | Self::Goal { .. }
            | Self::Exit { .. }
            | Self::Goto { .. } => false,
        }
    }

    /// The class of the mail it sends, if it sends one.
    pub const fn mail_class(&self) -> Option<TouchClass> {
        match self {
            Self::Email { class, .. } | Self::Ask { class, .. } | Self::Recur { class, .. } => Some(*class),
            Self::Call { .. }
            | Self::PersonalMail { .. }
            | Self::Wait
            | Self::WaitUntil { .. }
            | Self::Branch { .. }
            | Self::Split { .. }
            | Self::Alert { .. }
            | Self::Set { .. }
            | Self::Emit { .. }
            | Self::Goal { .. }
            | Self::Exit { .. }
            | Self::Goto { .. } => None,
        }
    }

    /// What program files call it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email",
            Self::Ask { .. } => "ask",
            Self::Call { .. } => "call",
            Self::PersonalMail { .. } => "personal_mail",
            Self::Wait => "wait",
            Self::WaitUntil { .. } => "wait_until",
            Self::Branch { .. } => "branch",
            Self::Split { .. } => "split",
            Self::Alert { .. } => "alert",
            Self::Set { .. } => "set",
            Self::Emit { .. } => "emit",
            Self::Recur { .. } => "recur",
            Self::Goal { .. } => "goal",
            Self::Exit { .. } => "exit",
            Self::Goto { .. } => "goto",
        }
    }
}

/// One way on from a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way<'a> {
    /// Why it is taken.
    pub cause: Cause<'a>,
    /// Where it leads.
    pub to: Destination<'a>,
}

/// Why a way is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// The step is done.
    Done,
    /// What was waited for has come.
    Happened,
    /// It has not.
    TimedOut,
    /// A case of a branch holds.
    Case(&'a Condition),
    /// None does.
    Otherwise,
    /// The lead belongs to this arm.
    Arm(&'a Arm),
}

/// Where a way leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// To a step, by its place.
    Step(usize),
    /// Out of the program, into another.
    Program(&'a ProgramName),
}

impl Program {
    /// The ways on from the step at a place, in the order in which they are asked for.
    pub fn ways(&self, at: usize) -> Vec<Way<'_>> {
        let Some(step) = self.steps.get(at) else { return Vec::new() };
        let to = |id: Option<&StepId>| {
            let next = at.saturating_add(1);
            let place = id.and_then(|id| self.position(id)).unwrap_or(next);
            if place < self.steps.len() { Destination::Step(place) } else { Destination::Program(&self.then) }
        };
        let way = |cause, id: Option<&StepId>| Way { cause, to: to(id) };
        match &step.action {
            Action::Branch { cases, otherwise } => {
                let mut ways: Vec<Way<'_>> = Vec::with_capacity(cases.len() + 1);
                ways.extend(cases.iter().map(|case| Way { cause: Cause::Case(&case.when), to: to(Some(&case.goto)) }));
                ways.push(way(Cause::Otherwise, otherwise.as_ref()));
                ways
            }
            Action::Split { arms } => {
                arms.iter().map(|arm| Way { cause: Cause::Arm(arm), to: to(arm.goto.as_ref()) }).collect()
            }
            Action::WaitUntil { goto, on_timeout, .. } => {
                vec![way(Cause::Happened, goto.as_ref()), way(Cause::TimedOut, on_timeout.as_ref())]
            }
            Action::Goal { then } | Action::Exit { then } => {
                let then = then.as_ref().unwrap_or(&self.then);
                vec![Way { cause: Cause::Done, to: Destination::Program(then) }]
            }
            Action::Goto { to: id } => vec![way(Cause::Done, Some(id))],
            Action::Recur { used_up: UsedUp::Again, .. } => vec![Way { cause: Cause::Done, to: Destination::Step(at) }],
            Action::Email { .. }
            | Action::Ask { .. }
            | Action::Call { .. }
            | Action::PersonalMail { .. }
            | Action::Wait
            | Action::Alert { .. }
            | Action::Set { .. }
            | Action::Emit { .. }
            | Action::Recur { used_up: UsedUp::GoOn, .. } => vec![way(Cause::Done, None)],
        }
    }
}
