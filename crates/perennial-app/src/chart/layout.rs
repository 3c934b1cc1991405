//! Where everything in a drawing stands.

use super::measure::{LINE, TEXT_SIZE, mono_width, text_width, wrap};
use super::{Chart, Edge, Node, Role, Target};

pub(super) const MARGIN: i32 = 8;
pub(super) const BOX_WIDTH: i32 = 348;
pub(super) const PAD: i32 = 14;
/// Between two boxes: room for an arrow.
pub(super) const GAP: i32 = 26;
pub(super) const PILL_HEIGHT: i32 = 20;
/// How far a pill is set off from the text above it.
pub(super) const PILL_DROP: i32 = 4;

const TEXT_WIDTH: i32 = BOX_WIDTH - 2 * PAD;
/// From the boxes to the first lane, and from lane to lane.
const FIRST_LANE: i32 = 22;
const LANE: i32 = 14;
/// Two jumps in one lane are at least so far apart.
const LANE_GAP: i32 = 12;
/// From the top of a box to where jumps come in: the middle of its first line.
const ENTRY: i32 = PAD / 2 + LINE / 2;

/// The most lines of what stands under a step's id, and of why a way is taken. What is over is cut off.
const NOTE_LINES_MAX: usize = 5;
const LABEL_LINES_MAX: usize = 5;

/// A drawing, laid out.
pub(super) struct Layout<'a> {
    pub(super) width: i32,
    pub(super) height: i32,
    /// When leads enter.
    pub(super) head: Vec<String>,
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) buses: Vec<Bus>,
    /// The program that follows the last step, and where its pill stands.
    pub(super) tail: Option<(i32, &'a str)>,
    pub(super) aside: Option<Aside<'a>>,
}

/// A step's box.
pub(super) struct Block<'a> {
    pub(super) node: &'a Node,
    pub(super) top: i32,
    pub(super) height: i32,
    /// Whether the kind fits beside the id; if not, it starts the notes.
    pub(super) is_kind_beside: bool,
    pub(super) notes: Vec<String>,
    pub(super) rows: Vec<Row<'a>>,
    /// Whether a way leads straight down to the next step.
    pub(super) falls: bool,
}

/// One way on, where there are several, or it leads elsewhere than to the next step.
pub(super) struct Row<'a> {
    pub(super) edge: &'a Edge,
    pub(super) lines: Vec<String>,
    pub(super) top: i32,
    pub(super) height: i32,
    /// From its top to its text.
    pub(super) pad: i32,
    /// Whether a line sets it off from what is above.
    pub(super) has_rule: bool,
    /// Whether it leads straight down.
    pub(super) falls: bool,
}

/// The jumps to one step: they share a lane.
pub(super) struct Bus {
    pub(super) from: Vec<i32>,
    pub(super) to: i32,
    pub(super) lane: usize,
}

/// What ends the program at any step.
pub(super) struct Aside<'a> {
    pub(super) top: i32,
    pub(super) height: i32,
    pub(super) exits: Vec<AsideExit<'a>>,
}

/// One of the ways out at any step.
pub(super) struct AsideExit<'a> {
    pub(super) lines: Vec<String>,
    pub(super) to: &'a str,
    pub(super) top: i32,
}

impl<'a> Layout<'a> {
    pub(super) fn of(chart: &'a Chart) -> Self {
        let head = match &chart.enters_when {
            Some(when) => wrap(&format!("enters when {when}"), TEXT_WIDTH, LABEL_LINES_MAX),
            None => vec!["a lead enters".to_owned()],
        };
        let mut bottom = MARGIN + PAD / 2 + height_of(&head) + PAD / 2;
        let mut blocks = Vec::with_capacity(chart.nodes.len());
        for (place, node) in chart.nodes.iter().enumerate() {
            let block = Block::of(place, node, bottom + GAP);
            bottom = block.top + block.height;
            blocks.push(block);
        }
        let tail = chart.nodes.last().and_then(falls_out).map(|program| (bottom + GAP, program));
        if let Some((top, _)) = tail {
            bottom = top + PILL_HEIGHT;
        }
        let aside = Aside::of(chart, bottom + GAP);
        if let Some(aside) = &aside {
            bottom = aside.top + aside.height;
        }
        let buses = buses(&blocks);
        let lanes = buses.iter().map(|bus| bus.lane + 1).max();
        let right = lanes.map_or(MARGIN + BOX_WIDTH, |lanes| lane_x(lanes.saturating_sub(1)));
        Self { width: right + MARGIN, height: bottom + MARGIN, head, blocks, buses, tail, aside }
    }
}

