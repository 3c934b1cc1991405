//! Whether letters read as any language, or as what a hand on the keys or a random generator leaves.
//!
//! The measure looks at words of Latin letters only: runs of consonants, pairs that no language has, vowels that are
//! missing, and capitals in the middle. It has to leave alone every name that people have, in all the languages that
//! write so; the list in the tests is long for that reason. Other scripts are never judged.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Shorter words are never judged: abbreviations, and names like `Ng` and `Krk`.
const WORD_LENGTH_MIN: usize = 6;
/// Only so many letters of a word, and so many words of a text, are looked at.
const WORD_LENGTH_MAX: usize = 40;
const WORDS_MAX: usize = 200;
/// The points from which a word is no word.
const POINTS_MIN: u32 = 4;
/// The longest run of consonants that costs nothing. Letters that are written as one sound count as one.
const RUN_FREE: u32 = 4;
/// How often a word may go back to a capital letter (`McDonald`, `LaTeX`).
const CAPITALS_FREE: u32 = 2;

/// How a text reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// No word of it can be judged.
    TooShort,
    /// As words.
    Words,
    /// Most of what can be judged is no word.
    Gibberish,
}

pub(super) fn reading(text: &str) -> Reading {
    let (mut judged, mut odd) = (0_usize, 0_usize);
    for word in text.split(|c: char| !c.is_alphanumeric()).take(WORDS_MAX).filter_map(Word::of) {
        judged += 1;
        odd += usize::from(word.points() >= POINTS_MIN);
    }
    match (judged, odd) {
        (0, _) => Reading::TooShort,
        (judged, odd) if odd.saturating_mul(2) > judged => Reading::Gibberish,
        (_, _) => Reading::Words,
    }
}

/// A word of Latin letters, without their marks.
struct Word {
    /// In lower case.
    letters: Vec<char>,
    /// How often a capital follows a small letter.
    capitals: u32,
}

impl Word {
    /// `None` for what is not judged: short, long, other scripts, digits.
    fn of(text: &str) -> Option<Self> {
        let plain: Vec<char> = text.nfd().filter(|c| !is_combining_mark(*c)).take(WORD_LENGTH_MAX + 1).collect();
        if !(WORD_LENGTH_MIN..=WORD_LENGTH_MAX).contains(&plain.len()) {
            return None;
        }
        let pairs = plain.iter().zip(plain.iter().skip(1));
        let capitals = pairs.filter(|(a, b)| a.is_lowercase() && b.is_uppercase()).count();
        let letters: Option<Vec<char>> = plain.iter().map(|c| latin(*c)).collect();
        Some(Self { letters: letters?, capitals: u32::try_from(capitals).unwrap_or(u32::MAX) })
    }

    fn points(&self) -> u32 {
        let capitals = self.capitals.saturating_sub(CAPITALS_FREE).saturating_mul(2);
        capitals + self.run_points() + self.pair_points() + self.vowel_points()
    }

    /// Two points for a run of five consonants, three for six, and so on, over all runs.
    fn run_points(&self) -> u32 {
        let mut points = 0;
        let mut run = 0_u32;
        for sound in self.sounds() {
            match sound {
                Sound::Vowel => {
                    points += run_points(run);
                    run = 0;
                }
                Sound::Consonant => run += 1,
            }
        }
        points + run_points(run)
    }

    fn pair_points(&self) -> u32 {
        let pairs = self.letters.iter().zip(self.letters.iter().skip(1));
        let odd = pairs.filter(|(a, b)| is_unheard_of(**a, **b)).count();
        u32::try_from(odd).unwrap_or(u32::MAX).saturating_mul(2)
    }

    /// Two points for a word of eight letters or more with hardly a vowel.
    fn vowel_points(&self) -> u32 {
        let vowels = self.letters.iter().filter(|c| is_vowel(**c)).count();
        if self.letters.len() >= 8 && vowels.saturating_mul(5) < self.letters.len() { 2 } else { 0 }
    }

    /// The sounds: `sch` and the like are one, and between consonants `r` and `l` are vowels (Crnković, Vltava).
    fn sounds(&self) -> Vec<Sound> {
        let mut sounds = Vec::with_capacity(self.letters.len());
        let mut rest = self.letters.as_slice();
        let mut before = None;
        while let [first, after @ ..] = rest {
            if is_vowel(*first) {
                sounds.push(Sound::Vowel);
                rest = after;
            } else if let Some(longer) = together(rest) {
                sounds.push(Sound::Consonant);
                rest = rest.get(longer..).unwrap_or_default();
            } else {
                let is_between =
                    before.is_some_and(|c: char| !is_vowel(c)) && after.first().is_some_and(|c| !is_vowel(*c));
                let is_syllable = matches!(first, 'r' | 'l') && is_between;
                sounds.push(if is_syllable { Sound::Vowel } else { Sound::Consonant });
                rest = after;
            }
            before = Some(*first);
        }
        sounds
    }
}

#[derive(Clone, Copy)]
enum Sound {
    Vowel,
    Consonant,
}

const fn run_points(run: u32) -> u32 {
    if run > RUN_FREE { run - RUN_FREE + 1 } else { 0 }
}

/// A letter in lower case, if it is a Latin one; those that decompose into nothing go to what they sound like.
fn latin(c: char) -> Option<char> {
    match c {
        'a'..='z' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        'ß' | 'ẞ' => Some('s'),
        'æ' | 'Æ' | 'ə' | 'Ə' => Some('a'),
        'ø' | 'Ø' | 'œ' | 'Œ' => Some('o'),
        'đ' | 'Đ' | 'ð' | 'Ð' => Some('d'),
        'ł' | 'Ł' => Some('l'),
        'þ' | 'Þ' | 'ŧ' | 'Ŧ' => Some('t'),
        'ı' => Some('i'),
        'ħ' | 'Ħ' => Some('h'),
        'ŋ' | 'Ŋ' => Some('n'),
        _ => None,
    }
}

const fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// What is written with several consonants and spoken as one, longest first.
const TOGETHER: &[&str] = &[
    "tsch", "dsch", "sch", "tch", "dzs", "szcz", "szc", "bh", "ch", "ck", "cs", "cz", "dh", "dj", "dz", "gh", "gy",
    "kh", "ll", "mm", "ng", "nj", "nk", "nn", "ph", "pp", "qv", "rr", "rz", "sh", "sj", "sp", "ss", "st", "sz", "th",
    "ts", "tt", "tz", "wh", "zh", "zs", "ff", "bb", "dd", "gg", "kk", "zz",
];

/// How many letters at the start are one consonant, where it is more than one.
fn together(letters: &[char]) -> Option<usize> {
    let starts = |group: &&&str| group.chars().zip(letters).filter(|(a, b)| a == *b).count() == group.len();
    TOGETHER.iter().find(starts).map(|group| group.len())
}

/// Pairs that hardly any word of any language has, loan words and names counted in (Lindqvist, Qasim).
fn is_unheard_of(a: char, b: char) -> bool {
    let after: &str = match a {
        'b' | 'd' | 'k' | 'l' | 'm' | 'r' | 's' | 't' => "x",
        'c' => "vwxj",
        'f' => "xvzp",
        'g' => "xv",
        'h' => "xj",
        'j' => "qxzwfgvy",
        'p' => "xvj",
        'q' => "bcdfghjkmnpqrstxyz",
        'v' => "bcfhjkmpqwx",
        'w' => "xvjz",
        'x' => "jqkzgwrv",
        'y' => "qj",
        'z' => "qxjrfp",
        _ => "",
    };
    after.contains(b)
}
