//! One disposition, as a CRM writes it.
//!
//! **Invariant:** what is not understood is refused, and no refusal repeats what was sent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use perennial_app::crm::Reported;
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::crm::{Details, Meaning, When};
use perennial_core::ids::{CrmName, FieldName, LeadId, Pepper};
use perennial_lambda::strict_json::Json;

/// The longest id, in characters.
const ID_LENGTH_MAX: usize = 255;

/// What a disposition may say.
const NAMES: [&str; 11] =
    ["id", "lead", "email", "system", "status", "outcome", "reason", "occurred_at", "date", "fields", "note"];

/// One disposition that could be read.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) reported: Reported,
}

/// One that could not.
pub(super) struct Unread {
    /// Its id, where that could be.
    pub(super) id: Option<String>,
    pub(super) why: Misread,
}

/// Why it could not, as a sentence for whoever wrote the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misread {
    #[error("A disposition is an object of texts; `fields` is a list of them.")]
    Shape,
    #[error("There is a name that means nothing here, where only these do: {}.", NAMES.join(", "))]
    Name,
    #[error(
        "A disposition has an `id` of 1 to {ID_LENGTH_MAX} visible ASCII characters, or the request a `webhook-id`."
    )]
    Id,
    #[error("Name the lead by one of: `lead` (its id), `email`.")]
    Lead,
    #[error("`system` is none of the catalog's `[crm.<name>]`.")]
    System,
    #[error("Nothing says what this `status` means: add it to `[crm.<name>]` of the catalog.")]
    Status,
    #[error("Say what happened by one of: `status` (in the words of the `system`), `outcome`.")]
    What,
    #[error("`outcome` is none of those that there are, or it lacks its `reason`, or has one that is none.")]
    Outcome,
    #[error("`occurred_at` is a time as `2027-05-01T14:00:00Z`, or milliseconds since 1970.")]
    Time,
    #[error("`date` is a day as `2027-05-01`, or a time as `2027-05-01T14:00:00Z`.")]
    Date,
    #[error("`fields` names fields of the catalog.")]
    Field,
}

impl Misread {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Shape => "shape_invalid",
            Self::Name => "name_unknown",
            Self::Id => "id_invalid",
            Self::Lead => "lead_reference_invalid",
            Self::System => "system_unknown",
            Self::Status => "status_unknown",
            Self::What => "what_missing",
            Self::Outcome => "outcome_invalid",
            Self::Time => "time_invalid",
            Self::Date => "date_invalid",
            Self::Field => "field_unknown",
        }
    }
}

impl Item {
    /// Reads one. `sender` tells its id from those of others; `signed_id` is the one that was signed, which counts.
    pub(super) fn read(
        json: &Json,
        catalog: &Catalog,
        pepper: &Pepper,
        sender: &str,
        signed_id: Option<&str>,
    ) -> Result<Self, Unread> {
        let Json::Object(members) = json else { return Err(Unread { id: None, why: Misread::Shape }) };
        let said = Said(members);
        let id = match signed_id {
            Some(id) => Ok(id),
            None => said.text("id"),
        };
        let id = id.and_then(valid_id).map_err(|why| Unread { id: None, why })?;
        let reported = said.reported(catalog, pepper, &format!("{sender}/{id}"));
        match reported {
            Ok(reported) => Ok(Self { id, reported }),
            Err(why) => Err(Unread { id: Some(id), why }),
        }
    }
}

fn valid_id(id: &str) -> Result<String, Misread> {
    let is_id = (1..=ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_id { Ok(id.to_owned()) } else { Err(Misread::Id) }
}

/// What stands in one. It has no `Debug`: an address may be in it.
struct Said<'j>(&'j BTreeMap<String, Json>);

impl<'j> Said<'j> {
    /// A text; nothing where it is absent.
    fn text(&self, name: &str) -> Result<&'j str, Misread> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(""),
            Some(Json::Scalar(text)) => Ok(text.trim()),
            Some(Json::List(_) | Json::Object(_)) => Err(Misread::Shape),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<&'j str>, Misread> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(Json::Scalar(text)) => Ok(vec![text.trim()]),
            Some(Json::List(items)) => items
                .iter()
                .map(|item| if let Json::Scalar(text) = item { Ok(text.trim()) } else { Err(Misread::Shape) })
                .collect(),
            Some(Json::Object(_)) => Err(Misread::Shape),
        }
    }

    fn reported(&self, catalog: &Catalog, pepper: &Pepper, id: &str) -> Result<Reported, Misread> {
        if self.0.keys().any(|name| !NAMES.contains(&name.as_str())) {
            return Err(Misread::Name);
        }
        let note = self.text("note")?;
        Ok(Reported {
            id: format!("told/{id}"),
            lead: self.lead(pepper)?,
            meaning: self.meaning(catalog)?,
            is_status: !self.text("status")?.is_empty(),
            details: Details { date: self.date()?, fields: self.fields(catalog)? },
            note: Some(note).filter(|note| !note.is_empty()).map(str::to_owned),
            happened_at: Some(time(self.text("occurred_at")?)?),
        })
    }

    fn lead(&self, pepper: &Pepper) -> Result<LeadId, Misread> {
        let lead = match (self.text("lead")?, self.text("email")?) {
            (lead, "") => LeadId::parse(lead).ok(),
            ("", email) => EmailAddress::parse(email).ok().map(|email| LeadId::of_email(pepper, &email)),
            (_, _) => None,
        };
        lead.ok_or(Misread::Lead)
    }

    fn meaning(&self, catalog: &Catalog) -> Result<Meaning, Misread> {
        let system = self.text("system")?;
        let words = if system.is_empty() {
            None
        } else {
            let name = CrmName::parse(system).ok();
            Some(name.and_then(|name| catalog.crms.get(&name)).ok_or(Misread::System)?)
        };
        let reason = Some(self.text("reason")?).filter(|reason| !reason.is_empty());
        match (self.text("status")?, self.text("outcome")?, words) {
            ("", "", _) => Err(Misread::What),
            (status, "", Some(words)) if reason.is_none() => words.meaning(status).ok_or(Misread::Status),
            (_, "", None) => Err(Misread::System),
            ("", outcome, _) => Meaning::parse(outcome, reason).ok_or(Misread::Outcome),
            (_, _, _) => Err(Misread::What),
        }
    }

    fn date(&self) -> Result<Option<When>, Misread> {
        match self.text("date")? {
            "" => Ok(None),
            date => When::parse(date).map(Some).ok_or(Misread::Date),
        }
    }

    fn fields(&self, catalog: &Catalog) -> Result<BTreeSet<FieldName>, Misread> {
        let known = |name: &str| FieldName::parse(name).ok().filter(|name| catalog.fields.contains_key(name));
        self.texts("fields")?.into_iter().map(|name| known(name).ok_or(Misread::Field)).collect()
    }
}

/// A time as people write it, or as some CRMs count it.
fn time(text: &str) -> Result<Timestamp, Misread> {
    let counted = || text.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    text.parse().ok().or_else(counted).ok_or(Misread::Time)
}
