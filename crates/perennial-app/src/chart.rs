//! A program as a picture: its steps, and the ways between them.
//!
//! One model ([`Chart`]), made of [`Program::ways`], and three writers: Mermaid and Graphviz text, and SVG.
//!
//! **Invariant:** whatever stands in a program file is text in each of the three: it is escaped by its writer.

mod layout;
mod measure;
mod svg;
mod text;

use perennial_core::program::{Action, Arm, Cause, Destination, Program, Step, UsedUp, Way};

use crate::preview::words;

pub use svg::Place;

/// A program as boxes and arrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// The program's name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What makes a lead enter it from another program; none if it is only led to.
    pub enters_when: Option<String>,
    /// The steps, in order.
    pub nodes: Vec<Node>,
    /// What ends the program at any step.
    pub exits: Vec<Exit>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// What people call it: `mail`, `call`, `branch` …
    pub kind: &'static str,
    /// Whether the person is contacted by it.
    pub role: Role,
    /// When it comes, and what else is to be known of it.
    pub notes: Vec<String>,
    /// Where it goes on.
    pub edges: Vec<Edge>,
}

/// What a step is in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person is contacted.
    Touch,
    /// Time passes, something is noted or told.
    Quiet,
    /// It only says where to go on.
    Fork,
    /// The program ends.
    End,
}

/// A way on from a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Why it is taken; none if it is the only one.
    pub label: Option<String>,
    /// Where it leads.
    pub to: Target,
}

/// Where a way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a step, by its place.
    Node(usize),
    /// Out of the program, into another.
    Program(String),
}

/// A way out of the program from wherever a lead stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Why: `goal: replied within 2d`.
    pub label: String,
    /// The program that follows.
    pub to: String,
}

impl Chart {
    /// Draws a program.
    pub fn of(program: &Program) -> Self {
        let nodes = program.steps.iter().enumerate().map(|(at, step)| node(program, at, step)).collect();
        Self {
            name: program.name.to_string(),
            title: program.title.clone(),
            enters_when: program.enter.as_ref().map(ToString::to_string),
            nodes,
            exits: exits(program),
        }
    }

    /// The programs that steps lead to, each once, in order.
    fn programs(&self) -> Vec<&str> {
        let steps = self.nodes.iter().flat_map(|node| &node.edges).filter_map(|edge| match &edge.to {
            Target::Program(name) => Some(name.as_str()),
            Target::Node(_) => None,
        });
        let mut programs: Vec<&str> = Vec::new();
        for name in steps.chain(self.exits.iter().map(|exit| exit.to.as_str())) {
            if !programs.contains(&name) {
                programs.push(name);
            }
        }
        programs
    }
}

fn node(program: &Program, at: usize, step: &Step) -> Node {
    Node {
        id: step.id.to_string(),
        kind: words::kind(&step.action),
        role: role(&step.action),
        notes: notes(step),
        edges: program.ways(at).iter().map(|way| edge(step, way)).collect(),
    }
}

const fn role(action: &Action) -> Role {
    match action {
        Action::Email { .. }
        | Action::Ask { .. }
        | Action::Call { .. }
        | Action::PersonalMail { .. }
        | Action::Recur { .. } => Role::Touch,
        Action::Wait | Action::WaitUntil { .. } | Action::Alert { .. } | Action::Set { .. } | Action::Emit { .. } => {
            Role::Quiet
        }
        Action::Branch { .. } | Action::Split { .. } | Action::Goto { .. } => Role::Fork,
        Action::Goal { .. } | Action::Exit { .. } => Role::End,
    }
}

