//! Signed tokens: what stands in links and headers instead of a person's data (TRUST.md §5).
//!
//! **Invariants:** a token is good for one [`Purpose`] only; it has exactly one spelling; a key that was
//! ever in use still verifies what people have in their mailboxes, so that an unsubscribe link works for ever. What opens
//! the desk of sales is verified by the key that signs and the one before it only: a key that was stolen ends.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::actor::Network;
use crate::ids::{LeadId, TouchId};

/// What a token may be used for. A token of one purpose means nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The unsubscribe link of a mail.
    Unsubscribe,
    /// The `References` header, which a reply carries back.
    Reply,
    /// The stamp of a form: when it was handed out.
    Form,
    /// A link in a mail, on the way to where it leads.
    Click,
    /// The picture in a mail that tells that it was shown.
    Open,
    /// The page on which people say what they want to get.
    Preferences,
    /// The page on which people confirm that they want to be written to.
    OptIn,
    /// The page on which people answer questions, and an answer in a mail.
    Answer,
    /// A visitor of the customer's own site who came by a mail.
    Visit,
    /// The page of one lead, for one of those who sell.
    Desk,
    /// Where a list goes on.
    Cursor,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribe => "unsub",
            Self::Reply => "reply",
            Self::Form => "form",
            Self::Click => "click",
            Self::Open => "open",
            Self::Preferences => "prefs",
            Self::OptIn => "optin",
            Self::Answer => "answer",
            Self::Visit => "visit",
            Self::Desk => "desk",
            Self::Cursor => "cursor",
        }
    }

    /// Whether its tokens are good for ever, whatever becomes of the key that signed them.
    const fn outlives_its_key(self) -> bool {
        match self {
            Self::Desk | Self::Cursor => false,
            Self::Unsubscribe
            | Self::Reply
            | Self::Form
            | Self::Click
            | Self::Open
            | Self::Preferences
            | Self::OptIn
            | Self::Answer
            | Self::Visit => true,
        }
    }
}

/// What an unsubscribe or reply token says: which lead, and which mail made them act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRef {
    /// The lead.
    pub lead: LeadId,
    /// The touch.
    pub touch: TouchId,
}

impl MailRef {
    /// Reads a token's payload.
    pub fn parse(payload: &str) -> Option<Self> {
        let (lead, touch) = payload.split_once('/')?;
        Some(Self { lead: LeadId::parse(lead).ok()?, touch: TouchId::parse(touch).ok()? })
    }

    /// The payload of its token.
    pub fn payload(&self) -> String {
        format!("{}/{}", self.lead, self.touch)
    }
}

/// What a signed reply address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRef {
    /// The lead.
    pub lead: LeadId,
    /// Of which touch: enough to tell the touches of one lead apart.
    pub touch: TouchHash,
}

/// A few bytes of a touch's id, as they fit into an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchHash([u8; TOUCH_HASH_LENGTH]);

impl TouchHash {
    /// The hash of a touch.
    pub fn of(touch: &TouchId) -> Self {
        let digest = Sha256::digest(touch.to_string().as_bytes());
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// Length of the local part of a signed reply address, in characters. RFC 5321 allows 64.
pub const REPLY_ADDRESS_LENGTH: usize = 58;

const LEAD_LENGTH: usize = 26;
const TOUCH_HASH_LENGTH: usize = 4;
const REPLY_MAC_LENGTH: usize = 16;
const REPLY_PURPOSE: &str = "reply-address";

/// The longest token read, in characters.
pub const TOKEN_LENGTH_MAX: usize = 512;

const VERSION: &str = "v1";

/// What the key for networks is derived with. No [`Purpose`] is called so.
const NETWORK: &str = "network";

/// How much of its hash stands for a network, in bytes.
const NETWORK_LENGTH: usize = 9;

/// What the key for seats is derived with. No [`Purpose`] is called so.
const SEAT: &str = "seat";

/// How much of its hash stands for a seat's address, in bytes.
const SEAT_LENGTH: usize = 9;

/// Why a token is refused. Callers tell people nothing of it, but count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not of the form `v1.<kid>.<payload>.<mac>`.
    #[error("the token is not well-formed")]
    Malformed,
    /// It names a key that never existed here, or one that verifies nothing of the kind any more.
    #[error("the token's key is not known")]
    UnknownKey,
    /// Its signature does not fit: forged, damaged, or made for another purpose.
    #[error("the token's signature does not fit")]
    Forged,
}

/// Why a keyring cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// A key id is not 1 to 8 lower-case letters and digits.
    #[error("a key id must be 1 to 8 lower-case letters or digits")]
    KeyId,
    /// The key to sign with, or the one before it, is not among the keys.
    #[error("the key to sign with is not among the keys")]
    NoCurrentKey,
}

