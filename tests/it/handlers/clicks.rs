//! Links in mails, as people and machines follow them by API Gateway (H24–H28), and what comes of it.

use std::sync::Arc;

use jiff::{SignedDuration, ToSpan as _};
use perennial_app::mail::{CLICK_PATH, OPEN_PATH};
use perennial_app::memory::{Calls, Counting};
use perennial_app::ports::Clock;
use perennial_app::ports::OutboundMail;
use perennial_aws::dynamo::DynamoStore;
use perennial_core::actor::Target;
use perennial_core::catalog::Catalog;
use perennial_core::condition::SignalKind;
use perennial_core::consent::{Following, Pace, Preferences, Tracking};
use perennial_core::decide::Stimulus;
use perennial_core::event::Event;
use perennial_core::ids::LeadId;
use perennial_core::token::Purpose;
use record_engagement::FOLLOWS_MAX;
use serde_json::{Value, json};

use crate::scenarios::world::{FRONT_SECRET, World, keyring, sample, shipped};

const GUIDE: &str = "https://www.perennial.example/guide";

/// A lead with a mail that has links, on a Tuesday at 10:00.
async fn with_link(world: &World) -> (LeadId, OutboundMail) {
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-03 11:00").await;
    let mail = world.last_mail(&ada);
    assert!(!followable(&mail).is_empty(), "{}", mail.text);
    (ada, mail)
}

async fn world() -> World {
    World::at("2026-03-02 10:00").await
}

/// The paths of the links by way of us in a mail's text.
fn followable(mail: &OutboundMail) -> Vec<String> {
    paths(&mail.text, CLICK_PATH)
}

fn paths(text: &str, start: &str) -> Vec<String> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let found = text.match_indices(start).map(|(at, _)| {
        let rest = &text[at + start.len()..];
        format!("{start}{}", &rest[..rest.find(is_end).unwrap_or(rest.len())])
    });
    found.collect()
}

/// The link that no reader sees.
fn trap(mail: &OutboundMail) -> String {
    let hidden = mail.html.split("<a href=\"").find(|part| part.contains("display:none")).unwrap();
    paths(hidden, CLICK_PATH).pop().unwrap()
}

fn request(method: &str, path: &str) -> Value {
    let mut event = sample("click-get.json");
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["rawPath"] = json!(path);
    event
}

fn from(mut event: Value, address: &str) -> Value {
    event["requestContext"]["http"]["sourceIp"] = json!(address);
    event
}

async fn call(world: &World, event: Value) -> Value {
    let answer = record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
    serde_json::to_value(answer).unwrap()
}

/// Where an answer leads, but for the token by which a page recognises who comes.
fn led_to(answer: &Value) -> Option<&str> {
    let location = location(answer)?;
    Some(location.split_once("?pnl=").map_or(location, |(page, _)| page))
}

fn location(answer: &Value) -> Option<&str> {
    assert!(answer["statusCode"] == 302 || answer["headers"]["location"].is_null(), "{answer}");
    answer["headers"]["location"].as_str()
}

async fn clicked(world: &World, lead: &LeadId) -> bool {
    world.lead(lead).await.signals.contains_key(&SignalKind::Clicked)
}

async fn later(world: &World, time: SignedDuration) {
    world.clock.advance(time);
    world.tick().await;
    world.assert_sound().await;
}

