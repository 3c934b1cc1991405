//! What every store must do: one list of checks, run against each of them.
//!
//! **Invariant:** a store that passes all of [`store_contract!`](crate::store_contract) can stand behind
//! every use-case. Each check takes a store of its own, empty.
//!
//! Times are whole seconds unless the check is about them: no store keeps more of an idempotency key's
//! end or of the pulse's place in the index.

#![expect(clippy::expect_used, clippy::missing_panics_doc, clippy::panic, reason = "these are the bodies of tests")]

use std::collections::{BTreeMap, BTreeSet};

use futures::future;
use jiff::civil::{Date, date, time};
use jiff::{SignedDuration, Timestamp};
use perennial_core::actor::{Agent, Hit, Mailing, Manner, Network, Target};
use perennial_core::breaker::{Brake, BrakeSeen, Feedback, SenderRecord, SenderSwitch, Tally};
use perennial_core::catalog::Sender;
use perennial_core::condition::SignalKind;
use perennial_core::consent::{Consent, ConsentBasis, OptIn, Pace, Preferences};
use perennial_core::contact::EmailAddress;
use perennial_core::event::{Event, SendProof};
use perennial_core::follow::{Followed, GivenSign};
use perennial_core::ids::{
    FieldName, FormName, Language, LeadId, Pepper, ProgramName, QueueName, RepName, SenderDomain, StepId, SubmissionId,
    TagName, TeamName, TopicName, TouchId, WebhookName,
};
use perennial_core::lead::{
    Doubt, EmailReach, Enrolment, Lead, LifecycleStage, Ownership, Pause, PauseCause, PhoneReach, Sending, SoftBounce,
    Task, TaskKind, Unresolved,
};
use perennial_core::loader::SourceFile;
use perennial_core::profile::Profile;
use perennial_core::program::{ProgramVersion, TouchClass};
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::{Audience, DemandCycle, Origin, Trigger};
use perennial_core::score::{Fading, Points, Score, ScoredClick};
use perennial_core::submission::{Channel, Entry, Flag, Intent, JunkReason, Permission, Source, Submission};
use perennial_core::waterfall::{Deltas, Place};

use crate::deliveries::{Backlog, Deliveries, Delivery, Failure, Gone, Standing};
use crate::news::{News, NewsBook, Untold};
use crate::ports::{
    Against, BlockKind, BlockRecord, Bucket, CatalogVersion, Claim, Commit, CommitError, Count, Cursor, DeskLead,
    DeskOwner, DeskPage, DeskPlace, DoorBook, DueLead, EngagementRecord, HITS_PER_LINK_MAX, HistoryRow,
    IdempotencyRecord, ImportRecord, PULSE_SHARDS, PublishedCatalog, PublishedProgram, Release, RosterRecord,
    SendingPause, SentBroadcast, Store, StoreError, Stored, SubmissionOutcome, SubmissionRow, Surveyed,
};
use crate::publish::EventId;

/// Makes one `#[tokio::test]` of every check, each with a store of its own.
///
/// Takes the path of an `async fn() -> impl Store`. The crate that calls it needs tokio with `macros`.
#[macro_export]
macro_rules! store_contract {
    ($store:path) => {
        $crate::store_contract! { $store:
            a_lead_that_nobody_committed_is_unknown,
            a_first_commit_can_be_read_back,
            a_full_lead_can_be_read_back,
            a_commit_without_a_profile_keeps_the_one_that_was,
            a_second_first_commit_conflicts,
            a_commit_at_an_old_revision_changes_nothing,
            a_commit_of_a_lead_that_is_not_there_conflicts,
            of_two_commits_at_once_exactly_one_is_made,
            a_mark_is_read_back_with_the_lead,
            a_commit_carries_or_clears_the_mark_as_the_lead_says,
            a_mark_fences_off_a_commit_made_before_it,
            a_mark_at_an_old_revision_conflicts,
            a_mark_writes_no_history_and_leaves_the_pulse,
            a_submission_counts_once,
            an_idempotency_key_counts_once,
            a_known_key_is_told_before_a_known_submission,
            an_idempotency_key_that_has_ended_is_free_again,
            history_is_whole_and_in_order,
            histories_of_two_leads_stay_apart,
            a_lead_is_due_in_its_shard_from_its_pulse_on,
            a_pulse_between_two_seconds_is_due_at_the_later_one,
            a_pulse_that_moves_leaves_its_old_place,
            a_lead_at_the_end_of_its_life_is_never_due,
            every_due_lead_is_met_once_over_all_pages_the_most_overdue_first,
            leads_that_are_done_between_two_pages_hide_nobody,
            an_engagement_is_new_once,
    hits_are_kept_by_link_and_bounded, an_effect_is_one_workers_until_its_time_is_over_or_it_is_done,
            an_effect_that_is_let_go_of_is_free_at_once,
            a_survey_meets_every_item_once,
            an_import_is_kept_in_place_of_its_earlier_run,
            a_pause_is_read_back,
            the_mails_of_a_sender_add_up_by_day,
            what_speaks_against_a_sender_counts_once,
            of_two_reports_at_once_one_counts,
            what_is_said_of_a_sender_is_read_back,
            a_chores_mark_is_read_back,
            a_version_of_a_program_is_kept_for_good,
            a_program_of_many_long_files_can_be_read_back,
            a_version_of_the_catalog_is_kept_for_good,
            a_release_follows_the_one_it_was_made_from_or_none,
            of_two_releases_at_once_exactly_one_is_made,
            a_roster_follows_the_one_it_was_made_from_or_none,
            a_lead_lies_on_the_desk_of_its_owner_by_when_somebody_must_act,
            a_rep_has_every_lead_on_the_desk_and_a_queue_those_that_wait,
            a_lead_that_changes_hands_leaves_the_desk_it_lay_on,
            a_lead_at_the_end_of_its_life_lies_on_no_desk,
            a_mark_leaves_the_desk_alone,
            every_lead_on_a_desk_is_met_once_over_all_pages_the_most_urgent_first,
        }
    };
    ($store:path: $($check:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $check() {
                $crate::contract::$check(&$store().await).await;
            }
        )*
    };
}

/// Makes one `#[tokio::test]` of every check of a door's book, as [`store_contract!`](crate::store_contract) does.
#[macro_export]
macro_rules! door_book_contract {
    ($book:path) => {
        $crate::store_contract! { $book:
            a_bucket_counts_up_to_its_limit_and_then_stays,
            buckets_of_other_keys_and_minutes_are_apart,
            of_many_counts_at_once_only_so_many_are_taken,
            a_key_is_used_once_until_its_time_is_over,
            of_two_uses_at_once_exactly_one_is_the_first,
            a_block_is_found_among_other_keys_until_it_is_lifted,
        }
    };
}

/// Makes one `#[tokio::test]` of every check of what is kept of webhooks, as [`store_contract!`](crate::store_contract)
/// does.
#[macro_export]
macro_rules! deliveries_contract {
    ($store:path) => {
        $crate::store_contract! { $store:
            an_event_is_one_delivery_to_a_webhook_and_another_to_the_next,
            a_delivery_is_due_from_its_time_on_and_not_once_it_is_there,
            due_deliveries_of_two_webhooks_stay_apart_and_the_most_overdue_comes_first,
            a_delivery_that_changed_since_it_was_read_is_not_changed,
            parked_deliveries_are_met_once_over_all_pages_by_the_time_of_their_events,
            a_turn_is_one_workers_until_it_ends_or_its_time_is_over,
            a_server_that_wants_no_more_is_remembered_until_it_is_called_again,
            the_row_of_an_event_is_read_from_history,
        }
    };
}

/// Makes one `#[tokio::test]` of every check of what waits for digests, as [`store_contract!`](crate::store_contract) does.
#[macro_export]
macro_rules! news_contract {
    ($store:path) => {
        $crate::store_contract! { $store:
            news_is_kept_once_for_its_reader_until_it_is_let_go_of,
            news_is_met_once_over_all_pages_the_oldest_first,
            what_was_not_told_is_due_until_it_is_let_go_of,
        }
    };
}

/// Most pages a check reads before it gives up on a cursor that never ends.
const PAGES_MAX: usize = 1_000;

// --- Samples -----------------------------------------------------------------------------------------

fn at(text: &str) -> Timestamp {
    text.parse().expect("the sample is a timestamp")
}

fn noon() -> Timestamp {
    at("2026-03-02T12:00:00Z")
}

fn lead_id(number: u32) -> LeadId {
    LeadId::parse(&Pepper::new([7; 32]).digest(&[&number.to_be_bytes()])).expect("a digest is an id")
}

fn touch(text: &str) -> TouchId {
    TouchId::parse(text).expect("the sample is a touch id")
}

fn program(name: &str) -> ProgramName {
    ProgramName::parse(name).expect("the sample is a program name")
}

fn form() -> FormName {
    FormName::parse("contact").expect("the sample is a form name")
}

fn email() -> EmailAddress {
    EmailAddress::parse("Ada.Lovelace@example.com").expect("the sample is an address")
}

