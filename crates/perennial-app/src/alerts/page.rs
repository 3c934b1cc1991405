//! How a mail to sales is put together: plain text and HTML, said once.
//!
//! **Invariant:** whatever is said here is escaped here, so a value of a person's is text and nothing else (H29-H31).

use std::fmt::Write as _;

use perennial_core::content::{self, Rendered};

/// A mail being written, in both of its forms.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    html: String,
}

impl Page {
    fn both(&mut self, markdown: &str) {
        self.text.push_str(markdown);
        self.html.push_str(markdown);
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.both(&format!("## {}\n\n", content::literal(title)));
    }

    pub(super) fn say(&mut self, sentence: &str) {
        self.both(&format!("{}\n\n", content::literal(sentence)));
    }

    pub(super) fn say_loud(&mut self, sentence: &str) {
        self.both(&format!("**{}**\n\n", content::literal(sentence)));
    }

    /// A list, if there is anything in it.
    pub(super) fn list(&mut self, title: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.heading(title);
        for item in items {
            self.item(item);
        }
        self.end_list();
    }

    pub(super) fn item(&mut self, item: &str) {
        self.both(&format!("- {}\n", content::literal(item)));
    }

    /// An item that begins with a link of ours.
    pub(super) fn entry(&mut self, label: &str, address: &str, then: &str) {
        self.both(&format!("- [{}]({address}): {}\n", content::literal(label), content::literal(then)));
    }

    /// Ends a list.
    pub(super) fn end_list(&mut self) {
        self.both("\n");
    }

    /// A way to a person, which is pressed where that is possible.
    pub(super) fn way(&mut self, label: &str, address: &str, link: &str) {
        let shown = content::literal(address);
        // Writing to a text never fails.
        let _written = writeln!(self.text, "- {label}: {shown}");
        let _written = writeln!(self.html, "- {label}: [{shown}]({link})");
    }

    /// A link of ours, and what can be done behind it.
    pub(super) fn link(&mut self, label: &str, address: &str, then: &str) {
        self.both(&format!("[{}]({address}){}\n\n", content::literal(label), content::literal(then)));
    }

    /// A link that is only pressed: nobody reads it.
    pub(super) fn button(&mut self, label: &str, address: &str) {
        // Writing to a text never fails.
        let _written = writeln!(self.html, "[{}]({address})\n", content::literal(label));
    }

    /// A text of several lines, set apart.
    pub(super) fn quote(&mut self, text: &str) {
        let paragraphs = text.split("\n\n").map(|paragraph| {
            let lines: Vec<String> = paragraph.lines().map(content::literal).filter(|line| !line.is_empty()).collect();
            // A backslash at the end of a line is a hard break.
            format!("> {}", lines.join("\\\n> "))
        });
        let quote = paragraphs.collect::<Vec<_>>().join("\n>\n");
        self.both(&format!("{quote}\n\n"));
    }

    pub(super) fn finish(&self, subject: &str, footer: &str) -> Rendered {
        content::letter(subject, &self.text, &self.html, footer)
    }
}
