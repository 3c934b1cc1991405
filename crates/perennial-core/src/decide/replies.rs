//! What a mail that came in means for its lead.
//!
//! **Invariants:** what may be anybody's mail changes no consent and stops no program; a machine's mail is never a sign
//! of the person; a pause always ends, and many mails make it no longer than one (F31).

use jiff::{SignedDuration, Timestamp};

use super::{Draft, ReceivedMail};
use crate::condition::{Facts, SignalKind};
use crate::event::Event;
use crate::ids::TouchId;
use crate::inbound::{ABSENCE_DAYS_MAX, Absence, Attribution, Kind, Wish};
use crate::lead::{EmailReach, PauseCause, StageKind, TaskKind};

/// How long the owner has to read what a machine does not act on alone.
const READ_DUE: SignedDuration = SignedDuration::from_hours(24);

/// What the owner is told of a reply.
const WROTE_BACK: &str = "They wrote back.";

impl Draft<'_> {
    pub(super) fn mail_received(&mut self, mail: &ReceivedMail, before: Option<&Facts<'_>>) {
        if self.lead.as_ref().is_none_or(|lead| lead.stage.kind() == StageKind::Terminal) {
            return;
        }
        match (mail.kind, mail.certainty) {
            (Kind::Human(wish), certainty) => self.person_wrote(mail, wish, certainty, before),
            (Kind::Automatic(absence), Attribution::Certain) => self.person_is_away(absence),
            (Kind::Unsubscribe, Attribution::Certain) => self.suppress(EmailReach::Unsubscribed),
            (Kind::Automatic(_) | Kind::Unsubscribe, Attribution::Possible | Attribution::First)
            | (Kind::Report | Kind::Ours, _) => {}
        }
    }

    fn person_wrote(&mut self, mail: &ReceivedMail, wish: Wish, certainty: Attribution, before: Option<&Facts<'_>>) {
        let touch = mail.answers.clone().or_else(|| self.touch());
        let ReceivedMail { inbox, answers, .. } = mail.clone();
        self.record(Event::ReplyReceived { inbox, certainty, answers });
        match (certainty, wish) {
            (Attribution::Certain, Wish::OptOut) => {
                // First: whoever nobody may write to any more is left with no task but this.
                self.suppress(EmailReach::Unsubscribed);
                self.ask_to_read(touch);
            }
            (Attribution::Certain, Wish::Other) => {
                if let Some(touch) = touch {
                    self.record(Event::MomentRaised { touch, message: WROTE_BACK.to_owned() });
                }
                self.signalled(SignalKind::Replied, None, before);
                // Whatever program the reply has led to: nobody is written to by a machine in a conversation.
                self.pause(PauseCause::InConversation, self.now + self.catalog.replies.pause);
            }
            (Attribution::Possible, _) => self.ask_to_read(touch),
            // The program that begins has a task for it.
            (Attribution::First, _) => {}
        }
    }

    fn person_is_away(&mut self, absence: Absence) {
        let resume_at = match absence {
            Absence::Unsaid => return,
            Absence::Open if self.is_paused() => return,
            Absence::Open => self.now + self.catalog.replies.away,
            Absence::Until(date) => {
                let start = date.tomorrow().and_then(|day| day.to_zoned(self.zone()));
                start.map_or(self.now, |start| start.timestamp())
            }
        };
        // The date was near when it was written; by now, or by the lead's clock, it may be over.
        let furthest = self.now + SignedDuration::from_hours(24 * (ABSENCE_DAYS_MAX + 1));
        if resume_at > self.now {
            self.pause(PauseCause::OutOfOffice, resume_at.min(furthest));
        }
    }

    fn is_paused(&self) -> bool {
        self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()).is_some_and(|enrolment| enrolment.paused.is_some())
    }

    /// Lets the program stand still, unless it does so for as long already.
    pub(super) fn pause(&mut self, cause: PauseCause, resume_at: Timestamp) {
        let Some(enrolment) = self.lead.as_ref().and_then(|lead| lead.enrolment.as_ref()) else { return };
        if enrolment.paused.is_none_or(|pause| pause.resume_at < resume_at) {
            let ordinal = enrolment.ordinal;
            self.record(Event::EnrolmentPaused { ordinal, pause: cause, resume_at });
        }
    }

    /// A task for the owner, if they have none: one who never was in a program has no touch to hang it on.
    fn ask_to_read(&mut self, touch: Option<TouchId>) {
        let has_task = self.lead.as_ref().is_some_and(|lead| lead.task.is_some());
        if let Some(touch) = touch.filter(|_| !has_task) {
            self.record(Event::TaskCreated { touch, kind: TaskKind::Read, due_at: self.now + READ_DUE });
        }
    }
}