#[tokio::test]
async fn the_samples_are_links_of_the_mail_that_the_sample_form_asks_for() {
    let payload = |purpose, name: &str| {
        let token = sample(name)["pathParameters"]["token"].as_str().unwrap().to_owned();
        keyring().verify(purpose, &token).unwrap()
    };
    let world = world().await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    for name in ["click-get.json", "click-head.json"] {
        assert!(payload(Purpose::Click, name).starts_with(&format!("{ada}/1_welcome_link_0/1/")), "{name}");
    }
    assert!(payload(Purpose::Open, "open-get.json").starts_with(&format!("{ada}/1_welcome_link_0/")));
    for name in ["click-get.json", "click-head.json", "open-get.json"] {
        let answer = call(&world, sample(name)).await;
        // The version that the samples name was never published here.
        let expected = if name == "click-get.json" { 404 } else { 200 };
        assert_eq!(answer["statusCode"], expected, "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_person_who_follows_a_link_is_sent_on_at_once_and_counts_after_ninety_seconds() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    let answer = call(&world, request("GET", &followable(&mail)[0])).await;
    assert_eq!(led_to(&answer), Some(GUIDE));
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    later(&world, SignedDuration::from_secs(89)).await;
    assert!(!clicked(&world, &ada).await);
    later(&world, SignedDuration::from_secs(2)).await;
    assert!(clicked(&world, &ada).await);
    let names = world.names(&ada).await;
    assert!(
        names.windows(3).any(|names| names == ["engagement.judged", "signal.recorded", "score.changed"]),
        "{names:?}"
    );
    // Once per link: a second look changes nothing.
    call(&world, request("GET", &followable(&mail)[0])).await;
    later(&world, SignedDuration::from_hours(1)).await;
    let later = world.names(&ada).await;
    assert_eq!(later, names);
}

#[tokio::test]
async fn whoever_comes_to_the_customers_site_by_a_link_is_recognised_by_their_visit() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    let answer = call(&world, request("GET", &followable(&mail)[0])).await;
    let (page, token) = location(&answer).unwrap().split_once("?pnl=").unwrap();
    assert_eq!(page, GUIDE);

    let mut visit = sample("page-visit.json");
    visit["body"] = json!(json!({ "visitor": token, "kind": "", "topic": "" }).to_string());
    let visit = serde_json::from_value(visit).unwrap();
    let answer = ingest_lead::handle(Arc::clone(&world.functions.ingest), visit).await.unwrap();
    assert_eq!(answer.status_code, 204, "{:?}", answer.body);
    assert!(world.lead(&ada).await.signals.contains_key(&SignalKind::PageVisited));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_token_goes_to_the_customers_own_site_only_and_to_nobody_who_is_not_followed_or_fetches_ahead() {
    let mut files = perennial_core::testing::files();
    for file in files.iter_mut().filter(|file| file.path == "welcome/touches/link.md") {
        file.text.push_str(
            "\n- [own](https://www.perennial.example/a?b=c#d)\n\
             - [foreign](https://www.perennial.example.evil.example/)\n- [other](https://other.example/?a#b)\n",
        );
    }
    let world = World::of(perennial_core::loader::parse(&files).0.unwrap(), "2026-03-02 10:00").await;
    let (ada, mail) = with_link(&world).await;
    let links = followable(&mail);
    world.clock.advance(SignedDuration::from_hours(2));
    let own = call(&world, request("GET", &links[1])).await;
    let own = location(&own).unwrap();
    assert!(own.starts_with("https://www.perennial.example/a?b=c&pnl=v1.") && own.ends_with("#d"), "{own}");
    for (link, foreign) in [(2, "https://www.perennial.example.evil.example/"), (3, "https://other.example/?a#b")] {
        assert_eq!(location(&call(&world, request("GET", &links[link])).await), Some(foreign));
    }
    let mut ahead = request("GET", &links[0]);
    ahead["headers"]["sec-purpose"] = json!("prefetch");
    assert_eq!(location(&call(&world, ahead).await), Some(GUIDE));
    assert_eq!(location(&call(&world, request("HEAD", &links[0])).await), None);
    prefer(&world, &ada, Following::Off).await;
    assert_eq!(location(&call(&world, request("GET", &links[0])).await), Some(GUIDE));
}

#[tokio::test]
async fn h24_nine_links_in_four_tenths_of_a_second_are_a_machine_and_have_no_effect() {
    let mut catalog = catalog_of_nine();
    catalog.organisation.facts.clone_from(&perennial_core::testing::catalog().organisation.facts);
    let world = World::of(catalog, "2026-03-02 10:00").await;
    let (ada, mail) = with_link(&world).await;
    let links = followable(&mail);
    assert_eq!(links.len(), 9);
    world.clock.advance(SignedDuration::from_secs(43));
    let before = world.lead(&ada).await;
    for link in &links {
        assert!(led_to(&call(&world, request("GET", link)).await).is_some());
        world.clock.advance(SignedDuration::from_millis(45));
    }
    later(&world, SignedDuration::from_mins(11)).await;
    let judged = world.events(&ada).await.into_iter().find_map(|event| match event {
        Event::FollowersJudged { people, machines, .. } => Some((people.len(), machines.len())),
        _ => None,
    });
    assert_eq!(judged, Some((0, 9)));
    let after = world.lead(&ada).await;
    assert_eq!((after.signals, after.topic, after.enrolment), (before.signals, before.topic, before.enrolment));
    assert!(!world.names(&ada).await.contains(&"moment.raised"));

    // A person who comes later counts.
    world.clock.advance(SignedDuration::from_hours(3));
    call(&world, from(request("GET", &links[4]), "203.0.113.9")).await;
    later(&world, SignedDuration::from_secs(91)).await;
    assert!(clicked(&world, &ada).await);
}

#[tokio::test]
async fn h25_a_head_is_answered_with_nothing_and_does_not_count_nor_does_what_is_fetched_ahead() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    let before = world.store.load(&ada).await.unwrap();
    let link = &followable(&mail)[0];
    let answer = call(&world, request("HEAD", link)).await;
    assert_eq!((answer["statusCode"].as_i64(), answer["body"].as_str().unwrap_or_default()), (Some(200), ""));
    for (header, value) in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")] {
        let mut event = request("GET", link);
        event["headers"][header] = json!(value);
        assert_eq!(led_to(&call(&world, event).await), Some(GUIDE), "{header}");
    }
    later(&world, SignedDuration::from_mins(11)).await;
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
}

