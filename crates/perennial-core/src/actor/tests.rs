use jiff::ToSpan as _;
use proptest::prelude::*;

use super::*;

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

fn sent_at() -> Timestamp {
    "2026-11-26T09:00:00Z".parse().unwrap()
}

fn mail(links: u16) -> Mailing {
    Mailing { sent_at: sent_at(), links, class: TouchClass::Nurture }
}

/// A hit of a link, so many milliseconds after the mail was sent.
fn hit(after_ms: i64, link: u16, network: &str, agent: Agent) -> Hit {
    Hit {
        at: sent_at() + after_ms.milliseconds(),
        target: Target::Link(link),
        network: Network::of_hash(network.to_owned()),
        agent,
        manner: Manner::Get,
    }
}

fn browser(after_ms: i64, link: u16, network: &str) -> Hit {
    hit(after_ms, link, network, Agent::Browser)
}

/// What is said in the end.
fn finally(mail: &Mailing, hits: &[Hit]) -> Vec<Verdict> {
    judge(mail, hits, sent_at() + 24.hours())
}

const HOUR: i64 = 3_600_000;

#[test]
fn one_link_by_a_browser_is_a_person_after_ninety_seconds() {
    let hits = [browser(HOUR, 0, "office")];
    let at = hits[0].at;
    assert_eq!(judge(&mail(3), &hits, at), [Verdict::Undecided { until: at + 90.seconds() }]);
    assert_eq!(judge(&mail(3), &hits, at + 89.seconds()), [Verdict::Undecided { until: at + 90.seconds() }]);
    assert_eq!(judge(&mail(3), &hits, at + 90.seconds()), [Verdict::Human]);
}

#[test]
fn nine_links_in_four_tenths_of_a_second_are_a_machine_however_it_calls_itself() {
    let hits: Vec<Hit> = (0..9).map(|link| browser(43_000 + 45 * i64::from(link), link, "gateway")).collect();
    assert_eq!(finally(&mail(9), &hits), [Verdict::Machine(Evidence::Burst); 9]);
    // At once: nothing needs to be waited for.
    assert_eq!(judge(&mail(9), &hits, hits[8].at), [Verdict::Machine(Evidence::Burst); 9]);
}

#[test]
fn a_person_may_follow_three_links_within_a_minute_and_waits_ten_for_it() {
    let hits = [browser(HOUR, 0, "office"), browser(HOUR + 20_000, 2, "office"), browser(HOUR + 51_000, 4, "office")];
    let until = hits[0].at + QUARANTINE;
    assert_eq!(judge(&mail(6), &hits, hits[2].at)[0], Verdict::Undecided { until });
    assert_eq!(finally(&mail(6), &hits), [Verdict::Human; 3]);
}

#[test]
fn links_that_are_followed_minutes_apart_wait_as_if_alone() {
    let hits = [browser(HOUR, 0, "office"), browser(HOUR + 180_000, 1, "office")];
    assert_eq!(judge(&mail(6), &hits, hits[1].at + 90.seconds()), [Verdict::Human; 2]);
}

#[test]
fn a_later_human_click_after_a_burst_counts_even_from_the_same_network() {
    let mut hits: Vec<Hit> = (0..4).map(|link| browser(60_000 + 300 * i64::from(link), link, "office")).collect();
    hits.push(browser(2 * HOUR, 1, "office"));
    let verdicts = finally(&mail(4), &hits);
    assert_eq!(verdicts[..4], [Verdict::Machine(Evidence::Burst); 4]);
    assert_eq!(verdicts[4], Verdict::Human);
}

#[test]
fn a_click_that_turns_out_to_be_the_first_of_a_burst_is_reversed() {
    let first = browser(40_000, 2, "gateway");
    assert_eq!(judge(&mail(5), std::slice::from_ref(&first), first.at + 2.minutes()), [Verdict::Human]);
    let mut hits = vec![first];
    hits.extend((0..5).map(|link| browser(240_000 + 200 * i64::from(link), link, "gateway")));
    assert_eq!(finally(&mail(5), &hits)[0], Verdict::Machine(Evidence::Kin));
}

