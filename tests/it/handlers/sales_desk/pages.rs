//! The pages behind signed links.

use perennial_app::direct::Director;
use perennial_core::decide::Direction;
use perennial_core::event::Event;
use perennial_core::ids::{FieldName, ProgramName};
use perennial_core::lead::{EmailReach, LifecycleStage, PauseCause, PhoneReach, TaskKind};
use perennial_core::policy::TurnbackReason;
use perennial_core::profile::Answers;
use perennial_core::token::Purpose;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::handlers::ingest_lead::logs::Log;
use crate::scenarios::world::{berlin, keyring};

/// Robin's link to a lead.
pub(super) fn robins(world: &World, lead: &LeadId) -> String {
    format!("/v1/desk/{}", lead_token(world, lead, Seat::Rep(rep("robin"))))
}

impl Answer {
    pub(super) fn title(&self) -> &str {
        self.body.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or(&self.body)
    }

    fn nonce(&self) -> &str {
        self.body.split("name=\"nonce\" value=\"").nth(1).unwrap().split('"').next().unwrap()
    }

    /// What stands above the page.
    pub(super) fn said(&self) -> &str {
        let notice = self.body.split("autofocus>").nth(1).unwrap_or_default();
        let notice = notice.split("</p>").next().unwrap();
        notice.rsplit("\">").next().unwrap().trim_end_matches("</a>")
    }

    /// The values of the buttons that tell something, in order, each once.
    pub(super) fn buttons(&self) -> Vec<&str> {
        let mut values = Vec::new();
        for button in self.body.split("<button").skip(1) {
            let head = button.split('>').next().unwrap();
            let value = head.split("value=\"").nth(1).and_then(|rest| rest.split('"').next());
            if let Some(value) = value.filter(|value| !values.contains(value)) {
                values.push(value);
            }
        }
        values
    }
}

/// Presses a button on the page as it is now.
pub(super) async fn press(world: &World, path: &str, body: &str) -> Answer {
    let page = call(world, get(path)).await;
    call(world, post(path, &format!("nonce={}&{body}", page.nonce()))).await
}

// --- A GET changes nothing (P5), and a page is a page -----------------------------------------------------

#[tokio::test]
async fn p5_whoever_only_looks_changes_nothing() {
    let (world, ada) = with_ada().await;
    let before = stored(&world, &ada).await;
    let history = world.history(&ada).await;
    for path in [robins(&world, &ada), format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("robin"))))] {
        for method in ["GET", "HEAD"] {
            let mut event = get(&path);
            event["requestContext"]["http"]["method"] = json!(method);
            let answer = call(&world, event).await;
            assert_eq!((answer.status, answer.body.is_empty()), (200, method == "HEAD"), "{method}");
        }
        let mut query = get(&path);
        query["rawQueryString"] = json!("outcome=won&nonce=x");
        call(&world, query).await;
        let mut put = get(&path);
        put["requestContext"]["http"]["method"] = json!("PUT");
        assert_eq!(call(&world, put).await.status, 405);
    }
    assert_eq!(stored(&world, &ada).await, before);
    assert_eq!(world.history(&ada).await, history);
}

#[tokio::test]
async fn a_page_is_small_has_no_script_and_nothing_from_elsewhere() {
    let (world, ada) = with_ada().await;
    // Much to tell, and a note as long as notes may be.
    for number in 0..40 {
        let (by, outcome) = (Party::Rep { rep: rep("robin") }, Outcome::Connected);
        let note = (number == 0).then(|| "lift ".repeat(399));
        let key = number.to_string();
        let told = perennial_app::desk::Told {
            by,
            lead: ada.clone(),
            outcome,
            note,
            happened_at: None,
            is_status: false,
            key,
        };
        world.functions.sales.desk.dispose(&told).await.unwrap();
    }
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("name=\"viewport\""));
    for foreign in ["<script", "<img", "<link", "http://", "https://", "url(", "@import", " onclick", "javascript:"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
    assert!(page.body.len() < 30_000, "{} bytes", page.body.len());
    assert!(page.body.contains("more before that"), "what is older is counted");
    let headers = &page.headers;
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["cache-control"], "no-store");
    let policy = headers["content-security-policy"].as_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
}

// --- What the page shows -----------------------------------------------------------------------------------

#[tokio::test]
async fn the_page_says_who_it_is_why_now_by_when_and_how_to_reach_them() {
    let (world, ada) = with_ada().await;
    let page = call(&world, get(&robins(&world, &ada))).await;
    assert_eq!(page.title(), "Ada Marsh");
    for said in [
        "desk of Robin Vale",
        "Marsh Lifts",
        "Ready for sales",
        "They asked to be contacted.",
        // In London, where Robin is, it is an hour earlier than in Berlin.
        "Call them, by today, 09:05</strong> <span class=\"soft at\">in 5 min",
        "href=\"tel:+4930901820\"",
        "href=\"mailto:ada@example.com\"",
        "Please call me.",
        "Asked to be contacted",
        "Mail: “Your message to Example Ltd”",
        "“Welcome” began.",
        "Went to Robin Vale.",
        "its link works until 1 May 2026",
    ] {
        assert!(page.body.contains(said), "{said}\n{}", page.body);
    }
}

