//! Mails to look at: what they are, and all that they are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use perennial_app::memory::RecordingNotifier;
use perennial_app::ports::{Clock as _, Notice};
use perennial_app::preview::{NoMail, Sample};
use perennial_app::trial::{MARK, Trial, TrialError, TrialMail};
use perennial_core::catalog::Catalog;
use perennial_core::contact::EmailAddress;
use perennial_core::decide::SendOutcome;
use perennial_core::event::{DeferReason, FailReason};
use perennial_core::ids::{Language, ProgramName};
use perennial_core::loader::{SourceFile, parse};
use perennial_core::program::Action;
use perennial_core::testing;
use serde_json::{Value, json};

use crate::faults::process::{Place, eventually};
use crate::scenarios::world::{World, berlin, pepper, shipped};

fn colleague() -> EmailAddress {
    EmailAddress::parse("colleague@example.com").unwrap()
}

/// A desk for sending tests, and what it hands over.
fn desk(world: &World) -> (Trial, Arc<RecordingNotifier>) {
    let notifier = Arc::new(RecordingNotifier::default());
    let (store, clock) = (world.store.clone(), world.clock.clone());
    (Trial { store, notifier: notifier.clone(), pepper: pepper(), clock }, notifier)
}

fn mail(catalog: &Catalog, program: &str, step: &str) -> TrialMail {
    TrialMail {
        program: program.parse().unwrap(),
        step: step.parse().unwrap(),
        template: None,
        language: None,
        sample: Sample::known(catalog, berlin("2026-03-02 10:00")),
    }
}

#[tokio::test]
async fn every_mail_of_every_program_can_be_looked_at_and_none_of_it_counts_for_anybody() {
    let world = World::of(shipped(), "2026-03-02 10:00").await;
    let ada = world.post(json!({ "email": "colleague@example.com" })).await;
    let (history, lead) = (world.history(&ada).await, world.lead(&ada).await);
    let catalog = world.catalog();
    let (desk, notifier) = desk(&world);
    let mut expected = 0;
    for program in catalog.programs.values() {
        for step in program.steps.iter().filter(|step| step.action.mail_class().is_some()) {
            for template in step.templates() {
                for sample in [Sample::known(catalog, world.clock.now()), Sample::unknown()] {
                    let (program, step) = (program.name.clone(), step.id.clone());
                    let mail = TrialMail { program, step, template: Some(template.clone()), language: None, sample };
                    let subject = desk.send(catalog, &mail, &colleague()).await.unwrap();
                    assert!(subject.starts_with("[Test] "), "{subject}");
                    expected += 1;
                }
            }
        }
    }
    let notices = notifier.notices();
    assert_eq!(notices.len(), expected);
    assert!(expected > 30, "{expected}");
    let senders: BTreeSet<String> = catalog.senders().iter().map(ToString::to_string).collect();
    for Notice { from_address, to, subject, text, html, headers, .. } in notices {
        assert_eq!((to.as_str(), headers.len()), ("colleague@example.com", 1), "{headers:?}");
        assert_eq!(headers[0].0, "Auto-Submitted", "nothing that a mail program would unsubscribe by");
        assert!(senders.contains(from_address.rsplit('@').next().unwrap()), "{from_address}");
        for body in [&text, &html] {
            assert!(!body.contains("{{"), "{subject}: {body}");
            // A link to ourselves leads nowhere.
            for path in perennial_app::mail::TOKEN_PATHS {
                let links = body.match_indices(path).map(|(at, _)| &body[..at]);
                links
                    .for_each(|before| assert!(before.ends_with("https://your-domain.example"), "{subject}: {before}"));
            }
        }
        assert!(text.contains("https://your-domain.example/v1/unsubscribe/"), "{subject}: {text}");
    }
    assert_eq!(world.history(&ada).await, history, "the lead of that address heard nothing of it");
    assert_eq!(world.lead(&ada).await, lead);
    assert_eq!(world.mailer.handed_over().len(), 1, "the mailer of touches had its first mail to do");
    world.assert_sound().await;
}

