//! The page of each code: how to mend it, an example that is wrong and one that is right.
//!
//! **Invariant:** the examples are real. A test applies them to a small catalog: the wrong one gives the code,
//! the right one gives nothing.

use std::fmt;

use crate::diagnostic::Code;

/// What there is to say about a code, besides [`Code::explanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The code.
    pub code: Code,
    /// How to mend it: a paragraph, in Markdown.
    pub mending: &'static str,
    /// What gives the code.
    pub wrong: Vec<Section<'static>>,
    /// The same, mended.
    pub right: Vec<Section<'static>>,
}

/// A part of a text that is cut by lines like `-- welcome/program.toml --`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'t> {
    /// What stands between the dashes.
    pub head: &'t str,
    /// The lines below it, without the empty ones at the end; each ends with a line break.
    pub text: &'t str,
}

/// What follows the head of a wrong example.
const WRONG: &str = "wrong: ";

/// What follows the head of a right one.
const RIGHT: &str = "right: ";

/// The longest line of a paragraph on a terminal, in characters.
const WIDTH: usize = 100;

impl Page {
    pub(super) fn of(code: Code, text: &'static str) -> Self {
        let (mending, sections) = split(text);
        let under = |word: &str| {
            let named = sections
                .iter()
                .filter_map(|section| section.head.strip_prefix(word).map(|head| Section { head, text: section.text }));
            named.collect()
        };
        Self { code, mending: mending.trim(), wrong: under(WRONG), right: under(RIGHT) }
    }
}

impl fmt::Display for Page {
    /// As a terminal shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}\n{}", self.code, wrapped(self.code.explanation()), wrapped(self.mending).trim_end())?;
        for (word, examples) in [("Wrong", &self.wrong), ("Right", &self.right)] {
            for section in examples {
                writeln!(f, "\n{word}, {}:\n", section.place())?;
                for line in section.text.lines() {
                    writeln!(f, "{}", format_args!("    {line}").to_string().trim_end())?;
                }
            }
        }
        Ok(())
    }
}

/// A paragraph in lines of at most [`WIDTH`] characters.
fn wrapped(paragraph: &str) -> String {
    let mut text = String::with_capacity(paragraph.len() + 1);
    let mut width = 0;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
    text
}

impl Section<'_> {
    /// Where an example stands, as one says it.
    pub fn place(&self) -> String {
        if let Some(path) = self.head.strip_suffix(" +=") {
            return format!("added to {path}");
        }
        if let Some(path) = self.head.strip_prefix("kept ") {
            return format!("an older version of {path}");
        }
        match self.head.split_once(" [") {
            Some((path, "]")) => format!("at the top of {path}"),
            Some((path, table)) => format!("[{table} in {path}"),
            None => self.head.to_owned(),
        }
    }
}

/// Cuts a text at the lines that begin and end with two dashes; the first part stands before all of them.
pub fn split(text: &str) -> (&str, Vec<Section<'_>>) {
    let mut cuts = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let head = line.trim_end().strip_prefix("-- ").and_then(|line| line.strip_suffix(" --"));
        cuts.extend(head.map(|head| (start, head, end)));
        start = end;
    }
    let ends = cuts.iter().skip(1).map(|(start, ..)| *start).chain([text.len()]);
    let sections = cuts.iter().zip(ends).map(|((_, head, from), to)| {
        let body = text.get(*from..to).unwrap_or_default();
        let length = body.trim_end_matches('\n').len();
        Section { head, text: body.get(..body.len().min(length + 1)).unwrap_or_default() }
    });
    let first = cuts.first().map_or(text.len(), |(start, ..)| *start);
    (text.get(..first).unwrap_or_default(), sections.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_heads() {
        let (first, sections) = split("What it is.\n\n-- a.toml --\nx = 1\n\n-- b/c.md += --\none\n\ntwo\n\n\n");
        assert_eq!(first, "What it is.\n\n");
        assert_eq!(
            sections,
            [Section { head: "a.toml", text: "x = 1\n" }, Section { head: "b/c.md +=", text: "one\n\ntwo\n" }]
        );
        assert_eq!(split("nothing"), ("nothing", Vec::new()));
    }

    #[test]
    fn every_page_says_how_to_mend_it_and_shows_both() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.mending.ends_with('.') && page.mending.starts_with(char::is_uppercase), "{code}");
            assert!(!page.wrong.is_empty() && !page.right.is_empty(), "{code}");
            let (_, sections) = split(code.page_text());
            assert_eq!(
                sections.len(),
                page.wrong.len() + page.right.len(),
                "{code}: a head is neither wrong nor right"
            );
            let longest = page.to_string().lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(124), "{code}: {longest:?}");
        }
    }
}
