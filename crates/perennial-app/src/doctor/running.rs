//! What the table holds: programs, people who sell, mail that is held, leads that nobody has looked at.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use perennial_core::breaker::{Brake, SenderSwitch};
use perennial_core::catalog::Catalog;
use perennial_core::ids::{LeadId, Pepper, SenderDomain};

use super::Finding;
use super::facts::{Facts, Held, InForce, Looked, NotLooked, PepperFit, Running};
use crate::library::{LibraryError, read_release};
use crate::ports::{DueLead, PULSE_SHARDS, RosterRecord, Store, StoreError};
use crate::sending::{SenderStatus, SendingStatus, status};

/// The address of the shipped catalog, which is nobody's.
pub const EXAMPLE_POSTAL_ADDRESS: &str = "1 Example Street, 12345 Exampletown, Germany";

/// How late a lead is met when nothing sweeps. The sweep comes each minute.
const SWEEP_LATE: SignedDuration = SignedDuration::from_mins(15);

/// On how many leads the pepper is tried.
const PEPPER_TRIED_MAX: usize = 5;

/// What a role must allow whoever reads an item, a lead, and an index.
const GET: &str = "dynamodb:GetItem";
const BATCH_GET: &str = "dynamodb:BatchGetItem";
const QUERY: &str = "dynamodb:Query";

/// Looks at what a table holds, and whether its leads have their ids by a pepper, if there is one to try.
pub async fn look(store: &dyn Store, pepper: Option<&Pepper>, now: Timestamp) -> (Running, Option<Looked<PepperFit>>) {
    let (roster, release) = futures::join!(store.roster(), release(store));
    let (reps, release) = with_roster(roster, release);
    let sending = match &release {
        Ok(Held::There(InForce { catalog, .. })) => Some(status(store, catalog, now).await.map_err(not_looked(QUERY))),
        Ok(Held::Nothing | Held::Unusable(_)) | Err(_) => None,
    };
    let pulses = first_pulses(store).await;
    let pepper = match (pepper, &pulses) {
        (Some(pepper), Ok(leads)) => Some(pepper_fit(store, pepper, leads).await.map_err(not_looked(BATCH_GET))),
        (None, _) | (_, Err(_)) => None,
    };
    let first_pulse = pulses.map(|leads| leads.first().map(|lead| lead.pulse));
    (Running { release, reps, sending, first_pulse }, pepper)
}

fn not_looked(action: &str) -> impl Fn(StoreError) -> NotLooked {
    move |error| NotLooked::of(&error, action)
}

async fn release(store: &dyn Store) -> Looked<Held<InForce>> {
    let read = async {
        let release = store.release().await?.ok_or(LibraryError::NothingPublished)?;
        let (catalog, _) = read_release(store, &release).await?;
        Ok(InForce { rev: release.rev, catalog: Box::new(catalog) })
    };
    match read.await {
        Ok(release) => Ok(Held::There(release)),
        Err(LibraryError::NothingPublished) => Ok(Held::Nothing),
        Err(LibraryError::Store(error)) if !error.is_of_one_item() => Err(NotLooked::of(&error, GET)),
        Err(error @ (LibraryError::Missing { .. } | LibraryError::Unusable { .. } | LibraryError::Store(_))) => {
            Ok(Held::Unusable(error.to_string()))
        }
    }
}

/// How many sell; and the release, with them in its catalog.
fn with_roster(
    roster: Result<Option<RosterRecord>, StoreError>,
    release: Looked<Held<InForce>>,
) -> (Looked<Held<usize>>, Looked<Held<InForce>>) {
    match roster {
        Ok(None) => (Ok(Held::Nothing), release),
        Ok(Some(record)) => {
            let reps = record.roster.reps.len();
            let release = release.map(|held| match held {
                Held::There(InForce { rev, catalog }) => {
                    let catalog = Catalog { roster: record.roster.into(), ..*catalog };
                    Held::There(InForce { rev, catalog: Box::new(catalog) })
                }
                other @ (Held::Nothing | Held::Unusable(_)) => other,
            });
            (Ok(Held::There(reps)), release)
        }
        Err(error) if error.is_of_one_item() => (Ok(Held::Unusable(error.to_string())), release),
        Err(error) => (Err(NotLooked::of(&error, GET)), release),
    }
}

