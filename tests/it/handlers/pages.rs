//! The pages for people: questions, preferences, unsubscribe, opt-in; what a GET shows, and what a POST does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use perennial_app::ports::Stored;
use perennial_app::programs;
use perennial_core::catalog::Catalog;
use perennial_core::condition::SignalKind;
use perennial_core::consent::{ConsentBasis, Following, Pace};
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, Language, LeadId, TopicName};
use perennial_core::lead::EmailReach;
use perennial_core::loader;
use perennial_core::questions::choice_mark;
use perennial_core::token::{Keyring, Purpose};
use perennial_lambda::http::front::Front;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::ingest_lead::logs::Log;
use crate::scenarios::world::{World, keyring, sample, shipped};

const NOW: &str = "2026-03-02 10:00";

/// The touch of the shipped mail that asks for company size and role.
const ASK: &str = "1_welcome_short-case_0";

/// Ada in the shipped programs.
async fn with_ada() -> (World, LeadId) {
    let world = World::of(shipped(), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "first_name": "Ada" })).await;
    (world, ada)
}

/// The shipped programs with more in their catalog.
fn shipped_with(more: &str) -> Catalog {
    let mut files = programs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")).unwrap();
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.push_str(more);
    }
    let (catalog, found) = loader::parse(&files);
    catalog.unwrap_or_else(|| panic!("{found:#?}"))
}

/// The same where everybody in Europe must confirm.
fn confirming() -> Catalog {
    shipped_with("\n[regions.europe]\nzones = [\"Europe/\"]\nopt_in = \"double\"\n")
}

/// What a page answers.
struct Page {
    status: i64,
    html: String,
    answer: Value,
}

impl Page {
    fn title(&self) -> &str {
        self.html.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or(&self.html)
    }

    /// The names of what can be filled in, each once, in order.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in self.html.split(" name=\"").skip(1) {
            let name = piece.split('"').next().unwrap();
            if !names.contains(&name) && !["viewport", "robots", "color-scheme"].contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The values that are ticked or chosen.
    fn checked(&self) -> Vec<&str> {
        let inputs = self.html.split("<input ").skip(1).map(|piece| piece.split('>').next().unwrap());
        let checked = inputs.filter(|input| input.ends_with(" checked"));
        checked.map(|input| input.split("value=\"").nth(1).unwrap().split('"').next().unwrap()).collect()
    }
}

async fn call(world: &World, event: Value) -> Page {
    let answer = record_engagement::handle(Arc::clone(&world.functions.engagement), event).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let html = answer["body"].as_str().unwrap_or_default().to_owned();
    Page { status: answer["statusCode"].as_i64().unwrap(), html, answer }
}

/// The paths of the pages, by what their tokens are for.
const PAGES: [(Purpose, &str, &str); 4] = [
    (Purpose::Unsubscribe, "unsubscribe", "unsubscribe-get.json"),
    (Purpose::Answer, "profile", "profile-get.json"),
    (Purpose::Preferences, "preferences", "preferences-get.json"),
    (Purpose::OptIn, "opt-in", "opt-in-get.json"),
];

fn get(page: &str, token: &str) -> Value {
    let mut event = sample("profile-get.json");
    let path = json!(format!("/v1/{page}/{token}"));
    event["requestContext"]["http"]["path"] = path.clone();
    event["rawPath"] = path;
    event["pathParameters"]["token"] = json!(token);
    event
}

fn post(page: &str, token: &str, body: &str) -> Value {
    let mut event = get(page, token);
    event["requestContext"]["http"]["method"] = json!("POST");
    event["headers"]["content-type"] = json!("application/x-www-form-urlencoded");
    event["body"] = json!(body);
    event
}

fn answer_token(lead: &LeadId, more: &str) -> String {
    keyring().sign(Purpose::Answer, &format!("{lead}/{ASK}{more}"))
}

fn preferences_token(lead: &LeadId) -> String {
    keyring().sign(Purpose::Preferences, &format!("{lead}/{ASK}"))
}