impl<'a> Block<'a> {
    fn of(place: usize, node: &'a Node, top: i32) -> Self {
        let is_kind_beside = mono_width(&node.id) + PAD + text_width(node.kind) <= TEXT_WIDTH;
        let kind = std::iter::once(node.kind.to_owned()).filter(|_| !is_kind_beside);
        let notes: Vec<String> = kind.chain(node.notes.iter().cloned()).collect();
        let notes = wrap(&notes.join(", "), TEXT_WIDTH, NOTE_LINES_MAX);
        let mut bottom = top + PAD / 2 + LINE + height_of(&notes) + PAD / 2;
        let next = Target::Node(place.saturating_add(1));
        let falls = node.edges.iter().any(|edge| edge.to == next);
        let mut rows = Vec::new();
        for edge in node.edges.iter().filter(|edge| needs_row(node, edge, &next)) {
            let lines = edge.label.iter().flat_map(|label| wrap(label, TEXT_WIDTH, LABEL_LINES_MAX)).collect();
            let has_rule = node.edges.len() > 1 || edge.label.is_some() || !notes.is_empty();
            let row = Row::of(edge, lines, bottom, has_rule, edge.to == next);
            bottom += row.height;
            rows.push(row);
        }
        Self { node, top, height: bottom - top, is_kind_beside, notes, rows, falls }
    }
}

impl<'a> Row<'a> {
    fn of(edge: &'a Edge, lines: Vec<String>, top: i32, has_rule: bool, falls: bool) -> Self {
        // Without a line between, the space below the id is enough.
        let pad = if has_rule { PAD / 4 } else { -PAD / 2 };
        let height = pad + height_of(&lines) + LINE + drop_of(&edge.to) + PAD / 2;
        Self { edge, lines, top, height, pad, has_rule, falls }
    }

    /// Where its jump leaves the box: beside the name of where it leads.
    fn port(&self) -> i32 {
        self.top + self.height - PAD / 2 - LINE / 2
    }
}

impl<'a> Aside<'a> {
    fn of(chart: &'a Chart, top: i32) -> Option<Self> {
        let mut bottom = top + PAD / 2 + LINE;
        let mut exits = Vec::new();
        for exit in &chart.exits {
            let lines = wrap(&exit.label, TEXT_WIDTH, LABEL_LINES_MAX);
            let height = PAD / 4 + height_of(&lines) + LINE + PILL_DROP + PAD / 2;
            exits.push(AsideExit { lines, to: &exit.to, top: bottom });
            bottom += height;
        }
        (!exits.is_empty()).then(|| Self { top, height: bottom + PAD / 4 - top, exits })
    }
}

const fn drop_of(to: &Target) -> i32 {
    match to {
        Target::Node(_) => 0,
        Target::Program(_) => PILL_DROP,
    }
}

fn height_of(lines: &[String]) -> i32 {
    i32::try_from(lines.len()).unwrap_or_default() * LINE
}

/// A way is spelt out unless the step is simply done, and the next one, or the program's end, follows.
fn needs_row(node: &Node, edge: &Edge, next: &Target) -> bool {
    let is_only_way = edge.label.is_none() && node.edges.len() == 1;
    let leads_out = matches!(edge.to, Target::Program(_)) && node.role != Role::End;
    !(is_only_way && (edge.to == *next || leads_out))
}

/// The program that follows a last step that is simply done.
fn falls_out(node: &Node) -> Option<&str> {
    match node.edges.as_slice() {
        [Edge { label: None, to: Target::Program(name) }] if node.role != Role::End => Some(name),
        _ => None,
    }
}

/// The jumps, by where they lead; the short ones nearest to the boxes.
fn buses(blocks: &[Block<'_>]) -> Vec<Bus> {
    let mut buses: Vec<Bus> = Vec::new();
    for (place, target) in blocks.iter().enumerate() {
        let rows = blocks.iter().flat_map(|block| &block.rows);
        let jumps = rows.filter(|row| !row.falls && row.edge.to == Target::Node(place));
        let from: Vec<i32> = jumps.map(Row::port).collect();
        if !from.is_empty() {
            buses.push(Bus { from, to: target.top + ENTRY, lane: 0 });
        }
    }
    buses.sort_by_key(|bus| (bus.bottom() - bus.top(), bus.top()));
    let mut lanes: Vec<Vec<(i32, i32)>> = Vec::new();
    for bus in &mut buses {
        let (top, bottom) = (bus.top() - LANE_GAP, bus.bottom() + LANE_GAP);
        let is_free = |lane: &Vec<(i32, i32)>| lane.iter().all(|(from, to)| bottom < *from || top > *to);
        bus.lane = lanes.iter().position(is_free).unwrap_or(lanes.len());
        match lanes.get_mut(bus.lane) {
            Some(lane) => lane.push((top + LANE_GAP, bottom - LANE_GAP)),
            None => lanes.push(vec![(top + LANE_GAP, bottom - LANE_GAP)]),
        }
    }
    buses
}

impl Bus {
    fn top(&self) -> i32 {
        self.from.iter().copied().fold(self.to, i32::min)
    }

    fn bottom(&self) -> i32 {
        self.from.iter().copied().fold(self.to, i32::max)
    }
}

/// Where a lane runs.
pub(super) fn lane_x(lane: usize) -> i32 {
    MARGIN + BOX_WIDTH + FIRST_LANE + i32::try_from(lane).unwrap_or_default() * LANE
}

// Ids of 40 characters fit a box.
const _: () = assert!(40 * 61 * TEXT_SIZE / 100 < TEXT_WIDTH);
