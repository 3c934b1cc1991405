//! E-mail addresses and phone numbers, parsed once and never printed.
//!
//! **Invariant:** an [`EmailAddress`] that exists can stand in a mail header: no quotes, no blanks, no
//! controls, a domain that DNS can hold. Text is parsed once, at the door (TRUST.md H6–H14); nothing
//! behind it checks an address again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{MixedScript, RestrictionLevel, RestrictionLevelDetection, skeleton};

/// Length limit of an address, in characters as given and in bytes on the wire (RFC 5321 §4.5.3.1.3, less the `<>`).
pub const ADDRESS_LENGTH_MAX: usize = 254;
/// Length limit of the part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
pub const LOCAL_PART_LENGTH_MAX: usize = 64;
/// Fewest digits of a phone number.
pub const PHONE_DIGITS_MIN: usize = 7;
/// Most digits of a phone number (E.164).
pub const PHONE_DIGITS_MAX: usize = 15;

/// Why a text is not an address or a number, as a sentence for the person who typed it.
///
/// It never repeats what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// It is not two parts around one `@`.
    #[error("An e-mail address looks like name@example.com.")]
    NotAnAddress,
    /// It is longer than mail servers take.
    #[error("This is too long for an e-mail address.")]
    AddressTooLong,
    /// Quotes, blanks, or a dot too many before the `@`.
    #[error("The part before the @ holds something that an e-mail address cannot have.")]
    LocalPart,
    /// No dot, an IP address, or not a name that DNS can hold.
    #[error("The part after the @ is not a mail domain like example.com.")]
    Domain,
    /// Letters, or signs that no number has.
    #[error("A phone number has only digits, spaces and the signs + ( ) - . /")]
    NotANumber,
    /// Too few or too many digits.
    #[error("A phone number has 7 to 15 digits.")]
    PhoneLength,
}

/// An e-mail address that passed the door's rules (H7–H11), kept as given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    local: String,
    /// As given; [`Self::domain`] is what DNS holds.
    domain_given: String,
    domain: String,
}

impl EmailAddress {
    /// Parses an address as typed; blanks around it do not count.
    ///
    /// Takes a dot-atom (RFC 5322 §3.2.3), in UTF-8 too (RFC 6531), and a domain name with a dot in it.
    /// Refuses what people do not have: quoted local parts, comments, IP literals.
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        // A limit in bytes first, four to a character at most, so that nothing below works on more.
        if text.len() > 4 * ADDRESS_LENGTH_MAX {
            return Err(ContactError::AddressTooLong);
        }
        let text: String = text.trim().nfc().collect();
        if text.chars().nth(ADDRESS_LENGTH_MAX).is_some() {
            return Err(ContactError::AddressTooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(ContactError::NotAnAddress)?;
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return Err(ContactError::NotAnAddress);
        }
        if !is_dot_atom(local) {
            return Err(ContactError::LocalPart);
        }
        let ascii_domain = ascii_domain(domain).ok_or(ContactError::Domain)?;
        if local.len() > LOCAL_PART_LENGTH_MAX || local.len() + 1 + ascii_domain.len() > ADDRESS_LENGTH_MAX {
            return Err(ContactError::AddressTooLong);
        }
        Ok(Self { local: local.to_owned(), domain_given: domain.to_owned(), domain: ascii_domain })
    }

    /// Lower-cased, the domain in punycode: what ids are derived from.
    pub fn normalised(&self) -> String {
        format!("{}@{}", self.folded_local(), self.domain)
    }

    /// As SES takes it: the local part as given, the domain in punycode.
    ///
    /// `None` if SES cannot mail it: it has no SMTPUTF8, so a local part beyond ASCII gets a call instead (H9).
    pub fn mailable(&self) -> Option<String> {
        self.local.is_ascii().then(|| format!("{}@{}", self.local, self.domain))
    }

    /// The domain in punycode, lower-cased.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// A canonical spelling of the mailbox, to hint at duplicates (H11); never an identity and never mailed.
    ///
    /// Tags after a `+` go; for Gmail, which ignores them, dots go too.
    pub fn mailbox_hint(&self) -> String {
        let folded = self.folded_local();
        let mailbox = untagged(&folded);
        match self.domain.as_str() {
            "gmail.com" | "googlemail.com" => format!("{}@gmail.com", mailbox.replace('.', "")),
            domain => format!("{mailbox}@{domain}"),
        }
    }

