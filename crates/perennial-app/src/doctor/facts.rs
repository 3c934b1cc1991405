//! What is known of a deployment before anybody judges it.
//!
//! Words of AWS (a status, a plan, a kind of event) stay text: the lists are theirs to lengthen.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use jiff::Timestamp;
use perennial_core::catalog::Catalog;
use perennial_core::ids::{SenderDomain, WebhookName};

use super::dmarc::Published;
use crate::error_chain::ErrorChain;
use crate::sending::SendingStatus;

/// What was found, or why nobody looked.
pub type Looked<T> = Result<T, NotLooked>;

/// Why something could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLooked {
    /// IAM does not allow this action.
    Denied(String),
    /// It failed in another way.
    Failed(String),
}

/// What stands before the action in the words of IAM.
const PERFORM: &str = "is not authorized to perform: ";

impl NotLooked {
    /// What an error of a call means that needs an action.
    pub fn of(error: &(dyn Error + 'static), action: &str) -> Self {
        Self::saying(&ErrorChain(error).to_string(), action)
    }

    /// What was said of a call that needs an action, and failed.
    ///
    /// What IAM says names whoever asked, who may be a person: so nothing of that is kept but the action.
    pub fn saying(said: &str, action: &str) -> Self {
        let named =
            said.split_once(PERFORM).map(|(_, rest)| rest.split(|it| !is_of_action(it)).next().unwrap_or_default());
        let named = named.filter(|named| named.contains(':'));
        match named {
            Some(named) => Self::Denied(named.to_owned()),
            None if said.contains("AccessDenied") => Self::Denied(action.to_owned()),
            // What follows a first line is how the SDK got there.
            None => Self::Failed(said.lines().next().unwrap_or_default().to_owned()),
        }
    }
}

/// Whether a character may stand in an action, such as `ses:GetAccount`.
fn is_of_action(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == ':'
}

/// All that was gathered. No `Debug`: the catalog names who sells.
pub struct Facts {
    /// When.
    pub now: Timestamp,
    /// The name of the table.
    pub table_name: String,
    /// The name of the configuration set.
    pub configuration_set_name: String,
    /// The path of the secrets, such as `/perennial`.
    pub secrets_path: String,
    /// Where links lead, if that was said.
    pub base_url: Option<String>,
    /// The account of SES, in one region.
    pub account: Looked<Account>,
    /// The senders of the catalog in force.
    pub senders: BTreeMap<SenderDomain, SenderFacts>,
    /// The configuration set; none: there is no such.
    pub configuration_set: Looked<Option<ConfigurationSet>>,
    /// Where its events go.
    pub destinations: Looked<Vec<Destination>>,
    /// The secrets.
    pub secrets: Looked<BTreeMap<Secret, SecretState>>,
    /// The webhooks that are on and have no secret, if the secrets could be read.
    pub webhooks_unsigned: BTreeSet<WebhookName>,
    /// The table; none: there is no such.
    pub table: Looked<Option<Table>>,
    /// Whether it can be restored to any second.
    pub has_backups: Looked<bool>,
    /// Whether what is over is collected.
    pub is_collected: Looked<bool>,
    /// What is in the table.
    pub running: Running,
    /// Whether the leads have their ids by the pepper. None: there is no pepper to try, or no lead was found.
    pub pepper: Option<Looked<PepperFit>>,
}

/// An account of SES, in one region.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whether it may write to anybody.
    pub is_in_production: bool,
    /// How its request for that stands.
    pub review: Option<String>,
    /// Whether it sends at all.
    pub is_sending_enabled: bool,
    /// What SES makes of its reputation.
    pub enforcement: String,
    /// How much it may send.
    pub quota: Option<Quota>,
    /// Why addresses come on its suppression list.
    pub suppressed: BTreeSet<String>,
    /// Whether the Virtual Deliverability Manager is on.
    pub has_vdm: bool,
    /// What it is billed by.
    pub plan: Option<String>,
    /// What it will be billed by from the next month on.
    pub next_plan: Option<String>,
}

/// How much an account may send, in SES's own numbers.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// In 24 hours; -1: without an end.
    pub per_day: f64,
    /// In a second.
    pub per_second: f64,
    /// What was sent in the last 24 hours.
    pub sent: f64,
}

/// What is known of a sender.
#[derive(Debug)]
pub struct SenderFacts {
    /// The identity that it sends by: its own, or that of a domain above it.
    pub identity: Looked<Option<Identity>>,
    /// What its DNS says of mail that is not authentic; none: nothing.
    pub dmarc: Looked<Option<Published>>,
}

