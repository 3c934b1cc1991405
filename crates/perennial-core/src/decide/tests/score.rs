//! Signs are scored as they come, once, and taken back when they turn out to be none.

use super::*;
use crate::actor::{Agent, Manner, Network, Target};
use crate::policy::TurnbackReason;
use crate::sales::{Outcome, Party, TurnbackRequest};
use crate::score::{Points, explain};

/// A program that leaves its lead alone for long.
fn quiet() -> Life {
    Life::of(&email("one", "after = \"60d\""))
}

/// A catalog in which a known company is worth 2 points, and Acme 3 more.
fn fitting() -> Arc<Catalog> {
    let mut files = files_with(&email("one", "after = \"60d\""));
    let fit = "\n[[fit]]\nwhen = { field = \"company\", known = true }\npoints = 2\nlabel = \"Has told us the company\"\n\
               \n[[fit]]\nwhen = { field = \"company\", is = \"Acme\" }\npoints = 3\nlabel = \"Acme\"\n";
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.push_str(fit);
    }
    let (catalog, found) = parse(&files);
    Arc::new(catalog.unwrap_or_else(|| panic!("{found:#?}")))
}

/// What a decision scores.
fn scored(decision: &Decision) -> Vec<(SignalKind, i32)> {
    let of = |event: &Event| if let Event::Scored { kind, points, .. } = event { Some((*kind, *points)) } else { None };
    decision.events.iter().filter_map(of).collect()
}

impl Life {
    fn scores(&mut self, stimulus: &Stimulus) -> Vec<(SignalKind, i32)> {
        self.now += SignedDuration::from_mins(1);
        let scored = scored(&self.decide(stimulus));
        self.meet(stimulus);
        assert_eq!(self.decide(stimulus).events, [], "delivered twice, it changes nothing more");
        scored
    }

    fn engagement(&self) -> Points {
        self.lead.as_ref().unwrap().score.engagement(self.now)
    }
}

/// The mail whose links are followed, and its hits so far.
struct Letter {
    touch: TouchId,
    mailing: Mailing,
    hits: Vec<Hit>,
}

impl Letter {
    fn sent(life: &Life) -> Self {
        let mailing = Mailing { sent_at: life.now, links: 5, class: TouchClass::Nurture };
        Self { touch: TouchId::parse("1_welcome_one_0").unwrap(), mailing, hits: Vec::new() }
    }

    /// Somebody, or something, follows a link; a quarter of an hour later it is judged.
    fn followed(&mut self, life: &mut Life, target: Target, manner: Manner) -> Vec<(SignalKind, i32)> {
        life.now += SignedDuration::from_hours(1);
        let network = Network::of_hash("office".to_owned());
        self.hits.push(Hit { at: life.now, target, network, agent: Agent::Browser, manner });
        life.meet(&Stimulus::LinkFollowed {
            touch: self.touch.clone(),
            attempt: 1,
            mailing: self.mailing,
            topic: None,
            until: life.now + SignedDuration::from_mins(2),
        });
        self.judged(life)
    }

    fn judged(&self, life: &mut Life) -> Vec<(SignalKind, i32)> {
        life.now += SignedDuration::from_mins(15);
        life.scores(&Stimulus::HitsGathered { touch: self.touch.clone(), hits: self.hits.clone() })
    }
}

#[test]
fn whatever_way_a_sign_comes_its_worth_is_recorded_beside_it() {
    let mut life = quiet();
    assert_eq!(life.engagement(), Points::whole(10), "the form that it came by");
    let reply = ReceivedMail {
        inbox: InboxKey::parse("inbound/1").unwrap(),
        certainty: Attribution::Certain,
        answers: None,
        kind: Kind::Human(crate::inbound::Wish::Other),
    };
    life.now += SignedDuration::from_mins(1);
    assert_eq!(scored(&life.decide(&Stimulus::MailReceived(reply))), [(SignalKind::Replied, 25)]);
    let visit = Stimulus::Signalled { kind: SignalKind::PricingVisited, topic: None };
    assert_eq!(life.scores(&visit), [(SignalKind::PricingVisited, 20)]);
    let mut letter = Letter::sent(&life);
    assert_eq!(letter.followed(&mut life, Target::Link(0), Manner::Get), [(SignalKind::Clicked, 5)]);
    life.now += SignedDuration::from_hours(1);
    life.posts(&[("email", "ada@example.com")]);
    let all = Points::whole(10 + 20 + 5 + 10);
    assert!(life.engagement() > all.percent(98) && life.engagement() < all, "{}", life.engagement());
}

