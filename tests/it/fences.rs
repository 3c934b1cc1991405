//! The fenced blocks of a Markdown page: what a test runs, so that the page cannot grow old.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// A fenced block.
pub(crate) struct Fence {
    /// What stands behind the fence: `toml title="programs/catalog.toml"`.
    pub(crate) info: String,
    /// Its lines.
    pub(crate) text: String,
    /// The line of its fence, from 1.
    pub(crate) line: usize,
}

impl Fence {
    /// The language, for a reader's colours.
    pub(crate) fn language(&self) -> &str {
        self.info.split(' ').next().unwrap_or_default()
    }

    /// The word behind the language.
    pub(crate) fn word(&self) -> Option<&str> {
        self.info.split(' ').nth(1)
    }
}

/// The fenced blocks of a page, in order.
pub(crate) fn fences(markdown: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for (event, span) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let line = markdown[..span.start].matches('\n').count() + 1;
                open = Some(Fence { info: info.into_string(), text: String::new(), line });
            }
            Event::Text(text) => {
                if let Some(fence) = &mut open {
                    fence.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => fences.extend(open.take()),
            _ => {}
        }
    }
    fences
}
