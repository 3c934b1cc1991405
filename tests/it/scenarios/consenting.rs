//! Who must confirm that they want mail, and that nobody is bombed with the question (H18).

use jiff::SignedDuration;
use perennial_core::catalog::Catalog;
use perennial_core::consent::OPT_IN_MAX;
use perennial_core::lead::EmailReach;
use perennial_core::loader::{SourceFile, parse};
use perennial_core::testing;
use serde_json::{Value, json};

use super::world::{World, form_post, read, with_token};

/// The small catalog, in a country where everybody must confirm.
pub(crate) fn catalog() -> Catalog {
    let more = r#"
[regions.here]
zones = ["Europe/"]
opt_in = "double"

[opt_in]
subject = "Shall we write to you?"
body = "[Yes, write to me]({{ confirm_url }})"
text = "You may send me mails. I can end that at any time."
"#;
    let files: Vec<SourceFile> = testing::files()
        .into_iter()
        .map(|mut file| {
            if file.path == "catalog.toml" {
                file.text.push_str(more);
            }
            file
        })
        .collect();
    parse(&files).0.unwrap()
}

fn ada() -> Value {
    json!({ "email": "ada@example.com", "first_name": "Ada", "timezone": "Europe/Berlin" })
}

async fn ask(world: &World, sample: &str, token: &str) -> Value {
    let event = with_token(super::world::sample(sample), token);
    serde_json::to_value(record_engagement::handle(world.functions.engagement.clone(), event).await.unwrap()).unwrap()
}

#[tokio::test]
async fn whoever_must_confirm_is_asked_and_only_a_post_is_a_yes() {
    let world = World::of(catalog(), "2026-03-02 10:00").await;
    let ada = world.post(ada()).await;
    let subjects: Vec<String> = world.mails(&ada).into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Your message to Example Ltd", "Shall we write to you?"]);

    let mail = world.last_mail(&ada);
    let link = mail.text.split("https://perennial.example").nth(1).unwrap();
    let token = link.trim_start_matches("/v1/opt-in/").split(|c: char| c.is_whitespace() || ")>".contains(c)).next();
    let before = world.lead(&ada).await;
    let page = ask(&world, "opt-in-get.json", token.unwrap()).await;
    assert_eq!(page["statusCode"], 200);
    assert!(page["body"].as_str().unwrap().contains("You may send me mails. I can end that at any time."));
    assert_eq!(world.lead(&ada).await, before, "P5: a GET changes nothing");

    world.live_until("2026-03-05 10:00").await;
    assert_eq!(world.mails(&ada).len(), 2, "nothing more is sent before a yes");
    assert_eq!(world.lead(&ada).await.email, EmailReach::Unconfirmed);

    assert_eq!(ask(&world, "opt-in-post.json", token.unwrap()).await["statusCode"], 200);
    assert_eq!(world.lead(&ada).await.email, EmailReach::Ok);
    let confirmed = world.lead(&ada).await;
    assert_eq!(ask(&world, "opt-in-post.json", token.unwrap()).await["statusCode"], 200);
    assert_eq!(world.lead(&ada).await, confirmed, "a yes is heard once");
    world.live_until("2026-03-05 11:00").await;
    assert_eq!(world.mails(&ada).len(), 3, "what waited goes out");
    world.assert_sound().await;
}

#[tokio::test]
async fn h18_a_victim_who_is_posted_again_and_again_from_everywhere_gets_three_opt_in_mails_ever() {
    let world = World::of(catalog(), "2026-03-02 10:00").await;
    let victim = world.post(ada()).await;
    for day in 0..40_u8 {
        for post in 0..12_u8 {
            let mut event = form_post(&ada());
            event["requestContext"]["http"]["sourceIp"] = json!(format!("203.0.{day}.{post}"));
            let answer = ingest_lead::handle(world.functions.ingest.clone(), read(&event)).await.unwrap();
            assert_eq!(answer.status_code, 202);
        }
        world.deliver().await;
        world.clock.advance(SignedDuration::from_hours(24));
        world.tick().await;
    }
    let asked: Vec<_> =
        world.mails(&victim).into_iter().filter(|mail| mail.subject == "Shall we write to you?").collect();
    assert_eq!(asked.len(), usize::try_from(OPT_IN_MAX).unwrap());
    let apart = asked.windows(2).map(|pair| pair[1].date.duration_since(pair[0].date));
    assert!(apart.into_iter().all(|apart| apart >= SignedDuration::from_hours(24)));
    assert_eq!(world.waterfall().await.received, 1, "it stays one lead");
    world.assert_sound().await;
}