/// A lead in the middle of its welcome, due at `pulse`.
fn lead(id: &LeadId, pulse: Timestamp) -> Lead {
    Lead {
        id: id.clone(),
        life: 1,
        stage: LifecycleStage::Inquiry,
        received_at: noon(),
        email: EmailReach::Ok,
        unwilling: false,
        soft_bounces: Vec::new(),
        soft_until: None,
        withdrawn: Vec::new(),
        phone: PhoneReach::Missing,
        flags: Vec::new(),
        zone: None,
        owner: Some(Ownership::Queue { queue: QueueName::parse("sales").expect("the sample is a queue name") }),
        enrolment: Some(Enrolment {
            ordinal: 1,
            program: program("welcome"),
            version: ProgramVersion("0123456789ab".to_owned()),
            step: StepId::parse("response").expect("the sample is a step id"),
            next_touch_at: pulse,
            started_at: noon(),
            attempts: 0,
            lap: 0,
            round: 0,
            silent_touches: 0,
            paused: None,
        }),
        enrolments: 1,
        sending: None,
        unresolved: Vec::new(),
        task: None,
        recent_mails: Vec::new(),
        signals: BTreeMap::new(),
        topic: None,
        followed: Vec::new(),
        score: Score::default(),
        tags: BTreeSet::new(),
        consent: None,
        opt_in: OptIn::default(),
        offers: Vec::new(),
        preferences: Preferences::default(),
        language: None,
        cycle: DemandCycle::open(1, Origin::New, noon()),
        sla: None,
        turnback: None,
        preferred: None,
        requalified: Vec::new(),
        crm_status: None,
        disqualified: None,
        disposed_at: None,
        evaluate_by: None,
        evaluated_at: None,
        alerted: BTreeMap::new(),
        submissions: 1,
        stage_until: None,
        seq: 1,
    }
}

/// A lead with something in every place that a lead has.
fn full_lead(id: &LeadId) -> Lead {
    let mut full = lead(id, noon());
    full.unwilling = true;
    full.soft_bounces = vec![SoftBounce { at: at("2026-03-01T12:00:00.5Z"), touch: touch("1_welcome_case_0") }];
    full.soft_until = Some(noon() + SignedDuration::from_hours(30 * 24));
    full.withdrawn = vec![touch("1_welcome_helpful-link_0")];
    full.flags = vec![Flag::RoleAddress, Flag::PossibleDuplicate];
    full.zone = Some("America/Argentina/Buenos_Aires".to_owned());
    if let Some(enrolment) = &mut full.enrolment {
        enrolment.attempts = 2;
        enrolment.lap = 3;
        enrolment.round = 4;
        enrolment.silent_touches = 5;
        enrolment.paused = Some(Pause { cause: PauseCause::InConversation, resume_at: noon() });
    }
    full.consent = Some(Consent { basis: ConsentBasis::Stated, given_at: noon(), until: None });
    full.opt_in.asked = 2;
    full.opt_in.until = Some(noon() + SignedDuration::from_hours(24));
    full.preferences.pace = Pace::LessOften;
    full.language = Some(Language::parse("de").expect("the sample is a language"));
    full.sending = Some(sending(1));
    full.unresolved = vec![
        Unresolved {
            touch: touch("1_welcome_case_0"),
            attempt: 1,
            state: Doubt::Unknown { review_at: noon() + SignedDuration::from_hours(6) },
        },
        Unresolved { touch: touch("1_welcome_helpful-link_0"), attempt: 3, state: Doubt::Review },
    ];
    full.task = Some(Task {
        touch: touch("1_welcome_call_0"),
        kind: TaskKind::Call,
        due_at: noon() + SignedDuration::from_hours(48),
        escalates_at: Some(noon() + SignedDuration::from_hours(72)),
    });
    full.recent_mails = vec![noon(), at("2026-03-01T12:00:00.123456789Z")];
    full.signals = BTreeMap::from([(SignalKind::Clicked, noon()), (SignalKind::Replied, at("2026-03-01T12:00:00.5Z"))]);
    full.topic = Some(TopicName::parse("route-planning").expect("the sample is a topic"));
    full.tags = ["customer-event", "partner"].map(|tag| TagName::parse(tag).expect("the sample is a tag")).into();
    full.submissions = 3;
    full.followed = vec![Followed {
        touch: touch("1_welcome_response_0"),
        mailing: Mailing { sent_at: noon(), links: 3, class: TouchClass::Response },
        topic: TopicName::parse("prices").ok(),
        until: Some(noon() + SignedDuration::from_hours(7)),
        people: BTreeSet::from([0, 2]),
        sign: Some(GivenSign {
            given_at: noon(),
            clicked_before: Some(noon()),
            topic_before: TopicName::parse("security").ok(),
            silence_before: Some((1, 2)),
        }),
    }];
    full.score = Score {
        classes: vec![Fading {
            half_life_minutes: 43_200,
            points: Points::whole(-3),
            at: at("2026-03-01T12:00:00.5Z"),
        }],
        clicks: vec![ScoredClick {
            touch: touch("1_welcome_response_0"),
            links: BTreeSet::from([0, 2]),
            points: 5,
            half_life_minutes: 43_200,
            given_at: noon(),
        }],
    };
    full.stage_until = Some(noon() + SignedDuration::from_hours(24));
    full
}

fn sending(attempt: u32) -> Sending {
    Sending { touch: touch("1_welcome_response_0"), attempt, lease_until: noon() + SignedDuration::from_mins(2) }
}

fn profile() -> Profile {
    Profile::of(&submission("first"))
}

fn submission(identity: &str) -> Submission {
    let field = |name: &str| FieldName::parse(name).expect("the sample is a field name");
    Submission {
        id: SubmissionId::derive(&Pepper::new([7; 32]), &form(), identity),
        channel: Channel::Form,
        form: form(),
        intent: Intent::HandRaise,
        program: program("welcome"),
        entry: Entry::Welcome,
        received_at: noon(),
        email: Some(email()),
        phone: None,
        fields: BTreeMap::from([
            (field("first_name"), "Ada".to_owned()),
            (field("message"), "Größe? \u{1F44B}\n{{ 7*7 }}".to_owned()),
        ]),
        source: Source { source: Some("newsletter".to_owned()), ..Source::default() },
        zone: Some("Europe/Berlin".to_owned()),
        mail: Permission::Allowed,
        calls: Permission::Refused,
        consent: None,
        language: None,
        junk: vec![JunkReason::BotUserAgent],
        flags: vec![Flag::PossibleDuplicate],
    }
}

fn row(seq: u64) -> HistoryRow {
    HistoryRow {
        seq,
        at: noon(),
        cause: "due".to_owned(),
        entries: vec![Event::TouchSent {
            touch: touch("1_welcome_response_0"),
            attempt: 1,
            proof: SendProof::Answer,
            message_id: Some("0100".to_owned()),
        }],
        deltas: Deltas::default(),
    }
}

/// The commit that makes a lead.
fn first(lead: Lead) -> Commit {
    let deltas = Deltas::between(None, Some(&lead));
    Commit {
        history: HistoryRow { deltas, ..row(1) },
        lead,
        expected: None,
        profile: Some(profile()),
        submission: None,
        idempotency: None,
    }
}

/// The commit after the one that gave `stored`.
fn next(stored: &Stored) -> Commit {
    let mut lead = stored.lead.clone();
    lead.seq = lead.seq.saturating_add(1);
    lead.submissions = lead.submissions.saturating_add(1);
    Commit {
        history: row(lead.seq),
        lead,
        expected: Some(stored.rev),
        profile: None,
        submission: None,
        idempotency: None,
    }
}

fn submitted(commit: Commit, identity: &str) -> Commit {
    let submission = submission(identity);
    Commit { submission: Some(SubmissionRow { submission, outcome: SubmissionOutcome::Merged }), ..commit }
}

fn under_key(commit: Commit, record: &IdempotencyRecord) -> Commit {
    Commit { idempotency: Some(record.clone()), ..commit }
}

fn key(expires_at: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord { key: "hash-of-the-key".to_owned(), body: "hash-of-the-body".to_owned(), expires_at }
}

async fn make(store: &impl Store, commit: &Commit) -> Stored {
    store.commit(commit).await.expect("the commit is made");
    read(store, &commit.lead.id).await
}

async fn read(store: &impl Store, id: &LeadId) -> Stored {
    store.load(id).await.expect("the store answers").expect("the lead is there")
}

async fn refused(store: &impl Store, commit: &Commit) -> CommitError {
    store.commit(commit).await.expect_err("the commit is not made")
}

async fn due(store: &impl Store, shard: u8, until: Timestamp) -> Vec<DueLead> {
    let mut leads = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = store.due(shard, until, cursor).await.expect("the store answers");
        leads.extend(page.leads);
        cursor = page.next;
        if cursor.is_none() {
            return leads;
        }
    }
    panic!("the pages do not end");
}