#[test]
fn a_sign_without_worth_is_heard_and_not_scored() {
    let mut life = quiet();
    assert_eq!(life.scores(&Stimulus::Signalled { kind: SignalKind::PageVisited, topic: None }), []);
    assert!(life.lead.unwrap().signals.contains_key(&SignalKind::PageVisited));
}

#[test]
fn junk_and_lists_are_worth_nothing() {
    let listed = Life::with(catalog(&email("one", "after = \"60d\"")), &[("list", "yes")]);
    assert_eq!(listed.engagement(), Points::ZERO);
    let mut junk = Life::with(catalog(&email("one", "after = \"60d\"")), &[("junk", "yes")]);
    assert_eq!(junk.engagement(), Points::ZERO);
    junk.now += SignedDuration::from_hours(1);
    junk.posts(&[("email", "ada@example.com"), ("junk", "yes")]);
    assert_eq!(junk.engagement(), Points::ZERO);
    junk.posts(&[("email", "ada@example.com")]);
    assert_eq!(junk.engagement(), Points::whole(10), "a clean post is a person's");
}

#[test]
fn what_a_machine_follows_is_worth_nothing() {
    let mut life = quiet();
    let mut letter = Letter::sent(&life);
    assert_eq!(letter.followed(&mut life, Target::Link(0), Manner::Head), []);
    assert_eq!(letter.followed(&mut life, Target::Trap, Manner::Get), []);
}

#[test]
fn what_turns_out_to_be_a_machines_is_taken_back_as_if_it_had_never_been() {
    let mut life = quiet();
    let mut letter = Letter::sent(&life);
    letter.followed(&mut life, Target::Link(0), Manner::Get);
    let with = life.engagement();
    let mut history = Vec::new();
    // Weeks later it followed the link that nobody sees, and with it what came just before.
    life.passes(20);
    let second = Hit { at: letter.hits[0].at + SignedDuration::from_secs(30), ..letter.hits[0].clone() };
    letter.hits.push(Hit { target: Target::Trap, ..second });
    life.meet(&Stimulus::LinkFollowed {
        touch: letter.touch.clone(),
        attempt: 1,
        mailing: letter.mailing,
        topic: None,
        until: life.now,
    });
    life.now += SignedDuration::from_mins(15);
    let gathered = Stimulus::HitsGathered { touch: letter.touch.clone(), hits: letter.hits.clone() };
    history.extend(life.decide(&gathered).events);
    assert_eq!(letter.judged(&mut life), [(SignalKind::Clicked, -5)]);
    let never = quiet().lead.unwrap().score.engagement(life.now);
    let apart = life.engagement().thousandths() - never.thousandths();
    assert!(with > life.engagement() && apart.abs() <= 1, "{} {never}", life.engagement());
    assert!(history.iter().any(|event| matches!(event, Event::FollowersRelabelled { .. })));
}

#[test]
fn of_two_links_only_what_the_machine_followed_is_taken_back() {
    let mut life = quiet();
    let mut letter = Letter::sent(&life);
    letter.followed(&mut life, Target::Link(0), Manner::Get);
    assert_eq!(letter.followed(&mut life, Target::Link(3), Manner::Get), [(SignalKind::Clicked, 5)]);
    let (touch, machines) = (letter.touch.clone(), BTreeSet::from([0]));
    let clicked_at = life.lead.as_ref().unwrap().signals.get(&SignalKind::Clicked).copied();
    let relabelled = Event::FollowersRelabelled { touch, machines, clicked_at, topic: None };
    life.lead = apply(life.lead.take(), &relabelled, life.now);
    assert_eq!(life.scores(&Stimulus::Due), [(SignalKind::Clicked, -5)]);
    assert_eq!(life.lead.unwrap().score.clicks.len(), 1, "the other one stays");
}

