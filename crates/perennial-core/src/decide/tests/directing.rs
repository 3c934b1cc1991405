//! Leads that an operator sends into a program, or out of theirs, by hand.

use super::*;
use crate::sales::Outcome;

const WELCOME: &str = "[[step]]\nid = \"one\"\nkind = \"email\"\nafter = \"1d\"\n\n[[step]]\nid = \"two\"\nkind = \"email\"\nafter = \"1d\"\n";

fn name(text: &str) -> ProgramName {
    ProgramName::parse(text).unwrap()
}

fn into(program: &str) -> Direction {
    Direction::Into(name(program))
}

impl Life {
    /// Where a lead is sent. Why not, if it may not be: then nothing changes.
    fn directs(&mut self, direction: &Direction) -> Option<Misdirection> {
        let view =
            View { lead: self.lead.as_ref(), profile: self.profile.as_ref(), catalog: &self.catalog, loads: None };
        let refused = misdirection(&view, direction, self.now);
        let before = (self.lead.clone(), self.profile.clone());
        let note = Note { at: self.now, by: "operator".to_owned(), text: "They asked at the fair.".to_owned() };
        self.meet(&Stimulus::Directed { by: Party::Operator, direction: direction.clone(), note: Some(note) });
        assert_eq!(refused.is_some(), before == (self.lead.clone(), self.profile.clone()), "{refused:?}");
        refused
    }

    fn is_told(&mut self, outcome: Outcome) {
        let by = Party::Operator;
        self.meet(&Stimulus::Disposed { by, outcome, note: None, happened_at: None, is_status: false });
    }

    fn change(&mut self, change: impl FnOnce(&mut Catalog)) {
        let mut catalog = (*self.catalog).clone();
        change(&mut catalog);
        self.catalog = Arc::new(catalog);
    }
}

#[test]
fn whoever_is_put_into_a_program_is_out_of_the_one_they_were_in_and_there_is_a_note() {
    let mut life = Life::of(WELCOME);
    assert_eq!(life.directs(&into("occasional")), None);
    assert_eq!(life.profile.as_ref().unwrap().notes[0].text, "They asked at the fair.");
    life.passes(43);
    assert_eq!(life.directs(&into("welcome")), None);
    life.passes(1);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 BY HAND into occasional
    Mon 03-02 10:00 leaves welcome: Superseded
    Mon 03-02 10:00 starts occasional at reading
    Mon 04-13 10:00 MAIL reading (2_occasional_reading_0)
    Tue 04-14 11:00 BY HAND into welcome
    Tue 04-14 11:00 leaves occasional: Superseded
    Tue 04-14 11:00 starts welcome at one
    Wed 04-15 11:00 MAIL one (3_welcome_one_0)
    ");
}

#[test]
fn whoever_is_in_it_already_begins_anew_only_where_that_is_meant_and_no_touch_comes_twice() {
    let mut life = Life::of(WELCOME);
    life.passes(1);
    assert_eq!(life.directs(&into("welcome")), Some(Misdirection::InItAlready(name("welcome"))));
    assert_eq!(life.directs(&Direction::Anew(name("welcome"))), None);
    life.passes(2);
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Tue 03-03 10:00 MAIL one (1_welcome_one_0)
    Tue 03-03 10:00 BY HAND into welcome
    Tue 03-03 10:00 leaves welcome: Superseded
    Tue 03-03 10:00 starts welcome at one
    Wed 03-04 10:00 MAIL one (2_welcome_one_0)
    Thu 03-05 10:00 MAIL two (2_welcome_two_0)
    Thu 03-05 10:00 leaves welcome: Completed
    Thu 03-05 10:00 starts occasional at reading
    ");
}

