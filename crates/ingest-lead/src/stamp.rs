//! The stamp of a form: when it was handed out, signed, so that posts without a person show (H15).
//!
//! **Invariant:** stamps live on the wall clock; the suite's clock may run faster than people type.

use jiff::{SignedDuration, Timestamp};
use perennial_core::ids::FormName;
use perennial_core::submission::JunkReason;
use perennial_core::token::{Keyring, Purpose};

/// The field that brings a stamp back.
pub const FIELD: &str = "_stamp";
/// A form that comes back sooner was filled in by no person.
pub const AGE_MIN: SignedDuration = SignedDuration::from_secs(2);
/// A form that comes back later was kept in store.
pub const AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A stamp for one form, handed out at `now`.
pub fn issue(keyring: &Keyring, form: &FormName, now: Timestamp) -> String {
    keyring.sign(Purpose::Form, &format!("{form}/{}", now.as_second()))
}

/// What speaks against a stamp that came back at `now`.
pub(crate) fn flaw(keyring: &Keyring, form: &FormName, stamp: &str, now: Timestamp) -> Option<JunkReason> {
    let Some(issued_at) = issued_at(keyring, form, stamp) else {
        return Some(JunkReason::BadStamp);
    };
    let age = now.duration_since(issued_at);
    if !(SignedDuration::ZERO..=AGE_MAX).contains(&age) {
        return Some(JunkReason::BadStamp);
    }
    (age < AGE_MIN).then_some(JunkReason::TooFast)
}

fn issued_at(keyring: &Keyring, form: &FormName, stamp: &str) -> Option<Timestamp> {
    let payload = keyring.verify(Purpose::Form, stamp).ok()?;
    let (stamped_form, second) = payload.split_once('/')?;
    let second = second.parse().ok().filter(|_| stamped_form == form.as_str())?;
    Timestamp::from_second(second).ok()
}