#[test]
fn a_new_life_begins_with_nothing() {
    let mut life = quiet();
    life.signals(SignalKind::HandRaised);
    assert_eq!(life.engagement(), Points::whole(40));
    life.meet(&Stimulus::EraseRequested);
    assert_eq!(life.engagement(), Points::ZERO);
    assert!(life.lead.as_ref().unwrap().score.is_empty());
    life.posts(&[("email", "ada@example.com")]);
    assert_eq!(life.engagement(), Points::whole(10));
}

#[test]
fn whoever_is_turned_back_begins_with_nothing_and_what_was_a_machines_before_is_not_taken_from_it() {
    let mut life = quiet();
    let mut letter = Letter::sent(&life);
    letter.followed(&mut life, Target::Link(0), Manner::Get);
    life.signals(SignalKind::HandRaised);
    let outcome = Outcome::TurnedBack(TurnbackRequest::new(TurnbackReason::Evaluating));
    life.meet(&Stimulus::Disposed { by: Party::Operator, outcome, note: None, happened_at: None, is_status: false });
    assert_eq!(life.lead.as_ref().unwrap().stage, LifecycleStage::Recycled);
    assert_eq!(life.engagement(), Points::ZERO);
    life.now += SignedDuration::from_hours(1);
    life.signals(SignalKind::PricingVisited);
    let trap =
        Hit { at: letter.hits[0].at + SignedDuration::from_secs(30), target: Target::Trap, ..letter.hits[0].clone() };
    letter.hits.push(trap);
    life.meet(&Stimulus::LinkFollowed {
        touch: letter.touch.clone(),
        attempt: 1,
        mailing: letter.mailing,
        topic: None,
        until: life.now,
    });
    assert_eq!(letter.judged(&mut life), []);
    assert_eq!(life.engagement().to_string(), "20.0", "what came after it");
}

#[test]
fn the_gate_asks_for_fit_and_engagement_together() {
    let mut life = Life::with(fitting(), &[("email", "ada@example.com"), ("company", "Acme")]);
    for kind in [SignalKind::PricingVisited, SignalKind::WebinarAttended, SignalKind::Clicked] {
        life.signals(kind);
    }
    let evaluated = life.decide(&Stimulus::Evaluate).events;
    assert_eq!(evaluated.first(), Some(&Event::Evaluated { score: 55 }));
}

#[test]
fn each_point_has_its_cause() {
    let catalog = fitting();
    let form = [("email", "ada@example.com"), ("company", "Acme")];
    let mut life = Life::with(Arc::clone(&catalog), &form);
    let posted = life.lead.clone().unwrap().signals[&SignalKind::FormSubmitted];
    let mut history = vec![Event::Scored {
        kind: SignalKind::FormSubmitted,
        points: 10,
        half_life_minutes: 43_200,
        given_at: posted,
    }];
    for (days, kind) in [(3, SignalKind::PricingVisited), (12, SignalKind::Clicked), (200, SignalKind::HandRaised)] {
        life.passes(days);
        let stimulus = Stimulus::Signalled { kind, topic: None };
        history.extend(life.decide(&stimulus).events);
        life.meet(&stimulus);
    }
    life.passes(10);
    let facts = Facts { lead: life.lead.as_ref().unwrap(), profile: life.profile.as_ref(), now: life.now, since: None };
    let explanation = explain(&catalog, &facts, &history);
    insta::assert_snapshot!(explanation, @"
        2.0  Has told us the company
        3.0  Acme
       27.8  asked to be spoken to on 2026-10-03 (30 then)
        0.1  sent a form on 2026-03-02 (10 then)
        0.0  2 signs that have faded, and rounding
       32.9  in all
    ");
    let shown: Points = explanation.lines(&jiff::tz::TimeZone::UTC).iter().map(|line| line.points).sum();
    assert_eq!(shown, explanation.total);
    assert_eq!(explanation.total, crate::score::total(&catalog, &facts).in_tenths());
}