async fn survey(store: &impl Store) -> Vec<Surveyed> {
    let mut items = Vec::new();
    let mut cursor: Option<Cursor> = None;
    for _ in 0..PAGES_MAX {
        let page = store.survey(cursor).await.expect("the store answers");
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
    panic!("the pages do not end");
}

/// Ids that live in shard 0.
fn neighbours() -> impl Iterator<Item = LeadId> {
    (0..).map(lead_id).filter(|id| id.shard(PULSE_SHARDS) == 0)
}

// --- Reading and committing --------------------------------------------------------------------------

/// Nothing is read where nothing was written.
pub async fn a_lead_that_nobody_committed_is_unknown(store: &impl Store) {
    assert_eq!(store.load(&lead_id(1)).await.expect("the store answers"), None);
    assert_eq!(store.history(&lead_id(1)).await.expect("the store answers"), []);
}

/// The first commit writes the lead, its profile and its history.
pub async fn a_first_commit_can_be_read_back(store: &impl Store) {
    let commit = first(lead(&lead_id(1), noon()));
    let rev = store.commit(&commit).await.expect("the commit is made");
    let expected = Stored { lead: commit.lead.clone(), profile: profile(), rev };
    assert_eq!(read(store, &lead_id(1)).await, expected);
    assert_eq!(store.history(&lead_id(1)).await.expect("the store answers"), [commit.history]);
}

/// No field of a lead or a profile is lost on the way, nor any part of a second.
pub async fn a_full_lead_can_be_read_back(store: &impl Store) {
    let commit = first(full_lead(&lead_id(1)));
    let stored = make(store, &commit).await;
    assert_eq!(stored.lead, commit.lead);
    assert_eq!(Some(stored.profile), commit.profile);
}

/// The profile is written only where it changed.
pub async fn a_commit_without_a_profile_keeps_the_one_that_was(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    let again = make(store, &next(&stored)).await;
    assert_eq!(again.profile, stored.profile);
    let mut changed = profile();
    changed.fields.clear();
    let commit = Commit { profile: Some(changed.clone()), ..next(&again) };
    assert_eq!(make(store, &commit).await.profile, changed);
}

/// Whoever believes that a lead is new is told that it is not.
pub async fn a_second_first_commit_conflicts(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    let mut other = first(lead(&lead_id(1), noon()));
    other.lead.submissions = 9;
    assert!(matches!(refused(store, &other).await, CommitError::Conflict));
    assert_eq!(read(store, &lead_id(1)).await, stored);
}

/// All of a commit is written, or nothing.
pub async fn a_commit_at_an_old_revision_changes_nothing(store: &impl Store) {
    let old = make(store, &first(lead(&lead_id(1), noon()))).await;
    let new = make(store, &next(&old)).await;
    let mut late = submitted(next(&old), "late");
    late.profile = Some(Profile { email: None, ..profile() });
    let late = under_key(late, &key(noon() + SignedDuration::from_hours(1)));
    assert!(matches!(refused(store, &late).await, CommitError::Conflict));
    assert_eq!(read(store, &lead_id(1)).await, new);
    assert_eq!(store.history(&lead_id(1)).await.expect("the store answers").len(), 2);
    assert_eq!(store.idempotency("hash-of-the-key").await.expect("the store answers"), None);
    // The submission was not kept either: it can still be.
    make(store, &submitted(next(&new), "late")).await;
}

/// A lead that is gone, or never was, cannot be changed.
pub async fn a_commit_of_a_lead_that_is_not_there_conflicts(store: &impl Store) {
    let commit = Commit { expected: Some(1), ..first(lead(&lead_id(1), noon())) };
    assert!(matches!(refused(store, &commit).await, CommitError::Conflict));
    assert_eq!(store.load(&lead_id(1)).await.expect("the store answers"), None);
}

/// The revision lets one of many through.
pub async fn of_two_commits_at_once_exactly_one_is_made(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    let commits = [next(&stored), next(&stored), next(&stored)];
    let answers = future::join_all(commits.iter().map(|commit| store.commit(commit))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|answer| matches!(answer, Err(CommitError::Conflict))));
    assert_eq!(store.history(&lead_id(1)).await.expect("the store answers").len(), 2);
}

// --- The mark ----------------------------------------------------------------------------------------

/// A mark comes with the lead, and gives it a new revision.
pub async fn a_mark_is_read_back_with_the_lead(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    let rev = store.mark_sending(&lead_id(1), stored.rev, &sending(1)).await.expect("the mark is made");
    let marked = read(store, &lead_id(1)).await;
    assert_eq!(marked.rev, rev);
    assert_ne!(rev, stored.rev);
    assert_eq!(marked.lead, Lead { sending: Some(sending(1)), ..stored.lead });
    assert_eq!(marked.profile, stored.profile);
}

/// A commit writes the mark as it stands in the lead.
pub async fn a_commit_carries_or_clears_the_mark_as_the_lead_says(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    store.mark_sending(&lead_id(1), stored.rev, &sending(1)).await.expect("the mark is made");
    let marked = read(store, &lead_id(1)).await;
    let carried = make(store, &next(&marked)).await;
    assert_eq!(carried.lead.sending, Some(sending(1)));
    let mut clearing = next(&carried);
    clearing.lead.sending = None;
    assert_eq!(make(store, &clearing).await.lead.sending, None);
}

/// What was decided before the mark was set cannot be committed after it (F5, F13).
pub async fn a_mark_fences_off_a_commit_made_before_it(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    store.mark_sending(&lead_id(1), stored.rev, &sending(1)).await.expect("the mark is made");
    assert!(matches!(refused(store, &next(&stored)).await, CommitError::Conflict));
}

/// Two workers cannot both mark: one mail is handed over (F1).
pub async fn a_mark_at_an_old_revision_conflicts(store: &impl Store) {
    let stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    store.mark_sending(&lead_id(1), stored.rev, &sending(1)).await.expect("the mark is made");
    let second = store.mark_sending(&lead_id(1), stored.rev, &sending(2)).await;
    assert!(matches!(second, Err(CommitError::Conflict)));
    assert_eq!(read(store, &lead_id(1)).await.lead.sending, Some(sending(1)));
    let unknown = store.mark_sending(&lead_id(2), 1, &sending(1)).await;
    assert!(matches!(unknown, Err(CommitError::Conflict)));
    assert_eq!(store.load(&lead_id(2)).await.expect("the store answers"), None);
}

/// A mark costs one write: no history, no move in the index.
pub async fn a_mark_writes_no_history_and_leaves_the_pulse(store: &impl Store) {
    let id = lead_id(1);
    let stored = make(store, &first(lead(&id, noon()))).await;
    store.mark_sending(&id, stored.rev, &sending(1)).await.expect("the mark is made");
    assert_eq!(store.history(&id).await.expect("the store answers").len(), 1);
    let due = due(store, id.shard(PULSE_SHARDS), noon()).await;
    assert_eq!(due, [DueLead { id, pulse: noon() }]);
}

// --- Once only ---------------------------------------------------------------------------------------

/// The same submission again changes nothing, whether its lead was loaded before or after the first.
pub async fn a_submission_counts_once(store: &impl Store) {
    let commit = submitted(first(lead(&lead_id(1), noon())), "first");
    let stored = make(store, &commit).await;
    let current = refused(store, &submitted(next(&stored), "first")).await;
    assert!(matches!(current, CommitError::KnownSubmission));
    let stale = refused(store, &commit).await;
    assert!(matches!(stale, CommitError::KnownSubmission | CommitError::Conflict));
    assert_eq!(read(store, &lead_id(1)).await, stored);
    // Another one of the same lead, and the same one of another lead, are not it.
    make(store, &submitted(next(&stored), "second")).await;
    make(store, &submitted(first(lead(&lead_id(2), noon())), "first")).await;
}

/// A key stands for one commit, and is read back with the refusal (H19).
pub async fn an_idempotency_key_counts_once(store: &impl Store) {
    let record = key(noon() + SignedDuration::from_hours(1));
    assert_eq!(store.idempotency(&record.key).await.expect("the store answers"), None);
    let stored = make(store, &under_key(first(lead(&lead_id(1), noon())), &record)).await;
    assert_eq!(store.idempotency(&record.key).await.expect("the store answers"), Some(record.clone()));
    let other = IdempotencyRecord { body: "of-another-body".to_owned(), ..record.clone() };
    let answer = refused(store, &under_key(first(lead(&lead_id(2), noon())), &other)).await;
    assert!(matches!(answer, CommitError::KnownKey(known) if *known == record));
    assert_eq!(store.load(&lead_id(2)).await.expect("the store answers"), None);
    assert_eq!(read(store, &lead_id(1)).await, stored);
}

/// Only the key's record can tell whether it was the same body.
pub async fn a_known_key_is_told_before_a_known_submission(store: &impl Store) {
    let record = key(noon() + SignedDuration::from_hours(1));
    let commit = under_key(submitted(first(lead(&lead_id(1), noon())), "first"), &record);
    let stored = make(store, &commit).await;
    let answer = refused(store, &under_key(submitted(next(&stored), "first"), &record)).await;
    assert!(matches!(answer, CommitError::KnownKey(known) if *known == record));
}

/// The end of a key is judged by the time of the commit: garbage may lie about longer.
pub async fn an_idempotency_key_that_has_ended_is_free_again(store: &impl Store) {
    make(store, &under_key(first(lead(&lead_id(1), noon())), &key(noon()))).await;
    let renewed = key(noon() + SignedDuration::from_hours(1));
    make(store, &under_key(first(lead(&lead_id(2), noon())), &renewed)).await;
    assert_eq!(store.idempotency(&renewed.key).await.expect("the store answers"), Some(renewed));
}

// --- History -----------------------------------------------------------------------------------------

/// The order is that of the numbers, not of their digits.
pub async fn history_is_whole_and_in_order(store: &impl Store) {
    let mut stored = make(store, &first(lead(&lead_id(1), noon()))).await;
    for _ in 0..24 {
        stored = make(store, &next(&stored)).await;
    }
    let history = store.history(&lead_id(1)).await.expect("the store answers");
    let seqs: Vec<u64> = history.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=25).collect::<Vec<u64>>());
    assert_eq!(history.last(), Some(&row(25)));
}

/// A history is one lead's.
pub async fn histories_of_two_leads_stay_apart(store: &impl Store) {
    for number in [1, 2] {
        let stored = make(store, &first(lead(&lead_id(number), noon()))).await;
        make(store, &next(&stored)).await;
    }
    assert_eq!(store.history(&lead_id(1)).await.expect("the store answers").len(), 2);
}

// --- The pulse ---------------------------------------------------------------------------------------

/// Due means: in the lead's own shard, and not before its time.
pub async fn a_lead_is_due_in_its_shard_from_its_pulse_on(store: &impl Store) {
    let id = lead_id(1);
    make(store, &first(lead(&id, noon()))).await;
    let shard = id.shard(PULSE_SHARDS);
    let second = SignedDuration::from_secs(1);
    let known = DueLead { id, pulse: noon() };
    assert_eq!(due(store, shard, noon() - second).await, []);
    assert_eq!(due(store, shard, noon()).await, std::slice::from_ref(&known));
    assert_eq!(due(store, shard, noon() + second).await, std::slice::from_ref(&known));
    for other in (0..PULSE_SHARDS).filter(|other| *other != shard) {
        assert_eq!(due(store, other, noon() + second).await, []);
    }
}

