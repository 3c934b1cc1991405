//! What SES tells of one mail, in every order and more than once: the same lead comes of it (I10, F15, F16).

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use perennial_core::catalog::Catalog;
use perennial_core::decide::{MailEventKind, SendOutcome, Stimulus, View, decide};
use perennial_core::event::FailReason;
use perennial_core::ids::TouchId;
use perennial_core::lead::{Lead, Sending};
use perennial_core::profile::Profile;
use perennial_core::testing;
use proptest::prelude::*;

use super::decisions::{Life, Move, Sender};
use crate::scenarios::world::{LEASE, berlin};

static CATALOG: LazyLock<Catalog> = LazyLock::new(testing::catalog);

/// What may be told of a mail: six of these are told.
fn kinds() -> [MailEventKind; 8] {
    let at = |minutes| berlin("2026-03-03 10:00") + SignedDuration::from_mins(minutes);
    [
        MailEventKind::Accepted,
        MailEventKind::BouncedForGood,
        MailEventKind::BouncedSoftly { at: at(1) },
        MailEventKind::BouncedSoftly { at: at(1) },
        MailEventKind::Complained,
        MailEventKind::Unsubscribed,
        MailEventKind::Withdrawn(FailReason::ContentRefused),
        MailEventKind::Withdrawn(FailReason::ContentRefused),
    ]
}

/// How sure the suite is of the mail when the first event comes.
#[derive(Debug, Clone, Copy)]
enum Standing {
    InFlight,
    Unknown,
    Sent,
}

/// A lead with its second mail handed over, after some soft bounces of earlier mails.
struct Scene {
    lead: Lead,
    profile: Profile,
    touch: TouchId,
    now: Timestamp,
}

impl Scene {
    fn new(has_phone: bool, standing: Standing, soft_bounces: u32) -> Self {
        let mut life = Life::new(vec![CATALOG.clone().into()], "welcome");
        life.live(&Move::Submits(Sender::form(has_phone)));
        life.live(&Move::sent());
        life.live(&Move::NextWake);
        let (mut lead, profile, now) = (life.lead.clone().unwrap(), life.profile().clone(), life.now);
        let touch = lead.enrolment.as_ref().unwrap().touch();
        lead.sending = Some(Sending { touch: touch.clone(), attempt: 1, lease_until: now + LEASE });
        let mut scene = Self { lead, profile, touch, now };
        for number in 0..soft_bounces {
            let touch = TouchId::parse(&format!("1_welcome_response_{number}")).unwrap();
            let kind = MailEventKind::BouncedSoftly { at: now - SignedDuration::from_hours(i64::from(number) + 1) };
            scene.lead = scene.after(&scene.lead, &Stimulus::MailEvent { touch, attempt: 9, kind });
        }
        let outcome = match standing {
            Standing::InFlight => return scene,
            Standing::Unknown => SendOutcome::Ambiguous,
            Standing::Sent => SendOutcome::Accepted { message_id: "0107".to_owned() },
        };
        let ended = Stimulus::SendEnded { touch: scene.touch.clone(), attempt: 1, outcome };
        scene.lead = scene.after(&scene.lead, &ended);
        scene
    }

    fn after(&self, lead: &Lead, stimulus: &Stimulus) -> Lead {
        let view = View { lead: Some(lead), profile: Some(&self.profile), catalog: &CATALOG, loads: None };
        decide(&view, stimulus, self.now).lead.unwrap()
    }

    fn told(&self, order: &[MailEventKind]) -> Lead {
        order.iter().fold(self.lead.clone(), |lead, kind| {
            self.after(&lead, &Stimulus::MailEvent { touch: self.touch.clone(), attempt: 1, kind: *kind })
        })
    }
}

/// Every order of some things (Heap's algorithm).
fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    fn permute<T: Clone>(things: &mut [T], size: usize, all: &mut Vec<Vec<T>>) {
        if size <= 1 {
            all.push(things.to_vec());
            return;
        }
        for at in 0..size {
            permute(things, size - 1, all);
            things.swap(if size.is_multiple_of(2) { at } else { 0 }, size - 1);
        }
    }
    let mut all = Vec::new();
    permute(&mut things.to_vec(), things.len(), &mut all);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn six_events_of_one_mail_come_to_the_same_lead_in_each_of_their_720_orders_and_twice(
        told in prop::sample::subsequence(kinds().to_vec(), 6),
        has_phone: bool,
        standing in prop::sample::select(vec![Standing::InFlight, Standing::Unknown, Standing::Sent]),
        soft_bounces in 0..4_u32,
    ) {
        let scene = Scene::new(has_phone, standing, soft_bounces);
        let expected = scene.told(&told);
        let orders = orders(&told);
        prop_assert_eq!(orders.len(), 720);
        for order in &orders {
            prop_assert_eq!(&scene.told(order), &expected, "{:?}", order);
        }
        let twice: Vec<MailEventKind> = told.iter().chain(&told).copied().collect();
        prop_assert_eq!(&scene.told(&twice), &expected);
    }
}
