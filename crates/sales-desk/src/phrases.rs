//! What the pages for sales say, in English; what programs, fields and people are called is the catalog's and theirs.
//!
//! **Invariants:** every text of these pages stands here, so another language is another value of [`Phrases`]; a phrase
//! is text and is escaped like any other. `{name}` and the like stand for what [`fill`] puts there.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use perennial_app::desk::view::{LeadView, Past, Reason};
use perennial_core::catalog::Catalog;
use perennial_core::condition::SignalKind;
use perennial_core::event::{DisqualifyReason, Event};
use perennial_core::ids::ProgramName;
use perennial_core::inbound::Attribution;
use perennial_core::lead::{EmailReach, LifecycleStage, Ownership, PauseCause, PhoneReach, Reach, TaskKind};
use perennial_core::policy::{TurnbackPolicy, TurnbackReason};
use perennial_core::sales::{Attempt, Origin, Outcome, Party, QualifyCause, Refusal, Trigger};
use perennial_core::submission::{Channel, Intent};
use perennial_core::timing::Delay;

use crate::given::Misread;

/// The phrases of one language.
pub(crate) struct Phrases {
    /// Which (BCP 47).
    pub(crate) language: &'static str,
    /// Above a page's title: whose desk it is.
    pub(crate) desk_of: &'static str,
    pub(crate) incomplete_title: &'static str,
    pub(crate) incomplete: &'static str,
    pub(crate) too_old_title: &'static str,
    pub(crate) too_old: &'static str,
    pub(crate) fresh_button: &'static str,
    pub(crate) fresh_title: &'static str,
    pub(crate) fresh: &'static str,
    pub(crate) draft: &'static str,
    pub(crate) not_yours_title: &'static str,
    pub(crate) not_yours: &'static str,
    pub(crate) not_saved_title: &'static str,
    pub(crate) not_saved: &'static str,
    pub(crate) errors_title: &'static str,
    pub(crate) press_again: &'static str,
    pub(crate) choose: &'static str,
    pub(crate) no_place: &'static str,
    pub(crate) gone_on: &'static str,
    pub(crate) no_name: &'static str,
    pub(crate) round: &'static str,
    pub(crate) owned_by: &'static str,
    pub(crate) back_to_list: &'static str,
    pub(crate) why_now: &'static str,
    pub(crate) where_it_stands: &'static str,
    pub(crate) attempt_by: &'static str,
    pub(crate) decide_by: &'static str,
    pub(crate) moves_on: &'static str,
    pub(crate) task_due: &'static str,
    pub(crate) call: &'static str,
    pub(crate) write: &'static str,
    pub(crate) what_happened: &'static str,
    pub(crate) reached: &'static str,
    pub(crate) reached_nobody: &'static str,
    pub(crate) note_label: &'static str,
    pub(crate) note_optional: &'static str,
    pub(crate) note_save: &'static str,
    pub(crate) notes: &'static str,
    pub(crate) meet: &'static str,
    pub(crate) meet_when: &'static str,
    pub(crate) meet_hint: &'static str,
    pub(crate) meet_button: &'static str,
    pub(crate) call_back: &'static str,
    pub(crate) call_back_when: &'static str,
    pub(crate) call_back_button: &'static str,
    pub(crate) in_an_hour: &'static str,
    pub(crate) tomorrow: &'static str,
    pub(crate) in_a_week: &'static str,
    pub(crate) your_time: &'static str,
    pub(crate) turn_back: &'static str,
    /// The same for a lead that was turned back: the reason was another.
    pub(crate) turn_back_again: &'static str,
    pub(crate) turn_back_intro: &'static str,
    pub(crate) turn_back_date: &'static str,
    pub(crate) turn_back_date_hint: &'static str,
    pub(crate) with_a_day: &'static str,
    pub(crate) without_a_day: &'static str,
    pub(crate) doubted: &'static str,
    pub(crate) not_yet: &'static str,
    pub(crate) disqualify: &'static str,
    pub(crate) disqualify_intro: &'static str,
    pub(crate) deal: &'static str,
    pub(crate) pace: &'static str,
    pub(crate) hold_until: &'static str,
    pub(crate) hold_button: &'static str,
    pub(crate) held: &'static str,
    pub(crate) resume_button: &'static str,
    pub(crate) revisit_on: &'static str,
    pub(crate) revisit_hint: &'static str,
    pub(crate) revisit_button: &'static str,
    pub(crate) hand_over: &'static str,
    pub(crate) hand_over_to: &'static str,
    pub(crate) hand_over_button: &'static str,
    pub(crate) said: &'static str,
    pub(crate) said_nothing: &'static str,
    pub(crate) doubtful: &'static str,
    pub(crate) evidence: &'static str,
    pub(crate) score: &'static str,
    pub(crate) no_signs: &'static str,
    pub(crate) begins_anew: &'static str,
    pub(crate) fits: &'static str,
    pub(crate) next: &'static str,
    pub(crate) next_nothing: &'static str,
    pub(crate) next_listen: &'static str,
    pub(crate) next_consent: &'static str,
    pub(crate) next_held: &'static str,
    pub(crate) next_paused: &'static str,
    pub(crate) history: &'static str,
    pub(crate) earlier: &'static str,
    pub(crate) unhelpful: &'static str,
    pub(crate) unhelpful_about: &'static str,
    pub(crate) is_unhelpful: &'static str,
    pub(crate) about_link: &'static str,
    pub(crate) list_title: &'static str,
    pub(crate) list_empty: &'static str,
    pub(crate) list_overdue: &'static str,
    pub(crate) list_today: &'static str,
    pub(crate) list_week: &'static str,
    pub(crate) list_later: &'static str,
    pub(crate) list_more: &'static str,
    /// The list of somebody else, for whoever may see it.
    pub(crate) list_of: &'static str,
    pub(crate) list_of_empty: &'static str,
    pub(crate) team: &'static str,
    pub(crate) team_waiting: &'static str,
    pub(crate) team_nothing: &'static str,
    pub(crate) noted: &'static str,
    pub(crate) given_to: &'static str,
    pub(crate) known: &'static str,
    /// What people call an owner, in a sentence: a queue by its name too, since its mail has a person's.
    pub(crate) owner: fn(&Catalog, &Ownership) -> String,
    /// Where a lead stands that was turned back.
    pub(crate) turned_back: fn(&LeadView) -> Option<String>,
    /// What a stage is called.
    pub(crate) stage: fn(LifecycleStage) -> &'static str,
    /// Why a lead is ready.
    pub(crate) cause: fn(QualifyCause) -> String,
    /// Why somebody may not be written to; `None` where they may.
    pub(crate) no_mail: fn(EmailReach) -> Option<&'static str>,
    /// Why somebody may not be called; `None` where they may.
    pub(crate) no_calls: fn(PhoneReach) -> Option<&'static str>,
    /// What a task asks for.
    pub(crate) task: fn(TaskKind) -> &'static str,
    /// What a reason is called.
    pub(crate) reason: fn(TurnbackReason) -> &'static str,
    /// What a reason leads to.
    pub(crate) follows: fn(&Reason<'_>) -> String,
    /// Why somebody is no lead.
    pub(crate) no_lead: fn(DisqualifyReason) -> &'static str,
    /// The button that tells an outcome.
    pub(crate) button: fn(Button) -> &'static str,
    /// What a sign is called, as one that somebody gave.
    pub(crate) sign: fn(SignalKind) -> &'static str,
    /// What a program does while it stands still, and why.
    pub(crate) paused: fn(PauseCause) -> &'static str,
    /// What happened.
    pub(crate) told: fn(&LeadView, &Past) -> String,
    /// What an outcome came to, for whoever has just told it.
    pub(crate) done: fn(&LeadView, &Outcome) -> String,
    /// Why an outcome was not taken.
    pub(crate) refused: fn(&Refusal) -> String,
    /// What is wrong with what was posted.
    pub(crate) misread: fn(&Misread) -> &'static str,
    /// A note that is missing or too long, and who cannot be given a lead.
    pub(crate) no_note: &'static str,
    pub(crate) note_too_long: &'static str,
    pub(crate) no_such_owner: &'static str,
    /// A point in time.
    pub(crate) moment: fn(&Zoned, &Zoned) -> String,
    /// A day.
    pub(crate) day: fn(Date) -> String,
    /// How far a time is from now.
    pub(crate) relative: fn(Timestamp, Timestamp) -> String,
}

/// What a button says that is not the name of something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    /// They take it on.
    Accept,
    /// They take somebody on again who is in nurture, or a customer.
    AcceptAgain,
    /// An attempt that reached nobody.
    Attempt(Attempt),
    /// They spoke with the person.
    Connected,
    /// Somebody else answers.
    WrongPerson,
    /// Nobody does.
    BadNumber,
    /// They want no calls.
    DoNotCall,
    /// The task is done.
    Done,
    /// It is a real opportunity.
    Qualify,
    /// They bought.
    Win,
    /// They did not.
    Lose,
    /// They are a customer already.
    ExistingCustomer,
}

