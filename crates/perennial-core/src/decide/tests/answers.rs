//! People answer questions: what they say is kept, and the program takes it for the sign that it is.

use super::*;
use crate::profile::Answers;

fn answers(pairs: &[(&str, &str)]) -> Stimulus {
    let of = |(field, answer): &(&str, &str)| (FieldName::parse(field).unwrap(), (*answer).to_owned());
    Stimulus::Answered { answers: Answers(pairs.iter().map(of).collect()) }
}

/// A program that waits for an answer, and goes by it.
fn asking() -> Life {
    let wait = "[[step]]\nid = \"wait\"\nkind = \"wait_until\"\nsignal = \"answered\"\ntimeout = \"30d\"\n\
                goto = \"which\"\non_timeout = \"two\"\n";
    let branch = "[[step]]\nid = \"which\"\nkind = \"branch\"\nelse = \"two\"\n\
                  case = [{ when = { field = \"company\", is = \"Heck\" }, goto = \"heck\" }]\n";
    let heck = "[[step]]\nid = \"heck\"\nkind = \"alert\"\nmessage = \"Heck has answered\"\n";
    Life::of(&(wait.to_owned() + branch + heck + &email("two", "after = \"1d\"")))
}

#[test]
fn an_answer_is_kept_and_ends_the_wait_for_it() {
    let mut life = asking();
    life.passes(2);
    life.meet(&answers(&[("company", "Heck")]));
    insta::assert_snapshot!(life.story, @r#"
    Mon 03-02 10:00 starts welcome at wait
    Wed 03-04 10:00 answers {FieldName("company")}
    Wed 03-04 10:00 ALERT Heck has answered
    Wed 03-04 10:00 ALERT Moment Now
    "#);
    let profile = life.profile.clone().unwrap();
    let company = FieldName::parse("company").unwrap();
    assert_eq!((profile.fields[&company].as_str(), profile.answers_at[&company]), ("Heck", life.now));
    assert_eq!(life.lead.unwrap().signals[&SignalKind::Answered], life.now);
}

#[test]
fn the_newer_answer_wins_whoever_gave_the_older() {
    let mut life = Life::with(catalog(&email("one", "after = \"1d\"")), &[("company", "Brown"), ("first_name", "Ada")]);
    life.now += SignedDuration::from_hours(1);
    life.meet(&answers(&[("company", "Heck")]));
    let profile = life.profile.unwrap();
    let known: Vec<&str> = profile.fields.values().map(String::as_str).collect();
    assert_eq!(known, ["Heck", "Ada"]);
}

#[test]
fn the_same_post_again_changes_nothing() {
    let mut life = asking();
    life.meet(&answers(&[("company", "Heck")]));
    life.now += SignedDuration::from_mins(9);
    life.meet(&Stimulus::Due);
    let again = life.decide(&answers(&[("company", "Heck")]));
    assert!(again.events.is_empty() && again.profile.is_none());
    life.now += SignedDuration::from_mins(2);
    assert!(!life.decide(&answers(&[("company", "Heck")])).events.is_empty(), "later it is an answer again");
}

#[test]
fn what_nobody_asks_for_and_what_an_erased_person_answers_is_not_taken() {
    let mut life = asking();
    for pairs in [&[][..], &[("first_name", "Eve")], &[("revisit_at", "2030-01-01")], &[("score", "9")]] {
        let decision = life.decide(&answers(pairs));
        assert!(decision.events.is_empty() && decision.profile.is_none(), "{pairs:?}");
    }
    life.meet(&Stimulus::EraseRequested);
    let decision = life.decide(&answers(&[("company", "Heck")]));
    assert!(decision.events.is_empty() && decision.profile.is_none());
}