async fn stored(world: &World, lead: &LeadId) -> Stored {
    world.store.load(lead).await.unwrap().unwrap()
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

// --- A GET changes nothing (P5, H20) -------------------------------------------------------------------

#[tokio::test]
async fn h20_p5_whoever_only_looks_at_a_page_changes_nothing() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let samples =
        ["unsubscribe-get.json", "profile-get.json", "answer-get.json", "preferences-get.json", "opt-in-get.json"];
    for name in samples {
        for method in ["GET", "HEAD"] {
            let mut event = sample(name);
            event["requestContext"]["http"]["method"] = json!(method);
            let page = call(&world, event).await;
            assert_eq!(page.status, 200, "{name} {method}");
            assert_eq!(page.html.is_empty(), method == "HEAD", "{name}");
            assert_eq!(page.answer["headers"]["cache-control"], "no-store", "{name}");
        }
    }
    assert_eq!(stored(&world, &ada).await, before);
}

#[tokio::test]
async fn every_page_is_in_one_file_without_script_and_names_its_language() {
    let (world, _) = with_ada().await;
    for (_, _, name) in PAGES {
        let page = call(&world, sample(name)).await;
        assert!(page.html.contains("<html lang=\"en\">") && page.html.contains("name=\"viewport\""), "{name}");
        for foreign in ["<script", "<img", "<link", "http://", "https://", "url(", "@import"] {
            assert!(!page.html.contains(foreign), "{name}: {foreign}");
        }
        let policy = page.answer["headers"]["content-security-policy"].as_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    }
}

// --- Questions -----------------------------------------------------------------------------------------

#[tokio::test]
async fn a_mail_that_asks_leads_to_a_page_that_asks_the_same() {
    let (world, ada) = with_ada().await;
    let page = call(&world, sample("profile-get.json")).await;
    assert_eq!(page.title(), "A few quick questions");
    assert_eq!(page.names(), ["role", "company_size", "asked"]);
    assert!(page.html.contains("<legend>Roughly how many people work at your company?</legend>"));
    assert!(page.checked().is_empty());

    let log = Log::at(LevelFilter::INFO);
    let thanks = call(&world, sample("profile-post.json")).await;
    assert_eq!((thanks.status, thanks.title()), (200, "Thank you"));
    let after = stored(&world, &ada).await;
    assert_eq!(after.profile.fields[&field("role")], "I run a team");
    assert_eq!(after.profile.fields[&field("company_size")], "10-49");
    assert!(after.lead.signals.contains_key(&SignalKind::Answered));
    let fields = ["role", "company_size"].map(field).into();
    assert!(world.events(&ada).await.contains(&Event::Answered { fields }));
    assert!(!log.text().contains("10-49") && !log.text().contains("v1.k1."), "{}", log.text());
    world.assert_sound().await;
}

#[tokio::test]
async fn what_was_answered_is_not_asked_again_and_more_is_asked_only_on_request() {
    let (world, _) = with_ada().await;
    call(&world, sample("profile-post.json")).await;
    let again = call(&world, sample("profile-get.json")).await;
    assert_eq!(again.title(), "Thank you");
    assert!(again.names().is_empty() && again.html.contains("href=\"?more\""), "{}", again.html);
    assert!(!again.html.contains("10-49"), "what is known is not shown to whoever has the link");

    let mut more = sample("profile-get.json");
    more["rawQueryString"] = json!("more");
    let page = call(&world, more).await;
    // Least threatening first, three at a time; the time frame comes last, and a customer's question never.
    assert_eq!(page.names(), ["industry", "use_case", "decision_role", "asked"]);
}

