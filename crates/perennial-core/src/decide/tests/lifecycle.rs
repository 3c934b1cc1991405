//! Every row of the lifecycle is taken by a life here: one that none takes does not compile, or fails.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;

use super::*;
use crate::catalog::Route;
use crate::ids::{QueueName, RepName, RouteName, TeamName};
use crate::lead::Ownership;
use crate::lifecycle::Row;
use crate::policy::TurnbackReason;
use crate::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use crate::sales::{Attempt, TurnbackRequest};

pub(super) fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

/// Two reps and their manager, in Berlin, from nine to five.
pub(super) fn roster() -> Roster {
    let team = TeamName::parse("sales").unwrap();
    let hours = OfficeHours {
        zone: "Europe/Berlin".to_owned(),
        days: Weekdays::ALL[..5].to_vec(),
        opens: Time::constant(9, 0, 0, 0),
        closes: Time::constant(17, 0, 0, 0),
        holidays: BTreeSet::new(),
    };
    let member = |name: &str, team: &str| {
        let sender = crate::catalog::Sender { name: name.to_owned(), address: format!("{name}@perennial.example") };
        let team = TeamName::parse(team).unwrap();
        (rep(name), Rep { sender, team, status: RepStatus::Active, hours: None, open_max: None })
    };
    Roster {
        reps: BTreeMap::from([member("maria", "sales"), member("nils", "sales"), member("olga", "heads")]),
        teams: BTreeMap::from([
            (team, Team { manager: Some(rep("olga")), hours: hours.clone() }),
            (TeamName::parse("heads").unwrap(), Team { manager: None, hours }),
        ]),
    }
}

/// A catalog in which whoever comes in belongs to a rep at once.
pub(super) fn selling(roster: Roster) -> Arc<Catalog> {
    let mut catalog = testing::catalog();
    let route = RouteName::parse("sales").unwrap();
    let queue = QueueName::parse("sdr").unwrap();
    catalog.routes.insert(route.clone(), Route { team: Some(TeamName::parse("sales").unwrap()), queue });
    catalog.handover.entry = Some(route.clone());
    catalog.handover.qualified = Some(route);
    catalog.roster = Arc::new(roster);
    Arc::new(catalog)
}

const ADA: [(&str, &str); 2] = [("email", "ada@example.com"), ("phone", "+49 30 1234567")];

/// A lead of theirs, and the rows it has taken.
struct Walk {
    life: Life,
    rows: Vec<Row>,
}

impl Walk {
    fn of(form: &[(&str, &str)]) -> Self {
        let catalog = selling(roster());
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let life =
            Life { catalog, lead: None, profile: None, now, story: String::new(), submissions: 0, events: Vec::new() };
        let mut walk = Self { life, rows: Vec::new() };
        walk.posts(form);
        walk
    }

    fn new() -> Self {
        Self::of(&ADA)
    }

    fn watched(&mut self, live: impl FnOnce(&mut Life)) -> &mut Self {
        let seen = self.life.events.len();
        live(&mut self.life);
        for (before, event) in &self.life.events[seen..] {
            let after = apply(before.clone(), event, self.life.now);
            let row = Row::of(before.as_ref(), event);
            let (from, to) = (before.as_ref().map(|lead| lead.stage), after.map(|lead| lead.stage));
            // A turnback is told by its reason; the stage follows in the next event.
            let is_second_half = matches!(event, Event::Recycled);
            assert!(from == to || row.is_some() || is_second_half, "no row leads from {from:?} to {to:?}: {event:?}");
            self.rows.extend(row);
        }
        self
    }

    fn posts(&mut self, form: &[(&str, &str)]) -> &mut Self {
        self.watched(|life| life.posts(form))
    }

    fn meets(&mut self, stimulus: &Stimulus) -> &mut Self {
        self.watched(|life| life.meet(stimulus))
    }

    fn passes(&mut self, days: i64) -> &mut Self {
        self.watched(|life| life.passes(days))
    }

