use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::condition::Facts;
use crate::consent::{OptIn, Preferences};
use crate::ids::LeadId;
use crate::lead::{EmailReach, Lead, PhoneReach};
use crate::profile::Profile;
use crate::sales::{DemandCycle, Origin};
use crate::submission::Source;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// The answers that a lead of the small world may have given: none, each that conditions name, and another one. Only
/// the first three are choices of the field that has some.
const ANSWERS: [&str; 6] = ["", "Small", "large", "software", "Shipping", "something else"];
const CHOICES: usize = 3;

/// Ages in days: between those that conditions name (7 and 30) there are two each, with an entry between them.
const AGES: [i64; 6] = [1, 5, 10, 20, 40, 60];
const ENTRIES: [i64; 3] = [3, 15, 50];

const KINDS: [SignalKind; 2] = [SignalKind::Clicked, SignalKind::Replied];

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn tag(name: &str) -> TagName {
    TagName::parse(name).unwrap()
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// `size` is one of two choices, `industry` any text; the topics are `a` and `b`; the tag `set` can be set, `unset` not.
struct Small {
    sizes: FieldName,
    topics: [TopicName; 2],
    tag: TagName,
}

impl Small {
    fn new() -> Self {
        Self { sizes: field("size"), topics: [topic("a"), topic("b")], tag: tag("set") }
    }

    fn world(&self) -> World<'_> {
        let sizes = ["small", "large"].map(Cow::Borrowed);
        World {
            choices: BTreeMap::from([(&self.sizes, BTreeSet::from(sizes))]),
            topics: self.topics.iter().collect(),
            tags: BTreeSet::from([&self.tag]),
        }
    }
}

fn nobody() -> Lead {
    Lead {
        id: LeadId::parse(&"a".repeat(26)).unwrap(),
        life: 1,
        stage: LifecycleStage::Inquiry,
        received_at: NOW,
        email: EmailReach::Ok,
        unwilling: false,
        soft_bounces: Vec::new(),
        soft_until: None,
        withdrawn: Vec::new(),
        phone: PhoneReach::Missing,
        flags: Vec::new(),
        zone: None,
        owner: None,
        enrolment: None,
        enrolments: 0,
        sending: None,
        unresolved: Vec::new(),
        task: None,
        recent_mails: Vec::new(),
        signals: BTreeMap::new(),
        topic: None,
        followed: Vec::new(),
        score: crate::score::Score::default(),
        tags: BTreeSet::new(),
        consent: None,
        opt_in: OptIn::default(),
        offers: Vec::new(),
        preferences: Preferences::default(),
        language: None,
        cycle: DemandCycle::open(1, Origin::New, NOW),
        sla: None,
        turnback: None,
        preferred: None,
        requalified: Vec::new(),
        evaluate_by: None,
        evaluated_at: None,
        alerted: BTreeMap::new(),
        crm_status: None,
        disqualified: None,
        disposed_at: None,
        submissions: 0,
        stage_until: None,
        seq: 0,
    }
}

fn profile(size: &str, industry: &str) -> Profile {
    let answers = [("size", size), ("industry", industry)];
    let given = answers.into_iter().filter(|(_, answer)| !answer.is_empty());
    Profile {
        email: None,
        phone: None,
        fields: given.map(|(name, answer)| (field(name), answer.to_owned())).collect(),
        doubted: BTreeSet::new(),
        notes: Vec::new(),
        first_touch: Source::default(),
        last_touch: Source::default(),
        answered_at: NOW,
        answers_at: BTreeMap::new(),
    }
}

/// The parts of a lead that a condition asks about; all others may stay as they are.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is whether one part is asked about")]
struct AskedFor {
    sizes: bool,
    industries: bool,
    topic: bool,
    tag: bool,
    stage: bool,
    signs: BTreeSet<SignalKind>,
}

impl AskedFor {
    fn by(condition: &Condition) -> Self {
        let mut asked = Self::default();
        for_each_question(condition, &mut |question| match question {
            Condition::Known(name) | Condition::Answer { field: name, .. } => {
                asked.sizes |= name.as_str() == "size";
                asked.industries |= name.as_str() == "industry";
            }
            Condition::Topic(_) => asked.topic = true,
            Condition::Tag(_) => asked.tag = true,
            Condition::Stage(_) => asked.stage = true,
            Condition::Signal { kinds, .. } => asked.signs.extend(kinds),
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => {}
        });
        asked
    }
}