fn notes(step: &Step) -> Vec<String> {
    let own = match &step.action {
        Action::Email { class, .. } => words::class(*class).map(str::to_owned).into_iter().collect(),
        Action::Ask { fields, .. } => {
            vec![format!("asks {}", fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
        }
        Action::Call { due_in } | Action::PersonalMail { due_in, .. } => {
            vec![format!("due in {}", words::delay(*due_in))]
        }
        Action::WaitUntil { event, timeout, .. } => {
            vec![format!("for {}", words::awaited(event)), format!("at most {}", words::delay(*timeout))]
        }
        Action::Alert { message } => vec![format!("“{message}”")],
        Action::Set { .. } => words::noted(&step.action).into_iter().collect(),
        Action::Emit { event } => vec![event.to_string()],
        Action::Recur { every, mails, .. } => {
            let each = words::every(every);
            vec![if mails.len() == 1 { each } else { format!("{each}, {} in turn", mails.len()) }]
        }
        Action::Wait
        | Action::Branch { .. }
        | Action::Split { .. }
        | Action::Goal { .. }
        | Action::Exit { .. }
        | Action::Goto { .. } => Vec::new(),
    };
    let timing = if has_own_timing(&step.action) { None } else { words::timing(&step.action, &step.timing) };
    let skip = step.skip_if.as_ref().map(|condition| format!("skipped if {condition}"));
    timing.into_iter().chain(own).chain(skip).collect()
}

/// Whether a step says otherwise than by `after` or `at` when it comes.
const fn has_own_timing(action: &Action) -> bool {
    matches!(action, Action::WaitUntil { .. } | Action::Recur { .. })
}

fn edge(step: &Step, way: &Way<'_>) -> Edge {
    let label = match way.cause {
        Cause::Done => match &step.action {
            Action::Recur { used_up: UsedUp::Again, .. } => Some("again".to_owned()),
            Action::Recur { used_up: UsedUp::GoOn, .. } => Some("used up".to_owned()),
            Action::Email { .. }
            | Action::Ask { .. }
            | Action::Call { .. }
            | Action::PersonalMail { .. }
            | Action::Wait
            | Action::WaitUntil { .. }
            | Action::Branch { .. }
            | Action::Split { .. }
            | Action::Alert { .. }
            | Action::Set { .. }
            | Action::Emit { .. }
            | Action::Goal { .. }
            | Action::Exit { .. }
            | Action::Goto { .. } => None,
        },
        Cause::Happened => Some("it comes".to_owned()),
        Cause::TimedOut => Some("it does not".to_owned()),
        Cause::Case(when) => Some(when.to_string()),
        Cause::Otherwise => Some("otherwise".to_owned()),
        Cause::Arm(arm) => Some(share(arm, &step.action)),
    };
    let to = match way.to {
        Destination::Step(place) => Target::Node(place),
        Destination::Program(name) => Target::Program(name.to_string()),
    };
    Edge { label, to }
}

/// `short: 50 %`.
fn share(arm: &Arm, action: &Action) -> String {
    let Action::Split { arms } = action else { return arm.name.to_string() };
    let total: u32 = arms.iter().map(|arm| arm.weight).sum();
    format!("{}: {} %", arm.name, (arm.weight * 100 + total / 2) / total.max(1))
}

fn exits(program: &Program) -> Vec<Exit> {
    let then = |own: Option<&perennial_core::ids::ProgramName>| own.unwrap_or(&program.then).to_string();
    let goal = program.goal.iter().map(|goal| ("goal", goal));
    let stops = program.stops.iter().map(|stop| ("stop", stop));
    let ends = goal.chain(stops);
    let mut exits: Vec<Exit> = ends
        .map(|(word, stop)| Exit { label: format!("{word}: {}", stop.when), to: then(stop.then.as_ref()) })
        .collect();
    if let Some(horizon) = program.horizon {
        exits.push(Exit { label: format!("after {} days", horizon.0.as_hours() / 24), to: then(None) });
    }
    exits
}

/// The id of the node of a step, in the text formats: ids of steps may be words that mean something there.
fn node_key(at: usize) -> String {
    format!("s{at}")
}

#[cfg(test)]
mod tests;
