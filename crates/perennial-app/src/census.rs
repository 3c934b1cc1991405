//! How many leads stand where: by program, version and step.

use std::collections::BTreeMap;

use perennial_core::ids::{LeadId, ProgramName, StepId};
use perennial_core::lead::Enrolment;
use perennial_core::program::ProgramVersion;

use crate::ports::{Store, StoreError, Surveyed};

/// How many leads stand at each step of one version.
pub type Steps = BTreeMap<StepId, u64>;

/// Who stands where, as a reading of the whole store found it. Leads move meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census(BTreeMap<ProgramName, BTreeMap<ProgramVersion, Steps>>);

impl Census {
    /// Counts every lead that is in a program.
    pub async fn take(store: &dyn Store) -> Result<Self, StoreError> {
        let mut census = Self::default();
        enrolled(store, |_, enrolment| census.count(enrolment)).await?;
        Ok(census)
    }

    fn count(&mut self, Enrolment { program, version, step, .. }: Enrolment) {
        let versions = self.0.entry(program).or_default();
        let leads = versions.entry(version).or_default().entry(step).or_default();
        *leads = leads.saturating_add(1);
    }

    /// The programs that somebody is in.
    pub fn programs(&self) -> impl Iterator<Item = &ProgramName> {
        self.0.keys()
    }

    /// The versions of a program that somebody is in, and where.
    pub fn versions(&self, program: &ProgramName) -> impl Iterator<Item = (&ProgramVersion, &Steps)> {
        self.0.get(program).into_iter().flatten()
    }

    /// Where the leads of one version stand.
    pub fn steps(&self, program: &ProgramName, version: &ProgramVersion) -> Option<&Steps> {
        self.0.get(program)?.get(version)
    }

    /// How many leads are in a program.
    pub fn in_program(&self, program: &ProgramName) -> u64 {
        self.versions(program).map(|(_, steps)| sum(steps)).sum()
    }

    /// How many leads are in one version of it.
    pub fn in_version(&self, program: &ProgramName, version: &ProgramVersion) -> u64 {
        self.steps(program, version).map_or(0, sum)
    }

    /// How many leads are in other versions of it than this one.
    pub fn beside(&self, program: &ProgramName, version: &ProgramVersion) -> u64 {
        self.versions(program).filter(|(other, _)| *other != version).map(|(_, steps)| sum(steps)).sum()
    }
}

fn sum(steps: &Steps) -> u64 {
    steps.values().sum()
}

/// Reads where each lead stands that is in a program.
pub(crate) async fn enrolled(
    store: &dyn Store,
    mut each: impl FnMut(LeadId, Enrolment) + Send,
) -> Result<(), StoreError> {
    let mut cursor = None;
    loop {
        let page = store.survey(cursor).await?;
        for item in page.items {
            match item {
                Surveyed::State { lead, .. } => {
                    if let Some(enrolment) = lead.enrolment {
                        each(lead.id, enrolment);
                    }
                }
                Surveyed::History(_) | Surveyed::Submission(_) | Surveyed::Import(_) => {}
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
