//! Charts of a program that has every kind of way.

use perennial_core::catalog::Catalog;

use super::*;
use crate::preview::tests::{catalog, trial};

fn chart(catalog: &Catalog) -> Chart {
    Chart::of(trial(catalog))
}

#[test]
fn mermaid_text_has_every_step_and_way() {
    insta::assert_snapshot!(chart(&catalog()).mermaid(), @r#"
    ---
    title: "Trial & <error>"
    ---
    flowchart TD
        s0{{"which<br/>branch"}}
        s1["hello<br/>mail, after 2 days"]
        s2["so-soon<br/>mail, after 1 day"]
        s3{{"to-answer<br/>goto"}}
        s4["questions<br/>ask, at once, asks industry, role"]
        s5("answer<br/>wait, for clicked or answered, at most 5 days")
        s6("interest<br/>alert, “Followed a link”")
        s7["call<br/>call, after 1 day, due in 2 business days"]
        s8["in-person<br/>write, at revisit_at - 30d (unknown: after 10 days), due in 1 day"]
        s9["letters<br/>mail, every 7 days, 2 in turn"]
        p0(["occasional"])
        s0 -->|"industry is “Software”"| s1
        s0 -->|"otherwise"| s4
        s1 --> s2
        s2 --> s3
        s3 --> s5
        s4 --> s5
        s5 -->|"it comes"| s6
        s5 -->|"it does not"| s7
        s6 --> s7
        s7 --> s8
        s8 --> s9
        s9 -->|"used up"| p0
        any>"at any step"] -.->|"goal: replied"| p0
        any>"at any step"] -.->|"after 300 days"| p0
    "#);
}

#[test]
fn graphviz_text_has_every_step_and_way() {
    insta::assert_snapshot!(chart(&catalog()).dot(), @r#"
    digraph "trial" {
        label="Trial & <error>"; labelloc=t; rankdir=TB;
        node [shape=box, style=rounded, fontname="sans-serif"]; edge [fontname="sans-serif"];
        s0 [label="which\nbranch", shape=hexagon, style=""];
        s1 [label="hello\nmail, after 2 days", style="rounded,bold"];
        s2 [label="so-soon\nmail, after 1 day", style="rounded,bold"];
        s3 [label="to-answer\ngoto", shape=hexagon, style=""];
        s4 [label="questions\nask, at once, asks industry, role", style="rounded,bold"];
        s5 [label="answer\nwait, for clicked or answered, at most 5 days"];
        s6 [label="interest\nalert, “Followed a link”"];
        s7 [label="call\ncall, after 1 day, due in 2 business days", style="rounded,bold"];
        s8 [label="in-person\nwrite, at revisit_at - 30d (unknown: after 10 days), due in 1 day", style="rounded,bold"];
        s9 [label="letters\nmail, every 7 days, 2 in turn", style="rounded,bold"];
        p0 [label="occasional", shape=oval, style=""];
        s0 -> s1 [label="industry is “Software”"];
        s0 -> s4 [label="otherwise"];
        s1 -> s2;
        s2 -> s3;
        s3 -> s5;
        s4 -> s5;
        s5 -> s6 [label="it comes"];
        s5 -> s7 [label="it does not"];
        s6 -> s7;
        s7 -> s8;
        s8 -> s9;
        s9 -> p0 [label="used up"];
        any [label="at any step", shape=plaintext];
        any -> p0 [style=dashed, label="goal: replied"];
        any -> p0 [style=dashed, label="after 300 days"];
    }
    "#);
}

#[test]
fn the_drawing_in_a_file_brings_its_colours() {
    insta::assert_snapshot!(chart(&catalog()).svg(Place::File));
}

#[test]
fn the_drawing_in_a_page_has_no_style_of_its_own() {
    let svg = chart(&catalog()).svg(Place::Page);
    assert!(!svg.contains("<style") && !svg.contains("style="), "{svg}");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}

/// What a program file may hold, in every place that is drawn.
fn hostile() -> Chart {
    let text = "a\"b<c>d&e'f\\g#h;i`j|k\nl";
    let edge = Edge { label: Some(text.to_owned()), to: Target::Program(text.to_owned()) };
    Chart {
        name: text.to_owned(),
        title: text.to_owned(),
        enters_when: Some(text.to_owned()),
        nodes: vec![Node {
            id: text.to_owned(),
            kind: "branch",
            role: Role::Fork,
            notes: vec![text.to_owned()],
            edges: vec![edge],
        }],
        exits: vec![Exit { label: text.to_owned(), to: text.to_owned() }],
    }
}

#[test]
fn whatever_stands_in_a_program_is_text_in_each_format() {
    let svg = hostile().svg(Place::File);
    assert!(!svg.contains("<c>") && svg.contains("&lt;c&gt;d&amp;e&#39;f"), "{svg}");

    let mermaid = hostile().mermaid();
    let (_, body) = mermaid.split_once("flowchart").unwrap();
    assert!(body.contains("a#34;b#60;c#62;d#38;e#39;f#92;g#35;h#59;i#96;j#124;k l"), "{mermaid}");
    assert!(mermaid.starts_with("---\ntitle: \"a\\\"b<c>"), "{mermaid}");

    let dot = hostile().dot();
    assert!(dot.contains("a\\\"b<c>d&e'f\\\\g#h;i`j|k l"), "{dot}");
    let quotes = dot.replace("\\\\", "").replace("\\\"", "").matches('"').count();
    assert_eq!(quotes % 2, 0, "{dot}");
}

#[test]
fn no_lane_crosses_a_box_and_no_two_jumps_share_one() {
    let edge = |to| Edge { label: Some("x".to_owned()), to: Target::Node(to) };
    let node = |at: usize| Node {
        id: format!("step-{at}"),
        kind: "branch",
        role: Role::Fork,
        notes: Vec::new(),
        edges: vec![edge((at * 7 + 3) % 20), edge((at * 11 + 5) % 20), edge(at + 1)],
    };
    let nodes = (0..20).map(node).collect();
    let chart = Chart { name: "x".to_owned(), title: "x".to_owned(), enters_when: None, nodes, exits: Vec::new() };
    let layout = layout::Layout::of(&chart);
    for bus in &layout.buses {
        assert!(layout::lane_x(bus.lane) > layout::MARGIN + layout::BOX_WIDTH);
        let span = |bus: &layout::Bus| {
            let ends = || bus.from.iter().copied().chain([bus.to]);
            (ends().min().unwrap(), ends().max().unwrap())
        };
        let mine = span(bus);
        let others = layout.buses.iter().filter(|other| other.lane == bus.lane && other.to != bus.to);
        for other in others.map(span) {
            assert!(other.1 < mine.0 || other.0 > mine.1, "{mine:?} and {other:?} in lane {}", bus.lane);
        }
    }
    let boxes: Vec<(i32, i32)> = layout.blocks.iter().map(|block| (block.top, block.top + block.height)).collect();
    assert!(boxes.is_sorted_by(|above, below| above.1 < below.0), "no box is over another");
}