    /// Whether it names a desk rather than a person: `info@`, `sales@` (H13).
    pub fn is_role(&self) -> bool {
        ROLES.contains(&untagged(&self.folded_local()))
    }

    /// Whether the domain imitates another by look-alike letters (H10).
    ///
    /// True for a label that mixes scripts as no language does, for one in foreign letters that reads
    /// as ASCII under an ASCII top-level domain, and for a look-alike of a well-known mailbox domain.
    pub fn is_homoglyph(&self) -> bool {
        let (domain, _) = Uts46::new().to_unicode(self.domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
        let top_is_ascii = domain.rsplit('.').next().is_some_and(str::is_ascii);
        domain.split('.').any(|label| mixes_scripts(label) || (top_is_ascii && reads_as_ascii(label)))
            || (!is_well_known(&domain) && WELL_KNOWN_LOOKS.contains(&looks(&domain)))
    }

    /// The address its owner probably meant, where the domain is one slip away from a well-known one (H14).
    ///
    /// For the eyes of the person who typed it, and nothing else.
    pub fn suggestion(&self) -> Option<String> {
        if is_well_known(&self.domain) {
            return None;
        }
        OFTEN_MISTYPED
            .iter()
            .find(|known| strsim::osa_distance(known, &self.domain) == 1)
            .map(|known| format!("{}@{known}", self.local))
    }

    fn folded_local(&self) -> String {
        self.local.to_lowercase().nfc().collect()
    }
}

/// A phone number in a comparable form: digits, with a leading `+` where its country code was given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Parses a number as typed: formatting goes, `00` becomes `+`, an extension is dropped.
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        // Wide digits and odd hyphens become the plain ones.
        let text: String = text.nfkc().flat_map(char::to_lowercase).collect();
        let number = without_extension(text.trim());
        let (is_international, national) = match number.strip_prefix('+').or_else(|| number.strip_prefix("00")) {
            // "+49 (0)30 …": the trunk zero is for callers at home.
            Some(rest) => (true, rest.replacen("(0)", "", 1)),
            None => (false, number.to_owned()),
        };
        if !national.chars().all(|c| c.is_ascii_digit() || is_phone_formatting(c)) {
            return Err(ContactError::NotANumber);
        }
        let digits: String = national.chars().filter(char::is_ascii_digit).collect();
        if !(PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits.len()) {
            return Err(ContactError::PhoneLength);
        }
        match is_international {
            // No country code begins with a zero.
            true if digits.starts_with('0') => Err(ContactError::NotANumber),
            true => Ok(Self(format!("+{digits}"))),
            false => Ok(Self(digits)),
        }
    }

    /// The comparable form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `local` is a dot-atom: words of atom characters with single dots between them.
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_atom_char(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        // RFC 6531 would take any; invisible and formatting characters only ever deceive.
        c.is_alphanumeric() || is_combining_mark(c)
    }
}

/// The domain in punycode, if DNS can hold it, it has a dot, and its top level is not a number.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    let (_, top) = ascii.rsplit_once('.')?;
    let is_number = top.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then(|| ascii.into_owned())
}

/// The local part without its tag; all of it where nothing else is there.
fn untagged(local: &str) -> &str {
    match local.split_once('+') {
        Some((mailbox, _)) if !mailbox.is_empty() => mailbox,
        _ => local,
    }
}

/// Whether a label mixes scripts. Latin beside Chinese, Japanese or Korean is how these are written.
fn mixes_scripts(label: &str) -> bool {
    !label.is_single_script() && label.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
}

/// Whether a label without a single ASCII letter looks as if it were all ASCII ("аррӏе").
fn reads_as_ascii(label: &str) -> bool {
    !label.is_ascii() && !label.contains(|c: char| c.is_ascii_alphabetic()) && skeleton(label).all(|c| c.is_ascii())
}

/// What the well-known domains look like: worked out once, since every address is compared with it.
static WELL_KNOWN_LOOKS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| WELL_KNOWN_DOMAINS.iter().map(|known| looks(known)).collect());

/// What a domain looks like at a glance: the same for look-alikes (UTS 39 §4).
fn looks(domain: &str) -> String {
    skeleton(domain).flat_map(char::to_lowercase).collect()
}

