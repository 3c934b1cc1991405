//! A lead in the middle of a program, and the commits that lead there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{date, time};
use jiff::{SignedDuration, Timestamp};
use perennial_app::ports::{
    CatalogVersion, Commit, HistoryRow, IdempotencyRecord, OutboundMail, PublishedCatalog, PublishedProgram, Release,
    RosterRecord, SentBroadcast, SubmissionOutcome, SubmissionRow,
};
use perennial_core::actor::Mailing;
use perennial_core::broadcast::{Offer, OfferState};
use perennial_core::catalog::Sender;
use perennial_core::condition::SignalKind;
use perennial_core::consent::{Consent, ConsentBasis, Following, OptIn, Pace, Preferences};
use perennial_core::contact::{EmailAddress, PhoneNumber};
use perennial_core::event::{DisqualifyReason, Event, SendProof, SkipReason};
use perennial_core::follow::{Followed, GivenSign};
use perennial_core::ids::{
    FieldName, FormName, Language, LeadId, Pepper, ProgramName, QueueName, RepName, StepId, SubmissionId, TagName,
    TeamName, TopicName, TouchId,
};
use perennial_core::lead::{
    Doubt, EmailReach, Enrolment, Lead, LifecycleStage, Ownership, Pause, PauseCause, PhoneReach, Sending, SoftBounce,
    Task, TaskKind, Unresolved,
};
use perennial_core::loader::SourceFile;
use perennial_core::policy::TurnbackReason;
use perennial_core::profile::Profile;
use perennial_core::program::{ProgramVersion, TouchClass};
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::{
    DemandCycle, Origin, Outcome, Qualified, QualifyCause, SignDays, SlaClock, Trigger, Turnback,
};
use perennial_core::score::{Fading, Points, Score, ScoredClick};
use perennial_core::submission::{Channel, Entry, Flag, Intent, JunkReason, Permission, Source, Submission};
use perennial_core::waterfall::Deltas;

pub(crate) fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

pub(crate) fn id() -> LeadId {
    LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap()
}

pub(crate) fn touch() -> TouchId {
    TouchId::parse("1_welcome_helpful-link_0").unwrap()
}

pub(crate) fn sending() -> Sending {
    Sending { touch: touch(), attempt: 1, lease_until: noon() + SignedDuration::from_mins(2) }
}

/// A demand cycle with something in every place that it has.
fn cycle() -> DemandCycle {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let cause = QualifyCause::RequalifyRule { reason: TurnbackReason::NoResponse };
    DemandCycle {
        touches: 3,
        signs: 2,
        qualified: Some(Qualified { at: noon() - days(1), cause }),
        attempts: 1,
        resubmissions: 1,
        closed_at: Some(noon()),
        passed_over: BTreeSet::from([RepName::parse("sam-poe").unwrap()]),
        ..DemandCycle::open(2, Origin::Recycled { after: TurnbackReason::NoResponse }, noon() - days(3))
    }
}

/// What signs have come to, a click that may yet be a machine's among them.
fn score() -> Score {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    Score {
        classes: vec![Fading { half_life_minutes: 43_200, points: Points::whole(15), at: noon() - days(1) }],
        clicks: vec![ScoredClick {
            touch: touch(),
            links: BTreeSet::from([0, 2]),
            points: 5,
            half_life_minutes: 43_200,
            given_at: noon() - days(1),
        }],
    }
}

/// A turnback after which something was told.
fn turnback() -> Turnback {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    Turnback {
        reason: TurnbackReason::NoResponse,
        at: noon() - days(5),
        by_seller: true,
        sales_from: noon() + days(16),
        judge_at: Some(noon() + days(16)),
        horizon_at: Some(noon() + days(175)),
        answered: BTreeSet::from([FieldName::parse("company").unwrap()]),
        days: BTreeMap::from([(SignalKind::Clicked, SignDays { days: 2, last: date(2026, 2, 27) })]),
    }
}

