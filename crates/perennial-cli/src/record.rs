//! `perennial record`: what a person did or said where the suite does not listen yet.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use perennial_app::engagement::{Heard, Listener};
use perennial_app::ingest::Door;
use perennial_core::catalog::{Catalog, Form};
use perennial_core::condition::SignalKind;
use perennial_core::contact::EmailAddress;
use perennial_core::ids::{FieldName, FormName, LeadId, SubmissionId, TopicName};
use perennial_core::intake::{self, RawSubmission};
use perennial_core::lead::LifecycleStage;
use perennial_core::submission::{Channel, Entry, Permission, Submission};

use crate::access::{Access, StoreArgs};

/// What history calls the form by which a person of ours enters what they were told.
const DESK: &str = "desk";

#[derive(clap::Args)]
pub(crate) struct RecordArgs {
    /// The person's address.
    address: String,
    /// What they did; `answered` goes with what they told you.
    #[arg(value_parser = signal, help = SIGN_HELP)]
    sign: SignalKind,
    /// What it was about: a topic of the catalog.
    #[arg(long)]
    topic: Option<TopicName>,
    /// What they told you: an answer to a field of the catalog.
    #[arg(long = "set", value_name = "FIELD=ANSWER", value_parser = answer)]
    answers: Vec<(FieldName, String)>,
}

/// As the shapes of program files have it.
const SIGN_HELP: &str = "What they did: replied, clicked, answered, meeting_booked, webinar_attended, page_visited, \
                         pricing_visited, connected, hand_raised or form_submitted";

fn signal(text: &str) -> Result<SignalKind, String> {
    let known = SignalKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    known.ok_or_else(|| format!("use one of: {}", SignalKind::ALL.map(SignalKind::as_str).join(", ")))
}

fn answer(text: &str) -> Result<(FieldName, String), String> {
    let (field, answer) = text.split_once('=').ok_or("write it as field=answer")?;
    Ok((FieldName::parse(field).map_err(|error| error.to_string())?, answer.to_owned()))
}

/// Takes it in. Exit status 1 if nobody of that address is known.
pub(crate) async fn run(store: &StoreArgs, args: RecordArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(store).await?;
    let said = record(&access, &args).await;
    access.close().await?;
    let said = said?;
    writeln!(std::io::stdout(), "{}", said.unwrap_or("nobody of that address is known here"))?;
    Ok(ExitCode::from(u8::from(said.is_none())))
}

async fn record(access: &Access, args: &RecordArgs) -> anyhow::Result<Option<&'static str>> {
    let address = EmailAddress::parse(&args.address).context("that is not an e-mail address")?;
    let pepper = access.pepper()?;
    let lead = LeadId::of_email(&pepper, &address);
    let library = access.library();
    let catalog = library.catalog().await?;
    if let Some(topic) = args.topic.as_ref().filter(|topic| !catalog.topics.contains_key(topic)) {
        bail!("the catalog has no topic `{topic}`");
    }
    let known = access.store.load(&lead).await?;
    if known.is_none_or(|known| known.lead.stage == LifecycleStage::Erased) {
        return Ok(None);
    }
    let clock = access.clock();
    // The answer first: what a program makes of the sign may depend on it.
    if !args.answers.is_empty() {
        let id = format!("{lead} {} {:?}", clock.now(), args.answers);
        let id = SubmissionId::derive(&pepper, &FormName::parse(DESK)?, &id);
        let submission = submission(&catalog, id, clock.now(), args)?;
        let (store, library, clock) = (access.store.clone(), library.clone(), clock.clone());
        Door { store, library, pepper, clock }.receive(submission, None).await?;
    }
    let listener = Listener { store: access.store.clone(), library, clock };
    let heard = listener.signalled(&lead, args.sign, args.topic.clone()).await?;
    Ok(Some(match heard {
        Heard::Decided => "recorded",
        Heard::Nothing => "nothing changed",
    }))
}

/// What was told, cleaned and capped as a form's fields are.
fn submission(
    catalog: &Catalog,
    id: SubmissionId,
    now: jiff::Timestamp,
    args: &RecordArgs,
) -> anyhow::Result<Submission> {
    let desk = Form::unposted(catalog.last_resort.clone(), catalog.fields.keys().cloned().collect());
    if let Some((field, _)) = args.answers.iter().find(|(field, _)| !catalog.fields.contains_key(field)) {
        bail!("the catalog has no field `{field}`");
    }
    let mut pairs: BTreeMap<String, String> =
        args.answers.iter().map(|(field, answer)| (field.to_string(), answer.clone())).collect();
    pairs.insert("email".to_owned(), args.address.clone());
    let raw = RawSubmission {
        id,
        channel: Channel::Import,
        received_at: now,
        entry: Entry::Welcome,
        mail: Permission::Allowed,
        calls: Permission::Allowed,
        junk: Vec::new(),
        pairs: pairs.into_iter().collect(),
    };
    intake::read(raw, &catalog.fields, &FormName::parse(DESK)?, &desk).map_err(|errors| {
        let errors: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        anyhow::anyhow!("what they told you was not taken: {}", errors.join("; "))
    })
}
