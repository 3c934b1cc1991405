//! Deadlines that sales keeps, and what happens when it does not (I3).

use super::sales::{back, no_answer};
use super::*;
use crate::policy::TurnbackReason;
use crate::sales::{Attempt, Outcome};

/// Berlin, in 2026.
fn at(local: &str) -> Timestamp {
    let civil: jiff::civil::DateTime = format!("2026-{local}").parse().unwrap();
    civil.to_zoned(zone("Europe/Berlin").unwrap()).unwrap().timestamp()
}

/// Somebody who asks to be spoken to, on Monday at 10.
fn hand_raised() -> Life {
    let mut life = Life::with_sales();
    life.gives(SignalKind::HandRaised, None);
    life
}

/// What of a story sales has to do with. Names of reps would come out otherwise if one were added.
fn sales_of(life: &Life) -> String {
    let told = ["READY", "TASK", "task", "ALERT", "clock", "BACK", "goes to", "is accepted", "sales:"];
    let lines = life.story.lines().filter(|line| told.iter().any(|word| line.contains(word)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn whoever_raises_a_hand_is_called_within_minutes_or_others_hear_of_it() {
    let mut life = hand_raised();
    let first = life.rep().map(str::to_owned);
    life.lives_until(at("03-02 12:00"));
    insta::assert_snapshot!(sales_of(&life), @r"
    Mon 03-02 10:01 READY HandRaise
    Mon 03-02 10:01 TASK Call (1_hand-over_first-contact_1)
    Mon 03-02 10:01 ALERT Qualified Now
    Mon 03-02 10:03 clock: FirstAttemptDue
    Mon 03-02 10:03 ALERT FirstAttemptDue Now
    Mon 03-02 10:06 clock over: FirstAttemptMissed
    Mon 03-02 10:06 ALERT FirstAttemptMissed Now
    Mon 03-02 10:11 clock over: Reassigned
    Mon 03-02 10:11 task ends: superseded
    Mon 03-02 10:11 TASK Call (1_hand-over_second-contact_1)
    Mon 03-02 10:11 ALERT Reassigned Now
    Mon 03-02 10:16 ALERT TaskOverdue Now
    ");
    assert!(life.rep().is_some() && life.rep() != first.as_deref(), "another has it now");
    assert_eq!(life.lead().cycle.number, 1);
}

#[test]
fn whoever_raises_a_hand_while_nobody_is_in_is_called_five_minutes_after_opening() {
    // At night, and on a Saturday.
    for (raised, due) in [("03-03 03:12", "03-03 09:05"), ("03-07 11:00", "03-09 09:05")] {
        let mut life = Life::with_sales();
        life.lives_until(at(raised));
        life.gives(SignalKind::HandRaised, None);
        let clock = life.lead().sla.as_ref().unwrap();
        assert_eq!(clock.attempt_by, Some(at(due)), "raised on {raised}");
        assert_eq!(life.lead().human_deadline(), Some(at(due)));
    }
}

#[test]
fn everybody_else_is_called_within_open_hours() {
    let mut life = Life::with_sales();
    // On Friday at four: an hour is left of that day.
    life.lives_until(at("03-06 16:00"));
    life.gives(SignalKind::Replied, None);
    life.lives_until(at("03-10 12:00"));
    insta::assert_snapshot!(sales_of(&life), @r"
    Fri 03-06 16:01 READY HumanReply
    Fri 03-06 16:01 TASK Call (1_hand-over_first-contact_1)
    Fri 03-06 16:01 ALERT Qualified Now
    Mon 03-09 10:01 clock: FirstAttemptDue
    Mon 03-09 10:01 ALERT FirstAttemptDue Now
    Mon 03-09 12:01 clock over: FirstAttemptMissed
    Mon 03-09 12:01 ALERT FirstAttemptMissed Now
    Mon 03-09 16:01 clock over: Reassigned
    Mon 03-09 16:01 task ends: superseded
    Mon 03-09 16:01 TASK Call (1_hand-over_second-contact_1)
    Mon 03-09 16:01 ALERT Reassigned Now
    ");
}

#[test]
fn a_first_attempt_ends_the_hurry_and_the_decision_is_still_waited_for() {
    let mut life = hand_raised();
    life.tells(no_answer());
    life.lives_until(at("03-09 12:00"));
    insta::assert_snapshot!(sales_of(&life), @r"
    Mon 03-02 10:01 READY HandRaise
    Mon 03-02 10:01 TASK Call (1_hand-over_first-contact_1)
    Mon 03-02 10:01 ALERT Qualified Now
    Mon 03-02 10:01 sales: no_answer
    Mon 03-02 10:01 task ends: no_answer
    ");
}

#[test]
fn whoever_decides_has_all_the_time_of_the_next_stage() {
    let mut life = hand_raised();
    life.tells(Outcome::Accepted);
    assert_eq!(life.program(), Some("acceleration"));
    life.lives_until(at("03-08 12:00"));
    assert_eq!(life.lead().stage, LifecycleStage::Sal);
    assert!(!life.story.contains("clock"), "{}", life.story);
}

#[test]
fn a_lead_that_nobody_decides_on_goes_to_another_twice_and_then_to_nurture_with_a_word_to_the_manager() {
    let mut life = hand_raised();
    let program = life.program().map(str::to_owned);
    life.lives_until(at("04-20 12:00"));
    insta::assert_snapshot!(sales_of(&life), @"
    Mon 03-02 10:01 READY HandRaise
    Mon 03-02 10:01 TASK Call (1_hand-over_first-contact_1)
    Mon 03-02 10:01 ALERT Qualified Now
    Mon 03-02 10:03 clock: FirstAttemptDue
    Mon 03-02 10:03 ALERT FirstAttemptDue Now
    Mon 03-02 10:06 clock over: FirstAttemptMissed
    Mon 03-02 10:06 ALERT FirstAttemptMissed Now
    Mon 03-02 10:11 clock over: Reassigned
    Mon 03-02 10:11 task ends: superseded
    Mon 03-02 10:11 TASK Call (1_hand-over_second-contact_1)
    Mon 03-02 10:11 ALERT Reassigned Now
    Mon 03-02 10:16 ALERT TaskOverdue Now
    Tue 03-03 10:16 ALERT TaskOverdue Now
    Tue 03-10 10:01 goes to another: sla_expired
    Tue 03-10 10:01 TASK Call (1_hand-over_first-contact_2)
    Tue 03-10 10:01 ALERT Resubmitted Now
    Tue 03-10 10:03 clock: FirstAttemptDue
    Tue 03-10 10:03 ALERT FirstAttemptDue Now
    Tue 03-10 10:06 clock over: FirstAttemptMissed
    Tue 03-10 10:06 ALERT FirstAttemptMissed Now
    Tue 03-10 10:11 clock: Reassigned
    Tue 03-17 13:01 goes to another: sla_expired
    Tue 03-17 13:01 TASK Call (1_hand-over_first-contact_3)
    Tue 03-17 13:01 ALERT Resubmitted Now
    Tue 03-17 13:03 clock: FirstAttemptDue
    Tue 03-17 13:03 ALERT FirstAttemptDue Now
    Tue 03-17 13:06 clock over: FirstAttemptMissed
    Tue 03-17 13:06 ALERT FirstAttemptMissed Now
    Tue 03-17 13:11 clock: Reassigned
    Tue 03-24 16:01 ALERT NotDecided Now
    Tue 03-24 16:01 BACK sla_expired
    Tue 03-24 16:01 TASK Call (1_hand-over_nobody-decided_0)
    Sun 03-29 17:01 ALERT TaskOverdue Digest
    Tue 03-31 09:00 ALERT TaskOverdue Digest
    ");
    assert_eq!((life.lead().stage, life.rep()), (LifecycleStage::Recycled, None), "the queue has it");
    assert_eq!((life.program(), life.lead().cycle.number), (program.as_deref(), 1), "and its program went on");
    // That was nobody's fault but sales': no guard, and no waiting.
    life.gives(SignalKind::Replied, None);
    assert_eq!((life.lead().stage, life.lead().cycle.number), (LifecycleStage::Mql, 2));
}

#[test]
fn an_accepted_lead_that_nothing_happens_with_is_rescued_and_then_comes_back() {
    let mut life = Life::accepted();
    life.passes(20);
    insta::assert_snapshot!(sales_of(&life), @r"
    Mon 03-02 10:00 sales: accepted
    Mon 03-02 10:00 READY RepManual
    Mon 03-02 10:00 is accepted
    Mon 03-09 10:00 clock: Idle
    Mon 03-09 10:00 TASK Call (1_hand-over_rescue_1773046800)
    Mon 03-09 10:00 ALERT Idle Now
    Tue 03-10 10:00 ALERT TaskOverdue Now
    Wed 03-11 10:00 ALERT TaskOverdue Now
    Mon 03-16 10:00 ALERT Expired Now
    Mon 03-16 10:00 BACK no_response
    ");
    assert_eq!((life.lead().stage, life.program()), (LifecycleStage::Recycled, Some("turnback-no-response")));
}

#[test]
fn whatever_a_rep_does_starts_the_clock_anew() {
    let mut life = Life::accepted();
    for _ in 0..5 {
        life.passes(6);
        life.tells(Outcome::Attempted { attempt: Attempt::LeftVoicemail });
    }
    assert_eq!(life.lead().stage, LifecycleStage::Sal);
    assert!(!life.story.contains("clock"), "{}", life.story);
}

#[test]
fn nobody_is_idle_who_waits_for_a_meeting_or_for_the_day_of_a_call() {
    for outcome in
        [Outcome::MeetingBooked { meet_at: Some(at("03-30 10:00")) }, Outcome::CallBack { due_at: at("03-30 10:00") }]
    {
        let mut life = Life::accepted();
        life.tells(outcome);
        life.lives_until(at("04-06 09:00"));
        assert_eq!(life.lead().stage, LifecycleStage::Sal, "{}", life.story);
        assert!(!life.story.contains("clock"), "{}", life.story);
        life.lives_until(at("04-14 12:00"));
        assert_eq!(life.lead().stage, LifecycleStage::Recycled, "{}", life.story);
    }
}

#[test]
fn a_deal_that_nothing_happens_with_is_told_of_twice_and_then_lost() {
    let mut life = Life::accepted();
    life.tells(Outcome::Qualified);
    life.passes(61);
    insta::assert_snapshot!(sales_of(&life), @r"
    Mon 03-02 10:00 sales: accepted
    Mon 03-02 10:00 READY RepManual
    Mon 03-02 10:00 is accepted
    Mon 03-02 10:00 sales: qualified
    Wed 04-01 10:00 clock: Idle
    Wed 04-01 10:00 TASK Call (1_hand-over_rescue_1775030400)
    Wed 04-01 10:00 ALERT Idle Now
    Thu 04-02 10:00 ALERT TaskOverdue Now
    Fri 04-03 10:00 ALERT TaskOverdue Now
    Wed 04-08 10:00 clock: IdleLong
    Wed 04-08 10:00 ALERT IdleLong Now
    Fri 05-01 10:00 ALERT Expired Now
    Fri 05-01 10:00 BACK closed_lost
    ");
    let turnback = life.lead().turnback.clone().unwrap();
    assert_eq!((life.lead().stage, turnback.reason), (LifecycleStage::Recycled, TurnbackReason::ClosedLost));
    assert_eq!(life.program(), Some("turnback-timing"));
}

#[test]
fn the_same_is_told_at_once_only_once_a_day() {
    let mut life = hand_raised();
    life.tells(Outcome::Accepted);
    for _ in 0..3 {
        life.gives(SignalKind::PricingVisited, None);
    }
    life.passes(1);
    life.gives(SignalKind::PricingVisited, None);
    assert_eq!(life.story.matches("ALERT PricingVisited Now").count(), 2, "{}", life.story);
    assert_eq!(life.story.matches("ALERT PricingVisited Digest").count(), 2);
}

#[test]
fn nobody_is_told_what_they_told() {
    let mut life = hand_raised();
    life.tells(Outcome::MeetingBooked { meet_at: Some(at("03-04 10:00")) });
    life.is_looked_at();
    life.gives(SignalKind::Clicked, None);
    assert!(!life.story.contains("ALERT MeetingBooked"), "{}", life.story);
    life.gives(SignalKind::MeetingBooked, None);
    assert!(life.story.contains("ALERT MeetingBooked"), "the person has booked another: {}", life.story);
}

#[test]
fn a_task_that_nobody_needs_any_more_is_ended_in_history() {
    let mut life = hand_raised();
    life.tells(back(TurnbackReason::Timing));
    assert!(life.story.contains("task ends: turned_back"), "{}", life.story);
    assert_eq!(life.lead().task, None);
}
