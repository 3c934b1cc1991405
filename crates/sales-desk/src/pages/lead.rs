//! The page of one lead: for a phone, between two calls.
//!
//! **Invariants:** only what can be done where the lead stands is offered; each control posts by itself, without script;
//! a way to the person stands there only where they may be reached by it.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use perennial_app::desk::LINK_PERIOD;
use perennial_app::desk::view::{LeadView, NextAct, Offer, Reason};
use perennial_app::dossier::{self, Contact};
use perennial_app::ports::Stored;
use perennial_app::telling;
use perennial_core::catalog::FieldKind;
use perennial_core::contact::EmailAddress;
use perennial_core::event::{DisqualifyReason, Event};
use perennial_core::ids::{FieldName, QueueName, RepName};
use perennial_core::lead::{LifecycleStage, Ownership, StageKind, Task, TaskKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::profile::{NOTE_LENGTH_MAX, Profile};
use perennial_core::sales::{Attempt, Outcome};
use perennial_core::timing::DATE_TIME;
use perennial_lambda::http::escape;

use super::{ACT, CHOOSE, NONCE, Notice, Visit};
use crate::given::{self, Given};
use crate::phrases::{Button, Phrases, fill};

/// The id of the whole page, for what is wrong with none of its parts.
pub(super) const TOP: &str = "top";

/// The fields that say who somebody is.
const FIRST_NAME: &str = "first_name";
const LAST_NAME: &str = "last_name";
const COMPANY: &str = "company";
const JOB_TITLE: &str = "job_title";

/// What may stand as it is in a `mailto:` link.
const IN_MAILTO: &AsciiSet = &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'+');

/// How a time stands in a form, in the zone of whoever fills it in.
const LOCAL: &str = "%Y-%m-%dT%H:%M";

/// Where what was posted can be mended.
pub(super) fn place_of(given: &Given) -> &'static str {
    match (given.text(ACT), given.text(given::OUTCOME)) {
        ("note", _) => "note",
        ("hand_over", _) => "hand-over",
        (_, "meeting_booked") => "meet",
        (_, "call_back") => "call-back",
        (_, "turned_back") => "turn-back",
        (_, "disqualified" | "existing_customer") => "no-lead",
        (_, "held") => "hold",
        (_, "revisit") => "revisit",
        _ => TOP,
    }
}

/// Whom a lead is to be given to, as the page's list has it.
pub(super) fn owner_of(text: &str) -> Option<Ownership> {
    match text.split_once('/')? {
        ("rep", name) => RepName::parse(name).ok().map(|rep| Ownership::Assigned { rep }),
        ("queue", name) => QueueName::parse(name).ok().map(|queue| Ownership::Queue { queue }),
        _ => None,
    }
}

/// The page of a lead.
pub(super) struct LeadPage<'a> {
    pub(super) visit: &'a Visit<'a>,
    pub(super) view: &'a LeadView,
    /// What was posted and not taken.
    pub(super) given: &'a Given,
    /// What tells a press on this page from any other.
    pub(super) nonce: &'a str,
    /// The list that it was opened from.
    pub(super) list: Option<&'a str>,
}

