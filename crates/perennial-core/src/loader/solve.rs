//! Whether conditions can hold for anybody.
//!
//! **Invariant:** the answer "no" is a proof: there is no lead, known or imagined, for whom all holds. Where finding out
//! takes more than [`CHOICES_MAX`] choices, the answer is "yes", so that nobody is told of a mistake that is none.
//!
//! A condition is brought to a form in which only single questions are denied. What is known of a lead is kept as
//! bounds (answers that are left, ages of signs that are left), which narrow with each question; where one of several
//! must hold, each is tried.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::catalog::{Catalog, FieldKind};
use crate::condition::{Condition, SignalKind};
use crate::ids::{FieldName, TagName, TopicName};
use crate::lead::LifecycleStage;
use crate::program::{Action, Program};

/// How many choices are tried before "it can hold" is taken for granted.
const CHOICES_MAX: u32 = 4_096;

/// What a catalog allows leads to be.
pub(super) struct World<'c> {
    /// The choices of the fields that have some, folded as answers are compared.
    choices: BTreeMap<&'c FieldName, BTreeSet<Cow<'c, str>>>,
    topics: BTreeSet<&'c TopicName>,
    /// The tags that some program adds. A lead has no others.
    tags: BTreeSet<&'c TagName>,
}

/// Under which circumstances something is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// What a sign without `within` is measured from.
    pub(super) since: Since,
    /// Whether a sign may be young.
    pub(super) within: Within,
    /// The stages that the lead may be in.
    pub(super) stages: &'static [LifecycleStage],
    /// Whether a field with choices may hold something else.
    pub(super) answers: Answers,
}

/// What a sign without `within` is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// The lead's entry into the program, whenever that was.
    Entry,
    /// The beginning: any sign counts.
    Ever,
    /// A moment ago: no sign counts.
    Now,
}

/// Whether a sign may be young.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// It may.
    Any,
    /// Every sign lies back so long that no `within` holds any more.
    Over,
}

/// Whether a field with choices may hold something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Only its choices.
    Declared,
    /// Also what was a choice once.
    Any,
}

/// The stages of leads that can be in a program.
const ENROLLED: &[LifecycleStage] = &[
    LifecycleStage::Inquiry,
    LifecycleStage::Mql,
    LifecycleStage::Sal,
    LifecycleStage::Sql,
    LifecycleStage::Customer,
    LifecycleStage::Recycled,
];

/// Those of them that have no deadline: a lead may stay in them for ever.
const LASTING: &[LifecycleStage] = &[LifecycleStage::Inquiry, LifecycleStage::Customer, LifecycleStage::Recycled];

/// The stages that a condition may name.
const NAMED: &[LifecycleStage] = &[
    LifecycleStage::Received,
    LifecycleStage::Quarantined,
    LifecycleStage::Inquiry,
    LifecycleStage::Mql,
    LifecycleStage::Sal,
    LifecycleStage::Sql,
    LifecycleStage::Customer,
    LifecycleStage::Recycled,
    LifecycleStage::Disqualified,
];

impl Terms {
    /// Inside a program.
    pub(super) const STEP: Self =
        Self { since: Since::Entry, within: Within::Any, stages: NAMED, answers: Answers::Declared };

    /// Where a program claims leads.
    pub(super) const ENTER: Self =
        Self { since: Since::Ever, within: Within::Any, stages: ENROLLED, answers: Answers::Declared };

    /// For a lead of whom nothing is heard any more.
    pub(super) const SILENT: Self =
        Self { since: Since::Entry, within: Within::Over, stages: LASTING, answers: Answers::Any };

    /// The same, where the lead has just entered a program.
    pub(super) const fn entered(self) -> Self {
        Self { since: Since::Now, ..self }
    }

    /// The same, where a field with choices may hold what was a choice once.
    pub(super) const fn with_old_answers(self) -> Self {
        Self { answers: Answers::Any, ..self }
    }
}

/// A condition, and whether it is to hold or not.
pub(super) type Asked<'a> = (&'a Condition, bool);

impl<'c> World<'c> {
    pub(super) fn of(catalog: &'c Catalog) -> Self {
        let choices = catalog.fields.iter().filter_map(|(name, field)| match &field.kind {
            FieldKind::Choice(choices) => Some((name, choices.iter().filter_map(|choice| folded(choice)).collect())),
            FieldKind::Text | FieldKind::Date => None,
        });
        let programs = catalog.programs.values().chain(catalog.kept.values());
        Self {
            choices: choices.collect(),
            topics: catalog.topics.keys().collect(),
            tags: programs.flat_map(tags_added).collect(),
        }
    }

