//! Until when somebody is away, by an automatic answer in one of twelve languages.
//!
//! **Invariant:** a date counts only beside a word that makes it an end or a return, and only within the next
//! [`ABSENCE_DAYS_MAX`] days: any other date is of something else.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::tongues::{BEFORE_A_DATE, Slashed, TONGUES, Tongue};
use super::{ABSENCE_DAYS_MAX, Absence, words};

/// How far from a date a "back" may stand, in words.
const REACH_BEFORE: usize = 8;
const REACH_AFTER: usize = 6;

/// What an automatic answer that was written on a day says of its owner.
pub(super) fn absence(subject: &str, own: &str, written: Date) -> Absence {
    let text = words::folded(&format!("{subject}\n{own}"));
    let said = words::words(&text);
    let tokens = tokens(&text);
    let latest = written.checked_add(ABSENCE_DAYS_MAX.days()).unwrap_or(written);
    let slashed = slashed(&said);
    let until = (0..tokens.len())
        .filter_map(|at| found(&tokens, at, written, slashed))
        .filter(|found| (written..=latest).contains(&found.date) && is_end(&tokens, found))
        .map(|found| found.date)
        .max();
    let is_away = TONGUES
        .iter()
        .flat_map(|tongue| tongue.auto_reply.iter().chain(tongue.away))
        .any(|stem| words::holds(&said, stem));
    match until {
        Some(date) => Absence::Until(date),
        None if is_away => Absence::Open,
        None => Absence::Unsaid,
    }
}

/// How the language of a text reads 5/6.
fn slashed(said: &str) -> Slashed {
    let common = |tongue: &&Tongue| said.split(' ').filter(|word| tongue.common.contains(word)).count();
    // Of several that fit as well the first, which is the most spoken.
    TONGUES.iter().rev().max_by_key(common).map_or(Slashed::DayFirst, |tongue| tongue.slashed)
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Number { value: i32, digits: usize },
    Word(&'a str),
    Mark(char),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let same = |other: char| {
            if c.is_ascii_digit() { other.is_ascii_digit() } else { c.is_alphabetic() && other.is_alphabetic() }
        };
        let length = rest.find(|other| !same(other)).unwrap_or(rest.len()).max(c.len_utf8());
        let Some((piece, tail)) = rest.split_at_checked(length) else { break };
        if c.is_ascii_digit() {
            tokens.push(piece.parse().map_or(Token::Mark(c), |value| Token::Number { value, digits: piece.len() }));
        } else if c.is_alphabetic() {
            tokens.push(Token::Word(piece));
        } else if !c.is_whitespace() {
            tokens.push(Token::Mark(c));
        }
        rest = tail;
    }
    tokens
}

/// A date in a text.
struct Found {
    date: Date,
    /// Its first token, and the first behind it.
    from: usize,
    to: usize,
    /// Whether it closes a range: `10-31 July`.
    closes_range: bool,
}

