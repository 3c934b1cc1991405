//! What AWS says of a deployment, as `perennial_app::doctor` judges it.
//!
//! **Invariants:** everything here only reads. What IAM does not allow is told by its action, and what is not there is no
//! error. A secret is handed on, and shown nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    IndexStatus, PointInTimeRecoveryStatus, StreamSpecification, TableDescription, TimeToLiveStatus,
};
use aws_sdk_sesv2::operation::get_account::GetAccountOutput;
use aws_sdk_sesv2::operation::get_configuration_set::GetConfigurationSetError;
use aws_sdk_sesv2::operation::get_configuration_set_event_destinations::GetConfigurationSetEventDestinationsError;
use aws_sdk_sesv2::operation::get_email_identity::{GetEmailIdentityError, GetEmailIdentityOutput};
use aws_sdk_sesv2::types::{
    BehaviorOnMxFailure, DkimAttributes, EventDestination, FeatureStatus, MailFromAttributes, SuppressionListReason,
};
use aws_sdk_ssm::types::ParameterType;
use perennial_app::doctor::facts::{
    Account, ConfigurationSet, Destination, DestinationKind, Identity, Looked, MailFrom, NotLooked, Quota, Table,
};
use perennial_core::ids::SenderDomain;

use crate::clients::Clients;
use crate::dynamo::{INDEXES, TTL};

/// The zone that SES's own DKIM keys are in, where it does not say.
const DKIM_ZONE: &str = "dkim.amazonses.com";

/// Asks AWS.
pub struct Examiner {
    ses: aws_sdk_sesv2::Client,
    ssm: aws_sdk_ssm::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// A parameter of SSM. No `Debug`: it may be a secret.
pub struct Parameter {
    /// What it holds.
    pub value: String,
    /// Whether it is kept encrypted.
    pub is_encrypted: bool,
}

/// What an error means of a call that needs this action.
fn not_looked<E>(action: &str) -> impl FnOnce(SdkError<E>) -> NotLooked
where
    E: Error + ProvideErrorMetadata + 'static,
{
    move |error| match error.code() {
        // The message is not in what the error says of itself.
        Some(code) => NotLooked::saying(&format!("{code}: {}", error.message().unwrap_or_default()), action),
        None => NotLooked::of(&error, action),
    }
}

impl Examiner {
    /// One that asks by these clients.
    pub fn new(clients: &Clients) -> Self {
        Self { ses: clients.ses_lists(), ssm: clients.ssm(), dynamodb: clients.dynamodb() }
    }

    /// The account of SES, in the region.
    pub async fn account(&self) -> Looked<Account> {
        self.ses.get_account().send().await.map(account).map_err(not_looked("ses:GetAccount"))
    }

    /// The identity that a sender's mails go out by: its domain, or the nearest one above it.
    pub async fn identity(&self, sender: &SenderDomain) -> Looked<Option<Identity>> {
        let mut domain = sender.as_str();
        loop {
            let answer = self.ses.get_email_identity().email_identity(domain).send().await;
            match answer {
                Ok(answer) => return Ok(Some(identity(domain, answer))),
                Err(error) if error.as_service_error().is_some_and(GetEmailIdentityError::is_not_found_exception) => {}
                Err(error) => return Err(not_looked("ses:GetEmailIdentity")(error)),
            }
            match domain.split_once('.') {
                Some((_, above)) if above.contains('.') => domain = above,
                Some(_) | None => return Ok(None),
            }
        }
    }

    /// A configuration set.
    pub async fn configuration_set(&self, name: &str) -> Looked<Option<ConfigurationSet>> {
        match self.ses.get_configuration_set().configuration_set_name(name).send().await {
            Ok(set) => Ok(Some(ConfigurationSet {
                // What is not said is on.
                is_sending_enabled: set.sending_options.is_none_or(|options| options.sending_enabled),
                has_reputation_metrics: set
                    .reputation_options
                    .is_some_and(|options| options.reputation_metrics_enabled),
                suppressed: set.suppression_options.and_then(|options| options.suppressed_reasons).map(reasons),
            })),
            Err(error) if error.as_service_error().is_some_and(GetConfigurationSetError::is_not_found_exception) => {
                Ok(None)
            }
            Err(error) => Err(not_looked("ses:GetConfigurationSet")(error)),
        }
    }

    /// Where the events of a configuration set go; nowhere, if there is no such set.
    pub async fn destinations(&self, name: &str) -> Looked<Vec<Destination>> {
        match self.ses.get_configuration_set_event_destinations().configuration_set_name(name).send().await {
            Ok(answer) => Ok(answer.event_destinations().iter().map(destination).collect()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetConfigurationSetEventDestinationsError::is_not_found_exception) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(not_looked("ses:GetConfigurationSetEventDestinations")(error)),
        }
    }

    /// Parameters by their names, decrypted; at most ten. What is not there is left out.
    pub async fn parameters(&self, names: Vec<String>) -> Looked<BTreeMap<String, Parameter>> {
        let request = self.ssm.get_parameters().set_names(Some(names)).with_decryption(true);
        let answer = request.send().await.map_err(not_looked("ssm:GetParameters"))?;
        let parameters = answer.parameters.unwrap_or_default().into_iter().filter_map(|parameter| {
            let is_encrypted = parameter.r#type == Some(ParameterType::SecureString);
            Some((parameter.name?, Parameter { value: parameter.value?, is_encrypted }))
        });
        Ok(parameters.collect())
    }