#[tokio::test]
async fn h26_an_open_nine_seconds_after_the_send_is_a_machines_and_no_open_has_an_effect() {
    let mut catalog = perennial_core::testing::catalog();
    catalog.elsewhere.tracking = Tracking::ClicksAndOpens;
    let world = World::of(catalog, "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let mail = world.last_mail(&ada);
    let pixel = paths(&mail.html, OPEN_PATH).pop().unwrap();
    let before = world.store.load(&ada).await.unwrap();
    for after in [9, 3_600] {
        world.clock.advance(SignedDuration::from_secs(after));
        let answer = call(&world, request("GET", &pixel)).await;
        assert_eq!((&answer["statusCode"], &answer["headers"]["content-type"]), (&json!(200), &json!("image/gif")));
        assert_eq!(answer["isBase64Encoded"], true);
    }
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
    for (kind, is_new) in [("opened-by-machine", false), ("opened", false), ("something-else", true)] {
        let record = perennial_app::ports::EngagementRecord {
            lead: ada.clone(),
            touch: mail.touch.clone(),
            kind: kind.to_owned(),
            at: world.clock.now(),
        };
        assert_eq!(world.store.record_engagement(&record).await.unwrap(), is_new, "{kind}");
    }
    // A picture that nobody knows is a picture all the same.
    assert_eq!(call(&world, request("GET", &format!("{OPEN_PATH}nonsense"))).await["statusCode"], 200);
}

#[tokio::test]
async fn h27_a_link_that_is_followed_ten_thousand_times_counts_once_and_ends_in_429() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    let link = &followable(&mail)[0];
    let mut answers = Vec::new();
    for _ in 0..10_000 {
        answers.push(call(&world, request("GET", link)).await["statusCode"].as_i64().unwrap());
    }
    let redirects = usize::try_from(FOLLOWS_MAX).unwrap();
    assert!(answers[..redirects].iter().all(|status| *status == 302));
    assert!(answers[redirects..].iter().all(|status| *status == 429));
    assert!(!call(&world, request("GET", link)).await["headers"]["retry-after"].is_null());
    assert_eq!(world.store.hits(&ada, &mail.touch).await.unwrap().len(), 1);
    later(&world, SignedDuration::from_secs(91)).await;
    let signs = world.names(&ada).await.iter().filter(|name| **name == "signal.recorded").count();
    assert_eq!(signs, 1);
}

#[tokio::test]
async fn h28_no_request_says_where_it_is_led() {
    let world = world().await;
    let (_, mail) = with_link(&world).await;
    let link = followable(&mail)[0].clone();
    let mut with_query = request("GET", &link);
    with_query["rawQueryString"] = json!("url=https%3A%2F%2Fevil.example");
    with_query["queryStringParameters"] = json!({ "url": "https://evil.example" });
    assert_eq!(led_to(&call(&world, with_query).await), Some(GUIDE));
    for path in [
        "/v1/click/",
        "/v1/click/https://evil.example",
        "/v1/click//evil.example",
        "/v1/click/%0d%0aLocation:%20https://evil.example",
        "/v1/click/x\r\nLocation: https://evil.example",
        "//evil.example",
        &format!("{link}/https://evil.example"),
        &link[..link.len() - 1],
    ] {
        let answer = call(&world, request("GET", path)).await;
        let status = answer["statusCode"].as_i64().unwrap();
        assert!([400, 404].contains(&status), "{path}: {answer}");
        assert_eq!(led_to(&answer), None, "{path}");
        assert!(!answer.to_string().contains("evil"), "{path}: nothing is echoed");
    }
    assert_eq!(call(&world, request("POST", &link)).await["statusCode"], 405);
}