#[test]
fn whoever_follows_the_link_that_nobody_sees_is_a_machine_with_all_that_came_from_there() {
    let trap = Hit { target: Target::Trap, ..browser(95_000, 0, "gateway") };
    let hits = [browser(60_000, 0, "gateway"), trap, browser(HOUR, 0, "office")];
    let said = [Verdict::Machine(Evidence::Kin), Verdict::Machine(Evidence::Trap), Verdict::Human];
    assert_eq!(finally(&mail(5), &hits), said);
}

#[test]
fn heads_prefetches_and_tools_are_machines_at_once() {
    let head = Hit { manner: Manner::Head, ..browser(HOUR, 0, "a") };
    let ahead = Hit { manner: Manner::Prefetch, ..browser(HOUR, 1, "b") };
    let hits = [
        head,
        ahead,
        hit(2 * HOUR, 0, "c", Agent::Tool),
        hit(3 * HOUR, 0, "d", Agent::Missing),
        hit(4 * HOUR, 0, "e", Agent::Known),
    ];
    let agent = Verdict::Machine(Evidence::Agent);
    let said = [Verdict::Machine(Evidence::Head), Verdict::Machine(Evidence::Prefetch), agent, agent, agent];
    assert_eq!(judge(&mail(5), &hits, hits[0].at), said);
}

#[test]
fn what_a_program_fetches_ahead_says_nothing_against_the_person_it_is_fetched_for() {
    let mut hits: Vec<Hit> = (0..3).map(|link| browser(HOUR + i64::from(link), link, "office")).collect();
    for ahead in &mut hits {
        ahead.manner = Manner::Prefetch;
    }
    hits.push(browser(HOUR + 9_000, 1, "office"));
    assert_eq!(finally(&mail(3), &hits)[3], Verdict::Human);
}

#[test]
fn every_link_in_turn_is_a_machine_and_at_a_readers_pace_a_person() {
    let every = |gap: i64| (0..3).map(|link| browser(HOUR + gap * i64::from(link), link, "a")).collect::<Vec<_>>();
    assert_eq!(finally(&mail(3), &every(4_000)), [Verdict::Machine(Evidence::EveryLink); 3]);
    assert_eq!(finally(&mail(3), &every(25_000)), [Verdict::Human; 3]);
    // One of a mail's one link is nothing.
    assert_eq!(finally(&mail(1), &every(4_000)[..1]), [Verdict::Human]);
}

#[test]
fn a_proxy_that_looks_first_is_told_from_the_person_who_follows() {
    let hits = [browser(HOUR, 0, "vendor"), browser(HOUR + 3_000, 0, "office")];
    assert_eq!(finally(&mail(3), &hits), [Verdict::Machine(Evidence::Double), Verdict::Human]);
    // One that looks once more afterwards, and is no whole browser, is told from the person before it.
    let again = [browser(HOUR, 0, "office"), hit(HOUR + 30_000, 0, "vendor", Agent::Bare)];
    assert_eq!(finally(&mail(3), &again), [Verdict::Human, Verdict::Machine(Evidence::Double)]);
    // While scanners are at work, two alike are two of theirs.
    let farm = [browser(50_000, 0, "one"), browser(58_000, 0, "two")];
    assert_eq!(finally(&mail(3), &farm), [Verdict::Machine(Evidence::Double); 2]);
}

#[test]
fn an_impostor_is_a_machine_while_scanners_are_at_work_unless_somebody_waited_for_the_mail() {
    let early = [hit(50_000, 0, "a", Agent::Bare)];
    assert_eq!(finally(&mail(3), &early), [Verdict::Machine(Evidence::Impostor)]);
    let awaited = Mailing { class: TouchClass::Response, ..mail(3) };
    assert_eq!(finally(&awaited, &early), [Verdict::Human]);
    assert_eq!(finally(&mail(3), &[hit(HOUR, 0, "a", Agent::Bare)]), [Verdict::Human]);
}