#[tokio::test]
async fn what_comes_next_is_said_with_its_day() {
    let (world, ada) = with_ada().await;
    let page = call(&world, get(&robins(&world, &ada))).await;
    let next = page.body.split("What comes next</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(next.contains("Welcome: “Where I would start”"), "{next}");
    assert!(next.contains("Tue 3 Mar"), "{next}");
}

#[tokio::test]
async fn a_way_to_the_person_stands_there_only_where_they_may_be_reached_by_it() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = press(&world, &path, "outcome=do_not_call").await;
    assert!(!page.body.contains("tel:") && page.body.contains("they want no calls"), "{}", page.body);
    assert_eq!(stored(&world, &ada).await.lead.phone, PhoneReach::DoNotCall);
    assert!(page.body.contains("mailto:"));
    world.unsubscribe(&ada).await;
    // Nobody may reach Ada any more: she is only listened to, and the link is the queue's or nobody's.
    assert_eq!(stored(&world, &ada).await.lead.email, EmailReach::Unsubscribed);
    let page = call(&world, get(&path)).await;
    assert!(!page.body.contains("mailto:ada") && !page.body.contains("tel:"), "{}", page.body);
}

#[tokio::test]
async fn only_what_can_be_done_where_the_lead_stands_is_offered() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let ready = call(&world, get(&path)).await;
    let offers = |page: &Answer, names: &[&str]| names.iter().all(|name| page.buttons().contains(name));
    assert!(offers(&ready, &["accepted", "connected", "no_answer", "qualified", "timing", "not_a_fit", "held"]));
    for absent in ["won", "lost", "resumed", "done", "no_response"] {
        assert!(!ready.buttons().contains(&absent), "{absent}");
    }
    assert!(ready.body.contains("No response: after 3 attempts, so 3 more."));

    let taken = press(&world, &path, "outcome=accepted").await;
    assert!(offers(&taken, &["qualified", "won", "timing"]) && !offers(&taken, &["accepted"]));
    let deal = press(&world, &path, "outcome=qualified").await;
    assert!(offers(&deal, &["won", "lost"]) && !offers(&deal, &["qualified"]));
    let customer = press(&world, &path, "outcome=won").await;
    assert!(offers(&customer, &["accepted"]));
    assert!(!offers(&customer, &["timing"]) && !offers(&customer, &["not_a_fit"]) && !offers(&customer, &["lost"]));
    assert_eq!(stored(&world, &ada).await.lead.stage, LifecycleStage::Customer);
    world.assert_sound().await;
}

#[tokio::test]
async fn h31_names_notes_and_messages_are_text_and_nothing_else() {
    let world = World::of(staffed(), NOW).await;
    let fields = json!({
        "email": "eve@example.com", "first_name": "<script>alert(1)</script>", "company": "\"><img src=x>",
        "message": "{{ facts.guide_url }}",
    });
    let eve = world.post(fields).await;
    give(&world, &eve, "robin").await;
    let path = robins(&world, &eve);
    press(&world, &path, "act=note&note=%3C%2Fp%3E%3Cscript%3E").await;
    let page = call(&world, get(&path)).await;
    assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
    assert!(page.body.contains("&lt;script&gt;alert(1)") && page.body.contains("&lt;/p&gt;&lt;script&gt;"));
}

// --- What a press does -------------------------------------------------------------------------------------

#[tokio::test]
async fn the_queues_link_of_the_samples_tells_an_attempt_with_a_note_once() {
    let world = World::of(shipped(), NOW).await;
    let ada = world.post(serde_json::from_str(sample("form-json.json")["body"].as_str().unwrap()).unwrap()).await;
    for name in ["desk-get.json", "desk-lead-get.json"] {
        let page = call(&world, sample(name)).await;
        assert_eq!(page.status, 200, "{name}: {}", page.body);
        assert_eq!(page.body.contains("class=\"back\""), name == "desk-lead-get.json", "only a list is a way back");
    }
    let log = Log::at(LevelFilter::INFO);
    for time in ["first", "second"] {
        let page = call(&world, sample("desk-post.json")).await;
        assert_eq!(page.status, 200, "{time}: {}", page.body);
    }
    assert_eq!(told(&world, &ada).await, ["no_answer"]);
    let after = stored(&world, &ada).await;
    assert_eq!(after.lead.cycle.attempts, 1);
    assert_eq!(after.profile.notes.len(), 1);
    assert_eq!(after.profile.notes[0].text, "Try again after two.");
    assert_eq!(after.profile.notes[0].by, "sdr");
    assert!(!log.text().contains("Try again") && !log.text().contains("v1.k1."), "{}", log.text());
    assert!(log.text().contains("sales told of a lead"));
    world.assert_sound().await;
}