#[tokio::test]
async fn a_visitor_of_the_customers_site_is_asked_and_answers_by_the_pages_own_token() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let visit = keyring().sign(Purpose::Visit, &format!("{ada}/1_welcome_response_0"));
    let mut event = get("profile", &visit);
    event["rawQueryString"] = json!("more");
    let page = call(&world, event).await;
    assert_eq!((page.status, page.title()), (200, "A few quick questions"));
    assert!(page.names().len() <= 4, "three questions and what was asked: {:?}", page.names());
    assert!(!page.html.contains(&visit), "the form goes by a token of its own");
    assert_eq!(stored(&world, &ada).await, before);

    let answers = "company_size=10-49&asked=company_size";
    assert_eq!(call(&world, post("profile", &visit, answers)).await.status, 400, "a visit only looks");
    let nobody = keyring().sign(Purpose::Visit, "not-a-lead");
    assert_eq!(call(&world, get("profile", &nobody)).await.status, 400);
    assert_eq!(stored(&world, &ada).await, before);

    let own = page.html.split("action=\"/v1/profile/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(call(&world, post("profile", own, answers)).await.title(), "Thank you");
    assert_eq!(stored(&world, &ada).await.profile.fields[&field("company_size")], "10-49");
}

#[tokio::test]
async fn the_same_post_twice_is_one_answer() {
    let (world, ada) = with_ada().await;
    call(&world, sample("profile-post.json")).await;
    let once = stored(&world, &ada).await;
    assert_eq!(call(&world, sample("profile-post.json")).await.title(), "Thank you");
    assert_eq!(stored(&world, &ada).await, once);
}

#[tokio::test]
async fn an_answer_in_a_mail_is_chosen_on_its_page_and_counts_when_it_is_sent() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let page = call(&world, sample("answer-get.json")).await;
    assert_eq!((page.title(), page.checked()), ("Is this your answer?", vec!["10-49"]));
    assert_eq!(stored(&world, &ada).await, before);

    let token = answer_token(&ada, &format!("/company_size/{}", choice_mark("10-49")));
    assert_eq!(sample("answer-get.json")["pathParameters"]["token"], json!(token));
    let thanks = call(&world, post("profile", &token, "company_size=50-249&asked=company_size")).await;
    assert_eq!(thanks.title(), "Thank you");
    assert_eq!(stored(&world, &ada).await.profile.fields[&field("company_size")], "50-249", "it may be changed there");

    for mark in ["", "00000000"] {
        // A link that only asks, and a choice that the catalog has no more.
        let page = call(&world, get("profile", &answer_token(&ada, &format!("/company_size/{mark}")))).await;
        assert_eq!((page.names(), page.checked()), (vec!["company_size", "asked"], vec![]));
    }
}

#[tokio::test]
async fn an_old_answer_is_shown_to_be_confirmed_and_a_fresh_one_is_not() {
    let (world, ada) = with_ada().await;
    call(&world, sample("profile-post.json")).await;
    world.live_until("2028-04-01 10:00").await;
    let page = call(&world, sample("profile-get.json")).await;
    assert_eq!(page.checked(), ["I run a team", "10-49"]);
    assert_eq!(page.html.matches("Is this still right?").count(), 2);
    call(&world, sample("profile-post.json")).await;
    assert!(call(&world, sample("profile-get.json")).await.names().is_empty());
    assert_eq!(stored(&world, &ada).await.profile.fields[&field("role")], "I run a team");
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_question_and_nothing_else_is_repeated() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let token = answer_token(&ada, "");
    let long = "x".repeat(81);
    let body =
        format!("industry={long}&role=canary&company_size=1-9&score=canary&asked=role+company_size+industry+__proto__");
    let page = call(&world, post("profile", &token, &body)).await;
    assert_eq!(page.status, 422);
    assert!(page.html.contains("role=\"alert\"") && page.html.contains("href=\"#q-industry\""), "{}", page.html);
    assert!(page.html.contains("id=\"e-industry\">At most 80 characters fit here.<"));
    assert!(page.html.contains("id=\"e-role\">Please choose one of these.<"));
    assert!(page.html.contains(&format!("value=\"{long}\"")), "what was typed stays");
    assert_eq!(page.checked(), ["1-9"]);
    assert!(!page.html.contains("canary") && !page.html.contains("proto"));
    assert_eq!(stored(&world, &ada).await, before);

    let nothing = call(&world, post("profile", &token, "asked=role+company_size")).await;
    assert_eq!(nothing.status, 422);
    assert!(nothing.html.contains("Please answer at least one question."));
    assert_eq!(nothing.names(), ["role", "company_size", "asked"]);
}

