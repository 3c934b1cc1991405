//! The send protocol (TRUST.md §2), explored to its end: P1, P2, P4 for every interleaving there is.
//!
//! Two workers run [`Toucher::nudge`](perennial_app::touch::Toucher::nudge) as it is deployed, on the real
//! decisions; only their ports are the explorer's. Each call waits there until the explorer lets it happen and
//! says how it ends. So every order of two workers' calls, every crash between two of them, every lost answer,
//! lost event and late worker is a path of its own, and all are taken.

mod explore;
mod world;

use std::collections::BTreeSet;

use explore::{Exploration, explore};
use world::Protocol;

/// How touches may end: what history says, and how often SES took the mail.
const ENDS: [(&str, u32); 6] =
    [("failed", 0), ("review", 0), ("review", 1), ("sent", 1), ("suppressed", 0), ("suppressed", 1)];

#[test]
fn no_interleaving_hands_a_touch_over_twice_or_loses_it() {
    let Exploration { states, violation, ends } = explore(Protocol::AsBuilt);
    println!("the send protocol as built: {states} states; ends: {ends:?}");
    assert_eq!(violation, None);
    assert_eq!(ends, BTreeSet::from(ENDS));
}

#[test]
fn a_worker_that_sends_before_it_marks_is_found_out() {
    assert_duplicate(Protocol::SendsBeforeMarking);
}

#[test]
fn a_mark_that_does_not_compare_revisions_is_found_out() {
    assert_duplicate(Protocol::MarksBlindly);
}

#[test]
fn a_client_that_sends_again_when_no_answer_came_is_found_out() {
    assert_duplicate(Protocol::SendsAgain);
}

fn assert_duplicate(protocol: Protocol) {
    let Exploration { states, violation, .. } = explore(protocol);
    let violation = violation.expect("the explorer finds the mistake");
    println!("{protocol:?}: found after {states} states:\n{violation}");
    assert!(violation.starts_with("handed over twice"), "{violation}");
}