impl LeadPage<'_> {
    pub(super) fn title(&self) -> String {
        who(&self.view.stored, self.visit.phrases).0
    }

    pub(super) fn body(&self, notice: &Notice) -> String {
        let mut html = self.visit.way_back(self.list);
        html.push_str(&self.who());
        html.push_str(&said(notice, self.phrases()));
        html.push_str("<div class=\"desk\">\n");
        html.push_str(&self.why_now());
        html.push_str(&self.reach());
        html.push_str(&self.told());
        html.push_str(&self.acts());
        html.push_str(&self.evidence());
        html.push_str(&self.next());
        html.push_str(&self.past());
        html.push_str("</div>\n");
        html.push_str(&self.foot());
        html
    }

    const fn phrases(&self) -> &'static Phrases {
        self.visit.phrases
    }

    fn offers(&self, offer: Offer) -> bool {
        self.view.offers.contains(&offer)
    }

    fn when(&self, at: Timestamp) -> String {
        self.phrases().when(at, self.view.now, &self.view.zone)
    }

    fn field(&self, name: &str) -> Option<&str> {
        field(self.view.profile(), name)
    }

    // --- Who, and why now --------------------------------------------------------------------

    fn who(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let lead = view.lead();
        let (_, company) = who(&view.stored, phrases);
        let about: Vec<&str> = self.field(JOB_TITLE).into_iter().chain(company.as_deref()).collect();
        let mut html = String::new();
        if !about.is_empty() {
            html.extend(["<p class=\"who\">", &escape(&about.join(", ")), "</p>\n"]);
        }
        html.extend(["<ul class=\"tags\"><li class=\"stage\">", (phrases.stage)(lead.stage), "</li>"]);
        if lead.cycle.number > 1 {
            let round = fill(phrases.round, &[("count", &lead.cycle.number.to_string())]);
            html.extend(["<li>", &escape(&round), "</li>"]);
        }
        if let Some(owner) = &lead.owner {
            let with = fill(phrases.owned_by, &[("name", &(phrases.owner)(&view.catalog, owner))]);
            html.extend(["<li>", &escape(&with), "</li>"]);
        }
        html.push_str("</ul>\n");
        html
    }

    fn why_now(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let lead = view.lead();
        let mut html = String::new();
        if let Some(qualified) = lead.cycle.qualified.filter(|_| lead.stage.kind() == StageKind::Sla) {
            let (cause, at) = ((phrases.cause)(qualified.cause), self.when(qualified.at));
            html.extend([format!("<p>{} <span class=\"soft at\">{}</span></p>\n", escape(&cause), escape(&at))]);
        }
        if let Some(text) = (phrases.turned_back)(view) {
            html.extend([format!("<p>{}</p>\n", escape(&text))]);
        }
        if let Some(clock) = &lead.sla {
            let is_offered = !self.offers(Offer::Win) && !self.offers(Offer::Lose);
            let (phrase, at) = match clock.attempt_by {
                Some(attempt_by) => (phrases.attempt_by, attempt_by),
                None if is_offered => (phrases.decide_by, clock.ends_at),
                None => (phrases.moves_on, clock.ends_at),
            };
            // The task for the first attempt is due when that is: once is enough.
            if lead.task.as_ref().is_none_or(|task| task.due_at != at) {
                html.push_str(&self.deadline(&fill(phrase, &[("time", &self.when(at))]), at));
            }
        }
        if let Some(Task { kind, due_at, .. }) = &lead.task {
            let text = fill(phrases.task_due, &[("task", (phrases.task)(*kind)), ("time", &self.when(*due_at))]);
            html.push_str(&self.deadline(&text, *due_at));
        }
        if html.is_empty() {
            return html;
        }
        let title = if lead.sla.is_some() { phrases.why_now } else { phrases.where_it_stands };
        format!("<section class=\"card\"><h2>{}</h2>\n{html}</section>\n", escape(title))
    }

    fn deadline(&self, text: &str, at: Timestamp) -> String {
        let (now, relative) = (self.view.now, (self.phrases().relative)(at, self.view.now));
        let class = if at < now { "late at" } else { "soft at" };
        format!("<p><strong>{}</strong> <span class=\"{class}\">{}</span></p>\n", escape(text), escape(&relative))
    }

    fn reach(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let mut html = String::from("<div class=\"reach\">\n");
        let lead = view.lead();
        if let Some(phone) = view.callable() {
            let text = fill(phrases.call, &[("number", phone.as_str())]);
            let (number, text) = (escape(phone.as_str()), escape(&text));
            html.extend([format!("<a class=\"button\" href=\"tel:{number}\">{text}</a>\n")]);
        } else if let Some(why) = (phrases.no_calls)(lead.phone) {
            html.extend(["<p>", &escape(why), "</p>\n"]);
        }
        if let Some(email) = view.mailable() {
            html.push_str(&self.mail_link(email));
        } else if let Some(why) = (phrases.no_mail)(lead.email) {
            html.extend(["<p>", &escape(why), "</p>\n"]);
        }
        html.push_str("</div>\n");
        html
    }

    /// A way to write to the person: with a draft, where the open task has one.
    fn mail_link(&self, email: &EmailAddress) -> String {
        let phrases = self.phrases();
        let address = String::from(email.clone());
        let text = escape(&fill(phrases.write, &[("address", &address)]));
        let draft = self.view.draft(&self.visit.deps.herald.letterhead);
        let link = draft.as_ref().map_or_else(
            || format!("mailto:{}", utf8_percent_encode(&address, IN_MAILTO)),
            |draft| escape(&draft.mailto(&address)),
        );
        let shown = draft.map(|draft| {
            let (title, subject, text) = (escape(phrases.draft), escape(&draft.subject), escape(&draft.text));
            format!(
                "<details class=\"more draft\"><summary>{title}</summary>\n<p><strong>{subject}</strong></p>\n\
                 <p class=\"text\">{text}</p></details>\n"
            )
        });
        format!("<a class=\"button quiet\" href=\"{link}\">{text}</a>\n{}", shown.unwrap_or_default())
    }

    // --- What came of it ---------------------------------------------------------------------

    fn acts(&self) -> String {
        let phrases = self.phrases();
        let parts = [
            self.accept(),
            self.contact(),
            self.deal(),
            self.meet(),
            self.call_back(),
            self.turn_back(),
            self.no_lead(),
            self.pace(),
            self.give(),
            self.note(),
        ];
        let (title, top) = (escape(phrases.what_happened), TOP);
        format!("<section class=\"acts\" id=\"{top}\"><h2>{title}</h2>\n{}</section>\n", parts.concat())
    }

    /// A form around some controls.
    fn form(&self, inner: &str) -> String {
        let nonce = escape(self.nonce);
        format!("<form method=\"post\"><input type=\"hidden\" name=\"{NONCE}\" value=\"{nonce}\">{inner}</form>\n")
    }

    /// What opens at a press, and is open where something in it is to be mended.
    fn more(&self, id: &str, title: &str, inner: &str) -> String {
        let is_posted = !self.given.0.is_empty();
        let place = place_of(self.given);
        let is_open = is_posted && (place == id || (id == "pace" && ["hold", "revisit"].contains(&place)));
        let open = if is_open { " open" } else { "" };
        format!("<details class=\"more\" id=\"{id}\"{open}><summary>{}</summary>\n{inner}</details>\n", escape(title))
    }

    /// A value of what was posted and not taken, where it was posted there.
    fn value(&self, place: &str, name: &str) -> String {
        if place_of(self.given) == place { escape(self.given.text(name)) } else { String::new() }
    }

    fn button(&self, button: Button, outcome: &str, class: &str) -> String {
        tell(outcome, class, (self.phrases().button)(button))
    }

    fn accept(&self) -> String {
        let is_new = self.view.lead().turnback.is_none() && self.view.lead().cycle.closed_at.is_none();
        let button = if is_new { Button::Accept } else { Button::AcceptAgain };
        let mut buttons = String::new();
        if self.offers(Offer::Accept) {
            buttons.push_str(&self.button(button, Outcome::Accepted.name(), ""));
        }
        if buttons.is_empty() { buttons } else { self.form(&buttons) }
    }

    fn contact(&self) -> String {
        let phrases = self.phrases();
        let group = |title: &str, buttons: &[(Button, Outcome)]| {
            let all: String =
                buttons.iter().map(|(button, outcome)| self.button(*button, outcome.name(), "plain")).collect();
            format!("<fieldset><legend>{}</legend><div class=\"pad\">{all}</div></fieldset>\n", escape(title))
        };
        let attempt = |attempt| (Button::Attempt(attempt), Outcome::Attempted { attempt });
        let connected = (Button::Connected, Outcome::Connected);
        let wrong_person = (Button::WrongPerson, Outcome::WrongPerson);
        // Nobody is asked whether they wrote to whom they may not write to.
        let wrote = self.view.mailable().map(|_| attempt(Attempt::Wrote));
        let mut groups = String::new();
        if self.offers(Offer::Call) {
            groups
                .push_str(&group(phrases.reached, &[connected, wrong_person, (Button::DoNotCall, Outcome::DoNotCall)]));
            let calls = [Attempt::NoAnswer, Attempt::LeftVoicemail, Attempt::Busy].map(attempt);
            let tried: Vec<_> =
                calls.into_iter().chain([(Button::BadNumber, Outcome::BadNumber)]).chain(wrote).collect();
            groups.push_str(&group(phrases.reached_nobody, &tried));
        } else if self.offers(Offer::Write) {
            groups.push_str(&group(phrases.reached, &[connected, wrong_person]));
            if let Some(wrote) = wrote {
                groups.push_str(&group(phrases.reached_nobody, &[wrote]));
            }
        }
        if self.offers(Offer::Done) {
            groups.push_str(&self.button(Button::Done, Outcome::Done.name(), "plain"));
        }
        if groups.is_empty() {
            return groups;
        }
        let note = self.note_field("contact", TOP, phrases.note_optional);
        self.form(&format!("{note}{groups}"))
    }

    fn deal(&self) -> String {
        let offered = [
            (Offer::Qualify, Button::Qualify, Outcome::Qualified),
            (Offer::Win, Button::Win, Outcome::Won),
            (Offer::Lose, Button::Lose, Outcome::Lost),
        ];
        let offered = offered.into_iter().filter(|(offer, ..)| self.offers(*offer));
        let buttons: String =
            offered.map(|(_, button, outcome)| self.button(button, outcome.name(), "plain")).collect();
        if buttons.is_empty() {
            return buttons;
        }
        let title = escape(self.phrases().deal);
        self.form(&format!("<fieldset><legend>{title}</legend><div class=\"pad\">{buttons}</div></fieldset>"))
    }

    fn meet(&self) -> String {
        if !self.offers(Offer::Meet) {
            return String::new();
        }
        let phrases = self.phrases();
        let when = self.time_field("meet", "meet-at", given::MEET_AT, phrases.meet_when);
        let hint = format!("<p class=\"soft\">{} {}</p>", escape(phrases.meet_hint), escape(&self.your_time()));
        let button = tell("meeting_booked", "", phrases.meet_button);
        self.more("meet", phrases.meet, &self.form(&format!("{when}{hint}{button}")))
    }

    fn call_back(&self) -> String {
        if !self.offers(Offer::Call) {
            return String::new();
        }
        let phrases = self.phrases();
        let (view, outcome) = (self.view, hidden(given::OUTCOME, "call_back"));
        let now = view.now.to_zoned(view.zone.clone());
        let days_on = |days: i64| {
            let date = now.date().checked_add(jiff::Span::new().days(days)).ok()?;
            date.to_datetime(DATE_TIME).to_zoned(view.zone.clone()).ok().map(|zoned| zoned.timestamp())
        };
        let quick = [
            (phrases.in_an_hour, Some(view.now + SignedDuration::from_hours(1))),
            (phrases.tomorrow, days_on(1)),
            (phrases.in_a_week, days_on(7)),
        ];
        let quick = quick.into_iter().filter_map(|(title, at)| {
            let at = at?;
            let (value, time) = (self.local(at), at.to_zoned(view.zone.clone()).strftime("%H:%M").to_string());
            let title = escape(title);
            Some(format!(
                "<button class=\"plain\" name=\"{}\" value=\"{value}\">{title}, {time}</button>\n",
                given::DUE_AT
            ))
        });
        let quick = self.form(&format!("{outcome}<div class=\"pad\">{}</div>", quick.collect::<String>()));
        let when = self.time_field("call-back", "due-at", given::DUE_AT, phrases.call_back_when);
        let hint = format!("<p class=\"soft\">{}</p>", escape(&self.your_time()));
        let button = format!("<button>{}</button>", escape(phrases.call_back_button));
        let other = self.form(&format!("{outcome}{when}{hint}{button}"));
        self.more("call-back", phrases.call_back, &format!("{quick}{other}"))
    }

    fn turn_back(&self) -> String {
        if !self.offers(Offer::TurnBack) {
            return String::new();
        }
        let phrases = self.phrases();
        let reasons = self.view.reasons();
        let is_dated = |reason: &&Reason<'_>| reason.policy.date.is_some();
        let ready = |reason: &&Reason<'_>| reason.attempts_missing == 0;
        let own_place = |reason: &&Reason<'_>| reason.reason != TurnbackReason::BadAnswers;
        let button = |reason: &Reason<'_>| {
            let (title, follows) = ((phrases.reason)(reason.reason), (phrases.follows)(reason));
            reason_button(reason.reason.as_str(), title, &follows)
        };
        let dated: String = reasons.iter().filter(is_dated).filter(ready).map(button).collect();
        let others: String =
            reasons.iter().filter(|reason| !is_dated(reason)).filter(ready).filter(own_place).map(button).collect();
        let early = reasons.iter().filter(|reason| !ready(reason)).map(|reason| {
            let (needed, missing) = (reason.policy.attempts_min.to_string(), reason.attempts_missing.to_string());
            let title = (phrases.reason)(reason.reason);
            let text = fill(phrases.not_yet, &[("reason", title), ("needed", &needed), ("missing", &missing)]);
            format!("<p class=\"soft\">{}</p>\n", escape(&text))
        });
        let inner = format!(
            "{}{}<h3>{}</h3>\n{}{dated}<h3>{}</h3>\n{others}{}{}",
            hidden(given::OUTCOME, "turned_back"),
            self.note_field("turn-back", "turn-back", phrases.note_optional),
            escape(phrases.with_a_day),
            self.day_field(
                "turn-back",
                "turn-back-date",
                given::DATE,
                phrases.turn_back_date,
                phrases.turn_back_date_hint
            ),
            escape(phrases.without_a_day),
            self.doubts(&reasons),
            early.collect::<String>(),
        );
        let intro = format!("<p>{}</p>\n", escape(phrases.turn_back_intro));
        let is_again = self.view.lead().stage == LifecycleStage::Recycled;
        let title = if is_again { phrases.turn_back_again } else { phrases.turn_back };
        self.more("turn-back", title, &format!("{intro}{}", self.form(&format!("{}{inner}", no_default()))))
    }

    /// The answers that may not hold, with the button for them.
    fn doubts(&self, reasons: &[Reason<'_>]) -> String {
        let Some(reason) = reasons.iter().find(|reason| reason.reason == TurnbackReason::BadAnswers) else {
            return String::new();
        };
        let phrases = self.phrases();
        let is_posted = place_of(self.given) == "turn-back";
        let ticks = self.view.doubtable().map(|(name, label)| {
            let is_ticked = is_posted && self.given.all(given::FIELDS).any(|posted| posted == name.as_str());
            tick(name, label, is_ticked)
        });
        let (title, follows) = ((phrases.reason)(reason.reason), (phrases.follows)(reason));
        format!(
            "<fieldset><legend>{}</legend>\n{}{}</fieldset>\n",
            escape(phrases.doubted),
            ticks.collect::<String>(),
            reason_button(reason.reason.as_str(), title, &follows)
        )
    }

    fn no_lead(&self) -> String {
        let phrases = self.phrases();
        let mut inner = String::new();
        if self.offers(Offer::Disqualify) {
            let buttons = DisqualifyReason::OF_REPS.into_iter().map(|reason| {
                let title = escape((phrases.no_lead)(reason));
                format!(
                    "<button class=\"plain reason\" name=\"{}\" value=\"{}\">{title}</button>\n",
                    given::REASON,
                    reason.as_str()
                )
            });
            let intro = format!("<p>{}</p>\n", escape(phrases.disqualify_intro));
            let outcome = hidden(given::OUTCOME, "disqualified");
            inner.push_str(&intro);
            inner.push_str(&self.form(&format!("{outcome}{}", buttons.collect::<String>())));
        }
        if self.offers(Offer::ExistingCustomer) {
            inner.push_str(&self.form(&self.button(Button::ExistingCustomer, "existing_customer", "plain reason")));
        }
        if inner.is_empty() { inner } else { self.more("no-lead", phrases.disqualify, &inner) }
    }

    /// What the mails beside sales are to do.
    fn pace(&self) -> String {
        let phrases = self.phrases();
        let mut inner = String::new();
        if self.offers(Offer::Resume) {
            if let Some(next) = &self.view.next
                && let Some(cause) = next.paused
            {
                let (time, why) = (self.when(next.at), (phrases.paused)(cause));
                let text = fill(phrases.held, &[("time", &time), ("why", why)]);
                inner.extend([format!("<p>{}</p>\n", escape(&text))]);
            }
            inner.push_str(&self.form(&tell("resumed", "plain", phrases.resume_button)));
        }
        if self.offers(Offer::Hold) {
            let day = self.day_field("hold", "until", given::UNTIL, phrases.hold_until, "");
            let button = tell("held", "plain", phrases.hold_button);
            inner.push_str(&self.form(&format!("{day}{button}")));
        }
        if self.offers(Offer::Revisit) {
            let day = self.day_field("revisit", "revisit-on", given::ON, phrases.revisit_on, phrases.revisit_hint);
            let button = tell("revisit", "plain", phrases.revisit_button);
            inner.push_str(&self.form(&format!("{day}{button}")));
        }
        if inner.is_empty() { inner } else { self.more("pace", phrases.pace, &inner) }
    }

    fn give(&self) -> String {
        if self.view.others.is_empty() {
            return String::new();
        }
        let phrases = self.phrases();
        let chosen = self.value("hand-over", "to");
        let options = self.view.others.iter().map(|owner| {
            let value = match owner {
                Ownership::Queue { queue } => format!("queue/{queue}"),
                Ownership::Assigned { rep } | Ownership::Accepted { rep } | Ownership::Working { rep } => {
                    format!("rep/{rep}")
                }
            };
            let selected = if value == chosen { " selected" } else { "" };
            let name = capitalised(&(phrases.owner)(&self.view.catalog, owner));
            format!("<option value=\"{value}\"{selected}>{}</option>", escape(&name))
        });
        let inner = format!(
            "<label for=\"to\">{}</label><select id=\"to\" name=\"to\">{}</select>\
             <button class=\"plain\" name=\"{ACT}\" value=\"hand_over\">{}</button>",
            escape(phrases.hand_over_to),
            options.collect::<String>(),
            escape(phrases.hand_over_button)
        );
        self.more("hand-over", phrases.hand_over, &self.form(&inner))
    }

    fn note(&self) -> String {
        let phrases = self.phrases();
        let field = self.note_field("note", "note", phrases.note_label);
        let button =
            format!("<button class=\"plain\" name=\"{ACT}\" value=\"note\">{}</button>", escape(phrases.note_save));
        self.more("note", phrases.note_label, &self.form(&format!("{field}{button}")))
    }

    // --- What can be filled in ---------------------------------------------------------------

    fn note_field(&self, id: &str, place: &str, label: &str) -> String {
        let (name, value) = (given::NOTE, self.value(place, given::NOTE));
        format!(
            "<label class=\"label\" for=\"{id}-note\">{}</label><textarea class=\"brief\" id=\"{id}-note\" name=\"{name}\" \
             rows=\"1\" maxlength=\"{NOTE_LENGTH_MAX}\">{value}</textarea>\n",
            escape(label)
        )
    }

    fn time_field(&self, place: &str, id: &str, name: &str, label: &str) -> String {
        let (value, min) = (self.value(place, name), self.local(self.view.now));
        format!(
            "<label for=\"{id}\">{}</label><input type=\"datetime-local\" id=\"{id}\" name=\"{name}\" value=\"{value}\" \
             min=\"{min}\">\n",
            escape(label)
        )
    }

    fn day_field(&self, place: &str, id: &str, name: &str, label: &str, hint: &str) -> String {
        let value = self.value(place, name);
        let (described, hint) = if hint.is_empty() {
            (String::new(), String::new())
        } else {
            let hint = escape(hint);
            (format!(" aria-describedby=\"{id}-hint\""), format!("<p class=\"soft\" id=\"{id}-hint\">{hint}</p>\n"))
        };
        format!(
            "<label for=\"{id}\">{}</label><input type=\"date\" id=\"{id}\" name=\"{name}\" value=\"{value}\"{described}>\n{hint}",
            escape(label)
        )
    }

    fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.view.zone.clone()).strftime(LOCAL).to_string()
    }

    fn your_time(&self) -> String {
        fill(self.phrases().your_time, &[("zone", self.view.zone.iana_name().unwrap_or("UTC"))])
    }

    // --- What is known -----------------------------------------------------------------------

    fn told(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let known =
            view.catalog.fields.iter().filter_map(|(name, field)| Some((name, field, self.field(name.as_str())?)));
        let rows: Vec<String> = known
            .filter(|(name, ..)| ![FIRST_NAME, LAST_NAME, COMPANY, JOB_TITLE].contains(&name.as_str()))
            .map(|(name, field, answer)| {
                let doubt = if view.profile().doubted.contains(name) {
                    format!(" <span class=\"late\">({})</span>", escape(phrases.doubtful))
                } else {
                    String::new()
                };
                let day = answer.parse::<Date>().ok().filter(|_| field.kind == FieldKind::Date);
                let answer = day.map_or_else(|| answer.to_owned(), phrases.day);
                format!("<dt>{}</dt><dd>{}{doubt}</dd>\n", escape(&field.label), escape(&answer))
            })
            .collect();
        let answers = if rows.is_empty() {
            format!("<p>{}</p>\n", escape(phrases.said_nothing))
        } else {
            format!("<dl>\n{}</dl>\n", rows.concat())
        };
        format!("<section><h2>{}</h2>\n{answers}{}</section>\n", escape(phrases.said), self.notes())
    }

    fn notes(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let notes = view.profile().notes.iter().rev().map(|note| {
            let by = telling::noted_by(&view.catalog, &note.by);
            let when = self.when(note.at);
            format!("<li><time>{}, {}</time><p>{}</p></li>\n", escape(by), escape(&when), escape(&note.text))
        });
        let notes: String = notes.collect();
        if notes.is_empty() {
            return notes;
        }
        format!("<h3>{}</h3>\n<ul class=\"notes\">\n{notes}</ul>\n", escape(phrases.notes))
    }

    fn evidence(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let score = &view.score;
        let line = |cause: &str, soft: &str, points: String| {
            let (cause, soft) = (escape(cause), escape(soft));
            format!("<li><span>{cause} <span class=\"soft at\">{soft}</span></span> <span>{points}</span></li>\n")
        };
        let signs = score.signs.iter();
        let signs = signs.map(|sign| line((phrases.sign)(sign.kind), &self.when(sign.given_at), sign.left.to_string()));
        let fit = score.fit.iter().map(|fit| line(&fit.label, phrases.fits, fit.points.to_string()));
        let scored: Vec<_> = score.signs.iter().map(|sign| sign.kind).collect();
        // What is worth no points, or was before this round, is a sign all the same.
        let others = view.lead().signals.iter().filter(|(kind, _)| !scored.contains(kind));
        let others = others.map(|(kind, at)| line((phrases.sign)(*kind), &self.when(*at), String::new()));
        let lines: String = signs.chain(fit).chain(others).collect();
        let list = if lines.is_empty() {
            format!("<p>{}</p>\n", escape(phrases.no_signs))
        } else {
            let (title, total) = (escape(phrases.score), score.total);
            let total = format!("<li class=\"total\"><span>{title}</span> <span>{total}</span></li>\n");
            format!("<ul class=\"signs\">\n{lines}{total}</ul>\n")
        };
        let is_back = view.lead().stage == LifecycleStage::Recycled;
        let anew =
            if is_back { format!("<p class=\"soft\">{}</p>\n", escape(phrases.begins_anew)) } else { String::new() };
        format!("<section><h2>{}</h2>\n{list}{anew}</section>\n", escape(phrases.evidence))
    }

    fn next(&self) -> String {
        let phrases = self.phrases();
        let text = match &self.view.next {
            None => escape(phrases.next_nothing),
            Some(next) if next.act == NextAct::Listen => escape(phrases.next_listen),
            Some(next) if next.act == NextAct::Held => escape(&fill(phrases.next_held, &[("program", &next.program)])),
            Some(next) => {
                let at = self.when(next.at);
                let act = match &next.act {
                    NextAct::Mail { subject } => subject.as_ref().map(|subject| format!("“{subject}”")),
                    NextAct::Call => Some((phrases.task)(TaskKind::Call).to_owned()),
                    NextAct::Write => Some((phrases.task)(TaskKind::Write).to_owned()),
                    NextAct::Repair => Some((phrases.task)(TaskKind::RepairData).to_owned()),
                    NextAct::AwaitConsent => Some(phrases.next_consent.to_owned()),
                    NextAct::Listen | NextAct::Held | NextAct::Look => None,
                };
                let act = act.map(|act| format!(": {act}")).unwrap_or_default();
                let (class, time) = match next.paused {
                    Some(cause) => {
                        ("soft", fill(phrases.next_paused, &[("time", &at), ("why", (phrases.paused)(cause))]))
                    }
                    None => ("soft at", at),
                };
                let (program, act, time) = (escape(&next.program), escape(&act), escape(&time));
                format!("{program}{act} <span class=\"{class}\">{time}</span>")
            }
        };
        format!("<section><h2>{}</h2>\n<p>{text}</p></section>\n", escape(phrases.next))
    }

    fn past(&self) -> String {
        let (view, phrases) = (self.view, self.phrases());
        let rows = view.past.iter().map(|past| {
            let (when, text) = (escape(&self.when(past.at)), escape(&(phrases.told)(view, past)));
            format!("<li><time>{when}</time>{text}{}</li>\n", self.mark(&past.event))
        });
        let rows: String = rows.collect();
        let earlier = if view.earlier == 0 {
            String::new()
        } else {
            let text = fill(phrases.earlier, &[("count", &view.earlier.to_string())]);
            format!("<p class=\"soft\">{}</p>\n", escape(&text))
        };
        let list = format!("{}<ol class=\"past\" reversed>\n{rows}</ol>", hidden(given::OUTCOME, "unhelpful"));
        format!("<section><h2>{}</h2>\n{}{earlier}</section>\n", escape(phrases.history), self.form(&list))
    }

    /// What can be said of a mail.
    fn mark(&self, event: &Event) -> String {
        let Event::TouchSent { touch, .. } = event else { return String::new() };
        let phrases = self.phrases();
        if self.view.unhelpful.contains(touch) {
            return format!(" <span class=\"soft\">{}</span>", escape(phrases.is_unhelpful));
        }
        let subject = self.view.subjects.get(touch).map_or("", String::as_str);
        let about = escape(&fill(phrases.unhelpful_about, &[("subject", subject)]));
        format!(
            "<br><button class=\"plain\" name=\"{}\" value=\"{touch}\" aria-label=\"{about}\">{}</button>",
            given::TOUCH,
            escape(phrases.unhelpful)
        )
    }

    fn foot(&self) -> String {
        let phrases = self.phrases();
        let ends = (self.visit.made_at + LINK_PERIOD).to_zoned(self.view.zone.clone()).date();
        let text = fill(phrases.about_link, &[("name", self.visit.name()), ("day", &(phrases.day)(ends))]);
        format!("<footer>{}</footer>", escape(&text))
    }
}