#[tokio::test]
async fn h31_h35_markup_is_text_and_fields_that_nobody_is_asked_for_are_dropped() {
    let (world, ada) = with_ada().await;
    let token = answer_token(&ada, "");
    let body =
        "industry=%22%3E%3Cscript%3E&revisit_at=2030-01-01&first_name=Eve&state=x&asked=industry+revisit_at+first_name";
    assert_eq!(call(&world, post("profile", &token, body)).await.status, 200);
    let profile = stored(&world, &ada).await.profile;
    assert_eq!(profile.fields[&field("industry")], "\"><script>");
    assert_eq!(profile.fields[&field("first_name")], "Ada");
    assert!(!profile.fields.contains_key(&field("revisit_at")));
    let long = "%3Cb%3E".repeat(40);
    let page = call(&world, post("profile", &token, &format!("industry={long}&asked=industry"))).await;
    assert!(!page.html.contains("<b>") && page.html.contains("&lt;b&gt;"));
}

#[tokio::test]
async fn a_body_that_is_no_form_or_too_long_is_refused() {
    let (world, ada) = with_ada().await;
    let token = answer_token(&ada, "");
    let mut json_body = post("profile", &token, "{}");
    json_body["headers"]["content-type"] = json!("application/json");
    assert_eq!(call(&world, json_body).await.status, 415);
    assert_eq!(call(&world, post("profile", &token, &"x".repeat(40_000))).await.status, 413);
    let mut broken = post("profile", &token, "");
    broken["body"] = json!("not base64!");
    broken["isBase64Encoded"] = json!(true);
    assert_eq!(call(&world, broken).await.status, 400);
    assert!(!stored(&world, &ada).await.lead.signals.contains_key(&SignalKind::Answered));
}

// --- Preferences ---------------------------------------------------------------------------------------

#[tokio::test]
async fn people_choose_topics_less_mail_and_not_to_be_followed() {
    let (world, ada) = with_ada().await;
    let page = call(&world, sample("preferences-get.json")).await;
    assert_eq!(page.names(), ["topic", "less_often", "not_followed", "wish"]);
    // Only topics that a program speaks of; all of them are on.
    assert_eq!(page.checked(), ["customer-letter", "ideas"]);

    assert_eq!(call(&world, sample("preferences-post.json")).await.title(), "Saved");
    let preferences = stored(&world, &ada).await.lead.preferences;
    assert_eq!(preferences.off, [topic("ideas")].into());
    assert_eq!((preferences.pace, preferences.following), (Pace::LessOften, Following::Usual));
    assert_eq!(call(&world, sample("preferences-get.json")).await.checked(), ["customer-letter", "1"]);

    let token = preferences_token(&ada);
    call(&world, post("preferences", &token, "topic=ideas&topic=nonsense&not_followed=1&wish=save")).await;
    let preferences = stored(&world, &ada).await.lead.preferences;
    assert_eq!(preferences.off, [topic("customer-letter")].into());
    assert_eq!((preferences.pace, preferences.following), (Pace::Usual, Following::Off));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_post_without_a_button_says_nothing() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let token = preferences_token(&ada);
    for body in ["", "topic=ideas", "wish=everything"] {
        assert_eq!(call(&world, post("preferences", &token, body)).await.title(), "What would you like to get?");
    }
    assert_eq!(stored(&world, &ada).await, before);
}