/// The keys that tokens are signed with: one that signs, and all that ever did.
#[derive(Clone)]
pub struct Keyring {
    keys: BTreeMap<String, [u8; 32]>,
    current: String,
    before: Option<String>,
}

impl Keyring {
    /// A keyring that signs with `current` and verifies with every key.
    pub fn new(keys: BTreeMap<String, [u8; 32]>, current: &str) -> Result<Self, KeyringError> {
        let is_kid = |kid: &String| {
            (1..=8).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if !keys.keys().all(is_kid) {
            return Err(KeyringError::KeyId);
        }
        if !keys.contains_key(current) {
            return Err(KeyringError::NoCurrentKey);
        }
        Ok(Self { keys, current: current.to_owned(), before: None })
    }

    /// The same, with the key that signed before: what it signed ends only with the next one.
    pub fn and_before(self, before: &str) -> Result<Self, KeyringError> {
        if !self.keys.contains_key(before) {
            return Err(KeyringError::NoCurrentKey);
        }
        Ok(Self { before: Some(before.to_owned()), ..self })
    }

    /// A keyring that signs nothing and verifies nothing: for reading mail whose tokens do not matter.
    pub fn empty() -> Self {
        Self { keys: BTreeMap::new(), current: String::new(), before: None }
    }

    /// A token that carries `payload` for one purpose. It is signed, not hidden: put nothing personal in it.
    pub fn sign(&self, purpose: Purpose, payload: &str) -> String {
        let signed = format!("{VERSION}.{}.{}", self.current, BASE64URL_NOPAD.encode(payload.as_bytes()));
        let mac = self.keys.get(&self.current).map(|key| mac(key, purpose, &signed)).unwrap_or_default();
        format!("{signed}.{mac}")
    }

    /// Where a hit on a mail came from, so that it can be told from other hits on the same mail and from nothing else
    /// (TRUST.md §5): no two mails have the same word for one address.
    pub fn network(&self, touch: &TouchId, lead: &LeadId, address: &str) -> Network {
        let hash = self
            .keys
            .get(&self.current)
            .map(|key| purpose_mac(key, NETWORK, &[format!("{lead}/{touch}/{address}").as_bytes()]));
        Network::of_hash(
            BASE64URL_NOPAD
                .encode(hash.unwrap_or_default().first_chunk::<NETWORK_LENGTH>().unwrap_or(&[0; NETWORK_LENGTH])),
        )
    }

    /// A word for the mailbox of whoever sits at a desk, to stand in their links: another mailbox has another word, and
    /// nobody reads it out of one.
    pub fn seat_word(&self, address: &str) -> String {
        self.keys.get(&self.current).map(|key| seat_word(key, address)).unwrap_or_default()
    }

    /// Whether a word is that of a mailbox.
    pub fn is_seat_word(&self, word: &str, address: &str) -> bool {
        let fits = |key: &[u8; 32]| bool::from(seat_word(key, address).as_bytes().ct_eq(word.as_bytes()));
        self.recent().filter_map(|kid| self.keys.get(kid)).any(fits)
    }

    /// The key that signs, and the one before it.
    fn recent(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.current.as_str()).chain(self.before.as_deref())
    }

    /// The payload of a token of that purpose.
    pub fn verify(&self, purpose: Purpose, token: &str) -> Result<String, TokenError> {
        if token.len() > TOKEN_LENGTH_MAX {
            return Err(TokenError::Malformed);
        }
        let (signed, given) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let mut parts = signed.split('.');
        let (Some(VERSION), Some(kid), Some(payload), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed);
        };
        let may_verify = purpose.outlives_its_key() || self.recent().any(|recent| recent == kid);
        let key = self.keys.get(kid).filter(|_| may_verify).ok_or(TokenError::UnknownKey)?;
        // Compared as text: so a mac has one spelling, and another encoding of the same bytes is a forgery.
        if !bool::from(mac(key, purpose, signed).as_bytes().ct_eq(given.as_bytes())) {
            return Err(TokenError::Forged);
        }
        let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_not_text| TokenError::Malformed)?;
        String::from_utf8(bytes).map_err(|_not_text| TokenError::Malformed)
    }
}

impl Keyring {
    /// The local part of the address that replies to a mail go to: the lead's id, then hash and signature.
    ///
    /// Lower-case base32 all through, since mail servers may change the case of an address, and short enough
    /// for one (TRUST.md §4). It names no key: verifying tries them all.
    pub fn sign_reply_address(&self, lead: &LeadId, touch: &TouchId) -> String {
        let hash = TouchHash::of(touch);
        let mac = self.keys.get(&self.current).map(|key| reply_mac(key, lead, hash)).unwrap_or_default();
        let mut local = format!("{lead}{}", BASE32_NOPAD.encode(&[hash.0.as_slice(), &mac].concat()));
        local.make_ascii_lowercase();
        local
    }

