//! What a person wrote themselves: a reply without what it quotes, and without its signature.
//!
//! Errs on the side of cutting: what is cut is still forwarded whole, but words of ours that are not cut could be
//! taken for theirs.

use super::tongues::TONGUES;
use super::words;

/// Over how many lines a mail program may break "On … somebody wrote:".
const ATTRIBUTION_LINES_MAX: usize = 3;

/// The longest such announcement, in bytes: a longer one is a sentence of the letter.
const ATTRIBUTION_BYTES_MAX: usize = 250;

/// Within how many lines the headers of a quoted mail follow each other.
const HEADER_LINES: usize = 5;

/// The longest closing line, in words: "With very best regards".
const SIGN_OFF_WORDS_MAX: usize = 6;

/// The words above, between and below what is quoted.
pub(super) fn of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut own: Vec<&str> = Vec::new();
    let mut at = 0_usize;
    while let Some(rest) = lines.get(at..).filter(|rest| !rest.is_empty()) {
        match cut(rest, own.iter().any(|line| !line.trim().is_empty())) {
            Cut::Keep => own.extend(rest.first()),
            Cut::Skip(count) => {
                at = at.saturating_add(count.max(1));
                continue;
            }
            Cut::End => break,
        }
        at = at.saturating_add(1);
    }
    own.join("\n").trim().to_owned()
}

/// What to do at a line.
enum Cut {
    /// It is theirs.
    Keep,
    /// These many lines are not; they may go on below.
    Skip(usize),
    /// Nothing below is theirs.
    End,
}

fn cut(rest: &[&str], has_begun: bool) -> Cut {
    let line = rest.first().copied().unwrap_or_default();
    if is_quoted(line) {
        return Cut::Skip(1);
    }
    if let Some(count) = attribution(rest) {
        // Below a quote that is marked line by line, people go on writing; below another, nobody can tell.
        let below = rest.get(count..).unwrap_or_default().iter().find(|line| !line.trim().is_empty());
        return if below.is_some_and(|line| is_quoted(line)) { Cut::Skip(count) } else { Cut::End };
    }
    let ends = is_separator(line) || is_header_block(rest) || is_signature(line) || (has_begun && is_sign_off(line));
    if ends { Cut::End } else { Cut::Keep }
}

fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('>') || line.starts_with("| ") || line == "|"
}

/// How many lines announce a quote: "On Monday, Ada wrote:".
fn attribution(rest: &[&str]) -> Option<usize> {
    let first = rest.first().copied().unwrap_or_default();
    let may_begin = first.contains(|c: char| c.is_ascii_digit() || matches!(c, '@' | '<'));
    // A sentence of theirs above it is not its first line.
    if !may_begin || (first.ends_with(['.', '!', '?']) && !first.contains('@')) {
        return None;
    }
    let mut joined = String::new();
    for (count, line) in rest.iter().take(ATTRIBUTION_LINES_MAX).enumerate() {
        if line.trim().is_empty() || joined.len() > ATTRIBUTION_BYTES_MAX {
            return None;
        }
        joined.push(' ');
        joined.push_str(line);
        let bare = joined.trim().trim_matches(['*', '-', ' ']);
        if bare.ends_with([':', '：']) && bare.len() <= ATTRIBUTION_BYTES_MAX {
            let said = words::words(&words::folded(bare));
            let is_known = TONGUES.iter().flat_map(|tongue| tongue.wrote).any(|verb| words::holds(&said, verb));
            if is_known {
                return Some(count.saturating_add(1));
            }
        }
        // In whatever language: a date, an address, a colon.
        if bare.ends_with(':') && bare.contains('@') && bare.contains(|c: char| c.is_ascii_digit()) {
            return Some(count.saturating_add(1));
        }
    }
    None
}

/// A ruled line, with or without words in it: `-----Original Message-----`, `________`.
fn is_separator(line: &str) -> bool {
    const RULE_MIN: usize = 5;
    let line = line.trim().trim_matches('*');
    let ruled = |c: char| matches!(c, '-' | '_' | '=' | '—');
    let head = line.chars().take_while(|c| ruled(*c)).count();
    let tail = line.chars().rev().take_while(|c| ruled(*c)).count();
    head >= RULE_MIN && tail >= RULE_MIN
}