fn some<T: Clone>(all: &[T], asked: bool) -> Vec<T> {
    all.get(..if asked { all.len() } else { 1 }).unwrap().to_vec()
}

/// Whether there is a lead for whom a condition holds, by asking about each one there can be.
fn is_found(condition: &Condition, terms: Terms) -> bool {
    let asked = AskedFor::by(condition);
    let sizes = match terms.answers {
        Answers::Declared => &ANSWERS[..CHOICES],
        Answers::Any => &ANSWERS[..],
    };
    let ages: Vec<Option<i64>> = match terms.within {
        Within::Any => [None].into_iter().chain(AGES.map(Some)).collect(),
        Within::Over => vec![None, Some(40), Some(60)],
    };
    let sinces = match terms.since {
        Since::Entry => ENTRIES.map(|entry| Some(NOW - days(entry))).to_vec(),
        Since::Ever => vec![None],
        Since::Now => vec![Some(NOW)],
    };
    for size in some(sizes, asked.sizes) {
        for industry in some(&ANSWERS, asked.industries) {
            let profile = profile(size, industry);
            for lead in leads(&asked, &ages, terms.stages) {
                for since in &sinces {
                    let facts = Facts { lead: &lead, profile: Some(&profile), now: NOW, since: *since };
                    if condition.holds(&facts) {
                        return true;
                    }
                }
            }
        }
    }
    false
}

fn leads(asked: &AskedFor, ages: &[Option<i64>], stages: &[LifecycleStage]) -> Vec<Lead> {
    let mut leads = Vec::new();
    for topic in some(&[None, Some(topic("a")), Some(topic("b"))], asked.topic) {
        for tags in some(&[BTreeSet::new(), BTreeSet::from([tag("set")])], asked.tag) {
            for stage in some(stages, asked.stage) {
                for first in some(ages, asked.signs.contains(&KINDS[0])) {
                    for second in some(ages, asked.signs.contains(&KINDS[1])) {
                        let signs = [(KINDS[0], first), (KINDS[1], second)];
                        let signals =
                            signs.iter().filter_map(|(kind, age)| Some((*kind, NOW - days((*age)?)))).collect();
                        leads.push(Lead { stage, topic: topic.clone(), tags: tags.clone(), signals, ..nobody() });
                    }
                }
            }
        }
    }
    leads
}

