//! Circles in a directed graph: which parts of it hold any, and a shortest one through each arc that closes some.
//!
//! **Invariant:** [`Graph::circles`] finds nothing only if there is no circle that is shorter than the limit and possible.
//! It never lists all circles, of which there may be more than anybody can wait for.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// The most circles that are told of in one knot: who mends these mends the rest.
const TOLD_MAX: usize = 8;

/// How many arcs are tried for a possible circle before the shortest is taken for one.
const TRIED_MAX: usize = 2_000;

/// How long a path may be for its parts to be looked at.
const LOOKED_AT_MAX: usize = 64;

/// A graph whose nodes are numbers from 0.
pub(super) struct Graph<A> {
    arcs: Vec<Arc<A>>,
    /// Where the arcs of each node begin.
    starts: Vec<usize>,
}

/// An arrow from one node to another.
pub(super) struct Arc<A> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) what: A,
}

/// What to look for.
pub(super) struct Wanted<'s, A> {
    /// How long an arc is; `None` if it is not part of any circle that is looked for.
    pub(super) length: &'s dyn Fn(&Arc<A>) -> Option<u64>,
    /// A circle is shorter than this.
    pub(super) limit: u64,
    /// Whether a way can be walked to its end: the arcs in order, and whether they are a whole circle.
    pub(super) is_possible: &'s dyn Fn(&[&Arc<A>], Extent) -> bool,
}

/// How much of a circle is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// A part of it: more may follow.
    Part,
    /// All of it.
    Whole,
}

impl<A> Graph<A> {
    pub(super) fn new() -> Self {
        Self { arcs: Vec::new(), starts: vec![0] }
    }

    /// Adds the next node, with where its arcs lead.
    pub(super) fn push(&mut self, arcs: impl IntoIterator<Item = (usize, A)>) {
        let from = self.starts.len() - 1;
        self.arcs.extend(arcs.into_iter().map(|(to, what)| Arc { from, to, what }));
        self.starts.push(self.arcs.len());
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn outgoing(&self, node: usize) -> &[Arc<A>] {
        let range = self.starts.get(node).zip(self.starts.get(node + 1)).map_or(0..0, |(start, end)| *start..*end);
        self.arcs.get(range).unwrap_or_default()
    }

    /// The circles that are wanted: through each arc that closes any, a shortest one that is possible.
    pub(super) fn circles(&self, wanted: &Wanted<'_, A>) -> Vec<Vec<&Arc<A>>> {
        self.knots(|arc| (wanted.length)(arc).is_some())
            .into_iter()
            .flat_map(|nodes| Knot::of(self, &nodes, wanted.length).circles(wanted))
            .collect()
    }

    /// The largest sets of nodes that all lead to one another (Tarjan), each with a circle in it, by first node.
    fn knots(&self, is_used: impl Fn(&Arc<A>) -> bool) -> Vec<Vec<usize>> {
        let count = self.len();
        let mut walk = Walk {
            number: Slots::of(count, None),
            low: Slots::of(count, 0),
            is_open: Slots::of(count, false),
            open: vec![],
            next: 0,
        };
        let mut knots = Vec::new();
        for root in 0..count {
            if walk.number.get(root).is_some() {
                continue;
            }
            let mut path = vec![walk.enter(root)];
            while let Some(step) = path.last_mut() {
                let (node, tried) = (step.node, step.tried);
                step.tried += 1;
                match self.outgoing(node).get(tried) {
                    Some(arc) if !is_used(arc) => {}
                    Some(arc) => match walk.number.get(arc.to) {
                        None => path.push(walk.enter(arc.to)),
                        Some(number) if walk.is_open.get(arc.to) => walk.lower(node, number),
                        Some(_) => {}
                    },
                    None => {
                        path.pop();
                        if let Some(parent) = path.last() {
                            let low = walk.low.get(node);
                            walk.lower(parent.node, low);
                        }
                        knots.extend(walk.leave(node).filter(|knot| {
                            knot.len() > 1 || self.outgoing(node).iter().any(|arc| arc.to == node && is_used(arc))
                        }));
                    }
                }
            }
        }
        knots.sort();
        knots
    }
}

/// A walk through a graph, deepest first.
struct Walk {
    number: Slots<Option<usize>>,
    low: Slots<usize>,
    is_open: Slots<bool>,
    open: Vec<usize>,
    next: usize,
}

/// Where a walk stands.
struct Standing {
    node: usize,
    /// How many of its arcs were tried.
    tried: usize,
}

impl Walk {
    fn enter(&mut self, node: usize) -> Standing {
        self.number.set(node, Some(self.next));
        self.low.set(node, self.next);
        self.next += 1;
        self.is_open.set(node, true);
        self.open.push(node);
        Standing { node, tried: 0 }
    }

