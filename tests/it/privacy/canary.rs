//! A canary: somebody with an address, a name, a number, a message and tokens goes through everything, in good ways and
//! bad, and nothing that the suite prints, emits or answers, no key and no link, says anything of her (P7).

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use perennial_app::broadcast::{prepare, progress};
use perennial_app::ports::{Bus as _, BusEvent, Clock as _};
use perennial_app::programs;
use perennial_app::push::{Push, push};
use perennial_core::condition::SignalKind;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, FailReason};
use perennial_core::ids::LeadId;
use perennial_core::lead::LifecycleStage;
use perennial_core::testing;
use perennial_core::token::Purpose;
use serde_json::{Value, json};

use super::{ADDRESS, canary, dump, found, retainer, table, whole};
use crate::faults::hooked::{Call, Hooked};
use crate::faults::mailing_as;
use crate::handlers::alerts::with_sellers;
use crate::handlers::ingest_lead::logs::Log;
use crate::scenarios::world::{
    Functions, World, form_post, keyring, read, sample, ses_event, shipped, unsubscribe_get, unsubscribe_post,
    unsubscribe_token, with_detail,
};

const NOW: &str = "2026-03-02 10:00";

/// What was said to the outside while she went through.
#[derive(Default)]
struct Said {
    said: Vec<(String, String)>,
    /// Pages, to whoever has their link: it may stand in them again.
    shown: Vec<(String, String)>,
}

impl Said {
    /// Notes what was said, and where.
    fn note(&mut self, place: &str, text: impl Into<String>) {
        self.said.push((place.to_owned(), text.into()));
    }

    /// Notes what a page showed.
    fn show(&mut self, place: &str, text: impl Into<String>) {
        self.shown.push((place.to_owned(), text.into()));
    }

    /// Nobody said anything of her, and none of these.
    fn assert_silent(&self, secrets: &[String]) {
        assert!(!self.said.is_empty());
        for (place, text) in self.said.iter().chain(&self.shown) {
            assert_eq!(found(text), [""; 0], "{place}: {text}");
        }
        for (place, text) in &self.said {
            for secret in secrets {
                assert!(!text.contains(secret.as_str()), "{place} says a token: {text}");
            }
        }
    }
}

async fn post(said: &mut Said, functions: &Functions, row: &str, event: Value) {
    match ingest_lead::handle(Arc::clone(&functions.ingest), read(&event)).await {
        Ok(answer) => said.note(row, serde_json::to_string(&answer).unwrap()),
        Err(error) => said.note(row, format!("{error} {error:?}")),
    }
}

async fn engage(said: &mut Said, functions: &Functions, row: &str, event: Value) {
    match record_engagement::handle(Arc::clone(&functions.engagement), event).await {
        Ok(answer) => said.show(row, serde_json::to_string(&answer).unwrap()),
        Err(error) => said.note(row, format!("{error} {error:?}")),
    }
}