#[tokio::test]
async fn the_same_press_twice_is_one_outcome_and_another_press_is_another() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    let body = format!("nonce={}&outcome=busy", page.nonce());
    let first = call(&world, post(&path, &body)).await;
    assert_eq!(first.said(), "Saved: busy.");
    let second = call(&world, post(&path, &body)).await;
    assert_eq!(second.said(), "We had that already. Nothing was counted twice.");
    assert_eq!(told(&world, &ada).await, ["busy"]);
    // Back to the page before, and another button of it.
    call(&world, post(&path, &format!("nonce={}&outcome=connected", page.nonce()))).await;
    // And once more from the page that came: they called again.
    press(&world, &path, "outcome=busy").await;
    assert_eq!(told(&world, &ada).await, ["busy", "connected", "busy"]);
    let nothing = call(&world, post(&path, "outcome=won")).await;
    assert_eq!((nothing.status, nothing.said()), (422, "The page was not complete. Please press once more."));
    let two_notes = call(&world, get(&path)).await;
    for _ in 0..2 {
        call(&world, post(&path, &format!("nonce={}&act=note&note=Once", two_notes.nonce()))).await;
    }
    assert_eq!(stored(&world, &ada).await.profile.notes.len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn every_outcome_has_its_press() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let touch = world.last_mail(&ada).touch;
    for (body, name) in [
        ("outcome=no_answer".to_owned(), "no_answer"),
        ("outcome=left_voicemail".to_owned(), "left_voicemail"),
        ("outcome=wrote".to_owned(), "wrote"),
        ("outcome=call_back&due_at=2026-03-03T14%3A00".to_owned(), "call_back"),
        ("outcome=connected".to_owned(), "connected"),
        ("outcome=meeting_booked&meet_at=2026-03-04T11%3A30".to_owned(), "meeting_booked"),
        ("outcome=resumed".to_owned(), "resumed"),
        ("outcome=held&until=2026-03-20".to_owned(), "held"),
        ("outcome=revisit&on=2026-09-01".to_owned(), "revisit"),
        (format!("outcome=unhelpful&touch={touch}"), "unhelpful"),
        ("outcome=qualified".to_owned(), "qualified"),
        ("outcome=lost&reason=x".to_owned(), "lost"),
    ] {
        let page = press(&world, &path, &body).await;
        assert_eq!(page.status, 200, "{body}: {}", page.said());
        assert_eq!(told(&world, &ada).await.last(), Some(&name), "{body}");
        world.assert_sound().await;
    }
    let after = stored(&world, &ada).await;
    assert_eq!(after.lead.stage, LifecycleStage::Recycled);
    let page = call(&world, get(&path)).await;
    assert!(page.body.contains("marked: does not help") || !page.body.contains("Does not help"), "said once");
}

#[tokio::test]
async fn times_are_those_of_whoever_gives_them() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    press(&world, &path, "outcome=call_back&due_at=2026-03-03T14%3A00").await;
    let task = stored(&world, &ada).await.lead.task.unwrap();
    // Two in the afternoon in London.
    assert_eq!((task.kind, task.due_at), (TaskKind::Call, berlin("2026-03-03 15:00")));
    let page = call(&world, get(&path)).await;
    assert!(page.body.contains("Call them, by Tue 3 Mar, 14:00"), "{}", page.body);

    press(&world, &path, "outcome=held&until=2026-03-20").await;
    let pause = stored(&world, &ada).await.lead.enrolment.unwrap().paused.unwrap();
    assert_eq!((pause.cause, pause.resume_at), (PauseCause::RepHold, berlin("2026-03-20 10:00")));
    let page = call(&world, get(&path)).await;
    assert!(page.body.contains("Our mails stand still until Fri 20 Mar, 09:00: sales asked for it."), "{}", page.body);
}