#[tokio::test]
async fn all_mail_ends_by_one_press_on_the_page_of_preferences_too() {
    let (world, ada) = with_ada().await;
    let page = call(&world, post("preferences", &preferences_token(&ada), "wish=unsubscribe")).await;
    assert_eq!(page.title(), "You are unsubscribed");
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unsubscribed);
    let page = call(&world, sample("preferences-get.json")).await;
    assert!(page.html.contains("so no mail comes at all") && !page.html.contains("Unsubscribe from everything"));
}

#[tokio::test]
async fn the_unsubscribe_page_offers_less_below_its_button_and_that_changes_nothing_else() {
    let (world, ada) = with_ada().await;
    call(&world, post("preferences", &preferences_token(&ada), "topic=ideas&not_followed=1&wish=save")).await;
    let page = call(&world, sample("unsubscribe-get.json")).await;
    let button = page.html.find(">Unsubscribe</button>").unwrap();
    let offer = page.html.find("/v1/preferences/").unwrap();
    assert!(button < offer, "nothing stands before the button");
    let path = page.html.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let token = path.strip_prefix("/v1/preferences/").unwrap();
    call(&world, post("preferences", token, "wish=less")).await;
    let lead = stored(&world, &ada).await.lead;
    assert_eq!(lead.preferences.pace, Pace::LessOften);
    assert_eq!((lead.preferences.following, lead.email), (Following::Off, EmailReach::Ok));
    assert_eq!(lead.preferences.off, [topic("customer-letter")].into());
    let page = call(&world, sample("unsubscribe-get.json")).await;
    assert!(!page.html.contains("value=\"less\""), "whoever has less is not offered less");
}

// --- Opt-in --------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_person_confirms_once_and_sees_so_afterwards() {
    let world = World::of(confirming(), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "timezone": "Europe/Berlin" })).await;
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unconfirmed);
    let mail = world.last_mail(&ada);
    assert!(mail.text.contains("/v1/opt-in/v1.k1.") && !mail.text.contains("/v1/preferences/"), "{}", mail.text);

    let page = call(&world, sample("opt-in-get.json")).await;
    assert_eq!(page.title(), "May we write to you?");
    assert!(page.html.contains("You may send me mails about what I asked for"));
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unconfirmed);
    assert_eq!(call(&world, sample("opt-in-post.json")).await.title(), "Thank you");
    let lead = world.lead(&ada).await;
    assert_eq!((lead.email, lead.consent.unwrap().basis), (EmailReach::Ok, ConsentBasis::Confirmed));
    for name in ["opt-in-get.json", "opt-in-post.json"] {
        assert_eq!(call(&world, sample(name)).await.title(), "You have confirmed this already");
    }
}

#[tokio::test]
async fn a_question_that_lapsed_may_still_be_answered_and_one_that_was_withdrawn_says_what_to_do() {
    let world = World::of(confirming(), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "timezone": "Europe/Berlin" })).await;
    world.live_until("2026-03-20 10:00").await;
    assert_eq!(world.lead(&ada).await.email, EmailReach::NoConsent);
    assert_eq!(call(&world, sample("opt-in-get.json")).await.title(), "May we write to you?");

    call(&world, sample("unsubscribe-post.json")).await;
    for name in ["opt-in-get.json", "opt-in-post.json"] {
        let page = call(&world, sample(name)).await;
        assert_eq!(page.title(), "This question is closed");
        assert!(page.html.contains("send a form on their website once more"));
    }
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unsubscribed);
}

// --- Tokens (H23, F26) ---------------------------------------------------------------------------------