/// Posts of the form as people, pages, robots and attackers send them, each with her in it.
fn posts() -> Vec<(&'static str, Value)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut event = form_post(&canary());
        change(&mut event);
        event
    };
    let fields = |fields: Value| form_post(&fields);
    let mut noted = canary();
    noted["message"] = json!("Zwitscherton? ".repeat(400));
    let mut robot = canary();
    robot["website"] = json!("https://birds.example/Kanarina");
    let mut injected = canary();
    injected["first_name"] = json!("Kanarina\r\nBcc: canary-7f3@birds.example");
    vec![
        ("a good post", form_post(&canary())),
        ("the same again", form_post(&canary())),
        ("a robot's", form_post(&robot)),
        ("a header in a name", form_post(&injected)),
        ("a message that is too long", form_post(&noted)),
        ("an address that is none", fields(json!({ "email": "canary-7f3@@birds.example" }))),
        ("a number that is none", fields(json!({ "phone": "+49 7312 7312 7312 7312 7312", "first_name": "Kanarina" }))),
        ("neither address nor number", fields(json!({ "first_name": "Kanarina" }))),
        ("undeclared fields", fields(json!({ "email": ADDRESS, "canary-7f3@birds.example": "Gelbfeder" }))),
        (
            "an address as the form's name",
            with(&|event| {
                event["rawPath"] = json!("/v1/forms/canary-7f3@birds.example");
                event["requestContext"]["http"]["path"] = json!("/v1/forms/canary-7f3@birds.example");
                event["pathParameters"]["form"] = json!("canary-7f3@birds.example");
            }),
        ),
        ("broken JSON", with(&|event| event["body"] = json!("{\"email\": \"canary-7f3@birds.example\", Kanarina"))),
        (
            "a name twice",
            with(&|event| {
                event["body"] =
                    json!("{\"email\":\"canary-7f3@birds.example\",\"email\":\"canary-7f3@birds.example\"}");
            }),
        ),
        (
            "not base64",
            with(&|event| {
                event["body"] = json!("canary-7f3@birds.example");
                event["isBase64Encoded"] = json!(true);
            }),
        ),
        (
            "not UTF-8",
            with(&|event| {
                let bytes = [b"{\"email\":\"canary-7f3@birds.example".as_slice(), &[0xff, 0xfe]].concat();
                event["body"] = json!(data_encoding::BASE64.encode(&bytes));
                event["isBase64Encoded"] = json!(true);
            }),
        ),
        (
            "a kind of body that is not taken",
            with(&|event| event["headers"]["content-type"] = json!("text/x-Kanarina")),
        ),
        (
            "a multipart body without an end",
            with(&|event| {
                event["headers"]["content-type"] = json!("multipart/form-data; boundary=Kanarina");
                event["body"] =
                    json!("--Kanarina\r\ncontent-disposition: form-data; name=\"email\"\r\n\r\n".to_owned() + ADDRESS);
            }),
        ),
        ("too much", with(&|event| event["body"] = json!("canary-7f3@birds.example".repeat(2_000)))),
        ("another origin", with(&|event| event["headers"]["origin"] = json!("https://birds.example"))),
        (
            "an address in the query and the headers",
            with(&|event| {
                event["rawQueryString"] = json!("email=canary-7f3%40birds.example");
                event["queryStringParameters"] = json!({ "email": ADDRESS });
                event["headers"]["referer"] = json!("https://birds.example/?email=canary-7f3@birds.example");
                event["headers"]["user-agent"] = json!("Kanarina/1.0");
                event["headers"]["x-forwarded-for"] = json!("canary-7f3");
                event["headers"]["idempotency-key"] = json!("canary-7f3@birds.example");
            }),
        ),
        (
            "that key again with another body",
            with(&|event| {
                event["headers"]["idempotency-key"] = json!("canary-7f3@birds.example");
                event["body"] = json!(json!({ "email": ADDRESS, "message": "Zwitscherton!" }).to_string());
            }),
        ),
    ]
}

/// What SES tells of a mail to her, in all its ways, with her address wherever SES puts one, and wrongly.
fn ses_events(mail: &perennial_app::ports::OutboundMail) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../events")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("ses-") {
            continue;
        }
        let mut event = ses_event(&name, mail);
        event = serde_json::from_str(&event.to_string().replace("ada@example.com", ADDRESS)).unwrap();
        let mut unknown = event.clone();
        // The words of SES for what happens to a mail are SES's own, and are counted as they come.
        unknown["detail"]["eventType"] = json!("Teleported");
        let mut torn = event.clone();
        torn["detail"]["mail"] = json!(ADDRESS);
        let mut strange = event.clone();
        strange["detail"]["mail"]["tags"]["lead"] = json!(["canary-7f3@birds.example"]);
        strange["detail"]["mail"]["tags"]["touch"] = json!(["Kanarina"]);
        events.push((name.clone(), event));
        events.push((format!("{name}, unknown"), unknown));
        events.push((format!("{name}, torn"), torn));
        events.push((format!("{name}, with strange tags"), strange));
    }
    assert!(events.len() >= 16, "{}", events.len());
    events
}