#[tokio::test]
async fn a_lead_goes_back_in_one_press_with_the_day_that_was_named() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = press(&world, &path, "outcome=turned_back&date=2026-09-01&note=After+the+summer.&reason=timing").await;
    assert_eq!(page.status, 200);
    let said = "Turned back: not now. Back at their next sign, from 2 Aug 2026 at the earliest; at once if they ask. \
                They get “When the time comes”.";
    assert_eq!(page.said(), said);
    assert!(page.body.contains("<dt>Come back on</dt><dd>1 Sep 2026</dd>"), "{}", page.body);
    let after = stored(&world, &ada).await;
    assert_eq!(after.lead.stage, LifecycleStage::Recycled);
    assert_eq!(after.lead.turnback.unwrap().reason, TurnbackReason::Timing);
    assert_eq!(after.profile.fields[&FieldName::parse("revisit_at").unwrap()], "2026-09-01");
    assert_eq!(after.profile.notes.last().unwrap().text, "After the summer.");
    let (by, outcome) = last_told(&world, &ada).await;
    assert_eq!((by, outcome.name()), (Party::Rep { rep: rep("robin") }, "turned_back"));
    assert!(page.buttons().contains(&"accepted"), "a press by mistake is mended by another");
    world.assert_sound().await;
}

#[tokio::test]
async fn each_reason_says_what_it_leads_to() {
    let (world, ada) = with_ada().await;
    let page = call(&world, get(&robins(&world, &ada))).await;
    for (reason, leads_to) in [
        ("timing", "Back 30 days before the day; without one, after 60 days."),
        ("no_interest", "They get “Occasional”. Back only when they ask."),
        ("evaluating", "Back on their next sign, after 14 days at the earliest."),
        ("bad_phone", "All goes on, and we ask them for another number."),
    ] {
        let button = page.body.split(&format!("value=\"{reason}\">")).nth(1).unwrap();
        assert!(button.split("</button>").next().unwrap().contains(leads_to), "{reason}: {button}");
    }
}

#[tokio::test]
async fn answers_that_do_not_hold_are_ticked_and_asked_again() {
    let world = World::of(staffed(), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "first_name": "Ada" })).await;
    give(&world, &ada, "robin").await;
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    assert!(!page.buttons().contains(&"bad_answers"), "nothing was answered that could be wrong");
    let answers = [("company_size", "1-9")].map(|(name, answer)| (FieldName::parse(name).unwrap(), answer.to_owned()));
    world.functions.engagement.listener.answered(&ada, Answers(answers.into())).await.unwrap();
    let unticked = press(&world, &path, "outcome=turned_back&reason=bad_answers").await;
    assert_eq!((unticked.status, unticked.said()), (422, "Please tick the answers that do not hold."));
    let body = "outcome=turned_back&fields=company_size&reason=bad_answers";
    assert_eq!(press(&world, &path, body).await.status, 200);
    let after = stored(&world, &ada).await;
    assert!(after.profile.doubted.contains(&FieldName::parse("company_size").unwrap()));
    assert_eq!(after.lead.turnback.unwrap().reason, TurnbackReason::BadAnswers);
}

const TOO_FAR: &str = "That is too far ahead. Please choose an earlier day, or turn it back with that date.";

#[tokio::test]
async fn what_is_refused_is_said_and_what_was_filled_in_stays() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let before = stored(&world, &ada).await;
    let history = world.history(&ada).await;
    let late = press(&world, &path, "outcome=turned_back&date=2026-02-01&note=Next+year&reason=no_budget").await;
    assert_eq!((late.status, late.said()), (422, "That day or time is over."));
    assert!(late.body.contains("role=\"alert\"") && late.body.contains("href=\"#turn-back\""));
    assert!(late.body.contains("id=\"turn-back\" open"), "where it can be mended is open");
    assert!(late.body.contains("value=\"2026-02-01\"") && late.body.contains(">Next year</textarea>"));

    for (body, said) in [
        ("outcome=turned_back&reason=other", "Please say in a note what it is."),
        (
            "outcome=turned_back&reason=no_response",
            "It is too early to call it silence: that takes 3 attempts, and there were 0.",
        ),
        ("outcome=turned_back&reason=sla_expired", "That is a reason that only the suite gives."),
        ("outcome=call_back&due_at=", "Please give a day and a time."),
        ("outcome=call_back&due_at=2031-01-01T10%3A00", TOO_FAR),
        ("outcome=held&until=2027-03-01", TOO_FAR),
        ("outcome=revisit&on=soon", "Please give a day."),
        ("outcome=everything", "The page is not up to date. Please press once more."),
        ("act=note&note=++", "Please say in a note what it is."),
        ("act=hand_over&to=rep/sam", "Please choose somebody from the list."),
        ("act=hand_over&to=nobody", "Please choose somebody from the list."),
    ] {
        let page = press(&world, &path, body).await;
        assert_eq!((page.status, page.said()), (422, said), "{body}");
    }
    let long = press(&world, &path, &format!("act=note&note={}", "x".repeat(2_001))).await;
    assert_eq!((long.status, long.said()), (422, "A note has at most 2,000 characters."));
    assert_eq!(stored(&world, &ada).await, before);
    assert_eq!(world.history(&ada).await, history);
}

