//! The pages of the three files: written by hand down to a marker, and from the shapes below it.

use std::fmt::Write as _;
use std::fs;

use perennial_core::loader::shape::{Key, Named, Need, Rule, Shape, Units, Value, Variants, Zero, shapes};
use pulldown_cmark::{Event, Parser, Tag};

use super::{compare, filled, root, wrapped};

/// Below this line a page is generated.
const MARKER: &str =
    "<!-- What follows is written by a test from crates/perennial-core/src/loader/shape.rs: see CONTRIBUTING.md. -->\n";

/// The first table of `catalog.toml`; those before it are of `program.toml`.
const FIRST_OF_CATALOG: &str = "catalog";

/// The first table of `reps.toml`; those before it are of `catalog.toml`.
const FIRST_OF_ROSTER: &str = "roster";

/// The signals and the stages have a place of their own on the page.
const SIGNAL: &str = "replied";

#[test]
fn the_reference_of_programs_lists_every_table_and_key() {
    let (programs, _, _) = thirds();
    check("docs/reference/programs.md", "catalog.md", programs);
}

#[test]
fn the_reference_of_the_catalog_lists_every_table_and_key() {
    let (_, catalog, _) = thirds();
    check("docs/reference/catalog.md", "programs.md", catalog);
}

#[test]
fn the_reference_of_reps_lists_every_table_and_key() {
    let (_, _, roster) = thirds();
    check("docs/reference/reps.md", "catalog.md", roster);
}

type Shapes = &'static [&'static Shape];

fn thirds() -> (Shapes, Shapes, Shapes) {
    let first = |name: &str| shapes().iter().position(|shape| shape.name == name).expect("the file has a shape");
    let (others, roster) = shapes().split_at(first(FIRST_OF_ROSTER));
    let (programs, catalog) = others.split_at(first(FIRST_OF_CATALOG));
    (programs, catalog, roster)
}

#[track_caller]
fn check(path: &str, other: &'static str, shapes: &'static [&'static Shape]) {
    let text = fs::read_to_string(root().join(path)).expect("the page is read");
    let (above, _) = text.split_once(MARKER).unwrap_or_else(|| panic!("{path} has no line {MARKER}"));
    compare(path, &format!("{above}{MARKER}{}", Page { shapes, other }.text()));
}

/// One page.
struct Page {
    shapes: &'static [&'static Shape],
    /// The page that has the others.
    other: &'static str,
}