/// The date that begins at a token.
fn found(tokens: &[Token<'_>], at: usize, written: Date, slashed: Slashed) -> Option<Found> {
    // The rest of a longer number or date is not another date.
    let after_number = at.checked_sub(1).and_then(|before| tokens.get(before));
    let rest = tokens.get(at..)?;
    let ends_range = closes_range(tokens, at);
    if matches!(after_number, Some(Token::Mark('/' | '.' | ':' | '+')))
        && !ends_range
        && is_number(tokens, at.checked_sub(2))
    {
        return None;
    }
    let (date, length, closes) = iso(rest)
        .or_else(|| numeric(rest, written, slashed))
        .or_else(|| day_and_month(rest, written))
        .or_else(|| month_and_day(rest, written))
        .or_else(|| weekday(rest, written))?;
    Some(Found { date, from: at, to: at.saturating_add(length), closes_range: closes || ends_range })
}

fn is_number(tokens: &[Token<'_>], at: Option<usize>) -> bool {
    matches!(at.and_then(|at| tokens.get(at)), Some(Token::Number { .. }))
}

/// Whether what begins at a token follows a dash that follows a day or a month.
fn closes_range(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(Token::Mark('-')) = at.checked_sub(1).and_then(|dash| tokens.get(dash)) else { return false };
    match at.checked_sub(2).and_then(|before| tokens.get(before)) {
        Some(Token::Number { digits, .. }) => *digits <= 2,
        Some(Token::Word(word)) => month(word).is_some() || is_ordinal(word),
        Some(Token::Mark(mark)) => *mark == '.' && is_number(tokens, at.checked_sub(3)),
        None => false,
    }
}

type Read = (Date, usize, bool);

/// `2027-05-05`.
fn iso(rest: &[Token<'_>]) -> Option<Read> {
    let [
        Token::Number { value: year, digits: 4 },
        Token::Mark(a),
        Token::Number { value: month, .. },
        Token::Mark(b),
        Token::Number { value: day, .. },
        ..,
    ] = rest
    else {
        return None;
    };
    let is_dated = a == b && matches!(a, '-' | '/' | '.');
    is_dated.then(|| date(*year, *month, *day)).flatten().map(|date| (date, 5, false))
}

/// `05.05.2027`, `5/5/27`, `5.5.`, `5/5`.
fn numeric(rest: &[Token<'_>], written: Date, slashed: Slashed) -> Option<Read> {
    let [
        Token::Number { value: first, digits: 1..=2 },
        Token::Mark(mark @ ('.' | '/' | '-')),
        Token::Number { value: second, digits: 1..=2 },
        ..,
    ] = rest
    else {
        return None;
    };
    let year = match rest.get(3..5) {
        Some([Token::Mark(again), Token::Number { value, digits: 4 }]) if again == mark => Some(*value),
        Some([Token::Mark(again), Token::Number { value, digits: 2 }]) if again == mark => {
            Some(value.saturating_add(2000))
        }
        _ => None,
    };
    // Two numbers with a dash between them are a range of days.
    if year.is_none() && *mark == '-' {
        return None;
    }
    let dated = |day: i32, month: i32| year.map_or_else(|| next(month, day, written), |year| date(year, month, day));
    let is_near = |date: &Date| {
        date.since(written).is_ok_and(|span| (0..=ABSENCE_DAYS_MAX).contains(&i64::from(span.get_days())))
    };
    let day_first = *mark == '.' || slashed == Slashed::DayFirst;
    let (usual, other) = if day_first {
        (dated(*first, *second), dated(*second, *first))
    } else {
        (dated(*second, *first), dated(*first, *second))
    };
    let other = other.filter(|_| *mark != '.').filter(is_near);
    let length = if year.is_some() { 5 } else { 3 };
    usual.filter(is_near).or(other).map(|date| (date, length, false))
}

/// `5 May 2027`, `5. Mai`, `5 de mayo de 2027`, `1er mai`.
fn day_and_month(rest: &[Token<'_>], written: Date) -> Option<Read> {
    let [Token::Number { value: day, digits: 1..=2 }, behind @ ..] = rest else { return None };
    let gap = behind.iter().take_while(|token| is_between(**token)).count();
    let month_at = behind.get(gap).copied();
    let Some(Token::Word(word)) = month_at else { return None };
    let month = month(word)?;
    let behind_month = behind.get(gap.saturating_add(1)..).unwrap_or_default();
    let (year, taken) = year(behind_month);
    let date = year.map_or_else(|| next(month, *day, written), |year| date(year, month, *day))?;
    Some((date, gap.saturating_add(2).saturating_add(taken), false))
}

/// `May 5, 2027`, `July 10-31`.
fn month_and_day(rest: &[Token<'_>], written: Date) -> Option<Read> {
    let [Token::Word(word), Token::Number { value: first, digits: 1..=2 }, behind @ ..] = rest else { return None };
    let month = month(word)?;
    let ordinal = behind.iter().take_while(|token| matches!(token, Token::Word(word) if is_ordinal(word))).count();
    let behind_day = behind.get(ordinal..).unwrap_or_default();
    let (day, ranged) = match behind_day {
        [Token::Mark('-'), Token::Number { value, digits: 1..=2 }, ..] => (*value, 2_usize),
        _ => (*first, 0),
    };
    let (year, taken) = year(behind_day.get(ranged..).unwrap_or_default());
    let date = year.map_or_else(|| next(month, day, written), |year| date(year, month, day))?;
    Some((date, ordinal.saturating_add(2).saturating_add(ranged).saturating_add(taken), ranged > 0))
}

/// A year behind a month or a day, and how many tokens it takes.
fn year(behind: &[Token<'_>]) -> (Option<i32>, usize) {
    let gap = behind.iter().take_while(|token| is_between(**token)).count();
    match behind.get(gap) {
        Some(Token::Number { value, digits: 4 }) => (Some(*value), gap.saturating_add(1)),
        Some(_) | None => (None, 0),
    }
}

/// `Monday`: the next one.
fn weekday(rest: &[Token<'_>], written: Date) -> Option<Read> {
    let Some(Token::Word(word)) = rest.first() else { return None };
    let days = TONGUES.iter().flat_map(|tongue| tongue.weekdays.iter().enumerate());
    let (day, _) = days.into_iter().find(|(_, names)| names.contains(word))?;
    let weekday = Weekday::from_monday_zero_offset(i8::try_from(day).ok()?).ok()?;
    written.nth_weekday(1, weekday).ok().map(|date| (date, 1, false))
}

fn month(word: &str) -> Option<i32> {
    let months = TONGUES.iter().flat_map(|tongue| tongue.months.iter().zip(1..));
    months.into_iter().find(|(names, _)| names.contains(&word)).map(|(_, month)| month)
}

/// What may stand between a day, its month and its year.
fn is_between(token: Token<'_>) -> bool {
    match token {
        Token::Word(word) => is_ordinal(word) || matches!(word, "de" | "del" | "do" | "of"),
        Token::Mark(mark) => matches!(mark, '.' | ',' | 'º' | '°' | 'ª'),
        Token::Number { .. } => false,
    }
}

fn is_ordinal(word: &str) -> bool {
    matches!(word, "st" | "nd" | "rd" | "th" | "er" | "e" | "a" | "o" | "er." | "eme")
}

fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// The next such day from the day of writing on.
fn next(month: i32, day: i32, written: Date) -> Option<Date> {
    let year = i32::from(written.year());
    let this = date(year, month, day).filter(|date| *date >= written);
    this.or_else(|| date(year.saturating_add(1), month, day))
}

/// Whether the words around a date make it an end or a return.
fn is_end(tokens: &[Token<'_>], found: &Found) -> bool {
    let before = words_of(tokens.get(..found.from).unwrap_or_default());
    let after = words_of(tokens.get(found.to..).unwrap_or_default());
    let near_before = before.get(before.len().saturating_sub(REACH_BEFORE)..).unwrap_or_default();
    let adjacent: Vec<&str> = near_before.iter().copied().rev().skip_while(|word| is_filler(word)).take(4).collect();
    let adjacent = adjacent.into_iter().rev().collect::<Vec<_>>().join(" ");
    let near_after: Vec<&str> = after.iter().copied().take(REACH_AFTER).collect();
    let (near_before, near_after) = (near_before.join(" "), near_after.join(" "));
    found.closes_range
        || TONGUES.iter().any(|tongue| {
            tongue.until.iter().any(|until| words::ends(&adjacent, until))
                || tongue.until_behind.iter().any(|until| words::begins(&near_after, until))
                || tongue.back.iter().any(|back| words::holds(&near_before, back) || words::holds(&near_after, back))
        })
}

fn words_of<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let word = |token: &Token<'a>| match token {
        Token::Word(word) => Some(*word),
        Token::Number { .. } | Token::Mark(_) => None,
    };
    tokens.iter().filter_map(word).collect()
}

/// Words between "until" and its date: articles, weekdays.
fn is_filler(word: &str) -> bool {
    let is_weekday = || TONGUES.iter().flat_map(|tongue| tongue.weekdays).any(|names| names.contains(&word));
    BEFORE_A_DATE.contains(&word) || is_weekday()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn until(text: &str, expected: &str) {
        let written = jiff::civil::date(2027, 4, 28); // a Wednesday
        let found = match absence("Automatic reply", text, written) {
            Absence::Until(date) => date.to_string(),
            Absence::Open => "open".to_owned(),
            Absence::Unsaid => "unsaid".to_owned(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_return_date_is_read_in_every_usual_spelling() {
        for text in [
            "I am out of office until 5 May.",
            "I am out of the office until May 5th, 2027.",
            "I will be back on Wednesday, 5 May 2027.",
            "Out through 2027-05-05.",
            "Returning to the office on May 5th.",
            "I am away from April 28 to May 5.",
            "I will be travelling April 20 - May 5.",
            "On leave May 3-5.",
            "Away 1-5 May.",
            "Ich bin bis 5. Mai nicht im Büro.",
            "Ich bin bis einschließlich Mittwoch, den 05.05.2027 abwesend.",
            "Ab dem 5.5. bin ich wieder erreichbar.",
            "Am 5. Mai bin ich wieder da.",
            "Urlaub vom 28.4. - 5.5.",
            "Je suis absente jusqu'au 5 mai inclus.",
            "Absent du 28 avril au 5 mai 2027.",
            "De retour le mercredi 5 mai.",
            "Estaré fuera hasta el 5 de mayo de 2027.",
            "Sono in ferie fino al 5 maggio.",
            "Ik ben afwezig tot en met 5 mei.",
            "Tot 5-5-2027 ben ik er niet.",
            "Estou de férias até 5 de maio.",
            "Jestem poza biurem do 5 maja 2027.",
            "Jag är tillbaka den 5 maj.",
            "Jeg er på ferie til og med den 5. maj.",
            "Olen lomalla 5.5. asti.",
            "Palaan toimistolle 5. toukokuuta.",
            "Jsem mimo kancelář do 5. května.",
            "Hasta el 5/5.",
        ] {
            until(text, "2027-05-05");
        }
    }

    #[test]
    fn an_ambiguous_date_is_read_as_its_language_does() {
        until("I am out and will be back on 5/6/2027. Thank you for your message.", "2027-05-06");
        until("Je suis absent et de retour le 5/6/2027. Merci de votre message.", "2027-06-05");
        until("I will be back on 30/4.", "2027-04-30");
    }

    #[test]
    fn a_weekday_is_the_next_one() {
        until("I am away until Friday.", "2027-04-30");
        until("Am Montag bin ich wieder erreichbar.", "2027-05-03");
    }

    #[test]
    fn the_last_of_several_dates_counts() {
        until("I am away until 30 April and again until 5 May.", "2027-05-05");
        until("Out 28 April to 4 May, back on 5 May.", "2027-05-05");
    }

    #[test]
    fn what_is_far_away_past_or_of_something_else_is_no_date() {
        until("I am out of office until 5 May 2028.", "open");
        until("I am away until 20 April.", "open");
        until("I am on leave. Our fair opens on 5 May.", "open");
        until("I am away until 31 February.", "open");
        until("Call 030/12.05.27 while I am away.", "open");
    }

    #[test]
    fn a_receipt_says_nothing_of_an_absence() {
        let written = jiff::civil::date(2027, 4, 28);
        assert_eq!(absence("Ticket 4711", "We have received your request.", written), Absence::Unsaid);
    }

    #[test]
    fn no_text_makes_it_panic() {
        let runner = |text: String| absence(&text, &text, jiff::civil::date(2027, 12, 31));
        for text in ["31.12.9999 - 99/99/9999", "9999999999999999 may 31", "until -", "5 may 99999", "٥ مايو"] {
            let _ = runner(text.to_owned());
        }
    }
}