fn is_well_known(domain: &str) -> bool {
    WELL_KNOWN_DOMAINS.contains(&domain)
}

/// The text before an extension: `x12`, `ext. 12`, `#12`, `;ext=12`. All of it where there is none.
fn without_extension(text: &str) -> &str {
    let Some((number, rest)) = text
        .char_indices()
        .find(|(_, c)| c.is_alphabetic() || matches!(c, '#' | ';' | ','))
        .and_then(|(start, _)| text.split_at_checked(start))
    else {
        return text;
    };
    let rest = rest.trim_start_matches([';', ',', ' ']);
    let is_extension = EXTENSION_WORDS.iter().filter_map(|word| rest.strip_prefix(word)).any(|rest| {
        let digits = rest.trim_start_matches(['.', ':', '=', ' ']);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    });
    if is_extension { number } else { text }
}

fn is_phone_formatting(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// How an extension begins, longest first.
const EXTENSION_WORDS: &[&str] = &["extension", "extn", "ext", "x", "#"];

/// Mailbox domains that many people have: what look-alikes imitate, and what is never a slip of another.
const WELL_KNOWN_DOMAINS: &[&str] = &[
    "163.com",
    "aol.com",
    "comcast.net",
    "email.com",
    "fastmail.com",
    "gmail.com",
    "gmx.at",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.fr",
    "icloud.com",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.co.in",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.fr",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
];

/// The well-known domains that a slip of the finger can be told from: long enough, and with no true
/// domain one letter away (`yahoo.de` and `yahoo.be` both exist).
const OFTEN_MISTYPED: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "yahoo.com",
    "yahoo.co.uk",
    "hotmail.com",
    "hotmail.co.uk",
    "outlook.com",
    "icloud.com",
    "protonmail.com",
    "fastmail.com",
    "comcast.net",
    "t-online.de",
];

/// Local parts that name a desk (RFC 2142 and custom).
const ROLES: &[&str] = &[
    "abuse",
    "accounting",
    "accounts",
    "admin",
    "administrator",
    "billing",
    "careers",
    "contact",
    "customerservice",
    "enquiries",
    "feedback",
    "finance",
    "hello",
    "help",
    "helpdesk",
    "hr",
    "info",
    "inquiries",
    "it",
    "jobs",
    "kontakt",
    "legal",
    "mail",
    "marketing",
    "media",
    "news",
    "newsletter",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "press",
    "privacy",
    "procurement",
    "purchasing",
    "reception",
    "recruiting",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "team",
    "vertrieb",
    "webmaster",
];

