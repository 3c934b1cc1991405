//! How wide texts are, without knowing the fonts they will be drawn in: rather too wide than too narrow.

/// The size of all text.
pub(super) const TEXT_SIZE: i32 = 13;

/// From one base line to the next.
pub(super) const LINE: i32 = 18;

/// From the top of a line to its base line.
pub(super) const ASCENT: i32 = 14;

/// A character of a monospaced font, in hundredths of its size. Most have 60.
const MONO: i32 = 61;

/// How wide a text is in a monospaced font, in pixels.
pub(super) fn mono_width(text: &str) -> i32 {
    text.chars().map(|c| if c.is_ascii() { MONO } else { 2 * MONO }).sum::<i32>() * TEXT_SIZE / 100 + 1
}

/// How wide a text is in a proportional font, in pixels.
pub(super) fn text_width(text: &str) -> i32 {
    text.chars().map(em).sum::<i32>() * TEXT_SIZE / 100 + 1
}

/// A character in hundredths of the size: those of a wide font (`DejaVu Sans`).
const fn em(c: char) -> i32 {
    match c {
        'i' | 'j' | 'l' | '|' | '\'' => 28,
        ' ' | '.' | ',' | ':' | ';' | '!' | 't' | 'f' | 'r' | 'I' | 'J' | '-' | '(' | ')' | '[' | ']' | '/' => 42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' | '—' => 102,
        'a'..='z' | '0'..='9' | '_' | '?' => 65,
        'A'..='Z' | '“' | '”' | '\u{a0}'..='\u{2fff}' | '\0'..='\u{9f}' => 82,
        _ => 110,
    }
}

/// A text in lines no wider than `width`, at most `lines_max`; what is over ends in an ellipsis.
pub(super) fn wrap(text: &str, width: i32, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace().flat_map(|word| pieces(word, width)) {
        let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
        if text_width(&longer) <= width {
            line = longer;
        } else {
            lines.push(std::mem::replace(&mut line, word));
        }
    }
    lines.push(line);
    lines.retain(|line| !line.is_empty());
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            while text_width(last) + text_width("…") > width && last.pop().is_some() {}
            last.truncate(last.trim_end().len());
            last.push('…');
        }
    }
    lines
}

/// A word that is wider than a line, in pieces that are not.
fn pieces(word: &str, width: i32) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let Some(piece) = pieces.last_mut() else { return pieces };
        if !piece.is_empty() && text_width(piece) + em(c) * TEXT_SIZE / 100 + 1 > width {
            pieces.push(c.to_string());
        } else {
            piece.push(c);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_wrapped_at_words_and_cut_off_after_its_lines() {
        let text = "industry is Field service and company_size is 10-49 or 50-249 and role is known";
        assert_eq!(
            wrap(text, 200, 4),
            ["industry is Field service", "and company_size is 10-49", "or 50-249 and role is known"]
        );
        assert_eq!(wrap(text, 200, 2), ["industry is Field service", "and company_size is 10-…"]);
        assert!(wrap("", 200, 2).is_empty());
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(text in "\\PC{0,200}", width in 40..400_i32, lines_max in 1..6_usize) {
            let lines = wrap(&text, width, lines_max);
            prop_assert!(lines.len() <= lines_max);
            for line in lines {
                prop_assert!(text_width(&line) <= width, "{line:?}");
            }
        }
    }
}