/// The index knows whole seconds; it may call a lead late by less than one, never early.
pub async fn a_pulse_between_two_seconds_is_due_at_the_later_one(store: &impl Store) {
    let id = lead_id(1);
    let millis = SignedDuration::from_millis;
    make(store, &first(lead(&id, noon() + millis(300)))).await;
    let shard = id.shard(PULSE_SHARDS);
    assert_eq!(due(store, shard, noon() + millis(200)).await, []);
    let pulse = noon() + millis(1_000);
    assert_eq!(due(store, shard, pulse).await, [DueLead { id, pulse }]);
}

/// A commit moves the pulse to what the lead says now.
pub async fn a_pulse_that_moves_leaves_its_old_place(store: &impl Store) {
    let id = lead_id(1);
    let shard = id.shard(PULSE_SHARDS);
    let stored = make(store, &first(lead(&id, noon()))).await;
    let later = noon() + SignedDuration::from_hours(24);
    let mut commit = next(&stored);
    if let Some(enrolment) = &mut commit.lead.enrolment {
        enrolment.next_touch_at = later;
    }
    make(store, &commit).await;
    assert_eq!(due(store, shard, noon()).await, []);
    assert_eq!(due(store, shard, later).await, [DueLead { id, pulse: later }]);
}

/// The end of a life takes the lead out of the index.
pub async fn a_lead_at_the_end_of_its_life_is_never_due(store: &impl Store) {
    let id = lead_id(1);
    let stored = make(store, &first(lead(&id, noon()))).await;
    let mut commit = next(&stored);
    commit.lead.stage = LifecycleStage::JunkPurged;
    make(store, &commit).await;
    assert_eq!(due(store, id.shard(PULSE_SHARDS), Timestamp::MAX).await, []);
}

/// Every page is read, in order.
pub async fn every_due_lead_is_met_once_over_all_pages_the_most_overdue_first(store: &impl Store) {
    // Enough for more than one page, at times that are not in the order of the ids; some at the same time.
    let leads: Vec<(Timestamp, LeadId)> = neighbours()
        .take(130)
        .zip(0_i64..)
        .map(|(id, number)| (noon() - SignedDuration::from_mins(number * 37 % 101), id))
        .collect();
    for (pulse, id) in &leads {
        make(store, &first(lead(id, *pulse))).await;
    }
    let mut expected: Vec<DueLead> = leads.into_iter().map(|(pulse, id)| DueLead { id, pulse }).collect();
    expected.sort_by(|one, other| (one.pulse, &one.id).cmp(&(other.pulse, &other.id)));
    assert_eq!(due(store, 0, noon()).await, expected);
}

