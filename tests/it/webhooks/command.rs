//! `perennial up --webhooks-to`, and `perennial webhooks`, on a real store file.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use perennial_core::diagnostic::Code;
use perennial_core::loader::SourceFile;
use perennial_core::testing;

use super::server::{Manner, Request, Server};
use crate::binaries::binary;
use crate::faults::process::{Place, eventually, person};
use crate::versions::command::write;

/// What a catalog says of its webhooks.
const WEBHOOKS: &str = r#"
[webhooks.crm]
url = "https://hooks.example.com/perennial"
events = ["lead.received", "touch.sent"]

[webhooks.chat]
url = "https://chat.example.com/hooks/T0/secret"
events = ["lead.received"]
status = "off"
"#;

fn programs(place: &Place, webhooks: &str) -> String {
    let directory = place.path("programs");
    let mut files = testing::files();
    for SourceFile { path, text } in &mut files {
        if path == "catalog.toml" {
            text.push_str(webhooks);
        }
    }
    write(&directory, &files);
    assert!(Path::new(&directory).join("catalog.toml").exists());
    directory
}

/// What a listing says of a webhook's part.
fn part<'t>(listing: &'t str, webhook: &str, name: &str) -> &'t str {
    let of_webhook = listing.split_once(webhook).unwrap_or_else(|| panic!("{webhook}: {listing}")).1;
    let line = of_webhook.lines().find(|line| line.trim_start().starts_with(name));
    line.unwrap_or_else(|| panic!("{name}: {listing}")).trim_start().trim_start_matches(name).trim()
}

#[tokio::test]
async fn what_happens_in_up_reaches_a_server_on_this_machine_over_a_kill_and_a_restart() {
    let (place, server) = (Place::new(), Server::start().await);
    let (programs, url) = (programs(&place, WEBHOOKS), server.url());
    let to = ["--webhooks-to", url.as_str()];
    let mut up = place.up_with(&programs, &to).await;
    let greeting = up.prints("  the webhook crm").await;
    assert!(greeting.contains(&format!("{url}/crm")), "{greeting}");
    let secret = up.prints("    signed with").await.split_whitespace().last().unwrap().to_owned();

    assert_eq!(up.post(&person(1)).await.unwrap().status, 202);
    let arrived = async |count: usize| {
        eventually("an event", async || Some(server.requests("crm")).filter(|came| came.len() == count)).await
    };
    let first = arrived(2).await;
    assert!(first.iter().all(|request| request.is_signed_with(&secret)));
    let names: Vec<_> = first.iter().map(|request| request.json()["type"].clone()).collect();
    assert!(names.contains(&"lead.received".into()) && names.contains(&"touch.sent".into()), "{names:?}");
    assert!(first.iter().all(|request| !format!("{request:?}").contains("person1")));

    // The server goes away, and so does the suite, in the middle of whatever it does.
    server.behave("crm", Manner::HangsUp);
    assert_eq!(up.post(&person(2)).await.unwrap().status, 202);
    arrived(4).await;
    up.kill();
    server.behave("crm", Manner::Takes);
    let up = place.up_with(&programs, &to).await;
    let ids =
        |requests: &[Request]| -> BTreeSet<String> { requests.iter().map(|request| request.id().to_owned()).collect() };
    let again = eventually("the rest", async || {
        let listing = place.perennial(&["webhooks"]).await.out;
        (part(&listing, "crm", "waiting") == "0").then(|| server.requests("crm"))
    })
    .await;
    assert_eq!(ids(&again), ids(&again[..4]), "the same events, by the same names");
    assert_eq!(ids(&again).len(), 4);
    assert!(server.requests("chat").is_empty(), "it is switched off");
    assert!(up.interrupt().await.0.success());
    let listing = place.perennial(&["webhooks"]).await.out;
    assert_eq!(part(&listing, "crm", "secret"), secret);
    assert!(listing.contains("chat (off)") && listing.contains("https://hooks.example.com/perennial"), "{listing}");
    assert!(!place.said().contains("secret") && !place.said().contains("127.0.0.1"), "{}", place.said());
}