#[tokio::test]
async fn h36_the_network_is_what_the_gateway_says_and_is_stored_as_a_keyed_hash() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    let link = followable(&mail)[0].clone();
    for forwarded in ["203.0.113.1", "203.0.113.2"] {
        let mut event = from(request("GET", &link), "198.51.100.23");
        event["headers"]["x-forwarded-for"] = json!(forwarded);
        call(&world, event).await;
    }
    let hits = world.store.hits(&ada, &mail.touch).await.unwrap();
    assert_eq!(hits.len(), 1, "the same network twice is one hit");
    let stored = serde_json::to_string(&hits).unwrap();
    assert!(!stored.contains("198.51.100") && !stored.contains("203.0.113"), "{stored}");
}

#[tokio::test]
async fn h36_behind_cloudfront_the_network_is_the_viewers() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    let link = followable(&mail)[0].clone();
    let mut hits = Vec::new();
    for (viewer, secret) in [
        ("203.0.113.1:443", FRONT_SECRET),
        ("203.0.113.1:51000", FRONT_SECRET),
        ("203.0.113.2:443", FRONT_SECRET),
        // Neither of them is believed: the address is CloudFront's.
        ("203.0.113.3:443", "front-0123456789abcdeX"),
        ("203.0.113.4:443", "front-0123456789abcdeX"),
    ] {
        let mut event = from(request("GET", &link), "198.51.100.200");
        event["headers"]["cloudfront-viewer-address"] = json!(viewer);
        event["headers"]["x-perennial-front"] = json!(secret);
        call(&world, event).await;
        hits.push(world.store.hits(&ada, &mail.touch).await.unwrap().len());
    }
    assert_eq!(hits, [1, 1, 2, 3, 3]);
}

#[tokio::test]
async fn a_click_that_turns_out_to_be_the_first_of_a_burst_is_taken_back() {
    let world = World::of(catalog_of_nine(), "2026-03-02 10:00").await;
    let (ada, mail) = with_link(&world).await;
    let links = followable(&mail);
    world.clock.advance(SignedDuration::from_secs(40));
    call(&world, request("GET", &links[3])).await;
    later(&world, SignedDuration::from_secs(100)).await;
    assert!(clicked(&world, &ada).await);
    for link in &links {
        call(&world, request("GET", link)).await;
        world.clock.advance(SignedDuration::from_millis(300));
    }
    later(&world, SignedDuration::from_mins(11)).await;
    assert!(!clicked(&world, &ada).await);
    let names = world.names(&ada).await;
    assert!(names.contains(&"signal.recorded") && names.contains(&"engagement.relabelled"), "{names:?}");
}

#[tokio::test]
async fn whoever_follows_the_link_that_no_reader_sees_is_a_machine() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    assert!(!mail.text.contains(&trap(&mail)), "plain text has none");
    world.clock.advance(SignedDuration::from_hours(1));
    call(&world, request("GET", &followable(&mail)[0])).await;
    world.clock.advance(SignedDuration::from_secs(20));
    let answer = call(&world, request("GET", &trap(&mail))).await;
    assert_eq!((answer["statusCode"].as_i64(), led_to(&answer)), (Some(404), None));
    later(&world, SignedDuration::from_mins(11)).await;
    assert!(!clicked(&world, &ada).await);
}

#[tokio::test]
async fn a_click_proves_that_a_mail_arrived_of_which_nobody_was_sure() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    let expected = world.lead(&ada).await;
    // The answer was lost: as the store has it after the worker's lease.
    let stimulus = perennial_core::lead::Unresolved {
        touch: mail.touch.clone(),
        attempt: mail.attempt,
        state: perennial_core::lead::Doubt::Unknown { review_at: world.clock.now() + 6.hours() },
    };
    doubt(&world, &ada, stimulus).await;
    assert_eq!(world.lead(&ada).await.unresolved.len(), 1);
    call(&world, request("GET", &followable(&mail)[0])).await;
    assert_eq!(world.lead(&ada).await.unresolved, expected.unresolved);
    assert_eq!(world.names(&ada).await[world.names(&ada).await.len() - 2..], ["touch.sent", "engagement.followed"]);
}

