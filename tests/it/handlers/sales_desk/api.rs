//! The JSON API: for people by a token, for machines by a signature.

use perennial_core::lead::{LifecycleStage, TaskKind};
use perennial_core::token::Purpose;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::handlers::ingest_lead::logs::Log;
use crate::scenarios::world::keyring;

/// A call of somebody whom the authorizer knows by their address.
fn sales(method: &str, path: &str, address: &str) -> Value {
    let mut event = get(&format!("/v1/sales/{path}"));
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["authorizer"] = sample("sales-leads.json")["requestContext"]["authorizer"].clone();
    event["requestContext"]["authorizer"]["jwt"]["claims"]["email"] = json!(address);
    event
}

const ROBIN: &str = "robin.vale@perennial.example";

fn told_by(path: &str, address: &str, body: &Value) -> Value {
    with_body(sales("POST", path, address), body)
}

fn with_body(mut event: Value, body: &Value) -> Value {
    event["headers"]["content-type"] = json!("application/json");
    event["body"] = json!(body.to_string());
    event
}

fn crm(method: &str, path: &str) -> Value {
    let mut event = get(&format!("/v1/crm/{path}"));
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["authorizer"] = sample("crm-outcome.json")["requestContext"]["authorizer"].clone();
    event
}

fn operator(method: &str, path: &str) -> Value {
    let mut event = sales(method, path, "ops@perennial.example");
    event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = json!("[inside-sales operators]");
    event
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn the_samples_read_a_list_and_tell_outcomes_once() {
    let world = World::of(staffed(), NOW).await;
    let ada = world.post(serde_json::from_str(sample("form-json.json")["body"].as_str().unwrap()).unwrap()).await;
    give(&world, &ada, "robin").await;
    let list = call(&world, sample("sales-leads.json")).await;
    assert_eq!(list.status, 200, "{}", list.body);
    assert_eq!(list.json()["leads"][0]["lead"], json!(ada));

    for (name, status) in [("crm-outcome.json", "recorded"), ("crm-outcome.json", "known")] {
        let answer = call(&world, sample(name)).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(status)), "{}", answer.body);
    }
    for status in ["recorded", "known"] {
        let answer = call(&world, sample("sales-outcome.json")).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(status)), "{}", answer.body);
    }
    assert_eq!(told(&world, &ada).await, ["connected", "turned_back"]);
    let after = stored(&world, &ada).await;
    assert_eq!(after.lead.stage, LifecycleStage::Recycled);
    assert_eq!(after.profile.notes[0].text, "After the summer break.");
    let (by, _) = last_told(&world, &ada).await;
    assert_eq!(by, Party::Rep { rep: rep("robin") });
    world.assert_sound().await;
}

#[tokio::test]
async fn the_samples_look_at_a_lead_leave_a_note_and_give_it_to_a_colleague() {
    let world = World::of(staffed(), NOW).await;
    let ada = world.post(serde_json::from_str(sample("form-json.json")["body"].as_str().unwrap()).unwrap()).await;
    give(&world, &ada, "robin").await;
    let tasks = call(&world, sample("sales-tasks.json")).await;
    assert_eq!((tasks.status, &tasks.json()["tasks"][0]["lead"]), (200, &json!(ada)), "{}", tasks.body);
    for (name, status) in
        [("sales-note.json", "recorded"), ("sales-note.json", "known"), ("sales-hand-over.json", "recorded")]
    {
        let answer = call(&world, sample(name)).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(status)), "{name}: {}", answer.body);
    }
    let lead = call(&world, sample("sales-lead.json")).await.json();
    assert_eq!(lead["notes"][0]["text"], "Prefers calls before noon.");
    assert_eq!(lead["owner"], json!({ "kind": "assigned", "rep": "kim" }));
}