#[tokio::test]
async fn up_tells_nobody_unless_it_is_said_whom() {
    let (place, server) = (Place::new(), Server::start().await);
    let programs = programs(&place, WEBHOOKS);
    let up = place.up_with(&programs, &[]).await;
    assert_eq!(up.post(&person(1)).await.unwrap().status, 202);
    eventually("her mail", async || (!up.letters().await.is_empty()).then_some(())).await;
    let listing = place.perennial(&["webhooks"]).await.out;
    assert_eq!((part(&listing, "crm", "waiting"), part(&listing, "crm", "parked")), ("0", "0"));
    assert!(server.requests("crm").is_empty());
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_sent_again_and_a_webhook_can_be_tried() {
    let (place, server) = (Place::new(), Server::start().await);
    let (programs, url) = (programs(&place, WEBHOOKS), server.url());
    server.behave("crm", Manner::Says("410 Gone"));
    let up = place.up_with(&programs, &["--webhooks-to", &url]).await;
    assert_eq!(up.post(&person(1)).await.unwrap().status, 202);
    let listing = eventually("two parked events", async || {
        let listing = place.perennial(&["webhooks"]).await.out;
        part(&listing, "crm", "parked").starts_with('2').then_some(listing)
    })
    .await;
    assert!(part(&listing, "crm", "parked").ends_with("it wants no more (410)"), "{listing}");
    assert!(listing.starts_with("chat (off)") && listing.contains("crm (wants no more since "), "{listing}");
    let json: serde_json::Value = serde_json::from_str(&place.perennial(&["webhooks", "--json"]).await.out).unwrap();
    assert_eq!((&json[1]["name"], &json[1]["parked"], &json[1]["waiting"]), (&"crm".into(), &2.into(), &0.into()));
    assert!(!json.to_string().contains("whsec_"), "a secret is shown to a person, not to a program");

    server.behave("crm", Manner::Says("401 Unauthorized"));
    let tried = place.perennial(&["webhooks", "test", "crm", "--to", &url]).await;
    assert_eq!((tried.status, tried.out.as_str()), (Some(1), "it answered 401: it did not take the event\n"));
    server.behave("crm", Manner::Takes);
    let tried = place.perennial(&["webhooks", "test", "crm", "--to", &url]).await;
    assert_eq!((tried.status, tried.out.as_str()), (Some(0), "it answered 204: it has the event\n"));
    let test = server.requests("crm").pop().unwrap();
    assert_eq!(test.json()["type"], "webhook.test");
    assert!(test.is_signed_with(part(&listing, "crm", "secret")));

    let later = place.perennial(&["webhooks", "replay", "crm", "--since", "2999-01-01"]).await;
    assert_eq!(later.out, "0 wait to be sent again\n");
    let replayed = place.perennial(&["webhooks", "replay", "crm"]).await;
    assert_eq!((replayed.status, replayed.out.as_str()), (Some(0), "2 wait to be sent again\n"), "{}", replayed.error);
    eventually("what was given up", async || {
        let came = server.requests("crm").iter().filter(|request| request.json()["type"] != "webhook.test").count();
        (came >= 3).then_some(())
    })
    .await;
    let unknown = place.perennial(&["webhooks", "replay", "crn"]).await;
    assert_eq!(unknown.status, Some(2));
    assert!(unknown.error.contains("no webhook `crn`"), "{}", unknown.error);
}

#[tokio::test]
async fn h46_a_private_address_is_refused_when_it_is_checked_and_when_it_is_pushed() {
    let place = Place::new();
    for url in ["http://127.0.0.1:9000/", "https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/"] {
        let webhook = format!("\n[webhooks.crm]\nurl = \"{url}\"\nevents = [\"lead.received\"]\n");
        let programs = programs(&place, &webhook);
        let checked =
            Command::new(binary("perennial")).args(["check", &programs, "--format", "json"]).output().unwrap();
        assert_eq!(checked.status.code(), Some(1), "{url}");
        let found = String::from_utf8(checked.stdout).unwrap();
        assert!(found.contains(Code::WebhookUrl.as_str()), "{url}: {found}");
        let pushed = place.perennial(&["push", &programs]).await;
        assert_eq!(pushed.status, Some(1), "{url}: {}", pushed.error);
        let up = place.perennial(&["up", "--port", "0", "--programs", &programs, "--webhooks-to", "catalog"]).await;
        assert_eq!(up.status, Some(1), "{url}: {}", up.error);
    }
    let outside = place.perennial(&["up", "--webhooks-to", "http://10.0.0.1:9000"]).await;
    assert_eq!(outside.status, Some(2));
    assert!(outside.error.contains("does not lead to this machine"), "{}", outside.error);
}