    /// The rep who has the lead, else Maria, tells something.
    fn tells(&mut self, outcome: Outcome) -> &mut Self {
        let rep = self.life.lead.as_ref().and_then(|lead| lead.rep().cloned()).unwrap_or_else(|| rep("maria"));
        self.meets(&Stimulus::Disposed {
            by: Party::Rep { rep },
            outcome,
            note: None,
            happened_at: None,
            is_status: false,
        })
    }

    fn turns_back(&mut self, reason: TurnbackReason) -> &mut Self {
        self.tells(Outcome::TurnedBack(TurnbackRequest::new(reason)))
    }

    /// A sign, and whoever looks whether the lead is ready looks at once.
    fn signals(&mut self, kind: SignalKind) -> &mut Self {
        self.watched(|life| life.signals(kind)).meets(&Stimulus::Evaluate)
    }

    fn raises_hand(&mut self) -> &mut Self {
        self.signals(SignalKind::HandRaised)
    }

    fn stage(&self) -> LifecycleStage {
        self.life.lead.as_ref().unwrap().stage
    }
}

#[expect(clippy::too_many_lines, reason = "an arm for each row")]
fn life_of(row: Row) -> Walk {
    let mut walk = Walk::new();
    match row {
        Row::Received | Row::Admitted => {}
        Row::HeldBack => return Walk::of(&[("email", "ada@example.com"), ("junk", "yes")]),
        Row::Merged => {
            walk.posts(&ADA);
        }
        Row::Released => {
            walk = Walk::of(&[("email", "ada@example.com"), ("junk", "yes")]);
            walk.posts(&ADA);
        }
        Row::Purged => {
            walk = Walk::of(&[("email", "ada@example.com"), ("junk", "yes")]);
            walk.passes(15);
        }
        Row::Qualified => {
            walk.raises_hand();
        }
        Row::Accepted => {
            walk.raises_hand().tells(Outcome::Accepted);
        }
        Row::OpportunityOpened => {
            walk.raises_hand().tells(Outcome::Accepted).tells(Outcome::Qualified);
        }
        Row::Won => {
            walk.tells(Outcome::Won);
        }
        Row::Lost => {
            walk.tells(Outcome::Qualified).tells(Outcome::Lost);
        }
        Row::InquiryTurnedBack => {
            walk.turns_back(TurnbackReason::Timing);
        }
        Row::MqlTurnedBack => {
            walk.raises_hand().turns_back(TurnbackReason::NoBudget);
        }
        Row::SalTurnedBack => {
            walk.tells(Outcome::Accepted).turns_back(TurnbackReason::Evaluating);
        }
        Row::SqlTurnedBack => {
            walk.tells(Outcome::Qualified).turns_back(TurnbackReason::Competitor);
        }
        Row::TurnedBackAgain => {
            walk.turns_back(TurnbackReason::Other).turns_back(TurnbackReason::NoInterest);
        }
        Row::Warned | Row::ManagerTold | Row::Reassigned => {
            walk.raises_hand().passes(1);
        }
        Row::Resubmitted => {
            walk.raises_hand().passes(10);
        }
        Row::NotDecided => {
            walk.raises_hand().passes(30);
        }
        Row::SalIdle => {
            walk.tells(Outcome::Accepted).passes(8);
        }
        Row::SalExpired => {
            walk.tells(Outcome::Accepted).passes(15);
        }
        Row::SqlIdle | Row::SqlIdleLong | Row::SqlExpired => {
            walk.tells(Outcome::Qualified).passes(61);
        }
        Row::Requalified => {
            walk.turns_back(TurnbackReason::NoInterest).passes(1).raises_hand();
        }
        Row::Horizon => {
            let outcome = Outcome::TurnedBack(TurnbackRequest::new(TurnbackReason::NoResponse));
            walk.meets(&Stimulus::Disposed {
                by: Party::Crm,
                outcome,
                note: None,
                happened_at: None,
                is_status: false,
            })
            .passes(200);
        }
        Row::Disqualified => {
            walk.tells(Outcome::Disqualified { reason: DisqualifyReason::JobSeeker });
        }
        Row::Unreachable => {
            walk = Walk::of(&[("email", "ada@example.com")]);
            walk.meets(&Stimulus::Unsubscribed);
        }
        Row::Reviewed => {
            walk.tells(Outcome::Disqualified { reason: DisqualifyReason::NotAFit }).passes(181);
        }
        Row::Reopened => {
            walk.tells(Outcome::Disqualified { reason: DisqualifyReason::NotAFit }).passes(1).raises_hand();
        }
        Row::CustomerQualified => {
            walk.tells(Outcome::Won).passes(1).raises_hand();
        }
        Row::CustomerKept => {
            walk.tells(Outcome::Won).passes(1).raises_hand().turns_back(TurnbackReason::NoInterest);
        }
        Row::ExistingCustomer => {
            walk.tells(Outcome::ExistingCustomer);
        }
        Row::Erased => {
            walk.meets(&Stimulus::EraseRequested);
        }
        Row::NextLife => {
            walk.meets(&Stimulus::EraseRequested).posts(&ADA);
        }
        Row::RepLeft => {
            walk.raises_hand();
            let owner = walk.life.lead.as_ref().and_then(|lead| lead.rep().cloned()).unwrap();
            let mut without = roster();
            without.reps.get_mut(&owner).unwrap().status = RepStatus::Left;
            walk.life.catalog = selling(without);
            walk.meets(&Stimulus::Due);
        }
    }
    walk
}