#[tokio::test]
async fn h23_every_page_refuses_a_token_that_is_cut_flipped_foreign_or_spelt_otherwise_and_counts_it() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let payload = format!("{ada}/{ASK}");
    let foreign = Keyring::new(BTreeMap::from([("k9".to_owned(), [9; 32])]), "k9").unwrap();
    let log = Log::at(LevelFilter::INFO);
    let mut refused = 0;
    for (purpose, page, _) in PAGES {
        let good = keyring().sign(purpose, &payload);
        let flipped = |at: usize| {
            let mut token = good.clone().into_bytes();
            token[at] ^= 1;
            String::from_utf8(token).unwrap()
        };
        let mut rows = vec![
            ("cut", good[..good.len() - 1].to_owned()),
            ("flipped payload", flipped(10)),
            ("flipped mac", flipped(good.len() - 2)),
            ("padded", format!("{good}=")),
            ("percent-encoded", good.replace('.', "%2E")),
            ("unknown key", foreign.sign(purpose, &payload)),
            ("of nobody", keyring().sign(purpose, "not-a-lead/1_welcome_response_0")),
            ("half a choice", keyring().sign(purpose, &format!("{payload}/role"))),
            ("empty", String::new()),
        ];
        for (other, _, _) in PAGES.into_iter().filter(|(other, _, _)| *other != purpose) {
            rows.push(("for another page", keyring().sign(other, &payload)));
        }
        for (row, token) in rows {
            for event in [get(page, &token), post(page, &token, "wish=unsubscribe&role=I+run+a+team")] {
                let answer = call(&world, event).await;
                assert_eq!((answer.status, answer.title()), (400, "This link is not complete"), "{page} {row}");
                assert!(answer.html.contains("mailto:unsubscribe@perennial.example"), "{page} {row}");
                assert!(token.is_empty() || !answer.html.contains(&token), "{page} {row}");
                refused += 1;
            }
        }
    }
    assert_eq!(stored(&world, &ada).await, before);
    assert_eq!(log.text().matches("token.refused").count(), refused, "each is counted once");
}

#[tokio::test]
async fn f26_pages_open_with_links_of_an_old_key() {
    let (world, ada) = with_ada().await;
    let keys = BTreeMap::from([("k1".to_owned(), [1; 32]), ("k2".to_owned(), [2; 32])]);
    let listener = world.functions.engagement.listener.clone();
    let rotated = Arc::new(record_engagement::Deps {
        front: Front::default(),
        clicks: record_engagement::Clicks::new(listener.clone()),
        listener,
        keyring: Keyring::new(keys, "k2").unwrap(),
        postbox: None,
    });
    for (purpose, page, _) in PAGES {
        let token = keyring().sign(purpose, &format!("{ada}/{ASK}"));
        let answer = record_engagement::handle(Arc::clone(&rotated), get(page, &token)).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap()["statusCode"], 200, "{page}");
    }
}

#[tokio::test]
async fn somebody_who_is_not_known_any_more_is_answered_and_nothing_is_kept() {
    let world = World::of(shipped(), NOW).await;
    let titles = [
        ("profile-get.json", "This question is closed"),
        ("profile-post.json", "This question is closed"),
        ("preferences-post.json", "You are unsubscribed"),
        ("opt-in-post.json", "This question is closed"),
    ];
    for (name, title) in titles {
        assert_eq!(call(&world, sample(name)).await.title(), title, "{name}");
    }
    assert!(world.survey().await.is_empty());
}

// --- Languages -----------------------------------------------------------------------------------------

#[tokio::test]
async fn pages_speak_the_leads_language_else_the_browsers() {
    let world = World::of(shipped(), NOW).await;
    world.post(json!({ "email": "ada@example.com", "language": "de-AT" })).await;
    let page = call(&world, sample("preferences-get.json")).await;
    assert!(page.html.contains("<html lang=\"de\">") && page.title() == "Was möchten Sie bekommen?", "{}", page.html);
    let mut broken = get("preferences", "v1.k1.x.y");
    broken["headers"]["accept-language"] = json!("tlh, fr-CA;q=0.9, en;q=0.5");
    let page = call(&world, broken).await;
    assert!(page.html.contains("<html lang=\"fr\">") && page.html.contains("mailto:"), "{}", page.html);
}

