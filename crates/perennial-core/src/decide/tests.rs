//! Lives in programs, told as stories: what a lead's program says, what happens, and what comes of it.

mod answers;
mod broadcast;
mod consent;
mod crm;
mod crossing;
mod directing;
mod handover;
mod ladder;
mod leaving;
mod lifecycle;
mod overdue;
mod pausing;
mod sales;
mod score;
mod turnback;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::calendar::zone;
use crate::contact::{EmailAddress, PhoneNumber};
use crate::ids::{FormName, Pepper, ProgramName, SubmissionId};
use crate::loader::{SourceFile, parse};
use crate::submission::{JunkReason, Source};
use crate::testing;

/// What the tests' programs say besides their steps.
const HEAD: &str = "title = \"Test\"\nthen = \"occasional\"\n";

/// The catalog for tests whose `welcome` is another program.
fn catalog(program: &str) -> Arc<Catalog> {
    let (catalog, found) = parse(&files_with(program));
    Arc::new(catalog.unwrap_or_else(|| panic!("{found:#?}")))
}

fn files_with(program: &str) -> Vec<SourceFile> {
    let mut files = testing::files();
    files.retain(|file| !file.path.starts_with("welcome/"));
    let more = "\n[fields.revisit_at]\nlabel = \"Revisit\"\ntype = \"date\"\nsupplied_by = \"sales\"\n\n[topics.prices]\nlabel = \"Prices\"\n";
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.push_str(more);
        for (field, question) in [("company", "Where do you work?"), ("last_name", "What is your last name?")] {
            let from = format!("{field} = {{ ");
            file.text = file.text.replace(&from, &format!("{from}question = \"{question}\", "));
        }
    }
    let mut add = |path: &str, text: &str| files.push(SourceFile { path: path.to_owned(), text: text.to_owned() });
    add(
        "welcome/program.toml",
        &if program.contains("title") { program.to_owned() } else { format!("{HEAD}{program}") },
    );
    for name in ["one", "two", "three"].iter().filter(|name| program.contains(&format!("\"{name}\""))) {
        let body = if program.contains("\"ask\"") { "{{ questions }}" } else { "Hello." };
        add(
            &format!("welcome/touches/{name}.md"),
            &format!("+++\nsubject = \"{name}\"\nfrom = \"rep\"\n+++\n{body}\n"),
        );
    }
    files
}

/// One lead.
#[derive(Clone)]
struct Life {
    catalog: Arc<Catalog>,
    lead: Option<Lead>,
    profile: Option<Profile>,
    now: Timestamp,
    story: String,
    submissions: u32,
    /// What happened, each with the lead as it was before.
    events: Vec<(Option<Lead>, Event)>,
}

impl Life {
    /// In `welcome`, since Monday, 2 March 2026, 10:00 in Berlin, without a phone.
    fn of(program: &str) -> Self {
        Self::with(catalog(program), &[("email", "ada@example.com")])
    }

    fn with(catalog: Arc<Catalog>, form: &[(&str, &str)]) -> Self {
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let mut life =
            Self { catalog, lead: None, profile: None, now, story: String::new(), submissions: 0, events: Vec::new() };
        life.posts(form);
        life
    }

    fn posts(&mut self, form: &[(&str, &str)]) {
        self.submissions += 1;
        let pepper = Pepper::new([7; 32]);
        let email = EmailAddress::parse("ada@example.com").unwrap();
        let name = FormName::parse("contact").unwrap();
        let value = |wanted: &str| form.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
        let fields: BTreeMap<FieldName, String> = form
            .iter()
            .filter(|(key, _)| !["email", "phone", "consent", "junk"].contains(key))
            .map(|(key, value)| (FieldName::parse(key).unwrap(), (*value).to_owned()))
            .collect();
        let submission = Submission {
            id: SubmissionId::derive(&pepper, &name, &self.submissions.to_string()),
            channel: value("list").map_or(Channel::Form, |_| Channel::Import),
            form: name,
            intent: Intent::Inquiry,
            program: ProgramName::parse("welcome").unwrap(),
            entry: Entry::Welcome,
            received_at: self.now,
            email: Some(email.clone()),
            phone: value("phone").map(|phone| PhoneNumber::parse(phone).unwrap()),
            fields,
            source: Source::default(),
            zone: None,
            mail: Permission::Allowed,
            calls: Permission::Allowed,
            consent: value("consent").map(ConsentText::of),
            language: None,
            junk: value("junk").map(|_| JunkReason::Honeypot).into_iter().collect(),
            flags: Vec::new(),
        };
        let lead = LeadId::of_email(&pepper, &email);
        self.meet(&Stimulus::Submitted { lead, submission: Box::new(submission) });
    }

