//! On what ground a lead is mailed, and what it wants.
//!
//! **Invariants:** what was taken back comes back only when the person confirms it; nobody gets more opt-in mails
//! than [`OPT_IN_MAX`](crate::consent::OPT_IN_MAX), nor two within a day, whoever asks for them (H18).

use jiff::{SignedDuration, Timestamp};

use super::{Draft, Due, PlannedTouch};
use crate::consent::{
    ConsentBasis, ConsentSource, ConsentText, MailRules, OptInRule, Preferences, Question, opt_in_mail, opt_in_touch,
};
use crate::event::{DeferReason, Event, SkipReason};
use crate::ids::{FormName, Language, LeadId, ProgramName};
use crate::lead::{EmailReach, LifecycleStage, Reach, StageKind};
use crate::program::{TouchClass, Voice};
use crate::submission::{Channel, Submission};

/// Whether what a submission allows was ever taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Mail goes out.
    Open,
    /// Nobody said no; a time was over. Getting in touch again is as good as the first time.
    Lapsed,
    /// The person, or whoever supplied the lead, said no.
    TakenBack,
    /// There is nothing to mail, or for good no way to.
    Closed,
}

impl Standing {
    const fn of(email: EmailReach) -> Self {
        match email {
            EmailReach::Ok | EmailReach::Unconfirmed => Self::Open,
            EmailReach::NoConsent => Self::Lapsed,
            EmailReach::DoNotEmail | EmailReach::Unsubscribed => Self::TakenBack,
            EmailReach::Missing | EmailReach::NotMailable | EmailReach::HardBounced | EmailReach::Complained => {
                Self::Closed
            }
        }
    }
}