#[tokio::test]
async fn no_test_goes_to_whoever_wants_no_mail_or_where_none_arrives() {
    let world = World::at("2026-03-02 10:00").await;
    let (desk, notifier) = desk(&world);
    let mail = mail(world.catalog(), "welcome", "response");
    let send = async |address: &str| desk.send(world.catalog(), &mail, &EmailAddress::parse(address).unwrap()).await;
    let out = world.post(json!({ "email": "out@example.com" })).await;
    world.unsubscribe(&out).await;
    let gone = world.post(json!({ "email": "gone@example.com" })).await;
    world.hear("ses-bounce-permanent.json", &gone).await;
    let angry = world.post(json!({ "email": "angry@example.com" })).await;
    world.hear("ses-complaint.json", &angry).await;
    for (address, why) in [("out", "wants no mail"), ("gone", "bounced for good"), ("angry", "complained")] {
        let error = send(&format!("{address}@example.com")).await.unwrap_err().to_string();
        assert!(error.starts_with("no mail goes to that address") && error.contains(why), "{error}");
    }
    assert!(matches!(send("rené@example.com").await, Err(TrialError::NotMailable)));
    assert_eq!(notifier.notices(), []);
    assert!(send("fine@example.com").await.is_ok());
}

#[tokio::test]
async fn what_is_no_mail_is_said_and_nothing_is_sent() {
    let world = World::of(shipped(), "2026-03-02 10:00").await;
    let catalog = world.catalog();
    let (desk, notifier) = desk(&world);
    let refused = async |mail: TrialMail| match desk.send(catalog, &mail, &colleague()).await {
        Err(TrialError::NoMail(none)) => none,
        other => panic!("{other:?}"),
    };
    let of_kind = |is: &dyn Fn(&Action) -> bool| {
        let mut all =
            catalog.programs.values().flat_map(|program| program.steps.iter().map(move |step| (program, step)));
        let (program, step) = all.find(|(_, step)| is(&step.action)).unwrap();
        mail(catalog, program.name.as_str(), step.id.as_str())
    };
    assert!(matches!(refused(mail(catalog, "nuture", "response")).await, NoMail::NoProgram { .. }));
    assert!(matches!(refused(mail(catalog, "welcome", "nothing")).await, NoMail::NoStep { .. }));
    assert_eq!(refused(of_kind(&|action| matches!(action, Action::Call { .. }))).await, NoMail::NotAMail);
    assert_eq!(refused(of_kind(&|action| matches!(action, Action::PersonalMail { .. }))).await, NoMail::Draft);
    let several = of_kind(&|action| matches!(action, Action::Recur { mails, .. } if mails.len() > 1));
    let NoMail::Several { known } = refused(several.clone()).await else { panic!("there are several") };
    let other = TrialMail { template: Some("nothing".parse().unwrap()), ..several.clone() };
    assert!(matches!(refused(other).await, NoMail::NoTemplate { .. }));
    let german = TrialMail { language: Some(language("de")), template: Some(known[0].clone()), ..several };
    assert_eq!(refused(german).await, NoMail::NotInLanguage(language("de")));
    assert_eq!(notifier.notices(), []);
}

fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

#[tokio::test]
async fn a_mail_is_looked_at_in_each_language_that_it_has() {
    let mut files = testing::files();
    let german = "+++\nsubject = \"Ihre Nachricht\"\nfrom = \"rep\"\n+++\nGuten Tag.\n";
    files.push(SourceFile { path: "welcome/touches/response.de.md".to_owned(), text: german.to_owned() });
    let file = files.iter_mut().find(|file| file.path == "catalog.toml").unwrap();
    file.text.push_str("\n[languages.de]\nreason = \"Sie haben uns geschrieben.\"\nunsubscribe_label = \"Abmelden\"\n");
    let (catalog, found) = parse(&files);
    let catalog = catalog.unwrap_or_else(|| panic!("{found:#?}"));
    let world = World::of(catalog, "2026-03-02 10:00").await;
    let (desk, notifier) = desk(&world);
    for tag in ["de", "de-at", "en"] {
        let mail = TrialMail { language: Some(language(tag)), ..mail(world.catalog(), "welcome", "response") };
        desk.send(world.catalog(), &mail, &colleague()).await.unwrap();
    }
    let subjects: Vec<String> = notifier.notices().into_iter().map(|notice| notice.subject).collect();
    let german = format!("{MARK} Ihre Nachricht");
    assert_eq!(subjects, [german.clone(), german, format!("{MARK} Your message to Example Ltd")]);
    assert!(notifier.notices()[0].text.contains("Abmelden"));
}