impl Page {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut before: Option<&str> = None;
        for (index, shape) in self.shapes.iter().enumerate() {
            let group = self.group(shape);
            if let Some((name, common)) = group.as_ref().filter(|(name, _)| before != Some(*name)) {
                write!(text, "\n## {}s\n{}", title(name), self.introduction(shape, common)).unwrap();
            }
            // What a variant holds stands right below it, so it does not close the group.
            before = group.as_ref().map(|(name, _)| *name).or(before.filter(|_| self.is_inside(index)));
            let level = if before.is_some() { "###" } else { "##" };
            let common: &[&Key] = group.as_ref().map_or(&[], |(_, common)| common);
            let is_told = |key: &&Key| common.iter().any(|one| is_same(one, key)) || group.is_some() && is_timing(key);
            let own: Vec<&Key> = shape.keys().filter(|key| !is_told(key)).collect();
            let heading = shape.heading.lines().last().unwrap_or_default();
            let intro = filled(&format!("`{heading}`: {}", shape.doc));
            write!(text, "\n{level} {}\n\n{intro}\n", title(shape.name)).unwrap();
            if !own.is_empty() {
                write!(text, "\n{}", self.keys(&own)).unwrap();
            }
            let rules: Vec<String> = shape.rules.iter().map(said).collect();
            if !rules.is_empty() {
                write!(text, "\n{}\n", filled(&rules.join(" "))).unwrap();
            }
        }
        text
    }

    /// What the tables of a family share; that steps come at some time is one of it.
    fn introduction(&self, first: &Shape, common: &[&Key]) -> String {
        let mut text = String::new();
        if !common.is_empty() {
            write!(text, "\nEvery one has:\n\n{}", self.keys(common)).unwrap();
        }
        let timing: Vec<&Key> = first.keys().filter(|key| is_timing(key)).collect();
        if !timing.is_empty() {
            write!(text, "\nWhen it comes is said by:\n\n{}", self.keys(&timing)).unwrap();
        }
        text
    }

    /// The family of a shape, such as the steps, and the keys that all of them have.
    fn group(&self, shape: &Shape) -> Option<(&'static str, Vec<&'static Key>)> {
        let (family, _) = shape.name.split_once('-')?;
        let of: Vec<&Shape> = self
            .shapes
            .iter()
            .copied()
            .filter(|one| one.name.strip_prefix(family).is_some_and(|rest| rest.starts_with('-')))
            .collect();
        let first = *of.first().filter(|_| of.len() > 1)?;
        let common = first.keys().filter(|key| of.iter().all(|one| one.keys().any(|other| is_same(key, other))));
        let name = first.name.split('-').next()?;
        Some((name, common.collect()))
    }

    /// Whether the next shapes go on with the family of those before.
    fn is_inside(&self, index: usize) -> bool {
        let family = |shape: &&&Shape| shape.name.split('-').next();
        let before = self.shapes[..index].iter().rev().find(|shape| self.group(shape).is_some());
        let after = self.shapes[index..].iter().find(|shape| self.group(shape).is_some());
        before.is_some() && before.and_then(|one| family(&one)) == after.and_then(|one| family(&one))
    }

    fn keys(&self, keys: &[&Key]) -> String {
        keys.iter().fold(String::new(), |text, key| {
            let item = format!("- `{}`: {}, {}. {}", key.name, self.kind(&key.value), need(key.need), key.doc);
            format!("{text}{}\n", wrapped(&item, "  "))
        })
    }

    /// What may stand at a key.
    fn kind(&self, value: &Value) -> String {
        match value {
            Value::Text => "text".to_owned(),
            Value::Texts { min, max } => format!("list of {} texts", range(*min, *max)),
            Value::Word(words) => format!("one of {}", listed(words)),
            Value::Words(words) => format!("list of {}", listed(words)),
            Value::WordOrWords(words) if words.contains(&SIGNAL) => {
                format!("[signal]({}), or a list of them", self.link("signals"))
            }
            Value::WordOrWords(words) => format!("one of {}, or a list of them", listed(words)),
            Value::Name(named) => format!("name of {}", a(noun(*named))),
            Value::Names { of, min, max } => format!("list of {} names of {}s", range(*min, *max), noun(*of)),
            Value::NameOrNames(named) => format!("name of {}, or a list of them", a(noun(*named))),
            Value::Wait(zero) => format!("[delay]({}){}", self.link("delays"), not_zero(*zero)),
            Value::Period { days_max, zero, units } => {
                format!("duration {} of at most {days_max} days{}", in_units(*units), not_zero(*zero))
            }
            Value::Moment => format!("[moment]({})", self.link("moments")),
            Value::Condition => format!("[condition]({})", self.link("conditions")),
            Value::Conditions => format!("list of [conditions]({})", self.link("conditions")),
            Value::Number { min, max } => format!("number from {min} to {max}"),
            Value::Switch => "`true` or `false`".to_owned(),
            Value::Time => "time of day such as `\"08:00\"`".to_owned(),
            Value::Table(shape) => format!("table ({})", self.see(shape.name)),
            Value::Tables { of, min, max } => format!("list of {} tables ({})", range(*min, *max), self.see(of.name)),
            Value::Variants { of, min, max } => format!("{} tables ({})", range(*min, *max), family(of)),
            Value::Map(named, shape) => format!("a table for each {} ({})", noun(*named), self.see(shape.name)),
            Value::MapOfVariants(named, of) => format!("a table for each {} ({})", noun(*named), family(of)),
            Value::Facts(named) => format!("a text for each {}", noun(*named)),
        }
    }

    /// A part of the page on programs.
    fn link(&self, part: &str) -> String {
        if self.shapes.iter().any(|shape| shape.name == FIRST_OF_CATALOG) {
            format!("{}#{part}", self.other)
        } else {
            format!("#{part}")
        }
    }

    fn see(&self, name: &str) -> String {
        let page = if self.shapes.iter().any(|shape| shape.name == name) { "" } else { self.other };
        format!("[{}]({page}#{name})", name.replace('-', " "))
    }
}