#[tokio::test]
async fn a_body_that_is_no_form_or_too_long_is_refused() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let mut json_body = post(&path, "{}");
    json_body["headers"]["content-type"] = json!("application/json");
    assert_eq!(call(&world, json_body).await.status, 415);
    assert_eq!(call(&world, post(&path, &"x".repeat(40_000))).await.status, 413);
    assert!(told(&world, &ada).await.is_empty());
}

#[tokio::test]
async fn a_mail_that_does_not_help_is_marked_on_its_own_line() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    let page = call(&world, get(&path)).await;
    let touch = world.last_mail(&ada).touch;
    assert!(
        page.body.contains(&format!(
            "name=\"touch\" value=\"{touch}\" aria-label=\"“Your message to Example Ltd” does not help"
        )),
        "{}",
        page.body
    );
    let page = press(&world, &path, &format!("outcome=unhelpful&touch={touch}")).await;
    assert!(page.body.contains("marked: does not help") && !page.body.contains(&format!("value=\"{touch}\"")));
    assert!(world.events(&ada).await.contains(&Event::Disposed {
        by: Party::Rep { rep: rep("robin") },
        outcome: Outcome::Unhelpful { touch },
        happened_at: None
    }));
}

// --- Whose it is (H42), and whose link (H23) ---------------------------------------------------------------

#[tokio::test]
async fn h42_reps_see_their_own_and_their_teams_leads_and_nobody_elses() {
    let (world, ada) = with_ada().await;
    let log = Log::at(LevelFilter::INFO);
    let of = |name: &str| format!("/v1/desk/{}", lead_token(&world, &ada, Seat::Rep(rep(name))));
    for name in ["robin", "kim", "lee"] {
        assert_eq!(call(&world, get(&of(name))).await.status, 200, "{name}");
    }
    let before = stored(&world, &ada).await;
    for name in ["sam", "gone", "nobody"] {
        let page = call(&world, get(&of(name))).await;
        assert_eq!((page.status, page.title()), (404, "There is nothing here for you"), "{name}");
        assert!(!page.body.contains("Ada") && !page.body.contains("Marsh"), "{name}");
        let pressed = call(&world, post(&of(name), "nonce=n&outcome=won")).await;
        assert_eq!(pressed.status, 404, "{name}");
    }
    let queues = format!("/v1/desk/{}", lead_token(&world, &ada, Seat::Queue(queue("sdr"))));
    assert_eq!(call(&world, get(&queues)).await.status, 404, "a rep has it, not the queue");
    assert_eq!(stored(&world, &ada).await, before);
    let lines = log.text();
    assert_eq!(lines.matches("a lead was asked for that is not theirs").count(), 5, "{lines}");
    assert_eq!(lines.matches("token.refused").count(), 2, "nobody has a mailbox of that name: {lines}");
    assert!(lines.contains("desk.denied") && lines.contains(ada.as_str()) && lines.contains("sam"), "{lines}");
    assert!(!lines.contains("ada@example.com") && !lines.contains("Marsh"), "{lines}");
}

#[tokio::test]
async fn h42_what_a_queue_holds_for_a_team_is_its_teams_and_nobody_elses() {
    let world = World::of(staffed(), NOW).await;
    let ada = ada_posts(&world).await;
    let sdr = Ownership::Queue { queue: queue("sdr") };
    world.functions.sales.desk.hand_over(&Party::Operator, &ada, sdr).await.unwrap();
    let path = |seat| format!("/v1/desk/{}", lead_token(&world, &ada, seat));
    for (seat, status) in [
        (Seat::Queue(queue("sdr")), 200),
        (Seat::Queue(queue("other")), 404),
        (Seat::Rep(rep("robin")), 200),
        (Seat::Rep(rep("lee")), 200),
        (Seat::Rep(rep("sam")), 404),
    ] {
        assert_eq!(call(&world, get(&path(seat.clone()))).await.status, status, "{seat:?}");
    }
    // Whoever of the team acts on it has it, and the queue no longer does.
    press(&world, &path(Seat::Rep(rep("kim"))), "outcome=accepted").await;
    assert_eq!(stored(&world, &ada).await.lead.rep(), Some(&rep("kim")));
    assert_eq!(call(&world, get(&path(Seat::Queue(queue("sdr"))))).await.status, 404);
    world.assert_sound().await;
}

#[tokio::test]
async fn h42_a_link_ends_with_the_lead_that_is_given_to_another_team() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    give(&world, &ada, "sam").await;
    assert_eq!(call(&world, get(&path)).await.status, 404);
    // Robin can give it within the team; then the page goes on to be theirs.
    give(&world, &ada, "robin").await;
    let page = press(&world, &path, "act=hand_over&to=rep/kim").await;
    assert_eq!((page.status, page.said()), (200, "The lead is with Kim Ost now."));
    assert_eq!(stored(&world, &ada).await.lead.rep(), Some(&rep("kim")));
    assert!(page.body.contains("with Kim Ost"));
    world.assert_sound().await;
}

