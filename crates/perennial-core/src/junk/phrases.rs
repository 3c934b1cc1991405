//! What form spam says. Our own list, weighed so that no phrase alone reaches the threshold: whoever asks an agency
//! about backlinks is a customer, whoever offers them to a stranger says more than that one word.

/// Phrases in lower case, of letters, digits and single spaces, with their weight.
///
/// An apostrophe counts as nothing, all other signs as a space.
const PHRASES: &[(&str, u32)] = &[
    // Search engines and traffic.
    ("backlink", 35),
    ("backlinks", 35),
    ("link building", 35),
    ("guest post", 35),
    ("guest posts", 35),
    ("sponsored post", 35),
    ("domain authority", 30),
    ("high da", 30),
    ("first page of google", 45),
    ("top of google", 40),
    ("rank higher", 30),
    ("ranking on google", 30),
    ("google rankings", 30),
    ("search engine rankings", 35),
    ("search engine index", 50),
    ("seo services", 40),
    ("seo expert", 40),
    ("seo audit", 30),
    ("seo", 15),
    ("website traffic", 30),
    ("boost your website", 35),
    ("traffic to your website", 35),
    ("traffic to your site", 35),
    ("targeted traffic", 35),
    ("more visitors", 25),
    ("generate traffic", 35),
    ("drive traffic", 30),
    ("online presence", 25),
    ("outrank", 25),
    ("get more traffic", 35),
    ("unlimited traffic", 45),
    ("rank on google", 30),
    ("search engine ranking", 30),
    ("toxic links", 35),
    ("organic listings", 30),
    ("pay per click", 20),
    // Offers to whoever reads contact forms.
    ("contact form", 15),
    ("contact forms", 30),
    ("millions of websites", 45),
    ("contact form marketing", 60),
    ("your ad", 20),
    ("ad text", 35),
    ("i was on your website", 25),
    ("i came across your website", 30),
    ("i visited your website", 25),
    ("i found your website", 25),
    ("while browsing your website", 30),
    ("looking at your website", 20),
    ("redesign your website", 45),
    ("website redesign", 30),
    ("getting your website done", 60),
    ("web design services", 40),
    ("web development company", 30),
    ("website design company", 35),
    ("mobile app development", 25),
    ("graphic design services", 35),
    ("explainer video", 35),
    ("explainer videos", 35),
    ("animated video", 30),
    ("promotional video", 30),
    ("our portfolio", 20),
    ("virtual assistant", 25),
    ("outsource", 15),
    ("lead generation services", 40),
    ("email list", 25),
    ("email lists", 35),
    ("mailing list of", 30),
    ("verified contacts", 35),
    ("social media followers", 40),
    ("growth service", 35),
    ("youtube growth", 40),
    ("your subscriber count", 40),
    ("your follower count", 40),
    ("private label rights", 45),
    ("i wanted to know your price", 35),
    ("samples of our previous work", 35),
    ("instagram followers", 45),
    ("fake reviews", 40),
    ("5 star reviews", 35),
    ("negative reviews", 25),
    // Money.
    ("business loan", 40),
    ("business loans", 40),
    ("business funding", 40),
    ("working capital", 30),
    ("merchant cash advance", 60),
    ("debt financing", 40),
    ("loan offer", 50),
    ("personal loan", 40),
    ("no credit check", 50),
    ("credit checks", 30),
    ("annual interest", 30),
    ("interest rate", 15),
    ("collateral", 15),
    ("funding for your business", 50),
    ("financing solutions", 35),
    ("investment opportunity", 40),
    ("investment consultant", 40),
    ("private investors", 30),
    ("guaranteed returns", 60),
    ("passive income", 45),
    ("make money", 40),
    ("earn money", 40),
    ("extra income", 40),
    ("financial freedom", 40),
    ("work from home", 25),
    ("bitcoin", 25),
    ("crypto", 20),
    ("cryptocurrency", 25),
    ("forex", 35),
    ("binary options", 60),
    ("trading bot", 50),
    ("next of kin", 70),
    ("inheritance", 35),
    ("late client", 50),
    ("late relative", 50),
    ("lost funds", 40),
    ("united states dollars", 40),
    ("loan approvals", 40),
    ("affiliate commissions", 40),
    ("million dollars", 40),
    ("million united states dollars", 70),
    ("million usd", 50),
    ("entitled to compensation", 60),
    ("investment scam", 50),
    ("lottery", 40),
    ("you have won", 50),
    ("claim your", 35),
    ("gift card", 25),
    // Pills, games, company.
    ("viagra", 80),
    ("cialis", 80),
    ("weight loss", 45),
    ("keto", 35),
    ("cbd oil", 45),
    ("online casino", 70),
    ("casino", 40),
    ("sports betting", 60),
    ("slots", 20),
    ("porn", 80),
    ("sex dating", 80),
    ("hot girls", 80),
    ("adult dating", 80),
    ("dating site", 50),
    ("escort", 30),
    // Pressure.
    ("click here", 30),
    ("click the link", 30),
    ("click below", 30),
    ("act now", 35),
    ("act quickly", 35),
    ("limited time", 30),
    ("before it expires", 35),
    ("special offer", 25),
    ("money back guarantee", 40),
    ("100 free", 30),
    ("100 satisfaction", 30),
    ("risk free", 30),
    ("no obligation", 15),
    ("free of charge", 20),
    ("free trial", 10),
    ("unsubscribe", 20),
    ("opt out", 20),
    ("to be removed", 25),
    ("reply stop", 35),
    ("remove your website", 45),
    ("dear sir", 15),
    ("dear sir madam", 25),
    ("dear friend", 40),
    ("dear website owner", 60),
    ("whatsapp", 15),
    ("telegram", 20),
    ("skype", 15),
    // The same few in other languages.
    ("хотите заработать", 70),
    ("заработок", 45),
    ("доход", 35),
    ("казино", 60),
    ("продвижение сайта", 50),
    ("продвижение сайтов", 50),
    ("ganar dinero", 45),
    ("préstamo", 30),
    ("referencement", 25),
    ("prêt entre particuliers", 60),
    ("geld verdienen", 45),
    ("kredit ohne schufa", 60),
    ("erste seite bei google", 45),
    ("tinggi gacor", 60),
    ("slot gacor", 70),
];

