//! H1–H7 and H33: posts that are not taken in. Nothing of them is kept, and nothing is repeated.

use perennial_core::catalog::FormStatus;
use serde_json::json;

use super::*;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let json = |body: &str| Request::json(&json!({})).body(JSON, body);
    let base64 = |mut request: Request| {
        request.0["isBase64Encoded"] = json!(true);
        request
    };
    let deep = format!("{{\"email\":{}\"canary@example.com\"{}}}", "[".repeat(17), "]".repeat(17));
    let long = format!("email=canary%40example.com&message={}", "x".repeat(32 * 1024));
    let rows = [
        ("H1 over 32 KB", json("").body(FORM, &long), 413, "body_too_long"),
        ("H2 another type", json("").body("text/plain", "email=canary@example.com"), 415, "content_type_not_supported"),
        ("H2 no type", json("{}").without_header("content-type"), 415, "content_type_not_supported"),
        ("H3 broken JSON", json("{\"email\": \"canary@example.com\""), 400, "json_invalid"),
        ("H3 NaN", json("{\"email\": \"canary@example.com\", \"n\": NaN}"), 400, "json_invalid"),
        ("H3 depth", json(&deep), 400, "json_invalid"),
        ("H3 duplicate keys", json("{\"canary\": 1, \"canary\": 2}"), 400, "json_invalid"),
        ("H3 lone surrogate", json("{\"email\": \"canary\\ud800@example.com\"}"), 400, "json_invalid"),
        ("H3 not an object", json("[\"canary\"]"), 422, "json_shape_invalid"),
        ("H4 invalid base64", base64(json("canary?")), 400, "base64_invalid"),
        ("H4 invalid UTF-8", base64(json("Y2FuYXJ5/w==")), 400, "utf8_invalid"),
        ("H4 invalid UTF-8, escaped", json("").body(FORM, "email=canary%ff"), 400, "utf8_invalid"),
        (
            "a file",
            json("").body(
                "multipart/form-data; boundary=b",
                "--b\r\nContent-Disposition: form-data; name=\"canary\"; filename=\"canary\"\r\n\r\nx\r\n--b--\r\n",
            ),
            422,
            "file_not_taken",
        ),
    ];
    for (row, request, status, code) in rows {
        let world = World::new();
        let answer = world.send(&request).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{row}");
        assert!(!answer.body().contains("canary"), "{row}: {}", answer.body());
        assert_eq!(world.counts().await, (0, 0), "{row}");
    }
}

#[tokio::test]
async fn h3_broken_json_is_refused_with_its_place() {
    let request = Request::json(&json!({})).body(JSON, "{\n  \"email\": NaN\n}");
    let answer = World::new().send(&request).await;
    assert_eq!(answer.json()["title"], "The JSON is not valid at line 2, column 12.");
}

#[tokio::test]
async fn h5_a_form_that_is_unknown_or_closed_is_not_there() {
    let closed = World::with_form(|form| form.status = FormStatus::Closed);
    let open = World::new();
    for (world, path) in [
        (&closed, "/v1/forms/contact"),
        (&closed, "/v1/forms/contact/stamp"),
        (&open, "/v1/forms/unknown"),
        (&open, "/v1/forms/unknown/stamp"),
        (&open, "/v1/forms/Contact"),
        (&open, "/v1/forms/contact/"),
        (&open, "/v1/forms/contact/other"),
        (&open, "/v1/forms//evil.example"),
        (&open, "/v1/forms/contact\r\nlocation: https://evil.example"),
        (&open, "/v1/forms/"),
        (&open, "/v1/other"),
        (&open, "/"),
    ] {
        for method in ["POST", "GET", "OPTIONS"] {
            let request = Request::json(&json!({ "email": "ada@example.com" })).path(path).method(method);
            assert_eq!(world.send(&request).await.problem(), (404, "not_found".to_owned()), "{method} {path}");
        }
        assert_eq!(world.counts().await, (0, 0));
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_told_which_to_use() {
    let world = World::new();
    for (path, method, allowed) in [
        ("/v1/forms/contact", "GET", "POST, OPTIONS"),
        ("/v1/forms/contact", "PUT", "POST, OPTIONS"),
        ("/v1/forms/contact/stamp", "POST", "GET, OPTIONS"),
    ] {
        let request = Request::json(&json!({ "email": "ada@example.com" })).path(path).method(method);
        let answer = world.send(&request).await;
        assert_eq!(answer.problem(), (405, "method_not_allowed".to_owned()), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test]
async fn h6_a_post_that_names_nobody_is_refused() {
    let world = World::new();
    for fields in [json!({}), json!({ "first_name": "Ada" }), json!({ "email": "  ", "phone": null })] {
        let both = ["email", "phone"].map(|field| (Some(field.to_owned()), "required".to_owned()));
        assert_eq!(world.post(fields).await.field_errors(), both);
    }
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test]
async fn h7_addresses_that_people_do_not_have_are_refused_and_not_repeated() {
    let world = World::new();
    let long = format!("canary@{}.example", "a.".repeat(130));
    for address in [
        "canary@b",
        "canary@@b.example",
        "canary..b@c.example",
        &long,
        "canary@[192.0.2.1]",
        "canary@192.0.2.1",
        "\"canary b\"@c.example",
        "canary",
    ] {
        let answer = world.post(json!({ "email": address })).await;
        assert_eq!(answer.field_errors(), [(Some("email".to_owned()), "invalid".to_owned())], "{address}");
        assert!(!answer.body().contains("canary"), "{}", answer.body());
    }
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test]
async fn h33_more_than_a_form_takes_is_refused() {
    let world = World::new();
    let many: BTreeMap<String, &str> = (0..500).map(|number| (format!("field_{number}"), "x")).collect();
    let rows = [
        (json!({ "email": "ada@example.com", "message": "x".repeat(10_001) }), Some("message"), "too_long"),
        (json!({ "email": "ada@example.com", "message": "x".repeat(2_001) }), Some("message"), "too_long"),
        (json!({ "email": "ada@example.com", "undeclared": "x".repeat(10_001) }), None, "too_long"),
        (json!(many), None, "too_many"),
    ];
    for (fields, field, code) in rows {
        let errors = world.post(fields).await.field_errors();
        assert_eq!(errors, [(field.map(str::to_owned), code.to_owned())]);
    }
    assert_eq!(world.counts().await, (0, 0));
}

#[tokio::test]
async fn all_that_is_wrong_with_a_form_is_told_at_once() {
    let world = World::new();
    let answer = world.post(json!({ "email": "ada", "phone": "call me", "first_name": "x".repeat(81) })).await;
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "code": "fields_invalid",
      "errors": [
        {
          "code": "invalid",
          "field": "email",
          "message": "An e-mail address looks like name@example.com."
        },
        {
          "code": "invalid",
          "field": "phone",
          "message": "A phone number has only digits, spaces and the signs + ( ) - . /"
        },
        {
          "code": "too_long",
          "field": "first_name",
          "message": "First name has at most 80 characters."
        }
      ],
      "status": 422,
      "title": "Some fields need another look."
    }
    "#);
}
