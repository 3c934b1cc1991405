//! What docs/webhooks.md shows is what is sent.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use perennial_app::ports::HistoryRow;
use perennial_app::publish::EventId;
use perennial_app::webhooks::{RETRIES, Secrets, body_of};
use perennial_core::event::Event;
use perennial_core::sales::QualifyCause;
use perennial_core::waterfall::Deltas;

use super::name;

/// The secret of the page.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/webhooks.md");
    fs::read_to_string(path).unwrap()
}

/// What stands after a name in one of the page's samples.
fn shown<'p>(page: &'p str, begin: &str) -> &'p str {
    let line = page.lines().find_map(|line| line.strip_prefix("    ")?.strip_prefix(begin));
    line.unwrap_or_else(|| panic!("docs/webhooks.md shows no {begin}"))
}

#[test]
fn the_sample_of_the_page_is_what_is_sent_and_verifies() {
    let page = page();
    let event: EventId = shown(&page, "webhook-id: ").parse().unwrap();
    let row = HistoryRow {
        seq: event.seq,
        at: "2026-03-02T09:00:00Z".parse().unwrap(),
        cause: "evaluated".to_owned(),
        entries: vec![Event::Qualified { cause: QualifyCause::HumanReply, cycle: 1 }],
        deltas: Deltas::default(),
    };
    let body = body_of(&event, &row).unwrap();
    assert!(page.contains(&format!("    {body}\n")), "the page should show {body}");
    let at = Timestamp::from_second(shown(&page, "webhook-timestamp: ").parse().unwrap()).unwrap();
    let secrets = Secrets::parse(shown(&page, "PERENNIAL_WEBHOOK_SECRETS=")).unwrap();
    assert_eq!(secrets.of(&name("crm")), [SECRET]);
    let signature = secrets.sign(&name("crm"), &event.to_string(), at, &body).unwrap();
    assert_eq!(shown(&page, "webhook-signature: "), signature);
}

#[test]
fn the_page_names_the_schedule_of_the_code() {
    let page = page();
    let seconds: Vec<i64> = RETRIES.iter().map(SignedDuration::as_secs).collect();
    assert_eq!(seconds, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    assert!(page.contains("after 5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours"));
}