/// A sweep takes leads out of the index while it reads it.
pub async fn leads_that_are_done_between_two_pages_hide_nobody(store: &impl Store) {
    let later = noon() + SignedDuration::from_hours(1);
    let ids: Vec<LeadId> = neighbours().take(110).collect();
    for id in &ids {
        make(store, &first(lead(id, noon()))).await;
    }
    let mut met = BTreeSet::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = store.due(0, noon(), cursor).await.expect("the store answers");
        for due in page.leads {
            let stored = read(store, &due.id).await;
            let mut commit = next(&stored);
            commit.lead.enrolment = None;
            commit.lead.stage_until = Some(later);
            make(store, &commit).await;
            assert!(met.insert(due.id), "a lead was met twice");
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(met, ids.into_iter().collect());
}

// --- Facts, surveys, imports, the pause --------------------------------------------------------------

/// One worker at a time does an effect, the next one only after its time, and nobody once it is done (F12).
pub async fn an_effect_is_one_workers_until_its_time_is_over_or_it_is_done(store: &impl Store) {
    let until = noon() + SignedDuration::from_secs(60);
    let claim = async |now: Timestamp| store.claim_effect("effect-1", now, now + SignedDuration::from_secs(60)).await;
    assert_eq!(claim(noon()).await.expect("it is claimed"), Claim::Ours);
    assert_eq!(claim(until - SignedDuration::from_secs(1)).await.expect("it is asked for"), Claim::Taken);
    assert_eq!(claim(until).await.expect("it is claimed anew"), Claim::Ours);
    store.finish_effect("effect-1", until).await.expect("it is finished");
    assert_eq!(claim(until + SignedDuration::from_hours(1)).await.expect("it is asked for"), Claim::Done);
    let other = store.claim_effect("effect-2", noon(), until).await.expect("another is claimed");
    assert_eq!(other, Claim::Ours);
}

/// What is known not to have happened can be tried again at once; only whoever claimed it lets go of it.
pub async fn an_effect_that_is_let_go_of_is_free_at_once(store: &impl Store) {
    let until = noon() + SignedDuration::from_secs(60);
    let claim = async || store.claim_effect("effect-1", noon(), until).await.expect("it is asked for");
    let release = async |until: Timestamp| store.release_effect("effect-1", until).await.expect("it is let go of");
    release(until).await;
    assert_eq!(claim().await, Claim::Ours);
    release(until + SignedDuration::from_secs(1)).await;
    assert_eq!(claim().await, Claim::Taken, "that was another's");
    release(until).await;
    assert_eq!(claim().await, Claim::Ours);
    store.finish_effect("effect-1", noon()).await.expect("it is finished");
    release(noon()).await;
    assert_eq!(claim().await, Claim::Done);
}

/// The same fact over two paths counts once (F16).
pub async fn an_engagement_is_new_once(store: &impl Store) {
    let fact = EngagementRecord {
        lead: lead_id(1),
        touch: touch("1_welcome_response_0"),
        kind: "delivered".to_owned(),
        at: noon(),
    };
    let later = EngagementRecord { at: noon() + SignedDuration::from_hours(1), ..fact.clone() };
    let of_another_kind = EngagementRecord { kind: "opened".to_owned(), ..fact.clone() };
    let of_another_lead = EngagementRecord { lead: lead_id(2), ..fact.clone() };
    let of_another_touch = EngagementRecord { touch: touch("1_welcome_case_0"), ..fact.clone() };
    for (record, new) in
        [(&fact, true), (&later, false), (&of_another_kind, true), (&of_another_lead, true), (&of_another_touch, true)]
    {
        assert_eq!(store.record_engagement(record).await.expect("the store answers"), new);
    }
    assert_eq!(store.load(&lead_id(1)).await.expect("the store answers"), None, "a fact makes no lead");
}

/// Hits of a mail are kept link by link: a repeated one is the same, and there is an end to them.
pub async fn hits_are_kept_by_link_and_bounded(store: &impl Store) {
    let hit = |after_s: i64, link: u16, network: &str| Hit {
        at: noon() + SignedDuration::from_secs(after_s),
        target: Target::Link(link),
        network: Network::of_hash(network.to_owned()),
        agent: Agent::Browser,
        manner: Manner::Get,
    };
    let (lead, mail) = (lead_id(1), touch("1_welcome_response_0"));
    let trap = Hit { target: Target::Trap, manner: Manner::Head, ..hit(1, 0, "a") };
    let kept = [hit(0, 0, "a"), hit(5, 0, "b"), hit(6, 0, "a"), hit(40, 0, "a"), hit(41, 1, "a"), trap];
    for (hit, is_new) in [
        (&kept[0], true),
        (&hit(20, 0, "a"), false),
        (&kept[1], true),
        (&kept[2], true),
        (&hit(36, 0, "a"), false),
        (&kept[3], true),
        (&kept[4], true),
        (&kept[5], true),
    ] {
        assert_eq!(store.record_hit(&lead, &mail, hit).await.expect("the store answers"), is_new, "{hit:?}");
    }
    let other = TouchId { occurrence: mail.occurrence + 1, ..mail.clone() };
    assert!(store.record_hit(&lead, &other, &hit(0, 0, "a")).await.expect("the store answers"));
    let mut found = store.hits(&lead, &mail).await.expect("the store answers");
    found.sort();
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(found, kept);

    let full = lead_id(2);
    for minute in 0..i64::try_from(HITS_PER_LINK_MAX).expect("it is small") + 3 {
        store.record_hit(&full, &mail, &hit(minute * 60, 0, "a")).await.expect("the store answers");
    }
    assert_eq!(store.hits(&full, &mail).await.expect("the store answers").len(), HITS_PER_LINK_MAX);
    assert_eq!(store.load(&lead).await.expect("the store answers"), None, "a hit makes no lead");
}

/// A report sees every state, move, submission and import, and no other item.
pub async fn a_survey_meets_every_item_once(store: &impl Store) {
    let ids: BTreeSet<LeadId> = (1..=30).map(lead_id).collect();
    for id in &ids {
        let made = submitted(first(lead(id, noon())), "first");
        let stored = make(store, &under_key(made, &IdempotencyRecord { key: id.to_string(), ..key(noon()) })).await;
        let mut end = next(&stored);
        end.lead.stage = LifecycleStage::JunkPurged;
        end.history.deltas = Deltas::between(Some(&stored.lead), Some(&end.lead));
        let ended = make(store, &end).await;
        store.mark_sending(id, ended.rev, &sending(1)).await.expect("the mark is made");
    }
    let living = full_lead(&lead_id(31));
    make(store, &first(living.clone())).await;
    let import = import(9);
    store.put_import(&import).await.expect("the store answers");
    store.pause_sending(&pause("paused")).await.expect("the store answers");
    store.put_program(&published("0123456789ab", 2)).await.expect("the program is kept");
    store.put_catalog(&published_catalog("a")).await.expect("the catalog is kept");
    assert!(store.set_release(&release(1), None).await.expect("the store answers"));

    let mut seen = BTreeSet::new();
    let (mut balance, mut submissions, mut imports) = (Deltas::default(), 0, Vec::new());
    for item in survey(store).await {
        match item {
            Surveyed::State { lead, indexed_pulse, indexed_desk } => {
                assert!(seen.insert(lead.id.clone()), "a state was met twice");
                assert_eq!(indexed_desk, DeskPlace::of(&lead));
                let expected =
                    if lead.id == living.id { (Some(noon()), living.clone()) } else { (None, *lead.clone()) };
                assert_eq!((indexed_pulse, *lead), expected);
            }
            Surveyed::History(deltas) => balance.add(&deltas),
            Surveyed::Submission(outcome) => {
                assert_eq!(outcome, SubmissionOutcome::Merged);
                submissions += 1;
            }
            Surveyed::Import(record) => imports.push(record),
        }
    }
    assert_eq!(seen.len(), 31);
    assert_eq!(balance.at(Place::Outside), -31);
    assert_eq!(balance.at(Place::Stage(LifecycleStage::JunkPurged)), 30);
    assert_eq!(balance.at(Place::Stage(LifecycleStage::Inquiry)), 1);
    assert_eq!(submissions, 30);
    assert_eq!(imports, [import]);
}

fn import(rows: u64) -> ImportRecord {
    ImportRecord {
        id: "hash-of-the-file".to_owned(),
        source: "trade-fair".to_owned(),
        at: noon(),
        rows,
        refused: BTreeMap::from([("no address or phone number".to_owned(), 2)]),
    }
}

/// The same list again is the same import.
pub async fn an_import_is_kept_in_place_of_its_earlier_run(store: &impl Store) {
    for rows in [9, 12] {
        store.put_import(&import(rows)).await.expect("the store answers");
    }
    assert_eq!(survey(store).await, [Surveyed::Import(import(12))]);
}

fn pause(reason: &str) -> SendingPause {
    SendingPause { until: noon(), reason: reason.to_owned() }
}

/// The last pause counts.
pub async fn a_pause_is_read_back(store: &impl Store) {
    assert_eq!(store.sending_pause().await.expect("the store answers"), None);
    for reason in ["sending paused", "account suspended"] {
        store.pause_sending(&pause(reason)).await.expect("the store answers");
        assert_eq!(store.sending_pause().await.expect("the store answers"), Some(pause(reason)));
    }
}

// --- Senders and chores ------------------------------------------------------------------------------

fn sender(domain: &str) -> SenderDomain {
    SenderDomain::parse(domain).expect("the sample is a domain")
}

fn bounced(lead: u32) -> EngagementRecord {
    let touch = touch("1_welcome_response_0");
    EngagementRecord { lead: lead_id(lead), touch, kind: "bounced".to_owned(), at: noon() }
}

fn against(sender: &SenderDomain, feedback: Feedback) -> Against {
    Against { sender: sender.clone(), day: date(2026, 3, 2), feedback }
}

async fn days(store: &impl Store, sender: &SenderDomain, since: Date) -> BTreeMap<Date, Tally> {
    store.sender(sender, since).await.expect("the store answers").days
}

/// Two senders, two days; a reading begins at the day it names.
pub async fn the_mails_of_a_sender_add_up_by_day(store: &impl Store) {
    let (ours, theirs) = (sender("perennial.example"), sender("other.example"));
    let (first, second) = (date(2026, 2, 28), date(2026, 3, 1));
    assert_eq!(store.sender(&ours, first).await.expect("the store answers"), SenderRecord::default());
    for (sender, day, sends) in [(&ours, first, 3), (&ours, second, 4), (&ours, second, 5), (&theirs, second, 100)] {
        store.add_sends(sender, day, sends).await.expect("the store answers");
    }
    let sent = |sends| Tally { sends, ..Tally::default() };
    assert_eq!(days(store, &ours, first).await, BTreeMap::from([(first, sent(3)), (second, sent(9))]));
    assert_eq!(days(store, &ours, second).await, BTreeMap::from([(second, sent(9))]));
    assert_eq!(days(store, &ours, date(2026, 3, 2)).await, BTreeMap::new());
    assert_eq!(days(store, &theirs, first).await, BTreeMap::from([(second, sent(100))]));
}

/// However often it is told; also where it was kept before without being counted.
pub async fn what_speaks_against_a_sender_counts_once(store: &impl Store) {
    let ours = sender("perennial.example");
    let bounce = against(&ours, Feedback::Bounce);
    for (record, new) in [(bounced(1), true), (bounced(1), false), (bounced(2), true)] {
        assert_eq!(store.record_feedback(&record, &bounce).await.expect("the store answers"), new);
    }
    let complaint = EngagementRecord { kind: "complained".to_owned(), ..bounced(1) };
    assert!(store.record_feedback(&complaint, &against(&ours, Feedback::Complaint)).await.expect("the store answers"));
    assert!(store.record_engagement(&bounced(3)).await.expect("the store answers"));
    assert!(!store.record_feedback(&bounced(3), &bounce).await.expect("the store answers"));
    assert!(!store.record_engagement(&bounced(1)).await.expect("the store answers"));
    let counted = Tally { sends: 0, bounces: 2, complaints: 1 };
    assert_eq!(days(store, &ours, bounce.day).await, BTreeMap::from([(bounce.day, counted)]));
}

/// The same report over two paths, and others beside it.
pub async fn of_two_reports_at_once_one_counts(store: &impl Store) {
    let ours = sender("perennial.example");
    let bounce = against(&ours, Feedback::Bounce);
    let (same, other) = (bounced(1), bounced(2));
    let told = future::join_all([&same, &same, &other].map(|record| store.record_feedback(record, &bounce))).await;
    let new = told.into_iter().filter(|told| *told.as_ref().expect("the store answers")).count();
    assert_eq!(new, 2);
    assert_eq!(days(store, &ours, bounce.day).await.get(&bounce.day).map(|tally| tally.bounces), Some(2));
}

/// The last word stands, and is of its sender alone.
pub async fn what_is_said_of_a_sender_is_read_back(store: &impl Store) {
    let ours = sender("perennial.example");
    let before = Tally { sends: 7, bounces: 2, complaints: 1 };
    for switch in [SenderSwitch::Paused { at: noon() }, SenderSwitch::Resumed { at: noon(), before }] {
        store.set_sender_switch(&ours, &switch).await.expect("the store answers");
        let seen = BrakeSeen { brake: Brake::LowPriority, at: noon() };
        store.set_brake_seen(&ours, &seen).await.expect("the store answers");
        let record = store.sender(&ours, date(2026, 3, 2)).await.expect("the store answers");
        assert_eq!(record, SenderRecord { days: BTreeMap::new(), switch: Some(switch), seen: Some(seen) });
    }
    let other = store.sender(&sender("other.example"), date(2026, 3, 2)).await.expect("the store answers");
    assert_eq!(other, SenderRecord::default());
}

/// Each chore has its own.
pub async fn a_chores_mark_is_read_back(store: &impl Store) {
    assert_eq!(store.chore_mark("retain").await.expect("the store answers"), None);
    for begun in [noon(), noon() + SignedDuration::from_hours(24)] {
        store.set_chore_mark("retain", begun).await.expect("the store answers");
        assert_eq!(store.chore_mark("retain").await.expect("the store answers"), Some(begun));
    }
    assert_eq!(store.chore_mark("reconcile").await.expect("the store answers"), None);
}

// --- Programs ----------------------------------------------------------------------------------------

fn version(text: &str) -> ProgramVersion {
    ProgramVersion(text.to_owned())
}

/// A version of the welcome, of so many mails.
fn published(version_text: &str, mails: usize) -> PublishedProgram {
    let mut files = vec![SourceFile {
        path: "welcome/program.toml".to_owned(),
        text: format!("title = \"Größe \u{1F44B}\"\n# {version_text}\n"),
    }];
    files.extend((0..mails).map(|mail| SourceFile {
        path: format!("welcome/touches/mail-{mail:03}.md"),
        text: format!("+++\n+++\n{mail} of {version_text}\n"),
    }));
    PublishedProgram { name: program("welcome"), version: version(version_text), files }
}

fn published_catalog(text: &str) -> PublishedCatalog {
    PublishedCatalog { version: CatalogVersion(format!("of-{text}")), text: text.to_owned() }
}

fn release(rev: u64) -> Release {
    Release {
        rev,
        at: noon(),
        catalog: CatalogVersion("of-a".to_owned()),
        programs: BTreeMap::from([
            (program("occasional"), version("aaaaaaaaaaaa")),
            (program("welcome"), version("bbbbbbbbbbbb")),
        ]),
        kept: BTreeMap::from([(program("welcome"), BTreeMap::from([(version("0123456789ab"), noon())]))]),
        paused: BTreeMap::from([(program("welcome"), noon())]),
        broadcasts: BTreeMap::from([(
            program("spring-news"),
            SentBroadcast {
                version: version("cd0123456789"),
                title: "News of the spring".to_owned(),
                since: noon(),
                until: noon(),
                stopped_at: None,
            },
        )]),
    }
}

async fn read_program(store: &impl Store, version_text: &str) -> Option<PublishedProgram> {
    store.program(&program("welcome"), &version(version_text)).await.expect("the store answers")
}

/// Other versions and other programs stand beside it; another text never takes its place.
pub async fn a_version_of_a_program_is_kept_for_good(store: &impl Store) {
    let first = published("aaaaaaaaaaaa", 2);
    assert_eq!(read_program(store, "aaaaaaaaaaaa").await, None);
    store.put_program(&first).await.expect("the program is kept");
    store.put_program(&first).await.expect("the same again is fine");
    store.put_program(&published("aaaaaaaaaaab", 1)).await.expect("another version is kept");
    let elsewhere = PublishedProgram { name: program("welcome-2"), ..published("aaaaaaaaaaaa", 1) };
    store.put_program(&elsewhere).await.expect("another program is kept");

    let mut other = first.clone();
    if let Some(file) = other.files.last_mut() {
        file.text.push_str("another text");
    }
    let refused = store.put_program(&other).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(read_program(store, "aaaaaaaaaaaa").await, Some(first));
    assert_eq!(read_program(store, "aaaaaaaaaaab").await, Some(published("aaaaaaaaaaab", 1)));
    assert_eq!(read_program(store, "aaaaaaaaaaa").await, None, "the start of a version is not one");
}

/// A program may be longer than an item of any store, and than a page of any answer.
pub async fn a_program_of_many_long_files_can_be_read_back(store: &impl Store) {
    let mut long = published("aaaaaaaaaaaa", 24);
    for file in &mut long.files {
        file.text.push_str(&"A mail to somebody.\n".repeat(5_000));
    }
    store.put_program(&long).await.expect("the program is kept");
    assert_eq!(read_program(store, "aaaaaaaaaaaa").await, Some(long));
}

/// As a program's.
pub async fn a_version_of_the_catalog_is_kept_for_good(store: &impl Store) {
    let first = published_catalog("a");
    assert_eq!(store.catalog(&first.version).await.expect("the store answers"), None);
    store.put_catalog(&first).await.expect("the catalog is kept");
    store.put_catalog(&first).await.expect("the same again is fine");
    store.put_catalog(&published_catalog("b")).await.expect("another version is kept");
    let other = PublishedCatalog { text: "c".to_owned(), ..first.clone() };
    let refused = store.put_catalog(&other).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(store.catalog(&first.version).await.expect("the store answers"), Some(first));
}

/// Whoever made a release from an old one is told to look again.
pub async fn a_release_follows_the_one_it_was_made_from_or_none(store: &impl Store) {
    let set = async |rev, expected| store.set_release(&release(rev), expected).await.expect("the store answers");
    assert_eq!(store.release().await.expect("the store answers"), None);
    assert!(!set(2, Some(1)).await, "there is none to follow");
    assert!(set(1, None).await);
    assert!(!set(1, None).await, "there is one");
    assert!(set(2, Some(1)).await);
    assert!(!set(2, Some(1)).await, "another one followed it");
    assert_eq!(store.release().await.expect("the store answers"), Some(release(2)));
}

/// The pointer moves by compare-and-set.
pub async fn of_two_releases_at_once_exactly_one_is_made(store: &impl Store) {
    assert!(store.set_release(&release(1), None).await.expect("the store answers"));
    let next: Vec<Release> = ["of-b", "of-c", "of-d"]
        .map(|catalog| Release { catalog: CatalogVersion(catalog.to_owned()), ..release(2) })
        .into();
    let answers = future::join_all(next.iter().map(|release| store.set_release(release, Some(1)))).await;
    let made = answers.into_iter().zip(&next).filter(|(answer, _)| matches!(answer, Ok(true)));
    let [(_, made)] = &made.collect::<Vec<_>>()[..] else { panic!("one of them is made") };
    assert_eq!(store.release().await.expect("the store answers").as_ref(), Some(*made));
}

// --- Who sells, and whose lead it is -----------------------------------------------------------------

fn rep(name: &str) -> RepName {
    RepName::parse(name).expect("the sample is a rep's name")
}

fn roster_record(rev: u64) -> RosterRecord {
    let team = TeamName::parse("field").expect("the sample is a team's name");
    let hours = OfficeHours {
        zone: "Europe/Berlin".to_owned(),
        days: vec![Weekdays::Mon, Weekdays::Fri],
        opens: time(8, 30, 0, 0),
        closes: time(17, 0, 0, 0),
        holidays: BTreeSet::from([date(2026, 12, 25)]),
    };
    let sender = Sender { name: "Robin Vale".to_owned(), address: "robin.vale@perennial.example".to_owned() };
    let robin = Rep { sender, team: team.clone(), status: RepStatus::Away, hours: None, open_max: Some(40) };
    let roster = Roster {
        reps: BTreeMap::from([(rep("robin"), robin)]),
        teams: BTreeMap::from([(team, Team { manager: Some(rep("robin")), hours })]),
    };
    RosterRecord { rev, at: noon(), roster }
}

/// Whoever made a roster from an old one is told to look again.
pub async fn a_roster_follows_the_one_it_was_made_from_or_none(store: &impl Store) {
    let set = async |rev, expected| store.set_roster(&roster_record(rev), expected).await.expect("the store answers");
    assert_eq!(store.roster().await.expect("the store answers"), None);
    assert!(!set(2, Some(1)).await, "there is none to follow");
    assert!(set(1, None).await);
    assert!(!set(1, None).await, "there is one");
    assert!(set(2, Some(1)).await);
    assert!(!set(2, Some(1)).await, "another one followed it");
    assert_eq!(store.roster().await.expect("the store answers"), Some(roster_record(2)));
}

/// A lead with a task that is due then, if it has one.
fn owned_lead(id: &LeadId, owner: Ownership, due_at: Option<Timestamp>) -> Lead {
    let task = due_at.map(|due_at| Task {
        touch: touch("1_welcome_call_0"),
        kind: TaskKind::Call,
        due_at,
        escalates_at: None,
    });
    Lead { owner: Some(owner), task, ..lead(id, noon()) }
}

fn of_rep(name: &str) -> Ownership {
    Ownership::Assigned { rep: rep(name) }
}

fn of_queue() -> (QueueName, Ownership) {
    let queue = QueueName::parse("sdr").expect("the sample is a queue name");
    (queue.clone(), Ownership::Queue { queue })
}

async fn pages(page: impl AsyncFn(Option<Cursor>) -> Result<DeskPage, StoreError>) -> Vec<DeskLead> {
    let mut leads = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = page(cursor).await.expect("the store answers");
        leads.extend(page.leads);
        cursor = page.next;
        if cursor.is_none() {
            return leads;
        }
    }
    panic!("the pages do not end");
}