#[tokio::test]
async fn the_page_of_a_lead_in_a_paused_program_promises_nothing() {
    let (mut world, ada) = with_ada().await;
    let program = world.lead(&ada).await.enrolment.unwrap().program;
    let title = world.catalog().programs[&program].title.clone();
    let paused = Arc::new([(program, berlin(NOW))].into());
    world.redeploy(Catalog { paused, ..world.catalog().clone() });
    let page = call(&world, get(&robins(&world, &ada))).await;
    let says = format!("{title}: nothing until it goes on. It is paused, by whoever runs the mails.");
    assert!(page.body.contains(&says), "{}", page.body);
}

#[tokio::test]
async fn what_an_operator_did_by_hand_is_on_the_page_with_what_they_said() {
    let (world, ada) = with_ada().await;
    let (store, library, clock) =
        (world.store.clone(), world.functions.sales.desk.library.clone(), world.clock.clone());
    let director = Director { store, library, clock };
    let occasional: ProgramName = "occasional".parse().unwrap();
    let into = Direction::Into(occasional.clone());
    let stands = director.direct(&Party::Operator, &ada, &into, Some("Not before spring.")).await.unwrap().unwrap();
    assert_eq!(stands.program, occasional);
    let page = call(&world, get(&robins(&world, &ada))).await;
    let title = &world.catalog().programs[&occasional].title;
    assert!(page.body.contains(&format!("Operator: put into “{title}” by hand.")), "{}", page.body);
    assert!(page.body.contains("Not before spring."), "{}", page.body);
    let history = world.history(&ada).await;
    assert_eq!(history.last().unwrap().cause, "directed");
    world.assert_sound().await;
}

#[tokio::test]
async fn h23_a_token_that_is_cut_forged_or_of_another_purpose_opens_nothing() {
    let (world, ada) = with_ada().await;
    let good = lead_token(&world, &ada, Seat::Rep(rep("robin")));
    let payload = format!("{ada}/rep/robin/1772438400");
    let bad = [
        good[..good.len() - 2].to_owned(),
        good.replacen("k1", "k9", 1),
        format!("{good}="),
        keyring().sign(Purpose::Unsubscribe, &payload),
        keyring().sign(Purpose::Desk, &format!("{ada}/rep/robin")),
        keyring().sign(Purpose::Desk, &payload),
        keyring().sign(Purpose::Desk, &format!("{ada}/admin/robin/1772438400")),
        keyring().sign(Purpose::Desk, "list/rep/Robin/1772438400"),
        String::new(),
    ];
    let log = Log::at(LevelFilter::INFO);
    for token in &bad {
        for event in [get(&format!("/v1/desk/{token}")), post(&format!("/v1/desk/{token}"), "nonce=n&outcome=won")] {
            let page = call(&world, event).await;
            assert_eq!((page.status, page.title()), (400, "This link is not complete"), "{token}");
            assert!(page.body.contains("mailto:"));
        }
    }
    assert_eq!(log.text().matches("token.refused").count(), bad.len() * 2);
    assert!(told(&world, &ada).await.is_empty());
    // A lead's link is good for that lead only.
    assert_eq!(call(&world, get(&format!("/v1/desk/{good}/{ada}"))).await.status, 404);
}

#[tokio::test]
async fn h42_a_link_ends_with_the_mailbox_that_it_was_made_for() {
    let (mut world, ada) = with_ada().await;
    let robin = Seat::Rep(rep("robin"));
    let links = [robins(&world, &ada), format!("/v1/desk/{}", list_token(&world, robin))];
    for link in &links {
        assert_eq!(call(&world, get(link)).await.status, 200);
    }
    // Robin is gone, and somebody else comes who is called so in the roster.
    let mut roster = Roster::clone(&staffed().roster);
    roster.reps.get_mut(&rep("robin")).unwrap().sender =
        Sender { name: "Robin Gale".to_owned(), address: "robin.gale@perennial.example".to_owned() };
    let mut catalog = staffed();
    catalog.roster = Arc::new(roster);
    world.redeploy(catalog);
    let before = world.notifier.notices().len();
    for link in &links {
        for event in [get(link), post(link, "nonce=n&outcome=won")] {
            let page = call(&world, event).await;
            assert_eq!((page.status, page.title()), (404, "There is nothing here for you"));
            assert!(!page.body.contains("Ada") && !page.body.contains("Gale"), "{}", page.body);
        }
    }
    assert_eq!((told(&world, &ada).await.len(), world.notifier.notices().len()), (0, before));
    assert_eq!(call(&world, get(&robins(&world, &ada))).await.status, 200, "the new one has links of their own");
    // A fresh link cannot be had by the old one either, when that is too old.
    world.clock.set(berlin("2026-05-02 10:00"));
    assert_eq!(call(&world, post(&links[0], "")).await.status, 404);
    assert_eq!(world.notifier.notices().len(), before);
}

