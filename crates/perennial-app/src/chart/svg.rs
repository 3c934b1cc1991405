//! Charts as SVG, laid out here: boxes from top to bottom, jumps in lanes at their right. Lengths are pixels.
//!
//! **Invariants:** no text leaves its box: it is measured too wide rather than too narrow, wrapped, and cut
//! off at the last. No lane crosses a box. Colours are the reader's own (`currentColor`), so light and dark
//! both work; a page may colour the classes `touch`, `kind`, `pill` and `way`.

use std::fmt::Write as _;

use super::layout::{BOX_WIDTH, Block, GAP, Layout, MARGIN, PAD, PILL_DROP, PILL_HEIGHT, Row, lane_x};
use super::measure::{ASCENT, LINE, TEXT_SIZE, mono_width};
use super::{Chart, Role, Target};

/// Where a drawing is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a file of its own: it brings its colours.
    File,
    /// Inside a page, whose style sheet colours it.
    Page,
}

const CORNER: i32 = 6;

/// The colours of a drawing that stands alone: those of the suite's pages.
const FILE_STYLE: &str = concat!(
    "svg{color-scheme:light dark;background:#fbfaf6;color:#23271f}",
    ".touch,.pill{color:#2f6b46}",
    "@media(prefers-color-scheme:dark){",
    "svg{background:#151814;color:#e7e6dd}",
    ".touch,.pill{color:#93c7a1}}",
);
const SANS: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const MONO: &str = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

impl Chart {
    /// Draws it as SVG.
    pub fn svg(&self, place: Place) -> String {
        let layout = Layout::of(self);
        let mut svg = Svg { out: String::new(), chart: self };
        svg.open(&layout, place);
        svg.head(&layout);
        svg.lanes(&layout);
        for block in &layout.blocks {
            svg.block(block);
        }
        svg.tail(&layout);
        svg.out.push_str("</svg>\n");
        svg.out
    }

    /// The chart in words, for those who do not see it.
    fn description(&self) -> String {
        let mut steps: Vec<String> = Vec::with_capacity(self.nodes.len());
        for (number, node) in (1_usize..).zip(&self.nodes) {
            let what = std::iter::once(node.kind).chain(node.notes.iter().map(String::as_str));
            let what = what.collect::<Vec<_>>().join(", ");
            // That a step leads on to the next goes without saying.
            let told = node.edges.iter().filter(|edge| edge.label.is_some() || edge.to != Target::Node(number));
            let ways = told.map(|edge| {
                let label = edge.label.as_ref().map(|label| format!("{label}: ")).unwrap_or_default();
                format!("{label}to {}", self.name_of(&edge.to))
            });
            let what: Vec<String> = std::iter::once(what).chain(ways).collect();
            steps.push(format!("{number} {}: {}.", node.id, what.join("; ")));
        }
        let exits = self.exits.iter().map(|exit| format!("At any step: {}; to {}.", exit.label, exit.to));
        steps.into_iter().chain(exits).collect::<Vec<_>>().join(" ")
    }

    fn name_of<'a>(&'a self, to: &'a Target) -> &'a str {
        match to {
            Target::Node(place) => self.nodes.get(*place).map_or("the end", |node| node.id.as_str()),
            Target::Program(name) => name,
        }
    }
}

struct Svg<'a> {
    out: String,
    chart: &'a Chart,
}

/// How a text looks.
#[derive(Clone, Copy)]
enum Face {
    /// The id of a step or a program.
    Id,
    /// Anything else.
    Note,
    /// What kind of step it is; it ends where it is put.
    Kind,
}