impl TryFrom<String> for EmailAddress {
    type Error = ContactError;
    fn try_from(text: String) -> Result<Self, ContactError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    /// The address as given, which parses again to the same address.
    fn from(email: EmailAddress) -> Self {
        format!("{}@{}", email.local, email.domain_given)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = ContactError;
    fn try_from(text: String) -> Result<Self, ContactError> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(phone: PhoneNumber) -> Self {
        phone.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn refusal(text: &str) -> ContactError {
        EmailAddress::parse(text).unwrap_err()
    }

    fn phone(text: &str) -> Result<String, ContactError> {
        PhoneNumber::parse(text).map(String::from)
    }

    #[test]
    fn an_address_is_kept_as_given_and_compared_in_lower_case() {
        let address = email(" User+Tag@GMAIL.com ");
        assert_eq!(String::from(address.clone()), "User+Tag@GMAIL.com");
        assert_eq!(address.normalised(), "user+tag@gmail.com");
        assert_eq!(address.mailable().as_deref(), Some("User+Tag@gmail.com"));
    }

    #[test]
    fn a_text_without_two_parts_around_one_at_sign_is_refused() {
        for text in ["", "a", "@", "a@", "@b.example", "a@@b.example", "a@b@c.example"] {
            assert_eq!(refusal(text), ContactError::NotAnAddress, "{text}");
        }
    }

    #[test]
    fn quotes_blanks_and_stray_dots_before_the_at_sign_are_refused() {
        for text in
            ["a..b@c.example", ".a@c.example", "a.@c.example", "\"a b\"@c.example", "a b@c.example", "a(x)@c.example"]
        {
            assert_eq!(refusal(text), ContactError::LocalPart, "{text}");
        }
    }

    #[test]
    fn invisible_characters_and_line_ends_before_the_at_sign_are_refused() {
        for text in [
            "a\u{200b}b@c.example",
            "a\u{202e}b@c.example",
            "a\r\nBcc: x@c.example",
            "a\0b@c.example",
            "a\u{2028}b@c.example",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_domain_needs_a_dot_and_a_name_that_dns_can_hold() {
        let long_label = format!("a@{}.example", "b".repeat(64));
        for text in [
            "a@b",
            "a@localhost",
            "a@[10.0.0.1]",
            "a@10.0.0.1",
            "a@b.123",
            "a@-b.example",
            "a@b-.example",
            "a@b..example",
            "a@.example",
            "a@b.example.",
            "a@b_c.example",
            "a@b c.example",
            "a@xn--a.example",
            "a@b.example\r\nBcc: x",
            &long_label,
        ] {
            assert_eq!(refusal(text), ContactError::Domain, "{text:?}");
        }
    }

    #[test]
    fn length_limits_are_those_of_mail_servers() {
        let local = "a".repeat(LOCAL_PART_LENGTH_MAX);
        assert!(EmailAddress::parse(&format!("{local}@example.com")).is_ok());
        assert_eq!(refusal(&format!("{local}a@example.com")), ContactError::AddressTooLong);
        let domain = format!("{0}.{0}.{0}.{0}.x", "b".repeat(46));
        assert_eq!(local.len() + 1 + domain.len(), ADDRESS_LENGTH_MAX);
        assert!(EmailAddress::parse(&format!("{local}@{domain}")).is_ok());
        assert_eq!(refusal(&format!("{local}@{domain}x")), ContactError::AddressTooLong);
        assert_eq!(refusal(&"a@".repeat(1_000_000)), ContactError::AddressTooLong);
    }

    #[test]
    fn an_international_domain_is_kept_in_both_spellings() {
        let address = email("x@Bücher.example");
        assert_eq!(address.domain(), "xn--bcher-kva.example");
        assert_eq!(address.mailable().as_deref(), Some("x@xn--bcher-kva.example"));
        assert_eq!(String::from(address.clone()), "x@Bücher.example");
        assert_eq!(address.normalised(), email("X@xn--bcher-kva.EXAMPLE").normalised());
    }

    #[test]
    fn a_local_part_beyond_ascii_is_an_address_that_cannot_be_mailed() {
        let address = email("用户@example.com");
        assert_eq!(address.mailable(), None);
        assert_eq!(address.normalised(), "用户@example.com");
    }

    #[test]
    fn composed_and_decomposed_letters_are_the_same_address() {
        assert_eq!(email("e\u{301}@example.com").normalised(), email("\u{e9}@example.com").normalised());
    }

    #[test]
    fn another_spelling_of_a_mailbox_gives_the_same_hint_but_another_identity() {
        assert_eq!(email("User+tag@GMAIL.com").mailbox_hint(), email("user@gmail.com").mailbox_hint());
        assert_eq!(email("u.s.er@googlemail.com").mailbox_hint(), "user@gmail.com");
        assert_eq!(email("u.ser+x@example.com").mailbox_hint(), "u.ser@example.com");
        assert_eq!(email("+x@example.com").mailbox_hint(), "+x@example.com");
        assert_ne!(email("user+tag@gmail.com").normalised(), email("user@gmail.com").normalised());
    }

    #[test]
    fn a_desk_is_told_from_a_person() {
        assert!(email("Info@example.com").is_role());
        assert!(email("sales+web@example.com").is_role());
        assert!(!email("ada.sales@example.com").is_role());
    }

    #[test]
    fn look_alike_domains_are_told_from_honest_ones() {
        // Cyrillic а inside Latin; all-Cyrillic "аррӏе"; ASCII look-alikes; dotless ı.
        for text in ["a@pаypal.example", "a@аррӏе.com", "a@gmai1.com", "a@rnail.ru", "a@0utlook.com", "a@gmaıl.com"]
        {
            assert!(email(text).is_homoglyph(), "{text}");
        }
        for text in [
            "a@gmail.com",
            "a@bücher.example",
            "a@пример.рф",
            "a@почта.com",
            "a@例え.jp",
            "a@sonyソニー.jp",
            "a@한국mail.kr",
            "a@sınav.com.tr",
            "a@ελλάδα.gr",
            "a@example.com",
        ] {
            assert!(!email(text).is_homoglyph(), "{text}");
        }
    }

    #[test]
    fn one_slip_from_a_well_known_domain_is_suggested_back() {
        for (typed, meant) in [
            ("Ada@gmial.com", "Ada@gmail.com"),
            ("ada@gmail.co", "ada@gmail.com"),
            ("ada@gmail.con", "ada@gmail.com"),
            ("ada@hotmal.com", "ada@hotmail.com"),
            ("ada@yahooo.com", "ada@yahoo.com"),
            ("ada@outlok.com", "ada@outlook.com"),
        ] {
            assert_eq!(email(typed).suggestion().as_deref(), Some(meant), "{typed}");
        }
        for text in ["a@gmail.com", "a@email.com", "a@ymail.com", "a@yahoo.be", "a@example.com", "a@he.com"] {
            assert_eq!(email(text).suggestion(), None, "{text}");
        }
    }

    #[test]
    fn a_phone_number_loses_its_formatting() {
        assert_eq!(phone("+49 (30) 123-45.67").as_deref(), Ok("+49301234567"));
        assert_eq!(phone("0049 30/1234567").as_deref(), Ok("+49301234567"));
        assert_eq!(phone("+49 (0) 30 1234567").as_deref(), Ok("+49301234567"));
        assert_eq!(phone("+49 (0)30 1234567").as_deref(), Ok("+49301234567"));
        assert_eq!(phone("(030) 1234567").as_deref(), Ok("0301234567"));
        assert_eq!(phone("５５５‑０１２３‑４５６").as_deref(), Ok("5550123456"));
    }

    #[test]
    fn a_phone_extension_is_dropped() {
        for text in [
            "555 123 4567 ext. 12",
            "555 123 4567 x12",
            "555-123-4567, ext 12",
            "5551234567;ext=12",
            "555 123 4567 #12",
            "555 123 4567 Extension: 12",
        ] {
            assert_eq!(phone(text).as_deref(), Ok("5551234567"), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_phone_number_is_refused() {
        for text in [
            "call me",
            "1-800-FLOWERS",
            "555 123 4567 ext",
            "++4930123456",
            "49+30123456",
            "+0301234567",
            "ada@example.com",
            "٠١٢٣٤٥٦٧",
        ] {
            assert_eq!(phone(text), Err(ContactError::NotANumber), "{text}");
        }
        for text in ["", "123456", "1234567890123456", "+", "()-", "x12"] {
            assert_eq!(phone(text), Err(ContactError::PhoneLength), "{text}");
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_what_was_typed() {
        assert_eq!(format!("{:?}", email("canary@example.com")), "EmailAddress(..)");
        assert_eq!(format!("{:?}", PhoneNumber::parse("5551234567")), "Ok(PhoneNumber(..))");
        assert!(!refusal("canary@canary").to_string().contains("canary"));
    }

    /// Texts that come close to addresses.
    fn address_like() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9.+_éÄ用 \u{200d}'-]{0,12}@[a-zA-Z0-9.ßüАа中İ-]{0,12}\\.[a-zA-Zо]{1,4}"
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>()) {
            drop(EmailAddress::parse(&text));
            drop(PhoneNumber::parse(&text));
        }

        #[test]
        fn an_address_parses_again_from_its_own_text_and_from_its_normal_form(text in address_like()) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(EmailAddress::parse(&String::from(address.clone())) == Ok(address.clone()));
                prop_assert_eq!(email(&address.normalised()).normalised(), address.normalised());
                if let Some(mailable) = address.mailable() {
                    prop_assert!(mailable.is_ascii() && mailable.len() <= ADDRESS_LENGTH_MAX);
                    prop_assert_eq!(email(&mailable).normalised(), address.normalised());
                }
                address.is_homoglyph();
                address.suggestion();
            }
        }

        #[test]
        fn a_phone_number_parses_again_from_its_own_text(text in "[+0-9() x./-]{0,24}") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                prop_assert!(PhoneNumber::parse(number.as_str()) == Ok(number.clone()));
            }
        }
    }
}
