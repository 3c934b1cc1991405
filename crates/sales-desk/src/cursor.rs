//! Where a list goes on: what the store says of it, signed.
//!
//! **Invariant:** a cursor is good for the list that it was given for, and for no other; what is no cursor of ours never
//! reaches the store (H43).

use perennial_app::ports::{Cursor, DeskOwner};
use perennial_core::token::{Keyring, Purpose};

/// A cursor that is not ours, or of another list.
pub(crate) struct NotOurs;

fn list(owner: &DeskOwner) -> String {
    match owner {
        DeskOwner::Rep(rep) => format!("rep/{rep}"),
        DeskOwner::Queue(queue) => format!("queue/{queue}"),
    }
}

/// A cursor, as it is handed out.
pub(crate) fn sign(keyring: &Keyring, owner: &DeskOwner, cursor: &Cursor) -> String {
    keyring.sign(Purpose::Cursor, &format!("{}/{}", list(owner), cursor.0))
}

/// A cursor that comes back.
pub(crate) fn read(keyring: &Keyring, owner: &DeskOwner, text: &str) -> Result<Cursor, NotOurs> {
    let payload = keyring.verify(Purpose::Cursor, text).map_err(|_refused| NotOurs)?;
    let of_list = payload.strip_prefix(&list(owner)).and_then(|rest| rest.strip_prefix('/'));
    of_list.map(|cursor| Cursor(cursor.to_owned())).ok_or(NotOurs)
}
