//! SES's account suppression list (`ListSuppressedDestinations`).

use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::primitives::DateTime;
use aws_sdk_sesv2::types::{SuppressedDestinationSummary, SuppressionListReason};
use jiff::Timestamp;
use perennial_app::ports::{Cause, Cursor};
use perennial_app::suppression::{ListedAddress, ListedPage, SuppressionList};
use perennial_core::contact::EmailAddress;
use perennial_core::lead::EmailReach;

/// How many addresses are on a page.
const PAGE: i32 = 1_000;

/// The list, by a client whose calls may be made again.
#[derive(Debug, Clone)]
pub struct SesSuppressionList {
    client: Client,
}

impl SesSuppressionList {
    /// Reads by a client such as [`Clients::ses_lists`](crate::clients::Clients::ses_lists).
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl SuppressionList for SesSuppressionList {
    async fn page(&self, since: Option<Timestamp>, cursor: Option<Cursor>) -> Result<ListedPage, Cause> {
        let answer = self
            .client
            .list_suppressed_destinations()
            .set_start_date(since.map(|since| DateTime::from_secs(since.as_second())))
            .set_next_token(cursor.map(|Cursor(token)| token))
            .page_size(PAGE)
            .send()
            .await?;
        let next = answer.next_token.filter(|token| !token.is_empty()).map(Cursor);
        let summaries = answer.suppressed_destination_summaries.unwrap_or_default();
        let all = u64::try_from(summaries.len()).unwrap_or(u64::MAX);
        let addresses: Vec<ListedAddress> = summaries.iter().filter_map(listed).collect();
        let read = u64::try_from(addresses.len()).unwrap_or(u64::MAX);
        Ok(ListedPage { addresses, unreadable: all.saturating_sub(read), next })
    }
}

fn listed(summary: &SuppressedDestinationSummary) -> Option<ListedAddress> {
    // Whatever other reason there is or comes, it says at least that SES hands nothing on to the address.
    let is_complaint = summary.reason() == &SuppressionListReason::Complaint;
    let cause = if is_complaint { EmailReach::Complained } else { EmailReach::HardBounced };
    Some(ListedAddress { address: EmailAddress::parse(summary.email_address()).ok()?, cause })
}