/// A domain that SES knows.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The domain.
    pub domain: String,
    /// Whether mail may be sent from it.
    pub is_verified: bool,
    /// How DKIM stands.
    pub dkim: String,
    /// Whether mails are signed.
    pub is_signing: bool,
    /// The DNS records that DKIM wants: name and value.
    pub dkim_records: Vec<(String, String)>,
    /// The domain that bounces go to, if it is one of ours.
    pub mail_from: Option<MailFrom>,
}

/// A domain of ours that bounces go to.
#[derive(Debug, Clone)]
pub struct MailFrom {
    /// The domain.
    pub domain: String,
    /// How it stands.
    pub status: String,
    /// Whether mail is refused while it does not stand.
    pub is_required: bool,
}

/// A configuration set.
#[derive(Debug, Clone)]
pub struct ConfigurationSet {
    /// Whether it sends.
    pub is_sending_enabled: bool,
    /// Whether its rates of bounces and complaints are measured.
    pub has_reputation_metrics: bool,
    /// Why addresses come on the suppression list; none: as the account says.
    pub suppressed: Option<BTreeSet<String>>,
}

/// Where events of a configuration set go.
#[derive(Debug, Clone)]
pub struct Destination {
    /// What kind it is.
    pub kind: DestinationKind,
    /// Whether it is on.
    pub is_enabled: bool,
    /// The kinds of events.
    pub events: BTreeSet<String>,
}

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationKind {
    /// The default bus.
    EventBridge,
    /// A topic.
    Sns,
    /// Another, which the suite knows nothing of.
    Other,
}

/// A secret of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// What ids are derived with.
    Pepper,
    /// What links are signed with.
    TokenKeys,
    /// Who may tell of what happens elsewhere.
    EventKeys,
    /// Who may tell what sales did.
    CrmKeys,
    /// What events to webhooks are signed with.
    WebhookSecrets,
    /// What CloudFront sends along, if it stands in front.
    Front,
}

impl Secret {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pepper, Self::TokenKeys, Self::EventKeys, Self::CrmKeys, Self::WebhookSecrets, Self::Front];

    /// The last part of its parameter's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::TokenKeys => "token-keys",
            Self::EventKeys => "event-keys",
            Self::CrmKeys => "crm-keys",
            Self::WebhookSecrets => "webhook-secrets",
            Self::Front => "front",
        }
    }

    /// The name of its parameter.
    pub fn parameter(self, path: &str) -> String {
        format!("{path}/{}", self.name())
    }
}

/// How a secret stands. Its value is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretState {
    /// There is none.
    Absent,
    /// The functions can read it.
    Sound {
        /// Whether it is kept encrypted.
        is_encrypted: bool,
    },
    /// The functions cannot read it, and why.
    Malformed(String),
}

/// A table of DynamoDB.
#[derive(Debug, Clone)]
pub struct Table {
    /// How it stands.
    pub status: String,
    /// What its stream shows, if it has one.
    pub stream: Option<String>,
    /// Whether nobody can delete it by mistake.
    pub is_protected: bool,
    /// The indexes that it lacks.
    pub indexes_missing: Vec<String>,
    /// The indexes that cannot be asked yet.
    pub indexes_unready: Vec<String>,
}

/// What a table holds.
pub struct Running {
    /// The programs in force.
    pub release: Looked<Held<InForce>>,
    /// Who sells: how many.
    pub reps: Looked<Held<usize>>,
    /// Whether mail goes out; none where no programs are known.
    pub sending: Option<Looked<SendingStatus>>,
    /// The earliest time at which a lead must be looked at; none: there is no such lead.
    pub first_pulse: Looked<Option<Timestamp>>,
}

/// Something that is in a table, or is not.
#[derive(Debug, Clone, PartialEq)]
pub enum Held<T> {
    /// It is not.
    Nothing,
    /// It is, and cannot be read.
    Unusable(String),
    /// It is.
    There(T),
}

/// The programs in force.
#[derive(Clone)]
pub struct InForce {
    /// Which release.
    pub rev: u64,
    /// What it holds, and who sells.
    pub catalog: Box<Catalog>,
}

/// Whether leads have their ids by a pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PepperFit {
    /// No lead was found to try it on.
    NoLeads,
    /// Of those that were tried, so many do.
    Fits {
        /// Those that do.
        fitting: usize,
        /// All.
        tried: usize,
    },
}