async fn desk(store: &impl Store, owner: &DeskOwner) -> Vec<DeskLead> {
    pages(async |cursor| store.desk(owner, cursor).await).await
}

async fn owned(store: &impl Store, name: &str) -> Vec<DeskLead> {
    pages(async |cursor| store.owned(&rep(name), cursor).await).await
}

async fn load_of(store: &impl Store, name: &str) -> u32 {
    let loads = store.loads(&BTreeSet::from([rep(name)])).await.expect("the store answers");
    *loads.0.get(&rep(name)).expect("it was asked for")
}

/// By when, to the whole second after it.
pub async fn a_lead_lies_on_the_desk_of_its_owner_by_when_somebody_must_act(store: &impl Store) {
    let id = lead_id(1);
    let due_at = noon() + SignedDuration::from_millis(300);
    make(store, &first(owned_lead(&id, of_rep("robin"), Some(due_at)))).await;
    let there = DeskLead { id, deadline: Some(noon() + SignedDuration::from_secs(1)) };
    assert_eq!(desk(store, &DeskOwner::Rep(rep("robin"))).await, [there]);
    assert_eq!(desk(store, &DeskOwner::Rep(rep("robin-vale"))).await, [], "a name that begins alike");
    assert_eq!((load_of(store, "robin").await, load_of(store, "robin-vale").await), (1, 0));
}

/// Whoever leaves must hand over all; a queue's desk is for those who work it.
pub async fn a_rep_has_every_lead_on_the_desk_and_a_queue_those_that_wait(store: &impl Store) {
    let (queue, of_queue) = of_queue();
    let ids: Vec<LeadId> = (1..=4).map(lead_id).collect();
    let [one, two, three, four] = &ids[..] else { panic!("there are four") };
    make(store, &first(owned_lead(one, of_rep("robin"), None))).await;
    make(store, &first(owned_lead(two, of_rep("robin"), Some(noon())))).await;
    make(store, &first(owned_lead(three, of_queue.clone(), None))).await;
    make(store, &first(owned_lead(four, of_queue, Some(noon())))).await;
    let waits = |id: &LeadId| DeskLead { id: id.clone(), deadline: Some(noon()) };
    assert_eq!(owned(store, "robin").await, [waits(two), DeskLead { id: one.clone(), deadline: None }]);
    assert_eq!(desk(store, &DeskOwner::Rep(rep("robin"))).await, [waits(two)]);
    assert_eq!(desk(store, &DeskOwner::Queue(queue)).await, [waits(four)]);
    assert_eq!(load_of(store, "robin").await, 1);
}

/// As its pulse does.
pub async fn a_lead_that_changes_hands_leaves_the_desk_it_lay_on(store: &impl Store) {
    let (queue, of_queue) = of_queue();
    let id = lead_id(1);
    let stored = make(store, &first(owned_lead(&id, of_rep("robin"), Some(noon())))).await;
    let mut commit = next(&stored);
    commit.lead.owner = Some(of_queue);
    let stored = make(store, &commit).await;
    assert_eq!(owned(store, "robin").await, []);
    assert_eq!(desk(store, &DeskOwner::Queue(queue.clone())).await, [DeskLead { id, deadline: Some(noon()) }]);
    let mut commit = next(&stored);
    commit.lead.task = None;
    make(store, &commit).await;
    assert_eq!(desk(store, &DeskOwner::Queue(queue)).await, []);
}

