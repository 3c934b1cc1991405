//! Files as people break them: whatever they hold, they are read to the end, and answered.

use proptest::prelude::{Strategy, any};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::shipped;
use crate::loader::{SourceFile, parse};

/// One way to break a text.
#[derive(Debug, Clone)]
enum Mutation {
    /// Some bytes are gone.
    Cut(usize, usize),
    /// A line stands elsewhere too.
    Repeat(usize, usize),
    /// A word of the text stands where another was.
    Swap(usize, usize),
    /// Something strange is written in.
    Insert(usize, String),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let strange = proptest::sample::select(vec![
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        "[[step]]\n",
        "{{",
        "}}",
        "{%",
        "+++\n",
        "\0",
        "\u{202E}",
        "99999999999",
        "-1",
        "true",
        "nan",
        "{ all = [",
        "after",
        "kind = \"split\"\n",
        "\u{1F600}",
        "\r",
        "#",
        "1979-05-27",
    ]);
    proptest::prop_oneof![
        (any::<usize>(), 0_usize..40).prop_map(|(at, length)| Mutation::Cut(at, length)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Mutation::Swap(from, to)),
        (any::<usize>(), strange).prop_map(|(at, text)| Mutation::Insert(at, text.to_owned())),
    ]
}

/// The nearest place at or before `at` where a character starts.
fn boundary(text: &str, at: usize) -> usize {
    let at = at % (text.len() + 1);
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The span of the word at or after a place.
fn word(text: &str, at: usize) -> std::ops::Range<usize> {
    let start = boundary(text, at);
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let start = text[start..].find(is_word).map_or(text.len(), |offset| start + offset);
    let end = text[start..].find(|c: char| !is_word(c)).map_or(text.len(), |offset| start + offset);
    start..end
}

fn mutate(text: &mut String, mutation: &Mutation) {
    match mutation {
        Mutation::Cut(at, length) => {
            let start = boundary(text, *at);
            let end = boundary(text, (start + length).min(text.len()));
            text.replace_range(start..end.max(start), "");
        }
        Mutation::Repeat(from, to) => {
            let lines: Vec<&str> = text.lines().collect();
            if !lines.is_empty() {
                let line = format!("{}\n", lines[from % lines.len()]);
                let at = boundary(text, *to);
                let at = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                text.insert_str(at, &line);
            }
        }
        Mutation::Swap(from, to) => {
            let (taken, place) = (text[word(text, *from)].to_owned(), word(text, *to));
            text.replace_range(place, &taken);
        }
        Mutation::Insert(at, strange) => text.insert_str(boundary(text, *at), strange),
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 64, ..Default::default() })]

    /// Every answer is whole: no panic, places inside their files, a catalog exactly if nothing is an error.
    #[test]
    fn broken_files_are_answered_and_never_more(
        mutations in proptest::collection::vec((any::<usize>(), mutation()), 1..6),
        toml_only in any::<bool>(),
    ) {
        let mut files: Vec<SourceFile> = shipped();
        let is_hit = |file: &SourceFile| !toml_only || file.path.strip_suffix(".toml").is_some();
        for (which, mutation) in &mutations {
            let hit: Vec<usize> = (0..files.len()).filter(|at| is_hit(&files[*at])).collect();
            mutate(&mut files[hit[which % hit.len()]].text, mutation);
        }
        let (catalog, diagnostics) = parse(&files);
        let is_error = diagnostics.iter().any(crate::diagnostic::Diagnostic::is_error);
        prop_assert_eq!(catalog.is_some(), !is_error, "{:?}", diagnostics);
        for diagnostic in &diagnostics {
            let Some(place) = &diagnostic.place else { continue };
            let text = &files.iter().find(|file| file.path == diagnostic.file).unwrap().text;
            prop_assert!(place.span.start <= place.span.end && place.span.end <= text.len(), "{}", diagnostic);
            prop_assert!(text.get(place.span.clone()).is_some(), "{} cuts a character", diagnostic);
        }
    }
}
