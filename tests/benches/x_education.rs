//! 9,240 real leads: taken in, disposed of as their reps did, and then left alone for two virtual years.
//!
//!     cargo bench -p perennial-tests --bench x_education -- path/to/Leads.csv
//!
//! or with the path in `X_EDUCATION`. The data set is not in this repository (docs/x-education.md); without it, this says so
//! and does nothing. The real functions run on the store in memory, on a clock that jumps from one thing that is due to
//! the next. It exits 1 if a lead is lost, or waits longer than 180 days.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::civil::time;
use jiff::{SignedDuration, Timestamp};
use perennial_app::crm::Bridge;
use perennial_app::desk::Desk;
use perennial_app::ingest::Door;
use perennial_app::library::Library;
use perennial_app::mail::Letterhead;
use perennial_app::memory::{MemoryStore, SettableClock};
use perennial_app::ports::{Clock, Mailer, OutboundMail, SendReport, Store};
use perennial_app::programs;
use perennial_app::report::{TurnbackCounts, audit, turnbacks, waterfall};
use perennial_app::touch::Toucher;
use perennial_cli::dispositions::{self, DispositionsArgs};
use perennial_cli::import::{self, ImportArgs};
use perennial_core::catalog::{Catalog, Handover, Route, Sender};
use perennial_core::contact::EmailAddress;
use perennial_core::event::Event;
use perennial_core::ids::{LeadId, Pepper, RepName, RouteName, TeamName};
use perennial_core::lead::{Lead, LifecycleStage, Ownership, PULSE_AHEAD_MAX};
use perennial_core::roster::{OfficeHours, Rep, RepStatus, Roster, Team, Weekdays};
use perennial_core::sales::Party;
use perennial_core::token::Keyring;

/// When it begins: a Monday morning.
const BEGINS: &str = "2026-03-02T08:00:00Z";

/// How long the leads are left alone.
const LEFT_ALONE: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// Who had the leads, as far as we make it up.
const REPS: [&str; 4] = ["asha", "bela", "chetan", "divya"];

/// How often one instant is swept before the suite is taken to run in circles.
const SWEEPS_PER_INSTANT_MAX: u32 = 50;

/// How many leads that wait too long are shown.
const SHOWN_MAX: usize = 10;

/// What a rep wrote when nobody could be reached.
const NO_RESPONSE: [&str; 4] = ["Ringing", "switched off", "Busy", "opp hangup"];

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let given = env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let Some(list) = given.or_else(|| env::var_os("X_EDUCATION").map(PathBuf::from)) else {
        println!("x_education: no list; give the path of Leads.csv, or set X_EDUCATION (docs/x-education.md)");
        return Ok(());
    };
    if !list.is_file() {
        println!("x_education: there is no {}", list.display());
        return Ok(());
    }
    tokio::runtime::Builder::new_current_thread().build()?.block_on(replay(&list))
}

async fn replay(list: &Path) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    // The results are written beside the list.
    let copy = directory.path().join("Leads.csv");
    fs::copy(list, &copy)?;
    let world = World::new()?;
    let people = people(&copy, &world.pepper)?;

    let started = Instant::now();
    let map = root().join("docs/examples/x-education.toml");
    let args = ImportArgs { file: copy.clone(), map, no_welcome: false };
    println!("{}", import::run(&world.door(), &args).await?);
    let desk = world.desk();
    for (person, rep) in people.iter().filter(|person| person.is_worked).zip(REPS.iter().cycle()) {
        let owner = Ownership::Assigned { rep: RepName::parse(rep)? };
        desk.hand_over(&Party::Operator, &person.lead, owner).await?;
    }
    let map = root().join("docs/examples/x-education-dispositions.toml");
    let args = DispositionsArgs { file: copy, map, dry_run: false };
    println!("{}", dispositions::run(&Bridge { desk }, &args).await?);
    println!("taken in in {:.1} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    let sweeps = world.live().await?;
    let seconds = started.elapsed().as_secs_f64();
    println!("\ntwo years in {seconds:.0} s: {sweeps} sweeps, {} mails", world.mailer.sent.load(Ordering::Relaxed));
    world.tell(&people).await
}

/// One row of the list.
struct Person {
    lead: LeadId,
    /// Whether a rep wrote anything, or they bought.
    is_worked: bool,
    groups: Vec<&'static str>,
}