#[tokio::test]
async fn links_lead_straight_where_nothing_is_followed_and_ours_are_never_rewritten() {
    for (tracking, following) in [(Tracking::Off, Following::Usual), (Tracking::Clicks, Following::Off)] {
        let mut catalog = perennial_core::testing::catalog();
        catalog.elsewhere.tracking = tracking;
        let world = World::of(catalog, "2026-03-02 10:00").await;
        let ada = world.post(json!({ "email": "ada@example.com" })).await;
        prefer(&world, &ada, following).await;
        world.live_until("2026-03-03 11:00").await;
        let mail = world.last_mail(&ada);
        assert!(mail.text.contains(GUIDE) && !mail.html.contains(CLICK_PATH) && !mail.html.contains(OPEN_PATH));
    }
    let world = World::of(shipped(), "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-20 11:00").await;
    for mail in world.mails(&ada) {
        let unsubscribe = paths(&mail.text, "/v1/unsubscribe/");
        assert!(!unsubscribe.is_empty() && !mail.text.contains("mailto:/v1/click"));
        assert!(!mail.html.contains(OPEN_PATH), "opens are followed only where a region says so");
    }
}

#[tokio::test]
async fn whoever_says_that_they_are_not_to_be_followed_is_sent_on_and_not_recorded() {
    let world = world().await;
    let (ada, mail) = with_link(&world).await;
    prefer(&world, &ada, Following::Off).await;
    let before = world.store.load(&ada).await.unwrap();
    assert_eq!(led_to(&call(&world, request("GET", &followable(&mail)[0])).await), Some(GUIDE));
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
    assert_eq!(world.store.hits(&ada, &mail.touch).await.unwrap(), []);
}

#[tokio::test]
async fn a_hit_that_decides_nothing_is_one_plain_write() {
    let mut counting = None;
    let world = World::with(perennial_core::testing::catalog(), "2026-03-02 10:00", |ports, store| {
        let counted = Arc::new(Counting::new(store.clone()));
        ports.store = counted.clone();
        counting = Some(counted);
    })
    .await;
    let counting: Arc<Counting<DynamoStore>> = counting.unwrap();
    let (_, mail) = with_link(&world).await;
    let link = followable(&mail)[0].clone();
    counting.take();
    call(&world, request("HEAD", &link)).await;
    assert_eq!(counting.take(), Calls { load: 1, record_hit: 1, ..Calls::default() });
    // The first opens the quarantine; those after it, while it lasts, add to what will be judged.
    call(&world, request("GET", &link)).await;
    assert_eq!(counting.take(), Calls { load: 2, record_hit: 1, commit: 1, ..Calls::default() });
    call(&world, from(request("GET", &link), "203.0.113.9")).await;
    assert_eq!(counting.take(), Calls { load: 1, record_hit: 1, ..Calls::default() });
}

#[tokio::test]
async fn an_old_mails_links_lead_on_when_its_version_is_gone() {
    use perennial_app::ports::PublishedProgram;
    use perennial_core::loader::SourceFile;

    let world = world().await;
    let (_, mail) = with_link(&world).await;
    let files: Vec<SourceFile> = perennial_core::testing::files();
    let of_welcome = || files.iter().filter(|file| file.path.starts_with("welcome/")).cloned();
    let name = perennial_core::ids::ProgramName::parse("welcome").unwrap();
    let version = world.catalog().programs[&name].version.clone();
    let published = PublishedProgram { name, version, files: of_welcome().collect() };
    world.store.put_program(&published).await.unwrap();

    let mut world = world;
    let mut other = perennial_core::testing::files();
    for file in other.iter_mut().filter(|file| file.path == "welcome/touches/link.md") {
        file.text.push_str("\nAnother text, so another version.\n");
    }
    world.redeploy(perennial_core::loader::parse(&other).0.unwrap());
    assert_eq!(led_to(&call(&world, request("GET", &followable(&mail)[0])).await), Some(GUIDE));
}

// --- What SES tells, where its tracking is switched on in place of ours --------------------------------

/// A suite whose mails are followed by SES alone.
async fn followed_by_ses(mut catalog: Catalog) -> World {
    catalog.elsewhere.tracking = Tracking::Off;
    World::of(catalog, "2026-03-02 10:00").await
}