#[tokio::test]
async fn h41_whom_no_authorizer_vouches_for_is_nobody_and_it_is_put_on_record() {
    let (world, ada) = with_ada().await;
    let log = Log::at(LevelFilter::INFO);
    let without = |event: Value| {
        let mut event = event;
        event["requestContext"].as_object_mut().unwrap().remove("authorizer");
        event
    };
    let lead = format!("leads/{ada}");
    let outcome = json!({ "outcome": "won" });
    let jwt = sample("sales-leads.json")["requestContext"]["authorizer"].clone();
    let iam = sample("crm-outcome.json")["requestContext"]["authorizer"].clone();
    let as_other = |mut event: Value, authorizer: &Value| {
        event["requestContext"]["authorizer"] = authorizer.clone();
        event
    };
    let calls = [
        without(sales("GET", "leads", ROBIN)),
        without(sales("GET", &lead, ROBIN)),
        without(sales("GET", "tasks", ROBIN)),
        without(sales("GET", "nothing-there", ROBIN)),
        without(told_by(&format!("{lead}/outcomes"), ROBIN, &outcome)),
        without(told_by(&format!("{lead}/notes"), ROBIN, &json!({ "note": "x" }))),
        without(told_by(&format!("{lead}/hand-over"), ROBIN, &json!({ "rep": "kim" }))),
        without(crm("GET", &lead)),
        without(with_body(crm("POST", &format!("{lead}/outcomes")), &outcome)),
        // What vouches for a person vouches for no machine, nor the other way round.
        as_other(crm("GET", &lead), &jwt),
        as_other(sales("GET", &lead, ROBIN), &iam),
        as_other(sales("GET", &lead, ROBIN), &json!({ "jwt": { "claims": {}, "scopes": null } })),
        as_other(sales("GET", &lead, ROBIN), &json!({ "lambda": { "email": ROBIN } })),
        as_other(crm("GET", &lead), &json!({ "iam": { "userArn": "" } })),
    ];
    let many = calls.len();
    for event in calls {
        let answer = call(&world, event.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "not_authorised"), "{event}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert_eq!(log.text().matches("desk.unauthorised").count(), many);
    assert!(!log.text().contains(ROBIN));
    assert!(told(&world, &ada).await.is_empty());
}

#[tokio::test]
async fn h41_whoever_is_known_and_does_not_sell_gets_nothing_either() {
    let (world, ada) = with_ada().await;
    for address in ["stranger@example.com", "gil.gone@perennial.example", ""] {
        let answer = call(&world, sales("GET", &format!("leads/{ada}"), address)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "not_of_sales"), "{address}");
    }
    let mut unproven = sales("GET", &format!("leads/{ada}"), ROBIN);
    unproven["requestContext"]["authorizer"]["jwt"]["claims"]["email_verified"] = json!("false");
    assert_eq!(call(&world, unproven).await.status, 403, "an address that nobody has shown to be theirs");
    let mut in_capitals = sales("GET", &format!("leads/{ada}"), "Robin.Vale@Perennial.example");
    assert_eq!(call(&world, in_capitals.clone()).await.status, 200);
    in_capitals["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = json!("[not-operators]");
    assert_eq!(call(&world, in_capitals).await.json()["owner"]["rep"], "robin");
}

#[tokio::test]
async fn h42_another_teams_lead_is_not_there_for_a_rep_and_is_for_an_operator() {
    let (world, ada) = with_ada().await;
    let sam = "sam.nord@perennial.example";
    let lead = format!("leads/{ada}");
    let log = Log::at(LevelFilter::INFO);
    for event in [
        sales("GET", &lead, sam),
        told_by(&format!("{lead}/outcomes"), sam, &json!({ "outcome": "won" })),
        told_by(&format!("{lead}/notes"), sam, &json!({ "note": "mine" })),
        told_by(&format!("{lead}/hand-over"), sam, &json!({ "rep": "sam" })),
        sales("GET", &format!("leads/{}", "a".repeat(26)), ROBIN),
    ] {
        let answer = call(&world, event).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "lead_not_found"), "{}", answer.body);
    }
    for query in ["rep=robin", "queue=sdr"] {
        for path in ["leads", "tasks"] {
            let mut event = sales("GET", path, sam);
            event["rawQueryString"] = json!(query);
            assert_eq!(call(&world, event).await.status, 404, "{path} {query}");
        }
    }
    assert_eq!(log.text().matches("desk.denied").count(), 9);
    assert!(told(&world, &ada).await.is_empty());
    assert_eq!(call(&world, operator("GET", &lead)).await.status, 200);
    assert_eq!(call(&world, crm("GET", &lead)).await.status, 200);
    assert_eq!(call(&world, sales("GET", &lead, "lee.west@perennial.example")).await.status, 200, "the manager");
}

