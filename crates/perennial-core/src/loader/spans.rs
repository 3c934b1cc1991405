//! Where the keys of a file stand, for problems that are found long after it was read.
//!
//! The file is read again, and only when the first problem is found in it: a catalog of thousands of programs
//! keeps no table of places that nobody asks for.

use std::cell::OnceCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ids::StepId;
use crate::loader::SourceFile;

/// The places in one `program.toml` or `catalog.toml`.
pub(super) struct Spans<'t> {
    text: &'t str,
    table: OnceCell<DeTable<'t>>,
}

impl<'t> Spans<'t> {
    /// The places in a file that was read without an error.
    pub(super) fn of(source: &'t SourceFile) -> Self {
        Self { text: &source.text, table: OnceCell::new() }
    }

    /// Where the value of a key stands.
    ///
    /// `key` is a path: names and, for what stands in a list, numbers from 0, with dots between them:
    /// `then`, `goal.when`, `requalify.0` (of the program, or with a step: of that step) `id`, `goto`, `case.2.when`,
    /// `arm.0.goto`, and in `catalog.toml` `sla.ladder`, `turnback.no_response.requalify.0`. A path that is not
    /// in the file to its end stands for the part that is: `after` of a step without one is the step's `id`, and what
    /// is nowhere is the start of the file.
    pub(super) fn find(&self, step: Option<&StepId>, key: &str) -> Range<usize> {
        let root = self.table.get_or_init(|| DeTable::parse_recoverable(self.text).0.into_inner());
        let Some(id) = step else {
            return in_table(root, key).unwrap_or(0..0);
        };
        let Some(table) = steps(root).find(|table| is_of(table, id)) else { return 0..0 };
        in_table(table, key).or_else(|| in_table(table, "id")).unwrap_or(0..0)
    }
}

/// The `[[step]]`s of a program.
fn steps<'a, 't>(root: &'a DeTable<'t>) -> impl Iterator<Item = &'a DeTable<'t>> {
    let list = root.get("step").and_then(|value| value.get_ref().as_array());
    list.into_iter().flat_map(|list| list.iter()).filter_map(|step| step.get_ref().as_table())
}

fn is_of(step: &DeTable<'_>, id: &StepId) -> bool {
    step.get("id").and_then(|value| value.get_ref().as_str()) == Some(id.as_str())
}

/// The span of the longest part of a path that is there; `None` if not even its first name is.
fn in_table(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let (first, rest) = split(path);
    table.get(first).map(|value| in_value(value, rest))
}

fn in_value(value: &Spanned<DeValue<'_>>, path: Option<&str>) -> Range<usize> {
    let inner = path.and_then(|path| {
        let (first, rest) = split(path);
        match value.get_ref() {
            DeValue::Table(table) => in_table(table, path),
            DeValue::Array(items) => items.get(first.parse::<usize>().ok()?).map(|item| in_value(item, rest)),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => None,
        }
    });
    inner.unwrap_or_else(|| value.span())
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = r#"title = "A"
then = "b"
goal = { when = { tag = "x" } }

[[stop]]
when = { tag = "y" }

[[step]]
id = "one"
kind = "branch"
case = [
  { when = { tag = "p" }, goto = "two" },
  { when = { tag = "q" }, goto = "one" },
]

[[step]]
id = "two"
kind = "wait"
after = "1d"
"#;

    fn found(step: Option<&str>, key: &str) -> String {
        let source = SourceFile { path: String::new(), text: PROGRAM.to_owned() };
        let step = step.map(|id| StepId::parse(id).unwrap());
        let span = Spans::of(&source).find(step.as_ref(), key);
        PROGRAM[span].to_owned()
    }

    #[test]
    fn a_key_is_found_by_its_path() {
        assert_eq!(found(None, "then"), "\"b\"");
        assert_eq!(found(None, "goal.when"), "{ tag = \"x\" }");
        assert_eq!(found(None, "stop.0.when"), "{ tag = \"y\" }");
        assert_eq!(found(Some("one"), "case.1.goto"), "\"one\"");
        assert_eq!(found(Some("one"), "case.1.when.tag"), "\"q\"");
        assert_eq!(found(Some("two"), "after"), "\"1d\"");
    }

    #[test]
    fn what_is_not_there_stands_for_what_is_around_it() {
        assert_eq!(found(Some("one"), "after"), "\"one\"");
        assert_eq!(found(Some("one"), "case.9.goto").chars().next(), Some('['));
        assert_eq!(found(None, "goal.then"), "{ when = { tag = \"x\" } }");
        assert_eq!(found(None, "enter"), "");
        assert_eq!(found(Some("three"), "id"), "");
    }
}