/// A lead with a mail whose links lead straight to where they say, on a Tuesday.
async fn with_straight_link(world: &World) -> (LeadId, OutboundMail) {
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    world.live_until("2026-03-03 11:00").await;
    let mail = world.last_mail(&ada);
    assert!(followable(&mail).is_empty() && mail.text.contains(GUIDE), "{}", mail.text);
    (ada, mail)
}

/// SES's event of a click now, on a link of a mail.
fn ses_click(world: &World, mail: &OutboundMail, link: &str) -> Value {
    let mut event = sample("ses-click.json");
    let now = world.clock.now();
    event["time"] = json!(now);
    event["detail"]["click"]["timestamp"] = json!(now);
    event["detail"]["click"]["link"] = json!(link);
    event["detail"]["mail"]["timestamp"] = json!(mail.date);
    event["detail"]["mail"]["tags"]["touch"] = json!([mail.touch.to_string()]);
    event["detail"]["mail"]["tags"]["attempt"] = json!([mail.attempt.to_string()]);
    event
}

#[tokio::test]
async fn a_person_of_whom_ses_tells_counts_after_ninety_seconds() {
    let world = followed_by_ses(perennial_core::testing::catalog()).await;
    let (ada, mail) = with_straight_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    let event = ses_click(&world, &mail, GUIDE);
    assert_eq!(call(&world, event.clone()).await["counted"], "decided");
    assert_eq!(call(&world, event).await["counted"], "noted");
    let hits = world.store.hits(&ada, &mail.touch).await.unwrap();
    assert_eq!(hits.iter().map(|hit| hit.target).collect::<Vec<_>>(), [Target::Link(0)]);
    assert!(!serde_json::to_string(&hits).unwrap().contains("192.0.2.77"));
    later(&world, SignedDuration::from_secs(89)).await;
    assert!(!clicked(&world, &ada).await);
    later(&world, SignedDuration::from_secs(2)).await;
    assert!(clicked(&world, &ada).await);
    let names = world.names(&ada).await;
    assert!(
        names.windows(3).any(|names| names == ["engagement.judged", "signal.recorded", "score.changed"]),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_scanners_burst_of_which_ses_tells_is_a_machines_and_has_no_effect() {
    let world = followed_by_ses(catalog_of_nine()).await;
    let (ada, mail) = with_straight_link(&world).await;
    world.clock.advance(SignedDuration::from_secs(43));
    let before = world.lead(&ada).await;
    let others = (1..9).map(|number| format!("https://www.perennial.example/{number}"));
    for link in [GUIDE.to_owned()].into_iter().chain(others) {
        call(&world, ses_click(&world, &mail, &link)).await;
        world.clock.advance(SignedDuration::from_millis(45));
    }
    later(&world, SignedDuration::from_mins(11)).await;
    let judged = world.events(&ada).await.into_iter().find_map(|event| match event {
        Event::FollowersJudged { people, machines, .. } => Some((people.len(), machines.len())),
        _ => None,
    });
    assert_eq!(judged, Some((0, 9)));
    let after = world.lead(&ada).await;
    assert_eq!((after.signals, after.topic, after.enrolment), (before.signals, before.topic, before.enrolment));
}

#[tokio::test]
async fn what_ses_tells_of_our_own_links_of_opens_or_of_whoever_is_not_followed_is_no_hit() {
    let world = followed_by_ses(perennial_core::testing::catalog()).await;
    let (ada, mail) = with_straight_link(&world).await;
    let before = world.store.load(&ada).await.unwrap();
    for path in [CLICK_PATH, "/v1/unsubscribe/", "/v1/preferences/"] {
        let link = format!("https://leads.perennial.example{path}v1.k1.x.y");
        assert_eq!(call(&world, ses_click(&world, &mail, &link)).await["counted"], "noted", "{path}");
    }
    let mut open = sample("ses-open.json");
    open["detail"]["mail"]["tags"]["touch"] = json!([mail.touch.to_string()]);
    assert_eq!(call(&world, open).await["counted"], "noted");
    let mut later_mail = ses_click(&world, &mail, GUIDE);
    later_mail["detail"]["mail"]["tags"]["touch"] = json!(["9_welcome_link_0"]);
    assert_eq!(call(&world, later_mail).await["counted"], "ignored");
    let mut bare = ses_click(&world, &mail, GUIDE);
    bare["detail"]["click"] = Value::Null;
    assert_eq!(call(&world, bare).await["counted"], "noted");
    assert_eq!(world.store.load(&ada).await.unwrap(), before);
    prefer(&world, &ada, Following::Off).await;
    assert_eq!(call(&world, ses_click(&world, &mail, GUIDE)).await["counted"], "noted");
    assert_eq!(world.store.hits(&ada, &mail.touch).await.unwrap(), []);
}

#[tokio::test]
async fn a_link_that_the_template_does_not_list_is_told_apart_all_the_same() {
    let world = followed_by_ses(perennial_core::testing::catalog()).await;
    let (ada, mail) = with_straight_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    for link in ["https://other.example/a", "https://other.example/b", "https://other.example/a"] {
        call(&world, ses_click(&world, &mail, link)).await;
    }
    assert_eq!(world.store.hits(&ada, &mail.touch).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_click_of_which_ses_tells_and_that_decides_nothing_is_one_plain_write() {
    let mut catalog = perennial_core::testing::catalog();
    catalog.elsewhere.tracking = Tracking::Off;
    let mut counting = None;
    let world = World::with(catalog, "2026-03-02 10:00", |ports, store| {
        let counted = Arc::new(Counting::new(store.clone()));
        ports.store = counted.clone();
        counting = Some(counted);
    })
    .await;
    let counting: Arc<Counting<DynamoStore>> = counting.unwrap();
    let (_, mail) = with_straight_link(&world).await;
    world.clock.advance(SignedDuration::from_hours(2));
    call(&world, ses_click(&world, &mail, GUIDE)).await;
    counting.take();
    let mut other = ses_click(&world, &mail, GUIDE);
    other["detail"]["click"]["ipAddress"] = json!("203.0.113.9");
    call(&world, other).await;
    assert_eq!(counting.take(), Calls { load: 1, record_hit: 1, ..Calls::default() });
}

/// The catalog for tests, with nine links in a mail.
fn catalog_of_nine() -> Catalog {
    let mut files = perennial_core::testing::files();
    for file in files.iter_mut().filter(|file| file.path == "welcome/touches/link.md") {
        let more = (1..9).map(|number| format!("\n- [another](https://www.perennial.example/{number})\n"));
        file.text.extend(more);
    }
    let (catalog, found) = perennial_core::loader::parse(&files);
    catalog.unwrap_or_else(|| panic!("{found:#?}"))
}

async fn prefer(world: &World, lead: &LeadId, following: Following) {
    let preferences = Preferences { pace: Pace::Usual, following, ..Preferences::default() };
    change(world, lead, &Stimulus::Preferred { preferences, language: None }).await;
}

async fn doubt(world: &World, lead: &LeadId, doubt: perennial_core::lead::Unresolved) {
    let stored = world.store.load(lead).await.unwrap().unwrap();
    let event =
        Event::TouchUnknown { touch: doubt.touch, attempt: doubt.attempt, review_at: world.clock.now() + 6.hours() };
    commit(world, stored, vec![event], "due").await;
}

async fn change(world: &World, lead: &LeadId, stimulus: &Stimulus) {
    use perennial_core::decide::{View, decide};
    let stored = world.store.load(lead).await.unwrap().unwrap();
    let view = View { lead: Some(&stored.lead), profile: Some(&stored.profile), catalog: world.catalog(), loads: None };
    let events = decide(&view, stimulus, world.clock.now()).events;
    if !events.is_empty() {
        commit(world, stored, events, stimulus.name()).await;
    }
}

async fn commit(world: &World, stored: perennial_app::ports::Stored, events: Vec<Event>, cause: &str) {
    use perennial_app::ports::{Commit, HistoryRow};
    use perennial_core::event::apply;
    use perennial_core::waterfall::Deltas;
    let now = world.clock.now();
    let before = stored.lead.clone();
    let mut lead = events.iter().fold(stored.lead, |lead, event| apply(Some(lead), event, now).unwrap());
    lead.seq += 1;
    let deltas = Deltas::between(Some(&before), Some(&lead));
    let history = HistoryRow { seq: lead.seq, at: now, cause: cause.to_owned(), entries: events, deltas };
    let commit =
        Commit { lead, expected: Some(stored.rev), profile: None, history, submission: None, idempotency: None };
    world.store.commit(&commit).await.unwrap();
}