/// What stands above a page.
fn said(notice: &Notice, phrases: &Phrases) -> String {
    match notice {
        Notice::None => String::new(),
        Notice::Done(text) => {
            format!("<p class=\"done\" role=\"status\" tabindex=\"-1\" autofocus>{}</p>\n", escape(text))
        }
        Notice::Error(text, place) => format!(
            "<div class=\"errors\" role=\"alert\" tabindex=\"-1\" autofocus>\n<h2>{}</h2>\n\
             <p><a href=\"#{place}\">{}</a></p>\n</div>\n",
            escape(phrases.errors_title),
            escape(text)
        ),
    }
}

/// The first button of a form is what the Enter key presses: nobody is to turn a lead back by filling in a day. No reader
/// sees it, and no other key comes to it.
fn no_default() -> String {
    format!("<button class=\"unseen\" name=\"{ACT}\" value=\"{CHOOSE}\" tabindex=\"-1\" aria-hidden=\"true\"></button>")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
}

fn tell(outcome: &str, class: &str, label: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<button{class} name=\"{}\" value=\"{outcome}\">{}</button>\n", given::OUTCOME, escape(label))
}

fn reason_button(value: &str, title: &str, follows: &str) -> String {
    format!(
        "<button class=\"plain reason\" name=\"{}\" value=\"{value}\">{} <small>{}</small></button>\n",
        given::REASON,
        escape(title),
        escape(follows)
    )
}

