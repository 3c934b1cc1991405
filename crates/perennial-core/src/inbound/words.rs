//! Texts made comparable: what people type, reduced to what the tables spell.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, ligatures taken apart, dashes and quotes plain. Punctuation stays.
pub(super) fn folded(text: &str) -> String {
    let bare = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let mut folded = String::with_capacity(text.len());
    for c in bare {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            '\u{2010}'..='\u{2015}' => folded.push('-'),
            '\u{2018}' | '\u{2019}' => folded.push('\''),
            c => folded.push(c),
        }
    }
    folded
}

/// The words of a folded text, one blank between them and none around: `don't` is `don t`.
pub(super) fn words(folded: &str) -> String {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether the words hold these, whole.
pub(super) fn holds(words: &str, phrase: &str) -> bool {
    before(words, phrase).is_some()
}

/// What stands before these words, if they are there.
pub(super) fn before<'a>(words: &'a str, phrase: &str) -> Option<&'a str> {
    words.match_indices(phrase).find_map(|(at, _)| {
        let (head, rest) = words.split_at_checked(at)?;
        let tail = rest.strip_prefix(phrase)?;
        let is_whole = (head.is_empty() || head.ends_with(' ')) && (tail.is_empty() || tail.starts_with(' '));
        is_whole.then_some(head)
    })
}

/// Whether the words begin with these, whole.
pub(super) fn begins(words: &str, phrase: &str) -> bool {
    words.strip_prefix(phrase).is_some_and(|tail| tail.is_empty() || tail.starts_with(' '))
}

/// Whether the words end with these, whole.
pub(super) fn ends(words: &str, phrase: &str) -> bool {
    words.strip_suffix(phrase).is_some_and(|head| head.is_empty() || head.ends_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_ligatures_and_typographic_marks_go() {
        assert_eq!(folded("Grüße, Ærø – l’été ŁÓDŹ"), "grusse, aero - l'ete lodz");
        assert_eq!(words(&folded("Don’t e-mail me!  ")), "don t e mail me");
    }

    #[test]
    fn phrases_are_found_as_whole_words_only() {
        assert!(holds("please stop now", "stop"));
        assert!(!holds("nonstop flights", "stop"));
        assert!(begins("out of office until", "out of office") && !begins("out of officers", "out of office"));
        assert!(ends("gone until", "until") && !ends("gone suntil", "until"));
        assert_eq!(before("do not remove me", "remove me"), Some("do not "));
    }
}