/// Nobody is to act for it any more.
pub async fn a_lead_at_the_end_of_its_life_lies_on_no_desk(store: &impl Store) {
    let stored = make(store, &first(owned_lead(&lead_id(1), of_rep("robin"), Some(noon())))).await;
    let mut commit = next(&stored);
    commit.lead.stage = LifecycleStage::Erased;
    make(store, &commit).await;
    assert_eq!(owned(store, "robin").await, []);
    assert_eq!(load_of(store, "robin").await, 0);
}

/// A mark is a write of its own, and as small as can be.
pub async fn a_mark_leaves_the_desk_alone(store: &impl Store) {
    let stored = make(store, &first(owned_lead(&lead_id(1), of_rep("robin"), Some(noon())))).await;
    store.mark_sending(&stored.lead.id, stored.rev, &sending(1)).await.expect("the mark is made");
    assert_eq!(load_of(store, "robin").await, 1);
}

/// Every page is read, in order, of a rep and over all shards of a queue; some have equal deadlines.
pub async fn every_lead_on_a_desk_is_met_once_over_all_pages_the_most_urgent_first(store: &impl Store) {
    let (queue, of_queue) = of_queue();
    let owners = [(of_rep("robin"), DeskOwner::Rep(rep("robin"))), (of_queue, DeskOwner::Queue(queue))];
    for ((owner, of), begin) in owners.into_iter().zip([0_u32, 1_000]) {
        let leads = (0_u32..130).map(|number| {
            let deadline = noon() + SignedDuration::from_mins(i64::from(number * 37 % 101));
            DeskLead { id: lead_id(begin + number), deadline: Some(deadline) }
        });
        let mut expected: Vec<DeskLead> = leads.collect();
        for DeskLead { id, deadline } in &expected {
            make(store, &first(owned_lead(id, owner.clone(), *deadline))).await;
        }
        expected.sort_by(|one, other| (one.deadline, &one.id).cmp(&(other.deadline, &other.id)));
        assert_eq!(desk(store, &of).await, expected);
    }
    assert_eq!(owned(store, "robin").await.len(), 130);
    let foreign = store.desk(&DeskOwner::Rep(rep("robin")), Some(Cursor("?".to_owned()))).await;
    assert!(matches!(foreign, Err(StoreError::Refused(_))), "{foreign:?}");
}

// --- The door's book ---------------------------------------------------------------------------------

fn bucket(key: &str, minute: &str) -> Bucket {
    let minute = at(minute);
    Bucket { key: key.to_owned(), minute, expires_at: minute + SignedDuration::from_mins(2) }
}

async fn count(book: &impl DoorBook, bucket: &Bucket, most: u32) -> Count {
    book.count(bucket, most).await.expect("the book answers")
}

/// A full bucket says so, and does not run over.
pub async fn a_bucket_counts_up_to_its_limit_and_then_stays(book: &impl DoorBook) {
    let bucket = bucket("N#somebody", "2026-03-02T12:00:00Z");
    for number in 1..=3 {
        assert_eq!(count(book, &bucket, 3).await, Count::Taken(number));
    }
    assert_eq!(count(book, &bucket, 3).await, Count::Full);
    assert_eq!(count(book, &bucket, 3).await, Count::Full);
    // Nothing was added meanwhile.
    assert_eq!(count(book, &bucket, 4).await, Count::Taken(4));
    assert_eq!(count(book, &self::bucket("N#nobody", "2026-03-02T12:00:00Z"), 0).await, Count::Full);
}

/// Whoever counts under another name or in the next minute begins anew.
pub async fn buckets_of_other_keys_and_minutes_are_apart(book: &impl DoorBook) {
    assert_eq!(count(book, &bucket("N#a", "2026-03-02T12:00:00Z"), 1).await, Count::Taken(1));
    assert_eq!(count(book, &bucket("N#b", "2026-03-02T12:00:00Z"), 1).await, Count::Taken(1));
    assert_eq!(count(book, &bucket("N#a", "2026-03-02T12:01:00Z"), 1).await, Count::Taken(1));
    assert_eq!(count(book, &bucket("N#a", "2026-03-02T12:00:00Z"), 1).await, Count::Full);
}

/// A race does not make a bucket larger.
pub async fn of_many_counts_at_once_only_so_many_are_taken(book: &impl DoorBook) {
    let bucket = bucket("F#contact", "2026-03-02T12:00:00Z");
    let counts = future::join_all((0..12).map(|_| count(book, &bucket, 5))).await;
    assert_eq!(counts.iter().filter(|count| **count != Count::Full).count(), 5);
}

/// A key that has ended is free again, whether or not anybody has collected it.
pub async fn a_key_is_used_once_until_its_time_is_over(book: &impl DoorBook) {
    let hour = SignedDuration::from_hours(1);
    let using = |key: &'static str, by: &'static str, now: Timestamp| async move {
        book.use_once(key, by, now, now + hour).await.expect("the book answers")
    };
    assert!(using("a", "one", noon()).await);
    assert!(!using("a", "other", noon()).await);
    assert!(using("a", "one", noon()).await, "the same user may come again");
    assert!(using("b", "other", noon()).await);
    assert!(!using("a", "other", noon() + hour - SignedDuration::from_secs(1)).await);
    assert!(using("a", "other", noon() + hour).await);
}

/// One of two is told that it came second.
pub async fn of_two_uses_at_once_exactly_one_is_the_first(book: &impl DoorBook) {
    let until = noon() + SignedDuration::from_hours(1);
    let (one, other) =
        future::join(book.use_once("a", "one", noon(), until), book.use_once("a", "other", noon(), until)).await;
    assert_ne!(one.expect("the book answers"), other.expect("the book answers"));
}

/// A block holds until somebody lifts it.
pub async fn a_block_is_found_among_other_keys_until_it_is_lifted(book: &impl DoorBook) {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let is_blocked = |among: Vec<String>| async move { book.is_any_blocked(&among).await.expect("the book answers") };
    let record = BlockRecord { key: "b".to_owned(), kind: BlockKind::Domain, at: noon() };
    assert!(!is_blocked(keys(&["a", "b", "c"])).await);
    assert!(book.block(&record).await.expect("the book answers"));
    assert!(!book.block(&record).await.expect("the book answers"));
    assert!(is_blocked(keys(&["a", "b", "c"])).await);
    assert!(!is_blocked(keys(&["a", "c"])).await);
    assert!(book.unblock("b").await.expect("the book answers"));
    assert!(!book.unblock("b").await.expect("the book answers"));
    assert!(!is_blocked(keys(&["a", "b", "c"])).await);
}

// --- Webhooks ----------------------------------------------------------------------------------------

fn hook(name: &str) -> WebhookName {
    WebhookName::parse(name).expect("the sample is a name")
}

fn event(place: usize) -> EventId {
    EventId { lead: lead_id(1), seq: 1, place }
}

async fn deliver(store: &impl Deliveries, webhook: &str, event: &EventId, now: Timestamp) -> Delivery {
    assert!(store.add_delivery(&hook(webhook), event, noon(), now).await.expect("it is kept"), "it is new");
    store.delivery(&hook(webhook), event).await.expect("it is read").expect("it is there")
}

async fn due_at(store: &impl Deliveries, webhook: &str, until: Timestamp) -> Vec<EventId> {
    store.due_deliveries(&hook(webhook), until).await.expect("the index is read")
}

async fn change(store: &impl Deliveries, before: &Delivery, standing: Standing) -> Delivery {
    let failure = Some(Failure::Status(503));
    let after = Delivery { standing, attempts: before.attempts.saturating_add(1), failure, ..before.clone() };
    assert!(store.change_delivery(before, &after).await.expect("it is changed"));
    let read = store.delivery(&before.webhook, &before.event).await.expect("it is read");
    assert_eq!(read.as_ref(), Some(&after));
    after
}

/// The same event five times is one delivery to each webhook (F16).
pub async fn an_event_is_one_delivery_to_a_webhook_and_another_to_the_next(store: &impl Deliveries) {
    assert_eq!(store.delivery(&hook("crm"), &event(0)).await.expect("it is looked for"), None);
    let kept = deliver(store, "crm", &event(0), noon()).await;
    assert_eq!((kept.at, kept.standing, kept.attempts), (noon(), Standing::Waiting { due: noon() }, 0));
    let later = noon() + SignedDuration::from_mins(1);
    for _ in 0..4 {
        assert!(!store.add_delivery(&hook("crm"), &event(0), noon(), later).await.expect("it is known"));
    }
    let read = store.delivery(&hook("crm"), &event(0)).await.expect("it is read");
    assert_eq!(read, Some(kept), "it stands as it stood");
    deliver(store, "chat", &event(0), noon()).await;
    deliver(store, "crm", &event(1), noon()).await;
    let backlog = store.backlog(&hook("crm")).await.expect("it is counted");
    assert_eq!(backlog, Backlog { waiting: 2, parked: 0 });
}

/// The index knows a delivery for as long as it is not there.
pub async fn a_delivery_is_due_from_its_time_on_and_not_once_it_is_there(store: &impl Deliveries) {
    let second = SignedDuration::from_secs(1);
    let first = deliver(store, "crm", &event(0), noon()).await;
    assert_eq!(due_at(store, "crm", noon() - second).await, []);
    assert_eq!(due_at(store, "crm", noon()).await, [event(0)], "at once");
    let due = noon() + SignedDuration::from_millis(5_250);
    let failed = change(store, &first, Standing::Waiting { due }).await;
    assert_eq!(due_at(store, "crm", noon() + SignedDuration::from_millis(5_249)).await, []);
    assert_eq!(due_at(store, "crm", due).await, [event(0)]);
    let parked = change(store, &failed, Standing::Parked { since: due }).await;
    assert_eq!(due_at(store, "crm", due + second).await, []);
    assert_eq!(store.backlog(&hook("crm")).await.expect("it is counted"), Backlog { waiting: 0, parked: 1 });
    let again = change(store, &parked, Standing::Waiting { due }).await;
    change(store, &again, Standing::Done { at: due }).await;
    assert_eq!(due_at(store, "crm", due + second).await, []);
    assert_eq!(store.backlog(&hook("crm")).await.expect("it is counted"), Backlog::default());
}