    /// Whether there can be a lead for whom all of this is so.
    pub(super) fn allows(&self, asked: &[Asked<'_>], terms: Terms) -> bool {
        let formulas: Vec<Formula<'_>> =
            asked.iter().map(|(condition, holds)| Formula::of(condition, *holds)).collect();
        let mut search = Search { choices_left: CHOICES_MAX };
        search.finds(formulas.iter().collect(), Vec::new(), Bounds::new(self, terms))
    }

    /// Whether it can hold.
    pub(super) fn can_hold(&self, condition: &Condition, terms: Terms) -> bool {
        self.allows(&[(condition, true)], terms)
    }

    /// Whether it can fail to hold.
    pub(super) fn can_fail(&self, condition: &Condition, terms: Terms) -> bool {
        self.allows(&[(condition, false)], terms)
    }

    /// The tags in a condition that no program adds.
    pub(super) fn tags_never_set<'a>(&self, condition: &'a Condition) -> BTreeSet<&'a TagName> {
        let mut tags = BTreeSet::new();
        for_each_question(condition, &mut |question| {
            if let Condition::Tag(tag) = question {
                tags.insert(tag);
            }
        });
        tags.retain(|tag| !self.tags.contains(tag));
        tags
    }
}

/// The tags that a program puts on leads.
fn tags_added(program: &Program) -> impl Iterator<Item = &TagName> {
    program
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Set { add, .. } => Some(add),
            Action::Email { .. }
            | Action::Ask { .. }
            | Action::Call { .. }
            | Action::PersonalMail { .. }
            | Action::Wait
            | Action::WaitUntil { .. }
            | Action::Branch { .. }
            | Action::Split { .. }
            | Action::Alert { .. }
            | Action::Emit { .. }
            | Action::Recur { .. }
            | Action::Goal { .. }
            | Action::Exit { .. }
            | Action::Goto { .. } => None,
        })
        .flatten()
}

/// Calls back with each single question of a condition.
pub(super) fn for_each_question<'a>(condition: &'a Condition, visit: &mut impl FnMut(&'a Condition)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                for_each_question(part, visit);
            }
        }
        Condition::Not(part) => for_each_question(part, visit),
        Condition::Known(_)
        | Condition::Answer { .. }
        | Condition::Topic(_)
        | Condition::Tag(_)
        | Condition::Stage(_)
        | Condition::Signal { .. } => visit(condition),
    }
}

/// An answer as it is compared; `None` for one that is none. The counterpart of `condition::same_answer`.
fn folded(answer: &str) -> Option<Cow<'_, str>> {
    let answer = answer.trim();
    if answer.is_empty() {
        return None;
    }
    let is_folded = answer.chars().all(|c| c.is_ascii() && !c.is_ascii_uppercase());
    Some(if is_folded { Cow::Borrowed(answer) } else { Cow::Owned(answer.to_lowercase()) })
}

/// A condition in which only single questions are denied.
enum Formula<'a> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Is(Question<'a>, bool),
}