    fn signals(&mut self, kind: SignalKind) {
        self.meet(&Stimulus::Signalled { kind, topic: None });
    }

    fn passes(&mut self, days: i64) {
        let end = self.now + SignedDuration::from_hours(24 * days);
        self.lives_until(end);
    }

    /// Everything that comes due happens, and SES takes every mail.
    fn lives_until(&mut self, end: Timestamp) {
        for _ in 0..1_000 {
            let Some(wake) = self.lead.as_ref().and_then(Lead::next_action_at).filter(|wake| *wake <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(wake);
            let decision = self.decide(&Stimulus::Due);
            if let Some(planned) = decision.send {
                let asked: Vec<&str> = planned.asked.iter().map(FieldName::as_str).collect();
                let asked = if asked.is_empty() { String::new() } else { format!(", asks {}", asked.join(", ")) };
                self.tell(&format!("MAIL {} ({}){asked}", planned.mail.template, planned.touch));
                let outcome = SendOutcome::Accepted { message_id: "0107".to_owned() };
                let lease_until = self.now + SignedDuration::from_mins(2);
                let sending =
                    crate::lead::Sending { touch: planned.touch.clone(), attempt: planned.attempt, lease_until };
                self.lead.as_mut().unwrap().sending = Some(sending);
                self.meet(&Stimulus::SendEnded { touch: planned.touch, attempt: planned.attempt, outcome });
            } else {
                self.meet(&Stimulus::Due);
            }
        }
        panic!("it runs in circles: {}", self.story);
    }

    fn decide(&self, stimulus: &Stimulus) -> Decision {
        let view =
            View { lead: self.lead.as_ref(), profile: self.profile.as_ref(), catalog: &self.catalog, loads: None };
        decide(&view, stimulus, self.now)
    }

    fn meet(&mut self, stimulus: &Stimulus) {
        let decision = self.decide(stimulus);
        let mut lead = self.lead.take();
        for event in &decision.events {
            if let Some(line) = said(event) {
                self.tell(&line);
            }
            self.events.push((lead.clone(), event.clone()));
            lead = apply(lead, event, self.now);
        }
        self.lead = decision.lead;
        self.profile = decision.profile.or(self.profile.take());
    }

    fn tell(&mut self, line: &str) {
        let local = self.now.to_zoned(zone("Europe/Berlin").unwrap());
        writeln!(self.story, "{} {line}", local.strftime("%a %m-%d %H:%M")).unwrap();
    }
}

/// The part of an event that these stories are about.
fn said(event: &Event) -> Option<String> {
    Some(match event {
        Event::EnrolmentStarted { program, step, .. } => format!("starts {program} at {step}"),
        Event::EnrolmentExited { program, exit, .. } => format!("leaves {program}: {exit:?}"),
        Event::Directed { program: Some(program), .. } => format!("BY HAND into {program}"),
        Event::Directed { program: None, .. } => "BY HAND out".to_owned(),
        Event::TouchSkipped { touch, reason } => format!("skips {}: {reason:?}", touch.step),
        Event::TouchDeferred { touch, reason, .. } => format!("puts {} off: {reason:?}", touch.step),
        Event::TaskCreated { touch, kind, .. } => format!("TASK {kind:?} ({touch})"),
        Event::ReplyReceived { certainty, .. } => format!("reply {certainty:?}"),
        Event::MomentRaised { message, .. } => format!("ALERT {message}"),
        Event::Emitted { event, .. } => format!("EVENT {event}"),
        Event::Answered { fields } => format!("answers {fields:?}"),
        Event::Labelled { .. } => "is labelled".to_owned(),
        Event::Signalled { kind, .. } => format!("SIGN {}", kind.as_str()),
        Event::ConsentChanged { basis, .. } => {
            basis.map_or("CONSENT ends".to_owned(), |basis| format!("CONSENT {basis:?}"))
        }
        Event::BroadcastQueued { broadcast, .. } => format!("is to get {broadcast}"),
        Event::OptInAsked { .. } => "is asked to confirm".to_owned(),
        Event::PreferencesChanged { .. } => "chooses".to_owned(),
        Event::EnrolmentPaused { pause, .. } => format!("pauses: {pause:?}"),
        Event::EnrolmentResumed { .. } => "goes on".to_owned(),
        Event::Disqualified { .. } => "is only listened to".to_owned(),
        Event::Reopened => "is spoken to again".to_owned(),
        Event::LinkFollowed { .. } => "a link is followed".to_owned(),
        Event::FollowersJudged { people, machines, .. } => format!("people followed {people:?}, machines {machines:?}"),
        Event::FollowersRelabelled { machines, .. } => format!("it was a machine that followed {machines:?}"),
        Event::Erased => "is erased".to_owned(),
        Event::TouchBounced { touch, .. } => format!("{} comes back", touch.step),
        Event::AddressRested => "has rested".to_owned(),
        Event::Qualified { cause, .. } => format!("READY {cause:?}"),
        Event::Requalified { cause, cycle, .. } => format!("READY again, cycle {cycle}: {cause:?}"),
        Event::SlaWarned { trigger, .. } => format!("clock: {trigger:?}"),
        Event::SlaBreached { trigger, .. } => format!("clock over: {trigger:?}"),
        Event::Disposed { outcome, .. } => format!("sales: {}", outcome.name()),
        Event::StatusTold { status } => format!("CRM: {}", status.name()),
        Event::Accepted { .. } => "is accepted".to_owned(),
        Event::OpportunityOpened { .. } => "is an opportunity".to_owned(),
        Event::Won { .. } => "is won".to_owned(),
        Event::Lost { .. } => "is lost".to_owned(),
        Event::TurnedBack { reason, .. } => format!("BACK {}", reason.as_str()),
        Event::IsCustomer => "is a customer".to_owned(),
        Event::Resubmitted { reason, .. } => format!("goes to another: {}", reason.as_str()),
        Event::TurnbackMoved { .. } => "waits for another day".to_owned(),
        Event::HorizonReached => "the turnback is over".to_owned(),
        Event::Alerted { trigger, delivery, .. } => format!("ALERT {trigger:?} {delivery:?}"),
        Event::TaskDone { outcome, .. } => format!("task ends: {outcome}"),
        Event::Doubted { fields } => format!("doubts {fields:?}"),
        Event::PhoneChanged { phone } => format!("phone {phone:?}"),
        Event::Received { .. }
        | Event::AddressListed { .. }
        | Event::Admitted
        | Event::Quarantined { .. }
        | Event::Released
        | Event::Purged
        | Event::SubmissionMerged { .. }
        | Event::Assigned { .. }
        | Event::EnrolmentAdvanced { .. }
        | Event::EnrolmentMigrated { .. }
        | Event::Scored { .. }
        | Event::TouchSent { .. }
        | Event::TouchUnknown { .. }
        | Event::TouchReview { .. }
        | Event::TouchDropped { .. }
        | Event::TouchFailed { .. }
        | Event::TaskOverdue { .. }
        | Event::AddressSuppressed { .. }
        | Event::Reviewed { .. }
        | Event::EvaluationDue { .. }
        | Event::Evaluated { .. }
        | Event::SlaStarted { .. }
        | Event::Recycled
        | Event::Noted { .. } => return None,
    })
}

fn email(id: &str, when: &str) -> String {
    format!("[[step]]\nid = \"{id}\"\nkind = \"email\"\n{when}\n")
}

#[test]
fn a_branch_goes_on_where_the_first_condition_that_holds_says() {
    let program = "[[step]]\nid = \"which\"\nkind = \"branch\"\ncase = [{ when = { field = \"company\", is = \"acme\" }, goto = \"two\" }]\n"
        .to_owned()
        + &email("one", "after = \"1d\"")
        + &email("two", "after = \"2d\"");
    let catalog = catalog(&program);
    let mut acme = Life::with(Arc::clone(&catalog), &[("email", "ada@example.com"), ("company", " Acme ")]);
    let mut other = Life::with(catalog, &[("email", "ada@example.com")]);
    acme.passes(5);
    other.passes(5);
    insta::assert_snapshot!(acme.story, @"
    Mon 03-02 10:00 starts welcome at which
    Wed 03-04 10:00 MAIL two (1_welcome_two_0)
    Wed 03-04 10:00 leaves welcome: Completed
    Wed 03-04 10:00 starts occasional at reading
    ");
    insta::assert_snapshot!(other.story, @"
    Mon 03-02 10:00 starts welcome at which
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Thu 03-05 10:00 MAIL two (1_welcome_two_0)
    Thu 03-05 10:00 leaves welcome: Completed
    Thu 03-05 10:00 starts occasional at reading
    ");
}

#[test]
fn a_wait_ends_with_the_reply_or_with_its_time() {
    let program =
        "[[step]]\nid = \"answer\"\nkind = \"wait_until\"\nsignal = \"replied\"\ntimeout = \"7d\"\ngoto = \"two\"\n"
            .to_owned()
            + &email("one", "after = \"1d\"")
            + "[[step]]\nid = \"out\"\nkind = \"exit\"\n"
            + &email("two", "after = \"1d\"");
    let mut silent = Life::of(&program);
    silent.passes(9);
    insta::assert_snapshot!(silent.story, @"
    Mon 03-02 10:00 starts welcome at answer
    Tue 03-10 10:00 MAIL one (1_welcome_one_0)
    Tue 03-10 10:00 leaves welcome: Completed
    Tue 03-10 10:00 starts occasional at reading
    ");
    let mut talking = Life::of(&program);
    talking.passes(2);
    talking.signals(SignalKind::Clicked);
    talking.signals(SignalKind::Replied);
    talking.passes(3);
    insta::assert_snapshot!(talking.story, @"
    Mon 03-02 10:00 starts welcome at answer
    Wed 03-04 10:00 SIGN clicked
    Wed 03-04 10:00 SIGN replied
    Wed 03-04 10:05 READY HumanReply
    Wed 03-04 10:05 TASK Write (1_hand-over_first-contact_1)
    Wed 03-04 10:05 ALERT Qualified Now
    Wed 03-04 12:05 clock: FirstAttemptDue
    Wed 03-04 12:05 ALERT FirstAttemptDue Now
    Wed 03-04 14:05 clock over: FirstAttemptMissed
    Wed 03-04 14:05 ALERT FirstAttemptMissed Now
    Thu 03-05 09:05 clock: Reassigned
    Thu 03-05 10:00 MAIL two (1_welcome_two_0)
    Thu 03-05 10:00 leaves welcome: Completed
    Thu 03-05 10:00 starts occasional at reading
    ");
}

#[test]
fn a_round_of_mails_begins_again_and_slows_down_for_who_never_answers() {
    let program = HEAD.to_owned()
        + "quiet = { after_touches = 3, every = \"90d\" }\n[[step]]\nid = \"round\"\nkind = \"recur\"\nevery = \"42d\"\ntemplates = [\"one\", \"two\"]\nused_up = \"again\"\n";
    let mut life = Life::of(&program);
    life.passes(400);
    life.signals(SignalKind::Clicked);
    life.passes(150);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at round
    Mon 04-13 10:00 MAIL one (1_welcome_round_0)
    Mon 05-25 10:00 MAIL two (1_welcome_round_1)
    Mon 07-06 10:00 MAIL one (1_welcome_round_2)
    Mon 07-06 10:00 puts round off: QuietHours
    Mon 10-05 08:00 MAIL two (1_welcome_round_3)
    Mon 10-05 08:00 puts round off: QuietHours
    Mon 01-04 08:00 MAIL one (1_welcome_round_4)
    Mon 01-04 08:00 puts round off: QuietHours
    Mon 04-05 08:00 MAIL two (1_welcome_round_5)
    Mon 04-05 08:00 puts round off: QuietHours
    Tue 04-06 11:00 SIGN clicked
    Mon 07-05 08:00 MAIL one (1_welcome_round_6)
    Mon 08-16 08:00 MAIL two (1_welcome_round_7)
    ");
}

#[test]
fn a_round_may_go_on_to_the_next_step() {
    let program =
        "[[step]]\nid = \"round\"\nkind = \"recur\"\non = \"first Tuesday 10:00\"\ntemplates = [\"one\", \"two\"]\nused_up = \"go_on\"\n"
            .to_owned()
            + &email("three", "after = \"3bd\"");
    let mut life = Life::of(&program);
    life.passes(60);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at round
    Tue 03-03 10:00 MAIL one (1_welcome_round_0)
    Tue 04-07 10:00 MAIL two (1_welcome_round_1)
    Fri 04-10 10:00 MAIL three (1_welcome_three_1)
    Fri 04-10 10:00 leaves welcome: Completed
    Fri 04-10 10:00 starts occasional at reading
    ");
}

#[test]
fn dated_steps_come_on_their_date_are_skipped_when_it_is_over_and_follow_when_it_moves() {
    let dated = |id: &str, days: &str| email(id, &format!("at = \"revisit_at {days}\"\nif_missing = \"30d\""));
    let program = dated("one", "- 30d") + &dated("two", "- 10d 14:00") + &dated("three", "+ 300d");
    let catalog = catalog(&program);
    let mut life = Life::with(Arc::clone(&catalog), &[("email", "ada@example.com"), ("revisit_at", "2026-03-20")]);
    life.passes(3);
    life.posts(&[("email", "ada@example.com"), ("revisit_at", "2026-06-02")]);
    life.passes(600);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 skips one: DatePassed
    Thu 03-05 10:00 puts two off: QuietHours
    Mon 05-25 08:00 MAIL two (1_welcome_two_0)
    Wed 11-11 08:00 puts three off: NotYet
    Mon 03-29 09:00 MAIL three (1_welcome_three_0)
    Mon 03-29 09:00 leaves welcome: Completed
    Mon 03-29 09:00 starts occasional at reading
    Mon 05-10 09:00 MAIL reading (2_occasional_reading_0)
    Mon 06-21 09:00 MAIL question (2_occasional_question_0)
    Mon 06-21 09:00 leaves occasional: Completed
    Mon 06-21 09:00 starts occasional at reading
    Mon 08-02 09:00 MAIL reading (3_occasional_reading_0)
    Mon 08-02 09:00 puts question off: QuietHours
    ");
    let mut undated = Life::with(catalog, &[("email", "ada@example.com")]);
    undated.passes(65);
    insta::assert_snapshot!(undated.story, @"
    Mon 03-02 10:00 starts welcome at one
    Wed 04-01 10:00 MAIL one (1_welcome_one_0)
    Fri 05-01 10:00 MAIL two (1_welcome_two_0)
    Fri 05-01 10:00 puts three off: QuietHours
    ");
}

#[test]
fn a_goal_a_stop_and_a_horizon_end_a_program() {
    let head = HEAD.to_owned()
        + "goal = { when = { signal = \"replied\" } }\nstop = [{ when = { field = \"company\", is = \"Rival\" } }]\nhorizon = \"20d\"\n";
    let program = head + &email("one", "after = \"1d\"") + &email("two", "after = \"40d\"");
    let ends = |act: &dyn Fn(&mut Life)| {
        let mut life = Life::of(&program);
        life.passes(3);
        act(&mut life);
        life.passes(20);
        life.story.lines().skip(1).take(4).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(ends(&|life| life.signals(SignalKind::Replied)), @"
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Thu 03-05 10:00 SIGN replied
    Thu 03-05 10:00 leaves welcome: GoalMet
    Thu 03-05 10:00 starts occasional at reading
    ");
    insta::assert_snapshot!(ends(&|life| life.posts(&[("email", "ada@example.com"), ("company", "rival")])), @"
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Thu 03-05 10:00 leaves welcome: Stopped
    Thu 03-05 10:00 starts occasional at reading
    ");
    insta::assert_snapshot!(ends(&|_| {}), @"
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Sun 03-22 10:00 leaves welcome: Horizon
    Sun 03-22 10:00 starts occasional at reading
    Sun 03-22 10:00 puts reading off: QuietHours
    ");
}

#[test]
fn a_program_claims_a_lead_when_its_condition_becomes_true() {
    let mut files = testing::files();
    let text = format!(
        "{HEAD}priority = 60\nenter = {{ field = \"company\", is = \"Acme\" }}\n{}",
        email("one", "after = \"1d\"")
    );
    files.push(SourceFile { path: "vip/program.toml".to_owned(), text });
    let mail = "+++\nsubject = \"one\"\nfrom = \"rep\"\n+++\nHello.\n".to_owned();
    files.push(SourceFile { path: "vip/touches/one.md".to_owned(), text: mail });
    let (catalog, found) = parse(&files);
    let catalog = Arc::new(catalog.unwrap_or_else(|| panic!("{found:#?}")));
    let mut at_once = Life::with(Arc::clone(&catalog), &[("email", "ada@example.com"), ("company", "Acme")]);
    at_once.passes(2);
    insta::assert_snapshot!(at_once.story, @"
    Mon 03-02 10:00 starts vip at one
    Tue 03-03 10:00 MAIL one (1_vip_one_0)
    Tue 03-03 10:00 leaves vip: Completed
    Tue 03-03 10:00 starts occasional at reading
    ");
    let mut later = Life::with(catalog, &[("email", "ada@example.com")]);
    later.passes(2);
    later.posts(&[("email", "ada@example.com"), ("company", "ACME")]);
    later.passes(2);
    later.posts(&[("email", "ada@example.com"), ("company", "Acme")]);
    later.passes(2);
    insta::assert_snapshot!(later.story, @"
    Mon 03-02 10:00 starts welcome at response
    Mon 03-02 10:00 MAIL response (1_welcome_response_0)
    Mon 03-02 10:00 skips first-call: NoPhone
    Tue 03-03 10:00 MAIL link (1_welcome_link_0)
    Tue 03-03 10:00 leaves welcome: Completed
    Tue 03-03 10:00 starts occasional at reading
    Wed 03-04 10:00 leaves occasional: Superseded
    Wed 03-04 10:00 starts vip at one
    Thu 03-05 10:00 MAIL one (3_vip_one_0)
    Thu 03-05 10:00 leaves vip: Completed
    Thu 03-05 10:00 starts occasional at reading
    ");
}

#[test]
fn a_look_at_prices_pulls_the_next_touch_nearer() {
    let program =
        HEAD.to_owned() + "hurry = { signal = \"pricing_visited\", to = \"1d\" }\n" + &email("one", "after = \"14d\"");
    let mut life = Life::of(&program);
    life.passes(1);
    life.signals(SignalKind::PageVisited);
    life.signals(SignalKind::PricingVisited);
    life.passes(2);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Tue 03-03 10:00 SIGN page_visited
    Tue 03-03 10:00 SIGN pricing_visited
    Wed 03-04 10:00 MAIL one (1_welcome_one_0)
    Wed 03-04 10:00 leaves welcome: Completed
    Wed 03-04 10:00 starts occasional at reading
    ");
}

#[test]
fn only_what_is_not_known_is_asked() {
    let program = "[[step]]\nid = \"one\"\nkind = \"ask\"\nfields = [\"company\", \"last_name\"]\nafter = \"1d\"\n[[step]]\nid = \"two\"\nkind = \"ask\"\nfields = [\"company\"]\nafter = \"1d\"\n";
    let mut life = Life::with(catalog(program), &[("email", "ada@example.com"), ("company", "Acme")]);
    life.passes(4);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Tue 03-03 10:00 MAIL one (1_welcome_one_0), asks last_name
    Wed 03-04 10:00 skips two: AllKnown
    Wed 03-04 10:00 leaves welcome: Completed
    Wed 03-04 10:00 starts occasional at reading
    ");
}

#[test]
fn people_are_asked_to_call_to_write_and_told_of_moments() {
    let program = "[[step]]\nid = \"call\"\nkind = \"call\"\nafter = \"0m\"\ndue_in = \"2d\"\n[[step]]\nid = \"one\"\nkind = \"personal_mail\"\nafter = \"3d\"\ndue_in = \"1bd\"\n[[step]]\nid = \"moment\"\nkind = \"alert\"\nmessage = \"Look at this\"\n[[step]]\nid = \"note\"\nkind = \"set\"\ntopic = \"prices\"\nadd = [\"seen\"]\n[[step]]\nid = \"tell\"\nkind = \"emit\"\nevent = \"seen\"\n[[step]]\nid = \"reached\"\nkind = \"goal\"\n";
    let mut life = Life::with(catalog(program), &[("email", "ada@example.com"), ("phone", "+49301234567")]);
    life.passes(4);
    insta::assert_snapshot!(life.story, @r"
    Mon 03-02 10:00 starts welcome at call
    Mon 03-02 10:00 TASK Call (1_welcome_call_0)
    Wed 03-04 10:00 ALERT TaskOverdue Digest
    Thu 03-05 10:00 ALERT TaskOverdue Digest
    Thu 03-05 10:00 TASK Write (1_welcome_one_0)
    Thu 03-05 10:00 ALERT Look at this
    Thu 03-05 10:00 ALERT Moment Now
    Thu 03-05 10:00 is labelled
    Thu 03-05 10:00 EVENT seen
    Thu 03-05 10:00 leaves welcome: GoalMet
    Thu 03-05 10:00 starts occasional at reading
    Fri 03-06 10:00 ALERT TaskOverdue Digest
    ");
    assert_eq!(life.lead.as_ref().unwrap().topic.as_ref().unwrap().as_str(), "prices");
}

#[test]
fn the_holdout_gets_answers_and_calls_and_no_nurture() {
    let program = email("one", "class = \"response\"\nafter = \"0m\"")
        + &email("two", "after = \"1d\"")
        + "[[step]]\nid = \"call\"\nkind = \"call\"\nafter = \"1d\"\ndue_in = \"2d\"\n";
    let mut held_out = (*catalog(&program)).clone();
    held_out.holdout_percent = 100;
    let mut life = Life::with(Arc::new(held_out), &[("email", "ada@example.com"), ("phone", "+49301234567")]);
    life.passes(3);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Tue 03-03 10:00 skips two: Holdout
    Wed 03-04 10:00 TASK Call (1_welcome_call_0)
    Wed 03-04 10:00 leaves welcome: Completed
    Wed 03-04 10:00 starts occasional at reading
    ");
}

#[test]
fn going_back_starts_another_lap_and_a_split_is_sticky_and_fair() {
    let program = email("one", "after = \"1d\"")
        + "[[step]]\nid = \"pause\"\nkind = \"wait\"\nafter = \"5d\"\n[[step]]\nid = \"ways\"\nkind = \"split\"\narm = [{ name = \"again\", weight = 1, goto = \"one\" }, { name = \"on\", weight = 3 }]\n"
        + &email("two", "after = \"1d\"");
    let catalog = catalog(&program);
    let back = "[[step]]\nid = \"back\"\nkind = \"goto\"\nto = \"one\"\nafter = \"1d\"\n";
    let mut round = Life::of(&(email("one", "after = \"3d\"") + back));
    round.passes(12);
    insta::assert_snapshot!(round.story, @"
    Mon 03-02 10:00 starts welcome at one
    Thu 03-05 10:00 MAIL one (1_welcome_one_0)
    Mon 03-09 10:00 MAIL one (1_welcome_one_1)
    Fri 03-13 10:00 MAIL one (1_welcome_one_2)
    ");
    let again = (0..2_000).filter(|number| {
        let email = EmailAddress::parse(&format!("ada{number}@example.com")).unwrap();
        let lead = LeadId::of_email(&Pepper::new([7; 32]), &email);
        walk::share(&lead, "welcome/ways", 4) < 1
    });
    let share = again.count();
    assert!((440..560).contains(&share), "{share} of 2,000 where 500 were meant");
    drop(catalog);
}

#[test]
fn a_lead_is_moved_to_another_version_where_it_waits_on() {
    let old = catalog(&(email("one", "after = \"1d\"") + &email("two", "after = \"5d\"")));
    let new = catalog(&(email("one", "after = \"1d\"") + &email("three", "after = \"5d\"")));
    let welcome = ProgramName::parse("welcome").unwrap();
    let mut both = (*new).clone();
    let old_program = old.programs[&welcome].clone();
    both.kept.insert((welcome.clone(), old_program.version.clone()), old_program);
    let mut life = Life::with(old, &[("email", "ada@example.com")]);
    life.passes(2);
    life.catalog = Arc::new(both);
    let version = new.programs[&welcome].version.clone();
    let missing = Stimulus::Migrated { version: version.clone(), step: StepId::parse("two").unwrap() };
    assert_eq!(life.decide(&missing).events, [], "that step is not in that version");
    life.meet(&Stimulus::Migrated { version, step: StepId::parse("three").unwrap() });
    assert_eq!(life.decide(&missing).events, []);
    life.passes(5);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Tue 03-03 10:00 puts two off: QuietHours
    Mon 03-09 08:00 MAIL three (1_welcome_three_1)
    Mon 03-09 08:00 leaves welcome: Completed
    Mon 03-09 08:00 starts occasional at reading
    ");
}

#[test]
fn a_lead_that_is_moved_within_a_round_gets_the_rest_of_it() {
    let round = "[[step]]\nid = \"round\"\nkind = \"recur\"\nevery = \"30d\"\ntemplates = [\"one\", \"two\", \"three\"]\nused_up = \"go_on\"\n";
    let (old, new) =
        (catalog(round), catalog(&(round.to_owned() + &email("last", "after = \"5d\"\ntemplate = \"one\""))));
    let welcome = ProgramName::parse("welcome").unwrap();
    let version = new.programs[&welcome].version.clone();
    let mut both = (*new).clone();
    let program = old.programs[&welcome].clone();
    both.kept.insert((welcome, program.version.clone()), program);
    let mut life = Life::with(old, &[("email", "ada@example.com")]);
    life.passes(61);
    life.catalog = Arc::new(both);
    life.meet(&Stimulus::Migrated { version, step: StepId::parse("round").unwrap() });
    life.passes(40);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at round
    Wed 04-01 10:00 MAIL one (1_welcome_round_0)
    Fri 05-01 10:00 MAIL two (1_welcome_round_1)
    Fri 05-01 10:00 puts round off: QuietHours
    Mon 06-01 08:00 MAIL three (1_welcome_round_3)
    Mon 06-01 08:00 puts last off: QuietHours
    Mon 06-08 08:00 MAIL one (1_welcome_last_3)
    Mon 06-08 08:00 leaves welcome: Completed
    Mon 06-08 08:00 starts occasional at reading
    ");
}

#[test]
fn a_wait_that_is_skipped_takes_no_time() {
    let program = "[[step]]\nid = \"answer\"\nkind = \"wait_until\"\nsignal = \"replied\"\ntimeout = \"60d\"\nskip_if = { field = \"company\", known = true }\n"
        .to_owned()
        + &email("one", "after = \"1d\"");
    let mut life = Life::with(catalog(&program), &[("email", "ada@example.com"), ("company", "Acme")]);
    life.passes(2);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at answer
    Mon 03-02 10:00 skips answer: Condition
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Tue 03-03 10:00 leaves welcome: Completed
    Tue 03-03 10:00 starts occasional at reading
    ");
}

#[test]
fn programs_that_no_checker_has_seen_and_that_only_lead_on_to_one_another_end_no_process() {
    let dated = email("one", "at = \"revisit_at\"\nif_missing = \"30d\"");
    let mut round = (*catalog(&dated)).clone();
    let welcome = ProgramName::parse("welcome").unwrap();
    if let Some(program) = round.programs.get_mut(&welcome) {
        program.then = welcome.clone();
    }
    let life = Life::with(Arc::new(round), &[("email", "ada@example.com"), ("revisit_at", "2020-01-01")]);
    assert_eq!(life.lead.unwrap().enrolment.unwrap().program, welcome);
}

#[test]
fn a_mail_of_a_program_that_was_left_does_not_slow_down_the_one_that_follows() {
    let program = HEAD.to_owned() + "goal = { when = { signal = \"replied\" } }\n" + &email("one", "after = \"1d\"");
    let mut life = Life::of(&program);
    life.now += SignedDuration::from_hours(24);
    life.meet(&Stimulus::Due);
    let planned = life.decide(&Stimulus::Due).send.unwrap();
    let lease_until = life.now + SignedDuration::from_mins(2);
    let sending = crate::lead::Sending { touch: planned.touch.clone(), attempt: planned.attempt, lease_until };
    life.lead.as_mut().unwrap().sending = Some(sending);
    life.signals(SignalKind::Replied);
    let outcome = SendOutcome::Accepted { message_id: "0107".to_owned() };
    life.meet(&Stimulus::SendEnded { touch: planned.touch, attempt: planned.attempt, outcome });
    let enrolment = life.lead.unwrap().enrolment.unwrap();
    assert_eq!((enrolment.program.as_str(), enrolment.silent_touches), ("occasional", 0));
}
