//! What an operator decides by hand: a lead goes into a program, or out of the one that it is in.
//!
//! **Invariants:** whoever is moved is in exactly one program after it, with a time; whoever may not be moved stays as
//! they are, and the reason is said. Nobody gets around what the person wants, or what sales does with them.

use jiff::Timestamp;

use super::{Draft, View};
use crate::catalog::Catalog;
use crate::condition::Facts;
use crate::event::{Event, ProgramExit};
use crate::ids::ProgramName;
use crate::lead::{Enrolment, Lead, LifecycleStage, Reach};
use crate::profile::Note;
use crate::program::Program;
use crate::sales::Party;

/// Where somebody sends a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// Into a program, out of the one that it is in.
    Into(ProgramName),
    /// The same, and from its first step where it is in that one already.
    Anew(ProgramName),
    /// Out of the program that it is in, into what follows that.
    Out,
}

impl Direction {
    /// The program that it names.
    pub const fn program(&self) -> Option<&ProgramName> {
        match self {
            Self::Into(program) | Self::Anew(program) => Some(program),
            Self::Out => None,
        }
    }
}

/// Why a lead is not moved by hand. It stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misdirection {
    /// Nobody of that id is known, or not any more.
    #[error("there is no such lead")]
    NoSuchLead,
    /// It is held back as junk.
    #[error("the lead is held back as junk: let it in first (`perennial quarantine release`)")]
    HeldBack,
    /// It is only listened to.
    #[error("the lead is only listened to: nobody contacts it until it asks to be")]
    ListenedTo,
    /// No channel to the person is lawful.
    #[error("nobody may write to the person or call them, so no program could reach them")]
    Unreachable,
    /// No such program is in force.
    #[error("no program `{0}` is in force")]
    NoProgram(ProgramName),
    /// It is in that program.
    #[error("the lead is in `{0}` already")]
    InItAlready(ProgramName),
    /// A rep works it, and the program would only wait.
    #[error("sales works the lead, and `{0}` does not write beside sales (`beside_sales`): it would only wait")]
    WithSales(ProgramName),
    /// The person does not want what the program is about.
    #[error("the person switched off what `{0}` is about")]
    SwitchedOff(ProgramName),
    /// Its goal is met, or one of its stops holds.
    #[error("the lead would leave `{0}` at once: what ends that program is so already")]
    OverAlready(ProgramName),
    /// It is in no program.
    #[error("the lead is in no program")]
    InNone,
    /// What follows the program is the program itself.
    #[error("nothing but `{0}` follows `{0}`: say where the lead is to go (`perennial lead enrol`)")]
    NoWayOut(ProgramName),
    /// What becomes of the mail moves the lead on.
    #[error("a mail to the lead is on its way: try again in a few minutes")]
    MailOnItsWay,
}

/// Why a lead would not be moved so, if it would not.
pub fn misdirection(view: &View<'_>, direction: &Direction, now: Timestamp) -> Option<Misdirection> {
    let Some(lead) = view.lead else { return Some(Misdirection::NoSuchLead) };
    match lead.stage {
        LifecycleStage::Inquiry
        | LifecycleStage::Mql
        | LifecycleStage::Sal
        | LifecycleStage::Sql
        | LifecycleStage::Customer
        | LifecycleStage::Recycled => {}
        LifecycleStage::Received | LifecycleStage::Quarantined => return Some(Misdirection::HeldBack),
        LifecycleStage::Disqualified => return Some(Misdirection::ListenedTo),
        LifecycleStage::JunkPurged | LifecycleStage::Erased => return Some(Misdirection::NoSuchLead),
    }
    let refused = match direction {
        Direction::Into(program) | Direction::Anew(program) => no_way_in(view, lead, program, direction, now),
        Direction::Out => no_way_out(view.catalog, lead),
    };
    refused.or_else(|| lead.sending.is_some().then_some(Misdirection::MailOnItsWay))
}

fn no_way_in(
    view: &View<'_>,
    lead: &Lead,
    name: &ProgramName,
    direction: &Direction,
    now: Timestamp,
) -> Option<Misdirection> {
    let Some(program) = view.catalog.programs.get(name) else { return Some(Misdirection::NoProgram(name.clone())) };
    let is_in_it = lead.enrolment.as_ref().is_some_and(|enrolment| &enrolment.program == name);
    if is_in_it && matches!(direction, Direction::Into(_)) {
        return Some(Misdirection::InItAlready(name.clone()));
    }
    if lead.reach() == Reach::Nobody {
        return Some(Misdirection::Unreachable);
    }
    let is_worked = matches!(lead.stage, LifecycleStage::Sal | LifecycleStage::Sql);
    if is_worked && !program.beside_sales {
        return Some(Misdirection::WithSales(name.clone()));
    }
    let is_unwanted = program.topic.as_ref().is_some_and(|topic| lead.preferences.off.contains(topic));
    if is_unwanted && name != &view.catalog.last_resort {
        return Some(Misdirection::SwitchedOff(name.clone()));
    }
    is_over(view, lead, program, now).then(|| Misdirection::OverAlready(name.clone()))
}

/// Whether what ends a program is so for somebody who enters it now.
fn is_over(view: &View<'_>, lead: &Lead, program: &Program, now: Timestamp) -> bool {
    let facts = Facts { lead, profile: view.profile, now, since: Some(now) };
    program.goal.iter().chain(&program.stops).any(|end| end.when.holds(&facts))
}

fn no_way_out(catalog: &Catalog, lead: &Lead) -> Option<Misdirection> {
    let Some(enrolment) = &lead.enrolment else { return Some(Misdirection::InNone) };
    let next = follower(catalog, enrolment);
    (next == Some(&enrolment.program)).then(|| Misdirection::NoWayOut(enrolment.program.clone()))
}

/// The program that follows the one that a lead is in, as [`Draft::end_program`] has it.
fn follower<'c>(catalog: &'c Catalog, enrolment: &Enrolment) -> Option<&'c ProgramName> {
    let then = catalog.program_of(&enrolment.program, &enrolment.version).map(|program| &program.then);
    let then = then.filter(|then| **then != enrolment.program).unwrap_or(&catalog.last_resort);
    catalog.program_or_last_resort(then).map(|program| &program.name)
}

impl Draft<'_> {
    pub(super) fn direct(&mut self, by: &Party, direction: &Direction, note: Option<&Note>) {
        let view = View { lead: self.lead.as_ref(), profile: self.profile, catalog: self.catalog, loads: self.loads };
        if misdirection(&view, direction, self.now).is_some() {
            return;
        }
        self.record(Event::Directed { by: by.clone(), program: direction.program().cloned() });
        if note.is_some() {
            self.record(Event::Noted { by: by.clone() });
        }
        match direction.program() {
            Some(program) if self.lead.as_ref().is_some_and(|lead| lead.enrolment.is_some()) => {
                self.exit(ProgramExit::Superseded, Some(program));
            }
            Some(program) => self.enrol(self.catalog.programs.get(program), None),
            None => self.end_program(),
        }
    }
}