fn family(variants: &Variants) -> String {
    format!("[{0}s](#{0}s)", variants.name)
}

fn is_same(one: &Key, other: &Key) -> bool {
    one.name == other.name && one.doc == other.doc
}

/// Whether a key is one of those that say when a step comes, and says nothing of its own.
fn is_timing(key: &Key) -> bool {
    match key.name {
        "after" => key.doc == "How long after the step before it.",
        "at" | "if_missing" => true,
        _ => false,
    }
}

/// `step-wait-until` is "Step wait until".
fn title(name: &str) -> String {
    let words = name.replace('-', " ");
    let first = words.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", words.get(1..).unwrap_or_default())
}

fn noun(named: Named) -> &'static str {
    match named {
        Named::Field => "field",
        Named::Step => "step",
        Named::Template => "mail",
        Named::Program
        | Named::Arm
        | Named::Form
        | Named::Queue
        | Named::Route
        | Named::Team
        | Named::Rep
        | Named::Topic
        | Named::Tag
        | Named::Event
        | Named::Region
        | Named::Language
        | Named::Webhook
        | Named::Crm
        | Named::Fact => named.noun(),
    }
}

fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn range(min: usize, max: usize) -> String {
    if min == 0 { format!("up to {max}") } else { format!("{min} to {max}") }
}

fn not_zero(zero: Zero) -> &'static str {
    match zero {
        Zero::Allowed => "",
        Zero::Refused => ", not zero",
    }
}

fn in_units(units: Units) -> &'static str {
    match units {
        Units::Any => "in `m`, `h`, `d`, `w` or `bd`",
        Units::Exact => "in `m`, `h`, `d` or `w`",
        Units::Days => "in `d` or `w`",
    }
}

fn need(need: Need) -> String {
    match need {
        Need::Required { .. } => "mandatory".to_owned(),
        Need::Optional => "optional".to_owned(),
        Need::Default(text) => format!("default `{text}`"),
    }
}

/// What holds between keys, in words.
fn said(rule: &Rule) -> String {
    match rule {
        Rule::One { of, .. } if *of == ["after", "at"] => "It must say when it comes: `after` or `at`.".to_owned(),
        Rule::AtMostOne(of) if *of == ["after", "at"] => {
            "It comes at once, unless `after` or `at` says otherwise.".to_owned()
        }
        Rule::One { of, .. } => format!("Exactly one of {}.", listed(of)),
        Rule::AtMostOne(of) => format!("At most one of {}.", listed(of)),
        Rule::Some { of, .. } => format!("At least one of {}.", listed(of)),
        Rule::With(key, with) => format!("`{key}` only with `{with}`."),
    }
}

#[test]
fn every_link_of_the_reference_leads_to_a_heading() {
    let read = |page: &str| fs::read_to_string(root().join("docs/reference").join(page)).expect("a page is read");
    let mut problems = Vec::new();
    for page in ["programs.md", "catalog.md", "reps.md", "codes.md"] {
        let text = read(page);
        for target in links(&text) {
            let Some((other, heading)) = target.split_once('#') else { continue };
            let there = headings(&if other.is_empty() { text.clone() } else { read(other) });
            problems.extend((!there.contains(&heading.to_owned())).then(|| format!("{page}: {target}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn links(markdown: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    Parser::new(markdown).filter_map(target).collect()
}

/// The headings of a page, as links spell them.
fn headings(markdown: &str) -> Vec<String> {
    let texts = markdown.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let spelt = |text: &str| {
        let kept = text.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    texts.map(spelt).collect()
}
