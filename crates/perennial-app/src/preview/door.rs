//! How a sample lead gets into a program: through a door that is made for it.
//!
//! The door is a version of the program of one step, which leads into the real one. So the program is entered
//! as any that follows another is, whatever else would claim the lead, and by the core itself. Nobody has paused it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use perennial_core::catalog::{Catalog, Form, FormStatus};
use perennial_core::event::{Event, apply};
use perennial_core::ids::{FormName, LeadId, Pepper, StepId};
use perennial_core::lead::{EmailReach, Lead, Ownership, PhoneReach};
use perennial_core::profile::Profile;
use perennial_core::program::{Action, Program, ProgramVersion, Step};
use perennial_core::submission::{Channel, Flag, Intent, Source};
use perennial_core::timing::{Delay, Timing};

use super::Sample;

/// The number of the enrolment behind the door.
pub(super) const ORDINAL: u32 = 1;

/// The door's version, and its step. No hash is spelt so.
const DOOR: &str = "door";

/// The id of a lead that has neither address nor number.
const NOBODY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The catalog with a door before the program. Nobody is in the holdout: it gets no nurture to look at.
pub(super) fn open(catalog: &Catalog, program: &Program) -> Catalog {
    let out = Action::Exit { then: Some(program.name.clone()) };
    let step = Step { id: step(), timing: Timing::After(Delay::ZERO), skip_if: None, action: out };
    let door = Program {
        version: version(),
        enter: None,
        horizon: None,
        skip_if: None,
        goal: None,
        stops: Vec::new(),
        steps: vec![step],
        ..program.clone()
    };
    let mut catalog = catalog.clone();
    catalog.holdout_percent = 0;
    catalog.paused = Arc::default();
    catalog.kept.insert((program.name.clone(), version()), door);
    catalog
}

/// The sample lead, about to go through the door.
pub(super) fn lead(catalog: &Catalog, program: &Program, sample: &Sample, start: Timestamp) -> Lead {
    let events = [
        received(catalog, program, sample, start),
        Event::Admitted,
        Event::Assigned { owner: Ownership::Queue { queue: catalog.default_queue.clone() } },
        Event::EnrolmentStarted {
            ordinal: ORDINAL - 1,
            program: program.name.clone(),
            version: version(),
            step: step(),
            due_at: start,
            channel: None,
            silent_touches: 0,
        },
    ];
    let lead = events.iter().fold(None, |lead, event| apply(lead, event, start));
    let Some(mut lead) = lead else { unreachable!("`Received` makes a lead") };
    lead.stage = sample.stage_in(catalog, program);
    lead
}

/// What is known of the sample lead.
pub(super) fn profile(sample: &Sample, start: Timestamp) -> Profile {
    Profile {
        email: sample.email.clone(),
        phone: sample.phone.clone(),
        fields: sample.fields.clone(),
        first_touch: Source::default(),
        last_touch: Source::default(),
        answered_at: start,
        doubted: BTreeSet::new(),
        notes: Vec::new(),
        answers_at: sample.fields.keys().map(|field| (field.clone(), start)).collect(),
    }
}

/// How the lead came in: by the form that leads to the program, where there is one, else by a list.
fn received(catalog: &Catalog, program: &Program, sample: &Sample, start: Timestamp) -> Event {
    let leads_here = |form: &Form| form.program == program.name && form.status == FormStatus::Open;
    let form = catalog.forms.iter().find(|(_, form)| leads_here(form));
    let (channel, intent) = form.map_or((Channel::Import, Intent::Inquiry), |(_, form)| (Channel::Form, form.intent));
    Event::Received {
        lead: id(sample),
        life: 1,
        channel,
        form: form.map_or_else(any_form, |(name, _)| name.clone()),
        intent,
        received_at: start,
        email: match &sample.email {
            None => EmailReach::Missing,
            Some(email) if email.mailable().is_none() => EmailReach::NotMailable,
            Some(_) => EmailReach::Ok,
        },
        phone: if sample.phone.is_some() { PhoneReach::Ok } else { PhoneReach::Missing },
        flags: sample.email.iter().filter(|email| email.is_role()).map(|_| Flag::RoleAddress).collect(),
        zone: sample.zone.clone(),
        language: sample.language.clone(),
    }
}

fn id(sample: &Sample) -> LeadId {
    // A sample's id is no secret: it is made so that a split treats the same sample the same way.
    let pepper = Pepper::new([0; 32]);
    let of_email = sample.email.as_ref().map(|email| LeadId::of_email(&pepper, email));
    let of_phone = || sample.phone.as_ref().map(|phone| LeadId::of_phone(&pepper, phone));
    let nobody = || LeadId::parse(NOBODY).unwrap_or_else(|_| unreachable!("26 letters of base32 are an id"));
    of_email.or_else(of_phone).unwrap_or_else(nobody)
}

fn version() -> ProgramVersion {
    ProgramVersion(DOOR.to_owned())
}

fn step() -> StepId {
    StepId::parse(DOOR).unwrap_or_else(|_| unreachable!("a word in lower case is a name"))
}

fn any_form() -> FormName {
    FormName::parse("preview").unwrap_or_else(|_| unreachable!("a word in lower case is a name"))
}