#[tokio::test]
async fn people_choose_the_language_that_they_read_among_those_of_the_catalog() {
    let more = "\n[languages.de]\nreason = \"Sie kennen uns.\"\n[languages.pt-br]\n[languages.eo]\n";
    let world = World::of(shipped_with(more), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "language": "de-AT" })).await;
    let token = preferences_token(&ada);
    let language = async || stored(&world, &ada).await.lead.language.map(|language| language.to_string());
    let save = async |said: &str| call(&world, post("preferences", &token, &format!("{said}&wish=save"))).await;

    let page = call(&world, get("preferences", &token)).await;
    assert_eq!(page.names(), ["topic", "less_often", "not_followed", "language", "wish"]);
    assert!(page.html.contains("<legend>Sprache</legend>"), "{}", page.html);
    // The catalog's own first; each is named in itself.
    let named = [("en", "English"), ("de", "Deutsch"), ("eo", "eo"), ("pt-br", "Português (pt-br)")];
    let at = named.map(|(tag, name)| page.html.find(&format!("<span lang=\"{tag}\">{name}</span>")).unwrap());
    assert!(at.is_sorted(), "{at:?}");
    assert!(page.checked().contains(&"de"), "{:?}", page.checked());

    // What the page had chosen says nothing new, and neither does a form without it.
    for said in ["topic=ideas&language=de", "topic=ideas"] {
        save(said).await;
        assert_eq!(language().await.as_deref(), Some("de-at"), "{said}");
    }
    let page = save("topic=ideas&language=pt-br").await;
    assert!(page.html.contains("<html lang=\"pt\">") && page.status == 200, "{}", page.html);
    assert_eq!(language().await.as_deref(), Some("pt-br"));
    save("topic=ideas&language=en").await;
    assert_eq!(language().await.as_deref(), Some("en"));
    assert!(call(&world, get("preferences", &token)).await.checked().contains(&"en"));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_language_that_the_catalog_does_not_offer_is_refused_and_nothing_is_saved() {
    let world = World::of(shipped_with("\n[languages.de]\n"), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com" })).await;
    let before = stored(&world, &ada).await;
    let token = preferences_token(&ada);
    // Whose language is not known, for them none is chosen.
    assert_eq!(call(&world, get("preferences", &token)).await.checked(), ["customer-letter", "ideas"]);
    for tag in ["fr", "de-at", "", "%3Cb%3E"] {
        let page = call(&world, post("preferences", &token, &format!("less_often=1&language={tag}&wish=save"))).await;
        assert_eq!(page.status, 422, "{tag}");
        assert!(page.html.contains("Language: Please choose one of these."), "{}", page.html);
        assert_eq!(page.checked(), ["1"], "what was chosen beside it stands there still");
    }
    assert_eq!(stored(&world, &ada).await, before);
    // A catalog that declares no other offers none, and says in which language it is.
    let catalog = shipped();
    assert_eq!((catalog.language.clone(), catalog.languages_offered()), (Language::parse("en").unwrap(), vec![]));
}

#[tokio::test]
async fn questions_choices_and_topics_are_read_in_the_leads_language_and_kept_in_the_catalogs() {
    let german = concat!(
        "\n[languages.de]\npreferences_label = \"Auswählen\"\ntopics.ideas = { label = \"Ideen\" }\n",
        "fields.company_size = { question = \"Wie viele sind Sie?\", choices = [\"bis 9\", \"bis 49\", \"bis 249\", \"mehr\"] }\n",
    );
    let world = World::of(shipped_with(german), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "language": "de" })).await;
    let page = call(&world, sample("answer-get.json")).await;
    assert!(page.html.contains("<legend>Wie viele sind Sie?</legend>"), "{}", page.html);
    assert!(page.html.contains("value=\"10-49\" checked> <span>bis 49</span>"), "{}", page.html);
    call(&world, sample("profile-post.json")).await;
    assert_eq!(stored(&world, &ada).await.profile.fields[&field("company_size")], "10-49");
    assert!(call(&world, sample("preferences-get.json")).await.html.contains("<span>Ideen</span>"));
}