/// Every token in a mail: whoever has it may do something in her name.
fn tokens(mail: &perennial_app::ports::OutboundMail) -> Vec<String> {
    let whole = format!("{} {} {:?}", mail.text, mail.html, mail.headers);
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    whole
        .split(|c: char| !is_of_token(c))
        .filter(|word| word.starts_with("v1.") && word.len() > 20)
        .map(|word| word.trim_end_matches('.').to_owned())
        .collect()
}

/// Links may hold tokens, and nothing of the person.
fn note_links(said: &mut Said, mail: &perennial_app::ports::OutboundMail) {
    let whole = format!("{} {} {:?}", mail.text, mail.html, mail.headers);
    for link in whole.split(['<', '>', '"', '(', ')', ' ', '\n']).filter(|word| word.starts_with("http")) {
        assert_eq!(found(link), [""; 0], "a link names her");
        said.note("a link's host", link.split('/').nth(2).unwrap_or_default());
    }
    said.note("a mail's Debug", format!("{mail:?}"));
}

/// What is kept beside what she told us, and every key.
async fn note_table(said: &mut Said, world: &World) {
    let client = perennial_aws::clients::Clients::loopback(world.file().dynamodb()).dynamodb();
    let items = client.scan().table_name("perennial").send().await.unwrap();
    for item in items.items() {
        let text = |name: &str| item.get(name).map(|value| format!("{value:?}")).unwrap_or_default();
        let key = format!("{} {} {} {}", text("PK"), text("SK"), text("shard"), text("pulse"));
        said.note("a key", key.clone());
        let is_hers = text("SK").contains("PROFILE") || text("SK").contains("S#");
        // Programs hold what marketing wrote.
        if !is_hers {
            said.note("an item that is not hers alone", format!("{item:?}"));
        }
    }
}

fn note_bus(said: &mut Said, events: &[BusEvent]) {
    for event in events {
        said.note("the bus", format!("{event:?}"));
    }
}

#[tokio::test]
async fn nothing_that_the_suite_prints_emits_or_answers_says_who_somebody_is() {
    let log = Log::ours();
    let mut said = Said::default();
    let mut secrets = Vec::new();
    let world = World::of(shipped(), NOW).await;
    let functions = world.functions.clone();

    // Every form post, good and bad, and what follows it.
    let lead = world.post(canary()).await;
    for (row, event) in posts() {
        post(&mut said, &functions, row, event).await;
    }
    world.deliver().await;

    // Mails that are refused, put off, and of which nobody knows; a bus that takes nothing.
    for outcome in [
        SendOutcome::NotYet(DeferReason::Throttled),
        SendOutcome::Ambiguous,
        SendOutcome::Refused(FailReason::Rejected),
    ] {
        world.mailer.answer_next(outcome);
        world.clock.advance(SignedDuration::from_hours(5 * 24));
        world.bus.refuse_next();
        world.tick().await;
    }
    world.live_until("2026-05-02 10:00").await;
    for mail in world.mails(&lead) {
        secrets.extend(tokens(&mail));
        note_links(&mut said, &mail);
    }
    assert!(!secrets.is_empty());
    broadcast(&mut said, &world).await;

    // What SES tells; links that are cut, meant for something else, and right.
    let mail = world.last_mail(&lead);
    let token = unsubscribe_token(&mail);
    let opt_in = keyring().sign(Purpose::OptIn, &format!("{lead}/1_opt-in_confirm_0"));
    secrets.extend([token.clone(), opt_in.clone()]);
    let cut = token[..token.len() - 2].to_owned();
    secrets.push(cut.clone());
    for (row, token) in
        [("cut", &cut), ("of another purpose", &opt_in), ("an address", &ADDRESS.to_owned()), ("right", &token)]
    {
        engage(&mut said, &functions, &format!("unsubscribe, {row}"), unsubscribe_get(token)).await;
        engage(&mut said, &functions, &format!("unsubscribe, {row}"), unsubscribe_post(token)).await;
    }
    for (row, token) in [("right", &opt_in), ("of another purpose", &token)] {
        for mut event in [unsubscribe_get(token), unsubscribe_post(token)] {
            let path = json!(format!("/v1/opt-in/{token}"));
            event["rawPath"] = path.clone();
            event["requestContext"]["http"]["path"] = path;
            engage(&mut said, &functions, &format!("opt-in, {row}"), event).await;
        }
    }
    for (row, event) in ses_events(&mail) {
        engage(&mut said, &functions, &row, event).await;
    }
    functions.engagement.listener.signalled(&lead, SignalKind::Replied, None).await.unwrap();
    world.deliver().await;

    // Reports, audits, the daily look, an export's Debug, and her end.
    said.note("the waterfall", serde_json::to_string(&world.waterfall().await).unwrap());
    said.note("the audit", serde_json::to_string(&world.audit().await).unwrap());
    note_table(&mut said, &world).await;
    let daily = retainer(&world, Arc::new(table(&world)));
    let look = daily.look(std::time::Duration::from_mins(1)).await;
    said.note("the daily look", format!("{:?}", look.unwrap()));
    said.note("an export's Debug", format!("{:?}", whole(&world).export(&lead).await.unwrap()));
    said.note("a stored lead's Debug", format!("{:?}", world.store.load(&lead).await.unwrap()));
    said.note("an erasure", format!("{:?}", whole(&world).erase(&lead).await.unwrap()));
    assert_eq!(world.lead(&lead).await.stage, LifecycleStage::Erased);
    world.deliver().await;
    note_bus(&mut said, &world.bus.published());

    said.note("the log", log.text());
    assert!(log.text().lines().count() > 20, "{}", log.text());
    said.assert_silent(&secrets);
}

