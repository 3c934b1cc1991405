//! What the words of a submission say against it: advertisements, random letters, links where names belong.
//!
//! **Invariants:** all of it is integer arithmetic over the text, so the same words weigh the same everywhere. No
//! single phrase and no single odd word makes a person junk: only what adds up does
//! ([`JUNK_THRESHOLD`](crate::submission::JUNK_THRESHOLD)).

mod letters;
mod phrases;

use crate::submission::JunkReason;

/// Fields that hold the name of a person, by custom. Mails greet by them, so a link in one would be sent on.
const NAME_FIELDS: &[&str] = &[
    "name",
    "first_name",
    "last_name",
    "middle_name",
    "full_name",
    "given_name",
    "family_name",
    "surname",
    "nickname",
    "salutation",
];

/// Top-level domains that turn "word.tld" in a name field into a link: those that no initial or title looks like.
const LINK_ENDINGS: &[&str] = &[
    "app", "biz", "cc", "click", "club", "co", "com", "dev", "info", "io", "link", "live", "ly", "net", "online",
    "org", "page", "pro", "ru", "shop", "site", "space", "store", "su", "top", "vip", "website", "xyz",
];

/// How markup begins that only machines write into a form.
const MARKUP: &[&str] = &["<a ", "</", "href=", "[url", "[link", "[img", "<script", "<iframe"];

/// How many links in one text are more than somebody would give.
const LINKS_MANY: usize = 3;

/// What a text weighs from which its phrases are an advertisement; each phrase counts once.
const ADVERTISEMENT: u32 = 100;
/// What a text weighs from which its phrases are worth noting.
const HINT: u32 = 30;

/// The reasons in the answers of a form: pairs of a field's name and what any text may answer to it, cleaned.
pub fn reasons<'a>(answers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<JunkReason> {
    let mut seen = Seen::default();
    for (field, text) in answers {
        seen.look_at(field, text);
    }
    seen.reasons()
}

#[derive(Default)]
struct Seen {
    /// Weight of the phrases in all answers, each phrase once.
    found: Vec<&'static str>,
    phrases: u32,
    links: usize,
    has_named_link: bool,
    has_markup: bool,
    /// Answers with a word long enough to be judged, and those of them that read as no language.
    judged: usize,
    gibberish: usize,
}

impl Seen {
    fn look_at(&mut self, field: &str, text: &str) {
        let lower = text.to_lowercase();
        self.links = self.links.saturating_add(links(&lower));
        self.has_named_link |= NAME_FIELDS.contains(&field) && is_or_holds_link(&lower);
        self.has_markup |= MARKUP.iter().any(|mark| lower.contains(mark));
        for (phrase, weight) in phrases::in_text(&lower) {
            if !self.found.contains(&phrase) {
                self.found.push(phrase);
                self.phrases = self.phrases.saturating_add(weight);
            }
        }
        match letters::reading(text) {
            letters::Reading::TooShort => {}
            letters::Reading::Words => self.judged = self.judged.saturating_add(1),
            letters::Reading::Gibberish => {
                self.judged = self.judged.saturating_add(1);
                self.gibberish = self.gibberish.saturating_add(1);
            }
        }
    }

    fn reasons(&self) -> Vec<JunkReason> {
        let phrases = self.phrases.saturating_add(if self.links >= LINKS_MANY { HINT } else { 0 });
        let spam = match phrases {
            ADVERTISEMENT.. => Some(JunkReason::SpamPhrase),
            HINT.. => Some(JunkReason::SpamHint),
            _ => None,
        };
        [
            spam,
            self.has_named_link.then_some(JunkReason::LinkAsName),
            self.has_markup.then_some(JunkReason::BadSyntax),
            (self.gibberish > 0).then_some(JunkReason::Gibberish),
            (self.gibberish > 1 && self.gibberish == self.judged).then_some(JunkReason::NoWords),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn links(lower: &str) -> usize {
    lower.matches("://").count().saturating_add(lower.matches("www.").count())
}

/// Whether a name is, or holds, something that a mail program would make a link of.
fn is_or_holds_link(lower: &str) -> bool {
    links(lower) > 0 || lower.split_whitespace().any(is_bare_domain)
}

fn is_bare_domain(word: &str) -> bool {
    let host = word.split('/').next().unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric());
    let Some((name, ending)) = host.rsplit_once('.') else { return false };
    LINK_ENDINGS.contains(&ending) && name.chars().filter(|c| c.is_alphanumeric()).count() > 1
}

#[cfg(test)]
mod tests;