/// No webhook stands in another's way.
pub async fn due_deliveries_of_two_webhooks_stay_apart_and_the_most_overdue_comes_first(store: &impl Deliveries) {
    for place in 0..5 {
        let earlier = SignedDuration::from_secs(i64::try_from(place).expect("it is small"));
        deliver(store, "crm", &event(place), noon() - earlier).await;
    }
    deliver(store, "crm-old", &event(7), noon()).await;
    let expected: Vec<EventId> = (0..5).rev().map(event).collect();
    assert_eq!(due_at(store, "crm", noon()).await, expected);
    assert_eq!(due_at(store, "crm-old", noon()).await, [event(7)]);
}

/// Whoever was slower changes nothing: one attempt counts once.
pub async fn a_delivery_that_changed_since_it_was_read_is_not_changed(store: &impl Deliveries) {
    let before = deliver(store, "crm", &event(0), noon()).await;
    let done = change(store, &before, Standing::Done { at: noon() }).await;
    let late = Delivery { standing: Standing::Parked { since: noon() }, ..before.clone() };
    assert!(!store.change_delivery(&before, &late).await.expect("it is refused"));
    assert_eq!(store.delivery(&hook("crm"), &event(0)).await.expect("it is read"), Some(done));
    let unknown = Delivery { event: event(9), ..before };
    assert!(!store.change_delivery(&unknown, &late).await.expect("it is refused"), "what is not there is not made");
}

/// What is parked is found by the time of its event, over all pages.
pub async fn parked_deliveries_are_met_once_over_all_pages_by_the_time_of_their_events(store: &impl Deliveries) {
    let hour = |hours: usize| noon() + SignedDuration::from_hours(i64::try_from(hours).expect("it is small"));
    for place in 0..25 {
        let at = hour(place % 5);
        assert!(store.add_delivery(&hook("crm"), &event(place), at, noon()).await.expect("it is kept"));
        let before = store.delivery(&hook("crm"), &event(place)).await.expect("it is read").expect("it is there");
        change(store, &before, Standing::Parked { since: noon() }).await;
    }
    let mut met = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = store.parked_deliveries(&hook("crm"), hour(2), cursor).await.expect("the index is read");
        met.extend(page.events.into_iter().map(|event| (event.place % 5, event.place)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<(usize, usize)> =
        (0..25).map(|place| (place % 5, place)).filter(|(at, _)| *at >= 2).collect();
    met.sort_by_key(|(_, place)| *place);
    met.sort_by_key(|(at, _)| *at);
    expected.sort_unstable();
    assert_eq!(met, expected);
}

/// One worker at a time calls a server.
pub async fn a_turn_is_one_workers_until_it_ends_or_its_time_is_over(store: &impl Deliveries) {
    let minute = SignedDuration::from_mins(1);
    let begin = async |name: &str, now: Timestamp| {
        store.begin_turn(&hook(name), now, now + minute).await.expect("it is asked for")
    };
    let first = begin("crm", noon()).await.expect("it is free");
    assert_eq!(begin("crm", noon()).await, None);
    assert!(begin("chat", noon()).await.is_some(), "each server has its own");
    store.end_turn(&first, None).await.expect("it ends");
    let second = begin("crm", noon()).await.expect("it is free again");
    store.end_turn(&first, None).await.expect("it is over already");
    assert_eq!(begin("crm", noon() + minute - SignedDuration::from_secs(1)).await, None, "the second one's goes on");
    let third = begin("crm", noon() + minute).await.expect("its worker is gone");
    store.end_turn(&second, None).await.expect("it is over already");
    assert_eq!(begin("crm", noon() + minute).await, None);
    store.end_turn(&third, Some(noon() + minute * 3)).await.expect("it ends");
    assert_eq!(begin("crm", noon() + minute * 3 - SignedDuration::from_secs(1)).await, None, "it is left in peace");
    assert!(begin("crm", noon() + minute * 3).await.is_some());
}

/// Whoever takes a turn is told that the server wants no more.
pub async fn a_server_that_wants_no_more_is_remembered_until_it_is_called_again(store: &impl Deliveries) {
    let gone = Gone { url: "https://hooks.example.com/".to_owned(), at: noon() };
    assert_eq!(store.gone(&hook("crm")).await.expect("it is read"), None);
    store.set_gone(&hook("crm"), Some(&gone)).await.expect("it is kept");
    let turn = store.begin_turn(&hook("crm"), noon(), noon() + SignedDuration::from_mins(1)).await;
    let turn = turn.expect("it is asked for").expect("it is free");
    assert_eq!(turn.gone.as_ref(), Some(&gone));
    store.end_turn(&turn, None).await.expect("it ends");
    assert_eq!(store.gone(&hook("crm")).await.expect("it is read"), Some(gone), "a turn that ends leaves it");
    store.set_gone(&hook("crm"), None).await.expect("it is kept");
    assert_eq!(store.gone(&hook("crm")).await.expect("it is read"), None);
}

/// A delivery has no copy of its event.
pub async fn the_row_of_an_event_is_read_from_history(store: &(impl Store + Deliveries)) {
    let commit = first(lead(&lead_id(1), noon()));
    make(store, &commit).await;
    assert_eq!(store.history_row(&event(0)).await.expect("it is read"), Some(commit.history));
    let other = EventId { seq: 2, ..event(0) };
    assert_eq!(store.history_row(&other).await.expect("it is looked for"), None);
}

// --- News --------------------------------------------------------------------------------------------

fn kim() -> DeskOwner {
    DeskOwner::Rep(RepName::parse("kim").expect("the sample is a name"))
}

fn news(reader: DeskOwner, place: usize, at: Timestamp) -> News {
    News {
        reader,
        event: event(place),
        at,
        trigger: Trigger::PricingVisited,
        audience: Audience::Owner,
        owner: Ownership::Assigned { rep: RepName::parse("kim").expect("the sample is a name") },
        touch: None,
    }
}

async fn all_news(store: &impl NewsBook, reader: &DeskOwner) -> Vec<News> {
    let mut all = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = store.news(reader, cursor).await.expect("it is read");
        all.extend(page.news);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
    panic!("the pages never end");
}

/// The same alert twice is one thing to tell of, and of nobody else's.
pub async fn news_is_kept_once_for_its_reader_until_it_is_let_go_of(store: &impl NewsBook) {
    let queue = DeskOwner::Queue(QueueName::parse("kim").expect("the sample is a name"));
    let moment = News {
        trigger: Trigger::Moment,
        audience: Audience::Manager,
        touch: Some(touch("1_welcome_tell_0")),
        ..news(kim(), 1, at("2026-03-02T12:00:00.123456789Z"))
    };
    let of_queue = News {
        owner: Ownership::Queue { queue: QueueName::parse("kim").expect("the sample is a name") },
        ..news(queue.clone(), 2, noon())
    };
    for one in [&moment, &of_queue, &moment] {
        store.keep_news(one).await.expect("it is kept");
    }
    assert_eq!(all_news(store, &kim()).await, std::slice::from_ref(&moment));
    assert_eq!(all_news(store, &queue).await, std::slice::from_ref(&of_queue));
    for _ in 0..2 {
        store.forget_news(std::slice::from_ref(&moment)).await.expect("it is let go of");
        assert_eq!(all_news(store, &kim()).await, []);
    }
    assert_eq!(all_news(store, &queue).await, [of_queue]);
}

fn untold(place: usize, due: Timestamp) -> Untold {
    Untold { event: event(place), at: at("2026-03-02T12:00:00.123456789Z"), due }
}

async fn all_untold(store: &impl NewsBook, now: Timestamp) -> Vec<Untold> {
    let mut all = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = store.untold(now, cursor).await.expect("it is read");
        all.extend(page.untold);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
    panic!("the pages never end");
}

/// What could not be told is met from when it is due until it is let go of, over all pages, each once.
pub async fn what_was_not_told_is_due_until_it_is_let_go_of(store: &impl NewsBook) {
    // More than a page of any store.
    let due: Vec<Untold> = (0..130).map(|place| untold(place, noon())).collect();
    let later = untold(130, noon() + SignedDuration::from_millis(1_500));
    for one in due.iter().chain([&later, &later]) {
        store.keep_untold(one).await.expect("it is kept");
    }
    assert_eq!(all_untold(store, noon() - SignedDuration::from_secs(1)).await, []);
    let mut met = all_untold(store, noon() + SignedDuration::from_secs(1)).await;
    met.sort_by_key(|untold| untold.event.place);
    assert_eq!(met, due);
    for one in due.iter().chain(&due) {
        store.forget_untold(one).await.expect("it is let go of");
    }
    assert_eq!(all_untold(store, noon() + SignedDuration::from_secs(2)).await, [later]);
}

/// Many alerts of one day are told in their order, each once.
pub async fn news_is_met_once_over_all_pages_the_oldest_first(store: &impl NewsBook) {
    let later = |minutes: usize| noon() + SignedDuration::from_mins(i64::try_from(minutes).expect("it is small"));
    // More than a page of any store.
    let all: Vec<News> = (0..230).map(|place| news(kim(), place, later(place))).collect();
    for one in all.iter().rev() {
        store.keep_news(one).await.expect("it is kept");
    }
    assert_eq!(all_news(store, &kim()).await, all);
    let (told, untold) = all.split_at(200);
    store.forget_news(told).await.expect("they are let go of");
    assert_eq!(all_news(store, &kim()).await, untold);
}