fn question() -> impl Strategy<Value = Condition> {
    let named = prop_oneof![Just("size"), Just("industry")].prop_map(field);
    let answers = prop_oneof![Just("small"), Just(" Large"), Just("software"), Just("SHIPPING "), Just(" ")];
    let kind = prop_oneof![Just(KINDS[0]), Just(KINDS[1])];
    let topics = prop_oneof![Just("a"), Just("b")].prop_map(topic);
    prop_oneof![
        named.clone().prop_map(Condition::Known),
        (named, prop::collection::btree_set(answers.prop_map(str::to_owned), 1..3))
            .prop_map(|(field, one_of)| Condition::Answer { field, one_of }),
        prop::collection::btree_set(topics, 1..3).prop_map(Condition::Topic),
        prop_oneof![Just("set"), Just("unset")].prop_map(|name| Condition::Tag(tag(name))),
        prop::collection::btree_set(prop::sample::select(&LifecycleStage::ALL[..9]), 1..9).prop_map(Condition::Stage),
        (prop::collection::btree_set(kind, 1..3), prop::option::of(prop_oneof![Just(7), Just(30)]))
            .prop_map(|(kinds, within)| Condition::Signal { kinds, within: within.map(days) }),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    question().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Condition::Any),
            1 => inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let base = prop_oneof![Just(Terms::STEP), Just(Terms::ENTER), Just(Terms::SILENT)];
    (base, any::<bool>(), any::<bool>()).prop_map(|(terms, entered, old)| {
        let terms = if entered { terms.entered() } else { terms };
        if old { terms.with_old_answers() } else { terms }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_condition_can_hold_exactly_if_there_is_a_lead_for_whom_it_does(condition in condition(), terms in terms()) {
        let small = Small::new();
        let world = small.world();
        prop_assert_eq!(world.can_hold(&condition, terms), is_found(&condition, terms), "{}", condition);
        let not = Condition::Not(Box::new(condition));
        prop_assert_eq!(world.can_hold(&not, terms), is_found(&not, terms), "{}", not);
    }

    #[test]
    fn a_case_is_taken_exactly_if_there_is_a_lead_for_whom_it_holds_and_none_before_it(
        cases in prop::collection::vec(question().prop_map(|one| Condition::All(vec![one])), 1..6),
        last in condition(),
    ) {
        let small = Small::new();
        let asked: Vec<Asked<'_>> = cases.iter().map(|case| (case, false)).chain([(&last, true)]).collect();
        let whole = Condition::All(vec![Condition::Not(Box::new(Condition::Any(cases.clone()))), last.clone()]);
        prop_assert_eq!(small.world().allows(&asked, Terms::STEP), is_found(&whole, Terms::STEP), "{}", whole);
    }
}

fn signal(kind: SignalKind, within: Option<i64>) -> Condition {
    Condition::Signal { kinds: BTreeSet::from([kind]), within: within.map(days) }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn is(name: &str, answer: &str) -> Condition {
    Condition::Answer { field: field(name), one_of: BTreeSet::from([answer.to_owned()]) }
}

fn can_hold(parts: Vec<Condition>, terms: Terms) -> bool {
    Small::new().world().can_hold(&Condition::All(parts), terms)
}

#[test]
fn a_young_sign_is_also_one_of_an_older_age() {
    let clicked = |within| signal(SignalKind::Clicked, within);
    assert!(!can_hold(vec![clicked(Some(7)), not(clicked(Some(30)))], Terms::STEP));
    assert!(can_hold(vec![clicked(Some(30)), not(clicked(Some(7)))], Terms::STEP));
    assert!(!can_hold(vec![clicked(Some(7)), not(clicked(None))], Terms::ENTER));
    // Within a week, and yet before the lead entered the program.
    assert!(can_hold(vec![clicked(Some(7)), not(clicked(None))], Terms::STEP));
}

#[test]
fn all_signs_speak_of_the_same_entry() {
    let parts = vec![
        signal(SignalKind::Clicked, Some(7)),
        not(signal(SignalKind::Clicked, None)),
        signal(SignalKind::Replied, None),
        not(signal(SignalKind::Replied, Some(30))),
    ];
    assert!(!can_hold(parts, Terms::STEP), "the click says the entry is a week old, the reply that it is a month old");
}

#[test]
fn a_choice_has_no_other_answer_unless_old_ones_count() {
    let other = vec![Condition::Known(field("size")), not(is("size", "small")), not(is("size", "LARGE"))];
    assert!(!can_hold(other.clone(), Terms::STEP));
    assert!(can_hold(other, Terms::STEP.with_old_answers()));
}

#[test]
fn a_tag_that_nobody_sets_is_on_nobody() {
    assert!(can_hold(vec![Condition::Tag(tag("set"))], Terms::STEP));
    assert!(!can_hold(vec![Condition::Tag(tag("unset"))], Terms::STEP));
    assert!(can_hold(vec![not(Condition::Tag(tag("unset")))], Terms::STEP));
    let small = Small::new();
    let (asked, world) =
        (Condition::Any(vec![Condition::Tag(tag("unset")), Condition::Tag(tag("set"))]), small.world());
    assert_eq!(world.tags_never_set(&asked), BTreeSet::from([&tag("unset")]));
}

#[test]
fn sixteen_cases_of_sixty_four_questions_are_settled_at_once() {
    let industry = |number: usize| is("industry", &format!("industry {number}"));
    let case = |from: usize| Condition::Any((from..from + 64).map(industry).collect());
    let cases: Vec<Condition> = (0..16).map(|number| case(64 * number)).collect();
    let small = Small::new();
    let world = small.world();
    let mut asked: Vec<Asked<'_>> = cases.iter().map(|case| (case, false)).collect();
    assert!(world.allows(&asked, Terms::STEP));
    let again = case(512);
    asked.push((&again, true));
    assert!(!world.allows(&asked, Terms::STEP), "the cases before it take them all");
}

#[test]
fn what_would_take_too_long_to_find_out_is_taken_to_be_possible() {
    // As many pigeons as holes and one more: a proof that there is no room needs more choices than are tried.
    let sits = |pigeon: usize, hole: usize| is(&format!("pigeon{pigeon}"), &format!("hole {hole}"));
    let (pigeons, holes) = (9, 8);
    let mut parts: Vec<Condition> =
        (0..pigeons).map(|pigeon| Condition::Any((0..holes).map(|hole| sits(pigeon, hole)).collect())).collect();
    for hole in 0..holes {
        for one in 0..pigeons {
            for other in 0..one {
                parts.push(Condition::Any(vec![not(sits(one, hole)), not(sits(other, hole))]));
            }
        }
    }
    assert!(can_hold(parts, Terms::STEP));
}