#[tokio::test]
async fn a_link_that_says_it_was_made_tomorrow_opens_nothing() {
    let (world, ada) = with_ada().await;
    let link = |ahead: i64| {
        let made_at = made_at(&world) + jiff::SignedDuration::from_mins(ahead);
        let list = ListRef { seat: Seat::Rep(rep("robin")), made_at };
        get(&format!("/v1/desk/{}", token_of(&list.link(&letterhead(), world.catalog()))))
    };
    assert_eq!(call(&world, link(5)).await.status, 200, "the clocks of two functions differ a little");
    let page = call(&world, link(6)).await;
    assert_eq!(page.status, 410, "{}", page.body);
    assert!(!page.body.contains(ada.as_str()));
}

#[tokio::test]
async fn a_link_is_good_for_sixty_days_and_says_so() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    world.clock.set(berlin("2026-05-01 10:00"));
    assert_eq!(call(&world, get(&path)).await.status, 200);
    world.clock.set(berlin("2026-05-01 11:10"));
    let sent_before = world.notifier.notices().len();
    let page = call(&world, get(&path)).await;
    assert_eq!((page.status, page.title()), (410, "This link is too old"));
    assert!(page.body.contains("good for 60 days") && page.body.contains("Send a fresh link"), "{}", page.body);
    assert!(!page.body.contains("Ada"), "nothing of the lead is on it");
    assert_eq!(world.notifier.notices().len(), sent_before, "whoever only looks sends nothing");
}

#[tokio::test]
async fn a_fresh_link_goes_to_the_mailbox_of_whoever_the_old_one_was_for_and_nowhere_else() {
    let (world, ada) = with_ada().await;
    let (path, list) = (robins(&world, &ada), format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("robin")))));
    let (others, gones) = (lead_token(&world, &ada, Seat::Rep(rep("sam"))), list_token(&world, Seat::Rep(rep("gone"))));
    world.clock.set(berlin("2026-05-02 10:00"));
    let before = world.notifier.notices().len();
    // Whatever the old link is posted with, it tells nothing of the lead.
    for body in ["nonce=n&outcome=won", "", "to=eve%40example.com"] {
        let page = call(&world, post(&path, body)).await;
        assert_eq!((page.status, page.title()), (200, "It is on its way"));
        assert!(!page.body.contains("/v1/desk/"), "the link is not on the page: {}", page.body);
    }
    assert!(told(&world, &ada).await.is_empty());
    let notices = world.notifier.notices();
    assert_eq!(notices.len(), before + 1, "once a day");
    let notice = notices.last().unwrap();
    assert_eq!(
        (notice.to.as_str(), notice.subject.as_str()),
        ("robin.vale@perennial.example", "A fresh link to your desk")
    );
    let link = notice.text.split_whitespace().find(|word| word.contains("/v1/desk/")).unwrap();
    let fresh = link.trim_matches(['(', ')', '<', '>']).strip_prefix("https://perennial.example").unwrap();
    assert_eq!(call(&world, get(fresh)).await.title(), "Ada Marsh");

    assert_eq!(call(&world, post(&list, "")).await.title(), "It is on its way");
    assert_eq!(world.notifier.notices().len(), before + 2);
    for token in [others, gones] {
        assert_eq!(call(&world, post(&format!("/v1/desk/{token}"), "")).await.status, 404);
    }
    assert_eq!(world.notifier.notices().len(), before + 2, "nothing is sent to whoever has nothing there");
}

#[tokio::test]
async fn a_second_press_for_a_fresh_link_is_answered_as_the_first_while_that_is_under_way() {
    let (world, ada) = with_ada().await;
    let path = robins(&world, &ada);
    world.clock.set(berlin("2026-05-02 10:00"));
    // Nobody knows whether it went out, as while the first press is under way.
    world.notifier.answer_next(perennial_core::decide::SendOutcome::Ambiguous);
    assert_eq!(call(&world, post(&path, "")).await.status, 503);
    assert_eq!(call(&world, post(&path, "")).await.title(), "It is on its way");
}