/// A phrase with values in it.
pub(crate) fn fill(phrase: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(phrase.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

impl Phrases {
    /// A point in time, in somebody's zone.
    pub(crate) fn when(&self, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
        (self.moment)(&at.to_zoned(zone.clone()), &now.to_zoned(zone.clone()))
    }
}

/// English.
pub(crate) static ENGLISH: Phrases = Phrases {
    language: "en",
    desk_of: "{organisation} · desk of {name}",
    incomplete_title: "This link is not complete",
    incomplete: "It may have been cut off by a mail program. Open it again from the mail, or ask {address} for another.",
    too_old_title: "This link is too old",
    too_old: "A link is good for {days} days. We can send a fresh one to the mailbox of {name}, and nowhere else.",
    fresh_button: "Send a fresh link",
    fresh_title: "It is on its way",
    fresh: "A fresh link comes to the mailbox of {name}, at most once a day.",
    draft: "A draft for it",
    not_yours_title: "There is nothing here for you",
    not_yours: "The lead may be with somebody else by now, or gone. If it should be yours, ask whoever has it to give \
                it to you.",
    not_saved_title: "Nothing was saved",
    not_saved: "Please try again in a moment.",
    errors_title: "This was not saved",
    press_again: "The page was not complete. Please press once more.",
    choose: "Please press one of the reasons.",
    no_place: "Please start again at the beginning of your list.",
    gone_on: "The lead is with somebody else now.",
    no_name: "Somebody without a name",
    round: "round {count}",
    owned_by: "with {name}",
    back_to_list: "All my leads",
    why_now: "Why now",
    where_it_stands: "Where it stands",
    attempt_by: "First attempt by {time}",
    decide_by: "Decide by {time}",
    moves_on: "If nothing happens, it goes back to nurture on {time}",
    task_due: "{task}, by {time}",
    call: "Call {number}",
    write: "Write to {address}",
    what_happened: "What came of it?",
    reached: "Reached",
    reached_nobody: "Tried, and reached nobody",
    note_label: "A note",
    note_optional: "A note with it (optional)",
    note_save: "Save the note",
    notes: "Notes",
    meet: "We will meet",
    meet_when: "When?",
    meet_hint: "Leave it empty if there is no time yet. Our mails stand still until you have met.",
    meet_button: "We will meet",
    call_back: "Call back later",
    call_back_when: "Another time",
    call_back_button: "Call back then",
    in_an_hour: "In an hour",
    tomorrow: "Tomorrow",
    in_a_week: "In a week",
    your_time: "Times are yours: {zone}.",
    turn_back: "Turn back",
    turn_back_again: "Another reason",
    turn_back_intro: "One press, and we look after them until it is time again.",
    turn_back_date: "The day they named (optional)",
    turn_back_date_hint: "When it becomes topical, or their contract ends.",
    with_a_day: "Later",
    without_a_day: "For another reason",
    doubted: "Which answers do not hold?",
    not_yet: "{reason}: after {needed} attempts, so {missing} more.",
    disqualify: "Not a lead",
    disqualify_intro: "Nobody writes to them any more. If they get in touch, they come back.",
    deal: "The deal",
    pace: "Pause, or name a day",
    hold_until: "No mails from us until",
    hold_button: "Pause until then",
    held: "Our mails stand still until {time}: {why}.",
    resume_button: "Let our mails go on",
    revisit_on: "A day to come back on",
    revisit_hint: "Our mails are timed by it, and you get a task before it.",
    revisit_button: "Come back on that day",
    hand_over: "Give to somebody else",
    hand_over_to: "To whom?",
    hand_over_button: "Give it to them",
    said: "What they told us",
    said_nothing: "Nothing yet besides how to reach them.",
    doubtful: "does not hold",
    evidence: "What they did",
    score: "Points, as of now",
    no_signs: "No sign of their own yet.",
    begins_anew: "Points for what they do begin anew when a lead is turned back.",
    fits: "fits",
    next: "What comes next",
    next_nothing: "Nothing by itself.",
    next_listen: "Nothing: nobody may write to them or call, so we only listen.",
    next_consent: "mail, once they say that they want it",
    next_held: "{program}: nothing until it goes on. It is paused, by whoever runs the mails.",
    next_paused: "Stands still until {time}: {why}.",
    history: "What happened",
    earlier: "and {count} more before that",
    unhelpful: "Does not help",
    unhelpful_about: "“{subject}” does not help",
    is_unhelpful: "marked: does not help",
    about_link: "This page is for {name}, and its link works until {day}. Each mail about a lead brings a fresh one.",
    list_title: "Your leads",
    list_empty: "Nothing waits for you. Well done.",
    list_overdue: "Overdue",
    list_today: "Today",
    list_week: "Within a week",
    list_later: "Later",
    list_more: "More",
    list_of: "Leads of {name}",
    list_of_empty: "Nothing waits there.",
    team: "Your team",
    team_waiting: "{count} waiting",
    team_nothing: "nothing waits",
    noted: "Saved.",
    given_to: "The lead is with {name} now.",
    known: "We had that already. Nothing was counted twice.",
    owner: english::owner,
    turned_back: english::turned_back,
    stage: english::stage,
    cause: english::cause,
    no_mail: english::no_mail,
    no_calls: english::no_calls,
    task: english::task,
    reason: english::reason,
    follows: english::follows,
    no_lead: english::no_lead,
    button: english::button,
    sign: english::sign,
    paused: english::paused,
    told: english::told,
    done: english::done,
    refused: english::refused,
    misread: english::misread,
    no_note: "Please say in a note what it is.",
    note_too_long: "A note has at most 2,000 characters.",
    no_such_owner: "Please choose somebody from the list.",
    moment: english::moment,
    day: english::day,
    relative: english::relative,
};

mod english {
    use super::{
        Attempt, Attribution, Button, Catalog, Channel, Date, Delay, DisqualifyReason, EmailReach, Event, Intent,
        LeadView, LifecycleStage, Misread, Origin, Outcome, Ownership, Party, Past, PauseCause, PhoneReach,
        ProgramName, QualifyCause, Reach, Reason, Refusal, SignalKind, TaskKind, Timestamp, Trigger, TurnbackPolicy,
        TurnbackReason, Zoned,
    };

    pub(super) fn owner(catalog: &Catalog, owner: &Ownership) -> String {
        let name = &catalog.owner_sender(Some(owner)).name;
        match owner {
            Ownership::Queue { queue } => format!("queue {queue} ({name})"),
            Ownership::Assigned { .. } | Ownership::Accepted { .. } | Ownership::Working { .. } => name.clone(),
        }
    }

    pub(super) fn turned_back(view: &LeadView) -> Option<String> {
        let turnback = view.lead().turnback.as_ref()?;
        let back = view.catalog.turnbacks.policy(turnback.reason).map(|policy| {
            let from = (turnback.sales_from > view.now).then_some(turnback.sales_from);
            back(policy, from.map(|from| from.to_zoned(view.zone.clone()).date()))
        });
        Some(format!("Turned back: {}. {}", lower(reason(turnback.reason)), back.unwrap_or_default()))
    }

    /// When sales has a lead again, which is never by itself: `from` is the day from which on a sign counts.
    fn back(policy: &TurnbackPolicy, from: Option<Date>) -> String {
        match from {
            _ if asks_only(policy) => "Back only when they ask.".to_owned(),
            Some(from) => {
                format!("Back at their next sign, from {} at the earliest; at once if they ask.", day(from))
            }
            None => "Back at their next sign.".to_owned(),
        }
    }

    /// Whether only a wish of the person's own brings them back.
    fn asks_only(policy: &TurnbackPolicy) -> bool {
        let mut rules = policy.requalify.iter();
        let asks = |signals: &std::collections::BTreeSet<SignalKind>| {
            !signals.is_empty() && signals.iter().all(|kind| *kind == SignalKind::HandRaised)
        };
        !policy.requalify.is_empty() && rules.all(|rule| asks(&rule.signals))
    }

    /// What somebody gets from a program, as far as they can be reached.
    fn gets(program: &str, reach: Reach) -> String {
        match reach {
            Reach::Mail => format!("They get “{program}”."),
            Reach::Human(TaskKind::Call) => format!("“{program}” goes on with calls, since we may not write."),
            Reach::Human(TaskKind::Write | TaskKind::RepairData | TaskKind::Read) => {
                format!("“{program}” waits for an address that works.")
            }
            Reach::Nobody => "Nobody may write to them or call: we only listen.".to_owned(),
        }
    }

    pub(super) fn stage(stage: LifecycleStage) -> &'static str {
        match stage {
            LifecycleStage::Received => "Received",
            LifecycleStage::Quarantined => "In quarantine",
            LifecycleStage::Inquiry => "In nurture",
            LifecycleStage::Mql => "Ready for sales",
            LifecycleStage::Sal => "Taken on",
            LifecycleStage::Sql => "Opportunity",
            LifecycleStage::Customer => "Customer",
            LifecycleStage::Recycled => "Turned back, in nurture",
            LifecycleStage::Disqualified => "Not a lead",
            LifecycleStage::JunkPurged => "Junk",
            LifecycleStage::Erased => "Erased",
        }
    }

    pub(super) fn cause(cause: QualifyCause) -> String {
        match cause {
            QualifyCause::ScoreThreshold => "They have shown interest more than once.".to_owned(),
            QualifyCause::HandRaise => "They asked to be contacted.".to_owned(),
            QualifyCause::HumanReply => "They wrote back.".to_owned(),
            QualifyCause::RepManual => "Sales took it on.".to_owned(),
            QualifyCause::RequalifyRule { reason: why } => {
                format!("They are back. Turned back before: {}.", lower(reason(why)))
            }
        }
    }

    pub(super) fn no_mail(email: EmailReach) -> Option<&'static str> {
        match email {
            EmailReach::Ok => None,
            EmailReach::Missing => Some("We have no address of theirs."),
            EmailReach::NotMailable => Some("Our mail cannot reach their address; yours may."),
            EmailReach::Unconfirmed => Some("Do not write: they have not said yet that they want mail."),
            EmailReach::NoConsent => Some("Do not write: they never said that they want mail."),
            EmailReach::DoNotEmail => Some("Do not write: whoever supplied them said so."),
            EmailReach::Unsubscribed => Some("Do not write: they unsubscribed."),
            EmailReach::HardBounced => Some("Their address does not work."),
            EmailReach::Complained => Some("Do not write: they complained."),
        }
    }

    pub(super) fn no_calls(phone: PhoneReach) -> Option<&'static str> {
        match phone {
            PhoneReach::Ok => None,
            PhoneReach::Missing => Some("We have no number of theirs."),
            PhoneReach::Bad => Some("Their number does not work."),
            PhoneReach::DoNotCall => Some("Do not call: they want no calls."),
        }
    }

    pub(super) fn task(kind: TaskKind) -> &'static str {
        match kind {
            TaskKind::Call => "Call them",
            TaskKind::Write => "Write to them",
            TaskKind::RepairData => "Find an address or a number that works",
            TaskKind::Read => "Read what they wrote",
        }
    }

    pub(super) fn reason(reason: TurnbackReason) -> &'static str {
        match reason {
            TurnbackReason::NoResponse => "No response",
            TurnbackReason::Timing => "Not now",
            TurnbackReason::NoBudget => "No budget",
            TurnbackReason::Evaluating => "Still comparing",
            TurnbackReason::Competitor => "Bound to somebody else",
            TurnbackReason::NoAuthority => "Cannot decide it",
            TurnbackReason::WrongContact => "The wrong person",
            TurnbackReason::ProductMismatch => "Wants something else",
            TurnbackReason::BadAnswers => "Answers that do not hold",
            TurnbackReason::BadEmail => "The address is wrong",
            TurnbackReason::BadPhone => "The number is wrong",
            TurnbackReason::NoInterest => "Not interested",
            TurnbackReason::SlaExpired => "Nobody decided in time",
            TurnbackReason::RepLeft => "The rep left",
            TurnbackReason::ClosedLost => "The deal was lost",
            TurnbackReason::Other => "Something else",
        }
    }

    pub(super) fn follows(reason: &Reason<'_>) -> String {
        let policy = reason.policy;
        let program = reason.program.map_or_else(String::new, |title| format!("{} ", gets(title, reason.reach)));
        match reason.reason {
            TurnbackReason::BadPhone => return "All goes on, and we ask them for another number.".to_owned(),
            TurnbackReason::BadEmail => return "You get a task to find another; our mails wait.".to_owned(),
            TurnbackReason::NoResponse
            | TurnbackReason::Timing
            | TurnbackReason::NoBudget
            | TurnbackReason::Evaluating
            | TurnbackReason::Competitor
            | TurnbackReason::NoAuthority
            | TurnbackReason::WrongContact
            | TurnbackReason::ProductMismatch
            | TurnbackReason::BadAnswers
            | TurnbackReason::NoInterest
            | TurnbackReason::SlaExpired
            | TurnbackReason::RepLeft
            | TurnbackReason::ClosedLost
            | TurnbackReason::Other => {}
        }
        let (cooldown, lead_time) = (length(policy.cooldown), policy.lead_time.map(length));
        let back = match (lead_time, asks_only(policy)) {
            (Some(lead_time), _) => format!("Back {lead_time} before the day; without one, after {cooldown}."),
            (None, true) => "Back only when they ask.".to_owned(),
            (None, false) => format!("Back on their next sign, after {cooldown} at the earliest."),
        };
        program + &back
    }

    fn length(delay: Delay) -> String {
        let plural = |count: u32, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        match delay {
            Delay::Minutes(minutes) if minutes >= 60 && minutes % 60 == 0 => plural(minutes / 60, "hour"),
            Delay::Minutes(minutes) => plural(minutes, "minute"),
            Delay::Days(days) => plural(days, "day"),
            Delay::BusinessDays(days) => plural(days, "working day"),
        }
    }

    pub(super) fn no_lead(reason: DisqualifyReason) -> &'static str {
        match reason {
            DisqualifyReason::DoNotContact => "Wants no contact",
            DisqualifyReason::NotAFit => "Not a fit",
            DisqualifyReason::CompetitorEmployee => "Works for a competitor",
            DisqualifyReason::StudentOrPersonal => "A student, or private",
            DisqualifyReason::JobSeeker => "Looks for a job",
            DisqualifyReason::VendorPitch => "Wants to sell to us",
            DisqualifyReason::Ineligible => "We may not serve them",
        }
    }

    pub(super) fn button(button: Button) -> &'static str {
        match button {
            Button::Accept => "I take this lead on",
            Button::AcceptAgain => "Take this lead on again",
            Button::Attempt(attempt) => self::attempt(attempt),
            Button::Connected => "Spoke with them",
            Button::WrongPerson => "The wrong person",
            Button::BadNumber => "Wrong number",
            Button::DoNotCall => "Wants no calls",
            Button::Done => "The task is done",
            Button::Qualify => "A real opportunity",
            Button::Win => "They bought",
            Button::Lose => "The deal is lost",
            Button::ExistingCustomer => "Already a customer",
        }
    }

    fn attempt(attempt: Attempt) -> &'static str {
        match attempt {
            Attempt::NoAnswer => "No answer",
            Attempt::LeftVoicemail => "Left a voicemail",
            Attempt::Busy => "Busy",
            Attempt::Wrote => "Wrote to them",
        }
    }

    pub(super) fn sign(kind: SignalKind) -> &'static str {
        match kind {
            SignalKind::Replied => "Wrote back",
            SignalKind::Clicked => "Followed a link",
            SignalKind::FormSubmitted => "Sent a form",
            SignalKind::HandRaised => "Asked to be contacted",
            SignalKind::Answered => "Answered a question",
            SignalKind::MeetingBooked => "Booked a meeting",
            SignalKind::WebinarAttended => "Came to a webinar",
            SignalKind::PageVisited => "Looked at a page",
            SignalKind::PricingVisited => "Looked at prices",
            SignalKind::Connected => "Spoke with us",
        }
    }

    pub(super) fn paused(cause: PauseCause) -> &'static str {
        match cause {
            PauseCause::OutOfOffice => "they are away",
            PauseCause::InConversation => "you are in conversation",
            PauseCause::MeetingBooked => "you will meet",
            PauseCause::RepHold => "sales asked for it",
        }
    }

    pub(super) fn told(view: &LeadView, past: &Past) -> String {
        match &past.event {
            Event::Received { channel, intent, form, .. } => came(*channel, *intent, form.as_str(), ""),
            Event::SubmissionMerged { channel, intent, form, .. } => came(*channel, *intent, form.as_str(), " again"),
            Event::Released => "Let out of quarantine.".to_owned(),
            Event::Reopened => "Got in touch again.".to_owned(),
            Event::Assigned { owner } => format!("Went to {}.", self::owner(&view.catalog, owner)),
            Event::EnrolmentStarted { program, .. } => format!("“{}” began.", view.title(program)),
            Event::Directed { by, program } => by_hand(view, by, program.as_ref()),
            Event::Answered { fields } => {
                let label = |field| view.catalog.fields.get(field).map(|field| field.label.as_str());
                let labels: Vec<&str> = fields.iter().filter_map(label).collect();
                format!("They answered: {}.", labels.join(", "))
            }
            Event::ReplyReceived { certainty: Attribution::Certain, .. } => "They wrote back.".to_owned(),
            Event::ReplyReceived { certainty: Attribution::First, .. } => "They wrote to us.".to_owned(),
            Event::ReplyReceived { certainty: Attribution::Possible, .. } => {
                "A mail came that may be theirs.".to_owned()
            }
            Event::Signalled { kind, topic } => {
                let label = topic.as_ref().and_then(|topic| view.catalog.topics.get(topic));
                let about = label.map(|topic| format!(": {}", topic.label)).unwrap_or_default();
                format!("{}{about}.", sign(*kind))
            }
            Event::EnrolmentPaused { pause, .. } => format!("Our mails paused: {}.", paused(*pause)),
            Event::EnrolmentResumed { .. } => "Our mails went on.".to_owned(),
            Event::TouchSent { touch, .. } => match view.subjects.get(touch) {
                Some(subject) => format!("Mail: “{subject}”"),
                None => format!("A mail of “{}”", view.title(&touch.program)),
            },
            Event::TaskOverdue { escalates_at, .. } => overdue(view, past, escalates_at.is_some()),
            Event::AddressSuppressed { cause } => no_mail(*cause).unwrap_or("Their address works again.").to_owned(),
            Event::Disqualified { reason, .. } => format!("No lead: {}.", lower(no_lead(*reason))),
            Event::Qualified { cause, .. } => format!("Ready for sales. {}", self::cause(*cause)),
            Event::Requalified { cause, origin, .. } => format!("{} {}", again(*origin), self::cause(*cause)),
            Event::SlaBreached { trigger: Trigger::Reassigned, .. } if past.is_moved => {
                "Given on, since nobody tried.".to_owned()
            }
            Event::SlaBreached { trigger: Trigger::Reassigned, .. }
            | Event::SlaWarned { trigger: Trigger::Reassigned, .. } => "Nobody else could take it.".to_owned(),
            Event::SlaBreached { .. } => "Nobody tried in time.".to_owned(),
            Event::Disposed { by, outcome, .. } => format!("{}: {}.", party(view, by), lower(&said(outcome))),
            Event::TurnedBack { reason, by, .. } => {
                format!("{}: turned back, {}.", party(view, by), lower(self::reason(*reason)))
            }
            Event::IsCustomer => "They are a customer.".to_owned(),
            Event::Resubmitted { reason: TurnbackReason::RepLeft, .. } => {
                "Offered to somebody else, since the rep left.".to_owned()
            }
            Event::Resubmitted { .. } if past.is_moved => "Offered to somebody else, since nobody decided.".to_owned(),
            Event::Resubmitted { .. } => "Offered again, since nobody decided.".to_owned(),
            Event::PhoneChanged { phone } => no_calls(*phone).unwrap_or("They can be called again.").to_owned(),
            // No view brings these.
            Event::Admitted
            | Event::Quarantined { .. }
            | Event::Purged
            | Event::EnrolmentAdvanced { .. }
            | Event::EnrolmentMigrated { .. }
            | Event::EnrolmentExited { .. }
            | Event::LinkFollowed { .. }
            | Event::FollowersJudged { .. }
            | Event::FollowersRelabelled { .. }
            | Event::Labelled { .. }
            | Event::MomentRaised { .. }
            | Event::Emitted { .. }
            | Event::ConsentChanged { .. }
            | Event::OptInAsked { .. }
            | Event::PreferencesChanged { .. }
            | Event::AddressListed { .. }
            | Event::Erased
            | Event::TouchDeferred { .. }
            | Event::TouchUnknown { .. }
            | Event::TouchReview { .. }
            | Event::TouchDropped { .. }
            | Event::TouchFailed { .. }
            | Event::TouchBounced { .. }
            | Event::TouchSkipped { .. }
            | Event::TaskCreated { .. }
            | Event::AddressRested
            | Event::EvaluationDue { .. }
            | Event::Evaluated { .. }
            | Event::Scored { .. }
            | Event::SlaStarted { .. }
            | Event::SlaWarned { .. }
            | Event::Accepted { .. }
            | Event::OpportunityOpened { .. }
            | Event::Won { .. }
            | Event::Lost { .. }
            | Event::Recycled
            | Event::HorizonReached
            | Event::TurnbackMoved { .. }
            | Event::Alerted { .. }
            | Event::TaskDone { .. }
            | Event::Noted { .. }
            | Event::Doubted { .. }
            | Event::StatusTold { .. }
            | Event::BroadcastQueued { .. }
            | Event::Reviewed { .. } => String::new(),
        }
    }

    fn by_hand(view: &LeadView, by: &Party, program: Option<&ProgramName>) -> String {
        let who = party(view, by);
        match program {
            Some(program) => format!("{who}: put into “{}” by hand.", view.title(program)),
            None => format!("{who}: taken out of the program by hand."),
        }
    }

    fn again(origin: Origin) -> &'static str {
        match origin {
            Origin::New | Origin::Recycled { .. } | Origin::Reopened => "Ready for sales again.",
            Origin::Customer => "A customer wants more.",
        }
    }

    fn overdue(view: &LeadView, past: &Past, is_waited_for: bool) -> String {
        let what = past.task.map_or_else(|| "a task".to_owned(), |kind| lower(task(kind)));
        let whose = past.owner.as_ref().map(|owner| format!(" by {}", self::owner(&view.catalog, owner)));
        let whose = whose.unwrap_or_default();
        if is_waited_for {
            format!("Not done in time{whose}: {what}.")
        } else {
            format!("Not done{whose}: {what}. Nobody waits for it any more.")
        }
    }

    fn came(channel: Channel, intent: Intent, form: &str, again: &str) -> String {
        match (channel, intent) {
            (Channel::Form, Intent::HandRaise) => format!("Asked{again} to be contacted, by the form “{form}”."),
            (Channel::Form, Intent::Inquiry) => format!("Sent the form “{form}”{again}."),
            (Channel::Import, _) => format!("Came{again} with a list."),
            (Channel::Email, _) => format!("Wrote{again} to us."),
        }
    }

    fn party(view: &LeadView, by: &Party) -> String {
        let fallback = match by {
            Party::Crm => "CRM",
            Party::Operator => "Operator",
            Party::Suite | Party::Rep { .. } | Party::Queue { .. } => "By itself",
        };
        view.party_name(by).unwrap_or(fallback).to_owned()
    }

    /// What somebody told.
    fn said(outcome: &Outcome) -> String {
        let text = match outcome {
            Outcome::Untouched => "Set the status back",
            Outcome::Accepted => "Took it on",
            Outcome::Attempted { attempt } => self::attempt(*attempt),
            Outcome::Connected => "Spoke with them",
            Outcome::CallBack { .. } => "Will call back",
            Outcome::MeetingBooked { .. } => "They will meet",
            Outcome::WrongPerson => "The wrong person",
            Outcome::BadNumber => "Wrong number",
            Outcome::DoNotCall => "They want no calls",
            Outcome::Done => "The task is done",
            Outcome::Qualified => "A real opportunity",
            Outcome::TurnedBack(request) => {
                let day = request.date.map(|date| format!(", {}", self::day(date))).unwrap_or_default();
                return format!("Turned back, {}{day}", lower(reason(request.reason)));
            }
            Outcome::Disqualified { reason } => return format!("Not a lead, {}", lower(no_lead(*reason))),
            Outcome::ExistingCustomer => "Already a customer",
            Outcome::Won => "They bought",
            Outcome::Lost => "The deal is lost",
            Outcome::Held { .. } => "Paused our mails",
            Outcome::Resumed => "Let our mails go on",
            Outcome::Revisit { on } => return format!("Come back on {}", day(*on)),
            Outcome::Unhelpful { .. } => "A mail does not help",
        };
        text.to_owned()
    }

    pub(super) fn done(view: &LeadView, outcome: &Outcome) -> String {
        let back = |why: TurnbackReason| {
            let lead = view.lead();
            let program = match lead.reach() {
                Reach::Nobody => Some(gets("", Reach::Nobody)),
                // The task to find one stands above.
                reach @ (Reach::Mail | Reach::Human(_)) => view.next.as_ref().map(|next| gets(&next.program, reach)),
            };
            let stands = turned_back(view).unwrap_or_else(|| format!("Turned back: {}.", lower(reason(why))));
            program.map_or_else(|| stands.clone(), |program| format!("{stands} {program}"))
        };
        match outcome {
            Outcome::Accepted => "The lead is yours.".to_owned(),
            Outcome::TurnedBack(request) => back(request.reason),
            Outcome::WrongPerson => back(TurnbackReason::WrongContact),
            Outcome::Lost => back(TurnbackReason::ClosedLost),
            Outcome::Unhelpful { .. } => "Thank you. Whoever writes the mails will see it.".to_owned(),
            Outcome::CallBack { .. } => match (no_calls(view.lead().phone), &view.lead().task) {
                (None, _) => "Saved: will call back.".to_owned(),
                (Some(why), Some(open)) => format!("{why} Saved all the same, as a task: {}.", lower(task(open.kind))),
                (Some(why), None) => format!("{why} It is on record, and there is no task."),
            },
            Outcome::Untouched
            | Outcome::Attempted { .. }
            | Outcome::Connected
            | Outcome::MeetingBooked { .. }
            | Outcome::BadNumber
            | Outcome::DoNotCall
            | Outcome::Done
            | Outcome::Qualified
            | Outcome::Disqualified { .. }
            | Outcome::ExistingCustomer
            | Outcome::Won
            | Outcome::Held { .. }
            | Outcome::Resumed
            | Outcome::Revisit { .. } => format!("Saved: {}.", lower(&said(outcome))),
        }
    }

    pub(super) fn refused(refusal: &Refusal) -> String {
        match refusal {
            Refusal::NotWorked => "Nobody works this lead any more.".to_owned(),
            Refusal::TooFewAttempts { made, needed } => {
                format!("It is too early to call it silence: that takes {needed} attempts, and there were {made}.")
            }
            Refusal::NoFields => "Please tick the answers that do not hold.".to_owned(),
            Refusal::DatePassed => "That day or time is over.".to_owned(),
            Refusal::TooFar => {
                "That is too far ahead. Please choose an earlier day, or turn it back with that date.".to_owned()
            }
            Refusal::NotARepsReason(_) => "That is a reason that only the suite gives.".to_owned(),
            Refusal::NoDeal => "There is no deal to lose.".to_owned(),
            Refusal::IsCustomer => "They are a customer, and not with sales now.".to_owned(),
            Refusal::NoSuchMail => "They never got that mail.".to_owned(),
        }
    }

    pub(super) fn misread(misread: &Misread) -> &'static str {
        match misread {
            Misread::Missing(_)
            | Misread::Outcome
            | Misread::Reason
            | Misread::Touch
            | Misread::Field
            | Misread::Name(_)
            | Misread::NotWith { .. } => "The page is not up to date. Please press once more.",
            Misread::Time => "Please give a day and a time.",
            Misread::Day => "Please give a day.",
        }
    }

    pub(super) fn moment(at: &Zoned, now: &Zoned) -> String {
        let format = if at.date() == now.date() {
            "today, %H:%M"
        } else if at.year() == now.year() {
            "%a %-d %b, %H:%M"
        } else {
            "%-d %b %Y, %H:%M"
        };
        at.strftime(format).to_string()
    }

    pub(super) fn day(day: Date) -> String {
        day.strftime("%-d %b %Y").to_string()
    }

    pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
        let minutes = at.duration_since(now).as_mins();
        let span = |minutes: i64| match minutes {
            0 => "less than a minute".to_owned(),
            1..=89 => format!("{minutes} min"),
            90..=2_159 => format!("{} h", (minutes + 30) / 60),
            _ => format!("{} days", (minutes + 720) / 1_440),
        };
        if at < now { format!("{} ago", span(-minutes)) } else { format!("in {}", span(minutes)) }
    }

    /// A phrase in the middle of a sentence.
    fn lower(phrase: &str) -> String {
        let mut chars = phrase.chars();
        chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
    }
}
