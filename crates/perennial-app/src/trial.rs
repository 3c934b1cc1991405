//! One mail of a program, sent to a colleague to look at before anybody gets it.
//!
//! **Invariants:** it is no touch: it is written for a sample and not for a lead, nothing is recorded of anybody, and
//! whatever SES tells of it finds back to nobody. None of its links to ourselves is signed with a key of ours or leads to
//! us, so a click counts for nobody and nobody is unsubscribed by it. It says in its subject that it is a test.

use std::sync::Arc;

use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::SendOutcome;
use perennial_core::ids::{Language, LeadId, Pepper, ProgramName, StepId, TemplateName};
use perennial_core::lead::{EmailReach, Lead};

use crate::ports::{Cause, Clock, Notice, Notifier, OutboundMail, Store, StoreError};
use crate::preview::{NoMail, Sample, mail_of};

/// What every test mail's subject begins with.
pub const MARK: &str = "[Test]";

/// Sends mails to look at.
#[derive(Clone)]
pub struct Trial {
    /// Where it is looked up whether an address may be mailed.
    pub store: Arc<dyn Store>,
    /// Who hands them over.
    pub notifier: Arc<dyn Notifier>,
    /// What ids are derived with.
    pub pepper: Pepper,
    /// The suite's time.
    pub clock: Arc<dyn Clock>,
}

/// Which mail, and for whom it is written.
#[derive(Debug, Clone)]
pub struct TrialMail {
    /// The program.
    pub program: ProgramName,
    /// The step of it.
    pub step: StepId,
    /// Which of its mails, where the step has several.
    pub template: Option<TemplateName>,
    /// The language that it is wanted in.
    pub language: Option<Language>,
    /// For whom it is written.
    pub sample: Sample,
}

/// Why no mail was sent, or nobody knows whether one was.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no such mail.
    #[error(transparent)]
    NoMail(#[from] NoMail),
    /// SES takes no such address.
    #[error("the address cannot be mailed: what stands before its @ is not ASCII")]
    NotMailable,
    /// Whoever has the address does not want mail, or mail to it does not arrive.
    #[error("no mail goes to that address: {0}")]
    Suppressed(&'static str),
    /// SES will not take it.
    #[error("SES refused the mail")]
    Refused(#[source] Option<Cause>),
    /// SES was not reached, or takes none just now.
    #[error("nothing was sent: SES was not reached, or takes no mail just now")]
    NotNow(#[source] Option<Cause>),
    /// No answer came.
    #[error("no answer came: the mail may have gone out or not")]
    Ambiguous(#[source] Option<Cause>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Trial {
    /// Sends a mail once. Answers its subject.
    pub async fn send(&self, catalog: &Catalog, mail: &TrialMail, to: &EmailAddress) -> Result<String, TrialError> {
        let address = to.mailable().ok_or(TrialError::NotMailable)?;
        let known = self.store.load(&LeadId::of_email(&self.pepper, to)).await?;
        if let Some(why) = known.and_then(|known| why_not(&known.lead)) {
            return Err(TrialError::Suppressed(why));
        }
        let mut sample = mail.sample.clone();
        if mail.language.is_some() {
            sample.language.clone_from(&mail.language);
        }
        let (template, wanted) = (mail.template.as_ref(), mail.language.as_ref());
        let written = mail_of(catalog, &mail.program, &mail.step, template, wanted, &sample, self.clock.now())?;
        let notice = self.notice(mail, written, address);
        let report = self.notifier.notify(&notice).await;
        match report.outcome {
            SendOutcome::Accepted { .. } => Ok(notice.subject),
            SendOutcome::Refused(_) => Err(TrialError::Refused(report.cause)),
            SendOutcome::NotYet(_) => Err(TrialError::NotNow(report.cause)),
            SendOutcome::Ambiguous => Err(TrialError::Ambiguous(report.cause)),
        }
    }

    /// Without what would unsubscribe by a press of a mail program, and without what a reply would bring back.
    fn notice(&self, mail: &TrialMail, written: OutboundMail, to: String) -> Notice {
        let now = self.clock.now();
        let OutboundMail { from_name, from_address, subject, text, html, .. } = written;
        Notice {
            from_name,
            from_address,
            to,
            subject: format!("{MARK} {subject}"),
            text,
            html,
            headers: vec![("Auto-Submitted", "auto-generated".to_owned())],
            date: now,
            effect: format!("test.{}.{}.{}", mail.program, mail.step, now.as_millisecond()),
        }
    }
}

/// Why not even a test goes to the address of a lead.
fn why_not(lead: &Lead) -> Option<&'static str> {
    match lead.email {
        EmailReach::HardBounced => Some("mail to it bounced for good"),
        EmailReach::Complained => Some("its owner complained of our mail"),
        EmailReach::NoConsent | EmailReach::DoNotEmail | EmailReach::Unsubscribed => Some("its owner wants no mail"),
        EmailReach::Ok | EmailReach::Missing | EmailReach::NotMailable | EmailReach::Unconfirmed => {
            lead.unwilling.then_some("its owner wants no mail")
        }
    }
}