#[test]
fn whoever_is_taken_out_goes_on_to_what_follows_and_never_nowhere() {
    let mut life = Life::of(WELCOME);
    assert_eq!(life.directs(&Direction::Out), None);
    assert_eq!(life.directs(&Direction::Out), Some(Misdirection::NoWayOut(name("occasional"))));
    insta::assert_snapshot!(life.story, @"
    Mon 03-02 10:00 starts welcome at one
    Mon 03-02 10:00 BY HAND out
    Mon 03-02 10:00 leaves welcome: Stopped
    Mon 03-02 10:00 starts occasional at reading
    ");
    // A program that follows itself is left for the last resort.
    let mut life = Life::of(WELCOME);
    life.change(|catalog| catalog.programs.get_mut(&name("welcome")).unwrap().then = name("welcome"));
    assert_eq!(life.directs(&Direction::Out), None);
    assert_eq!(life.lead.unwrap().enrolment.unwrap().program, name("occasional"));
}

#[test]
fn nobody_is_sent_into_what_is_not_there_is_not_wanted_or_is_over_before_it_begins() {
    let mut life = Life::of(WELCOME);
    assert_eq!(life.directs(&into("nurture")), Some(Misdirection::NoProgram(name("nurture"))));
    let topic = TopicName::parse("prices").unwrap();
    life.change(|catalog| catalog.programs.get_mut(&name("welcome")).unwrap().topic = Some(topic.clone()));
    let preferences = Preferences { off: [topic].into(), ..Preferences::default() };
    life.meet(&Stimulus::Preferred { preferences, language: None });
    life.meet(&Stimulus::Due);
    life.passes(2);
    assert_eq!(life.lead.as_ref().unwrap().enrolment.as_ref().unwrap().program, name("occasional"));
    assert_eq!(life.directs(&into("welcome")), Some(Misdirection::SwitchedOff(name("welcome"))));

    let goal = "goal = { when = { field = \"company\", known = true } }\n";
    let program = format!("{HEAD}{goal}{}", email("one", "after = \"1d\""));
    let mut known = Life::with(catalog(&program), &[("email", "ada@example.com"), ("company", "Acme")]);
    known.passes(2);
    assert_eq!(known.directs(&into("welcome")), Some(Misdirection::OverAlready(name("welcome"))));
}

#[test]
fn whom_sales_works_goes_only_into_a_program_that_writes_beside_sales() {
    let mut life = Life::of(WELCOME);
    life.is_told(Outcome::Accepted);
    life.change(|catalog| catalog.programs.get_mut(&name("occasional")).unwrap().beside_sales = false);
    assert_eq!(life.directs(&into("occasional")), Some(Misdirection::WithSales(name("occasional"))));
    life.change(|catalog| catalog.programs.get_mut(&name("occasional")).unwrap().beside_sales = true);
    assert_eq!(life.directs(&into("occasional")), None);
    assert_eq!(life.lead.as_ref().unwrap().stage, LifecycleStage::Sal, "sales keeps them");
    life.is_told(Outcome::Won);
    assert_eq!(life.directs(&into("welcome")), None, "a customer is whoever programs are for");
    life.meet(&Stimulus::Unsubscribed);
    assert_eq!(life.directs(&into("occasional")), Some(Misdirection::Unreachable));
}

#[test]
fn whoever_is_held_back_listened_to_or_gone_stays_so() {
    let mut life = Life::with(catalog(WELCOME), &[("email", "ada@example.com"), ("junk", "yes")]);
    for direction in [into("welcome"), Direction::Out] {
        assert_eq!(life.directs(&direction), Some(Misdirection::HeldBack));
    }
    life.passes(15);
    assert_eq!(life.directs(&into("welcome")), Some(Misdirection::NoSuchLead));
    let mut life = Life::of(WELCOME);
    life.meet(&Stimulus::Unsubscribed);
    for direction in [into("welcome"), Direction::Out] {
        assert_eq!(life.directs(&direction), Some(Misdirection::ListenedTo));
    }
    life.meet(&Stimulus::EraseRequested);
    assert_eq!(life.directs(&into("welcome")), Some(Misdirection::NoSuchLead));
    let view = View { lead: None, profile: None, catalog: &life.catalog, loads: None };
    assert_eq!(misdirection(&view, &Direction::Out, life.now), Some(Misdirection::NoSuchLead));
}

#[test]
fn a_mail_that_is_on_its_way_is_settled_first() {
    let mut life = Life::of(WELCOME);
    life.now += SignedDuration::from_hours(24);
    life.meet(&Stimulus::Due);
    let planned = life.decide(&Stimulus::Due).send.unwrap();
    let lease_until = life.now + SignedDuration::from_mins(2);
    let sending = crate::lead::Sending { touch: planned.touch, attempt: planned.attempt, lease_until };
    life.lead.as_mut().unwrap().sending = Some(sending);
    assert_eq!(life.directs(&into("occasional")), Some(Misdirection::MailOnItsWay));
    assert_eq!(life.directs(&Direction::Out), Some(Misdirection::MailOnItsWay));
}

#[test]
fn whoever_is_away_stays_away_in_the_program_they_are_put_into() {
    let mut life = Life::of(WELCOME);
    life.is_told(Outcome::Held { until: life.now + SignedDuration::from_hours(24 * 10) });
    assert_eq!(life.directs(&into("occasional")), None);
    assert!(life.lead.unwrap().enrolment.unwrap().paused.is_some());
}