#[tokio::test]
async fn a_task_to_write_has_its_draft_on_the_page() {
    let world = World::of(staffed(), NOW).await;
    let ada = world.post(json!({ "email": "ada@example.com", "first_name": "Ada" })).await;
    give(&world, &ada, "robin").await;
    let path = robins(&world, &ada);
    press(&world, &path, "outcome=accepted").await;
    // Acceleration has a mail that the rep writes, from a draft.
    let mut days = 0;
    while stored(&world, &ada).await.lead.task.is_none_or(|task| task.touch.step.as_str() != "what-speaks-against-it") {
        days += 1;
        assert!(days < 40, "the task to write comes");
        let told = perennial_app::desk::Told {
            by: Party::Rep { rep: rep("robin") },
            lead: ada.clone(),
            outcome: Outcome::Done,
            note: None,
            happened_at: None,
            is_status: false,
            key: days.to_string(),
        };
        world.functions.sales.desk.dispose(&told).await.unwrap();
        let day = made_at(&world) + jiff::SignedDuration::from_hours(24);
        world
            .live_until(
                &day.to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").unwrap()).strftime("%Y-%m-%d %H:%M").to_string(),
            )
            .await;
    }
    let page = call(&world, get(&robins(&world, &ada))).await;
    assert!(page.body.contains("Write to them, by"), "{}", page.body);
    assert!(page.body.contains("href=\"mailto:ada@example.com?subject="), "{}", page.body);
    assert!(page.body.contains("A draft for it</summary>"), "{}", page.body);
}

// --- The list ------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_list_shows_what_waits_the_most_urgent_first_and_leads_to_each() {
    let (world, ada) = with_ada().await;
    let ben = world.post(json!({ "email": "ben@example.com", "phone": "+49 30 901821", "first_name": "Ben" })).await;
    give(&world, &ben, "robin").await;
    press(&world, &robins(&world, &ben), "outcome=call_back&due_at=2026-03-09T09%3A00").await;
    press(&world, &robins(&world, &ada), "outcome=call_back&due_at=2026-03-03T09%3A00").await;
    let cat = world.post(json!({ "email": "cat@example.com", "phone": "+49 30 901822", "first_name": "Cat" })).await;
    give(&world, &cat, "sam").await;

    let list = format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("robin"))));
    let page = call(&world, get(&list)).await;
    assert_eq!((page.status, page.title()), (200, "Your leads"), "{}", page.body);
    let (ada_at, ben_at) = (page.body.find("Ada Marsh").unwrap(), page.body.find("<strong>Ben").unwrap());
    assert!(ada_at < ben_at && !page.body.contains("<strong>Cat"), "{}", page.body);

    let to_ada = format!("{list}/{ada}");
    assert!(page.body.contains(&format!("href=\"{to_ada}\"")));
    let lead = call(&world, get(&to_ada)).await;
    assert_eq!((lead.status, lead.title()), (200, "Ada Marsh"));
    assert!(lead.body.contains(&format!("<a href=\"{list}\">← All my leads</a>")));
    assert_eq!(press(&world, &to_ada, "outcome=accepted").await.said(), "The lead is yours.");
    // Another team's is not to be had by way of a list either (H42).
    assert_eq!(call(&world, get(&format!("{list}/{cat}"))).await.status, 404);
    assert_eq!(call(&world, get(&format!("{list}/not-a-lead"))).await.status, 404);
    assert_eq!(call(&world, post(&list, "nonce=n&outcome=won")).await.status, 405);
}

#[tokio::test]
async fn an_empty_list_says_so_and_whoever_left_has_none() {
    let world = World::of(staffed(), NOW).await;
    let empty = call(&world, get(&format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("kim")))))).await;
    assert!(empty.status == 200 && empty.body.contains("Nothing waits for you."), "{}", empty.body);
    let gone = call(&world, get(&format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("gone")))))).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn h43_a_list_goes_on_only_where_it_left_off() {
    let world = World::of(staffed(), NOW).await;
    let list = format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("kim"))));
    let others = keyring().sign(Purpose::Cursor, "rep/robin/x");
    for query in ["after=x", "after=v1.k1.e30.x", "pk=LEAD%23", "after=%ff", &format!("after={others}")] {
        let mut event = get(&list);
        event["rawQueryString"] = json!(query);
        assert_eq!(call(&world, event).await.status, 400, "{query}");
    }
}

// --- P7 --------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn p7_nothing_personal_is_in_a_log_or_in_an_address() {
    let (world, ada) = with_ada().await;
    let log = Log::ours();
    let path = robins(&world, &ada);
    press(&world, &path, "outcome=connected&note=canary-note").await;
    press(&world, &path, "outcome=turned_back&date=2026-09-01&reason=timing&note=canary-note").await;
    let list = format!("/v1/desk/{}", list_token(&world, Seat::Rep(rep("robin"))));
    let page = call(&world, get(&list)).await;
    for text in ["ada@example.com", "Ada", "Marsh", "901820", "canary-note", "v1.k1."] {
        assert!(!log.text().contains(text), "{text}");
    }
    let links = page.body.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for link in links {
        assert!(!link.contains("ada") && !link.contains("Marsh"), "{link}");
    }
}