    /// What the local part of a reply address says, in whatever case it comes.
    pub fn verify_reply_address(&self, local: &str) -> Result<ReplyRef, TokenError> {
        let local = local.to_ascii_lowercase();
        let parts = local.split_at_checked(LEAD_LENGTH).filter(|_| local.len() == REPLY_ADDRESS_LENGTH);
        let (lead, signed) = parts.ok_or(TokenError::Malformed)?;
        let lead = LeadId::parse(lead).map_err(|_not_an_id| TokenError::Malformed)?;
        let signed =
            BASE32_NOPAD.decode(signed.to_ascii_uppercase().as_bytes()).map_err(|_not_text| TokenError::Malformed)?;
        let (hash, given) = signed.split_first_chunk().ok_or(TokenError::Malformed)?;
        let touch = TouchHash(*hash);
        let fits = |key: &[u8; 32]| bool::from(reply_mac(key, &lead, touch).as_slice().ct_eq(given));
        // Every key is tried, whether one has fitted or not: how long it takes says nothing.
        if self.keys.values().filter(|key| fits(key)).count() == 0 {
            return Err(TokenError::Forged);
        }
        Ok(ReplyRef { lead, touch })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).finish_non_exhaustive()
    }
}

fn mac(key: &[u8; 32], purpose: Purpose, signed: &str) -> String {
    BASE64URL_NOPAD.encode(&purpose_mac(key, purpose.as_str(), &[signed.as_bytes()]))
}

fn reply_mac(key: &[u8; 32], lead: &LeadId, touch: TouchHash) -> [u8; REPLY_MAC_LENGTH] {
    let mac = purpose_mac(key, REPLY_PURPOSE, &[lead.as_str().as_bytes(), &touch.0]);
    mac.first_chunk().copied().unwrap_or_default()
}

fn seat_word(key: &[u8; 32], address: &str) -> String {
    let mac = purpose_mac(key, SEAT, &[address.to_lowercase().as_bytes()]);
    BASE64URL_NOPAD.encode(mac.first_chunk::<SEAT_LENGTH>().unwrap_or(&[0; SEAT_LENGTH]))
}