/// A question with one answer.
enum Question<'a> {
    Known(&'a FieldName),
    Answer(&'a FieldName, BTreeSet<Cow<'a, str>>),
    Topic(BTreeSet<&'a TopicName>),
    Tag(&'a TagName),
    Stage(&'a BTreeSet<LifecycleStage>),
    Signal(SignalKind, Option<SignedDuration>),
}

impl<'a> Formula<'a> {
    fn of(condition: &'a Condition, holds: bool) -> Self {
        let each = |parts: &'a [Condition]| parts.iter().map(|part| Self::of(part, holds)).collect();
        match condition {
            Condition::All(parts) => Self::joined(each(parts), holds),
            Condition::Any(parts) => Self::joined(each(parts), !holds),
            Condition::Not(part) => Self::of(part, !holds),
            Condition::Known(field) => Self::Is(Question::Known(field), holds),
            Condition::Answer { field, one_of } => {
                let one_of = one_of.iter().filter_map(|answer| folded(answer)).collect();
                Self::Is(Question::Answer(field, one_of), holds)
            }
            Condition::Topic(topics) => Self::Is(Question::Topic(topics.iter().collect()), holds),
            Condition::Tag(tag) => Self::Is(Question::Tag(tag), holds),
            Condition::Stage(stages) => Self::Is(Question::Stage(stages), holds),
            Condition::Signal { kinds, within } => {
                let each = kinds.iter().map(|kind| Self::Is(Question::Signal(*kind, *within), holds)).collect();
                Self::joined(each, !holds)
            }
        }
    }

    fn joined(parts: Vec<Self>, all: bool) -> Self {
        if all { Self::All(parts) } else { Self::Any(parts) }
    }
}

/// The search for one lead.
struct Search {
    choices_left: u32,
}

impl Search {
    /// Whether there is a lead within `bounds` for whom all of `todo` holds, and one of each of `open`.
    fn finds<'a>(
        &mut self,
        mut todo: Vec<&'a Formula<'a>>,
        mut open: Vec<&'a [Formula<'a>]>,
        mut bounds: Bounds<'a>,
    ) -> bool {
        while let Some(formula) = todo.pop() {
            match formula {
                Formula::All(parts) => todo.extend(parts),
                Formula::Any(parts) => open.push(parts),
                Formula::Is(question, holds) => {
                    if !bounds.learn(question, *holds) {
                        return false;
                    }
                }
            }
        }
        // The one with the fewest ways left first: where an earlier case takes everybody, it has none.
        let left = |parts: &&[Formula<'a>]| parts.iter().filter(|part| may_hold(part, &bounds)).count();
        let Some((at, _)) = open.iter().map(left).enumerate().min_by_key(|(_, left)| *left) else { return true };
        for part in open.swap_remove(at).iter().filter(|part| may_hold(part, &bounds)) {
            let Some(choices_left) = self.choices_left.checked_sub(1) else { return true };
            self.choices_left = choices_left;
            if self.finds(vec![part], open.clone(), bounds.clone()) {
                return true;
            }
        }
        false
    }
}

/// Whether a formula could hold as far as a glance shows.
fn may_hold<'a>(formula: &'a Formula<'a>, bounds: &Bounds<'a>) -> bool {
    match formula {
        Formula::All(parts) => parts.iter().all(|part| may_hold(part, bounds)),
        Formula::Any(parts) => parts.iter().any(|part| may_hold(part, bounds)),
        Formula::Is(question, holds) => bounds.clone().learn(question, *holds),
    }
}

/// What is left of what a lead can be.
#[derive(Clone)]
struct Bounds<'a> {
    world: &'a World<'a>,
    terms: Terms,
    fields: BTreeMap<&'a FieldName, Choice<&'a str>>,
    topic: Option<Choice<&'a TopicName>>,
    tags: BTreeMap<&'a TagName, bool>,
    stages: Option<BTreeSet<LifecycleStage>>,
    signs: BTreeMap<SignalKind, Sign>,
}

impl<'a> Bounds<'a> {
    fn new(world: &'a World<'a>, terms: Terms) -> Self {
        Self {
            world,
            terms,
            fields: BTreeMap::new(),
            topic: None,
            tags: BTreeMap::new(),
            stages: None,
            signs: BTreeMap::new(),
        }
    }

    /// Narrows the bounds by an answer. Whether anybody is left.
    fn learn(&mut self, question: &'a Question<'a>, holds: bool) -> bool {
        match question {
            Question::Known(field) => self.field(field).learn_given(holds),
            Question::Answer(field, one_of) => {
                self.field(field).learn_one_of(&one_of.iter().map(AsRef::as_ref).collect(), holds)
            }
            Question::Topic(topics) => {
                let world = self.world;
                self.topic.get_or_insert_with(|| Choice::among(world.topics.clone())).learn_one_of(topics, holds)
            }
            Question::Tag(tag) => {
                let is_as_said = !holds || self.world.tags.contains(tag);
                is_as_said && *self.tags.entry(tag).or_insert(holds) == holds
            }
            Question::Stage(stages) => {
                let all = self.terms.stages;
                let left = self.stages.get_or_insert_with(|| all.iter().copied().collect());
                left.retain(|stage| stages.contains(stage) == holds);
                !left.is_empty()
            }
            Question::Signal(kind, within) => {
                let terms = self.terms;
                let sign = self.signs.entry(*kind).or_default();
                let is_left = match within {
                    Some(within) => sign.learn_within(*within, holds, terms.within),
                    None => sign.learn_since(holds, terms.since),
                };
                is_left && self.has_entry()
            }
        }
    }

