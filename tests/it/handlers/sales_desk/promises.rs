//! What the page says is to come, and what came: as it is.

use perennial_core::event::Event;
use perennial_core::lead::{LifecycleStage, PhoneReach, TaskKind};
use perennial_core::policy::TurnbackReason;

use super::pages::{press, robins};
use super::*;

fn section<'a>(page: &'a Answer, title: &str) -> &'a str {
    let rest = page.body.split(&format!("{title}</h2>")).nth(1).unwrap_or_else(|| panic!("{title}: {}", page.body));
    rest.split("</section>").next().unwrap()
}

#[tokio::test]
async fn whoever_unsubscribed_is_promised_calls_and_no_mail() {
    let (world, ada) = with_ada().await;
    world.unsubscribe(&ada).await;
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    assert!(page.body.contains("Do not write: they unsubscribed."));
    let next = section(&page, "What comes next");
    assert!(next.contains("Welcome: Call them") && !next.contains("Where I would start"), "{next}");
    assert!(!page.body.contains("They get “"), "no reason promises mail: {}", page.body);
    assert!(page.body.contains("“Occasional” goes on with calls, since we may not write. Back only when they ask."));
    let page = press(&world, &path, "outcome=turned_back&date=2026-09-01&reason=timing").await;
    let said = "Turned back: not now. Back at their next sign, from 2 Aug 2026 at the earliest; at once if they ask. \
                “When the time comes” goes on with calls, since we may not write.";
    assert_eq!(page.said(), said);
}

#[tokio::test]
async fn whom_nobody_may_reach_is_promised_nothing() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    press(&world, &path, "outcome=do_not_call").await;
    world.unsubscribe(&ada).await;
    let page = call(&world, get(&path)).await;
    let next = section(&page, "What comes next");
    assert!(next.contains("Nothing: nobody may write to them or call, so we only listen."), "{next}");
    let page = press(&world, &path, "outcome=turned_back&reason=no_interest").await;
    assert_eq!(page.status, 200);
    assert_eq!(stored(&world, &ada).await.lead.stage, LifecycleStage::Disqualified);
    assert_eq!(page.said(), "Turned back: not interested. Nobody may write to them or call: we only listen.");
}

#[tokio::test]
async fn whoever_is_back_by_a_sign_alone_is_promised_on_no_day() {
    for (reason, said) in [
        ("bad_phone", "Turned back: the number is wrong. Back at their next sign."),
        ("no_interest", "Turned back: not interested. Back only when they ask."),
        (
            "evaluating",
            "Turned back: still comparing. Back at their next sign, from 16 Mar 2026 at the earliest; at once if they ask.",
        ),
    ] {
        let (world, ada) = with_ada().await;
        let path = robins(&world, &ada);
        let page = press(&world, &path, &format!("outcome=turned_back&reason={reason}")).await;
        assert!(page.said().starts_with(said), "{reason}: {}", page.said());
        let stands = section(&call(&world, get(&path)).await, "Where it stands").to_owned();
        assert!(stands.contains(said) && !stands.contains("today"), "{reason}: {stands}");
    }
}

#[tokio::test]
async fn a_wrong_reason_is_corrected_by_another() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = press(&world, &path, "outcome=turned_back&date=2026-09-01&reason=timing").await;
    assert!(page.body.contains("<summary>Another reason</summary>"), "{}", page.body);
    assert!(page.buttons().contains(&"no_budget") && page.buttons().contains(&"accepted"));
    let page = press(&world, &path, "outcome=turned_back&reason=no_interest").await;
    assert_eq!(page.status, 200, "{}", page.said());
    let lead = stored(&world, &ada).await.lead;
    assert_eq!(lead.stage, LifecycleStage::Recycled);
    assert_eq!(lead.turnback.unwrap().reason, TurnbackReason::NoInterest);
    world.assert_sound().await;
}