impl Svg<'_> {
    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = self.out.write_fmt(text);
    }

    fn open(&mut self, layout: &Layout<'_>, place: Place) {
        let Layout { width, height, .. } = layout;
        self.push(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"chart-title chart-words\" \
             font-family=\"{SANS}\" font-size=\"{TEXT_SIZE}\" fill=\"currentColor\">\n"
        ));
        let (title, words) = (xml(&self.chart.title), xml(&self.chart.description()));
        self.push(format_args!("<title id=\"chart-title\">{title}</title>\n<desc id=\"chart-words\">{words}</desc>\n"));
        match place {
            Place::File => self.push(format_args!("<style>{FILE_STYLE}</style>\n")),
            Place::Page => {}
        }
    }

    fn head(&mut self, layout: &Layout<'_>) {
        let mut base = MARGIN + PAD / 2 + ASCENT;
        for line in &layout.head {
            self.centred(line, base);
            base += LINE;
        }
        if let Some(first) = layout.blocks.first() {
            self.arrow_down(first.top - GAP, first.top);
        }
    }

    fn centred(&mut self, text: &str, base: i32) {
        let middle = MARGIN + BOX_WIDTH / 2;
        let text = xml(text);
        self.push(format_args!(
            "<text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\" fill-opacity=\".75\">{text}</text>\n"
        ));
    }

    fn lanes(&mut self, layout: &Layout<'_>) {
        for bus in &layout.buses {
            // One path, so that no part of the lane is drawn, and darkened, twice.
            let jumps: Vec<String> = bus.from.iter().map(|from| jump(*from, bus.to, lane_x(bus.lane))).collect();
            self.line(&jumps.concat());
            let (x, y) = (MARGIN + BOX_WIDTH, bus.to);
            self.head_of_arrow(&format!("M{x} {y}l8 -4v8z"));
        }
        for (block, next) in layout.blocks.iter().zip(layout.blocks.iter().skip(1)) {
            if block.falls {
                self.arrow_down(block.top + block.height, next.top);
            }
        }
    }

    fn arrow_down(&mut self, from: i32, to: i32) {
        let x = MARGIN + BOX_WIDTH / 2;
        self.line(&format!("M{x} {from}V{}", to - 6));
        self.head_of_arrow(&format!("M{x} {to}l-4 -8h8z"));
    }

    fn line(&mut self, path: &str) {
        self.push(format_args!(
            "<path class=\"way\" d=\"{path}\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".55\" \
             stroke-width=\"1.25\"/>\n"
        ));
    }

    fn head_of_arrow(&mut self, path: &str) {
        self.push(format_args!("<path class=\"way\" d=\"{path}\" fill-opacity=\".7\"/>\n"));
    }

    fn block(&mut self, block: &Block<'_>) {
        let (class, stroke, fill) = match block.node.role {
            Role::Touch => ("touch", ".9", ".07"),
            Role::Quiet => ("quiet", ".45", "0"),
            Role::Fork => ("fork", ".45", "0"),
            Role::End => ("end", ".45", "0"),
        };
        let Block { top, height, .. } = *block;
        let width = BOX_WIDTH;
        let round = match block.node.role {
            Role::Touch | Role::Quiet => 8,
            Role::Fork => 2,
            Role::End => 16,
        };
        self.push(format_args!(
            "<g class=\"{class}\"><rect x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\" \
             fill=\"currentColor\" fill-opacity=\"{fill}\" stroke=\"currentColor\" stroke-opacity=\"{stroke}\"/></g>\n"
        ));
        // What is inside is cut off at the box's edge: an inner `svg` hides what flows over.
        self.push(format_args!(
            "<svg x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" overflow=\"hidden\">\n"
        ));
        self.lines(block);
        for row in &block.rows {
            if row.has_rule {
                self.rule(row.top - top);
            }
            self.row(row, top);
        }
        self.out.push_str("</svg>\n");
    }

    fn lines(&mut self, block: &Block<'_>) {
        let mut base = PAD / 2 + ASCENT;
        let node = block.node;
        self.text(PAD, base, Face::Id, &node.id);
        if block.is_kind_beside {
            self.text(BOX_WIDTH - PAD, base, Face::Kind, node.kind);
        }
        for line in &block.notes {
            base += LINE;
            self.text(PAD, base, Face::Note, line);
        }
    }

    fn rule(&mut self, y: i32) {
        let end = BOX_WIDTH;
        self.push(format_args!("<path d=\"M0 {y}H{end}\" stroke=\"currentColor\" stroke-opacity=\".18\"/>\n"));
    }

    /// Why a way is taken, and where it leads.
    fn row(&mut self, row: &Row<'_>, top: i32) {
        let mut base = row.top - top + row.pad + ASCENT;
        for line in &row.lines {
            self.text(PAD, base, Face::Note, line);
            base += LINE;
        }
        match &row.edge.to {
            Target::Node(place) => {
                let arrow = if row.falls { "↓" } else { "→" };
                let id = self.chart.nodes.get(*place).map_or("", |node| node.id.as_str());
                self.text(PAD, base, Face::Note, arrow);
                self.text(PAD + LINE, base, Face::Id, id);
            }
            Target::Program(name) => self.leads_out(base, name),
        }
    }

    fn leads_out(&mut self, base: i32, program: &str) {
        let base = base + PILL_DROP;
        self.text(PAD, base, Face::Note, "→");
        self.pill(PAD + LINE, base - ASCENT - 1, program);
    }

    fn pill(&mut self, x: i32, y: i32, program: &str) {
        let width = mono_width(program) + 20;
        let base = y + ASCENT + 1;
        self.push(format_args!(
            "<g class=\"pill\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{PILL_HEIGHT}\" rx=\"10\" \
             fill=\"currentColor\" fill-opacity=\".1\" stroke=\"currentColor\" stroke-opacity=\".5\"/></g>\n"
        ));
        self.text(x + 10, base, Face::Id, program);
    }

    fn tail(&mut self, layout: &Layout<'_>) {
        if let Some((top, program)) = layout.tail {
            self.arrow_down(top - GAP, top);
            let width = mono_width(program) + 20;
            self.pill(MARGIN + (BOX_WIDTH - width) / 2, top, program);
        }
        let Some(aside) = &layout.aside else { return };
        let (top, height, width) = (aside.top, aside.height, BOX_WIDTH);
        self.push(format_args!(
            "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"none\" \
             stroke=\"currentColor\" stroke-opacity=\".45\" stroke-dasharray=\"4 4\"/>\n\
             <svg x=\"{MARGIN}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" overflow=\"hidden\">\n"
        ));
        self.text(PAD, PAD / 2 + ASCENT, Face::Note, "at any step");
        for exit in &aside.exits {
            let mut base = exit.top - top + PAD / 4 + ASCENT;
            for line in &exit.lines {
                self.text(PAD, base, Face::Note, line);
                base += LINE;
            }
            self.leads_out(base, exit.to);
        }
        self.out.push_str("</svg>\n");
    }

    fn text(&mut self, x: i32, y: i32, face: Face, text: &str) {
        let look = match face {
            Face::Id => format!("font-family=\"{MONO}\" font-weight=\"600\""),
            Face::Note => "fill-opacity=\".8\"".to_owned(),
            Face::Kind => "class=\"kind\" text-anchor=\"end\" fill-opacity=\".65\"".to_owned(),
        };
        let text = xml(text);
        self.push(format_args!("<text x=\"{x}\" y=\"{y}\" {look}>{text}</text>\n"));
    }
}

/// From the right of one box to the right of another (or the same), by a lane.
fn jump(from: i32, to: i32, lane: i32) -> String {
    let right = MARGIN + BOX_WIDTH;
    // The corners of two ends that are near must not meet.
    let corner = CORNER.min((to - from).abs() / 2);
    let turn = if to > from { corner } else { -corner };
    let (turn_at, down_to, back_to) = (lane - corner, to - turn, right + 6);
    format!("M{right} {from}H{turn_at}q{corner} 0 {corner} {turn}V{down_to}q0 {turn} -{corner} {turn}H{back_to}")
}

/// A text for XML: escaped, and without the characters that XML cannot hold.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}