impl Draft<'_> {
    // --- What a submission allows ------------------------------------------------------------

    /// Somebody who was erased, or whose address a list forbade, comes in: they are asked anew. A list cannot bring
    /// back who was erased.
    pub(super) fn receive_again(&mut self, id: &LeadId, submission: &Submission) {
        let Some(was_known) = self.lead.as_ref().map(|lead| lead.life > 0) else { return };
        match submission.channel {
            Channel::Import if was_known => return,
            Channel::Form | Channel::Email | Channel::Import => {}
        }
        self.receive(id, submission);
        let is_admitted = self.lead.as_ref().is_some_and(|lead| lead.stage.kind() != StageKind::Terminal);
        if was_known && is_admitted && !submission.is_junk() {
            self.put_the_question(Some(submission.program.clone()));
        }
    }

    /// What a clean submission says of consent.
    pub(super) fn agrees(&mut self, submission: &Submission) {
        match submission.channel {
            // A list says what somebody knows of the person. It gives nothing back that was taken.
            Channel::Import => return,
            Channel::Form | Channel::Email => {}
        }
        self.agrees_by(&submission.form, &submission.program, submission.consent.as_ref());
    }

    /// What a form says of consent that leads to a program, with the text that its sender agreed to, if any.
    pub(super) fn agrees_by(&mut self, form: &FormName, program: &ProgramName, text: Option<&ConsentText>) {
        let Some(lead) = &self.lead else { return };
        let basis = lead.consent.as_ref().map(|consent| consent.basis);
        match Standing::of(lead.email) {
            Standing::Closed => {}
            Standing::TakenBack => {
                if text.is_some() {
                    self.put_the_question(Some(program.clone()));
                }
            }
            Standing::Open if basis == Some(ConsentBasis::Confirmed) => {}
            Standing::Open | Standing::Lapsed if self.must_confirm(program) => {
                self.put_the_question(Some(program.clone()));
            }
            Standing::Open | Standing::Lapsed => self.record_agreement(basis, form, text),
        }
    }

    fn record_agreement(&mut self, before: Option<ConsentBasis>, form: &FormName, text: Option<&ConsentText>) {
        let source = ConsentSource::Form(form.clone());
        if text.is_some() {
            let text = text.cloned();
            self.record(Event::ConsentChanged { basis: Some(ConsentBasis::Stated), source, text, until: None });
            return;
        }
        let until = self.rules().implied_days.map(|days| self.now + days_of(days));
        let has_lapsed = self.lead.as_ref().is_some_and(|lead| lead.email == EmailReach::NoConsent);
        // What has no end, and ends nothing, is not recorded: that somebody got in touch is in history already.
        if has_lapsed || (until.is_some() && before.is_none_or(|basis| basis == ConsentBasis::Implied)) {
            self.record(Event::ConsentChanged { basis: Some(ConsentBasis::Implied), source, text: None, until });
        }
    }

    fn rules(&self) -> MailRules {
        let catalog = self.catalog;
        self.lead.as_ref().map_or(catalog.elsewhere, |lead| catalog.rules_for(lead, self.profile))
    }

    fn must_confirm(&self, program: &ProgramName) -> bool {
        let asks = |name: &ProgramName| {
            self.catalog.program_or_last_resort(name).is_some_and(|program| program.opt_in == OptInRule::Double)
        };
        self.catalog.opt_in.is_some() && (self.rules().opt_in == OptInRule::Double || asks(program))
    }

    /// Somebody is let in of whom no form says that they agree: where it takes a confirmed opt-in, they are asked.
    pub(super) fn confirms_first(&mut self, program: &ProgramName) {
        let Some(lead) = &self.lead else { return };
        let is_confirmed = lead.consent.as_ref().is_some_and(|consent| consent.basis == ConsentBasis::Confirmed);
        if Standing::of(lead.email) == Standing::Open && !is_confirmed && self.must_confirm(program) {
            self.put_the_question(Some(program.clone()));
        }
    }

    /// A program whose mails take a confirmed opt-in begins.
    pub(super) fn ask_for_program(&mut self, rule: OptInRule) {
        let Some(lead) = &self.lead else { return };
        let is_confirmed = lead.consent.as_ref().is_some_and(|consent| consent.basis == ConsentBasis::Confirmed);
        if rule == OptInRule::Double && lead.email == EmailReach::Ok && !is_confirmed && self.catalog.opt_in.is_some() {
            self.put_the_question(None);
        }
    }

    /// Asks whether the person wants mail, unless they are being asked. Who was asked too often is not asked again.
    fn put_the_question(&mut self, then: Option<ProgramName>) {
        let (Some(lead), Some(letter)) = (&self.lead, &self.catalog.opt_in) else { return };
        if lead.opt_in.until.is_some() || Standing::of(lead.email) == Standing::Closed {
            return;
        }
        let until = self.now + days_of(letter.wait_days);
        match lead.opt_in.next_allowed(self.now) {
            Some(due_at) => self.record(Event::OptInAsked { due_at, until: until.max(due_at), then }),
            None if Standing::of(lead.email) == Standing::Open => self.take_consent_away(),
            None => {}
        }
    }

    /// The opt-in mail is due: a touch of the lead, beside its program, under the same protocol as every other.
    pub(super) fn ask_to_confirm(&mut self) -> Due {
        let (Some(lead), Some(mail)) = (&self.lead, opt_in_mail()) else { return Due::Nothing };
        let Some(touch) = opt_in_touch(lead) else { return Due::Nothing };
        if Standing::of(lead.email) == Standing::Closed || self.catalog.opt_in.is_none() {
            let reason = SkipReason::Suppressed(lead.email);
            self.record(Event::TouchSkipped { touch, reason });
            return Due::Settled;
        }
        if let Some(until) = lead.rests_until(self.now) {
            self.record(Event::TouchDeferred { touch, reason: DeferReason::AddressRests, until });
            return Due::Settled;
        }
        let attempt = lead.opt_in.attempts.saturating_add(1);
        // What was decided so far is committed first; the mail is still due then.
        if self.events.is_empty() {
            let class = TouchClass::Response;
            self.send = Some(PlannedTouch { touch, attempt, voice: Voice::Team, class, mail, asked: Vec::new() });
        }
        Due::Nothing
    }

    // --- What the person says ----------------------------------------------------------------

    pub(super) fn opted_in(&mut self, text: Option<ConsentText>) {
        let Some(lead) = &self.lead else { return };
        if Question::of(lead) != Question::Open {
            return;
        }
        let (stage, waited_until, then) = (lead.stage, lead.opt_in.until, lead.opt_in.then.clone());
        let is_sales_word = lead.disqualified.is_some();
        let (basis, source) = (Some(ConsentBasis::Confirmed), ConsentSource::OptInPage);
        self.record(Event::ConsentChanged { basis, source, text, until: None });
        if stage == LifecycleStage::Disqualified {
            if !is_sales_word && self.reopen() {
                let catalog = self.catalog;
                let wanted = then.as_ref().unwrap_or(&catalog.last_resort);
                self.nurture(catalog.program_or_last_resort(wanted), Some(Channel::Form));
            }
            return;
        }
        self.plan_what_waited(waited_until);
    }

    pub(super) fn preferred(&mut self, preferences: &Preferences, language: Option<Language>) {
        let Some(lead) = &self.lead else { return };
        let is_new = &lead.preferences != preferences || (language.is_some() && lead.language != language);
        if lead.stage.kind() == StageKind::Terminal || !is_new {
            return;
        }
        self.record(Event::PreferencesChanged { preferences: preferences.clone(), language });
    }

    // --- What ends ---------------------------------------------------------------------------

    /// Whether consent that ends by itself has ended.
    pub(super) fn consent_ends(&self) -> bool {
        let until = self.lead.as_ref().and_then(|lead| lead.consent.as_ref()).and_then(|consent| consent.until);
        until.is_some_and(|until| until <= self.now)
    }

    /// The question was not answered in time, or consent has run out.
    pub(super) fn consent_lapses(&mut self) {
        self.take_consent_away();
    }

    fn take_consent_away(&mut self) {
        self.record(Event::ConsentChanged { basis: None, source: ConsentSource::Time, text: None, until: None });
        self.listen_if_unreachable();
    }

    /// Whoever cannot lawfully be reached in nurture is only listened to.
    pub(super) fn listen_if_unreachable(&mut self) {
        let in_nurture = self.lead.as_ref().is_some_and(|lead| {
            [LifecycleStage::Inquiry, LifecycleStage::Recycled].contains(&lead.stage) && lead.reach() == Reach::Nobody
        });
        if in_nurture {
            self.listen();
        }
    }

    /// A list says why mail may not go to an address, whoever it belongs to.
    pub(super) fn listed(&mut self, id: &LeadId, cause: EmailReach) {
        if self.lead.is_none() {
            self.record(Event::AddressListed { lead: id.clone(), cause });
        } else {
            self.suppress(cause);
        }
    }

    pub(super) fn erase(&mut self) {
        if self.lead.as_ref().is_some_and(|lead| lead.stage != LifecycleStage::Erased) {
            self.record(Event::Erased);
        }
    }

    /// When mail that waits for a confirmation is looked at again.
    pub(super) fn awaits_consent(&self) -> Option<Timestamp> {
        let lead = self.lead.as_ref().filter(|lead| lead.email == EmailReach::Unconfirmed)?;
        lead.opt_in.until
    }
}

fn days_of(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}
