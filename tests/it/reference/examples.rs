//! The examples of the reference's little languages: each is put into a program and must be fine there.

use std::fs;

use perennial_core::diagnostic::page::Section;

use crate::cases::Files;
use crate::fences::{Fence, fences};

use super::root;

#[test]
fn every_example_of_the_reference_is_fine() {
    let mut problems = Vec::new();
    let mut count = 0;
    for page in ["docs/reference/programs.md", "docs/reference/catalog.md"] {
        let text = fs::read_to_string(root().join(page)).expect("the page is read");
        for fence in fences(&text) {
            for (head, text) in sections(page, &fence) {
                count += 1;
                let found = Files::changed(&[Section { head, text: &text }]).check();
                problems.extend(found.iter().map(|one| format!("{page}:{}: {one}\n{text}", fence.line)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count > 30, "only {count} examples were found");
}

/// What each example of a block adds to the small catalog.
fn sections(page: &str, fence: &Fence) -> Vec<(&'static str, String)> {
    const STEP: &str = "[[step]]\nid = \"example\"\n";
    let word = fence.word().unwrap_or_else(|| panic!("{page}:{}: a block does not say what it is", fence.line));
    if word == "mail" {
        return vec![("welcome/touches/guide.md", fence.text.clone())];
    }
    let examples = fence.text.trim().split("\n\n");
    let step = |example: &str| match word {
        "delay" | "moment" => format!("{STEP}kind = \"call\"\ndue_in = \"1d\"\n{example}\n"),
        "condition" => format!("{STEP}kind = \"call\"\ndue_in = \"1d\"\nafter = \"1d\"\n{example}\n"),
        "signal" => format!("{STEP}kind = \"wait_until\"\ntimeout = \"1d\"\n{example}\n"),
        word => panic!("{page}:{}: a block of `{word}`", fence.line),
    };
    examples.map(|example| ("recycled/program.toml +=", step(example))).collect()
}