/// A mail whose links were followed.
fn followed() -> Followed {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    Followed {
        touch: touch(),
        mailing: Mailing { sent_at: noon() - days(1), links: 3, class: TouchClass::Nurture },
        topic: Some(TopicName::parse("route-planning").unwrap()),
        until: Some(noon() + days(1)),
        people: BTreeSet::from([0, 2]),
        sign: Some(GivenSign {
            given_at: noon() - days(1),
            clicked_before: Some(noon() - days(3)),
            topic_before: None,
            silence_before: Some((1, 2)),
        }),
    }
}

/// A broadcast that waits, and one that was passed over.
fn offers() -> Vec<Offer> {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let offer = |broadcast: &str, version: &str, until: Timestamp, state: OfferState| Offer {
        broadcast: ProgramName::parse(broadcast).unwrap(),
        version: ProgramVersion(version.to_owned()),
        until,
        state,
    };
    let waits = OfferState::Waits { due_at: noon() + days(1), attempts: 1 };
    let skipped = OfferState::Skipped { reason: SkipReason::Suppressed(EmailReach::Unconfirmed) };
    vec![
        offer("spring-news", "cd0123456789", noon() + days(14), waits),
        offer("winter-news", "ef0123456789", noon() - days(2), skipped),
    ]
}

/// As full as a lead in the middle of a program gets.
pub(crate) fn lead() -> Lead {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    Lead {
        id: id(),
        life: 1,
        stage: LifecycleStage::Inquiry,
        received_at: noon() - days(6),
        email: EmailReach::Ok,
        unwilling: true,
        soft_bounces: vec![SoftBounce { at: noon() - days(4), touch: TouchId::parse("1_welcome_response_0").unwrap() }],
        soft_until: Some(noon() + days(26)),
        withdrawn: vec![TouchId::parse("1_welcome_question_0").unwrap()],
        phone: PhoneReach::Ok,
        flags: vec![Flag::PossibleDuplicate],
        zone: Some("America/New_York".to_owned()),
        owner: Some(Ownership::Queue { queue: QueueName::parse("sales-development").unwrap() }),
        enrolment: Some(Enrolment {
            ordinal: 1,
            program: ProgramName::parse("welcome").unwrap(),
            version: ProgramVersion("0123456789ab".to_owned()),
            step: StepId::parse("helpful-link").unwrap(),
            next_touch_at: noon(),
            started_at: noon() - days(6),
            attempts: 1,
            lap: 1,
            round: 2,
            silent_touches: 4,
            paused: Some(Pause { cause: PauseCause::OutOfOffice, resume_at: noon() + days(3) }),
        }),
        enrolments: 1,
        sending: Some(sending()),
        unresolved: vec![Unresolved {
            touch: TouchId::parse("1_welcome_response_0").unwrap(),
            attempt: 1,
            state: Doubt::Unknown { review_at: noon() + SignedDuration::from_hours(6) },
        }],
        task: Some(Task {
            touch: TouchId::parse("1_welcome_first-call_0").unwrap(),
            kind: TaskKind::Call,
            due_at: noon() + days(2),
            escalates_at: None,
        }),
        recent_mails: vec![noon() - days(6), noon() - days(4), noon() - days(2)],
        signals: BTreeMap::from([
            (SignalKind::Clicked, noon() - days(3)),
            (SignalKind::FormSubmitted, noon() - days(6)),
        ]),
        topic: Some(TopicName::parse("route-planning").unwrap()),
        followed: vec![followed()],
        score: score(),
        tags: BTreeSet::from([TagName::parse("customer-event").unwrap()]),
        consent: Some(Consent {
            basis: ConsentBasis::Implied,
            given_at: noon() - days(6),
            until: Some(noon() + days(177)),
        }),
        opt_in: OptIn {
            asked: 1,
            asked_at: Some(noon() - days(6)),
            due_at: None,
            attempts: 0,
            until: Some(noon() + days(8)),
            then: None,
        },
        offers: offers(),
        preferences: Preferences {
            off: BTreeSet::from([TopicName::parse("customer-letter").unwrap()]),
            pace: Pace::LessOften,
            following: Following::Off,
        },
        language: Some(Language::parse("pt-br").unwrap()),
        cycle: cycle(),
        sla: Some(SlaClock {
            since: noon() - days(1),
            attempt_by: Some(noon() + days(1)),
            rung: 1,
            next_at: noon() + days(1),
            ends_at: noon() + days(2),
        }),
        turnback: Some(turnback()),
        preferred: Some(RepName::parse("robin-vale").unwrap()),
        requalified: vec![noon() - days(3)],
        evaluate_by: Some(noon() + SignedDuration::from_mins(5)),
        evaluated_at: Some(noon() - days(1)),
        alerted: BTreeMap::from([(Trigger::Qualified, noon() - days(1))]),
        crm_status: Some(Outcome::Accepted),
        disqualified: Some(DisqualifyReason::NotAFit),
        disposed_at: Some(noon() - days(14)),
        submissions: 2,
        stage_until: None,
        seq: 12,
    }
}