/// What a broadcast to everybody says of each: how many, and why not.
async fn broadcast(said: &mut Said, world: &World) {
    let (store, now) = (world.store.as_ref(), world.clock.now());
    let files = programs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")).unwrap();
    push(store, &Push { files: &files, retired: &BTreeSet::new(), now }).await.unwrap();
    let news = testing::news(now);
    let run = prepare(store, &news.name, news.files, now).await.unwrap();
    said.note("a dry run", format!("{:?}", run.dry_run(store, now).await.unwrap()));
    let tally = run.send(store, now).await.unwrap();
    assert!(tally.leads > 0, "{tally:?}");
    said.note("a broadcast", format!("{tally:?} {:?}", progress(store, &news.name).await.unwrap()));
    world.deliver().await;
}

#[tokio::test]
async fn a_store_or_a_mail_service_that_fails_says_nothing_of_whom_it_failed_for() {
    let log = Log::ours();
    let mut said = Said::default();
    let mut hooked = None;
    let world = World::with(shipped(), NOW, |ports, store| {
        let between = Arc::new(Hooked::new(Arc::new(store.clone())));
        ports.store = between.clone();
        hooked = Some(between);
    })
    .await;
    let hooked = hooked.unwrap();
    for call in [Call::Load, Call::Commit] {
        hooked.fail(call);
        post(&mut said, &world.functions, "the store fails", form_post(&canary())).await;
    }
    let lead: LeadId = world.commit_post(&canary()).await;
    for call in [Call::Load, Call::Mark, Call::Commit] {
        hooked.fail(call);
        let tick = sample("schedule-tick.json");
        let answer = schedule_touch::handle(Arc::clone(&world.functions.touch), read(&tick)).await;
        said.note("a sweep", format!("{answer:?}"));
    }
    hooked.forget();
    let token = keyring().sign(Purpose::Unsubscribe, &format!("{lead}/1_welcome_response_0"));
    hooked.fail(Call::Load);
    engage(&mut said, &world.functions, "the store fails", unsubscribe_post(&token)).await;
    world.bus.refuse_next();
    said.note("the bus fails", format!("{:?}", world.bus.publish(&[]).await));
    said.note("the log", log.text());
    assert!(log.text().contains("ERROR"), "{}", log.text());
    said.assert_silent(&[token]);

    // SES as it can be at its worst, by the real mailer.
    for world in mailing_as(shipped).await {
        let log = Log::ours();
        world.commit_post(&canary()).await;
        let tick = sample("schedule-tick.json");
        let answer = schedule_touch::handle(Arc::clone(&world.functions.touch), read(&tick)).await;
        let mut said = Said::default();
        said.note("a sweep", format!("{answer:?}"));
        said.note("the log", log.text());
        said.assert_silent(&[]);
    }
}