#[tokio::test]
async fn points_that_begin_anew_are_said_to() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    assert!(!call(&world, get(&path)).await.body.contains("begin anew"));
    let page = press(&world, &path, "outcome=turned_back&reason=no_interest").await;
    assert!(section(&page, "What they did").contains("begin anew when a lead is turned back"), "{}", page.body);
}

#[tokio::test]
async fn whoever_may_be_written_to_may_have_been_and_nobody_else() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    assert!(page.body.contains("href=\"tel:") && page.body.contains("href=\"mailto:"));
    assert!(page.buttons().contains(&"wrote") && page.buttons().contains(&"no_answer"));
    world.unsubscribe(&ada).await;
    let page = call(&world, get(&path)).await;
    assert!(!page.buttons().contains(&"wrote") && page.buttons().contains(&"no_answer"));
}

#[tokio::test]
async fn a_call_that_nobody_may_make_is_not_said_to_be_one() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    press(&world, &path, "outcome=do_not_call").await;
    let page = press(&world, &path, "outcome=call_back&due_at=2026-03-03T14%3A00").await;
    let lead = stored(&world, &ada).await.lead;
    assert_eq!((lead.phone, lead.task.unwrap().kind), (PhoneReach::DoNotCall, TaskKind::Write));
    assert_eq!(page.said(), "Do not call: they want no calls. Saved all the same, as a task: write to them.");
}

#[tokio::test]
async fn what_was_not_done_is_named_and_whoever_has_a_lead_does_not_get_it_again() {
    let (world, ada) = with_ada().await;
    world.live_until("2026-03-24 10:00").await;
    let page = call(&world, with_operator(&ada)).await;
    let past: Value = serde_json::from_str(&page.body).unwrap();
    let past: Vec<Value> = past["past"].as_array().unwrap().clone();
    let owners: Vec<&Value> =
        past.iter().filter(|past| past["type"] == "lead.assigned").map(|past| &past["owner"]).collect();
    assert!(owners.len() > 1 && owners.windows(2).all(|two| two[0] != two[1]), "{owners:?}");

    let owner = stored(&world, &ada).await.lead.owner.unwrap();
    let seat = match owner.rep() {
        Some(rep) => Seat::Rep(rep.clone()),
        None => Seat::Queue(queue("sdr")),
    };
    let page = call(&world, get(&format!("/v1/desk/{}", lead_token(&world, &ada, seat)))).await;
    let past = section(&page, "What happened");
    for said in [
        "Not done in time by Robin Vale: call them.",
        "Not done by Kim Ost: call them. Nobody waits for it any more.",
        "Given on, since nobody tried.",
        "Went to Kim Ost.",
        "Offered to somebody else, since nobody decided.",
        "Went to queue sdr (Robin Vale).",
        "Nobody else could take it.",
        "Offered again, since nobody decided.",
    ] {
        assert!(past.contains(said), "{said}: {past}");
    }
    assert_eq!(past.matches("Given on").count(), 1, "{past}");
    let resubmitted = world.events(&ada).await.into_iter().filter(|event| matches!(event, Event::Resubmitted { .. }));
    let offered =
        past.matches("Offered to somebody else, since").count() + past.matches("Offered again, since").count();
    assert_eq!(offered, resubmitted.count(), "{past}");
}

fn with_operator(lead: &LeadId) -> Value {
    let mut event = get(&format!("/v1/crm/leads/{lead}"));
    event["requestContext"]["authorizer"] = sample("crm-outcome.json")["requestContext"]["authorizer"].clone();
    event
}

#[tokio::test]
async fn a_mail_names_people_and_days_as_the_page_does() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    press(&world, &path, "act=note&note=Has+eleven+lifts.").await;
    press(&world, &path, "outcome=revisit&on=2026-09-01").await;
    give(&world, &ada, "kim").await;
    let notices = world.notifier.notices();
    let notice = notices.iter().rfind(|notice| notice.to == "kim.ost@perennial.example").unwrap();
    for said in ["Today at 09:00, Robin Vale: Has eleven lifts.", "Come back on: 1 September"] {
        assert!(notice.text.contains(said), "{said}: {}", notice.text);
    }
}