    fn field(&mut self, field: &'a FieldName) -> &mut Choice<&'a str> {
        let choices = match self.terms.answers {
            Answers::Declared => self.world.choices.get(field),
            Answers::Any => None,
        };
        self.fields.entry(field).or_insert_with(|| match choices {
            Some(choices) => Choice::among(choices.iter().map(AsRef::as_ref).collect()),
            None => Choice::free(),
        })
    }

    /// Whether there is an entry into the program that all signs agree with: later than those that came before it,
    /// earlier than those that came since.
    fn has_entry(&self) -> bool {
        let since = self.signs.values().filter(|sign| sign.since == Some(true)).map(Sign::over_or_zero).max();
        let before = self.signs.values().filter(|sign| sign.since == Some(false) && !sign.never);
        let before = before.filter_map(|sign| sign.within).min();
        // Ages: the entry lies further back than the youngest that the first may be, no further than the second.
        since.zip(before).is_none_or(|(since, before)| since < before)
    }
}

/// One of several, or none of them.
#[derive(Clone)]
struct Choice<T: Ord> {
    none: bool,
    some: Left<T>,
}

/// What is left of several.
#[derive(Clone)]
enum Left<T: Ord> {
    /// These.
    Only(BTreeSet<T>),
    /// Anything else.
    AllBut(BTreeSet<T>),
}

impl<T: Ord + Clone> Choice<T> {
    fn among(all: BTreeSet<T>) -> Self {
        Self { none: true, some: Left::Only(all) }
    }

    fn free() -> Self {
        Self { none: true, some: Left::AllBut(BTreeSet::new()) }
    }

    fn learn_given(&mut self, holds: bool) -> bool {
        if holds {
            self.none = false;
        } else {
            self.some = Left::Only(BTreeSet::new());
        }
        self.is_left()
    }

    fn learn_one_of(&mut self, these: &BTreeSet<T>, holds: bool) -> bool {
        self.none &= !holds;
        match &mut self.some {
            Left::Only(left) => left.retain(|it| these.contains(it) == holds),
            Left::AllBut(gone) if holds => {
                self.some = Left::Only(these.iter().filter(|it| !gone.contains(it)).cloned().collect());
            }
            Left::AllBut(gone) => gone.extend(these.iter().cloned()),
        }
        self.is_left()
    }

    fn is_left(&self) -> bool {
        self.none
            || match &self.some {
                Left::Only(left) => !left.is_empty(),
                // There is always another text.
                Left::AllBut(_) => true,
            }
    }
}

/// How long ago a person may have given a sign last.
#[derive(Clone)]
struct Sign {
    /// They may never have.
    never: bool,
    /// They may have.
    ever: bool,
    /// Longer ago than this.
    over: Option<SignedDuration>,
    /// No longer ago than this.
    within: Option<SignedDuration>,
    /// After the lead entered the program, or not.
    since: Option<bool>,
}

impl Default for Sign {
    fn default() -> Self {
        Self { never: true, ever: true, over: None, within: None, since: None }
    }
}

impl Sign {
    fn learn_within(&mut self, within: SignedDuration, holds: bool, terms: Within) -> bool {
        match (terms, holds) {
            (Within::Over, holds) => return !holds,
            (Within::Any, true) => {
                self.never = false;
                self.within = Some(self.within.map_or(within, |least| least.min(within)));
            }
            (Within::Any, false) => self.over = Some(self.over.map_or(within, |most| most.max(within))),
        }
        self.is_left()
    }

    fn learn_since(&mut self, holds: bool, terms: Since) -> bool {
        match (terms, holds) {
            (Since::Now, holds) => return !holds,
            (Since::Ever, true) => self.never = false,
            (Since::Ever, false) => self.ever = false,
            (Since::Entry, holds) => {
                self.never &= !holds;
                if *self.since.get_or_insert(holds) != holds {
                    self.ever = false;
                }
            }
        }
        self.is_left()
    }

    fn is_left(&mut self) -> bool {
        self.ever &= self.over.zip(self.within).is_none_or(|(over, within)| over < within);
        self.never || self.ever
    }

    fn over_or_zero(&self) -> SignedDuration {
        self.over.unwrap_or(SignedDuration::ZERO)
    }
}
