//! Browsers without JavaScript: a redirect to a page of the customer's, or a small page of ours.

use serde_json::json;

use super::*;

const THANKS: &str = "https://www.perennial.example/thanks";
const DEMO: &str = "https://www.perennial.example/demo/thanks?from=form";

fn with_thanks_urls(urls: &[&str]) -> World {
    World::with_form(|form| form.thanks_urls = urls.iter().map(|url| (*url).to_owned()).collect())
}

#[tokio::test]
async fn a_browser_is_sent_to_the_page_it_chose_among_the_forms_own_and_nowhere_else() {
    let world = with_thanks_urls(&[THANKS, DEMO]);
    for (wished, location) in [
        (None, THANKS),
        (Some(DEMO), DEMO),
        (Some(THANKS), THANKS),
        (Some(""), THANKS),
        (Some("https://evil.example"), THANKS),
        (Some("//evil.example"), THANKS),
        (Some("https://www.perennial.example/thanks?next=https://evil.example"), THANKS),
        (Some("https://www.perennial.example/thanks\r\nset-cookie: a=b"), THANKS),
    ] {
        let mut fields = vec![("email", "ada@example.com")];
        fields.extend(wished.map(|url| ("thanks_url", url)));
        let answer = world.send(&Request::browser(&fields)).await;
        assert_eq!((answer.status(), answer.header("location")), (303, Some(location)), "{wished:?}");
        assert_eq!(answer.body(), "");
    }
}

#[tokio::test]
async fn a_form_without_thanks_urls_redirects_nowhere() {
    let world = with_thanks_urls(&[]);
    let answer = world.send(&Request::browser(&[("email", "ada@example.com"), ("thanks_url", THANKS)])).await;
    assert_eq!((answer.status(), answer.header("location")), (202, None));
    assert!(answer.body().contains("<p>Example Ltd has received what you sent.</p>"), "{}", answer.body());
}

#[tokio::test]
async fn an_address_of_the_catalog_beyond_ascii_fits_into_the_header() {
    let world = with_thanks_urls(&["https://www.perennial.example/grüße"]);
    let answer = world.send(&Request::browser(&[("email", "ada@example.com")])).await;
    assert_eq!(answer.header("location"), Some("https://www.perennial.example/gr%C3%BC%C3%9Fe"));
}

#[tokio::test]
async fn a_script_gets_json_even_where_the_form_has_a_page() {
    let world = with_thanks_urls(&[THANKS]);
    let fields = [("email", "ada@example.com")];
    for request in [
        Request::json(&json!({ "email": "ada@example.com" })),
        Request::browser(&fields).header("accept", "*/*"),
        Request::browser(&fields).without_header("accept"),
        Request::json(&json!({ "email": "ada@example.com" })).header("accept", "text/html"),
    ] {
        let answer = world.send(&request).await;
        assert_eq!((answer.status(), answer.json()), (202, accepted()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn h14_a_person_is_asked_about_a_slip_in_their_address() {
    let world = with_thanks_urls(&[]);
    let answer = world.send(&Request::browser(&[("email", "o'neil&co@gmial.com")])).await;
    assert_eq!(answer.status(), 202);
    assert!(answer.body().contains("<strong>o&#39;neil&amp;co@gmail.com</strong>"), "{}", answer.body());
}

#[tokio::test]
async fn a_person_sees_what_to_mend_each_thing_once() {
    let world = World::new();
    let answer = world.send(&Request::browser(&[("first_name", "<b>canary</b>")])).await;
    assert_eq!((answer.status(), answer.header("content-type")), (422, Some("text/html; charset=utf-8")));
    assert_eq!(answer.body().matches("<li>Please give an e-mail address or a phone number.</li>").count(), 1);
    assert!(!answer.body().contains("canary"));
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test]
async fn a_person_sees_a_page_whatever_is_wrong_with_the_post() {
    let world = World::new();
    let long = "x".repeat(32 * 1024);
    for (request, status) in [
        (Request::browser(&[("message", &long)]), 413),
        (Request::browser(&[]).body("application/x-www-form-urlencoded", "email=%ff"), 400),
        (Request::browser(&[("email", "ada@example.com")]).header("idempotency-key", ""), 400),
    ] {
        let answer = world.send(&request).await;
        assert_eq!((answer.status(), answer.header("content-type")), (status, Some("text/html; charset=utf-8")));
        assert!(answer.body().contains("<h1>This was not sent</h1>"));
    }
    assert_eq!(world.counts().await, (0, 0));
}