#[tokio::test]
async fn what_ses_says_is_passed_on_and_a_paused_program_can_be_tested() {
    let world = World::at("2026-03-02 10:00").await;
    let (desk, notifier) = desk(&world);
    let welcome: ProgramName = "welcome".parse().unwrap();
    let paused = Arc::new([(welcome, berlin("2026-03-02 09:00"))].into());
    let catalog = Catalog { paused, ..world.catalog().clone() };
    let mail = mail(&catalog, "welcome", "link");
    let send = async |outcome| {
        notifier.answer_next(outcome);
        desk.send(&catalog, &mail, &colleague()).await
    };
    assert!(matches!(send(SendOutcome::Refused(FailReason::Rejected)).await, Err(TrialError::Refused(_))));
    assert!(matches!(send(SendOutcome::NotYet(DeferReason::Throttled)).await, Err(TrialError::NotNow(_))));
    assert!(matches!(send(SendOutcome::Ambiguous).await, Err(TrialError::Ambiguous(_))));
    let taken = send(SendOutcome::Accepted { message_id: "0107".to_owned() }).await;
    assert_eq!(taken.unwrap(), "[Test] A guide for Analytical Engines Ltd");
}

#[tokio::test]
async fn on_one_machine_a_test_lands_in_the_mailbox() {
    let place = Place::new();
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../programs");
    let test_send = async |more: &[&str]| {
        let said = place.perennial(&[&["test-send", "welcome", "response"], more].concat()).await;
        (said.status, said.out, said.error)
    };
    let to = &["--to", "colleague@example.com"][..];
    assert_eq!(place.perennial(&["push", programs]).await.status, Some(0));
    let (status, _, error) = test_send(to).await;
    assert_eq!(status, Some(2));
    assert!(error.contains("nobody would take the mail: run `perennial up` first"), "{error}");

    let up = place.up_on(programs).await;
    let (status, said, error) = test_send(to).await;
    assert_eq!(status, Some(0), "{said}{error}");
    assert!(said.starts_with("sent to colleague@example.com: [Test] "), "{said}");
    let letters: Vec<Value> = eventually("the mail", async || {
        let all = up.all_letters().await;
        (!all.is_empty()).then_some(all)
    })
    .await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0]["touch"].is_null() && letters[0]["lead"].is_null(), "{letters:?}");
    assert!(letters[0]["subject"].as_str().unwrap().starts_with("[Test] "), "{letters:?}");

    // From a directory, pushed or not.
    let (status, said, error) = test_send(&[to, &["--programs", programs, "--blank"]].concat()).await;
    assert_eq!(status, Some(0), "{said}{error}");
    for (wrong, status) in [
        (&["test-send", "welcom", "response", "--to", "a@example.com"][..], 1),
        (&["test-send", "welcome", "respons", "--to", "a@example.com"], 1),
        (&["test-send", "welcome", "response", "--to", "no address"], 2),
        (&["test-send", "welcome", "response"], 2),
        (&["test-send", "welcome", "response", "--to", "a@example.com", "--lead", "not-there.toml"], 2),
        (&["test-send", "welcome", "response", "--to", "a@example.com", "--programs", "/not-there"], 2),
    ] {
        assert_eq!(place.perennial(wrong).await.status, Some(status), "{wrong:?}");
    }
    let typo = place.perennial(&["test-send", "welcome", "respons", "--to", "a@example.com"]).await;
    assert_eq!(typo.out, "the program has no step `respons`: did you mean `response`?\n");
    assert_eq!(place.waterfall().await["received"], 0, "nobody is made a lead by it");
    up.interrupt().await;
}
