//! Lives with sales: who sells, and what they tell. The promises are the shipped ones; the programs are short.

use std::sync::OnceLock;

use jiff::civil::{Date, time};

use super::*;
use crate::catalog::{Handover, Route};
use crate::ids::{QueueName, RepName, RouteName, TeamName};
use crate::policy::TurnbackReason;
use crate::profile::Answers;
use crate::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use crate::sales::{Attempt, Outcome, Party, TurnbackRequest};

/// What a deployment promises, as it is shipped.
const SHIPPED: &str = include_str!("../../../../../programs/catalog.toml");

/// A round without end of the mail `one`, and what else a program says.
const PROGRAMS: [(&str, &str); 9] = [
    ("welcome", "then = \"nurture\"\npriority = 50\n"),
    ("nurture", "then = \"occasional\"\npriority = 40\n"),
    ("turnback-no-response", "then = \"occasional\"\npriority = 70\n"),
    ("turnback-timing", "then = \"occasional\"\npriority = 70\n"),
    ("turnback-profile", "then = \"occasional\"\npriority = 70\n"),
    ("turnback-referral", "then = \"occasional\"\npriority = 70\n"),
    ("occasional", "then = \"occasional\"\npriority = 10\n"),
    (
        "acceleration",
        "then = \"occasional\"\npriority = 90\nenter = { stage = [\"sal\", \"sql\"] }\n\
         goal = { when = { stage = \"customer\" }, then = \"newsletter\" }\n",
    ),
    (
        "newsletter",
        "then = \"newsletter\"\npriority = 95\nenter = { stage = \"customer\" }\n\
         stop = [{ when = { stage = [\"sal\", \"sql\"] }, then = \"acceleration\" }]\n",
    ),
];

const ROUND: &str =
    "[[step]]\nid = \"round\"\nkind = \"recur\"\nevery = \"42d\"\ntemplates = [\"one\"]\nused_up = \"again\"\n";

pub(super) fn rep(name: &str) -> RepName {
    RepName::parse(name).unwrap()
}

fn files() -> Vec<SourceFile> {
    let mut files = vec![SourceFile { path: "catalog.toml".to_owned(), text: SHIPPED.to_owned() }];
    for (name, head) in PROGRAMS {
        let text = format!("title = \"{name}\"\n{head}\n{ROUND}");
        files.push(SourceFile { path: format!("{name}/program.toml"), text });
        let text = "+++\nsubject = \"one\"\nfrom = \"rep\"\n+++\nHello.\n".to_owned();
        files.push(SourceFile { path: format!("{name}/touches/one.md"), text });
    }
    files
}

/// Kim and Lee sell, from nine to five; Max manages them.
fn roster() -> Roster {
    let hours = OfficeHours {
        zone: "Europe/Berlin".to_owned(),
        days: vec![Weekdays::Mon, Weekdays::Tue, Weekdays::Wed, Weekdays::Thu, Weekdays::Fri],
        opens: time(9, 0, 0, 0),
        closes: time(17, 0, 0, 0),
        holidays: BTreeSet::new(),
    };
    let inside = TeamName::parse("inside").unwrap();
    let leads = TeamName::parse("leads").unwrap();
    let of = |name: &str, team: &TeamName| {
        let sender = crate::catalog::Sender { name: name.to_owned(), address: format!("{name}@perennial.example") };
        let it = Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None };
        (rep(name), it)
    };
    Roster {
        reps: [of("kim", &inside), of("lee", &inside), of("max", &leads)].into(),
        teams: [
            (inside, Team { manager: Some(rep("max")), hours: hours.clone() }),
            (leads, Team { manager: None, hours }),
        ]
        .into(),
    }
}

/// The shipped promises, and people who keep them.
pub(super) fn shipped() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| {
        let (catalog, found) = parse(&files());
        let mut catalog = catalog.unwrap_or_else(|| panic!("{found:#?}"));
        let name = RouteName::parse("inside").unwrap();
        let route = Route { team: TeamName::parse("inside").ok(), queue: QueueName::parse("sdr").unwrap() };
        catalog.routes.insert(name.clone(), route);
        catalog.handover = Handover { entry: Some(name.clone()), qualified: Some(name) };
        // The shipped routes lead to teams that are not here.
        catalog.turnbacks.0.values_mut().for_each(|policy| policy.route = None);
        catalog.roster = Arc::new(roster());
        Arc::new(catalog)
    }))
}

/// The outcome of an attempt.
pub(super) fn no_answer() -> Outcome {
    Outcome::Attempted { attempt: Attempt::NoAnswer }
}

pub(super) fn back(reason: TurnbackReason) -> Outcome {
    Outcome::TurnedBack(TurnbackRequest::new(reason))
}

pub(super) fn back_until(reason: TurnbackReason, day: Date) -> Outcome {
    Outcome::TurnedBack(TurnbackRequest { date: Some(day), ..TurnbackRequest::new(reason) })
}

impl Life {
    /// An inquiry of Monday, 2 March 2026, 10:00, whose rep is Kim or Lee.
    pub(super) fn with_sales() -> Self {
        Self::with(shipped(), &[("email", "ada@example.com"), ("phone", "+49 30 1234567")])
    }

    /// One whom sales has accepted.
    pub(super) fn accepted() -> Self {
        let mut life = Self::with_sales();
        life.tells(Outcome::Accepted);
        life
    }

    pub(super) fn lead(&self) -> &Lead {
        self.lead.as_ref().unwrap()
    }

    /// Its rep, or nobody.
    pub(super) fn rep(&self) -> Option<&str> {
        self.lead().rep().map(RepName::as_str)
    }

    pub(super) fn program(&self) -> Option<&str> {
        self.lead().enrolment.as_ref().map(|enrolment| enrolment.program.as_str())
    }

    /// Its rep tells; where it has none, Kim does.
    pub(super) fn tells(&mut self, outcome: Outcome) {
        let rep = self.lead().rep().cloned().unwrap_or_else(|| rep("kim"));
        self.told_by(Party::Rep { rep }, outcome);
    }

    pub(super) fn told_by(&mut self, by: Party, outcome: Outcome) {
        assert_eq!(self.refusal(&by, &outcome), None);
        self.meet(&Stimulus::Disposed { by, outcome, note: None, happened_at: None, is_status: false });
    }

    /// Why an outcome would not be taken.
    pub(super) fn refusal(&self, by: &Party, outcome: &Outcome) -> Option<crate::sales::Refusal> {
        let view =
            View { lead: self.lead.as_ref(), profile: self.profile.as_ref(), catalog: &self.catalog, loads: None };
        refusal(&view, by, outcome, self.now)
    }

    /// The person gives a sign about something, and it is looked at whether they are ready: twice, since events may come
    /// twice.
    pub(super) fn gives(&mut self, kind: SignalKind, topic: Option<&str>) {
        self.now += SignedDuration::from_mins(1);
        let topic = topic.map(|topic| TopicName::parse(topic).unwrap());
        self.meet(&Stimulus::Signalled { kind, topic });
        self.is_looked_at();
    }

    /// The person answers.
    pub(super) fn answers(&mut self, field: &str, answer: &str) {
        self.now += SignedDuration::from_mins(1);
        let answers = Answers([(FieldName::parse(field).unwrap(), answer.to_owned())].into());
        self.meet(&Stimulus::Answered { answers });
        self.is_looked_at();
    }

    /// What `evaluate-requalification` does, and does again.
    pub(super) fn is_looked_at(&mut self) {
        self.meet(&Stimulus::Evaluate);
        assert_eq!(self.decide(&Stimulus::Evaluate).events, [], "looked at twice, it says nothing more");
    }
}
