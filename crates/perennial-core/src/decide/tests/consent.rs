//! Who is asked to confirm, and what follows; what people switch off; who is erased and comes back.

use super::*;
use crate::consent::{OPT_IN_MAX, Pace};
use crate::ids::TopicName;

const LETTER: &str = r#"
[opt_in]
subject = "One click"
body = "[Yes, write to me]({{ confirm_url }})"
text = "You may write to me."
wait = "10d"
"#;

const BERLIN: &str = "\n[regions.here]\nzones = [\"Europe/\"]\ncountries = [\"Germany\"]\nopt_in = \"double\"\n";

const IMPLIED: &str = "\n[consent]\nimplied_consent = \"60d\"\n";

/// A program of an answer, and two mails; the catalog says more.
fn catalog_with(more: &str, head: &str) -> Arc<Catalog> {
    let answer = "[[step]]\nid = \"one\"\nkind = \"email\"\nclass = \"response\"\nafter = \"0m\"\n".to_owned();
    let program = format!("{HEAD}{head}{answer}") + &email("two", "after = \"1d\"") + &email("three", "after = \"2d\"");
    let mut files = files_with(&program);
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.push_str(more);
    }
    let (catalog, found) = parse(&files);
    Arc::new(catalog.unwrap_or_else(|| panic!("{found:#?}")))
}

fn asked() -> Life {
    Life::with(catalog_with(&format!("{LETTER}{BERLIN}"), ""), &[("country", "Germany")])
}