/// The paths of our own pages that a mail links to, with their tokens.
fn pages(mail: &perennial_app::ports::OutboundMail) -> Vec<String> {
    let whole = format!("{} {} {:?}", mail.text, mail.html, mail.headers).replace("&amp;", "&");
    let links = whole.split(['<', '>', '"', '(', ')', ' ', '\n']);
    let ours =
        links.filter_map(|link| link.strip_prefix("https://perennial.example")).filter(|path| path.contains("v1."));
    let paths: std::collections::BTreeSet<String> =
        ours.map(|path| path.trim_end_matches([',', ';']).to_owned()).collect();
    paths.into_iter().collect()
}

/// A request for such a page, with her wherever a request has room.
fn page_request(method: &str, path: &str) -> Value {
    let mut event = sample("profile-post.json");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    event["routeKey"] = json!(format!("{method} /v1/pages/{{token}}"));
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"]["referer"] = json!("https://birds.example/?name=Kanarina");
    event["headers"]["user-agent"] = json!("Mozilla/5.0 Gelbfeder");
    let body =
        "company=Volierenbau&role=Kanarina&asked=company+role&message=Zwitscherton%3F&off=canary-7f3%40birds.example";
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    event
}

#[tokio::test]
async fn pages_links_replies_and_events_from_elsewhere_say_nothing_of_her() {
    let log = Log::ours();
    let mut said = Said::default();
    let world = World::of(shipped(), NOW).await;
    let functions = world.functions.clone();
    let lead = world.post(canary()).await;
    world.live_until("2026-04-20 10:00").await;
    let mails = world.mails(&lead);
    let secrets: Vec<String> = mails.iter().flat_map(tokens).collect();
    let paths: std::collections::BTreeSet<String> = mails.iter().flat_map(pages).collect();
    assert!(paths.len() > 5, "{paths:?}");
    for path in &paths {
        let ways = if path.starts_with("/v1/unsubscribe/") { ["HEAD", "GET", "HEAD"] } else { ["HEAD", "GET", "POST"] };
        for method in ways {
            // What a page shows whoever has its link is theirs to see; what it makes the suite say is not.
            record_engagement::handle(Arc::clone(&functions.engagement), page_request(method, path)).await.unwrap();
        }
        world.deliver().await;
    }

    // Replies: a person's, a machine's, somebody else's in her name, and what is hardly a mail.
    let away = "Auto-Submitted: auto-replied\nX-Name: Kanarina\n";
    for (headers, text) in
        [("", "Zwitscherton? Kanarina Gelbfeder"), (away, "Kanarina is away until 1 May 2026"), ("", "unsubscribe")]
    {
        let answer = world.mail_in(&world.answer(&lead, headers, text)).await;
        said.note("a reply", answer.to_string());
    }
    let forged =
        "From: Kanarina <canary-7f3@birds.example>\nTo: r@perennial.example\nSubject: Gelbfeder\n\nZwitscherton?\n";
    for raw in [forged.as_bytes(), b"canary-7f3@birds.example\xff\x00Kanarina".as_slice()] {
        said.note("a mail", world.mail_in(raw).await.to_string());
    }
    for mail in world.forwarder.forwarded() {
        said.note("a forwarded mail's Debug", format!("{mail:?}"));
    }

    // Events of a customer's server and page.
    let told = [
        json!({ "id": "booking-1", "type": "meeting_booked", "email": ADDRESS }),
        json!({ "id": "booking-1", "type": "webinar_attended", "email": ADDRESS }),
        json!({ "id": "title-1", "type": "title_changed", "email": ADDRESS, "title": "Kanarina" }),
        json!({ "id": "canary-7f3@birds.example", "type": "Kanarina", "email": "canary-7f3@@birds.example" }),
        json!({ "id": "booking-2", "type": "meeting_booked", "lead": ADDRESS, "topic": "Volierenbau" }),
    ];
    for body in told {
        for key in ["Bearer 0123456789abcdef", "Bearer canary-7f3"] {
            let mut event = sample("event-by-key.json");
            event["headers"]["authorization"] = json!(key);
            event["body"] = json!(body.to_string());
            post(&mut said, &functions, "an event", event).await;
        }
    }
    for visitor in [&secrets[0], &ADDRESS.to_owned()] {
        let mut event = sample("page-visit.json");
        event["body"] = json!(json!({ "visitor": visitor, "kind": "page_visited", "topic": "Kanarina" }).to_string());
        post(&mut said, &functions, "a visit", event).await;
    }
    world.deliver().await;

    note_table(&mut said, &world).await;
    note_bus(&mut said, &world.bus.published());
    said.note("the log", log.text());
    said.assert_silent(&secrets);

    // And when she is erased, nothing of all that is left.
    whole(&world).erase(&lead).await.unwrap();
    assert_eq!(found(&dump(&world).await), [""; 0]);
    world.assert_sound().await;
}