fn people(list: &Path, pepper: &Pepper) -> Result<Vec<Person>, Failure> {
    let mut reader = csv::Reader::from_path(list)?;
    let mut people = Vec::new();
    for row in reader.deserialize() {
        let row: BTreeMap<String, String> = row?;
        let cell = |name: &str| row.get(name).map(|cell| cell.trim()).unwrap_or_default();
        let email = EmailAddress::parse(&format!("{}@x-education.example", cell("Prospect ID")))
            .map_err(|error| format!("{error:?}"))?;
        let (tag, has_bought) = (cell("Tags"), cell("Converted") == "1");
        let groups = [
            ("without a disposition", tag.is_empty()),
            ("no response", NO_RESPONSE.contains(&tag)),
            ("may not be mailed", cell("Do Not Email") == "Yes"),
            ("all", true),
        ];
        people.push(Person {
            lead: LeadId::of_email(pepper, &email),
            is_worked: has_bought || !tag.is_empty(),
            groups: groups.into_iter().filter(|(_, is_in)| *is_in).map(|(group, _)| group).collect(),
        });
    }
    Ok(people)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The suite, as far as nobody but time does anything.
struct World {
    pepper: Pepper,
    store: Arc<MemoryStore>,
    library: Arc<Library>,
    clock: Arc<SettableClock>,
    mailer: Arc<CountingMailer>,
    touch: Arc<schedule_touch::Deps>,
}

impl World {
    fn new() -> Result<Self, Failure> {
        let (catalog, found) = programs::load(&root().join("programs"))?;
        let catalog = with_reps(catalog.ok_or_else(|| format!("{found:?}"))?)?;
        let store = Arc::new(MemoryStore::default());
        let library = Arc::new(Library::fixed(Arc::new(catalog)));
        let clock = Arc::new(SettableClock::new(BEGINS.parse()?));
        let mailer = Arc::new(CountingMailer::default());
        let keyring = Keyring::new(BTreeMap::from([("k1".to_owned(), [1; 32])]), "k1")?;
        let letterhead = Letterhead { base_url: "https://perennial.example".to_owned(), keyring, reply_domain: None };
        let toucher = Toucher {
            store: store.clone(),
            mailer: mailer.clone(),
            clock: clock.clone(),
            library: Arc::clone(&library),
            letterhead,
            lease: SignedDuration::from_mins(2),
        };
        let touch = Arc::new(schedule_touch::Deps { toucher, budget: Duration::from_hours(1) });
        Ok(Self { pepper: Pepper::new([7; 32]), store, library, clock, mailer, touch })
    }

    fn door(&self) -> Door {
        let (library, clock) = (Arc::clone(&self.library), self.clock.clone());
        Door { store: self.store.clone(), library, pepper: self.pepper.clone(), clock }
    }

    fn desk(&self) -> Desk {
        let (library, clock) = (Arc::clone(&self.library), self.clock.clone());
        Desk { store: self.store.clone(), library, pepper: self.pepper.clone(), clock }
    }

    /// Jumps from one thing that is due to the next. How many sweeps that took.
    async fn live(&self) -> Result<u64, Failure> {
        let end = self.clock.now() + LEFT_ALONE;
        let tick = fs::read_to_string(root().join("events/schedule-tick.json"))?;
        let (mut sweeps, mut at_once, mut month) = (0, 0, None);
        while let Some(pulse) = self.store.next_pulse().filter(|pulse| *pulse <= end) {
            let now = self.clock.now();
            at_once = if pulse > now { 0 } else { at_once + 1 };
            if at_once > SWEEPS_PER_INSTANT_MAX {
                return Err(format!("the suite runs in circles at {now}").into());
            }
            self.clock.set(pulse.max(now));
            let summary = schedule_touch::handle(Arc::clone(&self.touch), serde_json::from_str(&tick)?).await?;
            if summary.failed > 0 {
                return Err(format!("{} visits failed at {pulse}", summary.failed).into());
            }
            sweeps += 1;
            let now_month = pulse.strftime("%Y-%m").to_string();
            if month.as_ref() != Some(&now_month) {
                println!("{now_month}: {} mails so far", self.mailer.sent.load(Ordering::Relaxed));
                month = Some(now_month);
            }
        }
        self.clock.set(end);
        Ok(sweeps)
    }

    async fn tell(&self, people: &[Person]) -> Result<(), Failure> {
        let store = self.store.as_ref();
        let (now, started) = (self.clock.now(), Instant::now());
        let audit = audit(store, now).await?;
        println!("\naudit: {} leads, {} violations", audit.leads, audit.violations.len());
        let waterfall = waterfall(store).await?;
        println!("received {}, balanced: {}", waterfall.received, waterfall.balanced);
        for (place, count) in waterfall.places.iter().filter(|(_, count)| **count > 0) {
            println!("  {place:<14}{count:>7}");
        }
        let told = turnbacks(store).await?;
        println!("\n{:<18}{:>8}{:>10}{:>10}{:>9}", "turned back for", "leads", "nurtured", "waiting", "else");
        for (reason, counts) in
            told.by_reason.iter().map(|(reason, counts)| (*reason, counts)).chain([("all", &told.total)])
        {
            let TurnbackCounts { turned_back, nurtured, waiting, .. } = *counts;
            println!("{reason:<18}{turned_back:>8}{nurtured:>10}{waiting:>10}{:>9}", turned_back - waiting);
        }
        println!("\n{:<24}{:>7}{:>8}{:>8}{:>8}{:>14}", "who", "leads", "mailed", "tasks", "reviews", "longest wait");
        let mut groups: BTreeMap<&str, Attention> = BTreeMap::new();
        let mut forgotten = Vec::new();
        for person in people {
            let lead = store.load(&person.lead).await?.ok_or("a lead is gone")?.lead;
            let attention = attention(store, &lead, now).await?;
            if attention.longest > PULSE_AHEAD_MAX {
                forgotten.push((lead, attention.longest));
            }
            for group in &person.groups {
                groups.entry(group).or_default().add(&attention);
            }
        }
        for (group, it) in &groups {
            let days = it.longest.as_hours() / 24;
            println!("{group:<24}{:>7}{:>8}{:>8}{:>8}{days:>11} d", it.leads, it.mailed, it.tasks, it.reviewed);
        }
        println!("counted in {:.0} s", started.elapsed().as_secs_f64());
        for (lead, longest) in forgotten.iter().take(SHOWN_MAX) {
            println!("waited {longest:#}: {} in {:?} {:?}", lead.id, lead.stage, lead.enrolment);
        }
        if audit.ok && waterfall.balanced && forgotten.is_empty() {
            println!("no lead is lost");
            return Ok(());
        }
        for violation in audit.violations.iter().take(SHOWN_MAX) {
            println!("{violation:?}");
        }
        Err(format!("{} leads waited longer than 180 days", forgotten.len()).into())
    }
}

/// What leads got, and how long they waited for it.
#[derive(Default)]
struct Attention {
    leads: u64,
    mailed: u64,
    tasks: u64,
    reviewed: u64,
    longest: SignedDuration,
}

impl Attention {
    fn add(&mut self, other: &Self) {
        self.leads += other.leads;
        self.mailed += other.mailed;
        self.tasks += other.tasks;
        self.reviewed += other.reviewed;
        self.longest = self.longest.max(other.longest);
    }
}

/// What one lead got: a mail, a task for somebody, or, where nobody may be contacted, a look at it.
async fn attention(store: &dyn Store, lead: &Lead, now: Timestamp) -> Result<Attention, Failure> {
    let kind = |event: &Event| match event.name() {
        "lead.received" => Some("received"),
        "touch.sent" => Some("mail"),
        "task.created" => Some("task"),
        "lead.disqualified" | "lead.reviewed" => Some("review"),
        _ => None,
    };
    let mut kinds = BTreeSet::new();
    let mut times = Vec::new();
    for row in store.history(&lead.id).await? {
        let found: Vec<&str> = row.entries.iter().filter_map(kind).collect();
        times.extend((!found.is_empty()).then_some(row.at));
        kinds.extend(found);
    }
    times.push(now);
    let gaps = times.iter().zip(times.iter().skip(1)).map(|(from, to)| to.duration_since(*from));
    let is_listened_to = lead.stage == LifecycleStage::Disqualified;
    let has = |kind: &str| u64::from(kinds.contains(kind));
    Ok(Attention {
        leads: 1,
        mailed: has("mail"),
        tasks: has("task"),
        reviewed: u64::from(is_listened_to && kinds.contains("review")),
        longest: gaps.max().unwrap_or_default(),
    })
}

/// The shipped catalog, and somebody who sells.
fn with_reps(catalog: Catalog) -> Result<Catalog, Failure> {
    let hours = OfficeHours {
        zone: "Asia/Kolkata".to_owned(),
        days: vec![Weekdays::Mon, Weekdays::Tue, Weekdays::Wed, Weekdays::Thu, Weekdays::Fri],
        opens: time(9, 0, 0, 0),
        closes: time(18, 0, 0, 0),
        holidays: BTreeSet::new(),
    };
    let team = TeamName::parse("counsellors")?;
    let mut reps = BTreeMap::new();
    for name in REPS {
        let sender = Sender { name: name.to_owned(), address: format!("{name}@perennial.example") };
        let rep = Rep { sender, team: team.clone(), status: RepStatus::Active, hours: None, open_max: None };
        reps.insert(RepName::parse(name)?, rep);
    }
    let teams = BTreeMap::from([(team.clone(), Team { manager: None, hours })]);
    let route = Route { team: Some(team), queue: catalog.default_queue.clone() };
    let name = RouteName::parse("counsellors")?;
    let handover = Handover { entry: Some(name.clone()), qualified: Some(name.clone()) };
    Ok(Catalog {
        routes: BTreeMap::from([(name, route)]),
        handover,
        roster: Arc::new(Roster { reps, teams }),
        ..catalog
    })
}

/// Takes every mail and keeps none: there are some hundred thousand.
#[derive(Default)]
struct CountingMailer {
    sent: AtomicU64,
}

#[async_trait]
impl Mailer for CountingMailer {
    async fn send(&self, _mail: &OutboundMail) -> SendReport {
        SendReport::accepted(format!("x-{}", self.sent.fetch_add(1, Ordering::Relaxed)))
    }
}
