//! A breadth-first search over everything that can happen, so that what it finds is the shortest way there.
//!
//! A worker is a future and cannot be copied, so a state is kept as the steps that lead to it, and made again
//! from them. Two states are one if the store, SES, the clock and all that each worker was told are the same.

use std::collections::{BTreeSet, HashSet};

use super::world::{Protocol, Step, World};

/// Far more than there are: if the search does not end, it says so.
const STATES_MAX: usize = 200_000;

/// What a search found.
pub(super) struct Exploration {
    /// Different states seen.
    pub(super) states: usize,
    /// The first broken promise, and the shortest way to it.
    pub(super) violation: Option<String>,
    /// How the touch may end, once nothing more goes wrong: what history says, and how often SES took the mail.
    pub(super) ends: BTreeSet<(&'static str, u32)>,
}

/// A state, as the last step that leads to it from another.
struct Node {
    before: usize,
    step: Option<Step>,
}

/// Takes every step from every state.
pub(super) fn explore(protocol: Protocol) -> Exploration {
    let mut nodes = vec![Node { before: 0, step: None }];
    let mut seen = HashSet::from([World::new(protocol).fingerprint()]);
    let mut ends = BTreeSet::new();
    let mut at = 0;
    while at < nodes.len() {
        let path = path(&nodes, at);
        let here = replay(protocol, &path);
        if let Some(promise) = here.broken_promise() {
            let violation = Some(format!("{promise}: {path:?}"));
            return Exploration { states: nodes.len(), violation, ends };
        }
        for step in here.steps() {
            let mut next = replay(protocol, &path);
            next.take(&step);
            if seen.insert(next.fingerprint()) {
                nodes.push(Node { before: at, step: Some(step) });
            }
        }
        if here.is_quiet() {
            ends.insert(here.left_to_itself());
        }
        at += 1;
        if at % 500 == 0 {
            eprintln!("{at} of {} depth {}", nodes.len(), path.len());
        }
        assert!(nodes.len() < STATES_MAX, "there is no end to the states");
    }
    Exploration { states: nodes.len(), violation: None, ends }
}

fn path(nodes: &[Node], mut at: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Node { before, step: Some(step) } = &nodes[at] {
        steps.push(step.clone());
        at = *before;
    }
    steps.reverse();
    steps
}

fn replay(protocol: Protocol, path: &[Step]) -> World {
    let mut world = World::new(protocol);
    for step in path {
        world.take(step);
    }
    world
}
