//! What a person told us about themselves. Personal: never logged, never in history or on the bus.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contact::{EmailAddress, PhoneNumber};
use crate::ids::FieldName;
use crate::submission::{Source, Submission};

/// Answers that a person gave to questions, by field. Personal.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Answers(pub BTreeMap<FieldName, String>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers(..)")
    }
}

/// The most notes that are kept of a lead; the oldest goes first.
pub const NOTES_MAX: usize = 50;

/// The longest note, in characters.
pub const NOTE_LENGTH_MAX: usize = 2_000;

/// What somebody of sales noted. Personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who: a rep's name, or what else told it.
    pub by: String,
    /// What, cleaned, at most [`NOTE_LENGTH_MAX`] characters.
    pub text: String,
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Note(..)")
    }
}

/// The personal part of a lead.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The address, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The answers, by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldName, String>,
    /// When each was given: an old one may be asked for again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers_at: BTreeMap<FieldName, Timestamp>,
    /// Answers that do not hold, as sales found out: they may be asked for again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub doubted: BTreeSet<FieldName>,
    /// What sales noted, oldest first, at most [`NOTES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Where the person came from first.
    #[serde(default, skip_serializing_if = "Source::is_empty")]
    pub first_touch: Source,
    /// Where the person came from last.
    #[serde(default, skip_serializing_if = "Source::is_empty")]
    pub last_touch: Source,
    /// When the newest answer was given.
    pub answered_at: Timestamp,
}

impl Profile {
    /// The profile that a first submission makes.
    pub fn of(submission: &Submission) -> Self {
        Self {
            email: submission.email.clone(),
            phone: submission.phone.clone(),
            fields: submission.fields.clone(),
            answers_at: submission.fields.keys().map(|field| (field.clone(), submission.received_at)).collect(),
            doubted: BTreeSet::new(),
            notes: Vec::new(),
            first_touch: submission.source.clone(),
            last_touch: submission.source.clone(),
            answered_at: submission.received_at,
        }
    }

    /// The profile of somebody of whom nothing is known, or nothing any more.
    pub fn blank(now: Timestamp) -> Self {
        Self {
            email: None,
            phone: None,
            fields: BTreeMap::new(),
            answers_at: BTreeMap::new(),
            doubted: BTreeSet::new(),
            notes: Vec::new(),
            first_touch: Source::default(),
            last_touch: Source::default(),
            answered_at: now,
        }
    }

    /// Whether nothing is known of the person.
    pub fn is_blank(&self) -> bool {
        *self == Self::blank(self.answered_at)
    }

    /// This profile with what a further submission adds.
    ///
    /// The newer answer wins; a list of older rows only fills gaps. What was left empty takes nothing away.
    #[must_use]
    pub fn merge(&self, submission: &Submission) -> Self {
        let mut merged = self.clone();
        let newer = submission.received_at >= self.answered_at;
        for (field, answer) in &submission.fields {
            if newer || !merged.fields.contains_key(field) {
                merged.fields.insert(field.clone(), answer.clone());
                merged.answers_at.insert(field.clone(), submission.received_at);
                merged.doubted.remove(field);
            }
        }
        if newer || merged.phone.is_none() {
            merged.phone = submission.phone.clone().or(merged.phone);
        }
        // The address is who the lead is: its first spelling stays, other spellings are kept with their submissions.
        merged.email = merged.email.or_else(|| submission.email.clone());
        if !submission.source.is_empty() {
            if newer {
                merged.last_touch = submission.source.clone();
            } else {
                merged.first_touch = submission.source.clone();
            }
            if merged.first_touch.is_empty() {
                merged.first_touch = submission.source.clone();
            }
        }
        merged.answered_at = merged.answered_at.max(submission.received_at);
        merged
    }

    /// This profile with answers that are given at `now`, which are newer than what was known.
    #[must_use]
    pub(crate) fn answered(&self, answers: &Answers, now: Timestamp) -> Self {
        let mut profile = self.clone();
        for (field, answer) in &answers.0 {
            profile.fields.insert(field.clone(), answer.clone());
            profile.answers_at.insert(field.clone(), now);
            profile.doubted.remove(field);
        }
        profile.answered_at = profile.answered_at.max(now);
        profile
    }

    /// This profile with one more note. The same one twice is one.
    #[must_use]
    pub(crate) fn noted(&self, note: &Note) -> Self {
        let mut profile = self.clone();
        if profile.notes.last() != Some(note) {
            profile.notes.push(note.clone());
        }
        let surplus = profile.notes.len().saturating_sub(NOTES_MAX);
        profile.notes.drain(..surplus);
        profile
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(..)")
    }
}
