//! Text hygiene: what a person typed, without what only machines and mischief put there (H30, H31, H33).
//!
//! **Invariant:** cleaning is idempotent, and a cleaned line holds no control character, no line end and
//! nothing that reorders or hides text. Everything else stays as typed: `{{env}}`, `<script>` and
//! `=HYPERLINK(…)` are somebody's words, and escaping them is the work of whoever writes them out.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most combining marks on one letter. The written languages need up to five; stacks of them only smear a page.
pub const MARKS_MAX: usize = 6;

/// One line of text: every run of blanks and line ends becomes one space.
pub fn line(text: &str) -> String {
    join(visible(text).split_whitespace(), " ")
}

/// Text of several lines: as [`line()`], but line ends stay, and so does one empty line between paragraphs.
pub fn paragraphs(text: &str) -> String {
    let visible = visible(text);
    let lines: Vec<String> = visible.split('\n').map(|line| join(line.split_whitespace(), " ")).collect();
    let is_repeated = |at: usize| at > 0 && lines.get(at - 1).is_some_and(String::is_empty);
    let kept = lines.iter().enumerate().filter(|(at, line)| !(line.is_empty() && is_repeated(*at)));
    join(kept.map(|(_, line)| line.as_str()), "\n").trim_matches('\n').to_owned()
}

fn join<'a>(parts: impl Iterator<Item = &'a str>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

/// The text in NFC without invisible characters and surplus marks, its line ends all `\n`.
fn visible(text: &str) -> String {
    let composed = text.replace("\r\n", "\n").nfc().filter_map(plain).collect::<String>();
    // What was taken out may have stood between a letter and its accent: compose once more.
    with_honest_joiners(&with_few_marks(&composed)).nfc().collect()
}

/// The character, a plain one in its place, or nothing.
fn plain(c: char) -> Option<char> {
    match c {
        '\t' => Some(' '),
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        _ if c.is_control() || is_invisible(c) => None,
        _ => Some(c),
    }
}

/// Characters that show nothing themselves: bidi controls, zero widths, tags, deprecated formats, non-characters.
///
/// The two joiners are judged by their neighbours in [`with_honest_joiners`]; variation selectors stay.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    ) || u32::from(c) & 0xfffe == 0xfffe
}

const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Cuts each stack of combining marks down to [`MARKS_MAX`]. A joiner does not begin a new stack.
fn with_few_marks(text: &str) -> String {
    let mut marks = 0_usize;
    text.chars()
        .filter(|&c| {
            if is_combining_mark(c) {
                marks += 1;
            } else if !is_joiner(c) {
                marks = 0;
            }
            marks <= MARKS_MAX || is_joiner(c)
        })
        .collect()
}

/// Drops every zero-width joiner and non-joiner that does not stand between two characters beyond
/// ASCII. Persian, the scripts of India and emoji need them there; between Latin letters they only hide.
fn with_honest_joiners(text: &str) -> String {
    let is_joined = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !is_joiner(c));
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if !is_joiner(c) || (is_joined(kept.chars().next_back()) && is_joined(rest.clone().next())) {
            kept.push(c);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_cannot_carry_a_header() {
        assert_eq!(line("Bob\r\nBcc: x@y"), "Bob Bcc: x@y");
        assert_eq!(line("Bob\u{2028}Bcc: x@y\u{2029}\u{85}z"), "Bob Bcc: x@y z");
        assert_eq!(line("a\tb\0c\u{1b}[31m\u{7f}"), "a bc[31m");
    }

    #[test]
    fn code_and_markup_stay_as_typed() {
        for text in [
            "{{env}}",
            "{% for %}",
            "${7*7}",
            "<script>alert(1)</script>",
            "\"><img onerror>",
            "=HYPERLINK(\"x\")",
            "%0d%0a",
            "O'Neil & Söhne",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn blanks_collapse_and_letters_compose() {
        assert_eq!(line("  Ada \u{a0} King\u{3000}Lovelace \n"), "Ada King Lovelace");
        assert_eq!(line("Andre\u{301}"), "André");
        assert_eq!(line("e\u{200b}\u{301}"), "é");
    }

    #[test]
    fn nothing_reorders_or_hides_text() {
        assert_eq!(line("invoice\u{202e}gpj.exe"), "invoicegpj.exe");
        assert_eq!(line("\u{feff}a\u{2066}b\u{2069}c\u{e0041}d\u{ffff}"), "abcd");
    }

    #[test]
    fn joiners_stay_where_a_script_needs_them() {
        assert_eq!(line("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(line("👩\u{200d}💻"), "👩\u{200d}💻");
        assert_eq!(line("ad\u{200d}min \u{200c} \u{200d}"), "admin");
        assert_eq!(line("می\u{200c}\u{200c}\u{200d}خ"), "میخ".replace('ی', "ی\u{200d}"));
    }

    #[test]
    fn a_stack_of_marks_is_cut_and_written_languages_are_not() {
        let zalgo = format!("Z{}a", "\u{336}".repeat(50));
        assert_eq!(line(&zalgo).chars().count(), 2 + MARKS_MAX);
        let hidden = format!("Z{}", "\u{336}\u{200d}".repeat(50));
        assert_eq!(line(&hidden).chars().filter(|c| is_combining_mark(*c)).count(), MARKS_MAX);
        for text in ["Nguyễn Thị Ngọc", "מִשְׁפָּחָה", "ကျွန်ုပ်", "क्षत्रिय", "ที่นี่"]
        {
            assert_eq!(line(text), text.nfc().collect::<String>());
        }
    }

    #[test]
    fn a_message_keeps_its_lines_and_one_empty_line_between_paragraphs() {
        assert_eq!(
            paragraphs("\r\n Hello \r\n\r\n\r\n\r\nwe  need\rhelp\u{2028}soon\n\n"),
            "Hello\n\nwe need\nhelp\nsoon"
        );
    }

    /// Texts full of what this module is about.
    fn awkward() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>(),
            prop::sample::select(
                "a eé\u{301}\u{336}\u{200b}\u{200c}\u{200d}\u{202e}\n\r\t\u{a0}ی👩\u{fe0f}\u{212a}\u{1100}\u{1161}\u{11a8}\u{344}\u{958}".chars().collect::<Vec<_>>()
            ),
        ];
        prop::collection::vec(piece, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(text in awkward()) {
            let once = line(&text);
            prop_assert_eq!(line(&once), once);
            let once = paragraphs(&text);
            prop_assert_eq!(paragraphs(&once), once);
        }

        #[test]
        fn a_cleaned_text_holds_no_control_and_no_outer_blank(text in awkward()) {
            prop_assert!(!line(&text).contains(char::is_control));
            prop_assert!(!paragraphs(&text).contains(|c: char| c.is_control() && c != '\n'));
            prop_assert!(!line(&text).starts_with(char::is_whitespace) && !line(&text).ends_with(char::is_whitespace));
        }

        #[test]
        fn plain_words_are_left_alone(text in "[A-Za-zäöüßéñ0-9]{1,8}( [A-Za-zäöüßéñ0-9<>{}=&'\"-]{1,8}){0,5}") {
            prop_assert_eq!(line(&text), text);
        }
    }
}