/// The first lead of each shard by its pulse, the most overdue first.
async fn first_pulses(store: &dyn Store) -> Looked<Vec<DueLead>> {
    let shards = stream::iter(0..PULSE_SHARDS).map(|shard| store.due(shard, Timestamp::MAX, None));
    let pages: Vec<_> =
        shards.buffer_unordered(usize::from(PULSE_SHARDS)).try_collect().await.map_err(not_looked(QUERY))?;
    let mut leads: Vec<DueLead> = pages.into_iter().filter_map(|page| page.leads.into_iter().next()).collect();
    leads.sort_by_key(|lead| lead.pulse);
    Ok(leads)
}

/// Loads some leads, and derives their ids again.
async fn pepper_fit(store: &dyn Store, pepper: &Pepper, leads: &[DueLead]) -> Result<PepperFit, StoreError> {
    let (mut fitting, mut tried) = (0, 0);
    for DueLead { id, .. } in leads.iter().take(PEPPER_TRIED_MAX) {
        let Some(stored) = store.load(id).await? else { continue };
        let by_mail = stored.profile.email.as_ref().map(|email| LeadId::of_email(pepper, email));
        let by_phone = stored.profile.phone.as_ref().map(|phone| LeadId::of_phone(pepper, phone));
        if by_mail.is_none() && by_phone.is_none() {
            continue;
        }
        tried += 1;
        fitting += usize::from(by_mail.as_ref() == Some(id) || by_phone.as_ref() == Some(id));
    }
    Ok(if tried == 0 { PepperFit::NoLeads } else { PepperFit::Fits { fitting, tried } })
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let running = &facts.running;
    let mut findings = vec![release_of(facts), reps(facts)];
    if let Ok(Held::There(InForce { catalog, .. })) = &running.release {
        findings.extend([postal_address(catalog), senders(catalog.senders().iter())]);
    }
    match &running.sending {
        None => {}
        Some(Err(why)) => findings.push(Finding::not_checked("sending", why)),
        Some(Ok(status)) => findings.extend(sending(status, &facts.table_name)),
    }
    findings.push(sweep(facts));
    findings
}

fn release_of(facts: &Facts) -> Finding {
    const CHECK: &str = "release";
    let push = format!("perennial push --table {}", facts.table_name);
    match &facts.running.release {
        Err(why) => Finding::not_checked(CHECK, why),
        Ok(Held::Nothing) => Finding::wrong(CHECK, "no programs are in force: forms are answered with 503")
            .remedy(format!("perennial check && {push}")),
        Ok(Held::Unusable(problem)) => Finding::wrong(CHECK, problem.clone())
            .remedy("Functions that started before go on with the one before. Deploy the build that pushed it, or push")
            .remedy(format!("with this one: {push}")),
        Ok(Held::There(InForce { rev, catalog })) => {
            Finding::ok(CHECK, format!("release {rev} is in force, with {} programs", catalog.programs.len()))
        }
    }
}

fn reps(facts: &Facts) -> Finding {
    const CHECK: &str = "roster";
    match &facts.running.reps {
        Err(why) => Finding::not_checked(CHECK, why),
        Ok(Held::Nothing) => Finding::ok(CHECK, "none: queues own all leads"),
        Ok(Held::There(reps)) => Finding::ok(CHECK, format!("{reps} people sell")),
        Ok(Held::Unusable(problem)) => Finding::wrong(CHECK, problem.clone())
            .remedy("Deploy the build that put it in force, or put it in force again with this one:")
            .remedy(format!("perennial reps apply reps.toml --table {}", facts.table_name)),
    }
}