/// The headers of a quoted mail, in whatever language: a label and an address, then more labels.
fn is_header_block(rest: &[&str]) -> bool {
    let is_labelled = |line: &&&str| label(line).is_some();
    let Some(value) = rest.first().and_then(|line| label(line)) else { return false };
    let next = rest.iter().skip(1).take(HEADER_LINES).filter(is_labelled).count();
    next >= 2 || (next >= 1 && value.contains('@'))
}

/// What follows a short label and a colon.
fn label(line: &str) -> Option<&str> {
    const LABEL_MAX: usize = 16;
    let line = line.trim().trim_start_matches('*');
    let (label, value) = line.split_once(':')?;
    let label = label.trim_matches(['*', ' ', '\u{a0}']);
    let is_label = (1..=LABEL_MAX).contains(&label.chars().count())
        && label.chars().all(|c| c.is_alphabetic() || c == '-' || c == ' ');
    (is_label && !value.trim_matches(['*', ' ']).is_empty()).then_some(value)
}

/// The mark of a signature (RFC 3676 §4.3), or the line that a telephone puts under a mail.
fn is_signature(line: &str) -> bool {
    let trimmed = line.trim();
    if matches!(trimmed, "--" | "—" | "__") {
        return true;
    }
    let said = words::words(&words::folded(trimmed));
    TONGUES.iter().flat_map(|tongue| tongue.device).any(|stem| words::begins(&said, stem))
}

/// A line that is nothing but a closing.
fn is_sign_off(line: &str) -> bool {
    let said = words::words(&words::folded(line));
    let is_short = said.split(' ').count() <= SIGN_OFF_WORDS_MAX;
    let is_closed = !line.trim_end().ends_with(['.', '?']);
    is_short && is_closed && TONGUES.iter().flat_map(|tongue| tongue.sign_off).any(|closing| said == *closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_cut_however_it_is_announced() {
        for text in [
            "Yes.\n\nOn Mon, 3 May 2027 at 10:00, Maya <maya@example.org> wrote:\n> Unsubscribe",
            "Yes.\n\nOn Mon, 3 May 2027 at 10:00, Maya Okafor\n<maya@example.org>\nwrote:\n\nUnsubscribe",
            "Yes.\nAm 03.05.2027 um 10:00 schrieb Maya:\n\nAbmelden",
            "Yes.\n\nLe lun. 3 mai 2027 à 10:00, Maya <maya@example.org> a écrit :\nSe désabonner",
            "Yes.\n\n3 мая 2027 г. 10:00 \"Maya\" <\nmaya@example.org> написала:\n\nUnsubscribe",
            "Yes.\n\nMaya <maya@example.org> schrieb am Mo., 3.\nMai 2027 um 10:00 Uhr:\n\nAbmelden",
            "Yes.\n\n-----Original Message-----\nFrom: Maya\n\nUnsubscribe",
            "Yes.\n________________________________\nVon: Maya <maya@example.org>\nGesendet: Montag\n\nAbmelden",
            "Yes.\n\nFrån: Maya <maya@example.org>\nSkickat: den 3 maj\nTill: Ada\nÄmne: Hej\n\nAvregistrera",
            "Yes.\n\n*From:* Maya\n*Sent:* Monday\n*Subject:* Hello\n\nUnsubscribe",
            "Yes.\n> quoted\n> more",
            "Yes.\n\n-- \nAda\nUnsubscribe",
            "Yes.\n\nSent from my iPhone",
            "Yes.\n\nBest regards,\nAda\nStop the war",
            "Yes.\n\nMit freundlichen Grüßen\nAda",
        ] {
            assert_eq!(of(text), "Yes.", "{text}");
        }
    }

    #[test]
    fn what_people_write_below_a_marked_quote_is_theirs() {
        assert_eq!(of("On 3 May 2027 Maya wrote:\n> Do you have time?\n\nYes."), "Yes.");
        assert_eq!(of("> Do you have time?\nYes.\n> And on Monday?\nNo."), "Yes.\nNo.");
    }

    #[test]
    fn a_letter_is_not_cut_in_its_middle() {
        for text in [
            "Three things:\n1. price\n2. date",
            "Note: we moved.\n\nCall me: 030 1234",
            "Thanks,\nbut no.",
            "As Ada wrote: it works.\nGood.",
        ] {
            assert_eq!(of(text), text);
        }
    }
}
