//! What a command says of a slip: a store that is not there, a lead that nobody knows, a list with wrong rows.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::binaries::binary;
use crate::faults::process::{Place, eventually};

fn programs() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../programs").to_owned()
}

#[tokio::test]
async fn a_store_that_is_mistyped_is_no_empty_store() {
    let place = Place::new();
    for command in [
        &["audit"][..],
        &["report", "waterfall"],
        &["report", "sla"],
        &["tasks"],
        &["reps"],
        &["desk", "--queue", "sdr"],
        &["sending", "status"],
        &["quarantine", "list"],
        &["webhooks"],
        &["snippet", "disposition"],
        &["retain"],
        &["erase", "ada@example.com"],
        &["lead", "hand", "ada@example.com", "--to", "sdr"],
        &["lead", "enrol", "ada@example.com", "--program", "nurture"],
        &["lead", "exit", "ada@example.com"],
        &["program", "list"],
        &["program", "pause", "nurture"],
        &["test-send", "welcome", "response", "--to", "colleague@example.com"],
    ] {
        let said = place.perennial(command).await;
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{command:?}");
        assert!(said.error.starts_with("error: there is no such store: "), "{command:?}: {}", said.error);
        assert!(!fs::exists(place.path("perennial.db")).unwrap(), "{command:?} made one");
    }
    let pushed = place.perennial(&["push", &programs()]).await;
    assert_eq!(pushed.status, Some(0), "{}", pushed.error);
    assert_eq!(place.perennial(&["audit"]).await.status, Some(0));
}

#[tokio::test]
async fn a_lead_is_named_by_its_address_and_one_that_is_not_there_has_no_link() {
    let place = Place::new();
    let up = place.up_on(&programs()).await;
    up.post(&json!({ "email": "ada@example.com" })).await.unwrap();
    eventually("a link", async || {
        let link = place.perennial(&["desk", "--queue", "sdr", "--lead", "ada@example.com"]).await;
        (link.status == Some(0) && link.out.contains("/v1/desk/v1.")).then_some(())
    })
    .await;
    let nobody = place.perennial(&["desk", "--queue", "sdr", "--lead", "nobody@example.com"]).await;
    assert_eq!((nobody.status, nobody.out.as_str()), (Some(1), ""));
    assert_eq!(nobody.error, "no such lead is known here\n");

    fs::write(place.path("reps.toml"), include_str!("../../docs/examples/reps.toml")).unwrap();
    assert_eq!(place.perennial(&["reps", "apply", &place.path("reps.toml")]).await.status, Some(0));
    let handed = place.perennial(&["lead", "hand", "ada@example.com", "--to", "sam-poe"]).await;
    assert_eq!((handed.status, handed.out.as_str()), (Some(0), "sam-poe has it now\n"), "{}", handed.error);
    let others = place.perennial(&["desk", "--queue", "sdr", "--lead", "ada@example.com"]).await;
    assert_eq!((others.status, others.out.as_str()), (Some(1), ""));
    assert_eq!(others.error, "that desk does not see this lead: it is with somebody else\n");
    let unknown = place.perennial(&["lead", "hand", "nobody@example.com", "--to", "sdr"]).await;
    assert_eq!(unknown.status, Some(1), "{}{}", unknown.out, unknown.error);

    // What is printed is where this suite is, whatever its port.
    for door in ["event", "disposition"] {
        let said = place.perennial(&["snippet", door]).await;
        assert!(!said.out.contains("8700") && said.out.contains("curl http://127.0.0.1:"), "{}", said.out);
    }
    up.interrupt().await;
}

#[tokio::test]
async fn a_lead_is_put_into_a_program_and_taken_out_of_it_by_hand() {
    let place = Place::new();
    let (list, map) = (place.path("leads.csv"), place.path("leads.toml"));
    fs::write(&list, "Email\nada@example.com\n").unwrap();
    fs::write(&map, "form = 'list'\nlist = 'leads'\n[fields]\nemail = 'Email'").unwrap();
    assert_eq!(place.perennial(&["import", &list, "--map", &map, "--programs", &programs()]).await.status, Some(0));
    let enrol = async |more: &[&str]| {
        let said = place.perennial(&[&["lead", "enrol", "ada@example.com"], more].concat()).await;
        assert_eq!(said.error, "", "{more:?}");
        (said.status, said.out)
    };
    let (status, said) = enrol(&["--program", "newsletter", "--why", "She asked for it at the fair."]).await;
    assert_eq!(status, Some(0));
    assert!(said.starts_with("in `newsletter` now; `") && said.contains("` comes at 20"), "{said}");
    let again = (Some(1), "the lead is in `newsletter` already; `--again` begins it anew\n".to_owned());
    assert_eq!(enrol(&["--program", "newsletter"]).await, again);
    assert_eq!(enrol(&["--program", "newsletter", "--again"]).await.0, Some(0));
    let unknown = "no program `newsleter` is in force: did you mean `newsletter`?\n".to_owned();
    assert_eq!(enrol(&["--program", "newsleter"]).await, (Some(1), unknown));

    let exit = place.perennial(&["lead", "exit", "ada@example.com"]).await;
    assert_eq!(exit.status, Some(0), "{}{}", exit.out, exit.error);
    assert!(exit.out.starts_with("in `occasional` now; `"), "{}", exit.out);
    let nowhere = place.perennial(&["lead", "exit", "ada@example.com"]).await;
    assert_eq!(nowhere.status, Some(1), "{}", nowhere.out);
    assert!(nowhere.out.starts_with("nothing but `occasional` follows `occasional`"), "{}", nowhere.out);

    let nobody = place.perennial(&["lead", "enrol", "nobody@example.com", "--program", "nurture"]).await;
    assert_eq!((nobody.status, nobody.out.as_str()), (Some(1), "there is no such lead\n"));
    for wrong in [
        &["lead", "enrol", "no address", "--program", "nurture"][..],
        &["lead", "enrol", "ada@example.com", "--program", "No Program"],
        &["lead", "enrol", "ada@example.com"],
    ] {
        assert_eq!(place.perennial(wrong).await.status, Some(2), "{wrong:?}");
    }
    let long = "x".repeat(5_000);
    assert_eq!(place.perennial(&["lead", "exit", "ada@example.com", "--why", &long]).await.status, Some(2));
    // Why stands where what is personal stands, and is part of what the person may have.
    let export = place.perennial(&["export", "ada@example.com"]).await;
    assert!(export.out.contains("She asked for it at the fair."), "{}", export.error);
    assert_eq!(export.out.matches("enrolment.directed").count(), 3, "{}", export.out);
    assert_eq!(place.perennial(&["audit"]).await.status, Some(0));
}