fn postal_address(catalog: &Catalog) -> Finding {
    const CHECK: &str = "postal-address";
    if catalog.organisation.postal_address.trim() != EXAMPLE_POSTAL_ADDRESS {
        return Finding::ok(CHECK, "the catalog has one of its own");
    }
    Finding::wrong(CHECK, "the catalog still has the postal address of the example")
        .remedy("The law asks for yours in every mail: [organisation] in programs/catalog.toml, then perennial push.")
}

fn senders<'a>(senders: impl ExactSizeIterator<Item = &'a SenderDomain>) -> Finding {
    const CHECK: &str = "senders";
    let several = senders.len() > 1;
    let names = senders.map(SenderDomain::as_str).collect::<Vec<_>>().join(", ");
    if several {
        return Finding::wrong(CHECK, format!("mails come from several domains: {names}"))
            .remedy("The stack's functions may send from SenderDomain and no other: mails from the others are refused.")
            .remedy("Give all senders in the catalog and the roster addresses of one domain.");
    }
    Finding::ok(CHECK, format!("all mails come from {names}"))
}

fn sending(status: &SendingStatus, table: &str) -> Vec<Finding> {
    const CHECK: &str = "sending";
    let mut findings: Vec<Finding> = status.senders.iter().map(|sender| held(sender, table)).collect();
    if let Some(pause) = &status.pause {
        findings.push(
            Finding::wrong(CHECK, format!("nobody sends until {}: {}", pause.until, pause.reason))
                .remedy("SES said so; it is tried again then by itself. See what else is wrong here."),
        );
    }
    findings
}

fn held(sender: &SenderStatus, table: &str) -> Finding {
    const CHECK: &str = "sending";
    let resume = format!("perennial sending resume --table {table} --sender {}", sender.sender);
    let why = format!("perennial sending status --table {table}");
    let by_hand = match sender.switch {
        Some(SenderSwitch::Paused { at }) => Some(at),
        Some(SenderSwitch::Resumed { .. }) | None => None,
    };
    let finding = match (sender.held, by_hand) {
        (Brake::Off, _) => Finding::ok(CHECK, "nothing is held"),
        (Brake::LowPriority | Brake::Everything, Some(at)) => {
            Finding::look(CHECK, format!("all mail is paused by hand, since {at}"))
                .remedy(format!("When it may go again: {resume}"))
        }
        (Brake::LowPriority, None) => {
            Finding::look(CHECK, "programs of low priority are held: too many bounces or complaints")
                .remedy(format!("It ends by itself as the days pass. Which list it was: {why}"))
        }
        (Brake::Everything, None) => Finding::wrong(CHECK, "all mail is held: too many bounces or complaints")
            .remedy(format!("See {why}, and docs/operate.md, \"The breaker\"."))
            .remedy(format!("When you know which list it was: {resume}")),
    };
    finding.of(sender.sender.as_str())
}

fn sweep(facts: &Facts) -> Finding {
    const CHECK: &str = "sweep";
    match &facts.running.first_pulse {
        Err(why) => Finding::not_checked(CHECK, why),
        Ok(None) => Finding::ok(CHECK, "no lead waits for anything"),
        Ok(Some(pulse)) if facts.now.duration_since(*pulse) > SWEEP_LATE => {
            Finding::wrong(CHECK, format!("a lead has been due since {pulse}: nothing sweeps, or not fast enough"))
                .remedy(
                    "Is the schedule on, and does schedule-touch run? (docs/operate.md: sweeps-absent, sweeps-late)",
                )
                .remedy(format!("aws logs tail /aws/lambda/{}-schedule-touch --since 15m", facts.table_name))
        }
        Ok(Some(_)) => Finding::ok(CHECK, "no lead is overdue"),
    }
}