/// The listed phrases that a text in lower case holds, as whole words.
pub(super) fn in_text(lower: &str) -> impl Iterator<Item = (&'static str, u32)> {
    let words = words(lower);
    PHRASES.iter().copied().filter(move |(phrase, _)| holds(&words, phrase))
}

/// The text as words between single spaces, with one before and after.
fn words(lower: &str) -> String {
    let mut words = String::with_capacity(lower.len().saturating_add(2));
    words.push(' ');
    for c in lower.chars().filter(|c| !matches!(c, '\'' | '\u{2019}')) {
        if c.is_alphanumeric() {
            words.push(c);
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

fn holds(words: &str, phrase: &str) -> bool {
    words.match_indices(phrase).any(|(start, _)| {
        let before = words.get(..start).is_some_and(|text| text.ends_with(' '));
        let after = words.get(start.saturating_add(phrase.len())..).is_some_and(|text| text.starts_with(' '));
        before && after
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::JUNK_THRESHOLD;

    #[test]
    fn no_phrase_is_enough_alone_and_each_is_written_as_texts_are_read() {
        for (phrase, weight) in PHRASES {
            assert!((1..JUNK_THRESHOLD).contains(weight), "{phrase}");
            assert_eq!(words(&phrase.to_lowercase()).trim(), *phrase);
        }
        let distinct: std::collections::BTreeSet<_> = PHRASES.iter().map(|(phrase, _)| phrase).collect();
        assert_eq!(distinct.len(), PHRASES.len());
    }

    #[test]
    fn phrases_are_whole_words_whatever_stands_between_them() {
        let found = |text: &str| in_text(&text.to_lowercase()).map(|(phrase, _)| phrase).collect::<Vec<_>>();
        assert_eq!(found("Museo, Seoul"), Vec::<&str>::new());
        assert_eq!(found("The FIRST page\n of \u{201c}Google\u{201d}!"), ["first page of google"]);
        assert_eq!(found("100% free"), ["100 free"]);
    }
}