fn tick(name: &FieldName, label: &str, is_ticked: bool) -> String {
    let checked = if is_ticked { " checked" } else { "" };
    format!(
        "<label class=\"choice\"><input type=\"checkbox\" name=\"{}\" value=\"{name}\"{checked}>{}</label>\n",
        given::FIELDS,
        escape(label)
    )
}

/// An answer that says something.
fn field<'p>(profile: &'p Profile, name: &str) -> Option<&'p str> {
    let name = FieldName::parse(name).ok()?;
    profile.fields.get(&name).map(|answer| answer.trim()).filter(|answer| !answer.is_empty())
}

/// What people call somebody: their name, else their company, else how they may be reached; and their company beside it.
pub(super) fn who(stored: &Stored, phrases: &Phrases) -> (String, Option<String>) {
    let Stored { lead, profile, .. } = stored;
    let names: Vec<&str> = [FIRST_NAME, LAST_NAME].into_iter().filter_map(|name| field(profile, name)).collect();
    let company = field(profile, COMPANY).map(str::to_owned);
    if !names.is_empty() {
        return (names.join(" "), company);
    }
    let handle = || Contact::of(lead, profile).handle();
    let nobody = || format!("{} ({})", phrases.no_name, dossier::short(&lead.id));
    (company.or_else(handle).unwrap_or_else(nobody), None)
}
