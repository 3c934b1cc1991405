//! Charts as text for other tools: Mermaid and Graphviz.

use std::fmt::Write as _;

use super::{Chart, Node, Role, Target, node_key};

/// The longest label of an arrow, in characters: the tools do not wrap it.
const LABEL_LENGTH_MAX: usize = 60;

impl Chart {
    /// Mermaid, which many wikis and code hosts draw.
    pub fn mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nflowchart TD\n", yaml_text(&self.title));
        for (at, node) in self.nodes.iter().enumerate() {
            let (open, close) = mermaid_shape(node.role);
            line(&mut out, &format!("{}{open}\"{}\"{close}", node_key(at), mermaid_lines(node)));
        }
        for (number, program) in self.programs().iter().enumerate() {
            line(&mut out, &format!("p{number}([\"{}\"])", mermaid_text(program)));
        }
        if let Some(when) = &self.enters_when {
            line(&mut out, &format!("enter([\"{}\"]) -.-> s0", mermaid_text(&short(&format!("enters when {when}")))));
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for edge in &node.edges {
                let label = edge.label.as_ref().map(|label| format!("|\"{}\"|", mermaid_text(&short(label))));
                line(&mut out, &format!("{} -->{} {}", node_key(at), label.unwrap_or_default(), self.key(&edge.to)));
            }
        }
        for exit in &self.exits {
            let label = mermaid_text(&short(&exit.label));
            let to = self.key(&Target::Program(exit.to.clone()));
            line(&mut out, &format!("any>\"at any step\"] -.->|\"{label}\"| {to}"));
        }
        out
    }

    /// Graphviz.
    pub fn dot(&self) -> String {
        let mut out = format!("digraph \"{}\" {{\n", dot_text(&self.name));
        line(&mut out, &format!("label=\"{}\"; labelloc=t; rankdir=TB;", dot_text(&self.title)));
        line(&mut out, "node [shape=box, style=rounded, fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\"];");
        for (at, node) in self.nodes.iter().enumerate() {
            let lines = lines(node).iter().map(|line| dot_text(line)).collect::<Vec<_>>().join("\\n");
            line(&mut out, &format!("{} [label=\"{lines}\"{}];", node_key(at), dot_shape(node.role)));
        }
        for (number, program) in self.programs().iter().enumerate() {
            line(&mut out, &format!("p{number} [label=\"{}\", shape=oval, style=\"\"];", dot_text(program)));
        }
        if let Some(when) = &self.enters_when {
            line(&mut out, &format!("enter [label=\"enters when {}\", shape=plaintext];", dot_text(&short(when))));
            line(&mut out, "enter -> s0 [style=dashed];");
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for edge in &node.edges {
                let label = edge.label.as_ref().map(|label| format!(" [label=\"{}\"]", dot_text(&short(label))));
                line(&mut out, &format!("{} -> {}{};", node_key(at), self.key(&edge.to), label.unwrap_or_default()));
            }
        }
        if !self.exits.is_empty() {
            line(&mut out, "any [label=\"at any step\", shape=plaintext];");
        }
        for exit in &self.exits {
            let to = self.key(&Target::Program(exit.to.clone()));
            line(&mut out, &format!("any -> {to} [style=dashed, label=\"{}\"];", dot_text(&short(&exit.label))));
        }
        out.push_str("}\n");
        out
    }

    fn key(&self, to: &Target) -> String {
        match to {
            Target::Node(place) => node_key(*place),
            Target::Program(name) => {
                let number = self.programs().iter().position(|program| program == name).unwrap_or_default();
                format!("p{number}")
            }
        }
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _: std::fmt::Result = writeln!(out, "    {text}");
}

/// What stands in a step's box.
fn lines(node: &Node) -> Vec<String> {
    let mut lines = vec![node.id.clone()];
    let notes = std::iter::once(node.kind.to_owned()).chain(node.notes.iter().map(|note| short(note)));
    lines.push(notes.collect::<Vec<_>>().join(", "));
    lines
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LABEL_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

const fn mermaid_shape(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Touch => ("[", "]"),
        Role::Quiet => ("(", ")"),
        Role::Fork => ("{{", "}}"),
        Role::End => ("([", "])"),
    }
}

fn mermaid_lines(node: &Node) -> String {
    lines(node).iter().map(|line| mermaid_text(line)).collect::<Vec<_>>().join("<br/>")
}

/// What means nothing to Mermaid stands for itself, all else is a numbered entity.
fn mermaid_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric()
            || matches!(c, ' ' | '.' | ',' | ':' | '-' | '_' | '(' | ')' | '?' | '!' | '“' | '”' | '…')
        {
            escaped.push(c);
        } else if c.is_whitespace() || c.is_control() {
            escaped.push(' ');
        } else {
            let _: std::fmt::Result = write!(escaped, "#{};", u32::from(c));
        }
    }
    escaped
}

/// A double-quoted YAML text: JSON's escapes are among YAML's.
fn yaml_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

const fn dot_shape(role: Role) -> &'static str {
    match role {
        Role::Touch => ", style=\"rounded,bold\"",
        Role::Quiet => "",
        Role::Fork => ", shape=hexagon, style=\"\"",
        Role::End => ", shape=oval, style=\"\"",
    }
}

fn dot_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            _ if c.is_whitespace() || c.is_control() => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}