    fn lower(&mut self, node: usize, number: usize) {
        self.low.set(node, self.low.get(node).min(number));
    }

    /// What lies above `node` leads to nothing below it: it is a set of its own.
    fn leave(&mut self, node: usize) -> Option<Vec<usize>> {
        if self.number.get(node) != Some(self.low.get(node)) {
            return None;
        }
        let start = self.open.iter().rposition(|open| *open == node)?;
        let mut set = self.open.split_off(start);
        for node in &set {
            self.is_open.set(*node, false);
        }
        set.sort_unstable();
        Some(set)
    }
}

/// A part of a graph in which every node leads to every other.
struct Knot<'g, A> {
    arcs: Vec<KnotArc<'g, A>>,
    /// The arcs that leave each node, by number.
    out: Vec<Vec<usize>>,
    /// The arcs that lead to each node.
    into: Vec<Vec<usize>>,
}

struct KnotArc<'g, A> {
    from: usize,
    to: usize,
    length: u64,
    arc: &'g Arc<A>,
}

/// How far it is to a node, and by which arc.
type Ahead = Option<(u64, Option<usize>)>;

impl<'g, A> Knot<'g, A> {
    fn of(graph: &'g Graph<A>, nodes: &[usize], length: &dyn Fn(&Arc<A>) -> Option<u64>) -> Self {
        let mut knot =
            Self { arcs: Vec::new(), out: vec![Vec::new(); nodes.len()], into: vec![Vec::new(); nodes.len()] };
        for (from, node) in nodes.iter().enumerate() {
            for arc in graph.outgoing(*node) {
                let (Some(length), Ok(to)) = (length(arc), nodes.binary_search(&arc.to)) else { continue };
                let number = knot.arcs.len();
                knot.arcs.push(KnotArc { from, to, length, arc });
                if let (Some(out), Some(into)) = (knot.out.get_mut(from), knot.into.get_mut(to)) {
                    out.push(number);
                    into.push(number);
                }
            }
        }
        knot
    }

    fn outgoing(&self, node: usize) -> &[usize] {
        self.out.get(node).map_or(&[], Vec::as_slice)
    }

    fn circles(&self, wanted: &Wanted<'_, A>) -> Vec<Vec<&'g Arc<A>>> {
        let mut told = BTreeSet::new();
        let mut circles = Vec::new();
        for closing in self.closing() {
            let Some(circle) = self.circle(closing, wanted) else { continue };
            let mut numbers = circle.clone();
            numbers.sort_unstable();
            if told.insert(numbers) {
                circles.push(self.named(&circle));
            }
            if told.len() == TOLD_MAX {
                break;
            }
        }
        circles
    }

    fn named(&self, numbers: &[usize]) -> Vec<&'g Arc<A>> {
        numbers.iter().filter_map(|number| self.arcs.get(*number)).map(|arc| arc.arc).collect()
    }

    /// The arcs that lead back to a node from which a walk has come. Every circle holds one.
    fn closing(&self) -> Vec<usize> {
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Seen {
            Not,
            OnTheWay,
            Done,
        }
        let mut seen = Slots::of(self.out.len(), Seen::Not);
        let mut closing = Vec::new();
        let mut path = vec![Standing { node: 0, tried: 0 }];
        seen.set(0, Seen::OnTheWay);
        while let Some(step) = path.last_mut() {
            let next = self.outgoing(step.node).get(step.tried).copied();
            step.tried += 1;
            let Some((number, arc)) = next.and_then(|number| Some((number, self.arcs.get(number)?))) else {
                seen.set(step.node, Seen::Done);
                path.pop();
                continue;
            };
            match seen.get(arc.to) {
                Seen::Not => {
                    seen.set(arc.to, Seen::OnTheWay);
                    path.push(Standing { node: arc.to, tried: 0 });
                }
                Seen::OnTheWay => closing.push(number),
                Seen::Done => {}
            }
        }
        closing
    }