#[test]
fn every_row_of_the_lifecycle_is_taken() {
    for row in Row::ALL {
        let walk = life_of(row);
        assert!(walk.rows.contains(&row), "{row:?} is not taken:\n{}\n{:?}", walk.life.story, walk.rows);
    }
}

#[test]
fn an_outcome_ahead_of_the_stage_takes_every_stage_between_in_one_commit() {
    let mut walk = Walk::new();
    let decision = walk.life.decide(&Stimulus::Disposed {
        by: Party::Crm,
        outcome: Outcome::Won,
        note: None,
        happened_at: None,
        is_status: false,
    });
    let mut lead = walk.life.lead.clone();
    let mut rows = Vec::new();
    for event in &decision.events {
        rows.extend(Row::of(lead.as_ref(), event));
        lead = apply(lead, event, walk.life.now);
    }
    assert_eq!(rows, [Row::Qualified, Row::Accepted, Row::OpportunityOpened, Row::Won]);
    walk.tells(Outcome::Won);
    assert_eq!(walk.stage(), LifecycleStage::Customer);
}

#[test]
fn what_is_refused_changes_nothing_and_says_why() {
    let mut walk = Walk::new();
    let maria = Party::Rep { rep: rep("maria") };
    let back = |reason| Outcome::TurnedBack(TurnbackRequest::new(reason));
    let yesterday = jiff::civil::date(2026, 3, 1);
    let cases = [
        (back(TurnbackReason::NoResponse), "`no_response` takes 3 attempts, and there have been 0"),
        (back(TurnbackReason::BadAnswers), "`bad_answers` says which answers do not hold"),
        (back(TurnbackReason::RepLeft), "`rep_left` is a reason that the suite gives, not a rep"),
        (Outcome::Revisit { on: yesterday }, "the date is over"),
        (Outcome::Revisit { on: jiff::civil::date(2040, 1, 1) }, "the date is too far ahead"),
    ];
    for (outcome, why) in cases {
        let life = &walk.life;
        let view = View { lead: life.lead.as_ref(), profile: None, catalog: &life.catalog, loads: None };
        assert_eq!(refusal(&view, &maria, &outcome, life.now).unwrap().to_string(), why);
        let told = life.decide(&Stimulus::Disposed {
            by: maria.clone(),
            outcome,
            note: None,
            happened_at: None,
            is_status: false,
        });
        assert!(told.events.is_empty() && told.profile.is_none());
    }
    for _ in 0..3 {
        walk.tells(Outcome::Attempted { attempt: Attempt::NoAnswer });
    }
    walk.turns_back(TurnbackReason::NoResponse);
    assert_eq!(walk.stage(), LifecycleStage::Recycled);
    assert!(matches!(walk.life.lead.unwrap().owner, Some(Ownership::Assigned { .. })), "its mails keep their voice");
}