#[test]
fn whoever_must_confirm_gets_the_answer_and_the_question_and_the_rest_after_a_yes() {
    let mut life = asked();
    life.passes(3);
    life.meet(&Stimulus::OptedIn { text: Some(ConsentText::of("You may write to me.")) });
    life.passes(2);
    insta::assert_snapshot!(life.story, @r"
    Mon 03-02 10:00 is asked to confirm
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 puts two off: AwaitingConsent
    Mon 03-02 10:00 MAIL confirm (1_opt-in_confirm_0)
    Thu 03-05 10:00 CONSENT Confirmed
    Thu 03-05 10:00 MAIL two (1_welcome_two_0)
    Thu 03-05 10:00 puts three off: FrequencyCap
    ");
    assert_eq!(life.lead.unwrap().email, EmailReach::Ok);
}

/// A program of an answer and a mail that somebody writes by hand, where everybody must confirm.
fn asked_by_hand(phone: &[(&str, &str)]) -> Life {
    let by_hand = "[[step]]\nid = \"two\"\nkind = \"personal_mail\"\nafter = \"1d\"\ndue_in = \"1d\"\n";
    let answer = "[[step]]\nid = \"one\"\nkind = \"email\"\nclass = \"response\"\nafter = \"0m\"\n";
    let mut files = files_with(&format!("{HEAD}{answer}{by_hand}{}", email("three", "after = \"20d\"")));
    for file in files.iter_mut().filter(|file| file.path == "catalog.toml") {
        file.text.extend([LETTER, BERLIN]);
    }
    let (catalog, found) = parse(&files);
    let catalog = Arc::new(catalog.unwrap_or_else(|| panic!("{found:#?}")));
    Life::with(catalog, &[&[("country", "Germany")], phone].concat())
}

#[test]
fn nobody_writes_by_hand_to_whoever_has_not_said_yes_but_calls_or_waits_for_it() {
    let mut life = asked_by_hand(&[]);
    life.passes(3);
    life.meet(&Stimulus::OptedIn { text: None });
    life.passes(0);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 is asked to confirm
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 MAIL confirm (1_opt-in_confirm_0)
    Tue 03-03 10:00 puts two off: AwaitingConsent
    Thu 03-05 10:00 CONSENT Confirmed
    Thu 03-05 10:00 TASK Write (1_welcome_two_0)
    ");
    let mut life = asked_by_hand(&[("phone", "+49 30 7654 3210")]);
    life.passes(1);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 is asked to confirm
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 MAIL confirm (1_opt-in_confirm_0)
    Tue 03-03 10:00 TASK Call (1_welcome_two_0)
    Tue 03-03 10:00 puts three off: AwaitingConsent
    ");
    let mut life = asked_by_hand(&[]);
    life.passes(12);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 is asked to confirm
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 MAIL confirm (1_opt-in_confirm_0)
    Tue 03-03 10:00 puts two off: AwaitingConsent
    Thu 03-12 10:00 CONSENT ends
    Thu 03-12 10:00 leaves welcome: Suppressed
    Thu 03-12 10:00 is only listened to
    ");
}

#[test]
fn whoever_is_let_out_of_quarantine_by_a_sign_is_asked_first_where_that_is_the_rule() {
    let catalog = catalog_with(&format!("{LETTER}{BERLIN}"), "");
    let mut life = Life::with(catalog, &[("country", "Germany"), ("junk", "")]);
    life.signals(SignalKind::MeetingBooked);
    let lead = life.lead.unwrap();
    assert_eq!((lead.stage, lead.email), (LifecycleStage::Inquiry, EmailReach::Unconfirmed));
}

#[test]
fn a_question_that_nobody_answers_ends_the_mail_and_a_late_yes_still_counts() {
    let mut life = asked();
    life.passes(12);
    life.meet(&Stimulus::OptedIn { text: None });
    life.passes(2);
    insta::assert_snapshot!(life.story, @r"
    Mon 03-02 10:00 is asked to confirm
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 puts two off: AwaitingConsent
    Mon 03-02 10:00 MAIL confirm (1_opt-in_confirm_0)
    Thu 03-12 10:00 CONSENT ends
    Thu 03-12 10:00 leaves welcome: Suppressed
    Thu 03-12 10:00 is only listened to
    Sat 03-14 10:00 CONSENT Confirmed
    Sat 03-14 10:00 is spoken to again
    Sat 03-14 10:00 starts occasional at reading
    Sat 03-14 10:00 puts reading off: QuietHours
    ");
}

#[test]
fn a_yes_is_heard_once() {
    let mut life = asked();
    life.passes(1);
    life.meet(&Stimulus::OptedIn { text: None });
    assert!(life.decide(&Stimulus::OptedIn { text: None }).events.is_empty());
}

#[test]
fn however_often_an_address_is_posted_it_gets_three_opt_in_mails_ever_and_one_a_day() {
    let mut life = asked();
    for _ in 0..60 {
        for _ in 0..5 {
            life.posts(&[("country", "Germany"), ("consent", "You may write to me.")]);
        }
        life.passes(1);
    }
    assert_eq!(life.story.matches("MAIL confirm").count(), 3, "{}", life.story);
    assert_eq!(life.lead.unwrap().opt_in.asked, OPT_IN_MAX);
}

#[test]
fn after_an_unsubscribe_only_a_ticked_box_and_a_yes_bring_mail_back() {
    let mut life = Life::with(catalog_with(LETTER, ""), &[]);
    life.passes(0);
    life.meet(&Stimulus::Unsubscribed);
    life.posts(&[("first_name", "Ada")]);
    life.passes(2);
    life.posts(&[("consent", "You may write to me.")]);
    life.passes(2);
    life.meet(&Stimulus::OptedIn { text: None });
    life.passes(1);
    insta::assert_snapshot!(life.story, @r"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 leaves welcome: Suppressed
    Mon 03-02 10:00 is only listened to
    Wed 03-04 10:00 is asked to confirm
    Wed 03-04 10:00 MAIL confirm (1_opt-in_confirm_0)
    Fri 03-06 10:00 CONSENT Confirmed
    Fri 03-06 10:00 is spoken to again
    Fri 03-06 10:00 starts welcome at one
    Fri 03-06 10:00 MAIL one (2_welcome_one_0)
    Fri 03-06 10:00 puts two off: FrequencyCap
    ");
}

#[test]
fn an_old_link_does_not_undo_an_unsubscribe() {
    let mut life = asked();
    life.passes(1);
    life.meet(&Stimulus::OptedIn { text: None });
    life.meet(&Stimulus::Unsubscribed);
    assert!(life.decide(&Stimulus::OptedIn { text: None }).events.is_empty());
}

#[test]
fn implied_consent_runs_out_by_itself_and_another_form_renews_it() {
    let mut life = Life::with(catalog_with(IMPLIED, ""), &[]);
    life.passes(30);
    life.posts(&[]);
    life.passes(45);
    assert_eq!(life.lead.as_ref().unwrap().email, EmailReach::Ok);
    life.passes(30);
    let lead = life.lead.unwrap();
    assert_eq!((lead.email, lead.stage), (EmailReach::NoConsent, LifecycleStage::Disqualified));
    assert_eq!(life.story.matches("CONSENT").count(), 3, "{}", life.story);
}

#[test]
fn whoever_gets_in_touch_after_consent_ran_out_is_nurtured_again() {
    let mut life = Life::with(catalog_with(IMPLIED, ""), &[]);
    life.passes(70);
    assert_eq!(life.lead.as_ref().unwrap().stage, LifecycleStage::Disqualified);
    life.posts(&[]);
    let lead = life.lead.unwrap();
    assert_eq!((lead.email, lead.stage), (EmailReach::Ok, LifecycleStage::Inquiry));
    assert!(lead.enrolment.is_some());
}

#[test]
fn a_program_may_ask_everybody_to_confirm() {
    let life = Life::with(catalog_with(LETTER, "opt_in = \"double\"\n"), &[]);
    assert_eq!(life.lead.unwrap().email, EmailReach::Unconfirmed);
}

#[test]
fn a_topic_that_is_switched_off_ends_its_program_and_less_often_is_less_often() {
    let mut life = Life::with(catalog_with("", "topic = \"prices\"\n"), &[]);
    let off = BTreeSet::from([TopicName::parse("prices").unwrap()]);
    let preferences = Preferences { off, pace: Pace::LessOften, ..Preferences::default() };
    life.meet(&Stimulus::Preferred { preferences: preferences.clone(), language: None });
    assert!(life.decide(&Stimulus::Preferred { preferences, language: None }).events.is_empty());
    life.passes(60);
    insta::assert_snapshot!(life.story, @r"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 chooses
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 puts two off: FrequencyCap
    Mon 03-16 10:00 leaves welcome: Stopped
    Mon 03-16 10:00 starts occasional at reading
    Mon 04-27 10:00 MAIL reading (2_occasional_reading_0)
    ");
}

#[test]
fn an_erased_person_who_comes_back_starts_a_new_life_and_is_asked_anew() {
    let mut life = Life::with(catalog_with(LETTER, ""), &[("first_name", "Ada")]);
    life.passes(0);
    life.meet(&Stimulus::EraseRequested);
    assert_eq!(life.lead.as_ref().unwrap().next_action_at(), None);
    assert!(life.profile.as_ref().unwrap().email.is_none());
    assert!(life.decide(&Stimulus::EraseRequested).events.is_empty());
    life.passes(30);
    life.posts(&[]);
    life.passes(1);
    life.meet(&Stimulus::OptedIn { text: None });
    life.passes(2);
    insta::assert_snapshot!(life.story, @r"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 MAIL one (1_welcome_one_0)
    Mon 03-02 10:00 is erased
    Wed 04-01 11:00 is only listened to
    Wed 04-01 11:00 is asked to confirm
    Wed 04-01 11:00 MAIL confirm (1_opt-in_confirm_0)
    Thu 04-02 11:00 CONSENT Confirmed
    Thu 04-02 11:00 is spoken to again
    Thu 04-02 11:00 starts welcome at one
    Thu 04-02 11:00 MAIL one (2_welcome_one_0)
    Fri 04-03 11:00 MAIL two (2_welcome_two_0)
    Fri 04-03 11:00 puts three off: FrequencyCap
    ");
    assert_eq!(life.lead.unwrap().life, 2);
}

#[test]
fn an_address_that_a_list_forbids_is_nobody_until_somebody_comes_in_under_it() {
    let mut life = Life::with(catalog_with(LETTER, ""), &[]);
    let lead = life.lead.take().unwrap().id;
    life.profile = None;
    life.meet(&Stimulus::Suppressed { lead: lead.clone(), cause: EmailReach::Unsubscribed });
    let nobody = life.lead.clone().unwrap();
    assert_eq!((nobody.life, nobody.stage, nobody.next_action_at()), (0, LifecycleStage::Erased, None));
    life.posts(&[]);
    let somebody = life.lead.unwrap();
    assert_eq!((somebody.life, somebody.email), (1, EmailReach::Unsubscribed));
}
