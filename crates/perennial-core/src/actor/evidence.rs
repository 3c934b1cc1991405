//! The signs of a machine (TRUST.md §4), each with its numbers.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Agent, Evidence, Hit, Mailing, Manner, Target, apart};
use crate::program::TouchClass;

/// No person follows this many links in this time.
const RUSHES: [(usize, SignedDuration); 2] = [(3, SignedDuration::from_secs(5)), (6, SignedDuration::from_secs(60))];

/// While scanners are at work, two links in so short a time are a burst; later they are two tabs.
const EARLY_RUSH: (usize, SignedDuration) = (2, SignedDuration::from_secs(5));

/// Who follows every link of a mail at this pace, or faster, does not read.
const PACE: SignedDuration = SignedDuration::from_secs(5);

/// A mail needs this many links for it to mean anything that all were followed.
const EVERY_LINK_MIN: u16 = 3;

/// All of a mail's links in this time are a burst, even where there are only two.
const ALL_AT_ONCE: SignedDuration = SignedDuration::from_secs(2);

/// All of so many links within [`SLOW_CRAWL`] are a machine's, at whatever pace.
const SLOW_CRAWL_MIN: u16 = 4;

/// How long a patient machine takes for a mail.
const SLOW_CRAWL: SignedDuration = SignedDuration::from_mins(10);

/// How long before a burst its network is a machine's: one link first, to try.
const KIN_BEFORE: SignedDuration = SignedDuration::from_mins(10);

/// How long after a burst its network is a machine's. Short: a person may sit behind it.
const KIN_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// Two networks that follow one link within this time: one of them looks ahead for the other.
const DOUBLE: SignedDuration = SignedDuration::from_secs(60);

/// What speaks for a machine, for each hit in its order.
pub(super) fn gather(mail: &Mailing, hits: &[Hit]) -> Vec<Option<Evidence>> {
    let mut found: Vec<_> = hits.iter().map(|hit| by_itself(mail, hit)).collect();
    mark(&mut found, &bursts(mail, hits), Evidence::Burst);
    let crawls = crawls(mail, hits, &found);
    mark(&mut found, &crawls, Evidence::EveryLink);
    let kin = kin(hits, &found);
    mark(&mut found, &kin, Evidence::Kin);
    let doubles = doubles(mail, hits, &found);
    mark(&mut found, &doubles, Evidence::Double);
    found
}

fn mark(found: &mut [Option<Evidence>], places: &BTreeSet<usize>, evidence: Evidence) {
    for (place, found) in found.iter_mut().enumerate() {
        if found.is_none() && places.contains(&place) {
            *found = Some(evidence);
        }
    }
}

/// What a hit shows without any other.
fn by_itself(mail: &Mailing, hit: &Hit) -> Option<Evidence> {
    match (hit.manner, hit.target, hit.agent) {
        (Manner::Head, _, _) => Some(Evidence::Head),
        (Manner::Prefetch, _, _) => Some(Evidence::Prefetch),
        (Manner::Get, Target::Trap, _) => Some(Evidence::Trap),
        (Manner::Get, Target::Link(_), Agent::Tool | Agent::Missing | Agent::Known) => Some(Evidence::Agent),
        (Manner::Get, Target::Link(_), Agent::Bare) => {
            let is_awaited = mail.class == TouchClass::Response;
            (!is_awaited && mail.is_early(hit.at)).then_some(Evidence::Impostor)
        }
        (Manner::Get, Target::Link(_), Agent::Browser) => None,
    }
}

/// Whether a hit counts when links are counted. What is fetched ahead is fetched for a person, maybe all at once.
fn is_step(hit: &Hit) -> bool {
    hit.manner != Manner::Prefetch
}

/// Whether a hit came with another or after it, within a time.
fn follows(hit: &Hit, first: &Hit, span: SignedDuration) -> bool {
    hit.at >= first.at && hit.at.duration_since(first.at) <= span
}