pub(crate) fn submission() -> Submission {
    let field = |name: &str| FieldName::parse(name).unwrap();
    let form = FormName::parse("contact").unwrap();
    Submission {
        id: SubmissionId::derive(&Pepper::new([7; 32]), &form, "sample"),
        channel: Channel::Form,
        form,
        intent: Intent::HandRaise,
        program: ProgramName::parse("welcome").unwrap(),
        entry: Entry::Welcome,
        received_at: noon(),
        email: Some(EmailAddress::parse("canary-7f3@bücher.example").unwrap()),
        phone: Some(PhoneNumber::parse("+1 202 555 0143").unwrap()),
        fields: BTreeMap::from([
            (field("first_name"), "Ada".to_owned()),
            (field("company"), "Größe & Söhne".to_owned()),
        ]),
        source: Source {
            source: Some("google".to_owned()),
            medium: Some("cpc".to_owned()),
            campaign: Some("Spring".to_owned()),
            term: None,
            content: None,
        },
        zone: Some("America/New_York".to_owned()),
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        consent: None,
        language: None,
        junk: vec![JunkReason::BotUserAgent],
        flags: vec![Flag::PossibleDuplicate],
    }
}

pub(crate) fn idempotency() -> IdempotencyRecord {
    IdempotencyRecord {
        key: "hash-of-the-key".to_owned(),
        body: "hash-of-the-body".to_owned(),
        expires_at: noon() + SignedDuration::from_hours(24),
    }
}

/// A commit with everything that one can hold.
pub(crate) fn commit() -> Commit {
    let lead = lead();
    let history = HistoryRow {
        seq: lead.seq,
        at: noon(),
        cause: "submitted".to_owned(),
        entries: vec![
            Event::Received {
                lead: id(),
                life: 1,
                channel: Channel::Form,
                form: FormName::parse("contact").unwrap(),
                intent: Intent::HandRaise,
                received_at: noon(),
                email: EmailReach::Ok,
                phone: PhoneReach::Ok,
                flags: vec![Flag::PossibleDuplicate],
                zone: Some("America/New_York".to_owned()),
                language: Some(Language::parse("pt-br").unwrap()),
            },
            Event::Admitted,
            Event::TouchSent {
                touch: touch(),
                attempt: 1,
                proof: SendProof::Answer,
                message_id: Some("0100019c".to_owned()),
            },
        ],
        deltas: Deltas::between(None, Some(&lead)),
    };
    Commit {
        lead,
        expected: None,
        profile: Some(Profile::of(&submission())),
        history,
        submission: Some(SubmissionRow { submission: submission(), outcome: SubmissionOutcome::Received }),
        idempotency: Some(idempotency()),
    }
}

