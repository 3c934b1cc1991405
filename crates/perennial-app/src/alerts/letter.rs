//! What an alert says: who, why now, by when, what there is to know, and the one link.
//!
//! **Invariant:** whatever comes from a person is text and nothing else. A rep is never asked to call without a reason
//! that stands in the mail.

use jiff::civil::Date;
use perennial_core::catalog::Catalog;
use perennial_core::content::Rendered;
use perennial_core::event::Event;
use perennial_core::lead::{Lead, LifecycleStage, Ownership, PhoneReach, Task, TaskKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::sales::{Audience, Origin, Outcome, Party, QualifyCause, Trigger};
use perennial_core::score::Line;

use super::page::Page;
use super::{Addressee, Raised};
use crate::desk::Seat;
use crate::dossier::{Deeds, Dossier, PastTurnback, encoded};
use crate::ports::HistoryRow;
use crate::telling::{self, capitalised};

/// The most answers that a mail repeats; the rest is on the page.
const ANSWERS_MAX: usize = 12;

/// The most notes.
const NOTES_MAX: usize = 3;

/// The most lines of a score.
const SCORE_LINES_MAX: usize = 6;

/// The longest answer or note that is repeated whole, in characters.
const VALUE_LENGTH_MAX: usize = 600;

/// What a mail about one lead is made of.
pub(super) struct Letter<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) lead: &'a Lead,
    pub(super) dossier: &'a Dossier,
    pub(super) to: &'a Addressee<'a>,
    /// The link to the lead's page.
    pub(super) page: &'a str,
}

