//! Programs: what is sent, in which order, after how long, and what follows.

use jiff::SignedDuration;

use crate::ids::{ProgramName, StepId};

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
    /// How it slows down for a lead who never answers.
    pub quiet: Option<Quiet>,
    /// Its steps, in order; at least one.
    pub steps: Vec<Step>,
}

/// The first 12 hex digits of the SHA-256 of a program's files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ProgramVersion(pub String);

/// After `after_touches` touches without a sign from the person, steps are at least `every` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// How many touches without a human signal.
    pub after_touches: u32,
    /// The pace from then on.
    pub every: SignedDuration,
}

/// One step of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its stable id.
    pub id: StepId,
    /// How long after the step before it (or the start of the enrolment).
    pub after: SignedDuration,
    /// What happens.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends a mail. Its template is in [`crate::content::Content`], under program and step.
    Email {
        /// Whether it waits for window and cap.
        class: TouchClass,
        /// Whose voice it speaks with.
        from: Voice,
    },
    /// Opens a task for the owner: call this person.
    Call {
        /// How long the owner has.
        due_in: SignedDuration,
    },
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

/// Whose name a mail carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The lead's owner: the rep, or the queue's identity.
    Rep,
    /// The organisation.
    Team,
}

/// The longest wait a step may ask for, so that every lead keeps a pulse (I2).
pub const STEP_WAIT_MAX: SignedDuration = SignedDuration::from_hours(170 * 24);

/// The most steps in one program.
pub const STEPS_MAX: usize = 200;

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