/// A version of a program, of one file.
pub(crate) fn program() -> PublishedProgram {
    PublishedProgram {
        name: ProgramName::parse("welcome").unwrap(),
        version: ProgramVersion("0123456789ab".to_owned()),
        files: vec![SourceFile {
            path: "welcome/program.toml".to_owned(),
            text: "title = \"Grüße\"\nthen = \"nurture\"\n".to_owned(),
        }],
    }
}

pub(crate) fn catalog() -> PublishedCatalog {
    PublishedCatalog {
        version: CatalogVersion("ba9876543210".to_owned()),
        text: "last_resort = \"occasional\"\n".to_owned(),
    }
}

pub(crate) fn release() -> Release {
    let program = program();
    Release {
        rev: 4,
        at: noon(),
        catalog: catalog().version,
        programs: BTreeMap::from([(program.name.clone(), program.version)]),
        kept: BTreeMap::from([(program.name, BTreeMap::from([(ProgramVersion("ab0123456789".to_owned()), noon())]))]),
        paused: BTreeMap::from([(ProgramName::parse("welcome").unwrap(), noon())]),
        broadcasts: BTreeMap::from([(
            ProgramName::parse("spring-news").unwrap(),
            SentBroadcast {
                version: ProgramVersion("cd0123456789".to_owned()),
                title: "News of the spring".to_owned(),
                since: noon(),
                until: noon() + SignedDuration::from_hours(14 * 24),
                stopped_at: Some(noon() + SignedDuration::from_hours(1)),
            },
        )]),
    }
}

/// Who sells: everything that a roster can hold.
pub(crate) fn roster() -> RosterRecord {
    let team = TeamName::parse("inside-sales").unwrap();
    let robin = RepName::parse("robin-vale").unwrap();
    let hours = |zone: &str| OfficeHours {
        zone: zone.to_owned(),
        days: vec![Weekdays::Mon, Weekdays::Tue],
        opens: time(8, 30, 0, 0),
        closes: time(17, 0, 0, 0),
        holidays: BTreeSet::from([date(2026, 12, 25)]),
    };
    let rep = Rep {
        sender: Sender { name: "Robin Vale".to_owned(), address: "robin.vale@perennial.example".to_owned() },
        team: team.clone(),
        status: RepStatus::Active,
        hours: Some(hours("America/New_York")),
        open_max: Some(40),
    };
    let manager = Some(robin.clone());
    let roster = Roster {
        reps: BTreeMap::from([(robin, rep)]),
        teams: BTreeMap::from([(team, Team { manager, hours: hours("Europe/Berlin") })]),
    };
    RosterRecord { rev: 3, at: noon(), roster }
}

/// The commit after [`commit`], of state and history alone.
pub(crate) fn next_commit(expected: u64) -> Commit {
    let mut lead = lead();
    lead.seq += 1;
    lead.sending = None;
    Commit {
        history: HistoryRow {
            seq: lead.seq,
            at: noon(),
            cause: "due".to_owned(),
            entries: vec![Event::TouchReview { touch: touch() }],
            deltas: Deltas::default(),
        },
        lead,
        expected: Some(expected),
        profile: None,
        submission: None,
        idempotency: None,
    }
}

pub(crate) fn mail() -> OutboundMail {
    OutboundMail {
        from_name: "Zoë from Perennial".to_owned(),
        from_address: "zoe@perennial.example".to_owned(),
        to: "canary-7f3@example.com".to_owned(),
        reply_to: ("Zoë, Sales".to_owned(), "r-abc234@reply.perennial.example".to_owned()),
        subject: "Grüße – your question".to_owned(),
        text: "Hello Ada,\n\nhere it is: ☘\n".to_owned(),
        html: "<p>Hello Ada,</p><p>here it is: ☘</p>".to_owned(),
        headers: vec![
            (
                "List-Unsubscribe",
                "<https://perennial.example/u/v1.k1.abc.def>, <mailto:stop@perennial.example>".to_owned(),
            ),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("References", "<v1.k1.abc@perennial.example>".to_owned()),
        ],
        date: noon(),
        lead: id(),
        touch: touch(),
        attempt: 2,
    }
}