#[tokio::test]
async fn h43_cursors_and_filters_are_ours_or_refused() {
    let (world, _) = with_ada().await;
    let others = keyring().sign(Purpose::Cursor, "rep/kim/x");
    let desk = keyring().sign(Purpose::Desk, "list/rep/robin/1772438400");
    for (query, code) in [
        ("after=eyJwayI6IkxFQUQj", "cursor_invalid"),
        (&*format!("after={others}"), "cursor_invalid"),
        (&*format!("after={desk}"), "cursor_invalid"),
        ("rep=robin%20OR%201=1", "query_invalid"),
        ("rep=%23owner", "query_invalid"),
        ("rep=robin&queue=sdr", "query_invalid"),
        ("filter=attribute_exists(pk)", "query_invalid"),
        ("limit=1000000", "query_invalid"),
        ("rep=%ff", "query_invalid"),
    ] {
        let mut event = sales("GET", "leads", ROBIN);
        event["rawQueryString"] = json!(query);
        let answer = call(&world, event).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{query}");
    }
    let nobodys = call(&world, operator("GET", "leads")).await;
    assert_eq!((nobodys.status, nobodys.code().as_str()), (400, "desk_missing"));
}

#[tokio::test]
async fn a_list_goes_on_by_its_cursor_until_all_were_there() {
    let world = World::of(staffed(), NOW).await;
    let mut expected = std::collections::BTreeSet::new();
    for number in 0..30 {
        let lead = world.post(json!({ "email": format!("lead-{number}@example.com") })).await;
        give(&world, &lead, "robin").await;
        expected.insert(lead.to_string());
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut query = String::new();
    loop {
        let mut event = sales("GET", "leads", ROBIN);
        event["rawQueryString"] = json!(query);
        let page = call(&world, event).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for lead in page.json()["leads"].as_array().unwrap() {
            assert!(seen.insert(lead["lead"].as_str().unwrap().to_owned()), "once each");
        }
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        query = format!("after={next}");
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_lead_has_in_it_what_the_page_shows() {
    let (world, ada) = with_ada().await;
    let lead = call(&world, sales("GET", &format!("leads/{ada}"), ROBIN)).await.json();
    assert_eq!(lead["first_name"], "Ada");
    assert_eq!((&lead["email"], &lead["phone"]), (&json!("ada@example.com"), &json!("+4930901820")));
    assert_eq!((&lead["stage"], &lead["cycle"]["number"]), (&json!("mql"), &json!(1)));
    assert_eq!(lead["cycle"]["qualified"]["because"], "hand_raise");
    assert_eq!(lead["task"]["kind"], "call");
    assert_eq!(lead["next"]["program"], "Welcome");
    assert_eq!(lead["score"]["total"], "40.0", "{}", lead["score"]);
    let past: Vec<&str> = lead["past"].as_array().unwrap().iter().map(|past| past["type"].as_str().unwrap()).collect();
    assert!(past.contains(&"touch.sent") && past.contains(&"lead.qualified"), "{past:?}");
    let offers = lead["offers"].as_array().unwrap();
    assert!(offers.contains(&json!("accepted")) && !offers.contains(&json!("won")), "{offers:?}");
    let silence = lead["reasons"].as_array().unwrap().iter().find(|reason| reason["reason"] == "no_response").unwrap();
    assert_eq!(silence["attempts_missing"], 3);
    // Whoever has logged in gets a fresh link to the page; nobody else does.
    let page = lead["page"].as_str().unwrap().strip_prefix("https://perennial.example").unwrap().to_owned();
    assert_eq!(call(&world, get(&page)).await.status, 200);
    assert_eq!(call(&world, operator("GET", &format!("leads/{ada}"))).await.json()["page"], Value::Null);
}

#[tokio::test]
async fn tasks_are_listed_with_their_times() {
    let (world, ada) = with_ada().await;
    let tasks = call(&world, sales("GET", "tasks", ROBIN)).await.json();
    assert_eq!(tasks["tasks"][0]["lead"], json!(ada));
    assert_eq!(tasks["tasks"][0]["kind"], json!(TaskKind::Call));
    let due_at = stored(&world, &ada).await.lead.task.unwrap().due_at;
    assert_eq!(tasks["tasks"][0]["due_at"], json!(due_at));
    let mut kims = operator("GET", "tasks");
    kims["rawQueryString"] = json!("rep=kim");
    assert_eq!(call(&world, kims).await.json()["tasks"], json!([]));
}

#[tokio::test]
async fn json_is_taken_strictly_and_no_refusal_repeats_it() {
    let (world, ada) = with_ada().await;
    let path = format!("leads/{ada}/outcomes");
    let raw = |text: &str| {
        let mut event = told_by(&path, ROBIN, &json!({}));
        event["body"] = json!(text);
        event
    };
    for (text, status, code) in [
        ("{\"outcome\":\"won\",\"outcome\":\"lost\"}", 400, "json_invalid"),
        ("{\"outcome\":\"won\"", 400, "json_invalid"),
        ("{\"outcome\":NaN}", 400, "json_invalid"),
        ("[\"won\"]", 422, "json_shape_invalid"),
        ("{\"outcome\":{\"won\":true}}", 422, "json_shape_invalid"),
        ("{\"outcome\":\"canary\"}", 422, "outcome_invalid"),
        ("{\"outcome\":\"won\",\"canary\":1}", 422, "outcome_invalid"),
        ("{\"outcome\":\"won\",\"owner\":\"canary\"}", 422, "outcome_invalid"),
        ("{\"outcome\":\"turned_back\",\"reason\":\"canary\"}", 422, "outcome_invalid"),
        ("{\"outcome\":\"turned_back\",\"reason\":\"timing\",\"date\":\"canary\"}", 422, "outcome_invalid"),
        ("{\"outcome\":\"turned_back\",\"reason\":\"bad_answers\",\"fields\":[\"canary\"]}", 422, "outcome_invalid"),
        ("{\"outcome\":\"turned_back\",\"reason\":\"bad_answers\"}", 422, "fields_missing"),
        ("{\"outcome\":\"turned_back\",\"reason\":\"other\"}", 422, "note_missing"),
        ("{\"outcome\":\"turned_back\",\"reason\":\"no_response\"}", 422, "too_few_attempts"),
        ("{\"outcome\":\"call_back\",\"due_at\":\"2020-01-01T00:00:00Z\"}", 422, "date_passed"),
        ("{\"outcome\":\"unhelpful\",\"touch\":\"canary\"}", 422, "outcome_invalid"),
        ("{\"outcome\":\"disqualified\",\"reason\":\"do_not_contact\"}", 422, "outcome_invalid"),
    ] {
        let answer = call(&world, raw(text)).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{text}");
        assert!(!answer.body.contains("canary"), "{}", answer.body);
        let title = answer.json()["title"].as_str().unwrap().to_owned();
        assert!(title.ends_with('.') && !title.starts_with(char::is_lowercase), "{title}");
    }
    let mut form = raw("outcome=won");
    form["headers"]["content-type"] = json!("application/x-www-form-urlencoded");
    assert_eq!(call(&world, form).await.status, 415);
    assert_eq!(call(&world, raw(&"x".repeat(40_000))).await.status, 413);
    let mut wrong = sales("DELETE", &format!("leads/{ada}"), ROBIN);
    assert_eq!(call(&world, wrong.clone()).await.headers["allow"], "GET");
    wrong["requestContext"]["http"]["method"] = json!("GET");
    wrong["rawPath"] = json!(format!("/v1/sales/leads/{ada}/secrets"));
    assert_eq!(call(&world, wrong).await.code(), "not_found");
    assert!(told(&world, &ada).await.is_empty());
}

#[tokio::test]
async fn what_an_outcome_cannot_take_is_refused_by_name_and_not_dropped() {
    let (world, ada) = with_ada().await;
    let path = format!("leads/{ada}/outcomes");
    for (body, said) in [
        (json!({ "outcome": "lost", "reason": "timing" }), "`reason` means nothing with this outcome."),
        (
            json!({ "outcome": "turned_back", "reason": "evaluating", "date": "2026-09-01" }),
            "`date` means nothing with this reason.",
        ),
        (
            json!({ "outcome": "turned_back", "reason": "timing", "fields": ["company"], "on": "2026-09-01" }),
            "`fields`, `on` means nothing with this reason.",
        ),
        (
            json!({ "outcome": "held", "until": "2026-03-20", "due_at": "x" }),
            "`due_at` means nothing with this outcome.",
        ),
        (json!({ "outcome": "turned_back" }), "`reason` is missing."),
        (json!({ "outcome": "disqualified" }), "`reason` is missing."),
        (json!({ "reason": "timing" }), "`outcome` is missing."),
        (
            json!({ "outcome": "won", "canary": "x" }),
            "There is a name that means nothing here, where only these do: `outcome`, `reason`, `note`, `date`, `fields`, \
             `due_at`, `meet_at`, `until`, `on`, `touch`.",
        ),
    ] {
        let answer = call(&world, told_by(&path, ROBIN, &body)).await;
        assert_eq!((answer.status, answer.json()["title"].as_str()), (422, Some(said)), "{body}: {}", answer.body);
    }
    assert!(told(&world, &ada).await.is_empty());
    // What is empty says nothing, and a form that has all in it is pressed as before.
    let empty = told_by(&path, ROBIN, &json!({ "outcome": "busy", "reason": null, "date": "", "fields": [] }));
    assert_eq!(call(&world, empty).await.json()["status"], "recorded");
}

#[tokio::test]
async fn a_desk_that_is_not_there_is_no_empty_list() {
    let (world, _) = with_ada().await;
    for (query, status) in
        [("rep=nope", 404), ("queue=nope", 404), ("rep=gone", 200), ("rep=kim", 200), ("queue=sdr", 200)]
    {
        for path in ["leads", "tasks"] {
            let mut event = operator("GET", path);
            event["rawQueryString"] = json!(query);
            let answer = call(&world, event).await;
            assert_eq!(answer.status, status, "{path} {query}: {}", answer.body);
            assert!(status == 200 || answer.code() == "desk_not_found", "{}", answer.body);
        }
    }
    // A rep does not learn which desks there are.
    for query in ["rep=nope", "rep=sam"] {
        let mut event = sales("GET", "leads", ROBIN);
        event["rawQueryString"] = json!(query);
        let answer = call(&world, event).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "desk_not_found"), "{query}");
    }
}

#[tokio::test]
async fn a_key_counts_once_with_one_body_and_each_request_without_one_by_itself() {
    let (world, ada) = with_ada().await;
    let path = format!("leads/{ada}/outcomes");
    let keyed = |key: &str, outcome: &str| {
        let mut event = told_by(&path, ROBIN, &json!({ "outcome": outcome }));
        event["headers"]["idempotency-key"] = json!(key);
        event
    };
    assert_eq!(call(&world, keyed("call-1", "busy")).await.json()["status"], "recorded");
    assert_eq!(call(&world, keyed("call-1", "busy")).await.json()["status"], "known");
    let reused = call(&world, keyed("call-1", "connected")).await;
    assert_eq!((reused.status, reused.code().as_str()), (409, "idempotency_key_reused"));
    assert_eq!(call(&world, keyed("", "busy")).await.code(), "idempotency_key_invalid");
    assert_eq!(call(&world, keyed(&"k".repeat(256), "busy")).await.status, 400);
    // Another person's key of the same name is another.
    let mut kims = keyed("call-1", "no_answer");
    kims["requestContext"]["authorizer"]["jwt"]["claims"]["email"] = json!("kim.ost@perennial.example");
    assert_eq!(call(&world, kims).await.json()["status"], "recorded");
    let without = told_by(&path, ROBIN, &json!({ "outcome": "left_voicemail" }));
    assert_eq!(call(&world, without.clone()).await.json()["status"], "recorded");
    assert_eq!(call(&world, without).await.json()["status"], "known", "the same request, delivered twice");
    let again = told_by(&path, ROBIN, &json!({ "outcome": "left_voicemail" }));
    assert_eq!(call(&world, again).await.json()["status"], "recorded");
    assert_eq!(told(&world, &ada).await, ["busy", "no_answer", "left_voicemail", "left_voicemail"]);
}

#[tokio::test]
async fn a_key_is_the_callers_own_among_machines_and_among_operators() {
    let (world, ada) = with_ada().await;
    let path = format!("leads/{ada}/outcomes");
    let machine = |arn: &str, outcome: &str| {
        let mut event = with_body(crm("POST", &path), &json!({ "outcome": outcome }));
        event["requestContext"]["authorizer"]["iam"]["userArn"] = json!(arn);
        event["headers"]["idempotency-key"] = json!("1");
        event
    };
    let person = |subject: &str, outcome: &str| {
        let mut event = with_body(operator("POST", &path), &json!({ "outcome": outcome }));
        event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = json!(subject);
        event["headers"]["idempotency-key"] = json!("1");
        event
    };
    let role = |session: &str| format!("arn:aws:sts::123456789012:assumed-role/crm-sync/{session}");
    for (event, status) in [
        (machine("arn:aws:iam::123456789012:user/crm", "busy"), "recorded"),
        (machine(&role("i-0123"), "no_answer"), "recorded"),
        (machine(&role("i-4567"), "no_answer"), "known"),
        (person("one", "left_voicemail"), "recorded"),
        (person("other", "wrote"), "recorded"),
        (person("other", "wrote"), "known"),
    ] {
        let answer = call(&world, event).await;
        assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some(status)), "{}", answer.body);
    }
    assert_eq!(told(&world, &ada).await, ["busy", "no_answer", "left_voicemail", "wrote"]);
}