#[test]
fn agents_are_recognised() {
    use FetchMetadata::{Absent, Present, Unseen};
    for (said, metadata, agent) in [
        (CHROME, Present, Agent::Browser),
        (CHROME, Absent, Agent::Bare),
        (CHROME, Unseen, Agent::Browser),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 15_6 like Mac OS X) Version/15.6 Safari/604.1", Absent, Agent::Browser),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", Absent, Agent::Bare),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36", Present, Agent::Tool),
        ("Mozilla/5.0", Absent, Agent::Tool),
        ("curl/8.5.0", Absent, Agent::Tool),
        ("python-requests/2.32.3", Absent, Agent::Tool),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", Absent, Agent::Known),
        ("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)", Absent, Agent::Known),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Absent, Agent::Known),
        ("  ", Absent, Agent::Missing),
    ] {
        assert_eq!(Agent::recognise(Some(said), metadata), agent, "{said}");
    }
    assert_eq!(Agent::recognise(None, Absent), Agent::Missing);
}

#[test]
fn manners_are_recognised_by_method_and_headers() {
    assert_eq!(Manner::recognise("GET", []), Manner::Get);
    assert_eq!(Manner::recognise("HEAD", []), Manner::Head);
    for value in ["prefetch", "prefetch;prerender", "Preview"] {
        assert_eq!(Manner::recognise("GET", [value]), Manner::Prefetch, "{value}");
    }
}

#[test]
fn an_open_is_a_machines_or_nobodys() {
    let opened = |after: i64, agent, manner| opened_by(sent_at(), sent_at() + after.seconds(), agent, manner);
    assert_eq!(opened(9, Agent::Browser, Manner::Get), Opener::Machine);
    assert_eq!(opened(600, Agent::Browser, Manner::Get), Opener::Unknown);
    assert_eq!(opened(600, Agent::Known, Manner::Get), Opener::Machine);
    assert_eq!(opened(600, Agent::Browser, Manner::Prefetch), Opener::Machine);
}

fn any_hit() -> impl Strategy<Value = Hit> {
    let agent = prop_oneof![Just(Agent::Browser), Just(Agent::Bare), Just(Agent::Tool), Just(Agent::Known)];
    let manner = prop_oneof![8 => Just(Manner::Get), 1 => Just(Manner::Head), 1 => Just(Manner::Prefetch)];
    let at = prop_oneof![0..400_000_i64, 0..20_000_i64, HOUR..HOUR + 90_000];
    (at, 0..6_u16, "[abc]", agent, manner).prop_map(|(at, link, network, agent, manner)| Hit {
        target: if link == 5 { Target::Trap } else { Target::Link(link) },
        manner,
        ..hit(at, link, &network, agent)
    })
}

proptest! {
    #[test]
    fn the_order_of_the_hits_does_not_matter_and_every_quarantine_ends(
        hits in prop::collection::vec(any_hit(), 0..12),
        links in 1..6_u16,
        after in 0..8_000_i64,
    ) {
        let now = sent_at() + after.seconds();
        let verdicts = judge(&mail(links), &hits, now);
        prop_assert_eq!(verdicts.len(), hits.len());
        for (hit, verdict) in hits.iter().zip(&verdicts) {
            if let Verdict::Undecided { until } = verdict {
                prop_assert!(*until > now && *until <= hit.at + QUARANTINE);
            }
        }
        let mut turned: Vec<Hit> = hits.iter().rev().cloned().collect();
        let mut said = judge(&mail(links), &turned, now);
        said.reverse();
        prop_assert_eq!(&said, &verdicts);
        // A stored hit reads back as it was.
        let stored = serde_json::to_string(&turned).unwrap();
        turned.reverse();
        let read: Vec<Hit> = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(read.into_iter().rev().collect::<Vec<_>>(), turned);
    }
}