fn purpose_mac(key: &[u8; 32], purpose: &str, signed: &[&[u8]]) -> [u8; 32] {
    let mut purpose_key = [0; 32];
    // 32 bytes are within what HKDF gives, and HMAC takes a key of any length: neither can fail.
    if Hkdf::<Sha256>::new(None, key).expand(purpose.as_bytes(), &mut purpose_key).is_err() {
        unreachable!("HKDF-SHA256 gives 32 bytes");
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&purpose_key).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    for part in signed {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(kids: &[(&str, u8)], current: &str) -> Keyring {
        Keyring::new(kids.iter().map(|(kid, byte)| ((*kid).to_owned(), [*byte; 32])).collect(), current).unwrap()
    }

    #[test]
    fn a_token_gives_its_payload_back_for_its_own_purpose_only() {
        let keys = keyring(&[("k1", 1)], "k1");
        let token = keys.sign(Purpose::Unsubscribe, "somebody");
        assert_eq!(keys.verify(Purpose::Unsubscribe, &token).as_deref(), Ok("somebody"));
        assert_eq!(keys.verify(Purpose::Reply, &token), Err(TokenError::Forged));
    }

    #[test]
    fn an_old_key_verifies_for_ever_and_an_unknown_one_never() {
        let old = keyring(&[("k1", 1)], "k1").sign(Purpose::Unsubscribe, "somebody");
        let rotated = keyring(&[("k1", 1), ("k2", 2)], "k2");
        assert_eq!(rotated.verify(Purpose::Unsubscribe, &old).as_deref(), Ok("somebody"));
        assert_eq!(keyring(&[("k2", 2)], "k2").verify(Purpose::Unsubscribe, &old), Err(TokenError::UnknownKey));
    }

    #[test]
    fn what_opens_a_desk_is_verified_by_the_key_that_signs_and_the_one_before_it_and_by_no_older_one() {
        let kids = [("k1", 1), ("k2", 2), ("k3", 3)];
        let now = keyring(&kids, "k3").and_before("k2").unwrap();
        for purpose in [Purpose::Desk, Purpose::Cursor] {
            let [oldest, before, current] = ["k1", "k2", "k3"].map(|kid| keyring(&kids, kid).sign(purpose, "list"));
            assert_eq!(now.verify(purpose, &current).as_deref(), Ok("list"));
            assert_eq!(now.verify(purpose, &before).as_deref(), Ok("list"));
            assert_eq!(now.verify(purpose, &oldest), Err(TokenError::UnknownKey));
            assert_eq!(keyring(&kids, "k3").verify(purpose, &before), Err(TokenError::UnknownKey));
        }
        assert_eq!(keyring(&kids, "k3").and_before("k9").unwrap_err(), KeyringError::NoCurrentKey);
    }

    #[test]
    fn a_seats_word_is_its_mailboxes_own_under_the_keys_that_open_desks() {
        let kids = [("k1", 1), ("k2", 2), ("k3", 3)];
        let now = keyring(&kids, "k3").and_before("k2").unwrap();
        let word = now.seat_word("Robin@Fair.example");
        assert!(now.is_seat_word(&word, "robin@fair.example") && !now.is_seat_word(&word, "kim@fair.example"));
        assert!(now.is_seat_word(&keyring(&kids, "k2").seat_word("robin@fair.example"), "robin@fair.example"));
        assert!(!now.is_seat_word(&keyring(&kids, "k1").seat_word("robin@fair.example"), "robin@fair.example"));
        assert!(!now.is_seat_word("", "robin@fair.example"));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let keys = keyring(&[("k1", 1)], "k1");
        let token = keys.sign(Purpose::Unsubscribe, "somebody else");
        for at in 0..token.len() {
            assert!(keys.verify(Purpose::Unsubscribe, &token[..at]).is_err(), "cut at {at}");
            for bit in 0..7 {
                let mut flipped = token.clone().into_bytes();
                flipped[at] ^= 1 << bit;
                let flipped = String::from_utf8(flipped).unwrap();
                assert!(keys.verify(Purpose::Unsubscribe, &flipped).is_err(), "{flipped}");
            }
        }
        for spelling in [format!("{token}="), format!(" {token}"), format!("{token}."), token.replacen("v1", "v2", 1)] {
            assert!(keys.verify(Purpose::Unsubscribe, &spelling).is_err(), "{spelling}");
        }
    }

    #[test]
    fn a_reply_address_fits_into_an_address_and_survives_a_change_of_case() {
        let keys = keyring(&[("k1", 1)], "k1");
        let lead = LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap();
        let touch = TouchId::parse("1_welcome_response_0").unwrap();
        let local = keys.sign_reply_address(&lead, &touch);
        assert_eq!(local.len(), REPLY_ADDRESS_LENGTH);
        assert!(local.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b)));
        let expected = ReplyRef { lead, touch: TouchHash::of(&touch) };
        assert_eq!(keys.verify_reply_address(&local).as_ref(), Ok(&expected));
        assert_eq!(keys.verify_reply_address(&local.to_ascii_uppercase()), Ok(expected));
    }

    #[test]
    fn a_reply_address_of_an_old_key_is_good_and_any_change_of_it_is_not() {
        let (lead, touch) = (LeadId::parse(&"a".repeat(26)).unwrap(), TouchId::parse("1_welcome_response_0").unwrap());
        let local = keyring(&[("k1", 1)], "k1").sign_reply_address(&lead, &touch);
        let rotated = keyring(&[("k1", 1), ("k2", 2)], "k2");
        assert!(rotated.verify_reply_address(&local).is_ok());
        assert_eq!(keyring(&[("k2", 2)], "k2").verify_reply_address(&local), Err(TokenError::Forged));
        for at in 0..local.len() {
            assert!(rotated.verify_reply_address(&local[..at]).is_err(), "cut at {at}");
            let mut other = local.clone().into_bytes();
            other[at] = if other[at] == b'q' { b'r' } else { b'q' };
            assert!(rotated.verify_reply_address(&String::from_utf8(other).unwrap()).is_err(), "another at {at}");
        }
    }

    #[test]
    fn a_network_can_be_compared_within_one_mail_and_nowhere_else() {
        let keys = keyring(&[("k1", 1)], "k1");
        let lead = LeadId::parse("abcdefghijklmnopqrstuvwxyz").unwrap();
        let [one, other] = ["1_welcome_response_0", "1_welcome_case_0"].map(|text| TouchId::parse(text).unwrap());
        let here = keys.network(&one, &lead, "192.0.2.1");
        assert_eq!(here, keys.network(&one, &lead, "192.0.2.1"));
        assert_ne!(here, keys.network(&one, &lead, "192.0.2.2"));
        assert_ne!(here, keys.network(&other, &lead, "192.0.2.1"));
        assert!(!format!("{here:?}").contains("192.0.2.1"));
    }

    #[test]
    fn a_keyring_names_its_keys_and_its_signer() {
        assert!(Keyring::new(BTreeMap::from([("k.1".to_owned(), [0; 32])]), "k.1").is_err());
        assert!(Keyring::new(BTreeMap::from([("k1".to_owned(), [0; 32])]), "k2").is_err());
    }
}