impl Letter<'_> {
    /// An alert. `row` is the row of history that it stands in.
    pub(super) fn alert(&self, raised: &Raised, row: Option<&HistoryRow>) -> Rendered {
        let headline = self.headline(raised, row);
        let subject = if tells_deadline(raised.trigger) { headline.clone() + &self.until() } else { headline.clone() };
        let mut page = Page::default();
        page.say_loud(&format!("{headline}."));
        for sentence in self.why(raised, row) {
            page.say(&sentence);
        }
        self.body(&mut page);
        page.finish(&subject, &self.footer(raised.audience, &raised.owner))
    }

    /// A task that is to be done today.
    pub(super) fn task(&self, task: &Task) -> Rendered {
        let what = telling::task(task.kind, &self.dossier.who.in_full());
        let headline = format!("Today: {what}");
        let mut page = Page::default();
        page.say_loud(&format!("{headline}."));
        self.body(&mut page);
        let subject = format!("{headline} by {}", self.to.reading.due(task.due_at));
        let owner = self.lead.owner.clone().unwrap_or_else(|| self.default_owner());
        page.finish(&subject, &self.footer(Audience::Owner, &owner))
    }

    fn default_owner(&self) -> Ownership {
        Ownership::Queue { queue: self.catalog.default_queue.clone() }
    }

    /// All that is the same whatever the reason: the clock, the link, and what is known.
    fn body(&self, page: &mut Page) {
        if let Some(clock) = self.clock() {
            page.say(&clock);
        }
        let who = &self.dossier.who.name;
        let then = ": take them on, say how it went, set a day, or give them back with a reason.";
        page.link(&format!("Open the page of {who}"), self.page, then);
        self.open_task(page);
        page.list("What they did", &self.signs());
        self.reach(page);
        page.list("What they told us", &self.answers());
        page.list("What they got from us", &self.mails());
        page.list("What was before", &self.past());
        page.list("What sales noted", &self.notes());
        page.list(&format!("Why their score is {}", self.dossier.score.total), &self.score());
    }

    // --- Why now -----------------------------------------------------------------------------

    /// What stands in the subject: readable on a locked screen.
    fn headline(&self, raised: &Raised, row: Option<&HistoryRow>) -> String {
        let who = self.dossier.who.in_full();
        let owner = &self.catalog.owner_sender(Some(&raised.owner)).name;
        match raised.trigger {
            Trigger::Qualified => format!("{who} {}", self.wish(row)),
            Trigger::Requalified if self.lead.cycle.origin == Origin::Customer => {
                format!("{who}, a customer, {}", self.wish(row))
            }
            Trigger::Requalified => format!("{who} is back, and {}", self.wish(row)),
            // A queue may get what it had.
            Trigger::Resubmitted if raised.owner.rep().is_none() => format!("{who} still waits for a decision"),
            Trigger::Resubmitted => format!("{who} waits for a decision, and is yours now"),
            Trigger::Reassigned => format!("{who} is yours now"),
            Trigger::HandRaised => format!("{who} asks again {}", self.for_what()),
            Trigger::Replied => format!("{who} wrote back"),
            Trigger::PricingVisited => format!("{who} is looking at prices"),
            Trigger::MeetingBooked => format!("{who} booked a meeting"),
            Trigger::Answered => format!("{who} {}", self.answered()),
            Trigger::Moment => format!("{who}: {}", moment(row).trim_end_matches('.')),
            Trigger::FirstAttemptDue => format!("{who} still waits"),
            Trigger::FirstAttemptMissed if self.is_owners(&raised.owner) => format!("{who} has waited too long"),
            Trigger::FirstAttemptMissed => format!("{who} has waited too long for {owner}"),
            Trigger::NotDecided => format!("{who} leaves sales: nobody decided"),
            Trigger::Idle => format!("{who}: nothing has happened for {}", self.idle_for()),
            Trigger::IdleLong => format!("{who}: {owner} has done nothing for {}", self.idle_for()),
            Trigger::TaskOverdue => self.overdue(raised, &who, owner),
            Trigger::Expired => format!("{who} leaves sales: nothing happened for {}", self.expired_after(row)),
            Trigger::Unreachable => self.unreachable(&who),
        }
    }

    /// What a lead that is ready wants.
    fn wish(&self, row: Option<&HistoryRow>) -> String {
        let cause = row.and_then(cause_of).or_else(|| self.lead.cycle.qualified.map(|qualified| qualified.cause));
        match cause {
            Some(QualifyCause::HandRaise) => format!("asks {}", self.for_what()),
            Some(QualifyCause::HumanReply) => "wrote back".to_owned(),
            Some(QualifyCause::ScoreThreshold | QualifyCause::RequalifyRule { .. } | QualifyCause::RepManual)
            | None => "is ready for a conversation".to_owned(),
        }
    }

    /// What somebody who raises a hand can lawfully get.
    fn for_what(&self) -> &'static str {
        match self.lead.phone {
            PhoneReach::Ok => "for a call",
            PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall => "for an answer",
        }
    }

    fn answered(&self) -> String {
        let answered = self.dossier.signs.iter().find(|sign| matches!(sign.what, Deeds::Answered { .. }));
        answered.map_or_else(
            || "answered a question".to_owned(),
            |sign| telling::sign(self.catalog, &self.dossier.mails, sign),
        )
    }

    fn overdue(&self, raised: &Raised, who: &str, owner: &str) -> String {
        let task = raised.touch.as_ref().zip(self.lead.task.as_ref()).filter(|(touch, task)| *touch == &task.touch);
        let kind = task.map_or_else(|| self.likely_task(), |(_, task)| task.kind);
        let what = telling::task(kind, who);
        match raised.audience {
            Audience::Owner => format!("Due now: {what}"),
            Audience::Manager => format!("Not done by {owner}: {what}"),
        }
    }

    /// What a task that is over most likely was.
    fn likely_task(&self) -> TaskKind {
        if self.lead.may_be_called() {
            TaskKind::Call
        } else if self.lead.may_be_written_to() {
            TaskKind::Write
        } else {
            TaskKind::RepairData
        }
    }

    fn unreachable(&self, who: &str) -> String {
        if self.lead.unwilling || self.lead.email.is_refusal() {
            format!("{who} wants no more mail")
        } else {
            format!("Mail to {who} comes back")
        }
    }

    fn idle_for(&self) -> String {
        self.lead.sla.as_ref().map_or_else(|| "some time".to_owned(), |clock| self.to.reading.days_since(clock.since))
    }

    /// For how long nothing happened with a lead that has left: from its last sign of life in sales.
    fn expired_after(&self, row: Option<&HistoryRow>) -> String {
        let last = self.dossier.deeds.iter().map(|deed| deed.at).find(|at| row.is_none_or(|row| *at < row.at));
        last.map_or_else(|| "too long".to_owned(), |at| self.to.reading.days_since(at))
    }

    /// What stands below the headline: what it rests on, and what helps.
    fn why(&self, raised: &Raised, row: Option<&HistoryRow>) -> Vec<String> {
        let owner = &self.catalog.owner_sender(Some(&raised.owner)).name;
        match raised.trigger {
            Trigger::Qualified | Trigger::Requalified => {
                let mut sentences = self.because(row);
                sentences.extend(self.dossier.turnbacks.first().map(|past| format!("{}.", self.gave_back(past))));
                sentences
            }
            Trigger::Resubmitted => vec![match row.and_then(passed_over) {
                Some(TurnbackReason::RepLeft) => "Whoever had them has left.".to_owned(),
                Some(_) | None => "Nobody decided in time.".to_owned(),
            }],
            Trigger::Reassigned if row.is_some_and(is_breached) => {
                vec!["They have waited too long for somebody else.".to_owned()]
            }
            Trigger::Reassigned => vec!["They were handed to you as they stand.".to_owned()],
            Trigger::FirstAttemptMissed => vec![format!("{owner} has recorded no attempt to reach them.")],
            Trigger::NotDecided => {
                vec!["Nobody whom they were offered to decided in time. They are in nurture again.".to_owned()]
            }
            Trigger::Idle => vec![
                "A next step that helps them, a day to come back on, or a reason to give them back: each is one press."
                    .to_owned(),
            ],
            Trigger::IdleLong | Trigger::Expired => {
                vec![format!("{owner} had them, and recorded no step, no meeting and no task since.")]
            }
            Trigger::Unreachable => vec![self.how_else().to_owned()],
            Trigger::HandRaised
            | Trigger::Replied
            | Trigger::PricingVisited
            | Trigger::MeetingBooked
            | Trigger::Answered
            | Trigger::Moment
            | Trigger::FirstAttemptDue
            | Trigger::TaskOverdue => Vec::new(),
        }
    }

    /// Why a lead is ready.
    fn because(&self, row: Option<&HistoryRow>) -> Vec<String> {
        match row.and_then(cause_of) {
            Some(QualifyCause::ScoreThreshold) => {
                let (score, needed) = (self.dossier.score.total, self.catalog.gate.score);
                vec![format!("Their score is {score}; {needed} are enough. What it is made of stands below.")]
            }
            Some(QualifyCause::RequalifyRule { reason }) => {
                vec![format!("What \u{201c}{}\u{201d} waits for has come.", telling::reason(reason))]
            }
            Some(QualifyCause::HandRaise | QualifyCause::HumanReply | QualifyCause::RepManual) | None => Vec::new(),
        }
    }

    fn how_else(&self) -> &'static str {
        match self.lead.phone {
            PhoneReach::Ok => "They may be called.",
            PhoneReach::Missing | PhoneReach::Bad | PhoneReach::DoNotCall => {
                "No number is known that they may be called at."
            }
        }
    }

    // --- By when -----------------------------------------------------------------------------

    /// The deadline, for a subject.
    fn until(&self) -> String {
        let Some(by) = self.lead.sla.as_ref().and_then(|clock| clock.attempt_by) else { return String::new() };
        let reading = &self.to.reading;
        match reading.minutes_left(by) {
            Some(left) => format!(": {left} left"),
            None if by <= reading.now => ": the first attempt is overdue".to_owned(),
            None => format!(": first attempt by {}", reading.due(by)),
        }
    }

    /// The clock of the lead's stage, in a sentence.
    fn clock(&self) -> Option<String> {
        let clock = self.lead.sla.as_ref()?;
        let reading = &self.to.reading;
        if let Some(by) = clock.attempt_by {
            let left = reading.minutes_left(by).map(|left| format!(", in {left}")).unwrap_or_default();
            return Some(if by <= reading.now {
                format!("The first attempt was due {}.", reading.past(by))
            } else {
                format!("First attempt by {}{left}.", reading.due(by))
            });
        }
        let end = reading.due(clock.ends_at);
        Some(if self.lead.stage == LifecycleStage::Mql {
            format!("A decision is due by {end}: after that another gets them.")
        } else {
            format!("Without another step by {end} they leave your list.")
        })
    }

    // --- What is to be done ------------------------------------------------------------------

    fn open_task(&self, page: &mut Page) {
        let Some(task) = &self.lead.task else { return };
        let what = capitalised(&telling::task(task.kind, &self.dossier.who.name));
        let due = self.to.reading.due(task.due_at);
        let when = if task.due_at <= self.to.reading.now { "it was due" } else { "due" };
        page.heading("What is to be done");
        page.say(&format!("{what}: {when} {due}."));
        let Some(draft) = &self.dossier.draft else { return };
        if let Some(address) = &self.dossier.reach.email {
            page.button("Open the draft in your mail program", &draft.mailto(address));
        }
        page.say(&format!("A draft: \u{201c}{}\u{201d}", draft.subject));
        page.quote(&draft.text);
    }

    fn reach(&self, page: &mut Page) {
        let reach = &self.dossier.reach;
        page.heading("How to reach them");
        match &reach.phone {
            Some(phone) => page.way("Phone", phone, &format!("tel:{phone}")),
            None => page.item(telling::no_calls(reach.calls)),
        }
        match &reach.email {
            Some(email) => page.way("Mail", email, &format!("mailto:{}", encoded(email))),
            None => page.item(telling::no_mail(reach.mail)),
        }
        if let Some(time) = self.their_time() {
            page.item(&time);
        }
        page.end_list();
    }

    fn their_time(&self) -> Option<String> {
        let name = self.dossier.reach.zone.as_deref()?;
        let zone = perennial_core::calendar::zone(name)?;
        let now = self.to.reading.now.to_zoned(zone).strftime("%H:%M on %A").to_string();
        Some(format!("Where they are ({name}) it is {now}."))
    }

    // --- What is known -----------------------------------------------------------------------

    fn signs(&self) -> Vec<String> {
        let line = |sign: &crate::dossier::Sign| {
            let when = capitalised(&self.to.reading.past(sign.at));
            format!("{when}: {}", telling::sign(self.catalog, &self.dossier.mails, sign))
        };
        self.dossier.signs.iter().map(line).collect()
    }

    fn answers(&self) -> Vec<String> {
        let answers = self.dossier.answers.iter().take(ANSWERS_MAX);
        let line = |answer: &crate::dossier::Answer| {
            let doubt = if answer.is_doubted { " (does not hold, as sales found out)" } else { "" };
            let day = answer.value.parse::<Date>().ok().map(|day| self.to.reading.day(day));
            format!("{}: {}{doubt}", answer.label, day.unwrap_or_else(|| shortened(&answer.value)))
        };
        answers.map(line).collect()
    }

    fn mails(&self) -> Vec<String> {
        let line = |mail: &crate::dossier::SentMail| {
            let what = mail.subject.clone().unwrap_or_else(|| format!("{} ({})", mail.touch.step, mail.touch.program));
            format!("{}: {what}", capitalised(&self.to.reading.past(mail.at)))
        };
        self.dossier.mails.iter().map(line).collect()
    }

    /// Earlier cycles, and what sales did in this one.
    fn past(&self) -> Vec<String> {
        let reading = &self.to.reading;
        let turnbacks = self.dossier.turnbacks.iter().map(|past| self.gave_back(past));
        let is_told = |deed: &&crate::dossier::Deed| matches!(deed.outcome, Outcome::TurnedBack(_));
        let deeds = self.dossier.deeds.iter().filter(|deed| !is_told(deed)).map(|deed| {
            let who = capitalised(&self.name_of(&deed.by));
            format!("{}: {who} {}", capitalised(&reading.past(deed.at)), telling::outcome(&deed.outcome, reading))
        });
        turnbacks.chain(deeds).collect()
    }

    /// `You gave them back on 3 March at 10:30: no budget, to come back on 1 October`.
    fn gave_back(&self, past: &PastTurnback) -> String {
        let reading = &self.to.reading;
        let reason = telling::reason(past.reason);
        let day = past.on.map(|on| format!(", to come back on {}", reading.day(on))).unwrap_or_default();
        let when = reading.past(past.at);
        match &past.by {
            Party::Suite => format!("They left sales {when}: {reason}"),
            Party::Rep { .. } | Party::Queue { .. } | Party::Crm | Party::Operator => {
                format!("{} gave them back {when}: {reason}{day}", capitalised(&self.name_of(&past.by)))
            }
        }
    }

    fn name_of(&self, by: &Party) -> String {
        let is_reader = match (by, &self.to.seat) {
            (Party::Rep { rep }, Seat::Rep(reader)) => rep == reader,
            (Party::Queue { queue }, Seat::Queue(reader)) => queue == reader,
            (Party::Rep { .. } | Party::Queue { .. } | Party::Crm | Party::Operator | Party::Suite, _) => false,
        };
        match by {
            _ if is_reader => "you".to_owned(),
            Party::Rep { rep } => {
                self.catalog.roster.reps.get(rep).map_or_else(|| rep.to_string(), |rep| rep.sender.name.clone())
            }
            Party::Queue { queue } => self.catalog.queue_sender(queue).name.clone(),
            Party::Crm => "the CRM".to_owned(),
            Party::Operator => "an operator".to_owned(),
            Party::Suite => "the suite".to_owned(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let line = |note: &perennial_core::profile::Note| {
            let by = telling::noted_by(self.catalog, &note.by);
            format!("{}, {by}: {}", capitalised(&self.to.reading.past(note.at)), shortened(&note.text))
        };
        self.dossier.notes.iter().take(NOTES_MAX).map(line).collect()
    }

    fn score(&self) -> Vec<String> {
        let lines = self.dossier.score.lines(&self.to.reading.zone);
        let line = |line: &Line| {
            let points = line.points.to_string();
            // In a list, a minus would look like another dash.
            let points = points.strip_prefix('-').map_or_else(|| points.clone(), |points| format!("less {points}"));
            format!("{points}: {}", line.cause)
        };
        lines.iter().take(SCORE_LINES_MAX).map(line).collect()
    }

    /// Whether whoever reads it is the owner: a queue has nobody above it.
    fn is_owners(&self, owner: &Ownership) -> bool {
        match (&self.to.seat, owner) {
            (Seat::Queue(reader), Ownership::Queue { queue }) => reader == queue,
            (Seat::Rep(reader), owner) => owner.rep() == Some(reader),
            (Seat::Queue(_), _) => false,
        }
    }

    fn footer(&self, audience: Audience, owner: &Ownership) -> String {
        let (seat, zone) = (&self.to.seat, &self.to.reading.zone);
        let zone = zone.iana_name().unwrap_or("UTC");
        let is_own = match (seat, owner.rep()) {
            (Seat::Rep(reader), Some(rep)) => reader == rep,
            (Seat::Queue(_), _) | (Seat::Rep(_), None) => audience == Audience::Owner,
        };
        let why = if is_own || self.is_owners(owner) {
            "You get this because you answer for this lead.".to_owned()
        } else {
            format!("You get this because {} answers to you.", self.catalog.owner_sender(Some(owner)).name)
        };
        format!("{why} Times are those of {zone}.\n{}", self.catalog.organisation.name)
    }
}

/// Whether a lead's first deadline belongs into the subject.
const fn tells_deadline(trigger: Trigger) -> bool {
    match trigger {
        Trigger::Qualified
        | Trigger::Requalified
        | Trigger::Resubmitted
        | Trigger::Reassigned
        | Trigger::HandRaised
        | Trigger::FirstAttemptDue => true,
        Trigger::Replied
        | Trigger::PricingVisited
        | Trigger::MeetingBooked
        | Trigger::Answered
        | Trigger::Moment
        | Trigger::FirstAttemptMissed
        | Trigger::NotDecided
        | Trigger::Idle
        | Trigger::IdleLong
        | Trigger::TaskOverdue
        | Trigger::Expired
        | Trigger::Unreachable => false,
    }
}

/// Why the lead was found ready in that row.
fn cause_of(row: &HistoryRow) -> Option<QualifyCause> {
    row.entries.iter().find_map(|entry| {
        let (Event::Qualified { cause, .. } | Event::Requalified { cause, .. }) = entry else { return None };
        Some(*cause)
    })
}

/// Why a lead was offered anew in that row.
fn passed_over(row: &HistoryRow) -> Option<TurnbackReason> {
    row.entries.iter().find_map(|entry| {
        let Event::Resubmitted { reason, .. } = entry else { return None };
        Some(*reason)
    })
}

/// Whether a deadline passed in that row.
fn is_breached(row: &HistoryRow) -> bool {
    row.entries.iter().any(|entry| matches!(entry, Event::SlaBreached { .. }))
}

/// What a program says of the moment of that row.
fn moment(row: Option<&HistoryRow>) -> &str {
    let message = row.and_then(|row| {
        row.entries.iter().find_map(|entry| {
            let Event::MomentRaised { message, .. } = entry else { return None };
            Some(message.as_str())
        })
    });
    message.unwrap_or("an interesting moment")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE_LENGTH_MAX) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}
