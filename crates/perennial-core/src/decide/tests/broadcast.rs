//! Broadcasts: who gets one, when, and what keeps them from it.

use super::*;
use crate::broadcast::{OfferState, PassedOver, REMEMBERED, broadcast_touch};
use crate::lead::{Pause, PauseCause};
use crate::loader::{Beside, parse_beside};
use crate::submission::Flag;

/// The end of the broadcast: Monday, 16 March 2026, 09:00 in Berlin.
const END: &str = "2026-03-16T08:00:00Z";

fn name() -> ProgramName {
    ProgramName::parse("news").unwrap()
}

fn end() -> Timestamp {
    END.parse().unwrap()
}

/// In a program of an answer and a mail after so long, beside the broadcast.
fn life_with(after: &str, more: &str) -> Life {
    let mut news = testing::news(end());
    news.files[0].text.push_str(more);
    let answer = "[[step]]\nid = \"one\"\nkind = \"email\"\nclass = \"response\"\nafter = \"0m\"\n";
    let program = format!("{HEAD}{answer}{}", email("two", &format!("after = \"{after}\"")));
    let (catalog, found) = parse_beside(&files_with(&program), Beside { draft: Some(&news), ..Beside::default() });
    Life::with(Arc::new(catalog.unwrap_or_else(|| panic!("{found:#?}"))), &[])
}

impl Life {
    fn hours_pass(&mut self, hours: i64) {
        self.lives_until(self.now + SignedDuration::from_hours(hours));
    }

    /// What happens from now on.
    fn forget_story(&mut self) {
        self.story.clear();
    }

    fn is_offered(&mut self) {
        self.meet(&Stimulus::Offered { broadcast: name() });
    }

    fn would_get(&self) -> Result<Timestamp, PassedOver> {
        let (lead, profile) = (self.lead.as_ref(), self.profile.as_ref());
        offer(&View { lead, profile, catalog: &self.catalog, loads: None }, &name(), self.now)
    }

    fn becomes(&self) -> OfferState {
        self.lead.as_ref().unwrap().offers[0].state
    }

    fn catalog_changes(&mut self, change: impl FnOnce(&mut Catalog)) {
        let mut catalog = (*self.catalog).clone();
        change(&mut catalog);
        self.catalog = Arc::new(catalog);
    }
}

