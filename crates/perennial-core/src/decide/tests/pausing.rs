//! Programs that an operator pauses.

use super::*;

const WELCOME: &str = "[[step]]\nid = \"one\"\nkind = \"email\"\nclass = \"response\"\nafter = \"0m\"\n\n[[step]]\nid = \"which\"\nkind = \"branch\"\nafter = \"1d\"\ncase = [{ when = { field = \"company\", is = \"acme\" }, goto = \"out\" }]\n\n[[step]]\nid = \"ring\"\nkind = \"call\"\nafter = \"0m\"\ndue_in = \"2d\"\n\n[[step]]\nid = \"tell\"\nkind = \"emit\"\nevent = \"welcomed\"\n\n[[step]]\nid = \"out\"\nkind = \"exit\"\n";

fn welcome() -> ProgramName {
    ProgramName::parse("welcome").unwrap()
}

impl Life {
    fn pause(&mut self) {
        let paused = [(welcome(), self.now)].into();
        self.catalog = Arc::new(Catalog { paused: Arc::new(paused), ..(*self.catalog).clone() });
    }

    fn resume(&mut self) {
        self.catalog = Arc::new(Catalog { paused: Arc::default(), ..(*self.catalog).clone() });
    }
}

/// In a paused program from the start.
fn paused(form: &[(&str, &str)]) -> Life {
    let catalog =
        Catalog { paused: Arc::new([(welcome(), Timestamp::UNIX_EPOCH)].into()), ..(*catalog(WELCOME)).clone() };
    Life::with(Arc::new(catalog), form)
}

#[test]
fn whoever_enters_a_paused_program_waits_at_its_first_touch_and_gets_all_of_it_later() {
    let mut life = paused(&[("email", "ada@example.com")]);
    assert_eq!(life.lead.as_ref().unwrap().enrolment.as_ref().unwrap().program, welcome());
    life.passes(1);
    // Looked at again every four hours, and never without a pulse.
    assert_eq!(life.story.matches("puts one off: ProgramPaused").count(), 7, "{}", life.story);
    life.story.clear();
    life.resume();
    life.passes(3);
    insta::assert_snapshot!(life.story, @"
    Tue 03-03 14:00 MAIL one (1_welcome_one_0)
    Wed 03-04 14:00 skips ring: NoPhone
    Wed 03-04 14:00 EVENT welcomed
    Wed 03-04 14:00 leaves welcome: Completed
    Wed 03-04 14:00 starts occasional at reading
    ");
}

#[test]
fn what_only_leads_on_is_done_and_what_anybody_would_notice_waits() {
    let mut life = Life::with(catalog(WELCOME), &[("email", "ada@example.com"), ("phone", "+49301234567")]);
    life.passes(0);
    life.pause();
    life.passes(2);
    assert_eq!(life.lead.as_ref().unwrap().enrolment.as_ref().unwrap().step.as_str(), "ring");
    assert!(life.lead.as_ref().unwrap().task.is_none() && !life.story.contains("EVENT"), "{}", life.story);
    life.resume();
    life.passes(1);
    assert!(life.story.contains("TASK Call") && life.story.contains("EVENT welcomed"), "{}", life.story);
}

#[test]
fn a_paused_program_still_hears_and_lets_go_of_whom_it_is_done_with() {
    let goal = "goal = { when = { signal = \"replied\" } }\n";
    let mut life = Life::of(&format!("{HEAD}{goal}{}", email("one", "after = \"1d\"")));
    life.pause();
    life.passes(2);
    life.signals(SignalKind::Replied);
    let enrolment = life.lead.as_ref().unwrap().enrolment.as_ref().unwrap();
    assert_eq!(enrolment.program.as_str(), "occasional", "{}", life.story);
    // Whatever sales is to hear of it hears.
    life.passes(1);
    assert!(life.story.contains("READY HumanReply"), "{}", life.story);
}

#[test]
fn what_follows_a_paused_program_is_not_paused_with_it() {
    let mut life = paused(&[("email", "ada@example.com")]);
    assert_eq!(misdirection_of(&life), None);
    life.meet(&Stimulus::Directed { by: Party::Operator, direction: Direction::Out, note: None });
    life.passes(43);
    assert!(life.story.contains("MAIL reading"), "{}", life.story);
}

fn misdirection_of(life: &Life) -> Option<Misdirection> {
    let view = View { lead: life.lead.as_ref(), profile: life.profile.as_ref(), catalog: &life.catalog, loads: None };
    misdirection(&view, &Direction::Out, life.now)
}
