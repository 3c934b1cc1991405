//! H17, H18 and H36: how much may come from where, and who is kept out.

use perennial_app::guard::Blocked;
use perennial_core::submission::JunkReason;
use serde_json::json;

use super::*;

const LIMITS: Limits = Limits { network_per_minute: 30, network_suspicious: 10, form_per_minute: 600 };
const NETWORK: &str = "203.0.113.7";

fn numbered(number: usize) -> Request {
    Request::json(&json!({ "email": format!("person{number}@example.com") }))
}

#[tokio::test]
async fn h17_of_a_thousand_posts_from_one_address_in_a_minute_the_first_are_taken_and_the_rest_told_when_to_come() {
    let world = World::with_limits(LIMITS);
    world.wall_clock.set(instant("2026-03-02T09:00:15Z"));
    for number in 0..1_000 {
        let answer = world.send(&numbered(number).at_network(NETWORK)).await;
        if number < 30 {
            assert_eq!(answer.json(), accepted(), "{number}");
        } else {
            assert_eq!(answer.problem(), (429, "too_many_requests".to_owned()), "{number}");
            assert_eq!(answer.header("retry-after"), Some("45"), "{number}");
        }
    }
    assert_eq!(world.counts().await, (30, 30));

    // Nobody else waits, and neither does the same sender a minute later.
    assert_eq!(world.send(&numbered(2_000).at_network("203.0.113.8")).await.status(), 202);
    world.wall_clock.advance(SignedDuration::from_secs(45));
    assert_eq!(world.send(&numbered(2_001).at_network(NETWORK)).await.status(), 202);
    assert_eq!(world.counts().await, (32, 32));
}

#[tokio::test]
async fn h17_many_posts_from_one_network_look_suspicious_and_are_no_junk_by_that_alone() {
    let world = World::with_limits(LIMITS);
    for number in 0..12 {
        let request = numbered(number).at_network("2001:db8:1:2::1").header("user-agent", "curl/8.5.0");
        world.send(&request.at_network(&format!("2001:db8:1:2::{number}"))).await;
    }
    let first = world.kept("person0@example.com").await;
    assert!(first.is_nurtured());
    assert_eq!(first.junk(), [JunkReason::BotUserAgent]);
    let eleventh = world.kept("person10@example.com").await;
    assert!(eleventh.is_nurtured());
    assert_eq!(eleventh.junk(), [JunkReason::BotUserAgent, JunkReason::RateLimited]);
}

#[tokio::test]
async fn h17_a_form_takes_so_many_from_everywhere_and_a_refused_network_uses_nothing_of_that() {
    let world = World::with_limits(Limits { network_per_minute: 2, form_per_minute: 4, ..LIMITS });
    let from = |network: &str, number| numbered(number).at_network(network);
    for number in 0..50 {
        world.send(&from(NETWORK, number)).await;
    }
    let mut statuses = Vec::new();
    for number in 50..54 {
        statuses.push(world.send(&from(&format!("198.51.100.{number}"), number)).await.status());
    }
    assert_eq!(statuses, [202, 202, 429, 429]);
    assert_eq!(world.counts().await, (4, 4));
}

#[tokio::test]
async fn h17_a_browser_is_told_so_on_a_page() {
    let world = World::with_limits(Limits { network_per_minute: 1, ..LIMITS });
    world.send(&numbered(0)).await;
    let answer = world.send(&Request::browser(&[("email", "ada@example.com")])).await;
    assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("60")));
    assert!(answer.body().contains("Too many posts came at once."), "{}", answer.body());
}

#[tokio::test]
async fn h36_a_made_up_forwarding_header_gives_nobody_more_room() {
    let world = World::with_limits(LIMITS);
    let mut taken = 0;
    for number in 0..100 {
        let request = numbered(number)
            .at_network(NETWORK)
            .header("x-forwarded-for", &format!("198.51.100.{number}"))
            .header("forwarded", &format!("for=198.51.100.{number}"))
            .header("x-real-ip", &format!("198.51.100.{number}"));
        taken += usize::from(world.send(&request).await.status() == 202);
    }
    assert_eq!(taken, 30);
    // Nor does it take somebody else's room away.
    let victim = numbered(200).at_network("198.51.100.7");
    assert_eq!(world.send(&victim).await.status(), 202);
}

/// A post that CloudFront passed on, from one of its own addresses.
fn passed_on(number: usize, viewer: &str, secret: &str) -> Request {
    let request = numbered(number).at_network("198.51.100.200").header("cloudfront-viewer-address", viewer);
    request.header("x-perennial-front", secret)
}

#[tokio::test]
async fn h36_behind_cloudfront_each_viewer_has_room_of_their_own() {
    let world = World::with_limits(LIMITS);
    let mut taken = 0;
    for number in 0..60 {
        let viewer = format!("203.0.113.{}:{}", number % 2, 40_000 + number);
        taken += usize::from(world.send(&passed_on(number, &viewer, FRONT_SECRET)).await.status() == 202);
    }
    assert_eq!(taken, 60, "two of them, with thirty each");
    let again = passed_on(60, "203.0.113.1:50000", FRONT_SECRET);
    assert_eq!(world.send(&again).await.status(), 429);
}

#[tokio::test]
async fn h36_whoever_makes_up_what_cloudfront_would_say_gets_no_more_room() {
    let world = World::with_limits(LIMITS);
    let mut taken = 0;
    for number in 0..100 {
        let request = passed_on(number, &format!("203.0.113.{number}:443"), "front-0123456789abcdeX");
        taken += usize::from(world.send(&request).await.status() == 202);
    }
    assert_eq!(taken, 30);
}

#[tokio::test]
async fn whoever_is_blocked_gets_the_answer_that_everybody_gets_and_is_quarantined() {
    for (block, request) in [
        ("Ada.Lovelace@gmail.com", Request::json(&json!({ "email": "adalovelace+9@gmail.com" }))),
        ("spam.example", Request::json(&json!({ "email": "ada@mail.spam.example" }))),
        ("203.0.113.0/24", numbered(1).at_network("203.0.113.99")),
        ("2001:db8:1::/48", numbered(1).at_network("2001:db8:1:ff::1")),
    ] {
        let world = World::new();
        let guard = &world.deps.guard;
        let blocked = Blocked::parse(block).unwrap();
        assert!(guard.block(&blocked).await.unwrap());
        let person = world.send(&numbered(7).at_network("192.0.2.1")).await;
        let answer = world.send(&request).await;
        assert_eq!(answer, person, "{block}");
        assert_eq!(world.waterfall().await, (1, 1), "{block}");

        assert!(guard.unblock(&blocked).await.unwrap());
        assert_eq!(world.send(&request.clone().with_id()).await, person, "{block}");
        assert_eq!(world.waterfall().await, (2, 0), "{block}: a clean post releases");
    }
}

#[tokio::test]
async fn a_block_is_one_of_the_reasons_that_are_kept() {
    let world = World::new();
    world.deps.guard.block(&Blocked::parse("ada@example.com").unwrap()).await.unwrap();
    world.post(json!({ "email": "ada@example.com" })).await;
    assert_eq!(world.kept("ada@example.com").await.junk(), [JunkReason::BlockListed]);
}