    /// A table.
    pub async fn table(&self, name: &str) -> Looked<Option<Table>> {
        match self.dynamodb.describe_table().table_name(name).send().await {
            Ok(answer) => Ok(answer.table.map(|described| table(&described))),
            Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
                Ok(None)
            }
            Err(error) => Err(not_looked("dynamodb:DescribeTable")(error)),
        }
    }

    /// Whether a table can be restored to any second.
    pub async fn has_backups(&self, table: &str) -> Looked<bool> {
        let answer = self.dynamodb.describe_continuous_backups().table_name(table).send().await;
        let answer = answer.map_err(not_looked("dynamodb:DescribeContinuousBackups"))?;
        let described = answer.continuous_backups_description.and_then(|it| it.point_in_time_recovery_description);
        let status = described.and_then(|it| it.point_in_time_recovery_status);
        Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
    }

    /// Whether DynamoDB collects what a table says is over.
    pub async fn is_collected(&self, table: &str) -> Looked<bool> {
        let answer = self.dynamodb.describe_time_to_live().table_name(table).send().await;
        let described = answer.map_err(not_looked("dynamodb:DescribeTimeToLive"))?.time_to_live_description;
        Ok(described.is_some_and(|it| {
            let is_on = matches!(it.time_to_live_status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
            is_on && it.attribute_name.as_deref() == Some(TTL)
        }))
    }
}

fn account(answer: GetAccountOutput) -> Account {
    let pricing = answer.pricing_attributes;
    Account {
        is_in_production: answer.production_access_enabled,
        review: answer.details.and_then(|it| it.review_details?.status).map(|it| it.as_str().to_owned()),
        is_sending_enabled: answer.sending_enabled,
        enforcement: answer.enforcement_status.unwrap_or_default(),
        quota: answer.send_quota.map(|quota| Quota {
            per_day: quota.max24_hour_send,
            per_second: quota.max_send_rate,
            sent: quota.sent_last24_hours,
        }),
        suppressed: answer.suppression_attributes.and_then(|it| it.suppressed_reasons).map(reasons).unwrap_or_default(),
        has_vdm: answer.vdm_attributes.is_some_and(|it| it.vdm_enabled == FeatureStatus::Enabled),
        plan: pricing.as_ref().and_then(|it| it.current_plan.as_ref()).map(|it| it.as_str().to_owned()),
        next_plan: pricing.as_ref().and_then(|it| it.next_plan.as_ref()).map(|it| it.as_str().to_owned()),
    }
}

fn reasons(reasons: Vec<SuppressionListReason>) -> BTreeSet<String> {
    reasons.into_iter().map(|reason| reason.as_str().to_owned()).collect()
}

fn identity(domain: &str, answer: GetEmailIdentityOutput) -> Identity {
    let dkim = answer.dkim_attributes;
    Identity {
        domain: domain.to_owned(),
        is_verified: answer.verified_for_sending_status,
        dkim: dkim.as_ref().and_then(|it| it.status.as_ref()).map(|it| it.as_str().to_owned()).unwrap_or_default(),
        is_signing: dkim.as_ref().is_some_and(|it| it.signing_enabled),
        dkim_records: dkim.map(|dkim| dkim_records(domain, dkim)).unwrap_or_default(),
        mail_from: answer.mail_from_attributes.and_then(mail_from),
    }
}

fn dkim_records(domain: &str, dkim: DkimAttributes) -> Vec<(String, String)> {
    let zone = dkim.signing_hosted_zone.unwrap_or_else(|| DKIM_ZONE.to_owned());
    let record = |token: String| (format!("{token}._domainkey.{domain}"), format!("{token}.{zone}"));
    dkim.tokens.unwrap_or_default().into_iter().map(record).collect()
}

fn mail_from(attributes: MailFromAttributes) -> Option<MailFrom> {
    (!attributes.mail_from_domain.is_empty()).then(|| MailFrom {
        domain: attributes.mail_from_domain,
        status: attributes.mail_from_domain_status.as_str().to_owned(),
        is_required: attributes.behavior_on_mx_failure == BehaviorOnMxFailure::RejectMessage,
    })
}

fn destination(destination: &EventDestination) -> Destination {
    let kind = if destination.event_bridge_destination.is_some() {
        DestinationKind::EventBridge
    } else if destination.sns_destination.is_some() {
        DestinationKind::Sns
    } else {
        DestinationKind::Other
    };
    let events = destination.matching_event_types.iter().map(|it| it.as_str().to_owned()).collect();
    Destination { kind, is_enabled: destination.enabled, events }
}

fn table(described: &TableDescription) -> Table {
    let indexes: BTreeMap<&str, Option<&IndexStatus>> = described
        .global_secondary_indexes()
        .iter()
        .filter_map(|it| Some((it.index_name()?, it.index_status())))
        .collect();
    let missing = INDEXES.iter().filter(|name| !indexes.contains_key(**name));
    let is_unready =
        |status: Option<&IndexStatus>| matches!(status, Some(IndexStatus::Creating | IndexStatus::Deleting));
    let unready = INDEXES.iter().filter(|name| indexes.get(**name).copied().is_some_and(is_unready));
    let stream = described.stream_specification().filter(|stream| stream.stream_enabled());
    Table {
        status: described.table_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        stream: stream.and_then(StreamSpecification::stream_view_type).map(|view| view.as_str().to_owned()),
        is_protected: described.deletion_protection_enabled().unwrap_or(false),
        indexes_missing: missing.map(|name| (*name).to_owned()).collect(),
        indexes_unready: unready.map(|name| (*name).to_owned()).collect(),
    }
}