#[tokio::test]
async fn a_program_is_paused_and_goes_on_and_that_it_is_paused_stands_wherever_somebody_looks() {
    let place = Place::new();
    assert_eq!(place.perennial(&["push", &programs()]).await.status, Some(0));
    let paused = place.perennial(&["program", "pause", "nurture"]).await;
    assert_eq!(paused.status, Some(0), "{}", paused.error);
    assert!(paused.out.starts_with("`nurture` is paused within a minute; "), "{}", paused.out);
    assert_eq!(place.perennial(&["program", "pause", "nurture"]).await.out, "`nurture` is paused already\n");
    for look in [&["sending", "status"][..], &["audit"], &["report", "waterfall"]] {
        let said = place.perennial(look).await;
        assert_eq!(said.status, Some(0), "{look:?}: {}", said.error);
        assert!(said.out.contains("program `nurture` is paused since 20"), "{look:?}: {}", said.out);
        assert!(said.out.contains("`perennial program resume nurture`"), "{look:?}: {}", said.out);
    }
    let list = place.perennial(&["program", "list"]).await;
    let line = list.out.lines().find(|line| line.starts_with("nurture ")).unwrap();
    assert!(line.contains("0 leads   paused since 20"), "{}", list.out);
    let json: serde_json::Value =
        serde_json::from_str(&place.perennial(&["program", "list", "--json"]).await.out).unwrap();
    let since = |program: &str| {
        let mut programs = json.as_array().unwrap().iter();
        programs.find(|it| it["program"] == program).unwrap()["paused_since"].clone()
    };
    assert!(since("nurture").is_string() && since("welcome").is_null(), "{json}");
    // A push is no word on it.
    assert_eq!(place.perennial(&["push", &programs()]).await.status, Some(0));
    let resumed = place.perennial(&["program", "resume", "nurture"]).await;
    assert_eq!(resumed.out, "`nurture` goes on; what waits is looked at again within 4 hours\n");
    assert_eq!(place.perennial(&["program", "resume", "nurture"]).await.out, "`nurture` is not paused\n");
    assert!(!place.perennial(&["audit"]).await.out.contains("paused"));
    let unknown = place.perennial(&["program", "pause", "nuture"]).await;
    let said = "no program `nuture` is in force: did you mean `nurture`?\n";
    assert_eq!((unknown.status, unknown.out.as_str()), (Some(1), said));
}

#[tokio::test]
async fn rows_that_are_refused_are_wrong_data() {
    let place = Place::new();
    let write = |name: &str, text: &str| fs::write(place.path(name), text).unwrap();
    write("leads.csv", "Email\nada@example.com\nno address\n");
    write("leads.toml", "form = 'list'\nlist = 'leads'\n[fields]\nemail = 'Email'");
    write("done.csv", "Email,Status\nada@example.com,Won\nben@example.com,Won\n");
    write("done.toml", "list = 'done'\nemail = 'Email'\nstatus = 'Status'\n[words]\nwon = ['Won']");
    let import = |list: &'static str| {
        let (list, map) = (place.path(&format!("{list}.csv")), place.path(&format!("{list}.toml")));
        (list, map)
    };
    let (list, map) = import("leads");
    let wrong = place.perennial(&["import", &list, "--map", &map]).await;
    assert_eq!(wrong.status, Some(1), "{}{}", wrong.out, wrong.error);
    assert!(
        wrong.out.contains("received            1") && wrong.out.contains("refused             1"),
        "{}",
        wrong.out
    );
    fs::write(&list, "Email\nada@example.com\n").unwrap();
    assert_eq!(place.perennial(&["import", &list, "--map", &map]).await.status, Some(0));

    let (list, map) = import("done");
    let wrong = place.perennial(&["dispositions", "import", &list, "--map", &map]).await;
    assert_eq!(wrong.status, Some(1), "{}{}", wrong.out, wrong.error);
    assert!(wrong.out.contains("unknown_lead: 1"), "{}", wrong.out);
    fs::write(&map, "list = 'done'\nemail = 'Wer'\nstatus = 'Was'\n[words]\nwon = ['Won']").unwrap();
    let unbound = place.perennial(&["dispositions", "import", &list, "--map", &map]).await;
    assert_eq!(unbound.status, Some(2));
    assert_eq!(unbound.error.matches("the columns are `Email`, `Status`").count(), 1, "{}", unbound.error);
    assert!(
        !unbound.error.contains("Error:") && unbound.error.contains("the list has no column `Was`"),
        "{}",
        unbound.error
    );
}

#[tokio::test]
async fn whoever_has_read_enough_of_a_report_gets_no_error() {
    let place = Place::new();
    assert_eq!(place.perennial(&["push", &programs()]).await.status, Some(0));
    let mut command = Command::new(binary("perennial"));
    command.args(["report", "waterfall", "--store", &place.path("perennial.db")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}