/// Several links at once.
fn bursts(mail: &Mailing, hits: &[Hit]) -> BTreeSet<usize> {
    let mut places = BTreeSet::new();
    for first in hits.iter().filter(|hit| is_step(hit)) {
        let early = mail.is_early(first.at).then_some(EARLY_RUSH);
        let all = (mail.links > 1).then_some((usize::from(mail.links), ALL_AT_ONCE));
        for (links_min, span) in RUSHES.into_iter().chain(early).chain(all) {
            let run = || hits.iter().enumerate().filter(|(_, hit)| is_step(hit) && follows(hit, first, span));
            if run().map(|(_, hit)| hit.target).collect::<BTreeSet<_>>().len() >= links_min {
                places.extend(run().map(|(place, _)| place));
            }
        }
    }
    places
}

/// Every link, one after the other, by one network. What belongs to a burst is none of it: a person who came a little
/// before the burst has followed one link, not all.
fn crawls(mail: &Mailing, hits: &[Hit], found: &[Option<Evidence>]) -> BTreeSet<usize> {
    let mut places = BTreeSet::new();
    if mail.links < EVERY_LINK_MIN {
        return places;
    }
    let span = if mail.links >= SLOW_CRAWL_MIN { SLOW_CRAWL } else { PACE * i32::from(mail.links) };
    let apart_from_bursts = |place: &usize| found.get(*place) != Some(&Some(Evidence::Burst));
    let steps: Vec<_> =
        hits.iter().enumerate().filter(|(place, hit)| is_step(hit) && apart_from_bursts(place)).collect();
    for (_, first) in &steps {
        let is_within = |hit: &Hit| hit.network == first.network && follows(hit, first, span);
        let run: Vec<_> = steps.iter().filter(|(_, hit)| is_within(hit)).collect();
        let links: BTreeSet<_> =
            run.iter().map(|(_, hit)| hit.target).filter(|target| *target != Target::Trap).collect();
        if links.len() >= usize::from(mail.links) {
            places.extend(run.into_iter().map(|(place, _)| *place));
        }
    }
    places
}

/// The hits against which nothing speaks yet, with their places.
fn open<'a>(hits: &'a [Hit], found: &[Option<Evidence>]) -> impl Iterator<Item = (usize, &'a Hit)> {
    let judged = hits.iter().zip(found).enumerate();
    judged.filter(|(_, (_, found))| found.is_none()).map(|(place, (hit, _))| (place, hit))
}

/// What came from the network of a burst, a little before or after it.
fn kin(hits: &[Hit], found: &[Option<Evidence>]) -> BTreeSet<usize> {
    let is_many = |evidence: &Option<Evidence>| match evidence {
        Some(Evidence::Burst | Evidence::EveryLink | Evidence::Trap) => true,
        Some(
            Evidence::Head
            | Evidence::Prefetch
            | Evidence::Agent
            | Evidence::Impostor
            | Evidence::Kin
            | Evidence::Double,
        )
        | None => false,
    };
    let bursts: Vec<_> = hits.iter().zip(found).filter(|(_, found)| is_many(found)).map(|(hit, _)| hit).collect();
    let is_kin = |hit: &Hit| {
        bursts.iter().any(|burst| {
            let before = burst.at.duration_since(hit.at);
            burst.network == hit.network && before <= KIN_BEFORE && before >= -KIN_AFTER
        })
    };
    hits.iter().enumerate().filter(|(_, hit)| is_kin(hit)).map(|(place, _)| place).collect()
}

/// One link from two networks within a minute: a proxy looks at the page when somebody follows the link, or once more
/// afterwards. It is the one that looks less like a browser; of two alike, the earlier. While scanners are at
/// work, two alike are two of their machines.
fn doubles(mail: &Mailing, hits: &[Hit], found: &[Option<Evidence>]) -> BTreeSet<usize> {
    let open: Vec<_> = open(hits, found).collect();
    let looks_ahead = |hit: &Hit, other: &Hit| {
        let is_pair = hit.target == other.target && hit.network != other.network && apart(hit, other) <= DOUBLE;
        let (own, others) = (hit.agent.likeness(), other.agent.likeness());
        let are_scanners = mail.is_early(hit.at.min(other.at));
        is_pair && (own < others || (own == others && (hit < other || are_scanners)))
    };
    let ahead = open.iter().filter(|(_, hit)| open.iter().any(|(_, other)| looks_ahead(hit, other)));
    ahead.map(|(place, _)| *place).collect()
}
