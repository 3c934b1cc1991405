//! H16: a form with a captcha, and what comes of a bad answer, a used one, and a judge who does not answer.

use std::collections::BTreeMap;

use altcha::{
    Challenge, ChallengeParameters, HmacAlgorithm, Payload, SolveChallengeOptions, sign_challenge, solve_challenge,
};
use async_trait::async_trait;
use data_encoding::BASE64;
use perennial_app::ports::{Captcha, CaptchaVerdict, SystemClock};
use perennial_core::catalog::{CaptchaKind, CaptchaPolicy};
use perennial_core::submission::JunkReason;
use serde_json::json;

use super::*;

/// A form with ALTCHA. Its puzzles end by the machine's clock, so the wall clock is that.
fn world(policy: CaptchaPolicy) -> World {
    let mut world = World::with_form(|form| {
        form.captcha = CaptchaKind::Altcha;
        form.captcha_failed = policy;
    });
    let deps = Arc::get_mut(&mut world.deps).unwrap();
    deps.guard.wall_clock = Arc::new(SystemClock);
    deps.altcha = Altcha::new(deps.guard.clone()).with_cost(1);
    world
}

async fn challenge(world: &World) -> Challenge {
    let request = Request::sample("form-challenge.json");
    let answer = world.send(&request).await;
    assert_eq!(answer.status(), 200);
    serde_json::from_str(answer.body()).unwrap()
}

/// What the widget sends: the challenge with its solution.
fn solved(challenge: &Challenge) -> String {
    let solution = solve_challenge(SolveChallengeOptions::new(challenge)).unwrap().unwrap();
    encoded(&Payload { challenge: challenge.clone(), solution })
}

fn encoded(payload: &Payload) -> String {
    BASE64.encode(&serde_json::to_vec(payload).unwrap())
}

fn post(address: &str, response: Option<&str>) -> Request {
    Request::json(&json!({ "email": address, "altcha": response }))
}

#[tokio::test]
async fn h16_a_solved_puzzle_lets_a_person_in_once() {
    let world = world(CaptchaPolicy::Refuse);
    let response = solved(&challenge(&world).await);
    assert_eq!(world.send(&post("ada@example.com", Some(&response))).await.json(), accepted());
    assert!(world.kept("ada@example.com").await.is_nurtured());

    let again = world.send(&post("bob@example.com", Some(&response))).await;
    assert_eq!(again.problem(), (422, "captcha_failed".to_owned()));
    assert_eq!(world.counts().await, (1, 1));
}

#[tokio::test]
async fn h16_an_answer_is_good_for_a_post_that_comes_again_and_for_one_whose_field_was_mended() {
    let world = world(CaptchaPolicy::Refuse);
    let response = solved(&challenge(&world).await);
    assert_eq!(world.send(&post("ada", Some(&response))).await.status(), 422, "the address is none");
    assert_eq!(world.send(&post("ada@example.com", Some(&response))).await.json(), accepted());
    assert_eq!(world.send(&post("ada@example.com", Some(&response))).await.json(), accepted());
    assert!(world.kept("ada@example.com").await.is_nurtured());
}

#[tokio::test]
async fn h16_a_bad_or_absent_answer_is_refused_or_quarantined_as_the_form_says() {
    let quarantine = world(CaptchaPolicy::Quarantine);
    let good = challenge(&quarantine).await;
    let payload = |challenge: &Challenge, counter, derived_key: &str| {
        let solution = altcha::Solution { counter, derived_key: derived_key.to_owned(), time: None };
        encoded(&Payload { challenge: challenge.clone(), solution })
    };
    let changed = |change: fn(&mut ChallengeParameters)| {
        let mut challenge = good.clone();
        change(&mut challenge.parameters);
        solved(&challenge)
    };
    let unsigned = Challenge { signature: None, ..good.clone() };
    for (row, response) in [
        ("absent", None),
        ("empty", Some(String::new())),
        ("no base64", Some("?".to_owned())),
        ("no JSON", Some(BASE64.encode(b"{"))),
        ("endless", Some("A".repeat(9_000))),
        ("not solved", Some(payload(&good, 1, "00"))),
        ("made easier", Some(changed(|it| it.key_prefix = String::new()))),
        ("made to last", Some(changed(|it| it.expires_at = None))),
        ("of another form", Some(changed(|it| it.data = Some(BTreeMap::from([("form".to_owned(), json!("demo"))]))))),
        ("not signed", Some(solved(&unsigned))),
    ] {
        let refuse = world(CaptchaPolicy::Refuse);
        let answer = refuse.send(&post("ada@example.com", response.as_deref())).await;
        assert_eq!(answer.problem(), (422, "captcha_failed".to_owned()), "{row}");
        assert_eq!(refuse.counts().await, (0, 0), "{row}");

        let address = format!("{}@example.com", row.replace(' ', "-"));
        assert_eq!(quarantine.send(&post(&address, response.as_deref())).await.json(), accepted(), "{row}");
        assert_eq!(quarantine.kept(&address).await.junk(), [JunkReason::CaptchaFailed], "{row}");
    }
    assert_eq!(quarantine.waterfall().await, (0, 10));
}

#[tokio::test]
async fn h16_a_puzzle_whose_time_is_over_is_no_good_however_it_is_signed() {
    let world = world(CaptchaPolicy::Refuse);
    let mut parameters = challenge(&world).await.parameters;
    parameters.expires_at = Some(instant("2026-03-02T09:00:00Z").as_second());
    let secret = world.deps.guard.pepper.digest(&[b"altcha"]);
    let ended = sign_challenge(&HmacAlgorithm::Sha256, &mut parameters, None, &secret, None).unwrap();
    let answer = world.send(&post("ada@example.com", Some(&solved(&ended)))).await;
    assert_eq!(answer.problem(), (422, "captcha_failed".to_owned()));
}

#[tokio::test]
async fn a_form_without_altcha_hands_out_no_puzzle() {
    let request = Request::sample("form-stamp.json").path("/v1/forms/contact/challenge");
    assert_eq!(World::new().send(&request).await.problem(), (404, "not_found".to_owned()));
}

/// A judge far away, as an operator sets one up.
struct Judge(CaptchaVerdict);

#[async_trait]
impl Captcha for Judge {
    async fn verify(&self, form: &FormName, response: &str, remote: Option<&str>, _post: &[u8]) -> CaptchaVerdict {
        assert_eq!((form.as_str(), response, remote), ("contact", "a-token", Some("203.0.113.7")));
        self.0
    }
}

#[tokio::test]
async fn h16_where_nobody_can_tell_the_post_is_quarantined_and_nobody_turned_away() {
    let judges: [(_, Option<Arc<dyn Captcha>>); 2] =
        [("provider down", Some(Arc::new(Judge(CaptchaVerdict::Unavailable)))), ("no secret set", None)];
    for (row, judge) in judges {
        let mut world = World::with_form(|form| {
            form.captcha = CaptchaKind::Turnstile;
            form.captcha_failed = CaptchaPolicy::Refuse;
        });
        Arc::get_mut(&mut world.deps).unwrap().turnstile = judge;
        let fields = json!({ "email": "ada@example.com", "cf-turnstile-response": "a-token" });
        assert_eq!(world.post(fields).await.json(), accepted(), "{row}");
        assert_eq!(world.kept("ada@example.com").await.junk(), [JunkReason::CaptchaFailed], "{row}");
    }
}