    /// A shortest possible circle through an arc, from that arc on.
    fn circle(&self, closing: usize, wanted: &Wanted<'_, A>) -> Option<Vec<usize>> {
        let arc = self.arcs.get(closing)?;
        let limit = wanted.limit.checked_sub(arc.length).filter(|limit| *limit > 0)?;
        let ahead = self.ahead(arc.from, limit);
        ahead.get(arc.to).copied().flatten()?;
        let mut path = vec![closing];
        // For each arc of the path, the arcs after it that are still to be tried.
        let mut open: Vec<Vec<usize>> = Vec::new();
        let mut is_passed = Slots::of(self.out.len(), false);
        is_passed.set(arc.to, true);
        for _ in 0..TRIED_MAX {
            let last = path.last().and_then(|number| self.arcs.get(*number))?;
            let extent = if last.to == arc.from { Extent::Whole } else { Extent::Part };
            // A long path is looked at when it is whole: to look at each part of it would take as long as it is wide.
            let is_looked_at = extent == Extent::Whole || path.len() <= LOOKED_AT_MAX;
            let is_possible = !is_looked_at || (wanted.is_possible)(&self.named(&path), extent);
            open.push(match (extent, is_possible) {
                (Extent::Whole, true) => return Some(path),
                (Extent::Part, true) => self.onward(&path, limit, &ahead, &is_passed),
                (Extent::Whole | Extent::Part, false) => Vec::new(),
            });
            // Back to where there is still something to try; if there is nothing, there is no such circle.
            let next = loop {
                if let Some(next) = open.last_mut()?.pop() {
                    break next;
                }
                open.pop();
                let left = path.pop().and_then(|number| self.arcs.get(number))?;
                is_passed.set(left.to, false);
            };
            is_passed.set(self.arcs.get(next)?.to, true);
            path.push(next);
        }
        Some(self.shortest(closing, &ahead))
    }

    /// The arcs by which a path goes on and still comes round within the limit, the best last.
    fn onward(&self, path: &[usize], limit: u64, ahead: &[Ahead], is_passed: &Slots<bool>) -> Vec<usize> {
        let arcs = || path.iter().filter_map(|number| self.arcs.get(*number));
        // The limit is for what comes after the first.
        let gone = arcs().skip(1).fold(0_u64, |gone, arc| gone.saturating_add(arc.length));
        let rest = |number: &usize| {
            let arc = self.arcs.get(*number).filter(|arc| !is_passed.get(arc.to))?;
            let (ahead, _) = ahead.get(arc.to).copied().flatten()?;
            let rest = arc.length.saturating_add(ahead);
            (gone.saturating_add(rest) < limit).then_some((rest, *number))
        };
        let end = arcs().next_back().map_or(&[][..], |last| self.outgoing(last.to));
        let mut onward: Vec<(u64, usize)> = end.iter().filter_map(rest).collect();
        onward.sort_unstable_by_key(|choice| Reverse(*choice));
        onward.into_iter().map(|(_, number)| number).collect()
    }

    /// How far it is from each node to `end`, as far as that is less than `limit` (Dijkstra, backwards).
    fn ahead(&self, end: usize, limit: u64) -> Vec<Ahead> {
        let mut ahead: Vec<Ahead> = vec![None; self.out.len()];
        let mut open = BinaryHeap::from([Reverse((0_u64, end, None))]);
        while let Some(Reverse((far, node, by))) = open.pop() {
            let Some(slot) = ahead.get_mut(node).filter(|slot| slot.is_none()) else { continue };
            *slot = Some((far, by));
            for number in self.into.get(node).into_iter().flatten() {
                let Some(arc) = self.arcs.get(*number) else { continue };
                let far = far.saturating_add(arc.length);
                if far < limit {
                    open.push(Reverse((far, arc.from, Some(*number))));
                }
            }
        }
        ahead
    }

    fn shortest(&self, closing: usize, ahead: &[Ahead]) -> Vec<usize> {
        let mut circle = vec![closing];
        let mut last = closing;
        while let Some(arc) = self.arcs.get(last) {
            let Some(next) = ahead.get(arc.to).copied().flatten().and_then(|(_, by)| by) else { break };
            circle.push(next);
            last = next;
        }
        circle
    }
}

/// A value for each node.
struct Slots<T>(Vec<T>, T);

impl<T: Copy> Slots<T> {
    fn of(count: usize, value: T) -> Self {
        Self(vec![value; count], value)
    }

    fn get(&self, at: usize) -> T {
        self.0.get(at).copied().unwrap_or(self.1)
    }

    fn set(&mut self, at: usize, value: T) {
        if let Some(slot) = self.0.get_mut(at) {
            *slot = value;
        }
    }
}