#[test]
fn whoever_is_in_the_segment_gets_it_once_beside_the_program() {
    let mut life = life_with("5d", "");
    life.passes(2);
    life.forget_story();
    let enrolment = life.lead.as_ref().unwrap().enrolment.clone();
    let would_get = life.would_get();
    life.is_offered();
    assert_eq!(life.lead.as_ref().unwrap().offers[0].due_at(), would_get.ok(), "what was said before is what is done");
    life.is_offered();
    assert_eq!(life.lead.as_ref().unwrap().enrolment, enrolment);
    life.passes(6);
    life.is_offered();
    insta::assert_snapshot!(life.story, @"
    Wed 03-04 10:00 is to get news
    Wed 03-04 10:02 MAIL mail (0_news_mail_1)
    Mon 03-09 08:00 MAIL two (1_welcome_two_0)
    Mon 03-09 08:00 leaves welcome: Completed
    Mon 03-09 08:00 starts occasional at reading
    ");
    assert_eq!((life.becomes(), life.would_get()), (OfferState::Sent, Err(PassedOver::HasIt)));
}

#[test]
fn neither_the_program_nor_the_broadcast_is_lost_to_the_cap() {
    // The program's mail comes after it.
    let mut life = life_with("2d", "");
    life.hours_pass(47);
    life.forget_story();
    life.is_offered();
    life.passes(2);
    insta::assert_snapshot!(life.story, @"
    Wed 03-04 09:00 is to get news
    Wed 03-04 09:02 MAIL mail (0_news_mail_1)
    Wed 03-04 10:00 puts two off: FrequencyCap
    Thu 03-05 08:00 MAIL two (1_welcome_two_0)
    Thu 03-05 08:00 leaves welcome: Completed
    Thu 03-05 08:00 starts occasional at reading
    ");
    // Both are due at the same instant.
    let mut life = life_with("2d", "");
    life.lives_until(life.now + SignedDuration::from_mins(48 * 60 - 2));
    life.forget_story();
    life.is_offered();
    life.passes(2);
    insta::assert_snapshot!(life.story, @"
    Wed 03-04 09:58 is to get news
    Wed 03-04 10:00 MAIL two (1_welcome_two_0)
    Wed 03-04 10:00 leaves welcome: Completed
    Wed 03-04 10:00 starts occasional at reading
    Wed 03-04 10:00 puts mail off: FrequencyCap
    Thu 03-05 08:00 MAIL mail (0_news_mail_1)
    ");
}

#[test]
fn what_cannot_go_out_before_the_end_is_passed_over_then() {
    let mut life = life_with("60d", "");
    life.passes(4);
    life.is_offered();
    life.forget_story();
    // Somebody talks with them, for longer than the broadcast lasts.
    let resume_at = end() + SignedDuration::from_hours(24);
    let ordinal = 1;
    life.lead = apply(
        life.lead.take(),
        &Event::EnrolmentPaused { ordinal, pause: PauseCause::InConversation, resume_at },
        life.now,
    );
    life.passes(20);
    insta::assert_snapshot!(life.story, @"
    Fri 03-06 10:02 puts mail off: Paused
    Mon 03-16 09:00 skips mail: Expired
    Tue 03-17 09:00 goes on
    ");
}

#[test]
fn what_happens_in_between_counts() {
    for (change, reason) in [
        (Stimulus::Unsubscribed, SkipReason::Suppressed(EmailReach::Unsubscribed)),
        (
            Stimulus::Preferred {
                preferences: Preferences {
                    off: [TopicName::parse("prices").unwrap()].into(),
                    ..Preferences::default()
                },
                language: None,
            },
            SkipReason::SwitchedOff,
        ),
    ] {
        let mut life = life_with("60d", "topic = \"prices\"\n");
        life.passes(2);
        life.is_offered();
        life.meet(&change);
        life.passes(1);
        // Whoever wants no mail at all, and has no number, is only listened to.
        let listened = life.lead.as_ref().unwrap().stage == LifecycleStage::Disqualified;
        let reason = if listened { SkipReason::ListenedTo } else { reason };
        assert_eq!(life.becomes(), OfferState::Skipped { reason });
        assert!(!life.story.contains("MAIL mail"), "{}", life.story);
    }
    let mut life = life_with("60d", "");
    life.passes(2);
    life.is_offered();
    life.catalog_changes(|catalog| catalog.broadcasts.get_mut(&name()).unwrap().is_stopped = true);
    life.passes(1);
    assert_eq!(life.becomes(), OfferState::Skipped { reason: SkipReason::Stopped });
}

#[test]
fn whoever_does_not_know_the_broadcast_yet_leaves_it_for_later() {
    let mut life = life_with("60d", "");
    life.passes(2);
    life.is_offered();
    life.forget_story();
    let knowing = Arc::clone(&life.catalog);
    life.catalog_changes(|catalog| catalog.broadcasts.clear());
    life.hours_pass(2);
    life.catalog = knowing;
    life.hours_pass(2);
    insta::assert_snapshot!(life.story, @"
    Wed 03-04 10:02 puts mail off: NotKnownYet
    Wed 03-04 11:02 puts mail off: NotKnownYet
    Wed 03-04 12:02 MAIL mail (0_news_mail_1)
    ");
}

#[test]
fn a_broadcast_of_which_nobody_knows_whether_it_went_out_is_not_sent_again() {
    let mut life = life_with("60d", "");
    life.passes(2);
    life.is_offered();
    life.now += SignedDuration::from_mins(2);
    let planned = life.decide(&Stimulus::Due).send.unwrap();
    let (touch, attempt) = (planned.touch, planned.attempt);
    assert_eq!(Some(&touch), broadcast_touch(&name(), 1).as_ref());
    let lease_until = life.now + SignedDuration::from_mins(2);
    life.lead.as_mut().unwrap().sending = Some(crate::lead::Sending { touch: touch.clone(), attempt, lease_until });
    life.meet(&Stimulus::SendEnded { touch: touch.clone(), attempt, outcome: SendOutcome::Ambiguous });
    assert_eq!(life.becomes(), OfferState::Sent);
    life.passes(3);
    assert!(!life.story.contains("MAIL mail"), "{}", life.story);
    life.meet(&Stimulus::Reviewed { touch, verdict: ReviewVerdict::Dropped });
    assert_eq!(life.becomes(), OfferState::Dropped);
    assert_eq!(life.would_get(), Err(PassedOver::HasIt), "nobody gets it twice, whoever says what");
}

#[test]
fn every_reason_to_pass_somebody_over_is_told_by_its_name() {
    let mut life = life_with("60d", "topic = \"prices\"\n");
    life.passes(2);
    let with = |change: &dyn Fn(&mut Life)| {
        let mut life = life.clone();
        change(&mut life);
        let would_get = life.would_get();
        life.is_offered();
        assert_eq!(life.story.contains("is to get news"), would_get.is_ok(), "sending decides as the dry run does");
        would_get.err()
    };
    let lead = |change: fn(&mut Lead)| with(&|life: &mut Life| change(life.lead.as_mut().unwrap()));
    assert_eq!(with(&|_| {}), None);
    let elsewhere = |life: &mut Life| {
        let fields = &mut life.profile.as_mut().unwrap().fields;
        fields.insert(FieldName::parse("company").unwrap(), "Elsewhere".to_owned());
    };
    assert_eq!(with(&elsewhere), Some(PassedOver::NotInSegment));
    let refused = |reason| Some(PassedOver::Refused(reason));
    for email in [
        EmailReach::Missing,
        EmailReach::NotMailable,
        EmailReach::Unconfirmed,
        EmailReach::NoConsent,
        EmailReach::DoNotEmail,
        EmailReach::Unsubscribed,
        EmailReach::HardBounced,
        EmailReach::Complained,
    ] {
        let unmailed = with(&|life: &mut Life| life.lead.as_mut().unwrap().email = email);
        assert_eq!(unmailed, refused(SkipReason::Suppressed(email)));
    }
    assert_eq!(lead(|lead| lead.received_at += SignedDuration::from_hours(47)), Some(PassedOver::TooNew));
    for stage in [LifecycleStage::Quarantined, LifecycleStage::JunkPurged, LifecycleStage::Erased] {
        assert_eq!(with(&|life: &mut Life| life.lead.as_mut().unwrap().stage = stage), Some(PassedOver::NotNurtured));
    }
    assert_eq!(lead(|lead| lead.stage = LifecycleStage::Disqualified), refused(SkipReason::ListenedTo));
    assert_eq!(lead(|lead| lead.stage = LifecycleStage::Sql), refused(SkipReason::WithSales));
    let prices = || TopicName::parse("prices").unwrap();
    let off = |life: &mut Life| life.lead.as_mut().unwrap().preferences.off = [prices()].into();
    assert_eq!(with(&off), refused(SkipReason::SwitchedOff));
    let desk = |lead: &mut Lead| {
        lead.flags.push(Flag::RoleAddress);
        lead.phone = PhoneReach::Ok;
    };
    assert_eq!(lead(desk), refused(SkipReason::HumanPreferred));
    let held_out = |life: &mut Life| life.catalog_changes(|catalog| catalog.holdout_percent = 100);
    assert_eq!(with(&held_out), refused(SkipReason::Holdout));
    let no_room = |reason| Some(PassedOver::NoRoom(reason));
    let rests = |lead: &mut Lead| lead.soft_until = Some(end());
    assert_eq!(lead(rests), no_room(DeferReason::AddressRests));
    let paused = |lead: &mut Lead| {
        lead.enrolment.as_mut().unwrap().paused = Some(Pause { cause: PauseCause::OutOfOffice, resume_at: end() });
    };
    assert_eq!(lead(paused), no_room(DeferReason::Paused));
    let late = |life: &mut Life| life.now = end() - SignedDuration::from_mins(30);
    let capped = |life: &mut Life| {
        late(life);
        let now = life.now;
        life.lead.as_mut().unwrap().recent_mails = vec![now];
    };
    assert_eq!(with(&capped), no_room(DeferReason::FrequencyCap));
    let at_the_weekend = |life: &mut Life| {
        life.now = "2026-03-14T11:00:00Z".parse().unwrap();
        let until = life.now + SignedDuration::from_hours(24);
        life.catalog_changes(|catalog| catalog.broadcasts.get_mut(&name()).unwrap().until = until);
    };
    assert_eq!(with(&at_the_weekend), no_room(DeferReason::QuietHours));
    let others = |lead: &mut Lead| {
        for other in ["a", "b", "c", "d"] {
            let state = OfferState::Waits { due_at: end(), attempts: 0 };
            let (broadcast, version) = (ProgramName::parse(other).unwrap(), ProgramVersion("0".repeat(12)));
            lead.offers.push(crate::broadcast::Offer { broadcast, version, until: end(), state });
        }
    };
    assert_eq!(lead(others), Some(PassedOver::TooMany));
    assert_eq!(with(&|life: &mut Life| life.now = end()), Some(PassedOver::Over));
    let stopped = |life: &mut Life| {
        life.catalog_changes(|catalog| catalog.broadcasts.get_mut(&name()).unwrap().is_stopped = true);
    };
    assert_eq!(with(&stopped), Some(PassedOver::Over));
}

#[test]
fn what_a_lead_got_is_remembered_longer_than_the_broadcast_lasts_and_not_for_ever() {
    let mut life = life_with("160d", "");
    life.passes(2);
    life.is_offered();
    life.passes(15);
    assert_eq!(life.lead.as_ref().unwrap().offers.len(), 1);
    life.now = end() + REMEMBERED;
    let mut later = testing::news(life.now + SignedDuration::from_hours(24 * 7));
    later.name = ProgramName::parse("later").unwrap();
    for file in &mut later.files {
        file.path = file.path.replace("news/", "later/");
    }
    let (catalog, _) = parse_beside(&testing::files(), Beside { draft: Some(&later), ..Beside::default() });
    life.catalog_changes(|known| known.broadcasts = catalog.unwrap().broadcasts);
    life.meet(&Stimulus::Offered { broadcast: later.name.clone() });
    let known: Vec<&str> = life.lead.as_ref().unwrap().offers.iter().map(|it| it.broadcast.as_str()).collect();
    assert_eq!(known, ["later"]);
}

#[test]
fn whoever_is_erased_leaves_no_trace_of_it_and_gets_it_in_another_life_under_another_id() {
    let mut life = life_with("60d", "age_min = \"0m\"\n");
    life.passes(2);
    life.is_offered();
    life.meet(&Stimulus::EraseRequested);
    assert_eq!((life.lead.as_ref().unwrap().offers.len(), life.would_get()), (0, Err(PassedOver::NotNurtured)));
    life.passes(1);
    assert!(!life.story.contains("MAIL mail"), "{}", life.story);
    assert_ne!(broadcast_touch(&name(), 1), broadcast_touch(&name(), 2));
}
