//! Whether a person says, in their own words, that they do not want our mail.
//!
//! **Invariant:** only words above the quote count, and only of a text short enough to mean them: "please stop by our
//! booth" is an invitation.

use super::Wish;
use super::tongues::{FILLERS, TONGUES, Tongue};
use super::words;

/// The longest text, in words, whose wish a machine may take for granted. A longer one is for a person to read.
const WORDS_MAX: usize = 30;

/// How close before a phrase a "not" turns it round, in words.
const NEGATION_REACH: usize = 3;

/// What somebody wishes who wrote this, quotes and signature taken off.
pub(super) fn wish(subject: &str, own: &str) -> Wish {
    let own = words::folded(own);
    let text = words::words(&own);
    let asked = if text.is_empty() {
        // Some write nothing but a subject. One that begins with "Re:" is ours.
        is_bare(&words::folded(subject))
    } else {
        let is_short = text.split(' ').count() <= WORDS_MAX;
        is_short && (own.lines().any(is_bare) || sentences(&own).any(|sentence| asks(&sentence)))
    };
    if asked { Wish::OptOut } else { Wish::Other }
}

/// A line that is nothing but the word, and politeness.
fn is_bare(line: &str) -> bool {
    let line = words::words(line);
    let mut said = line.split(' ').filter(|word| !word.is_empty() && !FILLERS.contains(word)).peekable();
    said.peek().is_some() && said.all(|word| TONGUES.iter().any(|tongue| tongue.opt_out_alone.contains(&word)))
}

/// The words of each sentence. A single line end is no end: mail programs wrap lines.
fn sentences(own: &str) -> impl Iterator<Item = String> {
    own.split("\n\n").flat_map(|paragraph| paragraph.split(['.', ',', ';', '!', '?', ':', '('])).map(words::words)
}

fn asks(sentence: &str) -> bool {
    TONGUES.iter().any(|tongue| {
        tongue
            .opt_out
            .iter()
            .any(|phrase| words::before(sentence, phrase).is_some_and(|head| !is_negated(head, tongue)))
    })
}

fn is_negated(head: &str, tongue: &Tongue) -> bool {
    head.trim_end().rsplit(' ').take(NEGATION_REACH).any(|word| tongue.negations.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_not_to_be_mailed_is_understood() {
        for text in [
            "STOP",
            "Stop!\n\nAnna Svensson",
            "Please stop.",
            "unsubscribe",
            "Hi, please remove me from\nyour list. Thanks",
            "No thanks, take me off your list",
            "Don’t email me again.",
            "How do I unsubscribe?",
            "Remove.",
        ] {
            assert_eq!(wish("Re: Hello", text), Wish::OptOut, "{text}");
        }
        assert_eq!(wish("unsubscribe", "\n"), Wish::OptOut);
    }

    #[test]
    fn other_words_are_left_to_a_person() {
        for text in [
            "Please stop by our booth!",
            "Please don't remove me from the list, I just changed jobs.",
            "I do not want to unsubscribe, but fewer mails would be nice.",
            "We never stop.",
            "Let's talk on Monday.",
            "Can you remove the attachment?",
            "",
        ] {
            assert_eq!(wish("Re: Hello", text), Wish::Other, "{text}");
        }
        let long = format!("{} please remove me from your list", "we talked about so many things. ".repeat(8));
        assert_eq!(wish("Re: Hello", &long), Wish::Other);
        assert_eq!(wish("Re: How to unsubscribe from noise", ""), Wish::Other);
        assert_eq!(wish("Re: Stop", ""), Wish::Other);
    }
}