#[tokio::test]
async fn what_sales_is_told_of_her_is_in_mails_to_sales_and_nowhere_else() {
    let log = Log::ours();
    let mut said = Said::default();
    let world = World::of(with_sellers(shipped()), NOW).await;
    let functions = world.functions.clone();
    let lead = world.post(canary()).await;
    // At once, by the ladder, and with the digest of the next days; SES takes not everything.
    for outcome in [SendOutcome::Ambiguous, SendOutcome::NotYet(DeferReason::Throttled)] {
        world.notifier.answer_next(outcome);
        world.clock.advance(SignedDuration::from_hours(3));
        functions.engagement.listener.signalled(&lead, SignalKind::PricingVisited, None).await.unwrap();
        world.publish().await;
        for event in world.bus.published().iter().filter(|event| event.name == "alert.raised") {
            let detail = serde_json::from_str(&event.detail).unwrap();
            let event = read(&with_detail("alert-raised.json", detail));
            said.note("an alert", format!("{:?}", notify::handle(Arc::clone(&functions.notify), event).await));
        }
    }
    for _ in 0..8 {
        world.live_to(perennial_app::ports::Clock::now(world.clock.as_ref()) + SignedDuration::from_hours(6)).await;
        functions.engagement.listener.signalled(&lead, SignalKind::PricingVisited, None).await.unwrap();
        world.deliver().await;
        let tick = read(&sample("notify-tick.json"));
        said.note("a digest", format!("{:?}", notify::handle(Arc::clone(&functions.notify), tick).await));
    }
    let notices = world.notifier.notices();
    assert!(notices.iter().any(|notice| notice.subject.starts_with("Your leads today")));
    let mut secrets = Vec::new();
    for notice in &notices {
        assert!(notice.text.contains("Kanarina"), "sales is told who she is: {}", notice.text);
        for link in notice.text.split(['<', '>', ' ', '\n']).filter(|word| word.starts_with("http")) {
            assert_eq!(found(link), [""; 0], "a link names her");
            secrets.extend(link.rsplit('/').next().map(str::to_owned));
        }
        said.note("a notice's headers", format!("{:?} {}", notice.headers, notice.effect));
        said.note("a notice's Debug", format!("{notice:?}"));
    }
    note_table(&mut said, &world).await;
    note_bus(&mut said, &world.bus.published());
    said.note("the log", log.text());
    said.assert_silent(&secrets);
}