#[tokio::test]
async fn only_a_mail_that_the_lead_got_can_be_called_unhelpful() {
    let (world, ada) = with_ada().await;
    let got = call(&world, sales("GET", &format!("leads/{ada}"), ROBIN)).await.json()["past"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|past| past["touch"].as_str().map(str::to_owned))
        .unwrap();
    let path = format!("leads/{ada}/outcomes");
    let unhelpful = |touch: &str| json!({ "outcome": "unhelpful", "touch": touch });
    let never = call(&world, told_by(&path, ROBIN, &unhelpful("7_welcome_response_0"))).await;
    assert_eq!((never.status, never.code().as_str()), (422, "mail_not_sent"));
    let sam = call(&world, told_by(&path, "sam.nord@perennial.example", &unhelpful("7_welcome_response_0"))).await;
    assert_eq!(
        (sam.status, sam.code().as_str()),
        (404, "lead_not_found"),
        "and whose lead it is nobody learns by that"
    );
    assert_eq!(call(&world, told_by(&path, ROBIN, &unhelpful(&got))).await.json()["status"], "recorded");
    assert_eq!(told(&world, &ada).await, ["unhelpful"]);
}

#[tokio::test]
async fn notes_and_hand_overs_are_taken_too() {
    let (world, ada) = with_ada().await;
    let lead = format!("leads/{ada}");
    let noted =
        call(&world, told_by(&format!("{lead}/notes"), ROBIN, &json!({ "note": "Likes  lifts.\r\n\r\n\r\nA lot." })))
            .await;
    assert_eq!(noted.json()["status"], "recorded");
    assert_eq!(stored(&world, &ada).await.profile.notes[0].text, "Likes lifts.\n\nA lot.");
    assert_eq!(
        call(&world, told_by(&format!("{lead}/notes"), ROBIN, &json!({ "note": " " }))).await.code(),
        "note_missing"
    );
    for (body, code) in [
        (json!({ "rep": "sam" }), "owner_unknown"),
        (json!({ "rep": "gone" }), "owner_unknown"),
        (json!({ "queue": "nowhere" }), "owner_unknown"),
        (json!({ "rep": "kim", "queue": "sdr" }), "owner_missing"),
        (json!({}), "owner_missing"),
    ] {
        let answer = call(&world, told_by(&format!("{lead}/hand-over"), ROBIN, &body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, code), "{body}");
    }
    for (rep_name, status) in [("kim", "recorded"), ("kim", "known")] {
        let answer = call(&world, told_by(&format!("{lead}/hand-over"), ROBIN, &json!({ "rep": rep_name }))).await;
        assert_eq!(answer.json()["status"], status, "{}", answer.body);
    }
    assert_eq!(stored(&world, &ada).await.lead.rep(), Some(&rep("kim")));
    let to_sam = with_body(operator("POST", &format!("{lead}/hand-over")), &json!({ "rep": "sam" }));
    assert_eq!(call(&world, to_sam).await.json()["status"], "recorded");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_crm_that_is_ahead_takes_the_lead_to_where_it_stands_there() {
    let (world, ada) = with_ada().await;
    let won = with_body(crm("POST", &format!("leads/{ada}/outcomes")), &json!({ "outcome": "won" }));
    assert_eq!(call(&world, won).await.json()["status"], "recorded");
    assert_eq!(stored(&world, &ada).await.lead.stage, LifecycleStage::Customer);
    assert_eq!(last_told(&world, &ada).await, (Party::Crm, Outcome::Won));
    let lost = with_body(crm("POST", &format!("leads/{ada}/outcomes")), &json!({ "outcome": "lost" }));
    assert_eq!(call(&world, lost).await.code(), "no_deal");
    world.assert_sound().await;
}
